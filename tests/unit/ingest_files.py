"""Files for the tests of ingest, made in the test: codes that check, rows of two feeds, workbooks and texts."""

import csv
import io
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import xlsxwriter

from pipelines.checks import ORGANISATION_SYMBOLS, ORGANISATION_WEIGHTS, USCC_SYMBOLS, USCC_WEIGHTS

ARRIVED = datetime(2025, 4, 6, 9, 30)
INSURANCE = [
    "单位编号",
    "费款所属期",
    "失业保险参保人数",
    "新增参保人数",
    "停保人数",
    "缴费基数总额",
    "养老应缴",
    "养老实缴",
    "失业应缴",
    "失业实缴",
    "工伤应缴",
    "工伤实缴",
]
REGISTER = ["统一社会信用代码", "企业名称", "登记状态", "成立日期", "注销日期", "行业代码", "县区代码", "企业规模"]


def uscc(number: int) -> str:
    """A code of the private range, both of whose check symbols are right."""
    body = f"A{number:07d}"
    total = sum(w * ORGANISATION_SYMBOLS.index(c) for w, c in zip(ORGANISATION_WEIGHTS, body, strict=True))
    body += {10: "X", 11: "0"}.get(11 - total % 11, str(11 - total % 11))
    code = f"91320700{body}"
    total = sum(w * USCC_SYMBOLS.index(c) for w, c in zip(USCC_WEIGHTS, code, strict=True))
    return code + USCC_SYMBOLS[(31 - total % 31) % 31]


def insurance_row(number: int, month: str = "202503", **changed: str) -> list[str]:
    """A good row of insurance_month; ``changed`` replaces cells by header."""
    cells = [f"3207{number:06d}", month, "20", "1", "2", "120000.50"]
    row = dict(zip(INSURANCE, [*cells, *(["19200", "19200.00", "1200", "1200", "480.1", "480.1"])], strict=True))
    return list((row | changed).values())


def register_row(number: int, **changed: str) -> list[str]:
    """A good row of enterprise_register; ``changed`` replaces cells by header."""
    cells = [uscc(number), f"测试企业{number}有限公司", "存续", "2015-06-01", "", "C2614", "320703", "小型"]
    return list((dict(zip(REGISTER, cells, strict=True)) | changed).values())


def text(rows: Sequence[Sequence[str]], delimiter: str = ",") -> str:
    """Rows as delimited text, quoted where needed."""
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return out.getvalue()


def workbook(
    sheets: dict[str, Sequence[Sequence[Any]]], merges: Sequence[tuple[int, int, int, int, str]] = ()
) -> bytes:
    """A workbook; ``merges`` (first row, first column, last row, last column, text) apply to the first sheet."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    dated = book.add_format({"num_format": "yyyy-mm-dd"})
    for place, (name, rows) in enumerate(sheets.items()):
        sheet = book.add_worksheet(name)
        for row_no, row in enumerate(rows):
            for column_no, cell in enumerate(row):
                if isinstance(cell, datetime):
                    sheet.write_datetime(row_no, column_no, cell, dated)
                elif isinstance(cell, str):
                    sheet.write_string(row_no, column_no, cell)
                elif cell is not None:
                    sheet.write(row_no, column_no, cell)
        for merge in merges if place == 0 else ():
            sheet.merge_range(*merge)
    book.close()
    return out.getvalue()


def drop(folder: Path, name: str, content: str | bytes, encoding: str = "utf-8") -> Path:
    """Write a file as a department would."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path
