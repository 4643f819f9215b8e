"""Raw tables by hand, with the deliveries that the core rests on, for the tests of the core."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

import polars as pl

from pipelines import contracts as contract_files
from pipelines.contracts import POLARS_TYPES, Contracts, Table
from pipelines.warehouse import Warehouse

ONE, TWO, THREE = "91320703PDY00001X4", "91320706PDY000028F", "91320707PDY123458F"
EARLY, LATE = datetime(2026, 3, 6), datetime(2026, 4, 6)
MONTH = date(2026, 2, 1)
RECORD = {
    "batch": pl.String(),
    "line_no": pl.Int64(),
    "delivery_no": pl.Int64(),
    "known_at": pl.Datetime("us"),
    "is_retracted": pl.Boolean(),
}

RECORD_TYPES = {
    "batch": "VARCHAR",
    "line_no": "BIGINT",
    "delivery_no": "BIGINT",
    "known_at": "TIMESTAMP",
    "is_retracted": "BOOLEAN",
}


@contextmanager
def open_raw(contracts: Contracts | None = None) -> Iterator[Warehouse]:
    """A warehouse in memory whose raw and ingest tables are empty."""
    contracts = contracts or contract_files.load()
    found = Warehouse(None, contracts=contracts)
    own = [table for table in contracts.tables.values() if table.schema_name in ("ingest", "raw")]
    found.execute(";".join(contracts.ddl(t.table) if t.schema_name == "ingest" else _empty(t, contracts) for t in own))
    try:
        yield found
    finally:
        found.close()


def _empty(table: Table, contracts: Contracts) -> str:
    """DDL of the raw ``table``, with the record that every raw row has."""
    record = [f"{name} {kind}" for name, kind in RECORD_TYPES.items() if name not in table.columns]
    body = contracts.ddl(table.table).removesuffix(")")
    return ", ".join([body, *record]) + ")"


def give(warehouse: Warehouse, table: str, rows: list[dict[str, Any]]) -> None:
    """Store ``rows`` as all of ``raw.<table>`` and tell ``ingest`` of the deliveries that brought them.

    Line, delivery and known_at are filled where a row gives none; delivery numbers are the table's own.
    """
    contract = warehouse.contracts.tables[f"raw.{table}"]
    types = {c: POLARS_TYPES[warehouse.contracts.column(c).type] for c in contract.columns} | RECORD
    whole = [
        dict.fromkeys(types) | {"line_no": n, "delivery_no": 1, "known_at": EARLY, "is_retracted": False} | row
        for n, row in enumerate(rows, start=1)
    ]
    place = sorted(warehouse.contracts.feeds).index(table) * 1000 if table in warehouse.contracts.feeds else 0
    frame = pl.DataFrame(whole, schema=types, orient="row").with_columns(
        pl.col("delivery_no") + place, batch=pl.concat_str(pl.lit(table), pl.col("delivery_no").cast(pl.String))
    )
    warehouse.connection.register("_rows", frame.to_arrow())
    warehouse.execute(f"CREATE OR REPLACE TABLE raw.{table} AS SELECT * FROM _rows")
    _tell(warehouse, table, frame, contract.month or contract.period)


def _tell(warehouse: Warehouse, feed: str, rows: pl.DataFrame, period: str | None) -> None:
    """Replace what ``ingest`` says of ``feed``."""
    is_dated = period is not None and rows.schema[period] == pl.Date
    on = pl.col(period or "").alias("period_on") if is_dated else pl.lit(None, dtype=pl.Date).alias("period_on")
    numbered = rows.with_columns(on)
    periods = numbered.group_by("delivery_no", "period_on", "known_at").agg(pl.len().cast(pl.Int64).alias("row_count"))
    own = numbered.group_by("delivery_no").agg(pl.first("batch"), pl.max("known_at").alias("received_at"))
    warehouse.execute(
        "DELETE FROM ingest.delivery_period WHERE delivery_no IN (SELECT delivery_no FROM ingest.delivery "
        "WHERE feed = $feed)",
        feed=feed,
    )
    warehouse.execute("DELETE FROM ingest.delivery WHERE feed = $feed", feed=feed)
    for table, frame in (
        ("ingest.delivery", own.with_columns(feed=pl.lit(feed), dated_by=pl.lit("arrival"))),
        ("ingest.delivery_period", periods),
    ):
        warehouse.connection.register("_told", frame.to_arrow())
        warehouse.execute(f"INSERT INTO {table} BY NAME SELECT * FROM _told")


def insured(unit: str, persons: int, **more: Any) -> dict[str, Any]:
    """A row of raw.insurance_month."""
    return {"unit_no": unit, "month": MONTH, "insured_persons": persons, **more}


def unit(number: str, enterprise: str, **more: Any) -> dict[str, Any]:
    """A row of raw.insured_unit."""
    return {"unit_no": number, "enterprise_id": enterprise, "unit_kind": "普通", "valid_from": date(2020, 1, 1), **more}
