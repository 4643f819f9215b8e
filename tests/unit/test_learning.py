"""What is fitted: splits, seasonal carry-over, estimators, calibration, severity, and the choice between variants."""

from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest
from learning_panel import DESIGN, FIRST, SETTINGS, TASK, training_panel

from models import baselines, calibrate, seasonal, splits, train
from models.estimators import Blend, Constant, Design, Linear, Trees, fit_linear, fit_trees, probability
from models.severity import fit_severity
from models.validate import auc
from models.variants import VARIANTS, Judged, Variant, choose
from pipelines.run import add_months

MONTHS = [add_months(FIRST, step) for step in range(12)]


def fitted(panel: pl.DataFrame, variant: Variant, design: Design = DESIGN) -> train.Model:
    rows = TASK.rows(panel, minimum=SETTINGS.training_minimum)
    return train.fit_variant(rows, variant, task=TASK, design=design, settings=SETTINGS)


@pytest.mark.parametrize("horizon", [1, 3, 6])
def test_no_outcome_teaches_before_it_had_matured(horizon: int) -> None:
    found = splits.rolling(MONTHS, horizon=horizon, windows=4)
    assert [split.test for split in found] == MONTHS[-4:]
    assert all(splits.months_between(max(split.train), split.test) == horizon for split in found)


def test_a_window_without_enough_before_it_is_no_window() -> None:
    assert [s.test for s in splits.rolling(MONTHS[:5], horizon=3, windows=9)] == MONTHS[3:5]
    assert splits.rolling(MONTHS[:3], horizon=3, windows=9) == ()
    assert splits.rolling(MONTHS, horizon=3, windows=0) == ()


def test_all_rows_of_an_enterprise_fall_in_one_fold_and_folds_are_even() -> None:
    numbers = np.arange(10_000)
    fold = splits.folds(numbers, count=5)
    assert np.array_equal(fold, splits.folds(numbers, count=5))
    assert np.bincount(fold).min() > 1_800


def test_carry_over_never_sees_its_own_fold() -> None:
    panel = TASK.rows(training_panel(months=6), minimum=5)
    fold = splits.folds(panel["enterprise_no"].to_numpy(), count=5)
    event = TASK.event(panel)
    turned = np.where(fold == 0, ~event, event)
    first, second = (seasonal.encode_training(panel, e, weight=30, count=5) for e in (event, turned))
    assert np.array_equal(first[fold == 0], second[fold == 0])
    assert not np.array_equal(first[fold == 1], second[fold == 1])


def test_with_a_second_year_a_month_does_not_see_itself() -> None:
    panel = TASK.rows(training_panel(enterprises=60, months=27), minimum=5)
    event = TASK.event(panel)
    own = (panel["origin"] == FIRST).to_numpy()
    turned = np.where(own, ~event, event)
    first, second = (seasonal.encode_training(panel, e, weight=30, count=5) for e in (event, turned))
    assert np.array_equal(first[own], second[own])
    again = (panel["origin"] == add_months(FIRST, 12)).to_numpy()
    assert not np.array_equal(first[again], second[again])


def test_a_rate_is_shrunk_to_its_parent_and_a_new_season_is_missing() -> None:
    rows = pl.DataFrame(
        {"origin": [date(2022, 5, 1)] * 4, "industry_division": ["a", "a", "b", "b"], "enterprise_no": range(4)}
    )
    season = seasonal.fit(rows, np.array([True, True, False, False]), weight=2)
    asked = pl.DataFrame(
        {"origin": [date(2023, 5, 1)] * 3 + [date(2023, 6, 1)], "industry_division": ["a", "b", "new", "a"]}
    )
    encoded = season.encode(asked)[:, season.names.index("season_division_ratio")]
    assert encoded[:3].tolist() == [0.75, 0.25, 0.5]
    assert np.isnan(encoded[3])


def test_carry_over_finds_the_season_of_an_industry() -> None:
    panel = training_panel(season=True, months=30)
    asked = panel.filter(pl.col("origin") >= add_months(FIRST, 24))
    with_season, without = fitted(panel, VARIANTS[0]), fitted(panel, Variant("trees", ("trees",), False))
    event = TASK.event(asked)
    gains = [auc(event, model.log_odds(model.values(asked))) for model in (with_season, without)]
    assert gains[0] > gains[1] + 0.03


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_contributions_add_up_to_the_log_odds(variant: Variant) -> None:
    panel = training_panel(months=6)
    model = fitted(panel, variant)
    model = replace(model, estimator=calibrate.Platt(model.estimator, 0.8, -0.3))
    values = model.values(panel.head(200))
    terms, base = model.contributions(values)
    assert terms.shape == values.shape == (200, len(model.design.names))
    assert np.abs(base + terms.sum(axis=1) - model.log_odds(values)).max() < 1e-9


