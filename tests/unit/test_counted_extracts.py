"""An extract of counts for outside: counted here and not by the query, small cells left out, on record, or refused."""

import re
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner
from running_home import publish

from pipelines import cli, exporting, small_cells
from pipelines.errors import PurposeError, UsageError
from pipelines.ledger import Ledger
from pipelines.means import Means
from pipelines.suppression import Limits

LIMITS = Limits(enterprises=3, persons=10)
OUTSIDE = exporting.Telling(purpose="统计公报", recipient="统计局", by="zhang", is_outside=True)
QUERY = "SELECT i AS enterprise_no, CASE WHEN i < 2 THEN '甲' WHEN i < 7 THEN '乙' ELSE '丙' END AS county_name, 100 AS insured_persons FROM range(20) r(i)"  # noqa: E501


def firms(*groups: tuple[str, int, int]) -> pl.DataFrame:
    """Enterprises of each (county, how many, persons each)."""
    rows = [(county, persons) for county, count, persons in groups for _ in range(count)]
    frame = pl.DataFrame(rows, schema=["county_name", "insured_persons"], orient="row")
    return frame.with_row_index("enterprise_no")


def test_a_small_cell_is_left_out_and_the_smallest_other_covers_it() -> None:
    frame = firms(("甲", 2, 50), ("乙", 5, 40), ("丙", 9, 30))
    found = small_cells.table(frame, by=["county_name"], sums=["insured_persons"], limits=LIMITS)
    told = {row["county_name"]: (row["enterprise_count"], row["insured_persons"]) for row in found.to_dicts()}
    assert told == {"甲": (None, None), "乙": (None, None), "丙": (9, 270)}


def test_few_persons_make_a_cell_small_where_persons_are_known() -> None:
    frame = firms(("甲", 4, 2), ("乙", 5, 40), ("丙", 9, 30))
    assert small_cells.table(frame, by=["county_name"], sums=[], limits=LIMITS)["is_left_out"].sum() == 2
    bare = frame.drop("insured_persons")
    assert small_cells.table(bare, by=["county_name"], sums=[], limits=LIMITS)["is_left_out"].sum() == 0


def test_a_cell_that_is_one_enterprise_s_own_is_left_out_by_staff_or_by_any_sum() -> None:
    frame = pl.concat([firms(("甲", 4, 20)), firms(("甲", 1, 900), ("乙", 5, 40), ("丙", 9, 30))])
    frame = frame.drop("enterprise_no").with_row_index("enterprise_no")
    assert small_cells.table(frame, by=["county_name"], sums=[], limits=LIMITS)["is_left_out"].sum() == 2
    exports = firms(("甲", 5, 40), ("乙", 6, 40), ("丙", 9, 30)).with_columns(
        usd=pl.Series([900] + [1] * 4 + [40] * 15)
    )
    found = small_cells.table(exports, by=["county_name"], sums=["usd"], limits=LIMITS)
    assert found.filter("is_left_out")["county_name"].to_list() == ["乙", "甲"]


def test_what_covers_one_enterprise_s_sum_is_not_mostly_its_own() -> None:
    bare = firms(("甲", 5, 40), ("乙", 6, 40), ("丙", 9, 30), ("丁", 12, 30))
    exports = bare.with_columns(usd=pl.Series([900] + [1] * 10 + [40] * 9 + [50] * 12))
    found = small_cells.table(exports, by=["county_name"], sums=["usd"], limits=LIMITS)
    assert found.filter("is_left_out")["county_name"].to_list() == ["丙", "乙", "甲"], (
        "甲 and 乙 together are still 甲's"
    )


def test_unknown_staff_of_one_does_not_let_small_cells_out() -> None:
    frame = firms(("甲", 4, 2), ("乙", 5, 40), ("丙", 9, 30)).with_columns(
        insured_persons=pl.when(pl.col("enterprise_no") < 17).then("insured_persons")
    )
    found = small_cells.table(frame, by=["county_name"], sums=[], limits=LIMITS)
    assert found.filter("is_left_out")["county_name"].to_list() == ["乙", "甲"]


@pytest.mark.parametrize(
    ("frame", "by", "sums", "why"),
    [
        (firms(("甲", 3, 9)), ["street_name"], [], "gives no column street_name"),
        (firms(("甲", 3, 9)).drop("enterprise_no"), ["county_name"], [], "must give enterprise_no or enterprise_id"),
        (firms(("甲", 3, 9)).with_columns(enterprise_no=1), ["county_name"], [], "gives a enterprise_no twice"),
        (firms(("甲", 3, 9)), ["enterprise_no"], [], "names single enterprises"),
        (firms(("甲", 3, 9)), ["county_name"], ["county_name"], "no number"),
        (firms(("甲", 3, 9)).with_columns(lost=pl.lit(None, pl.Int64)), ["county_name"], ["lost"], "unknown for some"),
        (firms(("甲", 3, 9)), ["county_name", "insured_persons", "enterprise_no"], [], "one or two columns"),
    ],
)
def test_what_cannot_be_counted_is_refused(frame: pl.DataFrame, by: list[str], sums: list[str], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        small_cells.table(frame, by=by, sums=sums, limits=LIMITS)


@pytest.fixture
def means(make_home: Callable[..., Means]) -> Means:
    made = make_home()
    publish(made.home, {"out.edition": [{"edition_id": "2026-11-12-r1"}]})
    return made


def test_rows_do_not_go_outside_and_counts_do(means: Means, tmp_path: Path) -> None:
    out = tmp_path / "a.csv"
    mailed = exporting.Telling(purpose="统计公报", recipient="someone@example.org", by="zhang")
    for told in (OUTSIDE, mailed):
        for leave in (
            lambda told=told: exporting.to_file(means, QUERY, out, told),
            lambda told=told: exporting.csv_teller(means, told),
            lambda told=told: exporting.page_of(means, out, lambda: ("", ""), told),
            lambda told=told: exporting.files_of(
                means, {out: b""}, told, edition_id="2026-11-12-r1", what={out: "周报"}, names_enterprises=True
            ),
        ):
            with pytest.raises(PurposeError, match="不能向局外") as refused:
                leave()
            said = str(refused.value).replace(told.recipient, "")
            assert not re.search("[A-Za-z]", said), "who reads it sets nothing: no option is named"
    assert Ledger(means.home.ledger).entries("export") == []
    assert exporting.counts_to_file(means, QUERY, out, OUTSIDE, by=["county_name"], sums=[]) == (3, 2)
    assert pl.read_csv(out)["enterprise_count"].to_list() == [13, None, None]
    (entry,) = Ledger(means.home.ledger).entries("export")
    assert (entry["what"], entry["recipient"], entry["rows"]) == ("汇总结果文件（csv，小单元格不公布）", "统计局", 3)


def test_the_command_counts_and_says_how_much_it_left_out(means: Means, tmp_path: Path) -> None:
    home, out = ["--home", str(means.home.root), "-q", "sql", QUERY], tmp_path / "a.csv"
    more = ["--purpose", "公报", "--to", "统计局", "--outside"]
    runner = CliRunner()
    done = runner.invoke(cli.main, [*home, "--out", str(out), "--by", "county_name", "--sum", "insured_persons", *more])
    assert done.exit_code == 0, done.output
    assert "3 cells, 2 of them left out" in done.output
    assert runner.invoke(cli.main, [*home, "--out", str(out), *more]).exit_code == PurposeError.exit_code
    assert runner.invoke(cli.main, [*home, "--csv", *more]).exit_code == PurposeError.exit_code
    assert runner.invoke(cli.main, [*home, "--by", "county_name"]).exit_code == 2
