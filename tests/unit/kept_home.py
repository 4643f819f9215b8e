"""A home worth keeping, for the tests of backup and housekeeping: a batch, an edition on record, a model."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

from ingest_files import INSURANCE, drop, insurance_row, text

from pipelines.arrivals import receive
from pipelines.ledger import Delivery, EditionRecord, Ledger
from pipelines.means import Means
from pipelines.snapshots import Store, listed

AS_OF = date(2026, 11, 12)
PARTS = ["landing", "models", "editions"]
LIST = "editions/2026-11-12/r1/预警名单.xlsx"


def furnish(means: Means) -> None:
    """Give the home one batch, one edition that is on record and finished, and a model in charge."""
    land(means, 1)
    put(means.home.root / "editions/2026-11-12/r1/edition.json", "{}")
    put(means.home.root / LIST, "list")
    put(means.home.root / "models/listed-3m-0123456789ab/manifest.json", "{}")
    ledger = Ledger(means.home.ledger)
    ledger.promote("listed-3m-0123456789ab", digest="d", since=AS_OF, at=means.now, reason="测试")
    issue(means, AS_OF)
    ledger.append("finished", subject=f"{AS_OF}-r1", at=means.now, body={})


def land(means: Means, number: int) -> Delivery:
    """Land a file of the insured that differs by ``number``."""
    folder = means.home.root.parent / "sent"
    path = drop(folder, f"{number}.csv", text([INSURANCE, insurance_row(number)]))
    ((_, delivery),) = receive(
        means, [path], feed="insurance_month", at=means.now + timedelta(seconds=number), dated=None
    )
    assert delivery is not None
    return delivery


def issue(means: Means, as_of: date) -> None:
    """Put an edition on record as issued."""
    record = EditionRecord(as_of, 1, datetime(2026, 11, 12, 2), 1, "d", "issued", "", "c", "p", "f")
    Ledger(means.home.ledger).record_edition(record, at=means.now)


def put(path: Path, content: str) -> Path:
    """Write a file, with its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def later(means: Means, days: int = 1) -> Means:
    """The same home so many days on."""
    return replace(means, now=means.now + timedelta(days=days))


def contents(home: Path) -> dict[str, bytes]:
    """Every file that a backup takes, by its place in the home."""
    return {name: (home / name).read_bytes() for name in listed(home, PARTS)}


def objects(to: Path) -> list[Path]:
    """The contents that lie in the backup."""
    return [path for path in (to / "objects").rglob("*") if path.is_file()]


def batch_file(to: Path, name: str = "rows.parquet") -> Path:
    """The object of a file of the batch."""
    newest = Store(to).chosen(None)
    return Store(to).content(newest, next(place for place in newest.files if place.endswith(name)))
