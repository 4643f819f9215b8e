"""The sheet of work orders: how each county stands, then every order, the late ones first."""

from datetime import date
from typing import Any

from pipelines.contracts import Contracts
from pipelines.stages.report.content import Content
from pipelines.stages.report.workbook import Block, Column, Sheet, Style, text

ORDER = ("逾期", "办理中", "由责任单位登记", "逾期完成", "按期完成")
COUNTED = (
    "case_count",
    "answered_count",
    "late_case_count",
    "late_order_count",
    "done_order_count",
    "verified_count",
    "false_alarm_count",
    "helped_count",
    "closed_case_count",
    "closed_visited_count",
    "closed_true_count",
)


def order_sheet(content: Content, contracts: Contracts) -> Sheet:
    """All orders of the listed cases, and the counts of each county."""
    spec: tuple[tuple[str, int, Style, str], ...] = (
        ("order_state", 14, "centre", "未知"),
        ("task_text", 34, "wrap", "未说明"),
        ("enterprise_name", 26, "wrap", "登记信息缺失"),
        ("colour", 8, "colour", "未定"),
        ("county_name", 10, "centre", "未知县区"),
        ("responsible_text", 26, "wrap", "未设定"),
        ("due_on", 16, "centre", "未规定"),
        ("done_on", 12, "centre", "未完成"),
        ("escalation_text", 24, "wrap", "无"),
        ("order_kind", 10, "centre", "未定"),
        ("order_no", 30, "centre", "未编号"),
    )
    columns = [
        Column(contracts.column(name).label, width, style, _due if name == "due_on" else _told(name, missing))
        for name, width, style, missing in spec
    ]
    rows = sorted(content.orders, key=lambda row: (ORDER.index(row["order_state"]), row["due_on"] or date.max))
    late = sum(row["order_state"] == ORDER[0] for row in rows)
    counties = [Column("县区", 14, "centre", text("county_name", missing="未知县区"))]
    counties += [Column(contracts.column(name).comment, 14, "count", text(name, missing="0")) for name in COUNTED]
    return Sheet(
        name="工单",
        title="处置工单",
        lines=(
            content.dateline,
            f"共 {len(rows)} 件，逾期 {late} 件。走访和服务以发回的走访表为准；时限自列入或升级之日起算，当日不计。"
            "报告、方案等走访表不能反映的事项，由责任单位登记，本表不判断是否逾期。",
        ),
        blocks=(
            Block(counties, content.responses, "没有预警企业", "一、各县区办理情况"),
            Block(columns, rows, "没有工单", "二、工单明细"),
        ),
    )


def _told(name: str, missing: str) -> Any:
    plain = text(name, missing=missing)

    def told(row: dict[str, Any]) -> Any:
        found = plain(row)
        return found.isoformat() if isinstance(found, date) else found

    return told


def _due(row: dict[str, Any]) -> str:
    if row["due_on"] is None:
        return "未规定"
    estimated = "（暂按周末推算）" if row["is_due_estimated"] else ""
    return f"{row['due_on'].isoformat()}{estimated}"
