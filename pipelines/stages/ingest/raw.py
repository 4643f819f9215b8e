"""Landed batches → the tables of one cutoff: ``raw.*`` as views over Parquet, and ``ingest.*`` about the deliveries.

Only deliveries on record for the run, not withdrawn, exist here, and of them only rows known before the cutoff. Bodies
of views take no parameters, so literals are rendered from contracts, hashes and dates, never from delivered text.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.contracts import DUCKDB_TYPES, RECORD_COLUMNS, Contracts, Feed
from pipelines.ledger import Delivery, Ledger
from pipelines.run import Receipt, Run, add_months
from pipelines.settings import Home
from pipelines.stages.ingest.landing import MANIFEST, dating_period
from pipelines.warehouse import Warehouse


@dataclass(frozen=True)
class Visible:
    """A delivery that the run may see, with its folder, its manifest and how many of its rows were known."""

    delivery: Delivery
    folder: Path
    manifest: Mapping[str, Any]
    known_rows: int


def run(run: Run, warehouse: Warehouse, ledger: Ledger) -> Receipt:
    """Build ``ingest.*`` and ``raw.*`` as they stood at the cutoff of ``run``."""
    every = ledger.deliveries(through=run.through)
    on_record = [d for d in every if d.feed in run.contracts.feeds or not d.feed]
    accepted = [d for d in on_record if d.status == "accepted"]
    visible = [v for d in accepted if (v := _visible(d, run)) is not None]
    refused = [d for d in on_record if d.status == "refused" and d.received_at < run.cutoff]
    warehouse.store("ingest.delivery", _deliveries(visible, warehouse))
    warehouse.store("ingest.refusal", _refusals(refused, warehouse))
    warehouse.store("ingest.check_count", _check_counts(visible, warehouse))
    warehouse.store("ingest.quarantine", _quarantine(visible, run.contracts, warehouse))
    for table in sorted(name for name in run.contracts.tables if name.startswith("raw.")):
        _view(table, visible, run, warehouse)
    _quarantined_unit_months(visible, run, warehouse)
    later, strange = len(accepted) - len(visible), len(every) - len(on_record)
    notes = (
        f"deliveries visible: {len(visible)}, refused files: {len(refused)}",
        f"deliveries known only after the cutoff: {later}, of feeds without a contract: {strange}",
    )
    return _receipt(visible, refused, notes)


def _receipt(visible: list[Visible], refused: list[Delivery], notes: tuple[str, ...]) -> Receipt:
    landed = sum(v.delivery.rows_landed for v in visible)
    known = sum(v.known_rows for v in visible)
    dropped = {
        "quarantined": sum(v.delivery.rows_quarantined for v in visible),
        "set_aside": sum(v.delivery.rows_set_aside for v in visible),
        "known_after_cutoff": landed - known,
        "refused_files": sum(d.rows_in for d in refused),
    }
    rows_in = sum(v.delivery.rows_in for v in visible) + dropped["refused_files"]
    return Receipt("ingest", rows_in=rows_in, rows_out=known, dropped=dropped, notes=notes)


def _visible(delivery: Delivery, run: Run) -> Visible | None:
    """The delivery with its manifest, or None where no row of it was known before the cutoff."""
    if delivery.dated == "arrival" and delivery.received_at >= run.cutoff:
        return None
    folder = batch_folder(delivery, run.home)
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    feed = run.contracts.feeds[delivery.feed]
    if delivery.dated == "arrival" or manifest["period"] is None:
        known = delivery.rows_landed if delivery.received_at < run.cutoff else 0
    else:
        dated = sum(manifest["rows_by_period"])
        known = delivery.rows_landed - dated if delivery.received_at < run.cutoff else 0
        is_month = _period_is_month(feed, run.contracts)
        for text, count in zip(manifest["months"], manifest["rows_by_period"], strict=True):
            known += count if _known_at(date.fromisoformat(text), feed, is_month=is_month) < run.cutoff else 0
    if not known and not (delivery.received_at < run.cutoff and delivery.rows_landed == 0):
        return None
    return Visible(delivery, folder, manifest, known)


def batch_folder(delivery: Delivery, home: Home) -> Path:
    """Where an accepted delivery's batch lies."""
    return home.landing.resolve() / delivery.feed / delivery.batch


