"""Whether the numbers of a feed still look as they did a year ago: a stability index per column of its latest month.

The same month of the year before is the measure, since seasons move most of what departments count. Every version that
came counts as a row; what a change means is a person's question to the department, so nothing here closes a gate.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models import drift
from pipelines.contracts import Contracts, Feed
from pipelines.run import Run, add_months
from pipelines.warehouse import Warehouse

NUMBERS = frozenset({"integer", "fen", "usd_cent", "basis_point", "number"})
MONTHS_BACK = 12
DECIMALS = 4


def store(run: Run, warehouse: Warehouse) -> None:
    """Fill ``gate.feed_drift`` from the raw tables, for feeds whose latest month has one to compare with."""
    rows = [row for feed in run.contracts.feeds.values() for row in _of_feed(feed, run, warehouse)]
    schema = run.contracts.polars_schema("gate.feed_drift")
    frame = pl.DataFrame([{name: row[name] for name in schema} for row in rows], schema=schema)
    warehouse.store("gate.feed_drift", frame.sort("feed", "column_name"))


def _of_feed(feed: Feed, run: Run, warehouse: Warehouse) -> Iterator[dict[str, Any]]:
    if feed.cadence != "monthly":
        return
    latest = warehouse.scalar("SELECT max(month) FROM gate.feed_month WHERE feed = $feed", feed=feed.feed)
    if latest is None:
        return
    for target in feed.provides:
        month, names = run.contracts.tables[f"raw.{target}"].month, columns(feed, target, run.contracts)
        if month and names:
            yield from _of_table(feed, target, month, names, latest, run, warehouse)


def columns(feed: Feed, target: str, contracts: Contracts) -> list[str]:
    """The columns of numbers in ``raw.<target>`` that ``feed`` gives and that no key holds."""
    raw = contracts.tables[f"raw.{target}"]
    mapping = feed.provides[target]
    given = set(feed.columns) if mapping == "same" else set(mapping)
    kinds = {name: contracts.column(name).type for name in raw.columns if name in given}
    return [name for name, kind in kinds.items() if kind in NUMBERS and name not in raw.key]


def _of_table(
    feed: Feed, target: str, month: str, names: Sequence[str], latest: date, run: Run, warehouse: Warehouse
) -> Iterator[dict[str, Any]]:
    before = add_months(latest, -MONTHS_BACK)
    listed = ", ".join(f'CAST(r."{name}" AS DOUBLE) AS "{name}"' for name in names)
    rows = warehouse.frame(
        f'SELECT r."{month}" = $latest AS is_now, {listed} FROM raw.{target} AS r '
        f"INNER JOIN ingest.delivery AS d USING (delivery_no) "
        f'WHERE d.feed = $feed AND r."{month}" IN ($latest, $before)',
        feed=feed.feed,
        latest=latest,
        before=before,
    )
    parts = rows.partition_by("is_now", as_dict=True, include_key=False)
    now, then = (parts.get((is_now,)) for is_now in (True, False))
    least = int(run.parameters["feed_rows_least"])
    if now is None or then is None or min(now.height, then.height) < least:
        return
    values, earlier = _matrix(now), _matrix(then)
    compared = drift.compare(drift.reference(names, earlier), names, values)
    is_drifted = compared.select(drift.drifted(float(run.parameters["feed_drift_psi"]))).to_series()
    for place, (row, drifted) in enumerate(zip(compared.to_dicts(), is_drifted, strict=True)):
        yield {
            "feed": feed.feed,
            "column_name": row["feature_name"],
            "column_label": run.contracts.column(row["feature_name"]).label,
            "month": latest,
            "compared_month": before,
            "row_count": now.height,
            "compared_row_count": then.height,
            "median_before": _median(earlier[:, place]),
            "median_now": _median(values[:, place]),
            "missing_before_ratio": round(row["missing_before"], DECIMALS),
            "missing_now_ratio": round(row["missing_now"], DECIMALS),
            "stability_index": row["stability_index"],
            "by_chance_index": row["by_chance"],
            "is_drifted": drifted,
        }


def _matrix(frame: pl.DataFrame) -> NDArray[np.float64]:
    return frame.fill_null(float("nan")).to_numpy().astype(np.float64)


def _median(values: NDArray[np.float64]) -> float | None:
    """The middle value, the lower of two; None where nothing is known."""
    known = np.sort(values[~np.isnan(values)])
    return float(known[(len(known) - 1) // 2]) if len(known) else None
