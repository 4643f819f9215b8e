"""What officers found on their visits: the state of each case, and how long a false alarm stays off the list.

A visit answers the case that was listed when it was made. The latest by its day speaks, so a form that comes late
overwrites no newer one. Every visit is told whether it counted, and why not.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from pipelines.contracts import read_sql
from pipelines.run import add_months
from pipelines.stages.edition.document import Followed, Memory, VerifiedFalse
from pipelines.stages.edition.triggers import OWN, PREDICTED, SEVERITY
from pipelines.warehouse import Warehouse

UNVERIFIED, VERIFYING, TRUE, FALSE, HELPING = "待核实", "核实中", "属实", "不属实", "帮扶中"
TAKEN, OLDER, REFUSED = "已采纳", "已有更晚的走访", "未采纳"
DAYS_READ = 400
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Visit:
    """One visit form as core knows it."""

    enterprise_id: str
    enterprise_name: str | None
    county_code: str
    visit_no: str
    warning_no: str | None
    visited_on: date
    visit_mode: str | None
    services_given: str | None
    is_false_alarm: bool | None
    false_alarm_reason: str | None
    case_outcome: str | None

    @property
    def state(self) -> str:
        """The state of a case of which this is the latest word: the outcome before help, help before the finding."""
        if self.case_outcome:
            return self.case_outcome
        if self.is_false_alarm is None:
            return VERIFYING
        if self.is_false_alarm:
            return FALSE
        return HELPING if self.services_given else TRUE


@dataclass(frozen=True)
class Heard:
    """A visit and what became of it: ``TAKEN``, ``OLDER`` than the word that counts, or ``REFUSED`` for a reason."""

    visit: Visit
    state: str
    text: str


def read(warehouse: Warehouse, memory: Memory | None, *, as_of: date) -> list[Visit]:
    """Visits of enterprises that the previous edition listed or kept off as false alarms, oldest first."""
    if memory is None:
        return []
    frame = warehouse.frame(
        read_sql("edition/visits"),
        tracked=sorted({*memory.listed, *memory.verified_false}),
        first_day=as_of - timedelta(days=DAYS_READ),
        as_of=as_of,
    )
    return [Visit(**row) for row in frame.iter_rows(named=True)]


def hear(visits: Iterable[Visit], memory: Memory | None) -> list[Heard]:
    """What became of each visit; one made before the case was listed that names no warning answers nothing: no row."""
    if memory is None:
        return []
    owners = {entry.warning_no: key for key, entry in memory.listed.items()}
    by_enterprise: dict[str, list[Visit]] = {}
    for visit in visits:
        by_enterprise.setdefault(visit.enterprise_id, []).append(visit)
    found: list[Heard] = []
    for key, own in sorted(by_enterprise.items()):
        found += _of_enterprise(own, memory.listed.get(key), memory.verified_false.get(key), owners)
    return found


def _of_enterprise(
    visits: Sequence[Visit], listed: Followed | None, verified: VerifiedFalse | None, owners: Mapping[str, str]
) -> list[Heard]:
    since = listed.listed_since if listed else verified.listed_since if verified else None
    number = listed.warning_no if listed else verified.warning_no if verified else ""
    assert since is not None, "visits are read of cases only"
    judged = [(visit, _fault(visit, number, since, owners)) for visit in visits]
    good = [visit for visit, fault in judged if fault == ""]
    found = []
    for visit, fault in judged:
        if fault is None:
            continue
        if fault:
            found.append(Heard(visit, REFUSED, fault))
        elif visit is good[-1]:
            found.append(Heard(visit, TAKEN, f"处置状态：{visit.state}"))
        else:
            found.append(Heard(visit, OLDER, f"以{_day(good[-1].visited_on)}的走访为准，本次走访已留存"))
    return found


def _fault(visit: Visit, number: str, since: date, owners: Mapping[str, str]) -> str | None:
    """Why a visit does not answer case ``number``; empty where it does, None where it never meant to."""
    named = visit.warning_no
    if named and named != number:
        owner = owners.get(named)
        if owner is not None and owner != visit.enterprise_id:
            return f"预警编号{named}属于另一家企业，请核对编号和统一社会信用代码后重新报送"
        return (
            None
            if visit.visited_on < since
            else f"预警编号{named}不是该企业本次预警的编号（{number}），请核对后重新报送"
        )
    if visit.visited_on < since:
        return f"走访日期早于列入日期（{_day(since)}），请核对日期后重新报送" if named else None
    return ""


def latest(heard: Iterable[Heard]) -> dict[str, Visit]:
    """Enterprise → the visit whose word counts."""
    return {one.visit.enterprise_id: one.visit for one in heard if one.state == TAKEN}


def verified_false(
    words: Mapping[str, Visit], memory: Memory | None, *, month: date | None, months: int
) -> dict[str, VerifiedFalse]:
    """Enterprise → the finding that keeps it off the list for ``months`` insurance months, or until a later visit.

    A finding is about the insurance month of the edition that the officer held in hand; of a case that was listed anew
    since, it says nothing any more.
    """
    if memory is None or month is None:
        return {}
    found = {
        key: entry
        for key, entry in memory.verified_false.items()
        if key not in memory.listed and month < entry.until and (key not in words or words[key].is_false_alarm)
    }
    for key, visit in words.items():
        case = memory.listed.get(key)
        if visit.is_false_alarm and case is not None and memory.reference_month is not None:
            assert case.listed_since is not None, "a listed case has the day on which it was listed"
            found[key] = VerifiedFalse(
                warning_no=case.warning_no,
                colour=case.colour,
                listed_since=case.listed_since,
                visited_on=visit.visited_on,
                reason=visit.false_alarm_reason or "",
                month=memory.reference_month,
                until=add_months(memory.reference_month, months + 1),
            )
    return found


def is_held_off(row: Row, entry: VerifiedFalse | None, *, month: date | None) -> bool:
    """Whether a false alarm covers what triggers tonight.

    It does not cover a filed report, a case added by hand since, a graver colour, or an observed red or orange of a
    later insurance month.
    """
    if entry is None or month is None or row["notice_cut_persons"] is not None:
        return False
    if row["own_since"] is not None and row["own_since"] > entry.visited_on:
        return False
    colour = row["trigger_colour"]
    if SEVERITY[colour] > SEVERITY[entry.colour]:
        return False
    is_observed = row["trigger_code"] not in (PREDICTED, OWN) and SEVERITY[colour] >= SEVERITY["橙"]
    return not (is_observed and month > entry.month)


def state_of(key: str, words: Mapping[str, Visit]) -> str:
    """The state of a listed case: one that stays although it was found false has something new to be verified."""
    word = words.get(key)
    return UNVERIFIED if word is None or word.state == FALSE else word.state


def rows(heard: Iterable[Heard], county_names: Mapping[str, str], *, edition_id: str) -> list[dict[str, Any]]:
    """Rows of ``edition.visit_answer``."""
    return [
        {
            "edition_id": edition_id,
            "visit_no": one.visit.visit_no,
            "warning_no": one.visit.warning_no,
            "enterprise_id": one.visit.enterprise_id,
            "enterprise_name": one.visit.enterprise_name or "登记信息缺失",
            "county_code": one.visit.county_code,
            "county_name": county_names.get(one.visit.county_code, "未知县区"),
            "visited_on": one.visit.visited_on,
            "visit_mode": one.visit.visit_mode,
            "services_given": one.visit.services_given,
            "is_false_alarm": one.visit.is_false_alarm,
            "false_alarm_reason": one.visit.false_alarm_reason,
            "case_state": one.visit.state,
            "answer_state": one.state,
            "answer_text": one.text,
        }
        for one in heard
    ]


def _day(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"
