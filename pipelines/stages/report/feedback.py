"""What each department gets back, one workbook per owner: the exact rows set apart, why, what to do, and its points.

Nothing is mended here and nothing is left out; of feeds that may hold persons no value is shown. A department without a
faulty row gets its points alone, and one that never sent anything gets no workbook.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipelines import formats
from pipelines.contracts import Contracts
from pipelines.stages.report.content import Content, Row
from pipelines.stages.report.workbook import Binding, Block, Column, Sheet, Style, instant, month, text, write

UNKNOWN_OWNER = "未约定"
ADVICE = {
    "readable": "按字段要求改写该格，去掉文字、单位和多余符号",
    "not_null": "补填该格",
    "between": "核对数值和单位（元、万元），改正后重报",
    "bounded": "核对数值和单位（元、万元），改正后重报",
    "ratio_between": "核对两个字段的数值和单位，改正后重报",
    "ordered": "核对两个字段，改正填反或填错的一个",
    "period": "核对所属期，改正后重报",
    "codes": "改用规则中列出的写法",
    "matches": "按规定的位数和格式改写",
    "uscc": "对照营业执照核对统一社会信用代码",
    "organisation_code": "对照营业执照核对统一社会信用代码",
    "first_of_key": "删去重复的行，保留正确的一行",
}
POINTS = ("timeliness_points", "completeness_points", "validity_points", "stability_points", "answer_points")


def owners(content: Content, contracts: Contracts) -> dict[str, tuple[list[Row], list[Row]]]:
    """Owner → its quarantined rows and its refused files; an unrecognised file belongs to no department.

    A department with points is there even where it has neither.
    """
    feed_owner = {feed.feed: feed.owner for feed in contracts.feeds.values()}
    found: dict[str, tuple[list[Row], list[Row]]] = {}
    for row in sorted(content.quarantine, key=_place):
        found.setdefault(row["owner"] or UNKNOWN_OWNER, ([], []))[0].append(row)
    for row in content.refusals:
        owner = feed_owner.get(row["feed"] or "", UNKNOWN_OWNER)
        found.setdefault(owner, ([], []))[1].append(row)
    for row in content.departments:
        found.setdefault(row["owner"], ([], []))
    return dict(sorted(found.items()))


def _place(row: Row) -> tuple[Any, ...]:
    """Where a row stands: by source, arrival and line, in whatever order its files were landed."""
    return row["feed"], row["received_at"], row["batch"], row["line_no"] or 0


def write_feedback(folder: Path, content: Content, contracts: Contracts, *, binding: Binding) -> dict[str, int]:
    """Write ``<owner>.xlsx`` for every department that sent anything; gives department → lines sent back."""
    found = owners(content, contracts)
    for owner, (rows, refused) in found.items():
        sheets = [
            _counts(owner, rows, content),
            _rows(rows, content),
            _refused(refused, content, contracts),
            _points(owner, content, contracts),
        ]
        own = [row for row in content.corrections if row["owner"] == owner]
        sheets += [_corrections(own, content)] if own else []
        write(folder / f"{file_name(owner)}.xlsx", sheets, binding)
    return {owner: _line_count(rows) for owner, (rows, _) in found.items()}


def _line_count(rows: list[Row]) -> int:
    return len({(row["delivery_no"], row["line_no"]) for row in rows})


def file_name(name: str) -> str:
    """``name`` without what a file system or a shell could take amiss."""
    return "".join(letter if letter.isalnum() else "_" for letter in name)[:80] or "_"


def _counts(owner: str, rows: list[Row], content: Content) -> Sheet:
    totals: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        key = (row["feed_label"] or row["feed"], row["column_label"] or "整行", row["check_sentence"])
        totals.setdefault(key, []).append(row)
    counted = [
        {"feed_label": feed, "column_label": column, "check_sentence": sentence, **_extent(found)}
        for (feed, column, sentence), found in sorted(totals.items(), key=lambda item: (-len(item[1]), item[0]))
    ]
    spec: tuple[tuple[str, str, int, Style, str], ...] = (
        ("feed_label", "数据源", 26, "wrap", "未约定"),
        ("column_label", "字段", 22, "wrap", "整行"),
        ("check_sentence", "原因", 54, "wrap", "未说明"),
        ("lines", "行数", 10, "count", "0"),
        ("files", "文件数", 10, "count", "0"),
    )
    lines = _line_count(rows)
    return Sheet(
        name="汇总",
        title=f"数据质量反馈：{owner}",
        lines=(
            _dateline(content),
            f"共隔离 {formats.count(lines)} 行。隔离的行未参与本期预警；请核对后重新报送，新文件自动覆盖原数据。",
        ),
        blocks=(Block(_columns(spec), counted, "没有被隔离的行"),),
    )


def _extent(rows: list[Row]) -> dict[str, int]:
    return {"lines": _line_count(rows), "files": len({row["delivery_no"] for row in rows})}


def _rows(rows: list[Row], content: Content) -> Sheet:
    spec: tuple[tuple[str, str, int, Style, str], ...] = (
        ("feed_label", "数据源", 22, "wrap", "未约定"),
        ("batch", "批次", 20, "centre", "无"),
        ("received_at", "收到时间", 18, "centre", "无"),
        ("line_no", "行号", 9, "centre", "整个文件"),
        ("column_label", "字段", 20, "wrap", "整行"),
        ("raw_value", "原始值", 28, "wrap", "（空）"),
        ("check_sentence", "原因", 46, "wrap", "未说明"),
        ("check_id", "怎么改", 36, "wrap", "核对后重报"),
    )
    columns = _columns(spec)
    columns[-1] = replace(columns[-1], value=lambda row: ADVICE.get(row["check_id"].split(":")[0], "核对后重报"))
    columns[2] = Column("收到时间", 18, "centre", instant("received_at", missing="无"))
    return Sheet(
        name="隔离明细",
        title="被隔离的行",
        lines=(
            _dateline(content),
            "行号从1起，为文件行号或工作表行号。改正后把整份文件或只含改正行的文件重新报送，新文件自动覆盖。"
            "“（不留存原值）”为可能涉及个人的数据，请按行号在原文件中查对。",
        ),
        blocks=(Block(columns, rows, "没有被隔离的行"),),
    )


def _refused(rows: list[Row], content: Content, contracts: Contracts) -> Sheet:
    labels: Mapping[str, str] = {feed.feed: feed.label for feed in contracts.feeds.values()}
    columns = (
        Column("文件名", 36, "wrap", text("file_name", missing="未知")),
        Column("数据源", 24, "wrap", lambda row: labels.get(row["feed"] or "", "未能识别")),
        Column("收到时间", 18, "centre", instant("received_at", missing="无")),
        Column("批次", 20, "centre", text("batch", missing="无")),
        Column("拒收原因", 70, "wrap", text("reason_text", missing="未说明")),
    )
    return Sheet(
        name="拒收文件",
        title="整份拒收的文件",
        lines=(_dateline(content),),
        blocks=(Block(columns, rows, "没有整份拒收的文件"),),
    )


def _corrections(rows: list[Row], content: Content) -> Sheet:
    """What the bureau corrected of this department's data, until the source does."""
    spec: tuple[tuple[str, str, int, Style, str], ...] = (
        ("feed_label", "数据源", 24, "wrap", "未约定"),
        ("correction_id", "更正编号", 26, "wrap", "未编号"),
        ("column_label", "字段", 22, "wrap", "整行"),
        ("correction_state", "状态", 14, "centre", "未知"),
        ("observed_text", "情况", 44, "wrap", "未说明"),
        ("reason_text", "原因", 44, "wrap", "未说明"),
        ("reporter", "提出单位", 20, "wrap", "未说明"),
    )
    return Sheet(
        name="数据更正",
        title="本局登记的数据更正",
        lines=(_dateline(content), "请在源头改正；源头改正后本局的更正自动停用。"),
        blocks=(Block(_columns(spec), rows, "没有登记的数据更正"),),
    )


