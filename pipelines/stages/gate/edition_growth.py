"""The gate on the edition itself: a list many times as long as the last one is held until a person has looked.

It compares lengths only, and only with an edition that may be compared with; a short list may grow as it will, and what
came because a person changed the model or a threshold does not count. What the
data say is judged before anything is computed; this judges what came of them.
"""

import polars as pl

from pipelines.ledger import Ledger
from pipelines.run import Run
from pipelines.stages.gate.finding import CLOSED, SEPARATOR, Finding, Override, Verdict, verdict
from pipelines.warehouse import Warehouse

CHECK = "edition_growth"
LENGTHS = """
    SELECT
        e.warning_count - count(c.change_kind) FILTER (c.change_kind = '新增' AND c.change_cause IN ('模型', '阈值'))
            AS warning_count,
        e.warning_count - count(c.change_kind) FILTER (c.change_kind = '新增')
            + count(c.change_kind) FILTER (c.change_kind = '解除') AS warning_count_before
    FROM edition.edition AS e LEFT JOIN edition.warning_change AS c USING (edition_id)
    WHERE e.is_comparable
    GROUP BY e.warning_count
"""


def judge(run: Run, warehouse: Warehouse, ledger: Ledger) -> None:
    """Add one line to ``gate.result``, and close ``gate.verdict`` where it did not pass and nobody let it through."""
    found = _finding(run, warehouse)
    overrides = [
        Override(str(entry["reason"]), frozenset(entry.get("opens", ())))
        for entry in ledger.overrides(as_of=run.as_of, through=run.through)
    ]
    ((reason, mail),) = warehouse.rows("SELECT reason_text, mail_text FROM gate.verdict")
    with warehouse.transaction():
        _add(found, run, warehouse)
        if not found.passed:
            own = verdict([found], overrides=overrides)
            told = (
                own if own.word == CLOSED else Verdict(own.word, _joined(own.reason, reason), _joined(own.mail, mail))
            )
            _store(told, run, warehouse)


def _finding(run: Run, warehouse: Warehouse) -> Finding:
    times, least = float(run.parameters["edition_growth_times"]), int(run.parameters["edition_growth_least"])
    lengths = warehouse.rows(LENGTHS)
    now, before = lengths[0] if lengths else (None, None)
    passed = now is None or now < least or now <= times * before
    observed = "无上期可比" if now is None else f"本期{now}家，上期{before}家"
    sentence = f"本期达到{least}家时，不应超过上期的{times:g}倍"
    told = f"预警名单：{sentence}，{observed}，请负责人核对数据和参数后决定是否放行"
    return Finding(
        subject="预警名单",
        check_id=CHECK,
        check_sentence=sentence,
        severity="fail",
        passed=passed,
        row_count=now or 0,
        bad_row_count=0,
        observed_text=observed,
        mail_text=f"预警名单：{sentence}（{observed}）",
        key=f"{CHECK}|{run.as_of}|{now}|{before}",
        reason=told,
        mail_reason=told,
    )


def _add(found: Finding, run: Run, warehouse: Warehouse) -> None:
    """Put the line in the place of one that an interrupted stage left."""
    schema = run.contracts.polars_schema("gate.result")
    line = pl.DataFrame([{name: getattr(found, name) for name in schema}], schema=schema)
    others = warehouse.frame("SELECT * FROM gate.result WHERE check_id <> $check", check=CHECK)
    warehouse.store("gate.result", pl.concat([others.cast(schema), line]))  # type: ignore[arg-type]


def _store(told: Verdict, run: Run, warehouse: Warehouse) -> None:
    row = {"gate_verdict": [told.word], "reason_text": [told.reason], "mail_text": [told.mail]}
    warehouse.store("gate.verdict", pl.DataFrame(row))
    warehouse.execute("UPDATE edition.edition SET gate_verdict = $word", word=told.word)
    closing = {"fault_key": list(told.closing)}
    warehouse.store("gate.closing", pl.DataFrame(closing, schema=run.contracts.polars_schema("gate.closing")))


def _joined(*parts: str) -> str:
    return SEPARATOR.join(part for part in parts if part)
