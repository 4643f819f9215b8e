"""From core tables to panels: one read per source and bucket, only the months that some feature needs.

The city-wide small sources (exports, monitoring, quarantine) are read once and cut by bucket; insurance is read bucket
by bucket from its month slabs. Nothing is computed here that the kernel could compute.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from pipelines.contracts import read_sql
from pipelines.run import Run
from pipelines.stages.features import lunar
from pipelines.stages.features.lunar import month_of_ordinal, ordinal
from pipelines.stages.features.masked import Bools, Ints
from pipelines.stages.features.panel import (
    EXPORT_MONTHS,
    INSURANCE_MONTHS,
    Definitions,
    Exports,
    Insurance,
    Monitor,
    Origin,
    export_panel,
    insurance_panel,
    monitor_panel,
)
from pipelines.stages.features.tariff import Measure
from pipelines.warehouse import Warehouse

UNITED_STATES = "USA"
BLOCK_SIZE = 4 * 16_384
"""Four buckets of the month slabs are read at once: opening files costs more than a larger array."""


@dataclass(frozen=True)
class Bucket:
    """A range of enterprise numbers: ``count`` of them from ``first_no`` on."""

    first_no: int
    count: int

    def cut(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The rows of ``frame`` that fall in the bucket, with their ``place`` in it."""
        low = frame["enterprise_no"].search_sorted(self.first_no)
        high = frame["enterprise_no"].search_sorted(self.first_no + self.count)
        part = frame.slice(low, high - low)
        return part.with_columns((pl.col("enterprise_no") - self.first_no).alias("place"))


@dataclass(frozen=True)
class City:
    """What is read once: the window, the months' states, and the small sources in order of enterprise."""

    first: int
    complete: Bools
    before: pl.DataFrame
    quarantined: pl.DataFrame
    export_first: int
    export_present: Bools
    exports: pl.DataFrame
    products: pl.Series
    monitor_first: int
    monitor_months: int
    monitors: pl.DataFrame
    measures: tuple[Measure, ...]


def origin_of(run: Run, warehouse: Warehouse) -> tuple[Origin, bool]:
    """The months reached at the cutoff, and whether insurance has any; without it, the month before ``as_of``."""
    insurance = _latest(warehouse, "core.month_status")
    reference = insurance if insurance is not None else ordinal(run.as_of) - 1
    monitor = _latest(warehouse, "core.monitor_month")
    export = _latest(warehouse, "core.export_month")
    origin = Origin(insurance=reference, export=export, monitor=None if monitor is None else max(monitor, reference))
    return origin, insurance is not None


def definitions_of(run: Run, *, reference: int) -> Definitions:
    """The contestable numbers as of the run's date."""
    parameters = run.parameters
    is_lunar = run.contracts.feed_set.calendar == "lunar"
    return Definitions(
        lunar=lunar.calendar(
            parameters["spring_festival"],
            early_day=parameters["festival_early_day"],
            reference_year=reference // 12,
        )
        if is_lunar
        else lunar.GREGORIAN,
        export_us_fall_pct=parameters["export_us_fall_pct"],
        minimum_known_months=parameters["minimum_known_months"],
        monitor_valid_months=parameters["monitor_valid_months"],
        peer_minimum_persons=parameters["peer_minimum_persons"],
    )


def read_city(warehouse: Warehouse, origin: Origin, *, definitions: Definitions) -> City:
    """Everything that is not read bucket by bucket."""
    first = origin.insurance - INSURANCE_MONTHS + 1
    export_last = origin.export if origin.export is not None else origin.insurance
    export_first = export_last - EXPORT_MONTHS + 1
    monitor_last = origin.monitor if origin.monitor is not None else origin.insurance
    monitor_first = monitor_last - definitions.monitor_valid_months
    exports = _read(warehouse, "read_export", **_span(export_first, export_last))
    products, product = _coded(exports["hs6"])
    _, destination = _coded(exports["destination"])
    to_us = (exports["destination"] == UNITED_STATES).fill_null(value=False)
    complete = _marks(
        [ordinal(m) for (m,) in warehouse.rows("SELECT month FROM core.month_status WHERE is_complete_month")],
        first=first,
        count=INSURANCE_MONTHS,
    )
    return City(
        first=first,
        complete=complete,
        before=_read(warehouse, "read_before", first_month=month_of_ordinal(first)),
        quarantined=_read(warehouse, "read_quarantined", **_span(first, origin.insurance)),
        export_first=export_first,
        export_present=_marks(exports["ordinal"].unique().to_list(), first=export_first, count=EXPORT_MONTHS),
        exports=exports.select(
            "enterprise_no",
            "ordinal",
            "is_made",
            "export_usd_cent",
            product=product,
            destination=destination,
            to_us=to_us,
        ),
        products=products,
        monitor_first=monitor_first,
        monitor_months=definitions.monitor_valid_months + 1,
        monitors=_read(warehouse, "read_monitor", **_span(monitor_first, monitor_last)),
        measures=_measures(warehouse),
    )


