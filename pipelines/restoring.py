"""Restore, and the drill that shows that a restored home rebuilds the last edition byte for byte.

A restore writes into an empty folder only, holds every file against its hash, has SQLite check the ledger, and writes
the settings last: until then the folder is no home. A restored home knows what its snapshot knew; deliveries since are
received again, and mails that waited at that instant are handed over by its next night.
"""

import shutil
import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Literal, TypeVar

from pipelines import replay as replaying
from pipelines import snapshots
from pipelines.errors import BackupError, NotComparableError, NotFoundError, ReplayDifferenceError
from pipelines.ledger import EditionRecord, Ledger, faults_of
from pipelines.means import Means
from pipelines.run import atomic_file, make_folder
from pipelines.settings import Home
from pipelines.snapshots import LEDGER, OWN, SETTINGS, Snapshot, Store, listed, place_of, some

T = TypeVar("T")
DRILL = "wengang-drill-"


@dataclass(frozen=True)
class Drill:
    """What a drill found: the replay in the restored home, and files of its edition that differ from the live home's.

    Seconds are those of the restore and of the replay, ``size`` the bytes restored.
    """

    snapshot: str
    comparison: replaying.Comparison
    differing_from_live: tuple[str, ...]
    size: int
    restore_seconds: float
    replay_seconds: float

    @property
    def verdict(self) -> Literal["identical", "different", "not comparable"]:
        """The replay of an edition that other code issued proves nothing, unless its restored files differ."""
        if self.differing_from_live:
            return "different"
        if self.comparison.incomparable:
            return "not comparable"
        return "identical" if self.comparison.equal else "different"


def restore(source: Path, home: Home, *, snapshot: str | None = None) -> Snapshot:
    """Bring the newest snapshot of the folder ``source``, or the one called ``snapshot``, back into an empty ``home``.

    Raises ``BackupError``, and leaves the folder empty, where a file is damaged or missing (each is named), where there
    is no such snapshot or no room; and where ``home`` is not empty, which is left as it is.
    """
    root = home.root
    if root.is_symlink() or (root.exists() and (not root.is_dir() or any(root.iterdir()))):
        raise BackupError(f"{root} is not an empty folder; a restore writes over nothing: name another one")
    store = Store(source.resolve())
    chosen = store.chosen(snapshot)
    with snapshots.disk_faults(f"{root} was not restored"):
        make_folder(root)
        room = shutil.disk_usage(root).free
        if room < chosen.size:
            raise BackupError(
                f"{root} has room for {room} bytes, snapshot {chosen.name} needs {chosen.size}; make room"
            )
        try:
            _refuse_damaged(chosen, _brought(store, chosen, home))
        except BaseException:
            _empty(root)
            raise
    return chosen


def _brought(store: Store, chosen: Snapshot, home: Home) -> list[str]:
    """Copy every file into ``home``, the ledger last but for the settings; gives what is wrong."""
    faults: list[str] = []
    for name in [*sorted(set(chosen.files) - set(OWN)), LEDGER]:
        faults += _copied(store, chosen, name, home)
    faults += [f"{LEDGER}: {fault}" for fault in faults_of(home.ledger)] if not faults else []
    for folder in home.folders():
        make_folder(folder)
    return faults + _copied(store, chosen, SETTINGS, home)


def _copied(store: Store, chosen: Snapshot, name: str, home: Home) -> list[str]:
    """Copy one file, durable on return; gives what is wrong with it, if anything."""
    source = store.content(chosen, name)
    if not source.is_file():
        return [f"{name} is missing ({source})"]
    with atomic_file(home.root / name) as temporary:
        shutil.copyfile(source, temporary)
        is_whole = snapshots.digest_of(temporary) == chosen.files[name].sha256
    return [] if is_whole else [f"{name} is damaged, its hash differs ({source})"]


def _refuse_damaged(chosen: Snapshot, faults: list[str]) -> None:
    if faults:
        raise BackupError(
            f"snapshot {chosen.name} cannot be restored: {some(faults, most=20)}. Choose another one (--snapshot); "
            "while the home that was backed up lives, remove the damaged files and its next backup copies them again"
        )


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def drill(means: Means, source: Path) -> Drill:
    """Restore the newest snapshot of ``source`` into a temporary folder, rebuild its last edition there, and compare.

    The replay compares with the restored files, and with the live home's published tables where those are still kept.
    What it finds is put on record, and ``check`` says it. Raises ``BackupError`` where the snapshot cannot be restored,
    ``NotFoundError`` where it holds no issued edition.
    """
    with tempfile.TemporaryDirectory(prefix=DRILL) as name:
        home = Home(Path(name) / "home")
        restored, restore_seconds = _timed(lambda: restore(source, home))
        means.progress(f"恢复演练：{restored.name} 已恢复，{restored.size} 字节，{restore_seconds:.1f} 秒")
        record = _last_issued(home, restored)
        home.published.rmdir()
        home.published.symlink_to(means.home.published.resolve())
        own = replace(means, home=home)
        compared, replay_seconds = _timed(
            lambda: replaying.replay(own, as_of=record.as_of, revision=record.revision),
        )
        differing = _differing(means.home.root, home.root, place_of(record))
    done = Drill(restored.name, compared, differing, restored.size, restore_seconds, replay_seconds)
    body = {
        "folder": str(source.resolve()),
        "edition_id": record.edition_id,
        "verdict": done.verdict,
        "files": compared.files,
        "tables": compared.tables,
        "bytes": done.size,
        "restore_seconds": round(restore_seconds, 1),
        "replay_seconds": round(replay_seconds, 1),
    }
    with closing(Ledger(means.home.ledger)) as ledger:
        ledger.append("drill", subject=restored.name, at=means.now, body=body)
    return done


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    started = perf_counter()
    return work(), perf_counter() - started


def _last_issued(home: Home, snapshot: Snapshot) -> EditionRecord:
    with closing(Ledger(home.ledger)) as ledger:
        issued = [record for record in ledger.editions() if record.status == "issued"]
    if not issued:
        raise NotFoundError(
            f"snapshot {snapshot.name} holds no issued edition to rebuild: run a night and back up first"
        )
    return issued[-1]


def _differing(live: Path, restored: Path, folder: str) -> tuple[str, ...]:
    """Files of the edition in ``folder`` that are not the same, byte for byte, in both homes."""
    names = {*listed(live, [folder]), *listed(restored, [folder])}
    return tuple(name for name in sorted(names) if _content(live / name) != _content(restored / name))


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def check(done: Drill) -> str:
    """The drill in words.

    Raises ``ReplayDifferenceError`` where something differs, ``NotComparableError`` where the replay proves nothing.
    """
    compared = done.comparison
    words = (
        f"{compared.edition_id} from snapshot {done.snapshot}: restored in {done.restore_seconds:.1f} s, rebuilt in "
        f"{done.replay_seconds:.1f} s, {compared.files} files and {compared.tables} published tables compared"
    )
    if done.verdict == "different":
        differing = (*done.differing_from_live, *compared.differing_files, *compared.differing_tables)
        raise ReplayDifferenceError(f"{words}; differing: {some(differing)}. Keep every snapshot and find out why")
    if done.verdict == "not comparable":
        raise NotComparableError(
            f"{words}; restored whole, but the replay proves nothing: {compared.incomparable}. Drill again when "
            "the next night is backed up"
        )
    return words
