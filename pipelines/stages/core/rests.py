"""What each month of a fact rests on: the deliveries that speak of it, the query that makes it, and its parameters.

All of it is known from what was counted when the files landed; no row is read here.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from pipelines.contracts import Contracts, Feed, Slab, Table, read_sql
from pipelines.facts import BUCKET_SIZE
from pipelines.run import Run, add_months, month_of
from pipelines.stages.core import latest
from pipelines.warehouse import Warehouse


@dataclass(frozen=True)
class Rest:
    """A name that changes when what a month rests on changes, and about how many raw rows that is."""

    name: str
    rows: int


def facts(contracts: Contracts) -> list[tuple[Table, Slab]]:
    """The tables that lie in month slabs and how they do, in order of name."""
    return [(table, table.slab) for _, table in sorted(contracts.tables.items()) if table.slab]


def span_of(slab: Slab, run: Run) -> int:
    """For how many months a raw row counts."""
    return int(run.parameters[slab.span]) if slab.span else 1


def of_facts(run: Run, warehouse: Warehouse) -> dict[str, dict[date, Rest]]:
    """Fact → month → what the month rests on, months in order."""
    by_feed: dict[str, dict[date, tuple[int, int]]] = {}
    for feed, month, value, rows in warehouse.rows(read_sql("core/rests_on")):
        by_feed.setdefault(feed, {})[month] = (value, rows)
    found: dict[str, dict[date, Rest]] = {}
    for table, slab in facts(run.contracts):
        feeds = run.contracts.providers(slab.raw.removeprefix("raw."))
        told = {feed.feed: by_feed.get(feed.feed, {}) for feed in feeds}
        types = [run.contracts.column(name).type for name in table.columns]
        shape = [*table.columns, *types, *table.key, str(table.sums), str(BUCKET_SIZE)]
        recipe = [latest.body(table, run.contracts), *shape, *(str(sorted(f.provides.items())) for f in feeds)]
        span = span_of(slab, run)
        found[table.table] = {
            month: _rest(recipe, told, [add_months(month, -lag) for lag in range(span)])
            for month in _counted({month for months in told.values() for month in months}, span, run)
        }
    return found


def _rest(recipe: Iterable[str], told: Mapping[str, Mapping[date, tuple[int, int]]], months: list[date]) -> Rest:
    """What ``months``, whose rows count in the first of them, are said to be."""
    parts = [(feed, month, by_month[month]) for feed, by_month in told.items() for month in months if month in by_month]
    text = "\n".join([*recipe, str(len(months)), *(f"{feed} {month} {value}" for feed, month, (value, _) in parts)])
    return Rest(hashlib.sha256(text.encode()).hexdigest()[:16], sum(rows for _, _, (_, rows) in parts))


def _counted(months: Iterable[date], span: int, run: Run) -> list[date]:
    """The months in which rows of ``months`` count; of a fact with a span only those that have ended."""
    if span == 1:
        return sorted(months)
    counted = {add_months(month, lag) for month in months for lag in range(span)}
    return sorted(month for month in counted if month < month_of(run.cutoff))


def contested(run: Run, warehouse: Warehouse, slab: Slab, months: Iterable[date]) -> frozenset[int] | None:
    """Deliveries that are not the largest of each of ``months``: they may give a key once more.

    Within one delivery a key of the feed comes once; None where that says nothing about a key of the raw table.
    """
    raw = run.contracts.tables[slab.raw]
    feeds = run.contracts.providers(raw.name)
    if any(_said_key(feed, raw) != set(run.contracts.feed_key(feed)) for feed in feeds):
        return None
    found = warehouse.rows(
        "SELECT date_trunc('month', p.period_on)::DATE AS month, p.delivery_no, sum(p.row_count) AS rows "
        "FROM ingest.delivery_period AS p JOIN ingest.delivery AS d USING (delivery_no) "
        "WHERE list_contains($feeds, d.feed) AND list_contains($months, date_trunc('month', p.period_on)::DATE) "
        "GROUP BY ALL ORDER BY month, rows DESC, p.delivery_no",
        feeds=[feed.feed for feed in feeds],
        months=list(months),
    )
    return frozenset(number for place, (month, number, _) in enumerate(found) if place and found[place - 1][0] == month)


def _said_key(feed: Feed, raw: Table) -> set[str]:
    """The key of ``raw`` as ``feed`` says it."""
    mapping = feed.provides[raw.name]
    return set(raw.key) if mapping == "same" else {mapping.get(column, "") for column in raw.key}
