"""The officer's sentences: why a case is listed, what to do, by when, who. Plain Chinese with numbers, never empty.

Shares are rounded from integers, half up, so the printed figure is the same on every machine. No telephone number, no
person's name.
"""

from collections.abc import Mapping
from datetime import date

from pipelines import formats
from pipelines.parameters import Parameters
from pipelines.stages.edition.cases import VERIFIED_FALSE, Listing, Row
from pipelines.stages.edition.clocks import steps
from pipelines.stages.edition.document import VerifiedFalse
from pipelines.stages.edition.triggers import TINTS

FILTERS: Mapping[str, str] = {
    "labour_agency": "劳务派遣或人事代理单位，单独统计",
    "deregistered": "观察窗口之前已注销或吊销",
}


def month_text(month: date | None) -> str:
    """``2026年10月``."""
    return f"{month.year}年{month.month}月" if month else "本期"


def percent(part: int, whole: int) -> str:
    """Share of ``part`` in ``whole`` at one decimal, rounded half up from integers; both non-negative."""
    tenths = (2000 * part + whole) // (2 * whole)
    return f"{tenths // 10}.{tenths % 10}%"


def loss_clause(row: Row) -> str:
    """``净减少62人（−8.1%）``, with what was taken out of it: a transfer to one enterprise, the festival's share."""
    lost, base = row["net_loss_persons"], row["previous_insured_persons"]
    share = f"（−{percent(lost, base)}）" if base else ""
    change, moved = row["insured_change_1m_persons"], row["transfer_persons"] or 0
    out = [f"整体转移{moved}人"] if moved else []
    if change is not None and -change - moved > lost:
        out.append("春节因素")
    adjusted = f"剔除{'和'.join(out)}后" if out else ""
    return f"{adjusted}净减少{lost}人{share}"


def fact_clause(row: Row) -> str:
    """The fact behind the trigger, without its line and without its month."""
    match row["trigger_code"]:
        case "loss_persons" | "loss_ratio":
            return f"单月{loss_clause(row)}"
        case "absent_once":
            return f"本月无参保记录（上月{row['previous_insured_persons']}人），是否停保待下月确认"
        case "closure_absent":
            return f"连续{row['absent_months']}个月无参保记录（中断前{row['staff_persons']}人）"
        case "closure_deregistered":
            when = f"已于{_day(row['deregistered_on'])}" if row["deregistered_on"] else "已"
            return f"{when}{row['enterprise_status']}（涉及参保{row['staff_persons']}人）"
        case "notice":
            return notice_clause(row)
        case "predicted":
            return forecast_clause(row)
        case "own":
            return own_clause(row)
        case _:
            return f"{row['dimension_count']}个维度同时出现风险信号，风险分{row['points']}分"


def dated_clause(row: Row, month: date | None) -> str:
    """The same fact with its insurance month in front, where it belongs to one."""
    match row["trigger_code"]:
        case "loss_persons" | "loss_ratio" | "absent_once":
            return f"{month_text(month)}{fact_clause(row).removeprefix('单月').removeprefix('本月')}"
        case "closure_absent" | "reasons" | "predicted":
            return f"截至{month_text(month)}{fact_clause(row)}"
        case _:
            return fact_clause(row)


def notice_clause(row: Row) -> str:
    """``已报送裁减人员方案（拟裁减120人，2026年10月12日报送）``."""
    day = f"，{_day(row['notice_reported_on'])}报送" if row["notice_reported_on"] else ""
    return f"已报送裁减人员方案（拟裁减{row['notice_cut_persons']}人{day}）"


def own_clause(row: Row) -> str:
    """``就业科2026年11月12日提出：企业来人反映停产``."""
    return f"{row['own_role']}{_day(row['own_since'])}提出：{row['own_reason']}"


def forecast_clause(row: Row) -> str:
    """What a model foresees, in words."""
    return formats.forecast(row["forecast_label"], row["probability"], row["expected_loss_persons"])


