"""Who stood against whom for a county's capacity, as the issued editions have it.

New yellow and blue cases are ranked, and those beyond the capacity of the insurance month are left out. A contest is
the first night of such a month in a county: those of the colour at which the capacity ended, listed or left out, each
with its place from the cut. Read from ``edition.json`` alone, so it is what the officers had before them.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import log1p, nan
from typing import Any

import polars as pl

from models import rule_score
from pipelines.errors import NotFoundError
from pipelines.ledger import EditionRecord, Ledger
from pipelines.settings import Home
from pipelines.stages.edition import document
from pipelines.stages.edition.triggers import SEVERITY

NOBODY_ADMITTED, COLOURS_APART, ORDER_UNKNOWN = "nobody_admitted", "colours_apart", "order_unknown"
CANDIDATE = {
    "as_of": pl.Date(),
    "month": pl.Date(),
    "county_code": pl.String(),
    "enterprise_id": pl.String(),
    "is_listed": pl.Boolean(),
    "place": pl.Float64(),
    "stake_gap": pl.Float64(),
    "log_staff": pl.Float64(),
    "points": pl.Float64(),
    "earlier_loss_ratio": pl.Float64(),
}
Entry = Mapping[str, Any]


@dataclass(frozen=True)
class Contests:
    """Who stood against whom: one row per candidate, and how much of the record it rests on.

    ``rows`` have the columns of ``CANDIDATE``: ``place`` counts from the cut in capacities, above 0 where listed, and
    ``stake_gap`` is the logarithm of the stake above that at the cut. ``full`` county months had somebody left out;
    ``unusable`` counts those of them that compare nobody, by reason.
    """

    rows: pl.DataFrame
    editions: int
    full: int
    unusable: Mapping[str, int]


def contests(home: Home, ledger: Ledger, *, as_of: date) -> Contests:
    """Every county month up to ``as_of`` in which somebody was left out for capacity, on the first such night.

    Who came later in a month whose capacity was spent was not outranked, only late, and is compared with nobody.
    """
    decided: set[tuple[str, str]] = set()
    rows: list[dict[str, Any]] = []
    unusable: Counter[str] = Counter()
    records = _told(ledger, as_of=as_of)
    for record in records:
        body = _document(home, record)
        month = body["edition"]["reference_month"]
        for county, refused in _refused(body).items():
            if month is None or (month, county) in decided:
                continue
            decided.add((month, county))
            found = _contest(body, county, refused)
            if isinstance(found, str):
                unusable[found] += 1
            else:
                rows += found
    frame = pl.DataFrame(rows, schema=CANDIDATE, orient="row")
    return Contests(rows=frame, editions=len(records), full=len(decided), unusable=dict(sorted(unusable.items())))


def _told(ledger: Ledger, *, as_of: date) -> list[EditionRecord]:
    """The edition in force of each day, oldest first; one made quietly, for history, sent nobody on a visit."""
    told = {entry["subject"] for entry in ledger.entries("finished") if not entry.get("quiet")}
    last: dict[date, EditionRecord] = {}
    for record in sorted(ledger.editions(), key=lambda record: (record.as_of, record.revision)):
        if record.status == "issued" and record.edition_id in told and record.as_of <= as_of:
            last[record.as_of] = record
    return list(last.values())


def _document(home: Home, record: EditionRecord) -> dict[str, Any]:
    path = home.editions / record.as_of.isoformat() / f"r{record.revision}" / document.FILE
    if not path.is_file():
        raise NotFoundError(f"{path} is missing, though the ledger says it was issued; restore it from the backup")
    body: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return body


def _refused(body: Mapping[str, Any]) -> dict[str, list[Entry]]:
    """County → those left out for capacity."""
    found: dict[str, list[Entry]] = {}
    for entry in body["state"]["kept_out"]:
        if entry["filter_code"] == "capacity":
            found.setdefault(entry["county_code"], []).append(entry)
    return dict(sorted(found.items()))


def _contest(body: Mapping[str, Any], county: str, refused: Sequence[Entry]) -> list[dict[str, Any]] | str:
    """The candidates of the colour at which the county's capacity ended, or why there is no comparing them.

    Places lie half a place off the cut, so that it falls midway between the last listed and the first left out.
    """
    day, is_rule_led = body["edition"]["as_of"], body["edition"]["model_id"] == rule_score.MODEL_ID
    admitted = [
        entry
        for entry in body["state"]["listed"]
        if entry["county_code"] == county and entry["is_capacity_limited"] and entry["listed_since"] == day
    ]
    if not admitted:
        return NOBODY_ADMITTED
    colour = min((entry["colour"] for entry in admitted), key=SEVERITY.__getitem__)
    if colour != max((entry["colour"] for entry in refused), key=SEVERITY.__getitem__):
        return COLOURS_APART
    listed, left = (
        sorted(
            ((_stake(entry, is_rule_led=is_rule_led), entry["enterprise_id"], entry) for entry in side),
            key=lambda ranked: (-ranked[0], ranked[1]),
        )
        for side in (_of(admitted, colour), _of(refused, colour))
    )
    last, first = listed[-1], left[0]
    if min(last[0], left[-1][0]) < 0 or (-last[0], last[1]) > (-first[0], first[1]):
        return ORDER_UNKNOWN
    capacity = next(row["visit_capacity"] for row in body["counties"] if row["county_code"] == county)
    cut = (log1p(last[0]) + log1p(first[0])) / 2
    ordered = [(1, listed[::-1]), (-1, left)]
    return [
        _candidate(entry, body)
        | {"place": sign * (back + 0.5) / capacity, "is_listed": sign > 0, "stake_gap": log1p(stake) - cut}
        for sign, side in ordered
        for back, (stake, _, entry) in enumerate(side)
    ]


def _of(entries: Sequence[Entry], colour: str) -> list[Entry]:
    return [entry for entry in entries if entry["colour"] == colour]


def _stake(entry: Entry, *, is_rule_led: bool) -> int:
    """What the night ranked by, as ``cases.weight`` has it; −1 where the document does not tell.

    Documents that name no stake tell it while the rule score leads: points times staff.
    """
    inputs = entry["inputs"]
    if inputs.get("stake") is not None:
        return int(inputs["stake"])
    return int(inputs["points"] or 0) * int(inputs["staff_persons"] or 0) if is_rule_led else -1


def _candidate(entry: Entry, body: Mapping[str, Any]) -> dict[str, Any]:
    """Who it is, and what was known of it before the cut was made; nan where it was not."""
    inputs = entry["inputs"]
    before, lost = inputs["previous_insured_persons"], inputs["net_loss_persons"]
    staff, points = inputs["staff_persons"], inputs["points"]
    return {
        "as_of": date.fromisoformat(body["edition"]["as_of"]),
        "month": date.fromisoformat(body["edition"]["reference_month"]),
        "county_code": entry["county_code"],
        "enterprise_id": entry["enterprise_id"],
        "log_staff": nan if staff is None else log1p(staff),
        "points": nan if points is None else points,
        "earlier_loss_ratio": lost / before if before and lost is not None else nan,
    }
