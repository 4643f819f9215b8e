"""Does the bound of jobs lost hold? A shock of known kind is planted in a simulated city, and later months are counted.

    python -m benchmarks.joint_loss --histories 20 --months 4000

For each setting: histories are simulated and the shocks estimated from each anew; the bounds that follow are held
against the same later months, of which each setting has ``--months``. Beside the model: the estimate taken as if it
were exact, and the same portfolio without any shock. The months are simulated enterprise by enterprise by the code of
this file, with its own level of the shocks. Prints Markdown; the first lines are seconds and memory of a whole city.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from statistics import NormalDist, mean

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.measure import measured
from models.joint_loss import INDEPENDENT, Levels, Outlook, Shock, distribution, estimate, tally

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Path = Callable[[np.random.Generator, int], Floats]

COUNTIES, INDUSTRIES, ENTERPRISES = 8, 5, 3000
DRAWS = 4000
LEVELS = Levels(count=5, single=200)
SHOWN = (0.8, 0.95, 0.99)
CONCENTRATION = 3.0
MOST_PERSONS = 2000
"""One giant would make the bound of any version a matter of that giant."""
BLOCK = 100
LEVEL_POINTS = 2000


def normal(spread: float) -> Path:
    """City shocks of the model's own family."""
    return lambda generator, periods: spread * generator.standard_normal(periods)


def crisis(share: float, height: float, spread: float) -> Path:
    """Quiet months and, with probability ``share``, one in which all log-odds rise by ``height``."""

    def path(generator: np.random.Generator, periods: int) -> Floats:
        return height * (generator.random(periods) < share) + spread * generator.standard_normal(periods)

    return path


def student(spread: float, freedom: float) -> Path:
    """Shocks of Student's t: quiet mostly, and now and then far out."""
    return lambda generator, periods: spread * generator.standard_t(freedom, periods)


def lasting(spread: float, persistence: float) -> Path:
    """Normal shocks of which ``persistence`` stays from month to month."""

    def path(generator: np.random.Generator, periods: int) -> Floats:
        found = spread * generator.standard_normal(periods)
        for period in range(1, periods):
            found[period] = persistence * found[period - 1] + np.sqrt(1 - persistence**2) * found[period]
        return found

    return path


@dataclass(frozen=True)
class Setting:
    """A city shock, the spread of the groups' shocks, and the history: periods, and how many overlap."""

    name: str
    city: Path
    group: float
    periods: int = 36
    overlap: int = 1


SETTINGS = (
    Setting("no shock at all", normal(0.0), 0.0),
    Setting("city 0.2, group 0.3", normal(0.2), 0.3),
    Setting("city 0.4, group 0.3", normal(0.4), 0.3),
    Setting("city 0.8, group 0.5", normal(0.8), 0.5),
    Setting("city 0, group 0.6", normal(0.0), 0.6),
    Setting("city 0.4, group 0.3, 12 months known", normal(0.4), 0.3, periods=12),
    Setting("city 0.4, group 0.3, 36 windows of 3 months", normal(0.4), 0.3, overlap=3),
    Setting("OTHER: crisis of +1.5 in 5 % of months", crisis(0.05, 1.5, 0.15), 0.3),
    Setting("OTHER: Student t, 3 degrees, 0.3", student(0.3, 3.0), 0.3),
    Setting("OTHER: city 0.4 that lasts, 0.8 a month", lasting(0.4, 0.8), 0.3),
)


