"""The reserve in Chinese words; and as plain values. Sums and counts, no enterprise."""

import math
from collections.abc import Iterator
from typing import Any

from models.unpaid import Figure
from pipelines import formats
from pipelines.parameters import Parameter
from pipelines.reserve import Opening, Reserve
from pipelines.reserve_past import Past, Told
from pipelines.stages.report.sheets import STANDINGS

ALWAYS = (
    "reserve_claim_months",
    "reserve_fewest_events",
    "reserve_most_months",
    "reserve_recovered_pct",
    "reserve_recovered_months",
    "reserve_stress_shock_times",
    "reserve_stress_odds_times",
    "reserve_stress_largest",
    "reserve_stress_months",
    "reserve_draws",
)
ASSUMED_WAGES = ("reserve_wage_chance_pct", "reserve_wage_staff_pct", "reserve_wage_months")
ASSUMED_CONTRIBUTIONS = ("reserve_contribution_chance_pct", "reserve_contribution_months")
COUNTED = ("stress_past_months", "stress_past_fall_pct", "stress_past_weight_rows")
LEFT_OUT = (
    "没有发生规模性减员的企业的欠薪、欠费（占比见依据），以及未参保人员和劳务派遣机构的",
    "医疗保险费：缴费数据只有养老、失业、工伤三项；缴费基数不等于实发工资",
    "没有登记为诉求、仲裁或走访记录的欠薪；批准的缓缴不算欠费",
    "持续多个季度的危机：各季度的共同冲击按相互独立模拟，只有冲击的强度贯穿全程；另一类危机（如5%的月份全市发生比骤升）会超出上限",
    "企业之间的上下游连锁；规模性减员的可能性按估计准确处理，其误差在未启用学习模型时只计次数的误差",
)


def page(found: Reserve) -> str:
    """What the command prints."""
    return "\n".join(_lines(found)) + "\n"


def plain(found: Reserve) -> dict[str, Any]:
    """All of it as plain values, for ``--json``; money in fen, what is unknown or not told is null."""
    ground = found.ground
    return {
        "edition": ground.edition["edition_id"],
        "as_of": ground.edition["as_of"].isoformat(),
        "is_simulated": ground.edition["is_simulated"],
        "confidence": found.asked.confidence,
        "periods": found.asked.periods,
        "period_months": ground.horizon,
        "need_fen": _plain(found.need),
        "need_wages_fen": _plain(found.part_needs[0]),
        "need_contributions_fen": _plain(found.part_needs[1]),
        "need_with_recovery_fen": _plain(found.recovered),
        "mean_fen": _plain(found.mean),
        "mean_wages_fen": _plain(found.parts[0]),
        "mean_contributions_fen": _plain(found.parts[1]),
        "quantiles_fen": {f"{pct:g}": _plain(figure) for pct, figure in found.quantiles.items()},
        "openings": [
            {
                "balance_fen": one.balance,
                "runs_dry": _plain(one.ruin),
                "replenished_fen": _plain(one.replenished) if one.replenished else None,
            }
            for one in found.openings
        ],
        "counties": [
            {"county_code": code, "county_name": name, "need_fen": _plain(figure) if figure else None}
            for code, name, figure in found.counties
        ],
        "stress": [{"name": one.name, "words": one.words, "need_fen": _plain(one.need)} for one in found.stress],
        "fund_months": [{"by_months": one.months, **_plain(one.left)} for one in found.fund],
        "evidence": _evidence(found),
        "assumptions": [
            {"name": one.name, "value": ground.parameters[one.name], "unit": one.unit}
            | {"reference": one.reference, "standing": one.standing}
            for one in _assumptions(found)
        ],
        "not_covered": list(LEFT_OUT),
    }


def _evidence(found: Reserve) -> dict[str, Any]:
    """What the figures rest on."""
    ground, evidence, past = found.ground, found.unpaid, found.past
    return {
        "chances_from": "model" if ground.rates is None else "own_past",
        "model_id": ground.edition["model_id"] if ground.rates is None else None,
        "unscored": ground.unscored.height,
        "enterprises": found.enterprises,
        "without_base": found.without_base,
        "events": evidence.events,
        "event_enterprises": evidence.enterprises,
        "events_with_wages": evidence.with_wages,
        "events_with_contributions": evidence.with_contributions,
        "wages_learned": evidence.wages_learned,
        "contributions_learned": evidence.contributions_learned,
        "figures": {name: _plain(figure) for name, figure in evidence.figures.items()},
        "shock": {name: getattr(found.shock, name) for name in ("city", "group", "periods", "is_estimated")},
        "left_out": _left_out(past) if past else None,
        "years_fen": [dict(zip(("wages", "contributions"), one, strict=True)) for one in past.years] if past else [],
        "claims_fen": vars(past.wages) if past else None,
        "arrears_fen": vars(past.contributions) if past else None,
    }


