"""Backups beside nights and deliveries, on a full disk, and killed half way: whole or not at all."""

import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from kept_home import LIST, contents, furnish, issue, land, later, objects, put

from pipelines import snapshots
from pipelines.backup import backup, restore
from pipelines.errors import BackupError, BusyError
from pipelines.ledger import Delivery, Ledger
from pipelines.means import Means
from pipelines.settings import Home
from pipelines.snapshots import Store, listed
from pipelines.warehouse import lock


@pytest.fixture
def means(make_home: Callable[..., Means]) -> Means:
    made = make_home()
    furnish(made)
    return made


@pytest.fixture
def to(tmp_path: Path) -> Path:
    return tmp_path / "disk"


def test_what_lands_during_a_backup_is_wholly_in_the_next(
    means: Means, to: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_there, landed = Store.put, []

    def landing(store: Store, *given: Any) -> None:
        if not landed:
            landed.append(land(means, 2))
        put_there(store, *given)

    monkeypatch.setattr(Store, "put", landing)
    backup(means, to)
    restore(to, Home(tmp_path / "one"))
    backup(later(means), to)
    restore(to, Home(tmp_path / "two"))
    folder = f"landing/insurance_month/{landed[0].batch}"
    assert len(Ledger(tmp_path / "one" / "ledger.sqlite").deliveries()) == 1
    assert not (tmp_path / "one" / folder).exists()
    assert Ledger(tmp_path / "two" / "ledger.sqlite").deliveries()[-1] == landed[0]
    assert listed(tmp_path / "two", [folder]).keys() == listed(means.home.root, [folder]).keys()


def test_every_snapshot_made_beside_deliveries_is_whole(means: Means, to: Path, tmp_path: Path) -> None:
    with means.home.settings_file.open("a", encoding="utf-8") as settings:
        settings.write("\n[backup]\nkeep = 1000\n")
    landed: list[Delivery] = []
    beside = threading.Thread(target=lambda: landed.extend(land(means, number) for number in range(2, 7)))
    beside.start()
    names = []
    while beside.is_alive():
        names.append(backup(later(means, len(names)), to).name)
    beside.join()
    assert len(landed) == 5
    counts = []
    for name in names:
        home = Home(tmp_path / name)
        restore(to, home, snapshot=name)
        deliveries = Ledger(home.ledger).deliveries()
        counts.append(len(deliveries))
        batches = {path.name for path in (home.landing / "insurance_month").iterdir()}
        assert batches == {delivery.batch for delivery in deliveries}
        assert all((home.landing / "insurance_month" / batch / "rows.parquet").is_file() for batch in batches)
    assert counts == sorted(counts)
    assert len(set(counts)) > 2, "backups between deliveries"


def test_an_edition_that_a_night_is_at_work_on_is_left_to_it(means: Means, to: Path) -> None:
    put(means.home.editions / "2026-11-13" / "r1" / "edition.json", "{}")
    assert "editions/2026-11-13/r1/edition.json" not in backup(means, to).files, "it is not on record yet"
    issue(means, date(2026, 11, 13))
    with lock(means.home.root / ".lock"), pytest.raises(BusyError, match="2026-11-13"):
        backup(later(means), to)
    assert len(Store(to).snapshots()) == 1
    Ledger(means.home.ledger).append("finished", subject="2026-11-13-r1", at=means.now, body={})
    with lock(means.home.root / ".lock"):
        assert "editions/2026-11-13/r1/edition.json" in backup(later(means), to).files


def test_an_edition_written_again_during_the_backup_is_noticed(
    means: Means, to: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_there = Store.put

    def rewriting(store: Store, *given: Any) -> None:
        put_there(store, *given)
        path = means.home.root / LIST
        path.unlink()
        put(path, "list")

    monkeypatch.setattr(Store, "put", rewriting)
    with pytest.raises(BusyError, match=LIST):
        backup(means, to)
    assert not Store(to).snapshots()


def test_a_file_that_goes_during_the_backup_is_noticed(means: Means, to: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_there = Store.put

    def removing(store: Store, *given: Any) -> None:
        put_there(store, *given)
        (means.home.root / LIST).unlink(missing_ok=True)

    monkeypatch.setattr(Store, "put", removing)
    with pytest.raises(BusyError, match=LIST):
        backup(means, to)


def test_two_backups_do_not_meet(means: Means, to: Path) -> None:
    with lock(to / ".lock"), pytest.raises(BusyError):
        backup(means, to)


def test_a_full_disk_is_told_and_leaves_the_snapshot_before(
    means: Means, to: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = backup(means, to)
    land(means, 2)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device", "x")

    monkeypatch.setattr(snapshots.shutil, "copyfile", full)
    with pytest.raises(BackupError, match="No space left on device"):
        backup(later(means), to)
    monkeypatch.undo()
    assert restore(to, Home(tmp_path / "other")).name == first.name


KILLER = """
import os, signal, shutil, sys
from datetime import datetime
from pathlib import Path
from pipelines import backup, snapshots
from pipelines.means import Means
from pipelines.settings import Home
where, root, to = sys.argv[1:]


def kill(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
match where:
    case "inside a copy":
        whole = snapshots.digest_of
        snapshots.digest_of = lambda path: kill() if "objects" in str(path) else whole(path)
    case "between copies":
        put, done = snapshots.Store.put, []
        def second(store, *given):
            kill() if done else done.append(put(store, *given))
        snapshots.Store.put = second
    case "before the name":
        write = snapshots.write
        snapshots.write = lambda *given: (write(*given), kill())
    case "before the record":
        backup.Ledger.append = kill
    case "while pruning":
        snapshots.shutil.rmtree = kill
backup.backup(Means(home=Home(Path(root)), now=datetime(2026, 11, 25, 9)), Path(to))
"""


@pytest.mark.parametrize(
    "where", ["inside a copy", "between copies", "before the name", "before the record", "while pruning"]
)
def test_a_killed_backup_leaves_what_was_there(means: Means, to: Path, tmp_path: Path, where: str) -> None:
    settings = means.home.settings_file
    settings.write_text(f"{settings.read_text('utf-8')}\n[backup]\nkeep = 1\n", encoding="utf-8")
    first = backup(means, to)
    land(means, 2)
    command = [sys.executable, "-c", KILLER, where, str(means.home.root), str(to)]
    assert subprocess.run(command, capture_output=True, check=False).returncode == -9
    is_named = where in {"before the record", "while pruning"}
    newest = restore(to, Home(tmp_path / "other"))
    assert newest.name == ("20261125T090000" if is_named else first.name)
    assert len(Ledger(tmp_path / "other" / "ledger.sqlite").deliveries()) == 1 + is_named
    backup(later(means, 3), to)
    assert [path.name for path in (to / "snapshots").iterdir()] == ["20261126T090000"]
    assert not [path for path in objects(to) if path.name.startswith(".")]
    restore(to, Home(tmp_path / "third"))
    assert contents(tmp_path / "third") == contents(means.home.root)
