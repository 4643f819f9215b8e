"""``wengang score-panel``: learn from canonical panels, score a panel that no one has seen.

The features are those of the night, by the night's own functions; a panel without wages, with one industry or a few
months goes through as it is, with what it lacks left missing. Needs no home and no warehouse.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from models import baselines, needs, pay, train
from models import labels as label_columns
from models.bag import BagSettings
from models.errors import NothingToLearnError
from models.estimators import Design, TreeSettings
from models.forest import ForestSettings
from models.labels import Label
from models.network import NetworkSettings
from models.train import Settings, Task, Trained
from models.variants import PANEL_VARIANTS, Variant
from pipelines import contracts as contract_files
from pipelines import lunar
from pipelines import parameters as parameter_files
from pipelines.contracts import Column
from pipelines.errors import DeliveryError, UsageError
from pipelines.parameters import Parameters
from pipelines.stages.features import canonical
from pipelines.stages.features.canonical import Canonical
from pipelines.stages.features.reading import definitions

HORIZON = 3
UNKNOWN = -1
OUTPUT = ("enterprise_id", "origin", "insured", "probability", "expected_loss", "baseline_volatility")
OWN_THEME = "用工"
FEATURES_TABLE = "features.enterprise"
MONTH = r"\d{4}-(?:0[1-9]|1[0-2])"
RANGE = re.compile(rf"(?P<first>{MONTH})(?:\.\.(?P<last>{MONTH}))?")


@dataclass(frozen=True)
class Request:
    """What to score: enterprises of ``minimum_insured`` and more at each of ``origins``, for ``label``."""

    label: str
    origins: tuple[date, ...]
    minimum_insured: int
    is_lunar: bool = False
    horizon: int = HORIZON


def score_panel(
    training: Sequence[pl.DataFrame], panel: pl.DataFrame, request: Request, *, say: Callable[[str], None]
) -> tuple[pl.DataFrame, Trained]:
    """The rows of ``OUTPUT`` in order of origin and enterprise, and how the model was learned.

    Raises ``DeliveryError`` for a frame that is no canonical panel or an origin outside it, ``UsageError`` for a label
    that does not exist or that the training panels cannot teach.
    """
    parameters = parameter_files.load(max(request.origins))
    label = label_of(request.label, parameters)
    scored = read(panel, parameters, say=say)
    for origin in request.origins:
        scored.row(origin)
    rows = training_panel(training, label, parameters, request, say=say)
    task = Task(label=request.label, horizon=request.horizon, minimum_insured=request.minimum_insured)
    frame = features(scored, request.origins, parameters, label, request)
    trained = fit(rows, task, design_of(parameters, frame), parameters, say=say)
    say(f"scored: {frame.height} rows of {len(request.origins)} origins")
    result = pl.concat([frame, trained.model.score(frame)], how="horizontal").with_columns(
        pl.col("insured_persons").alias("insured"), pl.Series("baseline_volatility", baselines.volatility(frame))
    )
    return result.select(OUTPUT).sort("origin", "enterprise_id"), trained


def fit(
    rows: pl.DataFrame, task: Task, design: Design, parameters: Parameters, *, say: Callable[[str], None]
) -> Trained:
    """A model taught by ``rows`` of training panels; raises ``UsageError`` where they cannot teach."""
    settings = panel_settings(parameters)
    try:
        return train.fit(rows, task=task, design=design, settings=settings, variants=PANEL_VARIANTS, say=say)
    except NothingToLearnError as error:
        raise UsageError(f"the training panels cannot teach: {error}") from error


def label_of(name: str, parameters: Parameters) -> Label:
    """The definition called ``name``; raises ``UsageError`` for one that does not exist."""
    known = label_columns.labels_of(parameters["labels"])
    if name not in known:
        raise UsageError(f"no label {name}; there are {', '.join(sorted(known))}")
    return known[name]


def variant_named(name: str) -> Variant:
    """The way to learn from panels that is called ``name``."""
    return next(one for one in PANEL_VARIANTS if one.name == name)


def training_panel(
    frames: Iterable[pl.DataFrame],
    label: Label,
    parameters: Parameters,
    request: Request,
    *,
    say: Callable[[str], None],
) -> pl.DataFrame:
    """All origins of all panels with their features and outcomes; an enterprise has one number over all panels."""
    parts = []
    teaching = replace(request, minimum_insured=panel_settings(parameters).training_minimum)
    for frame in frames:
        panel = read(frame, parameters, say=say)
        found = features(panel, panel.months, parameters, label, teaching)
        parts.append(found.join(_outcomes(panel, label, request.horizon), on=["enterprise_no", "origin"], how="left"))
    if not parts:
        raise UsageError("no panel to train on")
    together = pl.concat(parts, how="vertical_relaxed").drop("enterprise_no")
    numbers = together.select(pl.col("enterprise_id").unique().sort()).with_row_index("enterprise_no")
    return together.join(numbers.cast({"enterprise_no": pl.Int64}), on="enterprise_id", how="left").sort(
        "origin", "enterprise_no", maintain_order=True
    )


def origins_of(texts: Iterable[str]) -> tuple[date, ...]:
    """The months of texts like ``2023-04`` and ``2023-04..2023-09``, in order; raises ``UsageError`` for any other."""
    months: set[date] = set()
    for text in texts:
        found = RANGE.fullmatch(text.strip())
        if not found:
            raise UsageError(f"origin {text!r} is neither YYYY-MM nor YYYY-MM..YYYY-MM")
        first, last = found["first"], found["last"] or found["first"]
        numbers = range(*(int(end[:4]) * 12 + int(end[5:]) - 1 + step for end, step in ((first, 0), (last, 1))))
        if not numbers:
            raise UsageError(f"origin {text!r} ends before it begins")
        months |= {lunar.month_of_ordinal(number) for number in numbers}
    return tuple(sorted(months))


def settings_of(parameters: Parameters) -> Settings:
    """The settings of learning in force."""
    values: Mapping[str, Any] = parameters["learning"]
    return Settings(**{**values, "trees": TreeSettings(**values["trees"])})


def panel_settings(parameters: Parameters) -> Settings:
    """The settings of learning from panels: those in force, with what panels change."""
    values: Mapping[str, Any] = {**parameters["learning"], **parameters["panel_learning"]}
    bag, network = values["bag"], values["network"]
    return Settings(
        **{
            **values,
            "trees": TreeSettings(**values["trees"]),
            "bag": BagSettings(members=bag["members"], trees=TreeSettings(**bag["trees"])),
            "forest": ForestSettings(**values["forest"]),
            "network": NetworkSettings(**{**network, "layers": tuple(network["layers"])}),
        }
    )


def read_panel(path: Path) -> pl.DataFrame:
    """The frame in a Parquet or CSV file; raises ``DeliveryError`` where it is neither."""
    try:
        if path.suffix.lower() == ".csv":
            return pl.read_csv(path, schema_overrides=dict(canonical.SCHEMA))
        return pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DeliveryError(f"{path.name} cannot be read as Parquet or CSV: {error}") from error


def write_scores(frame: pl.DataFrame, path: Path) -> None:
    """Write ``frame`` as CSV where ``path`` says so, else as Parquet; the same frame gives the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix.lower() == ".csv":
        frame.write_csv(path)
    else:
        frame.write_parquet(path)


