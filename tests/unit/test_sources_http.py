"""Pages of an HTTP API: a local server that fails, stalls, truncates, limits the rate and repeats a page."""

import json
import random
import shutil
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ingest_files import uscc
from source_home import COLUMNS, FEED, Reader, Site
from source_servers import (
    Api,
    Behaviour,
    api,
    breaks_json,
    hangs_up,
    repeats,
    says,
    stalls,
    status,
    truncates,
)

from pipelines.errors import SourceDownError, SourceRefusedError
from pipelines.means import Means
from pipelines.source_settings import Http
from pipelines.sources import fetching, http_api
from pipelines.sources.asking import pause_asked
from pipelines.sources.watermarks import less, order

MakeHome = Callable[..., Means]
TOTAL = 'rows = "data.items"\ntotal = "data.total"\n'
STYLES = {
    "next": 'path = "next"\npages = "next"\nnext = "data.next"\n',
    "link": 'path = "linked"\npages = "next"\n',
    "cursor": 'path = "cursor"\npages = "cursor"\nnext = "data.cursor"\n',
    "page": 'path = "paged"\npages = "page"\n',
    "offset": 'path = "offset"\npages = "offset"\n',
}


def rows_of(numbers: range, *, changed: str = "2026-10-01T08:00:00") -> list[dict[str, Any]]:
    return [
        {"account": f"{n:010d}", "code": uscc(n), "month": 202609, "kwh": 1200, "changed": changed} for n in numbers
    ]


@pytest.fixture
def service() -> Iterator[Api]:
    with api(rows_of(range(1, 9))) as running:
        yield running


@pytest.fixture
def site(make_home: MakeHome, service: Api) -> Site:
    made = Site(make_home())
    made.settle(settings(service))
    return made


def settings(service: Api, *, extra: str = "", style: str = STYLES["page"], wanted: str = TOTAL) -> str:
    head = f'kind = "http"\nurl = "{service.url}"\nplain_http = true\ntimeout_seconds = 5\nattempts = 3\n{extra}\n'
    return f"{head}[sources.grid.feeds.{FEED}]\n{style}{COLUMNS}\n{wanted}\n"


@pytest.mark.parametrize(
    ("style", "tells_total"),
    [("next", True), ("link", False), ("cursor", True), ("page", True), ("page", False), ("offset", False)],
)
def test_every_way_of_pages_brings_every_row_once(site: Site, service: Api, style: str, tells_total: bool) -> None:
    service.tells_total = tells_total
    wanted = TOTAL if tells_total else 'rows = "data.items"\n'
    site.settle(settings(service, style=STYLES[style], wanted=wanted))
    assert site.accounts(site.brings()[0]) == list(range(1, 9))
    assert site.brings() == []
    assert len(site.deliveries()) == 1
    service.rows[0]["kwh"] = 7
    assert site.accounts(site.brings()[0]) == list(range(1, 9))


@pytest.mark.parametrize(
    "upset",
    [
        status(500),
        status(503, Retry_After="0"),
        status(429, Retry_After="0"),
        truncates,
        breaks_json,
        hangs_up,
        stalls,
        says(code=500),
        repeats(rows_of(range(1, 4))),
    ],
    ids=["500", "503", "429", "truncates", "breaks_json", "hangs_up", "stalls", "says_500", "repeats"],
)
def test_what_can_pass_is_asked_again_and_no_page_is_lost(site: Site, service: Api, upset: Behaviour) -> None:
    said = settings(service, wanted=TOTAL + 'expect = {code = "0"}\n')
    site.settle(said.replace("timeout_seconds = 5", "timeout_seconds = 1") if upset is stalls else said)
    service.upsets = [None, upset]
    assert site.accounts(site.brings()[0]) == list(range(1, 9))
    assert service.asked == [f"/v1/paged?page={page}" for page in (1, 2, 2, 3)]


@pytest.mark.parametrize("style", ["next", "offset"])
def test_after_a_page_that_failed_it_goes_on_from_there(site: Site, service: Api, style: str) -> None:
    site.settle(settings(service, style=STYLES[style]))
    service.upsets = [None, None, status(500), truncates, hangs_up]
    outcome = site.fetch()
    assert isinstance(outcome.fault, SourceDownError)
    assert site.deliveries() == []
    assert site.leftovers() == []
    before = len(service.asked)
    assert site.accounts(site.brings()[0]) == list(range(1, 9))
    assert len(service.asked) - before == 1
    assert not list((site.means.home.fetching / "grid" / FEED).iterdir())


