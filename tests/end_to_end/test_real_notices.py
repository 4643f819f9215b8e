"""The real register of US layoff notices: what is removed, and how a further notice is foreseen in years of learning.

The years that docs/notices.md reports on are not looked at here. No employer is named, whatever fails.
"""

import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from models import notice_learning
from models.notice_cleaning import Rules, clean, counted
from models.notice_history import History, history
from models.notice_judging import judge
from models.notice_learning import Settings
from models.notice_panel import Question, panel

ROOT = Path(__file__).resolve().parents[2]
ORIGINS = tuple(date(2018, month, 1) for month in (1, 4, 7))
SETTINGS = Settings(windows=0, training_months=60, quiet_share=0.03)

pytestmark = [pytest.mark.shared, pytest.mark.proof]


@pytest.fixture(scope="module")
def cleaned(shared_data: Path) -> pl.DataFrame:
    """The register to the end of 2018, cleaned by links and by rule."""
    sys.path.insert(0, str(ROOT))
    from benchmarks.notices import REGISTER, TWINS, canonical_links, canonical_register

    folder = shared_data / "warn"
    for name in (REGISTER, TWINS):
        if not (folder / name).is_file():
            pytest.skip(f"{name} is not among the real public data")
    register = canonical_register(folder / REGISTER).filter(pl.col("noticed_on") < date(2019, 1, 1))
    return clean(register, canonical_links(folder / TWINS), until=date(2019, 1, 1), rules=Rules())


@pytest.fixture(scope="module")
def past(cleaned: pl.DataFrame) -> History:
    return history(cleaned)


def test_amendments_and_repeats_go_and_nothing_goes_without_a_reason(cleaned: pl.DataFrame) -> None:
    counts = counted(cleaned)
    assert sum(counts.values()) == cleaned.height
    assert counts["declared_amendment"] > 1000
    assert counts["linked_amendment"] > 1500
    assert counts["same_layoff_restated"] > 400
    left = cleaned.filter(pl.col("reason").is_null())
    assert left["employer_key"].n_unique() < 0.97 * left["employer"].n_unique()
    close = (
        pl.col("noticed_on").diff().dt.total_days().over("employer_key", "area", "county", "place").is_between(1, 60)
    )
    told = left.filter(pl.col("place").is_not_null()).sort("noticed_on")
    assert told.select(close.sum()).item() == 0


def test_a_further_notice_is_foreseen_better_than_by_counting(past: History) -> None:
    taught = notice_learning.fit(past, Question(), until=ORIGINS[0], settings=SETTINGS, say=lambda _: None)
    rows = panel(past, ORIGINS, Question())
    event, employer = rows["event"].to_numpy(), rows["employer_no"].to_numpy()
    own = judge(event, taught.model.probability(rows), employer, resamples=0).figures
    assert own["auc"].value > 0.86
    assert own["lift"].value > 9
    for score in notice_learning.baselines(rows).values():
        plain = judge(event, score, employer, resamples=0).figures
        assert own["auc"].value > plain["auc"].value
        assert own["average_precision"].value > 1.2 * plain["average_precision"].value


def test_permuted_outcomes_teach_nothing(past: History) -> None:
    settings = replace(SETTINGS, training_months=36)
    taught = notice_learning.fit(
        past, Question(), until=ORIGINS[0], settings=settings, say=lambda _: None, permuted=True
    )
    rows = panel(past, ORIGINS, Question(), is_dealt=True)
    figures = judge(rows["event"].to_numpy(), taught.model.probability(rows), rows["employer_no"].to_numpy()).figures
    assert figures["auc"].low < 0.53
    assert figures["auc"].high > 0.47
