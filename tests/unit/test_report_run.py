"""The files of an edition: nothing empty, nothing clipped away, nothing that can run, and the same bytes each time."""

import hashlib
import re
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from edition_frames import AS_OF, fill, in_memory, make_run, settings, store, warning
from python_calamine import CalamineWorkbook

from pipelines.settings import Settings
from pipelines.stages import report
from pipelines.stages.report.charts import heat_class, trend
from pipelines.stages.report.feedback import file_name


def written(root: Path, rows: list[dict[str, Any]], *, site: Settings | None = None, **edition: Any) -> Path:
    warehouse = in_memory()
    fill(warehouse, rows, **edition)
    run = make_run(root, site=site)
    receipt = report.run(run, warehouse)
    assert receipt.adds_up
    assert receipt.rows_in == len(rows)
    return run.edition_folder


def sheet(path: Path, name: str) -> list[list[Any]]:
    return CalamineWorkbook.from_path(str(path)).get_sheet_by_name(name).to_python(skip_empty_area=False)


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def fifty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("fifty"), [warning(n) for n in range(50)])


def test_the_same_edition_gives_the_same_bytes(fifty: Path, tmp_path: Path) -> None:
    shuffled = [warning(n) for n in reversed(range(50))]
    assert digests(written(tmp_path, shuffled)) == digests(fifty)


PAPER_CHARACTERS = 155
"""Widths of columns that A4 across takes at 70 % in every program, LibreOffice without the font included."""


def test_counties_and_industries_can_be_read_on_paper(fifty: Path) -> None:
    path = fifty / "预警名单.xlsx"
    place = CalamineWorkbook.from_path(str(path)).sheet_names.index("县区行业形势") + 1
    with zipfile.ZipFile(path) as book:
        page = book.read(f"xl/worksheets/sheet{place}.xml").decode()
        names = book.read("xl/workbook.xml").decode()
    [last] = re.findall(r"县区行业形势'?!\$A\$1:\$([A-Z]+)\$", names)
    printed = sum((ord(letter) - 64) * 26**power for power, letter in enumerate(reversed(last)))
    widths = dict[int, float]()
    for first, until, width in re.findall(r'<col min="(\d+)" max="(\d+)" width="([\d.]+)"', page):
        widths |= dict.fromkeys(range(int(first), int(until) + 1), float(width))
    assert 'orientation="landscape"' in page
    assert sum(widths[column] for column in range(1, printed + 1)) <= PAPER_CHARACTERS
    header = next(row for row in sheet(path, "县区行业形势") if row[0] == "县区")
    assert {"等级", "等级依据", "当月净减员", "比常年同期多"} <= set(header[:printed])


def test_the_list_is_in_order_of_colour_then_persons_and_no_cell_is_empty(fifty: Path) -> None:
    rows = sheet(fifty / "预警名单.xlsx", "预警名单")
    header, body = rows[3], rows[4:]
    assert header[:4] == ["预警编号", "等级", "企业名称", "变化"]
    assert len(body) == 50
    assert all(value not in ("", None) for row in body for value in row)
    colours = [row[1] for row in body]
    assert colours == sorted(colours, key="红橙黄蓝".index)
    lost = header.index("净减少人数（人）")
    persons = [(row[1], -row[lost]) for row in body]
    assert persons == sorted(persons, key=lambda pair: ("红橙黄蓝".index(pair[0]), pair[1]))


def test_missing_values_are_said_in_words(tmp_path: Path) -> None:
    rows = [
        warning(0, insured_persons=None, street_name=None, is_us_exporter=True, export_us_share_12m_ratio=None),
        warning(1, export_us_share_12m_ratio=None, insured_change_lunar_ratio=None, is_us_exporter=False),
    ]
    header, first, second = sheet(written(tmp_path, rows) / "预警名单.xlsx", "预警名单")[3:6]
    value = dict(zip(header, first, strict=True))
    assert value["失业保险参保人数（人）"] == "无参保记录"
    assert value["街镇"] == "未提供"
    assert value["对美出口占比"] == "无海关数据"
    value = dict(zip(header, second, strict=True))
    assert value["对美出口占比"] == "非出口"
    assert value["较上年同期"] == "无可比数据"


