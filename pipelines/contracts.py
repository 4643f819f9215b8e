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
from typing import Any, Literal

import polars as pl
import yaml
from pydantic import BaseModel, ValidationError

from pipelines.checks import Check, Severity, default_sentence
from pipelines.contract_faults import cross_faults
from pipelines.errors import ContractError
from pipelines.shapes import Column, Feed, FeedColumn, Kind, RawCheck, Slab, Table

__all__ = ["Column", "Contracts", "Feed", "FeedColumn", "FeedSet", "Kind", "Slab", "Table", "load", "read_sql"]

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The safe loader in C where PyYAML has it: seven times as fast."""
SQL = Path(__file__).resolve().parent.parent / "sql"

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
LIMITS: Mapping[Kind, tuple[int, str]] = {
    "fen": (10**13, "1000亿元"),
    "usd_cent": (10**13, "1000亿美元"),
    "integer": (10**10, "100亿"),
    "basis_point": (10**9, "1000万%"),
}
RETRACTED = "is_retracted"
RECORD_COLUMNS = ("batch", "line_no", "delivery_no", "known_at", RETRACTED)
CODED = frozenset({"uscc", "organisation_code"})
WHOLE_ROW = Check(
    kind="readable",
    columns=("_row",),
    severity="fail",
    sentence="本行残缺，或格数、引号与表头不符",
    options={},
)


@dataclass(frozen=True)
class FeedSet:
    """Habits of a set of feeds: its calendar, its industry names, its coin, its policies, how a file takes a row back.

    ``retraction`` is how the column that marks such rows is headed and read; every feed of the set may have it.
    """

    name: str
    calendar: Literal["lunar", "gregorian"]
    industry_codes: str | None
    currency: str
    policies: str | None = None
    retraction: FeedColumn | None = None


@dataclass(frozen=True, eq=False)
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

    def feed_codes(self, feed: Feed) -> frozenset[str]:
        """Text columns of ``feed`` that hold codes: what a spreadsheet makes a number of is no longer the code."""
        coded = {raw.column for raw in feed.raw_checks if raw.column and raw.check in CODED}
        named = {*self.feed_key(feed), *coded, *(name for name, spec in feed.columns.items() if spec.width)}
        return frozenset(n for n in named if n in feed.columns and self.feed_column(feed, n).type == "text")

    def checks(self, feed: Feed) -> tuple[Check, ...]:
        """Every check of ``feed``: those written, codes only where they are ours, and those that hold for all.

        All feeds share: a whole row, readable cells, numbers that can be added up, a period that can have been, and the
        first of its key.
        """
        expanded = [check for raw in feed.raw_checks for check in self._expand(feed, raw)]
        written = [check for check in expanded if feed.identifiers == "uscc" or check.kind not in CODED]
        readable = [
            self._check(feed, "readable", (name,), "fail", self._readable_words(feed, name), {})
            for name in feed.columns
            if self.feed_column(feed, name).type != "text"
            or feed.columns[name].repeated
            or name in self.feed_codes(feed)
        ]
        restored = [
            self._check(feed, "restored", (name,), "warn", None, {"width": spec.width})
            for name, spec in feed.columns.items()
            if spec.width
        ]
        unique = self._check(feed, "first_of_key", self.feed_key(feed), "fail", None, {})
        return (
            WHOLE_ROW,
            *readable,
            *restored,
            *written,
            *self._bounded(feed, written),
            *self._period(feed, written),
            unique,
        )

    def _readable_words(self, feed: Feed, name: str) -> str | None:
        column = self.feed_column(feed, name)
        if name in self.feed_codes(feed):
            return f"{column.label}成了科学计数法或小数，丢失的位数无法恢复；请将该列设为文本后重新导出"
        if feed.columns[name].repeated:
            return f"{column.label}无法识别，或文件中同名的两列不一致"
        hint = "；xls文件中不超过1的数分不清是比例还是百分数，请写成带%的文字或另存为xlsx"
        return f"{column.label}无法识别{hint}" if column.type == "basis_point" else None

    def _bounded(self, feed: Feed, written: Iterable[Check]) -> list[Check]:
        """A limit far above any real number for those without bounds: ten million of them must add up in 64 bits."""
        bound = {check.columns[0] for check in written if check.kind == "between" and check.severity == "fail"}
        kinds = {name: self.feed_column(feed, name).type for name in feed.columns if name not in bound}
        found = []
        for name, (limit, words) in ((name, LIMITS[kind]) for name, kind in kinds.items() if kind in LIMITS):
            sentence = f"{self.feed_column(feed, name).label}绝对值不得超过{words}，疑似单位或小数点有误"
            found.append(self._check(feed, "bounded", (name,), "fail", sentence, {"min": -limit, "max": limit}))
        return found

    def _period(self, feed: Feed, written: Iterable[Check]) -> list[Check]:
        """That a row speaks of no time to come: one month typed wrongly would make its whole source look silent."""
        period = self.feed_period(feed)
        told = {check.columns[0] for check in written if check.kind == "period"}
        if period is None or period in told or self.feed_column(feed, period).type not in {"month", "date"}:
            return []
        return [self._check(feed, "period", (period,), "fail", None, {})]

    def feed_digest(self, feed: Feed) -> str:
        """Hash of what a file of ``feed`` is read and judged by: its contract, its columns, its checks."""
        columns = [self.feed_column(feed, name).model_dump(mode="json") for name in feed.columns]
        checks = [[check.id, check.severity, check.predicate()] for check in self.checks(feed)]
        said = feed.model_dump(mode="json", exclude={"uses", "purpose_until", "retention"})
        text = json.dumps([said, columns, checks], ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def providers(self, raw_table: str) -> list[Feed]:
        """The feeds that fill the canonical table ``raw_table`` (without schema)."""
        return [feed for feed in self.feeds.values() if raw_table in feed.provides]

    def _expand(self, feed: Feed, raw: RawCheck) -> Iterable[Check]:
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
        types = [self.feed_column(feed, c).type for c in columns]
        said = {k: _amount(v, types[0]) for k, v in options.items()} if kind == "between" else options
        words = sentence or default_sentence(kind, labels, said)
        return Check(kind=kind, columns=columns, severity=severity, sentence=words, options=options)


def _amount(value: int, kind: Kind) -> str:
    """A bound as its sender writes it: money in yuan or dollars, shares in percent."""
    if kind == "basis_point":
        return f"{value / 100:g}%"
    if kind not in {"fen", "usd_cent"}:
        return str(value)
    coin = "元" if kind == "fen" else "美元"
    for size, word in ((10**10, "亿"), (10**6, "万")):
        if value and value % size == 0:
            return f"{value // size}{word}{coin}"
    return f"{value / 100:g}{coin}"


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
        if path.parent.name not in {"columns", "feeds", "codes", "checks", "scenarios"}:
            _collect(faults, path, tables, f"{path.parent.name}.{path.stem}", Table, _yaml(path))
    feeds: dict[str, Feed] = {}
    if not feeds_dir.is_dir():
        raise ContractError([f"no such set of feeds: {feeds_dir}; give a folder of *.yml"])
    for path in sorted(feeds_dir.glob("*.yml")):
        if not path.stem.startswith("_"):
            _collect(faults, path, feeds, path.stem, Feed, _yaml(path))
    habits = feeds_dir / "_set.yml"
    feed_set = _feed_set(habits if habits.is_file() else SQL / "feeds" / "_set.yml")
    if feed_set.retraction:
        feeds = {name: _retractable(feed, feed_set.retraction) for name, feed in feeds.items()}
    faults += cross_faults(columns, tables, feeds)
    if faults:
        raise ContractError(faults)
    return Contracts(columns=columns, tables=tables, feeds=feeds, feed_set=feed_set)


def _feed_set(path: Path) -> FeedSet:
    habits = _yaml(path)
    said = habits.pop("retraction", None)
    return FeedSet(**habits, retraction=FeedColumn.model_validate(said) if said else None)


def _retractable(feed: Feed, column: FeedColumn) -> Feed:
    """``feed`` with the column that takes rows back, where it has none of its own."""
    return feed.model_copy(update={"columns": dict(feed.columns) | {RETRACTED: feed.columns.get(RETRACTED, column)}})


def _yaml(path: Path) -> dict[str, Any]:
    return yaml.load(path.read_text(encoding="utf-8"), Loader=LOADER) or {}  # noqa: S506  safe, and in C


def _collect(
    faults: list[str], path: Path, target: dict[str, Any], name: str, model: type[BaseModel], body: dict[str, Any]
) -> None:
    try:
        target[name] = model.model_validate(body)
    except ValidationError as error:
        faults += [f"{path.parent.name}/{path.name}: {e['loc']}: {e['msg']}" for e in error.errors()]
