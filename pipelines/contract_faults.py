"""What is wrong with contracts taken together, in words: names that do not meet, dates and bounds that are missing."""

from collections.abc import Mapping

from pipelines.checks import KINDS
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


def _unbounded(feed: Feed, columns: Mapping[str, Column]) -> list[str]:
    """Text columns of ``feed`` that no rule of codes, pattern or code number bounds."""
    bounding = {"codes", "matches", "uscc"} if feed.identifiers == "uscc" else {"codes", "matches"}
    bounded = {raw_check.column for raw_check in feed.raw_checks if raw_check.check in bounding}
    known = {name: columns[name].type for name in feed.columns if name in columns}
    texts = [name for name, spec in feed.columns.items() if (spec.type or known.get(name, "text")) == "text"]
    return [name for name in texts if name not in bounded]
