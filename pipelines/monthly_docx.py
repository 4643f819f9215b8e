"""The monthly report as a .docx: A4, Chinese fonts by name, heads of tables that repeat, the same bytes each time.

A picture in a .docx would need fonts of the host that draws it, so charts are tables here; the page draws them.
"""

import io
import zipfile
from datetime import datetime
from itertools import pairwise
from typing import Any
from unicodedata import east_asian_width

from docx import Document
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt, RGBColor

from pipelines import formats
from pipelines.monthly_blocks import Block, Chart, Heading, Paragraph, Report, Table, Text, plain
from pipelines.monthly_phrases import heads

BODY, BOLD, LATIN = "仿宋", "黑体", "Times New Roman"
TEXT_WIDTH = 160
SIZES = {"lead": 14, "body": 14, "item": 14, "note": 10.5}
MOST_CHARACTERS = 48
HALF_WIDTH, CELL_MARGINS, LONG_WIDTH = 1.6, 4.4, 24
FOLDS = 3
ZIP_TIME = (1980, 1, 1, 0, 0, 0)


def document(report: Report, *, cutoff: datetime) -> bytes:
    """The bytes of the file; ``cutoff`` dates it in place of the clock."""
    made = Document()
    _set_page(made, report)
    _set_styles(made)
    _paragraph(made, report.title, size=22, font=BOLD, align=WD_ALIGN_PARAGRAPH.CENTER)
    _paragraph(made, plain(report.dateline), size=9, align=WD_ALIGN_PARAGRAPH.CENTER)
    _paragraph(made, plain(report.lead), size=SIZES["lead"], indent=True)
    for part in report.parts:
        _heading(made, part.title, level=1)
        for block in part.blocks:
            _write(made, block)
    _paragraph(made, formats.PURPOSE, size=SIZES["note"], align=WD_ALIGN_PARAGRAPH.CENTER)
    core = made.core_properties
    core.title, core.subject, core.author, core.last_modified_by = report.title, report.edition_id, "wengang", "wengang"
    core.comments, core.keywords, core.language, core.revision = "", "", "zh-CN", 1
    core.created = core.modified = cutoff
    stream = io.BytesIO()
    made.save(stream)
    return _without_times(stream.getvalue())


def _write(made: Any, block: Block) -> None:
    match block:
        case Paragraph():
            _paragraph(made, plain(block.text), size=SIZES[block.kind], indent=block.kind != "note")
        case Heading():
            _heading(made, plain(block.text), level=2)
        case Chart():
            if block.points and not block.is_told:
                _table(made, _folded(block))
        case Table():
            if block.rows:
                _table(made, block)
            else:
                _paragraph(made, f"{plain(block.title)}：{block.empty}", size=SIZES["note"])


