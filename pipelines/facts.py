"""The facts of a night as files that other processes read: month slabs as they lie, smaller tables written beside them.

Nothing is written twice: a table's file is named by its rows, and a slab is immutable.
"""

import hashlib
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pipelines.contracts import Contracts
from pipelines.run import Run, atomic_file, make_folder
from pipelines.warehouse import Warehouse


@dataclass(frozen=True)
class Facts:
    """Parquet files by table, none for an empty one; the contracts go along, as a process may have none of its own."""

    files: Mapping[str, tuple[str, ...]]
    contracts: Contracts

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
    body = io.BytesIO()
    frame.write_parquet(body, compression="zstd", compression_level=1, row_group_size=16_384)
    path = folder / f"{table}.{hashlib.sha256(body.getbuffer()).hexdigest()[:16]}.parquet"
    if not path.is_file():
        make_folder(folder)
        with atomic_file(path) as temporary:
            temporary.write_bytes(body.getbuffer())
    return [path]


def _forget(folder: Path, files: Mapping[str, tuple[str, ...]]) -> None:
    """Remove what earlier nights wrote here and tonight does not read."""
    kept = {path for paths in files.values() for path in paths}
    for path in folder.glob("*.parquet"):
        if str(path) not in kept:
            path.unlink()
