"""Backup of a home to another disk: what cannot be rebuilt, each file once, and a list of it for every instant kept.

That is the ledger, the settings, the batches, the models and the editions. ``core/``, ``warehouse.duckdb`` and
``published/`` come back with the next night, which computes them from these; files that still wait in the inbox belong
to their sender until they have landed; contracts named by ``--feeds`` lie outside a home, with those who wrote them.

The ledger is copied first, then the files that this copy speaks of, and no others of landing and editions. For a night
makes a batch, a model or an edition durable before the ledger names it: all that the copy names is there to be copied,
whatever a run beside is doing, and what lands meanwhile is in the next snapshot, with its entry. The other way round
the ledger would name batches that came after their folder was looked through.
"""

import shutil
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from models import rule_score
from pipelines import settings as settings_file
from pipelines import snapshots
from pipelines.errors import BackupError, BusyError
from pipelines.ledger import Delivery, Ledger, faults_of
from pipelines.means import Means
from pipelines.restoring import Drill, check, drill, restore
from pipelines.run import code_digest
from pipelines.settings import Home
from pipelines.snapshots import LEDGER, OWN, SETTINGS, Held, Snapshot, Store, held_as, listed, place_of, some
from pipelines.warehouse import lock

__all__ = ["Drill", "Snapshot", "backup", "check", "drill", "folder_of", "restore"]


@dataclass(frozen=True)
class Named:
    """Folders that a ledger speaks of: those that are ``due`` and ``others`` that may be there; editions are due.

    Editions that are ``unfinished`` were issued, and a night is, or was when it was killed, writing their mails. Of the
    batches ``erased`` under their retention no snapshot keeps more than the home does.
    """

    due: frozenset[str]
    others: frozenset[str]
    editions: frozenset[str]
    unfinished: frozenset[str]
    last_edition: str
    erased: tuple[str, ...] = ()


@dataclass(frozen=True)
class Kept:
    """The files of a snapshot by their place in a home, those copied for it, and what the home lacked."""

    files: Mapping[str, Held]
    new: tuple[Held, ...]
    missing: tuple[str, ...]


def folder_of(means: Means, given: Path | None = None) -> Path:
    """Where backups go: ``given``, else as the settings say; raises ``BackupError`` where neither says."""
    if given:
        return given.resolve()
    named = settings_file.load(means.home).backup.folder
    if not named:
        raise BackupError(
            f"no folder for backups: name one on another disk, as folder under [backup] in {means.home.settings_file} "
            "or on the command"
        )
    return (means.home.root / named).resolve()


def backup(means: Means, to: Path, *, anew: bool = False) -> Snapshot:
    """Add a snapshot of the home to the folder ``to``, then remove those that are too old; a run beside is no harm.

    Raises ``BackupError`` where it cannot be made (the snapshots before stay), where ``to`` is empty although backups
    went there before and it is not meant to begin ``anew``, and, once the snapshot was made of all that is there, where
    the home lacks what its ledger speaks of: then nothing old is removed. Raises ``BusyError`` where a night is writing
    the mails of an edition, or another backup is being made.
    """
    settings, started = settings_file.load(means.home), perf_counter()
    store = Store(to.resolve())
    if means.home.ledger.exists() and (faults := faults_of(means.home.ledger)):
        raise BackupError(
            f"{means.home.ledger} is damaged: {some(faults)}; restore the newest snapshot into a new home"
        )
    with closing(Ledger(means.home.ledger)) as ledger:
        _refuse_unsuitable(means.home, store, ledger, anew=anew)
        with snapshots.disk_faults(f"no backup was made in {store.root}"), lock(store.root / ".lock"):
            store.sweep()
            snapshot = _taken(means, store, ledger)
            _record(means, ledger, store, snapshot, seconds=perf_counter() - started)
            if snapshot.missing:
                raise BackupError(
                    f"snapshot {snapshot.name} was made, but the home lacks {some(snapshot.missing)}: put it back from "
                    "a snapshot that has it (none is removed until then); a batch can be received again, or withdrawn"
                )
            removed, freed = (0, 0) if _has_differed(ledger) else store.prune(settings.backup.keep)
    if store.root.stat().st_dev == means.home.root.stat().st_dev:
        means.progress(f"注意：备份目录 {store.root} 与工作目录在同一块盘上，盘坏则两者俱失；请改用另一块盘")
    means.progress(
        f"备份 {snapshot.name}：{len(snapshot.files)} 个文件，新增 {snapshot.new_files} 个"
        f"（{snapshot.new_bytes} 字节）；清除旧备份 {removed} 份、不再引用的文件 {freed} 个"
    )
    return snapshot


