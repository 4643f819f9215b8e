"""Posts against losses, whom a policy would reach again, how many will claim, and fairs with their last day."""

from datetime import date
from typing import Any

import polars as pl
import pytest
from edition_city import OCTOBER, City, Firm, make
from edition_frames import warning
from python_calamine import CalamineWorkbook
from test_report_run import written

from pipelines import parameters as parameter_files
from pipelines.policy.instruments import INSTRUMENTS
from pipelines.run import add_months
from pipelines.stages import outlook
from pipelines.stages.outlook import absorbing, fairs, reserving
from pipelines.stages.report.absorption import ANNEX, ANNEX_LINE
from pipelines.suppression import Limits
from pipelines.working_days import office_calendar

AS_OF = date(2026, 11, 12)
PARAMETERS = parameter_files.load(AS_OF)
LIMITS = Limits(3, 10)
HAIZHOU, GANYU, DONGHAI = "320706", "320707", "320722"
NAMES = {HAIZHOU: "海州区", GANYU: "赣榆区", DONGHAI: "东海县"}
NEAR = {HAIZHOU: [GANYU], GANYU: [HAIZHOU], DONGHAI: [GANYU]}


def firm(county: str, division: str, *, expected: float | None = None, change: int | None = 0) -> dict[str, Any]:
    return {
        "county_code": county,
        "county_name": NAMES[county],
        "industry_division": division,
        "industry_name": f"行业{division}",
        "insured_persons": 100,
        "insured_change_3m_persons": change,
        "probability": None if expected is None else 0.5,
        "expected_loss_persons": expected,
    }


def frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    kinds = {"probability": pl.Float64, "expected_loss_persons": pl.Float64, "insured_change_3m_persons": pl.Int64}
    return pl.DataFrame(rows, schema_overrides=kinds)


def vacancies(*rows: tuple[str, str, int, list[int]], month: date = OCTOBER) -> pl.DataFrame:
    names = ("county_code", "industry_division", "posts", "posting_enterprises")
    told = [dict(zip(names, row, strict=True)) | {"month": month, "job_field": "先进制造业"} for row in rows]
    named = [
        row | {"county_name": NAMES[str(row["county_code"])], "industry_name": f"行业{row['industry_division']}"}
        for row in told
    ]
    return pl.DataFrame(named, schema_overrides={"posting_enterprises": pl.List(pl.Int64)})


def told(enterprises: pl.DataFrame, posts: pl.DataFrame) -> dict[tuple[Any, ...], dict[str, Any]]:
    found = absorbing.posts_of(posts, month=OCTOBER, fresh_months=1)
    rows = absorbing.rows(enterprises, found, NEAR, limits=LIMITS)
    return {(row["area_kind"], row["county_code"], row["industry_division"]): row for row in rows}


def test_a_gap_names_the_nearest_posts_and_the_training() -> None:
    firms = frame(
        [firm(HAIZHOU, "13", expected=35.0), firm(HAIZHOU, "14", expected=2.0), *[firm(GANYU, "13", expected=1)] * 3]
    )
    posts = vacancies((HAIZHOU, "13", 12, [1]), (HAIZHOU, "14", 9, [2]), (GANYU, "13", 40, [3, 4, 5]))
    rows = told(firms, posts)
    cell = rows["县区行业", HAIZHOU, "13"]
    assert (cell["unmatched_persons"], cell["spare_posts"], cell["open_posts"]) == (23.0, 0.0, 12)
    assert cell["absorption_text"] == (
        "模型预计未来三个月减员35人，本县区同行业在招12个岗位，23人没有同行业岗位可接；相邻的赣榆区同行业在招40个岗位"
    )
    county = rows["县区", HAIZHOU, None]
    assert (county["unmatched_persons"], county["spare_posts"], county["training_persons"]) == (23.0, 7.0, 7.0)
    assert "7人可经转岗培训接其他行业的富余岗位（岗位最多的领域：先进制造业，21个）" in county["absorption_text"]
    assert rows["全市", None, None]["unmatched_persons"] == 0, "the city is counted by itself: its posts are enough"


def test_posts_of_few_enterprises_elsewhere_are_no_number() -> None:
    rows = told(frame([firm(HAIZHOU, "13", expected=35.0)]), vacancies((GANYU, "13", 40, [3, 4])))
    assert rows["县区行业", HAIZHOU, "13"]["absorption_text"].endswith(
        "相邻的赣榆区同行业有岗位（企业不足3家，不列数）"
    )


