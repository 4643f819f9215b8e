"""From core tables to the sparse sources of a panel: each read once, the dense ones bucket by bucket.

Whatever is read reaches back far enough for the earliest origin asked for.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from pipelines.run import Run
from pipelines.stages.features import credit
from pipelines.stages.features.masked import Bools
from pipelines.stages.features.panel import Flows, Origin, flows_panel
from pipelines.stages.features.reading import Bucket, marks, read, span
from pipelines.stages.features.sources import EVENTS, FLOWS, MONTHLY, EventSource, MonthlySource
from pipelines.stages.features.sparse import Events, Monthly, events_panel, monthly_panel
from pipelines.stages.features.transfers import SPAN
from pipelines.warehouse import Warehouse

EVERYONE = Bucket(first_no=0, count=2**62)


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
    """What is read once for the city, in order of enterprise; a source that never came is not here."""

    windows: tuple[Window, ...]
    events: Mapping[str, pl.DataFrame]
    flows: pl.DataFrame | None
    flow_months: frozenset[int]


def read_sparse(run: Run, warehouse: Warehouse, origins: Sequence[Origin]) -> Sparse:
    """Everything beside insurance and customs that ``origins`` may see."""
    windows = [_window(warehouse, source, _reaches(source.name, origins)) for source in MONTHLY]
    moved = _reaches(FLOWS, origins)
    flows = read(warehouse, "read_flows", **span(min(moved) - SPAN + 1, max(moved))) if moved else None
    return Sparse(
        windows=tuple(window for window in windows if window is not None),
        events={
            source.name: _events(run, warehouse, source, origins) for source in EVENTS if _reaches(source.name, origins)
        },
        flows=flows,
        flow_months=frozenset() if flows is None else frozenset(flows["ordinal"].unique().to_list()),
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


def _reaches(name: str, origins: Iterable[Origin]) -> list[int]:
    return [origin.reached[name] for origin in origins if name in origin.reached]


def _window(warehouse: Warehouse, source: MonthlySource, reaches: list[int]) -> Window | None:
    if not reaches:
        return None
    first, last = min(reaches) - source.months + 1, max(reaches)
    rows = None if source.is_dense else _rows(warehouse, source, EVERYONE, first=first, last=last)
    months = [] if rows is None else rows["ordinal"].unique().to_list()
    covered = marks(months, first=first, count=last - first + 1)
    return Window(source=source, first=first, last=last, covered=covered, rows=rows)


def _rows(warehouse: Warehouse, source: MonthlySource, bucket: Bucket, *, first: int, last: int) -> pl.DataFrame:
    numbers = {"first_no": bucket.first_no, "last_no": bucket.first_no + bucket.count - 1}
    return read(warehouse, source.query, **numbers, **span(first, last))


def _monthly(window: Window, dense: Mapping[str, pl.DataFrame], bucket: Bucket) -> Monthly:
    source = window.source
    if window.rows is not None:
        rows = bucket.cut(window.rows)
    else:
        rows = dense[source.name].with_columns((pl.col("enterprise_no") - bucket.first_no).alias("place"))
    return monthly_panel(
        rows, columns=source.columns, first=window.first, covered=window.covered, is_register=source.is_register
    )


def _events(run: Run, warehouse: Warehouse, source: EventSource, origins: Sequence[Origin]) -> pl.DataFrame:
    days = [origin.day for origin in origins]
    window = {
        "first_day": date.fromordinal(min(days) - source.days + 1),
        "last_day": date.fromordinal(max(days)),
    }
    rows = read(warehouse, source.query, **window, **_choices(run, source.name))
    ordinals = (pl.col("happened_on") - date(1, 1, 1)).dt.total_days() + 1
    return rows.with_columns(day=ordinals.cast(pl.Int64))


def _choices(run: Run, name: str) -> dict[str, Any]:
    """The parameters that only the query of one source takes."""
    if name == "arbitrations":
        return {"collective_minimum_persons": run.parameters["collective_minimum_persons"]}
    if name == "credit":
        return {"kinds": list(credit.KINDS)}
    return {"stabilising_benefits": run.parameters["stabilising_benefits"]} if name == "benefits" else {}