def main() -> None:
    """Measure a whole city, then count every setting."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--histories", type=int, default=20)
    parser.add_argument("--months", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=20_261_130)
    given = parser.parse_args()
    whole = city(150_000, counties=12, industries=20, rate=0.02, seed=given.seed)
    open_shock = _open()
    for name, shock in (("shock left open", open_shock), ("independent", INDEPENDENT)):
        cost = measured(name, partial(_jobs, whole, shock))
        print(
            f"150,000 enterprises, {name}: {cost.seconds:.1f} s ({cost.cpu_seconds:.1f} CPU), {cost.peak_megabytes} MB"
        )
    print("\n| setting | city | group | city of model 80 / 95 / 99 | estimate as exact | independent |", end="")
    print(" county 95: model | independent | many: said / seen / independent | seconds |")
    print("| --- " * 10 + "|")
    for place, setting in enumerate(SETTINGS):
        print(counted(setting, histories=given.histories, months=given.months, seed=given.seed + place), flush=True)


def _open() -> Shock:
    """A shock with as many open values as a real estimate has."""
    nodes = tuple((0.3 + 0.02 * one, 0.25 + 0.02 * two, 1 / 35) for one in range(7) for two in range(5))
    return Shock(0.36, 0.29, 0.04, 0.03, 36.0, 10_000, True, nodes)


def _jobs(portfolio: pl.DataFrame, shock: Shock) -> dict[str, float]:
    return {"jobs": float(distribution(portfolio, shock, levels=LEVELS).draws.mean())}


def city(size: int, *, counties: int, industries: int, rate: float, seed: int) -> pl.DataFrame:
    """A simulated portfolio: probabilities round ``rate``, staff as skewed as a real roll's."""
    generator = np.random.default_rng(seed)
    chance = 1 / (1 + np.exp(-(np.log(rate) + generator.normal(0, 1.0, size))))
    persons = np.clip(np.exp(generator.normal(2.2, 1.3, size)), 1, MOST_PERSONS).astype(np.int64)
    return pl.DataFrame(
        {
            "county": [f"county {one:02d}" for one in generator.integers(0, counties, size)],
            "industry": [f"industry {one:02d}" for one in generator.integers(0, industries, size)],
            "probability": chance,
            "persons": persons,
            "share": generator.uniform(0.2, 0.6, size),
            "large": np.where(persons >= 50, 0.6, 0.3),
        }
    )


def counted(setting: Setting, *, histories: int, months: int, seed: int) -> str:
    """The table's line of one setting."""
    began = time.perf_counter()
    portfolio = city(ENTERPRISES, counties=COUNTIES, industries=INDUSTRIES, rate=0.05, seed=0)
    generator = np.random.default_rng([seed, 1])
    own = _own_log_odds(portfolio["probability"].to_numpy(), setting)
    later = _later(portfolio, own, setting, months, generator)
    alone = distribution(portfolio, INDEPENDENT, levels=LEVELS, draws=5 * DRAWS)
    shocks = [estimate(_history(portfolio, own, setting, generator), overlap=setting.overlap) for _ in range(histories)]
    model, exact = (
        [distribution(portfolio, shock, levels=LEVELS, draws=DRAWS, seed=place) for place, shock in enumerate(ones)]
        for ones in (shocks, [shock.certain for shock in shocks])
    )
    cities = [f"{np.mean(values):.2f} ± {np.std(values):.2f}" for values in _values(shocks)]
    cover = [_percent(_city_cover(outlooks, later[0])) for outlooks in (model, exact, [alone])]
    county = [f"{100 * _county_cover(outlooks, later[0]):.1f}" for outlooks in (model, [alone])]
    said, apart = (
        float(np.mean([one.counties["probability_many"].to_numpy() for one in ones])) for ones in (model, [alone])
    )
    many = f"{said:.3f} / {float((later[1] >= LEVELS.count).mean()):.3f} / {apart:.3f}"
    taken = f"{time.perf_counter() - began:.0f}"
    return f"| {' | '.join((setting.name, *cities, *cover, *county, many, taken))} |"


def _values(shocks: list[Shock]) -> tuple[list[float], list[float]]:
    return [one.city for one in shocks], [one.group for one in shocks]


def _percent(shares: list[float]) -> str:
    return " / ".join(f"{100 * one:.1f}" for one in shares)


def _city_cover(outlooks: list[Outlook], jobs: Ints) -> list[float]:
    """Share of the later months within each shown level, over all histories."""
    total = jobs.sum(axis=1)
    return [mean(float((total <= one.city[LEVELS.column(level)][0]).mean()) for one in outlooks) for level in SHOWN]


