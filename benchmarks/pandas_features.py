"""The features of insurance as a team first writes them: shifts and rolling windows of a groupby, over every month.

Names are those of ``features.enterprise`` so that values can be compared; ratios are plain numbers, missing is NaN.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.pandas_joining import KINDS

UNKNOWN = -1.0
LONGEST_ABSENCE = 25
Columns = dict[str, pd.Series]
Windowed = Callable[..., pd.Series]


@dataclass(frozen=True)
class Festivals:
    """Spring Festival: the month that it falls in by year, and the months that it touches."""

    month: Mapping[int, pd.Period]
    touched: frozenset[pd.Period]

    def back(self, month: pd.Timestamp) -> int:
        """Months back to the same distance from the festival of the year before, near it; else 12."""
        own = month.to_period("M")
        for year in (own.year, own.year + 1):
            this, last = self.month.get(year), self.month.get(year - 1)
            if this is not None and last is not None and -2 <= (own - this).n <= 3:
                return int((this - last).n)
        return 12

    def season(self, month: pd.Timestamp) -> str:
        """The month's distance from the festival near it, else its number."""
        own = month.to_period("M")
        near = [(own - festival).n for festival in self.month.values() if -2 <= (own - festival).n <= 3]
        return f"L{near[0]:+d}" if near else f"{month.month:02d}"

    def touches(self, month: pd.Timestamp) -> bool:
        """Whether the festival falls in ``month`` or early in the next."""
        return month.to_period("M") in self.touched


def festivals(parameters: Mapping[str, Any]) -> Festivals:
    """The festivals among the parameters."""
    days = pd.to_datetime(pd.Series(parameters["spring_festival"]))
    own = {day.year: day.to_period("M") for day in days}
    early = {day.to_period("M") - 1 for day in days if day.day <= parameters["festival_early_day"]}
    return Festivals(own, frozenset(own.values()) | early)


def ratio(part: pd.Series, whole: pd.Series) -> pd.Series:
    """``part`` over ``whole`` where the latter is positive."""
    return part / whole.where(whole > 0)


def change(now: pd.Series, then: pd.Series) -> pd.Series:
    """Change against ``then`` as a share of it."""
    return ratio(now - then, then)


def insurance(table: pd.DataFrame, division: pd.Series, parameters: Mapping[str, Any]) -> pd.DataFrame:
    """Every feature of insurance, contributions and peers, for every month of every enterprise (a sorted grid)."""
    key, level = table["enterprise_no"], table["level"]

    def ago(column: pd.Series, months: int) -> pd.Series:
        return column.groupby(key, sort=False).shift(months)

    def rolled(column: pd.Series, months: int, how: str = "sum", least: int | None = None) -> pd.Series:
        window = column.groupby(key, sort=False).rolling(months, min_periods=least)
        return getattr(window, how)().reset_index(level=0, drop=True)

    found = levels(table, ago, rolled, parameters)
    found |= history(table, ago, rolled)
    found |= contributions(table, rolled, tolerance=parameters["arrears_tolerance_fen"])
    found |= peers(table["month"], key.map(division), level, ago(level, 3), least=parameters["peer_minimum_persons"])
    calendar = festivals(parameters)
    run = decline(table, {month: calendar.touches(month) for month in table["month"].unique()})
    return pd.concat([table[["enterprise_no", "month", "last_insured_persons"]], pd.DataFrame(found), run], axis=1)


def levels(table: pd.DataFrame, ago: Windowed, rolled: Windowed, given: Mapping[str, Any]) -> Columns:
    """Levels, changes, spread, absence, joiners and leavers."""
    level, month = table["level"], table["month"]
    before = {months: ago(level, months) for months in (1, 3, 6, 12)}
    found = {f"insured_change_{months}m_ratio": change(level, then) for months, then in before.items()}
    found["insured_persons"] = level
    found["previous_insured_persons"] = before[1]
    found["insured_change_1m_persons"] = level - before[1]
    found["insured_change_3m_persons"] = level - before[3]
    calendar = festivals(given)
    back = month.map({m: calendar.back(m) for m in month.unique()})
    lunar = before[12].mask(back == 11, ago(level, 11)).mask(back == 13, ago(level, 13))
    found["insured_change_lunar_ratio"] = change(level, lunar)
    slope = sum((5 - 2 * lag) * ago(level, lag) for lag in range(6))
    found["insured_slope_6m_ratio"] = ratio(6 * slope, 35 * rolled(level, 6))
    step = level - before[1]
    known = rolled(step, 12, "count", 1)
    spread = np.sqrt((known * rolled(step**2, 12, "sum", 1) - rolled(step, 12, "sum", 1) ** 2).clip(lower=0))
    volatility = ratio(spread, rolled(level.where(step.notna()), 12, "sum", 1))
    found["insured_volatility_12m_ratio"] = volatility.where(known >= given["minimum_known_months"])
    found["insured_volatility_known_ratio"] = volatility.where(known >= 2)
    highest = rolled(level, 12, "max", 1)
    found["insured_drawdown_12m_ratio"] = ratio(highest - level, highest)
    absent = (~table["present"] & table["complete"] & ~table["blind"]).astype(int)
    spells = table["present"].groupby(table["enterprise_no"], sort=False).cumsum()
    counted = absent.groupby([table["enterprise_no"], spells], sort=False).cumsum().clip(upper=LONGEST_ABSENCE)
    found["absent_months"] = counted.where(table["seen"])
    found["leavers_1m"] = table["leavers_persons"]
    joiners = table["joiners_persons"].mask(~table["present"] & (level == 0), 0)
    found["joiners_3m_persons"] = rolled(joiners, 3)
    found["joiners_3m_year_ago_persons"] = ago(found["joiners_3m_persons"], 12)
    found["leavers_3m_persons"] = rolled(table["leavers_persons"], 3)
    found["high_base_leavers_3m_persons"] = rolled(table["high_base_leavers_persons"], 3)
    found["high_base_leaver_excess_ratio"] = ratio(
        4 * found["high_base_leavers_3m_persons"], found["leavers_3m_persons"]
    )
    return found


