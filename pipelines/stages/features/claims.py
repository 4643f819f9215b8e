"""Theme 用工: unemployment benefit claimed by persons last insured at the enterprise.

The fund's register is complete: in a month that it covers, who is not in it has no claimant. Claims follow the loss.
"""

import numpy as np

from pipelines.stages.features.masked import Masked, Months, at, quotient
from pipelines.stages.features.panel import Insurance
from pipelines.stages.features.sparse import Seen

COLUMNS = ("claim_persons", "laid_off_claim_persons")
MONTHS = 7
STAFF_MONTHS = 4


def features(seen: Seen, *, insurance: Insurance, t: int) -> dict[str, Masked]:
    """Claimants of one and three months, and their share of the highest staff of the months up to row ``t``."""
    own = seen.spread(
        {
            "claims_1m_persons": seen.at("claim_persons"),
            "claims_3m_persons": seen.total("claim_persons", months=3),
            "laid_off_claims_3m_persons": seen.total("laid_off_claim_persons", months=3),
            "_before": seen.total("claim_persons", months=3, lag=3),
        }
    )
    before = own.pop("_before")
    month, three = own["claims_1m_persons"], own["claims_3m_persons"]
    staff = _staff(insurance.levels.until(t), seen.month - insurance.first)
    risen = three.valid & before.valid
    return own | {
        "claims_1m_ratio": quotient(month.values, staff.values, month.valid & staff.valid),
        "claims_3m_ratio": quotient(three.values, staff.values, three.valid & staff.valid),
        "claims_change_3m_persons": Masked(np.where(risen, three.values - before.values, 0), risen),
    }


def _staff(levels: Months, row: int) -> Masked:
    """Highest known number of insured persons of the four months ending with ``row``: who claims has left since."""
    now = at(levels, row)
    highest, known = now.values.copy(), now.valid.copy()
    for lag in range(1, STAFF_MONTHS):
        column = at(levels, row - lag)
        highest = np.maximum(highest, column.values)
        known |= column.valid
    return Masked(highest, known)
