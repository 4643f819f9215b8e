"""Theme 用工: levels of insured persons, their changes and runs, joiners and leavers.

Every function reads months up to ``t`` (a row of the panel) and none after it.
"""

import numpy as np

from pipelines.stages.features.masked import (
    MISSING,
    Bools,
    Masked,
    Months,
    at,
    difference,
    full_window,
    quotient,
    relative,
)
from pipelines.stages.features.panel import INSURANCE_MONTHS, Definitions, Insurance
from pipelines.stages.features.peers import CityMonth

FEWEST_CHANGES = 2


def features(panel: Insurance, t: int, *, definitions: Definitions, city: CityMonth) -> dict[str, Masked]:
    """All features of insured persons for the origin at row ``t``."""
    now = at(panel.levels, t)
    lunar_back = definitions.lunar.months_back(panel.first + t)
    result = {
        "insured_persons": now,
        "previous_insured_persons": at(panel.levels, t - 1),
        "insured_change_1m_persons": difference(now, at(panel.levels, t - 1)),
        "insured_change_3m_persons": difference(now, at(panel.levels, t - 3)),
        "insured_change_lunar_ratio": relative(now, at(panel.levels, t - lunar_back)),
        "insured_slope_6m_ratio": slope(panel.levels, t),
        "insured_drawdown_12m_ratio": drawdown(panel.levels, t),
    }
    for months in (1, 3, 6, 12):
        result[f"insured_change_{months}m_ratio"] = relative(now, at(panel.levels, t - months))
    result |= volatility(panel.levels, t, minimum=definitions.minimum_known_months)
    result |= decline_run(panel, t, definitions=definitions)
    result |= gross_loss(panel, t, definitions=definitions, city=city)
    result |= absence(panel, t)
    return result | flows(panel, t)


def slope(levels: Months, t: int) -> Masked:
    """Least-squares slope over six months as a share of their mean: 6 Σxy ÷ (35 Σy) with x = −5, −3, … 5."""
    weighted = np.zeros(levels.width, dtype=np.int64)
    total, valid = np.zeros_like(weighted), np.ones(levels.width, dtype=np.bool_)
    for lag in range(6):
        column = at(levels, t - lag)
        weighted += (5 - 2 * lag) * column.values
        total += column.values
        valid &= column.valid
    return quotient(6 * weighted, 35 * total, valid)


def volatility(levels: Months, t: int, *, minimum: int) -> dict[str, Masked]:
    """Standard deviation of the known monthly changes of twelve months over the mean of their levels.

    Known where ``minimum`` changes are; beside it the same from ``FEWEST_CHANGES`` on, which only a model reads.
    """
    count = np.zeros(levels.width, dtype=np.int64)
    changes, squares, total = np.zeros_like(count), np.zeros_like(count), np.zeros_like(count)
    for lag in range(12):
        now = at(levels, t - lag)
        change = difference(now, at(levels, t - lag - 1))
        count += change.valid
        changes += change.values
        squares += change.values * change.values
        total += np.where(change.valid, now.values, 0)
    spread = np.sqrt((count * squares - changes * changes).astype(np.float64))
    known = quotient(spread, total, count >= min(minimum, FEWEST_CHANGES))
    return {
        "insured_volatility_12m_ratio": Masked(known.values, known.valid & (count >= minimum)),
        "insured_volatility_known_ratio": Masked(known.values, known.valid & (count >= FEWEST_CHANGES)),
    }


def drawdown(levels: Months, t: int) -> Masked:
    """Fall from the highest known level of twelve months as a share of it."""
    now = at(levels, t)
    highest = now.values.copy()
    for lag in range(1, 12):
        np.maximum(highest, at(levels, t - lag).values, out=highest)
    return quotient(highest - now.values, highest, now.valid)


