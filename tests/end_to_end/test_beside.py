"""Nights beside one another: an interrupted night, a backfill in between, history without mails, a later cutoff."""

import json
import shutil
import sys
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from nights import FIRST, SECOND, cutoff_of, digests

from pipelines import STAGES, nightly
from pipelines.errors import StageOrderError, UsageError
from pipelines.ledger import Ledger
from pipelines.nightly import Means
from pipelines.settings import Home

PAST, MISSED = date(2026, 9, 12), date(2026, 10, 20)
HALF = STAGES[: STAGES.index("risk")]


@pytest.fixture
def between(between_home: Path, tmp_path: Path) -> Means:
    """A home with the edition of the first night and the deliveries of the second."""
    from conftest import NOW

    return Means(home=Home(shutil.copytree(between_home, tmp_path / "between", symlinks=True)), now=NOW)


def steps(means: Means, names: tuple[str, ...], day: date, *, is_recovering: bool) -> None:
    for name in names:
        nightly.step(means, name=name, as_of=day, cutoff=cutoff_of(day), is_recovering=is_recovering)


def edition_files(home: Path, day: date) -> dict[str, str]:
    return digests(home / "editions" / day.isoformat())


@pytest.mark.parametrize("done", [HALF, STAGES[:-1]], ids=["before the edition", "after it was published"])
def test_a_backfill_between_two_stages_changes_nothing_of_the_night(
    between: Means, issued_home: Path, done: tuple[str, ...]
) -> None:
    steps(between, done, SECOND, is_recovering=True)
    nightly.run(replace(between, is_quiet=True), as_of=PAST, cutoff=cutoff_of(PAST))
    with pytest.raises(StageOrderError, match="another night"):
        nightly.step(between, name=STAGES[len(done)], as_of=SECOND, cutoff=cutoff_of(SECOND))
    steps(between, STAGES[len(done) :], SECOND, is_recovering=True)
    assert edition_files(between.home.root, SECOND) == edition_files(issued_home, SECOND)
    assert [e.edition_id for e in Ledger(between.home.ledger).editions(as_of=SECOND)] == [f"{SECOND}-r1"]
    mailed = [m.message_id for m in Ledger(between.home.ledger).mails()]
    assert sorted(mailed) == sorted(m.message_id for m in Ledger(Home(issued_home).ledger).mails())


def test_a_missed_night_made_up_for_before_the_mails_makes_no_second_revision(
    between: Means, issued_home: Path
) -> None:
    steps(between, STAGES[:-1], SECOND, is_recovering=True)
    nightly.run(replace(between, is_quiet=True), as_of=MISSED, cutoff=cutoff_of(MISSED))
    steps(between, STAGES[-1:], SECOND, is_recovering=True)
    assert [e.edition_id for e in Ledger(between.home.ledger).editions(as_of=SECOND)] == [f"{SECOND}-r1"]
    assert edition_files(between.home.root, SECOND) == edition_files(issued_home, SECOND)


def test_only_the_edition_that_was_approved_is_published(between: Means) -> None:
    steps(between, STAGES[: STAGES.index("publish")], SECOND, is_recovering=True)
    folder = between.home.editions / SECOND.isoformat() / "r1"
    digest = json.loads((folder / "edition.json").read_text(encoding="utf-8"))["digest"]
    publish = {"name": "publish", "as_of": SECOND, "cutoff": cutoff_of(SECOND), "is_recovering": True}
    with pytest.raises(StageOrderError, match="approved"):
        nightly.step(between, **publish, approved="another")
    assert Ledger(between.home.ledger).editions(as_of=SECOND) == []
    nightly.step(between, **publish, approved=digest)
    assert [e.edition_id for e in Ledger(between.home.ledger).editions(as_of=SECOND)] == [f"{SECOND}-r1"]


def test_a_day_that_has_not_come_is_refused(between: Means) -> None:
    tomorrow = between.now.date() + timedelta(days=1)
    with pytest.raises(UsageError, match="ahead of today"):
        nightly.run(between, as_of=tomorrow)
    with pytest.raises(UsageError, match="ahead of today"):
        nightly.step(between, name="ingest", as_of=tomorrow)


