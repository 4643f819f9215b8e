"""Mails: once per edition and recipient, retried without doubling, and no word more than the recipient may read."""

import email
import email.policy
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import response_frames
from aiosmtpd.controller import Controller
from edition_frames import AS_OF, EDITION, fill, in_memory, make_run, settings, warning

from pipelines.errors import SendingError
from pipelines.ledger import Ledger, Mail
from pipelines.run import Receipt
from pipelines.settings import Settings
from pipelines.stages import alert

NOW = datetime(2026, 11, 12, 6, 30)
MONDAY = date(2026, 11, 16)
COUNTY = {"990101": ("east@localhost",), "990103": ("port@localhost",)}


@dataclass
class Server:
    """A mail server that keeps what it takes and refuses whom it is told to."""

    refused: set[str] = field(default_factory=set)
    taken: list[tuple[str, bytes]] = field(default_factory=list)

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if address in self.refused:
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.taken += [(address, envelope.content) for address in envelope.rcpt_tos]
        return "250 OK"


@pytest.fixture
def post() -> Iterator[tuple[Server, dict[str, Any]]]:
    server = Server()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(server, hostname="127.0.0.1", port=port)
    controller.start()
    yield server, {"smtp_host": "127.0.0.1", "smtp_port": port, "smtp_security": "none"}
    controller.stop()


def night(root: Path, rows: list[dict[str, Any]], *, site: Settings, **edition: Any) -> tuple[Receipt, Ledger]:
    revision = edition.get("revision", 1)
    as_of = edition.pop("on", AS_OF)
    warehouse = in_memory()
    fill(warehouse, rows, **edition)
    root.mkdir(exist_ok=True)
    ledger = Ledger(root / "ledger.sqlite")
    run = make_run(root, site=site, as_of=as_of, revision=revision)
    receipt = alert.run(run, warehouse, ledger, now=NOW)
    assert receipt.adds_up
    return receipt, ledger


def words(mail: Mail) -> tuple[str, str]:
    message = email.message_from_string(mail.content, policy=email.policy.default)
    plain = message.get_body(("plain",))
    html = message.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert not list(message.iter_attachments())
    return str(message["Subject"]), plain.get_content()


def by_recipient(ledger: Ledger) -> dict[str, Mail]:
    return {mail.recipient: mail for mail in ledger.mails()}


def quiet_rows(count: int) -> list[dict[str, Any]]:
    return [warning(n, change_kind="持续") for n in range(count)]


def test_without_a_server_mails_are_files_with_the_same_bytes(tmp_path: Path) -> None:
    rows = [warning(n) for n in range(50)]
    for home in ("one", "two"):
        night(tmp_path / home, rows, site=settings(county=COUNTY))
    first, second = (sorted((tmp_path / home / "outbox").iterdir()) for home in ("one", "two"))
    assert len(first) == 3
    assert [path.name for path in first] == [path.name for path in second]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert all(path.name.startswith(f"{EDITION}-") and "localhost" not in path.name for path in first)


def test_running_again_neither_writes_nor_sends_again(tmp_path: Path, post: Any) -> None:
    server, smtp = post
    site = settings(county=COUNTY, **smtp)
    rows = [warning(n) for n in range(50)]
    receipt, _ = night(tmp_path, rows, site=site)
    assert receipt.rows_out == 3
    again, ledger = night(tmp_path, rows, site=site)
    assert again.rows_out == 0
    assert again.dropped == {"queued before": 3}
    assert sorted(address for address, _ in server.taken) == ["duty@localhost", "east@localhost", "port@localhost"]
    assert not ledger.unsent()


def test_a_refused_recipient_waits_and_the_others_leave(tmp_path: Path, post: Any) -> None:
    server, smtp = post
    site = settings(duty=("gone@localhost", "duty@localhost"), county=COUNTY, **smtp)
    server.refused = {"gone@localhost"}
    with pytest.raises(SendingError, match=r"1 of 4 mails.*550") as caught:
        night(tmp_path, [warning(n) for n in range(50)], site=site)
    assert "gone@localhost" not in str(caught.value)
    ledger = Ledger(tmp_path / "ledger.sqlite")
    assert [mail.recipient for mail in ledger.unsent()] == ["gone@localhost"]
    server.refused = set()
    assert alert.deliver(site, ledger, tmp_path / "outbox", now=NOW) == (1, 0)
    assert alert.deliver(site, ledger, tmp_path / "outbox", now=NOW) == (0, 0)
    assert len(server.taken) == len({address for address, _ in server.taken}) == 4


