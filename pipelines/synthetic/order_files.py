"""Order books of key enterprises, as the industry bureau asks for them: a workbook in 万元, some answers missing.

Orders fall long before staff do; who stands still says so late.
"""

from dataclasses import dataclass, field

import numpy as np
import polars as pl

from pipelines.synthetic.calibration import calibration
from pipelines.synthetic.city import City
from pipelines.synthetic.deliveries import arrival
from pipelines.synthetic.desk import Desk, Sheet
from pipelines.synthetic.months import Month
from pipelines.synthetic.population import Flags, Floats
from pipelines.synthetic.trade import us_level

WORDS = ("正常生产", "压产", "停产")
LESS, STILL = 0.75, 0.5


@dataclass
class OrderFiles:
    """Writes the monthly workbook of the key enterprises."""

    city: City
    desk: Desk = field(init=False)

    def __post_init__(self) -> None:
        """Give every key enterprise its usual orders and the part of them that goes abroad."""
        city, numbers = self.city, calibration()
        count = city.people.enterprises
        self.rng = city.stream("orders")
        self.desk = city.desk(
            "industry_orders",
            "工业企业订单运行",
            encoding="utf-8-sig",
            units={"new_orders_fen": ("万元", 6), "export_orders_fen": ("万元", 6), "capacity_use_bp": ("%", 2)},
            errors={
                0.2: ("unknown_code", "operation_status"),
                0.4: ("thousands", "new_orders_fen"),
                0.54: ("check_symbol", "enterprise_id"),
            },
        )
        self.usual = numbers["orders_per_person"] * np.exp(self.rng.normal(0, 0.5, count))
        self.abroad = np.where(city.trade.customs_of >= 0, self.rng.uniform(0.2, 0.8, count), 0.0)
        mean, spread = numbers["capacity_use"]
        self.use = np.clip(self.rng.normal(mean, spread, count), 0.5, 0.97)

    def write(self, month: Month) -> None:
        """Deliver ``month``."""
        answers = self.rng.random(self.city.people.enterprises) >= calibration()["orders_silent"]
        rows = self._rows(month, self.city.links.key & month.alive & answers)
        self.desk.send(
            rows,
            month.month,
            month.number,
            at=arrival(month.month, months_later=1, day=11, hour=10, minute=int(self.rng.integers(60))),
            sheet=Sheet(
                f"重点工业企业订单及生产运行情况（{month.month.year}年{month.month.month}月，模拟）",
                ("填报单位：市工信局　　金额单位：万元", "说明：未填报企业不在表内"),
            ),
        )

    def _rows(self, month: Month, chosen: Flags) -> pl.DataFrame:
        people, numbers, city = self.city.people, calibration(), self.city
        sinking = 1 - numbers["signs"]["order_book"]["depth"] * city.signs.at(month.number)["order_book"]
        shock = 1 - city.trade.us_share * (1 - min(us_level(month.month), 1.0))
        at_home = people.of_units(month.insured) * self.usual * sinking * (1 - 0.4 * city.festival_days(month.month))
        noise = np.exp(self.rng.normal(0, numbers["orders_spread"], (2, people.enterprises)))
        exports = at_home * self.abroad * shock * month.weight.orders * noise[0]
        total = at_home * (1 - self.abroad) * noise[1] + exports
        use = np.clip(self.use * (0.1 + 0.9 * sinking * shock) * noise[0] ** 0.3, 0.02, 1.1)
        return pl.DataFrame(
            {
                "enterprise_id": self.city.codes,
                "month": pl.Series([month.month]).new_from_index(0, people.enterprises),
                "new_orders_fen": _fen(total),
                "export_orders_fen": _fen(exports),
                "capacity_use_bp": np.round(use * 10_000).astype(np.int64),
                "operation_status": pl.Series(WORDS).gather(_state(use, self.use)),
            }
        ).filter(pl.Series(chosen))


def _state(use: Floats, usual: Floats) -> np.ndarray:
    part = use / usual
    return np.where(part < STILL, 2, np.where(part < LESS, 1, 0))


def _fen(yuan: Floats) -> np.ndarray:
    return np.asarray(np.round(yuan).astype(np.int64) * 100)