def test_a_sentence_tells_no_number_of_a_cell_that_is_withheld() -> None:
    firms = [*[firm(HAIZHOU, "13", expected=9.0)] * 5, *[firm(HAIZHOU, "15", expected=0)] * 4]
    few = [firm(HAIZHOU, "14", expected=0.0), firm(GANYU, "13", expected=0.0)]
    rows = told(frame(firms + few), vacancies((GANYU, "13", 40, [3, 4, 5])))
    cell = rows["县区行业", HAIZHOU, "13"]
    assert not cell["is_withheld"]
    assert cell["absorption_text"].endswith("相邻的赣榆区同行业有岗位（企业过少，不列数）")
    rows = told(frame(firms + few), vacancies((HAIZHOU, "14", 40, [3, 4, 5])))
    assert rows["县区行业", HAIZHOU, "14"]["is_withheld"]
    assert rows["县区行业", HAIZHOU, "13"]["absorption_text"].endswith("本县区行业14有岗位")


def test_enterprises_without_staff_make_no_cell_larger() -> None:
    gone = firm(HAIZHOU, "14", change=None) | {"insured_persons": 0}
    firms = [firm(HAIZHOU, "14", change=-2), *[gone] * 5, *[firm(HAIZHOU, "15", change=-1)] * 4]
    rows = told(frame([*firms, *[firm(HAIZHOU, "16", change=-1)] * 9]), vacancies((HAIZHOU, "15", 5, [1])))
    assert [rows["县区行业", HAIZHOU, division]["is_withheld"] for division in ("14", "15", "16")] == [
        True,
        True,
        False,
    ]
    assert "未知" not in rows["县区", HAIZHOU, None]["absorption_text"]


def test_without_a_model_the_past_is_told_as_past() -> None:
    rows = told(
        frame([firm(HAIZHOU, "13", change=-20), firm(HAIZHOU, "13", change=6)]), vacancies((GANYU, "14", 5, [1]))
    )
    cell = rows["县区行业", HAIZHOU, "13"]
    assert (cell["loss_kind"], cell["loss_persons"], cell["unmatched_persons"]) == ("近三个月实际", 20.0, 20.0)
    assert "近三个月减员企业共减少20人（实际数，不是预测），" in cell["absorption_text"]
    partly = told(frame([firm(HAIZHOU, "13", change=-20), firm(HAIZHOU, "14", change=None)]), vacancies())
    for key in (("县区", HAIZHOU, None), ("全市", None, None)):
        assert "共减少20人（实际数，不是预测；另有1家未知）" in partly[key]["absorption_text"]


@pytest.mark.parametrize(
    ("change", "posts", "words"),
    [
        (None, vacancies((HAIZHOU, "13", 5, [1])), "减员人数未知（没有可比的参保数据）"),
        (-5, vacancies((HAIZHOU, "13", 5, [1])).clear(), "招聘信息未到或过旧，岗位数未知，不判断缺口"),
        (-5, vacancies((HAIZHOU, "13", 5, [1]), month=date(2026, 8, 1)), "招聘信息未到或过旧"),
        (None, vacancies((HAIZHOU, "13", 5, [1])).clear(), "减员人数和岗位数都未知"),
    ],
)
def test_what_is_not_known_is_not_zero(change: int | None, posts: pl.DataFrame, words: str) -> None:
    rows = told(frame([firm(HAIZHOU, "13", change=change)]), posts)
    for row in rows.values():
        assert words in row["absorption_text"]
        assert (row["unmatched_persons"], row["spare_posts"], row["training_persons"]) == (None, None, None)


def test_an_empty_city_has_no_rows() -> None:
    assert told(frame([firm(HAIZHOU, "13")]).clear(), vacancies((HAIZHOU, "13", 5, [1])).clear()) == {}


def test_what_is_over_is_switched_on_on_its_last_terms() -> None:
    over = {code for code, one in INSTRUMENTS.items() if reserving.can_reopen(one, AS_OF)}
    assert {"WGFH", "HJ3", "SB25", "KGBZ"} <= over
    assert "CBJ" not in over
    for code in over:
        again = reserving.switched_on(INSTRUMENTS[code])
        assert again.standing(AS_OF) is None
        assert again.rule_day(AS_OF) <= date(2025, 12, 31), code


