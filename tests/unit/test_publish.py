"""Published files: whole, commented, immutable, one link to the latest edition."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
from edition_city import OCTOBER, City, Firm, make

from pipelines.errors import StageOrderError
from pipelines.stages import publish
from pipelines.warehouse import connect_published

DAY = date(2026, 11, 10)
FIRMS = [Firm("A", 740, 800), Firm("B", 100, 400, "320707"), Firm("C", 40, 40, None)]


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    found = make(tmp_path)
    yield found
    found.warehouse.close()


def issue(city: City, as_of: date) -> Path:
    decision, _ = city.night(as_of, OCTOBER, FIRMS, batch=as_of.isoformat())
    receipt = publish.run(decision.run, city.warehouse, city.ledger)
    assert receipt.adds_up
    return city.home.published / f"wengang-{decision.edition_id}.duckdb"


def test_the_file_opens_read_only_with_chinese_comments_everywhere(city: City) -> None:
    path = issue(city, DAY)
    connection = connect_published(city.home.published / "current.duckdb")
    tables = connection.execute("SELECT schema_name || '.' || table_name, comment FROM duckdb_tables()").fetchall()
    assert {name for name, _ in tables} == set(publish.TABLES)
    assert all(comment for _, comment in tables)
    assert connection.execute(
        "SELECT count(*) FROM duckdb_columns() WHERE comment IS NULL AND NOT internal"
    ).fetchone() == (0,)
    assert connection.execute("SELECT enterprise_id FROM out.warning ORDER BY enterprise_id").fetchall() == [
        ("A",),
        ("B",),
    ]
    assert connection.execute("SELECT count(*) FROM out.enterprise_month").fetchone() == (6,)
    with pytest.raises(duckdb.Error):
        connection.execute("CREATE TABLE out.more (a INTEGER)")
    connection.close()
    assert path.is_file()


def test_the_storage_is_one_that_older_versions_open(city: City) -> None:
    path = issue(city, DAY)
    with duckdb.connect(str(path), read_only=True) as connection:
        tags = connection.execute("SELECT tags FROM duckdb_databases() WHERE NOT internal").fetchall()
    assert "v1.2.0" in str(tags)


def test_a_county_file_holds_its_rows_and_no_others(city: City) -> None:
    issue(city, DAY)
    connection = connect_published(city.home.published / "county" / "320707-2026-11-10-r1.duckdb")
    for table, expected in {"warning": 1, "enterprise": 1, "enterprise_month": 2, "risk": 1, "edition": 1}.items():
        assert connection.execute(f"SELECT count(*) FROM out.{table}").fetchone() == (expected,)
    assert connection.execute("SELECT DISTINCT county_code FROM out.county_industry_month").fetchall() == [("320707",)]
    connection.close()
    assert not (city.home.published / "county" / "000000-2026-11-10-r1.duckdb").exists()


def test_a_file_left_by_a_killed_run_is_written_anew(city: City) -> None:
    decision, _ = city.night(DAY, OCTOBER, FIRMS, record=False)
    publish.run(decision.run, city.warehouse, city.ledger)
    again, _ = city.night(DAY, OCTOBER, [*FIRMS, Firm("D", 10, 400)], batch="late", record=False)
    assert again.edition_id == decision.edition_id
    publish.run(again.run, city.warehouse, city.ledger)
    connection = connect_published(city.home.published / "current.duckdb")
    assert connection.execute("SELECT count(*) FROM out.warning WHERE enterprise_id = 'D'").fetchone() == (1,)
    connection.close()


def test_a_file_is_never_written_twice(city: City) -> None:
    path = issue(city, DAY)
    before = path.stat().st_mtime_ns, path.stat().st_ino
    receipt = publish.run(city.run(DAY).with_revision(1), city.warehouse, city.ledger)
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == before
    assert "left as it is" in receipt.notes[0]


def test_publishing_an_old_date_does_not_move_the_link_back(city: City) -> None:
    late = issue(city, DAY)
    early = issue(city, DAY - timedelta(days=5))
    assert early.is_file()
    assert (city.home.published / "current.duckdb").readlink() == Path(late.name)


def test_old_files_go_and_the_linked_one_stays(city: City) -> None:
    city.settings = city.settings.model_copy(update={"keep_published": 2})
    days = [DAY + timedelta(days=n) for n in range(4)]
    (city.home.published / ".wengang-2026-11-01-r1.duckdb.tmp").write_bytes(b"left by a killed run")
    paths = [issue(city, day) for day in days]
    assert [path.is_file() for path in paths] == [False, False, True, True]
    county = {path.name for path in (city.home.published / "county").iterdir()}
    assert county == {f"{code}-{day}-r1.duckdb" for code in ("320706", "320707") for day in days[2:]}
    assert not list(city.home.published.glob(".wengang*"))
    assert (city.home.published / "current.duckdb").resolve() == paths[-1].resolve()


def test_a_replay_leaves_the_home_alone(city: City, tmp_path: Path) -> None:
    issue(city, DAY)
    again = replace(city.run(DAY), output=tmp_path / "again", revision=1)
    publish.run(again, city.warehouse, city.ledger)
    assert (again.edition_folder / "published" / "wengang-2026-11-10-r1.duckdb").is_file()
    assert len(list(city.home.published.glob("wengang-*"))) == 1


def test_another_edition_in_the_working_file_is_refused(city: City) -> None:
    issue(city, DAY)
    with pytest.raises(StageOrderError, match="does not hold edition 2026-11-10-r2"):
        publish.run(city.run(DAY).with_revision(2), city.warehouse, city.ledger)
