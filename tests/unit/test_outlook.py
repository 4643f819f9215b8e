"""Levels of counties and industries, what is usual in a month, and how far targets are."""

from dataclasses import replace
from datetime import date
from typing import Any

import polars as pl
import pytest

from pipelines import lunar
from pipelines import parameters as parameter_files
from pipelines.run import add_months
from pipelines.stages.outlook import areas, orders, targets
from pipelines.stages.outlook.levels import (
    CELL,
    COUNTY,
    INDUSTRY,
    LEVELS,
    NONE,
    Facts,
    Standing,
    change,
    given,
    reason,
    standing,
)
from pipelines.stages.outlook.signs import Sign
from pipelines.stages.outlook.together import Foreseen

OCTOBER, NOVEMBER, DECEMBER = date(2026, 10, 1), date(2026, 11, 1), date(2026, 12, 1)
PARAMETERS = parameter_files.load(date(2026, 11, 12))
LINES = areas.lines(PARAMETERS)
SIGN = Sign(3.44, 14, ("用电下降", "欠费"))
CELL_ROW: dict[str, Any] = {"area_kind": CELL, "county_code": "320706", "industry_division": "14"}
CELL_ROW |= dict.fromkeys(("area_loss_persons", "large_event_count", "largest_loss_persons", "cluster_probability"))
CELL_ROW |= dict.fromkeys(("excess_loss_ratio", "worst_months"))
CALM = Facts(COUNTY, 0, 0, 0, None, None, None)


@pytest.mark.parametrize(
    ("facts", "level"),
    [
        (CALM, NONE),
        (replace(CALM, large_events=5), "Ⅰ级"),
        (replace(CALM, largest_loss=200), "Ⅰ级"),
        (replace(CALM, large_events=4, largest_loss=199), "Ⅱ级"),
        (replace(CALM, loss_persons=80, excess_ratio=0.01), "Ⅱ级"),
        (replace(CALM, loss_persons=49, excess_ratio=0.05), NONE),
        (replace(CALM, kind=INDUSTRY, loss_persons=80, excess_ratio=0.05), NONE),
        (replace(CALM, kind=INDUSTRY, loss_persons=80, worst_months=2), "Ⅲ级"),
        (replace(CALM, kind=INDUSTRY, loss_persons=80, worst_months=1), NONE),
        (replace(CALM, loss_persons=80, worst_months=9), NONE),
        (replace(CALM, cluster_probability=0.3), "Ⅳ级"),
        (replace(CALM, cluster_probability=0.29), NONE),
    ],
)
def test_facts_give_a_level(facts: Facts, level: str) -> None:
    assert given(facts, LINES, month=OCTOBER)[0] == level


def after(now: str | None, before: Standing | None, month: date, *, as_of: date | None = None) -> Standing:
    judged = None if now is None else (now, f"{month.month}月{now}")
    return standing(judged, before, month=month, as_of=as_of or add_months(month, 1).replace(day=12), lines=LINES)


def stands(found: Standing) -> tuple[str, date]:
    return found.stood.level, found.stood.since


def test_a_level_rises_at_once_and_falls_after_two_months() -> None:
    first = after("Ⅱ级", None, OCTOBER)
    higher = after("Ⅰ级", first, NOVEMBER)
    assert stands(higher) == ("Ⅰ级", NOVEMBER)
    calm = after(NONE, higher, DECEMBER)
    assert stands(calm) == ("Ⅰ级", NOVEMBER)
    assert reason(calm, LINES) == "11月Ⅰ级；此后1个月未再达到，满2个月下调"
    january = add_months(DECEMBER, 1)
    assert stands(after("Ⅳ级", calm, january)) == ("Ⅳ级", january)


def test_a_fall_ends_at_the_gravest_level_of_the_last_months() -> None:
    falling = after("Ⅱ级", after("Ⅰ级", None, OCTOBER), NOVEMBER)
    assert falling.stood.level == "Ⅰ级"
    assert stands(after(NONE, falling, DECEMBER)) == ("Ⅱ级", DECEMBER)


