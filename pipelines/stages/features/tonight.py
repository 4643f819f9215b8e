"""What a night asks of every enterprise, and the rows that come of it, for any part of the enterprises."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from pipelines.run import Run
from pipelines.stages.features import reach, reading, table
from pipelines.stages.features.coverage import coverage_of
from pipelines.stages.features.masked import Masked
from pipelines.stages.features.panel import Definitions, Origin, Panel
from pipelines.stages.features.passes import Asked, Part
from pipelines.stages.features.peers import Peers
from pipelines.stages.features.reading import Bucket
from pipelines.warehouse import Warehouse


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
        asked=asked_of(run, warehouse, (origin,), definitions),
        delivered=reach.delivered(warehouse, origin, has_insurance=has_insurance),
        season=definitions.lunar.season(origin.insurance),
        day=run.as_of,
        columns=tuple(run.contracts.tables["features.enterprise"].columns),
    )


def asked_of(run: Run, warehouse: Warehouse, origins: Sequence[Origin], definitions: Definitions) -> Asked:
    """What ``run`` asks at ``origins``, with what the city as a whole says of them."""
    return Asked(tuple(origins), definitions, run.parameters, coverage_of(warehouse, origins), run.threads)