def test_costs_and_margins_of_the_refund() -> None:
    answers = pl.DataFrame(
        [
            (1, "WGFH", "符合条件", 500_00),
            (2, "WGFH", "符合条件", None),
            (3, "WGFH", "缺少数据", None),
            (4, "WGFH", "不符合条件", None),
        ],
        schema={"enterprise_no": pl.Int64, "instrument_id": pl.String, "answer": pl.String, "amount_fen": pl.Int64},
        orient="row",
    )
    placed = pl.DataFrame(
        {
            "enterprise_no": [1, 2, 3, 4],
            "county_code": [HAIZHOU] * 4,
            "refund_margin_persons": [3, None, 1, 0],
            "expected_loss_persons": [4.0, 1.0, 9.0, 9.0],
        }
    )
    [row] = reserving.summed(answers, placed).to_dicts()
    assert (row["reopened_count"], row["reopened_unknown_count"], row["reopened_fen"]) == (2, 1, 500_00)
    assert (row["reopened_unpriced_count"], row["margin_count"], row["over_margin_count"]) == (1, 1, 1)
    silent = placed.with_columns(expected_loss_persons=pl.lit(None, pl.Float64))
    assert reserving.summed(answers, silent)["over_margin_count"].to_list() == [None]
    text = reserving.text({"is_judged": False}, row, INSTRUMENTS["WGFH"])
    assert text == (
        "如按原条件重新启用，符合条件2家，另有1家缺少数据；测算资金500元，不含金额待定的1家；"
        "其中1家的返还余量可测算，1家今后三个月的预计减员超过本年余量，如在本年内发生，按现行算法将失去下一年度返还"
    )


def case(**changes: Any) -> dict[str, Any]:
    row = {"enterprise_no": 1, "county_code": HAIZHOU, "county_name": "海州区", "industry_division": "13"}
    row |= {"industry_name": "行业13", "colour": "红", "net_loss_persons": 220, "expected_loss_persons": None}
    return (
        row
        | {"due_on": None, "is_due_estimated": None, "done_on": None, "responsible_text": "公共就业和人才服务机构"}
        | changes
    )


def fair(cases: list[dict[str, Any]], *, as_of: date = AS_OF) -> dict[str, Any]:
    kinds = {"due_on": pl.Date, "done_on": pl.Date, "expected_loss_persons": pl.Float64}
    posts = absorbing.posts_of(vacancies((HAIZHOU, "13", 30, [1])), month=OCTOBER, fresh_months=1)
    [row] = fairs.rows(
        pl.DataFrame(cases, schema_overrides=kinds),
        [],
        [],
        posts,
        NEAR,
        [HAIZHOU, GANYU],
        office_calendar({}),
        as_of=as_of,
    )
    return row


def test_a_fair_is_held_on_a_working_day_up_to_the_last_day_of_the_order() -> None:
    saturday, friday = date(2026, 11, 21), date(2026, 11, 20)
    row = fair([case(due_on=saturday), case(colour="橙", net_loss_persons=60)])
    assert (row["fair_due_on"], row["fair_by"], row["left_persons"]) == (saturday, friday, 280)
    assert row["fair_text"] == (
        "海州区行业13红色1家、橙色1家，当月净减员280人，没有预测；本县区同行业在招30个岗位，"
        "周边县区同行业0个；请公共就业和人才服务机构最迟于2026年11月20日组织专场招聘"
    )
    assert "应在2026年11月10日前举办，尚未登记完成" in fair([case(due_on=date(2026, 11, 10))])["fair_text"]
    held = fair([case(due_on=friday, done_on=AS_OF), case(colour="橙", done_on=date(2026, 11, 10))])
    assert held["fair_text"].endswith("专场招聘已登记完成（2026年11月12日）"), "what was held is not asked again"
    assert held["fair_due_on"] is None
    assert "未规定时限" in fair([case(due_on=friday, done_on=AS_OF), case(colour="橙")])["fair_text"]
    partly = fair([case(colour="橙", net_loss_persons=0), case(net_loss_persons=None)])["fair_text"]
    assert "当月没有净减员（另有1家未知）" in partly
    assert "没有需要对接岗位的人员" not in partly
    assert "今日即办" in fair([case(due_on=date(2026, 11, 15))], as_of=date(2026, 11, 14))["fair_text"]


