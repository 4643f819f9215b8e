"""Theme 外贸: the additional US duty on what an enterprise used to sell there, product mix fixed before the rise.

Rates come from the dated measures as known at the cutoff: within a stack group the latest step counts and a step for
the product beats one for all products; groups add up. A proposed step never counts; one struck down later was paid
while it stood. Sums are whole dollars × basis points, integers until one division at the end.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from pipelines.stages.features.masked import Ints, Masked, empty, quotient
from pipelines.stages.features.panel import Definitions, Exports, last_day
from pipelines.stages.features.trade import own_rows, spread

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
    if panel is None or not measures or t < 0:
        return {name: empty(count) for name in NAMES}
    own = own_rows(panel, t)
    last = min(month - EXPOSURE_MONTHS - panel.first, t)
    first = month - EXPOSURE_MONTHS - BASE_MONTHS + 1 - panel.first
    base_rows = own.rows & (panel.column >= first) & (panel.column <= last)
    known_months = int(panel.present[max(first, 0) : max(last + 1, 0)].sum())
    enough = np.full(len(panel.position), known_months >= definitions.minimum_known_months)
    mix = _dollars(panel, base_rows & panel.to_us)
    to_us, every = _total(mix), _total(_dollars(panel, base_rows))
    charged = [
        _charge(mix, rates(measures, panel.hs6, day=last_day(m))) for m in range(month - EXPOSURE_MONTHS, month + 1)
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


def _dollars(panel: Exports, rows: np.ndarray) -> tuple[Ints, Ints, Ints, int]:
    """Whole dollars per exporter and product: exporter, product, amount, and how many exporters there are."""
    products = max(len(panel.hs6), 1)
    pairs, inverse = np.unique(panel.exporter[rows] * products + panel.product[rows], return_inverse=True)
    cents = np.zeros(len(pairs), dtype=np.int64)
    np.add.at(cents, inverse, panel.usd_cent[rows])
    return pairs // products, pairs % products, cents // CENTS, len(panel.position)


def _total(mix: tuple[Ints, Ints, Ints, int]) -> Ints:
    exporter, _, dollars, exporters = mix
    total = np.zeros(exporters, dtype=np.int64)
    np.add.at(total, exporter, dollars)
    return total


def _charge(mix: tuple[Ints, Ints, Ints, int], rate: Ints) -> Ints:
    exporter, product, dollars, exporters = mix
    charge = np.zeros(exporters, dtype=np.int64)
    np.add.at(charge, exporter, dollars * rate[product])
    return charge
