"""Names without a code: how many are led to the right enterprise, against what was planted, and what a city costs.

    python -m benchmarks.identity --work DIR [--parts planted,city] [--enterprises 5000] [--months 36] [--seeds 1,2]

``planted`` generates cities in which 4 % of the insured units and of the cases give a name only, as clerks write it,
lets the stages ingest and core read them, and holds the links against the truth. ``city`` names 150 thousand
employers by three departments, and compares them with the 150 thousand known, in a fresh process.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb
import numpy as np
import polars as pl

from benchmarks.measure import ROOT, Figure, measured, printed
from pipelines import demo, nightly
from pipelines.means import Means
from pipelines.run import add_months
from pipelines.settings import Home
from pipelines.synthetic.calibration import calibration, stream
from pipelines.synthetic.clerks import written
from pipelines.synthetic.population import populate

UNTIL = date(2026, 10, 1)
CITY = 150_000
SOURCES = (
    ("参保单位", "raw.insured_unit", "unit_no", "units", "unit_no"),
    ("劳动保障诉求", "raw.wage_complaint", "case_no", "complaints", "number"),
    ("劳动仲裁", "raw.arbitration", "arbitration_no", "disputes", "number"),
)


@dataclass(frozen=True)
class Found:
    """Names of one source: how many, of enterprises that some delivery had named, led somewhere, led rightly."""

    source: str
    names: int
    known: int
    linked: int
    right: int

    @property
    def precision(self) -> float:
        """Share of the links that are right; 1 where there are none."""
        return self.right / self.linked if self.linked else 1.0

    @property
    def recall(self) -> float:
        """Share of the names that are rightly linked, of those whose enterprise some delivery names with a code."""
        return self.right / self.known if self.known else 1.0

    @property
    def recall_of_all(self) -> float:
        """The same of all names, those that nothing could lead anywhere among them."""
        return self.right / self.names if self.names else 1.0


def played(root: Path, *, enterprises: int, months: int, seed: int) -> Path:
    """A home in ``root`` that has read a generated city as far as the core; gives the folder of the city."""
    home = Home(root)
    demo.make_home(home, city="模拟市", simulated=True)
    night = add_months(UNTIL, 1).replace(day=demo.NIGHT_DAY)
    cutoff = datetime.combine(night, datetime.min.time().replace(hour=2))
    means = Means(home=home, now=cutoff, threads=2)
    spec = demo.CitySpec(enterprises=enterprises, months=months, until=UNTIL, seed=seed)
    demo.generate_city(means, root / "city", spec)
    nightly.play(means, schedule=root / "city" / "deliveries.csv", until=cutoff)
    for stage in ("ingest", "core"):
        nightly.step(means, name=stage, as_of=night, cutoff=cutoff)
    return root / "city"


def judged(root: Path, city: Path) -> Iterator[Found]:
    """The links in the working file of ``root`` against the truth of ``city``, by source."""
    with closing(duckdb.connect(str(Home(root).warehouse), read_only=True)) as connection:
        for label, raw, key, truth, own in SOURCES:
            path = city / "truth" / f"{truth}.parquet"
            [row] = connection.execute(
                f"WITH named AS (SELECT DISTINCT {key} AS own, name_key FROM {raw} WHERE name_key IS NOT NULL) "
                "SELECT count(*), count(k.enterprise_id), count(n.enterprise_id), "
                "count(*) FILTER (n.enterprise_id = t.uscc) FROM named "
                f"JOIN read_parquet('{path}') AS t ON t.{own} = named.own "
                "LEFT JOIN core.name_link AS n USING (name_key) "
                "LEFT JOIN (SELECT DISTINCT enterprise_id FROM core.known_name) AS k ON k.enterprise_id = t.uscc"
            ).fetchall()
            yield Found(label, *row)


def city(arguments: dict[str, int]) -> Figure:
    """Seconds and memory of leading the names of three departments to a city's enterprises."""
    from pipelines import names  # noqa: PLC0415
    from pipelines.stages.core import naming  # noqa: PLC0415

    size, named = arguments["enterprises"], arguments["names"]
    people = populate(size, months=36, first=add_months(UNTIL, -35), seed=1)
    counties, rng = calibration()["counties"], stream(1, "benchmark")
    code = [people.county_codes[place] for place in people.county.tolist()]
    known = pl.DataFrame(
        {"enterprise_id": people.uscc, "enterprise_name": people.name, "county_code": code},
    ).with_columns(
        address=pl.lit(None, pl.String),
        name_basis=pl.lit("登记名称"),
        established_on=pl.lit(None, pl.Date),
        has_unit=False,
    )
    places = np.concatenate([rng.choice(size, size=named // 3, replace=False) for _ in range(3)]).tolist()
    texts, _ = written([people.name[place] for place in places], rng)
    told = pl.DataFrame(
        {"named_as": texts, "county_code": [code[place] for place in places], "truth": [people.uscc[p] for p in places]}
    ).with_columns(
        name_key=pl.concat_str("named_as", pl.lit("|"), "county_code", pl.lit("|")),
        address=pl.lit(None, pl.String),
        valid_from=pl.lit(None, pl.Date),
        is_unit=False,
    )
    asked = told.drop("truth").unique("name_key", maintain_order=True)
    gazetteer = names.Gazetteer.of(["连云港市"], [(c["name"], c["word"]) for c in counties.values()])

    def work() -> dict[str, object]:
        links, queue = naming.resolve(asked, known, gazetteer, least=-8.0, enough=0.0, margin=3.0)
        right = told.join(links.select("name_key", "enterprise_id"), on="name_key", how="inner")
        good = int((right["truth"] == right["enterprise_id"]).sum())
        return {
            "names": told.height,
            "queued": queue["name_key"].n_unique(),
            "precision": round(good / right.height, 5),
            "recall": round(good / told.height, 4),
        }

    return measured("identity of a city", work)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print a Markdown table for each part."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--parts", default="planted,city")
    parser.add_argument("--enterprises", type=int, default=5_000)
    parser.add_argument("--months", type=int, default=36)
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.inside:
        print(printed(city(json.loads(given.inside))))
        return
    if "planted" in given.parts:
        print(
            "| seed | source | names | of known enterprises | linked | precision | recall | of all |\n"
            + "| --- " * 8
            + "|"
        )
        for seed in map(int, given.seeds.split(",")):
            root = given.work / f"identity-{given.enterprises}x{given.months}-{seed}"
            for found in judged(root, played(root, enterprises=given.enterprises, months=given.months, seed=seed)):
                print(
                    f"| {seed} | {found.source} | {found.names} | {found.known} | {found.linked} | "
                    f"{found.precision:.4f} | {found.recall:.4f} | {found.recall_of_all:.4f} |",
                    flush=True,
                )
    if "city" in given.parts:
        said = json.dumps({"enterprises": CITY, "names": CITY})
        command = [sys.executable, "-m", "benchmarks.identity", "--work", str(given.work), "--inside", said]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
        figure = json.loads(done.stdout.splitlines()[-1])
        spent = f"{figure['seconds']:.1f} s, {figure['cpu_seconds']:.1f} CPU s, {figure['peak_megabytes']} MB"
        print(f"\n{spent}: {figure['detail']}")


if __name__ == "__main__":
    main()
