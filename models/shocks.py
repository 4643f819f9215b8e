"""How strongly events come together: a city shock and a shock per group, estimated from past periods.

The log-odds of an event of enterprise i of group g in period t are x_i + a_t + b_gt, with a_t ~ N(0, city²) and
b_gt ~ N(0, group²), independent of one another; given both, enterprises are independent. x_i is not the enterprise's
own log-odds but the number with which its probability, averaged over the shocks, is exactly its own: a shock moves
events between periods and adds none. A two-level logistic-normal factor model, see Vasicek (Risk, 2002) and Gordy
(Journal of Financial Intermediation, 2003) for one factor, and McNeil, Frey and Embrechts, Quantitative Risk
Management (2015), chapter 11, for mixture models and their estimation.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import polars as pl
from numpy.polynomial.hermite import hermgauss
from numpy.typing import NDArray

from models.estimators import Floats, probability

Ints = NDArray[np.int64]

FEWEST_PERIODS = 12
FEWEST_EVENTS = 50
DEFAULT_CITY, DEFAULT_GROUP = 0.4, 0.3
"""Where the past is too short, an assumption: 7 % of the variance of the log-odds (Basel II, other retail: 3-16 %)."""
DEFAULT_SPREAD = ((0.5, 0.25), (1.0, 0.5), (1.5, 0.25))
"""Multiples of each default and their weights: what is assumed is not known either."""
PRIOR_SPREAD = 1.0
"""Half-normal prior of both shocks: flat near 0, and speaks only where the periods do not."""
PRIOR_LEVEL = 1.0
"""Normal prior of a level that was wrong throughout."""
LARGEST = 3.0
STEP = 1.0
"""Width of the bins of log-odds in a history: within one, probabilities differ by a factor of at most e."""
TINY = 1e-9
HIGHEST = 500.0
MEAN_NODES = 64
PASSES = ((3, 3), (5, 5))
"""Nodes for the city and for a group: a first look that says where to put them, and the count."""
NEWTON_STEPS = 8
DROP = 5.0
GRID = 7
SMALLEST_WEIGHT = 1e-3
SEARCH_FIRST, SEARCH_LAST = 0.2, 0.005


@dataclass(frozen=True)
class Shock:
    """Standard deviations of both shocks in log-odds, their standard errors, and what they rest on.

    ``nodes`` are the values that the evidence leaves open, as (city, group, weight); the weights add up to 1. Where
    ``is_estimated`` is false, the past was too short and the values are the documented default. ``periods`` are
    independent ones: overlapping windows count for their share. ``level`` is by how much the log-odds of the past lay
    above what had been said of them: it is kept out of the shocks, and is for whoever made the probabilities to mend.
    """

    city: float
    group: float
    city_error: float
    group_error: float
    periods: float
    events: int
    is_estimated: bool
    nodes: tuple[tuple[float, float, float], ...]
    level: float = 0.0
    level_error: float = 0.0

    @property
    def certain(self) -> "Shock":
        """The same with nothing left open: the values themselves, as if they were known."""
        return replace(self, nodes=((self.city, self.group, 1.0),))


def known(city: float, group: float) -> Shock:
    """Shocks of given standard deviations; raises ``ValueError`` where one is below 0 or not finite."""
    if not (0 <= city < math.inf and 0 <= group < math.inf):
        raise ValueError(f"standard deviations are 0 or more, not {city} and {group}")
    return Shock(city, group, 0.0, 0.0, 0.0, 0, False, ((city, group, 1.0),))


INDEPENDENT = known(0.0, 0.0)


def own_log_odds(chance: Floats, spread: float) -> Floats:
    """The x with E[logistic(x + N(0, spread²))] = ``chance``, shape as given: Gauss-Hermite inside, Newton outside.

    Probabilities are held ``TINY`` away from 0 and 1.
    """
    wanted = np.clip(chance, TINY, 1 - TINY)
    wanted = np.log(wanted) - np.log1p(-wanted)
    nodes, weights = hermgauss(MEAN_NODES)
    shifts, weights = math.sqrt(2) * spread * nodes, weights / math.sqrt(math.pi)
    found: Floats = wanted * math.sqrt(1 + math.pi * spread**2 / 8)
    for _ in range(NEWTON_STEPS):
        each = probability(found[..., np.newaxis] + shifts)
        mean, rest = (each * weights).sum(axis=-1), ((1 - each) * weights).sum(axis=-1)
        slope = (each * (1 - each) * weights).sum(axis=-1) / (mean * rest)
        found = found - (np.log(mean / rest) - wanted) / slope
    return found


def tally(rows: pl.DataFrame) -> pl.DataFrame:
    """Enterprises of past periods (period, group, probability, event) as the bins that ``estimate`` takes."""
    chance = pl.col("probability").clip(TINY, 1 - TINY)
    bins = ((chance / (1 - chance)).log() / STEP).floor().cast(pl.Int64)
    return (
        rows.group_by("period", "group", bins.alias("bin"))
        .agg(pl.col("probability").sort().mean(), pl.len().alias("enterprises"), pl.col("event").sum().alias("events"))
        .sort("period", "group", "bin")
        .drop("bin")
    )


def estimate(history: pl.DataFrame, *, overlap: int = 1) -> Shock:
    """Both shocks by maximum likelihood under a weak prior, from bins of enterprises of equal probability.

    ``history`` has period, group, probability, enterprises and events, a row a bin, as from ``tally``; the probability
    is what was said before the period, and a group is what ``distribution`` takes for one. ``overlap`` is how many
    consecutive periods share a month: 3 for a 3-month outcome asked every month, 1 for one asked every quarter; the
    evidence counts for one part in so many. A level that was wrong throughout is estimated beside them, so that only
    what varies from period to period is shock. With fewer than ``FEWEST_PERIODS`` or ``FEWEST_EVENTS``: the default,
    and ``is_estimated`` is false. Raises ``ValueError`` for counts that cannot be.
    """
    if overlap < 1:
        raise ValueError(f"overlap is 1 or more, not {overlap}")
    counts = pl.col("events").is_between(0, pl.col("enterprises"))
    faulty = history.filter(~(counts & pl.col("probability").is_between(0, 1)).fill_null(value=False))
    if faulty.height:
        raise ValueError(f"{faulty.height} bins with more events than enterprises, or no probability")
    periods, events = history["period"].n_unique() / overlap, int(history["events"].sum())
    if periods < FEWEST_PERIODS or events < FEWEST_EVENTS:
        return _default(periods, events)
    cells = _cells(history)

    @cache
    def plausibility(city: float, group: float, level: float) -> float:
        found, doubt = log_likelihood(cells, city, group, level)
        prior = (city**2 + group**2) / (2 * PRIOR_SPREAD**2) + level**2 / (2 * PRIOR_LEVEL**2)
        return found / overlap + math.log(doubt) / 2 - prior

    city, group, level = _highest(plausibility)
    nodes = _nodes(lambda one, two: plausibility(one, two, level), (city, group))
    values, weights = np.array([node[:2] for node in nodes]), np.array([node[2:] for node in nodes])
    errors = np.sqrt((weights * (values - (weights * values).sum(axis=0)) ** 2).sum(axis=0))
    doubt = log_likelihood(cells, city, group, level)[1] * overlap
    return Shock(
        city=city,
        group=group,
        city_error=float(errors[0]),
        group_error=float(errors[1]),
        periods=periods,
        events=events,
        is_estimated=True,
        nodes=nodes,
        level=level - _lowered(cells, math.hypot(city, group)),
        level_error=math.sqrt(doubt),
    )


@dataclass(frozen=True)
class Cells:
    """A history by bin: log-odds, enterprises and events; ``cell`` numbers period and group, ``period`` is a cell's."""

    log_odds: Floats
    enterprises: Floats
    events: Floats
    cell: Ints
    period: Ints


