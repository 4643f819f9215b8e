"""The business register and the roll of insured units: once in full, then what changed each month.

Some codes arrive with a wrong check symbol or in lower case and are sent again rightly two months later.
"""

from dataclasses import dataclass, field
from datetime import date

import numpy as np
import polars as pl

from pipelines.checks import USCC_SYMBOLS
from pipelines.synthetic import codes
from pipelines.synthetic.calibration import calibration, industries
from pipelines.synthetic.deliveries import Courier, arrival, text_of
from pipelines.synthetic.months import Month
from pipelines.synthetic.population import UNIT_KINDS, Flags, Ints, Population
from pipelines.synthetic.workbooks import header_row

REGISTER, UNITS = "enterprise_register", "insured_unit"
REGISTER_COLUMNS = (
    "enterprise_id",
    "enterprise_name",
    "enterprise_status",
    "established_on",
    "deregistered_on",
    "industry_code",
    "county_code",
    "street_name",
    "address",
    "size_class",
    "parent_enterprise_id",
)
UNIT_COLUMNS = ("unit_no", "enterprise_id", "unit_name", "unit_kind", "county_code", "valid_from", "valid_to")
NOTES = ("填报单位：市市场监管局（模拟数据）", "说明：首月为全量，以后各月为新设、变更、注销")
CLASSES = ("微型", "小型", "中型", "大型")