def line_clause(row: Row, limits: Mapping[str, int], *, with_limit: bool = True) -> str:
    """``达到橙色线（≥50人）``."""
    colour, code = row["trigger_colour"], row["trigger_code"]
    if code == "notice":
        return "列为黄色"
    if code == "reasons":
        return "列为蓝色"
    if code == "own":
        return f"由人工列为{colour}色"
    tint = TINTS[colour]
    if code == "predicted":
        chance, loss = limits[f"predicted_{tint}_probability_pct"], limits[f"predicted_{tint}_loss_persons"]
        limit = f"可能性≥{chance}%且预计减员≥{loss}人"
        return f"达到{colour}色预测线（{limit}）" if with_limit else f"达到{colour}色预测线"
    persons, pct = limits[f"{tint}_loss_persons"], limits.get(f"{tint}_loss_pct")
    share = (
        f"≥{pct}%且≥{limits['orange_loss_pct_min_persons']}人"
        if colour == "橙"
        else f"≥{pct}%，上月参保≥{limits['yellow_loss_pct_min_base']}人"
    )
    if code == "loss_ratio":
        limit = share
    elif colour == "红" and code.startswith("closure"):
        limit = f"停保或注销且≥{limits['red_closure_persons']}人"
    elif code == "loss_persons" or colour == "红":
        limit = f"≥{persons}人"
    else:
        limit = f"≥{persons}人，或{share}"
    return f"达到{colour}色线（{limit}）" if with_limit else f"达到{colour}色线"


def trigger_text(row: Row, limits: Mapping[str, int]) -> str:
    """Why the row is triggered tonight, with its numbers and its line; a filed report is said beside."""
    text = f"{fact_clause(row)}，{line_clause(row, limits)}"
    if row["trigger_code"] != "notice" and row["notice_cut_persons"] is not None:
        text = f"{text}；{notice_clause(row)}"
    return text


def standing_text(case: Listing, limits: Mapping[str, int]) -> str:
    """Why the case stands on the list: tonight's trigger, or the one that listed it."""
    if case.is_triggered:
        return trigger_text(case.row, limits)
    assert case.before is not None, "a case without a trigger was listed before"
    fired = max(month for month, held in case.months.items() if held)
    when = month_text(date.fromisoformat(fired)) if fired else "此前"
    text = case.before.trigger_text
    return text if text.startswith(when) else f"{when}触发：{text}"


def remark_text(case: Listing, release_months: int) -> str:
    """Notes on the case, or 无."""
    row, notes = case.row, []
    if row["notice_cut_persons"] is not None:
        notes.append(notice_clause(row))
    if row["own_colour"] is not None and row["trigger_code"] != "own":
        notes.append(f"另由{own_clause(row)}")
    if not case.is_triggered and row["insured_persons"] is None and row["has_features"]:
        notes.append("本月参保数据缺失，暂按上期等级保留")
    elif case.clean_months:
        notes.append(f"已连续{case.clean_months}个月未再触发，连续{release_months}个月未触发后提请解除")
    if case.is_triggered and case.colour != row["trigger_colour"]:
        notes.append("同一数据月内等级不下调")
    if row["enterprise_status"] in ("迁出", "歇业", "注销", "吊销"):
        notes.append(f"登记状态为{row['enterprise_status']}")
    if row["is_labour_agency"]:
        notes.append("劳务派遣或人事代理单位")
    if not row["is_registered"]:
        notes.append("登记信息缺失")
    return "；".join(notes) or "无"


def deadline_text(colour: str, parameters: Parameters, raised_on: date) -> str:
    """``自11月12日下发起12小时内书面报告；5个工作日内（11月19日前）上门走访``."""
    told = "；".join(step.text for step in steps(colour, parameters, raised_on))
    return f"自{raised_on.month}月{raised_on.day}日下发起{told}"


def verified_false_text(entry: VerifiedFalse) -> str:
    """``2026年11月20日走访核实不属实（季节性用工），2027年1月参保月前不再列入；…`` with what ends it earlier."""
    why = f"（{entry.reason}）" if entry.reason else ""
    return (
        f"{_day(entry.visited_on)}走访核实不属实{why}，{month_text(entry.until)}参保月前不再列入；"
        "等级加重、报送裁减人员方案或新的参保月达到红橙线的除外"
    )


def filter_text(code: str, *, capacity: int, verified: VerifiedFalse | None = None) -> str:
    """The filter in words."""
    if code == VERIFIED_FALSE and verified is not None:
        return verified_false_text(verified)
    return FILTERS.get(code) or f"超出本县区本月走访能力（{capacity}家）"


def _day(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"
