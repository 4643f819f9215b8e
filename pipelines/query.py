"""A read-only shell on the published file: a query in, a table out. It cannot write, attach, or reach a file."""

import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from shutil import get_terminal_size
from typing import cast
from unicodedata import east_asian_width

import click
import duckdb
import polars as pl

from pipelines.errors import UsageError
from pipelines.warehouse import connect_published

PROMPT = "wengang> "
CONTINUED = "    ...> "
SHOWN_ROWS = 200
CELL_CHARACTERS = 80
SCREEN_CHARACTERS = 200


def shell(path: Path, *, text: str | None, as_csv: bool = False, tell: Callable[[int], None] = lambda _: None) -> None:
    """Answer ``text``, or statements ended by ``;`` until the end of input; raises ``UsageError`` for a bad query.

    A table shows its first rows and says how many there are; one too wide for the screen is told field by field. CSV
    gives all rows, and ``tell`` is called with their number before they leave.
    """
    connection = connect_published(path)
    if text is not None:
        try:
            _show(connection, text, as_csv=as_csv, tell=tell)
        except duckdb.Error as error:
            raise UsageError(f"the query failed: {error}") from error
        return
    if sys.stdin.isatty():
        click.echo(
            "Tables: SELECT table_name, comment FROM duckdb_tables(); end a statement with ';', leave with Ctrl-D"
        )
    for statement in _statements():
        try:
            _show(connection, statement, as_csv=as_csv, tell=tell)
        except duckdb.Error as error:
            click.echo(f"the query failed: {error}", err=True)


def _statements() -> Iterator[str]:
    waiting = ""
    while True:
        try:
            line = input((CONTINUED if waiting else PROMPT) if sys.stdin.isatty() else "")
        except EOFError:
            if waiting.strip():
                yield waiting
            return
        waiting += line + "\n"
        if line.rstrip().endswith(";"):
            yield waiting
            waiting = ""


def rows(path: Path, text: str) -> pl.DataFrame:
    """All rows of one query; raises ``UsageError`` for a bad one or one without rows."""
    try:
        with closing(connect_published(path)) as connection:
            frame = _rows(connection, text)
    except duckdb.Error as error:
        raise UsageError(f"the query failed: {error}") from error
    if frame is None:
        raise UsageError("the query gives no rows")
    return frame


def _rows(connection: duckdb.DuckDBPyConnection, text: str) -> pl.DataFrame | None:
    relation = cast("duckdb.DuckDBPyRelation | None", connection.sql(text))  # None where a statement has no rows
    return None if relation is None else _whole_numbers(relation.pl())


def _show(connection: duckdb.DuckDBPyConnection, text: str, *, as_csv: bool, tell: Callable[[int], None]) -> None:
    frame = _rows(connection, text)
    if frame is None:
        return
    if as_csv:
        tell(frame.height)
        click.echo(frame.write_csv(), nl=False)
        return
    shown = frame.head(SHOWN_ROWS)
    table = _table(shown)
    click.echo(table if _fits(table, shown) else _fields(shown))
    if frame.height > shown.height:
        click.echo(f"{shown.height} of {frame.height} rows; --csv gives them all")


def _whole_numbers(frame: pl.DataFrame) -> pl.DataFrame:
    """Sums of integers, which DuckDB counts in 128 bits, as integers."""
    whole = [name for name, kind in frame.schema.items() if isinstance(kind, pl.Decimal) and kind.scale == 0]
    return frame.with_columns(pl.col(whole).cast(pl.Int128))


def _table(frame: pl.DataFrame) -> str:
    with pl.Config(
        tbl_rows=SHOWN_ROWS,
        tbl_cols=-1,
        fmt_str_lengths=CELL_CHARACTERS,
        tbl_width_chars=-1,
        tbl_hide_dataframe_shape=True,
    ):
        return str(frame)


def _fits(table: str, frame: pl.DataFrame) -> bool:
    """Whether a table shows every cell whole and no line longer than the screen is wide."""
    texts = [frame[name].str.len_chars().max() for name, kind in frame.schema.items() if kind == pl.String]
    longest = max([0, *(length for length in texts if isinstance(length, int))])
    width = max(sum(1 + (east_asian_width(letter) in "WF") for letter in line) for line in table.splitlines())
    return longest <= CELL_CHARACTERS and width <= get_terminal_size((SCREEN_CHARACTERS, 24)).columns


def _fields(frame: pl.DataFrame) -> str:
    """Each row as lines of column and value."""
    wide = max(len(name) for name in frame.columns)
    lines: list[str] = []
    for number, row in enumerate(frame.iter_rows(named=True), start=1):
        lines.append(f"-- row {number}")
        lines += [f"{name:<{wide}}  {'null' if value is None else value}" for name, value in row.items()]
    return "\n".join(lines)
