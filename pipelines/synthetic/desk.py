"""A department's desk: how it writes a file of its feed, what it gets wrong, and what it sends again later.

A desk knows a feed by its contract only. Each wrong row that a careful reader would not accept is sent again rightly
a month later with what was revised; the last months of the city are clean. No row is spoilt without
being written down.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl

from pipelines.contracts import Feed
from pipelines.synthetic.calibration import stream
from pipelines.synthetic.deliveries import Courier, full_width, text_of
from pipelines.synthetic.roll_files import misspelt
from pipelines.synthetic.workbooks import header_row

Units = Mapping[str, tuple[str, int]]
DIGITS = {"fen": 2, "basis_point": 2}
ROWS_SPOILT = 3
EXPECTED = {
    "negative": "quarantine",
    "not_a_number": "quarantine",
    "check_symbol": "quarantine",
    "unknown_code": "quarantine",
    "odd_word": "warn",
    "no_such_day": "quarantine",
    "empty": "quarantine",
    "thousands": "read",
    "full_width": "read",
}


@dataclass(frozen=True)
class Sheet:
    """How a department writes a workbook: title, notes above the header, columns of which the foot gives the total."""

    title: str
    notes: tuple[str, ...] = ()
    summed: tuple[str, ...] = ()


@dataclass
class Desk:
    """Writes the files of ``feed``.

    ``units`` gives the unit of a column that the header names and the digits by which it shifts the contract's integer
    (元 of fen: 2). ``errors`` gives kind and column by part of the city's months. ``personal`` are columns of the
    original that no contract declares.
    """

    courier: Courier
    feed: str
    word: str
    months: int
    last: datetime
    seed: int
    encoding: str = "gb18030"
    units: Units = field(default_factory=dict)
    errors: Mapping[float, tuple[str, str]] = field(default_factory=dict)
    personal: tuple[str, ...] = ()
    again: dict[int, list[pl.DataFrame]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Set the months of the errors and a stream of its own."""
        self.rng = stream(self.seed, f"desk_{self.feed}")
        self.plan: dict[int, list[tuple[str, str]]] = {}
        for part, error in self.errors.items():
            self.plan.setdefault(int(part * self.months), []).append(error)

    @property
    def _contract(self) -> Feed:
        return self.courier.contracts.feeds[self.feed]

    def send(
        self,
        rows: pl.DataFrame,
        month: date,
        number: int,
        *,
        at: datetime,
        sheet: Sheet | None = None,
        revised: pl.DataFrame | None = None,
        units: Units | None = None,
    ) -> None:
        """Deliver ``rows`` of ``month`` (month ``number`` of the city), and what is due of earlier months.

        ``rows`` hold the contract's columns, typed; ``revised`` rows are sent a month later as the final word.
        ``units`` are those of this file where it differs from the others.
        """
        errors = self.plan.get(number, [])
        if any(kind == "late" for kind, _ in errors):
            at += timedelta(days=9)
        if not rows.is_empty():
            units = {**self.units, **(units or {})}
            file = self._file(f"{self.word}_{text_of(month)}", rows, number, at, sheet, units)
            if any(kind == "late" for kind, _ in errors):
                self.courier.plant(file, 0, "", "late", at.isoformat(), "accepted")
            if any(kind == "twice" for kind, _ in errors):
                copy = self.courier.again(file, self.feed, self._copy_name(file), at=at + timedelta(hours=20))
                self.courier.plant(copy, 0, "", "twice", file.rpartition("/")[2], "one batch")
        if revised is not None and not revised.is_empty():
            self.again.setdefault(number + 1, []).append(revised)
        self._corrections(month, number, at + timedelta(days=3))

    def _file(
        self,
        name: str,
        rows: pl.DataFrame,
        number: int,
        at: datetime,
        sheet: Sheet | None,
        units: Units,
    ) -> str:
        name = f"{name}.xlsx" if sheet else f"{name}.csv"
        file = f"inbox/{self.feed}/{name}"
        notes = sheet.notes if sheet else ()
        above = header_row(notes, ()) if sheet else 1
        text = self._text(rows, units)
        for kind, column in self.plan.get(number, []):
            if column:
                text = self._spoil(text, rows, (kind, column), (file, above), number)
        headed = text.rename(self._headers(rows.columns, units))
        if sheet is None:
            return self.courier.csv(self.feed, name, headed, at=at, encoding=self.encoding)
        total = ["合计", *[int(rows[c].sum()) if c in sheet.summed else None for c in rows.columns[1:]]]
        return self.courier.workbook(
            self.feed, name, headed, at=at, title=sheet.title, notes=notes, total=total if sheet.summed else None
        )

    def _headers(self, columns: Sequence[str], units: Units) -> dict[str, str]:
        shared = [c for c in columns if c not in self.personal]
        named = {c: unit for c, (unit, _) in units.items() if c in shared}
        return self.courier.headers(self.feed, shared, units=named)

    def _text(self, rows: pl.DataFrame, units: Units) -> pl.DataFrame:
        """Rows as a department writes them: money with its point, months as year and month, the rest as text."""
        columns = []
        for name in rows.columns:
            kind = self._kind(name)
            digits = units[name][1] if name in units else DIGITS.get(kind, 0)
            if digits:
                columns.append(_shifted(name, digits))
            elif kind == "month":
                columns.append(pl.col(name).dt.strftime("%Y-%m"))
            elif kind == "boolean":
                columns.append(pl.when(pl.col(name)).then(pl.lit("是")).otherwise(pl.lit("否")).alias(name))
            else:
                columns.append(pl.col(name).cast(pl.String))
        return rows.select(columns)

    def _kind(self, name: str) -> str:
        if name in self.personal:
            return "text"
        return self.courier.contracts.feed_column(self._contract, name).type

    def _spoil(
        self, text: pl.DataFrame, rows: pl.DataFrame, error: tuple[str, str], place: tuple[str, int], number: int
    ) -> pl.DataFrame:
        (kind, column), (file, above) = error, place
        fit = text[column].is_not_null()
        if kind in {"thousands", "negative"}:
            fit &= text[column].str.extract(r"^(\d+)", 1).cast(pl.Int64) >= (1000 if kind == "thousands" else 1)
        fitting = np.flatnonzero(fit.fill_null(value=False).to_numpy())
        if not len(fitting) or rows.height < 2 * ROWS_SPOILT:
            return text
        lines = sorted(self.rng.choice(fitting, size=min(ROWS_SPOILT, len(fitting)), replace=False).tolist())
        for line in lines:
            value = _wrong(str(text[line, column]), kind)
            text[line, column] = value
            self.courier.plant(file, line + above + 1, column, kind, value, EXPECTED[kind])
        if EXPECTED[kind] == "quarantine":
            self.again.setdefault(number + 1, []).append(rows[lines])
        return text

    def _corrections(self, month: date, number: int, at: datetime) -> None:
        due = self.again.pop(number, [])
        if not due or at > self.last:
            return
        key = [name for name in self.courier.contracts.feed_key(self._contract) if name in due[0].columns]
        rows = pl.concat(due).unique(key, keep="last", maintain_order=True)
        headed = self._text(rows, self.units).rename(self._headers(rows.columns, self.units))
        self.courier.csv(self.feed, f"{self.word}_补报更正_{text_of(month)}.csv", headed, at=at, encoding=self.encoding)

    @staticmethod
    def _copy_name(file: str) -> str:
        stem, _, ending = file.rpartition("/")[2].rpartition(".")
        return f"{stem}(1).{ending}"


def _shifted(column: str, digits: int) -> pl.Expr:
    """An integer with its point moved left by ``digits``, exactly."""
    size, base = pl.col(column).abs(), pl.lit(10**digits, pl.Int64)
    sign = pl.when(pl.col(column) < 0).then(pl.lit("-")).otherwise(pl.lit(""))
    fraction = (size % base).cast(pl.String).str.zfill(digits)
    return (sign + (size // base).cast(pl.String) + "." + fraction).alias(column)


def _wrong(value: str, kind: str) -> str:
    """A value as a busy clerk may leave it."""
    match kind:
        case "negative":
            return f"-{value}"
        case "not_a_number":
            return "#REF!"
        case "check_symbol":
            return misspelt(value, kind)
        case "unknown_code" | "odd_word":
            return f"{value}？"
        case "no_such_day":
            return f"{value[:4]}-02-30"
        case "full_width":
            return full_width(value)
        case "thousands":
            whole, point, rest = value.partition(".")
            return f"{int(whole):,}{point}{rest}"
        case _:
            return ""