def test_a_formula_stays_text(tmp_path: Path) -> None:
    folder = written(tmp_path, [warning(0, enterprise_name='=HYPERLINK("http://x","y")')])
    assert '=HYPERLINK("http://x","y")' in sheet(folder / "预警名单.xlsx", "预警名单")[4]
    for path in folder.rglob("*.xlsx"):
        with zipfile.ZipFile(path) as book:
            sheets = [book.read(name) for name in book.namelist() if name.startswith("xl/worksheets/sheet")]
        assert not any(b"<f>" in body for body in sheets)
        assert not any(b"<hyperlink" in body for body in sheets)


def test_an_empty_list_says_so(tmp_path: Path) -> None:
    folder = written(tmp_path, [])
    assert sheet(folder / "预警名单.xlsx", "预警名单")[4][0] == "本期无预警企业"
    assert not (folder / "县区").exists()
    assert not (folder / "走访表").exists()
    assert "本期没有企业达到预警条件" in (folder / "briefing.html").read_text(encoding="utf-8")


def test_a_county_workbook_holds_its_own_rows_only(fifty: Path) -> None:
    for folder, page in (("县区", "预警名单"), ("走访表", "走访跟进表")):
        paths = sorted((fifty / folder).iterdir())
        assert paths[0].name == "990101_东城区.xlsx"
        assert len(paths) == 5
        for path in paths:
            with zipfile.ZipFile(path) as book:
                strings = book.read("xl/sharedStrings.xml").decode()
            others = [other.stem.split("_")[1] for other in paths if other != path]
            assert not any(name in strings for name in others)
            assert len(sheet(path, page)) == 4 + 10


def test_refused_forms_come_first_and_say_what_to_do(fifty: Path) -> None:
    rows = sheet(fifty / "预警名单.xlsx", "反馈接收")
    assert rows[2][0].startswith("共 10 次：未采纳 5 次、已采纳 5 次、已有更晚的走访 0 次。")
    assert [row[0] for row in rows[4:]] == ["未采纳"] * 5 + ["已采纳"] * 5
    assert all(row[1].endswith("后重新报送") for row in rows[4:9])


def test_what_an_earlier_attempt_left_is_removed(tmp_path: Path) -> None:
    written(tmp_path, [warning(n) for n in range(5)])
    folder = written(tmp_path, [warning(0)])
    assert [path.name for path in (folder / "县区").iterdir()] == ["990101_东城区.xlsx"]


def test_every_sheet_says_what_it_is(fifty: Path) -> None:
    book = CalamineWorkbook.from_path(str(fifty / "预警名单.xlsx"))
    assert book.sheet_names == [
        "预警名单", "涉美出口企业", "可享政策", "政策状态", "本期变化", "县区行业形势", "岗位吸纳和政策储备",
        "目标任务", "工单", "反馈接收", "未列入说明", "数据截至", "质量检查", "说明", "参数",
    ]  # fmt: skip
    for name in book.sheet_names:
        assert "【模拟数据】【内部资料 注意保管】" in sheet(fifty / "预警名单.xlsx", name)[1][0]
    words = str(sheet(fifty / "预警名单.xlsx", "说明"))
    assert "仅用于就业服务与风险化解，不作为处罚、授信依据" in words
    assert "不是裁员概率" in words


