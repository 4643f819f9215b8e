"""Features as their normal scores among the training rows: no unit and no tail matters, and missing is told apart."""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from models.estimators import Bools, Floats

STEPS = 64
FEWEST_KNOWN = 20
SMALLEST_SPREAD = 1e-6


@dataclass(frozen=True)
class NormalScores:
    """Per feature the known values of training at ``STEPS`` ranks (None: too few to tell) and their normal scores."""

    values: tuple[Floats | None, ...]
    scores: tuple[Floats | None, ...]
    kept: Bools

    def encode(self, values: Floats) -> Floats:
        """Scores and known-or-not of ``values`` (rows, features), those that varied in training."""
        found: Floats = self._all(values)[:, self.kept]
        return found

    def _all(self, values: Floats) -> Floats:
        parts = []
        for column, known, scores in zip(values.T, self.values, self.scores, strict=True):
            missing = np.isnan(column)
            if known is not None and scores is not None:
                parts.append(np.where(missing, 0.0, np.interp(np.where(missing, known[0], column), known, scores)))
            parts.append(missing.astype(np.float64))
        return np.column_stack(parts) if parts else np.empty((len(values), 0))


def normal_scores(values: Floats) -> NormalScores:
    """Learned from ``values`` (rows, features); equal values share the middle of their ranks' scores."""
    ranks = (np.arange(STEPS) + 0.5) / STEPS
    normal = np.array([NormalDist().inv_cdf(rank) for rank in ranks])
    knowns: list[Floats | None] = []
    scores: list[Floats | None] = []
    for column in values.T:
        known = column[~np.isnan(column)]
        if len(known) < FEWEST_KNOWN:
            knowns.append(None)
            scores.append(None)
            continue
        marks = np.quantile(known, ranks)
        distinct, first = np.unique(marks, return_index=True)
        last = len(marks) - 1 - np.unique(marks[::-1], return_index=True)[1]
        knowns.append(distinct)
        scores.append((normal[first] + normal[last]) / 2)
    everything = NormalScores(tuple(knowns), tuple(scores), np.array([], dtype=np.bool_))
    spread = everything._all(values).std(axis=0)
    return NormalScores(tuple(knowns), tuple(scores), spread > SMALLEST_SPREAD)
