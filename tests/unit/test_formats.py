"""Numbers read the same everywhere."""

from datetime import date, datetime

import pytest

from pipelines import formats


@pytest.mark.parametrize(
    ("ratio", "text"),
    [(-0.158, "−15.8%"), (0.0, "0.0%"), (-0.0004, "0.0%"), (0.0125, "1.3%"), (0.15749999, "15.7%"), (12.0, "1,200.0%")],
)
def test_percent_is_half_up_with_a_true_minus(ratio: float, text: str) -> None:
    assert formats.percent(ratio) == text


def test_signed_values_say_which_way() -> None:
    assert [formats.signed(n) for n in (1200, 0, -35)] == ["+1,200", "0", "−35"]
    assert [formats.signed_percent(r) for r in (0.02, 0.0001, -0.02)] == ["+2.0%", "0.0%", "−2.0%"]


def test_missing_is_a_word_and_never_zero() -> None:
    assert formats.count(None) == formats.percent(None) == formats.signed(None) == "无数据"
    assert formats.signed_percent(None, missing="—") == "—"


def test_dates_read_in_chinese() -> None:
    assert formats.month(date(2026, 10, 1)) == "2026年10月"
    assert formats.day(date(2026, 11, 2)) == "2026年11月2日"
    assert formats.instant(datetime(2026, 11, 12, 2)) == "2026-11-12 02:00"
    assert formats.edition(date(2026, 11, 12), 1) == "2026-11-12 第1版"
    assert formats.ten_thousands(441_250) == "44.13"
