"""Workbooks of the old binary kind (.xls), read in a process of its own, whose memory and time are bounded.

Nothing in such a file tells how far it reaches before it is read, and a broken one can make the reader ask for any
amount of memory, which ends a process without a word. This file is also what that process runs, so it imports nothing
but the reader. Cells come as text, as a careful clerk would read them.
"""

import io
import json
import resource
import subprocess
import sys
from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Any

from python_calamine import CalamineWorkbook

MAXIMUM_MEMORY = 3 * 2**30
MAXIMUM_SECONDS = 300
EXACT = 1e15
Sheets = list[tuple[str, list[list[str]]]]


class UnreadableError(Exception):
    """The reader gave up, ran out of its memory or time, or died."""


def sheets(content: bytes, *, maximum_cells: int) -> Sheets:
    """Name and rows of every sheet; raises ``UnreadableError``."""
    command = [sys.executable, "-I", __file__, str(maximum_cells)]
    try:
        done = subprocess.run(  # noqa: S603  ourselves
            command, input=content, capture_output=True, timeout=MAXIMUM_SECONDS, check=True
        )
    except subprocess.SubprocessError as error:
        raise UnreadableError(type(error).__name__) from error
    return [(name, rows) for name, rows in json.loads(done.stdout)]


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


def _read(content: bytes, maximum_cells: int) -> Sheets:
    found: Sheets = []
    cells = 0
    book = CalamineWorkbook.from_filelike(io.BytesIO(content))
    for name in book.sheet_names:
        sheet = book.get_sheet_by_name(name)
        cells += sheet.total_height * sheet.total_width
        if cells > maximum_cells:
            raise MemoryError
        found.append((name, [[cell(value) for value in row] for row in sheet.to_python(skip_empty_area=False)]))
    return found


def main(arguments: Sequence[str]) -> None:
    """Read a workbook from standard input, write its sheets as JSON."""
    resource.setrlimit(resource.RLIMIT_AS, (MAXIMUM_MEMORY, MAXIMUM_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    json.dump(_read(sys.stdin.buffer.read(), int(arguments[1])), sys.stdout)


if __name__ == "__main__":
    main(sys.argv)
