"""What a night makes of the core depends on its cutoff alone: not on later deliveries, nor on the nights before it."""

import csv
import io
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from core_city import ONE, THREE, TWO
from runs import run_of

from pipelines import contracts as contract_files
from pipelines.ledger import Ledger
from pipelines.run import Run
from pipelines.settings import Home
from pipelines.stages import core, ingest
from pipelines.stages.ingest import Incoming
from pipelines.warehouse import Warehouse

CONTRACTS = contract_files.load()
START = datetime(2026, 1, 3, 9)
MONTHS = [date(2025, 11, 1), date(2025, 12, 1), date(2026, 1, 1)]
UNITS, CODES = ("1", "2", "3", "4"), (ONE, TWO, THREE)
TABLES = [
    *(t.table for t in CONTRACTS.tables.values() if t.slab or t.latest_of),
    "core.enterprise",
    "core.unlinked",
    "core.source_status",
]
SEEDS = (0, 1, *(pytest.param(seed, marks=pytest.mark.proof) for seed in range(2, 10)))

File = tuple[str, str, datetime]


def text(feed: str, rows: Sequence[dict[str, Any]]) -> str:
    """A CSV file of ``feed`` with all its columns."""
    columns = CONTRACTS.feeds[feed].columns
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([spec.header[0] for spec in columns.values()])
    writer.writerows([row.get(name, "") for name in columns] for row in rows)
    return out.getvalue()


def deliveries(seed: int) -> list[File]:
    """Files in order of arrival: facts and corrections, units that come late or move, a code known only later.

    Some rows are taken back a day later.
    """
    draw = np.random.default_rng(seed)
    found: list[File] = []
    for number in range(18):
        at = START + timedelta(days=4 * number)
        month = MONTHS[int(draw.integers(len(MONTHS)))]
        some = [u for u in UNITS if draw.random() < 0.7] or ["1"]
        count = lambda: int(draw.integers(1, 90))  # noqa: E731
        code = lambda: CODES[int(draw.integers(len(CODES)))]  # noqa: E731
        match ("insured_unit", "insurance_month", "labour_flow", "tax_month", "power_month", "vacancy")[number % 6]:
            case "insured_unit":
                moved = date(2025, 10, 1) + timedelta(days=int(draw.integers(0, 120)))
                one = {"unit_no": some[0], "enterprise_id": code(), "unit_name": "甲", "county_code": "320706"}
                spell = [one | {"valid_from": "2020-01-01", "valid_to": moved}]
                other = one | {"enterprise_id": code(), "valid_from": moved}
                feed, rows = "insured_unit", spell + ([other] if other["enterprise_id"] != one["enterprise_id"] else [])
            case "insurance_month":
                rows = [{"unit_no": u, "month": month, "insured_persons": count()} for u in some]
                feed = "insurance_month"
            case "labour_flow":
                rows = [{"from_unit_no": u, "to_unit_no": "2", "month": month, "moved_persons": count()} for u in some]
                feed = "labour_flow"
            case "tax_month":
                rows = [{"enterprise_id": c, "month": month, "payroll_persons": count()} for c in CODES]
                feed = "tax_month"
            case "power_month":
                rows = [
                    {"account_no": f"H{u}", "enterprise_id": code(), "month": month, "power_kwh": count()} for u in some
                ]
                feed = "power_month"
            case _:
                rows = [
                    {"posting_no": f"Z-{number:03d}{u}", "enterprise_id": code(), "posted_on": month, "posts": count()}
                    for u in some
                ]
                feed = "vacancy"
        back = [row | {"is_retracted": "作废"} for row in rows if draw.random() < 0.15]
        found.append((feed, text(feed, rows), at))
        if back:
            found.append((feed, text(feed, back), at + timedelta(days=1)))
    return found


def receive(home: Home, files: Sequence[File]) -> None:
    """Land ``files`` at their own instants."""
    home.core.mkdir(parents=True)
    ledger = Ledger(home.ledger)
    for number, (feed, content, at) in enumerate(files):
        path = home.root / f"{number}.csv"
        path.write_text(content, encoding="utf-8")
        incoming = Incoming(path, at, feed, remove=True)
        delivery = ingest.receive(incoming, home=home, contracts=CONTRACTS, ledger=ledger)
        assert delivery is None or delivery.status == "accepted", delivery.reason