def test_nights_of_one_month_count_it_once() -> None:
    calm = after(NONE, after("Ⅱ级", None, OCTOBER), NOVEMBER)
    for _ in range(5):
        calm = after(NONE, calm, NOVEMBER)
    assert stands(calm) == ("Ⅱ级", OCTOBER)
    assert reason(calm, LINES) == "10月Ⅱ级；此后1个月未再达到，满2个月下调"
    assert stands(after("Ⅱ级", calm, NOVEMBER)) == ("Ⅱ级", OCTOBER)


@pytest.mark.parametrize("mended", ["Ⅱ级", NONE])
def test_an_error_within_a_month_leaves_what_stood_before(mended: str) -> None:
    stood = after("Ⅱ级", None, OCTOBER)
    wrong = after("Ⅰ级", stood, NOVEMBER)
    assert after(mended, wrong, NOVEMBER, as_of=date(2026, 12, 20)).stood == stood.stood


def test_what_one_month_alone_gave_goes_with_its_error() -> None:
    risen = after("Ⅰ级", after(NONE, None, OCTOBER), NOVEMBER)
    assert after(NONE, risen, NOVEMBER).stood.level == NONE


def test_a_month_that_goes_back_forgets_what_came_after_and_nothing_else() -> None:
    stood = after("Ⅱ级", None, OCTOBER)
    back = after("Ⅱ级", after("Ⅰ级", stood, NOVEMBER), OCTOBER)
    assert back.stood == stood.stood
    assert after(NONE, after(NONE, stood, NOVEMBER), OCTOBER).stood.level == NONE


def test_an_unknown_month_is_neither_clean_nor_a_level() -> None:
    calm = after(NONE, after("Ⅱ级", None, OCTOBER), NOVEMBER)
    silent = after(None, calm, DECEMBER)
    assert stands(silent) == ("Ⅱ级", OCTOBER)
    assert reason(silent, LINES).endswith("；2026年12月数据不足，暂按此前月份")
    assert after(None, silent, add_months(DECEMBER, 1)).stood.level == "Ⅱ级"
    assert after(NONE, silent, add_months(DECEMBER, 1)).stood.level == NONE
    assert reason(after(None, None, OCTOBER), LINES) == "没有可比数据，未判定"


def test_how_a_level_changed() -> None:
    stood = after("Ⅱ级", None, OCTOBER)
    changes = [change(level, stood) for level in (*LEVELS, NONE)]
    assert changes == ["升级", "持续", "降级", "降级", "解除"]
    assert [change(level, None) for level in ("Ⅳ级", NONE)] == ["新增", "持续"]


def history(ratios: dict[date, float]) -> pl.DataFrame:
    """One county of a thousand persons and one industry, month by month."""
    rows = [("320706", "13", month, round(1000 * ratio), 1000) for month, ratio in ratios.items()]
    return pl.DataFrame(
        rows,
        schema={
            "county_code": pl.String,
            "industry_division": pl.String,
            "month": pl.Date,
            "area_loss_persons": pl.Int64,
            "staff_before": pl.Int64,
        },
        orient="row",
    )


def usual(ratios: dict[date, float], kind: str = COUNTY) -> dict[date, dict[str, Any]]:
    calendar = lunar.calendar(PARAMETERS["spring_festival"], early_day=10, reference_year=2026)
    found = areas.against_usual(
        history(ratios), kind, season=lambda day: calendar.season(lunar.ordinal(day)), least_years=1, least_months=20
    )
    return {row["month"]: row for row in found.to_dicts()}


def test_a_month_is_compared_with_the_same_month_of_other_years() -> None:
    months = [add_months(date(2023, 10, 1), number) for number in range(37)]
    ratios = {month: 0.03 if month.month == 10 else 0.0 for month in months} | {date(2026, 10, 1): 0.05}
    found = usual(ratios)
    assert found[date(2026, 10, 1)]["usual_loss_ratio"] == pytest.approx(0.03)
    assert found[date(2026, 10, 1)]["excess_loss_ratio"] == pytest.approx(0.02)
    assert found[date(2024, 9, 1)]["usual_loss_ratio"] is None


