"""Measures of a ranked list against what happened: precision and jobs-weighted recall at a size that can be visited."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score


@dataclass(frozen=True)
class ListMeasure:
    """A list of ``size`` enterprises: share of them with an event, and share of all lost jobs that were on it."""

    size: int
    precision: float
    jobs_recall: float


def measure_list(listed: NDArray[np.bool_], event: NDArray[np.bool_], lost: NDArray[np.int64]) -> ListMeasure:
    """Measure the enterprises that are ``listed``; all arrays have shape (enterprises,), ``lost`` counts persons.

    Precision and recall are nan where nothing is listed or nothing was lost.
    """
    size = int(listed.sum())
    at_stake = int(lost[event].sum())
    precision = float(event[listed].mean()) if size else float("nan")
    recall = int(lost[event & listed].sum()) / at_stake if at_stake else float("nan")
    return ListMeasure(size=size, precision=precision, jobs_recall=recall)


def top(score: NDArray[np.float64], size: int) -> NDArray[np.bool_]:
    """The ``size`` highest scores; ties fall to the earlier row, so the result is reproducible."""
    order = np.lexsort((np.arange(len(score)), -score))
    chosen = np.zeros(len(score), dtype=bool)
    chosen[order[:size]] = True
    return chosen


def average_precision(event: NDArray[np.bool_], score: NDArray[np.float64]) -> float:
    """Area under the precision-recall curve (Davis and Goadrich, ICML 2006); nan without any event."""
    return float(average_precision_score(event, score)) if event.any() else float("nan")