@dataclass
class RollFiles:
    """Writes both rolls; keeps where everyone is and who is leaving the register."""

    courier: Courier
    population: Population
    rng: np.random.Generator
    county: Ints = field(init=False)
    street: Ints = field(init=False)
    size_class: list[str] = field(init=False)
    leaving: dict[int, list[int]] = field(default_factory=dict)
    repeat: dict[int, list[int]] = field(default_factory=dict)
    alive: Flags = field(init=False)
    seen: Flags = field(init=False)
    dates: dict[int, date] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Give everyone a street and a size class."""
        people = self.population
        self.county = people.county.copy()
        self.street = self.rng.integers(0, 1_000_000, people.enterprises)
        band = np.digitize(people.staff, (19.5, 299.5, 999.5))
        unknown = self.rng.random(people.enterprises) < 0.05
        self.size_class = ["未定" if u else CLASSES[b] for b, u in zip(band, unknown, strict=True)]
        self.alive = people.birth < 0
        self.seen = np.zeros(people.units, dtype=bool)

    def write(self, month: Month) -> None:
        """Deliver both rolls of ``month``."""
        self._register(month)
        self._units(month)
        self.alive, self.seen = month.alive, month.seen

    def _register(self, month: Month) -> None:
        people, number = self.population, month.number
        for place in np.flatnonzero(self.alive & ~month.alive):
            self.leaving.setdefault(number + int(self.rng.integers(1, 5)), []).append(int(place))
        if number == 0:
            changed = np.flatnonzero((people.birth <= 0) & month.alive)
        else:
            moved = np.flatnonzero(
                month.alive & (self.rng.random(people.enterprises) < calibration()["move_pct"] / 100)
            )
            self.county[moved] = (self.county[moved] + self.rng.integers(1, 6, len(moved))) % len(people.county_codes)
            gone = np.array(self.leaving.get(number, []), dtype=np.int64)
            for place in gone:
                self.dates[int(place)] = month.month.replace(day=int(self.rng.integers(2, 28)))
            again = np.array(self.repeat.get(number, []), dtype=np.int64)
            renamed = np.flatnonzero(month.alive & (people.renamed == number))
            changed = np.unique(np.concatenate([np.flatnonzero(people.birth == number), moved, gone, again, renamed]))
        changed = changed[people.registered[changed]]
        frame = self._register_rows(changed, number)
        name = f"市场主体登记_{text_of(month.month)}{'_全量' if number == 0 else '_变更'}.xlsx"
        frame = self._misspell(frame, changed, number, f"inbox/{REGISTER}/{name}", header_row(NOTES, ()))
        at = arrival(month.month, months_later=1, day=1, hour=9, minute=int(self.rng.integers(60)))
        total = ["合计", f"{frame.height}户", *([None] * (frame.width - 2))]
        self.courier.workbook(
            REGISTER,
            name,
            frame.rename(self.courier.headers(REGISTER, REGISTER_COLUMNS)),
            at=at,
            title=f"连云港市市场主体登记信息（{month.month.year}年{month.month.month}月，模拟）",
            notes=NOTES,
            total=total,
        )

    def _register_rows(self, places: Ints, number: int) -> pl.DataFrame:
        people, counties = self.population, calibration()["counties"]
        class_codes = industries()["code"].to_list()
        rows = []
        for place in places.tolist():
            county = people.county_codes[self.county[place]]
            streets = counties[county]["streets"]
            street = streets[self.street[place] % len(streets)]
            parent = people.parent[place]
            gone = self.dates.get(place)
            rows.append(
                (
                    people.uscc[place],
                    people.new_name[place] if people.renamed[place] <= number else people.name[place],
                    "存续" if gone is None else "注销",
                    people.established[place],
                    gone,
                    class_codes[people.industry[place]],
                    county,
                    street,
                    f"连云港市{counties[county]['name']}{street}模拟路{self.street[place] % 899 + 1}号",
                    self.size_class[place],
                    people.uscc[parent] if parent >= 0 else None,
                )
            )
        kinds = {c: pl.Date() if c.endswith("_on") else pl.String() for c in REGISTER_COLUMNS}
        return pl.DataFrame(rows, schema=kinds, orient="row")

    def _misspell(self, frame: pl.DataFrame, places: Ints, number: int, file: str, above: int) -> pl.DataFrame:
        plan = {0: ("check_symbol", "check_symbol", "lower_case", "organisation_check"), 7: ("check_symbol",)}
        chosen = plan.get(number, ())
        if not chosen or frame.height < 2 * len(chosen):
            return frame
        for line, kind in zip(
            self.rng.choice(frame.height, size=len(chosen), replace=False).tolist(), chosen, strict=True
        ):
            value = misspelt(frame["enterprise_id"][line], kind)
            expected = {"check_symbol": "quarantine", "lower_case": "read", "organisation_check": "warn"}[kind]
            frame[line, "enterprise_id"] = value
            self.courier.plant(file, line + above + 1, "enterprise_id", kind, value, expected)
            self.repeat.setdefault(number + 2, []).append(int(places[line]))
        return frame

    def _units(self, month: Month) -> None:
        people = self.population
        new = month.seen & ~self.seen
        ended = self.seen & ~month.seen
        chosen = np.flatnonzero((new | ended) & people.linked)
        frame = self._unit_rows(chosen, ended, month)
        name = f"参保单位_{text_of(month.month)}{'_全量' if month.number == 0 else '_变更'}.csv"
        file = f"inbox/{UNITS}/{name}"
        if month.number == 0:
            for drawn in self.rng.choice(frame.height, size=2, replace=False).tolist():
                line = next(
                    at for at in range(drawn, drawn + frame.height) if frame["enterprise_id"][at % frame.height]
                )
                line %= frame.height
                value = misspelt(frame["enterprise_id"][line], "check_symbol")
                frame[line, "enterprise_id"] = value
                self.courier.plant(file, line + 2, "enterprise_id", "check_symbol", value, "quarantine")
                self.repeat.setdefault(-2, []).append(int(chosen[line]))
        if month.number == 2:
            again = np.array(sorted(self.repeat.get(-2, [])), dtype=np.int64)
            again = again[month.seen[again]]
            frame = pl.concat([frame, self._unit_rows(again, ended, month)])
        at = arrival(month.month, months_later=1, day=1, hour=10, minute=int(self.rng.integers(60)))
        headed = frame.rename(self.courier.headers(UNITS, UNIT_COLUMNS))
        self.courier.csv(UNITS, name, headed, at=at, encoding="utf-8-sig")

    def _unit_rows(self, places: Ints, ended: Flags, month: Month) -> pl.DataFrame:
        people = self.population
        rows = [
            (
                people.unit_no[place],
                None if people.name_only[place] else people.uscc[owner],
                people.written[place] if people.name_only[place] else people.name[owner],
                UNIT_KINDS[people.kind[owner]],
                people.county_codes[self.county[owner]],
                people.insured_from[place],
                month.month if ended[place] else None,
            )
            for place, owner in zip(places.tolist(), people.owner[places].tolist(), strict=True)
        ]
        kinds = {c: pl.Date() if c.startswith("valid") else pl.String() for c in UNIT_COLUMNS}
        return pl.DataFrame(rows, schema=kinds, orient="row")


def misspelt(code: str, kind: str) -> str:
    """Spoil a unified code as a clerk may: wrong last symbol, lower case, or a wrong organisation check inside."""
    if kind == "lower_case":
        return code.lower()
    if kind == "check_symbol":
        return code[:17] + USCC_SYMBOLS[(USCC_SYMBOLS.index(code[17]) + 1) % len(USCC_SYMBOLS)]
    body = code[:16] + ("1" if code[16] != "1" else "2")
    return body + codes.uscc_check(body)
