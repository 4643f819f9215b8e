"""Batches past their retention: told first, gone later, on record always; what else there is stays."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from ingest_files import INSURANCE, drop, insurance_row, text
from kept_home import issue

from pipelines import backup, retention
from pipelines import contracts as contract_files
from pipelines import parameters as parameter_files
from pipelines import settings as settings_file
from pipelines.arrivals import receive
from pipelines.housekeeping import tidy
from pipelines.ledger import Delivery, Ledger
from pipelines.means import Means
from pipelines.snapshots import Store

COMPLAINT = ["工单编号", "被诉单位统一社会信用代码", "诉求类型", "受理日期"]


@pytest.fixture
def means(make_home: Callable[..., Means]) -> Means:
    return make_home()


def land(means: Means, feed: str, name: str, content: str, at: datetime) -> Delivery:
    path = drop(means.home.root.parent / "sent" / feed, name, content)
    ((_, delivery),) = receive(means, [path], feed=feed, at=at, dated=None)
    assert delivery is not None
    assert delivery.status == "accepted", delivery.reason
    return delivery


def insured(means: Means, month: str) -> Delivery:
    at = datetime(int(month[:4]), int(month[4:]), 28) + timedelta(days=9)
    return land(means, "insurance_month", f"{month}.csv", text([INSURANCE, insurance_row(1, month)]), at)


def complained(means: Means, day: str) -> Delivery:
    row = [f"GD{day}0001", "", "拖欠工资", f"{day[:4]}-{day[4:6]}-{day[6:]}"]
    at = datetime.strptime(day, "%Y%m%d") + timedelta(days=1)
    return land(means, "wage_complaint", f"{day}.csv", text([COMPLAINT, row]), at)


def due(means: Means) -> dict[str, retention.Due]:
    return {one.batch: one for one in retention.due(means, Ledger(means.home.ledger))}


def files(means: Means, delivery: Delivery) -> list[str]:
    folder = means.home.landing / delivery.feed / delivery.batch
    return sorted(path.name for path in folder.iterdir())


def test_each_class_of_feed_has_its_months() -> None:
    contracts, parameters = contract_files.load(), parameter_files.load(date(2026, 11, 23))
    months = {name: retention.months_of(feed, parameters) for name, feed in contracts.feeds.items()}
    assert (months["wage_complaint"], months["arbitration"]) == (24, 24)
    assert (months["insurance_month"], months["labour_flow"]) == (60, 60)
    assert [name for name, kept in months.items() if kept is None] == [
        "enterprise_register", "insured_unit", "tariff_measure",
    ]  # fmt: skip
    assert retention.months_of(None, parameters) == 12


def test_a_batch_is_due_once_its_latest_month_is_past(means: Means) -> None:
    """The home's day is 2026-11-23."""
    old, edge = complained(means, "20241031"), complained(means, "20241130")
    older, kept = insured(means, "202110"), insured(means, "202111")
    found = due(means)
    assert set(found) == {old.batch, older.batch}
    assert (found[old.batch].months, found[old.batch].rows) == (24, 1)
    assert edge.batch not in found
    assert kept.batch not in found


def test_it_is_told_first_and_goes_days_later_but_for_its_manifest(means: Means) -> None:
    old = complained(means, "20241001")
    issue(means, date(2026, 11, 12))
    said = {deed.name: deed.count for deed in tidy(means)}
    assert (said["留存期满待删除批次（已登记）"], said["留存期满已删除批次"]) == (1, 0)
    (notice,) = Ledger(means.home.ledger).entries("erasure_notice")
    assert (notice["feed"], notice["rows"], notice["editions"]) == ("wage_complaint", 1, 1)
    early = replace(means, now=means.now + timedelta(days=13))
    assert {deed.name: deed.count for deed in tidy(early)}["留存期满已删除批次"] == 0
    assert "rows.parquet" in files(means, old)
    ripe = replace(means, now=means.now + timedelta(days=14))
    assert {deed.name: deed.count for deed in tidy(ripe)}["留存期满已删除批次"] == 1
    assert files(means, old) == ["manifest.json"]
    (entry,) = Ledger(means.home.ledger).entries("erasure")
    assert (entry["subject"], entry["latest_edition"]) == (old.batch, "2026-11-12-r1")
    assert {deed.name: deed.count for deed in tidy(ripe)}["留存期满已删除批次"] == 0
    assert Ledger(means.home.ledger).erased() == {("wage_complaint", old.batch)}


def test_a_deletion_that_was_killed_is_finished(means: Means) -> None:
    old = complained(means, "20241001")
    ledger = Ledger(means.home.ledger)
    found = retention.due(means, ledger)
    retention.give_notice(found, ledger, now=means.now)
    ledger.append("erasure", subject=old.batch, at=means.now, body=found[0].as_body())
    later = means.now + timedelta(days=20)
    assert len(retention.erase(retention.due(means, ledger), ledger, now=later, notice_days=14)) == 1
    assert files(means, old) == ["manifest.json"]
    assert len(ledger.entries("erasure")) == 1


def test_what_comes_again_after_its_deletion_lands_anew(means: Means) -> None:
    old = complained(means, "20241001")
    for days in (0, 20):
        tidy(replace(means, now=means.now + timedelta(days=days)))
    path = means.home.root.parent / "sent" / "wage_complaint" / "20241001.csv"
    ((_, again),) = receive(means, [path], feed="wage_complaint", at=datetime(2026, 12, 20), dated=None)
    assert again is not None
    assert again.batch != old.batch
    assert "rows.parquet" in files(means, again)


def test_refused_originals_go_after_a_year(means: Means) -> None:
    path = drop(means.home.root.parent / "sent", "空.csv", "什么,也,不是\n")
    ((_, refused),) = receive(means, [path], feed="tax_month", at=datetime(2025, 10, 1), dated=None)
    assert refused is not None
    assert refused.status == "refused"
    assert set(due(means)) == {refused.batch}


def test_months_that_no_delivery_speaks_of_are_removed(means: Means) -> None:
    kept, gone = (means.home.core / "enterprise_month" / f"2026-{month}-01" / "a-b" for month in ("09", "08"))
    for folder in (kept, gone):
        folder.mkdir(parents=True)
        (folder / "rows.parquet").write_bytes(b"1234")
    book = {"links": "", "slabs": {"core.enterprise_month": {"2026-09-01": "a-b"}}}
    (means.home.core / "slabs.json").write_text(json.dumps(book), encoding="utf-8")
    assert {deed.name: (deed.count, deed.freed) for deed in tidy(means)}["不再有来源的月度分片"] == (1, 4)
    assert kept.is_dir()
    assert not gone.parent.exists()


def test_a_later_snapshot_keeps_no_more_than_the_home(means: Means, tmp_path: Path) -> None:
    old = complained(means, "20241001")
    store = tmp_path / "backup"
    settings_file.load(means.home)
    backup.backup(means, store, anew=False)
    for days in (0, 20):
        tidy(replace(means, now=means.now + timedelta(days=days)))
    made = backup.backup(replace(means, now=means.now + timedelta(days=21)), store, anew=False)
    own = [name for name in made.files if old.batch in name]
    assert own == [f"landing/wage_complaint/{old.batch}/manifest.json"]
    assert made.missing == ()
    assert len(Store(store).snapshots()) == 2
