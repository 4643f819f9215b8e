"""Rows of a database, by its SQLAlchemy address, as one CSV file of text cells; PostgreSQL by COPY.

All is read in one transaction that sees one state, where the database can do that; where it cannot, what comes
meanwhile is read twice and never missed, since the bounds are taken before the rows. With a watermark only what is new
is brought: rows above the highest value seen; and where anything changed in the overlap below it (a row committed late,
or with the same value), all rows of the overlap again, which ingest knows as the same keys. Rows without a value in
that column, or with one that lies ahead of time, count to the overlap, since no bound would ever reach them.
"""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import sqlalchemy as sa

from pipelines.errors import SourceDownError, SourceRefusedError
from pipelines.source_settings import Database, DatabaseFeed
from pipelines.sources import copying
from pipelines.sources.cells import Digest, cell, lines_of
from pipelines.sources.logins import variable
from pipelines.sources.protocol import Channel, Fetched, Found, Meter, Sink, Source
from pipelines.sources.watermarks import Watermark, checked, kept, latest, lowered, read

BATCH_ROWS = 10_000
FINAL_WORDS = (
    *("authentication", "password", "login", "access denied", "pg_hba", "does not exist", "doesn't exist", "no such"),
    *("unable to open database file", "unknown database", "认证", "口令", "密码", "不存在"),
)
"""Drivers tell a refused login as an error of the connection, by words alone."""
STEADY = frozenset({"postgresql", "mysql", "mariadb"})
"""Databases whose REPEATABLE READ sees one state without holding up anybody's writing."""


class Reader(Protocol):
    """How rows leave one kind of database."""

    def literal(self, value: Watermark) -> str:
        """``value`` as it stands in a statement."""

    def columns(self, base: str, names: Mapping[str, str]) -> list[str]:
        """What is selected, of ``base``, for each of ``names``."""

    def write(self, statement: str, sink: copying.Writable) -> None:
        """Rows of ``statement`` as CSV without a header."""


@dataclass(frozen=True)
class Reach:
    """What is new: a condition on rows, and what is on record once they have landed."""

    condition: str
    position: Mapping[str, Any]


@contextmanager
def opened(channel: Channel[Database, DatabaseFeed]) -> Iterator[Source]:
    """The rows of one feed, in one open transaction."""
    with told(channel):
        engine = _engine(channel)
        connection = engine.connect()
    try:
        with told(channel):
            yielded = _Rows(channel, connection, _reader(channel, connection))
        yield yielded
    finally:
        connection.close()
        engine.dispose()


def _engine(channel: Channel[Database, DatabaseFeed]) -> sa.Engine:
    url, login, seconds = sa.make_url(channel.settings.url), channel.login, channel.settings.timeout_seconds
    if url.drivername in {"postgresql", "postgres"}:
        url = url.set(drivername="postgresql+psycopg")
    url = url.set(username=login.user or url.username, password=login.password or None)
    is_psycopg = url.drivername == "postgresql+psycopg"
    connect = {**copying.CONNECT, "connect_timeout": math.ceil(seconds)} if is_psycopg else {}
    return sa.create_engine(url, poolclass=sa.NullPool, hide_parameters=True, connect_args=connect)


def _reader(channel: Channel[Database, DatabaseFeed], connection: sa.Connection) -> Reader:
    """How rows leave this connection, which from now on sees one state, where its database can do that."""
    options: dict[str, Any] = {"isolation_level": "REPEATABLE READ"} if connection.dialect.name in STEADY else {}
    if connection.dialect.name == "postgresql":
        options["postgresql_readonly"] = True
    # A statement goes to the driver as it is written: no sign in a site's query stands for a parameter.
    connection.execution_options(no_parameters=True, **options)
    if (connection.dialect.name, connection.dialect.driver) == ("postgresql", "psycopg"):
        return copying.Copier(connection, seconds=channel.settings.total_seconds)
    return Batches(connection)


