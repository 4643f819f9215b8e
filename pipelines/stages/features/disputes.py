"""Theme 资金: complaints about unpaid wages and cases before the arbitration commission.

Both registers are complete: where they came at all, who is not in them has none. Unpaid wages are not premiums in
arrears.
"""

from pipelines.stages.features.masked import Masked
from pipelines.stages.features.sparse import Dated

COMPLAINT_COLUMNS = ("involved_persons",)
ARBITRATION_COLUMNS = ("claimant_persons", "is_collective")
MONTH, QUARTER = 30, 90


def complaints(seen: Dated) -> dict[str, Masked]:
    """Complaints about wages of 30 and of 90 days, and the persons they speak for."""
    return {
        "wage_complaints_30d_count": seen.number(days=MONTH),
        "wage_complaints_30d_persons": seen.persons("involved_persons", days=MONTH),
        "wage_complaints_90d_count": seen.number(days=QUARTER),
        "wage_complaints_90d_persons": seen.persons("involved_persons", days=QUARTER),
    }


def arbitrations(seen: Dated) -> dict[str, Masked]:
    """Cases docketed within 30 and 90 days, their claimants, and how many of them are collective."""
    return {
        "arbitrations_30d_count": seen.number(days=MONTH),
        "arbitrations_90d_count": seen.number(days=QUARTER),
        "arbitrations_90d_persons": seen.persons("claimant_persons", days=QUARTER),
        "collective_disputes_90d_count": seen.number(days=QUARTER, kind="is_collective", codes=(1,)),
    }