def test_what_came_during_an_interrupted_night_is_for_the_next(
    between: Means, small_city: Path, issued_home: Path
) -> None:
    steps(between, HALF, SECOND, is_recovering=True)
    late = next((small_city / "inbox" / "layoff_notice").iterdir())
    nightly.receive(between, [late], feed="layoff_notice", at=cutoff_of(SECOND) - timedelta(hours=1), dated=None)
    between.home.warehouse.unlink()
    steps(between, STAGES[len(HALF) :], SECOND, is_recovering=True)
    assert edition_files(between.home.root, SECOND) == edition_files(issued_home, SECOND)


def test_a_stage_of_a_night_that_never_began_is_refused(between: Means) -> None:
    between.home.warehouse.unlink()
    with pytest.raises(StageOrderError, match="first"):
        nightly.step(between, name="risk", as_of=SECOND, cutoff=cutoff_of(SECOND), is_recovering=True)


def test_two_nights_of_one_date_are_told_apart_by_their_cutoff(between: Means) -> None:
    steps(between, HALF, SECOND, is_recovering=False)
    other = cutoff_of(SECOND) + timedelta(hours=5)
    with pytest.raises(StageOrderError):
        nightly.step(between, name="risk", as_of=SECOND, cutoff=other)


def test_history_is_not_mailed_and_leaves_analysts_where_they_are(between: Means, issued_home: Path) -> None:
    before = len(Ledger(between.home.ledger).mails())
    current = (between.home.published / "current.duckdb").resolve().name
    outcome = nightly.run(between, as_of=PAST, cutoff=cutoff_of(PAST))
    assert (outcome.status, outcome.edition_id) == ("issued", f"{PAST}-r1")
    assert outcome.receipts[-1].dropped == {"an edition of the past is not mailed": outcome.receipts[-1].rows_in}
    assert outcome.receipts[-1].rows_in > 0
    assert len(Ledger(between.home.ledger).mails()) == before
    assert (between.home.published / "current.duckdb").resolve().name == current
    nightly.run(between, as_of=SECOND, cutoff=cutoff_of(SECOND))
    assert edition_files(between.home.root, SECOND) == edition_files(issued_home, SECOND)
    assert len(Ledger(between.home.ledger).mails()) > before


def test_a_quiet_night_is_the_same_edition_without_mails(between: Means, issued_home: Path) -> None:
    before = len(Ledger(between.home.ledger).mails())
    nightly.run(replace(between, is_quiet=True), as_of=SECOND, cutoff=cutoff_of(SECOND))
    assert edition_files(between.home.root, SECOND) == edition_files(issued_home, SECOND)
    assert len(Ledger(between.home.ledger).mails()) == before
    assert nightly.run(replace(between, is_quiet=True), as_of=SECOND, cutoff=cutoff_of(SECOND)).status == "unchanged"
    nightly.run(between, as_of=SECOND, cutoff=cutoff_of(SECOND))
    assert len(Ledger(between.home.ledger).mails()) > before, "asked for aloud, the mails are written"
    assert [e.edition_id for e in Ledger(between.home.ledger).editions(as_of=SECOND)] == [f"{SECOND}-r1"]
    assert edition_files(between.home.root, SECOND) == edition_files(issued_home, SECOND)


@pytest.mark.proof
def test_the_order_of_landing_does_not_make_another_edition(small_city: Path, between: Means, tmp_path: Path) -> None:
    from conftest import NOW

    from pipelines import arrivals, demo

    home = Home(tmp_path / "by_feed")
    demo.make_home(home, city="模拟市", simulated=True)
    settings = home.settings_file.read_text(encoding="utf-8")
    schedule = f'simulated_deliveries = "{small_city / "deliveries.csv"}"\n'
    home.settings_file.write_text(schedule + settings, encoding="utf-8")
    means = Means(home=home, now=NOW)
    for feed in sorted(means.contracts().feeds):
        assert arrivals.fetch(means, feed=feed, until=cutoff_of(FIRST))
        assert arrivals.fetch(means, feed=feed, until=cutoff_of(FIRST)) == []
    nightly.run(means, as_of=FIRST, cutoff=cutoff_of(FIRST))
    assert edition_files(home.root, FIRST) == edition_files(between.home.root, FIRST)
