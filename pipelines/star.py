"""How the published tables stand to each other: part in the star, grain and meanings in Chinese, joins, warnings.

Written by hand in ``sql/codes``, held against the contracts; the published file, the manual for analysts and the page
for look-ups show the same.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

import polars as pl
import yaml

from pipelines.contracts import SQL, Column, Contracts, Table
from pipelines.errors import ContractError

DICTIONARY, CAUTION, EDITION = "star.dictionary", "star.caution", "out.edition"
SCHEMA = "out"
Part = Literal["fact", "dimension", "record"]


@dataclass(frozen=True)
class Caution:
    """What readers must know before they count, in both languages."""

    chinese: str
    english: str


@dataclass(frozen=True)
class Facts:
    """One published table: English title, part in the star, grain and note in Chinese, joins, keys of its cautions.

    ``joins`` maps a table that has at most one row for each row of this one to the columns that both have. ``unique``
    is a column beside the key that tells the rows apart.
    """

    english: str
    part: Part
    grain: str
    note: str = ""
    unique: str | None = None
    joins: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    cautions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Star:
    """All published tables by name, the cautions by key, Chinese meanings by column."""

    tables: Mapping[str, Facts]
    cautions: Mapping[str, Caution]
    meanings: Mapping[str, str]

    def cautions_of(self, table: str) -> Iterator[tuple[str, Caution]]:
        """Key and caution of ``table``, the weightiest first; a table that nobody described has none."""
        for key in self.tables[table].cautions if table in self.tables else ():
            yield key, self.cautions[key]

    def meaning_of(self, column: Column) -> str | None:
        """What the column means in Chinese, None where its label says all."""
        return self.meanings.get(column.name)


@cache
def load() -> Star:
    """The star as it is shipped."""
    tables = {
        name: Facts(
            **{key: value for key, value in body.items() if key not in {"joins", "cautions"}},
            joins={other: tuple(columns) for other, columns in body.get("joins", {}).items()},
            cautions=tuple(body.get("cautions", ())),
        )
        for name, body in _yaml("star").items()
    }
    cautions = {key: Caution(**body) for key, body in _yaml("cautions").items()}
    return Star(tables, cautions, _yaml("meanings"))


def _yaml(name: str) -> dict[str, Any]:
    return dict(yaml.safe_load((SQL / "codes" / f"{name}.yml").read_text(encoding="utf-8")))


def published(contracts: Contracts) -> list[Table]:
    """The published tables in order of the star: dimensions, facts, records; one that nobody described last."""
    order = {name: number for number, name in enumerate(load().tables)}
    known = [table for table in contracts.tables.values() if table.schema_name == SCHEMA]
    return sorted(known, key=lambda table: (order.get(table.table, len(order)), table.table))


def check(contracts: Contracts) -> None:
    """Raise ``ContractError`` naming every table, column, join and caution that does not fit the contracts."""
    star, tables = load(), {table.table: table for table in published(contracts)}
    faults = [f"star.yml: {name} is not described" for name in sorted(tables.keys() - star.tables.keys())]
    faults += [f"star.yml: {name} is no published table" for name in sorted(star.tables.keys() - tables.keys())]
    for name in sorted(tables.keys() & star.tables.keys()):
        faults += [f"star.yml: {name}: {fault}" for fault in _faults(star, name, tables)]
    shown = {column for table in tables.values() for column in table.columns}
    faults += [f"meanings.yml: {name} is in no published table" for name in star.meanings if name not in shown]
    used = {key for facts in star.tables.values() for key in facts.cautions}
    faults += [f"cautions.yml: {key} is used by no table" for key in star.cautions if key not in used]
    if faults:
        raise ContractError(faults)


def _faults(star: Star, name: str, tables: Mapping[str, Table]) -> Iterator[str]:
    for other, columns in star.tables[name].joins.items():
        if other not in tables:
            yield f"joins unknown table {other}"
            continue
        for column in columns:
            if column not in tables[name].columns or column not in tables[other].columns:
                yield f"{column} is not in both it and {other}"
        is_one = set(tables[other].key) <= set(columns) or star.tables[other].unique in columns
        if other != EDITION and not is_one:
            yield f"{other} may have several rows for one: its key is {', '.join(tables[other].key)}"
    for key in star.tables[name].cautions:
        if key not in star.cautions:
            yield f"unknown caution {key}"


def joins_text(facts: Facts) -> str | None:
    """The joins of a table in a line, None where it has none."""
    return "；".join(f"{other}（{', '.join(columns)}）" for other, columns in facts.joins.items()) or None


def dictionary(contracts: Contracts) -> pl.DataFrame:
    """The rows of ``star.dictionary``: each published table and each of its columns."""
    star = load()
    rows = [row for table in published(contracts) for row in _table_rows(star, contracts, table)]
    return pl.DataFrame(rows, schema=contracts.polars_schema(DICTIONARY), orient="row")


def _table_rows(star: Star, contracts: Contracts, table: Table) -> Iterator[dict[str, Any]]:
    facts = star.tables.get(table.table, Facts(english=table.name, part="record", grain=""))
    name = {"table_name": table.table, "table_label": table.label, "table_title": facts.english}
    meaning = "。".join(part.rstrip("。") for part in (facts.grain, facts.note) if part) or None
    english = ". ".join(part.rstrip(".") for part in (table.grain, table.note) if part)
    yield name | {
        "column_no": 0,
        "meaning_text": meaning,
        "meaning_english": english,
        "joins_text": joins_text(facts),
    }
    for number, column in enumerate(map(contracts.column, table.columns), start=1):
        to = [f"{other}.{column.name}" for other, columns in facts.joins.items() if column.name in columns]
        yield name | {
            "column_no": number,
            "column_name": column.name,
            "column_label": column.label,
            "column_type": column.type,
            "column_unit": column.unit,
            "is_key": column.name in table.key,
            "meaning_text": star.meaning_of(column),
            "meaning_english": column.meaning,
            "codes_text": "、".join(column.codes) or None,
            "joins_text": "、".join(to) or None,
            "column_sensitivity": column.sensitivity,
        }


def cautions(contracts: Contracts) -> pl.DataFrame:
    """The rows of ``star.caution``: each published table and each of its usage warnings."""
    rows = [
        {
            "table_name": table.table,
            "table_label": table.label,
            "caution_key": key,
            "caution_text": caution.chinese,
            "caution_english": caution.english,
        }
        for table in published(contracts)
        for key, caution in load().cautions_of(table.table)
    ]
    return pl.DataFrame(rows, schema=contracts.polars_schema(CAUTION), orient="row")
