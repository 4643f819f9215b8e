"""What is left on record of what was done: the receipt of each stage, and every file that was handed out.

An export on record says what, to whom, when, how many rows and for which purpose; no value, name or identifier of what
it holds. Mails are on record already, so they are told from there.
"""

import csv
import getpass
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, TextIO

from pipelines.ledger import Ledger
from pipelines.run import Export, Receipt, Run, code_digest

KIND = "export"
NIGHT = "wengang"
MAILS = {
    "edition": "名单通知",
    "county": "县区通知",
    "held": "质量关通知",
    "withdrawn": "撤回通知",
    "watch": "巡查通知",
}


@dataclass(frozen=True)
class Handed:
    """One export as it is listed: ``rows`` is None where nothing was counted, as in a mail."""

    at: datetime
    by: str
    what: str
    recipient: str
    rows: int | None
    purpose: str
    edition_id: str


def caller() -> str:
    """The account that calls, as exports on record name it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def record(run: Run, ledger: Ledger, receipt: Receipt, *, now: datetime) -> None:
    """Append the receipt of a stage and, once per edition, the files that it handed out."""
    body = receipt.as_record() | {
        "cutoff": run.cutoff,
        "through": run.through,
        "code": code_digest(),
        "parameters": run.parameters.digest,
    }
    ledger.append("receipt", subject=run.as_of.isoformat(), at=now, body=body)
    edition_id = f"{run.as_of.isoformat()}-r{run.revision}" if run.revision else ""
    for export in receipt.exports:
        hand_out(ledger, export, by=NIGHT, edition_id=edition_id, now=now)


def hand_out(ledger: Ledger, export: Export, *, by: str, edition_id: str, now: datetime) -> None:
    """Append one export; the same files of one edition written again are told once."""
    body = {**asdict(export), "by": by}
    told = ledger.entries(KIND, subject=edition_id) if edition_id and by == NIGHT else []
    if not any({name: entry[name] for name in body} == body for entry in told):
        ledger.append(KIND, subject=edition_id, at=now, body=body)


def exports(ledger: Ledger, *, since: datetime | None = None) -> list[Handed]:
    """Every export and every mail that left, in order of time; those before ``since`` left out."""
    found = [
        Handed(
            at=datetime.fromisoformat(entry["at"]),
            by=entry["by"],
            what=entry["what"],
            recipient=entry["recipient"],
            rows=entry["rows"],
            purpose=entry["purpose"],
            edition_id=entry["subject"],
        )
        for entry in ledger.entries(KIND)
    ]
    found += _mails(ledger)
    return sorted((one for one in found if since is None or one.at >= since), key=lambda one: one.at)


def _mails(ledger: Ledger) -> list[Handed]:
    sent = {entry["subject"]: datetime.fromisoformat(entry["at"]) for entry in ledger.entries("sent")}
    return [
        Handed(
            at=sent[mail.message_id],
            by=NIGHT,
            what=f"邮件（{MAILS.get(mail.template, mail.template)}）",
            recipient=mail.recipient,
            rows=None,
            purpose="监测预警",
            edition_id=mail.edition_id,
        )
        for mail in ledger.mails()
        if mail.message_id in sent
    ]


def table(handed: Sequence[Handed]) -> list[dict[str, Any]]:
    """The exports as plain rows with Chinese names."""
    return [
        {
            "时间": one.at,
            "经办": one.by,
            "内容": one.what,
            "提供给": one.recipient,
            "行数": one.rows,
            "用途": one.purpose,
            "期次": one.edition_id,
        }
        for one in handed
    ]


def write_csv(rows: Sequence[dict[str, Any]], stream: TextIO) -> None:
    """Write ``rows`` of ``table`` as CSV with a header; an unknown number of rows is empty."""
    writer = csv.DictWriter(stream, ["时间", "经办", "内容", "提供给", "行数", "用途", "期次"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
