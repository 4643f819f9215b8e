"""The briefing page: what a leader needs first, then why, then on what data it rests. One file, no scripts.

Counts and sums only; every figure can be found again in the workbook beside it.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines import formats
from pipelines.pages import environment
from pipelines.stages.report import absorption, charts, outlook, policies
from pipelines.stages.report.content import Content, Row, colour_counts, is_new
from pipelines.stages.report.explanation import explanation

TEMPLATES = Path(__file__).resolve().parent / "templates"
INDUSTRIES_SHOWN = 12
CASES_SHOWN = 30
EXPORTERS_SHOWN = 8
REASONS_SHOWN = 3
MONTHS_SHOWN = 13


@dataclass(frozen=True)
class Heat:
    """The heat table: industries across, counties down, the last column and row are totals."""

    industries: tuple[str, ...]
    rows: tuple[tuple[str, tuple[tuple[str, str, str], ...]], ...]


def page(content: Content) -> str:
    """The whole HTML text of the briefing."""
    made = environment(TEMPLATES, persons=absorption.persons)
    return made.get_template("briefing.html.j2").render(_context(content))


def _context(content: Content) -> dict[str, Any]:
    fresh = [w for w in content.warnings if is_new(w)]
    exporters = [w for w in content.warnings if w["is_us_exporter"]]
    now = [c for c in content.cells if c["month"] == content.edition["reference_month"]]
    return {
        "content": content,
        "edition": content.edition,
        "colours": formats.COLOURS,
        "marks": formats.CONFIDENTIAL,
        "simulated": formats.SIMULATED,
        "headline": headline(content),
        "totals": colour_counts(content.warnings),
        "falls": sum(c["change_kind"] == "降级" for c in content.changes),
        "exits": sum(c["change_kind"] == "解除" for c in content.changes),
        "counties": counties(content),
        "fresh": fresh[:CASES_SHOWN],
        "fresh_count": len(fresh),
        "exporters": exporters[:EXPORTERS_SHOWN],
        "exporter_totals": colour_counts(exporters),
        "exporter_listed": len(exporters),
        "exporter_listed_insured": _insured(exporters),
        "exporters_known": any(c["us_exporter_count"] is not None for c in now),
        "exporter_firms": sum(c["us_exporter_count"] or 0 for c in now),
        "exporter_insured": sum(c["us_exporter_insured_persons"] or 0 for c in now),
        "raised": outlook.raised(content),
        "has_areas": bool(content.areas),
        "absorbed": absorption.headlines(content),
        "heat": heat(now),
        "legend": charts.heat_legend(),
        "trend": charts.trend(months(content)),
        "reasons": reasons(content),
        "tasks": tasks(content),
        "help": policies.summary(content),
        "broken": [r for r in content.results if not r["passed"]],
        "missing": [s for s in content.sources if s["source_state"] != "正常"],
        "explanation": explanation(content),
    }


def headline(content: Content) -> str:
    """The conclusion in one or two sentences."""
    if not content.warnings:
        return "本期没有企业达到预警条件，各县区无须处置。"
    totals = colour_counts(content.warnings)
    listed = "、".join(f"{colour}色 {number} 家" for colour, number in totals.items() if number)
    kinds = Counter(w["change_kind"] for w in content.warnings)
    moved = f"较上期新增 {kinds['新增']} 家、升级 {kinds['升级']} 家" if not content.is_first else "本期为首期"
    known = any(w["is_us_exporter"] is not None for w in content.warnings)
    exporters = f"{sum(bool(w['is_us_exporter']) for w in content.warnings)} 家" if known else "不详"
    first = (
        f"本期列入预警企业 {formats.count(len(content.warnings))} 家（{listed}），涉及参保 "
        f"{formats.count(_insured(content.warnings))} 人，其中涉美出口企业 {exporters}；{moved}。"
    )
    severe = Counter(w["county_name"] for w in content.warnings if w["colour"] in ("红", "橙"))
    if not severe:
        return first + "没有红色、橙色预警。"
    leading = sorted(severe.items(), key=lambda item: (-item[1], item[0]))[:3]
    return first + "红色、橙色预警主要在" + "、".join(f"{name}（{number} 家）" for name, number in leading) + "。"


def counties(content: Content) -> list[dict[str, Any]]:
    """Colours, new and raised cases and insured persons by county, the most severe first; a total last."""
    names = {c["county_code"]: c["county_name"] for c in content.cells}
    names |= {w["county_code"]: w["county_name"] for w in content.warnings}
    rows = [_county(names[code], [w for w in content.warnings if w["county_code"] == code]) for code in sorted(names)]
    rows.sort(key=lambda row: [-row["totals"][colour] for colour in formats.COLOURS])
    return [*rows, _county("合计", content.warnings)]


def _county(name: str, own: Sequence[Row]) -> dict[str, Any]:
    return {
        "name": name,
        "totals": colour_counts(own),
        "listed": len(own),
        "fresh": sum(is_new(w) for w in own),
        "insured": _insured(own),
        "exporters": sum(bool(w["is_us_exporter"]) for w in own),
    }


def heat(cells: Sequence[Row]) -> Heat:
    """Net change of the month by county and by the industries that employ most; every cell (tint, text, title)."""
    insured: Counter[tuple[str, str]] = Counter()
    for cell in cells:
        insured[cell["industry_division"], cell["industry_name"]] += cell["insured_persons"] or 0
    top = sorted(insured, key=lambda key: (-insured[key], key))[:INDUSTRIES_SHOWN]
    names = {c["county_code"]: c["county_name"] for c in cells}
    lines = [(names[code], [c for c in cells if c["county_code"] == code]) for code in sorted(names)]
    if lines:
        lines.append(("全市", list(cells)))
    rows = []
    for name, own in lines:
        shown = [_cell([c for c in own if c["industry_division"] == division]) for division, _ in top]
        rows.append((name, (*shown, _cell(own))))
    return Heat((*(name for _, name in top), "全部行业"), tuple(rows))


def _cell(cells: Sequence[Row]) -> tuple[str, str, str]:
    known = [c for c in cells if c["net_change_persons"] is not None]
    change = sum(c["net_change_persons"] for c in known)
    before = sum(c["compared_before_persons"] or 0 for c in known)
    ratio = change / before if known and before > 0 else None
    insured = sum(c["insured_persons"] or 0 for c in cells)
    title = f"参保 {formats.count(insured)} 人，净增减 {formats.signed(change)} 人" if known else "无数据"
    return charts.heat_class(ratio), formats.signed_percent(ratio, missing="—"), title


def months(content: Content) -> list[tuple[Any, int, int, bool]]:
    """Insured persons and enterprises with a large loss of the city, in each of the last ``MONTHS_SHOWN`` months."""
    complete = {m["month"]: m["is_complete_month"] for m in content.months}
    insured: Counter[Any] = Counter()
    losses: Counter[Any] = Counter()
    for cell in content.cells:
        insured[cell["month"]] += cell["insured_persons"] or 0
        losses[cell["month"]] += cell["large_loss_count"] or 0
    return [(m, insured[m], losses[m], complete.get(m) is not False) for m in sorted(insured)[-MONTHS_SHOWN:]]


def reasons(content: Content) -> list[dict[str, Any]]:
    """The reasons that most listed enterprises share."""
    listed = {w["enterprise_no"]: w for w in content.warnings}
    spoken: dict[str, set[int]] = {}
    for row in content.reasons:
        if not row["is_mitigating"] and row["enterprise_no"] in listed:
            spoken.setdefault(row["reason_name"], set()).add(row["enterprise_no"])
    leading = sorted(spoken.items(), key=lambda item: (-len(item[1]), item[0]))[:REASONS_SHOWN]
    return [
        {"name": name, "listed": len(found), "insured": _insured(listed[number] for number in sorted(found))}
        for name, found in leading
    ]


def tasks(content: Content) -> list[dict[str, Any]]:
    """What each colour asks for and by when, with the cases it concerns."""
    found: dict[tuple[str, str, str], list[Row]] = {}
    for row in content.warnings:
        found.setdefault((row["colour"], row["action_text"] or "未设定", row["deadline_text"] or "未设定"), []).append(
            row
        )
    return [
        {"colour": colour, "action": action, "deadline": deadline, "listed": len(rows), "fresh": sum(map(is_new, rows))}
        for (colour, action, deadline), rows in found.items()
    ]


def _insured(rows: Iterable[Row]) -> int:
    return sum(row["insured_persons"] or 0 for row in rows)
