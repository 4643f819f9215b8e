"""Measures of a ranked list against what happened, at a size that can be visited, and how sure they are.

All arrays have shape (rows,); ``event`` says what happened, ``lost`` counts persons, ``score`` ranks the most at risk
first. A measure that the rows cannot tell is nan, never 0. Ties fall to the earlier row, so results are reproducible.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
BINS = 10
RESAMPLES = 200
SEED = 20_250_401
CONFIDENCE = 0.95


@dataclass(frozen=True)
class ListMeasure:
    """A list of ``size`` enterprises: share of them with an event, and share of all lost jobs that were on it."""

    size: int
    precision: float
    jobs_recall: float


@dataclass(frozen=True)
class Measures:
    """A ranking by probability over ``rows`` rows of which ``base_rate`` had an event; ``listed`` at capacity.

    ``lift`` is the list's precision over the base rate, ``brier_skill`` the part of the base rate's Brier score saved.
    """

    rows: int
    base_rate: float
    average_precision: float
    auc: float
    brier: float
    brier_skill: float
    lift: float
    listed: ListMeasure


@dataclass(frozen=True)
class Interval:
    """A figure with the bounds between which ``CONFIDENCE`` of resamples of enterprises fell."""

    value: float
    low: float
    high: float


def measure_list(listed: Bools, event: Bools, lost: Counts) -> ListMeasure:
    """Measure the enterprises that are ``listed``.

    Precision and recall are nan where nothing is listed or nothing was lost.
    """
    size = int(listed.sum())
    at_stake = int(lost[event].sum())
    precision = float(event[listed].mean()) if size else float("nan")
    recall = int(lost[event & listed].sum()) / at_stake if at_stake else float("nan")
    return ListMeasure(size=size, precision=precision, jobs_recall=recall)


def top(score: Floats, size: int) -> Bools:
    """The ``size`` highest scores."""
    order = np.lexsort((np.arange(len(score)), -score))
    chosen = np.zeros(len(score), dtype=bool)
    chosen[order[:size]] = True
    return chosen


def average_precision(event: Bools, score: Floats) -> float:
    """Area under the precision-recall curve (Davis and Goadrich, ICML 2006); nan without any event."""
    return float(average_precision_score(event, score)) if event.any() else float("nan")


def auc(event: Bools, score: Floats) -> float:
    """Chance that a row with an event ranks above one without; nan where there is only one kind."""
    return float(roc_auc_score(event, score)) if event.any() and not event.all() else float("nan")


def brier(event: Bools, probability: Floats) -> float:
    """Mean squared error of ``probability``; nan without rows."""
    return float(np.mean((probability - event) ** 2)) if len(event) else float("nan")


def measures(event: Bools, lost: Counts, probability: Floats, *, capacity: int) -> Measures:
    """All measures of a ranking by ``probability`` with a list of ``capacity`` enterprises."""
    rate = float(event.mean()) if len(event) else float("nan")
    listed = measure_list(top(probability, capacity), event, lost)
    error, spread = brier(event, probability), rate * (1 - rate)
    return Measures(
        rows=len(event),
        base_rate=rate,
        average_precision=average_precision(event, probability),
        auc=auc(event, probability),
        brier=error,
        brier_skill=1 - error / spread if spread > 0 else float("nan"),
        lift=listed.precision / rate if rate > 0 else float("nan"),
        listed=listed,
    )


def reliability(event: Bools, probability: Floats, group: pl.Series | None = None, *, bins: int = BINS) -> pl.DataFrame:
    """Mean probability against the observed rate, one row per ``group`` and bin of equally many rows by probability.

    Columns ``group``, ``bin``, ``rows``, ``events``, ``probability``, ``observed``. Without ``group``: all together.
    """
    names = pl.Series("group", ["all"] * len(event)) if group is None else group.cast(pl.String).alias("group")
    rows = pl.DataFrame({"group": names, "event": event, "probability": probability}).sort("group", "probability")
    place = pl.int_range(pl.len()).over("group") * bins // pl.len().over("group")
    return (
        rows.with_columns(place.alias("bin"))
        .group_by("group", "bin")
        .agg(
            pl.len().alias("rows"),
            pl.col("event").sum().cast(pl.Int64).alias("events"),
            pl.col("probability").mean(),
            pl.col("event").mean().alias("observed"),
        )
        .sort("group", "bin")
    )


def calibration_error(event: Bools, probability: Floats) -> float:
    """Mean distance of mean probability and observed rate over the bins of ``reliability``; nan without rows."""
    if not len(event):
        return float("nan")
    bins = reliability(event, probability)
    distance = (bins["probability"] - bins["observed"]).abs() * bins["rows"]
    return float(distance.sum()) / len(event)


def by_group(
    event: Bools, lost: Counts, probability: Floats, group: pl.Series, *, capacity_share: float
) -> dict[str, Measures]:
    """The measures within each group (size band, county, industry), each with its own share of the capacity."""
    names = group.cast(pl.String).fill_null("").to_numpy()
    found = {}
    for name in sorted(set(names.tolist())):
        own = names == name
        size = max(int(own.sum() * capacity_share), 1)
        found[name] = measures(event[own], lost[own], probability[own], capacity=size)
    return found


def lead_months(listed: Mapping[int, Bools], happened: Counts) -> Counts:
    """Months between the first listing of each enterprise and its event, −1 where it was not listed in time.

    ``listed`` says by month number who was on the list; ``happened`` is the month number of the event, −1 without one.
    """
    first = np.full(len(happened), -1, dtype=np.int64)
    for month in sorted(listed):
        fresh = listed[month] & (first < 0) & (month <= happened)
        first[fresh] = month
    in_time = (happened >= 0) & (first >= 0)
    return np.where(in_time, happened - first, -1)


def bootstrap(
    enterprise_no: Counts, measure: Callable[[NDArray[np.int64]], float], *, resamples: int = RESAMPLES
) -> Interval:
    """``measure`` of row numbers, with its interval over resamples of whole enterprises (rows of one belong together).

    For the gain of one ranking over another let ``measure`` be the difference: both see the same enterprises.
    """
    order = np.argsort(enterprise_no, kind="stable")
    _, starts, sizes = np.unique(enterprise_no[order], return_index=True, return_counts=True)
    draw = np.random.default_rng(SEED)
    figures = []
    for _ in range(resamples):
        chosen = draw.integers(0, len(starts), len(starts))
        lengths = sizes[chosen]
        offsets = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        figures.append(measure(order[np.repeat(starts[chosen], lengths) + offsets]))
    tail = (1 - CONFIDENCE) / 2
    known = [figure for figure in figures if not np.isnan(figure)] or [float("nan")]
    low, high = np.quantile(known, [tail, 1 - tail])
    return Interval(measure(np.arange(len(enterprise_no))), float(low), float(high))
