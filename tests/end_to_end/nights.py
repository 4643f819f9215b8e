"""Nights of a small city, and what of a home must not change: shared by the end-to-end tests."""

import hashlib
import subprocess
import sys
from datetime import date, datetime, timedelta
from pathlib import Path

from pipelines import nightly
from pipelines.ledger import Ledger
from pipelines.nightly import Means, Outcome
from pipelines.settings import Home

FIRST, SECOND = date(2026, 10, 12), date(2026, 11, 12)


def cutoff_of(day: date) -> datetime:
    """02:00 of ``day``, as scheduled."""
    return datetime.combine(day, datetime.min.time()) + timedelta(hours=2)


def night(means: Means, city: Path, day: date) -> Outcome:
    """Play the deliveries known by 02:00 of ``day``, then the night."""
    nightly.play(means, schedule=city / "deliveries.csv", until=cutoff_of(day))
    return nightly.run(means, as_of=day, cutoff=cutoff_of(day))


def digests(folder: Path) -> dict[str, str]:
    """Hash of every file below ``folder``."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def state(home: Home) -> dict[str, object]:
    """What a second run of the same night must leave as it is."""
    ledger = Ledger(home.ledger)
    return {
        "editions": digests(home.editions),
        "outbox": digests(home.outbox),
        "published": sorted(path.name for path in home.published.iterdir()),
        "current": (home.published / "current.duckdb").resolve().name,
        "recorded": [(e.edition_id, e.status, e.digest) for e in ledger.editions()],
        "deliveries": len(ledger.deliveries(withdrawn=True)),
        "mails": [m.message_id for m in ledger.mails()],
        "unsent": len(ledger.unsent()),
    }


KILLER = """
import os, signal, sys, threading
from pathlib import Path
from datetime import date, datetime
from pipelines import nightly
from pipelines.settings import Home
stage, when, root, day = sys.argv[1:5]
DELAY = 0.01 if stage == "alert" else 0.08
original = nightly._call
def killing(night, name):
    if name == stage and when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    if name == stage and when == "inside":
        threading.Timer(DELAY, os.kill, (os.getpid(), signal.SIGKILL)).start()
    receipt = original(night, name)
    if name == stage and when == "after":
        os.kill(os.getpid(), signal.SIGKILL)
    return receipt
nightly._call = killing
means = nightly.Means(home=Home(Path(root)), now=datetime(2026, 11, 23, 9, 0))
as_of = date.fromisoformat(day)
nightly.run(means, as_of=as_of, cutoff=datetime(as_of.year, as_of.month, as_of.day, 2))
"""


def killed_night(home: Home, day: date, *, stage: str, when: str) -> int:
    """Run the night of ``day`` in a process that is killed at ``stage``; gives its exit status (-9)."""
    command = [sys.executable, "-c", KILLER, stage, when, str(home.root), day.isoformat()]
    return subprocess.run(command, capture_output=True, check=False).returncode
