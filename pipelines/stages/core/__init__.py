"""One enterprise over all departments, one row per month, as known at the cutoff.

Identity here is exact: codes and crosswalks, no names. What cannot be linked is listed, never dropped.
"""

import csv

import polars as pl

from pipelines.contracts import SQL
from pipelines.run import Receipt, Run
from pipelines.stages.core import slabs, sources
from pipelines.warehouse import Warehouse

DIMENSIONS = ("core.us_exporter", "core.tariff_measure", "core.layoff_notice", "core.quarantined_month")


def run(run: Run, warehouse: Warehouse) -> Receipt:
    """Build ``core.*`` from ``raw.*``; raw rows in, raw rows that reach an enterprise or a dimension out."""
    with warehouse.transaction():
        _industries(run, warehouse)
        enterprises = warehouse.build(
            "core.enterprise",
            as_of=run.as_of,
            agency_industries=run.parameters["labour_agency_industries"],
            division_digits=run.contracts.feed_set.industry_codes is not None,
        )
        warehouse.build("core.insured_unit")
        warehouse.build("core.customs_code")
        written = [slabs.write(run, warehouse, fact) for fact in slabs.FACTS]
        for table in DIMENSIONS:
            warehouse.build(table)
        warehouse.build("core.unlinked")
        warehouse.build("core.month_status", complete_month_pct=run.parameters["complete_month_pct"])
        rows_in = sources.write(run, warehouse)
    unlinked = int(warehouse.scalar("SELECT coalesce(sum(row_count), 0) FROM core.unlinked"))
    run.progress(f"核心层：企业 {enterprises} 家，月度分片重写 {sum(new for _, new in written)} 个月")
    return Receipt(
        stage="core",
        rows_in=rows_in,
        rows_out=rows_in - unlinked,
        dropped={"unlinked": unlinked} if unlinked else {},
        notes=tuple(
            f"{fact.table}: {new} of {total} months written"
            for fact, (total, new) in zip(slabs.FACTS, written, strict=True)
        ),
    )


def _industries(run: Run, warehouse: Warehouse) -> None:
    """Names of industry divisions from the set's own code list; an empty table where it has none."""
    schema = run.contracts.polars_schema("core.industry")
    codes = run.contracts.feed_set.industry_codes
    rows: list[tuple[str, str]] = []
    if codes:
        with (SQL / "codes" / f"{codes}.csv").open(encoding="utf-8", newline="") as handle:
            rows = [(row["code"], row["name"]) for row in csv.DictReader(handle) if row["code"].isdigit()]
    warehouse.store("core.industry", pl.DataFrame(rows, schema=schema, orient="row"))
