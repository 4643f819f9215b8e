"""Workbooks with the habits of offices: merged titles, notes above the header, two header rows, totals at the foot.

Times inside the file are fixed, so that the same rows give the same bytes. Codes are written as text.
"""

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

import polars as pl
import xlsxwriter

FIXED = datetime.fromisoformat("2020-01-01")


def write_workbook(
    path: Path,
    frame: pl.DataFrame,
    *,
    title: str,
    notes: Sequence[str] = (),
    groups: Sequence[tuple[str, int]] = (),
    total: Sequence[object] | None = None,
) -> None:
    """Write ``frame`` to ``path``: title, notes, group headers (words, columns covered), header, rows, total."""
    with xlsxwriter.Workbook(path, {"constant_memory": True, "strings_to_numbers": False}) as book:
        book.set_properties({"title": title, "created": FIXED})
        sheet = book.add_worksheet("Sheet1")
        bold = book.add_format({"bold": True, "align": "center"})
        width = frame.width
        row = _merged(sheet, 0, [(title, width)], bold)
        for note in notes:
            sheet.write_string(row, 0, note)
            row += 1
        row = _merged(sheet, row, groups, bold) if groups else row
        for place, header in enumerate(frame.columns):
            sheet.write_string(row, place, header, bold)
        for values in frame.iter_rows():
            row += 1
            _row(sheet, row, values)
        if total is not None:
            _row(sheet, row + 1, total)


def header_row(notes: Sequence[str], groups: Sequence[tuple[str, int]]) -> int:
    """Row of the sheet, counted from 1, on which the header stands."""
    return 2 + len(notes) + bool(groups)


def _merged(sheet: xlsxwriter.worksheet.Worksheet, row: int, cells: Sequence[tuple[str, int]], look: object) -> int:
    place = 0
    for words, width in cells:
        if width > 1:
            sheet.merge_range(row, place, row, place + width - 1, words, look)
        else:
            sheet.write_string(row, place, words, look)
        place += width
    return row + 1


def _row(sheet: xlsxwriter.worksheet.Worksheet, row: int, values: Sequence[object]) -> None:
    for place, value in enumerate(values):
        if value is None:
            continue
        if isinstance(value, int | float):
            sheet.write_number(row, place, value)
        else:
            sheet.write_string(row, place, value.isoformat() if isinstance(value, date) else str(value))
