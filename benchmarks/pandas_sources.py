"""The features of the other feeds in the first pandas version: exports, monitoring forms, tax, electricity, reports."""

from datetime import date

import pandas as pd

from benchmarks.pandas_features import ratio


def exports(rows: pd.DataFrame) -> pd.DataFrame:
    """Exports of twelve and three months, to the US, and how they are spread, at the last customs month."""
    codes = rows.dropna(subset="enterprise_id").drop_duplicates("customs_code", keep="last").set_index("customs_code")
    rows = rows.assign(enterprise_id=rows["enterprise_id"].fillna(rows["customs_code"].map(codes["enterprise_id"])))
    rows = rows.dropna(subset="enterprise_id")
    made = rows["role"].isin(["生产销售单位", "生产单位"])
    rows = rows[made == made.groupby(rows["enterprise_id"]).transform("any")]
    to_us = rows["destination"] == "USA"
    last = rows["month"].max()
    months = pd.date_range(rows["month"].min(), last, freq="MS")
    result = {}
    for name, part in (("export", rows), ("export_us", rows[to_us])):
        wide = part.pivot_table(index="enterprise_id", columns="month", values="usd", aggfunc="sum", fill_value=0)
        wide = wide.reindex(index=rows["enterprise_id"].unique(), columns=months, fill_value=0)
        for window in (12, 3):
            rolled = wide.T.rolling(window).sum().T
            result[f"{name}_{window}m"] = rolled[last]
            result[f"{name}_{window}m_year_ago"] = rolled[last - pd.DateOffset(years=1)]
    table = pd.DataFrame(result)
    table["export_us_share_12m_ratio"] = ratio(table["export_us_12m"], table["export_12m"])
    table["export_us_3m_change_ratio"] = ratio(
        table["export_us_3m"] - table["export_us_3m_year_ago"], table["export_us_3m_year_ago"]
    )
    recent = rows[rows["month"] > last - pd.DateOffset(years=1)]
    shares = recent.groupby(["enterprise_id", "destination"])["usd"].sum()
    shares = shares / shares.groupby("enterprise_id").transform("sum")
    table["export_hhi_ratio"] = (shares**2).groupby("enterprise_id").sum()
    return table.reset_index(names="enterprise_id")


def monitor(rows: pd.DataFrame) -> pd.DataFrame:
    """What the latest recent form of each monitored enterprise says."""
    rows = rows.sort_values(["enterprise_id", "month"])
    rows["dispatch_before"] = rows.groupby("enterprise_id")["dispatch"].shift(1)
    latest = rows[rows["month"] > rows["month"].max() - pd.DateOffset(months=3)].drop_duplicates(
        "enterprise_id", keep="last"
    )
    lost = latest["separated"] - latest["hired"]
    return latest.assign(
        monitor_loss_ratio=ratio(lost, latest["surveyed"] + lost),
        idle_ratio=ratio(latest["idle"], latest["surveyed"]),
        idle_persons_latest=latest["idle"],
        dispatch_change_1m_ratio=ratio(latest["dispatch"] - latest["dispatch_before"], latest["dispatch_before"]),
    ).drop(columns="month")


def tax(rows: pd.DataFrame) -> pd.DataFrame:
    """Turnover of three months against the year before, and persons on the payroll, at the last month."""
    table = grid(rows, ["invoiced", "payroll_persons"])
    by = table.groupby("enterprise_id", sort=False)
    three = by["invoiced"].rolling(3).sum().reset_index(level=0, drop=True)
    before = three.groupby(table["enterprise_id"], sort=False).shift(12)
    table["invoiced_3m_change_ratio"] = ratio(three - before, before)
    table["payroll_latest_persons"] = table["payroll_persons"]
    earlier = by["payroll_persons"].shift(3)
    table["payroll_change_3m_ratio"] = ratio(table["payroll_persons"] - earlier, earlier)
    return table[table["month"] == table["month"].max()].drop(columns=["month", "invoiced", "payroll_persons"])


def power(rows: pd.DataFrame) -> pd.DataFrame:
    """Electricity of three months, and of the month, against the year before, at the last month."""
    table = grid(rows, ["power_kwh"])
    by = table.groupby("enterprise_id", sort=False)
    three = by["power_kwh"].rolling(3).sum().reset_index(level=0, drop=True)
    before = three.groupby(table["enterprise_id"], sort=False).shift(12)
    table["power_3m_change_ratio"] = ratio(three - before, before)
    earlier = by["power_kwh"].shift(12)
    table["power_change_12m_ratio"] = ratio(table["power_kwh"] - earlier, earlier)
    return table[table["month"] == table["month"].max()].drop(columns=["month", "power_kwh"])


def grid(rows: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Sums per enterprise and month on a full grid."""
    sums = rows.groupby(["enterprise_id", "month"])[columns].sum(min_count=1)
    names = ["enterprise_id", "month"]
    return sums.reindex(pd.MultiIndex.from_product(sums.index.levels, names=names)).reset_index()


def notices(rows: pd.DataFrame, *, day: date) -> pd.DataFrame:
    """Reports filed within six months and not withdrawn."""
    rows = rows.drop_duplicates("notice_no", keep="last")
    filed = pd.to_datetime(rows["reported_on"])
    recent = (filed > pd.Timestamp(day) - pd.DateOffset(months=6)) & (rows["notice_status"] != "已撤回")
    return rows[recent].groupby("enterprise_id", as_index=False).agg(notice_cut_persons=("cut_persons", "sum"))
