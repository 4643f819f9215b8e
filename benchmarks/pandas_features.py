"""The features of the first pandas version: shifts and rolling windows of a groupby, over every month on record.

Names follow ``features.enterprise`` so that values can be compared; ratios are plain numbers, missing is NaN.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

KINDS = ("pension", "unemployment", "injury")
FESTIVALS = {2023: 1, 2024: 2, 2025: 1, 2026: 2, 2027: 2}
TOUCHED = {(2023, 1), (2024, 1), (2024, 2), (2025, 1), (2026, 2), (2027, 1), (2027, 2)}
TOLERANCE_YUAN = 1.0
UNKNOWN = -1.0
LONGEST_ABSENCE = 25
PEER_MINIMUM = 200
LINES = {"red": 50, "orange": 20, "yellow": 10}


def insurance(months: pd.DataFrame, register: pd.DataFrame) -> pd.DataFrame:
    """Every feature of insurance, contributions and peers, for every month of every enterprise."""
    table = months.sort_values(["enterprise_id", "month"]).reset_index(drop=True)
    by = table.groupby("enterprise_id", sort=False)

    def rolled(column: pd.Series, months: int, how: str, least: int | None = None) -> pd.Series:
        window = column.groupby(table["enterprise_id"], sort=False).rolling(months, min_periods=least)
        return getattr(window, how)().reset_index(level=0, drop=True)

    level = table["level"]
    for months_back in (1, 3, 6, 12):
        table[f"insured_change_{months_back}m_ratio"] = ratio(
            level - by["level"].shift(months_back), by["level"].shift(months_back)
        )
    table["previous_insured_persons"] = by["level"].shift(1)
    table["insured_change_1m_persons"] = level - by["level"].shift(1)
    table["insured_change_3m_persons"] = level - by["level"].shift(3)
    table["insured_change_lunar_ratio"] = lunar_change(table, by)
    weighted = sum((5 - 2 * lag) * by["level"].shift(lag) for lag in range(6))
    table["insured_slope_6m_ratio"] = ratio(6 * weighted, 35 * rolled(level, 6, "sum"))
    change = by["level"].diff()
    known = rolled(change, 12, "count", 1)
    squares, sums = rolled(change**2, 12, "sum", 1), rolled(change, 12, "sum", 1)
    spread = np.sqrt((known * squares - sums**2).clip(lower=0))
    table["insured_volatility_12m_ratio"] = ratio(spread, rolled(level.where(change.notna()), 12, "sum", 1)).where(
        known >= 6
    )
    highest = rolled(level, 12, "max", 1)
    table["insured_drawdown_12m_ratio"] = ratio(highest - level, highest)
    table = table.join(decline(table))
    before = by["level"].shift(1)
    table["net_loss_persons"] = (before - level).clip(lower=0)
    table["net_loss_ratio"] = ratio(table["net_loss_persons"], before)
    absent = (~table["present"]).astype(int)
    table["absent_months"] = (
        absent.groupby([table["enterprise_id"], table["present"].groupby(table["enterprise_id"]).cumsum()])
        .cumsum()
        .clip(upper=LONGEST_ABSENCE)
    )
    table["last_insured_persons"] = by["insured"].ffill()
    joiners = table["joiners"].mask(~table["present"] & (level == 0), 0)
    table["joiners_3m_persons"] = rolled(joiners, 3, "sum")
    table["joiners_3m_year_ago_persons"] = table.groupby("enterprise_id", sort=False)["joiners_3m_persons"].shift(12)
    table["leavers_3m_persons"] = rolled(table["leavers"], 3, "sum")
    table["high_base_leavers_3m_persons"] = rolled(table["high_base_leavers"], 3, "sum")
    table["high_base_leaver_excess_ratio"] = ratio(
        4 * table["high_base_leavers_3m_persons"], table["leavers_3m_persons"]
    )
    table["base_per_person"] = ratio(table["base"], table["insured"])
    earlier = table.groupby("enterprise_id", sort=False)["base_per_person"].shift(12)
    table["base_per_person_change_12m_ratio"] = ratio(table["base_per_person"] - earlier, earlier)
    owed = sum(
        (table[f"due_{kind}"] - table[f"paid_{kind}"] - table[f"deferred_{kind}"].fillna(0)).clip(lower=0)
        for kind in KINDS
    )
    owed = owed.mask(owed <= TOLERANCE_YUAN, 0)
    deferred = table[[f"deferred_{kind}" for kind in KINDS]].sum(axis=1, min_count=1)
    table["arrears_yuan"] = rolled(owed, 12, "sum", 1)
    table["arrears_months"] = rolled((owed > 0).astype(float).where(owed.notna()), 12, "sum", 1)
    table["deferred_yuan"] = rolled(deferred, 6, "sum", 1)
    table["deferral_months"] = rolled((deferred > 0).astype(float).where(deferred.notna()), 6, "sum", 1)
    return peers(table, by, register)


def ratio(part: pd.Series, whole: pd.Series) -> pd.Series:
    """``part`` over ``whole`` where the latter is positive."""
    return part / whole.where(whole > 0)


def lunar_change(table: pd.DataFrame, by: Any) -> pd.Series:
    """Change against the month at the same distance from the Spring Festival a year before."""
    back = pd.Series(12, index=table.index)
    for year, month in FESTIVALS.items():
        if year - 1 in FESTIVALS:
            apart = (table["month"].dt.year - year) * 12 + table["month"].dt.month - month
            back = back.mask(apart.between(-2, 3), 12 + month - FESTIVALS[year - 1])
    then = pd.Series(np.nan, index=table.index)
    for months in (11, 12, 13):
        then = then.mask(back == months, by["level"].shift(months))
    return ratio(table["level"] - then, then)


def decline(table: pd.DataFrame) -> pd.DataFrame:
    """Falls in a row over the months that the festival does not touch."""
    touched = [(m.year, m.month) in TOUCHED for m in table["month"].drop_duplicates()]
    quiet = table[~table["month"].map(dict(zip(table["month"].drop_duplicates(), touched, strict=True)))]
    by = quiet.groupby("enterprise_id", sort=False)["level"]
    fell = by.diff() < 0
    run = (~fell).groupby(quiet["enterprise_id"], sort=False).cumsum()
    grouped = quiet.groupby([quiet["enterprise_id"], run], sort=False)["level"]
    start = grouped.transform("first")
    months = fell.astype(int).groupby([quiet["enterprise_id"], run], sort=False).cumsum()
    found = pd.DataFrame(
        {
            "decline_run_months": months.where(quiet["level"].notna()).astype(float),
            "decline_run_ratio": ratio(start - quiet["level"], start).where(months > 0),
            "decline_run_start_persons": start.where(months > 0),
        }
    )
    whole = found.fillna(UNKNOWN).reindex(table.index)
    return whole.groupby(table["enterprise_id"], sort=False).ffill().replace(UNKNOWN, np.nan)


def peers(table: pd.DataFrame, by: Any, register: pd.DataFrame) -> pd.DataFrame:
    """Net loss of the industry division over three months, and its rank."""
    table = table.merge(register[["enterprise_id", "division"]], on="enterprise_id", how="left")
    then = by["level"].shift(3)
    both = table["level"].notna() & then.notna() & table["division"].notna()
    sums = (
        pd.DataFrame({"month": table["month"], "division": table["division"], "then": then, "now": table["level"]})[
            both
        ]
        .groupby(["month", "division"], as_index=False)
        .sum()
    )
    sums = sums[sums["then"] >= PEER_MINIMUM]
    sums["peer_net_loss_ratio"] = (sums["then"] - sums["now"]) / sums["then"]
    size = sums.groupby("month")["division"].transform("size")
    sums["peer_rank_ratio"] = (
        sums.groupby("month")["peer_net_loss_ratio"].rank(method="min", ascending=False) - 1
    ) / size
    return table.merge(sums.drop(columns=["then", "now"]), on=["month", "division"], how="left")


def last_month(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of the latest month of enterprises that were ever insured."""
    latest = table[table["month"] == table["month"].max()]
    return latest[latest["last_insured_persons"].notna()].drop(columns="division")


