"""Power, tax, orders, postings, claims, cases, help, visits, moves: what they say, and what silence in them means."""

from datetime import date
from typing import Any

import pytest
from features_city import AS_OF, MAY, enterprise, insured, open_city, statuses

from pipelines import contracts as contract_files
from pipelines.run import add_months
from pipelines.stages import features
from pipelines.stages.features import credit
from pipelines.stages.features.completeness import RECORDS, REGISTERS, text
from pipelines.stages.features.sources import EVENTS, FLOWS, MONTHLY

Tables = dict[str, list[dict[str, Any]]]
LEVEL = [100] * 27


def city(levels: list[int | None] = LEVEL, *, firms: int = 2, **values: Any) -> Tables:
    """Enterprise 0 with ``levels``, the others with 50 insured throughout."""
    months = insured(0, levels, **values)
    for number in range(1, firms):
        months += insured(number, [50] * len(levels), **values)
    return {
        "core.enterprise": [enterprise(number) for number in range(firms)],
        "core.enterprise_month": months,
        "core.month_status": statuses(len(levels)),
    }


def monthly(number: int, column: str, values: list[Any], *, last: date = MAY, **others: Any) -> list[dict[str, Any]]:
    """Rows of a monthly source, oldest first, ending with ``last``; None is a month without a row."""
    return [
        {"enterprise_no": number, "month": add_months(last, place - len(values) + 1), column: value} | others
        for place, value in enumerate(values)
        if value is not None
    ]


def one(tables: Tables, number: int = 0, **options: Any) -> dict[str, Any]:
    run, warehouse = open_city(tables, **options)
    assert features.run(run, warehouse).adds_up
    frame = warehouse.frame("SELECT * FROM features.enterprise WHERE enterprise_no = $number", number=number)
    return frame.row(0, named=True)


def test_power_is_compared_with_the_year_before_and_with_its_own_base() -> None:
    power = monthly(0, "power_kwh", [1000] * 13 + [1000] * 9 + [500, 400, 248], unpaid_power_fen=900)
    row = one(city() | {"core.power_month": power})
    assert row["power_reference_month"] == MAY
    assert row["power_3m_change_ratio"] == (1148 - 3000) / 3000
    assert row["power_fall_months"] == 3
    assert row["power_use_base_ratio"] == (248 * 365) / (12_000 * 31)
    assert (row["power_unpaid_fen"], row["power_reduced_months"], row["power_silent_months"]) == (900, None, 0)


def test_a_festival_month_of_little_power_is_no_fall() -> None:
    last = date(2026, 2, 1)
    power = monthly(0, "power_kwh", [1000] * 24 + [1000, 100], last=last)
    tables = {
        "core.enterprise": [enterprise(0)],
        "core.enterprise_month": insured(0, LEVEL, last=last),
        "core.month_status": statuses(27, last=last),
        "core.power_month": power,
    }
    row = one(tables, as_of=date(2026, 3, 10))
    assert row["power_fall_months"] == 0
    assert row["power_use_base_ratio"] == (1000 * 365) / (12_000 * 31), "January speaks for February"
    assert row["power_change_lunar_ratio"] == -0.9


def test_a_reduction_of_capacity_is_counted_in_months() -> None:
    power = monthly(0, "power_kwh", [10] * 5) + monthly(1, "power_kwh", [10] * 5, is_power_reduced=False)
    for row in power[3:5]:
        row["is_power_reduced"] = True
    tables = city() | {"core.power_month": power}
    assert one(tables)["power_reduced_months"] == 2
    assert one(tables, number=1)["power_reduced_months"] == 0


def test_an_enterprise_without_a_power_link_has_nothing_there_and_is_told() -> None:
    tables = city() | {"core.power_month": monthly(1, "power_kwh", [10] * 15)}
    row = one(tables)
    assert row["power_change_lunar_ratio"] is None
    assert row["power_silent_months"] is None
    assert row["completeness_text"].startswith("有：参保缴费、市场主体登记；无记录：用电；缺：")
    assert "税收" in row["completeness_text"].split("缺：")[1]


def test_a_source_that_stopped_long_ago_says_nothing() -> None:
    power = monthly(0, "power_kwh", [10] * 15, last=add_months(MAY, -4))
    row = one(city() | {"core.power_month": power})
    assert row["power_reference_month"] is None
    assert row["power_change_lunar_ratio"] is None
    recent = one(city() | {"core.power_month": monthly(0, "power_kwh", [10] * 16, last=add_months(MAY, -3))})
    assert recent["power_change_lunar_ratio"] == 0.0