def _county_cover(outlooks: list[Outlook], jobs: Ints) -> float:
    """Share of counties and months within the 95 % bound of the county."""
    return mean(float((jobs <= one.counties[LEVELS.column(0.95)].to_numpy()).mean()) for one in outlooks)


def _own_log_odds(chance: Floats, setting: Setting) -> Floats:
    """Log-odds that keep each probability under the planted shocks, by halving intervals over many drawn shocks."""
    generator = np.random.default_rng(7)
    long = np.sort(setting.city(generator, 400_000))
    cities = long.reshape(LEVEL_POINTS, -1).mean(axis=1)
    ranks = generator.permutation((np.arange(LEVEL_POINTS) + 0.5) / LEVEL_POINTS)
    shocks = cities + setting.group * np.array([NormalDist().inv_cdf(rank) for rank in ranks])
    marks = np.exp(np.linspace(np.log(chance.min()), np.log(chance.max()), 200))
    low, high = np.full(200, -20.0), np.full(200, 20.0)
    for _ in range(45):
        middle = (low + high) / 2
        is_low = (1 / (1 + np.exp(-(middle[:, np.newaxis] + shocks)))).mean(axis=1) < marks
        low, high = np.where(is_low, middle, low), np.where(is_low, high, middle)
    found: Floats = np.interp(np.log(chance), np.log(marks), (low + high) / 2)
    return found


def _groups(portfolio: pl.DataFrame) -> Ints:
    return portfolio.select(pl.struct("county", "industry").rank("dense").cast(pl.Int64) - 1).to_series().to_numpy()


def _history(portfolio: pl.DataFrame, own: Floats, setting: Setting, generator: np.random.Generator) -> pl.DataFrame:
    """The bins of simulated past periods; overlapping ones are means of the shocks of the months that they cover."""
    group = _groups(portfolio)
    length = setting.periods + setting.overlap - 1
    shocks = setting.city(generator, length)[:, np.newaxis] + setting.group * generator.standard_normal(
        (length, group.max() + 1)
    )
    windows = [shocks[first : first + setting.overlap].sum(axis=0) for first in range(setting.periods)]
    parts = []
    for period, window in enumerate(windows):
        chance = 1 / (1 + np.exp(-(own + window[group] / np.sqrt(setting.overlap))))
        event = generator.random(len(own)) < chance
        columns = {"period": np.full(len(own), period), "group": group, "event": event}
        parts.append(portfolio.select("probability").with_columns(pl.Series(name, of) for name, of in columns.items()))
    return tally(pl.concat(parts))


def _later(
    portfolio: pl.DataFrame, own: Floats, setting: Setting, months: int, generator: np.random.Generator
) -> tuple[Ints, Ints]:
    """Jobs lost and enterprises with a large event in later months, both of shape (months, counties)."""
    group = _groups(portfolio)
    county = portfolio.select(pl.col("county").rank("dense").cast(pl.Int64) - 1).to_series().to_numpy()
    persons, share, large = (portfolio[name].to_numpy() for name in ("persons", "share", "large"))
    expected = np.clip(share * persons, 1, persons)
    shocks = setting.city(generator, months)[:, np.newaxis] + setting.group * generator.standard_normal(
        (months, group.max() + 1)
    )
    jobs, many = np.zeros((months, COUNTIES), np.int64), np.zeros((months, COUNTIES), np.int64)
    for first in range(0, months, BLOCK):
        chance = 1 / (1 + np.exp(-(own + shocks[first : first + BLOCK][:, group])))
        at, who = np.nonzero(generator.random(chance.shape) < chance)
        rest = persons[who] - 1
        part = np.clip((expected[who] - 1) / np.maximum(rest, 1), 1e-9, 1 - 1e-9)
        lost = 1 + generator.binomial(rest, generator.beta(part * CONCENTRATION, (1 - part) * CONCENTRATION))
        np.add.at(jobs, (first + at, county[who]), lost)
        np.add.at(many, (first + at, county[who]), generator.random(len(who)) < large[who])
    return jobs, many


if __name__ == "__main__":
    main()
