"""The working file ``warehouse.duckdb`` and every other DuckDB connection; this module alone opens DuckDB.

One writer at a time (an operating-system lock with a clear message), each stage commits whole or not at all, no
extension is ever looked for on the network. The file can be thrown away: landing and ledger rebuild it.
"""

import fcntl
import os
import re
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from pipelines.contracts import Contracts, read_sql
from pipelines.errors import BusyError, NotFoundError, PublishError, WengangError

OFFLINE: Mapping[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
}


class Warehouse:
    """A DuckDB connection with our habits: named SQL files, whole transactions, Polars in and out."""

    def __init__(self, path: Path | None, *, contracts: Contracts, threads: int = 2) -> None:
        """Open ``path`` (in memory if None) for writing with ``threads`` threads.

        Raises ``BusyError`` where another process holds the file, ``WengangError`` where the file is broken.
        """
        self.contracts = contracts
        try:
            self.connection = duckdb.connect(str(path) if path else ":memory:", config={**OFFLINE, "threads": threads})
            for schema in sorted({table.schema_name for table in contracts.tables.values()}):
                self.connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        except duckdb.Error as error:
            if "Could not set lock" in str(error):
                raise BusyError(f"another process has {path} open; close it and run again") from error
            first = str(error).splitlines()[0]
            raise WengangError(
                f"the working file cannot be opened ({first}): delete {path} and, if there, {path}.wal; "
                "the next run rebuilds it from landing and ledger"
            ) from error

    def close(self) -> None:
        """Close the connection; what was committed stays."""
        self.connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit all that happens inside, or nothing."""
        self.connection.execute("BEGIN")
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    def execute(self, sql: str, **parameters: Any) -> None:
        """Run statements for their effect."""
        self.connection.execute(sql, parameters or None)

    def rows(self, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
        """Run a query and give its rows."""
        return self.connection.execute(sql, parameters or None).fetchall()

    def scalar(self, sql: str, **parameters: Any) -> Any:
        """The one value of a query."""
        row = self.rows(sql, **parameters)
        return row[0][0] if row else None

    def frame(self, sql: str, **parameters: Any) -> pl.DataFrame:
        """Run a query and give a Polars frame."""
        frame: pl.DataFrame = self.connection.sql(sql, params=parameters or None).pl()
        return frame

    @contextmanager
    def showing(self, name: str, frame: pl.DataFrame) -> Iterator[None]:
        """Let queries read ``frame`` as ``name`` inside."""
        self.connection.register(name, frame.to_arrow())
        try:
            yield
        finally:
            self.connection.unregister(name)

    def build(self, table: str, **parameters: Any) -> int:
        """Create ``table`` by its own ``sql/<schema>/<name>.sql``, columns ordered as its contract; gives its rows."""
        contract = self.contracts.tables[table]
        body = read_sql(f"{contract.schema_name}/{contract.name}").strip().rstrip(";")
        self.execute(self.contracts.ddl(table))
        columns = ", ".join(f'"{c}"' for c in contract.columns)
        self.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM (\n{body}\n)", **parameters)
        return self.count(table)

    def store(self, table: str, frame: pl.DataFrame) -> int:
        """Replace ``table`` by ``frame``, whose columns must be those of its contract; gives its rows."""
        self.execute(self.contracts.ddl(table))
        columns = list(self.contracts.tables[table].columns)
        if frame.height:
            typed = frame.select(columns).cast(self.contracts.polars_schema(table))  # type: ignore[arg-type]
            with self.showing("_incoming", typed):
                self.execute(f"INSERT INTO {table} SELECT * FROM _incoming")
        return frame.height

    def view_over_files(self, table: str, files: Iterable[Path]) -> None:
        """Make ``table`` a view over Parquet ``files``, or an empty table where there are none."""
        listed = ", ".join("'" + str(path).replace("'", "''") + "'" for path in files)
        columns = ", ".join(f'"{c}"' for c in self.contracts.tables[table].columns)
        self.drop(table)
        if listed:
            source = f"read_parquet([{listed}], union_by_name = true, hive_partitioning = false)"
            self.execute(f"CREATE VIEW {table} AS SELECT {columns} FROM {source}")
        else:
            self.execute(self.contracts.ddl(table))

    def files_under(self, table: str) -> list[Path]:
        """The files that the view ``table`` reads; none where it is a table."""
        schema, name = table.split(".")
        query = "SELECT sql FROM duckdb_views() WHERE schema_name = $schema AND view_name = $name"
        listed = re.findall(r"'((?:[^']|'')*\.parquet)'", self.scalar(query, schema=schema, name=name) or "")
        return [Path(path.replace("''", "'")) for path in listed]

    @contextmanager
    def attached(self, path: Path, *, name: str, writing: bool = False) -> Iterator[None]:
        """Another database file beside the working file under ``name``, to read or, if ``writing``, to fill.

        A new file has a storage that DuckDB 1.2 and later can open. What is committed to it is written to its blocks
        at once, not to a log first. Raises ``PublishError`` where the file cannot be opened, read or written.
        """
        quoted = str(path).replace("'", "''")
        options = ("" if path.exists() else "(STORAGE_VERSION 'v1.2.0')") if writing else "(READ_ONLY)"
        try:
            self.connection.execute(f"ATTACH '{quoted}' AS {name} {options}")
            if writing:
                self.connection.execute("SET checkpoint_threshold = '1KB'")
            try:
                yield
            finally:
                if writing:
                    self.connection.execute("RESET checkpoint_threshold")
                self.connection.execute(f"DETACH {name}")
        except duckdb.Error as error:
            raise PublishError(f"{path}: {str(error).splitlines()[0]}; run the night again") from error

    def store_in_file(self, table: str, frame: pl.DataFrame, folder: Path) -> int:
        """Replace ``table`` by a view over one Parquet file in ``folder`` that holds ``frame``; gives its rows.

        For a table so wide that filling it costs DuckDB as much as computing it. The file before goes with the next
        call, so that a transaction undone still finds it.
        """
        folder.mkdir(parents=True, exist_ok=True)
        held = self.files_under(table)
        for path in folder.glob(f"{table}.*.parquet"):
            if path not in held:
                path.unlink()
        handle, name = tempfile.mkstemp(dir=folder, prefix=f"{table}.", suffix=".parquet")
        os.close(handle)
        columns = list(self.contracts.tables[table].columns)
        typed = frame.select(columns).cast(self.contracts.polars_schema(table))  # type: ignore[arg-type]
        typed.write_parquet(name, compression="lz4")
        for path in (Path(name), folder):
            descriptor = os.open(path, os.O_RDONLY)
            os.fsync(descriptor)
            os.close(descriptor)
        self.view_over_files(table, [Path(name)])
        return frame.height

    def drop(self, table: str) -> None:
        """Drop ``table`` whether it is a table or a view."""
        schema, name = table.split(".")
        kind = self.scalar(
            "SELECT table_type FROM information_schema.tables WHERE table_schema = $schema AND table_name = $name",
            schema=schema,
            name=name,
        )
        if kind:
            self.execute(f"DROP {'VIEW' if kind == 'VIEW' else 'TABLE'} {table}")

    def count(self, table: str) -> int:
        """Rows of ``table``."""
        return int(self.scalar(f"SELECT count(*) FROM {table}"))

    def exists(self, table: str) -> bool:
        """Whether ``table`` is there."""
        schema, name = table.split(".")
        query = "SELECT count(*) FROM information_schema.tables WHERE table_schema = $schema AND table_name = $name"
        return bool(self.scalar(query, schema=schema, name=name))


_IDLE: deque[Warehouse] = deque()


@contextmanager
def scratch(contracts: Contracts) -> Iterator[Warehouse]:
    """A database in memory for judging frames, of nobody else meanwhile.

    It is kept for whoever comes next: opening one costs more than judging a small file.
    """
    try:
        warehouse = _IDLE.pop()
    except IndexError:
        warehouse = Warehouse(None, contracts=contracts)
    if warehouse.contracts is not contracts:
        warehouse.close()
        warehouse = Warehouse(None, contracts=contracts)
    try:
        yield warehouse
    finally:
        _IDLE.append(warehouse)


@contextmanager
def beside(*, memory: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database of its own for a library with tables of its own; beyond ``memory`` it spills, and all is gone."""
    with tempfile.TemporaryDirectory() as spill:
        connection = duckdb.connect(":memory:", config={**OFFLINE, "memory_limit": memory, "temp_directory": spill})
        try:
            yield connection
        finally:
            connection.close()


