"""Order of arrival: files that do not overlap may come in any order; of those that do, the last word counts."""

import io
import shutil
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from core_city import ONE, THREE, TWO
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from test_core_nights import CONTRACTS, START, TABLES, File, night, receive, text

from pipelines.ledger import Ledger
from pipelines.settings import Home
from pipelines.stages import ingest
from pipelines.stages.ingest import Incoming

MONTHS = (date(2025, 11, 1), date(2025, 12, 1))
UNITS = {"1": ONE, "2": TWO, "3": THREE, "4": TWO}
ROLLS = ("core.enterprise", "core.insured_unit", "core.link", "core.month_status")
WATCHED = [*(table for table in TABLES if table != "core.source_status"), *ROLLS]
CUTOFF = START + timedelta(days=90)
OF_ARRIVAL = {"known_at", "first_known_at", "latest_known_at", "delivery_no", "delivery_count", "row_count"}
FEW = settings(
    max_examples=2,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),
)
Content = tuple[str, str]

counts = st.integers(1, 90)
units = st.lists(st.sampled_from(sorted(UNITS)), min_size=1, unique=True)


@st.composite
def insurance(draw: st.DrawFn, month: date, some: Sequence[str] = tuple(UNITS)) -> str:
    """Months of insurance of some units."""
    few = draw(st.lists(st.sampled_from(sorted(some)), min_size=1, unique=True))
    rows = [{"unit_no": u, "month": month, "insured_persons": draw(counts), "base_fen": draw(counts)} for u in few]
    return text("insurance_month", rows)


@st.composite
def apart(draw: st.DrawFn) -> list[Content]:
    """Files of several feeds, no two of which speak of the same key."""
    spells = [
        {"unit_no": u, "enterprise_id": code, "unit_name": "甲", "county_code": "320706", "valid_from": "2020-01-01"}
        for u, code in UNITS.items()
    ]
    found = [("insured_unit", text("insured_unit", spells[:2])), ("insured_unit", text("insured_unit", spells[2:]))]
    for month in MONTHS:
        for part in (("1", "2"), ("3", "4")):
            found.append(("insurance_month", draw(insurance(month, part))))
        rows: list[dict[str, Any]] = [
            {"enterprise_id": UNITS[u], "month": month, "payroll_persons": draw(counts)} for u in ("1", "3")
        ]
        found.append(("tax_month", text("tax_month", rows)))
        rows = [
            {"from_unit_no": u, "to_unit_no": "2", "month": month, "moved_persons": draw(counts)} for u in ("1", "4")
        ]
        found.append(("labour_flow", text("labour_flow", rows)))
        rows = [
            {"account_no": f"H{u}", "enterprise_id": UNITS[u], "month": month, "power_kwh": draw(counts)}
            for u in draw(units)
        ]
        found.append(("power_month", text("power_month", rows)))
    return found


def core_of(files: Sequence[File], cutoff: datetime = CUTOFF) -> dict[str, pl.DataFrame]:
    """The core at ``cutoff`` after ``files``, told without numbers that follow the order of arrival."""
    root = Path(tempfile.mkdtemp())
    try:
        receive(Home(root / "home"), files)
        tables, _ = night(Home(root / "home"), cutoff, WATCHED)
    finally:
        shutil.rmtree(root)
    names = dict(tables["core.enterprise"].select("enterprise_no", "enterprise_id").iter_rows())
    return {name: _plain(frame, names) for name, frame in tables.items()}


def _plain(frame: pl.DataFrame, names: dict[int, str]) -> pl.DataFrame:
    numbers = [column for column in frame.columns if column.endswith("enterprise_no")]
    told = frame.drop(OF_ARRIVAL & set(frame.columns)).with_columns(
        pl.col(numbers).replace_strict(names, default=None, return_dtype=pl.String)
    )
    return told.sort(told.columns)


def at(contents: Sequence[Content]) -> list[File]:
    """Contents arriving one after another."""
    return [(feed, content, START + timedelta(days=place)) for place, (feed, content) in enumerate(contents)]


