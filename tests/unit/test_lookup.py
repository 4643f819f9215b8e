"""Look-ups without SQL: every table offered is found, filtered, explained; rows leave on record, or not at all.

The page answers for real on a free port, and is drawn where a browser is installed.
"""

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import httpx
import polars as pl
import pytest
from click.testing import CliRunner

from pipelines import cli, lookup, lookup_server, lookup_view, star
from pipelines import contracts as contract_files
from pipelines.errors import NotFoundError
from pipelines.ledger import Ledger
from pipelines.lookup import Asked, Desk
from pipelines.means import Means

ROWS: dict[str, list[dict[str, Any]]] = {
    "out.edition": [
        {
            "edition_id": "2026-11-12-r1",
            "reference_month": date(2026, 10, 1),
            "cutoff": datetime(2026, 11, 12, 2),
            "is_simulated": True,
        }
    ],
    "out.warning": [
        {
            "warning_no": f"YJ{number}",
            "colour": "红" if number < 3 else "黄",
            "enterprise_no": number,
            "enterprise_id": f"A{number}",
            "enterprise_name": f"模拟<b>{number}厂",
            "county_name": "东海县" if number % 2 else "赣榆区",
            "insured_persons": 1000 * number,
            "rank_city": number,
        }
        for number in range(1, 41)
    ],
    "out.enterprise": [
        {
            "enterprise_no": 1,
            "enterprise_id": "A1",
            "enterprise_name": "模拟1厂",
            "county_name": "东海县",
            "arrears_fen": 1250,
            "is_us_exporter": True,
        }
    ],
    "out.enterprise_month": [{"enterprise_no": 1, "month": date(2026, month, 1)} for month in (9, 10)],
}
WARNING = lookup.titled("预警名单")


@pytest.fixture
def desk(make_home: Callable[..., Means]) -> Desk:
    means, contracts = make_home(), contract_files.load()
    with duckdb.connect(str(means.home.published / "current.duckdb")) as connection:
        connection.execute("CREATE SCHEMA out")
        for name, table in contracts.tables.items():
            if table.schema_name == "out":
                connection.execute(contracts.ddl(name))
                for row in ROWS.get(name, ()):
                    marks = ", ".join("?" * len(row))
                    connection.execute(f"INSERT INTO {name} ({', '.join(row)}) VALUES ({marks})", list(row.values()))
    return Desk(lambda: means)


@pytest.mark.parametrize("one", lookup.LOOKUPS, ids=lambda one: one.table)
def test_every_table_offered_is_found_and_explained(desk: Desk, one: lookup.Lookup) -> None:
    found = desk.find(one, Asked(has_all_columns=True))
    assert found.columns
    assert set(one.first) <= {column.name for column in found.columns}
    assert not {"enterprise_no", "edition_id"} & {column.name for column in found.columns}
    told = lookup_view.meanings(found) + lookup_view.table(found, 1) + lookup_view.cautions(one)
    assert star.load().tables[one.table].grain in told
    for _, caution in star.load().cautions_of(one.table):
        assert caution.chinese in told or caution is star.load().cautions["internal"]
    desk.choices(one)


def test_filters_search_and_pages(desk: Desk) -> None:
    assert desk.choices(WARNING) == {"county_name": ["东海县", "赣榆区"], "industry_name": [], "colour": ["红", "黄"]}
    assert desk.find(WARNING, Asked()).total == 40
    assert desk.find(WARNING, Asked({"county_name": "东海县", "colour": "红"})).rows["warning_no"].to_list() == ["YJ1"]
    assert desk.find(WARNING, Asked({"colour": None}, "a4")).total == 2
    assert desk.find(WARNING, Asked(search="' OR 1=1")).total == 0
    assert desk.find(WARNING, Asked(), page=2).rows["warning_no"].to_list() == [f"YJ{n}" for n in range(31, 41)]
    with pytest.raises(NotFoundError):
        lookup.titled("没有这张表")
    months = lookup.titled("企业各月参保")
    assert desk.choices(months)["month"] == [date(2026, 10, 1), date(2026, 9, 1)]
    assert desk.find(months, Asked({"month": date(2026, 9, 1)}, "模拟1")).total == 1


