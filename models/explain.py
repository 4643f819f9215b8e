"""Exact additive contributions of gradient-boosted trees, and what of them an officer is told.

Path-dependent Tree SHAP (Lundberg et al., Nature Machine Intelligence 2020): a feature outside the coalition is
averaged over the training rows that took each branch. A leaf is a game of its own: its value times, for each feature of
its path, 1 or 0 (the row follows the path there) inside the coalition and the share of rows kept outside. Its Shapley
values need only elementary symmetric polynomials, so many leaves are worked off at once, and a row's bits are its own.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import comb, prod

import numpy as np
from numpy.typing import NDArray

from models.leaves import Boosted, Condition, Leaf, start, trees

Values = NDArray[np.float64]
Part = tuple[str, float]
LEAVES_AT_ONCE = 64
ROWS_AT_ONCE = 512
DECIMALS = 9


@dataclass(frozen=True)
class Contributions:
    """``values`` (rows, names) in log-odds; ``base`` and a row's values add up to its score."""

    names: tuple[str, ...]
    values: Values
    base: float


@dataclass(frozen=True)
class Strongest:
    """What speaks most for the risk, heaviest first, and the one thing that speaks most against it."""

    raising: tuple[Part, ...]
    lowering: Part | None


@dataclass(frozen=True)
class _Leaves:
    """Leaves whose paths have the same number of features; arrays (leaves, slots), ``value`` (leaves, 1)."""

    value: Values
    feature: NDArray[np.intp]
    above: Values
    up_to: Values
    takes_missing: NDArray[np.bool_]
    share: Values

    def part(self, first: int, size: int) -> "_Leaves":
        """The leaves from ``first`` on, at most ``size`` of them."""
        return _Leaves(*(getattr(self, name)[first : first + size] for name in self.__dataclass_fields__))


def tree_contributions(model: Boosted, values: Values) -> tuple[Values, float]:
    """Contributions (rows, features) in log-odds and the base, the expected score; nan is missing.

    Raises ``UnsupportedModelError`` for categorical splits and several classes.
    """
    leaves = [leaf for tree in trees(model) for leaf in tree]
    base = start(model)
    for leaf in leaves:
        base += leaf.value * prod(condition.share for condition in leaf.conditions)
    groups = list(_grouped(leaves))
    totals = np.zeros(values.shape)
    for first in range(0, len(values), ROWS_AT_ONCE):
        rows = slice(first, first + ROWS_AT_ONCE)
        totals[rows] = _contributions(groups, np.ascontiguousarray(values[rows].T)).T
    return totals, base


def by_theme(contributions: Values, names: Sequence[str], themes: Mapping[str, str]) -> tuple[tuple[str, ...], Values]:
    """Themes in the order of ``names`` and the summed contributions (rows, themes); ``KeyError`` without a theme."""
    order = tuple(dict.fromkeys(themes[name] for name in names))
    summed = np.zeros((len(contributions), len(order)))
    for column, name in enumerate(names):
        summed[:, order.index(themes[name])] += contributions[:, column]
    return order, summed


def strongest(contributions: Values, names: Sequence[str], *, most: int = 3) -> list[Strongest]:
    """For each row of ``contributions`` (rows, names) at most ``most`` that raise the score and one that lowers it.

    Compared at nine decimals, ties in the order of ``names``, so the choice is the same on every machine.
    """
    rounded = np.round(contributions, DECIMALS)
    order = np.argsort(-rounded, axis=1, kind="stable")
    lowest = np.argmin(rounded, axis=1)
    return [
        Strongest(
            raising=tuple((names[column], float(row[column])) for column in columns[:most] if row[column] > 0),
            lowering=(names[low], float(row[low])) if row[low] < 0 else None,
        )
        for row, columns, low in zip(rounded, order, lowest, strict=True)
    ]