def night(home: Home, cutoff: datetime, tables: Sequence[str] = TABLES) -> tuple[dict[str, pl.DataFrame], Run]:
    """The core as known at ``cutoff``."""
    ledger = Ledger(home.ledger)
    own = run_of(cutoff.date(), through=ledger.last_seq(), home=home, contracts=CONTRACTS)
    run = Run(**{**vars(own), "cutoff": cutoff})
    warehouse = Warehouse(None, contracts=CONTRACTS)
    try:
        ingest.run(run, warehouse, ledger)
        receipt = core.run(run, warehouse)
        assert receipt.adds_up
        return {table: warehouse.frame(f"SELECT * FROM {table} ORDER BY ALL") for table in tables}, run
    finally:
        warehouse.close()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_night_knows_what_came_before_its_cutoff_and_nothing_else(tmp_path: Path, seed: int) -> None:
    files = deliveries(seed)
    home = Home(tmp_path / "home")
    receive(home, files)
    cutoffs = [START + timedelta(days=days) for days in (30, 71, 45, 71, 58)]
    rows = 0
    expected: dict[datetime, dict[str, pl.DataFrame]] = {}
    for cutoff in cutoffs:
        if cutoff not in expected:
            alone = Home(tmp_path / f"alone{len(expected)}")
            receive(alone, [file for file in files if file[2] < cutoff])
            expected[cutoff], _ = night(alone, cutoff)
        here, _ = night(home, cutoff)
        for table in TABLES:
            assert here[table].equals(expected[cutoff][table]), (table, cutoff)
        rows += here["core.labour_flow_month"].height + here["core.power_month"].height
    assert rows


@pytest.mark.parametrize("seed", range(3))
def test_files_that_do_not_overlap_may_come_in_any_order(tmp_path: Path, seed: int) -> None:
    """One word of each key: what the core says then is no matter of which file came first."""
    draw = np.random.default_rng(seed)
    register = [(u, CODES[int(draw.integers(len(CODES)))]) for u in UNITS]
    said = [
        ("insured_unit", [{"unit_no": u, "enterprise_id": c, "county_code": "320706", "valid_from": "2020-01-01"}])
        for u, c in register
    ]
    for month in MONTHS:
        for u in UNITS:
            rows = [{"unit_no": u, "month": month, "insured_persons": int(draw.integers(1, 90))}]
            said.append(("insurance_month", rows))
        said.append(("tax_month", [{"enterprise_id": c, "month": month, "payroll_persons": 7} for c in CODES]))
    cores = []
    for shuffled in (list(range(len(said))), list(draw.permutation(len(said)))):
        home = Home(tmp_path / f"order{len(cores)}")
        receive(home, [(*_file(said[place]), START + timedelta(hours=n)) for n, place in enumerate(shuffled)])
        tables, _ = night(home, START + timedelta(days=9))
        cores.append({table: _without_arrival(frame, tables) for table, frame in tables.items()})
    for table in TABLES:
        assert cores[0][table].equals(cores[1][table]), table
    assert cores[0]["core.enterprise_month"].height


def _without_arrival(frame: pl.DataFrame, tables: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """``frame`` without what tells of arrival: instants, and numbers that enterprises were given as they came."""
    codes = tables["core.enterprise"]
    numbers = [c for c in frame.columns if c.endswith("enterprise_no")]
    named = frame.with_columns(
        pl.col(c).replace_strict(codes["enterprise_no"], codes["enterprise_id"]) for c in numbers
    )
    kept = named.drop(c for c, kind in named.schema.items() if isinstance(kind, pl.Datetime))
    return kept.sort(kept.columns)


def _file(said: tuple[str, list[dict[str, Any]]]) -> tuple[str, str]:
    feed, rows = said
    return feed, text(feed, rows)
