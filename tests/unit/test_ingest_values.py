"""Cells as departments write them, and what each must become: exactly, or not at all."""

from datetime import date
from decimal import ROUND_HALF_UP, Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.stages.ingest import values
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


@settings(deadline=None)
@given(st.integers(-(10**14), 10**14), st.integers(0, 999))
def test_yuan_agree_with_decimal_arithmetic(yuan: int, thousandths: int) -> None:
    cell = f"{yuan}.{thousandths:03d}"
    expected = int((Decimal(cell) * 100).quantize(Decimal(1), rounding=ROUND_HALF_UP))
    assert one(cell, How("fen", 2)) == expected


@settings(deadline=None)
@given(st.text(max_size=12))
def test_no_text_breaks_a_reader(cell: str) -> None:
    for kind in ("integer", "fen", "number", "date", "month", "boolean", "instant", "basis_point"):
        one(cell, How(kind, 2 if kind == "fen" else 0, serials=True))


NUMBERS = (How("integer"), How("number"), How("fen", 2), How("fen", 6), How("fen"), How("usd_cent", 2))
ODD_NUMBERS = [
    "", " ", "0", "-0", "007", "+5", " 5 ", "5 ", "1e3", "1E-2", "1.", ".5", "1,000", "１２", "NaN", "nan", "inf",
    "Infinity", "-inf", "0x10", "1_000", "12.345", "0.005", "-0.005", "0.015", "1.005", "2.675", "99999999999999.99",
    "87960930222.07", "87960930222.08", "9007199254740993", "9223372036854775807", "-9223372036854775808",
    "9223372036854775808", "0." + "0" * 30 + "1", "1" + "0" * 30, "3.0000000001", "1.00000000000000000001", "-", "无",
    "true", "二十", "1 2", "5%", "0.1", "0.2", "0.30000000000000004", "4.35", "1e400", "1e-400", "0E20", "0e-20", "--",
    "1.5.2",
]  # fmt: skip


def at_once_and_one_by_one(cells: list[str], how: How) -> list[tuple[str, object, object]]:
    """Each cell with its value read at once (None: not given) and as it is read by its text."""
    column = pl.Series("x", cells, dtype=pl.String)
    quick = values.at_once(column.to_frame(), {"x": how})
    slow = values.read(values.clean(column, optional=False), how)
    told = quick["x"].to_list() if "x" in quick.columns else [None] * len(cells)
    return list(zip(cells, told, slow.to_list(), strict=True))


def same(one: object, other: object) -> bool:
    """Equal, and alike in sign and type."""
    return type(one) is type(other) and repr(one) == repr(other)


@pytest.mark.parametrize("how", NUMBERS, ids=str)
def test_what_is_read_at_once_is_what_the_text_says(how: How) -> None:
    wrong = [told for told in at_once_and_one_by_one(ODD_NUMBERS, how) if told[1] is not None and not same(*told[1:])]
    assert wrong == []


@pytest.mark.parametrize("how", NUMBERS, ids=str)
@settings(deadline=None)
@given(
    st.lists(
        st.one_of(
            st.decimals(-(10**13), 10**13, places=4).map(str),
            st.integers(-(10**19), 10**19).map(str),
            st.floats().map(repr),
            st.text("0123456789.-+eE, ", max_size=26),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_any_number_read_at_once_is_what_its_text_says(how: How, cells: list[str]) -> None:
    wrong = [told for told in at_once_and_one_by_one(cells, how) if told[1] is not None and not same(*told[1:])]
    assert wrong == []


@pytest.mark.parametrize(
    ("how", "cell", "value"),
    [
        (How("integer"), "-12", -12),
        (How("number"), "3.25", 3.25),
        (How("fen", 2), "12.34", 1234),
        (How("fen", 6), "1.5", 1_500_000),
        (How("fen"), "7", 7),
    ],
)
def test_plainly_written_numbers_are_read_at_once(how: How, cell: str, value: object) -> None:
    assert at_once_and_one_by_one([cell], how) == [(cell, value, value)]


@pytest.mark.parametrize("how", [How("integer", 4), How("text"), How("date"), How("basis_point", 2), How("boolean")])
def test_nothing_else_is_read_at_once(how: How) -> None:
    column = pl.DataFrame({"x": ["1"]})
    assert values.at_once(column, {"x": how}).columns == []


def test_columns_are_read_at_once_each_by_its_own_rule() -> None:
    cells = pl.DataFrame({"a": ["1", "x", None], "b": ["1.5", "1.555", ""], "c": ["甲", "乙", "丙"]})
    hows = {"a": How("integer"), "b": How("fen", 2), "c": How("text")}
    assert values.at_once(cells, hows).to_dict(as_series=False) == {"a": [1, None, None], "b": [150, None, None]}
