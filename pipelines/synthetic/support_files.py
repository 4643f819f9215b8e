"""Help that reached employers, and how far the city's targets are: refunds of 2025, posts created, deferrals, loans.

Refunds go to employers that kept their staff, at the rates of the draft measures; what the documents do not say about
other years is not made up. The targets are the four totals of the annex, for 2025 only.
"""

from dataclasses import dataclass, field

import numpy as np
import polars as pl

from pipelines.synthetic.calibration import add_months, calibration
from pipelines.synthetic.city import City
from pipelines.synthetic.deliveries import arrival
from pipelines.synthetic.desk import Desk, Sheet
from pipelines.synthetic.flow_files import FlowFiles
from pipelines.synthetic.months import Month
from pipelines.synthetic.population import Flags, Floats, Ints

BENEFIT = ("benefit_no", "enterprise_id", "benefit_kind", "policy_year", "paid_on", "benefit_fen", "benefited_persons")
REFUND, EXPANSION, DEFERRAL, LOAN = "失业保险稳岗返还", "一次性扩岗补助", "缓缴社会保险费", "云岗助贷"
FIRST_REFUND = 9
SMALL, LARGE = 30, 1000
PACE = (0.03, 0.07, 0.18, 0.27, 0.36, 0.46, 0.57, 0.68, 0.77, 0.86, 0.94, 1.02)


