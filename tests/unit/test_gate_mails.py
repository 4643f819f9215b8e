"""No mail of a night carries what stood in a cell or in the name of a file; the pages inside the bureau do."""

import email
import email.policy
import re
from datetime import date, timedelta
from pathlib import Path

import pytest
from gate_house import FIRST, MONITOR, House, open_house
from ingest_files import INSURANCE, REGISTER, insurance_row, register_row, text, uscc

from pipelines import nightly
from pipelines.errors import GateClosedError
from pipelines.nightly import Means
from pipelines.stages.gate import core_suite, judging

COMPANY = "连云港甲乙丙机械有限公司"
MONDAY = date(2025, 4, 14)
ADDRESSES = 'county = {320703 = ["east@localhost", "boss@example.com"]}'


@pytest.fixture
def house(tmp_path: Path) -> House:
    house = open_house(tmp_path)
    settings = house.home.settings_file
    words = settings.read_text(encoding="utf-8").replace('# county = {320706 = ["haizhou@localhost"]}', ADDRESSES)
    assert ADDRESSES in words
    settings.write_text(words, encoding="utf-8")
    return house


def spoil(house: House) -> None:
    """Refused files of a known and of no known feed, files beyond tolerance, each named after a company."""
    wrong = register_row(3, 统一社会信用代码=uscc(3)[:-1] + "I")
    house.take("enterprise_register", f"{COMPANY}登记变更.csv", text([REGISTER, wrong]), days=0.1)
    house.take("", f"{COMPANY}名单.csv", "甲,乙\n1,2\n", days=0.2)
    monitored = [[uscc(n), "202503", "9", "-4"] for n in range(20)]
    house.take("employment_monitor", f"{COMPANY}监测.csv", text([MONITOR, *monitored, [uscc(30), "202503", "9", "9"]]))
    before = [insurance_row(n, "202502", **({"失业保险参保人数": "500"} if n == 20 else {})) for n in range(40)]
    house.take("insurance_month", f"{COMPANY}参保二月.csv", text([INSURANCE, *before]))
    rows = [insurance_row(n, **({"失业保险参保人数": f"{COMPANY}{n}"} if n < 10 else {})) for n in range(40)]
    house.take("insurance_month", f"{COMPANY}参保.csv", text([INSURANCE, *rows]), days=0.3)


def mails(house: House) -> list[str]:
    """Every mail as its reader sees it, in order: head and both bodies."""
    found = []
    for mail in house.ledger.mails():
        message = email.message_from_string(mail.content, policy=email.policy.default)
        parts = [part.get_content() for part in message.iter_parts()]
        found.append("\n".join([mail.template, str(message["Subject"]), *parts]))
    return found


def test_no_mail_names_a_company_or_a_code(house: House) -> None:
    spoil(house)
    means = Means(home=house.home, now=FIRST + timedelta(days=8), threads=1)
    with pytest.raises(GateClosedError, match=COMPANY):
        nightly.run(means, as_of=MONDAY)
    nightly.override(means, as_of=MONDAY, reason=f"{COMPANY}已电话核实")
    outcome = nightly.run(means, as_of=MONDAY)
    told = mails(house)
    assert {mail.splitlines()[0] for mail in told} == {"held", "edition", "county", "outer"}
    for mail in told:
        assert "有限公司" not in mail
        assert "91320700" not in mail
        assert ".csv" not in mail
    page = (outcome.folder / "briefing.html").read_text(encoding="utf-8")
    assert f"人工放行：{COMPANY}已电话核实" in page
    assert f"{COMPANY}参保.csv" in page


def test_a_held_mail_says_what_to_do_about_which_file(house: House) -> None:
    spoil(house)
    means = Means(home=house.home, now=FIRST + timedelta(days=8), threads=1)
    with pytest.raises(GateClosedError):
        nightly.run(means, as_of=MONDAY)
    batch = house.ledger.deliveries()[-1].batch
    [mail] = mails(house)
    assert f"单位月度参保缴费文件（批次{batch[:8]}，2025-04-06 16:42收到）40行中10行（25.0%）被隔离" in mail
    assert "“失业保险参保人数" in mail
    assert f"或由负责人决定撤回批次{batch[:8]}" in mail
    assert "wengang" not in mail


def test_a_mail_does_not_repeat_what_an_expectation_said(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.insurance("参保202503.csv")
    outcome = judging.validate

    def failing(suite: object, frame: object) -> list[object]:
        return [
            type(found)(found.check, found.row_count, exception=f"could not read {COMPANY}")
            for found in outcome(suite, frame)  # type: ignore[arg-type]
        ]

    monkeypatch.setattr(judging, "validate", failing)
    night = house.gate()
    assert night.verdict == "关闭"
    assert "本身出错" in night.mail
    assert COMPANY not in night.mail + "".join(row["mail_text"] for row in night.results)
    assert COMPANY in "".join(row["observed_text"] for row in night.results)


def test_no_action_of_the_core_suite_names_a_command_or_a_setting() -> None:
    actions = {name: re.sub(r"\{\w+\}", "", check.action) for name, check in core_suite.rules().items()}
    assert len(actions) > 20
    assert not [name for name, action in actions.items() if re.search("[A-Za-z]{3}", action)]
