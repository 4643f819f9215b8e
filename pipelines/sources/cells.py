"""Cells of text and lines of CSV, as every source writes them and the ingest reads them."""

import csv
import hashlib
import io
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Shanghai")


class Digest:
    """What is written to it, as one number."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def write(self, block: bytes | memoryview | bytearray) -> int:
        """Take ``block``; gives its length."""
        self._hash.update(block)
        return len(block)

    def text(self) -> str:
        """The number."""
        return self._hash.hexdigest()


def cell(value: Any) -> str | None:
    """A value as the ingest reads it: truths as 1 and 0, instants of Shanghai, numbers without an exponent."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, datetime):
        return (value.astimezone(ZONE).replace(tzinfo=None) if value.tzinfo else value).isoformat(" ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    return value.hex() if isinstance(value, bytes) else str(value)


def lines_of(rows: Iterable[Iterable[str | None]]) -> bytes:
    """``rows`` as lines of CSV in UTF-8."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()
