"""Geometry of the briefing's two charts and the tint of its heat table: plain numbers for the template to draw.

The steps of the heat scale are for the eye only; no colour of the list depends on them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from pipelines import formats

WIDTH, LEFT, RIGHT = 720.0, 20.0, 20.0
LINE_TOP, LINE_BOTTOM = 42.0, 114.0
BAR_TOP, BAR_BOTTOM = 42.0, 130.0
HEAT_STEPS: tuple[tuple[float, str, str], ...] = (
    (-0.05, "h1", "≤−5%"),
    (-0.03, "h2", "−5%至−3%"),
    (-0.01, "h3", "−3%至−1%"),
    (0.01, "h4", "−1%至+1%"),
    (0.03, "h5", "+1%至+3%"),
)
HEAT_TOP = ("h6", "≥+3%")


@dataclass(frozen=True)
class Point:
    """One month of a chart: where it stands, what is written on it, whether its data are complete."""

    x: float
    y: float
    height: float
    label_y: float
    label: str
    month: str
    is_complete: bool


@dataclass(frozen=True)
class Trend:
    """Thirteen months of insured persons (line) and of enterprises with a large loss (bars)."""

    insured: tuple[Point, ...]
    losses: tuple[Point, ...]
    path: str
    bar_width: float


def heat_class(ratio: float | None) -> str:
    """The tint of a cell."""
    if ratio is None:
        return "h0"
    for limit, name, _ in HEAT_STEPS:
        if ratio <= limit:
            return name
    return HEAT_TOP[0]


def heat_legend() -> list[tuple[str, str]]:
    """Tint and words of each step."""
    return [(name, words) for _, name, words in HEAT_STEPS] + [HEAT_TOP]


def trend(months: Sequence[tuple[date, int, int, bool]]) -> Trend:
    """The charts of (month, insured persons, enterprises with a large loss, complete), in order of months."""
    step = (WIDTH - LEFT - RIGHT) / max(len(months), 1)
    insured_values = [insured for _, insured, _, _ in months]
    low, high = (min(insured_values), max(insured_values)) if months else (0, 0)
    most = max((losses for _, _, losses, _ in months), default=0)
    insured, losses = [], []
    for place, (month, persons, large, complete) in enumerate(months):
        x = round(LEFT + step * (place + 0.5), 1)
        level = (persons - low) / (high - low) if high > low else 0.5
        y = round(LINE_BOTTOM - level * (LINE_BOTTOM - LINE_TOP), 1)
        first = place == 0 or month.month == 1
        name = f"{month.year % 100}年{month.month}月" if first else f"{month.month}月"
        insured.append(
            Point(x, y, 0.0, _label_y(insured_values, place, y), formats.ten_thousands(persons), name, complete)
        )
        height = round((BAR_BOTTOM - BAR_TOP) * large / most, 1) if most else 0.0
        top = round(BAR_BOTTOM - height, 1)
        losses.append(Point(x, top, height, round(top - 6, 1), formats.count(large), name, complete))
    path = " ".join(f"{point.x},{point.y}" for point in insured)
    return Trend(tuple(insured), tuple(losses), path, round(step * 0.5, 1))


def _label_y(values: Sequence[int], place: int, y: float) -> float:
    """Where the figure of a point is written: under it in a trough, above it otherwise, clear of the line."""
    beside = [*values[max(0, place - 1) : place], *values[place + 1 : place + 2]]
    in_trough = bool(beside) and all(values[place] < value for value in beside)
    return round(y + 16 if in_trough else y - 9, 1)
