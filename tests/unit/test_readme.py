"""What the READMEs promise: their queries run on the tables of the contracts, their lines and commands are real."""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from pipelines import contracts as contract_files
from pipelines import parameters as parameter_files
from pipelines.cli import main
from pipelines.warehouse import Warehouse

ROOT = Path(__file__).resolve().parents[2]
TEXTS = {name: (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh-CN.md")}
QUERIES = re.findall(r"```sql\n(.*?)```", TEXTS["README.md"], flags=re.DOTALL)
LINES = {
    "红": ("red_loss_persons", "red_closure_persons", "closure_absent_months"),
    "橙": ("orange_loss_persons", "orange_loss_pct", "orange_loss_pct_min_persons"),
    "黄": ("yellow_loss_persons", "yellow_loss_pct", "yellow_loss_pct_min_base"),
    "蓝": ("blue_dimensions", "blue_points", "blue_min_insured_persons"),
}


@pytest.fixture(scope="module")
def empty_tables() -> Iterator[Warehouse]:
    """Every published table of the contracts, without a row."""
    contracts = contract_files.load()
    warehouse = Warehouse(None, contracts=contracts)
    for name, table in contracts.tables.items():
        if table.schema_name == "out":
            warehouse.execute(contracts.ddl(name))
    yield warehouse
    warehouse.close()


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_of_the_readme_runs_on_the_published_tables(empty_tables: Warehouse, query: str) -> None:
    assert "out." in query
    assert empty_tables.rows(query) == []


def test_both_languages_show_the_same_queries() -> None:
    assert len(QUERIES) == 5
    assert re.findall(r"```sql\n(.*?)```", TEXTS["README.zh-CN.md"], flags=re.DOTALL) == QUERIES


@pytest.mark.parametrize("name", TEXTS)
def test_every_command_is_in_the_table_of_commands(name: str) -> None:
    told = set(re.findall(r"`wengang ([a-z][a-z-]*)", TEXTS[name]))
    assert told == set(main.commands)


@pytest.mark.parametrize("name", TEXTS)
def test_every_link_leads_to_a_file(name: str) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", TEXTS[name])
    assert links
    assert [link for link in links if not (ROOT / link).is_file()] == []


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("colour", LINES)
def test_the_lines_of_the_colours_are_the_parameters_in_force(name: str, colour: str) -> None:
    parameters = parameter_files.load(date(2026, 11, 12))
    row = next(line for line in TEXTS[name].splitlines() if line.startswith(f"| {colour}"))
    numbers = {int(number) for number in re.findall(r"\d+", row)}
    assert {int(parameters[parameter]) for parameter in LINES[colour]} <= numbers


@pytest.mark.parametrize("name", TEXTS)
def test_every_feed_is_named(name: str) -> None:
    assert [feed for feed in contract_files.load().feeds if f"`{feed}`" not in TEXTS[name]] == []


def test_the_screenshot_is_small() -> None:
    assert (ROOT / "docs/pictures/briefing.png").stat().st_size <= 400_000
