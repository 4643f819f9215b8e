"""One batch: a content read and judged under a contract, and its folder, written whole or not at all.

A batch never changes. Its content read again under another contract is a batch beside it.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.contracts import Contracts, Feed
from pipelines.errors import DeliveryError
from pipelines.run import make_folder, sync_folder
from pipelines.settings import Home
from pipelines.stages.ingest import grid, judge, values
from pipelines.stages.ingest.header import width
from pipelines.stages.ingest.recognise import Recognised, recognise

MANIFEST = "manifest.json"
Manifest = dict[str, Any]


@dataclass(frozen=True)
class Batch:
    """What landed: counts and the frames to write."""

    manifest: Mapping[str, Any]
    rows: pl.DataFrame
    quarantined: pl.DataFrame
    reasons: pl.DataFrame


def landed(feed: Feed | None, digest: str, received_on: date, home: Home, contracts: Contracts) -> Manifest | None:
    """The manifest of a content that landed before and would land the same way now; a folder is complete or absent."""
    for own in [feed] if feed else sorted(contracts.feeds.values(), key=lambda known: known.feed):
        for path in sorted((home.landing / own.feed).glob(f"{digest}*/{MANIFEST}")):
            manifest: Manifest = json.loads(path.read_text(encoding="utf-8"))
            if manifest["contract"] == contracts.feed_digest(own) and _is_timeless(manifest, received_on):
                return manifest
    return None


def _is_timeless(manifest: Manifest, received_on: date) -> bool:
    """Whether no row was held for lying ahead of a day that may have come since."""
    ahead = any(check.startswith("period:") and body["bad"] for check, body in manifest["checks"].items())
    return not ahead or manifest["received_on"] == received_on.isoformat()


def land(
    content: bytes, name: str, received_on: date, *, digest: str, feed: Feed | None, home: Home, contracts: Contracts
) -> Manifest:
    """Read, judge and write one batch; gives its manifest. Raises ``DeliveryError`` where it is not what it says.

    A batch is named by the ``digest`` (SHA-256) of its content; one whose content lies there already, by its contract
    and its day as well.
    """
    reading = grid.read(content)
    found = recognise(reading, feed, contracts=contracts)
    folder, batch = home.landing / found.feed.feed, digest[:16]
    if (folder / batch / MANIFEST).is_file():
        again = f"{contracts.feed_digest(found.feed)} {received_on}"
        batch = f"{batch}-{hashlib.sha256(again.encode()).hexdigest()[:8]}"
    with grid.refusing():
        made = _judged(found, batch, contracts, received_on=received_on)
    manifest = {
        "feed": found.feed.feed,
        "batch": batch,
        "file_name": name,
        "bytes": len(content),
        "sha256": digest,
        "encoding": reading.encoding,
        **made.manifest,
    }
    kept = None if found.feed.personal else content
    write(folder / batch, kept, Path(name).suffix.lower(), manifest, made)
    return manifest


def _judged(found: Recognised, batch: str, contracts: Contracts, *, received_on: date) -> Batch:
    feed, header = found.feed, found.header
    skip = header.index + header.depth
    body = found.grid.body(skip, width(header))
    aside = judge.set_aside(body, feed, header, contracts=contracts)
    records = body.filter(~aside)
    typed = values.typed(
        records,
        feed,
        header,
        contracts=contracts,
        serials=found.grid.kind == "workbook",
        is_percent_told=found.grid.shows_percent,
    )
    period = dating_period(feed, contracts)
    verdict = judge.judge(typed, records, feed, header, contracts=contracts, received_on=received_on, period=period)
    landed, quarantined = verdict.good.height, verdict.quarantined.height
    above = header.index
    others = sum(other.records() for other in found.others)
    _refuse_hopeless(feed, verdict)
    rows = verdict.good.with_columns(batch=pl.lit(batch)).select(list(contracts.feed_schema(feed)))
    counted = rows[period].drop_nulls().value_counts().sort(period).rows() if period else []
    manifest = {
        "kind": found.grid.kind,
        "delimiter": found.grid.delimiter,
        "header_line": found.grid.head[header.index][0],
        "header_rows": header.depth,
        "units": dict(header.units),
        **_words(found, contracts),
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
        "held_by_period": verdict.held,
        "contract": contracts.feed_digest(feed),
        "received_on": received_on.isoformat(),
    }
    return Batch(
        manifest,
        rows,
        verdict.quarantined.with_columns(batch=pl.lit(batch)).select([*rows.columns, *judge.FLAGS]),
        verdict.reasons.with_columns(batch=pl.lit(batch)),
    )


def _words(found: Recognised, contracts: Contracts) -> dict[str, Any]:
    """What the file itself calls its sheets and columns; of a personal feed only our own names and how many others."""
    header = found.header
    ignored = [
        name or f"第{place + 1}列（无表头）"
        for place, name in enumerate(header.names)
        if place not in set(header.columns.values()) and place < width(header)
    ]
    if found.feed.personal:
        labels = {name: contracts.feed_column(found.feed, name).label for name in header.columns}
        return {"headers": labels, "ignored": [f"{len(ignored)}列"] if ignored else []}
    return {
        "sheet": found.grid.sheet,
        "other_sheets": [other.sheet for other in found.others],
        "headers": {name: header.names[place] for name, place in header.columns.items()},
        "ignored": ignored,
    }


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


def write(
    target: Path, content: bytes | Path | None, suffix: str, manifest: Mapping[str, Any], made: Batch | None
) -> None:
    """Write a batch folder under a temporary name, sync it, then give it its name; one already there stays.

    ``content`` is the original or where it lies; without it the original is not kept.
    """
    make_folder(target.parent)
    temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    try:
        with ThreadPoolExecutor() as pool:
            list(pool.map(_synced, *zip(*_files(content, suffix, manifest, made, temporary), strict=True)))
        temporary.chmod(0o755)
        sync_folder(temporary)
        temporary.rename(target)
        sync_folder(target.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _files(
    content: bytes | Path | None, suffix: str, manifest: Mapping[str, Any], made: Batch | None, folder: Path
) -> Iterator[tuple[Path, Callable[[Path], Any]]]:
    """Each file of a batch and how it is written."""
    text = json.dumps(manifest, ensure_ascii=False, indent=1) + "\n"
    yield folder / MANIFEST, lambda path: path.write_text(text, encoding="utf-8")
    if made:
        yield folder / "rows.parquet", partial(made.rows.write_parquet, compression="zstd", compression_level=1)
        yield folder / "quarantined.parquet", partial(made.quarantined.write_parquet, compression="zstd")
        yield folder / "reasons.parquet", partial(made.reasons.write_parquet, compression="zstd")
    if isinstance(content, Path):
        yield folder / f"original{suffix}", partial(shutil.copyfile, content)
    elif content is not None:
        yield folder / f"original{suffix}", lambda path: path.write_bytes(content)


def _synced(path: Path, write_to: Callable[[Path], Any]) -> None:
    write_to(path)
    with path.open("rb") as written:
        os.fsync(written.fileno())
