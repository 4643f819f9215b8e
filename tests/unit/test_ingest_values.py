"""Cells as departments write them, and what each must become: exactly, or not at all."""

from datetime import date
from decimal import ROUND_HALF_UP, Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.stages.ingest.values import How, clean, read


def one(cell: str, how: How, *, optional: bool = False) -> object:
    """The value of a single cell."""
    return read(clean(pl.Series([cell]), optional=optional), how)[0]


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("12", 12),
        ("１２", 12),
        ("1,234", 1234),
        ("1，234", 1234),
        ("12.0", 12),
        ("12.", 12),
        ("1.08E+08", 108_000_000),
        ("-3", -3),
        ("+3", 3),
        ("0", 0),
        ("12.5", None),
        ("1,23", None),
        ("十二", None),
        ("1e999999", None),
        ("99999999999999999999", None),
        ("9223372036854775807", 9223372036854775807),
        ("１２a", None),
        ("0x10", None),
        ("١٢", None),
        ("", None),
        ("-", None),
    ],
)
def test_counts(cell: str, value: int | None) -> None:
    assert one(cell, How("integer")) == value


@pytest.mark.parametrize(
    ("cell", "power", "value"),
    [
        ("120000.50", 2, 12_000_050),
        ("1,200.5", 2, 120_050),
        ("12.3456", 6, 12_345_600),
        ("0.30000000000000004", 2, 30),
        ("0.005", 2, 1),
        ("-0.005", 2, -1),
        ("-0.5", 2, -50),
        (".5", 2, 50),
        ("1.2345678", 6, 1_234_568),
        ("￥5", 2, None),
    ],
)
def test_money_is_exact_and_rounds_half_up(cell: str, power: int, value: int | None) -> None:
    assert one(cell, How("fen", power)) == value


@pytest.mark.parametrize(("cell", "value"), [("7.5", 750), ("7.5%", 750), ("25", 2500), ("2.555", None)])
def test_percentages_become_basis_points(cell: str, value: int | None) -> None:
    assert one(cell, How("basis_point", 2)) == value


@pytest.mark.parametrize(
    "cell",
    ["202503", "2025-03", "2025/3", "2025年3月", "2025年03月", "2025-03-31", "20250301", "202503.0", "２０２５０３"],
)
def test_a_month_in_every_shape(cell: str) -> None:
    assert one(cell, How("month")) == date(2025, 3, 1)


@pytest.mark.parametrize("cell", ["202513", "2025-13", "2025", "03/2025", "2025.1", "45717", "三月"])
def test_no_month_is_guessed(cell: str) -> None:
    assert one(cell, How("month")) is None


@pytest.mark.parametrize(
    "cell",
    ["2025-03-01", "2025/3/1", "20250301", "2025年3月1日", "2025.3.1", "2025-03-01 00:00:00", "2025-03-01T08:30:00.5"],
)
def test_a_day_in_every_shape(cell: str) -> None:
    assert one(cell, How("date")) == date(2025, 3, 1)


def test_serial_days_only_where_a_workbook_may_hold_them() -> None:
    assert one("45717", How("date", serials=True)) == date(2025, 3, 1)
    assert one("45717", How("month", serials=True)) == date(2025, 3, 1)
    assert one("45717", How("date")) is None


def test_days_that_no_calendar_has_are_not_read() -> None:
    assert one("2025-02-30", How("date")) is None
    assert one("20250230", How("date")) is None


def test_truth() -> None:
    assert [one(c, How("boolean")) for c in ("是", "否", "1", "0", "TRUE", "也许")] == [
        True,
        False,
        True,
        False,
        True,
        None,
    ]


def test_words_for_not_given() -> None:
    assert one("无", How("text"), optional=True) is None
    assert one("无", How("text")) == "无"
    assert one("NULL", How("text")) is None
    assert one("　ＡＢ　", How("text")) == "AB"


@given(st.integers(-(10**14), 10**14), st.integers(0, 999))
def test_yuan_agree_with_decimal_arithmetic(yuan: int, thousandths: int) -> None:
    cell = f"{yuan}.{thousandths:03d}"
    expected = int((Decimal(cell) * 100).quantize(Decimal(1), rounding=ROUND_HALF_UP))
    assert one(cell, How("fen", 2)) == expected


@given(st.text(max_size=12))
def test_no_text_breaks_a_reader(cell: str) -> None:
    for kind in ("integer", "fen", "number", "date", "month", "boolean", "instant", "basis_point"):
        one(cell, How(kind, 2 if kind == "fen" else 0, serials=True))
