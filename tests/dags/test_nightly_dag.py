"""The DAGs schedule and do not think: policies over all of them, and the nightly one run through Airflow."""

import json
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from airflow_home import DAGS, run_python

from pipelines import STAGES, nightly
from pipelines.nightly import Means

AS_OF = date(2026, 11, 12)
CUTOFF = datetime(2026, 11, 12, 2, 0)

DESCRIBE = """
import json, sys
from types import SimpleNamespace
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk.exceptions import AirflowFailException
from pipelines.orchestration import business_date
bag = DagBag(sys.argv[1])
def describe(dag):
    return {
        "doc": dag.doc_md, "tags": sorted(dag.tags), "catchup": dag.catchup, "active": dag.max_active_runs,
        "timetable": type(dag.timetable).__name__, "params": sorted(dag.params),
        "tasks": [
            {"id": t.task_id, "owner": t.owner, "pool": t.pool, "retries": t.retries,
             "after": sorted(t.upstream_task_ids)}
            for t in dag.topological_sort()
        ],
    }
def asked(key, params):
    try:
        return str(business_date({"dag_run": SimpleNamespace(partition_key=key), "params": params}))
    except AirflowFailException as error:
        return str(error)
dates = {"key": asked("2026-11-12", {}), "params": asked(None, {"as_of": "2026-11-11"}),
         "both": asked("2026-11-12", {"as_of": "2026-11-11"}), "neither": asked(None, {"as_of": None})}
heavy = sorted({"duckdb", "polars", "sklearn", "great_expectations"} & set(sys.modules))
print(json.dumps({"errors": bag.import_errors, "heavy": heavy, "dates": dates,
                  "dags": {name: describe(dag) for name, dag in bag.dags.items()}}, default=str))
"""

RUN = """
import sys
from airflow.dag_processing.dagbag import DagBag
dag = DagBag(sys.argv[1]).dags["wengang_nightly"]
run = dag.test(run_conf={"as_of": sys.argv[2]})
states = {ti.task_id: str(ti.state) for ti in run.get_task_instances()}
print("STATE", str(run.state), sorted(set(states.values())), len(states))
"""

MIGRATE = "import sys; from airflow.__main__ import main; sys.argv = ['airflow', 'db', 'migrate']; main()"


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """All DAGs of the project, as Airflow understands them."""
    out = run_python(DESCRIBE, str(DAGS), airflow=tmp_path_factory.mktemp("airflow"))
    return dict(json.loads(out.splitlines()[-1]))


def test_dags_are_understood(described: dict[str, Any]) -> None:
    assert described["errors"] == {}
    assert set(described["dags"]) == {"wengang_nightly"}


def test_parsing_a_dag_imports_nothing_heavy(described: dict[str, Any]) -> None:
    assert described["heavy"] == []


def test_every_dag_keeps_the_policies(described: dict[str, Any]) -> None:
    for name, dag in described["dags"].items():
        assert dag["doc"], f"{name} does not say what it is for"
        assert "wengang" in dag["tags"]
        assert len([tag for tag in dag["tags"] if tag.startswith("tier-")]) == 1
        assert dag["catchup"] is False
        assert dag["active"] == 1
        for task in dag["tasks"]:
            assert task["owner"] == "wengang"
            assert task["pool"] == "wengang_writer"
            assert task["retries"] == 2


def test_the_night_is_the_stages_in_a_chain(described: dict[str, Any]) -> None:
    night = described["dags"]["wengang_nightly"]
    before = [[], *([name] for name in STAGES[:-1])]
    assert [(task["id"], task["after"]) for task in night["tasks"]] == list(zip(STAGES, before, strict=True))
    assert night["timetable"] == "CronPartitionTimetable"
    assert night["params"] == ["as_of"]


def test_the_partition_key_is_the_date_and_the_parameter_its_stand_in(described: dict[str, Any]) -> None:
    dates = described["dates"]
    assert (dates["key"], dates["params"], dates["both"]) == ("2026-11-12", "2026-11-11", "2026-11-12")
    assert "no business date" in dates["neither"]
    assert "as_of=YYYY-MM-DD" in dates["neither"]


@pytest.fixture
def played(make_home: Callable[..., Means], small_city: Path) -> Callable[[str], Means]:
    """A maker of homes that hold the city's deliveries as of 02:00 of the night."""

    def make(name: str) -> Means:
        means = make_home(name)
        nightly.play(means, schedule=small_city / "deliveries.csv", until=CUTOFF)
        return means

    return make


def test_a_night_through_airflow_is_the_night_of_the_command(played: Callable[[str], Means], tmp_path: Path) -> None:
    airflow = tmp_path / "airflow"
    airflow.mkdir()
    run_python(MIGRATE, airflow=airflow)
    by_airflow, by_command = played("by_airflow"), played("by_command")

    out = run_python(RUN, str(DAGS), AS_OF.isoformat(), airflow=airflow, WENGANG_HOME=str(by_airflow.home.root))
    nightly.run(by_command, as_of=AS_OF, cutoff=CUTOFF)

    assert f"STATE success ['success'] {len(STAGES)}" in out
    assert _bytes(by_airflow.home.editions) == _bytes(by_command.home.editions)
    assert len(_bytes(by_airflow.home.editions)) > 3


def _bytes(folder: Path) -> dict[str, bytes]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and "receipt" not in path.name)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
