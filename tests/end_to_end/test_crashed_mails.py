"""Mails across crashes, against a server that refuses, stalls and drops: each arrives, and when twice, we know why."""

import asyncio
import multiprocessing
import signal
import socket
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiosmtpd.controller import Controller

sys.path.insert(0, str(Path(__file__).parent))

from mail_sender import send

from pipelines.ledger import Ledger, Mail

NOW = datetime(2026, 11, 12, 6, 30)
RECIPIENTS = [f"officer{number}@localhost" for number in range(25)]
STALL_SECONDS = 1.5


@dataclass
class Moody:
    """A server in a mood, drawn for each mail: takes it, refuses it for now, stalls, or drops the line.

    One line in ten is dropped after the mail was taken, so that the sender cannot know.
    """

    draw: np.random.Generator
    taken: Counter[str] = field(default_factory=Counter)
    moods: Counter[str] = field(default_factory=Counter)
    is_good: bool = False

    def mood(self) -> str:
        chosen = (
            "take" if self.is_good else str(self.draw.choice(list(WEIGHTS), p=np.array(list(WEIGHTS.values())) / 100))
        )
        self.moods[chosen] += 1
        return chosen

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        envelope.mood = self.mood()
        if envelope.mood == "greylist":
            return "451 4.7.1 try again later"
        if envelope.mood == "refuse":
            return "550 5.7.1 refused"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        [number] = [line[12:].strip() for line in envelope.content.splitlines() if line.startswith(b"Message-ID: ")]
        if envelope.mood == "stall":
            await asyncio.sleep(STALL_SECONDS)
        if envelope.mood in ("drop", "stall"):
            server.transport.abort()
            return "451 dropped"
        self.taken[number.decode()] += 1
        if envelope.mood == "take and drop":
            server.transport.abort()
        return "250 OK"


WEIGHTS = {"take": 60, "greylist": 10, "refuse": 8, "drop": 10, "take and drop": 10, "stall": 2}


@pytest.fixture
def post() -> Iterator[tuple[Moody, dict[str, Any]]]:
    server = Moody(np.random.default_rng(1))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(server, hostname="127.0.0.1", port=port)
    controller.start()
    mail = {"smtp_host": "127.0.0.1", "smtp_port": port, "smtp_security": "none", "smtp_timeout_seconds": 1}
    yield server, {"mail": mail}
    controller.stop()


def queue(ledger: Ledger, edition: int) -> None:
    """The mails of one edition, each with a Message-ID of its own that does not change."""
    for recipient in RECIPIENTS:
        number = f"<2026-11-12-r{edition}.{recipient}>"
        content = f"Message-ID: {number}\r\nSubject: {edition}\r\n\r\nwords\r\n"
        mail = Mail(f"2026-11-12-r{edition}", recipient, "county", number, content)
        assert ledger.queue_mail(mail, at=NOW)


def unsent(root: Path) -> set[str]:
    return {mail.message_id for mail in Ledger(root / "ledger.sqlite").unsent()}


@pytest.mark.parametrize("crashes", [8, pytest.param(200, marks=pytest.mark.proof)])
def test_every_mail_arrives_and_a_second_copy_has_a_reason(tmp_path: Path, post: Any, crashes: int) -> None:
    server, site = post
    draw, context = np.random.default_rng(crashes), multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["mail_sender"])
    editions, killed, doubtful = 0, 0, set[str]()
    while killed < crashes:
        if not unsent(tmp_path):
            editions += 1
            queue(Ledger(tmp_path / "ledger.sqlite"), editions)
        before = Counter(server.taken)
        sender = context.Process(target=send, args=(str(tmp_path), site, float(draw.uniform(0.005, 0.25))))
        sender.start()
        sender.join(30)
        assert sender.exitcode in (0, -signal.SIGKILL)
        killed += sender.exitcode == -signal.SIGKILL
        again = {number for number, copies in (server.taken - before).items() if before[number] or copies > 1}
        assert again <= doubtful, "a second copy of a mail that was on record as sent"
        doubtful |= set(server.taken) & unsent(tmp_path)
    server.is_good = True
    send_all = context.Process(target=send, args=(str(tmp_path), site, 60.0))
    send_all.start()
    send_all.join(60)
    assert send_all.exitcode == 0
    assert unsent(tmp_path) == set()
    expected = {f"<2026-11-12-r{n}.{recipient}>" for n in range(1, editions + 1) for recipient in RECIPIENTS}
    assert set(server.taken) == expected
    twice = {number for number, copies in server.taken.items() if copies > 1}
    assert twice <= doubtful
    assert min(server.moods[mood] for mood in WEIGHTS) > 0
    told = f"{killed} crashes, {len(expected)} mails, {len(twice)} came twice or more, {dict(server.moods)}"
    print(f"\n{told}")  # noqa: T201
