"""Wages and contributions per head in the last half year, for panels: their course, unrest, rank in the industry.

A panel of three months has no change over three; so each month's figure is set against the latest by itself, and the
unrest is over as many months as are known. Reads no month after the origin; missing stays missing.
"""

from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]
MONTHS = 7
LAGS = (1, 2, 3, 5)
NAMES = (
    *(f"wage_lag_{lag}m_ratio" for lag in LAGS),
    *(f"payroll_lag_{lag}m_ratio" for lag in LAGS),
    "wage_unrest_ratio",
    "payroll_unrest_ratio",
    "due_unrest_ratio",
    "wage_over_mean_ratio",
    "wage_over_highest_ratio",
    "due_share_ratio",
    "due_share_mean_ratio",
)
RANKS = ("wage_rank_ratio", "wage_industry_rank_ratio", "wage_industry_ratio", "due_industry_ratio")


def features(insured: Counts, base: Counts, due: Counts) -> dict[str, Floats]:
    """The features of ``NAMES`` at the last column; arrays (enterprises, months), negative where unknown."""
    payroll, heads = _lags(base), _lags(insured)
    wage = [_over(amount, count) for amount, count in zip(payroll, heads, strict=True)]
    dues = [_over(amount, count) for amount, count in zip(_lags(due), heads, strict=True)]
    share = [_over(part, whole) for part, whole in zip(_lags(due), payroll, strict=True)]
    found = {f"wage_lag_{lag}m_ratio": _over(wage[lag], wage[0]) for lag in LAGS}
    found |= {f"payroll_lag_{lag}m_ratio": _over(payroll[lag], payroll[0]) for lag in LAGS}
    return found | {
        "wage_unrest_ratio": _unrest(wage),
        "payroll_unrest_ratio": _unrest(payroll),
        "due_unrest_ratio": _unrest(dues),
        "wage_over_mean_ratio": _over(wage[0], _mean(wage)),
        "wage_over_highest_ratio": _over(wage[0], _highest(wage)),
        "due_share_ratio": share[0],
        "due_share_mean_ratio": _mean(share),
    }


def ranks(frame: pl.DataFrame) -> pl.DataFrame:
    """The columns of ``RANKS`` for the enterprises of one origin: wage and dues per head against the others'."""
    wage, due = pl.col("base_per_person_fen").cast(pl.Float64), pl.col("due_per_person_fen").cast(pl.Float64)
    place, known = wage.rank("average"), wage.count()
    industry = pl.col("industry_code").fill_null("")
    return frame.select(
        (place / known).alias("wage_rank_ratio"),
        (place.over(industry) / known.over(industry)).alias("wage_industry_rank_ratio"),
        (wage / wage.median().over(industry)).alias("wage_industry_ratio"),
        (due / due.median().over(industry)).alias("due_industry_ratio"),
    ).select(pl.when(pl.col(name).is_finite()).then(pl.col(name)).alias(name) for name in RANKS)


def _lags(levels: Counts) -> list[Floats]:
    """The last ``MONTHS`` months, the latest first; nan where unknown or before the panel."""
    width = levels.shape[1]
    columns = [levels[:, width - 1 - lag] if lag < width else np.full(len(levels), -1) for lag in range(MONTHS)]
    return [np.where(column < 0, np.nan, column.astype(np.float64)) for column in columns]


def _over(part: Floats, whole: Floats) -> Floats:
    safe = np.where(whole > 0, whole, 1.0)
    return np.where(whole > 0, part / safe, np.nan)


def _unrest(columns: list[Floats]) -> Floats:
    """Mean of the monthly changes over the mean of both months; nan where no change is known."""
    steps = [_over(np.abs(later - earlier), (later + earlier) / 2) for later, earlier in pairwise(columns)]
    return _mean(steps)


def _mean(columns: list[Floats]) -> Floats:
    total, count = np.zeros(len(columns[0])), np.zeros(len(columns[0]))
    for column in columns:
        total += np.where(np.isnan(column), 0.0, column)
        count += ~np.isnan(column)
    return np.where(count > 0, total / np.maximum(count, 1.0), np.nan)


def _highest(columns: list[Floats]) -> Floats:
    found = columns[0]
    for column in columns[1:]:
        found = np.fmax(found, column)
    return found
