"""Part four of the monthly report and the chapter on exporters: what the levels, the model and the cases on hand say.

Recommendations come from what the system knows: levels, orders that are late, deadlines, instruments that are not over.
No number of a policy is told here but the day until which it runs.
"""

from functools import partial

from pipelines.monthly import Figures
from pipelines.monthly_blocks import Block, Chart, Heading, Paragraph, Piece, Table, Text, joined
from pipelines.monthly_phrases import cells, coloured, estimated, heads, moved, without
from pipelines.policy.instrument import DRAFT_TEXT

DEADLINES, REASONS, ORDERS = 6, 5, 10
RESPONSE_HEADS = (
    "县区", "在册（件）", "已反馈（件）", "其中属实（件）", "其中帮扶及稳定转化（件）", "逾期工单（件）",
    "本期核实不属实移出（件）",
)  # fmt: skip
RESPONSE_COLUMNS = (
    "area_name", "case_count", "answered_count", "true_count", "helped_count", "late_order_count", "false_alarm_count",
)  # fmt: skip


def judgement(figures: Figures) -> tuple[Block, ...]:
    """Judgement, outlook, risks, what was done, and what to do."""
    return (
        Heading(("（一）总体判断",)),
        Paragraph(_standing(figures)),
        *_levels(figures),
        Heading(("（二）走势预测",)),
        *(Paragraph(text) for text in _outlook(figures)),
        Heading(("（三）预警处置",)),
        *_response(figures),
        *_area_orders(figures),
        Heading(("（四）对策建议",)),
        *(Paragraph(text, "item") for text in _advice(figures)),
    )


def _standing(figures: Figures) -> Text:
    if not figures.rows("city"):
        return ("本月没有参保数据，不作总体判断。",)
    rows = figures.rows("level")
    found: list[Piece] = ["全市参保人数比上月", *moved(figures, "city", "city", "net_change"), "。"]
    if not figures.value("judged", "judged", "judged_count"):
        return (*found, "本期没有判定县区和行业等级（没有形势研判数据，或本月参保数据不全）。")
    unjudged: Text = ()
    if figures.value("judged", "judged", "unjudged_count"):
        unjudged = ("（有", figures.figure("judged", "judged", "unjudged_count"), "个本月数据不足，没有判定）")
    if not rows:
        return (*found, "没有县区和行业达到等级", *unjudged, "。")
    names = {kind: _named(figures, kind) for kind in ("县区", "行业", "县区行业")}
    named = [(kind, "有", *joined(told, "、")) for kind, told in names.items() if told]
    return (*found, "按项目默认口径达到等级的", *joined(named, "，"), "；其余没有达到", *unjudged, "。")


def _named(figures: Figures, kind: str) -> list[Text]:
    rows = [row for row in figures.rows("level") if figures.value("level", row, "area_kind") == kind]
    carried = "（本月数据不足，沿用此前月份的等级）"
    return [
        (figures.figure("level", row, "area_name"), *([carried] if figures.value("level", row, "is_carried") else []))
        for row in rows
    ]


def _levels(figures: Figures) -> tuple[Block, ...]:
    columns = ("area_name", "area_kind", "area_level", "level_change", "level_since", "level_text")
    rows = tuple(cells(figures, "level", row, columns) for row in figures.rows("level"))
    if not rows:
        return ()
    head = heads("县区或行业", "范围", "等级", "变化", "起始月份", "依据")
    note = Paragraph(("等级供研判，不是官方应急响应等级。",), "note")
    return (Table(("风险点",), head, rows, frozenset(range(6))), note)


