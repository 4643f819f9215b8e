"""The monthly report: every number in it is a figure, every figure is its query's, and nothing missing stops it."""

import csv
import io
import re
import zipfile
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pytest
from edition_city import OCTOBER
from monthly_house import CUTOFF, DAY, LARGEST, changed, document_texts, firms, full, page_texts, report_of, words_of

from pipelines import formats, monthly, monthly_bulletin, monthly_docx, monthly_page, monthly_words
from pipelines.contracts import read_sql
from pipelines.monthly import Figure, Figures
from pipelines.monthly_blocks import Chart, figures, plain, texts
from pipelines.monthly_notes import NOTICE
from pipelines.run import add_months
from pipelines.suppression import Cell, hidden
from pipelines.warehouse import connect_published

NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path, city = full(tmp_path_factory.mktemp("monthly"))
    city.warehouse.close()
    yield path


def again(path: Path, figure: Figure) -> Any:
    """The figure's value, asked anew of the published file without the code that read it first."""
    query, row, column = figure.key.split(":")
    return asked(path, query).get(row, {}).get(column)


@cache
def asked(path: Path, query: str) -> dict[str, dict[str, Any]]:
    text = re.sub(r"--.*", "", read_sql(f"monthly/{query}"))
    text = text.replace("$month", f"DATE '{OCTOBER}'").replace("$largest", str(LARGEST))
    with closing(connect_published(path)) as connection:
        found = connection.execute(text)
        names = [name for name, *_ in found.description or []]
        rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    return {row["row_key"]: row for row in rows}


def reads_as(text: str, value: Any) -> bool:
    """Whether a printed number is the value, to the last place that is printed."""
    number = Decimal(text.strip("+%").replace(",", "").replace(formats.MINUS, "-"))
    scale = Decimal(100) if text.endswith("%") else Decimal(1)
    step = Decimal(1).scaleb(number.as_tuple().exponent)  # type: ignore[arg-type]
    return min(abs(number - sign * Decimal(str(value)) * scale) for sign in (1, -1)) <= step / 2 + Decimal("1e-9")


def test_words_hold_no_number_that_is_not_a_figure(published: Path) -> None:
    _, report = report_of(published)
    assert len(list(figures(report))) > 300
    for text in texts(report):
        for piece in text:
            if isinstance(piece, str):
                assert not NUMBER.search(piece.replace(NOTICE, "")), piece


def test_every_figure_is_what_its_query_gives_again(published: Path) -> None:
    _, report = report_of(published)
    told = {figure.key: figure for figure in figures(report)}
    assert {figure.query for figure in told.values()} >= set(monthly.QUERIES) - {
        "cell",
        "limit",
        "season",
        "target",
        "change",
        "judged",
        "area_done",
        "area_order",
        "revision",
        "earlier",
        "zone",
    }
    for figure in told.values():
        if figure.query == monthly.ARGUMENT:
            assert figure.value == LARGEST
            continue
        assert again(published, figure) == figure.value, figure.key
        if isinstance(figure.value, int | float) and figure.unit not in ("万美元", "月份"):
            assert reads_as(figure.text, figure.value), (figure.key, figure.text)


def test_every_number_of_the_document_is_a_figure(published: Path) -> None:
    _, report = report_of(published)
    found = document_texts(monthly_docx.document(report, cutoff=CUTOFF))
    told = {plain(text): text for text in texts(report)}
    numbered = [text for text in found if NUMBER.search(text)]
    assert len(numbered) > 200
    for text in numbered:
        spelled = "".join(piece for piece in told[text] if isinstance(piece, str)).replace(NOTICE, "")
        own = "".join(piece.text for piece in told[text] if isinstance(piece, Figure))
        assert NUMBER.findall(spelled) == []
        assert sorted("".join(NUMBER.findall(own))) == sorted("".join(NUMBER.findall(text.replace(NOTICE, ""))))
    assert {text for text in told if NUMBER.search(text)} - set(numbered) == set(), "the document leaves a figure out"


