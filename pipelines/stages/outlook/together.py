"""How many jobs may be lost at once: the list's probabilities under a shock that the city and each industry share.

The shock is estimated from how unevenly events fell on past months, once an insurance month, and remembered with the
levels. There is no answer while no model is in charge: points are no probability.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from models import labels
from models.estimators import Floats
from models.joint_loss import CONCENTRATION, Ints, Levels, Shock, distribution, estimate
from pipelines.contracts import read_sql
from pipelines.parameters import Parameters
from pipelines.run import Run
from pipelines.warehouse import Warehouse

SHARED = ("industry",)
SHRUNK_BY = 50
"""So many enterprises of the size band's rate stand beside a section's own."""
GRID, STEP = np.linspace(-60.0, 60.0, 241, retstep=True)
"""Log-odds of the share lost, over which its beta density is summed: without a peak at either end."""
MEANS = (0.02, 0.98)
NEVER = 1_000_000


@dataclass(frozen=True)
class Remembered:
    """The shock as it was estimated when ``month`` first came."""

    month: date
    shock: Shock

    def as_record(self) -> dict[str, Any]:
        """Plain values for the document."""
        return {"month": self.month, **asdict(self.shock)}

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> "Remembered":
        """What ``as_record`` gave, read back."""
        rest = {name: value for name, value in record.items() if name not in ("month", "nodes")}
        nodes = tuple((node[0], node[1], node[2]) for node in record["nodes"])
        return cls(date.fromisoformat(record["month"]), Shock(**rest, nodes=nodes))


@dataclass(frozen=True)
class Foreseen:
    """County → (chance that as many enterprises as the first level names lose staff in large part, 95 % bound).

    The empty name is the whole city. ``basis_text`` says what the shock rests on.
    """

    by_county: Mapping[str, tuple[float, int]]
    basis_text: str


def shock_of(
    run: Run, warehouse: Warehouse, before: Remembered | None, *, month: date, season: Callable[[date], str]
) -> Remembered:
    """The shock of ``month``: as remembered where the month is not new, else estimated from the months before."""
    if before is not None and before.month == month:
        return before
    return Remembered(month, estimated(run.parameters, warehouse, month=month, season=season))


def estimated(parameters: Parameters, warehouse: Warehouse, *, month: date, season: Callable[[date], str]) -> Shock:
    """The shock by the months up to ``month`` that the core tables know."""
    label = labels.labels_of(parameters["labels"])[parameters["model_label"]]
    horizon = int(parameters["model_horizon_months"])
    events = warehouse.frame(
        read_sql("outlook/events"),
        reference_month=month,
        months=int(parameters["area_history_months"]) - 1,
        horizon=horizon,
        least_persons=int(parameters["model_minimum_insured"]),
        event_persons=label.persons or NEVER,
        event_base=label.share_base_minimum,
        event_pct=label.share_pct,
    )
    return estimate(told_before(events, season), overlap=horizon)


def told_before(events: pl.DataFrame, season: Callable[[date], str]) -> pl.DataFrame:
    """``events`` by month, section and size band as the history that ``estimate`` takes: period, group, probability.

    The probability is what size, section and the festival alone would say, over all months: what is left of one month
    against another is the shock. A level that was wrong throughout the estimate sets aside by itself.
    """
    kind = pl.col("month").map_elements(lambda day: season(day).startswith("L"), return_dtype=pl.Boolean)
    rows = events.with_columns(is_festive=kind)
    rate = pl.col("events").sum() / pl.col("enterprises").sum()
    band = rate.over("size_band")
    own = (pl.col("events").sum().over("section", "size_band") + SHRUNK_BY * band) / (
        pl.col("enterprises").sum().over("section", "size_band") + SHRUNK_BY
    )
    festive = rate.over("is_festive") / rate
    return rows.select(
        pl.col("month").alias("period"),
        pl.col("section").alias("group"),
        (own * festive).fill_nan(0.0).clip(0.0, 1.0).alias("probability"),
        "enterprises",
        "events",
    )


def foresee(enterprises: pl.DataFrame, remembered: Remembered, run: Run) -> Foreseen:
    """How many jobs may be lost in each county and the city, of ``enterprises`` as the SQL of that name gives them."""
    parameters, shock = run.parameters, remembered.shock
    asked = enterprises.filter(pl.col("probability").is_not_null() & (pl.col("insured_persons") > 0))
    portfolio = asked.select(
        pl.col("county_code").alias("county"),
        pl.col("section").alias("industry"),
        "probability",
        pl.col("insured_persons").alias("persons"),
        (pl.col("expected_loss_persons") / (pl.col("probability") * pl.col("insured_persons")))
        .fill_nan(0.0)
        .clip(0.0, 1.0)
        .alias("share"),
    )
    large = large_chance(
        portfolio["persons"].to_numpy(),
        portfolio["share"].to_numpy(),
        persons=int(parameters["orange_loss_persons"]),
        pct=int(parameters["orange_loss_pct"]),
        least=int(parameters["orange_loss_pct_min_persons"]),
    )
    found = distribution(
        portfolio.with_columns(pl.Series("large", large)),
        shock,
        levels=Levels(count=int(parameters["area_first_events"]), single=int(parameters["area_first_persons"])),
        shared=SHARED,
        draws=int(parameters["area_draws"]),
    )
    by_county = {row["county"]: (row["probability_many"], row["jobs_95"]) for row in found.counties.to_dicts()}
    city = found.city.to_dicts()[0]
    return Foreseen(by_county | {"": (city["probability_many"], city["jobs_95"])}, _basis(shock))


def large_chance(staff: Ints, share: Floats, *, persons: int, pct: int, least: int) -> Floats:
    """Chance that an event of each enterprise is a large one, by the spread that ``distribution`` gives its loss.

    Large is a loss of ``persons``, or of ``pct`` % of the staff and ``least`` persons; half a person is the step from
    the beta's share to a count.
    """
    chance = np.zeros(len(staff))
    can = staff >= np.minimum(np.maximum(np.ceil(staff * pct / 100), least), persons)
    chance[can] = _tail(staff[can], share[can], persons=persons, pct=pct, least=least)
    return chance


def _tail(staff: Ints, share: Floats, *, persons: int, pct: int, least: int) -> Floats:
    line = np.minimum(np.maximum(np.ceil(staff * pct / 100), least), persons)
    rest = np.maximum(staff - 1, 1)
    mean = np.clip((np.clip(share * staff, 1, staff) - 1) / rest, *MEANS)
    place = np.clip((line - 1.5) / rest, 1e-9, 1 - 1e-9)
    alpha, beta = mean * CONCENTRATION, (1 - mean) * CONCENTRATION
    density = np.exp(-np.outer(alpha, np.log1p(np.exp(-GRID))) - np.outer(beta, np.log1p(np.exp(GRID))))
    held = np.clip((GRID[None, :] - (np.log(place) - np.log1p(-place))[:, None]) / STEP + 0.5, 0.0, 1.0)
    above = (density * held).sum(axis=1)
    chance: Floats = above / density.sum(axis=1)
    return chance


def _basis(shock: Shock) -> str:
    if not shock.is_estimated:
        return "历史月数不足，共同冲击的强度采用项目默认值"
    return f"共同冲击由{shock.periods:.0f}个独立时段、{shock.events}次减员事件估计"
