"""Real public files of many shapes, each read by a contract: every line counted by simple means of another kind.

What is told in a failure are counts and line numbers, never a name.
"""

import csv
import io
import re
import zipfile
from collections import Counter
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import polars as pl
import pytest

from pipelines import contracts as contract_files
from pipelines.stages.ingest import Examined, examine
from pipelines.stages.ingest.batch import judged, recognised

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
RECEIVED = date(2026, 1, 15)

pytestmark = pytest.mark.shared


def content(shared_data: Path, name: str) -> bytes:
    path = shared_data / name
    if not path.is_file():
        pytest.skip(f"{name} is not among the real public data")
    return path.read_bytes()


def look(shared_data: Path, name: str, feeds: str) -> tuple[Examined, list[tuple[int, dict[str, str]]]]:
    """What becomes of a file, recognised among all contracts of its set, and its lines read by the csv module."""
    raw = content(shared_data, name)
    [one] = examine(raw, None, contracts=contract_files.load(EXAMPLES / feeds), received_on=RECEIVED)
    assert one.refusal is None
    told = one.manifest
    assert told["rows_in"] == told["rows_landed"] + told["rows_quarantined"] + told["rows_set_aside"]
    text = raw.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=";" if ";" in text.split("\n")[0] else ",")
    head = [word.strip() for word in next(reader)]
    lines, start = [], reader.line_num + 1
    for cells in reader:
        lines.append((start, dict(zip(head, cells, strict=False))))
        start = reader.line_num + 1
    return one, lines


def landed(shared_data: Path, name: str, feeds: str) -> pl.DataFrame:
    contracts = contract_files.load(EXAMPLES / feeds)
    _, found = recognised(content(shared_data, name), None, contracts=contracts)
    return judged(found, "b", contracts, received_on=RECEIVED).rows


def held(one: Examined, check: str) -> set[int]:
    return set(one.reasons.filter(pl.col("check_id") == check)["line_no"])


def test_michigan_lines_with_a_link_in_place_of_a_number_are_held(shared_data: Path) -> None:
    one, lines = look(shared_data, "warn/mi.csv", "us_warn")
    assert (one.manifest["rows_in"], one.manifest["rows_set_aside"]) == (len(lines), 0)
    assert {n for n, row in lines if "://" in row["jobs"]} <= held(one, "readable:cut_persons")
    assert {n for n, row in lines if "://" in row["date_start"]} <= held(one, "readable:starts_on")
    plain = [
        n for n, row in lines if re.fullmatch(r"[A-Z][a-z]+ \d+, \d{4}", row["date_start"]) and row["jobs"].isdigit()
    ]
    # One of the plain days is 31 April: no calendar has it.
    assert held(one, "readable:starts_on") & set(plain) == {586}
    rows = landed(shared_data, "warn/mi.csv", "us_warn")
    good = [row for n, row in lines if n in set(rows["line_no"]) and row["jobs"].replace(",", "").isdigit()]
    counted = rows.filter(pl.col("line_no").is_in([n for n, row in lines if row["jobs"].replace(",", "").isdigit()]))
    assert counted["cut_persons"].sum() == sum(int(row["jobs"].replace(",", "")) for row in good)


def test_new_jersey_marks_that_nobody_explains_and_repeats_are_held(shared_data: Path) -> None:
    one, lines = look(shared_data, "warn/nj.csv", "us_warn")
    assert one.manifest["rows_in"] == len(lines)
    marked = {n for n, row in lines if row["Workforce Affected"].startswith("*")}
    assert marked <= held(one, "readable:cut_persons")
    key = ("Company", "City", "Month Posted", "Effective Date", "Workforce Affected")
    seen: Counter[tuple[str, ...]] = Counter()
    again = set()
    for number, row in lines:
        cells = tuple(row[name].strip() for name in key)
        if all(cells) and seen[cells]:
            again.add(number)
        seen[cells] += 1
    repeats = held(one, "first_of_key:company+place+month_posted+starts_on+cut_persons")
    assert repeats - marked == again - marked
    assert {
        n for n, row in lines if row["Effective Date"] in {"Temp layoff"} or row["Effective Date"].count("/") > 2
    } == {*held(one, "readable:starts_on")}


@pytest.mark.parametrize(
    ("name", "count", "day", "received", "style"),
    [
        ("warn/ny.csv", "Number of Affected Workers", "noticed_on", "Date of WARN Notice", "%Y-%m-%d"),
        ("warn/wa.csv", "# of Workers", "received_on", "Received Date", "%m/%d/%Y"),
    ],
)
def test_new_york_and_washington_land_whole(
    shared_data: Path, name: str, count: str, day: str, received: str, style: str
) -> None:
    one, lines = look(shared_data, name, "us_warn")
    assert one.manifest["rows_landed"] == one.manifest["rows_in"] == len(lines)
    rows = landed(shared_data, name, "us_warn")
    assert rows["cut_persons"].to_list() == [int(row[count]) for _, row in lines]
    assert rows[day].to_list() == [datetime.strptime(row[received], style).date() for _, row in lines]


def test_ohio_dates_that_are_torn_are_held(shared_data: Path) -> None:
    one, lines = look(shared_data, "warn/oh.csv", "us_warn")
    assert one.manifest["rows_in"] == len(lines)
    torn = {n for n, row in lines if re.search(r"/\d{3} \d$", row["Date Received"])}
    assert torn
    assert torn <= held(one, "readable:received_on")
    odd = {n for n, row in lines if row["Potential Number Affected"].strip() not in {"", "Unknown"}}
    odd -= {n for n, row in lines if row["Potential Number Affected"].strip().isdigit()}
    assert held(one, "readable:cut_persons") == odd


