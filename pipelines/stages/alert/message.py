"""From words to the bytes of a mail: the same letter gives the same bytes, on any day and any machine.

The date is the cutoff and the identifier follows from edition and recipient, so a mail sent twice by an accident of
the network is one mail to the receiving server.
"""

import hashlib
from datetime import datetime, timedelta, timezone
from email.header import Header
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import compat32
from email.utils import format_datetime

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pipelines.stages.alert.letters import TEMPLATES, Letter

SHANGHAI = timezone(timedelta(hours=8))
POLICY = compat32.clone(linesep="\r\n")
FINGERPRINT = "X-Wengang-Content"


def slug(recipient: str) -> str:
    """A name for ``recipient`` that does not tell the address."""
    return hashlib.sha256(recipient.lower().encode()).hexdigest()[:12]


def message_id(edition_id: str, letter: Letter, *, sender: str) -> str:
    """The identifier of the mail of ``edition_id`` to this recipient."""
    return f"<{edition_id}.{slug(letter.recipient)}@{sender.rsplit('@', 1)[-1]}>"


def compose(letter: Letter, *, edition_id: str, sender: str, cutoff: datetime) -> str:
    """The whole mail, ASCII with CRLF: plain text and the same as plain HTML.

    The subject is encoded by ``Header``: the newer policy loses spaces where it folds between encoded words.
    """
    message = MIMEMultipart("alternative", boundary=f"=_{edition_id}_{slug(letter.recipient)}", policy=POLICY)
    message["From"] = sender
    message["To"] = letter.recipient
    message["Subject"] = Header(letter.subject, "utf-8", header_name="Subject")  # type: ignore[assignment]
    message["Date"] = format_datetime(cutoff.replace(tzinfo=SHANGHAI))
    message["Message-ID"] = message_id(edition_id, letter, sender=sender)
    message["Auto-Submitted"] = "auto-generated"
    message["X-Wengang-Edition"] = edition_id
    if letter.fingerprint:
        message[FINGERPRINT] = letter.fingerprint
    message.attach(MIMEText(letter.text, "plain", "utf-8", policy=POLICY))
    message.attach(MIMEText(_html(letter), "html", "utf-8", policy=POLICY))
    return message.as_bytes().decode("ascii")


def _html(letter: Letter) -> str:
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined)
    return environment.get_template("letter.html.j2").render(subject=letter.subject, text=letter.text)
