"""Files as they lie in an inbox: which of them wait, which nobody asked for, and the bytes of one that has settled.

A file that is still being written is left for the next run, and one that changed while it was taken is not removed. One
larger than a host can read is hashed piece by piece and never held. What a file holds is no concern of this module.
"""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import sleep

from pipelines.contracts import Contracts

UNFINISHED = (".part", ".tmp")
PAUSE_SECONDS = 0.3
MAXIMUM_BYTES = 2**29
"""The widest month of a province (four million units) and three years of a city's have less; see deliveries.md."""
PIECE_BYTES = 2**22


@dataclass(frozen=True)
class Look:
    """What tells one state of a file from another."""

    inode: int
    size: int
    modified_ns: int


@dataclass(frozen=True)
class Taken:
    """The bytes of a file (None: more than ``MAXIMUM_BYTES``), their SHA-256, their number, and its look meanwhile."""

    content: bytes | None
    sha256: str
    size: int
    look: Look


def waiting(inbox: Path, *, contracts: Contracts) -> list[tuple[Path, str | None]]:
    """Finished files in ``inbox/<feed>/`` and in ``inbox/`` itself, as they arrived, each with its folder's feed."""
    folders: list[tuple[Path, str | None]] = [(inbox / feed, feed) for feed in contracts.feeds]
    found = [
        (path, feed)
        for folder, feed in [*folders, (inbox, None)]
        if folder.is_dir()
        for path in folder.iterdir()
        if path.is_file() and _is_finished(path)
    ]
    return sorted(found, key=lambda pair: (_appeared_ns(pair[0]), pair[0]))


def strangers(inbox: Path, *, contracts: Contracts) -> list[Path]:
    """Finished files in folders of ``inbox`` that belong to no feed; nobody takes them."""
    places = {inbox, *(inbox / feed for feed in contracts.feeds)}
    found: list[Path] = []
    for name, folders, files in os.walk(inbox):
        folders[:] = [folder for folder in folders if not folder.startswith(".")]
        if Path(name) not in places:
            found += [path for path in (Path(name, file) for file in files) if path.is_file() and _is_finished(path)]
    return sorted(found)


def settled(files: Sequence[tuple[Path, str | None]]) -> tuple[list[tuple[Path, str | None]], list[Path]]:
    """Those of ``files`` that look the same twice, a moment apart, and those still being written or gone."""
    before = [_look_or_none(path) for path, _ in files]
    if files:
        sleep(PAUSE_SECONDS)
    same = [look is not None and look == _look_or_none(path) for look, (path, _) in zip(before, files, strict=True)]
    ready = [pair for pair, is_same in zip(files, same, strict=True) if is_same]
    return ready, [path for (path, _), is_same in zip(files, same, strict=True) if not is_same]


def take(path: Path) -> Taken:
    """Read ``path``; raises ``OSError`` where it cannot be read."""
    with path.open("rb") as handle:
        look = _look_of(os.fstat(handle.fileno()))
        content = handle.read(min(look.size, MAXIMUM_BYTES) + 1)
        digest, size = hashlib.sha256(content), len(content)
        if size <= MAXIMUM_BYTES:
            return Taken(content, digest.hexdigest(), size, look)
        del content
        while piece := handle.read(PIECE_BYTES):
            digest.update(piece)
            size += len(piece)
        return Taken(None, digest.hexdigest(), size, look)


def is_unchanged(path: Path, taken: Taken) -> bool:
    """Whether ``path`` still is the file that was taken, with nothing written to it since."""
    return taken.size == taken.look.size and _look_or_none(path) == taken.look


def shown_name(path: Path) -> str:
    """The name of a file as text, also where a system of another encoding (GB18030) gave it."""
    try:
        path.name.encode("utf-8")
    except UnicodeEncodeError:
        return os.fsencode(path.name).decode("gb18030", "replace")
    return path.name


def _appeared_ns(path: Path) -> int:
    try:
        return path.stat().st_ctime_ns
    except FileNotFoundError:
        return 0


def _is_finished(path: Path) -> bool:
    return not path.name.startswith(".") and path.suffix.lower() not in UNFINISHED


def _look_of(stat: os.stat_result) -> Look:
    return Look(stat.st_ino, stat.st_size, stat.st_mtime_ns)


def _look_or_none(path: Path) -> Look | None:
    try:
        return _look_of(path.stat())
    except FileNotFoundError:
        return None
