"""Shape of the data: every table a pair, every column a Chinese label, lineage as declared, $named parameters only."""

import re
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
import sqlglot
import yaml
from project_files import SQL, bare, modules, sql_files, strings
from sqlglot import exp

from pipelines import contracts as contract_files
from pipelines import dictionary
from pipelines import parameters as parameter_files
from pipelines.stages.core import latest

CONTRACTS = contract_files.load()
PARAMETERS = parameter_files.load(date(2026, 11, 23)).known
QUERIES = [path for path in sql_files() if not path.with_suffix(".yml").is_file()]
TABLES = [path for path in sql_files() if path.with_suffix(".yml").is_file()]


def _name(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


each_sql = pytest.mark.parametrize("path", sql_files(), ids=_name)


def _reads(path: Path) -> set[str]:
    return _read_by(path.read_text(encoding="utf-8"))


def _read_by(sql: str) -> set[str]:
    """The tables that a query reads; an unqualified name must be one of its own named steps."""
    statement = sqlglot.parse_one(sql, dialect="duckdb")
    steps = {step.alias for step in statement.find_all(exp.CTE)}
    found = {(table.db, table.name) for table in statement.find_all(exp.Table) if table.name}
    assert {table for schema, table in found if not schema} <= steps
    return {f"{schema}.{table}" for schema, table in found if schema}


@pytest.mark.parametrize("path", TABLES, ids=_name)
def test_a_table_reads_what_it_declares(path: Path) -> None:
    assert _reads(path) == set(CONTRACTS.tables[f"{path.parent.name}.{path.stem}"].reads)


@pytest.mark.parametrize("name", [table.table for table in CONTRACTS.tables.values() if table.latest_of])
def test_a_table_of_latest_versions_reads_what_it_declares(name: str) -> None:
    table = CONTRACTS.tables[name]
    for contested in (None, {1, 2}):
        assert _read_by(latest.body(table, CONTRACTS, contested=contested)) == set(table.reads)


@pytest.mark.parametrize("path", QUERIES, ids=_name)
def test_a_query_reads_known_tables_only(path: Path) -> None:
    assert _reads(path) <= set(CONTRACTS.tables)


@pytest.mark.parametrize("path", QUERIES, ids=_name)
def test_a_file_without_a_contract_is_a_query_that_code_names(path: Path) -> None:
    named = {text for module in modules() for text in strings(module)}
    metrics = {
        check["metric"]
        for suite in (SQL / "checks").glob("*.yml")
        for check in yaml.safe_load(suite.read_text(encoding="utf-8")).values()
    }
    assert path.stem in named | metrics or _name(path) in named, f"nothing reads sql/{_name(path)}.sql"


@each_sql
def test_sql_says_its_grain(path: Path) -> None:
    first = path.read_text(encoding="utf-8").split("\n\n")[0]
    assert first.startswith("-- ")
    assert "Grain" in first.splitlines()[0]


@each_sql
def test_sql_takes_named_parameters_only(path: Path) -> None:
    text = bare(path.read_text(encoding="utf-8"))
    assert "?" not in text
    assert not re.search(r"\{\w*\}|%s|\$\d", text), "a placeholder that is not a $named parameter"


@each_sql
def test_sql_asks_no_clock(path: Path) -> None:
    text = bare(path.read_text(encoding="utf-8")).lower()
    clock = r"\b(now|today|get_current_time(stamp)?|random|uuid)\s*\(|\bcurrent_(date|time|timestamp)\b"
    assert not re.search(clock, text)


def test_columns_are_named_in_chinese() -> None:
    used = {column for table in CONTRACTS.tables.values() for column in table.columns}
    assert [column for column in sorted(used) if not _is_chinese(CONTRACTS.columns[column].label)] == []
    assert [name for name, table in CONTRACTS.tables.items() if not _is_chinese(table.label)] == []


def test_every_column_is_used() -> None:
    used = {column for table in CONTRACTS.tables.values() for column in table.columns}
    used |= {column for feed in CONTRACTS.feeds.values() for column in feed.columns}
    used |= set(contract_files.RECORD_COLUMNS)
    assert sorted(set(CONTRACTS.columns) - used) == []


def test_a_label_means_one_quantity_in_a_table() -> None:
    for name, table in CONTRACTS.tables.items():
        labels = [CONTRACTS.columns[column].label for column in table.columns]
        assert sorted({label for label in labels if labels.count(label) > 1}) == [], name


def _is_chinese(text: str) -> bool:
    return any("\u4e00" <= symbol <= "\u9fff" for symbol in text)


@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_a_contestable_number_says_where_it_is_from(name: str) -> None:
    parameter = PARAMETERS[name]
    assert parameter.reference.strip()
    assert parameter.standing in {"verified", "assumption", "memory"}
    for earlier, later in pairwise(sorted(parameter.values, key=lambda value: value.since)):
        assert earlier.until is not None, f"{name} has two values from {later.since}"
        assert earlier.until <= later.since
    ends = [value.until for value in parameter.values if value.until]
    assert all(end - timedelta(days=1) >= value.since for end, value in zip(ends, parameter.values, strict=False))


def test_every_parameter_is_asked_for() -> None:
    named = {text for module in modules() for text in strings(module)}
    named |= {word for path in sql_files() for word in re.findall(r"\$(\w+)", path.read_text(encoding="utf-8"))}
    for text in [path.read_text(encoding="utf-8") for path in (SQL / "checks").glob("*.yml")]:
        named |= set(re.findall(r"\w+", text))
    families = tuple(text for text in named if re.fullmatch(r"[a-z]+_", text))
    assert [name for name in sorted(PARAMETERS) if name not in named and not name.startswith(families)] == []


def test_the_dictionary_is_current() -> None:
    assert dictionary.TARGET.read_text(encoding="utf-8") == dictionary.current(), "run 'make docs'"


def test_the_dictionary_names_every_table_feed_and_parameter() -> None:
    text = dictionary.render(CONTRACTS, PARAMETERS)
    for title in (*CONTRACTS.tables, *CONTRACTS.feeds):
        assert f"\n### {title}\n" in text
    assert [name for name in PARAMETERS if f"\n| `{name}` |" not in text] == []
    assert [line for line in text.splitlines() if line.startswith("|") and not line.endswith("|")] == []
