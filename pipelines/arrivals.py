"""Deliveries on their way in: from sources, from the inbox, files named by hand, a schedule played at its own instants.

What is fetched from a source becomes a file of the inbox and is landed like any other. A file that is still being
written, or lies where no feed is, is told and left; nothing waits for it.
"""

import csv
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from pipelines import settings as settings_file
from pipelines import sources
from pipelines.errors import DeliveryError, UsageError
from pipelines.ledger import Delivery, Ledger
from pipelines.means import Means
from pipelines.sources import Outcome
from pipelines.stages import ingest
from pipelines.warehouse import lock

ZONE = ZoneInfo("Asia/Shanghai")


def take_inbox(means: Means, *, inbox: Path | None = None, feed: str | None = None) -> list[Delivery]:
    """Land every file that waits, of one ``feed`` or of all; ours are moved into landing, another folder's are copied.

    Gives what is news. A file arrived when its name appeared in the folder (its change time), never later than now:
    what lay there before the cutoff was known before the cutoff.
    """
    folder = inbox or means.home.inbox
    if not folder.is_dir():
        raise UsageError(f"no such inbox: {folder}")
    contracts, ledger = means.contracts(), Ledger(means.home.ledger)
    for path in ingest.strangers(folder, contracts=contracts) if feed is None else ():
        name, place = ingest.shown_name(path), ingest.shown_name(path.parent)
        means.progress(f"未接收 {name}：所在文件夹“{place}”不是数据源文件夹，请移到对应的文件夹")
    waiting = [pair for pair in ingest.waiting(folder, contracts=contracts) if feed in (None, pair[1])]
    ready, unsettled = ingest.settled(waiting)
    for path in unsettled:
        means.progress(f"未接收 {ingest.shown_name(path)}：仍在写入，留待下次接收")
    taken: list[Delivery] = []
    came = (_incoming(path, own, means, remove=inbox is None) for path, own in ready)
    with closing(ingest.receive_each(came, home=means.home, contracts=contracts, ledger=ledger)) as landed:
        for count, (incoming, told) in enumerate(landed, start=1):
            if isinstance(told, DeliveryError):
                means.progress(f"未接收 {ingest.shown_name(incoming.path)}：接收时仍在写入，留待下次接收")
                continue
            news = [delivery for delivery in told if delivery]
            taken += news
            for delivery in news:
                if delivery.status == "refused":
                    means.progress(f"拒收 {delivery.file_name}：{delivery.reason}")
            if count % 25 == 0 or count == len(ready):
                means.progress(f"接收文件 {count}/{len(ready)}")
    return taken


def fetch_sources(
    means: Means, *, feed: str | None = None, source: str | None = None, is_anew: bool = False
) -> list[Outcome]:
    """Fetch what is new at every source, or at those of ``feed`` and ``source``, and land it.

    The home is locked only while a file lands. A source that is down is told in its outcome and stops nothing.
    """

    def land(path: Path, own: str) -> list[Delivery]:
        with lock(means.home.root / ".lock"), closing(Ledger(means.home.ledger)) as ledger:
            told = ingest.receive_all(
                _incoming(path, own, means, remove=True), home=means.home, contracts=means.contracts(), ledger=ledger
            )
            return [delivery for delivery in told if delivery]

    outcomes = sources.fetch(means, land=land, feed=feed, source=source, is_anew=is_anew)
    for delivery in (d for outcome in outcomes for d in outcome.deliveries if d.status == "refused"):
        means.progress(f"拒收 {delivery.file_name}：{delivery.reason}")
    return outcomes


def fetch(means: Means, *, feed: str, until: datetime) -> list[Delivery]:
    """Land what has come of one feed: the files of its inbox, in a simulated city those sent before ``until``.

    Gives what is news. Raises ``UsageError`` for a feed that no contract describes.
    """
    known = means.contracts().feeds
    if feed not in known:
        raise UsageError(f"no contract describes feed {feed}; known: {', '.join(sorted(known))}")
    simulated = settings_file.load(means.home).simulated_deliveries
    with lock(means.home.root / ".lock"):
        sent = _played(means, means.home.root / simulated, until=until, feed=feed) if simulated else []
        return sent + (take_inbox(means, feed=feed) if means.home.inbox.is_dir() else [])


def _incoming(path: Path, feed: str | None, means: Means, *, remove: bool) -> ingest.Incoming:
    """A waiting file; one that is gone is found to be so when it is taken."""
    try:
        appeared = datetime.fromtimestamp(path.stat().st_ctime, tz=ZONE).replace(tzinfo=None)
    except FileNotFoundError:
        appeared = means.now
    return ingest.Incoming(path=path, received_at=min(means.now, appeared), feed=feed, remove=remove)


def receive(
    means: Means, files: Sequence[Path], *, feed: str | None, at: datetime, dated: Literal["arrival", "lag"] | None
) -> list[tuple[Path, Delivery | None]]:
    """Land ``files`` as having arrived ``at``; a file, or one in an archive, that is the latest word gives None."""
    contracts, ledger = means.contracts(), Ledger(means.home.ledger)
    came = [ingest.Incoming(path, at, feed, dated) for path in files]
    each = ingest.receive_each(came, home=means.home, contracts=contracts, ledger=ledger)
    with lock(means.home.root / ".lock"), closing(each):
        return [(incoming.path, delivery) for incoming, told in each for delivery in _whole(told)]


def play(means: Means, *, schedule: Path, until: datetime) -> int:
    """Land the files of a delivery schedule at their own instants up to ``until``; gives how many were new.

    Instants before the latest one on record were played before: a copy that was set aside then is not news now.
    """
    with lock(means.home.root / ".lock"):
        return len(_played(means, schedule, until=until))


def _played(means: Means, schedule: Path, *, until: datetime, feed: str | None = None) -> list[Delivery]:
    contracts, ledger = means.contracts(), Ledger(means.home.ledger)
    on_record = [d for d in ledger.deliveries(withdrawn=True) if feed in (None, d.feed)]
    known = {(d.file_name, d.received_at) for d in on_record}
    last = max((d.received_at for d in on_record), default=datetime.min)
    with schedule.open(encoding="utf-8", newline="") as handle:
        sent = [row for row in csv.DictReader(handle) if feed in (None, row["feed"])]
    rows = [row for row in sent if last <= datetime.fromisoformat(row["received_at"]) < until]
    came = [
        ingest.Incoming(
            path=schedule.parent / row["file"],
            received_at=datetime.fromisoformat(row["received_at"]),
            feed=row["feed"],
            dated=row["dated"],  # type: ignore[arg-type]
        )
        for row in rows
    ]
    new = [incoming for incoming in came if (incoming.path.name, incoming.received_at) not in known]
    landed: list[Delivery] = []
    with closing(ingest.receive_each(new, home=means.home, contracts=contracts, ledger=ledger)) as each:
        for count, (_, told) in enumerate(each, start=1):
            landed += [delivery for delivery in _whole(told) if delivery]
            if count % 50 == 0 or count == len(new):
                means.progress(f"回放交付 {count}/{len(new)}")
    return landed


def _whole(told: list[Delivery | None] | DeliveryError) -> list[Delivery | None]:
    """The deliveries of a file that nobody may write to; raises ``DeliveryError`` where someone did."""
    if isinstance(told, DeliveryError):
        raise told
    return told
