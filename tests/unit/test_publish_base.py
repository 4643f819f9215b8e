"""A night that starts from the last edition's files publishes what a night that starts from nothing would."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from edition_city import NOVEMBER, OCTOBER, City, Firm, make

from pipelines.run import add_months
from pipelines.stages import publish
from pipelines.stages.publish import base
from pipelines.warehouse import connect_published, differing_tables

DAY = date(2026, 11, 10)
MONTHS = "core.enterprise_month"
FIRMS = [Firm("A", 740, 800), Firm("B", 100, 400, "320707"), Firm("C", 40, 40, None)]
HISTORY = [add_months(OCTOBER, -back) for back in range(2, 8)]


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    found = make(tmp_path)
    found.counts |= {(firm.code, month): 500 for firm in FIRMS for month in HISTORY}
    yield found
    found.warehouse.close()


def in_slabs(city: City) -> None:
    """Lay the months as the core does: a file each, its folder named by what is in it."""
    rows = city.warehouse.frame(f"SELECT * FROM {MONTHS} ORDER BY enterprise_no")
    files = []
    for (month,), part in sorted(rows.partition_by("month", as_dict=True).items()):
        name = f"{part.hash_rows(seed=0).sum():x}"
        path = city.home.core / "enterprise_month" / str(month) / name / "rows.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_parquet(path)
        files.append(path)
    city.warehouse.view_over_files(MONTHS, files)


def issue(city: City, as_of: date, month: date = OCTOBER, firms: list[Firm] = FIRMS) -> tuple[Any, Path]:
    """Decide, publish and record one edition over slabs; gives the receipt and the city's file."""
    city.warehouse.drop(MONTHS)
    decision, _ = city.night(as_of, month, firms, batch=as_of.isoformat(), record=False)
    in_slabs(city)
    receipt = publish.run(decision.run, city.warehouse, city.ledger)
    city.record(decision)
    return receipt, city.home.published / f"wengang-{decision.edition_id}.duckdb"


def keep(city: City, path: Path, *, sizes: dict[str, int] | None = None) -> None:
    """Write the book of the city's file at ``path`` again."""
    base.keep(city.run(DAY), city.warehouse, path.parent, {base.WHOLE: path}, sizes=sizes or {}, withdrawals=0)


def is_as_from_nothing(city: City, path: Path, again: Path) -> bool:
    """Whether every file of the edition of ``path`` holds, row for row, what a rebuild without a base writes."""
    name = path.stem.removeprefix("wengang-")
    as_of = date.fromisoformat(name[:10])
    publish.run(replace(city.run(as_of), output=again, revision=1), city.warehouse, city.ledger)
    rebuilt = next(again.rglob(path.name)).parent
    pairs = [(path, rebuilt / path.name)]
    pairs += [(p, rebuilt / "county" / p.name) for p in (path.parent / "county").glob(f"*-{name}.duckdb")]
    assert len(pairs) > 1
    return all(differing_tables(one, other) == (len(publish.TABLES), ()) for one, other in pairs)


def test_a_new_month_is_added_to_a_copy(city: City, tmp_path: Path) -> None:
    first, _ = issue(city, DAY)
    assert not any("copied" in note for note in first.notes)
    later = [Firm("A", 700, 740), Firm("B", 90, 100, "320707"), Firm("C", 40, 40, None)]
    second, path = issue(city, DAY + timedelta(days=30), NOVEMBER, later)
    assert "3 of 3 files copied and brought up to date: 1 months and 0 enterprises new in a county" in second.notes
    assert is_as_from_nothing(city, path, tmp_path / "again")
    with connect_published(path) as connection:
        assert connection.execute("SELECT DISTINCT edition_id FROM out.edition").fetchall() == [(path.stem[8:],)]


def test_a_revised_month_replaces_the_one_on_file(city: City, tmp_path: Path) -> None:
    issue(city, DAY)
    city.counts["B", HISTORY[0]] = 430
    receipt, path = issue(city, DAY + timedelta(days=1))
    assert any("1 months and 0 enterprises" in note for note in receipt.notes)
    assert is_as_from_nothing(city, path, tmp_path / "again")
    with connect_published(path) as connection:
        query = (
            "SELECT m.insured_persons FROM out.enterprise_month AS m JOIN out.enterprise USING (enterprise_no) WHERE "
        )
        query += f"enterprise_id = 'B' AND month = DATE '{HISTORY[0]}'"
        assert connection.execute(query).fetchall() == [(430,)]


