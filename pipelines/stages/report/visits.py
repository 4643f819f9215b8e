"""The visit form, one workbook per county with its cases, and what became of the forms that came back.

What identifies a case is filled in and locked; answers are chosen or typed, in the columns that the feed ``follow_up``
reads. The number of a visit holds the edition's day, so that the next edition's form is another visit.
"""

from collections.abc import Mapping
from typing import Any

from pipelines.contracts import RETRACTED, Contracts, Feed
from pipelines.stages.report.content import Content
from pipelines.stages.report.workbook import Block, Column, Sheet, Style, text

FEED = "follow_up"
GIVEN = ("visit_no", "warning_no", "enterprise_id")
FIRST = (
    "visited_on",
    "visit_mode",
    "is_false_alarm",
    "false_alarm_reason",
    "operation_status",
    "visited_staff_persons",
    "planned_cut_persons",
    "services_given",
    "case_outcome",
)
"""What every visit has to tell; these columns go to paper, what else the feed reads stands behind them."""
YES_NO = ("是", "否")
HINTS = {
    "visited_on": "未走访的行留空，不作处理",
    "services_given": "从五类服务中填：就业政策、技能培训、劳动维权、社保衔接、专场招聘，以顿号分隔",
    "is_false_alarm": "尚在核实的留空",
    "planned_1m_persons": "减少填负数",
    "planned_3m_persons": "减少填负数",
    "orders_change_bp": "与上年同期相比，下降填负数，如-30",
    "unpaid_wage_fen": "以元为单位",
}
WIDTHS = {"services_given": 30, "cut_reason": 14, "false_alarm_reason": 16}


def form(content: Content, contracts: Contracts, *, place: str) -> Sheet:
    """The form of a county; ``content`` holds that county's cases only."""
    feed = contracts.feeds[FEED]
    rows = [{**case, "visit_no": visit_no(case, content.edition["as_of"])} for case in content.warnings]
    given: tuple[tuple[str, str, int, Style], ...] = (
        (_header("visit_no", feed), "visit_no", 27, "centre"),
        (_header("warning_no", feed), "warning_no", 21, "centre"),
        ("等级", "colour", 6, "colour"),
        ("企业名称", "enterprise_name", 26, "wrap"),
        (_header("enterprise_id", feed), "enterprise_id", 21, "centre"),
        ("处置状态", "case_state", 9, "centre"),
        ("反馈时限", "deadline_text", 24, "wrap"),
    )
    columns = [Column(header, width, style, text(name, missing="无")) for header, name, width, style in given]
    others = [name for name in feed.columns if name not in (*GIVEN, *FIRST, RETRACTED)]
    columns += [_asked(name, feed, contracts) for name in (*FIRST, *others)]
    return Sheet(
        name="走访跟进表",
        title=f"{place}预警企业走访跟进表",
        lines=(
            content.dateline,
            "黄底各列由县区填写，其余各列已锁定；未走访的行留空。填好后整份发回，放入本县区交换文件夹或市局收件箱；"
            "同一企业以走访日期最晚的一次为准。不填个人姓名、身份证号和电话。",
        ),
        blocks=(Block(columns, rows, "本期本县区无预警企业"),),
        frozen=4,
        printed=len(given) + len(FIRST),
        is_form=True,
    )


def visit_no(case: Mapping[str, Any], as_of: Any) -> str:
    """The number of the visit that the form of an edition asks for, ``<warning_no>-<its day>``."""
    return f"{case['warning_no']}-{as_of:%y%m%d}"


def _header(name: str, feed: Feed) -> str:
    return feed.columns[name].header[0]


def _asked(name: str, feed: Feed, contracts: Contracts) -> Column:
    """An answer as the contract reads it."""
    column, delivered = contracts.feed_column(feed, name), feed.columns[name]
    header = f"{delivered.header[0]}（{delivered.unit}）" if delivered.unit else delivered.header[0]
    width, hint = WIDTHS.get(name, 12), HINTS.get(name, "")
    if column.codes or column.type == "boolean":
        choices = tuple(str(code) for code in column.codes) if column.codes else YES_NO
        return Column(header, width, "centre", _nothing, choices=choices, takes="choice", hint=hint)
    if column.type in {"date", "integer"}:
        return Column(header, width, "centre", _nothing, takes="date" if column.type == "date" else "whole", hint=hint)
    numeric = column.type in {"fen", "basis_point"}
    return Column(header, width, "centre", _nothing, takes="decimal" if numeric else "text", hint=hint)


def _nothing(_: Mapping[str, Any]) -> str:
    return ""


def received_sheet(content: Content) -> Sheet:
    """Every form that answers a case, or meant to: the refused ones first, with what to do."""
    columns = (
        Column("接收结果", 16, "centre", text("answer_state", missing="未知")),
        Column("接收说明", 52, "wrap", text("answer_text", missing="未说明")),
        Column("走访编号", 28, "centre", text("visit_no", missing="未编号")),
        Column("预警编号", 21, "centre", text("warning_no", missing="未填")),
        Column("企业名称", 30, "wrap", text("enterprise_name", missing="登记信息缺失")),
        Column("县区", 10, "centre", text("county_name", missing="未知县区")),
        Column("走访日期", 13, "centre", lambda row: row["visited_on"].isoformat()),
        Column("走访方式", 10, "centre", text("visit_mode", missing="未填")),
        Column("填报后状态", 12, "centre", text("case_state", missing="未填")),
        Column("已提供服务", 26, "wrap", text("services_given", missing="未填")),
        Column("误报原因", 14, "centre", text("false_alarm_reason", missing="无")),
    )
    order = ("未采纳", "已采纳", "已有更晚的走访")
    rows = sorted(content.visits, key=lambda row: order.index(row["answer_state"]))
    counted = "、".join(f"{state} {sum(r['answer_state'] == state for r in rows)} 次" for state in order)
    return Sheet(
        name="反馈接收",
        title="走访反馈接收情况",
        lines=(
            content.dateline,
            f"共 {len(rows)} 次：{counted}。同一企业以走访日期最晚的一次为准；未采纳的请按说明改正后重新报送。"
            "整行未能读取的，见发给县区人社局的数据质量反馈。",
        ),
        blocks=(Block(columns, rows, "还没有收到走访反馈；请填写走访表后发回"),),
        frozen=2,
    )
