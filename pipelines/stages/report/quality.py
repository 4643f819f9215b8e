"""The quality page: what the gate decided, what each feed and department sent, how that moved, and what is to be done.

One file without scripts that asks nothing of any network; its bytes follow from the edition's data alone. It is for the
bureau; what departments get back is the workbook of ``feedback``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from pipelines import formats
from pipelines.contracts import Feed
from pipelines.pages import environment
from pipelines.run import add_months, month_of
from pipelines.stages.report import quality_charts as charts
from pipelines.stages.report.quality_content import Quality, Row

TEMPLATES = Path(__file__).resolve().parent / "templates"
MONTHS_SHOWN = 13
CHECKS_SHOWN = 8
BROKEN_SHOWN = 40
REFUSALS_SHOWN = 10
DIMENSIONS = (
    ("timeliness_points", "及时性"),
    ("completeness_points", "完整性"),
    ("validity_points", "有效性"),
    ("stability_points", "稳定性"),
    ("answer_points", "答复"),
)
ADVICE = {
    "关闭": "名单不发布，上一期继续有效。请按下列各条处理后重新运行；确需放行的，由负责人说明理由。",
    "人工放行": "负责人已说明理由并放行，名单照常发布；放行的问题仍列在下表，请继续处理。",
    "通过（有提示）": "名单照常发布。提示不影响发布，请有关部门核对。",
    "通过": "名单照常发布，没有需要处理的问题。",
}


@dataclass(frozen=True)
class FeedView:
    """One feed as the page shows it; ``needs_look`` where anything of it is to be done."""

    feed: Feed
    source: Row | None
    latest: Row | None
    volume_ratio: float | None
    waiting: int
    refused: int
    days_late: int | None
    points: int | None
    drifted: tuple[Row, ...]
    drift: tuple[Row, ...]
    checks: tuple[Row, ...]
    broken_checks: int
    volume: charts.Chart
    rate: charts.Chart
    was_held: bool
    needs_look: bool

    @property
    def state(self) -> str:
        """In one word whether it came in time."""
        return str(self.source["source_state"]) if self.source else "缺失"


def page(quality: Quality) -> str:
    """The whole HTML text of the page."""
    return environment(TEMPLATES, amount=amount).get_template("quality.html.j2").render(_context(quality))


def _context(quality: Quality) -> dict[str, Any]:
    feeds = [_view(feed, quality) for feed in quality.feeds]
    broken = quality.broken
    return {
        "quality": quality,
        "marks": formats.CONFIDENTIAL,
        "simulated": formats.SIMULATED,
        "verdict": quality.verdict["gate_verdict"],
        "headline": headline(quality, feeds),
        "advice": ADVICE[quality.verdict["gate_verdict"]],
        "reasons": [part for part in (quality.verdict["reason_text"] or "").split("；") if part],
        "faults": sum(row["severity"] == "fail" for row in broken),
        "hints": sum(row["severity"] == "warn" for row in broken),
        "in_time": sum(view.state == "正常" for view in feeds),
        "waiting": sum(quality.waiting.values()),
        "broken": broken[:BROKEN_SHOWN],
        "broken_more": max(0, len(broken) - BROKEN_SHOWN),
        "dimensions": DIMENSIONS,
        "judged_month": judged_month(quality),
        "departments": departments(quality),
        "feeds": feeds,
        "refusals": quality.refusals[-REFUSALS_SHOWN:],
        "refusals_more": max(0, len(quality.refusals) - REFUSALS_SHOWN),
        "corrections": quality.corrections,
        "named": quality.named,
        "named_waiting": sum(row["name_count"] for row in quality.named if row["link_method"] == "待认定"),
        "purposes": quality.purposes,
        "purposes_unclear": sum(row["purpose_state"] == "约定不全" for row in quality.purposes),
        "labels": {feed.feed: feed.label for feed in quality.feeds},
        "checks_shown": CHECKS_SHOWN,
        "formula": formula(quality),
    }


def headline(quality: Quality, feeds: Sequence[FeedView]) -> str:
    """The conclusion in one or two sentences."""
    parts = [f"质量关：{quality.verdict['gate_verdict']}。"]
    told = []
    for state, words in (("滞后", "滞后"), ("缺失", "未到")):
        names = [view.feed.label for view in feeds if view.state == state]
        told += [f"{words}{len(names)}项（{_some(names)}）"] if names else []
    parts.append(f"{len(feeds)}项数据中，{'，'.join(told)}。" if told else f"{len(feeds)}项数据全部按期到达。")
    lines = sum(quality.waiting.values())
    parts.append(f"隔离后尚未重新报送{formats.count(lines)}行。" if lines else "没有等待重新报送的隔离行。")
    return "".join(parts)


def _some(names: Sequence[str], most: int = 4) -> str:
    return "、".join(names[:most]) + ("等" if len(names) > most else "")


def judged_month(quality: Quality) -> date | None:
    """The latest month under review that is over."""
    over = [row["quality_month"] for rows in quality.departments.values() for row in rows if row["is_month_over"]]
    return max(over, default=None)


def departments(quality: Quality) -> list[dict[str, Any]]:
    """Each department's points of the latest month that is over, the change, the month so far, and the trend."""
    month = judged_month(quality)
    shown: list[dict[str, Any]] = []
    for owner, rows in quality.departments.items():
        by_month = {row["quality_month"]: row for row in rows}
        now = by_month.get(month) if month else None
        before = by_month.get(add_months(month, -1)) if month else None
        change = None
        if now and before and None not in (now["quality_points"], before["quality_points"]):
            change = now["quality_points"] - before["quality_points"]
        shown.append(
            {
                "owner": owner,
                "now": now,
                "change": change,
                "so_far": rows[-1]["quality_points"] if not rows[-1]["is_month_over"] else None,
                "trend": charts.spark([(m, _points(by_month.get(m))) for m in _months(quality, over=True)]),
            }
        )
    shown.sort(key=lambda row: (row["now"] is None, _points(row["now"]) or 0, row["owner"]))
    return shown


