"""Deliveries to be mutated: the table of a generated file of every feed, and how each container writes it.

A table is a list of rows of text, with whatever stands above and below the header; a container turns it into the bytes
of a file. What cannot be written (a surrogate in Parquet) is left out by its container, never guessed.
"""

import csv
import io
import re
import struct
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl
import xlsxwriter
from python_calamine import CalamineWorkbook

from pipelines.contracts import Contracts

Table = list[list[str]]
LONGEST = 40
SECTOR = 512
SMALLEST_STREAM = 4096
LIST_BYTES = 8000
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,9})(\.[0-9]{0,3}[1-9])?")


@dataclass(frozen=True)
class Specimen:
    """The table of one feed (``header`` is the place of its header row) in one container."""

    feed: str
    container: str
    table: Table
    header: int

    @property
    def name(self) -> str:
        """What the file is called."""
        return f"{self.feed}{SUFFIXES[self.container]}"

    def written(self, table: Table | None = None) -> bytes:
        """The file, of this table or of another one."""
        return CONTAINERS[self.container](self.table if table is None else table, self.header)


def specimens(city: Path, contracts: Contracts) -> list[Specimen]:
    """One table of each feed of a generated city, in every container."""
    found = []
    for feed in sorted(contracts.feeds):
        table, header = _table_of(city / "inbox" / feed, set(contracts.feeds[feed].columns), contracts, feed)
        found += [Specimen(feed, container, table, header) for container in CONTAINERS]
    return found


def _table_of(folder: Path, columns: set[str], contracts: Contracts, feed: str) -> tuple[Table, int]:
    """The first file of ``folder`` with some rows, shortened, and where its header stands."""
    words = {word for name in columns for word in contracts.feeds[feed].columns[name].header}
    tables = [_read(path) for path in sorted(folder.iterdir())]
    table = next((t for t in tables if len(t) > 12), max(tables, key=len))
    said = [sum(re.sub(r"[(（].*", "", cell) in words for cell in row) for row in table[:10]]
    header = said.index(max(said))
    return table[: header + LONGEST] + table[header + LONGEST :][-1:], header


def _read(path: Path) -> Table:
    if path.suffix == ".xlsx":
        sheet = CalamineWorkbook.from_path(path).get_sheet_by_index(0)
        return [[_said(cell) for cell in row] for row in sheet.to_python(skip_empty_area=False)]
    content = path.read_bytes()
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return list(csv.reader(io.StringIO(content.decode(encoding), newline="")))
        except UnicodeDecodeError:
            continue
    raise AssertionError(path)


def _said(cell: object) -> str:
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def delimited(table: Sequence[Sequence[str]], delimiter: str = ",", end: str = "\r\n") -> str:
    """A table as delimited text, quoted where it must be."""
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator=end).writerows(table)
    return out.getvalue()


def _text(encoding: str, delimiter: str = ",") -> Callable[[Table, int], bytes]:
    return lambda table, _header: delimited(table, delimiter).encode(encoding, "replace")


