"""What a clerk is told of a file before it is sent: what would land, what would not and why, in plain Chinese."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from pipelines.contracts import Contracts
from pipelines.errors import UsageError
from pipelines.means import Means
from pipelines.stages import ingest
from pipelines.stages.ingest import Examined

ENCODINGS = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8（带BOM）", "utf-16": "UTF-16", "gb18030": "GB18030"}
DELIMITERS = {",": "逗号", "\t": "制表符", ";": "分号", "|": "竖线"}


@dataclass(frozen=True)
class Verdict:
    """What is told of some files, and the worst that would become of any: ``refused``, ``held`` or ``clean``."""

    text: str
    refused: bool
    held: bool


def check(means: Means, files: Sequence[Path], *, feed: str | None, most: int) -> Verdict:
    """Examine ``files`` as if they came now, with at most ``most`` examples of each fault.

    Raises ``UsageError`` for a feed that no contract describes and for a file that cannot be read.
    """
    contracts = means.contracts()
    if feed is not None and feed not in contracts.feeds:
        raise UsageError(f"no contract describes feed {feed}; known: {', '.join(sorted(contracts.feeds))}")
    lines: list[str] = []
    refused = held = False
    for path in files:
        claimed = contracts.feeds.get(feed or path.resolve().parent.name)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise UsageError(f"cannot read {path}: {error.strerror}") from error
        for one in ingest.examine(content, claimed, contracts=contracts, received_on=means.now.date()):
            name = ingest.shown_name(path)
            lines += [f"{name}/{one.within}" if one.within else name, *_page(one, contracts, most), ""]
            refused |= one.refusal is not None
            held |= bool(one.manifest.get("rows_quarantined"))
    return Verdict("\n".join(lines).rstrip(), refused, held)


def _page(one: Examined, contracts: Contracts, most: int) -> Iterator[str]:
    if one.refusal is not None:
        yield f"  ✘ 会被拒收：{one.refusal}"
        return
    assert one.feed is not None, "what is not refused was recognised"
    told = one.manifest
    yield f"  按「{one.feed.label}」读取：{_place(one)}"
    yield (
        f"  共{told['rows_in']}行：可入库{told['rows_landed']}行，会被隔离{told['rows_quarantined']}行，"
        f"不作数据{told['rows_set_aside']}行（标题、合计、说明、空行、空白月份、其他工作表）"
    )
    yield from _shape(one)
    if told["units"]:
        units = (f"{contracts.feed_column(one.feed, c).label}{unit}" for c, unit in sorted(told["units"].items()))
        yield f"  文件中写明的单位：{'、'.join(units)}"
    assumed = _assumed_units(one, contracts)
    if assumed:
        yield f"  文件未写单位，按约定理解：{'、'.join(assumed)}"
    if told["ignored"]:
        yield f"  不使用的列：{'、'.join(told['ignored'])}"
    yield from _held(one.reasons, most)
    warned = [c for c in told["checks"].values() if c["severity"] == "warn" and c["bad"]]
    yield from (f"  ！请核对（不影响入库）：{check['sentence']}，{check['bad']}行" for check in warned)
    held = told["rows_quarantined"]
    yield f"  ✘ 可以报送，但有{held}行会被隔离；请改正后再报送" if held else "  ✔ 可以报送"


def _place(one: Examined) -> str:
    told = one.manifest
    words = [f"表头在第{told['header_line']}行" + (f"起共{told['header_rows']}行" if told["header_rows"] > 1 else "")]
    if told["kind"] == "parquet":
        words = ["Parquet文件"]
    if told.get("sheet"):
        words.insert(0, f"工作表「{told['sheet']}」")
    if told.get("encoding"):
        words.append(f"{ENCODINGS.get(told['encoding'], told['encoding'])}编码，以{DELIMITERS[told['delimiter']]}分列")
    return "，".join(words)


def _shape(one: Examined) -> Iterator[str]:
    told = one.manifest
    if "sheets_read" in told:
        yield f"  读取{told['sheets_read']}张工作表，行数合计如上"
    if "periods_per_line" in told:
        counts = "、".join(dict.fromkeys(str(count) for count in told["periods_per_line"]))
        yield f"  每行并列{counts}期，每期各计一行；其中{told['blank_periods']}个（行、期）没有数据"
    if "carried_cells" in told:
        yield f"  按约定将合并单元格的内容向下沿用{told['carried_cells']}处"
    if "taken_back" in told:
        yield f"  有{told['taken_back']}行与本文件的作废行内容相同，按作废处理"
    if told.get("other_sheets"):
        yield f"  不读取的工作表：{'、'.join(told['other_sheets'])}"


def _assumed_units(one: Examined, contracts: Contracts) -> list[str]:
    assert one.feed is not None
    return [
        f"{contracts.feed_column(one.feed, name).label}{spec.unit}"
        for name, spec in one.feed.columns.items()
        if spec.unit and name in one.manifest["headers"] and name not in one.manifest["units"]
    ]


def _held(reasons: pl.DataFrame, most: int) -> Iterator[str]:
    """Faults, the most frequent first, each with its first lines."""
    grouped = reasons.group_by("check_id", "check_sentence", maintain_order=True).agg(pl.len(), pl.all().head(most))
    for fault in grouped.sort("len", descending=True, maintain_order=True).to_dicts():
        yield f"  ✘ {fault['check_sentence']}：{fault['len']}行"
        for line, label, value in zip(fault["line_no"], fault["column_label"], fault["raw_value"], strict=True):
            yield f"      第{line}行 {label}：“{value}”" if value else f"      第{line}行 {label}：（空）"
        if fault["len"] > most:
            yield f"      …… 还有{fault['len'] - most}行"
