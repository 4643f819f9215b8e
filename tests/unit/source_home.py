"""A home that fetches power_month from a source: its settings, its rows, and what became of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import polars as pl
from ingest_files import text, uscc

from pipelines import arrivals, sources
from pipelines.ledger import Delivery, Ledger
from pipelines.means import Means
from pipelines.sources import Outcome, Standing

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


def at(hour: int, minute: int = 0) -> datetime:
    """An instant of the day before the tests' night."""
    return datetime(2026, 11, 22, hour, minute)