def test_trees_never_fall_where_the_design_says_that_risk_rises() -> None:
    model = fitted(training_panel(), Variant("trees", ("trees",), False))
    rising = np.column_stack([np.linspace(-3, 3, 61), np.zeros(61)])
    assert (np.diff(model.log_odds(rising)) >= 0).all()


def test_a_missing_value_is_no_zero() -> None:
    draw = np.random.default_rng(1)
    values = draw.normal(size=(2_000, 1))
    values[:700] = np.nan
    event = np.isnan(values[:, 0]) | (draw.random(2_000) < 0.1)
    for model in (
        fit_linear(values, event, penalty=0.0003),
        fit_trees(values, event, design=Design(("a",)), settings=SETTINGS.trees),
    ):
        assert model.log_odds(np.array([[np.nan]]))[0] > model.log_odds(np.array([[0.0]]))[0] + 2


def test_what_never_varies_is_left_out_of_the_design() -> None:
    model = fitted(training_panel(months=6), VARIANTS[-1])
    assert model.design.names == ("signal", "other")
    assert isinstance(model.estimator, Linear)


def test_where_only_one_outcome_was_seen_the_rate_is_all_there_is() -> None:
    model = fit_trees(np.zeros((9, 1)), np.zeros(9, dtype=np.bool_), design=Design(("a",)), settings=SETTINGS.trees)
    assert isinstance(model, Constant)
    assert probability(model.log_odds(np.zeros((2, 1)))).tolist() == pytest.approx([0.05, 0.05])


def test_a_blend_is_the_weighted_mean_of_log_odds() -> None:
    blend = Blend((Constant(1.0), Constant(3.0)), (0.75, 0.25))
    assert blend.log_odds(np.zeros((2, 1))).tolist() == [1.5, 1.5]
    assert blend.contributions(np.zeros((2, 1)))[1] == 1.5


def test_platt_finds_the_line_and_keeps_the_ranking() -> None:
    draw = np.random.default_rng(3)
    truth = draw.normal(size=20_000)
    event = draw.random(20_000) < probability(truth)
    slope, intercept = calibrate.fit_platt(2 * truth + 1, event)
    assert (slope, intercept) == (pytest.approx(0.5, abs=0.03), pytest.approx(-0.5, abs=0.05))
    assert calibrate.fit_platt(-truth, event)[0] > 0
    assert calibrate.fit_platt(np.empty(0), np.empty(0, dtype=np.bool_)) == (1.0, 0.0)


def test_the_share_lost_follows_the_enterprise_and_stays_a_share() -> None:
    draw = np.random.default_rng(4)
    values = draw.random((1_500, 1))
    head = fit_severity(values, np.clip(values[:, 0] + draw.normal(0, 0.05, 1_500), 0, 1))
    low, high = head.share(np.array([[0.1], [0.9]]))
    assert low < 0.2
    assert 0.8 < high <= 1
    assert fit_severity(values[:5], np.full(5, 0.25)).share(values[:2]).tolist() == [0.25, 0.25]
    assert fit_severity(values[:0], np.empty(0)).share(values[:1]).tolist() == [1.0]


def test_expected_loss_is_probability_times_share_times_persons() -> None:
    panel = training_panel(months=6)
    scored = fitted(panel, VARIANTS[0]).score(panel)
    share = scored["expected_loss"] / scored["probability"] / panel["insured_persons"]
    assert share.is_between(0.4, 0.6).all(), "half of the insured go in each planted event"
    assert scored["probability"].is_between(0, 1).all()


def judged(scores: dict[str, list[float]]) -> dict[str, list[Judged]]:
    """Windows in which each variant reaches the given average precision, a hundredth at a time."""

    def window(place: int, precision: float) -> Judged:
        rank = round(1 / precision)
        event = np.arange(1, 101) == rank
        return Judged(MONTHS[place], -np.arange(100.0), event)

    return {name: [window(place, value) for place, value in enumerate(values)] for name, values in scores.items()}


def test_the_last_window_never_chooses() -> None:
    found = judged({"trees": [0.5, 0.5, 0.01], "blend": [0.5, 0.5, 0.01], "linear": [0.1, 0.1, 1.0]})
    assert choose(found, noise=0.01).name == "trees+season"


def test_a_later_variant_must_beat_an_earlier_one_by_more_than_the_noise() -> None:
    found = judged({"trees": [0.2, 0.1], "blend": [0.25, 0.1], "linear": [0.5, 0.1]})
    assert choose(found, noise=0.1).name == "linear+season"
    assert choose(found, noise=0.5).name == "trees+season"