def test_every_number_of_the_page_is_a_figure_of_the_document(published: Path) -> None:
    _, report = report_of(published)
    told = {plain(text) for text in texts(report)} | {f"{report.title} {report.edition_id}"}
    points = [
        point for part in report.parts for block in part.blocks if isinstance(block, Chart) for point in block.points
    ]
    for name, figure in points:
        told |= {figure.text, *(line for place in (0, 1) for line in monthly_page.names(name.value, place).split("\n"))}
    page = monthly_page.page(report)
    assert [text for text in page_texts(page) if NUMBER.search(text) and text not in told] == []
    assert "<script" not in page
    assert not re.findall(r'(?:src|href)="', page)


def test_the_figures_are_the_published_tables(published: Path) -> None:
    found, _ = report_of(published)
    city = lambda column: found.value("city", "city", column)  # noqa: E731
    own = firms()
    assert city("insured_persons") == sum(firm.insured or 0 for firm in own) == 1400
    assert city("net_change_persons") == 1400 - sum(firm.before or 0 for firm in own) == -342
    lost = sorted(((firm.before or 0) - (firm.insured or 0) for firm in own), reverse=True)[:LARGEST]
    assert lost == [260, 80]
    assert found.value("area", "全市/全市", "without_change_persons") == -342 + 340
    assert found.value("area", "县区/320706", "without_change_persons") == -269 + 280
    assert found.value("exporter", "exporter", "net_change_persons") == -335
    assert found.value("exporter", "exporter", "without_change_persons") == 5
    assert found.value("exporter", "exporter", "export_us_share_ratio") == 0.5
    assert found.value("monitored", "monitored", "net_change_persons") == 5 - 285
    assert found.value("monitored", "monitored", "separated_ratio") == 285 / (830 - 5 + 285)
    assert found.value("reduction", "经济性裁员", "persons") == 264
    assert found.value("hires", "高校毕业生", "persons") == 23 + 24
    with closing(connect_published(published)) as connection:
        total = connection.execute(
            "SELECT sum(net_change_persons) FROM out.county_industry_month WHERE month = DATE '2026-10-01'"
        ).fetchone()
    assert total == (city("net_change_persons"),)


def test_months_that_not_all_counties_reported_are_not_compared(published: Path) -> None:
    found, report = report_of(published)
    assert found.value("market", "岗位需求", "before_persons") is None
    assert found.value("market", "岗位需求", "year_before_persons") is not None
    assert found.value("market", "期末登记失业", "before_persons") is not None
    assert "报送的县区不同，不作比较" in words_of(report)


def test_the_parts_are_those_of_the_notice_with_the_chapter_on_exporters(published: Path) -> None:
    _, report = report_of(published)
    assert [part.title for part in report.parts] == [
        "一、人力资源市场供求变化情况",
        "二、高校毕业生供求变化情况",
        "三、监测企业用工变化情况",
        "四、总体判断和走势预测",
        "五、涉美出口企业专章",
        "六、数据说明",
    ]
    words = words_of(report)
    for said in (
        "净减342人（−19.6%），剔除减员最多的2家后净减2人（−0.4%）",
        "海州区（Ⅰ级，单家净减员260人）",
        "不是城镇调查失业率",
        "请报送部门补报：海关出口（连云港海关，滞后）",
        "涉美出口企业3家，参保900人",
        "没有可比的上期，不列变化",
    ):
        assert said in words
    assert "模拟企业" not in words, "enterprises go by their numbers"


def test_the_document_is_paper_with_repeated_heads_and_our_marks(published: Path) -> None:
    _, report = report_of(published)
    content = monthly_docx.document(report, cutoff=CUTOFF)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        body, header = (archive.read(f"word/{name}.xml").decode() for name in ("document", "header1"))
        core = archive.read("docProps/core.xml").decode()
    assert body.count("<w:tblHeader/>") == body.count("<w:tbl>") > 8
    assert 'w:eastAsia="仿宋"' in body
    assert 'w:eastAsia="黑体"' in body
    assert 'w:w="11906" w:h="16838"' in body
    assert "内部资料" in header
    assert ("模拟数据" in header) == report.is_simulated
    assert "2026-11-10T23:59:00Z" in core


