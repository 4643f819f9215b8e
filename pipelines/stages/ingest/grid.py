"""Bytes of a delivered file → grids of text cells with line numbers, whatever the file calls itself.

The kind of a file is told by its first bytes, since departments name tab-separated text ``.xls``. Nothing here knows a
contract, guesses a type or repairs a cell: what cannot be read whole is refused with a Chinese sentence.
"""

import codecs
import csv
import io
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from itertools import islice
from typing import Any, Literal

import polars as pl
from python_calamine import CalamineError, CalamineWorkbook

from pipelines.errors import DeliveryError
from pipelines.stages.ingest.archive import MAXIMUM_CELLS, percents, unpacked

HEAD_RECORDS = 31
HEAD_CHARACTERS = 200_000
DELIMITERS = (",", "\t", ";", "|")
REPLACEMENT = "\ufffd"
NESTED_ARCHIVES = 2
UNREADABLE = (ValueError, ArithmeticError, LookupError, RecursionError, pl.exceptions.PolarsError)
BROKEN = "文件内容读取出错（{}）；请重新导出后报送"
EXACT = 1e15
BLANK = " \t\r\u3000\xa0"

Kind = Literal["text", "workbook", "parquet"]


@dataclass(frozen=True)
class Grid:
    """One sheet, or one reading of a text file.

    ``head`` holds the first records (line number, cells), where a header is looked for. ``body(skip, width)`` gives
    the records after the first ``skip`` as text columns ``c0`` … with ``line_no``, ``misshapen`` (cells missing, too
    many, cut off, or with a stray quotation mark) and ``short`` (cells missing and nothing else). ``records()`` counts
    all records. ``shows_percent`` is false for a workbook that does not tell which of its numbers are shown as percent,
    so that 0.25 may mean 25%.
    """

    kind: Kind
    sheet: str | None
    head: Sequence[tuple[int, Sequence[str]]]
    records: Callable[[], int]
    body: Callable[[int, int], pl.DataFrame]
    delimiter: str | None = None
    shows_percent: bool = True


@dataclass(frozen=True)
class Reading:
    """A file as read: its grids are sheets of a workbook, or rival readings of one text."""

    kind: Kind
    encoding: str | None
    grids: tuple[Grid, ...]


def read(content: bytes, *, depth: int = 0, literal: bool = False) -> Reading:
    """The grids in ``content``; raises ``DeliveryError`` with a Chinese sentence where there is nothing to read.

    ``depth`` counts the archives that it was taken out of. ``literal`` takes quotation marks as any other character.
    """
    try:
        return _read(content, depth, literal)
    except UNREADABLE as error:
        raise DeliveryError(BROKEN.format(type(error).__name__)) from error


def _read(content: bytes, depth: int, literal: bool) -> Reading:
    if not content.strip(b"\x00\t\n\r ,;|"):
        raise DeliveryError("文件是空的；请核对导出结果后重新报送")
    if content[:4] == b"PAR1":
        return _parquet(content)
    if content[:4] == b"\xd0\xcf\x11\xe0":
        return _workbook(content, is_zip=False)
    if content[:2] == b"PK":
        if depth == NESTED_ARCHIVES:
            raise DeliveryError("压缩包套了太多层；请解开后报送")
        inner = unpacked(content)
        return _workbook(content, is_zip=True) if inner is None else read(inner, depth=depth + 1, literal=literal)
    return _text(content, literal)


def decode(content: bytes) -> tuple[str, str]:
    """Text and encoding; a character cut off at the end becomes U+FFFD, any other fault refuses the file."""
    if content[:3] == codecs.BOM_UTF8:
        candidates, content = ["utf-8"], content[3:]
        named = "utf-8-sig"
    elif content[:2] in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}:
        candidates, named = ["utf-16"], "utf-16"
    else:
        candidates, named = ["utf-8", "gb18030"], ""
    for encoding in candidates:
        decoder = codecs.getincrementaldecoder(encoding)(errors="strict")
        try:
            text = decoder.decode(content)
        except UnicodeDecodeError:
            continue
        cut = REPLACEMENT if decoder.getstate()[0] else ""
        return text + cut, named or encoding
    raise DeliveryError("文字既不是UTF-8也不是GB18030编码，无法读出；请另存为UTF-8格式的CSV后重新报送")


