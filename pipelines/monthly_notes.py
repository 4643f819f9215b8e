"""The last part of the monthly report: where the data come from, what is missing, what the words mean and do not."""

from functools import partial

from pipelines.monthly import Figures
from pipelines.monthly_blocks import Block, Paragraph, Table, Text
from pipelines.monthly_phrases import cells, heads

NOTICE = "人社厅函〔2022〕2号"
DEFINITIONS: tuple[Text, ...] = (
    ("参保人数：失业保险参保人数，企业各参保单位合计；不是全社会就业人数。",),
    ("净增减：本月比上月参保人数的变化，新参保已抵减；含退休、转出和整体转移，不等于裁员人数。",),
    ("失业登记人数是行政登记数，不是城镇调查失业率；调查失业率由国家统计局住户调查产生，本报告不计算。",),
    ("县区是企业服务所在地，功能区与县区范围可能重叠；本报告每家企业只计入一个县区。",),
    ("全部参保企业含劳务派遣和人事代理单位，县区行业等级不含，两者家数和人数不同。",),
    ("同比为与上年同月直接比较，未作春节调整。",),
    (f"前四部分按{NOTICE}规定的四个方面排列；通知要求而没有数据源的内容已在文中注明，须人工补充。",),
)


def notes(figures: Figures) -> tuple[Block, ...]:
    """Edition, model and gate; sources; definitions."""
    edition = partial(figures.figure, "edition", "edition")
    quality = partial(figures.figure, "quality", "quality")
    standing: Text = (
        *("本报告数字取自期次", edition("edition_id"), "的数据文件，数据截止", edition("cutoff"), "，质量检查"),
        *(edition("gate_verdict"), "（检查", quality("check_count"), "项，未通过", quality("failed_count"), "项，提示"),
        *(quality("warned_count"), "项）；评分方法：", figures.figure("forecast", "forecast", "model_label"), "。"),
    )
    columns = (
        "feed_label",
        "owner",
        "source_state",
        "latest_month",
        "latest_known_at",
        "row_count",
        "quarantined_count",
    )
    rows = tuple(cells(figures, "source", row, columns) for row in figures.rows("source"))
    head = heads("数据源", "报送部门", "状态", "数据至", "最近到达", "行数", "隔离行数")
    return (
        Paragraph(standing),
        Table(("数据来源和完整情况",), head, rows, frozenset({0, 1, 2, 3, 4}), empty="没有数据源记录。"),
        Paragraph(("“数据至”为“无数据”的，是名册类数据或没有报送，以状态为准。",), "note"),
        *_revisions(figures),
        *(Paragraph(text, "item") for text in DEFINITIONS),
    )


def revised_of(figures: Figures) -> Text:
    """What the last report said of the city's newest month and what is known now; empty where it is the same."""
    row = next((row for row in figures.rows("revision") if row.startswith("全市/")), None)
    if row is None:
        return ()
    one = partial(figures.figure, "revision", row)
    return (
        *(
            "历史数修订：",
            one("month"),
            "全市参保人数上次公布",
            one("was_persons"),
            "人，现为",
            one("now_persons"),
            "人（",
        ),
        *(one("revised_persons", signed=True), "人，", one("revision_text"), "）。"),
    )


def _revisions(figures: Figures) -> tuple[Block, ...]:
    """Months of the last report that are given otherwise now: was, now, why."""
    if not figures.rows("earlier"):
        return (Paragraph(("没有保存上次报告的数据文件，不列历史数修订。",), "note"),)
    columns = ("area_name", "month", "was_persons", "now_persons", "+revised_persons", "revision_text")
    rows = tuple(cells(figures, "revision", row, columns) for row in figures.rows("revision"))
    head = heads("县区", "所属月份", "上次（人）", "现在（人）", "修订（人）", "原因")
    title: Text = ("参保人数历史数修订（对比期次", figures.figure("earlier", "earlier", "edition_id"), "）")
    return (Table(title, head, rows, frozenset({0, 1, 5}), empty="上次报告公布的参保人数没有修订。"),)
