"""Delivered batches before the expectations: every content that the run may see is judged once, then remembered.

What a suite finds in a batch depends on nothing but the two, so the counts are kept beside the batch under the hash of
the suite. New batches of a feed share one frame: a run of Great Expectations costs a fixed part of a second.
This module counts; what the counts mean is decided elsewhere.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from pipelines.checks import FLAGGED, Check
from pipelines.contracts import Contracts, Feed
from pipelines.run import Run, atomic_file
from pipelines.stages.gate.expectations import Outcome, validate
from pipelines.warehouse import Warehouse

ROWS_PER_FRAME = 500_000
CODED = frozenset({"uscc", "organisation_code"})
WHOLE_ROW = Check(
    kind="readable", columns=("_row",), severity="fail", sentence="本行残缺，或格数与表头不符", options={}
)


@dataclass(frozen=True)
class Batch:
    """A content in force: its folder, its latest delivery, and the months that its good rows speak of."""

    feed: Feed
    batch: str
    delivery_no: int
    file_name: str
    received_at: datetime
    folder: Path
    months: frozenset[date]
    contract: str

    @property
    def name(self) -> str:
        """The batch as an officer may call it."""
        return f"{self.feed.label}文件“{self.file_name}”（批次{self.batch}）"


@dataclass(frozen=True)
class Counts:
    """What a suite found in one batch: rows, rows that break any ``fail`` check, and bad rows per check."""

    row_count: int
    quarantined_count: int
    bad: Mapping[str, int]


@dataclass(frozen=True)
class Judged:
    """Batches of one feed with their counts, and checks that raised instead of counting."""

    suite: tuple[Check, ...]
    counts: Mapping[str, Counts]
    exceptions: Mapping[str, str]
    new_batches: int


def in_force(run: Run, warehouse: Warehouse) -> dict[str, list[Batch]]:
    """Feed → its batches of ``ingest.delivery`` in the order of their latest deliveries."""
    latest: dict[tuple[str, str], Batch] = {}
    columns = "feed, batch, delivery_no, file_name, received_at"
    for name, batch, number, file_name, received_at in warehouse.rows(
        f"SELECT {columns} FROM ingest.delivery ORDER BY delivery_no"
    ):
        folder = run.home.landing / name / batch
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        months = frozenset(date.fromisoformat(text) for text in manifest["months"])
        feed = run.contracts.feeds[name]
        latest.pop((name, batch), None)
        latest[name, batch] = Batch(feed, batch, number, file_name, received_at, folder, months, manifest["contract"])
    found: dict[str, list[Batch]] = {feed: [] for feed in run.contracts.feeds}
    for item in latest.values():
        found[item.feed.feed].append(item)
    return found


def suite_of(feed: Feed, contracts: Contracts) -> tuple[Check, ...]:
    """Give the checks that landing applied to ``feed``: a whole row, its contract's, codes only where they are ours."""
    written = contracts.checks(feed)
    return (WHOLE_ROW, *(check for check in written if feed.identifiers == "uscc" or check.kind not in CODED))


def judge(feed: Feed, batches: Sequence[Batch], warehouse: Warehouse) -> Judged:
    """Count in every batch of ``feed``: from memory where its suite already judged it, else by running the suite.

    Where an expectation raises, its batches are not remembered and the message is among the ``exceptions``.
    """
    suite = suite_of(feed, warehouse.contracts)
    memory = f"gate-{suite_digest(suite)}.json"
    known = {item.batch: counts for item in batches if (counts := _remembered(item.folder / memory)) is not None}
    new = [item for item in batches if item.batch not in known]
    exceptions: dict[str, str] = {}
    for group in _frames_of(new):
        frame = flagged(pl.concat([_rows(item, warehouse.contracts) for item in group]), suite, warehouse)
        outcomes = validate(suite, frame)
        raised = {outcome.check.id: outcome.exception for outcome in outcomes if outcome.exception}
        exceptions |= raised
        for item, counts in _per_batch(group, frame, outcomes):
            known[item.batch] = counts
            if not raised:
                _remember(item.folder / memory, counts)
    return Judged(suite, known, exceptions, len(new))