def _text(content: bytes, literal: bool) -> Reading:
    text, encoding = decode(content)
    if "\x00" in text:
        raise DeliveryError("文件不是文本、Excel工作簿或Parquet，无法读出；请导出为CSV或xlsx后重新报送")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    used = [d for d in DELIMITERS if d in text[:HEAD_CHARACTERS]] or [","]
    return Reading("text", encoding, tuple(_text_grid(text, delimiter, literal) for delimiter in used))


def _text_grid(text: str, delimiter: str, literal: bool) -> Grid:
    quoted = '"' in text and not literal
    quoting = csv.QUOTE_NONE if literal else csv.QUOTE_MINIMAL
    head = list(islice(_quoted_records(text[:HEAD_CHARACTERS], delimiter, quoting=quoting), HEAD_RECORDS))

    def records() -> int:
        return sum(1 for _ in _quoted_records(text, delimiter)) if quoted else _lines(text).len()

    def body(skip: int, width: int) -> pl.DataFrame:
        return _quoted_body(text, delimiter, skip, width) if quoted else _plain_body(text, delimiter, skip, width)

    return Grid("text", None, head, records, body, delimiter)


def _lines(text: str) -> pl.Series:
    return pl.Series([text.removesuffix("\n")], dtype=pl.String).str.split("\n").explode()


def _plain_body(text: str, delimiter: str, skip: int, width: int) -> pl.DataFrame:
    """Records of a text without quotation marks, split column by column."""
    rest = pl.col(f"field_{width}").fill_null("").str.strip_chars(BLANK + delimiter) != ""
    lacks = pl.col(f"field_{width - 1}").is_null()
    whole = pl.lit(value=True) if text.endswith("\n") else pl.col("line_no") < pl.col("line_no").max()
    cut = pl.col("_line").str.contains(REPLACEMENT, literal=True) if REPLACEMENT in text else pl.lit(False)
    return (
        pl.DataFrame({"_line": _lines(text)})
        .with_row_index("line_no", offset=1)
        .slice(skip)
        .with_columns(pl.col("_line").str.splitn(delimiter, width + 1).alias("_cells"))
        .unnest("_cells")
        .select(
            *(pl.col(f"field_{i}").alias(f"c{i}") for i in range(width)),
            pl.col("line_no").cast(pl.Int64),
            (lacks | rest | cut).alias("misshapen"),
            (lacks & whole & ~cut).alias("short"),
        )
    )


