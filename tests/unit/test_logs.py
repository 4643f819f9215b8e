"""The log of a business date: every line as JSON, nothing in it that names a person or an enterprise."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from ingest_files import drop

from pipelines import logs, nightly
from pipelines.errors import DeliveryError, GateClosedError
from pipelines.means import Means

MakeHome = Callable[..., Means]
DAY = date(2026, 11, 12)


def clock() -> Callable[[], datetime]:
    """A clock that is a second later each time it is asked."""
    instants = (datetime(2026, 11, 12, 2) + timedelta(seconds=second) for second in range(1000))
    return lambda: next(instants)


def lines(means: Means) -> list[dict[str, Any]]:
    path = means.home.logs / "2026-11-12.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_each_line_has_its_instant_and_its_stage(make_home: MakeHome) -> None:
    told: list[str] = []
    means = replace(make_home(), progress=told.append)
    with logs.recorded(means, as_of=DAY, clock=clock()) as recorded:
        for text in ("开始", "▶ core", "核心层：企业 3 家", "✔ core：1 行进", "▶ gate"):
            recorded.progress(text)
    assert told == ["开始", "▶ core", "核心层：企业 3 家", "✔ core：1 行进", "▶ gate"]
    assert [line["text"] for line in lines(means)] == told
    assert [line["stage"] for line in lines(means)] == [None, "core", "core", "core", "gate"]
    assert lines(means)[1] == {
        "at": "2026-11-12T02:00:01",
        "as_of": "2026-11-12",
        "stage": "core",
        "level": "info",
        "text": "▶ core",
    }


def test_a_second_command_of_the_day_appends(make_home: MakeHome) -> None:
    means = make_home()
    for text in ("一", "二"):
        with logs.recorded(means, as_of=DAY, clock=clock()) as recorded:
            recorded.progress(text)
    assert [line["text"] for line in lines(means)] == ["一", "二"]


def test_an_error_is_the_last_line_by_its_family_and_goes_on(make_home: MakeHome) -> None:
    means = make_home()
    with (
        pytest.raises(GateClosedError),
        logs.recorded(means, as_of=DAY, clock=clock()) as recorded,
    ):
        recorded.progress("▶ gate")
        raise GateClosedError("某公司报表.csv 有误")
    assert {**lines(means)[-1], "at": ""} == {
        "at": "",
        "as_of": "2026-11-12",
        "stage": "gate",
        "level": "error",
        "text": "GateClosedError, exit code 6",
    }


def test_what_an_inbox_tells_names_no_file(make_home: MakeHome) -> None:
    means = make_home()
    drop(means.home.inbox / "某公司", "甲 某公司.csv", "x")
    drop(means.home.inbox / "insurance_month", "乙：某公司.csv", "x,y\n1,2\n")
    with logs.recorded(means, as_of=DAY, clock=clock()) as recorded:
        nightly.take_inbox(recorded)
    assert [line["text"] for line in lines(means)] == ["未接收一个文件", "拒收一个文件", "接收文件 1/1"]


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("企业 91320700MA1ABCDE2X 未找到", "企业 * 未找到"),
        ("证件 320706199001011234", "证件 *"),
        ("证件 32070619900101123x", "证件 *"),
        ("电话13800138000。", "电话*。"),
        ("写给 someone@bureau.example 的邮件", "写给 * 的邮件"),
        ("见 /data/inbox/某公司.xlsx", "见 *"),
        ("发布：wengang-2026-11-12-r1.duckdb，1234567 行", "发布：wengang-2026-11-12-r1.duckdb，1234567 行"),
        ("✔ features：150000 行进，150000 行出，12.3 秒", "✔ features：150000 行进，150000 行出，12.3 秒"),
    ],
)
def test_codes_addresses_and_names_of_files_are_hidden(told: str, kept: str) -> None:
    assert logs.plain(told) == kept


def test_a_log_that_cannot_be_written_is_told_once_and_stops_nothing(make_home: MakeHome) -> None:
    told: list[str] = []
    means = replace(make_home(), progress=told.append)
    (means.home.logs / "2026-11-12.jsonl").mkdir()
    with logs.recorded(means, as_of=DAY, clock=clock()) as recorded:
        recorded.progress("一")
        recorded.progress("二")
    assert [line.split("：")[0] for line in told] == ["日志 2026-11-12.jsonl 无法写入", "一", "二"]


def test_where_there_is_no_home_no_folder_is_made(make_home: MakeHome) -> None:
    means = make_home()
    means.home.settings_file.unlink()
    means.home.logs.rmdir()
    with pytest.raises(DeliveryError), logs.recorded(means, as_of=DAY, clock=clock()):
        raise DeliveryError("x")
    assert not means.home.logs.exists()
