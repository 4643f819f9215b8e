"""Geometry of the quality page's charts: plain numbers and words for the template to draw, every mark with its text.

A month of which nothing is known is a gap, never a zero.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from pipelines import formats

WIDTH, EDGE = 720.0, 16.0
TOP, BOTTOM = 42.0, 112.0
SPARK_WIDTH, SPARK_HEIGHT, SPARK_EDGE = 150.0, 34.0, 5.0
LABEL_HEIGHT = 16.0
FULL = 100


@dataclass(frozen=True)
class Mark:
    """One month of a chart: where it and its words stand, and the line it is measured by (0: none)."""

    x: float
    y: float
    height: float
    label: str
    label_y: float
    month: str
    measure_y: float
    is_known: bool
    is_odd: bool


@dataclass(frozen=True)
class Chart:
    """Marks in order of months, and the pieces of line between known neighbours."""

    marks: tuple[Mark, ...]
    lines: tuple[str, ...]
    width: float


@dataclass(frozen=True)
class Spark:
    """A line of points in a table cell: pieces of line, its dots, and in words what it shows."""

    lines: tuple[str, ...]
    dots: tuple[tuple[float, float], ...]
    title: str


def volume(months: Sequence[tuple[date, int | None, int | None, bool]]) -> Chart:
    """Bars of (month, rows or None, median before or None, is odd), in order of months."""
    most = max([0, *(value or 0 for _, *pair, _ in months for value in pair)])
    step, marks = _step(len(months)), []
    for place, (month, rows, expected, is_odd) in enumerate(months):
        height, measure = _height(rows, most), _height(expected, most) if expected else 0.0
        marks.append(
            Mark(
                x=_x(place, step),
                y=round(BOTTOM - height, 1),
                height=height,
                label=formats.count(rows, missing="无"),
                label_y=_label_y(height, measure),
                month=_name(place, month),
                measure_y=round(BOTTOM - measure, 1) if expected else 0.0,
                is_known=rows is not None,
                is_odd=is_odd,
            )
        )
    return Chart(tuple(marks), (), round(step * 0.56, 1))


def rate(months: Sequence[tuple[date, float | None]], *, limit: float) -> Chart:
    """A line of (month, ratio or None), in order of months; those above ``limit`` are odd."""
    most = max([limit, *(ratio for _, ratio in months if ratio is not None)])
    step, marks = _step(len(months)), []
    for place, (month, ratio) in enumerate(months):
        level = (ratio or 0.0) / most if most else 0.0
        marks.append(
            Mark(
                x=_x(place, step),
                y=round(BOTTOM - level * (BOTTOM - TOP), 1),
                height=0.0,
                label=_share(ratio),
                label_y=round(BOTTOM - level * (BOTTOM - TOP) - 8, 1),
                month=_name(place, month),
                measure_y=0.0,
                is_known=ratio is not None,
                is_odd=ratio is not None and ratio > limit,
            )
        )
    return Chart(tuple(marks), _lines([(m.x, m.y) if m.is_known else None for m in marks]), round(step * 0.56, 1))


def spark(months: Sequence[tuple[date, int | None]]) -> Spark:
    """Points from 0 to 100 by month, the same scale in every cell."""
    step = (SPARK_WIDTH - 2 * SPARK_EDGE) / max(len(months) - 1, 1)
    places = [
        None if points is None else (round(SPARK_EDGE + step * place, 1), _spark_y(points))
        for place, (_, points) in enumerate(months)
    ]
    said = "，".join(f"{formats.month(month)}{points}分" for month, points in months if points is not None)
    return Spark(_lines(places), tuple(place for place in places if place), said or "无得分")


def _spark_y(points: int) -> float:
    return round(SPARK_HEIGHT - SPARK_EDGE - points / FULL * (SPARK_HEIGHT - 2 * SPARK_EDGE), 1)


def _label_y(height: float, measure: float) -> float:
    """Where the figure of a bar is written: over it, and over the line that measures it where the two would meet."""
    meets = height - 2 < measure < height + LABEL_HEIGHT
    return round(BOTTOM - (measure if meets else height) - 5, 1)


def _share(ratio: float | None) -> str:
    """A share as it is written on a mark; two decimals below one percent."""
    return "0" if ratio == 0 else formats.percent(ratio, missing="无", places=2 if ratio and ratio < 0.01 else 1)


def _step(count: int) -> float:
    return (WIDTH - 2 * EDGE) / max(count, 1)


def _x(place: int, step: float) -> float:
    return round(EDGE + step * (place + 0.5), 1)


def _height(value: int | None, most: int) -> float:
    return round((BOTTOM - TOP) * (value or 0) / most, 1) if most else 0.0


def _name(place: int, month: date) -> str:
    return f"{month.year % 100}年{month.month}月" if place == 0 or month.month == 1 else f"{month.month}月"


def _lines(places: Sequence[tuple[float, float] | None]) -> tuple[str, ...]:
    """Pieces of line through neighbours that are known."""
    found: list[list[str]] = [[]]
    for place in places:
        if place is None:
            found.append([])
        else:
            found[-1].append(f"{place[0]},{place[1]}")
    return tuple(" ".join(piece) for piece in found if len(piece) > 1)
