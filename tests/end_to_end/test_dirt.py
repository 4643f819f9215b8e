"""Deliveries as they should not be: each gives a clear message, a correct edition or a closed gate; nothing is lost."""

import csv
import shutil
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from nights import FIRST, cutoff_of

from pipelines import nightly
from pipelines.errors import GateClosedError
from pipelines.ledger import Ledger
from pipelines.nightly import Means, Outcome

MakeHome = Callable[..., Means]
OPTIONAL = ("customs_export", "employment_monitor", "layoff_notice", "tariff_measure", "us_exporter_list")
REQUIRED = ("enterprise_register", "insured_unit", "insurance_month")


def without(city: Path, feed: str, target: Path) -> Path:
    """A copy of the city in which ``feed`` was never delivered."""
    shutil.copytree(city, target)
    schedule = target / "deliveries.csv"
    with schedule.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    with schedule.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(row for row in rows if row["feed"] != feed)
    return target


def first_night(means: Means, city: Path) -> Outcome:
    nightly.play(means, schedule=city / "deliveries.csv", until=cutoff_of(FIRST))
    return nightly.run(means, as_of=FIRST, cutoff=cutoff_of(FIRST))


@pytest.mark.parametrize("feed", OPTIONAL)
def test_a_missing_feed_still_gives_a_list_that_says_so(
    small_city: Path, make_home: MakeHome, tmp_path: Path, feed: str
) -> None:
    means = make_home()
    assert first_night(means, without(small_city, feed, tmp_path / "city")).status == "issued"
    connection = duckdb.connect(str(means.home.published / "current.duckdb"), read_only=True)
    state = connection.execute("SELECT source_state FROM out.source_status WHERE feed = ?", [feed]).fetchall()
    features = connection.execute(
        "SELECT count(*) FROM out.warning WHERE export_us_share_12m_ratio IS NOT NULL"
    ).fetchone()
    connection.close()
    assert state == [("缺失",)]
    if feed == "customs_export":
        assert features == (0,)


@pytest.mark.parametrize("feed", REQUIRED)
def test_a_missing_required_feed_closes_the_gate(
    small_city: Path, make_home: MakeHome, tmp_path: Path, feed: str
) -> None:
    means = make_home()
    label = means.contracts().feeds[feed].label
    with pytest.raises(GateClosedError, match=label):
        first_night(means, without(small_city, feed, tmp_path / "city"))
    mails = Ledger(means.home.ledger).mails()
    assert [m.template for m in mails] == ["held"]
    assert not (means.home.published / "current.duckdb").exists()


def test_a_truncated_workbook_and_a_wrong_file_are_refused_and_the_list_still_comes(
    small_city: Path, make_home: MakeHome
) -> None:
    means = make_home()
    workbook = next((small_city / "inbox" / "employment_monitor").glob("*.xlsx"))
    for feed, name, content in (
        ("employment_monitor", "截断.xlsx", workbook.read_bytes()[:2000]),
        ("customs_export", "错放.csv", "甲,乙\n1,2\n".encode()),
    ):
        folder = means.home.inbox / feed
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    nightly.play(means, schedule=small_city / "deliveries.csv", until=cutoff_of(FIRST))
    assert nightly.run(means, as_of=FIRST, cutoff=cutoff_of(FIRST)).status == "issued"
    refused = [d for d in Ledger(means.home.ledger).deliveries() if d.status == "refused"]
    assert {"截断.xlsx", "错放.csv"} <= {d.file_name for d in refused}
    assert all(d.reason for d in refused)
    kept = {path.name for path in (means.home.landing / "_refused").iterdir()}
    assert {d.batch for d in refused} <= kept


def test_a_truncated_month_closes_the_gate_and_the_whole_file_opens_it(small_city: Path, make_home: MakeHome) -> None:
    means = make_home()
    file, arrived = _last_month(small_city)
    nightly.play(means, schedule=small_city / "deliveries.csv", until=arrived)
    content = file.read_bytes()
    lines = content.split(b"\n")
    short = means.home.root / file.name
    short.write_bytes(b"\n".join(lines[: len(lines) // 3])[:-7])
    nightly.receive(means, [short], feed="insurance_month", at=arrived, dated=None)
    with pytest.raises(GateClosedError, match="参保"):
        nightly.run(means, as_of=arrived.date())
    quarantined = Ledger(means.home.ledger).deliveries()[-1].rows_quarantined
    assert quarantined == 1
    short.write_bytes(content)
    nightly.receive(means, [short], feed="insurance_month", at=arrived + timedelta(hours=1), dated=None)
    assert nightly.run(means, as_of=arrived.date()).status == "issued"


def _last_month(city: Path) -> tuple[Path, datetime]:
    """The last monthly insurance file known by the first night, and when it arrived."""
    with (city / "deliveries.csv").open(encoding="utf-8", newline="") as handle:
        rows = [row for row in csv.DictReader(handle) if row["feed"] == "insurance_month"]
    monthly = [
        (city / row["file"], datetime.fromisoformat(row["received_at"])) for row in rows if "更正" not in row["file"]
    ]
    return [pair for pair in monthly if pair[1] < cutoff_of(FIRST)][-1]
