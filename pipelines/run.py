"""A run knows its date, its cutoff and what it may see; a receipt says what a stage did with it.

Instants are naive datetimes in Asia/Shanghai throughout; only the edges convert. Nothing here reads the calendar clock;
durations come from the monotonic one.
"""

import hashlib
import os
import resource
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from time import perf_counter
from typing import Any

from pipelines.contracts import Contracts
from pipelines.parameters import Parameters
from pipelines.settings import Home, Settings

PACKAGES = ("pipelines", "models", "sql")


@dataclass(frozen=True)
class Champion:
    """The model in charge of a night: its id, the hash of its manifest, and why it cannot be used, if it cannot."""

    model_id: str
    digest: str
    refusal: str = ""


@dataclass(frozen=True)
class Run:
    """Identity and means of one night.

    ``through`` is the number of the last ledger entry that the run may see: deliveries, withdrawals and overrides
    recorded later do not exist for it, and the ``champion`` is the one promoted by then (None: the rule score leads).
    ``output`` is where editions are written (the home's own folder, or elsewhere
    when an old edition is rebuilt for comparison).
    """

    as_of: date
    cutoff: datetime
    through: int
    home: Home
    settings: Settings
    contracts: Contracts
    parameters: Parameters
    threads: int = 2
    champion: Champion | None = None
    revision: int | None = None
    output: Path | None = None
    progress: Callable[[str], None] = field(default=lambda _: None)

    @property
    def editions(self) -> Path:
        """Where this run writes its edition."""
        return self.output or self.home.editions

    @property
    def edition_folder(self) -> Path:
        """Folder of the edition under work; its revision must be known."""
        assert self.revision is not None, "the edition stage decides the revision"
        return self.editions / self.as_of.isoformat() / f"r{self.revision}"

    def with_revision(self, revision: int) -> "Run":
        """The same run once the edition stage has decided its revision."""
        return replace(self, revision=revision)


@dataclass(frozen=True)
class Export:
    """Files that were handed out: what, to whom, how many rows, for which purpose; nothing of what they hold."""

    what: str
    recipient: str
    rows: int
    purpose: str


@dataclass(frozen=True)
class Receipt:
    """What one stage did: rows in, rows out, rows left out by reason, where the time went, and what it handed out."""

    stage: str
    rows_in: int
    rows_out: int
    dropped: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    exports: tuple[Export, ...] = ()
    seconds: float = 0.0
    peak_megabytes: int = 0

    @property
    def adds_up(self) -> bool:
        """Whether every row that came in is accounted for."""
        return self.rows_in == self.rows_out + sum(self.dropped.values())

    def as_record(self) -> dict[str, Any]:
        """The receipt as plain values."""
        return {
            "stage": self.stage,
            "rows_in": self.rows_in,
            "rows_out": self.rows_out,
            "dropped": dict(self.dropped),
            "notes": list(self.notes),
            "seconds": round(self.seconds, 3),
            "peak_megabytes": self.peak_megabytes,
        }


def timed(stage: Callable[[], Receipt]) -> Receipt:
    """Run ``stage`` and write its seconds and peak memory (of the process, so far) into its receipt."""
    started = perf_counter()
    receipt = stage()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return replace(receipt, seconds=perf_counter() - started, peak_megabytes=peak)


@cache
def code_digest() -> str:
    """Hash of the shipped code and SQL; an edition issued by other code is not comparable."""
    root = Path(__file__).resolve().parent.parent
    digest = hashlib.sha256()
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts and path.suffix not in {".pyc", ".md"}:
                digest.update(path.relative_to(root).as_posix().encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def end_of(as_of: date) -> datetime:
    """The first instant after ``as_of``."""
    return datetime.combine(as_of, datetime.min.time()) + timedelta(days=1)


def month_of(day: date | datetime) -> date:
    """First day of the month of ``day``."""
    return date(day.year, day.month, 1)


def add_months(month: date, count: int) -> date:
    """``month`` (a first of month) moved by ``count`` months."""
    index = month.year * 12 + month.month - 1 + count
    return date(index // 12, index % 12 + 1, 1)


def months_between(earlier: date, later: date) -> int:
    """Whole months from ``earlier`` to ``later``; negative where later comes first."""
    return (later.year - earlier.year) * 12 + later.month - earlier.month


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Write beside ``path`` under a temporary name, sync, then rename: readers see the old file or the new one."""
    make_folder(path.parent)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
        sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def make_folder(folder: Path) -> None:
    """Make ``folder`` and those above it that are missing, each durable in the folder that holds it."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in ``folder`` durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