def _left_out(past: Past) -> dict[str, int]:
    """Claims, events, and months of one enterprise each that tell too little to be counted."""
    return {
        "claims_without_size": past.unsized,
        "events_without_base": past.unknown,
        "months_without_payment": past.untold,
    }


def _plain(figure: Figure) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in vars(figure).items()}


def _lines(found: Reserve) -> Iterator[str]:
    edition = found.ground.edition
    marked = f"【{formats.SIMULATED}】" if edition["is_simulated"] else ""
    yield f"{marked}就业风险储备金测算（期次{edition['edition_id']}）"
    yield "征求意见稿第13条只写“适时设立”，没有金额和使用规则；以下是按所列假设的测算，不是规定"
    yield from _sums(found)
    yield from _openings(found)
    yield "分县区所需金额（各自单独计算；县区和功能区范围可能重叠，不要相加）："
    least = found.ground.parameters["area_small_enterprises"]
    for _, name, figure in found.counties:
        yield f"  {name}：{_interval(figure) if figure else f'企业少于{least}家，不列数字'}"
    yield "压力值（同一把握下所需金额）："
    for one in found.stress:
        yield f"  {one.words}：{_interval(one.need)}"
    yield from _basis(found)
    yield from _fund(found)
    yield "所用假设："
    for item in _assumptions(found):
        yield (
            f"  {item.label.removeprefix('储备金测算：')}：{_value(found.ground.parameters[item.name])}"
            f"（{item.unit}；{STANDINGS[item.standing]}）"
        )
    yield f"未计入：{'；'.join(LEFT_OUT)}。"


def _sums(found: Reserve) -> Iterator[str]:
    months = found.asked.periods * found.ground.horizon
    yield f"未来{months}个月以{_percent(found.asked.confidence)}的把握够用，所需金额：{_interval(found.need)}"
    for word, mean, need in zip(("欠薪", "欠缴社会保险费"), found.parts, found.part_needs, strict=True):
        yield f"  其中{word}：平均{_interval(mean)}；单独设立所需{_interval(need)}（两项分别计算，不要相加）"
    yield f"  平均支出：{_interval(found.mean)}"
    spread = "，".join(f"{pct:g}%分位{_interval(figure)}" for pct, figure in found.quantiles.items())
    yield f"  支出分布：{spread}"
    back = found.ground.parameters["reserve_recovered_pct"]
    yield f"  计追回（垫付后追回{back:g}%）所需：{_interval(found.recovered)}"
    learned = found.unpaid.wages_learned and found.unpaid.contributions_learned
    kind = "历史记录有限" if learned else "低、高两组假设"
    assumed = [
        word
        for word, is_learned in (
            ("欠薪", found.unpaid.wages_learned),
            ("欠缴社会保险费", found.unpaid.contributions_learned),
        )
        if not is_learned
    ]
    if assumed:
        yield f"  注意：{'和'.join(assumed)}的历史不足，金额主要由项目默认口径决定，只能看数量级"
    yield f"  括号内为{kind}和共同冲击强度的不确定带来的区间{'（名义95%）' if learned else '，不是置信区间'}"


def _openings(found: Reserve) -> Iterator[str]:
    yield "开办金额与补充："
    for one in found.openings:
        yield f"  {_opening(found, one)}"


def _opening(found: Reserve, one: Opening) -> str:
    dry = f"{_percent(one.ruin.value)}（{_percent(one.ruin.low)}至{_percent(one.ruin.high)}）"
    text = f"开办{_money(one.balance)}、不再补充，期内不够支付的可能性{dry}"
    if found.asked.periods == 1:
        return text
    if one.replenished is None:
        return f"{text}；首期就可能不够，靠以后补充达不到{_percent(found.asked.confidence)}的把握"
    return (
        f"{text}；每{found.ground.horizon}个月末补充{_interval(one.replenished)}"
        f"可达到{_percent(found.asked.confidence)}的把握"
    )


