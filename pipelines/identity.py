"""Decisions about names: which enterprise an officer says is meant, as data that wins over every weight.

The queue goes out as a workbook with each edition and comes back here. A decision is about one name, county and address
as departments write them; it is on record with its instant, so replays see what was decided then. Nothing here weighs.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from python_calamine import CalamineError, CalamineWorkbook

from pipelines.errors import DeliveryError, NotFoundError
from pipelines.ledger import Ledger

KIND = "identity"
KEY, VERDICT, CODE, NOTE = "名称线索", "认定结果", "其他企业的统一社会信用代码", "说明"
CANDIDATES = ("候选1", "候选2", "候选3")
OTHER, NONE = "其他企业", "均不是"
CHOICES = (*CANDIDATES, OTHER, NONE)
MOST_NOTE = 200
_IN_BRACKETS = re.compile(r"[（(]([0-9A-Za-z]{4,32})[）)]")


@dataclass(frozen=True)
class Decision:
    """What was decided about a name: its enterprise, or None for none that is known; by which role, and why."""

    name_key: str
    enterprise_id: str | None
    role: str
    reason: str
    decided_at: datetime


@dataclass(frozen=True)
class Read:
    """What reading a workbook put on record, how much was on record already, and each refused row in words."""

    came: int
    unchanged: int
    undecided: int
    refused: tuple[str, ...]


def decide(path: Path, *, role: str, known: Collection[str], ledger: Ledger, now: datetime) -> Read:
    """Put the decisions in the workbook ``path`` on record; rows that are none are refused in words.

    ``known`` are the enterprises that a name can be led to. Raises ``DeliveryError`` for another file.
    """
    held = on_record(ledger)
    came, unchanged, undecided, refused = dict[str, Decision](), 0, 0, list[str]()
    for line, row in _rows(path):
        if not row.get(VERDICT):
            undecided += 1
            continue
        found = _decision(row, role=role, known=known, now=now)
        if isinstance(found, str):
            refused.append(f"第{line}行：{found}")
        elif found.name_key in came and came[found.name_key].enterprise_id != found.enterprise_id:
            refused.append(f"第{line}行：同一名称线索在本表中有两种认定，只取前一种")
        elif (before := held.get(found.name_key)) and _says(before) == _says(found):
            unchanged += 1
        else:
            came.setdefault(found.name_key, found)
    for decision in came.values():
        body = {"enterprise_id": decision.enterprise_id, "role": decision.role, "reason": decision.reason}
        ledger.append(KIND, subject=decision.name_key, at=now, body=body)
    return Read(len(came), unchanged, undecided, tuple(refused))


def retract(name_key: str, *, ledger: Ledger, now: datetime, reason: str) -> None:
    """Take a decision back from now on. Raises ``NotFoundError`` where none is in force."""
    if name_key not in on_record(ledger):
        raise NotFoundError(f"no decision about {name_key} is on record; see 'wengang identity list'")
    ledger.append(KIND, subject=name_key, at=now, body={"retracted": reason})


def on_record(ledger: Ledger, *, through: int | None = None, cutoff: datetime | None = None) -> dict[str, Decision]:
    """Name → decision in force, of those on record by ``through`` and made before ``cutoff``, in order of name."""
    return {
        name: Decision(
            name, entry["enterprise_id"], entry["role"], entry["reason"], datetime.fromisoformat(entry["at"])
        )
        for name, entry in ledger.in_force(KIND, through=through, cutoff=cutoff).items()
    }


def _says(decision: Decision) -> tuple[str | None, str]:
    return decision.enterprise_id, decision.reason


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Line and cells by header of the sheet that has the columns of a decision."""
    try:
        book = CalamineWorkbook.from_path(str(path))
        grids = [book.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in book.sheet_names]
    except (CalamineError, OSError, ValueError) as error:
        raise DeliveryError(f"{path.name}: 不是可以读取的工作簿（{type(error).__name__}）") from error
    for grid in grids:
        texts = [[str(cell).strip() for cell in row] for row in grid]
        head = next((at for at, row in enumerate(texts) if KEY in row and VERDICT in row), None)
        if head is None:
            continue
        for at in range(head + 1, len(texts)):
            row = dict(zip(texts[head], texts[at], strict=False))
            if row.get(KEY):
                yield at + 1, row
        return
    raise DeliveryError(f"{path.name}: 没有“{KEY}”和“{VERDICT}”两列，请使用随期次下发的名称认定表")


def _decision(row: Mapping[str, str], *, role: str, known: Collection[str], now: datetime) -> Decision | str:
    """The decision of a row, or why it is none."""
    verdict, code, note = row[VERDICT], row.get(CODE, "").upper(), row.get(NOTE, "")[:MOST_NOTE]
    if verdict not in CHOICES:
        return f"认定结果“{verdict[:20]}”不在选项之中（{'、'.join(CHOICES)}）"
    if verdict == NONE:
        return Decision(row[KEY], None, role, note or verdict, now)
    if verdict in CANDIDATES:
        found = _IN_BRACKETS.findall(row.get(verdict, ""))
        if not found:
            return f"{verdict}为空，不能认定"
        chosen = found[-1]
        if code and code != chosen:
            return f"选了{verdict}，又填了另一家的代码；如属其他企业，请选“{OTHER}”"
        code = chosen
    if not code:
        return f"选了“{OTHER}”，请填{CODE}"
    if code not in known:
        return f"代码{code[:18]}不在已知企业之中，请核对；新设企业待登记数据到达后再认定"
    return Decision(row[KEY], code, role, note or verdict, now)
