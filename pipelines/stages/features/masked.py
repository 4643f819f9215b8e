"""Arrays with their validity: missing is marked, never zero.

Only integers, + − × ÷ and sqrt, element by element, and sums as loops over months: the last bit of a value must not
depend on how many other enterprises share its array. Refuses reductions along the enterprise axis of floats.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

MISSING = int(np.iinfo(np.int64).min)

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


class Masked(NamedTuple):
    """Values of one quantity, one per enterprise; ``valid`` is false where the value is missing."""

    values: NDArray[Any]
    valid: Bools


class Months(NamedTuple):
    """A (month × enterprise) array of one quantity with its validity; ``values`` are 0 where it is missing.

    A month of it is a view, so nobody writes into what ``at`` gives.
    """

    values: Ints
    valid: Bools

    @property
    def width(self) -> int:
        """Enterprises."""
        return int(self.values.shape[1])

    def until(self, t: int) -> "Months":
        """The months up to row ``t``."""
        return Months(self.values[: t + 1], self.valid[: t + 1])

    def raw(self, missing: int) -> Ints:
        """One array, with ``missing`` where the value is."""
        return np.where(self.valid, self.values, missing)


def months_of(raw: Ints) -> Months:
    """``raw``, which has ``MISSING`` where nothing is known, as values and validity; ``raw`` itself is given up."""
    valid = raw != MISSING
    raw[~valid] = 0
    return Months(raw, valid)


def unknown_months(shape: tuple[int, int]) -> Months:
    """A quantity that is missing in every month."""
    return Months(np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.bool_))


def empty(count: int, *, dtype: type = np.float64) -> Masked:
    """A quantity that is missing for all ``count`` enterprises."""
    return Masked(np.zeros(count, dtype=dtype), np.zeros(count, dtype=np.bool_))


def at(months: Months, t: int) -> Masked:
    """Month ``t``; all missing where the array does not reach."""
    if not 0 <= t < len(months.values):
        return empty(months.width, dtype=np.int64)
    return Masked(months.values[t], months.valid[t])


def difference(later: Masked, earlier: Masked) -> Masked:
    """``later`` − ``earlier``, known where both are."""
    valid = later.valid & earlier.valid
    return Masked(np.where(valid, later.values - earlier.values, 0), valid)


def quotient(numerator: NDArray[Any], denominator: NDArray[Any], valid: Bools) -> Masked:
    """``numerator`` ÷ ``denominator`` where ``valid`` and the denominator is positive."""
    defined = valid & (denominator > 0)
    values = np.zeros(len(defined), dtype=np.float64)
    np.divide(numerator, denominator, out=values, where=defined)
    return Masked(values, defined)


def relative(later: Masked, earlier: Masked) -> Masked:
    """Change of ``later`` against ``earlier`` as a share of ``earlier``."""
    change = difference(later, earlier)
    return quotient(change.values, earlier.values, change.valid)


def window(months: Months, t: int, *, count: int) -> tuple[Ints, Ints]:
    """Sum over the known months of the ``count`` months ending with ``t``, and how many of them are known."""
    total = np.zeros(months.width, dtype=np.int64)
    known = np.zeros(months.width, dtype=np.int64)
    for month in range(t - count + 1, t + 1):
        column = at(months, month)
        total += column.values
        known += column.valid
    return total, known


def full_window(months: Months, t: int, *, count: int) -> Masked:
    """Sum of the ``count`` months ending with ``t``; missing unless all of them are known."""
    total, known = window(months, t, count=count)
    return Masked(total, known == count)
