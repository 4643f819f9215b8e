"""Which sources speak of an enterprise, in words: those that do, those that came without it, those that never came.

A register of events (complaints, claims, postings) that does not name an enterprise leaves no gap: it is told only
where it never came.
"""

from collections.abc import Mapping

import numpy as np
import polars as pl

from pipelines.stages.features.masked import Bools
from pipelines.stages.features.panel import Panel
from pipelines.stages.features.sparse import compact

RECORDS = {
    "insurance": "参保缴费",
    "register": "市场主体登记",
    "monitor": "失业动态监测",
    "exports": "海关出口",
    "commerce": "商务名单",
    "power": "用电",
    "tax": "税收",
    "orders": "工业订单",
}
REGISTERS = {
    "claims": "失业金申领",
    "flows": "用工流动",
    "hires": "重点群体招用",
    "vacancies": "企业招聘",
    "complaints": "欠薪诉求",
    "arbitrations": "劳动仲裁",
    "credit": "信用事项",
    "benefits": "惠企政策",
}


def spoken(panel: Panel, enterprises: pl.DataFrame, insured_ever: Bools) -> Bools:
    """(``RECORDS`` × enterprise) whether the source holds anything about the enterprise."""
    marks = np.zeros((len(RECORDS), panel.count), dtype=np.bool_)
    for place, name in enumerate(RECORDS):
        if name == "insurance":
            marks[place] = insured_ever
        elif name == "register":
            marks[place] = enterprises["is_registered"].fill_null(value=False).to_numpy()
        elif name == "commerce":
            marks[place] = enterprises["is_listed"].to_numpy()
        elif name == "exports" and panel.exports is not None:
            marks[place, panel.exports.position] = True
        elif name in panel.monthly:
            marks[place, panel.monthly[name].position] = True
    return marks


def texts(marks: Bools, delivered: Mapping[str, bool]) -> pl.Series:
    """Words for each combination that occurs, then looked up."""
    code = np.zeros(marks.shape[1], dtype=np.int64)
    for place, mark in enumerate(marks):
        code += mark.astype(np.int64) << place
    distinct, inverse = compact(code)
    words = pl.Series([text(int(number), delivered) for number in distinct], dtype=pl.String)
    return words.gather(inverse)


def text(code: int, delivered: Mapping[str, bool]) -> str:
    """The sources of ``RECORDS`` by the bits of ``code``, and those never delivered."""
    present = [label for place, label in enumerate(RECORDS.values()) if code >> place & 1]
    silent = [label for name, label in RECORDS.items() if label not in present and delivered[name]]
    absent = [label for name, label in (RECORDS | REGISTERS).items() if label not in present and not delivered[name]]
    parts = (("有", present), ("无记录", silent), ("缺", absent))
    return "；".join(f"{word}：{'、'.join(names)}" for word, names in parts if names)
