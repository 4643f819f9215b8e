"""Where the laid-off can go: the sheet of posts, fairs, training, policy reserve and caseload, and its headlines."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from pipelines import formats
from pipelines.contracts import Contracts
from pipelines.policy.instrument import DRAFT_TEXT
from pipelines.stages.report.content import Content, Row
from pipelines.stages.report.workbook import Block, Column, Sheet, Style, month, text

CITY, COUNTY, CELL = "全市", "县区", "县区行业"
CELLS_SHOWN, FAIRS_SHOWN, RESERVES_SHOWN = 60, 8, 6
NUMERALS = "一二三四五六七"
ANNEX = ("T_MARKET", "T_POLICY", "T_WELFARE", "T_INTERN")
ANNEX_YEAR = 2025
LINES = (
    "减员按企业预计或实际人数，岗位按企业所在县区和行业，红色、橙色企业自己的岗位不计；行业相同不等于工种相同，用于安排对接，不是安置计划。",
    "县区和功能区的范围可能重叠，各县区不相加为全市；空缺写明原因，未知不等于零。",
)
ANNEX_LINE = (
    "征求意见稿附件只列2025年四项合计，不分县区，2025年已过，附件没有以后年度的数；储备临时性公益性岗位执行期至2025年12月31日，"
    "国有企业一次性增人增资至2026年12月31日。现在能用的岗位以上面各表为准。"
)
GROUPS_LINE = (
    "失业登记月报和失业金申领都不分群体：登记失业青年、就业困难人员、残疾人、退役军人等各有多少人失业未知，只知招用人数；"
    "灵活就业（第9条）没有数据源。"
)
Spec = tuple[tuple[str, int, Style, str], ...]
WIDTHS = (12, 26, 60)
"""Where, what, and the sentence: the same in every table, so that the sheet stays narrow enough for paper."""
_FIGURES: Spec = (
    ("loss_kind", 12, "centre", "未知"),
    ("loss_persons", 12, "count", "未知"),
    ("open_posts", 12, "count", "未知"),
    ("posting_enterprise_count", 12, "count", "未知"),
    ("unmatched_persons", 12, "count", "未知"),
    ("spare_posts", 12, "count", "未知"),
)
_TRAINING: Spec = (("training_persons", 12, "count", "未知"),)
_FAIR: Spec = (
    ("fair_by", 12, "centre", "未规定"),
    ("red_count", 12, "count", "无"),
    ("orange_count", 12, "count", "无"),
    ("area_level", 12, "centre", "无"),
    ("left_persons", 12, "count", "未知"),
    ("coming_persons", 12, "count", "未预测"),
    ("open_posts", 12, "count", "未知"),
    ("nearby_posts", 12, "count", "未知或不列"),
)
_RESERVE: Spec = (
    ("instrument_state", 12, "centre", "未定"),
    ("ends_on", 12, "centre", "未注明"),
    ("eligible_count", 12, "count", "未判断"),
    ("unknown_count", 12, "count", "未判断"),
    ("amount_fen", 12, "centre", "未知"),
    ("reopened_count", 12, "count", "不适用或未知"),
    ("reopened_unknown_count", 12, "count", "不适用或未知"),
    ("reopened_fen", 12, "centre", "未知"),
)
_CASELOAD: Spec = (
    ("last_month", 12, "centre", "未知"),
    ("forecast_persons", 12, "count", "不推算"),
    ("low_persons", 12, "count", "不给区间"),
    ("high_persons", 12, "count", "不给区间"),
    ("excess_persons", 12, "count", "未计入"),
    ("past_error_ratio", 12, "percent", "无法检验"),
    ("past_count", 12, "count", "无"),
)
_ANNEX: Spec = (
    ("target_planned", 12, "count", "未定"),
    ("target_done", 12, "count", "未报送"),
    ("target_state", 12, "centre", "未判定"),
)


def absorption_sheet(content: Content, contracts: Contracts) -> Sheet:
    """Counties, their industries, fairs, the reserve and the caseload; of a county its own rows."""
    whole = [row for row in content.reserve if row["area_kind"] == CITY]
    own = [row for row in content.reserve if row["area_kind"] == COUNTY and _reaches(row)]
    counties = [row for kind in (CITY, COUNTY) for row in content.absorption if row["area_kind"] == kind]
    annex = annexed(content)
    trade, helped = ("行业", _industry), ("政策工具", text("instrument_name", missing="未命名"))
    told: list[tuple[str, tuple[str, Any], str, Spec, Sequence[Row], str]] = [
        ("各县区岗位与减员", trade, "absorption_text", _FIGURES + _TRAINING, counties, "没有参保和招聘数据"),
        (
            f"各县区各行业（按同行业无岗人数，最多{CELLS_SHOWN}个）",
            *(trade, "absorption_text", _FIGURES, short(content)[:CELLS_SHOWN]),
            "没有行业的减员多于岗位，或两者未知",
        ),
        ("专场招聘建议", trade, "fair_text", _FAIR, content.fairs, "没有红色、橙色企业，也没有达到等级的县区和行业"),
        ("政策储备：全市", helped, "reserve_text", _RESERVE, whole, "没有约定适用的政策"),
        ("政策储备：各县区", helped, "reserve_text", _RESERVE, own, "没有符合条件的企业"),
        (
            "未来三个月失业登记、申领和招用推算",
            *(("事项", _counted), "caseload_text", _CASELOAD, content.caseload),
            "没有失业登记、申领和招用数据",
        ),
        (
            f"岗位开发计划（附件，{ANNEX_YEAR}年四项合计）",
            *(("目标", text("target_name", missing="未命名")), "note_text", _ANNEX, annex),
            "没有目标",
        ),
    ]
    hidden = {
        heading
        for heading, rows in ((told[3][0], whole or not own), (told[4][0], own), (told[6][0], annex))
        if not rows
    }
    shown = [table for table in told if table[0] not in hidden]
    blocks = [
        Block(_columns(what, said, spec, contracts), rows, empty, f"{numeral}、{heading}")
        for numeral, (heading, what, said, spec, rows, empty) in zip(NUMERALS, shown, strict=False)
    ]
    reserve = f"政策储备：{DRAFT_TEXT}；金额为测算，后续政策未见发布。"
    lines = (content.dateline, *LINES, reserve, GROUPS_LINE, *([ANNEX_LINE] if annex else []))
    return Sheet("岗位吸纳和政策储备", "岗位吸纳、专场招聘和政策储备", lines, blocks)


def _reaches(row: Row) -> bool:
    """Whether the county has an enterprise that may have it, or one of which that is not known."""
    counts = ("eligible_count", "unknown_count", "reopened_count", "reopened_unknown_count")
    return any(row[name] for name in counts)


def annexed(content: Content) -> list[Row]:
    """The four totals of the annex in its only year; a county's content has no targets."""
    return [row for row in content.targets if row["target_key"] in ANNEX and row["period_from"].year == ANNEX_YEAR]


