"""Pages of an HTTP API, one after the other: each is kept on disk as it comes, so that none is asked for twice.

A walk ends where the API says so: no next page, an empty page, or as many rows as it told. A page that is the same as
one before, a total that changes on the way, or another number of rows than told, is no end: the walk is made again.
What is kept are the cells that the feed wants, in a folder that only its owner may enter.
"""

import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from pipelines.errors import SourceDownError, SourceRefusedError
from pipelines.run import make_folder
from pipelines.source_settings import Http, HttpFeed
from pipelines.sources.asking import MISSING, Answer, Requests, at, text_of, told_at
from pipelines.sources.protocol import Channel
from pipelines.sources.watermarks import sane

WALK = "walk.json"


class _ChangedError(Exception):
    """The pages do not belong together: something changed on the way."""


@dataclass(frozen=True)
class Page:
    """What one page told: how many rows, which by their digest, what follows, how many there are in all."""

    count: int
    digest: str
    following: str
    total: int | None


@dataclass(frozen=True)
class Row:
    """The cells that the feed wants of one row, and its value of the watermark."""

    cells: tuple[str, ...]
    mark: str


class Kept:
    """The pages of one walk on disk; those of another question, or too old, are taken away."""

    def __init__(self, folder: Path, question: Mapping[str, Any], *, now: datetime, hours: int) -> None:
        self._folder = folder
        asked = hashlib.sha256(json.dumps(question, sort_keys=True, default=str).encode()).hexdigest()
        self._walk = {"question": asked, "began": now.isoformat()}
        self.pages: list[Page] = []
        make_folder(folder)
        folder.chmod(0o700)
        try:
            self._remember(asked, since=now - timedelta(hours=hours))
        except (OSError, ValueError, KeyError, TypeError):
            self.forget()

    def forget(self) -> None:
        """Take all pages away: the walk begins anew."""
        self.pages = []
        for path in self._folder.iterdir():
            path.unlink()
        self._write(self._folder / WALK, self._walk)

    def add(self, page: Page, rows: Sequence[Row]) -> None:
        """Keep one more page."""
        body = {"page": page.__dict__, "rows": [[*row.cells, row.mark] for row in rows]}
        self._write(self._path(len(self.pages)), body)
        self.pages.append(page)

    def rows(self) -> Iterator[list[Row]]:
        """The rows of each page in order."""
        for place in range(len(self.pages)):
            body = json.loads(self._path(place).read_text(encoding="utf-8"))
            yield [Row(tuple(cells), mark) for *cells, mark in body["rows"]]

    def _path(self, place: int) -> Path:
        return self._folder / f"page-{place + 1:06d}.json"

    def _write(self, path: Path, body: Mapping[str, Any]) -> None:
        """Write ``body``, whole or not at all; what a loss of power tears is asked for again, so nothing is synced."""
        part = path.with_suffix(".part")
        part.write_text(json.dumps(body, ensure_ascii=False), encoding="utf-8")
        part.rename(path)

    def _remember(self, question: str, *, since: datetime) -> None:
        """Take up the pages of a walk with this question that began after ``since``; raises where they are none."""
        walk = json.loads((self._folder / WALK).read_text(encoding="utf-8"))
        if walk["question"] != question or datetime.fromisoformat(walk["began"]) <= since:
            raise ValueError("another question, or too old")
        while (path := self._path(len(self.pages))).is_file():
            body = json.loads(path.read_text(encoding="utf-8"))
            page = Page(**body["page"])
            if len(body["rows"]) != page.count:
                raise ValueError("a page is not whole")
            self.pages.append(page)
        self._walk = walk