def test_pages_of_yesterday_are_asked_for_again(site: Site, service: Api) -> None:
    service.upsets = [None, *[status(500)] * 3]
    site.fails()
    site.means = replace(site.means, now=site.means.now + timedelta(hours=25))
    service.asked.clear()
    site.brings()
    assert service.asked[0] == "/v1/paged?page=1"


def test_pages_of_another_question_are_not_used(site: Site, service: Api) -> None:
    service.upsets = [None, *[status(500)] * 3]
    site.fails()
    site.settle(settings(service, style=STYLES["offset"]))
    assert site.accounts(site.brings()[0]) == list(range(1, 9))


def test_a_cursor_that_is_no_longer_known_begins_anew(site: Site, service: Api) -> None:
    site.settle(settings(service, style=STYLES["cursor"]))
    service.upsets = [None, *[status(500)] * 3]
    site.fails()
    service.upsets = [status(410)]
    assert site.accounts(site.brings()[0]) == list(range(1, 9))


def test_a_server_that_asks_for_more_patience_than_we_have_is_left_alone(site: Site, service: Api) -> None:
    service.upsets = [None, status(429, Retry_After="3600")]
    assert "3600 s" in site.fails()
    assert len(service.asked) == 2


def test_what_was_lost_on_the_way_is_noticed_by_the_total(site: Site, service: Api) -> None:
    """A row disappears between two pages, and all after it move up: the walk is made again."""

    def shrinks(handler: Any, body: dict[str, Any]) -> None:
        del service.rows[0]
        handler.reply(json.dumps(body).encode())

    service.upsets = [shrinks]
    assert site.accounts(site.brings()[0]) == list(range(2, 9))
    assert [asked[-1] for asked in service.asked] == ["1", "2", "1", "2", "3"]


def test_a_total_that_is_never_reached_takes_nothing(site: Site, service: Api) -> None:
    def more(handler: Any, body: dict[str, Any]) -> None:
        body["data"]["total"] = 20
        handler.reply(json.dumps(body).encode())

    service.upsets = [more] * 20
    assert "8 rows came of the 20" in site.fails()
    assert site.deliveries() == []


def test_a_server_that_ignores_the_number_of_the_page_is_noticed(site: Site, service: Api) -> None:
    first = rows_of(range(1, 4))
    service.upsets = [repeats(first)] * 20
    assert "the same as an earlier one" in site.fails()


def test_pages_that_lead_in_a_circle_are_noticed(site: Site, service: Api) -> None:
    site.settle(settings(service, style=STYLES["next"]))

    def back(handler: Any, body: dict[str, Any]) -> None:
        body["data"]["next"] = "/v1/next?begin=3"
        handler.reply(json.dumps(body).encode())

    service.upsets = [back, None, back, back, None, back]
    assert "leads back to an earlier one" in site.fails()


def test_a_next_page_on_another_server_is_not_asked(site: Site, service: Api) -> None:
    site.settle(settings(service, style=STYLES["next"]))

    def away(handler: Any, body: dict[str, Any]) -> None:
        body["data"]["next"] = "http://elsewhere.example/v1/next"
        handler.reply(json.dumps(body).encode())

    service.upsets = [away]
    outcome = site.fetch()
    assert isinstance(outcome.fault, SourceRefusedError)
    assert "elsewhere.example" in str(outcome.fault)


@pytest.mark.parametrize("code", [301, 400, 401, 403, 404])
def test_a_refusal_is_final_and_asked_once(site: Site, service: Api, code: int) -> None:
    service.upsets = [status(code)] * 9
    outcome = site.fetch()
    assert isinstance(outcome.fault, SourceRefusedError)
    assert len(service.asked) == 1
    assert site.standing.is_final


