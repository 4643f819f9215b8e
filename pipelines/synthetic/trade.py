"""What the city exports: who makes it, through whom, which commodity, whereto, and how the US part fell and came back.

The same goods appear under two roles, trader and maker, as customs records them. This module knows the shock; the files
it leads to carry values only.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from pipelines.synthetic import codes
from pipelines.synthetic.calibration import calibration, goods, industries, month_index, month_of, stream
from pipelines.synthetic.population import NEVER, Flags, Floats, Ints, Population

US = "USA"


@dataclass(frozen=True)
class Trade:
    """Lines of export: maker (-1 = from outside the city), trader, commodity, destination, dollars of a normal month.

    ``us_share`` and ``exposure`` are by employer: US exports over all exports of its own goods at the start.
    """

    maker: Ints
    trader: Ints
    hs8: Ints
    destination: Ints
    value: Floats
    response: Floats
    destinations: tuple[str, ...]
    us_share: Floats
    customs_code: tuple[str, ...]
    customs_of: Ints

    @property
    def is_us(self) -> Flags:
        """Whether a line goes to the United States."""
        return np.asarray(self.destination == self.destinations.index(US))


def plan_trade(population: Population, *, seed: int) -> Trade:
    """Choose exporters and their lines."""
    rng = stream(seed, "trade")
    numbers = calibration()
    makers, traders = _exporters(population, rng)
    all_us = round(numbers["us_exporter_share"] * population.enterprises)
    us_makers = _some(makers, round(all_us * 0.85), population.staff[makers] ** 0.35, rng)
    us_traders = _some(traders, all_us - len(us_makers), np.ones(len(traders)), rng)
    sells_us = np.zeros(population.enterprises, dtype=bool)
    sells_us[us_makers] = sells_us[us_traders] = True
    lines = _lines(population, makers, traders, sells_us, rng)
    maker, trader, hs, destination, value = (np.array(column) for column in zip(*lines, strict=True))
    own = np.where(maker >= 0, maker, trader)
    total = np.bincount(own, weights=value, minlength=population.enterprises)
    to_us = np.bincount(own, weights=value * (destination == 0), minlength=population.enterprises)
    customs_of = np.full(population.enterprises, -1, dtype=np.int64)
    members = np.unique(np.concatenate([maker[maker >= 0], trader]))
    customs_of[members] = np.arange(len(members))
    answer = goods()["us_response"].to_numpy()[hs]
    spread = np.clip(
        rng.gamma(1 / numbers["us_response_spread"] ** 2, numbers["us_response_spread"] ** 2, population.enterprises),
        0.1,
        2.6,
    )
    return Trade(
        maker=maker,
        trader=trader,
        hs8=hs,
        destination=destination,
        value=value,
        response=_whole(answer * spread[own], value * (destination == 0)),
        destinations=(US, *numbers["destinations"]),
        us_share=np.divide(to_us, total, out=np.zeros_like(total), where=total > 0),
        customs_code=tuple(codes.customs_codes(len(members))),
        customs_of=customs_of,
    )


def _whole(response: Floats, weight: Floats) -> Floats:
    """Scale answers so that the city as a whole follows the path, however few firms carry it."""
    return np.asarray(response * weight.sum() / max(float((response * weight).sum()), 1.0))


def _exporters(population: Population, rng: np.random.Generator) -> tuple[Ints, Ints]:
    numbers = calibration()
    kinds = industries()["goods"].to_numpy()[population.industry]
    lasting = (population.birth < 0) & (population.death == NEVER) & (population.parent < 0)
    count = round(numbers["exporter_share"] * population.enterprises)
    trading = np.flatnonzero((kinds == "trader") & (population.birth < 0))
    making = np.flatnonzero(
        (kinds != "") & (kinds != "trader") & (lasting | (population.staff >= 8)) & (population.birth < 0)
    )
    traders = _some(trading, round(count * numbers["trader_share_of_exporters"]), np.ones(len(trading)), rng)
    makers = _some(making, count - len(traders), np.minimum(population.staff[making], 400) ** 0.7, rng)
    return makers, traders


def _some(places: Ints, count: int, weight: Floats, rng: np.random.Generator) -> Ints:
    if not len(places):
        return places
    return np.sort(rng.choice(places, size=min(count, len(places)), replace=False, p=weight / weight.sum()))


def _lines(
    population: Population, makers: Ints, traders: Ints, sells_us: Flags, rng: np.random.Generator
) -> list[tuple[int, int, int, int, float]]:
    """One pass over the exporters, who are few; months are not looped over here."""
    numbers = calibration()
    table = goods()["goods"].to_numpy()
    kinds = industries()["goods"].to_numpy()[population.industry]
    of_kind = {kind: np.flatnonzero(table == kind) for kind in np.unique(table)}
    weights = np.array(list(numbers["destinations"].values()))
    weights = weights / weights.sum()
    us_traders = traders[sells_us[traders]] if len(traders) else traders
    lines: list[tuple[int, int, int, int, float]] = []
    for place in np.concatenate([makers, traders]):
        is_trader = kinds[place] == "trader"
        choice = of_kind[rng.choice(list(of_kind)) if is_trader else kinds[place]]
        products = rng.choice(choice, size=min(int(rng.integers(1, 5)), len(choice)), replace=False)
        places = rng.choice(len(weights), size=int(rng.integers(1, 5)), replace=False, p=weights) + 1
        amount = (
            population.staff[place] * numbers["export_per_person_usd"] * np.exp(rng.normal(0, numbers["export_spread"]))
        )
        us_part = float(rng.beta(*numbers["us_share_beta"])) if sells_us[place] else 0.0
        through = not is_trader and len(traders) > 0 and rng.random() < numbers["through_trader_share"]
        pool = us_traders if sells_us[place] and len(us_traders) else traders
        trader = int(rng.choice(pool)) if through else int(place)
        for product, part in zip(products, rng.dirichlet(np.full(len(products), 1.2)), strict=True):
            split = rng.dirichlet(np.full(len(places), 1.2)) * (1 - us_part)
            targets = [(0, us_part), *zip(places, split, strict=True)]
            lines += [
                (-1 if is_trader else int(place), trader, int(product), int(target), float(amount * part * share))
                for target, share in targets
                if amount * part * share >= 200
            ]
    return lines


def us_level(month: date) -> float:
    """Level of the city's exports to the US in ``month``, 1 = without the shock; after the table its last value."""
    path = calibration()["us_path"]
    known = [key for key in path if month_of(key) <= month]
    return float(path[known[-1]]) if known else 1.0