def test_what_is_shown_is_chinese_escaped_and_never_zero_for_unknown(desk: Desk) -> None:
    page = lookup_view.table(desk.find(WARNING, Asked()), 1)
    assert "模拟&lt;b&gt;1厂" in page
    assert "共 40 行，第 1 页，共 2 页" in page
    assert f"<td>{lookup.UNKNOWN}</td>" in page
    assert 'class="红"' in page
    assert "没有符合条件的行" in lookup_view.table(desk.find(WARNING, Asked(search="无")), 1)
    enterprises = desk.find(lookup.titled("企业"), Asked(has_all_columns=True))
    arrears = next(column for column in enterprises.columns if column.name == "arrears_fen")
    assert (lookup.heading(arrears), lookup.text(1250, arrears)) == ("欠费金额（元）", "12.50")
    banner = lookup_view.banner(desk.edition())
    assert "模拟数据" in banner
    assert star.load().cautions["internal"].chinese in banner


def test_rows_leave_on_record_with_a_purpose_or_not_at_all(desk: Desk) -> None:
    ledger, asked = Ledger(desk.means().home.ledger), Asked({"colour": "红"})
    assert lookup_view.handed_out(desk, WARNING, asked, purpose=" ") == (None, "请先写明用途，用途将登记备查。")
    assert ledger.entries("export") == []
    content, line = lookup_view.handed_out(desk, WARNING, asked, purpose="核对")
    assert content is not None
    assert len(content.decode("utf-8-sig").splitlines()) == 3
    assert line.startswith("已登记：预警名单，2 行")
    (entry,) = ledger.entries("export")
    assert (entry["what"], entry["rows"], entry["purpose"]) == ("查询页面（预警名单，csv）", 2, "核对")


def test_an_edition_that_was_taken_back_gives_nothing_and_says_so(desk: Desk) -> None:
    desk.path.unlink()
    content, line = lookup_view.handed_out(desk, WARNING, Asked(), purpose="核对")
    assert (content, "没有可读的期次" in line) == (None, True)
    assert Ledger(desk.means().home.ledger).entries("export") == []


def test_what_leaves_has_the_unit_that_its_heading_names(desk: Desk) -> None:
    asked = Asked(has_all_columns=True)
    content, line = lookup_view.handed_out(desk, lookup.titled("企业"), asked, purpose="<b>核对</b>")
    assert content is not None
    [row] = pl.read_csv(content).to_dicts()
    assert (row["欠费金额（元）"], row["是否涉美出口企业"], row["是否派遣或代理单位"]) == (12.5, "是", None)
    assert "<b>" not in line


def test_without_the_extra_the_command_says_how_to_install_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup_server, "is_installed", lambda: False)
    done = CliRunner().invoke(cli.main, ["--home", str(desk.means().home.root), "lookup"])
    assert done.exit_code == 2
    assert "pip install 'wengang[analysts]'" in done.output


@contextmanager
def served(desk: Desk) -> Iterator[str]:
    """The address that the command prints, while it runs on a free port."""
    if not lookup_server.is_installed():
        pytest.skip("marimo is not installed: pip install 'wengang[analysts]'")
    with socket.socket() as taken:
        taken.bind((lookup_server.HOST, 0))
        port = taken.getsockname()[1]
    start = [sys.executable, "-c", "from pipelines.cli import main; main()", "--home", str(desk.means().home.root)]
    command = [*start, "lookup", "--port", str(port)]
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().strip()
            _wait(lambda: httpx.get(address.split("?")[0], follow_redirects=False).status_code > 0)
            yield address
        finally:
            process.terminate()


