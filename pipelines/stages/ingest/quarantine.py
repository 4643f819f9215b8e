"""Which rows in quarantine their senders still owe: each once, and not those that came again in good order.

A row came again where a later delivery landed its key. Where the key itself was wrong nobody can tell, so a batch also
counts as replaced once later deliveries landed as many rows of each of its periods. Nothing is taken off landing.
"""

from collections.abc import Sequence

import polars as pl

from pipelines.contracts import Contracts
from pipelines.stages.ingest.batch import dating_period
from pipelines.stages.ingest.visible import Visible


def still_open(visible: Sequence[Visible], contracts: Contracts) -> pl.DataFrame:
    """Rows of ``ingest.quarantine``: the reasons of every open line, with the department that is told."""
    schema = contracts.polars_schema("ingest.quarantine")
    frames = [pl.DataFrame(schema=schema)]
    ordered = sorted(visible, key=lambda v: (v.delivery.received_at, v.delivery.delivery_no))
    latest = {(v.delivery.feed, v.delivery.batch): v for v in ordered}
    for place, v in enumerate(ordered):
        later = [w for w in ordered[place + 1 :] if w.delivery.feed == v.delivery.feed]
        if v.known_held and latest[v.delivery.feed, v.delivery.batch] is v and not _is_replaced(v, later):
            frames.append(_reasons(v, _open_lines(v, later, contracts), contracts).select(list(schema)))
    return pl.concat(frames)


def _is_replaced(v: Visible, later: Sequence[Visible]) -> bool:
    """Whether as many rows of each period of ``v`` landed later, or as many rows where it has no periods."""
    dated = [period for period in v.periods if period.on is not None and period.rows]
    if not dated:
        has_dates = any(period.on is not None for period in v.periods)
        return not has_dates and any(w.known_rows >= v.known_rows > 0 for w in later)
    landed = [{period.on: period.rows for period in w.periods} for w in later]
    return all(any(rows.get(period.on, 0) >= period.rows for rows in landed) for period in dated)


def _open_lines(v: Visible, later: Sequence[Visible], contracts: Contracts) -> pl.Series:
    """Lines of ``v`` in quarantine, known by now, whose key no later delivery landed."""
    feed = contracts.feeds[v.delivery.feed]
    key, period = list(contracts.feed_key(feed)), dating_period(feed, contracts)
    held = pl.read_parquet(v.folder / "quarantined.parquet")
    known = [one.on for one in v.periods]
    if period in held.columns:
        held = held.filter(pl.col(period).is_in(known, nulls_equal=True))
    if not set(key) <= set(held.columns):
        return held["line_no"]
    kinds = {name: held.schema[name] for name in key}
    good = [
        pl.scan_parquet(w.folder / "rows.parquet").select(key).cast(kinds)  # type: ignore[arg-type]
        for w in later
        if w.known_rows and set(key) <= set(w.manifest["columns"]) and _meet(w, held, period)
    ]
    if not good:
        return held["line_no"]
    return held.lazy().join(pl.concat(good), on=key, how="anti").select("line_no").collect()["line_no"]


def _meet(w: Visible, held: pl.DataFrame, period: str | None) -> bool:
    """Whether ``w`` landed rows of a period that a row of ``held`` speaks of."""
    if period is None or period not in held.columns:
        return True
    return not {one.on for one in w.periods if one.rows}.isdisjoint(held[period].to_list())


def _reasons(v: Visible, lines: pl.Series, contracts: Contracts) -> pl.DataFrame:
    feed = contracts.feeds[v.delivery.feed]
    reasons = pl.read_parquet(v.folder / "reasons.parquet")
    return reasons.filter(pl.col("line_no").is_in(lines.to_list())).with_columns(
        feed=pl.lit(feed.feed),
        feed_label=pl.lit(feed.label),
        owner=pl.lit(feed.owner),
        delivery_no=pl.lit(v.delivery.delivery_no, dtype=pl.Int64),
        received_at=pl.lit(v.delivery.received_at, dtype=pl.Datetime("us")),
    )
