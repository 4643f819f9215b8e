"""Every stage at city scale, by the real chain: a generated city, its deliveries landed, its nights run.

    python -m benchmarks.city_scale --enterprises 150000 --months 36 --work DIR

One command makes all; ``--parts`` does some of it again with the data that lie in DIR. Figures are kept there as JSON
and told as one Markdown page. Every figure is a process of its own; ratios come from runs that took turns.
"""

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import homes, report
from benchmarks.homes import Place
from benchmarks.measure import Figure, in_fresh_process, middle
from pipelines import STAGES

SHARES = (4, 2, 1)
Figures = dict[str, Figure]


def prepare(where: Place, *, rounds: int) -> Figures:
    """City, landing of all deliveries before the last month, and the night before the last."""
    del rounds
    size = {"work": where.root.parent, "enterprises": where.spec.enterprises, "months": where.spec.months}
    schedule, earlier = where.schedule, where.nights[0]
    made = {} if schedule.is_file() else {"city": in_fresh_process("city", size)}
    if not (where.before / "ledger.sqlite").is_file():
        given = {"home": where.before, "night": earlier}
        made["land_all"] = in_fresh_process("land", given | {"schedule": schedule})
        made["first_night"] = in_fresh_process("night", given)
    return made


def stages(where: Place, *, rounds: int) -> Figures:
    """The last night stage by stage, each stage in a process of its own; the last round's home stays as ``after``."""
    runs: list[Figures] = []
    for _ in range(rounds):
        home = homes.copy(where.before, where.root / "after")
        given = {"home": home, "night": where.nights[1]}
        found = {"receive": in_fresh_process("land", given | {"schedule": where.schedule})}
        for stage in STAGES:
            found[stage] = in_fresh_process("step", given | {"stage": stage})
        runs.append(found)
    return {f"stage.{name}": middle([run[name] for run in runs]) for name in runs[0]}


def rebuild(where: Place, *, rounds: int) -> Figures:
    """The same night with nothing but landing and ledger left: all months of all feeds again, all checks again."""
    runs: list[Figures] = []
    for _ in range(rounds):
        home = homes.copy(where.before, where.root / "rebuilt", rebuilt=True)
        given = {"home": home, "night": where.nights[1]}
        in_fresh_process("land", given | {"schedule": where.schedule})
        runs.append({stage: in_fresh_process("step", given | {"stage": stage}) for stage in STAGES})
    return {f"rebuild.{name}": middle([run[name] for run in runs]) for name in runs[0]}


def night(where: Place, *, rounds: int) -> Figures:
    """The whole last night in one process, landing included, in turns with the pandas baseline."""
    ours: list[Figure] = []
    theirs: list[Figure] = []
    given = {"night": where.nights[1], "schedule": where.schedule}
    other = {"city": where.city, "night": where.nights[1], "out": where.root / "pandas"}
    if not list((where.root / "pandas").glob(f"{where.nights[0]}/*.parquet")):
        in_fresh_process("pandas_night", other | {"night": where.nights[0]})
    for turn in range(rounds):
        ours.append(in_fresh_process("night", given | {"home": homes.copy(where.before, where.root / "night")}))
        if turn == 0:
            theirs.append(in_fresh_process("pandas_night", other))
    compared = in_fresh_process("compared", {"home": where.root / "night", "theirs": where.root / "pandas"})
    return {"night": middle(ours), "pandas_night": middle(theirs), "compared": compared}


def features(where: Place, *, rounds: int) -> Figures:
    """The features stage, in turns with the raw scan of the columns that it reads and with 24 origins at once."""
    given = {"home": where.root / "after", "night": where.nights[1], "reads": where.root / "reads.json"}
    in_fresh_process("record", given)
    turns: dict[str, list[Figure]] = {"scan": [], "features": [], "origins": []}
    for _ in range(rounds):
        turns["scan"].append(in_fresh_process("scan", given))
        turns["features"].append(in_fresh_process("step", given | {"stage": "features"}))
        turns["origins"].append(in_fresh_process("origins", given))
    return {f"features.{name}": middle(found) for name, found in turns.items()}


def learning(where: Place, *, rounds: int) -> Figures:
    """Training on the pooled panel, scoring the city, explaining an edition."""
    given = {"home": where.root / "after", "night": where.nights[1]}
    found = {name: in_fresh_process(name, given) for name in ("panel", "training")}
    for name in ("scoring", "explaining"):
        found[name] = middle([in_fresh_process(name, given) for _ in range(rounds)])
    return {f"learning.{name}": figure for name, figure in found.items()}


def sizes(where: Place, *, rounds: int) -> Figures:
    """Quarter and half of the city, so that the exponent of cost against size can be told."""
    for share in SHARES[:-1]:
        smaller = homes.place(where.root.parent, enterprises=where.spec.enterprises // share, months=where.spec.months)
        for part in (prepare, stages, rebuild):
            keep(smaller, part(smaller, rounds=rounds))
    return {}


PARTS: Mapping[str, Callable[..., Figures]] = {
    "prepare": prepare,
    "stages": stages,
    "rebuild": rebuild,
    "night": night,
    "features": features,
    "learning": learning,
    "sizes": sizes,
}


def keep(where: Place, found: Mapping[str, Figure]) -> dict[str, Any]:
    """Add ``found`` to the figures of a size; gives all of them."""
    path = where.root / "figures.json"
    kept = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    kept |= {name: asdict(figure) for name, figure in found.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(kept, ensure_ascii=False, indent=1, default=str) + "\n", encoding="utf-8")
    return dict(kept)


def main(arguments: Sequence[str] | None = None) -> None:
    """Do the parts asked for, then print what all parts so far have shown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--enterprises", type=int, default=150_000)
    parser.add_argument("--months", type=int, default=36)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--parts", default=",".join(PARTS), help="of: %(default)s")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args(arguments)
    where = homes.place(given.work, enterprises=given.enterprises, months=given.months)
    for part in filter(None, given.parts.split(",")):
        keep(where, PARTS[part](where, rounds=given.rounds))
    known = {
        size: homes.place(given.work, enterprises=size, months=given.months).root / "figures.json"
        for size in (given.enterprises // share for share in SHARES)
    }
    figures = {size: json.loads(path.read_text(encoding="utf-8")) for size, path in known.items() if path.is_file()}
    page = report.page(figures, months=given.months)
    (where.root / "figures.md").write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
