"""The spine: deliveries in, an edition out; the same night always gives the same edition, whatever happens to it."""

import csv
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import polars as pl
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from nights import FIRST, SECOND, cutoff_of, digests, killed_night, state

from pipelines import STAGES, nightly, replay
from pipelines.errors import GateClosedError
from pipelines.ledger import Ledger
from pipelines.nightly import Means
from pipelines.settings import Home

MakeHome = Callable[..., Means]


@pytest.fixture
def copied(issued_home: Path, tmp_path: Path) -> Means:
    """The means of a copy of the home with two editions."""
    from conftest import NOW

    shutil.copytree(issued_home, tmp_path / "copy", symlinks=True)
    return Means(home=Home(tmp_path / "copy"), now=NOW)


def test_two_nights_give_two_editions_and_the_second_compares_with_the_first(issued_home: Path) -> None:
    home = Home(issued_home)
    assert [(e.edition_id, e.status, e.previous) for e in Ledger(home.ledger).editions()] == [
        ("2026-10-12-r1", "issued", ""),
        ("2026-11-12-r1", "issued", "2026-10-12-r1"),
    ]
    names = {path.name for path in (home.editions / "2026-11-12" / "r1").iterdir()}
    assert {"edition.json", "预警名单.xlsx", "briefing.html"} <= names


def test_a_night_run_twice_changes_nothing(copied: Means) -> None:
    before = state(copied.home)
    outcome = nightly.run(copied, as_of=SECOND, cutoff=cutoff_of(SECOND))
    assert outcome.status == "unchanged"
    assert state(copied.home) == before


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("day", [FIRST, SECOND])
def test_a_replay_is_identical(issued_home: Path, threads: int, day: object) -> None:
    from conftest import NOW

    before = state(Home(issued_home))
    means = Means(home=Home(issued_home), now=NOW, threads=threads)
    comparison = replay.replay(means, as_of=day)  # type: ignore[arg-type]
    assert comparison.incomparable == ""
    assert comparison.files >= 3
    assert comparison.tables >= 13
    assert comparison.equal, comparison
    assert state(Home(issued_home)) == before


def test_a_replay_notices_a_changed_file(copied: Means) -> None:
    path = copied.home.editions / SECOND.isoformat() / "r1" / "briefing.html"
    path.write_text(path.read_text(encoding="utf-8") + " ", encoding="utf-8")
    assert replay.replay(copied, as_of=SECOND).differing_files == ("briefing.html",)


def test_losing_the_warehouse_loses_nothing(copied: Means) -> None:
    copied.home.warehouse.unlink()
    shutil.rmtree(copied.home.core)
    copied.home.core.mkdir()
    assert replay.replay(copied, as_of=SECOND).equal
    before = state(copied.home)
    assert nightly.run(copied, as_of=SECOND, cutoff=cutoff_of(SECOND)).status == "unchanged"
    assert state(copied.home) == before


def _kill_and_run_again(between_home: Path, issued_home: Path, root: Path, *, stage: str, when: str) -> None:
    from conftest import NOW

    home = Home(shutil.copytree(between_home, root, symlinks=True))
    means = Means(home=home, now=NOW)
    assert killed_night(home, SECOND, stage=stage, when=when) == -9
    nightly.run(means, as_of=SECOND, cutoff=cutoff_of(SECOND))
    whole = Home(issued_home)
    assert digests(home.editions) == digests(whole.editions)
    assert digests(home.outbox) == digests(whole.outbox)
    ledger = Ledger(home.ledger)
    assert [m.message_id for m in ledger.mails()] == [m.message_id for m in Ledger(whole.ledger).mails()]
    assert not ledger.unsent()


@pytest.mark.parametrize(("stage", "when"), [("report", "before"), ("publish", "after")])
def test_a_killed_night_run_again_gives_the_same_edition(
    between_home: Path, issued_home: Path, tmp_path: Path, stage: str, when: str
) -> None:
    _kill_and_run_again(between_home, issued_home, tmp_path / "home", stage=stage, when=when)


@pytest.mark.proof
@pytest.mark.parametrize("when", ["before", "inside", "after"])
@pytest.mark.parametrize("stage", STAGES)
def test_killed_in_any_stage(between_home: Path, issued_home: Path, tmp_path: Path, stage: str, when: str) -> None:
    _kill_and_run_again(between_home, issued_home, tmp_path / "home", stage=stage, when=when)


@pytest.mark.proof
@pytest.mark.parametrize("when", ["before", "inside", "after"])
@pytest.mark.parametrize("stage", STAGES)
def test_killed_in_any_stage_under_a_model(
    taught_home: Path, led_home: Path, tmp_path: Path, stage: str, when: str
) -> None:
    _kill_and_run_again(taught_home, led_home, tmp_path / "home", stage=stage, when=when)


