"""Many origins at once, training, scoring and explaining, on a home whose last night has been run.

The panel is that of ``features.training_panel``: 24 past origins over one core. Each piece works on a copy of the
home; the panel and the fitted model lie beside it, so that a piece can be measured without the one before.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks import homes
from benchmarks.measure import Work
from models import explain, labels, model_file, train
from models.train import Task
from pipelines import inputs, learning, nightly
from pipelines.nightly import Night
from pipelines.panel_scoring import settings_of
from pipelines.run import add_months
from pipelines.stages import features
from pipelines.stages.features import reach
from pipelines.stages.features.levels import broken, levels
from pipelines.stages.features.panel import Origin
from pipelines.stages.features.sources import EVENTS

ORIGINS = 24
LISTED = 500
LAST_DAY = 28


def origins(given: Mapping[str, Any]) -> Work:
    """Features of every insured enterprise at the last 24 months."""
    kept = ExitStack()
    night = kept.enter_context(_opened(given))
    wanted = _origins(night)

    def work() -> dict[str, Any]:
        with kept:
            panel = features.training_panel(night.run, night.warehouse, wanted, minimum_insured=1)
        return {"rows": panel.height, "columns": panel.width, "origins": len(wanted)}

    return work


def panel(given: Mapping[str, Any]) -> Work:
    """The training panel with its outcomes, written to ``panel.parquet``."""
    kept = ExitStack()
    night = kept.enter_context(_opened(given))
    task = _task(night)

    def work() -> dict[str, Any]:
        with kept:
            found = _labelled(night, minimum=settings_of(night.run.parameters).training_minimum)
            found.write_parquet(_beside(given) / "panel.parquet")
            rows = task.rows(found, minimum=task.minimum_insured)
        return {"rows": found.height, "known_rows": rows.height, "events": int(task.event(rows).sum())}

    return work


def training(given: Mapping[str, Any]) -> Work:
    """Choose a variant by rolling origin and fit it on the pooled panel."""
    with _opened(given) as night:
        task, settings = _task(night), settings_of(night.run.parameters)
        design = learning.design_of(night.run.contracts)
    rows = pl.read_parquet(_beside(given) / "panel.parquet")

    def work() -> dict[str, Any]:
        trained = train.fit(rows, task=task, design=design, settings=settings)
        (_beside(given) / "model.skops").write_bytes(model_file.dumps(trained.model))
        return {"rows": trained.rows, "events": trained.events, "variant": trained.variant}

    return work


def scoring(given: Mapping[str, Any]) -> Work:
    """Probability and expected loss of every enterprise with features."""
    model, frame = _model_and_city(given)

    def work() -> dict[str, Any]:
        return {"rows": model.score(frame).height}

    return work


def explaining(given: Mapping[str, Any]) -> Work:
    """Exact contributions of an edition of 500 by theme, and the strongest; how far their sums are off the score."""
    model, frame = _model_and_city(given)
    frame = frame.with_columns(model.score(frame)).sort("expected_loss", descending=True).head(LISTED)

    def work() -> dict[str, Any]:
        values = model.values(frame)
        terms, base = model.contributions(values)
        _, themes = explain.by_theme(terms, model.design.names, model.design.themes)
        chosen = explain.strongest(terms, model.design.names)
        off = np.abs(base + themes.sum(axis=1) - model.log_odds(values)).max()
        return {"rows": len(chosen), "largest_error_of_sum": float(off)}

    return work


@contextmanager
def _opened(given: Mapping[str, Any]) -> Iterator[Night]:
    """The last night of a copy of the home, its core and features as that night left them."""
    home = homes.copy(Path(given["home"]), _beside(given) / "home")
    day = date.fromisoformat(given["night"])
    with nightly.opened(homes.means(home, night=day), as_of=day, cutoff=homes.cutoff(day)) as night:
        yield night


def _beside(given: Mapping[str, Any]) -> Path:
    folder = Path(given["home"]).parent / "learning"
    folder.mkdir(exist_ok=True)
    return folder


def _origins(night: Night) -> list[Origin]:
    """Tonight's origin and those of the months before, the earliest first."""
    tonight, _ = reach.origin_of(night.run, night.warehouse)
    return [_moved(tonight, night.run.as_of, back) for back in range(ORIGINS - 1, -1, -1)]


def _moved(tonight: Origin, as_of: date, back: int) -> Origin:
    """Tonight's origin ``back`` months earlier, every source as far behind it as tonight."""
    day = add_months(as_of.replace(day=1), -back).replace(day=min(as_of.day, LAST_DAY))
    passed = (as_of - day).days
    events = {source.name for source in EVENTS}
    return Origin(
        insurance=tonight.insurance - back,
        export=None if tonight.export is None else tonight.export - back,
        reached={name: at - (passed if name in events else back) for name, at in tonight.reached.items()},
        day=day.toordinal(),
    )


def _task(night: Night) -> Task:
    parameters = night.run.parameters
    return Task(
        label=parameters["model_label"],
        horizon=int(parameters["model_horizon_months"]),
        minimum_insured=int(parameters["model_minimum_insured"]),
    )


def _labelled(night: Night, *, minimum: int) -> pl.DataFrame:
    wanted = _origins(night)
    rows = features.training_panel(night.run, night.warehouse, wanted, minimum_insured=minimum)
    first, last = wanted[0].insurance, wanted[-1].insurance
    insured = levels(night.warehouse, first=first, last=last)
    gaps = broken(night.run, insured)
    parameters = night.run.parameters
    known = labels.labels_of(parameters["labels"]).values()
    horizons = [int(months) for months in parameters["label_horizons_months"]]
    who = night.warehouse.frame(
        "SELECT enterprise_no, industry_code, industry_division, county_code FROM core.enterprise "
        "ORDER BY enterprise_no"
    )
    months = rows["origin"].unique().sort().to_list()
    outcomes = [
        pl.concat(
            [who, labels.columns(insured, origin=place, horizons=horizons, labels=known, broken=gaps)], how="horizontal"
        ).with_columns(origin=pl.lit(month))
        for place, month in enumerate(months)
    ]
    return rows.join(pl.concat(outcomes), on=["enterprise_no", "origin"], how="inner", maintain_order="left")


def _model_and_city(given: Mapping[str, Any]) -> tuple[Any, pl.DataFrame]:
    with _opened(given) as night:
        frame = inputs.read(night.warehouse).filter(pl.col("insured_persons") > 0)
    return model_file.loads((_beside(given) / "model.skops").read_bytes()), frame
