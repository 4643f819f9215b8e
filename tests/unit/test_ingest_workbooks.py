"""Workbooks: numbers shown as percent, cells far outside the table, and archives that would unfold without end."""

import io
import re
import zipfile
from pathlib import Path

import pytest
import xlsxwriter
from ingest_files import INSURANCE, drop, insurance_row, text, workbook
from ingest_house import House, open_house

from pipelines.errors import DeliveryError
from pipelines.stages.ingest import archive, grid

TARIFF = ["措施编号", "措施依据", "叠加组", "HS6编码", "加征税率", "生效日期", "措施状态"]


@pytest.fixture
def house(tmp_path: Path) -> House:
    return open_house(tmp_path)


def tariffs(*rates: tuple[object, str]) -> bytes:
    """A workbook of measures with rates and the number formats of their cells."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    sheet = book.add_worksheet("税率 & 措施")
    sheet.write_row(0, 0, TARIFF)
    for row, (rate, shown) in enumerate(rates, start=1):
        sheet.write_row(row, 0, [f"M{row}", "301", "a", "850440"])
        sheet.write(row, 4, rate, book.add_format({"num_format": shown}))
        sheet.write_row(row, 5, ["2025-01-01", "已生效"])
    book.close()
    return out.getvalue()


def changed(content: bytes, member: str, old: str, new: str) -> bytes:
    """A workbook with one of its parts rewritten."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for info in source.infolist():
            part = source.read(info)
            target.writestr(info.filename, re.sub(old, new, part.decode()) if info.filename == member else part)
    return out.getvalue()


def test_a_cell_shown_as_percent_is_read_as_shown(house: House) -> None:
    content = tariffs(
        (0.25, "0%"), (0.075, "0.0%"), (1.45, "0.00%"), (25, "General"), (0.25, "General"), (7, '0"%"'), ("12.5%", "@")
    )
    for name, written in (
        ("a", content),
        ("b", changed(content, "xl/worksheets/sheet1.xml", r'<c r="[A-Z]+\d+"', "<c")),
    ):
        delivery = house.accept(drop(house.inbox("tariff_measure"), f"{name}.xlsx", written))
        assert house.frame(delivery)["rate_bp"].to_list() == [2500, 750, 14_500, 2500, 25, 700, 1250]


def test_a_ratio_in_a_workbook_that_tells_no_formats_is_quarantined(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grid, "percents", lambda _: None)
    content = tariffs((0.25, "0%"), (1, "0%"), (25, "General"), (0, "General"), ("0.5%", "@"))
    delivery = house.accept(drop(house.inbox("tariff_measure"), "a.xlsx", content))
    assert house.frame(delivery)["rate_bp"].to_list() == [2500, 0, 50]
    told = house.frame(delivery, "reasons").filter(check_id="readable:rate_bp")
    assert told["line_no"].to_list() == [2, 3]
    assert "分不清是比例还是百分数" in told["check_sentence"][0]


def test_a_percent_where_a_count_belongs_is_not_read(house: House) -> None:
    content = changed(
        workbook({"a": [INSURANCE, [*insurance_row(1)[:2], 20, *insurance_row(1)[3:]], insurance_row(2)]}),
        "xl/worksheets/sheet1.xml",
        r'<c r="C2"',
        '<c r="C2" s="0"',
    )
    content = changed(content, "xl/styles.xml", r'numFmtId="\d+"', 'numFmtId="9"')
    delivery = house.accept(drop(house.inbox(), "a.xlsx", content))
    assert house.frame(delivery, "reasons")["raw_value"].to_list() == ["2000%", "2000%"]


@pytest.mark.parametrize("removed", ["", r'<c r="[A-Z]+\d+"'])
def test_a_cell_far_outside_the_table_is_refused_before_it_is_read(house: House, removed: str) -> None:
    far = workbook({"a": [INSURANCE, insurance_row(1)]})
    far = changed(
        far,
        "xl/worksheets/sheet1.xml",
        r"</sheetData>",
        '<row r="1048576"><c r="ALM1048576"><v>1</v></c></row></sheetData>',
    )
    if removed:
        far = changed(far, "xl/worksheets/sheet1.xml", r'<c r="(?!ALM)[A-Z]+\d+"', "<c")
    assert len(far) < 10_000
    reason = house.refuse(drop(house.inbox(), "a.xlsx", far))
    assert reason.startswith("工作簿里的内容到了第1048576行、第1001列")


def test_empty_cells_far_away_do_no_harm(house: House) -> None:
    content = changed(
        workbook({"a": [INSURANCE, insurance_row(1)]}),
        "xl/worksheets/sheet1.xml",
        r"</sheetData>",
        '<row r="1048576"><c r="XFD1048576" s="0"/></row></sheetData>',
    )
    assert house.accept(drop(house.inbox(), "a.xlsx", content)).rows_landed == 1


@pytest.mark.parametrize("name", ["a.csv", "xl/sharedStrings.xml"])
def test_an_archive_that_would_unfold_without_end_is_refused(name: str) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as bomb, bomb.open(name, "w") as member:
        for _ in range(archive.SMALL_BYTES // 2**20 + 1):
            member.write(bytes(2**20))
        if name.startswith("xl"):
            member.close()
            bomb.writestr("[Content_Types].xml", "")
    with pytest.raises(DeliveryError, match="异常膨胀"):
        grid.read(out.getvalue())


def test_archives_within_archives_have_an_end() -> None:
    content = text([INSURANCE, insurance_row(1)]).encode()
    for _ in range(grid.NESTED_ARCHIVES):
        content = packed(content)
    assert grid.read(content).kind == "text"
    with pytest.raises(DeliveryError, match="太多层"):
        grid.read(packed(content))


def packed(content: bytes) -> bytes:
    """``content`` as the only file in an archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as written:
        written.writestr("a", content)
    return out.getvalue()


@pytest.mark.parametrize("member", ["mimetype", "xl/workbook.bin"])
def test_formats_whose_reach_nobody_can_tell_are_refused(member: str) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as written:
        written.writestr(member, "x")
        written.writestr("[Content_Types].xml", "")
    with pytest.raises(DeliveryError, match="另存为xlsx"):
        grid.read(out.getvalue())
