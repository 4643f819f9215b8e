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

from benchmarks import homes
from benchmarks.measure import in_fresh_process
from pipelines.contracts import load as load_contracts
from pipelines.warehouse import Warehouse

NUMBER, NAME = "enterprise_no", "enterprise_id"
ROWS_PER_GROUP = 16_384
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
            if table.schema_name == "core" and NUMBER in table.columns and warehouse.exists(name):
                moved = f"{NUMBER} + copy * {each} AS {NUMBER}"
                named = f", {NAME} || '-' || copy AS {NAME}" if NAME in table.columns else ""
                rows = f"SELECT * EXCLUDE (copy) REPLACE ({moved}{named}) FROM {name}, range({copies}) AS r(copy)"
                _store(warehouse, name, rows, folder=home / "province", has_month=table.slab is not None)
        return warehouse.count("core.enterprise")
    finally:
        warehouse.close()


def _store(warehouse: Warehouse, name: str, rows: str, *, folder: Path, has_month: bool) -> None:
    """Put ``rows`` in the place of ``name``: month slabs for a fact, a table otherwise."""
    if not has_month:
        warehouse.execute(f"CREATE TEMP TABLE _repeated AS {rows}")
        warehouse.drop(name)
        warehouse.execute(f"CREATE TABLE {name} AS FROM _repeated ORDER BY ALL; DROP TABLE _repeated")
        return
    parts = folder / name
    shutil.rmtree(parts, ignore_errors=True)
    parts.mkdir(parents=True)
    files = []
    for (month,) in warehouse.rows(f"SELECT DISTINCT month FROM {name} ORDER BY month"):
        file = parts / f"{month}.parquet"
        chosen = f"SELECT * FROM ({rows}) WHERE month = DATE '{month}' ORDER BY {NUMBER}"
        warehouse.execute(f"COPY ({chosen}) TO '{file}' (FORMAT parquet, ROW_GROUP_SIZE {ROWS_PER_GROUP})")
        files.append(file)
    warehouse.view_over_files(name, files)


if __name__ == "__main__":
    main()
