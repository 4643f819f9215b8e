"""What each department gets back: the exact rows of its files that were set apart, and why, one workbook per owner.

Nothing is mended here and nothing is left out; a department that sent no faulty row gets no workbook.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipelines import formats
from pipelines.contracts import Contracts
from pipelines.stages.report.content import Content, Row
from pipelines.stages.report.workbook import Binding, Block, Column, Sheet, Style, instant, text, write

UNKNOWN_OWNER = "未约定"


def owners(content: Content, contracts: Contracts) -> dict[str, tuple[list[Row], list[Row]]]:
    """Owner → its quarantined rows and its refused files; an unrecognised file belongs to no department."""
    feed_owner = {feed.feed: feed.owner for feed in contracts.feeds.values()}
    found: dict[str, tuple[list[Row], list[Row]]] = {}
    for row in sorted(content.quarantine, key=_place):
        found.setdefault(row["owner"] or UNKNOWN_OWNER, ([], []))[0].append(row)
    for row in content.refusals:
        owner = feed_owner.get(row["feed"] or "", UNKNOWN_OWNER)
        found.setdefault(owner, ([], []))[1].append(row)
    return dict(sorted(found.items()))


def _place(row: Row) -> tuple[Any, ...]:
    """Where a row stands: by source, arrival and line, in whatever order its files were landed."""
    return row["feed"], row["received_at"], row["batch"], row["line_no"] or 0


def write_feedback(folder: Path, content: Content, contracts: Contracts, *, binding: Binding) -> int:
    """Write ``<owner>.xlsx`` for every department with something to correct; gives how many."""
    found = owners(content, contracts)
    for owner, (rows, refused) in found.items():
        sheets = [_counts(owner, rows, content), _rows(rows, content), _refused(refused, content, contracts)]
        write(folder / f"{file_name(owner)}.xlsx", sheets, binding)
    return len(found)


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
    lines = len({(row["delivery_no"], row["line_no"]) for row in rows})
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
    lines = {(row["delivery_no"], row["line_no"]) for row in rows}
    return {"lines": len(lines), "files": len({row["delivery_no"] for row in rows})}


def _rows(rows: list[Row], content: Content) -> Sheet:
    spec: tuple[tuple[str, str, int, Style, str], ...] = (
        ("feed_label", "数据源", 22, "wrap", "未约定"),
        ("batch", "批次", 20, "centre", "无"),
        ("received_at", "收到时间", 18, "centre", "无"),
        ("line_no", "行号", 9, "centre", "整个文件"),
        ("column_label", "字段", 20, "wrap", "整行"),
        ("raw_value", "原始值", 28, "wrap", "（空）"),
        ("check_sentence", "原因", 46, "wrap", "未说明"),
    )
    columns = _columns(spec)
    columns[2] = Column("收到时间", 18, "centre", instant("received_at", missing="无"))
    return Sheet(
        name="隔离明细",
        title="被隔离的行",
        lines=(_dateline(content), "行号从1起，为文件行号或工作表行号。"),
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


def _columns(spec: tuple[tuple[str, str, int, Style, str], ...]) -> list[Column]:
    return [Column(header, width, style, _value(name, missing)) for name, header, width, style, missing in spec]


def _value(name: str, missing: str) -> Any:
    plain = text(name, missing=missing)
    return (lambda row: str(plain(row))) if name == "line_no" else plain


def _dateline(content: Content) -> str:
    return f"{content.marks}　期次 {content.title}　数据截止 {formats.instant(content.edition['cutoff'])}"
