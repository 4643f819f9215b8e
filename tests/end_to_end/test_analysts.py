"""Example queries on the published file of the small city give what they say; joins multiply no row; the file tells
what it is."""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from pipelines import star, star_manual
from pipelines.warehouse import connect_published

Row = dict[str, Any]
MAY_BE_EMPTY = ("not_listed", "revised_not_new")


@pytest.fixture(scope="module")
def published(issued_home: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with closing(connect_published(issued_home / "published" / "current.duckdb")) as connection:
        yield connection


def table(connection: duckdb.DuckDBPyConnection, name: str) -> pl.DataFrame:
    return connection.sql(f"FROM out.{name}").pl()


def answer(connection: duckdb.DuckDBPyConnection, name: str) -> list[Row]:
    return list(connection.sql(star_manual.example(name).query).pl().to_dicts())


def test_every_example_runs(published: duckdb.DuckDBPyConnection) -> None:
    counts = {name: len(answer(published, name)) for name in star_manual.EXAMPLES}
    assert [name for name, rows in counts.items() if not rows and name not in MAY_BE_EMPTY] == []


def test_staff_of_counties(published: duckdb.DuckDBPyConnection) -> None:
    listed = dict(table(published, "warning").select("enterprise_no", "insured_persons").iter_rows())
    for row in answer(published, "staff_of_counties"):
        own = table(published, "enterprise").filter(
            pl.col("county_name").eq_missing(pl.lit(row["county_name"])), ~pl.col("is_labour_agency")
        )
        numbers = own["enterprise_no"].to_list()
        assert row["enterprises"] == own.height
        assert row["unknown_enterprises"] == own["insured_persons"].null_count()
        assert row["insured_persons"] == own["insured_persons"].sum()
        assert row["listed_enterprises"] == len(listed.keys() & set(numbers))
        assert row["listed_persons"] == sum(listed[number] or 0 for number in listed.keys() & set(numbers))


def test_industries_against_last_year(published: duckdb.DuckDBPyConnection) -> None:
    month: date = table(published, "edition")["reference_month"][0]
    cells = table(published, "county_industry_month")
    before = month.replace(year=month.year - 1)
    for row in answer(published, "industries_against_last_year"):
        own = cells.filter(pl.col("industry_division") == row["industry_division"])
        for column, when in (("insured_persons", month), ("year_before_persons", before)):
            assert (row[column] or 0) == own.filter(pl.col("month") == when)["insured_persons"].sum()


def test_counties_and_the_city(published: duckdb.DuckDBPyConnection) -> None:
    rows = answer(published, "counties_and_the_city")
    assert Counter(row["area_kind"] for row in rows)["全市"] == 1
    counties = table(published, "area").filter(pl.col("area_kind") == "县区")
    assert [row["county_name"] for row in rows if row["area_kind"] == "县区"] == (
        counties.sort("county_code")["county_name"].to_list()
    )


def test_reasons_of_colours_and_those_not_listed(published: duckdb.DuckDBPyConnection) -> None:
    colours = dict(table(published, "warning").select("enterprise_no", "colour").iter_rows())
    reasons = table(published, "warning_reason").filter(~pl.col("is_mitigating"))
    expected = Counter(
        (colours[number], name) for number, name in reasons.select("enterprise_no", "reason_name").iter_rows()
    )
    found = {(row["colour"], row["reason_name"]): row["enterprises"] for row in answer(published, "reasons_of_colours")}
    assert found == expected
    filtered = table(published, "filtered")
    assert sum(row["enterprises"] for row in answer(published, "not_listed")) == filtered.height


def test_help_for_the_listed(published: duckdb.DuckDBPyConnection) -> None:
    listed = table(published, "warning")["enterprise_no"].to_list()
    answers = table(published, "policy_answer").filter(pl.col("enterprise_no").is_in(listed))
    found = answer(published, "help_for_the_listed")
    assert sum(row["eligible"] for row in found) == answers.filter(pl.col("policy_answer") == "符合条件").height
    assert sum(row["unknown"] for row in found) == answers.filter(pl.col("policy_answer") == "缺少数据").height
    amounts = answers.filter(pl.col("policy_answer") == "符合条件")["amount_fen"].sum()
    assert sum(row["estimated_yuan"] or 0 for row in found) == pytest.approx(amounts / 100)


def test_late_orders(published: duckdb.DuckDBPyConnection) -> None:
    orders = table(published, "work_order")
    found = answer(published, "late_orders")
    assert sum(row["orders"] for row in found) == orders.height
    assert sum(row["late_orders"] for row in found) == orders.filter(pl.col("order_state") == "逾期").height
    left = orders.filter(pl.col("order_state") == "由责任单位登记").height
    assert sum(row["left_to_the_department"] for row in found) == left


def test_months_of_an_enterprise(published: duckdb.DuckDBPyConnection) -> None:
    first = table(published, "warning").sort("rank_city", "enterprise_id").row(0, named=True)
    months = table(published, "enterprise_month").filter(pl.col("enterprise_no") == first["enterprise_no"])
    newest = months.sort("month", descending=True).head(13).to_dicts()
    found = answer(published, "months_of_an_enterprise")
    assert {row["enterprise_name"] for row in found} == {first["enterprise_name"]}
    assert [(row["month"], row["insured_persons"]) for row in found] == [
        (row["month"], row["insured_persons"]) for row in newest
    ]
    for row, month in zip(found, newest, strict=True):
        owed = month["due_pension_fen"] - month["paid_pension_fen"] - (month["deferred_pension_fen"] or 0)
        assert row["pension_arrears_yuan"] == pytest.approx(owed / 100)


def test_changes_and_late_months(published: duckdb.DuckDBPyConnection) -> None:
    changes = table(published, "warning_change")
    found = answer(published, "revised_not_new")
    assert sum(row["enterprises"] for row in found) == changes.height
    periods = table(published, "source_period").filter(pl.col("month").is_not_null())
    newest = dict(periods.group_by("feed").agg(pl.col("month").max()).iter_rows())
    labels = dict(table(published, "source_status").select("feed_label", "feed").iter_rows())
    for row in answer(published, "months_that_came_late"):
        assert row["latest_month"] == newest.get(labels[row["feed_label"]])


def test_the_file_says_what_it_is(published: duckdb.DuckDBPyConnection) -> None:
    held = {f"out.{name}" for (name,) in published.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    assert set(table(published, "dictionary")["table_name"]) >= held
    assert ("out.enterprise", "arrears_fen") in {
        (row["table_name"], row["column_name"]) for row in answer(published, "column_by_word")
    }
    told = [row["caution_key"] for row in answer(published, "warnings_of_a_table")]
    assert told == sorted(star.load().tables["out.area"].cautions)


def test_joins_of_the_star_multiply_no_row(published: duckdb.DuckDBPyConnection) -> None:
    held = {f"out.{name}" for (name,) in published.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    for name, facts in star.load().tables.items():
        for other, columns in facts.joins.items():
            if name in held and other in held:
                on = " AND ".join(f"a.{column} IS NOT DISTINCT FROM b.{column}" for column in columns)
                text = (
                    f"SELECT count(*) - (SELECT count(*) FROM {name}) FROM {name} AS a LEFT JOIN {other} AS b ON {on}"
                )
                assert published.execute(text).fetchall() == [(0,)], f"{name} to {other}"