@dataclass
class SupportFiles:
    """Writes the benefits and the targets; remembers the year that the refund looks at."""

    city: City
    flows: FlowFiles
    benefits: Desk = field(init=False)
    targets: Desk = field(init=False)
    refunded_fen: int = 0
    paid: list[pl.DataFrame] = field(default_factory=list)
    number: int = 0

    def __post_init__(self) -> None:
        """Open both desks; decide whom each instrument reaches."""
        city, numbers = self.city, calibration()
        count = city.people.enterprises
        self.rng = city.stream("support")
        self.benefits = city.desk(
            "policy_benefit",
            "惠企稳岗政策享受",
            errors={0.3: ("unknown_code", "benefit_kind"), 0.5: ("check_symbol", "enterprise_id")},
        )
        self.targets = city.desk("target_progress", "目标任务进度")
        self.year: int = numbers["refund"]["year"]
        self.premium = np.zeros(count)
        self.months_seen = 0
        self.staff: dict[str, Ints] = {}
        self.mean = np.zeros(count)
        self.arrears = np.zeros(count, dtype=bool)
        self.reached = self.rng.random(count) < numbers["refund"]["reached"]
        self.refund_month = self.rng.choice(len(numbers["refund"]["months"]), count, p=numbers["refund"]["months"])
        self.expands = self.rng.random(count) < numbers["expansion"]["share"]
        self.pace = self.rng.uniform(0.95, 1.05, len(numbers["targets"]) - 1)
        self.graduates: dict[int, Ints] = {}

    def write(self, month: Month) -> None:
        """Deliver what was paid in ``month`` and how far the targets were at its end."""
        self._remember(month)
        frames = [self._refunds(month), self._expansion(month), self._deferrals(month), self._loans(month)]
        self.refunded_fen = int(frames[0]["benefit_fen"].sum())
        rows = pl.concat(frames).sort("paid_on", "enterprise_id", "benefit_kind")
        numbers = [f"WG{month.month:%Y%m}{self.number + place:08d}" for place in range(1, rows.height + 1)]
        self.number += rows.height
        rows = rows.with_columns(
            benefit_no=pl.Series(numbers, dtype=pl.String),
            benefit_status=pl.when(pl.col("benefit_kind") == DEFERRAL)
            .then(pl.lit("已批准"))
            .otherwise(pl.lit("已发放")),
        ).select(*BENEFIT, "benefit_status")
        self.paid.append(rows)
        self.benefits.send(
            rows,
            month.month,
            month.number,
            at=arrival(month.month, months_later=1, day=4, hour=14, minute=int(self.rng.integers(60))),
        )
        self._targets(month)

    def _remember(self, month: Month) -> None:
        people = self.city.people
        if month.month.year == self.year - 1:
            staff = people.of_units(month.insured)
            self.staff.setdefault("start", staff)
            self.staff["end"] = staff
            self.mean = self.mean + staff
            self.premium = self.premium + people.of_units(month.paid["unemployment"])
            unpaid = month.due["pension"] - month.deferred["pension"] - month.paid["pension"]
            self.arrears |= people.of_units(unpaid) > 0
            self.months_seen += 1

    def _refunds(self, month: Month) -> pl.DataFrame:
        """Refunds paid this month: a part of the premiums of the year before, to those who kept their staff."""
        turn = month.month.month - FIRST_REFUND
        if month.month.year != self.year or turn not in range(len(calibration()["refund"]["months"])) or not self.staff:
            return self._rows(np.array([], dtype=np.int64), np.zeros(0), month, REFUND)
        people, numbers = self.city.people, calibration()["refund"]
        large, us = people.staff >= LARGE, self.city.trade.us_share > 0
        rate = np.where(
            us,
            np.where(large, numbers["us_large"], numbers["us_small"]),
            np.where(large, numbers["large"], numbers["small"]),
        )
        chosen = np.flatnonzero(self._kept() & self.reached & month.alive & (self.refund_month == turn))
        whole_year = self.premium * 12 / self.months_seen
        return self._rows(chosen, (whole_year * rate)[chosen], month, REFUND, staff=self.staff["end"][chosen])

    def _kept(self) -> Flags:
        """Whether the loss of the year before stayed within the line: January less December over the mean."""
        numbers = calibration()["refund"]
        mean = self.mean / self.months_seen
        rate = (self.staff["start"] - self.staff["end"]) / np.maximum(mean, 1)
        line = np.where(mean <= SMALL, numbers["small_line"], numbers["line"])
        return np.asarray((rate <= line) & (self.premium > 0) & ~self.arrears & (self.staff["end"] > 0))

    def _expansion(self, month: Month) -> pl.DataFrame:
        """Pay for graduates hired some months ago, in the year of the measure."""
        numbers, people = calibration()["expansion"], self.city.people
        self.graduates[month.number] = people.of_units(self.flows.graduates)
        hired = self.graduates.pop(month.number - numbers["after_months"], None)
        if hired is None or add_months(month.month, -numbers["after_months"]).year != numbers["year"]:
            return self._rows(np.array([], dtype=np.int64), np.zeros(0), month, EXPANSION)
        chosen = np.flatnonzero(self.expands & (hired > 0) & month.alive)
        return self._rows(chosen, hired[chosen] * numbers["yuan"] * 100.0, month, EXPANSION, staff=hired[chosen])

    def _deferrals(self, month: Month) -> pl.DataFrame:
        people = self.city.people
        deferred = people.of_units(sum(month.deferred.values(), np.zeros(people.units, dtype=np.int64)))
        chosen = np.flatnonzero(deferred)
        staff = people.of_units(month.insured)[chosen]
        return self._rows(chosen, deferred[chosen].astype(float), month, DEFERRAL, staff=staff)

    def _loans(self, month: Month) -> pl.DataFrame:
        people, numbers = self.city.people, calibration()["loans"]
        wanted = self.rng.poisson(numbers["per_28000"] * people.enterprises / 28_000)
        fit = np.flatnonzero((people.staff >= 5) & (people.staff < 300) & month.alive)
        chosen = np.sort(self.rng.choice(fit, size=min(int(wanted), len(fit)), replace=False))
        low, high = numbers["yuan"]
        amount = np.round(self.rng.uniform(low, high, len(chosen)), -4) * 100
        return self._rows(chosen, amount, month, LOAN)

    def _rows(self, places: Ints, fen: Floats, month: Month, kind: str, *, staff: Ints | None = None) -> pl.DataFrame:
        """Rows of one instrument without their numbers; ``fen`` and ``staff`` follow ``places``."""
        days = self.rng.integers(4, 27, len(places))
        year = self.year - 1 if kind == REFUND else month.month.year
        return pl.DataFrame(
            {
                "enterprise_id": self.city.codes.gather(places),
                "benefit_kind": pl.Series([kind], dtype=pl.String).new_from_index(0, len(places)),
                "policy_year": pl.Series([year], dtype=pl.Int64).new_from_index(0, len(places)),
                "paid_on": pl.Series([month.month.replace(day=int(d)) for d in days], dtype=pl.Date),
                "benefit_fen": pl.Series(np.floor(fen).astype(np.int64)),
                "benefited_persons": pl.Series([None] * len(places) if staff is None else staff, dtype=pl.Int64),
            }
        )

    def _targets(self, month: Month) -> None:
        numbers = dict(calibration()["targets"])
        if month.month.year != numbers.pop("year"):
            return
        done = PACE[month.month.month - 1]
        rows = pl.DataFrame(
            {
                "target_id": [f"LYG2025-{place}" for place in range(1, len(numbers) + 1)],
                "month": [month.month] * len(numbers),
                "target_name": list(numbers),
                "target_unit": ["个"] * len(numbers),
                "target_planned": [float(value) for value in numbers.values()],
                "target_done": [
                    float(round(value * done * pace)) for value, pace in zip(numbers.values(), self.pace, strict=True)
                ],
            }
        )
        title = f"岗位开发目标完成情况（截至{month.month.year}年{month.month.month}月，模拟）"
        at = arrival(month.month, months_later=1, day=10, hour=15, minute=int(self.rng.integers(60)))
        self.targets.send(rows, month.month, month.number, at=at, sheet=Sheet(title, ("单位：个",)))
