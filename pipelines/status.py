"""The operator's page ``status/index.html``: the last nights, what each stage took, feeds, model, backups, open faults.

One file without scripts, drawn from the ledger and the last published edition. It is part of no edition.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from pipelines import STAGES, formats, operation, watching
from pipelines import settings as settings_file
from pipelines.errors import PublishError
from pipelines.ledger import EditionRecord, Ledger
from pipelines.means import Means
from pipelines.pages import environment
from pipelines.run import atomic_file
from pipelines.settings import Home, Settings
from pipelines.warehouse import lock

TEMPLATES = Path(__file__).resolve().parent / "templates"
PAGE = "index.html"
NIGHTS_SHOWN = 30
BAR = 300.0
VERDICTS = {"identical": "重放一致", "different": "重放不一致", "not comparable": "程序已更新，未能比较"}
STATES = {"issued": "已发布", "withdrawn": "已撤回", "held": "未发布（质量关）", "": "未完成"}
FEEDS = """
    SELECT feed, feed_label, owner, is_required, source_state, months_behind, latest_month, latest_known_at,
        refused_count
    FROM out.source_status ORDER BY source_state = '正常', NOT is_required, feed
"""
MODEL = "SELECT model_id, model_label, model_trained_text, model_warning FROM out.model"
EDITION = "SELECT edition_id FROM out.edition"


@dataclass(frozen=True)
class Part:
    """One stage of a night's bar: its place and width in the drawing, and its seconds."""

    stage: str
    number: int
    x: float
    width: float
    seconds: float


@dataclass(frozen=True)
class NightLine:
    """One night of the table; what is not on record is None."""

    as_of: date
    edition: str
    revision: int | None
    state: str
    recorded_at: datetime | None
    seconds: float
    parts: tuple[Part, ...]
    missing: tuple[str, ...]
    deliveries: int | None
    sent: int
    waiting: int

    @property
    def word(self) -> str:
        """The state in Chinese."""
        return STATES[self.state]


def write(means: Means, *, due: time) -> tuple[Path, Path]:
    """Write the page and the tables beside it, each whole or not at all; gives their paths.

    Raises ``SettingsError`` where there is no home, ``BusyError`` where another process writes them, ``PublishError``
    where the tables do not read back.
    """
    settings = settings_file.load(means.home)
    with lock(means.home.root / ".status.lock"):
        tables = operation.write(means)
        with atomic_file(means.home.status / PAGE) as path:
            path.write_text(page(means, settings, due=due), encoding="utf-8")
    return means.home.status / PAGE, tables


def page(means: Means, settings: Settings, *, due: time) -> str:
    """The whole HTML text of the page at ``means.now``; nothing is changed."""
    ledger = Ledger(means.home.ledger)
    templates = environment(TEMPLATES, duration=duration)
    shown = nights(ledger)
    return templates.get_template("status.html.j2").render(
        settings=settings,
        marks=formats.CONFIDENTIAL,
        simulated=formats.SIMULATED,
        now=means.now,
        due=f"{due:%H:%M}",
        today=next((night for night in shown if night.as_of == means.now.date()), None),
        is_late=watching.late_edition(ledger, now=means.now, due=due) is not None,
        faults=watching.look(means, due=due),
        nights=shown,
        stages=STAGES,
        bar=BAR,
        backup=_last(ledger, "backup"),
        drill=_last(ledger, "drill"),
        verdicts=VERDICTS,
        waiting=len(ledger.unsent()),
        **_published(means.home),
    )


def nights(ledger: Ledger) -> list[NightLine]:
    """The last nights by business date, the latest first, bars drawn to the scale of the longest."""
    editions = {edition.as_of: edition for edition in ledger.editions()}
    begun = {date.fromisoformat(entry["subject"]) for entry in ledger.entries("receipt")}
    days = sorted(editions.keys() | begun, reverse=True)[:NIGHTS_SHOWN]
    timed = {day: _seconds(ledger, day, editions.get(day)) for day in days}
    longest = max((sum(seconds.values()) for seconds in timed.values()), default=0.0)
    written = Counter(mail.edition_id for mail in ledger.mails())
    waiting = Counter(mail.edition_id for mail in ledger.unsent())
    return [_night(ledger, day, editions.get(day), timed[day], longest, written, waiting) for day in days]


