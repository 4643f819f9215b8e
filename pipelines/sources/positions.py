"""How far each source was read, in the ledger: one entry a deed, appended only, the last ones say how it stands.

``fetched`` is written before a file appears in the inbox and says what it will mean; ``landed`` once it is on record as
a delivery, and only that is a position; ``checked`` where nothing was new; ``fault`` where it did not work; ``anew``
where a person wants all of it again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipelines.ledger import Ledger

KIND = "source"


@dataclass(frozen=True)
class Pending:
    """A file that was fetched and is not known to have landed: its entry, its name, its content and its meaning."""

    seq: int
    file_name: str
    digest: str
    position: Mapping[str, Any]


@dataclass(frozen=True)
class Standing:
    """How one feed of one source stands; ``fault`` is empty where the last deed was well."""

    positions: tuple[Mapping[str, Any], ...] = ()
    file_name: str = ""
    digest: str = ""
    succeeded_at: datetime | None = None
    faulted_at: datetime | None = None
    fault: str = ""
    is_final: bool = False
    pending: Pending | None = None


def standing(ledger: Ledger, channel: str) -> Standing:
    """How ``channel`` (``<source>/<feed>``) stands by the ledger."""
    entries = ledger.entries(KIND, subject=channel)
    anew = max((place for place, entry in enumerate(entries, start=1) if entry["deed"] == "anew"), default=0)
    entries = entries[anew:]
    landed = [entry for entry in entries if entry["deed"] == "landed"]
    well = [entry for entry in entries if entry["deed"] in {"landed", "checked"}]
    faults = [entry for entry in entries if entry["deed"] == "fault"]
    fetched = [entry for entry in entries if entry["deed"] == "fetched"]
    is_open = bool(faults) and (not well or faults[-1]["seq"] > well[-1]["seq"])
    is_pending = bool(fetched) and (not landed or landed[-1]["of"] < fetched[-1]["seq"])
    return Standing(
        positions=tuple(entry["position"] for entry in landed),
        file_name=landed[-1]["file_name"] if landed else "",
        digest=landed[-1]["digest"] if landed else "",
        succeeded_at=_instant(well),
        faulted_at=_instant(faults),
        fault=faults[-1]["reason"] if is_open else "",
        is_final=is_open and faults[-1]["is_final"],
        pending=_pending(fetched[-1]) if is_pending else None,
    )


def will_land(
    ledger: Ledger, channel: str, *, at: datetime, file_name: str, digest: str, position: Mapping[str, Any]
) -> Pending:
    """Record what a file that is about to appear in the inbox will mean."""
    body = {"deed": "fetched", "file_name": file_name, "digest": digest, "position": position}
    return Pending(ledger.append(KIND, subject=channel, at=at, body=body), file_name, digest, position)


def has_landed(ledger: Ledger, channel: str, pending: Pending, *, at: datetime) -> None:
    """Record that a file is on record as a delivery: the position moves."""
    body = {
        "deed": "landed",
        "of": pending.seq,
        "file_name": pending.file_name,
        "digest": pending.digest,
        "position": pending.position,
    }
    ledger.append(KIND, subject=channel, at=at, body=body)


def was_well(ledger: Ledger, channel: str, *, at: datetime) -> None:
    """Record that the source answered and nothing was new."""
    ledger.append(KIND, subject=channel, at=at, body={"deed": "checked"})


def had_fault(ledger: Ledger, channel: str, *, at: datetime, reason: str, is_final: bool) -> None:
    """Record why a source could not be read; ``reason`` holds no secret."""
    ledger.append(KIND, subject=channel, at=at, body={"deed": "fault", "reason": reason, "is_final": is_final})


def forget(ledger: Ledger, channel: str, *, at: datetime) -> None:
    """Record that what was read of a source counts no longer: all of it is fetched again."""
    ledger.append(KIND, subject=channel, at=at, body={"deed": "anew"})


def _pending(entry: Mapping[str, Any]) -> Pending:
    return Pending(entry["seq"], entry["file_name"], entry["digest"], entry["position"])


def _instant(entries: list[dict[str, Any]]) -> datetime | None:
    return datetime.fromisoformat(entries[-1]["at"]) if entries else None
