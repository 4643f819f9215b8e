"""The monthly report in words, its first three parts: each sentence states a figure, or says why there is none."""

from collections.abc import Sequence
from functools import partial

from pipelines.monthly import Figures
from pipelines.monthly_blocks import Block, Chart, Heading, Paragraph, Part, Piece, Report, Table, Text, joined
from pipelines.monthly_judgement import exporters, judgement
from pipelines.monthly_notes import notes
from pipelines.monthly_phrases import cells, coloured, heads, moved, points, without

INDUSTRIES, REASONS = 10, 10
SERVICES = ("岗位需求", "登记求职", "介绍成功", "期末登记失业", "新增登记失业", "失业人员再就业")
CLAIMS = ("申领失业保险金", "因裁减关闭申领")
COMPARED = ("所属月份", "本月", "上月", "环比", "上年同月", "同比")
MARKET_HEADS = ("所属月份", "报送县区（个）", *COMPARED[1:])
COMPARED_COLUMNS = (
    "row_key", "month", "persons", "before_persons", "+change_ratio", "year_before_persons", "+year_change_ratio",
)  # fmt: skip
MARKET_COLUMNS = ("row_key", "month", "county_places", *COMPARED_COLUMNS[2:])
AREA_HEADS = ("企业（家）", "参保（人）", "净增减（人）", "增减率", "剔除后（人）", "剔除后增减率", "大额减员（家）")
AREA_COLUMNS = (
    "area_name", "enterprise_count", "insured_persons", "+net_change_persons", "+net_change_ratio",
    "+without_change_persons", "+without_change_ratio", "large_loss_count",
)  # fmt: skip
LARGEST_HEADS = ("序", "县区", "行业", "上月参保", "本月参保", "增减（人）", "等级", "名单编号或未列入原因", "主要原因")
LARGEST_COLUMNS = (
    "row_key", "county_name", "industry_name", "previous_insured_persons", "insured_persons",
    "+insured_change_1m_persons", "colour", "standing_text", "reasons_text",
)  # fmt: skip


def report(figures: Figures, *, city: str, bureau: str) -> Report:
    """The report of the edition that ``figures`` were read from."""
    edition = partial(figures.figure, "edition", "edition")
    return Report(
        title=f"{city}就业形势月度分析",
        dateline=(
            *(bureau, "　参保数据月份 ", edition("reference_month"), "　期次 ", edition("edition_id")),
            *("　数据截止 ", edition("cutoff")),
        ),
        lead=_lead(figures),
        parts=(
            Part("一、人力资源市场供求变化情况", _market(figures)),
            Part("二、高校毕业生供求变化情况", _graduates(figures)),
            Part("三、监测企业用工变化情况", (*_monitored(figures), *_insured(figures), *_reasons(figures))),
            Part("四、总体判断和走势预测", judgement(figures)),
            Part("五、涉美出口企业专章", exporters(figures)),
            Part("六、数据说明", notes(figures)),
        ),
        edition_id=str(figures.value("edition", "edition", "edition_id")),
        is_simulated=bool(figures.value("edition", "edition", "is_simulated")),
    )


def lead_of(figures: Figures, *, variant: Text = ()) -> Text:
    """Insured persons, their change against the month before (then the ``variant``) and against the year before."""
    city = partial(figures.figure, "city", "city")
    if not figures.rows("city"):
        return (figures.figure("edition", "edition", "reference_month"), "没有参保数据，本月不作总体分析。")
    found: list[Piece] = [city("month"), "，全市失业保险参保", city("insured_persons"), "人"]
    if figures.value("city", "city", "net_change_persons") is None:
        found.append("，没有上月数据，不计算增减")
    else:
        found += ["，比上月", *moved(figures, "city", "city", "net_change"), *variant]
    if figures.value("city", "city", "year_before_persons") is None:
        return (*found, "；没有上年同月数据，不作同比。")
    return (*found, "；比上年同月", *moved(figures, "city", "city", "year_change"), "。")


def _lead(figures: Figures) -> Text:
    found = lead_of(figures, variant=without(figures, "area", "全市/全市"))
    edition = partial(figures.figure, "edition", "edition")
    if not figures.value("edition", "edition", "warning_count"):
        return (*found, "本期没有企业列入预警名单。")
    return (*found, "预警企业", edition("warning_count"), "家（", *coloured(figures, "edition", "edition"), "）。")


