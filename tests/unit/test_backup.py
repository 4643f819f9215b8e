"""Backup and restore: whole or not at all, whatever is damaged or taken away."""

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from kept_home import AS_OF, LIST, batch_file, contents, furnish, land, later, objects, put

from pipelines import backup as backups
from pipelines import replay as replaying
from pipelines import snapshots
from pipelines.backup import backup, check, drill, restore
from pipelines.errors import BackupError, NotComparableError, ReplayDifferenceError
from pipelines.ledger import Ledger
from pipelines.means import Means
from pipelines.replay import Comparison
from pipelines.settings import Home
from pipelines.snapshots import Store


@pytest.fixture
def means(make_home: Callable[..., Means]) -> Means:
    made = make_home()
    furnish(made)
    return made


@pytest.fixture
def to(tmp_path: Path) -> Path:
    return tmp_path / "disk"


def test_a_restored_home_is_the_one_that_was_backed_up(means: Means, to: Path, tmp_path: Path) -> None:
    made = backup(means, to)
    other = Home(tmp_path / "other")
    assert restore(to, other).files == made.files
    assert contents(other.root) == contents(means.home.root)
    assert other.settings_file.read_bytes() == means.home.settings_file.read_bytes()
    assert Ledger(other.ledger).deliveries() == Ledger(means.home.ledger).deliveries()
    assert all(folder.is_dir() for folder in other.folders())
    assert made.edition_id == "2026-11-12-r1"


def test_a_second_backup_copies_only_what_is_new(means: Means, to: Path) -> None:
    backup(means, to)
    before = {path: path.stat().st_mtime_ns for path in objects(to)}
    land(means, 2)
    second = backup(later(means), to)
    new = set(objects(to)) - set(before)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert (second.new_files, second.new_bytes) == (len(new), sum(path.stat().st_size for path in new))
    assert 0 < second.new_files < len(second.files)


def test_backups_are_on_record_and_change_no_edition(means: Means, to: Path) -> None:
    ledger = Ledger(means.home.ledger)
    last = ledger.last_seq()
    made = backup(means, to)
    (entry,) = ledger.entries("backup")
    assert (entry["subject"], entry["files"], entry["bytes"]) == (made.name, len(made.files), made.size)
    assert ledger.last_seq() == last


def test_the_list_can_be_judged_without_us(means: Means, to: Path) -> None:
    folder = backup(means, to).folder
    assert subprocess.run(["sha256sum", "-c", "--quiet", "manifest.sha256"], cwd=folder, check=False).returncode == 0


def test_the_last_snapshots_are_kept_and_what_only_older_ones_list_goes(means: Means, to: Path, tmp_path: Path) -> None:
    settings = means.home.settings_file
    settings.write_text(f"{settings.read_text('utf-8')}\n[backup]\nkeep = 2\n", encoding="utf-8")
    extra = put(means.home.root / "models/not-promoted/card.md", "only in the first snapshot")
    first = backup(means, to)
    gone = Store(to).object(first.files["models/not-promoted/card.md"])
    shutil.rmtree(extra.parent)
    backup(later(means), to)
    assert gone.is_file()
    third = backup(later(means, 2), to)
    assert [path.name for path in Store(to).snapshots()] == ["20261124T090000", third.name]
    assert not gone.exists()
    assert {path.name for path in objects(to)} == {
        held.sha256 for name, held in third.files.items() if name not in snapshots.OWN
    }
    restore(to, Home(tmp_path / "other"), snapshot="20261124T090000")


@pytest.mark.parametrize("name", ["rows.parquet", "original.csv", "edition.json", "manifest.json"])
def test_a_flipped_bit_is_refused_and_named(means: Means, to: Path, tmp_path: Path, name: str) -> None:
    backup(means, to)
    path = batch_file(to, name)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(BackupError, match=f"{name} is damaged"):
        restore(to, Home(tmp_path / "other"))
    assert not any((tmp_path / "other").iterdir())
    path.unlink()
    with pytest.raises(BackupError, match=f"{name} is missing"):
        restore(to, Home(tmp_path / "other"))
    backup(later(means), to)
    restore(to, Home(tmp_path / "other"))


