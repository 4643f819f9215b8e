"""A person's decision opens the gate for what had closed it, and for nothing that comes later."""

from datetime import timedelta
from pathlib import Path

import pytest
from gate_house import AS_OF, FIRST, House, open_house

from pipelines import nightly
from pipelines.errors import GateClosedError, UsageError
from pipelines.nightly import Means


@pytest.fixture
def house(tmp_path: Path) -> House:
    return open_house(tmp_path)


def test_a_person_may_override_with_a_reason_that_is_told(house: House) -> None:
    house.insurance("参保202503.csv", bad=10)
    house.override("已电话核实", house.gate().closing)
    night = house.gate()
    assert night.verdict == "人工放行"
    first, second = night.reason.split("；")[:2]
    assert first == "人工放行：已电话核实"
    assert second.startswith("已放行：")
    assert "参保202503.csv" in second
    assert night.mail.split("；")[0] == "人工放行，理由见名单"
    assert night.closing == frozenset()


def test_a_fault_that_comes_after_the_override_closes_all_the_same(house: House) -> None:
    house.insurance("甲202503.csv", bad=10)
    house.override("已电话核实", house.gate().closing)
    assert house.gate().verdict == "人工放行"
    house.insurance("乙202503.csv", bad=12, days=1)
    night = house.gate()
    assert night.verdict == "关闭"
    assert "乙202503.csv" in night.reason
    assert "甲202503.csv" not in night.reason


def test_a_harmless_delivery_does_not_undo_the_override(house: House) -> None:
    house.insurance("参保202503.csv", months=("202502", "202503"), bad=10)
    house.override("已电话核实", house.gate().closing)
    house.insurance("参保202502更正.csv", months=("202502",), units=5, days=1)
    assert house.gate().verdict == "人工放行"


def test_an_override_that_names_nothing_opens_nothing(house: House) -> None:
    house.insurance("参保202503.csv", bad=10)
    house.override("先放着", frozenset())
    assert house.gate().verdict == "关闭"


def test_two_overrides_are_both_told(house: House) -> None:
    house.insurance("甲202503.csv", bad=10)
    house.override("甲已核实", house.gate().closing)
    house.insurance("乙202502.csv", months=("202502",), bad=12, days=1)
    house.override("乙已核实", house.gate().closing)
    night = house.gate()
    assert night.verdict == "人工放行"
    assert night.reason.split("；")[:2] == ["人工放行：甲已核实", "人工放行：乙已核实"]


def test_overriding_what_is_not_held_says_that_it_opens_nothing(house: House) -> None:
    means = Means(home=house.home, now=FIRST + timedelta(days=4), threads=1)
    with pytest.raises(UsageError, match="opens nothing"):
        nightly.override(means, as_of=AS_OF, reason="先放着")
    assert house.ledger.overrides(as_of=AS_OF) == []


def test_an_override_stores_what_the_held_night_was_closed_by(house: House) -> None:
    house.insurance("参保202503.csv", bad=10)
    means = Means(home=house.home, now=FIRST + timedelta(days=4), threads=1)
    closing = house.gate().closing
    with pytest.raises(GateClosedError):
        nightly.run(means, as_of=AS_OF)
    assert "参保202503.csv" in nightly.override(means, as_of=AS_OF, reason="已电话核实")
    [entry] = house.ledger.overrides(as_of=AS_OF)
    assert frozenset(entry["opens"]) == closing
    assert nightly.run(means, as_of=AS_OF).status == "issued"
    with pytest.raises(UsageError, match="opens nothing"):
        nightly.override(means, as_of=AS_OF, reason="再放一次")
