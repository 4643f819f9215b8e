"""The list over several nights: capacity, hysteresis in insurance months, causes of change, identity."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from edition_city import COUNTIES, DECEMBER, NOVEMBER, OCTOBER, City, Firm, make, with_parameter

from pipelines.errors import NotFoundError, StageOrderError
from pipelines.stages import edition

FIRST, SECOND, THIRD = date(2026, 11, 10), date(2026, 11, 11), date(2026, 11, 12)
AGENCY = {"is_labour_agency": True}


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    found = make(tmp_path)
    yield found
    found.warehouse.close()


def test_the_first_edition_lists_by_colour_with_numbers_and_full_sentences(city: City) -> None:
    firms = [Firm("A", 700, 762), Firm("B", 100, 300, "320707"), Firm("C", 90, 105, None), Firm("D", 500, 500)]
    decision, receipt = city.night(FIRST, OCTOBER, firms)
    rows = city.rows("edition.warning")
    assert decision.edition_id == "2026-11-10-r1"
    assert {code: (r["colour"], r["change_kind"]) for code, r in rows.items()} == {
        "A": ("橙", "首期"),
        "B": ("红", "首期"),
        "C": ("黄", "首期"),
    }
    assert rows["A"]["warning_no"] == "YJ202610320706001"
    assert rows["C"]["county_name"] == "未知县区"
    assert rows["A"]["trigger_text"] == "单月净减少62人（−8.1%），达到橙色线（≥50人）"
    assert rows["A"]["deadline_text"] == "自11月10日下发起2小时内报告；2个工作日内（11月12日前）上门走访"
    assert rows["B"]["deadline_text"].endswith("3日内（11月13日前）形成一企一策处置方案")
    assert rows["A"]["responsible_text"] == "市人社局分管领导、海州区人社部门负责人"
    assert city.rows("edition.warning_change") == {}
    assert receipt.adds_up
    assert receipt.rows_out == 3


def test_no_text_of_a_listed_enterprise_is_empty(city: City) -> None:
    bare = dict.fromkeys(("enterprise_name", "street_name", "industry_division", "industry_name", "size_class"))
    unknown = {"is_registered": False, "enterprise_status": None, **bare}
    city.night(FIRST, OCTOBER, [Firm("A", 10, 300, None, core=unknown, features={"completeness_text": None})])
    row = city.rows("edition.warning")["A"]
    contracts = city.warehouse.contracts
    texts = [c for c in contracts.tables["edition.warning"].columns if contracts.column(c).type == "text"]
    assert [name for name in texts if not row[name] and name != "previous_colour"] == []
    assert row["enterprise_name"] == row["industry_name"] == "登记信息缺失"


def test_reasons_are_of_different_dimensions(city: City) -> None:
    city.night(FIRST, OCTOBER, [Firm("A", 40, 40, points=40, dimensions=2)])
    row = city.rows("edition.warning")["A"]
    assert (row["colour"], row["reasons_text"]) == ("蓝", "对美出口占比45%；欠费2个月")
    assert row["mitigation_text"] == "已获稳岗支持"
    assert len(city.rows("edition.warning_reason", "reason_code")) == 4


def test_capacity_limits_yellow_and_blue_and_nothing_else(city: City) -> None:
    firms = [
        Firm("A", 75, 100, points=10),
        Firm("B", 275, 300, points=10),
        Firm("C", 100, 125, points=90),
        Firm("D", 800, 900),
        Firm("E", 400, 400, features={"notice_cut_persons": 40, "notice_reported_on": FIRST}),
        Firm("F", 500, 500, points=99, dimensions=3),
        Firm("G", 475, 500, "320707"),
    ]
    _, receipt = city.night(FIRST, OCTOBER, firms)
    assert set(city.rows("edition.warning")) == {"B", "C", "D", "E", "G"}
    kept = city.rows("edition.filtered")
    assert {code: row["filter_code"] for code, row in kept.items()} == {"A": "capacity", "F": "capacity"}
    assert kept["A"]["filter_text"] == "超出本县区本月走访能力（2家）"
    assert receipt.dropped == {"capacity": 2}
    assert receipt.adds_up


def test_nights_of_one_insurance_month_share_one_capacity(city: City) -> None:
    two = [Firm("A", 75, 100, points=9), Firm("B", 75, 100, points=8)]
    city.night(FIRST, OCTOBER, two)
    city.night(SECOND, OCTOBER, [*two, Firm("C", 175, 200, points=99)], batch="b2")
    assert set(city.rows("edition.warning")) == {"A", "B"}
    assert city.rows("edition.filtered")["C"]["filter_code"] == "capacity"
    fresh = [Firm("A", 75, 75), Firm("B", 75, 75), Firm("C", 150, 175, points=99)]
    city.night(date(2026, 12, 10), NOVEMBER, fresh, batch="b3")
    assert city.rows("edition.warning")["C"]["warning_no"] == "YJ202611320706001"


def test_agencies_are_counted_apart_unless_they_filed_a_report(city: City) -> None:
    filed = {"notice_cut_persons": 50}
    firms = [Firm("A", 100, 400, core=AGENCY), Firm("B", 100, 400, core=AGENCY, features=filed)]
    city.night(FIRST, OCTOBER, firms)
    assert set(city.rows("edition.warning")) == {"B"}
    assert city.rows("edition.filtered")["A"]["filter_text"] == "劳务派遣或人事代理单位，单独统计"


def test_enterprises_ended_long_ago_are_kept_out_below_orange(city: City) -> None:
    ended = {"enterprise_status": "注销", "deregistered_on": date(2025, 3, 1)}
    city.night(FIRST, OCTOBER, [Firm("A", 75, 100, core=ended), Firm("B", 75, 300, core=ended)])
    assert city.rows("edition.filtered")["A"]["filter_code"] == "deregistered"
    assert city.rows("edition.warning")["B"]["remark_text"] == "登记状态为注销"


def test_a_night_without_a_new_month_moves_no_count(city: City) -> None:
    for as_of in (FIRST, SECOND, THIRD):
        city.night(as_of, OCTOBER, [Firm("A", 740, 800)], batch=as_of.isoformat())
    row = city.rows("edition.warning")["A"]
    assert (row["change_kind"], row["months_listed"], row["clean_months"]) == ("持续", 1, 0)
    assert row["listed_since"] == FIRST
    assert city.rows("edition.warning_change") == {}


def test_a_case_leaves_after_two_clean_insurance_months(city: City) -> None:
    city.night(FIRST, OCTOBER, [Firm("A", 740, 800)])
    for as_of in (date(2026, 12, 8), date(2026, 12, 9)):
        city.night(as_of, NOVEMBER, [Firm("A", 740, 740)], batch=as_of.isoformat())
        row = city.rows("edition.warning")["A"]
        assert (row["colour"], row["months_listed"], row["clean_months"]) == ("橙", 2, 1)
        assert row["trigger_text"].startswith("2026年10月触发：单月净减少60人")
        assert "已连续1个月未再触发" in row["remark_text"]
    _, receipt = city.night(date(2027, 1, 8), DECEMBER, [Firm("A", 741, 740)], batch="b9")
    change = city.rows("edition.warning_change")["A"]
    assert city.rows("edition.warning") == {}
    assert (change["change_kind"], change["change_cause"], change["colour"]) == ("解除", "数据", None)
    assert change["change_text"] == "连续2个参保月未再触发，提请解除"
    assert receipt.dropped == {"released": 1}


def test_a_colour_rises_at_once_and_falls_with_a_new_month_only(city: City) -> None:
    city.night(FIRST, OCTOBER, [Firm("A", 775, 800)])
    city.night(SECOND, OCTOBER, [Firm("A", 740, 800)], batch="b2")
    change = city.rows("edition.warning_change")["A"]
    assert (change["change_kind"], change["change_cause"]) == ("升级", "修订")
    assert change["change_text"].endswith("由黄色升为橙色")
    city.night(date(2026, 12, 8), NOVEMBER, [Firm("A", 715, 740)], batch="b3")
    change = city.rows("edition.warning_change")["A"]
    assert (change["change_kind"], change["change_cause"], change["colour"]) == ("降级", "数据", "黄")


def test_points_that_fall_within_the_month_lower_nothing(city: City) -> None:
    city.night(FIRST, OCTOBER, [Firm("A", 40, 40, points=40, dimensions=2)])
    city.night(SECOND, OCTOBER, [Firm("A", 40, 40, points=10, dimensions=1)], batch="b2")
    row = city.rows("edition.warning")["A"]
    assert (row["colour"], row["clean_months"]) == ("蓝", 0)


def test_a_revision_that_removes_the_only_trigger_releases_the_case(city: City) -> None:
    city.night(FIRST, OCTOBER, [Firm("A", 75, 800)])
    city.night(SECOND, OCTOBER, [Firm("A", 795, 800)], batch="b2")
    change = city.rows("edition.warning_change")["A"]
    assert city.rows("edition.warning") == {}
    assert (change["change_kind"], change["change_cause"]) == ("解除", "修订")


def test_a_row_that_came_late_ends_the_alarm_about_its_absence(city: City) -> None:
    gone = {"absent_months": 1, "last_insured_persons": 135}
    city.night(FIRST, OCTOBER, [Firm("A", 0, 135, features=gone), Firm("B", 0, 135, features=gone)])
    assert {row["trigger_code"] for row in city.rows("edition.warning").values()} == {"absent_once"}
    city.night(date(2026, 12, 8), NOVEMBER, [Firm("A", 136, 134), Firm("B", 100, 100)], batch="b2")
    change = city.rows("edition.warning_change")
    assert set(change) == {"A"}
    assert (change["A"]["change_kind"], change["A"]["change_cause"]) == ("解除", "修订")
    assert change["A"]["change_text"] == "参保数据修订后，参保记录已恢复（136人），原触发条件不再成立，提请解除"
    assert city.rows("edition.warning")["B"]["clean_months"] == 1


def test_an_absent_enterprise_that_is_back_with_its_staff_leaves_at_once(city: City) -> None:
    gone = {"absent_months": 1, "last_insured_persons": 135}
    city.night(FIRST, OCTOBER, [Firm("A", 0, 135, features=gone), Firm("B", 0, 135, features=gone)])
    back = {"net_loss_persons": 0}
    city.night(
        date(2026, 12, 8), NOVEMBER, [Firm("A", 133, 0, features=back), Firm("B", 90, 0, features=back)], batch="b2"
    )
    change = city.rows("edition.warning_change")
    assert set(change) == {"A"}
    assert (change["A"]["change_kind"], change["A"]["change_cause"]) == ("解除", "数据")
    assert city.rows("edition.warning")["B"]["clean_months"] == 1


def test_an_absence_that_lasts_becomes_a_closure(city: City) -> None:
    gone = {"absent_months": 1, "last_insured_persons": 135}
    city.night(FIRST, OCTOBER, [Firm("A", 0, 135, features=gone)])
    city.night(date(2026, 12, 8), NOVEMBER, [Firm("A", 0, 0, features=gone | {"absent_months": 2})], batch="b2")
    change = city.rows("edition.warning_change")["A"]
    assert (change["change_kind"], change["change_cause"], change["colour"]) == ("升级", "数据", "红")
    assert change["change_text"] == "截至2026年11月连续2个月无参保记录（中断前135人），达到红色线，由橙色升为红色"


def test_an_unknown_month_is_neither_clean_nor_a_trigger(city: City) -> None:
    city.night(FIRST, OCTOBER, [Firm("A", 740, 800)])
    gap = {"net_loss_persons": None, "previous_insured_persons": 740, "last_insured_persons": 740}
    city.night(date(2026, 12, 8), NOVEMBER, [Firm("A", None, 740, features=gap)])
    row = city.rows("edition.warning")["A"]
    assert (row["clean_months"], row["remark_text"]) == (0, "本月参保数据缺失，暂按上期等级保留")


def test_an_enterprise_no_delivery_names_any_more_is_released(city: City) -> None:
    city.night(FIRST, OCTOBER, [Firm("A", 740, 800), Firm("B", 500, 500)])
    city.night(SECOND, OCTOBER, [Firm("B", 500, 500)], batch="b2")
    change = city.rows("edition.warning_change")["A"]
    assert (change["change_kind"], change["change_cause"]) == ("解除", "修订")


def test_a_new_threshold_is_named_as_the_cause(city: City) -> None:
    firms = [Firm("A", 785, 800), Firm("B", 740, 800)]
    city.night(FIRST, OCTOBER, firms)
    city.night(SECOND, OCTOBER, firms, change=with_parameter("yellow_loss_persons", 15))
    change = city.rows("edition.warning_change")
    assert set(change) == {"A"}
    assert (change["A"]["change_kind"], change["A"]["change_cause"]) == ("新增", "阈值")


def test_more_capacity_is_named_as_a_filter(city: City) -> None:
    firms = [Firm(code, 75, 100, points=9) for code in "ABC"]
    city.night(FIRST, OCTOBER, firms)
    wider = {**COUNTIES, "320706": COUNTIES["320706"].model_copy(update={"capacity": 3})}
    city.settings = city.settings.model_copy(update={"counties": wider})
    city.night(SECOND, OCTOBER, firms)
    change = city.rows("edition.warning_change")["C"]
    assert (change["change_kind"], change["change_cause"]) == ("新增", "筛选")


def test_other_code_is_named_as_the_cause(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    city.night(FIRST, OCTOBER, [Firm("A", 800, 800)])
    monkeypatch.setattr(edition, "code_digest", lambda: "other")
    city.night(SECOND, OCTOBER, [Firm("A", 800, 800, points=50, dimensions=2)])
    assert city.rows("edition.warning_change")["A"]["change_cause"] == "模型"


def test_a_gap_of_three_months_is_no_comparison(city: City) -> None:
    city.night(FIRST, date(2026, 7, 1), [Firm("A", 740, 800)])
    city.night(SECOND, OCTOBER, [Firm("A", 640, 740)], batch="b2")
    header = city.rows("edition.edition", "edition_id")["2026-11-11-r1"]
    assert (header["is_comparable"], header["previous_edition_id"]) == (False, "2026-11-10-r1")
    assert city.rows("edition.warning")["A"]["change_kind"] == "首期"


def test_the_same_inputs_are_one_edition_and_others_the_next_revision(city: City) -> None:
    firms = [Firm("A", 740, 800)]
    first, _ = city.night(FIRST, OCTOBER, firms)
    again = edition.decide(city.run(FIRST), city.warehouse, city.ledger)
    assert (again.unchanged, again.edition_id) == (True, first.edition_id)
    city.fill(OCTOBER, firms, batch="other")
    other = edition.decide(city.run(FIRST), city.warehouse, city.ledger)
    assert (other.unchanged, other.edition_id) == (False, "2026-11-10-r2")


def test_a_held_night_is_not_held_twice_and_is_no_previous_edition(city: City) -> None:
    city.fill(OCTOBER, [Firm("A", 740, 800)])
    held = edition.decide(city.run(FIRST), city.warehouse, city.ledger)
    city.record(held, status="held")
    again = edition.decide(city.run(FIRST), city.warehouse, city.ledger)
    assert (again.unchanged, again.held) == (True, True)
    assert edition.decide(city.run(SECOND), city.warehouse, city.ledger).previous is None
    city.fill(OCTOBER, [Firm("A", 740, 800)], batch="newer")
    opened = edition.decide(city.run(FIRST), city.warehouse, city.ledger)
    assert (opened.unchanged, opened.edition_id) == (False, "2026-11-10-r2")


def test_a_lost_folder_is_written_again_under_its_number(city: City) -> None:
    first, _ = city.night(FIRST, OCTOBER, [Firm("A", 740, 800)])
    (first.run.edition_folder / "edition.json").unlink()
    again = edition.decide(city.run(FIRST), city.warehouse, city.ledger)
    assert (again.unchanged, again.edition_id) == (False, first.edition_id)
    other = with_parameter("yellow_loss_persons", 15)(city.run(FIRST)).with_revision(1)
    changed = edition.decide(other, city.warehouse, city.ledger)
    with pytest.raises(StageOrderError, match="on record with other inputs"):
        edition.run(changed.run, city.warehouse, city.ledger, decision=changed)


def test_a_replay_writes_the_same_bytes_elsewhere(city: City, tmp_path: Path) -> None:
    firms = [Firm("A", 740, 800), Firm("B", 75, 100, points=33)]
    city.night(date(2026, 11, 9), OCTOBER, [Firm("A", 775, 800)])
    first, _ = city.night(FIRST, OCTOBER, firms, batch="b2")
    city.night(SECOND, OCTOBER, firms, batch="b3")
    city.fill(OCTOBER, firms, batch="b2")
    run = replace(city.run(FIRST), output=tmp_path / "again", revision=1)
    decision = edition.decide(run, city.warehouse, city.ledger)
    assert decision.digest == first.digest
    edition.run(decision.run, city.warehouse, city.ledger, decision=decision)
    old, new = (folder / "edition.json" for folder in (first.run.edition_folder, run.edition_folder))
    assert old.read_bytes() == new.read_bytes()
    assert json.loads(new.read_text(encoding="utf-8"))["edition"]["previous_edition_id"] == "2026-11-09-r1"


def test_a_missing_previous_document_is_said_and_not_guessed(city: City) -> None:
    first, _ = city.night(FIRST, OCTOBER, [Firm("A", 740, 800)])
    (first.run.edition_folder / "edition.json").unlink()
    with pytest.raises(NotFoundError, match="restore it from the backup"):
        city.night(SECOND, OCTOBER, [Firm("A", 740, 800)])


def test_the_county_table_counts_the_absent_as_gone(city: City) -> None:
    gone = Firm("B", 0, 30, features={"absent_months": 1})
    city.night(FIRST, OCTOBER, [Firm("A", 740, 800), gone, Firm("C", 10, None, "320707")])
    frame = city.warehouse.frame("SELECT * FROM edition.county_industry_month ORDER BY month, county_code").to_dicts()
    october = {row["county_code"]: row for row in frame if row["month"] == OCTOBER}
    assert october["320706"]["net_change_persons"] == -90
    assert october["320706"]["net_change_ratio"] == pytest.approx(-90 / 830)
    assert (october["320706"]["enterprise_count"], october["320706"]["large_loss_count"]) == (1, 2)
    assert (october["320706"]["orange_count"], october["320706"]["red_count"]) == (2, 0)
    assert october["320707"]["net_change_persons"] == 10
    september = [row for row in frame if row["month"] != OCTOBER]
    assert [(row["insured_persons"], row["net_change_persons"], row["red_count"]) for row in september] == [
        (830, None, None)
    ]


def test_a_number_never_comes_to_mean_another_enterprise(city: City) -> None:
    city.night(FIRST, OCTOBER, [Firm("A", 700, 762)])
    number = city.rows("edition.warning")["A"]["warning_no"]
    city.night(FIRST, OCTOBER, [Firm("A", 700, 762), Firm("B", 100, 400)], batch="late")
    rows = city.rows("edition.warning")
    assert rows["A"]["edition_id"] == "2026-11-10-r2"
    assert rows["A"]["warning_no"] == number
    assert rows["B"]["warning_no"] == "YJ202610320706002"


def test_clocks_run_from_the_day_of_entry_and_start_again_with_a_rise(city: City) -> None:
    city.night(FIRST, OCTOBER, [Firm("A", 700, 722)])
    city.night(SECOND, OCTOBER, [Firm("A", 700, 722)], batch="b2")
    assert city.rows("edition.warning")["A"]["deadline_text"].startswith("自11月10日下发起")
    city.night(THIRD, OCTOBER, [Firm("A", 600, 722)], batch="b3")
    assert city.rows("edition.warning")["A"]["deadline_text"].startswith("自11月12日下发起")


def test_the_net_change_after_an_incomplete_month_is_unknown(city: City) -> None:
    firms = [Firm("A", 100, None, "320706"), Firm("B", 100, 100, "320707")]
    city.fill(OCTOBER, firms)
    september = OCTOBER.replace(month=9)
    city.give(
        "core.month_status",
        [{"month": september, "is_complete_month": False}, {"month": OCTOBER, "is_complete_month": True}],
    )
    run = city.run(FIRST)
    decision = edition.decide(run, city.warehouse, city.ledger)
    edition.run(decision.run, city.warehouse, city.ledger, decision=decision)
    cells = {
        row["county_code"]: row["net_change_persons"]
        for row in city.rows("edition.county_industry_month", "county_code").values()
    }
    assert cells == {"320706": None, "320707": 0}


def test_without_a_source_the_number_of_exporters_is_unknown(city: City) -> None:
    city.night(FIRST, OCTOBER, [Firm("A", 100, 300, features={"is_us_exporter": None})])
    assert city.rows("edition.warning")["A"]["is_us_exporter"] is None
    assert city.rows("edition.county_industry_month", "month")[OCTOBER]["us_exporter_count"] is None


def test_a_prediction_lists_and_says_what_it_rests_on(city: City) -> None:
    firms = [
        Firm("A", 500, 500, probability=0.62, expected_loss=88.4),
        Firm("B", 500, 500, probability=0.05, expected_loss=3.0),
    ]
    city.night(FIRST, OCTOBER, firms)
    rows = city.rows("edition.warning")
    assert set(rows) == {"A"}
    assert (rows["A"]["colour"], rows["A"]["trigger_code"]) == ("橙", "predicted")
    assert rows["A"]["trigger_text"] == (
        "预测未来3个月减少20%及以上的可能性62%，预计减少约88人，达到橙色预测线（可能性≥40%且预计减员≥50人）"
    )


def test_a_model_that_takes_over_is_named_as_the_cause(city: City) -> None:
    city.night(FIRST, OCTOBER, [Firm("A", 500, 500)])
    city.night(SECOND, OCTOBER, [Firm("A", 500, 500, probability=0.62, expected_loss=88.4)])
    assert city.rows("edition.warning_change")["A"]["change_cause"] == "模型"


def test_under_a_model_the_expected_loss_takes_the_capacity(city: City) -> None:
    firms = [
        Firm("A", 500, 500, points=90, probability=0.25, expected_loss=11.0),
        Firm("B", 400, 400, probability=0.25, expected_loss=30.0),
        Firm("C", 300, 300, probability=0.25, expected_loss=20.0),
    ]
    city.night(FIRST, OCTOBER, firms)
    assert set(city.rows("edition.warning")) == {"B", "C"}
    assert set(city.rows("edition.filtered")) == {"A"}


def test_a_transfer_to_one_enterprise_is_told_and_does_not_count(city: City) -> None:
    moved = {"transfer_persons": 180, "net_loss_persons": 60}
    gone = {"absent_months": 2, "absent_loss_persons": 8, "last_insured_persons": 160, "net_loss_persons": 0}
    city.night(FIRST, OCTOBER, [Firm("A", 260, 500, features=moved), Firm("B", 0, 0, features=gone)])
    rows = city.rows("edition.warning")
    assert set(rows) == {"A"}
    assert rows["A"]["trigger_text"] == "单月剔除整体转移180人后净减少60人（−12.0%），达到橙色线（≥50人）"