def _outlook(figures: Figures) -> tuple[Text, ...]:
    forecast = partial(figures.figure, "forecast", "forecast")
    found: list[Text] = []
    if figures.value("forecast", "forecast", "expected_loss_persons") is None:
        found.append(("本期由规则评分，不预测减员人数。",))
    else:
        told: Text = ("模型预计全市", forecast("forecast_label"), "的企业", forecast("expected_event_count"), "家")
        told = (*told, "，减员", forecast("expected_loss_persons"), "人")
        if figures.value("forecast", "forecast", "loss_p95_persons") is not None:
            told = (*told, "，有九成五的把握不超过", forecast("loss_p95_persons"), "人")
        found.append((*told, "。"))
    next_month = figures.figure("edition", "edition", "next_month")
    past = [(figures.figure("season", row, "month"), *_change(figures, row)) for row in figures.rows("season")]
    if past:
        found.append(("往年与", next_month, "同月的净增减：", *joined(past, "、"), "，供参考，不是预测。"))
    else:
        found.append(
            (
                "没有往年",
                next_month,
                "的同月数据可参考。",
            )
        )
    if figures.value("edition", "edition", "is_festival_quarter"):
        found.append(("一至三月受春节影响，环比、同比须结合春节时间判断。",))
    return tuple(found)


def _change(figures: Figures, row: str) -> Text:
    return (figures.figure("season", row, "net_change_persons", signed=True), "人")


def _response(figures: Figures) -> tuple[Block, ...]:
    counties = [row for row in figures.rows("response") if row != "全市"]
    if not counties:
        return (Paragraph(("没有在册的预警企业，没有处置事项。",)),)
    city = partial(figures.figure, "response", "全市")
    text: Text = (
        *("在册预警企业", city("case_count"), "件，已收到走访反馈", city("answered_count"), "件，其中属实"),
        *(city("true_count"), "件（帮扶中和已稳定、转化的", city("helped_count"), "件）；本期核实不属实移出"),
        *(city("false_alarm_count"), "件；逾期工单", city("late_order_count"), "件，已办结工单"),
        *(city("done_order_count"), "件。"),
    )
    found: list[Block] = [Paragraph(text)]
    if figures.value("response", "全市", "closed_case_count"):
        closed: Text = (
            *("已移出名单的", city("closed_case_count"), "件中，走访过", city("closed_visited_count"), "件，属实"),
            *(city("closed_true_count"), "件。"),
        )
        found.append(Paragraph(closed))
    if figures.rows("change"):
        told = partial(figures.figure, "change")
        kinds = [(told(row, "change_kind"), told(row, "enterprise_count"), "家") for row in figures.rows("change")]
        found.append(Paragraph(("与上期相比：", *joined(kinds, "、"), "。")))
    elif not figures.value("edition", "edition", "is_comparable"):
        found.append(Paragraph(("没有可比的上期，不列变化。",)))
    rows = tuple(cells(figures, "response", row, RESPONSE_COLUMNS) for row in counties)
    return (*found, Table(("各县区办理情况",), heads(*RESPONSE_HEADS), rows))


def _area_orders(figures: Figures) -> tuple[Block, ...]:
    """What the levels of counties and industries ask for and nobody recorded as done."""
    if not figures.rows("area_done"):
        return ()
    one = partial(figures.figure, "area_done", "orders")
    text: Text = (
        *(
            "县区和行业等级的处置事项",
            one("order_count"),
            "件，已登记完成",
            one("done_order_count"),
            "件，过期未登记的",
        ),
        *(one("late_order_count"), "件。"),
    )
    rows = figures.rows("area_order")
    if not rows:
        return (Paragraph(text),)
    columns = ("area_name", "area_level", "task_text", "responsible_text", "due_on", "state_text")
    told = tuple(cells(figures, "area_order", row, columns) for row in rows[:ORDERS])
    head = heads("县区或行业", "等级", "事项", "牵头和报告对象", "最后一天", "状态")
    table = Table(("未登记完成的等级处置事项（最多列十项）",), head, told, frozenset(range(6)))
    note = Paragraph(("完成后由责任单位登记；事项和期限是项目默认口径，不是本市应急预案。",), "note")
    return (Paragraph(text), table, note)


def _advice(figures: Figures) -> tuple[Text, ...]:
    """What to do, the most pressing first; each line rests on rows of the edition."""
    found = [*_late(figures), *_overdue(figures), *_ahead(figures), *_levelled(figures), *_coloured(figures)]
    found += [*_help(figures), *_behind(figures), *_silent(figures)]
    return tuple(found) or (("本期没有需要办理的事项。",),)


