"""Areas and targets of an edition made up in frames."""

from collections import Counter
from datetime import date
from typing import Any

MONTH = date(2026, 10, 1)


def area_rows(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The city, each county of the list with a level in turn, one industry, and one small cell."""
    counties = Counter((row["county_code"], row["county_name"]) for row in rows)
    whole = {
        "edition_id": rows[0]["edition_id"] if rows else "2026-11-12-r1",
        "month": MONTH,
        "enterprise_count": 4_924,
        "insured_persons": 87_041,
        "area_loss_persons": -20,
        "area_loss_ratio": -0.0002,
        "usual_loss_ratio": -0.0015,
        "excess_loss_ratio": 0.0012,
        "worst_months": 0,
        "large_event_count": 5,
        "largest_loss_persons": 37,
        "red_count": 1,
        "orange_count": 2,
        "yellow_count": 3,
        "blue_count": 4,
        "is_small_cell": False,
    }
    levels = (("Ⅰ级", "新增"), ("Ⅱ级", "持续"), ("无", "解除"))
    told = []
    for place, (code, name) in enumerate(sorted(counties)):
        level, change = levels[place % len(levels)]
        told.append(
            whole
            | {"area_kind": "县区", "county_code": code, "county_name": name, "area_level": level}
            | {"previous_level": "Ⅱ级", "level_since": MONTH, "level_change": change}
            | {"level_text": "当月大额减员企业5家，达到5家" if level != "无" else "未达到任何一级"}
        )
    industry = {"industry_division": "18", "industry_name": "纺织服装、服饰业"}
    standing = {"area_level": "Ⅲ级", "level_since": MONTH, "level_change": "新增"}
    text = {"level_text": "当月净减员61人，已连续2个月处于本行业历史最差的一成"}
    told.append(whole | industry | standing | text | {"area_kind": "行业"})
    cells = [
        whole | industry | {"area_kind": "县区行业", "county_code": c, "county_name": n} for c, n in sorted(counties)
    ]
    if cells:
        sign = "截至2026年10月数据，14家企业的先兆（用电下降、在招岗位减少）比自身往常和全市同规模企业明显集中"
        cells[-1] |= {"area_level": "Ⅳ级", "level_since": MONTH, "level_change": "新增", "sign_index": 3.4}
        cells[-1] |= {"previous_level": "无", "level_text": f"{sign}，先兆指数3.4，达到3"}
    small = {"is_small_cell": True, "area_loss_persons": None, "large_event_count": None, "enterprise_count": 2}
    return [
        whole | {"area_kind": "全市"},
        *told,
        *(cell | (small if not place else {}) for place, cell in enumerate(cells)),
    ]


def target_rows() -> list[dict[str, Any]]:
    """A target that was met, one that lags, and one of which nothing was reported."""
    row = {"edition_id": "2026-11-12-r1", "clause_no": 5, "target_unit": "个", "period_from": date(2026, 1, 1)}
    row |= {"period_to": date(2026, 12, 1), "period_months": 12, "note_text": "条文为每年；附件只列2025年"}
    done = {"target_month": MONTH, "passed_months": 10}
    return [
        row
        | done
        | {"target_key": "T_A", "target_name": "市场化岗位", "target_planned": 30_000.0, "target_done": 31_076.0}
        | {"done_ratio": 1.036, "pace_ratio": 1.243, "projected_done": 37_291.2, "target_state": "已完成"},
        row
        | done
        | {"target_key": "T_B", "target_name": "政策性岗位", "target_planned": 3_000.0, "target_done": 1_900.0}
        | {"done_ratio": 0.633, "pace_ratio": 0.76, "projected_done": 2_280.0, "target_state": "滞后"},
        row
        | {"target_key": "T_C", "target_name": "支持成功创业", "target_planned": 10_000.0, "passed_months": 0}
        | {"target_state": "无进度数据"},
    ]


def order_rows(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The report of each area that is at a level."""
    return [
        {name: area.get(name) for name in ("edition_id", "area_kind", "county_code", "county_name", "industry_name")}
        | {
            "order_no": f"QY{area.get('county_code') or area.get('industry_division')}-20261112-01",
            "industry_division": area.get("industry_division"),
            "area_level": area["area_level"],
            "task_name": "书面报告",
            "task_text": "2小时内书面报告",
            "responsible_text": "市领导小组组长牵头，报市长",
            "issued_on": date(2026, 11, 12),
            "due_on": date(2026, 11, 12),
            "order_state": "由责任单位登记",
        }
        for area in area_rows(rows)
        if area.get("area_level") not in (None, "无")
    ]
