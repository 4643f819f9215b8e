"""One row per enterprise: what its months, exports, forms, cases and peers say at the cutoff.

The result does not depend on the size of the buckets. Nothing here judges risk.
"""

from collections.abc import Sequence
from datetime import date

import polars as pl

from pipelines.lunar import month_of_ordinal
from pipelines.run import Receipt, Run
from pipelines.stages.features import parts, reach, reading, table
from pipelines.stages.features.masked import Masked
from pipelines.stages.features.panel import Origin, Panel
from pipelines.stages.features.passes import Part
from pipelines.stages.features.reading import BLOCK_SIZE, Bucket
from pipelines.stages.features.tonight import asked_of, tonight
from pipelines.warehouse import Warehouse
from pipelines.work import Engine

__all__ = ["compute", "run", "tonight", "training_panel"]


def run(run: Run, warehouse: Warehouse, *, engine: Engine | None = None) -> Receipt:
    """Write ``features.enterprise``; enterprises in, enterprises with an insurance row or a report out.

    Without an ``engine`` all is computed here.
    """
    with warehouse.transaction():
        if engine:
            written, enterprises = parts.compute(run, warehouse, tonight(run, warehouse), engine)
        else:
            frame, enterprises = compute(run, warehouse, bucket_size=BLOCK_SIZE)
            written = warehouse.store_in_file(parts.TABLE, frame, run.home.core / "features")
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
    night, enterprises = tonight(run, warehouse), warehouse.count("core.enterprise")
    part = Part(night.asked, warehouse, Bucket(0, enterprises), bucket_size=bucket_size)
    frames = list(night.rows(part, part.sums()))
    if not frames:
        return pl.DataFrame(schema=run.contracts.polars_schema("features.enterprise")), 0
    return pl.concat(frames, how="vertical_relaxed"), enterprises


def training_panel(
    run: Run, warehouse: Warehouse, origins: Sequence[Origin], *, minimum_insured: int, bucket_size: int = BLOCK_SIZE
) -> pl.DataFrame:
    """Rows of ``features.enterprise`` at each of ``origins``, with ``origin`` (its insurance month) before them.

    Only enterprises with ``minimum_insured`` insured persons at the origin. Each origin sees no month, no event and no
    report after it; of what lies before it, the versions of tonight.
    """
    definitions = reading.definitions_of(run, reference=max(origin.insurance for origin in origins))
    valid = definitions.source_valid_months
    everyone = Bucket(0, warehouse.count("core.enterprise"))
    part = Part(asked_of(run, warehouse, origins, definitions), warehouse, everyone, bucket_size=bucket_size)
    enterprises = [part.enterprises(date.fromordinal(origin.day)) for origin in origins]
    delivered = [reach.delivered(warehouse, origin, has_insurance=True) for origin in origins]
    columns = list(run.contracts.tables["features.enterprise"].columns)

    def rows(place: int, bucket: Bucket, panel: Panel, values: dict[str, Masked]) -> pl.DataFrame:
        origin, own = origins[place], bucket.part(enterprises[place], first_no=0)
        season = definitions.lunar.season(origin.insurance)
        found = table.rows(
            values, panel, own, origin=origin, delivered=delivered[place], season=season, valid_months=valid
        )
        month = pl.lit(month_of_ordinal(origin.insurance)).alias("origin")
        return found.filter(pl.col("insured_persons") >= minimum_insured).select(month, *columns)

    buckets = list(part.computed(part.sums(), rows))
    order = sorted(range(len(origins)), key=lambda place: origins[place].insurance)
    return pl.concat([bucket[place] for place in order for bucket in buckets], how="vertical_relaxed")
