"""The impact in Chinese words; and as plain values. Counts and effects, no enterprise."""

from collections.abc import Iterator, Mapping
from typing import Any

from models.discontinuity import FEWEST_CLUSTERS, FEWEST_ROWS, FEWEST_VALUES, Jump
from pipelines import formats
from pipelines.contests import COLOURS_APART, NOBODY_ADMITTED, ORDER_UNKNOWN
from pipelines.impact import EVENT, IMMATURE, KEPT, KNOWN, NO_STAFF, SHARE, UNKNOWN, Checks, Effect, Impact

UNUSABLE: Mapping[str, str] = {
    NOBODY_ADMITTED: "当晚没有新列入的企业",
    COLOURS_APART: "临界处两侧颜色不同",
    ORDER_UNKNOWN: "期次文件没有记下排序依据",
}
STANDINGS: Mapping[str, str] = {
    IMMATURE: "观察期未满",
    NO_STAFF: "基准月已无参保人员",
    UNKNOWN: "参保情况不明或所在县区数据中断",
}
EFFECTS: Mapping[str, tuple[str, str]] = {
    KEPT: ("每列入一家多保住的岗位", "人"),
    SHARE: ("净减员占参保人数的变化", "个百分点"),
    EVENT: ("发生规模性减员的变化", "个百分点"),
}
COVARIATES: Mapping[str, str] = {"log_staff": "人数规模", "points": "风险分", "earlier_loss_ratio": "此前净减员率"}
ALARM = 0.05 / (len(COVARIATES) + 3)
"""The level of one check, so that all of them together alarm falsely at most once in twenty."""
DETECTABLE = 2.8
"""An effect of so many standard errors is found four times in five by a test at one in twenty."""


def page(found: Impact) -> str:
    """What the command prints."""
    return "\n".join(_lines(found)) + "\n"


def plain(found: Impact) -> dict[str, Any]:
    """All of it as plain values, for ``--json``; what is unknown is null."""
    checks = found.checks
    return {
        "as_of": found.asked.as_of.isoformat(),
        "horizon_months": found.asked.horizon,
        "event": found.asked.meaning,
        "editions": found.contests.editions,
        "county_months": {"full": found.contests.full, "unusable": dict(found.contests.unusable)},
        "standings": dict(found.standings),
        "listed": vars(found.listed),
        "left_out": vars(found.left_out),
        "visit_forms": found.forms,
        "effects": {
            name: {part: _plain(jump) for part, jump in vars(effect).items()} for name, effect in found.effects.items()
        },
        "checks": {
            **{name: _plain(jump) for name, jump in vars(checks).items() if name != "balance"},
            "balance": {name: _plain(jump) for name, jump in checks.balance.items()},
        },
        "conclusion": list(_conclusion(found)),
    }


def _plain(jump: Jump | None) -> dict[str, float] | None:
    if jump is None:
        return None
    return {**vars(jump), "low": jump.low, "high": jump.high, "p_value": jump.p_value}


def _lines(found: Impact) -> Iterator[str]:
    asked = found.asked
    yield f"列入名单和走访的作用（截至{formats.day(asked.as_of)}，观察其后{asked.horizon}个参保月份）"
    yield from _counts(found)
    if found.effects[SHARE].at_cut is not None:
        for name in EFFECTS:
            yield from _effect(name, found.effects[name])
        yield from _checks(found.checks)
    for sentence in _conclusion(found):
        yield f"结论：{sentence}"


def _counts(found: Impact) -> Iterator[str]:
    contests = found.contests
    usable = contests.full - sum(contests.unusable.values())
    reasons = "，".join(f"{UNUSABLE[name]}{count}个" for name, count in contests.unusable.items())
    apart = f"；不可比{contests.full - usable}个（{reasons}）" if reasons else ""
    yield f"期次{contests.editions}期；走访容量用满的县区月{contests.full}个，可比{usable}个{apart}"
    for word, side in (("列入", found.listed), ("因容量未列入", found.left_out)):
        yield f"临界附近{word}{side.candidates}家，结果已知{side.known}家，其中走访过{side.visited}家"
    left = [f"{word}{found.standings[name]}家" for name, word in STANDINGS.items() if name in found.standings]
    if left:
        yield f"结果未知、不参与比较：{'，'.join(left)}"


