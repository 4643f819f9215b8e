"""Seasonal carry-over: how often enterprises of an industry and area had an event from the same season on.

Rates are shrunk to their parent's, coarse to fine. A training row is encoded without its own fold of enterprises and,
where its season occurs in several years, without its own month. Never leave-one-out: that leaks the label with its
sign turned. A season never seen stays missing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.splits import folds

Floats = NDArray[np.float64]
SEASON = "season"
CHAINS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "season_division_ratio": ((), ("industry_division",)),
    "season_industry_ratio": ((), ("industry_division",), ("industry_division", "industry_code")),
    "season_area_ratio": ((), ("county_code",)),
    "season_division_area_ratio": ((), ("industry_division",), ("industry_division", "county_code")),
}
RATES: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "rate_industry_ratio": ((), ("industry_division",), ("industry_division", "industry_code")),
    "rate_area_ratio": ((), ("county_code",)),
    "rate_division_area_ratio": ((), ("industry_division",), ("industry_division", "county_code")),
}
"""The same over all seasons together, for panels: what holds all year outlives a season that was unlike others."""

LABELS: Mapping[str, str] = {
    "season_division_ratio": "往年同期本行业大类发生率",
    "season_industry_ratio": "往年同期本行业发生率",
    "season_area_ratio": "往年同期本县区发生率",
    "season_division_area_ratio": "往年同期本县区本行业大类发生率",
}
UNKNOWN = ""
ALWAYS = "always"
Chains = Mapping[str, tuple[tuple[str, ...], ...]]
SEPARATOR = "\x1f"


@dataclass(frozen=True)
class Seasonal:
    """Rate by key of every chain, finest level that was seen; keys join season and level with ``SEPARATOR``."""

    rates: dict[str, dict[str, float]]
    weight: float

    @property
    def names(self) -> tuple[str, ...]:
        """The features that it adds, in order."""
        return tuple(self.rates)

    def encode(self, frame: pl.DataFrame) -> Floats:
        """Values of shape (rows, features) for a frame with ``season`` and the columns of the chains."""
        keyed = prepared(frame)
        encoded = [self._chain(keyed, name) for name in self.rates]
        return np.column_stack(encoded) if encoded else np.empty((frame.height, 0))

    def _chain(self, keyed: pl.DataFrame, name: str) -> Floats:
        known = self.rates[name]
        table = pl.DataFrame(
            {"key": list(known), "rate": list(known.values())}, schema={"key": pl.String, "rate": pl.Float64}
        )
        value = pl.Series("rate", [None] * keyed.height, dtype=pl.Float64)
        for level in {**CHAINS, **RATES}[name]:
            keys = keyed.select(_key(level, name).alias("key"))
            found = keys.join(table, on="key", how="left", maintain_order="left")["rate"]
            value = found.fill_null(value)
        return value.cast(pl.Float64).fill_null(float("nan")).to_numpy()


def seasons(frame: pl.DataFrame) -> pl.Series:
    """The season of each row: its column ``season``, else the calendar month of its origin."""
    return frame[SEASON] if SEASON in frame.columns else frame["origin"].dt.strftime("%m")


def prepared(frame: pl.DataFrame) -> pl.DataFrame:
    """``frame`` with every column that a chain needs, as text; what is missing counts as one unknown group."""
    wanted = sorted({column for chain in {**CHAINS, **RATES}.values() for level in chain for column in level})
    texts = [
        (pl.col(name).cast(pl.String).fill_null(UNKNOWN) if name in frame.columns else pl.lit(UNKNOWN)).alias(name)
        for name in wanted
    ]
    return frame.with_columns(seasons(frame).alias(SEASON), pl.lit(ALWAYS).alias(ALWAYS), *texts)


def fit(frame: pl.DataFrame, event: NDArray[np.bool_], *, weight: float, chains: Chains = CHAINS) -> Seasonal:
    """The rates of all rows, ``weight`` rows' worth of the parent's rate mixed into each."""
    keyed = prepared(frame).with_columns(pl.Series("event", event.astype(np.int64)))
    return Seasonal(rates={name: _rates(keyed, name, chain, weight) for name, chain in chains.items()}, weight=weight)


def encode_training(
    frame: pl.DataFrame, event: NDArray[np.bool_], *, weight: float, count: int, chains: Chains = CHAINS
) -> Floats:
    """Values of the training rows themselves, each without its own fold (of ``count``) of enterprises.

    ``frame`` has enterprise_no and origin besides; the result has shape (rows, features).
    """
    keyed = prepared(frame).with_columns(
        pl.Series("event", event.astype(np.int64)),
        pl.Series("fold", folds(frame["enterprise_no"].to_numpy(), count=count)),
    )
    years = keyed.group_by(SEASON).agg(pl.col("origin").n_unique().alias("years"))
    is_alone = keyed.join(years, on=SEASON, how="left", maintain_order="left")["years"].to_numpy() < 2
    return np.column_stack(
        [
            _held_out(keyed, _period(name), chain, weight, np.ones_like(is_alone) if name in RATES else is_alone)
            for name, chain in chains.items()
        ]
    )


def _held_out(
    keyed: pl.DataFrame, period: str, chain: Sequence[tuple[str, ...]], weight: float, is_alone: NDArray[np.bool_]
) -> Floats:
    rate = np.full(keyed.height, np.nan)
    for level in chain:
        columns = [period, *level]
        both = keyed.group_by([*columns, "fold", "origin"]).agg(pl.col("event").sum().alias("hits"), pl.len())
        everyone, same_fold, same_month = (
            _sums(both, keyed, [*columns, *more]) for more in ((), ("fold",), ("origin",))
        )
        same_both = _sums(both, keyed, [*columns, "fold", "origin"])
        others = [
            whole - fold - np.where(is_alone, 0, month - both_)
            for whole, fold, month, both_ in zip(everyone, same_fold, same_month, same_both, strict=True)
        ]
        rate = _shrunk(others[0], others[1], rate, weight)
    return rate


def _sums(both: pl.DataFrame, keyed: pl.DataFrame, columns: list[str]) -> tuple[Floats, Floats]:
    """Events and rows of each row's group over ``columns``."""
    grouped = both.group_by(columns).agg(pl.col("hits").sum(), pl.col("len").sum())
    joined = keyed.select(columns).join(grouped, on=columns, how="left", maintain_order="left")
    return joined["hits"].to_numpy().astype(np.float64), joined["len"].to_numpy().astype(np.float64)


