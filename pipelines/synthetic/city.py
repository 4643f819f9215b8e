"""What every department's writer works from: the plan of the city, who is linked to whom, and where files go.

Links are fixed for good: an employer that the grid company cannot tie to a code has no meter in any month.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property

import numpy as np
import polars as pl

from pipelines.synthetic.calibration import add_months, calibration, stream
from pipelines.synthetic.deliveries import Courier
from pipelines.synthetic.desk import Desk
from pipelines.synthetic.months import Diary
from pipelines.synthetic.population import NEVER, ORDINARY, Flags, Floats, Ints, Population
from pipelines.synthetic.shocks import Episodes
from pipelines.synthetic.signs import Signs
from pipelines.synthetic.trade import Trade


@dataclass(frozen=True)
class Links:
    """By employer: known to the meter roll, to the tax roll, active on the public job market, a key enterprise."""

    power: Flags
    tax: Flags
    job_market: Flags
    key: Flags


@dataclass(frozen=True)
class City:
    """The plan of a city of ``months`` months from ``first``; nothing is sent after ``last``."""

    people: Population
    trade: Trade
    episodes: Episodes
    signs: Signs
    diary: Diary
    links: Links
    festivals: tuple[date, ...]
    first: date
    months: int
    last: datetime
    seed: int
    courier: Courier

    @cached_property
    def codes(self) -> pl.Series:
        """Unified code of each employer."""
        return pl.Series(self.people.uscc, dtype=pl.String)

    @cached_property
    def unit_numbers(self) -> pl.Series:
        """Number of each insured unit."""
        return pl.Series(self.people.unit_no, dtype=pl.String)

    def stream(self, name: str) -> np.random.Generator:
        """Return the random numbers of one purpose."""
        return stream(self.seed, name)

    def desk(
        self,
        feed: str,
        word: str,
        *,
        encoding: str = "gb18030",
        units: Mapping[str, tuple[str, int]] | None = None,
        errors: Mapping[float, tuple[str, str]] | None = None,
        personal: tuple[str, ...] = (),
    ) -> Desk:
        """Open the desk of ``feed``, whose files begin with ``word``."""
        return Desk(
            self.courier,
            feed,
            word,
            self.months,
            self.last,
            self.seed,
            encoding=encoding,
            units=units or {},
            errors=errors or {},
            personal=personal,
        )

    def of_sections(self, table: Mapping[str, float]) -> Floats:
        """Value of each employer's section in ``table``, which has a default."""
        return np.array([table.get(section, table["default"]) for section in self.people.section])

    def festival_days(self, month: date) -> float:
        """Part of the days of ``month`` on which works stand still for the Spring Festival."""
        before, after = calibration()["festival_window"]
        length = (add_months(month, 1) - month).days
        still = 0
        for day in self.festivals:
            begin, end = day - timedelta(days=before), day + timedelta(days=after)
            still += max((min(end, month + timedelta(days=length)) - max(begin, month)).days, 0)
        return still / length


def plan_links(people: Population, *, seed: int) -> Links:
    """Draw who is known to whom."""
    rng, numbers, count = stream(seed, "links"), calibration(), people.enterprises
    shares, wanted = numbers["link_share"], numbers["key_enterprises"]
    known = {name: rng.random(count) < share for name, share in shares.items()}
    made = (np.array(people.section) == "C") & (people.staff >= wanted["least_staff"]) & (people.kind == ORDINARY)
    fit = np.flatnonzero(made & (people.birth < 0) & (people.death >= NEVER))
    key = np.zeros(count, dtype=bool)
    size = min(max(round(wanted["of_28000"] * count / 28_000), 5), len(fit))
    key[rng.choice(fit, size=size, replace=False)] = True
    return Links(known["power"], known["tax"], known["job_market"] & (people.staff >= 3), key)


def split(total: Ints, shares: tuple[float, ...], rng: np.random.Generator) -> list[Ints]:
    """Persons of ``total`` in each of the ``shares`` that follow one another; the rest in none."""
    parts, left, rest = [], total, 1.0
    for share in shares:
        taken = rng.binomial(left, min(share / rest, 1.0))
        parts.append(np.asarray(taken, dtype=np.int64))
        left, rest = left - taken, rest - share
    return parts
