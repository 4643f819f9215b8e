"""The DAGs schedule and do not think: policies over all of them, and what each one is."""

import ast
import json
from pathlib import Path
from typing import Any

import pytest
from airflow_home import DAGS, run_python

from pipelines import STAGES, errors
from pipelines import contracts as contract_files

FILES = sorted(DAGS.glob("*.py"))
DAILY = {"wengang_nightly": "0 2 * * *", "wengang_ingest": "30 1 * * *", "wengang_housekeeping": "0 12 * * *"}
SCHEDULES = DAILY | {"wengang_watch": "31 * * * *", "wengang_train": "0 10 16 * *", "wengang_replay": None}
HEADINGS = ("* 时间 when:", "* 读 reads:", "* 写 writes:", "* 重跑 rerun:", "* 失败时 when it fails:")
MOST_LINES = 80
HEAVY = ("duckdb", "polars", "sklearn", "great_expectations", "pandas", "numpy", "pyarrow")

DESCRIBE = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk.exceptions import AirflowFailException
from types import SimpleNamespace
from pipelines import orchestration
bag = DagBag(sys.argv[1])
heavy = sorted(set(sys.argv[2].split(",")) & set(sys.modules))
def task(t):
    return {
        "id": t.task_id, "words": t.task_display_name, "owner": t.owner, "pool": t.pool, "queue": t.queue,
        "retries": t.retries, "policy": t.retry_policy.serialize() if t.retry_policy else None,
        "timeout": bool(t.execution_timeout or getattr(t, "response_timeout", None)),
        "xcom": getattr(t, "partial_kwargs", {}).get("do_xcom_push", getattr(t, "do_xcom_push", None)),
        "weight": t.priority_weight, "after": sorted(t.upstream_task_ids),
        "outlets": [a.name for a in t.outlets], "mapped": getattr(t, "expand_input", None) is not None,
    }
def describe(dag):
    return {
        "doc": dag.doc_md, "tags": sorted(dag.tags), "catchup": dag.catchup, "active": dag.max_active_runs,
        "timetable": type(dag.timetable).__name__, "cron": getattr(dag.timetable, "expression", None),
        "params": sorted(dag.params), "tasks": [task(t) for t in dag.topological_sort()],
    }
def asked(function, key, params, kind="manual"):
    try:
        return str(function({"dag_run": SimpleNamespace(partition_key=key, run_type=kind), "params": params}))
    except AirflowFailException as error:
        return str(error)
day, cutoff, quiet = orchestration.business_date, orchestration.business_cutoff, orchestration.is_quiet
asks = {
    "key": asked(day, "2026-11-12", {}), "hour": asked(day, "2026-11-12T06", {}),
    "params": asked(day, None, {"as_of": "2026-11-11"}), "both": asked(day, "2026-11-12", {"as_of": "2026-11-11"}),
    "neither": asked(day, None, {"as_of": None}), "cutoff": asked(cutoff, "2026-11-12", {}),
    "later": asked(cutoff, None, {"as_of": "2026-11-11", "cutoff": "2026-11-11T09:30"}),
    "quiet": [asked(quiet, "2026-11-12", {"quiet": asks}, kind)
              for asks, kind in ((False, "scheduled"), (False, "backfill"), (True, "manual"))],
}
print(json.dumps({"errors": bag.import_errors, "heavy": heavy, "asks": asks, "feeds": orchestration.feed_names(),
                  "dags": {name: describe(dag) for name, dag in bag.dags.items()}}, default=str))
"""

PARSE = """
import importlib.util, sys, time
import airflow.sdk
began = time.process_time()
for place, path in enumerate(sys.argv[1:]):
    spec = importlib.util.spec_from_file_location(f"dag_{place}", path)
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
print(time.process_time() - began)
"""


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """All DAGs of the project, as Airflow understands them."""
    out = run_python(DESCRIBE, str(DAGS), ",".join(HEAVY), airflow=tmp_path_factory.mktemp("airflow"))
    return dict(json.loads(out.splitlines()[-1]))


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The same where the sign-off is switched on."""
    home = tmp_path_factory.mktemp("airflow_signed")
    out = run_python(DESCRIBE, str(DAGS), ",".join(HEAVY), airflow=home, WENGANG_SIGN_OFF="1", WENGANG_PROMOTION="rule")
    return dict(json.loads(out.splitlines()[-1]))


