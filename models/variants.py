"""The ways to learn that stand side by side, and the choice between them: by later months alone, never by the last one.

Carry-over is preferred where the windows cannot tell (their seasons were never in training): a single year never can.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from models import calibrate, validate
from models.estimators import Bools, Floats

TREES, LINEAR, BAGGED, FOREST, NETWORK = "trees", "linear", "bagged", "forest", "network"


@dataclass(frozen=True)
class Variant:
    """One way to learn: the estimators blended, and whether seasons are carried over.

    ``is_hedged``: the log-odds are a mean of those with the carry-over and those without, in case it misleads.
    """

    name: str
    members: tuple[str, ...]
    has_season: bool
    is_hedged: bool = False


VARIANTS = (
    Variant("trees+season", (TREES,), has_season=True),
    Variant("blend+season", (TREES, LINEAR), has_season=True),
    Variant("linear+season", (LINEAR,), has_season=True),
    Variant("trees", (TREES,), has_season=False),
    Variant("blend", (TREES, LINEAR), has_season=False),
    Variant("linear", (LINEAR,), has_season=False),
)
"""In order of preference: a later one must beat an earlier one by more than the noise."""

PANEL_VARIANTS = (
    Variant("bagged+forest", (BAGGED, FOREST), has_season=True, is_hedged=True),
    Variant("bagged+network", (BAGGED, NETWORK), has_season=True, is_hedged=True),
    Variant("bagged", (BAGGED,), has_season=True, is_hedged=True),
)
"""The same for panels, which are scored and not explained: forests and networks have no exact contributions. Where a
single year teaches all are hedged: it cannot tell whether its seasons return, whatever made it unlike others."""


@dataclass(frozen=True)
class Judged:
    """One variant in one window: its log-odds there, and what happened."""

    test: date
    log_odds: Floats
    event: Bools

    @property
    def average_precision(self) -> float:
        """Average precision in the window."""
        return validate.average_precision(self.event, self.log_odds)


def choose(judged: Mapping[str, Sequence[Judged]], *, noise: float, variants: Sequence[Variant] = VARIANTS) -> Variant:
    """The most preferred variant within ``noise`` of the best; the last window has no say.

    Windows whose season was in their training compare all variants. Without such a window carry-over cannot be judged:
    the learners are compared without it, and the one chosen gets it.
    """
    last = max((window.test for windows in judged.values() for window in windows), default=None)
    earlier = {
        name: {window.test: window.average_precision for window in windows if window.test != last}
        for name, windows in judged.items()
    }
    telling = {test for variant in variants if variant.has_season for test in earlier.get(variant.name, {})}
    asked = [variant for variant in variants if telling or not variant.has_season]
    tests = sorted(telling or {test for scores in earlier.values() for test in scores})
    if not tests:
        return variants[0]
    means = {variant.name: float(np.mean([earlier[variant.name][test] for test in tests])) for variant in asked}
    best = max(means.values())
    chosen = next(variant for variant in asked if means[variant.name] >= best - noise)
    return chosen if telling else _with_season(chosen, variants)


def calibration(windows: Sequence[Judged], *, fewest: int = 2) -> tuple[bool, float]:
    """Whether the spread of earlier windows helped the later ones, each at its own level; the slope they teach.

    Fewer than ``fewest`` of them tell nothing: a few months of one year are no measure for the other seasons.

    How many events a month had is its season's matter: a window teaches how far apart, not how high. The last one has
    no say.
    """
    chosen = windows[:-1]
    if len(chosen) < fewest:
        return False, 1.0
    plain, calibrated = [], []
    for place in range(1, len(chosen)):
        slope = spread(chosen[:place])
        log_odds, event = chosen[place].log_odds, chosen[place].event
        plain.append(calibrate.log_loss(log_odds, event))
        calibrated.append(calibrate.log_loss(slope * log_odds + calibrate.level(slope, log_odds), event))
    helps = bool(plain) and sum(calibrated) < sum(plain)
    return helps, spread(chosen) if helps else 1.0


def _with_season(chosen: Variant, variants: Sequence[Variant]) -> Variant:
    return next(variant for variant in variants if variant.members == chosen.members and variant.has_season)


def spread(windows: Sequence[Judged]) -> float:
    """The slope by which what happened in ``windows`` follows the log-odds; below 1 they were too far apart."""
    log_odds = np.concatenate([window.log_odds for window in windows])
    slope, _ = calibrate.fit_platt(log_odds, np.concatenate([window.event for window in windows]))
    return slope
