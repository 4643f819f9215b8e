"""One enterprise over all departments, one row per month, as known at the cutoff.

Codes first, then crosswalks, then names that something else bears out (``naming``). What cannot be linked is listed,
never dropped.
"""

import csv

import polars as pl

from pipelines.contracts import SQL, Contracts, Table
from pipelines.run import Receipt, Run
from pipelines.stages.core import latest, naming, slabs, sources, unlinked
from pipelines.warehouse import Warehouse


def run(run: Run, warehouse: Warehouse) -> Receipt:
    """Build ``core.*`` from ``raw.*``; raw rows in, raw rows that reach an enterprise or a dimension out."""
    with warehouse.transaction():
        _industries(run, warehouse)
        by_name = naming.run(run, warehouse)
        warehouse.build(
            "core.enterprise",
            as_of=run.as_of,
            agency_industries=run.parameters["labour_agency_industries"],
            division_digits=run.contracts.feed_set.industry_codes is not None,
        )
        for table in ("core.insured_unit", "core.customs_code", "core.link", "core.insured_county"):
            warehouse.build(table)
        facts = slabs.write(run, warehouse)
        dimensions = _dimensions(run.contracts)
        for dimension in dimensions:
            latest.build(dimension, warehouse)
        told = [unlinked.of_units(warehouse), *(unlinked.of_table(warehouse, table) for table in dimensions)]
        left_out = unlinked.store(warehouse, [*(fact.unlinked for fact in facts), *told])
        complete = run.parameters["complete_month_pct"]
        warehouse.build("core.month_status", complete_month_pct=complete)
        least = run.parameters["county_short_rows_least"]
        warehouse.build("core.county_month", complete_month_pct=complete, county_short_rows_least=least)
        warehouse.build("core.unknown_month")
        warehouse.build("core.source_period")
        rows_in = sources.write(run, warehouse)
    enterprises = warehouse.count("core.enterprise")
    waiting = warehouse.rows("SELECT count(DISTINCT name_key) FROM core.name_candidate")[0][0]
    run.progress(f"核心层：企业 {enterprises} 家，月度分片重写 {sum(fact.new for fact in facts)} 个月")
    return Receipt(
        stage="core",
        rows_in=rows_in,
        rows_out=rows_in - left_out,
        dropped={"unlinked": left_out} if left_out else {},
        notes=(
            f"names led to enterprises: {by_name}, waiting for a person: {waiting}",
            *(f"{fact.table}: {fact.new} of {fact.months} months made, {fact.files} files written" for fact in facts),
        ),
    )


def _dimensions(contracts: Contracts) -> list[Table]:
    """The tables of latest versions that lie in the working file, in order of name."""
    return [table for _, table in sorted(contracts.tables.items()) if table.latest_of and not table.slab]


def _industries(run: Run, warehouse: Warehouse) -> None:
    """Names of industry divisions from the set's own code list; an empty table where it has none."""
    schema = run.contracts.polars_schema("core.industry")
    codes = run.contracts.feed_set.industry_codes
    rows: list[tuple[str, str]] = []
    if codes:
        with (SQL / "codes" / f"{codes}.csv").open(encoding="utf-8", newline="") as handle:
            rows = [(row["code"], row["name"]) for row in csv.DictReader(handle) if row["code"].isdigit()]
    warehouse.store("core.industry", pl.DataFrame(rows, schema=schema, orient="row"))
