"""Tables of a sample that no contract describes: where the header seems to stand, and periods that stand side by side.

A plain header is the fullest of the first rows. Periods are looked for by the usual ways to write them, with the same
reading of headers of several rows as by contract, so that what is found here is found again by what is drafted from it.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import polars as pl

from pipelines import periods
from pipelines.stages.ingest import grid
from pipelines.stages.ingest.header import SEARCHED, Name, joined

SMALLEST_HEADER = 2
FEWEST_PERIODS = 2
DEEPEST_HEADER = 4
PATTERNS = (
    "{year}年{month}月",
    "{year}-{month2}-01",
    "{year}-{month}",
    "{year}.{month}",
    "{year}/{month}",
    "{year}{month2}",
    "{month}月",
    "{year}年度",
    "{year}年",
)
ANY_YEAR = "1900"
"""Stands for the year of a month that says none, while nothing is known but that it is one."""
NO_MEASURE = re.compile(r"[0-9\-—~至]")
NUMBER = re.compile(r"[-+(]?[0-9][0-9.,%)]*")


@dataclass(frozen=True)
class Spread:
    """Periods side by side: how they are written, and the measure and unit of each cell of the header, by its place.

    ``year_in`` names where the year of a ``pattern`` without one stands, and is empty where it stands nowhere.
    """

    pattern: str
    year_in: tuple[Literal["title", "sheet"], ...]
    cells: Mapping[int, tuple[str, str]]


@dataclass(frozen=True)
class Sample:
    """A table: the word of each column (empty: none), its records as texts ``c0`` …, and what stands above it."""

    words: tuple[str, ...]
    body: pl.DataFrame
    titles: tuple[str, ...]
    depth: int = 1
    spread: Spread | None = None


def tables(content: bytes) -> list[Sample]:
    """The table of each grid in ``content``, if it has one; raises ``DeliveryError`` where nothing can be read."""
    found = (_wide(one) or _plain(one) for one in grid.read(content).grids)
    return [sample for sample in found if sample is not None and sample.body.height]


def _plain(one: grid.Grid) -> Sample | None:
    index = _fullest(one)
    if index is None:
        return None
    words = tuple(cell.strip() for cell in one.head[index][1])
    return Sample(words, _records(one, index + 1, len(words)), _above(one, index))


def _fullest(one: grid.Grid) -> int | None:
    """The first of the rows with most cells that say something; None where none says enough."""
    filled = [sum(bool(cell.strip()) for cell in cells) for _, cells in one.head]
    return filled.index(max(filled)) if filled and max(filled) >= SMALLEST_HEADER else None


def _above(one: grid.Grid, index: int) -> tuple[str, ...]:
    return tuple(cell for _, cells in one.head[:index] for cell in cells if cell.strip())


def _records(one: grid.Grid, skip: int, width: int) -> pl.DataFrame:
    """Rows that say more than one thing."""
    body = one.body(skip, width)
    cells = [name for name in body.columns if re.fullmatch("c[0-9]+", name)]
    texts = body.select(pl.col(c).fill_null("").str.strip_chars() for c in cells)
    return texts.filter(pl.sum_horizontal(pl.col(c) != "" for c in cells) > 1)


def _wide(one: grid.Grid) -> Sample | None:
    """The table if periods stand side by side: by the rows and the pattern that name most, then the fewest rows."""
    cells, fullest = _first_rows(one), _fullest(one)
    best: tuple[tuple[int, int, int], int, str, list[tuple[Name, ...]], dict[int, tuple[str, str]]] | None = None
    for index in range(0 if fullest is None else fullest + 1):
        for depth in range(1, min(DEEPEST_HEADER, len(cells) - index - 1) + 1):
            names = joined(cells[index : index + depth])
            for pattern in PATTERNS:
                spread = _spread(names, pattern)
                rank = len(spread), sum(bool(readings[-1].whole) for readings in names), -depth
                if (best is None or rank > best[0]) and _stands_above(cells[index + depth], spread, names):
                    best = rank, index, pattern, names, spread
    if best is None:
        return None
    (_, _, less), index, pattern, names, spread = best
    words = tuple("" if place in spread else readings[-1].whole for place, readings in enumerate(names))
    titles = _above(one, index)
    told = Spread(pattern, _year_in(pattern, titles, one.sheet), spread)
    return Sample(words, _records(one, index - less, len(words)), titles, -less, told)


def _first_rows(one: grid.Grid) -> list[Sequence[str]]:
    """The first rows, a row of records among them."""
    cells = [record for _, record in one.head[:SEARCHED]]
    if one.kind == "parquet":
        body = one.body(0, len(cells[0]))
        cells += [[body[f"c{place}"][0] for place in range(len(cells[0]))]] if body.height else []
    return cells


def _spread(names: Sequence[tuple[Name, ...]], pattern: str) -> dict[int, tuple[str, str]]:
    """Place → measure and unit of the cells that name a period; nothing where one is named twice, or too few are."""
    hits = {place: hit for place, readings in enumerate(names) if (hit := _hit(readings, pattern))}
    often = Counter(measure for _, measure, _ in hits.values())
    kept = {place: hit for place, hit in hits.items() if often[hit[1]] >= FEWEST_PERIODS}
    told = Counter((period, measure) for period, measure, _ in kept.values())
    if max(told.values(), default=0) != 1:
        return {}
    return {place: (measure, unit) for place, (_, measure, unit) in kept.items()}


def _hit(readings: Sequence[Name], pattern: str) -> tuple[str, str, str] | None:
    """Period, measure and unit in a cell of the header, by the reading that says most; a sum over periods is none."""
    for name in readings:
        hit = periods.found(name.base, pattern, ANY_YEAR)
        if hit and not NO_MEASURE.search(hit[1]):
            return hit[0], hit[1], name.inside
    return None


def _stands_above(below: Sequence[str], spread: Mapping[int, object], names: Sequence[tuple[Name, ...]]) -> bool:
    """Whether rows that name periods head a table: no number among their words, and no words under their periods."""
    if not spread or any(NUMBER.fullmatch(n[-1].whole) for place, n in enumerate(names) if place not in spread):
        return False
    first = [below[place].strip() for place in spread if place < len(below)]
    numbers = [cell for cell in first if NUMBER.fullmatch(cell)]
    again = [cell for cell in numbers if any(periods.found(cell, pattern, None) for pattern in PATTERNS)]
    return len(numbers) * 2 >= sum(bool(cell) for cell in first) and len(again) * 2 <= len(numbers)


def _year_in(pattern: str, titles: Sequence[str], sheet: str | None) -> tuple[Literal["title", "sheet"], ...]:
    if periods.has_year(pattern):
        return ()
    if periods.only_year(titles):
        return ("title",)
    return ("sheet",) if periods.only_year([sheet or ""]) else ()