def _period_is_month(feed: Feed, contracts: Contracts) -> bool:
    period = dating_period(feed, contracts)
    return period is not None and contracts.feed_column(feed, period).type == "month"


def _known_at(period: date, feed: Feed, *, is_month: bool) -> datetime:
    """When a row dated by lag was known: the end of its month, or its day, and the feed's days after it."""
    end = add_months(period, 1) if is_month else period
    return datetime.combine(end, datetime.min.time()) + timedelta(days=feed.lag_days)


def _frame(table: str, records: Iterable[Mapping[str, Any]], warehouse: Warehouse) -> pl.DataFrame:
    return pl.DataFrame(list(records), schema=warehouse.contracts.polars_schema(table), orient="row")


def _deliveries(visible: list[Visible], warehouse: Warehouse) -> pl.DataFrame:
    return _frame(
        "ingest.delivery",
        (
            {
                "delivery_no": d.delivery_no,
                "feed": d.feed,
                "batch": d.batch,
                "file_name": d.file_name,
                "received_at": d.received_at,
                "dated_by": d.dated,
                "row_count": d.rows_in,
                "landed_count": d.rows_landed,
                "quarantined_count": d.rows_quarantined,
                "set_aside_count": d.rows_set_aside,
            }
            for d in (v.delivery for v in visible)
        ),
        warehouse,
    )


def _refusals(refused: list[Delivery], warehouse: Warehouse) -> pl.DataFrame:
    records = (
        {
            "feed": d.feed,
            "file_name": d.file_name,
            "received_at": d.received_at,
            "batch": d.batch,
            "reason_text": d.reason,
        }
        for d in refused
    )
    return _frame("ingest.refusal", records, warehouse)


def _check_counts(visible: list[Visible], warehouse: Warehouse) -> pl.DataFrame:
    records = (
        {
            "feed": v.delivery.feed,
            "batch": v.delivery.batch,
            "delivery_no": v.delivery.delivery_no,
            "check_id": check_id,
            "check_sentence": check["sentence"],
            "severity": check["severity"],
            "row_count": v.delivery.rows_landed + v.delivery.rows_quarantined,
            "bad_row_count": check["bad"],
        }
        for v in visible
        for check_id, check in v.manifest["checks"].items()
    )
    return _frame("ingest.check_count", records, warehouse)


def _quarantine(visible: list[Visible], contracts: Contracts, warehouse: Warehouse) -> pl.DataFrame:
    """Reasons of every visible delivery, with the department that is told."""
    columns = list(contracts.tables["ingest.quarantine"].columns)
    frames = [
        pl.read_parquet(v.folder / "reasons.parquet")
        .with_columns(
            feed=pl.lit(v.delivery.feed),
            feed_label=pl.lit(contracts.feeds[v.delivery.feed].label),
            owner=pl.lit(contracts.feeds[v.delivery.feed].owner),
            delivery_no=pl.lit(v.delivery.delivery_no, dtype=pl.Int64),
            received_at=pl.lit(v.delivery.received_at, dtype=pl.Datetime("us")),
        )
        .select(columns)
        for v in visible
        if v.delivery.rows_quarantined
    ]
    return pl.concat([_frame("ingest.quarantine", (), warehouse), *frames])


