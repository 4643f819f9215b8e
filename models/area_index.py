"""An index of early signs for areas: whether what goes before reductions gathers among the enterprises of one place.

Each indicator, compared with a year ago where it has a season, is scored by its rank among the city's enterprises of
the same size; an area's shift is the mean score times the root of the count; its own past months are what is usual
there, and the spread over all areas of the night is the scale. Indicators are added up with their weight and the share
of enterprises that tell them, and the sum is brought to the scale of the night again: zero is an area like others and
like itself, and 3 lies three robust standard deviations beyond. What the whole city shows at once is no sign of one
place. The steps are those of composite indices (adjust, score, weight, add up; OECD, Handbook on Constructing
Composite Indicators, 2008) on mid-rank scores, as in the test of Kruskal and Wallis.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from models.estimators import Floats

BANDS = (50, 200)
"""Lowest insured persons of the second and the third size band."""
LEAST_TOLD = 3
"""Enterprises of an area that must tell an indicator for it to count there."""
SMALLEST_SPREAD, LARGEST_STEP = 0.5, 4.0
"""Bounds that keep one indicator from deciding alone: of the spread over areas, and of one indicator's step."""
MAD_TO_SD = 1.4826
Shift = tuple[float | None, ...]
"""One area's shift in each indicator, in standard errors; None where too few of its enterprises tell it."""


@dataclass(frozen=True)
class Area:
    """One area in one month: enterprises scored, how many tell each indicator, and the shift in each."""

    enterprises: int
    told: tuple[int, ...]
    shift: Shift


@dataclass(frozen=True)
class Index:
    """The index of one area, and what each indicator, in their order, adds to it; None where not told."""

    value: float
    parts: tuple[float | None, ...]


def areas(enterprises: pl.DataFrame, key: Sequence[str], names: Sequence[str]) -> dict[str, Area]:
    """By area, its ``key`` joined by a bar: the shifts of ``names``.

    ``enterprises`` has ``insured_persons``, the columns of ``key``, and those of ``names``, of which larger is worse.
    """
    band = pl.sum_horizontal((pl.col("insured_persons") >= lowest).cast(pl.Int64) for lowest in BANDS)
    scored = enterprises.with_columns(band=band).with_columns(_score(name) for name in names)
    sums = [pl.col(name).sum().alias(f"{name}.sum") for name in names]
    counts = [pl.col(name).count().alias(f"{name}.count") for name in names]
    table = scored.group_by(*key).agg(pl.len().alias("enterprises"), *sums, *counts).sort(*key)
    found = {}
    for row in table.iter_rows(named=True):
        told = tuple(int(row[f"{name}.count"]) for name in names)
        shift = tuple(
            row[f"{name}.sum"] / math.sqrt(count) if count >= LEAST_TOLD else None
            for name, count in zip(names, told, strict=True)
        )
        found["|".join(row[part] for part in key)] = Area(row["enterprises"], told, shift)
    return found


def _score(name: str) -> pl.Expr:
    """The mid-rank of a column within the size band as a uniform score of mean 0 and variance 1."""
    place = (pl.col(name).rank("average").over("band") - 0.5) / pl.col(name).count().over("band")
    return ((place - 0.5) * math.sqrt(12)).alias(name)


def index(
    now: Mapping[str, Area],
    past: Mapping[str, Sequence[Shift]],
    *,
    weights: Sequence[float],
    shrunk_by: float,
    least_months: int,
) -> dict[str, Index]:
    """The index of each area of ``now``, but for those of which ``past`` tells nothing for ``least_months`` months.

    An indicator counts in an area from ``least_months`` past months on that tell it: what is usual there is known then.

    ``weights`` has one number per indicator. An area's own usual shift is the mean of its past months with
    ``shrunk_by`` months of zero beside them.
    """
    names = list(now)
    if not names:
        return {}
    steps = np.array([_beyond_usual(now[name].shift, past.get(name, ()), shrunk_by, least_months) for name in names])
    steps = np.clip(_scaled(steps, SMALLEST_SPREAD), -LARGEST_STEP, LARGEST_STEP)
    told = np.array([now[name].told for name in names], dtype=float)
    size = np.array([now[name].enterprises for name in names], dtype=float)[:, None]
    weight = np.where(np.isnan(steps), 0.0, np.sqrt(told / size) * np.asarray(weights))
    length = np.sqrt((weight**2).sum(axis=1))
    whole = np.where(length > 0, length, np.nan)[:, None]
    parts = steps * weight / whole
    total = np.where(np.isnan(whole[:, 0]), np.nan, np.nansum(parts, axis=1))
    scaled = _scaled(total[:, None], 1.0)[:, 0]
    return {
        name: Index(float(value), tuple(None if math.isnan(part) else float(part) for part in own))
        for name, value, own in zip(names, scaled, parts, strict=True)
        if not math.isnan(value)
    }


def _beyond_usual(shift: Shift, past: Sequence[Shift], shrunk_by: float, least_months: int) -> Floats:
    """A shift less what the area's own past months would lead to expect; NaN where either is not told."""
    own = np.array(shift, dtype=float)
    if not past:
        return own if least_months == 0 else np.full_like(own, np.nan)
    before = np.array(past, dtype=float)
    known = ~np.isnan(before)
    usual: Floats = np.where(known, before, 0.0).sum(axis=0) / (shrunk_by + known.sum(axis=0))
    return np.where(known.sum(axis=0) >= least_months, own - usual, np.nan)


def _scaled(values: Floats, least: float) -> Floats:
    """Columns of ``values`` about their median in robust standard deviations, of ``least`` at the smallest."""
    found = np.full_like(values, np.nan)
    for place in range(values.shape[1]):
        known = values[:, place][~np.isnan(values[:, place])]
        if len(known):
            middle = np.median(known)
            spread = max(MAD_TO_SD * float(np.median(np.abs(known - middle))), least)
            found[:, place] = (values[:, place] - middle) / spread
    return found