def test_turnover_and_payroll_are_of_the_month_of_the_tax_record() -> None:
    april = add_months(MAY, -1)
    tax = monthly(0, "invoiced_fen", [100] * 12 + [50, 30, 20], last=april, payroll_fen=6000, is_zero_vat=False)
    for row, heads in zip(tax[-4:], (100, 95, 90, 80), strict=True):
        row["payroll_persons"] = heads
    tax[-1]["is_zero_vat"] = tax[-2]["is_zero_vat"] = True
    row = one(city([100] * 26 + [40]) | {"core.tax_month": tax})
    assert (row["invoiced_3m_fen"], row["invoiced_3m_change_ratio"]) == (100, (100 - 300) / 300)
    assert row["zero_vat_months"] == 2
    assert row["payroll_insured_ratio"] == 0.8
    assert row["payroll_insured_change_3m_ratio"] == pytest.approx(-0.2)
    assert row["payroll_change_3m_ratio"] == -0.2


def test_a_quarter_with_an_unknown_month_is_unknown() -> None:
    tax = monthly(0, "invoiced_fen", [100] * 13 + [None, 100])
    row = one(city() | {"core.tax_month": tax})
    assert row["invoiced_3m_fen"] is None
    assert row["tax_silent_months"] == 0


def test_orders_fall_and_production_stops() -> None:
    orders = monthly(0, "new_orders_fen", [100] * 12 + [60, 30, 0], capacity_use_bp=4550, operation_status="压产")
    orders[-1]["operation_status"] = "停工"
    row = one(city() | {"core.orders_month": orders})
    assert (row["orders_3m_fen"], row["orders_3m_change_ratio"]) == (90, -0.7)
    assert (row["stop_level"], row["capacity_use_ratio"]) == (2, 0.455)
    assert row["export_orders_3m_change_ratio"] is None


def test_postings_are_a_register_where_silence_is_zero() -> None:
    vacancies = monthly(0, "posts", [12, *[None] * 12]) + monthly(1, "posts", [5] * 13, job_field="其他")
    vacancies += monthly(1, "posts", [4] * 13, job_field="数字经济")
    vacancies += monthly(1, "posts", [9], last=add_months(MAY, 1))
    tables = city(firms=3) | {"core.vacancy_month": vacancies}
    row = one(tables)
    assert row["vacancies_reference_month"] == MAY, "a month that has not ended does not speak"
    assert (row["open_posts_count"], row["open_posts_year_ago_count"]) == (0, 12)
    assert row["open_posts_change_12m_ratio"] == -1.0
    assert one(tables, number=1)["open_posts_count"] == 9
    never = one(tables, number=2)
    assert (never["open_posts_count"], never["open_posts_change_12m_ratio"]) == (0, None)


def test_a_month_without_any_claim_in_the_city_is_not_covered() -> None:
    claims = monthly(0, "claim_persons", [1, None, 6], laid_off_claim_persons=1)
    row = one(city() | {"core.claim_month": claims})
    assert row["claims_1m_persons"] == 6
    assert row["claims_3m_persons"] is None
    assert row["claims_1m_ratio"] == 0.06
    other = one(city() | {"core.claim_month": claims}, number=1)
    assert (other["claims_1m_persons"], other["claims_1m_ratio"]) == (0, 0.0)


def test_claims_are_measured_against_the_staff_before_the_loss() -> None:
    row = one(city([100] * 26 + [0]) | {"core.claim_month": monthly(0, "claim_persons", [2, 2, 40])})
    assert row["claims_3m_ratio"] == 0.44


def test_hires_of_groups_add_up() -> None:
    hires = monthly(0, "group_hired_persons", [2] * 15, key_group="高校毕业生")
    hires += monthly(0, "group_hired_persons", [1] * 3, key_group="退役军人")
    row = one(city() | {"core.hire_group_month": hires})
    assert (row["group_hires_3m_persons"], row["group_hires_12m_persons"]) == (9, 27)
    assert row["group_hires_3m_change_ratio"] == 0.5


