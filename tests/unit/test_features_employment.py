"""Insured persons month by month: proven zeros, runs, the festival, arrears."""

from datetime import date
from typing import Any

import pytest
from features_city import AS_OF, MAY, enterprise, insured, open_city, statuses

from pipelines.errors import ContractError
from pipelines.run import add_months
from pipelines.stages import features


def one(tables: dict[str, list[dict[str, Any]]], number: int = 0, **options: Any) -> dict[str, Any]:
    run, warehouse = open_city(tables, **options)
    assert features.run(run, warehouse).adds_up
    frame = warehouse.frame("SELECT * FROM features.enterprise WHERE enterprise_no = $number", number=number)
    return frame.row(0, named=True)


def city(
    levels: list[int | None], *, last: date = MAY, incomplete: tuple[date, ...] = (), **values: Any
) -> dict[str, Any]:
    return {
        "core.enterprise": [enterprise(0)],
        "core.enterprise_month": insured(0, levels, last=last, **values),
        "core.month_status": statuses(max(len(levels), 13), last=last, incomplete=incomplete),
    }


def test_changes_are_measured_back_from_the_reference_month() -> None:
    row = one(city([100, 100, 100, 90, 80, 60]))
    assert row["reference_month"] == MAY
    assert (row["insured_persons"], row["previous_insured_persons"]) == (60, 80)
    assert (row["insured_change_1m_persons"], row["insured_change_3m_persons"]) == (-20, -40)
    assert row["insured_change_1m_ratio"] == -0.25
    assert row["insured_drawdown_12m_ratio"] == 0.4
    assert row["insured_change_12m_ratio"] is None


def test_a_straight_line_has_its_own_slope() -> None:
    row = one(city([100, 110, 120, 130, 140, 150]))
    assert row["insured_slope_6m_ratio"] == 10 / 125
    assert row["insured_volatility_12m_ratio"] is None, "five changes are fewer than the parameter asks"


def test_a_run_of_falls_knows_its_start_and_end() -> None:
    row = one(city([100, 105, 100, 90, 84]))
    assert (row["decline_run_months"], row["decline_run_ratio"]) == (3, 0.2)
    assert (row["decline_run_start_month"], row["decline_run_start_persons"]) == (date(2025, 2, 1), 105)
    assert (row["decline_run_end_month"], row["decline_run_end_persons"]) == (MAY, 84)


def test_absence_from_a_complete_month_is_zero() -> None:
    row = one(city([40, 40, 40, None, None]))
    assert (row["insured_persons"], row["absent_months"], row["last_insured_persons"]) == (0, 2, 40)
    assert row["insured_change_3m_persons"] == -40


def test_absence_from_an_incomplete_month_is_unknown() -> None:
    row = one(city([40, 40, 40, 40, None], incomplete=(MAY,)))
    assert row["insured_persons"] is None
    assert row["absent_months"] == 0


def test_a_quarantined_row_is_no_absence() -> None:
    tables = city([40, 40, 40, 40, None]) | {"core.unknown_month": [{"enterprise_no": 0, "month": MAY}]}
    row = one(tables)
    assert row["insured_persons"] is None
    assert row["net_loss_persons"] is None


def test_before_its_first_row_an_enterprise_is_unknown_not_empty() -> None:
    row = one(city([None, None, None, 30, 30]))
    assert row["insured_change_3m_persons"] is None
    assert row["insured_change_1m_persons"] == 0


def test_an_enterprise_last_seen_before_the_window_stays_on_record() -> None:
    tables = city([10] * 5) | {"core.enterprise": [enterprise(0), enterprise(1)]}
    tables["core.enterprise_month"] += insured(1, [25], last=date(2022, 1, 1))
    row = one(tables, number=1)
    assert (row["insured_persons"], row["last_insured_persons"]) == (0, 25)
    assert row["absent_months"] == 13


FESTIVAL = date(2026, 2, 1)
"""Spring Festival 2026 falls on 17 February, that of 2025 on 29 January: counterparts are 13 months apart."""


def test_the_festival_explains_what_it_took_the_year_before() -> None:
    levels = [100, 70, 100, *[100] * 11, 60]
    row = one(city(levels, last=FESTIVAL), as_of=date(2026, 3, 10))
    assert row["insured_change_1m_persons"] == -40
    assert row["net_loss_persons"] == 10
    assert row["net_loss_ratio"] == 0.1


