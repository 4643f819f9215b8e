"""Two passes over fixed buckets of enterprises: integer sums for peers, then the kernel, at each origin asked for."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial, reduce
from typing import TypeVar

import polars as pl

from pipelines.run import Run
from pipelines.stages.features import kernel, peers, reading, sparse_reading
from pipelines.stages.features.masked import Ints, Masked
from pipelines.stages.features.panel import Definitions, Insurance, Origin, Panel
from pipelines.stages.features.reading import Bucket, City
from pipelines.stages.features.sparse_reading import Sparse
from pipelines.warehouse import Warehouse

Finish = Callable[[int, Bucket, Panel, dict[str, Masked]], pl.DataFrame]
"""From the place of an origin, a bucket, its panel and the kernel's values to rows."""
Item = TypeVar("Item")
HELD_BUCKETS = 8
"""A city's insurance is read once and held between the passes; a province's is read again, of the heads alone first."""


def computed(
    run: Run,
    warehouse: Warehouse,
    enterprises: pl.DataFrame,
    origins: Sequence[Origin],
    *,
    definitions: Definitions,
    bucket_size: int,
    finish: Finish,
) -> Iterator[tuple[pl.DataFrame, ...]]:
    """What ``finish`` makes of each origin's values, one frame per origin, bucket after bucket.

    ``enterprises`` are all rows of core.enterprise in order of number. The panel reaches to the latest origin; the
    values of each are those of its own night. The next bucket is read while this one is computed.
    """
    city = reading.read_city(warehouse, origins)
    sparse = sparse_reading.read_sparse(run, warehouse, origins)
    division, divisions = reading.divisions(enterprises)
    buckets = list(reading.buckets(enterprises.height, size=bucket_size))
    held: dict[int, Insurance] = {}
    sums: list[list[peers.Peers]] = []
    for bucket, insured in ahead(_first_pass(run, warehouse, city, buckets)):
        if len(buckets) <= HELD_BUCKETS:
            held[bucket.first_no] = insured
        places = _of(division, bucket)
        sums.append([_sums(insured, origin, division=places, divisions=divisions) for origin in origins])
    together = [reduce(peers.add, parts) for parts in zip(*sums, strict=True)]

    def panels() -> Iterator[tuple[Bucket, Panel]]:
        for bucket in buckets:
            insurance = held.pop(bucket.first_no, None) or _insurance(run, warehouse, city, bucket)
            places = _of(division, bucket)
            yield bucket, _panel(warehouse, city, sparse, bucket, insurance=insurance, division=places)

    def frame(bucket: Bucket, panel: Panel, place: int) -> pl.DataFrame:
        values = kernel.compute(
            panel, origins[place], sums=together[place], measures=city.measures, definitions=definitions
        )
        return finish(place, bucket, panel, values)

    with ThreadPoolExecutor(run.threads) as workers:
        for bucket, panel in ahead(panels()):
            yield tuple(workers.map(partial(frame, bucket, panel), range(len(origins))))


def ahead(items: Iterator[Item]) -> Iterator[Item]:
    """``items`` in their order, each made in a thread of its own while the caller works on the one before."""
    with ThreadPoolExecutor(1) as worker:
        coming = worker.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = worker.submit(next, items, None)
            yield item


def _first_pass(
    run: Run, warehouse: Warehouse, city: City, buckets: Sequence[Bucket]
) -> Iterator[tuple[Bucket, Insurance]]:
    """Insurance of every bucket: whole where it can be held, else the heads alone."""
    for bucket in buckets:
        if len(buckets) <= HELD_BUCKETS:
            yield bucket, _insurance(run, warehouse, city, bucket)
        else:
            yield bucket, reading.insurance(warehouse, city, bucket, query="read_insured")


def _sums(insured: Insurance, origin: Origin, *, division: Ints, divisions: int) -> peers.Peers:
    return peers.sums(insured, origin.insurance - insured.first, division=division, divisions=divisions)


def _of(division: Ints, bucket: Bucket) -> Ints:
    return division[bucket.first_no : bucket.first_no + bucket.count]


def _insurance(run: Run, warehouse: Warehouse, city: City, bucket: Bucket) -> Insurance:
    tolerance = run.parameters["arrears_tolerance_fen"]
    return reading.insurance(warehouse, city, bucket, query="read_insurance", arrears_tolerance_fen=tolerance)


def _panel(
    warehouse: Warehouse, city: City, sparse: Sparse, bucket: Bucket, *, insurance: Insurance, division: Ints
) -> Panel:
    return Panel(
        count=bucket.count,
        insurance=insurance,
        division=division,
        exports=reading.exports(city, bucket),
        monthly=sparse_reading.monthly(warehouse, sparse, bucket),
        events=sparse_reading.events(sparse, bucket),
        flows=sparse_reading.flows(sparse, bucket),
    )
