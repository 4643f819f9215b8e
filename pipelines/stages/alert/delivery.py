"""Handing queued mails over: to the server of the settings, or as files where there is none.

A mail is marked only after it was taken; one that is refused stays queued and does not keep the others from leaving.
"""

import smtplib
import ssl
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from pipelines import settings as settings_file
from pipelines.errors import SendingError
from pipelines.ledger import Ledger, Mail
from pipelines.run import atomic_file
from pipelines.settings import Settings
from pipelines.stages.alert.message import slug

WATCH = "watch-"
"""How the number of a watch begins, where a mail of an edition carries the edition's."""


def deliver(
    settings: Settings, ledger: Ledger, outbox: Path, *, now: datetime, of_watch: bool = False
) -> tuple[int, int]:
    """Hand over every unsent mail of editions, or of the watch; gives how many left and how many wait (0).

    The two never hand over each other's: one holds the home's lock and the other its own, so no mail leaves twice.
    Raises ``SendingError`` after all were tried, naming how many wait and why; they are tried again next time.
    """
    waiting = [mail for mail in ledger.unsent() if mail.edition_id.startswith(WATCH) == of_watch]
    if not waiting:
        return 0, 0
    if not settings.mail.smtp_host:
        for mail in waiting:
            path = outbox / f"{mail.edition_id}-{slug(mail.recipient)}.eml"
            with atomic_file(path) as temporary:
                temporary.write_bytes(mail.content.encode("ascii"))
            ledger.mark_sent(mail, at=now, how=f"file {path.name}")
        return len(waiting), 0
    return _send(settings, waiting, mark=lambda mail: ledger.mark_sent(mail, at=now, how=settings.mail.smtp_host))


def _send(settings: Settings, waiting: list[Mail], *, mark: Callable[[Mail], None]) -> tuple[int, int]:
    failures: list[str] = []
    server: smtplib.SMTP | None = None
    sent = 0
    try:
        for place, mail in enumerate(waiting):
            try:
                server = server or _connect(settings)
            except (OSError, smtplib.SMTPException) as error:
                failures += [f"{slug(m.recipient)}: {_words(error)}" for m in waiting[place:]]
                break
            try:
                server.sendmail(settings.mail.sender, [mail.recipient], mail.content.encode("ascii"))
            except (OSError, smtplib.SMTPException) as error:
                failures.append(f"{slug(mail.recipient)}: {_words(error)}")
                if not isinstance(error, smtplib.SMTPRecipientsRefused):
                    server.close()
                    server = None
                continue
            mark(mail)
            sent += 1
    finally:
        if server is not None:
            _part(server)
    if failures:
        where = f"{settings.mail.smtp_host}:{settings.mail.smtp_port}"
        raise SendingError(
            f"{len(failures)} of {len(waiting)} mails were not taken by {where} and wait in the outbox; "
            f"check [mail] in the settings and run again. First: {failures[0]}"
        )
    return sent, 0


def _connect(settings: Settings) -> smtplib.SMTP:
    mail, timeout = settings.mail, settings.mail.smtp_timeout_seconds
    password = settings_file.smtp_password()
    if mail.smtp_user and not password:
        raise SendingError(f"mail.smtp_user is set but {settings_file.SMTP_PASSWORD} is not; mails wait in the outbox")
    if mail.smtp_user and not f"{mail.smtp_user}{password}".isascii():
        raise SendingError(
            "mail.smtp_user or its password is not ASCII, which no login sends; mails wait in the outbox"
        )
    server: smtplib.SMTP
    if mail.smtp_security == "tls":
        context = ssl.create_default_context()
        server = smtplib.SMTP_SSL(mail.smtp_host, mail.smtp_port, timeout=timeout, context=context)
    else:
        server = smtplib.SMTP(mail.smtp_host, mail.smtp_port, timeout=timeout)
    try:
        if mail.smtp_security == "starttls":
            server.starttls(context=ssl.create_default_context())
        if mail.smtp_user and password:
            server.login(mail.smtp_user, password)
    except BaseException:
        server.close()
        raise
    return server


def _part(server: smtplib.SMTP) -> None:
    """Say goodbye; a server that does not answer to it has taken its mails all the same."""
    try:
        server.quit()
    except (OSError, smtplib.SMTPException):
        server.close()


def _words(error: Exception) -> str:
    """The server's words, without the address it names."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return "; ".join(f"{code} {_text(reply)}" for code, reply in error.recipients.values())
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code} {_text(error.smtp_error)}"
    return f"{type(error).__name__}: {error}"


def _text(reply: bytes | str) -> str:
    return reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