def _folded(chart: Chart) -> Table:
    """The points of a chart as a table, several beside one another, down the columns."""
    depth = -(-len(chart.points) // FOLDS)
    columns = [chart.points[start : start + depth] for start in range(0, len(chart.points), depth)]
    rows = tuple(
        tuple(
            text
            for column in columns
            for text in (((column[place][0],), (column[place][1],)) if place < len(column) else ((), ()))
        )
        for place in range(depth)
    )
    head = heads(*(("月份", chart.unit) * len(columns)))
    return Table((chart.title, "（", chart.unit, "）"), head, rows, frozenset(range(0, 2 * len(columns), 2)))


def _table(made: Any, table: Table) -> None:
    title = _paragraph(made, plain(table.title), size=12, font=BOLD)
    title.paragraph_format.keep_with_next = True
    title.paragraph_format.space_before = Pt(6)
    grid = made.add_table(rows=0, cols=len(table.head))
    grid.style = "Table Grid"
    grid.alignment = WD_TABLE_ALIGNMENT.CENTER
    grid.autofit = False
    widths = _widths(table)
    for column, width in zip(grid.columns, widths, strict=True):
        column.width = width
    for place, row in enumerate((table.head, *table.rows)):
        made_row = grid.add_row()
        _mark(made_row, "w:cantSplit")
        if place == 0:
            _mark(made_row, "w:tblHeader")
        for column, (cell, text) in enumerate(zip(made_row.cells, row, strict=True)):
            cell.width = widths[column]
            is_number = place > 0 and column not in table.words
            _fill(cell, text, is_head=place == 0, is_number=is_number)
    _paragraph(made, "", size=6)


def _widths(table: Table) -> list[Any]:
    """Short columns as wide as their cells, a head on two lines; long ones share what is left, so that they wrap."""
    columns = zip(*(table.head, *table.rows), strict=True)
    needed = [HALF_WIDTH * _needed([plain(cell) for cell in column]) + CELL_MARGINS for column in columns]
    long = [width for width in needed if width > LONG_WIDTH]
    spare = TEXT_WIDTH - sum(needed)
    if spare >= 0 or not long:
        return [Mm(round(width * TEXT_WIDTH / sum(needed), 1)) for width in needed]
    share = 1 + spare / sum(long)
    return [Mm(round(width * share if width > LONG_WIDTH else width, 1)) for width in needed]


def _needed(cells: list[str]) -> int:
    """Half characters that a column needs: its longest cell, at most a line's worth, or half its head."""
    head, *body = map(_wide, cells)
    return max(*(min(width, MOST_CHARACTERS) for width in body), head // 2 + 2)


def _wide(words: str) -> int:
    """How wide words are in half characters: a Chinese one is two, and half a one is left where it meets a figure."""
    kinds = [east_asian_width(letter) in "WF" for letter in words]
    meetings = sum(one != other for one, other in pairwise(kinds))
    return len(kinds) + sum(kinds) + (meetings + 1) // 2


def _fill(cell: Any, text: Text, *, is_head: bool, is_number: bool) -> None:
    paragraph = cell.paragraphs[0]
    paragraph.paragraph_format.line_spacing = 1.0
    if is_head:
        paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
    elif is_number:
        paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT
    _run(paragraph, plain(text), size=9, font=BOLD if is_head else BODY)


def _heading(made: Any, words: str, *, level: int) -> None:
    paragraph = made.add_heading("", level=level)
    _run(paragraph, words, size=16 if level == 1 else 14, font=BOLD)


def _paragraph(made: Any, words: str, *, size: float, font: str = BODY, align: Any = None, indent: bool = False) -> Any:
    paragraph = made.add_paragraph()
    paragraph.alignment = align
    if indent:
        paragraph.paragraph_format.first_line_indent = Pt(2 * size)
    if words:
        _run(paragraph, words, size=size, font=font)
    else:
        paragraph.paragraph_format.line_spacing = Pt(size)
    return paragraph


def _run(paragraph: Any, words: str, *, size: float, font: str = BODY) -> None:
    run = paragraph.add_run(words)
    run.font.size = Pt(size)
    run.font.name = LATIN
    run.font.color.rgb = RGBColor(0, 0, 0)
    run._element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), font)


def _mark(row: Any, name: str) -> None:
    row._tr.get_or_add_trPr().append(OxmlElement(name))


def _set_page(made: Any, report: Report) -> None:
    section = made.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.top_margin, section.bottom_margin = Mm(30), Mm(25)
    section.left_margin = section.right_margin = Mm((210 - TEXT_WIDTH) / 2)
    simulated = f"【{formats.SIMULATED}】" if report.is_simulated else ""
    _run(section.header.paragraphs[0], f"{formats.CONFIDENTIAL}{simulated}", size=9)
    footer = section.footer.paragraphs[0]
    footer.alignment = WD_ALIGN_PARAGRAPH.CENTER
    number = OxmlElement("w:fldSimple")
    number.set(qn("w:instr"), "PAGE")
    footer._p.append(number)


def _set_styles(made: Any) -> None:
    for name, font in (("Normal", BODY), ("Heading 1", BOLD), ("Heading 2", BOLD)):
        style = made.styles[name]
        style.font.name = LATIN
        fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
        for theme in ("w:asciiTheme", "w:hAnsiTheme", "w:eastAsiaTheme", "w:cstheme"):
            fonts.attrib.pop(qn(theme), None)
        fonts.set(qn("w:eastAsia"), font)
    normal = made.styles["Normal"].paragraph_format
    normal.space_after, normal.line_spacing = Pt(3), 1.25


def _without_times(content: bytes) -> bytes:
    """The same archive with one time on every entry; the types come first, as readers expect."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as given, zipfile.ZipFile(stream, "w") as made:
        for name in sorted(given.namelist(), key=lambda name: (name != "[Content_Types].xml", name)):
            entry = zipfile.ZipInfo(name, ZIP_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            made.writestr(entry, given.read(name))
    return stream.getvalue()
