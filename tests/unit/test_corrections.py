"""Corrections as data: every fault told at load, known from their date on, guarded by what the source says."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from gate_house import AS_OF, FIRST, House, open_house
from ingest_files import INSURANCE, insurance_row, text
from runs import run_of

from pipelines import contracts as contract_files
from pipelines import corrections
from pipelines.contracts import read_sql
from pipelines.errors import ContractError, NotFoundError
from pipelines.ledger import Ledger
from pipelines.stages import core, gate, ingest
from pipelines.warehouse import Warehouse

MARCH, APRIL = date(2025, 3, 1), date(2025, 4, 1)
NOW = datetime(2025, 4, 20)
UNIT = "3207000003"
BASE: dict[str, Any] = {
    "id": "one-unit",
    "feed": "insurance_month",
    "select": {"key": {"unit_no": UNIT}, "period": "2025-03"},
    "column": "insured_persons",
    "wrong": 20,
    "right": 12,
    "reason": "来函更正",
    "reporter": "市人社局",
    "date": date(2025, 4, 8),
}


def written(folder: Path, entries: Sequence[dict[str, Any]], name: str = "a") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.corrections.yml"
    path.write_text(yaml.safe_dump({"corrections": list(entries)}, allow_unicode=True), encoding="utf-8")
    return path


def without(entry: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name not in names}


def faults(folder: Path, *entries: dict[str, Any]) -> str:
    _, found = corrections.check([written(folder, entries)], contracts=contract_files.load(), today=NOW.date())
    return "\n".join(found)


@pytest.fixture
def house(tmp_path: Path) -> House:
    opened = open_house(tmp_path / "home")
    opened.insurance("三月.csv")
    return opened


def load(house: House, *entries: dict[str, Any], now: datetime = NOW) -> corrections.Loaded:
    path = written(house.home.root.parent / "files", entries)
    return corrections.load([path], contracts=house.contracts, ledger=house.ledger, now=now)


@contextmanager
def night(
    house: House, cutoff: datetime, *, through: int | None = None, is_judged: bool = False
) -> Iterator[Warehouse]:
    """Ingest and core of a night, and its gate where that is asked for."""
    seen = house.ledger.last_seq() if through is None else through
    run = replace(
        run_of(cutoff.date(), through=seen, home=house.home, contracts=house.contracts), cutoff=cutoff, revision=1
    )
    warehouse = Warehouse(None, contracts=house.contracts, threads=1)
    try:
        assert ingest.run(run, warehouse, house.ledger).adds_up
        assert core.run(run, warehouse).adds_up
        if is_judged:
            gate.run(run, warehouse, house.ledger)
        yield warehouse
    finally:
        warehouse.close()


def persons(warehouse: Warehouse, unit: str = UNIT, month: date = MARCH) -> list[int]:
    """What the core says of the enterprise of ``unit``."""
    query = (
        "SELECT m.insured_persons FROM core.enterprise_month AS m JOIN core.insured_unit AS u USING (enterprise_no) "
        "WHERE u.unit_no = $unit AND m.month = $month"
    )
    return [n for (n,) in warehouse.rows(query, unit=unit, month=month)]


def state(warehouse: Warehouse) -> dict[str, tuple[str, int]]:
    rows = warehouse.rows("SELECT correction_id, correction_state, row_count FROM ingest.correction")
    return {one: (word, count) for one, word, count in rows}


def bound(warehouse: Warehouse) -> list[int]:
    """What the check of the core measures of each correction: 1 is told."""
    return [metric for (metric,) in warehouse.rows(f"SELECT metric FROM ({read_sql('checks/correction')})")]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"feed": "nowhere"}, "no contract describes feed nowhere; known: arbitration"),
        ({"column": "height"}, "column: feed insurance_month has no column height; it has: unit_no"),
        ({"select": {"key": {"unit": "1"}}}, "select.key: feed insurance_month has no column unit"),
        ({"select": {"key": {"unit_no": 7}}}, "7 is not text; write it in quotes"),
        ({"select": {"period": "2025-13"}}, "select.period: '2025-13' is not a month, YYYY-MM"),
        ({"select": {}}, "selects nothing: give key, period or batch"),
        ({"select": {"batch": "xyz"}}, "select.batch"),
        ({"wrong": "many"}, "wrong: 'many' is not a number"),
        ({"wrong": 20.5}, "wrong: 20.5 is not a whole number"),
        ({"right": True}, "right: True is not a number"),
        ({"right": 20}, "wrong and right are the same value"),
        ({"right": -1}, "right: breaks a rule of the feed: 失业保险参保人数应在0到500000之间"),
        ({"right": None}, "right: breaks a rule of the feed: 失业保险参保人数不得为空"),
        ({"column": "base_fen", "wrong": "120000.505"}, "'120000.505' has more than two decimals of 元"),
        ({"column": "month", "wrong": "2025-03", "right": "2025-02"}, "month tells which row it is"),
        ({"date": date(2025, 5, 1)}, "dated 2025-05-01, after today (2025-04-20)"),
        ({"expires": date(2025, 4, 8)}, "expires on 2025-04-08, which is not after its date"),
        ({"action": "drop"}, "right: a row that is dropped has no right value"),
        ({"reason": ""}, "reason"),
        ({"id": "A B"}, "id"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_fault_is_told_before_anything_is_on_record(changed: dict[str, Any], told: str, tmp_path: Path) -> None:
    assert told in faults(tmp_path, BASE | changed)


def test_all_faults_of_all_files_are_told_at_once_and_nothing_is_loaded(house: House, tmp_path: Path) -> None:
    good = written(tmp_path / "g", [BASE | {"id": "good-one"}], "good")
    bad = written(tmp_path / "g", [BASE | {"feed": "x"}, without(BASE, "wrong") | {"id": "two"}, BASE], "bad")
    with pytest.raises(ContractError) as told:
        corrections.load([good, bad], contracts=house.contracts, ledger=house.ledger, now=NOW)
    lines = str(told.value).splitlines()
    assert [line.split(": ")[1] for line in lines] == ["one-unit", "two", "one-unit"]
    assert "wrong is missing" in lines[1]
    assert "the id is used twice" in lines[2]
    assert corrections.on_record(house.ledger) == {}


def test_a_file_that_is_no_yaml_or_has_another_name_is_refused(tmp_path: Path) -> None:
    contracts = contract_files.load()
    broken, other = tmp_path / "b.corrections.yml", tmp_path / "b.yml"
    broken.write_text("corrections: [", encoding="utf-8")
    other.write_text("", encoding="utf-8")
    _, found = corrections.check([broken, other], contracts=contracts, today=NOW.date())
    assert "b.corrections.yml: cannot be read" in found[0]
    assert found[1] == "b.yml: a file of corrections is called *.corrections.yml"


@pytest.mark.parametrize(
    ("value", "kind", "said"),
    [
        ("12.3", "fen", "1230"),
        (12.3, "fen", "1230"),
        (-7, "usd_cent", "-700"),
        (3.25, "basis_point", "325"),
        (5, "integer", "5"),
        (1, "number", "1.0"),
        (None, "fen", None),
        (True, "boolean", "true"),
        (date(2025, 3, 1), "month", "2025-03-01"),
        ("2025-03", "month", "2025-03-01"),
        ("2025-03-07", "date", "2025-03-07"),
        ("01", "text", "01"),
    ],
)
def test_values_are_written_as_officers_write_them(value: Any, kind: Any, said: str | None) -> None:
    assert corrections.as_text(value, kind) == said


def test_a_file_loaded_again_does_nothing_and_what_it_no_longer_holds_is_taken_back(house: House) -> None:
    assert load(house, BASE).came == ("one-unit",)
    assert load(house, BASE) == corrections.Loaded((), (), 1)
    assert load(house, BASE | {"right": 11}).came == ("one-unit",)
    assert load(house) == corrections.Loaded((), ("one-unit",), 0)
    assert corrections.on_record(house.ledger) == {}
    with pytest.raises(NotFoundError, match="no correction one-unit is on record"):
        corrections.retract("one-unit", ledger=house.ledger, now=NOW, reason="撤销")


def test_an_id_of_another_file_is_refused(house: House, tmp_path: Path) -> None:
    load(house, BASE)
    other = written(tmp_path / "other", [BASE], "b")
    with pytest.raises(ContractError, match=r"already on record from a\.corrections\.yml"):
        corrections.load([other], contracts=house.contracts, ledger=house.ledger, now=NOW)


def test_a_correction_is_known_from_its_date_on_and_as_it_was_before_it_changed(tmp_path: Path) -> None:
    contracts, ledger = contract_files.load(), Ledger(tmp_path / "ledger.sqlite")

    def seen(cutoff: datetime, through: int = 1000) -> list[str | None]:
        return [one.right for one in corrections.known(ledger, through=through, cutoff=cutoff)]

    def put(*entries: dict[str, Any], now: datetime) -> None:
        corrections.load([written(tmp_path, entries)], contracts=contracts, ledger=ledger, now=now)

    put(BASE, now=datetime(2025, 4, 9))
    put(BASE | {"right": 11, "date": date(2025, 4, 15)}, now=datetime(2025, 4, 15, 9))
    put(now=datetime(2025, 4, 18, 9))
    assert seen(datetime(2025, 4, 8)) == []
    assert seen(datetime(2025, 4, 9)) == ["12"]
    assert seen(datetime(2025, 4, 16)) == ["11"]
    assert seen(datetime(2025, 4, 19)) == []
    assert seen(datetime(2025, 4, 19), through=1) == ["12"]


def test_a_value_is_corrected_on_the_way_to_the_core_and_landing_stays(house: House) -> None:
    before = {path: path.read_bytes() for path in house.home.landing.rglob("*") if path.is_file()}
    load(house, BASE)
    with night(house, datetime(2025, 4, 10), is_judged=True) as warehouse:
        assert persons(warehouse) == [12]
        assert persons(warehouse, "3207000004") == [20]
        assert state(warehouse) == {"one-unit": ("已采用", 1)}
        assert warehouse.rows("SELECT correction_id, right_text FROM ingest.correction_row") == [("one-unit", "12")]
        (line,) = warehouse.frame("SELECT * FROM gate.result WHERE check_id = 'correction'").to_dicts()
        assert line["passed"]
        assert line["observed_text"] == "已更正1行"
    left = {path: path.read_bytes() for path in before}
    assert left == before


def test_an_earlier_cutoff_does_not_see_it(house: House) -> None:
    load(house, BASE | {"date": date(2025, 4, 9)})
    with night(house, datetime(2025, 4, 9)) as warehouse:
        assert persons(warehouse) == [20]
        assert state(warehouse) == {}


def test_what_was_on_record_later_does_not_change_what_a_night_saw(house: House) -> None:
    through = house.ledger.last_seq()
    load(house, BASE)
    with night(house, datetime(2025, 4, 10), through=through) as warehouse:
        assert persons(warehouse) == [20]


@pytest.mark.parametrize(("says", "word"), [("15", "源头已变"), ("20", "已采用")])
def test_the_guard_lets_the_source_speak_once_it_says_something_else(house: House, says: str, word: str) -> None:
    load(house, BASE)
    row = insurance_row(3, **{"失业保险参保人数": says})
    house.take("insurance_month", "三月补.csv", text([INSURANCE, row]), days=2.5)
    with night(house, datetime(2025, 4, 10), is_judged=True) as warehouse:
        assert state(warehouse)["one-unit"][0] == word
        assert persons(warehouse) == [12 if word == "已采用" else int(says)]
        (line,) = warehouse.frame("SELECT * FROM gate.result WHERE check_id = 'correction'").to_dicts()
        assert (line["passed"], line["severity"]) == (word == "已采用", "warn")
        assert says not in line["mail_text"]
        (verdict,) = warehouse.rows("SELECT gate_verdict FROM gate.verdict")
        assert verdict[0] != "关闭"


def test_a_correction_of_rows_that_are_not_there_is_told(house: House) -> None:
    load(house, BASE | {"select": {"key": {"unit_no": "9999"}, "period": "2025-03"}})
    with night(house, datetime(2025, 4, 10)) as warehouse:
        assert state(warehouse) == {"one-unit": ("未见对应行", 0)}
        assert bound(warehouse) == [1]


def test_all_rows_of_a_period_or_a_batch_that_say_so_are_corrected(house: House) -> None:
    batch = house.ledger.deliveries()[-1].batch
    load(
        house,
        BASE
        | {"id": "by-period", "select": {"period": "2025-03"}, "column": "joiners_persons", "wrong": 1, "right": 3},
        BASE
        | {"id": "by-batch", "select": {"batch": batch[:8]}, "column": "base_fen", "wrong": "120000.50", "right": 9},
    )
    with night(house, datetime(2025, 4, 10)) as warehouse:
        assert state(warehouse) == {"by-period": ("已采用", 40), "by-batch": ("已采用", 40)}
        assert warehouse.rows("SELECT DISTINCT joiners_persons, base_fen FROM core.enterprise_month") == [(3, 900)]


def test_an_expired_correction_no_longer_holds_and_is_told_while_the_source_is_wrong(house: House) -> None:
    load(house, BASE | {"expires": date(2025, 4, 11)})
    with night(house, datetime(2025, 4, 11, 2)) as warehouse:
        assert state(warehouse) == {"one-unit": ("已过期", 0)}
        assert persons(warehouse) == [20]
        assert bound(warehouse) == [1]
    row = insurance_row(3, **{"失业保险参保人数": "12"})
    house.take("insurance_month", "三月补.csv", text([INSURANCE, row]), days=5)
    with night(house, datetime(2025, 4, 12)) as warehouse:
        assert state(warehouse) == {"one-unit": ("已失效", 0)}
        assert bound(warehouse) == [0]


def test_a_dropped_row_is_counted_and_its_unit_is_unknown_not_gone(house: House) -> None:
    house.insurance("二月.csv", months=("202502",), days=0.1)
    load(house, without(BASE, "right") | {"action": "drop"})
    run = replace(
        run_of(AS_OF, through=house.ledger.last_seq(), home=house.home, contracts=house.contracts),
        cutoff=datetime(2025, 4, 10),
    )
    warehouse = Warehouse(None, contracts=house.contracts, threads=1)
    receipt = ingest.run(run, warehouse, house.ledger)
    assert receipt.adds_up
    assert receipt.dropped["left_out_by_correction"] == 1
    assert core.run(run, warehouse).adds_up
    assert persons(warehouse) == []
    assert warehouse.rows("SELECT month, unknown_cause FROM core.unknown_month") == [(MARCH, "隔离")]
    (rows,) = warehouse.rows("SELECT row_count FROM core.source_status WHERE feed = 'insurance_month'")
    assert rows == (79,)
    warehouse.close()


def test_only_the_months_that_a_correction_reaches_are_written_again(house: House) -> None:
    house.insurance("四月.csv", months=("202504",), days=1)
    with night(house, datetime(2025, 4, 10)):
        pass
    before = {path.name for path in (house.home.core / "enterprise_month").glob("*/*")}
    load(house, BASE)
    with night(house, datetime(2025, 4, 10)) as warehouse:
        assert persons(warehouse) == [12]
    after = sorted(
        path.parent.name for path in (house.home.core / "enterprise_month").glob("*/*") if path.name not in before
    )
    assert after == ["2025-03-01"]
    corrections.retract("one-unit", ledger=house.ledger, now=FIRST + timedelta(days=3), reason="撤销")
    with night(house, datetime(2025, 4, 10)) as warehouse:
        assert persons(warehouse) == [20]


def test_rows_of_a_delivery_dated_by_lag_are_corrected_once_they_are_known(house: House) -> None:
    house.insurance("补录.csv", months=("202501", "202502"), days=1, dated="lag")
    load(house, BASE | {"select": {"key": {"unit_no": UNIT}, "period": "2025-02"}, "date": date(2025, 1, 1)})
    with night(house, datetime(2025, 3, 1)) as warehouse:
        assert state(warehouse) == {"one-unit": ("未见对应行", 0)}
    with night(house, datetime(2025, 3, 10)) as warehouse:
        assert state(warehouse) == {"one-unit": ("已采用", 1)}
        query = "SELECT insured_persons FROM raw.insurance_month WHERE unit_no = $unit AND month = '2025-02-01'"
        assert warehouse.rows(query, unit=UNIT) == [(12,)]
