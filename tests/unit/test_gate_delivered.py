"""What the counts of a delivered file mean: the bounds of tolerance, and the sentence that says them."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from runs import run_of

from pipelines import contracts as contract_files
from pipelines.contracts import Feed
from pipelines.stages.gate.batches import Batch, Counts
from pipelines.stages.gate.delivered import findings
from pipelines.stages.gate.finding import Finding
from pipelines.stages.gate.judging import Judged

RUN = run_of(date(2025, 4, 10))
CONTRACTS = contract_files.load()
FEED = CONTRACTS.feeds["insurance_month"]
SUITE = CONTRACTS.checks(FEED)
BROKEN = {"fail": "between:insured_persons", "warn": "ratio_between:base_fen+insured_persons"}


PARTED = FEED.model_copy(update={"layout": FEED.layout.model_copy(update={"parts": "第([0-9]+)部分"})})


def counted(severity: str, bad: int, rows: int) -> Counts:
    """Counts of a file, ``bad`` of whose ``rows`` rows break one check of ``severity``."""
    held = bad if severity == "fail" else 0
    return Counts(rows, held, {check.id: bad if check.id == BROKEN[severity] else 0 for check in SUITE})


def delivered(number: int, name: str, counts: Counts, *, month: int = 3, days_ago: float = 3) -> Batch:
    """A file of one month of 2025, in force."""
    return Batch(
        feed=FEED,
        batch=f"a{number}",
        delivery_no=number,
        file_name=name,
        received_at=RUN.cutoff - timedelta(days=days_ago),
        folder=Path("unused"),
        months=frozenset({date(2025, month, 1)}),
        contract=CONTRACTS.feed_digest(FEED),
        landed=counts,
    )


def found(severity: str, bad: int, rows: int) -> list[Finding]:
    """What is found of one file of late, ``bad`` of whose ``rows`` rows break one check of ``severity``."""
    return found_of(FEED, [delivered(1, "参保.csv", counted(severity, bad, rows))])


def found_of(feed: Feed, batches: list[Batch]) -> list[Finding]:
    """What is found of some files."""
    counts = {batch.batch: batch.landed for batch in batches}
    return findings(feed, batches, Judged(SUITE, counts, counts, {}, new_batches=len(batches)), run=RUN)


@pytest.mark.parametrize("severity", ["fail", "warn"])
@pytest.mark.parametrize(
    ("bad", "rows", "is_tolerated"),
    [
        (0, 12, True),
        (1, 12, True),
        (9, 12, True),
        (10, 12, False),
        (11, 12, False),
        (3, 3, False),
        (1, 1, False),
        (9, 179, True),
        (10, 199, False),
        (10, 200, True),
        (11, 219, False),
        (11, 220, True),
    ],
)
def test_a_file_is_beyond_tolerance_by_share_and_by_number(
    severity: str, bad: int, rows: int, is_tolerated: bool
) -> None:
    broken = {(f.check_id, f.severity) for f in found(severity, bad, rows) if not f.passed}
    assert broken == (set() if is_tolerated else {(f"batch_{severity}", severity), (BROKEN[severity], severity)})


@pytest.mark.parametrize(("severity", "kind"), [("fail", "被隔离"), ("warn", "不符合提示性规则")])
def test_the_sentence_says_share_and_number(severity: str, kind: str) -> None:
    [told] = [f for f in found(severity, 10, 40) if f.check_id == f"batch_{severity}"]
    assert told.check_sentence == f"文件中{kind}的行达到10行或为全部行时，占比不应超过5%"
    assert told.observed_text.startswith(f"40行中10行（25.0%）{kind}，其中“")
    assert (told.row_count, told.bad_row_count) == (40, 10)


def test_tolerated_rows_are_counted_all_the_same() -> None:
    [line] = [f for f in found("fail", 9, 12) if f.check_id == BROKEN["fail"]]
    assert (line.passed, line.row_count, line.bad_row_count) == (True, 12, 9)
    assert line.observed_text == "近期1个文件12行中9行不合格"


def test_a_bad_part_of_a_month_matters_until_that_part_or_the_whole_comes_again() -> None:
    bad, good = counted("fail", 20, 40), counted("fail", 0, 40)
    first, second = delivered(1, "三月第1部分.csv", bad), delivered(2, "三月第2部分.csv", good)

    def faults(feed: Feed, *batches: Batch) -> set[str]:
        return {f.check_id for f in found_of(feed, list(batches)) if not f.passed}

    assert "batch_fail" in faults(PARTED, first, second)
    assert faults(FEED, first, second) == set(), "without parts any later file of the month speaks for all of it"
    assert faults(PARTED, first, second, delivered(3, "三月第1部分.csv", good)) == set()
    assert faults(PARTED, first, second, delivered(3, "三月.csv", good)) == set()
    assert "batch_fail" in faults(PARTED, first, second, delivered(3, "四月.csv", good, month=4))


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("三月第1部分.csv", "三月第3部分.csv"), "2025年3月已收到第1、3部分，缺第2部分"),
        (("三月第4部分.csv",), "2025年3月已收到第4部分，缺第1、2、3部分"),
        (("三月第1部分.csv", "三月第2部分.csv"), None),
        (("三月.csv", "三月第3部分.csv"), None),
    ],
)
def test_a_part_that_did_not_come_is_told(names: tuple[str, ...], said: str | None) -> None:
    batches = [delivered(n, name, counted("fail", 0, 40)) for n, name in enumerate(names)]
    told = [f for f in found_of(PARTED, batches) if f.check_id == "parts_whole"]
    assert [f.observed_text for f in told] == ([said] if said else [])
    assert all(f.reason == f"{FEED.label}：{said}，请{FEED.owner}补报" for f in told)
    old = [delivered(n, name, counted("fail", 0, 40), days_ago=400) for n, name in enumerate(names)]
    assert [f for f in found_of(PARTED, old) if f.check_id == "parts_whole"] == []
