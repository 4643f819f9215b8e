"""How well a ranking of employers foresees further notices, and how sure that is: figures over resampled employers.

All arrays have shape (rows,), the most at risk has the highest score. Resampling a whole employer is weighing its rows,
so one sorting serves every resample. Equal scores count half for the area under the curve; in a list and in average
precision they stand together at their mean precision, so no order among equals can help.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.validate import CONFIDENCE, RESAMPLES, SEED, Bools, Floats, Interval

LIST_SHARE = 0.05
NAMES = ("auc", "average_precision", "precision", "lift", "recall")


@dataclass(frozen=True)
class Ranking:
    """Rows from the highest score down: events, the employer's place among those resampled, ends of runs of equals."""

    event: Floats
    employer: NDArray[np.int64]
    ends: NDArray[np.int64]
    employers: int


@dataclass(frozen=True)
class Judgement:
    """Rows, events, and each of ``NAMES`` with its interval; the list holds the first ``LIST_SHARE`` of the rows."""

    rows: int
    events: int
    figures: dict[str, Interval]


def judge(event: Bools, score: Floats, employer: NDArray[np.int64], *, resamples: int = RESAMPLES) -> Judgement:
    """All figures of a ranking by ``score``; nan where there is no event or nothing else."""
    ranking = ranked(event, score, employer)
    found = figures(ranking, np.ones(ranking.employers))
    draw, count = np.random.default_rng(SEED), ranking.employers
    weights = (np.bincount(draw.integers(0, count, count), minlength=count) for _ in range(resamples))
    drawn = np.array([figures(ranking, weight.astype(np.float64)) for weight in weights])
    tail = (1 - CONFIDENCE) / 2
    low, high = np.nanquantile(drawn, [tail, 1 - tail], axis=0) if resamples else (found, found)
    values = zip(NAMES, found, low, high, strict=True)
    return Judgement(
        rows=len(event),
        events=int(event.sum()),
        figures={name: Interval(float(one), float(least), float(most)) for name, one, least, most in values},
    )


def ranked(event: Bools, score: Floats, employer: NDArray[np.int64]) -> Ranking:
    """The rows in order of ``score``, ready to be weighed."""
    order = np.argsort(-score, kind="stable")
    names, place = np.unique(employer, return_inverse=True)
    differs = np.flatnonzero(np.diff(score[order]) != 0)
    return Ranking(
        event=event[order].astype(np.float64),
        employer=place[order],
        ends=np.r_[differs, len(order) - 1],
        employers=len(names),
    )


def figures(ranking: Ranking, weight: Floats) -> tuple[float, ...]:
    """The figures of ``NAMES`` where employer i counts ``weight[i]`` times."""
    rows = weight[ranking.employer]
    total = np.cumsum(rows)[ranking.ends]
    hits = np.cumsum(rows * ranking.event)[ranking.ends]
    everyone, events = float(total[-1]), float(hits[-1])
    if not 0 < events < everyone:
        return (float("nan"),) * len(NAMES)
    gained, taken = np.diff(hits, prepend=0.0), np.diff(total, prepend=0.0)
    misses = taken - gained
    below = (everyone - events) - np.cumsum(misses)
    auc = float((gained * (below + misses / 2)).sum() / (events * (everyone - events)))
    precision = np.divide(hits, total, out=np.zeros_like(hits), where=total > 0)
    length = LIST_SHARE * everyone
    listed = float(np.interp(length, np.r_[0.0, total], np.r_[0.0, hits]))
    rate = events / everyone
    found = listed / length
    return auc, float((gained * precision).sum() / events), found, found / rate, listed / events
