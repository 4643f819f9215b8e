"""Series that are published again and again: what an edition said of each month, and what the next one says of it.

``series.json`` beside the edition's document holds the levels that it published, and the cases and orders that were
open. The next edition tells each level that it gives otherwise, by how much and why, and what came and went of the
stocks: previous + in − out = now. Integers only, keys sorted, no clock.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from pipelines.run import atomic_file

FILE = "series.json"
STAFF, CASES, ORDERS = "参保人数", "在册预警企业", "未完成工单"
CITY = "全市"
Key = tuple[str, str, str, str]
"""Series, kind of area, code of the area, month as ``2026-10-01``."""


@dataclass(frozen=True)
class Told:
    """What an edition published: levels by series, area and month; the open cases and orders with their county.

    ``cutoff`` is the edition's, None where nothing is remembered.
    """

    levels: Mapping[Key, int] = field(default_factory=dict)
    stocks: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    cutoff: datetime | None = None


def levels(cells: Iterable[Mapping[str, Any]], market: Iterable[Mapping[str, Any]], *, since: date) -> dict[Key, int]:
    """Levels of the city, each county and each industry by month: staff, and each measure of the labour market.

    ``cells`` are rows of ``edition.county_industry_month``, ``market`` of ``out.market_month``, used from ``since`` on.
    """
    found: Counter[Key] = Counter()
    for cell in cells:
        if cell["insured_persons"] is None:
            continue
        month = cell["month"].isoformat()
        for kind, code in ((CITY, CITY), ("县区", cell["county_code"]), ("行业", cell["industry_division"])):
            found[STAFF, kind, code, month] += cell["insured_persons"]
    for row in market:
        if row["month"] >= since:
            for kind, code in ((CITY, CITY), ("县区", row["county_code"])):
                if kind == CITY and not row["in_city_sum"]:
                    continue
                found[row["market_measure"], kind, code, row["month"].isoformat()] += row["market_count"]
    return dict(found)


def revisions(before: Told, now: Mapping[Key, int], *, arrived: Iterable[date]) -> list[dict[str, Any]]:
    """One row per level that differs, of what both editions gave; ``arrived`` are months with staff data new since.

    A county or industry without staff in a month whose city both gave has none there: who moved away is told too.
    """
    fresh = {month.isoformat() for month in arrived}
    found = []
    for key in sorted(before.levels.keys() | now.keys()):
        name, kind, code, month = key
        whole = (name, CITY, CITY, month)
        none = 0 if name == STAFF and whole in before.levels and whole in now else None
        was, level = before.levels.get(key, none), now.get(key, none)
        if was is None or level is None or was == level:
            continue
        if kind != CITY and before.levels.get(whole) == now.get(whole):
            why = "全市合计未变：企业所属县区或行业有变动"
        elif name != STAFF:
            why = "该月数据有补报或更正，或企业所属县区有变动"
        elif month in fresh:
            why = "上期之后收到该月参保数据（补报或更正）"
        else:
            why = "该月没有新数据：企业归并、数据更正或程序变动"
        found.append(
            {
                "series_name": name,
                "area_kind": kind,
                "area_code": code,
                "month": date.fromisoformat(month),
                "was_level": was,
                "now_level": level,
                "revised_by": level - was,
                "revision_text": why,
            }
        )
    return found


def balance(before: Told, now: Mapping[str, Mapping[str, str]]) -> list[dict[str, Any]]:
    """One row per stock and county, and one for the city: what was there, came, went, moved, and is there now."""
    if before.cutoff is None:
        return []
    found = []
    for name in sorted(now):
        old, new = before.stocks.get(name, {}), now[name]
        for code in (CITY, *sorted({*old.values(), *new.values()})):
            was = {number for number, place in old.items() if code in (CITY, place)}
            here = {number for number, place in new.items() if code in (CITY, place)}
            found.append(
                {
                    "series_name": name,
                    "area_code": code,
                    "previous_count": len(was),
                    "added_count": len(here - old.keys()),
                    "moved_in_count": len((here & old.keys()) - was),
                    "removed_count": len(was - new.keys()),
                    "moved_out_count": len((was & new.keys()) - here),
                    "now_count": len(here),
                }
            )
    return found


def recall(folder: Path | None) -> Told:
    """What the edition of ``folder`` published; nothing where there is none, or where it kept no such record yet."""
    if folder is None or not (folder / FILE).is_file():
        return Told()
    body = json.loads((folder / FILE).read_text(encoding="utf-8"))
    given = {
        (name, kind, code, month): level
        for name, kinds in body["levels"].items()
        for kind, codes in kinds.items()
        for code, months in codes.items()
        for month, level in months.items()
    }
    return Told(given, body["stocks"], datetime.fromisoformat(body["cutoff"]))


def write(folder: Path, told: Told) -> None:
    """Write ``told`` into ``folder``, whole or not at all."""
    tree: dict[str, dict[str, dict[str, dict[str, int]]]] = {}
    for (name, kind, code, month), level in told.levels.items():
        tree.setdefault(name, {}).setdefault(kind, {}).setdefault(code, {})[month] = level
    stocks = {name: dict(numbers) for name, numbers in told.stocks.items()}
    body = {"levels": tree, "stocks": stocks, "cutoff": told.cutoff}
    text = json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=datetime.isoformat)
    with atomic_file(folder / FILE) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
