"""What Airflow adds to a city's night: the run of the nightly DAG, less the seconds that its stages took.

    python -m benchmarks.orchestration --work DIR [--enterprises 150000]

Starts the services of ``docker-compose.yml`` natively (PostgreSQL, LocalExecutor), with the home that the part
``prepare`` of ``benchmarks.city_scale`` left in DIR and the deliveries of the last night, and asks for that night as a
person would.
"""

import argparse
import shutil
import time
from datetime import datetime
from pathlib import Path

from benchmarks import homes
from deploy.native import Stack
from pipelines import nightly
from pipelines.ledger import Ledger

NIGHTLY = "wengang_nightly"
ENDED = ("success", "failed")


def main() -> None:
    """Run the night, print what each stage took and what lies between."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--enterprises", type=int, default=150_000)
    parser.add_argument("--months", type=int, default=36)
    given = parser.parse_args()
    where = homes.place(given.work, enterprises=given.enterprises, months=given.months)
    night = where.nights[1]
    root = homes.copy(where.before, where.root / "scheduled")
    nightly.play(homes.means(root, night=night), schedule=where.schedule, until=homes.cutoff(night))
    stack_folder = where.root / "stack"
    shutil.rmtree(stack_folder, ignore_errors=True)
    with Stack(stack_folder, variables={"WENGANG_HOME_DIR": str(root)}) as stack:
        while not any(dag["dag_id"] == NIGHTLY for dag in stack.call("GET", "/dags?limit=50")["dags"]):
            time.sleep(1)
        stack.call("PATCH", f"/dags/{NIGHTLY}", {"is_paused": False})
        asked = {"logical_date": None, "partition_key": night.isoformat(), "conf": {}}
        run_id = stack.call("POST", f"/dags/{NIGHTLY}/dagRuns", asked)["dag_run_id"]
        while (run := stack.call("GET", f"/dags/{NIGHTLY}/dagRuns/{run_id}"))["state"] not in ENDED:
            time.sleep(1)
        tasks = stack.call("GET", f"/dags/{NIGHTLY}/dagRuns/{run_id}/taskInstances")["task_instances"]
        memory = stack.memory()
    whole = _seconds(run["queued_at"], run["end_date"])
    receipts = Ledger(root / "ledger.sqlite").entries("receipt", subject=night.isoformat())
    spent = {entry["stage"]: float(entry["seconds"]) for entry in receipts}
    print(f"{run['state']}: {whole:.1f} s from queued to ended, of which stages {sum(spent.values()):.1f} s")
    for task in tasks:
        print(f"  {task['task_id']:10} task {task['duration']:6.1f} s, stage {spent[task['task_id']]:6.1f} s")
    print(f"orchestration: {whole - sum(spent.values()):.1f} s; services idle {sum(memory.values())} MB (PSS)")


def _seconds(begin: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds()


if __name__ == "__main__":
    main()
