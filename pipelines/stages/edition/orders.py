"""Work orders: what is to be done about each case, by which department, by when, and whether a visit says it was done.

A step is done by a visit of the kind that the plan names, a service by a visit form that says it was given, and any
order by a desk's record. What no form can tell, or all of it where no form can come back, is left to whoever is in
charge, and is never called late.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from pipelines.run import Run
from pipelines.stages.edition.answers import REFUSED, Heard, Visit
from pipelines.stages.edition.cases import Listing
from pipelines.stages.edition.clocks import Step, steps
from pipelines.stages.edition.triggers import SEVERITY
from pipelines.warehouse import Warehouse
from pipelines.working_days import Due

OPEN, LATE, DONE, DONE_LATE, UNTRACKED = "办理中", "逾期", "按期完成", "逾期完成", "由责任单位登记"
STEP, SERVICE = "处置步骤", "五类服务"
FIRST_SERVICE = 51
FORMS = "follow_up"


def done_by_hand(warehouse: Warehouse) -> dict[str, date]:
    """Order → the day on which a desk says that it was done."""
    return dict(warehouse.rows("SELECT order_no, done_on FROM ingest.order_done"))


def rows(
    listed: Iterable[Listing], heard: Iterable[Heard], by_hand: Mapping[str, date], *, run: Run, edition_id: str
) -> list[dict[str, Any]]:
    """Rows of ``edition.work_order``: for each listed case its steps, then its services.

    ``by_hand`` has the day on which an order was done, of those that a desk recorded.
    """
    visits: dict[str, list[Visit]] = {}
    for one in heard:
        if one.state != REFUSED and not one.has_left:
            visits.setdefault(one.visit.enterprise_id, []).append(one.visit)
    return [
        {"edition_id": edition_id, **row}
        for case in listed
        for row in _of_case(case, visits.get(case.row["enterprise_id"], []), by_hand, run)
    ]


def _of_case(case: Listing, visits: Sequence[Visit], by_hand: Mapping[str, date], run: Run) -> Iterable[dict[str, Any]]:
    since = [visit for visit in visits if visit.visited_on >= case.raised_on]
    has_forms = FORMS in run.contracts.feeds
    modes: Mapping[str, Sequence[str]] = run.parameters["response_step_modes"] if has_forms else {}
    for place, step in enumerate(steps(case.colour, run.parameters, case.raised_on), start=1):
        told = [visit for visit in since if visit.visit_mode in modes.get(step.what, ())]
        when = _when(case, place, told if step.what in modes else None, by_hand)
        who = run.parameters["response_responsible"][case.colour]
        yield _order(case, place, STEP, step, who, when, run)
    services: Mapping[str, int | None] = run.parameters["response_services"][case.colour]
    for place, (service, days) in enumerate(services.items(), start=FIRST_SERVICE):
        due = Due(case.raised_on + timedelta(days=days), is_estimated=False) if days else None
        text = f"{days}日内（{due.on.month}月{due.on.day}日前）提供{service}" if due else f"提供{service}（未规定时限）"
        told = [visit for visit in since if service in (visit.services_given or "").split("、")]
        when = _when(case, place, told if has_forms else None, by_hand)
        who = run.parameters["response_departments"][service]
        yield _order(case, place, SERVICE, Step(service, due, text), who, when, run)


def _number(case: Listing, place: int) -> str:
    return f"{case.warning_no}-{case.raised_on:%m%d}-{SEVERITY[case.colour]}{place:02d}"


def _when(case: Listing, place: int, told: Sequence[Visit] | None, by_hand: Mapping[str, date]) -> list[date] | None:
    """The days on which an order was done, by visits or a record; None where no visit can tell and nobody did."""
    recorded = by_hand.get(_number(case, place))
    if told is None and recorded is None:
        return None
    return [*(visit.visited_on for visit in told or ()), *([recorded] if recorded else [])]


def _order(
    case: Listing, place: int, kind: str, step: Step, who: str, when: Sequence[date] | None, run: Run
) -> dict[str, Any]:
    """One order; ``when`` has the days on which it was done, None where nobody can tell."""
    row, done = case.row, min(when or (), default=None)
    state = _state(step.due, done, is_tracked=when is not None, run=run)
    above = run.parameters["response_escalation"][case.colour].format(county=row["county_name"])
    return {name: row[name] for name in ("enterprise_id", "enterprise_name", "county_code", "county_name")} | {
        "order_no": _number(case, place),
        "warning_no": case.warning_no,
        "colour": case.colour,
        "order_kind": kind,
        "task_name": step.what,
        "task_text": step.text,
        "responsible_text": who.format(county=row["county_name"]),
        "issued_on": case.raised_on,
        "due_on": step.due.on if step.due else None,
        "is_due_estimated": step.due.is_estimated if step.due else None,
        "order_state": state,
        "done_on": done,
        "escalation_text": f"已逾期，报{above}" if state == LATE else "无",
    }


def _state(due: Due | None, done: Any, *, is_tracked: bool, run: Run) -> str:
    if not is_tracked:
        return UNTRACKED
    if done is not None:
        return DONE if due is None or done <= due.on else DONE_LATE
    return LATE if due is not None and run.as_of > due.on else OPEN
