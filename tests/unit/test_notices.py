"""A register of layoff notices: names, removals with their reasons, the panel, what it knows, what is learned."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner
from notice_register import UNTIL, frame, made, row

from models import notice_learning
from models.errors import NothingToLearnError
from models.estimators import TreeSettings
from models.notice_cleaning import LINKS, Rules, clean
from models.notice_history import history
from models.notice_judging import judge
from models.notice_learning import VARIANTS, Settings, chosen
from models.notice_panel import FEATURES, Question, origins_between, panel
from models.validate import auc, average_precision
from pipelines.cli import main
from pipelines.errors import DeliveryError, UsageError
from pipelines.notice_scoring import OUTPUT, Request, Scored, score_notices

DAY = date(2015, 3, 10)
ORIGINS = origins_between(date(2019, 1, 1), date(2019, 9, 1))
SETTINGS = Settings(
    training_months=72, quiet_share=0.5, trees=TreeSettings(iterations=15, leaves=7, leaf_rows=20), windows=0
)


def silent(_: str) -> None:
    pass


def request(**changes: object) -> Request:
    given = {"origins": ORIGINS, "taught_until": ORIGINS[0], "until": UNTIL, "settings": SETTINGS, **changes}
    return Request(**given)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def scored() -> Scored:
    return score_notices(made(), None, request(), say=silent)


def at(register: pl.DataFrame, origin: date, question: Question | None = None) -> pl.DataFrame:
    past = history(clean(register, None, until=UNTIL, rules=Rules()))
    found = panel(past, [origin], question or Question())
    return found.with_columns(employer=pl.Series(past.employers).gather(found["employer_no"]))


def test_the_event_is_a_notice_from_the_origin_to_the_end_of_the_third_month() -> None:
    days = {"before": date(2015, 3, 31), "first": date(2015, 4, 1), "last": date(2015, 6, 30), "late": date(2015, 7, 1)}
    rows = [row(f"{name}0", name, date(2012, 1, 5), place="Elm") for name in days]
    rows += [row(f"{name}1", name, day, place="Oak") for name, day in days.items()]
    found = at(frame(*rows, row("new", "unknown before", days["first"])), date(2015, 4, 1))
    assert dict(found.select("employer", "event").iter_rows()) == {
        "before": False,
        "first": True,
        "last": True,
        "late": False,
    }


def test_features_count_what_was_known_and_no_more() -> None:
    rows = [row(f"a{step}", "Acme", date(2014, 4 + 3 * step, 1), place=f"Town {step}", persons=10) for step in range(3)]
    found = at(frame(*rows, row("b", "Acme", date(2015, 1, 20), area="BB", persons=90)), date(2015, 2, 1)).row(
        0, named=True
    )
    assert (found["notices"], found["notices_1m"], found["notices_3m"], found["notices_12m"]) == (4, 1, 1, 4)
    assert (found["areas"], found["sites"], found["persons_12m"], found["last_persons"]) == (2, 4, 120, 90)
    assert found["since_last"] == pytest.approx(12 / (365.25 / 12))
    unseen = at(frame(*rows, row("b", "Acme", date(2015, 1, 20))), date(2015, 2, 1), Question(lag_days=30))
    assert unseen["notices"].to_list() == [3]


def test_with_a_memory_the_long_silent_are_not_at_risk() -> None:
    rows = [row("a", "Old", date(2012, 1, 5)), row("b", "Recent", date(2014, 12, 5))]
    assert at(frame(*rows), date(2015, 1, 1))["employer"].to_list() == ["old", "recent"]
    assert at(frame(*rows), date(2015, 1, 1), Question(memory_months=12))["employer"].to_list() == ["recent"]


def test_a_month_before_the_first_notice_is_an_empty_part_of_a_panel() -> None:
    past = history(clean(frame(row("a", "Acme", DAY)), None, until=UNTIL, rules=Rules()))
    found = panel(past, [date(2015, 3, 1), date(2015, 4, 1)], Question())
    assert found["origin"].to_list() == [date(2015, 4, 1)]


def test_no_feature_of_any_origin_changes_with_the_future() -> None:
    register, origin = made(amended=0.3), ORIGINS[3]
    whole = at(register, origin).select("employer", *FEATURES)
    cut = at(register.filter(pl.col("noticed_on") < origin), origin).select("employer", *FEATURES)
    assert whole.height > 100
    assert cut.equals(whole)
    assert cut.select(pl.col("area_rate").max()).item() > 0


def test_rates_wait_until_their_outcomes_have_matured() -> None:
    rows = [row(f"n{number}", f"Works {number:02d}", date(2012, 1, 5)) for number in range(40)]
    again = [row(f"m{number}", f"Works {number:02d}", date(2015, 5, 10), place="Oak") for number in range(40)]
    may, june = (at(frame(*rows, *again), date(2015, month, 1))["area_rate"][0] for month in (5, 6))
    assert at(frame(*rows), date(2015, 5, 1))["area_rate"][0] == may
    assert june > 2 * may


def test_repeaters_are_found(scored: Scored) -> None:
    scores = scored.scores
    assert tuple(scores.columns) == OUTPUT
    assert scores["probability"].is_between(0, 1).all()
    assert scores["filed_again"].null_count() == 0
    event = scores["filed_again"].to_numpy()
    assert auc(event, scores["probability"].to_numpy()) > 0.9
    assert abs(scores["probability"].mean() - event.mean()) < 0.05


def test_an_outcome_beyond_the_register_is_unknown_not_negative() -> None:
    asked = request(until=date(2019, 9, 1))
    scores = score_notices(made(), None, asked, say=silent).scores
    known = scores.filter(pl.col("filed_again").is_not_null())["origin"].unique().sort().to_list()
    assert known == [date(2019, month, 1) for month in (1, 2, 3, 4, 5, 6)]


def test_the_same_register_gives_the_same_scores_in_any_order(scored: Scored) -> None:
    shuffled = made().sample(fraction=1, shuffle=True, seed=5)
    assert score_notices(shuffled, None, request(), say=silent).scores.equals(scored.scores)


def test_scores_do_not_change_when_the_future_does(scored: Scored) -> None:
    early = made().filter(pl.col("noticed_on") < ORIGINS[0])
    later = made(seed=9).filter(pl.col("noticed_on") >= ORIGINS[0]).with_columns(notice_id="x" + pl.col("notice_id"))
    other = score_notices(pl.concat([early, later]), None, request(origins=ORIGINS[:1]), say=silent).scores
    columns = ["employer", "probability"]
    assert other.select(columns).equals(scored.scores.filter(pl.col("origin") == ORIGINS[0]).select(columns))


def test_with_outcomes_dealt_anew_there_is_nothing_to_learn(scored: Scored) -> None:
    past = history(scored.register)
    taught = notice_learning.fit(past, Question(), until=ORIGINS[0], settings=SETTINGS, say=silent, permuted=True)
    rows = panel(past, ORIGINS, Question(), is_dealt=True)
    assert rows["event"].sum() == panel(past, ORIGINS, Question())["event"].sum()
    assert abs(auc(rows["event"].to_numpy(), taught.model.probability(rows)) - 0.5) < 0.07
    assert taught.events > 100


def test_amendments_left_in_feign_precision() -> None:
    register = made(employers=400, amended=0.5, gap=(70, 900))
    found = {}
    for name, rules in (("out", Rules()), ("in", Rules(removed=()))):
        scores = score_notices(register, None, request(rules=rules), say=silent).scores
        event, score = scores["filed_again"].to_numpy(), scores["probability"].to_numpy()
        found[name] = average_precision(event, score), int(event.sum())
    assert found["in"][0] > found["out"][0] + 0.02
    assert found["in"][1] > found["out"][1]


def test_hindsight_and_origins_beyond_the_register_are_refused() -> None:
    with pytest.raises(UsageError, match="hindsight"):
        score_notices(made(), None, request(taught_until=ORIGINS[1]), say=silent)
    with pytest.raises(UsageError, match="up to which the register tells"):
        score_notices(made(), None, request(until=date(2019, 5, 1)), say=silent)
    with pytest.raises(DeliveryError, match="lacks noticed_on"):
        score_notices(made().drop("noticed_on"), None, request(), say=silent)


def test_a_register_in_which_nobody_files_again_cannot_teach() -> None:
    once = made().unique("employer", keep="first")
    with pytest.raises(UsageError, match="cannot teach"):
        score_notices(once, None, request(), say=silent)
    with pytest.raises(NothingToLearnError):
        notice_learning.fit(
            history(clean(frame(), None, until=UNTIL, rules=Rules())),
            Question(),
            until=ORIGINS[0],
            settings=SETTINGS,
            say=silent,
        )


def test_every_variant_is_judged_on_windows_before_those_that_are_scored(scored: Scored) -> None:
    said: list[str] = []
    settings = replace(SETTINGS, windows=2, window_step=6)
    taught = notice_learning.fit(
        history(scored.register), Question(), until=ORIGINS[0], settings=settings, say=said.append
    )
    assert {(one["variant"], one["window"]) for one in taught.evidence} == {
        (name, window) for name in VARIANTS for window in ("2016-11", "2017-11")
    }
    assert taught.origins[-1] == date(2018, 10, 1)
    assert len(said) == 7


def test_the_preferred_variant_is_left_only_for_more_than_noise() -> None:
    def evidence(trees: float, blend: float, linear: float) -> list[dict[str, str | float]]:
        figures = {"trees": trees, "blend": blend, "linear": linear}
        return [{"variant": name, "window": "w", "auc": value} for name, value in figures.items()]

    names = tuple(VARIANTS)
    assert chosen(evidence(0.90, 0.901, 0.8), names=names, noise=0.002) == "trees"
    assert chosen(evidence(0.90, 0.91, 0.8), names=names, noise=0.002) == "blend"
    assert chosen([], names=names[1:], noise=0.002) == "blend"


def test_contributions_add_up_to_the_score(scored: Scored) -> None:
    model = scored.taught.model
    values = model.values(panel(history(scored.register), ORIGINS[:1], Question()))
    terms, base = model.estimator.contributions(values)
    assert np.allclose(base + terms.sum(axis=1), model.estimator.log_odds(values))


def test_figures_are_those_of_scikit_learn_and_lie_in_their_intervals() -> None:
    draw = np.random.default_rng(3)
    score = np.round(draw.normal(size=4000), 1)
    event, employer = draw.random(4000) < 1 / (1 + np.exp(4 - score)), draw.integers(0, 700, 4000)
    found = judge(event, score, employer, resamples=50).figures
    assert found["auc"].value == pytest.approx(auc(event, score))
    assert found["average_precision"].value == pytest.approx(average_precision(event, score))
    assert all(one.low < one.value < one.high for one in found.values())
    nothing = judge(np.zeros(4000, dtype=bool), score, employer, resamples=0).figures
    assert np.isnan(nothing["auc"].value)


def test_no_order_among_equals_helps_a_list() -> None:
    event = np.r_[np.ones(10, dtype=bool), np.zeros(190, dtype=bool)]
    found = judge(event, np.zeros(200), np.arange(200), resamples=0).figures
    assert found["lift"].value == pytest.approx(1.0)
    assert found["average_precision"].value == pytest.approx(0.05)


def test_the_command_writes_scores_and_what_was_removed(tmp_path: Path) -> None:
    register, links = made(employers=60, amended=0.3), tmp_path / "links.csv"
    register.write_csv(tmp_path / "register.csv")
    pl.DataFrame([("n00003", "n00001", "duplicate")], schema=dict(LINKS), orient="row").write_csv(links)
    call = ["-q", "score-notices", "--register", str(tmp_path / "register.csv"), "--links", str(links)]
    call += ["--until", "2020-01-01", "--origin", "2019-08..2019-09", "--removed", str(tmp_path / "removed.csv")]
    done = CliRunner().invoke(main, [*call, "--out", str(tmp_path / "scores.csv")])
    assert done.exit_code == 0, done.output
    assert tuple(pl.read_csv(tmp_path / "scores.csv").columns) == OUTPUT
    removed = pl.read_csv(tmp_path / "removed.csv")
    assert "1 linked_duplicate" in done.output
    assert f"{register.height} rows, {register.height - removed.height} kept" in done.output
    assert removed["reason"].null_count() == 0


def test_the_command_says_what_is_wrong(tmp_path: Path) -> None:
    register = tmp_path / "register.csv"
    made().write_csv(register)
    call = ["score-notices", "--register", str(register), "--until", "2020-01-01", "--out", str(tmp_path / "x.csv")]
    late = CliRunner().invoke(main, [*call, "--origin", "2019-01", "--train-until", "2019-02"])
    assert (late.exit_code, "hindsight" in late.output) == (2, True)
    (tmp_path / "links.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    lacking = CliRunner().invoke(main, [*call, "--origin", "2019-01", "--links", str(tmp_path / "links.csv")])
    assert (lacking.exit_code, "lacks notice_id" in lacking.output) == (5, True)
