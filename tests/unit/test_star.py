"""The star as it is described: it fits the contracts, is in the published file, and the manual shows it."""

import dataclasses
from pathlib import Path

import polars as pl
import pytest

from pipelines import contracts as contract_files
from pipelines import star, star_manual
from pipelines.errors import ContractError

CONTRACTS = contract_files.load()
STAR = star.load()


def test_the_star_fits_the_contracts() -> None:
    star.check(CONTRACTS)


@pytest.mark.parametrize(
    ("table", "change", "why"),
    [
        ("out.warning", {"joins": {"out.nowhere": ("enterprise_no",)}}, "joins unknown table out.nowhere"),
        ("out.warning", {"joins": {"out.area": ("county_code",)}}, "out.area may have several rows for one"),
        ("out.warning", {"joins": {"out.target": ("target_key",)}}, "target_key is not in both"),
        ("out.warning", {"cautions": ("of nobody",)}, "unknown caution of nobody"),
    ],
)
def test_a_star_that_does_not_fit_is_refused(
    monkeypatch: pytest.MonkeyPatch, table: str, change: dict[str, object], why: str
) -> None:
    wrong = dataclasses.replace(
        STAR, tables=dict(STAR.tables) | {table: dataclasses.replace(STAR.tables[table], **change)}
    )
    monkeypatch.setattr(star, "load", lambda: wrong)
    with pytest.raises(ContractError, match=why):
        star.check(CONTRACTS)


def test_a_table_that_nobody_described_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    fewer = {name: facts for name, facts in STAR.tables.items() if name != "out.target"}
    monkeypatch.setattr(star, "load", lambda: dataclasses.replace(STAR, tables=fewer))
    with pytest.raises(ContractError, match=r"out\.target is not described"):
        star.check(CONTRACTS)


def test_the_dictionary_has_every_table_and_column_in_both_languages() -> None:
    told = star.dictionary(CONTRACTS)
    tables = [table for table in CONTRACTS.tables.values() if table.schema_name == "out"]
    assert told.height == len(tables) + sum(len(table.columns) for table in tables)
    assert told.filter(pl.col("column_no") == 0)["meaning_text"].null_count() == 0
    assert told["meaning_english"].null_count() == 0
    columns = told.filter(pl.col("column_no") > 0)
    assert columns["column_label"].null_count() == 0
    key = told.filter(pl.col("is_key"), pl.col("table_name") == "out.area")["column_name"].to_list()
    assert key == ["area_kind", "county_code", "industry_division"]


def test_every_table_with_enterprises_says_that_it_is_internal() -> None:
    named = {
        table.table
        for table in CONTRACTS.tables.values()
        if table.schema_name == "out" and {"enterprise_no", "enterprise_id"} & set(table.columns)
    }
    assert {table for table in named if "internal" not in STAR.tables[table].cautions} == set()


def test_what_must_not_be_added_up_is_said_where_it_could_be() -> None:
    for table in star.published(CONTRACTS):
        told = set(STAR.tables[table.table].cautions)
        if "area_kind" in table.columns and "edition_id" in table.columns and table.table != "out.area_order":
            assert "kinds" in told, table.table
        if "points" in table.columns:
            assert "points" in told, table.table
        if "probability" in table.columns:
            assert "probability" in told, table.table
        if "is_small_cell" in table.columns:
            assert "small" in told, table.table


def test_the_manual_is_current_and_says_so_when_it_is_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert star_manual.main(["--check"]) == 0
    other = tmp_path / "analysts.md"
    text = star_manual.TARGET.read_text(encoding="utf-8")
    other.write_text(text.replace("内部资料", "资料"), encoding="utf-8")
    assert star_manual.main(["--check"], target=other) == 1
    assert "run 'make docs'" in capsys.readouterr().err
    assert star_manual.main([], target=other) == 0
    assert star_manual.main(["--check"], target=other) == 0
    other.write_text(text.replace("<!-- star -->", ""), encoding="utf-8")
    with pytest.raises(ValueError, match="needs the marks"):
        star_manual.main([], target=other)


def test_every_example_is_in_the_manual() -> None:
    files = {path.stem for path in (Path(star_manual.SQL) / "examples").glob("*.sql")}
    assert files == set(star_manual.EXAMPLES)