def test_a_dead_server_leaves_everything_queued(tmp_path: Path, post: Any) -> None:
    server, smtp = post
    dead = settings(county=COUNTY, smtp_host="127.0.0.1", smtp_port=1, smtp_security="none")
    with pytest.raises(SendingError, match="3 of 3 mails"):
        night(tmp_path, [warning(n) for n in range(50)], site=dead)
    ledger = Ledger(tmp_path / "ledger.sqlite")
    assert len(ledger.unsent()) == 3
    queued = {mail.recipient: mail.content.encode() for mail in ledger.unsent()}
    assert alert.deliver(settings(county=COUNTY, **smtp), ledger, tmp_path / "outbox", now=NOW) == (3, 0)
    assert {address: content.rstrip() for address, content in server.taken} == {
        address: content.rstrip() for address, content in queued.items()
    }


def test_a_user_without_a_password_is_told(tmp_path: Path, post: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    _, smtp = post
    monkeypatch.delenv("WENGANG_SMTP_PASSWORD", raising=False)
    with pytest.raises(SendingError, match="WENGANG_SMTP_PASSWORD"):
        night(tmp_path, [], site=settings(smtp_user="wengang", **smtp))


def test_the_duty_officers_mail_has_what_to_do_and_no_names(tmp_path: Path) -> None:
    _, ledger = night(tmp_path, [warning(n) for n in range(50)], site=settings())
    mail = by_recipient(ledger)["duty@localhost"]
    subject, text = words(mail)
    assert subject == "【模拟数据】【就业风险预警】2026-11-12 第1版：红1 橙4 黄12 蓝33（新增13 升级2）——请按时限反馈"
    for part in (
        "一、结论",
        "东城区　10家：红1 橙0 黄3 蓝6",
        "YJ202611-0001　东城区",
        "单月大幅减员：50家",
        "时限：",
        "海关出口（滞后）",
    ):
        assert part in text
    message = email.message_from_string(mail.content, policy=email.policy.default)
    assert "有限公司" not in "".join(part.get_content() for part in message.iter_parts())
    assert "91990100MA" not in text
    assert message["Date"].datetime.isoformat() == "2026-11-12T02:00:00+08:00"
    assert message["Message-ID"].startswith(f"<{EDITION}.")


def test_a_day_without_change_is_three_lines(tmp_path: Path) -> None:
    _, ledger = night(tmp_path, quiet_rows(9), site=settings(county=COUNTY), changes=False)
    assert [mail.template for mail in ledger.mails()] == ["unchanged"]
    subject, text = words(ledger.mails()[0])
    assert "与上期相同" in subject
    assert len([line for line in text.splitlines() if line]) == 3


def test_all_clear_has_a_template_of_its_own(tmp_path: Path) -> None:
    _, ledger = night(tmp_path, [], site=settings(county=COUNTY))
    assert [(mail.recipient, mail.template) for mail in ledger.mails()] == [("duty@localhost", "all_clear")]
    subject, text = words(ledger.mails()[0])
    assert "无预警企业" in subject
    assert "误报反馈" not in text, "there is nothing to report on"


def test_a_county_hears_of_its_own_entries_only(tmp_path: Path) -> None:
    rows = [warning(0), *(warning(n, change_kind="持续") for n in range(1, 10))]
    receipt, ledger = night(tmp_path, rows, site=settings(county=COUNTY))
    assert receipt.dropped == {"nothing new for the county": 1}
    _, text = words(by_recipient(ledger)["east@localhost"])
    assert "YJ202611-0001" in text
    assert "西城区" not in text
    assert "预警名单.xlsx" not in text, "that is the city's list"
    assert "“走访表”中本县区的一份" in text


def test_a_county_hears_on_the_day_on_which_something_is_late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on_time = response_frames.order_rows

    def yesterday(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{**order, "due_on": date(2026, 11, 11)} for order in on_time(rows)]

    monkeypatch.setattr(response_frames, "order_rows", yesterday)
    _, ledger = night(tmp_path, quiet_rows(9), site=settings(county=COUNTY), changes=False)
    _, text = words(by_recipient(ledger)["port@localhost"])
    assert "逾期未办：港口新区 2家2件。请责任单位当日办理并发回走访表" in text
    assert "东城区" not in text
    assert "east@localhost" not in by_recipient(ledger), "nothing is late there"


def test_counties_get_a_digest_on_mondays(tmp_path: Path) -> None:
    _, ledger = night(tmp_path, quiet_rows(10), site=settings(county=COUNTY), on=MONDAY, changes=False)
    assert sorted(by_recipient(ledger)) == ["duty@localhost", "east@localhost", "port@localhost"]
    assert "周一汇总" in words(by_recipient(ledger)["port@localhost"])[0]


def test_a_county_without_a_case_hears_on_mondays_that_there_is_nothing_to_do(tmp_path: Path) -> None:
    _, ledger = night(tmp_path, [], site=settings(county=COUNTY), on=MONDAY)
    _, text = words(by_recipient(ledger)["port@localhost"])
    assert "港口新区本期没有预警企业，无须办理。" in text
    assert not any(part in text for part in ("0 家", "误报反馈", "办理事项"))


def test_a_mail_fits_a_phone(tmp_path: Path) -> None:
    _, ledger = night(tmp_path, [warning(0)], site=settings())
    message = email.message_from_string(ledger.mails()[0].content, policy=email.policy.default)
    html = message.get_body(("html",))
    assert html is not None
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in html.get_content()


def test_a_revision_that_tells_a_county_nothing_new_is_not_sent_to_it(tmp_path: Path) -> None:
    rows = [warning(n) for n in range(50)]
    site = settings(county=COUNTY)
    night(tmp_path, rows, site=site)
    receipt, ledger = night(tmp_path, rows, site=site, revision=2)
    assert receipt.dropped == {"told by an earlier revision": 2}
    assert [mail.recipient for mail in ledger.mails(edition_id="2026-11-12-r2")] == ["duty@localhost"]
    receipt, _ = night(tmp_path, [warning(0, colour="橙"), *rows[1:]], site=site, revision=3)
    assert receipt.dropped == {"told by an earlier revision": 1}


def test_a_recipient_of_several_counties_gets_one_mail(tmp_path: Path) -> None:
    site = settings(county={"990101": ("both@localhost",), "990103": ("both@localhost", "duty@localhost")})
    _, ledger = night(tmp_path, [warning(n) for n in range(50)], site=site)
    assert sorted(by_recipient(ledger)) == ["both@localhost", "duty@localhost"]
    subject, _ = words(by_recipient(ledger)["both@localhost"])
    assert "东城区、港口新区 红1" in subject


@pytest.mark.parametrize(("count", "shown"), [(50, "50家"), (2, "少于3家"), (0, "0家")])
def test_other_domains_get_a_count_and_nothing_else(tmp_path: Path, count: int, shown: str) -> None:
    site = settings(duty=("boss@example.com",))
    _, ledger = night(tmp_path, [warning(n) for n in range(count)], site=site)
    subject, text = words(ledger.mails()[0])
    assert shown.replace(" ", "") in text.replace(" ", "")
    assert "红" not in subject + text
    assert "YJ2026" not in text
    assert "东城区" not in text


def test_a_closed_gate_says_why_and_what_to_do(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite")
    run = make_run(tmp_path, site=settings(duty=("duty@localhost", "boss@example.com"), county=COUNTY))
    reasons = ["单位月度参保缴费（参保202610.csv）：参保人数无法识别", "参保人数环比下降超过25%"]
    receipt = alert.held(run, ledger, reasons=reasons, previous="2026-11-11-r1", edition_id=EDITION, now=NOW)
    assert receipt.adds_up
    subject, text = words(by_recipient(ledger)["duty@localhost"])
    assert "今晚无名单" in subject
    for part in (*reasons, "2026-11-11 第1版继续有效", "撤回该批次", "人工放行"):
        assert part in text
    assert re.findall("[A-Za-z]{3,}", text) == ["csv"]
    _, outer = words(by_recipient(ledger)["boss@example.com"])
    assert "参保202610" not in outer
    again = alert.held(run, ledger, reasons=reasons, previous="2026-11-11-r1", edition_id=EDITION, now=NOW)
    assert again.rows_out == 0


def test_a_subject_keeps_its_spaces_wherever_it_is_folded(tmp_path: Path) -> None:
    county = {"990103": ("port@localhost",)}
    _, ledger = night(tmp_path, [warning(n) for n in range(50)], site=settings(county=county))
    subject, _ = words(by_recipient(ledger)["port@localhost"])
    assert "红0 橙1 黄2 蓝7" in subject
