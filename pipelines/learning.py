"""The model's life: what past nights saw, what became of it, a challenger taught by it, and who is put in charge.

A past night is not reconstructed by rules of its own: the night's stages run again with the cutoff of that day, so a
training row is what that night would have read. Everything happens in a temporary home that shares landing and ledger
with the real one; only the finished model is written into the home.
"""

import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models import backtest, baselines, card, drift, labels, registry, rule_score, train
from models.backtest import Backtest
from models.errors import ModelError, NothingToLearnError
from models.estimators import Design
from models.train import Task, Trained
from pipelines import champion, nightly
from pipelines import settings as settings_file
from pipelines.contracts import Contracts, read_sql
from pipelines.errors import ModelLifeError, NotFoundError
from pipelines.ledger import Ledger
from pipelines.nightly import Means, Night
from pipelines.panel_scoring import settings_of
from pipelines.parameters import Parameters
from pipelines.run import add_months, code_digest, end_of, month_of
from pipelines.settings import Home
from pipelines.stages.features.levels import broken, levels
from pipelines.stages.features.lunar import month_of_ordinal, ordinal

SHARED = ("landing", "ledger.sqlite", "wengang.toml", "models")
STAGES = ("ingest", "core", "features")
MOST_NIGHTS = 36
FEATURES = "features.enterprise"


@dataclass(frozen=True)
class Lesson:
    """A training panel: one row per enterprise and past night, with what became of it."""

    panel: pl.DataFrame
    contracts: Contracts
    parameters: Parameters
    as_of: date

    @property
    def digest(self) -> str:
        """Hash of the panel's content."""
        rows = self.panel.hash_rows(seed=0).to_numpy()
        return hashlib.sha256(rows.tobytes()).hexdigest()[:16]

    @property
    def task(self) -> Task:
        """What is to be foreseen, by the parameters in force."""
        return Task(
            label=self.parameters["model_label"],
            horizon=int(self.parameters["model_horizon_months"]),
            minimum_insured=int(self.parameters["model_minimum_insured"]),
        )


@dataclass(frozen=True)
class Challenger:
    """A model that was taught and written down, and its figures on later months."""

    model_id: str
    digest: str
    folder: Path
    trained: Trained
    facts: Mapping[str, Any]


def lesson(means: Means, *, as_of: date, cutoff: datetime | None = None, nights: int | None = None) -> Lesson:
    """What the last ``nights`` monthly nights up to ``as_of`` saw, and what became of each enterprise by ``cutoff``.

    Nights are a month apart. A withdrawal counts backwards: what was taken back teaches nothing. Raises
    ``ModelLifeError`` where no past night has an insurance month.
    """
    ledger = Ledger(means.home.ledger)
    last = cutoff or min(max((d.received_at for d in ledger.deliveries()), default=end_of(as_of)), end_of(as_of))
    through = ledger.last_seq()
    with _scratch(means.home) as home:
        taught = replace(means, home=home)
        frames: list[pl.DataFrame] = []
        count = nights or _nights_known(means, as_of)
        for back in range(count - 1, -1, -1):
            day, instant = _back(as_of, back), _back_instant(last, as_of, back)
            with nightly.opened(taught, as_of=day, cutoff=instant, through=through) as opened:
                night = replace(opened, run=replace(opened.run, output=home.root / "output", progress=_silence))
                seen = _seen(night)
                if seen is not None:
                    frames.append(seen)
                means.progress(f"历史夜 {count - back}/{count}：{day}，{0 if seen is None else seen.height} 家")
                if not back:
                    return _labelled(night, frames, as_of=as_of)
    raise ModelLifeError(f"no night before {as_of} to learn from")


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
    figures = backtest.as_facts(judged, _groups(judged))
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
    reference = drift.reference(trained.model.design.names, values, trained.model.log_odds(values))
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
    return card.figures_page(backtest.as_facts(judged, _groups(judged)))


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
    )


@contextmanager
def _scratch(home: Home) -> Iterator[Home]:
    with tempfile.TemporaryDirectory(prefix="wengang-learning-") as name:
        root = Path(name)
        for part in SHARED:
            (root / part).symlink_to((home.root / part).resolve())
        scratch = Home(root)
        for folder in (scratch.core, scratch.inbox):
            folder.mkdir()
        yield scratch


def _silence(_: str) -> None:
    """A past night tells nobody."""


def _seen(night: Night) -> pl.DataFrame | None:
    """What the night read of every enterprise, with the rule score's points; None without an insurance month."""
    for stage in STAGES:
        nightly.do_stage(night, stage)
    frame = night.warehouse.frame(read_sql("risk/inputs"), numbers=None).filter(pl.col("reference_month").is_not_null())
    if frame.is_empty():
        return None
    points = rule_score.score(frame, rule_score.rule_set(night.run.parameters.in_force())).score
    return frame.join(points.select("enterprise_no", "points"), on="enterprise_no", how="left").drop("enterprise_no")


