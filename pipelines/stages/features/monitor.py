"""Theme 用工: what the enterprise itself wrote on the monthly form of the unemployment monitoring scheme.

Only the latest form counts, and only while it is recent; an enterprise outside the sample has nothing here.
"""

from pipelines.stages.features.masked import Masked, quotient
from pipelines.stages.features.panel import Definitions
from pipelines.stages.features.sparse import Seen

COLUMNS = ("surveyed_persons", "hired_persons", "separated_persons", "dispatch_persons", "idle_persons")
MONTHS = 7


def features(seen: Seen, *, definitions: Definitions) -> dict[str, Masked]:
    """Features of the latest form within the valid months; ``monitor_month`` is an ordinal."""
    since = seen.silent_months(most=definitions.monitor_valid_months - 1)
    surveyed, hired = seen.picked("surveyed_persons", since), seen.picked("hired_persons", since)
    separated, idle = seen.picked("separated_persons", since), seen.picked("idle_persons", since)
    dispatch, before = seen.picked("dispatch_persons", since), seen.picked("dispatch_persons", since, before=1)
    moved = surveyed.valid & hired.valid & separated.valid
    loss = separated.values - hired.values
    month = seen.panel.first + seen.t - since.values
    return seen.spread(
        {
            "monitor_month": Masked(month, since.valid),
            "monitor_silent_months": seen.silent_months(most=MONTHS - 1),
            "monitor_loss_ratio": quotient(loss, surveyed.values + loss, moved),
            "idle_ratio": quotient(idle.values, surveyed.values, idle.valid & surveyed.valid),
            "idle_persons_latest": idle,
            "dispatch_change_1m_ratio": quotient(
                dispatch.values - before.values, before.values, dispatch.valid & before.valid
            ),
        }
    )
