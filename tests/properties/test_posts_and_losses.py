"""Sums over industries equal the county's and the city's, and no cell that leaves the bureau gives a small one away."""

from datetime import date
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.contracts import load, read_sql
from pipelines.stages.outlook.absorbing import posts_of, rows
from pipelines.suppression import Cell, Limits, is_safe
from pipelines.warehouse import Warehouse

MONTH = date(2026, 10, 1)
LIMITS = Limits(enterprises=3, persons=10)
COUNTIES, DIVISIONS = ("320706", "320707", "000000"), ("13", "14", "17", "00")
SUMMED = ("loss_persons", "open_posts", "unmatched_persons", "spare_posts", "enterprise_count")
TABLE = "outlook.absorption"
FIRM = st.fixed_dictionaries(
    {
        "county_code": st.sampled_from(COUNTIES),
        "industry_division": st.sampled_from(DIVISIONS),
        "insured_persons": st.one_of(st.none(), st.integers(0, 400)),
        "insured_change_3m_persons": st.one_of(st.none(), st.integers(-90, 90)),
        "expected_loss_persons": st.one_of(st.none(), st.integers(0, 900).map(lambda tenths: tenths / 10)),
    }
)
POSTING = st.fixed_dictionaries(
    {
        "county_code": st.sampled_from(COUNTIES),
        "industry_division": st.sampled_from(DIVISIONS),
        "posts": st.integers(1, 60),
        "posting_enterprises": st.lists(st.integers(0, 9), min_size=1, max_size=4, unique=True),
    }
)
KINDS: dict[str, Any] = {
    "expected_loss_persons": pl.Float64,
    "insured_change_3m_persons": pl.Int64,
    "insured_persons": pl.Int64,
}


def named(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        row | {"county_name": f"县{row['county_code']}", "industry_name": f"业{row['industry_division']}"}
        for row in found
    ]


def city(firms: list[dict[str, Any]], postings: list[dict[str, Any]], *, has_model: bool) -> list[dict[str, Any]]:
    chance = pl.when(pl.lit(has_model) & pl.col("expected_loss_persons").is_not_null()).then(0.5).alias("probability")
    enterprises = pl.DataFrame(named(firms), schema_overrides=KINDS).with_columns(chance)
    posts = pl.DataFrame(
        [row | {"month": MONTH, "job_field": "生活服务"} for row in named(postings)],
        schema_overrides={"posting_enterprises": pl.List(pl.Int64)},
    )
    return rows(enterprises, posts_of(posts, month=MONTH, fresh_months=1), {}, limits=LIMITS)


@given(st.lists(FIRM, min_size=1, max_size=25), st.lists(POSTING, max_size=10), st.booleans())
@settings(max_examples=60, deadline=None)
def test_industries_add_up_to_the_county_and_counties_to_the_city(
    firms: list[dict[str, Any]], postings: list[dict[str, Any]], has_model: bool
) -> None:
    found = city(firms, postings, has_model=has_model)
    areas = {(row["county_code"], row["industry_division"]): row for row in found}
    codes = {row["county_code"] for row in found} - {None}
    for code in codes:
        own = [row for (county, division), row in areas.items() if county == code and division is not None]
        for name in SUMMED:
            known = [row[name] for row in own if row[name] is not None]
            assert areas[code, None][name] == (round(sum(known), 1) if known else None)
        for row in own:
            if row["unmatched_persons"] is not None:
                gap = round(row["unmatched_persons"] - row["spare_posts"], 1)
                assert gap == round(row["loss_persons"] - row["open_posts"], 1)
                assert min(row["unmatched_persons"], row["spare_posts"]) == 0
    for name in ("loss_persons", "open_posts", "enterprise_count"):
        known = [areas[code, None][name] for code in codes if areas[code, None][name] is not None]
        assert areas[None, None][name] == (round(sum(known), 1) if known else None)


@given(st.lists(FIRM, min_size=1, max_size=25), st.lists(POSTING, max_size=10))
@settings(max_examples=60, deadline=None)
def test_what_is_withheld_cannot_be_worked_out_from_the_county(
    firms: list[dict[str, Any]], postings: list[dict[str, Any]]
) -> None:
    found = city(firms, postings, has_model=False)
    staff: dict[tuple[str, str], int] = {}
    standing: dict[tuple[str, str], int] = {}
    for firm in firms:
        place = (firm["county_code"], firm["industry_division"])
        staff[place] = staff.get(place, 0) + (firm["insured_persons"] or 0)
        is_standing = firm["insured_persons"] != 0 or (firm["insured_change_3m_persons"] or 0) < 0
        standing[place] = standing.get(place, 0) + is_standing
    for code in {row["county_code"] for row in found} - {None}:
        own = [row for row in found if row["county_code"] == code]
        cells = {
            row["industry_division"]: Cell(
                max(standing.get((code, row["industry_division"]), 0), min(row["enterprise_count"], 1)),
                staff.get((code, row["industry_division"]), 0),
            )
            for row in own
            if row["industry_division"]
        }
        held = {row["industry_division"] for row in own if row["industry_division"] and row["is_withheld"]}
        assert {name for name, cell in cells.items() if LIMITS.is_small(cell)} <= held
        [whole] = [row for row in own if row["area_kind"] == "县区"]
        assert whole["is_withheld"] == (not is_safe({name: cells[name] for name in held}, LIMITS))
        assert found[0]["is_withheld"] or not whole["is_withheld"], "the city would give a county away"


def test_the_published_table_has_no_number_of_a_withheld_cell() -> None:
    firms = [{"county_code": "320706", "industry_division": d, "insured_persons": 5} for d in ("13", "14")]
    quiet = {"insured_change_3m_persons": -4, "expected_loss_persons": None}
    found = city([firm | quiet for firm in firms], [], has_model=False)
    warehouse = Warehouse(None, contracts=load())
    schema = warehouse.contracts.polars_schema(TABLE)
    warehouse.store(TABLE, pl.DataFrame([{"edition_id": "1", **row} for row in found], schema=schema, orient="row"))
    told = warehouse.frame(read_sql("out/absorption"), county_code="320706").to_dicts()
    assert len(told) == 3
    for row in told:
        assert row["is_withheld"], "one enterprise in each of two cells: neither, nor their sum, may be told"
        numbers = [row[name] for name in (*SUMMED, "training_persons", "posting_enterprise_count")]
        assert numbers == [None] * len(numbers)
        assert "4" not in row["absorption_text"]
    warehouse.close()
