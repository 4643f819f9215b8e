"""What feeds were shared for: uses outside the approval or after its end are refused by name, unknown stays unknown."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from gate_house import House, open_house
from ingest_files import INSURANCE, insurance_row, text
from runs import run_of

from pipelines import contracts as contract_files
from pipelines import doctor, lessons, purpose
from pipelines.arrivals import receive
from pipelines.contracts import read_sql
from pipelines.errors import PurposeError, SettingsError
from pipelines.means import Means
from pipelines.settings import Approval, Settings
from pipelines.stages import ingest
from pipelines.warehouse import Warehouse

CONTRACTS = contract_files.load()
TODAY = date(2025, 4, 10)


def site(**approval: Any) -> Settings:
    return Settings(approval={"insurance_month": Approval(**approval)})


def of(**approval: Any) -> purpose.Approval:
    return purpose.approvals(CONTRACTS, site(**approval))["insurance_month"]


def test_what_nobody_told_is_unknown_and_neither_allows_nor_forbids() -> None:
    own = purpose.approvals(CONTRACTS, Settings())["tax_month"]
    assert (own.catalogue, own.uses, own.until, own.uses_text) == ("未知", None, None, "未知")
    assert own.state(TODAY) == "约定不全"
    assert own.refusal("training", TODAY) is None


def test_the_site_says_what_was_approved_and_the_rest_is_as_the_contract_says() -> None:
    own = of(catalogue="3207-0012", uses=("warning",), until=date(2025, 6, 30))
    assert own.purpose == CONTRACTS.feeds["insurance_month"].purpose
    assert (own.catalogue, own.uses_text, own.state(TODAY)) == ("3207-0012", "监测预警", "有效")


@pytest.mark.parametrize(
    ("approval", "use", "told"),
    [
        ({"uses": ("warning",)}, "warning", None),
        ({"uses": ("warning",)}, "training", "单位月度参保缴费（市人社局、市税务局）未批准用于模型训练"),
        ({"uses": ()}, "warning", "单位月度参保缴费（市人社局、市税务局）未批准用于监测预警"),
        ({"until": date(2025, 4, 10)}, "training", None),
        ({"until": date(2025, 4, 9)}, "training", "单位月度参保缴费（市人社局、市税务局）的批准用途已于2025-04-09到期"),
    ],
)
def test_a_use_outside_or_after_the_end_is_refused(approval: dict[str, Any], use: Any, told: str | None) -> None:
    assert of(**approval).refusal(use, TODAY) == told


def test_all_feeds_whose_use_is_refused_are_named() -> None:
    settings = Settings(
        approval={"tax_month": Approval(uses=("warning",)), "power_month": Approval(until=date(2025, 1, 1))}
    )
    found = purpose.approvals(CONTRACTS, settings)
    purpose.require(found, ["insurance_month"], "training", on=TODAY)
    with pytest.raises(
        PurposeError, match=r"企业月度用电.*已于2025-01-01到期；税收月度信息.*未批准用于模型训练"
    ) as told:
        purpose.require(found, ["tax_month", "power_month", "insurance_month"], "training", on=TODAY)
    assert not re.search("[A-Za-z]", str(told.value)), "who reads it sets nothing: no setting, option or key is named"


def test_an_approval_of_a_feed_that_is_not_there_is_a_fault_of_the_settings() -> None:
    with pytest.raises(SettingsError, match=r"\[approval\.taxes\]: no such feed; known: arbitration"):
        purpose.approvals(CONTRACTS, Settings(approval={"taxes": Approval()}))


@pytest.fixture
def house(tmp_path: Path) -> House:
    opened = open_house(tmp_path)
    opened.insurance("三月.csv")
    opened.insurance("四月.csv", months=("202504",), days=30)
    return opened


def night(house: House, settings: Settings, cutoff: datetime) -> tuple[Warehouse, Any]:
    base = run_of(cutoff.date(), through=house.ledger.last_seq(), home=house.home, contracts=house.contracts)
    run = replace(base, cutoff=cutoff, settings=settings)
    warehouse = Warehouse(None, contracts=house.contracts, threads=1)
    receipt = ingest.run(run, warehouse, house.ledger)
    assert receipt.adds_up
    return warehouse, receipt


def state(warehouse: Warehouse) -> tuple[Any, ...]:
    query = "SELECT purpose_state, unused_count, withheld_text FROM ingest.purpose WHERE feed = 'insurance_month'"
    return warehouse.rows(query)[0]


def told(warehouse: Warehouse) -> dict[str, tuple[int, str]]:
    rows = warehouse.rows(f"SELECT source, metric, observed_text FROM ({read_sql('checks/purpose')})")
    return {source: (metric, words) for source, metric, words in rows}


def test_what_comes_after_the_end_is_not_used_and_what_came_before_is(house: House) -> None:
    ended = site(until=date(2025, 4, 30))
    warehouse, receipt = night(house, ended, datetime(2025, 5, 10))
    assert receipt.dropped["use_not_approved"] == 40
    assert warehouse.rows("SELECT DISTINCT month FROM raw.insurance_month") == [(date(2025, 3, 1),)]
    assert state(warehouse) == ("已到期", 1, None)
    assert told(warehouse) == {"insurance_month": (1, "批准用途已于2025年04月30日到期，1个文件未使用")}
    warehouse.close()
    warehouse, receipt = night(house, ended, datetime(2025, 4, 20))
    assert "use_not_approved" not in receipt.dropped
    assert state(warehouse) == ("约定不全", 0, None)
    assert told(warehouse) == {"insurance_month": (0, "在批准范围内")}
    warehouse.close()


def test_a_renewed_approval_lets_the_next_night_use_what_lay_there(house: House) -> None:
    warehouse, _ = night(house, site(until=date(2026, 4, 30)), datetime(2025, 5, 10))
    assert len(warehouse.rows("SELECT DISTINCT month FROM raw.insurance_month")) == 2
    warehouse.close()


def test_a_feed_that_was_not_approved_for_warning_is_not_seen_at_all(house: House) -> None:
    warehouse, receipt = night(house, site(uses=("training",)), datetime(2025, 5, 10))
    assert receipt.dropped["use_not_approved"] == 80
    assert warehouse.count("raw.insurance_month") == 0
    assert state(warehouse) == ("不得用于预警", 2, None)
    assert told(warehouse)["insurance_month"][0] == 1
    warehouse.close()


def test_files_for_analysts_and_counties_are_kept_back_by_name(house: House) -> None:
    warehouse, _ = night(house, site(uses=("warning", "publication")), datetime(2025, 5, 10))
    assert state(warehouse)[2] == "县区数据文件"
    assert told(warehouse) == {"insurance_month": (1, "在批准范围内，不提供县区数据文件")}
    warehouse.close()
    warehouse, _ = night(house, site(uses=("warning",)), datetime(2025, 5, 10))
    assert state(warehouse)[2] == "内部数据文件、县区数据文件"
    warehouse.close()


def test_training_on_a_feed_that_was_not_approved_for_it_is_refused_by_name(make_home: Callable[..., Means]) -> None:
    means = make_home()
    path = means.home.root.parent / "a.csv"
    path.write_text(text([INSURANCE, insurance_row(1)]), encoding="utf-8")
    receive(means, [path], feed="insurance_month", at=datetime(2026, 11, 6), dated=None)
    approved(means, 'uses = ["warning", "publication"]')
    with pytest.raises(PurposeError, match="不能用于模型训练：单位月度参保缴费"):
        lessons.lesson(means, as_of=date(2026, 11, 12))


def test_the_doctor_tells_what_ended_what_is_bounded_and_what_is_unknown(make_home: Callable[..., Means]) -> None:
    means = make_home()

    def findings() -> list[str]:
        return [f"{f.mark} {f.subject}: {f.text}" for f in doctor.examine(means) if f.subject.startswith("purpose")]

    assert findings() == ["! purposes: 24 of 24 feeds: catalogue number or uses unknown (未知); see 'wengang purposes'"]
    approved(means, 'uses = ["warning"]\nuntil = 2026-06-30')
    assert findings()[:2] == [
        "! purpose insurance_month: approval ended on 2026-06-30: what 市人社局、市税务局 sends since is not used",
        "! purpose insurance_month: approved for warning only",
    ]
    means.home.settings_file.write_text("[approval.nothing]\n", encoding="utf-8")
    assert findings()[0].startswith("✘ purposes: wengang.toml: [approval.nothing]: no such feed")


def approved(means: Means, body: str) -> None:
    settings = means.home.settings_file.read_text(encoding="utf-8")
    means.home.settings_file.write_text(f"{settings}\n[approval.insurance_month]\n{body}\n", encoding="utf-8")
