"""Those who lost work: claims by last unit, and what adds up from them by county and in the fund.

Claims come one and two months after a cut, few after an ordinary leave, none after a move to a sister. County counts
are the claims of the county's units and others who never were insured; the fund pays them and the refunds of the year.
"""

from dataclasses import dataclass, field

import numpy as np
import polars as pl

from pipelines.synthetic.calibration import calibration
from pipelines.synthetic.city import City
from pipelines.synthetic.deliveries import arrival
from pipelines.synthetic.desk import Desk, Sheet
from pipelines.synthetic.months import Month
from pipelines.synthetic.population import Ints
from pipelines.synthetic.support_files import SupportFiles


@dataclass
class UnemploymentFiles:
    """Writes four feeds of the employment service; keeps the stock of each county and the fund."""

    city: City
    support: SupportFiles
    desks: dict[str, Desk] = field(init=False)
    counts: list[pl.DataFrame] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Open the desks; nobody claims before the first month."""
        city = self.city
        self.rng = city.stream("unemployment")
        self.county = city.people.county[city.people.owner]
        self.waiting = self._before()
        self.stock: Ints | None = None
        self.recipients = 0
        self.balance: int | None = None
        in_ten_thousands = {f"fund_{what}_fen": ("万元", 6) for what in ("income", "outlay", "balance")}
        self.desks = {
            "unemployment_claim": city.desk(
                "unemployment_claim",
                "失业保险金申领",
                errors={0.18: ("negative", "claim_persons"), 0.5: ("late", ""), 0.58: ("empty", "unit_no")},
            ),
            "unemployment_registration": city.desk(
                "unemployment_registration",
                "失业登记",
                encoding="utf-8-sig",
                errors={0.34: ("thousands", "registered_unemployed_persons")},
            ),
            "jobseeker_month": city.desk("jobseeker_month", "求职招聘供求", errors={0.26: ("late", "")}),
            "ui_fund_month": city.desk(
                "ui_fund_month",
                "失业保险基金收支",
                units=in_ten_thousands | {"refund_outlay_fen": ("万元", 6)},
                errors={0.42: ("late", "")},
            ),
        }

    def _before(self) -> list[Ints]:
        """Those who left before the first month and claim in it or in the next: ordinary leavers only."""
        people, numbers = self.city.people, calibration()
        size = people.staff[people.owner] * people.unit_share * (people.birth[people.owner] < 0)
        usual = people.turnover[people.owner] * size * numbers["claim_share"]["ordinary"]
        due = (usual, usual * (1 - numbers["claim_in_first_month"]))
        return [np.stack([np.zeros_like(claims), claims]) for claims in map(self.rng.poisson, due)]

    def write(self, month: Month) -> None:
        """Deliver ``month``."""
        claims, named = self._claimed(month)
        self._claims(month, claims, named)
        new = self._registrations(month, claims)
        self._jobseekers(month, new)
        self._fund(month, int(claims.sum()))

    def _claimed(self, month: Month) -> Ints:
        """Persons who claim in ``month`` by last unit, and below them those who name a layoff or closure.

        They left one or two months ago; those who leave now wait.
        """
        numbers = calibration()
        shares, names = numbers["claim_share"], numbers["claim_names_layoff"]
        ended = ~month.alive[self.city.people.owner]
        other = np.maximum(month.leavers - month.cut - month.moved_out, 0)
        cut = self.rng.binomial(month.cut, shares["cut"])
        scattered = self.rng.binomial(other, np.where(ended, shares["quiet_end"], shares["ordinary"]))
        named = self.rng.binomial(cut, names["cut"])
        named += self.rng.binomial(scattered, np.where(ended, names["cut"], names["ordinary"]))
        groups = np.stack([named, cut + scattered - named])
        soon = self.rng.binomial(groups, numbers["claim_in_first_month"])
        now = self.waiting[0]
        self.waiting = [self.waiting[1] + soon, groups - soon]
        return np.stack([now.sum(axis=0), now[0]])

    def _claims(self, month: Month, claims: Ints, named: Ints) -> None:
        units = np.flatnonzero(claims)
        rows = pl.DataFrame(
            {
                "unit_no": self.city.unit_numbers.gather(units),
                "month": pl.Series([month.month], dtype=pl.Date).new_from_index(0, len(units)),
                "claim_persons": claims[units],
                "laid_off_claim_persons": named[units],
            }
        )
        at = arrival(month.month, months_later=1, day=5, hour=15, minute=int(self.rng.integers(60)))
        self.desks["unemployment_claim"].send(rows, month.month, month.number, at=at)

    def _registrations(self, month: Month, claims: Ints) -> Ints:
        """Deliver the registrations of each county; return who registered anew."""
        numbers, counties = calibration()["registration"], self.city.people.county_codes
        insured = np.bincount(self.county, weights=month.insured, minlength=len(counties))
        claiming = np.bincount(self.county, weights=claims, minlength=len(counties)).astype(np.int64)
        if self.stock is None:
            self.stock = np.round(insured * numbers["stock_pct"] / 100).astype(np.int64)
        others = self.rng.poisson(insured * numbers["others_pct"] / 100)
        found = self.rng.binomial(self.stock, numbers["reemployed"])
        self.stock = self.stock + claiming + others - found
        rows = self._by_county(
            month,
            registered_unemployed_persons=self.stock,
            newly_registered_persons=claiming + others,
            reemployed_persons=found,
        )
        at = arrival(month.month, months_later=1, day=6, hour=11, minute=int(self.rng.integers(60)))
        self.desks["unemployment_registration"].send(rows, month.month, month.number, at=at)
        self.counts.append(
            rows.with_columns(
                claiming_persons=pl.Series(claiming),
                others_persons=pl.Series(others),
                insured_persons=pl.Series(insured.astype(np.int64)),
            )
        )
        return np.asarray(claiming + others, dtype=np.int64)

    def _jobseekers(self, month: Month, new: Ints) -> None:
        numbers, counties = calibration()["jobseekers"], self.city.people.county_codes
        insured = np.bincount(self.county, weights=month.insured, minlength=len(counties))
        hires = np.bincount(self.county, weights=month.joiners - month.moved_in, minlength=len(counties))
        seekers = np.round(new * numbers["per_new"]) + self.rng.poisson(insured * numbers["others_pct"] / 100)
        posts = self.rng.poisson(0.5 * hires + insured * numbers["posts_pct"] / 100)
        rows = self._by_county(
            month,
            demand_posts=posts,
            jobseeker_persons=seekers.astype(np.int64),
            placed_persons=self.rng.binomial(np.minimum(seekers.astype(np.int64), posts), numbers["placed"]),
        )
        self.desks["jobseeker_month"].send(
            rows,
            month.month,
            month.number,
            at=arrival(month.month, months_later=1, day=10, hour=9, minute=int(self.rng.integers(60))),
            sheet=Sheet(
                f"人力资源市场供求情况（{month.month.year}年{month.month.month}月，模拟）",
                ("填报单位：市就业服务中心　　单位：人、个",),
                ("demand_posts", "jobseeker_persons", "placed_persons"),
            ),
        )

    def _fund(self, month: Month, claims: int) -> None:
        """Deliver the fund: what was paid in, what the roll of recipients and the refunds took out, what is left."""
        numbers = calibration()["fund"]
        benefit = numbers["benefit_yuan"] * 100
        if self.balance is None:
            self.recipients = round(int(month.insured.sum()) * numbers["recipients_pct"] / 100)
            self.balance = self.recipients * benefit * numbers["reserve_months"]
        self.recipients += claims - int(self.rng.binomial(self.recipients, numbers["leaves"]))
        income = int(month.paid["unemployment"].sum())
        refund = self.support.refunded_fen
        outlay = round(self.recipients * benefit * (1 + numbers["other"])) + refund
        self.balance += income - outlay
        rows = pl.DataFrame(
            {
                "month": [month.month],
                "fund_income_fen": [income],
                "fund_outlay_fen": [outlay],
                "refund_outlay_fen": [refund],
                "fund_balance_fen": [self.balance],
            }
        )
        self.desks["ui_fund_month"].send(
            rows,
            month.month,
            month.number,
            at=arrival(month.month, months_later=1, day=15, hour=16, minute=int(self.rng.integers(60))),
            sheet=Sheet(
                f"失业保险基金收支情况（{month.month.year}年{month.month.month}月，模拟）",
                ("填报单位：市人社局、市财政局　　金额单位：万元",),
            ),
        )

    def _by_county(self, month: Month, **counts: Ints) -> pl.DataFrame:
        codes = self.city.people.county_codes
        return pl.DataFrame(
            {"county_code": codes, "month": pl.Series([month.month], dtype=pl.Date).new_from_index(0, len(codes))}
            | {name: np.asarray(values, dtype=np.int64) for name, values in counts.items()}
        )