def test_a_newcomer_loses_to_the_festival_what_the_city_loses() -> None:
    tables = city([100, 60], last=FESTIVAL) | {"core.enterprise": [enterprise(0), enterprise(1)]}
    tables["core.enterprise_month"] += insured(1, [300, 260], last=FESTIVAL)
    row = one(tables, as_of=date(2026, 3, 10))
    assert row["net_loss_persons"] == 40 - 20


def test_festival_months_neither_count_nor_break_a_run() -> None:
    levels = [100, 90, 80, 95, 70]  # October to February; 2026-02 is the festival
    row = one(city([*levels[:4], 50], last=FESTIVAL), as_of=date(2026, 3, 10))
    assert row["decline_run_months"] == 0, "January rose against December"
    row = one(city([100, 90, 80, 75, 200], last=FESTIVAL), as_of=date(2026, 3, 10))
    assert (row["decline_run_months"], row["decline_run_end_month"]) == (3, date(2026, 1, 1))


def test_lunar_change_compares_the_same_distance_from_the_festival() -> None:
    levels = [*[50] * 2, 80, *[50] * 11, 100]
    lunar = one(city([100, 80, *[50] * 12, 100], last=FESTIVAL), as_of=date(2026, 3, 10))
    assert lunar["insured_change_lunar_ratio"] == 0.25
    gregorian = one(city(levels, last=FESTIVAL), as_of=date(2026, 3, 10), calendar="gregorian")
    assert gregorian["insured_change_lunar_ratio"] == gregorian["insured_change_12m_ratio"] == 0.25
    assert gregorian["net_loss_persons"] == 0


def test_a_year_without_a_festival_date_is_refused() -> None:
    with pytest.raises(ContractError, match="spring_festival has no date for 2031"):
        one(city([10, 10], last=date(2031, 5, 1)), as_of=date(2031, 6, 20))


def test_an_approved_deferral_is_not_arrears() -> None:
    unpaid = {"due_pension_fen": 500_000, "paid_pension_fen": 0, "due_injury_fen": 1_000, "paid_injury_fen": 2_000}
    tables = city([10, 10, 10], **unpaid)
    deferred = tables["core.enterprise_month"][2]
    deferred["deferred_pension_fen"] = 500_000
    row = one(tables)
    assert (row["arrears_months"], row["arrears_fen"]) == (2, 1_000_000), "overpaid injury insurance offsets nothing"
    assert (row["deferral_months"], row["deferred_fen"]) == (1, 500_000)


def test_payments_never_reported_are_unknown() -> None:
    row = one(city([10, 10, 10]))
    assert row["arrears_months"] is None
    assert row["deferral_months"] is None


def test_high_base_leavers_against_all() -> None:
    row = one(city([100] * 4, leavers_persons=4, high_base_leavers_persons=3, joiners_persons=0))
    assert (row["leavers_3m_persons"], row["high_base_leavers_3m_persons"]) == (12, 9)
    assert row["high_base_leaver_excess_ratio"] == 3.0
    assert row["joiners_3m_persons"] == 0
    assert row["joiners_3m_year_ago_persons"] is None


def test_a_report_in_force_brings_an_enterprise_without_insurance() -> None:
    notice = {"notice_no": "N1", "enterprise_no": 1, "reported_on": AS_OF, "cut_persons": 30, "notice_status": "已受理"}
    old = notice | {"notice_no": "N2", "reported_on": add_months(MAY, -8)}
    withdrawn = notice | {"notice_no": "N3", "notice_status": "已撤回"}
    tables = city([10, 10]) | {
        "core.enterprise": [enterprise(0), enterprise(1)],
        "core.layoff_notice": [notice, old, withdrawn],
    }
    row = one(tables, number=1)
    assert (row["notice_cut_persons"], row["notice_reported_on"]) == (30, AS_OF)
    assert row["insured_persons"] is None


def test_peers_are_the_division_in_the_whole_city() -> None:
    tables = city([100, 100, 100, 50]) | {
        "core.enterprise": [enterprise(0), enterprise(1), enterprise(2, industry_division="18")]
    }
    tables["core.enterprise_month"] += insured(1, [300, 300, 300, 310]) + insured(2, [500, 500, 500, 500])
    row = one(tables)
    assert row["peer_net_loss_ratio"] == 40 / 400
    assert row["peer_rank_ratio"] == 0.0
    assert one(tables, number=2)["peer_rank_ratio"] == 0.5
