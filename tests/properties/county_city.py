"""A city of random enterprises over counties whose names contain one another, through report, publish and alert."""

import re
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))

from edition_city import OCTOBER, City, Firm, make

from pipelines import logs
from pipelines.means import Means
from pipelines.run import Run, add_months
from pipelines.settings import City as Site
from pipelines.settings import County, Mail, Settings
from pipelines.stages import alert, outlook, publish, report

UNKNOWN, UNNAMED = "000000", "320799"
COUNTIES = {"320706": "海州区", "320707": "赣榆区", "320771": "海州区开发区", "320772": "徐圩新区"}
"""Two districts and two functional zones; the name of one zone begins with a district's."""
PLACES = (*COUNTIES, UNNAMED, None)
RECIPIENTS = {code: f"{code}@localhost" for code in COUNTIES}
BOTH, OUTER, DUTY = "both@localhost", "outer@example.com", "duty@localhost"
MAILED = {**{address: {code} for code, address in RECIPIENTS.items()}, BOTH: {"320706", "320772"}, OUTER: set()}
"""Recipient → the counties whose numbers its mail may hold."""
NIGHTS = ((date(2026, 11, 10), OCTOBER), (date(2026, 11, 16), OCTOBER), (date(2026, 12, 14), add_months(OCTOBER, 1)))
NAMES = (
    "赣榆区{}服装有限公司",
    "海州区开发区{}（徐圩新区分公司）",
    '=HYPERLINK("http://x","{}")',
    "<b>{}</b>&amp;<script>alert(1)</script>",
    "+SUM({})",
    "@{}'\"工厂",
    "{}\n第二行",
    "{}&海州区劳务",
)
STAFF = ((100, 400), (740, 800), (75, 100), (40, 40), (50, 50), (12, 60))
LIKE_A_NEEDLE = re.compile(r"91320700MA\d{7}X|Z\d{4}Q|YJ[\d-]+")
"""How codes, the serials in names, and numbers of warnings, visits and orders look in this city."""
MADE = ("edition", "outlook", "out")
"""Layers that the stages under test make; what else they ask for and the city leaves out is empty."""
FORMS = ("right", "right", "none", "early", "strange", "foreign")
NUMBERED = {
    "edition.warning": "warning_no",
    "edition.warning_change": "warning_no",
    "edition.visit_answer": "visit_no",
    "edition.work_order": "order_no",
}


@dataclass(frozen=True)
class Needle:
    """A word of one enterprise's rows, and the county whose files alone may hold it."""

    what: Literal["code", "name", "number"]
    word: str
    owner: str
    county: str


@dataclass
class Night:
    """One edition's files, and whose each word of its rows is."""

    run: Run
    needles: frozenset[Needle]
    typed: frozenset[tuple[str, str]]
    """County and number, where a form that names an enterprise of the county carries another one's number."""
    listed: frozenset[str]
    told: list[str]
    receipts: list[Any]


@dataclass
class Draw:
    """The enterprises of one city and what happens to them from night to night; ``seen`` counts what did."""

    city: City
    draw: np.random.Generator
    firms: list[Firm] = field(default_factory=list)
    forms: list[dict[str, Any]] = field(default_factory=list)
    places: dict[str, str] = field(default_factory=dict)
    """Enterprise → the county where it was seen last."""
    owners: dict[str, str] = field(default_factory=dict)
    """Number of a warning, visit or order → enterprise, of all editions so far."""
    typed: set[tuple[str, str]] = field(default_factory=set)
    """Enterprise and number that a form about it carries though it is another one's."""
    seen: Counter[str] = field(default_factory=Counter)

    def found(self, count: int) -> None:
        """Fill the city with ``count`` enterprises."""
        for number in range(count):
            serial = f"Z{number:04d}Q"
            parent = self.draw.integers(0, count) if self.draw.random() < 0.3 else None
            core = {
                "enterprise_name": str(self.draw.choice(NAMES)).format(serial),
                "parent_enterprise_id": None if parent is None or parent == number else code_of(int(parent)),
                "is_labour_agency": bool(self.draw.random() < 0.15),
            }
            self.firms.append(Firm(code_of(number), 50, 50, self._place(), core=core))

    def live(self) -> None:
        """Everything that may change before a night does: staff, county, and what officers send in."""
        gone = {firm.code for firm in self.firms[1:] if self.draw.random() < 0.05}
        self.firms = [self._changed(firm, gone) for firm in self.firms if firm.code not in gone]

    def _changed(self, firm: Firm, gone: set[str]) -> Firm:
        insured, before = STAFF[self.draw.integers(0, len(STAFF))]
        place = self._place() if self.draw.random() < 0.25 else firm.county
        self.seen["moved"] += place != firm.county
        exporter = {"is_us_exporter": bool(self.draw.random() < 0.4), "export_us_share_12m_ratio": 0.45}
        orphaned = {"parent_enterprise_id": None} if firm.core["parent_enterprise_id"] in gone else {}
        seen = {"insured": insured, "before": before, "county": place, "features": exporter}
        return replace(firm, **seen, points=40, dimensions=2, core={**firm.core, **orphaned})

    def _place(self) -> str | None:
        found = PLACES[self.draw.integers(0, len(PLACES))]
        return None if found is None else str(found)

    def answer(self, on: date) -> None:
        """Officers send forms of what is listed: good ones, and with the numbers of other cases."""
        listed = self.city.rows("edition.warning")
        known = {firm.code for firm in self.firms}
        for code, row in listed.items():
            if code not in known or self.draw.random() < 0.5:
                continue
            kind = str(self.draw.choice(FORMS))
            others = [other["warning_no"] for other in listed.values() if other["enterprise_id"] != code]
            number = {"none": None, "strange": "YJ209901320706999", "early": row["warning_no"]}.get(
                kind, row["warning_no"]
            )
            if kind == "foreign" and others:
                number = str(self.draw.choice(others))
                self.typed.add((code, number))
            day = date(2026, 9, 1) if kind == "early" else on
            form = {"visit_no": f"{row['warning_no']}-{on:%y%m%d}", "warning_no": number, "visited_on": day}
            said = {
                "is_false_alarm": bool(self.draw.random() < 0.4),
                "services_given": "就业政策",
                "visit_mode": "上门",
            }
            self.forms.append({**form, **said, "enterprise_no": code})


