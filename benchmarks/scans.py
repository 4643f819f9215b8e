"""The raw scan of the same columns: what DuckDB needs to read, once, all that the features stage reads.

The stage is run once with its queries written down; from them come the tables, the columns and the first month of
each. The scan then sums every such column over the same files, and does nothing else.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import sqlglot
from sqlglot import exp

from benchmarks import homes
from benchmarks.measure import Work
from pipelines import nightly
from pipelines.contracts import Contracts
from pipelines.contracts import load as load_contracts
from pipelines.warehouse import Warehouse

SUMMED = {"integer", "fen", "usd_cent", "basis_point", "number"}
Reads = dict[str, dict[str, Any]]


def record(given: Mapping[str, Any]) -> Work:
    """Run the features stage once and write which columns it reads, and from which month on, to ``given['reads']``."""
    day = date.fromisoformat(given["night"])
    made = homes.means(Path(given["home"]), night=day)
    queries: list[tuple[str, dict[str, Any]]] = []
    for name in ("frame", "rows"):
        _listen(name, queries)

    def work() -> dict[str, Any]:
        nightly.step(made, name="features", as_of=day)
        reads = columns_read(queries, load_contracts(None))
        Path(given["reads"]).write_text(json.dumps(reads, default=str, indent=1), encoding="utf-8")
        return {"tables": len(reads), "columns": sum(len(r["columns"]) for r in reads.values())}

    return work


def _listen(method: str, queries: list[tuple[str, dict[str, Any]]]) -> None:
    plain = getattr(Warehouse, method)

    def listening(self: Warehouse, sql: str, **parameters: Any) -> Any:
        queries.append((sql, parameters))
        return plain(self, sql, **parameters)

    setattr(Warehouse, method, listening)


def columns_read(queries: Iterable[tuple[str, Mapping[str, Any]]], contracts: Contracts) -> Reads:
    """Table → columns and first month, over all ``queries``; the stage's own tables left out."""
    columns: dict[str, set[str]] = defaultdict(set)
    firsts: dict[str, list[date | None]] = defaultdict(list)
    for sql, parameters in queries:
        parsed = sqlglot.parse_one(sql, dialect="duckdb")
        named = {column.name for column in parsed.find_all(exp.Column)}
        for table in {f"{t.db}.{t.name}" for t in parsed.find_all(exp.Table) if t.db}:
            if table in contracts.tables and not table.startswith(("features.", "night.")):
                columns[table] |= named & set(contracts.tables[table].columns)
                firsts[table].append(parameters.get("first_month") if "$first_month" in sql else None)
    return {
        table: {
            "columns": sorted(columns[table]),
            "first_month": None if None in firsts[table] else min(m for m in firsts[table] if m),
        }
        for table in sorted(columns)
        if columns[table]
    }


def scan(given: Mapping[str, Any]) -> Work:
    """Sum every column of ``given['reads']`` in the working file of ``given['home']`` and the files behind it."""
    reads: Reads = json.loads(Path(given["reads"]).read_text(encoding="utf-8"))
    contracts = load_contracts(None)
    queries = [_sums(table, read, contracts) for table, read in reads.items()]
    connection = duckdb.connect(
        str(Path(given["home"]) / "warehouse.duckdb"), read_only=True, config={"threads": homes.THREADS}
    )

    def work() -> dict[str, Any]:
        rows = 0
        for query in queries:
            found = connection.execute(query).fetchone()
            rows += found[0] if found else 0
        return {"rows": rows, "columns": sum(len(read["columns"]) for read in reads.values())}

    return work


def _sums(table: str, read: Mapping[str, Any], contracts: Contracts) -> str:
    terms = ["count(*)"]
    for name in read["columns"]:
        kind = contracts.column(name).type
        terms.append(f'sum("{name}")' if kind in SUMMED else f'max("{name}")')
    since = f" WHERE month >= DATE '{read['first_month']}'" if read["first_month"] else ""
    return f"SELECT {', '.join(terms)} FROM {table}{since}"
