"""A read-only shell on the published file: a query in, a table out. It cannot write, attach, or reach a file."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import click
import duckdb
import polars as pl

from pipelines.errors import UsageError
from pipelines.warehouse import connect_published

PROMPT = "wengang> "
CONTINUED = "    ...> "


def shell(path: Path, *, text: str | None) -> None:
    """Answer ``text``, or statements ended by ``;`` until the end of input; raises ``UsageError`` for a bad query."""
    connection = connect_published(path)
    if text is not None:
        try:
            _show(connection, text)
        except duckdb.Error as error:
            raise UsageError(f"the query failed: {error}") from error
        return
    if sys.stdin.isatty():
        click.echo(
            "Tables: SELECT table_name, comment FROM duckdb_tables(); end a statement with ';', leave with Ctrl-D"
        )
    for statement in _statements():
        try:
            _show(connection, statement)
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


def _show(connection: duckdb.DuckDBPyConnection, text: str) -> None:
    relation = cast("duckdb.DuckDBPyRelation | None", connection.sql(text))  # None where a statement has no rows
    if relation is None:
        return
    with pl.Config(tbl_rows=200, tbl_cols=-1, fmt_str_lengths=80, tbl_width_chars=200, tbl_hide_dataframe_shape=True):
        click.echo(str(relation.pl()))
