"""Visit forms of county officers: what they found where there was an episode, a false beginning or a move to a sister.

The city has no editions; these are visits that a bureau would have made in its last months. `is_false_alarm` is what
the officer wrote, which is nearly always right.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
import polars as pl

from pipelines.synthetic.calibration import add_months, calibration
from pipelines.synthetic.city import City
from pipelines.synthetic.deliveries import arrival
from pipelines.synthetic.desk import Desk, Sheet
from pipelines.synthetic.months import Month
from pipelines.synthetic.persons import NAME, PHONE, made_up
from pipelines.synthetic.shocks import KINDS

MODES = ("上门", "电话", "视频", "约谈")
SERVICES = ("就业政策", "技能培训", "劳动维权", "社保衔接", "专场招聘")
OTHER_REASONS = ("季节性用工", "退休减员", "补缴或数据错误", "其他")
MOVED = "整体划转"
WRITES_FALSE = {"real": 0.04, "recovers": 0.35, "noise": 0.92, "transfer": 0.9}
COLUMNS: dict[str, type[pl.DataType]] = {
    "visit_no": pl.String,
    "enterprise_id": pl.String,
    "visited_on": pl.Date,
    "visit_mode": pl.String,
    "受访人姓名": pl.String,
    "受访人联系电话": pl.String,
    "operation_status": pl.String,
    "orders_change_bp": pl.Int64,
    "visited_staff_persons": pl.Int64,
    "idle_persons": pl.Int64,
    "planned_1m_persons": pl.Int64,
    "planned_3m_persons": pl.Int64,
    "planned_cut_persons": pl.Int64,
    "cut_reason": pl.String,
    "unpaid_wage_persons": pl.Int64,
    "unpaid_wage_fen": pl.Int64,
    "has_notice": pl.Boolean,
    "services_given": pl.String,
    "next_visit_on": pl.Date,
    "is_false_alarm": pl.Boolean,
    "false_alarm_reason": pl.String,
}


@dataclass(frozen=True)
class Visit:
    """One visit: whom, why (``real``, ``recovers``, ``noise``, ``transfer``), and the episode (-1 = none)."""

    place: int
    cause: str
    episode: int


@dataclass
class VisitFiles:
    """Writes the forms that came back in each month."""

    city: City
    desk: Desk = field(init=False)
    made: list[dict[str, object]] = field(default_factory=list)
    due: dict[int, list[Visit]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Choose which episodes were visited, and when."""
        city, numbers = self.city, calibration()["visits"]
        self.rng = city.stream("visits")
        self.desk = city.desk(
            "follow_up",
            "走访跟进表",
            errors={0.7: ("odd_word", "visit_mode"), 0.76: ("check_symbol", "enterprise_id")},
            personal=("受访人姓名", "受访人联系电话"),
        )
        episodes = city.episodes
        noise = episodes.kind == KINDS.index("noise")
        cause = np.where(noise, "noise", np.where(episodes.recovers, "recovers", "real"))
        share = np.array([numbers[c] for c in cause.tolist()])
        for episode in np.flatnonzero(self.rng.random(len(episodes)) < share).tolist():
            wait = int(self.rng.integers(-2, 2)) if not episodes.sudden[episode] else int(self.rng.integers(0, 2))
            number = int(episodes.event[episode]) + wait
            visit = Visit(int(episodes.enterprise[episode]), str(cause[episode]), episode)
            self.due.setdefault(number, []).append(visit)

    def write(self, month: Month) -> None:
        """Deliver the forms of ``month``."""
        if month.number < self.city.months - calibration()["visits"]["months"]:
            return
        sources = {int(self.city.people.owner[m.source]) for m in self.city.diary.moves if m.number == month.number}
        share = calibration()["visits"]["transfers"]
        moved = [Visit(place, "transfer", -1) for place in sorted(sources) if self.rng.random() < share]
        staff = self.city.people.of_units(month.insured)
        visits = [v for v in self.due.get(month.number, []) if staff[v.place] > 0] + moved
        rows = pl.DataFrame([self._form(v, month, int(staff[v.place])) for v in visits], schema=COLUMNS, orient="row")
        self.desk.send(
            rows.sort("visited_on", "visit_no"),
            month.month,
            month.number,
            at=arrival(month.month, months_later=1, day=1, hour=16, minute=int(self.rng.integers(60))),
            sheet=Sheet(
                f"预警企业走访跟进表（{month.month.year}年{month.month.month}月，模拟）", ("填报单位：各县区人社局",)
            ),
        )

    def _form(self, visit: Visit, month: Month, staff: int) -> dict[str, object]:
        """One form: in distress it tells of orders, idle workers and plans; otherwise of nothing in particular."""
        rng, people = self.rng, self.city.people
        length = (add_months(month.month, 1) - month.month).days
        on = month.month + timedelta(days=int(rng.integers(0, length)))
        false = bool(rng.random() < WRITES_FALSE[visit.cause])
        cut = self._cut(visit, staff) if not false else 0
        owes = not false and rng.random() < 0.4
        unpaid = round(staff * 0.3 * float(month.weight.arrears[visit.place])) if owes else 0
        reason = str(rng.choice(OTHER_REASONS)) if visit.cause != "transfer" else MOVED
        person = made_up(1, "受访人", rng)
        services = [s for s in SERVICES if rng.random() < (0.15 if false else 0.5)]
        number = self._note(visit, on, false)
        sinking = 0.0 if false else float(rng.uniform(0.1, 0.6))
        return {
            "visit_no": number,
            "enterprise_id": people.uscc[visit.place],
            "visited_on": on,
            "visit_mode": str(rng.choice(MODES, p=[0.6, 0.3, 0.05, 0.05])),
            **{name: values[0] for name, values in person.items() if name.endswith((NAME, PHONE))},
            "operation_status": "正常生产" if sinking < 0.3 else "压产" if sinking < 0.55 else "停产",
            "orders_change_bp": round((float(rng.normal(0, 0.05)) - sinking) * 10_000),
            "visited_staff_persons": staff,
            "idle_persons": round(staff * float(month.weight.idle[visit.place])),
            "planned_1m_persons": -round(cut * 0.5) if cut else int(rng.integers(-1, 3)),
            "planned_3m_persons": -cut if cut else int(rng.integers(-1, 5)),
            "planned_cut_persons": cut,
            "cut_reason": self._reason(visit) if cut else None,
            "unpaid_wage_persons": unpaid,
            "unpaid_wage_fen": unpaid * 650_000,
            "has_notice": bool(cut and self.city.episodes.notice[visit.episode]),
            "services_given": "、".join(services) or None,
            "next_visit_on": None if false else on + timedelta(days=14),
            "is_false_alarm": false,
            "false_alarm_reason": reason if false else None,
        }

    def _note(self, visit: Visit, on: date, false: bool) -> str:
        """Give the form its number and write the visit down for the truth."""
        number = f"ZF{on:%Y%m}{len(self.made) + 1:05d}"
        self.made.append(
            {"visit_no": number, "uscc": self.city.people.uscc[visit.place], "visited_on": on, "cause": visit.cause}
            | {"episode": visit.episode, "is_false_alarm": false}
        )
        return number

    def _cut(self, visit: Visit, staff: int) -> int:
        """Persons the enterprise says it will lay off: two thirds of those who will do say so."""
        if visit.cause != "real" or self.rng.random() > 0.66:
            return 0
        share = float(self.city.episodes.share[visit.episode]) * float(self.rng.uniform(0.5, 1.1))
        return min(max(1, round(share * staff)), staff)

    def _reason(self, visit: Visit) -> str:
        if self.city.episodes.closes[visit.episode]:
            return "关闭破产"
        if self.city.episodes.kind[visit.episode] == KINDS.index("tariff"):
            return "关税影响"
        return str(self.rng.choice(["订单减少", "成本上升", "资金困难", "转产搬迁", "技术替代"]))
