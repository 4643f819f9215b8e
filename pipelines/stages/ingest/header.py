"""Find the header of a grid by what it says, not where it stands, and tie its cells to the columns of a feed.

A header may stand below titles and may be split over rows by merged cells; its cells may be periods with values under
them. A unit in parentheses is read off. This module never picks between two columns of the same name: that is the
sender's to settle, unless the contract says that both tell the same.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import pairwise

from pipelines import periods
from pipelines.contracts import Contracts, Feed, FeedColumn, Kind
from pipelines.stages.ingest.grid import Grid

SEARCHED = 30
MONEY_PREFIXES: Mapping[str, int] = {"": 2, "百": 4, "千": 5, "万": 6, "百万": 8, "千万": 9, "亿": 10}
COUNT_WORDS = ("人", "人次", "人数", "个", "户", "家", "件", "名", "次", "台", "吨", "千瓦时", "度")
UNITS: Mapping[Kind, Mapping[str, int]] = {
    "fen": {"分": 0, "角": 1} | {f"{p}{w}": power for w in ("元", "欧元") for p, power in MONEY_PREFIXES.items()},
    "usd_cent": {"美分": 0} | {f"{p}{w}": power for w in ("美元", "usd") for p, power in MONEY_PREFIXES.items()},
    "basis_point": {"%": 2, "百分点": 2, "‰": 1, "bp": 0, "万分之一": 0},
    "integer": dict.fromkeys(COUNT_WORDS, 0) | {f"千{w}": 3 for w in COUNT_WORDS} | {f"万{w}": 4 for w in COUNT_WORDS},
}
KNOWN_UNITS = frozenset(word for words in UNITS.values() for word in words)
_PARENTHESES = re.compile(r"^(.+?)\(([^()]*)\)$")
_DECLARED = re.compile(r"单位:(\S+)")


@dataclass(frozen=True)
class Name:
    """What a header cell says: the whole, the part before its parentheses, and what the parentheses hold."""

    whole: str
    base: str
    inside: str


@dataclass(frozen=True)
class Header:
    """Where the header of a feed stands in a grid and which cell is which column.

    ``units`` are units found in the file. ``missing`` are required columns without a cell, ``doubled`` columns with
    two, ``misfits`` columns whose unit is of another kind. ``blocks`` are the periods that stand side by side, each
    with the cells of its values; ``given`` are columns whose one value stands in the title or the sheet's name, and
    ``twins`` second cells of columns that may be told twice. ``rows`` are the header's own cells as compared,
    ``titles`` the texts above it: either may stand again on a later page.
    """

    index: int
    depth: int
    names: tuple[str, ...]
    columns: Mapping[str, int]
    units: Mapping[str, str]
    missing: tuple[str, ...] = ()
    doubled: tuple[str, ...] = ()
    misfits: tuple[str, ...] = ()
    blocks: tuple[tuple[str, Mapping[str, int]], ...] = ()
    given: Mapping[str, str] = field(default_factory=dict)
    twins: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    rows: tuple[tuple[str, ...], ...] = ()
    titles: frozenset[str] = frozenset()

    @property
    def places(self) -> frozenset[int]:
        """Every cell of the header that is read."""
        spread = {place for _, cells in self.blocks for place in cells.values()}
        doubled = {place for places in self.twins.values() for place in places}
        return frozenset({*self.columns.values(), *spread, *doubled})

    @property
    def found(self) -> frozenset[str]:
        """Every column that the file tells."""
        return frozenset({*self.columns, *self.given, *(name for _, cells in self.blocks for name in cells)})

    @property
    def fits(self) -> bool:
        """Whether every required column was found, once and in a unit of its kind."""
        return not (self.missing or self.doubled or self.misfits)


def normal(cell: str) -> str:
    """A header cell in NFKC, without white space or a leading mark of obligation, in lower case."""
    return "".join(unicodedata.normalize("NFKC", cell).split()).lstrip("*").casefold()


@lru_cache(maxsize=4096)
def parsed(cell: str) -> Name:
    """``出口额(万美元)`` → the whole, ``出口额`` and ``万美元``."""
    whole = normal(cell)
    match = _PARENTHESES.match(whole)
    return Name(whole, match[1], _unit_word(match[2])) if match else Name(whole, whole, "")


def _unit_word(inside: str) -> str:
    return inside.removeprefix("单位:").removeprefix("单位").removeprefix("人民币")


def find(grid: Grid, feed: Feed, contracts: Contracts) -> Header:
    """The best header of ``feed`` in ``grid``: most columns found, then fewest rows, then the highest."""
    cells = [record for _, record in grid.head[:SEARCHED]]
    best: Header | None = None
    for index in range(len(cells)):
        for depth in range(1, 2 if grid.kind == "parquet" else feed.layout.header_rows + 1):
            if index + depth > len(cells):
                break
            names = joined(cells[index : index + depth])
            header = _matched(index, depth, names, feed, contracts)
            header = _with_spread(header, names, cells[:index], grid.sheet, feed, contracts)
            if best is None or _worth(header) > _worth(best):
                best = header
    assert best is not None, "an empty grid has no header"
    best = _with_given(best, cells[: best.index], grid.sheet, feed, contracts)
    best = replace(
        best,
        rows=tuple(tuple(map(normal, row)) for row in cells[best.index : best.index + best.depth]),
        titles=frozenset(normal(cell) for row in cells[: best.index] for cell in row) - {""},
    )
    return _with_declared_units(best, cells[: best.index], feed, contracts)


def _worth(header: Header) -> tuple[int, int, int]:
    return len(header.found), sum(len(cells) for _, cells in header.blocks), -header.depth


def joined(rows: Sequence[Sequence[str]]) -> list[tuple[Name, ...]]:
    """Readings of each column of a header of several rows: groups and name joined, then with fewer groups.

    A cell merged over several columns counts for all of them, up to the next one or to where a group above it ends.
    """
    nothing = Name("", "", "")
    groups = [nothing] * (len(rows) - 1)
    names: list[tuple[Name, ...]] = []
    for place in range(max(len(row) for row in rows)):
        own = [parsed(row[place]) if place < len(row) else nothing for row in rows]
        begins = False
        for level, name in enumerate(own[:-1]):
            begins = begins or bool(name.whole)
            if begins:
                groups[level] = name
        last = max((level for level, name in enumerate(own) if name.whole), default=0)
        # Cells below the last name belong to it, merged downwards; groups above count only for what is below them.
        levels = [*groups[:last], own[last]] if last else [own[0]]
        names.append(_readings([name for name in levels if name.whole] or [nothing]))
    return names


def _readings(levels: Sequence[Name]) -> tuple[Name, ...]:
    """All levels joined, then without the topmost, down to the last alone; a name repeated below itself counts once."""
    kept = [levels[0], *(below for above, below in pairwise(levels) if below.whole != above.whole)]
    inside = next((name.inside for name in reversed(kept) if name.inside), "")
    found = []
    for start in range(len(kept) - 1):
        above = "".join(name.base for name in kept[start:-1])
        found.append(Name(above + kept[-1].whole, above + kept[-1].base, kept[-1].inside or inside))
    return (*found, kept[-1])


def _matched(index: int, depth: int, names: Sequence[tuple[Name, ...]], feed: Feed, contracts: Contracts) -> Header:
    said: dict[str, dict[int, Name]] = {}
    for place, readings in enumerate(names):
        for name in readings:
            for words in {name.whole, name.base} - {""}:
                said.setdefault(words, {}).setdefault(place, name)
    columns: dict[str, int] = {}
    units: dict[str, str] = {}
    twins: dict[str, tuple[int, ...]] = {}
    doubled: list[str] = []
    misfits: list[str] = []
    for column, spec in _plain(feed).items():
        kind = contracts.feed_column(feed, column).type
        for alias in (*spec.header, column):
            words = parsed(alias).whole
            hits = {place: name for place, name in said.get(words, {}).items() if _says(name, words, kind)}
            if not hits:
                continue
            if len(hits) > 1 and not spec.repeated:
                doubled.append(alias)
            (place, name), *others = hits.items()
            columns[column] = place
            twins |= {column: tuple(other for other, _ in others)} if others and spec.repeated else {}
            _tell_unit(column, alias, name, kind, units, misfits)
            break
    display = tuple(readings[0].whole for readings in names)
    missing = tuple(c for c, spec in _plain(feed).items() if c not in columns and not spec.optional)
    return Header(index, depth, display, columns, units, missing, tuple(doubled), tuple(misfits), twins=twins)


def _plain(feed: Feed) -> Mapping[str, FeedColumn]:
    """Columns of ``feed`` that have a column of their own in the file."""
    spread = feed.layout.periods
    apart = {spread.column, *spread.values} if spread else frozenset[str]()
    return {name: spec for name, spec in feed.columns.items() if name not in apart and spec.found_in == "column"}


def _tell_unit(column: str, alias: str, name: Name, kind: Kind, units: dict[str, str], misfits: list[str]) -> None:
    if name.inside in UNITS.get(kind, {}):
        units[column] = name.inside
    elif name.inside in KNOWN_UNITS and kind in UNITS:
        misfits.append(f"{alias}({name.inside})")


def _with_spread(
    header: Header,
    names: Sequence[tuple[Name, ...]],
    titles: Sequence[Sequence[str]],
    sheet: str | None,
    feed: Feed,
    contracts: Contracts,
) -> Header:
    """``header`` with the periods that stand side by side, if the feed has such."""
    spread = feed.layout.periods
    if spread is None:
        return header
    said = {"title": [cell for row in titles for cell in row], "sheet": [sheet or ""]}
    year = periods.only_year(text for place in spread.year_in for text in said[place])
    blocks: dict[str, dict[str, int]] = {}
    units: dict[str, set[str]] = {}
    doubled, misfits = [*header.doubled], [*header.misfits]
    for place, readings in enumerate(names):
        hit = _spread_cell(readings, year, feed)
        if place in header.places or hit is None:
            continue
        period, column, name = hit
        if column in blocks.setdefault(period, {}):
            doubled.append(name.whole)
        blocks[period][column] = place
        told: dict[str, str] = {}
        _tell_unit(column, name.base, name, contracts.feed_column(feed, column).type, told, misfits)
        units.setdefault(column, set()).add(told.get(column, ""))
    doubled += [f"{contracts.feed_column(feed, c).label}（各期单位不同）" for c, own in units.items() if len(own) > 1]
    required = [c for c in spread.values if not feed.columns[c].optional]
    lacking = [c for c in required if not blocks or any(c not in cells for cells in blocks.values())]
    return replace(
        header,
        blocks=tuple(sorted(blocks.items())),
        units={**header.units, **{c: own.copy().pop() for c, own in units.items() if len(own) == 1 and own != {""}}},
        missing=(*header.missing, *([] if blocks else [spread.column]), *lacking),
        doubled=tuple(doubled),
        misfits=tuple(misfits),
    )


def _spread_cell(readings: Sequence[Name], year: str | None, feed: Feed) -> tuple[str, str, Name] | None:
    """The period and the value column that a header cell names, by the reading that says most."""
    spread = feed.layout.periods
    assert spread is not None
    for name in readings:
        for pattern in spread.patterns:
            for words in dict.fromkeys((name.base, name.whole)):
                hit = periods.found(words, pattern, year) if words else None
                if hit is None:
                    continue
                period, rest = hit
                if not rest and len(spread.values) == 1:
                    return period, spread.values[0], name
                for column in spread.values:
                    if rest and rest in {parsed(alias).whole for alias in (*feed.columns[column].header, column)}:
                        return period, column, name
    return None


def _with_given(
    header: Header, titles: Sequence[Sequence[str]], sheet: str | None, feed: Feed, contracts: Contracts
) -> Header:
    """``header`` with the columns whose value stands above the table or in the sheet's name."""
    given: dict[str, str] = {}
    missing, doubled = [*header.missing], [*header.doubled]
    for column, spec in feed.columns.items():
        if spec.found_in == "column":
            continue
        said = [sheet or ""] if spec.found_in == "sheet" else [cell for row in titles for cell in row]
        texts = ["".join(unicodedata.normalize("NFKC", text).split()) for text in said]
        matches = [match for text in texts if (match := re.search(spec.pattern or "^.+$", text))]
        hits = {match[1] if match.re.groups else match[0] for match in matches}
        if len(hits) == 1:
            given[column] = hits.pop()
        elif hits:
            doubled.append(contracts.feed_column(feed, column).label)
        elif not spec.optional:
            missing.append(column)
    return replace(header, given=given, missing=tuple(missing), doubled=tuple(doubled)) if given or missing else header


