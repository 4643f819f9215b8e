"""From a register of notices to a model of a further one: variants side by side, chosen on years before those judged.

The hazard is discrete: of an employer at risk at the start of a month, the chance of a notice within the horizon. Rows
without an event are so many that a fixed share of them teaches; the level is put right exactly (King and Zeng 2001).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from models import calibrate, validate
from models.errors import NothingToLearnError
from models.estimators import (
    Blend,
    Design,
    Estimator,
    Floats,
    TreeSettings,
    fit_linear,
    fit_trees,
    probability,
)
from models.notice_history import History, plus_months
from models.notice_panel import FEATURES, Question, panel

TREES, LINEAR = "trees", "linear"
TREE_SETTINGS = TreeSettings(iterations=100, learning_rate=0.08, leaves=15, leaf_rows=50, l2=1.0)
VARIANTS: Mapping[str, tuple[str, ...]] = {"trees": (TREES,), "blend": (TREES, LINEAR), "linear": (LINEAR,)}
"""In order of preference: a later one must be better than an earlier one by more than the noise."""
BASELINES: Mapping[str, tuple[str, float]] = {
    "recency": ("since_last", -1.0),
    "count_36m": ("notices_36m", 1.0),
    "count_ever": ("notices", 1.0),
    "area_rate": ("area_rate", 1.0),
}
"""Rankings without learning: name → feature, and the sign that puts the most at risk first."""
RATIOS = frozenset(name for name in FEATURES if name.endswith("_rate") or "_rate_" in name)
AS_THEY_ARE = frozenset(name for name in FEATURES if "wave" in name or name.startswith("season"))


@dataclass(frozen=True)
class Settings:
    """The contestable numbers of learning from a register.

    ``quiet_share`` of the rows without an event teach. ``variants`` within ``noise`` of the area under the curve do
    not differ; they are compared on ``windows`` spans of ``window_months`` before the model's own end, oldest first.
    """

    training_months: int = 132
    quiet_share: float = 0.05
    trees: TreeSettings = TREE_SETTINGS
    penalty: float = 1e-4
    variants: tuple[str, ...] = tuple(VARIANTS)
    windows: int = 3
    window_months: int = 12
    window_step: int = 3
    noise: float = 0.002


@dataclass(frozen=True)
class NoticeModel:
    """A fitted hazard: a panel in, log-odds and contributions out."""

    design: Design
    estimator: Estimator

    def values(self, frame: pl.DataFrame) -> Floats:
        """The features of ``frame`` on the scale of learning (``softened``); (rows, features)."""
        return softened(self.design.values(frame), self.design.names)

    def probability(self, frame: pl.DataFrame) -> Floats:
        """The chance of a further notice of every row."""
        return probability(self.estimator.log_odds(self.values(frame)))


@dataclass(frozen=True)
class Taught:
    """The model, the variant chosen, what taught it, and how every variant did in each window."""

    model: NoticeModel
    variant: str
    origins: tuple[date, ...]
    rows: int
    events: int
    evidence: tuple[Mapping[str, str | float], ...]


def softened(values: Floats, names: Sequence[str]) -> Floats:
    """Counts and times as signed log(1 + x), rates as logarithms, waves and seasons as they are."""
    found = np.sign(values) * np.log1p(np.abs(values))
    for place, name in enumerate(names):
        if name in RATIOS:
            found[:, place] = np.log(np.maximum(values[:, place], 1e-6))
        elif name in AS_THEY_ARE:
            found[:, place] = values[:, place]
    return found


def baselines(frame: pl.DataFrame) -> dict[str, Floats]:
    """The score of every row by ranking without learning, the higher the more at risk."""
    return {name: frame[column].to_numpy() * sign for name, (column, sign) in BASELINES.items()}


def training_origins(past: History, question: Question, *, until: date, months: int) -> tuple[date, ...]:
    """The last ``months`` origins whose outcome had matured by ``until``, none before the register's first notice."""
    latest = plus_months(until, -question.matures_after)
    origins = tuple(plus_months(latest, -step) for step in range(months - 1, -1, -1))
    if not len(past.kept.day):
        return ()
    return tuple(origin for origin in origins if (origin - date(1970, 1, 1)).days > past.kept.day[0])


