"""Every export on record: who, what, to whom, how many rows, for what; nothing of the rows themselves."""

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner
from running_home import publish, queue

from pipelines import accounts, cli, exporting
from pipelines.errors import PurposeError, UsageError
from pipelines.ledger import Delivery, Ledger
from pipelines.means import Means
from pipelines.run import Export

TOLD = exporting.Telling(purpose="月度分析", recipient="就业处", by="zhang")
QUERY = "SELECT feed, feed_label FROM out.source_status ORDER BY feed"


@pytest.fixture
def means(make_home: Callable[..., Means]) -> Means:
    made = make_home()
    sources = [{"feed": "tax_month", "feed_label": "税收"}, {"feed": "vacancy", "feed_label": "=1+1"}]
    publish(made.home, {"out.source_status": sources, "out.edition": [{"edition_id": "2026-11-12-r1"}]})
    Ledger(made.home.ledger).record_delivery(
        Delivery("tax_month", "b", "a.csv", datetime(2026, 11, 1), "arrival", "accepted", 1, 1, 0, 0)
    )
    return made


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_file_is_on_record_and_holds_all_rows(means: Means, tmp_path: Path, kind: str) -> None:
    out = tmp_path / f"a.{kind}"
    assert exporting.to_file(means, QUERY, out, TOLD) == 2
    frame = pl.read_csv(out) if kind == "csv" else pl.read_parquet(out)
    assert frame["feed_label"].to_list() == ["税收", "=1+1"]
    (entry,) = Ledger(means.home.ledger).entries("export")
    body = {name: value for name, value in entry.items() if name not in {"seq", "at"}}
    assert body == {
        "subject": "2026-11-12-r1",
        "what": f"查询结果文件（{kind}）",
        "recipient": "就业处",
        "rows": 2,
        "purpose": "月度分析",
        "by": "zhang",
    }


@pytest.mark.parametrize(
    ("query", "name", "told", "why"),
    [
        ("", "a.csv", TOLD, "--out needs a QUERY"),
        (QUERY, "a.csv", exporting.Telling(" ", "就业处", "zhang"), "--out needs --purpose"),
        (QUERY, "a.xlsx", TOLD, "a file is written as .csv or .parquet"),
        ("SELECT nothing FROM nowhere", "a.csv", TOLD, "the query failed"),
    ],
)
def test_what_cannot_be_written_is_refused_and_not_on_record(
    means: Means, tmp_path: Path, query: str, name: str, told: exporting.Telling, why: str
) -> None:
    with pytest.raises(UsageError, match=why):
        exporting.to_file(means, query, tmp_path / name, told)
    assert Ledger(means.home.ledger).entries("export") == []
    assert not (tmp_path / name).exists()


def test_rows_of_a_feed_that_was_not_approved_for_it_do_not_leave(means: Means, tmp_path: Path) -> None:
    settings = means.home.settings_file.read_text(encoding="utf-8")
    means.home.settings_file.write_text(f'{settings}\n[approval.tax_month]\nuses = ["warning"]\n', encoding="utf-8")
    for leave in (
        lambda: exporting.to_file(means, QUERY, tmp_path / "a.csv", TOLD),
        lambda: exporting.csv_teller(means, TOLD),
    ):
        with pytest.raises(PurposeError, match="税收月度信息（市税务局）未批准用于内部数据文件"):
            leave()
    assert Ledger(means.home.ledger).entries("export") == []


def test_the_files_of_an_edition_are_told_once(means: Means) -> None:
    ledger = Ledger(means.home.ledger)
    for rows in (3, 3, 4):
        accounts.hand_out(
            ledger, Export("预警名单.xlsx", "本局", rows, "监测预警"), by=accounts.NIGHT, edition_id="e", now=means.now
        )
    assert [entry["rows"] for entry in ledger.entries("export")] == [3, 4]


def test_mails_that_left_are_listed_with_the_rest_in_order_of_time(means: Means, tmp_path: Path) -> None:
    exporting.to_file(means, QUERY, tmp_path / "a.csv", TOLD)
    ledger = Ledger(means.home.ledger)
    queue(ledger, "2026-11-12-r1", at=datetime(2026, 11, 12, 6))
    queue(ledger, "2026-11-13-r1", at=datetime(2026, 11, 13, 6), sent=False)
    listed = accounts.exports(ledger)
    assert [(one.what, one.recipient, one.rows) for one in listed] == [
        ("邮件（名单通知）", "duty@localhost", None),
        ("查询结果文件（csv）", "就业处", 2),
    ]
    assert len(accounts.exports(ledger, since=datetime(2026, 11, 20))) == 1


def test_the_command_asks_for_a_purpose_and_lists_what_was_handed_out(means: Means, tmp_path: Path) -> None:
    home = ["--home", str(means.home.root), "-q"]
    runner = CliRunner()
    assert runner.invoke(cli.main, [*home, "sql", QUERY, "--out", str(tmp_path / "a.csv")]).exit_code == 2
    done = runner.invoke(cli.main, [*home, "sql", QUERY, "--out", str(tmp_path / "a.csv"), "--purpose", "分析"])
    assert done.exit_code == 0, done.output
    shown = runner.invoke(cli.main, [*home, "sql", QUERY, "--csv"])
    assert shown.output.splitlines()[0] == "feed,feed_label"
    listed = runner.invoke(cli.main, [*home, "exports", "--csv"]).output.splitlines()
    assert listed[0] == "时间,经办,内容,提供给,行数,用途,期次"
    assert [line.split(",")[2:6] for line in listed[1:]] == [
        ["查询结果文件（csv）", "本局", "2", "分析"],
        ["查询结果（csv）", "本局", "2", "未说明"],
    ]
    assert "税收" not in "".join(listed)
    plain = runner.invoke(cli.main, [*home, "exports", "--since", f"{date(2100, 1, 1)}"])
    assert "没有对外提供的记录" in plain.output
    assert "约定不全  tax_month（税收月度信息，市税务局）" in runner.invoke(cli.main, [*home, "purposes"]).output