def test_an_enterprise_takes_its_months_to_its_new_county(
    city: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The county that it left is written whole: a copy would keep it in freed blocks."""
    monkeypatch.setattr(base, "MOST_MOVED", 0.5)
    name = replace(FIRMS[0], core={"enterprise_name": "模拟企业搬离旧县留名"})
    issue(city, DAY, firms=[name, *FIRMS[1:]])
    old = city.home.published / "county" / f"320706-{DAY}-r1.duckdb"
    assert "搬离旧县".encode() in old.read_bytes()
    receipt, path = issue(city, DAY + timedelta(days=1), firms=[replace(name, county="320707"), *FIRMS[1:]])
    assert any(
        note.startswith("2 of 3 files copied") and "0 months and 1 enterprises new in a county" in note
        for note in receipt.notes
    )
    left = city.home.published / "county" / f"320706-{DAY + timedelta(days=1)}-r1.duckdb"
    assert "搬离旧县".encode() not in left.read_bytes()
    assert is_as_from_nothing(city, path, tmp_path / "again")


def test_an_older_day_takes_nothing_over_from_a_later_one(city: City, tmp_path: Path) -> None:
    issue(city, DAY)
    receipt, path = issue(city, DAY - timedelta(days=2))
    assert not any("copied" in note for note in receipt.notes)
    assert is_as_from_nothing(city, path, tmp_path / "again")


def test_after_a_withdrawal_nothing_is_copied(city: City) -> None:
    issue(city, DAY)
    city.ledger.append("withdrawal", subject="bad", at=city.run(DAY).cutoff, body={"reason": "测试"})
    receipt, _ = issue(city, DAY + timedelta(days=1))
    assert not any("copied" in note for note in receipt.notes)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"code": 1}', "null"])
def test_a_book_that_cannot_be_read_costs_a_whole_night_only(city: City, content: str) -> None:
    issue(city, DAY)
    (city.home.published / base.BOOK).write_text(content, encoding="utf-8")
    receipt, _ = issue(city, DAY + timedelta(days=1))
    assert not any("copied" in note for note in receipt.notes)
    third, _ = issue(city, DAY + timedelta(days=2))
    assert any("copied" in note for note in third.notes)


def test_many_moves_cost_the_county_files_a_night_written_whole(city: City, tmp_path: Path) -> None:
    issue(city, DAY)
    moved = [replace(firm, county="320707") for firm in FIRMS]
    receipt, path = issue(city, DAY + timedelta(days=1), firms=moved)
    assert any(note.startswith("1 of 3 files copied") for note in receipt.notes)
    assert is_as_from_nothing(city, path, tmp_path / "again")


def test_a_month_that_is_gone_leaves_the_copy_too(city: City, tmp_path: Path) -> None:
    issue(city, DAY)
    for key in [key for key in city.counts if key[1] == HISTORY[-1]]:
        del city.counts[key]
    receipt, path = issue(city, DAY + timedelta(days=1))
    assert any("1 months" in note for note in receipt.notes)
    assert is_as_from_nothing(city, path, tmp_path / "again")


@pytest.mark.parametrize("lost", ["book", "file", "touched"])
def test_what_is_not_as_it_was_left_is_no_base(city: City, tmp_path: Path, lost: str) -> None:
    _, path = issue(city, DAY)
    if lost == "book":
        (city.home.published / base.BOOK).unlink()
    elif lost == "file":
        path.unlink()
    else:
        shutil.copy(path, tmp_path / "same.duckdb")
        path.unlink()
        shutil.move(tmp_path / "same.duckdb", path)
    receipt, later = issue(city, DAY + timedelta(days=1))
    assert not any("copied" in note for note in receipt.notes)
    assert is_as_from_nothing(city, later, tmp_path / "again")


def test_other_code_starts_from_nothing(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    issue(city, DAY)
    monkeypatch.setattr(base, "code_digest", lambda: "other")
    receipt, _ = issue(city, DAY + timedelta(days=1))
    assert not any("copied" in note for note in receipt.notes)


def test_a_base_that_lies_about_its_months_is_written_whole(city: City, tmp_path: Path) -> None:
    """The book names the slabs of the night, yet the file under it holds another count: the core's sums find it."""
    _, path = issue(city, DAY)
    city.warehouse.execute(f"ATTACH '{path}' AS tampered")
    city.warehouse.execute("UPDATE tampered.out.enterprise_month SET insured_persons = 1 WHERE enterprise_no = 1")
    city.warehouse.execute("DETACH tampered")
    keep(city, path)
    receipt, later = issue(city, DAY + timedelta(days=1))
    assert any("was written whole" in note and "not those of the core" in note for note in receipt.notes)
    assert is_as_from_nothing(city, later, tmp_path / "again")


def test_a_file_swollen_by_deleted_rows_is_written_whole(city: City) -> None:
    _, path = issue(city, DAY)
    keep(city, path, sizes={base.WHOLE: 1})
    receipt, _ = issue(city, DAY + timedelta(days=1))
    assert not any("copied" in note for note in receipt.notes)
    assert pl.read_json(city.home.published / base.BOOK).height == 1