def test_the_same_edition_gives_the_same_bytes(published: Path) -> None:
    made = [report_of(published)[1] for _ in range(2)]
    assert monthly_docx.document(made[0], cutoff=CUTOFF) == monthly_docx.document(made[1], cutoff=CUTOFF)
    assert monthly_page.page(made[0]) == monthly_page.page(made[1])


def test_the_sources_tell_the_query_of_each_printed_figure_once(published: Path) -> None:
    _, report = report_of(published)
    rows = list(csv.DictReader(io.StringIO(monthly.ledger_of(figures(report)))))
    assert len({(row["数据项"], row["文中写法"]) for row in rows}) == len(rows)
    by_key = {row["数据项"]: row for row in rows}
    assert by_key["city:city:insured_persons"] == {
        "数据项": "city:city:insured_persons", "数值": "1400", "单位": "人", "文中写法": "1,400",
        "查询": "sql/monthly/city.sql",
    }  # fmt: skip


def test_the_model_says_how_many_and_the_rule_score_does_not(published: Path, tmp_path: Path) -> None:
    assert "本期由规则评分，不预测减员人数" in words_of(report_of(published)[1])
    path = changed(
        published,
        tmp_path,
        "UPDATE out.model SET forecast_label = '未来3个月减少20%及以上'",
        "UPDATE out.area SET expected_event_count = 2.5, expected_loss_persons = 41.4, loss_p95_persons = 88 "
        "WHERE area_kind = '全市'",
    )
    words = words_of(report_of(path)[1])
    assert "未来3个月减少20%及以上的企业3家，减员41人，有九成五的把握不超过88人" in words


def test_the_bulletin_names_no_enterprise_no_colour_and_no_small_cell(published: Path) -> None:
    found = monthly.read(published, largest=LARGEST)
    bulletin = monthly_bulletin.bulletin(found, city="模拟市", bureau="市人社局")
    page = monthly_page.page(bulletin, is_public=True)
    for unsaid in ("内部资料", "预警", "红", "橙", "模拟企业", "YJ", "320706"):
        assert unsaid not in page.split("</style>")[1], unsaid
    now, changed = monthly_bulletin.left_out(found, "行业")
    assert "行业/44" in now, "one enterprise alone in its industry"
    assert len(now) == 2
    assert now <= changed
    rows = next(
        block for part in bulletin.parts for block in part.blocks if plain(block.title) == "分行业参保人数"
    ).rows  # type: ignore[union-attr]
    hidden = [row for row in rows if plain(row[1]) == monthly_bulletin.HIDDEN]
    assert len(hidden) == 2
    assert all(plain(cell) == monthly_bulletin.HIDDEN for row in hidden for cell in row[1:])
    told = {plain(text) for text in texts(bulletin)} | {f"{bulletin.title} {bulletin.edition_id}"}
    assert [text for text in page_texts(page) if NUMBER.search(text) and text not in told] == []
    for figure in figures(bulletin):
        assert again(published, figure) == figure.value


def test_a_city_of_too_few_enterprises_has_no_bulletin_of_them(published: Path, tmp_path: Path) -> None:
    path = changed(published, tmp_path, "DELETE FROM out.county_industry_month WHERE industry_division <> '44'")
    bulletin = monthly_bulletin.bulletin(monthly.read(path, largest=LARGEST), city="模拟市", bureau="市人社局")
    words = words_of(bulletin)
    assert "参保企业数过少" in words
    assert "300" not in words
    assert "求人倍率" in words


def test_what_the_month_before_hid_is_not_given_away_by_the_change() -> None:
    def cell(now: int, before: int) -> dict[str, Any]:
        sizes = {"enterprise_count": now, "before_count": before}
        return {"area_kind": "县区", **sizes, "insured_persons": 20 * now, "before_persons": 20 * before}

    found = Figures({"cell": {"东": cell(3, 2), "西": cell(9, 9), "南": cell(20, 20)}, "limit": {}}, {})
    sizes, changes = monthly_bulletin.left_out(found, "县区")
    assert sizes == frozenset(), "three enterprises are enough now"
    assert changes == {"东", "西"}, "two were not, and the change would tell their staff"


