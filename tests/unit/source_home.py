"""A home that fetches power_month from a source: its settings, its rows, and what became of it."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from ingest_files import text, uscc
from pydantic import BaseModel

from pipelines import arrivals, sources
from pipelines.ledger import Delivery, Ledger
from pipelines.means import Means
from pipelines.sources import Login, Outcome, Standing
from pipelines.sources.protocol import Channel, Opener

HEADERS = ["用电户号", "统一社会信用代码", "用电月份", "用电量"]
COLUMNS = 'columns = {"用电户号" = "account", "统一社会信用代码" = "code", "用电月份" = "month", "用电量" = "kwh"}'
FEED = "power_month"
QUICK = "backoff_seconds = 0.01\n"


def power_row(number: int, month: str = "202609", kwh: int = 1200) -> list[str]:
    """A good row of power_month."""
    return [f"{number:010d}", uscc(number), month, str(kwh)]


def power_file(numbers: Sequence[int], *, month: str = "202609", kwh: int = 1200) -> bytes:
    """A file of power_month."""
    return text([HEADERS, *(power_row(number, month, kwh) for number in numbers)]).encode()


@dataclass
class Site:
    """A home with one source called ``grid``."""

    means: Means

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.means.home.ledger)

    def settle(self, lines: str) -> None:
        """Settings with the source that ``lines`` describe."""
        body = f"[sources.grid]\n{QUICK}{lines}"
        self.means.home.settings_file.write_text(body, encoding="utf-8")

    def fetch(self, **said: object) -> Outcome:
        """Fetch once, a minute later than before; gives the one outcome."""
        self.means = replace(self.means, now=self.means.now + timedelta(minutes=1))
        (outcome,) = arrivals.fetch_sources(self.means, **said)  # type: ignore[arg-type]
        return outcome

    def brings(self) -> list[Delivery]:
        """Fetch once, without a fault; gives what is news."""
        outcome = self.fetch()
        assert outcome.fault is None, outcome.fault
        return list(outcome.deliveries)

    def fails(self) -> str:
        """Fetch once, with a fault; gives its words."""
        outcome = self.fetch()
        assert outcome.fault is not None
        assert self.standing.fault == str(outcome.fault)
        return str(outcome.fault)

    @property
    def standing(self) -> Standing:
        return sources.standing(self.ledger, f"grid/{FEED}")

    def deliveries(self) -> list[Delivery]:
        return self.ledger.deliveries(withdrawn=True)

    def accounts(self, delivery: Delivery | None = None) -> list[int]:
        """Numbers of the accounts that landed, in one delivery or in all, with repeats."""
        batches = [delivery] if delivery else [d for d in self.deliveries() if d.status == "accepted"]
        folder = self.means.home.landing / FEED
        frames = [pl.read_parquet(folder / d.batch / "rows.parquet") for d in batches]
        return sorted(int(number) for frame in frames for number in frame["account_no"])

    def leftovers(self) -> list[str]:
        """What lies in the inbox."""
        return sorted(path.name for path in self.means.home.inbox.rglob("*") if path.is_file())


@dataclass
class Reader:
    """A source read again and again without a home: what it brings is kept by its first column, the latest word."""

    kind: type[BaseModel]
    opened: Opener
    settings: dict[str, Any]
    folder: Path
    latest: dict[str, list[str]] = field(default_factory=dict)
    positions: list[Mapping[str, Any]] = field(default_factory=list)
    brought: int = 0

    def go(self) -> None:
        """Fetch once; raises as the source does."""
        said: Any = self.kind.model_validate(self.settings)
        self.folder.mkdir(exist_ok=True)
        part, positions, now = self.folder / "part", tuple(self.positions), datetime(2026, 11, 23)
        aside = self.folder / "aside"
        channel = Channel("grid", FEED, said, said.feeds[FEED], Login(), positions, aside, now)
        with self.opened(channel) as source:
            for found in source.probe():
                fetched = source.fetch(found, part)
                if fetched:
                    self.positions.append(json.loads(json.dumps(fetched.position)))
                    rows = list(csv.reader(part.read_text(encoding="utf-8").splitlines()))[1:]
                    self.brought += len(rows)
                    self.latest |= {row[0]: row for row in rows}
                for path in aside.glob("*"):
                    path.unlink()
