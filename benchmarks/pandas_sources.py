"""The features of the monthly sources beside insurance: tax, power, orders, forms, postings, hires, claims, moves.

Each source is turned into wide tables, one column per month up to the last one on record, one row per enterprise.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.pandas_features import Columns, Festivals, change, ratio

RUN_MONTHS = 12
STOPS = {"正常": 0.0, "压产": 1.0, "停工": 2.0}


@dataclass(frozen=True)
class Wide:
    """A source's months up to ``last``; a register counts 0 where it covers a month and has no row."""

    rows: pd.DataFrame
    index: pd.Index
    last: pd.Timestamp
    months: int
    is_register: bool = False

    @property
    def span(self) -> pd.DatetimeIndex:
        """The months looked at, oldest first."""
        return pd.date_range(end=self.last, periods=self.months, freq="MS")

    def table(self, column: str) -> pd.DataFrame:
        """One row per enterprise, one column per lag (0 is the last month)."""
        rows = self.rows[self.rows["month"].isin(self.span)]
        sums = rows.groupby(["enterprise_no", "month"])[column].sum(min_count=1).unstack()
        wide = sums.reindex(index=self.index, columns=self.span)
        if self.is_register:
            covered = self.span.isin(rows["month"].unique())
            wide.loc[:, covered] = wide.loc[:, covered].fillna(0)
        return wide.set_axis(range(self.months - 1, -1, -1), axis=1)

    def has_row(self) -> pd.DataFrame:
        """Where there is a row at all."""
        return self.of(self.rows.assign(row=1.0)).table("row").notna()

    def of(self, rows: pd.DataFrame) -> "Wide":
        """The same months of other rows."""
        return Wide(rows, self.index, self.last, self.months)


def total(table: pd.DataFrame, months: int, lag: int = 0) -> pd.Series:
    """Sum of ``months`` months ending ``lag`` months ago; missing unless all are known."""
    return table[list(range(lag, lag + months))].sum(axis=1, skipna=False)


def run(holds: pd.DataFrame, most: int = RUN_MONTHS) -> pd.Series:
    """How many months in a row, counted back from the last, the condition holds."""
    return holds[list(range(most))].astype(int).cumprod(axis=1).sum(axis=1)


def since(rows: pd.DataFrame, most: int) -> pd.Series:
    """Months since the latest row, missing where there is none within ``most``."""
    heard = rows[list(range(most + 1))]
    return heard.idxmax(axis=1).where(heard.any(axis=1)).astype("float64")


def tax(rows: pd.DataFrame, index: pd.Index, last: pd.Timestamp, levels: pd.DataFrame) -> Columns:
    """Turnover, empty returns, and persons on the payroll against those insured."""
    wide = Wide(rows, index, last, 15)
    invoiced, heads, wages = (wide.table(name) for name in ("invoiced_fen", "payroll_persons", "payroll_fen"))
    zero = wide.table("is_zero_vat")
    three, year_ago = total(invoiced, 3), total(invoiced, 3, 12)
    then = last - pd.DateOffset(months=3)
    now_share, then_share = ratio(heads[0], levels[last]), ratio(heads[3], levels[then])
    return {
        "invoiced_3m_fen": three,
        "invoiced_3m_year_ago_fen": year_ago,
        "invoiced_3m_change_ratio": change(three, year_ago),
        "zero_vat_months": run(zero > 0).where(zero[0].notna()),
        "payroll_latest_persons": heads[0],
        "payroll_change_3m_ratio": change(heads[0], heads[3]),
        "payroll_wage_change_12m_ratio": change(ratio(wages[0], heads[0]), ratio(wages[12], heads[12])),
        "tax_silent_months": since(wide.has_row(), RUN_MONTHS),
        "payroll_insured_ratio": now_share,
        "payroll_insured_change_3m_ratio": now_share - then_share,
    }


