"""Two sheets about more than single enterprises: how counties and industries stand, and how far the targets are."""

from typing import Any

from pipelines import formats
from pipelines.contracts import Contracts
from pipelines.stages.report.content import Content, Row
from pipelines.stages.report.workbook import Block, Column, Sheet, Style, month, text

LEVELS = ("Ⅰ级", "Ⅱ级", "Ⅲ级", "Ⅳ级", "无")
COUNTY, INDUSTRY, CELL = "县区", "行业", "县区行业"
CELLS_SHOWN = 60
NUMERALS = "一二三四五"
LINES = (
    "等级按项目默认口径判定（参数见“参数”表），供研判，不是官方应急响应等级；升级当期生效，连续满规定月数未达到才下调。",
    "县区和功能区的范围可能重叠，各县区不相加为全市；劳务派遣和人事代理单位不计入。",
)
_LEVELLED: tuple[tuple[str, int, Style, str], ...] = (
    ("area_level", 8, "centre", "未判定"),
    ("level_change", 8, "centre", "未判定"),
    ("level_text", 44, "wrap", "未判定"),
)
_FACTS: tuple[tuple[str, int, Style, str], ...] = (
    ("insured_persons", 10, "count", "无数据"),
    ("area_loss_persons", 10, "count", "不显示或无数据"),
    ("area_loss_ratio", 10, "percent", "不显示或无数据"),
    ("usual_loss_ratio", 10, "percent", "往年数据不足"),
    ("excess_loss_ratio", 10, "signed_percent", "往年数据不足"),
    ("large_event_count", 9, "count", "不显示"),
    ("largest_loss_persons", 9, "count", "不显示"),
    ("expected_loss_persons", 10, "count", "未预测"),
    ("loss_p95_persons", 10, "count", "未测算"),
    ("cluster_probability", 10, "percent", "未测算"),
)
_ASKED: tuple[tuple[str, int, Style, str], ...] = (
    ("area_level", 8, "centre", "未判定"),
    ("order_state", 12, "centre", "未知"),
    ("task_text", 30, "wrap", "未说明"),
    ("responsible_text", 26, "wrap", "未设定"),
    ("due_on", 12, "centre", "未规定"),
    ("done_on", 12, "centre", "未登记"),
    ("order_no", 26, "centre", "未编号"),
)


def area_sheet(content: Content, contracts: Contracts) -> Sheet:
    """Counties and industries with their levels, then the cells that lost most."""
    county = [Column("县区", 12, "centre", text("county_name", missing="未知县区"))]
    industry = [Column("行业", 28, "wrap", text("industry_name", missing="未知行业"))]
    levels, facts = _columns(_LEVELLED, contracts), _columns(_FACTS, contracts)
    facts.insert(-3, Column("预警企业", 18, "centre", _coloured))
    blocks = [Block([*county, *levels, *facts], _of(content, COUNTY), "没有县区数据", "一、县区")]
    industries = _of(content, INDUSTRY)
    if industries:
        blocks.append(Block([*industry, *levels, *facts], industries, "没有行业数据", "二、全市各行业"))
    gathered = [row for row in _of(content, CELL) if row["area_level"] not in (None, LEVELS[-1])]
    if gathered:
        heading = f"{NUMERALS[len(blocks)]}、减员先兆集中的县区行业"
        blocks.append(Block([*county, *industry, *levels, *facts], gathered, "没有", heading))
    if content.area_orders:
        asked = [Column("范围", 18, "wrap", _named), *_columns(_ASKED, contracts)]
        heading = f"{NUMERALS[len(blocks)]}、达到等级的县区和行业：处置工单"
        blocks.append(Block(asked, content.area_orders, "没有工单", heading))
    cells = sorted(_of(content, CELL), key=lambda row: -(row["area_loss_persons"] or 0))
    heading = f"{NUMERALS[len(blocks)]}、县区各行业（按当月净减员，最多{CELLS_SHOWN}个）"
    blocks.append(Block([*county, *industry, *facts], cells[:CELLS_SHOWN], "没有县区行业数据", heading))
    return Sheet("县区行业形势", "县区和行业就业形势", (content.dateline, *LINES), blocks)


def target_sheet(content: Content, contracts: Contracts) -> Sheet:
    """Every target of the document with what was reported of it."""
    spec: tuple[tuple[str, int, Style, str], ...] = (
        ("target_name", 22, "wrap", "未命名"),
        ("target_state", 12, "centre", "未判定"),
        ("target_planned", 12, "count", "未定"),
        ("target_done", 12, "count", "未报送"),
        ("done_ratio", 10, "percent", "未报送"),
        ("pace_ratio", 10, "percent", "未报送"),
        ("projected_done", 14, "count", "不推算"),
        ("target_month", 12, "centre", "未报送"),
        ("target_unit", 8, "centre", "未定"),
        ("note_text", 36, "wrap", "无"),
    )
    columns = _columns(spec, contracts)
    columns.insert(1, Column("期间", 20, "centre", _span))
    return Sheet(
        "目标任务",
        "征求意见稿目标任务进展",
        (
            content.dateline,
            "目标出自征求意见稿及附件，以正式文件为准；附件只列2025年合计，不分县区。"
            "“期末可达”按已过月份的平均进度推算，不是预测。",
        ),
        (Block(columns, content.targets, "没有目标"),),
    )


def raised(content: Content) -> list[Row]:
    """Counties, industries, and industries of one county at a level, the gravest of each kind first."""
    return [
        row | {"area_name": _named(row)}
        for kind in (COUNTY, INDUSTRY, CELL)
        for row in _of(content, kind)
        if row["area_level"] not in (None, LEVELS[-1])
    ]


def _of(content: Content, kind: str) -> list[Row]:
    rows = [row for row in content.areas if row["area_kind"] == kind]
    return sorted(rows, key=lambda row: (_place(row["area_level"]), -(row["area_loss_persons"] or 0)))


def _place(level: str | None) -> int:
    return LEVELS.index(level) if level in LEVELS else len(LEVELS)


def _columns(spec: tuple[tuple[str, int, Style, str], ...], contracts: Contracts) -> list[Column]:
    return [
        Column(contracts.column(name).label, width, style, _told(name, missing)) for name, width, style, missing in spec
    ]


def _told(name: str, missing: str) -> Any:
    if name in ("due_on", "done_on"):
        return lambda row: row[name].isoformat() if row[name] else missing
    return month(name, missing=missing) if name == "target_month" else text(name, missing=missing)


def _named(row: Row) -> str:
    """A county, an industry, or both."""
    return "".join(filter(None, (row["county_name"], row["industry_name"]))) or "未知"


def _coloured(row: Row) -> str:
    counts = zip(formats.COLOURS, ("red_count", "orange_count", "yellow_count", "blue_count"), strict=True)
    return "、".join(f"{colour}{row[name]}" for colour, name in counts if row[name]) or "无"


def _span(row: Row) -> str:
    return f"{formats.month(row['period_from'])}至{formats.month(row['period_to'])}"
