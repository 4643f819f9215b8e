"""Customs' monthly export file, the commerce bureau's yearly list and each announcement of a duty as it became known.

Duties come from `sql/codes/us_measures.csv`: a step is sent when it takes effect, and again when it ends or is voided.
"""

import csv
from dataclasses import dataclass
from datetime import date, datetime, time

import numpy as np
import polars as pl

from pipelines.contracts import SQL
from pipelines.synthetic.calibration import calibration, goods
from pipelines.synthetic.deliveries import Courier, arrival, text_of, yuan
from pipelines.synthetic.months import Month
from pipelines.synthetic.population import Population
from pipelines.synthetic.trade import Trade, exports

CUSTOMS, LIST, MEASURES = "customs_export", "us_exporter_list", "tariff_measure"
CUSTOMS_COLUMNS = (
    "customs_code",
    "enterprise_id",
    "declarant_role",
    "hs_code",
    "destination",
    "month",
    "export_usd_cent",
)
LIST_COLUMNS = ("enterprise_id", "enterprise_name", "year", "listed_on", "listing_basis")
MEASURE_COLUMNS = (
    "measure_id",
    "authority",
    "stack_group",
    "hs6",
    "rate_bp",
    "valid_from",
    "valid_to",
    "measure_status",
    "reference",
)
ROLES = ("境内收发货人", "生产销售单位")
VOIDED, PROPOSED = date(2026, 2, 24), date(2026, 6, 2)
KNOWN_END = "s122_surcharge_2026-02-24"
PROPOSAL = "s301_forced_labour_2026-07-24"


@dataclass
class TradeFiles:
    """Writes the three feeds of trade."""

    courier: Courier
    population: Population
    trade: Trade
    rng: np.random.Generator

    def write(self, month: Month) -> None:
        """Deliver customs' file of ``month``, and the list of the year that begins after a December."""
        rows = exports(self.trade, month.month, orders=month.weight.orders, alive=month.alive, rng=self.rng)
        frame = self._customs_rows(rows, month.month)
        in_ten_thousands = month.month.month % 3 == 0
        unit = "万美元" if in_ten_thousands else "美元"
        value = _ten_thousands("export_usd_cent") if in_ten_thousands else yuan("export_usd_cent")
        headers = self.courier.headers(CUSTOMS, CUSTOMS_COLUMNS, units={"export_usd_cent": unit})
        at = arrival(
            month.month, months_later=1, day=int(self.rng.integers(18, 21)), hour=11, minute=int(self.rng.integers(60))
        )
        self.courier.csv(
            CUSTOMS,
            f"海关出口_{text_of(month.month)}.csv",
            frame.with_columns(value).rename(headers),
            at=at,
            encoding="gb18030",
        )
        if month.month.month == 12:
            self._list(month)

    def _customs_rows(self, rows: pl.DataFrame, month: date) -> pl.DataFrame:
        people, trade = self.population, self.trade
        place = rows["enterprise"].to_numpy()
        frame = pl.DataFrame(
            {
                "customs_code": pl.Series(trade.customs_code).gather(trade.customs_of[place]),
                "enterprise_id": pl.Series(people.uscc).gather(place),
                "declarant_role": pl.Series(ROLES).gather(rows["role"].to_numpy()),
                "hs_code": goods()["hs8"].gather(rows["hs8"].to_numpy()),
                "destination": pl.Series(trade.destinations).gather(rows["destination"].to_numpy()),
                "month": [month.strftime("%Y-%m")] * rows.height,
                "export_usd_cent": rows["cents"],
            }
        )
        first = pl.int_range(pl.len()).over("customs_code") == 0
        hidden = pl.Series(self.rng.random(rows.height) < calibration()["customs_code_only"])
        return frame.with_columns(
            pl.when(hidden & ~first).then(None).otherwise(pl.col("enterprise_id")).alias("enterprise_id")
        ).select(CUSTOMS_COLUMNS)

    def _list(self, month: Month) -> None:
        people, trade = self.population, self.trade
        year = month.month.year + 1
        sells = np.zeros(people.enterprises, dtype=bool)
        sells[trade.trader[trade.is_us]] = True
        sells[trade.maker[trade.is_us & (trade.maker >= 0)]] = True
        listed = np.flatnonzero(sells & month.alive & (self.rng.random(people.enterprises) < 0.93))
        frame = pl.DataFrame(
            {
                "enterprise_id": [people.uscc[p] for p in listed],
                "enterprise_name": [people.name[p] for p in listed],
                "year": [year] * len(listed),
                "listed_on": [date(year, 1, 12)] * len(listed),
                "listing_basis": ["上年度有对美出口实绩"] * len(listed),
            }
        )
        self.courier.workbook(
            LIST,
            f"涉美出口企业名单_{year}.xlsx",
            frame.rename(self.courier.headers(LIST, LIST_COLUMNS)),
            at=arrival(month.month, months_later=1, day=20, hour=14, minute=30),
            title=f"{year}年度涉美出口企业名单（模拟）",
            total=["合计", f"{frame.height}家", None, None, None],
        )