def buckets(enterprises: int, *, size: int) -> Iterator[Bucket]:
    """Ranges of ``size`` enterprise numbers from 0 up to ``enterprises``."""
    for first_no in range(0, enterprises, size):
        yield Bucket(first_no=first_no, count=min(size, enterprises - first_no))


def insurance(
    warehouse: Warehouse, city: City, bucket: Bucket, *, query: str, last: int, **parameters: Any
) -> Insurance:
    """The insurance panel of ``bucket`` by the SQL file ``query``, for months up to ``last``."""
    rows = _read(
        warehouse,
        query,
        first_no=bucket.first_no,
        last_no=bucket.first_no + bucket.count - 1,
        **_span(city.first, last),
        **parameters,
    )
    return insurance_panel(
        rows,
        before=bucket.cut(city.before),
        quarantined=bucket.cut(city.quarantined),
        complete=city.complete,
        first=city.first,
        count=bucket.count,
    )


def exports(city: City, bucket: Bucket) -> Exports:
    """The export rows of ``bucket``."""
    return export_panel(
        bucket.cut(city.exports), products=city.products, present=city.export_present, first=city.export_first
    )


def monitor(city: City, bucket: Bucket) -> Monitor:
    """The monitoring forms of ``bucket``."""
    return monitor_panel(bucket.cut(city.monitors), months=city.monitor_months, first=city.monitor_first)


def divisions(enterprises: pl.DataFrame) -> tuple[Ints, int]:
    """Index of each enterprise's industry division in the sorted list of divisions, −1 where unknown; their number."""
    names = enterprises["industry_division"].drop_nulls().unique().sort()
    index = pl.DataFrame(
        {"industry_division": names, "division": range(len(names))}, schema_overrides={"division": pl.Int64}
    )
    joined = enterprises.select("industry_division").join(
        index, on="industry_division", how="left", maintain_order="left"
    )
    return joined["division"].fill_null(-1).to_numpy().astype(np.int64), len(names)


def _coded(texts: pl.Series) -> tuple[pl.Series, pl.Series]:
    """The distinct texts in order, and each text's place among them; null counts as the empty text."""
    filled = texts.fill_null("")
    distinct = filled.unique().sort()
    codes = pl.Series(range(len(distinct)), dtype=pl.Int64)
    return distinct, filled.replace_strict(distinct, codes, return_dtype=pl.Int64) if len(texts) else codes


def _measures(warehouse: Warehouse) -> tuple[Measure, ...]:
    columns = "measure_id, stack_group, hs6, rate_bp, valid_from, valid_to, measure_status"
    return tuple(
        Measure(*row) for row in warehouse.rows(f"SELECT {columns} FROM core.tariff_measure ORDER BY measure_id, hs6")
    )


def _latest(warehouse: Warehouse, table: str) -> int | None:
    month: date | None = warehouse.scalar(f"SELECT max(month) FROM {table}")
    return None if month is None else ordinal(month)


def _read(warehouse: Warehouse, query: str, **parameters: Any) -> pl.DataFrame:
    return warehouse.frame(read_sql(f"features/{query}"), **parameters)


def _span(first: int, last: int) -> dict[str, date]:
    return {"first_month": month_of_ordinal(first), "last_month": month_of_ordinal(last)}


def _marks(months: list[int], *, first: int, count: int) -> Bools:
    marks = np.zeros(count, dtype=np.bool_)
    for month in months:
        if 0 <= month - first < count:
            marks[month - first] = True
    return marks