@pytest.mark.parametrize("auth", ["bearer", "basic", "header"])
def test_the_login_is_sent_and_never_shown(
    site: Site, service: Api, auth: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    secret = "s3cret-\u53e3\u4ee4" if auth == "basic" else "s3cret-token"
    extra = f'auth = "{auth}"\nuser = "bureau"\n' + ('header = "X-Api-Key"\n' if auth == "header" else "")
    site.settle(settings(service, extra=extra))
    part = "PASSWORD" if auth == "basic" else "TOKEN"
    assert f"WENGANG_SOURCE_GRID_{part}" in site.fails()
    monkeypatch.setenv(f"WENGANG_SOURCE_GRID_{part}", secret)
    assert site.accounts(site.brings()[0]) == list(range(1, 9))
    sent = service.headers[-1]
    expected = {"bearer": f"Bearer {secret}", "header": secret}
    assert sent.get("Authorization", "").startswith("Basic ") or expected[auth] in sent.values()
    service.upsets = [status(401)]
    told = site.fails()
    shown = told + caplog.text + repr(site.ledger.entries("source"))
    assert secret not in shown
    assert sent.get("Authorization", "nothing").split()[-1] not in shown


def test_only_what_changed_since_is_asked_for(site: Site, service: Api) -> None:
    since = TOTAL + 'since_parameter = "since"\nwatermark = "changed"\noverlap = 3600\n'
    site.settle(settings(service, wanted=since))
    assert site.accounts(site.brings()[0]) == list(range(1, 9))
    assert site.brings() == []
    assert service.asked[-1] == "/v1/paged?since=2026-10-01T07%3A00%3A00&page=3"
    service.rows += rows_of(range(9, 10), changed="2026-10-02T08:00:00")
    assert site.accounts(site.brings()[0]) == [9]
    service.rows += rows_of(range(10, 11), changed="2026-10-02T08:00:00")
    assert site.accounts(site.brings()[0]) == [9, 10], "equal to the highest value: the overlap comes again"
    assert site.brings() == []


def test_an_instant_ahead_of_time_does_not_hide_what_is_to_come(site: Site, service: Api) -> None:
    site.settle(settings(service, wanted=TOTAL + 'since_parameter = "since"\nwatermark = "changed"\noverlap = 0\n'))
    service.rows += rows_of(range(9, 10), changed="2099-12-31T00:00:00")
    assert site.accounts(site.brings()[0]) == list(range(1, 10))
    assert site.standing.positions[-1]["high"] == "2026-10-01T08:00:00"
    service.rows += rows_of(range(10, 11), changed="2026-10-02T08:00:00")
    assert 10 in site.accounts(site.brings()[0])
    assert site.brings() == []


def test_a_cursor_may_be_kept_for_the_next_time(site: Site, service: Api) -> None:
    site.settle(settings(service, style=STYLES["cursor"] + "keeps_cursor = true\n", wanted='rows = "data.items"\n'))
    assert site.accounts(site.brings()[0]) == list(range(1, 9))
    service.rows += rows_of(range(9, 11))
    service.asked.clear()
    assert site.accounts(site.brings()[0]) == [7, 8, 9, 10]
    assert service.asked[0] == "/v1/cursor?cursor=c6"


def test_only_a_certificate_that_somebody_vouches_for_is_believed(make_home: MakeHome, tmp_path: Path) -> None:
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("openssl is not on this host")
    certificate = tmp_path / "own.pem"
    asked = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test"]
    made = [*asked, "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(certificate), "-out", str(tmp_path / "c")]
    subprocess.run([program, *made], check=True, capture_output=True)
    with certificate.open("a") as handle:
        handle.write((tmp_path / "c").read_text())
    site = Site(make_home())
    with api(rows_of(range(1, 3)), certificate=certificate) as service:
        plain = settings(service).replace("http://", "https://")
        site.settle(plain)
        assert "nobody here vouches for" in site.fails()
        assert site.standing.is_final
        site.settle(plain.replace("attempts", f'ca_file = "{tmp_path / "nowhere"}"\nattempts'))
        assert "ca_file cannot be read" in site.fails()
        site.settle(plain.replace("attempts", f'ca_file = "{tmp_path / "c"}"\nattempts'))
        assert site.accounts(site.brings()[0]) == [1, 2]


def test_a_slip_in_the_settings_is_told(site: Site, service: Api) -> None:
    site.settle(settings(service).replace('"kwh"', '"kwH"'))
    assert "no row has anything at kwH" in site.fails()
    site.settle(settings(service, wanted='rows = "data"\n'))
    assert "no list of rows at data" in site.fails()
    site.settle(settings(service, style=STYLES["next"].replace("data.next", "data.nxt"), wanted='rows = "data.items"'))
    assert "nothing lies at data.nxt" in site.fails()
    site.settle(settings(service, wanted=TOTAL + 'since_parameter = "since"\nwatermark = "changd"\n'))
    assert "no row has a value at the watermark changd" in site.fails()
    service.rows[0]["kwh"] = {"value": 3}
    site.settle(settings(service))
    assert "kwh holds a list or an object" in site.fails()
    assert site.deliveries() == []


def test_more_than_the_limit_is_refused(site: Site, service: Api) -> None:
    site.settle(settings(service, extra="maximum_bytes = 300"))
    assert "more than 300 bytes" in site.fails()
    assert site.standing.is_final


def test_numbers_arrive_as_they_were_written(site: Site, service: Api) -> None:
    body = '{"data": {"items": [{"account": 1, "code": "%s", "month": "202609", "kwh": 1200.00, "yes": true}]}}'
    raw = (body % uscc(1)).encode()
    service.upsets = [lambda handler, _: handler.reply(raw)]
    columns = COLUMNS.replace("}", ', "真" = "yes", "无" = "none.deep"}')
    style = 'pages = "none"\n'
    site.settle(settings(service, style=style, wanted='rows = "data.items"\n').replace(COLUMNS, columns))
    assert "none.deep" in site.fails()
    service.upsets = [lambda handler, _: handler.reply(raw)]
    columns = COLUMNS.replace("}", ', "真" = "yes"}')
    site.settle(settings(service, style=style, wanted='rows = "data.items"\n').replace(COLUMNS, columns))
    (delivery,) = site.brings()
    (kept,) = (site.means.home.landing / FEED / delivery.batch).glob("original*")
    assert kept.read_text("utf-8").splitlines()[1] == f"1,{uscc(1)},202609,1200.00,true"


@pytest.mark.parametrize("seed", range(8))
def test_whatever_goes_wrong_every_row_comes_once_or_nothing_does(tmp_path: Path, service: Api, seed: int) -> None:
    """Any way of pages, any mixture of faults, fetched until it is done: all rows, each once."""
    dice = random.Random(seed)  # noqa: S311
    service.rows[:] = rows_of(range(1, 2 + dice.randrange(20)))
    service.size, service.tells_total = 1 + dice.randrange(5), dice.random() < 0.5
    faults = [status(500), status(429, Retry_After="0"), truncates, breaks_json, hangs_up, says(data={})]
    style = tomllib.loads(dice.choice(list(STYLES.values())))
    feed = {"columns": {"a": "account"}, "rows": "data.items", "size_parameter": "", **style}
    head = {"kind": "http", "url": service.url, "plain_http": True, "attempts": 2, "backoff_seconds": 0.001}
    reader = Reader(Http, http_api.opened, {**head, "feeds": {FEED: feed}}, tmp_path / "kept")
    for _ in range(40):
        service.upsets = [dice.choice(faults) if dice.random() < 0.3 else None for _ in range(60)]
        try:
            reader.go()
        except SourceDownError:
            assert reader.latest == {}
        else:
            break
    assert sorted(reader.latest) == [row["account"] for row in service.rows]
    assert reader.brought == len(service.rows)


def test_a_kill_before_the_record_brings_nothing_twice(
    site: Site, service: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    class KilledError(BaseException):
        pass

    def kill(*args: object, **said: object) -> None:
        raise KilledError

    with monkeypatch.context() as broken:
        broken.setattr(fetching.positions, "has_landed", kill)
        with pytest.raises(KilledError):
            site.fetch()
    assert site.brings() == []
    assert len(site.deliveries()) == 1


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "Sun, 22 Nov 2026 00:00:30 GMT", "Date": "Sun, 22 Nov 2026 00:00:00 GMT"}, 30),
        ({"Retry-After": "Sun, 22 Nov 2026 00:00:30 GMT"}, 30),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
)
def test_how_long_a_server_wants_to_be_left_alone(headers: dict[str, str], seconds: float | None) -> None:
    assert pause_asked(headers, now=datetime(2026, 11, 22, 8, 0)) == seconds


def test_values_of_a_watermark_compare_and_go_down_as_they_are_written() -> None:
    assert less("2026-10-01T08:00:00Z", 3600) == "2026-10-01T07:00:00Z"
    assert less("2026-10-01 08:00:00.5", 60) == "2026-10-01 07:59:00.500000"
    assert less("2026-10-01", 3600) == "2026-09-30"
    assert less("100", 7) == "93"
    assert less("abc", 7) == "abc"
    assert order("") < order("2") < order("10") < order("2026-10-01") < order("2026-10-01T00:00:00.5") < order("x")
    assert order("2026-10-01T08:00:00+08:00") == order("2026-10-01T00:00:00Z") == order("2026-10-01 08:00:00")
