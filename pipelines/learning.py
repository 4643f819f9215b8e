"""The model's life: a challenger taught by what past nights saw, its figures on later months, who is put in charge."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from models import backtest, baselines, card, drift, labels, registry, rule_score, train
from models.backtest import Backtest
from models.errors import ModelError, NothingToLearnError
from models.estimators import Design
from models.train import Trained
from pipelines import champion
from pipelines import settings as settings_file
from pipelines.contracts import Contracts
from pipelines.errors import ModelLifeError, NotFoundError
from pipelines.ledger import Ledger
from pipelines.lessons import Lesson
from pipelines.nightly import Means
from pipelines.panel_scoring import settings_of
from pipelines.run import code_digest

FEATURES = "features.enterprise"


@dataclass(frozen=True)
class Challenger:
    """A model that was taught and written down, and its figures on later months."""

    model_id: str
    digest: str
    folder: Path
    trained: Trained
    facts: Mapping[str, Any]


def teach(means: Means, taught: Lesson) -> Challenger:
    """Fit a challenger on ``taught``, judge it on later months, and write it into the home's ``models/``."""
    settings = settings_of(taught.parameters)
    design = design_of(taught.contracts)
    task = taught.task
    try:
        trained = train.fit(taught.panel, task=task, design=design, settings=settings, say=means.progress)
        judged = judge(taught, trained, say=means.progress)
    except NothingToLearnError as error:
        raise ModelLifeError(f"nothing to learn from as of {taught.as_of}: {error}") from error
    figures = _figures(judged, taught)
    words = _words(taught, trained, figures)
    facts = registry.Facts(
        label=task.label,
        horizon_months=task.horizon,
        minimum_insured=task.minimum_insured,
        features=tuple((name, trained.model.design.themes.get(name, "")) for name in trained.model.design.names),
        columns=_columns(trained, taught.panel),
        trained_on=tuple(f"{origin:%Y-%m}" for origin in trained.trained_on),
        data_hash=taught.digest,
        code_hash=code_digest(),
        parameters_hash=taught.parameters.digest,
        words=words,
    )
    rows = task.rows(taught.panel, minimum=task.minimum_insured)
    values = trained.model.values(rows)
    features = trained.model.features
    reference = drift.reference(features, values[:, : len(features)], trained.model.log_odds(values))
    model_id, digest = registry.write(
        means.home.models,
        trained.model,
        facts,
        card=card.render(
            facts,
            figures,
            variant=trained.variant,
            rows=trained.rows,
            events=trained.events,
            is_simulated=settings_file.load(means.home).city.simulated,
        ),
        reference=reference,
        probe=rows.tail(registry.PROBE_ROWS),
    )
    body = {"digest": digest, "figures": figures, "as_of": taught.as_of.isoformat(), "variant": trained.variant}
    Ledger(means.home.ledger).append("training", subject=model_id, at=means.now, body=body)
    return Challenger(model_id, digest, means.home.models / model_id, trained, figures)


def judge(taught: Lesson, trained: Trained, *, say: Any = train.say_nothing) -> Backtest:
    """The variant of ``trained`` on later months, fitted again before each."""
    return backtest.run(
        taught.panel,
        task=taught.task,
        design=design_of(taught.contracts),
        settings=settings_of(taught.parameters),
        variant=trained.variant,
        is_calibrated=trained.is_calibrated,
        capacity=int(taught.parameters["model_list_size"]),
        say=say,
    )


def promote(means: Means, model_id: str, *, reason: str, since: date | None = None) -> str:
    """Put ``model_id`` in charge of the nights from ``since`` on; gives the sentence for the record.

    ``since`` is by default the day after the last night that taught it, and never earlier. ``rule-1`` puts the rule
    score back, by default after the last edition. Raises ``NotFoundError`` for a model that was not taught here, and
    ``ModelLifeError`` for one that does not beat every baseline on later months or cannot be loaded.
    """
    ledger = Ledger(means.home.ledger)
    if model_id == rule_score.MODEL_ID:
        issued = max((record.as_of for record in ledger.editions()), default=means.now.date())
        start = since or issued + timedelta(days=1)
        ledger.promote(model_id, digest="", since=start, at=means.now, reason=reason)
        return f"{model_id} leads from {start} on"
    taught = [entry for entry in ledger.entries("training") if entry["subject"].startswith(model_id)]
    if len({entry["subject"] for entry in taught}) != 1:
        known = ", ".join(sorted({e["subject"] for e in ledger.entries("training")})) or "none"
        raise NotFoundError(f"model {model_id} was not trained in this home; trained: {known}")
    name, figures = taught[-1]["subject"], taught[-1]["figures"]
    if not backtest.beats_baselines(figures):
        low = figures["gain"][1]
        raise ModelLifeError(
            f"{name} does not beat {figures['best_baseline']} on later months (average precision gain at "
            f"least {low:+.3f}): not promoted; train on more months"
        )
    earliest = date.fromisoformat(taught[-1]["as_of"]) + timedelta(days=1)
    if since is not None and since < earliest:
        raise ModelLifeError(f"{name} learned from the night of {taught[-1]['as_of']}: it may lead from {earliest} on")
    try:
        champion.load_model(means, name, taught[-1]["digest"], means.contracts())
    except ModelError as error:
        raise ModelLifeError(f"{name} cannot be used: {error}") from error
    start = since or earliest
    ledger.promote(name, digest=taught[-1]["digest"], since=start, at=means.now, reason=reason)
    return f"{name} leads from {start} on: {figures_text(figures)}"


