"""A contract drafted from a sample: a beginning for whoever knows the data, which loads and reads that sample.

Types, units, key and period are guesses from what the sample holds, each marked for checking. Columns that look as if
they spoke of persons are left out with a note, so that nothing of them can land by oversight. Nothing is written here.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl
import yaml

from pipelines.contracts import Feed
from pipelines.errors import DeliveryError
from pipelines.shapes import Kind
from pipelines.stages import ingest

PERSONAL = re.compile("姓名|身份证|公民身份|身份号码|手机|电话|联系人|住址|家庭地址|银行卡|出生日期")
RESIDENT = re.compile(r"[1-8][0-9]{5}(?:19|20)[0-9]{9}[0-9Xx]")
MOBILE = re.compile(r"1[3-9][0-9]{9}")
TYPES: tuple[Kind, ...] = ("month", "date", "integer", "number")
MONEY = re.compile(r"\((?:人民币)?(百万|千万|百|千|万|亿)?元\)")
CODE = re.compile("编号|编码|代码|证号|账号|序号")


@dataclass(frozen=True)
class Draft:
    """The text of a contract and what its reader should look at first."""

    name: str
    text: str
    left_out: tuple[str, ...]


def draft(content: bytes, name: str, *, on: date) -> Draft:
    """A contract called ``name`` that reads ``content``; raises ``DeliveryError`` where nothing looks like a table."""
    best: tuple[int, dict[str, Any], tuple[str, ...]] | None = None
    for head, body in ingest.tables(content):
        said, left_out = _columns(head, body)
        if said and (best is None or len(said) > best[0]):
            best = (len(said), _contract(name, said, body), left_out)
    if best is None:
        raise DeliveryError("样本里找不到表头和数据行；请换一个有表头、至少有一行数据的文件")
    _, contract, left_out = best
    Feed.model_validate(contract)
    text = yaml.safe_dump(contract, allow_unicode=True, sort_keys=False, width=110)
    notes = [f"# 未采用（疑似个人信息，确有需要并获批准后再加）：{word}" for word in left_out]
    head_note = [
        f"# 由样本起草于{on.isoformat()}，内容都待核对：类型、单位、主键（key）、所属期（period）、用途、目录编号。",
        "# 核对后放入数据源目录，再用 wengang feed check 检查一个真实文件。",
    ]
    return Draft(name, "\n".join([*head_note, *notes, text]), left_out)


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


def _contract(name: str, columns: Mapping[str, dict[str, Any]], body: pl.DataFrame) -> dict[str, Any]:
    period = next((c for c, said in columns.items() if said["type"] in {"month", "date"}), None)
    key = _key(columns, body, period)
    return {
        "feed": name,
        "label": f"{name}（待定名）",
        "owner": "待填：提供部门",
        "purpose": "待填：批准的用途",
        "catalogue": "待填：共享目录编号",
        "cadence": "monthly" if period and columns[period]["type"] == "month" else "event",
        "lag_days": 0,
        "dated": "arrival",
        "required": False,
        "identifiers": "opaque",
        "key": key,
        **({"period": period} if period else {}),
        "provides": {},
        "columns": dict(columns),
        "checks": [{"check": "not_null", "columns": key, "severity": "fail"}],
    }


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
