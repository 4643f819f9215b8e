"""Text cells → typed values by the rules of a feed's contract, exactly and without floats for money and counts.

A plain value takes a vectorised path; the odd ones (full-width digits, separators, 2025年3月) are read once per
distinct text. What cannot be read stays null and its column is named in ``_unreadable``: nothing is guessed. A code
whose leading zeros were put back, as its contract allows, is named in ``_restored``.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any
from unicodedata import normalize

import numpy as np
import polars as pl

from pipelines.contracts import POLARS_TYPES, Contracts, Feed, FeedColumn, Kind
from pipelines.parsers import PARSERS
from pipelines.stages.ingest.header import UNITS, Header, normal

# A cell with one of these says "not given". 无 is a word a department may mean, so it counts only where the column may
# be empty; 0 is never among them, and a dash is never zero.
NULL_WORDS = ("-", "--", "—", "——", "null", "NULL", "Null", "\\N", "N/A", "#N/A", "NaN")
OPTIONAL_NULL_WORDS = (*NULL_WORDS, "无", "/", "\\")
RESTORED = "_restored"
# A number with an exponent or a point where a code belongs: digits are lost, or somebody made a number of it.
NO_CODE = r"^[+-]?[0-9]+(\.[0-9]+)?[eE][+-]?[0-9]+$|^[0-9]{4,}\.0+$"
MONEY = frozenset({"fen", "usd_cent"})
LARGEST = 2**63 - 1
AT_ONCE = frozenset({"integer", "number", *MONEY})
PLAIN_BYTES = 24
LARGEST_QUICK = 2.0**43
NEAR = 1e-3
SMALLEST_QUICK = 1e-300
FEW_DISTINCT = 4
SERIAL_EPOCH = date(1899, 12, 30)
SERIALS = range(20_000, 80_000)
TRUTHS = {"是": True, "否": False, "1": True, "0": False, "true": True, "false": False}

_SEPARATED = re.compile(r"[+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?0*[0-9]{1,3})?")
_DATE = re.compile(
    r"([0-9]{4})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?(?:[ T][0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?)?"
)
_COMPACT_DATE = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_MONTH = re.compile(r"([0-9]{4})(?:[-/]|年)([0-9]{1,2})月?")
_COMPACT_MONTH = re.compile(r"([0-9]{4})([0-9]{2})")


@dataclass(frozen=True)
class How:
    """What reading a column needs beside its type: the power of ten of its unit, and where serial days may occur."""

    kind: Kind
    power: int = 0
    serials: bool = False


def typed(
    body: pl.DataFrame, feed: Feed, header: Header, *, contracts: Contracts, serials: bool, is_percent_told: bool = True
) -> pl.DataFrame:
    """``body`` read as the columns of ``feed``, with ``line_no``, ``_unreadable``, and ``_restored`` where it may be.

    ``serials`` allows Excel's day numbers as dates, which only workbooks hold. Without ``is_percent_told`` a share up
    to 1 may mean a ratio and is not read. Columns the file lacks are null. A row whose cells are missing, too many or
    cut off names ``_row`` in ``_unreadable``.
    """
    kinds = {name: contracts.feed_column(feed, name).type for name in feed.columns}
    units = {name: header.units.get(name) or normal(spec.unit or "") for name, spec in feed.columns.items()}
    hows = {name: How(kind, UNITS.get(kind, {}).get(units[name], 0), serials) for name, kind in kinds.items()}
    told = {name: pl.col(f"c{header.columns[name]}") for name in feed.columns if name in header.columns}
    plain = {name: hows[name] for name in told if not feed.columns[name].values and _is_plain(feed.columns[name])}
    quick = at_once(body.select(told[name].alias(name) for name in told), plain)
    columns: list[pl.Series] = []
    unread: dict[str, pl.Series] = {"_row": body["misshapen"]}
    restored: dict[str, pl.Series] = {}
    codes = contracts.feed_codes(feed)
    for name, spec in feed.columns.items():
        if name not in told:
            columns.append(pl.Series(name, [None] * body.height, dtype=POLARS_TYPES[kinds[name]]))
            continue
        how = hows[name]
        if _is_plain(spec) and not header.twins.get(name):
            done = quick[name] if name in quick.columns else None
            cells = body[f"c{header.columns[name]}"]
            value, unread[name] = _column(cells, done, spec, how, is_percent_told=is_percent_told)
        else:
            value, unread[name], found = _by_contract(body, name, spec, how, header, is_percent_told=is_percent_told)
            restored |= {} if found is None else {name: found}
        if name in codes:
            lost = value.str.contains(NO_CODE).fill_null(value=False)
            value, unread[name] = value.set(lost, None), unread[name] | lost
        columns.append(value.alias(name))
    named = [_named(unread, body.height, "_unreadable")]
    named += [_named(restored, body.height, RESTORED)] if restored else []
    return pl.DataFrame([*columns, body["line_no"]]).with_columns(named)


def _is_plain(spec: FeedColumn) -> bool:
    """Whether cells are read as they stand: no words of the source's own, no parser, no zeros to restore."""
    return not (spec.absent or spec.parser or spec.parentheses or spec.width)


