"""Published files made by hand for the tests of the monthly report: a few firms, fourteen months, services' counts."""

import io
import re
import zipfile
from datetime import date, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import duckdb
from edition_city import OCTOBER, City, Firm, make

from pipelines import monthly, monthly_words
from pipelines.monthly import Figures
from pipelines.monthly_blocks import Report, plain, texts
from pipelines.run import add_months
from pipelines.stages import publish

DAY = date(2026, 11, 10)
CUTOFF = datetime(2026, 11, 10, 23, 59)
LARGEST = 2
"""How many enterprises the variants of the report leave out."""
EAST, WEST = "320706", "320707"
MONTHS = [add_months(OCTOBER, back) for back in range(-13, 1)]
WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"


def firms() -> list[Firm]:
    """Nine employers: exporters and others, one that is alone in its industry, one that loses most."""
    textile = {"industry_division": "17", "industry_name": "纺织业"}
    trade = {"industry_division": "52", "industry_name": "零售业"}
    alone = {"industry_division": "44", "industry_name": "电力、热力生产和供应业"}
    us = {"is_us_exporter": True, "export_12m_usd_cent": 900_000_000, "export_us_12m_usd_cent": 450_000_000}
    return [
        Firm("A", 740, 1000, EAST, points=50, dimensions=2, core=textile, features={**us, "arrears_months": 2}),
        Firm("B", 100, 180, WEST, points=30, dimensions=2, core=textile, features=us),
        Firm("C", 60, 55, WEST, core=textile, features=us),
        Firm("D", 90, 110, EAST, core=trade),
        Firm("E", 40, 40, EAST, core=trade),
        Firm("F", 12, 11, EAST, core=trade),
        Firm("G", 33, 30, WEST, core=trade),
        Firm("H", 25, 26, WEST, core=trade),
        Firm("I", 300, 290, EAST, core=alone),
    ]


def services() -> dict[str, list[dict[str, Any]]]:
    """What employment services reported, month by month; in the month before, one county did not report posts."""
    posts, registered = [], []
    for place, month in enumerate(MONTHS):
        for county, base in ((EAST, 200), (WEST, 90)):
            if county == EAST or place != len(MONTHS) - 2:
                told = {"demand_posts": 2 * base + 7 * place, "jobseeker_persons": base + place, "placed_persons": 31}
                posts.append({"county_code": county, "month": month, **told})
            told = {"registered_unemployed_persons": 3 * base - place, "newly_registered_persons": 21 + place}
            registered.append({"county_code": county, "month": month, **told, "reemployed_persons": 17})
    return {"core.jobseeker_month": posts, "core.unemployment_registration": registered}


def monitored() -> dict[str, list[dict[str, Any]]]:
    """Monitored enterprises, graduates hired and benefits claimed in the reference month and before."""
    form = {"month": OCTOBER, "surveyed_persons": 740, "hired_persons": 4, "separated_persons": 264, "idle_persons": 9}
    other = {"month": OCTOBER, "surveyed_persons": 90, "hired_persons": 1, "separated_persons": 21, "idle_persons": 0}
    hires = [
        {"enterprise_no": number, "month": month, "key_group": group, "group_hired_persons": 10 + number + place}
        for place, month in enumerate(MONTHS)
        for number, group in ((0, "高校毕业生"), (1, "高校毕业生"), (3, "农民工"))
    ]
    claims = [{"enterprise_no": 0, "month": OCTOBER, "claim_persons": 44, "laid_off_claim_persons": 41}]
    return {
        "core.monitor_month": [
            {"enterprise_no": 0, "reduction_kind": "经济性裁员", **form},
            {"enterprise_no": 3, "reduction_kind": None, **other},
        ],
        "core.hire_group_month": hires,
        "core.claim_month": claims,
    }


def areas() -> dict[str, list[dict[str, Any]]]:
    """One county at a level, with the numbers that gave it."""
    told = {
        "area_level": "Ⅰ级",
        "level_change": "新增",
        "level_since": OCTOBER,
        "month": OCTOBER,
        "is_small_cell": False,
    }
    return {
        "outlook.area": [
            {
                "area_kind": "县区",
                "county_code": EAST,
                "county_name": "海州区",
                "level_text": "单家净减员260人",
                **told,
            },
            {"area_kind": "全市", "month": OCTOBER, "is_small_cell": False},
        ]
    }


def issue(
    folder: Path, listed: list[Firm], *, history: bool = True, **tables: list[dict[str, Any]]
) -> tuple[Path, City]:
    """The published file of an edition of ``listed``, and its city, whose warehouse the caller closes.

    ``tables`` are rows by table name, dots as ``__``.
    """
    city = make(folder)
    if history:
        for firm in listed:
            for place, month in enumerate(MONTHS[:-2]):
                city.counts[firm.code, month] = (firm.before or 0) + 2 * place
    sources = [
        {"feed": "insurance_month", "feed_label": "单位月度参保缴费", "owner": "市人社局", "source_state": "正常"},
        {"feed": "customs_export", "feed_label": "海关出口", "owner": "连云港海关", "source_state": "滞后"},
    ]
    sources[1]["latest_month"] = add_months(OCTOBER, -2)  # type: ignore[assignment]
    given = {"core.source_status": sources, **{name.replace("__", "."): rows for name, rows in tables.items()}}
    original = city.fill

    def fill(*args: Any, **how: Any) -> None:
        original(*args, **how)
        for table, rows in given.items():
            city.give(table, rows)

    city.fill = fill  # type: ignore[method-assign]
    decision, _ = city.night(DAY, OCTOBER, listed)
    publish.run(decision.run, city.warehouse, city.ledger)
    return city.home.published / f"wengang-{decision.edition_id}.duckdb", city


def full(folder: Path) -> tuple[Path, City]:
    """An edition about which every feed told something."""
    tables = {**services(), **monitored(), **areas()}
    return issue(folder, firms(), **{name.replace(".", "__"): rows for name, rows in tables.items()})


def document_texts(content: bytes) -> list[str]:
    """The paragraphs of a .docx in order, cells of tables too, by its XML."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        root = ElementTree.fromstring(archive.read("word/document.xml"))  # noqa: S314  our own text
    found = ["".join(node.text or "" for node in paragraph.iter(f"{WORD}t")) for paragraph in root.iter(f"{WORD}p")]
    return [text for text in found if text]


def page_texts(page: str) -> list[str]:
    """The texts of a page outside its head's style, each as one reads it."""
    body = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    found = [re.sub(r"[ \n]+", " ", text).strip(" ") for text in re.split(r"<[^>]*>", body)]
    return [
        text.replace("&#34;", '"').replace("&amp;", "&").replace("&#39;", "'").replace("&lt;", "<").replace("&gt;", ">")
        for text in found
        if text
    ]


def report_of(path: Path, *, largest: int = LARGEST) -> tuple[Figures, Report]:
    """The figures of a published file, and the report of them; ``largest`` enterprises are left out in the variants."""
    found = monthly.read(path, largest=largest)
    return found, monthly_words.report(found, city="模拟市", bureau="市人社局")


def words_of(report: Report) -> str:
    """All texts of a report, a line each."""
    return "\n".join(plain(text) for text in texts(report))


def changed(published: Path, folder: Path, *statements: str) -> Path:
    """A copy of the published file on which ``statements`` were run."""
    copy = folder / "changed.duckdb"
    copy.write_bytes(published.read_bytes())
    with duckdb.connect(str(copy)) as connection:
        for statement in statements:
            connection.execute(statement)
    return copy
