"""The real public roll of 2020 through the nightly job: what a generated city cannot prove."""

import json
import sys
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import duckdb
import pytest

from pipelines import demo, nightly, replay
from pipelines.nightly import Means
from pipelines.settings import Home

ROOT = Path(__file__).resolve().parents[2]
FEEDS = ROOT / "examples" / "lithuania"
SHOCK = date(2020, 5, 27)
RECEIVED = datetime(2021, 2, 1)

pytestmark = pytest.mark.shared
Query = Callable[[str], list[tuple[object, ...]]]


@pytest.fixture(scope="session")
def roll_file(shared_data: Path) -> Path:
    path = shared_data / "sodra" / "lt_2020.parquet"
    if not path.is_file():
        pytest.skip("the public roll of 2020 (sodra/lt_2020.parquet) is not among the real public data")
    return path


@pytest.fixture(scope="module")
def means(roll_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Means:
    """A home with the edition of the shock: April's data, known in May."""
    home = Home(tmp_path_factory.mktemp("roll") / "home")
    demo.make_home(home, city="Lietuva", simulated=False)
    means = Means(home=home, now=RECEIVED, feeds=FEEDS)
    nightly.receive(means, [roll_file], feed="insured_month", at=RECEIVED, dated=None)
    assert nightly.run(means, as_of=SHOCK).edition_id == "2020-05-27-r1"
    return means


@pytest.fixture
def query(means: Means) -> Query:
    def answer(text: str) -> list[tuple[object, ...]]:
        with duckdb.connect(str(means.home.published / "current.duckdb"), read_only=True) as file:
            return file.execute(text).fetchall()

    return answer


def test_the_shock_puts_red_ones_on_the_list(query: Query) -> None:
    colours = dict(query("SELECT colour, count(*) FROM out.warning GROUP BY 1"))
    assert colours["红"] >= 1
    assert colours["橙"] > colours["红"]
    wrong = "SELECT count(*) FROM out.warning WHERE colour = '红' AND net_loss_persons < 200"
    assert query(wrong + " AND trigger_code = 'loss_persons'") == [(0,)]


def test_nothing_after_the_lag_is_known(query: Query) -> None:
    assert query("SELECT min(month), max(month) FROM out.enterprise_month") == [(date(2020, 1, 1), date(2020, 4, 1))]
    assert query("SELECT DISTINCT reference_month FROM out.enterprise") == [(date(2020, 4, 1),)]


def test_every_source_says_how_it_stands(query: Query) -> None:
    states = {
        feed: (state, dated)
        for feed, state, dated in query("SELECT feed, source_state, dated_by FROM out.source_status")
    }
    provided = ("enterprise_register", "insured_unit", "insurance_month")
    assert {states[feed][1] for feed in provided} == {"lag"}
    assert len({states[feed][0] for feed in provided}) == 1
    others = {state for feed, state in states.items() if feed not in provided}
    assert others
    assert {dated for _, dated in others} == {"none"}
    assert not {state for state, _ in others} & {states[feed][0] for feed in provided}


def test_suppressed_wages_are_unknown_and_not_nought(query: Query) -> None:
    assert query("SELECT count(*) FROM out.enterprise_month WHERE base_fen = 0 AND insured_persons <= 3") == [(0,)]
    assert query("SELECT count(*) > 10000 FROM out.enterprise_month WHERE base_fen IS NULL") == [(True,)]


def test_no_lunar_month_is_thought_of(means: Means, query: Query) -> None:
    assert query("SELECT count(*) FROM out.enterprise WHERE insured_change_lunar_ratio IS NOT NULL") == [(0,)]
    beyond = "previous_insured_persons IS NOT NULL AND insured_persons IS NOT NULL AND net_loss_persons <> "
    plain = "greatest(previous_insured_persons - insured_persons, 0)"
    assert query(f"SELECT count(*) FROM out.enterprise WHERE {beyond} {plain}") == [(0,)]
    assert query("SELECT count(*) FROM out.warning_reason WHERE reason_sentence LIKE '%春节%'") == [(0,)]


def test_it_is_not_called_simulated(means: Means) -> None:
    folder = means.home.editions / SHOCK.isoformat() / "r1"
    assert "模拟数据" not in (folder / "briefing.html").read_text(encoding="utf-8")
    assert json.loads((folder / "edition.json").read_text(encoding="utf-8"))


def test_its_replay_is_identical(means: Means) -> None:
    comparison = replay.replay(means, as_of=SHOCK)
    assert comparison.incomparable == ""
    assert comparison.equal, comparison


@pytest.mark.proof
def test_months_of_lists_hold_everyone_who_crossed_a_line(roll_file: Path, tmp_path: Path) -> None:
    """Five nights: February stands beside the festival of 25 January, and April is the shock."""
    sys.path.insert(0, str(ROOT / "benchmarks"))
    import real_rolls

    roll = real_rolls.read_roll(roll_file)
    issued = real_rolls.issue(roll_file, tmp_path / "home", roll.months[1:6], roll)
    for edition in issued:
        before, now = roll.insured[:, edition.origin - 1], roll.insured[:, edition.origin]
        lost = before - now
        crossed = (before > 0) & (now > 0) & ((lost >= 20) | ((before >= 30) & (lost * 10 >= before)))
        shown = roll.flags(edition.warning["enterprise_id"]) | roll.flags(edition.filtered["enterprise_id"])
        assert crossed.any()
        assert not (crossed & ~shown).any()
        assert set(edition.filtered["filter_code"].to_list()) <= {"capacity"}
    texts: list[str] = []
    real_rolls.report(roll, issued, shock=date(2020, 4, 1), say=texts.append)
    assert len(texts) == 6
    assert "nan" not in texts[0]
