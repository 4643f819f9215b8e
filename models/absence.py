"""Sources that never came, or stopped: a model scores without them as it does with them on average.

Where a source is silent, its features are missing for everyone, which no training row may have shown: trees send such
rows where most went, a regression takes them for the few that lacked one figure. So for each source whose silence
can be told from that of one enterprise, the training rows are scored with its features blanked, and the shift of the
log-odds that restores their mean probability belongs to the model. No outcome is asked, so a few events bend nothing.
Silence that cannot be told (a source that speaks of few enterprises) is left to what the estimator learned of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models import calibrate
from models.estimators import Bools, Estimator, Floats, probability

Sources = Mapping[str, tuple[str, ...]]
THEME = "数据缺失"
"""The theme of the shifts: what a silent source adds is told apart from what any figure says."""


@dataclass(frozen=True)
class Shifted:
    """``estimator`` reads the first ``width`` values; the others, one per source, are missing where it is silent.

    ``shifts`` (log-odds) has one entry per source; those of several silent sources add up.
    """

    estimator: Estimator
    width: int
    shifts: tuple[float, ...]

    def log_odds(self, values: Floats) -> Floats:
        """Log-odds of shape (rows,)."""
        total = self.estimator.log_odds(values[:, : self.width])
        for shifted in self._shifted(values):
            total = total + shifted
        return total

    def contributions(self, values: Floats) -> tuple[Floats, float]:
        """The estimator's contributions, and those of the shifts."""
        own, base = self.estimator.contributions(values[:, : self.width])
        return np.column_stack([own, *self._shifted(values)]), base

    def _shifted(self, values: Floats) -> list[Floats]:
        silent = np.isnan(values[:, self.width :])
        return [np.where(silent[:, place], shift, 0.0) for place, shift in enumerate(self.shifts)]


@dataclass(frozen=True)
class Silence:
    """How a silent ``source`` shows: ``marker`` is missing for everyone, and so are its ``columns`` in the model."""

    source: str
    marker: str
    columns: tuple[str, ...]

    @property
    def name(self) -> str:
        """The value of a model that is missing where the source is silent."""
        return name_of(self.source)


def name_of(source: str) -> str:
    """The value of a model that is missing where ``source`` is silent."""
    return f"{source}_silent"


def silences(rows: pl.DataFrame, names: Sequence[str], sources: Sources) -> tuple[Silence, ...]:
    """The sources that speak in ``rows`` (with ``origin``) and have features among ``names``, as far as it shows."""
    found = []
    for source, columns in sources.items():
        own = tuple(name for name in names if name in columns)
        marker = _marker(rows, [*own, *columns]) if own else None
        if marker is not None:
            found.append(Silence(source, marker, own))
    return tuple(found)


def encode(frame: pl.DataFrame, found: Sequence[Silence]) -> Floats:
    """Nan where a source is silent and 0 where it is not, (rows, silences).

    A marker alone is not enough: a window of thirty days is empty long before the source has fallen silent.
    """
    known = np.zeros((frame.height, len(found)))
    for place, silence in enumerate(found):
        silent = np.ones(frame.height, dtype=np.bool_)
        for name in (silence.marker, *silence.columns):
            if name in frame.columns:
                silent &= frame[name].is_null().to_numpy()
        known[silent, place] = np.nan
    return known


def shift(estimator: Estimator, values: Floats, places: Sequence[int], known: Bools) -> float:
    """What restores the mean probability of the rows ``known`` to a source, once its features are blanked."""
    asked = values[known]
    blank = blanked(asked, places)
    return calibrate.restoring(estimator.log_odds(blank), float(probability(estimator.log_odds(asked)).mean()))


def blanked(values: Floats, places: Sequence[int]) -> Floats:
    """A copy of ``values`` with the features at ``places`` missing."""
    blank: NDArray[np.float64] = values.copy()
    blank[:, list(places)] = np.nan
    return blank


def without(frame: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """``frame`` as it would be had the source of ``columns`` never come."""
    present = [name for name in columns if name in frame.columns]
    return frame.with_columns(pl.lit(None, dtype=frame.schema[name]).alias(name) for name in present)


def _marker(rows: pl.DataFrame, columns: Sequence[str]) -> str | None:
    """The first of ``columns`` that at each origin is null for everyone or for no one, and not always null."""
    asked = [name for name in dict.fromkeys(columns) if name in rows.columns]
    shares = rows.group_by("origin").agg(pl.col(name).is_null().mean() for name in asked)
    for name in asked:
        seen = set(shares[name].to_list())
        if seen <= {0.0, 1.0} and 0.0 in seen:
            return name
    return None
