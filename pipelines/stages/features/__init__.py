"""One row per enterprise: what its months, exports, forms and peers say at the cutoff.

Two passes over fixed buckets of enterprises: integer sums for peers, then the kernel. The result does not depend on
the size of the buckets. Nothing here judges risk.
"""

from functools import reduce

import polars as pl

from pipelines.contracts import read_sql
from pipelines.run import Receipt, Run
from pipelines.stages.features import kernel, peers, reading, table
from pipelines.stages.features.masked import Ints
from pipelines.stages.features.panel import Origin, Panel
from pipelines.stages.features.peers import Peers
from pipelines.stages.features.reading import BLOCK_SIZE, City
from pipelines.warehouse import Warehouse


def run(run: Run, warehouse: Warehouse) -> Receipt:
    """Write ``features.enterprise``; enterprises in, enterprises with an insurance row or a report out."""
    with warehouse.transaction():
        frame, enterprises = compute(run, warehouse, bucket_size=BLOCK_SIZE)
        written = warehouse.store("features.enterprise", frame)
    run.progress(f"特征：企业 {written} 家")
    left_out = enterprises - written
    return Receipt(
        stage="features",
        rows_in=enterprises,
        rows_out=written,
        dropped={"never_insured": left_out} if left_out else {},
    )


def compute(run: Run, warehouse: Warehouse, *, bucket_size: int) -> tuple[pl.DataFrame, int]:
    """The rows of ``features.enterprise``, and how many enterprises there are."""
    origin, has_insurance = reading.origin_of(run, warehouse)
    definitions = reading.definitions_of(run, reference=origin.insurance)
    city = reading.read_city(warehouse, origin, definitions=definitions)
    enterprises = _enterprises(run, warehouse)
    division, count = reading.divisions(enterprises)
    parts = [
        (bucket, division[bucket.first_no : bucket.first_no + bucket.count])
        for bucket in reading.buckets(enterprises.height, size=bucket_size)
    ]
    t = origin.insurance - city.first
    sums: list[Peers] = []
    for bucket, places in parts:
        insured = reading.insurance(warehouse, city, bucket, query="read_insured", last=origin.insurance)
        sums.append(peers.sums(insured, t, division=places, divisions=count))
    if not sums:
        return pl.DataFrame(schema=run.contracts.polars_schema("features.enterprise")), 0
    together = reduce(peers.add, sums)
    delivered = _delivered(warehouse, origin, has_insurance=has_insurance)
    frames = []
    for bucket, places in parts:
        panel = _panel(run, warehouse, city=city, bucket=bucket, division=places, origin=origin)
        values = kernel.compute(panel, origin, sums=together, measures=city.measures, definitions=definitions)
        part = enterprises.slice(bucket.first_no, bucket.count)
        frames.append(table.rows(values, panel, part, origin=origin, delivered=delivered))
    columns = list(run.contracts.tables["features.enterprise"].columns)
    return pl.concat(frames, how="vertical_relaxed").select(columns), enterprises.height


def _panel(
    run: Run, warehouse: Warehouse, *, city: City, bucket: reading.Bucket, division: Ints, origin: Origin
) -> Panel:
    return Panel(
        count=bucket.count,
        insurance=reading.insurance(
            warehouse,
            city,
            bucket,
            query="read_insurance",
            last=origin.insurance,
            arrears_tolerance_fen=run.parameters["arrears_tolerance_fen"],
        ),
        exports=reading.exports(city, bucket),
        monitor=reading.monitor(city, bucket),
        division=division,
    )


def _enterprises(run: Run, warehouse: Warehouse) -> pl.DataFrame:
    """core.enterprise in order of number, with the commerce list of this year or the last, and reports in force."""
    listed = warehouse.frame(
        "SELECT DISTINCT enterprise_no, true AS is_listed FROM core.us_exporter WHERE year BETWEEN $first AND $last",
        first=run.as_of.year - 1,
        last=run.as_of.year,
    )
    notices = warehouse.frame(
        read_sql("features/read_notice"),
        as_of=run.as_of,
        notice_in_force_months=run.parameters["notice_in_force_months"],
    )
    base = warehouse.frame(
        "SELECT enterprise_no, industry_division, is_registered FROM core.enterprise ORDER BY enterprise_no"
    )
    joined = base.join(listed, on="enterprise_no", how="left", maintain_order="left").join(
        notices, on="enterprise_no", how="left", maintain_order="left"
    )
    return joined.with_columns(pl.col("is_listed").fill_null(value=False))


def _delivered(warehouse: Warehouse, origin: Origin, *, has_insurance: bool) -> tuple[bool, ...]:
    """For each of ``table.SOURCES``, whether it holds anything at the cutoff."""
    registered = bool(warehouse.scalar("SELECT count(*) > 0 FROM core.enterprise WHERE is_registered"))
    listed = warehouse.count("core.us_exporter") > 0
    return (has_insurance, registered, origin.monitor is not None, origin.export is not None, listed)
