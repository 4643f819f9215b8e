"""The gate on a night: what closes it, what opens it again, and what only rides along."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from gate_house import FIRST, MONITOR, SIZE, House, open_house
from ingest_files import INSURANCE, insurance_row, text, uscc

from pipelines.checks import Check
from pipelines.contracts import Contracts, Feed


@pytest.fixture
def house(tmp_path: Path) -> House:
    return open_house(tmp_path)


def test_good_batches_pass_and_what_is_missing_is_a_hint(house: House) -> None:
    house.insurance("参保202503.csv")
    night = house.gate()
    verdict, reason, results, notes = night.verdict, night.reason, night.results, night.notes
    assert verdict == "通过（有提示）"
    assert "缺少：海关出口" in reason
    assert "请连云港海关报送" in reason
    assert all(row["passed"] for row in results if row["severity"] == "fail")
    assert {row["subject"] for row in results if row["check_id"] == "counts_agree"} == {
        "市场主体登记",
        "参保单位",
        "单位月度参保缴费",
    }
    assert notes[1] == "batches: 3, new: 3"
    assert house.gate().notes[1] == "batches: 3, new: 0"


def test_few_bad_rows_are_tolerated_because_they_lie_in_quarantine(house: House) -> None:
    house.insurance("参保202503.csv", bad=2)
    night = house.gate()
    verdict, results = night.verdict, night.results
    assert verdict == "通过（有提示）"
    [line] = [r for r in results if r["check_id"] == "between:insured_persons"]
    assert (line["passed"], line["row_count"], line["bad_row_count"]) == (True, SIZE, 2)


def test_a_short_correction_with_a_bad_row_closes_nothing(house: House) -> None:
    house.insurance("参保202503.csv")
    rows = [insurance_row(n, **({"失业保险参保人数": "-1"} if n < 1 else {})) for n in range(12)]
    house.take("insurance_month", "参保202503更正.csv", text([INSURANCE, *rows]), days=1)
    night = house.gate()
    verdict, reason, results = night.verdict, night.reason, night.results
    assert verdict == "通过（有提示）"
    assert "更正" not in reason
    [line] = [r for r in results if r["check_id"] == "between:insured_persons"]
    assert (line["passed"], line["row_count"], line["bad_row_count"]) == (True, SIZE + 12, 1)


def test_many_bad_rows_of_a_required_feed_close_and_a_newer_delivery_opens(house: House) -> None:
    bad = house.insurance("参保202503.csv", bad=10)
    night = house.gate()
    verdict, reason = night.verdict, night.reason
    assert verdict == "关闭"
    assert "参保202503.csv" in reason
    assert "40行中10行（25.0%）被隔离" in reason
    assert f"请市人社局、市税务局重新报送，或由负责人决定撤回批次{bad.batch}" in reason
    house.insurance("参保202503更正.csv", days=1)
    assert house.gate().verdict == "通过（有提示）"


def test_a_withdrawal_opens_what_a_bad_later_delivery_closed(house: House) -> None:
    house.insurance("参保202503.csv")
    bad = house.insurance("参保202503更正.csv", bad=10, days=1)
    assert house.gate().verdict == "关闭"
    house.ledger.withdraw(bad.batch, at=FIRST + timedelta(days=2), reason="误报")
    assert house.gate().verdict == "通过（有提示）"


def test_a_required_feed_that_never_came_closes(house: House) -> None:
    night = house.gate()
    verdict, reason = night.verdict, night.reason
    assert verdict == "关闭"
    assert "没有收到单位月度参保缴费，请市人社局、市税务局报送" in reason


def test_bad_rows_of_an_optional_feed_are_a_hint(house: House) -> None:
    house.insurance("参保202503.csv")
    rows = [[uscc(n), "202503", "9", "-4" if n < 10 else "9"] for n in range(20)]
    house.take("employment_monitor", "监测.csv", text([MONITOR, *rows]))
    night = house.gate()
    verdict, reason, results = night.verdict, night.reason, night.results
    assert verdict == "通过（有提示）"
    assert "监测.csv" in reason
    assert [r["severity"] for r in results if r["check_id"] == "batch_fail"] == ["warn"]


def test_a_refused_file_is_named_until_its_month_comes(house: House) -> None:
    house.insurance("参保202503.csv")
    house.take("employment_monitor", "监测2025年03月.csv", "什么,都,不是\n1,2,3\n")
    assert "监测2025年03月.csv" in house.gate().reason
    house.take("employment_monitor", "监测.csv", text([MONITOR, [uscc(1), "202502", "9", "9"]]), days=1)
    assert "监测2025年03月.csv" in house.gate().reason
    house.take("employment_monitor", "监测.csv", text([MONITOR, [uscc(1), "202503", "9", "9"]]), days=2)
    assert "监测2025年03月.csv" not in house.gate().reason


def test_counts_that_differ_from_landings_close(house: House) -> None:
    delivery = house.insurance("参保202503.csv", bad=1)
    path = house.home.landing / "insurance_month" / delivery.batch / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    assert manifest["contract"] == house.contracts.feed_digest(house.contracts.feeds["insurance_month"])
    manifest["checks"]["between:insured_persons"]["bad"] = 0
    path.write_text(json.dumps(manifest), encoding="utf-8")
    night = house.gate()
    verdict, reason = night.verdict, night.reason
    assert verdict == "关闭"
    assert "质量检查与落地隔离的计数不一致" in reason


@pytest.mark.parametrize(("feed", "expected"), [("insurance_month", "关闭"), ("employment_monitor", "通过（有提示）")])
def test_an_expectation_that_raises_closes_only_for_a_required_feed(
    house: House, monkeypatch: pytest.MonkeyPatch, feed: str, expected: str
) -> None:
    house.insurance("参保202503.csv")
    house.take("employment_monitor", "监测.csv", text([MONITOR, [uscc(1), "202503", "9", "9"]]))
    poison = Check(kind="not_null", columns=("absent",), severity="warn", sentence="坏检查", options={})
    written = Contracts.checks

    def poisoned(contracts: Contracts, of: Feed) -> tuple[Check, ...]:
        return (*written(contracts, of), *([poison] if of.feed == feed else []))

    monkeypatch.setattr(Contracts, "checks", poisoned)
    night = house.gate()
    verdict, reason, results = night.verdict, night.reason, night.results
    assert verdict == expected
    assert "检查“坏检查”本身出错" in reason
    assert [row["passed"] for row in results if row["check_id"] == "exception:not_null:absent"] == [False]
    assert house.gate().notes[1] == "batches: 4, new: 1"
