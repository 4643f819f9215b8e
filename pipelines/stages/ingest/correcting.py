"""Corrections on record against what the source says now: which landed rows they change, and which no longer fit.

A correction holds while the latest version of its rows still says what was recorded as wrong. Once the source says
anything else, right or wrong, the source's own word stands and a person is told. Nothing is changed on landing: the raw
views show the rows of ``ingest.correction_row`` as corrected.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from pipelines import corrections
from pipelines.contracts import POLARS_TYPES, Feed
from pipelines.corrections import Correction
from pipelines.ledger import Ledger
from pipelines.run import Run
from pipelines.stages.ingest.batch import dating_period
from pipelines.stages.ingest.visible import Visible
from pipelines.warehouse import Warehouse

APPLIED, CHANGED, NOT_FOUND, EXPIRED, OVER = "已采用", "源头已变", "未见对应行", "已过期", "已失效"
DROPPED = ""
WORDS = {
    CHANGED: "源头现值与登记的错误值不符（{rows}行），未采用",
    NOT_FOUND: "没有找到对应的行，未采用",
    EXPIRED: "已于{expires}到期，源头仍未改正（{rows}行），未采用",
    OVER: "已于{expires}到期，源头已改正",
}


@dataclass(frozen=True)
class Corrected:
    """The deliveries as they stand once dropped rows are left out, and how many rows that and changed values are."""

    visible: list[Visible]
    changed: int
    dropped: int


def store(run: Run, warehouse: Warehouse, ledger: Ledger, visible: Sequence[Visible]) -> Corrected:
    """Fill ``ingest.correction`` and ``ingest.correction_row`` for the night of ``run``."""
    told, rows = [], []
    for one in corrections.known(ledger, through=run.through, cutoff=run.cutoff):
        if one.feed in run.contracts.feeds:
            state, found, seen = _judged(one, visible, run)
            told.append(_line(one, run.contracts.feeds[one.feed], state, found.height, seen, run))
            rows.append(found)
    warehouse.store("ingest.correction", pl.DataFrame(told, schema=run.contracts.polars_schema("ingest.correction")))
    schema = run.contracts.polars_schema("ingest.correction_row")
    every = pl.concat([pl.DataFrame(schema=schema), *(frame.select(list(schema)) for frame in rows)])
    cells = every.unique(["feed", "batch", "line_no", "column_name"], keep="last", maintain_order=True)
    warehouse.store("ingest.correction_row", cells.sort("feed", "batch", "line_no", "column_name"))
    gone = cells.filter(pl.col("column_name") == DROPPED)
    left = [_without(v, gone) for v in visible]
    dropped = sum(v.known_rows for v in visible) - sum(v.known_rows for v in left)
    return Corrected(left, cells.height - gone.height, dropped)


def _judged(one: Correction, visible: Sequence[Visible], run: Run) -> tuple[str, pl.DataFrame, int]:
    """The state of a correction, the rows that it reaches, and how many rows its state speaks of."""
    feed = run.contracts.feeds[one.feed]
    nothing = pl.DataFrame(schema=run.contracts.polars_schema("ingest.correction_row"))
    rows = _selected(one, feed, visible, run)
    is_over = one.expires_on is not None and one.expires_on <= run.cutoff.date()
    if rows.is_empty():
        return (OVER if is_over else NOT_FOUND), nothing, 0
    key = list(run.contracts.feed_key(feed))
    latest = rows.unique(key, keep="last", maintain_order=True) if key else rows
    wrong = latest["_is_wrong"].sum()
    fits = wrong == latest.height if one.key else wrong > 0
    if is_over:
        return (EXPIRED if wrong else OVER), nothing, int(wrong)
    if not fits:
        return CHANGED, nothing, latest.height - int(wrong)
    reached = rows.filter("_is_wrong") if one.action == "replace" else rows
    cells = reached.unique(["batch", "line_no"], maintain_order=True).select(
        pl.lit(one.feed).alias("feed"),
        "batch",
        "line_no",
        pl.lit(one.column if one.action == "replace" else DROPPED).alias("column_name"),
        pl.lit(one.right, dtype=pl.String).alias("right_text"),
        "period_on",
        pl.lit(one.id).alias("correction_id"),
    )
    return APPLIED, cells, cells.height


def _selected(one: Correction, feed: Feed, visible: Sequence[Visible], run: Run) -> pl.DataFrame:
    """The rows of ``feed`` that a correction selects, the latest word last, each with ``_is_wrong``."""
    period = dating_period(feed, run.contracts)
    by_batch: dict[str, Visible] = {}
    for v in sorted(visible, key=lambda v: (v.delivery.received_at, v.delivery.delivery_no)):
        if v.delivery.feed == one.feed and (one.batch is None or v.delivery.batch.startswith(one.batch)):
            by_batch.pop(v.delivery.batch, None)
            by_batch[v.delivery.batch] = v
    frames = [_rows_of(one, feed, v, run) for v in by_batch.values() if _may_hold(one, v, period)]
    kept = [frame for frame in frames if frame.height]
    if not kept:
        return pl.DataFrame()
    return pl.concat(kept).sort("_known_at", "_place", "line_no", descending=[False, False, True], maintain_order=True)


def _may_hold(one: Correction, v: Visible, period: str | None) -> bool:
    if one.period is None or period is None:
        return bool(v.known_rows)
    return any(p.on is not None and p.on.isoformat() == one.period and p.rows for p in v.periods)


def _rows_of(one: Correction, feed: Feed, v: Visible, run: Run) -> pl.DataFrame:
    """The selected rows of one batch that were known by the cutoff."""
    kinds = {name: POLARS_TYPES[run.contracts.feed_column(feed, name).type] for name in feed.columns}
    key, dated = run.contracts.feed_key(feed), run.contracts.feed_period(feed)
    named = [name for name in (*key, *one.key, dated, one.column) if name]
    present = set(v.manifest["columns"])
    columns = [
        (pl.col(name).cast(kinds[name]) if name in present else pl.lit(None, dtype=kinds[name])).alias(name)
        for name in dict.fromkeys(named)
    ]
    chosen = [pl.col(name) == _typed(value, kinds[name]) for name, value in one.key.items()]
    chosen += [pl.col(dated) == _typed(one.period, kinds[dated])] if dated and one.period else []
    is_wrong = pl.col(one.column).eq_missing(_typed(one.wrong, kinds[one.column])) if one.column else pl.lit(value=True)
    day = dating_period(feed, run.contracts)
    on = pl.col(day).cast(pl.Date) if day else pl.lit(None, dtype=pl.Date)
    instants = pl.LazyFrame(
        {"period_on": [p.on for p in v.periods], "_known_at": [p.known_at for p in v.periods]},
        schema={"period_on": pl.Date, "_known_at": pl.Datetime("us")},
    )
    return (
        pl.scan_parquet(v.folder / "rows.parquet")
        .select("batch", "line_no", *columns)
        .filter(*chosen)
        .with_columns(is_wrong.alias("_is_wrong"), on.alias("period_on"))
        .join(instants, on="period_on", how="inner", nulls_equal=True)
        .with_columns(pl.lit(v.delivery.delivery_no, dtype=pl.Int64).alias("_place"))
        .select("batch", "line_no", "period_on", *dict.fromkeys(key), "_is_wrong", "_known_at", "_place")
        .collect()
    )


def _typed(text: str | None, kind: pl.DataType) -> pl.Expr:
    """A recorded value as a literal of its column's type."""
    if text is None:
        return pl.lit(None, dtype=kind)
    if kind == pl.Boolean():
        return pl.lit(text == "true")
    return pl.lit(date.fromisoformat(text)) if kind == pl.Date() else pl.lit(text).cast(kind)


