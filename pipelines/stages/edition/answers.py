"""What officers found on their visits: the state of each case, and how long a false alarm stays off the list.

A visit answers the case that was listed when it was made. The latest by its day that found or did something speaks, so
a form that comes late overwrites no newer one, and one without a finding takes none back. Every visit that is read is
told whether it counted, and why not.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from pipelines.contracts import read_sql
from pipelines.run import add_months
from pipelines.stages.edition.document import Closed, Followed, Memory, VerifiedFalse
from pipelines.stages.edition.triggers import OWN, PREDICTED, SEVERITY
from pipelines.warehouse import Warehouse

UNVERIFIED, VERIFYING, TRUE, FALSE, HELPING = "待核实", "核实中", "属实", "不属实", "帮扶中"
TAKEN, OLDER, REFUSED = "已采纳", "已有更晚的走访", "未采纳"
Row = Mapping[str, Any]
Case = Followed | VerifiedFalse | Closed


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
    unread_text: str = ""

    @property
    def state(self) -> str:
        """The state of a case of which this speaks: a false alarm before the outcome, that before help."""
        if self.is_false_alarm:
            return FALSE
        if self.case_outcome:
            return self.case_outcome
        if self.services_given:
            return HELPING
        return VERIFYING if self.is_false_alarm is None else TRUE

    @property
    def has_word(self) -> bool:
        """Whether it found or did anything."""
        return self.state != VERIFYING


@dataclass(frozen=True)
class Heard:
    """A visit and what became of it: ``TAKEN``, ``OLDER`` than the word that counts, or ``REFUSED`` for a reason.

    ``case_no`` is the warning that it answers, for which the one that ``speaks`` counts; ``has_left`` where that case
    left the list in an earlier edition.
    """

    visit: Visit
    state: str
    text: str
    speaks: bool = False
    case_no: str = ""
    has_left: bool = False


def read(warehouse: Warehouse, memory: Memory | None, *, as_of: date) -> list[Visit]:
    """Visits about cases that the previous edition listed, kept off as false alarms or had let go, oldest first."""
    if memory is None:
        return []
    cases: list[Case] = [*memory.listed.values(), *memory.verified_false.values(), *memory.closed.values()]
    gone = {case.enterprise_id for case in memory.closed.values()}
    frame = warehouse.frame(
        read_sql("edition/visits"),
        tracked=sorted({*memory.listed, *memory.verified_false, *gone}),
        numbers=sorted({case.warning_no for case in cases}),
        first_day=min((case.listed_since for case in cases if case.listed_since), default=as_of),
        as_of=as_of,
    )
    return [Visit(**row) for row in frame.iter_rows(named=True)]


def hear(visits: Iterable[Visit], memory: Memory | None) -> list[Heard]:
    """What became of each visit; one made before the case was listed that names no warning answers nothing: no row."""
    if memory is None:
        return []
    owners = {number: case.enterprise_id for number, case in memory.closed.items()}
    owners |= {entry.warning_no: key for key, entry in memory.listed.items()}
    gone: dict[str, list[Closed]] = {}
    for closed in memory.closed.values():
        gone.setdefault(closed.enterprise_id, []).append(closed)
    shares: dict[tuple[str, str], list[Visit]] = {}
    cases: dict[tuple[str, str], Case | None] = {}
    for visit in visits:
        key = visit.enterprise_id
        case = _meant(visit, memory.listed.get(key) or memory.verified_false.get(key), gone.get(key, ()))
        place = (key, case.warning_no if case else "")
        shares.setdefault(place, []).append(visit)
        cases[place] = case
    return [one for place in sorted(shares) for one in _of_case(shares[place], cases[place], owners)]


def _meant(visit: Visit, current: Followed | VerifiedFalse | None, gone: Sequence[Closed]) -> Case | None:
    """The case that a visit is about: the one whose number it gives, else the one on the list at its day."""
    if current is not None and visit.warning_no == current.warning_no:
        return current
    for case in gone:
        if visit.warning_no == case.warning_no:
            return case
    since = current.listed_since if current else None
    if visit.warning_no or (since is not None and visit.visited_on >= since):
        return current
    earlier = [case for case in gone if case.listed_since <= visit.visited_on <= case.left_on]
    return max(earlier, key=lambda case: case.listed_since, default=current)


def _of_case(visits: Sequence[Visit], case: Case | None, owners: Mapping[str, str]) -> list[Heard]:
    number = case.warning_no if case else ""
    has_left = isinstance(case, Closed)
    left = f"；该企业已于{_day(case.left_on)}移出名单" if isinstance(case, Closed) else ""
    judged = [(visit, _fault(visit, case, owners)) for visit in visits]
    good = [visit for visit, fault in judged if fault == ""]
    speaker = next((visit for visit in reversed(good) if visit.has_word), good[-1] if good else None)
    found, is_after = [], False
    for visit, fault in judged:
        unread = f"；{visit.unread_text}填写不规范，未能读取，请按选项改正后重新报送" if visit.unread_text else ""
        if fault:
            found.append(Heard(visit, REFUSED, fault, case_no=number, has_left=has_left))
        elif fault is None or speaker is None:
            continue
        elif visit is speaker:
            text = f"处置状态：{visit.state}{left}{unread}"
            found.append(Heard(visit, TAKEN, text, speaks=True, case_no=number, has_left=has_left))
            is_after = True
        elif is_after:
            text = f"已登记，尚无结论；处置状态仍为{speaker.state}{left}{unread}"
            found.append(Heard(visit, TAKEN, text, case_no=number, has_left=has_left))
        else:
            text = f"以{_day(speaker.visited_on)}的走访为准，本次走访已留存{unread}"
            found.append(Heard(visit, OLDER, text, case_no=number, has_left=has_left))
    return found


def _fault(visit: Visit, case: Case | None, owners: Mapping[str, str]) -> str | None:
    """Why a visit does not answer ``case``; empty where it does, None where it never meant to."""
    named = visit.warning_no
    if case is None and named in owners:
        return f"预警编号{named}属于另一家企业，请核对编号和统一社会信用代码后重新报送"
    if case is None:
        return f"预警编号{named}不在近一年的名单中，请核对编号后重新报送" if named else None
    number, since = case.warning_no, case.listed_since
    assert since is not None, "a case has the day on which it was listed"
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
    """Enterprise → the visit that speaks about its case of now."""
    return {one.visit.enterprise_id: one.visit for one in heard if one.speaks and not one.has_left}


def verified_false(
    words: Mapping[str, Visit], memory: Memory | None, *, month: date | None, months: int
) -> dict[str, VerifiedFalse]:
    """Enterprise → the finding that keeps it off the list for ``months`` insurance months, or until a later visit.

    A finding is about the insurance month that was on the list on the day of the visit, and stays about it while the
    case goes on. About a case that rose after the visit, or was listed anew, it says nothing.
    """
    if memory is None or month is None:
        return {}
    found = {
        key: entry
        for key, entry in memory.verified_false.items()
        if month < entry.until and not _is_outdated(entry, words.get(key), memory.listed.get(key))
    }
    for key, visit in words.items():
        case = memory.listed.get(key)
        if not visit.is_false_alarm or case is None or memory.reference_month is None or _rose_since(case, visit):
            continue
        if key not in found or found[key].visited_on != visit.visited_on:
            assert case.listed_since is not None, "a listed case has the day on which it was listed"
            is_of_before = memory.month_since is not None and visit.visited_on < memory.month_since
            verified = add_months(memory.reference_month, -1) if is_of_before else memory.reference_month
            found[key] = VerifiedFalse(
                warning_no=case.warning_no,
                colour=case.colour,
                listed_since=case.listed_since,
                visited_on=visit.visited_on,
                reason=visit.false_alarm_reason or "",
                month=verified,
                until=add_months(verified, months + 1),
            )
    return found


def recanted(words: Mapping[str, Visit]) -> frozenset[str]:
    """Enterprises of which the visit that speaks found the warning true."""
    return frozenset(key for key, visit in words.items() if visit.is_false_alarm is False)


def _is_outdated(entry: VerifiedFalse, word: Visit | None, case: Followed | None) -> bool:
    """Whether a later visit found otherwise, or the case is another by now, or rose after the visit."""
    if word is not None and word.is_false_alarm is False:
        return True
    return case is not None and (case.warning_no != entry.warning_no or _rose_since(case, entry))


def _rose_since(case: Followed, visit: Visit | VerifiedFalse) -> bool:
    return case.raised_on is not None and visit.visited_on < case.raised_on


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


def state_of(key: str, words: Mapping[str, Visit], *, raised_on: date) -> str:
    """The state of a listed case: what rose after the visit, or stays though it was found false, is to be verified."""
    word = words.get(key)
    return UNVERIFIED if word is None or word.visited_on < raised_on or word.state == FALSE else word.state


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
