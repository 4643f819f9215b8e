"""Colours: what an enterprise's facts give under the thresholds in force."""

from datetime import date
from typing import Any

import polars as pl
import pytest

from pipelines import parameters as parameter_files
from pipelines.stages.edition import triggers

AS_OF, MONTH = date(2026, 11, 23), date(2026, 10, 1)
SCHEMA = {
    "enterprise_status": pl.String(),
    "deregistered_on": pl.Date(),
    "insured_persons": pl.Int64(),
    "previous_insured_persons": pl.Int64(),
    "last_insured_persons": pl.Int64(),
    "absent_months": pl.Int64(),
    "absent_loss_persons": pl.Int64(),
    "net_loss_persons": pl.Int64(),
    "notice_cut_persons": pl.Int64(),
    "points": pl.Int64(),
    "dimension_count": pl.Int64(),
    "probability": pl.Float64(),
    "expected_loss_persons": pl.Float64(),
}


def judged(**facts: Any) -> tuple[str | None, str | None]:
    row = {"enterprise_status": "存续", "absent_months": 0, **facts}
    limits = triggers.thresholds(parameter_files.load(AS_OF))
    frame = triggers.judge(pl.DataFrame([row], schema=SCHEMA), limits, as_of=AS_OF, reference_month=MONTH)
    return frame["trigger_colour"][0], frame["trigger_code"][0]


def lost(persons: int, before: int, **facts: Any) -> tuple[str | None, str | None]:
    numbers = {"insured_persons": before - persons, "last_insured_persons": before - persons or before}
    return judged(**numbers, previous_insured_persons=before, net_loss_persons=persons, **facts)


@pytest.mark.parametrize(
    ("persons", "before", "expected"),
    [
        (200, 5000, ("红", "loss_persons")),
        (199, 5000, ("橙", "loss_persons")),
        (50, 5000, ("橙", "loss_persons")),
        (49, 5000, ("黄", "loss_persons")),
        (20, 66, ("橙", "loss_ratio")),
        (20, 67, ("黄", "loss_persons")),
        (19, 60, ("黄", "loss_ratio")),
        (20, 5000, ("黄", "loss_persons")),
        (19, 5000, (None, None)),
        (3, 30, ("黄", "loss_ratio")),
        (9, 91, (None, None)),
        (9, 29, (None, None)),
        (0, 40, (None, None)),
    ],
)
def test_a_loss_meets_the_line_of_its_colour_and_no_other(
    persons: int, before: int, expected: tuple[str | None, str | None]
) -> None:
    assert lost(persons, before) == expected


def test_missing_head_counts_trigger_nothing() -> None:
    assert judged(previous_insured_persons=500, last_insured_persons=500) == (None, None)


def test_absence_from_one_month_is_orange_at_most() -> None:
    assert lost(300, 300, absent_months=1) == ("橙", "absent_once")
    assert lost(25, 25, absent_months=1) == ("橙", "absent_once")
    assert lost(19, 190, absent_months=1) == ("黄", "absent_once")


@pytest.mark.parametrize(("staff", "colour"), [(100, "红"), (99, "橙"), (20, "橙"), (19, None)])
def test_two_absent_months_are_a_closure(staff: int, colour: str | None) -> None:
    found = judged(insured_persons=0, previous_insured_persons=0, last_insured_persons=staff, absent_months=2)
    assert found == (colour, "closure_absent" if colour else None)


def test_a_closure_long_past_triggers_nothing() -> None:
    assert judged(insured_persons=0, last_insured_persons=300, absent_months=4) == (None, None)


def test_deregistration_in_the_window_is_a_closure_even_before_the_rows_stop() -> None:
    ended = {"enterprise_status": "注销", "insured_persons": 120, "last_insured_persons": 120}
    assert judged(**ended, deregistered_on=date(2026, 11, 2)) == ("红", "closure_deregistered")
    assert judged(**ended, deregistered_on=date(2026, 7, 31)) == (None, None)
    assert judged(**ended, deregistered_on=date(2026, 12, 1)) == (None, None)


def test_revocation_without_a_date_counts_once_the_rows_stop() -> None:
    revoked = {"enterprise_status": "吊销", "last_insured_persons": 150}
    assert judged(**revoked, insured_persons=150) == (None, None)
    assert judged(**revoked, insured_persons=0, absent_months=1) == ("红", "closure_deregistered")


def test_a_filed_report_is_yellow_and_a_greater_loss_outranks_it() -> None:
    assert judged(notice_cut_persons=12) == ("黄", "notice")
    assert lost(60, 900, notice_cut_persons=12) == ("橙", "loss_persons")


def test_blue_needs_two_dimensions_points_and_size() -> None:
    sign = {"insured_persons": 30, "dimension_count": 2, "points": 10}
    assert judged(**sign) == ("蓝", "reasons")
    for name, value in sign.items():
        assert judged(**{**sign, name: value - 1}) == (None, None)
