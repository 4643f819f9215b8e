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
from dataclasses import dataclass, replace
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
from pipelines.stages.ingest.header import Header, width
from pipelines.stages.ingest.recognise import Recognised, recognise
from pipelines.stages.ingest.unfold import unfold

MANIFEST = "manifest.json"
EXAMPLE_CHARACTERS = 60
ROWS = "rows.parquet"
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
            is_whole = (path.parent / ROWS).is_file()
            if is_whole and manifest["contract"] == contracts.feed_digest(own) and _is_timeless(manifest, received_on):
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
    reading, found = recognised(content, feed, contracts=contracts)
    folder, batch = home.landing / found.feed.feed, digest[:16]
    if (folder / batch / MANIFEST).is_file():
        again = f"{contracts.feed_digest(found.feed)} {received_on}"
        batch = f"{batch}-{hashlib.sha256(again.encode()).hexdigest()[:8]}"
    with grid.refusing():
        made = judged(found, batch, contracts, received_on=received_on)
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


def recognised(content: bytes, feed: Feed | None, *, contracts: Contracts) -> tuple[grid.Reading, Recognised]:
    """Read ``content`` as its contract reads texts, and find its table; raises ``DeliveryError`` in Chinese."""
    literal = feed is not None and feed.layout.quotes == "literal"
    reading = grid.read(content, literal=literal)
    found = recognise(reading, feed, contracts=contracts)
    if literal or found.feed.layout.quotes == "standard":
        return reading, found
    reading = grid.read(content, literal=True)
    return reading, recognise(reading, found.feed, contracts=contracts)


@dataclass(frozen=True)
class _Sheet:
    """One sheet on its way: its records as text and as values, and what of it was counted but is no record."""

    body: pl.DataFrame
    typed: pl.DataFrame
    header: Header
    lines: int
    aside: int
    blank: int
    carried: int


def _sheet(grid_: grid.Grid, header: Header, feed: Feed, contracts: Contracts, where: str | None) -> _Sheet:
    """Read one sheet; ``where`` names it if it is one of several."""
    lines = grid_.body(header.index + header.depth, width(header))
    aside = judge.set_aside(lines, feed, header, contracts=contracts)
    shaped = unfold(lines.filter(~aside), feed, header, sheet=where)
    typed = values.typed(
        shaped.body,
        feed,
        shaped.header,
        contracts=contracts,
        serials=grid_.kind == "workbook",
        is_percent_told=grid_.shows_percent,
    )
    above, kept = header.index, lines.height - int(aside.sum())
    rows = shaped.body.height + shaped.blank
    assert rows == kept * max(len(header.blocks), 1), "every line must give a row per period"
    return _Sheet(
        shaped.body,
        typed,
        shaped.header,
        above + int(aside.sum()) + rows,
        above + int(aside.sum()),
        shaped.blank,
        shaped.carried,
    )


def _sheets(found: Recognised, contracts: Contracts) -> list[_Sheet]:
    several = len(found.sheets) > 1
    names = [
        f"第{n}张工作表" if found.feed.personal else f"工作表「{g.sheet}」" for n, (g, _) in enumerate(found.sheets, 1)
    ]
    return [
        _sheet(one, header, found.feed, contracts, name if several else None)
        for (one, header), name in zip(found.sheets, names, strict=True)
    ]


