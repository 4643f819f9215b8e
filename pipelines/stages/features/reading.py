"""From core tables to panels: one read per source and bucket, only the months that some feature needs.

The small sources are read once for the city and cut by bucket; insurance is read bucket by bucket from its month slabs.
What is read serves every origin asked for. Nothing is computed here that the kernel could compute.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from pipelines import lunar
from pipelines.contracts import read_sql
from pipelines.facts import ROWS_PER_GROUP
from pipelines.lunar import month_of_ordinal, ordinal
from pipelines.parameters import Parameters
from pipelines.run import Run
from pipelines.stages.features.masked import Bools, Ints
from pipelines.stages.features.panel import (
    Definitions,
    Exports,
    Insurance,
    Origin,
    export_panel,
    insurance_panel,
)
from pipelines.stages.features.tariff import Measure
from pipelines.stages.features.windows import export_window, insurance_window
from pipelines.warehouse import Warehouse

UNITED_STATES = "USA"
BLOCK_SIZE = 2 * ROWS_PER_GROUP
"""Two groups of rows of the month slabs are read at once: opening files costs, and in larger arrays a core waits."""


@dataclass(frozen=True)
class Bucket:
    """A range of enterprise numbers: ``count`` of them from ``first_no`` on."""

    first_no: int
    count: int

    @property
    def numbers(self) -> dict[str, int]:
        """First and last enterprise number as parameters of a query."""
        return {"first_no": self.first_no, "last_no": self.first_no + self.count - 1}

    def cut(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The rows of ``frame``, in order of enterprise, that fall in the bucket, with their ``place`` in it."""
        low = frame["enterprise_no"].search_sorted(self.first_no)
        high = frame["enterprise_no"].search_sorted(self.first_no + self.count)
        part = frame.slice(low, high - low)
        return part.with_columns((pl.col("enterprise_no") - self.first_no).alias("place"))

    def part(self, enterprises: pl.DataFrame, *, first_no: int) -> pl.DataFrame:
        """The bucket's own rows of ``enterprises``, which has one row per number from ``first_no`` on."""
        return enterprises.slice(self.first_no - first_no, self.count)


EVERYONE = Bucket(first_no=0, count=2**62)


@dataclass(frozen=True)
class Months:
    """What is read once of the insurance of a range of enterprises: the window, its months' states, what lies before.

    ``before`` has a row per enterprise that had one before ``first``.
    """

    first: int
    complete: Bools
    before: pl.DataFrame
    quarantined: pl.DataFrame


@dataclass(frozen=True)
class City(Months):
    """What is read once for a range of enterprises, with the small sources in order."""

    export_first: int
    export_present: Bools
    exports: pl.DataFrame
    products: pl.Series
    measures: tuple[Measure, ...]


def definitions_of(run: Run, *, reference: int) -> Definitions:
    """The contestable numbers as of the run's date."""
    return definitions(run.parameters, reference=reference, is_lunar=run.contracts.feed_set.calendar == "lunar")


def definitions(parameters: Parameters, *, reference: int, is_lunar: bool) -> Definitions:
    """The contestable numbers in force, and the calendar of the year of month ``reference``."""
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
        source_valid_months=parameters["source_valid_months"],
        power_fall_pct=parameters["power_fall_pct"],
        transfer_share_pct=parameters["transfer_share_pct"],
        transfer_minimum_persons=parameters["transfer_minimum_persons"],
        visit_valid_days=parameters["visit_valid_days"],
    )


def read_city(
    warehouse: Warehouse,
    origins: Sequence[Origin],
    within: Bucket = EVERYONE,
    *,
    export_months: Iterable[int] = (),
) -> City:
    """What ``origins`` need of insurance and customs of the enterprises ``within`` and is not read bucket by bucket.

    ``export_months`` are those in which anybody exported, whom ``within`` need not hold.
    """
    first, last = insurance_window(origins)
    export_first, export_last = export_window(origins)
    exports = read(warehouse, "read_export", **within.numbers, **span(export_first, export_last))
    products, product = _coded(exports["hs6"])
    _, destination = _coded(exports["destination"])
    to_us = (exports["destination"] == UNITED_STATES).fill_null(value=False)
    before = read(warehouse, "read_before", **within.numbers, first_month=month_of_ordinal(first))
    return City(
        **vars(_months(warehouse, before, within, first=first, last=last)),
        export_first=export_first,
        export_present=marks(export_months, first=export_first, count=export_last - export_first + 1),
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
        measures=_measures(warehouse),
    )


