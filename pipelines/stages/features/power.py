"""Theme 经营: electricity drawn, against the year before and against the enterprise's own base period.

An enterprise without a power link has nothing here. Months that the festival touches are compared with their lunar
counterparts, and neither count in a run nor stand for the use of today.
"""

import numpy as np

from pipelines.lunar import month_of_ordinal
from pipelines.stages.features.masked import Masked, quotient, relative
from pipelines.stages.features.panel import Definitions
from pipelines.stages.features.sparse import Seen

COLUMNS = ("power_kwh", "is_power_reduced", "unpaid_power_fen")
MONTHS = 26
BASE_GAP, BASE_MONTHS = 3, 12
RUN_MONTHS = 12


def features(seen: Seen, *, definitions: Definitions) -> dict[str, Masked]:
    """All features of power for the origin."""
    three, year_ago = seen.total("power_kwh", months=3), seen.total("power_kwh", months=3, lag=12)
    unpaid = seen.at("unpaid_power_fen")
    return seen.spread(
        {
            "power_change_lunar_ratio": relative(seen.at("power_kwh"), _year_before(seen, 0, definitions)),
            "power_3m_change_ratio": relative(three, year_ago),
            "power_fall_months": _fall_months(seen, definitions),
            "power_use_base_ratio": _use_against_base(seen, definitions),
            "power_reduced_months": seen.run("is_power_reduced", most=RUN_MONTHS),
            "power_unpaid_fen": unpaid,
            "power_silent_months": seen.silent_months(most=RUN_MONTHS),
        }
    )


def _year_before(seen: Seen, lag: int, definitions: Definitions) -> Masked:
    """Power of the counterpart, a year before, of the month ``lag`` months before the origin."""
    return seen.at("power_kwh", lag=lag + definitions.lunar.months_back(seen.month - lag))


def _fall_months(seen: Seen, definitions: Definitions) -> Masked:
    """Months in a row, the festival's passed over, with ``power_fall_pct`` or more below the year before."""
    run = np.zeros(seen.width, dtype=np.int64)
    lags = [lag for lag in range(RUN_MONTHS) if not definitions.lunar.is_festival(seen.month - lag)]
    known = seen.at("power_kwh", lag=lags[0]).valid & _year_before(seen, lags[0], definitions).valid
    going = known.copy()
    for lag in lags:
        now, then = seen.at("power_kwh", lag=lag), _year_before(seen, lag, definitions)
        fell = now.values * 100 <= then.values * (100 - definitions.power_fall_pct)
        going &= now.valid & then.valid & (then.values > 0) & fell
        run += going
    return Masked(run, known)


def _use_against_base(seen: Seen, definitions: Definitions) -> Masked:
    """Use per day of the latest month clear of the festival over its base: twelve months ending three months before."""
    lag = next(lag for lag in range(RUN_MONTHS) if not definitions.lunar.is_festival(seen.month - lag))
    now = seen.at("power_kwh", lag=lag)
    base, days, known = (np.zeros(seen.width, dtype=np.int64) for _ in range(3))
    for back in range(lag + BASE_GAP, lag + BASE_GAP + BASE_MONTHS):
        month = seen.at("power_kwh", lag=back)
        base += month.values
        days += month.valid * _days(seen.month - back)
        known += month.valid
    enough = now.valid & (known >= definitions.minimum_known_months)
    return quotient(now.values * days, base * _days(seen.month - lag), enough)


def _days(month: int) -> int:
    return (month_of_ordinal(month + 1) - month_of_ordinal(month)).days
