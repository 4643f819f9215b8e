"""Which lines are records, and which records are good: set aside, quarantine or land.

The rules are the contract's, run as SQL rendered by the same ``Check`` that gives the sentence and the expectation of
the gate. Nothing is dropped here: every line gets one of three fates and every fate is counted.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from pipelines.checks import Check
from pipelines.contracts import RETRACTED, WHOLE_ROW, Contracts, Feed
from pipelines.stages.ingest.header import Header
from pipelines.stages.ingest.persons import HIDDEN, masked
from pipelines.stages.ingest.unfold import WHERE
from pipelines.warehouse import scratch

TOTALS = r"^(合计|总计|小计|共计|本页合计|本页小计|累计)"
NOTES = r"^(说明|注:|注[0-9]*[:、.]|备注:|附注|填表说明|制表|填报|审核|数据来源|单位负责人|第[0-9]+页)"
RAW_VALUE_CHARACTERS = 200
CELL = re.compile("c[0-9]+")
FLAGS = ("_unreadable", "_first_of_key")


@dataclass(frozen=True)
class Verdict:
    """Typed rows by fate; ``reasons`` has one row per broken ``fail`` check, ``bad`` counts broken checks.

    ``held`` tells the same per period of the rows, as ISO text (empty: of no period): rows quarantined, checks broken.
    ``taken_back`` counts good rows that the file itself takes back; they are marked as the rows that do so.
    """

    good: pl.DataFrame
    quarantined: pl.DataFrame
    reasons: pl.DataFrame
    checks: tuple[Check, ...]
    bad: Mapping[str, int]
    held: Mapping[str, Mapping[str, Any]]
    taken_back: int


def set_aside(body: pl.DataFrame, feed: Feed, header: Header, *, contracts: Contracts) -> pl.Series:
    """Which lines are no records: blank, totals and notes, unanswered, and a title or header repeated on a later page.

    A line that begins like a total or a note is a record all the same if it has a whole key and begins outside it.
    """
    cells = [name for name in body.columns if CELL.fullmatch(name)]
    doubtful = (body[cells[0]].str.strip_chars() == "").fill_null(value=True)
    if _is_beyond_ascii(body[cells[0]]):
        doubtful |= body.select(_says_none(_beyond_ascii(cells[0])).fill_null(value=False)).to_series()
    for place, word in _heads(header, body):
        doubtful |= body.select(
            _squeezed(pl.col(place)).str.strip_chars_start("*").eq(word).fill_null(False)
        ).to_series()
    unanswered = _unanswered(body, feed, header)
    if not doubtful.any():
        return unanswered
    return unanswered | doubtful.scatter(
        doubtful.arg_true(), _set_aside(body.filter(doubtful), cells, feed, header, contracts)
    )


def _unanswered(body: pl.DataFrame, feed: Feed, header: Header) -> pl.Series:
    """Lines of a form that was sent out filled in part, without any answer and without a mark that takes them back."""
    asked = (*feed.layout.answers, RETRACTED) if feed.layout.answers else ()
    places = [f"c{header.columns[name]}" for name in asked if name in header.columns]
    if not places:
        return pl.Series([False]).new_from_index(0, body.height)
    blank = (pl.col(place).fill_null("").str.strip_chars() == "" for place in places)
    return body.select(pl.all_horizontal(blank)).to_series()


def _heads(header: Header, body: pl.DataFrame) -> list[tuple[str, str]]:
    """Cell and word by which a line may say a row of the header or a title again; only where the cells may hold it."""
    found = []
    for row in header.rows:
        said = {place: word for place, word in enumerate(row) if word and f"c{place}" in body.columns}
        own = {place: word for place, word in said.items() if place in header.places} or said
        found += [(f"c{place}", word) for place, word in list(own.items())[:1]]
    found += [("c0", title) for title in header.titles]
    beyond = {cell: _is_beyond_ascii(body[cell]) for cell in {cell for cell, _ in found}}
    return [(cell, word) for cell, word in found if word.isascii() or beyond[cell]]


def _set_aside(body: pl.DataFrame, cells: Sequence[str], feed: Feed, header: Header, contracts: Contracts) -> pl.Series:
    text = body.select(pl.when(pl.col(c).str.strip_chars() != "").then(pl.col(c)).alias(c) for c in cells)
    first = text.select(pl.coalesce(cells)).to_series()
    keys = [f"c{header.columns[k]}" for k in contracts.feed_key(feed) if k in header.columns]
    place = pl.coalesce(pl.when(pl.col(c).is_not_null()).then(pl.lit(c)) for c in cells)
    unkeyed = place.is_in(keys) | pl.any_horizontal(pl.col(k).is_null() for k in keys) if keys else pl.lit(value=True)
    no_record = _says_none(pl.when(first.str.contains(r"[^\x00-\x7F]")).then(first)) & unkeyed
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


def _beyond_ascii(column: str) -> pl.Expr:
    """Cells that hold more than ASCII, which alone can say something in Chinese."""
    cell = pl.col(column)
    return pl.when(cell.str.len_bytes() != cell.str.len_chars()).then(cell)


def _is_beyond_ascii(cells: pl.Series) -> bool:
    return bool((cells.str.len_bytes() != cells.str.len_chars()).any())


def _says_none(cell: pl.Expr) -> pl.Expr:
    """Whether a cell begins like a total or a note."""
    words = _squeezed(cell)
    return words.str.contains(TOTALS) | words.str.contains(NOTES)


def _squeezed(cell: pl.Expr) -> pl.Expr:
    """A cell as header names are compared: NFKC, without white space, in lower case."""
    return cell.str.normalize("NFKC").str.replace_all(r"\s", "").str.to_lowercase()


def taken_back(rows: pl.DataFrame, feed: Feed, key: tuple[str, ...]) -> pl.Series:
    """Which rows without a mark say just what a row of the same file says that takes its key back.

    A row that says something else of the key is the one given anew, and stands.
    """
    if not key or RETRACTED not in rows.columns or not rows[RETRACTED].any():
        return pl.Series([False]).new_from_index(0, rows.height)
    said = [name for name in feed.columns if name != RETRACTED]
    marked = rows.filter(RETRACTED).select(said).unique()
    twins = rows.with_row_index("_place").join(marked, on=said, how="semi", nulls_equal=True)["_place"]
    return pl.Series([False]).new_from_index(0, rows.height).scatter(twins, True) & ~rows[RETRACTED].fill_null(False)


def first_of_key(rows: pl.DataFrame, key: tuple[str, ...], gone: pl.Series) -> pl.Series:
    """False for the second and later rows of the same key; a key with a null is nobody's second.

    A row that takes a key back, one that it takes back (``gone``) and one that gives it anew may stand in one file.
    """
    if not key or not rows.height or rows[key[0]].n_unique() == rows.height:
        return pl.Series("_first_of_key", [True] * rows.height, dtype=pl.Boolean)
    partly = rows.select(pl.any_horizontal(pl.col(k).is_null() for k in key)).to_series()
    mark = [pl.col(RETRACTED).fill_null(value=False), gone.alias("_gone")] if RETRACTED in rows.columns else []
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
    if feed.personal:
        rows = masked(rows, feed, contracts)
    key = contracts.feed_key(feed)
    gone = taken_back(rows, feed, key)
    rows = rows.with_columns(first_of_key(rows, key, gone))
    if gone.any():
        rows = rows.with_columns(pl.col(RETRACTED) | gone)
    broken = _broken(rows.with_columns(_received_on=pl.lit(received_on)), checks, contracts)
    failing = [f"k{i}" for i, check in enumerate(checks) if check.severity == "fail"]
    held = broken.filter(pl.any_horizontal(pl.col(failing)))["_place"]
    good = pl.Series([True]).new_from_index(0, rows.height).scatter(held, False)
    bad = {check.id: int(broken[f"k{i}"].sum()) for i, check in enumerate(checks)}
    reasons = [
        _reasons(body[broken.filter(pl.col(f"k{i}"))["_place"]], feed, header, check, contracts)
        for i, check in enumerate(checks)
        if check.severity == "fail" and bad[check.id]
    ]
    return Verdict(
        good=rows.filter(good).drop(FLAGS),
        quarantined=rows.filter(~good),
        reasons=pl.concat([_no_reasons(), *reasons]).sort("line_no", maintain_order=True),
        checks=checks,
        bad=bad,
        held=_held(rows, broken, checks, failing, period),
        taken_back=int((gone & good).sum()),
    )


def _held(
    rows: pl.DataFrame, broken: pl.DataFrame, checks: tuple[Check, ...], failing: Sequence[str], period: str | None
) -> dict[str, Any]:
    """Per period that has any: rows quarantined, and rows that break each check."""
    told = broken.with_columns(_held=pl.any_horizontal(pl.col(failing)))
    on = pl.lit("") if period is None else rows[period][broken["_place"]].cast(pl.String).fill_null("")
    found = {}
    for row in (
        told.with_columns(on.alias("_on")).drop("_place").group_by("_on").agg(pl.all().sum()).sort("_on").to_dicts()
    ):
        bad = {check.id: row[f"k{i}"] for i, check in enumerate(checks) if row[f"k{i}"]}
        found[row["_on"]] = {"quarantined": row["_held"], "bad": bad}
    return found


def _broken(rows: pl.DataFrame, checks: tuple[Check, ...], contracts: Contracts) -> pl.DataFrame:
    """The ``_place`` of each row that breaks a check, in order, and one Boolean ``k<i>`` per check: is it broken."""
    is_all_read = not rows["_unreadable"].list.len().sum()
    predicates = ["true" if is_all_read and check.kind == "readable" else check.predicate() for check in checks]
    told = ", ".join(f'NOT ({predicate}) AS "k{i}"' for i, predicate in enumerate(predicates))
    some = " OR ".join(f'"k{i}"' for i in range(len(checks)))
    told_rows = rows.drop("_unreadable") if is_all_read else rows
    query = f"SELECT * FROM (SELECT _place, {told} FROM _typed) WHERE {some} ORDER BY _place"
    with scratch(contracts) as warehouse, warehouse.showing("_typed", told_rows.with_row_index("_place")):
        return warehouse.frame(query)


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
