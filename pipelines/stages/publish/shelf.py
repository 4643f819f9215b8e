"""Which published file is current, and which are old enough to go.

The link only ever names the latest issued edition whose file exists, so publishing an old date again cannot move the
analysts back. The linked file and the one just written are never removed.
"""

import re
from collections.abc import Iterable
from datetime import date
from pathlib import Path

from pipelines.ledger import Ledger
from pipelines.run import sync_folder

CURRENT = "current.duckdb"
BOOK = ".base.json"
EDITION = re.compile(r"(\d{4}-\d{2}-\d{2})-r(\d+)\.duckdb$")


def order(name: str) -> tuple[date, int] | None:
    """Business date and revision in the name of a published file; None for any other file."""
    found = EDITION.search(name)
    return (date.fromisoformat(found[1]), int(found[2])) if found else None


def point_current(folder: Path, ledger: Ledger, own: str = "") -> Path | None:
    """Move the link to the latest edition in force, or ``own``, whose file exists; gives the file, or None."""
    editions = ledger.editions()
    gone = {record.edition_id for record in editions if record.status == "withdrawn"}
    issued = {record.edition_id for record in editions if record.status == "issued"} | ({own} - gone)
    files = [path for path in _whole(folder) if path.stem.removeprefix("wengang-") in issued]
    latest = max(files, key=lambda path: order(path.name) or (date.min, 0), default=None)
    link = folder / CURRENT
    if latest is None:
        link.unlink(missing_ok=True)
        return None
    if not link.is_symlink() or link.readlink().name != latest.name:
        temporary = folder / f".{CURRENT}.new"
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(latest.name)
        temporary.replace(link)
        sync_folder(folder)
    return latest


def prune(folder: Path, *, keep: int, own: str) -> int:
    """Remove the files of all but the last ``keep`` editions, and what a killed run left behind; gives their number."""
    files = _whole(folder)
    kept = {order(path.name) for path in files[-keep:]}
    kept |= {order((folder / CURRENT).resolve().name), order(f"{own}.duckdb")}
    old = [path for path in [*files, *_county(folder)] if order(path.name) not in kept]
    left = [path for place in (folder, folder / "county") for path in place.glob(".*.duckdb.*") if path.is_file()]
    left += folder.glob(f".{BOOK}.*")
    for path in [*old, *left]:
        path.unlink(missing_ok=True)
    return len(old)


def _whole(folder: Path) -> list[Path]:
    return _sorted(folder.glob("wengang-*.duckdb"))


def _county(folder: Path) -> list[Path]:
    return _sorted((folder / "county").glob("*.duckdb"))


def _sorted(paths: Iterable[Path]) -> list[Path]:
    known = [(place, path) for path in paths if (place := order(path.name))]
    return [path for _, path in sorted(known)]
