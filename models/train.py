"""From a training panel to a learned model: variants fitted side by side, the choice made by rolling origin alone.

A panel too large for the memory of a small machine teaches by a sample of whole enterprises. Same rows in, same bytes
out; the last window never chooses, so a report may judge by it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models import calibrate, labels, seasonal, severity, splits
from models.errors import NothingToLearnError
from models.estimators import (
    Blend,
    Bools,
    Design,
    Estimator,
    Floats,
    TreeSettings,
    fit_linear,
    fit_trees,
    probability,
)
from models.seasonal import Seasonal
from models.severity import Severity
from models.variants import LINEAR, TREES, VARIANTS, Judged, Variant, calibration, choose

SEASON_THEME = "外部"


def say_nothing(_: str) -> None:
    """Keep progress to itself."""


@dataclass(frozen=True)
class Task:
    """What is to be foreseen: a label at a horizon in months, asked of enterprises of ``minimum_insured`` and more."""

    label: str
    horizon: int
    minimum_insured: int

    def rows(self, panel: pl.DataFrame, *, minimum: int, most: int | None = None) -> pl.DataFrame:
        """The rows of ``panel`` with a known outcome and at least ``minimum`` insured, by origin and enterprise.

        Where they are more than ``most``: those of a sample of enterprises.
        """
        known = pl.col(labels.known_column(self.label, self.horizon)) & (pl.col("insured_persons") >= minimum)
        wanted = panel.select(known.fill_null(value=False)).to_series()
        found = int(wanted.sum())
        if most is not None and found > most:
            wanted &= pl.Series(splits.sample(panel["enterprise_no"].to_numpy(), share=most / found))
        return panel.filter(wanted).sort("origin", "enterprise_no")

    def event(self, rows: pl.DataFrame) -> Bools:
        """Whether each row had the event."""
        return rows[labels.event_column(self.label, self.horizon)].to_numpy().astype(np.bool_)

    def lost(self, rows: pl.DataFrame) -> NDArray[np.int64]:
        """Persons lost by the end point; 0 where the panel does not tell."""
        column = labels.lost_column(self.horizon)
        return rows[column].fill_null(0).to_numpy().astype(np.int64)


@dataclass(frozen=True)
class Settings:
    """The contestable numbers of learning.

    A window taught by fewer than ``windows_fewest_origins`` origins says little about a model taught by more, and two
    variants within ``noise`` of average precision do not differ. More than ``most_rows`` rows teach by a sample.
    """

    training_minimum: int
    folds: int
    season_weight: float
    without_season_folds: int
    penalty: float
    trees: TreeSettings
    blend_weight: float
    windows: int
    windows_fewest_origins: int
    windows_most_rows: int
    most_rows: int
    noise: float


@dataclass(frozen=True)
class Model:
    """A fitted model: values of its ``design`` in, log-odds, contributions and expected jobs lost out."""

    design: Design
    season: Seasonal | None
    estimator: Estimator
    severity: Severity

    def values(self, frame: pl.DataFrame) -> Floats:
        """The features of ``frame`` in the order of ``design``, carry-over included; (rows, features)."""
        return _values(self.design, self.season, frame)

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
        loss = chance * self.severity.share(values) * persons
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
    panel: pl.DataFrame, *, task: Task, design: Design, settings: Settings, say: Callable[[str], None] = say_nothing
) -> Trained:
    """Choose a variant by rolling origin and fit it on the matured rows of ``panel``.

    ``panel`` is a training panel (enterprise_no, origin, insured_persons, features, label columns). Raises
    ``NothingToLearnError`` where it has no row with a known outcome.
    """
    rows = task.rows(panel, minimum=settings.training_minimum, most=settings.most_rows)
    if rows.is_empty():
        raise NothingToLearnError(f"no row with a known outcome of {task.label} at {task.horizon} months")
    judged = _judge(rows, task=task, design=design, settings=settings, say=say)
    variant = choose(judged, noise=settings.noise)
    is_calibrated, slope, intercept = calibration(judged[variant.name])
    model = fit_variant(rows, variant, task=task, design=design, settings=settings)
    if is_calibrated:
        model = replace(model, estimator=calibrate.Platt(model.estimator, slope, intercept))
    event = task.event(rows)
    say(f"{variant.name}{', calibrated' if is_calibrated else ''}: {len(event)} rows, {int(event.sum())} events")
    evidence: tuple[Mapping[str, str | float], ...] = tuple(
        {"variant": name, "window": f"{window.test:%Y-%m}", "average_precision": window.average_precision}
        for name, windows in judged.items()
        for window in windows
    )
    origins = tuple(sorted(rows["origin"].unique().to_list()))
    return Trained(model, task, variant.name, is_calibrated, origins, len(event), int(event.sum()), evidence)


@dataclass(frozen=True)
class _Lesson:
    """What the estimators are taught: ``design`` and ``season`` of the values, and rows that may come twice.

    ``values`` (rows, features) begin with the panel's own rows, one for each.
    """

    design: Design
    season: Seasonal | None
    values: Floats
    event: Bools

    def member(self, name: str, settings: Settings) -> Estimator:
        """The estimator ``name`` fitted on the lesson."""
        if name == LINEAR:
            return fit_linear(self.values, self.event, penalty=settings.penalty)
        return fit_trees(self.values, self.event, design=self.design, settings=settings.trees)


def fit_variant(rows: pl.DataFrame, variant: Variant, *, task: Task, design: Design, settings: Settings) -> Model:
    """Fit ``variant`` on ``rows`` (known outcomes, as from ``Task.rows``), or on a sample of their enterprises."""
    taught = _sample(rows, most=settings.most_rows)
    lesson = _lesson(taught, task=task, design=design, settings=settings, has_season=variant.has_season)
    members = {name: lesson.member(name, settings) for name in variant.members}
    estimator = _estimator(variant, members, settings)
    event = task.event(taught)
    lost, persons = task.lost(taught)[event], taught["insured_persons"].to_numpy()[event]
    share = np.clip(lost / np.maximum(persons, 1), 0.0, 1.0)
    head = severity.fit_severity(lesson.values[: len(event)][event], share)
    return Model(design=lesson.design, season=lesson.season, estimator=estimator, severity=head)


def _judge(
    rows: pl.DataFrame, *, task: Task, design: Design, settings: Settings, say: Callable[[str], None]
) -> dict[str, list[Judged]]:
    """Every variant in every window, those with carry-over only where it can show; one-sided windows are left out."""
    judged: dict[str, list[Judged]] = {variant.name: [] for variant in VARIANTS}
    origins, fewest = rows["origin"].unique().to_list(), settings.windows_fewest_origins
    for split in splits.rolling(origins, horizon=task.horizon, windows=settings.windows, fewest=fewest):
        before = _sample(rows.filter(pl.col("origin").is_in(list(split.train))), most=settings.windows_most_rows)
        asked = rows.filter((pl.col("origin") == split.test) & (pl.col("insured_persons") >= task.minimum_insured))
        event = task.event(asked)
        if not event.any() or not task.event(before).any():
            continue
        season_seen = set(seasonal.seasons(asked)) <= set(seasonal.seasons(before))
        for has_season in (True, False) if season_seen else (False,):
            lesson = _lesson(before, task=task, design=design, settings=settings, has_season=has_season)
            members = {name: lesson.member(name, settings) for name in (TREES, LINEAR)}
            values = _values(lesson.design, lesson.season, asked)
            for variant in (one for one in VARIANTS if one.has_season == has_season):
                found = Judged(split.test, _estimator(variant, members, settings).log_odds(values), event)
                judged[variant.name].append(found)
                say(f"{split.test:%Y-%m} {variant.name}: {found.average_precision:.3f}")
    return judged


def _lesson(rows: pl.DataFrame, *, task: Task, design: Design, settings: Settings, has_season: bool) -> _Lesson:
    event, kept = task.event(rows), design.informative(rows)
    own = kept.values(rows)
    if not has_season:
        return _Lesson(kept, None, own, event)
    season = seasonal.fit(rows, event, weight=settings.season_weight)
    encoded = seasonal.encode_training(rows, event, weight=settings.season_weight, count=settings.folds)
    values, taught = _with_unseen_seasons(own, encoded, event, rows, settings)
    return _Lesson(kept.with_features(season.names, theme=SEASON_THEME, sign=1), season, values, taught)


def _with_unseen_seasons(
    own: Floats, encoded: Floats, event: Bools, rows: pl.DataFrame, settings: Settings
) -> tuple[Floats, Bools]:
    """All rows with their carry-over, and some folds once more without it: a season may be new to the model."""
    fold = splits.folds(rows["enterprise_no"].to_numpy(), count=settings.folds)
    again = fold < settings.without_season_folds
    blank = np.full((int(again.sum()), encoded.shape[1]), np.nan)
    values = np.vstack([np.column_stack([own, encoded]), np.column_stack([own[again], blank])])
    return values, np.concatenate([event, event[again]])


def _values(design: Design, season: Seasonal | None, frame: pl.DataFrame) -> Floats:
    """The features of ``frame`` in the order of ``design``, whose last ones are those of ``season``."""
    if season is None:
        return design.values(frame)
    own = replace(design, names=design.names[: -len(season.names)])
    return np.column_stack([own.values(frame), season.encode(frame)])


def _estimator(variant: Variant, members: Mapping[str, Estimator], settings: Settings) -> Estimator:
    own = tuple(members[name] for name in variant.members)
    return own[0] if len(own) == 1 else Blend(own, (1 - settings.blend_weight, settings.blend_weight))


def _sample(rows: pl.DataFrame, *, most: int) -> pl.DataFrame:
    """At most about ``most`` rows: all rows of a fixed sample of enterprises."""
    if rows.height <= most:
        return rows
    return rows.filter(pl.Series(splits.sample(rows["enterprise_no"].to_numpy(), share=most / rows.height)))
