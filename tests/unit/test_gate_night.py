"""The gate on a night: what closes it, what opens it again, and what only rides along."""

import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from ingest_files import INSURANCE, REGISTER, drop, insurance_row, register_row, text, uscc

from pipelines import contracts as contract_files
from pipelines import parameters
from pipelines.checks import Check
from pipelines.contracts import Contracts
from pipelines.ledger import Delivery, Ledger
from pipelines.run import Run, end_of
from pipelines.settings import Home, Settings
from pipelines.stages import core, gate, ingest
from pipelines.stages.gate import batches
from pipelines.warehouse import Warehouse

FIRST = datetime(2025, 4, 6, 9, 30)
UNITS = ["单位编号", "统一社会信用代码", "单位名称", "经办机构代码", "参保日期"]
MONITOR = ["统一社会信用代码", "调查期", "建档期期末就业人数", "调查期期末就业人数"]
SIZE = 40


@dataclass
class House:
    """A home whose register and units came in good order, and nights on it."""

    home: Home
    contracts: Contracts
    ledger: Ledger

    def take(self, feed: str, name: str, content: str, *, days: int = 0) -> Delivery:
        """Deliver a file some days after the first."""
        path = drop(self.home.inbox / feed, name, content)
        incoming = ingest.Incoming(path, FIRST + timedelta(days=days))
        delivery = ingest.receive(incoming, home=self.home, contracts=self.contracts, ledger=self.ledger)
        assert delivery is not None
        return delivery

    def insurance(self, name: str, *, bad: int = 0, days: int = 0) -> Delivery:
        """Deliver the insurance month with ``bad`` negative head counts."""
        rows = [insurance_row(n, **({"失业保险参保人数": "-1"} if n < bad else {})) for n in range(SIZE)]
        return self.take("insurance_month", name, text([INSURANCE, *rows]), days=days)

    def night(self) -> tuple[str, str, list[dict[str, object]], tuple[str, ...]]:
        """Verdict, reasons, results and notes of a night with all that was delivered."""
        as_of = date(2025, 4, 10)
        run = Run(
            as_of=as_of,
            cutoff=end_of(as_of),
            through=self.ledger.last_seq(),
            home=self.home,
            settings=Settings(),
            contracts=self.contracts,
            parameters=parameters.load(as_of),
        )
        warehouse = Warehouse(None, contracts=self.contracts, threads=1)
        try:
            ingest.run(run, warehouse, self.ledger)
            core.run(run, warehouse)
            receipt = gate.run(run, warehouse, self.ledger)
            assert receipt.adds_up
            [(verdict, reason)] = warehouse.rows("SELECT gate_verdict, reason_text FROM gate.verdict")
            return verdict, reason, warehouse.frame("SELECT * FROM gate.result").to_dicts(), receipt.notes
        finally:
            warehouse.close()


@pytest.fixture
def house(tmp_path: Path) -> House:
    home = Home(tmp_path)
    for folder in home.folders():
        folder.mkdir(parents=True)
    found = House(home, contract_files.load(), Ledger(home.ledger))
    register = [register_row(n) for n in range(SIZE)]
    units = [[f"3207{n:06d}", uscc(n), f"测试企业{n}有限公司", "320703", "2015-06-01"] for n in range(SIZE)]
    found.take("enterprise_register", "登记.csv", text([REGISTER, *register]))
    found.take("insured_unit", "单位.csv", text([UNITS, *units]))
    return found


def test_good_batches_pass_and_what_is_missing_is_a_hint(house: House) -> None:
    house.insurance("参保202503.csv")
    verdict, reason, results, notes = house.night()
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
    assert house.night()[3][1] == "batches: 3, new: 0"


def test_few_bad_rows_are_tolerated_because_they_lie_in_quarantine(house: House) -> None:
    house.insurance("参保202503.csv", bad=2)
    verdict, _, results, _ = house.night()
    assert verdict == "通过（有提示）"
    [line] = [r for r in results if r["check_id"] == "between:insured_persons"]
    assert (line["passed"], line["row_count"], line["bad_row_count"]) == (True, SIZE, 2)