def _points(owner: str, content: Content, contracts: Contracts) -> Sheet:
    """Points by month, of the department and of each of its feeds, the latest month first."""
    own = [row for row in content.departments if row["owner"] == owner]
    feeds = [row for row in content.reviewed if row["owner"] == owner]
    head = (
        Column("考核月份", 16, "centre", month("quality_month", missing="无")),
        Column("当月是否已满", 12, "centre", lambda row: "是" if row["is_month_over"] else "否，至今"),
    )
    points = tuple(
        Column(contracts.column(name).label, 12, "count", text(name, missing="不计"))
        for name in ("quality_points", *POINTS)
    )
    facts = (
        Column("应报月份", 14, "centre", month("due_month", missing="无")),
        Column("逾期天数", 10, "count", lambda row: "未到" if row["is_outstanding"] else _late(row)),
        Column("入库行数", 12, "count", text("row_count", missing="0")),
        Column("隔离行数", 10, "count", text("quarantined_count", missing="0")),
        Column("拒收文件", 10, "count", text("refused_count", missing="0")),
        Column("未答复行数", 12, "count", text("open_count", missing="0")),
    )
    by_feed = (Column("数据源", 16, "wrap", text("feed_label", missing="未约定")), *head, *points, *facts)
    return Sheet(
        name="质量得分",
        title=f"数据质量得分：{owner}",
        lines=(_dateline(content), "满分100。“不计”为没有依据，不占权重。计分办法见数据质量报告和“参数”表。"),
        blocks=(
            Block((*head, *points), own, "还没有可以考核的月份", "一、本部门各月得分"),
            Block(by_feed, feeds, "还没有可以考核的数据", "二、各项数据各月得分"),
        ),
    )


def _late(row: Row) -> int | str:
    return "不详" if row["days_late"] is None else int(row["days_late"])


def _columns(spec: tuple[tuple[str, str, int, Style, str], ...]) -> list[Column]:
    return [Column(header, width, style, _value(name, missing)) for name, header, width, style, missing in spec]


def _value(name: str, missing: str) -> Any:
    plain = text(name, missing=missing)
    return (lambda row: str(plain(row))) if name == "line_no" else plain


def _dateline(content: Content) -> str:
    return f"{content.marks}　期次 {content.title}　数据截止 {formats.instant(content.edition['cutoff'])}"
