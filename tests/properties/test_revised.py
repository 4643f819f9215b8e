"""What a department revises later moves nothing that an earlier night says, whatever the source."""

import csv
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from pipelines import nightly
from pipelines.contracts import Column, Contracts, Feed
from pipelines.nightly import Means
from pipelines.run import add_months
from pipelines.stages.features.sources import EVENTS, FLOW_TABLE, MONTHLY
from pipelines.synthetic import codes

FIRMS = 12
USCCS = codes.usccs(["320703"] * FIRMS, np.random.default_rng(0))
LAST, MONTHS = date(2026, 3, 1), 27
NIGHT, LATER = date(2026, 4, 21), date(2026, 5, 11)
ARRIVED, REVISED = datetime(2026, 4, 20, 9), datetime(2026, 5, 10, 9)
PLAIN = ("enterprise_register", "insured_unit")
FACTS = (
    "insurance_month",
    "employment_monitor",
    "customs_export",
    "power_month",
    "tax_month",
    "industry_orders",
    "unemployment_claim",
    "vacancy",
    "hire_group_month",
    "labour_flow",
    "wage_complaint",
    "arbitration",
    "credit_event",
    "policy_benefit",
    "follow_up",
)
FIXED = {"hs_code": "630140", "destination": "USA", "policy_year": "2026", "county_code": "320703"}
NUMBERS = {"arbitration_no": "连劳人仲案字〔2026〕第{:04d}号", "account_no": "32{:08d}"}


def cell(column: Column, draw: np.random.Generator, *, firm: int, month: date, entry: int) -> str:
    """A plausible cell of ``column`` for the firm, in the units that a file of ours has."""
    if column.name.endswith("unit_no"):
        return f"3207{(firm + (column.name == 'to_unit_no')) % FIRMS:06d}"
    if column.name == "customs_code":
        return f"3207{firm:06d}"
    if column.name == "enterprise_id":
        return USCCS[firm]
    if column.name.endswith("_no"):
        return NUMBERS.get(column.name, "T{:06d}").format(firm if column.name == "account_no" else entry)
    if column.codes:
        return str(draw.choice(column.codes))
    if column.type == "month":
        return f"{month:%Y%m}"
    if column.type == "date":
        return (month + timedelta(days=int(draw.integers(0, 27)))).isoformat()
    if column.name == "is_retracted":
        return "否"
    if column.type == "boolean":
        return str(draw.choice(["是", "否"]))
    return FIXED.get(column.name) or str(int(draw.integers(1, 60)))


def written(contracts: Contracts, feed: Feed, folder: Path, *, seed: int) -> Path:
    """A file of ``feed``: one row per firm and month, its numbers drawn by ``seed``."""
    draw = np.random.default_rng(seed)
    columns = [contracts.feed_column(feed, name) for name in feed.columns]
    months = [add_months(LAST, -lag) for lag in range(MONTHS)] if feed.feed in FACTS else [LAST]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{feed.feed}.csv"
    with path.open("w", encoding="utf-8", newline="") as handle:
        out = csv.writer(handle)
        out.writerow(spec.header[0] for spec in feed.columns.values())
        for entry, (firm, month) in enumerate((firm, month) for firm in range(FIRMS) for month in months):
            out.writerow(cell(column, draw, firm=firm, month=month, entry=entry) for column in columns)
    return path


def deliver(means: Means, folder: Path, names: tuple[str, ...], *, at: datetime, seed: int) -> None:
    contracts = means.contracts()
    for name in names:
        path = written(contracts, contracts.feeds[name], folder, seed=seed)
        nightly.receive(means, [path], feed=name, at=at, dated="arrival")


def features_of(means: Means, night: date) -> tuple[pl.DataFrame, dict[str, int]]:
    """``features.enterprise`` of ``night``, and how many rows each source had."""
    with nightly.opened(means, as_of=night, cutoff=None) as opened:
        for stage in ("ingest", "core", "features"):
            assert nightly.do_stage(opened, stage).adds_up
        tables = [source.table for source in (*MONTHLY, *EVENTS)] + [FLOW_TABLE]
        counts = {table: opened.warehouse.count(table) for table in tables}
        return opened.warehouse.frame("FROM features.enterprise ORDER BY enterprise_no"), counts


def test_a_revision_after_the_night_moves_no_feature_of_it(make_home: Callable[..., Means], tmp_path: Path) -> None:
    as_it_was, revised = make_home("as_it_was"), make_home("revised")
    for means in (as_it_was, revised):
        deliver(means, tmp_path / "first", PLAIN + FACTS, at=ARRIVED, seed=1)
    deliver(revised, tmp_path / "second", FACTS, at=REVISED, seed=2)
    before, counts = features_of(as_it_was, NIGHT)
    assert [table for table, rows in counts.items() if not rows] == []
    after, _ = features_of(revised, NIGHT)
    assert after.height == before.height == FIRMS
    assert after.equals(before)
    later, _ = features_of(revised, LATER)
    known = [name for name in before.columns if before[name].count()]
    moved = [name for name in known if not later[name].equals(before[name])]
    assert len(moved) > len(known) * 3 // 4, "the revision itself is no small thing"