def _refuse_unsuitable(home: Home, store: Store, ledger: Ledger, *, anew: bool) -> None:
    if store.root.is_relative_to(home.root.resolve()):
        raise BackupError(f"{store.root} lies in the home and would be lost with it; name a folder on another disk")
    went_there = any(entry["folder"] == str(store.root) for entry in ledger.entries("backup"))
    if went_there and not anew and not store.snapshots():
        raise BackupError(
            f"{store.root} holds no snapshot, although backups went there before: is the disk mounted? "
            "If the folder is to begin anew, say so with --anew"
        )


def _record(means: Means, ledger: Ledger, store: Store, snapshot: Snapshot, *, seconds: float) -> None:
    body = {
        "folder": str(store.root),
        "files": len(snapshot.files),
        "bytes": snapshot.size,
        "new_files": snapshot.new_files,
        "new_bytes": snapshot.new_bytes,
        "edition_id": snapshot.edition_id,
        "missing": list(snapshot.missing),
        "seconds": round(seconds, 1),
    }
    ledger.append("backup", subject=snapshot.name, at=means.now, body=body)


def _taken(means: Means, store: Store, ledger: Ledger) -> Snapshot:
    name, city = means.now.strftime(snapshots.INSTANT), settings_file.load(means.home).city
    earlier = _earlier(store)
    with store.drafted(name) as draft:
        ledger.copy_to(draft / LEDGER)
        shutil.copyfile(means.home.settings_file, draft / SETTINGS)
        named = _named_by(draft / LEDGER)
        kept = _kept(means, store, named, earlier)
        snapshot = Snapshot(
            folder=store.root / "snapshots" / name,
            taken_at=means.now,
            edition_id=named.last_edition,
            files={**kept.files, **{own: held_as(draft / own) for own in OWN}},
            missing=kept.missing,
            new_files=len(kept.new),
            new_bytes=sum(held.size for held in kept.new),
        )
        snapshots.write(draft, snapshot, {"city": city.name, "bureau": city.bureau, "code": code_digest()})
    return snapshot


def _has_differed(ledger: Ledger) -> bool:
    """Whether the last restore drill gave another edition: until one is identical again, every snapshot is kept."""
    drills = ledger.entries("drill")
    return bool(drills) and drills[-1]["verdict"] == "different"


def _earlier(store: Store) -> Mapping[str, Held]:
    """Files of the newest snapshot; none where its list is damaged, which ``prune`` tells while it is kept."""
    found = store.snapshots()
    try:
        return snapshots.read(found[-1]).files if found else {}
    except BackupError:
        return {}


