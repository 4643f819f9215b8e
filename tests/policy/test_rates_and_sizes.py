"""Layoff rates by their published vectors, the refund's margin by brute force, refunds to the cent, size classes."""

import csv
from decimal import Decimal
from itertools import takewhile
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.policy import layoff_rate, size
from pipelines.policy.instruments.refund import refund_fen
from pipelines.policy.layoff_rate import PARTS


def persons(**known: float | None) -> pl.DataFrame:
    row = {f"{part}_persons": known.get(part) for part in PARTS}
    return pl.DataFrame([row], schema=dict.fromkeys(row, pl.Float64()))


def passes(version: str, *, is_large: bool | None = None, **known: float | None) -> bool | None:
    test = layoff_rate.passes(version, is_large=pl.lit(is_large, pl.Boolean))
    answer: bool | None = persons(**known).select(test.alias("p"))["p"][0]
    return answer


@pytest.mark.parametrize(
    ("version", "known", "expected"),
    [
        ("ZJ-2022", {"year_start": 100, "december": 95}, True),  # 5/100, published
        ("ZJ-2022", {"year_start": 20, "december": 15}, None),  # 25 % by heads; who draws benefit may still pass it
        ("ZJ-2022", {"year_start": 20, "december": 15, "claimants": 4}, True),  # either: 4/20 is 20 %
        ("ZJ-2022", {"year_start": 20, "december": 15, "claimants": 5}, False),  # 5/20, published
        ("LYG-2021", {"january": 100, "december": 94, "mean": 100}, True),
        ("LYG-2025", {"january": 100, "december": 94, "mean": 100}, False),
        ("LYG-2021", {"january": 100, "december": 130, "mean": 115}, True),  # negative is 0
        ("NT-2022", {"year_start": 100, "december": 90, "left_naturally": 5, "mean_before": 100, "mean": 95}, True),
        ("NT-2022", {"year_start": 100, "december": 90, "left_naturally": 4, "mean_before": 100, "mean": 95}, False),
        ("NT-2022", {"year_start": 100, "december": 90, "mean_before": 100, "mean": 95}, None),  # who retired decides
        ("NT-2022", {"year_start": 100, "december": 97, "mean_before": 100, "mean": 95}, True),  # whoever retired
        ("YZ-2021", {"year_start": 100, "december": 94, "left_naturally": 0, "mean": 100}, True),
        ("YZ-2022", {"year_start": 100, "december": 94, "left_naturally": 0, "mean": 100}, False),
        ("HY-2020", {"year_start": 100, "december": 90, "claimants": 6, "mean": 100}, True),
        ("JX-2024", {"claimants": 5, "mean": 100}, True),
        ("JX-2024", {"claimants": 6, "mean": 100}, False),
        ("JX-2024", {"mean": 100}, None),
        ("LY-2025", {"year_start": 30, "december": 24, "left_naturally": 0, "mean": 40}, True),  # small by year start
        ("LY-2025", {"year_start": 31, "december": 25, "left_naturally": 0, "mean": 28}, False),
    ],
)
def test_published_formulas(version: str, known: dict[str, float], *, expected: bool | None) -> None:
    assert passes(version, **known) is expected


def test_one_city_has_a_limit_of_its_own_for_large_enterprises() -> None:
    known = {"year_start": 1000, "december": 960, "left_naturally": 0, "mean": 1000}
    assert passes("CZ-2020", is_large=False, **known) is True
    assert passes("CZ-2020", is_large=True, **known) is False
    assert passes("CZ-2020", is_large=None, **known) is None


@given(
    january=st.integers(1, 400),
    now=st.integers(0, 400),
    past=st.integers(1, 11),
    between=st.integers(0, 400),
)
def test_the_margin_is_the_most_that_still_passes(january: int, now: int, past: int, between: int) -> None:
    """Departures counted one by one, by the formula, with the limit of the mean with them."""
    months = [january, *([between] * max(past - 2, 0)), *([now] if past > 1 else [])][:past]
    now = months[-1]
    row = {"year_january_persons": january, "insured_persons": now, "year_sum_persons": sum(months)}
    frame = pl.DataFrame([{**row, "year_months": past}])
    found = frame.select(layoff_rate.margin("LYG-2025").alias("m"))["m"][0]
    rest = 12 - past

    def bears(leaving: int) -> bool:
        total = sum(months) + rest * (now - leaving)
        limit = (20, 100) if total <= 30 * 12 else (55, 1000)
        return (january - now + leaving) * 12 * limit[1] <= limit[0] * total

    assert found == len(list(takewhile(bears, range(now + 1)))) - 1


def test_published_refunds_reproduce_to_the_cent(shared_data: Path) -> None:
    """Premium × the rate that the row implies; half a cent up, of which the rows hold no case."""
    [path] = sorted((shared_data / "refunds").glob("*.csv"))
    with path.open(encoding="utf-8-sig", newline="") as lines:
        rows: list[dict[str, Any]] = list(csv.DictReader(lines))
    cents = [int(Decimal(row["全年缴费(元)"]) * 100) for row in rows]
    rates = [int(Decimal(row["推得返还比例"]) * 100) for row in rows]
    frame = pl.DataFrame({"premium": cents, "rate": rates})
    made = frame.select(refund_fen(pl.col("premium"), pl.col("rate")).alias("fen"))["fen"].to_list()
    assert made == [int(Decimal(row["实际返还金额(元)"]) * 100) for row in rows]
    assert len(rows) >= 10
    assert all(cent * rate % 100 != 50 for cent, rate in zip(cents, rates, strict=True)), "no tie among them"


def classes(industry: str, persons: int | None, revenue_wan: float | None, stored: str | None = None) -> dict[str, Any]:
    row = {
        "industry_code": industry,
        "insured_persons": persons,
        "revenue_12m_fen": None if revenue_wan is None else int(revenue_wan * 1_000_000),
        "size_class": stored,
    }
    schema = {
        "industry_code": pl.String(),
        "insured_persons": pl.Int64(),
        "revenue_12m_fen": pl.Int64(),
        "size_class": pl.String(),
    }
    frame = pl.DataFrame([row], schema=schema, orient="row")
    return size.added(frame).select("is_sme", "is_small", size=size.computed()).row(0, named=True)


@pytest.mark.parametrize(
    ("industry", "persons", "revenue", "expected"),
    [
        ("C1361", 1200, 30_000, "中型"),
        ("C1361", 1200, 1_500, "小型"),
        ("C1361", 250, 50_000, "小型"),
        ("C1361", 15, 50_000, "微型"),
        ("C1361", 1000, 40_000, "大型"),
        ("C1361", 999, 40_000, "中型"),
        ("C1361", 1200, None, "未定"),
        ("F5112", 200, 40_000, "大型"),
        ("A0111", None, 600, "中型"),
        ("E4710", 500, 90_000, "未定"),
        ("Z", 500, 90_000, "未定"),
    ],
)
def test_both_lower_bounds_or_one_class_down(
    industry: str, persons: int | None, revenue: float | None, expected: str
) -> None:
    assert classes(industry, persons, revenue)["size"] == expected


def test_one_measure_may_rule_a_class_out_and_a_stored_class_comes_first() -> None:
    assert classes("C1361", 999, None)["is_sme"] is True
    assert classes("C1361", 1000, None)["is_sme"] is None
    assert classes("C1361", 299, None)["is_small"] is True
    assert classes("C1361", 5, 10, stored="大型")["is_sme"] is False
    assert classes("C1361", 5, 10, stored="未定")["is_sme"] is True