def _cells(history: pl.DataFrame) -> Cells:
    rows = history.filter(pl.col("enterprises") > 0).sort("period", "group", "probability", "events", "enterprises")
    chance = np.clip(rows["probability"].cast(pl.Float64).to_numpy(), TINY, 1 - TINY)
    cell = rows.select(pl.struct("period", "group").rle_id().cast(pl.Int64)).to_series().to_numpy()
    period = rows["period"].rle_id().cast(pl.Int64).to_numpy()
    return Cells(
        log_odds=np.log(chance) - np.log1p(-chance),
        enterprises=rows["enterprises"].cast(pl.Float64).to_numpy(),
        events=rows["events"].cast(pl.Float64).to_numpy(),
        cell=cell,
        period=period[_starts(cell)],
    )


def log_likelihood(cells: Cells, city: float, group: float, level: float) -> tuple[float, float]:
    """Log-likelihood of both shocks but for a constant, and the variance with which it tells the level.

    By Gauss-Hermite nodes put where the integrand is: inside, over the shock of each group given the city's; outside,
    over that of the city, first round a Gaussian guess, then round the mean that this found. A bin's log-odds in the
    middle of the shocks are those said of it and ``level``, whatever the shocks: what keeps the mean would make the
    level, and the spread of what was said, speak of how large they are, and a faulty calibration with them.
    """
    own = cells.log_odds + level
    guess, doubt = _guess(cells, own)
    weight = 1 / (doubt + group**2)
    first = _starts(cells.period)
    of_period = np.add.reduceat(weight, first)
    variance = 1 / (1 + city**2 * of_period)
    mean = city * np.add.reduceat(weight * guess, first) * variance
    for outside, inside in PASSES:
        values, log_weights = _placed(mean, variance, outside)
        inner = _given_city(cells, own, (guess, doubt), city * values[cells.period], group, size=inside)
        outer = np.add.reduceat(inner, first, axis=0) + log_weights
        total = _log_sum(outer)
        share = np.exp(outer - total[:, np.newaxis])
        mean = (share * values).sum(axis=1)
        variance = np.maximum((share * (values - mean[:, np.newaxis]) ** 2).sum(axis=1), variance / 4)
    return float(total.sum()), float(1 / (1 / PRIOR_LEVEL**2 + (1 / (1 / of_period + city**2)).sum()))


