"""A county whose file did not come is not known for the month; its enterprises are not gone."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from core_city import give, insured, open_raw, unit
from features_city import enterprise, open_city, statuses
from ingest_files import uscc
from runs import run_of

from pipelines.contracts import read_sql
from pipelines.run import Run, add_months
from pipelines.settings import Home
from pipelines.stages import core
from pipelines.stages.gate import core_suite
from pipelines.warehouse import Warehouse

LAST = date(2026, 3, 1)
BIG, SMALL = "320706", "320723"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    home = Home(tmp_path)
    home.core.mkdir()
    return run_of(date(2026, 4, 10), through=99, home=home)


@pytest.fixture
def warehouse() -> Iterator[Warehouse]:
    with open_raw() as found:
        yield found


class Counties:
    """Units 0 to ``big`` − 1 of the big county and ``small`` more of the small one, insured for nine months."""

    def __init__(self, warehouse: Warehouse, run: Run, *, big: int = 100, small: int = 10) -> None:
        self.warehouse, self.run = warehouse, run
        self.owners = {n: n for n in range(big + small)}
        self.counties = {n: BIG if n < big else SMALL for n in self.owners}

    def build(self, missing: set[tuple[int, date]]) -> None:
        """Core, with all rows but the ``missing`` (unit, month)."""
        units = [unit(str(n), uscc(owner), county_code=self.counties[n]) for n, owner in self.owners.items()]
        months = [add_months(LAST, -back) for back in range(9)]
        rows = [insured(str(n), 20, month=m) for n in self.owners for m in months if (n, m) not in missing]
        give(self.warehouse, "insured_unit", units)
        give(self.warehouse, "insurance_month", rows)
        core.run(self.run, self.warehouse)

    def unknown(self) -> dict[tuple[str, date], tuple[str, bool]]:
        """Enterprise and month → cause, and whether a part is there."""
        rows = self.warehouse.rows(
            "SELECT enterprise_id, month, unknown_cause, is_partial FROM core.unknown_month "
            "JOIN core.enterprise USING (enterprise_no)"
        )
        return {(code, month): (cause, partial) for code, month, cause, partial in rows}

    def county_findings(self) -> dict[str, Any]:
        """The gate's words by subject."""
        give(self.warehouse, "tariff_measure", [])
        for table in ("delivery_month", "feed", "feed_month", "feed_drift"):
            self.warehouse.execute(self.run.contracts.ddl(f"gate.{table}"))
        found = core_suite.findings(self.run, self.warehouse)
        return {f.subject: f for f in found if f.check_id == "county_volume"}


def test_a_small_county_without_its_file_is_unknown_and_the_gate_names_it(run: Run, warehouse: Warehouse) -> None:
    city = Counties(warehouse, run)
    city.build({(n, LAST) for n in range(100, 110)})
    assert warehouse.scalar("SELECT is_complete_month FROM core.month_status ORDER BY month DESC LIMIT 1")
    assert city.unknown() == {(uscc(n), LAST): ("县区缺报", False) for n in range(100, 110)}
    found = city.county_findings()
    assert [f.passed for f in found.values()] == [True, False]
    short = found[f"{SMALL}单位月度参保缴费"]
    assert short.severity == "warn"
    assert short.observed_text == "2026年03月0行，应有约10行"


def test_a_county_that_stays_away_is_expected_on(run: Run, warehouse: Warehouse) -> None:
    away = {add_months(LAST, -back) for back in range(8)}
    city = Counties(warehouse, run)
    city.build({(n, month) for n in range(100, 110) for month in away})
    assert {month for _, month in city.unknown()} == away


def test_one_closure_in_a_small_county_is_a_closure(run: Run, warehouse: Warehouse) -> None:
    city = Counties(warehouse, run)
    city.build({(100, LAST), (101, LAST)})
    assert city.unknown() == {}
    assert all(f.passed for f in city.county_findings().values())


def test_an_enterprise_of_which_one_county_is_missing_is_partly_there(run: Run, warehouse: Warehouse) -> None:
    city = Counties(warehouse, run)
    city.owners[105] = 7
    city.build({(n, LAST) for n in range(100, 110)})
    assert city.unknown()[uscc(7), LAST] == ("县区缺报", True)
    assert (uscc(8), LAST) not in city.unknown()


def test_a_county_is_the_agencys_and_else_the_registers(run: Run, warehouse: Warehouse) -> None:
    give(
        warehouse,
        "insured_unit",
        [
            unit("1", uscc(1), county_code=BIG, valid_to=date(2025, 1, 1)),
            unit("2", uscc(1), county_code=SMALL),
            unit("3", uscc(2)),
        ],
    )
    register = [{"enterprise_id": uscc(n), "county_code": county} for n, county in ((1, BIG), (2, BIG))]
    give(warehouse, "enterprise_register", register)
    core.run(run, warehouse)
    placed = warehouse.rows(
        "SELECT enterprise_id, c.county_code FROM core.insured_county AS c JOIN core.enterprise USING (enterprise_no)"
    )
    assert sorted(placed) == sorted([(uscc(1), SMALL), (uscc(2), BIG)])


def test_features_read_no_part_of_an_enterprise_as_the_whole() -> None:
    months = [{"enterprise_no": 0, "month": add_months(LAST, -back), "insured_persons": 90} for back in (0, 1)]
    unknown = [{"enterprise_no": 0, "month": LAST, "unknown_cause": "县区缺报", "is_partial": True}]
    tables = {
        "core.enterprise": [enterprise(0)],
        "core.enterprise_month": months,
        "core.month_status": statuses(2, last=LAST),
        "core.unknown_month": unknown,
    }
    _, warehouse = open_city(tables)
    span = {"first_no": 0, "last_no": 0, "first_month": add_months(LAST, -1), "last_month": LAST}
    for query, more in (("read_insured", {}), ("read_insurance", {"arrears_tolerance_fen": 0})):
        rows = warehouse.frame(read_sql(f"features/{query}"), **span, **more)
        assert rows["ordinal"].to_list() == [LAST.year * 12 + LAST.month - 2]
