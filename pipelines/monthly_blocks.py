"""What the monthly report is made of: words and figures in paragraphs, tables and charts, in parts.

Every number in it is a ``Figure``; plain words hold none, but for the number of the notice. So whoever checks the
report can tell where each number comes from.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from pipelines.monthly import Figure

Piece = str | Figure
Text = tuple[Piece, ...]


@dataclass(frozen=True)
class Paragraph:
    """Running text; a lead opens the report, a note says how to read what stands above."""

    text: Text
    kind: Literal["lead", "body", "note", "item"] = "body"


@dataclass(frozen=True)
class Table:
    """Rows of cells under a head; ``words`` are the places of columns that hold words, the others hold numbers."""

    title: Text
    head: tuple[Text, ...]
    rows: tuple[tuple[Text, ...], ...]
    words: frozenset[int] = frozenset({0})
    empty: str = "没有数据。"


@dataclass(frozen=True)
class Chart:
    """A value per month or county, drawn where pictures can be; ``is_told`` where a table beside it has the figures."""

    title: str
    unit: str
    points: tuple[tuple[Figure, Figure], ...]
    is_told: bool = False


@dataclass(frozen=True)
class Heading:
    """A heading within a part."""

    text: Text


Block = Paragraph | Table | Chart | Heading


@dataclass(frozen=True)
class Part:
    """One part with its heading; the four of the notice come first."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Report:
    """A whole report: who writes about which month, its lead and its parts."""

    title: str
    dateline: Text
    lead: Text
    parts: tuple[Part, ...]
    edition_id: str
    is_simulated: bool


def plain(text: Text) -> str:
    """Words and figures as they are printed."""
    return "".join(piece if isinstance(piece, str) else piece.text for piece in text)


def texts(report: Report) -> Iterator[Text]:
    """Every text of the report in the order in which it is printed; of a chart, its names and figures in turn."""
    yield (report.title,)
    yield report.dateline
    yield report.lead
    for part in report.parts:
        yield (part.title,)
        for block in part.blocks:
            yield from _texts(block)


def figures(report: Report) -> Iterator[Figure]:
    """Every figure of the report as printed."""
    for text in texts(report):
        yield from (piece for piece in text if isinstance(piece, Figure))


def _texts(block: Block) -> Iterator[Text]:
    match block:
        case Paragraph() | Heading():
            yield block.text
        case Table():
            yield block.title
            if not block.rows:
                yield (block.empty,)
                return
            yield from block.head
            for row in block.rows:
                yield from row
        case Chart():
            yield (block.title, "（", block.unit, "）")
            for name, figure in block.points:
                yield (name,)
                yield (figure,)


def joined(pieces: Sequence[Text], between: str) -> Text:
    """Texts one after the other with ``between`` in between."""
    found: list[Piece] = []
    for place, text in enumerate(pieces):
        found += [between] if place else []
        found += text
    return tuple(found)
