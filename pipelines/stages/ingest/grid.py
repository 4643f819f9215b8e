"""Bytes of a delivered file → grids of text cells with line numbers, whatever the file calls itself.

The kind of a file is told by its first bytes, since departments name tab-separated text ``.xls``. Nothing here knows a
contract, guesses a type or repairs a cell: what cannot be read whole is refused with a Chinese sentence.
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain, islice
from typing import Any, Literal

import polars as pl
from python_calamine import CalamineError, CalamineWorkbook

from pipelines.errors import DeliveryError
from pipelines.stages.ingest import bounded, columnar, old_workbook, plain
from pipelines.stages.ingest.archive import MAXIMUM_CELLS, percents, unpacked
from pipelines.stages.ingest.encoding import REPLACEMENT, utf8
from pipelines.stages.ingest.readers.old_workbook import cell, extent

HEAD_RECORDS = 31
HEAD_CHARACTERS = 200_000
DELIMITERS = (",", "\t", ";", "|")
NESTED_ARCHIVES = 2
NOTHING = b"\x00\t\n\r ,;|"
AFTER_THE_END = "\x03"
MAXIMUM_COLUMNS = 2000
"""Fifteen measures of ten years of months, spread over columns, are fewer."""
MAXIMUM_PLAIN_CELLS = 100_000_000
"""Thirty-six months of a city, or one of a province: about four gigabytes while they are read."""
UNREADABLE = (ValueError, ArithmeticError, LookupError, RecursionError, pl.exceptions.PolarsError)
MAXIMUM_GAP = 1000
"""Blank rows before more content in an .xls, which has no checksum: what lies beyond is a cell that lost its place."""
CLOSED_BOOK = "工作簿打不开，可能传输中断、损坏或加了密码；请重新导出并去掉密码后报送"
PANIC = "PanicException"
BROKEN = "文件内容读取出错（{}）；请重新导出后报送"

Kind = Literal["text", "workbook", "parquet"]


class UnreadError(DeliveryError):
    """No grid was found in a file at all: reading it once more would find none either."""


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
    """The grids in ``content``; raises ``UnreadError`` with a Chinese sentence where there is nothing to read.

    ``depth`` counts the archives that it was taken out of. ``literal`` takes quotation marks as any other character.
    """
    try:
        with refusing():
            reading = _read(content, depth, literal=literal)
    except DeliveryError as error:
        raise UnreadError(str(error)) from error
    if any(len(cells) > MAXIMUM_COLUMNS for grid in reading.grids for _, cells in grid.head):
        raise UnreadError(f"前30行里有一行超过{MAXIMUM_COLUMNS}列，不是可读取的表格；请检查分隔符和换行后重新导出报送")
    return reading


def _trimmed(cells: list[str]) -> list[str]:
    """A record without the blank cells at its end."""
    return cells[: max((place for place, cell in enumerate(cells, start=1) if cell.strip()), default=0)]


@contextmanager
def refusing() -> Iterator[None]:
    """Make a refusal of whatever a reader stumbles over; a panic of native code is no ``Exception``."""
    try:
        yield
    except MemoryError as error:
        raise DeliveryError("读取文件所需的内存超出限度，文件可能损坏或过大；请重新导出或拆分后报送") from error
    except UNREADABLE as error:
        raise DeliveryError(BROKEN.format(type(error).__name__)) from error
    except BaseException as error:
        if type(error).__name__ != PANIC:
            raise
        raise DeliveryError(BROKEN.format(PANIC)) from error


def _read(content: bytes, depth: int, *, literal: bool) -> Reading:
    _refuse_empty(content)
    if content[:4] == b"PAR1":
        return _parquet(content)
    if content[:4] == b"\xd0\xcf\x11\xe0":
        return _old_workbook(content)
    if content[:2] == b"PK":
        if depth == NESTED_ARCHIVES:
            raise DeliveryError("压缩包套了太多层；请解开后报送")
        inner = unpacked(content)
        return _workbook(content) if inner is None else read(inner, depth=depth + 1, literal=literal)
    return _text(content, literal=literal)


def _refuse_empty(content: bytes) -> None:
    if not (content[:HEAD_CHARACTERS].strip(NOTHING) or content.strip(NOTHING)):
        raise DeliveryError("文件是空的；请核对导出结果后重新报送")


def decode(content: bytes) -> tuple[str, str]:
    """Text and encoding; a character cut off at the end becomes U+FFFD, any other fault refuses the file."""
    text, encoding = utf8(content)
    return text.decode(), encoding


def _text(content: bytes, *, literal: bool) -> Reading:
    text, encoding = utf8(content)
    _refuse_empty(text)
    if b"\x00" in text:
        raise DeliveryError("文件不是文本、Excel工作簿或Parquet，无法读出；请导出为CSV或xlsx后重新报送")
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    head = text[: 4 * HEAD_CHARACTERS].decode(errors="ignore")[:HEAD_CHARACTERS]
    used = [d for d in DELIMITERS if d in head] or [","]
    return Reading("text", encoding, tuple(_text_grid(text, head, delimiter, literal=literal) for delimiter in used))


def _text_grid(text: bytes, start: str, delimiter: str, *, literal: bool) -> Grid:
    quoted = b'"' in text and not literal
    quoting = csv.QUOTE_NONE if literal else csv.QUOTE_MINIMAL
    records_of_start = _quoted_records(io.StringIO(start, newline=""), delimiter, quoting=quoting)
    head = [(number, _trimmed(cells)) for number, cells in islice(records_of_start, HEAD_RECORDS)]

    def records() -> int:
        return sum(1 for _ in _quoted_records(_opened(text), delimiter)) if quoted else plain.line_count(text)

    def body(skip: int, width: int) -> pl.DataFrame:
        cells = plain.line_count(text) * width
        read = plain.body(text, delimiter, skip, width, is_quoted=quoted) if cells <= MAXIMUM_PLAIN_CELLS else None
        if read is None and cells > MAXIMUM_CELLS:
            raise DeliveryError("文件的行列太多，超出可读取的范围；请按月份或县区拆分后报送")
        return _quoted_body(text, delimiter, skip, width) if read is None else read

    return Grid("text", None, head, records, body, delimiter)


def _opened(text: bytes) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(text), encoding="utf-8", newline="")


def _quoted_records(
    text: Iterable[str], delimiter: str, *, strict: bool = False, quoting: Any = csv.QUOTE_MINIMAL
) -> Any:
    """Line number and cells of each record, quotation marks honoured; ``strict`` refuses those in odd places."""
    reader = csv.reader(text, delimiter=delimiter, strict=strict, quoting=quoting)
    line = 1
    try:
        for record in reader:
            yield line, record
            line = reader.line_num + 1
    except csv.Error as error:
        raise DeliveryError(
            f"第{line}行起的引号没有成对，或有一格超过13万字，无法分列；请检查该行后重新报送"
        ) from error


def _quoted_body(text: bytes, delimiter: str, skip: int, width: int) -> pl.DataFrame:
    pairs, stray, unclosed = _pairs(text, delimiter)
    unended = -1 if text.endswith(b"\n") else len(pairs) - 1
    rows = [cells for _, cells in pairs[skip:]]
    columns: dict[str, Any] = {
        f"c{i}": pl.Series([row[i] if len(row) > i else None for row in rows], dtype=pl.String) for i in range(width)
    }
    lacks = [len(row) < width for row in rows]
    broken = [
        (len(row) > width and any(cell.strip(plain.BLANK) for cell in row[width:]))
        or place == unclosed
        or number in stray
        or any(REPLACEMENT in cell for cell in row)
        for place, (number, row) in enumerate(pairs[skip:], start=skip)
    ]
    short = [a and not b and n != unended for n, (a, b) in enumerate(zip(lacks, broken, strict=True), start=skip)]
    columns["line_no"] = pl.Series([number for number, _ in pairs[skip:]], dtype=pl.Int64)
    columns["misshapen"] = pl.Series([a or b for a, b in zip(lacks, broken, strict=True)], dtype=pl.Boolean)
    columns["short"] = pl.Series(short, dtype=pl.Boolean)
    return pl.DataFrame(columns)


def _pairs(text: bytes, delimiter: str) -> tuple[list[tuple[int, list[str]]], set[int], int]:
    """Records with their line numbers, the lines with more behind a closing quotation mark, the place of one unclosed.

    Raises ``DeliveryError`` where the unclosed one swallows lines; −1 where none is unclosed.
    """
    try:
        return list(_quoted_records(_opened(text), delimiter, strict=True)), set(), -1
    except DeliveryError:
        pairs = list(_quoted_records(chain(_opened(text), [AFTER_THE_END]), delimiter))
    unclosed = -1
    if pairs[-1][1] == [AFTER_THE_END]:
        pairs.pop()
    else:
        unclosed = len(pairs) - 1
        line, cells = pairs[-1]
        cells[-1] = cells[-1].removesuffix(AFTER_THE_END)
        if any("\n" in cell.removesuffix("\n") for cell in cells):
            raise DeliveryError(f"第{line}行起的引号没有成对，无法分列；请检查该行后重新报送")
    lines = text.decode().split("\n")
    ends = [number for number, _ in pairs[1:]] + [len(lines) + 1]
    stray = set()
    for (number, _), end in zip(pairs, ends, strict=True):
        source = "\n".join(lines[number - 1 : end - 1])
        if '"' in source:
            try:
                list(_quoted_records(io.StringIO(source, newline=""), delimiter, strict=True))
            except DeliveryError:
                stray.add(number)
    return pairs, stray, unclosed


def _workbook(content: bytes) -> Reading:
    shown = percents(content)
    sheets, cells = [], 0
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        for name in book.sheet_names:
            sheet = book.get_sheet_by_name(name)
            cells += extent(sheet)
            if cells > MAXIMUM_CELLS:
                raise DeliveryError("工作簿的内容超出可读取的范围；请拆分后报送")
            sheets.append((name, sheet.to_python(skip_empty_area=False)))
    except (CalamineError, OSError, ValueError) as error:
        raise DeliveryError(CLOSED_BOOK) from error
    told = {name: shown.get(name, frozenset()) for name, _ in sheets} if shown is not None else {}
    return Reading("workbook", None, tuple(_sheet_grid(name, rows, told.get(name)) for name, rows in sheets))


def _old_workbook(content: bytes) -> Reading:
    try:
        sheets = old_workbook.sheets(content, maximum_cells=MAXIMUM_CELLS)
    except bounded.UnreadableError as error:
        raise DeliveryError(CLOSED_BOOK) from error
    for _, rows in sheets:
        _refuse_gap(rows)
    return Reading("workbook", None, tuple(_sheet_grid(name, rows, None) for name, rows in sheets))


def _refuse_gap(rows: Sequence[Sequence[str]]) -> None:
    above = 0
    for number, row in enumerate(rows, start=1):
        if any(row):
            if above and number - above > MAXIMUM_GAP:
                raise DeliveryError(
                    f"工作簿第{above}行以下空了{number - above - 1}行又有内容，可能损坏；请删去多余内容后另存为xlsx报送"
                )
            above = number


def _sheet_grid(name: str, rows: Sequence[list[Any]], percent: Set[tuple[int, int]] | None) -> Grid:
    for row_no, column_no in percent or ():
        rows[row_no][column_no] = _percent(rows[row_no][column_no])

    def body(skip: int, width: int) -> pl.DataFrame:
        below = rows[skip:]
        columns: dict[str, Any] = {
            f"c{i}": pl.Series([cell(row[i]) if len(row) > i else "" for row in below], dtype=pl.String)
            for i in range(width)
        }
        columns["line_no"] = pl.Series(range(skip + 1, len(rows) + 1), dtype=pl.Int64)
        return pl.DataFrame(columns).with_columns(misshapen=pl.lit(False), short=pl.lit(False))

    head = [(number, _trimmed([cell(c) for c in row])) for number, row in enumerate(rows[:HEAD_RECORDS], start=1)]
    return Grid("workbook", name, head, lambda: len(rows), body, shows_percent=percent is not None)


def _percent(value: Any) -> Any:
    """A number that is shown as percent, written as it is shown; with the digits that a workbook keeps."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return f"{(Decimal(format(value, '.15g')) * 100).normalize():f}%"


def _parquet(content: bytes) -> Reading:
    frame = columnar.read(content)
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
