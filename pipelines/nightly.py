"""The night: its stages in order, and the only caller of them. Run, step, replay, play.

A night is identified before any stage computes: date, cutoff, and the last ledger entry it may see. If nothing that
decides an edition has changed, nothing is done but handing over mails that are still waiting. Nothing here asks the
clock; the edges say what time it is.
"""

import csv
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

import polars as pl

from pipelines import STAGES
from pipelines import contracts as contract_files
from pipelines import parameters as parameter_files
from pipelines import settings as settings_file
from pipelines.contracts import Contracts
from pipelines.errors import DeliveryError, GateClosedError, StageOrderError, UsageError
from pipelines.ledger import Delivery, EditionRecord, Ledger
from pipelines.run import Receipt, Run, code_digest, end_of, timed
from pipelines.settings import Home
from pipelines.stages import alert, core, edition, features, gate, ingest, publish, report, risk
from pipelines.warehouse import Warehouse, lock

ZONE = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True)
class Means:
    """What a night needs from its caller: the home, the time, the feeds, threads and someone to tell."""

    home: Home
    now: datetime
    feeds: Path | None = None
    threads: int = 2
    progress: Callable[[str], None] = lambda _: None

    def contracts(self) -> Contracts:
        """The contracts of this night."""
        return contract_files.load(self.feeds)


@dataclass(frozen=True)
class Outcome:
    """How a night ended: its edition, whether anything had changed, and the receipts of the stages that ran."""

    edition_id: str
    status: Literal["issued", "unchanged"]
    folder: Path
    receipts: tuple[Receipt, ...]


@dataclass(frozen=True)
class Night:
    """An open night: its run, the working file and the ledger."""

    run: Run
    warehouse: Warehouse
    ledger: Ledger
    now: datetime
    feeds: Path | None


def run(means: Means, *, as_of: date, cutoff: datetime | None = None, inbox: Path | None = None) -> Outcome:
    """The nightly job: take what lies in the inbox, then every stage; ``GateClosedError`` where no list may go out."""
    with lock(means.home.root / ".lock"):
        take_inbox(means, inbox=inbox)
        with opened(means, as_of=as_of, cutoff=cutoff) as night:
            receipts = [do_stage(night, "ingest")]
            decision = edition.decide(night.run, night.warehouse, night.ledger)
            if decision.unchanged and _finished(night.ledger, decision.edition_id):
                alert.deliver(night.run.settings, night.ledger, night.run.home.outbox, now=means.now)
                if _on_record(night.ledger, decision.edition_id) == "held":
                    raise GateClosedError(_held_message(night, decision.edition_id))
                return Outcome(decision.edition_id, "unchanged", decision.run.edition_folder, tuple(receipts))
            numbered = replace(night, run=decision.run)
            receipts += [do_stage(numbered, name) for name in STAGES[1:]]
            return Outcome(decision.edition_id, "issued", numbered.run.edition_folder, tuple(receipts))


def step(means: Means, *, name: str, as_of: date, cutoff: datetime | None = None) -> Receipt:
    """One stage of the night of ``as_of``; what the stages before it left in the working file must be of this night."""
    if name not in STAGES:
        raise UsageError(f"no stage is called {name}; stages: {', '.join(STAGES)}")
    with lock(means.home.root / ".lock"):
        if name == "ingest":
            take_inbox(means)
            with opened(means, as_of=as_of, cutoff=cutoff) as night:
                return do_stage(night, name)
        with _resume(means, name=name, as_of=as_of) as night:
            return do_stage(night, name)


def take_inbox(means: Means, *, inbox: Path | None = None) -> None:
    """Land every file that waits; ours are moved into landing, another folder's are copied.

    A file arrived when its name appeared in the folder (its change time), never later than now: what lay there before
    the cutoff was known before the cutoff.
    """
    folder = inbox or means.home.inbox
    if not folder.is_dir():
        raise UsageError(f"no such inbox: {folder}")
    contracts, ledger = means.contracts(), Ledger(means.home.ledger)
    waiting = ingest.waiting(folder, contracts=contracts)
    for count, (path, feed) in enumerate(waiting, start=1):
        appeared = datetime.fromtimestamp(path.stat().st_ctime, tz=ZONE).replace(tzinfo=None)
        arrived = min(means.now, appeared)
        incoming = ingest.Incoming(path=path, received_at=arrived, feed=feed, remove=inbox is None)
        delivery = ingest.receive(incoming, home=means.home, contracts=contracts, ledger=ledger)
        if delivery and delivery.status == "refused":
            means.progress(f"拒收 {path.name}：{delivery.reason}")
        if count % 25 == 0 or count == len(waiting):
            means.progress(f"接收文件 {count}/{len(waiting)}")


