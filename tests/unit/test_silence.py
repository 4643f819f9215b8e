"""A source that never comes: the mean probability holds, contributions still add up, the figures say how well."""

import numpy as np
import polars as pl
import pytest
from learning_panel import DESIGN, SETTINGS, TASK, training_panel

from models import absence, backtest, calibrate, train
from models.estimators import Design, probability
from models.silence import NONE

SOURCES = {"power_month": ("power", "power_month_known"), "tax_month": ("tax",), "claims": ("claims",)}
WITH_SOURCES = Design(
    names=("signal", "power", "tax", "claims"),
    themes={"signal": "用工", "power": "经营", "tax": "经营", "claims": "用工"},
    sources=SOURCES,
)


def panel() -> pl.DataFrame:
    """Power is known for all and says much; tax for all but some; claims of two enterprises only, never for all."""
    rows = training_panel(enterprises=400, months=10)
    draw = np.random.default_rng(5)
    event = rows["loss20_3m_event"].to_numpy()
    few = rows["enterprise_no"].to_numpy() < 2
    return rows.with_columns(
        pl.Series("power", draw.normal(size=len(event)) + 1.5 * event),
        pl.Series("power_month_known", ["2026-01"] * len(event)),
        pl.Series("tax", draw.normal(size=len(event))).set(pl.Series(draw.random(len(event)) < 0.4), None),
        pl.Series("claims", np.where(few, 1.0, np.nan), nan_to_null=True),
    )


def fitted(name: str) -> tuple[train.Model, pl.DataFrame]:
    """The variant ``name`` fitted on the panel, with its shifts; and the rows that taught it."""
    rows = TASK.rows(panel(), minimum=5)
    variant = next(one for one in train.VARIANTS if one.name == name)
    model = train.fit_variant(rows, variant, task=TASK, design=WITH_SOURCES, settings=SETTINGS)
    return train.with_silence(model, rows, design=WITH_SOURCES, settings=SETTINGS), rows


@pytest.mark.parametrize("name", ["trees", "linear", "blend", "trees+season"])
def test_the_mean_probability_holds_without_a_source(name: str) -> None:
    model, rows = fitted(name)
    with_all = probability(model.log_odds(model.values(rows))).mean()
    silent = absence.without(rows, SOURCES["power_month"])
    assert probability(model.log_odds(model.values(silent))).mean() == pytest.approx(with_all, rel=0.02)
    bare = model.estimator.estimator  # type: ignore[attr-defined]
    places = [model.design.names.index("power")]
    unshifted = bare.log_odds(absence.blanked(model.values(rows), places)[:, : model.estimator.width])  # type: ignore[attr-defined]
    assert abs(probability(unshifted).mean() - with_all) > 0.05 * with_all


@pytest.mark.parametrize("name", ["trees", "linear", "blend", "trees+season"])
def test_contributions_add_up_with_and_without_a_source(name: str) -> None:
    model, rows = fitted(name)
    for frame in (rows, absence.without(rows, SOURCES["power_month"]), rows.drop("power", "power_month_known")):
        values = model.values(frame)
        terms, start = model.contributions(values)
        assert terms.shape == values.shape
        assert np.abs(terms.sum(axis=1) + start - model.log_odds(values)).max() < 1e-9


def test_what_one_enterprise_may_lack_is_no_silence_of_a_source() -> None:
    found = absence.silences(TASK.rows(panel(), minimum=5), WITH_SOURCES.names, SOURCES)
    assert [(one.source, one.marker) for one in found] == [("power_month", "power")]


def test_a_model_without_sources_is_left_as_it_was() -> None:
    rows = TASK.rows(training_panel(), minimum=5)
    model = train.fit_variant(rows, train.VARIANTS[3], task=TASK, design=DESIGN, settings=SETTINGS)
    assert train.with_silence(model, rows, design=DESIGN, settings=SETTINGS) is model


def test_a_spread_leaves_the_level_alone() -> None:
    draw = np.random.default_rng(3)
    truth = draw.normal(-1.5, 1.0, 4_000)
    event = draw.random(4_000) < probability(truth)
    overstated = 2.0 * truth + 1.0
    slope, intercept = calibrate.fit_spread(overstated, event)
    assert slope == pytest.approx(0.5, abs=0.06)
    assert probability(slope * overstated + intercept).mean() == pytest.approx(probability(overstated).mean(), abs=1e-9)
    assert calibrate.restoring(np.array([]), 0.3) == 0.0


def test_the_backtest_tells_how_calibrated_the_model_stays_without_each_source() -> None:
    found = backtest.run(
        panel(), task=TASK, design=WITH_SOURCES, settings=SETTINGS, variant="trees", is_calibrated=False, capacity=20
    )
    standings = {one.source: one for one in found.standings()}
    assert set(standings) == {NONE, "power_month", "tax_month"} | ({"claims"} & set(standings))
    own, silent = standings[NONE], standings["power_month"]
    assert own.average_precision > silent.average_precision > 0
    assert own.rows == silent.rows == found.predictions.height
    assert abs(silent.predicted - own.predicted) < 0.25 * own.predicted
    last = found.last().predictions
    assert last["origin"].n_unique() == 1
    assert last.height < found.predictions.height
