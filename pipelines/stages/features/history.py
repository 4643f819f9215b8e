"""Themes 用工, 薪酬 and 资金: the raw course of heads, wages and contributions, free of the enterprise's size.

Raw ratios stand beside the summaries because a learned model reads seasons and steps from them; no rule uses them.
"""

from typing import Any

import numpy as np

from pipelines.stages.features.masked import Masked, Months, at, quotient, unknown_months
from pipelines.stages.features.panel import Insurance

LAGS = range(1, 13)
CHANGES = (1, 3, 12)


def features(panel: Insurance, t: int) -> dict[str, Masked]:
    """Insured persons of each of twelve months before over those now; wage and contribution per head and their changes.

    The wage is the contribution base; a source that gives neither base nor dues leaves their features missing.
    """
    now = at(panel.levels, t)
    result = {f"insured_lag_{lag}m_ratio": _over(at(panel.levels, t - lag), now) for lag in LAGS}
    base, due = (_column(panel, name) for name in ("base_fen", "due_fen"))
    persons = panel.columns["insured_persons"]
    for lag in CHANGES:
        if lag != CHANGES[-1]:
            result[f"base_per_person_change_{lag}m_ratio"] = _change(base, persons, t, lag=lag)
        result[f"due_per_person_change_{lag}m_ratio"] = _change(due, persons, t, lag=lag)
        result[f"due_base_change_{lag}m_ratio"] = _change(due, base, t, lag=lag)
    result["due_per_person_fen"] = _whole(due, persons, t)
    result["base_known_6m_months"] = _known(base, t, count=6)
    return result


def _column(panel: Insurance, name: str) -> Months:
    """The column ``name`` of the panel; all missing where its source does not give it."""
    found = panel.columns.get(name)
    return unknown_months(panel.present.shape) if found is None else found


def _change(amounts: Months, heads: Months, t: int, *, lag: int) -> Masked:
    """Change of amount per head over ``lag`` months as a share of what it was."""
    now, then = _per(amounts, heads, t), _per(amounts, heads, t - lag)
    return quotient(now.values - then.values, then.values, now.valid & then.valid)


def _per(amounts: Months, heads: Months, t: int) -> Masked:
    return _over(at(amounts, t), at(heads, t))


def _whole(amounts: Months, heads: Months, t: int) -> Masked:
    """Amount per head in month ``t``, rounded down."""
    amount, persons = at(amounts, t), at(heads, t)
    valid = amount.valid & persons.valid & (persons.values > 0)
    return Masked(np.where(valid, amount.values // np.where(valid, persons.values, 1), 0), valid)


def _over(part: Masked, whole: Masked) -> Masked:
    return quotient(part.values, whole.values, part.valid & whole.valid)


def _known(amounts: Months, t: int, *, count: int) -> Masked:
    """How many of the ``count`` months ending with ``t`` have an amount."""
    known: Any = np.zeros(amounts.width, dtype=np.int64)
    for row in range(t - count + 1, t + 1):
        known += at(amounts, row).valid
    return Masked(known, np.ones(amounts.width, dtype=np.bool_))
