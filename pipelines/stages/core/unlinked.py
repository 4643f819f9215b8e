"""Rows that reach no enterprise: counted per identifier, with the reason, and told instead of dropped.

Of a fact in month slabs they are counted when a month is written and lie beside it; of a small table they are counted
every night. This module changes nothing in the facts themselves.
"""

from collections.abc import Iterable
from pathlib import Path

import polars as pl

from pipelines.contracts import Slab, Table
from pipelines.stages.core import latest
from pipelines.stages.core.latest import is_linked, link_joins
from pipelines.stages.core.links import month_of
from pipelines.warehouse import Warehouse

NOTHING_SAID = "（未填）"
REASONS = {
    "unit": "参保单位没有对应的统一社会信用代码",
    "customs": "海关编码没有对应的统一社会信用代码",
    "enterprise": "统一社会信用代码不在已知企业之中",
    "name": "未填统一社会信用代码，按名称尚未认定到企业",
}


def of_months(warehouse: Warehouse, slab: Slab) -> pl.DataFrame:
    """Rows of the months in ``core.changed_month`` without an enterprise.

    Gives ``month``, the link columns, ``identifier`` (one of them that leads nowhere), its ``link_kind``, and
    ``row_count``.
    """
    raw = warehouse.contracts.tables[slab.raw]
    links = list(enumerate(slab.links.items()))
    missing = [f"l{place}.enterprise_no IS NULL" for place, _ in links]
    is_all = slab.linked_by == "all"
    told = links if is_all else links[::-1]
    tests = {place: missing[place] if is_all else f"r.{column} IS NOT NULL" for place, (column, _) in told}
    shown = " ".join(f"WHEN {tests[place]} THEN coalesce(r.{column}, '{NOTHING_SAID}')" for place, (column, _) in told)
    kinds = " ".join(f"WHEN {tests[place]} THEN '{kind}'" for place, (_, kind) in told)
    if not is_all:
        shown, kinds = f"{shown} ELSE '{NOTHING_SAID}'", f"{kinds} ELSE '{links[0][1][1]}'"
    own = ", ".join(slab.links)
    return warehouse.frame(
        f"SELECT r.month, {own}, CASE {shown} END AS identifier, CASE {kinds} END AS link_kind, "
        f"count(*)::BIGINT AS row_count "
        f"FROM (SELECT {month_of(raw, warehouse)} AS month, {own} FROM {raw.table}) AS r "
        f"{link_joins(slab, 'r', 'month', kind='LEFT')} "
        f"WHERE r.month IN (SELECT month FROM core.changed_month) "
        f"AND ({(' AND ' if slab.linked_by == 'any' else ' OR ').join(missing)}) GROUP BY ALL ORDER BY ALL"
    )


def of_files(slab: Slab, files: Iterable[Path]) -> pl.DataFrame:
    """What the ``files`` beside the slabs of a fact say, in the columns of ``core.unlinked``."""
    nothing = pl.DataFrame(schema=dict.fromkeys(("identifier", "link_kind"), pl.String()) | {"row_count": pl.Int64()})
    found = [pl.read_parquet(path, columns=nothing.columns) for path in files]
    return pl.concat([nothing, *found]).select(
        pl.lit(slab.raw.removeprefix("raw.")).alias("feed"),
        "identifier",
        "row_count",
        pl.col("link_kind").replace_strict(REASONS, return_dtype=pl.String).alias("reason_text"),
    )


def of_table(warehouse: Warehouse, table: Table) -> pl.DataFrame:
    """Raw rows of a table of latest versions whose code is no known enterprise's; no rows where it has none."""
    assert table.latest_of is not None, "only a table of latest versions"
    if not is_linked(table):
        return pl.DataFrame(schema=warehouse.contracts.polars_schema("core.unlinked"))
    by_name = bool(warehouse.contracts.tables[table.latest_of].naming)
    identifier, joins, open_rows = "r.enterprise_id", "ANTI JOIN core.enterprise USING (enterprise_id)", ""
    if by_name:
        identifier = "coalesce(r.enterprise_id, r.name_key)"
        joins = latest.NAME_JOINS.replace("v.name_key", "r.name_key")
        open_rows = " WHERE coalesce(e.enterprise_no, n.enterprise_no) IS NULL"
    return warehouse.frame(
        f"SELECT $feed AS feed, coalesce({identifier}, $nothing) AS identifier, count(*)::BIGINT AS row_count, "
        f"{_reason('r.name_key IS NOT NULL' if by_name else 'false')} AS reason_text "
        f"FROM {table.latest_of} AS r {joins}{open_rows} GROUP BY ALL ORDER BY ALL",
        feed=table.latest_of.removeprefix("raw."),
        nothing=NOTHING_SAID,
    )


def of_units(warehouse: Warehouse) -> pl.DataFrame:
    """Rows of insurance units that give no code and whose name led to no enterprise."""
    return warehouse.frame(
        f"SELECT 'insured_unit' AS feed, coalesce(r.name_key, $nothing) AS identifier, count(*)::BIGINT AS row_count, "
        f"{_reason('r.name_key IS NOT NULL')} AS reason_text FROM raw.insured_unit AS r "
        "ANTI JOIN core.name_link USING (name_key) WHERE r.enterprise_id IS NULL AND NOT r.is_retracted "
        "GROUP BY ALL ORDER BY ALL",
        nothing=NOTHING_SAID,
    )


def _reason(is_named: str) -> str:
    """SQL: why a row has no enterprise, by whether it names one."""
    return f"CASE WHEN {is_named} THEN '{REASONS['name']}' ELSE '{REASONS['enterprise']}' END"


def store(warehouse: Warehouse, parts: Iterable[pl.DataFrame]) -> int:
    """Fill ``core.unlinked``, one row per feed and identifier; gives the rows that reach no enterprise."""
    schema = warehouse.contracts.polars_schema("core.unlinked")
    every = pl.concat([pl.DataFrame(schema=schema), *(part.select(list(schema)).cast(schema) for part in parts)])  # type: ignore[arg-type]
    summed = every.group_by("feed", "identifier").agg(pl.col("row_count").sum(), pl.col("reason_text").min())
    warehouse.store("core.unlinked", summed.sort("feed", "identifier"))
    return int(every["row_count"].sum())
