"""From a training panel to a learned model: variants fitted side by side, the choice made by rolling origin alone.

A panel too large for the memory of a small machine teaches by a sample of whole enterprises. Same rows in, same bytes
out; the last window never chooses, so a report may judge by it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np
import polars as pl

from models import absence, calibrate, seasonal, severity, splits
from models.absence import Shifted, Silence
from models.errors import NothingToLearnError
from models.estimators import Blend, Design, Estimator, Floats, probability
from models.hedge import Hedged
from models.lesson import Lesson, prepared, values_of
from models.seasonal import Seasonal
from models.severity import Severity
from models.task import Settings, Task
from models.variants import VARIANTS, Judged, Variant, calibration, choose

__all__ = [
    "Model",
    "Settings",
    "Task",
    "Trained",
    "fit",
    "fit_variant",
    "say_nothing",
    "with_silence",
    "with_spread",
]


def say_nothing(_: str) -> None:
    """Keep progress to itself."""


@dataclass(frozen=True)
class Model:
    """A fitted model: values of its ``design`` in, log-odds, contributions and expected jobs lost out.

    The last features of ``design`` are those of ``silences``: whether a source speaks at all.
    """

    design: Design
    season: Seasonal | None
    estimator: Estimator
    severity: Severity
    silences: tuple[Silence, ...] = ()

    def values(self, frame: pl.DataFrame) -> Floats:
        """The features of ``frame`` in the order of ``design``, carry-over included; (rows, features)."""
        return values_of(self.design, self.season, frame, silences=self.silences)

    @property
    def features(self) -> tuple[str, ...]:
        """The names of ``design`` without those of ``silences``."""
        return self.design.names[: len(self.design.names) - len(self.silences)]

    def log_odds(self, values: Floats) -> Floats:
        """Log-odds of shape (rows,)."""
        return self.estimator.log_odds(values)

    def contributions(self, values: Floats) -> tuple[Floats, float]:
        """Contributions of shape (rows, features) and the base."""
        return self.estimator.contributions(values)

    def score(self, frame: pl.DataFrame) -> pl.DataFrame:
        """``probability`` and ``expected_loss`` (persons) of each row of ``frame``, which has ``insured_persons``."""
        values = self.values(frame)
        chance = probability(self.log_odds(values))
        persons = frame["insured_persons"].cast(pl.Float64).fill_null(0.0).to_numpy()
        loss = chance * self.severity.share(values[:, : len(self.features)]) * persons
        return pl.DataFrame({"probability": chance, "expected_loss": loss})


@dataclass(frozen=True)
class Trained:
    """What learning found: the model, how it was chosen, and what it was taught by."""

    model: Model
    task: Task
    variant: str
    is_calibrated: bool
    trained_on: tuple[date, ...]
    rows: int
    events: int
    evidence: tuple[Mapping[str, str | float], ...] = field(default_factory=tuple)


def fit(
    panel: pl.DataFrame,
    *,
    task: Task,
    design: Design,
    settings: Settings,
    variants: Sequence[Variant] = VARIANTS,
    say: Callable[[str], None] = say_nothing,
) -> Trained:
    """Choose one of ``variants`` by rolling origin and fit it on the matured rows of ``panel``.

    ``panel`` is a training panel (enterprise_no, origin, insured_persons, features, label columns). Raises
    ``NothingToLearnError`` where it has no row with a known outcome.
    """
    rows = task.rows(panel, minimum=settings.training_minimum, most=settings.most_rows)
    if rows.is_empty():
        raise NothingToLearnError(f"no row with a known outcome of {task.label} at {task.horizon} months")
    judged = _judge(rows, variants, task=task, design=design, settings=settings, say=say)
    variant = choose(judged, noise=settings.noise, variants=variants)
    is_calibrated, slope = calibration(judged[variant.name], fewest=settings.calibration_fewest_windows)
    model = fit_variant(rows, variant, task=task, design=design, settings=settings)
    if is_calibrated:
        model = with_spread(model, rows, slope=slope, task=task, settings=settings)
    model = with_silence(model, rows, task=task, design=design, settings=settings)
    event = task.event(rows)
    say(f"{variant.name}{', calibrated' if is_calibrated else ''}: {len(event)} rows, {int(event.sum())} events")
    evidence: tuple[Mapping[str, str | float], ...] = tuple(
        {"variant": name, "window": f"{window.test:%Y-%m}", "average_precision": window.average_precision}
        for name, windows in judged.items()
        for window in windows
    )
    origins = tuple(sorted(rows["origin"].unique().to_list()))
    return Trained(model, task, variant.name, is_calibrated, origins, len(event), int(event.sum()), evidence)


def fit_variant(rows: pl.DataFrame, variant: Variant, *, task: Task, design: Design, settings: Settings) -> Model:
    """Fit ``variant`` on ``rows`` (known outcomes, as from ``Task.rows``), or on a sample of their enterprises."""
    taught = _sample(rows, most=settings.most_rows)
    lesson = prepared(taught, task=task, design=design, settings=settings, has_season=variant.has_season)
    members = {name: lesson.member(name, settings) for name in variant.members}
    estimator = _estimator(variant, members, lesson, settings)
    event = task.event(taught)
    lost, persons = task.lost(taught)[event], taught["insured_persons"].to_numpy()[event]
    share = np.clip(lost / np.maximum(persons, 1), 0.0, 1.0)
    head = severity.fit_severity(lesson.values[: len(event)][event], share)
    model = Model(design=lesson.design, season=lesson.season, estimator=estimator, severity=head)
    return _levelled(model, taught, task=task, settings=settings) if variant.is_hedged else model


def _levelled(model: Model, rows: pl.DataFrame, *, task: Task, settings: Settings) -> Model:
    """``model`` with its mean probability of the ``rows`` that taught it at their rate: a blend falls short of it."""
    asked = _asked(rows, task, settings)
    if asked.is_empty():
        return model
    log_odds, rate = model.log_odds(model.values(asked)), float(task.event(asked).mean())
    if not 0 < rate < 1:
        return model
    return replace(model, estimator=calibrate.Platt(model.estimator, 1.0, calibrate.restoring(log_odds, rate)))


def with_spread(model: Model, rows: pl.DataFrame, *, slope: float, task: Task, settings: Settings) -> Model:
    """``model`` with its log-odds times ``slope``, and its mean probability of the enterprises asked of as it was.

    ``rows`` are those that taught it.
    """
    log_odds = model.log_odds(model.values(_asked(rows, task, settings)))
    level = calibrate.level(slope, log_odds)
    return replace(model, estimator=calibrate.Platt(model.estimator, slope, level))


def with_silence(model: Model, rows: pl.DataFrame, *, task: Task, design: Design, settings: Settings) -> Model:
    """``model`` with the shifts that keep its mean probability where a source of ``design`` is silent.

    ``rows`` are those that taught it; the mean is that of the enterprises asked of.
    """
    asked = _asked(rows, task, settings)
    names, values = model.design.names, model.values(asked)
    found = absence.silences(asked, names, design.sources)
    if not found:
        return model
    speaks = ~np.isnan(absence.encode(asked, found))
    shifts = tuple(
        absence.shift(model.estimator, values, [names.index(name) for name in one.columns], speaks[:, place])
        for place, one in enumerate(found)
    )
    return replace(
        model,
        design=model.design.with_features(tuple(one.name for one in found), theme=absence.THEME, sign=0),
        estimator=Shifted(model.estimator, len(names), shifts),
        silences=found,
    )


def _asked(rows: pl.DataFrame, task: Task, settings: Settings) -> pl.DataFrame:
    """Of the rows that taught, those of enterprises that are asked of, or a sample of them."""
    return _sample(rows.filter(pl.col("insured_persons") >= task.minimum_insured), most=settings.silence_most_rows)


def _judge(
    rows: pl.DataFrame,
    variants: Sequence[Variant],
    *,
    task: Task,
    design: Design,
    settings: Settings,
    say: Callable[[str], None],
) -> dict[str, list[Judged]]:
    """Every variant in every window, those with carry-over only where it can show; one-sided windows are left out."""
    judged: dict[str, list[Judged]] = {variant.name: [] for variant in variants}
    origins, fewest = rows["origin"].unique().to_list(), settings.windows_fewest_origins
    for split in splits.rolling(origins, horizon=task.horizon, windows=settings.windows, fewest=fewest):
        before = _sample(rows.filter(pl.col("origin").is_in(list(split.train))), most=settings.windows_most_rows)
        asked = rows.filter((pl.col("origin") == split.test) & (pl.col("insured_persons") >= task.minimum_insured))
        event = task.event(asked)
        if not event.any() or not task.event(before).any():
            continue
        season_seen = set(seasonal.seasons(asked)) <= set(seasonal.seasons(before))
        kinds = [kind for kind in (True, False) if any(one.has_season == kind for one in variants)]
        for has_season in kinds if season_seen or len(kinds) == 1 else (False,):
            lesson = prepared(before, task=task, design=design, settings=settings, has_season=has_season)
            own = [one for one in variants if one.has_season == has_season]
            names = dict.fromkeys(name for one in own for name in one.members)
            members = {name: lesson.member(name, settings) for name in names}
            values = values_of(lesson.design, lesson.season, asked)
            for variant in own:
                found = Judged(split.test, _estimator(variant, members, lesson, settings).log_odds(values), event)
                judged[variant.name].append(found)
                say(f"{split.test:%Y-%m} {variant.name}: {found.average_precision:.3f}")
    return judged


def _estimator(variant: Variant, members: Mapping[str, Estimator], lesson: Lesson, settings: Settings) -> Estimator:
    own = tuple(members[name] for name in variant.members)
    whole = own[0] if len(own) == 1 else Blend(own, (1 - settings.blend_weight, settings.blend_weight))
    if not variant.is_hedged or lesson.season is None or lesson.has_years:
        return whole
    first = len(lesson.design.names) - len(lesson.season.names)
    places = tuple(first + place for place, name in enumerate(lesson.season.names) if name in seasonal.CHAINS)
    return Hedged(whole, places, settings.season_share)


def _sample(rows: pl.DataFrame, *, most: int) -> pl.DataFrame:
    """At most about ``most`` rows: all rows of a fixed sample of enterprises."""
    if rows.height <= most:
        return rows
    return rows.filter(pl.Series(splits.sample(rows["enterprise_no"].to_numpy(), share=most / rows.height)))
