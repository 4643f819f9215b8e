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

from pipelines import contracts as contract_files
from pipelines import demo, nightly
from pipelines.errors import GateClosedError
from pipelines.ledger import Delivery, Ledger
from pipelines.nightly import Means, Outcome
from pipelines.settings import Home

REQUIRED = ("enterprise_register", "insured_unit", "insurance_month")
FEEDS = contract_files.load().feeds
ALONE = ("customs_export", "policy_benefit", "follow_up", "tariff_measure", "tax_month")
OTHERS = tuple(name for name in FEEDS if name not in (*REQUIRED, *ALONE))
Keep = Callable[[Delivery], bool]


@pytest.fixture
def past(between_home: Path, tmp_path: Path) -> Callable[[Keep], Means]:
    """A maker of homes in which only the deliveries that it is told to keep ever came, and no night has run."""

    def make(keep: Keep) -> Means:
        from conftest import NOW

        source, home = Home(between_home), Home(tmp_path / "past")
        demo.make_home(home, city="模拟市", simulated=True)
        home.landing.rmdir()
        shutil.copytree(source.landing, home.landing)
        ledger = Ledger(home.ledger)
        for delivery in Ledger(source.ledger).deliveries(withdrawn=True):
            if keep(delivery):
                ledger.record_delivery(delivery)
        return Means(home=home, now=NOW)

    return make


def first_night(means: Means) -> Outcome:
    return nightly.run(means, as_of=FIRST, cutoff=cutoff_of(FIRST))


@pytest.mark.parametrize("feed", [*ALONE, *(pytest.param(name, marks=pytest.mark.proof) for name in OTHERS)])
def test_a_missing_feed_still_gives_a_list_that_says_so(past: Callable[[Keep], Means], feed: str) -> None:
    _without(past, [feed])


def test_with_required_feeds_only_there_is_a_list_that_names_all_that_is_missing(past: Callable[[Keep], Means]) -> None:
    _without(past, [*ALONE, *OTHERS])


def _without(past: Callable[[Keep], Means], feeds: list[str]) -> None:
    """A night without ``feeds`` is issued and names each of them."""
    means = past(lambda delivery: delivery.feed not in feeds and delivery.received_at < cutoff_of(FIRST))
    assert first_night(means).status == "issued"
    connection = duckdb.connect(str(means.home.published / "current.duckdb"), read_only=True)
    states = connection.execute("SELECT feed FROM out.source_status WHERE source_state = '缺失'").fetchall()
    features = connection.execute(
        "SELECT count(*) FROM out.warning WHERE export_us_share_12m_ratio IS NOT NULL"
    ).fetchone()
    connection.close()
    assert {feed for (feed,) in states} >= set(feeds)
    page = (means.home.editions / FIRST.isoformat() / "r1" / "briefing.html").read_text("utf-8")
    assert [feed for feed in feeds if FEEDS[feed].label not in page] == []
    if "customs_export" in feeds:
        assert features == (0,)


@pytest.mark.parametrize("feed", REQUIRED)
def test_a_missing_required_feed_closes_the_gate(past: Callable[[Keep], Means], feed: str) -> None:
    means = past(lambda delivery: delivery.feed != feed and delivery.received_at < cutoff_of(FIRST))
    with pytest.raises(GateClosedError, match=FEEDS[feed].label):
        first_night(means)
    mails = Ledger(means.home.ledger).mails()
    assert [m.template for m in mails] == ["held"]
    assert not (means.home.published / "current.duckdb").exists()


def test_a_truncated_workbook_and_a_wrong_file_are_refused_and_the_list_still_comes(
    small_city: Path, past: Callable[[Keep], Means]
) -> None:
    means = past(lambda delivery: delivery.received_at < cutoff_of(FIRST))
    workbook = next((small_city / "inbox" / "employment_monitor").glob("*.xlsx"))
    arrived = cutoff_of(FIRST) - timedelta(hours=1)
    for feed, name, content in (
        ("employment_monitor", "截断.xlsx", workbook.read_bytes()[:2000]),
        ("customs_export", "错放.csv", "甲,乙\n1,2\n".encode()),
    ):
        path = means.home.root / name
        path.write_bytes(content)
        nightly.receive(means, [path], feed=feed, at=arrived, dated=None)
    assert first_night(means).status == "issued"
    refused = [d for d in Ledger(means.home.ledger).deliveries() if d.status == "refused"]
    assert {"截断.xlsx", "错放.csv"} <= {d.file_name for d in refused}
    assert all(d.reason for d in refused)
    kept = {path.name for path in (means.home.landing / "_refused").iterdir()}
    assert {d.batch for d in refused} <= kept


def test_a_truncated_month_closes_the_gate_and_the_whole_file_opens_it(
    small_city: Path, past: Callable[[Keep], Means]
) -> None:
    file, arrived = _last_month(small_city)
    means = past(lambda delivery: delivery.received_at < arrived)
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
