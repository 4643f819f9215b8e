"""A folder of snapshots, on another disk: every file of a home once, and for each backup a list of what it holds.

    objects/<2 letters>/<sha256>    a file of landing, models or editions, named by its hash, never rewritten
    snapshots/<instant>/            ledger.sqlite, wengang.toml, manifest.json, manifest.sha256

A snapshot gets its name when all it lists is durable, so one that has a name is whole. An object goes only when no
snapshot that is kept lists it. Nothing here needs Wengang to be read: ``sha256sum -c manifest.sha256`` judges the list.
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from pipelines.errors import BackupError
from pipelines.ledger import EditionRecord
from pipelines.run import atomic_file, make_folder, sync_folder

FORMAT = 1
MANIFEST, SEAL = "manifest.json", "manifest.sha256"
LEDGER, SETTINGS = "ledger.sqlite", "wengang.toml"
OWN = (LEDGER, SETTINGS)
PARTS = ("landing", "models", "editions")
INSTANT = "%Y%m%dT%H%M%S"
SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Held:
    """A file as a snapshot holds it: bytes, hash, and when the file of the home was last written (ns since 1970)."""

    size: int
    sha256: str
    mtime_ns: int


@dataclass(frozen=True)
class Snapshot:
    """One backup: where it lies, the instant it is of, its last issued edition and its files by their place in a home.

    ``missing`` is what the ledger speaks of and the home did not hold; ``new_files`` and ``new_bytes`` were copied.
    """

    folder: Path
    taken_at: datetime
    edition_id: str
    files: Mapping[str, Held]
    missing: tuple[str, ...] = ()
    new_files: int = 0
    new_bytes: int = 0

    @property
    def name(self) -> str:
        """The instant as its folder is called, such as ``20261123T120000``."""
        return self.folder.name

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(held.size for held in self.files.values())


@dataclass(frozen=True)
class Store:
    """The folder ``root`` that holds objects and snapshots."""

    root: Path

    def snapshots(self) -> list[Path]:
        """Folders of whole snapshots, the oldest first."""
        return sorted(path for path in (self.root / "snapshots").glob("[!.]*") if path.is_dir())

    def chosen(self, name: str | None) -> Snapshot:
        """The snapshot ``name``, the newest if None; raises ``BackupError`` where it is not there or damaged."""
        found = {path.name: path for path in self.snapshots()}
        if not found:
            raise BackupError(f"{self.root} holds no snapshot: is the disk mounted, and the folder the right one?")
        folder = found.get(name) if name else found[max(found)]
        if folder is None:
            raise BackupError(f"{self.root} holds no snapshot {name}; there are: {', '.join(found)}")
        return read(folder)

    def object(self, held: Held) -> Path:
        """Where the content of ``held`` lies."""
        return self.root / "objects" / held.sha256[:2] / held.sha256

    def has(self, held: Held) -> bool:
        """Whether the content is there, judged by its name and size."""
        path = self.object(held)
        return path.is_file() and path.stat().st_size == held.size

    def put(self, source: Path, held: Held) -> None:
        """Keep the content of ``source``, durable on return; raises ``BackupError`` where it is no longer ``held``."""
        with atomic_file(self.object(held)) as temporary:
            shutil.copyfile(source, temporary)
            if digest_of(temporary) != held.sha256:
                raise BackupError(f"{source} was written to while it was copied; back up again")

    def content(self, snapshot: Snapshot, name: str) -> Path:
        """Where the file ``name`` of ``snapshot`` lies."""
        return snapshot.folder / name if name in OWN else self.object(snapshot.files[name])

    @contextmanager
    def drafted(self, name: str) -> Iterator[Path]:
        """A folder to fill, which becomes the snapshot ``name`` at the end, or goes if anything is raised."""
        final = self.root / "snapshots" / name
        if final.exists():
            raise BackupError(f"{final} is there already: one backup a second; back up again")
        draft = final.with_name(f".{name}")
        make_folder(draft)
        try:
            yield draft
            for path in draft.iterdir():
                with path.open("rb") as written:
                    os.fsync(written.fileno())
            sync_folder(draft)
            draft.rename(final)
            sync_folder(final.parent)
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def sweep(self) -> None:
        """Remove what a killed backup left under a temporary name."""
        for path in (self.root / "snapshots").glob(".*"):
            shutil.rmtree(path, ignore_errors=True)
        for path in (self.root / "objects").glob("*/.*"):
            path.unlink(missing_ok=True)

    def prune(self, keep: int) -> tuple[int, int]:
        """Remove all but the last ``keep`` snapshots, then objects that none lists; gives the number of each.

        Raises ``BackupError``, with all objects left, where a snapshot that stays is damaged: what it lists is unknown.
        """
        found = self.snapshots()
        kept, old = found[-keep:], found[:-keep]
        listed = {held.sha256 for folder in kept for held in read(folder).files.values()}
        for folder in old:
            hidden = folder.with_name(f".{folder.name}")
            folder.rename(hidden)
            shutil.rmtree(hidden)
        unlisted = [path for path in (self.root / "objects").glob("*/*") if path.name not in listed]
        for path in unlisted:
            path.unlink()
        return len(old), len(unlisted)


def listed(home: Path, folders: Iterable[str]) -> dict[str, tuple[int, int]]:
    """Files below ``folders`` of ``home`` with inode and time of writing (ns).

    A name that begins with a dot is still being written.
    """
    found = {}
    for folder in folders:
        for path in sorted((home / folder).rglob("*")):
            name = path.relative_to(home)
            if path.is_file() and not any(part.startswith(".") for part in name.parts):
                status = path.stat()
                found[name.as_posix()] = (status.st_ino, status.st_mtime_ns)
    return found


def place_of(record: EditionRecord) -> str:
    """Where the edition of ``record`` lies in a home."""
    return f"editions/{record.as_of.isoformat()}/r{record.revision}"


def digest_of(path: Path) -> str:
    """SHA-256 of the content of ``path``."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def held_as(path: Path) -> Held:
    """``path`` as it is now."""
    status = path.stat()
    return Held(size=status.st_size, sha256=digest_of(path), mtime_ns=status.st_mtime_ns)


