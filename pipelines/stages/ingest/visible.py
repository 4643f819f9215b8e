"""What a night may see of each delivery: its batch, and those of its periods that were known before the cutoff.

All of it was counted when the file landed, so no row is read here.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from pipelines.contracts import Contracts, Feed
from pipelines.ledger import Delivery
from pipelines.run import Run, add_months
from pipelines.settings import Home
from pipelines.stages.ingest.batch import MANIFEST, dating_period


@dataclass(frozen=True)
class Period:
    """Rows of one delivery that speak of one month or day (None: of no period), and when they were known.

    ``held`` are its rows in quarantine and ``bad`` its rows that break each check.
    """

    on: date | None
    rows: int
    known_at: datetime
    held: int
    bad: Mapping[str, int]


@dataclass(frozen=True)
class Visible:
    """A delivery that the run may see, with its folder, its manifest and those of its periods that were known."""

    delivery: Delivery
    folder: Path
    manifest: Mapping[str, Any]
    periods: tuple[Period, ...]

    @property
    def known_rows(self) -> int:
        """How many of its rows were known before the cutoff."""
        return sum(period.rows for period in self.periods)

    @property
    def known_held(self) -> int:
        """How many of its rows in quarantine were known before the cutoff."""
        return sum(period.held for period in self.periods)


def see(delivery: Delivery, run: Run) -> Visible | None:
    """The delivery with its manifest, or None where no row of it was known before the cutoff."""
    if delivery.dated == "arrival" and delivery.received_at >= run.cutoff:
        return None
    folder = _folder(delivery, run.home)
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    periods = tuple(p for p in _periods(delivery, manifest, run.contracts) if p.known_at < run.cutoff)
    if not periods and not (delivery.received_at < run.cutoff and delivery.rows_landed == 0):
        return None
    return Visible(delivery, folder, manifest, periods)


def _periods(delivery: Delivery, manifest: Mapping[str, Any], contracts: Contracts) -> Iterator[Period]:
    """Every period of a delivery, dated by its arrival or by the feed's lag, from what its manifest counted."""
    feed = contracts.feeds[delivery.feed]
    is_month = period_is_month(feed, contracts)
    landed = dict(zip(manifest["months"], manifest["rows_by_period"], strict=True))
    landed[""] = delivery.rows_landed - sum(landed.values())
    held = manifest.get("held_by_period", _undated(manifest))
    for text in sorted({text for text, rows in landed.items() if rows} | set(held)):
        on = date.fromisoformat(text) if text else None
        is_by_lag = delivery.dated == "lag"
        known_at = _known_at(on, feed, is_month=is_month) if on and is_by_lag else delivery.received_at
        found = held.get(text, {"quarantined": 0, "bad": {}})
        yield Period(on, landed.get(text, 0), known_at, found["quarantined"], found["bad"])


def _undated(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What a batch landed before periods were told apart has in quarantine: all of it counts from its arrival."""
    bad = {check: body["bad"] for check, body in manifest["checks"].items() if body["bad"]}
    return {"": {"quarantined": manifest["rows_quarantined"], "bad": bad}} if bad else {}


def _folder(delivery: Delivery, home: Home) -> Path:
    """Where an accepted delivery's batch lies."""
    return home.landing.resolve() / delivery.feed / delivery.batch


def period_is_month(feed: Feed, contracts: Contracts) -> bool:
    """Whether rows of ``feed`` are dated by a month, not by a day."""
    period = dating_period(feed, contracts)
    return period is not None and contracts.feed_column(feed, period).type == "month"


def _known_at(period: date, feed: Feed, *, is_month: bool) -> datetime:
    """When a row dated by lag was known: the end of its month, or its day, and the feed's days after it."""
    end = add_months(period, 1) if is_month else period
    return datetime.combine(end, datetime.min.time()) + timedelta(days=feed.lag_days)
