"""Deliveries over time: what is news, what comes again, what a crash leaves, and what waits in the inbox."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from ingest_files import ARRIVED, INSURANCE, drop, insurance_row, text, uscc
from ingest_house import House, open_house

from pipelines.contracts import LIMITS
from pipelines.errors import UsageError
from pipelines.ledger import Ledger


@pytest.fixture
def house(tmp_path: Path) -> House:
    return open_house(tmp_path)


def test_the_same_content_is_one_delivery_until_another_came(house: House) -> None:
    first = drop(house.inbox(), "a.csv", text([INSURANCE, insurance_row(1)]))
    second = drop(house.inbox(), "b.csv", text([INSURANCE, insurance_row(1, 停保人数="9")]))
    one = house.accept(first)
    assert house.take(first) is None
    house.accept(second)
    again = house.accept(first, received_at=ARRIVED + timedelta(days=1))
    assert (again.batch, again.rows_landed) == (one.batch, 1)
    assert again.delivery_no > one.delivery_no


def test_a_withdrawn_file_may_come_again(house: House) -> None:
    path = drop(house.inbox(), "a.csv", text([INSURANCE, insurance_row(1)]))
    house.ledger.withdraw(house.accept(path).batch, at=ARRIVED, reason="试")
    assert house.take(path) is None, "the arrival that was withdrawn is not told again"
    assert house.accept(path, received_at=ARRIVED + timedelta(days=1)).status == "accepted"


def test_an_inbox_that_is_only_read_can_be_read_again(house: House) -> None:
    paths = [drop(house.inbox(), f"{m}.csv", text([INSURANCE, insurance_row(1, m)])) for m in ("202502", "202503")]
    assert [house.accept(path).delivery_no for path in paths] == [1, 2]
    assert [house.take(path) for path in paths] == [None, None]


def test_a_batch_that_landed_before_a_crash_is_recorded_as_it_lies(house: House) -> None:
    path = drop(house.inbox(), "a.csv", text([INSURANCE, insurance_row(1), insurance_row(2, "?")]))
    before = house.accept(path)
    house.ledger = Ledger(house.home.root / "other.sqlite")
    after = house.accept(path)
    assert (after.batch, after.rows_landed, after.rows_quarantined) == (before.batch, 1, 1)


def test_the_original_is_kept_and_the_file_removed_on_demand(house: House) -> None:
    content = text([INSURANCE, insurance_row(1)])
    path = drop(house.inbox(), "a.CSV", content)
    delivery = house.accept(path, remove=True)
    assert not path.exists()
    assert (house.home.landing / "insurance_month" / delivery.batch / "original.csv").read_text() == content
    assert not list((house.home.landing / "insurance_month").glob(".*"))


def test_a_batch_is_written_the_same_way_twice(tmp_path: Path) -> None:
    content = text([INSURANCE, *(insurance_row(n % 7, 停保人数=str(n)) for n in range(40))])
    written = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        there = open_house(tmp_path / name)
        delivery = there.accept(drop(there.inbox(), "a.csv", content))
        folder = there.home.landing / delivery.feed / delivery.batch
        written.append({p.name: p.read_bytes() for p in folder.iterdir()})
    assert written[0] == written[1]


def test_an_unknown_feed_is_the_callers_mistake(house: House) -> None:
    with pytest.raises(UsageError, match="insurance_month"):
        house.take(drop(house.inbox(), "a.csv", "x"), feed="nonsense")


def test_a_corrected_contract_reads_a_landed_file_again_and_leaves_the_old_reading(house: House) -> None:
    path = drop(house.inbox(), "a.csv", text([INSURANCE, insurance_row(1)]))
    right, feed = house.contracts, house.contracts.feeds["insurance_month"]
    mistaken = feed.columns | {"base_fen": feed.columns["base_fen"].model_copy(update={"unit": "百元"})}
    wrong = feed.model_copy(update={"columns": mistaken})
    house.contracts = replace(right, feeds={**right.feeds, "insurance_month": wrong})
    old = house.accept(path)
    house.contracts = right
    new = house.accept(path, received_at=ARRIVED + timedelta(days=1))
    assert house.frame(old)["base_fen"].to_list() == [1_200_005_000]
    assert house.frame(new)["base_fen"].to_list() == [12_000_050]
    assert new.batch.startswith(f"{old.batch}-")
    assert house.take(path, received_at=ARRIVED + timedelta(days=2)) is None
    house.ledger.withdraw(old.batch, at=ARRIVED, reason="单位有误")
    assert [d.batch for d in house.ledger.deliveries()] == [new.batch]


def test_content_is_news_unless_it_was_the_latest_word_when_it_came(house: House) -> None:
    first = drop(house.inbox(), "a.csv", text([INSURANCE, insurance_row(1)]))
    second = drop(house.inbox(), "b.csv", text([INSURANCE, insurance_row(1, 停保人数="9")]))
    house.accept(first, received_at=ARRIVED + timedelta(days=2))
    house.accept(second, received_at=ARRIVED)
    assert house.take(first, received_at=ARRIVED + timedelta(days=3)) is None
    assert house.take(second, received_at=ARRIVED + timedelta(days=1)) is None
    assert house.accept(second, received_at=ARRIVED + timedelta(days=3)).rows_landed == 1


def test_what_sums_could_not_hold_is_quarantined_with_a_clear_reason(house: House) -> None:
    rows = [INSURANCE, insurance_row(1), insurance_row(2, 养老应缴="6222021234567890"), insurance_row(3, 养老应缴="-5")]
    rows.append(insurance_row(4, 失业保险参保人数=str(2**63 - 1)))
    delivery = house.accept(drop(house.inbox(), "a.csv", text(rows)))
    assert (delivery.rows_landed, delivery.rows_quarantined) == (2, 2)
    told = house.frame(delivery, "reasons").rows_by_key("line_no", named=True)
    assert [r["check_sentence"] for r in told[3]] == ["养老保险应缴额绝对值不得超过1000亿元，疑似单位或小数点有误"]
    assert [r["check_id"] for r in told[5]] == ["between:insured_persons"]


def test_bounds_are_told_as_their_sender_writes_them(house: House) -> None:
    told = {c.id: c.sentence for feed in house.contracts.feeds.values() for c in house.contracts.checks(feed)}
    assert told["between:base_fen"] == "缴费基数总额应在0元到1000亿元之间"
    assert told["between:rate_bp"].endswith("应在0%到1000%之间")
    assert told["between:insured_persons"].endswith("应在0到500000之间")


def test_every_number_of_every_feed_is_bounded(house: House) -> None:
    for feed in house.contracts.feeds.values():
        bounded = {c.columns[0] for c in house.contracts.checks(feed) if c.kind in {"between", "bounded"}}
        numbers = {n for n in feed.columns if house.contracts.feed_column(feed, n).type in LIMITS}
        assert numbers <= bounded, feed.feed


@pytest.mark.parametrize("month", ["192610", "202505", "206803"])
def test_a_month_that_cannot_be_is_quarantined(house: House, month: str) -> None:
    rows = [INSURANCE, insurance_row(1, "202504"), insurance_row(2, month)]
    delivery = house.accept(drop(house.inbox(), "a.csv", text(rows)))
    assert house.manifest(delivery)["months"] == ["2025-04-01"]
    assert house.frame(delivery, "reasons")["check_sentence"].to_list() == [
        "所属月份不得早于2000年，也不得晚于文件收到之时"
    ]


def test_a_month_that_lay_ahead_lands_when_the_file_comes_again(house: House) -> None:
    path = drop(house.inbox(), "a.csv", text([INSURANCE, insurance_row(1), insurance_row(2, "202505")]))
    early = house.accept(path)
    late = house.accept(path, received_at=ARRIVED + timedelta(days=30))
    assert [d.rows_landed for d in (early, late)] == [1, 2]
    assert house.take(path, received_at=ARRIVED + timedelta(days=31)) is None


def test_every_feed_with_a_period_bounds_it(house: House) -> None:
    periods = {feed.feed: house.contracts.feed_period(feed) for feed in house.contracts.feeds.values()}
    for name, period in periods.items():
        checks = house.contracts.checks(house.contracts.feeds[name])
        told = [c for c in checks if c.kind == "period" and c.severity == "fail" and c.columns == (period,)]
        assert len(told) == (period is not None), name


def test_a_period_that_may_lie_ahead_has_its_own_bound(house: House) -> None:
    header = "措施编号,措施依据,叠加组,HS6编码,加征税率(%),生效日期,措施状态"
    days = ("2025-04-06", "2028-04-06", "2028-04-07")
    rows = "\n".join(f"m{n},301,a,*,25,{day},已生效" for n, day in enumerate(days))
    delivery = house.accept(drop(house.inbox("tariff_measure"), "a.csv", f"{header}\n{rows}\n"))
    assert house.frame(delivery)["measure_id"].to_list() == ["m0", "m1"]
    listed = [["统一社会信用代码", "企业名称", "年度"], *([uscc(n), "甲", str(2025 + n)] for n in range(3))]
    delivery = house.accept(drop(house.inbox("us_exporter_list"), "b.csv", text(listed)))
    assert house.frame(delivery)["year"].to_list() == [2025, 2026]