def latest(means: Means) -> tuple[str, Mapping[str, Any]] | None:
    """The model that was taught last and its figures; None where none was, or where it has been promoted since."""
    ledger = Ledger(means.home.ledger)
    taught = ledger.entries("training")
    if not taught or any(entry["subject"] == taught[-1]["subject"] for entry in ledger.entries("promotion")):
        return None
    return taught[-1]["subject"], taught[-1]["figures"]


def backtest_page(means: Means, taught: Lesson) -> str:
    """The figures on later months as a page of Markdown: the model and every baseline, by window, size, area."""
    settings = settings_of(taught.parameters)
    try:
        trained = train.fit(
            taught.panel, task=taught.task, design=design_of(taught.contracts), settings=settings, say=means.progress
        )
        judged = judge(taught, trained, say=means.progress)
    except NothingToLearnError as error:
        raise ModelLifeError(f"nothing to judge as of {taught.as_of}: {error}") from error
    return card.figures_page(_figures(judged, taught))


def figures_text(figures: Mapping[str, Any]) -> str:
    """The figures of a backtest in one line."""
    own, gain = figures["measures"][backtest.MODEL], figures["gain"]
    return (
        f"average precision {own['average_precision']:.3f} on {', '.join(figures['windows'])} "
        f"(base rate {own['base_rate']:.3f}), best baseline {figures['best_baseline']} "
        f"{figures['best_baseline_average_precision']:.3f}, gain {gain[0]:+.3f} [{gain[1]:+.3f}, {gain[2]:+.3f}]"
    )


def design_of(contracts: Contracts) -> Design:
    """Every input of models that the night's features declare, with theme and sign."""
    columns = {
        name: contracts.columns[name]
        for name in contracts.tables[FEATURES].columns
        if contracts.columns[name].risk_sign is not None
    }
    return Design(
        names=tuple(columns),
        themes={name: column.theme or "" for name, column in columns.items()},
        monotone={name: column.risk_sign or 0 for name, column in columns.items()},
        sources=_sources(contracts),
    )


def _sources(contracts: Contracts) -> dict[str, tuple[str, ...]]:
    """Each feed that a night may lack, with the columns of the features that are missing without it."""
    columns = [contracts.columns[name] for name in contracts.tables[FEATURES].columns]
    needing = {
        name: tuple(column.name for column in columns if set(column.needs) & set(feed.provides))
        for name, feed in sorted(contracts.feeds.items())
        if not feed.required
    }
    return {name: found for name, found in needing.items() if found}


def _figures(judged: Backtest, taught: Lesson) -> dict[str, Any]:
    labels_of_feeds = {name: feed.label for name, feed in taught.contracts.feeds.items()}
    return backtest.as_facts(judged, _groups(judged), sources=labels_of_feeds)


def _groups(judged: Backtest) -> dict[str, pl.Series]:
    frame = judged.predictions
    exporter = frame.select(
        pl.when(pl.col("is_us_exporter")).then(pl.lit("涉美出口")).otherwise(pl.lit("其他"))
    ).to_series()
    return {"county": frame["county_code"].fill_null("未知"), "exporter": exporter}


def _columns(trained: Trained, panel: pl.DataFrame) -> tuple[str, ...]:
    """The columns of the night that the model reads: its own features, those of the carry-over, and the insured."""
    told = [name for silence in trained.model.silences for name in (silence.marker, *silence.columns)]
    own = [name for name in (*trained.model.design.names, *told) if name in panel.columns]
    season = ["season", "industry_division", "industry_code", "county_code"] if trained.model.season else []
    return tuple(dict.fromkeys([*own, *season, "insured_persons"]))


def _words(taught: Lesson, trained: Trained, figures: Mapping[str, Any]) -> dict[str, str]:
    """The Chinese sentences about the model, by the column of risk.model that shows them."""
    meaning = labels.labels_of(taught.parameters["labels"])[trained.task.label].meaning
    first, last = trained.trained_on[0], trained.trained_on[-1]
    own, gain = figures["measures"][backtest.MODEL], figures["gain"]
    best = BASELINE_WORDS.get(figures["best_baseline"], "无")
    return {
        "model_label": "学习模型",
        "model_note": (
            f"由本市历史数据学习，给出发生概率（{'已校准' if trained.is_calibrated else '未另行校准'}）和预计减员人数；"
            "名单按预计减员人数排序，已观察到的事实触发的等级不受模型影响"
        ),
        "forecast_label": f"未来{trained.task.horizon}个月{meaning}",
        "model_trained_text": (
            f"{first.year}年{first.month}月至{last.year}年{last.month}月的参保月份，"
            f"{trained.rows}行，其中发生{trained.events}行"
        ),
        "model_measure_text": (
            f"逐月回测（每月只用此前已成熟的数据重新学习）{len(figures['windows'])}个月，平均精度{own['average_precision']:.3f}"
            f"（发生率{own['base_rate']:.3f}），最好的简单排序（{best}）"
            f"{figures['best_baseline_average_precision']:.3f}，高出{gain[0]:.3f}（95%区间{gain[1]:.3f}至{gain[2]:.3f}）"
        ),
    }


BASELINE_WORDS = {
    "volatility": "参保波动",
    "last_fall": "上月减员幅度",
    "arrears": "当前欠费",
    "us_share": "对美出口占比",
    "rule_score": "规则评分",
}
assert set(BASELINE_WORDS) == set(baselines.BASELINES), "every baseline has a name in Chinese"
