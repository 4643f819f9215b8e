"""How far the projections of the caseload were off in the past of one published file: both ways, beside each other.

``python -m benchmarks.caseload PUBLISHED.duckdb`` prints a line per measure of the city: checks, mean error of the way
by the year before and of the way by the last three months, which is used, and in how many months a range of the earlier
checks alone (at least twelve, all of whose months had passed) held what came.
"""

import sys
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import polars as pl

from pipelines import lunar, parameters
from pipelines.explain import every
from pipelines.stages.outlook import caseload
from pipelines.warehouse import connect_published

QUERY = (
    "SELECT market_measure AS kind, market_detail AS grp, county_code, month, market_count AS persons "
    "FROM out.market_month WHERE market_measure IN ('申领失业保险金', '因裁减关闭申领', '新增登记失业', '重点群体招用')"
)
SCALE, LEAST = 6, 12


def held(ratios: tuple[float, ...]) -> str:
    """How often the range of the earlier checks held the next one, of how many."""
    told = []
    for place, ratio in enumerate(ratios):
        earlier = ratios[: max(0, place - caseload.HORIZON + 1)]
        if len(earlier) >= LEAST:
            told.append(min(earlier) <= ratio <= max(earlier))
    return f"{sum(told)}/{len(told)}"


def main(path: Path) -> None:
    """Print the table of ``path``."""
    with closing(connect_published(path)) as connection:
        as_of = every(connection, "SELECT as_of FROM out.edition")[0]["as_of"]
        rows = pl.DataFrame(every(connection, QUERY))
    known = parameters.load(as_of)
    calendar = lunar.calendar(
        known["spring_festival"], early_day=known["festival_early_day"], reference_year=as_of.year
    )
    for (kind, group), own in sorted(rows.partition_by("kind", "grp", as_dict=True).items()):
        months = sorted({lunar.ordinal(month) for month in rows.filter(pl.col("kind") == kind)["month"]})
        values = caseload.series(own, months, "", is_reported=kind in caseload.BY_COUNTY)
        by_year = partial(caseload.projected, values, back=calendar.months_back, scale_months=SCALE)
        ways: dict[str, Callable[[int], int | None]] = {"year": by_year, "recent": partial(caseload.flat, values)}
        origins = [at for at in values if all(way(at) for way in ways.values())]
        found = {name: caseload.past(values, origins, way) for name, way in ways.items()}
        used = caseload.guessed(values, months[-1], calendar.months_back, scale_months=SCALE, least_checks=LEAST)
        errors = " ".join(f"{name} {one.error:.1%}" for name, one in found.items() if one.error is not None)
        way = "year" if used.is_seasonal else "recent"
        print(f"{kind} {group}: {len(used.past.ratios)} checks, {errors}, used {way}, held {held(used.past.ratios)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
