"""Themes 缓释 and 走访: help already received, and what the last visit found.

A visit speaks while it is recent; an enterprise never visited has nothing here. Help withdrawn is no help.
"""

from pipelines.stages.features.masked import Masked
from pipelines.stages.features.panel import Definitions
from pipelines.stages.features.sparse import Dated

BENEFIT_COLUMNS = ("benefit_fen", "is_stabilising")
VISIT_COLUMNS = ("planned_cut_persons", "unpaid_wage_persons", "stop_level", "orders_change_bp", "is_false_alarm")
HALF_YEAR = 182
BASIS_POINTS = 10_000


def benefits(seen: Dated) -> dict[str, Masked]:
    """Help of six months: all payments, those that keep staff, and the latest of these (a date's ordinal)."""
    stabilising = seen.number(days=HALF_YEAR, kind="is_stabilising", codes=(1,))
    return {
        "benefits_6m_count": seen.number(days=HALF_YEAR),
        "benefits_6m_fen": seen.persons("benefit_fen", days=HALF_YEAR),
        "stabilising_benefits_6m_count": stabilising,
        "stabilising_benefit_on": seen.latest(days=HALF_YEAR, kind="is_stabilising", codes=(1,)),
    }


def visits(seen: Dated, *, definitions: Definitions) -> dict[str, Masked]:
    """What the latest visit within ``visit_valid_days`` found; ``visit_on`` is a date's ordinal."""
    days = definitions.visit_valid_days
    change = seen.of_latest("orders_change_bp", days=days)
    return {
        "visit_on": seen.latest(days=days),
        "visit_planned_cut_persons": seen.of_latest("planned_cut_persons", days=days),
        "visit_unpaid_wage_persons": seen.of_latest("unpaid_wage_persons", days=days),
        "visit_stop_level": seen.of_latest("stop_level", days=days),
        "visit_orders_change_ratio": Masked(change.values / BASIS_POINTS, change.valid),
        "visit_false_alarm_level": seen.of_latest("is_false_alarm", days=days),
    }
