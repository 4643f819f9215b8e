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
_KNOWN = "_known_class"
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


@cache
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


def added(facts: pl.DataFrame) -> pl.DataFrame:
    """``facts`` with what rules ask of an enterprise's size: ``is_sme`` (中小微) and ``is_small`` (小型, 微型).

    Each goes by the class of the enterprise, stored or computed, else by one measure that is under a bound; null where
    open.
    """
    stored = pl.col("size_class").fill_null(OPEN)
    known = pl.when(stored != OPEN).then(stored).otherwise(computed())
    held = facts.with_columns(known.alias(_KNOWN))
    return held.with_columns(is_sme=_is((SMALL, MEDIUM, MICRO), 0), is_small=_is((SMALL, MICRO), 1)).drop(_KNOWN)


def _is(classes: Sequence[str], bound: int) -> pl.Expr:
    """Whether the known class is one of ``classes``; of an open one, true where a measure is under ``bound``."""
    known, others = pl.col(_KNOWN), [one for one in (LARGE, MEDIUM, SMALL, MICRO) if one not in classes]
    by_class = pl.when(known.is_in(classes)).then(statement=True).when(known.is_in(others)).then(statement=False)
    return by_class.when(_below(bound)).then(statement=True).otherwise(None)


@cache
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