def test_many_bad_rows_of_a_required_feed_close_and_a_newer_delivery_opens(house: House) -> None:
    bad = house.insurance("参保202503.csv", bad=3)
    verdict, reason, _, _ = house.night()
    assert verdict == "关闭"
    assert "参保202503.csv" in reason
    assert "40行中3行（7.5%）被隔离" in reason
    assert f"请市人社局、市税务局重新报送，或由负责人执行 wengang withdraw {bad.batch} 撤回该批次" in reason
    house.insurance("参保202503更正.csv", days=1)
    assert house.night()[0] == "通过（有提示）"


def test_a_withdrawal_opens_what_a_bad_later_delivery_closed(house: House) -> None:
    house.insurance("参保202503.csv")
    bad = house.insurance("参保202503更正.csv", bad=9, days=1)
    assert house.night()[0] == "关闭"
    house.ledger.withdraw(bad.batch, at=FIRST + timedelta(days=2), reason="误报")
    assert house.night()[0] == "通过（有提示）"


def test_a_person_may_override_with_a_reason_that_is_told(house: House) -> None:
    house.insurance("参保202503.csv", bad=9)
    house.ledger.append("override", subject="2025-04-10", at=FIRST, body={"reason": "已电话核实"})
    verdict, reason, _, _ = house.night()
    assert verdict == "人工放行"
    assert reason.split("；")[0] == "人工放行：已电话核实"
    assert "参保202503.csv" in reason.split("；")[1]


def test_a_required_feed_that_never_came_closes(house: House) -> None:
    verdict, reason, _, _ = house.night()
    assert verdict == "关闭"
    assert "没有收到单位月度参保缴费，请市人社局、市税务局报送" in reason


def test_bad_rows_of_an_optional_feed_are_a_hint(house: House) -> None:
    house.insurance("参保202503.csv")
    rows = [[uscc(n), "202503", "9", "-4" if n < 5 else "9"] for n in range(10)]
    house.take("employment_monitor", "监测.csv", text([MONITOR, *rows]))
    verdict, reason, results, _ = house.night()
    assert verdict == "通过（有提示）"
    assert "监测.csv" in reason
    assert [r["severity"] for r in results if r["check_id"] == "batch_fail"] == ["warn"]


def test_a_refused_file_is_named_until_its_month_comes(house: House) -> None:
    house.insurance("参保202503.csv")
    house.take("employment_monitor", "监测2025年03月.csv", "什么,都,不是\n1,2,3\n")
    assert "监测2025年03月.csv" in house.night()[1]
    house.take("employment_monitor", "监测.csv", text([MONITOR, [uscc(1), "202502", "9", "9"]]), days=1)
    assert "监测2025年03月.csv" in house.night()[1]
    house.take("employment_monitor", "监测.csv", text([MONITOR, [uscc(1), "202503", "9", "9"]]), days=2)
    assert "监测2025年03月.csv" not in house.night()[1]


def test_counts_that_differ_from_landings_close(house: House) -> None:
    delivery = house.insurance("参保202503.csv", bad=1)
    path = house.home.landing / "insurance_month" / delivery.batch / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    assert manifest["contract"] == house.contracts.feed_digest(house.contracts.feeds["insurance_month"])
    manifest["checks"]["between:insured_persons"]["bad"] = 0
    path.write_text(json.dumps(manifest), encoding="utf-8")
    verdict, reason, _, _ = house.night()
    assert verdict == "关闭"
    assert "质量检查与落地隔离的计数不一致" in reason


@pytest.mark.parametrize(("feed", "expected"), [("insurance_month", "关闭"), ("employment_monitor", "通过（有提示）")])
def test_an_expectation_that_raises_closes_only_for_a_required_feed(
    house: House, monkeypatch: pytest.MonkeyPatch, feed: str, expected: str
) -> None:
    house.insurance("参保202503.csv")
    house.take("employment_monitor", "监测.csv", text([MONITOR, [uscc(1), "202503", "9", "9"]]))
    poison = Check(kind="not_null", columns=("absent",), severity="warn", sentence="坏检查", options={})
    suite_of = batches.suite_of
    monkeypatch.setattr(batches, "suite_of", lambda f, c: (*suite_of(f, c), *([poison] if f.feed == feed else [])))
    verdict, reason, results, _ = house.night()
    assert verdict == expected
    assert "检查“坏检查”本身出错" in reason
    assert [row["passed"] for row in results if row["check_id"] == "exception:not_null:absent"] == [False]
    assert house.night()[3][1] == "batches: 4, new: 1"
