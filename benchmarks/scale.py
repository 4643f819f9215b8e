"""A city, a quarter of a province and a province: features and scores from month slabs, by one process or several.

    python -m benchmarks.scale --work DIR [--enterprises 20000] [--copies 7 50 200] [--engines here 1 2 spark-1 spark-2]

The core of one generated city is made as a night makes it; the slabs of larger ones are those of the city repeated, the
numbers of each copy behind those of the one before, so no delivery of a province is ever read. ``here`` is the night's
own process, a number is that many processes of this host, ``spark-2`` a cluster of two Workers with one core each,
which is started and ended by this program. Each run is a fresh process; sessions, processes and imports are there
before it is watched. CPU is that of the processes that compute, the Master's and Workers' own apart. The digest is of
every score and feature, so that it must be the same for every engine. Needs some 30 MB of disk per 20 thousand
enterprises, and the same again for what each run leaves.
"""

import argparse
import hashlib
import math
import shutil
from collections.abc import Sequence
from pathlib import Path

from benchmarks import homes
from benchmarks.homes import Place
from benchmarks.measure import Figure, in_fresh_process
from benchmarks.province import repeat
from deploy import spark_cluster
from pipelines import nightly
from pipelines.contracts import load as load_contracts
from pipelines.settings import Home
from pipelines.warehouse import Warehouse

STAGES = ("features", "risk")
BEFORE = ("ingest", "core")
HERE, MEMORY = "here", "600m"
STANDING = ("Master", "Worker")


def main() -> None:
    """Make the sizes that are asked for, then print what each engine takes of each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--enterprises", type=int, default=20_000)
    parser.add_argument("--months", type=int, default=36)
    parser.add_argument("--copies", type=int, nargs="+", default=[7, 50, 200])
    parser.add_argument("--engines", nargs="+", default=[HERE, "1", "2", "spark-1", "spark-2"])
    parser.add_argument("--stages", nargs="+", default=list(STAGES))
    given = parser.parse_args()
    where = homes.place(given.work, enterprises=given.enterprises, months=given.months)
    base = city(where)
    print("| engine | enterprises | seconds by stage | s | CPU s | CPU s per million | most MB of each | digest |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    costs: dict[str, list[tuple[int, float]]] = {}
    for copies in given.copies:
        repeated = homes.copy(base, where.root / f"x{copies}")
        enterprises = repeat(repeated, copies=copies)
        for engine in given.engines:
            figure = measured(repeated, where, engine, given.stages)
            print(_row(engine, enterprises, figure, digest(repeated)), flush=True)
            costs.setdefault(engine, []).append((enterprises, _cpu(figure)))
        shutil.rmtree(repeated)
    for engine, points in costs.items():
        if len(points) > 1:
            print(f"{engine}: CPU grows as size to the power of {exponent(points):.2f}")


def city(where: Place) -> Path:
    """The home of the city after the core of its last night, made unless it is there."""
    home, done = where.root / "core", where.root / "core.done"
    if not done.is_file():
        shutil.rmtree(home, ignore_errors=True)
        homes.generate(where)
        night = where.nights[1]
        made = homes.at(homes.new_home(home), night)
        nightly.play(made, schedule=where.schedule, until=homes.cutoff(night))
        for stage in BEFORE:
            nightly.step(made, name=stage, as_of=night, cutoff=homes.cutoff(night) if stage == "ingest" else None)
        nightly.step(made, name="gate", as_of=night)
        done.touch()
    return home


def measured(home: Path, where: Place, engine: str, stages: Sequence[str]) -> Figure:
    """The stages with nothing of them there before, in a fresh process."""
    for kind in ("features", "risk", "spread"):
        shutil.rmtree(home / "core" / kind, ignore_errors=True)
    kind, _, count = engine.rpartition("-")
    processes = 1 if engine == HERE else int(count)
    given = {"home": home, "night": where.nights[1], "stages": stages, "processes": processes}
    if kind != "spark":
        _set(Home(home), "" if engine == HERE else f'kind = "processes"\nprocesses = {processes}\n')
        return in_fresh_process("slabs_night", given)
    spark = spark_cluster.spark_home(where.root.parent)
    with spark_cluster.cluster(spark, where.root / "cluster", workers=processes) as one:
        told = f'kind = "spark"\nmaster = "{one.url}"\nspark_home = "{one.home}"\n'
        _set(
            Home(home),
            f'{told}options = {{"spark.executor.memory" = "{MEMORY}", "spark.driver.memory" = "{MEMORY}"}}\n',
        )
        return in_fresh_process("slabs_night", given)


def digest(home: Path) -> str:
    """Of every feature and every score, rank and points of the home, whichever files they lie in."""
    warehouse = Warehouse(home / "warehouse.duckdb", contracts=load_contracts(None), threads=homes.THREADS)
    try:
        found = [
            warehouse.scalar(f"SELECT sum(hash(t)::HUGEINT) FROM {table} AS t")
            for table in ("features.enterprise", "risk.score", "risk.reason")
        ]
    finally:
        warehouse.close()
    return hashlib.sha256(repr(found).encode()).hexdigest()[:12]


def exponent(points: Sequence[tuple[int, float]]) -> float:
    """Slope of log cost over log size by least squares."""
    sizes, costs = ([math.log(value) for value in values] for values in zip(*points, strict=True))
    middle, level = sum(sizes) / len(sizes), sum(costs) / len(costs)
    above = sum((size - middle) * (cost - level) for size, cost in zip(sizes, costs, strict=True))
    return above / sum((size - middle) ** 2 for size in sizes)


def _set(home: Home, engine: str) -> None:
    """Write the engine into the settings of the home, in the place of the one that is there."""
    text = home.settings_file.read_text(encoding="utf-8").split("\n[engine]\n")[0]
    home.settings_file.write_text(text + (f"\n[engine]\n{engine}" if engine else ""), encoding="utf-8")


def _cpu(figure: Figure) -> float:
    """CPU seconds of what computes; the JVMs' among them are told apart in the row."""
    return sum(role["cpu_seconds"] for name, role in figure.detail["roles"].items() if name not in STANDING)


def _row(engine: str, enterprises: int, figure: Figure, found: str) -> str:
    roles = {name: role for name, role in figure.detail["roles"].items() if name not in STANDING}
    cells = (
        engine,
        f"{enterprises:,}",
        ", ".join(f"{stage} {spent['seconds']:.1f}" for stage, spent in figure.detail["stages"].items()),
        f"{figure.seconds:.1f}",
        ", ".join(f"{name} {role['cpu_seconds']:.1f}" for name, role in roles.items()),
        f"{_cpu(figure) / enterprises * 1e6:.1f}",
        ", ".join(f"{name} {role['peak_megabytes']:,}" for name, role in roles.items()),
        found,
    )
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
