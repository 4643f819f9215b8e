"""一企一策: one printable page of an enterprise, for who visits it: why, since when, what help, who does what by when.

Read from the published file of an edition; no clock, no script, nothing but what the file holds. Contacts are roles.
"""

from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from pipelines import charts, explain, formats
from pipelines.pages import environment
from pipelines.policy.instrument import DRAFT_TEXT, ELIGIBLE, UNKNOWN
from pipelines.policy.instruments import INSTRUMENTS
from pipelines.settings import Home
from pipelines.warehouse import connect_published

TEMPLATES = Path(__file__).resolve().parent / "templates"
MONTHS = 18
SERVICES = ("就业政策", "技能培训", "劳动维权", "社保衔接", "专场招聘")
TRAIL = """
    SELECT m.month, e.insured_persons
    FROM (SELECT DISTINCT month FROM out.enterprise_month ORDER BY month DESC LIMIT $months) AS m
    LEFT JOIN out.enterprise_month AS e ON e.month = m.month AND e.enterprise_no = $number
    ORDER BY m.month
"""


def page(home: Home, who: str, *, as_of: date | None) -> tuple[str, str]:
    """Edition and HTML text for the enterprise whose code or name is ``who``; raises as ``explain.explain`` does."""
    with closing(connect_published(explain.file_of(home, as_of))) as connection:
        return _page(connection, explain.find(connection, who))


def _page(connection: duckdb.DuckDBPyConnection, enterprise: dict[str, Any]) -> tuple[str, str]:
    number, code = enterprise["enterprise_no"], enterprise["enterprise_id"]
    edition = explain.one(connection, "SELECT * FROM out.edition")
    listed = explain.one(connection, "SELECT * FROM out.warning WHERE enterprise_id = $id", id=code)
    filtered = explain.one(connection, "SELECT * FROM out.filtered WHERE enterprise_id = $id", id=code)
    change = explain.one(connection, "SELECT * FROM out.warning_change WHERE enterprise_id = $id", id=code)
    has_policies = bool(explain.one(connection, explain.HAS_POLICIES))
    answers = explain.every(connection, explain.ANSWERS, number=number) if has_policies else []
    trail = explain.every(connection, TRAIL, months=MONTHS, number=number)
    score = explain.one(connection, "SELECT * FROM out.risk WHERE enterprise_no = $number", number=number)
    model = explain.one(connection, "SELECT forecast_label FROM out.model")
    text = (
        environment(TEMPLATES)
        .get_template("enterprise.html.j2")
        .render(
            enterprise=enterprise,
            edition=edition,
            title=formats.edition(edition["as_of"], edition["revision"]),
            confidential=formats.CONFIDENTIAL,
            simulated=formats.SIMULATED,
            purpose=formats.PURPOSE,
            draft=DRAFT_TEXT,
            listed=listed,
            filtered=filtered,
            score=score,
            forecast=model.get("forecast_label"),
            change_text=change.get("change_text") or "",
            eligible=[_told(row) for row in answers if row["policy_answer"] == ELIGIBLE],
            unknown=[row for row in answers if row["policy_answer"] == UNKNOWN],
            refused=[row for row in answers if row["policy_answer"] not in (ELIGIBLE, UNKNOWN)],
            over=explain.every(connection, explain.OVER) if has_policies else [],
            by_hand=explain.every(connection, explain.BY_HAND) if has_policies else [],
            margin=explain.margin_text(explain.one(connection, explain.MARGIN, number=number)) if has_policies else "",
            services=SERVICES,
            service_departments="、".join(INSTRUMENTS["FW5"].departments),
            trend=charts.columns([(_name(row["month"]), row["insured_persons"]) for row in trail], "参保人数（人）"),
            has_trend=any(row["insured_persons"] is not None for row in trail),
        )
    )
    return str(edition["edition_id"]), text


def _told(row: dict[str, Any]) -> dict[str, Any]:
    amount = formats.yuan(row["amount_fen"]) if row["amount_fen"] else row["missing_text"] or "不是补助金额"
    return {**row, "amount": amount, "ends": row["deadline_text"]}


def _name(month: date) -> str:
    return f"{month.month}月\n{month.year}年" if month.month == 1 else f"{month.month}月"