def _lowered(cells: Cells, spread: float) -> float:
    """What shocks of ``spread`` add to the log-odds of a typical enterprise to keep its probability; mostly below 0."""
    chance = np.average(probability(cells.log_odds), weights=cells.enterprises)
    own = own_log_odds(np.array([chance]), spread)[0]
    return float(own - math.log(chance / (1 - chance)))


def _given_city(
    cells: Cells, own: Floats, guess: tuple[Floats, Floats], city: Floats, group: float, *, size: int
) -> Floats:
    """Log-likelihood of each cell given the ``city`` shocks of shape (cells, city nodes); the same shape."""
    total = (guess[1] + group**2)[:, np.newaxis]
    mean = group * (guess[0][:, np.newaxis] - city) / total
    values, log_weights = _placed(mean, np.broadcast_to(guess[1][:, np.newaxis] / total, mean.shape), size)
    at = (city[..., np.newaxis] + group * values)[cells.cell]
    at += own[:, np.newaxis, np.newaxis]
    each = cells.events[:, np.newaxis, np.newaxis] * at
    np.log1p(np.exp(np.minimum(at, HIGHEST, out=at), out=at), out=at)
    at *= cells.enterprises[:, np.newaxis, np.newaxis]
    each -= at
    return _log_sum(np.add.reduceat(each, _starts(cells.cell), axis=0) + log_weights)


def _guess(cells: Cells, own: Floats) -> tuple[Floats, Floats]:
    """The shock of each cell as its events tell it, and its variance: a Gaussian guess for placing nodes."""
    first = _starts(cells.cell)
    events = np.add.reduceat(cells.events, first)
    expected = np.add.reduceat(cells.enterprises * probability(own), first)
    found = np.log((events + 0.5) / (expected + 0.5))
    for _ in range(4):
        chance = probability(own + found[cells.cell])
        slope = events - np.add.reduceat(cells.enterprises * chance, first)
        bend = np.add.reduceat(cells.enterprises * chance * (1 - chance), first)
        found = found + np.clip((slope - found) / (bend + 1), -1.0, 1.0)
    bend = np.maximum(bend, 0.1)
    return found + np.clip(found / bend, -2.0, 2.0), 1 / bend