def _line(one: Correction, feed: Feed, state: str, reached: int, seen: int, run: Run) -> dict[str, Any]:
    words: Mapping[str, str] = WORDS | {APPLIED: "已更正{rows}行" if one.action == "replace" else "已剔除{rows}行"}
    expires = one.expires_on.isoformat() if one.expires_on else ""
    label = run.contracts.feed_column(feed, one.column).label if one.column and one.action == "replace" else "整行"
    return {
        "correction_id": one.id,
        "correction_digest": one.digest,
        "feed": feed.feed,
        "feed_label": feed.label,
        "owner": feed.owner,
        "correction_action": one.action,
        "column_name": one.column,
        "column_label": label,
        "reason_text": one.reason,
        "reporter": one.reporter,
        "corrected_on": one.known_on,
        "expires_on": one.expires_on,
        "correction_state": state,
        "row_count": reached,
        "observed_text": words[state].format(rows=seen, expires=expires),
    }


def _without(v: Visible, gone: pl.DataFrame) -> Visible:
    """A delivery whose dropped rows no longer count in their periods."""
    own = gone.filter((pl.col("feed") == v.delivery.feed) & (pl.col("batch") == v.delivery.batch))
    if own.is_empty():
        return v
    less = Counter(own["period_on"].to_list())
    return replace(v, periods=tuple(replace(p, rows=p.rows - less[p.on]) for p in v.periods))


def touched(warehouse: Warehouse) -> dict[str, dict[str, frozenset[str]]]:
    """Feed → batch → the columns of it that are corrected; ``DROPPED`` among them where rows are left out."""
    found: dict[str, dict[str, set[str]]] = {}
    for feed, batch, column in warehouse.rows("SELECT DISTINCT feed, batch, column_name FROM ingest.correction_row"):
        found.setdefault(feed, {}).setdefault(batch, set()).add(column)
    return {feed: {batch: frozenset(own) for batch, own in batches.items()} for feed, batches in found.items()}


def patched(feed: str, files: Sequence[Path], columns: Mapping[str, str]) -> str:
    """SQL of the rows in ``files`` as corrected: ``columns`` maps corrected ones to types, ``DROPPED`` drops rows."""
    listed = ", ".join("'" + str(path).replace("'", "''") + "'" for path in files)
    joins, said = [], []
    for place, (column, kind) in enumerate(sorted(columns.items())):
        if column != DROPPED:
            right = f"CAST(k{place}.right_text AS {kind})"
            said.append(f'CASE WHEN k{place}.batch IS NULL THEN file."{column}" ELSE {right} END AS "{column}"')
        joins.append(
            f"LEFT JOIN ingest.correction_row AS k{place} ON k{place}.feed = '{feed}' "
            f"AND k{place}.column_name = '{column}' AND k{place}.batch = file.batch AND k{place}.line_no = file.line_no"
        )
    gone = [f"k{place}.batch IS NULL" for place, column in enumerate(sorted(columns)) if column == DROPPED]
    star = f"file.* REPLACE ({', '.join(said)})" if said else "file.*"
    where = f" WHERE {' AND '.join(gone)}" if gone else ""
    return f"(SELECT {star} FROM read_parquet([{listed}]) AS file {' '.join(joins)}{where})"
