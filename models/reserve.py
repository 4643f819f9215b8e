"""What a reserve fund must hold: unpaid wages and contributions of a city over some periods, by drawn paths.

Events fall under the shocks of ``models.shocks``, drawn by ``models.joint_loss``: the city's shock and one an industry.
What each leaves unpaid is of ``models.unpaid``. A path is as many periods as the horizon has; how strong shocks are is
one for the whole path, the shocks themselves are drawn anew each period: no bad year, only bad periods. The fund
advances what is unpaid and may get a share of it back some periods later. Money is in the portfolio's own unit.
Intervals hold what the past leaves open of what events leave, and of how strong the city's shock is.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from models.estimators import Floats
from models.joint_loss import Periods, Shock, digest_of, drawn_periods
from models.unpaid import REPLICAS, Figure, Ints, Unpaid, quantile

COLUMNS = ("county", "industry", "probability", "persons", "wages", "dues")
DRAWS = 4000
OWN = 300
"""So many with the largest bills are drawn one by one, and everyone likelier than ``OWN_CHANCE``."""
OWN_CHANCE = 0.3
BLOCK = 128
BIN = 0.5
STRATA = 8
"""Paths are in order of how strong shocks are; a replica is told by the paths of one of so many parts of them."""
MOST_PERIODS = 64


@dataclass(frozen=True)
class Events:
    """Drawn events that may leave something unpaid: path, period, row of the portfolio, and rank (see ``Unpaid``)."""

    path: Ints
    period: Ints
    row: Ints
    rank: Floats

    def between(self, first: int, end: int) -> "Events":
        """Those of the paths from ``first`` up to but without ``end``, numbered from 0."""
        own = (self.path >= first) & (self.path < end)
        return Events(self.path[own] - first, self.period[own], self.row[own], self.rank[own])


@dataclass(frozen=True)
class Paths:
    """Outlays of shape (counties, 2, paths, periods): wages, contributions; the same for each replica, fewer paths.

    ``replicas`` has a replica on the first axis. ``counties`` names the first axis of ``outlays``.
    """

    counties: tuple[str, ...]
    outlays: Floats
    replicas: Floats

    def city(self, part: int | None = None) -> tuple[Floats, Floats]:
        """Outlays of the city and of each replica, of shape (paths, periods): of one part, or of both."""
        parts = slice(None) if part is None else slice(part, part + 1)
        return self.outlays[:, parts].sum(axis=(0, 1)), self.replicas[:, :, parts].sum(axis=(1, 2))

    def county(self, place: int) -> tuple[Floats, Floats]:
        """The same of one county, both parts."""
        return self.outlays[place].sum(axis=0), self.replicas[:, place].sum(axis=1)

    def with_outlay(self, amount: float) -> "Paths":
        """The same with ``amount`` of wages more in the first period of every path, in the first county."""
        outlays, replicas = self.outlays.copy(), self.replicas.copy()
        outlays[0, 0, :, 0] += amount
        replicas[:, 0, 0, :, 0] += amount
        return Paths(self.counties, outlays, replicas)


@dataclass(frozen=True)
class Terms:
    """What is asked: how sure, the share that comes back, and after how many periods."""

    confidence: float
    recovered: float = 0.0
    lag: int = 1

    def __post_init__(self) -> None:
        if not (0 < self.confidence < 1 and 0 <= self.recovered <= 1 and self.lag >= 1):
            raise ValueError(f"a confidence between 0 and 1, a share of 0 to 1 and a lag of 1 or more, not {self}")


def simulate(
    portfolio: pl.DataFrame,
    shock: Shock,
    unpaid: Unpaid,
    *,
    horizon: int,
    draws: int = DRAWS,
    seed: int = 0,
    has_intervals: bool = True,
) -> Paths:
    """Paths of ``horizon`` periods for ``portfolio``, which has a row an enterprise with the columns ``COLUMNS``.

    ``wages`` is a month's wage bill, ``dues`` a month's contributions, ``probability`` that of an event in one period.
    The same portfolio and seed give the same paths in any order of rows. Without intervals the paths themselves stand
    for the only replica, which saves half of the time. Raises ``ValueError`` for a value missing or
    out of range.
    """
    if not (1 <= horizon <= MOST_PERIODS and draws >= STRATA):
        raise ValueError(f"1 to {MOST_PERIODS} periods and {STRATA} draws or more, not {horizon} and {draws}")
    rows = _checked(portfolio)
    shock = replace(shock, nodes=tuple(sorted(shock.nodes)))
    counties = tuple(rows["county"].unique().sort().to_list()) or ("",)
    events = _events(rows, shock, reach=unpaid.reach, horizon=horizon, draws=draws, seed=seed)
    outlays = _outlays(rows, counties, events, unpaid, events.path % REPLICAS, (draws, horizon))
    if not has_intervals:
        return Paths(counties, outlays, outlays[np.newaxis])
    length, each = draws // STRATA, REPLICAS // STRATA
    replicas = []
    for stratum in range(STRATA):
        own = events.between(stratum * length, (stratum + 1) * length)
        for one in range(stratum * each, (stratum + 1) * each):
            replica = np.full(len(own.row), one, np.int64)
            replicas.append(_outlays(rows, counties, own, unpaid, replica, (length, horizon)))
    return Paths(counties, outlays, np.stack(replicas))


def total(paths: tuple[Floats, Floats], level: float | None = None) -> Figure:
    """All outlays of a path: their mean, or their quantile ``level``."""

    def of(outlays: Floats) -> float:
        sums = outlays.sum(axis=1)
        return float(sums.mean() if level is None else quantile(sums, level))

    return _over(paths, of)


def need(paths: tuple[Floats, Floats], terms: Terms) -> Figure:
    """What the fund must hold at the start so as not to run dry in ``confidence`` of the paths."""
    return _over(paths, lambda outlays: quantile(_deepest(outlays, terms), terms.confidence))


def ruin(paths: tuple[Floats, Floats], terms: Terms, balance: float) -> Figure:
    """Chance that a fund of ``balance`` runs dry within the horizon."""
    return _over(paths, lambda outlays: float((_deepest(outlays, terms) > balance).mean()))


def replenishment(paths: tuple[Floats, Floats], terms: Terms, balance: float) -> Figure | None:
    """What must be paid in at the end of each period so that ``balance`` suffices in ``confidence`` of the paths.

    None where the first period alone already takes more; where only a replica says so, the upper end is infinite.
    """

    def of(outlays: Floats) -> float:
        short = np.maximum(_net(outlays, terms) - balance, 0.0)
        each = short[:, 1:] / np.arange(1, outlays.shape[1])
        enough = np.where(short[:, 0] > 0, np.inf, each.max(axis=1, initial=0.0))
        return quantile(enough, terms.confidence)

    found = _over(paths, of)
    return None if np.isinf(found.value) else found


def _over(paths: tuple[Floats, Floats], of: Callable[[Floats], float]) -> Figure:
    return Figure.of(of(paths[0]), [of(one) for one in paths[1]])


def _net(outlays: Floats, terms: Terms) -> Floats:
    """Advanced so far and not come back, at the end of each period; shape as ``outlays``."""
    found: Floats = np.cumsum(outlays, axis=1)
    back = terms.recovered * found[:, : max(found.shape[1] - terms.lag, 0)]
    found[:, terms.lag :] -= back
    return found


def _deepest(outlays: Floats, terms: Terms) -> Floats:
    found: Floats = _net(outlays, terms).max(axis=1)
    return found


def _checked(portfolio: pl.DataFrame) -> pl.DataFrame:
    """The columns needed, in an order that the order of the rows does not change."""
    numbers = [pl.col(name).cast(pl.Float64) for name in ("probability", "wages", "dues")]
    names = [pl.col(name).cast(pl.String) for name in ("county", "industry")]
    rows = portfolio.select(*names, *numbers, pl.col("persons").cast(pl.Int64)).select(COLUMNS)
    sound = [pl.col(name).is_not_null() for name in ("county", "industry")]
    sound += [pl.col(name).is_between(0, np.finfo(np.float64).max) for name in ("wages", "dues", "persons")]
    faulty = rows.filter(~pl.all_horizontal(*sound, pl.col("probability").is_between(0, 1)).fill_null(value=False))
    if faulty.height:
        raise ValueError(f"{faulty.height} enterprises with a value out of range, the first: {faulty.row(0)}")
    return rows.sort(COLUMNS)


def _events(rows: pl.DataFrame, shock: Shock, *, reach: float, horizon: int, draws: int, seed: int) -> Events:
    """Events of every path and period, thinned to those that may leave something unpaid."""
    chance, bill = rows["probability"].to_numpy(), (rows["wages"] + rows["dues"]).to_numpy()
    large = np.argsort(-bill * chance, kind="stable")[:OWN]
    is_own = chance > OWN_CHANCE
    is_own[large] = True
    industries = rows["industry"].to_numpy()
    nothing = np.zeros(0, np.int64)
    parts = [(nothing, nothing, nothing, np.zeros(0))]
    first = drawn_periods(shock, draws, np.random.default_rng([seed * MOST_PERIODS, 0]))
    for period in range(horizon):
        key = seed * MOST_PERIODS + period
        periods = first.anew(np.random.default_rng([key, 0])) if period else first
        for industry in rows["industry"].unique().sort():
            shared = periods.shock_of(industry, seed=key)
            generator = np.random.default_rng([key, 1, *digest_of(industry)])
            here = (industries == industry) & (chance > 0) & (bill > 0)
            for draw, own in ((_one_by_one, here & is_own), (_together, here & ~is_own)):
                path, row = draw(np.flatnonzero(own), chance, periods, shared, reach, generator)
                rank = reach * generator.random(len(row))
                parts.append((path, np.full(len(row), period, np.int64), row, rank))
    path, at, row, rank = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Events(path, at, row, rank)


def _one_by_one(
    own: Ints, chance: Floats, periods: Periods, shared: Floats, reach: float, generator: np.random.Generator
) -> tuple[Ints, Ints]:
    """Path and row of the events of the rows ``own``, each in every path."""
    found = [(np.zeros(0, np.int64), np.zeros(0, np.int64))]
    for block in np.array_split(own, len(own) // BLOCK + 1):
        struck = generator.random((len(block), len(shared))) < reach * periods.given(chance[block], shared)
        which, path = np.nonzero(struck)
        found.append((path, block[which]))
    return np.concatenate([one[0] for one in found]), np.concatenate([one[1] for one in found])


def _together(
    own: Ints, chance: Floats, periods: Periods, shared: Floats, reach: float, generator: np.random.Generator
) -> tuple[Ints, Ints]:
    """The same, of rows of about the same chance at once: how many fall, and which of them, by their chance."""
    if not len(own):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    log_odds = np.log(chance[own]) - np.log1p(-chance[own])
    _, bins = np.unique(np.floor(log_odds / BIN), return_inverse=True)
    paths, rows = [], []
    for one in range(int(bins.max()) + 1):
        members = own[bins == one]
        given = periods.given(chance[members].mean(keepdims=True), shared)[0]
        count = generator.binomial(len(members), np.minimum(reach * given, 1.0))
        whole = np.cumsum(chance[members])
        at = np.searchsorted(whole, whole[-1] * generator.random(int(count.sum())), side="right")
        paths.append(np.repeat(np.arange(len(shared)), count))
        rows.append(members[np.minimum(at, len(members) - 1)])
    return np.concatenate(paths), np.concatenate(rows)


def _outlays(
    rows: pl.DataFrame,
    counties: tuple[str, ...],
    events: Events,
    unpaid: Unpaid,
    replica: Ints,
    size: tuple[int, int],
) -> Floats:
    """Outlays of shape (counties, 2, paths, periods) that ``events`` cause, each under its replica."""
    persons = rows["persons"].to_numpy()[events.row]
    months = unpaid.left(persons, events.rank, replica)
    county = rows["county"].rank("dense").cast(pl.Int64).to_numpy()[events.row] - 1
    cell = (county * size[0] + events.path) * size[1] + events.period
    shape = (len(counties), *size)
    parts = [
        np.bincount(cell, weights=left * rows[name].to_numpy()[events.row], minlength=int(np.prod(shape))).astype(float)
        for left, name in zip(months, ("wages", "dues"), strict=True)
    ]
    return np.stack([part.reshape(shape) for part in parts], axis=1)
