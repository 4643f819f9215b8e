"""The watch: what it finds, that each fault is mailed once a day, and that it never gets in the way of a night."""

import email
import email.policy
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, time, timedelta

import pytest
from running_home import at, decide, publish, queue, receipts, refuse

from pipelines import doctor, watching
from pipelines.errors import BusyError, LateError
from pipelines.ledger import Ledger, Mail
from pipelines.means import Means
from pipelines.warehouse import lock
from pipelines.watching import Fault

MakeHome = Callable[..., Means]
TODAY = date(2026, 11, 12)
DUE = time(6, 30)


@pytest.fixture
def house(make_home: MakeHome) -> Means:
    """An empty home at 06:30 of the day."""
    return replace(make_home(), now=at(TODAY, 6, 30))


def settle(means: Means, text: str) -> None:
    """Settings of the home, other than the demo's."""
    means.home.settings_file.write_text(text, encoding="utf-8")


def ledger_of(means: Means) -> Ledger:
    return Ledger(means.home.ledger)


def keys(faults: list[Fault], *severities: str) -> list[str]:
    return [fault.key for fault in faults if not severities or fault.severity in severities]


def words(mail: Mail) -> tuple[str, str]:
    message = email.message_from_string(mail.content, policy=email.policy.default)
    plain = message.get_body(("plain",))
    assert plain is not None
    return str(message["Subject"]), plain.get_content()


def watch_mails(means: Means) -> list[Mail]:
    return [mail for mail in ledger_of(means).mails() if mail.template == "watch"]


def test_an_edition_is_late_from_the_minute_it_is_due(house: Means) -> None:
    receipts(ledger_of(house), TODAY, ("ingest", "core"))
    assert "edition" not in keys(watching.look(replace(house, now=at(TODAY, 6, 29)), due=DUE))
    late = watching.look(house, due=DUE)[0]
    assert (late.key, late.severity) == ("edition", "urgent")
    assert "2026-11-12 的名单到 06:30 仍未形成，最后完成的步骤是 core" in late.text


@pytest.mark.parametrize("status", ["issued", "held"])
def test_an_edition_came_when_it_was_issued_or_held_and_told(house: Means, status: str) -> None:
    decide(ledger_of(house), TODAY, status=status)  # type: ignore[arg-type]
    assert "edition" not in keys(watching.look(house, due=DUE))


def test_an_edition_of_yesterday_is_none_of_today(house: Means) -> None:
    decide(ledger_of(house), TODAY - timedelta(days=1))
    assert "edition" in keys(watching.look(house, due=DUE))


def test_an_edition_that_nobody_was_told_of_has_not_come(house: Means) -> None:
    decide(ledger_of(house), TODAY, told=False)
    assert "2026-11-12-r1 已记录，但邮件没有写出" in watching.look(house, due=DUE)[0].text


def test_the_dead_mans_switch_trips_after_the_hour_and_not_before(house: Means) -> None:
    decide(ledger_of(house), TODAY - timedelta(days=1))
    doctor.require_edition(replace(house, now=at(TODAY, 6, 29)), by=DUE)
    with pytest.raises(LateError, match="仍未形成") as caught:
        doctor.require_edition(house, by=DUE)
    assert caught.value.exit_code == 16
    decide(ledger_of(house), TODAY)
    doctor.require_edition(house, by=DUE)


def test_the_dead_mans_switch_trips_where_there_is_no_home(house: Means) -> None:
    with pytest.raises(LateError, match="WENGANG_HOME"):
        doctor.require_edition(replace(house, now=at(TODAY, 3)), by=DUE)
    assert not house.home.ledger.exists()


def test_a_fault_is_mailed_once_a_day(house: Means) -> None:
    assert "edition" in keys(watching.watch(house, due=DUE))
    (first,) = watch_mails(house)
    assert (first.edition_id, first.recipient) == ("watch-2026-11-12-1", "duty@localhost")
    subject, text = words(first)
    assert subject == "【模拟数据】【稳岗系统巡查】2026-11-12 发现 1 项需要处理（紧急）"
    assert "1. 【紧急】2026-11-12 的名单到 06:30 仍未形成" in text
    watching.watch(replace(house, now=at(TODAY, 7, 30)), due=DUE)
    assert watch_mails(house) == [first]
    watching.watch(replace(house, now=at(TODAY + timedelta(days=1), 7, 30)), due=DUE)
    assert [mail.edition_id for mail in watch_mails(house)] == ["watch-2026-11-12-1", "watch-2026-11-13-1"]
    assert len(list(house.home.outbox.glob("watch-*.eml"))) == 2
    assert not ledger_of(house).unsent()


