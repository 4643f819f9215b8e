"""Files as departments send them, and the list of when each arrived.

A file is written once, under its feed's folder, with a fixed time of arrival. Headers come from the contracts, never
from here. This module refuses to write the same name twice.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl

from pipelines.contracts import Contracts
from pipelines.synthetic.calibration import add_months
from pipelines.synthetic.workbooks import write_workbook

BOM = "\ufeff"


@dataclass
class Courier:
    """Writes deliveries under ``out`` and keeps the list of arrivals and of planted errors."""

    out: Path
    contracts: Contracts
    arrivals: list[tuple[datetime, str, str]] = field(default_factory=list)
    planted: list[dict[str, object]] = field(default_factory=list)

    def headers(self, feed: str, columns: Sequence[str], *, units: Mapping[str, str] | None = None) -> dict[str, str]:
        """Column → header of ``feed`` as its department writes it, with a unit in brackets where given."""
        contract, units = self.contracts.feeds[feed], units or {}
        return {c: contract.columns[c].header[0] + (f"({units[c]})" if c in units else "") for c in columns}

    def csv(self, feed: str, name: str, frame: pl.DataFrame, *, at: datetime, encoding: str = "utf-8") -> str:
        """Write ``frame`` (headers already Chinese) as ``name``; return its path relative to ``out``."""
        text = frame.write_csv(line_terminator="\r\n")
        body = (BOM + text).encode() if encoding == "utf-8-sig" else text.encode(encoding)
        return self._land(feed, name, body, at)

    def again(self, file: str, feed: str, name: str, *, at: datetime) -> str:
        """Deliver the bytes of ``file`` once more under another name."""
        return self._land(feed, name, (self.out / file).read_bytes(), at)

    def workbook(
        self,
        feed: str,
        name: str,
        frame: pl.DataFrame,
        *,
        at: datetime,
        title: str,
        notes: Sequence[str] = (),
        groups: Sequence[tuple[str, int]] = (),
        total: Sequence[object] | None = None,
    ) -> str:
        """Write ``frame`` as a workbook with a merged title, notes, grouped headers and a total at the foot."""
        file = f"inbox/{feed}/{name}"
        self._register(file, feed, at)
        write_workbook(self.out / file, frame, title=title, notes=notes, groups=groups, total=total)
        return file

    def plant(self, file: str, line: int, column: str, kind: str, value: str, expected: str) -> None:
        """Write down an error put into ``file`` on purpose; ``expected`` is what a careful reader does with it."""
        self.planted.append(
            {"file": file, "line": line, "column": column, "kind": kind, "value": value, "expected": expected}
        )

    def close(self) -> int:
        """Write ``deliveries.csv`` in order of arrival; return the number of files."""
        with (self.out / "deliveries.csv").open("w", encoding="utf-8", newline="") as target:
            writer = csv.writer(target, lineterminator="\n")
            writer.writerow(["file", "feed", "received_at", "dated"])
            for at, file, feed in sorted(self.arrivals):
                writer.writerow([file, feed, at.isoformat(timespec="seconds"), "arrival"])
        return len(self.arrivals)

    def _land(self, feed: str, name: str, body: bytes, at: datetime) -> str:
        file = f"inbox/{feed}/{name}"
        self._register(file, feed, at)
        (self.out / file).write_bytes(body)
        return file

    def _register(self, file: str, feed: str, at: datetime) -> None:
        if any(known == file for _, known, _ in self.arrivals):
            raise AssertionError(f"{file} would be written twice")
        (self.out / file).parent.mkdir(parents=True, exist_ok=True)
        self.arrivals.append((at, file, feed))


def arrival(month: date, *, months_later: int, day: int, hour: int, minute: int) -> datetime:
    """Give an instant on ``day`` of the month that is ``months_later`` after ``month``; after a weekend, Monday."""
    moment = datetime.combine(add_months(month, months_later).replace(day=day), datetime.min.time())
    moment += timedelta(days=(7 - moment.weekday()) % 7 if moment.weekday() >= 5 else 0)
    return moment.replace(hour=hour, minute=minute)


def yuan(column: str) -> pl.Expr:
    """Integer fen as yuan with two decimals, exactly."""
    fen = pl.col(column)
    return ((fen // 100).cast(pl.String) + "." + (fen % 100).cast(pl.String).str.zfill(2)).alias(column)


def text_of(month: date) -> str:
    """``YYYYMM``."""
    return f"{month.year}{month.month:02d}"


def full_width(value: str) -> str:
    """Digits as a typist with the wrong input mode leaves them."""
    return value.translate({ord(c): ord(c) + 0xFEE0 for c in "0123456789"})


def write_parquet(folder: Path, tables: Iterable[tuple[str, pl.DataFrame]]) -> None:
    """Write the planted truth, one file a table."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in tables:
        frame.write_parquet(folder / f"{name}.parquet", compression="zstd")