class _Rows:
    """One feed's rows in a database."""

    def __init__(self, channel: Channel[Database, DatabaseFeed], connection: sa.Connection, reader: Reader) -> None:
        self._channel, self._connection, self._reader = channel, connection, reader
        self._wanted = wanted = channel.wanted
        quote = connection.dialect.identifier_preparer.quote
        table = ".".join(quote(part) for part in wanted.table.split("."))
        self._base = table if wanted.table else f"(\n{wanted.query.strip().rstrip(';')}\n) delivered"
        self._names = wanted.columns or self._own_names()
        selected = reader.columns(self._base, self._names)
        order = [quote(name) for name in wanted.key] or [str(place) for place in range(1, len(selected) + 1)]
        self._mark, self._strays = quote(wanted.watermark), ""
        self._select, self._order = ", ".join(selected), ", ".join(order)

    def probe(self) -> list[Found]:
        """The rows that are new, as one thing."""
        with told(self._channel):
            reach = self._reach() if self._wanted.watermark else Reach("1 = 1", {})
        return [Found(self._channel.feed, reach)] if reach else []

    def fetch(self, found: Found, part: Path) -> Fetched | None:
        """Those rows in one file; None where there are none. The transaction ends here: landing may take a while."""
        reach: Reach = found.detail
        settings = self._channel.settings
        with told(self._channel), part.open("wb", buffering=2**20) as handle:
            sink = Sink(handle, Meter(settings.maximum_bytes, settings.total_seconds))
            sink.write(lines_of([self._names]))
            header = sink.meter.counted
            self._reader.write(self._statement(reach.condition), sink)
        self._connection.close()
        if sink.meter.counted == header:
            return None
        stamp = reach.position["high"]["value"] if reach.position else ""
        name = "-".join(filter(None, (self._channel.feed, stamp.replace(":", "").replace(" ", "T"))))
        return Fetched(f"{name}.csv", reach.position, is_state=not self._wanted.watermark)

    def _reach(self) -> Reach | None:
        """What is above the highest value on record; nothing where that is nothing and the overlap is as it was."""
        high = self._highest()
        if high is None:
            has_rows = self._one(f"SELECT count(*) FROM {self._base}")
            told_nothing = f"no row has a value in the watermark {self._wanted.watermark}, or only one ahead of time"
            if has_rows:
                raise SourceRefusedError(f"{self._channel.name}: {told_nothing}; fetch without watermark")
            return None
        literal = self._reader.literal
        position = {"high": kept(high), "overlap": self._wanted.overlap, "window": self._window(high, high)}
        before = self._channel.positions[-1] if self._channel.positions else None
        if before is None or set(before) != set(position):
            return Reach("1 = 1", position)
        last = read(before["high"])
        above = f"{self._mark} > {literal(last)} AND NOT ({self._strays})"
        bottom = f"{self._mark} >= {literal(lowered(last, before['overlap']))}"
        if self._window(last, last, overlap=before["overlap"]) != before["window"]:
            return Reach(f"({bottom} OR {self._strays})", position)
        is_new = self._one(f"SELECT count(*) FROM {self._base} WHERE {above}")
        return Reach(above, position) if is_new else None

    def _highest(self) -> Watermark | None:
        """The highest value that can be one; rows with one that lies ahead of time, or with none, are strays."""
        self._strays = f"{self._mark} IS NULL"
        found = self._one(f"SELECT max({self._mark}) FROM {self._base}")
        if found is None:
            return None
        high = checked(found, self._wanted.watermark)
        most = latest(high, self._channel.now)
        if most is None or high <= most:  # type: ignore[operator]
            return high
        bound = self._reader.literal(most)
        self._strays = f"{self._mark} IS NULL OR {self._mark} > {bound}"
        below = self._one(f"SELECT max({self._mark}) FROM {self._base} WHERE {self._mark} <= {bound}")
        return None if below is None else checked(below, self._wanted.watermark)

    def _window(self, low: Watermark, high: Watermark, *, overlap: int | None = None) -> str:
        """A digest of the rows from an overlap below ``low`` up to ``high``, and of those without a value."""
        literal = self._reader.literal
        bottom = lowered(low, self._wanted.overlap if overlap is None else overlap)
        condition = f"({self._mark} >= {literal(bottom)} AND {self._mark} <= {literal(high)} OR {self._strays})"
        digest = Digest()
        digest.write(lines_of([self._names]))
        self._reader.write(self._statement(condition), digest)
        return digest.text()

    def _statement(self, condition: str) -> str:
        return f"SELECT {self._select} FROM {self._base} WHERE {condition} ORDER BY {self._order}"

    def _one(self, statement: str) -> Any:
        return self._connection.exec_driver_sql(statement).scalar()

    def _own_names(self) -> dict[str, str]:
        found = self._connection.exec_driver_sql(f"SELECT * FROM {self._base} WHERE 1 = 0")
        return {name: name for name in list(found.keys())}


class Batches:
    """Reads what is selected through SQLAlchemy, by batches that the server keeps ready where its driver can."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection.execution_options(stream_results=True, max_row_buffer=BATCH_ROWS)

    def literal(self, value: Watermark) -> str:
        """``value`` as it stands in a statement."""
        dialect = self._connection.dialect
        text = str(sa.literal(value).compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
        return text.replace("%%", "%") if dialect.paramstyle in {"format", "pyformat"} else text

    def columns(self, base: str, names: Mapping[str, str]) -> list[str]:
        """The columns of ``names``, quoted where their database asks for it."""
        del base
        return [self._connection.dialect.identifier_preparer.quote(name) for name in names.values()]

    def write(self, statement: str, sink: copying.Writable) -> None:
        """Rows of ``statement`` as CSV in UTF-8, without a header."""
        result = self._connection.exec_driver_sql(statement)
        for rows in result.partitions(BATCH_ROWS):
            sink.write(lines_of([[cell(value) for value in row] for row in rows]))


@contextmanager
def told(channel: Channel[Database, DatabaseFeed]) -> Iterator[None]:
    """Turn what SQLAlchemy and its drivers raise into our two families; no cell and no parameter is shown."""
    place = f"{channel.name}: the database"
    try:
        yield
    except (sa.exc.NoSuchModuleError, sa.exc.ArgumentError, ImportError) as error:
        told_kind = f"url is not understood, or its driver is not installed ({type(error).__name__})"
        raise SourceRefusedError(f"{place}'s {told_kind}") from None
    except sa.exc.DBAPIError as error:
        said = copying.first_line(error.orig) if error.orig else type(error).__name__
        is_passing = isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError) or error.connection_invalidated
        if is_passing and not any(word in said.lower() for word in FINAL_WORDS):
            raise SourceDownError(f"{place} cannot be reached, or broke off: {said}") from None
        if isinstance(error, sa.exc.DataError):
            said = type(error.orig).__name__
        named = variable(channel.source, "password")
        raise SourceRefusedError(f"{place} refuses: {said}; check [sources.{channel.source}] and {named}") from None
