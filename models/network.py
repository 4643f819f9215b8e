"""Small neural networks on normal scores of the features, their log-odds averaged; for panels only.

Every feature becomes its normal score among the training rows, so no unit and no tail matters, and says beside whether
it is known. A network has no exact contributions, so no list that must be explained is ranked by one: it refuses.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from models.errors import inexact
from models.estimators import SEED, Bools, Estimator, Floats, constant, is_one_sided
from models.normal_scores import NormalScores, normal_scores

ROWS_AT_ONCE = 65_536


@dataclass(frozen=True)
class NetworkSettings:
    """Size of the networks: ``layers`` of units, passes over the rows, and how many networks are averaged."""

    layers: tuple[int, ...] = (64, 32)
    passes: int = 12
    penalty: float = 0.01
    rate: float = 0.001
    batch: int = 256
    members: int = 3


@dataclass(frozen=True)
class Network:
    """The fitted networks: for each the weights and offsets of its layers."""

    inputs: NormalScores
    weights: tuple[tuple[Floats, ...], ...]
    offsets: tuple[tuple[Floats, ...], ...]

    def log_odds(self, values: Floats) -> Floats:
        """Mean log-odds of the networks, of shape (rows,)."""
        total = np.zeros(len(values))
        with threadpool_limits(limits=1):
            for first in range(0, len(values), ROWS_AT_ONCE):
                rows = slice(first, first + ROWS_AT_ONCE)
                encoded = self.inputs.encode(values[rows])
                for weights, offsets in zip(self.weights, self.offsets, strict=True):
                    total[rows] += _forward(encoded, weights, offsets)
        return total / len(self.weights)

    def contributions(self, values: Floats) -> tuple[Floats, float]:
        """Refuses with ``UnsupportedModelError``: nothing that adds up exactly can be said of a network."""
        raise inexact("networks", rows=len(values))


def fit_network(values: Floats, event: Bools, settings: NetworkSettings) -> Estimator:
    """Networks taught by ``values`` (rows, features); the seeds are fixed, one thread."""
    inputs = normal_scores(values)
    encoded = inputs.encode(values)
    if is_one_sided(event) or not encoded.shape[1]:
        return constant(event)
    weights, offsets = [], []
    with threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for member in range(settings.members):
            model = MLPClassifier(
                settings.layers,
                alpha=settings.penalty,
                learning_rate_init=settings.rate,
                batch_size=min(settings.batch, len(encoded)),
                max_iter=settings.passes,
                random_state=SEED + member,
            )
            model.fit(encoded, event)
            weights.append(tuple(model.coefs_))
            offsets.append(tuple(model.intercepts_))
    return Network(inputs, tuple(weights), tuple(offsets))


def _forward(encoded: Floats, weights: tuple[Floats, ...], offsets: tuple[Floats, ...]) -> Floats:
    found = encoded
    for place, (weight, offset) in enumerate(zip(weights, offsets, strict=True)):
        found = found @ weight + offset
        if place < len(weights) - 1:
            found = np.maximum(found, 0.0)
    return found[:, 0]
