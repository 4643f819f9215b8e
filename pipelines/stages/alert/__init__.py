"""The mails of a night: written to the ledger first, then handed over, once per edition and recipient.

No attachment, no enterprise by name or code, and to other domains nothing but a count.
"""

from collections.abc import Sequence
from datetime import datetime

from pipelines.ledger import Ledger, Mail
from pipelines.run import Receipt, Run
from pipelines.stages.alert.delivery import WATCH, deliver
from pipelines.stages.alert.digest import read
from pipelines.stages.alert.letters import Letter, edition_letters, held_letters
from pipelines.stages.alert.message import FINGERPRINT, compose, message_id
from pipelines.warehouse import Warehouse

__all__ = ["deliver", "held", "run"]

HISTORY = "an edition of the past is not mailed"


def run(run: Run, warehouse: Warehouse, ledger: Ledger, *, now: datetime, is_quiet: bool = False) -> Receipt:
    """Queue and hand over the mails of the edition; recipients in, mails queued out.

    An edition made up for (``is_quiet``), or older than one that was issued, writes no mail: nobody is to act on it.
    Raises ``SendingError`` where a server did not take a mail; what was queued stays queued.
    """
    digest = read(run, warehouse)
    letters, quiet = edition_letters(run, digest, owed=_owed(ledger))
    edition_id = f"{run.as_of.isoformat()}-r{run.revision}"
    if is_quiet or _is_past(run, ledger):
        return _unmailed(run, len(letters) + quiet, edition_id=edition_id)
    fresh = [letter for letter in letters if not _told_before(ledger, run, letter, edition_id)]
    receipt = _post(run, ledger, fresh, edition_id=edition_id, now=now)
    dropped = {
        **receipt.dropped,
        "nothing new for the county": quiet,
        "told by an earlier revision": len(letters) - len(fresh),
    }
    return Receipt(
        stage="alert",
        rows_in=len(letters) + quiet,
        rows_out=receipt.rows_out,
        dropped={reason: number for reason, number in dropped.items() if number},
        notes=receipt.notes,
    )


def held(
    run: Run,
    ledger: Ledger,
    *,
    reasons: Sequence[str],
    previous: str | None,
    edition_id: str,
    now: datetime,
    is_quiet: bool = False,
) -> Receipt:
    """Queue and hand over the mail that says why there is no list tonight, as quiet and as loud as ``run``."""
    letters = held_letters(run, reasons=reasons, previous=previous)
    if is_quiet or _is_past(run, ledger):
        return _unmailed(run, len(letters), edition_id=edition_id)
    return _post(run, ledger, letters, edition_id=edition_id, now=now)


def _is_past(run: Run, ledger: Ledger) -> bool:
    return any(other.status == "issued" and other.as_of > run.as_of for other in ledger.editions())


def _unmailed(run: Run, letters: int, *, edition_id: str) -> Receipt:
    run.progress(f"{edition_id} 是补做的往期，不发邮件")
    return Receipt(stage="alert", rows_in=letters, rows_out=0, dropped={HISTORY: letters} if letters else {})


def _post(run: Run, ledger: Ledger, letters: Sequence[Letter], *, edition_id: str, now: datetime) -> Receipt:
    sender = run.settings.mail.sender
    queued = 0
    for letter in letters:
        mail = Mail(
            edition_id=edition_id,
            recipient=letter.recipient,
            template=letter.template,
            message_id=message_id(edition_id, letter, sender=sender),
            content=compose(letter, edition_id=edition_id, sender=sender, cutoff=run.cutoff),
        )
        queued += ledger.queue_mail(mail, at=now)
    sent, _ = deliver(run.settings, ledger, run.home.outbox, now=now)
    run.progress(f"邮件：新写 {queued} 封，送出 {sent} 封")
    waiting = len(letters) - queued
    return Receipt(
        stage="alert",
        rows_in=len(letters),
        rows_out=queued,
        dropped={"queued before": waiting} if waiting else {},
        notes=(f"{sent} mails handed over",),
    )


def _told_before(ledger: Ledger, run: Run, letter: Letter, edition_id: str) -> bool:
    """Whether an earlier revision of the day told a county the same; the duty officer hears of every revision."""
    if letter.template not in ("county", "outer") or letter.recipient in run.settings.mail.duty:
        return False
    mark = f"{FINGERPRINT}: {letter.fingerprint}\r\n"
    day = f"{run.as_of.isoformat()}-"
    gone = {record.edition_id for record in ledger.editions() if record.status == "withdrawn"}
    return any(
        mail.recipient == letter.recipient and mail.edition_id not in gone | {edition_id} and mark in mail.content
        for mail in ledger.mails()
        if mail.edition_id.startswith(day)
    )


def _owed(ledger: Ledger) -> frozenset[str]:
    """Who was told to stop using a list and has had none since."""
    last = {mail.recipient: mail.template for mail in ledger.mails() if not mail.edition_id.startswith(WATCH)}
    return frozenset(recipient for recipient, template in last.items() if template == "withdrawn")
