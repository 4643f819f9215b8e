"""What of the last edition's published files still holds, so that a night writes only the months that changed.

A book beside the files says on which slab of the core each of their months rests, and how each file looked when it was
checked. A book that is missing, or a file that looks otherwise, costs a night in which files are written whole, and
nothing else: the book goes after the files get their names, so it never speaks of a file that a killed run left.
Slabs are named by what they rest on, enterprise numbers included; rows are never compared.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.contracts import read_sql
from pipelines.errors import PublishError
from pipelines.run import Run, atomic_file, code_digest
from pipelines.warehouse import Warehouse

BOOK = ".base.json"
WHOLE = ""
MONTHS = "core.enterprise_month"
MOST_MONTHS = 0.5
MOST_MOVED = 0.05
MOST_GROWN = 2


@dataclass(frozen=True)
class Base:
    """The last edition's files by county (``WHOLE``: the city's), and what they do not hold as it now is.

    That is ``months``, and the enterprises ``moved`` to another county. ``sizes`` are the bytes of each file when last
    written whole.
    """

    files: Mapping[str, Path] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)
    months: tuple[str, ...] = ()
    moved: tuple[int, ...] = ()


NOTHING = Base()


def find(run: Run, warehouse: Warehouse, folder: Path) -> Base:
    """What tonight may start from; nothing where an edition is rebuilt for comparison, or too much has changed."""
    now = _rests_on(warehouse)
    book = _book(folder) if run.output is None else {}
    if not now or book.get("code") != code_digest():
        return NOTHING
    entries = {code: entry for code, entry in book["files"].items() if _is_as_left(folder, entry)}
    was: dict[str, str] = book["months"]
    changed = tuple(sorted(month for month in now.keys() | was.keys() if now.get(month) != was.get(month)))
    if WHOLE not in entries or len(changed) > MOST_MONTHS * len(now):
        return NOTHING
    files = {code: folder / entry["name"] for code, entry in entries.items()}
    try:
        with warehouse.attached(files[WHOLE], name="base"):
            moved = tuple(number for (number,) in warehouse.rows(read_sql("out/moved")))
    except PublishError:
        return NOTHING
    if len(moved) > MOST_MOVED * warehouse.count("core.enterprise"):
        files = {WHOLE: files[WHOLE]}
    return Base(files, {code: entries[code]["written_whole"] for code in files}, changed, moved)


def keep(warehouse: Warehouse, folder: Path, files: Mapping[str, Path], *, sizes: Mapping[str, int]) -> None:
    """Write the book of ``files``, which are checked and have their names; ``sizes`` of those that were copied."""
    entries = {}
    for code, path in files.items():
        look = _look(path)
        entries[code] = {
            "name": path.relative_to(folder).as_posix(),
            "look": look,
            "written_whole": sizes.get(code, look[1]),
        }
    body = {"code": code_digest(), "months": _rests_on(warehouse), "files": entries}
    with atomic_file(folder / BOOK) as temporary:
        temporary.write_text(json.dumps(body, sort_keys=True, indent=1) + "\n", encoding="utf-8")


def _book(folder: Path) -> dict[str, Any]:
    path = folder / BOOK
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


def _is_as_left(folder: Path, entry: Mapping[str, Any]) -> bool:
    """Whether a file is the one that was checked, and has not grown by what deleted rows leave."""
    path = folder / entry["name"]
    look: list[int] = entry["look"]
    return path.is_file() and _look(path) == look and look[1] <= MOST_GROWN * int(entry["written_whole"])


def _look(path: Path) -> list[int]:
    """Which file it is, its bytes, and when it was last written."""
    status = path.stat()
    return [status.st_ino, status.st_size, status.st_mtime_ns]


def _rests_on(warehouse: Warehouse) -> dict[str, str]:
    """Month → name of its slab, as the view of the month table reads them; nothing where it is a table."""
    return {path.parent.parent.name: path.parent.name for path in warehouse.files_under(MONTHS)}