@FEW
@given(data=st.data())
def test_the_order_of_files_that_do_not_overlap_makes_no_difference(data: st.DataObject) -> None:
    files = data.draw(apart())
    there, here = core_of(at(files)), core_of(at(data.draw(st.permutations(files))))
    assert there["core.insured_unit"].height
    for table, rows in there.items():
        assert rows.equals(here[table]), table


@FEW
@given(data=st.data())
def test_of_a_b_and_a_again_the_last_word_counts(data: st.DataObject) -> None:
    files = data.draw(apart())
    a, b = (("insurance_month", data.draw(insurance(MONTHS[0]))) for _ in range(2))
    ended, twice, once = core_of(at([*files, a, b, a])), core_of(at([*files, b, a])), core_of(at([*files, a, b]))
    before = core_of(at([*files, a, b, a]), cutoff=START + timedelta(days=len(files) + 1, hours=1))
    for table, rows in ended.items():
        assert rows.equals(twice[table]), table
        assert once[table].equals(before[table]), table


@FEW
@given(content=insurance(MONTHS[0]), days=st.lists(st.integers(0, 60), min_size=10, max_size=10))
def test_the_same_file_ten_times_is_one_batch(content: str, days: list[int]) -> None:
    root = Path(tempfile.mkdtemp())
    try:
        home = Home(root / "home")
        home.core.mkdir(parents=True)
        ledger = Ledger(home.ledger)
        told = []
        for number, day in enumerate(sorted(days)):
            path = root / f"{number}.csv"
            path.write_text(content, encoding="utf-8")
            incoming = Incoming(path, START + timedelta(days=day), "insurance_month")
            told.append(ingest.receive(incoming, home=home, contracts=CONTRACTS, ledger=ledger))
        assert [delivery is not None for delivery in told] == [True] + [False] * 9
        assert len(list((home.landing / "insurance_month").iterdir())) == 1
    finally:
        shutil.rmtree(root)


@FEW
@given(data=st.data())
def test_files_landed_side_by_side_land_as_one_by_one(data: st.DataObject) -> None:
    contents = [*data.draw(apart()), ("insurance_month", "unreadable"), ("insurance_month", "")]
    named = [(f"{number}.csv", feed, content.encode()) for number, (feed, content) in enumerate(contents)]
    bundle = io.BytesIO()
    with zipfile.ZipFile(bundle, "w") as archive:
        for name, feed, content in named:
            archive.writestr(f"{feed}/{name}", content)
    sent = [*named, *named, ("all.zip", None, bundle.getvalue())]
    order = data.draw(st.permutations(range(len(sent))))
    root = Path(tempfile.mkdtemp())
    try:
        found = [_landed(root / how, [sent[place] for place in order], how=how) for how in ("each", "abreast")]
        assert found[0] == found[1]
        assert {delivery["status"] for delivery in found[0][0]} == {"accepted", "refused"}
    finally:
        shutil.rmtree(root)


def _landed(root: Path, sent: Sequence[tuple[str, str | None, bytes]], *, how: str) -> tuple[Any, Any]:
    """The deliveries on record, and every file of landing."""
    home, came = Home(root / "home"), []
    home.core.mkdir(parents=True)
    for number, (name, feed, content) in enumerate(sent):
        path = root / str(number) / name
        path.parent.mkdir()
        path.write_bytes(content)
        came.append(Incoming(path, START + timedelta(hours=number), feed))
    ledger = Ledger(home.ledger)
    if how == "abreast":
        assert [one for one, _ in ingest.receive_each(came, home=home, contracts=CONTRACTS, ledger=ledger)] == came
    else:
        for incoming in came:
            ingest.receive_all(incoming, home=home, contracts=CONTRACTS, ledger=ledger)
    files = {str(p.relative_to(home.landing)): p.read_bytes() for p in home.landing.rglob("*") if p.is_file()}
    return [asdict(delivery) for delivery in ledger.deliveries()], files
