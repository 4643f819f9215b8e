"""The night as a team would first write it in pandas: read what the departments sent, join, roll, score, list, publish.

Plain and idiomatic: every file of the schedule is read again each night, the newest row of a key wins, head counts go
on a full grid of enterprise and month, and every feature is a shift or a rolling window of a groupby, for all months.
The months of the city and of each county are written for analysts, the list as a workbook. It does less than the night
it is compared with: eight of the feeds, no tariff features, the checks without their reasons, no sentences, no
comparison with the list before, no briefing, no mails.
"""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from time import perf_counter
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from benchmarks import homes, pandas_features, pandas_sources
from benchmarks.measure import Work
from benchmarks.pandas_reading import INSURANCE, read_all
from pipelines import parameters as parameter_files

COMPLETE = 0.9


def night(given: Mapping[str, Any]) -> Work:
    """The whole night over the schedule of ``given['city']``; the features of the last month stay for comparison."""
    folder, day = Path(given["city"]), date.fromisoformat(given["night"])

    def work() -> dict[str, Any]:
        return run(folder, day=day, out=Path(given["out"]))

    return work


def run(folder: Path, *, day: date, out: Path) -> dict[str, Any]:
    """Read, join, compute, score and list; gives seconds per part."""
    out.mkdir(parents=True, exist_ok=True)
    clock = Clock()
    feeds = read_all(folder, until=pd.Timestamp(homes.cutoff(day)))
    clock.lap("read")
    register, months = join(feeds)
    clock.lap("join")
    table = pandas_features.insurance(months, register)
    clock.lap("insurance_features")
    latest = pandas_features.last_month(table).merge(register, on="enterprise_id", how="left")
    parts = [
        pandas_sources.exports(feeds["customs_export"]),
        pandas_sources.monitor(feeds["employment_monitor"]),
        pandas_sources.notices(feeds["layoff_notice"], day=day),
    ]
    parts += [pandas_sources.tax(feeds["tax_month"])] if "tax_month" in feeds else []
    parts += [pandas_sources.power(feeds["power_month"])] if "power_month" in feeds else []
    for part in parts:
        latest = latest.merge(part, on="enterprise_id", how="left")
    clock.lap("other_features")
    parameters = parameter_files.load(day)
    scored = pandas_features.points(latest, parameters.in_force())
    listed = pandas_features.listing(scored, capacity=10)
    clock.lap("points_and_list")
    scored.to_parquet(out / "features.parquet")
    listed.to_excel(out / "list.xlsx", index=False, engine="xlsxwriter")
    publish(months, register, out=out)
    clock.lap("write")
    return {"parts": clock.laps, "rows": len(table), "columns": table.shape[1], "listed": len(listed)}


class Clock:
    """Seconds since the last lap, by name."""

    def __init__(self) -> None:
        """Start."""
        self.laps: dict[str, float] = {}
        self._last = perf_counter()

    def lap(self, name: str) -> None:
        """Write down the seconds since the last lap."""
        now = perf_counter()
        self.laps[name], self._last = round(now - self._last, 2), now


def join(feeds: Mapping[str, pd.DataFrame]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The register, and one row per enterprise and month on a full grid; a unit counts where it belonged then."""
    units = feeds["insured_unit"].copy()
    units["valid_from"] = pd.to_datetime(units["valid_from"])
    units["valid_to"] = pd.to_datetime(units["valid_to"])
    linked = feeds["insurance_month"].merge(units, on="unit_no")
    ends = linked["month"] + pd.offsets.MonthEnd(0)
    covers = (linked["valid_from"].isna() | (linked["valid_from"] <= ends)) & (
        linked["valid_to"].isna() | (linked["valid_to"] > linked["month"])
    )
    linked = (
        linked.assign(covers=covers)
        .sort_values(["covers", "valid_from"], ascending=False)
        .drop_duplicates(["unit_no", "month"])
    )
    sums = [name for name in INSURANCE.values() if name not in {"unit_no", "month"}]
    months = linked.groupby(["enterprise_id", "month"])[sums].sum(min_count=1)
    grid = pd.MultiIndex.from_product(
        [months.index.levels[0], months.index.levels[1]], names=["enterprise_id", "month"]
    )
    months = months.reindex(grid).reset_index()
    per_month = linked.groupby("month").size()
    usual = per_month.rolling(6, min_periods=1).median().shift(1)
    complete = (per_month >= COMPLETE * usual) | usual.isna()
    present = months["insured"].notna()
    seen = present.groupby(months["enterprise_id"]).cummax()
    months["present"] = present
    months["level"] = months["insured"].mask(~present & seen & months["month"].map(complete), 0)
    register = feeds["enterprise_register"].assign(division=lambda r: r["industry"].str[1:3])
    agencies = units.loc[units["unit_kind"].isin(["劳务派遣", "人事代理"]), "enterprise_id"]
    register["is_agency"] = register["enterprise_id"].isin(agencies)
    return register, months


def publish(months: pd.DataFrame, register: pd.DataFrame, *, out: Path) -> None:
    """The months on record for analysts: one file of the city, one of each county."""
    rows = months[months["present"]].merge(register[["enterprise_id", "county"]], on="enterprise_id", how="left")
    rows.to_parquet(out / "months.parquet")
    for county, part in rows.groupby("county"):
        part.to_parquet(out / f"months-{county}.parquet")


def compared(given: Mapping[str, Any]) -> Work:
    """Compare the baseline's features of the last month with those of a home, column by column."""
    connection = duckdb.connect(str(Path(given["home"]) / "warehouse.duckdb"), read_only=True)

    def work() -> dict[str, Any]:
        query = (
            "SELECT f.*, e.enterprise_id FROM features.enterprise AS f JOIN core.enterprise AS e USING (enterprise_no)"
        )
        ours = connection.execute(query).df()
        theirs = pd.read_parquet(Path(given["theirs"]) / "features.parquet").rename(
            columns={"level": "insured_persons"}
        )
        columns = sorted((set(ours) & set(theirs)) - {"enterprise_id"})
        return {"rows": len(ours), "equal": {column: same(ours, theirs, column=column) for column in columns}}

    return work


def same(ours: pd.DataFrame, theirs: pd.DataFrame, *, column: str) -> float:
    """Share of the enterprises known to both for which both give the same value, or both none."""
    both = ours[["enterprise_id", column]].merge(theirs[["enterprise_id", column]], on="enterprise_id")
    left, right = both[f"{column}_x"].astype(float), both[f"{column}_y"].astype(float)
    return float((np.isclose(left, right, rtol=1e-9, atol=1e-9) | (left.isna() & right.isna())).mean())
