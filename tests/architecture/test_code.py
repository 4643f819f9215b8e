"""Shape of the code: sizes, names, directions of import, and who alone may touch the clock and the databases."""

import ast
import sys
import tomllib
from pathlib import Path

import pytest
from importlinter import cli as importlinter
from project_files import ROOT, imports, modules, name, tree

from pipelines import STAGES

CLOCK_CALLS = {"now", "today", "utcnow"}
CLOCK_FUNCTIONS = {"time", "time_ns", "localtime", "gmtime", "ctime"}
EDGES = {"pipelines/cli.py", "pipelines/orchestration/__init__.py"}
each_module = pytest.mark.parametrize("path", modules(), ids=name)


def test_imports_run_one_way() -> None:
    config = str(ROOT / "pyproject.toml")
    broken = importlinter.lint_imports(config_filename=config, no_cache=True)
    assert broken == 0, "run .venv/bin/lint-imports for the chain"


def test_import_rules_have_no_exceptions() -> None:
    rules = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    excused = [rule["name"] for rule in rules if {"ignore_imports", "unmatched_ignore_imports_alerting"} & set(rule)]
    assert excused == []


@each_module
def test_module_has_at_most_400_lines(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= 400, f"{name(path)} has {lines} lines: it does more than one thing"


@each_module
def test_functions_have_at_most_50_lines(path: Path) -> None:
    sizes = {
        node.name: (node.end_lineno or node.lineno) - node.lineno + 1
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {function: size for function, size in sizes.items() if size > 50} == {}


@each_module
def test_module_says_why_it_exists(path: Path) -> None:
    assert ast.get_docstring(tree(path)), f"{name(path)} has no docstring"


@each_module
def test_module_is_named_for_what_it_does(path: Path) -> None:
    grab_bags = {"utils", "util", "helpers", "helper", "common", "misc"}
    assert not grab_bags & {*path.relative_to(ROOT).parts, path.stem}


@each_module
def test_no_clock_below_the_edges(path: Path) -> None:
    if name(path) in EDGES:
        return
    asked = [
        f"{name(path)}:{node.lineno}"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _asks_clock(node.func)
    ]
    assert asked == [], "as_of and instants are arguments"
    assert not {f"time.{function}" for function in CLOCK_FUNCTIONS} & set(imports(path))


def _asks_clock(function: ast.Attribute) -> bool:
    on_time = isinstance(function.value, ast.Name) and function.value.id == "time"
    return function.attr in CLOCK_CALLS or (on_time and function.attr in CLOCK_FUNCTIONS)


def test_duckdb_is_opened_in_one_place() -> None:
    opened = {
        name(path)
        for path in modules()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and node.attr == "connect" and ast.unparse(node.value) == "duckdb"
    }
    assert opened == {"pipelines/warehouse.py"}
    assert not any("duckdb.connect" in imports(path) for path in modules())


def test_the_ledger_is_opened_in_one_place() -> None:
    assert _importers("sqlite3") == {"pipelines/ledger.py"}


def test_airflow_is_known_to_the_edge_only() -> None:
    beyond = {path for path in _importers("airflow") if not path.startswith("dags/")}
    assert beyond == {f"pipelines/orchestration/{part}.py" for part in ("__init__", "approvals", "deeds")}


def _importers(package: str) -> set[str]:
    return {name(path) for path in modules() if any(found.split(".")[0] == package for found in imports(path))}


@pytest.mark.parametrize("path", sorted((ROOT / "dags").glob("*.py")), ids=name)
def test_dags_schedule_and_do_not_think(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 80
    foreign = [found for found in imports(path) if not found.startswith(("airflow.sdk.", "pipelines.orchestration."))]
    assert foreign == []


@pytest.mark.parametrize("path", sorted((ROOT / "pipelines/stages/ingest/readers").glob("[!_]*.py")), ids=name)
def test_a_reader_in_a_process_of_its_own_loads_one_library_and_nothing_of_ours(path: Path) -> None:
    packages = {found.split(".")[0] for found in imports(path)} - sys.stdlib_module_names
    assert len(packages) == 1
    assert "pipelines" not in packages
    first = {found.split(".")[0] for found in imports(ROOT / "pipelines/stages/ingest/bounded.py")}
    assert first <= sys.stdlib_module_names


def test_one_word_per_stage() -> None:
    folders = {path.parent.name for path in (ROOT / "pipelines" / "stages").glob("*/__init__.py")}
    assert folders == set(STAGES)
