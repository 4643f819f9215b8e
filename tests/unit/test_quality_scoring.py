"""Points of feeds and departments: whole numbers, known only where something tells, the same for the same data."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from gate_house import House, open_house
from ingest_files import INSURANCE, insurance_row, text
from runs import run_of

from pipelines import parameters as parameter_files
from pipelines.stages import core, gate, ingest
from pipelines.stages.gate import drifting, scoring
from pipelines.warehouse import Warehouse

RULES = scoring.rates(parameter_files.load(date(2026, 11, 12)))
FACT: dict[str, Any] = {
    "row_count": 1000,
    "quarantined_count": 0,
    "refused_count": 0,
    "due_row_count": 1000,
    "expected_row_count": 1000,
    "is_outstanding": False,
}


@pytest.mark.parametrize(
    ("due", "came", "late"),
    [
        (datetime(2026, 11, 6), datetime(2026, 11, 5, 9), 0),
        (datetime(2026, 11, 6), datetime(2026, 11, 6, 23, 59), 0),
        (datetime(2026, 11, 6), datetime(2026, 11, 7), 1),
        (datetime(2026, 11, 6), datetime(2026, 12, 6), 30),
        (None, datetime(2026, 12, 6), None),
        (datetime(2026, 11, 6), None, None),
    ],
)
def test_the_day_on_which_a_delivery_is_due_is_in_time(
    due: datetime | None, came: datetime | None, late: int | None
) -> None:
    assert scoring.days_late(due, came) == late


def test_points_for_time_fall_by_day_and_what_has_not_come_has_none() -> None:
    assert [scoring.timeliness(n, is_outstanding=False, rules=RULES) for n in (0, 1, 19, 20, 400)] == [100, 95, 5, 0, 0]
    assert scoring.timeliness(None, is_outstanding=True, rules=RULES) == 0
    assert scoring.timeliness(None, is_outstanding=False, rules=RULES) is None


@pytest.mark.parametrize(
    ("changed", "completeness", "stability"),
    [
        ({}, 100, 100),
        ({"due_row_count": 950}, 95, 100),
        ({"due_row_count": 899}, 89, 100),
        ({"due_row_count": 800}, 80, 80),
        ({"due_row_count": 1300}, 100, 60),
        ({"due_row_count": 0}, 0, 0),
        ({"due_row_count": None}, None, None),
        ({"expected_row_count": None}, None, None),
        ({"expected_row_count": 49, "due_row_count": 10}, None, None),
        ({"is_outstanding": True, "due_row_count": None}, 0, None),
    ],
)
def test_rows_are_held_against_the_median(
    changed: dict[str, Any], completeness: int | None, stability: int | None
) -> None:
    fact = FACT | changed
    assert (scoring.completeness(fact, RULES), scoring.stability(fact, RULES)) == (completeness, stability)


@pytest.mark.parametrize(
    ("rows", "held", "refused", "points"),
    [
        (1000, 0, 0, 100),
        (990, 10, 0, 95),
        (999, 1, 0, 99),
        (800, 200, 0, 0),
        (1000, 0, 2, 60),
        (0, 0, 1, 80),
        (0, 0, 0, None),
    ],
)
def test_quarantine_and_refusals_cost_points(rows: int, held: int, refused: int, points: int | None) -> None:
    fact = FACT | {"row_count": rows, "quarantined_count": held, "refused_count": refused}
    assert scoring.validity(fact, RULES) == points


def test_answers_are_the_share_that_came_again() -> None:
    assert [scoring.answer(*pair) for pair in ((4, 1), (4, 0), (4, 4), (0, 0))] == [75, 100, 0, None]


def test_what_nothing_tells_weighs_nothing() -> None:
    points = dict.fromkeys(scoring.DIMENSIONS)
    assert scoring.total(points, RULES.weights) is None
    assert scoring.total(points | {"timeliness_points": 90}, RULES.weights) == 90
    assert scoring.total(points | {"timeliness_points": 90, "validity_points": 100}, RULES.weights) == 95
    assert scoring.mean([(1, 1), (2, 1)]) == 2


def test_a_department_is_the_mean_of_its_feeds_and_required_ones_weigh_more() -> None:
    month = date(2026, 10, 1)

    def feed(name: str, total: int | None, late: int | None = None) -> dict[str, Any]:
        own = dict.fromkeys(scoring.DIMENSIONS) | {"timeliness_points": late, "quality_points": total}
        return {"feed": name, "owner": "某局", "quality_month": month, "is_month_over": True, **own}

    rows = [feed("a", 100, 100), feed("b", 70, 40), feed("c", 40), feed("d", None)]
    (found,) = scoring.departments(rows, {"a"}, RULES)
    assert (found["feed_count"], found["quality_points"], found["timeliness_points"]) == (3, 78, 80)
    assert found["validity_points"] is None


@contextmanager
def judged(house: House, cutoff: datetime) -> Iterator[Warehouse]:
    run = replace(
        run_of(cutoff.date(), through=house.ledger.last_seq(), home=house.home, contracts=house.contracts),
        cutoff=cutoff,
    )
    warehouse = Warehouse(None, contracts=house.contracts, threads=1)
    try:
        ingest.run(run, warehouse, house.ledger)
        core.run(run, warehouse)
        gate._feeds(run, warehouse)
        drifting.store(run, warehouse)
        scoring.store(run, warehouse)
        yield warehouse
    finally:
        warehouse.close()


@pytest.fixture
def house(tmp_path: Path) -> House:
    return open_house(tmp_path)


def reviewed(warehouse: Warehouse, month: date) -> dict[str, Any]:
    query = "SELECT * FROM gate.feed_quality WHERE feed = 'insurance_month' AND quality_month = $month"
    (row,) = warehouse.frame(query, month=month).to_dicts()
    return row


def test_a_month_is_reviewed_when_it_was_due(house: House) -> None:
    """The house is founded on 2025-04-06, when the March that is due by the 6th comes in time; April comes late."""
    house.insurance("三月.csv", bad=4)
    house.insurance("四月.csv", months=("202504",), days=33)
    with judged(house, datetime(2025, 5, 8)) as warehouse:
        march, april = reviewed(warehouse, date(2025, 4, 1)), reviewed(warehouse, date(2025, 5, 1))
    assert (march["due_month"], march["days_late"], march["is_month_over"]) == (date(2025, 3, 1), 0, True)
    assert (march["row_count"], march["quarantined_count"], march["validity_points"]) == (36, 4, 50)
    assert (march["asked_count"], march["open_count"], march["answer_points"]) == (4, 4, 0)
    assert (april["due_month"], april["is_outstanding"], april["timeliness_points"]) == (date(2025, 4, 1), True, 0)
    with judged(house, datetime(2025, 5, 10)) as warehouse:
        april = reviewed(warehouse, date(2025, 5, 1))
    assert (april["days_late"], april["timeliness_points"], april["is_month_over"]) == (3, 85, False)


def test_rows_that_come_again_in_good_order_are_an_answer_and_a_replay_does_not_know_it(house: House) -> None:
    house.insurance("三月.csv", bad=4)
    again = [insurance_row(n) for n in range(3)]
    house.take("insurance_month", "三月补.csv", text([INSURANCE, *again]), days=20)
    with judged(house, datetime(2025, 4, 25)) as warehouse:
        before = reviewed(warehouse, date(2025, 4, 1))
    assert (before["asked_count"], before["open_count"], before["answer_points"]) == (4, 4, 0)
    with judged(house, datetime(2025, 4, 27)) as warehouse:
        after = reviewed(warehouse, date(2025, 4, 1))
    assert (after["asked_count"], after["open_count"], after["answer_points"]) == (4, 1, 75)
    with judged(house, datetime(2025, 4, 15)) as warehouse:
        young = reviewed(warehouse, date(2025, 4, 1))
    assert (young["asked_count"], young["answer_points"]) == (0, None)


def test_a_history_in_bulk_says_nothing_about_who_was_late(house: House) -> None:
    house.insurance("补录.csv", months=("202411", "202412", "202501"), days=1, dated="lag")
    with judged(house, datetime(2025, 4, 10)) as warehouse:
        row = reviewed(warehouse, date(2025, 1, 1))
    assert (row["due_month"], row["timeliness_points"], row["validity_points"]) == (date(2024, 12, 1), None, 100)
    assert row["is_outstanding"] is False


def test_a_month_sent_again_is_not_more_of_it(house: House) -> None:
    house.insurance("三月.csv")
    house.insurance("三月再报.csv", days=1, units=39)
    with judged(house, datetime(2025, 4, 10)) as warehouse:
        rows = warehouse.rows("SELECT month, row_count FROM gate.feed_month WHERE feed = 'insurance_month'")
    assert rows == [(date(2025, 3, 1), 40)]


def test_a_column_in_another_unit_shows_as_drift(tmp_path: Path) -> None:
    house = open_house(tmp_path)

    def send(month: str, wage: int) -> None:
        rows = [insurance_row(n, month, **{"缴费基数总额": str(wage * (n % 17 + 1))}) for n in range(60)]
        house.take("insurance_month", f"{month}.csv", text([INSURANCE, *rows]), dated="lag", days=int(month[3]))

    send("202403", 5000)
    send("202503", 5_000_000)
    with judged(house, datetime(2025, 5, 10)) as warehouse:
        found = warehouse.frame("SELECT * FROM gate.feed_drift ORDER BY column_name")
    drifted = found.filter(pl.col("is_drifted"))
    assert drifted["column_name"].to_list() == ["base_fen"]
    row = drifted.to_dicts()[0]
    assert (row["month"], row["compared_month"]) == (date(2025, 3, 1), date(2024, 3, 1))
    assert (row["median_before"], row["median_now"]) == (4_000_000, 4_000_000_000)
    assert (row["row_count"], row["compared_row_count"], row["missing_now_ratio"]) == (60, 60, 0.0)
