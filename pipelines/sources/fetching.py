"""Fetching: what is new at each source becomes a file in ``inbox/<feed>/``, is landed, and only then is it a position.

A crash at any point fetches again or finds the file it left, and lands once. One source that is down is a fault of its
own: it is recorded and told, and the others go on. What a file holds is no concern of this module.
"""

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipelines import settings as settings_file
from pipelines.errors import (
    BusyError,
    DeliveryError,
    SourceDownError,
    SourceRefusedError,
    UsageError,
    WengangError,
)
from pipelines.ledger import Delivery, Ledger
from pipelines.means import Means
from pipelines.run import make_folder, sync_folder
from pipelines.source_settings import Database, Http, Sftp
from pipelines.sources import positions
from pipelines.sources.logins import Login, login_of
from pipelines.sources.positions import Pending, standing
from pipelines.sources.protocol import Channel, Fetched, Opener, Source
from pipelines.warehouse import lock

LONGEST_NAME = 200
"""Bytes of a file's name; a file system allows 255, and landing puts something behind it."""
PASSING = (SourceDownError, BusyError)
Land = Callable[[Path, str], list[Delivery]]
"""Land one file of a feed, or those in an archive, and take it away; nothing where it already is the latest word.

Raises ``DeliveryError`` where it is gone, ``BusyError`` where another process writes the home.
"""


@dataclass(frozen=True)
class Outcome:
    """What became of one feed of one source: the deliveries that are news, and what went wrong, if anything."""

    source: str
    feed: str
    deliveries: tuple[Delivery, ...]
    fault: WengangError | None = None

    @property
    def is_final(self) -> bool:
        """Whether trying again changes nothing."""
        return self.fault is not None and not isinstance(self.fault, PASSING)


@dataclass(frozen=True)
class _Work:
    """What one channel is fetched with."""

    means: Means
    ledger: Ledger
    land: Land
    source: str
    feed: str
    settings: Sftp | Database | Http

    @property
    def name(self) -> str:
        return f"{self.source}/{self.feed}"

    @property
    def folder(self) -> Path:
        return self.means.home.inbox / self.feed

    @property
    def part(self) -> Path:
        return self.folder / f"{self.source}.part"

    @property
    def aside(self) -> Path:
        return self.means.home.fetching / self.source / self.feed


def fetch(
    means: Means, *, land: Land, feed: str | None = None, source: str | None = None, is_anew: bool = False
) -> list[Outcome]:
    """Fetch what is new at every source, or those of ``feed`` and ``source``; a fault of one is in its outcome.

    ``is_anew`` forgets how far they were read. Raises ``UsageError`` for a source that the settings do not name.
    """
    outcomes: list[Outcome] = []
    with closing(Ledger(means.home.ledger)) as ledger:
        for work in _works(means, ledger, land, feed=feed, source=source):
            # A server that is down is asked once for each further feed: the night waits for nobody.
            is_down = any(o.source == work.source and isinstance(o.fault, SourceDownError) for o in outcomes)
            eased = replace(work, settings=work.settings.model_copy(update={"attempts": 1})) if is_down else work
            outcomes.append(_told_outcome(eased, is_anew=is_anew))
    return outcomes


def _told_outcome(work: _Work, *, is_anew: bool) -> Outcome:
    """Fetch one channel, and tell it in words that name no file."""
    if is_anew:
        positions.forget(work.ledger, work.name, at=work.means.now)
    outcome = _outcome(work)
    if outcome.deliveries:
        work.means.progress(f"数据源 {work.name}：取到 {len(outcome.deliveries)} 个文件")
    if outcome.fault:
        later = "需人工处理" if outcome.is_final else "系统会再试"
        work.means.progress(f"数据源 {work.name}：没有取到，{later}；原因见 wengang sources")
    return outcome