def test_the_header_of_the_longest_table_stands_on_every_page_and_is_not_cut_off(fifty: Path) -> None:
    with zipfile.ZipFile(fifty / "预警名单.xlsx") as book:
        names = book.read("xl/workbook.xml").decode()
        pages = [book.read(name).decode() for name in book.namelist() if name.startswith("xl/worksheets/sheet")]
    titles = dict(re.findall(r'Print_Titles" localSheetId="\d+">\'?(\w+)\'?!\$(\d+)', names))
    assert len(titles) == len(pages)
    assert titles["工单"] == str(3 + 1 + 1 + len({warning(n)["county_code"] for n in range(50)}) + 3)
    heights = [re.findall(r'<row r="(\d+)"[^>]* ht="([\d.]+)"', page) for page in pages]
    assert all(float(height) <= 409 for rows in heights for _, height in rows)
    assert max(float(height) for row, height in heights[0] if row == "4") > 32, (
        "a label of three lines needs more than two"
    )


def test_a_long_list_of_departments_is_told_once(tmp_path: Path) -> None:
    many = "、".join(f"第{n}局" for n in range(20))
    warehouse = in_memory()
    fill(warehouse, [warning(0)])
    rows = [{**row, "departments_text": many} for row in warehouse.frame("FROM edition.policy_instrument").to_dicts()]
    store(warehouse, "edition.policy_instrument", rows)
    run = make_run(tmp_path)
    report.run(run, warehouse)
    book = run.edition_folder / "预警名单.xlsx"
    assert "第0局、第1局、第2局等20个单位（见“政策状态”）" in sheet(book, "可享政策")[4]
    assert many in sheet(book, "政策状态")[4]


def test_the_creation_date_is_the_cutoff(fifty: Path) -> None:
    with zipfile.ZipFile(fifty / "预警名单.xlsx") as book:
        core = book.read("docProps/core.xml").decode()
    assert "2026-11-12T02:00:00Z" in core
    assert str(datetime(2026, 11, 12).year) in core


def test_departments_get_their_rows_back(fifty: Path) -> None:
    path = fifty / "feedback" / "海关.xlsx"
    rows = sheet(path, "隔离明细")
    assert rows[3] == ["数据源", "批次", "收到时间", "行号", "字段", "原始值", "原因", "怎么改"]
    assert rows[4][3:] == ["40", "商品编码", "=1+1", "商品编码格式不符", "按规定的位数和格式改写"]
    assert rows[6][5] == "（空）"
    assert sheet(path, "汇总")[4] == ["海关出口", "商品编码", "商品编码格式不符", 3.0, 1.0]
    assert sheet(fifty / "feedback" / "未约定.xlsx", "拒收文件")[3][0] == "不明文件.xlsx"


def test_the_briefing_stands_alone_and_escapes(tmp_path: Path) -> None:
    folder = written(tmp_path, [warning(0, enterprise_name="<script>alert(1)</script>")])
    text = (folder / "briefing.html").read_text(encoding="utf-8")
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", text)
    assert "url(" not in text
    assert "@import" not in text


@pytest.mark.parametrize("count", [0, 1, 40])
def test_no_page_shows_a_placeholder(tmp_path: Path, count: int) -> None:
    missing = {"insured_persons": None, "insured_change_1m_persons": None, "change_kind": "新增"}
    folder = written(tmp_path, [warning(n, **missing) for n in range(count)])
    pages = [path.read_text(encoding="utf-8") for path in folder.rglob("*.html")]
    for text in (re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL) for page in pages):
        assert not re.search(r"\b(?:None|nan|NaN|null)\b", text)
        assert not re.search(r"无[^ ]{2,4} 人", text), "a unit without a number"
    text = (folder / "briefing.html").read_text(encoding="utf-8")
    assert "对比期次 2026-11-11 第1版" in text
    assert ("逐家判断见" in text) == (count > 0)


def test_a_case_in_the_briefing_says_what_its_numbers_are_where_there_is_no_header(fifty: Path) -> None:
    text = (fifty / "briefing.html").read_text(encoding="utf-8")
    cases = re.findall(r'<table class="grid cases">.*?</table>', text, flags=re.DOTALL)
    assert len(cases) == 2
    assert all(' data-label="' in cell for case in cases for cell in re.findall(r'<td class="n"[^>]*>', case))


