"""Contributions of trees against the definition of Shapley values, and the fast scorer against scikit-learn's."""

from collections.abc import Iterator, Mapping
from itertools import combinations
from math import factorial
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from models.errors import UnsupportedModelError
from models.explain import by_theme, strongest, tree_contributions
from models.scoring import tree_scorer

Values = NDArray[np.float64]
SHAPES: Mapping[str, dict[str, Any]] = {
    "stumps": {"max_leaf_nodes": 2},
    "fifteen leaves": {"max_leaf_nodes": 15},
    "thirty-one leaves, deep": {"max_leaf_nodes": 31, "min_samples_leaf": 1},
    "sixty-four leaves": {"max_leaf_nodes": 64, "min_samples_leaf": 1},
    "monotone": {"max_leaf_nodes": 15, "monotonic_cst": [1, -1, 0, 0]},
    "nothing to split": {"min_samples_leaf": 1000},
}
each_shape = pytest.mark.parametrize("shape", SHAPES)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Scikit-learn's threads wait for one another by spinning, which costs minutes on a busy machine."""
    with threadpool_limits(limits=1):
        yield


def rows(count: int, *, features: int = 4, missing: float = 0.2, seed: int = 0) -> Values:
    """Few distinct values, so that thresholds are met exactly; a share ``missing`` of nan."""
    random = np.random.default_rng(seed)
    values = np.round(random.normal(size=(count, features)), 1)
    values[random.random(values.shape) < missing] = np.nan
    return values


def fitted(values: Values, *, trees: int = 8, **shape: Any) -> HistGradientBoostingClassifier:
    known = np.nan_to_num(values)
    event = known[:, 0] * known[:, 1] + known[:, 2] + np.isnan(values[:, -1]) > 0.5
    return HistGradientBoostingClassifier(max_iter=trees, early_stopping=False, **shape).fit(values, event)


def expected(nodes: NDArray[np.void], row: Values, known: frozenset[int], number: int = 0) -> float:
    """Value of a tree where only the features ``known`` are, the others averaged over the training rows."""
    node = nodes[number]
    if node["is_leaf"]:
        return float(node["value"])
    left, right = int(node["left"]), int(node["right"])
    x = row[node["feature_idx"]]
    if int(node["feature_idx"]) in known:
        goes_left = bool(node["missing_go_to_left"]) if np.isnan(x) else x <= node["num_threshold"]
        return expected(nodes, row, known, left if goes_left else right)
    parts = [int(nodes[child]["count"]) * expected(nodes, row, known, child) for child in (left, right)]
    return sum(parts) / int(node["count"])


def by_definition(model: HistGradientBoostingClassifier, row: Values) -> tuple[list[float], float]:
    """Shapley values over all subsets of features, and the value of the empty one."""
    count = len(row)

    def value(known: frozenset[int]) -> float:
        start = float(model._baseline_prediction[0, 0])
        return start + sum(expected(predictor.nodes, row, known) for (predictor,) in model._predictors)

    shapley = []
    for feature in range(count):
        others = [other for other in range(count) if other != feature]
        subsets = [frozenset(part) for size in range(count) for part in combinations(others, size)]
        shapley.append(
            sum(
                factorial(len(part)) * factorial(count - len(part) - 1) / factorial(count)
                * (value(part | {feature}) - value(part))
                for part in subsets
            )
        )  # fmt: skip
    return shapley, value(frozenset())


@each_shape
def test_contributions_are_shapley_values_by_definition(shape: str) -> None:
    model = fitted(rows(300), **SHAPES[shape])
    some = rows(6, seed=1)
    contributions, base = tree_contributions(model, some)
    for row, found in zip(some, contributions, strict=True):
        shapley, empty = by_definition(model, row)
        assert found == pytest.approx(shapley, abs=1e-12)
        assert base == pytest.approx(empty, abs=1e-12)


@each_shape
def test_contributions_add_up_to_the_score(shape: str) -> None:
    model = fitted(rows(800), trees=60, **SHAPES[shape])
    some = rows(700, seed=2)
    some[:3] = [[np.nan] * 4, [np.inf] * 4, [-np.inf] * 4]
    contributions, base = tree_contributions(model, some)
    assert np.abs(base + contributions.sum(axis=1) - model.decision_function(some)).max() < 1e-9


def test_a_long_path_over_many_features_keeps_its_sum() -> None:
    values = rows(4000, features=24, missing=0.3)
    model = fitted(values, trees=20, max_leaf_nodes=31, min_samples_leaf=1, learning_rate=1.0)
    contributions, base = tree_contributions(model, values[:200])
    assert max(predictor.get_max_depth() for (predictor,) in model._predictors) >= 10
    assert np.abs(base + contributions.sum(axis=1) - model.decision_function(values[:200])).max() < 1e-9


