"""Size classes by 统计上大中小微型企业划分办法 (工信部联企业〔2011〕300号): both lower bounds or one class down.

The class that a department stored comes first: refunds used the classification frozen in 2020. What is computed here
is a fallback and stays 未定 where a measure is missing.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import polars as pl

from pipelines.contracts import SQL

LARGE, MEDIUM, SMALL, MICRO, OPEN = "大型", "中型", "小型", "微型", "未定"
_WAN = 1_000_000  # fen in 万元
_MEASURES = {"人员": "insured_persons", "营业收入": "revenue_12m_fen"}


@dataclass(frozen=True)
class Scale:
    """Lower bounds of large, medium and small by one measure, for some industries (GB/T 4754 prefixes)."""

    prefixes: tuple[str, ...]
    measure: str
    bounds: tuple[int, int, int]


@cache
def scales() -> Sequence[Scale]:
    """The standard's table (``sql/codes/size_class.csv``)."""
    with (SQL / "codes" / "size_class.csv").open(encoding="utf-8", newline="") as lines:
        return tuple(
            Scale(
                tuple(row["prefixes"].split()),
                row["measure"],
                (int(row["large_min"]), int(row["medium_min"]), int(row["small_min"])),
            )
            for row in csv.DictReader(lines)
        )


def computed() -> pl.Expr:
    """Size class of ``industry_code``, ``insured_persons`` and ``revenue_12m_fen``; 未定 where one is missing.

    ``industry_code`` may begin with its section letter. Head counts are the insured, the nearest to 从业人员.
    """
    made = pl.lit(OPEN)
    for prefixes in dict.fromkeys(scale.prefixes for scale in scales()):
        ranks = [_rank(scale) for scale in scales() if scale.prefixes == prefixes]
        known = pl.all_horizontal(rank.is_not_null() for rank in ranks)
        lowest = pl.when(known).then(pl.min_horizontal(ranks))
        named = lowest.replace_strict({3: LARGE, 2: MEDIUM, 1: SMALL, 0: MICRO}, default=OPEN, return_dtype=pl.String)
        made = pl.when(_of(prefixes)).then(named).otherwise(made)
    return made


def columns() -> dict[str, pl.Expr]:
    """What rules ask of an enterprise's size: ``is_sme`` (中小微) and ``is_small`` (小型, 微型), null where open."""
    return {"is_sme": is_sme(), "is_small": is_small()}


def is_sme() -> pl.Expr:
    """Whether an enterprise is 中小微: by its class, else by one measure that rules 大型 out; null where open."""
    return (
        pl.when(_known(SMALL, MEDIUM, MICRO))
        .then(statement=True)
        .when(_known(LARGE))
        .then(statement=False)
        .when(_below(0))
        .then(statement=True)
        .otherwise(None)
    )


def is_small() -> pl.Expr:
    """Whether an enterprise is 小型 or 微型, in the same manner."""
    return (
        pl.when(_known(SMALL, MICRO))
        .then(statement=True)
        .when(_known(LARGE, MEDIUM))
        .then(statement=False)
        .when(_below(1))
        .then(statement=True)
        .otherwise(None)
    )


def _known(*classes: str) -> pl.Expr:
    stored = pl.col("size_class").fill_null(OPEN)
    return pl.when(stored != OPEN).then(stored).otherwise(computed()).is_in(classes)


def _below(bound: int) -> pl.Expr:
    """Whether a known measure is under a lower bound (0 of large, 1 of medium): any one suffices."""
    low = [
        _of(scale.prefixes) & (_value(scale) < scale.bounds[bound]) for scale in scales() if scale.measure in _MEASURES
    ]
    return pl.any_horizontal(low).fill_null(value=False)


def _rank(scale: Scale) -> pl.Expr:
    if scale.measure not in _MEASURES:
        return pl.lit(None, pl.Int64)
    value = _value(scale)
    return sum((value >= bound).cast(pl.Int64) for bound in scale.bounds)  # type: ignore[return-value]


def _value(scale: Scale) -> pl.Expr:
    value = pl.col(_MEASURES[scale.measure])
    return value if scale.measure == "人员" else value / _WAN


def _of(prefixes: tuple[str, ...]) -> pl.Expr:
    return pl.any_horizontal(digits_of().str.starts_with(prefix) for prefix in prefixes).fill_null(value=False)


def digits_of() -> pl.Expr:
    """The digits of ``industry_code``."""
    return pl.col("industry_code").str.strip_chars_start("ABCDEFGHIJKLMNOPQRST")