def code_of(number: int) -> str:
    """A code as long as a real one; no enterprise has it."""
    return f"91320700MA{number:07d}X"


def drawn(folder: Path, seed: int, *, count: int) -> Draw:
    """A city of ``count`` enterprises in ``folder``."""
    city = make(folder)
    counties = {code: County(name=name, capacity=count) for code, name in COUNTIES.items()}
    mail = Mail(
        duty=(DUTY,),
        county={
            code: (address, *((BOTH,) if code in MAILED[BOTH] else ()), *((OUTER,) if code == "320707" else ()))
            for code, address in RECIPIENTS.items()
        },
    )
    city.settings = Settings(
        city=Site(name="某市", simulated=True), counties=counties, mail=mail, default_capacity=count
    )
    city.home.settings_file.write_text("[city]\nname = '某市'\n", encoding="utf-8")
    found = Draw(city, np.random.default_rng(seed))
    found.found(count)
    return found


def nights(draw: Draw, *, after: Callable[[Night], None], count: int = len(NIGHTS)) -> None:
    """Make an edition of each night and give its files to ``after``."""
    for place, (as_of, month) in enumerate(NIGHTS[:count]):
        if place:
            draw.answer(NIGHTS[place - 1][0])
        draw.live()
        after(_night(draw, as_of, month))


def _night(draw: Draw, as_of: date, month: date) -> Night:
    city, told, receipts = draw.city, list[str](), list[Any]()
    now = datetime.combine(as_of, datetime.min.time())

    def knowing(run: Run) -> Run:
        numbers = {code: row["enterprise_no"] for code, row in city.rows("core.enterprise").items()}
        rows = [{**form, "enterprise_no": numbers.get(form["enterprise_no"])} for form in draw.forms]
        city.give("core.follow_up", [row for row in rows if row["enterprise_no"] is not None])
        city.give("core.vacancy_month", [posting(number, month) for number in sorted(numbers.values())[::2]])
        city.give("core.claim_month", [claim(number, month) for number in sorted(numbers.values())[::3]])
        for table in city.warehouse.contracts.tables:
            if table.split(".")[0] not in MADE and not city.warehouse.exists(table):
                city.give(table, [])
        return run

    decision, _ = city.night(as_of, month, draw.firms, batch=f"b{as_of}", change=knowing)
    means = Means(home=city.home, now=now, progress=told.append)
    with logs.recorded(means, as_of=as_of, clock=lambda: now) as recorded:
        run = replace(decision.run, progress=recorded.progress)
        receipts += [
            outlook.run(run, city.warehouse, previous=decision.previous),
            report.run(run, city.warehouse),
            publish.run(run, city.warehouse, city.ledger),
            alert.run(run, city.warehouse, city.ledger, now=now),
        ]
    _count(draw)
    return Night(run, *_owned(draw), frozenset(city.rows("edition.warning", "warning_no")), told, receipts)


def _count(draw: Draw) -> None:
    """Count what must happen now and then, or a test of it says nothing."""
    city, places = draw.city, {firm.code: firm.county for firm in draw.firms}
    kinds = Counter(row["change_kind"] for row in city.rows("edition.warning_change").values())
    draw.seen["解除"] += kinds["解除"]
    draw.seen["filtered"] += len(city.rows("edition.filtered"))
    answers = city.rows("edition.visit_answer", "visit_no").values()
    draw.seen["refused"] += sum(row["answer_state"] == "未采纳" for row in answers)
    parents = [(firm.county, firm.core["parent_enterprise_id"]) for firm in draw.firms]
    draw.seen["other parent"] += sum(code in places and places[code] != county for county, code in parents)


def _owned(draw: Draw) -> tuple[frozenset[Needle], frozenset[tuple[str, str]]]:
    """Words of every enterprise that was ever there, under its last county; what forms carry beside."""
    draw.places |= {firm.code: firm.county or UNKNOWN for firm in draw.firms}
    for table, key in NUMBERED.items():
        draw.owners |= {row[key]: row["enterprise_id"] for row in draw.city.warehouse.frame(f"FROM {table}").to_dicts()}
    words = [
        *(("code", code, code) for code in draw.places),
        *(("name", serial_of(code), code) for code in draw.places),
    ]
    words += [("number", number, code) for number, code in draw.owners.items()]
    found = {Needle(what, word, owner, draw.places[owner]) for what, word, owner in words}
    return frozenset(found), frozenset((draw.places[code], number) for code, number in draw.typed)


def posting(number: int, month: date) -> dict[str, Any]:
    """Posts of one enterprise, as many as no other has."""
    return {
        "enterprise_no": number,
        "month": month,
        "job_field": "生活服务",
        "posts": 1_000 + number,
        "posting_count": 1,
    }


def claim(number: int, month: date) -> dict[str, Any]:
    """Claims of those whom one enterprise insured last."""
    return {"enterprise_no": number, "month": month, "claim_persons": 3, "laid_off_claim_persons": 1}


def serial_of(code: str) -> str:
    """What no other enterprise has in its name."""
    return f"Z{int(code[10:17]):04d}Q"
