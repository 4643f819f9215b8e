"""What a stage may not go on with: an edition taken back, changed since it was written, or not the one approved."""

from pipelines.errors import StageOrderError
from pipelines.ledger import Ledger
from pipelines.run import Run
from pipelines.stages import edition
from pipelines.warehouse import Warehouse


def on_record(ledger: Ledger, edition_id: str) -> str:
    """``issued``, ``held`` or ``withdrawn`` as last recorded for ``edition_id``; empty where nothing is."""
    return next((e.status for e in reversed(ledger.editions()) if e.edition_id == edition_id), "")


def refuse_other(run: Run, warehouse: Warehouse, ledger: Ledger) -> None:
    """Refuse a stage of an edition that was taken back, or that is another by now than the one that was written."""
    if run.output is not None:
        return
    edition_id, again = (
        f"{run.as_of.isoformat()}-r{run.revision}",
        f"run 'wengang run --as-of {run.as_of}' for a new one",
    )
    if on_record(ledger, edition_id) == "withdrawn":
        raise StageOrderError(f"{edition_id} was taken back; {again}")
    digest = edition.decide(run, warehouse, ledger).digest
    if edition.written_digest(run) not in (digest, ""):
        raise StageOrderError(f"{edition_id} was written from other inputs than those of now; {again}")


def refuse_unapproved(run: Run, warehouse: Warehouse, ledger: Ledger, *, approved: str | None) -> None:
    """Refuse to publish what is not the edition that a person ``approved``, where one was asked."""
    if approved is not None and edition.decide(run, warehouse, ledger).digest != approved:
        raise StageOrderError(
            f"the edition of {run.as_of} is no longer the one that was approved (its data, settings, code or the "
            "edition before it have changed): clear the stages from ingest on, so that it is asked for again"
        )
