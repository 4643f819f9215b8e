"""What is wrong with contracts taken together, in words: names that do not meet, dates and bounds that are missing."""

import re
from collections.abc import Mapping

from pipelines import periods
from pipelines.checks import KINDS
from pipelines.parsers import PARSERS
from pipelines.shapes import Column, Feed, Table


def cross_faults(columns: Mapping[str, Column], tables: Mapping[str, Table], feeds: Mapping[str, Feed]) -> list[str]:
    """Every fault of ``columns``, ``tables`` and ``feeds`` that none of them shows alone."""
    faults = []
    for name, table in tables.items():
        if table.table != name:
            faults.append(f"{name}: the file is named otherwise than its table {table.table}")
        faults += [f"{name}: unknown column {c}" for c in table.columns if c not in columns]
        faults += [f"{name}: key column {c} is not in the table" for c in table.key if c not in table.columns]
        named = [*table.reads, *filter(None, [table.latest_of, table.slab and table.slab.raw])]
        faults += [f"{name}: reads unknown table {t}" for t in dict.fromkeys(named) if t not in tables]
        faults += _latest_faults(name, table, tables)
        faults += _slab_faults(name, table, tables)
        faults += _naming_faults(name, table)
    for name, feed in feeds.items():
        faults += _feed_faults(name, feed, columns, tables)
    return faults


def _latest_faults(name: str, table: Table, tables: Mapping[str, Table]) -> list[str]:
    raw = tables.get(table.latest_of or "")
    if raw is None:
        return []
    given = {c for c in table.columns if c in raw.columns or c in table.computed or c.endswith("enterprise_no")}
    return [f"{name}: {raw.table} has no column {c}, and none is computed" for c in table.columns if c not in given]


def _slab_faults(name: str, table: Table, tables: Mapping[str, Table]) -> list[str]:
    if table.slab is None or table.slab.raw not in tables:
        return []
    raw = tables[table.slab.raw]
    faults = [f"{name}: {table.slab.raw} has no link column {c}" for c in table.slab.links if c not in raw.columns]
    if table.month is None or not (raw.month or raw.period):
        faults.append(f"{name}: month slabs need a month here and a month or period in {table.slab.raw}")
    return faults


def _naming_faults(name: str, table: Table) -> list[str]:
    """A table that names enterprises has the columns that do, its key of them, and a code that may be missing."""
    if not table.naming:
        return []
    needed = [*table.naming.values(), "name_key", "enterprise_id"]
    faults = [f"{name}: naming needs column {c}" for c in needed if c not in table.columns]
    return faults if "name" in table.naming else [*faults, f"{name}: naming says no name"]


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
            if raw.month and mapping.get(raw.month) != (feed.period or "month"):
                faults.append(f"{name}: {target}.{raw.month} must be the column that dates a row of the feed")
    faults += _cover_faults(name, feed, columns, tables)
    faults += _layout_faults(name, feed, columns)
    if feed.personal:
        unbounded = _unbounded(feed, columns)
        faults += [f"{name}: personal, and nothing bounds what text column {c} may hold" for c in unbounded]
    for raw_check in feed.raw_checks:
        named = ((raw_check.column,) if raw_check.column else ()) + raw_check.columns
        if raw_check.check not in KINDS:
            faults.append(f"{name}: unknown check {raw_check.check}; known: {', '.join(KINDS)}")
        faults += [f"{name}: check {raw_check.check} reads unknown column {c}" for c in named if c not in feed.columns]
    return faults


def _cover_faults(name: str, feed: Feed, columns: Mapping[str, Column], tables: Mapping[str, Table]) -> list[str]:
    """A file can tell a month anew only where its rows have a month, and where the latest word of each key is kept."""
    if feed.covers == "rows":
        return []
    period = feed.period or "month"
    spec = feed.columns.get(period)
    kind = (spec.type if spec else None) or (columns[period].type if period in columns else None)
    faults = [] if spec and kind == "month" else [f"{name}: covers periods, and no column of it is a month"]
    kept = {table.latest_of for table in tables.values()}
    named = [f"raw.{target}" for target in feed.provides]
    faults += [f"{name}: covers periods, and {raw} is not kept by its latest word" for raw in named if raw not in kept]
    return faults


def _layout_faults(name: str, feed: Feed, columns: Mapping[str, Column]) -> list[str]:
    """Parts of a layout that do not go together, or name what is not there."""
    faults, spread = [], feed.layout.periods
    for column, spec in feed.columns.items():
        kind = spec.type or (columns[column].type if column in columns else "text")
        if spec.parser and spec.parser not in PARSERS:
            faults.append(f"{name}: {column} names unknown parser {spec.parser}; known: {', '.join(PARSERS)}")
        if spec.width and kind != "text":
            faults.append(f"{name}: {column} has a width, and only a code that is text can have lost zeros")
        if spec.parentheses and kind in {"text", "boolean", "date", "month", "instant"}:
            faults.append(f"{name}: {column} has parentheses for a minus, and is no number")
        faults += [f"{name}: {column}: {fault}" for fault in _pattern_faults(spec.pattern)]
        if (spec.pattern is not None) == (spec.found_in == "column"):
            faults.append(f"{name}: {column} needs a pattern if it is found in the title or the sheet, else none")
        told = spec.found_in != "column" or (spread and column in {spread.column, *spread.values})
        if not spec.header and not told:
            faults.append(f"{name}: {column} has no header words; say how its column is headed")
    faults += [f"{name}: layout.answers names unknown column {c}" for c in feed.layout.answers if c not in feed.columns]
    faults += [f"{name}: layout.parts: {fault}" for fault in _pattern_faults(feed.layout.parts)]
    if spread is None:
        return faults
    named = (spread.column, *spread.values)
    faults += [f"{name}: layout.periods names unknown column {c}" for c in named if c not in feed.columns]
    if spread.column in feed.columns:
        own = feed.columns[spread.column]
        kind = own.type or (columns[spread.column].type if spread.column in columns else "text")
        monthly = {periods.has_month(pattern) for pattern in spread.patterns}
        if monthly != {kind == "month"} or kind not in {"month", "integer"}:
            faults.append(f"{name}: layout.periods fills {spread.column}: months a month, years an integer, never both")
    for pattern in spread.patterns:
        faults += [f"{name}: layout.periods pattern {pattern}: {fault}" for fault in periods.faults(pattern)]
        if not periods.has_year(pattern) and not spread.year_in:
            faults.append(f"{name}: layout.periods pattern {pattern} says no year; name year_in: [title] or [sheet]")
    return faults


def _pattern_faults(pattern: str | None) -> list[str]:
    try:
        re.compile(pattern or "")
    except re.error as error:
        return [f"pattern {pattern} is no regular expression: {error}"]
    return []


def _unbounded(feed: Feed, columns: Mapping[str, Column]) -> list[str]:
    """Text columns of ``feed`` that no rule of codes, pattern or code number bounds."""
    bounding = {"codes", "matches", "uscc"} if feed.identifiers == "uscc" else {"codes", "matches"}
    bounded = {raw_check.column for raw_check in feed.raw_checks if raw_check.check in bounding}
    known = {name: columns[name].type for name in feed.columns if name in columns}
    texts = [name for name, spec in feed.columns.items() if (spec.type or known.get(name, "text")) == "text"]
    return [name for name in texts if name not in bounded]
