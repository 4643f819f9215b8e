"""Shapes that are no plain table: periods side by side, headers of many rows, cells merged down, sheets, odd codes."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from ingest_files import drop, text, workbook
from ingest_house import House, open_house

from pipelines import contracts as contract_files
from pipelines.contracts import Feed
from pipelines.errors import ContractError

CONTRACT: dict[str, Any] = {
    "feed": "staff",
    "label": "用工情况",
    "owner": "测试部门",
    "purpose": "测试",
    "catalogue": "测试",
    "cadence": "monthly",
    "lag_days": 5,
    "dated": "arrival",
    "required": False,
    "identifiers": "opaque",
    "key": ["unit_no", "month"],
    "provides": {},
    "columns": {
        "unit_no": {"header": ["单位编号"]},
        "month": {"header": ["月份"]},
        "insured_persons": {"header": ["参保人数"]},
        "base_fen": {"header": ["缴费基数"], "unit": "元", "optional": True},
    },
    "checks": [{"check": "not_null", "columns": ["unit_no", "month"], "severity": "fail"}],
}
WIDE = {"periods": {"column": "month", "values": ["insured_persons", "base_fen"], "patterns": ["{year}年{month}月"]}}

MakeHouse = Callable[..., House]


@pytest.fixture
def house(tmp_path: Path) -> MakeHouse:
    """A house whose only feed is ``staff``, with a layout and columns of the test's own."""

    def make(layout: dict[str, Any] | None = None, **columns: dict[str, Any]) -> House:
        root = tmp_path / str(len(list(tmp_path.iterdir())))
        root.mkdir()
        said = CONTRACT | {"layout": layout or {}, "columns": CONTRACT["columns"] | columns}
        own = open_house(root)
        return replace(own, contracts=replace(own.contracts, feeds={"staff": Feed.model_validate(said)}))

    return make


def rows(house: House, delivery: Any, *columns: str) -> list[tuple[Any, ...]]:
    return (
        house.frame(delivery).select(columns or ("unit_no", "month", "insured_persons", "base_fen", "line_no")).rows()
    )


def test_periods_side_by_side_become_rows(house: MakeHouse) -> None:
    own = house(WIDE)
    table = [
        ["2025年一季度用工情况"],
        ["单位编号", "2025年1月", "", "2025年2月", "", "1-2月合计"],
        ["", "参保人数", "缴费基数(万元)", "参保人数", "缴费基数(万元)", ""],
        ["U1", "10", "1.5", "11", "1.6", "21"],
        ["U2", "", "", "7", "", "7"],
        ["U3", "九", "2", "8", "2", "17"],
        ["合计", "19", "3.5", "26", "3.6", "45"],
    ]
    merges = [(1, 1, 1, 2, "2025年1月"), (1, 3, 1, 4, "2025年2月"), (1, 0, 2, 0, "单位编号")]
    delivery = own.accept(drop(own.inbox("staff"), "宽表.xlsx", workbook({"表": table}, merges)))
    assert rows(own, delivery) == [
        ("U1", date(2025, 1, 1), 10, 1_500_000, 4),
        ("U1", date(2025, 2, 1), 11, 1_600_000, 4),
        ("U2", date(2025, 2, 1), 7, None, 5),
        ("U3", date(2025, 2, 1), 8, 2_000_000, 6),
    ]
    # Three lines count for two periods each; the blank one and the title and the total are set aside.
    assert (delivery.rows_in, delivery.rows_landed, delivery.rows_quarantined, delivery.rows_set_aside) == (8, 4, 1, 3)
    [reason] = own.frame(delivery, "reasons").to_dicts()
    assert (reason["line_no"], reason["raw_value"]) == (6, "九")
    assert reason["column_label"].endswith("（2025年1月）")
    told = own.manifest(delivery)
    assert (told["periods_per_line"], told["blank_periods"], told["ignored"]) == ([2], 1, ["1-2月合计"])


