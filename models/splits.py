"""Which origins may teach and which may judge: rolling origins with an embargo of the horizon; folds of enterprises.

Refuses to let an outcome teach before it had matured.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

FOLD_MULTIPLIER = 2_654_435_761
"""Knuth's multiplicative hash: neighbours in number fall into different folds."""


@dataclass(frozen=True)
class Split:
    """A model taught by ``train`` is judged at ``test``; every outcome of ``train`` had matured by ``test``."""

    train: tuple[date, ...]
    test: date


def months_between(earlier: date, later: date) -> int:
    """Whole months from ``earlier`` to ``later``, first days of months."""
    return (later.year - earlier.year) * 12 + later.month - earlier.month


def matured(origins: Iterable[date], *, by: date, horizon: int) -> tuple[date, ...]:
    """The origins whose outcome at ``horizon`` months was known by ``by``, in order."""
    return tuple(sorted({origin for origin in origins if months_between(origin, by) >= horizon}))


def rolling(origins: Sequence[date], *, horizon: int, windows: int, fewest: int = 1) -> tuple[Split, ...]:
    """The last ``windows`` origins as tests, oldest first, each after at least ``fewest`` origins that had matured."""
    splits = [Split(train=matured(origins, by=test, horizon=horizon), test=test) for test in sorted(set(origins))]
    return tuple(split for split in splits if len(split.train) >= fewest)[-windows:] if windows > 0 else ()


def folds(enterprise_no: NDArray[np.int64], *, count: int) -> NDArray[np.int64]:
    """Fold 0 … ``count`` − 1 of each enterprise, the same for all its rows."""
    return ((_mixed(enterprise_no) >> np.uint64(16)) % np.uint64(count)).astype(np.int64)


def sample(enterprise_no: NDArray[np.int64], *, share: float) -> NDArray[np.bool_]:
    """A fixed ``share`` of the enterprises, each with all its rows."""
    return _mixed(enterprise_no + 1) < np.uint64(share * 2**32)


def _mixed(enterprise_no: NDArray[np.int64]) -> NDArray[np.uint64]:
    return (enterprise_no.astype(np.uint64) * np.uint64(FOLD_MULTIPLIER)) & np.uint64(0xFFFF_FFFF)
