"""Jobs lost given an event: the expected share of the insured that goes, so that a list can rank by jobs.

Taught by events alone. The share never leaves what the label itself implies: above 0 and at most everyone.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from models.estimators import SEED, Floats, binnable

FEWEST_EVENTS = 400
LEAF_ROWS = 40
LEAVES = 8
ITERATIONS = 60
LEARNING_RATE = 0.08
SMALLEST_SHARE = 0.001


@dataclass(frozen=True)
class Severity:
    """Expected share lost given an event; without a ``model`` the ``mean`` of training for everyone."""

    mean: float
    model: HistGradientBoostingRegressor | None = None

    def share(self, values: Floats) -> Floats:
        """Share of the insured expected to be lost given an event, in (0, 1], of shape (rows,)."""
        if self.model is None or not len(values):
            return np.full(len(values), self.mean)
        with threadpool_limits(limits=1):
            share: Floats = self.model.predict(values)
        return np.clip(share, SMALLEST_SHARE, 1.0)


def fit_severity(values: Floats, share: Floats) -> Severity:
    """From the rows with an event and the ``share`` lost in each; everyone is the guess where there is no event."""
    if not len(share):
        return Severity(mean=1.0)
    mean = float(np.clip(share.mean(), SMALLEST_SHARE, 1.0))
    if len(share) < FEWEST_EVENTS or not values.shape[1]:
        return Severity(mean=mean)
    model = HistGradientBoostingRegressor(
        max_iter=ITERATIONS,
        learning_rate=LEARNING_RATE,
        max_leaf_nodes=LEAVES,
        min_samples_leaf=LEAF_ROWS,
        early_stopping=False,
        random_state=SEED,
    )
    with threadpool_limits(limits=1):
        model.fit(binnable(values), share)
    return Severity(mean=mean, model=model)
