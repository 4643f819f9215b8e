"""Reasons from power, tax, orders, postings, cases, help, visits and moves: when they fire and what they say."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest
from test_rule_score import IN_FORCE, QUIET, RULES, fired, frame

from models import reason_sentences, rule_score
from pipelines.stages.features.sources import EVENTS, MONTHLY

APRIL, MAY, JUNE = date(2025, 4, 1), date(2025, 5, 1), date(2025, 6, 3)
REACHED = {f"{name}_reference_month": MAY for name in ("power", "orders", "vacancies", "claims", "hires")}
REACHED["tax_reference_month"] = APRIL
SAID: dict[str, tuple[dict[str, Any], str]] = {
    "EMP10": (
        {
            "payroll_insured_change_3m_ratio": -0.125,
            "payroll_change_3m_ratio": -0.2,
            "payroll_latest_persons": 80,
        },
        "2025年4月个税申报80人，较三个月前−20.0%，与参保人数之比下降12.5个百分点（来源：税务、社保）",
    ),
    "PAY03": (
        {"wage_complaints_30d_count": 2, "wage_complaints_30d_persons": 10},
        "近30日欠薪诉求2件，涉及10人（来源：12333、12345、劳动监察）",
    ),
    "PAY04": (
        {"arbitrations_90d_count": 3, "collective_disputes_90d_count": 1, "arbitrations_90d_persons": 21},
        "近90日劳动争议仲裁立案3件，其中集体争议1件，申请人共21人（来源：劳动仲裁）",
    ),
    "PAY05": (
        {"power_reduced_months": 2, "power_unpaid_fen": 850_000},
        "截至2025年5月末连续2个月减容或暂停用电，电费欠费8500元（来源：供电）",
    ),
    "OPE01": (
        {"power_fall_months": 2, "power_3m_change_ratio": -0.452},
        "2025年3—5月用电量同比−45.2%，已连续2个月同比大幅下降（来源：供电）",
    ),
    "OPE02": ({"power_use_base_ratio": 0.24}, "截至2025年5月日均用电为此前12个月日均的24.0%（来源：供电）"),
    "OPE03": (
        {"invoiced_3m_change_ratio": -0.5, "invoiced_3m_fen": 123_456_789, "invoiced_3m_year_ago_fen": 250_000_000},
        "2025年2—4月开票收入123.5万元，同比−50.0%（来源：税务）",
    ),
    "OPE04": ({"zero_vat_months": 3}, "截至2025年4月连续3个月增值税零申报（来源：税务）"),
    "ORD01": (
        {
            "stop_level": 2,
            "orders_3m_change_ratio": -0.7,
            "orders_3m_fen": 9_000_000,
            "orders_3m_year_ago_fen": 30_000_000,
        },
        "2025年5月停工，2025年3—5月新签订单9.0万元，同比−70.0%（来源：工信）",
    ),
    "FIN02": ({"dishonest_180d_count": 1}, "近180日被新增列为失信被执行人1次（来源：法院）"),
    "FIN03": ({"frozen_90d_count": 2}, "近90日新增股权冻结、动产抵押2次（来源：市监、法院）"),
    "REG01": ({"irregular_180d_count": 1}, "近180日被列入经营异常名录或严重违法失信名单1次（来源：市监）"),
    "REG02": ({"winding_up_open_count": 1}, "清算或简易注销公告在期，2025年5月仍参保100人（来源：市监、社保）"),
    "REG03": ({"moving_out_open_count": 1}, "迁出登记在办，2025年5月仍参保100人（来源：市监、社保）"),
    "REG04": ({"grades_down_365d_count": 1}, "近一年劳动保障守法诚信等级下降1级（来源：劳动监察）"),
    "LAW02": (
        {"claims_1m_ratio": 0.06, "claims_1m_persons": 6},
        "2025年5月原职工申领失业金6人，占参保人数6.0%（来源：失业保险）",
    ),
    "VAC01": (
        {"open_posts_change_12m_ratio": -1.0, "open_posts_count": 0, "open_posts_year_ago_count": 12},
        "2025年5月在招岗位0个，上年同月12个（来源：招聘平台）",
    ),
    "VIS01": (
        {"visit_on": JUNE, "visit_planned_cut_persons": 25},
        "2025年6月3日走访，企业表示计划减员25人（来源：走访表）",
    ),
    "VIS02": ({"visit_on": JUNE, "visit_stop_level": 1}, "2025年6月3日走访，企业处于压产状态（来源：走访表）"),
    "VIS03": ({"visit_on": JUNE, "visit_unpaid_wage_persons": 7}, "2025年6月3日走访，欠薪涉及7人（来源：走访表）"),
}
RELIEF: dict[str, tuple[dict[str, Any], str]] = {
    "MIT03": (
        {"transfer_3m_persons": 80},
        "2025年3—5月离开人员中80人同去一家企业参保，疑为整体转移、并非裁员（来源：社保用工流动）",
    ),
    "MIT04": ({"visit_on": JUNE, "visit_false_alarm_level": 1}, "2025年6月3日走访认定为误报（来源：走访表）"),
    "CON01": (
        {"stabilising_benefits_6m_count": 1, "stabilising_benefit_on": date(2025, 3, 1)},
        "近6个月获得稳岗支持1次，最近一次为2025年3月1日（来源：人社、财政）",
    ),
}
ARREARS = {"arrears_months": 3, "arrears_fen": 900}


def said(firm: Mapping[str, Any]) -> dict[str, str]:
    table = frame(REACHED | firm)
    reasons = rule_score.score(table, RULES).reasons
    return dict(zip(reasons["reason_code"], reason_sentences.sentences(reasons, table), strict=True))


@pytest.mark.parametrize("code", SAID)
def test_a_source_gives_its_reason_with_number_period_and_source(code: str) -> None:
    firm, sentence = SAID[code]
    assert said(firm) == {code: sentence}


@pytest.mark.parametrize("code", RELIEF)
def test_a_mitigating_reason_is_said_beside_what_speaks_against(code: str) -> None:
    firm, sentence = RELIEF[code]
    assert said(firm) == {}
    assert said(ARREARS | firm)[code] == sentence


def test_every_reason_of_the_catalogue_has_a_rule_or_says_why_not() -> None:
    catalogue = {entry["code"] for entry in IN_FORCE["reasons"]}
    ruled = {rule.code for rule in RULES.rules}
    silent = {entry["code"]: entry["why"] for entry in IN_FORCE["silent_reasons"]}
    assert catalogue - ruled == set(silent) == {"FIN01", "SUP01"}
    assert all(silent.values())
    with pytest.raises(ValueError, match="FIN01"):
        rule_score.rule_set(IN_FORCE | {"silent_reasons": [{"code": "SUP01", "why": "no counterparties"}]})


def test_reasons_beyond_the_catalogue_are_told_apart_from_it() -> None:
    catalogue = {entry["code"] for entry in IN_FORCE["reasons"]}
    ours = {entry["code"] for name in ("added_reasons", "mitigating_reasons") for entry in IN_FORCE[name]}
    assert ours.isdisjoint(catalogue)
    assert {rule.code for rule in RULES.rules} <= catalogue | ours
    assert ours == {"ORD01", "VIS01", "VIS02", "VIS03", "MIT01", "MIT02", "MIT03", "MIT04"}


def test_no_rule_gives_more_than_its_dimension_may() -> None:
    most = {rule.code: max(level.points for level in rule.levels) for rule in RULES.rules if rule.kind != "mitigating"}
    assert [rule.code for rule in RULES.rules if most.get(rule.code, 0) > RULES.caps.get(rule.dimension, 100)] == []


def test_a_transfer_takes_the_fall_of_the_headcount_back() -> None:
    falling = {"decline_run_months": 3, "decline_run_ratio": 0.4, "decline_run_start_persons": 100}
    assert fired(falling) == {"EMP01": 20}
    assert fired(falling | {"transfer_3m_persons": 40}) == {"EMP01": 20, "MIT03": -16}


def test_a_loss_net_of_a_transfer_says_so() -> None:
    loss = QUIET | {
        "previous_insured_persons": 200,
        "insured_persons": 90,
        "gross_loss_persons": 110,
        "transfer_persons": 80,
        "net_loss_persons": 30,
        "net_loss_ratio": 0.15,
    }
    assert reason_sentences.sentence("EMP02", loss).startswith("扣除整体转移80人后单月净减少30人（−15.0%")
    both = loss | {"gross_loss_persons": 100, "net_loss_persons": 20}
    assert reason_sentences.sentence("EMP02", both).startswith("扣除春节因素和整体转移80人后单月净减少20人")


def test_every_monthly_source_that_speaks_in_a_sentence_has_a_month() -> None:
    names = {source.name for source in MONTHLY} - {"monitor"}
    assert {f"{name}_reference_month" for name in names} == set(REACHED)
    assert {source.name for source in EVENTS} == {"complaints", "arbitrations", "credit", "benefits", "visits"}
