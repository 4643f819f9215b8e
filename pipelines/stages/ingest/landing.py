"""One file in: read, judged, written whole to ``landing/``, then recorded, so that a crash at any point loses nothing.

A batch is named by its content and never rewritten. The ledger speaks only of batches that are durable. This module
never deletes an original before the ledger has it.
"""

import hashlib
import os
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Literal

from pipelines.contracts import Contracts, Feed
from pipelines.errors import DeliveryError, UsageError
from pipelines.ledger import Delivery, Ledger
from pipelines.settings import Home
from pipelines.stages.ingest import grid, persons
from pipelines.stages.ingest.arrival import Taken, is_unchanged, shown_name, take
from pipelines.stages.ingest.batch import MANIFEST, land, landed, write
from pipelines.stages.ingest.bundle import Part, parts

ABREAST = 2
ABREAST_BYTES = 2**26
BINARY = (b"PK", b"PAR1", b"\xd0\xcf\x11\xe0")
REFUSED = "_refused"
TOO_LARGE = "文件有{:.0f}MB，超出一次可读取的512MB；请按月份或县区拆分后报送"


@dataclass(frozen=True)
class Incoming:
    """A file that has come: where it lies, when it came, and what its sender says about it.

    ``dated`` overrides the contract's way of dating rows. ``remove`` takes the file away once it is on record.
    ``within`` is the path of the file inside the archive that lies at ``path``.
    """

    path: Path
    received_at: datetime
    feed: str | None = None
    dated: Literal["arrival", "lag"] | None = None
    remove: bool = False
    within: str = ""

    @property
    def shown(self) -> str:
        """The name of the file, behind that of the archive it came in."""
        return f"{shown_name(self.path)}/{self.within}" if self.within else shown_name(self.path)


@dataclass(frozen=True)
class _Made:
    """A file whose batches are durable, before the ledger knows of them; ``taken`` is None where it cannot be read."""

    incoming: Incoming
    taken: Taken | None
    is_kept: bool
    deliveries: list[Delivery]


def receive(incoming: Incoming, *, home: Home, contracts: Contracts, ledger: Ledger) -> Delivery | None:
    """Land one file and record it; None where its content already is the latest word of its feed.

    A file that is not what it says is kept and recorded as refused, with the reason in Chinese; so is one that cannot
    be read, and it stays where it lies. Neither raises. Raises ``UsageError`` for a feed that no contract describes,
    and ``DeliveryError`` for a file that is gone or was written to meanwhile: that one is for the next run.
    """
    told = receive_all(incoming, home=home, contracts=contracts, ledger=ledger, unfold=False)
    return told[0]


def receive_all(
    incoming: Incoming, *, home: Home, contracts: Contracts, ledger: Ledger, unfold: bool = True
) -> list[Delivery | None]:
    """Land one file as ``receive`` does, or, if it is an archive of several, each of them as a delivery of its own.

    A file of an archive is called by both names. Its feed is the archive's or the folder's in which it lies there.
    """
    return _recorded_all(_made(incoming, home, contracts, unfold=unfold), ledger)


def receive_each(
    incomings: Iterable[Incoming], *, home: Home, contracts: Contracts, ledger: Ledger
) -> Generator[tuple[Incoming, list[Delivery | None] | DeliveryError]]:
    """Land files as ``receive_all`` does, and record them in their order, one being read while another is written.

    Gives each with its deliveries, or with why it is for the next run. Only small files of plain text go side by side,
    for others can need much memory or hold several; and of two that may be the same the second waits, so that batches
    get the names that they would get one by one. Closed early, it waits for what is under way and records none of it.
    """
    with ThreadPoolExecutor(max_workers=ABREAST) as pool:
        begun: deque[tuple[Incoming, Future[_Made], int | None]] = deque()
        for incoming in incomings:
            size = _plain_size(incoming.path)
            sizes = {other for _, _, other in begun}
            while begun and (len(begun) > ABREAST or size is None or sizes & {size, None}):
                earlier, made, _ = begun.popleft()
                yield _ended(earlier, made, ledger)
            begun.append((incoming, pool.submit(_made, incoming, home, contracts, unfold=True), size))
        for incoming, made, _ in begun:
            yield _ended(incoming, made, ledger)


