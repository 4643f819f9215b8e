"""Work orders recorded as done by hand: reports and plans, of which no visit form tells, and services without one.

On record with the day, the role and the instant, so that a replay sees what was known then.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from pipelines.errors import NotFoundError, UsageError
from pipelines.ledger import Ledger

KIND = "order_done"


@dataclass(frozen=True)
class DoneOrder:
    """An order that was done on a day, as a desk says; ``role`` is never a person."""

    order_no: str
    done_on: date
    role: str
    recorded_at: datetime


def record(done: DoneOrder, *, issued: Mapping[str, date], ledger: Ledger) -> None:
    """Put ``done`` on record; said again, the later word counts. ``issued`` has the day of each order given out.

    Raises ``UsageError`` for an order that the last edition does not give, a day before it or after today, or no role.
    """
    if done.order_no not in issued:
        raise UsageError(f"no order {done.order_no} in the published edition; see the sheets 工单 and 县区行业形势")
    if not issued[done.order_no] <= done.done_on <= done.recorded_at.date():
        raise UsageError(f"{done.done_on} lies before the order of {issued[done.order_no]} or after today")
    if not done.role.strip():
        raise UsageError("an order is recorded by a role")
    body = {"done_on": done.done_on.isoformat(), "role": done.role}
    ledger.append(KIND, subject=done.order_no, at=done.recorded_at, body=body)


def retract(order_no: str, *, ledger: Ledger, now: datetime, reason: str) -> None:
    """Take a record back from now on. Raises ``NotFoundError`` where none is in force."""
    if order_no not in ledger.in_force(KIND):
        raise NotFoundError(f"order {order_no} is not recorded as done; see 'wengang order list'")
    ledger.append(KIND, subject=order_no, at=now, body={"retracted": reason})


def on_record(ledger: Ledger, *, through: int | None = None, cutoff: datetime | None = None) -> list[DoneOrder]:
    """Records in force, of those made by ``through`` and before ``cutoff``, in order of their numbers."""
    return [
        DoneOrder(number, date.fromisoformat(entry["done_on"]), entry["role"], datetime.fromisoformat(entry["at"]))
        for number, entry in ledger.in_force(KIND, through=through, cutoff=cutoff).items()
    ]
