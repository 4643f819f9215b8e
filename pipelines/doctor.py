"""What is missing on this host and in this home, with what to do about each thing."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import time
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

from pipelines import corrections, purpose, sources, watching
from pipelines import settings as settings_file
from pipelines.errors import LateError, WengangError
from pipelines.ledger import Ledger
from pipelines.nightly import Means
from pipelines.stages import ingest
from pipelines.warehouse import connect_published, lock

PACKAGES = ("duckdb", "polars", "numpy", "scikit-learn", "great-expectations", "xlsxwriter", "python-calamine")
GIBIBYTE = 1 << 30
ENOUGH_DISK = settings_file.Watch().disk_gibibytes * GIBIBYTE


@dataclass(frozen=True)
class Finding:
    """One thing looked at: ✔ well, ! worth a look, ✘ a night could not run."""

    mark: Literal["✔", "!", "✘"]
    subject: str
    text: str


def examine(means: Means) -> list[Finding]:
    """Look at the host, the contracts and the home of ``means``."""
    looks: tuple[Callable[[Means], list[Finding]], ...] = (_packages, _contracts, _settings, _disk)
    findings = [finding for look in looks for finding in look(means)]
    if means.home.settings_file.is_file():
        findings += [
            finding
            for look in (
                _lock,
                _inbox,
                _sources,
                _deliveries,
                _purposes,
                _corrections,
                _editions,
                _published,
                _mails,
            )
            for finding in look(means)
        ]
    return findings


def require_edition(means: Means, *, by: time) -> None:
    """The dead man's switch: raise ``LateError`` where today's edition did not come ``by`` then; before, all is well.

    It asks the ledger alone, so it works where the scheduler is down. A home that is not there is a late edition too.
    """
    if not means.home.ledger.is_file():
        raise LateError(
            f"{means.home.root} 没有台账，今天不会有名单：请检查 WENGANG_HOME (no ledger: check WENGANG_HOME)"
        )
    late = watching.late_edition(Ledger(means.home.ledger), now=means.now, due=by)
    if late:
        raise LateError(f"{late.text} ({late.english})")


def _packages(_: Means) -> list[Finding]:
    found = []
    for name in (*PACKAGES, "apache-airflow"):
        try:
            found.append(Finding("✔", name, version(name)))
        except PackageNotFoundError:
            optional = name == "apache-airflow"
            found.append(
                Finding(
                    "!" if optional else "✘",
                    name,
                    "not installed; needed for scheduling only" if optional else "not installed",
                )
            )
    return found


def _contracts(means: Means) -> list[Finding]:
    try:
        contracts = means.contracts()
    except WengangError as error:
        return [Finding("✘", "contracts", str(error))]
    return [Finding("✔", "contracts", f"{len(contracts.feeds)} feeds, {len(contracts.tables)} tables")]


def _settings(means: Means) -> list[Finding]:
    try:
        settings = settings_file.load(means.home)
    except WengangError as error:
        return [Finding("✘", "settings", str(error))]
    if settings.mail.smtp_host and settings.mail.smtp_user and not settings_file.smtp_password():
        return [Finding("!", "mail", f"{settings_file.SMTP_PASSWORD} is not set; mails will wait in the outbox")]
    way = f"through {settings.mail.smtp_host}" if settings.mail.smtp_host else f"as files in {means.home.outbox}"
    return [Finding("✔", "settings", f"{settings.city.name}, {len(settings.counties)} counties, mails {way}")]


def _disk(means: Means) -> list[Finding]:
    place = means.home.root if means.home.root.exists() else means.home.root.parent
    free = shutil.disk_usage(place).free if place.exists() else 0
    mark: Literal["✔", "!"] = "✔" if free > ENOUGH_DISK else "!"
    return [Finding(mark, "disk", f"{free // GIBIBYTE} GiB free at {place}")]


def _lock(means: Means) -> list[Finding]:
    try:
        with lock(means.home.root / ".lock"):
            return [Finding("✔", "lock", "no other process is writing")]
    except WengangError as error:
        return [Finding("!", "lock", str(error))]


def _inbox(means: Means) -> list[Finding]:
    contracts = means.contracts()
    waiting = ingest.waiting(means.home.inbox, contracts=contracts)
    found = [Finding("✔", "inbox", f"{len(waiting)} files wait; the next run takes them")]
    strangers = ingest.strangers(means.home.inbox, contracts=contracts)
    if strangers:
        folders = ", ".join(sorted({str(path.parent.relative_to(means.home.inbox)) for path in strangers}))
        text = f"{len(strangers)} files lie in folders of no feed and are never taken: {folders}; move them to"
        found.append(Finding("!", "inbox", f"{text} inbox/<feed>/ (feeds: {', '.join(sorted(contracts.feeds))})"))
    return found


def _sources(means: Means) -> list[Finding]:
    """Sources that are fetched from, and those whose last fetch did not work."""
    try:
        named = settings_file.load(means.home).sources
    except WengangError:
        return []
    ledger = Ledger(means.home.ledger)
    channels = [f"{name}/{feed}" for name, source in sorted(named.items()) for feed in sorted(source.feeds)]
    told = [(channel, sources.standing(ledger, channel).fault) for channel in channels]
    found = [Finding("✔", "sources", f"{len(channels)} feeds are fetched from {len(named)} sources")] if named else []
    return found + [Finding("!", f"source {channel}", fault) for channel, fault in told if fault]


def _deliveries(means: Means) -> list[Finding]:
    deliveries = Ledger(means.home.ledger).deliveries()
    refused = [d for d in deliveries if d.status == "refused"]
    found = [Finding("✔", "deliveries", f"{len(deliveries) - len(refused)} accepted")]
    return found + [Finding("!", f"refused {d.file_name}", d.reason) for d in refused[-5:]]


def _purposes(means: Means) -> list[Finding]:
    """Feeds whose approval has ended or bounds their use, and how many nobody has told of."""
    try:
        found = purpose.approvals(means.contracts(), settings_file.load(means.home))
    except WengangError as error:
        return [Finding("✘", "purposes", str(error))]
    day = means.now.date()
    ended = [own for own in found.values() if own.has_ended(day)]
    told = [
        Finding("!", f"purpose {own.feed}", f"approval ended on {own.until}: what {own.owner} sends since is not used")
        for own in ended
    ]
    for own in found.values():
        if own.uses is not None and set(own.uses) != set(purpose.USES):
            told.append(Finding("!", f"purpose {own.feed}", f"approved for {', '.join(own.uses) or 'no use'} only"))
    unclear = sum(own.state(day) == "约定不全" for own in found.values())
    if unclear:
        text = f"{unclear} of {len(found)} feeds: catalogue number or uses unknown (未知); see 'wengang purposes'"
        told.append(Finding("!", "purposes", text))
    return told or [Finding("✔", "purposes", f"{len(found)} feeds, all approved")]


def _corrections(means: Means) -> list[Finding]:
    """Corrections on record, and files in the home that say otherwise."""
    held = corrections.on_record(Ledger(means.home.ledger))
    found = [Finding("✔", "corrections", f"{len(held)} on record")]
    files = sorted(means.home.corrections.glob(f"*{corrections.SUFFIX}"))
    read, faults = corrections.check(files, contracts=means.contracts(), today=means.now.date())
    if faults:
        return [*found, *(Finding("!", "corrections", fault) for fault in faults)]
    for name, own in read.items():
        known = {one: kept for one, (file, kept) in held.items() if file == name}
        if known != {correction.id: correction for correction in own}:
            found.append(Finding("!", f"corrections {name}", "differs from the record; run 'wengang corrections load'"))
    return found


def _editions(means: Means) -> list[Finding]:
    editions = Ledger(means.home.ledger).editions()
    if not editions:
        return [Finding("!", "editions", "none yet; run 'wengang run --as-of DATE'")]
    last = editions[-1]
    return [Finding("✔" if last.status == "issued" else "!", "editions", f"last {last.edition_id}: {last.status}")]


def _published(means: Means) -> list[Finding]:
    current = means.home.published / "current.duckdb"
    if not current.exists():
        return []
    try:
        connect_published(current).close()
    except WengangError as error:
        return [Finding("✘", "published", str(error))]
    return [Finding("✔", "published", current.resolve().name)]


def _mails(means: Means) -> list[Finding]:
    unsent = Ledger(means.home.ledger).unsent()
    if unsent:
        return [Finding("!", "outbox", f"{len(unsent)} mails wait; the next run tries again")]
    return [Finding("✔", "outbox", "every mail was handed over")]
