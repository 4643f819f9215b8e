"""Two passes over fixed buckets of enterprises: integer sums for peers, then the kernel, at each origin asked for."""

from collections.abc import Iterator, Sequence
from functools import reduce

import polars as pl

from pipelines.run import Run
from pipelines.stages.features import kernel, peers, reading, sparse_reading
from pipelines.stages.features.masked import Ints, Masked
from pipelines.stages.features.panel import Definitions, Insurance, Origin, Panel
from pipelines.stages.features.reading import Bucket, City
from pipelines.stages.features.sparse_reading import Sparse
from pipelines.warehouse import Warehouse

HELD_BUCKETS = 4
"""A city's insurance is read once and held between the passes; a province's is read again, of the heads alone first."""


def computed(
    run: Run,
    warehouse: Warehouse,
    enterprises: pl.DataFrame,
    origins: Sequence[Origin],
    *,
    definitions: Definitions,
    bucket_size: int,
) -> Iterator[tuple[int, Bucket, Panel, dict[str, Masked]]]:
    """Place of the origin in ``origins``, bucket, its panel and the kernel's values, bucket after bucket.

    ``enterprises`` are all rows of core.enterprise in order of number. The panel reaches to the latest origin; the
    values of each are those of its own night.
    """
    city = reading.read_city(warehouse, origins)
    sparse = sparse_reading.read_sparse(run, warehouse, origins)
    division, divisions = reading.divisions(enterprises)
    buckets = list(reading.buckets(enterprises.height, size=bucket_size))
    held: dict[int, Insurance] = {}
    sums: list[list[peers.Peers]] = []
    for bucket in buckets:
        if len(buckets) <= HELD_BUCKETS:
            insured = held[bucket.first_no] = _insurance(run, warehouse, city, bucket)
        else:
            insured = reading.insurance(warehouse, city, bucket, query="read_insured")
        places = _of(division, bucket)
        sums.append([_sums(insured, origin, division=places, divisions=divisions) for origin in origins])
    together = [reduce(peers.add, parts) for parts in zip(*sums, strict=True)]
    for bucket in buckets:
        insurance = held.pop(bucket.first_no, None) or _insurance(run, warehouse, city, bucket)
        panel = _panel(warehouse, city, sparse, bucket, insurance=insurance, division=_of(division, bucket))
        for place, origin in enumerate(origins):
            values = kernel.compute(
                panel, origin, sums=together[place], measures=city.measures, definitions=definitions
            )
            yield place, bucket, panel, values


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
