"""The features of exports and of the additional US duty on what an enterprise used to sell there."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from benchmarks.pandas_features import Columns, ratio
from benchmarks.pandas_sources import Wide, total

EXPORT_MONTHS = 36
MADE = "生产销售单位"
GAP_MONTHS, BASE_MONTHS = 9, 12


def own(rows: pd.DataFrame, last: pd.Timestamp) -> pd.DataFrame:
    """Production of those who produced anything within three years; trade of the others."""
    rows = rows[(rows["month"] > last - pd.DateOffset(months=EXPORT_MONTHS)) & (rows["month"] <= last)]
    made = rows["declarant_role"] == MADE
    rows = rows[made == made.groupby(rows["enterprise_no"]).transform("any")]
    return rows.assign(hs6=rows["hs_code"].str[:6], us=(rows["destination"] == "USA") * rows["export_usd_cent"])


def exports(rows: pd.DataFrame, covered: pd.Index, last: pd.Timestamp, parameters: Mapping[str, Any]) -> pd.DataFrame:
    """Exports of twelve and three months, to the US, their falls, their spread and their silence, per exporter."""
    wide = Wide(rows, pd.Index(rows["enterprise_no"].unique(), name="enterprise_no"), last, EXPORT_MONTHS)
    known = [lag for lag, month in zip(range(EXPORT_MONTHS - 1, -1, -1), wide.span, strict=True) if month in covered]
    every, to_us = wide.table("export_usd_cent"), wide.table("us")
    every[known], to_us[known] = every[known].fillna(0), to_us[known].fillna(0)
    year = [lag for lag in range(12) if lag in known]
    enough = 1.0 if len(year) >= parameters["minimum_known_months"] else float("nan")
    three, before = total(to_us, 3), total(to_us, 3, 12)
    recent = rows[rows["month"].isin(wide.span[-12:])]
    parts = recent.groupby(["enterprise_no", "destination"], observed=True)["export_usd_cent"].sum()
    shares = parts / parts.groupby("enterprise_no").transform("sum")
    heard = every[list(range(13))] > 0
    found: Columns = {
        "export_12m_usd_cent": total(every, 12),
        "export_us_12m_usd_cent": total(to_us, 12),
        "export_us_3m_usd_cent": three,
        "export_us_3m_year_ago_usd_cent": before,
        "export_us_share_12m_ratio": ratio(to_us[year].sum(axis=1), every[year].sum(axis=1)) * enough,
        "export_us_3m_change_ratio": ratio(three - before, before),
        "export_us_fall_months": falls(to_us, parameters["export_us_fall_pct"]).where(three.notna() & before.notna()),
        "export_hhi_ratio": (shares**2).groupby("enterprise_no").sum().reindex(wide.index) * enough,
        "zero_export_months": zeros(every).where(every[0].notna()),
        "export_silent_months": heard.idxmax(axis=1).where(heard.any(axis=1)).astype("float64"),
    }
    return pd.DataFrame(found)


def falls(to_us: pd.DataFrame, percent: int) -> pd.Series:
    """Months in a row in which the sum of three months fell by ``percent`` or more against the year before."""
    fell = {}
    for lag in range(EXPORT_MONTHS - 14):
        now, then = total(to_us, 3, lag), total(to_us, 3, lag + 12)
        fell[lag] = (then > 0) & (now * 100 <= then * (100 - percent))
    return pd.DataFrame(fell).astype(int).cumprod(axis=1).sum(axis=1)


def zeros(every: pd.DataFrame) -> pd.Series:
    """Months in a row of no exports, of those who exported within the twelve months before them."""
    nothing = (every[list(range(EXPORT_MONTHS))] == 0).astype(int)
    silent = nothing.cumprod(axis=1).sum(axis=1)
    before = pd.DataFrame({lag: every[lag].where((silent <= lag) & (lag < silent + 12)) for lag in every.columns})
    return silent.where((before > 0).any(axis=1), 0)


def tariffs(
    rows: pd.DataFrame, measures: pd.DataFrame, covered: pd.Index, reference: pd.Timestamp, least: int
) -> pd.DataFrame:
    """Duty at the end of ``reference``, its change over six months, and exposure: base products times its rise."""
    base_end = reference - pd.DateOffset(months=GAP_MONTHS)
    base = pd.date_range(end=base_end, periods=BASE_MONTHS, freq="MS")
    part = rows[rows["month"].isin(base)]
    index = pd.Index(rows["enterprise_no"].unique(), name="enterprise_no")
    if base.isin(covered).sum() < least:
        return pd.DataFrame(index=index)
    sums = part.groupby(["enterprise_no", "hs6"], observed=True)[["us", "export_usd_cent"]].sum() // 100
    mix = sums.reset_index()
    totals = sums.groupby("enterprise_no").sum().reindex(index, fill_value=0.0)
    charged = {}
    for lag in range(GAP_MONTHS, -1, -1):
        day = reference - pd.DateOffset(months=lag) + pd.offsets.MonthEnd(0)
        duty = mix["us"] * mix["hs6"].astype("str").map(rates(measures, mix["hs6"].unique(), day))
        charged[lag] = duty.groupby(mix["enterprise_no"]).sum().reindex(index, fill_value=0.0)
    charge = pd.DataFrame(charged)
    rise = (charge - charge.cummin(axis=1).shift(1, axis=1)).max(axis=1).clip(lower=0).fillna(0)
    return pd.DataFrame(
        {
            "tariff_rate_ratio": ratio(charge[0], totals["us"] * 10_000),
            "tariff_rate_change_6m_ratio": ratio(charge[0] - charge[6], totals["us"] * 10_000),
            "tariff_exposure_ratio": ratio(rise, totals["export_usd_cent"] * 10_000),
        }
    )


def rates(measures: pd.DataFrame, products: Any, day: pd.Timestamp) -> pd.Series:
    """Additional duty in basis points on each product on ``day``: the latest step of each group, groups added up."""
    holds = (measures["valid_from"] <= day) & (measures["valid_to"].isna() | (measures["valid_to"] > day))
    steps = measures[holds & (measures["measure_status"] != "拟议")].sort_values(["valid_from", "measure_id"])
    steps = steps.drop_duplicates(["stack_group", "hs6"], keep="last").astype({"stack_group": "str", "hs6": "str"})
    found = pd.Series(0.0, index=pd.Index(products).astype("str"))
    for _, group in steps.groupby("stack_group"):
        rate = group.set_index("hs6")["rate_bp"]
        own_rate = pd.Series(found.index.map(rate).astype("float64"), index=found.index)
        found = found + own_rate.fillna(rate.get("*", 0.0))
    return found