def _by_contract(
    body: pl.DataFrame, name: str, spec: FeedColumn, how: How, header: Header, *, is_percent_told: bool
) -> tuple[pl.Series, pl.Series, pl.Series | None]:
    """Values of a column that its contract says more of, which cells cannot be read, and which codes were restored."""
    said, found = _given(body[f"c{header.columns[name]}"], spec), None
    text = _as_said(said, spec)
    value = read(text, how)
    if how.kind == "basis_point" and not is_percent_told:
        value = value.set(_may_be_ratio(text), None)
    if spec.width:
        value, found = _restored(value, spec.width)
    for twin in header.twins.get(name, ()):
        value = value.set(said.ne_missing(_given(body[f"c{twin}"], spec)), None)
        said = said.fill_null("")
    return value, value.is_null() & said.is_not_null(), found


def _given(cells: pl.Series, spec: FeedColumn) -> pl.Series:
    """Clean cells, null where nothing is given, also by the source's own words."""
    text = clean(cells, optional=spec.optional)
    words = [normalize("NFKC", word).strip() for word in spec.absent]
    return text.set(text.is_in(words).fill_null(value=False), None) if words else text


def _as_said(text: pl.Series, spec: FeedColumn) -> pl.Series:
    """Cells as the column's type is written: parsed, translated, and with a sign, as its contract says."""
    if spec.parser:
        parse = PARSERS[spec.parser]
        told = {word: parse(word) for word in text.drop_nulls().unique()}
        text = text.replace_strict(list(told), list(told.values()), default=None, return_dtype=pl.String)
    if spec.values:
        text = text.replace({normalize("NFKC", said): meant for said, meant in spec.values.items()})
    if spec.parentheses:
        text = text.str.replace(r"^\(([0-9][0-9,.]*)\)$", "-$1")
    return text


def _restored(codes: pl.Series, width: int) -> tuple[pl.Series, pl.Series]:
    """Codes with the zeros that a spreadsheet took off, and which they are; any other length is not read.

    Where the file has a code that begins with a zero its zeros were kept, so a short one lacks something else; where
    a whole half of the digits is missing nobody can tell either.
    """
    digits = codes.str.contains(r"^[0-9]+$").fill_null(value=False)
    length = codes.str.len_chars()
    kept = (digits & (length == width) & codes.str.starts_with("0")).any()
    short = digits & (length < width) & (length * 2 > width)
    restorable = (short & (not kept)).fill_null(value=False)
    wrong = (digits & (length != width) & ~restorable).fill_null(value=False)
    return codes.set(wrong, None).zip_with(~restorable, codes.str.zfill(width)).alias(codes.name), restorable


def _column(
    cells: pl.Series, done: pl.Series | None, spec: FeedColumn, how: How, *, is_percent_told: bool
) -> tuple[pl.Series, pl.Series]:
    """Values of ``cells``, and which of them cannot be read; ``done`` are those read at once, the others null."""
    if done is None:
        distinct = cells.unique() if how.kind != "text" or spec.values else cells
        if distinct.len() * FEW_DISTINCT > cells.len():
            return _read(cells, spec, how, is_percent_told=is_percent_told)
        value, unread = _read(distinct, spec, how, is_percent_told=is_percent_told)
        found = pl.DataFrame({"cell": distinct, "value": value, "unread": unread})
        joined = cells.to_frame("cell").join(found, on="cell", how="left", nulls_equal=True, maintain_order="left")
        return joined["value"], joined["unread"]
    unread = pl.Series([False]).new_from_index(0, done.len())
    left = done.is_null()
    if not left.any():
        return done, unread
    value, odd = _read(cells.filter(left), spec, how, is_percent_told=is_percent_told)
    places = left.arg_true()
    return done.scatter(places, value), unread.scatter(places, odd) if odd.any() else unread


