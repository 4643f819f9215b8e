"""Two passes over fixed buckets of enterprises: integer sums for peers, then the kernel, at each origin asked for.

Any part of the enterprises can be asked alone, in any order and in any process: the sums of all parts are added up
between the passes, and what the city as a whole says goes along.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import partial, reduce
from typing import TypeVar

import polars as pl

from pipelines.contracts import read_sql
from pipelines.parameters import Parameters
from pipelines.stages.features import kernel, peers, reading, sparse_reading
from pipelines.stages.features.coverage import EXPORTS, Coverage
from pipelines.stages.features.masked import Ints, Masked
from pipelines.stages.features.panel import Definitions, Insurance, Origin, Panel
from pipelines.stages.features.peers import Peers
from pipelines.stages.features.reading import Bucket, City
from pipelines.stages.features.sparse_reading import Sparse
from pipelines.warehouse import Warehouse

Finish = Callable[[int, Bucket, Panel, dict[str, Masked]], pl.DataFrame]
"""From the place of an origin, a bucket, its panel and the kernel's values to rows."""
Item = TypeVar("Item")
HELD_BUCKETS = 8
"""So many buckets are read once and held between the passes; of more the heads are read first, alone."""


@dataclass(frozen=True)
class Asked:
    """What is asked of every enterprise: at which origins, by which numbers, with what the city as a whole says.

    Small and without rows, so that it can be handed to another process; ``threads`` are those of one process.
    """

    origins: tuple[Origin, ...]
    definitions: Definitions
    parameters: Parameters
    coverage: Coverage
    threads: int


class Part:
    """The enterprises of ``within``, read bucket by bucket; a small part is read once for both passes."""

    def __init__(self, asked: Asked, warehouse: Warehouse, within: Bucket, *, bucket_size: int) -> None:
        """Read what is not read bucket by bucket."""
        self.asked, self.warehouse = asked, warehouse
        months = asked.coverage.months.get(EXPORTS, frozenset())
        self.city = reading.read_city(warehouse, asked.origins, within, export_months=months)
        self.buckets = list(reading.buckets(within, size=bucket_size))
        divisions = warehouse.frame(read_sql("features/read_enterprise"), **within.numbers)
        self.first_no, self.places = within.first_no, reading.places_of(divisions, asked.coverage.divisions)
        self.within, self.held = within, dict[int, Insurance]()

    def sums(self) -> list[Peers]:
        """The sums of the part for peers, one for each origin."""
        if len(self.buckets) > HELD_BUCKETS:
            return sums_of(self.asked, self.warehouse, self.within, bucket_size=self.buckets[0].count)
        parts: list[list[Peers]] = []
        for bucket, rows in ahead((bucket, self._insurance_rows(bucket)) for bucket in self.buckets):
            insured = self.held[bucket.first_no] = reading.insurance_of(rows, self.city, bucket)
            parts.append(_sums(self.asked, insured, self._of(bucket)))
        return together(parts)

    def computed(self, sums: Sequence[Peers], finish: Finish) -> Iterator[tuple[pl.DataFrame, ...]]:
        """What ``finish`` makes of each origin's values, one frame per origin, bucket after bucket.

        ``sums`` are those of all parts. The panel reaches to the latest origin; the values of each are those of its own
        night. The next bucket is read while this one is computed.
        """
        asked = self.asked
        sparse = sparse_reading.read_sparse(
            asked.parameters, self.warehouse, asked.origins, asked.coverage, self.within
        )

        def frame(bucket: Bucket, panel: Panel, place: int) -> pl.DataFrame:
            values = kernel.compute(
                panel,
                asked.origins[place],
                sums=sums[place],
                measures=self.city.measures,
                definitions=asked.definitions,
            )
            return finish(place, bucket, panel, values)

        with ThreadPoolExecutor(asked.threads) as workers:
            for bucket, rows, dense in ahead(self._rows(sparse)):
                insured = (
                    self.held.pop(bucket.first_no) if rows is None else reading.insurance_of(rows, self.city, bucket)
                )
                panel = _panel(self.city, sparse, bucket, dense, insurance=insured, division=self._of(bucket))
                yield tuple(workers.map(partial(frame, bucket, panel), range(len(asked.origins))))

    def enterprises(self, day: date) -> pl.DataFrame:
        """The part's rows of core.enterprise in order, with the commerce list of two years and the reports in force."""
        numbers = self.within.numbers
        listed = self.warehouse.frame(
            read_sql("features/read_listed"), **numbers, first_year=day.year - 1, last_year=day.year
        )
        notices = self.warehouse.frame(
            read_sql("features/read_notice"),
            **numbers,
            as_of=day,
            notice_in_force_months=self.asked.parameters["notice_in_force_months"],
        )
        base = self.warehouse.frame(read_sql("features/read_enterprise"), **numbers)
        joined = base.join(listed, on="enterprise_no", how="left", maintain_order="left").join(
            notices, on="enterprise_no", how="left", maintain_order="left"
        )
        return joined.with_columns(pl.col("is_listed").fill_null(value=False))

    def _rows(self, sparse: Sparse) -> Iterator[tuple[Bucket, pl.DataFrame | None, dict[str, pl.DataFrame]]]:
        """What is read bucket by bucket for the kernel; insurance only where it is not held."""
        for bucket in self.buckets:
            insured = None if bucket.first_no in self.held else self._insurance_rows(bucket)
            yield bucket, insured, sparse_reading.dense_rows(self.warehouse, sparse, bucket)

    def _insurance_rows(self, bucket: Bucket) -> pl.DataFrame:
        tolerance = self.asked.parameters["arrears_tolerance_fen"]
        return reading.insurance_rows(
            self.warehouse, self.city, bucket, query="read_insurance", arrears_tolerance_fen=tolerance
        )

    def _of(self, bucket: Bucket) -> Ints:
        place = bucket.first_no - self.first_no
        return self.places[place : place + bucket.count]


