"""The ledger: deliveries, withdrawals, overrides, promotions, editions, mails. Append-only, and not to be rebuilt.

This module alone opens ``ledger.sqlite``. Entries of all kinds share one sequence, so "what was on record then" is a
number, and an old edition can be rebuilt from exactly what it saw. Nothing is updated or deleted: a state is the last
entry about a thing.
"""

import json
import sqlite3
import weakref
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

from pipelines.errors import NotFoundError

SCHEMA = """
CREATE TABLE IF NOT EXISTS entry (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    at TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS entry_subject ON entry (kind, subject);
CREATE TRIGGER IF NOT EXISTS entry_no_update BEFORE UPDATE ON entry BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER IF NOT EXISTS entry_no_delete BEFORE DELETE ON entry BEGIN SELECT RAISE(ABORT, 'append-only'); END;
"""


@dataclass(frozen=True)
class Delivery:
    """One arrival of a file: its batch, when it came, how its rows are dated, and what became of it.

    A batch is named by the hash of its content; read again under another contract, by that contract's hash as well.
    """

    feed: str
    batch: str
    file_name: str
    received_at: datetime
    dated: Literal["arrival", "lag"]
    status: Literal["accepted", "refused"]
    rows_in: int
    rows_landed: int
    rows_quarantined: int
    rows_set_aside: int
    reason: str = ""
    delivery_no: int = 0


@dataclass(frozen=True)
class EditionRecord:
    """One decision about a night: an edition issued, or held by the gate; an issued one may have been taken back since.

    ``withdrawn_seq`` is the number of the entry that took it back, 0 where none did.
    """

    as_of: date
    revision: int
    cutoff: datetime
    through: int
    digest: str
    status: Literal["issued", "held", "withdrawn"]
    previous: str
    code: str
    parameters: str
    feeds: str
    seq: int = 0
    withdrawn_seq: int = 0

    @property
    def edition_id(self) -> str:
        """``<as_of>-r<revision>``."""
        return f"{self.as_of.isoformat()}-r{self.revision}"

    def was_issued(self, *, before: int | None = None) -> bool:
        """Whether it was a list that went out and, with ``before``, was in force when that entry was made."""
        if before is None:
            return self.status != "held"
        return self.seq < before and (self.status == "issued" or self.withdrawn_seq > before)


@dataclass(frozen=True)
class Mail:
    """One mail of one edition (or held night) to one recipient, as it must leave the house."""

    edition_id: str
    recipient: str
    template: str
    message_id: str
    content: str


