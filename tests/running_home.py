"""A home with a record of nights made by hand: decisions, receipts and mails without the work behind them."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import duckdb

from pipelines import STAGES
from pipelines import contracts as contract_files
from pipelines.ledger import Delivery, EditionRecord, Ledger, Mail
from pipelines.run import Receipt
from pipelines.settings import Home


def receipts(ledger: Ledger, day: date, stages: Sequence[str], *, seconds: float = 2.0) -> None:
    """A receipt of each of ``stages``; the n-th took n times ``seconds``."""
    for number, stage in enumerate(stages, start=1):
        made = Receipt(stage=stage, rows_in=10, rows_out=8, dropped={"late": 2}, seconds=number * seconds)
        body = made.as_record() | {"cutoff": at(day, 2), "through": 1, "code": "c", "parameters": "p"}
        ledger.append("receipt", subject=day.isoformat(), at=at(day, 2), body=body)


def decide(
    ledger: Ledger,
    day: date,
    *,
    status: Literal["issued", "held"] = "issued",
    through: int = 1,
    told: bool = True,
) -> str:
    """A night of ``day`` with its receipts and, if ``told``, its mail; gives the edition's number."""
    receipts(ledger, day, STAGES[:-2] if status == "issued" else ("ingest", "core"))
    record = EditionRecord(
        as_of=day,
        revision=1,
        cutoff=at(day, 2),
        through=through,
        digest="d",
        status=status,
        previous="",
        code="c",
        parameters="p",
        feeds="f",
    )
    ledger.record_edition(record, at=at(day, 2))
    if status == "issued":
        receipts(ledger, day, STAGES[-2:])
    if told:
        queue(ledger, record.edition_id, at=at(day, 2))
        ledger.append("finished", subject=record.edition_id, at=at(day, 2), body={})
    return record.edition_id


def queue(ledger: Ledger, number: str, *, at: datetime, recipient: str = "duty@localhost", sent: bool = True) -> Mail:
    """A mail of ``number``, handed over or waiting."""
    mail = Mail(number, recipient, "edition", f"<{number}.{recipient}>", "Subject: words\r\n\r\nfrom the night\r\n")
    ledger.queue_mail(mail, at=at)
    if sent:
        ledger.mark_sent(mail, at=at, how="file")
    return mail


def refuse(ledger: Ledger, *, when: datetime, batch: str, feed: str = "tax_month") -> None:
    """A refused file of ``feed``."""
    ledger.record_delivery(
        Delivery(feed, batch, "某公司报表.csv", when, "arrival", "refused", 0, 0, 0, 0, reason="某公司：表头不符")
    )


def publish(home: Home, tables: Mapping[str, Sequence[Mapping[str, Any]]]) -> Path:
    """A published file whose ``out`` tables hold just the given rows, unnamed columns null."""
    contracts, path = contract_files.load(), home.published / "wengang-hand.duckdb"
    connection = duckdb.connect(str(path))
    connection.execute("CREATE SCHEMA out")
    for table in ("out.source_status", "out.drift", "out.model", "out.edition", "out.parameter"):
        connection.execute(contracts.ddl(table))
        for row in tables.get(table, ()):
            names, marks = ", ".join(row), ", ".join("?" * len(row))
            connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(row.values()))
    connection.close()
    (home.published / "current.duckdb").symlink_to(path.name)
    return path


def at(day: date, hour: int, minute: int = 0) -> datetime:
    """``hour``:``minute`` of ``day``."""
    return datetime.combine(day, datetime.min.time()) + timedelta(hours=hour, minutes=minute)