def complaint(number: int, day: date, **values: Any) -> dict[str, Any]:
    return {
        "case_no": f"T{number}{day}",
        "enterprise_no": number,
        "accepted_on": day,
        "complaint_kind": "拖欠工资",
    } | values


def test_complaints_count_by_day_and_only_those_about_wages() -> None:
    complaints = [
        complaint(0, AS_OF, involved_persons=8),
        complaint(0, date(2025, 5, 22), involved_persons=3),
        complaint(0, date(2025, 5, 21), involved_persons=50),
        complaint(0, date(2025, 6, 1), complaint_kind="社会保险"),
        complaint(0, date(2025, 6, 2), complaint_status="已撤回"),
        complaint(0, date(2025, 6, 21)),
    ]
    tables = city() | {"core.wage_complaint": complaints}
    row = one(tables)
    assert (row["wage_complaints_30d_count"], row["wage_complaints_30d_persons"]) == (2, 11)
    assert (row["wage_complaints_90d_count"], row["wage_complaints_90d_persons"]) == (3, 61)
    assert one(tables, number=1)["wage_complaints_30d_count"] == 0
    assert one(city())["wage_complaints_30d_count"] is None


def test_a_window_in_which_the_source_was_silent_for_all_is_unknown() -> None:
    row = one(city() | {"core.wage_complaint": [complaint(1, date(2025, 4, 30))]})
    assert row["wage_complaints_30d_count"] is None
    assert row["wage_complaints_90d_count"] == 0


def test_ten_claimants_make_a_collective_dispute() -> None:
    case = {"enterprise_no": 0, "filed_on": date(2025, 6, 2), "dispute_cause": "劳动报酬"}
    cases = [
        case | {"arbitration_no": "1", "claimant_persons": 10},
        case | {"arbitration_no": "2", "claimant_persons": 2, "is_collective": True},
        case | {"arbitration_no": "3", "claimant_persons": 9, "is_collective": False},
    ]
    row = one(city() | {"core.arbitration": cases})
    assert (row["arbitrations_90d_count"], row["collective_disputes_90d_count"]) == (3, 2)
    assert row["arbitrations_90d_persons"] == 21


def event(number: int, kind: str, day: date, **values: Any) -> dict[str, Any]:
    return {"event_no": f"{kind}{day}", "enterprise_no": number, "credit_kind": kind, "occurred_on": day} | values


def test_credit_events_count_while_new_and_notices_while_they_stand() -> None:
    events = [
        event(0, "失信被执行人", date(2025, 6, 1)),
        event(0, "失信被执行人", date(2024, 6, 1)),
        event(0, "股权冻结", date(2025, 5, 1)),
        event(0, "动产抵押", date(2025, 5, 2)),
        event(0, "清算公告", date(2023, 5, 2)),
        event(0, "简易注销公告", date(2025, 5, 2), ended_on=AS_OF),
        event(0, "迁出登记", date(2025, 5, 2), ended_on=date(2025, 6, 21)),
        event(0, "诚信等级", date(2025, 3, 1), level_from="A", level_to="C"),
        event(1, "诚信等级", date(2025, 3, 1), level_from="C", level_to="A"),
    ]
    tables = city() | {"core.credit_event": events}
    row = one(tables)
    assert (row["dishonest_180d_count"], row["irregular_180d_count"], row["frozen_90d_count"]) == (1, 0, 2)
    assert (row["winding_up_open_count"], row["moving_out_open_count"]) == (1, 1)
    assert row["grades_down_365d_count"] == 2
    assert one(tables, number=1)["grades_down_365d_count"] == 0


def test_the_kinds_of_credit_events_are_those_of_the_contract() -> None:
    assert contract_files.load().columns["credit_kind"].codes == credit.KINDS


def test_help_taken_back_is_no_help() -> None:
    paid = {"enterprise_no": 0, "benefit_kind": "稳岗返还", "paid_on": date(2025, 3, 1), "benefit_fen": 500}
    benefits = [
        paid | {"benefit_no": "1"},
        paid | {"benefit_no": "2", "benefit_status": "已退回"},
        paid | {"benefit_no": "3", "benefit_kind": "就业见习补贴", "benefit_fen": 70},
        paid | {"benefit_no": "4", "paid_on": date(2024, 11, 1)},
    ]
    row = one(city() | {"core.policy_benefit": benefits})
    assert (row["benefits_6m_count"], row["benefits_6m_fen"], row["stabilising_benefits_6m_count"]) == (2, 570, 1)
    assert row["stabilising_benefit_on"] == date(2025, 3, 1)


