"""Rows of an HTTP API as one CSV file of text cells: all pages, or none.

With a watermark the API is asked for what changed since the highest value seen, less an overlap; rows at or below that
value are news only where they are not exactly those that were brought before.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipelines.errors import SourceRefusedError
from pipelines.source_settings import Http, HttpFeed
from pipelines.sources.asking import Requests
from pipelines.sources.cells import lines_of
from pipelines.sources.pages import Kept, Row, Walk
from pipelines.sources.protocol import Channel, Fetched, Found, Source
from pipelines.sources.watermarks import less, order


@contextmanager
def opened(channel: Channel[Http, HttpFeed]) -> Iterator[Source]:
    """The rows of one feed, ready to be asked for."""
    requests = Requests(channel)
    try:
        yield _Api(channel, requests)
    finally:
        requests.close()


class _Api:
    """One feed of an API."""

    def __init__(self, channel: Channel[Http, HttpFeed], requests: Requests) -> None:
        self._channel, self._wanted, self._requests = channel, channel.wanted, requests
        self._before = channel.positions[-1] if channel.positions else {}

    def probe(self) -> list[Found]:
        """One thing: what is there now; whether it is new shows once all pages came."""
        return [Found(self._channel.feed)]

    def fetch(self, found: Found, part: Path) -> Fetched | None:
        """All rows of all pages that are news, in one file; None where there are none."""
        del found
        wanted = self._wanted
        kept = Walk(self._channel, self._requests, self._start()).to_the_end()
        self._refuse_unknown_columns(kept)
        position = self._position(kept)
        since = self._before.get("high", "") if self._is_as_it_was(kept) else ""
        count = 0
        with part.open("wb", buffering=2**20) as handle:
            handle.write(lines_of([wanted.columns]))
            for rows in kept.rows():
                news = [row.cells for row in rows if not since or order(row.mark) > order(since)]
                handle.write(lines_of(news))
                count += len(news)
        if not count:
            return None
        stamp = position.get("high", "").replace(":", "").replace(" ", "T")
        name = "-".join(filter(None, (self._channel.feed, stamp)))
        return Fetched(f"{name}.csv", position, is_state=not wanted.keeps_cursor)

    def _start(self) -> dict[str, str]:
        """The parameters that go on from where the last time ended."""
        start = {}
        if self._wanted.since_parameter and self._before.get("high"):
            start[self._wanted.since_parameter] = less(self._before["high"], self._wanted.overlap)
        if self._wanted.keeps_cursor and self._before.get("cursor"):
            start[self._wanted.cursor_parameter] = self._before["cursor"]
        return start

    def _position(self, kept: Kept) -> dict[str, Any]:
        position: dict[str, Any] = {}
        if self._wanted.watermark:
            marks = [row.mark for rows in kept.rows() for row in rows if row.mark]
            high = max([*marks, self._before.get("high", "")], key=order)
            if not high and any(page.count for page in kept.pages):
                slip = f"no row has a value at the watermark {self._wanted.watermark}, or only one ahead of time"
                raise SourceRefusedError(f"{self._channel.name}: {slip}; mend it, or fetch without")
            low = less(high, self._wanted.overlap)
            position |= {"high": high, "low": low, "window": _window(kept, low=low, high=high)}
        if self._wanted.keeps_cursor:
            cursors = [page.following for page in kept.pages if page.following]
            position["cursor"] = cursors[-1] if cursors else self._before.get("cursor", "")
        return position

    def _is_as_it_was(self, kept: Kept) -> bool:
        """Whether the rows at and below the last highest value are those that were brought before."""
        before = self._before
        return bool(before.get("high")) and before["window"] == _window(kept, low=before["low"], high=before["high"])

    def _refuse_unknown_columns(self, kept: Kept) -> None:
        """The first time, a column that no row has is a slip of the settings; later it may just be empty."""
        if self._channel.positions or not any(page.count for page in kept.pages):
            return
        filled = [False] * len(self._wanted.columns)
        for rows in kept.rows():
            filled = [was or any(row.cells[place] for row in rows) for place, was in enumerate(filled)]
        empty = [place for place, is_filled in zip(self._wanted.columns.values(), filled, strict=True) if not is_filled]
        if empty:
            raise SourceRefusedError(f"{self._channel.name}: no row has anything at {', '.join(empty)}: mend columns")


def _window(kept: Kept, *, low: str, high: str) -> str:
    """A digest of the rows from ``low`` to ``high`` and of those without a value, whatever their order."""
    found = (
        hashlib.sha256(json.dumps(row.cells, ensure_ascii=False).encode()).hexdigest()
        for rows in kept.rows()
        for row in rows
        if _lies_in(row, low, high)
    )
    return hashlib.sha256("".join(sorted(found)).encode()).hexdigest()


def _lies_in(row: Row, low: str, high: str) -> bool:
    return not row.mark or order(low) <= order(row.mark) <= order(high)
