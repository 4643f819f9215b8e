"""Labels and measures, on panels small enough to check by hand."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from models import labels
from models.labels import MISSING, Label, Outcome, labels_of, outcome
from models.validate import (
    average_precision,
    bootstrap,
    by_group,
    lead_months,
    measure_list,
    measures,
    reliability,
    top,
)
from pipelines import parameters as parameter_files

LABELS = labels_of(parameter_files.load(date(2026, 1, 1))["labels"])
INSURED = np.array([[100, 80, 79], [100, 90, 50], [10, 10, 0], [30, MISSING, MISSING], [0, 5, 5]], dtype=np.int64)


def after_one(label: str, **more: np.ndarray) -> Outcome:
    return outcome(INSURED, origin=0, horizon=1, label=LABELS[label], **more)


def test_a_fifth_lost_is_an_event_and_less_is_not() -> None:
    found = after_one("loss20")
    assert found.known.tolist() == [True, True, True, False, False]
    assert found.event.tolist() == [True, False, False, False, False]
    assert found.lost.tolist() == [20, 10, 0, 0, 0]


def test_the_statutory_line_is_twenty_persons_or_a_tenth() -> None:
    assert after_one("statutory").event.tolist() == [True, True, False, False, False]


def test_in_lists_the_tenth_asks_for_thirty_persons_before() -> None:
    base, lost = np.array([29, 30, 29]), np.array([3, 3, 20])
    assert LABELS["statutory"].event(base, lost).tolist() == [True, True, True]
    assert LABELS["listed"].event(base, lost).tolist() == [False, True, True]


def test_an_unmatured_label_is_unknown_not_negative() -> None:
    found = outcome(INSURED, origin=1, horizon=3, label=LABELS["loss20"])
    assert not found.known.any()
    assert not found.event.any()


def test_what_spans_a_broken_month_is_unknown() -> None:
    broken = np.array([False, True, False])
    assert not after_one("loss20", broken=broken).known.any()
    assert outcome(INSURED, origin=1, horizon=1, label=LABELS["loss20"], broken=broken).known.any()


def test_persons_who_moved_with_a_transfer_are_not_lost() -> None:
    moved = np.array([[0, 1, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0]])
    found = after_one("loss20", moved=moved)
    assert found.lost.tolist() == [19, 10, 0, 0, 0]
    assert not found.event.any()


def test_claims_make_a_burst_and_without_them_it_is_unknown() -> None:
    claims = np.array([[0, 10, 0], [0, 9, 0], [0, MISSING, 0], [0, 0, 0], [0, 0, 0]])
    found = after_one("claims_burst", claims=claims)
    assert found.known.tolist() == [True, True, False, True, False]
    assert found.event.tolist() == [True, False, False, False, False]
    assert not after_one("claims_burst").known.any()


@pytest.mark.parametrize("name", sorted(LABELS))
def test_nobody_lost_is_never_an_event(name: str) -> None:
    flat = np.full((3, 2), 5, dtype=np.int64)
    none = np.zeros_like(flat)
    assert not outcome(flat, origin=0, horizon=1, label=LABELS[name], claims=none).event.any()


def test_a_label_has_one_definition() -> None:
    entry = {"name": "a", "meaning": "b", "share_pct": 1}
    assert labels_of([entry]) == {"a": Label("a", "b", 1)}
    with pytest.raises(ValueError, match="twice"):
        labels_of([entry, entry])


def test_a_training_panel_holds_every_label_and_horizon() -> None:
    frame = labels.columns(INSURED, origin=0, horizons=[1, 2], labels=LABELS.values())
    assert frame["loss20_2m_event"].to_list() == [True, True, True, False, False]
    assert frame["lost_2m_persons"].to_list() == [21, 50, 10, None, None]
    assert {f"{name}_{horizon}m_known" for name in LABELS for horizon in (1, 2)} < set(frame.columns)


def test_a_list_is_measured_in_enterprises_and_in_jobs() -> None:
    event, lost = np.array([True, True, False]), np.array([30, 70, 0])
    measure = measure_list(np.array([True, False, True]), event, lost)
    assert (measure.size, measure.precision, measure.jobs_recall) == (2, 0.5, 0.3)


def test_ties_fall_to_the_earlier_row() -> None:
    assert top(np.array([1.0, 2.0, 2.0, 2.0]), 2).tolist() == [False, True, True, False]


def test_average_precision_of_a_perfect_ranking_is_one() -> None:
    assert average_precision(np.array([True, False]), np.array([2.0, 1.0])) == 1.0


def test_the_base_rate_as_probability_has_no_skill_and_no_lift() -> None:
    event = np.array([True, False] * 20)
    found = measures(event, event * 5, np.full(40, 0.5), capacity=40)
    assert (found.base_rate, found.brier_skill, found.lift, found.auc) == (0.5, 0.0, 1.0, 0.5)


def test_reliability_sets_the_mean_probability_against_what_happened() -> None:
    event = np.array([False, False, True, True])
    table = reliability(event, np.array([0.1, 0.2, 0.8, 0.9]), pl.Series(["a"] * 4), bins=2)
    assert table.rows() == [("a", 0, 2, 0, pytest.approx(0.15), 0.0), ("a", 1, 2, 2, pytest.approx(0.85), 1.0)]


def test_each_group_has_its_own_share_of_the_capacity() -> None:
    event, score = np.array([True, False, True, False]), np.array([0.9, 0.1, 0.2, 0.8])
    found = by_group(event, np.ones(4, dtype=np.int64), score, pl.Series(["a", "a", "b", None]), capacity_share=0.5)
    assert {name: one.listed.precision for name, one in found.items()} == {"": 0.0, "a": 1.0, "b": 1.0}


def test_lead_is_counted_from_the_first_listing_and_a_late_one_is_none() -> None:
    listed = {5: np.array([True, False, False, True]), 7: np.array([True, True, False, False])}
    assert lead_months(listed, np.array([8, 6, 9, -1])).tolist() == [3, -1, -1, -1]


def test_a_resample_keeps_the_rows_of_an_enterprise_together() -> None:
    number = np.repeat(np.arange(30), 3)
    sizes: set[int] = set()

    def whole(rows: np.ndarray) -> float:
        counts = np.unique(number[rows], return_counts=True)[1]
        sizes.update((counts % 3).tolist())
        return float(rows.mean())

    found = bootstrap(number, whole, resamples=40)
    assert sizes == {0}
    assert found.low < found.value < found.high
    assert found == bootstrap(number, whole, resamples=40)