def read(frame: pl.DataFrame, parameters: Parameters, *, say: Callable[[str], None]) -> Canonical:
    """``frame`` as a canonical panel, saying in which months its coverage breaks; raises ``DeliveryError``."""
    panel = canonical.read(
        frame,
        break_share=parameters["coverage_break_share_pct"] / 100,
        break_minimum=parameters["coverage_break_minimum_enterprises"],
    )
    for month in panel.broken_months:
        say(f"coverage breaks in {month:%Y-%m}: what spans it is unknown")
    return panel


def features(
    panel: Canonical, origins: Sequence[date], parameters: Parameters, label: Label, request: Request
) -> pl.DataFrame:
    """Features at ``origins`` of enterprises with as many insured as ``request`` asks for, and the season of each.

    Those of the night's kernel, how far each enterprise is from an event of ``label`` (``models.needs``), and the
    course of its wages (``models.pay``).
    """
    parts = []
    levels = [panel.insured, *(panel.insurance.columns[name].raw(UNKNOWN).T for name in ("base_fen", "due_fen"))]
    for origin in origins:
        numbers = definitions(parameters, reference=lunar.ordinal(origin), is_lunar=request.is_lunar)
        season = numbers.lunar.season(lunar.ordinal(origin))
        frame = canonical.features(panel, origin, definitions=numbers)
        frame = pl.concat([frame, pay.ranks(frame)], how="horizontal")
        frame = frame.filter(pl.col("insured_persons") >= request.minimum_insured)
        known, own = slice(0, panel.row(origin) + 1), frame["enterprise_no"].to_numpy()
        insured, base, due = (np.ascontiguousarray(level[own, known]) for level in levels)
        near = needs.features(insured, label=label, horizon=request.horizon) | pay.features(insured, base, due)
        parts.append(
            frame.with_columns(
                *(pl.Series(name, values).fill_nan(None) for name, values in near.items()), season=pl.lit(season)
            )
        )
    return pl.concat(parts)


def _outcomes(panel: Canonical, label: Label, horizon: int) -> pl.DataFrame:
    levels, broken = panel.insured, panel.broken
    numbers = pl.int_range(levels.shape[0], dtype=pl.Int64, eager=True).alias("enterprise_no")
    return pl.concat(
        label_columns.columns(levels, origin=row, horizons=[horizon], labels=[label], broken=broken).with_columns(
            numbers, pl.lit(month).alias("origin")
        )
        for row, month in enumerate(panel.months)
    )


def design_of(parameters: Parameters, asked: pl.DataFrame) -> Design:
    """The inputs of models that mean the same in every city and that the rows ``asked`` about know at all.

    Those of the night's contract, and those made for panels. What hardly any row asked about knows is not taught:
    a model would send all of them where training had sent the few that lacked it.
    """
    left_out, fewest = set(parameters["panel_left_out_features"]), parameters["panel_known_share_pct"] / 100
    columns = {name: column for name, column in _inputs().items() if name not in left_out}
    own = {**needs.SIGNS, **dict.fromkeys((*pay.NAMES, *pay.RANKS), 0)}
    known = asked.select(pl.col(name).is_not_null().mean() for name in (*columns, *own) if name in asked.columns)
    shares = known.row(0, named=True) if asked.height else {}
    names = tuple(name for name in (*columns, *own) if (shares.get(name) or 0.0) >= fewest or not asked.height)
    signs = {**{name: column.risk_sign or 0 for name, column in columns.items()}, **own}
    themes = {name: columns[name].theme or "" if name in columns else OWN_THEME for name in names}
    return Design(names=names, themes=themes, monotone={name: signs[name] for name in names})


@cache
def _inputs() -> Mapping[str, Column]:
    contracts = contract_files.load()
    names = contracts.tables[FEATURES_TABLE].columns
    return {name: contracts.columns[name] for name in names if contracts.columns[name].risk_sign is not None}
