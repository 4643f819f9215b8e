"""A home with hand-made editions of full counties, and what became of everyone: some were visited, most lost staff.

Each candidate stands in one contest only. Its head count is ``STAFF`` up to the month of the edition and what is left
of it three months later; the visited lose ``effect`` less.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
from ingest_files import INSURANCE, drop, text, uscc

from pipelines.arrivals import receive
from pipelines.ledger import EditionRecord, Ledger
from pipelines.means import Means
from pipelines.run import add_months

COUNTIES = ("320703", "320706", "320707", "320722", "320723", "320724")
FIRST, MONTHS, CAPACITY, STAFF = date(2025, 12, 1), 8, 8, 200
LAST_MONTH = add_months(FIRST, MONTHS + 2)
UNITS = ["单位编号", "统一社会信用代码", "单位名称", "县区代码", "参保日期"]
FLOWS = ["转出单位编号", "转入单位编号", "流动月份", "流动人数"]
VISITS = ["走访编号", "统一社会信用代码", "走访日期", "走访方式", "是否误报"]


@dataclass
class Firm:
    """A candidate: its contest, its rank in it (1 is the highest), who listed and visited it, and persons lost."""

    number: int
    county: str
    month: date
    rank: int
    is_visited: bool
    lost: int

    @property
    def is_listed(self) -> bool:
        return self.rank <= CAPACITY


@dataclass
class House:
    """The candidates and the home that they are told to."""

    means: Means
    firms: list[Firm] = field(default_factory=list)

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.means.home.ledger)


def fill(means: Means, *, effect: float = 0.3, seed: int = 1, months: int = MONTHS, silent: str = "") -> House:
    """A house whose visited lost ``effect`` of the staff less, its deliveries landed; no edition yet.

    The county ``silent`` sent nothing for the last month.
    """
    house = House(means, candidates(effect=effect, seed=seed, months=months))
    land(house, "insured_unit", [UNITS, *(_unit(firm) for firm in house.firms)])
    rows = [row for firm in house.firms for row in _months(firm, is_silent=firm.county == silent)]
    land(house, "insurance_month", [INSURANCE, *rows])
    return house


def candidates(*, effect: float = 0.3, seed: int = 1, months: int = MONTHS) -> list[Firm]:
    """Everyone who stood in a contest, the contests in order of month and county."""
    rng = np.random.default_rng(seed)
    found: list[Firm] = []
    for place in range(months):
        for county in COUNTIES:
            for rank in range(1, 2 * CAPACITY + 1):
                visited = bool(rng.random() < (0.9 if rank <= CAPACITY else 0.1))
                share = 0.5 - 0.01 * rank + rng.normal(0, 0.08) - effect * visited
                lost = round(STAFF * float(np.clip(share, 0, 0.95)))
                number = len(found) + 1
                found.append(Firm(number, county, add_months(FIRST, place), rank, visited, lost))
    return found


def land(house: House, feed: str, rows: Sequence[Sequence[str]]) -> None:
    """Land a file of ``feed`` as of the day after the last month."""
    folder = house.means.home.root.parent / f"sent-{feed}"
    path = drop(folder, f"{len(list(folder.glob('*')))}.csv", text(rows))
    ((_, delivery),) = receive(house.means, [path], feed=feed, at=datetime(2026, 11, 10), dated="lag")
    assert delivery is not None and delivery.status == "accepted", delivery
    assert delivery.rows_landed == len(rows) - 1


def visits(house: House) -> None:
    """Land the forms of the visited."""
    rows = [
        [f"V{firm.number:06d}", uscc(firm.number), f"{_night(firm.month).replace(day=20)}", "上门", "否"]
        for firm in house.firms
        if firm.is_visited
    ]
    land(house, "follow_up", [VISITS, *rows])


def issue(house: House, body: Mapping[str, Any], *, quiet: bool = False, revision: int = 1) -> Path:
    """Put ``body`` on record as an edition that was issued, and told unless ``quiet``; gives its file."""
    day = date.fromisoformat(body["edition"]["as_of"])
    path = house.means.home.editions / day.isoformat() / f"r{revision}/edition.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(body, ensure_ascii=False), encoding="utf-8")
    at = datetime.combine(day, datetime.min.time())
    record = EditionRecord(day, revision, at, 1, "d", "issued", "", "c", "p", "china")
    house.ledger.record_edition(record, at=at)
    house.ledger.append("finished", subject=record.edition_id, at=at, body={"quiet": True} if quiet else {})
    return path


def issue_all(house: House) -> None:
    """An edition a month, with all counties."""
    for month in sorted({firm.month for firm in house.firms}):
        issue(house, edition([firm for firm in house.firms if firm.month == month]))


def edition(firms: Sequence[Firm], *, day: date | None = None, **inputs: int) -> dict[str, Any]:
    """The document of the night on which ``firms`` stood against one another, as far as impact reads it.

    ``inputs`` are the same for all of them.
    """
    night = day or _night(firms[0].month)
    entries = [entry(firm, night, **inputs) for firm in firms]
    return {
        "edition": {
            "as_of": night.isoformat(),
            "reference_month": firms[0].month.isoformat(),
            "model_id": "rule-1",
        },
        "counties": [{"county_code": code, "visit_capacity": CAPACITY} for code in COUNTIES],
        "state": {
            "listed": [told for firm, told in zip(firms, entries, strict=True) if firm.is_listed],
            "kept_out": [told for firm, told in zip(firms, entries, strict=True) if not firm.is_listed],
        },
    }


def entry(firm: Firm, night: date, **inputs: int) -> dict[str, Any]:
    """What the document remembers of ``firm``; its points follow its rank."""
    known: Mapping[str, int] = {
        "insured_persons": STAFF,
        "previous_insured_persons": STAFF + 10 + firm.number % 7,
        "net_loss_persons": 10 + firm.number % 7,
        "points": 60 - firm.rank,
        "staff_persons": STAFF,
    }
    return {
        "enterprise_id": uscc(firm.number),
        "county_code": firm.county,
        "colour": "蓝",
        "inputs": {**known, **inputs},
        "listed_since": night.isoformat() if firm.is_listed else None,
        "is_capacity_limited": firm.is_listed,
        "filter_code": "" if firm.is_listed else "capacity",
    }


def _night(month: date) -> date:
    return add_months(month, 1).replace(day=12)


def _unit(firm: Firm) -> list[str]:
    return [f"3207{firm.number:06d}", uscc(firm.number), f"测试企业{firm.number}有限公司", firm.county, "2015-06-01"]


def _months(firm: Firm, *, is_silent: bool) -> list[list[str]]:
    rows = []
    month, end = add_months(FIRST, -1), add_months(LAST_MONTH, -1 if is_silent else 0)
    while month <= end:
        persons = STAFF if month <= firm.month else STAFF - firm.lost
        money = [f"{persons * 100}"] * 6
        rows.append([f"3207{firm.number:06d}", f"{month:%Y%m}", str(persons), "0", "0", f"{persons * 5000}", *money])
        month = add_months(month, 1)
    return rows


def zeroed(firm: Firm) -> list[list[str]]:
    """The months of ``firm`` after its edition anew, without anybody insured."""
    gone = replace(firm, lost=STAFF)
    return [row for row in _months(gone, is_silent=False) if row[1] > f"{firm.month:%Y%m}"]
