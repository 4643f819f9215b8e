"""The operator's page and the tables of how the system ran: what they say, and what they must not say."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, time, timedelta

import duckdb
import pytest
from click import Command
from click.testing import CliRunner
from running_home import at, decide, publish, queue, receipts, refuse

from pipelines import STAGES, operation, status, watching
from pipelines import settings as settings_file
from pipelines.cli_watching import status_command, watch_command
from pipelines.errors import BusyError, SettingsError
from pipelines.ledger import Ledger
from pipelines.means import Means
from pipelines.settings import Home
from pipelines.warehouse import lock

MakeHome = Callable[..., Means]
TODAY = date(2026, 11, 12)
DUE = time(6, 30)


@pytest.fixture
def house(make_home: MakeHome) -> Means:
    """A home with an issued, a held and a broken-off night, at 07:00 of the last."""
    means = replace(make_home(), now=at(TODAY, 7))
    ledger = Ledger(means.home.ledger)
    refuse(ledger, when=at(TODAY - timedelta(days=3), 1), batch="b1")
    first = decide(ledger, TODAY - timedelta(days=2), through=1)
    queue(ledger, first, at=at(TODAY, 1), recipient="waits@localhost", sent=False)
    decide(ledger, TODAY - timedelta(days=1), status="held")
    receipts(ledger, TODAY, STAGES)
    receipts(ledger, TODAY, ("ingest", "core", "gate"))
    return means


def page_of(means: Means) -> str:
    return status.page(means, settings_file.load(means.home), due=DUE)


def rows(means: Means, query: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(means.home.status / "status.duckdb"), read_only=True) as connection:
        return connection.execute(query).fetchall()


def test_nights_say_how_far_they_came_and_what_each_stage_took(house: Means) -> None:
    broken, held, issued = status.nights(Ledger(house.home.ledger))
    assert [(n.as_of.day, n.state) for n in (broken, held, issued)] == [(12, ""), (11, "held"), (10, "issued")]
    assert {part.stage: part.seconds for part in broken.parts} == {"ingest": 2.0, "core": 4.0, "gate": 6.0}
    assert broken.missing == STAGES[3:]
    assert [part.stage for part in held.parts] == ["ingest", "core"]
    assert [part.stage for part in issued.parts] == list(STAGES)
    assert (issued.deliveries, issued.sent, issued.waiting) == (1, 1, 1)
    assert (held.deliveries, held.sent, held.waiting) == (0, 1, 0)
    assert issued.recorded_at == at(TODAY - timedelta(days=2), 2)
    last = issued.parts[-1]
    assert last.x + last.width == pytest.approx(status.BAR, abs=0.1)


def test_a_night_run_again_without_news_keeps_the_times_of_the_first(house: Means) -> None:
    ledger = Ledger(house.home.ledger)
    receipts(ledger, TODAY - timedelta(days=2), ("ingest",), seconds=100.0)
    assert status.nights(ledger)[2].parts[0].seconds == 2.0


def test_only_the_last_thirty_nights_are_shown(make_home: MakeHome) -> None:
    means = make_home()
    ledger = Ledger(means.home.ledger)
    for days in range(35):
        decide(ledger, TODAY - timedelta(days=days))
    shown = status.nights(ledger)
    assert [night.as_of for night in shown] == [TODAY - timedelta(days=days) for days in range(30)]


def test_the_page_tells_the_faults_and_asks_nothing_of_elsewhere(house: Means) -> None:
    publish(
        house.home,
        {
            "out.source_status": [
                {
                    "feed": "power_month",
                    "feed_label": "用电<量>",
                    "owner": "供电公司",
                    "is_required": False,
                    "source_state": "滞后",
                    "months_behind": 2,
                    "latest_month": date(2026, 8, 1),
                    "refused_count": 1,
                }
            ],
            "out.model": [{"model_id": "m-1", "model_label": "学习模型"}],
            "out.edition": [{"edition_id": "2026-11-10-r1"}],
        },
    )
    text = page_of(house)
    for fault in watching.look(house, due=DUE):
        assert fault.text.replace("<", "&lt;").replace(">", "&gt;") in text
    for words in (
        "用电&lt;量&gt;",
        "滞后（2 个月）",
        "学习模型（m-1）",
        "没有完成：features、risk、edition、outlook、report、publish、alert<",
        "模拟数据",
        "从未备份",
    ):
        assert words in text
    assert 'href="../editions/2026-11-10/r1/briefing.html"' in text
    for foreign in ("<script", "http:", "https:", "@import", "url(", "@font-face"):
        assert foreign not in text


def test_neither_page_nor_tables_hold_addresses_file_names_or_texts(house: Means) -> None:
    page, tables = status.write(house, due=DUE)
    for held in (page.read_bytes(), tables.read_bytes()):
        for word in ("duty@", "waits@", "某公司", "from the night", "表头不符"):
            assert word.encode() not in held


def test_the_tables_answer_how_long_which_stage_took(house: Means) -> None:
    watching.watch(house, due=DUE)
    operation.write(house)
    took = "SELECT stage_name, max(stage_seconds) FROM operation.receipt GROUP BY 1 ORDER BY 2 LIMIT 2"
    assert rows(house, took) == [("ingest", 2.0), ("core", 4.0)]
    assert rows(house, "SELECT DISTINCT left_out_reason, left_out_count FROM operation.left_out") == [("late", 2)]
    assert rows(house, "SELECT feed, delivery_state, is_withdrawn FROM operation.delivery") == [
        ("tax_month", "refused", False)
    ]
    assert rows(house, "SELECT edition_id, edition_state, finished_at IS NULL FROM operation.edition") == [
        ("2026-11-10-r1", "issued", False),
        ("2026-11-11-r1", "held", False),
    ]
    assert rows(
        house, "SELECT mail_no, mail_template, mail_state, count(*) FROM operation.mail GROUP BY ALL ORDER BY 1, 4"
    ) == [
        ("2026-11-10-r1", "edition", "sent", 2),
        ("2026-11-11-r1", "edition", "sent", 1),
        ("watch-2026-11-12-1", "watch", "sent", 1),
    ]
    assert rows(house, "SELECT as_of, watch_key, fault_severity FROM operation.fault") == [(TODAY, "edition", "urgent")]
    labels = "SELECT comment FROM duckdb_columns() WHERE table_name = 'receipt' AND column_name = 'stage_seconds'"
    assert rows(house, labels) == [("用时（秒）",)]


def test_the_tables_are_those_of_the_contracts(house: Means) -> None:
    operation.write(house)
    declared = {name: list(t.columns) for name, t in house.contracts().tables.items() if t.schema_name == "operation"}
    found: dict[str, list[str]] = {}
    for table, column in rows(
        house, "SELECT schema_name || '.' || table_name, column_name FROM duckdb_columns() WHERE NOT internal"
    ):
        found.setdefault(str(table), []).append(str(column))
    assert found == declared
    assert found.keys() == operation.TABLES.keys()


def test_backups_and_drills_are_on_record(house: Means) -> None:
    ledger = Ledger(house.home.ledger)
    ledger.append("drill", subject="s1", at=at(TODAY, 4), body={"verdict": "identical"})
    operation.write(house)
    assert rows(house, "SELECT keeping_kind, recorded_at, keeping_note FROM operation.keeping") == [
        ("drill", at(TODAY, 4), '{"verdict": "identical"}')
    ]
    assert "2026-11-12 04:00（重放一致）" in page_of(house)


def test_written_again_the_page_replaces_the_last_and_leaves_nothing_beside(house: Means) -> None:
    status.write(house, due=DUE)
    status.write(replace(house, now=at(TODAY, 8)), due=DUE)
    assert sorted(path.name for path in house.home.status.iterdir()) == ["index.html", "status.duckdb"]
    assert "截至 2026-11-12 08:00" in (house.home.status / "index.html").read_text(encoding="utf-8")
    with lock(house.home.root / ".status.lock"), pytest.raises(BusyError):
        status.write(house, due=DUE)


def test_a_home_without_any_night_has_a_page(make_home: MakeHome) -> None:
    text = page_of(replace(make_home(), now=at(TODAY, 3)))
    for words in ("还没有运行过", "没有可读的已发布期次", "未到时间"):
        assert words in text


@pytest.mark.parametrize("command", [watch_command, status_command])
def test_where_there_is_no_home_nothing_is_made(house: Means, command: Command) -> None:
    nowhere = replace(house, home=Home(house.home.root / "nowhere"))
    result = CliRunner().invoke(command, [], obj=nowhere)
    assert isinstance(result.exception, SettingsError)
    assert not nowhere.home.root.exists()


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.04, "0.0 秒"), (12.34, "12.3 秒"), (59.99, "1 分 00 秒"), (245, "4 分 05 秒")]
)
def test_durations_read_well(seconds: float, words: str) -> None:
    assert status.duration(seconds) == words


def test_the_commands_say_what_they_found_and_where_it_lies(house: Means) -> None:
    result = CliRunner().invoke(watch_command, ["--due", "06:30"], obj=house)
    assert result.exit_code == 0, result.output
    assert result.output.startswith("【紧急】2026-11-12 的名单到 06:30 仍未形成")
    house.home.settings_file.write_text('[mail]\nsmtp_host = "127.0.0.1"\nsmtp_port = 1\n', encoding="utf-8")
    queue(Ledger(house.home.ledger), "2026-11-11-r1", at=at(TODAY, 1), recipient="b@localhost", sent=False)
    assert CliRunner().invoke(watch_command, [], obj=house).exit_code == 12
    result = CliRunner().invoke(status_command, [], obj=house)
    assert result.exit_code == 0, result.output
    assert str(house.home.status / "index.html") in result.output
