"""Exports, duties, forms and completeness; feeds that never came."""

from datetime import date
from typing import Any

import polars as pl
import pytest
from features_city import AS_OF, MAY, enterprise, export, insured, measure, open_city, statuses

from pipelines.run import add_months
from pipelines.stages import features
from pipelines.stages.features.tariff import Measure, rates

Tables = dict[str, list[dict[str, Any]]]


def one(tables: Tables, number: int = 0) -> dict[str, Any]:
    run, warehouse = open_city(tables)
    features.run(run, warehouse)
    return warehouse.frame("FROM features.enterprise").row(by_predicate=pl.col("enterprise_no") == number, named=True)


def city(exports: list[dict[str, Any]], measures: list[dict[str, Any]] | None = None) -> Tables:
    """Enterprise 0 with ``exports``; enterprise 1 exports every month, so that customs speaks of all of them."""
    months = [add_months(MAY, -lag) for lag in range(36)]
    return {
        "core.enterprise": [enterprise(0), enterprise(1)],
        "core.enterprise_month": insured(0, [100] * 13) + insured(1, [50] * 13),
        "core.month_status": statuses(13),
        "core.export_month": exports + [export(1, month, 10, destination="JPN") for month in months],
        "core.tariff_measure": measures or [],
    }


def monthly(usd: int, months: range, **values: Any) -> list[dict[str, Any]]:
    """``usd`` in each month that lies ``months`` before May 2025."""
    return [export(0, add_months(MAY, -lag), usd, **values) for lag in months]


def test_a_producer_is_judged_by_what_it_made() -> None:
    row = one(city(monthly(100, range(36)) + monthly(900, range(36), declarant_role="收发货人")))
    assert row["export_12m_usd_cent"] == 12 * 100 * 100
    assert row["is_us_exporter"] is True


def test_a_trader_without_production_is_judged_by_its_trade() -> None:
    row = one(city(monthly(900, range(36), declarant_role="收发货人")))
    assert row["export_us_12m_usd_cent"] == 12 * 900 * 100


def test_share_concentration_and_change_against_the_year_before() -> None:
    exports = monthly(100, range(12, 36)) + monthly(60, range(12)) + monthly(60, range(12), destination="DEU")
    row = one(city(exports))
    assert row["export_us_share_12m_ratio"] == 0.5
    assert row["export_hhi_ratio"] == 0.5
    assert row["export_us_3m_change_ratio"] == -0.4
    assert row["export_us_fall_months"] == 10


def test_zero_exports_count_from_the_last_month_that_had_any() -> None:
    row = one(city(monthly(100, range(3, 20))))
    assert (row["zero_export_months"], row["export_silent_months"]) == (3, 3)
    assert row["export_us_3m_change_ratio"] == -1.0


def test_who_never_exported_has_no_export_figures_but_is_known_not_to_be_on_the_list() -> None:
    row = one(city([]))
    assert row["export_12m_usd_cent"] is None
    assert row["zero_export_months"] is None
    assert row["is_us_exporter"] is False
    said = "有：参保缴费、市场主体登记；无记录：海关出口；缺：失业动态监测、商务名单、用电、税收、"
    assert row["completeness_text"].startswith(said)
    assert row["sources_present_count"] == 2


def test_a_month_without_customs_data_is_not_a_month_of_zero() -> None:
    tables = city(monthly(100, range(36)))
    tables["core.export_month"] = [row for row in tables["core.export_month"] if row["month"] != date(2025, 4, 1)]
    row = one(tables)
    assert row["export_12m_usd_cent"] is None
    assert row["export_us_share_12m_ratio"] == 1.0


