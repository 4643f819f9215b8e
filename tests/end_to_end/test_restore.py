"""From a backup to a byte-identical replay of the last edition, and to the next night as it would have been."""

import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from nights import FIRST, SECOND, cutoff_of, digests, state

from pipelines import STAGES, nightly
from pipelines import replay as replaying
from pipelines.backup import backup, check, drill, restore
from pipelines.errors import BackupError, BusyError
from pipelines.ledger import Ledger
from pipelines.nightly import Means
from pipelines.settings import Home
from pipelines.snapshots import Store


def copy_of(home: Path, to: Path) -> Means:
    from conftest import NOW

    return Means(home=Home(shutil.copytree(home, to, symlinks=True)), now=NOW)


@pytest.fixture(scope="module")
def disk(issued_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The backup of a home with two editions, which is gone."""
    means = copy_of(issued_home, tmp_path_factory.mktemp("backed up") / "home")
    backup(means, means.home.root.parent / "disk")
    shutil.rmtree(means.home.root)
    return means.home.root.parent / "disk"


@pytest.fixture
def live(issued_home: Path, tmp_path: Path) -> Means:
    """The means of a copy of that home."""
    return copy_of(issued_home, tmp_path / "live")


def test_a_restored_home_replays_byte_for_byte(disk: Path, issued_home: Path, tmp_path: Path) -> None:
    from conftest import NOW

    other = Means(home=Home(tmp_path / "other"), now=NOW)
    restore(disk, other.home)
    assert digests(other.home.editions) == digests(Home(issued_home).editions)
    comparison = replaying.replay(other, as_of=FIRST)
    assert comparison.incomparable == ""
    assert comparison.files >= 3
    assert comparison.equal, comparison


def test_a_drill_is_timed_put_on_record_and_changes_nothing(live: Means, disk: Path) -> None:
    before, last = state(live.home), Ledger(live.home.ledger).last_seq()
    done = drill(live, disk)
    assert done.verdict == "identical", done
    assert done.comparison.tables >= 13, "the published tables of the live home were compared too"
    assert done.restore_seconds > 0
    assert done.replay_seconds > 0
    assert check(done).startswith("2026-11-12-r1 from snapshot ")
    (entry,) = Ledger(live.home.ledger).entries("drill")
    assert (entry["subject"], entry["edition_id"], entry["verdict"]) == (done.snapshot, "2026-11-12-r1", "identical")
    assert state(live.home) == before
    assert Ledger(live.home.ledger).last_seq() == last
    outcome = nightly.run(live, as_of=SECOND, cutoff=cutoff_of(SECOND))
    assert outcome.status == "unchanged", "neither backup nor drill makes a new revision"


def test_one_flipped_bit_of_a_batch_is_refused_and_named(live: Means, disk: Path) -> None:
    store = Store(disk)
    snapshot = store.chosen(None)
    name = next(name for name in sorted(snapshot.files) if name.endswith("rows.parquet"))
    path = store.content(snapshot, name)
    whole = path.read_bytes()
    middle = len(whole) // 2
    path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
    with pytest.raises(BackupError, match=name):
        drill(live, disk)
    path.write_bytes(whole)
    assert not Ledger(live.home.ledger).entries("drill")


def test_the_night_after_a_restore_is_the_night_that_would_have_been(
    between_home: Path, issued_home: Path, tmp_path: Path
) -> None:
    means = copy_of(between_home, tmp_path / "live")
    backup(means, tmp_path / "disk")
    shutil.rmtree(means.home.root)
    restore(tmp_path / "disk", means.home)
    nightly.run(means, as_of=SECOND, cutoff=cutoff_of(SECOND))
    whole = Home(issued_home)
    assert digests(means.home.editions) == digests(whole.editions)
    assert [m.message_id for m in Ledger(means.home.ledger).mails()] == [
        m.message_id for m in Ledger(whole.ledger).mails()
    ]
    current = means.home.published / "current.duckdb"
    assert current.resolve().name == (whole.published / "current.duckdb").resolve().name


@pytest.mark.proof
def test_the_published_files_of_the_last_edition_come_back_by_its_steps(
    live: Means, disk: Path, tmp_path: Path
) -> None:
    other = replace(live, home=Home(tmp_path / "other"))
    restore(disk, other.home)
    for name in STAGES[: STAGES.index("publish") + 1]:
        cutoff = cutoff_of(SECOND) if name == "ingest" else None
        nightly.step(other, name=name, as_of=SECOND, cutoff=cutoff)
    assert digests(other.home.editions) == digests(live.home.editions)
    comparison = replaying.replay(other, as_of=SECOND)
    assert comparison.equal
    assert comparison.tables >= 13
    assert [e.edition_id for e in Ledger(other.home.ledger).editions()] == [
        e.edition_id for e in Ledger(live.home.ledger).editions()
    ]


@pytest.mark.proof
def test_an_edition_under_a_model_comes_back_with_it(led_home: Path, tmp_path: Path) -> None:
    means = copy_of(led_home, tmp_path / "live")
    backup(means, tmp_path / "disk")
    assert drill(means, tmp_path / "disk").verdict == "identical"
    restore(tmp_path / "disk", Home(tmp_path / "other"))
    assert digests(tmp_path / "other" / "models") == digests(means.home.models)


@pytest.mark.proof
def test_backups_beside_a_night_are_whole(between_home: Path, tmp_path: Path) -> None:
    """A night runs in a process of its own while one backup after the other is made; every one restores."""
    means = copy_of(between_home, tmp_path / "live")
    night = (
        "import sys; from datetime import datetime; from pathlib import Path; from pipelines import nightly;"
        "from pipelines.settings import Home;"
        "means = nightly.Means(home=Home(Path(sys.argv[1])), now=datetime(2026, 11, 23, 9));"
        f"nightly.run(means, as_of=datetime({SECOND.year}, {SECOND.month}, {SECOND.day}).date(),"
        f" cutoff=datetime({SECOND.year}, {SECOND.month}, {SECOND.day}, 2))"
    )
    process = subprocess.Popen([sys.executable, "-c", night, str(means.home.root)])
    made = []
    while process.poll() is None:
        own = replace(means, now=means.now + timedelta(seconds=len(made)))
        try:
            made.append(backup(own, tmp_path / "disk"))
        except BusyError as error:
            assert "editions/2026-11-12/r1" in str(error), "only while the night writes the mails of its edition"
    assert process.returncode == 0
    last = backup(replace(means, now=means.now + timedelta(days=1)), tmp_path / "disk")
    assert {snapshot.edition_id for snapshot in made} <= {"2026-10-12-r1", "2026-11-12-r1"}
    assert made[0].edition_id == "2026-10-12-r1"
    assert last.edition_id == "2026-11-12-r1"
    done = drill(means, tmp_path / "disk")
    assert done.verdict == "identical"
    kept = {path.name for path in Store(tmp_path / "disk").snapshots()}
    for snapshot in [snapshot for snapshot in made if snapshot.name in kept]:
        restore(tmp_path / "disk", Home(tmp_path / snapshot.name), snapshot=snapshot.name)
