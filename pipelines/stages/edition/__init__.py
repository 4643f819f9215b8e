"""The edition: an immutable, numbered list with its colours, its capacity, and every difference from the last one.

``decide`` says which revision tonight would be, or that nothing changed; ``run`` writes it. The ledger is only read:
an edition is recorded once its report is complete, and not by this stage.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import polars as pl

from models.train import Model
from pipelines.contracts import read_sql
from pipelines.errors import StageOrderError
from pipelines.ledger import EditionRecord, Ledger
from pipelines.run import Receipt, Run, code_digest, months_between
from pipelines.stages.edition import (
    answers,
    cases,
    changes,
    closed,
    contributions,
    document,
    identity,
    orders,
    policies,
    revision,
    tables,
    triggers,
)
from pipelines.warehouse import Warehouse

READS = (
    "core.enterprise",
    "core.month_status",
    "core.follow_up",
    "features.enterprise",
    "risk.score",
    "risk.reason",
    "risk.model",
    "gate.verdict",
    "ingest.own_case",
    "ingest.order_done",
)


@dataclass(frozen=True)
class _Settled:
    """All that a night decided about its list, before it is written."""

    outcome: cases.Outcome
    rules: cases.Rules
    limits: Mapping[str, int]
    changed: Sequence[Mapping[str, Any]]
    explained: Mapping[int, contributions.Explained]
    heard: Sequence[answers.Heard]
    left: Mapping[str, document.Closed]


@dataclass(frozen=True)
class Decision:
    """Which edition tonight is.

    ``unchanged``: the latest revision of the day already says all of it, and ``held``: by staying closed.
    """

    run: Run
    digest: str
    description: Mapping[str, Any]
    previous: EditionRecord | None
    unchanged: bool = False
    held: bool = False

    @property
    def edition_id(self) -> str:
        """``<as_of>-r<revision>``."""
        return f"{self.run.as_of.isoformat()}-r{self.run.revision}"


def decide(run: Run, warehouse: Warehouse, ledger: Ledger) -> Decision:
    """Identity of tonight's edition. A ``run`` that already has a revision (a later stage, a replay) keeps it."""
    previous = identity.previous_edition(run, ledger)
    description = identity.describe(run, warehouse, ledger, previous=previous)
    digest = identity.digest(description)
    records = [r for r in ledger.editions(as_of=run.as_of) if run.revision in (None, r.revision)]
    last = max(records, key=lambda record: (record.revision, record.seq), default=None)
    if last is None or last.digest != digest or (last.status == "withdrawn" and run.revision is None):
        number = run.revision or (last.revision + 1 if last else 1)
        return Decision(run.with_revision(number), digest, description, previous)
    same = run.with_revision(last.revision)
    held = last.status == "held"
    unchanged = held or (same.edition_folder / document.FILE).is_file()
    return Decision(same, digest, description, previous, unchanged=unchanged, held=held)


def written_digest(run: Run) -> str:
    """The digest that the document of the edition under work has; empty where there is none."""
    folder = run.edition_folder
    return document.digest_of(folder) if (folder / document.FILE).is_file() else ""