def write(draft: Path, snapshot: Snapshot, facts: Mapping[str, Any]) -> None:
    """Write the list of ``snapshot``, and ``facts`` to be read by people, into its folder ``draft``, with its seal."""
    body = {
        "format": FORMAT,
        "taken_at": snapshot.taken_at.isoformat(),
        "edition_id": snapshot.edition_id,
        **facts,
        "missing": list(snapshot.missing),
        "files": {name: asdict(held) for name, held in sorted(snapshot.files.items())},
    }
    (draft / MANIFEST).write_text(json.dumps(body, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    (draft / SEAL).write_text(f"{digest_of(draft / MANIFEST)}  {MANIFEST}\n", encoding="utf-8")


def read(folder: Path) -> Snapshot:
    """The snapshot in ``folder``; raises ``BackupError`` where its list is not as it was written."""
    try:
        content = (folder / MANIFEST).read_bytes()
        sealed = (folder / SEAL).read_text(encoding="utf-8").split()[0]
    except (OSError, IndexError, UnicodeDecodeError) as error:
        raise _damaged(folder, f"{MANIFEST} or {SEAL} cannot be read") from error
    if hashlib.sha256(content).hexdigest() != sealed:
        raise _damaged(folder, f"{MANIFEST} is not the file that was written: its hash differs from {SEAL}")
    body = json.loads(content)
    if body["format"] > FORMAT:
        raise BackupError(f"{folder} has format {body['format']}, this Wengang reads {FORMAT}; update Wengang")
    files = {name: Held(**held) for name, held in body["files"].items()}
    strange = [name for name, held in files.items() if not _belongs(name) or not SHA256.fullmatch(held.sha256)]
    if strange or not set(OWN) <= set(files):
        raise _damaged(folder, f"it lists what no home has ({', '.join(strange[:3]) or 'or lacks a ledger'})")
    return Snapshot(
        folder=folder,
        taken_at=datetime.fromisoformat(body["taken_at"]),
        edition_id=body["edition_id"],
        files=files,
        missing=tuple(body["missing"]),
    )


def _belongs(name: str) -> bool:
    """Whether ``name`` is a place in a home that backups hold."""
    parts = PurePosixPath(name).parts
    return name in OWN or (len(parts) > 1 and parts[0] in PARTS and ".." not in parts)


def _damaged(folder: Path, why: str) -> BackupError:
    return BackupError(
        f"snapshot {folder} is damaged: {why}; use another one, and remove this folder once one is whole"
    )


@contextmanager
def disk_faults(what: str) -> Iterator[None]:
    """Say in our words what the system says of a file or a disk; ``what`` was not done because of it."""
    try:
        yield
    except OSError as error:
        raise BackupError(
            f"{what} ({error.strerror or error}: {error.filename or 'no file named'}); snapshots made before are as "
            "they were. See to the disk and its space, then try again"
        ) from error


def some(names: Iterable[str], *, most: int = 10) -> str:
    """The first of ``names``, and how many more there are."""
    listed = list(names)
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more