def test_a_feature_that_no_tree_reads_contributes_nothing() -> None:
    values = rows(300)
    values[:, 3] = 7.0
    contributions, _ = tree_contributions(fitted(values), values)
    assert not contributions[:, 3].any()
    assert contributions[:, 0].any()


def test_a_row_is_explained_and_scored_the_same_alone_and_in_company() -> None:
    model, some = fitted(rows(500), trees=30), rows(1200, seed=3)
    together, _ = tree_contributions(model, some)
    scorer = tree_scorer(model)
    scores = scorer.log_odds(some)
    for row in (0, 511, 512, 1199):
        alone = some[row : row + 1]
        assert tree_contributions(model, alone)[0].tobytes() == together[row : row + 1].tobytes()
        assert scorer.log_odds(alone).tobytes() == scores[row : row + 1].tobytes()


@each_shape
@pytest.mark.parametrize("missing", [0.0, 0.3], ids=["complete", "with nan"])
def test_the_scorer_gives_the_bits_of_scikit_learn(shape: str, missing: float) -> None:
    model = fitted(rows(800, missing=missing), trees=60, **SHAPES[shape])
    some = rows(9000, missing=0.3, seed=4)
    some[:3] = [[np.nan] * 4, [np.inf] * 4, [-np.inf] * 4]
    met = [node["num_threshold"] for (tree,) in model._predictors for node in tree.nodes if not node["is_leaf"]][:200]
    some[3 : 3 + len(met)] = np.array(met)[:, None]
    scorer = tree_scorer(model)
    assert scorer.log_odds(some).tobytes() == model.decision_function(some).tobytes()
    assert scorer.log_odds(np.asfortranarray(some)).tobytes() == model.decision_function(some).tobytes()


def test_the_scorer_gives_the_bits_of_a_regressor_too() -> None:
    values = rows(800)
    model = HistGradientBoostingRegressor(max_iter=40).fit(values, np.nan_to_num(values).sum(axis=1))
    assert tree_scorer(model).log_odds(values).tobytes() == model.predict(values).tobytes()


def test_the_scorer_refuses_another_number_of_features() -> None:
    scorer = tree_scorer(fitted(rows(300)))
    with pytest.raises(ValueError, match="reads 4 features"):
        scorer.log_odds(rows(5, features=5))


def test_no_rows_are_no_scores() -> None:
    model, nobody = fitted(rows(300)), np.empty((0, 4))
    assert tree_scorer(model).log_odds(nobody).shape == (0,)
    assert tree_contributions(model, nobody)[0].shape == (0, 4)


def test_models_of_another_shape_are_refused() -> None:
    values = rows(300)
    three = HistGradientBoostingClassifier(max_iter=2).fit(values, np.arange(300) % 3)
    with pytest.raises(UnsupportedModelError, match="more than one score") as refused:
        tree_contributions(three, values)
    assert refused.value.officers == "模型类型不受支持，改用规则评分。"
    codes = np.arange(300)[:, None] % 5
    with_codes = HistGradientBoostingClassifier(max_iter=2, categorical_features=[0]).fit(codes, codes[:, 0] % 2)
    with pytest.raises(UnsupportedModelError, match="categories"):
        tree_contributions(with_codes, codes.astype(float))
    wide = fitted(rows(2000), trees=1, max_leaf_nodes=65, min_samples_leaf=1)
    with pytest.raises(UnsupportedModelError, match="65 leaves"):
        tree_scorer(wide)


def test_themes_add_up_to_the_same_score() -> None:
    contributions = np.array([[0.5, -0.25, 1.0], [0.0, 0.125, -2.0]])
    themes, summed = by_theme(contributions, ("insured", "exports", "leavers"), THEMES)
    assert themes == ("用工", "出口")
    assert summed.tolist() == [[1.5, -0.25], [-2.0, 0.125]]
    with pytest.raises(KeyError):
        by_theme(contributions, ("insured", "exports", "unknown"), THEMES)


THEMES = {"insured": "用工", "leavers": "用工", "exports": "出口"}


def test_at_most_three_speak_for_and_one_against() -> None:
    found = strongest(np.array([[0.5, -0.25, 1.0, 0.1, 0.4, -0.1]]), tuple("abcdef"))[0]
    assert found.raising == (("c", 1.0), ("a", 0.5), ("e", 0.4))
    assert found.lowering == ("b", -0.25)


def test_ties_fall_to_the_earlier_name_and_noise_is_no_reason() -> None:
    noisy = np.array([[1e-13, 0.3 + 1e-13, 0.3, -0.2, -0.2 - 1e-13, -1e-13]])
    found = strongest(noisy, tuple("abcdef"))[0]
    assert found.raising == (("b", 0.3), ("c", 0.3))
    assert found.lowering == ("d", -0.2)


def test_nothing_speaks_where_nothing_contributes() -> None:
    found = strongest(np.zeros((1, 2)), ("a", "b"))[0]
    assert (found.raising, found.lowering) == ((), None)
