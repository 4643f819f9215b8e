"""The policy reserve: whom each instrument reaches now, whom it would if it were switched on again, and at what cost.

Now is what the edition answered. Switched on again means that the instrument's window is open on its last known terms,
the numbers of its last day, and that hires of the last twelve months count; everything else must hold as it stands.
That says what the draft would give, not that anybody may have it: no successor of what is over was found.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import polars as pl

from pipelines import formats, parameters
from pipelines.contracts import read_sql
from pipelines.policy import judging
from pipelines.policy.instrument import DRAFT_SINCE, ELIGIBLE, EXPIRED, UNKNOWN, Instrument, Window
from pipelines.policy.instruments import INSTRUMENTS
from pipelines.run import Run, add_months
from pipelines.stages.outlook.areas import CITY
from pipelines.stages.outlook.levels import COUNTY
from pipelines.warehouse import Warehouse

MARGIN = "WGFH"
"""The instrument whose next year depends on the departures of this one."""
YEAR = 12
COUNTS = (
    "eligible_count",
    "unknown_count",
    "amount_fen",
    "reopened_count",
    "reopened_unknown_count",
    "reopened_fen",
    "reopened_unpriced_count",
    "margin_count",
    "over_margin_count",
)
Row = dict[str, Any]


def rows(run: Run, warehouse: Warehouse, *, month: date | None) -> list[Row]:
    """Rows of ``outlook.policy_reserve`` without the edition's number; none where the set of feeds has no policies."""
    told = warehouse.frame("FROM edition.policy_instrument ORDER BY clause_no, instrument_id").to_dicts()
    if not told:
        return []
    now = warehouse.frame(read_sql("outlook/answers"))
    again = reopened(run, warehouse, month=month) if month else pl.DataFrame(schema=AGAIN)
    counties: dict[str, str] = dict(warehouse.rows("SELECT county_code, county_name FROM edition.county"))
    found: list[Row] = []
    for one in told:
        code = one["instrument_id"]
        own = {
            name: one[name] for name in ("instrument_id", "instrument_name", "clause_no", "instrument_state", "ends_on")
        }
        current = now.filter(pl.col("instrument_id") == code)
        then = again.filter(pl.col("instrument_id") == code)
        is_asked = can_reopen(INSTRUMENTS[code], run.as_of) and month is not None
        places = [(CITY, "", "")]
        if one["is_judged"] or is_asked:
            places += [(COUNTY, county, name) for county, name in sorted(counties.items())]
        for kind, county, name in places:
            counted = _counted(current, then, county, is_now=one["is_judged"], is_then=is_asked)
            found.append(
                own
                | {"area_kind": kind, "county_code": county or None, "county_name": name or None}
                | counted
                | {"reserve_text": text(one, counted, INSTRUMENTS[code])}
            )
    return found


AGAIN = pl.Schema(
    {
        "instrument_id": pl.String(),
        "county_code": pl.String(),
        "reopened_count": pl.Int64(),
        "reopened_unknown_count": pl.Int64(),
        "reopened_fen": pl.Int64(),
        "reopened_unpriced_count": pl.Int64(),
        "margin_count": pl.Int64(),
        "over_margin_count": pl.Int64(),
    }
)
"""``over_margin_count`` is null where no expected loss is known; margins are null but for ``MARGIN``."""


def can_reopen(one: Instrument, as_of: date) -> bool:
    """Whether data tell whom it would reach, and its window, or the one in which people are hired, is over."""
    is_over = one.standing(as_of) == EXPIRED or (one.behaviour.until is not None and one.behaviour.until < as_of)
    return one.for_enterprises and is_over


def switched_on(one: Instrument) -> Instrument:
    """The instrument without an end, on the terms of its last day."""
    last = one.window.until or one.behaviour.until
    return replace(one, decides=None, behaviour=Window(until=min(last, one.behaviour.until or last) if last else None))


def reopened(run: Run, warehouse: Warehouse, *, month: date) -> pl.DataFrame:
    """By instrument that is over and county: whom it would reach again and for how much; columns ``AGAIN``."""
    asked = [switched_on(one) for one in INSTRUMENTS.values() if can_reopen(one, run.as_of)]
    if not asked or run.as_of < DRAFT_SINCE:
        return pl.DataFrame(schema=AGAIN)
    facts = warehouse.frame(
        read_sql("edition/policy_facts"),
        as_of=run.as_of,
        year=run.as_of.year,
        reference_month=month,
        listed=[number for (number,) in warehouse.rows("SELECT enterprise_no FROM edition.warning")],
        hired_since=add_months(month, 1 - YEAR),
        hired_until=month,
    )
    answers = judging.judge(facts, run.as_of, parameters=parameters.load, instruments=asked)
    return summed(answers, warehouse.frame(read_sql("outlook/placed")))


