"""An issued edition is taken back: nobody goes on using it, all who had it are told, and the record stays whole."""

import shutil
import sys
from datetime import date, datetime
from email import message_from_string
from pathlib import Path

import pytest
from click.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))

from nights import FIRST, SECOND, cutoff_of
from running_home import queue

from pipelines import nightly, replay, watching, withdrawing
from pipelines.cli import main
from pipelines.errors import NotFoundError, StageOrderError, UsageError
from pipelines.ledger import Ledger
from pipelines.nightly import Means
from pipelines.settings import Home
from pipelines.stages.alert.message import slug
from pipelines.stages.edition import document

ROLE, REASON = "就业科", "海关数据重复计入"


@pytest.fixture
def copied(issued_home: Path, tmp_path: Path) -> Means:
    """The means of a copy of the home with two editions."""
    from conftest import NOW

    shutil.copytree(issued_home, tmp_path / "copy", symlinks=True)
    return Means(home=Home(tmp_path / "copy"), now=NOW)


def withdraw(means: Means, day: date = SECOND) -> withdrawing.Withdrawn:
    return withdrawing.withdraw(means, f"{day}-r1", role=ROLE, reason=REASON)


def current(means: Means) -> str:
    return (means.home.published / "current.duckdb").resolve().stem.removeprefix("wengang-")


def texts(ledger: Ledger, number: str) -> dict[str, str]:
    """Recipient → the words of the mail under ``number``."""
    found = {}
    for mail in ledger.mails(edition_id=number):
        plain = message_from_string(mail.content).get_payload(0)
        found[mail.recipient] = plain.get_payload(decode=True).decode()  # type: ignore[union-attr]
    return found


def test_all_who_had_the_list_are_told_and_the_one_before_is_in_force(copied: Means) -> None:
    ledger = Ledger(copied.home.ledger)
    had = {mail.recipient for mail in ledger.mails(edition_id=f"{SECOND}-r1")}
    done = withdraw(copied)
    assert (done.in_force, done.corrections, done.refusal) == (f"{FIRST}-r1", len(had), "")
    assert current(copied) == f"{FIRST}-r1"
    told = texts(ledger, f"{SECOND}-r1-withdrawn")
    assert set(told) == had
    assert had
    for text in told.values():
        assert f"{SECOND} 第1版名单撤回" in text
        assert ROLE in text
        assert REASON in text
        assert f"按 {FIRST} 第1版名单办理" in text
    assert REASON in (copied.home.editions / f"{SECOND}" / "r1-已撤回.txt").read_text(encoding="utf-8")
    assert not ledger.unsent()
    assert [e.status for e in ledger.editions()] == ["issued", "withdrawn"]


def test_said_twice_it_tells_nobody_twice(copied: Means) -> None:
    withdraw(copied)
    before = len(Ledger(copied.home.ledger).mails())
    later = Means(home=copied.home, now=datetime(2026, 11, 24, 9))
    again = withdrawing.withdraw(later, f"{SECOND}-r1", role="另一科室", reason="另一原因")
    ledger = Ledger(copied.home.ledger)
    assert again.corrections > 0
    assert len(ledger.mails()) == before
    assert [entry["role"] for entry in ledger.entries("edition_withdrawn")] == [ROLE]


def test_a_mail_that_waits_never_leaves(copied: Means) -> None:
    ledger = Ledger(copied.home.ledger)
    queue(ledger, f"{SECOND}-r1", at=copied.now, recipient="late@example.org", sent=False)
    withdraw(copied)
    assert not ledger.unsent()
    outer = texts(ledger, f"{SECOND}-r1-withdrawn")["late@example.org"]
    assert "停止使用" in outer
    assert REASON not in outer
    assert ROLE not in outer
    assert not (copied.home.outbox / f"{SECOND}-r1-{slug('late@example.org')}.eml").exists()
    sent = {entry["subject"] for entry in ledger.entries("sent")}
    [late] = [m for m in ledger.mails(edition_id=f"{SECOND}-r1") if m.recipient == "late@example.org"]
    assert late.message_id not in sent


