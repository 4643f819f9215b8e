"""Theme 外贸: the additional US duty on what an enterprise used to sell there, product mix fixed before the rise.

Rates come from the dated measures as known at the cutoff: within a stack group the latest step counts and a step for
the product beats one for all products; groups add up. A proposed step never counts; one struck down later was paid
while it stood. Sums are whole dollars × basis points, integers until one division at the end.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from pipelines.stages.features.masked import Bools, Ints, Masked, empty, quotient
from pipelines.stages.features.panel import Definitions, Exports, last_day
from pipelines.stages.features.trade import Own, spread

ALL_PRODUCTS = "*"
PROPOSED = "拟议"
EXPOSURE_MONTHS = 9
BASE_MONTHS = 12
BASIS_POINTS = 10_000
CENTS = 100
NAMES = ("tariff_rate_ratio", "tariff_rate_change_6m_ratio", "tariff_exposure_ratio")


@dataclass(frozen=True)
class Measure:
    """One dated step of a duty on one product, or on all."""

    measure_id: str
    stack_group: str
    hs6: str
    rate_bp: int
    valid_from: date
    valid_to: date | None
    measure_status: str

    def holds(self, day: date) -> bool:
        """Whether the step was charged on ``day``."""
        within = self.valid_from <= day and (self.valid_to is None or day < self.valid_to)
        return within and self.measure_status != PROPOSED


def rates(measures: Sequence[Measure], hs6: Sequence[str], *, day: date) -> Ints:
    """Additional duty in basis points on each of ``hs6`` on ``day``."""
    chosen: dict[tuple[str, str], Measure] = {}
    for measure in sorted(measures, key=lambda m: (m.valid_from, m.measure_id)):
        if measure.holds(day):
            chosen[measure.stack_group, measure.hs6] = measure
    groups = sorted({group for group, _ in chosen})
    result = np.zeros(len(hs6), dtype=np.int64)
    for group in groups:
        general = chosen.get((group, ALL_PRODUCTS))
        for place, code in enumerate(hs6):
            step = chosen.get((group, code), general)
            result[place] += step.rate_bp if step else 0
    return result


def features(
    panel: Exports | None,
    own: Own | None,
    month: int,
    *,
    t: int,
    measures: Sequence[Measure],
    count: int,
    definitions: Definitions,
) -> dict[str, Masked]:
    """Duty, its change and exposure at the end of ``month`` (ordinal), with exports known up to row ``t``.

    The exposure window is the nine months ending with ``month``; the base is the twelve months before it.
    """
    if panel is None or own is None or not measures:
        return {name: empty(count) for name in NAMES}
    last = min(month - EXPOSURE_MONTHS - panel.first, t)
    first = month - EXPOSURE_MONTHS - BASE_MONTHS + 1 - panel.first
    base_rows = own.rows & (panel.column >= first) & (panel.column <= last)
    known_months = int(panel.present[max(first, 0) : max(last + 1, 0)].sum())
    enough = np.full(len(panel.position), known_months >= definitions.minimum_known_months)
    mix = _dollars(panel, base_rows & panel.to_us)
    to_us, every = _per_exporter(panel, mix), _per_exporter(panel, _dollars(panel, base_rows))
    charged = [
        _per_exporter(panel, mix * rates(measures, panel.hs6, day=last_day(m))[panel.products.kind])
        for m in range(month - EXPOSURE_MONTHS, month + 1)
    ]
    rise, lowest = np.zeros_like(to_us), charged[0]
    for amount in charged[1:]:
        rise = np.maximum(rise, amount - lowest)
        lowest = np.minimum(lowest, amount)
    result = {
        "tariff_rate_ratio": quotient(charged[-1], to_us * BASIS_POINTS, enough),
        "tariff_rate_change_6m_ratio": quotient(charged[-1] - charged[-7], to_us * BASIS_POINTS, enough),
        "tariff_exposure_ratio": quotient(rise, every * BASIS_POINTS, enough),
    }
    return {name: spread(value, panel.position, known=own.known, count=count) for name, value in result.items()}


def _dollars(panel: Exports, rows: Bools) -> Ints:
    """Whole dollars of ``rows`` per exporter and product."""
    return panel.products.sums(panel.usd_cent, rows) // CENTS


def _per_exporter(panel: Exports, amounts: Ints) -> Ints:
    """Sums over the products of each exporter."""
    total = np.zeros(len(panel.position), dtype=np.int64)
    np.add.at(total, panel.products.exporter, amounts)
    return total
