"""Whole nights: the quality page replays byte for byte, corrections change no earlier night, a held night has one."""

import shutil
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import nights
import pytest
import yaml
from conftest import NOW

from pipelines import corrections, nightly, replay
from pipelines.accounts import exports
from pipelines.errors import GateClosedError, NotComparableError
from pipelines.housekeeping import tidy
from pipelines.ledger import Ledger
from pipelines.nightly import Means
from pipelines.settings import Home

PAGE = "quality.html"


@pytest.fixture
def means(issued_home: Path, tmp_path: Path) -> Means:
    return Means(home=Home(shutil.copytree(issued_home, tmp_path / "home", symlinks=True)), now=NOW)


def page(means: Means, day: object, revision: int = 1) -> str:
    return (means.home.editions / str(day) / f"r{revision}" / PAGE).read_text(encoding="utf-8")


def correct(means: Means, **said: object) -> None:
    """Put on record that the largest unit of October reported ten times its staff."""
    with duckdb.connect(str(means.home.warehouse), read_only=True) as connection:
        query = "SELECT unit_no, insured_persons FROM raw.insurance_month WHERE month = '2026-10-01' ORDER BY 2 DESC, 1"
        unit, persons = connection.execute(query).fetchall()[0]
    entry = {
        "id": "largest-unit",
        "feed": "insurance_month",
        "select": {"key": {"unit_no": unit}, "period": "2026-10"},
        "column": "insured_persons",
        "wrong": persons,
        "right": persons // 10,
        "reason": "多录一位",
        "reporter": "市人社局",
        "date": datetime(2026, 11, 10).date(),
    }
    path = means.home.root.parent / "city.corrections.yml"
    path.write_text(yaml.safe_dump({"corrections": [entry | said]}, allow_unicode=True), encoding="utf-8")
    corrections.load([path], contracts=means.contracts(), ledger=Ledger(means.home.ledger), now=means.now)


def again(means: Means) -> nightly.Outcome:
    return nightly.run(means, as_of=nights.SECOND, cutoff=nights.cutoff_of(nights.SECOND))


def test_every_edition_has_its_page_and_what_was_handed_out_is_on_record(means: Means) -> None:
    for day in (nights.FIRST, nights.SECOND):
        assert f"数据截止 {day} 02:00" in page(means, day)
        assert "第1版" in page(means, day)
    handed = [one for one in exports(Ledger(means.home.ledger)) if one.edition_id == f"{nights.SECOND}-r1"]
    kinds = {one.what for one in handed}
    assert {"预警名单.xlsx", "县区工作簿", "数据质量反馈工作簿", "内部数据文件", "县区数据文件"} <= kinds
    assert any(what.startswith("邮件") for what in kinds)
    assert again(means).status == "unchanged"
    assert len([one for one in exports(Ledger(means.home.ledger)) if one.edition_id == f"{nights.SECOND}-r1"]) == len(
        handed
    )


def test_a_correction_makes_the_next_revision_and_both_replay(means: Means) -> None:
    before = page(means, nights.SECOND)
    correct(means)
    outcome = again(means)
    assert outcome.edition_id == f"{nights.SECOND}-r2"
    assert "已更正1行" in page(means, nights.SECOND, 2)
    assert "本期没有登记的数据更正" in before
    for revision in (1, 2):
        found = replay.replay(means, as_of=nights.SECOND, revision=revision)
        assert found.equal, (found.differing_files, found.differing_tables)
        assert found.incomparable == ""


def test_a_correction_dated_after_the_cutoff_changes_nothing(means: Means) -> None:
    correct(means, date=datetime(2026, 11, 13).date())
    assert again(means).status == "unchanged"
    found = replay.replay(means, as_of=nights.SECOND)
    assert found.equal
    assert found.incomparable == ""


def test_a_held_night_has_a_page_that_says_why(means: Means) -> None:
    late = replace(means, now=NOW + timedelta(days=65))
    day = late.now.date()
    with pytest.raises(GateClosedError):
        nightly.run(late, as_of=day, cutoff=nights.cutoff_of(day))
    text = page(late, day)
    assert "（未发布）" in text
    assert "名单不发布，上一期继续有效" in text
    assert "必需数据滞后不得超过" in text


@pytest.mark.proof
def test_an_edition_whose_data_were_deleted_is_told_as_not_comparable(means: Means) -> None:
    later = replace(means, now=NOW + timedelta(days=800))
    tidy(later)
    tidy(replace(later, now=later.now + timedelta(days=20)))
    gone = Ledger(means.home.ledger).erased()
    assert {feed for feed, _ in gone} >= {"wage_complaint"}
    assert not {feed for feed, _ in gone} & {"insurance_month", "enterprise_register", "insured_unit"}
    with pytest.raises(NotComparableError, match="were deleted as their retention was over"):
        replay.check(replay.replay(means, as_of=nights.SECOND))
    assert nightly.run(later, as_of=nights.SECOND, cutoff=nights.cutoff_of(nights.SECOND)).status == "issued"