def _points(row: Mapping[str, Any] | None) -> int | None:
    return row["quality_points"] if row else None


def _months(quality: Quality, *, over: bool = False) -> list[date]:
    """The months that charts show, the last one that of the cutoff, or the one before where only whole ones are."""
    last = add_months(month_of(quality.cutoff), -1 if over else 0)
    return [add_months(last, -back) for back in range(MONTHS_SHOWN - 1, -1, -1)]


def _view(feed: Feed, quality: Quality) -> FeedView:
    source = next((quality.sources[table] for table in feed.provides if table in quality.sources), None)
    reviewed = {row["quality_month"]: row for row in quality.reviewed.get(feed.feed, ())}
    over = [row for row in reviewed.values() if row["is_month_over"]]
    known = quality.months.get(feed.feed, ())
    latest = known[-1] if known else None
    ratio = latest["row_count"] / latest["expected_row_count"] if latest and latest["expected_row_count"] else None
    checks = quality.checks.get(feed.feed, ())
    drift = tuple(row for row in quality.drift.get(feed.feed, ()) if row["stability_index"] is not None)
    drifted = tuple(row for row in drift if row["is_drifted"])
    state = source["source_state"] if source else "缺失"
    refused = sum(row["feed"] == feed.feed for row in quality.refusals)
    broken = sum(bool(row["bad_row_count"]) for row in checks)
    waiting = quality.waiting.get(feed.feed, 0)
    return FeedView(
        feed=feed,
        source=source,
        latest=latest,
        volume_ratio=ratio,
        waiting=waiting,
        refused=refused,
        days_late=next((row["days_late"] for row in reversed(over) if row["due_month"]), None),
        points=_points(over[-1]) if over else None,
        drifted=drifted,
        drift=drift,
        checks=checks,
        broken_checks=broken,
        volume=_volume(feed, known, quality),
        rate=charts.rate(
            [(month, _held_ratio(reviewed.get(month))) for month in _months(quality)],
            limit=float(quality.parameters["batch_bad_row_pct"]) / 100,
        ),
        was_held=any(row["quarantined_count"] for row in reviewed.values()),
        needs_look=bool(waiting or refused or drifted or (state == "滞后") or (state == "缺失" and feed.required)),
    )


