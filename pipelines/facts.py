"""The facts of a night as files that other processes read: month slabs as they lie, smaller tables written beside them.

Nothing is written twice: a table's file is named by its rows, and a slab is immutable. A slab holds one month of the
enterprises of one bucket, so a city has one for each month and a province as many as it has buckets.
"""

import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from pipelines.contracts import Contracts
from pipelines.run import Run, atomic_file, make_folder
from pipelines.warehouse import Warehouse

ROWS_PER_GROUP = 16_384
BUCKET_SIZE = 16 * ROWS_PER_GROUP
"""Enterprise numbers of a bucket: any city but the largest is one, so that its months are not opened in pieces."""


@dataclass(frozen=True)
class Facts:
    """Parquet files by table, none for an empty one; the contracts go along, as a process may have none of its own."""

    files: Mapping[str, tuple[str, ...]]
    contracts: Contracts

    def of(self, first_no: int, last_no: int) -> "Facts":
        """Without the slabs that hold nothing of the enterprises from ``first_no`` to ``last_no``."""
        wanted = {
            table: tuple(path for path in paths if _reaches(Path(path), first_no, last_no)) or paths[:1]
            for table, paths in self.files.items()
        }
        return Facts(wanted, self.contracts)

    @property
    def digest(self) -> str:
        """A name that changes when any row may have changed."""
        return hashlib.sha256(repr(sorted(self.files.items())).encode()).hexdigest()[:16]


def spread(run: Run, warehouse: Warehouse, tables: Iterable[str], *, name: str) -> Facts:
    """``tables`` of the working file as files that lie where every process of the work sees them.

    ``name`` is whose files these are: what it no longer needs of earlier nights goes.
    """
    folder = run.home.core / "spread" / name
    files: dict[str, tuple[str, ...]] = {}
    for table in sorted(tables):
        held = warehouse.files_under(table)
        files[table] = tuple(str(path) for path in held or _written(warehouse, table, folder))
    _forget(folder, files)
    return Facts(files, run.contracts)


def slabs(rows: pl.DataFrame, number: str) -> Iterator[tuple[str, bytes]]:
    """``rows`` of one month, in order of ``number``, as the name and the content of each bucket's file.

    The same rows give the same bytes. No row at all gives one file without rows, so that the month is there.
    """
    bucket = rows[number] // BUCKET_SIZE
    for place in bucket.unique(maintain_order=True).to_list() or [0]:
        low, high = bucket.search_sorted(place, side="left"), bucket.search_sorted(place, side="right")
        yield f"{place * BUCKET_SIZE:012d}-{BUCKET_SIZE}.parquet", _parquet(rows.slice(low, high - low))


def slabs_in(folder: Path) -> list[Path]:
    """The files of a month's buckets in ``folder``, in order of their enterprises."""
    return sorted(folder.glob("[0-9]*-[0-9]*.parquet"))


_OPEN: dict[str, Warehouse] = {}


def opened(facts: Facts) -> Warehouse:
    """A database in memory of this process over ``facts``, on one thread; kept for the next part of the same facts."""
    if facts.digest not in _OPEN:
        while _OPEN:
            _OPEN.popitem()[1].close()
        warehouse = Warehouse(None, contracts=facts.contracts, threads=1)
        for table, files in facts.files.items():
            warehouse.view_over_files(table, [Path(file) for file in files])
        _OPEN[facts.digest] = warehouse
    return _OPEN[facts.digest]


def _written(warehouse: Warehouse, table: str, folder: Path) -> list[Path]:
    key = ", ".join(f'"{name}"' for name in warehouse.contracts.tables[table].key)
    frame = warehouse.frame(f"SELECT * FROM {table} ORDER BY {key}")
    if frame.is_empty():
        return []
    body = _parquet(frame)
    path = folder / f"{table}.{hashlib.sha256(body).hexdigest()[:16]}.parquet"
    if not path.is_file():
        make_folder(folder)
        with atomic_file(path) as temporary:
            temporary.write_bytes(body)
    return [path]


def _parquet(frame: pl.DataFrame) -> bytes:
    body = io.BytesIO()
    frame.write_parquet(body, compression="zstd", compression_level=1, row_group_size=ROWS_PER_GROUP)
    return body.getvalue()


def _reaches(path: Path, first_no: int, last_no: int) -> bool:
    """Whether the bucket whose slab ``path`` is holds one of the numbers; a file that is no slab holds all."""
    first, _, count = path.stem.partition("-")
    if not (first.isdigit() and count.isdigit()):
        return True
    return int(first) <= last_no and first_no < int(first) + int(count)


def _forget(folder: Path, files: Mapping[str, tuple[str, ...]]) -> None:
    """Remove what earlier nights wrote here and tonight does not read."""
    kept = {path for paths in files.values() for path in paths}
    for path in folder.glob("*.parquet"):
        if str(path) not in kept:
            path.unlink()
