"""Runs of a real scheduler: a home that a stack serves, and asking Airflow for runs as a person would."""

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from deploy.native import Stack
from pipelines import demo, nightly
from pipelines.means import Means
from pipelines.settings import Home

PAUSE = 2.0
ENDED = {"success", "failed"}
HASTE = {
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "10",
}
"""Seconds where Airflow waits minutes before it takes a silent worker for dead."""


def wait_for(what: Callable[[], bool], *, timeout: float = 300, pause: float = 0.5) -> None:
    """Wait until ``what`` holds."""
    until = time.monotonic() + timeout
    while not what():
        assert time.monotonic() < until, f"waited {timeout} s in vain"
        time.sleep(pause)


def cutoff_of(day: date) -> datetime:
    """02:00 of ``day``, as scheduled."""
    return datetime.combine(day, datetime.min.time()) + timedelta(hours=2)


def simulated_home(root: Path, city: Path) -> Home:
    """A new home for which a generated city stands in."""
    home = Home(root)
    demo.make_home(home, city="模拟市", simulated=True)
    text = home.settings_file.read_text(encoding="utf-8")
    home.settings_file.write_text(f'simulated_deliveries = "{city / "deliveries.csv"}"\n{text}', encoding="utf-8")
    return home


def by_command(means: Means, city: Path, days: Iterable[date]) -> None:
    """The nights of ``days`` without Airflow."""
    for day in days:
        nightly.play(means, schedule=city / "deliveries.csv", until=cutoff_of(day))
        nightly.run(means, as_of=day, cutoff=cutoff_of(day))


def unpause(stack: Stack, *dag_ids: str, timeout: float = 120) -> None:
    """Wait until the DAGs were parsed, then let them run."""
    until = time.monotonic() + timeout
    while {dag["dag_id"] for dag in stack.call("GET", "/dags?limit=50")["dags"]} < set(dag_ids):
        assert time.monotonic() < until, stack.tail("dag-processor")
        time.sleep(PAUSE)
    for dag_id in dag_ids:
        stack.call("PATCH", f"/dags/{dag_id}", {"is_paused": False})


def trigger(stack: Stack, dag_id: str, day: date | None, **conf: Any) -> str:
    """Ask for a run of a business date; gives its id."""
    body = {"logical_date": None, "partition_key": day.isoformat() if day else None, "conf": conf}
    return str(stack.call("POST", f"/dags/{dag_id}/dagRuns", body)["dag_run_id"])


def ended(
    stack: Stack, dag_id: str, run_ids: Iterable[str], *, timeout: float = 600, is_mending: bool = False
) -> Mapping[str, str]:
    """Wait until the runs have ended, starting again what falls if told so; gives their states."""
    until, wanted = time.monotonic() + timeout, set(run_ids)
    while True:
        if is_mending and stack.mend():
            stack.wait_healthy(180, is_mending=True)
        runs = stack.call("GET", f"/dags/{dag_id}/dagRuns?limit=100")["dag_runs"]
        states = {run["dag_run_id"]: run["state"] for run in runs if run["dag_run_id"] in wanted}
        if len(states) == len(wanted) and set(states.values()) <= ENDED:
            return states
        assert time.monotonic() < until, f"{states}\n{stack.tail('scheduler', 60)}"
        time.sleep(PAUSE)


def tasks(stack: Stack, dag_id: str, run_id: str) -> dict[str, dict[str, Any]]:
    """The task instances of a run, by task and map index where it has one."""
    found = stack.call("GET", f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances?limit=100")["task_instances"]
    return {ti["task_id"] if ti["map_index"] < 0 else f"{ti['task_id']}:{ti['map_index']}": ti for ti in found}


def log_of(stack: Stack, dag_id: str, run_id: str, task: Mapping[str, Any]) -> str:
    """What a task instance said in its last try."""
    path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task['task_id']}/logs/{max(task['try_number'], 1)}"
    return str(stack.call("GET", f"{path}?map_index={task['map_index']}&full_content=true"))


def editions(home: Home, days: Iterable[date]) -> dict[str, bytes]:
    """Every file of the editions of ``days``."""
    folders = [home.editions / day.isoformat() for day in days]
    files = (path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(home.editions).as_posix(): path.read_bytes() for path in files}
