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
from pipelines.sources.cells import ZONE

Watermark = datetime | date | int | Decimal | str


def lowered(value: Watermark, overlap: int) -> Watermark:
    """``value`` less ``overlap``: seconds of an instant, whole days of a date, units of a number; a text as it is."""
    if isinstance(value, datetime):
        return value - timedelta(seconds=overlap)
    if isinstance(value, date):
        return value - timedelta(days=math.ceil(overlap / 86400))
    return value if isinstance(value, str) else value - overlap


def latest(value: Watermark, now: datetime) -> Watermark | None:
    """The latest that a watermark like ``value`` can be at ``now``, of Shanghai: a day ahead; None for what is no time.

    A slip such as 2099-12-31 must not raise the bound over all that is still to come.
    """
    if isinstance(value, datetime):
        ahead = now + timedelta(days=1)
        return ahead.replace(tzinfo=ZONE) if value.tzinfo else ahead
    return now.date() + timedelta(days=1) if isinstance(value, date) else None


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


def order(mark: str) -> tuple[int, Any]:
    """A value of a watermark as it compares: nothing, then numbers, then instants, then texts."""
    if not mark:
        return (0, 0)
    if mark.lstrip("-").isdecimal():
        return (1, int(mark))
    try:
        instant = datetime.fromisoformat(mark)
    except ValueError:
        return (3, mark)
    return (2, (instant if instant.tzinfo else instant.replace(tzinfo=ZONE)).timestamp())


def less(mark: str, overlap: int) -> str:
    """``mark`` less ``overlap``, written as it was; a text stays as it is."""
    if mark.lstrip("-").isdecimal():
        return str(lowered(int(mark), overlap))
    try:
        if len(mark) == len("2026-01-01"):
            return str(lowered(date.fromisoformat(mark), overlap))
        instant = lowered(datetime.fromisoformat(mark), overlap)
    except ValueError:
        return mark
    text = instant.isoformat("T" if "T" in mark else " ") if isinstance(instant, datetime) else mark
    return f"{text.removesuffix('+00:00')}Z" if mark.endswith("Z") else text


def sane(mark: str, now: datetime) -> str:
    """The text of a watermark; nothing where it is an instant more than a day ahead of ``now``, of Shanghai."""
    most = order((now + timedelta(days=1)).isoformat())
    return "" if order(mark)[0] == most[0] and order(mark) > most else mark


KINDS: dict[str, type] = {"instant": datetime, "date": date, "whole": int, "number": Decimal, "text": str}
"""In this order: an instant is a date too."""
