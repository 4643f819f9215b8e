"""Posts, fairs, reserve and caseload of an edition made up in frames."""

from collections import Counter
from datetime import date
from typing import Any

MONTH = date(2026, 10, 1)
EDITION = "2026-11-12-r1"
TRADE = {"industry_division": "18", "industry_name": "纺织服装、服饰业"}


def absorption_rows(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The city, each county of the list, and one industry of each; the last county has no posts told."""
    counties = sorted(Counter((row["county_code"], row["county_name"]) for row in rows))
    whole = {
        "edition_id": EDITION,
        "enterprise_count": 900,
        "loss_kind": "模型预计",
        "loss_persons": 120.4,
        "vacancy_month": MONTH,
        "open_posts": 300,
        "posting_enterprise_count": 80,
        "unmatched_persons": 45.4,
        "spare_posts": 225.0,
        "training_persons": 45.4,
        "absorption_text": "模型预计未来三个月减员120人，本县区在招300个岗位（2026年10月）；45人没有同行业岗位可接",
        "is_withheld": False,
    }
    untold = dict.fromkeys(("vacancy_month", "open_posts", "posting_enterprise_count", "unmatched_persons"))
    untold |= {"spare_posts": None, "training_persons": None, "absorption_text": "岗位数未知，不判断缺口"}
    told = [whole | {"area_kind": "全市"}] if rows else []
    for place, (code, name) in enumerate(counties, start=1):
        own = whole | {"county_code": code, "county_name": name} | (untold if place == len(counties) else {})
        told += [own | {"area_kind": "县区"}, own | TRADE | {"area_kind": "县区行业", "training_persons": None}]
    return told


def reserve_rows(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The refund for the city and each county, and an instrument of which nobody can tell."""
    refund = {
        "edition_id": EDITION,
        "instrument_id": "WGFH",
        "instrument_name": "失业保险稳岗返还",
        "clause_no": 1,
        "instrument_state": "已到期",
        "ends_on": date(2025, 12, 31),
        "reopened_count": 412,
        "reopened_unknown_count": 7,
        "reopened_fen": 1_234_567_800,
        "reopened_unpriced_count": 5,
        "margin_count": 400,
        "over_margin_count": 12,
        "reserve_text": "如按原条件重新启用，符合条件412家；测算资金1234.57万元",
    }
    counties = sorted({(row["county_code"], row["county_name"]) for row in rows})
    none = {"edition_id": EDITION, "instrument_id": "CBJ", "instrument_name": "就业风险储备金", "clause_no": 13}
    none |= {"instrument_state": "未设立", "reserve_text": "没有数据源可逐家判断，重新启用的家数和资金未知"}
    return [
        refund | {"area_kind": "全市"},
        *(refund | {"area_kind": "县区", "county_code": code, "county_name": name} for code, name in counties),
        none | {"area_kind": "全市"},
    ]


def caseload_rows(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Claims of the city with a range, of each county without one."""
    whole = {
        "edition_id": EDITION,
        "caseload_kind": "申领失业保险金",
        "caseload_group": "合计",
        "last_month": MONTH,
        "forecast_from": date(2026, 11, 1),
        "forecast_to": date(2027, 1, 1),
        "forecast_persons": 2_150,
        "excess_persons": 40,
        "past_error_ratio": 0.06,
        "past_count": 15,
        "caseload_text": "上年同期3个月合计×最近6个月与上年同期之比",
    }
    counties = sorted({(row["county_code"], row["county_name"]) for row in rows})
    return [
        whole | {"area_kind": "全市", "low_persons": 1_900, "high_persons": 2_400},
        *(whole | {"area_kind": "县区", "county_code": code, "county_name": name} for code, name in counties),
    ]


def fair_rows(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A fair in each county that has a red or orange case."""
    counties = sorted({(r["county_code"], r["county_name"]) for r in rows if r["colour"] in ("红", "橙")})
    return [
        {
            "edition_id": EDITION,
            "area_kind": "县区行业",
            "county_code": code,
            "county_name": name,
            **TRADE,
            "red_count": 1,
            "orange_count": 0,
            "left_persons": 220,
            "coming_persons": 35.2,
            "open_posts": 30,
            "nearby_posts": None,
            "fair_due_on": date(2026, 11, 19),
            "fair_by": date(2026, 11, 19),
            "is_due_estimated": True,
            "responsible_text": "公共就业和人才服务机构",
            "fair_text": f"{name}纺织服装、服饰业红色1家；请公共就业和人才服务机构最迟于2026年11月19日组织专场招聘",
        }
        for code, name in counties
    ]