class Walk:
    """The way through all pages of one feed, from ``start``: parameters that belong to this time."""

    def __init__(self, channel: Channel[Http, HttpFeed], requests: Requests, start: Mapping[str, str]) -> None:
        self._channel, self._wanted, self._requests, self._start = channel, channel.wanted, requests, start
        base = channel.settings.url
        self._address = f"{base.rstrip('/')}/{self._wanted.path.lstrip('/')}" if self._wanted.path else base
        question = {"url": base, **self._wanted.model_dump(), "start": dict(start)}
        self.kept = Kept(channel.aside, question, now=channel.now, hours=channel.settings.keep_hours)

    def to_the_end(self) -> Kept:
        """All pages, on disk; those kept from before are not asked for again.

        Raises ``SourceDownError`` where one did not come, or the pages did not belong together twice.
        """
        began_with = len(self.kept.pages)
        for attempt in (1, 2):
            try:
                while not self._is_over():
                    self._go_on()
                self._reconcile()
                return self.kept
            except _ChangedError as error:
                self.kept.forget()
                if attempt == 2:
                    raise SourceDownError(f"{self._channel.name}: {error}; nothing of it was taken") from None
            except SourceRefusedError:
                # What was good yesterday may be refused today: a cursor is kept there for a while only.
                if not began_with or len(self.kept.pages) > began_with or attempt == 2:
                    raise
                self.kept.forget()
        raise AssertionError("the second attempt returns or raises")

    def _is_over(self) -> bool:
        pages, how = self.kept.pages, self._wanted.pages
        if not pages:
            return False
        last = pages[-1]
        if how in {"page", "offset"}:
            return last.count == 0 or (last.total is not None and self._count() >= last.total)
        if how == "cursor":
            is_still = last.following in (self._cursor(len(pages) - 1), "")
            return is_still or (self._wanted.keeps_cursor and last.count == 0)
        return not last.following

    def _go_on(self) -> None:
        """Fetch and keep the next page; one that is the same as another before is asked for again."""
        settings, number = self._channel.settings, len(self.kept.pages) + 1
        if number > settings.maximum_pages:
            raise SourceRefusedError(f"{self._channel.name}: more than {settings.maximum_pages} pages: ask for less")
        before = {page.digest for page in self.kept.pages if page.count}
        followed = {page.following for page in self.kept.pages}
        for attempt in range(1, settings.attempts + 1):
            page, rows = self._page(self._requests.ask(*self._question()))
            if page.following and page.following in followed:
                if self._wanted.pages == "cursor" and page.following == self.kept.pages[-1].following:
                    break
                raise _ChangedError(f"page {number} leads back to an earlier one")
            if page.digest not in before or not page.count:
                break
            if attempt == settings.attempts:
                raise _ChangedError(f"page {number} is the same as an earlier one")
            time.sleep(settings.backoff_seconds * 2 ** (attempt - 1))
        told = {one.total for one in (*self.kept.pages, page)} - {None}
        if len(told) > 1:
            raise _ChangedError(f"the total changed on the way ({', '.join(map(str, sorted(filter(None, told))))})")
        self.kept.add(page, rows)

    def _question(self) -> tuple[str, dict[str, str]]:
        """Where to ask for the next page, and with which parameters."""
        wanted, pages = self._wanted, self.kept.pages
        if wanted.pages == "next" and pages:
            return self._own(urljoin(self._address, pages[-1].following)), {}
        asked = {name: str(value) for name, value in wanted.parameters.items()} | dict(self._start)
        if wanted.size_parameter:
            asked[wanted.size_parameter] = str(wanted.size)
        if wanted.pages == "page":
            asked[wanted.page_parameter] = str(wanted.first_page + len(pages))
        if wanted.pages == "offset":
            asked[wanted.offset_parameter] = str(self._count())
        if wanted.pages == "cursor" and pages:
            asked[wanted.cursor_parameter] = pages[-1].following
        return self._address, asked

    def _own(self, address: str) -> str:
        """``address``, if it is on the server of the settings: a login is shown to no other."""
        here, there = urlsplit(self._channel.settings.url), urlsplit(address)
        if (here.scheme, here.netloc) != (there.scheme, there.netloc):
            raise SourceRefusedError(f"{self._channel.name}: the next page lies on another server, {there.hostname}")
        return address

    def _page(self, answer: Answer) -> tuple[Page, list[Row]]:
        wanted, name = self._wanted, self._channel.name
        found = at(answer.body, wanted.rows)
        if not isinstance(found, list):
            raise SourceDownError(f"{name}: no list of rows at {wanted.rows or 'the top'} of the answer")
        rows = [self._row(row) for row in found]
        is_first = not (self._channel.positions or self.kept.pages)
        if is_first and wanted.next and not wanted.total and at(answer.body, wanted.next) is MISSING:
            slip = f"nothing lies at {wanted.next} of the first answer, so its other pages would be lost"
            raise SourceRefusedError(f"{name}: {slip}: mend next, or say where the total is told")
        following = (told_at(answer.body, wanted.next) or "") if wanted.next else answer.next_link
        total = told_at(answer.body, wanted.total) if wanted.total else None
        if wanted.total and not (total and total.isdecimal()):
            raise SourceDownError(f"{name}: no number at {wanted.total} of the answer")
        packed = json.dumps([row.cells for row in rows], ensure_ascii=False).encode()
        follows = following if wanted.pages in {"next", "cursor"} else ""
        return Page(len(rows), hashlib.sha256(packed).hexdigest(), follows, int(total) if total else None), rows

    def _row(self, row: Any) -> Row:
        try:
            cells = tuple(text_of(at(row, place)) for place in self._wanted.columns.values())
            mark = text_of(at(row, self._wanted.watermark)) if self._wanted.watermark else ""
            return Row(cells, sane(mark, self._channel.now))
        except ValueError:
            places = [p for p in self._wanted.columns.values() if isinstance(at(row, p), dict | list)]
            told = f"{', '.join(places) or 'the watermark'} holds a list or an object, no single value"
            raise SourceRefusedError(f"{self._channel.name}: {told}") from None

    def _reconcile(self) -> None:
        total = next((page.total for page in reversed(self.kept.pages) if page.total is not None), None)
        if total is not None and total != self._count():
            raise _ChangedError(f"{self._count()} rows came of the {total} that were told")

    def _count(self) -> int:
        return sum(page.count for page in self.kept.pages)

    def _cursor(self, place: int) -> str:
        """The cursor with which the page at ``place`` was asked for."""
        return (
            self.kept.pages[place - 1].following if place else self._start.get(self._wanted.cursor_parameter, MISSING)
        )
