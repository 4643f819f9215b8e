"""How far an enterprise is from an event, in the persons that make one."""

from fractions import Fraction
from math import ceil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import needs
from models.labels import Label

FIFTH = Label("loss20", "", share_pct=20)
STATUTORY = Label("statutory", "", share_pct=10, persons=20)
LISTED = Label("listed", "", share_pct=10, persons=20, share_base_minimum=30)
UNKNOWN = -1


@given(base=st.integers(1, 5000), label=st.sampled_from([FIFTH, STATUTORY, LISTED]))
def test_needed_is_the_smallest_loss_that_is_an_event(base: int, label: Label) -> None:
    bases = np.array([base])
    need = int(needs.needed(label, bases)[0])
    if need <= base:
        assert label.event(bases, np.array([need]))[0]
    assert not label.event(bases, np.array([need - 1]))[0]


def test_a_fifth_of_eleven_is_three_persons() -> None:
    assert needs.needed(FIFTH, np.array([10, 11, 15, 16])).tolist() == [2, 3, 3, 4]
    for base in range(1, 60):
        assert needs.needed(FIFTH, np.array([base]))[0] == ceil(Fraction(base, 5))


def found(levels: list[list[int]], horizon: int = 3) -> dict[str, np.ndarray]:
    return needs.features(np.array(levels, dtype=np.int64), label=FIFTH, horizon=horizon)


def test_moves_are_told_in_persons_needed() -> None:
    values = found([[20, 20, 16, 12, 10]])
    assert values["needed_ratio"][0] == 0.2
    assert values["above_1m_needs"][0] == (10 - 12) / 2
    assert values["below_highest_needs"][0] == 5
    assert values["above_lowest_needs"][0] == 0
    assert values["fall_mean_needs"][0] == pytest.approx((0 + 4 + 4 + 2) / 4 / 2)
    assert values["history_months"][0] == 5
    # windows of three months: 20 → 12 lost 8 of 4 needed, 20 → 10 lost 10 of 4
    assert values["window_worst_needs"][0] == 2.5
    assert values["window_event_ratio"][0] == 1.0


def test_what_is_unknown_stays_missing_and_is_never_zero() -> None:
    values = found([[UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, 30]])
    assert values["history_months"][0] == 1
    for name in ("above_1m_needs", "move_mean_needs", "window_worst_needs", "window_event_ratio"):
        assert np.isnan(values[name][0]), name
    assert values["needed_ratio"][0] == 0.2


def test_a_panel_shorter_than_the_horizon_has_all_features() -> None:
    assert set(found([[30, 30]])) == set(needs.SIGNS)
    assert np.isnan(found([[30, 30]])["window_mean_needs"][0])


def test_the_bits_of_an_enterprise_do_not_depend_on_the_others() -> None:
    levels = np.random.default_rng(1).integers(-1, 60, (50, 12))
    levels[:, -1] = np.maximum(levels[:, -1], 1)
    together = needs.features(levels, label=FIFTH, horizon=3)
    for row in (0, 17, 49):
        alone = needs.features(levels[row : row + 1], label=FIFTH, horizon=3)
        for name, values in together.items():
            np.testing.assert_array_equal(values[row : row + 1], alone[name])
