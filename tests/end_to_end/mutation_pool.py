"""Workers in processes of their own, each with a bound on its memory and a limit of time per file.

A worker that dies or does not come back is a verdict like any other; another one takes its place.
"""

import multiprocessing
import os
import resource
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from pathlib import Path
from time import monotonic

from mutation_judge import Judge, Verdict
from mutations import mutant
from specimens import Specimen

from pipelines import contracts as contract_files

MEMORY = 4 * 2**30
SECONDS = 90
Job = tuple[str, int, int]


def work(pipe: Connection, specimens: Sequence[Specimen], root: Path) -> None:
    """Judge one job after another until there is none."""
    judge = Judge(root, contract_files.load())
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    while (job := pipe.recv()) is not None:
        kind, number, place = job
        specimen, began = specimens[place], monotonic()
        made = mutant(kind, number, specimen)
        _forget_peak()
        try:
            verdict = judge.judge(made, specimen, number)
        except BaseException as error:  # a panic of a reader is no Exception
            last = traceback.extract_tb(error.__traceback__)[-1]
            told = f"{type(error).__name__}: {str(error)[:300]} at {Path(last.filename).name}:{last.lineno}"
            verdict = Verdict(kind, specimen.container, specimen.feed, number, "raised", faults=(told,))
        pipe.send(replace(verdict, megabytes=_peak(), seconds=monotonic() - began))


def _forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _peak() -> int:
    """Megabytes of this process since it forgot, or of the largest reader that it ever started."""
    told = Path("/proc/self/status").read_text(encoding="ascii")
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return max(int(told.partition("VmHWM:")[2].split()[0]), children) // 1024


@dataclass
class Worker:
    """A process, its pipe, the job it is at, and since when."""

    process: multiprocessing.process.BaseProcess
    pipe: Connection
    job: Job | None = None
    since: float = 0.0


def verdicts(jobs: Sequence[Job], specimens: Sequence[Specimen], root: Path, *, workers: int) -> Iterator[Verdict]:
    """The verdict of every job, as they come."""
    os.environ.setdefault("POLARS_MAX_THREADS", "2")
    context = multiprocessing.get_context("spawn")
    left, made = list(reversed(jobs)), 0

    def started() -> Worker:
        nonlocal made
        made += 1
        mine, theirs = context.Pipe()
        process = context.Process(target=work, args=(theirs, specimens, root / f"worker{made}"), daemon=True)
        process.start()
        theirs.close()
        return Worker(process, mine)

    def handed(worker: Worker) -> Worker:
        worker.job, worker.since = (left.pop() if left else None), monotonic()
        worker.pipe.send(worker.job)
        return worker

    running = [handed(started()) for _ in range(min(workers, len(jobs)))]
    while busy := [worker for worker in running if worker.job is not None]:
        ready = wait([worker.pipe for worker in busy], timeout=5)
        for worker in busy:
            if worker.pipe in ready:
                verdict = _heard(worker, specimens)
            elif monotonic() - worker.since > SECONDS:
                worker.process.kill()
                verdict = _ended(worker, specimens, "hung", f"no end after {SECONDS} s")
            else:
                continue
            yield verdict
            is_gone = verdict.outcome in {"died", "hung"}
            running[running.index(worker)] = handed(started() if is_gone else worker)
    for worker in running:
        worker.process.join(10)


def _heard(worker: Worker, specimens: Sequence[Specimen]) -> Verdict:
    try:
        verdict: Verdict = worker.pipe.recv()
    except EOFError:
        worker.process.join()
        return _ended(worker, specimens, "died", f"the process ended with {worker.process.exitcode}")
    return verdict


def _ended(worker: Worker, specimens: Sequence[Specimen], outcome: str, fault: str) -> Verdict:
    assert worker.job is not None
    kind, number, place = worker.job
    return Verdict(kind, specimens[place].container, specimens[place].feed, number, outcome, faults=(fault,))