class Ledger:
    """Append to, and read from, the one sequence of entries."""

    def __init__(self, path: Path) -> None:
        """Open ``path``, creating it where it does not exist; entries once read are kept, for they never change."""
        # One thread uses it; whichever collects it closes it.
        self._connection = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.executescript(SCHEMA)
        self._read: dict[str, list[dict[str, Any]]] = {}
        self._deliveries: dict[int, Delivery] = {}
        self._finalizer = weakref.finalize(self, self._connection.close)

    def close(self) -> None:
        """Close the file now; a ledger that nobody holds any more is closed by itself."""
        self._finalizer()

    def copy_to(self, path: Path) -> None:
        """Write all entries, as they stand at one instant, to the new file ``path``; writers beside need not wait."""
        with closing(sqlite3.connect(path)) as target:
            self._connection.backup(target)

    def truncate_log(self) -> bool:
        """Move what lies in the log beside the file into the file; false where a reader keeps some of it in use."""
        busy, _, _ = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy

    def append(self, kind: str, *, subject: str, at: datetime, body: Mapping[str, Any]) -> int:
        """Append one entry, durable on return; gives its number."""
        text = json.dumps(body, ensure_ascii=False, sort_keys=True, default=str)
        cursor = self._connection.execute(
            "INSERT INTO entry (kind, subject, at, body) VALUES (?, ?, ?, ?)", (kind, subject, at.isoformat(), text)
        )
        return int(cursor.lastrowid or 0)

    def entries(self, kind: str, *, subject: str | None = None, through: int | None = None) -> list[dict[str, Any]]:
        """Entries of ``kind`` in order, each with ``seq``, ``subject`` and ``at``; none after ``through``."""
        known = self._read.setdefault(kind, [])
        rows = self._connection.execute(
            "SELECT seq, subject, at, body FROM entry WHERE kind = ? AND seq > ? ORDER BY seq",
            (kind, known[-1]["seq"] if known else 0),
        )
        known += [{**json.loads(body), "seq": seq, "subject": name, "at": at} for seq, name, at, body in rows]
        return [
            entry
            for entry in known
            if subject in (None, entry["subject"]) and (through is None or entry["seq"] <= through)
        ]

    def last_seq(self) -> int:
        """Number of the latest entry that can change an edition; 0 if none."""
        row = self._connection.execute(
            "SELECT coalesce(max(seq), 0) FROM entry "
            "WHERE kind IN ('delivery', 'withdrawal', 'override', 'promotion', 'correction', 'identity', 'own_case', "
            "'edition_withdrawn', 'order_done')"
        ).fetchone()
        return int(row[0])

    def record_delivery(self, delivery: Delivery) -> int:
        """Append a delivery; gives its number."""
        body = asdict(delivery)
        del body["delivery_no"]
        return self.append("delivery", subject=delivery.batch, at=delivery.received_at, body=body)

    def deliveries(self, *, through: int | None = None, withdrawn: bool = False) -> list[Delivery]:
        """Deliveries in order; those of withdrawn batches only if asked for."""
        gone: dict[str, int] = {} if withdrawn else dict(sorted(self.withdrawn(through=through), key=lambda w: w[1]))
        return [
            self._delivery(entry)
            for entry in self.entries("delivery", through=through)
            if gone.get(entry["batch"], 0) < entry["seq"]
        ]

    def _delivery(self, entry: Mapping[str, Any]) -> Delivery:
        if entry["seq"] not in self._deliveries:
            self._deliveries[entry["seq"]] = _delivery(entry)
        return self._deliveries[entry["seq"]]

    def withdrawn(self, *, through: int | None = None) -> set[tuple[str, int]]:
        """Batch and number of each withdrawal on record."""
        return {(e["subject"], e["seq"]) for e in self.entries("withdrawal", through=through)}

    def erased(self) -> set[tuple[str, str]]:
        """Feed and batch of what was deleted under its retention; no night can read it again, whatever it may see."""
        return {(entry["feed"], entry["subject"]) for entry in self.entries("erasure")}

    def withdraw(self, batch: str, *, at: datetime, reason: str) -> int:
        """Take a batch back; its deliveries so far stay on record. Raises ``NotFoundError`` for an unknown batch."""
        known = {d.batch for d in self.deliveries()}
        matches = {batch} & known or {name for name in known if name.startswith(batch)}
        if len(matches) != 1:
            raise NotFoundError(f"batch {batch} names {len(matches)} deliveries in force; see 'wengang doctor'")
        return self.append("withdrawal", subject=matches.pop(), at=at, body={"reason": reason})

    def record_edition(self, edition: EditionRecord, *, at: datetime) -> int:
        """Append the decision about a night; gives its number."""
        body = asdict(edition)
        del body["seq"], body["withdrawn_seq"]
        return self.append("edition", subject=edition.as_of.isoformat(), at=at, body=body)

    def editions(self, *, as_of: date | None = None) -> list[EditionRecord]:
        """Decisions in the order in which they were made."""
        subject = as_of.isoformat() if as_of else None
        taken_back = {entry["subject"]: entry["seq"] for entry in self.entries("edition_withdrawn")}
        return [_edition(entry, taken_back) for entry in self.entries("edition", subject=subject)]

    def withdraw_edition(self, edition_id: str, *, at: datetime, role: str, reason: str) -> dict[str, Any]:
        """Take an issued edition back, once; it stays on record. Gives the entry: ``at``, ``role``, ``reason``.

        Raises ``NotFoundError`` where no edition of that name went out.
        """
        issued = [record.edition_id for record in self.editions() if record.was_issued()]
        if edition_id not in issued:
            known = ", ".join(issued[-5:]) or "none"
            raise NotFoundError(f"no edition {edition_id} went out; the latest that did: {known}")
        if not self.entries("edition_withdrawn", subject=edition_id):
            self.append("edition_withdrawn", subject=edition_id, at=at, body={"role": role, "reason": reason})
        return self.entries("edition_withdrawn", subject=edition_id)[-1]

    def overrides(self, *, as_of: date, through: int | None = None) -> list[dict[str, Any]]:
        """Overrides of a closed gate for ``as_of``: ``reason``, ``at`` and the keys of the faults that it ``opens``."""
        return self.entries("override", subject=as_of.isoformat(), through=through)

    def promote(self, model_id: str, *, digest: str, since: date, at: datetime, reason: str) -> int:
        """Put ``model_id`` in charge of the nights from ``since`` on; ``digest`` is the hash of its manifest."""
        body = {"digest": digest, "since": since.isoformat(), "reason": reason}
        return self.append("promotion", subject=model_id, at=at, body=body)

    def champion(self, *, as_of: date, through: int | None = None) -> tuple[str, str] | None:
        """The model in charge of the night of ``as_of`` and the hash of its manifest; None where none is."""
        found = [e for e in self.entries("promotion", through=through) if e["since"] <= as_of.isoformat()]
        return (found[-1]["subject"], found[-1]["digest"]) if found else None

    def queue_mail(self, mail: Mail, *, at: datetime) -> bool:
        """Write a mail to the outbox once per (edition, recipient); false where it already lies there."""
        subject = f"{mail.edition_id}|{mail.recipient}"
        if self.entries("mail", subject=subject):
            return False
        self.append("mail", subject=subject, at=at, body=asdict(mail))
        return True

    def in_force(
        self, kind: str, *, through: int | None = None, cutoff: datetime | None = None
    ) -> dict[str, dict[str, Any]]:
        """Subject → its latest entry by ``through`` and before ``cutoff``, in order; without those taken back since."""
        last: dict[str, dict[str, Any]] = {}
        for entry in self.entries(kind, through=through):
            if cutoff is None or datetime.fromisoformat(entry["at"]) < cutoff:
                last[entry["subject"]] = entry
        return {subject: entry for subject, entry in sorted(last.items()) if "retracted" not in entry}

    def mails(self, *, edition_id: str | None = None) -> list[Mail]:
        """Every mail ever queued, or those of one edition."""
        found = [Mail(**{k: e[k] for k in Mail.__dataclass_fields__}) for e in self.entries("mail")]
        return [mail for mail in found if edition_id is None or mail.edition_id == edition_id]

    def unsent(self) -> list[Mail]:
        """Mails without a record of having been handed over; those of an edition taken back wait for nothing more."""
        sent = {e["subject"] for e in self.entries("sent")}
        gone = {e["subject"] for e in self.entries("edition_withdrawn")}
        return [mail for mail in self.mails() if mail.message_id not in sent and mail.edition_id not in gone]

    def mark_sent(self, mail: Mail, *, at: datetime, how: str) -> None:
        """Record that ``mail`` was handed over: to a server, or as a file."""
        self.append("sent", subject=mail.message_id, at=at, body={"how": how})