def _wait(is_there: Callable[[], bool], *, tries: int = 600) -> None:
    for _ in range(tries):
        try:
            if is_there():
                return
        except (httpx.TransportError, OSError):
            pass
        time.sleep(0.1)
    pytest.fail("it never answered")


def test_the_page_answers_those_with_the_key_and_is_drawn(desk: Desk, tmp_path: Path) -> None:
    with served(desk) as address:
        assert address.startswith("http://127.0.0.1:")
        bare = address.split("?")[0]
        assert "请使用启动时给出的完整地址" in httpx.get(bare, follow_redirects=True).text
        with httpx.Client(follow_redirects=True) as reader:
            page = reader.get(address)
            assert page.status_code == 200
            assert "稳岗数据查询" in page.text
            for closed in ("api/export/html", "api/kernel/run", "api/files/list_files", "api/export/auto_export/html"):
                assert reader.get(f"{bare}{closed}").status_code == 403
        browser = shutil.which("chromium") or shutil.which("google-chrome")
        if browser is None:
            pytest.skip("answered; no Chromium is installed to draw it")
        text, asked = _drawn(browser, address, tmp_path, until=("取数登记", "一行是什么"))
        for words in ("内部资料", "预警名单", "一行是什么", "模拟<b>1厂", "各字段的含义", "取数登记"):
            assert words in text
        assert [url for url in asked if not url.startswith((bare, "data:"))] == []


def test_without_an_edition_the_page_says_so_and_who_makes_one(desk: Desk, tmp_path: Path) -> None:
    assert lookup_view.unread(desk) is None
    desk.path.unlink()
    told = lookup_view.unread(desk)
    assert told is not None
    assert "目前没有可查的期次" in told
    assert "系统管理员" in told
    with served(desk) as address:
        browser = shutil.which("chromium") or shutil.which("google-chrome")
        if browser is None:
            pytest.skip("answered; no Chromium is installed to draw it")
        text, _ = _drawn(browser, address, tmp_path, until=("系统管理员",))
        assert text.split(lookup.NO_EDITION)[1].strip() == "", "nothing else is drawn, no error and no table"


def _drawn(browser: str, address: str, folder: Path, *, until: tuple[str, ...]) -> tuple[str, list[str]]:
    """What a browser shows of ``address`` once ``until`` is drawn, and every address that it asked for."""
    client = pytest.importorskip("websockets.sync.client")
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}", "--remote-debugging-port=0"]
    with subprocess.Popen([browser, *options, "about:blank"], stderr=subprocess.DEVNULL) as process:
        try:
            told = folder / "DevToolsActivePort"
            _wait(lambda: told.is_file() and len(told.read_text().split()) == 2)
            tabs = httpx.get(f"http://127.0.0.1:{told.read_text().split()[0]}/json").json()
            page = next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page")
            with client.connect(page, max_size=None) as line:
                return _read(line, address, until)
        finally:
            process.terminate()


WHOLE_TEXT = """(function read(root) { return [...root.childNodes].map(one => one.nodeType === 3 ? one.data
  : one.nodeName === "SCRIPT" ? "" : (one.shadowRoot ? read(one.shadowRoot) : "") + read(one)).join("")
})(document.body)"""


def _read(line: Any, address: str, until: tuple[str, ...]) -> tuple[str, list[str]]:
    asked: list[str] = []

    def call(number: int, method: str, **parameters: Any) -> dict[str, Any]:
        line.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            heard = json.loads(line.recv(timeout=60))
            if heard.get("method") == "Network.requestWillBeSent":
                asked.append(heard["params"]["request"]["url"])
            if heard.get("id") == number:
                return dict(heard["result"])

    call(1, "Network.enable")
    call(2, "Page.navigate", url=address)
    for number in range(3, 300):
        shown = call(number, "Runtime.evaluate", expression=WHOLE_TEXT, returnByValue=True)
        text = str(shown["result"].get("value", ""))
        if all(words in text for words in until):
            return text, asked
        time.sleep(0.2)
    pytest.fail("the page was never drawn")
