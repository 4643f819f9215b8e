"""Themes 经营, 招聘 and 用工: orders of key enterprises, posts offered, persons of the promoted groups hired.

Orders are known of key enterprises only. Postings and hires are registers: who is not in them has none.
"""

from pipelines.stages.features.masked import Masked, difference, relative
from pipelines.stages.features.panel import Definitions
from pipelines.stages.features.sparse import Seen

ORDER_COLUMNS = ("new_orders_fen", "export_orders_fen", "capacity_use_bp", "stop_level")
VACANCY_COLUMNS = ("posts",)
HIRE_COLUMNS = ("group_hired_persons",)
ORDER_MONTHS, VACANCY_MONTHS, HIRE_MONTHS = 15, 15, 15
BASIS_POINTS = 10_000


def orders(seen: Seen, *, definitions: Definitions) -> dict[str, Masked]:
    """Orders of three months against the year before, use of capacity and state of production."""
    three, year_ago = seen.total("new_orders_fen", months=3), seen.total("new_orders_fen", months=3, lag=12)
    export = seen.total("export_orders_fen", months=3)
    export_year_ago = seen.total("export_orders_fen", months=3, lag=12)
    use = seen.at("capacity_use_bp")
    change = difference(use, seen.at("capacity_use_bp", lag=3))
    return seen.spread(
        {
            "orders_3m_fen": three,
            "orders_3m_year_ago_fen": year_ago,
            "orders_3m_change_ratio": relative(three, year_ago),
            "export_orders_3m_change_ratio": relative(export, export_year_ago),
            "capacity_use_ratio": Masked(use.values / BASIS_POINTS, use.valid),
            "capacity_use_change_3m_ratio": Masked(change.values / BASIS_POINTS, change.valid),
            "stop_level": seen.at("stop_level"),
            "orders_silent_months": seen.silent_months(most=definitions.source_valid_months),
        }
    )


def vacancies(seen: Seen) -> dict[str, Masked]:
    """Posts open in the latest month, a year before, and over three months of each."""
    now, then = seen.at("posts"), seen.at("posts", lag=12)
    three, year_ago = seen.total("posts", months=3), seen.total("posts", months=3, lag=12)
    return seen.spread(
        {
            "open_posts_count": now,
            "open_posts_year_ago_count": then,
            "open_posts_change_12m_ratio": relative(now, then),
            "open_posts_3m_change_ratio": relative(three, year_ago),
        }
    )


def hires(seen: Seen) -> dict[str, Masked]:
    """Persons of the promoted groups hired in three and in twelve months."""
    year = seen.total("group_hired_persons", months=12)
    three, year_ago = seen.total("group_hired_persons", months=3), seen.total("group_hired_persons", months=3, lag=12)
    return seen.spread(
        {
            "group_hires_3m_persons": three,
            "group_hires_12m_persons": year,
            "group_hires_3m_change_ratio": relative(three, year_ago),
        }
    )
