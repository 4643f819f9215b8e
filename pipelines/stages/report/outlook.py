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
    "打印到“当月大额减员企业”为止；单家最多净减员、常年同期和预测各列在屏幕上看。",
)
Spec = tuple[tuple[str, int, Style, str], ...]
_LEVELLED: Spec = (
    ("area_level", 7, "centre", "未判定"),
    ("level_change", 7, "centre", "未判定"),
    ("level_text", 38, "wrap", "未判定"),
)
_FACTS: Spec = (
    ("insured_persons", 11, "count", "无数据"),
    ("area_loss_persons", 11, "count", "不显示或无数据"),
    ("area_loss_ratio", 9, "percent", "不显示或无数据"),
    ("excess_loss_ratio", 9, "signed_percent", "往年数据不足"),
    ("large_event_count", 9, "count", "不显示"),
)
_ON_SCREEN: Spec = (
    ("largest_loss_persons", 9, "count", "不显示"),
    ("usual_loss_ratio", 9, "percent", "往年数据不足"),
    ("expected_loss_persons", 10, "count", "未预测"),
    ("loss_p95_persons", 10, "count", "未测算"),
    ("cluster_probability", 10, "percent", "未测算"),
)
"""What is left out on paper, so that the rest can be read there."""
_DONE: Spec = (
    ("order_no", 14, "centre", "未编号"),
    ("due_on", 11, "centre", "未规定"),
    ("done_on", 11, "centre", "未登记"),
)


def area_sheet(content: Content, contracts: Contracts) -> Sheet:
    """Counties and industries with their levels, then the cells that lost most.

    Every table begins with the same columns of the same width, so that the sheet stays narrow enough for paper.
    """
    place = [Column("县区", 10, "centre", _county), Column("行业", 18, "wrap", _industry)]
    coloured = Column("预警企业", 14, "wrap", _coloured)
    printed = [*place, *_columns(_LEVELLED, contracts), coloured, *_columns(_FACTS, contracts)]
    told = [*printed, *_columns(_ON_SCREEN, contracts)]
    blocks = [Block(told, _of(content, COUNTY), "没有县区数据", "一、县区")]
    industries = _of(content, INDUSTRY)
    if industries:
        blocks.append(Block(told, industries, "没有行业数据", "二、全市各行业"))
    gathered = [row for row in _of(content, CELL) if row["area_level"] not in (None, LEVELS[-1])]
    if gathered:
        blocks.append(Block(told, gathered, "没有", f"{NUMERALS[len(blocks)]}、减员先兆集中的县区行业"))
    if content.area_orders:
        what = Column("办理要求和责任单位", 38, "wrap", _asked)
        state = _columns((("area_level", 7, "centre", "未判定"), ("order_state", 7, "centre", "未知")), contracts)
        asked = [*place, *state, what, *_columns(_DONE, contracts)]
        heading = f"{NUMERALS[len(blocks)]}、达到等级的县区和行业：处置工单"
        blocks.append(Block(asked, content.area_orders, "没有工单", heading))
    cells = sorted(_of(content, CELL), key=lambda row: -(row["area_loss_persons"] or 0))
    heading = f"{NUMERALS[len(blocks)]}、县区各行业（按当月净减员，最多{CELLS_SHOWN}个）"
    blocks.append(Block(told, cells[:CELLS_SHOWN], "没有县区行业数据", heading))
    return Sheet("县区行业形势", "县区和行业就业形势", (content.dateline, *LINES), blocks, printed=len(printed))


def target_sheet(content: Content, contracts: Contracts) -> Sheet:
    """Every target of the document with what was reported of it."""
    spec: Spec = (
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


def _columns(spec: Spec, contracts: Contracts) -> list[Column]:
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


def _county(row: Row) -> str:
    return str(row["county_name"] or ("全市" if row["area_kind"] == INDUSTRY else "未知县区"))


def _industry(row: Row) -> str:
    return str(row["industry_name"] or ("全部行业" if row["area_kind"] == COUNTY else "未知行业"))


def _asked(row: Row) -> str:
    """What is to be done, and who leads."""
    return f"{row['task_text'] or '未说明'}（{row['responsible_text'] or '责任单位未设定'}）"


def _coloured(row: Row) -> str:
    counts = zip(formats.COLOURS, ("red_count", "orange_count", "yellow_count", "blue_count"), strict=True)
    return "、".join(f"{colour}{row[name]}" for colour, name in counts if row[name]) or "无"


def _span(row: Row) -> str:
    return f"{formats.month(row['period_from'])}至{formats.month(row['period_to'])}"
