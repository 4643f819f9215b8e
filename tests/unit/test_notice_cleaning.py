"""Names of employers as registers file them, and what is no further notice: amendments, repeats, restatements."""

from datetime import date, timedelta

import polars as pl
import pytest
from notice_register import UNTIL, frame, made, row

from models.notice_cleaning import LINKS, REASONS, Rules, clean, counted
from models.notice_names import employer_key, family, has_mark

DAY = date(2015, 3, 10)
FIRST_ORIGIN = date(2019, 1, 1)


def reasons(*rows: dict[str, object], links: pl.DataFrame | None = None, rules: Rules | None = None) -> dict[str, str]:
    found = clean(frame(*rows), links, until=UNTIL, rules=rules or Rules())
    return dict(found.select("notice_id", "reason").iter_rows())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Acme Widgets, Inc.", "ACME WIDGETS"),
        ("A.C.M.E. Widgets L.L.C.", "ACME Widgets LLC"),
        ("Müller & Söhne GmbH", "Muller and Sohne"),
        ("Acme Widgets (UPDATED 3/2/2018)", "Acme Widgets"),
        ("*UPDATED* Acme Widgets 9th Notice", "Acme Widgets"),
        ("Acme Widgets - Revised", "Acme Widgets Co."),
        ("Acme Stores #1234", "Acme Stores"),
        ("Acme Stores - Store 12", "Acme Stores"),
        ("Acme LLC dba Zenith Diner", "Acme"),
    ],
)
def test_spellings_that_say_nothing_are_one_employer(one: str, other: str) -> None:
    assert employer_key(one) == employer_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Acme Foods", "Acme Steel"),
        ("Acme - East Works", "Acme - West Works"),
        ("Correctional Services", "Services"),
        ("First Bank", "Second Bank"),
        ("Unit 7 Games", "Unit 8 Games"),
    ],
)
def test_what_may_be_two_employers_stays_two(one: str, other: str) -> None:
    assert employer_key(one) != employer_key(other)


def test_a_site_goes_away_only_where_the_row_says_that_it_is_one() -> None:
    assert employer_key("Acme - Springfield2", ("Springfield",)) == "acme"
    assert employer_key("Acme (Springfield)", ("Springfield",)) == "acme"
    assert employer_key("Acme - Springfield") == "acme springfield"
    assert employer_key("Springfield", ("Springfield",)) == "springfield"


def test_a_name_is_never_emptied() -> None:
    assert [employer_key(name) for name in ("Inc.", "Co. Ltd.", "某某有限公司", "#12")] == [
        "inc",
        "co",
        "某某有限公司",
        "12",
    ]
    assert family("acme widgets east") == "acme widgets"


def test_a_mark_is_a_word_of_its_own() -> None:
    assert has_mark("Acme (Updated Notice)")
    assert has_mark("UPDATED: Acme")
    assert not has_mark("Acme Correctional Facility")
    assert not has_mark("Extended Stay Hotel")


def test_every_row_comes_back_with_its_reason() -> None:
    site = {"county": "Clay", "place": "Elm"}
    found = reasons(
        row("a", "Acme Inc.", DAY, persons=50, **site),
        row("b", "ACME", DAY, persons=50, **site),
        row("c", "Acme", DAY + timedelta(days=30), persons=60, **site),
        row("d", "Acme (Updated)", DAY + timedelta(days=50)),
        row("e", "Acme", DAY + timedelta(days=5), is_amendment=True),
        row("f", "Acme", None),
        row("g", " ", DAY),
        row("h", "Acme", UNTIL),
        row("i", "Acme", DAY + timedelta(days=61), **site),
    )
    assert found == {
        "a": None,
        "b": "same_day_repeat",
        "c": "refiled_at_the_same_site",
        "d": "declared_amendment",
        "e": "declared_amendment",
        "f": "no_notice_day",
        "g": "no_employer",
        "h": "impossible_notice_day",
        "i": None,
    }


def test_counts_add_up_to_the_register() -> None:
    register = made(amended=0.5)
    counts = counted(clean(register, None, until=UNTIL, rules=Rules()))
    assert set(counts) == {*REASONS, "kept"}
    assert sum(counts.values()) == register.height
    assert counts["refiled_at_the_same_site"] > 20


def test_the_same_layoff_restated_at_its_start_is_no_further_notice() -> None:
    start = DAY + timedelta(days=120)
    site = {"county": "Clay", "place": "Elm", "starts_on": start}
    found = reasons(row("a", "Acme", DAY, **site), row("b", "Acme", start, **site))
    assert found == {"a": None, "b": "same_layoff_restated"}


def test_another_site_or_area_is_a_further_notice() -> None:
    later = DAY + timedelta(days=20)
    found = reasons(
        row("a", "Acme", DAY, county="Clay", place="Elm"),
        row("b", "Acme", later, county="Clay", place="Oak"),
        row("c", "Acme", later, area="BB", county="Clay", place="Elm"),
    )
    assert found == {"a": None, "b": None, "c": None}


def test_what_is_not_told_cannot_make_a_further_notice() -> None:
    found = reasons(row("a", "Acme", DAY, county="Clay", place="Elm"), row("b", "Acme", DAY + timedelta(days=20)))
    assert found["b"] == "refiled_at_the_same_site"


def test_one_who_refiles_every_month_is_asked_again_once_the_notice_period_is_over() -> None:
    found = reasons(*(row(f"n{step}", "Acme", DAY + timedelta(days=31 * step), place="Elm") for step in range(5)))
    assert [found[f"n{step}"] is None for step in range(5)] == [True, False, True, False, True]


def test_a_link_removes_the_later_notice_whichever_way_it_points() -> None:
    rows = (row("a", "Acme", DAY, place="Elm"), row("b", "Acme Works", DAY + timedelta(days=200), place="Oak"))
    for kind, reason in (("amendment", "linked_amendment"), ("duplicate", "linked_duplicate")):
        for pair in (("a", "b"), ("b", "a")):
            links = pl.DataFrame([(*pair, kind)], schema=dict(LINKS), orient="row")
            assert reasons(*rows, links=links) == {"a": None, "b": reason}
    elsewhere = pl.DataFrame([("b", "zz", "amendment")], schema=dict(LINKS), orient="row")
    assert reasons(*rows, links=elsewhere) == {"a": None, "b": None}


def test_removals_before_a_day_do_not_depend_on_what_comes_after() -> None:
    register = made(amended=0.5)
    whole = clean(register, None, until=UNTIL, rules=Rules())
    early = clean(register.filter(pl.col("noticed_on") < FIRST_ORIGIN), None, until=UNTIL, rules=Rules())
    assert early.equals(whole.filter(pl.col("noticed_on") < FIRST_ORIGIN))


def test_left_in_they_are_kept_but_for_what_cannot_be_used() -> None:
    rows = (row("a", "Acme", DAY), row("b", "Acme", DAY + timedelta(days=9)), row("c", "Acme", None))
    assert reasons(*rows, rules=Rules(removed=())) == {"a": None, "b": None, "c": "no_notice_day"}


def test_a_frame_that_is_no_register_is_refused() -> None:
    with pytest.raises(ValueError, match="lacks employer"):
        clean(made().drop("employer"), None, until=UNTIL, rules=Rules())
    with pytest.raises(ValueError, match="one notice each"):
        clean(frame(row("a", "Acme", DAY), row("a", "Acme", DAY)), None, until=UNTIL, rules=Rules())
