"""Cases that an officer adds by hand: listed whatever triggers and capacity say, until they are taken back."""

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from edition_city import NOVEMBER, OCTOBER, City, Firm, make

from pipelines import own_cases
from pipelines.errors import NotFoundError, UsageError
from pipelines.ledger import Ledger
from pipelines.own_cases import OwnCase

FIRST, SECOND, THIRD = date(2026, 11, 10), date(2026, 11, 11), date(2026, 11, 12)
QUIET, YELLOW, RED = (100, 100), (75, 100), (100, 400)
ADDED = datetime(2026, 11, 10, 15)


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    found = make(tmp_path)
    yield found
    found.warehouse.close()


def night(city: City, as_of: date, *firms: Firm, month: date = OCTOBER, own: str = "") -> dict[str, dict[str, Any]]:
    """An edition that knows the cases in ``own``, enterprise and colour; gives its list."""

    def knowing(run: Any) -> Any:
        told = {"decided_by": "就业科", "decided_at": ADDED, "reason_text": "企业来人反映停产"}
        city.give("ingest.own_case", [{"enterprise_id": one[0], "colour": one[1], **told} for one in own.split()])
        return run

    city.night(as_of, month, list(firms), batch=f"b{as_of}{own}", change=knowing)
    return city.rows("edition.warning")


def change(city: City) -> tuple[str, str, str]:
    row = city.rows("edition.warning_change")["A"]
    return row["change_kind"], row["change_cause"], row["change_text"]


def test_a_quiet_enterprise_is_listed_and_says_who_wants_it(city: City) -> None:
    assert night(city, FIRST, Firm("A", *QUIET)) == {}
    row = night(city, SECOND, Firm("A", *QUIET), own="A橙")["A"]
    assert (row["colour"], row["trigger_code"]) == ("橙", "own")
    assert row["trigger_text"] == "就业科2026年11月10日提出：企业来人反映停产，由人工列为橙色"
    assert change(city)[:2] == ("新增", "人工")
    assert not row["is_capacity_limited"]


def test_capacity_does_not_keep_it_out_and_it_takes_nobodys_place(city: City) -> None:
    firms = [Firm(code, *YELLOW, points=90) for code in "BCD"]
    rows = night(city, FIRST, Firm("A", *QUIET), *firms, own="A蓝")
    assert {code: row["colour"] for code, row in rows.items()} == {"A": "蓝", "B": "黄", "C": "黄"}


def test_what_triggers_graver_wins_and_the_officers_word_stays_beside(city: City) -> None:
    row = night(city, FIRST, Firm("A", *RED), own="A黄")["A"]
    assert (row["colour"], row["trigger_code"]) == ("红", "loss_persons")
    assert row["remark_text"] == "另由就业科2026年11月10日提出：企业来人反映停产"


def test_taken_back_it_leaves_at_once_or_falls_to_what_triggers(city: City) -> None:
    night(city, FIRST, Firm("A", *QUIET), Firm("B", *YELLOW), own="A橙 B红")
    rows = night(city, SECOND, Firm("A", *QUIET), Firm("B", *YELLOW))
    assert {code: row["colour"] for code, row in rows.items()} == {"B": "黄"}
    assert change(city) == ("解除", "人工", "人工列入已撤回，提请解除")
    assert city.rows("edition.warning_change")["B"]["change_cause"] == "人工"


def test_it_stays_over_months_and_an_agency_is_no_exception(city: City) -> None:
    agency = Firm("A", *QUIET, core={"is_labour_agency": True})
    first = night(city, FIRST, agency, own="A蓝")["A"]
    again = night(city, date(2026, 12, 10), agency, month=NOVEMBER, own="A蓝")["A"]
    assert (again["warning_no"], again["change_kind"], again["clean_months"]) == (first["warning_no"], "持续", 0)


def test_the_ledger_keeps_the_last_word_and_refuses_nonsense(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite")
    case = OwnCase("A", "黄", "就业科", "企业来人反映停产", ADDED)
    own_cases.add(case, known={"A"}, ledger=ledger)
    number = ledger.last_seq()
    own_cases.add(OwnCase("A", "橙", "就业科", "再次来人", datetime(2026, 11, 11)), known={"A"}, ledger=ledger)
    assert ledger.last_seq() > number, "the next night has news"
    assert [one.colour for one in own_cases.on_record(ledger)] == ["橙"]
    assert own_cases.on_record(ledger, cutoff=datetime(2026, 11, 10, 16)) == [case]
    assert own_cases.on_record(ledger, cutoff=ADDED) == []
    own_cases.retract("A", ledger=ledger, now=datetime(2026, 11, 12), reason="已核实")
    assert own_cases.on_record(ledger) == []
    assert own_cases.on_record(ledger, through=number) == [case]
    with pytest.raises(NotFoundError):
        own_cases.retract("A", ledger=ledger, now=datetime(2026, 11, 12), reason="已核实")
    with pytest.raises(UsageError, match="check the code"):
        own_cases.add(OwnCase("X", "黄", "就业科", "停产", ADDED), known={"A"}, ledger=ledger)
    with pytest.raises(UsageError, match="at most 100"):
        own_cases.add(OwnCase("A", "黄", "就业科", "长" * 101, ADDED), known={"A"}, ledger=ledger)
