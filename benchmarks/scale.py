"""A city, a quarter of a province and a province: features and scores from month slabs, by one process or several.

    python -m benchmarks.scale --work DIR [--enterprises 20000] [--copies 7 50 200] [--engines here 1 2]

The core of one generated city is made as a night makes it; the slabs of larger ones are those of the city repeated, the
numbers of each copy behind those of the one before, so no delivery of a province is ever read. ``here`` is the night's
own process; a number is that many processes of this host. Each run is a fresh process over a copy of the home; the
rows must be the same for every engine. Memory is the most of any one process. Needs some 60 MB of disk per 20 thousand
enterprises.
"""

import argparse
import math
import shutil
from collections.abc import Sequence
from pathlib import Path

from benchmarks import homes
from benchmarks.homes import Place
from benchmarks.measure import Figure, in_fresh_process
from benchmarks.province import repeat
from pipelines import nightly
from pipelines.settings import Home

STAGES = ("features", "risk")
BEFORE = ("ingest", "core")
HERE = "here"


def main() -> None:
    """Make the sizes that are asked for, then print what each engine takes of each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--enterprises", type=int, default=20_000)
    parser.add_argument("--months", type=int, default=36)
    parser.add_argument("--copies", type=int, nargs="+", default=[7, 50, 200])
    parser.add_argument("--engines", nargs="+", default=[HERE, "1", "2"])
    given = parser.parse_args()
    where = homes.place(given.work, enterprises=given.enterprises, months=given.months)
    base = city(where)
    print("| engine | enterprises | stage | s | CPU s | CPU s per million | most MB of a process |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    costs: dict[str, list[tuple[int, float]]] = {}
    for copies in given.copies:
        repeated = homes.copy(base, where.root / f"x{copies}")
        enterprises = repeat(repeated, copies=copies)
        for engine in given.engines:
            figures = measured(repeated, where, engine)
            for stage, figure in zip(STAGES, figures, strict=True):
                print(_row(engine, enterprises, stage, figure), flush=True)
            costs.setdefault(engine, []).append((enterprises, sum(figure.cpu_seconds for figure in figures)))
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


def measured(home: Path, where: Place, engine: str) -> list[Figure]:
    """Both stages with nothing of them there before, each in a fresh process."""
    for kind in ("features", "risk", "spread"):
        shutil.rmtree(home / "core" / kind, ignore_errors=True)
    _set(Home(home), engine)
    figures = []
    for stage in STAGES:
        figure = in_fresh_process("step", {"home": home, "night": where.nights[1], "stage": stage})
        figures.append(figure)
    return figures


def exponent(points: Sequence[tuple[int, float]]) -> float:
    """Slope of log cost over log size by least squares."""
    sizes, costs = ([math.log(value) for value in values] for values in zip(*points, strict=True))
    middle, level = sum(sizes) / len(sizes), sum(costs) / len(costs)
    above = sum((size - middle) * (cost - level) for size, cost in zip(sizes, costs, strict=True))
    return above / sum((size - middle) ** 2 for size in sizes)


def _set(home: Home, engine: str) -> None:
    """Write the engine into the settings of the home, in the place of the one that is there."""
    text = home.settings_file.read_text(encoding="utf-8").split("\n[engine]\n")[0]
    if engine != HERE:
        text += f'\n[engine]\nkind = "processes"\nprocesses = {int(engine)}\n'
    home.settings_file.write_text(text, encoding="utf-8")


def _row(engine: str, enterprises: int, stage: str, figure: Figure) -> str:
    cells = (
        engine,
        f"{enterprises:,}",
        stage,
        f"{figure.seconds:.1f}",
        f"{figure.cpu_seconds:.1f}",
        f"{figure.cpu_seconds / enterprises * 1e6:.1f}",
        f"{max(figure.peak_megabytes, figure.children_megabytes):,}",
    )
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
