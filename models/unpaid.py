"""What a mass reduction leaves unpaid: learned from past events, or assumed where there are too few.

Each past event gives three numbers: the share of the staff with unpaid wages, for how many months of their contribution
base, and for how many months' dues contributions stayed unpaid; zeros are events that left nothing. What an event
leaves is drawn from these, so how often, how much, and wages and contributions together are learned at once. Employers
of about the same staff are drawn from; with few of them, from all. What few events leave open is drawn too: each
replica weighs the enterprises anew (Rubin, The Bayesian bootstrap, Annals of Statistics, 1981).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.estimators import Floats

Ints = NDArray[np.int64]

REPLICAS = 40
PATTERN = (0, 1, 1, 2)
"""Replicas of an assumption take its low, central and high values in turn, the central ones twice as often."""
EDGES = (50, 300)
"""Persons at which the classes of staff begin, after the first."""
FEWEST_OF_CLASS = 20
WAGES, CONTRIBUTIONS = ("staff_share", "wage_months"), ("contribution_months",)
NAMES = (*WAGES, *CONTRIBUTIONS)
INTERVAL = (0.025, 0.975)
ROUNDING = 1e-9
APART, BEYOND = 2.0, 1.5
"""Chances of the replicas are put so far apart on one line; a rank beyond all chances stays with its own."""


@dataclass(frozen=True)
class Figure:
    """A number, and between which two its uncertainty leaves it."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, value: float, replicas: Sequence[float] | Floats) -> "Figure":
        """``value`` with the middle 95 % of what the ``replicas`` give, which holds it."""
        low, high = (quantile(np.asarray(replicas, dtype=np.float64), level) for level in INTERVAL)
        return cls(float(value), float(min(low, value)), float(max(high, value)))


def quantile(values: Floats, level: float) -> float:
    """The smallest of ``values`` that ``level`` of them do not exceed; infinite ones are allowed."""
    place = math.ceil(level * len(values) - ROUNDING) - 1
    return float(np.partition(values, place)[place])


@dataclass(frozen=True)
class Pool:
    """Outcomes of shape (n, 3) – share of the staff, wage months, contribution months – and weights (replicas, n)."""

    outcomes: Floats
    weights: Floats

    def crossed(self, other: "Pool") -> "Pool":
        """Every outcome of one with every outcome of the other, as if independent; they fill different columns."""
        outcomes = (self.outcomes[:, np.newaxis] + other.outcomes[np.newaxis]).reshape(-1, 3)
        weights = self.weights[:, :, np.newaxis] * other.weights[:, np.newaxis]
        return Pool(outcomes, weights.reshape(len(self.weights), -1))


@dataclass(frozen=True)
class Assumed:
    """Low, central and high values: chance that an event leaves something unpaid, share of the staff, months."""

    chance: tuple[float, float, float]
    months: tuple[float, float, float]
    staff: tuple[float, float, float] | None = None

    def pool(self) -> Pool:
        """Nothing, or what one of the three says."""
        outcomes, weights = np.zeros((4, 3)), np.zeros((REPLICAS, 4))
        for level in range(3):
            if self.staff is None:
                outcomes[1 + level, 2] = self.months[level]
            else:
                outcomes[1 + level, :2] = self.staff[level], self.months[level]
        for replica in range(REPLICAS):
            level = PATTERN[replica % len(PATTERN)]
            weights[replica, [0, 1 + level]] = 1 - self.chance[level], self.chance[level]
        return Pool(outcomes, weights)


@dataclass(frozen=True)
class Unpaid:
    """What an event leaves unpaid, by class of staff, and what that rests on.

    ``frequency`` multiplies the chance of an event in each replica: 1 where a model gives the chances. ``figures`` are
    of all classes together; the counts are past events, their enterprises, and those that left something; 0 and False
    where it is assumed.
    """

    pools: tuple[Pool, ...]
    frequency: Floats
    figures: Mapping[str, Figure]
    events: int
    enterprises: int
    with_wages: int
    with_contributions: int
    wages_learned: bool
    contributions_learned: bool

    @property
    def reach(self) -> float:
        """The largest chance, over replicas and classes, that an event leaves anything unpaid, times ``frequency``."""
        return max(float((self.frequency * _some(pool)).max()) for pool in self.pools)

    def left(self, persons: Ints, rank: Floats, replica: Ints) -> tuple[Floats, Floats]:
        """Months of the whole wage bill and of the dues that events leave: 0 where ``rank`` lies beyond the chance.

        ``rank`` is even between 0 and ``reach``; the same ranks serve every replica.
        """
        wages, contributions = np.zeros(len(persons)), np.zeros(len(persons))
        classes = np.digitize(persons, EDGES)
        for place, pool in enumerate(self.pools):
            is_some = pool.outcomes.any(axis=1)
            outcomes, reached = pool.outcomes[is_some], np.cumsum(pool.weights[:, is_some], axis=1)
            own = np.flatnonzero(classes == place)
            one = replica[own]
            apart = (reached + APART * np.arange(len(reached))[:, np.newaxis]).ravel()
            sought = np.minimum(rank[own] / self.frequency[one], BEYOND) + APART * one
            found = np.searchsorted(apart, sought, side="right") - one * len(outcomes)
            is_struck = found < len(outcomes)
            struck, which = own[is_struck], outcomes[found[is_struck]]
            wages[struck], contributions[struck] = which[:, 0] * which[:, 1], which[:, 2]
        return wages, contributions