def summed(answers: pl.DataFrame, placed: pl.DataFrame) -> pl.DataFrame:
    """``answers`` of the instruments switched on, by instrument and county of ``placed``; columns ``AGAIN``."""
    is_had, is_margin = pl.col("answer") == ELIGIBLE, pl.col("instrument_id") == MARGIN
    had = is_had & is_margin & pl.col("refund_margin_persons").is_not_null()
    over = had & (pl.col("expected_loss_persons") > pl.col("refund_margin_persons"))
    has_model = placed["expected_loss_persons"].count() > 0
    few = answers.select("enterprise_no", "instrument_id", "answer", "amount_fen")
    found = (
        few.join(placed, on="enterprise_no", how="inner")
        .group_by("instrument_id", "county_code")
        .agg(
            is_had.sum().cast(pl.Int64).alias("reopened_count"),
            (pl.col("answer") == UNKNOWN).sum().cast(pl.Int64).alias("reopened_unknown_count"),
            pl.col("amount_fen").filter(is_had).sum().alias("reopened_fen"),
            (is_had & pl.col("amount_fen").is_null()).sum().cast(pl.Int64).alias("reopened_unpriced_count"),
            had.sum().cast(pl.Int64).alias("margin_count"),
            over.sum().cast(pl.Int64).alias("over_margin_count"),
        )
    )
    unpriced = pl.col("reopened_count") == pl.col("reopened_unpriced_count")
    known = found.with_columns(
        reopened_fen=pl.when(~unpriced | (pl.col("reopened_count") == 0)).then("reopened_fen"),
        margin_count=pl.when(is_margin).then("margin_count"),
        over_margin_count=pl.when(is_margin & has_model).then("over_margin_count"),
    )
    return known.select(list(AGAIN)).sort("instrument_id", "county_code")


def _counted(now: pl.DataFrame, then: pl.DataFrame, county: str, *, is_now: bool, is_then: bool) -> Row:
    """The numbers of a county, or of the whole city where ``county`` is empty; null where nothing was judged."""
    counted: Row = dict.fromkeys(COUNTS)
    for frame, is_told in ((now, is_now), (then, is_then)):
        if not is_told:
            continue
        sums: defaultdict[str, int | None] = defaultdict(lambda: None)
        for row in frame.iter_rows(named=True):
            if county in ("", row["county_code"]):
                for name in counted.keys() & row.keys():
                    if row[name] is not None:
                        sums[name] = (sums[name] or 0) + row[name]
        zero = {name: 0 for name in counted.keys() & set(frame.columns) if name.endswith("_count")}
        silent = {name for name in ("margin_count", "over_margin_count") if sums[name] is None}
        counted |= {name: None if name in silent else 0 for name in zero} | dict(sums)
    return counted


def text(one: Mapping[str, Any], counted: Mapping[str, Any], instrument: Instrument) -> str:
    """What switching it on would reach and cost, in words; why not, where that is not known."""
    if not instrument.for_enterprises:
        return "没有数据源可逐家判断，重新启用的家数和资金未知"
    number = counted["reopened_count"]
    if number is None:
        if one["is_judged"]:
            return "目前在期内，无需重新启用"
        is_over = one["instrument_state"] == EXPIRED
        return "没有可判断的参保月份，家数和资金未知" if is_over else str(one["state_text"])
    running = "2025年招用的目前在期内；对近12个月招用的" if one["is_judged"] else ""
    told = f"{running}如按原条件重新启用，符合条件{formats.count(number)}家"
    if counted["reopened_unknown_count"]:
        told += f"，另有{formats.count(counted['reopened_unknown_count'])}家缺少数据"
    if number:
        told += "；" + _cost(counted)
    if counted["margin_count"] is not None and number:
        told += "；" + _margins(counted)
    return told


def _cost(counted: Mapping[str, Any]) -> str:
    if counted["reopened_fen"] is None:
        return "条款没有可测算的金额，资金需求未知"
    cost = f"测算资金{formats.yuan(counted['reopened_fen'])}"
    unpriced = counted["reopened_unpriced_count"]
    return f"{cost}，不含金额待定的{formats.count(unpriced)}家" if unpriced else cost


def _margins(counted: Mapping[str, Any]) -> str:
    told = f"其中{formats.count(counted['margin_count'])}家的返还余量可测算"
    over = counted["over_margin_count"]
    if over is None:
        return f"{told}，没有预测，不知有多少家减员将超过余量"
    much = f"{formats.count(over)}家今后三个月的预计减员超过本年余量"
    return f"{told}，{much}，如在本年内发生，按现行算法将失去下一年度返还"
