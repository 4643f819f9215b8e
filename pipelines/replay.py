"""Rebuild an old edition from its own cutoff and compare: files byte for byte, published tables row for row.

The rebuild happens in a temporary home that shares landing, ledger and earlier editions with the real one and writes
nothing into it.
"""

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from pipelines import STAGES, nightly
from pipelines import parameters as parameter_files
from pipelines.errors import NotComparableError, NotFoundError
from pipelines.ledger import EditionRecord, Ledger
from pipelines.nightly import Means
from pipelines.run import code_digest
from pipelines.settings import Home
from pipelines.stages import edition
from pipelines.warehouse import differing_tables

SHARED = ("landing", "ledger.sqlite", "wengang.toml", "models", "editions")


@dataclass(frozen=True)
class Comparison:
    """What a replay found: the edition, how much was compared, and what differs."""

    edition_id: str
    files: int
    differing_files: tuple[str, ...]
    tables: int
    differing_tables: tuple[str, ...]
    incomparable: str

    @property
    def equal(self) -> bool:
        """Whether everything compared was equal."""
        return not self.differing_files and not self.differing_tables


def replay(means: Means, *, as_of: date, revision: int | None = None) -> Comparison:
    """Rebuild the edition of ``as_of`` (its latest revision, or ``revision``) and compare it with what was issued."""
    ledger = Ledger(means.home.ledger)
    record = _record(ledger, as_of, revision)
    with means.home.borrowed(SHARED) as home:
        rebuilt = replace(means, home=home)
        with nightly.opened(rebuilt, as_of=as_of, cutoff=record.cutoff, through=record.through) as opened:
            run = replace(opened.run, revision=record.revision, output=home.root / "rebuilt")
            night = replace(opened, run=run)
            nightly.do_stage(night, "ingest")
            decision = edition.decide(night.run, night.warehouse, night.ledger)
            for name in STAGES[1:-1]:
                nightly.do_stage(night, name)
            folder = run.edition_folder
        gone = _erased_for(ledger, record)
        told = _incomparable(record, decision.digest, as_of, erased=gone)
        return _compare(means.home, folder, record, incomparable=told)


def _record(ledger: Ledger, as_of: date, revision: int | None) -> EditionRecord:
    issued = [e for e in ledger.editions(as_of=as_of) if e.was_issued() and revision in (None, e.revision)]
    if not issued:
        known = ", ".join(sorted({e.edition_id for e in ledger.editions() if e.was_issued()})) or "none"
        raise NotFoundError(f"no edition of {as_of} was issued; issued: {known}")
    return issued[-1]


def _erased_for(ledger: Ledger, record: EditionRecord) -> int:
    """How many batches that the edition could see were deleted since, as their retention was over."""
    gone = ledger.erased()
    return len({(d.feed, d.batch) for d in ledger.deliveries(through=record.through)} & gone)


def _incomparable(record: EditionRecord, digest: str, as_of: date, *, erased: int) -> str:
    if erased:
        return f"{erased} batches that it could read were deleted as their retention was over"
    if record.code != code_digest():
        return f"issued by code {record.code}, this is {code_digest()}"
    if record.parameters != parameter_files.load(as_of).digest:
        return "issued under other parameters"
    if record.digest != digest:
        return "issued under other settings, feed contracts or deliveries"
    return ""


def _compare(home: Home, rebuilt: Path, record: EditionRecord, *, incomparable: str) -> Comparison:
    issued = home.editions / record.as_of.isoformat() / f"r{record.revision}"
    names = sorted(_files(issued) | _files(rebuilt))
    differing = tuple(name for name in names if not _same(issued / name, rebuilt / name))
    tables, differing_rows = _compared_tables(home.published, rebuilt / "published", record.edition_id)
    return Comparison(record.edition_id, len(names), differing, tables, differing_rows, incomparable)


def _compared_tables(issued: Path, rebuilt: Path, edition_id: str) -> tuple[int, tuple[str, ...]]:
    """How many tables of the published files were compared, the counties' too, and the names of those that differ.

    A file that is no longer kept proves nothing; one that should not be there is a difference.
    """
    patterns = (f"wengang-{edition_id}.duckdb", f"county/*-{edition_id}.duckdb")
    kept = sorted(path.relative_to(issued).as_posix() for pattern in patterns for path in issued.glob(pattern))
    count, differing = 0, list[str]()
    for name in kept:
        if not (rebuilt / name).is_file():
            differing.append(name)
            continue
        tables, found = differing_tables(issued / name, rebuilt / name)
        count += tables
        differing += found if "/" not in name else [f"{name}: {table}" for table in found]
    return count, tuple(differing)


def _files(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.relative_to(folder).parts[0] != "published"
    }


def _same(one: Path, other: Path) -> bool:
    return one.is_file() and other.is_file() and one.read_bytes() == other.read_bytes()


def check(comparison: Comparison) -> str:
    """The comparison in words; raises ``NotComparableError`` where a difference proves nothing."""
    words = f"{comparison.edition_id}: {comparison.files} files and {comparison.tables} published tables compared"
    if comparison.incomparable:
        differing = (*comparison.differing_files, *comparison.differing_tables)
        raise NotComparableError(
            f"{words}; not comparable: {comparison.incomparable}. Differing: {', '.join(differing) or 'nothing'}"
        )
    return words
