"""What a department revises or takes back after an edition changes the next one, and no replay of the earlier."""

import csv
import shutil
import sys
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from nights import SECOND

from pipelines import nightly, replay
from pipelines.nightly import Means
from pipelines.run import add_months
from pipelines.settings import Home

REFERENCE = date(2026, 10, 1)
THIRD, FOURTH = date(2026, 11, 21), date(2026, 11, 23)
Send = Callable[[pl.DataFrame, datetime], None]


@pytest.fixture
def copied(issued_home: Path, tmp_path: Path) -> Means:
    """The means of a copy of the home with two editions."""
    from conftest import NOW

    shutil.copytree(issued_home, tmp_path / "copy", symlinks=True)
    return Means(home=Home(tmp_path / "copy"), now=NOW)


def landed(home: Home, feed: str) -> pl.DataFrame:
    """All rows of ``feed`` that ever landed, the latest delivery last."""
    paths = sorted((home.landing / feed).glob("*/rows.parquet"), key=lambda path: path.stat().st_mtime_ns)
    return pl.concat([pl.read_parquet(path) for path in paths], how="diagonal_relaxed")


def lost_most(home: Home) -> str:
    """The listed enterprise that lost most persons in the reference month."""
    with duckdb.connect(str(home.published / "current.duckdb"), read_only=True) as connection:
        query = "SELECT enterprise_id FROM out.warning WHERE net_loss_persons > 0 ORDER BY net_loss_persons DESC, 1"
        return str(connection.execute(query).fetchall()[0][0])


def rows_of(home: Home, enterprise_id: str, month: date) -> pl.DataFrame:
    """The insurance rows of an enterprise's units in a month."""
    units = landed(home, "insured_unit").filter(pl.col("enterprise_id") == enterprise_id)["unit_no"].unique()
    own = landed(home, "insurance_month").filter(pl.col("unit_no").is_in(units.to_list()) & (pl.col("month") == month))
    return own.unique("unit_no", keep="last", maintain_order=True)


def deliver(means: Means, rows: pl.DataFrame, *, at: datetime, folder: Path) -> None:
    """Send ``rows`` as a department would, with the headers and units of the contract."""
    feed = means.contracts().feeds["insurance_month"]
    path = folder / f"{at:%Y%m%d}.csv"
    with path.open("w", encoding="utf-8", newline="") as handle:
        out = csv.writer(handle)
        out.writerow(spec.header[0] for spec in feed.columns.values())
        out.writerows([_cell(row[name], name) for name in feed.columns] for row in rows.iter_rows(named=True))
    ((_, delivery),) = nightly.receive(means, [path], feed="insurance_month", at=at, dated="arrival")
    assert delivery is not None
    assert (delivery.status, delivery.rows_landed) == ("accepted", rows.height), delivery.reason


def _cell(value: Any, name: str) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "是" if value else "否"
    return f"{value / 100:.2f}" if name.endswith("_fen") else str(value)


def test_a_revision_changes_the_next_edition_and_not_the_replay_of_the_last(copied: Means, tmp_path: Path) -> None:
    found = lost_most(copied.home)
    now, before = (rows_of(copied.home, found, month) for month in (REFERENCE, add_months(REFERENCE, -1)))
    same = before.filter(pl.col("unit_no").is_in(now["unit_no"].to_list())).with_columns(month=pl.lit(REFERENCE))
    deliver(copied, same, at=datetime(2026, 11, 20, 9), folder=tmp_path)

    assert nightly.run(copied, as_of=THIRD).status == "issued"
    with duckdb.connect(str(copied.home.published / "current.duckdb"), read_only=True) as connection:
        told = connection.execute(
            "SELECT change_kind, change_cause, change_text FROM out.warning_change WHERE enterprise_id = ?", [found]
        ).fetchall()
        known = connection.execute(
            "SELECT latest_known_at FROM out.source_period WHERE feed = 'insurance_month' AND month = ?",
            [REFERENCE],
        ).fetchall()
    assert [(kind, cause) for kind, cause, _ in told] == [("解除", "修订")]
    assert told[0][2].startswith("参保数据修订后，")
    assert known[0][0] == datetime(2026, 11, 20, 9)
    assert replay.replay(copied, as_of=SECOND).equal


def test_a_row_taken_back_is_unknown_in_the_next_edition_and_not_a_loss(copied: Means, tmp_path: Path) -> None:
    found = lost_most(copied.home)
    back = rows_of(copied.home, found, REFERENCE).with_columns(is_retracted=pl.lit(value=True))
    deliver(copied, back, at=datetime(2026, 11, 20, 9), folder=tmp_path)

    assert nightly.run(copied, as_of=THIRD).status == "issued"
    with duckdb.connect(str(copied.home.published / "current.duckdb"), read_only=True) as connection:
        months = connection.execute(
            "SELECT max(month) FROM out.enterprise_month JOIN out.enterprise USING (enterprise_no) "
            "WHERE enterprise_id = ?",
            [found],
        ).fetchall()
        listed = connection.execute("SELECT trigger_code FROM out.warning WHERE enterprise_id = ?", [found]).fetchall()
    assert months == [(add_months(REFERENCE, -1),)]
    assert not [code for (code,) in listed if code in {"closure", "absence"}]
    assert replay.replay(copied, as_of=SECOND).equal

    deliver(copied, back.with_columns(is_retracted=pl.lit(value=False)), at=datetime(2026, 11, 22, 9), folder=tmp_path)
    nightly.run(copied, as_of=FOURTH)
    assert lost_most(copied.home) == found
