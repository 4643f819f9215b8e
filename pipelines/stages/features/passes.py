"""Two passes over fixed buckets of enterprises: integer sums for peers, then the kernel, at each origin asked for."""

from collections.abc import Callable, Iterator, Mapping, Sequence
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
    are_held = len(buckets) <= HELD_BUCKETS
    for bucket, rows in ahead(_heads(run, warehouse, city, buckets, whole=are_held)):
        insured = reading.insurance_of(rows, city, bucket)
        if are_held:
            held[bucket.first_no] = insured
        places = _of(division, bucket)
        sums.append([_sums(insured, origin, division=places, divisions=divisions) for origin in origins])
    together = [reduce(peers.add, parts) for parts in zip(*sums, strict=True)]

    def frame(bucket: Bucket, panel: Panel, place: int) -> pl.DataFrame:
        values = kernel.compute(
            panel, origins[place], sums=together[place], measures=city.measures, definitions=definitions
        )
        return finish(place, bucket, panel, values)

    with ThreadPoolExecutor(run.threads) as workers:
        for bucket, rows_again, dense in ahead(_rows(run, warehouse, city, sparse, buckets, whole=not are_held)):
            insured = (
                held.pop(bucket.first_no) if rows_again is None else reading.insurance_of(rows_again, city, bucket)
            )
            panel = _panel(city, sparse, bucket, dense, insurance=insured, division=_of(division, bucket))
            yield tuple(workers.map(partial(frame, bucket, panel), range(len(origins))))


def ahead(items: Iterator[Item]) -> Iterator[Item]:
    """``items`` in their order, each made in a thread of its own while the caller works on the one before."""
    with ThreadPoolExecutor(1) as worker:
        coming = worker.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = worker.submit(next, items, None)
            yield item


def _heads(
    run: Run, warehouse: Warehouse, city: City, buckets: Sequence[Bucket], *, whole: bool
) -> Iterator[tuple[Bucket, pl.DataFrame]]:
    """Insurance rows of every bucket: ``whole`` where they can be held, else the heads alone."""
    for bucket in buckets:
        if whole:
            yield bucket, _insurance_rows(run, warehouse, city, bucket)
        else:
            yield bucket, reading.insurance_rows(warehouse, city, bucket, query="read_insured")


def _rows(
    run: Run, warehouse: Warehouse, city: City, sparse: Sparse, buckets: Sequence[Bucket], *, whole: bool
) -> Iterator[tuple[Bucket, pl.DataFrame | None, dict[str, pl.DataFrame]]]:
    """What is read bucket by bucket for the kernel; insurance only if ``whole``, where it is not held."""
    for bucket in buckets:
        insured = _insurance_rows(run, warehouse, city, bucket) if whole else None
        yield bucket, insured, sparse_reading.dense_rows(warehouse, sparse, bucket)


def _sums(insured: Insurance, origin: Origin, *, division: Ints, divisions: int) -> peers.Peers:
    return peers.sums(insured, origin.insurance - insured.first, division=division, divisions=divisions)


def _of(division: Ints, bucket: Bucket) -> Ints:
    return division[bucket.first_no : bucket.first_no + bucket.count]


def _insurance_rows(run: Run, warehouse: Warehouse, city: City, bucket: Bucket) -> pl.DataFrame:
    tolerance = run.parameters["arrears_tolerance_fen"]
    return reading.insurance_rows(warehouse, city, bucket, query="read_insurance", arrears_tolerance_fen=tolerance)


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
