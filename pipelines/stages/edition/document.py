"""``edition.json``: all that the next edition must remember of this one, and all that its report shows.

The next night reads its memory from here and from no table, so a lost warehouse loses nothing. The bytes depend on
the edition alone: keys sorted, ratios at six digits, no clock but the cutoff.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from pipelines.errors import NotFoundError
from pipelines.run import atomic_file

FILE = "edition.json"
DIGITS = 6


@dataclass(frozen=True)
class Inputs:
    """What a judgement rested on: persons of two months, net loss, points, the staff that an absence concerns.

    ``stake`` is what orders those who compete for a county's capacity.
    """

    insured_persons: int | None = None
    previous_insured_persons: int | None = None
    net_loss_persons: int | None = None
    points: int | None = None
    staff_persons: int | None = None
    stake: int | None = None


@dataclass(frozen=True)
class Followed:
    """One enterprise that an edition listed, or kept out by a filter, as the next edition must remember it.

    ``months`` maps each insurance month judged during the spell to the code of the trigger that held in it; an empty
    code is a month without one.
    """

    enterprise_id: str
    enterprise_name: str
    county_code: str
    county_name: str
    colour: str
    trigger_colour: str | None
    trigger_code: str
    trigger_text: str
    inputs: Inputs
    warning_no: str = ""
    raised_on: date | None = None
    listed_since: date | None = None
    listed_month: date | None = None
    is_capacity_limited: bool = False
    filter_code: str = ""
    months: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class VerifiedFalse:
    """A case that a visit found to be a false alarm: what was verified, when, and from which month on it is open again.

    ``month`` is the insurance month that the officer verified; ``until`` the first one that the finding does not cover.
    """

    warning_no: str
    colour: str
    listed_since: date
    visited_on: date
    reason: str
    month: date
    until: date


@dataclass(frozen=True)
class Closed:
    """A case that left the list on ``left_on``: visits go on answering it, and its county's counts go on holding it."""

    warning_no: str
    enterprise_id: str
    enterprise_name: str
    county_code: str
    county_name: str
    colour: str
    listed_since: date
    left_on: date


@dataclass(frozen=True)
class Memory:
    """The previous edition as the next one sees it; ``month_since`` is the day on which its month was first judged."""

    edition_id: str
    reference_month: date | None
    code_digest: str
    model_id: str
    thresholds: Mapping[str, int]
    deliveries: tuple[tuple[str, ...], ...]
    listed: Mapping[str, Followed]
    kept_out: Mapping[str, Followed]
    capacity_used: Mapping[str, int]
    numbers: Mapping[str, int]
    verified_false: Mapping[str, VerifiedFalse] = field(default_factory=dict)
    month_since: date | None = None
    closed: Mapping[str, Closed] = field(default_factory=dict)


def write(folder: Path, body: Mapping[str, Any]) -> Path:
    """Write ``edition.json`` into ``folder`` whole or not at all; gives its path."""
    text = json.dumps(_plain(body), ensure_ascii=False, sort_keys=True, indent=1, allow_nan=False)
    path = folder / FILE
    with atomic_file(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
    return path


def clear_leftovers(folder: Path) -> None:
    """Make ``folder``, without the half-written files (their names begin with a dot) that a killed run left there."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.rglob(".*"):
        if path.is_file():
            path.unlink()


def state(
    listed: Mapping[str, Followed],
    kept_out: Mapping[str, Followed],
    *,
    capacity_used: Mapping[str, int],
    numbers: Mapping[str, int],
    verified_false: Mapping[str, VerifiedFalse],
    month_since: date,
    closed: Mapping[str, Closed],
) -> dict[str, Any]:
    """The part of the document that the next edition reads back."""
    return {
        "listed": [asdict(listed[key]) for key in sorted(listed)],
        "kept_out": [asdict(kept_out[key]) for key in sorted(kept_out)],
        "capacity_used": dict(capacity_used),
        "numbers": dict(numbers),
        "verified_false": {key: asdict(verified_false[key]) for key in sorted(verified_false)},
        "month_since": month_since,
        "closed": {key: asdict(closed[key]) for key in sorted(closed)},
    }


def recall(folder: Path) -> Memory:
    """Read the memory of the edition in ``folder``; raises ``NotFoundError`` where its document is gone."""
    path = folder / FILE
    if not path.is_file():
        raise NotFoundError(f"{path} is missing, though the ledger says it was issued; restore it from the backup")
    body = json.loads(path.read_text(encoding="utf-8"))
    header, kept = body["edition"], body["state"]
    return Memory(
        edition_id=header["edition_id"],
        reference_month=_date(header["reference_month"]),
        code_digest=header["code_digest"],
        model_id=header["model_id"],
        thresholds=body["thresholds"],
        deliveries=tuple(tuple(word) for word in words_of(body["identity"])),
        listed={row["enterprise_id"]: _followed(row) for row in kept["listed"]},
        kept_out={row["enterprise_id"]: _followed(row) for row in kept["kept_out"]},
        capacity_used=kept["capacity_used"],
        numbers=kept["numbers"],
        verified_false={key: _verified(row) for key, row in kept.get("verified_false", {}).items()},
        month_since=_date(kept.get("month_since")),
        closed={key: _closed(row) for key, row in kept.get("closed", {}).items()},
    )


def words_of(identity: Mapping[str, Any]) -> list[list[str]]:
    """What an edition knew from outside: its deliveries and corrections; the second item of each is the feed."""
    return [*identity["deliveries"], *identity.get("corrections", [])]


def digest_of(folder: Path) -> str:
    """The digest that identifies the edition written to ``folder``."""
    return str(json.loads((folder / FILE).read_text(encoding="utf-8"))["digest"])


def _followed(row: Mapping[str, Any]) -> Followed:
    dates = {name: _date(row.get(name)) for name in ("raised_on", "listed_since", "listed_month")}
    return Followed(**{**row, **dates, "inputs": Inputs(**row["inputs"])})


def _verified(row: Mapping[str, Any]) -> VerifiedFalse:
    days = {name: date.fromisoformat(row[name]) for name in ("listed_since", "visited_on", "month", "until")}
    return VerifiedFalse(**{**row, **days})


def _closed(row: Mapping[str, Any]) -> Closed:
    return Closed(**{**row, **{name: date.fromisoformat(row[name]) for name in ("listed_since", "left_on")}})


def _date(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _plain(value: Any) -> Any:
    match value:
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case float():
            return round(value, DIGITS)
        case datetime() | date():
            return value.isoformat()
        case _:
            return value