def _says(name: Name, words: str, kind: Kind) -> bool:
    """Whether a header cell names the alias; a remark in parentheses may change what a number means, so it counts."""
    return name.whole == words or kind not in UNITS or not name.inside or name.inside in KNOWN_UNITS


def _with_declared_units(header: Header, titles: Sequence[Sequence[str]], feed: Feed, contracts: Contracts) -> Header:
    """Apply ``单位：万元`` in a title to the money columns whose header gives no unit."""
    said = [unicodedata.normalize("NFKC", cell) for row in titles for cell in row]
    words = [
        _unit_word(word.strip("()"))
        for cell in said
        for found in _DECLARED.findall(cell)
        for word in re.split(r"[、,;/，；]", found)
    ]
    units = dict(header.units)
    for column in header.found:
        kind = contracts.feed_column(feed, column).type
        fitting = {word for word in words if kind in {"fen", "usd_cent"} and word in UNITS[kind]}
        if column not in units and len(fitting) == 1:
            units[column] = fitting.pop()
    return replace(header, units=units)


def width(header: Header) -> int:
    """Cells from the first to the last that has a name."""
    return max(place for place, name in enumerate(header.names) if name) + 1


def nearest(grids: Sequence[Grid], contracts: Contracts) -> list[tuple[Feed, Header]]:
    """Feeds by how many of their columns a file has, the best first; feeds without any are left out."""
    found = [
        (feed, max((find(g, feed, contracts) for g in grids if g.head), key=lambda h: len(h.found)))
        for feed in contracts.feeds.values()
    ]
    found = [(feed, header) for feed, header in found if header.found]
    return sorted(found, key=lambda pair: (-len(pair[1].found), len(pair[1].missing), pair[0].feed))