def _plain_size(path: Path) -> int | None:
    """The size of a file that may be landed beside another; None for one that may not."""
    try:
        with path.open("rb") as handle:
            head, size = handle.read(4), os.fstat(handle.fileno()).st_size
    except OSError:
        return None
    return None if size > ABREAST_BYTES or head.startswith(BINARY) else size


def _ended(
    incoming: Incoming, made: Future[_Made], ledger: Ledger
) -> tuple[Incoming, list[Delivery | None] | DeliveryError]:
    try:
        return incoming, _recorded_all(made.result(), ledger)
    except DeliveryError as error:
        return incoming, error


def _made(incoming: Incoming, home: Home, contracts: Contracts, *, unfold: bool) -> _Made:
    """Read, judge and write what came; asks no ledger, so that several can be under way."""
    feed = _claimed(incoming, contracts)
    taken = _taken(incoming)
    if isinstance(taken, OSError):
        return _Made(incoming, None, is_kept=False, deliveries=[_unreadable(incoming, feed, taken)])
    deliveries = [
        _delivery(replace(incoming, within=part.within), part, own, home, contracts)
        for part, own in _parts(taken, feed, contracts, unfold=unfold)
    ]
    is_kept = taken.content is not None or feed is not None
    return _Made(incoming, replace(taken, content=None), is_kept, deliveries)


def _recorded_all(made: _Made, ledger: Ledger) -> list[Delivery | None]:
    """Record what was made of a file, unless it was written to meanwhile; take it away where it may go."""
    path, taken = made.incoming.path, made.taken
    if taken is not None and not is_unchanged(path, taken):
        raise DeliveryError(f"{shown_name(path)} was written to while it was read; the next run takes it")
    told = [_told(delivery, ledger) for delivery in made.deliveries]
    if taken is not None and made.incoming.remove and made.is_kept and is_unchanged(path, taken):
        path.unlink()
    return told


def _taken(incoming: Incoming) -> Taken | OSError:
    """The bytes of a file, or why there are none."""
    try:
        return take(incoming.path)
    except FileNotFoundError as error:
        raise DeliveryError(f"{shown_name(incoming.path)} is gone before it could be read") from error
    except OSError as error:
        return error


def _told(delivery: Delivery, ledger: Ledger) -> Delivery | None:
    return None if _is_latest_word(delivery, ledger) else _recorded(delivery, ledger)


def _parts(taken: Taken, feed: Feed | None, contracts: Contracts, *, unfold: bool) -> Iterator[tuple[Part, Taken]]:
    """The files that came as one, each with its bytes; one too large to be looked at has none."""
    if taken.content is None:
        yield Part("", b"", feed, TOO_LARGE.format(taken.size / 2**20)), taken
        return
    for part in parts(taken.content, feed, contracts) if unfold else [Part("", taken.content, feed)]:
        if part.content is taken.content:
            yield part, taken
        else:
            digest = hashlib.sha256(part.content).hexdigest()
            yield part, replace(taken, content=part.content, sha256=digest, size=len(part.content))


def _delivery(incoming: Incoming, part: Part, taken: Taken, home: Home, contracts: Contracts) -> Delivery:
    """Land a content that may have landed before, or refuse it."""
    feed, came_on = part.feed, incoming.received_at.date()
    try:
        if part.fault:
            raise DeliveryError(part.fault)
        manifest = landed(feed, taken.sha256[:16], came_on, home, contracts) or land(
            part.content,
            incoming.shown,
            came_on,
            digest=taken.sha256,
            feed=feed,
            home=home,
            contracts=contracts,
        )
    except DeliveryError as error:
        lines = 0 if isinstance(error, grid.UnreadError) else _records(taken.content)
        return _refuse(incoming, taken, feed, home, contracts, reason=str(error), lines=lines)
    own = contracts.feeds[manifest["feed"]]
    return Delivery(
        feed=own.feed,
        batch=manifest["batch"],
        file_name=incoming.shown,
        received_at=incoming.received_at,
        dated=incoming.dated or own.dated,
        status="accepted",
        rows_in=manifest["rows_in"],
        rows_landed=manifest["rows_landed"],
        rows_quarantined=manifest["rows_quarantined"],
        rows_set_aside=manifest["rows_set_aside"],
    )