def write_measures(courier: Courier, *, first: date, last: datetime) -> None:
    """Deliver every duty: what stood before ``first`` at once, then each announcement on its day until ``last``."""
    with (SQL / "codes" / "us_measures.csv").open(encoding="utf-8", newline="") as source:
        steps = list(csv.DictReader(source))
    days = {date.fromisoformat(s["valid_from"]) for s in steps} | {PROPOSED, VOIDED}
    later = sorted(day for day in days if first < day and datetime.combine(day, time(8, 30)) <= last)
    _measures(courier, [_as_known(s, first) for s in steps if date.fromisoformat(s["valid_from"]) <= first], first)
    for day in later:
        rows = [_as_known(s, day) for s in steps if _speaks_of(s, day)]
        if day == PROPOSED:
            rows = [s | {"valid_to": None, "measure_status": "拟议"} for s in steps if s["measure_id"] == PROPOSAL]
        _measures(courier, rows, day)


def _speaks_of(step: dict[str, str], day: date) -> bool:
    voided = day == VOIDED and step["measure_status"] == "被裁定无效"
    return day.isoformat() in (step["valid_from"], step["valid_to"]) or voided


def _as_known(step: dict[str, str], day: date) -> dict[str, str | None]:
    """Put a step in the words of ``day``: no end that was not yet known, no ruling that had not yet come."""
    ended = bool(step["valid_to"]) and (step["valid_to"] <= day.isoformat() or step["measure_id"] == KNOWN_END)
    known = dict(step, valid_to=step["valid_to"] if ended else None)
    if not step["valid_to"] or step["valid_to"] > day.isoformat():
        known["measure_status"] = "已生效"
    elif day < VOIDED:
        known["measure_status"] = "已失效"
    if day < VOIDED and step["measure_status"] == "被裁定无效":
        known["reference"] = step["reference"].partition("；")[0]
    return known


def _measures(courier: Courier, steps: list[dict[str, str | None]], day: date) -> None:
    frame = pl.DataFrame(
        [[s["rate_pct"] if c == "rate_bp" else s[c] or None for c in MEASURE_COLUMNS] for s in steps],
        schema={c: pl.String() for c in MEASURE_COLUMNS},
        orient="row",
    )
    headers = courier.headers(MEASURES, MEASURE_COLUMNS)
    courier.csv(
        MEASURES, f"加征关税措施_{day:%Y%m%d}.csv", frame.rename(headers), at=datetime.combine(day, time(8, 30))
    )


def _ten_thousands(column: str) -> pl.Expr:
    """Integer cents as 10,000 dollars with six decimals, exactly."""
    cents = pl.col(column)
    return ((cents // 1_000_000).cast(pl.String) + "." + (cents % 1_000_000).cast(pl.String).str.zfill(6)).alias(column)
