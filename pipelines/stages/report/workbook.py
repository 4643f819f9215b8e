"""Workbooks whose bytes depend on their content alone: the creation date is the cutoff, nothing asks the clock.

Nothing typed by an enterprise or a department can become a formula or a link. This module knows layout, not subjects.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal
from unicodedata import east_asian_width

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from pipelines import formats
from pipelines.run import atomic_file

FONT = "微软雅黑"
NUMBERS = {
    "count": '#,##0;"−"#,##0;0',
    "signed": '+#,##0;"−"#,##0;0',
    "percent": '0.0%;"−"0.0%;0.0%',
    "signed_percent": '+0.0%;"−"0.0%;0.0%',
}
FILLS = {"红": ("C00000", "FFFFFF"), "橙": ("ED7D31", "FFFFFF"), "黄": ("FFD54F", "000000"), "蓝": ("4A86C8", "FFFFFF")}
LINE_HEIGHT = 14.0
HEADER_HEIGHT, MOST_HEIGHT = 32.0, 409.0
"""Points: the least of a header, and the most that a row may have in any program."""
TAKES: dict[str, tuple[dict[str, Any], str]] = {
    "date": (
        {"validate": "date", "minimum": date(2000, 1, 1), "maximum": date(2099, 12, 31)},
        "请填日期，如2026-11-20",
    ),
    "whole": ({"validate": "integer", "minimum": -500_000, "maximum": 500_000}, "请填整数"),
    "decimal": ({"validate": "decimal", "minimum": -(10**10), "maximum": 10**10}, "请填数字"),
}
"""What a cell to be filled in accepts, and the sentence for whoever types something else."""
INK, RULE, SHADE = "1F3864", "BFBFBF", "DCE6F1"

Style = Literal["text", "wrap", "centre", "count", "signed", "percent", "signed_percent", "colour"]


@dataclass(frozen=True)
class Column:
    """One column: its header, width in characters, how a value is shown, and where it comes from in a row.

    ``choices`` are what a person may fill in: the cells offer them and take nothing else. A column that ``takes``
    something is to be filled in, and stays open where the sheet is a form.
    """

    header: str
    width: int
    style: Style
    value: Callable[[dict[str, Any]], Any]
    choices: Sequence[str] = ()
    takes: Literal["", "choice", "text", "date", "whole", "decimal"] = ""
    hint: str = ""


@dataclass(frozen=True)
class Block:
    """A table inside a sheet; ``empty`` is the sentence that stands where there are no rows."""

    columns: Sequence[Column]
    rows: Sequence[dict[str, Any]]
    empty: str
    heading: str = ""


@dataclass(frozen=True)
class Sheet:
    """A sheet: title, lines under it, one or more tables; the first ``printed`` columns go to paper, all if 0.

    Of a form everything is locked but the columns that take something.
    """

    name: str
    title: str
    lines: Sequence[str]
    blocks: Sequence[Block]
    frozen: int = 0
    printed: int = 0
    tab: str = ""
    landscape: bool = True
    is_form: bool = False


@dataclass(frozen=True)
class Binding:
    """What every sheet of a workbook carries: title of the file, header and footer, date."""

    title: str
    header: str
    footer: str
    created: datetime
    author: str
    keywords: str = field(default="")


def write(path: Path, sheets: Sequence[Sheet], binding: Binding) -> None:
    """Write ``sheets`` to ``path``, whole or not at all."""
    with atomic_file(path) as temporary:
        options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        book = xlsxwriter.Workbook(str(temporary), options)
        book.set_properties(
            {
                "title": binding.title,
                "author": binding.author,
                "comments": binding.header,
                "keywords": binding.keywords,
                "created": binding.created,
            }
        )
        look = _Look(book)
        for sheet in sheets:
            _write_sheet(book.add_worksheet(sheet.name), sheet, binding, look)
        book.close()


class _Look:
    """The cell formats of one workbook, each made once."""

    def __init__(self, book: xlsxwriter.Workbook) -> None:
        base = {"font_name": FONT, "font_size": 10, "valign": "vcenter"}
        cell = base | {"border": 1, "border_color": RULE}
        self.title = book.add_format(base | {"bold": True, "font_size": 16, "font_color": INK})
        self.line = book.add_format(base | {"font_color": "595959"})
        self.heading = book.add_format(base | {"bold": True, "font_size": 12, "font_color": INK})
        self.header = book.add_format(
            cell | {"bold": True, "bg_color": SHADE, "font_color": INK, "text_wrap": True, "align": "center"}
        )
        self.empty = book.add_format(base | {"italic": True, "font_color": "595959"})
        open_ = cell | {"locked": False, "bg_color": "FFFBE6", "text_wrap": True, "align": "center"}
        self.open = {
            "date": book.add_format(open_ | {"num_format": "yyyy-mm-dd"}),
            "whole": book.add_format(open_ | {"num_format": "0"}),
            "decimal": book.add_format(open_ | {"num_format": "0.##"}),
            "choice": book.add_format(open_),
            "text": book.add_format(open_ | {"num_format": "@"}),
        }
        self.cells: dict[str, Format] = {
            "text": book.add_format(cell),
            "wrap": book.add_format(cell | {"text_wrap": True}),
            "centre": book.add_format(cell | {"align": "center", "text_wrap": True}),
            "right": book.add_format(cell | {"align": "right", "font_color": "7F7F7F", "text_wrap": True}),
        }
        for style, number in NUMBERS.items():
            self.cells[style] = book.add_format(cell | {"num_format": number, "align": "right"})
        for colour, (fill, ink) in FILLS.items():
            tint = {"bg_color": fill, "font_color": ink, "bold": True, "align": "center"}
            self.cells[colour] = book.add_format(cell | tint)

    def of(self, style: Style, value: object) -> Format:
        """The format of one cell; words in a column of numbers are set apart in grey."""
        if style == "colour":
            return self.cells.get(str(value), self.cells["centre"])
        if style in NUMBERS and isinstance(value, str):
            return self.cells["right"]
        return self.cells[style]


def _write_sheet(page: Worksheet, sheet: Sheet, binding: Binding, look: _Look) -> None:
    page.hide_gridlines(2)
    widths: dict[int, int] = {}
    for block in sheet.blocks:
        for place, column in enumerate(block.columns):
            widths[place] = max(widths.get(place, 0), column.width)
    for place, width in widths.items():
        page.set_column(place, place, width)
    page.set_row(0, 28)
    page.write_string(0, 0, sheet.title, look.title)
    for row, line in enumerate(sheet.lines, start=1):
        page.write_string(row, 0, line, look.line)
    row = len(sheet.lines) + 1
    single = len(sheet.blocks) == 1
    if single:
        page.freeze_panes(row + 1, sheet.frozen)
    longest = max(sheet.blocks, key=lambda block: len(block.rows))
    for block in sheet.blocks:
        if block is longest:
            page.repeat_rows(row + bool(block.heading))
        row = _write_block(page, block, row, look=look, filtered=single) + 1
    if sheet.is_form:
        page.protect("", {"format_columns": True, "format_rows": True, "autofilter": True, "sort": True})
    _paper(page, sheet, binding, last_row=row - 1, last_column=len(widths) - 1)


def _write_block(page: Worksheet, block: Block, row: int, *, look: _Look, filtered: bool) -> int:
    if block.heading:
        page.write_string(row, 0, block.heading, look.heading)
        row += 1
    lines = max(_lines(column.header, column.width) for column in block.columns)
    page.set_row(row, max(HEADER_HEIGHT, LINE_HEIGHT * lines + 5))
    for place, column in enumerate(block.columns):
        page.write_string(row, place, column.header, look.header)
    if not block.rows:
        page.write_string(row + 1, 0, block.empty, look.empty)
        return row + 2
    for offset, record in enumerate(block.rows, start=1):
        lines = 1
        for place, column in enumerate(block.columns):
            value = column.value(record)
            if column.takes:
                page.write_blank(row + offset, place, None, look.open[column.takes])
            elif isinstance(value, str):
                page.write_string(row + offset, place, value, look.of(column.style, value))
                lines = max(lines, _lines(value, column.width))
            else:
                page.write_number(row + offset, place, value, look.of(column.style, value))
        page.set_row(row + offset, min(MOST_HEIGHT, LINE_HEIGHT * lines + 5))
    last = row + len(block.rows)
    for place, column in enumerate(block.columns):
        rule = _rule(column)
        if rule:
            page.data_validation(row + 1, place, last, place, rule)
    if filtered:
        page.autofilter(row, 0, last, len(block.columns) - 1)
    return last + 1


def _rule(column: Column) -> dict[str, Any]:
    """What the cells of a column take, and the sentence for whoever types something else."""
    hint = {"input_title": column.header[:32], "input_message": column.hint} if column.hint else {}
    if column.choices:
        return hint | {"validate": "list", "source": list(column.choices), "error_message": "请从下拉选项中选择"}
    criteria, sentence = TAKES.get(column.takes, ({}, ""))
    if criteria:
        return hint | criteria | {"criteria": "between", "error_message": sentence}
    return hint | {"validate": "any"} if hint else {}


def _lines(value: str, width: int) -> int:
    """Lines that ``value`` takes in ``width`` characters; programs do not agree on fitting rows themselves."""
    return sum(max(1, -(-_breadth(part) // (width - 1))) for part in value.split("\n"))


def _breadth(value: str) -> int:
    return sum(2 if east_asian_width(letter) in "WFA" else 1 for letter in value)


def _paper(page: Worksheet, sheet: Sheet, binding: Binding, *, last_row: int, last_column: int) -> None:
    page.set_paper(9)
    if sheet.landscape:
        page.set_landscape()
    page.set_margins(left=0.4, right=0.4, top=0.75, bottom=0.6)
    page.fit_to_pages(1, 0)
    page.print_area(0, 0, last_row, (sheet.printed or last_column + 1) - 1)
    page.set_header(f"&L{binding.title}&R{binding.header}")
    page.set_footer(f"&L{binding.footer}&C{sheet.name}&R第 &P 页 共 &N 页")
    if sheet.tab:
        page.set_tab_color(sheet.tab)


def text(name: str, *, missing: str) -> Callable[[dict[str, Any]], Any]:
    """The value of column ``name``, or the words that say why there is none."""
    return lambda row: missing if row[name] in (None, "") else row[name]


def month(name: str, *, missing: str) -> Callable[[dict[str, Any]], str]:
    """A month in Chinese."""
    return lambda row: formats.month(row[name], missing=missing)


def instant(name: str, *, missing: str) -> Callable[[dict[str, Any]], str]:
    """An instant to the minute."""
    return lambda row: formats.instant(row[name], missing=missing)
