"""What is the same for every source: settings, logins, the record, and that a source that is down stops nothing."""

import json
import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from source_home import COLUMNS, FEED, Site, power_file
from source_servers import Api, api, status
from test_sources_http import rows_of

from pipelines import arrivals, cli, doctor, logs, nightly, sources, watching
from pipelines import contracts as contract_files
from pipelines import settings as settings_file
from pipelines.errors import DeliveryError, SettingsError, SourceRefusedError, UsageError
from pipelines.means import Means
from pipelines.sources import Login, login_of
from pipelines.sources import positions as record
from pipelines.sources.fetching import _inbox_name

MakeHome = Callable[..., Means]
ROOT = Path(__file__).resolve().parents[2]
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGxvbmcgZW5vdWdoIHRvIGJlIGEga2V5IGF0IGFsbCE="
SFTP = f'[sources.grid]\nkind = "sftp"\nhost = "h"\nhost_key = "{KEY}"\n[sources.grid.feeds.{FEED}]\n'


PAGES = ("sources.md", "sources.zh-CN.md")


@pytest.mark.parametrize("name", PAGES)
def test_the_examples_of_the_page_are_settings_that_fit_the_contracts(name: str) -> None:
    page = (ROOT / "docs" / name).read_text(encoding="utf-8")
    body = tomllib.loads("\n".join(re.findall(r"```toml\n(.*?)```", page, flags=re.DOTALL)))
    named = settings_file.Settings.model_validate(body).sources
    assert {source.kind for source in named.values()} == {"sftp", "database", "http"}
    contracts = contract_files.load(None)
    for source in named.values():
        for feed, wanted in source.feeds.items():
            aliases = {column: set(said.header) for column, said in contracts.feeds[feed].columns.items()}
            headers = set(getattr(wanted, "columns", {}))
            assert headers <= set().union(*aliases.values())
            missing = [
                c for c, said in contracts.feeds[feed].columns.items() if not (said.optional or aliases[c] & headers)
            ]
            assert not headers or not missing


@pytest.fixture
def service() -> Iterator[Api]:
    with api(rows_of(range(1, 3))) as running:
        yield running


@pytest.fixture
def site(make_home: MakeHome, service: Api) -> Site:
    made = Site(make_home())
    made.settle(http(service))
    return made


def http(service: Api, *, extra: str = "") -> str:
    return (
        f'kind = "http"\nurl = "{service.url}"\nplain_http = true\nattempts = 1\n{extra}\n'
        f'[sources.grid.feeds.{FEED}]\nrows = "data.items"\n{COLUMNS}\n'
    )


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ('[sources.Grid]\nkind = "sftp"', "sources.Grid"),
        (SFTP.replace("grid", "a" * 40), "pattern"),
        (SFTP.replace(KEY, "AAAA"), "ssh-keyscan"),
        (SFTP.replace(KEY, "ssh-ed25519 ???"), "ssh-keyscan"),
        (SFTP.replace('kind = "sftp"', 'kind = "ftp"'), "'ftp'"),
        (SFTP + "patern = '*'", "patern"),
        (SFTP.replace("[sources.grid]", '[sources.grid]\npassword = "x"'), "password"),
        ('[sources.d]\nkind="database"\nurl="postgresql://u:hush@h/d"\n[sources.d.feeds.f]\ntable="t"', "no password"),
        ('[sources.d]\nkind="database"\nurl="mysql://h/d?passwd=hush"\n[sources.d.feeds.f]\ntable="t"', "no password"),
        ('[sources.d]\nkind="database"\nurl="postgresql://h/d"\n[sources.d.feeds.f]\n', "table or query"),
        ('[sources.d]\nkind="database"\nurl="h"\n[sources.d.feeds.f]\ntable="t"', "begins with its kind"),
        ('[sources.h]\nkind="http"\nurl="http://h"\n[sources.h.feeds.f]\ncolumns={a="b"}', "plain_http"),
        ('[sources.h]\nkind="http"\nurl="https://u:hush@h"\n[sources.h.feeds.f]\ncolumns={a="b"}', "no password"),
        ('[sources.h]\nkind="http"\nurl="https://h"\nauth="header"\n[sources.h.feeds.f]\ncolumns={a="b"}', "header"),
        (
            '[sources.h]\nkind="http"\nurl="https://h"\n[sources.h.feeds.f]\ncolumns={a="b"}\nparameters={token="hush"}',
            "may hold no secret",
        ),
        (
            '[sources.h]\nkind="http"\nurl="https://h"\n[sources.h.feeds.f]\ncolumns={a="b"}\nsince_parameter="s"',
            "belong together",
        ),
        (
            '[sources.h]\nkind="http"\nurl="https://h"\n[sources.h.feeds.f]\ncolumns={a="b"}\npages="cursor"',
            "need next",
        ),
    ],
)
def test_every_fault_of_the_settings_is_named_and_no_secret_shown(make_home: MakeHome, body: str, told: str) -> None:
    home = make_home().home
    home.settings_file.write_text(body, encoding="utf-8")
    with pytest.raises(SettingsError) as refused:
        settings_file.load(home)
    assert told in str(refused.value)
    assert "hush" not in str(refused.value)


