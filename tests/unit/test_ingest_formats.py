"""Formats as departments send them: encodings, delimiters, units, workbooks, Parquet and archives."""

import io
import zipfile
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest
from ingest_files import INSURANCE, REGISTER, drop, insurance_row, register_row, text, workbook
from ingest_house import House, open_house


@pytest.fixture
def house(tmp_path: Path) -> House:
    return open_house(tmp_path)


@pytest.mark.parametrize(
    ("encoding", "found"),
    [("utf-8-sig", "utf-8-sig"), ("utf-8", "utf-8"), ("gb18030", "gb18030"), ("utf-16", "utf-16")],
)
def test_encodings_and_rare_characters(house: House, encoding: str, found: str) -> None:
    name = "连云港𠮷祥镕𬭎有限公司"
    path = drop(house.inbox("x"), "r.csv", text([REGISTER, register_row(1, 企业名称=name)]), encoding)
    delivery = house.accept(path)
    assert house.manifest(delivery)["encoding"] == found
    assert house.frame(delivery)["enterprise_name"].to_list() == [name]


def test_codes_of_digits_stay_text(house: House) -> None:
    path = drop(house.inbox(), "a.csv", text([INSURANCE, insurance_row(1, 单位编号="0032070001")]))
    assert house.frame(house.accept(path))["unit_no"].to_list() == ["0032070001"]


def test_line_ends_inside_quotation_marks(house: House) -> None:
    rows = [[*REGISTER, "住所"], [*register_row(1), "一号楼\n二层，东"], [*register_row(2), "甲,乙"]]
    delivery = house.accept(drop(house.inbox("x"), "a.csv", text(rows).replace("\n", "\r\n")))
    landed = house.frame(delivery)
    assert landed["line_no"].to_list() == [2, 4]
    assert [a.replace("\r", "") for a in landed["address"]] == ["一号楼\n二层,东", "甲,乙"]


@pytest.mark.parametrize("delimiter", ["\t", ";", "|"])
def test_other_delimiters_whatever_the_suffix(house: House, delimiter: str) -> None:
    path = drop(house.inbox("x"), "导出.xls", text([INSURANCE, insurance_row(1)], delimiter), "gb18030")
    assert house.accept(path).rows_landed == 1


def test_units_in_the_header_and_in_a_title(house: House) -> None:
    header = [h.replace("缴费基数总额", "缴费基数总额（万元）") for h in INSURANCE]
    delivery = house.accept(drop(house.inbox(), "a.csv", text([header, insurance_row(1, 缴费基数总额="12.00005")])))
    assert house.frame(delivery)["base_fen"].to_list() == [12_000_050]
    assert house.frame(delivery)["due_pension_fen"].to_list() == [1_920_000]
    titled = [["参保明细（单位：万元、人）"], INSURANCE, insurance_row(2, 缴费基数总额="12", 养老应缴="1.92")]
    rows = house.frame(house.accept(drop(house.inbox(), "b.csv", text(titled))))
    assert rows.select("base_fen", "due_pension_fen").rows() == [(12_000_000, 1_920_000)]


def test_a_workbook_with_merged_titles_two_header_rows_and_totals(house: House) -> None:
    upper = [
        "单位编号",
        "费款所属期",
        "失业保险参保人数",
        "缴费基数总额",
        "养老保险(万元)",
        "",
        "失业保险(元)",
        "",
        "工伤",
        "",
    ]
    lower = ["", "", "", "", "应缴额", "实缴额", "应缴额", "实缴额", "应缴", "实缴"]
    data = [
        ["3207000001", datetime(2025, 3, 1), 20, 120000.5, 1.92, 1.92, 1200, 1200, 480.1, "４８０．１"],
        ["3207000002", 202503, "２０", "120,000.50", 1.92, "", 1200, 1200, 480.1, 480.1],
    ]
    rows = [[""], ["填报日期：2025-04-02"], upper, lower, *data, ["合计", "", 40]]
    merges = [(0, 0, 0, 9, "参保单位月度缴费明细表"), (2, 4, 2, 5, upper[4]), (2, 6, 2, 7, upper[6])]
    path = drop(house.inbox(), "a.xlsx", workbook({"明细": rows, "填表说明": [["一"], ["二"]]}, merges))
    delivery = house.accept(path)
    assert (delivery.rows_landed, delivery.rows_set_aside) == (2, 5)
    landed = house.frame(delivery)
    assert landed["due_pension_fen"].to_list() == [1_920_000, 1_920_000]
    assert landed["paid_pension_fen"].to_list() == [1_920_000, None]
    assert landed["due_unemployment_fen"].to_list() == [120_000, 120_000]
    assert landed["paid_injury_fen"].to_list() == [48_010, 48_010]
    assert landed["month"].to_list() == [date(2025, 3, 1)] * 2
    assert landed["line_no"].to_list() == [5, 6]
    assert house.manifest(delivery)["other_sheets"] == ["填表说明"]


def test_serial_days_of_a_workbook(house: House) -> None:
    delivery = house.accept(
        drop(
            house.inbox(), "a.xlsx", workbook({"a": [INSURANCE, [*insurance_row(1)[:1], 45717, *insurance_row(1)[2:]]]})
        )
    )
    assert house.frame(delivery)["month"].to_list() == [date(2025, 3, 1)]


def test_parquet_by_name_and_of_any_type(house: House) -> None:
    frame = pl.DataFrame(
        {
            "unit_no": ["3207000001", "3207000002"],
            "费款所属期": [202503, 202502],
            "insured_persons": [20.0, None],
            **{h: [1200.5, 3.0] for h in INSURANCE[5:]},
            "多余": ["x", "y"],
        }
    )
    out = io.BytesIO()
    frame.write_parquet(out)
    delivery = house.accept(drop(house.inbox(), "a.parquet", out.getvalue()))
    assert (delivery.rows_landed, delivery.rows_quarantined) == (1, 1)
    assert house.frame(delivery).select("month", "insured_persons", "base_fen").rows() == [
        (date(2025, 3, 1), 20, 120_050)
    ]
    assert house.manifest(delivery)["ignored"] == ["多余"]


def test_a_zip_of_one_file(house: House) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.csv", text([INSURANCE, insurance_row(1)]).encode("gb18030"))
    assert house.accept(drop(house.inbox(), "a.zip", out.getvalue())).rows_landed == 1
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr("b.csv", "x")
    assert "2个文件" in house.refuse(drop(house.inbox(), "b.zip", out.getvalue()))
