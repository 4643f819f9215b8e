"""What the watch found, told to the operators by mail: queued like any other, once per number of the watch.

A fault is a sentence and what to do about it. It names feeds, stages and batches, never an enterprise or a file.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from pipelines import formats
from pipelines.ledger import Ledger, Mail
from pipelines.settings import Settings
from pipelines.stages.alert.delivery import WATCH
from pipelines.stages.alert.letters import Letter, is_inner, mail_texts
from pipelines.stages.alert.message import compose, message_id

Severity = Literal["urgent", "warn", "note"]
SEVERITIES: Mapping[Severity, str] = {"urgent": "紧急", "warn": "处理", "note": "提示"}


@dataclass(frozen=True)
class Fault:
    """One thing found: ``urgent`` and ``warn`` are mailed once a day under their ``key``, a ``note`` is only shown."""

    key: str
    severity: Severity
    text: str
    english: str

    @property
    def word(self) -> str:
        """The severity in Chinese."""
        return SEVERITIES[self.severity]


def watch_id(day: date, number: int) -> str:
    """``watch-<date>-<number>``, which stands where a mail of an edition has the edition's."""
    return f"{WATCH}{day.isoformat()}-{number}"


def queue(settings: Settings, ledger: Ledger, *, number: str, faults: Sequence[Fault], at: datetime) -> int:
    """Queue one mail with ``faults``, found ``at``, to each operator under ``number``; gives how many were new."""
    sender, queued = settings.mail.sender, 0
    for letter in letters(settings, faults, at=at):
        mail = Mail(
            edition_id=number,
            recipient=letter.recipient,
            template=letter.template,
            message_id=message_id(number, letter, sender=sender),
            content=compose(letter, edition_id=number, sender=sender, cutoff=at),
        )
        queued += ledger.queue_mail(mail, at=at)
    return queued


def letters(settings: Settings, faults: Sequence[Fault], *, at: datetime) -> list[Letter]:
    """The letter to each operator; to outside domains nothing but the count."""
    mark = f"【{formats.SIMULATED}】" if settings.city.simulated else ""
    haste = "（紧急）" if any(fault.severity == "urgent" for fault in faults) else ""
    subject = f"{mark}【稳岗系统巡查】{at.date().isoformat()} 发现 {len(faults)} 项需要处理{haste}"
    values: dict[str, Any] = {"faults": faults, "at": at, "mark": mark, "confidential": formats.CONFIDENTIAL}
    template = mail_texts().get_template("watch.txt.j2")
    return [
        Letter(recipient, "watch", subject, template.render({**values, "is_inner": is_inner(settings, recipient)}))
        for recipient in settings.mail.operators
    ]
