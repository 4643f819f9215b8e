"""What the whole city says and no part of it can tell: its industry divisions, and the months that sources cover.

A month of a register in which nobody has a row is not covered; in one that is, an enterprise without a row had nothing.
Small, so that it goes with every part of the work.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipelines.lunar import month_of_ordinal, ordinal
from pipelines.stages.features.panel import Origin
from pipelines.stages.features.sources import FLOW_TABLE, FLOWS, MONTHLY
from pipelines.stages.features.windows import Window, export_window, flow_window, monthly_window
from pipelines.warehouse import Warehouse

EXPORTS = "exports"
BETWEEN_TWO = "from_enterprise_no <> to_enterprise_no"


@dataclass(frozen=True)
class Coverage:
    """Divisions in order; by source the months (ordinals) in which any enterprise has a row."""

    divisions: tuple[str, ...]
    months: Mapping[str, frozenset[int]]


def coverage_of(warehouse: Warehouse, origins: Sequence[Origin]) -> Coverage:
    """The coverage of all months that ``origins`` look at; without dense sources, whose silence says nothing."""
    found = {EXPORTS: _months(warehouse, "core.export_month", export_window(origins))}
    for source in MONTHLY:
        window = monthly_window(source, origins)
        if window and not source.is_dense:
            found[source.name] = _months(warehouse, source.table, window)
    moved = flow_window(origins)
    if moved:
        found[FLOWS] = _months(warehouse, FLOW_TABLE, moved, where=BETWEEN_TWO)
    listed = warehouse.rows(
        "SELECT DISTINCT industry_division FROM core.enterprise WHERE industry_division IS NOT NULL"
    )
    return Coverage(tuple(sorted(name for (name,) in listed)), found)


def _months(warehouse: Warehouse, table: str, window: Window, *, where: str = "true") -> frozenset[int]:
    first, last = (month_of_ordinal(month) for month in window)
    query = f"SELECT DISTINCT month FROM {table} WHERE {where} AND month BETWEEN $first AND $last"
    return frozenset(ordinal(month) for (month,) in warehouse.rows(query, first=first, last=last))
