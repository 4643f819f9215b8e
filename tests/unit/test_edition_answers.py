"""Visits answer cases: states, false alarms that stay off the list and come back, forms that count and that do not."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from edition_city import DECEMBER, NOVEMBER, OCTOBER, Firm, make
from visit_bureau import NUMBER, Bureau

from pipelines.run import add_months

FIRST, SECOND, THIRD = date(2026, 11, 10), date(2026, 11, 16), date(2026, 11, 20)
YELLOW, BLUE, RED = (75, 100), (40, 40), (100, 400)


@pytest.fixture
def bureau(tmp_path: Path) -> Iterator[Bureau]:
    city = make(tmp_path)
    yield Bureau(city)
    city.warehouse.close()


def firm(persons: tuple[int, int] = YELLOW, code: str = "A", **more: Any) -> Firm:
    return Firm(code, *persons, points=40, dimensions=2, **more)


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ({}, "核实中"),
        ({"is_false_alarm": False}, "属实"),
        ({"is_false_alarm": False, "services_given": "就业政策、社保衔接"}, "帮扶中"),
        ({"is_false_alarm": False, "services_given": "就业政策", "case_outcome": "稳定"}, "稳定"),
        ({"is_false_alarm": False, "case_outcome": "已裁员"}, "已裁员"),
    ],
)
def test_the_latest_visit_moves_the_case(bureau: Bureau, said: dict[str, Any], state: str) -> None:
    assert bureau.night(FIRST, OCTOBER, firm())["A"]["case_state"] == "待核实"
    bureau.visit("A", FIRST)
    bureau.visit("A", date(2026, 11, 12), **said)
    assert bureau.night(SECOND, OCTOBER, firm())["A"]["case_state"] == state
    older, newer = bureau.heard().values()
    assert older == ("已有更晚的走访", "以2026年11月12日的走访为准，本次走访已留存")
    assert newer == ("已采纳", f"处置状态：{state}")


def test_an_older_form_that_comes_later_overwrites_nothing(bureau: Bureau) -> None:
    bureau.night(FIRST, OCTOBER, firm())
    bureau.visit("A", date(2026, 11, 15), is_false_alarm=False, services_given="技能培训")
    assert bureau.night(SECOND, OCTOBER, firm())["A"]["case_state"] == "帮扶中"
    bureau.visit("A", date(2026, 11, 11), is_false_alarm=True, false_alarm_reason="季节性用工")
    assert bureau.night(THIRD, OCTOBER, firm())["A"]["case_state"] == "帮扶中"


def test_a_false_alarm_leaves_the_list_and_says_until_when(bureau: Bureau) -> None:
    bureau.night(FIRST, OCTOBER, firm())
    bureau.visit("A", date(2026, 11, 12), is_false_alarm=True, false_alarm_reason="季节性用工")
    assert bureau.night(SECOND, OCTOBER, firm()) == {}
    why = (
        "2026年11月12日走访核实不属实（季节性用工），2027年2月参保月前不再列入；"
        "等级加重、报送裁减人员方案或新的参保月达到红橙线的除外"
    )
    change = bureau.city.rows("edition.warning_change")["A"]
    assert (change["change_kind"], change["change_cause"], change["change_text"]) == ("解除", "核实", why)
    kept = bureau.city.rows("edition.filtered")["A"]
    assert (kept["filter_code"], kept["filter_text"]) == ("verified_false", why)


def test_a_false_alarm_is_silent_for_three_months_and_then_speaks_again(bureau: Bureau) -> None:
    bureau.night(FIRST, OCTOBER, firm(BLUE))
    bureau.visit("A", date(2026, 11, 12), is_false_alarm=True)
    assert bureau.night(SECOND, OCTOBER, firm(BLUE)) == {}
    for step in (1, 2, 3):
        month = add_months(OCTOBER, step)
        assert bureau.night(add_months(FIRST, step), month, firm(BLUE)) == {}, month
        assert bureau.city.rows("edition.warning_change") == {}
    row = bureau.night(add_months(FIRST, 4), add_months(OCTOBER, 4), firm(BLUE))["A"]
    assert (row["colour"], row["case_state"], row["change_kind"]) == ("蓝", "待核实", "新增")
    assert bureau.city.rows("edition.warning_change")["A"]["change_cause"] == "核实"


@pytest.mark.parametrize(
    ("now", "month", "more", "is_listed"),
    [
        (YELLOW, OCTOBER, {}, False),
        (YELLOW, NOVEMBER, {}, False),
        (BLUE, NOVEMBER, {}, False),
        ((40, 100), NOVEMBER, {}, True),
        (RED, NOVEMBER, {}, True),
        (BLUE, NOVEMBER, {"features": {"notice_cut_persons": 5, "notice_reported_on": FIRST}}, True),
    ],
)
def test_what_a_false_alarm_does_not_cover(
    bureau: Bureau, now: tuple[int, int], month: date, more: dict[str, Any], *, is_listed: bool
) -> None:
    bureau.night(FIRST, OCTOBER, firm(YELLOW))
    bureau.visit("A", date(2026, 11, 12), is_false_alarm=True)
    bureau.night(SECOND, OCTOBER, firm(YELLOW))
    assert (set(bureau.night(date(2026, 12, 10), month, firm(now, **more))) == {"A"}) is is_listed


def test_an_observed_red_verified_false_comes_back_with_another_red_month_only(bureau: Bureau) -> None:
    bureau.night(FIRST, OCTOBER, firm(RED))
    bureau.visit("A", date(2026, 11, 12), is_false_alarm=True, false_alarm_reason="整体划转")
    assert bureau.night(SECOND, OCTOBER, firm(RED)) == {}
    again = bureau.night(date(2026, 12, 10), NOVEMBER, firm((100, 310)))["A"]
    assert (again["colour"], again["case_state"], again["warning_no"]) == ("红", "待核实", "YJ202611320706001")
    assert set(bureau.night(date(2027, 1, 10), DECEMBER, firm(YELLOW))) == {"A"}, "the finding was about another case"


def test_a_later_visit_takes_a_finding_back(bureau: Bureau) -> None:
    bureau.night(FIRST, OCTOBER, firm())
    bureau.visit("A", date(2026, 11, 12), is_false_alarm=True)
    assert bureau.night(SECOND, OCTOBER, firm()) == {}
    bureau.visit("A", date(2026, 11, 18), is_false_alarm=False)
    assert set(bureau.night(THIRD, OCTOBER, firm())) == {"A"}
    change = bureau.city.rows("edition.warning_change")["A"]
    assert (change["change_kind"], change["change_cause"]) == ("新增", "核实")


def test_a_form_that_answers_nothing_is_told_why_and_counts_for_nothing(bureau: Bureau) -> None:
    firms = firm(), firm(code="B")
    numbers = {code: row["warning_no"] for code, row in bureau.night(FIRST, OCTOBER, *firms).items()}
    bureau.visit("A", date(2026, 11, 12), number=numbers["B"], is_false_alarm=True)
    bureau.visit("A", date(2026, 11, 12), number="YJ202001320706009", is_false_alarm=True)
    bureau.visit("A", date(2026, 11, 2), number=numbers["A"], is_false_alarm=True)
    bureau.visit("A", date(2026, 11, 2), number=None, is_false_alarm=True)
    bureau.visit("A", date(2026, 11, 2), number="YJ202001320706009", is_false_alarm=True)
    rows = bureau.night(SECOND, OCTOBER, *firms)
    assert {code: row["case_state"] for code, row in rows.items()} == {"A": "待核实", "B": "待核实"}
    heard = bureau.heard()
    assert {number: state for number, (state, _) in heard.items()} == dict.fromkeys(
        ("ZF000000", "ZF000001", "ZF000002"), "未采纳"
    )
    texts = [heard[number][1] for number in sorted(heard)]
    assert texts[0] == f"预警编号{numbers['B']}属于另一家企业，请核对编号和统一社会信用代码后重新报送"
    assert texts[1] == f"预警编号YJ202001320706009不是该企业本次预警的编号（{numbers['A']}），请核对后重新报送"
    assert texts[2] == "走访日期早于列入日期（2026年11月10日），请核对日期后重新报送"


def test_a_visit_without_a_number_answers_the_case_that_was_listed_then(bureau: Bureau) -> None:
    bureau.night(FIRST, OCTOBER, firm())
    bureau.visit("A", date(2026, 11, 12), number=None, is_false_alarm=False)
    assert bureau.night(SECOND, OCTOBER, firm())["A"]["case_state"] == "属实"


def left(bureau: Bureau) -> dict[str, tuple[date, str, date | None]]:
    """Enterprise → when its case left the list, its state, and the day of the visit that says so."""
    rows = bureau.city.rows("edition.closed_case", "enterprise_id")
    return {code: (row["left_on"], row["case_state"], row["visited_on"]) for code, row in rows.items()}


def test_a_case_that_left_still_hears_its_visits_and_counts_for_its_county(bureau: Bureau) -> None:
    bureau.night(FIRST, OCTOBER, firm())
    calm = Firm("A", 75, 75)
    bureau.night(date(2026, 12, 10), NOVEMBER, calm)
    assert left(bureau) == {}
    gone, month = date(2027, 1, 10), DECEMBER
    bureau.night(gone, month, calm)
    assert left(bureau) == {"A": (gone, "待核实", None)}
    bureau.visit("A", date(2026, 11, 12), is_false_alarm=False, services_given="就业政策")
    bureau.visit("A", date(2026, 11, 13), number=None)
    bureau.night(gone + timedelta(days=2), month, calm)
    assert left(bureau) == {"A": (gone, "帮扶中", date(2026, 11, 12))}
    when = f"；该企业已于{gone.year}年{gone.month}月{gone.day}日移出名单"
    assert bureau.heard() == {
        "ZF000000": ("已采纳", f"处置状态：帮扶中{when}"),
        "ZF000001": ("已采纳", f"已登记，尚无结论；处置状态仍为帮扶中{when}"),
    }
    county = bureau.city.rows("edition.county_response", "county_code")["320706"]
    assert (county["case_count"], county["closed_case_count"], county["closed_visited_count"]) == (0, 1, 1)
    assert county["closed_true_count"] == 1


def test_a_visit_of_the_case_of_before_says_nothing_about_the_one_of_now(bureau: Bureau) -> None:
    bureau.night(FIRST, OCTOBER, firm())
    bureau.visit("A", date(2026, 11, 12), is_false_alarm=True)
    bureau.night(SECOND, OCTOBER, firm())
    assert left(bureau) == {"A": (SECOND, "不属实", date(2026, 11, 12))}
    back = bureau.night(date(2027, 3, 10), date(2027, 2, 1), firm())["A"]
    assert back["warning_no"] != NUMBER
    bureau.visit("A", date(2027, 3, 11), number=NUMBER, is_false_alarm=True, visit_mode="上门")
    row = bureau.night(date(2027, 3, 12), date(2027, 2, 1), firm())["A"]
    assert row["case_state"] == "待核实"
    assert orders(bureau)["上门走访"][0] == "办理中"
    assert left(bureau)["A"][1:] == ("不属实", date(2027, 3, 11))


def test_a_closed_case_is_forgotten_after_its_months(bureau: Bureau) -> None:
    bureau.night(FIRST, OCTOBER, firm())
    bureau.visit("A", date(2026, 11, 12), is_false_alarm=True)
    bureau.night(SECOND, OCTOBER, firm())
    assert set(left(bureau)) == {"A"}
    bureau.night(date(2027, 11, 10), date(2027, 10, 1), firm(code="B"), Firm("A", 75, 75))
    assert left(bureau) == {"A": (SECOND, "不属实", date(2026, 11, 12))}, "no comparison is no reason to forget"
    bureau.night(date(2027, 12, 10), date(2027, 11, 1), firm(code="B"), Firm("A", 75, 75))
    assert left(bureau) == {}


def orders(bureau: Bureau) -> dict[str, tuple[str, str, Any, Any]]:
    """Task → state, requirement, last day, day done."""
    rows = bureau.city.rows("edition.work_order", "task_name")
    return {task: (r["order_state"], r["task_text"], r["due_on"], r["done_on"]) for task, r in rows.items()}


def test_a_red_case_has_its_steps_and_the_five_services(bureau: Bureau) -> None:
    bureau.night(FIRST, OCTOBER, firm(RED))
    found = orders(bureau)
    assert found["报告"] == ("由责任单位登记", "2小时内报告", FIRST, None)
    assert found["到场"] == ("办理中", "24小时内到场", date(2026, 11, 11), None)
    assert found["形成一企一策处置方案"][0] == "由责任单位登记"
    assert found["专场招聘"] == ("办理中", "7日内（11月17日前）提供专场招聘", date(2026, 11, 17), None)
    assert found["技能培训"] == ("办理中", "提供技能培训（未规定时限）", None, None)
    assert {"就业政策", "技能培训", "劳动维权", "社保衔接", "专场招聘"} < set(found)
    rows = bureau.city.rows("edition.work_order", "order_no")
    assert f"{NUMBER}-1110-401" in rows
    assert rows[f"{NUMBER}-1110-453"]["responsible_text"] == "劳动保障监察和仲裁机构、海州区人社部门"


def test_a_visit_does_the_step_and_the_services_that_it_names(bureau: Bureau) -> None:
    bureau.night(FIRST, OCTOBER, firm(RED))
    bureau.visit("A", date(2026, 11, 11), visit_mode="上门", is_false_alarm=False, services_given="就业政策、专场招聘")
    bureau.visit("A", date(2026, 11, 14), visit_mode="电话", is_false_alarm=False)
    bureau.night(SECOND, OCTOBER, firm(RED))
    found = orders(bureau)
    assert (found["到场"][0], found["到场"][3]) == ("按期完成", date(2026, 11, 11))
    assert (found["就业政策"][0], found["专场招聘"][0], found["技能培训"][0]) == ("按期完成", "按期完成", "办理中")


def test_what_is_late_says_to_whom_and_a_late_visit_ends_it(bureau: Bureau) -> None:
    bureau.night(FIRST, OCTOBER, firm())
    assert orders(bureau)["上门走访"][:3] == ("办理中", "5个工作日内（11月17日前）上门走访", date(2026, 11, 17))
    bureau.night(date(2026, 11, 17), OCTOBER, firm())
    assert orders(bureau)["上门走访"][0] == "办理中", "the last day is still in time"
    bureau.visit("A", date(2026, 11, 17), visit_mode="电话", is_false_alarm=None)
    bureau.night(date(2026, 11, 18), OCTOBER, firm())
    row = bureau.city.rows("edition.work_order", "task_name")["上门走访"]
    assert (row["order_state"], row["escalation_text"]) == ("逾期", "已逾期，报市就业中心负责人、海州区人社部门负责人")
    county = bureau.city.rows("edition.county_response", "county_code")["320706"]
    assert (county["case_count"], county["answered_count"], county["late_case_count"]) == (1, 1, 1)
    bureau.visit("A", date(2026, 11, 18), visit_mode="上门", is_false_alarm=False)
    bureau.night(THIRD, OCTOBER, firm())
    assert orders(bureau)["上门走访"][0] == "逾期完成"


def test_a_report_counts_once_a_desk_recorded_it(bureau: Bureau) -> None:
    bureau.night(FIRST, OCTOBER, firm(RED))
    assert orders(bureau)["报告"][0] == "由责任单位登记"
    told = {"decided_by": "就业科", "decided_at": datetime(2026, 11, 12, 9)}
    done = [(1, FIRST), (3, date(2026, 11, 15)), (54, date(2026, 11, 12))]
    bureau.done = [{"order_no": f"{NUMBER}-1110-4{n:02d}", "done_on": day, **told} for n, day in done]
    bureau.visit("A", date(2026, 11, 11), visit_mode="上门", is_false_alarm=False, services_given="社保衔接")
    bureau.night(SECOND, OCTOBER, firm(RED))
    found = orders(bureau)
    assert (found["报告"][0], found["报告"][3]) == ("按期完成", FIRST)
    assert (found["形成一企一策处置方案"][0], found["形成一企一策处置方案"][3]) == ("逾期完成", date(2026, 11, 15))
    assert found["社保衔接"][3] == date(2026, 11, 11), "the earlier of the form and the record"
    assert found["技能培训"][0] == "办理中"


def test_a_rise_begins_the_clocks_anew_and_earlier_visits_do_not_answer_it(bureau: Bureau) -> None:
    bureau.night(FIRST, OCTOBER, firm())
    bureau.visit("A", date(2026, 11, 12), visit_mode="上门", is_false_alarm=False, services_given="就业政策")
    bureau.night(SECOND, OCTOBER, firm())
    assert orders(bureau)["上门走访"][0] == "按期完成"
    later = date(2026, 12, 10)
    row = bureau.night(later, NOVEMBER, firm(RED))["A"]
    assert (row["colour"], row["case_state"]) == ("红", "待核实")
    assert orders(bureau)["到场"][:3] == ("办理中", "24小时内到场", date(2026, 12, 11))
    assert orders(bureau)["就业政策"][0] == "办理中"


def test_a_false_alarm_counts_for_its_county_on_the_night_it_leaves(bureau: Bureau) -> None:
    bureau.night(FIRST, OCTOBER, firm())
    bureau.visit("A", date(2026, 11, 12), is_false_alarm=True)
    bureau.night(SECOND, OCTOBER, firm())
    county = bureau.city.rows("edition.county_response", "county_code")["320706"]
    assert (county["case_count"], county["verified_count"], county["false_alarm_count"]) == (0, 1, 1)
    assert bureau.city.rows("edition.work_order", "order_no") == {}


def test_a_finding_about_yellow_does_not_take_off_the_red_of_the_same_night(bureau: Bureau) -> None:
    bureau.night(FIRST, OCTOBER, firm(YELLOW))
    bureau.visit("A", date(2026, 11, 12), is_false_alarm=True)
    for as_of in (date(2026, 12, 10), date(2026, 12, 11), date(2026, 12, 12)):
        row = bureau.night(as_of, NOVEMBER, firm(RED))["A"]
        assert (row["colour"], row["case_state"]) == ("红", "待核实"), as_of


def test_a_form_about_the_time_before_a_rise_says_nothing_about_what_rose(bureau: Bureau) -> None:
    bureau.night(FIRST, OCTOBER, firm(YELLOW))
    bureau.night(date(2026, 12, 10), NOVEMBER, firm(RED))
    bureau.visit("A", date(2026, 11, 12), is_false_alarm=True)
    row = bureau.night(date(2026, 12, 11), NOVEMBER, firm(RED))["A"]
    assert (row["colour"], row["case_state"]) == ("红", "待核实")


def test_an_orange_of_a_new_month_stays_though_the_month_before_was_a_false_alarm(bureau: Bureau) -> None:
    orange = (100, 160)
    bureau.night(FIRST, OCTOBER, firm(orange))
    bureau.visit("A", date(2026, 11, 12), is_false_alarm=True)
    for as_of in (date(2026, 12, 10), date(2026, 12, 11), date(2026, 12, 12)):
        assert set(bureau.night(as_of, NOVEMBER, firm(orange))) == {"A"}, as_of
    bureau.visit("A", date(2026, 12, 12), is_false_alarm=True)
    assert bureau.night(date(2026, 12, 13), NOVEMBER, firm(orange)) == {}


def test_a_late_form_is_about_the_month_of_its_visit(bureau: Bureau) -> None:
    orange = (100, 160)
    bureau.night(FIRST, OCTOBER, firm(orange))
    bureau.night(date(2026, 12, 10), NOVEMBER, firm(orange))
    bureau.visit("A", date(2026, 11, 12), is_false_alarm=True)
    assert set(bureau.night(date(2026, 12, 11), NOVEMBER, firm(orange))) == {"A"}


def test_a_visit_without_a_finding_takes_none_back(bureau: Bureau) -> None:
    bureau.night(FIRST, OCTOBER, firm())
    bureau.visit("A", date(2026, 11, 12), is_false_alarm=True)
    bureau.visit("A", date(2026, 11, 12), visit_mode="电话")
    assert bureau.night(SECOND, OCTOBER, firm()) == {}
    bureau.visit("A", date(2026, 11, 18), visit_mode="电话")
    assert bureau.night(THIRD, OCTOBER, firm()) == {}
    assert [state for state, _ in bureau.heard().values()] == ["已采纳"] * 3
    assert bureau.heard()["ZF000002"][1] == "已登记，尚无结论；处置状态仍为不属实"


def test_a_false_alarm_is_one_whatever_else_the_form_says(bureau: Bureau) -> None:
    bureau.night(FIRST, OCTOBER, firm())
    bureau.visit("A", date(2026, 11, 12), is_false_alarm=True, case_outcome="稳定", services_given="就业政策")
    bureau.night(SECOND, OCTOBER, firm())
    assert bureau.heard() == {"ZF000000": ("已采纳", "处置状态：不属实")}


def test_masked_cells_are_unknown_and_are_told(bureau: Bureau) -> None:
    bureau.night(FIRST, OCTOBER, firm())
    masked = dict.fromkeys(("visit_mode", "services_given", "case_outcome", "false_alarm_reason"), "***")
    bureau.visit("A", date(2026, 11, 12), is_false_alarm=False, **masked)
    row = bureau.night(SECOND, OCTOBER, firm())["A"]
    assert row["case_state"] == "属实"
    text = "处置状态：属实；走访方式、已提供服务、处置结果、误报原因填写不规范，未能读取，请按选项改正后重新报送"
    assert bureau.heard() == {"ZF000000": ("已采纳", text)}
    assert orders(bureau)["上门走访"][0] == "办理中"


def test_what_comes_back_for_another_reason_has_that_cause(bureau: Bureau) -> None:
    bureau.night(FIRST, OCTOBER, firm(YELLOW))
    bureau.visit("A", date(2026, 11, 12), is_false_alarm=True)
    bureau.night(SECOND, OCTOBER, firm(YELLOW))
    filed = {"features": {"notice_cut_persons": 15, "notice_reported_on": THIRD}}
    assert set(bureau.night(THIRD, OCTOBER, firm(YELLOW, **filed))) == {"A"}
    assert bureau.city.rows("edition.warning_change")["A"]["change_cause"] == "数据"


def test_a_form_with_a_listed_number_and_the_code_of_an_enterprise_off_the_list_is_refused(bureau: Bureau) -> None:
    firms = firm(), Firm("Z", 50, 50)
    bureau.night(FIRST, OCTOBER, *firms)
    bureau.visit("Z", date(2026, 11, 12), is_false_alarm=True)
    bureau.night(SECOND, OCTOBER, *firms)
    assert bureau.heard()["ZF000000"][0] == "未采纳"


def test_a_year_old_visit_still_counts(bureau: Bureau) -> None:
    bureau.night(FIRST, OCTOBER, firm())
    bureau.visit("A", date(2026, 11, 12), visit_mode="上门", is_false_alarm=False)
    row: dict[str, Any] = {}
    for step in range(1, 15):
        row = bureau.night(add_months(FIRST, step), add_months(OCTOBER, step), firm())["A"]
    assert row["case_state"] == "属实"
    assert orders(bureau)["上门走访"][0] == "按期完成"


def test_where_no_form_can_come_back_nothing_is_late(bureau: Bureau) -> None:
    feeds = {name: feed for name, feed in bureau.city.warehouse.contracts.feeds.items() if name != "follow_up"}
    bureau.night(FIRST, OCTOBER, firm())

    def without(run: Any) -> Any:
        return replace(run, contracts=replace(run.contracts, feeds=feeds))

    bureau.city.night(date(2026, 12, 1), OCTOBER, [firm()], batch="late", change=without)
    assert {state for state, *_ in orders(bureau).values()} == {"由责任单位登记"}
