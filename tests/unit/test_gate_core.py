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


def test_parts_are_no_more_than_the_whole(run: Run, warehouse: Warehouse) -> None:
    facts = [
        {"enterprise_no": n, "month": LAST, "insured_persons": 50, "joiners_persons": 3, "leavers_persons": 4}
        | {"unit_count": 1}
        for n in range(20)
    ]
    fill(warehouse, "core.enterprise_month", facts)
    warehouse.build("core.month_status", complete_month_pct=90)
    moves = [
        {"from_enterprise_no": n, "to_enterprise_no": to, "month": LAST, "moved_persons": persons}
        for n in range(20)
        for to, persons in ((n, 99), (30, 2), (31, 3 if n < 2 else 2))
    ]
    hires = [
        {"enterprise_no": n, "month": LAST, "key_group": group, "group_hired_persons": 4 if n < 3 else 3}
        for n in range(20)
        for group in ("高校毕业生", "就业困难人员")
    ]
    fill(warehouse, "core.labour_flow_month", moves)
    fill(warehouse, "core.hire_group_month", hires)
    found = judged(run, warehouse)
    assert found["flow_leavers"].observed_text == "有流出的企业20家中2家流出多于停保"
    assert found["hires_joiners"].observed_text == "有招用的企业20家中3家多于新增参保"
    assert not found["flow_leavers"].passed
    assert not found["hires_joiners"].passed
    fill(warehouse, "core.unknown_month", [{"enterprise_no": n, "month": LAST} for n in range(3)])
    found = judged(run, warehouse)
    assert found["flow_leavers"].passed
    assert found["hires_joiners"].passed


@pytest.mark.parametrize(("balance", "passed"), [(1_060_000, True), (1_070_000, True), (1_080_000, False)])
def test_the_fund_adds_up_from_month_to_month(run: Run, warehouse: Warehouse, balance: int, passed: bool) -> None:
    months(warehouse, [])
    fund = [
        {"month": add_months(LAST, -1), "fund_balance_fen": 1_000_000},
        {"month": LAST, "fund_income_fen": 100_000, "fund_outlay_fen": 40_000, "fund_balance_fen": balance},
    ]
    fill(warehouse, "core.ui_fund_month", fund)
    assert judged(run, warehouse)["fund_balance"].passed == passed


def test_a_fund_without_its_income_cannot_be_added_up(run: Run, warehouse: Warehouse) -> None:
    months(warehouse, [])
    fund = [{"month": add_months(LAST, -back), "fund_balance_fen": 10, "fund_outlay_fen": 1} for back in range(2)]
    fill(warehouse, "core.ui_fund_month", fund)
    found = judged(run, warehouse)["fund_balance"]
    assert found.passed
    assert "缺失，无法核对" in found.observed_text


def test_volume_coverage_and_drift_of_each_feed(run: Run, warehouse: Warehouse) -> None:
    months(warehouse, [])
    feeds = [
        {"feed": name, "feed_label": label, "owner": "某局", "feed_cadence": cadence}
        | {"is_insurance": name == "insurance_month"}
        for name, label, cadence in (
            ("tax_month", "税收", "monthly"),
            ("power_month", "用电", "monthly"),
            ("jobseeker_month", "求职", "monthly"),
            ("insurance_month", "参保", "monthly"),
            ("vacancy", "招聘", "event"),
        )
    ]
    fill(warehouse, "gate.feed", feeds)
    told = [
        ("tax_month", {0: 60, 1: 100, 2: 100}),
        ("power_month", {0: 100, 1: 100, 4: 100}),
        ("jobseeker_month", {0: 2, 1: 7, 2: 7}),
        ("insurance_month", {0: 1, 1: 100, 2: 100}),
        ("vacancy", {0: 1, 5: 100}),
    ]
    rows = [
        {
            "feed": feed,
            "month": add_months(LAST, -back),
            "row_count": count,
            "expected_row_count": max(counts.values()) if back == 0 else None,
        }
        for feed, counts in told
        for back, count in counts.items()
    ]
    fill(warehouse, "gate.feed_month", rows)
    drift = [
        {"feed": "tax_month", "column_name": name, "column_label": label, "month": LAST, "row_count": 60,
             "stability_index": index,
         "is_drifted": index > 0.25}
        for name, label, index in (("a", "开票收入", 0.41), ("b", "工资总额", 1.5), ("c", "人数", 0.1))
    ]  # fmt: skip
    fill(warehouse, "gate.feed_drift", drift)
    found = {(f.check_id, f.subject): f for f in core_suite.findings(run, warehouse) if f.check_id.startswith("feed_")}
    broken = {key: finding.observed_text for key, finding in found.items() if not finding.passed}
    assert broken == {
        ("feed_volume", "税收"): "2025年03月60行，中位数100行，为其60.0%",
        ("feed_coverage", "用电"): "缺2024年12月、2025年01月",
        ("feed_drift", "税收"): "工资总额PSI为1.5、开票收入PSI为0.41",
    }
    assert found["feed_volume", "求职"].observed_text == "2025年03月2行，行数少，不比较"
    assert {subject for _, subject in found} == {"税收", "用电", "求职"}
    assert "请市税务局核对" in found["feed_drift", "税收"].reason
