"""Housekeeping: what goes, what stays for ever, and a working file that becomes small without losing a row."""

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from kept_home import furnish, put

from pipelines import housekeeping
from pipelines.arrivals import ZONE
from pipelines.errors import BusyError
from pipelines.housekeeping import tidy
from pipelines.ledger import Ledger, Mail
from pipelines.means import Means
from pipelines.run import atomic_file
from pipelines.snapshots import listed
from pipelines.warehouse import Warehouse, lock


@pytest.fixture
def means(make_home: Callable[..., Means]) -> Means:
    made = make_home()
    furnish(made)
    return made


def written(path: Path, means: Means, *, days: float) -> Path:
    """Make ``path`` look as if it had been written ``days`` ago."""
    instant = (means.now - timedelta(days=days)).replace(tzinfo=ZONE).timestamp()
    os.utime(path, (instant, instant))
    return path


def done(means: Means) -> dict[str, tuple[int, int]]:
    return {deed.name: (deed.count, deed.freed) for deed in tidy(means)}


def test_what_cannot_be_rebuilt_is_never_touched(means: Means) -> None:
    parts = ["landing", "models", "editions", "inbox"]
    put(means.home.inbox / "insurance_month" / ".hidden.csv.abcd1234", "waits")
    for name in listed(means.home.root, parts):
        written(means.home.root / name, means, days=4000)
    before = listed(means.home.root, parts)
    entries = Ledger(means.home.ledger).last_seq()
    tidy(replace(means, now=means.now + timedelta(days=4000)))
    assert listed(means.home.root, parts) == before
    assert (means.home.inbox / "insurance_month" / ".hidden.csv.abcd1234").is_file()
    assert Ledger(means.home.ledger).last_seq() == entries


def test_logs_go_after_their_days(means: Means) -> None:
    old = written(put(means.home.logs / "2026-05-01.jsonl", "12345"), means, days=181)
    young = written(put(means.home.logs / "2026-06-01.jsonl", "1"), means, days=179)
    other = written(put(means.home.logs / "mine.txt", "1"), means, days=400)
    assert done(means)["过期日志"] == (1, 5)
    assert not old.exists()
    assert young.exists()
    assert other.exists()


def test_copies_of_mails_go_once_they_were_handed_over_long_ago(means: Means) -> None:
    ledger = Ledger(means.home.ledger)
    for name, days in (("old", 91), ("young", 89), ("waits", None)):
        mail = Mail(f"2026-11-12-{name}", "duty@localhost", "edition", name, "text")
        ledger.queue_mail(mail, at=means.now)
        put(means.home.outbox / f"{name}.eml", "text")
        if days:
            ledger.mark_sent(mail, at=means.now - timedelta(days=days), how=f"file {name}.eml")
    put(means.home.outbox / "mine.eml", "not of the ledger")
    assert done(means)["过期邮件副本"] == (1, 4)
    assert sorted(path.name for path in means.home.outbox.iterdir()) == ["mine.eml", "waits.eml", "young.eml"]
    assert len(Ledger(means.home.ledger).mails()) == 3
    assert done(means)["过期邮件副本"] == (0, 0)


LEFT = (
    ".wengang.toml.abc_1234",
    ".warehouse.duckdb.abcd1234.wal",
    "landing/insurance_month/.0123456789abcdef.abcd1234/rows.parquet",
    "core/.book.json.abcd1234",
    "core/insured_month/2026-09-01/.abcd1234/rows.parquet",
    "models/.writing-listed-3m-0/model.skops",
    "editions/2026-11-12/r1/.briefing.html.abcd1234",
    "outbox/.a.eml.abcd1234",
    "warehouse.duckdb.tmp/spilled-1.tmp",
)
STAYS = (
    ".htaccess",
    "outbox/.htaccess",
    "core/links/of-an-operator",
    "landing/insurance_month/0123/.gate.json.abcd1234",
)


def test_what_killed_writers_left_goes_after_a_day(means: Means) -> None:
    for name in (*LEFT, *STAYS):
        written(put(means.home.root / name, "1234567890"), means, days=1.1)
    young = put(means.home.root / "outbox/.b.eml.abcd1234", "at work")
    written(young, means, days=0.9)
    for name in LEFT:
        written((means.home.root / name).parent, means, days=1.1)
    assert done(means)["中断写入的残留"] == (len(LEFT), 10 * len(LEFT))
    assert [name for name in LEFT if (means.home.root / name).exists()] == []
    assert [name for name in STAYS if not (means.home.root / name).exists()] == []
    assert young.exists()


def test_a_file_being_written_now_has_a_name_that_would_be_swept(means: Means) -> None:
    with atomic_file(means.home.outbox / "b.eml") as temporary:
        assert housekeeping.LEFTOVER.fullmatch(temporary.name)


def test_a_working_file_that_is_mostly_free_is_made_small(means: Means, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "LEAST_FREE", 1 << 20)
    slab = put(means.home.core / "it's.parquet", "")
    warehouse = Warehouse(means.home.warehouse, contracts=means.contracts())
    quoted = str(slab).replace("'", "''")
    for statement in (
        "CREATE TABLE night.kept AS SELECT range AS number, hash(range)::VARCHAR AS text FROM range(200000)",
        "CREATE TABLE night.gone AS SELECT range AS number, hash(range)::VARCHAR AS text FROM range(400000)",
        "CREATE TABLE night.keyed (a INTEGER PRIMARY KEY, b VARCHAR NOT NULL)",
        "INSERT INTO night.keyed VALUES (1, '稳岗')",
        "COMMENT ON TABLE night.keyed IS '表'",
        f"COPY (SELECT 42 AS answer) TO '{quoted}' (FORMAT parquet)",
        f"CREATE VIEW core.slabs AS SELECT answer FROM read_parquet(['{quoted}'])",
        "CHECKPOINT",
        "DROP TABLE night.gone",
    ):
        warehouse.execute(statement)
    question = "SELECT (SELECT sum(hash(number, text)) FROM night.kept), answer FROM core.slabs"
    shape = "SELECT schema_name, table_name, comment, sql FROM duckdb_tables() ORDER BY ALL"
    before = (warehouse.rows(question), warehouse.rows(shape))
    warehouse.close()
    size = means.home.warehouse.stat().st_size
    count, freed = done(means)["工作库整理"]
    assert count == 1
    assert freed == size - means.home.warehouse.stat().st_size > size / 2
    assert sorted(path.name for path in means.home.root.glob("*warehouse*")) == ["warehouse.duckdb"]
    again = Warehouse(means.home.warehouse, contracts=means.contracts())
    assert (again.rows(question), again.rows(shape)) == before
    again.close()
    assert done(means)["工作库整理"] == (0, 0)


def test_the_log_of_the_ledger_is_moved_into_it(means: Means) -> None:
    held = Ledger(means.home.ledger)
    held.append("note", subject="a", at=means.now, body={})
    log = means.home.root / "ledger.sqlite-wal"
    size = log.stat().st_size
    assert size > 0
    assert done(means)["账本日志归并"] == (1, size)
    assert not log.exists() or log.stat().st_size == 0
    assert len(held.entries("note")) == 1


def test_nothing_is_done_while_a_night_runs(means: Means) -> None:
    old = written(put(means.home.logs / "2026-01-01.jsonl", "1"), means, days=300)
    with lock(means.home.root / ".lock"), pytest.raises(BusyError):
        tidy(means)
    assert old.exists()