def _market(figures: Figures) -> tuple[Block, ...]:
    if not any(name in figures.rows("market") for name in SERVICES):
        return (Paragraph(("本期没有求职招聘供求和失业登记数据，请公共就业服务机构补报后再作分析。",)),)
    months = figures.rows("balance")
    found: list[Block] = [Paragraph(balance_of(figures))]
    rows = _compared(figures, "market", (*SERVICES, *CLAIMS), MARKET_COLUMNS)
    found.append(Table(("供求、失业登记和失业保险金申领",), heads("指标", *MARKET_HEADS), rows))
    if len(months) > 1:
        drawn = points(figures, "balance", "posts_times")
        found.append(Chart("求人倍率（岗位需求数与登记求职人数之比）", "倍", drawn))
    columns = ("county_name", "demand_posts", "jobseeker_persons", "posts_times")
    counties = tuple(cells(figures, "supply", row, columns) for row in figures.rows("supply"))
    if counties:
        title: Text = ("分县区供求（", figures.figure("supply", figures.rows("supply")[0], "month"), "）")
        found.append(Table(title, heads("县区", "岗位需求（个）", "登记求职（人）", "求人倍率"), counties))
    found.append(Paragraph((*_added_up(figures), "两个月报送的县区不同，不作比较，显示为“无数据”。"), "note"))
    return tuple(found)


def _added_up(figures: Figures) -> Text:
    """How the city's counts of services and registrations were added up."""
    zones = figures.rows("zone")
    if not zones:
        return ("供求和失业登记为各县区报送数相加，县区与功能区的范围如有重叠会重复计；",)
    names = [figures.figure("zone", zone, "county_name") for zone in zones]
    listed = [part for name in names for part in (name, "、")][:-1]
    return ("供求和失业登记为各县区报送数相加，", *listed, "的报送数已含于所在县区，不另加；")


def balance_of(figures: Figures) -> Text:
    """Posts per jobseeker of the newest month, beside the reported month before."""
    months = figures.rows("balance")
    if not months:
        return ("没有同时报送岗位和求职人数的县区，不计算求人倍率。",)
    now = partial(figures.figure, "balance", months[-1])
    found: Text = (
        *(
            now("month"),
            "两项都报送的",
            now("county_places"),
            "个县区登记岗位需求",
            now("demand_posts"),
            "个，登记求职",
        ),
        *(now("jobseeker_persons"), "人，求人倍率", now("posts_times")),
    )
    if len(months) == 1:
        return (*found, "，此前没有数据可比。")
    before = partial(figures.figure, "balance", months[-2])
    if not figures.value("balance", months[-2], "is_same_counties"):
        return (*found, "（", before("month"), "报送的县区不同，不作比较）。")
    return (*found, "（", before("month"), "为", before("posts_times"), "）。")


def _graduates(figures: Figures) -> tuple[Block, ...]:
    missing = Paragraph(("应届高校毕业生登记求职人数、招聘高校毕业生的岗位数没有数据源，须人工补充。",), "note")
    if "高校毕业生" not in figures.rows("hires"):
        return (Paragraph(("本期没有高校毕业生招用数据，请报送重点群体招用月报后再作分析。",)), missing)
    rows = _compared(figures, "hires", figures.rows("hires"))
    table = Table(("重点群体招用（参保单位报送）",), heads("群体", *COMPARED), rows)
    return (Paragraph(graduates_of(figures)), table, missing)


def graduates_of(figures: Figures) -> Text:
    """Graduates hired in the newest month, against the month and the year before where these are known."""
    now = partial(figures.figure, "hires", "高校毕业生")
    text: Text = (now("month"), "参保单位招用高校毕业生", now("persons"), "人")
    for column, ratio, words in (
        ("before_persons", "change_ratio", "，上月"),
        ("year_before_persons", "year_change_ratio", "，上年同月"),
    ):
        if figures.value("hires", "高校毕业生", column) is None:
            continue
        text = (*text, words, now(column), "人")
        if figures.value("hires", "高校毕业生", ratio) is not None:
            text = (*text, "（增减", now(ratio, signed=True), "）")
    return (*text, "。")


def _monitored(figures: Figures) -> tuple[Block, ...]:
    heading = Heading(("（一）失业动态监测企业",))
    if not figures.value("monitored", "monitored", "enterprise_count"):
        return (heading, Paragraph(("本期没有失业动态监测数据，以下用全部参保企业分析。",)))
    now = partial(figures.figure, "monitored", "monitored")
    text: Text = (
        *(now("month"), "监测企业", now("enterprise_count"), "家，期末用工", now("staff_persons"), "人，新招"),
        *(now("hired_persons"), "人，减员", now("separated_persons"), "人（占期初", now("separated_ratio"), "），"),
        *moved(figures, "monitored", "monitored", "net_change"),
    )
    if figures.value("monitored", "monitored", "idle_persons") is not None:
        text = (*text, "；待岗", now("idle_persons"), "人（占用工", now("idle_ratio"), "）")
    columns = ("market_detail", "persons", "share_ratio")
    kinds = tuple(cells(figures, "reduction", row, columns) for row in figures.rows("reduction"))
    table = Table(("监测企业减员类型",), heads("减少类型", "人数（人）", "占比"), kinds, empty="没有减员。")
    return (heading, Paragraph((*text, "。")), table)


