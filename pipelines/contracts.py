"""Contracts: each column written once, each table a list of columns, each feed a way to read a file.

Everything else about structure is rendered from here: DDL with Chinese comments, Polars schemas, the suites of the
gate, the data dictionary and the lineage test. A contract that contradicts itself is refused with all its faults.
This module refuses to hold a threshold that someone could dispute; those are parameters.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import polars as pl
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipelines.checks import KINDS, Check, Severity, default_sentence
from pipelines.errors import ContractError

SQL = Path(__file__).resolve().parent.parent / "sql"

Kind = Literal["text", "integer", "fen", "usd_cent", "basis_point", "number", "boolean", "date", "month", "instant"]
DUCKDB_TYPES: Mapping[str, str] = {
    "text": "VARCHAR",
    "integer": "BIGINT",
    "fen": "BIGINT",
    "usd_cent": "BIGINT",
    "basis_point": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "month": "DATE",
    "instant": "TIMESTAMP",
}
POLARS_TYPES: Mapping[str, pl.DataType] = {
    "text": pl.String(),
    "integer": pl.Int64(),
    "fen": pl.Int64(),
    "usd_cent": pl.Int64(),
    "basis_point": pl.Int64(),
    "number": pl.Float64(),
    "boolean": pl.Boolean(),
    "date": pl.Date(),
    "month": pl.Date(),
    "instant": pl.Datetime("us"),
}
RECORD_COLUMNS = ("batch", "line_no", "delivery_no", "known_at")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Column(_Strict):
    """A quantity with one name everywhere: type, unit, Chinese label, meaning, sensitivity and permitted codes."""

    name: str
    type: Kind
    label: str
    meaning: str
    sensitivity: Literal["public", "internal"]
    unit: str | None = None
    codes: tuple[str, ...] = ()
    theme: str | None = None
    needs: tuple[str, ...] = ()

    @property
    def comment(self) -> str:
        """The Chinese comment that published tables carry."""
        return f"{self.label}（{self.unit}）" if self.unit else self.label


class Table(_Strict):
    """A table: what a row is, its key, its columns in order, and what it reads."""

    table: str
    label: str
    grain: str
    key: tuple[str, ...] = ()
    month: str | None = None
    columns: tuple[str, ...]
    reads: tuple[str, ...] = ()
    needs_not_null: tuple[str, ...] = ()
    retention: str = "rebuilt"
    note: str = ""

    @property
    def schema_name(self) -> str:
        """The schema part of the name."""
        return self.table.split(".")[0]

    @property
    def name(self) -> str:
        """The name without its schema."""
        return self.table.split(".")[1]


class FeedColumn(_Strict):
    """How one column of a feed is found and read."""

    header: tuple[str, ...]
    unit: str | None = None
    optional: bool = False
    values: Mapping[str, str] = Field(default_factory=dict)
    type: Kind | None = None
    label: str | None = None


class _RawCheck(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)
    check: str
    severity: Severity
    column: str | None = None
    columns: tuple[str, ...] = ()
    sentence: str | None = None


class Feed(_Strict):
    """A delivery as its department sends it: header aliases, units, rules, cadence, and the raw tables it fills."""

    feed: str
    label: str
    owner: str
    purpose: str
    catalogue: str
    cadence: Literal["monthly", "yearly", "event"]
    lag_days: Annotated[int, Field(ge=0)]
    dated: Literal["arrival", "lag"]
    required: bool
    identifiers: Literal["uscc", "opaque", "none"]
    provides: Mapping[str, Literal["same"] | Mapping[str, str]]
    columns: Mapping[str, FeedColumn]
    period: str | None = None
    key: tuple[str, ...] = ()
    raw_checks: tuple[_RawCheck, ...] = Field(default=(), alias="checks")


@dataclass(frozen=True)
class FeedSet:
    """Habits of a set of feeds: its calendar, its identifiers' label and its industry names."""

    name: str
    calendar: Literal["lunar", "gregorian"]
    industry_codes: str | None
    currency: str