def read_heads(warehouse: Warehouse, origins: Sequence[Origin], within: Bucket, *, months: int) -> Months:
    """What the head counts of ``origins`` and of so many ``months`` before them need; ``before`` says who was seen."""
    first, last = insurance_window(origins)
    near = min(origin.insurance for origin in origins) - months
    starts = {"window_month": month_of_ordinal(first), "first_month": month_of_ordinal(near)}
    before = read(warehouse, "read_seen", **within.numbers, **starts).with_columns(
        ordinal=pl.lit(near - 1, dtype=pl.Int64), insured_persons=pl.lit(None, dtype=pl.Int64)
    )
    return _months(warehouse, before, within, first=near, last=last)


def _months(warehouse: Warehouse, before: pl.DataFrame, within: Bucket, *, first: int, last: int) -> Months:
    complete = warehouse.rows("SELECT month FROM core.month_status WHERE is_complete_month")
    return Months(
        first=first,
        complete=marks([ordinal(month) for (month,) in complete], first=first, count=last - first + 1),
        before=before,
        quarantined=read(warehouse, "read_quarantined", **within.numbers, **span(first, last)),
    )


def buckets(within: Bucket, *, size: int) -> Iterator[Bucket]:
    """Ranges of ``size`` enterprise numbers that make up ``within``, the last perhaps shorter."""
    end = within.first_no + within.count
    for first_no in range(within.first_no, end, size):
        yield Bucket(first_no=first_no, count=min(size, end - first_no))


def insurance(warehouse: Warehouse, city: Months, bucket: Bucket, *, query: str, **parameters: Any) -> Insurance:
    """The insurance panel of ``bucket`` by the SQL file ``query``, over all months of ``city``."""
    return insurance_of(insurance_rows(warehouse, city, bucket, query=query, **parameters), city, bucket)


def insurance_rows(
    warehouse: Warehouse, city: Months, bucket: Bucket, *, query: str, **parameters: Any
) -> pl.DataFrame:
    """The insurance rows of ``bucket`` by the SQL file ``query``, over all months of ``city``."""
    return read(
        warehouse,
        query,
        **bucket.numbers,
        **span(city.first, city.first + len(city.complete) - 1),
        **parameters,
    )


def insurance_of(rows: pl.DataFrame, city: Months, bucket: Bucket) -> Insurance:
    """The insurance panel of ``bucket`` from its ``insurance_rows``."""
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


def places_of(enterprises: pl.DataFrame, divisions: Sequence[str]) -> Ints:
    """Place of each enterprise's industry division among ``divisions``, −1 where unknown; (enterprises,)."""
    index = pl.DataFrame(
        {"industry_division": divisions, "division": range(len(divisions))},
        schema={"industry_division": pl.String, "division": pl.Int64},
    )
    joined = enterprises.select("industry_division").join(
        index, on="industry_division", how="left", maintain_order="left"
    )
    return joined["division"].fill_null(-1).to_numpy().astype(np.int64)


def _coded(texts: pl.Series) -> tuple[pl.Series, pl.Series]:
    """The distinct texts in order, and each text's place among them; null counts as the empty text."""
    filled = texts.fill_null("")
    distinct = filled.unique().sort()
    return distinct, filled.cast(pl.Enum(distinct)).to_physical().cast(pl.Int64)


def _measures(warehouse: Warehouse) -> tuple[Measure, ...]:
    columns = "measure_id, stack_group, hs6, rate_bp, valid_from, valid_to, measure_status"
    return tuple(
        Measure(*row) for row in warehouse.rows(f"SELECT {columns} FROM core.tariff_measure ORDER BY measure_id, hs6")
    )


def read(warehouse: Warehouse, query: str, **parameters: Any) -> pl.DataFrame:
    """The frame of ``sql/features/<query>.sql``."""
    return warehouse.frame(read_sql(f"features/{query}"), **parameters)


def span(first: int, last: int) -> dict[str, date]:
    """The months ``first`` to ``last`` (ordinals) as parameters of a query."""
    return {"first_month": month_of_ordinal(first), "last_month": month_of_ordinal(last)}


def marks(months: Iterable[int], *, first: int, count: int) -> Bools:
    """Which of the ``count`` months from ``first`` on are among ``months``."""
    found = np.zeros(count, dtype=np.bool_)
    for month in months:
        if 0 <= month - first < count:
            found[month - first] = True
    return found
