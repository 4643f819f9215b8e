"""The weekly sheet in words: one page of what changed, what must be done by whom until when, and how the county stands.

Every number is a figure of ``weekly``. Lists are cut to what one page holds, and the line below says how many are not
shown. A county's sheet names its enterprises as its list does; the city's names none.
"""

from collections.abc import Iterator, Sequence
from functools import partial

from pipelines.monthly import Figures
from pipelines.monthly_blocks import Block, Paragraph, Part, Piece, Report, Table, Text, joined
from pipelines.monthly_phrases import cells, coloured, estimated, heads, moved
from pipelines.weekly import CITY, Sheet

MOST_ENTERED, MOST_GONE, MOST_LATE, MOST_DUE, MOST_STEPS, MOST_LEVELS, MOST_SOURCES = 6, 4, 5, 6, 4, 5, 8
MOVEMENT = (
    "area_name", "previous_count", "entered_count", "moved_in_count", "left_count", "moved_out_count", "case_count",
    "raised_count", "lowered_count",
)  # fmt: skip
MOVEMENT_HEADS = ("县区", "上次", "新列入", "转入", "移出", "转出", "现有", "升级", "降级")
STANDING = (
    "area_name", "answered_count", "outstanding_count", "helped_count", "settled_count", "late_order_count",
    "due_order_count",
)  # fmt: skip
RATIOS = ("timely_ratio", "hit_ratio")
STANDING_HEADS = (
    "县区", "已反馈", "未反馈", "帮扶中", "稳定转化", "逾期工单", "七日内到期", "按期率", "命中率",
)  # fmt: skip
ENTERED = (
    ("编号", "warning_no"), ("企业", "enterprise_name"), ("变化", "standing_text"), ("等级", "colour"),
    ("参保（人）", "insured_persons"), ("主要原因", "reasons_text"),
)  # fmt: skip
GONE = (
    ("编号", "warning_no"), ("企业", "enterprise_name"), ("原等级", "colour"), ("移出日期", "left_on"),
    ("处置状态", "case_state"),
)  # fmt: skip
LATE = (
    ("事项", "task_name"), ("责任单位", "responsible_text"), ("件数", "order_count"), ("最早到期", "oldest_due_on"),
    ("预警编号", "cases_text"),
)  # fmt: skip
DUE = (
    ("最后一天", "due_on"), ("事项", "task_name"), ("责任单位", "responsible_text"), ("件数", "order_count"),
    ("预警编号", "cases_text"),
)  # fmt: skip
STEPS = (
    ("范围", "area_name"), ("等级", "area_level"), ("事项", "task_text"), ("牵头和报告对象", "responsible_text"),
    ("最后一天", "due_on"), ("状态", "state_text"),
)  # fmt: skip
LAST_DAYS = ("due_on", "oldest_due_on")


def sheet(given: Sheet, *, bureau: str) -> Report:
    """The page of one county, or of the city."""
    figures = given.figures
    edition = partial(figures.figure, "edition", "edition")
    return Report(
        title=f"{given.name}稳岗周报",
        dateline=(
            *(bureau, "　", edition("as_of"), "　期次 ", edition("edition_id"), "　", *_against(figures)),
            *("　数据截止 ", edition("cutoff"), "　参保数据月份 ", edition("reference_month")),
        ),
        lead=_lead(given),
        parts=(
            Part("一、名单变化", _changes(given)),
            Part("二、逾期和七日内到期", _orders(given)),
            Part("三、走访和帮扶", _visits(given)),
            Part("四、参保和等级", _level(given)),
            Part("五、办理评价", _score(given)),
            Part("六、缺数据", _missing(figures)),
        ),
        edition_id=str(figures.value("edition", "edition", "edition_id")),
        is_simulated=bool(figures.value("edition", "edition", "is_simulated")),
    )


def _against(figures: Figures) -> Text:
    if not figures.rows("earlier"):
        return ("没有七天前的期次，不列本周变化",)
    one = partial(figures.figure, "earlier", "earlier")
    return ("对比期次 ", one("edition_id"), "（", one("compared_days"), "天前）")


def _lead(given: Sheet) -> Text:
    figures, code = given.figures, given.code
    if not figures.value("standing", code, "case_count"):
        found: list[Piece] = ["没有在册预警企业"]
    else:
        one = partial(figures.figure, "standing", code)
        found = ["在册预警企业", one("case_count"), "家（", *coloured(figures, "standing", code), "）"]
    if figures.rows("movement"):
        one = partial(figures.figure, "movement", code)
        found += ["，比上次新列入", one("entered_count"), "家、移出", one("left_count"), "家"]
    if figures.value("standing", code, "case_count"):
        one = partial(figures.figure, "standing", code)
        found += ["；逾期工单", one("late_order_count"), "件，七日内到期", one("due_order_count"), "件"]
        found += ["，未反馈", one("outstanding_count"), "家"]
    return (*found, "。")