def decline_run(panel: Insurance, t: int, *, definitions: Definitions) -> dict[str, Masked]:
    """Falls in a row over the months that the festival does not touch, with where the run starts and ends."""
    rows = [row for row in range(t, _earliest(t) - 1, -1) if not definitions.lunar.is_festival(panel.first + row)]
    count = panel.levels.width
    run, start_row, start_level = (np.zeros(count, dtype=np.int64) for _ in range(3))
    end = at(panel.levels, rows[0] if rows else -1)
    start_row[:] = rows[0] if rows else 0
    start_level[:] = end.values
    going = end.valid.copy()
    for row in rows[1:]:
        column = at(panel.levels, row)
        going &= column.valid & (column.values > start_level)
        run += going
        start_level = np.where(going, column.values, start_level)
        start_row = np.where(going, row, start_row)
        if not going.any():
            break
    running = end.valid & (run > 0)
    first_row = np.full(count, panel.first, dtype=np.int64)
    return {
        "decline_run_months": Masked(run, end.valid),
        "decline_run_ratio": quotient(start_level - end.values, start_level, running),
        "decline_run_start_month": Masked(start_row + first_row, running),
        "decline_run_start_persons": Masked(start_level, running),
        "decline_run_end_month": Masked(first_row + (rows[0] if rows else 0), running),
        "decline_run_end_persons": Masked(end.values, running),
    }


def gross_loss(panel: Insurance, t: int, *, definitions: Definitions, city: CityMonth) -> dict[str, Masked]:
    """Persons lost in month ``t`` beyond what the festival explains, transfers still in it.

    In a festival month the loss of the lunar counterpart a year before is taken off; where the enterprise was not
    known then, the share that the whole city lost in month ``t``.
    """
    before, now = at(panel.levels, t - 1), at(panel.levels, t)
    valid = before.valid & now.valid
    loss = np.maximum(before.values - now.values, 0)
    if definitions.lunar.is_festival(panel.first + t):
        counterpart = t - definitions.lunar.months_back(panel.first + t)
        then = difference(at(panel.levels, counterpart - 1), at(panel.levels, counterpart))
        usual = city.festival_loss(before.values)
        loss = np.maximum(loss - np.where(then.valid, np.maximum(then.values, 0), usual), 0)
    return {
        "gross_loss_persons": Masked(np.where(valid, loss, 0), valid),
        "gross_loss_ratio": quotient(loss, before.values, valid),
    }


def absence(panel: Insurance, t: int) -> dict[str, Masked]:
    """Complete months without a row ending with ``t``, and insured persons of the last month with a row.

    Months that are incomplete, or in which the enterprise has a quarantined row, neither count nor break the run.
    """
    count = panel.levels.width
    absent, last = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    known, found = np.zeros(count, dtype=np.bool_), np.zeros(count, dtype=np.bool_)
    insured = panel.columns["insured_persons"]
    for row in range(t, -1, -1):
        if row < _earliest(t) and found.all():
            break
        new = ~found & panel.present[row]
        last[new], known[new] = insured.values[row][new], insured.valid[row][new]
        found |= new
        if row >= _earliest(t):
            absent += ~found & ~panel.blind[row] & panel.complete[row]
    earlier: Bools = ~found & (panel.before_persons != MISSING)
    last[earlier], known[earlier] = panel.before_persons[earlier], True
    seen: Bools = found | (panel.before_month != MISSING)
    return {
        "absent_months": Masked(np.where(seen, absent, 0), seen),
        "last_insured_persons": Masked(last, known),
    }


def _earliest(t: int) -> int:
    """First row that the origin at row ``t`` looks at, however far the panel reaches back."""
    return max(t - INSURANCE_MONTHS + 1, 0)


def flows(panel: Insurance, t: int) -> dict[str, Masked]:
    """Joiners and leavers of three months; a month of proven absence has no joiners, and its leavers are unknown."""
    low = max(t - 14, 0)
    seen = slice(low, t + 1)
    told, levels = panel.columns["joiners_persons"], panel.levels
    gone = ~panel.present[seen] & levels.valid[seen] & (levels.values[seen] == 0)
    joiners = Months(told.values[seen], told.valid[seen] | gone)
    leavers = full_window(panel.columns["leavers_persons"], t, count=3)
    high_base = full_window(panel.columns["high_base_leavers_persons"], t, count=3)
    return {
        "joiners_3m_persons": full_window(joiners, t - low, count=3),
        "joiners_3m_year_ago_persons": full_window(joiners, t - 12 - low, count=3),
        "leavers_3m_persons": leavers,
        "high_base_leavers_3m_persons": high_base,
        "high_base_leaver_excess_ratio": quotient(
            4 * high_base.values, leavers.values, leavers.valid & high_base.valid
        ),
    }
