"""Randomised trees (Geurts et al., Machine Learning 2006), blended with boosted ones; for panels only.

Boosting is sure of itself; trees whose splits are drawn at random are not, and their errors are others. Exact
contributions of a mean of probabilities in log-odds do not exist, so it refuses to be explained.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import ExtraTreesClassifier

from models.errors import inexact
from models.estimators import SEED, Bools, Estimator, Floats, constant, is_one_sided
from models.normal_scores import NormalScores, normal_scores

SMALLEST = 1e-3


@dataclass(frozen=True)
class ForestSettings:
    """``members`` trees, each taught by a ``rows`` share of the rows, each split among a ``share`` of the features."""

    members: int = 120
    leaf_rows: int = 6
    share: float = 0.3
    rows: float = 0.6


@dataclass(frozen=True)
class Forest:
    """The fitted trees on normal scores: a split drawn between the ends of a long tail would part nobody."""

    inputs: NormalScores
    model: ExtraTreesClassifier

    def log_odds(self, values: Floats) -> Floats:
        """Log-odds of the mean probability, of shape (rows,)."""
        if not len(values):
            return np.zeros(0)
        chance = np.clip(self.model.predict_proba(self.inputs.encode(values))[:, 1], SMALLEST, 1 - SMALLEST)
        found: Floats = np.log(chance / (1 - chance))
        return found

    def contributions(self, values: Floats) -> tuple[Floats, float]:
        """Refuses with ``UnsupportedModelError``: nothing that adds up exactly can be said of it."""
        raise inexact("randomised trees", rows=len(values))


def fit_forest(values: Floats, event: Bools, settings: ForestSettings) -> Estimator:
    """Trees taught by ``values`` (rows, features); the seed is fixed, one thread."""
    inputs = normal_scores(values)
    encoded = inputs.encode(values)
    if is_one_sided(event) or not encoded.shape[1]:
        return constant(event)
    model = ExtraTreesClassifier(
        settings.members,
        min_samples_leaf=settings.leaf_rows,
        max_features=settings.share,
        bootstrap=True,
        max_samples=settings.rows,
        n_jobs=1,
        random_state=SEED,
    )
    return Forest(inputs, model.fit(encoded, event))
