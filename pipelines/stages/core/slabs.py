"""Month slabs of facts: immutable Parquet files per table, month and bucket, named by what went into them.

A month is written again only when its fingerprint changes: another version of a row, or a unit under another
enterprise. An older cutoff finds its own slabs beside the newer ones. Nothing here judges data.
"""

import hashlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from pipelines.contracts import read_sql
from pipelines.run import Run, sync_folder
from pipelines.warehouse import Warehouse

BUCKET_SIZE = 16_384


@dataclass(frozen=True)
class Fact:
    """A fact table, the raw table it comes from, and the SQL that gives each month's fingerprint."""

    table: str
    raw: str
    fingerprint: str


FACTS = (
    Fact("core.enterprise_month", "raw.insurance_month", "core/fingerprint_insurance"),
    Fact("core.export_month", "raw.customs_export", "core/fingerprint_export"),
    Fact("core.monitor_month", "raw.employment_monitor", "core/fingerprint_monitor"),
)


def write(run: Run, warehouse: Warehouse, fact: Fact) -> tuple[int, int]:
    """Bring the slabs of ``fact`` up to date and make its view; gives months in all and months written."""
    recipe = hashlib.sha256((read_sql(fact.table.replace(".", "/")) + repr(BUCKET_SIZE)).encode()).hexdigest()[:8]
    wanted = {
        month: f"{recipe}-{fingerprint:016x}" for month, fingerprint in warehouse.rows(read_sql(fact.fingerprint))
    }
    root = run.home.core / fact.table.split(".")[1]
    missing = [month for month, name in wanted.items() if not (root / month.isoformat() / name).is_dir()]
    if missing:
        warehouse.store("core.changed_month", pl.DataFrame({"month": missing}, schema={"month": pl.Date}))
        _write_months(warehouse, fact, root, {month: wanted[month] for month in missing})
    files = [path for month, name in sorted(wanted.items()) for path in _slab_files(root, month, name)]
    warehouse.view_over_files(fact.table, files)
    _forget(root, wanted)
    return len(wanted), len(missing)


def _slab_files(root: Path, month: date, name: str) -> list[Path]:
    return sorted((root / month.isoformat() / name).glob("bucket-*.parquet"))


def _write_months(warehouse: Warehouse, fact: Fact, root: Path, names: dict[date, str]) -> None:
    body = read_sql(fact.table.replace(".", "/")).strip()
    contract = warehouse.contracts.tables[fact.table]
    columns = ", ".join(f'"{c}"' for c in contract.columns)
    order = ", ".join(f'"{c}"' for c in contract.key)
    warehouse.execute(f"CREATE OR REPLACE TEMP TABLE _slab AS SELECT {columns} FROM (\n{body}\n)")
    for month, name in names.items():
        folder = root / month.isoformat()
        folder.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=folder, prefix="."))
        buckets = warehouse.rows(
            "SELECT DISTINCT enterprise_no // $size FROM _slab WHERE month = $month ORDER BY 1",
            size=BUCKET_SIZE,
            month=month,
        )
        for (bucket,) in buckets:
            part = warehouse.frame(
                f"SELECT * FROM _slab WHERE month = $month AND enterprise_no // $size = $bucket ORDER BY {order}",
                month=month,
                size=BUCKET_SIZE,
                bucket=bucket,
            )
            path = temporary / f"bucket-{bucket:05d}.parquet"
            part.write_parquet(path, compression="zstd", compression_level=1)
            _sync(path)
        sync_folder(temporary)
        temporary.rename(folder / name)
        sync_folder(folder)
    warehouse.execute("DROP TABLE _slab")


def _sync(path: Path) -> None:
    with path.open("rb") as written:
        os.fsync(written.fileno())


def _forget(root: Path, wanted: dict[date, str]) -> None:
    """Keep each month's slab in use and the latest other one; the rest can be written again from landing."""
    for month, name in wanted.items():
        others = [path for path in (root / month.isoformat()).iterdir() if path.name != name]
        for path in sorted(others, key=lambda p: p.stat().st_mtime_ns)[:-1]:
            shutil.rmtree(path, ignore_errors=True)
