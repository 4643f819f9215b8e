"""The monthly insurance roll: late months, rows that come later, repeated files and the typing errors of a busy office.

What a later file says is the final word; each error put in on purpose is written down with file and line.
"""

from dataclasses import dataclass, field
from datetime import date, datetime

import numpy as np
import polars as pl

from pipelines.synthetic.calibration import add_months, calibration
from pipelines.synthetic.deliveries import Courier, arrival, full_width, text_of, yuan
from pipelines.synthetic.months import INSURANCES, Month
from pipelines.synthetic.population import Population

FEED = "insurance_month"
MONEY = ("base_fen", *(f"{what}_{kind}_fen" for kind in INSURANCES for what in ("due", "paid", "deferred")))
COUNTS = ("insured_persons", "joiners_persons", "leavers_persons", "high_base_leavers_persons")
COLUMNS = ("unit_no", "month", *COUNTS, *MONEY)


@dataclass
class InsuranceFiles:
    """Writes one file a month and one of later words; ``last`` is the last instant at which anything arrives."""

    courier: Courier
    population: Population
    months: int
    last: datetime
    rng: np.random.Generator
    errors: dict[int, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Spread the errors over the months, leaving the last quarter of the city clean."""
        plan = {
            "full_width": 0.1,
            "negative": 0.2,
            "thousands": 0.3,
            "not_a_number": 0.35,
            "twice": 0.42,
            "no_unit": 0.5,
            "late": 0.58,
            "full_width_again": 0.64,
            "thousands_again": 0.7,
        }
        for kind, place in plan.items():
            self.errors.setdefault(int(place * self.months), []).append(kind)

    def write(self, month: Month) -> None:
        """Deliver ``month``."""
        truth = self._rows(month)
        errors = self.errors.get(month.number, [])
        first, later = self._first_word(truth)
        file_rows, corrected = self._dirty(first, month.month, errors)
        name = f"单位月度参保缴费_{text_of(month.month)}.csv"
        day, at_hour = (12 if "late" in errors else int(self.rng.integers(5, 7))), int(self.rng.integers(8, 18))
        at = arrival(month.month, months_later=1, day=day, hour=at_hour, minute=int(self.rng.integers(60)))
        file = self.courier.csv(FEED, name, self._headed(file_rows), at=at, encoding="gb18030")
        if "late" in errors:
            self.courier.plant(file, 0, "", "late", at.isoformat(), "accepted")
        if "twice" in errors:
            again = f"单位月度参保缴费_{text_of(month.month)}(1).csv"
            second = self.courier.again(file, FEED, again, at=at.replace(day=at.day + 1))
            self.courier.plant(second, 0, "", "twice", name, "one batch")
        lost = truth.join(corrected, on="unit_no", how="semi").select(COLUMNS)
        changed = pl.concat([later, lost]).unique(subset="unit_no", keep="first", maintain_order=True)
        self._later_word(changed.sort("unit_no"), month.month)

    def _rows(self, month: Month) -> pl.DataFrame:
        columns: dict[str, object] = {
            "unit_no": self.population.unit_no,
            "month": [text_of(month.month)] * self.population.units,
            "insured_persons": month.insured,
            "joiners_persons": month.joiners,
            "leavers_persons": month.leavers,
            "high_base_leavers_persons": month.high_base_leavers,
            "base_fen": month.base_fen,
        }
        for kind in INSURANCES:
            columns[f"due_{kind}_fen"] = month.due[kind]
            columns[f"paid_{kind}_fen"] = month.paid[kind]
            columns[f"deferred_{kind}_fen"] = month.deferred[kind]
        columns["_distress"] = (month.weight.arrears > 0)[self.population.owner]
        return pl.DataFrame(columns).filter(pl.Series(month.seen))

    def _first_word(self, truth: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Rows as first delivered, and the rows that a later file will bring or change."""
        low, high = calibration()["backfill_share"]
        draw = pl.Series("_draw", self.rng.random(truth.height))
        share = self.rng.uniform(low, high) * 0.6
        truth = truth.with_columns(draw)
        missing, wrong, unpaid = (
            (pl.col("_draw") < share * 0.4),
            (pl.col("_draw") < share * 0.8),
            pl.col("_draw") < share,
        )
        late = pl.col("paid_pension_fen") < pl.col("due_pension_fen") - pl.col("deferred_pension_fen")
        settles = late & ~pl.col("_distress") & (pl.col("_draw") > 0.4)
        full = [
            pl.when(settles)
            .then(pl.col(f"due_{k}_fen") - pl.col(f"deferred_{k}_fen"))
            .otherwise(pl.col(f"paid_{k}_fen"))
            .alias(f"paid_{k}_fen")
            for k in INSURANCES
        ]
        later = truth.filter(unpaid | settles).with_columns(full).select(COLUMNS)
        first = truth.filter(~missing).with_columns(
            pl.when(wrong)
            .then((pl.col("insured_persons") - 1).clip(lower_bound=0))
            .otherwise(pl.col("insured_persons"))
            .alias("insured_persons"),
            *(
                pl.when(unpaid & ~wrong).then(0).otherwise(pl.col(f"paid_{k}_fen")).alias(f"paid_{k}_fen")
                for k in INSURANCES
            ),
        )
        return first.select(COLUMNS), later.join(first, on=COLUMNS, how="anti", maintain_order="left")

    def _dirty(self, rows: pl.DataFrame, month: date, errors: list[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Rows as text with the month's errors put in, and the units whose row is lost by them."""
        text = rows.with_columns(*(yuan(c) for c in MONEY), *(pl.col(c).cast(pl.String) for c in COUNTS))
        file = f"inbox/{FEED}/单位月度参保缴费_{text_of(month)}.csv"
        lost: list[str] = []
        for error in errors:
            for line in self._lines_for(rows, error):
                column, value, expected = self._misspell(text, line, error)
                if expected == "quarantine":
                    lost.append(text["unit_no"][line])
                text[line, column] = value
                self.courier.plant(file, line + 2, column, error.removesuffix("_again"), value, expected)
        return text, pl.DataFrame({"unit_no": lost}, schema={"unit_no": pl.String})

    def _lines_for(self, rows: pl.DataFrame, error: str) -> list[int]:
        if error in {"late", "twice"}:
            return []
        wide = rows["base_fen"].to_numpy() >= 1_000_00
        return sorted(int(i) for i in self.rng.choice(np.flatnonzero(wide), size=3, replace=False))

    def _misspell(self, text: pl.DataFrame, line: int, error: str) -> tuple[str, str, str]:
        persons, base = text["insured_persons"][line], text["base_fen"][line]
        match error.removesuffix("_again"):
            case "negative":
                return "insured_persons", f"-{max(int(persons), 1)}", "quarantine"
            case "not_a_number":
                return "insured_persons", "N/A", "quarantine"
            case "no_unit":
                return "unit_no", "", "quarantine"
            case "full_width":
                return "insured_persons", full_width(persons), "read"
            case _:
                whole, _, cents = base.partition(".")
                return "base_fen", f"{int(whole):,}.{cents}", "read"

    def _later_word(self, rows: pl.DataFrame, month: date) -> None:
        at = arrival(
            month, months_later=2, day=int(self.rng.integers(12, 25)), hour=15, minute=int(self.rng.integers(60))
        )
        if rows.is_empty() or at > self.last:
            return
        text = rows.with_columns(*(yuan(c) for c in MONEY), *(pl.col(c).cast(pl.String) for c in COUNTS))
        self.courier.csv(
            FEED, f"单位月度参保缴费_补报更正_{text_of(month)}.csv", self._headed(text), at=at, encoding="gb18030"
        )

    def _headed(self, rows: pl.DataFrame) -> pl.DataFrame:
        return rows.select(COLUMNS).rename(self.courier.headers(FEED, COLUMNS))


def end_of_arrivals(until: date) -> datetime:
    """After this instant the city sends nothing: the month after the last one, when customs has reported."""
    return datetime.combine(add_months(until, 1).replace(day=24), datetime.min.time())
