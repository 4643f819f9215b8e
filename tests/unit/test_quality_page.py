"""The quality page: alone, without scripts, the same bytes; an empty night and a closed gate have one too."""

import re
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from edition_frames import MONTH, fill, in_memory, make_run, store

from pipelines.run import add_months
from pipelines.stages import report
from pipelines.stages.report import quality, quality_charts, quality_content
from pipelines.warehouse import Warehouse

NOVEMBER = date(2026, 11, 1)


def told(warehouse: Warehouse) -> None:
    """Thirteen months of two feeds, departments that get better, a correction that does not fit, an approval over."""
    feeds = (("insurance_month", "市人社局、市税务局", 5000), ("customs_export", "连云港海关", 300))
    store(
        warehouse,
        "gate.feed_month",
        [
            {"feed": feed, "month": add_months(MONTH, -back), "row_count": rows // (4 if back == 0 else 1),
             "expected_row_count": None if back == 12 else rows}
            for feed, _, rows in feeds
            for back in range(13)
            if back != 3
        ],
    )  # fmt: skip
    store(
        warehouse,
        "gate.feed_quality",
        [
            {"feed": feed, "feed_label": feed, "owner": owner, "quality_month": add_months(NOVEMBER, -back),
             "is_month_over": back > 0, "due_month": add_months(MONTH, -back), "days_late": back % 3, "file_count": 1,
             "refused_count": 0, "row_count": rows, "quarantined_count": back * rows // 100, "asked_count": 0,
             "open_count": 0, "timeliness_points": 90, "validity_points": 100 - back, "quality_points": 95 - back}
            for feed, owner, rows in feeds
            for back in range(13)
        ],
    )  # fmt: skip
    store(
        warehouse,
        "gate.department_quality",
        [
            {"owner": owner, "quality_month": add_months(NOVEMBER, -back), "is_month_over": back > 0, "feed_count": 1,
             "timeliness_points": 90, "validity_points": 100 - back, "quality_points": 95 - back}
            for _, owner, _ in feeds
            for back in range(13)
        ],
    )  # fmt: skip
    store(
        warehouse,
        "gate.feed_check",
        [
            {"feed": "customs_export", "check_id": f"k{n}", "check_sentence": f"规则<{n}>", "severity": "fail",
             "file_count": 2, "row_count": 300, "bad_row_count": 12 - n if n < 10 else 0}
            for n in range(12)
        ],
    )  # fmt: skip
    store(
        warehouse,
        "gate.feed_drift",
        [
            {"feed": "customs_export", "column_name": "export_usd_cent", "column_label": "出口额", "month": MONTH,
             "compared_month": add_months(MONTH, -12), "row_count": 75, "compared_row_count": 300,
             "median_before": 123_400.0, "median_now": 12_340_000.0, "missing_before_ratio": 0.0,
             "missing_now_ratio": 0.25, "stability_index": 2.345, "by_chance_index": 0.1, "is_drifted": True}
        ],
    )  # fmt: skip
    store(
        warehouse,
        "ingest.correction",
        [
            {"correction_id": "tax-1", "correction_digest": "d", "feed": "tax_month", "feed_label": "税收月度信息",
             "owner": "市税务局", "correction_action": "replace", "column_name": "invoiced_fen",
             "column_label": "开票收入", "reason_text": "来函", "reporter": "市税务局",
             "corrected_on": date(2026, 11, 1),
             "expires_on": None, "correction_state": "源头已变", "row_count": 0,
             "observed_text": "源头现值与登记的错误值不符（1行），未采用"}
        ],
    )  # fmt: skip
    store(
        warehouse,
        "ingest.purpose",
        [
            {"feed": "tax_month", "feed_label": "税收月度信息", "owner": "市税务局", "catalogue": "未知",
             "purpose_text": "监测", "purpose_until": date(2026, 6, 30), "uses_text": "监测预警",
             "purpose_state": "已到期", "unused_count": 2, "withheld_text": "县区数据文件"}
        ],
    )  # fmt: skip


