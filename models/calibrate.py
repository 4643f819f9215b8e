"""Platt's calibration in log-odds, out of time: two numbers, so contributions stay additive.

Later months show by how much a model overstates its certainty; how many events they had is their own season's matter,
so the spread is learned from them and the level is left as it was. Whether to calibrate is decided by rolling origin.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.estimators import Bools, Estimator, Floats, probability

STEPS = 50
TOLERANCE = 1e-10
PRIOR_ROWS = 10.0
SMALLEST_SLOPE = 0.05
TINY = 1e-12
LONGEST_STEP = 1.0


@dataclass(frozen=True)
class Platt:
    """``slope`` × the estimator's log-odds + ``intercept``."""

    estimator: Estimator
    slope: float
    intercept: float

    def log_odds(self, values: Floats) -> Floats:
        """Calibrated log-odds of shape (rows,)."""
        return self.slope * self.estimator.log_odds(values) + self.intercept

    def contributions(self, values: Floats) -> tuple[Floats, float]:
        """The estimator's contributions, stretched by the slope."""
        terms, base = self.estimator.contributions(values)
        return self.slope * terms, self.slope * base + self.intercept


def fit_platt(log_odds: Floats, event: Bools) -> tuple[float, float]:
    """Slope and intercept by Newton's method, held to (1, 0) by ``PRIOR_ROWS`` rows' worth of prior.

    A slope that would turn the ranking round is kept just above 0. Without rows: (1, 0).
    """
    if not len(event):
        return 1.0, 0.0
    design = np.column_stack([log_odds, np.ones(len(log_odds))])
    start = np.array([1.0, 0.0])
    found, target = start.copy(), event.astype(np.float64)
    for _ in range(STEPS):
        expected = probability(design @ found)
        spread = expected * (1 - expected)
        gradient = design.T @ (expected - target) + PRIOR_ROWS * (found - start)
        curvature = (design * spread[:, np.newaxis]).T @ design + PRIOR_ROWS * np.eye(2)
        step: NDArray[np.float64] = np.linalg.solve(curvature, gradient)
        found = found - step
        if np.abs(step).max() < TOLERANCE:
            break
    return max(float(found[0]), SMALLEST_SLOPE), float(found[1])


def level(slope: float, log_odds: Floats) -> float:
    """The intercept with which ``slope`` leaves the mean probability of ``log_odds`` as it was."""
    return restoring(slope * log_odds, float(probability(log_odds).mean())) if len(log_odds) else 0.0


def restoring(log_odds: Floats, wanted: float) -> float:
    """The shift of ``log_odds`` after which their mean probability is ``wanted``, by Newton's method."""
    found = 0.0
    for _ in range(STEPS if len(log_odds) else 0):
        chance = probability(log_odds + found)
        spread = float((chance * (1 - chance)).mean())
        step = min(max((float(chance.mean()) - wanted) / max(spread, TINY), -LONGEST_STEP), LONGEST_STEP)
        found -= step
        if abs(step) < TOLERANCE:
            break
    return found


def log_loss(log_odds: Floats, event: Bools) -> float:
    """Mean logarithmic loss in nats; nan without rows."""
    if not len(event):
        return float("nan")
    chance = np.clip(probability(log_odds), TINY, 1 - TINY)
    return float(-np.mean(np.where(event, np.log(chance), np.log1p(-chance))))
