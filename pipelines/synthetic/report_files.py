"""What enterprises report themselves: the monthly employment monitor, and plans to cut staff under art. 41.

Reports are true in most words and late or silent in others; most real reductions are never announced.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
import polars as pl

from pipelines.synthetic.calibration import add_months, calibration, month_index
from pipelines.synthetic.deliveries import Courier, arrival, text_of
from pipelines.synthetic.months import Month
from pipelines.synthetic.population import ORDINARY, Ints, Population
from pipelines.synthetic.shocks import Episodes

MONITOR, NOTICE = "employment_monitor", "layoff_notice"
MONITOR_COLUMNS = (
    "enterprise_id",
    "month",
    "baseline_persons",
    "surveyed_persons",
    "hired_persons",
    "separated_persons",
    "reduction_kind",
    "reduction_cause",
    "dispatch_persons",
    "idle_persons",
    "planned_change_persons",
)
GROUPS = (("基本信息", 2), ("就业人数", 2), ("岗位变动", 4), ("用工情况", 3))
NOTICE_COLUMNS = (
    "notice_no",
    "enterprise_id",
    "reported_on",
    "plan_start_on",
    "plan_end_on",
    "staff_persons",
    "cut_persons",
    "cause_code",
    "notice_status",
)


@dataclass(frozen=True)
class Report:
    """One report under art. 41, with the persons as planned when it was filed."""

    number: str
    episode: int
    place: int
    reported_on: date
    starts_on: date
    staff: int
    cut: int
    cause: str
    ends_as: str


@dataclass
class ReportFiles:
    """Writes the monitor and the notices; remembers who is monitored and what was filed."""

    courier: Courier
    population: Population
    episodes: Episodes
    first: date
    rng: np.random.Generator
    monitored: Ints = field(init=False)
    baseline: dict[int, int] = field(default_factory=dict)
    dispatched: dict[int, float] = field(default_factory=dict)
    filed: list[Report] = field(default_factory=list)
    closed_reports: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Choose the monitored: larger, lasting employers."""
        people, numbers = self.population, calibration()
        count = max(numbers["monitored_least"], round(numbers["monitored_of_28000"] * people.enterprises / 28_000))
        fit = np.flatnonzero((people.staff >= 20) & (people.birth < 0) & (people.kind == ORDINARY))
        weight = np.minimum(people.staff[fit], 300) ** 0.7
        self.monitored = np.sort(
            self.rng.choice(fit, size=min(count, len(fit)), replace=False, p=weight / weight.sum())
        )
        for place in self.monitored.tolist():
            self.dispatched[place] = float(self.rng.beta(0.6, 6.0))

    def write(self, month: Month) -> None:
        """Deliver both reports of ``month``."""
        self._monitor(month)
        self._notices(month)

    def _monitor(self, month: Month) -> None:
        people = self.population
        staff, hires, leavers = (people.of_units(v) for v in (month.insured, month.joiners, month.leavers))
        if not self.baseline:
            self.baseline = {p: int(staff[p]) for p in self.monitored.tolist()}
        coming = self._coming(month.number)
        cutting = self._cutting(month.number)
        answering = [p for p in self.monitored.tolist() if staff[p] > 0 or leavers[p] > 0]
        answering = [p for p in answering if self.rng.random() > 0.015]
        rows = [
            self._answer(p, month, (int(staff[p]), int(hires[p]), int(leavers[p])), coming.get(p, 0.0), cutting.get(p))
            for p in answering
        ]
        kinds = {c: pl.Int64() if c.endswith("_persons") else pl.String() for c in MONITOR_COLUMNS}
        frame = pl.DataFrame(rows, schema=kinds, orient="row")
        total = ["合计", None, *[int(frame[c].sum()) if c.endswith("_persons") else None for c in MONITOR_COLUMNS[2:]]]
        self.courier.workbook(
            MONITOR,
            f"失业动态监测_{text_of(month.month)}.xlsx",
            frame.rename(self.courier.headers(MONITOR, MONITOR_COLUMNS)),
            at=arrival(month.month, months_later=1, day=6, hour=16, minute=int(self.rng.integers(60))),
            title=f"失业动态监测企业岗位变动情况表（{month.month.year}年{month.month.month}月，模拟）",
            notes=("填报单位：市人社局　　单位：人",),
            groups=GROUPS,
            total=total,
        )

    def _answer(
        self, place: int, month: Month, flows: tuple[int, int, int], coming: float, cutting: str | None
    ) -> tuple[object, ...]:
        staff, hires, leavers = flows
        rng, idle_share = self.rng, float(month.weight.idle[place])
        dispatch = round(self.dispatched[place] * staff * (1 - min(3.0 * idle_share, 0.8)))
        idle = min(round(staff * (idle_share + float(rng.random() < 0.1) * 0.01)), staff)
        surveyed = max(staff + int(rng.integers(-1, 2)) * (staff > 20), 0)
        kind = cutting or (rng.choice(["自然减员", "正常解除或终止", "其他"], p=[0.25, 0.7, 0.05]) if leavers else None)
        causes = {
            "经济性裁员": "订单不足",
            "关闭破产": "经营困难停产",
            "正常解除或终止": "合同期满或个人辞职",
            "自然减员": "退休",
            "其他": "其他",
        }
        planned = round(float(rng.normal(0, 0.006)) * staff - coming * staff)
        return (
            self.population.uscc[place],
            month.month.strftime("%Y-%m"),
            self.baseline[place],
            surveyed,
            hires,
            leavers,
            kind and str(kind),
            kind and causes[str(kind)],
            dispatch,
            idle,
            planned,
        )

    def _coming(self, number: int) -> dict[int, float]:
        """Share of staff that an enterprise says it will lose next month: a third of the warned ones do say so."""
        chosen = np.flatnonzero((self.episodes.event == number + 1) & ~self.episodes.sudden & (self.episodes.kind < 2))
        said = chosen[self.rng.random(len(chosen)) < 0.35]
        return {int(self.episodes.enterprise[e]): float(self.episodes.share[e] * 0.6) for e in said}

    def _cutting(self, number: int) -> dict[int, str]:
        chosen = np.flatnonzero(self.episodes.real & (self.episodes.event == number))
        honest = chosen[self.rng.random(len(chosen)) < 0.6]
        words = {True: "关闭破产", False: "经济性裁员"}
        return {int(self.episodes.enterprise[e]): words[bool(self.episodes.closes[e])] for e in honest}

    def _reports_of(self, month: Month) -> list[Report]:
        """Reports filed in ``month``, in order of day and place, still without their numbers."""
        people, episodes = self.population, self.episodes
        staff = people.of_units(month.insured)
        withdrawn = episodes.recovers & (episodes.force > 0.95)
        filing = np.flatnonzero((episodes.real & episodes.notice | withdrawn) & (episodes.event > month.number))
        new: list[Report] = []
        for episode in filing.tolist():
            starts = add_months(self.first, int(episodes.event[episode]))
            reported = starts - timedelta(days=26 + episode % 9)
            place = int(episodes.enterprise[episode])
            if month_index(reported, self.first) != month.number or staff[place] < 10:
                continue
            share = float(episodes.part(np.array([episode]), staff[[place]])[0])
            new.append(
                Report(
                    "",
                    episode,
                    place,
                    reported,
                    starts,
                    int(staff[place]),
                    max(1, round(share * int(staff[place]))),
                    "1234"[(2, 1, 1, 2, 3, 1)[episode % 6] - 1],
                    "已撤回" if withdrawn[episode] else "已办结",
                )
            )
        return sorted(new, key=lambda report: (report.reported_on, report.place))

    def _notices(self, month: Month) -> None:
        new = self._reports_of(month)
        start = sum(r.reported_on.year == month.month.year for r in self.filed)
        new = [
            Report(
                f"LYG-CJ-{r.reported_on.year}-{start + i + 1:04d}",
                r.episode,
                r.place,
                r.reported_on,
                r.starts_on,
                r.staff,
                r.cut,
                r.cause,
                r.ends_as,
            )
            for i, r in enumerate(new)
        ]
        self.filed += new
        ended = [r for r in self.filed if month_index(r.starts_on, self.first) == month.number - 1]
        rows = [self._notice_row(r, "已受理") for r in new] + [self._notice_row(r, r.ends_as) for r in ended]
        if not rows:
            return
        kinds = {
            c: pl.Date() if c.endswith("_on") else pl.Int64() if c.endswith("_persons") else pl.String()
            for c in NOTICE_COLUMNS
        }
        frame = pl.DataFrame(rows, schema=kinds, orient="row").rename(self.courier.headers(NOTICE, NOTICE_COLUMNS))
        at = arrival(month.month, months_later=1, day=1, hour=8, minute=int(self.rng.integers(31, 60)))
        self.courier.csv(NOTICE, f"裁减人员报告_{text_of(month.month)}.csv", frame, at=at, encoding="utf-8-sig")

    def _notice_row(self, report: Report, status: str) -> tuple[object, ...]:
        return (
            report.number,
            self.population.uscc[report.place],
            report.reported_on,
            report.starts_on,
            report.starts_on + timedelta(days=45),
            report.staff,
            report.cut,
            report.cause,
            status,
        )