def made(folder: Path, *, is_told: bool = True, verdict: dict[str, Any] | None = None) -> str:
    warehouse = in_memory()
    fill(warehouse, [])
    if is_told:
        told(warehouse)
    if verdict:
        store(warehouse, "gate.verdict", [verdict])
    run = make_run(folder)
    report.write_quality(run, warehouse)
    return (run.edition_folder / report.QUALITY).read_text(encoding="utf-8")


def test_the_page_stands_alone_and_is_the_same_each_time(tmp_path: Path) -> None:
    text = made(tmp_path / "a")
    assert text == made(tmp_path / "b")
    assert "<script" not in text
    assert "url(" not in text
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", text)
    assert "【内部资料 注意保管】" in text
    assert "模拟数据" in text
    assert "数据截止 2026-11-12 02:00" in text


def test_every_mark_of_a_chart_has_its_text(tmp_path: Path) -> None:
    charts = re.findall(r'<svg class="chart".*?</svg>', made(tmp_path), re.DOTALL)
    assert len(charts) == 4
    for chart in charts:
        marks = len(re.findall("<rect|<circle", chart))
        words = len(re.findall(r'<text x="[^"]+" y="[^"]+">', chart))
        assert marks in (words, words - 1), "a month without rows has its word 无 and no bar"
    assert "1,250" in charts[0] + charts[2]
    assert ">无</text>" in charts[0]


def test_it_tells_verdict_departments_drift_corrections_and_purposes(tmp_path: Path) -> None:
    text = made(tmp_path)
    assert "质量关：通过（有提示）。24项数据中，滞后1项（海关出口），未到21项" in text
    assert "二、各部门数据质量得分（2026年10月）" in text
    assert re.search(r"连云港海关</th><td class=\"n strong\">94</td><td class=\"n\">\+1</td>", text)
    assert "规则&lt;0&gt;" in text
    assert "1,234美元" in text
    assert "123,400美元" in text
    assert "2.35" in text or "2.34" in text
    assert "源头现值与登记的错误值不符（1行），未采用" in text
    assert "已到期" in text
    assert "不提供县区数据文件" in text
    for word in ("及时性30", "每逾期1日扣5分", "退回满15日"):
        assert word in text


def test_a_closed_gate_says_so_and_what_to_do(tmp_path: Path) -> None:
    reasons = "；".join(f"理由{n}" for n in range(15))
    text = made(tmp_path, verdict={"gate_verdict": "关闭", "reason_text": reasons, "mail_text": "m"})
    assert "（未发布）" in text
    assert "名单不发布，上一期继续有效" in text
    assert text.count("<li>理由") == 12
    assert "另有 3 条" in text
    assert 'class="verdict v-关闭"' in text


def test_a_night_of_which_nothing_is_known_has_a_page(tmp_path: Path) -> None:
    warehouse = in_memory()
    fill(warehouse, [])
    for table in ("core.source_status", "gate.result", "ingest.quarantine", "ingest.refusal"):
        store(warehouse, table, [])
    run = make_run(tmp_path)
    text = quality.page(quality_content.read(run, warehouse))
    for words in (
        "本期没有检查记录",
        "还没有可以考核的月份",
        "还没有收到任何数据",
        "本期没有登记的数据更正",
        "24项数据中，未到24项",
    ):
        assert words in text
    assert "None" not in text


def test_charts_of_nothing_and_of_one_month() -> None:
    assert quality_charts.volume([]).marks == ()
    (mark,) = quality_charts.volume([(MONTH, 0, None, False)]).marks
    assert (mark.label, mark.height, mark.measure_y) == ("0", 0.0, 0.0)
    chart = quality_charts.rate([(MONTH, None), (NOVEMBER, 0.5)], limit=0.05)
    assert [(m.label, m.is_known, m.is_odd) for m in chart.marks] == [("无", False, False), ("50.0%", True, True)]
    assert chart.lines == ()
    spark = quality_charts.spark([(MONTH, 50), (NOVEMBER, None)])
    assert (len(spark.dots), spark.lines, spark.title) == (1, (), "2026年10月50分")


