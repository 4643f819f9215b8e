"""From words to the bytes of a mail: the same letter gives the same bytes, on any day and any machine.

The date is the cutoff and the identifier follows from edition and recipient, so a mail sent twice by an accident of
the network is one mail to the receiving server.
"""

import hashlib
from datetime import datetime, timedelta, timezone
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pipelines.stages.alert.letters import TEMPLATES, Letter

SHANGHAI = timezone(timedelta(hours=8))
FINGERPRINT = "X-Wengang-Content"


def slug(recipient: str) -> str:
    """A name for ``recipient`` that does not tell the address."""
    return hashlib.sha256(recipient.lower().encode()).hexdigest()[:12]


def message_id(edition_id: str, letter: Letter, *, sender: str) -> str:
    """The identifier of the mail of ``edition_id`` to this recipient."""
    return f"<{edition_id}.{slug(letter.recipient)}@{sender.rsplit('@', 1)[-1]}>"


def compose(letter: Letter, *, edition_id: str, sender: str, cutoff: datetime) -> str:
    """The whole mail, ASCII with CRLF: plain text and the same as plain HTML."""
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = letter.recipient
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(cutoff.replace(tzinfo=SHANGHAI))
    message["Message-ID"] = message_id(edition_id, letter, sender=sender)
    message["Auto-Submitted"] = "auto-generated"
    message["X-Wengang-Edition"] = edition_id
    message[FINGERPRINT] = letter.fingerprint
    message.set_content(letter.text, charset="utf-8", cte="base64")
    message.add_alternative(_html(letter), subtype="html", charset="utf-8", cte="base64")
    message.set_boundary(f"=_{edition_id}_{slug(letter.recipient)}")
    return message.as_bytes().decode("ascii")


def _html(letter: Letter) -> str:
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined)
    return environment.get_template("letter.html.j2").render(subject=letter.subject, text=letter.text)
