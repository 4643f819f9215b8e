"""Every fact and case of the core: the latest version, exact links, sums, and what reaches no enterprise."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from core_city import LATE, MONTH, ONE, THREE, TWO, give, open_raw, unit
from runs import run_of

from pipelines import contracts as contract_files
from pipelines.run import Run
from pipelines.settings import Home
from pipelines.stages import core
from pipelines.warehouse import Warehouse

DAY = date(2026, 2, 9)
UNKNOWN = {"enterprise_id": THREE, "unit_no": "9", "from_unit_no": "9"}
REVISED = {"known_at": LATE, "delivery_no": 2}
# Raw table, core table, a row, the column that is revised, its first and its later value.
LINKED: list[tuple[str, str, dict[str, Any], str, Any, Any]] = [
    ("insurance_month", "enterprise_month", {"unit_no": "1", "month": MONTH}, "insured_persons", 40, 31),
    ("employment_monitor", "monitor_month", {"enterprise_id": ONE, "month": MONTH}, "surveyed_persons", 40, 31),
    ("tax_month", "tax_month", {"enterprise_id": ONE, "month": MONTH}, "payroll_persons", 40, 31),
    ("industry_orders", "orders_month", {"enterprise_id": ONE, "month": MONTH}, "operation_status", "正常", "停工"),
    (
        "power_month",
        "power_month",
        {"account_no": "H1", "enterprise_id": ONE, "month": MONTH},
        "power_kwh",
        9000,
        8000,
    ),
    ("unemployment_claim", "claim_month", {"unit_no": "1", "month": MONTH}, "claim_persons", 4, 6),
    (
        "hire_group_month",
        "hire_group_month",
        {"unit_no": "1", "month": MONTH, "key_group": "农民工"},
        "group_hired_persons",
        4,
        3,
    ),
    (
        "labour_flow",
        "labour_flow_month",
        {"from_unit_no": "1", "to_unit_no": "2", "month": MONTH},
        "moved_persons",
        7,
        8,
    ),
    ("vacancy", "vacancy_month", {"posting_no": "A1", "enterprise_id": ONE, "posted_on": DAY}, "posts", 5, 2),
    ("layoff_notice", "layoff_notice", {"notice_no": "A1", "enterprise_id": ONE}, "cut_persons", 30, 25),
    ("wage_complaint", "wage_complaint", {"case_no": "A1", "enterprise_id": ONE}, "involved_persons", 3, 12),
    ("arbitration", "arbitration", {"arbitration_no": "A1", "enterprise_id": ONE}, "case_closed_on", None, DAY),
    ("credit_event", "credit_event", {"event_no": "A1", "enterprise_id": ONE}, "ended_on", None, DAY),
    (
        "policy_benefit",
        "policy_benefit",
        {"benefit_no": "A1", "enterprise_id": ONE},
        "benefit_status",
        "已批准",
        "已发放",
    ),
    ("follow_up", "follow_up", {"visit_no": "A1", "enterprise_id": ONE}, "is_false_alarm", False, True),
]
AREAL: list[tuple[str, str, dict[str, Any], str, Any, Any]] = [
    (
        "unemployment_registration",
        "unemployment_registration",
        {"county_code": "320706", "month": MONTH},
        "registered_unemployed_persons",
        900,
        950,
    ),
    ("jobseeker_month", "jobseeker_month", {"county_code": "320706", "month": MONTH}, "demand_posts", 90, 80),
    ("ui_fund_month", "ui_fund_month", {"month": MONTH}, "fund_balance_fen", 100, 90),
    (
        "target_progress",
        "target_progress",
        {"target_id": "T1", "county_code": None, "month": MONTH},
        "target_done",
        1.0,
        2.5,
    ),
    ("tariff_measure", "tariff_measure", {"measure_id": "a", "hs6": "*"}, "rate_bp", 1000, 2000),
]
each_linked = pytest.mark.parametrize("case", LINKED, ids=lambda case: case[1])


@pytest.fixture
def run(tmp_path: Path) -> Run:
    home = Home(tmp_path)
    home.core.mkdir()
    return run_of(date(2026, 4, 10), through=99, home=home)


@pytest.fixture
def warehouse() -> Iterator[Warehouse]:
    with open_raw() as found:
        give(found, "insured_unit", [unit("1", ONE), unit("2", TWO)])
        yield found


def values(warehouse: Warehouse, table: str, column: str) -> list[Any]:
    return [value for (value,) in warehouse.rows(f"SELECT DISTINCT {column} FROM core.{table} ORDER BY ALL")]


def unlinked(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    return warehouse.rows("SELECT feed, identifier, row_count FROM core.unlinked ORDER BY ALL")


def test_every_fact_and_case_of_the_core_is_tested() -> None:
    tables = contract_files.load().tables.values()
    rendered = {t.name for t in tables if t.latest_of or t.slab}
    assert rendered - {case[1] for case in LINKED + AREAL} == {"export_month", "us_exporter"}


@pytest.mark.parametrize("case", LINKED + AREAL, ids=lambda case: case[1])
def test_the_latest_word_counts(run: Run, warehouse: Warehouse, case: tuple[Any, ...]) -> None:
    raw, table, row, column, first, later = case
    give(warehouse, raw, [row | {column: first}])
    core.run(run, warehouse)
    assert values(warehouse, table, column) == [first]
    give(warehouse, raw, [row | {column: first}, row | {column: later} | REVISED])
    core.run(run, warehouse)
    assert values(warehouse, table, column) == [later]


@pytest.mark.parametrize("case", LINKED + AREAL, ids=lambda case: case[1])
def test_a_row_that_is_taken_back_is_gone_until_it_comes_again(
    run: Run, warehouse: Warehouse, case: tuple[Any, ...]
) -> None:
    raw, table, row, column, first, later = case
    back = row | {column: first, "is_retracted": True} | REVISED
    give(warehouse, raw, [row | {column: first}, back])
    core.run(run, warehouse)
    assert values(warehouse, table, column) == []
    give(warehouse, raw, [row | {column: first}, back, row | {column: later} | REVISED | {"delivery_no": 3}])
    core.run(run, warehouse)
    assert values(warehouse, table, column) == [later]


@each_linked
def test_a_key_that_leads_nowhere_is_told_and_comes_in_once_it_leads_somewhere(
    run: Run, warehouse: Warehouse, case: tuple[Any, ...]
) -> None:
    raw, table, row, column, first, _ = case
    named = warehouse.contracts.tables["core.enterprise"].reads
    strange = row | {column: first} | {name: value for name, value in UNKNOWN.items() if name in row}
    give(warehouse, raw, [strange])
    receipt = core.run(run, warehouse)
    if f"raw.{raw}" in named and "enterprise_id" in row:
        assert values(warehouse, table, column) == [first]
        return
    identifier = next(value for name, value in UNKNOWN.items() if name in row)
    assert (values(warehouse, table, column), unlinked(warehouse)) == ([], [(raw, identifier, 1)])
    assert receipt.dropped == {"unlinked": 1}
    give(warehouse, "insured_unit", [unit("1", ONE), unit("2", TWO), unit("9", THREE, known_at=LATE)])
    core.run(run, warehouse)
    assert (values(warehouse, table, column), unlinked(warehouse)) == ([first], [])


def test_a_missing_code_is_told_too(run: Run, warehouse: Warehouse) -> None:
    give(warehouse, "wage_complaint", [{"case_no": "A1"}, {"case_no": "A2"}])
    core.run(run, warehouse)
    assert unlinked(warehouse) == [("wage_complaint", "（未填）", 2)]


def test_accounts_of_an_enterprise_are_added_up_and_what_is_missing_stays_missing(
    run: Run, warehouse: Warehouse
) -> None:
    account = {"enterprise_id": ONE, "month": MONTH, "unpaid_power_fen": None}
    rows = [
        account | {"account_no": "1", "power_kwh": 5, "power_state": "正常"},
        account | {"account_no": "2", "power_kwh": 6, "power_state": "暂停"},
        account | {"account_no": "3", "power_kwh": 7},
        account | {"account_no": "4", "power_kwh": 8, "enterprise_id": TWO, "unpaid_power_fen": 3},
    ]
    give(warehouse, "power_month", rows)
    core.run(run, warehouse)
    columns = "power_kwh, is_power_reduced, unpaid_power_fen, power_account_count"
    got = warehouse.rows(
        f"SELECT enterprise_id, {columns} FROM core.power_month JOIN core.enterprise USING (enterprise_no)"
    )
    assert sorted(got) == [(ONE, 18, True, None, 3), (TWO, 8, None, 3, 1)]


def test_a_posting_counts_in_the_ended_months_in_which_it_is_open(run: Run, warehouse: Warehouse) -> None:
    posting = {"enterprise_id": ONE, "posts": 1}
    rows = [
        posting | {"posting_no": "1", "posted_on": date(2026, 1, 31), "posting_closed_on": date(2026, 2, 1)},
        posting | {"posting_no": "2", "posted_on": date(2025, 11, 30), "posts": 10},
        posting | {"posting_no": "3", "posted_on": date(2026, 3, 2), "job_field": "数字经济", "posts": 100},
    ]
    give(warehouse, "vacancy", rows)
    core.run(run, warehouse)
    got = warehouse.rows("SELECT month, job_field, posts, posting_count FROM core.vacancy_month ORDER BY ALL")
    assert got == [
        (date(2025, 11, 1), None, 10, 1),
        (date(2025, 12, 1), None, 10, 1),
        (date(2026, 1, 1), None, 11, 2),
        (date(2026, 2, 1), None, 1, 1),
        (date(2026, 3, 1), "数字经济", 100, 1),
    ]


def test_persons_who_only_changed_units_stay_with_their_enterprise(run: Run, warehouse: Warehouse) -> None:
    give(warehouse, "insured_unit", [unit("1", ONE), unit("2", TWO), unit("3", ONE)])
    flow = {"from_unit_no": "1", "month": MONTH, "moved_persons": 2}
    give(warehouse, "labour_flow", [flow | {"to_unit_no": "3"}, flow | {"to_unit_no": "2"}])
    core.run(run, warehouse)
    got = warehouse.rows("SELECT from_enterprise_no = to_enterprise_no, moved_persons FROM core.labour_flow_month")
    assert sorted(got) == [(False, 2), (True, 2)]


def test_a_new_link_rewrites_only_the_months_in_which_it_leads_elsewhere(run: Run, warehouse: Warehouse) -> None:
    claims = [{"unit_no": "1", "month": date(2026, m, 1), "claim_persons": m} for m in (1, 2, 3)]
    give(warehouse, "unemployment_claim", claims)
    core.run(run, warehouse)
    moved = [
        unit("1", ONE, valid_to=date(2026, 2, 1), known_at=LATE, delivery_no=2),
        unit("1", TWO, valid_from=date(2026, 2, 1), known_at=LATE, delivery_no=2),
    ]
    give(warehouse, "insured_unit", [unit("1", ONE), unit("2", TWO), *moved])
    receipt = core.run(run, warehouse)
    assert "core.claim_month: 2 of 3 months made, 2 files written" in receipt.notes
    got = warehouse.rows(
        "SELECT enterprise_id, claim_persons FROM core.claim_month JOIN core.enterprise USING (enterprise_no)"
    )
    assert sorted(got) == [(ONE, 1), (TWO, 2), (TWO, 3)]


def test_a_feed_that_never_came_is_an_empty_table(run: Run, warehouse: Warehouse) -> None:
    core.run(run, warehouse)
    tables = [t for t in warehouse.contracts.tables.values() if t.latest_of or t.slab]
    assert {warehouse.count(t.table) for t in tables} == {0}
