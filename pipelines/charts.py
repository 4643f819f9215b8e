"""Charts as SVG texts: lines, dots with their intervals, and a legend; words stay words and no font is brought along.

Every number is written with one decimal, so the same figures give the same bytes. Colours differ in lightness too, and
each series has a dash or a mark of its own. Refuses to draw a value that is not a number: it is left out.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 640, 400
LEFT, RIGHT, TOP, BOTTOM = 64, 24, 48, 56
LEGEND_STEP = 20
ROW_HEIGHT = 26
LABEL_WIDTH = 210
FONT = "font-family=\"'Noto Sans CJK SC','Microsoft YaHei','PingFang SC',sans-serif\""
COLOURS = ("#0b3d66", "#c0531a", "#4c8c4a", "#8a8a8a", "#9467bd", "#b0a030")
DASHES = ("", "7 4", "2 3", "10 3 2 3", "1 4", "4 2")


@dataclass(frozen=True)
class Series:
    """A named line through ``points`` (x, y); ``is_dotted`` marks each of them."""

    name: str
    points: tuple[tuple[float, float], ...]
    is_dotted: bool = False


@dataclass(frozen=True)
class Axes:
    """Title, the words at the axes, and the ranges (low, high) that are drawn; ``diagonal`` is where x equals y."""

    title: str
    x: str
    y: str
    x_range: tuple[float, float]
    y_range: tuple[float, float]
    has_diagonal: bool = False


@dataclass(frozen=True)
class Bar:
    """One row of an interval chart: a value with its bounds."""

    name: str
    value: float
    low: float
    high: float


def lines(series: Sequence[Series], axes: Axes) -> str:
    """A line chart with percentages at both axes and a legend inside."""
    parts = [*_frame(axes), *(_diagonal(axes) if axes.has_diagonal else [])]
    for place, one in enumerate(series):
        parts.extend(_line(one, axes, COLOURS[place % len(COLOURS)], DASHES[place % len(DASHES)]))
    parts.extend(_legend([one.name for one in series]))
    return _svg(parts, axes.title, height=HEIGHT)


def intervals(bars: Sequence[Bar], title: str, *, most: float) -> str:
    """Values with their bounds, one under the other, from 0 to ``most``."""
    height = TOP + ROW_HEIGHT * len(bars) + 40
    width = WIDTH - LABEL_WIDTH - RIGHT

    def at(value: float) -> float:
        return LABEL_WIDTH + width * min(max(value / most, 0.0), 1.0)

    parts = [_text(WIDTH / 2, 24, title, size=15, anchor="middle")]
    for tick in _ticks((0.0, most)):
        parts.append(_rule(at(tick), TOP, at(tick), height - 40))
        parts.append(_text(at(tick), height - 22, _percent(tick), anchor="middle"))
    for place, bar in enumerate(bars):
        y = TOP + ROW_HEIGHT * (place + 0.5)
        parts.append(_text(LABEL_WIDTH - 10, y + 4, bar.name, anchor="end"))
        if not all(map(math.isfinite, (bar.value, bar.low, bar.high))):
            continue
        colour = COLOURS[0] if place == 0 else COLOURS[3]
        parts.append(
            f'<line x1="{at(bar.low):.1f}" y1="{y:.1f}" x2="{at(bar.high):.1f}" y2="{y:.1f}" stroke="{colour}" '
            'stroke-width="3"/>'
        )
        parts.append(f'<circle cx="{at(bar.value):.1f}" cy="{y:.1f}" r="5" fill="{colour}"/>')
    return _svg(parts, title, height=height)


def columns(points: Sequence[tuple[str, int | None]], title: str) -> str:
    """Counts one beside the other, each with its number above and its name below; an unknown one is a dash."""
    height, base = 220, 170
    most = max((count for _, count in points if count is not None), default=0) or 1
    step = (WIDTH - 2 * RIGHT) / max(len(points), 1)
    parts = [_text(RIGHT, 20, title, size=14)]
    for place, (name, count) in enumerate(points):
        middle = RIGHT + step * (place + 0.5)
        top = base if count is None else base - (base - 56) * count / most
        if count:
            parts.append(
                f'<rect x="{middle - step * 0.36:.1f}" y="{top:.1f}" width="{step * 0.72:.1f}" '
                f'height="{base - top:.1f}" fill="{COLOURS[0]}"/>'
            )
        parts.append(_text(middle, top - 5, "—" if count is None else str(count), size=10, anchor="middle"))
        for row, words in enumerate(name.split("\n")):
            parts.append(_text(middle, base + 15 + 13 * row, words, size=10, anchor="middle"))
    parts.append(_rule(RIGHT, base, WIDTH - RIGHT, base))
    return _svg(parts, title, height=height)


def changes(points: Sequence[tuple[str, float | None, str]], title: str) -> str:
    """Values above and below a line at zero: name, value and how it is written; an unknown one has no column."""
    known = [value for _, value, _ in points if value is not None]
    high, low = max([0.0, *known]), min([0.0, *known])
    top, bottom = 48, 206
    zero = bottom - (bottom - top) * (0.0 - low) / ((high - low) or 1)
    step = (WIDTH - 2 * RIGHT) / max(len(points), 1)
    parts = [_text(RIGHT, 20, title, size=14)]
    for place, (name, value, label) in enumerate(points):
        middle = RIGHT + step * (place + 0.5)
        end = zero if value is None else zero - (bottom - top) * value / ((high - low) or 1)
        wide = min(step * 0.6, 48)
        if value:
            colour = COLOURS[0] if value > 0 else COLOURS[1]
            parts.append(
                f'<rect x="{middle - wide / 2:.1f}" y="{min(zero, end):.1f}" width="{wide:.1f}" '
                f'height="{abs(end - zero):.1f}" fill="{colour}"/>'
            )
        below = value is not None and value < 0
        parts.append(_text(middle, end + 13 if below else end - 5, label, size=11, anchor="middle"))
        for row, words in enumerate(name.split("\n")):
            parts.append(_text(middle, bottom + 32 + 13 * row, words, size=11, anchor="middle"))
    parts.append(
        f'<line x1="{RIGHT}" y1="{zero:.1f}" x2="{WIDTH - RIGHT}" y2="{zero:.1f}" stroke="#555" stroke-width="1"/>'
    )
    return _svg(parts, title, height=262)


def _frame(axes: Axes) -> Iterator[str]:
    yield _text(WIDTH / 2, 24, axes.title, size=15, anchor="middle")
    for tick in _ticks(axes.x_range):
        x = _x(tick, axes)
        yield _rule(x, TOP, x, HEIGHT - BOTTOM)
        yield _text(x, HEIGHT - BOTTOM + 18, _percent(tick), anchor="middle")
    for tick in _ticks(axes.y_range):
        y = _y(tick, axes)
        yield _rule(LEFT, y, WIDTH - RIGHT, y)
        yield _text(LEFT - 8, y + 4, _percent(tick), anchor="end")
    yield _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 14, axes.x, anchor="middle")
    yield (
        f'<text transform="translate(16 {(TOP + HEIGHT - BOTTOM) / 2:.1f}) rotate(-90)" text-anchor="middle" '
        f'font-size="12" fill="#333">{escape(axes.y)}</text>'
    )


def _diagonal(axes: Axes) -> list[str]:
    low = max(axes.x_range[0], axes.y_range[0])
    high = min(axes.x_range[1], axes.y_range[1])
    return [
        f'<line x1="{_x(low, axes):.1f}" y1="{_y(low, axes):.1f}" x2="{_x(high, axes):.1f}" '
        f'y2="{_y(high, axes):.1f}" stroke="#555" stroke-dasharray="4 4"/>'
    ]


def _line(series: Series, axes: Axes, colour: str, dash: str) -> Iterator[str]:
    points = [(_x(x, axes), _y(y, axes)) for x, y in series.points if math.isfinite(x) and math.isfinite(y)]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    yield (
        f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"'
        + (f' stroke-dasharray="{dash}"' if dash else "")
        + "/>"
    )
    if series.is_dotted:
        yield from (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in points)


def _legend(names: Sequence[str]) -> Iterator[str]:
    for place, name in enumerate(names):
        y = TOP + 14 + LEGEND_STEP * place
        dash = DASHES[place % len(DASHES)]
        yield (
            f'<line x1="{LEFT + 12}" y1="{y:.1f}" x2="{LEFT + 44}" y2="{y:.1f}" '
            f'stroke="{COLOURS[place % len(COLOURS)]}" stroke-width="2"'
            + (f' stroke-dasharray="{dash}"' if dash else "")
            + "/>"
        )
        yield _text(LEFT + 50, y + 4, name)


def _svg(parts: Sequence[str], title: str, *, height: float) -> str:
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img" {FONT}>\n'
        f"<title>{escape(title)}</title>\n"
        f'<rect width="{WIDTH}" height="{height:.0f}" fill="#fff"/>\n{body}\n</svg>\n'
    )


def _text(x: float, y: float, words: str, *, size: int = 12, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="#222">{escape(words)}</text>'


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="#ddd"/>'


def _ticks(span: tuple[float, float]) -> list[float]:
    """Five to ten round values within ``span``."""
    low, high = span
    step = next(size for size in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0) if (high - low) / size <= 10 or size == 1.0)
    first, last = math.ceil(round(low / step, 6)), math.floor(round(high / step, 6))
    return [number * step for number in range(first, last + 1)]


def _percent(value: float) -> str:
    return f"{value:.0%}"


def _x(value: float, axes: Axes) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * _part(value, axes.x_range)


def _y(value: float, axes: Axes) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * _part(value, axes.y_range)


def _part(value: float, span: tuple[float, float]) -> float:
    low, high = span
    return min(max((value - low) / (high - low), 0.0), 1.0)
