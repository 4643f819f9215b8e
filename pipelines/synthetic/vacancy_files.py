"""Postings on the public job market, by those who use it: they stop first, before hiring does.

A posting names its posts, its wage and the field of the annex; nobody's postings are all there.
"""

from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np
import polars as pl

from pipelines.synthetic.calibration import add_months, calibration
from pipelines.synthetic.city import City
from pipelines.synthetic.deliveries import arrival
from pipelines.synthetic.desk import Desk
from pipelines.synthetic.months import Month
from pipelines.synthetic.population import Floats

FIELDS = {
    "C": "先进制造业",
    "I": "数字经济",
    "M": "数字经济",
    "G": "交通运输",
    "H": "生活服务",
    "O": "生活服务",
    "Q": "生活服务",
    "A": "农村基层",
}


@dataclass
class VacancyFiles:
    """Writes the postings of each month."""

    city: City
    desk: Desk = field(init=False)
    posted: int = 0

    def __post_init__(self) -> None:
        """Give everyone on the market its pace and its field."""
        city, numbers = self.city, calibration()["postings"]
        people = city.people
        self.rng = city.stream("vacancies")
        self.desk = city.desk(
            "vacancy",
            "企业招聘信息",
            errors={
                0.2: ("not_a_number", "posts"),
                0.36: ("odd_word", "job_field"),
                0.46: ("check_symbol", "enterprise_id"),
                0.6: ("twice", ""),
            },
        )
        pace = numbers["per_hire"] * people.turnover * people.staff + numbers["least"]
        self.pace = pace * city.links.job_market * np.exp(self.rng.normal(-0.08, 0.4, people.enterprises))
        self.fields = pl.Series([FIELDS.get(section, "其他") for section in people.section])

    def write(self, month: Month) -> None:
        """Deliver the postings opened in ``month``."""
        rows = self._rows(month, self._expected(month))
        self.posted += rows.height
        self.desk.send(
            rows,
            month.month,
            month.number,
            at=arrival(month.month, months_later=1, day=1, hour=11, minute=int(self.rng.integers(60))),
        )

    def _expected(self, month: Month) -> Floats:
        """Postings each employer would open: its pace, the season, and the signs that take them away."""
        depth = calibration()["signs"]["vacancies"]["depth"]
        sign = 1 - depth * self.city.signs.at(month.number)["vacancies"]
        season = 1 + self.city.people.season * np.cos(2 * np.pi * (month.month.month - 8) / 12)
        still = 1 - 0.6 * self.city.festival_days(month.month)
        after = 1.5 if self.city.festival_days(add_months(month.month, -1)) > 0 else 1.0
        calm = self.pace * season * still * after
        return np.asarray(np.clip(calm * sign * month.weight.hiring * month.alive, 0, None))

    def _rows(self, month: Month, expected: Floats) -> pl.DataFrame:
        people, numbers = self.city.people, calibration()["postings"]
        place = np.repeat(np.arange(people.enterprises), self.rng.poisson(expected))
        count = len(place)
        length = (add_months(month.month, 1) - month.month).days
        opened = [month.month + timedelta(days=int(d)) for d in self.rng.integers(0, length, count)]
        low, high = numbers["days"]
        closed = [
            day + timedelta(days=int(d)) for day, d in zip(opened, self.rng.integers(low, high, count), strict=True)
        ]
        posts = self.rng.poisson(np.minimum(numbers["posts"] + people.staff[place] / 60, 60)) + 1
        wage = np.round(people.base_yuan[place] * self.rng.uniform(0.6, 0.9, count), -2).astype(np.int64)
        given = pl.Series(self.rng.random(count) < 0.85)
        return pl.DataFrame(
            {
                "posting_no": [f"ZP{month.month:%Y%m}{n:08d}" for n in range(self.posted + 1, self.posted + count + 1)],
                "enterprise_id": self.city.codes.gather(place),
                "posted_on": pl.Series(opened, dtype=pl.Date),
                "posting_closed_on": pl.Series(closed, dtype=pl.Date),
                "posts": posts,
                "county_code": pl.Series(people.county_codes).gather(people.county[place]),
                "job_field": self.fields.gather(place),
                "wage_low_fen": wage * 100,
                "wage_high_fen": np.round(wage * self.rng.uniform(1.1, 1.7, count), -2).astype(np.int64) * 100,
            },
            schema_overrides={"posting_no": pl.String},
        ).with_columns(
            posting_closed_on=pl.when(given).then("posting_closed_on"), job_field=pl.when(given).then("job_field")
        )