def _volume(feed: Feed, known: Sequence[Row], quality: Quality) -> charts.Chart:
    """Rows of the last months up to the latest one that the feed speaks of, odd where far from the median."""
    if not known:
        return charts.volume([])
    by_month = {row["month"]: row for row in known}
    last = known[-1]["month"]
    low, high = (float(quality.parameters[f"feed_volume_{end}_pct"]) / 100 for end in ("low", "high"))
    first, least, shown = known[0]["month"], int(quality.parameters["feed_rows_least"]), []
    for back in range(MONTHS_SHOWN - 1, -1, -1):
        month = add_months(last, -back)
        if month < first:
            continue
        row = by_month.get(month)
        rows, expected = (row["row_count"], row["expected_row_count"]) if row else (None, None)
        is_far = row is not None and is_far_off(row, least=least, low=low, high=high)
        shown.append((month, rows, expected, (is_far or rows is None) and feed.cadence == "monthly"))
    return charts.volume(shown)


def is_far_off(row: Row, *, least: int, low: float, high: float) -> bool:
    """Whether a month's rows lie outside ``low`` to ``high`` of a median that is large enough to compare with."""
    rows, expected = row["row_count"], row["expected_row_count"]
    return expected is not None and expected >= least and not low * expected <= rows <= high * expected


def _held_ratio(row: Row | None) -> float | None:
    if row is None or not row["row_count"] + row["quarantined_count"]:
        return None
    return float(row["quarantined_count"] / (row["row_count"] + row["quarantined_count"]))


def amount(value: float | None, kind: str) -> str:
    """A median as its sender writes it: money in yuan or dollars, shares in percent."""
    if value is None:
        return "无数据"
    if kind in {"fen", "usd_cent"}:
        return f"{value / 100:,.0f}{'元' if kind == 'fen' else '美元'}".replace("-", formats.MINUS)
    return f"{value / 100:g}%" if kind == "basis_point" else f"{value:,.10g}".replace("-", formats.MINUS)


def formula(quality: Quality) -> list[tuple[str, str]]:
    """How the points come about, in sentences with the numbers in force."""
    p = quality.parameters
    weights = "、".join(f"{word}{weight}" for word, weight in p["quality_weights"].items())
    least = p["feed_rows_least"]
    return [
        ("总分", f"五项按权重（{weights}）加权平均，满分100；没有依据的一项不计分，也不占权重。"),
        (
            "及时性",
            f"当月应报数据在约定日期（所属期结束后约定天数）当日及以前首次到达得100分，每逾期1日扣{p['quality_points_per_day_late']}分；"
            "截止时仍未到为0分。成批补录的历史数据不计。",
        ),
        ("完整性", f"当月应报数据的行数占前六个月中位数的百分比，最高100；中位数不足{least}行的不计。"),
        (
            "有效性",
            f"100分起，被隔离的行每占1%扣{p['quality_points_per_bad_pct']}分，每有一个文件整份拒收扣"
            f"{p['quality_points_per_refused_file']}分。",
        ),
        (
            "稳定性",
            f"行数偏离前六个月中位数（多或少）超出{p['quality_volume_tolerance_pct']}%的部分，每1%扣"
            f"{p['quality_points_per_volume_pct']}分。",
        ),
        ("答复", f"退回满{p['quality_answer_days']}日的隔离行中，已重新报送合格的比例。没有退回的不计。"),
        (
            "部门得分",
            f"部门各数据源得分的平均，必需数据源权重为{p['quality_required_weight']}，其他为1。按月考核，"
            "月份为文件到达或应到的月份。",
        ),
    ]
