"""What a level of a county or an industry asks of whom, by when: the report of the response plan, then the steps.

No visit form tells of these; a desk records them (``wengang order done``), and until then nothing is called late. The
clocks run from the day on which the level was reached.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from pipelines.parameters import Parameters
from pipelines.stages.outlook.levels import NONE, grade

HOURS_OF_A_DAY = 24
UNTRACKED, DONE, DONE_LATE = "由责任单位登记", "按期完成", "逾期完成"
REPORT = "书面报告"


def rows(
    areas: Sequence[Mapping[str, Any]], by_hand: Mapping[str, date], parameters: Parameters
) -> list[dict[str, Any]]:
    """Rows of ``outlook.area_order``: for each area at a level its report, then its steps.

    ``areas`` are rows of ``outlook.area``; ``by_hand`` has the day on which an order was done, of those recorded.
    """
    return [
        order
        for area in areas
        if area["area_level"] not in (None, NONE)
        for order in _of_area(area, by_hand, parameters)
    ]


def _of_area(area: Mapping[str, Any], by_hand: Mapping[str, date], parameters: Parameters) -> list[dict[str, Any]]:
    level, since = area["area_level"], area["level_reached_on"]
    hours = parameters["area_report_hours"].get(level)
    tasks = [(REPORT, f"{hours}小时内{REPORT}", hours // HOURS_OF_A_DAY)] if hours else []
    tasks += [
        (step["what"], f"{step['days']}日内{step['what']}", step["days"]) for step in parameters["area_steps"][level]
    ]
    own = {
        name: area[name] for name in ("area_kind", "county_code", "county_name", "industry_division", "industry_name")
    }
    place = f"{area['county_code'] or ''}{area['industry_division'] or ''}"
    found = []
    for number, (name, text, days) in enumerate(tasks, start=1):
        order_no, due = f"QY{place}-{since:%Y%m%d}-{grade(level)}{number:02d}", since + timedelta(days=days)
        done = by_hand.get(order_no)
        state = UNTRACKED if done is None else DONE if done <= due else DONE_LATE
        found.append(
            own
            | {
                "order_no": order_no,
                "area_level": level,
                "task_name": name,
                "task_text": text,
                "responsible_text": parameters["area_lead"][level],
                "issued_on": since,
                "due_on": due,
                "order_state": state,
                "done_on": done,
            }
        )
    return found
