"""Jobs lost together: what must hold for any shock, what an estimate finds again, and bounds that later months keep."""

import math
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from models import shocks
from models.estimators import probability
from models.joint_loss import (
    INDEPENDENT,
    Levels,
    Shock,
    concentration_of,
    distribution,
    estimate,
    known,
    own_log_odds,
    tally,
)

LEVELS = Levels(count=5, single=200)
STRONG = known(0.8, 0.5)
QUANTILES = [LEVELS.column(level) for level in LEVELS.quantiles]


def a_city(
    size: int = 600, *, seed: int = 1, rate: float = 0.05, counties: int = 3, industries: int = 4
) -> pl.DataFrame:
    generator = np.random.default_rng(seed)
    persons = np.clip(np.exp(generator.normal(2.5, 1.3, size)), 1, 900).astype(np.int64)
    return pl.DataFrame(
        {
            "county": [f"县{one}" for one in generator.integers(0, counties, size)],
            "industry": [f"业{one}" for one in generator.integers(0, industries, size)],
            "probability": 1 / (1 + np.exp(-(np.log(rate) + generator.normal(0, 1, size)))),
            "persons": persons,
            "share": generator.uniform(0.2, 0.7, size),
            "large": np.where(persons >= 50, 0.7, 0.3),
        }
    )


def a_past(
    chance: np.ndarray, group: np.ndarray, *, city: float, spread: float, periods: int, seed: int, overlap: int = 1
) -> pl.DataFrame:
    """Enterprises by period with their events, under planted shocks."""
    generator = np.random.default_rng(seed)
    own = own_log_odds(chance, math.hypot(city, spread))
    months = periods + overlap - 1
    shock = city * generator.standard_normal((months, 1)) + spread * generator.standard_normal(
        (months, group.max() + 1)
    )
    parts = []
    for period in range(periods):
        here = shock[period : period + overlap].sum(axis=0)[group] / math.sqrt(overlap)
        event = generator.random(len(chance)) < probability(own + here)
        parts.append(pl.DataFrame({"group": group, "probability": chance, "event": event, "period": period}))
    return pl.concat(parts)


def a_roll(groups: int, each: int, *, rate: float = 0.05) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(9)
    chance = 1 / (1 + np.exp(-(np.log(rate) + generator.normal(0, 0.8, groups * each))))
    return chance, np.repeat(np.arange(groups), each)


@pytest.mark.parametrize("spread", [0.0, 0.3, 1.0, 2.0])
def test_a_shock_leaves_every_probability_as_it_was(spread: float) -> None:
    chance = np.array([1e-4, 0.001, 0.02, 0.3, 0.5, 0.9, 0.999])
    at = np.linspace(-12, 12, 20_001)
    weights = np.exp(-(at**2) / 2)
    mean = probability(own_log_odds(chance, spread)[:, np.newaxis] + spread * at) @ weights / weights.sum()
    assert mean == pytest.approx(chance, rel=1e-8)


def test_drawn_events_and_jobs_keep_their_means_under_a_shock() -> None:
    city = a_city(4000)
    for shock in (INDEPENDENT, STRONG):
        found = distribution(city, shock, levels=LEVELS, draws=6000)
        error = found.draws.std() / math.sqrt(len(found.draws))
        assert abs(found.draws.mean() - found.city["expected_jobs"][0]) < 4 * error
        assert found.city["expected_events"][0] == pytest.approx(city["probability"].sum())


def test_nothing_is_lost_where_nothing_can_happen() -> None:
    still = a_city().with_columns(probability=pl.lit(0.0))
    found = distribution(still, STRONG, levels=LEVELS, draws=300)
    assert found.city.select("expected_jobs", *QUANTILES, "probability_many", "probability_single").row(0) == (0,) * 8
    gone = a_city().with_columns(persons=pl.lit(0))
    assert distribution(gone, STRONG, levels=LEVELS, draws=300).city["jobs_99"][0] == 0


def test_an_empty_portfolio_has_a_city_of_nothing() -> None:
    found = distribution(a_city().clear(), STRONG, levels=LEVELS, draws=100)
    assert (found.groups.height, found.counties.height, found.city["jobs_99"][0]) == (0, 0, 0)
    assert found.groups.columns == distribution(a_city(50), STRONG, levels=LEVELS, draws=100).groups.columns


def test_everyone_certain_to_lose_everyone_loses_everyone() -> None:
    city = a_city(200).with_columns(probability=pl.lit(1.0), share=pl.lit(1.0), large=pl.lit(1.0))
    found = distribution(city, STRONG, levels=LEVELS, draws=100)
    assert set(found.draws) == {city["persons"].sum()}
    assert found.counties["probability_many"].to_list() == [1.0] * 3


