"""What the doctor says of an inbox with strangers in it and of a published file that is broken."""

from collections.abc import Callable

from ingest_files import drop

from pipelines.doctor import examine
from pipelines.nightly import Means, take_inbox


def test_files_that_no_feed_takes_are_told(make_home: Callable[..., Means]) -> None:
    means = make_home()
    drop(means.home.inbox / "insurance", "a.csv", "x")
    drop(means.home.inbox / "insurance_month", "b.csv", "x")
    marks = {(f.mark, f.text.split(":")[0]) for f in examine(means) if f.subject == "inbox"}
    assert marks == {
        ("✔", "1 files wait; the next run takes them"),
        ("!", "1 files lie in folders of no feed and are never taken"),
    }


def test_a_night_tells_strangers_and_takes_the_rest(make_home: Callable[..., Means]) -> None:
    told: list[str] = []
    means = make_home()
    means = Means(home=means.home, now=means.now, progress=told.append)
    strange = drop(means.home.inbox / "insurance", "甲.csv", "x")
    taken = drop(means.home.inbox / "insurance_month", "乙.csv", "x,y\n1,2\n")
    take_inbox(means)
    assert strange.exists()
    assert not taken.exists()
    assert [line.split("：")[0] for line in told] == ["未接收 甲.csv", "拒收 乙.csv", "接收文件 1/1"]


def test_a_broken_published_file_is_found(make_home: Callable[..., Means]) -> None:
    means = make_home()
    (means.home.published / "current.duckdb").write_bytes(b"no database" * 1000)
    assert [f.mark for f in examine(means) if f.subject == "published"] == ["✘"]
