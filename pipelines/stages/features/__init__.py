"""One row per enterprise: what its months, exports, forms, cases and peers say at the cutoff.

The result does not depend on the size of the buckets. Nothing here judges risk.
"""

from collections.abc import Sequence
from datetime import date

import polars as pl

from pipelines.contracts import read_sql
from pipelines.lunar import month_of_ordinal
from pipelines.run import Receipt, Run
from pipelines.stages.features import passes, reach, reading, table
from pipelines.stages.features.masked import Masked
from pipelines.stages.features.panel import Origin, Panel
from pipelines.stages.features.reading import BLOCK_SIZE, Bucket
from pipelines.warehouse import Warehouse


def run(run: Run, warehouse: Warehouse) -> Receipt:
    """Write ``features.enterprise``; enterprises in, enterprises with an insurance row or a report out."""
    with warehouse.transaction():
        frame, enterprises = compute(run, warehouse, bucket_size=BLOCK_SIZE)
        written = warehouse.store_in_file("features.enterprise", frame, run.home.core / "features")
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
    origin, has_insurance = reach.origin_of(run, warehouse)
    definitions = reading.definitions_of(run, reference=origin.insurance)
    valid = definitions.source_valid_months
    enterprises = _enterprises(run, warehouse, day=run.as_of)
    delivered = reach.delivered(warehouse, origin, has_insurance=has_insurance)
    season = definitions.lunar.season(origin.insurance)

    def rows(_: int, bucket: Bucket, panel: Panel, values: dict[str, Masked]) -> pl.DataFrame:
        part = bucket.part(enterprises)
        return table.rows(values, panel, part, origin=origin, delivered=delivered, season=season, valid_months=valid)

    frames = [
        frame
        for (frame,) in passes.computed(
            run,
            warehouse,
            enterprises,
            (origin,),
            definitions=definitions,
            bucket_size=bucket_size,
            finish=rows,
        )
    ]
    if not frames:
        return pl.DataFrame(schema=run.contracts.polars_schema("features.enterprise")), 0
    columns = list(run.contracts.tables["features.enterprise"].columns)
    return pl.concat(frames, how="vertical_relaxed").select(columns), enterprises.height


def training_panel(
    run: Run, warehouse: Warehouse, origins: Sequence[Origin], *, minimum_insured: int, bucket_size: int = BLOCK_SIZE
) -> pl.DataFrame:
    """Rows of ``features.enterprise`` at each of ``origins``, with ``origin`` (its insurance month) before them.

    Only enterprises with ``minimum_insured`` insured persons at the origin. Each origin sees no month, no event and no
    report after it; of what lies before it, the versions of tonight.
    """
    definitions = reading.definitions_of(run, reference=max(origin.insurance for origin in origins))
    valid = definitions.source_valid_months
    enterprises = [_enterprises(run, warehouse, day=date.fromordinal(origin.day)) for origin in origins]
    delivered = [reach.delivered(warehouse, origin, has_insurance=True) for origin in origins]
    columns = list(run.contracts.tables["features.enterprise"].columns)

    def rows(place: int, bucket: Bucket, panel: Panel, values: dict[str, Masked]) -> pl.DataFrame:
        origin, part = origins[place], bucket.part(enterprises[place])
        season = definitions.lunar.season(origin.insurance)
        found = table.rows(
            values, panel, part, origin=origin, delivered=delivered[place], season=season, valid_months=valid
        )
        month = pl.lit(month_of_ordinal(origin.insurance)).alias("origin")
        return found.filter(pl.col("insured_persons") >= minimum_insured).select(month, *columns)

    buckets = list(
        passes.computed(
            run,
            warehouse,
            enterprises[0],
            origins,
            definitions=definitions,
            bucket_size=bucket_size,
            finish=rows,
        )
    )
    order = sorted(range(len(origins)), key=lambda place: origins[place].insurance)
    return pl.concat([bucket[place] for place in order for bucket in buckets], how="vertical_relaxed")


def _enterprises(run: Run, warehouse: Warehouse, *, day: date) -> pl.DataFrame:
    """core.enterprise in order of number, with the commerce list of two years and the reports in force on ``day``."""
    listed = warehouse.frame(
        "SELECT DISTINCT enterprise_no, true AS is_listed FROM core.us_exporter WHERE year BETWEEN $first AND $last",
        first=day.year - 1,
        last=day.year,
    )
    notices = warehouse.frame(
        read_sql("features/read_notice"),
        as_of=day,
        notice_in_force_months=run.parameters["notice_in_force_months"],
    )
    base = warehouse.frame(
        "SELECT enterprise_no, industry_division, is_registered FROM core.enterprise ORDER BY enterprise_no"
    )
    joined = base.join(listed, on="enterprise_no", how="left", maintain_order="left").join(
        notices, on="enterprise_no", how="left", maintain_order="left"
    )
    return joined.with_columns(pl.col("is_listed").fill_null(value=False))