def _contributions(groups: Sequence[_Leaves], columns: Values) -> Values:
    """Contributions (features, rows) of ``columns`` (features, rows), added up in the order of ``groups``."""
    missing = np.isnan(columns)
    totals = np.zeros(columns.shape)
    for group in groups:
        for feature, added in _shapley(group, columns, missing):
            totals[feature] += added
    return totals


def _grouped(leaves: Sequence[Leaf]) -> Iterator[_Leaves]:
    """Leaves with conditions, by the number of them; in an order that does not depend on the rows."""
    by_size: dict[int, list[Leaf]] = {}
    for leaf in leaves:
        by_size.setdefault(len(leaf.conditions), []).append(leaf)
    for size in sorted(by_size.keys() - {0}):
        found = by_size[size]
        table = [leaf.conditions for leaf in found]
        group = _Leaves(
            value=np.array([[leaf.value] for leaf in found]),
            feature=np.array([[condition.feature for condition in row] for row in table], dtype=np.intp),
            above=_numbers(table, "above"),
            up_to=_numbers(table, "up_to"),
            takes_missing=_numbers(table, "takes_missing").astype(bool),
            share=_numbers(table, "share"),
        )
        for first in range(0, len(found), LEAVES_AT_ONCE):
            yield group.part(first, LEAVES_AT_ONCE)


def _numbers(table: Sequence[tuple[Condition, ...]], name: str) -> Values:
    return np.array([[getattr(condition, name) for condition in row] for row in table], dtype=np.float64)


def _shapley(group: _Leaves, columns: Values, missing: NDArray[np.bool_]) -> Iterator[tuple[int, Values]]:
    """Feature and contribution to it (rows,) of each leaf of ``group`` and slot of its path."""
    slots = group.feature.shape[1]
    follows = [_follows(group, slot, columns, missing) for slot in range(slots)]
    shares = [group.share[:, slot, None] for slot in range(slots)]
    polynomial = _polynomial(follows, shares)
    weights = [float(Fraction(1, slots * comb(slots - 1, size))) for size in range(slots)]
    absent = -group.value * _weighted(polynomial, weights)
    for slot in range(slots):
        present = group.value * (1 - shares[slot]) * _weighted(_without(polynomial, shares[slot]), weights)
        added = np.where(follows[slot], present, absent)
        for leaf, feature in enumerate(group.feature[:, slot]):
            yield int(feature), added[leaf]


def _follows(group: _Leaves, slot: int, columns: Values, missing: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether each row takes every branch on the feature in ``slot``; shape (leaves, rows)."""
    feature = group.feature[:, slot]
    x = columns[feature]
    within = (x <= group.up_to[:, slot, None]) & ~(x <= group.above[:, slot, None])
    return np.where(missing[feature], group.takes_missing[:, slot, None], within)


def _polynomial(follows: Sequence[NDArray[np.bool_]], shares: Sequence[Values]) -> list[Values]:
    """Coefficients of the product over slots of (share + follows t), constant first; each (leaves, rows)."""
    polynomial: list[Values] = [np.ones(follows[0].shape)]
    for follow, share in zip(follows, shares, strict=True):
        raised = [np.where(follow, coefficient, 0.0) for coefficient in polynomial]
        scaled = [share * coefficient for coefficient in polynomial]
        polynomial = [
            scaled[0],
            *(low + high for low, high in zip(scaled[1:], raised[:-1], strict=True)),
            raised[-1],
        ]
    return polynomial


def _without(polynomial: Sequence[Values], share: Values) -> list[Values]:
    """``polynomial`` divided by (share + t), from the highest coefficient down; right where that slot is followed."""
    quotient = [polynomial[-1]]
    for coefficient in polynomial[-2:0:-1]:
        quotient.append(coefficient - share * quotient[-1])
    return quotient[::-1]


def _weighted(polynomial: Sequence[Values], weights: Sequence[float]) -> Values:
    """Sum over k of the weight of a coalition of k others times coefficient k."""
    total = weights[0] * polynomial[0]
    for weight, coefficient in zip(weights[1:], polynomial[1:], strict=False):
        total = total + weight * coefficient
    return total
