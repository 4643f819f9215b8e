"""Theme 用工: what the enterprise itself wrote on the monthly form of the unemployment monitoring scheme.

Only the latest form counts, and only while it is recent; an enterprise outside the sample has nothing here.
"""

import numpy as np

from pipelines.stages.features.masked import MISSING, Ints, Masked, empty, quotient
from pipelines.stages.features.panel import Definitions, Monitor
from pipelines.stages.features.trade import spread

COUNTS = ("monitor_month", "idle_persons_latest")
RATIOS = ("monitor_loss_ratio", "idle_ratio", "dispatch_change_1m_ratio")


def features(panel: Monitor | None, t: int, *, count: int, definitions: Definitions) -> dict[str, Masked]:
    """Features of the latest form within the valid months ending with row ``t``; ``monitor_month`` is an ordinal."""
    if panel is None or t < 0:
        return {name: empty(count, dtype=np.int64) for name in COUNTS} | {name: empty(count) for name in RATIOS}
    latest = np.full(len(panel.position), MISSING, dtype=np.int64)
    for row in range(max(t - definitions.monitor_valid_months + 1, 0), t + 1):
        latest = np.where(panel.columns["present"][row] != MISSING, row, latest)
    known = latest != MISSING
    surveyed, hired = _pick(panel, "surveyed_persons", latest), _pick(panel, "hired_persons", latest)
    separated, idle = _pick(panel, "separated_persons", latest), _pick(panel, "idle_persons", latest)
    dispatch = _pick(panel, "dispatch_persons", latest)
    before = _pick(panel, "dispatch_persons", np.where(known, latest - 1, MISSING))
    moved = surveyed.valid & hired.valid & separated.valid
    loss = separated.values - hired.values
    result = {
        "monitor_month": Masked(np.where(known, latest + panel.first, 0), known),
        "monitor_loss_ratio": quotient(loss, surveyed.values + loss, moved),
        "idle_ratio": quotient(idle.values, surveyed.values, idle.valid & surveyed.valid),
        "idle_persons_latest": idle,
        "dispatch_change_1m_ratio": quotient(
            dispatch.values - before.values, before.values, dispatch.valid & before.valid
        ),
    }
    return {name: spread(value, panel.position, known=known, count=count) for name, value in result.items()}


def _pick(panel: Monitor, name: str, row: Ints) -> Masked:
    """Column ``name`` at each enterprise's own ``row``."""
    inside = row >= 0
    values = panel.columns[name][np.where(inside, row, 0), np.arange(len(row))]
    valid = inside & (values != MISSING)
    return Masked(np.where(valid, values, 0), valid)