def run(run: Run, warehouse: Warehouse, ledger: Ledger, *, decision: Decision, model: Model | None = None) -> Receipt:
    """Write ``edition.*`` and ``edition.json``; enterprises triggered or listed before in, listed ones out.

    ``model`` is the one in charge tonight, to say what moved its scores; None while the rule score leads.
    """
    _refuse(run, warehouse, ledger, decision)
    memory = _recall(run, decision)
    month = warehouse.scalar("SELECT max(month) FROM core.month_status")
    comparable = _is_comparable(run, memory, month)
    basis = memory if comparable else None
    limits = triggers.thresholds(run.parameters)
    model_id = warehouse.scalar("SELECT model_id FROM risk.model")
    frame = _considered(run, warehouse, basis, limits, month)
    read_now = revision.compare(warehouse, basis, limits, month=month)
    told_to = memory if comparable or memory is None else replace(memory, listed={}, verified_false={})
    heard = answers.hear(answers.read(warehouse, told_to, as_of=run.as_of), told_to)
    rules = replace(
        _rules(run, basis, month, read_now=read_now, limits=limits, model_id=model_id),
        verified_false=answers.verified_false(
            answers.latest(heard), basis, month=month, months=int(run.parameters["false_alarm_months"])
        ),
        recanted=answers.recanted(answers.latest(heard)),
        **_reserved(run, ledger, decision.previous),
    )
    outcome = cases.settle(frame.iter_rows(named=True), basis, rules)
    changed = changes.rows(outcome, _evidence(run, decision, basis, rules, limits, model_id)) if basis else []
    header = _header(run, warehouse, decision, comparable=comparable, month=month, model_id=model_id)
    left = closed.remembered(outcome, memory, as_of=run.as_of, months=int(run.parameters["closed_case_months"]))
    explained = contributions.read(model, warehouse, outcome.listed, month=month)
    with warehouse.transaction():
        settled = _Settled(outcome, rules, limits, changed, explained, heard, left)
        body = _write_tables(run, warehouse, settled, header=header)
    body |= {
        "identity": dict(decision.description),
        "digest": decision.digest,
        "thresholds": limits,
        "state": _state(settled),
    }
    document.clear_leftovers(decision.run.edition_folder)
    document.write(decision.run.edition_folder, body)
    run.progress(f"预警名单：{len(outcome.listed)} 家，筛选未列入 {len(outcome.kept)} 家，变化 {len(changed)} 家")
    return _receipt(outcome)


def _state(settled: _Settled) -> dict[str, Any]:
    """What the next edition must remember of this one."""
    outcome, limits, rules = settled.outcome, settled.limits, settled.rules
    return document.state(
        {case.row["enterprise_id"]: tables.followed(case, limits=limits) for case in outcome.listed},
        {kept.row["enterprise_id"]: tables.kept_out(kept, limits=limits) for kept in outcome.kept},
        capacity_used=outcome.capacity_used,
        numbers=outcome.numbers,
        verified_false=rules.verified_false,
        month_since=rules.month_since,
        closed=settled.left,
    )


def _refuse(run: Run, warehouse: Warehouse, ledger: Ledger, decision: Decision) -> None:
    """Refuse a night whose earlier stages did not run, and to write an issued revision again from other inputs.

    A replay writes elsewhere, so it may.
    """
    missing = [table for table in READS if not warehouse.exists(table)]
    if missing:
        raise StageOrderError(f"the edition of {run.as_of} needs {', '.join(missing)}; run the stages before it first")
    for record in ledger.editions(as_of=run.as_of):
        if record.edition_id == decision.edition_id and record.digest != decision.digest and run.output is None:
            raise StageOrderError(f"{record.edition_id} is on record with other inputs; decide on the edition again")


def _recall(run: Run, decision: Decision) -> document.Memory | None:
    """The previous edition, always from the home's own editions."""
    if decision.previous is None:
        return None
    record = decision.previous
    return document.recall(run.home.editions / record.as_of.isoformat() / f"r{record.revision}")


def _reserved(run: Run, ledger: Ledger, previous: EditionRecord | None) -> dict[str, Any]:
    """Case numbers that lists gave out which this one does not go on from, the latest word last."""
    numbers: dict[str, str] = {}
    counted: dict[str, int] = {}
    for record in identity.passed_over(run, ledger, previous):
        memory = document.recall(run.home.editions / record.as_of.isoformat() / f"r{record.revision}")
        numbers |= {key: entry.warning_no for key, entry in memory.listed.items()}
        counted |= {prefix: max(last, counted.get(prefix, 0)) for prefix, last in memory.numbers.items()}
    return {"reserved": numbers, "reserved_numbers": counted}


def _is_comparable(run: Run, memory: document.Memory | None, month: date | None) -> bool:
    if memory is None or memory.reference_month is None or month is None:
        return False
    return abs(months_between(memory.reference_month, month)) <= int(run.parameters["comparison_months"])


