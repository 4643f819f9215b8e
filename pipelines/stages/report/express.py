"""The express report (快报): the written report that the response plan wants within hours, drafted on one page a case.

One for each case that entered or rose tonight at a colour with a reporting time. Nothing is said that the edition does
not hold; what only a visit can tell is said to be unverified.
"""

from pathlib import Path
from typing import Any

from pipelines import formats
from pipelines.pages import environment
from pipelines.parameters import Parameters
from pipelines.run import atomic_file
from pipelines.stages.report.content import Content, Row, is_new

TEMPLATES = Path(__file__).resolve().parent / "templates"
FOLDER = "快报"
LEVELS = {"红": "Ⅰ级", "橙": "Ⅱ级", "黄": "Ⅲ级", "蓝": "Ⅳ级"}


def write_all(folder: Path, content: Content, parameters: Parameters) -> int:
    """Write ``快报/<warning_no>.html`` for every case that has to be reported tonight; gives how many."""
    hours = parameters["response_report_hours"]
    cases = [case for case in content.warnings if is_new(case) and case["colour"] in hours]
    template = environment(TEMPLATES).get_template("express.html.j2")
    for case in cases:
        target = folder / FOLDER / f"{case['warning_no']}.html"
        target.parent.mkdir(exist_ok=True)
        told = template.render(_context(case, content, hours[case["colour"]]))
        with atomic_file(target) as path:
            path.write_text(told, encoding="utf-8", newline="\n")
    return len(cases)


def _context(case: Row, content: Content, hours: int) -> dict[str, Any]:
    number = case["warning_no"]
    return {
        "case": case,
        "level": LEVELS[case["colour"]],
        "hours": hours,
        "forecast": _forecast(case, content),
        "edition": content.edition,
        "title": content.title,
        "bureau": f"{content.city}{content.bureau}",
        "visits": [v for v in content.visits if v["enterprise_id"] == case["enterprise_id"] and _counts(v)],
        "orders": sorted((o for o in content.orders if o["warning_no"] == number), key=lambda order: order["order_no"]),
        "confidential": formats.CONFIDENTIAL,
        "simulated": formats.SIMULATED,
        "purpose": formats.PURPOSE,
    }


def _forecast(case: Row, content: Content) -> str:
    """What the model in charge foresees, or nothing while the rule score leads."""
    chance, loss, label = case["probability"], case["expected_loss_persons"], content.model["forecast_label"]
    return "" if chance is None or loss is None or not label else formats.forecast(label, chance, loss)


def _counts(visit: Row) -> bool:
    return bool(visit["answer_state"] == "已采纳")
