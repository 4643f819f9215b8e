"""What of the last edition's published files still holds, so that a night writes only the months that changed.

A book beside the files says on which slab of the core each of their months rests, and how each file looked when it was
checked. A book that is missing, or a file that looks otherwise, costs a night in which files are written whole, and
nothing else: the book goes after the files get their names, so it never speaks of a file that a killed run left.
Slabs are named by what they rest on, enterprise numbers included; rows are never compared.

A copy keeps in freed blocks what was deleted from it. So a county that an enterprise has left is written whole, and so
is every file once a delivery was withdrawn, or where the last files tell of a later day.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from pipelines.contracts import read_sql
from pipelines.errors import PublishError
from pipelines.run import Run, atomic_file, code_digest
from pipelines.stages.publish.shelf import BOOK
from pipelines.warehouse import Warehouse

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


def find(run: Run, warehouse: Warehouse, folder: Path, *, withdrawals: int) -> Base:
    """What tonight may start from; nothing where an edition is rebuilt for comparison, or too much has changed.

    ``withdrawals`` is how many the run sees.
    """
    try:
        return _found(run, warehouse, folder, withdrawals) if run.output is None else NOTHING
    except (KeyError, TypeError, ValueError):
        return NOTHING


def _found(run: Run, warehouse: Warehouse, folder: Path, withdrawals: int) -> Base:
    """As ``find``; a book that is not as it was written raises."""
    now, book = _rests_on(warehouse), _book(folder)
    if not now or (book.get("code"), book.get("withdrawals")) != (code_digest(), withdrawals):
        return NOTHING
    entries = {code: entry for code, entry in book["files"].items() if _is_as_left(folder, entry)}
    was: dict[str, str] = book["months"]
    changed = tuple(sorted(month for month in now.keys() | was.keys() if now.get(month) != was.get(month)))
    is_later = date.fromisoformat(book["as_of"]) > run.as_of
    if is_later or WHOLE not in entries or len(changed) > MOST_MONTHS * len(now):
        return NOTHING
    files = {code: folder / entry["name"] for code, entry in entries.items()}
    try:
        with warehouse.attached(files[WHOLE], name="base"):
            pairs = warehouse.rows(read_sql("out/moved"))
    except PublishError:
        return NOTHING
    moved, left = tuple(number for number, _ in pairs), {code for _, code in pairs}
    files = {code: path for code, path in files.items() if code not in left}
    if len(moved) > MOST_MOVED * warehouse.count("core.enterprise"):
        files = {WHOLE: files[WHOLE]}
    return Base(files, {code: entries[code]["written_whole"] for code in files}, changed, moved)


def keep(
    run: Run,
    warehouse: Warehouse,
    folder: Path,
    files: Mapping[str, Path],
    *,
    sizes: Mapping[str, int],
    withdrawals: int,
) -> None:
    """Write the book of ``files``, which are checked and have their names; ``sizes`` of those that were copied."""
    entries = {}
    for code, path in files.items():
        look = _look(path)
        entries[code] = {
            "name": path.relative_to(folder).as_posix(),
            "look": look,
            "written_whole": sizes.get(code, look[1]),
        }
    body = {
        "code": code_digest(),
        "as_of": run.as_of.isoformat(),
        "withdrawals": withdrawals,
        "months": _rests_on(warehouse),
        "files": entries,
    }
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
