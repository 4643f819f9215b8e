"""Whether a service is well: ``python -m deploy.health http URL PART | smtp HOST:PORT | celery NAME SECRET``.

Made for checks that run every few seconds: ``airflow jobs check`` and ``celery inspect`` import Airflow, which costs
some four CPU seconds each time, this a tenth of one. Exit code 0: well; 1: not, with the reason on standard error.
"""

import http.client
import json
import smtplib
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

SECONDS = 5.0


def over_http(url: str, part: str) -> str:
    """What is wrong with ``part`` in Airflow's page of health at ``url``; nothing where it is well.

    The scheduler's own page has a status and no parts.
    """
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=SECONDS)
    try:
        connection.request("GET", place.path)
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    if answer.status != http.client.OK:
        return f"{url} answers {answer.status}"
    if part == "scheduler":
        return ""
    status = (json.loads(body).get(part) or {}).get("status")
    return "" if status == "healthy" else f"{part} is {status}"


def over_smtp(address: str) -> str:
    """What is wrong with the mail server at ``address`` (``host:port``)."""
    host, port = address.rsplit(":", 1)
    with smtplib.SMTP(host, int(port), timeout=SECONDS) as server:
        code, words = server.noop()
    return "" if code == 250 else f"{address} answers {code} {words.decode(errors='replace')}"


def over_celery(name: str, secret: str) -> str:
    """What is wrong with the worker ``name`` of this host, asked through the broker whose address is in ``secret``."""
    from celery import Celery  # noqa: PLC0415  the other checks do without

    node = f"{name}@{socket.gethostname()}"
    with Celery(broker=Path(secret).read_text(encoding="utf-8")) as app:
        answers = app.control.ping(destination=[node], timeout=SECONDS)
    return "" if any(node in answer for answer in answers or []) else f"{node} does not answer"


def main(arguments: Sequence[str]) -> int:
    """Ask once and say what is wrong."""
    try:
        match arguments:
            case ["http", url, part]:
                fault = over_http(url, part)
            case ["smtp", address]:
                fault = over_smtp(address)
            case ["celery", name, secret]:
                fault = over_celery(name, secret)
            case _:
                sys.stderr.write(f"{(__doc__ or '').splitlines()[0]}\n")
                return 2
    except (OSError, ValueError, http.client.HTTPException, smtplib.SMTPException) as error:
        fault = f"{type(error).__name__}: {error}"
    if fault:
        sys.stderr.write(f"{fault}\n")
    return 1 if fault else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