def test_what_is_known_after_the_cutoff_moves_nothing(
    small_city: Path, issued_home: Path, make_home: MakeHome, tmp_path: Path
) -> None:
    future = tmp_path / "future"
    shutil.copytree(small_city, future)
    _shuffle_after_cutoff(future)
    means = make_home()
    nightly.play(means, schedule=future / "deliveries.csv", until=cutoff_of(SECOND))
    nightly.run(means, as_of=FIRST, cutoff=cutoff_of(FIRST))
    name = FIRST.isoformat()
    assert digests(means.home.editions / name) == digests(Home(issued_home).editions / name)


def _shuffle_after_cutoff(city: Path) -> None:
    """Shuffle the head counts of every insurance file that arrives after the first night's cutoff."""
    shuffled = 0
    with (city / "deliveries.csv").open(encoding="utf-8", newline="") as handle:
        rows = [row for row in csv.DictReader(handle) if row["feed"] == "insurance_month"]
    for row in rows:
        if row["received_at"] > cutoff_of(FIRST).isoformat():
            path = city / row["file"]
            frame = pl.read_csv(path, encoding="gb18030", infer_schema=False)
            column = next(c for c in frame.columns if "参保人数" in c and "新增" not in c)
            mixed = frame.with_columns(pl.col(column).shuffle(seed=1))
            path.write_bytes(mixed.write_csv().encode("gb18030"))
            shuffled += 1
    assert shuffled


def test_a_closed_gate_keeps_the_previous_edition_and_says_why(small_city: Path, copied: Means) -> None:
    frame = pl.read_csv(_insurance_file(small_city), encoding="gb18030", infer_schema=False)
    column = next(c for c in frame.columns if "参保人数" in c and "新增" not in c)
    bad = copied.home.inbox / "insurance_month" / "错误重报.csv"
    bad.parent.mkdir(parents=True, exist_ok=True)
    third = pl.int_range(pl.len()) % 3 == 0
    spoilt = frame.with_columns(pl.when(third).then(pl.lit("-1")).otherwise(pl.col(column)).alias(column))
    bad.write_bytes(spoilt.write_csv().encode("gb18030"))
    current = (copied.home.published / "current.duckdb").resolve().name
    later = SECOND.replace(day=23)
    with pytest.raises(GateClosedError, match="单位月度参保缴费"):
        nightly.run(copied, as_of=later)
    assert (copied.home.published / "current.duckdb").resolve().name == current
    mails = [m for m in Ledger(copied.home.ledger).mails() if later.isoformat() in m.edition_id]
    assert len(mails) == 1
    batch = Ledger(copied.home.ledger).deliveries()[-1].batch
    Ledger(copied.home.ledger).withdraw(batch, at=copied.now, reason="报错文件")
    outcome = nightly.run(copied, as_of=later)
    assert outcome.status == "issued"
    assert outcome.edition_id in (copied.home.published / "current.duckdb").resolve().name


def _insurance_file(city: Path) -> Path:
    with (city / "deliveries.csv").open(encoding="utf-8", newline="") as handle:
        rows = [row["file"] for row in csv.DictReader(handle) if row["feed"] == "insurance_month"]
    return city / next(file for file in reversed(rows) if "更正" not in file)


def test_readers_keep_their_file_while_a_night_runs(small_city: Path, copied: Means) -> None:
    readers = [duckdb.connect(str(copied.home.published / "current.duckdb"), read_only=True) for _ in range(3)]
    before = [r.execute("SELECT count(*) FROM out.warning").fetchall() for r in readers]
    later = SECOND.replace(day=20)
    nightly.play(copied, schedule=small_city / "deliveries.csv", until=cutoff_of(later))
    assert nightly.run(copied, as_of=later, cutoff=cutoff_of(later)).status == "issued"
    assert [r.execute("SELECT count(*) FROM out.warning").fetchall() for r in readers] == before
    for reader in readers:
        reader.close()


def test_every_published_table_and_column_has_a_chinese_comment(issued_home: Path) -> None:
    connection = duckdb.connect(str(Home(issued_home).published / "current.duckdb"), read_only=True)
    comments = connection.execute(
        "SELECT comment FROM duckdb_tables() UNION ALL SELECT comment FROM duckdb_columns() WHERE NOT internal"
    ).fetchall()
    connection.close()
    assert len(comments) > 100
    assert all(text and any("一" <= letter <= "鿿" for letter in text) for (text,) in comments)
