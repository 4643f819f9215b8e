"""Files that are refused whole: what is said, and that the original is kept."""

import codecs
from pathlib import Path

import pytest
from ingest_files import INSURANCE, REGISTER, drop, insurance_row, register_row, text, workbook
from ingest_house import House, open_house


@pytest.fixture
def house(tmp_path: Path) -> House:
    return open_house(tmp_path)


def test_an_open_quotation_mark_over_many_lines_refuses_the_file(house: House) -> None:
    rows = [[*REGISTER, "住所"], [*register_row(1), "甲"], *([*register_row(n), "乙"] for n in range(2, 6))]
    assert "引号没有成对" in house.refuse(drop(house.inbox("x"), "a.csv", text(rows).replace("甲", '"甲')))


def test_a_unit_of_another_kind_refuses_the_file(house: House) -> None:
    header = [h.replace("缴费基数总额", "缴费基数总额(美元)") for h in INSURANCE]
    assert "单位不符：缴费基数总额(美元)" in house.refuse(
        drop(house.inbox(), "a.csv", text([header, insurance_row(1)]))
    )


def test_a_remark_that_changes_a_number_is_not_its_header(house: House) -> None:
    header = [h.replace("缴费基数总额", "缴费基数总额(不含补缴)") for h in INSURANCE]
    assert "缺少列：缴费基数总额" in house.refuse(drop(house.inbox(), "a.csv", text([header, insurance_row(1)])))


def test_two_sheets_of_data_refuse_the_workbook(house: House) -> None:
    sheets = {"海州": [INSURANCE, insurance_row(1)], "赣榆": [INSURANCE, insurance_row(2)]}
    assert "「海州」、「赣榆」" in house.refuse(drop(house.inbox(), "a.xlsx", workbook(sheets)))


def test_broken_and_empty_files_are_refused(house: House) -> None:
    book = workbook({"a": [INSURANCE, insurance_row(1)]})
    assert "无法打开" in house.refuse(drop(house.inbox(), "a.xlsx", book[: len(book) // 2]))
    assert "文件是空的" in house.refuse(drop(house.inbox(), "b.csv", b"\r\n \r\n"))
    for place, mark in enumerate([codecs.BOM_UTF8, codecs.BOM_UTF8 + b"\n", codecs.BOM_UTF16_LE]):
        assert "文件是空的" in house.refuse(drop(house.inbox(), f"b{place}.csv", mark))
    assert "编码" in house.refuse(drop(house.inbox(), "c.csv", "单位编号".encode() + b"\xff\xff\x00,\n" * 5))
    assert "没有任何内容" in house.refuse(drop(house.inbox(), "d.xlsx", workbook({"a": []})))
    assert "Parquet" in house.refuse(drop(house.inbox(), "e.parquet", b"PAR1" + b"x" * 40))


def test_a_header_alone_is_refused_unless_the_feed_is_of_events(house: House) -> None:
    assert "没有数据行" in house.refuse(drop(house.inbox(), "a.csv", text([INSURANCE])))
    header = "报告编号,统一社会信用代码,报告日期,职工总数,拟裁减人数,报告状态\n"
    assert house.accept(drop(house.inbox("layoff_notice"), "b.csv", header)).rows_in == 0


def test_a_file_without_one_good_row_is_refused(house: House) -> None:
    rows = [INSURANCE, *(insurance_row(n, 失业保险参保人数="?") for n in range(3))]
    reason = house.refuse(drop(house.inbox(), "a.csv", text(rows)))
    assert "3行数据没有一行合格" in reason
    assert "失业保险参保人数无法识别" in reason


def test_the_wrong_file_in_a_feeds_folder_is_refused(house: House) -> None:
    reason = house.refuse(drop(house.inbox("insured_unit"), "a.csv", text([INSURANCE, insurance_row(1)])))
    assert "缺少列：统一社会信用代码" in reason
    assert "看起来是「单位月度参保缴费」的文件" in reason


def test_a_file_in_the_inbox_itself_is_recognised_or_refused(house: House) -> None:
    assert (
        house.accept(drop(house.home.inbox, "a.csv", text([REGISTER, register_row(1)]))).feed == "enterprise_register"
    )
    partial = text([INSURANCE[:4], insurance_row(1)[:4]])
    reason = house.refuse(drop(house.home.inbox, "b.csv", partial))
    assert "「单位月度参保缴费」缺少列：缴费基数总额" in reason
    both = text([[*REGISTER, "年度"], [*register_row(1), "2025"]])
    assert "同时符合" in house.refuse(drop(house.home.inbox, "c.csv", both))


def test_two_columns_of_one_name_are_not_chosen_between(house: House) -> None:
    rows = [[*INSURANCE, "参保人数", "单位编号"], [*insurance_row(1), "21", "9"]]
    assert "有两列同名：单位编号" in house.refuse(drop(house.inbox(), "a.csv", text(rows)))


def test_a_refused_file_is_recorded_once(house: House) -> None:
    path = drop(house.inbox(), "a.csv", "x,y\n1,2\n")
    house.refuse(path)
    assert house.take(path) is None
    assert len(house.ledger.deliveries()) == 1