def test_what_is_new_later_in_the_day_is_a_mail_of_its_own(house: Means) -> None:
    watching.watch(house, due=DUE)
    refuse(ledger_of(house), when=at(TODAY, 6, 40), batch="b1")
    watching.watch(replace(house, now=at(TODAY, 7)), due=DUE)
    refuse(ledger_of(house), when=at(TODAY, 7, 10), batch="b2")
    watching.watch(replace(house, now=at(TODAY, 8)), due=DUE)
    mails = watch_mails(house)
    assert [mail.edition_id for mail in mails] == [f"watch-2026-11-12-{n}" for n in (1, 2, 3)]
    assert "仍未形成" not in words(mails[1])[1]
    assert "有 2 个文件昨天以来被拒收" in words(mails[2])[1]


def test_no_file_and_no_enterprise_is_named(house: Means) -> None:
    refuse(ledger_of(house), when=at(TODAY, 1), batch="b1")
    faults = watching.watch(house, due=DUE)
    told = [f"{fault.text} {fault.english}" for fault in faults] + [words(mail)[1] for mail in watch_mails(house)]
    assert not any("某公司" in text for text in told)


def test_hints_are_shown_and_not_mailed(house: Means) -> None:
    decide(ledger_of(house), TODAY)
    faults = watching.watch(house, due=DUE)
    assert {fault.severity for fault in faults} == {"note"}
    assert keys(faults) == ["backup", "drill"]
    assert watch_mails(house) == []
    assert ledger_of(house).entries("watch") == []


def test_operators_are_told_instead_of_the_duty_officer_and_outsiders_learn_a_count_only(house: Means) -> None:
    settle(house, '[mail]\noperator = ["ops@localhost", "ops@elsewhere.example", "ops@localhost"]\n')
    watching.watch(house, due=DUE)
    inner, outer = watch_mails(house)
    assert (inner.recipient, outer.recipient) == ("ops@localhost", "ops@elsewhere.example")
    assert "仍未形成" in words(inner)[1]
    assert "仍未形成" not in words(outer)[1]
    assert "发现 1 项需要处理，请登录内网查看" in words(outer)[1]


def test_a_watch_that_died_before_it_wrote_the_mail_is_made_good(house: Means) -> None:
    ledger = ledger_of(house)
    fault = {"key": "edition", "severity": "urgent", "text": "没有名单", "english": "none"}
    ledger.append("watch", subject=TODAY.isoformat(), at=at(TODAY, 6, 31), body={"number": 1, "faults": [fault]})
    watching.watch(house, due=DUE)
    (mail,) = watch_mails(house)
    assert mail.edition_id == "watch-2026-11-12-1"
    assert "没有名单" in words(mail)[1]


def test_waiting_mails_are_handed_over(house: Means) -> None:
    number = decide(ledger_of(house), TODAY)
    queue(ledger_of(house), number, at=at(TODAY, 2), recipient="a@localhost", sent=False)
    faults = watching.watch(house, due=DUE)
    assert "mails" not in keys(faults)
    assert [path.name.rsplit("-", 1)[0] for path in house.home.outbox.iterdir()] == [number]
    assert not ledger_of(house).unsent()


def test_a_running_night_keeps_its_mails_and_the_operators_hear_all_the_same(house: Means) -> None:
    told: list[str] = []
    queue(ledger_of(house), "2026-11-12-r1", at=at(TODAY, 6, 20), recipient="a@localhost", sent=False)
    early = replace(house, now=at(TODAY, 6, 21), progress=told.append)
    with lock(house.home.root / ".lock"):
        assert "mails" not in keys(watching.watch(early, due=DUE))
        assert any("夜间任务正在运行" in line for line in told)
        refuse(ledger_of(house), when=at(TODAY, 5), batch="b1")
        watching.watch(early, due=DUE)
        assert [mail.edition_id for mail in ledger_of(house).unsent()] == ["2026-11-12-r1"]
        assert len(watch_mails(house)) == 1
        assert "mails" in keys(watching.watch(house, due=DUE))
    watching.watch(house, due=DUE)
    assert not ledger_of(house).unsent()


def test_a_server_that_takes_nothing_is_a_fault_and_no_error(house: Means) -> None:
    settle(house, '[mail]\nsmtp_host = "127.0.0.1"\nsmtp_port = 1\nsmtp_security = "none"\n')
    number = decide(ledger_of(house), TODAY)
    queue(ledger_of(house), number, at=at(TODAY, 2), recipient="a@localhost", sent=False)
    faults = watching.watch(replace(house, now=at(TODAY, 2, 5)), due=DUE)
    assert keys(faults, "urgent") == ["mails"]
    late = watching.watch(replace(house, now=at(TODAY, 3, 5)), due=DUE)
    assert keys(late, "urgent") == ["mails"]
    assert len(ledger_of(house).unsent()) == 2
    settle(house, "")
    assert "mails" not in keys(watching.watch(replace(house, now=at(TODAY, 4, 5)), due=DUE))
    assert not ledger_of(house).unsent()


