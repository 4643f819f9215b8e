"""How good what each department sent was, month by month: five kinds of points, and their weighted mean.

The facts are counted by SQL in whole numbers and the points are whole numbers too, so an edition that is replayed gives
the same ones. What nothing tells has no points and no weight; it is never 0 and never 100. The formula is explained in
``docs/quality.md``; its numbers are dated parameters.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl

from pipelines.contracts import read_sql
from pipelines.parameters import Parameters
from pipelines.run import Run
from pipelines.warehouse import Warehouse

Row = Mapping[str, Any]
FULL = 100
DIMENSIONS = {
    "timeliness_points": "及时性",
    "completeness_points": "完整性",
    "validity_points": "有效性",
    "stability_points": "稳定性",
    "answer_points": "答复",
}


@dataclass(frozen=True)
class Rates:
    """What each fault costs, and what each kind of points weighs."""

    weights: Mapping[str, int]
    required_weight: int
    per_day_late: int
    per_bad_pct: int
    per_refused_file: int
    per_volume_pct: int
    volume_tolerance_pct: int
    rows_least: int


def rates(parameters: Parameters) -> Rates:
    """The rates in force."""
    return Rates(
        weights={column: int(parameters["quality_weights"][word]) for column, word in DIMENSIONS.items()},
        required_weight=int(parameters["quality_required_weight"]),
        per_day_late=int(parameters["quality_points_per_day_late"]),
        per_bad_pct=int(parameters["quality_points_per_bad_pct"]),
        per_refused_file=int(parameters["quality_points_per_refused_file"]),
        per_volume_pct=int(parameters["quality_points_per_volume_pct"]),
        volume_tolerance_pct=int(parameters["quality_volume_tolerance_pct"]),
        rows_least=int(parameters["feed_rows_least"]),
    )


def store(run: Run, warehouse: Warehouse) -> None:
    """Fill ``gate.feed_quality`` and ``gate.department_quality`` for the months up to the cutoff of ``run``."""
    rules = rates(run.parameters)
    facts = warehouse.frame(
        read_sql("gate/feed_quality_facts"),
        cutoff=run.cutoff,
        gate_recent_months=int(run.parameters["gate_recent_months"]),
        quality_answer_days=int(run.parameters["quality_answer_days"]),
    ).to_dicts()
    feeds = [_feed(fact, rules) for fact in facts]
    required = {feed.feed for feed in run.contracts.feeds.values() if feed.required}
    for table, rows in (
        ("gate.feed_quality", feeds),
        ("gate.department_quality", departments(feeds, required, rules)),
    ):
        schema = run.contracts.polars_schema(table)
        frame = pl.DataFrame([{name: row[name] for name in schema} for row in rows], schema=schema)
        warehouse.store(table, frame)


def _feed(fact: Row, rules: Rates) -> dict[str, Any]:
    late = days_late(fact["due_at"], fact["first_arrived_at"])
    points = {
        "timeliness_points": timeliness(late, is_outstanding=fact["is_outstanding"], rules=rules),
        "completeness_points": completeness(fact, rules),
        "validity_points": validity(fact, rules),
        "stability_points": stability(fact, rules),
        "answer_points": answer(fact["asked_count"], fact["open_count"]),
    }
    return {**fact, **points, "days_late": late, "quality_points": total(points, rules.weights)}


def days_late(due_at: datetime | None, first_arrived_at: datetime | None) -> int | None:
    """Days from the last day on which a delivery was due to its first arrival; None where one of them is unknown.

    ``due_at`` is the first instant after the agreed lag; a delivery of that very day still is in time.
    """
    if due_at is None or first_arrived_at is None:
        return None
    return max(0, (first_arrived_at.date() - due_at.date()).days)


def timeliness(late: int | None, *, is_outstanding: bool | None, rules: Rates) -> int | None:
    """Points for the day of arrival; 0 for what is due and has not come, None where only a bulk load tells of it."""
    if is_outstanding:
        return 0
    return None if late is None else max(0, FULL - rules.per_day_late * late)


def completeness(fact: Row, rules: Rates) -> int | None:
    """Rows of the month that was due, in % of the median before, at most 100; 0 where it has not come."""
    if fact["is_outstanding"]:
        return 0
    rows, expected = fact["due_row_count"], fact["expected_row_count"]
    if rows is None or not expected or expected < rules.rows_least:
        return None
    return min(FULL, int(rows) * FULL // int(expected))


def validity(fact: Row, rules: Rates) -> int | None:
    """100 less what rows in quarantine and refused files cost; None where nothing came."""
    rows, held, refused = int(fact["row_count"]), int(fact["quarantined_count"]), int(fact["refused_count"])
    if not rows + held + refused:
        return None
    bad = -(-held * FULL * rules.per_bad_pct // (rows + held)) if rows + held else 0
    return max(0, FULL - bad - rules.per_refused_file * refused)


def stability(fact: Row, rules: Rates) -> int | None:
    """100 less what rows beyond the tolerated distance from the median cost, too many as well as too few."""
    rows, expected = fact["due_row_count"], fact["expected_row_count"]
    if rows is None or not expected or expected < rules.rows_least:
        return None
    beyond = max(0, abs(int(rows) - int(expected)) * FULL // int(expected) - rules.volume_tolerance_pct)
    return max(0, FULL - rules.per_volume_pct * beyond)


def answer(asked: int, unanswered: int) -> int | None:
    """Share, in %, of the lines sent back whose time is over that came again in good order; None where none was."""
    return (asked - min(unanswered, asked)) * FULL // asked if asked else None


def total(points: Row, weights: Mapping[str, int]) -> int | None:
    """Mean of the known points by their weights, half up; None where none is known."""
    known = [(int(points[name]), weight) for name, weight in weights.items() if points[name] is not None]
    return mean(known)


def mean(weighted: Sequence[tuple[int, int]]) -> int | None:
    """Mean of (points, weight), half up; None where nothing weighs."""
    weight = sum(w for _, w in weighted)
    return (2 * sum(p * w for p, w in weighted) + weight) // (2 * weight) if weight else None


def departments(feeds: Iterable[Row], required: Iterable[str], rules: Rates) -> list[dict[str, Any]]:
    """One row per owner and month of ``feeds``: each number the mean over the feeds that have it."""
    heavy = set(required)
    grouped: dict[tuple[str, date], list[Row]] = {}
    for row in feeds:
        if row["quality_points"] is not None:
            grouped.setdefault((row["owner"], row["quality_month"]), []).append(row)
    found = []
    for (owner, month), rows in sorted(grouped.items()):
        weights = [rules.required_weight if row["feed"] in heavy else 1 for row in rows]
        points = {
            name: mean([(row[name], w) for row, w in zip(rows, weights, strict=True) if row[name] is not None])
            for name in (*DIMENSIONS, "quality_points")
        }
        found.append(
            {
                "owner": owner,
                "quality_month": month,
                "is_month_over": all(row["is_month_over"] for row in rows),
                "feed_count": len(rows),
                **points,
            }
        )
    return found
