"""How far an enterprise is from the event that is asked about, in the persons that make one.

A fifth of 10 is 2 persons, a fifth of 11 is 3: shares of whole persons jump with every head, and a tree over head
counts cannot follow. So moves are measured by the persons needed, and what earlier windows of the same length did
by theirs. Reads no month after the origin; missing stays missing.
"""

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from models.labels import Label

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]
MONTHS = 12
LAGS = (1, 2, 3, 4, 5, 6, 9, 11)
FEWEST_PERSONS = 3
MOST = 3.0
MOST_PERSONS = 200
NOBODY = 2**31
SIGNS: Mapping[str, int] = {
    "needed_ratio": -1,
    "needed_persons": 0,
    **{f"above_{lag}m_needs": 0 for lag in LAGS},
    "above_lowest_needs": 0,
    "below_highest_needs": 0,
    "move_mean_needs": 0,
    "rise_mean_needs": 0,
    "fall_mean_needs": 0,
    "move_root_ratio": 0,
    "window_worst_needs": 0,
    "window_mean_needs": 0,
    "window_event_ratio": 0,
    "history_months": 0,
}
"""The features in order, and the sign of each one's effect on the risk where the definition itself dictates it."""


def needed(label: Label, base: Counts) -> Counts:
    """Persons whose loss makes an event of each ``base``; at least one."""
    share = np.where(base >= label.share_base_minimum, -(-base * label.share_pct // 100), NOBODY)
    persons = NOBODY if label.persons is None else label.persons
    return np.maximum(np.minimum(share, persons) if label.source == "insured" else np.maximum(share, persons), 1)


def features(levels: Counts, *, label: Label, horizon: int) -> dict[str, Floats]:
    """The features of ``SIGNS`` at the last column of ``levels`` (enterprises, months), persons, negative unknown."""
    now = _known(levels, 0)
    past = {lag: _known(levels, lag) for lag in range(1, MONTHS)}
    need = needed(label, np.maximum(levels[:, -1], 1)).astype(np.float64)
    with np.errstate(invalid="ignore"):
        found = {
            "needed_ratio": need / np.maximum(now, 1.0),
            "needed_persons": np.minimum(need, MOST_PERSONS),
            **{f"above_{lag}m_needs": (now - past[lag]) / need for lag in LAGS},
            "above_lowest_needs": (now - _extreme([now, *past.values()], np.fmin)) / need,
            "below_highest_needs": (_extreme([now, *past.values()], np.fmax) - now) / need,
            **_moves([now, *past.values()], need, now),
            **_windows(levels, label, horizon),
        }
    known = _count([now, *past.values()])
    return {**found, "history_months": known}


def _known(levels: Counts, lag: int) -> Floats:
    """Level ``lag`` months before the last; nan where it is unknown or the history does not reach."""
    if lag >= levels.shape[1]:
        return np.full(len(levels), np.nan)
    column = levels[:, levels.shape[1] - 1 - lag]
    return np.where(column < 0, np.nan, column.astype(np.float64))


def _extreme(columns: list[Floats], choose: "np.ufunc") -> Floats:
    found = columns[0]
    for column in columns[1:]:
        found = choose(found, column)
    return found


def _count(columns: list[Floats]) -> Floats:
    total = np.zeros(len(columns[0]))
    for column in columns:
        total += ~np.isnan(column)
    return total


def _mean(columns: list[Floats]) -> Floats:
    """Mean of the known values of each row; nan where none is known."""
    total = np.zeros(len(columns[0]))
    for column in columns:
        total += np.where(np.isnan(column), 0.0, column)
    count = _count(columns)
    return np.where(count > 0, total / np.maximum(count, 1.0), np.nan)


def _moves(levels: list[Floats], need: Floats, now: Floats) -> dict[str, Floats]:
    """Mean monthly rise, fall and move of the known months, in persons needed and in roots of the insured."""
    changes = [later - earlier for later, earlier in pairwise(levels)]
    size = _mean([np.abs(change) for change in changes])
    return {
        "move_mean_needs": size / need,
        "rise_mean_needs": _mean([np.maximum(change, 0.0) for change in changes]) / need,
        "fall_mean_needs": _mean([np.maximum(-change, 0.0) for change in changes]) / need,
        "move_root_ratio": size / np.sqrt(np.maximum(now, 1.0)),
    }


def _windows(levels: Counts, label: Label, horizon: int) -> dict[str, Floats]:
    """What the windows of ``horizon`` months that ended by the origin lost, in the persons that each needed."""
    lost = []
    for lag in range(horizon, MONTHS):
        before, after = _known(levels, lag), _known(levels, lag - horizon)
        base = np.where(np.isnan(before), 1, before).astype(np.int64)
        loss = (before - after) / needed(label, np.maximum(base, 1))
        lost.append(np.where(before >= FEWEST_PERSONS, loss, np.nan))
    if not lost:
        return dict.fromkeys(
            ("window_worst_needs", "window_mean_needs", "window_event_ratio"), np.full(len(levels), np.nan)
        )
    is_event = [np.where(np.isnan(loss), np.nan, (loss >= 1).astype(np.float64)) for loss in lost]
    return {
        "window_worst_needs": _extreme(lost, np.fmax),
        "window_mean_needs": _mean([np.clip(loss, -MOST, MOST) for loss in lost]),
        "window_event_ratio": _mean(is_event),
    }