def _view(table: str, visible: list[Visible], run: Run, warehouse: Warehouse) -> None:
    """Make ``table`` a view over the batches of every feed that provides it; empty where none came."""
    columns = run.contracts.tables[table].columns
    typed = ", ".join(
        f'NULL::{DUCKDB_TYPES[run.contracts.column(c).type]} AS "{c}"' for c in (*columns, *RECORD_COLUMNS)
    )
    parts = _selects(table.removeprefix("raw."), columns, visible, run, file="rows.parquet")
    if not parts:
        parts = [f"SELECT {typed} WHERE false"]
    warehouse.drop(table)
    warehouse.execute(f"CREATE VIEW {table} AS\n" + "\nUNION ALL\n".join(parts))


def _selects(target: str, columns: Iterable[str], visible: list[Visible], run: Run, *, file: str) -> list[str]:
    """One SELECT per feed that provides ``target``, way of dating and set of landed columns."""
    groups: dict[tuple[str, str, tuple[str, ...]], list[Path]] = defaultdict(list)
    for v in visible:
        if target in run.contracts.feeds[v.delivery.feed].provides:
            key = (v.delivery.feed, v.delivery.dated, tuple(v.manifest["columns"]))
            path = v.folder / file
            if path not in groups[key]:
                groups[key].append(path)
    return [
        _select(target, list(columns), run.contracts.feeds[feed], dated, present, files, run)
        for (feed, dated, present), files in sorted(groups.items())
    ]


def _select(
    target: str, columns: list[str], feed: Feed, dated: str, present: tuple[str, ...], files: list[Path], run: Run
) -> str:
    mapping = feed.provides[target]
    said = {c: f'"{c}"' for c in columns if c in present} if mapping == "same" else dict(mapping)
    cast = ", ".join(
        f'CAST({said.get(c, "NULL")} AS {DUCKDB_TYPES[run.contracts.column(c).type]}) AS "{c}"' for c in columns
    )
    listed = ", ".join("'" + str(path).replace("'", "''") + "'" for path in files)
    names = ", ".join(f'landed."{c}"' for c in columns)
    known = f"CAST({_known_at_sql(feed, dated, run.contracts)} AS TIMESTAMP)"
    period = dating_period(feed, run.contracts)
    dating = f'"{period}"' if period in present and dated == "lag" else "NULL::DATE"
    return (
        f"SELECT {names}, landed.batch, landed.line_no, delivery.delivery_no, {known} AS known_at\n"
        f"FROM (SELECT {cast}, batch, line_no, {dating} AS _period FROM read_parquet([{listed}])) AS landed\n"
        f"JOIN ingest.delivery AS delivery ON delivery.batch = landed.batch\n"
        f"WHERE delivery.feed = '{feed.feed}' AND delivery.dated_by = '{dated}'\n"
        f"AND {known} < TIMESTAMP '{run.cutoff.isoformat(sep=' ')}'"
    )


def _known_at_sql(feed: Feed, dated: str, contracts: Contracts) -> str:
    """The same rule as ``_known_at``, in SQL over ``_period``."""
    if dated == "arrival" or dating_period(feed, contracts) is None:
        return "delivery.received_at"
    end = "landed._period + INTERVAL 1 MONTH" if _period_is_month(feed, contracts) else "landed._period"
    return f"coalesce(CAST({end} + INTERVAL {feed.lag_days} DAY AS TIMESTAMP), delivery.received_at)"


def _quarantined_unit_months(visible: list[Visible], run: Run, warehouse: Warehouse) -> None:
    """Units and months of which a row was quarantined, where both could be read."""
    held = [v for v in visible if v.delivery.rows_quarantined]
    parts = _selects("insurance_month", ("unit_no", "month"), held, run, file="quarantined.parquet")
    warehouse.execute(run.contracts.ddl("ingest.quarantined_unit_month"))
    if parts:
        union = "\nUNION ALL\n".join(parts)
        warehouse.execute(
            f"INSERT INTO ingest.quarantined_unit_month SELECT DISTINCT unit_no, month FROM ({union}) "
            "WHERE unit_no IS NOT NULL AND month IS NOT NULL ORDER BY unit_no, month"
        )