def judged(found: Recognised, batch: str, contracts: Contracts, *, received_on: date) -> Batch:
    """Read every record of what was recognised and judge it; raises ``DeliveryError`` where none is good."""
    feed = found.feed
    sheets = _sheets(found, contracts)
    body = pl.concat([sheet.body for sheet in sheets]) if len(sheets) > 1 else sheets[0].body
    typed = pl.concat([sheet.typed for sheet in sheets]) if len(sheets) > 1 else sheets[0].typed
    columns = {name: place for sheet in sheets for name, place in sheet.header.columns.items()}
    period = dating_period(feed, contracts)
    verdict = judge.judge(
        typed,
        body,
        feed,
        replace(sheets[0].header, columns=columns),
        contracts=contracts,
        received_on=received_on,
        period=period,
    )
    _refuse_hopeless(feed, verdict)
    schema = [*contracts.feed_schema(feed), *(name for name in (values.RESTORED,) if name in typed.columns)]
    rows = verdict.good.with_columns(batch=pl.lit(batch)).select(schema)
    counted = rows[period].drop_nulls().value_counts().sort(period).rows() if period else []
    manifest = _counts(found, sheets, verdict) | {
        "columns": list(contracts.feed_schema(feed)),
        **_words(found, contracts),
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


def _counts(found: Recognised, sheets: list[_Sheet], verdict: judge.Verdict) -> dict[str, Any]:
    """How the file was read, and the sum of its rows: in = landed + quarantined + set aside."""
    others = sum(other.records() for other in found.others)
    return {
        "kind": found.grid.kind,
        "delimiter": found.grid.delimiter,
        "header_line": found.grid.head[found.header.index][0],
        "header_rows": found.header.depth,
        "units": dict(found.header.units),
        "rows_in": sum(sheet.lines for sheet in sheets) + others,
        "rows_landed": verdict.good.height,
        "rows_quarantined": verdict.quarantined.height,
        "rows_set_aside": sum(sheet.aside + sheet.blank for sheet in sheets) + others,
        **_shape(found, sheets),
        **({"taken_back": verdict.taken_back} if verdict.taken_back else {}),
    }


def _shape(found: Recognised, sheets: list[_Sheet]) -> dict[str, Any]:
    """What a shape that is no plain table did to the count of rows; nothing for a plain one.

    A line with periods side by side counts once for each, so the sum of DESIGN 5 is one of (line, period) pairs.
    """
    told: dict[str, Any] = {}
    if any(header.blocks for _, header in found.sheets):
        told["periods_per_line"] = [len(header.blocks) for _, header in found.sheets]
        told["blank_periods"] = sum(sheet.blank for sheet in sheets)
    if any(sheet.carried for sheet in sheets):
        told["carried_cells"] = sum(sheet.carried for sheet in sheets)
    if len(sheets) > 1:
        told["sheets_read"] = len(sheets)
    return told


def _words(found: Recognised, contracts: Contracts) -> dict[str, Any]:
    """What the file itself calls its sheets and columns; of a personal feed only our own names and how many others."""
    header = found.header
    ignored = [
        name or f"第{place + 1}列（无表头）"
        for place, name in enumerate(header.names)
        if place not in header.places and place < width(header)
    ]
    if found.feed.personal:
        labels = {name: contracts.feed_column(found.feed, name).label for name in sorted(header.found)}
        return {"headers": labels, "ignored": [f"{len(ignored)}列"] if ignored else []}
    return {
        "sheet": found.grid.sheet,
        "other_sheets": [other.sheet for other in found.others],
        "headers": {name: header.names[place] for name, place in _told(header).items()},
        "ignored": ignored,
    }


def _told(header: Header) -> dict[str, int]:
    """Column → the first cell that names it."""
    spread = {name: place for _, cells in reversed(header.blocks) for name, place in cells.items()}
    return {**header.columns, **spread}


def _refuse_hopeless(feed: Feed, verdict: judge.Verdict) -> None:
    """Refuse a file without any good row; only a feed of events may have nothing to tell."""
    if verdict.good.height:
        return
    if verdict.quarantined.height:
        worst = max((check for check in verdict.checks if check.severity == "fail"), key=lambda c: verdict.bad[c.id])
        first = verdict.reasons.row(0, named=True)
        value = " ".join((first["raw_value"] or "").split())[:EXAMPLE_CHARACTERS]
        raise DeliveryError(
            f"{verdict.quarantined.height}行数据没有一行合格，最多的问题是“{worst.sentence}”（{verdict.bad[worst.id]}行），"
            f"例如第{first['line_no']}行{first['column_label']}“{value}”；请改正后重新报送"
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
