"""Every instrument on days before, inside and after its windows, by cases that a clerk can read and check."""

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from pipelines import parameters
from pipelines.policy import judging
from pipelines.policy.facts import FACTS
from pipelines.policy.instrument import DRAFT, DRAFT_SINCE, ELIGIBLE, EXPIRED, REFUSED, UNKNOWN
from pipelines.policy.instruments import INSTRUMENTS

CASES = yaml.safe_load(Path(__file__).with_name("cases.yml").read_text(encoding="utf-8"))
EACH = [(name, case) for name, cases in CASES["cases"].items() for case in cases]


def judged(name: str, day: date, but: dict[str, Any]) -> dict[str, Any]:
    facts = pl.DataFrame([{"enterprise_no": 1, **CASES["base"], **but}], schema=dict(FACTS), orient="row")
    answers = judging.judge(facts, day, parameters=parameters.load, instruments=[INSTRUMENTS[name]])
    assert answers.height == 1
    return answers.row(0, named=True)


@pytest.mark.parametrize(("name", "case"), EACH, ids=[f"{n}-{c['day']}-{c['because']}" for n, c in EACH])
def test_the_answer_is_the_clerks(name: str, case: dict[str, Any]) -> None:
    answer = judged(name, case["day"], case.get("but", {}))
    assert answer["answer"] == case["answer"], case["because"]
    assert answer["amount_fen"] == (case["yuan"] * 100 if "yuan" in case else None), case["because"]
    assert answer["basis_kind"] == case.get("basis", DRAFT)
    says_why = {REFUSED: "failing_text", EXPIRED: "failing_text", UNKNOWN: "missing_text"}.get(case["answer"])
    assert says_why is None or answer[says_why], "a person must read what fails or what is missing"


def test_every_instrument_has_six_cases_and_days_around_its_windows() -> None:
    assert set(CASES["cases"]) == set(INSTRUMENTS)
    for name, instrument in INSTRUMENTS.items():
        days = {case["day"] for case in CASES["cases"][name]}
        assert len(CASES["cases"][name]) >= 6
        assert min(days) < DRAFT_SINCE, name
        if instrument.window.until:
            assert max(days) > instrument.window.until in days, name


def test_of_what_lives_in_2026_no_issued_text_is_known() -> None:
    facts = pl.DataFrame([{"enterprise_no": 1, **CASES["base"]}], schema=dict(FACTS), orient="row")
    for day in (date(2025, 6, 30), date(2026, 11, 23)):
        answers = judging.judge(facts, day, parameters=parameters.load)
        assert answers["instrument_id"].to_list() == list(INSTRUMENTS)
    assert answers.filter(pl.col("basis_kind") != DRAFT).is_empty(), (
        "of what is in force in 2026 no issued text is known"
    )


def test_without_any_fact_nothing_is_promised() -> None:
    """Null is unknown: an enterprise of which nothing is known is eligible for nothing."""
    facts = pl.DataFrame([{"enterprise_no": 1}], schema=dict(FACTS), orient="row")
    for day in (date(2025, 6, 30), date(2026, 11, 23)):
        answers = judging.judge(facts, day, parameters=parameters.load)
        assert ELIGIBLE not in answers["answer"].to_list()
