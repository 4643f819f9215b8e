"""Core: one enterprise over all departments, one row per month, as known at the cutoff."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest
from core_city import EARLY, LATE, MONTH, ONE, TWO, give, insured, open_raw, unit
from runs import run_of

from pipelines import contracts as contract_files
from pipelines.run import Run
from pipelines.settings import Home
from pipelines.stages import core
from pipelines.stages.core.sources import due_month
from pipelines.warehouse import Warehouse


@pytest.fixture
def run(tmp_path: Path) -> Run:
    home = Home(tmp_path)
    home.core.mkdir()
    return run_of(date(2026, 4, 10), through=99, home=home)


@pytest.fixture
def warehouse() -> Iterator[Warehouse]:
    with open_raw() as found:
        yield found


def heads(warehouse: Warehouse) -> dict[str, int]:
    rows = warehouse.rows(
        "SELECT enterprise_id, insured_persons FROM core.enterprise_month JOIN core.enterprise USING (enterprise_no)"
    )
    return dict(rows)


def test_an_enterprise_sums_its_units(run: Run, warehouse: Warehouse) -> None:
    give(warehouse, "insured_unit", [unit("1", ONE), unit("2", ONE), unit("3", TWO)])
    give(warehouse, "insurance_month", [insured("1", 40), insured("2", 5), insured("3", 7)])
    core.run(run, warehouse)
    assert heads(warehouse) == {ONE: 45, TWO: 7}


def test_the_latest_version_known_counts(run: Run, warehouse: Warehouse) -> None:
    give(warehouse, "insured_unit", [unit("1", ONE)])
    rows = [insured("1", 40), insured("1", 31, known_at=LATE, delivery_no=2)]
    give(warehouse, "insurance_month", rows)
    core.run(run, warehouse)
    assert heads(warehouse) == {ONE: 31}


def test_a_link_that_is_taken_back_leads_nowhere(run: Run, warehouse: Warehouse) -> None:
    wrong, right = unit("1", ONE), unit("1", TWO, known_at=LATE, delivery_no=2)
    back = wrong | {"is_retracted": True, "known_at": LATE, "delivery_no": 2}
    give(warehouse, "insured_unit", [wrong, back, right])
    give(warehouse, "insurance_month", [insured("1", 40)])
    core.run(run, warehouse)
    assert heads(warehouse) == {TWO: 40}


def test_what_a_whole_month_told_anew_does_not_name_is_gone(tmp_path: Path) -> None:
    shipped = contract_files.load()
    whole = shipped.feeds["insurance_month"].model_copy(update={"covers": "period"})
    contracts = replace(shipped, feeds=shipped.feeds | {"insurance_month": whole})
    with open_raw(contracts) as warehouse:
        give(warehouse, "insured_unit", [unit("1", ONE), unit("2", TWO)])
        anew = insured("1", 31, known_at=LATE, delivery_no=2)
        other = insured("2", 5, month=date(2026, 1, 1))
        give(warehouse, "insurance_month", [insured("1", 40), insured("2", 5), other, anew])
        first = warehouse.scalar("SELECT min(delivery_no) FROM raw.insurance_month")
        superseded = {"delivery_no": [first], "period_on": [MONTH]}
        schema = contracts.polars_schema("ingest.superseded")
        warehouse.store("ingest.superseded", pl.DataFrame(superseded, schema=schema))
        home = Home(tmp_path)
        home.core.mkdir()
        core.run(run_of(date(2026, 4, 20), home=home, contracts=contracts), warehouse)
        found = warehouse.rows("SELECT month, insured_persons FROM core.enterprise_month ORDER BY 1, 2")
    assert found == [(date(2026, 1, 1), 5), (MONTH, 31)]


def test_each_month_of_a_source_tells_when_it_was_known(run: Run, warehouse: Warehouse) -> None:
    give(warehouse, "insured_unit", [unit("1", ONE), unit("2", ONE)])
    rows = [insured("1", 40), insured("2", 5), insured("1", 31, known_at=LATE, delivery_no=2)]
    give(warehouse, "insurance_month", rows)
    core.run(run, warehouse)
    told = warehouse.rows("SELECT * EXCLUDE (feed) FROM core.source_period WHERE feed = 'insurance_month'")
    assert told == [(date(2026, 2, 1), EARLY, LATE, 2, 3)]


def test_a_unit_counts_under_the_enterprise_it_belonged_to_in_that_month(run: Run, warehouse: Warehouse) -> None:
    moved = [
        unit("1", ONE, valid_to=date(2026, 2, 1)),
        unit("1", TWO, valid_from=date(2026, 2, 1)),
    ]
    give(warehouse, "insured_unit", moved)
    rows = [insured("1", 40, month=date(2026, 1, 1)), insured("1", 38)]
    give(warehouse, "insurance_month", rows)
    core.run(run, warehouse)
    got = warehouse.rows(
        "SELECT enterprise_id, month, insured_persons FROM core.enterprise_month "
        "JOIN core.enterprise USING (enterprise_no) ORDER BY month"
    )
    assert got == [(ONE, date(2026, 1, 1), 40), (TWO, MONTH, 38)]


def test_units_without_a_link_are_told_and_counted(run: Run, warehouse: Warehouse) -> None:
    give(warehouse, "insured_unit", [unit("1", ONE)])
    give(warehouse, "insurance_month", [insured("1", 40), insured("9", 3)])
    receipt = core.run(run, warehouse)
    assert warehouse.rows("SELECT feed, identifier, row_count FROM core.unlinked") == [("insurance_month", "9", 1)]
    assert receipt.dropped == {"unlinked": 1}
    assert receipt.adds_up


def test_customs_rows_without_a_code_are_linked_by_the_customs_code(run: Run, warehouse: Warehouse) -> None:
    row = {
        "customs_code": "3207960001",
        "declarant_role": "生产销售单位",
        "hs_code": "63014000",
        "destination": "USA",
        "month": MONTH,
        "export_usd_cent": 100,
    }
    give(warehouse, "customs_export", [row | {"enterprise_id": ONE}, row | {"hs_code": "63014010"}])
    core.run(run, warehouse)
    assert warehouse.rows("SELECT hs6, export_usd_cent FROM core.export_month") == [("630140", 200)]
    assert warehouse.count("core.unlinked") == 0


def test_an_enterprise_that_only_one_department_knows_is_one_all_the_same(run: Run, warehouse: Warehouse) -> None:
    give(warehouse, "insured_unit", [unit("1", ONE, unit_name="甲", county_code="320706")])
    core.run(run, warehouse)
    row = warehouse.frame("SELECT * FROM core.enterprise").to_dicts()[0]
    assert (row["enterprise_name"], row["county_code"], row["is_registered"]) == ("甲", "320706", False)
    assert row["enterprise_status"] is None


def test_only_months_that_change_are_written_again(run: Run, warehouse: Warehouse) -> None:
    give(warehouse, "insured_unit", [unit("1", ONE)])
    months = [insured("1", 40, month=date(2026, m, 1)) for m in (1, 2, 3)]
    give(warehouse, "insurance_month", months)
    first = core.run(run, warehouse)
    again = core.run(run, warehouse)
    correction = insured("1", 30, known_at=LATE, delivery_no=2)
    give(warehouse, "insurance_month", [*months, correction])
    corrected = core.run(run, warehouse)
    written = [
        note
        for receipt in (first, again, corrected)
        for note in receipt.notes
        if note.startswith("core.enterprise_month:")
    ]
    assert written == [f"core.enterprise_month: {n} of 3 months made, {n} files written" for n in (3, 0, 1)]


def test_a_correction_writes_the_one_slab_of_its_bucket(
    run: Run, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.facts.BUCKET_SIZE", 1)
    give(warehouse, "insured_unit", [unit("1", ONE), unit("2", TWO)])
    months = [insured(number, 40, month=date(2026, m, 1)) for m in (1, 2, 3) for number in ("1", "2")]
    give(warehouse, "insurance_month", months)
    core.run(run, warehouse)
    before = slab_files(run)
    assert len(before) == 2 * 3
    corrected = [*months, insured("1", 30, month=date(2026, 1, 1), known_at=LATE, delivery_no=2)]
    give(warehouse, "insurance_month", corrected)
    receipt = core.run(run, warehouse)
    assert "core.enterprise_month: 1 of 3 months made, 1 files written" in receipt.notes
    [(fresh, content)] = slab_files(run).items() - before.items()
    assert fresh not in before
    assert content == (1, 30)
    assert warehouse.rows(
        "SELECT enterprise_no, sum(insured_persons) FROM core.enterprise_month GROUP BY ALL ORDER BY ALL"
    ) == [(0, 110), (1, 120)]
    corrected_files = slab_files(run)
    later = [insured(number, 50, month=date(2026, 4, 1), delivery_no=3) for number in ("1", "2")]
    give(warehouse, "insurance_month", [*corrected, *later])
    receipt = core.run(run, warehouse)
    assert "core.enterprise_month: 1 of 4 months made, 2 files written" in receipt.notes
    appended = slab_files(run)
    assert corrected_files.items() <= appended.items(), "nothing else is touched"
    assert [appended[inode] for inode in appended.keys() - corrected_files.keys()] == [(1, 50), (1, 50)]


def slab_files(run: Run) -> dict[int, tuple[int, int]]:
    """Inode of each slab of the insured months → its rows and their first head count."""
    found = {}
    for path in (run.home.core / "enterprise_month").rglob("*-1.parquet"):
        rows = pl.read_parquet(path)
        found[path.stat().st_ino] = (rows.height, rows["insured_persons"][0])
    return found


def test_a_number_does_not_change_when_later_enterprises_come(run: Run, warehouse: Warehouse) -> None:
    give(warehouse, "insured_unit", [unit("1", TWO)])
    core.run(run, warehouse)
    before = warehouse.rows("SELECT enterprise_no, enterprise_id FROM core.enterprise")
    give(warehouse, "insured_unit", [unit("1", TWO), unit("2", ONE, known_at=LATE)])
    core.run(run, warehouse)
    assert warehouse.rows("SELECT enterprise_no, enterprise_id FROM core.enterprise WHERE enterprise_no = 0") == before


def test_a_short_month_is_not_complete(run: Run, warehouse: Warehouse) -> None:
    units = [str(n) for n in range(20)]
    give(warehouse, "insured_unit", [unit(u, ONE) for u in units])
    full = [insured(u, 5, month=date(2026, m, 1)) for m in (1, 2) for u in units]
    give(warehouse, "insurance_month", full + [insured(u, 5, month=date(2026, 3, 1)) for u in units[:10]])
    core.run(run, warehouse)
    assert warehouse.rows("SELECT is_complete_month FROM core.month_status ORDER BY month") == [
        (True,),
        (True,),
        (False,),
    ]


def test_a_source_that_never_came_is_missing_and_a_late_one_is_behind(run: Run, warehouse: Warehouse) -> None:
    give(warehouse, "insured_unit", [unit("1", ONE)])
    give(warehouse, "insurance_month", [insured("1", 5)])
    core.run(run, warehouse)
    got = {r["feed"]: r for r in warehouse.frame("SELECT * FROM core.source_status").to_dicts()}
    assert got["customs_export"]["source_state"] == "缺失"
    assert (got["insurance_month"]["source_state"], got["insurance_month"]["months_behind"]) == ("滞后", 1)


@pytest.mark.parametrize(
    ("cutoff", "month"),
    [(datetime(2026, 4, 6, 2), date(2026, 3, 1)), (datetime(2026, 4, 5, 2), date(2026, 2, 1))],
)
def test_a_month_is_due_when_its_lag_has_passed(cutoff: datetime, month: date) -> None:
    assert due_month(contract_files.load().feeds["insurance_month"], cutoff) == month