def exports(trade: Trade, month: date, *, orders: Floats, alive: Flags, rng: np.random.Generator) -> pl.DataFrame:
    """Rows of customs of ``month``: enterprise, role, hs8, destination, cents; nothing of a dead maker or trader.

    ``orders`` is the part of the normal orders that each employer has.
    """
    level = us_level(month)
    season = 1 + 0.06 * np.cos(2 * np.pi * (month.month - 10) / 12) - 0.18 * (month.month == 2)
    own = np.where(trade.maker >= 0, trade.maker, trade.trader)
    us = np.maximum(1 + (level - 1) * trade.response, 0.03) if level < 1 else np.full(len(own), level)
    growth = 1 + 0.004 * month_index(month, date(2023, 1, 1))
    factor = np.where(trade.is_us, us, growth) * season
    band = np.digitize(trade.value, (5_000, 100_000))
    lumpy = rng.random(len(own)) >= np.array(calibration()["empty_months"])[band]
    noise = np.exp(rng.normal(0, 1, len(own)) * np.array(calibration()["line_spread"])[band])
    lives = alive[own] & alive[trade.trader]
    cents = np.round(trade.value * factor * orders[own] * noise).astype(np.int64) * 100 * (lumpy & lives)
    frame = pl.DataFrame(
        {
            "maker": trade.maker,
            "trader": trade.trader,
            "hs8": trade.hs8,
            "destination": trade.destination,
            "cents": cents,
        }
    ).filter(pl.col("cents") > 0)
    keys = ["enterprise", "role", "hs8", "destination"]
    rows = pl.concat(
        [
            frame.select(pl.col("trader").alias("enterprise"), pl.lit(0).alias("role"), "hs8", "destination", "cents"),
            frame.filter(pl.col("maker") >= 0).select(
                pl.col("maker").alias("enterprise"), pl.lit(1).alias("role"), "hs8", "destination", "cents"
            ),
        ]
    )
    return rows.group_by(keys).agg(pl.col("cents").sum()).sort(keys)