def power(
    rows: pd.DataFrame, index: pd.Index, last: pd.Timestamp, calendar: Festivals, parameters: Mapping[str, Any]
) -> Columns:
    """Electricity against the year before and against the enterprise's own base period."""
    state = rows["power_state"]
    is_reduced = state.isin(["减容", "暂停"]).astype("float64").where(state.notna())
    wide = Wide(rows.assign(is_reduced=is_reduced), index, last, 26)
    kwh, reduced = wide.table("power_kwh"), wide.table("is_reduced")
    months = {lag: last - pd.DateOffset(months=lag) for lag in range(26)}
    quiet = [lag for lag in range(RUN_MONTHS) if not calendar.touches(months[lag])]
    before = {lag: kwh[lag + calendar.back(months[lag])] for lag in range(RUN_MONTHS)}
    limit = (100 - parameters["power_fall_pct"]) / 100
    fell = pd.DataFrame({at: (kwh[lag] <= before[lag] * limit) & (before[lag] > 0) for at, lag in enumerate(quiet)})
    days = {lag: month.days_in_month for lag, month in months.items()}
    base = kwh[list(range(quiet[0] + 3, quiet[0] + 15))]
    base_days = (base.notna() * [days[lag] for lag in base.columns]).sum(axis=1)
    daily = ratio(base.sum(axis=1), base_days).where(base.notna().sum(axis=1) >= parameters["minimum_known_months"])
    return {
        "power_change_lunar_ratio": change(kwh[0], before[0]),
        "power_3m_change_ratio": change(total(kwh, 3), total(kwh, 3, 12)),
        "power_fall_months": run(fell, len(quiet)).where(kwh[quiet[0]].notna() & before[quiet[0]].notna()),
        "power_use_base_ratio": ratio(kwh[quiet[0]] / days[quiet[0]], daily),
        "power_reduced_months": run(reduced > 0).where(reduced[0].notna()),
        "power_unpaid_fen": wide.table("unpaid_power_fen")[0],
        "power_silent_months": since(wide.has_row(), RUN_MONTHS),
    }


def orders(rows: pd.DataFrame, index: pd.Index, last: pd.Timestamp, most: int) -> Columns:
    """Orders of key enterprises, use of capacity, state of production."""
    wide = Wide(rows.assign(stop=rows["operation_status"].map(STOPS).astype("float64")), index, last, 15)
    new, export, use = (wide.table(name) for name in ("new_orders_fen", "export_orders_fen", "capacity_use_bp"))
    return {
        "orders_3m_fen": total(new, 3),
        "orders_3m_year_ago_fen": total(new, 3, 12),
        "orders_3m_change_ratio": change(total(new, 3), total(new, 3, 12)),
        "export_orders_3m_change_ratio": change(total(export, 3), total(export, 3, 12)),
        "capacity_use_ratio": use[0] / 10_000,
        "capacity_use_change_3m_ratio": (use[0] - use[3]) / 10_000,
        "stop_level": wide.table("stop")[0],
        "orders_silent_months": since(wide.has_row(), most),
    }


def monitor(rows: pd.DataFrame, index: pd.Index, last: pd.Timestamp, valid: int) -> Columns:
    """What the latest recent form of each monitored enterprise says."""
    earlier = rows[["enterprise_no", "month", "dispatch_persons"]]
    earlier = earlier.assign(month=earlier["month"] + pd.DateOffset(months=1))
    rows = rows.merge(earlier, on=["enterprise_no", "month"], how="left", suffixes=("", "_before"))
    recent = rows[(rows["month"] > last - pd.DateOffset(months=valid)) & (rows["month"] <= last)]
    form = recent.sort_values("month").drop_duplicates("enterprise_no", keep="last").set_index("enterprise_no")
    form = form.reindex(index)
    lost = form["separated_persons"] - form["hired_persons"]
    return {
        "monitor_month": form["month"],
        "monitor_silent_months": since(Wide(rows, index, last, 7).has_row(), 6),
        "monitor_loss_ratio": ratio(lost, form["surveyed_persons"] + lost),
        "idle_ratio": ratio(form["idle_persons"], form["surveyed_persons"]),
        "idle_persons_latest": form["idle_persons"],
        "dispatch_change_1m_ratio": change(form["dispatch_persons"], form["dispatch_persons_before"]),
    }


def open_posts(rows: pd.DataFrame, last: pd.Timestamp, open_months: int) -> pd.DataFrame:
    """One row per posting and month in which it was open, for fifteen months up to ``last``."""
    parts = []
    for month in pd.date_range(end=last, periods=15, freq="MS"):
        begun = (rows["posted_on"] < month + pd.DateOffset(months=1)) & (
            rows["posted_on"] >= month - pd.DateOffset(months=open_months - 1)
        )
        still = rows["posting_closed_on"].isna() | (rows["posting_closed_on"] >= month)
        parts.append(rows.loc[begun & still, ["enterprise_no", "posts"]].assign(month=month))
    return pd.concat(parts)


