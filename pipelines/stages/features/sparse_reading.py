"""From core tables to the sparse sources of a panel: each read once for a range, the dense ones bucket by bucket.

Whatever is read reaches back far enough for the earliest origin asked for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from pipelines.parameters import Parameters
from pipelines.stages.features import credit
from pipelines.stages.features.coverage import Coverage
from pipelines.stages.features.masked import Bools
from pipelines.stages.features.panel import Flows, Origin, flows_panel
from pipelines.stages.features.reading import Bucket, marks, read, span
from pipelines.stages.features.sources import EVENTS, FLOWS, MONTHLY, EventSource, MonthlySource
from pipelines.stages.features.sparse import Events, Monthly, events_panel, monthly_panel
from pipelines.stages.features.windows import flow_window, monthly_window, reaches
from pipelines.warehouse import Warehouse


@dataclass(frozen=True)
class Window:
    """A monthly source over the months of all origins; ``rows`` are None where it is read bucket by bucket."""

    source: MonthlySource
    first: int
    last: int
    covered: Bools
    rows: pl.DataFrame | None


@dataclass(frozen=True)
class Sparse:
    """What is read once for a range, in order of enterprise; a source that never came is not here."""

    windows: tuple[Window, ...]
    events: Mapping[str, pl.DataFrame]
    flows: pl.DataFrame | None
    flow_months: frozenset[int]


def read_sparse(
    parameters: Parameters, warehouse: Warehouse, origins: Sequence[Origin], coverage: Coverage, within: Bucket
) -> Sparse:
    """Everything beside insurance and customs that ``origins`` may see of the enterprises ``within``."""
    moved = flow_window(origins)
    return Sparse(
        windows=tuple(
            _window(warehouse, source, window, coverage.months.get(source.name, frozenset()), within)
            for source in MONTHLY
            if (window := monthly_window(source, origins))
        ),
        events={
            source.name: _events(parameters, warehouse, source, origins, within)
            for source in EVENTS
            if reaches(source.name, origins)
        },
        flows=read(warehouse, "read_flows", **within.numbers, **span(*moved)) if moved else None,
        flow_months=coverage.months.get(FLOWS, frozenset()),
    )


def dense_rows(warehouse: Warehouse, sparse: Sparse, bucket: Bucket) -> dict[str, pl.DataFrame]:
    """The rows of ``bucket`` of the sources that are read bucket by bucket, by name."""
    return {
        window.source.name: _rows(warehouse, window.source, bucket, first=window.first, last=window.last)
        for window in sparse.windows
        if window.rows is None
    }


def monthly(sparse: Sparse, dense: Mapping[str, pl.DataFrame], bucket: Bucket) -> dict[str, Monthly]:
    """The monthly sources of ``bucket`` by name; ``dense`` are its ``dense_rows``."""
    return {window.source.name: _monthly(window, dense, bucket) for window in sparse.windows}


def events(sparse: Sparse, bucket: Bucket) -> dict[str, Events]:
    """The dated sources of ``bucket`` by name."""
    columns = {source.name: source.columns for source in EVENTS}
    return {name: events_panel(bucket.cut(rows), columns=columns[name]) for name, rows in sparse.events.items()}


def flows(sparse: Sparse, bucket: Bucket) -> Flows | None:
    """The moves out of the enterprises of ``bucket``."""
    return None if sparse.flows is None else flows_panel(bucket.cut(sparse.flows), covered=sparse.flow_months)


def _window(
    warehouse: Warehouse, source: MonthlySource, window: tuple[int, int], months: frozenset[int], within: Bucket
) -> Window:
    first, last = window
    rows = None if source.is_dense else _rows(warehouse, source, within, first=first, last=last)
    covered = marks(months, first=first, count=last - first + 1)
    return Window(source=source, first=first, last=last, covered=covered, rows=rows)


def _rows(warehouse: Warehouse, source: MonthlySource, bucket: Bucket, *, first: int, last: int) -> pl.DataFrame:
    return read(warehouse, source.query, **bucket.numbers, **span(first, last))


def _monthly(window: Window, dense: Mapping[str, pl.DataFrame], bucket: Bucket) -> Monthly:
    source = window.source
    if window.rows is not None:
        rows = bucket.cut(window.rows)
    else:
        rows = dense[source.name].with_columns((pl.col("enterprise_no") - bucket.first_no).alias("place"))
    return monthly_panel(
        rows, columns=source.columns, first=window.first, covered=window.covered, is_register=source.is_register
    )


def _events(
    parameters: Parameters, warehouse: Warehouse, source: EventSource, origins: Sequence[Origin], within: Bucket
) -> pl.DataFrame:
    days = [origin.day for origin in origins]
    window = {
        "first_day": date.fromordinal(min(days) - source.days + 1),
        "last_day": date.fromordinal(max(days)),
    }
    rows = read(warehouse, source.query, **within.numbers, **window, **_choices(parameters, source.name))
    ordinals = (pl.col("happened_on") - date(1, 1, 1)).dt.total_days() + 1
    return rows.with_columns(day=ordinals.cast(pl.Int64))


def _choices(parameters: Parameters, name: str) -> dict[str, Any]:
    """The parameters that only the query of one source takes."""
    if name == "arbitrations":
        return {"collective_minimum_persons": parameters["collective_minimum_persons"]}
    if name == "credit":
        return {"kinds": list(credit.KINDS)}
    return {"stabilising_benefits": parameters["stabilising_benefits"]} if name == "benefits" else {}
