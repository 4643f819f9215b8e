"""How far each target of the document is: done, pace, what the year comes to, and what is no longer asked.

A target is judged by the newest month that was reported. Its projection goes on at the pace of the months reported so
far in the period; it is arithmetic and no forecast, and after the period's end there is none.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from pipelines.run import add_months, months_between

AHEAD, ON_PACE, BEHIND, MET, MISSED = "超前", "按进度", "滞后", "已完成", "未完成"
UNREPORTED, UNKNOWN = "期末数未报送", "无进度数据"
TOLERANCE = 0.95
"""Share of the even pace from which a target counts as on pace."""


@dataclass(frozen=True)
class Period:
    """The months that a target is about, both included."""

    first: date
    last: date

    @property
    def months(self) -> int:
        """How many months it has."""
        return months_between(self.first, self.last) + 1

    def passed(self, month: date) -> int:
        """Months from its first to ``month``, at most all."""
        return min(max(months_between(self.first, month) + 1, 0), self.months)


def judge(planned: float, done: float, *, month: date, period: Period, as_of: date) -> dict[str, Any]:
    """State, share done, pace against an even one, and the projection to the period's end (None once it is over)."""
    passed = period.passed(month)
    share = done / planned if planned else None
    even = planned * passed / period.months
    is_over, is_whole = as_of >= add_months(period.last, 1), month >= period.last
    pace = done / even if even else None
    projected = None if is_over or not passed else done / passed * period.months
    if share is not None and share >= 1:
        state = MET
    elif is_over:
        state = MISSED if is_whole else UNREPORTED
    elif pace is None:
        state = UNKNOWN
    else:
        state = AHEAD if pace > 1 / TOLERANCE else ON_PACE if pace >= TOLERANCE else BEHIND
    return {
        "done_ratio": share,
        "pace_ratio": pace,
        "projected_done": projected,
        "target_state": state,
        "period_months": period.months,
        "passed_months": passed,
    }


def rows(progress: Any, document: Iterable[Mapping[str, Any]], *, as_of: date) -> list[dict[str, Any]]:
    """Rows of ``outlook.target``: each target of the ``document``, for each of its periods begun by ``as_of``.

    ``progress`` is the frame of core.target_progress; a row belongs to the target whose names hold its name. Only rows
    of the whole city are used: the document splits no target by county.
    """
    reported = [row for row in progress.iter_rows(named=True) if row["county_code"] is None]
    found = []
    for target in document:
        for period in _periods(target, as_of):
            own = [
                row
                for row in reported
                if row["target_name"] in target["names"] and period.first <= row["month"] <= period.last
            ]
            latest = max(own, key=lambda row: row["month"], default=None)
            found.append(_row(target, period, latest, as_of))
    return found


def _periods(target: Mapping[str, Any], as_of: date) -> list[Period]:
    """The periods that have begun: the one of which the document gives the end, else each calendar year."""
    first = date.fromisoformat(target["from"])
    if target["to"]:
        last = date.fromisoformat(target["to"]).replace(day=1)
        return [Period(first, last)] if first <= as_of else []
    return [Period(date(year, 1, 1), date(year, 12, 1)) for year in range(first.year, as_of.year + 1)]


def _row(target: Mapping[str, Any], period: Period, latest: Mapping[str, Any] | None, as_of: date) -> dict[str, Any]:
    row = {
        "target_key": target["id"],
        "target_name": target["name"],
        "clause_no": target["clause"],
        "target_unit": target["unit"],
        "target_planned": float(target["value"]),
        "period_from": period.first,
        "period_to": period.last,
        "target_month": latest["month"] if latest else None,
        "target_done": latest["target_done"] if latest else None,
        "target_reported_planned": latest["target_planned"] if latest else None,
        "note_text": target["note"],
    }
    if latest is None or latest["target_done"] is None:
        empty = dict.fromkeys(("done_ratio", "pace_ratio", "projected_done"))
        spans = {"period_months": period.months, "passed_months": 0}
        return row | empty | spans | {"target_state": UNKNOWN}
    judged = judge(row["target_planned"], latest["target_done"], month=latest["month"], period=period, as_of=as_of)
    return row | judged