def receive(
    means: Means, files: Sequence[Path], *, feed: str | None, at: datetime, dated: Literal["arrival", "lag"] | None
) -> list[tuple[Path, Delivery | None]]:
    """Land ``files`` as having arrived ``at``; a file that already is the latest word gives None."""
    contracts, ledger = means.contracts(), Ledger(means.home.ledger)
    with lock(means.home.root / ".lock"):
        return [
            (
                path,
                ingest.receive(
                    ingest.Incoming(path, at, feed, dated), home=means.home, contracts=contracts, ledger=ledger
                ),
            )
            for path in files
        ]


def play(means: Means, *, schedule: Path, until: datetime) -> int:
    """Land the files of a delivery schedule at their own instants up to ``until``; gives how many were new.

    Instants before the latest one on record were played before: a copy that was set aside then is not news now.
    """
    contracts, ledger = means.contracts(), Ledger(means.home.ledger)
    on_record = ledger.deliveries(withdrawn=True)
    known = {(d.file_name, d.received_at) for d in on_record}
    last = max((d.received_at for d in on_record), default=datetime.min)
    with schedule.open(encoding="utf-8", newline="") as handle:
        rows = [row for row in csv.DictReader(handle) if last <= datetime.fromisoformat(row["received_at"]) < until]
    landed = 0
    with lock(means.home.root / ".lock"):
        for count, row in enumerate(rows, start=1):
            path, received_at = schedule.parent / row["file"], datetime.fromisoformat(row["received_at"])
            if (path.name, received_at) not in known:
                incoming = ingest.Incoming(path, received_at, row["feed"], row["dated"])  # type: ignore[arg-type]
                landed += ingest.receive(incoming, home=means.home, contracts=contracts, ledger=ledger) is not None
            if count % 50 == 0 or count == len(rows):
                means.progress(f"回放交付 {count}/{len(rows)}")
    return landed


def _identity(means: Means, ledger: Ledger, *, as_of: date, cutoff: datetime | None) -> datetime:
    """The cutoff: as given, else just after the latest delivery on record, never later than the end of ``as_of``."""
    if cutoff is not None:
        if cutoff > end_of(as_of):
            raise UsageError(f"cutoff {cutoff} lies after the end of {as_of}")
        return cutoff
    received = [d.received_at for d in ledger.deliveries(withdrawn=True)]
    if not received:
        raise DeliveryError(
            f"nothing has been delivered to {means.home.root}: put files into {means.home.inbox}/<feed>/ "
            "or land them with 'wengang receive'"
        )
    return min(max(received) + timedelta(microseconds=1), end_of(as_of))


@contextmanager
def opened(means: Means, *, as_of: date, cutoff: datetime | None) -> Iterator[Night]:
    """The night of ``as_of``, identified before any stage computes; the working file is closed afterwards."""
    ledger = Ledger(means.home.ledger)
    night_run = Run(
        as_of=as_of,
        cutoff=_identity(means, ledger, as_of=as_of, cutoff=cutoff),
        through=ledger.last_seq(),
        home=means.home,
        settings=settings_file.load(means.home),
        contracts=means.contracts(),
        parameters=parameter_files.load(as_of),
        threads=means.threads,
        progress=means.progress,
    )
    with _warehouse(means) as warehouse:
        _reset(warehouse)
        yield Night(night_run, warehouse, ledger, means.now, means.feeds)


@contextmanager
def _resume(means: Means, *, name: str, as_of: date) -> Iterator[Night]:
    with _warehouse(means) as warehouse:
        before = STAGES[STAGES.index(name) - 1]
        done = {}
        if warehouse.exists("night.stage"):
            done = {row["stage_name"]: row for row in warehouse.frame("SELECT * FROM night.stage").to_dicts()}
        state = done.get(before)
        feeds = str(means.feeds or "")
        if state is None or state["as_of"] != as_of or state["feeds_folder"] != feeds:
            raise StageOrderError(
                f"stage {name} of {as_of} reads what stage {before} leaves, and the working file holds "
                f"{'another night' if state else 'nothing of it'}: run 'wengang step {before} --as-of {as_of}' first"
            )
        night_run = Run(
            as_of=as_of,
            cutoff=state["cutoff"],
            through=state["through_seq"],
            home=means.home,
            settings=settings_file.load(means.home),
            contracts=means.contracts(),
            parameters=parameter_files.load(as_of),
            threads=means.threads,
            revision=state["revision"],
            progress=means.progress,
        )
        ledger = Ledger(means.home.ledger)
        if night_run.revision is None:
            night_run = edition.decide(night_run, warehouse, ledger).run
        yield Night(night_run, warehouse, ledger, means.now, means.feeds)


@contextmanager
def _warehouse(means: Means) -> Iterator[Warehouse]:
    warehouse = Warehouse(means.home.warehouse, contracts=means.contracts(), threads=means.threads)
    try:
        yield warehouse
    finally:
        warehouse.close()


