"""How the system itself ran, as tables: ``status/status.duckdb``, written whole from the ledger, part of no edition.

Analysts and operators ask it how long which stage took, what came when and what was told. It holds no address, no file
name and no text of a mail.
"""

import json
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.ledger import Ledger
from pipelines.means import Means
from pipelines.run import atomic_file
from pipelines.warehouse import Warehouse, check_published

Row = dict[str, Any]
FILE = "status.duckdb"
"""Not ``operation``: DuckDB names a catalog by its file, and one called like its schema is ambiguous."""


def write(means: Means) -> Path:
    """Write ``status/status.duckdb`` under a temporary name, check it, rename it.

    Raises ``PublishError`` where it does not read back as it was written; the last one then stays.
    """
    ledger, target = Ledger(means.home.ledger), means.home.status / FILE
    warehouse = Warehouse(None, contracts=means.contracts(), threads=means.threads)
    try:
        with atomic_file(target) as temporary:
            temporary.unlink()
            counts = _fill(warehouse, temporary, ledger)
            check_published(temporary, counts=counts, query="SELECT 1", answer=[(1,)])
    finally:
        warehouse.close()
    return target


def _fill(warehouse: Warehouse, target: Path, ledger: Ledger) -> dict[str, int]:
    """Write every table in the order of its key, with Chinese comments; gives the rows of each."""
    own, contracts, counts = warehouse.rows("SELECT current_database(), current_schema()")[0], warehouse.contracts, {}
    for table, rows in TABLES.items():
        frame = pl.DataFrame(list(rows(ledger)), schema=contracts.polars_schema(table), orient="row")
        counts[table] = warehouse.store(table, frame)
    with warehouse.attached(target, name="status", writing=True), warehouse.transaction():
        warehouse.execute("CREATE SCHEMA status.operation")
        for table in TABLES:
            key = ", ".join(contracts.tables[table].key)
            warehouse.execute(contracts.ddl(table, name=f"status.{table}"))
            warehouse.execute(f"INSERT INTO status.{table} SELECT * FROM {table} ORDER BY {key}")
        warehouse.execute("USE status")
        for statement in (comment for table in TABLES for comment in contracts.comments(table)):
            warehouse.execute(statement)
        warehouse.execute(f'USE "{own[0]}"."{own[1]}"')
    return counts


def _receipts(ledger: Ledger) -> Iterator[Row]:
    for entry in ledger.entries("receipt"):
        yield {
            "entry_no": entry["seq"],
            "as_of": date.fromisoformat(entry["subject"]),
            "stage_name": entry["stage"],
            "recorded_at": _instant(entry["at"]),
            "cutoff": _instant(entry["cutoff"]),
            "through_seq": entry["through"],
            "read_count": entry["rows_in"],
            "written_count": entry["rows_out"],
            "left_out_count": sum(entry["dropped"].values()),
            "stage_seconds": entry["seconds"],
            "peak_megabytes": entry["peak_megabytes"],
            "code_digest": entry["code"],
            "parameter_digest": entry["parameters"],
        }


def _left_out(ledger: Ledger) -> Iterator[Row]:
    for entry in ledger.entries("receipt"):
        for reason, count in entry["dropped"].items():
            yield {
                "entry_no": entry["seq"],
                "stage_name": entry["stage"],
                "left_out_reason": reason,
                "left_out_count": count,
            }


def _deliveries(ledger: Ledger) -> Iterator[Row]:
    in_force = {delivery.delivery_no for delivery in ledger.deliveries()}
    for delivery in ledger.deliveries(withdrawn=True):
        yield {
            "delivery_no": delivery.delivery_no,
            "feed": delivery.feed,
            "batch": delivery.batch,
            "received_at": delivery.received_at,
            "dated_by": delivery.dated,
            "delivery_state": delivery.status,
            "is_withdrawn": delivery.delivery_no not in in_force,
            "row_count": delivery.rows_in,
            "landed_count": delivery.rows_landed,
            "quarantined_count": delivery.rows_quarantined,
            "set_aside_count": delivery.rows_set_aside,
        }


def _editions(ledger: Ledger) -> Iterator[Row]:
    recorded = {entry["seq"]: _instant(entry["at"]) for entry in ledger.entries("edition")}
    finished = {entry["subject"]: _instant(entry["at"]) for entry in ledger.entries("finished")}
    for edition in ledger.editions():
        yield {
            "entry_no": edition.seq,
            "edition_id": edition.edition_id,
            "as_of": edition.as_of,
            "revision": edition.revision,
            "edition_state": edition.status,
            "recorded_at": recorded[edition.seq],
            "cutoff": edition.cutoff,
            "through_seq": edition.through,
            "previous_edition_id": edition.previous or None,
            "finished_at": finished.get(edition.edition_id),
            "code_digest": edition.code,
            "parameter_digest": edition.parameters,
        }


def _mails(ledger: Ledger) -> Iterator[Row]:
    sent = {entry["subject"]: _instant(entry["at"]) for entry in ledger.entries("sent")}
    for entry in ledger.entries("mail"):
        yield {
            "entry_no": entry["seq"],
            "mail_no": entry["edition_id"],
            "mail_template": entry["template"],
            "mail_state": "sent" if entry["message_id"] in sent else "waiting",
            "queued_at": _instant(entry["at"]),
            "sent_at": sent.get(entry["message_id"]),
        }


def _faults(ledger: Ledger) -> Iterator[Row]:
    for entry in ledger.entries("watch"):
        for fault in entry["faults"]:
            yield {
                "entry_no": entry["seq"],
                "as_of": date.fromisoformat(entry["subject"]),
                "watch_key": fault["key"],
                "fault_severity": fault["severity"],
                "fault_text": fault["text"],
                "recorded_at": _instant(entry["at"]),
            }


def _keeping(ledger: Ledger) -> Iterator[Row]:
    for kind in ("backup", "drill"):
        for entry in ledger.entries(kind):
            note = {name: value for name, value in entry.items() if name not in {"seq", "subject", "at"}}
            yield {
                "entry_no": entry["seq"],
                "keeping_kind": kind,
                "recorded_at": _instant(entry["at"]),
                "keeping_note": json.dumps(note, ensure_ascii=False, sort_keys=True),
            }


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


TABLES: dict[str, Callable[[Ledger], Iterator[Row]]] = {
    "operation.receipt": _receipts,
    "operation.left_out": _left_out,
    "operation.delivery": _deliveries,
    "operation.edition": _editions,
    "operation.mail": _mails,
    "operation.fault": _faults,
    "operation.keeping": _keeping,
}
