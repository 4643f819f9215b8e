"""Sources that never came: a model scores without them as it does with them on average.

Where a source is silent, its features are missing for everyone, which no training row may have shown: trees send such
rows where most went, a regression takes them for the few that lacked one figure. So for each source whose silence
can be told from that of one enterprise, the training rows are scored with its features blanked, and the shift of the
log-odds that restores their mean probability belongs to the model. No outcome is asked, so a few events bend nothing.
Silence that cannot be told (a source that speaks of few enterprises) is left to what the estimator learned of it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models import calibrate
from models.estimators import Bools, Estimator, Floats, probability

Sources = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Shifted:
    """``estimator`` reads the first ``width`` values; a row whose value at a place of ``places`` is missing is shifted.

    ``places`` and ``shifts`` (log-odds) have one entry per source; shifts of several silent sources add up.
    """

    estimator: Estimator
    width: int
    places: tuple[int, ...]
    shifts: tuple[float, ...]

    def log_odds(self, values: Floats) -> Floats:
        """Log-odds of shape (rows,)."""
        total = self.estimator.log_odds(values[:, : self.width])
        for place, shift in self._pairs():
            total = total + np.where(np.isnan(values[:, place]), shift, 0.0)
        return total

    def contributions(self, values: Floats) -> tuple[Floats, float]:
        """The estimator's contributions, each shift added where the silence shows."""
        own, base = self.estimator.contributions(values[:, : self.width])
        terms = np.zeros(values.shape)
        terms[:, : self.width] = own
        for place, shift in self._pairs():
            terms[:, place] += np.where(np.isnan(values[:, place]), shift, 0.0)
        return terms, base

    def _pairs(self) -> Iterator[tuple[int, float]]:
        return zip(self.places, self.shifts, strict=True)


@dataclass(frozen=True)
class Silence:
    """How a silent ``source`` shows: ``marker`` is missing for all or for none; its features are at ``places``."""

    source: str
    marker: str
    places: tuple[int, ...]


def silences(rows: pl.DataFrame, names: Sequence[str], sources: Sources) -> tuple[Silence, ...]:
    """The sources that speak in ``rows`` (with ``origin``) and have features among ``names``, as far as it shows."""
    found = []
    for source, columns in sources.items():
        places = tuple(place for place, name in enumerate(names) if name in columns)
        marker = _marker(rows, [*(names[place] for place in places), *columns]) if places else None
        if marker is not None:
            found.append(Silence(source, marker, places))
    return tuple(found)


def encode(frame: pl.DataFrame, markers: Sequence[str]) -> Floats:
    """0 where a marker is known and nan where it is not, (rows, markers)."""
    known = np.zeros((frame.height, len(markers)))
    for place, name in enumerate(markers):
        if name not in frame.columns:
            known[:, place] = np.nan
        else:
            known[frame[name].is_null().to_numpy(), place] = np.nan
    return known


def shift(estimator: Estimator, values: Floats, silence: Silence, known: Bools) -> float:
    """What restores the mean probability of the rows ``known`` to the source, once its features are blanked."""
    asked = values[known]
    blank = blanked(asked, silence.places)
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
