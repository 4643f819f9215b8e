"""Theme 外贸: exports of goods the enterprise made, else of goods it traded; the United States against the rest.

Exporters and factories differ: jobs hang on the producer. A month without any customs row in the city is a month
without data, never a month of zero exports.
"""

from dataclasses import dataclass

import numpy as np

from pipelines.stages.features.masked import Bools, Ints, Masked, Months, at, empty, full_window, quotient, window
from pipelines.stages.features.panel import EXPORT_MONTHS, Definitions, Exports

SILENT_MONTHS = 12
AMOUNTS = (
    "export_12m_usd_cent",
    "export_us_12m_usd_cent",
    "export_us_3m_usd_cent",
    "export_us_3m_year_ago_usd_cent",
    "export_us_fall_months",
    "zero_export_months",
    "export_silent_months",
)
RATIOS = ("export_us_share_12m_ratio", "export_us_3m_change_ratio", "export_hhi_ratio")


@dataclass(frozen=True)
class Own:
    """The rows that speak for each exporter at one origin, and their sums by (month × exporter)."""

    rows: Bools
    known: Bools
    every: Months
    to_us: Months


def own_rows(panel: Exports | None, t: int) -> Own | None:
    """Production of those who produced anything within the window that ends with row ``t``; trade of the others.

    None where customs never came, or not by then.
    """
    if panel is None or not 0 <= t < len(panel.present):
        return None
    low = max(t - EXPORT_MONTHS + 1, 0)
    make, trade = panel.own_make, panel.own_trade
    producer: Bools = np.logical_or.reduce(make.spoken[low : t + 1])
    known: Bools = producer | np.logical_or.reduce(trade.spoken[low : t + 1])
    seen = (panel.column <= t) & (panel.column >= low)
    every, to_us = (np.zeros((t + 1, len(panel.position)), dtype=np.int64) for _ in range(2))
    every[low:] = np.where(producer, make.every[low : t + 1], trade.every[low : t + 1])
    to_us[low:] = np.where(producer, make.to_us[low : t + 1], trade.to_us[low : t + 1])
    told = np.broadcast_to(panel.present[: t + 1, np.newaxis], every.shape)
    return Own(
        rows=seen & (panel.made == producer[panel.exporter]),
        known=known,
        every=Months(every, told),
        to_us=Months(to_us, told),
    )


def features(
    panel: Exports | None, own: Own | None, t: int, *, count: int, definitions: Definitions
) -> dict[str, Masked]:
    """All features of exports for the origin at row ``t``, spread over the bucket's ``count`` enterprises."""
    if panel is None or own is None:
        return {name: empty(count, dtype=np.int64) for name in AMOUNTS} | {name: empty(count) for name in RATIOS}
    every, every_known = window(own.every, t, count=12)
    to_us, _ = window(own.to_us, t, count=12)
    enough = every_known >= definitions.minimum_known_months
    three, year_ago = full_window(own.to_us, t, count=3), full_window(own.to_us, t - 12, count=3)
    both = three.valid & year_ago.valid
    result = {
        "export_12m_usd_cent": full_window(own.every, t, count=12),
        "export_us_12m_usd_cent": full_window(own.to_us, t, count=12),
        "export_us_3m_usd_cent": three,
        "export_us_3m_year_ago_usd_cent": year_ago,
        "export_us_share_12m_ratio": quotient(to_us, every, enough),
        "export_us_3m_change_ratio": quotient(three.values - year_ago.values, year_ago.values, both),
        "export_us_fall_months": fall_months(own.to_us, t, percent=definitions.export_us_fall_pct),
        "export_hhi_ratio": concentration(panel, own, t, enough=enough),
        "zero_export_months": zero_months(own.every, t),
        "export_silent_months": silent_months(own.every, t),
    }
    return {name: spread(value, panel.position, known=own.known, count=count) for name, value in result.items()}


def spread(value: Masked, position: Ints, *, known: Bools, count: int) -> Masked:
    """``value`` of the exporters at their places among ``count`` enterprises; missing for all others."""
    values = np.zeros(count, dtype=value.values.dtype)
    valid = np.zeros(count, dtype=np.bool_)
    values[position] = value.values
    valid[position] = value.valid & known
    return Masked(values, valid)


def fall_months(to_us: Months, t: int, *, percent: int) -> Masked:
    """Months in a row in which the three-month sum fell by ``percent`` or more against the year before."""
    run = np.zeros(to_us.width, dtype=np.int64)
    going = np.ones(to_us.width, dtype=np.bool_)
    first = full_window(to_us, t, count=3).valid & full_window(to_us, t - 12, count=3).valid
    for row in range(t, max(t - EXPORT_MONTHS, -1) + 14, -1):
        now, then = full_window(to_us, row, count=3), full_window(to_us, row - 12, count=3)
        fell = (then.values > 0) & (now.values * 100 <= then.values * (100 - percent))
        going &= now.valid & then.valid & fell
        run += going
        if not going.any():
            break
    return Masked(run, first)


def zero_months(every: Months, t: int) -> Masked:
    """Months in a row of no exports, of those who exported in the twelve months before them; 0 for all others."""
    run = np.zeros(every.width, dtype=np.int64)
    going = at(every, t).valid
    known = going.copy()
    for row in range(t, max(t - EXPORT_MONTHS, -1), -1):
        column = at(every, row)
        going = going & column.valid & (column.values == 0)
        if not going.any():
            break
        run += going
    active = np.zeros(every.width, dtype=np.bool_)
    for lag in range(1, 13):
        earlier = t - run - lag + 1
        active |= (earlier >= 0) & (every.values[np.maximum(earlier, 0), np.arange(every.width)] > 0)
    return Masked(np.where(active, run, 0), known)


def silent_months(every: Months, t: int) -> Masked:
    """Months since the latest exports, at most 12; missing where there are none within them."""
    since = np.zeros(every.width, dtype=np.int64)
    heard = np.zeros(every.width, dtype=np.bool_)
    for lag in range(SILENT_MONTHS + 1):
        heard |= at(every, t - lag).values > 0
        since += ~heard
    return Masked(since, heard)


def concentration(panel: Exports, own: Own, t: int, *, enough: Bools) -> Masked:
    """Herfindahl index over destinations of twelve months; sums are integers, squares are added in code order."""
    amount = panel.destinations.sums(panel.usd_cent, own.rows & (panel.column > t - 12))
    exporter = panel.destinations.exporter
    total = np.zeros(len(panel.position), dtype=np.int64)
    np.add.at(total, exporter, amount)
    share = amount / np.maximum(total[exporter], 1)
    index = np.zeros(len(panel.position), dtype=np.float64)
    np.add.at(index, exporter, share * share)
    return Masked(index, enough & (total > 0))
