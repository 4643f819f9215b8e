"""The sheets of the officer's workbook: the list, the exporters to the US, what changed, what was left out, the data.

No cell is left empty: where a value is missing the cell says why. The first columns are what goes to paper; the rest
is evidence, read on the screen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pipelines import formats
from pipelines.contracts import Contracts
from pipelines.stages.report.absorption import absorption_sheet
from pipelines.stages.report.content import Content, colour_counts
from pipelines.stages.report.explanation import explanation
from pipelines.stages.report.outlook import area_sheet, target_sheet
from pipelines.stages.report.policies import instrument_sheet, policy_sheet
from pipelines.stages.report.visits import FEED, received_sheet
from pipelines.stages.report.work_orders import order_sheet
from pipelines.stages.report.workbook import Block, Column, Sheet, Style, instant, month, text

PRINTED_COLUMNS = 15
FROZEN_COLUMNS = 3
DATED_BY = {"arrival": "按到达时间", "lag": "按所属期加滞后天数", "mixed": "两种口径并存", "none": "未到数"}
SEVERITIES = {"fail": "必须通过", "warn": "提示"}
STANDINGS = {"verified": "已核实原文", "assumption": "项目默认口径", "memory": "待核实原文"}

_LIST: tuple[tuple[str, int, Style, str], ...] = (
    ("warning_no", 21, "centre", "未编号"),
    ("colour", 6, "colour", "未定"),
    ("enterprise_name", 24, "wrap", "登记信息缺失"),
    ("change_kind", 6, "centre", "未定"),
    ("county_name", 9, "centre", "未知县区"),
    ("street_name", 11, "centre", "未提供"),
    ("industry_name", 14, "wrap", "未知行业"),
    ("is_us_exporter", 6, "centre", "名录未到"),
    ("insured_persons", 9, "count", "无参保记录"),
    ("insured_change_1m_persons", 9, "signed", "无上月数据"),
    ("insured_change_1m_ratio", 9, "signed_percent", "无上月数据"),
    ("reasons_text", 48, "wrap", "详见触发条件"),
    ("action_text", 30, "wrap", "未设定"),
    ("responsible_text", 18, "wrap", "未设定"),
    ("deadline_text", 24, "wrap", "未设定"),
    ("policy_text", 90, "wrap", "未判断"),
    ("refund_margin_persons", 11, "count", "无法测算"),
    ("trigger_text", 48, "wrap", "未触发"),
    ("mitigation_text", 24, "wrap", "未发现"),
    ("completeness_text", 48, "wrap", "未说明"),
    ("previous_colour", 8, "centre", "未列入"),
    ("enterprise_id", 21, "centre", "无代码"),
    ("size_class", 7, "centre", "未定"),
    ("export_us_share_12m_ratio", 10, "percent", "非出口"),
    ("insured_change_3m_ratio", 10, "signed_percent", "无可比数据"),
    ("insured_change_lunar_ratio", 10, "signed_percent", "无可比数据"),
    ("net_loss_persons", 9, "count", "无数据"),
    ("points", 8, "count", "未评分"),
    ("probability", 9, "percent", "未预测"),
    ("expected_loss_persons", 9, "count", "未预测"),
    ("rank_city", 8, "count", "未排位"),
    ("months_listed", 8, "count", "未计"),
    ("listed_since", 12, "centre", "本期"),
    ("case_state", 9, "centre", "待核实"),
    ("remark_text", 24, "wrap", "无"),
    ("edition_id", 15, "centre", "未定"),
)
_HEADERS = {
    "warning_no": "预警编号",
    "colour": "等级",
    "is_us_exporter": "涉美",
    "insured_change_1m_persons": "较上月净增减",
    "insured_change_1m_ratio": "较上月净增减幅度",
    "insured_change_3m_ratio": "较3月前",
    "insured_change_lunar_ratio": "较上年同期",
    "trigger_text": "触发条件（证据）",
}


def main_sheets(content: Content, contracts: Contracts) -> list[Sheet]:
    """Every sheet of ``预警名单.xlsx``."""
    return [
        list_sheet(content, contracts),
        exporter_sheet(content, contracts),
        policy_sheet(content, contracts),
        instrument_sheet(content, contracts),
        change_sheet(content, contracts),
        area_sheet(content, contracts),
        absorption_sheet(content, contracts),
        target_sheet(content, contracts),
        order_sheet(content, contracts),
        *([received_sheet(content)] if FEED in contracts.feeds else []),
        filtered_sheet(content, contracts),
        source_sheet(content, contracts),
        quality_sheet(content, contracts),
        explanation_sheet(content),
        parameter_sheet(content, contracts),
    ]


def of_county(content: Content, county_code: str, county_name: str) -> Content:
    """What one county may see of an edition: its own rows only."""
    return replace(
        content,
        warnings=tuple(w for w in content.warnings if (w["county_code"] or "") == county_code),
        answers=tuple(a for a in content.answers if (a["county_code"] or "") == county_code),
        visits=tuple(v for v in content.visits if v["county_code"] == county_code),
        orders=tuple(o for o in content.orders if o["county_code"] == county_code),
        responses=tuple(r for r in content.responses if r["county_code"] == county_code),
        changes=tuple(c for c in content.changes if c["county_name"] == county_name),
        cells=tuple(c for c in content.cells if c["county_code"] == county_code),
        areas=tuple(a for a in content.areas if a["county_code"] == county_code),
        absorption=tuple(a for a in content.absorption if a["county_code"] == county_code),
        reserve=tuple(r for r in content.reserve if r["county_code"] == county_code),
        caseload=tuple(c for c in content.caseload if c["county_code"] == county_code),
        fairs=tuple(f for f in content.fairs if f["county_code"] == county_code),
        area_orders=tuple(o for o in content.area_orders if o["county_code"] == county_code),
        targets=(),
    )


def county_sheets(own: Content, contracts: Contracts, county_name: str) -> list[Sheet]:
    """The sheets for one county, ``own`` being what it may see."""
    return [
        list_sheet(own, contracts, place=county_name),
        exporter_sheet(own, contracts, place=county_name),
        policy_sheet(own, contracts),
        instrument_sheet(own, contracts),
        change_sheet(own, contracts, place=county_name),
        area_sheet(own, contracts),
        absorption_sheet(own, contracts),
        order_sheet(own, contracts),
        *([received_sheet(own)] if FEED in contracts.feeds else []),
        source_sheet(own, contracts),
        explanation_sheet(own),
    ]


def list_sheet(content: Content, contracts: Contracts, *, place: str = "") -> Sheet:
    """The warning list, by colour, then persons lost."""
    return Sheet(
        name="预警名单",
        title=f"{place or content.city}企业规模性裁员风险预警名单",
        lines=(content.dateline, _totals(content.warnings)),
        blocks=(Block(_list_columns(content, contracts), content.warnings, "本期无预警企业"),),
        frozen=FROZEN_COLUMNS,
        printed=PRINTED_COLUMNS,
        tab="C00000",
    )


def exporter_sheet(content: Content, contracts: Contracts, *, place: str = "") -> Sheet:
    """Listed exporters to the US, with totals of their own (clause 13)."""
    rows = [w for w in content.warnings if w["is_us_exporter"]]
    return Sheet(
        name="涉美出口企业",
        title=f"{place or content.city}涉美出口企业预警名单",
        lines=(f"{content.dateline}　{_exporters(content)}", _totals(rows)),
        blocks=(Block(_list_columns(content, contracts), rows, "本期涉美出口企业中无预警企业"),),
        frozen=FROZEN_COLUMNS,
        printed=PRINTED_COLUMNS,
        tab="4A86C8",
    )


def change_sheet(content: Content, contracts: Contracts, *, place: str = "") -> Sheet:
    """Who entered, rose, fell or left, and why."""
    spec: tuple[tuple[str, int, Style, str], ...] = (
        ("warning_no", 21, "centre", "未编号"),
        ("change_kind", 8, "centre", "未定"),
        ("previous_colour", 9, "colour", "未列入"),
        ("colour", 9, "colour", "不再列入"),
        ("enterprise_name", 30, "wrap", "登记信息缺失"),
        ("enterprise_id", 22, "centre", "无代码"),
        ("county_name", 10, "centre", "未知县区"),
        ("change_cause", 10, "centre", "数据"),
        ("change_text", 60, "wrap", "未说明"),
    )
    kinds = _tally(content.changes, "change_kind")
    return Sheet(
        name="本期变化",
        title=f"{place or content.city}本期变化",
        lines=(content.dateline, f"{content.comparison}。{kinds}"),
        blocks=(Block(_columns(spec, contracts), content.changes, "与上期相比无变化"),),
        frozen=2,
    )


def filtered_sheet(content: Content, contracts: Contracts) -> Sheet:
    """Who meets a trigger and is not on the list, with the filter named."""
    spec: tuple[tuple[str, int, Style, str], ...] = (
        ("colour", 9, "colour", "未定"),
        ("enterprise_name", 30, "wrap", "登记信息缺失"),
        ("enterprise_id", 22, "centre", "无代码"),
        ("county_name", 10, "centre", "未知县区"),
        ("industry_name", 18, "wrap", "未知行业"),
        ("insured_persons", 10, "count", "无参保记录"),
        ("points", 10, "count", "未评分"),
        ("trigger_text", 44, "wrap", "未说明"),
        ("filter_text", 34, "wrap", "未说明"),
    )
    return Sheet(
        name="未列入说明",
        title="达到触发条件但未列入名单的企业",
        lines=(content.dateline, _tally(content.filtered, "filter_text")),
        blocks=(Block(_columns(spec, contracts), content.filtered, "没有达到触发条件而未列入的企业"),),
        frozen=2,
    )


def source_sheet(content: Content, contracts: Contracts) -> Sheet:
    """How far each source reaches, and which insurance months are complete."""
    label = _labels(contracts)
    sources = (
        Column(label["feed_label"], 24, "wrap", text("feed_label", missing="未约定")),
        Column(label["owner"], 24, "wrap", text("owner", missing="未约定")),
        Column(label["is_required"], 10, "centre", _yes("is_required")),
        Column(label["source_state"], 10, "centre", text("source_state", missing="未知")),
        Column(label["latest_month"], 14, "centre", month("latest_month", missing="无")),
        Column(label["months_behind"], 10, "count", text("months_behind", missing="无")),
        Column(label["latest_known_at"], 18, "centre", instant("latest_known_at", missing="从未到数")),
        Column(label["delivery_count"], 10, "count", text("delivery_count", missing="0")),
        Column(label["row_count"], 12, "count", text("row_count", missing="0")),
        Column(label["quarantined_count"], 10, "count", text("quarantined_count", missing="0")),
        Column(label["refused_count"], 10, "count", text("refused_count", missing="0")),
        Column(label["dated_by"], 20, "centre", lambda row: DATED_BY.get(row["dated_by"], "未知")),
    )
    months = (
        Column(label["month"], 24, "centre", month("month", missing="无")),
        Column(label["row_count"], 24, "count", text("row_count", missing="0")),
        Column(label["expected_row_count"], 10, "count", text("expected_row_count", missing="首月")),
        Column(label["insured_persons"], 10, "count", text("insured_persons", missing="无数据")),
        Column(label["is_complete_month"], 14, "centre", _yes("is_complete_month")),
    )
    return Sheet(
        name="数据截至",
        title="数据截至情况",
        lines=(content.dateline,),
        blocks=(
            Block(sources, content.sources, "没有任何数据源", "一、各来源数据"),
            Block(months, tuple(reversed(content.months)), "没有参保月份", "二、参保月份完整性"),
        ),
    )


def quality_sheet(content: Content, contracts: Contracts) -> Sheet:
    """The verdict of the gate and each check behind it, the broken ones first."""
    label = _labels(contracts)
    columns = (
        Column(label["subject"], 30, "wrap", text("subject", missing="全部")),
        Column(label["check_sentence"], 56, "wrap", text("check_sentence", missing="未说明")),
        Column(label["severity"], 10, "centre", lambda row: SEVERITIES.get(row["severity"], row["severity"])),
        Column(label["passed"], 10, "centre", lambda row: "通过" if row["passed"] else "未通过"),
        Column(label["row_count"], 12, "count", text("row_count", missing="不适用")),
        Column(label["bad_row_count"], 12, "count", text("bad_row_count", missing="不适用")),
        Column(label["observed_text"], 44, "wrap", text("observed_text", missing="符合要求")),
    )
    reason = content.verdict["reason_text"]
    broken = sum(not row["passed"] for row in content.results)
    drift = (
        Column("模型输入", 30, "wrap", text("feature_label", missing="未命名")),
        Column(label["stability_index"], 56, "wrap", lambda row: f"{row['stability_index']:.3f}"),
        Column(label["is_drifted"], 10, "centre", _yes("is_drifted")),
    )
    drifted = sum(row["is_drifted"] for row in content.drift)
    title = f"二、评分模型的输入与训练期相比（{len(content.drift)} 项，漂移 {drifted} 项）"
    return Sheet(
        name="质量检查",
        title=f"质量检查结论：{content.verdict['gate_verdict']}",
        lines=(content.dateline, f"共检查 {len(content.results)} 项，未通过 {broken} 项。{reason or ''}"),
        blocks=(
            Block(columns, content.results, "本期没有检查记录", "一、数据检查"),
            Block(drift, content.drift, "当期由规则评分，没有学习模型", title),
        ),
    )


def explanation_sheet(content: Content) -> Sheet:
    """How to read the list."""
    columns = (
        Column("事项", 16, "wrap", text("item", missing="")),
        Column("说明", 118, "wrap", text("text", missing="")),
    )
    rows = [{"item": item, "text": words} for item, words in explanation(content)]
    return Sheet(name="说明", title="使用说明", lines=(content.dateline,), blocks=(Block(columns, rows, "无"),))


def parameter_sheet(content: Content, contracts: Contracts) -> Sheet:
    """Every contestable number behind the list, with its provenance."""
    label = _labels(contracts)
    columns = (
        Column(label["parameter_label"], 40, "wrap", text("parameter_label", missing="未命名")),
        Column(label["parameter_value"], 96, "wrap", text("parameter_value", missing="无")),
        Column(label["parameter_unit"], 16, "wrap", text("parameter_unit", missing="无")),
        Column(label["parameter_standing"], 14, "centre", lambda row: STANDINGS[row["parameter_standing"]]),
        Column(label["parameter_reference"], 44, "wrap", text("parameter_reference", missing="未注明")),
    )
    return Sheet(
        name="参数",
        title="当期参数及出处",
        lines=(
            content.dateline,
            "“项目默认口径”不是本市官方标准，由本局确认后可调整；“待核实原文”须对照原文后使用。",
        ),
        blocks=(Block(columns, content.parameters, "没有在用参数"),),
        frozen=1,
    )


def _list_columns(content: Content, contracts: Contracts) -> list[Column]:
    special = {
        "is_us_exporter": lambda row: "名录未到" if row["is_us_exporter"] is None else _yes("is_us_exporter")(row),
        "listed_since": lambda row: row["listed_since"].isoformat() if row["listed_since"] else "本期",
        "previous_colour": text("previous_colour", missing="首期" if content.is_first else "未列入"),
        "insured_change_1m_ratio": _one_month_ratio,
        "export_us_share_12m_ratio": lambda row: _us_share(content, row),
        "refund_margin_persons": _margin,
    }
    columns = _columns(_LIST, contracts)
    return [
        replace(column, value=special.get(name, column.value))
        for (name, *_), column in zip(_LIST, columns, strict=True)
    ]


def _one_month_ratio(row: Mapping[str, Any]) -> float | str:
    ratio: float | None = row["insured_change_1m_ratio"]
    if ratio is not None:
        return ratio
    return "无上月数据" if row["insured_change_1m_persons"] is None else "上月为零"


def _margin(row: Mapping[str, Any]) -> int | str:
    spare: int | None = row["refund_margin_persons"]
    return "无法测算" if spare is None else "将超上限" if spare < 0 else spare


def _us_share(content: Content, row: Mapping[str, Any]) -> float | str:
    share: float | None = row["export_us_share_12m_ratio"]
    if share is not None:
        return share
    return "无海关数据" if content.customs_missing or row["is_us_exporter"] else "非出口"


def _columns(spec: Sequence[tuple[str, int, Style, str]], contracts: Contracts) -> list[Column]:
    return [
        Column(_header(name, contracts), width, style, text(name, missing=missing))
        for name, width, style, missing in spec
    ]


def _header(name: str, contracts: Contracts) -> str:
    column = contracts.column(name)
    label = _HEADERS.get(name, column.label)
    return f"{label}（{column.unit}）" if column.unit else label


def _labels(contracts: Contracts) -> dict[str, str]:
    return {name: column.comment for name, column in contracts.columns.items()}


def _yes(name: str) -> Any:
    return lambda row: "无数据" if row[name] is None else "是" if row[name] else "否"


def _totals(rows: Sequence[Mapping[str, Any]]) -> str:
    totals = colour_counts(rows)  # type: ignore[arg-type]
    listed = "　".join(f"{colour} {number} 家" for colour, number in totals.items())
    insured = sum(row["insured_persons"] or 0 for row in rows)
    return f"合计 {len(rows)} 家：{listed}；参保 {formats.count(insured)} 人"


def _exporters(content: Content) -> str:
    month_rows = [c for c in content.cells if c["month"] == content.edition["reference_month"]]
    if all(c["us_exporter_count"] is None for c in month_rows):
        return "涉美出口企业名录和海关数据均未到，家数不详"
    firms = sum(c["us_exporter_count"] or 0 for c in month_rows)
    insured = sum(c["us_exporter_insured_persons"] or 0 for c in month_rows)
    return f"在保涉美出口企业 {formats.count(firms)} 家、参保 {formats.count(insured)} 人"


def _tally(rows: Sequence[Mapping[str, Any]], name: str) -> str:
    totals: dict[str, int] = {}
    for row in rows:
        totals[row[name]] = totals.get(row[name], 0) + 1
    listed = "；".join(f"{kind} {number} 家" for kind, number in sorted(totals.items(), key=lambda kv: (-kv[1], kv[0])))
    return f"共 {len(rows)} 家" + (f"：{listed}" if listed else "")