def test_raising_a_probability_never_lowers_a_mean() -> None:
    city = a_city()
    before = distribution(city, STRONG, levels=LEVELS, draws=50)
    for place in range(0, city.height, 40):
        raised = city.with_columns(
            probability=pl.when(pl.int_range(pl.len()) == place)
            .then(pl.min_horizontal(pl.lit(1.0), pl.col("probability") * 1.01))
            .otherwise("probability")
        )
        after = distribution(raised, STRONG, levels=LEVELS, draws=50)
        for one, two in ((before.groups, after.groups), (before.counties, after.counties), (before.city, after.city)):
            assert (two["expected_jobs"] >= one["expected_jobs"]).all()
        assert after.city["expected_jobs"][0] > before.city["expected_jobs"][0]


def test_quantiles_rise_and_means_add_up_exactly() -> None:
    found = distribution(a_city(), STRONG, levels=LEVELS, draws=2000)
    for frame in (found.groups, found.counties, found.city):
        quantiles = frame.select(QUANTILES).to_numpy()
        assert (np.diff(quantiles, axis=1) >= 0).all()
        assert (quantiles <= frame["persons"].to_numpy()[:, np.newaxis]).all()
    assert found.city["expected_jobs"][0] == math.fsum(found.groups["expected_jobs"])
    for county in found.counties.iter_rows(named=True):
        own = found.groups.filter(pl.col("county") == county["county"])
        assert county["expected_jobs"] == math.fsum(own["expected_jobs"])
        assert county["enterprises"] == own["enterprises"].sum()


def test_the_order_of_rows_changes_nothing_and_the_seed_does() -> None:
    city = a_city(1500)
    one = distribution(city, STRONG, levels=LEVELS, draws=500, seed=4)
    two = distribution(city.sample(fraction=1, shuffle=True, seed=3), STRONG, levels=LEVELS, draws=500, seed=4)
    for name in ("groups", "counties", "city"):
        assert_frame_equal(getattr(one, name), getattr(two, name), check_exact=True)
    assert (one.draws == two.draws).all()
    assert (one.draws != distribution(city, STRONG, levels=LEVELS, draws=500, seed=5).draws).any()


def test_a_group_is_drawn_the_same_whichever_others_there_are() -> None:
    city = a_city(1500)
    alone = city.filter(pl.col("county") == "县1")
    whole = distribution(city, STRONG, levels=LEVELS, draws=500).groups.filter(pl.col("county") == "县1")
    assert_frame_equal(distribution(alone, STRONG, levels=LEVELS, draws=500).groups, whole, check_exact=True)


def test_a_shock_widens_the_tail_and_gathers_large_events() -> None:
    city = a_city(1500, rate=0.005)
    shared, alone = (distribution(city, shock, levels=LEVELS, draws=4000) for shock in (STRONG, INDEPENDENT))
    assert shared.city["jobs_99"][0] > 1.3 * alone.city["jobs_99"][0]
    assert shared.city["expected_jobs"][0] == alone.city["expected_jobs"][0]
    assert shared.counties["probability_many"].sum() > 1.3 * alone.counties["probability_many"].sum()


def test_counties_share_the_shock_of_an_industry_where_asked() -> None:
    city = a_city(1500, counties=4, industries=1)
    by_industry, by_both = (
        distribution(city, known(0.0, 0.8), levels=LEVELS, draws=3000, shared=shared)
        for shared in (("industry",), ("county", "industry"))
    )
    assert by_industry.draws.std() > 1.5 * by_both.draws.std()
    assert by_industry.counties["jobs_95"].to_numpy() == pytest.approx(by_both.counties["jobs_95"].to_numpy(), rel=0.1)


def test_drawn_in_bins_and_one_by_one_the_distribution_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    city = a_city(2000).with_columns(pl.col("persons").clip(upper_bound=99))
    binned = distribution(city, STRONG, levels=LEVELS, draws=6000)
    monkeypatch.setattr("models.joint_loss.OWN_PERSONS", 1)
    single = distribution(city, STRONG, levels=LEVELS, draws=6000)
    for name in ("jobs_50", "jobs_80", "jobs_95"):
        assert binned.city[name][0] == pytest.approx(single.city[name][0], rel=0.04)
        assert binned.groups[name].to_numpy() == pytest.approx(single.groups[name].to_numpy(), rel=0.2, abs=8)
    assert binned.draws.std() == pytest.approx(single.draws.std(), rel=0.06)
    assert binned.counties["probability_many"].to_numpy() == pytest.approx(
        single.counties["probability_many"].to_numpy(), abs=0.04
    )