def _considered(
    run: Run,
    warehouse: Warehouse,
    memory: document.Memory | None,
    limits: Mapping[str, int],
    month: date | None,
) -> pl.DataFrame:
    """Enterprises that meet a trigger tonight or were listed before, in order of their code.

    ``earlier_colour`` is what tonight's facts would give under the previous edition's thresholds.
    """
    listed = sorted(memory.listed) if memory else []
    facts = warehouse.frame(read_sql("edition/considered"), tracked=listed)
    judged = triggers.with_own_cases(triggers.judge(facts, limits, as_of=run.as_of, reference_month=month))
    old = {**limits, **memory.thresholds} if memory else limits
    under_old = triggers.with_own_cases(triggers.judge(facts, old, as_of=run.as_of, reference_month=month))
    names = {code: run.settings.county_name("" if code == "000000" else code) for code in facts["county_code"].unique()}
    named = judged.with_columns(
        earlier_colour=under_old["trigger_colour"],
        county_name=pl.col("county_code").replace_strict(names, default="未知县区", return_dtype=pl.String),
        is_model_led=pl.lit(bool(warehouse.scalar("SELECT count(probability) > 0 FROM risk.score"))),
        forecast_label=pl.lit(warehouse.scalar("SELECT min(forecast_label) FROM risk.model")),
    )
    return named.filter(pl.col("trigger_colour").is_not_null() | pl.col("enterprise_id").is_in(listed))


def _rules(
    run: Run,
    memory: document.Memory | None,
    month: date | None,
    *,
    read_now: revision.Comparison,
    limits: Mapping[str, int],
    model_id: str,
) -> cases.Rules:
    same_code = memory is not None and (memory.code_digest, memory.model_id) == (code_digest(), model_id)
    return cases.Rules(
        as_of=run.as_of,
        month=month,
        release_clean_months=int(run.parameters["release_clean_months"]),
        capacity={code: county.capacity for code, county in run.settings.counties.items()},
        default_capacity=run.settings.default_capacity,
        same_month=memory is not None and memory.reference_month == month,
        rules_changed=memory is not None and (not same_code or dict(memory.thresholds) != dict(limits)),
        revised=read_now.revised,
        refuted=read_now.refuted,
        returned=read_now.returned,
        previous_month=memory.reference_month if memory else None,
        previous_month_since=memory.month_since if memory else None,
    )


def _evidence(
    run: Run,
    decision: Decision,
    memory: document.Memory,
    rules: cases.Rules,
    limits: Mapping[str, int],
    model_id: str,
) -> changes.Evidence:
    feeds = {feed.feed for table in ("insurance_month", "insured_unit") for feed in run.contracts.providers(table)}
    seen = {tuple(d) for d in document.words_of(decision.description) if d[1] in feeds}
    before = {d for d in memory.deliveries if d[1] in feeds}
    return changes.Evidence(
        memory=memory,
        month=rules.month,
        same_month=rules.same_month,
        thresholds_changed=dict(memory.thresholds) != dict(limits),
        code_changed=(memory.code_digest, memory.model_id) != (code_digest(), model_id),
        model_changed=memory.model_id != model_id,
        insurance_changed=seen != before,
        revised=rules.revised,
        limits=limits,
        verified_false=rules.verified_false,
        recanted=rules.recanted,
    )


def _header(
    run: Run, warehouse: Warehouse, decision: Decision, *, comparable: bool, month: date | None, model_id: str
) -> dict[str, Any]:
    """The row of ``edition.edition`` without its counts."""
    return {
        "edition_id": decision.edition_id,
        "as_of": run.as_of,
        "revision": decision.run.revision,
        "cutoff": run.cutoff,
        "previous_edition_id": decision.previous.edition_id if decision.previous else None,
        "is_comparable": comparable,
        "reference_month": month,
        "gate_verdict": warehouse.scalar("SELECT gate_verdict FROM gate.verdict"),
        "model_id": model_id,
        "code_digest": code_digest(),
        "parameter_digest": run.parameters.digest,
        "is_simulated": run.settings.city.simulated,
    }


