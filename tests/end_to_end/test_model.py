"""A promoted model in charge of a night: its figures, its reasons, its refusal when a bit of it is wrong."""

import shutil
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from nights import FIRST, SECOND, cutoff_of, state

from pipelines import contracts as contract_files
from pipelines import inputs, learning, lessons, nightly, replay
from pipelines.errors import ModelLifeError, NotFoundError
from pipelines.ledger import Ledger
from pipelines.nightly import Means
from pipelines.settings import Home
from pipelines.warehouse import Warehouse


@pytest.fixture
def led(led_home: Path, tmp_path: Path) -> Means:
    """The means of a copy of the home with a model in charge."""
    from conftest import NOW

    shutil.copytree(led_home, tmp_path / "copy", symlinks=True)
    return Means(home=Home(tmp_path / "copy"), now=NOW)


@pytest.fixture
def published(led_home: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published file of the second edition."""
    path = Home(led_home).published / f"wengang-{SECOND.isoformat()}-r1.duckdb"
    connection = duckdb.connect(str(path), read_only=True)
    yield connection
    connection.close()


def test_a_promoted_model_leads_from_the_next_night_on(led_home: Path, published: duckdb.DuckDBPyConnection) -> None:
    model_id, _ = Ledger(Home(led_home).ledger).champion(as_of=SECOND) or ("", "")
    first = Home(led_home).published / f"wengang-{FIRST.isoformat()}-r1.duckdb"
    with duckdb.connect(str(first), read_only=True) as before:
        assert before.sql("SELECT model_id, forecast_label FROM out.model").fetchall() == [("rule-1", None)]
    assert published.sql("SELECT model_id, model_warning FROM out.model").fetchall() == [(model_id, None)]
    scored, asked = published.sql(
        "SELECT count(probability), count(*) FILTER (WHERE insured_persons >= 10) "
        "FROM out.risk INNER JOIN out.enterprise USING (enterprise_no)"
    ).fetchall()[0]
    assert scored == asked > 50
    assert published.sql("SELECT bool_and(probability BETWEEN 0 AND 1) FROM out.risk").fetchall() == [(True,)]


def test_the_contributions_of_a_listed_enterprise_add_up_to_its_score(published: duckdb.DuckDBPyConnection) -> None:
    rows = published.sql(
        "SELECT c.enterprise_no, max(abs(r.log_odds - c.total)) AS gap, max(c.themes) FROM ("
        "  SELECT enterprise_no, sum(contribution_log_odds) AS total, count(*) AS themes"
        "  FROM out.warning_contribution GROUP BY enterprise_no"
        ") AS c INNER JOIN out.risk AS r USING (enterprise_no) GROUP BY c.enterprise_no"
    ).fetchall()
    assert rows
    assert all(gap < 1e-9 and themes > 3 for _, gap, themes in rows)


def test_an_edition_under_a_model_replays_identically(led_home: Path) -> None:
    from conftest import NOW

    comparison = replay.replay(Means(home=Home(led_home), now=NOW, threads=1), as_of=SECOND)
    assert comparison.incomparable == ""
    assert comparison.equal, comparison
    assert replay.replay(Means(home=Home(led_home), now=NOW), as_of=FIRST).equal


def test_a_night_under_a_model_run_twice_changes_nothing(led: Means) -> None:
    before = state(led.home)
    assert nightly.run(led, as_of=SECOND, cutoff=cutoff_of(SECOND)).status == "unchanged"
    assert state(led.home) == before


@pytest.mark.parametrize("name", ["model.skops", "manifest.json", "probe.parquet"])
def test_a_damaged_model_is_refused_and_the_rule_score_takes_over(led: Means, name: str) -> None:
    model_id, _ = Ledger(led.home.ledger).champion(as_of=SECOND) or ("", "")
    path = led.home.models / model_id / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    later = SECOND + timedelta(days=1)
    outcome = nightly.run(led, as_of=later, cutoff=cutoff_of(later))
    assert outcome.status == "issued"
    with duckdb.connect(str(led.home.published / "current.duckdb"), read_only=True) as connection:
        told = connection.sql("SELECT model_id, model_warning FROM out.model").fetchall()
    assert told[0][0] == "rule-1"
    assert told[0][1].startswith("学习模型未启用，本期由规则评分代替：")
    assert told[0][1] in (outcome.folder / "briefing.html").read_text(encoding="utf-8")
    mails = [m for m in Ledger(led.home.ledger).mails(edition_id=outcome.edition_id) if m.template == "edition"]
    assert mails


def test_the_rule_score_can_be_put_back(led: Means) -> None:
    learning.promote(led, "rule-1", reason="测试")
    later = SECOND + timedelta(days=1)
    nightly.run(led, as_of=later, cutoff=cutoff_of(later))
    with duckdb.connect(str(led.home.published / "current.duckdb"), read_only=True) as connection:
        assert connection.sql("SELECT model_id, model_warning FROM out.model").fetchall() == [("rule-1", None)]


def test_only_a_model_that_was_trained_here_and_beats_the_baselines_is_promoted(led: Means) -> None:
    with pytest.raises(NotFoundError, match="was not trained"):
        learning.promote(led, "listed-3m-nothing", reason="测试")
    figures = {"gain": [0.01, -0.02, 0.04], "best_baseline": "volatility"}
    Ledger(led.home.ledger).append(
        "training", subject="weak-1", at=led.now, body={"digest": "", "figures": figures, "as_of": FIRST.isoformat()}
    )
    with pytest.raises(ModelLifeError, match="does not beat volatility"):
        learning.promote(led, "weak-1", reason="测试")


def test_a_lesson_holds_what_its_nights_saw(led: Means) -> None:
    taught = lessons.lesson(led, as_of=SECOND, cutoff=cutoff_of(SECOND), nights=2)
    contracts = contract_files.load()
    warehouse = Warehouse(led.home.warehouse, contracts=contracts)
    seen = inputs.read(warehouse).filter(pl.col("insured_persons") > 0)
    warehouse.close()
    last = taught.panel.filter(pl.col("origin") == pl.col("origin").max())
    columns = ["enterprise_id", *learning.design_of(contracts).names]
    assert last.select(columns).sort("enterprise_id").equals(seen.select(columns).sort("enterprise_id"))
    assert not last["listed_3m_known"].any()
    assert taught.panel["origin"].n_unique() == 2
    assert {"closure_1m_event", "claims_burst_3m_known", "lost_6m_persons"} <= set(taught.panel.columns)


def test_a_promotion_leaves_earlier_nights_as_they_were(led_home: Path, led: Means) -> None:
    outcome = nightly.run(led, as_of=FIRST, cutoff=cutoff_of(FIRST))
    assert (outcome.edition_id, outcome.status) == (f"{FIRST.isoformat()}-r1", "unchanged")


def test_a_model_never_leads_a_night_that_taught_it(led: Means) -> None:
    body = {"digest": "", "figures": {"gain": [0.1, 0.05, 0.2]}, "as_of": SECOND.isoformat()}
    Ledger(led.home.ledger).append("training", subject="strong-1", at=led.now, body=body)
    with pytest.raises(ModelLifeError, match="learned from the night"):
        learning.promote(led, "strong-1", reason="测试", since=SECOND)
