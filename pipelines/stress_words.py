"""A stress test in Chinese words; as plain values; and as a table without small cells."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import polars as pl

from pipelines import formats
from pipelines.parameters import Parameter
from pipelines.scenarios import Scenario
from pipelines.stages.report.sheets import STANDINGS
from pipelines.stress_ground import Ground
from pipelines.stressing import FIGURES, TINTS, Band, Stress, compared, told, totals

MOST_INDUSTRIES = 10
UNSCORED = "学习模型未估计"
COUNTY, INDUSTRY = ("county_code", "county_name"), ("industry_division", "industry_name")
SOURCES: Mapping[str, str] = {**STANDINGS, "reported": "据公开报道"}
CHANNELS: Mapping[str, str] = {
    "tariff": "关税",
    "orders": "订单",
    "deferral": "缓缴到期",
    "credit": "信贷收紧",
    "closing": "关闭",
}
NOT_KNOWN: Mapping[str, str] = {
    "tariff": "分商品的对美出口未知",
    "orders": "行业未知",
    "deferral": "缴费基数未知",
    "credit": "规模未知",
}
USED: Mapping[str, tuple[str, ...]] = {
    "tariff": (
        "stress_passthrough_pct",
        "stress_trade_response_pct",
        "stress_relief_pct",
        "stress_tariff_odds",
        "stress_yuan_per_dollar",
    ),
    "orders": ("stress_orders_odds",),
    "deferral": ("stress_deferral_odds",),
    "credit": ("stress_credit_odds",),
    "closing": (),
}
ALWAYS = (
    "stress_share_odds",
    "stress_lag_months",
    "stress_claim_share_pct",
    "stress_claim_lag_months",
    "stress_benefit_yuan",
    "stress_known_months",
)
PAST = ("stress_past_months", "stress_past_fall_pct", "stress_past_weight_rows")
LEFT_OUT = (
    "供应商和客户：没有一个数据源列出交易对手，受冲击企业的上下游不计",
    "规模性减员认定口径以外的减员（如20人以下企业的减员），关闭除外",
    "企业和部门的应对、改销他国、补贴和返还",
)
HEADS: Mapping[str, str] = {
    "enterprises": "企业家数",
    "persons": "参保人数",
    "base": "基准预计减少岗位",
    "central": "情景预计减少岗位",
    "difference": "增减",
    "low": "增减下限",
    "high": "增减上限",
}


def page(ground: Ground, found: Stress, against: Stress | None = None) -> str:
    """What the command prints; ``against`` is another scenario on the same ground."""
    return "\n".join(_lines(ground, found, against)) + "\n"


def listing(scenarios: tuple[Scenario, ...]) -> str:
    """The ready scenarios, a line each."""
    wide = max(len(found.name) for found in scenarios)
    return "".join(f"{found.name:<{wide}}  {found.label}（{SOURCES[found.standing]}）\n" for found in scenarios)


def plain(ground: Ground, found: Stress, against: Stress | None = None) -> dict[str, Any]:
    """All of it as plain values, for ``--json``; what is unknown or not told is null."""
    body: dict[str, Any] = {
        "edition": ground.edition["edition_id"],
        "as_of": ground.edition["as_of"].isoformat(),
        "is_simulated": ground.edition["is_simulated"],
        "base_from": "model" if ground.rates is None else "own_past",
        "model_id": ground.edition["model_id"] if ground.rates is None else None,
        "unscored": ground.unscored.height,
        "horizon_months": ground.horizon,
        "is_one_night": ground.is_one_night,
        **_plain(ground, found),
        "assumptions": [
            {"name": item.name, "value": ground.parameters[item.name], "unit": item.unit}
            | {"reference": item.reference, "standing": item.standing}
            for item in _assumptions(ground, found)
        ],
        "not_covered": list(LEFT_OUT),
    }
    if against is not None:
        body["against"] = _plain(ground, against)
        body["difference"] = vars(compared(found, against))
    return body


def table(ground: Ground, found: Stress) -> pl.DataFrame:
    """City, exporters, counties and industries with their figures to one decimal; small cells are left empty."""
    least = int(ground.parameters["area_small_enterprises"])
    parts = [
        _part("全市", totals(found.rows), least),
        _part("涉美出口企业", totals(found.rows.filter("is_us_exporter")), least),
        *(_part(kind, totals(found.rows, keys), least, keys) for kind, keys in (("县区", COUNTY), ("行业", INDUSTRY))),
    ]
    if ground.unscored.height:
        parts.append(_part(UNSCORED, _uncounted(ground), least))
    return pl.concat(parts).with_columns(pl.lit(found.scenario.label).alias("情景"))


def _uncounted(ground: Ground) -> pl.DataFrame:
    """Enterprises and staff of those who are in no sum, in the columns of ``totals``; the figures are not known."""
    return ground.unscored.select(
        pl.len().cast(pl.Int64).alias("enterprises"),
        pl.col("insured_persons").sum().alias("persons"),
        *(pl.lit(None, pl.Float64).alias(name) for name in FIGURES[2:]),
    )


def _part(kind: str, figures: pl.DataFrame, least: int, keys: tuple[str, ...] = ()) -> pl.DataFrame:
    names = keys or (None, None)
    return told(figures, least).select(
        pl.lit(kind).alias("范围"),
        *(
            (pl.col(name) if name else pl.lit(None, pl.String)).alias(head)
            for name, head in zip(names, ("代码", "名称"), strict=True)
        ),
        *(pl.col(name).cast(pl.Int64).alias(HEADS[name]) for name in FIGURES[:2]),
        *(pl.col(name).round(1).alias(HEADS[name]) for name in FIGURES[2:]),
    )


def _plain(ground: Ground, found: Stress) -> dict[str, Any]:
    return {
        "scenario": found.scenario.model_dump(mode="json", exclude_defaults=True),
        "city": totals(found.rows).to_dicts()[0],
        "us_exporters": told(totals(found.rows.filter("is_us_exporter")), _least(ground)).to_dicts(),
        "counties": _areas(ground, found, COUNTY).to_dicts(),
        "industries": _areas(ground, found, INDUSTRY).to_dicts(),
        "duty": vars(found.step) if found.step else None,
        "hit": dict(found.hit),
        "unknown": dict(found.unknown),
        "newly_reaching": {tint: vars(band) for tint, band in found.to_colours.items()},
        "claims": vars(found.claims),
        "fund_months_before": found.fund_before,
        "fund_months_after": vars(found.fund_after) if found.fund_after else None,
        "shows": [day.isoformat() for day in found.shows] if found.shows else None,
        "claims_follow": [day.isoformat() for day in found.claimed] if found.claimed else None,
    }


def _least(ground: Ground) -> int:
    return int(ground.parameters["area_small_enterprises"])


def _areas(ground: Ground, found: Stress, keys: tuple[str, str]) -> pl.DataFrame:
    """Areas in order, without the figures of small ones; nor has one of which nobody was scored any."""
    known = told(totals(found.rows, keys), _least(ground))
    others = ground.unscored.select(keys).unique().join(known, on=keys, how="anti")
    return pl.concat([known, others], how="diagonal").sort(keys)


def _lines(ground: Ground, found: Stress, against: Stress | None) -> Iterator[str]:
    edition, scenario = ground.edition, found.scenario
    marked = f"【{formats.SIMULATED}】" if edition["is_simulated"] else ""
    yield f"{marked}压力测试：{scenario.label}（期次{edition['edition_id']}）"
    yield f"情景：{scenario.description}"
    yield f"来源：{scenario.source}（{SOURCES[scenario.standing]}）"
    yield from _basis(ground)
    yield from _step(ground, found)
    city = totals(found.rows).to_dicts()[0]
    yield f"未来{ground.horizon}个月全市预计减少岗位：{_figures(city)}"
    exporters = totals(found.rows.filter("is_us_exporter"))
    yield f"其中涉美出口企业：{_cell(told(exporters, _least(ground)).to_dicts(), _least(ground))}"
    yield from _hit(found)
    yield "分县区（县区和功能区范围可能重叠，不要相加）："
    for row in _areas(ground, found, COUNTY).iter_rows(named=True):
        yield f"  {row['county_name']}：{_cell([row], _least(ground))}"
    yield from _industries(ground, found)
    yield from _consequences(ground, found)
    if against is not None:
        other = totals(against.rows).to_dicts()[0]
        yield f"对比情景“{against.scenario.label}”：{_figures(other)}"
        yield f"  本情景减去对比情景：{_band(compared(found, against))}个岗位"
    yield "所用假设（低、中、高三组同时取值，区间是三组结果的最小值和最大值，不是置信区间）："
    for item in _assumptions(ground, found):
        told_as = item.label.removeprefix("压力测试：")
        yield f"  {told_as}：{_value(ground.parameters[item.name])}（{item.unit}；{SOURCES[item.standing]}）"
    yield f"未计入：{'；'.join(LEFT_OUT)}。"


def _basis(ground: Ground) -> Iterator[str]:
    if ground.rates is None:
        yield "基准：本期次启用的学习模型对每家企业的估计"
    else:
        yield (
            f"基准：未启用学习模型，按本市最近{ground.rates.months}个观察期已满的月份、{ground.rates.rows:,}家次中"
            f"{ground.rates.events:,}次规模性减员，分人数规模和近期是否减员计算；风险分不是概率，不用于计算"
        )
    if ground.unscored.height:
        exporters = int(ground.unscored["is_us_exporter"].sum())
        yield (
            f"  另有{ground.unscored.height:,}家参保企业未知（学习模型没有给出估计，其中涉美出口企业{exporters:,}家），"
            "基准和情景都不计入"
        )
    if not ground.is_one_night and ground.held:
        yield f"注意：出口、税率和基金取自工作库，工作库已是{formats.day(ground.held[0])}的一夜，与本期次不同"


def _step(ground: Ground, found: Stress) -> Iterator[str]:
    step, trade = found.step, ground.trade
    if step is None or trade is None:
        return
    where = "系统附带的措施表（本市数据源未回溯到该日）" if step.is_shipped else "本市数据源"
    where = "情景文件" if found.scenario.tariff and found.scenario.tariff.duties else where
    yield (
        f"税率：按对美出口额加权平均变动{_signed(step.change_points)}个百分点，税率取自{where}；"
        f"产品结构取{formats.month(trade.months[0])}至{formats.month(trade.months[-1])}，"
        f"对美出口{step.usd / 1e8:.2f}亿美元，其中商品清单列名的占{100 * step.listed_share:.0f}%，"
        "其余只计对全部商品的措施"
    )
    if trade.without_turnover:
        yield f"  {trade.without_turnover}家没有开票收入，以全部出口额代替，冲击可能偏大"


def _hit(found: Stress) -> Iterator[str]:
    words = [f"{CHANNELS[name]}{count}家" for name, count in found.hit.items()]
    yield f"受冲击企业：{'，'.join(words) if words else '无'}"
    unknown = [f"{CHANNELS[name]}{count}家（{NOT_KNOWN[name]}）" for name, count in found.unknown.items() if count]
    if unknown:
        yield f"  另有资料不足、未计冲击的：{'，'.join(unknown)}"


def _industries(ground: Ground, found: Stress) -> Iterator[str]:
    areas = _areas(ground, found, INDUSTRY).drop_nulls("difference").filter(pl.col("difference").abs() >= 0.05)
    ranked = areas.sort([pl.col("difference").abs(), "industry_division"], descending=[True, False])
    if ranked.is_empty():
        return
    yield f"影响最大的行业（至多{MOST_INDUSTRIES}个）："
    for row in ranked.head(MOST_INDUSTRIES).iter_rows(named=True):
        yield f"  {row['industry_name']}：{_cell([row], _least(ground))}"


def _consequences(ground: Ground, found: Stress) -> Iterator[str]:
    counts = "，".join(
        f"{shade}{_band(found.to_colours[tint], places=0)}家" for tint, shade in reversed(tuple(TINTS.items()))
    )
    off = "" if ground.rates is None else "（未启用学习模型时名单不用预测线，此处只作测算）"
    yield f"新达到预测线：{counts}{off}"
    when = f"，约在{_span(found.claimed)}" if found.claimed else ""
    yield f"失业保险金申领增加：{_band(found.claims, places=0)}人{when}"
    if ground.fund is None or found.fund_before is None or found.fund_after is None:
        yield "失业保险基金：没有收支数据，可支付月数未知"
    else:
        yield (
            f"失业保险基金：{formats.month(ground.fund.month)}结余{formats.yuan(ground.fund.balance_fen)}，"
            f"按近{ground.fund.months}个月平均支出可支付{found.fund_before:.1f}个月；"
            f"增加的申领同时领取时{_band(found.fund_after)}个月（不计基金收入）"
        )
    if found.shows:
        yield f"冲击如现在发生，影响约在{_span(found.shows)}显现；以上是影响充分显现后三个月的结果"


def _assumptions(ground: Ground, found: Stress) -> list[Parameter]:
    names = [name for channel in CHANNELS if getattr(found.scenario, channel) for name in USED[channel]]
    names += [*ALWAYS, *(PAST if ground.rates else ())]
    return [ground.parameters.known[name] for name in names]


def _value(value: Any) -> str:
    if isinstance(value, list):
        return "、".join(item["meaning"] if isinstance(item, dict) else f"{item:g}" for item in value)
    return f"{value:g}"


def _cell(rows: list[dict[str, Any]], least: int) -> str:
    row = rows[0] if rows else dict.fromkeys(FIGURES)
    return f"企业少于{least}家或可由此推出，不列数字" if row["base"] is None else _figures(row)


def _figures(row: Mapping[str, Any]) -> str:
    return (
        f"基准{row['base']:.1f}，本情景{row['central']:.1f}，变动{_signed(row['difference'])}"
        f"（{_signed(row['low'])}至{_signed(row['high'])}）"
    )


def _band(band: Band, places: int = 1) -> str:
    central, low, high = (_number(value, places) for value in (band.central, band.low, band.high))
    return f"{central}（{low}至{high}）"


def _span(months: tuple[date, date]) -> str:
    first, last = (formats.month(month) for month in months)
    return first if first == last else f"{first}至{last}"


def _signed(value: float) -> str:
    """One decimal with its sign, and no sign of a rounded zero."""
    text = _number(value)
    return text if text == "0.0" or value < 0 else f"+{text}"


def _number(value: float, places: int = 1) -> str:
    """So many decimals, the minus sign of all pages, and no minus zero."""
    text = f"{value:.{places}f}"
    return (text.lstrip("-") if float(text) == 0 else text).replace("-", formats.MINUS)
