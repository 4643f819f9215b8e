"""The night: its stages in order, and the caller of them. Run, step, and one stage.

A night is identified before any stage computes: date, cutoff, and the last ledger entry it may see. If nothing that
decides an edition has changed, nothing is done but handing over mails that are still waiting. Nothing here asks the
clock; the edges say what time it is.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Literal

import polars as pl

from models.registry import Artefact
from pipelines import STAGES, accounts, champion, refusals
from pipelines import parameters as parameter_files
from pipelines import settings as settings_file
from pipelines.arrivals import fetch_sources, play, receive, take_inbox
from pipelines.engines import engine_of
from pipelines.errors import DeliveryError, GateClosedError, StageOrderError, UsageError
from pipelines.ledger import EditionRecord, Ledger
from pipelines.means import Means
from pipelines.run import Receipt, Run, code_digest, end_of, timed
from pipelines.stages import alert, core, edition, features, gate, ingest, outlook, publish, report, risk
from pipelines.warehouse import Warehouse, lock
from pipelines.work import Engine

__all__ = [
    "Means",
    "Night",
    "Outcome",
    "do_stage",
    "opened",
    "override",
    "play",
    "receive",
    "run",
    "step",
    "take_inbox",
]


@dataclass(frozen=True)
class Outcome:
    """How a night ended: its edition, whether anything had changed, and the receipts of the stages that ran."""

    edition_id: str
    status: Literal["issued", "unchanged"]
    folder: Path
    receipts: tuple[Receipt, ...]


@dataclass(frozen=True)
class Night:
    """An open night: its run, the working file and the ledger; and the model in charge, where one could be loaded."""

    run: Run
    warehouse: Warehouse
    ledger: Ledger
    now: datetime
    feeds: Path | None
    model: Artefact | None = None
    is_quiet: bool = False
    approved: str | None = None


def run(means: Means, *, as_of: date, cutoff: datetime | None = None, inbox: Path | None = None) -> Outcome:
    """The nightly job: sources and inbox, then every stage; ``GateClosedError`` where no list may go out."""
    _refuse_future(means, as_of)
    if inbox is None:
        fetch_sources(means)
    with lock(means.home.root / ".lock"):
        take_inbox(means, inbox=inbox)
        with opened(means, as_of=as_of, cutoff=cutoff) as night:
            receipts = [do_stage(night, "ingest")]
            decision = edition.decide(night.run, night.warehouse, night.ledger)
            if decision.unchanged and _finished(night.ledger, decision.edition_id, is_quiet=means.is_quiet):
                alert.deliver(night.run.settings, night.ledger, night.run.home.outbox, now=means.now)
                if refusals.on_record(night.ledger, decision.edition_id) == "held":
                    raise GateClosedError(_held_message(night, decision.edition_id))
                return Outcome(decision.edition_id, "unchanged", decision.run.edition_folder, tuple(receipts))
            numbered = replace(night, run=decision.run)
            receipts += [do_stage(numbered, name) for name in STAGES[1:]]
            return Outcome(decision.edition_id, "issued", numbered.run.edition_folder, tuple(receipts))


def step(
    means: Means,
    *,
    name: str,
    as_of: date,
    cutoff: datetime | None = None,
    is_recovering: bool = False,
    approved: str | None = None,
) -> Receipt:
    """One stage of the night of ``as_of``; what the stages before it left in the working file must be of this night.

    Where they left nothing, or another night has written there since: ``StageOrderError``; ``is_recovering`` does them
    again first, seeing what the night saw when it began. ``cutoff`` tells two nights of one date apart. ``approved`` is
    the digest of the one edition that may be published; ``StageOrderError`` for any other.
    """
    if name not in STAGES:
        raise UsageError(f"no stage is called {name}; stages: {', '.join(STAGES)}")
    _refuse_future(means, as_of)
    with lock(means.home.root / ".lock"):
        if name == "ingest":
            take_inbox(means)
            with opened(means, as_of=as_of, cutoff=cutoff) as night:
                return do_stage(night, name)
        try:
            with _resumed(means, name=name, as_of=as_of, cutoff=cutoff) as night:
                return do_stage(replace(night, approved=approved), name)
        except StageOrderError as error:
            began = _began(means, as_of, cutoff) if is_recovering else None
            if began is None:
                raise
            means.progress(f"{error}；重做此前的步骤")
            return _again(means, name=name, as_of=as_of, began=began, approved=approved)


def _refuse_future(means: Means, as_of: date) -> None:
    """A night of a day that has not come would make history of all nights before it."""
    if as_of > means.now.date():
        raise UsageError(f"{as_of} lies ahead of today, {means.now.date()}: a night is run on its day or afterwards")


def _began(means: Means, as_of: date, cutoff: datetime | None) -> tuple[datetime, int] | None:
    """Cutoff of the last night of ``as_of`` that began, and the last entry of the ledger that it saw."""
    receipts = Ledger(means.home.ledger).entries("receipt", subject=as_of.isoformat())
    for entry in reversed(receipts):
        instant = datetime.fromisoformat(entry["cutoff"])
        if entry["stage"] == STAGES[0] and cutoff in (None, instant):
            return instant, int(entry["through"])
    return None


def _again(means: Means, *, name: str, as_of: date, began: tuple[datetime, int], approved: str | None) -> Receipt:
    """The stage ``name`` after those before it, as the night that ``began`` would have done them.

    Once its edition is on record it keeps its number, and with it the edition that it was compared with.
    """
    cutoff, through = began
    with opened(means, as_of=as_of, cutoff=cutoff, through=through) as found:
        night = replace(found, approved=approved)
        own = [e for e in night.ledger.editions(as_of=as_of) if (e.cutoff, e.through) == began]
        if own:
            night = replace(night, run=replace(night.run, revision=own[-1].revision))
        do_stage(night, STAGES[0])
        numbered = replace(night, run=edition.decide(night.run, night.warehouse, night.ledger).run)
        for stage in STAGES[1 : STAGES.index(name)]:
            do_stage(numbered, stage)
        return do_stage(numbered, name)


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
def opened(means: Means, *, as_of: date, cutoff: datetime | None, through: int | None = None) -> Iterator[Night]:
    """The night of ``as_of``, identified before any stage computes; the working file is closed afterwards.

    ``through`` is the last entry of the ledger that it may see, all of them if not said.
    """
    ledger = Ledger(means.home.ledger)
    seen = ledger.last_seq() if through is None else through
    contracts = means.contracts()
    leader, model = champion.in_charge(means, ledger, contracts, as_of=as_of, through=seen)
    night_run = Run(
        as_of=as_of,
        cutoff=_identity(means, ledger, as_of=as_of, cutoff=cutoff),
        through=seen,
        home=means.home,
        settings=settings_file.load(means.home),
        contracts=contracts,
        parameters=parameter_files.load(as_of),
        threads=means.threads,
        champion=leader,
        progress=means.progress,
    )
    with _warehouse(means) as warehouse:
        _reset(warehouse)
        yield Night(night_run, warehouse, ledger, means.now, means.feeds, model, means.is_quiet)


@contextmanager
def _resumed(means: Means, *, name: str, as_of: date, cutoff: datetime | None) -> Iterator[Night]:
    with _warehouse(means) as warehouse:
        before = STAGES[STAGES.index(name) - 1]
        done = {}
        if warehouse.exists("night.stage"):
            done = {row["stage_name"]: row for row in warehouse.frame("SELECT * FROM night.stage").to_dicts()}
        state = done.get(before)
        feeds = str(means.feeds or "")
        own = (as_of, cutoff or (state and state["cutoff"]), feeds)
        if state is None or (state["as_of"], state["cutoff"], state["feeds_folder"]) != own:
            raise StageOrderError(
                f"stage {name} of {as_of} reads what stage {before} leaves, and the working file holds "
                f"{'another night' if state else 'nothing of it'}: run 'wengang step {before} --as-of {as_of}' first"
            )
        ledger, contracts = Ledger(means.home.ledger), means.contracts()
        leader, model = champion.in_charge(means, ledger, contracts, as_of=as_of, through=state["through_seq"])
        night_run = Run(
            as_of=as_of,
            cutoff=state["cutoff"],
            through=state["through_seq"],
            home=means.home,
            settings=settings_file.load(means.home),
            contracts=contracts,
            parameters=parameter_files.load(as_of),
            threads=means.threads,
            champion=leader,
            revision=state["revision"],
            progress=means.progress,
        )
        if night_run.revision is None:
            night_run = edition.decide(night_run, warehouse, ledger).run
        yield Night(night_run, warehouse, ledger, means.now, means.feeds, model, means.is_quiet)


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
        accounts.record(night.run, night.ledger, receipt, now=night.now)
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
            return features.run(run, warehouse, engine=_engine(run, warehouse))
        case "risk":
            return risk.run(run, warehouse, model=night.model, engine=_engine(run, warehouse))
        case "edition":
            decision = edition.decide(run, warehouse, ledger)
            explainer = night.model.model if night.model else None
            receipt = edition.run(run, warehouse, ledger, decision=decision, model=explainer)
            gate.judge_edition(run, warehouse, ledger)
            _hold_if_closed(night)
            return receipt
        case "outlook":
            refusals.refuse_other(run, warehouse, ledger)
            return outlook.run(run, warehouse, previous=edition.decide(run, warehouse, ledger).previous)
        case "report":
            refusals.refuse_other(run, warehouse, ledger)
            return report.run(run, warehouse)
        case "publish":
            refusals.refuse_unapproved(run, warehouse, ledger, approved=night.approved)
            refusals.refuse_other(run, warehouse, ledger)
            receipt = publish.run(run, warehouse, ledger)
            _record(night, held=False)
            return receipt
        case "alert":
            refusals.refuse_other(run, warehouse, ledger)
            receipt = alert.run(run, warehouse, ledger, now=night.now, is_quiet=night.is_quiet)
            body = {"quiet": True} if night.is_quiet else {}
            ledger.append(
                "finished", subject=edition.decide(run, warehouse, ledger).edition_id, at=night.now, body=body
            )
            return receipt
    raise AssertionError(name)


def _engine(run: Run, warehouse: Warehouse) -> Engine | None:
    return engine_of(run.settings.engine, warehouse.count("core.enterprise"))


def _hold_if_closed(night: Night) -> None:
    """A closed gate: on record, with its quality page; mail why, once, and stop; the last edition stays published."""
    columns = "gate_verdict, reason_text, mail_text"
    verdict, reason, told = night.warehouse.rows(f"SELECT {columns} FROM gate.verdict")[0]
    if verdict != "关闭" or night.run.output is not None:
        return
    decision = edition.decide(night.run, night.warehouse, night.ledger)
    report.write_quality(decision.run, night.warehouse)
    _record(night, held=True)
    previous = decision.previous.edition_id if decision.previous else None
    alert.held(
        night.run,
        night.ledger,
        reasons=told.split("；"),
        previous=previous,
        edition_id=decision.edition_id,
        now=night.now,
        is_quiet=night.is_quiet,
    )
    closing = [key for (key,) in night.warehouse.rows("SELECT fault_key FROM gate.closing ORDER BY fault_key")]
    body = {"reason": reason, "closing": closing} | ({"quiet": True} if night.is_quiet else {})
    night.ledger.append("finished", subject=decision.edition_id, at=night.now, body=body)
    raise GateClosedError(_held_message(night, decision.edition_id))


def override(means: Means, *, as_of: date, reason: str) -> str:
    """Let through what closed the gate of ``as_of`` when it was last judged, and nothing that comes later.

    Gives what it opens, in words. Raises ``UsageError`` where no night of that date is held, for then it opens nothing.
    """
    ledger = Ledger(means.home.ledger)
    decided = ledger.editions(as_of=as_of)
    held = ledger.entries("finished", subject=decided[-1].edition_id) if decided else []
    if not held or decided[-1].status != "held":
        raise UsageError(
            f"the gate of {as_of} is not held: an override now opens nothing and is not recorded; "
            f"run 'wengang run --as-of {as_of}' first"
        )
    body = {"reason": reason, "opens": held[-1].get("closing", [])}
    ledger.append("override", subject=as_of.isoformat(), at=means.now, body=body)
    return str(held[-1].get("reason", ""))


def _held_message(night: Night, edition_id: str) -> str:
    entries = night.ledger.entries("finished", subject=edition_id)
    reason = entries[-1].get("reason", "") if entries else ""
    told = f"质量关未通过，{edition_id} 不发布，上一期继续有效。原因：{reason}"
    deeds = f"wengang withdraw 批次 --reason …，wengang override --as-of {night.run.as_of} --reason …"
    return f"{told}。撤回批次、人工放行的命令：{deeds}"


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
    if refusals.on_record(night.ledger, record.edition_id) not in (record.status, "withdrawn"):
        night.ledger.record_edition(record, at=night.now)


def _finished(ledger: Ledger, edition_id: str, *, is_quiet: bool) -> bool:
    """Whether the mails of an edition (or of a held night) were all written, or, if ``is_quiet``, left out."""
    return any(is_quiet or not entry.get("quiet") for entry in ledger.entries("finished", subject=edition_id))
