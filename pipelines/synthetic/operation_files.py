"""How employers run: meters, tax returns, and the order books of key enterprises.

A level of its own for each employer, its staff, the season and the festival make what is normal; signs take from it.
Who has no link is missing in every month, and who has ended is heard of for two months more.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from pipelines.synthetic.calibration import calibration
from pipelines.synthetic.city import City
from pipelines.synthetic.deliveries import arrival
from pipelines.synthetic.desk import Desk
from pipelines.synthetic.months import Month
from pipelines.synthetic.population import Flags, Floats, Ints
from pipelines.synthetic.trade import us_level

HEARD_OF = 2
STATES = ("正常用电", "减容", "暂停", "销户")
POWER_COLUMNS = ("account_no", "enterprise_id", "month", "power_kwh", "power_state", "unpaid_power_fen")
TAX_COLUMNS = ("enterprise_id", "month", "invoiced_fen", "payroll_persons", "payroll_fen", "is_zero_vat")


@dataclass
class Ends:
    """Remembers since when employers are no more."""

    since: Ints
    alive: Flags

    @classmethod
    def of(cls, city: City) -> "Ends":
        """Nobody has ended before the first month."""
        count = city.people.enterprises
        return cls(np.full(count, -1, dtype=np.int64), np.zeros(count, dtype=bool))

    def see(self, month: Month) -> Ints:
        """Months since the end of each employer: 0 in its first month without, -1 while it lives or is unborn."""
        ending = self.alive & ~month.alive
        self.since = np.where(ending, 0, np.where(self.since >= 0, self.since + 1, -1))
        self.alive = month.alive
        return self.since


@dataclass
class PowerFiles:
    """Writes the grid company's file, one row a meter."""

    city: City
    desk: Desk = field(init=False)

    def __post_init__(self) -> None:
        """Give every linked employer its meters, its usual draw, and what it does when it needs less."""
        city, numbers = self.city, calibration()
        people, count = city.people, city.people.enterprises
        self.rng = city.stream("power")
        self.desk = city.desk(
            "power_month",
            "企业月度用电",
            errors={
                0.12: ("check_symbol", "enterprise_id"),
                0.25: ("negative", "power_kwh"),
                0.38: ("late", ""),
                0.46: ("not_a_number", "power_kwh"),
                0.62: ("full_width", "power_kwh"),
            },
        )
        spread = np.exp(self.rng.normal(0, numbers["kwh_spread"][0], count))
        self.usual = city.of_sections(numbers["kwh_per_person"]) * spread
        self.still = city.of_sections(numbers["festival_loss"]["power"])
        self.suspends = self.rng.random(count) < 0.4
        second = city.links.power & (people.staff >= 100) & (self.rng.random(count) < numbers["second_account_share"])
        self.owner = np.concatenate([np.flatnonzero(city.links.power), np.flatnonzero(second)])
        part = np.where(second, self.rng.uniform(0.5, 0.85, count), 1.0)
        self.part = np.concatenate([part[city.links.power], (1 - part)[second]])
        self.account = pl.Series([f"3207{1_000_000 + place * 37:08d}" for place in range(len(self.owner))])
        self.ends = Ends.of(city)

    def write(self, month: Month) -> None:
        """Deliver the meters of ``month``."""
        since = self.ends.see(month)
        rows, final = self._rows(month, since)
        quarter = month.month.month % 3 == 0
        self.desk.send(
            rows,
            month.month,
            month.number,
            at=arrival(month.month, months_later=1, day=3, hour=8, minute=int(self.rng.integers(60))),
            units={"power_kwh": ("万千瓦时", 4) if quarter else ("千瓦时", 0)},
            revised=final,
        )

    def _rows(self, month: Month, since: Ints) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Meters as first read, and those estimated too high at first as they were read later."""
        numbers, weight = calibration()["power_habits"], self.city.signs.at(month.number)
        kwh = self._draw(month, weight["power"], since)
        state, unpaid = self._habits(month, weight, since)
        owner, chance = self.owner, self.rng.random(len(self.owner))
        drawn = np.round(kwh[owner] * self.part).astype(np.int64)
        bill = drawn * calibration()["power_price_fen"]
        frame = pl.DataFrame(
            {
                "account_no": self.account,
                "enterprise_id": self.city.codes.gather(owner),
                "month": pl.Series([month.month]).new_from_index(0, len(owner)),
                "power_kwh": drawn,
                "power_state": pl.Series(STATES).gather(state[owner]),
                "unpaid_power_fen": np.where(unpaid[owner], bill, 0),
                "_estimated": (chance < numbers["estimated"]) & (drawn > 100),
            }
        ).filter(pl.Series((month.alive | ((since >= 0) & (since < HEARD_OF)))[owner]))
        final = frame.filter("_estimated").select(POWER_COLUMNS)
        guess = pl.when("_estimated").then(pl.col("power_kwh") * 5 // 4).otherwise("power_kwh").alias("power_kwh")
        return frame.with_columns(guess).select(POWER_COLUMNS), final

    def _draw(self, month: Month, sign: Floats, since: Ints) -> Floats:
        people, numbers = self.city.people, calibration()
        fixed = numbers["fixed_power"]
        size = fixed * people.staff + (1 - fixed) * people.of_units(month.insured)
        season = numbers["power_of_month"][month.month.month - 1] * (
            1 - self.still * self.city.festival_days(month.month)
        )
        noise = np.exp(self.rng.normal(0, numbers["kwh_spread"][1], people.enterprises))
        sinking = 1 - numbers["signs"]["power"]["depth"] * sign
        rest = np.where(since >= 0, numbers["power_habits"]["after_end"], 1.0)
        return np.asarray(self.usual * size * season * noise * sinking * rest)

    def _habits(self, month: Month, weight: Mapping[str, Floats], since: Ints) -> tuple[Ints, Flags]:
        """State of each employer's contract, and whether its bill is unpaid."""
        people, numbers = self.city.people, calibration()["power_habits"]
        draw = self.rng.random((2, people.enterprises))
        large = people.staff >= 10
        less = (weight["suspension"] > 0.3) | (draw[0] < numbers["reduced"])
        state = np.where(since == HEARD_OF - 1, 3, np.where(less & large, np.where(self.suspends, 2, 1), 0))
        unpaid = (draw[1] < numbers["unpaid"]) | (
            draw[1] < 0.5 * np.maximum(month.weight.arrears, weight["suspension"])
        )
        return state, unpaid


