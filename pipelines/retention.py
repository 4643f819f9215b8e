"""Delivered files past their retention: found and put on record first, deleted some days later, never unsaid.

Records of persons are kept for a shorter time than those of units, registers as long as what they say holds, editions
for audit and for ever.
A batch goes whole once the latest month that it speaks of is past, but for its manifest, which tells what it was. Old
editions that read it can no longer be rebuilt; how many that is stands in the notice and in the record.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from pipelines import parameters as parameter_files
from pipelines.contracts import Feed
from pipelines.ledger import Delivery, EditionRecord, Ledger
from pipelines.means import Means
from pipelines.parameters import Parameters
from pipelines.run import add_months, month_of, sync_folder
from pipelines.settings import Home

NOTICE, ERASURE = "erasure_notice", "erasure"
REFUSED = "_refused"
MANIFEST = "manifest.json"
SLABS = "slabs.json"


@dataclass(frozen=True)
class Due:
    """One batch past its retention: what it holds, since when it is past, and the editions that read it."""

    feed: str
    batch: str
    latest: date
    months: int
    rows: int
    bytes: int
    editions: int
    latest_edition: str
    folder: Path

    def as_body(self) -> dict[str, Any]:
        """As plain values for the ledger."""
        body = {name: value for name, value in self.__dict__.items() if name not in {"folder", "batch"}}
        return body | {"latest": self.latest.isoformat()}

    def __str__(self) -> str:
        """What goes, in Chinese."""
        told = f"，之后{self.editions}期（最近{self.latest_edition}）无法重放" if self.editions else ""
        return f"{self.feed} {self.batch}：最后月份{self.latest:%Y-%m}，留存{self.months}个月已满，{self.rows}行{told}"


def months_of(feed: Feed | None, parameters: Parameters) -> int | None:
    """For how many months a batch is kept after the latest one that it speaks of; None where as long as it holds.

    Without a feed it is a refused file, counted from its arrival.
    """
    if feed is None:
        return int(parameters["retention_refused_months"])
    named = {"person": "retention_person_months", "unit": "retention_unit_months"}
    return int(parameters[named[feed.kept_as]]) if feed.kept_as in named else None


def due(means: Means, ledger: Ledger) -> list[Due]:
    """The batches that are past their retention at ``means.now`` and still lie there, in order of feed and batch."""
    parameters, contracts = parameter_files.load(means.now.date()), means.contracts()
    latest: dict[tuple[str, str], Delivery] = {}
    first: dict[tuple[str, str], int] = {}
    for delivery in ledger.deliveries(withdrawn=True):
        place = (delivery.feed if delivery.status == "accepted" else REFUSED, delivery.batch)
        latest[place] = delivery
        first.setdefault(place, delivery.delivery_no)
    issued = [edition for edition in ledger.editions() if edition.was_issued()]
    found = []
    for (name, batch), delivery in sorted(latest.items()):
        folder = means.home.landing / name / batch
        feed = contracts.feeds.get(name)
        if not (folder / MANIFEST).is_file() or not list(_content(folder)) or (feed is None and name != REFUSED):
            continue
        months = months_of(feed, parameters)
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        last = _latest_month(manifest, delivery)
        if months is None or add_months(last, months) >= month_of(means.now):
            continue
        readers = _readers(first[name, batch], issued) if feed else []
        found.append(
            Due(
                feed=name,
                batch=batch,
                latest=last,
                months=months,
                rows=int(manifest.get("rows_landed", 0)) + int(manifest.get("rows_quarantined", 0)),
                bytes=sum(path.stat().st_size for path in _content(folder)),
                editions=len(readers),
                latest_edition=readers[-1].edition_id if readers else "",
                folder=folder,
            )
        )
    return found


def give_notice(found: list[Due], ledger: Ledger, *, now: datetime) -> int:
    """Put what is due and was not told yet on record; gives how many."""
    told = _told(ledger)
    fresh = [one for one in found if (one.feed, one.batch) not in told]
    for one in fresh:
        ledger.append(NOTICE, subject=one.batch, at=now, body=one.as_body())
    return len(fresh)


def erase(found: list[Due], ledger: Ledger, *, now: datetime, notice_days: int) -> list[Due]:
    """Delete what was told ``notice_days`` ago; each deletion is on record before it is done, so a kill loses none."""
    told, recorded = _told(ledger), ledger.erased()
    ripe = [one for one in found if now - told.get((one.feed, one.batch), now) >= timedelta(days=notice_days)]
    for one in ripe:
        if (one.feed, one.batch) not in recorded:
            ledger.append(ERASURE, subject=one.batch, at=now, body=one.as_body())
        for path in list(_content(one.folder)):
            path.unlink()
        sync_folder(one.folder)
    return ripe


def forgotten_slabs(home: Home) -> list[Path]:
    """Month folders of facts that no delivery speaks of any more, such as those of erased batches."""
    path = home.core / SLABS
    if not path.is_file():
        return []
    pages: Mapping[str, Mapping[str, str]] = json.loads(path.read_text(encoding="utf-8"))["slabs"]
    named = {table.split(".")[1]: set(page) for table, page in pages.items()}
    return [
        folder
        for table, months in sorted(named.items())
        for folder in sorted((home.core / table).glob("[0-9]*-[0-9]*-[0-9]*"))
        if folder.name not in months
    ]


def _told(ledger: Ledger) -> dict[tuple[str, str], datetime]:
    """Feed and batch → when it was first put on record as due."""
    found: dict[tuple[str, str], datetime] = {}
    for entry in ledger.entries(NOTICE):
        found.setdefault((entry["feed"], entry["subject"]), datetime.fromisoformat(entry["at"]))
    return found


def _content(folder: Path) -> Iterator[Path]:
    """Everything in a batch but its manifest."""
    return (path for path in sorted(folder.iterdir()) if path.is_file() and path.name != MANIFEST)


def _latest_month(manifest: Mapping[str, Any], delivery: Delivery) -> date:
    """The latest month that a batch speaks of, else that of its latest arrival."""
    told = [
        date.fromisoformat(text) for text in (*manifest.get("months", ()), *manifest.get("held_by_period", ())) if text
    ]
    return month_of(max(told)) if told else month_of(delivery.received_at)


def _readers(first: int, issued: list[EditionRecord]) -> list[EditionRecord]:
    """The editions that could see the batch whose first delivery is entry ``first``."""
    return [edition for edition in issued if edition.through >= first]