def test_near_the_festival_the_distance_from_it_is_compared() -> None:
    """The festival lay in January 2025 and in February 2026: the months before it are December and January."""
    ratios = {add_months(date(2024, 6, 1), number): 0.0 for number in range(24)}
    found = usual(ratios | {date(2025, 1, 1): 0.08, date(2026, 2, 1): 0.09})
    assert found[date(2026, 2, 1)]["usual_loss_ratio"] == pytest.approx(0.08)
    assert found[date(2026, 1, 1)]["usual_loss_ratio"] == pytest.approx(0.0)


def test_worst_months_are_counted_in_a_row_and_want_a_history() -> None:
    months = [add_months(date(2023, 10, 1), number) for number in range(37)]
    ratios = dict.fromkeys(months, 0.0) | {date(2026, 9, 1): 0.04, date(2026, 10, 1): 0.05}
    assert [usual(ratios)[month]["worst_months"] for month in months[-3:]] == [0, 1, 2]
    short = dict(list(ratios.items())[-25:])
    assert usual(short)[date(2026, 10, 1)]["worst_months"] is None


def test_a_month_that_is_not_known_ends_a_run_of_worst_months() -> None:
    """August is worst and September not known: October begins a new run, or has none where it is itself unknown."""
    months = [add_months(date(2021, 10, 1), number) for number in range(61)]
    worst = {date(2026, month, 1): 0.05 for month in (7, 8, 10)}
    ratios = dict.fromkeys(months, 0.0) | worst
    del ratios[date(2026, 9, 1)]
    found = usual(ratios)
    assert [found[date(2026, month, 1)]["worst_months"] for month in (6, 7, 8, 10)] == [0, 1, 2, 1]
    industry = usual(ratios, INDUSTRY)[date(2026, 10, 1)]["worst_months"]
    facts = replace(CALM, kind=INDUSTRY, loss_persons=80, worst_months=industry)
    assert given(facts, LINES, month=OCTOBER)[0] == NONE
    unusual = [month for month in months if month.month != 10] + [OCTOBER]
    assert usual(dict.fromkeys(unusual, 0.0) | {OCTOBER: 0.05})[OCTOBER]["worst_months"] is None


def test_a_small_cell_is_not_told_and_the_city_is_counted_by_itself() -> None:
    row = {
        "county_name": "海州区",
        "industry_name": "食品制造业",
        "insured_persons": 50,
        "net_loss_persons": 20,
        "is_large_event": True,
        "probability": None,
        "expected_loss_persons": None,
        "colour": "橙",
    }
    enterprises = pl.DataFrame(
        [{"county_code": "320706", "industry_division": division, **row} for division in ("13", "14", "14", "14")],
        schema_overrides={"probability": pl.Float64, "expected_loss_persons": pl.Float64},
    )
    compared = {
        kind: areas.against_usual(
            history({OCTOBER: 0.02}), kind, season=lambda day: str(day.month), least_years=1, least_months=20
        )
        for kind in areas.KINDS
    }
    rows = areas.joined(areas.counted(enterprises), compared, Foreseen({"": (0.5, 90)}, "依据"), least=3)
    cells = {row["industry_division"]: row for row in rows if row["area_kind"] == areas.CELL}
    assert (cells["13"]["is_small_cell"], cells["13"]["large_event_count"]) == (True, None)
    assert (cells["14"]["is_small_cell"], cells["14"]["large_event_count"]) == (False, 3)
    [city] = [row for row in rows if row["area_kind"] == areas.CITY]
    assert (city["enterprise_count"], city["orange_count"], city["expected_loss_persons"]) == (4, 4, None)
    assert (city["cluster_probability"], city["loss_p95_persons"], city["foresight_text"]) == (0.5, 90, "依据")
    assert cells["14"]["loss_p95_persons"] is None
    levelled, now = areas.levelled(rows, {}, {"320706|14": SIGN}, month=OCTOBER, as_of=date(2026, 11, 12), limits=LINES)
    assert {row["area_kind"]: row["area_level"] for row in levelled if row["area_level"]} == {
        COUNTY: "Ⅱ级",
        INDUSTRY: "Ⅱ级",
        CELL: "Ⅳ级",
    }
    assert set(now) == {"县区|320706|", "行业||13", "行业||14", "县区行业|320706|14"}
    cells = {row["industry_division"]: row for row in levelled if row["area_kind"] == CELL}
    assert (cells["14"]["sign_index"], cells["13"]["sign_index"]) == (3.44, None)
    assert "14家企业的先兆（用电下降、欠费）" in cells["14"]["level_text"]
    assert "先兆指数3.44，达到3" in cells["14"]["level_text"]
    assert cells["13"]["level_text"] is None