def _named_by(path: Path) -> Named:
    """What the ledger file ``path`` speaks of.

    A withdrawn batch, one refused as unreadable and the rule score, which is no file, need not be there.
    """
    with closing(Ledger(path)) as ledger:
        in_force, deliveries = ledger.deliveries(), ledger.deliveries(withdrawn=True)
        issued = [record for record in ledger.editions() if record.was_issued()]
        finished = {entry["subject"] for entry in ledger.entries("finished")}
        models = {entry["subject"] for entry in ledger.entries("promotion")} - {rule_score.MODEL_ID}
        erased = ledger.erased()
    editions = {place_of(record) for record in issued}
    batches = {_place(d) for d in in_force if d.status == "accepted"}
    return Named(
        due=frozenset(batches | editions | {f"models/{model}" for model in models}),
        others=frozenset({_place(d) for d in deliveries} - batches),
        editions=frozenset(editions),
        unfinished=frozenset(place_of(record) for record in issued if record.edition_id not in finished),
        last_edition=issued[-1].edition_id if issued else "",
        erased=tuple(sorted(f"landing/{feed}/{batch}/" for feed, batch in erased)),
    )


def _place(delivery: Delivery) -> str:
    """Where the batch of ``delivery`` lies in a home."""
    return f"landing/{delivery.feed if delivery.status == 'accepted' else '_refused'}/{delivery.batch}"


def _kept(means: Means, store: Store, named: Named, earlier: Mapping[str, Held]) -> Kept:
    """Copy what the store lacks; what the snapshot before held of these folders stays, whether the home has it or not.

    A night repeated after a fault writes the files of an edition again, to the same bytes: they go and come back. So
    editions are looked through again afterwards, and one whose mails are not all written is left to the night at work.
    """
    home = means.home.root
    _refuse_at_work(means.home, named.unfinished)
    before = listed(home, sorted(named.editions))
    models = {f"models/{path.name}" for path in means.home.models.glob("[!.]*")}
    names = [*before, *listed(home, sorted((named.due | named.others | models) - named.editions))]
    files: dict[str, Held] = {}
    new: dict[str, Held] = {}
    for count, name in enumerate(names, start=1):
        try:
            files[name] = held = _held(home / name, store, earlier.get(name))
            if not store.has(held):
                store.put(home / name, held)
                new[held.sha256] = held
        except FileNotFoundError:
            _refuse_at_work(means.home, (), changed=[name] if not (home / name).exists() else [])
            raise
        if count % 1000 == 0:
            means.progress(f"备份文件 {count}/{len(names)}")
    changed = listed(home, sorted(named.editions)).items() ^ before.items()
    _refuse_at_work(means.home, named.unfinished, changed=sorted({name for name, _ in changed}))
    inside = tuple(f"{folder}/" for folder in named.due | named.others)
    missed = {name: held for name, held in earlier.items() if name not in files and name.startswith(inside)}
    lost = {name: held for name, held in missed.items() if not name.startswith(named.erased)}
    return Kept({**files, **lost}, tuple(new.values()), _missing(named, files, lost))


def _held(path: Path, store: Store, earlier: Held | None) -> Held:
    """``path`` as it is now; what looks as in the snapshot before, and is in the store, is not read again."""
    status = path.stat()
    looks_same = earlier and (earlier.size, earlier.mtime_ns) == (status.st_size, status.st_mtime_ns)
    return earlier if earlier and looks_same and store.has(earlier) else held_as(path)


def _refuse_at_work(home: Home, unfinished: Iterable[str], *, changed: Iterable[str] = ()) -> None:
    """Raise ``BusyError`` where files of editions ``changed``, or one is ``unfinished`` and a night is running."""
    waiting = sorted(changed)
    if unfinished and not waiting:
        try:
            with lock(home.root / ".lock"):
                return
        except BusyError:
            waiting = sorted(unfinished)
    if waiting:
        raise BusyError(f"a night is at work on {some(waiting)}; back up again when it is done")


def _missing(named: Named, files: Iterable[str], lost: Iterable[str]) -> tuple[str, ...]:
    """Folders that are due and hold nothing, and single files that the snapshot before held of other folders."""
    there = {str(parent) for name in files for parent in Path(name).parents}
    empty = sorted(named.due - there)
    inside = tuple(f"{folder}/" for folder in empty)
    return (*empty, *sorted(name for name in lost if not name.startswith(inside)))
