"""What the counts of a delivered file mean: the bounds of tolerance, and the sentence that says them."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from runs import run_of

from pipelines import contracts as contract_files
from pipelines.stages.gate.batches import Batch, Counts
from pipelines.stages.gate.delivered import findings
from pipelines.stages.gate.finding import Finding
from pipelines.stages.gate.judging import Judged

RUN = run_of(date(2025, 4, 10))
CONTRACTS = contract_files.load()
FEED = CONTRACTS.feeds["insurance_month"]
SUITE = CONTRACTS.checks(FEED)
BROKEN = {"fail": "between:insured_persons", "warn": "ratio_between:base_fen+insured_persons"}


def found(severity: str, bad: int, rows: int) -> list[Finding]:
    """What is found of one file of late, ``bad`` of whose ``rows`` rows break one check of ``severity``."""
    held = bad if severity == "fail" else 0
    counts = Counts(rows, held, {check.id: bad if check.id == BROKEN[severity] else 0 for check in SUITE})
    batch = Batch(
        feed=FEED,
        batch="a1",
        delivery_no=1,
        file_name="参保.csv",
        received_at=RUN.cutoff - timedelta(days=3),
        folder=Path("unused"),
        months=frozenset({date(2025, 3, 1)}),
        contract=CONTRACTS.feed_digest(FEED),
        landed=counts,
    )
    judged = Judged(SUITE, {"a1": counts}, {"a1": counts}, {}, new_batches=1)
    return findings(FEED, [batch], judged, run=RUN)


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