def test_carry_over_is_judged_where_its_season_was_in_training() -> None:
    plain = {"trees": [0.1, 0.5, 0.1], "blend": [0.1, 0.1, 0.1], "linear": [0.1, 0.1, 0.1]}
    season = {name: [0.1, 0.1, 0.1] for name in ("trees+season", "blend+season", "linear+season")}
    assert choose(judged(season | plain), noise=0.01).name == "trees"
    assert choose(judged(plain), noise=0.01).name == "trees+season"


def test_without_a_window_the_declared_preference_holds() -> None:
    assert choose({variant.name: [] for variant in VARIANTS}, noise=0.01) == VARIANTS[0]


def test_learning_twice_gives_the_same_scores() -> None:
    panel = training_panel(months=10)
    first, second = (train.fit(panel, task=TASK, design=DESIGN, settings=SETTINGS).model.score(panel) for _ in range(2))
    assert first.equals(second)


def test_the_order_of_the_rows_changes_nothing() -> None:
    panel = training_panel(months=8)
    other = panel.sample(fraction=1, shuffle=True, seed=5)
    first, second = (
        train.fit(p, task=TASK, design=DESIGN, settings=SETTINGS).model.score(panel) for p in (panel, other)
    )
    assert first.equals(second)


def test_the_rows_say_what_taught_and_how_it_was_chosen() -> None:
    found = train.fit(training_panel(months=10), task=TASK, design=DESIGN, settings=SETTINGS)
    assert found.trained_on == tuple(MONTHS[:7])
    assert found.rows == 300 * 7
    assert {str(entry["window"]) for entry in found.evidence} == {"2022-06", "2022-07"}
    assert isinstance(found.model.estimator, Trees | Blend | Linear | calibrate.Platt)


def test_too_many_rows_teach_by_a_sample_of_whole_enterprises() -> None:
    panel = TASK.rows(training_panel(enterprises=2_000, months=6), minimum=5)
    chosen = splits.sample(panel["enterprise_no"].to_numpy(), share=0.25)
    months = panel.filter(pl.Series(chosen))["enterprise_no"].value_counts()["count"]
    assert months.unique().to_list() == [3]
    assert 400 < len(months) < 600
    small = replace(SETTINGS, most_rows=panel.height // 4)
    whole, part = (
        train.fit_variant(panel, VARIANTS[0], task=TASK, design=DESIGN, settings=settings)
        for settings in (SETTINGS, small)
    )
    assert not whole.score(panel).equals(part.score(panel))
    assert auc(TASK.event(panel), part.log_odds(part.values(panel))) > 0.75


def test_permuted_labels_teach_nothing() -> None:
    panel = training_panel(enterprises=600, months=14, season=True)
    permuted = panel.with_columns(pl.col("loss20_3m_event").shuffle(seed=9))
    taught = permuted.filter(pl.col("origin") < MONTHS[6])
    asked = TASK.rows(permuted.filter(pl.col("origin") >= MONTHS[6]), minimum=10)
    for variant in VARIANTS:
        model = fitted(taught, variant)
        assert 0.47 < auc(TASK.event(asked), model.log_odds(model.values(asked))) < 0.53, variant.name


def test_a_panel_without_a_known_outcome_is_refused() -> None:
    with pytest.raises(ValueError, match="no row with a known outcome"):
        train.fit(training_panel(months=3), task=TASK, design=DESIGN, settings=SETTINGS)


def test_a_baseline_without_its_column_is_left_out_and_a_missing_value_comes_last() -> None:
    frame = pl.DataFrame(
        {
            "insured_change_1m_ratio": [-0.5, None, 0.1],
            "insured_volatility_known_ratio": [None, None, 0.3],
            "arrears_fen": pl.Series([None, None, None], dtype=pl.Int64),
        }
    )
    found = baselines.scores(frame)
    assert set(found) == {"last_fall", "volatility"}
    assert np.argsort(-found["last_fall"]).tolist() == [0, 2, 1]
    assert baselines.volatility(frame).tolist() == [0.0, 0.0, 0.3]


def test_a_feature_that_no_event_knows_stops_nothing() -> None:
    rng = np.random.default_rng(3)
    values = np.column_stack([rng.normal(size=900), np.full(900, np.nan)])
    head = fit_severity(values, np.clip(rng.random(900), 0.1, 1.0))
    assert head.model is not None
    assert head.share(np.array([[0.0, np.nan], [0.0, 5.0]])).tolist() == [head.share(values[:1] * 0)[0]] * 2
