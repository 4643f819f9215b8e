"""One file in: read, judged, written whole to ``landing/``, then recorded, so that a crash at any point loses nothing.

A batch is named by its content and never rewritten. The ledger speaks only of batches that are durable. This module
never deletes an original before the ledger has it.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import polars as pl

from pipelines.contracts import Contracts, Feed
from pipelines.errors import DeliveryError, UsageError
from pipelines.ledger import Delivery, Ledger
from pipelines.run import sync_folder
from pipelines.settings import Home
from pipelines.stages.ingest import grid, judge, values
from pipelines.stages.ingest.header import width
from pipelines.stages.ingest.recognise import Recognised, recognise

REFUSED = "_refused"
MANIFEST = "manifest.json"
UNFINISHED = (".part", ".tmp")


@dataclass(frozen=True)
class Incoming:
    """A file that has come: where it lies, when it came, and what its sender says about it.

    ``dated`` overrides the contract's way of dating rows. ``remove`` takes the file away once it is on record.
    """

    path: Path
    received_at: datetime
    feed: str | None = None
    dated: Literal["arrival", "lag"] | None = None
    remove: bool = False


@dataclass(frozen=True)
class Batch:
    """What landed: counts and the frames to write."""

    manifest: Mapping[str, Any]
    rows: pl.DataFrame
    quarantined: pl.DataFrame
    reasons: pl.DataFrame


def waiting(inbox: Path, *, contracts: Contracts) -> list[tuple[Path, str | None]]:
    """Finished files in ``inbox/<feed>/`` and in ``inbox/`` itself, each with the feed its folder names."""
    folders: list[tuple[Path, str | None]] = [(inbox / feed, feed) for feed in contracts.feeds]
    found = [
        (path, feed)
        for folder, feed in [*folders, (inbox, None)]
        if folder.is_dir()
        for path in folder.iterdir()
        if path.is_file() and not path.name.startswith(".") and path.suffix.lower() not in UNFINISHED
    ]
    return sorted(found, key=lambda pair: pair[0])


def receive(incoming: Incoming, *, home: Home, contracts: Contracts, ledger: Ledger) -> Delivery | None:
    """Land one file and record it; None where its content already is the latest word of its feed.

    A file that is not what it says is kept and recorded as refused, with the reason in Chinese; that raises nothing.
    Raises ``UsageError`` for a feed that no contract describes.
    """
    content = incoming.path.read_bytes()
    batch = hashlib.sha256(content).hexdigest()[:16]
    feed = _claimed(incoming, contracts)
    try:
        manifest = _landed(feed, batch, home, contracts) or _land(incoming, content, feed, batch, home, contracts)
    except DeliveryError as error:
        delivery = _refuse(incoming, content, feed, batch, home, str(error))
    else:
        own = contracts.feeds[manifest["feed"]]
        delivery = Delivery(
            feed=own.feed,
            batch=batch,
            file_name=incoming.path.name,
            received_at=incoming.received_at,
            dated=incoming.dated or own.dated,
            status="accepted",
            rows_in=manifest["rows_in"],
            rows_landed=manifest["rows_landed"],
            rows_quarantined=manifest["rows_quarantined"],
            rows_set_aside=manifest["rows_set_aside"],
        )
    recorded = None if _is_latest_word(delivery, ledger) else _recorded(delivery, ledger)
    if incoming.remove:
        incoming.path.unlink()
    return recorded


def _claimed(incoming: Incoming, contracts: Contracts) -> Feed | None:
    """The feed named by the caller, else by the folder."""
    if incoming.feed is not None:
        if incoming.feed not in contracts.feeds:
            known = ", ".join(sorted(contracts.feeds))
            raise UsageError(f"no contract describes feed {incoming.feed}; known: {known}")
        return contracts.feeds[incoming.feed]
    return contracts.feeds.get(incoming.path.resolve().parent.name)


def _landed(feed: Feed | None, batch: str, home: Home, contracts: Contracts) -> dict[str, Any] | None:
    """The manifest of a batch that is already there; a folder is complete or absent."""
    for name in [feed.feed] if feed else sorted(contracts.feeds):
        path = home.landing / name / batch / MANIFEST
        if path.is_file():
            return dict(json.loads(path.read_text(encoding="utf-8")))
    return None


def _land(
    incoming: Incoming, content: bytes, feed: Feed | None, batch: str, home: Home, contracts: Contracts
) -> dict[str, Any]:
    """Read, judge and write one batch; gives its manifest."""
    reading = grid.read(content)
    found = recognise(reading, feed, contracts=contracts)
    made = _judged(found, batch, contracts)
    manifest = {
        "feed": found.feed.feed,
        "batch": batch,
        "file_name": incoming.path.name,
        "bytes": len(content),
        "encoding": reading.encoding,
        **made.manifest,
    }
    _write(home.landing / found.feed.feed / batch, content, incoming.path.suffix.lower(), manifest, made)
    return manifest


def _judged(found: Recognised, batch: str, contracts: Contracts) -> Batch:
    feed, header = found.feed, found.header
    skip = header.index + header.depth
    body = found.grid.body(skip, width(header))
    aside = judge.set_aside(body, feed, header, contracts=contracts)
    records = body.filter(~aside)
    typed = values.typed(records, feed, header, contracts=contracts, serials=found.grid.kind == "workbook")
    verdict = judge.judge(typed, records, feed, header, contracts=contracts)
    landed, quarantined = verdict.good.height, verdict.quarantined.height
    above = header.index
    others = sum(other.records() for other in found.others)
    _refuse_hopeless(feed, verdict)
    rows = verdict.good.with_columns(batch=pl.lit(batch)).select(list(contracts.feed_schema(feed)))
    period = dating_period(feed, contracts)
    counted = rows[period].drop_nulls().value_counts().sort(period).rows() if period else []
    manifest = {
        "kind": found.grid.kind,
        "sheet": found.grid.sheet,
        "other_sheets": [other.sheet for other in found.others],
        "delimiter": found.grid.delimiter,
        "header_line": found.grid.head[header.index][0],
        "header_rows": header.depth,
        "headers": {name: header.names[place] for name, place in header.columns.items()},
        "units": dict(header.units),
        "ignored": [
            name or f"第{place + 1}列（无表头）"
            for place, name in enumerate(header.names)
            if place not in set(header.columns.values()) and place < width(header)
        ],
        "columns": list(rows.columns),
        "rows_in": above + body.height + others,
        "rows_landed": landed,
        "rows_quarantined": quarantined,
        "rows_set_aside": above + int(aside.sum()) + others,
        "checks": {
            c.id: {"sentence": c.sentence, "severity": c.severity, "bad": verdict.bad[c.id]} for c in verdict.checks
        },
        "period": period,
        "months": [value.isoformat() for value, _ in counted],
        "rows_by_period": [count for _, count in counted],
        "contract": contracts.feed_digest(feed),
    }
    return Batch(
        manifest,
        rows,
        verdict.quarantined.with_columns(batch=pl.lit(batch)).select([*rows.columns, *judge.FLAGS]),
        verdict.reasons.with_columns(batch=pl.lit(batch)),
    )


def _refuse_hopeless(feed: Feed, verdict: judge.Verdict) -> None:
    """Refuse a file without any good row; only a feed of events may have nothing to tell."""
    if verdict.good.height:
        return
    if verdict.quarantined.height:
        worst = max((check for check in verdict.checks if check.severity == "fail"), key=lambda c: verdict.bad[c.id])
        first = verdict.reasons.row(0, named=True)
        raise DeliveryError(
            f"{verdict.quarantined.height}行数据没有一行合格，最多的问题是“{worst.sentence}”（{verdict.bad[worst.id]}行），"
            f"例如第{first['line_no']}行{first['column_label']}“{first['raw_value']}”；请改正后重新报送"
        )
    if feed.cadence != "event":
        raise DeliveryError("只有表头，没有数据行；请核对导出条件后重新报送")


def dating_period(feed: Feed, contracts: Contracts) -> str | None:
    """The column whose month or day dates a row of ``feed``, if it has one."""
    period = contracts.feed_period(feed)
    return period if period and contracts.feed_column(feed, period).type in {"month", "date"} else None


def _write(target: Path, content: bytes, suffix: str, manifest: Mapping[str, Any], made: Batch | None) -> None:
    """Write a batch folder under a temporary name, sync it, then give it its name; one already there stays."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    try:
        (temporary / f"original{suffix}").write_bytes(content)
        if made:
            made.rows.write_parquet(temporary / "rows.parquet", compression="zstd")
            made.quarantined.write_parquet(temporary / "quarantined.parquet", compression="zstd")
            made.reasons.write_parquet(temporary / "reasons.parquet", compression="zstd")
        text = json.dumps(manifest, ensure_ascii=False, indent=1)
        (temporary / MANIFEST).write_text(text + "\n", encoding="utf-8")
        for path in sorted(temporary.iterdir()):
            with path.open("rb") as written:
                os.fsync(written.fileno())
        temporary.chmod(0o755)
        sync_folder(temporary)
        temporary.rename(target)
        sync_folder(target.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _refuse(incoming: Incoming, content: bytes, feed: Feed | None, batch: str, home: Home, reason: str) -> Delivery:
    """Keep a refused original with its reason; all its lines, where it has lines, are set aside."""
    try:
        reading = grid.read(content)
        lines = reading.grids[0].records() if reading.kind != "workbook" else sum(g.records() for g in reading.grids)
    except DeliveryError:
        lines = 0
    name = feed.feed if feed else ""
    target = home.landing / REFUSED / batch
    if not (target / MANIFEST).is_file():
        manifest = {"feed": name, "batch": batch, "file_name": incoming.path.name, "bytes": len(content)}
        manifest |= {"reason": reason, "rows_in": lines, "rows_set_aside": lines}
        _write(target, content, incoming.path.suffix.lower(), manifest, None)
    return Delivery(
        feed=name,
        batch=batch,
        file_name=incoming.path.name,
        received_at=incoming.received_at,
        dated=incoming.dated or (feed.dated if feed else "arrival"),
        status="refused",
        rows_in=lines,
        rows_landed=0,
        rows_quarantined=0,
        rows_set_aside=lines,
        reason=reason,
    )


def _is_latest_word(delivery: Delivery, ledger: Ledger) -> bool:
    """Whether the ledger already tells this: the same arrival, or content that is the last entry of its feed.

    An arrival is told once even if its batch was withdrawn since, so an inbox that is only read can be read again.
    """
    told = [
        d
        for d in ledger.deliveries(withdrawn=True)
        if (d.batch, d.feed, d.status, d.dated) == (delivery.batch, delivery.feed, delivery.status, delivery.dated)
    ]
    if any((d.file_name, d.received_at) == (delivery.file_name, delivery.received_at) for d in told):
        return delivery.status == "accepted" or told[-1].reason == delivery.reason
    if delivery.status == "refused":
        return bool(told) and told[-1].reason == delivery.reason
    in_force = [d for d in ledger.deliveries() if d.status == "accepted" and d.feed == delivery.feed]
    return bool(in_force) and (in_force[-1].batch, in_force[-1].dated) == (delivery.batch, delivery.dated)


def _recorded(delivery: Delivery, ledger: Ledger) -> Delivery:
    number = ledger.record_delivery(delivery)
    return Delivery(**{**delivery.__dict__, "delivery_no": number})
