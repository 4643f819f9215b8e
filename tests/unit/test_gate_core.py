"""The suite of the core: every check on record, and each metric moved across its bound."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from runs import run_of

from pipelines import contracts as contract_files
from pipelines.contracts import SQL
from pipelines.run import Run, add_months
from pipelines.stages.gate import core_suite
from pipelines.stages.gate.finding import Finding
from pipelines.warehouse import Warehouse

AS_OF = date(2025, 4, 10)
LAST = date(2025, 3, 1)
LITHUANIA = Path(__file__).resolve().parents[2] / "examples" / "lithuania"


@pytest.fixture
def run() -> Run:
    return run_of(AS_OF)


@pytest.fixture
def warehouse(run: Run) -> Iterator[Warehouse]:
    opened = Warehouse(None, contracts=run.contracts, threads=1)
    for table in ("core.enterprise", "core.source_status", "core.tariff_measure", "core.unknown_month"):
        opened.store(table, pl.DataFrame())
    for table in ("core.unlinked", "core.county_month", "ingest.refusal", "ingest.delivery", "ingest.delivery_period"):
        opened.store(table, pl.DataFrame())
    for table in ("gate.delivery_month", "gate.feed", "gate.feed_month", "gate.feed_drift", "ingest.correction"):
        opened.store(table, pl.DataFrame())
    for table in ("ingest.purpose", "core.labour_flow_month", "core.hire_group_month", "core.ui_fund_month"):
        opened.store(table, pl.DataFrame())
    opened.execute(run.contracts.ddl("raw.insurance_month"))
    yield opened
    opened.close()


def fill(warehouse: Warehouse, table: str, rows: list[dict[str, Any]]) -> None:
    """Store rows that name only the columns that matter here."""
    schema = warehouse.contracts.polars_schema(table)
    warehouse.store(table, pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema=schema))


def months(warehouse: Warehouse, spans: list[tuple[int, int, int]]) -> None:
    """Core of one size per month: (months before the latest, enterprises, persons each)."""
    facts = [
        {"enterprise_no": n, "month": add_months(LAST, -back), "insured_persons": persons, "unit_count": 1}
        for back, count, persons in spans
        for n in range(count)
    ]
    fill(warehouse, "core.enterprise_month", facts)
    warehouse.build("core.month_status", complete_month_pct=90)


def judged(run: Run, warehouse: Warehouse) -> dict[str, Finding]:
    return {finding.check_id: finding for finding in core_suite.findings(run, warehouse)}


def broken(run: Run, warehouse: Warehouse) -> set[str]:
    return {name for name, finding in judged(run, warehouse).items() if not finding.passed}


def test_every_check_has_its_metric_and_every_metric_its_check(run: Run) -> None:
    rules = core_suite.rules()
    assert {rule.metric for rule in rules.values()} == {path.stem for path in (SQL / "checks").glob("*.sql")}
    for rule in rules.values():
        for bound in (rule.min, rule.max):
            assert bound is None or not isinstance(bound, str) or run.parameters.holds(bound)


def test_an_empty_core_is_judged_without_a_crash(run: Run, warehouse: Warehouse) -> None:
    months(warehouse, [])
    assert broken(run, warehouse) == {"tariff"}


def test_a_steady_core_passes(run: Run, warehouse: Warehouse) -> None:
    months(warehouse, [(back, 20, 50) for back in range(15)])
    assert broken(run, warehouse) == {"tariff"}


@pytest.mark.parametrize(
    ("latest", "expected"),
    [
        ((0, 19, 51), set()),
        ((0, 18, 55), {"volume_warn"}),
        ((0, 25, 40), {"volume_warn"}),
        ((0, 15, 66), {"volume_warn", "volume_fail"}),
        ((0, 20, 57), {"insured_change_warn"}),
        ((0, 20, 30), {"insured_change_warn", "insured_change_fail"}),
    ],
)
def test_volume_and_change_of_the_latest_month(
    run: Run, warehouse: Warehouse, latest: tuple[int, int, int], expected: set[str]
) -> None:
    months(warehouse, [latest, *((back, 20, 50) for back in range(1, 9))])
    assert broken(run, warehouse) - {"tariff"} == expected


def test_a_missing_recent_month_closes_and_an_old_one_is_a_hint(run: Run, warehouse: Warehouse) -> None:
    months(warehouse, [(back, 20, 50) for back in range(24) if back not in {5, 18}])
    found = judged(run, warehouse)
    assert (found["coverage_recent"].passed, found["coverage_recent"].severity) == (False, "fail")
    assert found["coverage_recent"].observed_text == "缺2024年10月"
    assert (found["coverage_older"].passed, found["coverage_older"].severity) == (False, "warn")
    assert found["coverage_older"].observed_text == "缺2023年09月"


def test_keys_and_head_counts(run: Run, warehouse: Warehouse) -> None:
    months(warehouse, [(0, 20, 50), (1, 20, 50)])
    fill(warehouse, "core.enterprise", [{"enterprise_no": 1, "enterprise_id": "甲"}, {"enterprise_no": 1}])
    warehouse.execute("INSERT INTO core.enterprise_month SELECT * FROM core.enterprise_month LIMIT 1")
    warehouse.execute("UPDATE core.enterprise_month SET insured_persons = -1 WHERE enterprise_no = 7")
    assert {"key_enterprise", "key_enterprise_month", "insured_negative"} <= broken(run, warehouse)


def test_sources_that_are_late_or_never_came(run: Run, warehouse: Warehouse) -> None:
    months(warehouse, [])
    common = {"source_state": "滞后", "row_count": 5, "latest_month": date(2025, 1, 1), "feed_label": "某表"}
    fill(
        warehouse,
        "core.source_status",
        [
            common | {"feed": "insurance_month", "is_required": True, "months_behind": 2},
            common | {"feed": "employment_monitor", "is_required": False, "months_behind": 1},
            common | {"feed": "insured_unit", "is_required": True, "months_behind": 1, "feed_label": "单位"},
            {
                "feed": "customs_export",
                "is_required": False,
                "row_count": 0,
                "source_state": "缺失",
                "feed_label": "出口",
            },
            {
                "feed": "enterprise_register",
                "is_required": True,
                "row_count": 0,
                "source_state": "缺失",
                "feed_label": "登记",
            },
        ],
    )
    found = [f for f in core_suite.findings(run, warehouse) if not f.passed]
    said = {(f.check_id, f.reason.split("，")[-1]) for f in found}
    assert ("freshness_fail", "请市人社局、市税务局报送") in said
    assert ("source_required", "请市市场监管局报送") in said
    assert ("source_optional", "请连云港海关报送") in said
    assert sum(f.check_id == "freshness_warn" for f in found) == 3
    assert sum(f.check_id == "freshness_fail" for f in found) == 1


def test_nobody_is_asked_for_what_nobody_has_agreed_to_send(run: Run, warehouse: Warehouse) -> None:
    elsewhere = replace(run, contracts=contract_files.load(LITHUANIA))
    months(warehouse, [])
    sources = [
        {"feed": feed, "feed_label": label, "is_required": False, "row_count": 0, "source_state": "缺失"}
        for feed, label in (("customs_export", "海关出口"), ("insured_unit", "参保单位"))
    ]
    fill(warehouse, "core.source_status", sources)
    told = [finding.reason for finding in core_suite.findings(elsewhere, warehouse) if not finding.passed]
    assert "海关出口：其他数据应已收到，缺少：海关出口，未约定报送部门，如需使用请负责人商定" in told
    assert "参保单位：其他数据应已收到，缺少：参保单位，请社会保险基金（公开数据）报送" in told
    assert not [reason for reason in told if "请报送部门报送" in reason]


def test_a_refused_file_of_no_known_feed_is_told_to_its_sender(run: Run, warehouse: Warehouse) -> None:
    months(warehouse, [])
    file = {"batch": "a", "received_at": datetime(2025, 4, 6), "file_name": "什么.csv", "reason_text": "没有数据行"}
    fill(warehouse, "ingest.refusal", [file])
    told = judged(run, warehouse)["refused_file"].reason
    assert told.endswith("2025年04月06日收到，整份拒收：没有数据行，请通知报送部门")


def test_flows_that_do_not_add_up_and_units_without_an_enterprise(run: Run, warehouse: Warehouse) -> None:
    facts = [
        {"enterprise_no": n, "month": month, "insured_persons": 50, "joiners_persons": int(n < 2), "leavers_persons": 0}
        for n in range(20)
        for month in (LAST, add_months(LAST, -1))
    ]
    fill(warehouse, "core.enterprise_month", facts)
    warehouse.execute("UPDATE core.enterprise_month SET unit_count = 1")
    warehouse.build("core.month_status", complete_month_pct=90)
    fill(warehouse, "core.unlinked", [{"feed": "insurance_month", "identifier": "甲", "row_count": 1}])
    fill(warehouse, "core.source_status", [{"feed": "insurance_month", "row_count": 40}])
    found = judged(run, warehouse)
    assert not found["reconciliation"].passed
    assert (found["reconciliation"].row_count, found["reconciliation"].bad_row_count) == (20, 2)
    assert not found["unlinked_warn"].passed
    assert found["unlinked_fail"].passed
    fill(warehouse, "core.unknown_month", [{"enterprise_no": n, "month": LAST} for n in range(2)])
    assert judged(run, warehouse)["reconciliation"].passed


def test_a_city_whose_sizes_moved_is_a_hint(run: Run, warehouse: Warehouse) -> None:
    sizes = [(back, 40, 50) for back in range(1, 14)]
    months(warehouse, [(0, 40, 50), *sizes])
    assert judged(run, warehouse)["drift"].passed
    months(warehouse, [(0, 40, 8), *sizes])
    assert not judged(run, warehouse)["drift"].passed


def test_a_metric_that_cannot_be_judged_closes(run: Run, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    months(warehouse, [])
    rule = core_suite.CoreCheck(metric="tariff", severity="warn", sentence="坏检查", action="", min=5, max=1)
    monkeypatch.setattr(core_suite, "rules", lambda: {"poison": rule})
    [finding] = core_suite.findings(run, warehouse)
    assert (finding.passed, finding.severity) == (False, "fail")
    assert "检查本身出错" in finding.reason


def test_of_many_subjects_those_beyond_the_bound_are_told_and_a_check_that_raises_is_told_once(
    run: Run, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    months(warehouse, [(0, 3, 10)])
    sources = [("power_month", "用电", 0), ("tax_month", "税收", 7), ("vacancy", "招聘", 0)]
    rows = [
        {"feed": feed, "feed_label": label, "row_count": count, "is_required": False, "source_state": "正常"}
        for feed, label, count in sources
    ]
    fill(warehouse, "core.source_status", rows)
    found = [f for f in core_suite.findings(run, warehouse) if f.check_id == "source_optional"]
    assert [(f.subject, f.passed) for f in found] == [("用电", False), ("税收", True), ("招聘", False)]
    plain = core_suite.validate

    def raising(suite: Any, frame: Any) -> Any:
        return [
            replace(one, exception="broken") if one.check.columns == ("source_optional",) else one
            for one in plain(suite, frame)
        ]

    monkeypatch.setattr(core_suite, "validate", raising)
    told = [f for f in core_suite.findings(run, warehouse) if f.check_id == "source_optional"]
    assert [(f.passed, f.severity) for f in told] == [(False, "fail")]