def _read(cells: pl.Series, spec: FeedColumn, how: How, *, is_percent_told: bool) -> tuple[pl.Series, pl.Series]:
    """Values of ``cells``, and which of them say something that cannot be read."""
    text = clean(cells, optional=spec.optional)
    if spec.values:
        text = text.replace({normalize("NFKC", said): meant for said, meant in spec.values.items()})
    value = read(text, how)
    if how.kind == "basis_point" and not is_percent_told:
        value = value.set(_may_be_ratio(text), None)
    return value, value.is_null() & text.is_not_null()


def at_once(cells: pl.DataFrame, hows: Mapping[str, How]) -> pl.DataFrame:
    """The values of plainly written numbers in the columns that hold such; all other cells are null.

    Where a value is given, ``read`` gives the same: a float tells the nearest hundredth of a sum far below 2^53
    exactly, and where it is not near one, or the text is long, nothing is given.
    """
    hows = {
        name: how for name, how in hows.items() if how.kind in AT_ONCE and not (how.kind == "integer" and how.power)
    }
    parsed = cells.select(_parsed(pl.col(name), how) for name, how in hows.items())
    return pl.DataFrame([_sure(parsed[name], cells[name], how) for name, how in hows.items()])


def _parsed(cells: pl.Expr, how: How) -> pl.Expr:
    if how.kind == "integer":
        return cells.cast(pl.Int64, strict=False)
    return cells.cast(pl.Float64, strict=False) * pl.lit(10**how.power)


def _sure(value: pl.Series, cells: pl.Series, how: How) -> pl.Series:
    """Those of the parsed values that are as exact as the text."""
    if how.kind == "integer":
        return value.set(value < -LARGEST, None)
    short = cells.str.len_bytes() <= PLAIN_BYTES
    found = value.to_numpy()
    with np.errstate(invalid="ignore"):
        whole = np.rint(found) if how.kind in MONEY else found
        sure = (np.abs(found) < LARGEST_QUICK) & (np.abs(found - whole) < NEAR)
        exact = whole.astype(np.int64) if how.kind in MONEY else whole
    if not short.all():
        sure &= short.to_numpy()
    # A float may be zero where the text, by its exponent, is not.
    least = np.flatnonzero(np.abs(found) < SMALLEST_QUICK)
    sure[least[cells.gather(least).str.contains("[eE]").to_numpy()]] = False
    read = pl.Series(value.name, exact)
    return read if sure.all() else read.set(pl.Series(~sure), None)


def _may_be_ratio(text: pl.Series) -> pl.Series:
    """Which cells hold a number above 0 and up to 1, either way."""
    size = text.cast(pl.Float64, strict=False).abs()
    return ((size > 0) & (size <= 1)).fill_null(value=False)


def _named(unread: Mapping[str, pl.Series], height: int, called: str) -> pl.Series:
    """For each row the names whose flag is set."""
    flags = pl.DataFrame({name: flag for name, flag in unread.items() if flag.any()})
    nothing = pl.Series([[]], dtype=pl.List(pl.String))
    if not flags.width:
        return nothing.new_from_index(0, height).alias(called)
    flagged = flags.select(pl.any_horizontal(pl.all())).to_series()
    named = (pl.when(name).then(pl.lit(name)).otherwise(None) for name in flags.columns)
    lists = flags.filter(flagged).select(pl.concat_list(list(named)).list.drop_nulls()).to_series()
    places = flagged.cum_sum().set(~flagged, 0)
    return pl.concat([nothing, lists.rename("")]).gather(places).alias(called)


def clean(cells: pl.Series, *, optional: bool) -> pl.Series:
    """Text in NFKC without white space around it; empty cells and words for "not given" are null."""
    text = cells.str.normalize("NFKC") if cells.str.contains(r"[^\x00-\x7F]").any() else cells
    text = text.str.strip_chars()
    absent = text.is_in(["", *(OPTIONAL_NULL_WORDS if optional else NULL_WORDS)])
    return text.set(absent.fill_null(value=False), None)


def read(text: pl.Series, how: How) -> pl.Series:
    """Values of ``text``; null where it cannot be read."""
    if how.kind == "text":
        return text
    quick = _QUICK.get(how.kind, _quick_nothing)(text, how)
    left = text.filter(quick.is_null() & text.is_not_null()).unique()
    if not left.len():
        return quick
    slow = {word: SLOW[how.kind](word, how) for word in left}
    odd = text.replace_strict(list(slow), list(slow.values()), default=None, return_dtype=POLARS_TYPES[how.kind])
    return quick.zip_with(quick.is_not_null(), odd)


