"""Why the list differs from the last one: each entry, rise, fall and exit with one cause, found by evidence.

The evidence is looked at in one order: verification, thresholds, revision, filter, model, data. A cause is named only
where the facts at hand bear it out; what none of the others explains is new data.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from pipelines.stages.edition import words
from pipelines.stages.edition.cases import VERIFIED_FALSE, Listing, Outcome, Release, Row
from pipelines.stages.edition.document import Followed, Memory, VerifiedFalse
from pipelines.stages.edition.triggers import ABSENCES, LOSSES, OWN, PREDICTED

OPENINGS: Mapping[str, str] = {
    "数据": "",
    "修订": "参保数据修订后，",
    "阈值": "预警阈值调整后，",
    "模型": "程序或模型更新后，",
    "筛选": "筛选条件变化后，",
    "人工": "",
    "核实": "核实结论改变或不再列入的期限已满，",
}


@dataclass(frozen=True)
class Evidence:
    """What is known to have moved since the previous edition."""

    memory: Memory
    month: date | None
    same_month: bool
    thresholds_changed: bool
    code_changed: bool
    model_changed: bool
    insurance_changed: bool
    revised: frozenset[str]
    limits: Mapping[str, int]
    verified_false: Mapping[str, VerifiedFalse]
    recanted: frozenset[str]


def rows(outcome: Outcome, evidence: Evidence) -> list[dict[str, Any]]:
    """One row per enterprise that entered, rose, fell or left, without the edition's id."""
    moved = [case for case in outcome.listed if case.kind in ("新增", "升级", "降级")]
    found = [_listed(case, evidence) for case in moved]
    found += [_released(release, evidence) for release in outcome.released]
    return sorted(found, key=lambda row: row["enterprise_id"])


def cause(row: Row | None, before: Followed | None, evidence: Evidence) -> str:
    """The cause of the change of the enterprise that ``row`` describes, ``before`` being its last record."""
    enterprise_id = row["enterprise_id"] if row else before.enterprise_id if before else ""
    known = before or evidence.memory.kept_out.get(enterprise_id)
    trigger = row["trigger_colour"] if row else None
    is_revised = enterprise_id in evidence.revised
    if OWN in (row["trigger_code"] if row else "", before.trigger_code if before else ""):
        return "人工"
    if known is not None and known.filter_code == VERIFIED_FALSE and _has_ended(enterprise_id, evidence):
        return "核实"
    if row and evidence.thresholds_changed and not is_revised:
        under_old = row["earlier_colour"]
        if under_old != trigger and under_old == (known.trigger_colour if known else None):
            return "阈值"
    if is_revised or (row is None and known is not None):
        return "修订"
    if evidence.same_month and known is None and evidence.insurance_changed and row and _is_loss(row):
        return "修订"
    is_kept = known is not None and known.filter_code not in ("", VERIFIED_FALSE)
    if evidence.same_month and is_kept and known and known.trigger_colour == trigger:
        return "筛选"
    if evidence.model_changed and _is_prediction(row, before):
        return "模型"
    return "模型" if evidence.same_month and evidence.code_changed and not _is_notice(row) else "数据"


def _has_ended(enterprise_id: str, evidence: Evidence) -> bool:
    """Whether what kept the enterprise off the list is over: its months have passed, or a visit found otherwise."""
    entry = evidence.memory.verified_false.get(enterprise_id)
    is_over = entry is not None and evidence.month is not None and evidence.month >= entry.until
    return is_over or enterprise_id in evidence.recanted


def _is_loss(row: Row) -> bool:
    return row["trigger_code"] in LOSSES


def _is_prediction(row: Row | None, before: Followed | None) -> bool:
    """Whether the colour rests, or rested, on a model's prediction."""
    return PREDICTED in (row["trigger_code"] if row else "", before.trigger_code if before else "")


def _is_notice(row: Row | None) -> bool:
    return row is not None and row["trigger_code"] == "notice"


def _listed(case: Listing, evidence: Evidence) -> dict[str, Any]:
    why = cause(case.row, case.before, evidence)
    fact = words.dated_clause(case.row, evidence.month)
    text = f"{OPENINGS[why]}{fact}，{words.line_clause(case.row, evidence.limits, with_limit=False)}"
    if case.before:
        text = f"{text}，由{case.before.colour}色{'升' if case.kind == '升级' else '降'}为{case.colour}色"
    return _row(case.row, case.warning_no, case.kind, why, text) | {
        "previous_colour": case.before.colour if case.before else None,
        "colour": case.colour,
    }


def _released(release: Release, evidence: Evidence) -> dict[str, Any]:
    before, row = release.before, release.row
    if release.why == VERIFIED_FALSE:
        why, text = "核实", words.verified_false_text(evidence.verified_false[before.enterprise_id])
    elif release.why in words.FILTERS:
        why, text = "筛选", f"不再列入：{words.FILTERS[release.why]}"
    elif release.why == "gone":
        why, text = "修订", "交付数据中已无该企业记录，提请解除"
    elif release.why == "never" and before.trigger_code != OWN:
        why = cause(row, before, evidence)
        insured = row["insured_persons"] if row is not None and before.trigger_code in ABSENCES else None
        back = f"参保记录已恢复（{insured}人），" if insured else ""
        text = f"{OPENINGS[why]}{back}原触发条件不再成立，提请解除"
    elif before.trigger_code == OWN:
        why, text = "人工", "人工列入已撤回，提请解除"
    else:
        why = "数据" if not evidence.same_month else cause(row, before, evidence)
        text = f"{OPENINGS[why]}连续{release.clean_months}个参保月未再触发，提请解除"
    named = row or {
        "enterprise_id": before.enterprise_id,
        "enterprise_name": before.enterprise_name,
        "county_name": before.county_name,
    }
    return _row(named, before.warning_no, "解除", why, text) | {"previous_colour": before.colour, "colour": None}


def _row(row: Row, warning_no: str, kind: str, why: str, text: str) -> dict[str, Any]:
    return {
        "warning_no": warning_no,
        "enterprise_id": row["enterprise_id"],
        "enterprise_name": row["enterprise_name"],
        "county_name": row["county_name"],
        "change_kind": kind,
        "change_cause": why,
        "change_text": text,
    }
