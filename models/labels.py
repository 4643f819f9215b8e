"""What counts as a mass reduction after the fact: definitions that come as data, several side by side.

All compare month t with t + h (the end point). What has not matured, or spans a month in which the panel's coverage
breaks, is unknown, not negative. Nothing here knows where the panel came from, and no threshold is written here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

Counts = NDArray[np.int64]
Bools = NDArray[np.bool_]
MISSING = -1


@dataclass(frozen=True)
class Label:
    """One definition: ``persons`` lost, or ``share_pct`` of a base of at least ``share_base_minimum`` persons.

    ``source`` says who is counted: insured persons gone by the end point, or benefit claims of the months up to it.
    """

    name: str
    meaning: str
    share_pct: int
    persons: int | None = None
    share_base_minimum: int = 0
    source: Literal["insured", "claims"] = "insured"

    def event(self, base: Counts, lost: Counts) -> Bools:
        """Whether ``lost`` of ``base`` persons is an event; nobody lost never is."""
        by_share = (lost * 100 >= base * self.share_pct) & (base >= self.share_base_minimum)
        if self.source == "claims":
            return by_share & (lost >= max(self.persons or 0, 1))
        by_persons = np.zeros(len(base), dtype=np.bool_) if self.persons is None else lost >= self.persons
        return (by_share | by_persons) & (lost > 0)


@dataclass(frozen=True)
class Outcome:
    """Per enterprise: whether the end point is known, whether it was an event, and persons lost (0 where unknown)."""

    known: Bools
    event: Bools
    lost: Counts


def labels_of(entries: Iterable[Mapping[str, Any]]) -> dict[str, Label]:
    """Definitions by name, from parameter entries; raises ``ValueError`` for a name given twice."""
    found: dict[str, Label] = {}
    for entry in entries:
        label = Label(**entry)
        if label.name in found:
            raise ValueError(f"label {label.name} is defined twice")
        found[label.name] = label
    return found


def outcome(
    insured: Counts,
    *,
    origin: int,
    horizon: int,
    label: Label,
    claims: Counts | None = None,
    moved: Counts | None = None,
    broken: Bools | None = None,
) -> Outcome:
    """The outcome between columns ``origin`` and ``origin + horizon``.

    ``insured`` and ``claims`` have shape (enterprises, months), persons, negative where unknown. ``moved`` are persons
    who left in a month by a transfer, which is no loss; where unknown, none did. ``broken`` marks the months in which
    coverage breaks. Without the source of ``label`` all is unknown.
    """
    base = np.maximum(insured[:, origin], 0)
    end = origin + horizon
    unknown = Outcome(np.zeros(len(base), dtype=np.bool_), np.zeros(len(base), dtype=np.bool_), np.zeros_like(base))
    if end >= insured.shape[1] or (broken is not None and broken[origin + 1 : end + 1].any()):
        return unknown
    if label.source == "claims":
        if claims is None:
            return unknown
        months = claims[:, origin + 1 : end + 1]
        known, lost = (base > 0) & (months >= 0).all(axis=1), np.maximum(months, 0).sum(axis=1)
    else:
        after = insured[:, end]
        away = 0 if moved is None else np.maximum(moved[:, origin + 1 : end + 1], 0).sum(axis=1)
        known, lost = (base > 0) & (after >= 0), np.maximum(base - after - away, 0)
    lost = np.where(known, lost, 0)
    return Outcome(known, known & label.event(base, lost), lost)


def columns(
    insured: Counts,
    *,
    origin: int,
    horizons: Sequence[int],
    labels: Iterable[Label],
    claims: Counts | None = None,
    moved: Counts | None = None,
    broken: Bools | None = None,
) -> pl.DataFrame:
    """The label columns of a training panel for one origin: one row per enterprise, in order; arrays as ``outcome``.

    ``<label>_<h>m_known``, ``<label>_<h>m_event``, and ``lost_<h>m_persons`` (null where unknown).
    """
    found: dict[str, pl.Series] = {}
    definitions = list(labels)
    for horizon in horizons:
        for label in definitions:
            one = outcome(
                insured, origin=origin, horizon=horizon, label=label, claims=claims, moved=moved, broken=broken
            )
            found[known_column(label.name, horizon)] = pl.Series(one.known)
            found[event_column(label.name, horizon)] = pl.Series(one.event)
            if label.source == "insured":
                found[lost_column(horizon)] = pl.Series(one.lost).set(pl.Series(~one.known), None)
    return pl.DataFrame(found)


def known_column(label: str, horizon: int) -> str:
    """Name of the column that says whether the outcome is known."""
    return f"{label}_{horizon}m_known"


def event_column(label: str, horizon: int) -> str:
    """Name of the column that says whether it was an event."""
    return f"{label}_{horizon}m_event"


def lost_column(horizon: int) -> str:
    """Name of the column of insured persons lost."""
    return f"lost_{horizon}m_persons"