def _placed(mean: Floats, variance: Floats, size: int) -> tuple[Floats, Floats]:
    """``size`` values on a last axis round ``mean``, and log weights with which they integrate over N(0, 1)."""
    nodes, weights = hermgauss(size)
    scale = np.sqrt(2 * variance)[..., np.newaxis]
    values = mean[..., np.newaxis] + scale * nodes
    return values, np.log(weights) + nodes**2 - values**2 / 2 + np.log(scale / math.sqrt(2 * math.pi))


def _highest(plausibility: Callable[[float, float, float], float]) -> tuple[float, float, float]:
    """City, group and level with the highest plausibility: neighbours are tried at ever smaller steps."""
    best, step = (DEFAULT_CITY, DEFAULT_GROUP, 0.0), SEARCH_FIRST
    while step >= SEARCH_LAST:
        tried = [
            (min(max(best[0] + one, 0.0), LARGEST), min(max(best[1] + two, 0.0), LARGEST), best[2] + three)
            for one, two, three in step * np.vstack([np.eye(3), -np.eye(3)])
        ]
        found = max(tried, key=lambda point: plausibility(*point))
        if plausibility(*found) > plausibility(*best):
            best = (float(found[0]), float(found[1]), float(found[2]))
        else:
            step /= 2
    return best


def _nodes(
    plausibility: Callable[[float, float], float], top: tuple[float, float]
) -> tuple[tuple[float, float, float], ...]:
    """A grid over all that is not far less plausible than ``top``, with weights."""
    cities = np.linspace(*_reach(lambda value: plausibility(value, top[1]), top[0]), GRID)
    groups = np.linspace(*_reach(lambda value: plausibility(top[0], value), top[1]), GRID)
    values = [(float(one), float(two)) for one in cities for two in groups]
    found = np.array([plausibility(*value) for value in values])
    weights = np.exp(found - found.max())
    weights = np.where(weights < SMALLEST_WEIGHT * weights.sum(), 0.0, weights)
    weights /= weights.sum()
    return tuple((*value, float(weight)) for value, weight in zip(values, weights, strict=True) if weight)


def _reach(plausibility: Callable[[float], float], top: float) -> tuple[float, float]:
    """How far to either side of ``top`` until plausibility has fallen by ``DROP``; never below 0."""
    best, ends = plausibility(top), []
    for side in (-1, 1):
        away, fall = 0.02, best - plausibility(max(top + side * 0.02, 0.0))
        while fall < DROP and 0 < top + side * away < LARGEST:
            away *= 1.6
            fall = best - plausibility(min(max(top + side * away, 0.0), LARGEST))
        away *= math.sqrt(DROP / max(fall, DROP))
        ends.append(min(max(top + side * away, 0.0), LARGEST))
    return ends[0], ends[1]


def _default(periods: float, events: int) -> Shock:
    nodes = tuple(
        (DEFAULT_CITY * one, DEFAULT_GROUP * two, weight * other)
        for one, weight in DEFAULT_SPREAD
        for two, other in DEFAULT_SPREAD
    )
    error = math.sqrt(sum(weight * (one - 1) ** 2 for one, weight in DEFAULT_SPREAD))
    return Shock(
        DEFAULT_CITY, DEFAULT_GROUP, DEFAULT_CITY * error, DEFAULT_GROUP * error, periods, events, False, nodes
    )


def _starts(numbers: Ints) -> Ints:
    """Where each run of equal ``numbers`` begins."""
    return np.flatnonzero(np.r_[True, np.diff(numbers) > 0])


def _log_sum(values: Floats) -> Floats:
    """Log of the sum of exponentials over the last axis."""
    highest = values.max(axis=-1, keepdims=True)
    found: Floats = highest[..., 0] + np.log(np.exp(values - highest).sum(axis=-1))
    return found