def _changes(given: Sheet) -> tuple[Block, ...]:
    figures, code = given.figures, given.code
    if not figures.rows("movement"):
        return (Paragraph(("没有七天前或更早的期次可比，不列新列入和移出；在册企业见名单。",)),)
    if code == CITY:
        rows = tuple(cells(figures, "movement", row, MOVEMENT) for row in figures.rows("movement"))
        return (Table(("名单收支（家）",), heads(*MOVEMENT_HEADS), rows), *_passing(figures, code))
    one = partial(figures.figure, "movement", code)
    text: Text = (
        *("上次", one("previous_count"), "家，新列入", one("entered_count"), "家，其他县区转入", one("moved_in_count")),
        *("家，移出", one("left_count"), "家，转往其他县区", one("moved_out_count"), "家，现有", one("case_count")),
        *("家；在册的升级", one("raised_count"), "家、降级", one("lowered_count"), "家。"),
    )
    entered = _listed(
        figures,
        "entered",
        ("新列入和升级",),
        ENTERED,
        most=MOST_ENTERED,
        numbers={4},
    )
    gone = _listed(
        figures,
        "gone",
        ("移出",),
        GONE,
        most=MOST_GONE,
    )
    return (Paragraph(text), *entered, *gone, *_passing(figures, code))


def _passing(figures: Figures, code: str) -> tuple[Block, ...]:
    """Cases between the two editions that neither of them lists."""
    if not figures.value("passing", code, "passing_count"):
        return ()
    told = figures.figure("passing", code, "passing_count")
    return (Paragraph(("另有", told, "家在两期之间列入又移出，不计入上面的增减。"), "note"),)


def _listed(
    figures: Figures,
    query: str,
    title: Text,
    columns: tuple[tuple[str, str], ...],
    *,
    most: int,
    numbers: frozenset[int] | set[int] = frozenset(),
) -> tuple[Block, ...]:
    """A table of the first ``most`` rows of a query, and how many it leaves out; nothing where it has none."""
    rows = figures.rows(query)
    if not rows:
        return ()
    names = tuple(name for _, name in columns)
    told = tuple(
        tuple(
            (*cell, *estimated(figures, query, row)) if name in LAST_DAYS else cell
            for name, cell in zip(names, cells(figures, query, row, names), strict=True)
        )
        for row in rows[:most]
    )
    table = Table(title, heads(*(head for head, _ in columns)), told, frozenset(range(len(columns))) - set(numbers))
    if len(rows) <= most:
        return (table,)
    total = figures.figure(query, rows[0], "total_count")
    return (table, Paragraph(("共", total, "项，只列前面的，其余见本期名单和工单表。"), "note"))


def _orders(given: Sheet) -> tuple[Block, ...]:
    figures = given.figures
    late = _listed(
        figures,
        "late",
        ("逾期工单",),
        LATE,
        most=MOST_LATE,
        numbers={2},
    )
    due = _listed(
        figures,
        "due",
        ("七日内到期（含今天）",),
        DUE,
        most=MOST_DUE,
        numbers={3},
    )
    return (
        *(late or (Paragraph(("没有逾期工单。",)),)),
        *(due or (Paragraph(("七日内没有到期的工单。",)),)),
    )


def _visits(given: Sheet) -> tuple[Block, ...]:
    figures, code = given.figures, given.code
    found: list[Block] = []
    if figures.rows("visited"):
        one = partial(figures.figure, "visited", "visited")
        text: list[Piece] = ["自对比期次以来走访", one("visit_count"), "次"]
        if figures.value("visited", "visited", "late_visit_count"):
            text += ["，另收到此前走访、迟到的走访表", one("late_visit_count"), "份"]
        if figures.value("visited", "visited", "refused_visit_count"):
            text += ["，另有", one("refused_visit_count"), "份走访表未采纳，见“反馈接收”表"]
        given_help = [
            (figures.figure("service", row, "service_name"), figures.figure("service", row, "visit_count"), "次")
            for row in figures.rows("service")
        ]
        text += ["；这些走访提供服务：", *joined(given_help, "、")] if given_help else ["；没有登记提供服务"]
        found.append(Paragraph((*text, "。")))
    if code == CITY:
        rows = tuple(
            (*cells(figures, "standing", row, STANDING), *cells(figures, "score", row, RATIOS))
            for row in figures.rows("standing")
        )
        return (*found, Table(("在册企业办理情况（家、件）",), heads(*STANDING_HEADS), rows))
    if not figures.value("standing", code, "case_count"):
        return (*found, Paragraph(("没有在册企业需要走访。",)))
    one = partial(figures.figure, "standing", code)
    told: Text = (
        *("在册企业已反馈", one("answered_count"), "家、未反馈", one("outstanding_count"), "家；帮扶中"),
        *(one("helped_count"), "家，已稳定或转化", one("settled_count"), "家。"),
    )
    return (*found, Paragraph(told))