@pytest.mark.parametrize(
    ("title", "ok"), [("2024年用工情况", True), ("用工情况", False), ("2023年至2024年用工情况：2023年、2024年", False)]
)
def test_months_without_a_year_take_it_from_the_one_year_of_the_title(house: MakeHouse, title: str, ok: bool) -> None:
    layout = {
        "periods": {"column": "month", "values": ["insured_persons"], "patterns": ["{month}月"], "year_in": ["title"]}
    }
    own = house(layout)
    path = drop(
        own.inbox("staff"), "a.csv", text([[title], ["单位编号", "1月", "１２月", "合计"], ["U1", "5", "6", "11"]])
    )
    if not ok:
        assert "缺少列：" in own.refuse(path)
        return
    found = rows(own, own.accept(path), "unit_no", "month", "insured_persons")
    assert found == [("U1", date(2024, 1, 1), 5), ("U1", date(2024, 12, 1), 6)]


@pytest.mark.parametrize(
    ("pattern", "header"),
    [("eff{year}{quarter}{month_of_quarter}", "eff202432"), ("{year}{month2}", "202408"), ("{year}.{month}", "2024.8")],
)
def test_other_words_for_a_month(house: MakeHouse, pattern: str, header: str) -> None:
    own = house({"periods": {"column": "month", "values": ["insured_persons"], "patterns": [pattern]}})
    delivery = own.accept(drop(own.inbox("staff"), "a.csv", text([["单位编号", header], ["U1", "5"]])))
    assert rows(own, delivery, "month", "insured_persons") == [(date(2024, 8, 1), 5)]


def test_a_period_told_twice_or_in_two_units_refuses_the_file(house: MakeHouse) -> None:
    own = house(WIDE)
    twice = [["单位编号", "2025年1月参保人数", "2025年01月参保人数"], ["U1", "1", "2"]]
    assert "有两列同名" in own.refuse(drop(own.inbox("staff"), "a.csv", text(twice)))
    head = ["单位编号", "2025年1月参保人数", "2025年1月缴费基数(元)", "2025年2月参保人数", "2025年2月缴费基数(万元)"]
    assert "各期单位不同" in own.refuse(drop(own.inbox("staff"), "b.csv", text([head, ["U1", "1", "2", "3", "4"]])))


def test_a_header_of_four_rows_that_stands_again_on_every_page(house: MakeHouse) -> None:
    own = house({"header_rows": 4})
    head = [
        ["单位编号", "月份", "缴费情况", ""],
        ["", "", "本期", ""],
        ["", "", "人数", "金额"],
        ["", "", "参保人数", "缴费基数"],
    ]
    title = ["2025年3月用工情况", "", "", ""]
    page = [title, *head, ["U1", "202503", "3", "4"]]
    again = [title, *head, ["U2", "202503", "5", "6"]]
    merges = [(1, 0, 4, 0, "单位编号"), (1, 1, 4, 1, "月份"), (1, 2, 1, 3, "缴费情况"), (2, 2, 2, 3, "本期")]
    delivery = own.accept(drop(own.inbox("staff"), "a.xlsx", workbook({"表": [*page, *again]}, merges)))
    assert rows(own, delivery, "unit_no", "insured_persons", "line_no") == [("U1", 3, 6), ("U2", 5, 12)]
    assert (delivery.rows_in, delivery.rows_set_aside) == (8, 6)


def test_cells_merged_downwards_are_carried_only_where_the_contract_says_so(house: MakeHouse) -> None:
    table = [["单位编号", "月份", "参保人数"], ["U1", "202501", "1"], ["", "202502", "2"], ["U2", "202501", ""]]
    content = workbook({"表": table})
    plain = house()
    assert plain.accept(drop(plain.inbox("staff"), "a.xlsx", content)).rows_quarantined == 1
    own = house(unit_no={"header": ["单位编号"], "carried": True})
    delivery = own.accept(drop(own.inbox("staff"), "a.xlsx", content))
    found = rows(own, delivery, "unit_no", "insured_persons")
    assert found == [("U1", 1), ("U1", 2), ("U2", None)]
    assert own.manifest(delivery)["carried_cells"] == 1


