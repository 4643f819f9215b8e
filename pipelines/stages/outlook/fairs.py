"""Fairs for laid-off groups (专场招聘): for whom, with which posts, by when, who leads, in a sentence.

The last day is that of the order which the response plan gives to a case or to a level, so that no sheet names another;
the day proposed is the last working day up to it. Where the plan names none, none is made up; a day that rests on
weekends alone, for want of the holidays, is told as such.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import polars as pl

from pipelines import formats
from pipelines.stages.outlook.absorbing import LEAST_TOLD, Posts, around, rounded
from pipelines.stages.outlook.areas import LEVELLED, NO_LEVEL, UNPLACED
from pipelines.stages.outlook.levels import CELL, COUNTY
from pipelines.working_days import Due, OfficeCalendar

FAIR = "组织专场招聘"
ESTIMATED = "（暂按周末推算）"
LEAD = "公共就业和人才服务机构、{county}人社部门"
Row = dict[str, Any]


def last_worked(day: date, calendar: OfficeCalendar) -> Due:
    """The last working day up to ``day``."""
    is_estimated = not calendar.is_known(day)
    while not calendar.is_worked(day):
        day -= timedelta(days=1)
        is_estimated |= not calendar.is_known(day)
    return Due(day, is_estimated)


def rows(
    listed: pl.DataFrame,
    areas: Iterable[Mapping[str, Any]],
    given: Iterable[Mapping[str, Any]],
    posts: Posts,
    neighbours: Mapping[str, Sequence[str]],
    counties: Sequence[str],
    calendar: OfficeCalendar,
    *,
    as_of: date,
) -> list[Row]:
    """Rows of ``outlook.fair`` without the edition's number.

    ``listed`` is the frame of ``sql/outlook/fairs.sql``; ``areas`` and ``given`` are rows of ``outlook.area`` and
    ``outlook.area_order``.
    """
    found = []
    for place, own in sorted(listed.partition_by("county_code", "industry_division", as_dict=True).items()):
        code, division = str(place[0]), str(place[1])
        cases = own.to_dicts()
        row = _of_cases(cases) | {"county_code": code, "industry_division": division, "area_kind": CELL}
        told = None if division in UNPLACED else posts.of((code, division))
        row["open_posts"] = told[0] if told else None
        row["nearby_posts"] = _nearby((code, division), posts, neighbours, counties)
        found.append(_dated(row, calendar, as_of, _who(row)))
    due = {(one["area_kind"], one["county_code"], one["industry_division"]): one for one in given if _is_fair(one)}
    for area in areas:
        if area["area_kind"] not in LEVELLED or area["area_level"] in (None, NO_LEVEL):
            continue
        order = due.get((area["area_kind"], area["county_code"], area["industry_division"]))
        found.append(_dated(_of_area(area, order, posts), calendar, as_of, _who_of_area(area)))
    return found


def _is_fair(order: Mapping[str, Any]) -> bool:
    return bool(order["task_name"] == FAIR)


def _of_cases(cases: Sequence[Mapping[str, Any]]) -> Row:
    """The cases of one county and industry; the earliest open order gives the day."""
    dated = [case for case in cases if case["due_on"] and not case["done_on"]]
    first = min(dated, key=lambda case: case["due_on"], default=None)
    held = [case["done_on"] for case in cases if case["done_on"]]
    lead = first or next((case for case in cases if case["responsible_text"]), None)
    expected = [
        round(case["expected_loss_persons"] * 10) for case in cases if case["expected_loss_persons"] is not None
    ]
    left = [case["net_loss_persons"] for case in cases if case["net_loss_persons"] is not None]
    return {
        "county_name": cases[0]["county_name"],
        "industry_name": cases[0]["industry_name"],
        "red_count": sum(case["colour"] == "红" for case in cases),
        "orange_count": sum(case["colour"] == "橙" for case in cases),
        "area_level": None,
        "left_persons": sum(left) if left else None,
        "untold": len(cases) - len(left),
        "coming_persons": sum(expected) / 10 if expected else None,
        "fair_due_on": first["due_on"] if first else None,
        "is_due_estimated": bool(first["is_due_estimated"]) if first else None,
        "held_on": max(held) if len(held) == len(cases) else None,
        "responsible_text": lead["responsible_text"] if lead else LEAD.format(county=cases[0]["county_name"]),
    }


def _nearby(
    place: tuple[str, str], posts: Posts, neighbours: Mapping[str, Sequence[str]], counties: Sequence[str]
) -> int | None:
    """Posts of the division in counties nearby; None where unknown or told by fewer enterprises than may be told."""
    if posts.month is None or UNPLACED.intersection(place):
        return None
    near, _ = around(place[0], counties, neighbours)
    cells = [posts.cells[code, place[1]] for code in near if (code, place[1]) in posts.cells]
    firms = {number for _, enterprises in cells for number in enterprises}
    return None if 0 < len(firms) < LEAST_TOLD else sum(count for count, _ in cells)


def _of_area(area: Mapping[str, Any], order: Mapping[str, Any] | None, posts: Posts) -> Row:
    is_county = area["area_kind"] == COUNTY
    at, code = (0, area["county_code"]) if is_county else (1, area["industry_division"])
    open_ = sum(count for place, (count, _) in posts.cells.items() if place[at] == code)
    kept = ("area_kind", "county_code", "county_name", "industry_division", "industry_name", "area_level")
    is_open = order is not None and order["done_on"] is None
    return {name: area[name] for name in kept} | {
        "red_count": area["red_count"],
        "orange_count": area["orange_count"],
        "left_persons": None if area["area_loss_persons"] is None else max(area["area_loss_persons"], 0),
        "untold": 0,
        "coming_persons": area["expected_loss_persons"],
        "open_posts": None if posts.month is None else open_,
        "nearby_posts": None,
        "fair_due_on": order["due_on"] if order and is_open else None,
        "is_due_estimated": False if order and is_open else None,
        "held_on": order["done_on"] if order else None,
        "responsible_text": order["responsible_text"] if order else LEAD.format(county=area["county_name"] or "各县区"),
    }


def _who(row: Row) -> str:
    counts = ((row["red_count"], "红色"), (row["orange_count"], "橙色"))
    told = "、".join(f"{colour}{number}家" for number, colour in counts if number)
    return f"{row['county_name']}{row['industry_name']}{told}"


def _who_of_area(area: Mapping[str, Any]) -> str:
    return f"{area['county_name'] or area['industry_name']}达到{area['area_level']}"


def _dated(row: Row, calendar: OfficeCalendar, as_of: date, who: str) -> Row:
    due = row["fair_due_on"]
    by = last_worked(due, calendar) if due else None
    kept = {name: value for name, value in row.items() if name not in ("held_on", "untold")}
    kept["fair_by"] = by.on if by else None
    kept["is_due_estimated"] = row["is_due_estimated"] or by.is_estimated if by else None
    deed = _deed(row | {"is_due_estimated": kept["is_due_estimated"]}, kept["fair_by"], as_of)
    return kept | {"fair_text": f"{who}，{_persons(row)}；{_supply(row)}；{deed}"}


def _persons(row: Row) -> str:
    told = f"当月净减员{formats.count(row['left_persons'])}人" if row["left_persons"] else "当月没有净减员"
    told += f"（另有{row['untold']}家未知）" if row["untold"] else ""
    told = "当月减员未知" if row["left_persons"] is None else told
    if row["coming_persons"] is None:
        return told + "，没有预测"
    return told + f"，模型预计未来三个月再减员{rounded(row['coming_persons'])}人"


def _supply(row: Row) -> str:
    if row["open_posts"] is None:
        return "行业未登记，岗位无法对应" if row["industry_division"] in UNPLACED else "招聘信息未到或过旧，岗位数未知"
    where = {CELL: "本县区同行业", COUNTY: "本县区"}.get(row["area_kind"], "全市同行业")
    told = f"{where}在招{formats.count(row['open_posts'])}个岗位"
    if row["area_kind"] != CELL:
        return told
    if row["nearby_posts"] is None:
        return told + "，周边县区岗位未知或企业过少"
    return told + f"，周边县区同行业{formats.count(row['nearby_posts'])}个"


def _deed(row: Row, by: date | None, as_of: date) -> str:
    who = row["responsible_text"]
    if row["held_on"]:
        return f"专场招聘已登记完成（{formats.day(row['held_on'])}）"
    is_nobody = row["left_persons"] == 0 and not row["untold"] and not int((row["coming_persons"] or 0) + 0.5)
    if by is None and is_nobody:
        return "目前没有需要对接岗位的人员，走访时核实"
    if by is None:
        return "未规定时限，按需组织专场招聘"
    due, told = formats.day(row["fair_due_on"]), ESTIMATED if row["is_due_estimated"] else ""
    if row["fair_due_on"] < as_of:
        return f"专场招聘应在{due}{told}前举办，尚未登记完成，请{who}立即补办或登记"
    if by < as_of:
        return f"请{who}在{due}{told}前组织专场招聘（此前没有工作日了，请今日即办）"
    return f"请{who}最迟于{formats.day(by)}{told}组织专场招聘"
