"""Cases that an officer puts on the list by hand: what no feed tells yet, with a colour, a role and a reason.

Such a case always appears, whatever triggers and capacity say, until it is taken back. It is on record with its
instant, so a replay sees what was known then.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from pipelines.errors import NotFoundError, UsageError
from pipelines.ledger import Ledger

KIND = "own_case"
MOST_REASON = 100


@dataclass(frozen=True)
class OwnCase:
    """An enterprise that an officer wants on the list; ``role`` is a desk, never a person."""

    enterprise_id: str
    colour: str
    role: str
    reason: str
    added_at: datetime


def add(case: OwnCase, *, known: Collection[str], ledger: Ledger) -> None:
    """Put ``case`` on record; another of the same enterprise takes its place.

    Raises ``UsageError`` for an enterprise that the last edition does not know, or without a short reason.
    """
    if case.enterprise_id not in known:
        raise UsageError(f"no enterprise {case.enterprise_id} in the published edition; check the code")
    if not case.reason.strip() or len(case.reason) > MOST_REASON or not case.role.strip():
        raise UsageError(f"a case needs a role, and a reason of at most {MOST_REASON} characters")
    body = {"colour": case.colour, "role": case.role, "reason": case.reason.strip()}
    ledger.append(KIND, subject=case.enterprise_id, at=case.added_at, body=body)


def retract(enterprise_id: str, *, ledger: Ledger, now: datetime, reason: str) -> None:
    """Take a case back from now on. Raises ``NotFoundError`` where none is in force."""
    if enterprise_id not in ledger.in_force(KIND):
        raise NotFoundError(f"no case of {enterprise_id} is on record; see 'wengang case list'")
    ledger.append(KIND, subject=enterprise_id, at=now, body={"retracted": reason})


def on_record(ledger: Ledger, *, through: int | None = None, cutoff: datetime | None = None) -> list[OwnCase]:
    """Cases in force, of those on record by ``through`` and made before ``cutoff``, in order of enterprise."""
    return [
        OwnCase(code, entry["colour"], entry["role"], entry["reason"], datetime.fromisoformat(entry["at"]))
        for code, entry in ledger.in_force(KIND, through=through, cutoff=cutoff).items()
    ]
