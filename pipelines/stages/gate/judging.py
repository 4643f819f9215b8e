"""Delivered batches before the expectations: every content that the run may see is judged once, then remembered.

What a suite finds in a batch depends on nothing but the two, so the counts are kept beside the batch under the hash of
the suite, per period of the rows: a night counts the periods that it knew. New batches of a feed share one frame: a run
of Great Expectations costs a fixed part of a second. This module counts; what the counts mean is decided elsewhere.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from pipelines.checks import FLAGGED, Check
from pipelines.contracts import Contracts, Feed
from pipelines.run import atomic_file
from pipelines.stages.gate.batches import Batch, Counts
from pipelines.stages.gate.expectations import Outcome, validate
from pipelines.warehouse import Warehouse

ROWS_PER_FRAME = 500_000
PERIOD = "_period"
Periods = Mapping[date | None, Counts]


@dataclass(frozen=True)
class Judged:
    """Batches of one feed with the counts of their known rows and of ``whole`` files, and checks that raised.

    ``unjudged`` are the batches that a check which raised never saw.
    """

    suite: tuple[Check, ...]
    counts: Mapping[str, Counts]
    whole: Mapping[str, Counts]
    exceptions: Mapping[str, str]
    new_batches: int
    unjudged: tuple[str, ...] = ()


def judge(feed: Feed, batches: Sequence[Batch], warehouse: Warehouse) -> Judged:
    """Count in every batch of ``feed``: from memory where its suite already judged it, else by running the suite.

    Where an expectation raises, its batches are not remembered and the message is among the ``exceptions``.
    """
    suite = warehouse.contracts.checks(feed)
    memory = f"gate-{suite_digest(suite)}.json"
    found = {item.batch: periods for item in batches if (periods := _remembered(item.folder / memory)) is not None}
    new = [item for item in batches if item.batch not in found]
    exceptions: dict[str, str] = {}
    unjudged: list[str] = []
    for group in _frames_of(new):
        frame = flagged(pl.concat([_rows(item, warehouse.contracts) for item in group]), suite, warehouse)
        outcomes = validate(suite, frame)
        raised = {outcome.check.id: outcome.exception for outcome in outcomes if outcome.exception}
        exceptions |= raised
        unjudged += [item.batch for item in group if raised]
        for item, periods in _per_batch(group, frame, outcomes):
            found[item.batch] = periods
            if not raised:
                _remember(item.folder / memory, periods)
    return Judged(
        suite=suite,
        counts={item.batch: _summed(found[item.batch], only=item.known) for item in batches},
        whole={item.batch: _summed(found[item.batch], only=None) for item in batches},
        exceptions=exceptions,
        new_batches=len(new),
        unjudged=tuple(sorted(unjudged)),
    )


def _summed(periods: Periods, *, only: Set[date | None] | None) -> Counts:
    """The counts of the periods in ``only`` together, of all where it is None."""
    parts = [counts for on, counts in periods.items() if only is None or on in only]
    checks = sorted({check for counts in periods.values() for check in counts.bad})
    return Counts(
        sum(part.row_count for part in parts),
        sum(part.quarantined_count for part in parts),
        {check: sum(part.bad.get(check, 0) for part in parts) for check in checks},
    )


def suite_digest(suite: Sequence[Check]) -> str:
    """Hash of what a suite tests and how severely, not of its words."""
    rendered = [[check.id, check.severity, check.predicate(), check.expectation()] for check in suite]
    return hashlib.sha256(json.dumps(rendered, sort_keys=True, default=str).encode()).hexdigest()[:16]


def flagged(rows: pl.DataFrame, suite: Sequence[Check], warehouse: Warehouse) -> pl.DataFrame:
    """``rows`` in their order with the flag columns that the suite expects to be true."""
    flags = ", ".join(f'{check.predicate()} AS "{check.flag}"' for check in suite if check.kind in FLAGGED)
    with warehouse.showing("_gate_rows", rows.with_row_index("_place")):
        found = warehouse.frame(f"SELECT _place, {flags} FROM _gate_rows ORDER BY _place")
    return pl.concat([rows, found.drop("_place")], how="horizontal")


def _rows(item: Batch, contracts: Contracts) -> pl.DataFrame:
    """Read the typed batch before its split: landed and quarantined rows, in the columns of the contract in force."""
    schema = contracts.feed_schema(item.feed)
    diagnosis = {"_unreadable": pl.List(pl.String), "_first_of_key": pl.Boolean, "_restored": pl.List(pl.String)}
    unrestored = pl.lit([], dtype=pl.List(pl.String)).alias("_restored")
    landed = pl.read_parquet(item.folder / "rows.parquet").with_columns(
        _unreadable=pl.lit([], dtype=pl.List(pl.String)), _first_of_key=pl.lit(value=True)
    )
    quarantined = pl.read_parquet(item.folder / "quarantined.parquet")
    wanted = schema | diagnosis
    parts = [
        part.with_columns(
            *(pl.lit(None, dtype=kind).alias(name) for name, kind in schema.items() if name not in part),
            *([] if "_restored" in part.columns else [unrestored]),
        )
        for part in (landed, quarantined)
    ]
    rows = pl.concat([part.select(list(wanted)).cast(wanted) for part in parts])  # type: ignore[arg-type]
    on = pl.col(item.period) if item.period in schema else pl.lit(None)
    return rows.with_columns(on.cast(pl.Date).alias(PERIOD), _received_on=pl.lit(item.received_on, dtype=pl.Date))


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
) -> Iterator[tuple[Batch, Periods]]:
    """Count in each period of each batch of a joined frame; a check that raised counts nothing."""
    own = frame.select("batch", PERIOD)
    pairs = own.unique(maintain_order=True).with_row_index("_owner")
    owner = own.join(pairs, on=["batch", PERIOD], how="left", nulls_equal=True, maintain_order="left")["_owner"]
    places = owner.to_numpy().astype(np.int64)
    sizes = np.bincount(places, minlength=pairs.height)
    bad = {o.check.id: np.bincount(places[o.bad_rows], minlength=pairs.height) for o in outcomes if not o.exception}
    breaking = [o.bad_rows for o in outcomes if o.check.severity == "fail" and not o.exception]
    quarantined = np.unique(np.concatenate([*breaking, np.empty(0, dtype=np.int64)]))
    held = np.bincount(places[quarantined], minlength=pairs.height)
    found: dict[str, dict[date | None, Counts]] = {item.batch: {} for item in group}
    for place, batch, on in pairs.iter_rows():
        counts = {check: int(numbers[place]) for check, numbers in bad.items()}
        found[batch][on] = Counts(int(sizes[place]), int(held[place]), counts)
    for item in group:
        yield item, found[item.batch]


def _remembered(path: Path) -> Periods | None:
    if not path.is_file():
        return None
    body: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if "periods" not in body:
        return None
    return {
        date.fromisoformat(on) if on else None: Counts(part["row_count"], part["quarantined_count"], part["bad"])
        for on, part in body["periods"].items()
    }


def _remember(path: Path, periods: Periods) -> None:
    body = {
        on.isoformat() if on else "": {
            "row_count": counts.row_count,
            "quarantined_count": counts.quarantined_count,
            "bad": dict(counts.bad),
        }
        for on, counts in periods.items()
    }
    with atomic_file(path) as temporary:
        temporary.write_text(json.dumps({"periods": body}, sort_keys=True, indent=1) + "\n", encoding="utf-8")