def _quick_number(text: pl.Series, how: How) -> pl.Series:
    """Plain digits with no more decimals than the unit has, shifted as text."""
    fraction = rf"(\.[0-9]{{1,{how.power}}})?" if how.power else ""
    plain = text.str.replace(r"\.0+$", "")
    plain = plain.set(~plain.str.contains(rf"^-?[0-9]{{1,{18 - how.power}}}{fraction}$"), None)
    if not how.power:
        return plain.cast(pl.Int64)
    parts = plain.str.splitn(".", 2).struct.unnest()
    shifted = parts["field_0"] + parts["field_1"].fill_null("").str.pad_end(how.power, "0")
    return shifted.cast(pl.Int64)


def _quick_double(text: pl.Series, _how: How) -> pl.Series:
    return text.set(~text.str.contains(r"^-?[0-9]{1,15}(\.[0-9]{1,12})?$"), None).cast(pl.Float64)


def _quick_date(text: pl.Series, _how: How) -> pl.Series:
    dashed = text.set(~text.str.contains(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"), None).str.to_date("%Y-%m-%d", strict=False)
    compact = text.set(~text.str.contains(r"^[0-9]{8}$"), None).str.to_date("%Y%m%d", strict=False)
    return dashed.zip_with(dashed.is_not_null(), compact)


def _quick_month(text: pl.Series, _how: How) -> pl.Series:
    compact = text.set(~text.str.contains(r"^[0-9]{6}$"), None)
    return (compact + "01").str.to_date("%Y%m%d", strict=False)


def _quick_nothing(text: pl.Series, how: How) -> pl.Series:
    return pl.Series([None] * text.len(), dtype=POLARS_TYPES[how.kind])


def exact(word: str) -> Decimal | None:
    """The number that ``word`` writes, thousands separators allowed in their places only."""
    if _SEPARATED.fullmatch(word):
        word = word.replace(",", "")
    if not _NUMBER.fullmatch(word):
        return None
    try:
        return Decimal(word)
    except InvalidOperation:
        return None


def whole(word: str, how: How) -> int | None:
    """An integer in the column's own unit; only money is rounded, half up, to its smallest coin."""
    if how.kind == "basis_point" and word.endswith("%"):
        word, how = word[:-1].rstrip(), How(how.kind, 2)
    number = exact(word)
    if number is None or number.adjusted() > 18:
        return None
    scaled = number.scaleb(how.power)
    rounded = scaled.quantize(Decimal(1), rounding=ROUND_HALF_UP) if scaled.adjusted() < 20 else scaled
    if abs(rounded) > LARGEST or (rounded != scaled and how.kind not in MONEY):
        return None
    return int(rounded)


def double(word: str, _how: How) -> float | None:
    """A quantity that is no money and no count."""
    number = exact(word)
    return None if number is None or abs(number.adjusted()) > 300 else float(number)


def day(word: str, how: How) -> date | None:
    """A calendar day; the time of day, if written, is left out."""
    match = _DATE.fullmatch(word) or _COMPACT_DATE.fullmatch(word)
    if match:
        return _calendar(*map(int, match.groups()))
    number = exact(word) if how.serials else None
    if number is not None and int(number) in SERIALS:
        return SERIAL_EPOCH + timedelta(days=int(number))
    return None


def month(word: str, how: How) -> date | None:
    """First day of a month written as month or as any day of it."""
    word = re.sub(r"\.0+$", "", word)
    match = _MONTH.fullmatch(word) or _COMPACT_MONTH.fullmatch(word)
    if match:
        return _calendar(int(match[1]), int(match[2]), 1)
    found = day(word, how)
    return found.replace(day=1) if found else None


def _calendar(year: int, month_no: int, day_no: int) -> date | None:
    try:
        return date(year, month_no, day_no)
    except ValueError:
        return None


def instant(word: str, _how: How) -> datetime | None:
    """A moment in Asia/Shanghai; one that names another zone is not read."""
    try:
        found = datetime.fromisoformat(word)
    except ValueError:
        return None
    return found if found.tzinfo is None else None


def truth(word: str, _how: How) -> bool | None:
    """是/否, 1/0, true/false."""
    return TRUTHS.get(word.removesuffix(".0").lower())


SLOW: Mapping[Kind, Callable[[str, How], Any]] = {
    "integer": whole,
    "fen": whole,
    "usd_cent": whole,
    "basis_point": whole,
    "number": double,
    "boolean": truth,
    "date": day,
    "month": month,
    "instant": instant,
}
_QUICK: Mapping[Kind, Callable[[pl.Series, How], pl.Series]] = {
    "integer": _quick_number,
    "fen": _quick_number,
    "usd_cent": _quick_number,
    "basis_point": _quick_number,
    "number": _quick_double,
    "date": _quick_date,
    "month": _quick_month,
}