def suite_digest(suite: Sequence[Check]) -> str:
    """Hash of what a suite tests and how severely, not of its words."""
    rendered = [[check.id, check.severity, check.predicate(), check.expectation()] for check in suite]
    return hashlib.sha256(json.dumps(rendered, sort_keys=True, default=str).encode()).hexdigest()[:16]


def flagged(rows: pl.DataFrame, suite: Sequence[Check], warehouse: Warehouse) -> pl.DataFrame:
    """``rows`` in their order with the flag columns that the suite expects to be true."""
    flags = ", ".join(f'{check.predicate()} AS "{check.flag}"' for check in suite if check.kind in FLAGGED)
    warehouse.connection.register("_gate_rows", rows.with_row_index("_place").to_arrow())
    try:
        found = warehouse.frame(f"SELECT _place, {flags} FROM _gate_rows ORDER BY _place")
    finally:
        warehouse.connection.unregister("_gate_rows")
    return pl.concat([rows, found.drop("_place")], how="horizontal")


def _rows(item: Batch, contracts: Contracts) -> pl.DataFrame:
    """Read the typed batch before its split: landed and quarantined rows, in the columns of the contract in force."""
    schema = contracts.feed_schema(item.feed)
    diagnosis = {"_unreadable": pl.List(pl.String), "_first_of_key": pl.Boolean}
    landed = pl.read_parquet(item.folder / "rows.parquet").with_columns(
        _unreadable=pl.lit([], dtype=pl.List(pl.String)), _first_of_key=pl.lit(value=True)
    )
    quarantined = pl.read_parquet(item.folder / "quarantined.parquet")
    wanted = schema | diagnosis
    parts = [
        part.with_columns(pl.lit(None, dtype=kind).alias(name) for name, kind in schema.items() if name not in part)
        for part in (landed, quarantined)
    ]
    return pl.concat([part.select(list(wanted)).cast(wanted) for part in parts])  # type: ignore[arg-type]


def _frames_of(batches: Sequence[Batch]) -> Iterator[list[Batch]]:
    """Batches in groups of at most ``ROWS_PER_FRAME`` rows, or of one batch."""
    group: list[Batch] = []
    rows = 0
    for item in batches:
        size = sum(
            pl.scan_parquet(item.folder / f"{part}.parquet").select(pl.len()).collect().item()
            for part in ("rows", "quarantined")
        )
        if group and rows + size > ROWS_PER_FRAME:
            yield group
            group, rows = [], 0
        group.append(item)
        rows += size
    if group:
        yield group


def _per_batch(
    group: Sequence[Batch], frame: pl.DataFrame, outcomes: Sequence[Outcome]
) -> Iterator[tuple[Batch, Counts]]:
    """Count in each batch of a joined frame; a check that raised counts nothing."""
    place = {item.batch: number for number, item in enumerate(group)}
    owner = frame["batch"].replace_strict(place, return_dtype=pl.Int64).to_numpy()
    sizes = np.bincount(owner, minlength=len(group))
    bad = {o.check.id: np.bincount(owner[o.bad_rows], minlength=len(group)) for o in outcomes if not o.exception}
    breaking = [o.bad_rows for o in outcomes if o.check.severity == "fail" and not o.exception]
    quarantined = np.unique(np.concatenate([*breaking, np.empty(0, dtype=np.int64)]))
    held = np.bincount(owner[quarantined], minlength=len(group))
    for number, item in enumerate(group):
        found = {check: int(counts[number]) for check, counts in bad.items()}
        yield item, Counts(int(sizes[number]), int(held[number]), found)


def _remembered(path: Path) -> Counts | None:
    if not path.is_file():
        return None
    body: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return Counts(body["row_count"], body["quarantined_count"], body["bad"])


def _remember(path: Path, counts: Counts) -> None:
    body = {"row_count": counts.row_count, "quarantined_count": counts.quarantined_count, "bad": dict(counts.bad)}
    with atomic_file(path) as temporary:
        temporary.write_text(json.dumps(body, sort_keys=True, indent=1) + "\n", encoding="utf-8")
