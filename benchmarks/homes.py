"""The city's folder and copies of a home: what is immutable is linked, what is written in place is copied.

A home is made once per size: all deliveries up to the night before the last, and that night's edition. Each figure
starts from a copy, so nothing that one run leaves can help another.
"""

import os
import shutil
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from pathlib import Path

from pipelines import demo
from pipelines.demo import CitySpec
from pipelines.nightly import Means
from pipelines.settings import Home

UNTIL = date(2026, 10, 1)
SEED = 1
THREADS = 2
HOUR = time(2)
WRITTEN_IN_PLACE = ("warehouse.duckdb", "ledger.sqlite")
SIDE_FILES = (".wal", "-wal", "-shm")
REMEMBERED = "gate-*.json"


@dataclass(frozen=True)
class Place:
    """Where the data of one size lie."""

    root: Path
    spec: CitySpec

    @property
    def city(self) -> Path:
        """The generated deliveries."""
        return self.root / "city"

    @property
    def schedule(self) -> Path:
        """When each of them arrives."""
        return self.city / "deliveries.csv"

    @property
    def before(self) -> Path:
        """The home as the night before the last left it."""
        return self.root / "before"

    @property
    def nights(self) -> tuple[date, date]:
        """The night before the last, and the last, with one new insurance month between them."""
        earlier, last = demo.nights(self.spec)[-2:]
        return earlier, last


def place(work: Path, *, enterprises: int, months: int) -> Place:
    """The folder of one size under ``work``."""
    spec = CitySpec(enterprises=enterprises, months=months, until=UNTIL, seed=SEED)
    return Place(work.resolve() / f"{enterprises}x{months}", spec)


def cutoff(night: date) -> datetime:
    """When a scheduled night looks."""
    return datetime.combine(night, HOUR)


def means(root: Path, *, night: date | None = None) -> Means:
    """Means of a home at ``root``; the clock stands at the cutoff of ``night``."""
    now = cutoff(night) if night else datetime.combine(UNTIL, HOUR)
    return Means(home=Home(root), now=now, threads=THREADS)


def generate(where: Place) -> None:
    """Generate the city unless it is there."""
    if not where.schedule.is_file():
        shutil.rmtree(where.city, ignore_errors=True)
        demo.generate_city(means(where.root / "none"), where.city, where.spec)


def new_home(root: Path) -> Means:
    """An empty home with the settings of the demo."""
    made = means(root)
    demo.make_home(made.home, city="模拟市", simulated=True)
    return made


def copy(source: Path, target: Path, *, rebuilt: bool = False) -> Path:
    """A copy of the home ``source``; ``rebuilt`` leaves out all that landing and ledger can give again."""
    shutil.rmtree(target, ignore_errors=True)
    left_out = shutil.ignore_patterns("core", "warehouse.duckdb*", REMEMBERED) if rebuilt else None
    shutil.copytree(source, target, copy_function=_taken, symlinks=True, ignore=left_out)
    if rebuilt:
        (target / "core").mkdir()
    return target


def _taken(source: str, target: str) -> None:
    name = Path(source).name
    if name.startswith(WRITTEN_IN_PLACE) or name.endswith(SIDE_FILES):
        shutil.copy2(source, target)
    else:
        os.link(source, target)


def at(base: Means, night: date) -> Means:
    """The same means with the clock at the cutoff of ``night``."""
    return replace(base, now=cutoff(night))