def _reset(warehouse: Warehouse) -> None:
    """A new night starts: what the working file says about finished stages no longer holds."""
    schema = warehouse.contracts.polars_schema("night.stage")
    with warehouse.transaction():
        warehouse.store("night.stage", pl.DataFrame(schema=schema))


def do_stage(night: Night, name: str) -> Receipt:
    """Run one stage, then leave its receipt in the ledger and its mark in the working file."""
    night.run.progress(f"▶ {name}")
    receipt = timed(lambda: _call(night, name))
    with night.warehouse.transaction():
        night.warehouse.execute("DELETE FROM night.stage WHERE stage_name = $name", name=name)
        night.warehouse.execute(
            "INSERT INTO night.stage VALUES ($name, $as_of, $cutoff, $through, $feeds, $revision)",
            name=name,
            as_of=night.run.as_of,
            cutoff=night.run.cutoff,
            through=night.run.through,
            feeds=str(night.feeds or ""),
            revision=night.run.revision,
        )
    if night.run.output is None:
        body = receipt.as_record() | {
            "cutoff": night.run.cutoff,
            "through": night.run.through,
            "code": code_digest(),
            "parameters": night.run.parameters.digest,
        }
        night.ledger.append("receipt", subject=night.run.as_of.isoformat(), at=night.now, body=body)
    night.run.progress(f"✔ {name}：{receipt.rows_in} 行进，{receipt.rows_out} 行出，{receipt.seconds:.1f} 秒")
    return receipt


def _call(night: Night, name: str) -> Receipt:
    run, warehouse, ledger = night.run, night.warehouse, night.ledger
    match name:
        case "ingest":
            with warehouse.transaction():
                return ingest.run(run, warehouse, ledger)
        case "core":
            return core.run(run, warehouse)
        case "gate":
            receipt = gate.run(run, warehouse, ledger)
            _hold_if_closed(night)
            return receipt
        case "features":
            return features.run(run, warehouse)
        case "risk":
            return risk.run(run, warehouse)
        case "edition":
            return edition.run(run, warehouse, ledger, decision=edition.decide(run, warehouse, ledger))
        case "report":
            return report.run(run, warehouse)
        case "publish":
            receipt = publish.run(run, warehouse, ledger)
            _record(night, held=False)
            return receipt
        case "alert":
            receipt = alert.run(run, warehouse, ledger, now=night.now)
            ledger.append("finished", subject=edition.decide(run, warehouse, ledger).edition_id, at=night.now, body={})
            return receipt
    raise AssertionError(name)


def _hold_if_closed(night: Night) -> None:
    """A closed gate: put it on record, mail the reason once, and stop; the previous edition stays published."""
    verdict, reason = night.warehouse.rows("SELECT gate_verdict, reason_text FROM gate.verdict")[0]
    if verdict != "关闭" or night.run.output is not None:
        return
    decision = edition.decide(night.run, night.warehouse, night.ledger)
    _record(night, held=True)
    previous = decision.previous.edition_id if decision.previous else None
    alert.held(
        night.run,
        night.ledger,
        reasons=reason.split("；"),
        previous=previous,
        edition_id=decision.edition_id,
        now=night.now,
    )
    body = {"reason": reason}
    night.ledger.append("finished", subject=decision.edition_id, at=night.now, body=body)
    raise GateClosedError(_held_message(night, decision.edition_id))


def _held_message(night: Night, edition_id: str) -> str:
    entries = night.ledger.entries("finished", subject=edition_id)
    reason = entries[-1].get("reason", "") if entries else ""
    return f"质量关未通过，{edition_id} 不发布，上一期继续有效。原因：{reason}"


def _record(night: Night, *, held: bool) -> None:
    """Put the decision about this night on record, once."""
    if night.run.output is not None:
        return
    decision = edition.decide(night.run, night.warehouse, night.ledger)
    assert decision.run.revision is not None, "a decision carries its revision"
    record = EditionRecord(
        as_of=night.run.as_of,
        revision=decision.run.revision,
        cutoff=night.run.cutoff,
        through=night.run.through,
        digest=decision.digest,
        status="held" if held else "issued",
        previous=decision.previous.edition_id if decision.previous else "",
        code=code_digest(),
        parameters=night.run.parameters.digest,
        feeds=night.run.contracts.feed_set.name,
    )
    if _on_record(night.ledger, record.edition_id) != record.status:
        night.ledger.record_edition(record, at=night.now)


def _on_record(ledger: Ledger, edition_id: str) -> str:
    """``issued`` or ``held`` as last recorded for ``edition_id``; empty where nothing is."""
    return next((e.status for e in reversed(ledger.editions()) if e.edition_id == edition_id), "")


def _finished(ledger: Ledger, edition_id: str) -> bool:
    """Whether the mails of an edition (or of a held night) were all written."""
    return bool(ledger.entries("finished", subject=edition_id))
