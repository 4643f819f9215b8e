"""One figure, one fresh process: wall seconds, CPU seconds, and the most memory that the process ever held.

A piece prepares first (imports, opening, copying) and is then timed; what came before is told apart as start-up. Two
figures may be compared only within one run of one machine.
"""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
MEGABYTE = 1024

Work = Callable[[], Mapping[str, Any]]


@dataclass(frozen=True)
class Figure:
    """What one piece cost: seconds and CPU seconds (user + system, all threads), and megabytes of its process.

    ``children_megabytes`` is the most of any one process that it started.
    """

    piece: str
    seconds: float
    cpu_seconds: float
    peak_megabytes: int
    start_seconds: float = 0.0
    start_megabytes: int = 0
    children_megabytes: int = 0
    detail: Mapping[str, Any] = field(default_factory=dict)


def measured(piece: str, work: Work) -> Figure:
    """Do ``work`` in this process; the peak is the highest since the process began."""
    resident = memory("VmRSS")
    wall, cpu = perf_counter(), cpu_seconds()
    detail = work()
    spent = (perf_counter() - wall, cpu_seconds() - cpu)
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // MEGABYTE
    peak = memory("VmHWM")
    return Figure(piece, *spent, peak, start_megabytes=resident, children_megabytes=children, detail=dict(detail))


def cpu_seconds() -> float:
    """User and system seconds of this process and of its children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def memory(name: str) -> int:
    """Megabytes that ``/proc`` tells of this process under ``name``."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) // MEGABYTE
    raise RuntimeError(f"/proc/self/status names no {name}; peak memory is measured on Linux only")


def in_fresh_process(piece: str, arguments: Mapping[str, Any]) -> Figure:
    """Run ``piece`` of ``benchmarks.pieces`` in a new process; raises ``RuntimeError`` where it fails."""
    command = [sys.executable, "-m", "benchmarks.pieces", piece, json.dumps(arguments, default=str)]
    began = perf_counter()
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    elapsed = perf_counter() - began
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} ended with code {done.returncode}")
    figure = json.loads(done.stdout.splitlines()[-1])
    return Figure(**figure | {"start_seconds": elapsed - figure["seconds"]})


def printed(figure: Figure) -> str:
    """The figure as one line, for the process that waits for it."""
    return json.dumps(asdict(figure), default=str)


def middle(figures: Sequence[Figure]) -> Figure:
    """Median seconds and CPU seconds of several runs of one piece, the highest peak, and the last one's detail."""
    last = figures[-1]
    return Figure(
        last.piece,
        median(f.seconds for f in figures),
        median(f.cpu_seconds for f in figures),
        max(f.peak_megabytes for f in figures),
        median(f.start_seconds for f in figures),
        max(f.start_megabytes for f in figures),
        max(f.children_megabytes for f in figures),
        last.detail | {"runs": len(figures)},
    )
