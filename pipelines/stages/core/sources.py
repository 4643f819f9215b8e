"""How far each source reaches at the cutoff: what came, how late it is, and what never came."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from pipelines.contracts import Feed
from pipelines.run import Run, add_months, month_of, months_between
from pipelines.stages.core.links import month_of as month_sql
from pipelines.warehouse import Warehouse


def write(run: Run, warehouse: Warehouse) -> int:
    """Fill ``core.source_status``, one row per canonical raw table; gives the rows of all sources together."""
    rows = [_status(run, warehouse, table) for table in sorted(_raw_tables(run))]
    schema = run.contracts.polars_schema("core.source_status")
    warehouse.store("core.source_status", pl.DataFrame(rows, schema=schema, orient="row"))
    return sum(row["row_count"] for row in rows)


def _raw_tables(run: Run) -> list[str]:
    return [table.name for table in run.contracts.tables.values() if table.schema_name == "raw"]


def _status(run: Run, warehouse: Warehouse, table: str) -> dict[str, Any]:
    contract = run.contracts.tables[f"raw.{table}"]
    providers = run.contracts.providers(table)
    names = [feed.feed for feed in providers]
    count, latest, known = _reach(run, warehouse, table, names)
    arrivals = warehouse.rows(
        "SELECT count(*)::BIGINT, count(DISTINCT dated_by), min(dated_by) "
        "FROM ingest.delivery WHERE list_contains($feeds, feed)",
        feeds=names,
    )[0]
    quarantined = warehouse.scalar(
        "SELECT count(DISTINCT (batch, line_no))::BIGINT FROM ingest.quarantine WHERE list_contains($feeds, feed)",
        feeds=names,
    )
    refused = warehouse.scalar("SELECT count(*) FROM ingest.refusal WHERE list_contains($feeds, feed)", feeds=names)
    behind = _months_behind(providers[0], latest, run.cutoff) if providers and latest else None
    return {
        "feed": table,
        "feed_label": contract.label,
        "owner": "、".join(dict.fromkeys(feed.owner for feed in providers)) or "未约定",
        "is_required": any(feed.required for feed in providers),
        "source_state": "缺失" if not count else "滞后" if behind else "正常",
        "latest_month": latest,
        "months_behind": behind,
        "latest_known_at": known,
        "delivery_count": arrivals[0],
        "row_count": count,
        "quarantined_count": quarantined,
        "refused_count": int(refused),
        "dated_by": "none" if not arrivals[0] else "mixed" if arrivals[1] > 1 else arrivals[2],
    }


def _reach(run: Run, warehouse: Warehouse, table: str, feeds: Sequence[str]) -> tuple[int, date | None, Any]:
    """Rows known, latest month they speak of, and when the last became known; as counted when the files landed.

    Only a period that landing does not count by, such as a year, is looked up in the rows.
    """
    contract = run.contracts.tables[f"raw.{table}"]
    count, latest, known = warehouse.rows(
        "SELECT coalesce(sum(p.row_count), 0)::BIGINT, max(date_trunc('month', p.period_on))::DATE, max(p.known_at) "
        "FROM ingest.delivery_period AS p JOIN ingest.delivery AS d USING (delivery_no) "
        "WHERE list_contains($feeds, d.feed) AND p.row_count > 0",
        feeds=list(feeds),
    )[0]
    if not (contract.month or contract.period):
        return count, None, known
    if latest is None and count:
        latest = warehouse.scalar(f"SELECT max({month_sql(contract, warehouse)}) FROM raw.{table}")
    return count, latest, known


def due_month(feed: Feed, cutoff: datetime) -> date:
    """Latest month whose end lies more than the feed's declared lag before ``cutoff``."""
    month = month_of(cutoff)
    while datetime.combine(add_months(month, 1), datetime.min.time()) + timedelta(days=feed.lag_days) >= cutoff:
        month = add_months(month, -1)
    return month


def _months_behind(feed: Feed, latest: date, cutoff: datetime) -> int:
    if feed.cadence != "monthly" or "month" not in feed.columns:
        return 0
    return max(0, months_between(latest, due_month(feed, cutoff)))