def as_workbook(table: Table, _header: int = 0) -> bytes:
    """An .xlsx in which plain numbers are numbers."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False}) as book:
        book.set_properties({"created": datetime(2020, 1, 1)})
        sheet = book.add_worksheet("Sheet1")
        for place, row in enumerate(table):
            for column, cell in enumerate(row):
                if _NUMBER.fullmatch(cell):
                    sheet.write_number(place, column, float(cell))
                elif cell:
                    sheet.write_string(place, column, cell[:32_000])
    return out.getvalue()


def as_parquet(table: Table, header: int = 0) -> bytes:
    """A Parquet file of text columns; what stands above the header has no place in it."""
    names, rows = table[header], table[header + 1 :]
    frame = pl.DataFrame(
        {name: [row[place] if place < len(row) else None for row in rows] for place, name in enumerate(names)},
        schema=dict.fromkeys(names, pl.String),
    )
    out = io.BytesIO()
    frame.write_parquet(out, compression="snappy", row_group_size=16)
    return out.getvalue()


def packed(members: Mapping[str, bytes]) -> bytes:
    """A zip archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def as_old_workbook(table: Table, _header: int = 0) -> bytes:
    """An .xls: numbers, listed strings and, where the list is full, texts of one sheet in BIFF8, in a compound file."""
    listed: dict[str, int] = {}
    strings = b""
    sheet = _record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0010, 0, 0, 0, 6))
    for place, row in enumerate(table):
        for column, cell in enumerate(row):
            text = cell[:2000].encode("utf-16-le", "replace")
            said = struct.pack("<HB", len(text) // 2, 1) + text
            if _NUMBER.fullmatch(cell):
                sheet += _record(0x0203, struct.pack("<HHHd", place, column, 0, float(cell)))
            elif cell in listed or len(strings) + len(said) < LIST_BYTES:
                strings += b"" if cell in listed else said
                number = listed.setdefault(cell, len(listed))
                sheet += _record(0x00FD, struct.pack("<HHHI", place, column, 0, number)) if cell else b""
            elif cell:
                sheet += _record(0x0204, struct.pack("<HHH", place, column, 0) + said)
    sheet += _record(0x000A, b"")
    strings = _record(0x00FC, struct.pack("<II", len(listed), len(listed)) + strings)
    start = _record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0005, 0, 0, 0, 6))
    bound = struct.pack("<IBBBB", len(start) + 18 + len(strings) + 4, 0, 0, 6, 0) + b"Sheet1"
    return _compound(start + _record(0x0085, bound) + strings + _record(0x000A, b"") + sheet)


def _record(kind: int, body: bytes) -> bytes:
    return struct.pack("<HH", kind, len(body)) + body


def _compound(stream: bytes) -> bytes:
    """A compound file that holds one stream, ``Workbook``."""
    stream = stream.ljust(SMALLEST_STREAM, b"\0")
    stream += bytes(-len(stream) % SECTOR)
    sectors = len(stream) // SECTOR
    tables = 1
    while tables * (SECTOR // 4) < tables + 1 + sectors:
        tables += 1
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    head += struct.pack("<IIIIIIIII", 0, tables, tables, 0, SMALLEST_STREAM, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0)
    head += struct.pack("<109I", *range(tables), *[0xFFFFFFFF] * (109 - tables))
    chain = [0xFFFFFFFD] * tables + [0xFFFFFFFE]
    first = len(chain)
    chain += [*range(first + 1, first + sectors), 0xFFFFFFFE]
    chain += [0xFFFFFFFF] * (tables * (SECTOR // 4) - len(chain))
    entries = _entry("Root Entry", 5, child=1, start=0xFFFFFFFE, size=0)
    entries += _entry("Workbook", 2, child=0xFFFFFFFF, start=first, size=len(stream))
    return head + struct.pack(f"<{len(chain)}I", *chain) + entries.ljust(SECTOR, b"\0") + stream


def _entry(name: str, kind: int, *, child: int, start: int, size: int) -> bytes:
    text = name.encode("utf-16-le") + b"\0\0"
    body = text.ljust(64, b"\0") + struct.pack("<HBBIII", len(text), kind, 1, 0xFFFFFFFF, 0xFFFFFFFF, child)
    return body + bytes(36) + struct.pack("<IQ", start, size)


CONTAINERS: Mapping[str, Callable[[Table, int], bytes]] = {
    "csv-utf8": _text("utf-8"),
    "csv-gb18030": _text("gb18030"),
    "csv-bom": _text("utf-8-sig"),
    "csv-utf16": _text("utf-16"),
    "tsv": _text("utf-8", "\t"),
    "xlsx": as_workbook,
    "xls": as_old_workbook,
    "parquet": as_parquet,
    "zip": lambda table, header: packed({"数据.csv": _text("gb18030")(table, header)}),
}
SUFFIXES = {
    "csv-utf8": ".csv",
    "csv-gb18030": ".csv",
    "csv-bom": ".csv",
    "csv-utf16": ".csv",
    "tsv": ".tsv",
    "xlsx": ".xlsx",
    "xls": ".xls",
    "parquet": ".parquet",
    "zip": ".zip",
}
TEXTS = ("csv-utf8", "csv-gb18030", "csv-bom", "csv-utf16", "tsv")
ARCHIVES = ("xlsx", "zip")
