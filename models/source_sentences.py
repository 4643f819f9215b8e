"""Sentences for what power, tax, orders, postings, cases, funds, moves and visits say: number, period and source.

Pure: a row of features in, a sentence out. A sentence says what a department recorded and does not judge.
"""

from collections.abc import Callable, Mapping
from typing import Any

from models.reason_words import day_text, month_text, percent, signed_percent, span_text, yuan

Row = Mapping[str, Any]


def _payroll(row: Row) -> str:
    points = percent(row["payroll_insured_change_3m_ratio"]).removesuffix("%")
    return (
        f"{month_text(row['tax_reference_month'])}个税申报{row['payroll_latest_persons']}人，"
        f"较三个月前{signed_percent(row['payroll_change_3m_ratio'])}，与参保人数之比下降{points}个百分点（来源：税务、社保）"
    )


def _complaints(row: Row) -> str:
    persons = row["wage_complaints_30d_persons"]
    involved = f"，涉及{persons}人" if persons else ""
    return f"近30日欠薪诉求{row['wage_complaints_30d_count']}件{involved}（来源：12333、12345、劳动监察）"


def _disputes(row: Row) -> str:
    return (
        f"近90日劳动争议仲裁立案{row['arbitrations_90d_count']}件，其中集体争议{row['collective_disputes_90d_count']}件，"
        f"申请人共{row['arbitrations_90d_persons']}人（来源：劳动仲裁）"
    )


def _power_contract(row: Row) -> str:
    month = month_text(row["power_reference_month"])
    facts = [f"连续{row['power_reduced_months']}个月减容或暂停用电"] if row["power_reduced_months"] else []
    facts += [f"电费欠费{yuan(row['power_unpaid_fen'])}"] if row["power_unpaid_fen"] else []
    return f"截至{month}末{'，'.join(facts)}（来源：供电）"


def _power_fall(row: Row) -> str:
    return (
        f"{span_text(row['power_reference_month'], months=3)}用电量同比{signed_percent(row['power_3m_change_ratio'])}，"
        f"已连续{row['power_fall_months']}个月同比大幅下降（来源：供电）"
    )


def _near_stop(row: Row) -> str:
    month = month_text(row["power_reference_month"])
    return f"截至{month}日均用电为此前12个月日均的{percent(row['power_use_base_ratio'])}（来源：供电）"


def _turnover(row: Row) -> str:
    return (
        f"{span_text(row['tax_reference_month'], months=3)}开票收入{yuan(row['invoiced_3m_fen'])}，"
        f"同比{signed_percent(row['invoiced_3m_change_ratio'])}（来源：税务）"
    )


def _zero_returns(row: Row) -> str:
    return f"截至{month_text(row['tax_reference_month'])}连续{row['zero_vat_months']}个月增值税零申报（来源：税务）"


def _orders(row: Row) -> str:
    month = row["orders_reference_month"]
    stopped = f"{month_text(month)}停工" if (row["stop_level"] or 0) > 1 else ""
    if row["orders_3m_change_ratio"] is None:
        return f"{stopped}（来源：工信）"
    change = signed_percent(row["orders_3m_change_ratio"])
    fall = f"{span_text(month, months=3)}新签订单{yuan(row['orders_3m_fen'])}，同比{change}"
    return f"{'，'.join(part for part in (stopped, fall) if part)}（来源：工信）"


def _dishonest(row: Row) -> str:
    return f"近180日被新增列为失信被执行人{row['dishonest_180d_count']}次（来源：法院）"


def _frozen(row: Row) -> str:
    return f"近90日新增股权冻结、动产抵押{row['frozen_90d_count']}次（来源：市监、法院）"


def _irregular(row: Row) -> str:
    return f"近180日被列入经营异常名录或严重违法失信名单{row['irregular_180d_count']}次（来源：市监）"


def _winding_up(row: Row) -> str:
    month = month_text(row["reference_month"])
    return f"清算或简易注销公告在期，{month}仍参保{row['insured_persons']}人（来源：市监、社保）"


def _grade(row: Row) -> str:
    return f"近一年劳动保障守法诚信等级下降{row['grades_down_365d_count']}级（来源：劳动监察）"


def _claims(row: Row) -> str:
    return (
        f"{month_text(row['claims_reference_month'])}原职工申领失业金{row['claims_1m_persons']}人，"
        f"占参保人数{percent(row['claims_1m_ratio'])}（来源：失业保险）"
    )


def _vacancies(row: Row) -> str:
    return (
        f"{month_text(row['vacancies_reference_month'])}在招岗位{row['open_posts_count']}个，"
        f"上年同月{row['open_posts_year_ago_count']}个（来源：招聘平台）"
    )


def _planned_cut(row: Row) -> str:
    return f"{day_text(row['visit_on'])}走访，企业表示计划减员{row['visit_planned_cut_persons']}人（来源：走访表）"


def _visited_stop(row: Row) -> str:
    state = "停工" if row["visit_stop_level"] > 1 else "压产"
    return f"{day_text(row['visit_on'])}走访，企业处于{state}状态（来源：走访表）"


def _visited_wages(row: Row) -> str:
    return f"{day_text(row['visit_on'])}走访，欠薪涉及{row['visit_unpaid_wage_persons']}人（来源：走访表）"


def _transfer(row: Row) -> str:
    return (
        f"{span_text(row['reference_month'], months=3)}离开人员中{row['transfer_3m_persons']}人同去一家企业参保，"
        "疑为整体转移、并非裁员（来源：社保用工流动）"
    )


def _false_alarm(row: Row) -> str:
    return f"{day_text(row['visit_on'])}走访认定为误报（来源：走访表）"


def _support(row: Row) -> str:
    return (
        f"近6个月获得稳岗支持{row['stabilising_benefits_6m_count']}次，"
        f"最近一次为{day_text(row['stabilising_benefit_on'])}（来源：人社、财政）"
    )


SENTENCES: Mapping[str, Callable[[Row], str]] = {
    "EMP10": _payroll,
    "PAY03": _complaints,
    "PAY04": _disputes,
    "PAY05": _power_contract,
    "OPE01": _power_fall,
    "OPE02": _near_stop,
    "OPE03": _turnover,
    "OPE04": _zero_returns,
    "ORD01": _orders,
    "FIN02": _dishonest,
    "FIN03": _frozen,
    "REG01": _irregular,
    "REG02": _winding_up,
    "REG04": _grade,
    "LAW02": _claims,
    "VAC01": _vacancies,
    "VIS01": _planned_cut,
    "VIS02": _visited_stop,
    "VIS03": _visited_wages,
    "MIT03": _transfer,
    "MIT04": _false_alarm,
    "CON01": _support,
}
