"""The highest value seen of a column that only grows: how it is kept on record, and from where reading goes on.

The lower bound is closed and lies an overlap below the highest value, since a row may be committed late: with the same
value, or with one that a long transaction took before others finished.
"""

import math
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from pipelines.errors import SourceRefusedError

Watermark = datetime | date | int | Decimal | str


def lowered(value: Watermark, overlap: int) -> Watermark:
    """``value`` less ``overlap``: seconds of an instant, whole days of a date, units of a number; a text as it is."""
    if isinstance(value, datetime):
        return value - timedelta(seconds=overlap)
    if isinstance(value, date):
        return value - timedelta(days=math.ceil(overlap / 86400))
    return value if isinstance(value, str) else value - overlap


def kept(value: Watermark) -> dict[str, str]:
    """``value`` as it goes on record."""
    kind = next(name for name, kind in KINDS.items() if isinstance(value, kind))
    return {"kind": kind, "value": value.isoformat() if isinstance(value, date) else str(value)}


def read(record: dict[str, str]) -> Watermark:
    """The value that went on record."""
    parse: dict[str, Callable[[str], Watermark]] = {
        "instant": datetime.fromisoformat,
        "date": date.fromisoformat,
        "whole": int,
        "number": Decimal,
    }
    return parse[record["kind"]](record["value"]) if record["kind"] in parse else record["value"]


def checked(value: Any, column: str) -> Watermark:
    """``value`` if it can be one; raises ``SourceRefusedError``."""
    if isinstance(value, datetime | date | int | Decimal | str) and not isinstance(value, bool):
        return value
    raise SourceRefusedError(
        f"watermark {column} holds {type(value).__name__}: it must be an instant, a date, a whole number or a text"
    )


KINDS: dict[str, type] = {"instant": datetime, "date": date, "whole": int, "number": Decimal, "text": str}
"""In this order: an instant is a date too."""
