"""The jump at a cut: a planted one is found as often as its interval says, and none is found where there is none."""

import numpy as np
import pytest

from models import discontinuity
from models.discontinuity import FEWEST_ROWS, Floats, Sample

CAPACITIES = (14, 6, 6, 8, 8, 4, 4)
MONTHS, FIRMS, PANELS = 10, 60, 300
EFFECT = -0.05


def panel(seed: int, effect: float, *, listed: float = 1.0, left_out: float = 0.0) -> tuple[Sample, Floats]:
    """Counties × months in which as many are left out as fit; firms come again, places repeat, losses bend.

    Shares ``listed`` and ``left_out`` of the two sides are treated; the second array says who was.
    """
    rng = np.random.default_rng(seed)
    firms, places, outcomes, clusters, treated = rng.normal(0, 0.05, (len(CAPACITIES), FIRMS)), [], [], [], []
    for county, capacity in enumerate(CAPACITIES):
        for _ in range(MONTHS):
            taken = int(rng.integers(max(1, capacity // 2), capacity + 1))
            place = np.concatenate([(np.arange(taken) + 0.5), -(np.arange(capacity) + 0.5)]) / capacity
            who = rng.permutation(FIRMS)[: len(place)]
            got = rng.random(len(place)) < np.where(place > 0, listed, left_out)
            noise = firms[county, who] + rng.normal(0, 0.02) + rng.normal(0, 0.08, len(place))
            places.append(place)
            outcomes.append(0.1 + 0.06 * place + 0.05 * place**2 + noise + effect * got)
            clusters.append(county * FIRMS + who)
            treated.append(got.astype(np.float64))
    sample = Sample(np.concatenate(places), np.concatenate(outcomes), np.concatenate(clusters))
    return sample, np.concatenate(treated)


def test_the_interval_holds_a_planted_effect_about_as_often_as_it_says() -> None:
    found = [discontinuity.sharp(panel(seed, EFFECT)[0]) for seed in range(PANELS)]
    held = [jump is not None and jump.low <= EFFECT <= jump.high for jump in found]
    assert 0.90 <= np.mean(held) <= 0.99
    estimates = np.array([jump.estimate for jump in found if jump is not None])
    assert estimates.mean() == pytest.approx(EFFECT, abs=0.003)
    errors = np.array([jump.error for jump in found if jump is not None])
    assert errors.mean() == pytest.approx(estimates.std(), rel=0.15)


def test_the_interval_holds_the_effect_also_where_losses_bend_at_the_cut() -> None:
    held = []
    for seed in range(PANELS // 2):
        sample, _ = panel(seed, EFFECT)
        jump = discontinuity.sharp(sample.of(sample.outcome + 0.4 * np.maximum(sample.running, 0) ** 1.5))
        held.append(jump is not None and jump.low <= EFFECT <= jump.high)
    assert 0.90 <= np.mean(held) <= 0.99


def test_where_there_is_no_effect_few_are_found_at_the_cut_and_beside_it() -> None:
    samples = [panel(seed, 0.0)[0] for seed in range(PANELS)]
    at_cut = [discontinuity.sharp(sample) for sample in samples]
    beside = [discontinuity.placebo(sample, at=-0.5) for sample in samples]
    for found in (at_cut, beside):
        p_values = np.array([jump.p_value for jump in found if jump is not None])
        assert len(p_values) == PANELS
        assert 0.02 <= (p_values < 0.05).mean() <= 0.09


def test_a_placebo_cut_does_not_see_the_true_one() -> None:
    found = [discontinuity.placebo(panel(seed, -0.5)[0], at=at) for seed in range(20) for at in (-0.5, 0.4)]
    estimates = [jump.estimate for jump in found if jump is not None]
    assert len(estimates) == 40
    assert np.mean(estimates) == pytest.approx(0, abs=0.02)


def test_the_ratio_is_the_jump_over_the_jump_in_who_was_treated() -> None:
    sample, treated = panel(1, EFFECT, listed=0.8, left_out=0.1)
    jump, first = discontinuity.sharp(sample), None
    assert jump is not None
    first = discontinuity.sharp(sample.of(treated), width=jump.width)
    ratio = discontinuity.fuzzy(sample, treated)
    assert first is not None and ratio is not None
    assert ratio.estimate == pytest.approx(jump.estimate / first.estimate, rel=1e-12)
    assert ratio.corrected == pytest.approx(jump.corrected / first.corrected, rel=1e-12)
    assert ratio.width == jump.width


def test_the_ratio_is_the_jump_itself_where_exactly_the_listed_were_treated() -> None:
    sample, treated = panel(1, EFFECT)
    ratio, jump = discontinuity.fuzzy(sample, treated), discontinuity.sharp(sample)
    assert ratio is not None and jump is not None
    assert (ratio.estimate, ratio.error) == (pytest.approx(jump.estimate), pytest.approx(jump.error))
    assert (ratio.low, ratio.high) == (pytest.approx(jump.low), pytest.approx(jump.high))


def test_the_interval_of_the_ratio_holds_the_effect_of_treatment() -> None:
    held = []
    for seed in range(PANELS // 2):
        sample, treated = panel(seed, EFFECT, listed=0.8, left_out=0.1)
        ratio = discontinuity.fuzzy(sample, treated)
        held.append(ratio is not None and ratio.low <= EFFECT <= ratio.high)
    assert 0.90 <= np.mean(held) <= 0.99


def test_no_ratio_is_told_where_the_cut_moves_nobody() -> None:
    sample, treated = panel(1, EFFECT, listed=0.5, left_out=0.5)
    assert discontinuity.fuzzy(sample, treated) is None


def test_too_few_rows_on_either_side_are_unknown_and_no_number() -> None:
    sample, treated = panel(1, EFFECT)
    for sign in (-1, 1):
        kept = np.flatnonzero(sample.running * sign > 0)[: FEWEST_ROWS - 1]
        few = sample.where((sample.running * sign < 0) | np.isin(np.arange(len(treated)), kept))
        assert discontinuity.bandwidth(few) is None
        assert discontinuity.sharp(few) is None
        assert discontinuity.fuzzy(few, treated[: len(few.running)]) is None
        assert discontinuity.density(few.running) is None
    assert discontinuity.sharp(sample, width=0.1) is None


@pytest.mark.parametrize("what", ["one cluster", "one place"])
def test_many_rows_of_few_enterprises_or_places_are_too_few(what: str) -> None:
    sample, _ = panel(1, EFFECT)
    same = np.ones_like(sample.clusters)
    one = Sample(sample.running, sample.outcome, same)
    if what == "one place":
        one = Sample(np.sign(sample.running), sample.outcome, sample.clusters)
    assert discontinuity.sharp(one) is None


def test_nothing_at_all_is_unknown() -> None:
    nothing = Sample(np.zeros(0), np.zeros(0), np.zeros(0, dtype=np.int64))
    assert discontinuity.sharp(nothing) is None
    assert discontinuity.density(nothing.running) is None
    assert discontinuity.placebo(nothing, at=-0.5) is None


def test_an_outcome_without_noise_jumps_by_what_it_jumps() -> None:
    sample, treated = panel(1, 0.0)
    flat = discontinuity.sharp(sample.of(np.zeros_like(treated)))
    step = discontinuity.sharp(sample.of(2.0 * treated))
    assert flat is not None and step is not None
    assert (flat.estimate, flat.p_value) == (pytest.approx(0), 1.0)
    assert step.estimate == pytest.approx(2) and step.low == pytest.approx(2) and step.p_value < 1e-6


def test_errors_grow_where_rows_of_an_enterprise_hang_together() -> None:
    sample, _ = panel(3, 0.0)
    doubled = Sample(*(np.concatenate([part, part]) for part in (sample.running, sample.outcome, sample.clusters)))
    apart = Sample(doubled.running, doubled.outcome, np.arange(len(doubled.running)))
    together, alone = discontinuity.sharp(doubled, width=0.6), discontinuity.sharp(apart, width=0.6)
    assert together is not None and alone is not None
    assert together.error > 1.2 * alone.error


def test_a_covariate_that_differs_at_the_cut_is_seen_and_one_that_does_not_is_not() -> None:
    sample, treated = panel(1, 0.0)
    rng = np.random.default_rng(5)
    smooth = sample.running + rng.normal(0, 0.3, len(treated))
    smooth[::7] = np.nan
    found = discontinuity.balance(sample, {"smooth": smooth, "jumps": smooth + 0.5 * treated})
    assert found["smooth"] is not None and found["jumps"] is not None
    assert found["smooth"].p_value > 0.05 > found["jumps"].p_value
    assert found["smooth"].below + found["smooth"].above < np.isfinite(smooth).sum() + 1


def test_the_width_grows_with_noise_and_keeps_to_the_places_there_are() -> None:
    sample, _ = panel(1, 0.0)
    rng = np.random.default_rng(5)
    bent = np.sin(6 * sample.running)
    quiet = discontinuity.bandwidth(sample.of(bent + rng.normal(0, 0.01, len(bent))))
    loud = discontinuity.bandwidth(sample.of(bent + rng.normal(0, 1.0, len(bent))))
    assert quiet is not None and loud is not None
    assert quiet < loud <= np.nextafter(np.abs(sample.running).max(), np.inf)
    assert len(np.unique(sample.running[np.abs(sample.running) < quiet])) >= 2 * discontinuity.FEWEST_VALUES


def test_places_that_were_moved_over_the_cut_show_in_the_density() -> None:
    seen, alarms = [], []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        places = rng.normal(-0.5, 1, 1500)
        over = (places < 0) & (places > -0.2) & (rng.random(1500) < 0.4)
        for wanted, running in ((alarms, places), (seen, np.where(over, -places, places))):
            jump = discontinuity.density(running)
            assert jump is not None
            wanted.append(jump.p_value < 0.05)
    assert np.mean(seen) > 0.95
    assert np.mean(alarms) < 0.12
