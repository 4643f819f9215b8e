"""Estimators of an event: regularised logistic regression, boosted trees under monotonic constraints, and their blend.

Each gives log-odds and contributions that add up to them exactly. Values are float64 arrays (rows, features), nan
where missing; the order of the features is that of the ``Design``. Fixed seeds, one thread: the same rows give the
same bytes. Nothing here knows a feature's meaning.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from models.explain import tree_contributions
from models.scoring import TreeScorer, tree_scorer

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
SEED = 20_250_401
CLIP = 4.0
NORMAL_QUARTILES = 1.349
MAX_ITERATIONS = 100
TREE_THREADS = 2
FEWEST_VALUES = 10_000_000
"""Histograms are summed feature by feature, and two partial sums are the same in either order: one thread and two gave
the same bits, which more would not. Fewer than ``FEWEST_VALUES`` are fitted on one thread: two of them spend their time
waiting for each other, twenty times as long on a busy machine."""


@dataclass(frozen=True)
class Design:
    """The features in order, the Chinese theme of each, and the sign of its effect where the world dictates one.

    ``sources`` names the sources that may be silent, each with the columns that are missing without it.
    """

    names: tuple[str, ...]
    themes: Mapping[str, str] = field(default_factory=dict)
    monotone: Mapping[str, int] = field(default_factory=dict)
    sources: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def values(self, frame: pl.DataFrame) -> Floats:
        """The features of ``frame`` as (rows, features); null, nan and infinite become nan, a missing column too."""
        columns = [
            frame[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()
            if name in frame.columns
            else np.full(frame.height, np.nan)
            for name in self.names
        ]
        values = np.column_stack(columns) if columns else np.empty((frame.height, 0))
        return np.where(np.isfinite(values), values, np.nan)

    def with_features(self, names: tuple[str, ...], *, theme: str, sign: int) -> "Design":
        """A design with ``names`` added at the end."""
        return Design(
            names=self.names + names,
            themes={**self.themes, **dict.fromkeys(names, theme)},
            monotone={**self.monotone, **dict.fromkeys(names, sign)},
        )

    def informative(self, frame: pl.DataFrame) -> "Design":
        """The design without features that ``frame`` does not have, or in which it knows fewer than two values."""
        values = self.values(frame)
        kept = tuple(name for name, column in zip(self.names, values.T, strict=True) if _varies(column))
        return Design(
            names=kept,
            themes={name: self.themes[name] for name in kept if name in self.themes},
            monotone={name: self.monotone[name] for name in kept if name in self.monotone},
        )


class Estimator(Protocol):
    """Log-odds of an event, and what each feature adds to them."""

    def log_odds(self, values: Floats) -> Floats:
        """Log-odds of shape (rows,)."""
        ...

    def contributions(self, values: Floats) -> tuple[Floats, float]:
        """Contributions of shape (rows, features), and the base: log-odds are the base plus their sum."""
        ...


@dataclass(frozen=True)
class TreeSettings:
    """Size of the boosted trees; each split chooses among a random ``share`` of the features."""

    iterations: int = 100
    learning_rate: float = 0.1
    leaves: int = 15
    leaf_rows: int = 50
    l2: float = 1.0
    share: float = 1.0


@dataclass(frozen=True)
class Constant:
    """The same log-odds for everyone: what can be said where only one outcome was ever seen."""

    value: float

    def log_odds(self, values: Floats) -> Floats:
        """The constant, once per row."""
        return np.full(len(values), self.value)

    def contributions(self, values: Floats) -> tuple[Floats, float]:
        """No feature says anything."""
        return np.zeros(values.shape), self.value


@dataclass(frozen=True)
class Linear:
    """Logistic regression on robustly scaled values; a missing value has a weight of its own.

    All arrays have shape (features,). ``mean`` is what each feature adds on average in training.
    """

    centre: Floats
    scale: Floats
    weight: Floats
    missing_weight: Floats
    mean: Floats
    intercept: float

    def log_odds(self, values: Floats) -> Floats:
        """Log-odds of shape (rows,)."""
        terms, base = self.contributions(values)
        total: Floats = base + terms.sum(axis=1)
        return total

    def contributions(self, values: Floats) -> tuple[Floats, float]:
        """Each feature's term against its average in training; the base is the average log-odds."""
        terms = _linear_terms(values, self.centre, self.scale, self.weight, self.missing_weight)
        return terms - self.mean, self.intercept + float(self.mean.sum())


@dataclass(frozen=True)
class Trees:
    """Gradient-boosted trees of scikit-learn; contributions are exact, over the paths of the fitted trees."""

    model: HistGradientBoostingClassifier

    def log_odds(self, values: Floats) -> Floats:
        """Log-odds of shape (rows,)."""
        return self._scorer.log_odds(values)

    def contributions(self, values: Floats) -> tuple[Floats, float]:
        """Shapley values of the trees."""
        return tree_contributions(self.model, values)

    @cached_property
    def _scorer(self) -> TreeScorer:
        return tree_scorer(self.model)

    def __getstate__(self) -> dict[str, Any]:
        """The fitted model alone: the scorer is made again from it."""
        return {"model": self.model}