def test_independent_chances_are_those_of_the_binomial() -> None:
    size, chance, large = 40, 0.1, 0.5
    city = a_city(size, counties=1, industries=1).with_columns(
        probability=pl.lit(chance), large=pl.lit(large), persons=pl.lit(300), share=pl.lit(1.0)
    )
    found = distribution(city, INDEPENDENT, levels=LEVELS, draws=20_000)
    each = chance * large
    below = sum(math.comb(size, k) * each**k * (1 - each) ** (size - k) for k in range(5))
    assert found.counties["probability_many"][0] == pytest.approx(1 - below, abs=0.008)
    assert found.city["probability_single"][0] == pytest.approx(1 - (1 - chance) ** size, abs=0.006)
    assert found.city["jobs_50"][0] == 1200


def test_a_loss_is_at_least_one_person_and_the_share_of_the_staff_on_average() -> None:
    city = pl.DataFrame(
        {
            "county": "a",
            "industry": "b",
            "probability": 1.0,
            "persons": [1, 2, 50],
            "share": [0.3, 0.1, 0.4],
            "large": 0.0,
        }
    )
    found = distribution(city, INDEPENDENT, levels=LEVELS, draws=4000)
    assert found.city["expected_jobs"][0] == 1 + 1 + 20
    assert found.draws.min() >= 3
    assert found.draws.mean() == pytest.approx(22, abs=0.9)


def test_the_estimate_finds_planted_shocks_again() -> None:
    chance, group = a_roll(40, 25)
    found = [estimate(tally(a_past(chance, group, city=0.5, spread=0.4, periods=36, seed=seed))) for seed in range(3)]
    assert np.mean([one.city for one in found]) == pytest.approx(0.5, abs=0.12)
    assert np.mean([one.group for one in found]) == pytest.approx(0.4, abs=0.08)
    for one in found:
        assert one.is_estimated
        assert one.periods == 36
        assert abs(one.city - 0.5) < 4 * one.city_error
        assert abs(one.group - 0.4) < 4 * one.group_error
        assert math.fsum(weight for _, _, weight in one.nodes) == pytest.approx(1)


def test_the_estimate_finds_no_shock_where_there_is_none() -> None:
    chance, group = a_roll(20, 40)
    found = estimate(tally(a_past(chance, group, city=0.0, spread=0.0, periods=24, seed=2)))
    assert found.city < 0.12
    assert found.group < 0.2


def test_the_likelihood_is_that_of_a_dense_grid() -> None:
    chance, group = a_roll(5, 40)
    cells = shocks._cells(tally(a_past(chance, group, city=0.5, spread=0.4, periods=4, seed=5)))
    at = np.linspace(-7, 7, 281)
    weights = np.exp(-(at**2) / 2) / np.exp(-(at**2) / 2).sum()
    for city, spread, level in ((0.5, 0.4, 0.0), (0.0, 0.3, -0.4), (0.7, 0.0, 0.2)):
        own = cells.log_odds + level
        shock = city * at[:, np.newaxis] + spread * at
        total = 0.0
        for period in range(4):
            given = np.zeros(len(at))
            for cell in np.flatnonzero(cells.period == period):
                rows = cells.cell == cell
                each = zip(own[rows], cells.enterprises[rows], cells.events[rows], strict=True)
                log = sum(event * (x + shock) - size * np.log1p(np.exp(x + shock)) for x, size, event in each)
                given += np.log(np.exp(log) @ weights)
            total += float(np.log(np.exp(given) @ weights))
        assert shocks.log_likelihood(cells, city, spread, level)[0] == pytest.approx(total, abs=0.02)


def test_the_estimate_is_the_same_in_any_order_of_rows() -> None:
    chance, group = a_roll(6, 40, rate=0.1)
    past = a_past(chance, group, city=0.4, spread=0.3, periods=12, seed=3)
    assert estimate(tally(past)) == estimate(tally(past.sample(fraction=1, shuffle=True, seed=8)).reverse())


def test_a_level_that_was_wrong_is_told_apart_from_the_shocks() -> None:
    chance, group = a_roll(12, 60, rate=0.08)
    past = a_past(chance, group, city=0.4, spread=0.3, periods=24, seed=12)
    right = estimate(tally(past))
    odds = pl.col("probability") / (1 - pl.col("probability")) * math.exp(-0.5)
    wrong = estimate(tally(past.with_columns(probability=odds / (1 + odds))))
    assert abs(right.level) < 3 * right.level_error
    assert wrong.level - right.level == pytest.approx(0.5, abs=0.05)
    assert wrong.city == pytest.approx(right.city, abs=0.03)
    assert wrong.group == pytest.approx(right.group, abs=0.03)


def test_overlapping_windows_count_for_their_share() -> None:
    chance, group = a_roll(6, 40, rate=0.1)
    past = tally(a_past(chance, group, city=0.4, spread=0.3, periods=36, seed=6, overlap=3))
    found, naive = estimate(past, overlap=3), estimate(past)
    assert found.periods == 12
    assert found.city_error > 1.3 * naive.city_error


