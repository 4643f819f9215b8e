"""The correction that follows an edition which was taken back: to all for whom a mail of it was written.

Also to those whose mail is not on record as sent: a server may have taken it all the same. Such a mail leaves no more.
"""

from datetime import datetime

from pipelines.ledger import EditionRecord, Ledger, Mail
from pipelines.settings import Settings
from pipelines.stages.alert.letters import withdrawn_letters
from pipelines.stages.alert.message import compose, message_id


def queue(
    settings: Settings,
    ledger: Ledger,
    withdrawn: EditionRecord,
    *,
    at: datetime,
    role: str,
    reason: str,
    in_force: EditionRecord | None,
) -> int:
    """Queue the correction of ``withdrawn``, taken back ``at`` by ``role``; gives how many there are by now."""
    number, sender = f"{withdrawn.edition_id}-withdrawn", settings.mail.sender
    told = [mail.recipient for mail in ledger.mails(edition_id=withdrawn.edition_id)]
    letters = withdrawn_letters(settings, withdrawn, told, at=at, role=role, reason=reason, in_force=in_force)
    for letter in letters:
        mail = Mail(
            edition_id=number,
            recipient=letter.recipient,
            template=letter.template,
            message_id=message_id(number, letter, sender=sender),
            content=compose(letter, edition_id=number, sender=sender, cutoff=at),
        )
        ledger.queue_mail(mail, at=at)
    return len(letters)
