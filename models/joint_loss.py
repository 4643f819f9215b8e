"""Jobs lost together: the distribution for each group, county and the city, under a shock that all share.

Enterprises have their events one by one given the shocks of ``models.shocks``; what each then loses is 1 person and a
beta-binomial share of the rest, so that the mean is the expected share of the staff, at least 1 and at most everyone
(frequency and severity as in McNeil, Frey and Embrechts, Quantitative Risk Management, 2015, chapters 11 and 13).
Means are summed, not drawn. Large employers and small groups are drawn one by one; of the others, those of a group with
about the same probability share a binomial draw. The same portfolio and seed give the same result in any order of rows.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.estimators import Bools, Floats, probability
from models.shocks import INDEPENDENT, Shock, estimate, known, own_log_odds, tally

__all__ = [
    "INDEPENDENT",
    "Levels",
    "Outlook",
    "Periods",
    "Shock",
    "concentration_of",
    "digest_of",
    "distribution",
    "drawn_periods",
    "estimate",
    "known",
    "own_log_odds",
    "tally",
]

Ints = NDArray[np.int64]
Sums = tuple[int, int, float, float]

KEYS = ("county", "industry")
COLUMNS = (*KEYS, "probability", "persons", "share", "large", "concentration")
DRAWS = 10_000
OWN_PERSONS = 100
"""Employers of so many persons are drawn one by one, and so is every enterprise of a group of ``OWN_GROUP``."""
OWN_GROUP = 30
BLOCK = 256
BIN = 1.0
POOL, POOL_EACH = (128, 1024), 4
"""So many losses stand for those of a bin, a few a member within these limits; each event takes one of them."""
EVENTS_AT_ONCE = 4_000_000
CONCENTRATION = 3.0
"""Alpha + beta of the share lost given an event where nothing was learned: widely spread."""
CONCENTRATIONS = (0.5, 200.0)
LARGEST, SMALLEST = 1e9, 1e-300
TINY = 1e-9
MARKS = np.arange(-21.0, 21.0, 0.05)
"""Between log-odds so close, probabilities come out right to some 0.01 %."""


@dataclass(frozen=True)
class Levels:
    """What is asked: so many enterprises (``count``) of a county with a large event, ``single`` jobs lost at one.

    ``quantiles`` are shares of 1, in rising order.
    """

    count: int
    single: int
    quantiles: tuple[float, ...] = (0.5, 0.8, 0.9, 0.95, 0.99)

    def __post_init__(self) -> None:
        rising = all(one < two for one, two in zip(self.quantiles, self.quantiles[1:], strict=False))
        if self.count < 1 or self.single < 1 or not rising or not all(0 < one < 1 for one in self.quantiles):
            raise ValueError(f"levels are counts of 1 or more and rising shares between 0 and 1, not {self}")

    def column(self, level: float) -> str:
        """Name of the column of jobs lost at ``level``: jobs_95 for 0.95."""
        return f"jobs_{100 * level:g}"


@dataclass(frozen=True)
class Outlook:
    """What may be lost, a row each of ``groups`` (county, industry), ``counties`` (county) and the one of ``city``.

    Columns: enterprises, persons, expected_events, expected_jobs, jobs_50 and so on (persons, the level's quantile),
    probability_many (at least ``count`` enterprises of one county with a large event; of the group itself in
    ``groups``, of any county in ``city``), probability_single (one enterprise loses ``single`` jobs or more).
    ``draws`` are the jobs lost in the city in each drawn period, for whoever asks other questions of the same periods.
    """

    groups: pl.DataFrame
    counties: pl.DataFrame
    city: pl.DataFrame
    draws: Ints


@dataclass(frozen=True)
class _Drawn:
    """Of one group or county, per drawn period: jobs lost, enterprises with a large event, one at ``single``."""

    jobs: Ints
    many: Ints
    single: Bools

    def plus(self, other: "_Drawn") -> "_Drawn":
        return _Drawn(self.jobs + other.jobs, self.many + other.many, self.single | other.single)


@dataclass(frozen=True)
class Periods:
    """The drawn periods: which node of the shock each has (rising), its city shock, and the spreads of its shocks.

    ``own`` of shape (marks, nodes) is ``own_log_odds`` of the log-odds ``MARKS`` under each node.
    """

    nodes: Ints
    city: Floats
    city_spread: Floats
    spread: Floats
    own: Floats

    def anew(self, generator: np.random.Generator) -> "Periods":
        """As many further periods of the same nodes: their city shocks are dealt anew."""
        return replace(self, city=self.city_spread * generator.permutation(_normals(len(self.city))))

    def shock_of(self, *names: str, seed: int) -> Floats:
        """What the group of these ``names`` bears in each period: the city's shock and its own; shape (periods,)."""
        normal = np.random.default_rng([seed, 2, *digest_of(*names)]).standard_normal(len(self.city))
        found: Floats = self.city + self.spread * normal
        return found

    def given(self, chance: Floats, shock: Floats) -> Floats:
        """Probabilities of shape (enterprises, periods) given the shocks of one group."""
        held = np.clip(chance, TINY, 1 - TINY)
        log_odds = np.log(held) - np.log1p(-held)
        own = np.stack([np.interp(log_odds, MARKS, column) for column in self.own.T], axis=1)
        at = np.take(own, self.nodes, axis=1)
        at += shock
        np.exp(np.negative(at, out=at), out=at)
        at += 1
        found: Floats = np.reciprocal(at, out=at)
        return found


@dataclass(frozen=True)
class _Rows:
    """Enterprises of one group as arrays of shape (enterprises,)."""

    chance: Floats
    persons: Ints
    share: Floats
    large: Floats
    concentration: Floats

    def at(self, places: Ints | Bools) -> "_Rows":
        return _Rows(
            self.chance[places],
            self.persons[places],
            self.share[places],
            self.large[places],
            self.concentration[places],
        )

    @property
    def mean(self) -> Floats:
        """Jobs lost given an event, on average."""
        return np.clip(self.share * self.persons, np.minimum(self.persons, 1), self.persons)

    def losses(self, generator: np.random.Generator) -> Ints:
        """Jobs lost given an event, one draw of each."""
        rest = np.maximum(self.persons - 1, 0)
        share = np.clip((self.mean - 1) / np.maximum(rest, 1), 0.0, 1.0)
        lost = generator.standard_gamma(share * self.concentration)
        kept = generator.standard_gamma((1 - share) * self.concentration)
        return np.minimum(self.persons, 1 + generator.binomial(rest, lost / np.maximum(lost + kept, SMALLEST)))


def distribution(
    portfolio: pl.DataFrame,
    shock: Shock,
    *,
    levels: Levels,
    shared: tuple[str, ...] = KEYS,
    draws: int = DRAWS,
    seed: int = 0,
) -> Outlook:
    """Jobs lost of ``portfolio`` in one period under ``shock``; ``INDEPENDENT`` and ``shock.certain`` to compare.

    ``portfolio`` has a row an enterprise: county, industry, probability of an event, persons (staff now), share
    (expected share lost given an event), large (probability that its event is a large one), and may have
    concentration (how little the share varies). Enterprises alike in ``shared`` have one group shock: county and
    industry, or one of them, as in the history of the estimate. What the estimate leaves open is drawn too, so that a
    bound holds where the past is short. Raises ``ValueError`` for a value out of range or missing.
    """
    rows = _checked(portfolio)
    if draws < 1 or not shared or not set(shared) <= set(KEYS):
        raise ValueError(f"draws are 1 or more and shocks shared by {KEYS}, not {draws} and {shared}")
    periods = drawn_periods(shock, draws, np.random.default_rng([seed, 0]))
    city = _nothing(draws)
    groups, counties, sums = [], [], []
    for (county,), of_county in rows.group_by(KEYS[:1], maintain_order=True):
        whole, own = _nothing(draws), []
        for (industry,), part in of_county.group_by(KEYS[1:], maintain_order=True):
            names = [name for key, name in zip(KEYS, (county, industry), strict=True) if key in shared]
            generator = np.random.default_rng([seed, 1, *digest_of(county, industry)])
            drawn = _group(part, periods.shock_of(*names, seed=seed), periods, levels, generator)
            own.append(_sums(part))
            groups.append((county, industry, *own[-1], *_figures(drawn, levels)))
            whole = whole.plus(drawn)
        counties.append((county, *_added(own), *_figures(whole, levels)))
        sums += own
        city = _Drawn(city.jobs + whole.jobs, np.maximum(city.many, whole.many), city.single | whole.single)
    return Outlook(
        groups=pl.DataFrame(groups, schema=_schema(KEYS, levels), orient="row"),
        counties=pl.DataFrame(counties, schema=_schema(KEYS[:1], levels), orient="row"),
        city=pl.DataFrame([(*_added(sums), *_figures(city, levels))], schema=_schema((), levels), orient="row"),
        draws=city.jobs,
    )


def concentration_of(lost: Ints, persons: Ints, share: Floats) -> float:
    """Alpha + beta of the share lost, from past events: jobs ``lost`` of ``persons`` where ``share`` was expected.

    By moments: the squared error of beta-binomial draws is what a binomial would have, times a factor that tells it.
    Held between ``CONCENTRATIONS``; ``CONCENTRATION`` without an event that could tell.
    """
    rest = np.maximum(persons - 1, 0).astype(np.float64)
    mean = np.clip((share * persons - 1) / np.maximum(rest, 1), 0.0, 1.0)
    error, plain = float(((lost - 1 - rest * mean) ** 2).sum()), float((rest * mean * (1 - mean)).sum())
    above = float((rest * (rest - 1) * mean * (1 - mean)).sum())
    if above <= 0 or error <= plain:
        return CONCENTRATION if above <= 0 else CONCENTRATIONS[1]
    return float(np.clip(above / (error - plain) - 1, *CONCENTRATIONS))


def _checked(portfolio: pl.DataFrame) -> pl.DataFrame:
    """The columns needed, in an order that the order of the rows does not change."""
    if "concentration" not in portfolio.columns:
        portfolio = portfolio.with_columns(pl.lit(CONCENTRATION).alias("concentration"))
    numbers = [pl.col(name).cast(pl.Float64) for name in ("probability", "share", "large", "concentration")]
    names = [pl.col(name).cast(pl.String) for name in KEYS]
    rows = portfolio.select(*names, *numbers, pl.col("persons").cast(pl.Int64)).select(COLUMNS)
    right = [pl.col(name).is_between(0, 1) for name in ("probability", "share", "large")]
    right += [pl.col(name).is_not_null() for name in KEYS]
    sound = pl.all_horizontal(*right, pl.col("persons") >= 0, pl.col("concentration").is_between(TINY, LARGEST))
    faulty = rows.filter(~sound.fill_null(value=False))
    if faulty.height:
        raise ValueError(f"{faulty.height} enterprises with a value out of range, the first: {faulty.row(0)}")
    return rows.sort(COLUMNS)


def drawn_periods(shock: Shock, draws: int, generator: np.random.Generator) -> Periods:
    """Nodes by their weights, and city shocks of evenly spread ranks dealt to them by chance."""
    cities, spreads, weights = np.array(shock.nodes, dtype=np.float64).T
    ranks = (np.arange(draws) + 0.5) / draws
    nodes = np.minimum(np.searchsorted(np.cumsum(weights), ranks), len(weights) - 1)
    own = [own_log_odds(probability(MARKS), float(total)) for total in np.hypot(cities, spreads)]
    city = cities[nodes] * generator.permutation(_normals(draws))
    return Periods(nodes, city, cities[nodes], spreads[nodes], np.stack(own, axis=1))


def _normals(size: int) -> Floats:
    """Normal numbers of evenly spread ranks."""
    return np.array([NormalDist().inv_cdf(rank) for rank in (np.arange(size) + 0.5) / size])


def _group(
    part: pl.DataFrame, shock: Floats, periods: Periods, levels: Levels, generator: np.random.Generator
) -> _Drawn:
    rows = _arrays(part.filter((pl.col("probability") > 0) & (pl.col("persons") > 0)))
    is_own = (rows.persons >= OWN_PERSONS) | (len(rows.chance) <= OWN_GROUP)
    found = _one_by_one(rows.at(is_own), shock, periods, levels, generator)
    return found.plus(_together(rows.at(~is_own), shock, periods, levels, generator))


def _arrays(part: pl.DataFrame) -> _Rows:
    return _Rows(*(part[name].to_numpy() for name in COLUMNS[len(KEYS) :]))


def _nothing(draws: int) -> _Drawn:
    return _Drawn(np.zeros(draws, np.int64), np.zeros(draws, np.int64), np.zeros(draws, np.bool_))


def _one_by_one(rows: _Rows, shock: Floats, periods: Periods, levels: Levels, generator: np.random.Generator) -> _Drawn:
    """Every enterprise in every period, a block of enterprises at a time."""
    found = _nothing(len(shock))
    for first in range(0, len(rows.chance), BLOCK):
        block = rows.at(np.arange(first, min(first + BLOCK, len(rows.chance))))
        chance = periods.given(block.chance, shock)
        places, at = np.nonzero(generator.random(chance.shape) < chance)
        struck = block.at(places)
        large = generator.random(len(at)) < struck.large
        found = found.plus(_summed(at, struck.losses(generator), large, levels, len(shock)))
    return found


def _together(rows: _Rows, shock: Floats, periods: Periods, levels: Levels, generator: np.random.Generator) -> _Drawn:
    """Events of each bin of probability in each period, and to each event one of the losses of its bin's pool."""
    if not len(rows.chance):
        return _nothing(len(shock))
    log_odds = np.log(rows.chance) - np.log1p(-np.minimum(rows.chance, 1 - TINY))
    _, bins = np.unique(np.floor(log_odds / BIN), return_inverse=True)
    size = np.bincount(bins)
    chance = np.bincount(bins, weights=rows.chance) / size
    pool = int(np.clip(POOL_EACH * size.max(), *POOL))
    lost, large = np.concatenate([_pool(rows.at(bins == one), pool, generator) for one in range(len(size))], axis=1)
    events = generator.binomial(size[:, np.newaxis], periods.given(chance, shock))
    found = _nothing(len(shock))
    for some in np.array_split(np.arange(len(shock)), events.sum() // EVENTS_AT_ONCE + 1):
        at = np.repeat(np.tile(some, len(size)), events[:, some].ravel())
        place = np.repeat(pool * np.arange(len(size)), events[:, some].sum(axis=1))
        place += generator.integers(pool, size=len(at))
        is_large = generator.random(len(at)) < large[place]
        found = found.plus(_summed(at, lost[place], is_large, levels, len(shock)))
    return found


def _pool(rows: _Rows, size: int, generator: np.random.Generator) -> Floats:
    """Losses given an event of some member of a bin, by its probability, and how likely its event is a large one."""
    by_size = rows.at(np.argsort(rows.persons, kind="stable"))
    whole = np.cumsum(by_size.chance)
    marks = (np.arange(size) + generator.random()) / size * whole[-1]
    chosen = by_size.at(np.minimum(np.searchsorted(whole, marks), len(whole) - 1))
    return np.stack([chosen.losses(generator).astype(np.float64), chosen.large])


def _summed(at: Ints, lost: Ints | Floats, large: Bools, levels: Levels, draws: int) -> _Drawn:
    jobs = np.bincount(at, weights=lost, minlength=draws).astype(np.int64)
    single = np.bincount(at[lost >= levels.single], minlength=draws) > 0
    return _Drawn(jobs, np.bincount(at[large], minlength=draws), single)


def _sums(part: pl.DataFrame) -> Sums:
    """Enterprises, persons, expected events and expected jobs of one group."""
    rows = _arrays(part)
    return part.height, int(rows.persons.sum()), math.fsum(rows.chance), math.fsum(rows.chance * rows.mean)


def _added(sums: Sequence[Sums]) -> Sums:
    """The sums of several groups, each to the last bit the sum of theirs."""
    counts = (sum(one[0] for one in sums), sum(one[1] for one in sums))
    return (*counts, math.fsum(one[2] for one in sums), math.fsum(one[3] for one in sums))


def _figures(drawn: _Drawn, levels: Levels) -> tuple[float, ...]:
    """What the drawn periods show: the quantiles of jobs lost, and both probabilities."""
    jobs = np.quantile(drawn.jobs, levels.quantiles, method="inverted_cdf")
    return (*map(int, jobs), float((drawn.many >= levels.count).mean()), float(drawn.single.mean()))


def _schema(keys: tuple[str, ...], levels: Levels) -> dict[str, type[pl.DataType]]:
    """Names and types of a frame of an ``Outlook``."""
    return {
        **dict.fromkeys(keys, pl.String),
        **dict.fromkeys(("enterprises", "persons"), pl.Int64),
        **dict.fromkeys(("expected_events", "expected_jobs"), pl.Float64),
        **dict.fromkeys(map(levels.column, levels.quantiles), pl.Int64),
        **dict.fromkeys(("probability_many", "probability_single"), pl.Float64),
    }


def digest_of(*names: str) -> tuple[int, ...]:
    """Numbers that stand for ``names``, so that a group is drawn the same whichever others there are."""
    found = hashlib.blake2b("\0".join(names).encode(), digest_size=16).digest()
    return tuple(int.from_bytes(found[place : place + 4], "big") for place in range(0, 16, 4))