@pytest.mark.parametrize(("periods", "rate"), [(11, 0.1), (12, 0.0001)])
def test_too_short_a_past_gives_the_default_and_says_so(periods: int, rate: float) -> None:
    chance, group = a_roll(6, 40, rate=rate)
    found = estimate(tally(a_past(chance, group, city=0.4, spread=0.3, periods=periods, seed=6)))
    assert (found.city, found.group, found.is_estimated) == (shocks.DEFAULT_CITY, shocks.DEFAULT_GROUP, False)
    assert math.fsum(weight for _, _, weight in found.nodes) == pytest.approx(1)
    assert found.city_error > 0


def test_what_the_estimate_leaves_open_widens_the_bound() -> None:
    shock = Shock(0.5, 0.3, 0.25, 0.0, 12.0, 500, True, ((0.2, 0.3, 0.3), (0.5, 0.3, 0.4), (1.1, 0.3, 0.3)))
    left_open, certain = (distribution(a_city(), one, levels=LEVELS, draws=4000) for one in (shock, shock.certain))
    assert left_open.city["jobs_99"][0] > certain.city["jobs_99"][0]
    assert certain.city.equals(distribution(a_city(), known(0.5, 0.3), levels=LEVELS, draws=4000).city)


def test_the_bound_covers_later_months_and_the_independent_one_does_not() -> None:
    portfolio = a_city(900, counties=3, industries=3, rate=0.08).with_columns(pl.col("persons").clip(upper_bound=60))
    group = portfolio.select(pl.struct("county", "industry").rank("dense").cast(pl.Int64) - 1).to_series().to_numpy()
    chance = portfolio["probability"].to_numpy()
    truth = known(0.6, 0.3)
    later = distribution(portfolio, truth, levels=LEVELS, draws=2000, seed=99).draws
    covers = []
    for seed in range(3):
        past = a_past(chance, group, city=truth.city, spread=truth.group, periods=24, seed=seed)
        bound = distribution(portfolio, estimate(tally(past)), levels=LEVELS, draws=2000).city["jobs_95"][0]
        covers.append((later <= bound).mean())
    alone = distribution(portfolio, INDEPENDENT, levels=LEVELS, draws=2000).city["jobs_95"][0]
    assert 0.91 <= np.mean(covers) <= 0.985
    assert (later <= alone).mean() < 0.88


def test_concentration_is_learned_from_past_losses() -> None:
    generator = np.random.default_rng(3)
    persons, share = generator.integers(5, 300, 6000), generator.uniform(0.2, 0.7, 6000)
    for planted in (1.5, 8.0):
        mean = np.clip((share * persons - 1) / (persons - 1), 0, 1)
        lost = 1 + generator.binomial(persons - 1, generator.beta(mean * planted, (1 - mean) * planted))
        assert concentration_of(lost, persons, share) == pytest.approx(planted, rel=0.12)
    assert concentration_of(np.round(share * persons).astype(np.int64), persons, share) == 200.0
    nobody = np.empty(0, np.int64)
    assert concentration_of(nobody, nobody, np.empty(0)) == 3.0


@pytest.mark.parametrize(
    "wrong",
    [
        {"probability": 1.2},
        {"probability": None},
        {"share": float("nan")},
        {"large": -0.1},
        {"persons": -1},
        {"concentration": 0.0},
        {"county": None},
    ],
)
def test_a_value_that_cannot_be_is_refused(wrong: dict[str, float | None]) -> None:
    city = a_city(20).with_columns(**{name: pl.lit(value) for name, value in wrong.items()})
    with pytest.raises(ValueError, match="20 enterprises with a value out of range"):
        distribution(city, STRONG, levels=LEVELS, draws=10)


def test_wrong_levels_draws_shocks_and_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="levels are"):
        Levels(count=0, single=200)
    with pytest.raises(ValueError, match="levels are"):
        replace(LEVELS, quantiles=(0.9, 0.5))
    with pytest.raises(ValueError, match="draws are"):
        distribution(a_city(20), STRONG, levels=LEVELS, draws=0)
    with pytest.raises(ValueError, match="draws are"):
        distribution(a_city(20), STRONG, levels=LEVELS, shared=("name",))
    with pytest.raises(ValueError, match="standard deviations are"):
        known(-0.1, 0.2)
    history = pl.DataFrame({"period": [1], "group": ["a"], "probability": [0.1], "enterprises": [3], "events": [4]})
    with pytest.raises(ValueError, match="1 bins with more events"):
        estimate(history)
    with pytest.raises(ValueError, match="1 bins with more events"):
        estimate(history.with_columns(events=1, probability=pl.lit(None, dtype=pl.Float64)))
    with pytest.raises(ValueError, match="overlap is"):
        estimate(history, overlap=0)