def learn(
    evidence: pl.DataFrame,
    *,
    fewest: int,
    wages: Assumed,
    contributions: Assumed,
    counted: bool,
    seed: int = 0,
) -> Unpaid:
    """What past events left: a row each of enterprise, persons, staff_share, wage_months and contribution_months.

    Where a column is null throughout, or there are fewer than ``fewest`` events, what was assumed stands in.
    ``counted`` says that chances of events are counted from the same past, so that replicas move them too. Raises
    ``ValueError`` for a value below 0 or missing, or more than all of the staff.
    """
    rows = _checked(evidence)
    enough = rows.height >= fewest
    is_known = [enough and rows.select(part).null_count().sum_horizontal()[0] == 0 for part in (WAGES, CONTRIBUTIONS)]
    drawn = _weights(rows["enterprise"], np.random.default_rng(seed))
    assumed = [None if known else one.pool() for known, one in zip(is_known, (wages, contributions), strict=True)]
    outcomes = np.zeros((rows.height, 3))
    for column, name in enumerate(NAMES):
        if is_known[column // 2]:
            outcomes[:, column] = rows[name].to_numpy()
    everyone = _pool(outcomes, drawn, assumed)
    classes = np.digitize(rows["persons"].to_numpy(), EDGES)
    pools = []
    for place in range(len(EDGES) + 1):
        own = classes == place
        has_own = any(is_known) and own.sum() >= FEWEST_OF_CLASS
        pools.append(_pool(outcomes[own], drawn[:, own], assumed) if has_own else everyone)
    left = [outcomes[:, 0] * outcomes[:, 1] > 0, outcomes[:, 2] > 0]
    return Unpaid(
        pools=tuple(pools),
        frequency=drawn.mean(axis=1) if counted and enough else np.ones(REPLICAS),
        figures=_figures(everyone),
        events=rows.height,
        enterprises=rows["enterprise"].n_unique(),
        with_wages=int(left[0].sum()),
        with_contributions=int(left[1].sum()),
        wages_learned=is_known[0],
        contributions_learned=is_known[1],
    )


def _checked(evidence: pl.DataFrame) -> pl.DataFrame:
    """The columns needed, in an order that the order of the rows does not change."""
    rows = evidence.select(
        pl.col("enterprise").cast(pl.String), "persons", *(pl.col(name).cast(pl.Float64) for name in NAMES)
    ).sort("enterprise", "persons", *NAMES)
    for part in (WAGES, CONTRIBUTIONS):
        values = rows.select(part)
        if values.null_count().sum_horizontal()[0] not in (0, values.height * values.width):
            raise ValueError(f"what events left is known of every event or of none: {part}")
        if (values.fill_null(0).to_numpy() < 0).any():
            raise ValueError(f"what an event left is 0 or more: {part}")
    if (rows["staff_share"].fill_null(0) > 1).any():
        raise ValueError("no more than all of the staff can have unpaid wages")
    return rows


def _weights(enterprises: pl.Series, generator: np.random.Generator) -> Floats:
    """Weights of events of shape (replicas, events), the same for the events of one enterprise, 1 on average."""
    number = enterprises.rank("dense").to_numpy().astype(np.int64) - 1
    found: Floats = generator.standard_exponential((REPLICAS, int(number.max(initial=-1)) + 1))[:, number]
    return found


def _pool(outcomes: Floats, drawn: Floats, assumed: Sequence[Pool | None]) -> Pool:
    """The events' own outcomes, if any part of them is known, crossed with what is assumed of the other."""
    learned = Pool(outcomes, drawn / drawn.sum(axis=1, keepdims=True)) if None in assumed else None
    parts = [part for part in (learned, *assumed) if part is not None]
    found = parts[0]
    for part in parts[1:]:
        found = found.crossed(part)
    return found


def _some(pool: Pool) -> Floats:
    """Chance of each replica that an event leaves anything unpaid."""
    found: Floats = pool.weights[:, pool.outcomes.any(axis=1)].sum(axis=1)
    return found


def _figures(pool: Pool) -> dict[str, Figure]:
    """Chance of each part, and means where there was any, over all replicas and by each."""
    has_wages, has_dues = pool.outcomes[:, 0] * pool.outcomes[:, 1] > 0, pool.outcomes[:, 2] > 0
    return {
        "wage_chance": _mean(pool, has_wages.astype(np.float64), np.ones(len(has_wages), np.bool_)),
        "staff_share": _mean(pool, pool.outcomes[:, 0], has_wages),
        "wage_months": _mean(pool, pool.outcomes[:, 1], has_wages),
        "contribution_chance": _mean(pool, has_dues.astype(np.float64), np.ones(len(has_dues), np.bool_)),
        "contribution_months": _mean(pool, pool.outcomes[:, 2], has_dues),
    }


def _mean(pool: Pool, values: Floats, among: NDArray[np.bool_]) -> Figure:
    weights = pool.weights[:, among]
    total = weights.sum(axis=1)
    each = (weights * values[among]).sum(axis=1) / np.where(total > 0, total, 1.0)
    whole = weights.mean(axis=0)
    return Figure.of(float((whole * values[among]).sum() / (whole.sum() or 1.0)), each)
