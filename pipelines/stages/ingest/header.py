"""Find the header of a grid by what it says, not where it stands, and tie its cells to the columns of a feed.

A header may stand below titles and may be split over two rows by merged cells. A unit in parentheses is read off. This
module never picks between two columns of the same name: that is the sender's to settle.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from pipelines.contracts import Contracts, Feed, Kind
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
    two, ``misfits`` columns whose unit is of another kind.
    """

    index: int
    depth: int
    names: tuple[str, ...]
    columns: Mapping[str, int]
    units: Mapping[str, str]
    missing: tuple[str, ...] = ()
    doubled: tuple[str, ...] = ()
    misfits: tuple[str, ...] = ()

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
    """The best header of ``feed`` in ``grid``: most columns found, then one row rather than two, then the highest."""
    cells = [record for _, record in grid.head[:SEARCHED]]
    best: Header | None = None
    for index, row in enumerate(cells):
        candidates: list[tuple[int, list[tuple[Name, ...]]]] = [(1, [(parsed(cell),) for cell in row])]
        if index + 1 < len(cells) and grid.kind != "parquet":
            candidates.append((2, _joined(row, cells[index + 1])))
        for depth, names in candidates:
            header = _matched(index, depth, names, feed, contracts)
            if best is None or (len(header.columns), -header.depth) > (len(best.columns), -best.depth):
                best = header
    assert best is not None, "an empty grid has no header"
    return _with_declared_units(best, cells[: best.index], feed, contracts)


def _joined(upper: Sequence[str], lower: Sequence[str]) -> list[tuple[Name, ...]]:
    """Readings of each column of a header split over two rows: group and name joined, then the name alone."""
    names: list[tuple[Name, ...]] = []
    group = Name("", "", "")
    for place in range(max(len(upper), len(lower))):
        above = parsed(upper[place]) if place < len(upper) else Name("", "", "")
        below = parsed(lower[place]) if place < len(lower) else Name("", "", "")
        group = above if above.whole else group
        if not below.whole:
            names.append((above,))
        else:
            inside = below.inside or group.inside
            names.append((Name(group.base + below.whole, group.base + below.base, inside), below))
    return names


def _matched(index: int, depth: int, names: Sequence[tuple[Name, ...]], feed: Feed, contracts: Contracts) -> Header:
    said: dict[str, dict[int, Name]] = {}
    for place, readings in enumerate(names):
        for name in readings:
            for words in {name.whole, name.base} - {""}:
                said.setdefault(words, {}).setdefault(place, name)
    columns: dict[str, int] = {}
    units: dict[str, str] = {}
    doubled, misfits = [], []
    for column, spec in feed.columns.items():
        kind = contracts.feed_column(feed, column).type
        for alias in (*spec.header, column):
            words = parsed(alias).whole
            hits = {place: name for place, name in said.get(words, {}).items() if _says(name, words, kind)}
            if not hits:
                continue
            if len(hits) > 1:
                doubled.append(alias)
            place, name = next(iter(hits.items()))
            columns[column] = place
            if name.inside in UNITS.get(kind, {}):
                units[column] = name.inside
            elif name.inside in KNOWN_UNITS and kind in UNITS:
                misfits.append(f"{alias}({name.inside})")
            break
    missing = tuple(c for c, spec in feed.columns.items() if c not in columns and not spec.optional)
    display = tuple(ns[0].whole or ns[-1].whole for ns in names)
    return Header(index, depth, display, columns, units, missing, tuple(doubled), tuple(misfits))


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
    for column in header.columns:
        kind = contracts.feed_column(feed, column).type
        fitting = {word for word in words if kind in {"fen", "usd_cent"} and word in UNITS[kind]}
        if column not in units and len(fitting) == 1:
            units[column] = fitting.pop()
    return Header(
        header.index, header.depth, header.names, header.columns, units, header.missing, header.doubled, header.misfits
    )


def width(header: Header) -> int:
    """Cells from the first to the last that has a name."""
    return max(place for place, name in enumerate(header.names) if name) + 1


def nearest(grids: Sequence[Grid], contracts: Contracts) -> list[tuple[Feed, Header]]:
    """Feeds by how many of their columns a file has, the best first; feeds without any are left out."""
    found = [
        (feed, max((find(g, feed, contracts) for g in grids if g.head), key=lambda h: len(h.columns)))
        for feed in contracts.feeds.values()
    ]
    found = [(feed, header) for feed, header in found if header.columns]
    return sorted(found, key=lambda pair: (-len(pair[1].columns), len(pair[1].missing), pair[0].feed))