def _labelled(night: Night, frames: list[pl.DataFrame], *, as_of: date) -> Lesson:
    """All nights' rows with insured persons, and their outcomes as the last night knows them."""
    if not frames:
        raise ModelLifeError(f"no night before {as_of} has an insurance month to learn from")
    seen = pl.concat(frames, how="vertical_relaxed").with_columns(origin=pl.col("reference_month"))
    latest = seen.unique(["enterprise_id", "origin"], keep="last", maintain_order=True)
    panel = latest.filter(pl.col("insured_persons") > 0)
    joined = panel.join(_outcomes(night, latest), on=["enterprise_id", "origin"], how="inner", maintain_order="left")
    return Lesson(
        panel=joined.sort("origin", "enterprise_no"),
        contracts=night.run.contracts,
        parameters=night.run.parameters,
        as_of=as_of,
    )


def _outcomes(night: Night, seen: pl.DataFrame) -> pl.DataFrame:
    """The label columns of every enterprise at every origin of ``seen``, whose transfers are no losses."""
    origins = sorted(seen["origin"].unique().to_list())
    first, last = ordinal(origins[0]), ordinal(origins[-1])
    numbers = night.warehouse.frame("SELECT enterprise_no, enterprise_id FROM core.enterprise ORDER BY enterprise_no")
    found = levels(night.warehouse, first=first, last=last)
    moves = seen.select("enterprise_id", "origin", pl.col("transfer_persons").fill_null(0).alias("persons"))
    moved = _matrix(moves.join(numbers, on="enterprise_id").filter(pl.col("persons") > 0), found.shape, first=first)
    claimed = night.warehouse.frame(
        "SELECT enterprise_no, month AS origin, claim_persons AS persons FROM core.claim_month "
        "WHERE month BETWEEN $first AND $last",
        first=origins[0],
        last=origins[-1],
    )
    claims = _matrix(claimed, found.shape, first=first)
    covered = [month_of_ordinal(first + place) in set(claimed["origin"]) for place in range(found.shape[1])]
    claims[:, ~np.array(covered)] = -1
    parameters = night.run.parameters
    return pl.concat(
        labels.columns(
            found,
            origin=ordinal(origin) - first,
            horizons=[int(h) for h in parameters["label_horizons_months"]],
            labels=labels.labels_of(parameters["labels"]).values(),
            claims=claims,
            moved=moved,
            broken=broken(night.run, found),
        ).with_columns(numbers["enterprise_no"], numbers["enterprise_id"], pl.lit(origin).alias("origin"))
        for origin in origins
    )


def _matrix(frame: pl.DataFrame, shape: tuple[int, ...], *, first: int) -> NDArray[np.int64]:
    """``persons`` of ``frame`` by enterprise_no (row) and origin (column, from the month ``first`` on), 0 elsewhere."""
    dense = np.zeros(shape, dtype=np.int64)
    months = frame["origin"].dt.year().cast(pl.Int64) * 12 + frame["origin"].dt.month() - 1 - first
    dense[frame["enterprise_no"].to_numpy(), months.to_numpy()] = frame["persons"].to_numpy()
    return dense


def _nights_known(means: Means, as_of: date) -> int:
    """Monthly nights since the first delivery, at most ``MOST_NIGHTS``; all of these where a history came in bulk."""
    most = MOST_NIGHTS
    deliveries = Ledger(means.home.ledger).deliveries()
    if any(delivery.dated == "lag" for delivery in deliveries):
        return most
    first = min((delivery.received_at for delivery in deliveries), default=end_of(as_of))
    return max(1, min(most, (as_of.year - first.year) * 12 + as_of.month - first.month + 1))


def _back(day: date, months: int) -> date:
    """``day`` moved back by ``months``, to the month's last day where it has no such day."""
    first = add_months(month_of(day), -months)
    last = (add_months(first, 1) - first).days
    return first.replace(day=min(day.day, last))


def _back_instant(instant: datetime, as_of: date, months: int) -> datetime:
    """The cutoff of the night ``months`` earlier: the same day of its month and time of day."""
    moved = datetime.combine(_back(instant.date(), months), instant.time())
    return min(moved, end_of(_back(as_of, months)))


def _groups(judged: Backtest) -> dict[str, pl.Series]:
    frame = judged.predictions
    exporter = frame.select(
        pl.when(pl.col("is_us_exporter")).then(pl.lit("涉美出口")).otherwise(pl.lit("其他"))
    ).to_series()
    return {"county": frame["county_code"].fill_null("未知"), "exporter": exporter}


def _columns(trained: Trained, panel: pl.DataFrame) -> tuple[str, ...]:
    """The columns of the night that the model reads: its own features, those of the carry-over, and the insured."""
    own = [name for name in trained.model.design.names if name in panel.columns]
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
