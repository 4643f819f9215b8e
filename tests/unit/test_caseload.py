"""How many will claim and register: what is projected from what, against its own past, and of whom nothing is told."""

from datetime import date

import polars as pl
import pytest
from edition_city import OCTOBER
from test_absorption import GANYU, HAIZHOU, NAMES, PARAMETERS

from pipelines import lunar
from pipelines.lunar import ordinal
from pipelines.run import add_months
from pipelines.stages.outlook import caseload

SEASON = (90, 110, 120, 100, 80, 95, 105, 130, 85, 100, 115, 70)
CALENDAR = lunar.calendar(PARAMETERS["spring_festival"], early_day=10, reference_year=2026)


def values(months: int, *, growth: float = 1.0) -> dict[int, int]:
    last = ordinal(OCTOBER)
    return {
        month: round(1000 * SEASON[month % 12] * growth ** (month // 12))
        for month in range(last - months + 1, last + 1)
    }


def test_a_season_that_comes_again_is_projected_and_a_growth_carried_on() -> None:
    last = ordinal(OCTOBER)
    came = sum(1000 * SEASON[month % 12] for month in (last + 1, last + 2, last + 3))
    assert caseload.projected(values(36), last, lunar.GREGORIAN.months_back, scale_months=6) == came
    grown = values(36, growth=2)
    assert caseload.projected(grown, last, lunar.GREGORIAN.months_back, scale_months=6) == sum(
        2 * grown[month - 12] for month in (last + 1, last + 2, last + 3)
    )
    found = caseload.guessed(values(36), last, lunar.GREGORIAN.months_back, scale_months=6, least_checks=12)
    assert (found.persons, found.is_seasonal) == (came, True)
    assert (found.past.ratios, found.past.error) == ((1.0,) * 16, 0.0)


def test_a_series_without_a_season_is_carried_on_as_it_was() -> None:
    last = ordinal(OCTOBER)
    stairs = {month: 100 if month <= last - 9 else 40 for month in range(last - 35, last + 1)}
    found = caseload.guessed(stairs, last, lunar.GREGORIAN.months_back, scale_months=6, least_checks=12)
    assert (found.persons, found.is_seasonal) == (120, False)
    few = caseload.guessed(stairs, last, lunar.GREGORIAN.months_back, scale_months=6, least_checks=99)
    assert few.is_seasonal, "too few checks choose nothing"


def test_near_the_festival_its_counterpart_is_taken() -> None:
    """The festival lay in January 2025 and in February 2026: from November on, the months a year before are 13 back."""
    origin = ordinal(date(2025, 11, 1))
    flat = dict.fromkeys(range(origin - 30, origin + 1), 100) | {ordinal(date(2025, 2, 1)): 10}
    with_moon, without = (
        caseload.projected(flat, origin, one.months_back, scale_months=6) for one in (CALENDAR, lunar.GREGORIAN)
    )
    assert (with_moon, without) == (300, 210), "the third month holds the festival, as January 2025 did"
    assert caseload.projected(flat, origin + 1, CALENDAR.months_back, scale_months=6) is None, "a month is missing"


@pytest.mark.parametrize(
    ("months", "has_guess", "has_range"), [(36, True, True), (24, True, False), (17, False, False)]
)
def test_a_range_wants_twelve_checks(months: int, has_guess: bool, has_range: bool) -> None:
    rows = [
        {"caseload_kind": caseload.REGISTERED, "caseload_group": "合计", "county_code": HAIZHOU, "persons": persons}
        | {"month": lunar.month_of_ordinal(month), "in_city_sum": True}
        for month, persons in values(months).items()
    ]
    found, over = (
        caseload.rows(
            pl.DataFrame(rows),
            NAMES,
            lunar.GREGORIAN.months_back,
            caseload.Excess({}, {}),
            month=month,
            scale_months=6,
            least_checks=12,
        )
        for month in (add_months(OCTOBER, 2), add_months(OCTOBER, 3))
    )
    assert {(row["forecast_persons"], row["low_persons"]) for row in over} == {(None, None)}
    assert {row["caseload_text"] for row in over} == {caseload.OVER}
    assert {row["county_code"] for row in found} == {None, HAIZHOU}, "a county that reports nothing has no row"
    assert [(row["forecast_persons"] is not None, row["low_persons"] is not None) for row in found] == [
        (has_guess, has_range)
    ] * 2
    assert ["按最近月份报送的1个县区相加" in row["caseload_text"] for row in found] == [True, False]


def test_a_month_in_which_a_county_stayed_away_is_no_month_of_the_city() -> None:
    rows = [(HAIZHOU, OCTOBER, 5), (GANYU, OCTOBER, 6), (HAIZHOU, date(2026, 9, 1), 7)]
    own = pl.DataFrame(rows, schema=["county_code", "month", "persons"], orient="row").with_columns(in_city_sum=True)
    months = [ordinal(date(2026, 9, 1)), ordinal(OCTOBER)]
    assert caseload.series(own, months, "", is_reported=True) == {ordinal(OCTOBER): 11}
    other = own.filter(pl.col("county_code") == HAIZHOU)
    assert caseload.series(other, months, "", is_reported=True).keys() == set(months)
    swapped = pl.concat([other.filter(pl.col("month") < OCTOBER), own.filter(pl.col("county_code") == GANYU)])
    assert caseload.series(swapped, months, "", is_reported=True) == {ordinal(OCTOBER): 6}, "as many, and others"
    assert caseload.series(own, months, "", is_reported=False) == {ordinal(OCTOBER): 11, ordinal(date(2026, 9, 1)): 7}
    assert caseload.series(own, months, GANYU, is_reported=False) == {ordinal(OCTOBER): 6, ordinal(date(2026, 9, 1)): 0}


def test_a_zone_in_the_reports_of_its_county_adds_nothing_to_the_city() -> None:
    rows = [
        {"caseload_kind": caseload.REGISTERED, "caseload_group": "合计", "county_code": code, "persons": persons}
        | {"month": lunar.month_of_ordinal(month), "in_city_sum": code != GANYU}
        for code in (HAIZHOU, GANYU)
        for month, persons in values(36).items()
    ]
    city, *counties = caseload.rows(
        pl.DataFrame(rows),
        NAMES,
        lunar.GREGORIAN.months_back,
        caseload.Excess({}, {}),
        month=OCTOBER,
        scale_months=6,
        least_checks=12,
    )
    assert {row["forecast_persons"] for row in (city, *counties)} == {city["forecast_persons"]}
    assert f"1个县区相加，{NAMES[GANYU]}已含于所在县区，不另加" in city["caseload_text"]
    assert [row["county_code"] for row in counties] == sorted([HAIZHOU, GANYU])