def _claimed(incoming: Incoming, contracts: Contracts) -> Feed | None:
    """The feed named by the caller, else by the folder."""
    if incoming.feed is not None:
        if incoming.feed not in contracts.feeds:
            known = ", ".join(sorted(contracts.feeds))
            raise UsageError(f"no contract describes feed {incoming.feed}; known: {known}")
        return contracts.feeds[incoming.feed]
    return contracts.feeds.get(incoming.path.resolve().parent.name)


def _refuse(
    incoming: Incoming,
    taken: Taken,
    feed: Feed | None,
    home: Home,
    contracts: Contracts,
    *,
    reason: str,
    lines: int,
) -> Delivery:
    """Keep a refused original, if it may stay, with its reason; all its ``lines`` are set aside."""
    batch = taken.sha256[:16]
    name, file_name = feed.feed if feed else "", incoming.shown
    target = home.landing / REFUSED / batch
    if not (target / MANIFEST).is_file():
        manifest = {"feed": name, "batch": batch, "file_name": file_name, "bytes": taken.size}
        manifest |= {"sha256": taken.sha256}
        manifest |= {"reason": reason, "rows_in": lines, "rows_set_aside": lines}
        kept = _kept(incoming, taken, feed, contracts)
        write(target, kept, Path(file_name).suffix.lower(), manifest, None)
    return _refusal(incoming, feed, batch, lines, reason)


def _kept(incoming: Incoming, taken: Taken, feed: Feed | None, contracts: Contracts) -> bytes | Path | None:
    """What is kept of a refused original; one too large to be looked at only where its feed holds no persons."""
    if taken.content is None:
        return incoming.path if feed is not None and not feed.personal else None
    return taken.content if persons.original_may_stay(taken.content, feed, contracts) else None


def _records(content: bytes | None) -> int:
    """Records of a refused file; none where it cannot be read so far."""
    if content is None:
        return 0
    try:
        reading = grid.read(content)
        return reading.grids[0].records() if reading.kind != "workbook" else sum(g.records() for g in reading.grids)
    except DeliveryError:
        return 0


def _unreadable(incoming: Incoming, feed: Feed | None, error: OSError) -> Delivery:
    """A refusal of a file that gives no bytes; it is named by its name, having no content."""
    batch = hashlib.sha256(os.fsencode(incoming.path.name)).hexdigest()[:16]
    reason = f"文件无法读取（{error.strerror or type(error).__name__}）；请检查文件的权限和存放位置"
    return _refusal(incoming, feed, batch, 0, reason)


def _refusal(incoming: Incoming, feed: Feed | None, batch: str, lines: int, reason: str) -> Delivery:
    return Delivery(
        feed=feed.feed if feed else "",
        batch=batch,
        file_name=incoming.shown,
        received_at=incoming.received_at,
        dated=incoming.dated or (feed.dated if feed else "arrival"),
        status="refused",
        rows_in=lines,
        rows_landed=0,
        rows_quarantined=0,
        rows_set_aside=lines,
        reason=reason,
    )


def _is_latest_word(delivery: Delivery, ledger: Ledger) -> bool:
    """Whether the ledger already tells this: the same arrival, or content that was its feed's latest word by then.

    An arrival is told once even if its batch was withdrawn since, so an inbox that is only read can be read again.
    """
    told = [
        d
        for d in ledger.deliveries(withdrawn=True)
        if (d.batch, d.feed, d.status, d.dated) == (delivery.batch, delivery.feed, delivery.status, delivery.dated)
    ]
    if any((d.file_name, d.received_at) == (delivery.file_name, delivery.received_at) for d in told):
        return delivery.status == "accepted" or told[-1].reason == delivery.reason
    if delivery.status == "refused":
        return bool(told) and told[-1].reason == delivery.reason
    before = [
        d
        for d in ledger.deliveries()
        if d.status == "accepted" and d.feed == delivery.feed and d.received_at <= delivery.received_at
    ]
    latest = max(before, key=lambda d: (d.received_at, d.delivery_no), default=None)
    return latest is not None and (latest.batch, latest.dated) == (delivery.batch, delivery.dated)


def _recorded(delivery: Delivery, ledger: Ledger) -> Delivery:
    number = ledger.record_delivery(delivery)
    return Delivery(**{**delivery.__dict__, "delivery_no": number})
