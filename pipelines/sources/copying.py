"""Rows out of PostgreSQL by COPY, as the server writes them, block by block into a file.

What the ingest reads otherwise is written otherwise: truths as 1 and 0, instants with a zone as those of Shanghai.
"""

from collections.abc import Mapping
from typing import Any, Protocol

import psycopg
import sqlalchemy as sa
from psycopg import sql

from pipelines.errors import SourceDownError, SourceRefusedError
from pipelines.sources.watermarks import Watermark

BOOLEAN, INSTANT_WITH_ZONE = 16, 1184
"""Numbers of types, fixed in PostgreSQL's catalogue."""
CONNECT = {"keepalives": 1, "keepalives_idle": 15, "keepalives_interval": 5, "keepalives_count": 3}
"""A server that is gone without a word is noticed half a minute later."""


class Writable(Protocol):
    """Something that takes bytes."""

    def write(self, block: bytes | memoryview | bytearray) -> int:
        """Take ``block``; gives its length."""


class Copier:
    """Reads what is selected on one connection of psycopg."""

    def __init__(self, connection: sa.Connection, *, seconds: float) -> None:
        self._connection = connection
        connection.exec_driver_sql("SET datestyle TO 'ISO, YMD'")
        connection.exec_driver_sql("SET timezone TO 'Asia/Shanghai'")
        connection.exec_driver_sql(f"SET statement_timeout TO {int(seconds * 1000)}")

    @property
    def _driver(self) -> psycopg.Connection[Any]:
        return self._connection.connection.driver_connection  # type: ignore[return-value]

    def literal(self, value: Watermark) -> str:
        """``value`` as it stands in a statement."""
        return sql.Literal(value).as_string(self._driver)

    def columns(self, base: str, names: Mapping[str, str]) -> list[str]:
        """What is selected, of ``base``, for each of ``names``, so that the ingest reads it."""
        quoted = [sql.Identifier(name).as_string(self._driver) for name in names.values()]
        looked = self._connection.exec_driver_sql(f"SELECT {', '.join(quoted)} FROM {base} WHERE false")
        kinds = [column[1] for column in looked.cursor.description or ()] if looked.cursor else []
        looked.close()
        return [_readable(name, kind) for name, kind in zip(quoted, kinds, strict=True)]

    def write(self, statement: str, sink: Writable) -> None:
        """Rows of ``statement`` as CSV in UTF-8, without a header."""
        text = f"COPY ({statement}) TO STDOUT (FORMAT csv, ENCODING 'UTF8')"
        try:
            with self._driver.cursor() as cursor, cursor.copy(text.encode()) as copy:
                for block in copy:
                    sink.write(block)
        except psycopg.OperationalError as error:
            raise SourceDownError(f"COPY broke off: {first_line(error)}") from None
        except psycopg.Error as error:
            raise SourceRefusedError(f"COPY is refused: {first_line(error)}") from None


def first_line(error: BaseException) -> str:
    """What an error says, in one line; of one about data only its kind, since it would show a cell."""
    kind = f"{type(error).__name__} {getattr(error, 'sqlstate', None) or ''}".strip()
    if isinstance(error, psycopg.DataError):
        return kind
    return f"{kind}: {next(iter(str(error).splitlines()), '')}"


def _readable(name: str, kind: object) -> str:
    if kind == BOOLEAN:
        return f"CASE WHEN {name} THEN '1' WHEN NOT {name} THEN '0' END"
    return f"{name} AT TIME ZONE 'Asia/Shanghai'" if kind == INSTANT_WITH_ZONE else name
