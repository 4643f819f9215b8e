"""One row per enterprise: what its months, exports, forms, cases and peers say at the cutoff.

The result does not depend on the size of the buckets. Nothing here judges risk.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from pipelines.lunar import month_of_ordinal
from pipelines.run import Receipt, Run
from pipelines.stages.features import reach, reading, table
from pipelines.stages.features.coverage import coverage_of
from pipelines.stages.features.masked import Masked
from pipelines.stages.features.panel import Definitions, Origin, Panel
from pipelines.stages.features.passes import Asked, Part
from pipelines.stages.features.peers import Peers
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
    asked, enterprises = tonight(run, warehouse), warehouse.count("core.enterprise")
    part = Part(asked.asked, warehouse, Bucket(0, enterprises), bucket_size=bucket_size)
    frames = list(asked.rows(part, part.sums()))
    if not frames:
        return pl.DataFrame(schema=run.contracts.polars_schema("features.enterprise")), 0
    return pl.concat(frames, how="vertical_relaxed"), enterprises


@dataclass(frozen=True)
class Tonight:
    """What a night asks of every enterprise, and what its rows say of the city; small, without rows."""

    asked: Asked
    delivered: Mapping[str, bool]
    season: str
    day: date
    columns: tuple[str, ...]

    def rows(self, part: Part, sums: Sequence[Peers]) -> Iterator[pl.DataFrame]:
        """The rows of ``features.enterprise`` of ``part``, bucket after bucket; ``sums`` are those of all parts."""
        enterprises = part.enterprises(self.day)
        (origin,), valid = self.asked.origins, self.asked.definitions.source_valid_months

        def finish(_: int, bucket: Bucket, panel: Panel, values: dict[str, Masked]) -> pl.DataFrame:
            return table.rows(
                values,
                panel,
                bucket.part(enterprises, first_no=part.within.first_no),
                origin=origin,
                delivered=self.delivered,
                season=self.season,
                valid_months=valid,
            ).select(self.columns)

        return (frame for (frame,) in part.computed(sums, finish))


def tonight(run: Run, warehouse: Warehouse) -> Tonight:
    """What tonight asks, and of what the city as a whole has spoken."""
    origin, has_insurance = reach.origin_of(run, warehouse)
    definitions = reading.definitions_of(run, reference=origin.insurance)
    return Tonight(
        asked=_asked(run, warehouse, (origin,), definitions),
        delivered=reach.delivered(warehouse, origin, has_insurance=has_insurance),
        season=definitions.lunar.season(origin.insurance),
        day=run.as_of,
        columns=tuple(run.contracts.tables["features.enterprise"].columns),
    )


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
    part = Part(_asked(run, warehouse, origins, definitions), warehouse, everyone, bucket_size=bucket_size)
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


def _asked(run: Run, warehouse: Warehouse, origins: Sequence[Origin], definitions: Definitions) -> Asked:
    return Asked(tuple(origins), definitions, run.parameters, coverage_of(warehouse, origins), run.threads)