def test_a_login_comes_from_the_environment_a_file_or_a_connection(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert login_of("grid", user="bureau", connection="") == Login(user="bureau")
    monkeypatch.setenv(
        "AIRFLOW_CONN_AT_GRID", "ssh://keeper:a%2Fb%20c@host:22/?token=t1&__extra__=%7B%22key%22%3A%22K%22%7D"
    )
    found = login_of("grid", user="", connection="at_grid")
    assert (found.user, found.password, found.token, found.key) == ("keeper", "a/b c", "t1", "K")
    packed = {
        "login": "keeper",
        "password": "q",
        "extra": json.dumps({"private_key": "P", "private_key_passphrase": "R"}),
    }
    monkeypatch.setenv("AIRFLOW_CONN_AT_GRID", json.dumps(packed))
    assert login_of("grid", user="bureau", connection="at_grid").user == "bureau"
    assert login_of("grid", user="", connection="at_grid") == Login("keeper", "q", "", "P", "R")
    (tmp_path / "secret").write_text("from a file\n", encoding="utf-8")
    monkeypatch.setenv("WENGANG_SOURCE_GRID_PASSWORD_FILE", str(tmp_path / "secret"))
    filed = login_of("grid", user="", connection="at_grid")
    assert (filed.user, filed.password) == ("keeper", "from a file")
    asked = login_of("grid", user="", connection="x", connections=lambda name: {"token": name})
    assert (asked.user, asked.token) == ("", "x")


@pytest.mark.parametrize("value", ["", "{broken", "[1]", "http://[broken"])
def test_a_connection_that_is_not_there_or_not_readable_is_told_without_its_words(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_GRID", value)
    with pytest.raises(SourceRefusedError) as refused:
        login_of("grid", user="", connection="grid")
    assert "broken" not in str(refused.value)


def test_a_file_of_a_secret_that_cannot_be_read_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WENGANG_SOURCE_GRID_TOKEN_FILE", str(tmp_path / "nowhere"))
    with pytest.raises(SourceRefusedError, match="WENGANG_SOURCE_GRID_TOKEN_FILE"):
        login_of("grid", user="", connection="")


def test_a_login_shows_no_secret_in_any_form() -> None:
    login = Login("u", "a/b c", "t0ken", "K\n", "pass")
    assert all(secret not in repr(login) for secret in ("a/b c", "t0ken", "K\\n"))
    text = "a/b c a%2Fb%20c a%2Fb+c dTphL2IgYw== t0ken pass K"
    assert login.hidden(text) == "*** *** *** *** *** *** ***"


def test_a_source_that_is_down_stops_no_night_and_is_told(
    site: Site, service: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The night goes on with what lies in the inbox; operators hear of it once, and no more when it is well again."""
    service.upsets = [status(500)]
    said: list[str] = []
    means = replace(site.means, progress=said.append)
    with pytest.raises(DeliveryError, match="nothing has been delivered"):
        nightly.run(means, as_of=means.now.date())
    assert said == ["数据源 grid/power_month：没有取到，系统会再试；原因见 wengang sources"]
    faults = {fault.key: fault.text for fault in watching.look(means, due=time(6, 30))}
    assert "连不上或中断，系统会再试（上次成功 从未成功）" in faults["source:grid/power_month"]
    found = {finding.subject: finding for finding in doctor.examine(means)}
    assert found["sources"].text == "1 feeds are fetched from 1 sources"
    assert "status 500" in found["source grid/power_month"].text
    assert len(site.brings()) == 1
    assert not [f for f in watching.look(site.means, due=time(6, 30)) if f.key.startswith("source:")]


def test_a_night_with_another_inbox_asks_no_source(site: Site, service: Api, tmp_path: Path) -> None:
    (tmp_path / FEED).mkdir()
    with pytest.raises(DeliveryError):
        nightly.run(site.means, as_of=site.means.now.date(), inbox=tmp_path)
    assert service.asked == []


def test_what_is_fetched_lands_before_the_night_reads(site: Site) -> None:
    outcomes = arrivals.fetch_sources(site.means, feed="tax_month")
    assert outcomes == []
    (outcome,) = arrivals.fetch_sources(site.means, feed=FEED)
    assert [d.rows_landed for d in outcome.deliveries] == [2]
    assert outcome.deliveries[0].received_at <= site.means.now


def test_an_error_nobody_thought_of_is_a_fault_of_that_source(
    site: Site, service: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WENGANG_SOURCE_GRID_TOKEN", "hush-hush")
    site.settle(http(service, extra='auth = "bearer"'))

    def breaks(*args: object, **said: object) -> None:
        raise RuntimeError("a bug that shows hush-hush\nand a second line")

    monkeypatch.setattr("pipelines.sources.http_api._Api.probe", breaks)
    assert site.fails() == "grid/power_month: RuntimeError: a bug that shows ***"


def test_a_feed_without_a_contract_is_told(site: Site) -> None:
    path = site.means.home.settings_file
    path.write_text(path.read_text(encoding="utf-8").replace(FEED, "no_feed"), encoding="utf-8")
    outcome = site.fetch()
    assert "no contract describes feed no_feed" in str(outcome.fault)
    assert outcome.is_final


def test_a_feed_of_whole_periods_is_not_fetched_by_parts(
    site: Site, service: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = contract_files.load(None)
    whole = shipped.feeds[FEED].model_copy(update={"covers": "period"})
    changed = replace(shipped, feeds={**shipped.feeds, FEED: whole})
    monkeypatch.setattr(Means, "contracts", lambda _: changed)
    site.settle(http(service) + 'watermark = "month"\nsince_parameter = "since"\n')
    assert "stands for whole periods" in site.fails()
    assert site.standing.is_final
    site.settle(http(service))
    assert len(site.brings()) == 1


def test_a_source_or_feed_that_is_not_there_is_a_slip_of_the_command(site: Site) -> None:
    with pytest.raises(UsageError, match="no source is called water"):
        arrivals.fetch_sources(site.means, source="water")
    with pytest.raises(UsageError, match="has no feed tax_month"):
        arrivals.fetch_sources(site.means, source="grid", feed="tax_month")


def test_the_commands_say_what_came_and_how_each_source_stands(site: Site, service: Api) -> None:
    run = CliRunner()
    home = ["--home", str(site.means.home.root), "-q"]
    fetched = run.invoke(cli.main, [*home, "fetch"])
    assert fetched.exit_code == 0, fetched.output
    assert "accepted grid-power_month.csv" in fetched.output
    service.upsets = [status(500), status(403)]
    down = run.invoke(cli.main, [*home, "fetch", "--source", "grid"])
    assert (down.exit_code, "status 500" in down.output) == (17, True)
    refused = run.invoke(cli.main, [*home, "fetch", "--feed", FEED])
    assert refused.exit_code == 18
    listed = run.invoke(cli.main, [*home, "sources"])
    assert listed.exit_code == 0
    assert f"grid/{FEED} http {service.url}" in listed.output
    assert "最近文件 (last file) grid-power_month.csv" in listed.output
    assert "status 403" in listed.output


def test_a_refused_file_is_the_exit_code_of_a_refused_delivery(site: Site, service: Api) -> None:
    service.rows[:] = [{"account": "x", "code": "y", "month": "z", "kwh": "w"}]
    done = CliRunner().invoke(cli.main, ["--home", str(site.means.home.root), "-q", "fetch"])
    assert (done.exit_code, "refused" in done.output) == (5, True)


def test_a_home_without_sources_says_so(make_home: MakeHome) -> None:
    home = make_home().home
    for command in ("fetch", "sources"):
        done = CliRunner().invoke(cli.main, ["--home", str(home.root), "-q", command])
        assert (done.exit_code, "[sources]" in done.output) == (0, True)


def test_the_log_holds_neither_names_of_files_nor_words_of_errors(site: Site, service: Api) -> None:
    service.upsets = [status(403)]
    with logs.recorded(site.means, as_of=site.means.now.date(), clock=lambda: site.means.now) as told:
        arrivals.fetch_sources(told)
        arrivals.fetch_sources(told)
    (log,) = site.means.home.logs.glob("*.jsonl")
    text = log.read_text(encoding="utf-8")
    assert "403" not in text
    assert ".csv" not in text
    assert "取到 1 个文件" in text


def test_a_name_is_made_fit_and_never_falls_on_another_file(tmp_path: Path) -> None:
    assert _inbox_name("grid", "../用\n电/九月.csv", "d" * 64, tmp_path) == "grid-.._用_电_九月.csv"
    assert _inbox_name("grid", ".hidden", "d" * 64, tmp_path) == "grid-.hidden"
    long = _inbox_name("grid", "电" * 300 + ".xlsx", "d" * 64, tmp_path)
    assert long.endswith("电.xlsx")
    assert len(long.encode()) <= 200
    (tmp_path / "grid-a.csv").touch()
    assert _inbox_name("grid", "a.csv", "d" * 64, tmp_path) == "grid-a-dddddddd.csv"


def test_a_file_dropped_by_a_clerk_under_the_same_name_is_not_touched(site: Site, service: Api) -> None:
    folder = site.means.home.inbox / FEED
    folder.mkdir()
    dropped = folder / "grid-power_month.csv"
    dropped.write_bytes(power_file([7]))
    (delivery,) = site.brings()
    assert delivery.file_name.startswith("grid-power_month-")
    assert dropped.read_bytes() == power_file([7])


def test_the_standing_follows_from_the_record(site: Site) -> None:
    ledger, at = site.ledger, site.means.now
    assert sources.standing(ledger, "a/b") == sources.Standing()
    first = record.will_land(ledger, "a/b", at=at, file_name="f", digest="d", position={"n": 1})
    assert sources.standing(ledger, "a/b").pending == first
    record.had_fault(ledger, "a/b", at=at, reason="why", is_final=True)
    standing = sources.standing(ledger, "a/b")
    assert (standing.pending, standing.fault, standing.is_final) == (first, "why", True)
    record.has_landed(ledger, "a/b", first, at=at)
    standing = sources.standing(ledger, "a/b")
    assert (standing.pending, standing.fault, standing.positions, standing.digest) == (None, "", ({"n": 1},), "d")
    record.forget(ledger, "a/b", at=at)
    assert sources.standing(ledger, "a/b") == sources.Standing()


def test_a_server_that_is_down_is_asked_once_for_each_further_feed(site: Site, service: Api) -> None:
    service.upsets = [status(500)] * 9
    feeds = "".join(
        f'[sources.grid.feeds.{feed}]\nrows = "data.items"\n{COLUMNS}\n' for feed in (FEED, "tax_month", "vacancy")
    )
    site.settle(http(service).partition("[sources.grid.feeds")[0].replace("attempts = 1", "attempts = 3") + feeds)
    outcomes = arrivals.fetch_sources(site.means)
    assert [outcome.feed for outcome in outcomes if outcome.fault] == [FEED, "tax_month", "vacancy"]
    assert len(service.asked) == 3 + 1 + 1


def test_what_was_kept_of_a_feed_that_is_no_longer_fetched_is_taken_away(site: Site) -> None:
    folder = site.means.home.fetching / "grid" / "vacancy"
    folder.mkdir(parents=True)
    (folder / "page-000001.json").touch()
    site.brings()
    assert not folder.exists()
