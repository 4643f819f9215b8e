"""Does the reserve suffice as often as it says? A city of known frequency, severity and shock is simulated, then kept.

    python -m benchmarks.reserve --histories 100 --months 6

For each setting: histories of 36 periods are simulated, shocks and what events leave unpaid are estimated from each
anew, and the sums needed for one period and for four follow at 95 and 99 %. Later periods, ``--months`` after each
history, are simulated enterprise by enterprise by the code of this file, and those whose outlay exceeds the sum are
counted, beside the band in which nineteen of twenty binomial counts of that chance lie. The same with the shared shock
left out. The last count is of histories whose interval of the year's sum at 95 % holds the sum that the planted city
truly needs, of the first ``INTERVALS``. Few months follow each history: what one estimate has wrong, all after it
share, and then the counts are no binomial. Prints Markdown; all is simulated, none is evidence about real enterprises.
"""

import argparse
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.joint_loss import Path, crisis, normal
from models import reserve, unpaid
from models.joint_loss import INDEPENDENT, Shock, estimate, own_log_odds, tally
from models.reserve import Terms
from models.unpaid import Assumed, Unpaid

Floats = NDArray[np.float64]

ENTERPRISES, INDUSTRIES, COUNTIES, RATE = 1500, 5, 8, 0.03
PERIODS, HORIZON = 36, 4
LEVELS = (0.95, 0.99)
DRAWS = 4000
INTERVALS = 20
"""So many histories of each setting are asked for their intervals, which take most of the time."""
TRUE_YEARS = 4000
MOST_PERSONS = 2000
WAGE_YUAN, DUES_YUAN = 6000.0, 1500.0
UNUSED = (Assumed((0, 0, 0), (0, 0, 0), (0, 0, 0)), Assumed((0, 0, 0), (0, 0, 0)))
"""Histories have events enough, so that no assumption stands in."""


@dataclass(frozen=True)
class Setting:
    """Planted: the path of the city's shock, and the spread of the industries'."""

    name: str
    city: Path
    group: float


SETTINGS = (
    Setting("city 0.4, industry 0.3", normal(0.4), 0.3),
    Setting("city 0.8, industry 0.5", normal(0.8), 0.5),
    Setting("OTHER: crisis of +1.5 in 5 % of periods", crisis(0.05, 1.5, 0.15), 0.3),
)


