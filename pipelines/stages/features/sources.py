"""Which sources the features read beside insurance and customs, how far back, and what silence in them means.

One line per source: adding a source is a line here, a query and a function of the kernel.
"""

from dataclasses import dataclass

from pipelines.stages.features import claims, credit, disputes, market, monitor, power, support, tax


@dataclass(frozen=True)
class MonthlySource:
    """Rows per enterprise and month. ``columns`` are those of ``query``; ``months`` is how far back an origin looks.

    In a register an enterprise without a row in a month that the source covers has had nothing. A dense source speaks
    of most enterprises and is read bucket by bucket.
    """

    name: str
    table: str
    query: str
    columns: tuple[str, ...]
    months: int
    is_register: bool = False
    is_dense: bool = False


@dataclass(frozen=True)
class EventSource:
    """Dated events about enterprises, ``day_column`` of ``table`` their day; ``query`` gives ``columns``."""

    name: str
    table: str
    query: str
    columns: tuple[str, ...]
    day_column: str
    days: int


MONTHLY = (
    MonthlySource("monitor", "core.monitor_month", "read_monitor", monitor.COLUMNS, months=monitor.MONTHS),
    MonthlySource("power", "core.power_month", "read_power", power.COLUMNS, months=power.MONTHS, is_dense=True),
    MonthlySource("tax", "core.tax_month", "read_tax", tax.COLUMNS, months=tax.MONTHS, is_dense=True),
    MonthlySource("orders", "core.orders_month", "read_orders", market.ORDER_COLUMNS, months=market.ORDER_MONTHS),
    MonthlySource("claims", "core.claim_month", "read_claims", claims.COLUMNS, months=claims.MONTHS, is_register=True),
    MonthlySource(
        "vacancies",
        "core.vacancy_month",
        "read_vacancies",
        market.VACANCY_COLUMNS,
        months=market.VACANCY_MONTHS,
        is_register=True,
    ),
    MonthlySource(
        "hires",
        "core.hire_group_month",
        "read_hires",
        market.HIRE_COLUMNS,
        months=market.HIRE_MONTHS,
        is_register=True,
    ),
)
EVENTS = (
    EventSource(
        "complaints",
        "core.wage_complaint",
        "read_complaints",
        disputes.COMPLAINT_COLUMNS,
        day_column="accepted_on",
        days=disputes.QUARTER,
    ),
    EventSource(
        "arbitrations",
        "core.arbitration",
        "read_arbitrations",
        disputes.ARBITRATION_COLUMNS,
        day_column="filed_on",
        days=disputes.QUARTER,
    ),
    EventSource(
        "credit",
        "core.credit_event",
        "read_credit",
        credit.COLUMNS,
        day_column="occurred_on",
        days=credit.EVER,
    ),
    EventSource(
        "benefits",
        "core.policy_benefit",
        "read_benefits",
        support.BENEFIT_COLUMNS,
        day_column="paid_on",
        days=support.HALF_YEAR,
    ),
    EventSource(
        "visits",
        "core.follow_up",
        "read_visits",
        support.VISIT_COLUMNS,
        day_column="visited_on",
        days=support.HALF_YEAR,
    ),
)
FLOWS = "flows"
FLOW_TABLE = "core.labour_flow_month"
