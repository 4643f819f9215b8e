"""Rows of a database: a real PostgreSQL by COPY, and SQLite through SQLAlchemy as any other."""

import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from ingest_files import uscc
from source_home import COLUMNS, FEED, HEADERS, Reader, Site
from source_servers import PASSWORD, Postgres, postgres

from pipelines.errors import SourceDownError, SourceRefusedError
from pipelines.means import Means
from pipelines.source_settings import Database
from pipelines.sources import database as database_source

MakeHome = Callable[..., Means]
TABLE = """
    CREATE TABLE power (account text, code text, month text, kwh numeric(12, 2), changed timestamptz, number bigint)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    with postgres(tmp_path_factory.mktemp("postgres")) as running:
        yield running


@pytest.fixture
def table(server: Postgres) -> Iterator[psycopg.Connection]:
    with server.connect() as connection:
        connection.execute("DROP TABLE IF EXISTS power")
        connection.execute(TABLE)
        yield connection


@pytest.fixture
def site(make_home: MakeHome, server: Postgres, monkeypatch: pytest.MonkeyPatch) -> Site:
    made = Site(make_home())
    made.settle(settings(server.url))
    monkeypatch.setenv("WENGANG_SOURCE_GRID_PASSWORD", server.password)
    return made


def settings(url: str, *, extra: str = "", wanted: str = 'watermark = "changed"\noverlap = 600', of: str = "") -> str:
    what = of or 'table = "power"'
    head = f'kind = "database"\nurl = "{url}"\n{extra}\n'
    return f"{head}[sources.grid.feeds.{FEED}]\n{what}\n{COLUMNS}\n{wanted}\n"


def put(table: psycopg.Connection, number: int, changed: str | None, *, kwh: object = 1200) -> None:
    row = (f"{number:010d}", uscc(number), "202609", kwh, changed, number)
    table.execute("INSERT INTO power VALUES (%s, %s, %s, %s, %s, %s)", row)


def test_only_rows_above_the_watermark_are_brought(site: Site, table: psycopg.Connection) -> None:
    put(table, 1, "2026-10-01 08:00:00+08")
    put(table, 2, "2026-10-01 09:00:00+08")
    (first,) = site.brings()
    assert (first.file_name, site.accounts(first)) == ("grid-power_month-2026-10-01T090000+0800.csv", [1, 2])
    assert site.brings() == []
    put(table, 3, "2026-10-02 09:00:00+08")
    (second,) = site.brings()
    assert site.accounts(second) == [3]
    assert len(site.standing.positions) == 2


def test_a_row_committed_late_with_an_equal_watermark_is_not_lost(
    site: Site, table: psycopg.Connection, server: Postgres
) -> None:
    with psycopg.connect(
        host="127.0.0.1", port=server.port, user="wengang", password=PASSWORD, dbname="postgres"
    ) as slow:
        put(slow, 1, "2026-10-01 09:00:00+08")
        put(slow, 2, "2026-10-01 08:55:00+08")
        put(table, 3, "2026-10-01 09:00:00+08")
        assert site.accounts(site.brings()[0]) == [3]
        assert site.brings() == []
        slow.commit()
    (late,) = site.brings()
    assert site.accounts(late) == [1, 2, 3]
    assert site.brings() == []


def test_a_change_inside_the_overlap_is_brought_again(site: Site, table: psycopg.Connection) -> None:
    put(table, 1, "2026-10-01 09:00:00+08")
    put(table, 2, "2026-10-01 07:00:00+08")
    site.brings()
    table.execute("UPDATE power SET kwh = 7 WHERE number = 1")
    assert site.accounts(site.brings()[0]) == [1]
    table.execute("UPDATE power SET kwh = 7 WHERE number = 2")
    assert site.brings() == [], "below the overlap, with its old watermark: the docs say so"


def test_rows_without_a_watermark_come_and_are_seen_when_they_change(site: Site, table: psycopg.Connection) -> None:
    put(table, 1, "2026-10-01 09:00:00+08")
    put(table, 2, None)
    assert site.accounts(site.brings()[0]) == [1, 2]
    put(table, 3, None)
    assert site.accounts(site.brings()[0]) == [1, 2, 3]
    assert site.brings() == []


def test_a_table_without_any_value_of_the_watermark_is_told(site: Site, table: psycopg.Connection) -> None:
    assert site.brings() == []
    put(table, 1, None)
    assert "no row has a value in the watermark changed" in site.fails()


def test_an_instant_ahead_of_time_does_not_hide_what_is_to_come(site: Site, table: psycopg.Connection) -> None:
    put(table, 1, "2026-10-01 09:00:00+08")
    put(table, 2, "2099-12-31 00:00:00+08")
    (first,) = site.brings()
    assert (first.file_name, site.accounts(first)) == ("grid-power_month-2026-10-01T090000+0800.csv", [1, 2])
    put(table, 3, "2026-10-02 09:00:00+08")
    assert site.accounts(site.brings()[0]) == [3]
    put(table, 4, "2099-12-31 00:00:00+08")
    assert 4 in site.accounts(site.brings()[0])
    assert site.brings() == []


def test_a_number_may_be_the_watermark(site: Site, table: psycopg.Connection, server: Postgres) -> None:
    site.settle(settings(server.url, wanted='watermark = "number"\noverlap = 2'))
    for number in (10, 12):
        put(table, number, None)
    assert site.accounts(site.brings()[0]) == [10, 12]
    put(table, 13, None)
    assert site.accounts(site.brings()[0]) == [13]
    put(table, 11, None)
    assert site.accounts(site.brings()[0]) == [11, 12, 13]
    assert site.brings() == []


@pytest.mark.parametrize("kind", ["timestamp", "date", "text", "numeric"], ids=["no zone", "date", "text", "numeric"])
def test_rows_with_an_equal_value_are_seen_whatever_the_watermark_is(
    site: Site, table: psycopg.Connection, server: Postgres, kind: str
) -> None:
    first, second = ("1.5", "2") if kind == "numeric" else ("2026-10-01", "2026-10-02")
    table.execute(f"ALTER TABLE power ADD COLUMN mark {kind}")
    site.settle(settings(server.url, wanted='watermark = "mark"\noverlap = 0'))
    for number, value in enumerate((first, first, second), start=1):
        put(table, number, None)
        table.execute(f"UPDATE power SET mark = '{value}' WHERE number = {number}")
        assert site.accounts(site.brings()[0]) == {1: [1], 2: [1, 2], 3: [3]}[number]
    assert site.brings() == []


def test_without_a_watermark_all_is_read_and_lands_where_it_changed(
    site: Site, table: psycopg.Connection, server: Postgres
) -> None:
    site.settle(settings(server.url, wanted='key = ["account"]'))
    put(table, 2, None)
    put(table, 1, None)
    assert site.accounts(site.brings()[0]) == [1, 2]
    assert site.brings() == []
    table.execute("UPDATE power SET kwh = 7 WHERE number = 1")
    assert site.accounts(site.brings()[0]) == [1, 2]


def test_cells_arrive_as_the_ingest_reads_them(site: Site, table: psycopg.Connection, server: Postgres) -> None:
    """Quotation marks, line ends, a percent sign and a colon in the query, truths, instants of another zone."""
    query = (
        "SELECT account, code, '2026' || '09' AS month, kwh, true AS yes, account || '%:a' AS odd, "
        "'引\"号，\n行' AS text, '{a,b}' AS braces, timestamptz '2026-09-30 20:00:00+00' AS moment FROM power;"
    )
    said = [*HEADERS, "真", "怪", "文", "时"]
    names = ["account", "code", "month", "kwh", "yes", "odd", "text", "moment"]
    columns = ", ".join(f'"{header}" = "{name}"' for header, name in zip(said, names, strict=True))
    of = f"query = '''{query}'''"
    site.settle(settings(server.url, of=of, wanted="").replace(COLUMNS, f"columns = {{{columns}}}"))
    put(table, 1, None, kwh="12.00")
    (delivery,) = site.brings()
    assert delivery.status == "accepted", delivery.reason
    (kept,) = (site.means.home.landing / FEED / delivery.batch).glob("original*")
    assert kept.read_text("utf-8").splitlines()[1:] == [
        f'0000000001,{uscc(1)},202609,12.00,1,0000000001%:a,"引""号，',
        '行",2026-10-01 04:00:00',
    ]


def test_columns_named_as_the_contract_names_them_need_no_map(
    site: Site, table: psycopg.Connection, server: Postgres
) -> None:
    of = 'query = "SELECT account AS 户号, code AS 信用代码, month AS 用电月份, kwh AS 用电量 FROM power"'
    site.settle(settings(server.url, of=of, wanted="").replace(COLUMNS, ""))
    put(table, 1, None)
    assert site.accounts(site.brings()[0]) == [1]


def test_a_wrong_password_is_final_and_never_shown(
    site: Site, table: psycopg.Connection, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    monkeypatch.setenv("WENGANG_SOURCE_GRID_PASSWORD", "wrong-" + PASSWORD)
    outcome = site.fetch()
    assert isinstance(outcome.fault, SourceRefusedError)
    assert "WENGANG_SOURCE_GRID_PASSWORD" in str(outcome.fault)
    assert site.standing.is_final
    shown = repr(outcome) + str(outcome.fault) + caplog.text + repr(site.ledger.entries("source"))
    assert PASSWORD not in shown
    assert outcome.fault.__cause__ is outcome.fault.__context__ is None


def test_a_database_that_is_away_passes_and_is_tried_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("pipelines.sources.fetching.time.sleep", pauses.append)
    site.settle(settings("postgresql://wengang@127.0.0.1:1/postgres", extra="attempts = 3"))
    assert isinstance(site.fetch().fault, SourceDownError)
    assert pauses == [0.01, 0.02]


def test_a_missing_table_and_a_missing_column_are_final(
    site: Site, table: psycopg.Connection, server: Postgres
) -> None:
    site.settle(settings(server.url, of='table = "no_table"'))
    assert isinstance(site.fetch().fault, SourceRefusedError)
    site.settle(settings(server.url, wanted='watermark = "no_column"'))
    assert isinstance(site.fetch().fault, SourceRefusedError)
    assert "no_column" in site.standing.fault


def test_a_cell_that_breaks_a_query_is_not_shown(site: Site, table: psycopg.Connection, server: Postgres) -> None:
    put(table, 1, "2026-10-01 09:00:00+08")
    table.execute("UPDATE power SET code = '某某某'")
    query = 'query = "SELECT account, code::int AS code, month, kwh, changed FROM power"'
    site.settle(settings(server.url, of=query))
    told = site.fails()
    assert "22P02" in told
    assert "某某某" not in told


def test_more_than_the_limit_is_refused_and_nothing_stays(
    site: Site, table: psycopg.Connection, server: Postgres
) -> None:
    site.settle(settings(server.url, extra="maximum_bytes = 200", wanted=""))
    for number in range(20):
        put(table, number, None)
    assert "more than 200 bytes" in site.fails()
    assert site.leftovers() == []


def test_a_kill_between_landing_and_record_brings_nothing_twice(
    site: Site, table: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    class KilledError(BaseException):
        pass

    def kill(*args: object, **said: object) -> None:
        raise KilledError

    put(table, 1, "2026-10-01 09:00:00+08")
    with monkeypatch.context() as broken:
        broken.setattr("pipelines.sources.fetching.positions.has_landed", kill)
        with pytest.raises(KilledError):
            site.fetch()
    put(table, 2, "2026-10-01 10:00:00+08")
    assert site.accounts(site.brings()[0]) == [2]
    assert site.accounts() == [1, 2]


def test_any_other_database_is_read_through_sqlalchemy(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WENGANG_SOURCE_GRID_PASSWORD")
    place = tmp_path / "其他.sqlite"
    with sqlite3.connect(place) as connection:
        connection.execute("CREATE TABLE power (account TEXT, code TEXT, month TEXT, kwh REAL, number INTEGER)")
        rows = [(f"{number:010d}", uscc(number), "202609", number * 2.0, number) for number in range(1, 26)]
        connection.executemany("INSERT INTO power VALUES (?, ?, ?, ?, ?)", rows)
    site.settle(settings(f"sqlite:///{place}", wanted='watermark = "number"\noverlap = 0'))
    monkeypatch.setattr(database_source, "BATCH_ROWS", 10)
    assert site.accounts(site.brings()[0]) == list(range(1, 26))
    assert site.brings() == []
    with sqlite3.connect(place) as connection:
        connection.execute("INSERT INTO power VALUES ('0000000099', ?, '202609', 1, 25)", (uscc(99),))
    assert site.accounts(site.brings()[0]) == [25, 99]


@pytest.mark.parametrize("seed", range(6))
def test_whatever_is_committed_late_within_the_overlap_is_brought(tmp_path: Path, seed: int) -> None:
    """Rows come with values up to the overlap below the highest one, change, and are read at any moment."""
    dice, overlap, clock = random.Random(seed), 20, 100  # noqa: S311
    feed = {"table": "power", "watermark": "mark", "overlap": overlap, "key": ["account"]}
    said = {"kind": "database", "url": f"sqlite:///{tmp_path / 'd.sqlite'}", "feeds": {FEED: feed}}
    reader = Reader(Database, database_source.opened, said, tmp_path / "kept")
    with closing(sqlite3.connect(tmp_path / "d.sqlite", isolation_level=None)) as table:
        table.execute("CREATE TABLE power (account TEXT PRIMARY KEY, kwh INTEGER, mark INTEGER)")
        for step in range(60):
            clock += dice.randrange(5)
            for _ in range(dice.randrange(4)):
                mark = None if dice.random() < 0.1 else clock - dice.randrange(overlap - 8)
                row = (str(dice.randrange(40)), step, mark)
                table.execute("INSERT OR REPLACE INTO power VALUES (?, ?, ?)", row)
            if dice.random() < 0.5:
                reader.go()
        reader.go()
        there = [["" if cell is None else str(cell) for cell in row] for row in table.execute("SELECT * FROM power")]
    assert reader.latest == {row[0]: row for row in there}
    before = reader.brought
    reader.go()
    assert reader.brought == before


def test_an_unknown_kind_of_database_is_final(site: Site) -> None:
    site.settle(settings("nosuchbase://host/name"))
    assert isinstance(site.fetch().fault, SourceRefusedError)