def _basis(found: Reserve) -> Iterator[str]:
    ground, evidence, past = found.ground, found.unpaid, found.past
    yield f"依据：参保企业{found.enterprises:,}家（不含劳务派遣机构），各家规模性减员的可能性来自{_chances(found)}"
    if ground.unscored.height:
        yield f"  另有{ground.unscored.height:,}家参保企业未知（学习模型没有给出估计），未计入以上金额"
    if found.without_base:
        yield f"  {found.without_base:,}家缺当月缴费基数或应缴额，缺的部分未计"
    if past is None:
        yield "  工作库中没有当期数据：欠薪、欠费全部采用项目默认口径"
    elif past.first and past.last:
        yield (
            f"  {formats.month(past.first)}至{formats.month(past.last)}规模性减员{evidence.events:,}次、"
            f"涉及企业{evidence.enterprises:,}家；减员后有欠薪记录的{evidence.with_wages:,}次，"
            f"有欠费的{evidence.with_contributions:,}次"
        )
        if past.unsized or past.unknown:
            yield f"  未用：人数或金额不详的欠薪记录{past.unsized:,}件，基数、应缴额或缴款不详的减员{past.unknown:,}次"
        yield f"  同期全市登记的欠薪诉求{_share(past.wages)}；欠费{_share(past.contributions)}"
        if past.years:
            wages, dues = ("、".join(_money(one[part]) for one in past.years) for part in (0, 1))
            yield f"  回看此前各个12个月（由近及远），规模性减员后实际留下欠薪{wages}，欠费{dues}"
        if past.untold:
            yield f"  另有{past.untold:,}个企业月应缴或实缴未知，既不算欠费也不算缴清，不在以上欠费内"
        if past.held != (ground.edition["as_of"], ground.edition["revision"]):
            yield f"  注意：历史记录和基金取自工作库，工作库是{formats.day(past.held[0])}的一夜，与本期次不同"
    figures = evidence.figures
    yield (
        f"  一次规模性减员带来欠薪的可能性{_percents(figures['wage_chance'])}，"
        f"被欠薪人数占{_percents(figures['staff_share'])}，人均{_numbers(figures['wage_months'])}个月{_source(evidence.wages_learned)}"
    )
    yield (
        f"  带来欠费的可能性{_percents(figures['contribution_chance'])}，"
        f"欠{_numbers(figures['contribution_months'])}个月应缴额{_source(evidence.contributions_learned)}"
    )
    shock = found.shock
    how = f"由{shock.periods:.0f}个独立时段估计" if shock.is_estimated else "历史时段不足，采用项目默认值"
    yield (
        f"  共同冲击的强度（对数优势标准差）：全市{shock.city:.2f}±{shock.city_error:.2f}，"
        f"行业{shock.group:.2f}±{shock.group_error:.2f}，{how}"
    )


def _chances(found: Reserve) -> str:
    rates = found.ground.rates
    if rates is None:
        return "本期次启用的学习模型"
    return (
        f"本市最近{rates.months}个观察期已满的月份、{rates.rows:,}家次中的{rates.events:,}次"
        "（未启用学习模型；风险分不是概率，不用于计算）"
    )


def _share(told: Told) -> str:
    if not told.all_fen:
        return "没有记录"
    part = _percent(told.events_fen / told.all_fen)
    return f"{_money(told.all_fen)}，其中在规模性减员企业的占{part}，其余不在本测算内"


def _source(learned: bool) -> str:
    return "（由本市历史学习）" if learned else "（历史不足，项目默认口径）"


def _fund(found: Reserve) -> Iterator[str]:
    if not found.fund or found.past is None:
        yield "失业保险基金可支付月数：没有收支数据，未知"
        return
    newest = found.past.fund.row(0, named=True)
    yield f"失业保险基金：{formats.month(newest['month'])}结余{_money(newest['balance_fen'])}，不计收入可支付"
    for one in found.fund:
        yield (
            f"  按近{one.months}个月平均支出{one.left.value:.1f}个月"
            f"（按其中支出最高、最低的月份为{one.left.low:.1f}至{one.left.high:.1f}个月）"
        )


def _assumptions(found: Reserve) -> list[Parameter]:
    names = [*ALWAYS]
    names += [] if found.unpaid.wages_learned else ASSUMED_WAGES
    names += [] if found.unpaid.contributions_learned else ASSUMED_CONTRIBUTIONS
    names += COUNTED if found.ground.rates else ()
    return [found.ground.parameters.known[name] for name in names]


def _value(value: Any) -> str:
    return "、".join(f"{item:g}" for item in value) if isinstance(value, list) else f"{value:g}"


def _interval(figure: Figure) -> str:
    high = f"至{_money(figure.high)}" if math.isfinite(figure.high) else "，上限无法给出"
    return f"{_money(figure.value)}（{_money(figure.low)}{high}）"


def _money(fen: float) -> str:
    """From a million yuan on in whole 万元."""
    return formats.yuan(int(round(fen, -6 if fen >= 100_000_000 else -2)))


def _percent(ratio: float) -> str:
    return formats.percent(round(ratio, 6)).replace(".0%", "%")


def _percents(figure: Figure) -> str:
    return f"{_percent(figure.value)}（{_percent(figure.low)}至{_percent(figure.high)}）"


def _numbers(figure: Figure) -> str:
    return f"{figure.value:.1f}（{figure.low:.1f}至{figure.high:.1f}）"
