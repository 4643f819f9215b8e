"""``wengang validate-panel``: teach by panels, score another, and hold the scores against what became of it.

Beside the figures it does what a doubter would do: teaches by permuted labels, shuffles every month after an origin,
takes away the enterprises that training knew, and scores with poorer panels. Names no enterprise.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from models import baselines, labels, panel_figures, rule_score, splits, train, validate
from models.errors import NothingToLearnError
from models.estimators import Floats
from models.labels import Label
from models.needs import needed
from models.panel_figures import MODEL, Judged
from models.train import Model, Task, Trained
from pipelines import panel_scoring, poorer_panels
from pipelines import parameters as parameter_files
from pipelines.errors import UsageError
from pipelines.lunar import ordinal
from pipelines.panel_scoring import Request
from pipelines.parameters import Parameters
from pipelines.stages.features.canonical import Canonical

PERMUTATIONS = 32
FEWEST_DEALT = 50
SMALL_TREES, SMALL_ROWS = 20, 10_000
SEED = 20_250_401
RULE_COLUMNS = {"notice_reported_on": pl.Date, "enterprise_status": pl.String}


@dataclass(frozen=True)
class Question:
    """What is asked: learn from ``training`` (canonical), score ``panel``; without training, from the panel's own past.

    ``name`` and ``name_zh`` head the section of the report.
    """

    training: tuple[pl.DataFrame, ...]
    panel: pl.DataFrame
    request: Request
    name: str = "panel"
    name_zh: str = "面板"
    has_poorer: bool = True


@dataclass(frozen=True)
class _Asked:
    """A question made ready: parameters, label, task, and the panel scored."""

    question: Question
    parameters: Parameters
    label: Label
    task: Task
    scored: Canonical
    frame: pl.DataFrame
    say: Callable[[str], None]

    @property
    def request(self) -> Request:
        return self.question.request

    def about(self, panel: Canonical) -> "_Asked":
        """The same question about another panel."""
        frame = panel_scoring.features(panel, self.request.origins, self.parameters, self.label, self.request)
        return replace(self, scored=panel, frame=frame)

    def taught_by(self, frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
        """All rows of ``frames`` that can teach."""
        return panel_scoring.training_panel(frames, self.label, self.parameters, self.request, say=self.say)

    def fitted(self, rows: pl.DataFrame, variant: str, *, is_small: bool = False) -> Model:
        """A model of ``variant`` taught by ``rows``, without choosing again; a small one where only chance is asked."""
        settings = panel_scoring.panel_settings(self.parameters)
        if is_small:
            trees = replace(settings.bag.trees, iterations=SMALL_TREES)
            bag, forest = replace(settings.bag, members=2, trees=trees), replace(settings.forest, members=SMALL_TREES)
            settings = replace(settings, bag=bag, forest=forest, most_rows=SMALL_ROWS)
        known = self.task.rows(rows, minimum=settings.training_minimum, most=settings.most_rows)
        if known.is_empty():
            raise NothingToLearnError("no row with a known outcome")
        return train.fit_variant(
            known,
            panel_scoring.variant_named(variant),
            task=self.task,
            design=panel_scoring.design_of(self.parameters, self.frame),
            settings=settings,
        )


def validate_panel(question: Question, *, say: Callable[[str], None]) -> dict[str, Any]:
    """Every figure and check of ``question`` as plain values; raises as ``panel_scoring.score_panel`` does.

    Raises ``UsageError`` where no outcome of the origins asked about is known yet, or nothing teaches.
    """
    asked = _ready(question, say)
    if _truth(asked).is_empty():
        raise UsageError("no outcome of these origins is known to the panel: nothing to hold the scores against")
    frames = question.training or (question.panel,)
    rows = asked.taught_by(frames)
    models, trained, embargoed = _teach(asked, rows)
    judged = _judge(asked, models, rows)
    say(f"{question.name}: {judged.rows.height} rows with a known outcome")
    facts = panel_figures.all_figures(judged)
    return {
        **_subject(asked, trained, embargoed, rows),
        **facts,
        "seen": _seen(asked, judged, rows, trained),
        "checks": {
            "permuted": _permuted(asked, judged, rows, trained),
            "future": _future(asked, models, question.panel),
        },
        "poorer": _poorer(asked, judged, trained) if question.has_poorer and question.training else [],
    }


def _ready(question: Question, say: Callable[[str], None]) -> _Asked:
    request = question.request
    parameters = parameter_files.load(max(request.origins))
    label = panel_scoring.label_of(request.label, parameters)
    scored = panel_scoring.read(question.panel, parameters, say=say)
    for origin in request.origins:
        scored.row(origin)
    task = Task(label=request.label, horizon=request.horizon, minimum_insured=request.minimum_insured)
    frame = panel_scoring.features(scored, request.origins, parameters, label, request)
    return _Asked(question, parameters, label, task, scored, frame, say)


def _teach(asked: _Asked, rows: pl.DataFrame) -> tuple[dict[date, Model], Trained, int]:
    """The model of each origin, how the last was learned, and how many rows the embargo kept from teaching.

    Training panels teach one model for all origins, without rows whose window overlaps a window asked about. A panel
    alone is a rolling origin: each is scored by what had matured by then.
    """
    horizon, origins = asked.request.horizon, asked.request.origins
    if asked.question.training:
        free = _clear_of(rows, origins, horizon)
        trained = _fit(asked, free)
        return dict.fromkeys(origins, trained.model), trained, rows.height - free.height
    models: dict[date, Model] = {}
    found: Trained | None = None
    months = rows["origin"].unique().to_list()
    for origin in origins:
        matured = splits.matured(months, by=origin, horizon=horizon)
        found = _fit(asked, rows.filter(pl.col("origin").is_in(list(matured))))
        models[origin] = found.model
    if found is None:
        raise UsageError("no origin to score")
    return models, found, 0


def _fit(asked: _Asked, rows: pl.DataFrame) -> Trained:
    design = panel_scoring.design_of(asked.parameters, asked.frame)
    return panel_scoring.fit(rows, asked.task, design, asked.parameters, say=asked.say)


def _clear_of(rows: pl.DataFrame, origins: Sequence[date], horizon: int) -> pl.DataFrame:
    """``rows`` whose window (origin, origin + horizon] meets no window asked about, nor the months between them."""
    first, last = ordinal(min(origins)), ordinal(max(origins))
    month = pl.col("origin").dt.year().cast(pl.Int64) * 12 + pl.col("origin").dt.month() - 1
    return rows.filter((month + horizon <= first) | (month >= last + horizon))


def _judge(asked: _Asked, models: Mapping[date, Model], rows: pl.DataFrame, panel: Canonical | None = None) -> Judged:
    """The scores of ``panel`` (that asked about) at every origin, beside the outcomes that the whole panel knows."""
    truth = _truth(asked)
    seen = set(rows["enterprise_id"].unique().to_list())
    frames, chances = [], []
    for origin, model in models.items():
        frame = panel_scoring.features(panel or asked.scored, (origin,), asked.parameters, asked.label, asked.request)
        known = frame.join(
            truth.filter(pl.col("origin") == origin), on=["enterprise_id", "origin"], how="inner", maintain_order="left"
        )
        frames.append(known)
        chances.append(model.score(known)["probability"].to_numpy())
    joined = pl.concat(frames).with_columns(
        industry=pl.col("industry_division"), area=pl.col("county_code"), is_seen=pl.col("enterprise_id").is_in(seen)
    )
    numbers = joined.select(pl.col("enterprise_id").unique().sort()).with_row_index("number")
    joined = joined.drop("enterprise_no").join(numbers, on="enterprise_id", how="left", maintain_order="left")
    table = joined.with_columns(enterprise_no=pl.col("number").cast(pl.Int64), insured=pl.col("insured_persons"))
    return Judged(table, {MODEL: np.concatenate(chances), **_baselines(asked, table, models)})


def _truth(asked: _Asked) -> pl.DataFrame:
    """What became of each enterprise at each origin: event, lost, needed, event_month; known outcomes only."""
    panel, horizon = asked.scored, asked.request.horizon
    parts = []
    for origin in asked.request.origins:
        row = panel.row(origin)
        found = labels.outcome(panel.insured, origin=row, horizon=horizon, label=asked.label, broken=panel.broken)
        month = np.full(len(found.event), -1, dtype=np.int64)
        for step in range(horizon, 0, -1):
            early = labels.outcome(panel.insured, origin=row, horizon=step, label=asked.label, broken=panel.broken)
            month[found.event & early.event] = ordinal(origin) + step
        base = np.maximum(panel.insured[:, row], 0)
        parts.append(
            pl.DataFrame(
                {
                    "enterprise_id": panel.enterprise_ids,
                    "event": found.event,
                    "lost": found.lost,
                    "needed": needed(asked.label, base),
                    "event_month": month,
                    "known": found.known,
                }
            ).with_columns(pl.lit(origin).alias("origin"))
        )
    return pl.concat(parts).filter("known").drop("known")


def _baselines(asked: _Asked, rows: pl.DataFrame, models: Mapping[date, Model]) -> dict[str, Floats]:
    """Every ranking without learning that the panel fills: those of the night, the rule score, size, and the season."""
    rules = rule_score.rule_set(asked.parameters.in_force())
    points = [
        rule_score.score(
            part.with_columns(
                pl.col("origin").dt.month().cast(pl.Int64).alias("reference_month_number"),
                *(pl.lit(None, dtype=kind).alias(name) for name, kind in RULE_COLUMNS.items()),
            ),
            rules,
        )
        .score.select("enterprise_no", "points")
        .with_columns(pl.lit(origin).alias("origin"))
        for (origin,), part in rows.group_by("origin", maintain_order=True)
    ]
    told = rows.join(pl.concat(points), on=["enterprise_no", "origin"], how="left", maintain_order="left")
    found = baselines.scores(told) | {"insured": rows["insured"].to_numpy().astype(np.float64)}
    season = next(iter(models.values())).season
    if season is not None:
        encoded = season.encode(rows)
        found["season"] = np.nan_to_num(encoded[:, season.names.index("season_industry_ratio")], nan=-1.0)
    return found


def _subject(asked: _Asked, trained: Trained, embargoed: int, rows: pl.DataFrame) -> dict[str, Any]:
    return {
        "name": asked.question.name,
        "name_zh": asked.question.name_zh,
        "label": asked.label.name,
        "meaning": asked.label.meaning,
        "horizon": asked.request.horizon,
        "minimum": asked.request.minimum_insured,
        "origins": [f"{origin:%Y-%m}" for origin in asked.request.origins],
        "is_rolling": not asked.question.training,
        "trained_on": [f"{origin:%Y-%m}" for origin in trained.trained_on],
        "training_rows": trained.rows,
        "training_events": trained.events,
        "training_enterprises": rows["enterprise_id"].n_unique(),
        "embargoed_rows": embargoed,
        "broken_months": [f"{month:%Y-%m}" for month in asked.scored.broken_months],
        "variant": trained.variant,
        "is_calibrated": trained.is_calibrated,
        "evidence": [dict(one) for one in trained.evidence],
    }


def _seen(asked: _Asked, judged: Judged, rows: pl.DataFrame, trained: Trained) -> dict[str, Any]:
    """Figures of the rows of enterprises that training knew, of the others, and of all without those in training."""
    is_seen = judged.rows["is_seen"].to_numpy()
    found = {"seen": _short(judged.where(is_seen)), "unseen": _short(judged.where(~is_seen))}
    if asked.question.training and is_seen.any():
        free = _clear_of(rows, asked.request.origins, asked.request.horizon)
        apart = free.filter(~pl.col("enterprise_id").is_in(asked.scored.enterprise_ids.implode()))
        try:
            model = asked.fitted(apart, trained.variant)
        except NothingToLearnError:
            return found
        again = _judge(asked, dict.fromkeys(asked.request.origins, model), apart)
        found["without"] = _short(again)
        found["without_unseen"] = _short(again.where(~is_seen))
    return found


def _permuted(asked: _Asked, judged: Judged, rows: pl.DataFrame, trained: Trained) -> list[float]:
    """AUC of models taught by labels that were dealt out anew among the rows: what chance and leaks alone give.

    One such model may lean on a feature by chance, either way; only their mean says something, so there are many. They
    are dealt among as many rows without the event as with it. A rare event is no fair coin: trees take up the few
    leaves in which chance heaps it, these lie where features are extreme, and so does real risk (AUC .541 over 64 deals
    on a real roll, .511 among equal numbers). Of fewer than ``FEWEST_DEALT`` events nothing is said.
    """
    free = _clear_of(rows, asked.request.origins, asked.request.horizon) if asked.question.training else rows
    known = free.filter(labels.known_column(asked.label.name, asked.request.horizon))
    draw, found = np.random.default_rng(SEED), []
    columns = [labels.event_column(asked.label.name, asked.request.horizon), labels.lost_column(asked.request.horizon)]
    is_event = known[columns[0]].fill_null(value=False)
    events, others = known.filter(is_event), known.filter(~is_event)
    equal = min(events.height, others.height)
    if equal < FEWEST_DEALT:
        return []
    known = pl.concat([events.sample(equal, seed=SEED), others.sample(equal, seed=SEED)])
    for _ in range(PERMUTATIONS):
        order = draw.permutation(known.height)
        model = asked.fitted(
            known.with_columns(known[name].gather(order) for name in columns), trained.variant, is_small=True
        )
        found.append(validate.auc(judged.event, model.score(judged.rows)["probability"].to_numpy()))
    return found


def _future(asked: _Asked, models: Mapping[date, Model], panel: pl.DataFrame) -> dict[str, int]:
    """How many scores change when every month after their origin is dealt out anew among the enterprises."""
    changed, compared = 0, 0
    for origin, model in models.items():
        shuffled = panel_scoring.read(poorer_panels.shuffled_after(panel, origin), asked.parameters, say=_silent)
        frames = [
            panel_scoring.features(one, (origin,), asked.parameters, asked.label, asked.request)
            for one in (asked.scored, shuffled)
        ]
        mine, theirs = (model.score(frame) for frame in frames)
        compared += mine.height
        if mine.height != theirs.height or not frames[0]["enterprise_id"].equals(frames[1]["enterprise_id"]):
            changed += mine.height
        else:
            changed += int((mine["probability"] != theirs["probability"]).sum())
    return {"scores": compared, "changed": changed}


def _poorer(asked: _Asked, judged: Judged, trained: Trained) -> list[dict[str, Any]]:
    """What it costs that a panel is short, lacks wages, or breaks: figures of the same rows, as far as still scored."""
    whole = _short(judged)
    found: list[dict[str, Any]] = [{"name": "whole", "scored": judged.rows.height, **whole}]
    for name, poorer in poorer_panels.ALL.items():
        training, panel = poorer(asked.question.training, asked.question.panel, asked.request.origins)
        scored = panel_scoring.read(panel, asked.parameters, say=_silent)
        try:
            rows = _clear_of(asked.taught_by(training), asked.request.origins, asked.request.horizon)
            model = asked.about(scored).fitted(rows, trained.variant)
        except (NothingToLearnError, UsageError) as error:
            asked.say(f"{name}: {error}")
            found.append({"name": name, "scored": 0})
            continue
        again = _judge(asked, dict.fromkeys(asked.request.origins, model), rows, scored)
        found.append({"name": name, "scored": again.rows.height, **_short(again)})
        asked.say(f"{name}: {again.rows.height} rows")
    return found


def _short(judged: Judged) -> dict[str, Any]:
    """Rows, observed and mean probability, AUC, average precision and precision of the list of 5 %."""
    ranked = panel_figures.ranking(judged, judged.probability)
    kept = {name: ranked[name] for name in ("auc", "average_precision")}
    listed = ranked["lists"][f"{panel_figures.LIST_SHARE:g}"]
    return {"rows": judged.rows.height, **kept, "precision": listed["precision"], **panel_figures.calibration(judged)}


def _silent(_: str) -> None:
    """A check tells nobody what it reads."""
