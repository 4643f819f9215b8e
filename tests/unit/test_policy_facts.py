"""What the rules of policy may know: partial years, gaps of feeds and missing feeds are unknown, never zero."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import polars as pl
import pytest

from pipelines import contracts as contract_files
from pipelines.contracts import read_sql
from pipelines.policy.facts import FACTS
from pipelines.run import add_months
from pipelines.warehouse import Warehouse

JANUARY, OCTOBER = date(2025, 1, 1), date(2026, 10, 1)
YEAR = [add_months(JANUARY, number) for number in range(12)]
OWN = [add_months(date(2026, 1, 1), number) for number in range(10)]
TABLES = ("enterprise", "enterprise_month", "month_status", "unknown_month", "tax_month", "hire_group_month")


@pytest.fixture
def tables() -> Iterator[Warehouse]:
    """Enterprise 1 with 50 persons in 22 complete months, enterprise 2 with none of its own rows."""
    warehouse = Warehouse(None, contracts=contract_files.load())
    for table in (*(f"core.{name}" for name in TABLES), "core.credit_event", "core.source_status"):
        give(warehouse, table, [])
    give(warehouse, "core.enterprise", [{"enterprise_no": 1}, {"enterprise_no": 2}])
    give(warehouse, "features.enterprise", [{"enterprise_no": n, "insured_persons": 50} for n in (1, 2)])
    give(warehouse, "core.month_status", [{"month": m, "is_complete_month": True} for m in [*YEAR, *OWN]])
    give(warehouse, "core.enterprise_month", [paid(1, month) for month in [*YEAR, *OWN]])
    yield warehouse
    warehouse.close()


def give(warehouse: Warehouse, table: str, rows: list[dict[str, Any]]) -> None:
    schema = warehouse.contracts.polars_schema(table)
    warehouse.store(table, pl.DataFrame([dict.fromkeys(schema) | row for row in rows], schema=schema, orient="row"))


def paid(
    number: int, month: date, *, persons: int = 50, due: int | None = 100, fen: int | None = 100
) -> dict[str, Any]:
    return {
        "enterprise_no": number,
        "month": month,
        "insured_persons": persons,
        "due_unemployment_fen": due,
        "paid_unemployment_fen": fen,
    }


def hires(month: date, *, group: str = "高校毕业生", persons: int = 1, number: int = 1) -> dict[str, Any]:
    return {"enterprise_no": number, "month": month, "key_group": group, "group_hired_persons": persons}


def facts(warehouse: Warehouse, number: int = 1, *, month: date | None = OCTOBER) -> dict[str, Any]:
    frame = warehouse.frame(
        read_sql("edition/policy_facts"),
        as_of=date(2026, 11, 12),
        year=2026,
        reference_month=month,
        listed=[1],
        hired_since=JANUARY,
        hired_until=date(2025, 12, 31),
    )
    assert set(FACTS) <= set(frame.columns)
    return frame.filter(pl.col("enterprise_no") == number).row(0, named=True)


def test_a_whole_year_is_summed(tables: Warehouse) -> None:
    found = facts(tables)
    assert (found["premium_fen"], found["premium_months"]) == (1200, 12)
    assert (found["january_persons"], found["december_persons"], found["mean_persons"]) == (50, 50, 50.0)
    assert (found["year_january_persons"], found["year_sum_persons"], found["year_months"]) == (50, 500, 10)
    assert found["is_warned"] is True
    assert found["year_start_persons"] is None, "no month before the year is there"


def test_an_absence_in_complete_months_is_nobody_and_in_doubtful_ones_unknown(tables: Warehouse) -> None:
    give(tables, "core.enterprise_month", [paid(1, month) for month in YEAR[:8]])
    found = facts(tables)
    assert (found["december_persons"], found["mean_persons"], found["premium_months"]) == (0, 400 / 12, 8)
    assert facts(tables, 2)["premium_months"] == 0
    give(tables, "core.unknown_month", [{"enterprise_no": 1, "month": YEAR[9]}])
    found = facts(tables)
    assert (found["december_persons"], found["mean_persons"], found["premium_months"]) == (None, None, None)


def test_a_year_with_a_hole_has_no_sum(tables: Warehouse) -> None:
    months = [{"month": m, "is_complete_month": m not in (YEAR[5], OWN[5])} for m in [*YEAR, *OWN]]
    give(tables, "core.month_status", months)
    found = facts(tables)
    names = ("premium_fen", "premium_months", "january_persons", "mean_persons", "year_sum_persons", "year_months")
    assert [found[name] for name in names] == [None] * len(names)


def test_a_month_without_a_payment_on_record_is_not_a_month_unpaid(tables: Warehouse) -> None:
    rows = [paid(1, month, fen=None if month == YEAR[3] else 100) for month in YEAR]
    give(tables, "core.enterprise_month", rows)
    assert facts(tables)["premium_months"] is None
    give(tables, "core.enterprise_month", [paid(1, month, fen=99 if month == YEAR[3] else 100) for month in YEAR])
    assert facts(tables)["premium_months"] == 11


def test_no_hires_are_told_only_of_months_that_the_feed_covers(tables: Warehouse) -> None:
    assert facts(tables)["expansion_hired_persons"] is None
    give(tables, "core.hire_group_month", [hires(month, number=2) for month in YEAR[:8]])
    assert facts(tables)["expansion_hired_persons"] is None
    assert facts(tables, 2)["expansion_hired_persons"] == 8, "a sum with gaps is a lower bound"
    give(tables, "core.hire_group_month", [hires(month, number=2, group="农民工") for month in [*YEAR, *OWN]])
    found = facts(tables)
    assert (found["expansion_hired_persons"], found["key_hired_persons"]) == (0, 0)
    assert (facts(tables, 2)["expansion_hired_persons"], facts(tables, 2)["key_hired_persons"]) == (0, 12)


def test_groups_are_told_apart(tables: Warehouse) -> None:
    groups = ("高校毕业生", "登记失业青年", "登记失业人员", "农民工")
    give(tables, "core.hire_group_month", [hires(month, group=group) for month in YEAR for group in groups])
    found = facts(tables)
    assert (found["graduates_hired_persons"], found["jobless_hired_persons"]) == (12, 24)
    assert found["expansion_hired_persons"] == 24


def test_without_a_reference_month_nothing_of_a_year_is_known(tables: Warehouse) -> None:
    give(tables, "core.hire_group_month", [hires(month) for month in [*YEAR, *OWN]])
    found = facts(tables, month=None)
    names = ("year_sum_persons", "year_months", "key_hired_persons")
    assert [found[name] for name in names] == [None] * len(names)


def test_revenue_is_of_each_enterprises_own_last_twelve_months(tables: Warehouse) -> None:
    months = [add_months(OCTOBER, -number) for number in range(12)]
    rows = [{"enterprise_no": 1, "month": month, "invoiced_fen": 100} for month in months]
    ahead = [{"enterprise_no": 2, "month": date(2026, 11, 1), "invoiced_fen": 1}]
    give(tables, "core.tax_month", [*rows, *ahead])
    assert facts(tables)["revenue_12m_fen"] == 1200
    assert facts(tables, 2)["revenue_12m_fen"] is None
    give(tables, "core.tax_month", rows[1:])
    assert facts(tables)["revenue_12m_fen"] is None


def test_bad_credit_is_unknown_where_the_feed_never_came(tables: Warehouse) -> None:
    event = {"event_no": "a", "enterprise_no": 1, "credit_kind": "严重违法失信", "occurred_on": date(2026, 5, 1)}
    give(tables, "core.credit_event", [event])
    assert facts(tables)["is_dishonest"] is None
    give(tables, "core.source_status", [{"feed": "credit_event", "source_state": "滞后"}])
    assert facts(tables)["is_dishonest"] is True
    assert facts(tables, 2)["is_dishonest"] is False
    give(tables, "core.credit_event", [event | {"ended_on": date(2026, 11, 1)}])
    assert facts(tables)["is_dishonest"] is False
