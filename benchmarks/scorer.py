"""Scores of fitted trees: microseconds a row of the project's scorer and of scikit-learn's own, and whether bits agree.

    python -m benchmarks.scorer [--rows 240000] [--trees 150] [--leaves 31]

The rows are random numbers with a seventh missing, in 76 columns, and so is what the trees learn: only cost and
equality are asked.
"""

import argparse
from collections.abc import Callable
from time import perf_counter, process_time

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

from models.scoring import tree_scorer

FEATURES, LEARNED, MISSING, SEED, TURNS = 76, 60_000, 1 / 7, 1, 3
Values = NDArray[np.float64]


def main() -> None:
    """Fit, score in turns, print the best of each and the greatest difference."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=240_000)
    parser.add_argument("--trees", type=int, default=150)
    parser.add_argument("--leaves", type=int, default=31)
    given = parser.parse_args()
    random = np.random.default_rng(SEED)
    values = random.normal(size=(given.rows, FEATURES))
    values[random.random(values.shape) < MISSING] = np.nan
    seen = np.nan_to_num(values[:LEARNED])
    is_lost = seen[:, 0] + seen[:, 1] * seen[:, 2] + random.normal(size=len(seen)) > 1
    trained = HistGradientBoostingClassifier(
        max_iter=given.trees, max_leaf_nodes=given.leaves, early_stopping=False, random_state=SEED
    ).fit(values[:LEARNED], is_lost)
    ours, theirs = tree_scorer(trained).log_odds, trained.decision_function
    print(f"{trained.n_iter_} trees, {given.leaves} leaves, {given.rows:,} rows, microseconds a row:")
    for name, score in (("own scorer", ours), ("scikit-learn", theirs)):
        wall, cpu = min(_spent(score, values) for _ in range(TURNS))
        print(f"{name}: {wall / given.rows * 1e6:.2f} wall, {cpu / given.rows * 1e6:.2f} CPU")
    print(f"greatest difference: {np.abs(ours(values) - theirs(values)).max():.1e}")


def _spent(score: Callable[[Values], Values], values: Values) -> tuple[float, float]:
    wall, cpu = perf_counter(), process_time()
    score(values)
    return perf_counter() - wall, process_time() - cpu


if __name__ == "__main__":
    main()
