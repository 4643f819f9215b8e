"""Labels and measures, on panels small enough to check by hand."""

import numpy as np
import pytest

from models.labels import LABELS, MISSING, outcome
from models.validate import average_precision, measure_list, top

INSURED = np.array([[100, 80, 79], [100, 90, 50], [10, 10, 0], [30, MISSING, MISSING], [0, 5, 5]], dtype=np.int64)


def test_a_fifth_lost_is_an_event_and_less_is_not() -> None:
    known, event, lost = outcome(INSURED, origin=0, horizon=1, label="loss20")
    assert known.tolist() == [True, True, True, False, False]
    assert event.tolist() == [True, False, False, False, False]
    assert lost.tolist() == [20, 10, 0, 0, 0]


def test_the_statutory_line_is_twenty_persons_or_a_tenth() -> None:
    _, event, _ = outcome(INSURED, origin=0, horizon=1, label="statutory")
    assert event.tolist() == [True, True, False, False, False]


def test_an_unmatured_label_is_unknown_not_negative() -> None:
    known, event, _ = outcome(INSURED, origin=1, horizon=3, label="loss20")
    assert not known.any()
    assert not event.any()


@pytest.mark.parametrize("name", sorted(LABELS))
def test_nobody_lost_is_never_an_event(name: str) -> None:
    flat = np.full((3, 2), 5, dtype=np.int64)
    assert not outcome(flat, origin=0, horizon=1, label=name)[1].any()


def test_a_list_is_measured_in_enterprises_and_in_jobs() -> None:
    event, lost = np.array([True, True, False]), np.array([30, 70, 0])
    measure = measure_list(np.array([True, False, True]), event, lost)
    assert (measure.size, measure.precision, measure.jobs_recall) == (2, 0.5, 0.3)


def test_ties_fall_to_the_earlier_row() -> None:
    assert top(np.array([1.0, 2.0, 2.0, 2.0]), 2).tolist() == [False, True, True, False]


def test_average_precision_of_a_perfect_ranking_is_one() -> None:
    assert average_precision(np.array([True, False]), np.array([2.0, 1.0])) == 1.0