def test_the_month_of_the_report_is_the_editions(published: Path) -> None:
    found, _ = report_of(published)
    assert found.arguments["month"] == OCTOBER
    assert found.value("edition", "edition", "as_of") == DAY
    assert found.value("edition", "edition", "next_month") == add_months(OCTOBER, 1) == date(2026, 11, 1)


def test_what_the_last_report_said_otherwise_is_told_with_the_reason(published: Path, tmp_path: Path) -> None:
    before = tmp_path / "before.duckdb"
    before.write_bytes(published.read_bytes())
    with duckdb.connect(str(before)) as connection:
        connection.execute(f"UPDATE out.edition SET reference_month = DATE '{add_months(OCTOBER, -1)}'")
        connection.execute(
            "UPDATE out.county_industry_month SET insured_persons = insured_persons + 7 "
            f"WHERE month = DATE '{add_months(OCTOBER, -1)}' AND county_code = '320707' AND industry_division = '17'"
        )
    found = monthly.read(published, largest=LARGEST, earlier=before)
    report = monthly_words.report(found, city="模拟市", bureau="市人社局")
    told = found.tables["revision"]
    assert {row["area_name"]: row["revised_persons"] for row in told.values()} == {"全市": -7, "赣榆区": -7}
    assert all(row["was_persons"] + row["revised_persons"] == row["now_persons"] for row in told.values())
    assert "参保人数历史数修订" in words_of(report)
    bulletin = monthly_bulletin.bulletin(found, city="模拟市", bureau="市人社局")
    assert "历史数修订：2026年9月全市参保人数上次公布1,749人，现为1,742人" in words_of(bulletin)
    assert "没有保存上次报告的数据文件" in words_of(report_of(published)[1])


def test_found_true_and_found_false_are_told_apart(published: Path, tmp_path: Path) -> None:
    path = changed(
        published,
        tmp_path,
        "UPDATE out.county_response "
        "SET answered_count = 0, verified_count = 0, false_alarm_count = 0, helped_count = 0",
        "UPDATE out.county_response SET answered_count = 3, verified_count = 4, false_alarm_count = 2, "
        "helped_count = 1 WHERE county_code = '320706'",
    )
    words = words_of(report_of(path)[1])
    assert "已收到走访反馈3件，其中属实2件（帮扶中和已稳定、转化的1件）；本期核实不属实移出2件" in words


def test_orders_of_areas_are_told_with_who_leads_and_until_when(published: Path, tmp_path: Path) -> None:
    columns = "edition_id, order_no, area_kind, county_code, county_name, area_level, task_name, task_text"
    columns += ", responsible_text, issued_on, due_on, order_state, done_on"
    row = (
        "'e', 'QY{}', '县区', '320706', '海州区', 'Ⅰ级', '会商', '1日内会商', '市领导小组', '2026-11-05', '{}', 's', {}"
    )
    given = [(1, "2026-11-06", "NULL"), (2, "2026-11-12", "NULL"), (3, "2026-11-06", "'2026-11-06'")]
    statements = [f"INSERT INTO out.area_order ({columns}) VALUES ({row.format(*one)})" for one in given]
    path = changed(published, tmp_path, *statements)
    words = words_of(report_of(path)[1])
    assert "处置事项3件，已登记完成1件，过期未登记的1件" in words
    assert "已过期限，未登记完成" in words
    assert "等级处置事项过了期限未登记的1件" in words


def test_a_cell_that_one_enterprise_makes_up_is_left_out(published: Path, tmp_path: Path) -> None:
    limits = monthly_bulletin.limits_of(monthly.read(published, largest=LARGEST))
    assert (limits.enterprises, limits.persons, limits.dominance) == (3, 10, 0.85)
    assert limits.is_small(Cell(5, 100, 85))
    assert not limits.is_small(Cell(5, 100, 84))
    found = hidden({"东": Cell(5, 100, 95), "西": Cell(6, 120, 30), "南": Cell(9, 300, 40)}, limits)
    assert found == {"东", "西"}, "the total would give it away alone"
    half = "UPDATE out.parameter SET parameter_value = '50' WHERE parameter_name = 'outer_dominance_pct'"
    stricter = changed(published, tmp_path, half)
    assert monthly_bulletin.limits_of(monthly.read(stricter, largest=LARGEST)).dominance == 0.5
