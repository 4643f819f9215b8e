"""Counties × industries in which a common shock strikes many employers at once: what an area alarm should foresee.

Clusters are drawn after all other episodes and from random numbers of their own, so a city without them is as it was.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import polars as pl

from pipelines.errors import UsageError
from pipelines.synthetic.calibration import calibration, industries, stream
from pipelines.synthetic.population import NEVER, ORDINARY, Ints, Population
from pipelines.synthetic.shocks import KINDS, Episodes, signals
from pipelines.synthetic.trade import Trade

FIRST_MONTH = 8
"""No cluster begins earlier: an alarm needs some months to be compared with."""


@dataclass(frozen=True)
class Cluster:
    """Employers of one county and industry division struck from month ``first`` on; ``members`` by position."""

    county_code: str
    industry_division: str
    first: int
    members: tuple[int, ...]


def plan_clusters(
    population: Population, trade: Trade, episodes: Episodes, *, count: int, months: int, seed: int
) -> tuple[Episodes, tuple[Cluster, ...]]:
    """Add the episodes of ``count`` clusters to ``episodes``; raises ``UsageError`` where the city is too small."""
    if not count:
        return episodes, ()
    rng, numbers = stream(seed, "clusters"), calibration()["clusters"]
    cells = _cells(population, episodes)
    if len(cells) < count or months <= FIRST_MONTH:
        raise UsageError(f"the city has {len(cells)} counties × industries for {count} clusters, and {months} months")
    chosen = rng.choice(len(cells), size=count, replace=False)
    firsts = np.sort(rng.integers(FIRST_MONTH, months, size=count))
    clusters, where, when = [], [], []
    for cell, first in zip(chosen, firsts, strict=True):
        county, division, fit = cells[cell]
        struck = rng.choice(fit, size=round(len(fit) * numbers["struck_share"]), replace=False)
        clusters.append(Cluster(county, division, int(first), tuple(sorted(struck.tolist()))))
        where.append(struck)
        when.append(np.full(len(struck), first))
    more = _struck(np.concatenate(where), np.concatenate(when), episodes, trade, rng)
    return _joined(episodes, more), tuple(clusters)


def divisions(population: Population) -> pl.Series:
    """The two digits of each employer's industry division."""
    return industries()["code"].gather(population.industry).str.slice(1, 2)


def _cells(population: Population, episodes: Episodes) -> Sequence[tuple[str, str, Ints]]:
    """County, division and the employers that a cluster may strike, where there are enough of them."""
    numbers = calibration()["clusters"]
    busy = np.zeros(population.enterprises, dtype=bool)
    busy[episodes.enterprise[episodes.kind != KINDS.index("noise")]] = True
    fit = (population.staff >= numbers["least_staff"]) & (population.kind == ORDINARY) & (population.parent < 0)
    fit &= (population.birth < 0) & (population.death >= NEVER) & ~busy
    table = pl.DataFrame({"place": np.arange(population.enterprises), "county": population.county}).with_columns(
        division=divisions(population)
    )
    groups = (
        table.filter(pl.Series(fit))
        .group_by("county", "division")
        .agg(pl.col("place").sort())
        .sort("county", "division")
    )
    return [
        (population.county_codes[county], division, np.array(places, dtype=np.int64))
        for county, division, places in groups.iter_rows()
        if len(places) >= numbers["least_employers"]
    ]


def _struck(places: Ints, firsts: Ints, episodes: Episodes, trade: Trade, rng: np.random.Generator) -> Episodes:
    """The episodes: signs begin for all at once, and who waits with the cut shows them for longer."""
    numbers, count = calibration(), len(places)
    own = numbers["clusters"]
    low, high = own["cut_share"]
    weak, strong = own["force"]
    waits = rng.integers(0, own["spread_months"], size=count)
    recovers = rng.random(count) < own["recover_share"]
    sudden = ~recovers & (rng.random(count) < numbers["sudden_share"])
    closes = ~recovers & (rng.random(count) < numbers["closure_share"]["warned"])
    return replace(
        episodes,
        enterprise=places,
        event=firsts + waits,
        kind=np.full(count, KINDS.index("cluster")),
        sudden=sudden,
        recovers=recovers,
        closes=closes,
        share=np.where(closes, 1.0, rng.uniform(low, high, count)),
        pattern=np.zeros(count, dtype=np.int64),
        force=rng.uniform(weak, strong, count),
        floor=np.full(count, -NEVER),
        signals=signals(count, np.zeros(count, dtype=bool), sudden, trade.customs_of[places] >= 0, rng),
        defers=np.zeros(count, dtype=bool),
        ahead=waits,
        notice=~recovers & (rng.random(count) < numbers["notice_share"]),
    )


def _joined(episodes: Episodes, more: Episodes) -> Episodes:
    """Both, one after the other; who may defer is by employer and stays."""
    columns = [field.name for field in fields(Episodes) if field.name != "approved"]
    return replace(
        episodes, **{name: np.concatenate([getattr(episodes, name), getattr(more, name)]) for name in columns}
    )
