"""Which identifier leads to which enterprise, and what of that has changed since the slabs were last looked at.

The links of a night are kept as one file named by their content. Comparing two such files tells which identifiers
lead elsewhere now, so that a night reads old rows only where a link has moved.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipelines.contracts import Table
from pipelines.run import atomic_file
from pipelines.warehouse import Warehouse

COLUMNS = "link_kind, identifier, enterprise_no, from_month, until_month"


@dataclass(frozen=True)
class Change:
    """How the links differ from those of an earlier night: kinds in which some moved, and kinds in which some came."""

    moved: frozenset[str] = frozenset()
    came: frozenset[str] = frozenset()

    @property
    def is_none(self) -> bool:
        """Whether nothing differs."""
        return not (self.moved or self.came)


NOTHING = Change()


def name(warehouse: Warehouse) -> str:
    """The name of the links in ``core.link``, by their content."""
    query = f"SELECT count(*), coalesce(bit_xor(hash({COLUMNS})), 0::UBIGINT) FROM core.link"
    count, content = warehouse.rows(query)[0]
    return f"{count:x}-{content:016x}"


def keep(warehouse: Warehouse, path: Path) -> None:
    """Write ``core.link`` to ``path``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as temporary:
        warehouse.frame(f"SELECT {COLUMNS} FROM core.link").write_parquet(
            temporary, compression="zstd", compression_level=1
        )


def compare(warehouse: Warehouse, before: Path) -> Change:
    """Compare ``core.link`` with the links in ``before``; leaves temporary tables for ``moved_months``.

    ``_link_before`` holds the earlier links, ``_link_moved`` identifiers that led somewhere then and elsewhere now,
    ``_link_came`` identifiers that led nowhere then.
    """
    quoted = str(before).replace("'", "''")
    warehouse.execute(f"CREATE OR REPLACE TEMP TABLE _link_before AS SELECT {COLUMNS} FROM read_parquet('{quoted}')")
    warehouse.execute(
        f"CREATE OR REPLACE TEMP TABLE _link_changed AS SELECT DISTINCT link_kind, identifier FROM ("
        f"(SELECT {COLUMNS} FROM _link_before EXCEPT SELECT {COLUMNS} FROM core.link) UNION ALL "
        f"(SELECT {COLUMNS} FROM core.link EXCEPT SELECT {COLUMNS} FROM _link_before))"
    )
    for table, join in (("_link_moved", "SEMI"), ("_link_came", "ANTI")):
        warehouse.execute(
            f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT link_kind, identifier FROM _link_changed "
            f"{join} JOIN _link_before USING (link_kind, identifier)"
        )
    moved, came = (
        frozenset(kind for (kind,) in warehouse.rows(f"SELECT DISTINCT link_kind FROM {table}"))
        for table in ("_link_moved", "_link_came")
    )
    return Change(moved=moved, came=came)


def moved_months(warehouse: Warehouse, raw: Table, column: str, kind: str) -> set[object]:
    """Months of ``raw`` with a row whose ``column`` led to one enterprise then and to another, or to none, now."""
    month = month_of(raw, warehouse)
    found = warehouse.rows(
        f"SELECT DISTINCT r.month FROM (SELECT {month} AS month, {column} AS identifier FROM {raw.table} "
        f"WHERE {column} IN (SELECT identifier FROM _link_moved WHERE link_kind = $kind)) AS r "
        f"LEFT JOIN _link_before AS o ON {on('o', 'r.identifier', 'r.month')} "
        f"LEFT JOIN core.link AS n ON {on('n', 'r.identifier', 'r.month')} "
        "WHERE o.enterprise_no IS DISTINCT FROM n.enterprise_no",
        kind=kind,
    )
    return {row[0] for row in found}


def on(alias: str, identifier: str, month: str) -> str:
    """The condition under which link ``alias`` (of ``$kind``) speaks for ``identifier`` in ``month``."""
    return (
        f"{alias}.link_kind = $kind AND {alias}.identifier = {identifier} "
        f"AND {month} >= {alias}.from_month AND {month} < {alias}.until_month"
    )


def month_of(raw: Table, warehouse: Warehouse) -> str:
    """SQL: the first day of the month that dates a row of ``raw``; null where nothing dates it."""
    if raw.month:
        return f'"{raw.month}"'
    if raw.period is None:
        return "NULL::DATE"
    kinds: Mapping[str, str] = {"integer": f'make_date("{raw.period}"::INTEGER, 1, 1)'}
    kind = warehouse.contracts.column(raw.period).type
    return kinds.get(kind, f"date_trunc('month', \"{raw.period}\")::DATE")
