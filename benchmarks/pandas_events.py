"""The features of dated events: complaints, arbitrations, credit, help received, visits, reports of layoffs."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from benchmarks.pandas_features import Columns

STOPS = {"正常": 0.0, "压产": 1.0, "停工": 2.0}


def within(rows: pd.DataFrame, column: str, day: pd.Timestamp, days: int) -> pd.DataFrame:
    """Events of the ``days`` days that end with ``day``."""
    return rows[(rows[column] <= day) & (rows[column] > day - pd.Timedelta(days=days))]


def count(window: pd.DataFrame, index: pd.Index, chosen: pd.Series | None = None, amounts: str = "") -> pd.Series:
    """Chosen events of the window, or the sum of ``amounts``, per enterprise; who has none has 0.

    A window without any event of the whole city is unknown, not empty.
    """
    groups = (window if chosen is None else window[chosen]).groupby("enterprise_no")
    found = groups[amounts].sum() if amounts else groups.size()
    return found.astype("float64").reindex(index, fill_value=float("nan") if window.empty else 0.0)


def complaints(rows: pd.DataFrame, index: pd.Index, day: pd.Timestamp) -> Columns:
    """Complaints about wages of 30 and of 90 days, and the persons they speak for."""
    found: Columns = {}
    for days in (30, 90):
        part = within(rows, "accepted_on", day, days)
        wages = (part["complaint_kind"] == "拖欠工资") & ~part["complaint_status"].isin(["不予受理", "已撤回"])
        found[f"wage_complaints_{days}d_count"] = count(part, index, wages)
        found[f"wage_complaints_{days}d_persons"] = count(part, index, wages, "involved_persons")
    return found


def arbitrations(rows: pd.DataFrame, index: pd.Index, day: pd.Timestamp, least: int) -> Columns:
    """Cases docketed within 30 and 90 days, their claimants, and how many of them are collective."""
    quarter = within(rows, "filed_on", day, 90)
    collective = (quarter["is_collective"] == 1) | (quarter["claimant_persons"] >= least)
    return {
        "arbitrations_30d_count": count(within(rows, "filed_on", day, 30), index),
        "arbitrations_90d_count": count(quarter, index),
        "arbitrations_90d_persons": count(quarter, index, amounts="claimant_persons"),
        "collective_disputes_90d_count": count(quarter, index, collective),
    }


def credit(rows: pd.DataFrame, index: pd.Index, day: pd.Timestamp) -> Columns:
    """New listings by kind, notices that stand, grades lost."""
    past = rows[rows["occurred_on"] <= day]
    standing = past["ended_on"].isna() | (past["ended_on"] > day)
    half, quarter = within(rows, "occurred_on", day, 180), within(rows, "occurred_on", day, 90)
    grades = {"A": 0.0, "B": 1.0, "C": 2.0}
    before, after = (rows[name].astype("str").map(grades) for name in ("level_from", "level_to"))
    graded = within(rows.assign(lost=(after - before).clip(lower=0)), "occurred_on", day, 365)
    return {
        "dishonest_180d_count": count(half, index, half["credit_kind"] == "失信被执行人"),
        "irregular_180d_count": count(half, index, half["credit_kind"].isin(["经营异常", "严重违法失信"])),
        "frozen_90d_count": count(quarter, index, quarter["credit_kind"].isin(["股权冻结", "动产抵押"])),
        "winding_up_open_count": count(past, index, standing & past["credit_kind"].isin(["清算公告", "简易注销公告"])),
        "moving_out_open_count": count(past, index, standing & (past["credit_kind"] == "迁出登记")),
        "grades_down_365d_count": count(graded, index, amounts="lost"),
    }


def benefits(rows: pd.DataFrame, index: pd.Index, day: pd.Timestamp, stabilising: Sequence[str]) -> Columns:
    """Help of half a year: all payments, those that keep staff, and the day of the latest of these."""
    window = within(rows, "paid_on", day, 182)
    kept = window["benefit_status"] != "已退回"
    steady = kept & window["benefit_kind"].isin(stabilising)
    return {
        "benefits_6m_count": count(window, index, kept),
        "benefits_6m_fen": count(window, index, kept, "benefit_fen"),
        "stabilising_benefits_6m_count": count(window, index, steady),
        "stabilising_benefit_on": window[steady].groupby("enterprise_no")["paid_on"].max().reindex(index),
    }


def visits(rows: pd.DataFrame, index: pd.Index, day: pd.Timestamp, days: int) -> Columns:
    """What the latest recent visit found."""
    rows = within(rows, "visited_on", day, days).sort_values(["visited_on", "visit_no"])
    form = rows.drop_duplicates("enterprise_no", keep="last").set_index("enterprise_no").reindex(index)
    plans = [form["planned_cut_persons"], -form["planned_1m_persons"], -form["planned_3m_persons"]]
    return {
        "visit_on": form["visited_on"],
        "visit_planned_cut_persons": pd.concat(plans, axis=1).max(axis=1).clip(lower=0),
        "visit_unpaid_wage_persons": form["unpaid_wage_persons"],
        "visit_stop_level": form["operation_status"].astype("str").map(STOPS),
        "visit_orders_change_ratio": form["orders_change_bp"] / 10_000,
        "visit_false_alarm_level": form["is_false_alarm"],
    }


def notices(rows: pd.DataFrame, index: pd.Index, day: pd.Timestamp, months: int) -> Columns:
    """Reports filed within the months in force and not withdrawn."""
    filed = rows["reported_on"]
    recent = (filed > day - pd.DateOffset(months=months)) & (filed <= day) & (rows["notice_status"] != "已撤回")
    by = rows[recent].groupby("enterprise_no")
    return {
        "notice_cut_persons": by["cut_persons"].sum().reindex(index),
        "notice_reported_on": by["reported_on"].max().reindex(index),
    }


def every(
    linked: Mapping[str, pd.DataFrame], index: pd.Index, day: pd.Timestamp, parameters: Mapping[str, Any]
) -> Columns:
    """All features of dated events."""
    return (
        complaints(linked["wage_complaint"], index, day)
        | arbitrations(linked["arbitration"], index, day, parameters["collective_minimum_persons"])
        | credit(linked["credit_event"], index, day)
        | benefits(linked["policy_benefit"], index, day, parameters["stabilising_benefits"])
        | visits(linked["follow_up"], index, day, parameters["visit_valid_days"])
        | notices(linked["layoff_notice"], index, day, parameters["notice_in_force_months"])
    )
