"""What makes an edition this edition and no other: its inputs, hashed; and the edition it is compared with.

The clock is no input. Two nights with the same deliveries, code, parameters, settings and previous edition are one.
"""

import hashlib
import json
from datetime import date
from importlib.metadata import version
from typing import Any

from pipelines.contracts import Contracts
from pipelines.ledger import EditionRecord, Ledger
from pipelines.run import Run, code_digest
from pipelines.warehouse import Warehouse

DELIVERED = "SELECT batch, feed, dated_by, received_at FROM ingest.delivery ORDER BY received_at, feed, batch, dated_by"
REFUSED = "SELECT batch, feed, received_at FROM ingest.refusal ORDER BY received_at, batch, feed"

PURPOSES = """
    SELECT feed, purpose_state, withheld_text FROM ingest.purpose
    WHERE purpose_state NOT IN ('有效', '约定不全') OR withheld_text IS NOT NULL ORDER BY feed
"""
CORRECTED = (
    "SELECT correction_id, feed, correction_digest, correction_state FROM ingest.correction ORDER BY correction_id"
)
ADDED = "SELECT enterprise_id, colour, decided_by, reason_text FROM ingest.own_case ORDER BY enterprise_id"
DONE = "SELECT order_no, done_on::VARCHAR, decided_by FROM ingest.order_done ORDER BY order_no"
DECIDED = "SELECT name_key, verdict, enterprise_id FROM ingest.identity_decision ORDER BY name_key"


def describe(run: Run, warehouse: Warehouse, ledger: Ledger, *, previous: EditionRecord | None) -> dict[str, Any]:
    """Every input of the edition as plain values, in one order."""
    rows = warehouse.rows(DELIVERED)
    refused = warehouse.rows(REFUSED)
    settings = run.settings
    return {
        "as_of": run.as_of.isoformat(),
        "cutoff": run.cutoff.isoformat(),
        "deliveries": [[batch, feed, dated, received.isoformat()] for batch, feed, dated, received in rows],
        "refused": [[batch, feed, received.isoformat()] for batch, feed, received in refused],
        "purposes": [list(row) for row in warehouse.rows(PURPOSES)],
        "corrections": [list(row) for row in warehouse.rows(CORRECTED)],
        "decisions": [list(row) for row in warehouse.rows(DECIDED)],
        "own_cases": [list(row) for row in warehouse.rows(ADDED)],
        "orders_done": [list(row) for row in warehouse.rows(DONE)],
        "model": [run.champion.model_id, run.champion.digest, run.champion.refusal] if run.champion else [],
        "overrides": [o["reason"] for o in ledger.overrides(as_of=run.as_of, through=run.through)],
        "code": code_digest(),
        "holidays": version("chinesecalendar"),
        "parameters": run.parameters.digest,
        "feeds": feeds_digest(run.contracts),
        "counties": {code: county.model_dump() for code, county in settings.counties.items()},
        "default_capacity": settings.default_capacity,
        "city": settings.city.model_dump(),
        "previous": previous.edition_id if previous else "",
    }


def digest(description: dict[str, Any]) -> str:
    """Hash of ``description``."""
    text = json.dumps(description, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def feeds_digest(contracts: Contracts) -> str:
    """Hash of the feed contracts, which ``--feeds`` may replace."""
    feeds = {name: feed.model_dump(mode="json") for name, feed in contracts.feeds.items()}
    habits = contracts.feed_set
    body = [feeds, habits.name, habits.calendar, habits.industry_codes, habits.currency, habits.policies]
    return hashlib.sha256(json.dumps(body, ensure_ascii=False, sort_keys=True).encode()).hexdigest()[:16]


def previous_edition(run: Run, ledger: Ledger) -> EditionRecord | None:
    """Latest revision of an earlier day in force; for an edition on record, as it was when that one was made."""
    records = ledger.editions()
    own = [r for r in records if r.as_of == run.as_of and r.revision == run.revision]
    before = own[0].seq if own else None
    earlier = [
        record
        for record in records
        if record.as_of < run.as_of
        and (record.status == "issued" if before is None else record.was_issued(before=before))
    ]
    return max(earlier, key=lambda record: (record.as_of, record.revision), default=None)


def passed_over(run: Run, ledger: Ledger, previous: EditionRecord | None) -> list[EditionRecord]:
    """Lists that went out and are not gone on from: earlier revisions of the day, what was taken back since.

    In order of day and revision; for an edition on record, as it was when that one was made.
    """
    records = ledger.editions()
    own = [r for r in records if r.as_of == run.as_of and r.revision == run.revision]
    before = own[0].seq if own else ledger.last_seq() + 1
    since = (previous.as_of, previous.revision) if previous else (date.min, 0)
    found = [
        record
        for record in records
        if (record.as_of == run.as_of and record.was_issued() and record.revision < (run.revision or 0))
        or (since < (record.as_of, record.revision) and record.as_of < run.as_of and 0 < record.withdrawn_seq < before)
    ]
    return sorted(found, key=lambda record: (record.as_of, record.revision))