def test_two_watches_never_work_at_once(house: Means) -> None:
    with lock(house.home.root / ".watch.lock"), pytest.raises(BusyError):
        watching.watch(house, due=DUE)


def test_looking_changes_nothing(house: Means) -> None:
    ledger_of(house)
    before = sorted(path.name for path in house.home.root.rglob("*"))
    watching.look(house, due=DUE)
    assert sorted(path.name for path in house.home.root.rglob("*")) == before
    assert ledger_of(house).entries("watch") == []


def test_a_disk_that_fills_is_told(house: Means) -> None:
    settle(house, "[watch]\ndisk_gibibytes = 1000000000\n")
    assert "disk" in keys(watching.look(house, due=DUE), "urgent")


@pytest.mark.parametrize(("kind", "days"), [("backup", 2), ("drill", 40)])
def test_a_backup_and_a_drill_grow_old(house: Means, kind: str, days: int) -> None:
    ledger = ledger_of(house)
    ledger.append(kind, subject="x", at=house.now - timedelta(days=days), body={})
    assert kind not in keys(watching.look(house, due=DUE))
    late = replace(house, now=house.now + timedelta(minutes=1))
    assert kind in keys(watching.look(late, due=DUE), "warn")


def test_a_backup_that_was_set_up_and_never_made_is_a_fault(house: Means) -> None:
    settle(house, '[backup]\nfolder = "/backup"\n')
    assert {"backup", "drill"} <= set(keys(watching.look(house, due=DUE), "warn"))


@pytest.mark.parametrize(
    ("kind", "body", "found"),
    [
        ("backup", {"missing": ["landing/a", "landing/b"]}, ("backup:missing", "warn")),
        ("backup", {"missing": []}, None),
        ("drill", {"verdict": "different"}, ("drill:different", "urgent")),
        ("drill", {"verdict": "not comparable"}, ("drill:incomparable", "note")),
        ("drill", {"verdict": "identical"}, None),
    ],
)
def test_what_a_backup_or_a_drill_found_is_told(
    house: Means, kind: str, body: dict[str, object], found: tuple[str, str] | None
) -> None:
    ledger_of(house).append(kind, subject="x", at=house.now, body=body)
    told = [(f.key, f.severity) for f in watching.look(house, due=DUE) if f.key.startswith(kind)]
    assert told == ([found] if found else [])


def source(feed: str, state: str, *, months: int | None = None, required: bool = False) -> dict[str, object]:
    return {
        "feed": feed,
        "feed_label": f"数据{feed}",
        "owner": "某局",
        "is_required": required,
        "source_state": state,
        "months_behind": months,
        "latest_month": date(2026, 8, 1) if months is not None else None,
    }


def test_feeds_and_model_are_as_the_last_edition_knew_them(house: Means) -> None:
    publish(
        house.home,
        {
            "out.source_status": [
                source("a", "正常", months=0),
                source("b", "滞后", months=2),
                source("c", "缺失"),
                source("d", "缺失", required=True),
            ],
            "out.drift": [
                {
                    "feature_name": name,
                    "feature_label": f"指标{name}",
                    "stability_index": 0.5,
                    "is_drifted": name != "z",
                }
                for name in "wxyzv"
            ],
            "out.model": [{"model_id": "rule-1", "model_warning": "学习模型未启用。"}],
        },
    )
    found = {fault.key: fault for fault in watching.look(house, due=DUE)}
    assert found["feed:b"].text == "数据b滞后 2 个月，最新为 2026年8月。请联系某局报送"
    assert (found["feed:b"].severity, found["feed:c"].severity, found["feed:d"].severity) == ("warn", "note", "warn")
    assert "feed:a" not in found
    assert "有 4 项偏离训练期（指标v、指标w、指标x等）" in found["drift"].text
    assert found["model"].text.startswith("学习模型未启用。请按运维手册")


def test_a_broken_published_file_is_a_fault(house: Means) -> None:
    (house.home.published / "current.duckdb").write_bytes(b"no database" * 1000)
    assert "published" in keys(watching.look(house, due=DUE), "urgent")


def test_refused_files_of_the_day_before_yesterday_are_told_no_more(house: Means) -> None:
    refuse(ledger_of(house), when=at(TODAY - timedelta(days=2), 23, 59), batch="b1")
    refuse(ledger_of(house), when=datetime(2026, 11, 11), batch="b2", feed="")
    found = {fault.key: fault.text for fault in watching.look(house, due=DUE) if fault.key.startswith("refused")}
    assert [text.split("。")[0] for text in found.values()] == ["未识别的数据有 1 个文件昨天以来被拒收"]