def _level(given: Sheet) -> tuple[Block, ...]:
    figures = given.figures
    found: list[Block] = [Paragraph(_staff(figures))]
    rows = figures.rows("level")
    if not figures.value("judged", "judged", "judged_count"):
        return (*found, Paragraph(("本期没有判定等级（缺参保数据或可比月份）。",)))
    if given.code == CITY:
        columns = ("area_name", "area_kind", "area_level", "level_change", "level_text")
        told = tuple(cells(figures, "level", row, columns) for row in rows[:MOST_LEVELS])
        head = heads("县区或行业", "范围", "等级", "变化", "依据")
        if not told:
            found.append(Paragraph(("没有县区和行业达到等级。",)))
        else:
            found.append(Table(("达到等级的县区和行业",), head, told, frozenset(range(5))))
            found += _levels_left(figures, rows)
    else:
        found += _county_levels(figures, rows, own=f"县区/{given.code}")
    steps = _listed(
        figures,
        "step",
        ("等级处置事项（未登记完成的）",),
        STEPS,
        most=MOST_STEPS,
    )
    return (*found, *steps)


def _county_levels(figures: Figures, rows: Sequence[str], *, own: str) -> Iterator[Block]:
    """The county, at a level or not, then those of its industries whose early signs gather."""
    for row in sorted(rows, key=lambda row: row != own)[:MOST_LEVELS]:
        one = partial(figures.figure, "level", row)
        if figures.value("level", row, "area_level") == "无":
            yield Paragraph(("本县区没有达到等级。",))
            continue
        name: Text = () if row == own else (one("area_name"),)
        text: Text = (*name, "等级", one("area_level"), "（", one("level_change"), "，自", one("level_since"), "起）：")
        yield Paragraph((*text, one("level_text"), "。等级供研判，不是官方应急响应等级。"))
    yield from _levels_left(figures, rows)


def _levels_left(figures: Figures, rows: Sequence[str]) -> tuple[Block, ...]:
    """How many stand at a level, where they are more than the page shows."""
    if len(rows) <= MOST_LEVELS:
        return ()
    total = figures.figure("level", rows[0], "total_count")
    return (Paragraph(("达到等级的共", total, "个，只列前面的，其余见“县区行业形势”表。"), "note"),)


def _staff(figures: Figures) -> Text:
    if figures.value("staff", "staff", "insured_persons") is None:
        return ("本月没有参保数据。",)
    one = partial(figures.figure, "staff", "staff")
    change = moved(figures, "staff", "staff", "net_change")
    return (one("month"), "参保", one("insured_persons"), "人，比上月", *change, "。")


def _score(given: Sheet) -> tuple[Block, ...]:
    figures, code = given.figures, given.code
    note = Paragraph(
        (
            "按期率：在册企业可由走访或登记判断的处置步骤中，按期完成的占比。命中率：有核实结论的（含近一年已移出的）中，属实的占比。",
        ),
        "note",
    )
    one = partial(figures.figure, "score", code)
    found: list[Piece] = []
    if figures.value("score", code, "judged_order_count"):
        found += ["应完成步骤", one("judged_order_count"), "件，按期完成", one("timely_order_count"), "件（"]
        found += [one("timely_ratio"), "）；"]
    else:
        found += ["还没有到期或完成的步骤，不计算按期率；"]
    if figures.value("score", code, "found_case_count"):
        found += ["有核实结论", one("found_case_count"), "家，属实", one("true_case_count"), "家（"]
        found += [one("hit_ratio"), "）。"]
    else:
        found += ["还没有核实结论，不计算命中率。"]
    return (Paragraph(tuple(found)), note)


def _missing(figures: Figures) -> tuple[Block, ...]:
    told = partial(figures.figure, "source")
    rows = figures.rows("source")
    named = [(told(row, "feed_label"), "（", told(row, "owner"), "，", told(row, "source_state"), "）") for row in rows]
    found: list[Block] = []
    if named:
        text: list[Piece] = ["待补报：", *joined(named[:MOST_SOURCES], "、")]
        if len(named) > MOST_SOURCES:
            text += ["等", told(rows[0], "total_count"), "个数据源"]
        found.append(Paragraph((*text, "；缺的数据不当作零。")))
    own = partial(figures.figure, "unreported")
    silent = [(own(row, "market_measure"), "（", own(row, "month"), "）") for row in figures.rows("unreported")]
    if silent:
        found.append(Paragraph(("本县区未报送：", *joined(silent, "、"), "，请就业服务机构补报。")))
    return tuple(found) or (Paragraph(("各数据源正常。",)),)
