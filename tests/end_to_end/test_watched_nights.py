"""Watch, status and log beside real nights: they see what happened, and change nothing of what a night makes."""

import json
import shutil
import sys
from dataclasses import replace
from datetime import datetime, time, timedelta
from pathlib import Path

import duckdb
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from nights import FIRST, SECOND, cutoff_of, digests, state

from pipelines import STAGES, logs, nightly, replay, status, watching
from pipelines.ledger import Ledger
from pipelines.means import Means
from pipelines.settings import Home

DUE = time(6, 30)
MORNING = cutoff_of(SECOND) + timedelta(hours=5)


@pytest.fixture
def waiting(between_home: Path, tmp_path: Path) -> Means:
    """A copy of the home whose second night has yet to run, in the morning after."""
    return Means(home=Home(shutil.copytree(between_home, tmp_path / "home", symlinks=True)), now=MORNING)


def test_the_night_after_a_watch_is_the_night_without_one(waiting: Means, issued_home: Path) -> None:
    late = watching.watch(waiting, due=DUE)
    assert late[0].key == "edition"
    nightly.run(waiting, as_of=SECOND, cutoff=cutoff_of(SECOND))
    whole = Home(issued_home)
    assert digests(waiting.home.editions) == digests(whole.editions)
    ledger = Ledger(waiting.home.ledger)
    own = [mail.message_id for mail in ledger.mails() if mail.template != "watch"]
    assert own == [mail.message_id for mail in Ledger(whole.ledger).mails()]
    assert not ledger.unsent()
    after = watching.watch(replace(waiting, now=MORNING + timedelta(hours=1)), due=DUE)
    assert "edition" not in [fault.key for fault in after]
    before = state(waiting.home)
    assert nightly.run(waiting, as_of=SECOND, cutoff=cutoff_of(SECOND)).status == "unchanged"
    assert state(waiting.home) == before


def test_page_tables_and_watch_are_no_part_of_an_edition(issued_home: Path, tmp_path: Path) -> None:
    home = Home(shutil.copytree(issued_home, tmp_path / "home", symlinks=True))
    means = Means(home=home, now=MORNING)
    watching.watch(means, due=DUE)
    page, tables = status.write(means, due=DUE)
    assert replay.replay(means, as_of=SECOND).equal
    assert digests(home.editions) == digests(Home(issued_home).editions)
    with duckdb.connect(str(tables), read_only=True) as connection:
        query = "SELECT stage_name FROM operation.receipt WHERE as_of = ? ORDER BY entry_no"
        assert [name for (name,) in connection.execute(query, [SECOND]).fetchall()] == list(STAGES)
        states = connection.execute("SELECT edition_id, edition_state FROM operation.edition").fetchall()
    assert states == [(f"{day}-r1", "issued") for day in (FIRST, SECOND)]
    text = page.read_text(encoding="utf-8")
    for words in (f"{SECOND}-r1", f"../editions/{SECOND}/r1/briefing.html", "已发布", "规则评分"):
        assert words in text


def test_what_the_watch_says_of_feeds_is_what_the_edition_says(issued_home: Path) -> None:
    home = Home(issued_home)
    with duckdb.connect(str(home.published / "current.duckdb"), read_only=True) as connection:
        query = "SELECT feed FROM out.source_status WHERE source_state <> '正常'"
        behind = {f"feed:{feed}" for (feed,) in connection.execute(query).fetchall()}
    faults = watching.look(Means(home=home, now=MORNING), due=DUE)
    assert {fault.key for fault in faults if fault.key.startswith("feed:")} == behind


def test_the_log_of_a_night_follows_its_stages_and_names_nobody(waiting: Means) -> None:
    seconds = iter(range(10_000))

    def clock() -> datetime:
        return MORNING + timedelta(seconds=next(seconds))

    with logs.recorded(waiting, as_of=SECOND, clock=clock) as recorded:
        nightly.run(recorded, as_of=SECOND, cutoff=cutoff_of(SECOND))
    text = (waiting.home.logs / f"{SECOND}.jsonl").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    assert list(dict.fromkeys(line["stage"] for line in lines if line["stage"])) == list(STAGES)
    assert [line["at"] for line in lines] == sorted(line["at"] for line in lines)
    with duckdb.connect(str(waiting.home.published / "current.duckdb"), read_only=True) as connection:
        known = connection.execute("SELECT enterprise_name, enterprise_id FROM out.enterprise").fetchall()
    assert len(known) > 100
    assert [name for row in known for name in row if name and name in text] == []