def _effect(name: str, effect: Effect) -> Iterator[str]:
    title, unit = EFFECTS[name]
    if effect.at_cut is None:
        yield f"{title}：企业太少，不给数字"
        return
    beside = "，".join(
        f"{word}{_number(jump.estimate) if jump else '不给数字'}"
        for word, jump in (("带宽减半", effect.half), ("加倍", effect.double))
    )
    yield f"{title}：{_interval(effect.at_cut, unit)}；{beside}"
    if effect.per_visit is not None:
        yield f"  折算为每走访一家：{_interval(effect.per_visit, unit)}"


def _checks(checks: Checks) -> Iterator[str]:
    if checks.visited is not None:
        yield f"检查·走访：列入使走访过的比例变化{_interval(checks.visited, '个百分点')}"
    told = [f"{COVARIATES[name]}{_passed(jump)}" for name, jump in checks.balance.items()]
    yield f"检查·临界两侧事先是否相同：{'，'.join(told)}"
    yield (
        f"检查·结果已知的比例{_passed(checks.outcome_known)}，临界处的密度{_passed(checks.density)}，"
        f"假想的临界处{_passed(checks.placebo)}"
    )
    if checks.by_cell is not None:
        yield f"检查·误差改按县区月归组：净减员占比的95%区间{_range(checks.by_cell)}个百分点"


def _conclusion(found: Impact) -> Iterator[str]:
    """Plain words of what it means, or why nothing can be said."""
    effect = found.effects[SHARE]
    reason = _why_nothing(found)
    if reason or effect.at_cut is None:
        yield reason
        return
    jump = effect.at_cut
    if jump.high < 0:
        yield "在容量临界处，列入名单的企业此后减员更少，这一差别不像偶然。"
    elif jump.low > 0:
        yield "在容量临界处，列入名单的企业此后减员反而更多；请先看上面各项检查，并核对走访是否真的到位。"
    else:
        yield (
            "没有看出列入名单的作用，也不能说没有作用：净减员占比的变化小于约"
            f"{_number(DETECTABLE * jump.robust_error)}个百分点的，这些数据多半看不出来。"
        )
    if not found.forms:
        yield "没有收到任何走访表：以上只是列入名单的作用，走访的作用无从估计。"
    elif effect.per_visit is None:
        yield "列入与否没有明显改变走访与否，不给每走访一家的数字。"
    failed = _failed(found.checks)
    if failed:
        yield f"以下检查没有通过，上面的数字不宜采信：{'、'.join(failed)}。"
    yield "只适用于容量临界附近的黄色、蓝色企业，不能推到红色、橙色或离临界很远的企业。"


def _why_nothing(found: Impact) -> str:
    contests, forms = found.contests, "" if found.forms else "也没有收到任何走访表。"
    if not contests.editions:
        return "还没有发布过的期次，无从比较。"
    if not contests.full:
        return f"各县区的走访容量从未用满，没有因容量未列入的企业可作对照，无从比较；这不等于没有作用。{forms}"
    if contests.rows.is_empty():
        return f"容量用满的县区月都不可比（原因见上），无从比较。{forms}"
    if not found.standings.get(KNOWN):
        return f"临界附近的企业结果都还未知（原因见上），无从比较。{forms}"
    if found.effects[SHARE].at_cut is None:
        return (
            f"临界附近结果已知的企业太少：每侧至少要{FEWEST_ROWS}家次、{FEWEST_CLUSTERS}家不同企业、"
            f"{FEWEST_VALUES}种不同位置，不给数字。{forms}"
        )
    return ""


def _failed(checks: Checks) -> list[str]:
    named = {COVARIATES[name]: jump for name, jump in checks.balance.items()}
    named |= {"结果已知的比例": checks.outcome_known, "密度": checks.density, "假想的临界处": checks.placebo}
    return [name for name, jump in named.items() if jump is not None and jump.p_value < ALARM]


def _passed(jump: Jump | None) -> str:
    return "（企业太少，未检）" if jump is None else "有跳变" if jump.p_value < ALARM else "无跳变"


def _interval(jump: Jump, unit: str) -> str:
    return f"{_number(jump.estimate)}{unit}（95%区间{_range(jump)}）"


def _range(jump: Jump) -> str:
    return f"{_number(jump.low)}至{_number(jump.high)}"


def _number(value: float) -> str:
    """One decimal, the minus sign of all pages, and no minus zero."""
    text = f"{value:.1f}"
    return text.replace("-0.0", "0.0").replace("-", formats.MINUS)
