"""Visits, work orders and county counts of an edition made up in frames."""

from datetime import date
from typing import Any


def visit_rows(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A form of every fifth listed enterprise, one in two of them refused."""
    return [
        {
            **{name: row[name] for name in ("edition_id", "warning_no", "enterprise_id", "enterprise_name")},
            **{name: row[name] for name in ("county_code", "county_name")},
            "visit_no": f"{row['warning_no']}-1105",
            "visited_on": date(2026, 11, 5 + place % 5),
            "visit_mode": "上门",
            "is_false_alarm": False,
            "case_state": "属实",
            "answer_state": "未采纳" if place % 2 else "已采纳",
            "answer_text": "走访日期早于列入日期，请核对日期后重新报送" if place % 2 else "处置状态：属实",
        }
        for place, row in enumerate(rows[::5])
    ]


def order_rows(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Three orders of every listed enterprise: a late one, an open one, one that no visit can tell of."""
    names = ("edition_id", "warning_no", "enterprise_id", "enterprise_name", "county_code", "county_name", "colour")
    return [
        {name: row[name] for name in names}
        | {
            "order_no": f"{row['warning_no']}-1105-{place:02d}",
            "order_kind": "处置步骤",
            "task_name": "上门走访",
            "task_text": "5个工作日内（11月10日前）上门走访",
            "responsible_text": "市就业中心",
            "issued_on": date(2026, 11, 4),
            "due_on": date(2026, 11, 10),
            "is_due_estimated": False,
            "order_state": state,
            "escalation_text": "已逾期，报市就业中心负责人" if state == "逾期" else "无",
        }
        for row in rows
        for place, state in enumerate(("逾期", "办理中", "由责任单位登记"), start=1)
    ]


def response_rows(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """How each county of the list stands."""
    counties = {row["county_code"]: row["county_name"] for row in rows}
    editions = {row["county_code"]: row["edition_id"] for row in rows}
    return [
        {
            "edition_id": editions[code],
            "county_code": code,
            "county_name": name,
            "case_count": 10,
            "late_order_count": place,
        }
        | {"late_case_count": place, "answered_count": 3, "done_order_count": 4, "verified_count": 2}
        | {"false_alarm_count": 1, "helped_count": 1}
        | {"closed_case_count": 5, "closed_visited_count": 3, "closed_true_count": 2}
        for place, (code, name) in enumerate(sorted(counties.items()))
    ]
