"""Tables that keep the latest version of each key of one raw table, linked to enterprises: rendered from contracts.

A raw row is a version of its key; the latest word counts, and where that takes the row back there is none. Then its
enterprise is looked up (``core.link`` for a fact in month slabs and for names, ``core.enterprise`` for the codes of a
small table), then rows of one key of the table are added up where its contract says so. What is no version of a raw
row, such as an open posting in each of its months, has SQL of its own.
"""

from collections.abc import Collection

import polars as pl

from pipelines.contracts import Contracts, Slab, Table, read_sql
from pipelines.warehouse import Warehouse

NAME_JOINS = (
    " LEFT JOIN core.enterprise AS e USING (enterprise_id)"
    " LEFT JOIN core.link AS n ON n.link_kind = 'name' AND n.identifier = v.name_key"
)
LATEST = "ORDER BY known_at DESC, delivery_no DESC, is_retracted, line_no"


def body(table: Table, contracts: Contracts, *, contested: Collection[int] | None = None) -> str:
    """The query whose rows, added up, fill ``table``; of a fact in slabs for the months of ``core.changed_month``.

    ``contested`` are deliveries that may give a key of those months for a second time; with None any may.
    """
    if table.latest_of is None:
        return read_sql(f"{table.schema_name}/{table.name}").strip().rstrip(";")
    raw = contracts.tables[table.latest_of]
    found, joins = _linked(table, raw)
    said = {name: f"({sql})" for name, sql in table.computed.items()} | found
    columns = ", ".join(f'{said.get(c, f"v.{c}")} AS "{c}"' for c in table.columns)
    if table.slab is None:
        fresh = f"SELECT * FROM {raw.table}{_in_force(raw, contracts, word='WHERE')}"
        return f"WITH {_version(fresh, raw)}\nSELECT {columns} FROM version AS v{joins}"
    fresh = (
        f'SELECT * FROM {raw.table} WHERE "{raw.month}" IN (SELECT month FROM core.changed_month)'
        f"{_in_force(raw, contracts, word=' AND')}"
    )
    return f"WITH {_version(fresh, raw, contested=contested)}\nSELECT {columns} FROM version AS v{joins}"


def is_linked(table: Table) -> bool:
    """Whether the rows of a small table of latest versions belong to enterprises."""
    return "enterprise_no" in table.columns


def build(table: Table, warehouse: Warehouse) -> None:
    """Create ``table``, which lies in no slabs, in the order of its key."""
    columns, key = (", ".join(f'"{c}"' for c in part) for part in (table.columns, table.key))
    warehouse.execute(warehouse.contracts.ddl(table.table))
    query = f"SELECT {columns} FROM (\n{body(table, warehouse.contracts)}\n) ORDER BY {key}"
    warehouse.execute(f"INSERT INTO {table.table} {query}")


def added_up(rows: pl.DataFrame, table: Table) -> pl.DataFrame:
    """``rows`` in order of the key of ``table``, those of one key added up; few are, so only those are grouped.

    Numbers are summed and marks joined by or; a value is missing only where every row's is.
    """
    key = list(table.key)
    ordered = rows.sort(key)
    again = pl.all_horizontal(pl.col(c).eq_missing(pl.col(c).shift(1)) for c in key) & (pl.int_range(pl.len()) > 0)
    shared = ordered.select((again | again.shift(-1, fill_value=False)).alias("shared")).to_series()
    if not table.sums or not shared.any():
        return ordered
    values = {
        c: pl.col(c).any() if rows.schema[c] == pl.Boolean else pl.col(c).sum() for c in rows.columns if c not in key
    }
    grouped = (
        ordered.filter(shared)
        .group_by(key)
        .agg(pl.when(pl.col(c).is_not_null().any()).then(value).alias(c) for c, value in values.items())
    )
    return pl.concat([ordered.filter(~shared), grouped.select(rows.columns).cast(rows.schema)]).sort(key)


def _in_force(raw: Table, contracts: Contracts, *, word: str) -> str:
    """The condition that leaves out months told anew as a whole; none where no feed of ``raw`` tells whole months."""
    if all(feed.covers == "rows" for feed in contracts.providers(raw.name)):
        return ""
    return (
        f" {word.strip()} NOT EXISTS (FROM ingest.superseded AS s WHERE s.delivery_no = {raw.table}.delivery_no "
        f'AND s.period_on = {raw.table}."{raw.month}")'
    )


def _version(fresh: str, raw: Table, *, contested: Collection[int] | None = None) -> str:
    """The step ``version``: of each key of ``raw`` among the rows of ``fresh`` the latest word."""
    key = ", ".join(f'"{c}"' for c in raw.key)
    latest = f"QUALIFY row_number() OVER (PARTITION BY {key} {LATEST}) = 1 AND NOT is_retracted"
    if contested is None:
        return f"version AS ({fresh} {latest})"
    if not contested:
        return f"version AS (SELECT * FROM ({fresh}) WHERE NOT is_retracted)"
    numbers = ", ".join(map(str, sorted(contested)))
    return (
        f"fresh AS ({fresh}), contested AS (SELECT DISTINCT {key} FROM fresh WHERE delivery_no IN ({numbers})), "
        f"version AS (SELECT * FROM fresh ANTI JOIN contested USING ({key}) WHERE NOT is_retracted UNION ALL "
        f"SELECT * FROM fresh SEMI JOIN contested USING ({key}) {latest})"
    )


def _linked(table: Table, raw: Table) -> tuple[dict[str, str], str]:
    """How the enterprise columns of ``table`` are found, and the joins that find them."""
    if table.slab is None:
        if not is_linked(table):
            return {}, ""
        if not raw.naming:
            return {"enterprise_no": "e.enterprise_no"}, " INNER JOIN core.enterprise AS e USING (enterprise_id)"
        either = "coalesce(e.enterprise_no, n.enterprise_no)"
        return {"enterprise_no": either}, f"{NAME_JOINS} WHERE {either} IS NOT NULL"
    found = [f"l{place}.enterprise_no" for place in range(len(table.slab.links))]
    own = [column for column in table.columns if column.endswith("enterprise_no")]
    if table.slab.linked_by == "all":
        return dict(zip(own, found, strict=True)), link_joins(table.slab, "v", "month", kind="INNER")
    either = f"coalesce({', '.join(found)})"
    return {own[0]: either}, f"{link_joins(table.slab, 'v', 'month', kind='LEFT')} WHERE {either} IS NOT NULL"


def link_joins(slab: Slab, rows: str, month: str, *, kind: str) -> str:
    """Joins of ``rows`` with the links ``l0`` … that its identifiers have in its ``month``."""
    return "".join(
        f"\n{kind} JOIN core.link AS l{place} "
        f"ON l{place}.link_kind = '{link}' AND l{place}.identifier = {rows}.{column} "
        f"AND {rows}.{month} >= l{place}.from_month AND {rows}.{month} < l{place}.until_month"
        for place, (column, link) in enumerate(slab.links.items())
    )
