"""What the previous edition wrote down, against what the data say of the same month now.

A difference is a revision: a late row, a correction, a withdrawn delivery. It is told from news by reading both months
again, never guessed from a trigger that went away.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from pipelines.contracts import read_sql
from pipelines.run import add_months
from pipelines.stages.edition.document import Followed, Memory
from pipelines.stages.edition.triggers import ABSENCES, LOSSES, is_loss
from pipelines.warehouse import Warehouse

Counts = Mapping[tuple[str, date], int | None]


@dataclass(frozen=True)
class Comparison:
    """Followed enterprises whose head counts read otherwise now.

    ``refuted`` are those whose loss is no loss any more, ``returned`` those whose absence has ended with their staff.
    """

    revised: frozenset[str] = frozenset()
    refuted: frozenset[str] = frozenset()
    returned: frozenset[str] = frozenset()


def compare(
    warehouse: Warehouse, memory: Memory | None, limits: Mapping[str, int], *, month: date | None
) -> Comparison:
    """Read the previous edition's reference month and the month before again; no row and 0 persons are the same."""
    if memory is None or memory.reference_month is None or month is None:
        return Comparison()
    followed = {**memory.kept_out, **memory.listed}
    last, first = memory.reference_month, add_months(memory.reference_month, -1)
    latest = max(last, month)
    rows = warehouse.rows(read_sql("edition/recalled"), tracked=sorted(followed), first_month=first, last_month=latest)
    now = {(enterprise_id, month): persons for enterprise_id, month, persons in rows}
    revised = frozenset(
        key
        for key, record in followed.items()
        if (now.get((key, last)) or 0) != (record.inputs.insured_persons or 0)
        or (now.get((key, first)) or 0) != (record.inputs.previous_insured_persons or 0)
    )
    refuted = frozenset(
        key for key in revised & set(memory.listed) if _is_refuted(memory.listed[key], now, last, limits)
    )
    returned = frozenset(
        key for key, record in memory.listed.items() if _is_returned(record, now.get((key, month)), limits)
    )
    return Comparison(revised=revised, refuted=refuted, returned=returned)


def _is_refuted(record: Followed, now: Counts, month: date, limits: Mapping[str, int]) -> bool:
    """Whether ``month`` now has a row, and one that shows no loss; without a row the absence stands."""
    key = record.enterprise_id
    here = now.get((key, month))
    if record.trigger_code not in LOSSES or not record.months.get(month.isoformat()) or here is None:
        return False
    base = now.get((key, add_months(month, -1))) or record.inputs.previous_insured_persons or 0
    return not is_loss(base - here, base, limits)


def _is_returned(record: Followed, insured: int | None, limits: Mapping[str, int]) -> bool:
    """Whether an enterprise listed for its absence is insured again, without a loss against the time before."""
    staff = record.inputs.staff_persons or 0
    return record.trigger_code in ABSENCES and bool(insured) and not is_loss(staff - (insured or 0), staff, limits)
