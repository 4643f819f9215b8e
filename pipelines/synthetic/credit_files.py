"""The credit register: judgments, abnormal operation, pledges, announcements of an end, moves away, yearly grades.

Pledges come before a cut, judgments after it, announcements with an end. Those who did not report by July are listed
and taken off again. A row tells of an event; its end is told by a later row with the same number.
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
from pipelines.synthetic.population import NEVER, Flags, Ints

ABNORMAL, JUDGMENT, SERIOUS, PLEDGE = "经营异常名录", "失信被执行人", "严重违法失信名单", "动产抵押"
FROZEN, LIQUIDATION, SIMPLE, MOVE, GRADE = "股权冻结", "清算公告", "简易注销公告", "迁出登记", "劳动保障守法诚信等级"
SAID = {"经营异常": ABNORMAL, "严重违法失信": SERIOUS}
WITH_MONEY = (JUDGMENT, PLEDGE, FROZEN)
GRADES = "ABC"
GRADED_IN, REPORTED_BY = 5, 7
PLANNED = {"month": pl.Int64, "place": pl.Int64, "credit_kind": pl.String, "episode": pl.Int64}


@dataclass
class CreditFiles:
    """Writes the events of each month."""

    city: City
    desk: Desk = field(init=False)
    planned: pl.DataFrame = field(init=False)
    told: list[pl.DataFrame] = field(default_factory=list)
    number: int = 0

    def __post_init__(self) -> None:
        """Plan what follows from episodes and quiet ends, and give everyone a grade."""
        people = self.city.people
        self.rng = self.city.stream("credit")
        self.desk = self.city.desk(
            "credit_event",
            "企业信用事项",
            errors={0.3: ("unknown_code", "credit_kind"), 0.44: ("check_symbol", "enterprise_id"), 0.6: ("late", "")},
        )
        self.planned = pl.concat([self._of_episodes(), self._of_signs(), self._of_quiet_ends()])
        shares = calibration()["credit"]["grades"]
        self.grade: Ints = self.rng.choice(3, people.enterprises, p=shares)
        self.graded: Flags = (people.staff >= calibration()["credit"]["graded_from"]) & (people.birth < 0)
        self.strained = np.full(people.enterprises, -NEVER, dtype=np.int64)
        events = self.city.episodes
        np.maximum.at(self.strained, events.enterprise[events.kind < 2], events.event[events.kind < 2])

    def write(self, month: Month) -> None:
        """Deliver the events of ``month`` and the ends of those of the month before."""
        events = pl.concat([self._ordinary(month), self.planned.filter(pl.col("month") == month.number)])
        rows = self._rows(events, month.month)
        if month.month.month == GRADED_IN:
            rows = pl.concat([rows, self._grades(month)])
        rows = rows.with_row_index("serial", offset=self.number + 1).with_columns(
            event_no=pl.lit(f"XY{month.month:%Y%m}") + pl.col("serial").cast(pl.String).str.zfill(7)
        )
        self.number += rows.height
        self.told.append(rows.select("event_no", "enterprise_id", "credit_kind", "occurred_on", "episode"))
        rows = rows.select("event_no", pl.exclude("serial", "event_no", "episode"))
        leaves = pl.Series(self.rng.random(rows.height) < 0.5) & (rows["credit_kind"] == ABNORMAL)
        waited = [
            on + timedelta(days=int(d))
            for on, d in zip(rows["occurred_on"], self.rng.integers(20, 29, rows.height), strict=True)
        ]
        self.desk.send(
            rows,
            month.month,
            month.number,
            at=arrival(month.month, months_later=1, day=2, hour=15, minute=int(self.rng.integers(60))),
            sheet=Sheet(
                f"企业信用事项清单（{month.month.year}年{month.month.month}月，模拟）",
                ("填报单位：市发改委、市市场监管局",),
            ),
            revised=rows.with_columns(ended_on=pl.Series(waited, dtype=pl.Date)).filter(leaves),
        )

    def _of_episodes(self) -> pl.DataFrame:
        """What follows a real reduction, and what announces that an employer closes."""
        episodes, numbers = self.city.episodes, calibration()["credit"]
        found = []
        for kind, share in numbers["after"].items():
            struck = np.flatnonzero(episodes.real & (self.rng.random(len(episodes)) < share))
            found.append(self._plan(struck, self.rng.integers(1, 7, len(struck)), kind))
        for kind, share in numbers["closing"].items():
            struck = np.flatnonzero(episodes.real & episodes.closes & (self.rng.random(len(episodes)) < share))
            found.append(self._plan(struck, self.rng.integers(0, 3, len(struck)), kind))
        return pl.concat(found)

    def _of_signs(self) -> pl.DataFrame:
        """Pledges and frozen shares of those episodes that show them."""
        signs = self.city.signs
        shows = np.flatnonzero(signs.showing("lien"))
        lead = calibration()["signs"]["lien"]["lead"]
        kinds = np.where(self.rng.random(len(shows)) < 0.6, PLEDGE, FROZEN)
        frames = [
            self._plan(shows[kinds == kind], -self.rng.integers(1, lead + 1, int((kinds == kind).sum())), kind)
            for kind in (PLEDGE, FROZEN)
        ]
        return pl.concat(frames)

    def _of_quiet_ends(self) -> pl.DataFrame:
        """Announcements of small employers that end without an episode, in the month before they do."""
        people = self.city.people
        chosen = np.flatnonzero(
            (people.death < NEVER) & (self.rng.random(people.enterprises) < calibration()["credit"]["quiet_end"])
        )
        return pl.DataFrame(
            {
                "month": people.death[chosen] - 1,
                "place": chosen,
                "credit_kind": [SIMPLE] * len(chosen),
                "episode": pl.Series([None] * len(chosen), dtype=pl.Int64),
            },
            schema=PLANNED,
        )

    def _plan(self, struck: Ints, wait: Ints, kind: str) -> pl.DataFrame:
        episodes = self.city.episodes
        return pl.DataFrame(
            {
                "month": episodes.event[struck] + wait,
                "place": episodes.enterprise[struck],
                "credit_kind": [SAID.get(kind, kind)] * len(struck),
                "episode": struck,
            },
            schema=PLANNED,
        )

    def _ordinary(self, month: Month) -> pl.DataFrame:
        numbers = calibration()["credit"]
        found = []
        for kind, pct in numbers["ordinary_pct"].items():
            late = numbers["abnormal_in_july"] if kind == "经营异常" and month.month.month == REPORTED_BY else 1.0
            chosen = np.flatnonzero(month.alive & (self.rng.random(len(month.alive)) < pct / 100 * late))
            found.append(
                pl.DataFrame(
                    {
                        "month": [month.number] * len(chosen),
                        "place": chosen,
                        "credit_kind": [SAID.get(kind, kind)] * len(chosen),
                        "episode": pl.Series([None] * len(chosen), dtype=pl.Int64),
                    },
                    schema=PLANNED,
                )
            )
        return pl.concat(found)

    def _rows(self, events: pl.DataFrame, month: date) -> pl.DataFrame:
        people, count = self.city.people, events.height
        place = events["place"].to_numpy()
        length = (add_months(month, 1) - month).days
        money = np.round(people.staff[place] * 9000 * np.exp(self.rng.normal(0, 0.8, count))).astype(np.int64) * 100
        return pl.DataFrame(
            {
                "enterprise_id": self.city.codes.gather(place),
                "credit_kind": events["credit_kind"],
                "occurred_on": [month + timedelta(days=int(d)) for d in self.rng.integers(0, length, count)],
                "ended_on": pl.Series([None] * count, dtype=pl.Date),
                "level_from": pl.Series([None] * count, dtype=pl.String),
                "level_to": pl.Series([None] * count, dtype=pl.String),
                "event_fen": pl.Series(money),
                "episode": events["episode"],
            },
            schema_overrides={"occurred_on": pl.Date},
        ).with_columns(event_fen=pl.when(pl.col("credit_kind").is_in(WITH_MONEY)).then("event_fen"))

    def _grades(self, month: Month) -> pl.DataFrame:
        """The yearly grade of those whose grade moves; who was in distress in the year before falls."""
        people = self.city.people
        recent = (self.strained <= month.number) & (self.strained > month.number - 12)
        moves = (
            self.graded
            & month.alive
            & (self.rng.random(people.enterprises) < np.where(recent, 0.6, calibration()["credit"]["regraded"]))
        )
        down = recent | (self.rng.random(people.enterprises) < 0.4)
        new = np.clip(self.grade + np.where(down, 1, -1), 0, 2)
        chosen = np.flatnonzero(moves & (new != self.grade))
        letters = pl.Series(list(GRADES))
        frame = pl.DataFrame(
            {
                "enterprise_id": self.city.codes.gather(chosen),
                "credit_kind": [GRADE] * len(chosen),
                "occurred_on": [month.month.replace(day=20)] * len(chosen),
                "ended_on": pl.Series([None] * len(chosen), dtype=pl.Date),
                "level_from": letters.gather(self.grade[chosen]),
                "level_to": letters.gather(new[chosen]),
                "event_fen": pl.Series([None] * len(chosen), dtype=pl.Int64),
                "episode": pl.Series([None] * len(chosen), dtype=pl.Int64),
            },
            schema_overrides={"credit_kind": pl.String, "occurred_on": pl.Date},
        )
        self.grade = np.where(moves, new, self.grade)
        return frame
