"""One row per enterprise: what each source says at the last month it has, put side by side."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from benchmarks import pandas_events, pandas_sources, pandas_trade
from benchmarks.pandas_features import Columns, festival_loss, festivals, insurance
from benchmarks.pandas_joining import Frames

RECORDS = {
    "insurance": "参保缴费",
    "register": "市场主体登记",
    "monitor": "失业动态监测",
    "exports": "海关出口",
    "commerce": "商务名单",
    "power": "用电",
    "tax": "税收",
    "orders": "工业订单",
}
MONTHLY = {
    "power": "power_month",
    "tax": "tax_month",
    "orders": "industry_orders",
    "claims": "unemployment_claim",
    "hires": "hire_group_month",
}


def of_insurance(months: pd.DataFrame, table: pd.DataFrame, parameters: Mapping[str, Any]) -> pd.DataFrame:
    """The features of insurance at the last month, for every enterprise of ``table``."""
    found = insurance(months, table["industry_division"], parameters)
    latest = found[found["month"] == found["month"].max()].set_index("enterprise_no").drop(columns="month")
    latest = latest.reindex(pd.RangeIndex(len(table), name="enterprise_no"))
    for end in ("start", "end"):
        number = latest.pop(f"decline_run_{end}_number")
        dates = pd.to_datetime({"year": number // 12, "month": number % 12 + 1, "day": 1}, errors="coerce")
        latest[f"decline_run_{end}_month"] = dates
    latest["season"] = festivals(parameters).season(months["month"].max())
    return latest.assign(gross_loss_persons=festival_loss(months, latest, parameters))


def of_sources(
    latest: pd.DataFrame, months: pd.DataFrame, linked: Frames, day: pd.Timestamp, parameters: Mapping[str, Any]
) -> pd.DataFrame:
    """The features of all other sources beside those of insurance; a source that has fallen silent says nothing."""
    index, reference = latest.index, months["month"].max()
    levels = months.pivot(index="enterprise_no", columns="month", values="level").reindex(index)
    calendar, valid = festivals(parameters), parameters["source_valid_months"]
    begun = day.replace(day=1)
    rows = {name: linked[feed][linked[feed]["month"] < begun] for name, feed in MONTHLY.items()}
    rows["vacancies"] = pandas_sources.open_posts(
        linked["vacancy"], begun - pd.DateOffset(months=1), parameters["vacancy_open_months"]
    )
    reached = {name: part["month"].max() for name, part in rows.items()}
    speaking = {name for name, last in reached.items() if last >= reference - pd.DateOffset(months=valid)}
    found: Columns = {f"{name}_reference_month": pd.Series(last, index=index) for name, last in reached.items()}
    if "tax" in speaking:
        found |= pandas_sources.tax(rows["tax"], index, reached["tax"], levels)
    if "power" in speaking:
        found |= pandas_sources.power(rows["power"], index, reached["power"], calendar, parameters)
    if "orders" in speaking:
        found |= pandas_sources.orders(rows["orders"], index, reached["orders"], valid)
    if "claims" in speaking:
        found |= pandas_sources.claims(rows["claims"], index, reached["claims"], levels)
    if "hires" in speaking:
        found |= pandas_sources.hires(rows["hires"], index, reached["hires"])
    if "vacancies" in speaking:
        found |= pandas_sources.vacancies(rows["vacancies"], index, reached["vacancies"])
    forms = linked["employment_monitor"]
    last_form = max(forms["month"].max(), reference)
    found |= pandas_sources.monitor(forms, index, last_form, parameters["monitor_valid_months"])
    found |= pandas_sources.moves(linked["labour_flow"], latest, reference, parameters)
    found |= pandas_events.every(linked, index, day, parameters)
    return pd.concat([latest, pd.DataFrame(found)], axis=1)


def of_trade(
    table: pd.DataFrame, linked: Frames, measures: pd.DataFrame, reference: pd.Timestamp, parameters: Mapping[str, Any]
) -> pd.DataFrame:
    """``table`` with the features of exports and duties."""
    rows, least = linked["customs_export"], parameters["minimum_known_months"]
    covered, last = pd.Index(rows["month"].unique()), rows["month"].max()
    rows = pandas_trade.own(rows, last)
    exports = pandas_trade.exports(rows, covered, last, parameters)
    duties = pandas_trade.tariffs(rows, measures, covered, reference, least)
    return table.join(exports).join(duties).assign(export_reference_month=last)


def described(
    table: pd.DataFrame, enterprises: pd.DataFrame, linked: Frames, months: pd.DataFrame, day: pd.Timestamp
) -> pd.DataFrame:
    """``table`` with the register's words and who speaks of each enterprise; of whom nobody spoke are left out."""
    listed = linked["us_exporter_list"]
    listed = listed[listed["year"].between(day.year - 1, day.year)]
    table = table.join(enterprises.set_index("enterprise_no"))
    spoken = pd.DataFrame(
        {
            "insurance": table.index.isin(months.loc[months["present"], "enterprise_no"]),
            "register": table["is_registered"],
            "monitor": table["monitor_silent_months"].notna(),
            "exports": table.index.isin(linked["customs_export"]["enterprise_no"]),
            "commerce": table.index.isin(listed["enterprise_no"]),
            "power": recent(table, linked["power_month"], table["power_reference_month"].iloc[0], 26),
            "tax": recent(table, linked["tax_month"], table["tax_reference_month"].iloc[0], 15),
            "orders": recent(table, linked["industry_orders"], table["orders_reference_month"].iloc[0], 15),
        }
    )
    table = table.assign(
        reference_month=months["month"].max(),
        reference_month_number=months["month"].max().month,
        is_us_exporter=spoken["commerce"] | (table["export_us_12m_usd_cent"] > 0),
        sources_present_count=spoken.sum(axis=1),
        completeness_text=words(spoken),
    )
    return table[spoken["insurance"] | table["notice_reported_on"].notna()]


def recent(table: pd.DataFrame, rows: pd.DataFrame, last: pd.Timestamp, months: int) -> pd.Series:
    """Which enterprises have a row within the months looked at."""
    part = rows[(rows["month"] <= last) & (rows["month"] > last - pd.DateOffset(months=months))]
    return pd.Series(table.index.isin(part["enterprise_no"]), index=table.index)


def words(spoken: pd.DataFrame) -> pd.Series:
    """The sources in words, once per combination that occurs."""
    parts = []
    for marks, group in spoken.groupby(list(RECORDS)):
        present = "、".join(label for label, mark in zip(RECORDS.values(), marks, strict=True) if mark)
        silent = "、".join(label for label, mark in zip(RECORDS.values(), marks, strict=True) if not mark)
        said = (f"有：{present}" if present else "", f"无记录：{silent}" if silent else "")
        parts.append(pd.Series("；".join(part for part in said if part), index=group.index))
    return pd.concat(parts).reindex(spoken.index)
