"""How early signs are seen that gather in a county's industry: alarms against the clusters planted in a generated city.

    python -m benchmarks.area_alarms --work DIR [--enterprises 20000] [--months 36] [--clusters 14] [--seeds 1 2 3]

One night a month by the nightly job, its ``outlook.area`` kept. A cluster comes true in the month in which the fifth
large loss (50 persons, or 30 % and 20 persons) within three months falls on one county and industry, planted or not. An
alarm is a stretch of nights at level IV. It is right where a cluster comes true from three months before its first
night to six after it; by chance as many areas and nights would be right as the last figure says. A cluster is foreseen
where an alarm began in its month or up to six before, and the lead is the months between. Clusters count from the
third night on which any index was given.
"""

import argparse
import itertools
import statistics
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import polars as pl

from benchmarks import homes
from pipelines import nightly
from pipelines.demo import NIGHT_DAY, CitySpec
from pipelines.ledger import Ledger
from pipelines.run import add_months, months_between

FIRST_NIGHT = 9
LINE, WITHIN = 5, 3
LATE, AHEAD = 3, 6
BETWEEN = 3
"""Nights without the level that still belong to one alarm."""
AREAS = "SELECT county_code, industry_division, sign_index, area_level FROM outlook.area WHERE area_kind = '县区行业'"
Cell = tuple[str, str]


@dataclass(frozen=True)
class Alarm:
    """First and last night of one alarm, by the first day of their months."""

    cell: Cell
    first: date
    last: date


def main() -> None:
    """Play the nights that are not there yet, then print what came of their alarms."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--enterprises", type=int, default=20_000)
    parser.add_argument("--months", type=int, default=36)
    parser.add_argument("--clusters", type=int, default=14)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    given = parser.parse_args()
    for seed in given.seeds:
        spec = CitySpec(given.enterprises, given.months, homes.UNTIL, seed, given.clusters)
        root = given.work.resolve() / f"{given.enterprises}x{given.months}-{given.clusters}-{seed}"
        where = homes.Place(root, spec)
        for line in told(seed, play(where), where.city / "truth"):
            print(line, flush=True)


def play(where: homes.Place) -> Mapping[date, pl.DataFrame]:
    """The areas of each monthly night, by the first day of its month."""
    homes.generate(where)
    means = homes.new_home(where.root / "home")
    done = {record.as_of for record in Ledger(means.home.ledger).editions()}
    found = {}
    for number in range(FIRST_NIGHT, where.spec.months + 1):
        month = add_months(where.spec.first_month, number)
        night, path = month.replace(day=NIGHT_DAY), where.root / f"areas-{month}.parquet"
        if night not in done:
            now = homes.at(means, night)
            nightly.play(now, schedule=where.schedule, until=homes.cutoff(night))
            nightly.run(now, as_of=night, cutoff=homes.cutoff(night))
            with closing(duckdb.connect(str(means.home.warehouse), read_only=True)) as connection:
                connection.sql(AREAS).pl().write_parquet(path)
        found[month] = pl.read_parquet(path)
    return found


def told(seed: int, areas: Mapping[date, pl.DataFrame], truth: Path) -> Iterator[str]:
    """Precision, recall, lead, and false alarms by county and year."""
    judged = [month for month in sorted(areas) if areas[month]["sign_index"].count()]
    begin, end = add_months(judged[0], 2), judged[-1]
    true = crossings(truth)
    found = list(alarms(areas))
    right = [alarm for alarm in found if any(_answers(alarm, month) for month in true.get(alarm.cell, ()))]
    wanted = [(cell, month) for cell, months in true.items() for month in months if begin <= month <= end]
    planted = _planted(truth)
    leads = []
    for cell, month in wanted:
        early = [a for a in found if a.cell == cell and a.first <= month <= add_months(a.first, AHEAD)]
        leads += [months_between(early[0].first, month)] if early else []
    counties = areas[end]["county_code"].n_unique()
    false = len(found) - len(right)
    scanned = [
        Alarm((county, division), month, month)
        for month in judged
        for county, division, index, _ in areas[month].iter_rows()
        if index is not None
    ]
    lucky = sum(any(_answers(one, month) for month in true.get(one.cell, ())) for one in scanned)
    years = len(judged) / 12
    yield (
        f"seed {seed}: {len(judged)} nights judged; alarms {len(found)}, right {len(right)} "
        f"(precision {len(right) / max(len(found), 1):.2f}); clusters {len(wanted)}, planted "
        f"{sum(cell in planted for cell, _ in wanted)}, foreseen {len(leads)} "
        f"(recall {len(leads) / max(len(wanted), 1):.2f}); "
        f"lead median {statistics.median(leads) if leads else 'none'} {sorted(leads)}; "
        f"false alarms a county and year {false / counties / years:.2f}; "
        f"right by chance {lucky / max(len(scanned), 1):.2f}"
    )


def crossings(truth: Path) -> Mapping[Cell, Sequence[date]]:
    """By county and division the months in which a cluster comes true."""
    divisions = pl.col("industry_code").str.slice(1, 2).alias("division")
    places = pl.read_parquet(truth / "enterprises.parquet").select("uscc", "county_code", divisions)
    events = pl.read_parquet(truth / "events.parquet").join(places, on="uscc")
    is_large = (pl.col("persons") >= 50) | (
        (pl.col("persons") * 100 >= 30 * pl.col("staff_before")) & (pl.col("persons") >= 20)
    )
    months = defaultdict(list)
    for county, division, month in events.filter(is_large).select("county_code", "division", "month").iter_rows():
        months[county, division].append(month)
    return {cell: list(_lines_reached(sorted(own))) for cell, own in sorted(months.items())}


def _lines_reached(months: Sequence[date]) -> Iterator[date]:
    told: date | None = None
    for first, last in zip(months, itertools.islice(months, LINE - 1, None), strict=False):
        if months_between(first, last) < WITHIN and (told is None or months_between(told, last) > WITHIN):
            told = last
            yield last


def alarms(areas: Mapping[date, pl.DataFrame]) -> Iterator[Alarm]:
    """Stretches of nights at a level."""
    nights = defaultdict(list)
    for month in sorted(areas):
        for county, division, _, level in areas[month].iter_rows():
            if level not in (None, "无"):
                nights[county, division].append(month)
    for cell, months in sorted(nights.items()):
        first = last = months[0]
        for month in months[1:]:
            if months_between(last, month) > BETWEEN:
                yield Alarm(cell, first, last)
                first = month
            last = month
        yield Alarm(cell, first, last)


def _answers(alarm: Alarm, month: date) -> bool:
    return add_months(alarm.first, -LATE) <= month <= add_months(alarm.first, AHEAD)


def _planted(truth: Path) -> set[Cell]:
    rows = pl.read_parquet(truth / "clusters.parquet").select("county_code", "industry_division").unique()
    return {(county, division) for county, division in rows.iter_rows()}


if __name__ == "__main__":
    main()
