"""Help on paper: how each instrument stands on the day, what each listed enterprise may have, and what may leave."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pipelines import formats
from pipelines.contracts import Contracts
from pipelines.policy.instrument import DRAFT_TEXT, ELIGIBLE, EXPIRED, ISSUED, UNKNOWN
from pipelines.policy.instruments import INSTRUMENTS
from pipelines.run import Run, atomic_file
from pipelines.stages.report.content import Content, Row
from pipelines.stages.report.workbook import Block, Column, Sheet, Style, text
from pipelines.warehouse import Warehouse

PUSH = "政策推送.csv"
DEPARTMENTS_SHOWN = 3
PUSHED = (
    "SELECT e.enterprise_id AS 统一社会信用代码, a.instrument_id AS 政策代码, i.instrument_name AS 政策名称, "
    "a.policy_answer AS 判断, a.amount_fen AS 测算金额分, i.ends_on AS 截止日期, a.basis_kind AS 依据类别, "
    "w.edition_id AS 期次 FROM edition.policy_answer AS a JOIN core.enterprise AS e USING (enterprise_no) "
    "JOIN edition.policy_instrument AS i USING (instrument_id) CROSS JOIN edition.edition AS w "
    "WHERE a.basis_kind = $issued AND a.policy_answer = $eligible "
    "AND a.instrument_id NOT IN (SELECT unnest($unsettled::VARCHAR[])) ORDER BY e.enterprise_id, a.instrument_id"
)


def policy_sheet(content: Content, contracts: Contracts) -> Sheet:
    """Each listed enterprise and what it may have, instrument by instrument; those that are over are not asked."""
    spec: tuple[tuple[str, int, Style, str], ...] = (
        ("warning_no", 21, "centre", "未编号"),
        ("colour", 6, "colour", "未定"),
        ("enterprise_name", 24, "wrap", "登记信息缺失"),
        ("county_name", 9, "centre", "未知县区"),
        ("instrument_name", 22, "wrap", "未命名"),
        ("policy_answer", 11, "centre", "未定"),
        ("amount_fen", 11, "centre", "不适用"),
        ("deadline_text", 18, "wrap", "未注明"),
        ("failing_text", 28, "wrap", "无"),
        ("missing_text", 28, "wrap", "无"),
        ("by_hand_text", 48, "wrap", "无"),
        ("departments_text", 24, "wrap", "未注明"),
        ("received_on", 12, "centre", "无记录"),
        ("basis_kind", 11, "centre", "未注明"),
    )
    columns = [
        replace(column, value=_leading) if name == "departments_text" else column
        for (name, *_), column in zip(spec, _columns(spec, contracts), strict=True)
    ]
    return Sheet(
        name="可享政策",
        title="预警企业可享政策（按期次当日判断，已到期的见“政策状态”）",
        lines=(content.dateline, f"{DRAFT_TEXT}；金额为测算，以审核为准。征求意见稿中的政策不得作为已定政策告知企业。"),
        blocks=(Block(columns, content.answers, "本期没有预警企业"),),
        frozen=3,
    )


def instrument_sheet(content: Content, contracts: Contracts) -> Sheet:
    """Every instrument as it stands on the day, with its windows, and what only a person can check."""
    spec: tuple[tuple[str, int, Style, str], ...] = (
        ("instrument_name", 24, "wrap", "未命名"),
        ("clause_no", 6, "count", "无"),
        ("beneficiary", 8, "centre", "未定"),
        ("instrument_state", 9, "centre", "未定"),
        ("ends_on", 12, "centre", "未注明"),
        ("state_text", 28, "wrap", "未定"),
        ("worth_text", 30, "wrap", "未注明"),
        ("by_hand_text", 40, "wrap", "无"),
        ("windows_text", 38, "wrap", "未注明"),
        ("departments_text", 56, "wrap", "未注明"),
        ("basis_text", 20, "wrap", "未注明"),
    )
    return Sheet(
        name="政策状态",
        title="各项政策当日状态",
        lines=(content.dateline, f"{DRAFT_TEXT}。文本没有写明的日期和标准写“未注明”，不作推定。"),
        blocks=(Block(_columns(spec, contracts), content.instruments, "没有政策条款"),),
        frozen=1,
    )


def summary(content: Content) -> dict[str, Any]:
    """For the briefing: instruments in force with what listed enterprises may have, and those that are over."""
    counted = Counter((row["instrument_id"], row["policy_answer"]) for row in content.answers)
    asked = {row["instrument_id"] for row in content.answers}
    amounts: Counter[str] = Counter()
    for row in content.answers:
        amounts[row["instrument_id"]] += row["amount_fen"] or 0
    running = [
        {
            "name": row["instrument_name"],
            "eligible": counted[row["instrument_id"], ELIGIBLE],
            "unknown": counted[row["instrument_id"], UNKNOWN],
            "amount": formats.yuan(amounts[row["instrument_id"]]) if amounts[row["instrument_id"]] else "—",
            "ends": row["deadline_text"],
            "worth": row["worth_text"],
        }
        for row in content.instruments
        if row["instrument_id"] in asked
    ]
    over: Sequence[Row] = [row for row in content.instruments if row["instrument_state"] == EXPIRED]
    return {"running": running, "over": over, "draft": DRAFT_TEXT}


def push(run: Run, warehouse: Warehouse) -> int:
    """Write ``政策推送.csv`` for the city's service platform; gives its rows.

    Only what rests on an issued text and on no number that is an assumption.
    """
    known = run.parameters.known
    unsettled = [
        one.instrument_id
        for one in INSTRUMENTS.values()
        if any(known[number].standing == "assumption" for number in one.numbers)
    ]
    rows = warehouse.frame(PUSHED, issued=ISSUED, eligible=ELIGIBLE, unsettled=unsettled)
    with atomic_file(run.edition_folder / PUSH) as path:
        rows.write_csv(path, include_bom=True)
    return rows.height


def _columns(spec: Sequence[tuple[str, int, Style, str]], contracts: Contracts) -> tuple[Column, ...]:
    shown = {"amount_fen": _amount, "ends_on": _day("ends_on", "未注明"), "received_on": _day("received_on", "无记录")}
    return tuple(
        Column(contracts.column(name).label, width, style, shown.get(name, text(name, missing=missing)))
        for name, width, style, missing in spec
    )


def _leading(row: Row) -> str:
    """The departments that lead; where they are many, the other sheet names them all."""
    names = (row["departments_text"] or "未注明").split("、")
    if len(names) <= DEPARTMENTS_SHOWN + 1:
        return "、".join(names)
    return f"{'、'.join(names[:DEPARTMENTS_SHOWN])}等{len(names)}个单位（见“政策状态”）"


def _amount(row: Row) -> str:
    return "不适用" if row["amount_fen"] is None else formats.yuan(row["amount_fen"])


def _day(name: str, missing: str) -> Any:
    return lambda row: row[name].isoformat() if row[name] else missing