def history(table: pd.DataFrame, ago: Windowed, rolled: Windowed) -> Columns:
    """Insured persons of twelve months before over those now; base and dues per head and their changes."""
    level, base, persons = table["level"], table["base_fen"], table["insured_persons"]
    due = table[[f"due_{kind}_fen" for kind in KINDS]].sum(axis=1, min_count=1)
    found = {f"insured_lag_{lag}m_ratio": ratio(ago(level, lag), level) for lag in range(1, 13)}
    shares = {
        "base_per_person": ratio(base, persons),
        "due_per_person": ratio(due, persons),
        "due_base": ratio(due, base),
    }
    for name, share in shares.items():
        for lag in (1, 3, 12):
            found[f"{name}_change_{lag}m_ratio"] = change(share, ago(share, lag))
    found["base_per_person_fen"] = np.floor(shares["base_per_person"])
    found["due_per_person_fen"] = np.floor(shares["due_per_person"])
    found["base_known_6m_months"] = rolled(base.notna().astype(float), 6, "sum", 1)
    return found


def contributions(table: pd.DataFrame, rolled: Windowed, *, tolerance: float) -> Columns:
    """Arrears of twelve months, net of deferrals, and deferrals of six."""
    due, paid, deferred = (table[[f"{what}_{kind}_fen" for kind in KINDS]] for what in ("due", "paid", "deferred"))
    owed = (due - paid.to_numpy() - deferred.fillna(0).to_numpy()).clip(lower=0).sum(axis=1)
    owed = owed.mask(owed <= tolerance, 0).where(due.notna().any(axis=1) & paid.notna().any(axis=1))
    put_off = deferred.sum(axis=1, min_count=1)
    return {
        "arrears_fen": rolled(owed, 12, "sum", 1),
        "arrears_months": rolled((owed > 0).astype(float).where(owed.notna()), 12, "sum", 1),
        "deferred_fen": rolled(put_off, 6, "sum", 1),
        "deferral_months": rolled((put_off > 0).astype(float).where(put_off.notna()), 6, "sum", 1),
    }


def decline(table: pd.DataFrame, touched: Mapping[pd.Timestamp, bool]) -> pd.DataFrame:
    """Falls in a row over the months that the festival does not touch, carried on over those that it does."""
    quiet = table.loc[~table["month"].map(touched), ["enterprise_no", "month", "level"]]
    number = quiet["month"].dt.year * 12 + quiet["month"].dt.month - 1
    fell = quiet.groupby("enterprise_no", sort=False)["level"].diff() < 0
    run = (~fell).groupby(quiet["enterprise_no"], sort=False).cumsum()
    start = quiet["level"].groupby([quiet["enterprise_no"], run], sort=False).transform("first")
    first = number.groupby([quiet["enterprise_no"], run], sort=False).transform("first")
    months = fell.astype(int).groupby([quiet["enterprise_no"], run], sort=False).cumsum()
    falling = months > 0
    found = pd.DataFrame(
        {
            "decline_run_months": months.where(quiet["level"].notna()),
            "decline_run_ratio": ratio(start - quiet["level"], start).where(falling),
            "decline_run_start_persons": start.where(falling),
            "decline_run_end_persons": quiet["level"].where(falling),
            "decline_run_start_number": first.where(falling),
            "decline_run_end_number": number.where(falling),
        }
    )
    every = found.astype("float64").fillna(UNKNOWN).reindex(table.index)
    return every.groupby(table["enterprise_no"], sort=False).ffill().replace(UNKNOWN, np.nan)


def peers(month: pd.Series, division: pd.Series, now: pd.Series, then: pd.Series, *, least: int) -> Columns:
    """Net loss of the industry division over three months, and the share of divisions that lose more."""
    pairs = pd.DataFrame({"month": month, "division": division, "then": then, "now": now})
    sums = pairs.dropna().groupby(["month", "division"], as_index=False).sum()
    sums = sums[sums["then"] >= max(least, 1)]
    sums["loss"] = (sums["then"] - sums["now"]) / sums["then"]
    size = sums.groupby("month")["division"].transform("size")
    sums["rank"] = (sums.groupby("month")["loss"].rank(ascending=False, method="min") - 1) / size
    joined = pairs[["month", "division"]].merge(sums, on=["month", "division"], how="left")
    return {
        "peer_net_loss_ratio": joined["loss"].set_axis(month.index),
        "peer_rank_ratio": joined["rank"].set_axis(month.index),
    }


def festival_loss(table: pd.DataFrame, latest: pd.DataFrame, parameters: Mapping[str, Any]) -> pd.Series:
    """Persons lost in the last month beyond what the festival explains, transfers still in it."""
    last, calendar = table["month"].max(), festivals(parameters)
    before, now = latest["previous_insured_persons"], latest["insured_persons"]
    loss = (before - now).clip(lower=0)
    if not calendar.touches(last):
        return loss
    then = last - pd.DateOffset(months=calendar.back(last))
    wide = table[table["month"].isin([then, then - pd.DateOffset(months=1)])].pivot(
        index="enterprise_no", columns="month", values="level"
    )
    usual = (wide.iloc[:, 0] - wide.iloc[:, 1]).clip(lower=0).reindex(latest.index)
    both = before.notna() & now.notna()
    city = max(before[both].sum() - now[both].sum(), 0) / max(before[both].sum(), 1)
    return (loss - usual.fillna(np.floor(before * city))).clip(lower=0)