@contextmanager
def lock(path: Path) -> Iterator[None]:
    """Hold the one writer's lock of a home; raises ``BusyError`` at once where another process holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BusyError(f"another wengang process is writing {path.parent}; wait for it or stop it") from error
        yield


def connect_published(path: Path, *, earlier: Path | None = None) -> duckdb.DuckDBPyConnection:
    """A locked-down, read-only connection to a published file, and to an ``earlier`` one beside it under that name.

    Raises ``NotFoundError`` where there is none, ``PublishError`` where it is broken.
    """
    if not path.exists():
        raise NotFoundError(f"nothing is published yet at {path}; run 'wengang run --as-of DATE' or 'wengang demo'")
    try:
        connection = duckdb.connect(str(path.resolve()), read_only=True, config={**OFFLINE})
        if earlier is not None:
            place = str(earlier.resolve()).replace("'", "''")
            connection.execute(f"ATTACH '{place}' AS earlier (READ_ONLY)")
    except duckdb.Error as error:
        first = str(error).splitlines()[0]
        raise PublishError(f"{path.resolve()} cannot be opened ({first}); read an earlier file beside it") from error
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def check_published(path: Path, *, counts: Mapping[str, int], query: str, answer: list[tuple[Any, ...]]) -> None:
    """Open ``path`` as a reader would and hold it against what must be in it.

    Raises ``PublishError`` where a table holds other than ``counts`` rows, where ``query`` gives other rows than
    ``answer`` in their first columns, or where a block is damaged.
    """
    connection = connect_published(path)
    try:
        listed = ", ".join(f"(SELECT count(*) FROM {table})" for table in counts)
        held = connection.execute(f"SELECT {listed}").fetchall()[0]
        found = connection.execute(query).fetchall()
    except duckdb.Error as error:
        raise PublishError(f"{path} cannot be read ({str(error).splitlines()[0]}); run the night again") from error
    finally:
        connection.close()
    wrong = [
        f"{table} holds {rows} rows, {counts[table]} were written"
        for table, rows in zip(counts, held, strict=True)
        if rows != counts[table]
    ]
    width = len(answer[0]) if answer else 0
    if [row[:width] for row in found] != answer:
        wrong.append("the months of enterprises are not those of the core")
    if path.with_name(f"{path.name}.wal").exists():
        wrong.append("a part of it was left in a log beside it")
    if wrong:
        raise PublishError(f"{path}: {'; '.join(wrong)}; run the night again")


def differing_tables(one: Path, other: Path) -> tuple[int, tuple[str, ...]]:
    """Tables of two published files compared row for row: how many there are, and the names of those that differ."""
    connection = duckdb.connect(":memory:", config={**OFFLINE})
    for name, path in (("one", one), ("other", other)):
        quoted = str(path).replace("'", "''")
        connection.execute(f"ATTACH '{quoted}' AS {name} (READ_ONLY)")
    listed = "SELECT schema_name || '.' || table_name FROM duckdb_tables() WHERE database_name = ? ORDER BY 1"
    tables = {name: {row[0] for row in connection.execute(listed, [name]).fetchall()} for name in ("one", "other")}
    differing = sorted(tables["one"] ^ tables["other"])
    for table in sorted(tables["one"] & tables["other"]):
        left, right = (
            f"FROM one.{table} EXCEPT ALL FROM other.{table}",
            f"FROM other.{table} EXCEPT ALL FROM one.{table}",
        )
        if connection.execute(f"SELECT count(*) FROM (({left}) UNION ALL ({right}))").fetchall()[0][0]:
            differing.append(table)
    connection.close()
    return len(tables["one"] | tables["other"]), tuple(differing)
