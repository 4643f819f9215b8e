"""A model that believes its carry-over in part: a weighted mean of its log-odds with the seasons' rates and without.

What one earlier year says of a season holds for most later years and misleads in a shock, and a panel of a single year
cannot tell which is coming. Contributions stay exact: they are the mean of two exact ones over the same base.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.absence import blanked
from models.estimators import Estimator

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Hedged:
    """``estimator`` read twice: with all values (``share``), and with those at ``places`` missing (the rest)."""

    estimator: Estimator
    places: tuple[int, ...]
    share: float

    def log_odds(self, values: Floats) -> Floats:
        """Log-odds of shape (rows,)."""
        without = self.estimator.log_odds(blanked(values, self.places))
        total: Floats = self.share * self.estimator.log_odds(values) + (1 - self.share) * without
        return total

    def contributions(self, values: Floats) -> tuple[Floats, float]:
        """The same mean of both contributions; the base is the estimator's own."""
        terms, base = self.estimator.contributions(values)
        without, _ = self.estimator.contributions(blanked(values, self.places))
        return self.share * terms + (1 - self.share) * without, base
