"""Any table in any layout, encoding, unit and container comes back as the same values, or is refused; never others."""

import csv
import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines import contracts as contract_files
from pipelines.contracts import Contracts, Feed
from pipelines.errors import DeliveryError
from pipelines.stages.ingest.batch import judged, recognised

RECEIVED = date(2026, 1, 15)
POWERS = {"元": 2, "万元": 6, "千元": 5, "分": 0}
MONTHS = [date(2025, month, 1) for month in (1, 2, 11)]
Row = tuple[str, date, int | None, int | None]
SETTINGS = {"deadline": None, "derandomize": True, "suppress_health_check": list(HealthCheck)}


def contracts(layout: str) -> Contracts:
    """One feed of a unit, a month, persons and money, in a layout."""
    periods = {"column": "month", "values": ["insured_persons", "base_fen"], "patterns": ["{year}年{month}月"]}
    shape = {"wide": {"periods": periods, "header_rows": 3}, "sheets": {"sheets": "all"}}.get(layout, {})
    month = {"found_in": "sheet", "pattern": "(.*月)"} if layout == "sheets" else {"header": ["月份"]}
    said = {
        "feed": "staff", "label": "用工", "owner": "某局", "purpose": "测试", "catalogue": "测试", "cadence": "event",
        "lag_days": 0, "dated": "arrival", "required": False, "identifiers": "opaque", "key": ["unit_no", "month"],
        "provides": {}, "layout": shape,
        "columns": {
            "unit_no": {"header": ["单位编号"], "carried": layout == "carried"},
            "month": month,
            "insured_persons": {"header": ["参保人数"], "optional": True},
            "base_fen": {"header": ["缴费基数"], "unit": "元", "optional": True},
        },
    }  # fmt: skip
    return replace(contract_files.load(), feeds={"staff": Feed.model_validate(said)})


@dataclass(frozen=True)
class Style:
    """How a clerk happens to write a table."""

    layout: str
    container: str
    encoding: str
    unit: str
    titles: int
    total: bool
    full_width: bool
    separators: bool


STYLES = st.builds(
    Style,
    layout=st.sampled_from(["plain", "wide", "sheets", "carried"]),
    container=st.sampled_from(["csv", "tsv", "xlsx", "zip"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "gb18030", "utf-16"]),
    unit=st.sampled_from(sorted(POWERS)),
    titles=st.integers(0, 3),
    total=st.booleans(),
    full_width=st.booleans(),
    separators=st.booleans(),
)
CODE = st.text("ABC甲乙\"',; \n0123456789", min_size=1, max_size=6).filter(
    lambda code: code.strip() == code and not code.isdigit() and code.strip("'\",;") != ""
)
ROWS = st.lists(
    st.tuples(
        CODE,
        st.sampled_from(MONTHS),
        st.one_of(st.none(), st.integers(0, 10**6)),
        st.one_of(st.none(), st.integers(-(10**9), 10**11)),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda row: row[:2],
)


def number(value: int | None, power: int, style: Style) -> str:
    """A number as the clerk writes it: in the unit, perhaps with separators or in full width."""
    if value is None:
        return ""
    text = f"{Decimal(value).scaleb(-power):,f}" if style.separators else f"{Decimal(value).scaleb(-power):f}"
    return text.translate({ord(c): ord(c) + 0xFEE0 for c in "0123456789"}) if style.full_width else text


def tables(rows: Sequence[Row], style: Style) -> dict[str, list[list[str]]]:
    """Sheets of cells, titles and totals among them."""
    money = f"缴费基数({style.unit})"
    power = POWERS[style.unit]

    def cells(row: Row) -> list[str]:
        return [number(row[2], 0, style), number(row[3], power, style)]

    if style.layout == "sheets":
        sheets = {
            f"{month.year}年{month.month}月": [["单位编号", "参保人数", money]]
            + [[row[0], *cells(row)] for row in rows if row[1] == month]
            for month in sorted({row[1] for row in rows})
        }
    elif style.layout == "wide":
        months = sorted({row[1] for row in rows})
        head = [["单位编号"], [""]]
        for month in months:
            head[0] += [f"{month.year}年{month.month}月", ""]
            head[1] += ["参保人数", money]
        found = {row[:2]: cells(row) for row in rows}
        codes = dict.fromkeys(row[0] for row in rows)
        body = [[code, *(cell for m in months for cell in found.get((code, m), ["", ""]))] for code in codes]
        sheets = {"表": head + body}
    else:
        body = []
        for row in sorted(rows, key=lambda row: row[0]):
            same = style.layout == "carried" and body and body[-1][-1] == row[0]
            body.append(["" if same else row[0], f"{row[1]:%Y-%m}", *cells(row), row[0]])
        sheets = {"表": [["单位编号", "月份", "参保人数", money], *(line[:-1] for line in body)]}
    for lines in sheets.values():
        lines[:0] = [[f"某市用工情况表之{n}"] for n in range(style.titles)]
        lines.extend([["合计", "", "9", "9"]] if style.total else [])
    return sheets


def written(sheets: dict[str, list[list[str]]], style: Style) -> bytes:
    """The file; a layout of sheets needs a workbook."""
    if style.container == "xlsx" or style.layout == "sheets":
        out = io.BytesIO()
        with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
            for name, lines in sheets.items():
                sheet = book.add_worksheet(name)
                for line_no, line in enumerate(lines):
                    for place, cell in enumerate(line):
                        sheet.write_string(line_no, place, cell)
        return out.getvalue()
    text = io.StringIO()
    [lines] = sheets.values()
    width = max(map(len, lines))
    writer = csv.writer(text, delimiter="\t" if style.container == "tsv" else ",", lineterminator="\r\n")
    writer.writerows([*line, *[""] * (width - len(line))] for line in lines)
    content = text.getvalue().encode(style.encoding)
    if style.container != "zip":
        return content
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("表.csv", content)
    return out.getvalue()


def come_back(rows: list[Row], style: Style) -> None:
    own = contracts(style.layout)
    try:
        _, found = recognised(written(tables(rows, style), style), None, contracts=own)
        made = judged(found, "b", own, received_on=RECEIVED)
    except DeliveryError as error:
        assert any("\u4e00" <= character <= "\u9fff" for character in str(error))
        return
    told = made.manifest
    assert told["rows_in"] == told["rows_landed"] + told["rows_quarantined"] + told["rows_set_aside"]
    meant = {(row[0], row[1]): row[2:] for row in rows}
    for code, month, persons, base in made.rows.select("unit_no", "month", "insured_persons", "base_fen").iter_rows():
        assert meant[code, month] == (persons, base)
    # What a wide table does not say of a month it cannot give back; all else lands or is held.
    said = {key for key, values in meant.items() if style.layout != "wide" or values != (None, None)}
    assert told["rows_landed"] + told["rows_quarantined"] >= len(said)
    assert told["rows_quarantined"] == 0


@settings(max_examples=40, **SETTINGS)
@given(rows=ROWS, style=STYLES)
def test_a_table_comes_back_or_is_refused(rows: list[Row], style: Style) -> None:
    come_back(rows, style)


@pytest.mark.proof
@settings(max_examples=3000, **SETTINGS)
@given(rows=ROWS, style=STYLES)
def test_thousands_of_tables_come_back_or_are_refused(rows: list[Row], style: Style) -> None:
    come_back(rows, style)