def test_signs_that_let_go_keep_their_level_for_two_known_months() -> None:
    before: dict[str, Standing] = {}
    told = []
    for month, sign in enumerate((SIGN, replace(SIGN, index=1.0), None, replace(SIGN, index=1.0))):
        [now], before = areas.levelled(
            [CELL_ROW],
            before,
            {} if sign is None else {"320706|14": sign},
            month=add_months(OCTOBER, month),
            as_of=add_months(OCTOBER, month + 1),
            limits=LINES,
        )
        told.append((now["area_level"], now["level_change"]))
    assert told == [("Ⅳ级", "新增"), ("Ⅳ级", "持续"), ("Ⅳ级", "持续"), ("无", "解除")]


def test_signs_that_waver_within_a_month_keep_their_level_and_its_orders() -> None:
    told, before = [], {}
    for night, index in enumerate((3.1, 2.6, 3.2, 2.4)):
        [now], before = areas.levelled(
            [CELL_ROW],
            before,
            {"320706|14": replace(SIGN, index=index)},
            month=OCTOBER,
            as_of=date(2026, 11, 12 + night),
            limits=LINES,
        )
        told.append((now["area_level"], now["level_reached_on"].day))
    assert told == [("Ⅳ级", 12), ("Ⅳ级", 12), ("Ⅳ级", 12), ("无", 15)]


@pytest.mark.parametrize("between", [(2.4,), (2.4, 2.6), (None,), (None, None, 2.4)])
def test_signs_that_fall_and_return_within_a_month_go_on_with_the_same_orders(
    between: tuple[float | None, ...],
) -> None:
    """``between`` are the indices of nights that let go of the level; None is a night without enough enterprises."""
    numbers, done, before = [], {"QY32070614-20261112-101": date(2026, 11, 14)}, dict[str, Standing]()
    for night, index in enumerate((3.1, *between, 3.2)):
        [now], before = areas.levelled(
            [CELL_ROW | {"county_name": "海州区", "industry_name": "酒、饮料和精制茶制造业"}],
            before,
            {"320706|14": replace(SIGN, index=index)} if index else {},
            month=OCTOBER,
            as_of=date(2026, 11, 12 + night),
            limits=LINES,
        )
        numbers.append([(one["order_no"], one["order_state"]) for one in orders.rows([now], done, PARAMETERS)])
    assert numbers[0] == numbers[-1] == [("QY32070614-20261112-101", "按期完成")]
    assert numbers[1:-1] == [[] for _ in between]
    later = after("Ⅳ级", after(NONE, before["县区行业|320706|14"], NOVEMBER), DECEMBER)
    assert stands(later) == ("Ⅳ级", OCTOBER)
    calm = after(NONE, after(NONE, before["县区行业|320706|14"], NOVEMBER), DECEMBER)
    assert stands(after("Ⅳ级", calm, add_months(DECEMBER, 1))) == ("Ⅳ级", add_months(DECEMBER, 1)), "another trouble"


def test_a_county_that_falls_and_returns_within_a_month_goes_on_from_the_first_day() -> None:
    first = after("Ⅰ级", after(NONE, None, OCTOBER), NOVEMBER, as_of=date(2026, 12, 12))
    again = after("Ⅱ级", first, NOVEMBER, as_of=date(2026, 12, 13))
    assert after("Ⅰ级", again, NOVEMBER, as_of=date(2026, 12, 14)).stood == first.stood


def test_an_industry_that_is_judged_no_longer_does_not_stand_for_ever() -> None:
    told, before = [], {}
    for month in range(5):
        [now], before = areas.levelled(
            [CELL_ROW],
            before,
            {} if month else {"320706|14": SIGN},
            month=add_months(OCTOBER, month),
            as_of=add_months(OCTOBER, month + 1),
            limits=LINES,
        )
        told.append(now["area_level"])
    assert told == ["Ⅳ级", "Ⅳ级", "Ⅳ级", None, None]
    assert before == {}


