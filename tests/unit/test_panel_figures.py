"""The figures of the validation report, counted by hand on rows that are small enough for it."""

import re
from datetime import date
from functools import cache
from xml.etree import ElementTree

import numpy as np
import polars as pl
import pytest

from models import panel_figures
from models.panel_figures import MODEL, OTHER, Judged
from pipelines import validation_page
from pipelines.lunar import ordinal

APRIL, MAY = date(2023, 4, 1), date(2023, 5, 1)
CANARY = "ZZ-NAME-OF-A-FIRM"


def judged(*, enterprises: int = 400, seed: int = 1) -> Judged:
    """Two months of enterprises whose event follows their probability; one industry is too small to be told."""
    draw = np.random.default_rng(seed)
    count = enterprises * 2
    number = np.tile(np.arange(enterprises), 2)
    origin = [APRIL] * enterprises + [MAY] * enterprises
    chance = draw.random(count) * 0.6
    event = draw.random(count) < chance
    insured = draw.integers(10, 300, count)
    needed = np.maximum(-(-insured // 5), 1)
    months = np.array([ordinal(month) for month in origin]) + draw.integers(1, 4, count)
    rows = pl.DataFrame(
        {
            "enterprise_no": number,
            "enterprise_id": [f"{CANARY}-{n}" for n in number],
            "origin": origin,
            "insured": insured,
            "event": event,
            "lost": np.where(event, needed + draw.integers(0, 3, count), draw.integers(0, 2, count)),
            "needed": needed,
            "event_month": np.where(event, months, -1),
            "industry": ["01" if n < 5 else "56" if n % 2 else "41" for n in number],
            "area": [None if n % 7 == 0 else f"area {n % 2}" for n in number],
            "is_seen": number % 3 == 0,
        }
    )
    return Judged(rows, {MODEL: chance, "insured": insured.astype(np.float64), "noise": draw.random(count)})


def test_the_list_is_the_first_twentieth_and_its_lift_is_over_the_base_rate() -> None:
    one = judged()
    found = panel_figures.ranking(one, one.probability)["lists"]["0.05"]
    order = np.argsort(-one.probability, kind="stable")[: int(800 * 0.05)]
    assert found["size"] == 40
    assert found["precision"] == one.event[order].mean()
    assert found["lift"] == pytest.approx(one.event[order].mean() / one.event.mean())
    assert found["jobs_recall"] == one.lost[order][one.event[order]].sum() / one.lost[one.event].sum()


def test_the_best_baseline_is_never_the_model() -> None:
    one = judged()
    assert panel_figures.best_baseline(one) in {"insured", "noise"}
    assert panel_figures.best_baseline(Judged(one.rows, {MODEL: one.probability})) == ""


def test_intervals_hold_the_figure_and_the_gain_is_over_the_best_baseline() -> None:
    one = judged()
    found = panel_figures.intervals(one, "noise")
    for value, low, high in found.values():
        assert low <= value <= high
    assert found["gain"][1] > 0, "a probability that is right beats noise"
    assert "gain" not in panel_figures.intervals(one, "")


def test_small_groups_and_nameless_ones_are_put_together() -> None:
    found = panel_figures.groups(judged())
    assert [one["group"] for one in found["industry"]] == ["41", "56", OTHER]
    assert found["industry"][-1]["rows"] == 10
    assert {one["group"] for one in found["area"]} == {"area 0", "area 1", OTHER}
    assert [one["group"] for one in found["month"]] == ["2023-04", "2023-05"]
    for kind in found.values():
        assert sum(one["rows"] for one in kind) == 800


def test_lead_counts_from_the_first_listing_to_the_month_of_the_event() -> None:
    rows = pl.DataFrame(
        {
            "enterprise_no": [0, 1] * 2 + list(range(2, 40)),
            "origin": [APRIL, APRIL, MAY, MAY] + [APRIL] * 19 + [MAY] * 19,
            "event_month": [ordinal(APRIL) + 3, -1, ordinal(MAY) + 2, ordinal(MAY) + 1] + [-1] * 38,
        }
    )
    # 21 rows a month: a list of one. Number 0 is listed in April, number 1 in May; their events are in July and June.
    chance = np.array([0.9, 0.1, 0.1, 0.8] + [0.01] * 38)
    found = panel_figures.lead(Judged(rows, {MODEL: chance}))
    assert found["enterprises_with_event"] == 2
    assert found["listed_before"] == 2
    assert found["by_months"] == {"1": 1, "2": 0, "3": 1}
    assert found["median"] == 2.0


def test_misses_and_false_alarms_are_counted() -> None:
    one = judged()
    found = panel_figures.errors(one)
    order = np.argsort(-one.probability, kind="stable")
    assert found["listed"] == 40
    assert found["false"] == 40 - one.event[order[:40]].sum()
    assert found["missed"] == one.event[order[160:]].sum()
    assert found["false_near"] + found["false_none_lost"] <= found["false"]


def test_rows_without_any_event_give_no_figure_and_no_error() -> None:
    one = judged()
    none = Judged(one.rows.with_columns(event=pl.lit(value=False), event_month=pl.lit(-1)), one.rankings)
    facts = panel_figures.all_figures(none)
    assert np.isnan(facts["brier_skill"])
    assert facts["lead"]["listed_before"] == 0


@cache
def section() -> dict[str, object]:
    """The facts of one question, as the command makes them."""
    return {
        "name": "later_year",
        "name_zh": "隔年",
        "label": "loss20",
        "meaning": "减少20%及以上",
        "horizon": 3,
        "minimum": 10,
        "origins": ["2023-04", "2023-05"],
        "is_rolling": False,
        "trained_on": ["2020-01", "2020-09"],
        "training_rows": 1000,
        "training_events": 100,
        "training_enterprises": 300,
        "embargoed_rows": 7,
        "broken_months": ["2023-01"],
        "variant": "bagged",
        "is_calibrated": False,
        "evidence": [{"variant": "bagged", "window": "2020-09", "average_precision": 0.5}],
        **panel_figures.all_figures(judged()),
        "seen": {"seen": {"rows": 3, "auc": 0.7}, "unseen": {"rows": 4, "auc": float("nan")}},
        "checks": {"permuted": [0.49, 0.52], "future": {"scores": 800, "changed": 0}},
        "poorer": [{"name": "whole", "rows": 800, "auc": 0.8}, {"name": "short_training", "scored": 0}],
    }


def test_both_languages_show_the_same_figures_and_no_employer() -> None:
    page, charts = validation_page.render([section()], pictures="validation")
    chinese, english = page.split("\n---\n")
    assert chinese.startswith("# 预测检验报告")
    assert "# Validation report" in english

    figures = [re.findall(r"\d\.\d{3}", half) for half in (chinese, english)]
    assert len(figures[0]) > 50
    assert figures[0] == figures[1]
    assert CANARY not in page + "".join(charts.values())
    assert all(f"](validation/{name})" in page for name in charts)
    for text in charts.values():
        ElementTree.fromstring(text)  # noqa: S314  our own text
    assert page == validation_page.render([section()], pictures="validation")[0]


@pytest.mark.parametrize(("checks", "words"), [(([0.6, 0.58], 0), "AUC must be"), (([0.5], 3), "3 of 800")])
def test_a_check_that_fails_says_so(checks: tuple[list[float], int], words: str) -> None:
    facts = section() | {"checks": {"permuted": checks[0], "future": {"scores": 800, "changed": checks[1]}}}
    page, _ = validation_page.render([facts], pictures="validation")
    assert any(words in line and "**failed**" in line for line in page.splitlines())