def test_every_sheet_is_read_where_the_contract_says_so(house: MakeHouse) -> None:
    head = ["单位编号", "参保人数"]
    month = {"found_in": "sheet", "pattern": "([0-9]{4}年[0-9]{1,2}月)"}
    own = house({"sheets": "all"}, month=month)
    sheets = {
        "2025年1月": [["表一"], head, ["U1", "1"], ["U2", "二"]],
        "填表说明": [["请如实填报"]],
        "2025年2月": [["参保人数", "单位编号"], ["3", "U1"]],
    }
    delivery = own.accept(drop(own.inbox("staff"), "a.xlsx", workbook(sheets)))
    found = rows(own, delivery, "unit_no", "month", "insured_persons", "line_no")
    assert found == [("U1", date(2025, 1, 1), 1, 3), ("U1", date(2025, 2, 1), 3, 2)]
    assert (delivery.rows_in, delivery.rows_quarantined, delivery.rows_set_aside) == (5, 1, 2)
    assert own.frame(delivery, "reasons")["column_label"].to_list() == ["失业保险参保人数（工作表「2025年1月」）"]
    halved = sheets | {"2025年2月": [["单位编号", "人数", "月份"], ["U1", "3", ""]], "某表": [head, ["U1", "1"]]}
    assert "缺少列" in own.refuse(drop(own.inbox("staff"), "b.xlsx", workbook(halved)))


def test_a_value_that_stands_once_in_the_title(house: MakeHouse) -> None:
    own = house(month={"found_in": "title", "pattern": "^([0-9]{4}年[0-9]{1,2}月)"})
    table = [["２０２５年３月 用工情况", ""], ["单位编号", "参保人数"], ["U1", "3"]]
    delivery = own.accept(drop(own.inbox("staff"), "a.csv", text(table)))
    assert rows(own, delivery, "month", "insured_persons") == [(date(2025, 3, 1), 3)]
    assert "缺少列" in own.refuse(drop(own.inbox("staff"), "b.csv", text(table[1:])))


def test_lost_zeros_are_put_back_where_nothing_else_can_be_meant_and_told(house: MakeHouse) -> None:
    own = house(unit_no={"header": ["单位编号"], "width": 8})
    table = [
        ["单位编号", "月份", "参保人数"],
        ["1234567", "202501", "1"],
        ["12345678", "202501", "2"],
        ["123", "202501", "3"],
    ]
    delivery = own.accept(drop(own.inbox("staff"), "a.csv", text(table)))
    assert rows(own, delivery, "unit_no") == [("01234567",), ("12345678",)]
    assert set(own.frame(delivery, "reasons")["raw_value"]) == {"123"}
    told = own.manifest(delivery)["checks"]["restored:unit_no"]
    assert (told["bad"], told["severity"]) == (1, "warn")
    assert own.frame(delivery)["_restored"].to_list() == [["unit_no"], []]
    kept = [*table, ["02345678", "202501", "4"]]
    delivery = own.accept(drop(own.inbox("staff"), "b.csv", text(kept)))
    assert sorted(rows(own, delivery, "unit_no")) == [("02345678",), ("12345678",)]


def test_a_code_made_a_number_is_quarantined_since_its_digits_are_lost(house: MakeHouse) -> None:
    own = house()
    lost = [
        ["9.13207E+17", "202501", "1"],
        ["1.08E+08", "202501", "2"],
        ["320703.0", "202501", "3"],
        ["U1", "202501", "4"],
    ]
    delivery = own.accept(drop(own.inbox("staff"), "a.csv", text([["单位编号", "月份", "参保人数"], *lost])))
    assert (delivery.rows_landed, delivery.rows_quarantined) == (1, 3)
    told = own.frame(delivery, "reasons").filter(pl.col("check_id") == "readable:unit_no")
    assert (told.height, "科学计数法" in told["check_sentence"][0]) == (3, True)
    number = [["单位编号", "月份", "参保人数"], [913207001234567890, "202501", 1], ["U1", "202501", 2]]
    delivery = own.accept(drop(own.inbox("staff"), "b.xlsx", workbook({"表": number})))
    assert set(own.frame(delivery, "reasons")["raw_value"]) == {"9.13207001234568e+17"}