@dataclass(frozen=True)
class Contracts:
    """All columns, tables and feeds of a run, cross-checked."""

    columns: Mapping[str, Column]
    tables: Mapping[str, Table]
    feeds: Mapping[str, Feed]
    feed_set: FeedSet

    def column(self, name: str) -> Column:
        """The column called ``name``."""
        return self.columns[name]

    def feed_column(self, feed: Feed, name: str) -> Column:
        """The column ``name`` of ``feed``, which may declare one of its own with ``type`` and ``label``."""
        own = feed.columns[name]
        if own.type and own.label:
            return Column(name=name, type=own.type, label=own.label, meaning=own.label, sensitivity="internal")
        return self.columns[name]

    def ddl(self, table: str, *, name: str | None = None) -> str:
        """``CREATE TABLE`` of ``table``, under its own name or ``name``."""
        body = ", ".join(f'"{c}" {DUCKDB_TYPES[self.columns[c].type]}' for c in self.tables[table].columns)
        return f"CREATE OR REPLACE TABLE {name or table} ({body})"

    def comments(self, table: str) -> list[str]:
        """``COMMENT ON`` statements, in Chinese, for ``table`` and each of its columns."""
        contract = self.tables[table]
        quoted = contract.label.replace("'", "''")
        lines = [f"COMMENT ON TABLE {table} IS '{quoted}'"]
        for name in contract.columns:
            comment = self.columns[name].comment.replace("'", "''")
            lines.append(f"COMMENT ON COLUMN {table}.\"{name}\" IS '{comment}'")
        return lines

    def polars_schema(self, table: str) -> dict[str, pl.DataType]:
        """Polars schema of ``table``."""
        return {c: POLARS_TYPES[self.columns[c].type] for c in self.tables[table].columns}

    def feed_schema(self, feed: Feed) -> dict[str, pl.DataType]:
        """Polars schema of a landed batch of ``feed``: its columns, then ``batch`` and ``line_no``."""
        own = {c: POLARS_TYPES[self.feed_column(feed, c).type] for c in feed.columns}
        return own | {"batch": pl.String(), "line_no": pl.Int64()}

    def feed_key(self, feed: Feed) -> tuple[str, ...]:
        """The columns that identify a row inside one file of ``feed``."""
        if feed.key:
            return feed.key
        return self.tables[f"raw.{next(iter(feed.provides))}"].key

    def feed_period(self, feed: Feed) -> str | None:
        """The column that dates a row of ``feed``, if it has one."""
        return feed.period or ("month" if "month" in feed.columns else None)

    def checks(self, feed: Feed) -> tuple[Check, ...]:
        """Every check of ``feed``: those written, and two that hold for all (readable, first of its key)."""
        written = [check for raw in feed.raw_checks for check in self._expand(feed, raw)]
        readable = [
            self._check(feed, "readable", (name,), "fail", None, {})
            for name in feed.columns
            if self.feed_column(feed, name).type != "text"
        ]
        unique = self._check(feed, "first_of_key", self.feed_key(feed), "fail", None, {})
        return (*readable, *written, unique)

    def feed_digest(self, feed: Feed) -> str:
        """Hash of what a file of ``feed`` is read by: its contract and the types and codes of its columns."""
        columns = [self.feed_column(feed, name).model_dump(mode="json") for name in feed.columns]
        text = json.dumps([feed.model_dump(mode="json"), columns], ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def providers(self, raw_table: str) -> list[Feed]:
        """The feeds that fill the canonical table ``raw_table`` (without schema)."""
        return [feed for feed in self.feeds.values() if raw_table in feed.provides]

    def _expand(self, feed: Feed, raw: _RawCheck) -> Iterable[Check]:
        options = dict(raw.model_extra or {})
        if raw.check == "not_null":
            return [self._check(feed, "not_null", (c,), raw.severity, raw.sentence, {}) for c in raw.columns]
        columns = (raw.column,) if raw.column else raw.columns
        if raw.check == "codes":
            options.setdefault("codes", self.feed_column(feed, columns[0]).codes)
        return [self._check(feed, raw.check, columns, raw.severity, raw.sentence, options)]

    def _check(
        self,
        feed: Feed,
        kind: str,
        columns: tuple[str, ...],
        severity: Severity,
        sentence: str | None,
        options: Mapping[str, Any],
    ) -> Check:
        labels = tuple(self.feed_column(feed, c).label for c in columns)
        words = sentence or default_sentence(kind, labels, options)
        return Check(kind=kind, columns=columns, severity=severity, sentence=words, options=options)


def read_sql(name: str) -> str:
    """The text of ``sql/<name>.sql``."""
    return (SQL / f"{name}.sql").read_text(encoding="utf-8")


def load(feeds: Path | None = None) -> Contracts:
    """Read every contract, the feeds from ``feeds`` if given; raise ``ContractError`` naming all faults."""
    return _load(feeds.resolve() if feeds else SQL / "feeds")


@cache
def _load(feeds_dir: Path) -> Contracts:
    faults: list[str] = []
    columns: dict[str, Column] = {}
    for path in sorted((SQL / "columns").glob("*.yml")):
        for name, body in _yaml(path).items():
            if name in columns:
                faults.append(f"{path.name}: column {name} is written twice")
            _collect(faults, path, columns, name, Column, {"name": name, **body})
    tables: dict[str, Table] = {}
    for path in sorted(SQL.glob("*/*.yml")):
        if path.parent.name not in {"columns", "feeds", "codes", "checks"}:
            _collect(faults, path, tables, f"{path.parent.name}.{path.stem}", Table, _yaml(path))
    feeds: dict[str, Feed] = {}
    if not feeds_dir.is_dir():
        raise ContractError([f"no such set of feeds: {feeds_dir}; give a folder of *.yml"])
    for path in sorted(feeds_dir.glob("*.yml")):
        if not path.stem.startswith("_"):
            _collect(faults, path, feeds, path.stem, Feed, _yaml(path))
    habits = feeds_dir / "_set.yml"
    feed_set = FeedSet(**(_yaml(habits) if habits.is_file() else _yaml(SQL / "feeds" / "_set.yml")))
    faults += _cross_faults(columns, tables, feeds)
    if faults:
        raise ContractError(faults)
    return Contracts(columns=columns, tables=tables, feeds=feeds, feed_set=feed_set)


def _yaml(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8")) or {}


def _collect(
    faults: list[str], path: Path, target: dict[str, Any], name: str, model: type[BaseModel], body: dict[str, Any]
) -> None:
    try:
        target[name] = model.model_validate(body)
    except ValidationError as error:
        faults += [f"{path.parent.name}/{path.name}: {e['loc']}: {e['msg']}" for e in error.errors()]


def _cross_faults(columns: Mapping[str, Column], tables: Mapping[str, Table], feeds: Mapping[str, Feed]) -> list[str]:
    faults = []
    for name, table in tables.items():
        if table.table != name:
            faults.append(f"{name}: the file is named otherwise than its table {table.table}")
        faults += [f"{name}: unknown column {c}" for c in table.columns if c not in columns]
        faults += [f"{name}: key column {c} is not in the table" for c in table.key if c not in table.columns]
        faults += [f"{name}: reads unknown table {t}" for t in table.reads if t not in tables]
    for name, feed in feeds.items():
        faults += _feed_faults(name, feed, columns, tables)
    return faults


def _feed_faults(name: str, feed: Feed, columns: Mapping[str, Column], tables: Mapping[str, Table]) -> list[str]:
    faults = [] if feed.feed == name else [f"{name}: the file is named otherwise than its feed {feed.feed}"]
    for column, spec in feed.columns.items():
        if column not in columns and not (spec.type and spec.label):
            faults.append(f"{name}: column {column} is in no sql/columns file; give it a type and a label")
    for target, mapping in feed.provides.items():
        raw = tables.get(f"raw.{target}")
        if raw is None:
            faults.append(f"{name}: provides unknown raw table {target}")
        elif mapping != "same":
            faults += [f"{name}: {target} has no column {c}" for c in mapping if c not in raw.columns]
    for raw_check in feed.raw_checks:
        named = ((raw_check.column,) if raw_check.column else ()) + raw_check.columns
        if raw_check.check not in KINDS:
            faults.append(f"{name}: unknown check {raw_check.check}; known: {', '.join(KINDS)}")
        faults += [f"{name}: check {raw_check.check} reads unknown column {c}" for c in named if c not in feed.columns]
    return faults