def _period(name: str) -> str:
    """The column of the season, or for the rates of all seasons together the one that is always the same."""
    return ALWAYS if name in RATES else SEASON


def _rates(keyed: pl.DataFrame, name: str, chain: Sequence[tuple[str, ...]], weight: float) -> dict[str, float]:
    """Key → shrunk rate over all levels of ``chain``, keys in order."""
    found: dict[str, float] = {}
    for place, level in enumerate(chain):
        groups = (
            keyed.group_by([_period(name), *level])
            .agg(pl.col("event").sum().alias("hits"), pl.len())
            .with_columns(
                _key(level, name).alias("key"), *([_key(chain[place - 1], name).alias("parent")] if place else [])
            )
            .sort("key")
        )
        parent = (
            np.array([found.get(key, np.nan) for key in groups["parent"]]) if place else np.full(len(groups), np.nan)
        )
        hits, rows = groups["hits"].to_numpy().astype(np.float64), groups["len"].to_numpy().astype(np.float64)
        found |= dict(zip(groups["key"].to_list(), _shrunk(hits, rows, parent, weight).tolist(), strict=True))
    return found


def _shrunk(hits: Floats, rows: Floats, parent: Floats, weight: float) -> Floats:
    """Rate of ``hits`` in ``rows`` with ``weight`` rows at the parent's rate; without a parent the plain rate."""
    has_parent = ~np.isnan(parent)
    total = rows + np.where(has_parent, weight, 0.0)
    mixed = hits + np.where(has_parent, weight * np.where(has_parent, parent, 0.0), 0.0)
    return np.where(total > 0, mixed / np.maximum(total, 1.0), np.nan)


def _key(level: tuple[str, ...], chain: str) -> pl.Expr:
    """One text per season and level; levels of different depth never meet, for the columns' names are part of it."""
    parts = [pl.col(_period(chain)), *(pl.lit(name + "=") + pl.col(name) for name in level)]
    return pl.concat_str(parts, separator=SEPARATOR)
