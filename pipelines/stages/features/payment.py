"""Themes 薪酬 and 资金: contribution base per person, arrears, approved deferrals.

An approved deferral is not arrears; the panel's arrears are already net of it.
"""

import numpy as np

from pipelines.stages.features.masked import Ints, Masked, Months, at, quotient, window
from pipelines.stages.features.panel import Insurance


def features(panel: Insurance, t: int) -> dict[str, Masked]:
    """Base per person, arrears of twelve months and deferrals of six for the origin at row ``t``."""
    now, then = _base(panel, t), _base(panel, t - 12)
    both = now.valid & then.valid
    arrears, known_arrears = window(panel.columns["arrears_fen"], t, count=12)
    deferred, known_deferred = window(panel.columns["deferred_fen"], t, count=6)
    return {
        "base_per_person_fen": _base_fen(panel, t),
        "base_per_person_change_12m_ratio": quotient(now.values - then.values, then.values, both),
        "arrears_months": Masked(_months(panel.columns["arrears_fen"], t, count=12), known_arrears > 0),
        "arrears_fen": Masked(arrears, known_arrears > 0),
        "deferral_months": Masked(_months(panel.columns["deferred_fen"], t, count=6), known_deferred > 0),
        "deferred_fen": Masked(deferred, known_deferred > 0),
    }


def _base(panel: Insurance, t: int) -> Masked:
    """Contribution base per insured person, unrounded."""
    base, persons = at(panel.columns["base_fen"], t), at(panel.columns["insured_persons"], t)
    return quotient(base.values, persons.values, base.valid & persons.valid)


def _base_fen(panel: Insurance, t: int) -> Masked:
    base, persons = at(panel.columns["base_fen"], t), at(panel.columns["insured_persons"], t)
    valid = base.valid & persons.valid & (persons.values > 0)
    return Masked(np.where(valid, base.values // np.where(valid, persons.values, 1), 0), valid)


def _months(amounts: Months, t: int, *, count: int) -> Ints:
    months = np.zeros(amounts.width, dtype=np.int64)
    for row in range(t - count + 1, t + 1):
        months += at(amounts, row).values > 0
    return months