def _night(
    ledger: Ledger,
    day: date,
    edition: EditionRecord | None,
    seconds: dict[str, float],
    longest: float,
    written: Counter[str],
    waiting: Counter[str],
) -> NightLine:
    number = edition.edition_id if edition else ""
    recorded = {entry["seq"]: entry["at"] for entry in ledger.entries("edition", subject=day.isoformat())}
    return NightLine(
        as_of=day,
        edition=number,
        revision=edition.revision if edition else None,
        state=edition.status if edition else "",
        recorded_at=datetime.fromisoformat(recorded[edition.seq]) if edition else None,
        seconds=sum(seconds.values()),
        parts=_parts(seconds, longest),
        missing=tuple(stage for stage in STAGES if stage not in seconds),
        deliveries=_deliveries(ledger, edition) if edition else None,
        sent=written[number] - waiting[number],
        waiting=waiting[number],
    )


def _seconds(ledger: Ledger, day: date, edition: EditionRecord | None) -> dict[str, float]:
    """Seconds of each stage of the night that decided ``edition``; without one, of the last attempt.

    An edition is put on record while it is published: what comes before and after is told by the ledger's order.
    """
    receipts = ledger.entries("receipt", subject=day.isoformat())
    if edition is None:
        starts = [entry["seq"] for entry in receipts if entry["stage"] == STAGES[0]]
        return {entry["stage"]: entry["seconds"] for entry in receipts if entry["seq"] >= max(starts, default=0)}
    late = STAGES[STAGES.index("publish") :]
    before = {e["stage"]: e["seconds"] for e in receipts if e["seq"] < edition.seq and e["stage"] not in late}
    after = [(e["stage"], e["seconds"]) for e in receipts if e["seq"] > edition.seq and e["stage"] in late]
    return {**before, **dict(reversed(after))} if edition.was_issued() else before


def _parts(seconds: dict[str, float], longest: float) -> tuple[Part, ...]:
    scale, x, parts = BAR / longest if longest else 0.0, 0.0, []
    for number, stage in enumerate(STAGES):
        width = seconds.get(stage, 0.0) * scale
        if width:
            parts.append(Part(stage, number, round(x, 2), round(width, 2), seconds[stage]))
        x += width
    return tuple(parts)


def _deliveries(ledger: Ledger, edition: EditionRecord) -> int:
    """Deliveries that this edition saw and the one recorded before it did not."""
    before = max((other.through for other in ledger.editions() if other.seq < edition.seq), default=0)
    return sum(before < delivery.delivery_no <= edition.through for delivery in ledger.deliveries(withdrawn=True))


def _last(ledger: Ledger, kind: str) -> dict[str, Any] | None:
    """The last entry of ``kind``, its ``at`` an instant."""
    entries = ledger.entries(kind)
    return {**entries[-1], "at": datetime.fromisoformat(entries[-1]["at"])} if entries else None


def _published(home: Home) -> dict[str, Any]:
    """Feeds and model as the last edition published them; empty where none is, or it cannot be read (a fault)."""
    try:
        feeds, models, edition = (watching.published_rows(home, query) for query in (FEEDS, MODEL, EDITION))
    except PublishError:
        feeds, models, edition = [], [], []
    return {
        "feeds": feeds,
        "behind": sum(row[4] != "正常" for row in feeds),
        "model": _first(models),
        "published": (_first(edition) or ("",))[0],
    }


def _first(rows: Sequence[tuple[Any, ...]]) -> tuple[Any, ...] | None:
    return rows[0] if rows else None


def duration(seconds: float) -> str:
    """``12.3 秒``, ``4 分 05 秒``."""
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} 秒"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} 分 {rest:02d} 秒"