@pytest.mark.parametrize("name", ["ledger.sqlite", "wengang.toml", "manifest.json", "manifest.sha256"])
def test_a_damaged_snapshot_is_refused_and_an_earlier_one_restored(
    means: Means, to: Path, tmp_path: Path, name: str
) -> None:
    first = backup(means, to)
    second = backup(later(means), to)
    content = bytearray((second.folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (second.folder / name).write_bytes(content)
    with pytest.raises(BackupError, match=name):
        restore(to, Home(tmp_path / "other"))
    assert restore(to, Home(tmp_path / "other"), snapshot=first.name).name == first.name


def test_nothing_is_removed_while_a_kept_list_is_damaged(means: Means, to: Path) -> None:
    settings = means.home.settings_file
    settings.write_text(f"{settings.read_text('utf-8')}\n[backup]\nkeep = 2\n", encoding="utf-8")
    folders = [backup(later(means, day), to).folder for day in range(2)]
    (folders[1] / "manifest.json").write_text("{}", encoding="utf-8")
    before = set(objects(to))
    with pytest.raises(BackupError, match=folders[1].name):
        backup(later(means, 2), to)
    assert set(objects(to)) >= before
    assert all(folder.is_dir() for folder in folders)


def test_a_damaged_ledger_is_not_backed_up(means: Means, to: Path, tmp_path: Path) -> None:
    first = backup(means, to)
    for number in range(2, 60):
        Ledger(means.home.ledger).append("note", subject=str(number), at=means.now, body={"text": "x" * 500})
    Ledger(means.home.ledger).truncate_log()
    content = bytearray(means.home.ledger.read_bytes())
    content[3 * 4096 : 3 * 4096 + 64] = b"\xff" * 64
    means.home.ledger.write_bytes(content)
    with pytest.raises(BackupError, match="damaged"):
        backup(later(means), to)
    assert restore(to, Home(tmp_path / "other")).name == first.name


def test_a_home_is_never_written_over(means: Means, to: Path, tmp_path: Path) -> None:
    backup(means, to)
    mine = put(tmp_path / "other" / "mine.txt", "mine")
    with pytest.raises(BackupError, match="not an empty folder"):
        restore(to, Home(mine.parent))
    with pytest.raises(BackupError, match="not an empty folder"):
        restore(to, means.home)
    assert mine.read_text() == "mine"


def test_a_disk_that_is_not_mounted_is_told(means: Means, to: Path) -> None:
    backup(means, to)
    to.rename(to.with_name("taken away"))
    to.mkdir()
    with pytest.raises(BackupError, match="mounted"):
        backup(later(means), to)
    with pytest.raises(BackupError, match="mounted"):
        restore(to, Home(to.with_name("other")))
    assert backup(later(means), to, anew=True).new_files > 0


def test_a_folder_in_the_home_is_refused(means: Means) -> None:
    with pytest.raises(BackupError, match="lies in the home"):
        backup(means, means.home.root / "backup")


def test_the_folder_is_that_of_the_settings(means: Means, to: Path) -> None:
    with pytest.raises(BackupError, match=r"\[backup\]"):
        backups.folder_of(means)
    settings = means.home.settings_file
    settings.write_text(f'{settings.read_text("utf-8")}\n[backup]\nfolder = "../disk"\n', encoding="utf-8")
    assert backups.folder_of(means) == to
    assert backups.folder_of(means, to / "x") == to / "x"


def test_a_file_that_the_home_lost_stays_in_the_backup_and_is_told(means: Means, to: Path, tmp_path: Path) -> None:
    backup(means, to)
    (means.home.root / LIST).unlink()
    for day in (1, 2):
        with pytest.raises(BackupError, match=LIST):
            backup(later(means, day), to)
    restore(to, Home(tmp_path / "other"))
    shutil.copyfile(tmp_path / "other" / LIST, means.home.root / LIST)
    assert backup(later(means, 3), to).missing == ()


def test_a_batch_that_is_nowhere_is_told_until_it_is_withdrawn(means: Means, to: Path) -> None:
    batch = land(means, 2).batch
    shutil.rmtree(means.home.landing / "insurance_month" / batch)
    with pytest.raises(BackupError, match=f"landing/insurance_month/{batch}"):
        backup(means, to)
    Ledger(means.home.ledger).withdraw(batch, at=means.now, reason="丢失")
    assert backup(later(means), to).missing == ()


def test_a_backup_on_the_same_disk_is_told(means: Means, to: Path) -> None:
    told: list[str] = []
    backup(replace(means, progress=told.append), to)
    assert [line.split("：")[0] for line in told] == ["注意", "备份 20261123T090000"]


def test_a_list_that_names_other_places_is_refused(means: Means, to: Path, tmp_path: Path) -> None:
    folder = backup(means, to).folder
    text = (folder / "manifest.json").read_text("utf-8").replace(LIST, "editions/../../escaped")
    (folder / "manifest.json").write_text(text, encoding="utf-8")
    digest = snapshots.digest_of(folder / "manifest.json")
    (folder / "manifest.sha256").write_text(f"{digest}  manifest.json\n", encoding="utf-8")
    with pytest.raises(BackupError, match="escaped"):
        restore(to, Home(tmp_path / "other"))


def test_a_drill_says_what_it_proves(means: Means, to: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found: dict[str, Any] = {"differing_files": (), "tables": 0, "differing_tables": (), "incomparable": ""}

    def replay(_: Means, **asked: Any) -> Comparison:
        assert asked == {"as_of": AS_OF, "revision": 1}
        return Comparison(edition_id="2026-11-12-r1", files=2, **found)

    monkeypatch.setattr(replaying, "replay", replay)
    backup(means, to)
    assert "2 files" in check(drill(means, to))
    found["incomparable"] = "issued by code x, this is y"
    with pytest.raises(NotComparableError, match="issued by code x"):
        check(drill(means, to))
    found["incomparable"], found["differing_files"] = "", ("briefing.html",)
    with pytest.raises(ReplayDifferenceError, match=r"briefing\.html"):
        check(drill(means, to))
    found["differing_files"] = ()
    put(means.home.root / LIST, "changed since")
    with pytest.raises(ReplayDifferenceError, match=LIST):
        check(drill(means, to))
    found["incomparable"] = "issued by code x, this is y"
    assert drill(means, to).verdict == "different", "other code does not excuse other bytes"
    told = [entry["verdict"] for entry in Ledger(means.home.ledger).entries("drill")]
    assert told == ["identical", "not comparable", "different", "different", "different"]
