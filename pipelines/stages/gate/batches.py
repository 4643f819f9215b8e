"""The batches that a night may see: each content once, in the order of its latest arrival, with what of it was known.

Of a file dated by lag only the periods known before the cutoff exist. This module counts and judges nothing.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from pipelines.contracts import Feed
from pipelines.run import Run
from pipelines.warehouse import Warehouse

SHORT = 8


@dataclass(frozen=True)
class Counts:
    """What was found in some rows: their number, those that break any ``fail`` check, and bad rows per check."""

    row_count: int
    quarantined_count: int
    bad: Mapping[str, int]


@dataclass(frozen=True)
class Batch:
    """A content in force: its folder, its latest delivery, what landing counted, and what of it was known.

    ``months`` are the periods of which good rows were known; ``known`` are all known periods (None: rows without one),
    or None where all rows were, as in a delivery dated by its arrival. ``received_on`` is the day of its first
    delivery, by which its periods were judged.
    """

    feed: Feed
    batch: str
    delivery_no: int
    file_name: str
    received_at: datetime
    folder: Path
    months: frozenset[date]
    contract: str
    landed: Counts
    period: str | None = None
    known: frozenset[date | None] | None = None
    received_on: date | None = None

    @property
    def name(self) -> str:
        """The batch as an officer may call it inside the bureau."""
        return f"{self.feed.label}文件“{self.file_name}”（批次{self.batch}）"

    @property
    def mail_name(self) -> str:
        """The batch as a mail may call it."""
        return file_in_mail(self.feed.label, self.batch, self.received_at)


def in_force(run: Run, warehouse: Warehouse) -> dict[str, list[Batch]]:
    """Feed → its batches of ``ingest.delivery`` in the order in which their latest deliveries came."""
    known: dict[int, set[date | None]] = {}
    spoken: dict[int, set[date]] = {}
    for number, on, rows in warehouse.rows("SELECT delivery_no, period_on, row_count FROM ingest.delivery_period"):
        known.setdefault(number, set()).add(on)
        if on is not None and rows:
            spoken.setdefault(number, set()).add(on)
    latest: dict[tuple[str, str], Batch] = {}
    columns = "feed, batch, delivery_no, file_name, received_at, dated_by"
    for name, batch, number, file_name, received_at, dated in warehouse.rows(
        f"SELECT {columns} FROM ingest.delivery ORDER BY received_at, delivery_no"
    ):
        folder = run.home.landing / name / batch
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        latest.pop((name, batch), None)
        latest[name, batch] = Batch(
            feed=run.contracts.feeds[name],
            batch=batch,
            delivery_no=number,
            file_name=file_name,
            received_at=received_at,
            folder=folder,
            months=frozenset(spoken.get(number, ())),
            contract=manifest["contract"],
            landed=_landed(manifest),
            period=manifest["period"],
            known=frozenset(known.get(number, ())) if dated == "lag" else None,
            received_on=date.fromisoformat(first) if (first := manifest.get("received_on")) else None,
        )
    found: dict[str, list[Batch]] = {feed: [] for feed in run.contracts.feeds}
    for item in latest.values():
        found[item.feed.feed].append(item)
    return found


def file_in_mail(label: str, batch: str, received_at: datetime) -> str:
    """A file by feed, batch and arrival: its own name may hold an enterprise's."""
    return f"{label}文件（批次{batch[:SHORT]}，{received_at:%Y-%m-%d %H:%M}收到）"


def _landed(manifest: Mapping[str, Any]) -> Counts:
    """What landing itself counted of the whole file."""
    held = int(manifest["rows_quarantined"])
    bad = {check: int(body["bad"]) for check, body in manifest["checks"].items()}
    return Counts(int(manifest["rows_landed"]) + held, held, bad)
