"""One enterprise over all departments: the register, units by validity, customs codes, and the months of insurance.

Enterprises get plain numbers; a row whose code leads to no enterprise falls out here. Months stand on a full grid of
enterprise and month, with zeros where an absence is proven.
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from benchmarks.pandas_reading import Delivered
from pipelines.contracts import SQL

Frames = dict[str, pd.DataFrame]
NAMING = ("enterprise_register", "insured_unit", "employment_monitor", "customs_export", "us_exporter_list")
BY_UNIT = ("hire_group_month", "unemployment_claim")
BY_CODE = (
    *("tax_month", "power_month", "employment_monitor", "industry_orders", "vacancy", "layoff_notice"),
    *("wage_complaint", "arbitration", "credit_event", "policy_benefit", "follow_up", "us_exporter_list"),
)
NAMELESS, NOWHERE = "登记信息缺失", "000000"
KINDS = ("pension", "unemployment", "injury")
COUNTS = ("insured_persons", "joiners_persons", "leavers_persons", "high_base_leavers_persons", "base_fen")
AMOUNTS = tuple(f"{what}_{kind}_fen" for kind in KINDS for what in ("due", "paid", "deferred"))


def enterprises(feeds: Frames, day: pd.Timestamp, parameters: Mapping[str, Any]) -> pd.DataFrame:
    """One row per enterprise that a department named: what the register and its units say of it."""
    named = pd.concat([feeds[name]["enterprise_id"].astype("str") for name in (*NAMING, "layoff_notice")])
    table = pd.DataFrame({"enterprise_id": named.dropna().drop_duplicates().sort_values(ignore_index=True)})
    register = feeds["enterprise_register"].drop(columns=["delivery", "address"])
    table = table.merge(register.astype({"enterprise_id": "str"}), on="enterprise_id", how="left", indicator="source")
    units = feeds["insured_unit"].astype({"enterprise_id": "str", "unit_no": "str"})
    units = units.assign(is_open=units["valid_to"].isna()).sort_values(["is_open", "delivery", "unit_no"])
    own = units.drop_duplicates("enterprise_id", keep="last")[["enterprise_id", "unit_name", "county_code"]]
    table = table.merge(own, on="enterprise_id", how="left", suffixes=("", "_unit"))
    standing = units["valid_to"].isna() | (units["valid_to"] > day)
    agencies = units.loc[units["unit_kind"].notna() & (units["unit_kind"] != "普通") & standing, "enterprise_id"]
    plain = table["industry_code"].astype("str").str.replace(r"^[A-Z]", "", regex=True)
    names = pd.read_csv(SQL / "codes" / "industry.csv", dtype=str).set_index("code")["name"]
    return table.assign(
        enterprise_no=range(len(table)),
        enterprise_name=first_known(table, "enterprise_name", "unit_name").fillna(NAMELESS),
        county_code=first_known(table, "county_code", "county_code_unit").fillna(NOWHERE),
        industry_division=plain.str[:2],
        industry_name=plain.str[:2].map(names).fillna("未知行业").mask(table["source"] != "both", NAMELESS),
        street_name=table["street_name"].astype("str").fillna("未提供"),
        size_class=table["size_class"].astype("str").fillna("未定"),
        is_registered=table["source"] == "both",
        is_labour_agency=table["enterprise_id"].isin(agencies) | plain.isin(parameters["labour_agency_industries"]),
    ).drop(columns=["source", "unit_name", "county_code_unit"])


def first_known(table: pd.DataFrame, name: str, other: str) -> pd.Series:
    """The text of column ``name``, else of ``other``."""
    return table[name].astype("str").fillna(table[other].astype("str"))


def linked(feeds: Frames, table: pd.DataFrame) -> Frames:
    """The feeds about enterprises with ``enterprise_no``; rows that reach none are left out."""
    numbers = table.set_index("enterprise_id")["enterprise_no"]
    found = {name: by_code(feeds[name], numbers) for name in BY_CODE}
    units = by_code(feeds["insured_unit"], numbers)
    found["insured_unit"] = units
    for name in BY_UNIT:
        rows = feeds[name]
        found[name] = rows.assign(enterprise_no=by_unit(rows, "unit_no", units)).dropna(subset="enterprise_no")
    flows = feeds["labour_flow"]
    flows = flows.assign(**{f"{end}_no": by_unit(flows, f"{end}_unit_no", units) for end in ("from", "to")})
    found["labour_flow"] = flows.dropna(subset=["from_no", "to_no"])
    exports = feeds["customs_export"]
    told = exports.assign(enterprise_no=exports["enterprise_id"].map(numbers).astype("float64"))
    known = told.dropna(subset="enterprise_no").drop_duplicates("customs_code", keep="last")
    by_customs = told["customs_code"].map(known.set_index("customs_code")["enterprise_no"]).astype("float64")
    told["enterprise_no"] = told["enterprise_no"].fillna(by_customs)
    found["customs_export"] = whole(told.dropna(subset="enterprise_no"))
    return found


def whole(rows: pd.DataFrame) -> pd.DataFrame:
    """``rows``, all of which have an enterprise, with its number as an integer."""
    return rows.astype({"enterprise_no": "int64"})


def by_code(rows: pd.DataFrame, numbers: pd.Series) -> pd.DataFrame:
    """Rows with the number of the enterprise whose code they carry."""
    found = rows["enterprise_id"].map(numbers).astype("float64")
    return whole(rows.assign(enterprise_no=found).dropna(subset="enterprise_no"))


def by_unit(rows: pd.DataFrame, column: str, units: pd.DataFrame) -> pd.Series:
    """The enterprise that each row's unit belonged to in the row's month, else the one it joined last."""
    codes = pd.Series(range(len(units["unit_no"].cat.categories)), index=units["unit_no"].cat.categories)
    spans = units.assign(unit=units["unit_no"].map(codes).astype("float64"))
    spans = spans.sort_values(["valid_from", "enterprise_no"], ascending=[True, False], na_position="first")
    left = pd.DataFrame(
        {"row": rows.index, "unit": rows[column].map(codes).astype("float64"), "month": rows["month"]}
    ).dropna(subset="unit")
    pairs = left.merge(spans[["unit", "enterprise_no", "valid_from", "valid_to"]], on="unit")
    ends = pairs["month"] + pd.offsets.MonthEnd(0)
    covers = (pairs["valid_from"].isna() | (pairs["valid_from"] <= ends)) & (
        pairs["valid_to"].isna() | (pairs["valid_to"] > pairs["month"])
    )
    covering = pairs[covers].drop_duplicates("row", keep="last")
    others = pairs[~pairs["row"].isin(covering["row"])].drop_duplicates("row", keep="last")
    return pd.concat([covering, others]).set_index("row")["enterprise_no"].reindex(rows.index)


def months(
    delivered: Delivered, units: pd.DataFrame, table: pd.DataFrame, parameters: Mapping[str, Any]
) -> pd.DataFrame:
    """One row per enterprise and month on a full grid; ``level`` counts 0 where an absence is proven."""
    rows = delivered.feeds["insurance_month"]
    rows = rows.assign(enterprise_no=by_unit(rows, "unit_no", units)).dropna(subset="enterprise_no")
    groups = whole(rows).groupby(["enterprise_no", "month"])
    sums = groups[[*COUNTS, *AMOUNTS]].sum(min_count=1)
    sums["unit_count"] = groups.size()
    grid = pd.MultiIndex.from_product([sums.index.levels[0], sums.index.levels[1]], names=["enterprise_no", "month"])
    found = sums.reindex(grid).reset_index()
    by = found.groupby("enterprise_no", sort=False)
    blind = unknown(found, delivered.quarantine, units, table, parameters)
    partial = blind & (found["unit_count"] < most_units(found))
    found.loc[partial, [*COUNTS, *AMOUNTS]] = float("nan")
    found["present"] = found["unit_count"].notna() & ~partial
    found["blind"] = blind & ~found["present"]
    found["seen"] = found["present"].groupby(found["enterprise_no"], sort=False).cummax()
    count = found[found["present"]].groupby("month").size()
    usual = count.rolling(6, min_periods=1).quantile(0.5, interpolation="lower").shift(1)
    complete = (count * 100 >= parameters["complete_month_pct"] * usual) | usual.isna()
    found["complete"] = found["month"].map(complete)
    proven = ~found["present"] & ~found["blind"] & found["seen"] & found["complete"]
    found["level"] = found["insured_persons"].mask(proven, 0)
    found["last_insured_persons"] = by["insured_persons"].ffill()
    return found


def unknown(
    found: pd.DataFrame, quarantine: pd.DataFrame, units: pd.DataFrame, table: pd.DataFrame, given: Mapping[str, Any]
) -> pd.Series:
    """Months of which an enterprise's insurance is not known: a row in quarantine, or its county short of rows."""
    held = quarantine[(quarantine["feed"] == "insurance_month") & quarantine["unit_no"].notna()]
    numbers = units.drop_duplicates("unit_no", keep="last").astype({"unit_no": "str"}).set_index("unit_no")
    places = pd.MultiIndex.from_arrays([held["unit_no"].astype("str").map(numbers["enterprise_no"]), held["month"]])
    blind = pd.MultiIndex.from_frame(found[["enterprise_no", "month"]]).isin(places)
    county = found["enterprise_no"].map(table["county_code"])
    rows = found["unit_count"].groupby([county, found["month"]]).sum().unstack()
    usual = rows.T.rolling(6, min_periods=1).quantile(0.5, interpolation="lower").shift(1).T
    short = (rows * 100 < given["complete_month_pct"] * usual) & (usual - rows >= given["county_short_rows_least"])
    short = short.stack()
    if not short.any():
        return pd.Series(blind, index=found.index)
    doubted = pd.MultiIndex.from_arrays([county, found["month"]]).isin(short[short].index)
    lacking = found["unit_count"].isna() | (found["unit_count"] < most_units(found))
    return pd.Series(blind | (doubted & lacking), index=found.index)


def most_units(found: pd.DataFrame) -> pd.Series:
    """The most units that the enterprise had in the six months before."""
    before = found.groupby("enterprise_no", sort=False)["unit_count"].shift(1)
    rolled = before.groupby(found["enterprise_no"], sort=False).rolling(6, min_periods=1).max()
    return rolled.reset_index(level=0, drop=True)