def short(content: Content) -> list[Row]:
    """Cells that lose more than the posts of their industry, the largest gap first."""
    cells = [row for row in content.absorption if row["area_kind"] == CELL and (row["unmatched_persons"] or 0) >= 0.5]
    return sorted(cells, key=lambda row: (-row["unmatched_persons"], row["county_code"], row["industry_division"]))


def headlines(content: Content) -> dict[str, Any]:
    """For the briefing: the city's sentence, the counties' gaps, the next fairs, the reserve and the caseload."""
    city = next((row for row in content.absorption if row["area_kind"] == CITY), None)
    reopenable = [row for row in content.reserve if row["area_kind"] == CITY and row["reopened_count"]]
    return {
        "city": city["absorption_text"] if city else "",
        "counties": sorted(
            (row for row in content.absorption if row["area_kind"] == COUNTY),
            key=lambda row: (-(row["unmatched_persons"] or 0), row["county_code"]),
        ),
        "fairs": content.fairs[:FAIRS_SHOWN],
        "fair_count": len(content.fairs),
        "reserve": sorted(reopenable, key=lambda row: (-(row["reopened_fen"] or 0), row["instrument_id"]))[
            :RESERVES_SHOWN
        ],
        "caseload": [row for row in content.caseload if row["area_kind"] == CITY and row["caseload_group"] == "合计"],
        "annex": ANNEX_LINE if annexed(content) else "",
    }


def _columns(what: tuple[str, Any], said: str, spec: Spec, contracts: Contracts) -> list[Column]:
    """Where, what, the sentence, and the figures of ``spec``."""
    header, value = what
    label = contracts.column(said).label
    return [
        Column("县区", WIDTHS[0], "centre", _placed),
        Column(header, WIDTHS[1], "wrap", value),
        Column(label, WIDTHS[2], "wrap", text(said, missing="未说明")),
        *(Column(_header(name, contracts), width, style, _told(name, missing)) for name, width, style, missing in spec),
    ]


def _header(name: str, contracts: Contracts) -> str:
    column = contracts.column(name)
    unit = "" if name.endswith("_fen") else column.unit
    return f"{column.label}（{unit}）" if unit else column.label


def _told(name: str, missing: str) -> Callable[[Row], Any]:
    if name.endswith("_fen"):
        return lambda row: missing if row[name] is None else formats.yuan(row[name])
    if name == "last_month":
        return month(name, missing=missing)
    if name == "fair_by":
        return lambda row: f"{_plain(row[name], missing)}{'（暂按周末推算）' if row['is_due_estimated'] else ''}"
    return lambda row: _plain(row[name], missing)


def _plain(value: Any, missing: str) -> Any:
    if value is None:
        return missing
    return value.isoformat() if isinstance(value, date) else value


def _placed(row: Row) -> str:
    return row.get("county_name") or ("全市" if row.get("area_kind", CITY) in (CITY, "行业") else "未知县区")


def _industry(row: Row) -> str:
    return row["industry_name"] or "全部行业"


def _counted(row: Row) -> str:
    group = row["caseload_group"]
    return str(row["caseload_kind"]) if group == "合计" else f"{row['caseload_kind']}：{group}"


def persons(value: float | None) -> str:
    """Persons to the next whole one, half a person up."""
    return formats.count(None if value is None else int(value + 0.5), missing="未知")
