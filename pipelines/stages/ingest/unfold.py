"""Records of a table whose shape is its own → one record a row, one column a cell, as plain tables have it.

A line with periods side by side becomes a row per period and counts as that many; a period of which it says nothing is
set aside and counted. Cells merged downwards are carried down where the contract says so. No value is read here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import polars as pl

from pipelines.contracts import Feed
from pipelines.periods import has_month
from pipelines.stages.ingest.header import Header

WHERE = "_where"


@dataclass(frozen=True)
class Unfolded:
    """Records as plain text columns with ``line_no`` and ``misshapen``, and the header that finds them.

    ``blank`` counts (line, period) pairs without any value, ``carried`` cells that were filled from above.
    """

    body: pl.DataFrame
    header: Header
    blank: int = 0
    carried: int = 0


def unfold(records: pl.DataFrame, feed: Feed, header: Header, *, sheet: str | None = None) -> Unfolded:
    """``records`` of one sheet as the contract says they lie; a plain table stays as it is.

    With ``sheet``, words for where the records stand, the columns are numbered as the contract lists them, so that
    several sheets can be put together.
    """
    if feed.layout.short_lines == "empty":
        records = records.with_columns(misshapen=pl.col("misshapen") & ~pl.col("short"))
    carried = 0
    for name in (name for name, spec in feed.columns.items() if spec.carried and name in header.columns):
        cell = f"c{header.columns[name]}"
        empty = (pl.col(cell).str.strip_chars() == "").fill_null(value=True)
        filled = records.with_columns(pl.when(~empty).then(pl.col(cell)).forward_fill().alias(cell))
        carried += int((records.select(empty).to_series() & filled[cell].is_not_null()).sum())
        records = filled
    if not (header.blocks or header.given or sheet):
        return Unfolded(records, header, carried=carried)
    records = records.with_row_index("_record")
    parts = [_block(records, feed, header, period, cells) for period, cells in header.blocks or (("", {}),)]
    long = pl.concat(parts, how="vertical").sort("_record", maintain_order=True)
    blank = int(long["_blank"].sum())
    where = pl.concat_str([pl.lit(sheet), pl.col(WHERE)], separator="，", ignore_nulls=True)
    body = long.filter(~pl.col("_blank")).with_columns(where.alias(WHERE)).drop("_record", "_blank")
    return Unfolded(body, _plain(feed, header), blank, carried)


def _block(records: pl.DataFrame, feed: Feed, header: Header, period: str, cells: Mapping[str, int]) -> pl.DataFrame:
    """The rows of one period, or of a table without such: columns numbered as the contract lists them."""
    spread = feed.layout.periods
    chosen = []
    for place, name in enumerate(feed.columns):
        at = cells.get(name, header.columns.get(name))
        if period and spread and name == spread.column:
            column = pl.lit(period)
        elif name in header.given:
            column = pl.lit(header.given[name])
        else:
            column = pl.lit(None, dtype=pl.String) if at is None else pl.col(f"c{at}")
        chosen.append(column.alias(f"c{place}"))
    twins = (pl.col(f"c{at}").alias(f"c{new}") for new, at in _twins(feed, header).values())
    said = [pl.col(f"c{at}").str.strip_chars().fill_null("") != "" for at in cells.values()]
    blank = ~pl.any_horizontal(said) if said else pl.lit(value=False)
    where = pl.lit(_words(period, feed) or None, dtype=pl.String)
    return records.select(*chosen, *twins, "line_no", "misshapen", "_record", where.alias(WHERE), blank.alias("_blank"))


def _twins(feed: Feed, header: Header) -> dict[tuple[str, int], tuple[int, int]]:
    """Second cells of columns told twice: their new place behind all others, and where they stood."""
    pairs = [(name, at) for name, places in sorted(header.twins.items()) for at in places]
    return {pair: (len(feed.columns) + number, pair[1]) for number, pair in enumerate(pairs)}


def _plain(feed: Feed, header: Header) -> Header:
    """The header of the unfolded table."""
    spread = feed.layout.periods
    found = header.found | ({spread.column} if spread else frozenset())
    twins: dict[str, tuple[int, ...]] = {}
    for (name, _), (new, _) in _twins(feed, header).items():
        twins[name] = (*twins.get(name, ()), new)
    return replace(
        header,
        names=tuple(feed.columns),
        columns={name: place for place, name in enumerate(feed.columns) if name in found},
        blocks=(),
        given={},
        twins=twins,
    )


def _words(period: str, feed: Feed) -> str:
    """A period as a clerk writes it."""
    if not period or feed.layout.periods is None:
        return ""
    if not any(has_month(pattern) for pattern in feed.layout.periods.patterns):
        return f"{period}年"
    year, month = period.split("-")
    return f"{year}年{int(month)}月"
