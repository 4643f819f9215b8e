"""The two passes as tasks over parts that any process computes: files of facts in, one file of features per part out.

A part's file is written whole or not at all, in a folder named by all that its rows rest on, so a run that was broken
off computes the missing parts only.
"""

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from pipelines.contracts import Contracts
from pipelines.facts import ROWS_PER_GROUP, Facts, opened, spread
from pipelines.run import Run, atomic_file, code_digest, make_folder
from pipelines.stages.features import reading
from pipelines.stages.features.passes import Asked, Part, sums_of, together
from pipelines.stages.features.peers import Peers
from pipelines.stages.features.reading import BLOCK_SIZE, Bucket
from pipelines.stages.features.tonight import Tonight
from pipelines.warehouse import Warehouse
from pipelines.work import Engine

TABLE = "features.enterprise"


@dataclass(frozen=True)
class Sums:
    """First pass: the peers' sums of a part."""

    asked: Asked
    facts: Facts

    def __call__(self, within: Bucket) -> list[Peers]:
        """One entry for each origin."""
        return sums_of(self.asked, _opened(self.facts, within), within, bucket_size=BLOCK_SIZE)


@dataclass(frozen=True)
class Rows:
    """Second pass: the features of a part, written to ``folder``."""

    night: Tonight
    facts: Facts
    sums: Sequence[Peers]
    folder: Path

    def __call__(self, within: Bucket) -> int:
        """How many rows the part has; one that was written before is not computed again."""
        path = file_of(self.folder, within)
        if not path.is_file():
            part = Part(self.night.asked, _opened(self.facts, within), within, bucket_size=BLOCK_SIZE)
            schema = self.facts.contracts.polars_schema(TABLE)
            rows = pl.concat(self.night.rows(part, self.sums), how="vertical_relaxed").cast(schema)  # type: ignore[arg-type]
            with atomic_file(path) as temporary:
                rows.write_parquet(temporary, compression="lz4", row_group_size=ROWS_PER_GROUP)
        return int(pl.scan_parquet(path).select(pl.len()).collect().item())


def compute(run: Run, warehouse: Warehouse, night: Tonight, engine: Engine) -> tuple[int, int]:
    """Make ``features.enterprise`` a view over the parts' files; rows written, and how many enterprises there are."""
    facts = spread(run, warehouse, sources(run.contracts), name="features")
    enterprises = warehouse.count("core.enterprise")
    parts = list(reading.buckets(Bucket(0, enterprises), size=engine.part_size))
    sums = together(engine.each(Sums(night.asked, facts), parts))
    folder = run.home.core / "features" / _name(night, facts, parts)
    make_folder(folder)
    written = 0
    for done, rows in enumerate(engine.each(Rows(night, facts, sums, folder), parts), start=1):
        written += rows
        run.progress(f"特征：{done}/{len(parts)} 部分")
    warehouse.view_over_files(TABLE, [file_of(folder, within) for within in parts])
    for other in folder.parent.iterdir():
        if other.is_dir() and other != folder:
            shutil.rmtree(other, ignore_errors=True)
    return written, enterprises


def sources(contracts: Contracts) -> tuple[str, ...]:
    """The tables that the features read."""
    return tuple(contracts.tables[TABLE].reads)


def file_of(folder: Path, within: Bucket) -> Path:
    """Where the rows of a part lie."""
    return folder / f"{within.first_no:012d}-{within.count}.parquet"


def _opened(facts: Facts, within: Bucket) -> Warehouse:
    return opened(facts.of(*within.numbers.values()))


def _name(night: Tonight, facts: Facts, parts: Sequence[Bucket]) -> str:
    """Changes when any bit of the rows may."""
    rests_on = (facts.digest, code_digest(), night.asked.parameters.digest, night.asked.origins, night.day, parts)
    return hashlib.sha256(repr(rests_on).encode()).hexdigest()[:16]