@pytest.mark.parametrize(
    ("due", "is_order_estimated", "is_estimated"),
    [(date(2026, 11, 20), False, False), (date(2026, 11, 20), True, True), (date(2031, 1, 4), False, True)],
)
def test_a_day_that_rests_on_weekends_alone_is_told_as_such(
    due: date, is_order_estimated: bool, is_estimated: bool
) -> None:
    row = fair([case(due_on=due, is_due_estimated=is_order_estimated)])
    assert row["is_due_estimated"] is is_estimated
    assert ("（暂按周末推算）" in row["fair_text"]) == is_estimated
    late = fair([case(due_on=date(2026, 11, 10), is_due_estimated=is_order_estimated)])["fair_text"]
    assert ("应在2026年11月10日（暂按周末推算）前举办" in late) == is_order_estimated
    assert fair([case()])["is_due_estimated"] is None


@pytest.fixture
def city(tmp_path: Any) -> Any:
    made = make(tmp_path)
    yield made
    made.warehouse.close()


def night(city: City, firms: list[Firm], **tables: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The tables of the stage after a night; what the city does not have is empty."""

    def knowing(run: Any) -> Any:
        for table in city.warehouse.contracts.tables:
            if table.split(".")[0] not in ("edition", "outlook", "out") and not city.warehouse.exists(table):
                city.give(table, [])
        for table, rows in tables.items():
            city.give(f"core.{table}", rows)
        return run

    decision, _ = city.night(AS_OF, OCTOBER, firms, change=knowing)
    outlook.run(decision.run, city.warehouse, previous=None)
    names = ("absorption", "policy_reserve", "caseload", "fair")
    return {name: city.warehouse.frame(f"FROM outlook.{name}").to_dicts() for name in names}


def test_a_night_with_nothing_but_insurance_says_what_is_unknown(city: City) -> None:
    found = night(city, [Firm("A" * 18, 50, 300, core={"industry_division": "17"})])
    assert {row["open_posts"] for row in found["absorption"]} == {None}
    assert found["caseload"] == []
    assert {row["area_kind"] for row in found["policy_reserve"]} == {"全市", "县区"}
    assert [row["red_count"] for row in found["fair"] if row["area_kind"] == "县区行业"] == [1]


def test_an_empty_city_passes(city: City) -> None:
    found = night(city, [])
    assert (found["absorption"], found["caseload"], found["fair"]) == ([], [], [])
    assert {row["reopened_count"] for row in found["policy_reserve"]} <= {0, None}


def test_posts_of_red_enterprises_do_not_take_anybody_on(city: City) -> None:
    firms = [Firm("A" * 18, 50, 300), Firm("B" * 18, 100, 100)]
    rows = [
        {"enterprise_no": number, "month": OCTOBER, "job_field": "生活服务", "posts": posts, "posting_count": 1}
        for number, posts in ((0, 70), (1, 8))
    ]
    older = [rows[1] | {"month": add_months(OCTOBER, -1), "posts": 500}]
    found = night(city, firms, vacancy_month=[*rows, *older])
    assert [row["open_posts"] for row in found["absorption"] if row["area_kind"] == "全市"] == [8]


def test_a_county_sees_its_own_rows_of_the_sheet(tmp_path: Any) -> None:
    folder = written(tmp_path, [warning(number) for number in range(20)])
    main = CalamineWorkbook.from_path(str(folder / "预警名单.xlsx"))
    whole = main.get_sheet_by_name("岗位吸纳和政策储备").to_python()
    assert any("储备临时性公益性岗位" in str(row) for row in whole) == any(ANNEX_LINE in str(row) for row in whole)
    assert any("2026-11-19（暂按周末推算）" in row for row in whole), (
        "a fair whose last day is estimated is told as such"
    )
    names = {"东城区", "西城区", "港口新区", "南山县", "北河县"}
    for path in (folder / "县区").glob("*.xlsx"):
        own = path.stem.split("_")[1]
        words = str(CalamineWorkbook.from_path(str(path)).get_sheet_by_name("岗位吸纳和政策储备").to_python())
        assert own in words
        assert "全市" not in words.replace("不相加为全市", "")
        assert not [name for name in names - {own} if name in words]
        assert ANNEX_LINE not in words


def test_the_annex_is_four_totals_of_the_document() -> None:
    planned = {row["id"]: row["value"] for row in PARAMETERS["document_targets"]}
    assert [planned[key] for key in ANNEX] == [30_000, 3_000, 5_600, 5_000]