def test_duty_rises_on_the_mix_sold_before_the_rise() -> None:
    exports = monthly(100, range(6, 36)) + monthly(300, range(6, 36), destination="DEU")
    exports += monthly(1000, range(6), hs6="850760")
    steps = [
        measure("a1", 1000, date(2025, 2, 4), date(2025, 3, 4)),
        measure("a2", 2000, date(2025, 3, 4), measure_status="被裁定无效"),
        measure("b1", 12500, date(2025, 4, 10), date(2025, 5, 14), stack_group="b"),
        measure("b2", 1000, date(2025, 5, 14), stack_group="b"),
        measure("c1", 5000, date(2025, 1, 1), stack_group="c", measure_status="拟议"),
        measure("d1", 5000, date(2024, 1, 1), stack_group="d", hs6="850760"),
    ]
    row = one(city(exports, steps))
    assert row["tariff_rate_ratio"] == 0.3
    assert row["tariff_rate_change_6m_ratio"] == 0.3
    assert row["tariff_exposure_ratio"] == 0.25 * 1.45


def test_an_exporter_to_others_is_known_to_be_unexposed() -> None:
    row = one(city(monthly(100, range(36), destination="DEU"), [measure("a", 1000, date(2025, 2, 4))]))
    assert row["tariff_exposure_ratio"] == 0.0
    assert row["tariff_rate_ratio"] is None


@pytest.mark.parametrize(
    ("code", "day", "expected"),
    [
        ("630140", date(2025, 4, 8), 1000),
        ("630140", date(2025, 4, 9), 8400),
        ("854142", date(2025, 4, 9), 0),
        ("630140", date(2025, 4, 10), 0),
    ],
)
def test_a_step_for_the_product_beats_a_later_step_for_all(code: str, day: date, expected: int) -> None:
    steps = [
        Measure("a", "g", "*", 1000, date(2025, 4, 5), None, "被裁定无效"),
        Measure("b", "g", "854142", 0, date(2025, 4, 5), None, "已生效"),
        Measure("c", "g", "*", 8400, date(2025, 4, 9), date(2025, 4, 10), "被裁定无效"),
    ]
    ended = [Measure("a", "g", "*", 1000, date(2025, 4, 5), date(2025, 4, 9), "已失效"), *steps[1:]]
    assert rates(ended, [code], day=day).tolist() == [expected]


def test_the_latest_recent_form_speaks() -> None:
    tables = city([])
    form = {"enterprise_no": 0, "surveyed_persons": 90, "hired_persons": 2, "separated_persons": 12, "idle_persons": 9}
    tables["core.monitor_month"] = [
        form | {"month": date(2025, 4, 1), "dispatch_persons": 20},
        form | {"month": MAY, "dispatch_persons": 10},
        form | {"month": date(2025, 1, 1), "enterprise_no": 1},
    ]
    row = one(tables)
    assert (row["monitor_month"], row["monitor_silent_months"]) == (MAY, 0)
    assert (row["monitor_loss_ratio"], row["idle_ratio"], row["dispatch_change_1m_ratio"]) == (0.1, 0.1, -0.5)
    old = one(tables, number=1)
    assert old["monitor_month"] is None, "a form four months old no longer speaks"
    assert old["monitor_silent_months"] == 4


def test_feeds_that_never_came_leave_nulls() -> None:
    tables = {
        "core.enterprise": [enterprise(0, is_registered=False, industry_division=None)],
        "core.enterprise_month": insured(0, [10, 10]),
        "core.month_status": statuses(2),
    }
    row = one(tables)
    assert row["is_us_exporter"] is None
    assert row["export_reference_month"] is None
    assert row["peer_rank_ratio"] is None
    said = "有：参保缴费；缺：市场主体登记、失业动态监测、海关出口、商务名单、用电、"
    assert row["completeness_text"].startswith(said)


def test_without_any_insurance_only_reports_give_rows() -> None:
    notice = {"notice_no": "N1", "enterprise_no": 0, "reported_on": AS_OF, "cut_persons": None}
    row = one({"core.enterprise": [enterprise(0), enterprise(1)], "core.layoff_notice": [notice]})
    assert row["reference_month"] is None
    assert row["notice_cut_persons"] is None


def test_an_empty_city_gives_an_empty_table() -> None:
    run, warehouse = open_city({})
    receipt = features.run(run, warehouse)
    assert (receipt.rows_in, receipt.rows_out) == (0, 0)
