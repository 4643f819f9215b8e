"""What counts as a mass reduction after the fact: definitions over a panel of insured persons, several side by side.

All compare the insured persons at month t with those at t + h (the end point). Rows that end before t + h are unknown,
not negative. Nothing here knows where the panel came from.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
MISSING = -1


@dataclass(frozen=True)
class Label:
    """One definition: its name, and whether ``lost`` of ``base`` persons is an event."""

    name: str
    meaning: str
    event: Callable[[Counts, Counts], NDArray[np.bool_]]


LABELS: Mapping[str, Label] = {
    label.name: label
    for label in (
        Label("loss20", "at least 20 % of the insured lost", lambda base, lost: lost * 5 >= base),
        Label(
            "statutory",
            "at least 20 persons, or at least 10 % (Labour Contract Law art. 41)",
            lambda base, lost: (lost >= 20) | (lost * 10 >= base),
        ),
        Label("closure", "nobody insured any more", lambda base, lost: lost >= base),
    )
}


def outcome(
    insured: Counts, *, origin: int, horizon: int, label: str
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], Counts]:
    """Known, event and persons lost between columns ``origin`` and ``origin + horizon``.

    ``insured`` has shape (enterprises, months), persons, ``MISSING`` where unknown. All three results have shape
    (enterprises,); ``event`` and ``lost`` mean nothing where not known. Raises ``KeyError`` for an unknown label.
    """
    definition = LABELS[label]
    base = insured[:, origin]
    if origin + horizon >= insured.shape[1]:
        nothing = np.zeros(len(base), dtype=bool)
        return nothing, nothing, np.zeros(len(base), dtype=np.int64)
    after = insured[:, origin + horizon]
    known = (base > 0) & (after != MISSING)
    lost = np.where(known, np.maximum(base - after, 0), 0)
    return known, known & definition.event(base, lost) & (lost > 0), lost
