"""One page of an enterprise: whole in itself, the same bytes from the same file, on record before it leaves."""

import shutil
import sys
from contextlib import closing
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from pipelines import enterprise_page, exporting
from pipelines.accounts import KIND
from pipelines.errors import UsageError
from pipelines.ledger import Ledger
from pipelines.means import Means
from pipelines.settings import Home

NOW = datetime(2026, 11, 23, 9)


def codes(home: Home) -> dict[str, str]:
    """A listed enterprise, one that is neither listed nor filtered, and one without a record of insurance."""
    with closing(duckdb.connect(str(home.published / "current.duckdb"), read_only=True)) as connection:
        [(listed,)] = connection.execute("SELECT min(enterprise_id) FROM out.warning").fetchall()
        [(other,)] = connection.execute(
            "SELECT min(enterprise_id) FROM out.enterprise WHERE insured_persons > 0 AND enterprise_id NOT IN "
            "(SELECT enterprise_id FROM out.warning UNION SELECT enterprise_id FROM out.filtered)"
        ).fetchall()
        [(bare,)] = connection.execute(
            "SELECT min(enterprise_id) FROM out.enterprise WHERE insured_persons IS NULL"
        ).fetchall()
    return {"listed": listed, "other": other, "bare": bare}


def test_a_page_says_why_what_help_and_who_does_what(issued_home: Path) -> None:
    home = Home(issued_home)
    edition, text = enterprise_page.page(home, codes(home)["listed"], as_of=None)
    assert edition == "2026-11-12-r1"
    for words in (
        "一企一策",
        "模拟数据",
        "主要原因",
        "可享政策",
        "依据征求意见稿",
        "责任单位",
        "时限",
        "已到期",
        "不作为处罚",
    ):
        assert words in text
    assert "<script" not in text
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    assert enterprise_page.page(home, codes(home)["listed"], as_of=None)[1] == text


def test_an_enterprise_that_is_not_listed_has_a_page_as_well(issued_home: Path) -> None:
    home = Home(issued_home)
    _, text = enterprise_page.page(home, codes(home)["other"], as_of=None)
    assert "未列入名单" in text
    assert "没有限时办理事项" in text


def test_what_is_not_known_has_no_unit(issued_home: Path) -> None:
    home = Home(issued_home)
    _, text = enterprise_page.page(home, codes(home)["bare"], as_of=None)
    assert "<th>参保人数</th><td>无记录</td>" in text
    assert "<th>较上月</th><td>无数据</td>" in text
    assert "None" not in text


def test_a_page_leaves_with_a_purpose_and_on_record(issued_home: Path, tmp_path: Path) -> None:
    home = Home(shutil.copytree(issued_home, tmp_path / "home", symlinks=True))
    means = Means(home=home, now=NOW)
    out = tmp_path / "页面.html"

    def leave(purpose: str) -> None:
        told = exporting.Telling(purpose=purpose, recipient="某县区", by="officer")
        exporting.page_of(means, out, lambda: enterprise_page.page(home, codes(home)["listed"], as_of=None), told)

    before = len(Ledger(home.ledger).entries(KIND))
    with pytest.raises(UsageError, match="--purpose"):
        leave("")
    assert not out.exists()
    leave("走访")
    assert out.is_file()
    [entry] = Ledger(home.ledger).entries(KIND)[before:]
    assert "一企一策" in str(entry)
    assert codes(home)["listed"] not in str(entry)