def _works(means: Means, ledger: Ledger, land: Land, *, feed: str | None, source: str | None) -> Iterator[_Work]:
    sources = settings_file.load(means.home).sources
    if source is not None and source not in sources:
        raise UsageError(f"no source is called {source}; wengang.toml names: {', '.join(sorted(sources)) or 'none'}")
    if source is not None and feed is not None and feed not in sources[source].feeds:
        raise UsageError(f"source {source} has no feed {feed}; it has: {', '.join(sorted(sources[source].feeds))}")
    _clear_strangers(means.home.fetching, {(name, wanted) for name in sources for wanted in sources[name].feeds})
    for name, settings in sorted(sources.items()):
        for wanted in sorted(settings.feeds):
            if source in (None, name) and feed in (None, wanted):
                yield _Work(means, ledger, land, name, wanted, settings)


def _outcome(work: _Work) -> Outcome:
    """Fetch one channel; its fault is recorded, and its words hold no secret."""
    taken: list[Delivery] = []
    try:
        with lock(work.means.home.fetching / f"{work.source}-{work.feed}.lock"):
            _settle_pending(work, taken)
            _patiently(work, taken)
    except WengangError as error:
        # Neither frames nor causes go along: they hold the login.
        error.__context__ = None
        outcome = Outcome(work.source, work.feed, tuple(taken), error.with_traceback(None))
        at, is_final = work.means.now, outcome.is_final
        positions.had_fault(work.ledger, work.name, at=at, reason=str(error), is_final=is_final)
        return outcome
    return Outcome(work.source, work.feed, tuple(taken))


def _patiently(work: _Work, taken: list[Delivery]) -> None:
    """Fetch all that is new, again where it broke off; an HTTP API tries each page again by itself."""
    settings = work.settings
    login = login_of(
        work.source, user=settings.user, connection=settings.connection, connections=work.means.connections
    )
    attempts = 1 if isinstance(settings, Http) else settings.attempts
    for attempt in range(1, attempts + 1):
        try:
            _once(work, login, taken)
            return
        except SourceDownError:
            if attempt == attempts:
                raise
            time.sleep(settings.backoff_seconds * 2 ** (attempt - 1))


def _once(work: _Work, login: Login, taken: list[Delivery]) -> None:
    try:
        channel = _channel(work, login)
        with _opener(work.settings)(channel) as source:
            _bring_all(work, channel, source, taken)
    except (SourceDownError, SourceRefusedError) as error:
        raise type(error)(login.hidden(str(error))) from None
    except WengangError:
        raise
    except Exception as error:
        first = next(iter(str(error).splitlines()), "")
        raise SourceDownError(login.hidden(f"{work.name}: {type(error).__name__}: {first}")) from None


def _channel(work: _Work, login: Login) -> Channel[Any, Any]:
    feed = work.means.contracts().feeds.get(work.feed)
    if feed is None:
        raise SourceRefusedError(f"no contract describes feed {work.feed}: mend [sources.{work.source}.feeds]")
    wanted = work.settings.feeds[work.feed]
    is_partial = any(getattr(wanted, name, "") for name in ("watermark", "keeps_cursor"))
    if is_partial and feed.covers == "period":
        raise SourceRefusedError(
            f"a file of {work.feed} stands for whole periods, so a part of one would take rows away: fetch it whole, "
            f"without watermark and keeps_cursor, in [sources.{work.source}.feeds.{work.feed}]"
        )
    return Channel(
        source=work.source,
        feed=work.feed,
        settings=work.settings,
        wanted=wanted,
        login=login,
        positions=standing(work.ledger, work.name).positions,
        aside=work.aside,
        now=work.means.now,
        say=work.means.progress,
    )


def _bring_all(work: _Work, channel: Channel[Any, Any], source: Source, taken: list[Delivery]) -> None:
    """Bring each thing that is new; one that is refused does not keep back the others."""
    is_news, refusal = False, None
    for found in source.probe():
        make_folder(work.folder)
        try:
            fetched = source.fetch(found, work.part)
            if fetched is None or not _is_news(work, fetched):
                continue
            pending = _appear(work, fetched)
        except SourceRefusedError as error:
            refusal = refusal or error
            continue
        finally:
            work.part.unlink(missing_ok=True)
        is_news = True
        _settle(work, pending, taken)
    if refusal:
        raise refusal
    _clear(channel.aside)
    if not is_news:
        positions.was_well(work.ledger, work.name, at=work.means.now)


