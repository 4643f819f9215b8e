"""Cases about employers: the few that come anyhow, and the waves that follow a cut.

A case is drawn here without its looks; the feed that files it gives those.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl

from pipelines.synthetic import clerks
from pipelines.synthetic.calibration import add_months, calibration
from pipelines.synthetic.city import City
from pipelines.synthetic.desk import Desk
from pipelines.synthetic.months import Month
from pipelines.synthetic.population import Floats, Ints


@dataclass(frozen=True)
class Wave:
    """Cases that follow episodes, by position: month, employer, part of those cut who take part, episode."""

    month: Ints
    place: Ints
    part: Floats
    episode: Ints

    def at(self, month: int) -> "Wave":
        """Those of ``month``."""
        chosen = self.month == month
        return Wave(self.month[chosen], self.place[chosen], self.part[chosen], self.episode[chosen])


def plan_wave(city: City, habits: Mapping[str, Any], *, begins: int, rng: np.random.Generator) -> Wave:
    """Draw the cases of every episode, few of one that came to nothing, the first ``begins`` months after its event."""
    episodes = city.episodes
    chance = np.where(episodes.closes, habits["closing_share"], habits["share"])
    chance = np.where(episodes.real, chance, habits["false_share"])
    struck = np.flatnonzero(rng.random(len(episodes)) < chance)
    cases = 1 + rng.poisson(habits["cases"], len(struck))
    of_case = np.repeat(struck, cases)
    months = np.array(habits["months"], dtype=float)
    low, high = np.array(habits["part"], dtype=float)
    offset = begins + rng.choice(len(months), size=len(of_case), p=months / months.sum())
    return Wave(
        episodes.event[of_case] + offset,
        episodes.enterprise[of_case],
        episodes.share[of_case] * rng.uniform(low, high, len(of_case)),
        of_case,
    )


@dataclass
class CaseFiles:
    """Draws the cases of both feeds month by month; a feed tells how a case looks."""

    city: City
    name: str
    begins: int
    desk: Desk = field(init=False)
    wave: Wave = field(init=False)
    filed: list[pl.DataFrame] = field(default_factory=list)

    def _plan(self) -> None:
        self.rng = self.city.stream(self.name)
        self.names = self.city.stream(f"{self.name}_names")
        self.habits = calibration()[self.name]
        self.wave = plan_wave(self.city, self.habits, begins=self.begins, rng=self.rng)
        self.usual = self.habits["rate"] * np.sqrt(np.maximum(self.city.people.staff, 1))

    def _cases(self, month: Month, rate: Floats) -> pl.DataFrame:
        """Cases of ``month``: place, persons, episode (null for ordinary ones), day, whether the code is given."""
        people, wave = self.city.people, self.wave.at(month.number)
        rate = rate * (people.of_units(month.insured) > 0) * month.alive
        place = np.repeat(np.arange(people.enterprises), self.rng.poisson(rate))
        count = len(place) + len(wave.place)
        few = np.minimum(self.rng.geometric(0.55, len(place)), np.maximum(people.staff[place], 1))
        many = np.maximum(np.round(wave.part * people.staff[wave.place]), 1)
        length = (add_months(month.month, 1) - month.month).days
        return (
            pl.DataFrame(
                {
                    "place": np.concatenate([place, wave.place]),
                    "persons": np.concatenate([few, many]).astype(np.int64),
                    "episode": pl.Series([None] * len(place) + wave.episode.tolist(), dtype=pl.Int64),
                    "day": [month.month + timedelta(days=int(d)) for d in self.rng.integers(0, length, count)],
                    "coded": self.rng.random(count) >= calibration()["name_only_share"],
                    "draw": self.rng.random(count),
                },
                schema_overrides={"day": pl.Date},
            )
            .sort("day", "place", maintain_order=True)
            .with_row_index("serial", offset=1 + sum(frame.height for frame in self.filed))
        )

    def _named(self, cases: pl.DataFrame, month: Month) -> tuple[pl.Series, pl.Series]:
        """What each case calls its employer, and the county that it is said to be in.

        Where a case gives the code the name is the one in force; else it is as some clerk wrote it, the old one too.
        """
        people, place = self.city.people, cases["place"].to_numpy()
        renamed = people.renamed[place] <= month.number
        old = self.names.random(len(place)) < calibration()["old_name_share"]
        names = [
            people.new_name[at] if is_new and not (stale and not coded) else people.name[at]
            for at, is_new, stale, coded in zip(place.tolist(), renamed, old, cases["coded"], strict=True)
        ]
        texts, _ = clerks.written(names, self.names)
        told = [text if not coded else name for text, name, coded in zip(texts, names, cases["coded"], strict=True)]
        counties = [people.county_codes[county] for county in people.county[place].tolist()]
        return pl.Series(told, dtype=pl.String), pl.Series(counties, dtype=pl.String)

    def _codes(self, cases: pl.DataFrame) -> pl.Series:
        codes = self.city.codes.gather(cases["place"])
        return pl.select(pl.when(cases["coded"]).then(codes)).to_series()

    def _keep(self, cases: pl.DataFrame, numbers: pl.Series) -> None:
        uscc = self.city.codes.gather(cases["place"])
        self.filed.append(
            cases.select(
                numbers.alias("number"), uscc.alias("uscc"), pl.col("day").alias("on"), "persons", "episode", "coded"
            )
        )

    def _claimed(self, cases: pl.DataFrame, months: float) -> Ints:
        """Fen claimed: about so many ``months`` of wages of those who take part."""
        wage = self.city.people.base_yuan[cases["place"].to_numpy()]
        yuan = cases["persons"].to_numpy() * wage * months * (0.6 + 0.8 * cases["draw"].to_numpy())
        return np.asarray(np.round(yuan), dtype=np.int64) * 100