def test_dags_are_understood(described: dict[str, Any], signed: dict[str, Any]) -> None:
    assert described["errors"] == signed["errors"] == {}
    assert {name: dag["cron"] for name, dag in described["dags"].items()} == SCHEDULES


def test_parsing_imports_nothing_heavy(described: dict[str, Any], signed: dict[str, Any]) -> None:
    assert described["heavy"] == signed["heavy"] == []


def test_parsing_costs_little_once_the_sdk_is_there(tmp_path: Path) -> None:
    spent = float(run_python(PARSE, *map(str, FILES), airflow=tmp_path).splitlines()[-1])
    assert spent < 1


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_dag_file_is_short_and_asks_nobody(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MOST_LINES
    assert "airflow" in text.lower() and "dag" in text.lower(), "Airflow's safe mode wants both words"
    tree = ast.parse(text)
    imported = {name.module for name in ast.walk(tree) if isinstance(name, ast.ImportFrom)}
    assert imported <= {"airflow.sdk", "pipelines.orchestration"}
    assert not [name for name in ast.walk(tree) if isinstance(name, ast.Import)]
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert not called & {"Variable", "Connection", "open", "eval", "exec"}
    assert all(heading in (ast.get_docstring(tree) or "") for heading in HEADINGS)


def test_parsing_twice_gives_the_same_dags(described: dict[str, Any], tmp_path: Path) -> None:
    again = json.loads(run_python(DESCRIBE, str(DAGS), ",".join(HEAVY), airflow=tmp_path).splitlines()[-1])
    assert again["dags"] == described["dags"]


def test_every_dag_keeps_the_policies(described: dict[str, Any], signed: dict[str, Any]) -> None:
    tasks = 0
    for name, dag in [*described["dags"].items(), *signed["dags"].items()]:
        assert dag["doc"], f"{name} does not say what it is for"
        assert "wengang" in dag["tags"]
        assert len([tag for tag in dag["tags"] if tag.startswith("tier-")]) == 1
        assert dag["catchup"] is False
        assert dag["active"] == 1
        assert dag["timetable"] == ("CronPartitionTimetable" if SCHEDULES[name] else "NullTimetable"), name
        for task in dag["tasks"]:
            tasks += 1
            assert task["owner"] == "wengang"
            assert (task["pool"], task["queue"]) in {("wengang_writer",) * 2, ("wengang_reader", "default")}
            is_asking = task["id"] in {"sign_off", "approve"}
            assert task["retries"] == (2 if is_asking else 12)
            assert task["policy"]["__type"] == "ExceptionRetryPolicy"
            assert task["timeout"], task["id"]
            assert task["xcom"] is False
            assert task["id"] in task["words"]
            assert any("\u4e00" <= letter <= "\u9fff" for letter in task["words"])
    assert tasks > 30


def test_the_night_is_the_stages_in_a_chain(described: dict[str, Any]) -> None:
    night = described["dags"]["wengang_nightly"]
    before = [[], *([name] for name in STAGES[:-1])]
    assert [(task["id"], task["after"]) for task in night["tasks"]] == list(zip(STAGES, before, strict=True))
    assert night["params"] == ["as_of", "cutoff", "quiet"]
    assert {task["pool"] for task in night["tasks"]} == {"wengang_writer"}
    weights = [task["weight"] for task in night["tasks"]]
    assert weights == sorted(set(weights)), "a started night goes before one that has not begun"
    assert weights[0] > max(t["weight"] for t in described["dags"]["wengang_ingest"]["tasks"])


def test_the_sign_off_stands_before_anything_leaves_the_house(signed: dict[str, Any]) -> None:
    tasks = {task["id"]: task["after"] for task in signed["dags"]["wengang_nightly"]["tasks"]}
    assert (tasks["sign_off"], tasks["publish"], tasks["alert"]) == (["report"], ["sign_off"], ["publish"])
    assert [task["id"] for task in signed["dags"]["wengang_train"]["tasks"]] == ["teach", "promote"]


def test_a_person_approves_a_model_by_default(described: dict[str, Any]) -> None:
    assert [task["id"] for task in described["dags"]["wengang_train"]["tasks"]] == ["teach", "approve", "promote"]


def test_there_is_a_task_for_every_feed(described: dict[str, Any]) -> None:
    (fetch,) = described["dags"]["wengang_ingest"]["tasks"]
    assert fetch["mapped"]
    assert described["feeds"] == sorted(contract_files.load().feeds)


def test_the_partition_key_is_the_date_and_the_parameter_its_stand_in(described: dict[str, Any]) -> None:
    asks = described["asks"]
    assert (asks["key"], asks["hour"], asks["params"]) == ("2026-11-12", "2026-11-12", "2026-11-11")
    assert asks["both"] == "2026-11-12"
    assert "no business date" in asks["neither"]
    assert "as_of=YYYY-MM-DD" in asks["neither"]
    assert (asks["cutoff"], asks["later"]) == ("2026-11-12 02:00:00", "2026-11-11 09:30:00")
    assert asks["quiet"] == ["False", "True", "True"]


FETCH = """
import json, logging, os, sys
from pathlib import Path
from types import SimpleNamespace
from airflow.dag_processing.dagbag import DagBag
from pipelines import demo, errors, orchestration
from pipelines.ledger import Ledger
from pipelines.settings import Home
home = Home(Path(os.environ["WENGANG_HOME"]))
demo.make_home(home, city="模拟市", simulated=True)
home.settings_file.write_text(sys.argv[2], encoding="utf-8")
(home.inbox / "power_month").mkdir()
(home.inbox / "power_month" / "by-hand.csv").write_text("不是这个数据源", encoding="utf-8")
logging.disable()
orchestration.get_current_context = lambda: {
    "dag_run": SimpleNamespace(partition_key="2026-11-12", run_type="manual"), "params": {}}
call = DagBag(sys.argv[1]).dags["wengang_ingest"].task_dict["fetch"].python_callable
def raised(feed):
    try:
        call(feed=feed)
    except Exception as error:
        return [type(error).__name__, str(error)]
print(json.dumps({
    "login": orchestration._connection("grid"),
    "refused file": raised("power_month"), "down": raised("power_month"), "no login": raised("vacancy"),
    "nothing new": raised("tax_month"), "landed": len(Ledger(home.ledger).deliveries()),
}))
"""
SOURCES = """
[sources.grid]
kind = "http"
url = "http://127.0.0.1:1"
plain_http = true
attempts = 1
auth = "bearer"
connection = "grid"
[sources.grid.feeds.power_month]
columns = {"户号" = "account"}
[sources.jobs]
kind = "database"
url = "postgresql://127.0.0.1:1/jobs"
connection = "nowhere"
[sources.jobs.feeds.vacancy]
table = "vacancy"
"""


def test_a_source_is_asked_with_a_connection_of_airflow_and_fails_its_feed_alone(tmp_path: Path) -> None:
    """What can pass is raised as such, so that it is tried again; a file in the inbox is landed all the same."""
    kept = json.dumps({"conn_type": "http", "login": "bureau", "password": "p" * 8, "extra": {"token": "t" * 8}})
    home = {"WENGANG_HOME": str(tmp_path / "home"), "AIRFLOW_CONN_GRID": kept}
    told = json.loads(run_python(FETCH, str(DAGS), SOURCES, airflow=tmp_path, **home).splitlines()[-1])
    assert told["login"] == {"user": "bureau", "password": "p" * 8, "token": "t" * 8, "key": "", "passphrase": ""}
    assert told["refused file"][0] == "AirflowFailException"
    assert told["landed"] == 1
    assert told["down"][0] == "SourceDownError"
    assert told["no login"][0] == "SourceRefusedError"
    assert "Airflow has no connection nowhere" in told["no login"][1]
    assert told["nothing new"][0] == "AirflowSkipException"
    assert "t" * 8 not in str({key: value for key, value in told.items() if key != "login"})


def test_every_family_of_errors_is_final_or_passes_by_itself(described: dict[str, Any]) -> None:
    rules = described["dags"]["wengang_nightly"]["tasks"][0]["policy"]["rules"]
    final = {name for rule in rules if rule["action"] == "fail" for name in _names(rule)}
    again = {name for rule in rules if rule["action"] == "retry" for name in _names(rule)}
    families = {
        f"pipelines.errors.{one.__name__}"
        for one in errors.WengangError.__subclasses__()
        if one.__module__ == errors.__name__
    }
    assert not final & again
    assert again >= {f"pipelines.errors.{name}Error" for name in ("Busy", "Sending", "SourceDown")}
    undecided = {name.rpartition(".")[2] for name in families - final - again}
    assert undecided == {"PublishError", "LateError", "RowsHeldError"}, "a person, or another try?"


def _names(rule: dict[str, Any]) -> list[str]:
    given = rule["exception"]
    return given if isinstance(given, list) else str(given).split(",")
