"""What can be measured: each piece prepares in its own process, then does one thing under the watch.

Called by ``benchmarks.measure`` as ``python -m benchmarks.pieces NAME JSON``; prints its figure as one line of JSON.
Imports that only some pieces need happen in their preparation, so that start-up is told apart from work.
"""

import importlib
import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import date
from pathlib import Path
from time import sleep
from typing import Any

from benchmarks import homes
from benchmarks.measure import Work, cpu_seconds, measured, printed
from benchmarks.usage import PAUSE, Usage
from pipelines import nightly
from pipelines import settings as settings_file
from pipelines.engines import engine_of
from pipelines.nightly import Outcome
from pipelines.run import Receipt

JUDGING = ("gate",)
Arguments = Mapping[str, Any]


def city(given: Arguments) -> Work:
    """Generate the deliveries of a city."""
    where = homes.place(Path(given["work"]), enterprises=given["enterprises"], months=given["months"])

    def work() -> dict[str, Any]:
        homes.generate(where)
        files = [path for path in where.city.rglob("*") if path.is_file() and path.parent.parent.name == "inbox"]
        return {"files": len(files), "megabytes": sum(path.stat().st_size for path in files) // 2**20}

    return work


def land(given: Arguments) -> Work:
    """Land the deliveries of a schedule up to the cutoff of a night."""
    made = homes.at(homes.new_home(Path(given["home"])), date.fromisoformat(given["night"]))

    def work() -> dict[str, Any]:
        until = homes.cutoff(date.fromisoformat(given["night"]))
        return {"landed": nightly.play(made, schedule=Path(given["schedule"]), until=until)}

    return work


def night(given: Arguments) -> Work:
    """Land what came since the last night, if a schedule is given, and run the night: ingest to mail, one process."""
    _import_checks()
    day = date.fromisoformat(given["night"])
    made = homes.means(Path(given["home"]), night=day)
    stages = _watched()

    def work() -> dict[str, Any]:
        landed = 0
        before = cpu_seconds()
        if "schedule" in given:
            landed = nightly.play(made, schedule=Path(given["schedule"]), until=homes.cutoff(day))
        receiving = cpu_seconds() - before
        outcome = nightly.run(made, as_of=day, cutoff=homes.cutoff(day))
        return {"landed": landed, "receive_cpu_seconds": receiving, **_told(outcome), "stages": stages}

    return work


def step(given: Arguments) -> Work:
    """One stage of a night, as ``wengang step`` does it."""
    if given["stage"] in JUDGING:
        _import_checks()
    day = date.fromisoformat(given["night"])
    made = homes.means(Path(given["home"]), night=day)
    stages = _watched()

    def work() -> dict[str, Any]:
        cutoff = homes.cutoff(day) if given["stage"] == "ingest" else None
        receipt = nightly.step(made, name=given["stage"], as_of=day, cutoff=cutoff)
        return {"rows_in": receipt.rows_in, "rows_out": receipt.rows_out, "stages": stages}

    return work


def slabs_night(given: Arguments) -> Work:
    """Some stages of a night whose core is there, one after another, with the engine that the home names.

    Its processes or its session are there before the watch begins. Every process below the caller's is watched, the
    cluster's too.
    """
    day = date.fromisoformat(given["night"])
    made = homes.means(Path(given["home"]), night=day)
    engine = engine_of(settings_file.load(made.home).engine, 0)
    if engine:
        list(engine.each(_nothing, range(given["processes"])))
    stages = _watched()

    def work() -> dict[str, Any]:
        with Usage(os.getppid()) as usage:
            for name in given["stages"]:
                nightly.step(made, name=name, as_of=day)
        return {"stages": stages, "roles": {role: asdict(one) for role, one in sorted(usage.roles.items())}}

    return work


def _nothing(_: int) -> None:
    """A task that shows that a process is there, with all that it imports."""
    sleep(PAUSE)


def _import_checks() -> None:
    """Great Expectations takes seconds to import; that is start-up, not work."""
    importlib.import_module("great_expectations")


def _watched() -> dict[str, dict[str, float]]:
    """Wall and CPU seconds of each stage, filled as the stages run."""
    spent: dict[str, dict[str, float]] = {}
    plain = nightly.timed

    def timed(stage: Callable[[], Receipt]) -> Receipt:
        before = cpu_seconds()
        receipt = plain(stage)
        spent[receipt.stage] = {"seconds": receipt.seconds, "cpu_seconds": cpu_seconds() - before}
        return receipt

    nightly.timed = timed
    return spent


def _told(outcome: Outcome) -> dict[str, Any]:
    return {"edition": outcome.edition_id, "status": outcome.status}


PIECES: Mapping[str, tuple[str, str]] = {
    "city": ("benchmarks.pieces", "city"),
    "land": ("benchmarks.pieces", "land"),
    "night": ("benchmarks.pieces", "night"),
    "step": ("benchmarks.pieces", "step"),
    "slabs_night": ("benchmarks.pieces", "slabs_night"),
    "scan": ("benchmarks.scans", "scan"),
    "record": ("benchmarks.scans", "record"),
    "pandas_night": ("benchmarks.pandas_baseline", "night"),
    "compared": ("benchmarks.pandas_baseline", "compared"),
    "origins": ("benchmarks.learning", "origins"),
    "scoring": ("benchmarks.learning", "scoring"),
    "panel": ("benchmarks.learning", "panel"),
    "training": ("benchmarks.learning", "training"),
    "explaining": ("benchmarks.learning", "explaining"),
    "typed_read": ("benchmarks.ingest", "typed_read"),
    "landing": ("benchmarks.ingest", "landing"),
    "parquet_month": ("benchmarks.ingest", "parquet_month"),
    "checkpoint": ("benchmarks.ingest", "checkpoint"),
    "transcoding": ("benchmarks.ingest", "transcoding"),
}


def main() -> None:
    """Prepare the piece that was asked for, measure it, print its figure."""
    name, arguments = sys.argv[1], json.loads(sys.argv[2])
    module, function = PIECES[name]
    work: Work = getattr(importlib.import_module(module), function)(arguments)
    print(printed(measured(name, work)))


if __name__ == "__main__":
    main()