def faults_of(path: Path) -> tuple[str, ...]:
    """What SQLite's own check finds wrong with the ledger file ``path``; nothing where it is whole."""
    try:
        with closing(sqlite3.connect(path, timeout=30)) as connection:
            found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check")]
            connection.execute("SELECT count(*) FROM entry")
    except sqlite3.DatabaseError as error:
        return (str(error),)
    return () if found == ["ok"] else tuple(found)


def _delivery(entry: Mapping[str, Any]) -> Delivery:
    fields = {k: entry[k] for k in Delivery.__dataclass_fields__ if k in entry}
    fields["received_at"] = datetime.fromisoformat(entry["received_at"])
    fields["delivery_no"] = entry["seq"]
    return Delivery(**fields)


def _edition(entry: Mapping[str, Any], taken_back: Mapping[str, int]) -> EditionRecord:
    fields = {k: entry[k] for k in EditionRecord.__dataclass_fields__ if k in entry}
    fields["as_of"] = date.fromisoformat(entry["as_of"])
    fields["cutoff"] = datetime.fromisoformat(entry["cutoff"])
    record = EditionRecord(**fields)
    since = taken_back.get(record.edition_id, 0)
    if record.status == "held" or since < record.seq:
        return record
    return replace(record, status="withdrawn", withdrawn_seq=since)
