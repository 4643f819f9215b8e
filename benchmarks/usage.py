"""What every process that a piece of work starts costs: CPU seconds and the most memory of each, told by its role.

The figures are read from ``/proc`` while the work runs, every fifth of a second, so what a process does after its last
reading is not seen; memory is the kernel's own highest mark.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

PAUSE = 0.2
ROLES: Mapping[str, str] = {
    "CoarseGrainedExecutorBackend": "executor JVM",
    "pyspark.daemon": "Python worker",
    "deploy.worker.Worker": "Worker",
    "deploy.master.Master": "Master",
    "SparkSubmit": "driver JVM",
    "multiprocessing.spawn": "process",
    "benchmarks.pieces": "night",
}
"""A part of a command line → what a process with it is; the first that is found counts."""


@dataclass
class Role:
    """All processes of one kind: their CPU seconds together, the most megabytes of one of them, how many they were."""

    cpu_seconds: float = 0.0
    peak_megabytes: int = 0
    processes: int = 0


@dataclass
class Usage:
    """Watches the descendants of process ``root`` while its block runs; then ``roles`` says what each kind took."""

    root: int
    roles: dict[str, Role] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Nothing is seen yet."""
        self._seen: dict[tuple[int, float], tuple[str, float, int]] = {}
        self._before: dict[tuple[int, float], float] = {}
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        """What runs already has its CPU seconds from here on."""
        self._read()
        self._before = {who: cpu for who, (_, cpu, _) in self._seen.items()}
        self._watcher.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Add up what was seen."""
        self._over.set()
        self._watcher.join()
        self._read()
        for who, (role, cpu, peak) in self._seen.items():
            told = self.roles.setdefault(role, Role())
            told.cpu_seconds += cpu - self._before.get(who, 0.0)
            told.peak_megabytes = max(told.peak_megabytes, peak)
            told.processes += 1

    def _watch(self) -> None:
        while not self._over.wait(PAUSE):
            self._read()

    def _read(self) -> None:
        for process in psutil.Process(self.root).children(recursive=True):
            try:
                role = _role(" ".join(process.cmdline()))
                if role:
                    times = process.cpu_times()
                    who = (process.pid, process.create_time())
                    self._seen[who] = (role, times.user + times.system, _peak(process.pid))
            except (psutil.Error, OSError, ValueError):
                continue  # ended while it was read


def _role(command: str) -> str:
    return next((role for part, role in ROLES.items() if part in command), "")


def _peak(pid: int) -> int:
    """Megabytes of the highest resident mark of ``pid``."""
    marks = [line for line in Path(f"/proc/{pid}/status").read_text("ascii").splitlines() if line.startswith("VmHWM:")]
    return int(marks[0].split()[1]) // 1024
