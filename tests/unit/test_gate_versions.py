"""Which files a night knew, in which order they came, and which of them is to blame."""

from datetime import date
from pathlib import Path

import pytest
from gate_house import SIZE, House, open_house

MONTHS = ("202409", "202410", "202411", "202412", "202501", "202502")


@pytest.fixture
def house(tmp_path: Path) -> House:
    return open_house(tmp_path)


def test_bad_rows_that_were_known_later_close_no_earlier_night(house: House) -> None:
    house.insurance("成批补录.csv", months=("202503", "202504"), bad=30, days=60, dated="lag")
    night = house.gate()
    assert night.verdict == "通过（有提示）"
    lines = {r["check_id"]: r for r in night.results if r["subject"] == "单位月度参保缴费"}
    assert (lines["older_batches"]["row_count"], lines["older_batches"]["bad_row_count"]) == (SIZE, 0)
    later = house.gate(date(2025, 5, 10))
    assert later.verdict == "关闭"
    assert f"{2 * SIZE}行中30行（37.5%）被隔离" in later.reason


def test_a_remembered_file_is_cut_at_the_cutoff_as_a_new_one_is(house: House) -> None:
    house.insurance("成批补录.csv", months=("202503", "202504"), bad=30, days=60, dated="lag")
    assert house.gate(date(2025, 5, 10)).verdict == "关闭"
    night = house.gate()
    assert night.notes[1] == "batches: 3, new: 0"
    assert night.verdict == "通过（有提示）"


def test_periods_known_later_replace_nothing_earlier(house: House) -> None:
    house.insurance("早到202503.csv", bad=10, days=-4)
    house.insurance("成批补录.csv", months=("202502", "202503"), days=60, dated="lag")
    before, after = ({r["check_id"] for r in house.gate(date(2025, 4, day)).results} for day in (4, 10))
    assert "batch_fail" in before
    assert "batch_fail" not in after


def test_the_later_arrival_is_the_later_word_in_whatever_order_files_were_read(house: House) -> None:
    house.insurance("更正.csv", days=2)
    house.insurance("有误.csv", bad=10, days=1)
    assert house.gate().verdict == "通过（有提示）"


def test_the_file_that_holds_the_judged_month_is_to_blame(house: House) -> None:
    house.insurance("以前.csv", months=MONTHS)
    guilty = house.insurance("残缺.csv", units=10, days=1)
    innocent = house.insurance("更正202502.csv", months=("202502",), units=12, days=2)
    night = house.gate()
    assert night.verdict == "关闭"
    assert f"撤回批次{guilty.batch}" in night.reason
    assert innocent.batch not in night.reason
    assert f"撤回批次{guilty.batch[:8]}" in night.mail
    assert guilty.batch not in night.mail
