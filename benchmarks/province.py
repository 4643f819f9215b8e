"""A province by hand: the facts of a city that has been measured, repeated, then features and scoring over them.

    python -m benchmarks.province --work DIR --enterprises 150000 --copies 27

No deliveries, no ingest, no edition: month slabs are written directly from those of the city's last night (part
``stages`` of ``benchmarks.city_scale``), the numbers of each copy moved behind those of the one before. 27 copies of
150 thousand are 4 million enterprises. Needs some 300 MB of disk a copy, and memory for the features of all of them.
"""

import argparse
import json
import shutil
from dataclasses import asdict
from pathlib import Path
from time import perf_counter

import polars as pl

from benchmarks import homes
from benchmarks.measure import in_fresh_process
from pipelines.contracts import Table
from pipelines.contracts import load as load_contracts
from pipelines.facts import slabs
from pipelines.warehouse import Warehouse

NUMBER, NAME = "enterprise_no", "enterprise_id"
STAGES = ("features", "risk")


def main() -> None:
    """Repeat the city, measure the stages, print what they took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--enterprises", type=int, default=150_000)
    parser.add_argument("--months", type=int, default=36)
    parser.add_argument("--copies", type=int, default=27)
    given = parser.parse_args()
    where = homes.place(given.work, enterprises=given.enterprises, months=given.months)
    home = homes.copy(where.root / "after", where.root / "province")
    began = perf_counter()
    enterprises = repeat(home, copies=given.copies)
    print(f"{enterprises:,} enterprises repeated in {perf_counter() - began:.0f} s")
    for stage in STAGES:
        figure = in_fresh_process("step", {"home": home, "night": where.nights[1], "stage": stage})
        print(json.dumps(asdict(figure), default=str))


def repeat(home: Path, *, copies: int) -> int:
    """Repeat every core table that has enterprises; gives how many there are then."""
    contracts = load_contracts(None)
    warehouse = Warehouse(home / "warehouse.duckdb", contracts=contracts, threads=homes.THREADS)
    each = warehouse.count("core.enterprise")
    try:
        for name, table in contracts.tables.items():
            if table.schema_name == "core" and _numbers(table) and warehouse.exists(name):
                if table.slab:
                    _slabs(warehouse, table, copies, each, folder=home / "province" / table.name)
                else:
                    warehouse.store(name, _repeated(warehouse.frame(f"FROM {name}"), table, copies, each))
        return warehouse.count("core.enterprise")
    finally:
        warehouse.close()


def _slabs(warehouse: Warehouse, table: Table, copies: int, each: int, *, folder: Path) -> None:
    """Put the months of ``table``, repeated, in the place of its own: a file for each month and bucket."""
    shutil.rmtree(folder, ignore_errors=True)
    files = []
    for (month,) in warehouse.rows(f"SELECT DISTINCT month FROM {table.table} ORDER BY month"):
        rows = warehouse.frame(f"FROM {table.table} WHERE month = $month ORDER BY {table.key[0]}", month=month)
        (folder / str(month)).mkdir(parents=True)
        for bucket, body in slabs(_repeated(rows, table, copies, each), table.key[0]):
            files.append(folder / str(month) / bucket)
            files[-1].write_bytes(body)
    warehouse.view_over_files(table.table, files)


def _repeated(rows: pl.DataFrame, table: Table, copies: int, each: int) -> pl.DataFrame:
    """``rows`` as often as there are ``copies``, each with numbers and identifiers of its own."""
    own = [
        rows.with_columns(
            *(pl.col(number) + copy * each for number in _numbers(table)),
            *([pl.col(NAME) + f"-{copy}"] if NAME in table.columns else []),
        )
        for copy in range(copies)
    ]
    return pl.concat(own)


def _numbers(table: Table) -> list[str]:
    return [column for column in table.columns if column.endswith(NUMBER)]


if __name__ == "__main__":
    main()
