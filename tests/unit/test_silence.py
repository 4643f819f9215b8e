"""A source that never comes: the mean probability holds, contributions still add up, the figures say how well."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from learning_panel import DESIGN, FIRST, SETTINGS, TASK, training_panel

from models import absence, backtest, calibrate, train
from models.estimators import Design, probability
from models.silence import NONE
from models.variants import Judged, spread

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
    return train.with_silence(model, rows, task=TASK, design=WITH_SOURCES, settings=SETTINGS), rows


def mean(model: train.Model, frame: pl.DataFrame) -> float:
    """Mean probability of the enterprises asked of."""
    asked = frame.filter(pl.col("insured_persons") >= TASK.minimum_insured)
    return float(probability(model.log_odds(model.values(asked))).mean())


@pytest.mark.parametrize("name", ["trees", "linear", "blend", "trees+season"])
def test_the_mean_probability_holds_without_a_source(name: str) -> None:
    model, rows = fitted(name)
    silent = absence.without(rows, SOURCES["power_month"])
    assert mean(model, silent) == pytest.approx(mean(model, rows), rel=0.02)
    unshifted = replace(model, estimator=replace(model.estimator, shifts=(0.0,) * len(model.silences)))  # type: ignore[type-var]
    assert abs(mean(unshifted, silent) - mean(model, rows)) > 0.05 * mean(model, rows)


def test_small_enterprises_that_are_never_asked_of_do_not_set_the_level() -> None:
    small = panel().with_columns(
        pl.when(pl.col("enterprise_no") % 2 == 0).then(6).otherwise(pl.col("insured_persons")).alias("insured_persons"),
        pl.when(pl.col("enterprise_no") % 2 == 0).then(-3.0).otherwise(pl.col("power")).alias("power"),
    )
    rows = TASK.rows(small, minimum=5)
    model = train.fit_variant(rows, train.VARIANTS[3], task=TASK, design=WITH_SOURCES, settings=SETTINGS)
    shifted = train.with_silence(model, rows, task=TASK, design=WITH_SOURCES, settings=SETTINGS)
    silent = absence.without(rows, SOURCES["power_month"])
    assert mean(shifted, silent) == pytest.approx(mean(model, rows), rel=0.02)


def test_a_window_that_is_empty_is_not_a_source_that_is_silent() -> None:
    """The latest event is forty days old: nothing is known of thirty days, the ninety still speak."""
    sources = {"arbitration": ("cases_30d", "cases_90d")}
    design = Design(
        names=("signal", "cases_30d", "cases_90d"),
        themes=dict.fromkeys(("signal", *sources["arbitration"]), "用工"),
        sources=sources,
    )
    draw = np.random.default_rng(8)
    taught = panel()
    event = taught["loss20_3m_event"].to_numpy()
    taught = taught.with_columns(
        pl.Series("cases_30d", draw.poisson(0.1 + 0.3 * event)), pl.Series("cases_90d", draw.poisson(0.3 + 1.5 * event))
    )
    rows = TASK.rows(taught, minimum=5)
    model = train.fit_variant(rows, train.VARIANTS[3], task=TASK, design=design, settings=SETTINGS)
    model = train.with_silence(model, rows, task=TASK, design=design, settings=SETTINGS)
    assert [one.name for one in model.silences] == ["arbitration_silent"]
    partly, wholly = (absence.without(rows, columns) for columns in (("cases_30d",), sources["arbitration"]))
    assert not np.isnan(model.values(partly)[:, -1]).any()
    assert np.isnan(model.values(wholly)[:, -1]).all()


def test_a_source_that_stopped_is_as_silent_as_one_that_never_came() -> None:
    """Its month is no longer told once it is too old to speak; an enterprise without power in a told month differs."""
    rows = absence.without(TASK.rows(panel(), minimum=5), ("power",))
    source = {"power_month": ("power", "power_month_known")}
    marked = (absence.Silence("power_month", "power_month_known", ("power",)),)
    assert not np.isnan(absence.encode(rows, marked)).any()
    stopped = rows.with_columns(pl.lit(None, dtype=pl.String).alias("power_month_known"))
    assert np.isnan(absence.encode(stopped, marked)).all()
    assert np.isnan(absence.encode(absence.without(rows, source["power_month"]), marked)).all()


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
    assert found == (absence.Silence("power_month", "power", ("power",)),)


def test_a_model_without_sources_is_left_as_it_was() -> None:
    rows = TASK.rows(training_panel(), minimum=5)
    model = train.fit_variant(rows, train.VARIANTS[3], task=TASK, design=DESIGN, settings=SETTINGS)
    assert train.with_silence(model, rows, task=TASK, design=DESIGN, settings=SETTINGS) is model


def test_a_spread_leaves_the_level_alone() -> None:
    draw = np.random.default_rng(3)
    truth = draw.normal(-1.5, 1.0, 4_000)
    event = draw.random(4_000) < probability(truth)
    overstated = 2.0 * truth + 1.0
    slope = spread([Judged(FIRST, overstated, event)])
    assert slope == pytest.approx(0.5, abs=0.06)
    flatter = probability(slope * overstated + calibrate.level(slope, overstated))
    assert flatter.mean() == pytest.approx(probability(overstated).mean(), abs=1e-9)
    assert calibrate.level(0.5, np.array([])) == 0.0


def test_a_calibrated_model_keeps_its_own_level() -> None:
    rows = TASK.rows(panel(), minimum=5)
    model = train.fit_variant(rows, train.VARIANTS[3], task=TASK, design=WITH_SOURCES, settings=SETTINGS)
    flatter = train.with_spread(model, rows, slope=0.6, task=TASK, settings=SETTINGS)
    assert mean(flatter, rows) == pytest.approx(mean(model, rows), abs=1e-6)
    assert flatter.log_odds(model.values(rows)).std() == pytest.approx(0.6 * model.log_odds(model.values(rows)).std())


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
