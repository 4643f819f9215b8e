"""From triggers to the list: spells, hysteresis in insurance months, filters and the officers' capacity.

A night without a new insurance month moves no count and lowers no colour, unless the month itself was revised or the
rules changed. Capacity limits new yellow and blue cases only; observed red and orange and filed reports always appear.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from pipelines.stages.edition.answers import is_held_off
from pipelines.stages.edition.document import Followed, Memory, VerifiedFalse
from pipelines.stages.edition.triggers import ABSENCES, OWN, SEVERITY

MONTHS_REMEMBERED = 12
VERIFIED_FALSE = "verified_false"
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Rules:
    """What decides beside the facts: the month judged, release, capacities, and what moved since the last edition.

    ``refuted`` are listed enterprises whose loss in the previous edition's month (``previous_month``) is gone from
    the data as they read now, such as a row that came late; ``returned`` were absent and are back with their staff.
    ``verified_false`` are enterprises that a visit found to be false alarms, ``recanted`` those found true.
    ``reserved`` are the case numbers that earlier revisions of the same day gave out, by enterprise, and
    ``reserved_numbers`` how far they counted: a number never comes to mean another enterprise.
    """

    as_of: date
    month: date | None
    release_clean_months: int
    capacity: Mapping[str, int]
    default_capacity: int
    same_month: bool = False
    rules_changed: bool = False
    revised: frozenset[str] = frozenset()
    refuted: frozenset[str] = frozenset()
    returned: frozenset[str] = frozenset()
    previous_month: date | None = None
    verified_false: Mapping[str, VerifiedFalse] = field(default_factory=dict)
    recanted: frozenset[str] = frozenset()
    previous_month_since: date | None = None
    reserved: Mapping[str, str] = field(default_factory=dict)
    reserved_numbers: Mapping[str, int] = field(default_factory=dict)

    @property
    def month_since(self) -> date:
        """The day on which the month judged was judged first."""
        return self.previous_month_since if self.same_month and self.previous_month_since else self.as_of

    def may_fall(self, enterprise_id: str) -> bool:
        """Whether tonight may lower or end what an earlier edition said about ``enterprise_id``."""
        return not self.same_month or self.rules_changed or enterprise_id in self.revised

    def limit(self, county_code: str) -> int:
        """New yellow and blue cases of ``county_code`` in one insurance month."""
        return self.capacity.get(county_code, self.default_capacity)


@dataclass(frozen=True)
class Listing:
    """A listed enterprise: its facts, its colour, and where it stands in its spell.

    ``raised_on`` is the day on which it entered or last rose; the response plan's clocks run from there.
    """

    row: Row
    colour: str
    kind: str
    warning_no: str
    raised_on: date
    listed_since: date
    listed_month: date | None
    months: Mapping[str, str]
    is_capacity_limited: bool
    before: Followed | None = None

    @property
    def is_triggered(self) -> bool:
        """Whether a trigger holds tonight."""
        return self.row["trigger_colour"] is not None

    @property
    def clean_months(self) -> int:
        """Insurance months in a row, up to the latest judged, without a trigger."""
        return clean_run(self.months)


@dataclass(frozen=True)
class Kept:
    """A triggered enterprise that a filter keeps off the list."""

    row: Row
    code: str


@dataclass(frozen=True)
class Release:
    """An enterprise that leaves the list; ``row`` is None where no delivery names it any more."""

    before: Followed
    row: Row | None
    why: str
    clean_months: int


@dataclass(frozen=True)
class Outcome:
    """The night's list, what was kept off it, what left it, and the counters that the next night goes on from."""

    listed: list[Listing]
    kept: list[Kept]
    released: list[Release]
    capacity_used: Mapping[str, int] = field(default_factory=dict)
    numbers: Mapping[str, int] = field(default_factory=dict)


def clean_run(months: Mapping[str, str]) -> int:
    """Length of the run of untriggered months at the end of ``months``."""
    count = 0
    for month in sorted(months, reverse=True):
        if months[month]:
            break
        count += 1
    return count


def weight(row: Row) -> int:
    """What is at stake: tenths of an expected lost job while a model leads, else points times insured persons.

    A closed enterprise has no prediction; its stake is its staff.
    """
    staff = int(row["staff_persons"] or 0)
    if row["expected_loss_persons"] is not None:
        tenths: float = row["expected_loss_persons"] * 10
        return round(tenths)
    return 10 * staff if row["is_model_led"] else int(row["points"] or 0) * staff


def settle(rows: Iterable[Row], memory: Memory | None, rules: Rules) -> Outcome:
    """Decide on every row that meets a trigger or was listed; every one of them ends in exactly one of the lists."""
    before = memory.listed if memory else {}
    listed: list[Listing] = []
    kept: list[Kept] = []
    released: list[Release] = []
    fresh: list[Row] = []
    seen = set()
    for row in rows:
        seen.add(row["enterprise_id"])
        earlier = before.get(row["enterprise_id"])
        barred = _barred(row, rules, is_listed=earlier is not None)
        if barred and row["trigger_colour"]:
            kept.append(Kept(row=row, code=barred))
        if earlier:
            verdict = Release(earlier, row, barred, 0) if barred else _continue(row, earlier, rules)
            listed.append(verdict) if isinstance(verdict, Listing) else released.append(verdict)
        elif row["trigger_colour"] and not barred:
            fresh.append(row)
    released += [Release(entry, None, "gone", 0) for key, entry in sorted(before.items()) if key not in seen]
    admitted, refused, used = _admit(fresh, memory, rules)
    kept += [Kept(row=row, code="capacity") for row in refused]
    numbered, numbers = _number(admitted, memory, rules)
    listed = sorted([*listed, *numbered], key=_order)
    return Outcome(listed=listed, kept=kept, released=released, capacity_used=used, numbers=numbers)