def _late(figures: Figures) -> list[Text]:
    late = [
        (figures.figure("response", row, "area_name"), figures.figure("response", row, "late_order_count"), "件")
        for row in figures.rows("response")
        if row != "全市" and figures.value("response", row, "late_order_count")
    ]
    return [("督办逾期工单：", *joined(late, "、"), "。")] if late else []


def _overdue(figures: Figures) -> list[Text]:
    if not figures.value("area_done", "orders", "late_order_count"):
        return []
    told = figures.figure("area_done", "orders", "late_order_count")
    return [("等级处置事项过了期限未登记的", told, "件：已办的登记完成，未办的立即办理（见上表）。")]


def _ahead(figures: Figures) -> list[Text]:
    told = partial(figures.figure, "deadline")
    rows = figures.rows("deadline")[:DEADLINES]
    steps: list[Text] = [
        (
            *(told(row, "due_on"), *estimated(figures, "deadline", row), "前"),
            *(told(row, "task_name"), told(row, "order_count"), "件"),
        )
        for row in rows
    ]
    return [("按时办结处置工单：", *joined(steps, "；"), "。")] if steps else []


def _levelled(figures: Figures) -> list[Text]:
    told, answered = partial(figures.figure, "level"), partial(figures.figure, "response")
    found: list[Text] = []
    for row in figures.rows("level"):
        standing: Text = (told(row, "area_name"), "（", told(row, "area_level"), "，", told(row, "level_text"), "）")
        kind, code = row.split("/", 1)
        if kind == "县区行业":
            found.append((*standing, "：走访其中的重点企业，核实先兆。"))
        elif kind == "行业":
            found.append((*standing, "：会同行业主管部门核实减员原因。"))
        elif code in figures.rows("response"):
            cases: Text = (
                "在册预警企业",
                answered(code, "case_count"),
                "件，已反馈",
                answered(code, "answered_count"),
                "件",
            )
            found.append((*standing, "：由县区人社部门核实减员原因；", *cases, "，未反馈的尽快走访。"))
        else:
            found.append((*standing, "：由县区人社部门核实减员原因。"))
    return found


def _coloured(figures: Figures) -> list[Text]:
    told = partial(figures.figure, "action")
    return [
        (told(row, "colour"), "色企业", told(row, "enterprise_count"), "家：", told(row, "action_text"), "。")
        for row in figures.rows("action")
    ]


def _help(figures: Figures) -> list[Text]:
    """Instruments that are not over, for whom they are, until when; never an amount."""
    told = partial(figures.figure, "instrument")
    judged = [row for row in figures.rows("instrument") if figures.value("instrument", row, "eligible_count")]
    found: list[Text] = []
    for row in judged:
        until: Text = ("，", told(row, "deadline_text")) if _has_deadline(figures, row) else ()
        eligible = told(row, "eligible_count")
        found.append((told(row, "instrument_name"), "：预警企业中", eligible, "家符合条件", *until))
    lines: list[Text] = []
    if found:
        lines.append((f"向预警企业核对可享政策（{DRAFT_TEXT}）：", *joined(found, "；"), "。"))
    over = [(figures.figure("expired", row, "instrument_name"),) for row in figures.rows("expired")]
    if over:
        lines.append((*joined(over, "、"), "已到期，后续政策未见发布，不得按原标准承诺。"))
    return lines


def _has_deadline(figures: Figures, row: str) -> bool:
    return figures.value("instrument", row, "deadline_text") not in (None, "未注明")


def _behind(figures: Figures) -> list[Text]:
    told = partial(figures.figure, "target")
    rows = [row for row in figures.rows("target") if figures.value("target", row, "target_state") == "滞后"]
    named = [
        (told(row, "target_name"), "（截至", told(row, "target_month"), "完成", told(row, "done_ratio"), "）")
        for row in rows
    ]
    basis = "；目标出自征求意见稿，以正式文件为准。"
    return [("推进落后于进度的目标任务：", *joined(named, "、"), basis)] if named else []