def test_orders_of_a_county_and_of_its_industry_have_numbers_of_their_own() -> None:
    area = {"area_level": "Ⅳ级", "level_reached_on": date(2026, 11, 12), "county_name": "海州区", "industry_name": None}
    county = area | {"area_kind": COUNTY, "county_code": "320706", "industry_division": None}
    cell = area | {"area_kind": CELL, "county_code": "320706", "industry_division": "14"}
    found = orders.rows([county, cell], {}, PARAMETERS)
    assert [order["order_no"] for order in found] == ["QY320706-20261112-101", "QY32070614-20261112-101"]


YEAR = targets.Period(date(2025, 1, 1), DECEMBER.replace(year=2025))


@pytest.mark.parametrize(
    ("done", "month", "as_of", "state"),
    [
        (50, date(2025, 6, 1), date(2025, 7, 10), "按进度"),
        (47, date(2025, 6, 1), date(2025, 7, 10), "滞后"),
        (60, date(2025, 6, 1), date(2025, 7, 10), "超前"),
        (101, date(2025, 9, 1), date(2025, 10, 10), "已完成"),
        (99, date(2025, 12, 1), date(2026, 1, 10), "未完成"),
        (90, date(2025, 11, 1), date(2026, 1, 10), "期末数未报送"),
    ],
)
def test_a_target_is_judged_by_its_pace(done: float, month: date, as_of: date, state: str) -> None:
    found = targets.judge(100, done, month=month, period=YEAR, as_of=as_of)
    assert found["target_state"] == state
    is_over = as_of.year > YEAR.last.year
    assert found["projected_done"] == (None if is_over else pytest.approx(done / found["passed_months"] * 12))


def test_the_document_splits_no_target_and_a_county_row_is_no_city_row() -> None:
    row = {"target_id": "1", "month": date(2025, 6, 1), "target_name": "市场化岗位", "target_planned": 1.0}
    progress = pl.DataFrame(
        [row | {"county_code": "320706", "target_done": 9.0}, row | {"county_code": None, "target_done": 15_000.0}]
    )
    found = {
        t["target_key"]: t for t in targets.rows(progress, PARAMETERS["document_targets"], as_of=date(2025, 7, 10))
    }
    assert (found["T_MARKET"]["target_done"], found["T_MARKET"]["target_state"]) == (15_000.0, "按进度")
    assert found["T_TRAINING"]["target_state"] == "无进度数据"
    assert found["T_TRAINING"]["projected_done"] is None


def test_a_level_has_its_orders_and_a_desk_records_them() -> None:
    area = {"area_kind": COUNTY, "county_code": "320706", "county_name": "海州区"}
    area |= {
        "industry_division": None,
        "industry_name": None,
        "area_level": "Ⅱ级",
        "level_reached_on": date(2026, 11, 12),
    }
    given_out = orders.rows([area, area | {"area_level": NONE}, area | {"area_level": None}], {}, PARAMETERS)
    assert [order["task_text"] for order in given_out] == ["2小时内书面报告", "3日内召开部门会商", "7日内形成处置方案"]
    assert {order["order_state"] for order in given_out} == {"由责任单位登记"}
    numbers = [order["order_no"] for order in given_out]
    assert numbers == [f"QY320706-20261112-3{place:02d}" for place in (1, 2, 3)]
    done = {numbers[0]: date(2026, 11, 12), numbers[1]: date(2026, 11, 20)}
    told_of = orders.rows([area], done, PARAMETERS)
    assert [order["order_state"] for order in told_of] == ["按期完成", "逾期完成", "由责任单位登记"]


def test_a_level_keeps_the_day_on_which_it_was_reached() -> None:
    first = after("Ⅱ级", None, OCTOBER, as_of=date(2026, 11, 12))
    again = after("Ⅱ级", first, NOVEMBER, as_of=date(2026, 12, 12))
    assert (again.stood.since, again.stood.reached_on) == (OCTOBER, date(2026, 11, 12))
    risen = after("Ⅰ级", again, NOVEMBER, as_of=date(2026, 12, 13))
    assert (risen.stood.since, risen.stood.reached_on) == (NOVEMBER, date(2026, 12, 13))