def _order(case: Listing) -> tuple[int, int, str]:
    return (-SEVERITY[case.colour], -weight(case.row), case.row["enterprise_id"])


def _barred(row: Row, rules: Rules, *, is_listed: bool) -> str:
    """Code of the filter that keeps ``row`` off the list, or nothing. Filed reports and own cases always appear."""
    if is_held_off(row, rules.verified_false.get(row["enterprise_id"]), month=rules.month):
        return VERIFIED_FALSE
    if row["trigger_colour"] is None or row["notice_cut_persons"] is not None or row["own_colour"] is not None:
        return ""
    if row["is_labour_agency"]:
        return "labour_agency"
    is_minor = SEVERITY[row["trigger_colour"]] < SEVERITY["橙"]
    return "deregistered" if row["ended_before_window"] and is_minor and not is_listed else ""


def _continue(row: Row, before: Followed, rules: Rules) -> Listing | Release:
    """The same case one edition later."""
    is_dropped = row["own_colour"] is None and OWN in before.months.values()
    may_fall = rules.may_fall(before.enterprise_id) or is_dropped
    months = {month: "" if is_dropped and code == OWN else code for month, code in before.months.items()}
    label = rules.month.isoformat() if rules.month else ""
    if before.enterprise_id in rules.refuted and rules.previous_month:
        months[rules.previous_month.isoformat()] = ""
    if before.enterprise_id in rules.returned:
        months = {month: "" if code in ABSENCES else code for month, code in months.items()}
    is_triggered = row["trigger_colour"] is not None
    is_known = row["insured_persons"] is not None or not row["has_features"]
    if is_triggered:
        months[label] = row["trigger_code"]
    elif is_known and (label not in months or may_fall):
        months[label] = ""
    clean = clean_run(months)
    if not is_triggered and not any(months.values()):
        return Release(before, row, "never", clean)
    if not is_triggered and months.get(label) == "" and clean >= rules.release_clean_months:
        return Release(before, row, "clean", clean)
    colour = row["trigger_colour"] if is_triggered else before.colour
    if SEVERITY[colour] < SEVERITY[before.colour] and not may_fall:
        colour = before.colour
    rise = SEVERITY[colour] - SEVERITY[before.colour]
    assert before.listed_since is not None, "a listed case has the day on which it was listed"
    return Listing(
        row=row,
        colour=colour,
        kind="升级" if rise > 0 else "降级" if rise < 0 else "持续",
        warning_no=before.warning_no,
        raised_on=rules.as_of if rise > 0 else before.raised_on or before.listed_since,
        listed_since=before.listed_since,
        listed_month=before.listed_month,
        months=dict(sorted(months.items())[-MONTHS_REMEMBERED:]),
        is_capacity_limited=before.is_capacity_limited,
        before=before,
    )


def is_exempt(row: Row) -> bool:
    """Whether a new case appears whatever the capacity: red and orange, filed reports, and what an officer added."""
    is_told = row["notice_cut_persons"] is not None or row["own_colour"] is not None
    return is_told or SEVERITY[row["trigger_colour"]] >= SEVERITY["橙"]


def _admit(fresh: list[Row], memory: Memory | None, rules: Rules) -> tuple[list[Row], list[Row], dict[str, int]]:
    """New cases within each county's capacity of the insurance month: yellow before blue, then by what is at stake."""
    used = dict(memory.capacity_used) if memory and rules.same_month else {}
    ranked = sorted(fresh, key=lambda r: (-SEVERITY[r["trigger_colour"]], -weight(r), r["enterprise_id"]))
    admitted, refused = [], []
    for row in ranked:
        county = row["county_code"]
        if is_exempt(row):
            admitted.append(row)
        elif used.get(county, 0) < rules.limit(county):
            used[county] = used.get(county, 0) + 1
            admitted.append(row)
        else:
            refused.append(row)
    return admitted, refused, used


def _number(rows: list[Row], memory: Memory | None, rules: Rules) -> tuple[list[Listing], dict[str, int]]:
    """New cases with numbers: YJ, insurance month, county, and a sequence that goes on from earlier editions."""
    numbers = dict(memory.numbers) if memory else {}
    for prefix, last in rules.reserved_numbers.items():
        numbers[prefix] = max(last, numbers.get(prefix, 0))
    month = rules.month or rules.as_of.replace(day=1)
    cases = []
    for row in rows:
        prefix = f"YJ{month:%Y%m}{row['county_code']}"
        number = rules.reserved.get(row["enterprise_id"])
        if number is None:
            numbers[prefix] = numbers.get(prefix, 0) + 1
            number = f"{prefix}{numbers[prefix]:03d}"
        cases.append(
            Listing(
                row=row,
                colour=row["trigger_colour"],
                kind="新增" if memory else "首期",
                warning_no=number,
                raised_on=rules.as_of,
                listed_since=rules.as_of,
                listed_month=rules.month,
                months={rules.month.isoformat() if rules.month else "": row["trigger_code"]},
                is_capacity_limited=not is_exempt(row),
            )
        )
    recent = sorted({prefix[:8] for prefix in numbers})[-MONTHS_REMEMBERED:]
    return cases, {prefix: last for prefix, last in numbers.items() if prefix[:8] in recent}
