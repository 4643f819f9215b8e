"""Panels made poorer on purpose: what a short history, missing wages or a break in coverage cost is measured with them.

Whole enterprises and whole months, chosen by a fixed seed. Nothing here is ever scored for use.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date

import numpy as np
import polars as pl

SEED = 20_250_401
SHORT_MONTHS = 6
JANUARY = 1
Panels = tuple[pl.DataFrame, ...]
Poorer = Callable[[Panels, pl.DataFrame, Sequence[date]], tuple[Panels, pl.DataFrame]]


def short_training(training: Panels, panel: pl.DataFrame, _: Sequence[date]) -> tuple[Panels, pl.DataFrame]:
    """Only the first six months of every training panel."""
    return tuple(frame.filter(pl.col("month") <= _months(frame)[:SHORT_MONTHS][-1]) for frame in training), panel


def no_wages_scored(training: Panels, panel: pl.DataFrame, _: Sequence[date]) -> tuple[Panels, pl.DataFrame]:
    """The panel scored gives neither wages nor contributions, though training did."""
    return training, _without_wages(panel)


def no_wages_anywhere(training: Panels, panel: pl.DataFrame, _: Sequence[date]) -> tuple[Panels, pl.DataFrame]:
    """No panel gives wages or contributions."""
    return tuple(map(_without_wages, training)), _without_wages(panel)


def half_vanish(training: Panels, panel: pl.DataFrame, _: Sequence[date]) -> tuple[Panels, pl.DataFrame]:
    """Half of the enterprises of every training panel vanish at once and for good in its January.

    A panel without a January that has months before and after breaks in its middle month instead.
    """
    return tuple(map(_halved, training)), panel


ALL: Mapping[str, Poorer] = {
    "short_training": short_training,
    "no_wages_scored": no_wages_scored,
    "no_wages_anywhere": no_wages_anywhere,
    "half_vanish": half_vanish,
}


def shuffled_after(panel: pl.DataFrame, origin: date) -> pl.DataFrame:
    """``panel`` with what its rows after ``origin`` say dealt out anew among them; keys and columns stay."""
    past, future = panel.filter(pl.col("month") <= origin), panel.filter(pl.col("month") > origin)
    told = [name for name in panel.columns if name not in ("enterprise_id", "month")]
    order = np.random.default_rng(SEED).permutation(future.height)
    return pl.concat([past, future.with_columns(future[name].gather(order) for name in told)])


def break_month(panel: pl.DataFrame) -> date:
    """The January of ``panel`` that has months on both sides, else its middle month."""
    months = _months(panel)
    inner = [month for month in months[1:-1] if month.month == JANUARY]
    return inner[0] if inner else months[len(months) // 2]


def _halved(panel: pl.DataFrame) -> pl.DataFrame:
    ids = panel["enterprise_id"].unique().sort()
    gone = ids.gather(np.random.default_rng(SEED).permutation(len(ids))[: len(ids) // 2])
    is_lost = pl.col("enterprise_id").is_in(gone.implode()) & (pl.col("month") >= break_month(panel))
    return panel.filter(~is_lost)


def _without_wages(panel: pl.DataFrame) -> pl.DataFrame:
    return panel.with_columns(pl.lit(None, dtype=pl.Float64).alias(name) for name in ("wage_mean", "contribution"))


def _months(panel: pl.DataFrame) -> list[date]:
    return panel["month"].unique().sort().to_list()
