"""An issued edition taken back: out of force, off the link of the analysts, and corrected by mail to all who had it.

Nothing is deleted: the edition stays on record and can be rebuilt. The next one is compared with the edition before it,
and one of the same day gets a new number even where nothing else changed.
"""

from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipelines import formats
from pipelines import settings as settings_file
from pipelines.errors import SendingError, UsageError
from pipelines.ledger import EditionRecord, Ledger
from pipelines.means import Means
from pipelines.run import atomic_file
from pipelines.settings import Home
from pipelines.stages.alert import withdrawal
from pipelines.stages.alert.delivery import deliver
from pipelines.stages.publish import shelf
from pipelines.warehouse import lock

MOST_REASON = 200


@dataclass(frozen=True)
class Withdrawn:
    """What was taken back, what is in force now, how many are told, and what a server refused.

    ``in_force`` is empty where nothing is, ``is_later`` says that it is of a later day than what was taken back.
    """

    edition_id: str
    in_force: str
    is_later: bool
    corrections: int
    refusal: str


def withdraw(means: Means, edition_id: str, *, role: str, reason: str) -> Withdrawn:
    """Take ``edition_id`` back now; said again, it finishes what a killed command left.

    A mail that a server refuses waits, and is told in ``refusal`` and not raised. Raises ``UsageError`` without a role
    or a short reason, ``NotFoundError`` where no such edition went out.
    """
    if not role.strip() or not reason.strip() or len(reason) > MOST_REASON:
        raise UsageError(f"an edition is taken back by a role, for a reason of at most {MOST_REASON} characters")
    settings = settings_file.load(means.home)
    with lock(means.home.root / ".lock"), closing(Ledger(means.home.ledger)) as ledger:
        entry = ledger.withdraw_edition(edition_id, at=means.now, role=role, reason=reason.strip())
        taken = next(record for record in ledger.editions() if record.edition_id == edition_id)
        issued = [record for record in ledger.editions() if record.status == "issued" and _went_out(ledger, record)]
        latest = max(issued, key=lambda record: (record.as_of, record.revision), default=None)
        _mark(means.home, taken, entry)
        if means.home.published.is_dir():
            shelf.point_current(means.home.published, ledger)
        told = withdrawal.queue(
            settings,
            ledger,
            taken,
            at=datetime.fromisoformat(entry["at"]),
            role=entry["role"],
            reason=entry["reason"],
            in_force=latest,
        )
        is_later = latest is not None and latest.as_of > taken.as_of
        refusal = ""
        try:
            deliver(settings, ledger, means.home.outbox, now=means.now)
        except SendingError as error:
            refusal = str(error)
    return Withdrawn(edition_id, latest.edition_id if latest else "", is_later, told, refusal)


def _went_out(ledger: Ledger, record: EditionRecord) -> bool:
    """Whether somebody could have had it: one that was made up for quietly was told to nobody."""
    return any(not entry.get("quiet") for entry in ledger.entries("finished", subject=record.edition_id))


def _mark(home: Home, taken: EditionRecord, entry: dict[str, Any]) -> None:
    """A file beside the edition's folder, for who opens the folder and not the mail; the edition's own files stay."""
    at = datetime.fromisoformat(entry["at"])
    folder = home.editions / taken.as_of.isoformat()
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_file(folder / f"r{taken.revision}-已撤回.txt") as temporary:
        temporary.write_text(
            f"{taken.as_of.isoformat()} 第{taken.revision}版名单已于 {formats.instant(at)} 由{entry['role']}撤回，"
            f"请停止使用。\n原因：{entry['reason']}\n",
            encoding="utf-8",
        )
