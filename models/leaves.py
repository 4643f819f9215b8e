"""The leaves of fitted gradient-boosted trees, each as the conditions that lead to it.

The one reader of the fitted nodes. Scikit-learn keeps them private; what is read here is checked by the probe rows of
an artefact and by the tests. Refuses categorical splits and more than one score per row.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from models.errors import UnsupportedModelError

NO_LOWER_BOUND = float("nan")
NO_UPPER_BOUND = float("inf")


@dataclass(frozen=True)
class Condition:
    """What a path asks of one feature: ``not (x <= above) and x <= up_to``, or ``takes_missing`` where x is nan.

    ``share`` is the part of the training rows that the path keeps at its splits on this feature.
    """

    feature: int
    above: float = NO_LOWER_BOUND
    up_to: float = NO_UPPER_BOUND
    takes_missing: bool = True
    share: float = 1.0


@dataclass(frozen=True)
class Leaf:
    """A leaf: what it adds to the raw score, and one condition per feature of its path, in the order met."""

    value: float
    conditions: tuple[Condition, ...]


Tree: TypeAlias = tuple[Leaf, ...]
Boosted: TypeAlias = HistGradientBoostingClassifier | HistGradientBoostingRegressor


def start(model: Boosted) -> float:
    """The raw score that boosting started from (log-odds of a classifier)."""
    return float(model._baseline_prediction[0, 0])


def trees(model: Boosted) -> tuple[Tree, ...]:
    """The leaves of every tree in the order of boosting; raises ``UnsupportedModelError``."""
    if model.n_trees_per_iteration_ != 1:
        raise _unsupported("it has more than one score per row; train a binary classifier")
    return tuple(tuple(_leaves(predictor.nodes, 0, ())) for (predictor,) in model._predictors)


def _leaves(nodes: NDArray[np.void], number: int, path: tuple[Condition, ...]) -> Iterator[Leaf]:
    node = nodes[number]
    if node["is_leaf"]:
        yield Leaf(value=float(node["value"]), conditions=path)
        return
    if node["is_categorical"]:
        raise _unsupported("it splits on categories; encode them as numbers before training")
    for goes_left, child in ((True, int(node["left"])), (False, int(node["right"]))):
        yield from _leaves(nodes, child, _narrowed(path, node, nodes[child], goes_left=goes_left))


def _narrowed(path: tuple[Condition, ...], node: np.void, child: np.void, *, goes_left: bool) -> tuple[Condition, ...]:
    feature, threshold = int(node["feature_idx"]), float(node["num_threshold"])
    old = next((condition for condition in path if condition.feature == feature), Condition(feature))
    new = replace(
        old,
        above=old.above if goes_left else float(np.fmax(old.above, threshold)),
        up_to=min(old.up_to, threshold) if goes_left else old.up_to,
        takes_missing=old.takes_missing and bool(node["missing_go_to_left"]) == goes_left,
        share=old.share * int(child["count"]) / int(node["count"]),
    )
    if old in path:
        return tuple(new if condition.feature == feature else condition for condition in path)
    return (*path, new)


def _unsupported(why: str) -> UnsupportedModelError:
    return UnsupportedModelError(
        f"the fitted model is not supported: {why}", officers="模型类型不受支持，改用规则评分。"
    )
