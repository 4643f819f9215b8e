"""The gate on the edition itself: a list that multiplied is held until a person lets just that list through."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from edition_frames import AS_OF, EDITION, in_memory, make_run, store

from pipelines.ledger import Ledger
from pipelines.run import Run
from pipelines.stages import gate
from pipelines.warehouse import Warehouse


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return make_run(tmp_path)


@pytest.fixture
def warehouse() -> Iterator[Warehouse]:
    opened = in_memory()
    store(opened, "gate.result", [{"subject": "参保", "check_id": "volume", "severity": "warn", "passed": False}])
    store(
        opened, "gate.verdict", [{"gate_verdict": "通过（有提示）", "reason_text": "参保：少", "mail_text": "参保：少"}]
    )
    store(opened, "gate.closing", [])
    yield opened
    opened.close()


def judged(
    warehouse: Warehouse, run: Run, ledger: Ledger, *, now: int, before: int, comparable: bool = True
) -> tuple[str, str, list[str]]:
    """Verdict, reason and closing keys for a list of ``now`` enterprises after one of ``before``."""
    gone, came = (before, now) if now > before else (before - now, 0)
    changes = [(f"来{n}", "新增") for n in range(came)] + [(f"去{n}", "解除") for n in range(gone)]
    store(warehouse, "edition.edition", [{"edition_id": EDITION, "warning_count": now, "is_comparable": comparable}])
    store(
        warehouse,
        "edition.warning_change",
        [{"edition_id": EDITION, "enterprise_id": who, "change_kind": kind} for who, kind in changes],
    )
    gate.judge_edition(run, warehouse, ledger)
    ((word, reason),) = warehouse.rows("SELECT gate_verdict, reason_text FROM gate.verdict")
    return word, reason, [key for (key,) in warehouse.rows("SELECT fault_key FROM gate.closing")]


@pytest.mark.parametrize(
    ("now", "before", "comparable", "is_held"),
    [
        (90, 30, True, False),
        (91, 30, True, True),
        (30, 0, True, True),
        (29, 0, True, False),
        (91, 30, False, False),
        (10, 400, True, False),
    ],
)
def test_a_list_three_times_as_long_is_held(
    run: Run, warehouse: Warehouse, tmp_path: Path, now: int, before: int, comparable: bool, is_held: bool
) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite")
    word, reason, closing = judged(warehouse, run, ledger, now=now, before=before, comparable=comparable)
    assert (word == "关闭", bool(closing)) == (is_held, is_held)
    if is_held:
        assert f"本期{now}家，上期{before}家" in reason
    else:
        assert (word, reason) == ("通过（有提示）", "参保：少")
    assert warehouse.rows("SELECT check_id, passed FROM gate.result ORDER BY check_id") == [
        ("edition_growth", not is_held),
        ("volume", False),
    ]


def test_a_person_lets_just_this_list_through_and_it_is_told(run: Run, warehouse: Warehouse, tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite")
    _, _, closing = judged(warehouse, run, ledger, now=120, before=30)
    store(warehouse, "gate.verdict", [{"gate_verdict": "通过", "reason_text": "", "mail_text": ""}])
    body = {"reason": "关税加征属实", "opens": closing}
    seen = ledger.append("override", subject=AS_OF.isoformat(), at=run.cutoff, body=body)
    assert seen == run.through
    word, reason, closing = judged(warehouse, run, ledger, now=120, before=30)
    assert (word, closing) == ("人工放行", [])
    assert reason.split("；")[0] == "人工放行：关税加征属实"
    assert judged(warehouse, run, ledger, now=150, before=30)[0] == "关闭"