def fit(
    past: History,
    question: Question,
    *,
    until: date,
    settings: Settings,
    say: Callable[[str], None],
    permuted: bool = False,
) -> Taught:
    """Choose a variant on windows before ``until`` and fit it on all that had matured by then.

    With ``permuted`` the outcomes that teach are dealt anew among the rows of each origin: nothing is left to learn.
    Raises ``NothingToLearnError`` where no origin had matured or nobody had filed again.
    """
    evidence = _evidence(past, question, until=until, settings=settings, say=say)
    variant = chosen(evidence, names=settings.variants, noise=settings.noise)
    rows, origins = lesson(past, question, until=until, settings=settings, permuted=permuted)
    event = rows["event"].to_numpy()
    if not event.any():
        raise NothingToLearnError(f"nobody in the register filed again within {question.horizon} months by {until}")
    say(f"{variant}: {len(event)} rows, {int(event.sum())} events, {len(origins)} origins to {origins[-1]:%Y-%m}")
    model = fit_variant(rows, variant, settings)
    return Taught(model, variant, origins, len(event), int(event.sum()), evidence)


def lesson(
    past: History, question: Question, *, until: date, settings: Settings, permuted: bool = False
) -> tuple[pl.DataFrame, tuple[date, ...]]:
    """The rows that teach a model by what had matured by ``until``, thinned, and their origins."""
    origins = training_origins(past, question, until=until, months=settings.training_months)
    if not origins:
        return pl.DataFrame({"event": pl.Series([], dtype=pl.Boolean)}), ()
    return panel(past, origins, question, quiet_share=settings.quiet_share, is_dealt=permuted), origins


def fit_variant(rows: pl.DataFrame, variant: str, settings: Settings) -> NoticeModel:
    """Fit ``variant`` on the rows of a panel of which ``settings.quiet_share`` of the quiet ones were kept."""
    return _blended({name: _member(rows, name, settings) for name in VARIANTS[variant]}, variant, settings)


def chosen(evidence: Sequence[Mapping[str, str | float]], *, names: Sequence[str], noise: float) -> str:
    """The first of ``names`` within ``noise`` of the best mean area under the curve; the first without evidence."""
    if not evidence:
        return names[0]
    means = {name: float(np.mean([float(one["auc"]) for one in evidence if one["variant"] == name])) for name in names}
    return next(name for name in names if means[name] >= max(means.values()) - noise)


def _evidence(
    past: History, question: Question, *, until: date, settings: Settings, say: Callable[[str], None]
) -> tuple[Mapping[str, str | float], ...]:
    """Average precision and area under the curve of every variant in every window that has events on both sides."""
    found: list[Mapping[str, str | float]] = []
    latest = plus_months(until, -question.matures_after)
    for window in range(settings.windows, 0, -1):
        first = plus_months(latest, 1 - window * settings.window_months)
        rows, origins = lesson(past, question, until=first, settings=settings)
        if not origins or not rows["event"].any():
            continue
        steps = range(0, settings.window_months, settings.window_step)
        asked = panel(past, [plus_months(first, step) for step in steps], question)
        event = asked["event"].to_numpy()
        if not event.any():
            continue
        members = {name: _member(rows, name, settings) for name in (TREES, LINEAR)}
        for name in settings.variants:
            score = _blended(members, name, settings).probability(asked)
            figures = {"auc": validate.auc(event, score), "average_precision": validate.average_precision(event, score)}
            found.append({"variant": name, "window": f"{first:%Y-%m}", **figures})
            say(f"{first:%Y-%m} {name}: " + ", ".join(f"{key} {value:.3f}" for key, value in figures.items()))
    return tuple(found)


def _member(rows: pl.DataFrame, name: str, settings: Settings) -> Estimator:
    design = Design(names=tuple(FEATURES), monotone={key: sign for key, sign in FEATURES.items() if sign})
    values, event = softened(design.values(rows), design.names), rows["event"].to_numpy()
    if name == LINEAR:
        return fit_linear(values, event, penalty=settings.penalty)
    return fit_trees(values, event, design=design, settings=settings.trees)


def _blended(members: Mapping[str, Estimator], variant: str, settings: Settings) -> NoticeModel:
    """The members of ``variant`` in equal parts, at the level of all rows rather than of those kept for teaching."""
    own = tuple(members[name] for name in VARIANTS[variant])
    mixed = own[0] if len(own) == 1 else Blend(own, tuple(1 / len(own) for _ in own))
    level = float(np.log(settings.quiet_share))
    design = Design(names=tuple(FEATURES))
    return NoticeModel(design, calibrate.Platt(mixed, 1.0, level))
