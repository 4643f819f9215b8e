"""Levels of an area: which the facts of a month give, and which stands after the months before it.

A level rises at once and falls only after months, counted in insurance months and not in nights, in which the facts no
longer give it; a month of which nothing is known counts for nothing. The lines are dated parameters; those of the first
level follow Shandong's rule of 2016 (KNOWLEDGE 1.2).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from pipelines import formats
from pipelines.stages.outlook.signs import Sign

LEVELS = ("Ⅰ级", "Ⅱ级", "Ⅲ级", "Ⅳ级")
NONE = "无"
COUNTY, INDUSTRY, CELL = "县区", "行业", "县区行业"
MONTHS_KEPT = 6
RISE, FALL, ENTRY, EXIT, SAME = "升级", "降级", "新增", "解除", "持续"


@dataclass(frozen=True)
class Facts:
    """One area in one insurance month.

    ``excess_ratio`` is the net loss over the staff of the month before, above what is usual in that month of the year;
    ``worst_months`` how many months in a row, the last one included, lie in the worst tenth of the area's own history.
    None where history is too short or the month unknown. ``has_stood`` is whether an edition put the area at a level by
    its signs in this month already: the index moves from night to night, and must fall clearly before it lets go.
    """

    kind: str
    loss_persons: int | None
    large_events: int
    largest_loss: int
    excess_ratio: float | None
    worst_months: int | None
    cluster_probability: float | None
    sign: Sign | None = None
    has_stood: bool = False


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
    fourth_sign_index: float
    held_sign_index: float
    least_loss_persons: int
    release_months: int


@dataclass(frozen=True)
class Stood:
    """A level, the month since which it stands, and the day on which an edition first said so."""

    level: str
    since: date
    reached_on: date


@dataclass(frozen=True)
class Standing:
    """What an area stands at after ``month``, and what is needed to judge that month again, or the next.

    ``given`` has, by ISO month, the level and the sentence that the facts of each recent known month gave; ``earlier``
    is what stood before ``month`` was first judged, and ``said`` what editions before said of ``month``, each once.
    """

    stood: Stood
    month: date
    given: Mapping[str, tuple[str, str]]
    earlier: Stood | None = None
    said: tuple[Stood, ...] = ()


def given(facts: Facts, lines: Lines, *, month: date) -> tuple[str, str]:
    """The level that the facts of one month give, and the sentence that says by which line."""
    when = formats.month(month)
    if facts.kind == CELL:
        return _by_sign(facts, lines, when)
    if facts.large_events >= lines.first_events:
        return LEVELS[0], f"{when}大额减员企业{facts.large_events}家，达到{lines.first_events}家"
    if facts.largest_loss >= lines.first_persons:
        return LEVELS[0], f"一家企业{when}净减员{facts.largest_loss}人，达到{lines.first_persons}人"
    if facts.large_events >= lines.second_events:
        return LEVELS[1], f"{when}大额减员企业{facts.large_events}家，达到{lines.second_events}家"
    lost, excess = facts.loss_persons or 0, facts.excess_ratio
    if lost >= lines.least_loss_persons:
        if facts.kind == COUNTY and excess is not None and excess >= lines.second_excess_ratio:
            more, line = points(excess), points(lines.second_excess_ratio)
            return LEVELS[1], f"{when}净减员{lost}人，净减员率比常年同期高{more}，达到{line}"
        if facts.kind == INDUSTRY and facts.worst_months is not None and facts.worst_months >= lines.third_months:
            return LEVELS[2], f"{when}净减员{lost}人，已连续{facts.worst_months}个月处于本行业历史最差的一成"
    chance = facts.cluster_probability
    if chance is not None and chance >= lines.fourth_probability:
        likely = formats.percent(chance, places=0)
        return LEVELS[3], f"按{when}数据，未来三个月出现{lines.first_events}家及以上大额减员的可能性约{likely}"
    return NONE, "未达到任何一级"


def _by_sign(facts: Facts, lines: Lines, when: str) -> tuple[str, str]:
    """A county's industry has one line of its own; counties and industries have the others."""
    sign = facts.sign
    if sign is None or sign.index < (lines.held_sign_index if facts.has_stood else lines.fourth_sign_index):
        return NONE, "未达到任何一级"
    line = f"达到{lines.fourth_sign_index:g}"
    if sign.index < lines.fourth_sign_index:
        line = f"当月曾达到{lines.fourth_sign_index:g}，未低于{lines.held_sign_index:g}"
    return LEVELS[3], (
        f"截至{when}数据，{sign.enterprises}家企业的先兆（{'、'.join(sign.leading)}）比自身往常和全市同规模企业明显集中，"
        f"先兆指数{sign.index:.2f}，{line}"
    )


def points(ratio: float) -> str:
    """A difference of two shares: 2.9个百分点."""
    return f"{formats.percent(ratio).removesuffix('%')}个百分点"


def standing(
    now: tuple[str, str] | None, before: Standing | None, *, month: date, as_of: date, lines: Lines
) -> Standing:
    """What the area stands at on ``as_of`` after ``month``; ``now`` is what its facts give, None where not known.

    The gravest level of the last ``release_months`` known months stands: it rises at once, and falls after as many
    months without it. The same month judged again takes the place of what was said of it; a level that it gives again
    goes on from the day on which it was first said, and so do its orders. A month that goes back, as where a delivery
    was withdrawn, leaves out what came after.
    """
    here = month.isoformat()
    months = {key: told for key, told in (before.given if before else {}).items() if key < here}
    if now is not None:
        months[here] = now
    kept = {key: months[key] for key in sorted(months)[-MONTHS_KEPT:]}
    level = max((kept[key][0] for key in sorted(kept)[-lines.release_months :]), key=grade, default=NONE)
    earlier = before.stood if before else None
    said: tuple[Stood, ...] = ()
    known = [earlier]
    if before is not None and before.month >= month:
        earlier = before.earlier
        said = tuple(dict.fromkeys((*before.said, before.stood))) if before.month == month else ()
        known = [earlier, *said] if said else [before.stood, earlier]
    held = next((stood for stood in known if stood is not None and stood.level == level), None)
    return Standing(held or Stood(level, month, as_of), month, kept, earlier, said)


def reason(now: Standing, lines: Lines) -> str:
    """Why the level stands, in a sentence."""
    if not now.given:
        return "没有可比数据，未判定"
    level = now.stood.level
    told = [key for key in sorted(now.given) if now.given[key][0] == level]
    text = now.given[told[-1]][1] if told else "未达到任何一级"
    clean = sum(key > told[-1] for key in now.given) if told else 0
    if level != NONE and clean:
        text += f"；此后{clean}个月未再达到，满{lines.release_months}个月下调"
    return text if now.month.isoformat() in now.given else f"{text}；{formats.month(now.month)}数据不足，暂按此前月份"


def change(level: str, before: Standing | None) -> str:
    """How a level differs from the one of the edition before."""
    old = before.stood.level if before else NONE
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
