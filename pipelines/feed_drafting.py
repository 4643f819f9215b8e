"""A contract drafted from a sample: a beginning for whoever knows the data, which loads and reads that sample.

Types, units, key and period are guesses from what the sample holds, each marked for checking. Months that stand side by
side become rows. Columns that look as if they spoke of persons are left out with a note, so that nothing of them can
land by oversight. Nothing is written here.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl
import yaml

from pipelines import periods
from pipelines.contracts import Feed
from pipelines.errors import DeliveryError
from pipelines.shapes import Kind, Layout
from pipelines.stages import ingest

PERSONAL = re.compile("姓名|身份证|公民身份|身份号码|手机|电话|联系人|住址|家庭地址|银行卡|出生日期")
RESIDENT = re.compile(r"[1-8][0-9]{5}(?:19|20)[0-9]{9}[0-9Xx]")
MOBILE = re.compile(r"1[3-9][0-9]{9}")
TYPES: tuple[Kind, ...] = ("month", "date", "integer", "number")
MONEY = re.compile(r"\((?:人民币)?(百万|千万|百|千|万|亿)?元\)")
CODE = re.compile("编号|编码|代码|证号|账号|序号")
SUM = re.compile("[合总小累]计|平均|同比|环比|[0-9][-—~至][0-9]+月")
DECLARED = re.compile(r"单位[:：]\s*\(?((?:百万|千万|百|千|万|亿)?元)")


@dataclass(frozen=True)
class Draft:
    """The text of a contract and what its reader should look at first."""

    name: str
    text: str
    left_out: tuple[str, ...]


def draft(content: bytes, name: str, *, on: date) -> Draft:
    """A contract called ``name`` that reads ``content``; raises ``DeliveryError`` where nothing looks like a table."""
    best: tuple[int, dict[str, Any], tuple[str, ...], list[str]] | None = None
    for sample in ingest.tables(content):
        said, left_out, notes = _drafted(sample)
        size = len(said) + (len(sample.spread.cells) if sample.spread else 0)
        if said and (best is None or size > best[0]):
            best = size, _contract(name, said, sample), left_out, notes
    if best is None:
        raise DeliveryError("样本里找不到表头和数据行；请换一个有表头、至少有一行数据的文件")
    _, contract, left_out, notes = best
    Feed.model_validate(contract)
    text = yaml.safe_dump(contract, allow_unicode=True, sort_keys=False, width=110)
    personal = [f"# 未采用（疑似个人信息，确有需要并获批准后再加）：{word}" for word in left_out]
    head_note = [
        f"# 由样本起草于{on.isoformat()}，内容都待核对：类型、单位、主键（key）、所属期（period）、用途、目录编号。",
        "# 核对后放入数据源目录，再用 wengang feed check 检查一个真实文件。",
    ]
    return Draft(name, "\n".join([*head_note, *notes, *personal, text]), left_out)


def _drafted(sample: ingest.Sample) -> tuple[dict[str, dict[str, Any]], tuple[str, ...], list[str]]:
    """Column → how it is read, the words of those left out as personal, and what else its reader should know."""
    if sample.spread is None:
        return *_columns(sample.words, sample.body), []
    sums = [word for word in sample.words if SUM.search(word)]
    words = ["" if word in sums else word for word in sample.words]
    plain, left_out = _columns(words, sample.body)
    name, kind, label = ("month", "month", "月份") if _is_monthly(sample.spread) else ("year", "integer", "年份")
    spread = {name: {"type": kind, "label": label}} | _measures(sample, sample.spread)
    notes = [f"# 表头把各期并列（{sample.spread.pattern}），每行每期读成一行：见 layout 的 periods 一节。"]
    if not (periods.has_year(sample.spread.pattern) or sample.spread.year_in):
        notes.append("# 表头、标题和工作表名都没有写明唯一的年份，这样的文件会被拒收；请提供部门在标题写明。")
    notes += [f"# 未采用（各期的合计或比较）：{word}" for word in sums]
    return plain | spread, left_out, notes


def _is_monthly(spread: ingest.Spread) -> bool:
    return periods.has_month(spread.pattern)


def _measures(sample: ingest.Sample, spread: ingest.Spread) -> dict[str, dict[str, Any]]:
    """What lies under each period: one column for all cells of a measure."""
    places: dict[str, list[int]] = {}
    for place, (measure, _) in sorted(spread.cells.items()):
        places.setdefault(measure, []).append(place)
    most = max(len(own) for own in places.values())
    declared = DECLARED.search(" ".join(sample.titles))
    found = {}
    for measure, own in places.items():
        unit = spread.cells[own[0]][1] or (declared[1] if declared else "")
        texts = [cell for place in own for cell in sample.body[f"c{place}"] if cell]
        kind, unit_read = _type(f"{measure}({unit})", texts)
        said: dict[str, Any] = {"header": [measure]} if measure else {}
        said |= {"type": kind, "label": measure or "各期数值（待定名）"}
        said |= {"unit": unit_read} if unit_read else {}
        said |= {"optional": True} if len(texts) < most * sample.body.height else {}
        found[f"column_{own[0] + 1}"] = said
    return found


def _columns(head: Sequence[str], body: pl.DataFrame) -> tuple[dict[str, dict[str, Any]], tuple[str, ...]]:
    """Column → how it is read, and the words of those left out."""
    found: dict[str, dict[str, Any]] = {}
    left_out = []
    doubled = {word for word in head if word and list(head).count(word) > 1}
    for place, word in enumerate(head):
        if not word or word in doubled:
            continue
        cells = [cell for cell in body[f"c{place}"].drop_nulls() if cell]
        if PERSONAL.search(word) or any(RESIDENT.fullmatch(cell) or MOBILE.fullmatch(cell) for cell in cells):
            left_out.append(word)
            continue
        kind, unit = _type(word, cells)
        base = word.split("(")[0].split("（")[0]
        said: dict[str, Any] = {"header": [base], "type": kind, "label": base}
        said |= {"unit": unit} if unit else {}
        said |= {"optional": True} if len(cells) < body.height else {}
        found[f"column_{place + 1}"] = said
    return found, tuple(left_out)


def _type(word: str, cells: Sequence[str]) -> tuple[Kind, str | None]:
    """The narrowest type that every cell of the sample has, and the unit that the header says."""
    money = MONEY.search(word.replace("（", "(").replace("）", ")"))
    if money and ingest.reads_as(cells, "fen"):
        return "fen", f"{money[1] or ''}元"
    if CODE.search(word) or not cells or any(cell.startswith("0") and cell.isdigit() and cell != "0" for cell in cells):
        return "text", None
    return next((kind for kind in TYPES if ingest.reads_as(cells, kind)), "text"), None


def _contract(name: str, columns: Mapping[str, dict[str, Any]], sample: ingest.Sample) -> dict[str, Any]:
    layout = _layout(columns, sample)
    told = layout.get("periods", {})
    spread = told.get("column")
    lines = {c: said for c, said in columns.items() if c not in {spread, *told.get("values", ())}}
    dates = [c for c, said in columns.items() if said["type"] in {"month", "date"}]
    period = (spread if spread in dates else None) if spread else next(iter(dates), None)
    key = (_key(lines, sample.body, period) if lines else []) + ([spread] if spread else [])
    cadence = "yearly" if spread == "year" else "monthly" if period and columns[period]["type"] == "month" else "event"
    return {
        "feed": name,
        "label": f"{name}（待定名）",
        "owner": "待填：提供部门",
        "purpose": "待填：批准的用途",
        "catalogue": "待填：共享目录编号",
        "cadence": cadence,
        "lag_days": 0,
        "dated": "arrival",
        "required": False,
        "identifiers": "opaque",
        "key": key,
        **({"period": period} if period else {}),
        **({"layout": layout} if layout else {}),
        "provides": {},
        "columns": dict(columns),
        "checks": [{"check": "not_null", "columns": key, "severity": "fail"}],
    }


def _layout(columns: Mapping[str, dict[str, Any]], sample: ingest.Sample) -> dict[str, Any]:
    """How the table lies; nothing for a plain one."""
    spread = sample.spread
    if spread is None:
        return {}
    column = "month" if _is_monthly(spread) else "year"
    names = list(columns)
    told = {"column": column, "values": names[names.index(column) + 1 :], "patterns": [spread.pattern]}
    if not periods.has_year(spread.pattern):
        told["year_in"] = list(spread.year_in) or ["title", "sheet"]
    rows = {"header_rows": sample.depth} if sample.depth > Layout().header_rows else {}
    return {**rows, "periods": told}


def _key(columns: Mapping[str, dict[str, Any]], body: pl.DataFrame, period: str | None) -> list[str]:
    """The fewest leading columns, codes first, that tell every row of the sample apart."""
    whole = [c for c, said in columns.items() if not said.get("optional")] or list(columns)
    coded = sorted(whole, key=lambda c: (not CODE.search(columns[c]["label"]), c != period))
    for size in range(1, len(coded) + 1):
        chosen = coded[:size]
        cells = body.select(f"c{int(c.removeprefix('column_')) - 1}" for c in chosen)
        if cells.is_unique().all():
            return chosen
    return coded