def vacancies(rows: pd.DataFrame, index: pd.Index, last: pd.Timestamp) -> Columns:
    """Posts open in the latest month and over three, against a year before."""
    posts = Wide(rows, index, last, 15, is_register=True).table("posts")
    return {
        "open_posts_count": posts[0],
        "open_posts_year_ago_count": posts[12],
        "open_posts_change_12m_ratio": change(posts[0], posts[12]),
        "open_posts_3m_change_ratio": change(total(posts, 3), total(posts, 3, 12)),
    }


def hires(rows: pd.DataFrame, index: pd.Index, last: pd.Timestamp) -> Columns:
    """Persons of the promoted groups hired in three and in twelve months."""
    hired = Wide(rows, index, last, 15, is_register=True).table("group_hired_persons")
    return {
        "group_hires_3m_persons": total(hired, 3),
        "group_hires_12m_persons": total(hired, 12),
        "group_hires_3m_change_ratio": change(total(hired, 3), total(hired, 3, 12)),
    }


def claims(rows: pd.DataFrame, index: pd.Index, last: pd.Timestamp, levels: pd.DataFrame) -> Columns:
    """Claimants of one and three months, and their share of the highest staff of four months."""
    wide = Wide(rows, index, last, 7, is_register=True)
    persons, laid_off = wide.table("claim_persons"), wide.table("laid_off_claim_persons")
    staff = levels.reindex(columns=pd.date_range(end=last, periods=4, freq="MS")).max(axis=1)
    three = total(persons, 3)
    return {
        "claims_1m_persons": persons[0],
        "claims_3m_persons": three,
        "laid_off_claims_3m_persons": total(laid_off, 3),
        "claims_1m_ratio": ratio(persons[0], staff),
        "claims_3m_ratio": ratio(three, staff),
        "claims_change_3m_persons": three - total(persons, 3, 3),
    }


def moves(rows: pd.DataFrame, latest: pd.DataFrame, last: pd.Timestamp, parameters: Mapping[str, Any]) -> Columns:
    """Persons who left for one and the same enterprise, and the losses net of such transfers."""
    rows = rows[rows["from_no"] != rows["to_no"]]
    found: Columns = {}
    for months, leavers in ((1, latest["leavers_1m"]), (3, latest["leavers_3m_persons"])):
        window = pd.date_range(end=last, periods=months, freq="MS")
        part = rows[rows["month"].isin(window)]
        sums = part.groupby(["from_no", "to_no"])["moved_persons"].sum()
        told = window.isin(part["month"].unique()).all()
        together = sums.groupby("from_no").max().reindex(latest.index, fill_value=0.0 if told else np.nan)
        found[f"together_{months}m_persons"] = together
        found[f"together_{months}m_ratio"] = ratio(together, leavers)
    gross, before = latest["gross_loss_persons"], latest["previous_insured_persons"]
    gone = (latest["absent_months"] > 0) & latest["last_insured_persons"].notna()
    left = latest["leavers_1m"].fillna(gross).where(gross.notna())
    left_3m = latest["last_insured_persons"].where(gone, latest["leavers_3m_persons"])
    transfer = _transfer(found["together_1m_persons"], left, parameters)
    transfer_3m = _transfer(found["together_3m_persons"], left_3m, parameters)
    net = (gross - transfer.fillna(0)).clip(lower=0)
    return found | {
        "gross_loss_ratio": ratio(gross, before),
        "transfer_persons": transfer,
        "transfer_3m_persons": transfer_3m,
        "net_loss_persons": net,
        "net_loss_ratio": ratio(net, before),
        "absent_loss_persons": (latest["last_insured_persons"] - transfer_3m.fillna(0)).clip(lower=0).where(gone),
    }


def _transfer(together: pd.Series, left: pd.Series, parameters: Mapping[str, Any]) -> pd.Series:
    """``together`` where it is large enough and enough of those who left; 0 where it is not."""
    enough = together >= parameters["transfer_minimum_persons"]
    share = together * 100 >= left * parameters["transfer_share_pct"]
    return together.where(enough & share, 0.0).where(np.logical_and(together.notna(), left.notna()))
