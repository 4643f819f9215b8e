"""Turns of phrase that several parts of the monthly report share: how a change, a list and a row of cells are told."""

from collections.abc import Sequence
from functools import partial

from pipelines import formats
from pipelines.monthly import Figure, Figures
from pipelines.monthly_blocks import Text, joined

COLOURS = tuple(zip(formats.COLOURS, ("red_count", "orange_count", "yellow_count", "blue_count"), strict=True))


def moved(figures: Figures, query: str, row: str, what: str) -> Text:
    """``净增12人（+0.1%）``, ``净减12人（−0.1%）``, ``持平``, or that it is not known."""
    change = figures.value(query, row, f"{what}_persons")
    if change is None:
        return ("增减无数据",)
    if change == 0:
        return ("持平",)
    told: Text = ("净增" if change > 0 else "净减", figures.absolute(query, row, f"{what}_persons"), "人")
    if figures.value(query, row, f"{what}_ratio") is None:
        return told
    return (*told, "（", figures.figure(query, row, f"{what}_ratio", signed=True), "）")


def without(figures: Figures, query: str, row: str) -> Text:
    """The change again without those that lost most; nothing where nobody lost or nothing is left to compare."""
    if not figures.value(query, row, "dropped_count") or figures.value(query, row, "net_change_persons") is None:
        return ()
    dropped = figures.figure(query, row, "dropped_count")
    return ("，剔除减员最多的", dropped, "家后", *moved(figures, query, row, "without_change"))


def coloured(figures: Figures, query: str, row: str) -> Text:
    """``红0、橙5、黄2、蓝15``."""
    return joined([(colour, figures.figure(query, row, column)) for colour, column in COLOURS], "、")


def cells(figures: Figures, query: str, row: str, columns: Sequence[str]) -> tuple[Text, ...]:
    """A row of a table; a column whose name begins with + is printed with its sign."""
    cell = partial(figures.figure, query, row)
    return tuple((cell(name.lstrip("+"), signed=name.startswith("+")),) for name in columns)


def estimated(figures: Figures, query: str, row: str) -> Text:
    """What stands after a last day of the row that rests on weekends alone, for want of the holidays."""
    return ("（暂按周末推算）",) if figures.value(query, row, "is_due_estimated") else ()


def heads(*words: str) -> tuple[Text, ...]:
    """The head of a table."""
    return tuple((word,) for word in words)


def points(figures: Figures, query: str, column: str, *, name: str = "month") -> tuple[tuple[Figure, Figure], ...]:
    """The rows of a query as points of a chart."""
    told = partial(figures.figure, query)
    signed = column.endswith("_persons")
    return tuple((told(row, name), told(row, column, signed=signed)) for row in figures.rows(query))
