"""Which lines are records, and which records are good: set aside, quarantine or land.

The rules are the contract's, run as SQL rendered by the same ``Check`` that gives the sentence and the expectation of
the gate. Nothing is dropped here: every line gets one of three fates and every fate is counted.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from pipelines.checks import Check
from pipelines.contracts import RETRACTED, WHOLE_ROW, Contracts, Feed
from pipelines.stages.ingest.header import Header
from pipelines.stages.ingest.persons import HIDDEN, masked
from pipelines.stages.ingest.unfold import WHERE
from pipelines.warehouse import Warehouse, scratch

TOTALS = r"^(合计|总计|小计|共计|本页合计|本页小计|累计)"
NOTES = r"^(说明|注:|注[0-9]*[:、.]|备注:|附注|填表说明|制表|填报|审核|数据来源|单位负责人|第[0-9]+页)"
RAW_VALUE_CHARACTERS = 200
CELL = re.compile("c[0-9]+")
FLAGS = ("_unreadable", "_first_of_key")


@dataclass(frozen=True)
class Verdict:
    """Typed rows by fate; ``reasons`` has one row per broken ``fail`` check, ``bad`` counts broken checks.

    ``held`` tells the same per period of the rows, as ISO text (empty: of no period): rows quarantined, checks broken.
    """

    good: pl.DataFrame
    quarantined: pl.DataFrame
    reasons: pl.DataFrame
    checks: tuple[Check, ...]
    bad: Mapping[str, int]
    held: Mapping[str, Mapping[str, Any]]


def set_aside(body: pl.DataFrame, feed: Feed, header: Header, *, contracts: Contracts) -> pl.Series:
    """Which lines are no records: blank, totals and notes, and a title or header repeated on a later page.

    A line that begins like a total or a note is a record all the same if it has a whole key and begins outside it.
    """
    cells = [name for name in body.columns if CELL.fullmatch(name)]
    text = body.select(pl.when(pl.col(c).str.strip_chars() != "").then(pl.col(c)).alias(c) for c in cells)
    first = text.select(pl.coalesce(cells)).to_series()
    wordy = _squeezed(pl.when(first.str.contains(r"[^\x00-\x7F]")).then(first))
    keys = [f"c{header.columns[k]}" for k in contracts.feed_key(feed) if k in header.columns]
    place = pl.coalesce(pl.when(pl.col(c).is_not_null()).then(pl.lit(c)) for c in cells)
    unkeyed = place.is_in(keys) | pl.any_horizontal(pl.col(k).is_null() for k in keys) if keys else pl.lit(value=True)
    no_record = (wordy.str.contains(TOTALS) | wordy.str.contains(NOTES)) & unkeyed
    aside = first.is_null() | no_record | _repeated(text, header)
    return text.select(aside.fill_null(value=False).alias("set_aside")).to_series()


def _repeated(text: pl.DataFrame, header: Header) -> pl.Expr:
    """Lines that say a row of the header again, every cell of it that is read, or a title above it and no more."""
    again = [pl.lit(value=False)]
    lone = pl.sum_horizontal(pl.col(c).is_not_null() for c in text.columns).eq(1)
    for row in header.rows:
        said = {place: word for place, word in enumerate(row) if word and f"c{place}" in text.columns}
        own = {place: word for place, word in said.items() if place in header.places} or said
        same = [_squeezed(pl.col(f"c{place}")).str.strip_chars_start("*").eq(word) for place, word in own.items()]
        if same and text.select(same[0].any()).item():
            again.append(pl.all_horizontal(same) if len(same) > 1 else same[0] & lone)
    if header.titles and text.select(lone.any()).item():
        again.append(lone & _squeezed(pl.coalesce(text.columns)).is_in(list(header.titles)))
    return pl.any_horizontal(again)


def _squeezed(cell: pl.Expr) -> pl.Expr:
    """A cell as header names are compared: NFKC, without white space, in lower case."""
    return cell.str.normalize("NFKC").str.replace_all(r"\s", "").str.to_lowercase()


def first_of_key(rows: pl.DataFrame, key: tuple[str, ...]) -> pl.Series:
    """False for the second and later rows of the same key; a key with a null is nobody's second.

    A row that takes a key back and one that gives it anew may stand in one file.
    """
    if not key or not rows.height:
        return pl.Series("_first_of_key", [True] * rows.height, dtype=pl.Boolean)
    partly = rows.select(pl.any_horizontal(pl.col(k).is_null() for k in key)).to_series()
    mark = [pl.col(RETRACTED).fill_null(value=False)] if RETRACTED in rows.columns else []
    firsts = rows.select(pl.struct([*key, *mark]).is_first_distinct()).to_series()
    return (partly | firsts).alias("_first_of_key")


def judge(
    rows: pl.DataFrame,
    body: pl.DataFrame,
    feed: Feed,
    header: Header,
    *,
    contracts: Contracts,
    received_on: date,
    period: str | None,
) -> Verdict:
    """Split typed ``rows`` (``body`` holds the same rows as delivered) by the checks of ``feed``.

    Of a personal feed, first what its columns may not hold is taken off. ``received_on`` is when the file came first,
    ``period`` the column that dates a row.
    """
    checks = contracts.checks(feed)
    warehouse = scratch(contracts)
    if feed.personal:
        rows = masked(rows, feed, warehouse)
    rows = rows.with_columns(first_of_key(rows, contracts.feed_key(feed)))
    passed = _evaluate(rows.with_columns(_received_on=pl.lit(received_on)), checks, warehouse)
    failing = [f"k{i}" for i, check in enumerate(checks) if check.severity == "fail"]
    good = passed.select(pl.all_horizontal(failing)).to_series()
    bad = {check.id: int((~passed[f"k{i}"]).sum()) for i, check in enumerate(checks)}
    reasons = [
        _reasons(body.filter(~passed[f"k{i}"]), feed, header, check, contracts)
        for i, check in enumerate(checks)
        if check.severity == "fail" and bad[check.id]
    ]
    return Verdict(
        good=rows.filter(good).drop(FLAGS),
        quarantined=rows.filter(~good),
        reasons=pl.concat([_no_reasons(), *reasons]).sort("line_no", maintain_order=True),
        checks=checks,
        bad=bad,
        held=_held(rows, passed.with_columns(_good=good), checks, period),
    )


def _held(rows: pl.DataFrame, passed: pl.DataFrame, checks: tuple[Check, ...], period: str | None) -> dict[str, Any]:
    """Per period that has any: rows quarantined, and rows that break each check."""
    on = pl.lit("") if period is None else rows[period].cast(pl.String).fill_null("")
    broken = passed.select(~pl.all()).with_columns(on.alias("_on"))
    found = {}
    for row in broken.group_by("_on").agg(pl.all().sum()).sort("_on").to_dicts():
        bad = {check.id: row[f"k{i}"] for i, check in enumerate(checks) if row[f"k{i}"]}
        if bad:
            found[row["_on"]] = {"quarantined": row["_good"], "bad": bad}
    return found


def _evaluate(rows: pl.DataFrame, checks: tuple[Check, ...], warehouse: Warehouse) -> pl.DataFrame:
    """One Boolean column ``k<i>`` per check, in the order of ``rows``."""
    predicates = ", ".join(f'{check.predicate()} AS "k{i}"' for i, check in enumerate(checks))
    warehouse.connection.register("_typed", rows.with_row_index("_place").to_arrow())
    passed = warehouse.frame(f"SELECT _place, {predicates} FROM _typed ORDER BY _place")
    warehouse.connection.unregister("_typed")
    return passed.drop("_place")


def _no_reasons() -> pl.DataFrame:
    words = ("column_name", "column_label", "raw_value", "check_id", "check_sentence")
    return pl.DataFrame(schema={"line_no": pl.Int64(), **dict.fromkeys(words, pl.String())})


def _reasons(lines: pl.DataFrame, feed: Feed, header: Header, check: Check, contracts: Contracts) -> pl.DataFrame:
    """One row per line of ``lines``, all of which break ``check``."""
    if check is WHOLE_ROW:
        label, cells = "整行", [c for c in lines.columns if CELL.fullmatch(c)]
    else:
        label = "、".join(contracts.feed_column(feed, c).label for c in check.columns)
        cells = [f"c{header.columns[c]}" for c in check.columns if c in header.columns]
    where = pl.lit(label)
    if WHERE in lines.columns:
        where += (pl.lit("（") + pl.col(WHERE) + pl.lit("）")).fill_null("")
    said = pl.concat_str([pl.col(c).fill_null("") for c in cells], separator="、") if cells else pl.lit("")
    if feed.personal:
        said = pl.lit(HIDDEN)
    return lines.select(
        "line_no",
        column_name=pl.lit(check.columns[0]),
        column_label=where,
        raw_value=said.str.slice(0, RAW_VALUE_CHARACTERS),
        check_id=pl.lit(check.id),
        check_sentence=pl.lit(check.sentence),
    )
