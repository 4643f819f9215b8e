"""Workbooks of the old binary kind (.xls) → their sheets as JSON, every cell as a careful clerk would read it."""

import io
import json
from datetime import date, datetime, time
from typing import Any, BinaryIO

from python_calamine import CalamineSheet, CalamineWorkbook

EXACT = 1e15
Sheets = list[tuple[str, list[list[str]]]]


def read(content: bytes, told: BinaryIO, maximum_cells: str) -> None:
    """Write name and rows of every sheet; raises ``MemoryError`` where all together reach over too many cells."""
    told.write(json.dumps(_sheets(content, int(maximum_cells))).encode())


def cell(value: Any) -> str:
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


def extent(sheet: CalamineSheet) -> int:
    """Cells from the first one of a sheet to its last one; its total height and width are places, one less."""
    return (sheet.end[0] + 1) * (sheet.end[1] + 1) if sheet.end else 0


def _sheets(content: bytes, maximum_cells: int) -> Sheets:
    found: Sheets = []
    cells = 0
    book = CalamineWorkbook.from_filelike(io.BytesIO(content))
    for name in book.sheet_names:
        sheet = book.get_sheet_by_name(name)
        cells += extent(sheet)
        if cells > maximum_cells:
            raise MemoryError
        found.append((name, [[cell(value) for value in row] for row in sheet.to_python(skip_empty_area=False)]))
    return found
