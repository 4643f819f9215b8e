"""The clocks of the response plan: what must be done about a case, and until which day.

They run from the day on which the case entered or last rose. Hours run from the hand-over itself, which an edition
does not know; they are said in hours, and fall due on the day on which they end at the latest.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from pipelines.parameters import Parameters
from pipelines.working_days import Due, OfficeCalendar, office_calendar

REPORT = "书面报告"
URGENT_REPORT = "报告"
URGENT_HOURS = 2
HOURS_OF_A_DAY = 24


@dataclass(frozen=True)
class Step:
    """One thing to do: what, the last day (None: no rule says), and the sentence that an officer reads."""

    what: str
    due: Due | None
    text: str


def steps(colour: str, parameters: Parameters, raised_on: date) -> list[Step]:
    """The report and the steps that the plan asks for at ``colour``, in order."""
    calendar = office_calendar(parameters["office_years"])
    hours = parameters["response_report_hours"].get(colour)
    found = []
    if hours:
        what = URGENT_REPORT if hours <= URGENT_HOURS else REPORT
        found.append(Step(what, _by_hours(hours, raised_on), f"{hours}小时内{what}"))
    return found + [_step(step, raised_on, calendar) for step in parameters["response_steps"][colour]]


def _by_hours(hours: int, start: date) -> Due:
    return Due(start + timedelta(days=hours // HOURS_OF_A_DAY), is_estimated=False)


def _step(step: Mapping[str, Any], start: date, calendar: OfficeCalendar) -> Step:
    what = step["what"]
    if "hours" in step:
        return Step(what, _by_hours(step["hours"], start), f"{step['hours']}小时内{what}")
    if "working_days" in step:
        due = calendar.after(start, step["working_days"])
        return Step(what, due, f"{step['working_days']}个工作日内（{_until(due)}）{what}")
    due = Due(start + timedelta(days=step["days"]), is_estimated=False)
    return Step(what, due, f"{step['days']}日内（{_until(due)}）{what}")


def _until(due: Due) -> str:
    return f"{due.on.month}月{due.on.day}日前{'，暂按周末推算' if due.is_estimated else ''}"