def _write_tables(run: Run, warehouse: Warehouse, settled: _Settled, *, header: dict[str, Any]) -> dict[str, Any]:
    """Store every ``edition.*`` table; gives what the document says of them."""
    edition_id, listed, limits = header["edition_id"], settled.outcome.listed, settled.limits
    reasons = tables.read_reasons(
        warehouse, listed, shown=int(run.parameters["reasons_shown"]), explained=settled.explained
    )
    numbers = [case.row["enterprise_no"] for case in listed]
    words = answers.latest(settled.heard)
    helped = policies.store(run, warehouse, numbers, edition_id=edition_id, month=header["reference_month"])
    rows: dict[str, list[dict[str, Any]]] = {
        "warning": [
            tables.warning(
                case,
                run=run,
                reasons=reasons,
                limits=limits,
                edition_id=edition_id,
                state=answers.state_of(case.row["enterprise_id"], words, raised_on=case.raised_on),
            )
            | helped.of(case.row["enterprise_no"])
            for case in listed
        ],
        "warning_reason": tables.reason_rows(listed, reasons, edition_id=edition_id),
        "warning_contribution": contributions.rows(settled.explained, listed, edition_id=edition_id),
        "warning_change": [{"edition_id": edition_id, **row} for row in settled.changed],
        "filtered": _filtered(run, settled, edition_id=edition_id),
        "work_order": orders.rows(
            listed, settled.heard, orders.done_by_hand(warehouse), run=run, edition_id=edition_id
        ),
        "visit_answer": answers.rows(settled.heard, tables.county_names(run, settled.heard), edition_id=edition_id),
        "closed_case": closed.rows(settled.left, settled.heard, edition_id=edition_id),
        "parameter": tables.parameter_rows(run, edition_id=edition_id),
        "county": tables.county_rows(run, warehouse),
    }
    shades = {"红": "red", "橙": "orange", "黄": "yellow", "蓝": "blue"}
    counts = {f"{tint}_count": sum(case.colour == shade for case in listed) for shade, tint in shades.items()}
    rows["edition"] = [header | counts | {"warning_count": len(listed)}]
    for name, content in rows.items():
        tables.store(warehouse, f"edition.{name}", content)
    warehouse.build("edition.county_response", edition_id=edition_id)
    warehouse.build(
        "edition.county_industry_month",
        edition_id=edition_id,
        reference_month=header["reference_month"],
        months=int(run.parameters["county_table_months"]),
        large_loss_persons=int(run.parameters["large_loss_persons"]),
    )
    return _body(warehouse, rows)


def _filtered(run: Run, settled: _Settled, *, edition_id: str) -> list[dict[str, Any]]:
    verified = settled.rules.verified_false
    return [
        tables.filtered(
            kept,
            run=run,
            limits=settled.limits,
            edition_id=edition_id,
            verified=verified.get(kept.row["enterprise_id"]),
        )
        for kept in settled.outcome.kept
    ]


def _body(warehouse: Warehouse, rows: Mapping[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """The document's content as the tables hold it."""

    def dump(table: str, order: str) -> list[dict[str, Any]]:
        return warehouse.frame(f"SELECT * FROM {table} ORDER BY {order}").to_dicts()

    county_months = dump("edition.county_industry_month", "month, county_code, industry_division")
    month = rows["edition"][0]["reference_month"]
    return {
        "edition": rows["edition"][0],
        "gate": {
            "verdict": dump("gate.verdict", "gate_verdict"),
            "results": dump("gate.result", "subject, check_id") if warehouse.exists("gate.result") else [],
        },
        "sources": dump("core.source_status", "feed") if warehouse.exists("core.source_status") else [],
        "parameters": rows["parameter"],
        "counties": rows["county"],
        "warnings": rows["warning"],
        "reasons": rows["warning_reason"],
        "contributions": rows["warning_contribution"],
        "model": dump("risk.model", "model_id"),
        "changes": rows["warning_change"],
        "filtered": rows["filtered"],
        "visit_answers": rows["visit_answer"],
        "work_orders": rows["work_order"],
        "county_response": dump("edition.county_response", "county_code"),
        "county_industry": [row for row in county_months if row["month"] == month],
    }


def _receipt(outcome: cases.Outcome) -> Receipt:
    released = {release.before.enterprise_id for release in outcome.released}
    dropped: dict[str, int] = {"released": len(released)} if released else {}
    for kept in outcome.kept:
        if kept.row["enterprise_id"] not in released:
            dropped[kept.code] = dropped.get(kept.code, 0) + 1
    considered = len(outcome.listed) + sum(dropped.values())
    return Receipt(stage="edition", rows_in=considered, rows_out=len(outcome.listed), dropped=dropped)