def _insured(figures: Figures) -> tuple[Block, ...]:
    heading = Heading(("（二）全部参保企业",))
    if not figures.rows("city"):
        return (heading, Paragraph(("本月没有参保数据。",)))
    city = partial(figures.figure, "city", "city")
    large = figures.figure("large", "large_loss_persons", "large_loss_persons")
    text: Text = (
        *("参保企业", city("enterprise_count"), "家；与上月相比，减员", city("fallen_count"), "家（其中已停止参保"),
        *(city("ended_count"), "家）、增员", city("risen_count"), "家、持平", city("level_count"), "家，另有"),
        *(city("unknown_count"), "家缺上月或本月数据，不作比较；当月净减员", large, "人及以上（大额减员）的"),
        *(city("large_loss_count"), "家。"),
    )
    if figures.value("city", "city", "uncompared_persons"):
        uncompared = figures.figure("city", "city", "uncompared_persons", signed=True)
        text = (*text, "缺上月或本月数据的企业使参保合计变动", uncompared, "人，不计入净增减。")
    found: list[Block] = [heading, Paragraph(text)]
    drawn = points(figures, "trend", "net_change_persons")
    if any(figure.value is not None for _, figure in drawn):
        found.append(Chart("全市参保人数月度净增减", "人", drawn))
    counties = of_kind(figures, "县区")
    if figures.value("city", "city", "net_change_persons") is not None:
        named = tuple(
            (figures.figure("area", row, "area_name"), figures.figure("area", row, "net_change_persons", signed=True))
            for row in counties
        )
        found.append(Chart("各县区参保人数净增减", "人", named, is_told=True))
    falling = [row for row in of_kind(figures, "行业") if (figures.value("area", row, "net_change_persons") or 0) < 0]
    found.append(_areas(figures, "县区", "分县区增减", counties))
    found.append(_areas(figures, "行业", "净减员最多的行业（最多列十个）", falling[:INDUSTRIES]))
    rows = tuple(cells(figures, "largest", row, LARGEST_COLUMNS) for row in figures.rows("largest"))
    title: Text = ("全市减员最多的", figures.argument("largest"), "家企业（不列名称，凭编号查名单）")
    words = frozenset({0, 1, 2, 6, 7, 8})
    found.append(Table(title, heads(*LARGEST_HEADS), rows, words, empty="本月没有减员的企业。"))
    told = ("“剔除后”：去掉该县区或行业减员最多的", figures.argument("largest"), "家企业后的净增减，不足的全部去掉。")
    return (*found, Paragraph(told, "note"))


def of_kind(figures: Figures, kind: str) -> list[str]:
    """The rows of ``area`` that are about counties, or about industries."""
    return [row for row in figures.rows("area") if figures.value("area", row, "area_kind") == kind]


def _areas(figures: Figures, kind: str, title: str, rows: list[str]) -> Table:
    told = tuple(cells(figures, "area", row, AREA_COLUMNS) for row in rows)
    return Table((title,), heads(kind, *AREA_HEADS), told, empty=f"没有净减员的{kind}。")


def _reasons(figures: Figures) -> tuple[Block, ...]:
    heading = Heading(("（三）减员和风险原因",))
    rows = figures.rows("reason")
    if not rows:
        return (heading, Paragraph(("本期名单没有记录风险原因。",)))
    told = partial(figures.figure, "reason")
    first = [(told(row, "reason_name"), told(row, "enterprise_count"), "家") for row in rows[:3]]
    text: Text = ("预警企业的风险原因，最多的是：", *joined(first, "、"), "（一家企业可有多项原因）。")
    columns = ("reason_name", "dimension", "enterprise_count", "exporter_count")
    listed = tuple(cells(figures, "reason", row, columns) for row in rows[:REASONS])
    head = heads("原因", "维度", "企业（家）", "其中涉美（家）")
    return (heading, Paragraph(text), Table(("预警企业的主要原因（最多列十项）",), head, listed, frozenset({0, 1})))


def _compared(
    figures: Figures, query: str, rows: Sequence[str], columns: Sequence[str] = COMPARED_COLUMNS
) -> tuple[tuple[Text, ...], ...]:
    return tuple(cells(figures, query, row, columns) for row in rows if row in figures.rows(query))
