"""Files as they lie in the inbox: their order, their names, strangers among them, and those still being written."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from ingest_files import INSURANCE, drop, insurance_row, text
from ingest_house import House, open_house

from pipelines.errors import DeliveryError
from pipelines.stages.ingest import arrival, batch, grid, landing, settled, shown_name, strangers, waiting

ROWS = text([INSURANCE, insurance_row(1)])


@pytest.fixture
def house(tmp_path: Path) -> House:
    return open_house(tmp_path)


@pytest.fixture
def unreadable(house: House) -> Iterator[Path]:
    """A file that gives no bytes, whoever asks: a link to what may not be read as a file."""
    path = house.inbox() / "a.csv"
    path.parent.mkdir(parents=True)
    path.symlink_to("/proc/self/mem")
    yield path
    path.unlink()


def test_what_waits_in_the_inbox_in_the_order_of_arrival(house: House) -> None:
    places = [
        ("", "z.csv"),
        ("insurance_month", "b.csv"),
        ("insurance_month", "a.csv"),
        ("insurance_month", ".x"),
        ("", "c.csv.part"),
        ("", "d.tmp"),
    ]
    for folder, name in places:
        drop(house.home.inbox / folder, name, "x")
        os.sync()
    shutil.copystat(house.home.inbox / "z.csv", house.home.inbox / "insurance_month" / "a.csv")
    found = [(path.name, feed) for path, feed in waiting(house.home.inbox, contracts=house.contracts)]
    assert found == [("z.csv", None), ("b.csv", "insurance_month"), ("a.csv", "insurance_month")]


def test_a_file_in_a_folder_of_no_feed_is_a_stranger(house: House) -> None:
    for folder in ("", "insurance", "insurance_month", "insurance_month/2025", ".hidden"):
        drop(house.home.inbox / folder, "a.csv", ROWS)
    drop(house.home.inbox / "insurance", "b.csv.part", ROWS)
    found = strangers(house.home.inbox, contracts=house.contracts)
    assert [path.relative_to(house.home.inbox).as_posix() for path in found] == [
        "insurance/a.csv",
        "insurance_month/2025/a.csv",
    ]


def test_a_file_that_grows_between_two_looks_is_not_ready(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    grows, rests = (drop(house.inbox(), name, ROWS) for name in ("a.csv", "b.csv"))

    def write_on(_: float) -> None:
        with grows.open("a") as handle:
            handle.write("x")

    monkeypatch.setattr(arrival, "sleep", write_on)
    assert settled([(grows, None), (rests, None)]) == ([(rests, None)], [grows])


def test_a_file_written_to_while_it_is_read_is_not_recorded(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    path = drop(house.inbox(), "a.csv", ROWS)
    judged = batch.judge.judge

    def meanwhile(*given: object, **said: object) -> object:
        with path.open("a") as handle:
            handle.write(text([insurance_row(2)]))
        return judged(*given, **said)

    monkeypatch.setattr(batch.judge, "judge", meanwhile)
    with pytest.raises(DeliveryError, match="next run"):
        house.take(path, remove=True)
    monkeypatch.undo()
    assert house.ledger.deliveries() == []
    assert house.accept(path, remove=True).rows_landed == 2


def test_a_file_written_to_after_it_was_recorded_is_not_removed(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    path = drop(house.inbox(), "a.csv", ROWS)
    recorded = landing._recorded

    def meanwhile(*given: object) -> object:
        with path.open("a") as handle:
            handle.write(text([insurance_row(2)]))
        return recorded(*given)

    monkeypatch.setattr(landing, "_recorded", meanwhile)
    assert house.accept(path, remove=True).rows_landed == 1
    monkeypatch.undo()
    assert house.accept(path, remove=True).rows_landed == 2
    assert not path.exists()


def test_a_name_of_another_encoding_is_told_in_characters(house: House) -> None:
    name = os.fsdecode("2025年03月参保.csv".encode("gb18030"))
    path = drop(house.inbox(), name, ROWS)
    assert shown_name(path) == "2025年03月参保.csv"
    assert house.accept(path, remove=True).file_name == "2025年03月参保.csv"
    assert "缺少列" in house.refuse(drop(house.inbox(), name, "单位编号\n1\n"))


def test_a_file_that_cannot_be_read_is_refused_once_and_stays(house: House, unreadable: Path) -> None:
    delivery = house.take(unreadable, feed="insurance_month", remove=True)
    assert delivery is not None
    assert (delivery.status, delivery.feed) == ("refused", "insurance_month")
    assert delivery.reason.startswith("文件无法读取")
    assert house.take(unreadable, feed="insurance_month", remove=True) is None
    assert unreadable.is_symlink()


def test_content_that_breaks_the_reader_is_refused(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: object, **__: object) -> None:
        raise OverflowError

    monkeypatch.setattr(batch.values, "typed", breaks)
    assert "读取出错" in house.refuse(drop(house.inbox(), "a.csv", ROWS))
    monkeypatch.undo()
    monkeypatch.setattr(grid, "_text", breaks)
    assert "OverflowError" in house.refuse(drop(house.inbox(), "b.csv", ROWS * 2))
