"""What the estimators are taught: features and carry-over of the training rows, some of which come twice."""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from models import absence, seasonal, splits
from models.absence import Silence
from models.bag import fit_bag
from models.estimators import Bools, Design, Estimator, Floats, fit_linear, fit_trees
from models.forest import fit_forest
from models.network import fit_network
from models.seasonal import Seasonal
from models.task import Settings, Task
from models.variants import BAGGED, FOREST, LINEAR, NETWORK

SEASON_THEME = "外部"


@dataclass(frozen=True)
class Lesson:
    """What the estimators are taught: ``design`` and ``season`` of the values, and rows that may come twice.

    ``values`` (rows, features) begin with the panel's own rows, one for each. With ``has_years`` some season was taught
    by several years, so that what is learned of the carry-over has been held against another year.
    """

    design: Design
    season: Seasonal | None
    values: Floats
    event: Bools
    has_years: bool = False

    def member(self, name: str, settings: Settings) -> Estimator:
        """The estimator ``name`` fitted on the lesson."""
        if name == LINEAR:
            return fit_linear(self.values, self.event, penalty=settings.penalty)
        if name == BAGGED:
            apart = tuple(place for place, name in enumerate(self.design.names) if name in seasonal.RATES)
            return fit_bag(self.values, self.event, design=self.design, settings=settings.bag, apart=apart)
        if name == FOREST:
            return fit_forest(self.values, self.event, settings.forest)
        if name == NETWORK:
            return fit_network(self.values, self.event, settings.network)
        return fit_trees(self.values, self.event, design=self.design, settings=settings.trees)


def prepared(rows: pl.DataFrame, *, task: Task, design: Design, settings: Settings, has_season: bool) -> Lesson:
    """What ``rows`` (known outcomes) teach, with the features of ``design`` that vary in them."""
    event, kept = task.event(rows), design.informative(rows)
    own = kept.values(rows)
    if not has_season:
        return Lesson(kept, None, own, event)
    chains = {**seasonal.CHAINS, **seasonal.RATES} if settings.has_rates else seasonal.CHAINS
    season = seasonal.fit(rows, event, weight=settings.season_weight, chains=chains)
    encoded = seasonal.encode_training(rows, event, weight=settings.season_weight, count=settings.folds, chains=chains)
    if settings.has_rates:
        taught_design = kept.with_features(season.names, theme=SEASON_THEME, sign=1)
        months = pl.DataFrame({"season": seasonal.seasons(rows), "origin": rows["origin"]}).unique()
        has_years = bool(months["season"].is_duplicated().any())
        return Lesson(taught_design, season, _with_seasons_hidden(own, encoded, rows, settings), event, has_years)
    values, taught = _with_unseen_seasons(own, encoded, event, rows, settings)
    return Lesson(kept.with_features(season.names, theme=SEASON_THEME, sign=1), season, values, taught)


def _with_seasons_hidden(own: Floats, encoded: Floats, rows: pl.DataFrame, settings: Settings) -> Floats:
    """All rows with their rates, those of some folds without the seasons': a season may be new to the model."""
    fold = splits.folds(rows["enterprise_no"].to_numpy(), count=settings.folds)
    hidden = encoded.copy()
    hidden[fold < settings.without_season_folds, : len(seasonal.CHAINS)] = np.nan
    return np.column_stack([own, hidden])


def _with_unseen_seasons(
    own: Floats, encoded: Floats, event: Bools, rows: pl.DataFrame, settings: Settings
) -> tuple[Floats, Bools]:
    """All rows with their carry-over, and some folds once more without it: a season may be new to the model."""
    fold = splits.folds(rows["enterprise_no"].to_numpy(), count=settings.folds)
    again = fold < settings.without_season_folds
    blank = np.full((int(again.sum()), encoded.shape[1]), np.nan)
    values = np.vstack([np.column_stack([own, encoded]), np.column_stack([own[again], blank])])
    return values, np.concatenate([event, event[again]])


def values_of(
    design: Design, season: Seasonal | None, frame: pl.DataFrame, *, silences: tuple[Silence, ...] = ()
) -> Floats:
    """The features of ``frame`` in the order of ``design``: its own, those of ``season``, those of ``silences``."""
    added = len(season.names) if season else 0
    own = replace(design, names=design.names[: len(design.names) - added - len(silences)])
    parts = [own.values(frame)]
    if season:
        parts.append(season.encode(frame))
    if silences:
        parts.append(absence.encode(frame, silences))
    return np.column_stack(parts) if len(parts) > 1 else parts[0]