def _is_news(work: _Work, fetched: Fetched) -> bool:
    return not (fetched.is_state and _digest(work.part) == standing(work.ledger, work.name).digest)


def _appear(work: _Work, fetched: Fetched) -> Pending:
    """Make the finished part a file of the inbox, all at once, after it is on record what it will mean."""
    with work.part.open("rb") as written:
        os.fsync(written.fileno())
    digest = _digest(work.part)
    pending = positions.will_land(
        work.ledger,
        work.name,
        at=work.means.now,
        file_name=_inbox_name(work.source, fetched.name, digest, work.folder),
        digest=digest,
        position=fetched.position,
    )
    work.part.rename(work.folder / pending.file_name)
    sync_folder(work.folder)
    return pending


def _settle_pending(work: _Work, taken: list[Delivery]) -> None:
    """See what became of a file that was fetched before a crash; where it is gone unseen, it is fetched again."""
    pending = standing(work.ledger, work.name).pending
    if pending and not work.part.exists():
        _settle(work, pending, taken)
    work.part.unlink(missing_ok=True)


def _settle(work: _Work, pending: Pending, taken: list[Delivery]) -> None:
    """Land a file of the inbox, unless somebody was faster, and move the position once it is on record."""
    path, is_on_record = work.folder / pending.file_name, False
    if path.is_file() and _digest(path) == pending.digest:
        with suppress(DeliveryError):
            taken += work.land(path, work.feed)
            is_on_record = True
    if is_on_record or (not path.exists() and _is_on_record(work, pending)):
        positions.has_landed(work.ledger, work.name, pending, at=work.means.now)


def _is_on_record(work: _Work, pending: Pending) -> bool:
    """Whether a content is a delivery: batches are named by it, with something behind where it was read again."""
    deliveries = work.ledger.deliveries(withdrawn=True)
    return any(d.feed == work.feed and d.batch.partition("-")[0] == pending.digest[:16] for d in deliveries)


def _opener(settings: Sftp | Database | Http) -> Opener:
    """Connect to a kind of source; its driver is loaded only where a site uses it."""
    if isinstance(settings, Sftp):
        from pipelines.sources import sftp  # noqa: PLC0415

        return sftp.opened
    if isinstance(settings, Database):
        from pipelines.sources import database  # noqa: PLC0415

        return database.opened
    from pipelines.sources import http_api  # noqa: PLC0415

    return http_api.opened


def _inbox_name(source: str, name: str, digest: str, folder: Path) -> str:
    """``name`` with the source before it, fit for a file system; told apart where something of that name lies there."""
    clean = "".join("_" if letter in "/\\" or not letter.isprintable() else letter for letter in name)
    stem, dot, suffix = clean.rpartition(".") if "." in clean.strip(".") else (clean, "", "")
    while len(f"{source}-{stem}{dot}{suffix}".encode()) > LONGEST_NAME and stem:
        stem = stem[:-1]
    wanted = f"{source}-{stem}{dot}{suffix}"
    return f"{source}-{stem}-{digest[:8]}{dot}{suffix}" if (folder / wanted).exists() else wanted


def _digest(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _clear_strangers(folder: Path, known: set[tuple[str, str]]) -> None:
    """Take away what was kept aside of sources and feeds that the settings no longer name."""
    for path in folder.glob("*/*"):
        if (path.parent.name, path.name) not in known:
            _clear(path)
            path.rmdir()


def _clear(folder: Path) -> None:
    """Take away what was kept aside of a file that is on record by now."""
    for path in folder.iterdir() if folder.is_dir() else ():
        path.unlink()