@dataclass(frozen=True)
class Blend:
    """A weighted mean of log-odds; ``weights`` add up to 1."""

    members: tuple[Estimator, ...]
    weights: tuple[float, ...]

    def log_odds(self, values: Floats) -> Floats:
        """Log-odds of shape (rows,)."""
        parts = [weight * member.log_odds(values) for member, weight in self._pairs()]
        total: Floats = np.sum(parts, axis=0)
        return total

    def contributions(self, values: Floats) -> tuple[Floats, float]:
        """The weighted mean of the members' contributions."""
        parts = [(weight, *member.contributions(values)) for member, weight in self._pairs()]
        total = np.sum([weight * terms for weight, terms, _ in parts], axis=0)
        return total, sum(weight * base for weight, _, base in parts)

    def _pairs(self) -> tuple[tuple[Estimator, float], ...]:
        return tuple(zip(self.members, self.weights, strict=True))


def fit_linear(values: Floats, event: Bools, *, penalty: float) -> Estimator:
    """Logistic regression with an L2 ``penalty`` per row; a feature never known adds nothing."""
    if is_one_sided(event):
        return constant(event)
    centre, scale = _robust(values)
    scaled = _scaled(values, centre, scale)
    inputs = np.column_stack([scaled, np.isnan(values).astype(np.float64)])
    model = LogisticRegression(
        C=1.0 / (penalty * max(len(event), 1)), solver="newton-cholesky", max_iter=MAX_ITERATIONS, tol=1e-6
    )
    with threadpool_limits(limits=1):
        model.fit(inputs, event)
    weight, missing_weight = np.split(model.coef_[0], 2)
    mean = _linear_terms(values, centre, scale, weight, missing_weight).mean(axis=0)
    return Linear(centre, scale, weight, missing_weight, mean, float(model.intercept_[0]))


def fit_trees(values: Floats, event: Bools, *, design: Design, settings: TreeSettings, seed: int = SEED) -> Estimator:
    """Boosted trees that never fall where ``design`` says that risk rises, nor the other way round."""
    if is_one_sided(event) or not values.shape[1]:
        return constant(event)
    model = HistGradientBoostingClassifier(
        max_iter=settings.iterations,
        learning_rate=settings.learning_rate,
        max_leaf_nodes=settings.leaves,
        min_samples_leaf=settings.leaf_rows,
        l2_regularization=settings.l2,
        max_features=settings.share,
        monotonic_cst=[design.monotone.get(name, 0) for name in design.names],
        early_stopping=False,
        random_state=seed,
    )
    with threadpool_limits(limits=TREE_THREADS if values.size >= FEWEST_VALUES else 1):
        model.fit(binnable(values), event)
    return Trees(model)


def binnable(values: Floats) -> Floats:
    """``values`` with a feature that no row knows put to 0: trees cannot bin it, and a constant is never split on."""
    return np.where(np.isnan(values).all(axis=0), 0.0, values)


def probability(log_odds: Floats) -> Floats:
    """Probability of log-odds, without overflow."""
    small = np.exp(-np.abs(log_odds))
    return np.where(log_odds >= 0, 1.0 / (1.0 + small), small / (1.0 + small))


def is_one_sided(event: Bools) -> bool:
    """Whether only one outcome was ever seen, or none."""
    return bool(event.all() or not event.any())


def constant(event: Bools) -> Constant:
    """The log-odds of the rate of ``event`` with half an event added on either side, for everyone."""
    hits: Any = event.sum()
    return Constant(float(np.log((hits + 0.5) / (len(event) - hits + 0.5))))


def _linear_terms(values: Floats, centre: Floats, scale: Floats, weight: Floats, missing_weight: Floats) -> Floats:
    terms: Floats = np.where(np.isnan(values), missing_weight, _scaled(values, centre, scale) * weight)
    return terms


def _scaled(values: Floats, centre: Floats, scale: Floats) -> Floats:
    """Distance from the median in robust standard deviations, at most ``CLIP``; 0 (the median) where missing."""
    distance = np.clip((values - centre) / scale, -CLIP, CLIP)
    return np.where(np.isnan(distance), 0.0, distance)


def _robust(values: Floats) -> tuple[Floats, Floats]:
    """Median and robust standard deviation of each feature; the plain one, or 1, where the quartiles coincide."""
    centre, scale = np.zeros(values.shape[1]), np.ones(values.shape[1])
    for place, column in enumerate(values.T):
        known = column[~np.isnan(column)]
        if len(known):
            low, centre[place], high = np.quantile(known, [0.25, 0.5, 0.75])
            candidates = ((high - low) / NORMAL_QUARTILES, float(known.std()))
            scale[place] = next((width for width in candidates if width > 0), 1.0)
    return centre, scale


def _varies(column: Floats) -> bool:
    known = column[~np.isnan(column)]
    return bool(len(known) and known.min() < known.max())
