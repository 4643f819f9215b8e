"""The chart of docs/notices.md: how many further notices a list finds, by its length. Draws no employer's name."""

from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
WIDTH, HEIGHT = 960, 430
LEFT, TOP, SIDE, GAP = 62, 66, 360, 96
DOWN = 280
LONGEST = 0.20
LISTED = 0.05
COLOURS = ("#b3261e", "#2f5d94", "#6b8e4e", "#8a6d1b", "#8a97a6")
FONT = "system-ui, 'Noto Sans CJK SC', 'Source Han Sans SC', 'PingFang SC', 'Microsoft YaHei', sans-serif"


class Judged(Protocol):
    """What the chart reads of a trial."""

    @property
    def event(self) -> NDArray[np.bool_]:
        """Whether a further notice followed, shape (rows,)."""
        ...

    def score(self, name: str) -> Floats:
        """A ranking, shape (rows,)."""
        ...


def captured(event: NDArray[np.bool_], score: Floats, shares: Floats) -> Floats:
    """Share of the events among the highest ``shares`` of the rows; equals stand at their mean."""
    order = np.argsort(-score, kind="stable")
    ends = np.r_[np.flatnonzero(np.diff(score[order])), len(order) - 1]
    hits = np.cumsum(event[order])[ends]
    return np.interp(shares * len(event), np.r_[0, ends + 1], np.r_[0, hits]) / hits[-1]


def chart(trials: Mapping[str, Judged], names: Mapping[str, str]) -> str:
    """One panel a trial; the rankings without learning are named by ``names`` (key → Chinese)."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="title" '
        f'font-family="{FONT}">',
        '  <title id="title">Share of further notices found, by share of employers listed</title>',
        "  <style>text { fill: #1f2933; font-size: 13px; } .head { font-size: 16px; font-weight: 600; }"
        " .axis { fill: #4a5663; font-size: 12px; } .grid { stroke: #dde3ea; }"
        " .line { fill: none; stroke-width: 2; } .mark { stroke: #5b6773; stroke-dasharray: 4 4; }</style>",
        f'  <rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
    ]
    for place, (name, found) in enumerate(trials.items()):
        parts += _panel(name, found, names, left=LEFT + place * (SIDE + GAP))
    parts += _legend(names)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(name: str, found: Judged, names: Mapping[str, str], *, left: int) -> list[str]:
    shares = np.linspace(0, LONGEST, 81)
    parts = [f'  <text class="head" x="{left}" y="{TOP - 34}">{name}年：名单越长，找回越多</text>']
    for step in range(6):
        across, up = left + SIDE * step / 5, TOP + DOWN * step / 5
        parts += [
            f'  <line class="grid" x1="{left}" y1="{up:.1f}" x2="{left + SIDE}" y2="{up:.1f}"/>',
            f'  <text class="axis" x="{left - 8}" y="{up + 4:.1f}" text-anchor="end">{100 - 20 * step}%</text>',
            f'  <text class="axis" x="{across:.1f}" y="{TOP + DOWN + 18}" text-anchor="middle">'
            f"{100 * LONGEST * step / 5:.0f}%</text>",
        ]
    mark = left + SIDE * LISTED / LONGEST
    parts.append(f'  <line class="mark" x1="{mark:.1f}" y1="{TOP}" x2="{mark:.1f}" y2="{TOP + DOWN}"/>')
    middle = f'x="{left + SIDE / 2}" y="{TOP + DOWN + 36}" text-anchor="middle"'
    parts.append(f'  <text class="axis" {middle}>列入名单的企业占比</text>')
    parts.append(f'  <text class="axis" x="{left - 8}" y="{TOP - 12}">三个月内再次预告的企业中被列入者</text>')
    for column, colour in zip(("probability", *(f"baseline_{key}" for key in names)), COLOURS, strict=True):
        caught = captured(found.event, found.score(column), shares)
        points = " ".join(
            f"{left + SIDE * share / LONGEST:.1f},{TOP + DOWN * (1 - value):.1f}"
            for share, value in zip(shares, caught, strict=True)
        )
        parts.append(f'  <polyline class="line" stroke="{colour}" points="{points}"/>')
    return parts


def _legend(names: Mapping[str, str]) -> list[str]:
    parts = []
    for place, (name, colour) in enumerate(zip(("学习模型", *names.values()), COLOURS, strict=True)):
        x, y = LEFT + place * 170, HEIGHT - 18
        parts.append(f'  <line x1="{x}" y1="{y - 4}" x2="{x + 24}" y2="{y - 4}" stroke="{colour}" stroke-width="3"/>')
        parts.append(f'  <text x="{x + 32}" y="{y}">{name}</text>')
    return parts