def test_the_night_made_again_has_a_new_number_and_the_old_one_is_rebuilt(copied: Means) -> None:
    withdraw(copied)
    again = nightly.run(copied, as_of=SECOND, cutoff=cutoff_of(SECOND))
    assert (again.edition_id, again.status) == (f"{SECOND}-r2", "issued")
    ledger = Ledger(copied.home.ledger)
    assert ledger.editions()[-1].previous == f"{FIRST}-r1"
    assert current(copied) == f"{SECOND}-r2"
    assert nightly.run(copied, as_of=SECOND, cutoff=cutoff_of(SECOND)).status == "unchanged"
    for revision in (1, 2):
        assert replay.replay(copied, as_of=SECOND, revision=revision).equal


def test_the_next_night_is_compared_with_the_edition_in_force(copied: Means) -> None:
    withdraw(copied)
    third = date(2026, 11, 16)
    nightly.run(copied, as_of=third, cutoff=cutoff_of(third))
    assert Ledger(copied.home.ledger).editions()[-1].previous == f"{FIRST}-r1"
    withdraw(copied, FIRST)
    assert replay.replay(copied, as_of=third, revision=1).equal


def test_the_watch_says_that_today_has_no_list(copied: Means) -> None:
    ledger, ten = Ledger(copied.home.ledger), datetime(2026, 11, 12, 10)
    assert watching.late_edition(ledger, now=ten, due=ten.time()) is None
    withdraw(copied)
    fault = watching.late_edition(ledger, now=ten, due=ten.time())
    assert fault is not None
    assert "已撤回" in fault.text


def test_what_never_went_out_is_refused(copied: Means) -> None:
    with pytest.raises(NotFoundError, match=f"{SECOND}-r1"):
        withdrawing.withdraw(copied, "2026-11-30-r1", role=ROLE, reason=REASON)
    with pytest.raises(UsageError):
        withdrawing.withdraw(copied, f"{SECOND}-r1", role=ROLE, reason=" ")


def test_the_command_says_what_is_in_force(copied: Means) -> None:
    run = CliRunner().invoke(
        main,
        ["--home", str(copied.home.root), "edition", "withdraw", f"{FIRST}-r1", "--by", ROLE, "--reason", REASON],
    )
    assert run.exit_code == 0, run.output
    assert f"现行名单：{SECOND}-r1" in run.output


def test_its_publish_step_run_again_brings_nothing_back(copied: Means) -> None:
    withdraw(copied)
    with pytest.raises(StageOrderError, match="taken back"):
        nightly.step(copied, name="publish", as_of=SECOND, cutoff=cutoff_of(SECOND))
    assert current(copied) == f"{FIRST}-r1"


def test_a_number_of_the_withdrawn_list_stays_with_its_enterprise(copied: Means) -> None:
    gone = document.recall(copied.home.editions / SECOND.isoformat() / "r1")
    withdraw(copied)
    third = date(2026, 11, 16)
    nightly.run(copied, as_of=third, cutoff=cutoff_of(third))
    now = document.recall(copied.home.editions / third.isoformat() / "r1")
    owners = {entry.warning_no: code for code, entry in gone.listed.items()}
    assert {owners.get(entry.warning_no, code) for code, entry in now.listed.items()} == set(now.listed)
    assert {
        now.listed[code].warning_no == gone.listed[code].warning_no for code in set(now.listed) & set(gone.listed)
    } == {True}


def test_an_older_list_taken_back_leaves_the_later_one_in_force(copied: Means) -> None:
    done = withdraw(copied, FIRST)
    assert (done.in_force, done.is_later) == (f"{SECOND}-r1", True)
    for text in texts(Ledger(copied.home.ledger), f"{FIRST}-r1-withdrawn").values():
        assert f"现行的 {SECOND} 第1版名单不受影响" in text
        assert "另行发送" not in text
