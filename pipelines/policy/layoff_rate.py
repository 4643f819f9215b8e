"""The layoff rate of a year by the formula that a place published, whether it passes, and what margin is left.

Formulas are versions (``layoff_rates.yml``). A part that is not known leaves the answer open, unless the answer is the
same whatever it is: who left naturally only lowers a rate, so a rate that passes without the deduction passes.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

import polars as pl
import yaml
from pydantic import BaseModel, ConfigDict

PARTS = ("january", "december", "year_start", "mean", "mean_before", "left_naturally", "claimants")
"""Persons, in columns ``<part>_persons``: insured in January, in December and at the end of the year before; monthly
means of the year and of the one before; who retired or died; who newly drew unemployment benefit."""
SMALL_PERSONS = 30
"""Enterprises of up to 30 persons have a limit of their own in every version seen."""
_ONLY_LOWERS = "left_naturally"
_MONTHS = 12


class Version(BaseModel):
    """One published formula; limits in percent."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    place: str
    reference: str
    numerators: tuple[tuple[str, ...], ...]
    denominator: Literal["mean", "mean_before", "year_start"]
    limit: float
    large_limit: float | None = None
    small_limit: float
    small_by: Literal["mean", "year_start"]


@cache
def versions() -> Mapping[str, Version]:
    """Every version by its name."""
    body = yaml.safe_load(Path(__file__).with_name("layoff_rates.yml").read_text(encoding="utf-8"))
    return {name: Version(**version) for name, version in body.items()}


def rate(version: str) -> pl.Expr:
    """Layoff rate as a share, never below 0, of the columns of ``PARTS``; null where a part is not known."""
    found = versions()[version]
    rates = [_rate(found, numerator) for numerator in found.numerators]
    return pl.min_horizontal(rates) if len(rates) > 1 else rates[0]


def passes(version: str, *, is_large: pl.Expr | None = None) -> pl.Expr:
    """Whether the rate is within its limit; null where that is open. The limit itself passes."""
    found = versions()[version]
    limit = _limit(found, is_large)
    told = []
    for numerator in found.numerators:
        bare = _rate(found, tuple(part for part in numerator if part != f"-{_ONLY_LOWERS}")) <= limit
        told.append((_rate(found, numerator) <= limit).fill_null(pl.when(bare).then(statement=True)))
    return pl.any_horizontal(told)


def margin(version: str) -> pl.Expr:
    """Departures from now on that the year still bears, each fewer as well, if they happen next month; at least −1.

    −1 is: at today's head count the year ends over its limit. The mean, and with it the limit, is that of the year
    with the departures. Of columns ``year_january_persons``, ``insured_persons`` (the last
    complete month), ``year_sum_persons`` and ``year_months`` (its complete months so far, January among them); null
    where one is not known or the formula does not compare January with December.
    """
    found = versions()[version]
    if found.numerators != (("january", "-december"),) or found.denominator != "mean":
        return pl.lit(None, pl.Int64)
    now, rest = pl.col("insured_persons"), _MONTHS - pl.col("year_months")
    total = pl.col("year_sum_persons") + rest * now
    lost = pl.col("year_january_persons") - now

    def most(percent: float) -> pl.Expr:
        share = percent / 100
        spare = share * total / _MONTHS - lost
        return ((spare / (1 + share * rest / _MONTHS) + _EPSILON).floor().cast(pl.Int64)).clip(-1, now)

    usual, small = most(found.limit), most(found.small_limit)
    over = total - SMALL_PERSONS * _MONTHS
    becomes_small = pl.when(rest > 0).then((over / rest - _EPSILON).ceil().cast(pl.Int64))
    return (
        pl.when(over <= 0)
        .then(small)
        .when((usual >= becomes_small - 1) & (becomes_small <= now))
        .then(small)
        .otherwise(usual)
    )


_EPSILON = 1e-9
"""A limit of 5.5 % of 200 is 11 persons, which floating point must not make 10.999…"""


def _rate(version: Version, numerator: tuple[str, ...]) -> pl.Expr:
    persons = pl.sum_horizontal(
        [-_of(part[1:]) if part.startswith("-") else _of(part) for part in numerator], ignore_nulls=False
    )
    base = _of(version.denominator)
    return pl.when(base > 0).then((persons / base).clip(0)).round(9)


def _of(part: str) -> pl.Expr:
    return pl.col(f"{part}_persons")


def _limit(version: Version, is_large: pl.Expr | None) -> pl.Expr:
    usual = pl.lit(version.limit / 100)
    if version.large_limit is not None:
        large = pl.lit(None, pl.Boolean) if is_large is None else is_large
        usual = pl.when(large).then(version.large_limit / 100).when(~large).then(usual)
    return pl.when(_of(version.small_by) <= SMALL_PERSONS).then(version.small_limit / 100).otherwise(usual)
