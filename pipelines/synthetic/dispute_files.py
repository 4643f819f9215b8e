"""Complaints about wages and cases before the arbitration commission, with the persons that their originals name.

Wages are complained about before the Spring Festival by anyone and after a cut by those cut; disputes follow one to
four months after it. A few cases name no unified code. The state of a case is told again when it is closed.
"""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import polars as pl

from pipelines.synthetic.calibration import add_months
from pipelines.synthetic.cases import CaseFiles
from pipelines.synthetic.deliveries import arrival
from pipelines.synthetic.months import Month
from pipelines.synthetic.persons import CARD, NAME, PHONE, made_up

CHANNELS = ("12333热线", "12345热线", "劳动保障监察", "根治欠薪平台", "其他")
KINDS_OF_COMPLAINT = ("拖欠工资", "社会保险", "劳动合同", "工时休假", "其他")
CAUSES = ("追索劳动报酬", "经济补偿", "解除劳动合同", "社会保险", "工伤待遇", "其他")
COLLECTIVE = 10


@dataclass
class ComplaintFiles(CaseFiles):
    """Writes the complaints of each month."""

    name: str = "complaints"
    begins: int = 0

    def __post_init__(self) -> None:
        """Plan the cases and open the desk."""
        self._plan()
        self.personal = (*(f"投诉人{what}" for what in (NAME, CARD, PHONE)), "诉求内容")
        self.desk = self.city.desk(
            "wage_complaint",
            "劳动保障诉求工单",
            errors={
                0.24: ("unknown_code", "complaint_kind"),
                0.4: ("no_such_day", "accepted_on"),
                0.54: ("check_symbol", "enterprise_id"),
                0.64: ("full_width", "involved_persons"),
            },
            personal=self.personal,
        )
        section = np.array(self.city.people.section)
        self.usual = self.usual * np.where(section == "F", self.habits["construction"], 1.0)

    def write(self, month: Month) -> None:
        """Deliver the complaints of ``month`` and how those of the month before ended."""
        ahead = max(self.city.festival_days(add_months(month.month, k)) for k in (0, 1))
        cases = self._cases(month, self.usual * (1 + (self.habits["before_festival"] - 1) * ahead))
        numbers = pl.Series([f"GD{month.month:%Y%m}{n:07d}" for n in cases["serial"]], dtype=pl.String)
        self._keep(cases, numbers)
        rows = self._rows(cases, numbers, month)
        ended = (
            pl.when(pl.Series(self.rng.random(rows.height) < 0.9)).then(pl.lit("已办结")).otherwise(pl.lit("已撤回"))
        )
        self.desk.send(
            rows,
            month.month,
            month.number,
            at=arrival(month.month, months_later=1, day=2, hour=9, minute=int(self.rng.integers(60))),
            revised=rows.with_columns(complaint_status=ended),
        )

    def _rows(self, cases: pl.DataFrame, numbers: pl.Series, month: Month) -> pl.DataFrame:
        count = cases.height
        follows = cases["episode"].is_not_null().to_numpy()
        kind = np.where(
            follows | (self.rng.random(count) < 0.55), 0, self.rng.integers(1, len(KINDS_OF_COMPLAINT), count)
        )
        named_as, counties = self._named(cases, month)
        person = made_up(count, "投诉人", self.rng)
        told = [f"{who}反映{firm}拖欠工资等问题" for who, firm in zip(person[self.personal[0]], named_as, strict=True)]
        return pl.DataFrame(
            {
                "case_no": numbers,
                "complaint_channel": pl.Series(CHANNELS).gather(
                    self.rng.choice(len(CHANNELS), count, p=[0.2, 0.35, 0.25, 0.15, 0.05])
                ),
                **person,
                "enterprise_id": self._codes(cases),
                "named_as": named_as,
                "county_code": counties,
                "complaint_kind": pl.Series(KINDS_OF_COMPLAINT).gather(kind),
                "accepted_on": cases["day"],
                "involved_persons": cases["persons"],
                "claimed_fen": self._claimed(cases, 1.4),
                "诉求内容": pl.Series(told, dtype=pl.String),
                "complaint_status": pl.Series(["办理中"], dtype=pl.String).new_from_index(0, count),
            }
        )


@dataclass
class ArbitrationFiles(CaseFiles):
    """Writes the cases before the commission."""

    name: str = "disputes"
    begins: int = 1

    def __post_init__(self) -> None:
        """Plan the cases and open the desk."""
        self._plan()
        self.personal = tuple(f"申请人{what}" for what in (NAME, CARD, PHONE))
        self.desk = self.city.desk(
            "arbitration",
            "劳动人事争议仲裁案件",
            encoding="utf-8-sig",
            errors={0.32: ("negative", "claimant_persons"), 0.48: ("check_symbol", "enterprise_id"), 0.6: ("late", "")},
            personal=self.personal,
        )

    def write(self, month: Month) -> None:
        """Deliver the cases of ``month`` and how those of the month before were closed."""
        cases = self._cases(month, self.usual)
        numbers = pl.Series(
            [f"模拟劳人仲案字〔{month.month.year}〕第{n:05d}号" for n in cases["serial"]], dtype=pl.String
        )
        self._keep(cases, numbers)
        rows = self._rows(cases, numbers, month)
        waited = [
            on + timedelta(days=int(d))
            for on, d in zip(cases["day"], self.rng.integers(15, 31, rows.height), strict=True)
        ]
        outcome = pl.Series(("调解", "裁决", "撤回")).gather(self.rng.choice(3, rows.height, p=[0.55, 0.35, 0.1]))
        closed = rows.with_columns(case_closed_on=pl.Series(waited, dtype=pl.Date), arbitration_outcome=outcome).filter(
            pl.Series(self.rng.random(rows.height) < 0.8)
        )
        self.desk.send(
            rows,
            month.month,
            month.number,
            at=arrival(month.month, months_later=1, day=20, hour=10, minute=int(self.rng.integers(60))),
            revised=closed,
        )

    def _rows(self, cases: pl.DataFrame, numbers: pl.Series, month: Month) -> pl.DataFrame:
        count = cases.height
        named_as, counties = self._named(cases, month)
        return pl.DataFrame(
            {
                "arbitration_no": numbers,
                **made_up(count, "申请人", self.rng),
                "enterprise_id": self._codes(cases),
                "named_as": named_as,
                "county_code": counties,
                "dispute_cause": pl.Series(CAUSES).gather(
                    self.rng.choice(len(CAUSES), count, p=[0.36, 0.24, 0.2, 0.08, 0.08, 0.04])
                ),
                "filed_on": cases["day"],
                "claimant_persons": cases["persons"],
                "is_collective": cases["persons"] >= COLLECTIVE,
                "claimed_fen": self._claimed(cases, 2.5),
                "case_closed_on": pl.Series([None] * count, dtype=pl.Date),
                "arbitration_outcome": pl.Series([None] * count, dtype=pl.String),
            }
        )