def sums_of(asked: Asked, warehouse: Warehouse, within: Bucket, *, bucket_size: int) -> list[Peers]:
    """What ``Part.sums`` gives, of the head counts that it needs alone: for a part that is read again afterwards."""
    months = reading.read_heads(warehouse, asked.origins, within, months=peers.SPAN)
    enterprises = warehouse.frame(read_sql("features/read_enterprise"), **within.numbers)
    places = reading.places_of(enterprises, asked.coverage.divisions)
    parts: list[list[Peers]] = []
    buckets = reading.buckets(within, size=bucket_size)
    for bucket, rows in ahead(
        (bucket, reading.insurance_rows(warehouse, months, bucket, query="read_insured")) for bucket in buckets
    ):
        division = places[bucket.first_no - within.first_no :][: bucket.count]
        parts.append(_sums(asked, reading.insurance_of(rows, months, bucket), division))
    return together(parts)


def _sums(asked: Asked, insured: Insurance, division: Ints) -> list[Peers]:
    count = len(asked.coverage.divisions)
    return [
        peers.sums(insured, origin.insurance - insured.first, division=division, divisions=count)
        for origin in asked.origins
    ]


def together(parts: Iterable[Sequence[Peers]]) -> list[Peers]:
    """The sums of several parts as one, for each origin."""
    return [reduce(peers.add, of_origin) for of_origin in zip(*parts, strict=True)]


def ahead(items: Iterator[Item]) -> Iterator[Item]:
    """``items`` in their order, each made in a thread of its own while the caller works on the one before."""
    with ThreadPoolExecutor(1) as worker:
        coming = worker.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = worker.submit(next, items, None)
            yield item


def _panel(
    city: City,
    sparse: Sparse,
    bucket: Bucket,
    dense: Mapping[str, pl.DataFrame],
    *,
    insurance: Insurance,
    division: Ints,
) -> Panel:
    return Panel(
        count=bucket.count,
        insurance=insurance,
        division=division,
        exports=reading.exports(city, bucket),
        monthly=sparse_reading.monthly(sparse, dense, bucket),
        events=sparse_reading.events(sparse, bucket),
        flows=sparse_reading.flows(sparse, bucket),
    )
