"""Levels of an area: which the facts of a month give, and which stands after the months before it.

A level rises at once and falls only after months, counted in insurance months and not in nights, in which the facts no
longer give it. The lines are dated parameters; those of the first level follow Shandong's rule of 2016 (KNOWLEDGE 1.2).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

from pipelines.formats import percent

LEVELS = ("Ⅰ级", "Ⅱ级", "Ⅲ级", "Ⅳ级")
NONE = "无"
COUNTY, INDUSTRY = "县区", "行业"
RISE, FALL, ENTRY, EXIT, SAME = "升级", "降级", "新增", "解除", "持续"


@dataclass(frozen=True)
class Facts:
    """One area in one insurance month.

    ``excess_ratio`` is the net loss over the staff of the month before, above what is usual in that month of the year;
    ``worst_months`` how many months in a row, the last one included, lie in the worst tenth of the area's own history.
    None where history is too short or the month unknown.
    """

    kind: str
    loss_persons: int | None
    large_events: int
    largest_loss: int
    excess_ratio: float | None
    worst_months: int | None
    cluster_probability: float | None


@dataclass(frozen=True)
class Lines:
    """The lines in force: events, persons, shares of staff, months and a probability.

    Shares and months count only where the area lost ``least_loss_persons`` at least.
    """

    first_events: int
    first_persons: int
    second_events: int
    second_excess_ratio: float
    third_months: int
    fourth_probability: float
    least_loss_persons: int
    release_months: int


@dataclass(frozen=True)
class Standing:
    """What an area stands at: its level, the month since which, the day on which an edition first said so.

    ``clean_months`` are those in a row that gave less, ``month`` is the last judged.

    ``text`` says by which line it was reached.
    """

    level: str
    since: date
    reached_on: date
    clean_months: int
    month: date
    text: str


def given(facts: Facts, lines: Lines) -> tuple[str, str]:
    """The level that the facts of one month give, and the sentence that says by which line."""
    if facts.large_events >= lines.first_events:
        return LEVELS[0], f"当月大额减员企业{facts.large_events}家，达到{lines.first_events}家"
    if facts.largest_loss >= lines.first_persons:
        return LEVELS[0], f"一家企业当月净减员{facts.largest_loss}人，达到{lines.first_persons}人"
    if facts.large_events >= lines.second_events:
        return LEVELS[1], f"当月大额减员企业{facts.large_events}家，达到{lines.second_events}家"
    lost, excess = facts.loss_persons or 0, facts.excess_ratio
    if lost >= lines.least_loss_persons:
        if facts.kind == COUNTY and excess is not None and excess >= lines.second_excess_ratio:
            more, line = percent(excess), percent(lines.second_excess_ratio)
            return LEVELS[1], f"当月净减员{lost}人，占上月参保的比例比常年同期高{more}，达到{line}"
        if facts.kind == INDUSTRY and facts.worst_months is not None and facts.worst_months >= lines.third_months:
            return LEVELS[2], f"当月净减员{lost}人，已连续{facts.worst_months}个月处于本行业历史最差的一成"
    chance = facts.cluster_probability
    if chance is not None and chance >= lines.fourth_probability:
        return LEVELS[3], f"未来三个月出现{lines.first_events}家及以上大额减员的可能性约{percent(chance, places=0)}"
    return NONE, "未达到任何一级"


def standing(now: tuple[str, str], before: Standing | None, *, month: date, as_of: date, lines: Lines) -> Standing:
    """What the area stands at on ``as_of`` after ``month``, of which ``now`` is what its facts give.

    Judged again in the same month (a later night, a revision) the month is counted once. A rise holds at once; what
    rose in this month and is no longer given by it was an error of the data, and goes at once.
    """
    level, text = now
    new = Standing(level, month, as_of, 0, month, text)
    if before is None or before.month > month or grade(level) > grade(before.level):
        return new
    if level == before.level:
        return replace(before, clean_months=0, month=month, text=text)
    is_new = month > before.month
    if not is_new and before.since == month:
        return new
    clean = before.clean_months + 1 if is_new or before.clean_months == 0 else before.clean_months
    return new if clean >= lines.release_months else replace(before, clean_months=clean, month=month)


def told(now: Standing, lines: Lines) -> str:
    """Why the level stands, in a sentence."""
    if not now.clean_months:
        return now.text
    return f"{now.text}；此后{now.clean_months}个月未再达到，满{lines.release_months}个月下调"


def change(level: str, before: Standing | None) -> str:
    """How a level differs from the one of the edition before."""
    old = before.level if before else NONE
    if level == old:
        return SAME
    if old == NONE:
        return ENTRY
    if level == NONE:
        return EXIT
    return RISE if grade(level) > grade(old) else FALL


def grade(level: str) -> int:
    """The gravity of a level: 4 for the first, 0 for none."""
    return _GRADES[level]


_GRADES: Mapping[str, int] = {level: 4 - place for place, level in enumerate(LEVELS)} | {NONE: 0}