def test_the_briefing_tells_the_whole_story(fifty: Path) -> None:
    text = (fifty / "briefing.html").read_text(encoding="utf-8")
    assert "本期列入预警企业 50 家（红色 1 家、橙色 4 家、黄色 12 家、蓝色 33 家），涉及参保 56,325 人" in text
    assert text.count("模拟数据") >= 2
    for words in (
        "涉美出口企业专题",
        "海关出口（滞后）",
        "失业动态监测（缺失）",
        "空心为数据不完整的月份",
        "−",
        "内部资料",
    ):
        assert words in text
    assert "-0." not in re.sub(r"<style>.*?</style>", "", text, flags=re.S)


def test_real_data_carry_no_mark_of_simulation(tmp_path: Path) -> None:
    folder = written(tmp_path, [warning(0)], is_simulated=False)
    assert "模拟数据" not in (folder / "briefing.html").read_text(encoding="utf-8")
    assert "模拟数据" not in sheet(folder / "预警名单.xlsx", "预警名单")[1][0]


def test_a_first_edition_compares_with_nothing(tmp_path: Path) -> None:
    rows = [warning(0, change_kind="首期", previous_colour=None)]
    folder = written(tmp_path, rows, previous_edition_id=None, is_comparable=False)
    assert "本期为首期" in (folder / "briefing.html").read_text(encoding="utf-8")
    assert sheet(folder / "预警名单.xlsx", "本期变化")[2][0].startswith("首期，无上期可比")


def test_tables_without_a_row_do_not_break_a_page(tmp_path: Path) -> None:
    warehouse = in_memory()
    fill(warehouse, [])
    for table in ("edition.county_industry_month", "core.month_status", "core.source_status", "gate.result"):
        store(warehouse, table, [])
    run = make_run(tmp_path, site=settings())
    report.run(run, warehouse)
    assert "没有县区行业数据" in (run.edition_folder / "briefing.html").read_text(encoding="utf-8")


def test_chart_of_level_months_does_not_divide_by_zero() -> None:
    drawn = trend([(AS_OF.replace(day=1), 500, 0, True)])
    assert drawn.losses[0].height == 0
    assert trend([]).path == ""


def test_heat_steps_take_their_upper_end() -> None:
    assert [heat_class(r) for r in (None, -0.2, -0.05, -0.02, 0.0, 0.02, 0.5)] == [
        "h0",
        "h1",
        "h1",
        "h3",
        "h4",
        "h5",
        "h6",
    ]


def test_a_name_of_a_department_is_a_safe_file_name() -> None:
    assert file_name("市人社局、市税务局/../x") == "市人社局_市税务局____x"


def test_what_must_be_reported_within_hours_is_drafted_on_a_page_each(fifty: Path, tmp_path: Path) -> None:
    pages = {path.stem: path.read_text(encoding="utf-8") for path in (fifty / "快报").iterdir()}
    rows = {str(row[0]): row for row in sheet(fifty / "预警名单.xlsx", "预警名单")[4:]}
    must = {n for n, row in rows.items() if row[1] in "红橙黄" and row[3] in ("新增", "升级", "首期")}
    assert set(pages) == must != set()
    for number, page in pages.items():
        words = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
        text = re.sub(r"<[^>]+>", " ", words)
        assert rows[number][2] in text
        assert "None" not in text
        assert not re.search(r"[A-Za-z]{4,}", re.sub(r"[A-Z]{2}[0-9-]+|91[0-9A-Z]{16}", "", text))
        assert "://" not in page
    assert not (written(tmp_path, []) / "快报").exists()


def test_a_report_says_what_is_not_verified(tmp_path: Path) -> None:
    folder = written(tmp_path, [warning(n, change_kind="新增", colour="红") for n in range(2)])
    first, second = (path.read_text(encoding="utf-8") for path in sorted((folder / "快报").iterdir()))
    assert "2026-11-05上门：属实。" in first
    assert "尚未走访核实，以上为数据研判，不等同于已发生裁员。" in second