def main() -> None:
    """Count every setting."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--histories", type=int, default=100)
    parser.add_argument("--months", type=int, default=6)
    parser.add_argument("--seed", type=int, default=20_261_130)
    given = parser.parse_args()
    months = given.histories * given.months
    print(f"{months} later periods and as many years a setting; bands: ", end="")
    print("; ".join(f"{100 * level:g} %: {_told(binomial_band(months, 1 - level))}" for level in LEVELS))
    heads = [f"{span} {100 * level:g} %" for span in ("period", "year") for level in LEVELS]
    print(f"\n| setting | version | {' | '.join(heads)} | interval holds | seconds |\n{'| --- ' * 8}|")
    for place, setting in enumerate(SETTINGS):
        for line in counted(setting, histories=given.histories, months=given.months, seed=given.seed + place):
            print(line, flush=True)


def binomial_band(trials: int, chance: float) -> tuple[int, int]:
    """The least and the most of the counts between the quantiles 2.5 and 97.5 % of a binomial."""
    counts = range(trials + 1)
    logs = [math.lgamma(trials + 1) - math.lgamma(one + 1) - math.lgamma(trials - one + 1) for one in counts]
    mass = np.exp([log + one * math.log(chance) + (trials - one) * math.log1p(-chance) for one, log in enumerate(logs)])
    reached = np.cumsum(mass)
    return int(np.searchsorted(reached, 0.025)), int(np.searchsorted(reached, 0.975))


def _told(band: tuple[int, int]) -> str:
    return f"{band[0]} to {band[1]}"


def counted(setting: Setting, *, histories: int, months: int, seed: int) -> Iterator[str]:
    """The lines of one setting: exceedances of the model, and of the same without the shared shock."""
    began = time.perf_counter()
    portfolio = city(seed=0)
    own = _own(portfolio["probability"].to_numpy(), setting)
    truly = _truly_needed(portfolio, own, setting)
    found = {"shared": np.zeros(5, np.int64), "independent": np.zeros(5, np.int64)}
    for history in range(histories):
        generator = np.random.default_rng([seed, history])
        shock, left = _learned(portfolio, own, setting, generator)
        periods, years = _later(portfolio, own, setting, months, generator)
        for version, one in (("shared", shock), ("independent", INDEPENDENT)):
            found[version] += _exceedances(portfolio, one, left, (periods, years, truly), seed=history)
    taken = f"{time.perf_counter() - began:.0f}"
    bands = [binomial_band(histories * months, 1 - level) for level in LEVELS] * 2
    for version, counts in found.items():
        cells = [
            f"{n}{'' if low <= n <= high else ' (outside)'}" for n, (low, high) in zip(counts, bands, strict=False)
        ]
        held = f"{counts[4]} of {min(histories, INTERVALS)}"
        yield f"| {setting.name} | {version} | {' | '.join(cells)} | {held} | {taken} |"


def city(*, seed: int) -> pl.DataFrame:
    """A simulated portfolio, money in yuan."""
    generator = np.random.default_rng(seed)
    persons = np.clip(np.exp(generator.normal(2.8, 1.2, ENTERPRISES)), 1, MOST_PERSONS).astype(np.int64)
    return pl.DataFrame(
        {
            "county": [f"county {one}" for one in generator.integers(0, COUNTIES, ENTERPRISES)],
            "industry": [f"industry {one}" for one in generator.integers(0, INDUSTRIES, ENTERPRISES)],
            "probability": 1 / (1 + np.exp(-(np.log(RATE) + generator.normal(0, 0.8, ENTERPRISES)))),
            "persons": persons,
            "wages": persons * WAGE_YUAN,
            "dues": persons * DUES_YUAN,
        }
    )


def _own(chance: Floats, setting: Setting) -> Floats:
    """Log-odds that keep each probability under the planted shocks: Newton by the mean over many drawn ones."""
    generator = np.random.default_rng(7)
    shocks = setting.city(generator, 20_000) + setting.group * generator.standard_normal(20_000)
    marks = np.linspace(np.log(chance.min()), np.log(chance.max()), 60)
    wanted = np.exp(marks)
    found = own_log_odds(wanted, float(shocks.std()))
    for _ in range(30):
        each = 1 / (1 + np.exp(-(found[:, np.newaxis] + shocks)))
        found = found - (each.mean(axis=1) - wanted) / (each * (1 - each)).mean(axis=1)
    own: Floats = np.interp(np.log(chance), marks, found)
    return own


def _left(size: int, generator: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """What planted events leave: wages in 30 % of them, contributions in half of those and in 10 % of the rest."""
    has_wages = generator.random(size) < 0.3
    has_dues = generator.random(size) < np.where(has_wages, 0.5, 0.1)
    share, months = generator.beta(1.2, 2.0, size), np.minimum(generator.gamma(2.0, 0.9, size), 12)
    dues = np.minimum(generator.gamma(1.5, 1.5, size), 12)
    return np.where(has_wages, share, 0.0), np.where(has_wages, months, 0.0), np.where(has_dues, dues, 0.0)


def _events(
    portfolio: pl.DataFrame, own: Floats, setting: Setting, periods: int, generator: np.random.Generator
) -> NDArray[np.bool_]:
    """Planted events of shape (periods, enterprises)."""
    group = portfolio["industry"].rank("dense").cast(pl.Int64).to_numpy() - 1
    shocks = setting.city(generator, periods)[:, np.newaxis] + setting.group * generator.standard_normal(
        (periods, INDUSTRIES)
    )
    found: NDArray[np.bool_] = generator.random((periods, len(own))) < 1 / (1 + np.exp(-(own + shocks[:, group])))
    return found


def _learned(
    portfolio: pl.DataFrame, own: Floats, setting: Setting, generator: np.random.Generator
) -> tuple[Shock, Unpaid]:
    """The shock and what events leave, as estimated from one simulated history."""
    struck = _events(portfolio, own, setting, PERIODS, generator)
    period, who = np.nonzero(np.ones_like(struck))
    rows = portfolio.select("probability", group="industry")[who]
    history = rows.with_columns(period=pl.Series(period), event=pl.Series(struck.ravel()))
    at, which = np.nonzero(struck)
    share, months, dues = _left(len(at), generator)
    evidence = pl.DataFrame(
        {
            "enterprise": [f"enterprise {one}" for one in which],
            "persons": portfolio["persons"].to_numpy()[which],
            "staff_share": share,
            "wage_months": months,
            "contribution_months": dues,
        }
    )
    wages, contributions = UNUSED
    left = unpaid.learn(evidence, fewest=30, wages=wages, contributions=contributions, counted=False)
    return estimate(tally(history)), left


def _later(
    portfolio: pl.DataFrame, own: Floats, setting: Setting, months: int, generator: np.random.Generator
) -> tuple[Floats, Floats]:
    """Outlays of as many later periods, and of as many later years, of each the first of which stands for a period."""
    struck = _events(portfolio, own, setting, months * HORIZON, generator)
    at, which = np.nonzero(struck)
    share, months_unpaid, dues = _left(len(at), generator)
    money = share * months_unpaid * portfolio["wages"].to_numpy()[which] + dues * portfolio["dues"].to_numpy()[which]
    outlays = np.bincount(at, weights=money, minlength=months * HORIZON).astype(np.float64).reshape(months, HORIZON)
    return outlays[:, 0], outlays.sum(axis=1)


def _truly_needed(portfolio: pl.DataFrame, own: Floats, setting: Setting) -> float:
    """The sum that 95 % of many planted years do not exceed."""
    generator = np.random.default_rng(11)
    years = [_later(portfolio, own, setting, 100, generator)[1] for _ in range(TRUE_YEARS // 100)]
    return unpaid.quantile(np.concatenate(years), LEVELS[0])


def _exceedances(
    portfolio: pl.DataFrame, shock: Shock, left: Unpaid, later: tuple[Floats, Floats, float], *, seed: int
) -> NDArray[np.int64]:
    """Later periods, and years, whose outlay exceeds what was said to suffice at each level; 1 if the interval held."""
    paths = reserve.simulate(
        portfolio, shock, left, horizon=HORIZON, draws=DRAWS, seed=seed, has_intervals=seed < INTERVALS
    )
    outlays, replicas = paths.city()
    spans = ((outlays[:, :1], replicas[:, :, :1]), (outlays, replicas))
    needs = [[reserve.need(span, Terms(level)) for level in LEVELS] for span in spans]
    counts = [int((told > need.value).sum()) for told, own in zip(later[:2], needs, strict=True) for need in own]
    holds = seed < INTERVALS and needs[1][0].low <= later[2] <= needs[1][0].high
    return np.array([*counts, int(holds)])


if __name__ == "__main__":
    main()