def test_the_latest_recent_visit_speaks() -> None:
    visit = {"enterprise_no": 0, "is_false_alarm": False, "operation_status": "正常"}
    visits = [
        visit
        | {"visit_no": "1", "visited_on": date(2025, 6, 3), "planned_3m_persons": -40, "operation_status": "压产"},
        visit | {"visit_no": "0", "visited_on": date(2025, 5, 3), "planned_cut_persons": 99, "is_false_alarm": True},
        visit | {"visit_no": "2", "visited_on": date(2024, 6, 3), "enterprise_no": 1},
    ]
    tables = city() | {"core.follow_up": visits}
    row = one(tables)
    assert (row["visit_on"], row["visit_planned_cut_persons"]) == (date(2025, 6, 3), 40)
    assert (row["visit_stop_level"], row["visit_false_alarm_level"]) == (1, 0)
    assert one(tables, number=1)["visit_on"] is None


def moves(persons: list[tuple[int, int]], *, month: date = MAY) -> list[dict[str, Any]]:
    """Moves of ``month`` out of enterprise 0: to whom, how many."""
    return [
        {"from_enterprise_no": 0, "to_enterprise_no": to, "month": month, "moved_persons": count}
        for to, count in persons
    ]


def test_a_group_moving_its_people_is_no_layoff() -> None:
    levels = [100] * 26 + [10]
    tables = city(levels, leavers_persons=92) | {"core.labour_flow_month": moves([(1, 80), (2, 5), (0, 7)])}
    row = one(tables)
    assert (row["gross_loss_persons"], row["transfer_persons"], row["net_loss_persons"]) == (90, 80, 10)
    assert (row["gross_loss_ratio"], row["net_loss_ratio"]) == (0.9, 0.1)
    assert row["together_1m_ratio"] == 80 / 92


def test_leavers_who_scatter_are_a_layoff() -> None:
    tables = city([100] * 26 + [10], leavers_persons=92) | {"core.labour_flow_month": moves([(1, 60), (2, 20)])}
    row = one(tables)
    assert (row["together_1m_persons"], row["transfer_persons"], row["net_loss_persons"]) == (60, 0, 90)


def test_until_the_moves_of_the_month_are_known_nothing_is_taken_off() -> None:
    tables = city([100] * 26 + [10], leavers_persons=92)
    row = one(tables | {"core.labour_flow_month": moves([(1, 90)], month=add_months(MAY, -1))})
    assert (row["transfer_persons"], row["net_loss_persons"]) == (None, 90)
    assert one(tables)["net_loss_persons"] == 90


def test_who_moved_away_altogether_lost_nobody() -> None:
    months = [add_months(MAY, -lag) for lag in range(3)]
    flows = moves([(1, 95)]) + [
        row | {"from_enterprise_no": 1} for month in months for row in moves([(2, 1)], month=month)
    ]
    row = one(city([100] * 26 + [None], leavers_persons=0) | {"core.labour_flow_month": flows})
    assert (row["absent_months"], row["last_insured_persons"], row["absent_loss_persons"]) == (1, 100, 5)
    assert row["transfer_3m_persons"] == 95
    assert row["net_loss_persons"] == 5


def test_every_source_has_a_name_in_the_words_of_completeness() -> None:
    read = {source.name for source in (*MONTHLY, *EVENTS)} | {FLOWS}
    assert read - {"visits"} == set(RECORDS | REGISTERS) - {"insurance", "register", "exports", "commerce"}
    nothing = dict.fromkeys(RECORDS | REGISTERS, False)
    assert text(0, nothing).startswith("缺：参保缴费、市场主体登记")
    assert text((1 << len(RECORDS)) - 1, dict.fromkeys(nothing, True)) == "有：" + "、".join(RECORDS.values())


def test_inputs_of_models_are_numbers_with_a_theme() -> None:
    contracts = contract_files.load()
    inputs = [contracts.columns[name] for name in contracts.tables["features.enterprise"].columns]
    inputs = [column for column in inputs if column.risk_sign is not None]
    assert len(inputs) > 60
    assert [column.name for column in inputs if not column.theme] == []
    assert {column.type for column in inputs} <= {"integer", "fen", "usd_cent", "number"}