@dataclass
class TaxFiles:
    """Writes the tax bureau's file, one row an employer."""

    city: City
    desk: Desk = field(init=False)

    def __post_init__(self) -> None:
        """Give every taxed employer its usual turnover and its habits of filing."""
        city, numbers = self.city, calibration()
        count = city.people.enterprises
        self.rng = city.stream("tax")
        self.desk = city.desk(
            "tax_month",
            "税收月度信息",
            errors={
                0.14: ("not_a_number", "invoiced_fen"),
                0.28: ("twice", ""),
                0.36: ("check_symbol", "enterprise_id"),
                0.48: ("thousands", "invoiced_fen"),
                0.56: ("negative", "payroll_persons"),
                0.66: ("late", ""),
            },
        )
        spread = np.exp(self.rng.normal(0, numbers["invoice_spread"][0], count))
        self.usual = city.of_sections(numbers["yuan_per_person"]) * spread
        self.still = city.of_sections(numbers["festival_loss"]["invoices"])
        mean, deviation = numbers["payroll_bias"]
        self.bias = 1 + self.rng.normal(mean, deviation, count)
        habit = numbers["zero_months"]
        silent = (city.people.staff < 10) & (self.rng.random(count) < habit["share"])
        self.zero = np.where(silent, self.rng.uniform(habit["from"], habit["to"], count), 0.0)
        self.exports = 0.5 * city.trade.us_share
        self.ends = Ends.of(city)

    def write(self, month: Month) -> None:
        """Deliver the returns of ``month``."""
        since = self.ends.see(month)
        chosen = np.flatnonzero(self.city.links.tax & (month.alive | ((since >= 0) & (since < HEARD_OF))))
        final = self._rows(month, since).select(pl.all().gather(chosen))
        low = pl.Series(self.rng.random(len(chosen)) < calibration()["tax_revised"]) & (final["invoiced_fen"] > 0)
        less = pl.when(low).then(pl.col("invoiced_fen") * 3 // 4).otherwise("invoiced_fen").alias("invoiced_fen")
        quarter = month.month.month % 3 == 0
        self.desk.send(
            final.with_columns(less),
            month.month,
            month.number,
            at=arrival(month.month, months_later=1, day=17, hour=17, minute=int(self.rng.integers(60))),
            units={"invoiced_fen": ("万元", 6) if quarter else ("元", 2)},
            revised=final.filter(low),
        )

    def _rows(self, month: Month, since: Ints) -> pl.DataFrame:
        people, numbers = self.city.people, calibration()
        weight = self.city.signs.at(month.number)
        staff = people.of_units(month.insured)
        invoiced = np.round(self._turnover(month, weight["invoices"], staff) * (since < 0)).astype(np.int64) * 100
        part = self.bias * (1 - numbers["signs"]["payroll"]["depth"] * weight["payroll"])
        persons = np.round(staff * part + self.rng.normal(0, 0.3, people.enterprises)).astype(np.int64)
        persons = np.maximum(persons, (staff > 0).astype(np.int64))
        bonus = 1.25 if month.month.month == 1 else 1.0
        wage = people.base_yuan * 1.08 * month.weight.base * bonus
        return pl.DataFrame(
            {
                "enterprise_id": self.city.codes,
                "month": pl.Series([month.month]).new_from_index(0, people.enterprises),
                "invoiced_fen": invoiced,
                "payroll_persons": persons,
                "payroll_fen": np.round(persons * wage).astype(np.int64) * 100,
                "is_zero_vat": invoiced == 0,
            }
        ).select(TAX_COLUMNS)

    def _turnover(self, month: Month, sign: Floats, staff: Ints) -> Floats:
        people, numbers = self.city.people, calibration()
        season = numbers["invoice_of_month"][month.month.month - 1] * (
            1 - self.still * self.city.festival_days(month.month)
        )
        spread = np.where(people.staff < 20, numbers["invoice_spread"][1], numbers["invoice_spread"][2])
        noise = np.exp(self.rng.normal(0, 1, people.enterprises) * spread)
        files = self.rng.random(people.enterprises) >= self.zero
        abroad = 1 - self.exports * (1 - min(us_level(month.month), 1.0))
        size = 0.4 * people.staff + 0.6 * staff
        return np.asarray(
            self.usual * size * season * noise * files * abroad * (1 - numbers["signs"]["invoices"]["depth"] * sign)
        )
