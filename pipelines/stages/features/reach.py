"""How far each source reaches: tonight, or at an instant in the past as it was known then."""

from datetime import date

from pipelines.lunar import ordinal
from pipelines.run import Run
from pipelines.stages.features.panel import Origin
from pipelines.stages.features.sources import EVENTS, FLOW_TABLE, FLOWS, MONTHLY
from pipelines.warehouse import Warehouse


def origin_of(run: Run, warehouse: Warehouse) -> tuple[Origin, bool]:
    """The origin of tonight, and whether insurance has any month; without it, the month before ``as_of`` stands in."""
    insurance = _latest_month(warehouse, "core.month_status")
    reference = insurance if insurance is not None else ordinal(run.as_of) - 1
    before = run.as_of.replace(day=1)
    reached = {}
    for name, table in [(source.name, source.table) for source in MONTHLY] + [(FLOWS, FLOW_TABLE)]:
        month = _latest_month(warehouse, table, before=before)
        if month is not None:
            reached[name] = max(month, reference) if name == "monitor" else month
    for source in EVENTS:
        day: date | None = warehouse.scalar(
            f"SELECT max({source.day_column}) FROM {source.table} WHERE {source.day_column} <= $as_of",
            as_of=run.as_of,
        )
        if day is not None:
            reached[source.name] = day.toordinal()
    export = _latest_month(warehouse, "core.export_month")
    origin = Origin(insurance=reference, export=export, reached=reached, day=run.as_of.toordinal())
    return origin, insurance is not None


def delivered(warehouse: Warehouse, origin: Origin, *, has_insurance: bool) -> dict[str, bool]:
    """For each source by name, whether it had said anything at all by the origin."""
    registered = bool(warehouse.scalar("SELECT count(*) > 0 FROM core.enterprise WHERE is_registered"))
    return {
        "insurance": has_insurance,
        "register": registered,
        "exports": origin.export is not None,
        "commerce": warehouse.count("core.us_exporter") > 0,
    } | {name: name in origin.reached for name in (*(s.name for s in MONTHLY), *(s.name for s in EVENTS), FLOWS)}


def _latest_month(warehouse: Warehouse, table: str, *, before: date = date.max) -> int | None:
    """Latest month of ``table`` that ended before the month ``before``."""
    month: date | None = warehouse.scalar(f"SELECT max(month) FROM {table} WHERE month < $before", before=before)
    return None if month is None else ordinal(month)