def points(table: pd.DataFrame, parameters: Mapping[str, Any]) -> pd.DataFrame:
    """Points of the dated rules for which the columns are there, capped per dimension."""
    table = table.assign(reference_month_number=table["month"].dt.month)
    compare = {">=": np.greater_equal, "<=": np.less_equal, ">": np.greater, "<": np.less, "==": np.equal}
    dimensions = {reason["code"]: reason["dimension"] for reason in parameters["reasons"]}
    sums: dict[str, pd.Series] = {}
    for name, rule in parameters.items():
        code = name.removeprefix("rule_")
        if not name.startswith("rule_") or code not in dimensions:
            continue
        levels = [level for level in rule["levels"] if all(column in table for column, _, _ in level["when"])]
        masks = [
            np.logical_and.reduce(
                [
                    ~table[c].isin(v)
                    if op == "not in"
                    else table[c].notna() == v
                    if op == "known"
                    else compare[op](table[c], v)
                    for c, op, v in level["when"]
                ]
            )
            for level in levels
        ]
        if masks:
            given = pd.Series(np.select(masks, [level["points"] for level in levels], 0), index=table.index)
            sums[dimensions[code]] = sums.get(dimensions[code], 0) + given
    caps = parameters["rule_score_caps"]
    capped = pd.DataFrame({dimension: total.clip(upper=caps[dimension]) for dimension, total in sums.items()})
    return table.assign(points=capped.sum(axis=1), dimension_count=(capped > 0).sum(axis=1))


def listing(table: pd.DataFrame, *, capacity: int) -> pd.DataFrame:
    """Colours by persons lost, and within each county as many yellow and blue ones as can be visited."""
    lost, base = table["net_loss_persons"], table["previous_insured_persons"]
    red = lost >= LINES["red"]
    orange = (lost >= LINES["orange"]) | ((lost >= 0.1 * base) & (lost >= LINES["orange"]))
    yellow = (lost >= LINES["yellow"]) | ((lost >= 0.1 * base) & (base >= 30) & (lost > 0))
    blue = (table["dimension_count"] >= 2) & (table["points"] >= 10) & (table["level"] >= 10)
    colour = np.select([red, orange, yellow, blue], ["红", "橙", "黄", "蓝"], "")
    table = table.assign(colour=colour, weight=table["points"] * table["level"])
    table = table[(table["colour"] != "") & ~table["is_agency"].fillna(value=False).astype(bool)]
    table = table.sort_values(["weight", "enterprise_id"], ascending=[False, True])
    grave = table["colour"].isin(["红", "橙"])
    within = table[~grave].groupby("county").cumcount() < capacity
    return pd.concat([table[grave], table[~grave][within]])