def test_parentheses_are_a_minus_only_where_the_contract_says_so(house: MakeHouse) -> None:
    table = text(
        [["单位编号", "月份", "参保人数", "缴费基数"], ["U1", "202501", "1", "（1,234.5）"], ["U2", "202501", "1", "2"]]
    )
    plain = house()
    assert plain.accept(drop(plain.inbox("staff"), "a.csv", table)).rows_quarantined == 1
    own = house(base_fen={"header": ["缴费基数"], "unit": "元", "parentheses": True})
    delivery = own.accept(drop(own.inbox("staff"), "a.csv", table))
    assert rows(own, delivery, "base_fen") == [(-123450,), (200,)]


def test_quotation_marks_and_short_lines_as_the_contract_says(house: MakeHouse) -> None:
    table = '单位编号,月份,参保人数,缴费基数\n"红"1,202501,1,2\nU2",202501,2,3\nU3,202501,3\nU4,202501,4'
    plain = house()
    delivery = plain.accept(drop(plain.inbox("staff"), "a.csv", table))
    assert rows(plain, delivery, "unit_no") == [('U2"',)]
    assert delivery.rows_quarantined == 3
    own = house({"quotes": "literal", "short_lines": "empty"})
    for folder in (own.inbox("staff"), own.home.inbox):
        delivery = own.accept(drop(folder, "a.csv", table + " " * (folder == own.home.inbox)))
        # The last line has no end: it may have been cut off, so it is not taken for a short one.
        assert rows(own, delivery, "unit_no") == [('"红"1',), ('U2"',), ("U3",)]


def test_two_columns_of_one_name_where_they_must_agree(house: MakeHouse) -> None:
    own = house(insured_persons={"header": ["参保人数"], "repeated": True})
    table = [
        ["单位编号", "月份", "参保人数", "参保人数 "],
        ["U1", "202501", "1", "1"],
        ["U2", "202501", "1", "2"],
        ["U3", "202501", "", "2"],
    ]
    delivery = own.accept(drop(own.inbox("staff"), "a.csv", text(table)))
    assert rows(own, delivery, "unit_no") == [("U1",)]
    assert set(own.frame(delivery, "reasons")["check_sentence"]) == {
        "失业保险参保人数无法识别，或文件中同名的两列不一致"
    }


@pytest.mark.parametrize("end", ["\r", "\r\n", "\n"])
def test_line_ends_of_every_kind_also_inside_quotation_marks(house: MakeHouse, end: str) -> None:
    own = house()
    lines = ["单位编号,月份,参保人数", f'"U{end}1",202501,1', "U2,202501,2", ""]
    delivery = own.accept(drop(own.inbox("staff"), "a.csv", end.join(lines).encode()))
    assert rows(own, delivery, "unit_no", "line_no") == [("U\n1", 2), ("U2", 4)]


@pytest.mark.parametrize(
    ("layout", "columns", "words"),
    [
        (WIDE | {"periods": WIDE["periods"] | {"patterns": ["{year}年"]}}, {}, "months a month, years an integer"),
        (WIDE | {"periods": WIDE["periods"] | {"patterns": ["{month}月"]}}, {}, "says no year"),
        (WIDE | {"periods": WIDE["periods"] | {"patterns": ["{year}{week}"]}}, {}, "unknown place {week}"),
        ({}, {"unit_no": {"header": ["单位编号"], "parser": "none_such"}}, "unknown parser none_such"),
        ({}, {"insured_persons": {"header": ["参保人数"], "width": 6}}, "only a code"),
        ({}, {"month": {"found_in": "title"}}, "needs a pattern"),
        ({}, {"month": {}}, "no header words"),
        ({"parts": "("}, {}, "no regular expression"),
    ],
)
def test_a_layout_that_contradicts_itself_is_refused(
    tmp_path: Path, layout: dict[str, Any], columns: dict[str, Any], words: str
) -> None:
    said = CONTRACT | {"layout": layout, "columns": CONTRACT["columns"] | columns}
    drop(tmp_path, "staff.yml", yaml.safe_dump(said, allow_unicode=True))
    with pytest.raises(ContractError, match=words):
        contract_files.load(tmp_path)