def _quoted_records(text: str, delimiter: str, *, strict: bool = False, quoting: Any = csv.QUOTE_MINIMAL) -> Any:
    """Line number and cells of each record, quotation marks honoured; ``strict`` refuses those in odd places."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=strict, quoting=quoting)
    line = 1
    try:
        for record in reader:
            yield line, record
            line = reader.line_num + 1
    except csv.Error as error:
        raise DeliveryError(f"第{line}行起的引号没有成对，无法分列；请检查该行后重新报送") from error


def _quoted_body(text: str, delimiter: str, skip: int, width: int) -> pl.DataFrame:
    pairs, stray = _pairs(text, delimiter)
    if pairs and text.count('"') % 2 and any("\n" in cell.removesuffix("\n") for cell in pairs[-1][1]):
        raise DeliveryError(f"第{pairs[-1][0]}行起的引号没有成对，无法分列；请检查该行后重新报送")
    unclosed = len(pairs) - 1 if text.count('"') % 2 else -1
    unended = -1 if text.endswith("\n") else len(pairs) - 1
    numbers = [number for number, _ in pairs[skip:]]
    rows = [cells for _, cells in pairs[skip:]]
    columns: dict[str, Any] = {
        f"c{i}": pl.Series([row[i] if len(row) > i else None for row in rows], dtype=pl.String) for i in range(width)
    }
    lacks = [len(row) < width for row in rows]
    broken = [
        (len(row) > width and any(cell.strip() for cell in row[width:]))
        or place == unclosed
        or number in stray
        or any(REPLACEMENT in cell for cell in row)
        for place, (number, row) in enumerate(pairs[skip:], start=skip)
    ]
    columns["line_no"] = pl.Series(numbers, dtype=pl.Int64)
    columns["misshapen"] = pl.Series([a or b for a, b in zip(lacks, broken, strict=True)], dtype=pl.Boolean)
    short = [a and not b and n != unended for n, (a, b) in enumerate(zip(lacks, broken, strict=True), start=skip)]
    columns["short"] = pl.Series(short, dtype=pl.Boolean)
    return pl.DataFrame(columns)


def _pairs(text: str, delimiter: str) -> tuple[list[tuple[int, list[str]]], set[int]]:
    """Records with their line numbers, and those lines where more stands behind a closing quotation mark."""
    try:
        return list(_quoted_records(text, delimiter, strict=True)), set()
    except DeliveryError:
        pairs = list(_quoted_records(text, delimiter))
    lines = text.split("\n")
    ends = [number for number, _ in pairs[1:]] + [len(lines) + 1]
    stray = set()
    for (number, _), end in zip(pairs, ends, strict=True):
        source = "\n".join(lines[number - 1 : end - 1])
        if '"' in source:
            try:
                list(_quoted_records(source, delimiter, strict=True))
            except DeliveryError:
                stray.add(number)
    return pairs, stray


def _workbook(content: bytes, *, is_zip: bool) -> Reading:
    shown = percents(content) if is_zip else None
    sheets, cells = [], 0
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        for name in book.sheet_names:
            sheet = book.get_sheet_by_name(name)
            cells += sheet.total_height * sheet.total_width
            if cells > MAXIMUM_CELLS:
                raise DeliveryError("工作簿的内容超出可读取的范围；请拆分后报送")
            sheets.append((name, sheet.to_python(skip_empty_area=False)))
    except (CalamineError, OSError, ValueError) as error:
        raise DeliveryError("工作簿打不开，可能传输中断、损坏或加了密码；请重新导出并去掉密码后报送") from error
    told = {name: shown.get(name, frozenset()) for name, _ in sheets} if shown is not None else {}
    return Reading("workbook", None, tuple(_sheet_grid(name, rows, told.get(name)) for name, rows in sheets))


def _sheet_grid(name: str, rows: Sequence[list[Any]], percent: Set[tuple[int, int]] | None) -> Grid:
    for row_no, column_no in percent or ():
        rows[row_no][column_no] = _percent(rows[row_no][column_no])

    def body(skip: int, width: int) -> pl.DataFrame:
        below = rows[skip:]
        columns: dict[str, Any] = {
            f"c{i}": pl.Series([_cell(row[i]) if len(row) > i else "" for row in below], dtype=pl.String)
            for i in range(width)
        }
        columns["line_no"] = pl.Series(range(skip + 1, len(rows) + 1), dtype=pl.Int64)
        return pl.DataFrame(columns).with_columns(misshapen=pl.lit(False), short=pl.lit(False))

    head = [(number, [_cell(c) for c in row]) for number, row in enumerate(rows[:HEAD_RECORDS], start=1)]
    return Grid("workbook", name, head, lambda: len(rows), body, shows_percent=percent is not None)


def _percent(value: Any) -> Any:
    """A number that is shown as percent, written as it is shown; with the digits that a workbook keeps."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return f"{(Decimal(format(value, '.15g')) * 100).normalize():f}%"


def _cell(value: Any) -> str:
    """A workbook cell as text: whole numbers without a point, dates in ISO form.

    A number beyond the 15 digits that a workbook keeps is told with an exponent: its last digits are not known.
    """
    match value:
        case str():
            return value
        case bool():
            return "1" if value else "0"
        case int() | float() if abs(value) >= EXACT:
            return format(value, ".14e")
        case float() if value.is_integer():
            return str(int(value))
        case datetime() if value.time() == time():
            return value.date().isoformat()
        case datetime():
            return value.isoformat(sep=" ")
        case date():
            return value.isoformat()
    return str(value)


def _parquet(content: bytes) -> Reading:
    try:
        frame = pl.read_parquet(io.BytesIO(content))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DeliveryError("Parquet文件损坏，可能传输中断；请重新导出后报送") from error
    plain = [name for name, kind in frame.schema.items() if not kind.is_nested() and kind != pl.Binary()]

    def body(_skip: int, width: int) -> pl.DataFrame:
        cells = [_as_text(frame[name]).alias(f"c{i}") for i, name in enumerate(plain[:width])]
        numbers = pl.Series("line_no", range(1, frame.height + 1), dtype=pl.Int64)
        return pl.DataFrame([*cells, numbers]).with_columns(misshapen=pl.lit(False), short=pl.lit(False))

    return Reading("parquet", None, (Grid("parquet", None, [(0, plain)], lambda: frame.height, body),))


def _as_text(column: pl.Series) -> pl.Series:
    if column.dtype.is_float():
        column = column.fill_nan(None)
    return column.cast(pl.String).fill_null("")
