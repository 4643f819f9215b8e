"""One published file: filled from a blank, or a copy of the last edition's in which only what changed is written again.

A copy keeps the month table and, of all other tables, names and comments. What the month table then holds is judged
by the core, not by the copy: rows and sums of every month must agree before the file gets its name.
"""

import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.contracts import read_sql
from pipelines.run import atomic_file
from pipelines.warehouse import Warehouse, check_published

Rows = list[tuple[Any, ...]]


@dataclass(frozen=True)
class Recipe:
    """How a file is made: the file it starts from as a copy, queries other than a table's own, what goes of a copy.

    ``bodies`` and ``gone`` name a query per table; of a copied table without ``gone`` all rows go. A query takes only
    those of ``parameters`` that it names.
    """

    copied: Path | None = None
    bodies: Mapping[str, str] = field(default_factory=dict)
    gone: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)


def blank(warehouse: Warehouse, target: Path, *, tables: Iterable[str]) -> Path:
    """A file of ``tables`` without rows, tables and columns with Chinese comments; gives ``target``.

    One transaction: some hundred statements committed one by one took four times as long.
    """
    own = warehouse.rows("SELECT current_database(), current_schema()")[0]
    with warehouse.attached(target, name="published", writing=True), warehouse.transaction():
        for name in tables:
            warehouse.execute(f"CREATE SCHEMA IF NOT EXISTS published.{name.split('.', maxsplit=1)[0]}")
            warehouse.execute(warehouse.contracts.ddl(name, name=f"published.{name}"))
        _comment(warehouse, tables, back_to=own)
    return target


def write(
    warehouse: Warehouse, target: Path, *, start: Path, tables: Iterable[str], recipe: Recipe, expected: Rows
) -> dict[str, int]:
    """Write ``target`` under a temporary name, check it, rename it; gives the rows of each table.

    ``start`` is copied first: the recipe's file, or a blank. ``expected`` are the months as the core knows them. Raises
    ``PublishError`` where the file does not read back so.
    """
    with atomic_file(target) as temporary:
        copy(start, temporary)
        counts = fill(warehouse, temporary, tables=tables, recipe=recipe)
        check_published(temporary, counts=counts, query=read_sql("out/months_found"), answer=expected)
    return counts


def fill(warehouse: Warehouse, target: Path, *, tables: Iterable[str], recipe: Recipe) -> dict[str, int]:
    """Write ``tables`` to ``target``, each by its own query or the recipe's; gives their rows.

    The copy stays inside DuckDB. What is written lies in the order of each contract's key.
    """
    counts: dict[str, int] = {}
    with warehouse.attached(target, name="published", writing=True), warehouse.transaction():
        for name in tables:
            if recipe.copied:
                _make_room(warehouse, name, recipe)
            table = warehouse.contracts.tables[name]
            columns, key = (", ".join(f'"{c}"' for c in part) for part in (table.columns, table.key))
            body = read_sql(recipe.bodies.get(name, name.replace(".", "/"))).strip().rstrip(";")
            insert = f"INSERT INTO published.{name} SELECT {columns} FROM (\n{body}\n) ORDER BY {key or 'ALL'}"
            rows = warehouse.scalar(insert, **_taken(body, recipe.parameters))
            counts[name] = warehouse.count(f"published.{name}") if recipe.copied and name in recipe.gone else rows
    return counts


def _make_room(warehouse: Warehouse, name: str, recipe: Recipe) -> None:
    """A copied table without what is written again."""
    if name in recipe.gone:
        statement = read_sql(recipe.gone[name])
        warehouse.execute(statement, **_taken(statement, recipe.parameters))
    else:
        warehouse.execute(f"DELETE FROM published.{name}")


def _comment(warehouse: Warehouse, tables: Iterable[str], *, back_to: tuple[Any, ...]) -> None:
    warehouse.execute("USE published")
    try:
        for name in tables:
            for statement in warehouse.contracts.comments(name):
                warehouse.execute(statement)
    finally:
        warehouse.execute(f'USE "{back_to[0]}"."{back_to[1]}"')


def _taken(statement: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in parameters.items() if f"${name}" in statement}


def copy(source: Path, target: Path) -> None:
    """Copy ``source`` over ``target`` inside the kernel, sharing blocks where the file system can."""
    with source.open("rb") as read, target.open("wb") as written:
        try:
            while os.copy_file_range(read.fileno(), written.fileno(), 1 << 30):
                pass
        except OSError:
            read.seek(0)
            written.seek(0)
            written.truncate()
            shutil.copyfileobj(read, written, 1 << 20)