def _silent(figures: Figures) -> list[Text]:
    told = partial(figures.figure, "source")
    rows = [row for row in figures.rows("source") if figures.value("source", row, "source_state") != "正常"]
    named = [(told(row, "feed_label"), "（", told(row, "owner"), "，", told(row, "source_state"), "）") for row in rows]
    return [("请报送部门补报：", *joined(named, "、"), "。")] if named else []


def exporters(figures: Figures) -> tuple[Block, ...]:
    """The chapter on enterprises that export to the US: staff, change, listed ones, exports, reasons."""
    if not figures.value("exporter", "exporter", "is_known"):
        return (Paragraph(("本期没有涉美出口企业名单和海关数据，无法识别涉美企业。",)),)
    if not figures.value("exporter", "exporter", "enterprise_count"):
        return (Paragraph(("本月没有参保的涉美出口企业。",)),)
    one = partial(figures.figure, "exporter", "exporter")
    staff: Text = (
        *(
            "涉美出口企业",
            one("enterprise_count"),
            "家，参保",
            one("insured_persons"),
            "人，占全市",
            one("insured_share_ratio"),
        ),
        *("；比上月", *moved(figures, "exporter", "exporter", "net_change"), *without(figures, "exporter", "exporter")),
        *(
            "；其他企业增减率",
            one("other_change_ratio", signed=True),
            "。减员的涉美企业",
            one("fallen_count"),
            "家，欠费的",
        ),
        *(one("arrears_count"), "家。"),
    )
    found: list[Block] = [Paragraph(staff), Paragraph(_exports(figures))]
    if figures.value("exporter", "exporter", "listed_count"):
        counted = coloured(figures, "exporter", "exporter")
        found.append(Paragraph(("列入预警名单的涉美企业", one("listed_count"), "家（", *counted, "）。")))
    else:
        found.append(Paragraph(("没有涉美企业列入预警名单。",)))
    told = partial(figures.figure, "reason")
    reasons = [
        (told(row, "reason_name"), told(row, "exporter_count"), "家")
        for row in figures.rows("reason")
        if figures.value("reason", row, "exporter_count")
    ][:REASONS]
    if reasons:
        found.append(Paragraph(("这些企业的主要风险原因：", *joined(reasons, "、"), "。")))
    return (*found, *_exporter_counties(figures))


def _exports(figures: Figures) -> Text:
    customs = partial(figures.figure, "source", "customs_export")
    if figures.value("source", "customs_export", "latest_month") is None:
        return ("海关出口数据没有报送，不计算对美出口。",)
    if figures.value("exporter", "exporter", "export_us_usd_cent") is None:
        return ("这些企业没有近一年的海关出口记录，不计算对美出口。",)
    one = partial(figures.figure, "exporter", "exporter")
    return (
        *("海关数据至", customs("latest_month"), "（", customs("source_state"), "），这些企业近一年对美出口"),
        *(one("export_us_usd_cent"), "万美元，占其出口总额", one("export_us_share_ratio"), "。"),
    )


def _exporter_counties(figures: Figures) -> tuple[Block, ...]:
    columns = (
        *("county_name", "enterprise_count", "insured_persons", "+net_change_persons", "+net_change_ratio"),
        "listed_count",
    )
    rows = tuple(cells(figures, "exporter_county", row, columns) for row in figures.rows("exporter_county"))
    head = heads("县区", "企业（家）", "参保（人）", "净增减（人）", "增减率", "列入名单（家）")
    named = tuple(
        (told("county_name"), told("net_change_persons", signed=True))
        for told in (partial(figures.figure, "exporter_county", row) for row in figures.rows("exporter_county"))
    )
    note = Paragraph(("涉美企业的增减只算上月和本月都有参保数据的企业，新参保企业不计入。",), "note")
    return (
        Chart("各县区涉美出口企业净增减", "人", named, is_told=True),
        Table(("分县区涉美出口企业",), head, rows),
        note,
    )