@pytest.mark.parametrize(
    ("value", "kind", "said"),
    [
        (None, "fen", "无数据"),
        (123456.0, "fen", "1,235元"),
        (-50.0, "usd_cent", "−0美元"),
        (325.0, "basis_point", "3.25%"),
        (1234567.0, "integer", "1,234,567"),
    ],
)
def test_medians_read_as_their_senders_write_them(value: float | None, kind: str, said: str) -> None:
    assert quality.amount(value, kind) == said


def test_the_briefing_leads_to_it(tmp_path: Path) -> None:
    warehouse = in_memory()
    fill(warehouse, [])
    told(warehouse)
    run = make_run(tmp_path)
    report.run(run, warehouse)
    text = (run.edition_folder / "briefing.html").read_text(encoding="utf-8")
    assert '<a href="quality.html">数据质量报告</a>' in text
    assert "本期登记数据更正 1 条，其中采用 0 条" in text
    assert (run.edition_folder / "quality.html").is_file()


def test_departments_get_their_points_and_personal_values_stay_hidden(tmp_path: Path) -> None:
    from python_calamine import CalamineWorkbook

    warehouse = in_memory()
    fill(warehouse, [])
    told(warehouse)
    hidden = {
        "feed": "labour_flow", "feed_label": "单位间用工流动", "owner": "市人社局", "batch": "ab12", "delivery_no": 9,
        "received_at": datetime(2026, 11, 5, 8), "line_no": 7, "column_name": "moved_persons",
        "column_label": "流动人数", "raw_value": "（不留存原值）", "check_id": "between:moved_persons",
        "check_sentence": "流动人数应在1到500000之间",
    }  # fmt: skip
    store(warehouse, "ingest.quarantine", [hidden])
    run = make_run(tmp_path)
    report.run(run, warehouse)
    folder = run.edition_folder / "feedback"
    assert sorted(path.stem for path in folder.iterdir()) == ["市人社局", "市人社局_市税务局", "未约定", "连云港海关"]
    book = CalamineWorkbook.from_path(str(folder / "连云港海关.xlsx"))
    rows = book.get_sheet_by_name("质量得分").to_python(skip_empty_area=False)
    assert rows[4][:4] == ["考核月份", "当月是否已满", "数据质量得分", "及时性得分"]
    assert rows[5][:5] == ["2026年11月", "否，至今", 95, 90, "不计"]
    assert rows[6][0] == "2026年10月"
    detail = CalamineWorkbook.from_path(str(folder / "市人社局.xlsx")).get_sheet_by_name("隔离明细")
    (row,) = detail.to_python(skip_empty_area=False)[4:5]
    assert row[5:] == ["（不留存原值）", "流动人数应在1到500000之间", "核对数值和单位（元、万元），改正后重报"]


def test_names_without_a_code_are_counted_and_the_workbook_is_named(tmp_path: Path) -> None:
    warehouse = in_memory()
    fill(warehouse, [])
    keys = ("甲公司|320706|", "乙公司|320706|", "丙公司||")
    store(warehouse, "core.named", [{"name_key": key, "named_as": key[:3], "row_count": 7} for key in keys])
    store(warehouse, "core.name_link", [{"name_key": keys[0], "link_method": "全称一致", "row_count": 7}])
    store(warehouse, "core.name_candidate", [{"name_key": key, "candidate_no": 1} for key in keys[1:]])
    run = make_run(tmp_path)
    report.write_quality(run, warehouse)
    text = (run.edition_folder / report.QUALITY).read_text(encoding="utf-8")
    assert '<th scope="row">全称一致</th><td class="n">1</td><td class="n">7</td>' in text
    assert '<th scope="row">待认定</th><td class="n">2</td><td class="n">14</td>' in text
    assert 'href="名称认定表.xlsx"' in text
    assert "甲公司" not in text
