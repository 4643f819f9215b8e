"""Processes of one service: started in a session of their own, found again by it, and ended by their numbers.

A container ends with all that it holds; so does a family here. Airflow's tasks have process groups of their own and
PostgreSQL's backends sessions of their own: descendants are followed as well as the session.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

PAUSE = 0.2


@dataclass(frozen=True)
class Leader:
    """The first process of a family: its number, and when it began, as numbers are used again."""

    pid: int
    began: float


def start(command: Sequence[str], *, environment: Mapping[str, str], folder: Path, log: Path) -> Leader:
    """Start ``command`` in ``folder`` as the leader of a session, its output appended to ``log``."""
    with log.open("ab") as out:
        child = subprocess.Popen(  # noqa: S603
            command,
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Leader(pid=child.pid, began=psutil.Process(child.pid).create_time())


def exit_code(leader: Leader) -> int | None:
    """The exit code of a leader that this process started, negative for a signal; none while it runs."""
    if is_alive(leader):
        return None
    try:
        _, status = os.waitpid(leader.pid, os.WNOHANG)
    except ChildProcessError:
        return None
    return os.waitstatus_to_exitcode(status)


def is_alive(leader: Leader) -> bool:
    """Whether the leader itself runs."""
    try:
        process = psutil.Process(leader.pid)
        return process.create_time() == leader.began and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def family(leader: Leader) -> list[psutil.Process]:
    """All processes of the leader's session and their descendants, as far as they run."""
    found: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError, PermissionError):
            if os.getsid(process.pid) == leader.pid and process.create_time() >= leader.began:
                found |= {one.pid: one for one in (process, *process.children(recursive=True))}
    return [process for process in found.values() if _runs(process)]


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def send(processes: Sequence[psutil.Process], number: signal.Signals) -> None:
    """Send a signal to each process that is still the one that was found."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def end(leader: Leader, *, number: signal.Signals, grace: float) -> bool:
    """End a family as Docker does: ask its leader, kill all after ``grace`` seconds; whether it went by itself."""
    seen = {process.pid: process for process in family(leader)}
    if is_alive(leader):
        send([psutil.Process(leader.pid)], number)
    until = time.monotonic() + grace
    while is_alive(leader) and time.monotonic() < until:
        seen |= {process.pid: process for process in family(leader)}
        time.sleep(PAUSE)
    went_by_itself = not is_alive(leader)
    left = [process for process in seen.values() if _runs(process)]
    send(left, signal.SIGKILL)
    while any(map(_runs, left)):
        time.sleep(PAUSE)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(leader.pid, os.WNOHANG)
    return went_by_itself


def wait_until_reaped(leader: Leader, seconds: float = 15.0) -> None:
    """Wait until the number of a dead leader is free: PostgreSQL takes who bears the number in its lock as running."""
    until = time.monotonic() + seconds
    while not is_alive(leader) and psutil.pid_exists(leader.pid) and time.monotonic() < until:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(leader.pid, os.WNOHANG)
        time.sleep(PAUSE)


def proportional_megabytes(leader: Leader) -> int:
    """Memory of a family in MB, shared pages divided among those who share them (PSS)."""
    total = 0
    for process in family(leader):
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            total += process.memory_full_info().pss
    return total // 1_000_000
