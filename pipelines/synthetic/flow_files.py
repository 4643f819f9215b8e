"""Who moved where, and whom employers hired: counts by unit that 人社 draws from its own rolls, without a person.

A move between sisters shows here whole, and part of it a month later; ordinary leavers scatter. Claims do not follow a
move. Most of those cut are not found again within two months.
"""

from dataclasses import dataclass, field

import numpy as np
import polars as pl

from pipelines.synthetic.calibration import calibration
from pipelines.synthetic.city import City, split
from pipelines.synthetic.deliveries import arrival
from pipelines.synthetic.desk import Desk
from pipelines.synthetic.months import Month, Move
from pipelines.synthetic.population import Ints

SUMMER = (7, 8, 9)
FLOW = ("source", "target", "persons")


@dataclass
class FlowFiles:
    """Writes the flows between units and the hires of promoted groups."""

    city: City
    flows: Desk = field(init=False)
    groups: Desk = field(init=False)
    waiting: tuple[pl.DataFrame, Ints, Month] | None = None
    graduates: Ints = field(init=False)

    def __post_init__(self) -> None:
        """Open both desks."""
        self.rng = self.city.stream("flows")
        self.hires = self.city.stream("hire_groups")
        self.flows = self.city.desk(
            "labour_flow",
            "单位间用工流动",
            errors={0.22: ("negative", "moved_persons"), 0.52: ("empty", "to_unit_no"), 0.6: ("twice", "")},
        )
        self.groups = self.city.desk(
            "hire_group_month",
            "重点群体招用",
            encoding="utf-8-sig",
            errors={0.3: ("unknown_code", "key_group"), 0.44: ("not_a_number", "group_hired_persons")},
        )

    def write(self, month: Month) -> None:
        """Deliver ``month``: those already found elsewhere, and the final count of the month before."""
        hired = np.maximum(month.joiners - month.moved_in, 0)
        if self.waiting is not None:
            final, taken = self._late(*self.waiting, hired)
            hired = np.maximum(hired - taken, 0)
            self.flows.again.setdefault(month.number, []).append(final)
        now, later = self._found(month, hired)
        at = arrival(month.month, months_later=1, day=7, hour=9, minute=int(self.rng.integers(60)))
        self.flows.send(self._delivered(now, month), month.month, month.number, at=at)
        self.waiting = (now, later, month)
        self._groups(month)

    def _found(self, month: Month, hired: Ints) -> tuple[pl.DataFrame, Ints]:
        """Flows seen at once, and how many leavers of each unit will be found a month later."""
        shares = calibration()["rejoin"]
        ordinary = np.maximum(month.leavers - month.cut - month.moved_out, 0)
        now, later = split(ordinary, tuple(shares["ordinary"]), self.rng)
        cut_now, cut_later = split(month.cut, tuple(shares["cut"]), self.rng)
        scattered = self._paired(now + cut_now, hired)
        sisters = _moves([(m.source, m.target, m.persons - m.later) for m in self._moved(month)])
        return _summed([scattered, sisters]), later + cut_later

    def _late(self, seen: pl.DataFrame, later: Ints, month: Month, hired: Ints) -> tuple[pl.DataFrame, Ints]:
        """Final rows of ``month`` for those pairs whose count grew, and who was found in each unit ``hired`` since."""
        scattered = self._paired(later, hired)
        grown = _summed([scattered, _moves([(m.source, m.target, m.later) for m in self._moved(month)])])
        whole = _summed([seen.join(grown, on=["source", "target"], how="semi"), grown])
        return self._delivered(whole, month), np.bincount(scattered["target"], minlength=len(hired)).astype(np.int64)

    def _moved(self, month: Month) -> list[Move]:
        return [move for move in self.city.diary.moves if move.number == month.number]

    def _paired(self, leaving: Ints, joining: Ints) -> pl.DataFrame:
        """Draw a new unit for each leaver among those who hired, each hire taken once at most."""
        source = np.repeat(np.arange(len(leaving)), leaving)
        target = self.rng.permutation(np.repeat(np.arange(len(joining)), joining))
        count = min(len(source), len(target))
        source = self.rng.permutation(source)[:count]
        pairs = pl.DataFrame({"source": source, "target": target[:count]}, schema=dict.fromkeys(FLOW[:2], pl.Int64))
        return pairs.filter(pl.col("source") != pl.col("target")).with_columns(persons=pl.lit(1, pl.Int64))

    def _delivered(self, flows: pl.DataFrame, month: Month) -> pl.DataFrame:
        numbers = self.city.unit_numbers
        return pl.DataFrame(
            {
                "from_unit_no": numbers.gather(flows["source"]),
                "to_unit_no": numbers.gather(flows["target"]),
                "month": pl.Series([month.month], dtype=pl.Date).new_from_index(0, flows.height),
                "moved_persons": flows["persons"],
            }
        )

    def _groups(self, month: Month) -> None:
        hired = np.maximum(month.joiners - month.moved_in, 0)
        rates: dict[str, float] = dict(calibration()["key_groups"])
        rates["高校毕业生"] *= calibration()["graduates_in_summer"] if month.month.month in SUMMER else 1.0
        frames = []
        for group, rate in rates.items():
            persons = self.hires.binomial(hired, rate)
            units = np.flatnonzero(persons)
            frames.append(
                pl.DataFrame({"unit": units, "key_group": [group] * len(units), "group_hired_persons": persons[units]})
            )
            if group == "高校毕业生":
                self.graduates = persons
        rows = pl.concat(frames).sort("unit", maintain_order=True)
        self.groups.send(
            rows.select(
                self.city.unit_numbers.gather(rows["unit"]).alias("unit_no"),
                pl.Series([month.month], dtype=pl.Date).new_from_index(0, rows.height).alias("month"),
                "key_group",
                "group_hired_persons",
            ),
            month.month,
            month.number,
            at=arrival(month.month, months_later=1, day=7, hour=10, minute=int(self.hires.integers(60))),
        )


def _summed(frames: list[pl.DataFrame]) -> pl.DataFrame:
    rows = pl.concat(frames)
    return rows.group_by("source", "target").agg(pl.col("persons").sum()).sort("source", "target")


def _moves(rows: list[tuple[int, int, int]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=dict.fromkeys(FLOW, pl.Int64), orient="row").filter(pl.col("persons") > 0)