@pytest.mark.parametrize("year", range(2008, 2013))
def test_coal_files_land_whole_and_their_lost_zeros_are_told(shared_data: Path, year: int) -> None:
    name = f"coal/coal_prod_{year}.csv"
    one, lines = look(shared_data, name, "us_coal")
    assert one.manifest["rows_landed"] == one.manifest["rows_in"] == len(lines)
    rows = landed(shared_data, name, "us_coal")
    assert rows["employees_persons"].sum() == sum(int(Decimal(row["Average_Employees"])) for _, row in lines)
    assert rows["production_tons"].to_list() == [float(row["Production_short_tons"]) for _, row in lines]
    assert rows["mine_no"].to_list() == [row["MSHA_ID"].zfill(7) for _, row in lines]
    short = sum(len(row["MSHA_ID"]) < 7 for _, row in lines)
    assert one.manifest["checks"]["restored:mine_no"]["bad"] == short > 0


def test_the_ministrys_workbook(shared_data: Path) -> None:
    name = "workbooks/tariff_suspension_list_2018.xlsx"
    raw = content(shared_data, name)
    [one] = examine(raw, None, contracts=contract_files.load(EXAMPLES / "published"), received_on=RECEIVED)
    with zipfile.ZipFile(io.BytesIO(raw)) as book:
        strings = re.findall(r"<si>(.*?)</si>", book.read("xl/sharedStrings.xml").decode(), re.DOTALL)
    codes = [
        word for text in strings if re.fullmatch(r"[0-9]{8}", word := "".join(re.findall(r"<t[^>]*>(.*?)</t>", text)))
    ]
    told = one.manifest
    assert (told["header_line"], told["rows_landed"], told["rows_set_aside"]) == (5, len(codes), 4)
    rows = landed(shared_data, name, "published")
    assert set(rows["tariff_line"]) == set(codes)
    assert set(rows["rate_bp"]) == {1500, 2500}
    assert rows["entry_no"].to_list() == list(range(1, 129))


def test_the_refund_list(shared_data: Path) -> None:
    name = "refunds/pengze_2023-11_rows_1-11.csv"
    one, lines = look(shared_data, name, "published")
    assert one.manifest["rows_landed"] == len(lines) == 11
    for row, (_, said) in zip(landed(shared_data, name, "published").to_dicts(), lines, strict=True):
        assert row["paid_fen"] == Decimal(said["全年缴费(元)"]) * 100
        exact = Decimal(row["paid_fen"]) * Decimal(said["推得返还比例"])
        assert row["refunded_fen"] == exact.quantize(Decimal(1), ROUND_HALF_UP)


def test_french_wide_months(shared_data: Path) -> None:
    one, lines = look(shared_data, "foreign_formats/effectifTestData.csv", "france")
    told = [(row["compte"], name, row[name]) for _, row in lines for name in row if name.startswith("eff")]
    filled = [(account, name, cell) for account, name, cell in told if cell]
    assert one.manifest["rows_in"] == len(told)
    assert (one.manifest["rows_landed"], one.manifest["rows_set_aside"]) == (len(filled), len(told) - len(filled))
    rows = landed(shared_data, "foreign_formats/effectifTestData.csv", "france")
    expected = {
        (account, date(int(name[3:7]), 3 * int(name[7]) - 3 + int(name[8]), 1), int(cell))
        for account, name, cell in filled
    }
    assert set(rows.select("account_no", "month", "insured_persons").iter_rows()) == expected


@pytest.mark.parametrize(
    ("name", "rows", "held_lines", "check"),
    [
        ("apconso", 3, set(), ""),
        ("apdemande", 3, set(), ""),
        ("cotisation", 3, set(), ""),
        ("debit", 2, {4}, "readable:month"),
        ("delai", 3, set(), ""),
        ("procol", 3, set(), ""),
        ("sirene", 4, {6}, "readable:longitude"),
    ],
)
def test_other_french_formats(shared_data: Path, name: str, rows: int, held_lines: set[int], check: str) -> None:
    one, lines = look(shared_data, f"foreign_formats/{name}TestData.csv", "france")
    blank = sum(not row for _, row in lines)
    told = one.manifest
    assert (told["rows_in"], told["rows_landed"], told["rows_set_aside"]) == (len(lines), rows, blank)
    assert set(one.reasons["line_no"]) == held_lines
    assert not check or held(one, check) == held_lines


def test_french_values(shared_data: Path) -> None:
    debts = landed(shared_data, "foreign_formats/debitTestData.csv", "france")
    assert debts["entered_on"].to_list() == [date(1999, 5, 5), date(2005, 8, 24)]
    assert debts["month"].to_list() == [date(2017, 2, 1), date(2015, 1, 1)]
    paid = landed(shared_data, "foreign_formats/cotisationTestData.csv", "france")
    assert paid["month"].to_list() == [date(2010, 7, 1), date(2010, 5, 1), date(2002, 8, 1)]
    assert paid["paid_cent"].to_list() == [-68231, 4, -77244]
    deferred = landed(shared_data, "foreign_formats/delaiTestData.csv", "france")
    assert deferred["ends_on"].to_list() == [date(2001, 1, 4), date(2001, 5, 5), date(2019, 1, 31)]
    assert landed(shared_data, "foreign_formats/procolTestData.csv", "france")["effective_on"][0] == date(2014, 5, 26)
