"""The night as a team would first write it in pandas: read what the departments sent, join, roll, score, list, tell.

Plain and idiomatic: every file of the schedule is read again each night and checked by the contracts, the newest row of
a key wins, head counts go on a full grid of enterprise and month, and every feature of insurance is a shift or a
rolling window of a groupby, for all months, as the same columns feed charts and models; the other sources are pivoted
and read at their last months. Points, colours, the list within capacity, its comparison with the list that the last run
left, sentences, workbooks, a briefing, mails, and files for analysts follow. Nothing is slow on purpose: no loop over
enterprises but the listed ones, categories for texts that repeat, integers as keys, the fast readers.

What it takes over from the night, since it is data: the contracts of feeds with their checks, the dated parameters and
rules, the wording of sentences. What it does not do: a learned model and its drift, checkpoints and the gate (but two
checks), rows cut short or too long and files refused, deliveries withdrawn or dated by lag, the causes of changes,
revised months and changed thresholds, codes that lead to no enterprise, remarks, style and charts of the pages,
nights within one insurance month (each run counts as one more), databases with comments for analysts (files instead),
sending, a ledger, receipts, replay, crash safety.
"""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, Literal

import duckdb
import numpy as np
import pandas as pd

from benchmarks import (
    homes,
    pandas_edition,
    pandas_joining,
    pandas_reading,
    pandas_scoring,
    pandas_table,
    pandas_writing,
)
from benchmarks.measure import Work
from benchmarks.pandas_writing import Edition
from pipelines import contracts as contract_files
from pipelines import demo
from pipelines import parameters as parameter_files

LAST_LIST = "list.parquet"
UNLISTED = "未知县区"
FEATURES = "SELECT f.*, e.enterprise_id FROM features.enterprise AS f JOIN core.enterprise AS e USING (enterprise_no)"
POINTS = """
    SELECT s.points, s.dimension_count, s.rank_city, e.enterprise_id
    FROM risk.score AS s JOIN core.enterprise AS e USING (enterprise_no)
"""
LIST = """
    SELECT enterprise_id, warning_no, colour, change_kind, insured_persons, clean_months, listed_since,
        trigger_text, reasons_text, mitigation_text, action_text, responsible_text, deadline_text
    FROM edition.warning
"""


def night(given: Mapping[str, Any]) -> Work:
    """The whole night over the schedule of ``given['city']``; its table and its list stay under ``given['out']``."""
    folder, day = Path(given["city"]), date.fromisoformat(given["night"])

    def work() -> dict[str, Any]:
        return run(folder, day=day, out=Path(given["out"]))

    return work


def run(folder: Path, *, day: date, out: Path) -> dict[str, Any]:
    """Read, join, compute, score, list and write; gives seconds per part."""
    now, clock = pd.Timestamp(day), Clock()
    contracts, dated = contract_files.load(), parameter_files.load(day)
    parameters = dated.in_force()
    delivered = pandas_reading.read_all(folder, until=pd.Timestamp(homes.cutoff(day)), contracts=contracts)
    clock.lap("read")
    enterprises = pandas_joining.enterprises(delivered.feeds, now, parameters)
    linked = pandas_joining.linked(delivered.feeds, enterprises)
    months = pandas_joining.months(delivered, linked["insured_unit"], enterprises, parameters)
    clock.lap("join")
    table = pandas_table.of_insurance(months, enterprises, parameters)
    clock.lap("insurance_features")
    table = pandas_table.of_sources(table, months, linked, now, parameters)
    measures = delivered.feeds["tariff_measure"]
    table = pandas_table.of_trade(table, linked, measures, months["month"].max(), parameters)
    table = pandas_table.described(table, enterprises, linked, months, now)
    clock.lap("other_features")
    fired = pandas_scoring.reasons(table, parameters)
    table = pandas_scoring.coloured(pandas_scoring.scored(table, fired), now, parameters)
    clock.lap("points_and_colours")
    before = earlier(out, day)
    cases, filtered, released = listed(table, before, now, release=parameters["release_clean_months"])
    cases, reasons = pandas_edition.told(cases, fired, dated)
    edition = Edition(
        day=now,
        listed=cases,
        reasons=reasons,
        changes=pandas_edition.changes(cases, released),
        filtered=filtered,
        cells=pandas_edition.counted(months, table, cases, parameters),
        sources=pandas_edition.sources(delivered, contracts),
        quality=pandas_edition.quality(months, delivered),
        checks=delivered.checks,
        quarantine=delivered.quarantine,
        parameters=pd.DataFrame([(k, str(v)) for k, v in parameters.items()], columns=["参数", "取值"]),
    )
    clock.lap("list_and_words")
    own = out / day.isoformat()
    pandas_writing.write(edition, own, counties())
    cases.to_parquet(own / LAST_LIST)
    clock.lap("pages_and_mails")
    pandas_writing.publish(months, table, edition, own / "published")
    table.to_parquet(out / "features.parquet")
    clock.lap("publish")
    counts = {"enterprises": len(table), "months": len(months), "columns": table.shape[1], "listed": len(cases)}
    return {"parts": clock.laps, "cpu_parts": clock.cpu, **counts, "before": None if before is None else len(before)}


class Clock:
    """Seconds and CPU seconds since the last lap, by name."""

    def __init__(self) -> None:
        """Start."""
        self.laps: dict[str, float] = {}
        self.cpu: dict[str, float] = {}
        self._last = (perf_counter(), process_time())

    def lap(self, name: str) -> None:
        """Write down the seconds since the last lap."""
        now = (perf_counter(), process_time())
        self.laps[name], self.cpu[name] = (round(a - b, 2) for a, b in zip(now, self._last, strict=True))
        self._last = now


def listed(
    table: pd.DataFrame, before: pd.DataFrame | None, now: pd.Timestamp, *, release: int
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """The list, the triggered that it leaves out, and what left it."""
    capacity = {code: most for code, _, most in demo.COUNTIES}
    named = table.assign(county_name=table["county_code"].map(counties()).fillna(UNLISTED))
    cases, filtered, released = pandas_scoring.listing(
        named.reset_index(), before, capacity, default=10, release=release
    )
    return pandas_scoring.numbered(cases, now), filtered, released


def counties() -> dict[str, str]:
    """The counties of the demonstration's city."""
    return {code: name for code, name, _ in demo.COUNTIES}


def earlier(out: Path, day: date) -> pd.DataFrame | None:
    """The list of the latest night before ``day`` that ran into ``out``."""
    nights = sorted(path.parent.name for path in out.glob(f"*/{LAST_LIST}"))
    past = [name for name in nights if name < day.isoformat()]
    return pd.read_parquet(out / past[-1] / LAST_LIST) if past else None


def compared(given: Mapping[str, Any]) -> Work:
    """Compare the baseline's features, points and list of the last night with those of a home, column by column."""
    connection = duckdb.connect(str(Path(given["home"]) / "warehouse.duckdb"), read_only=True)
    root = Path(given["theirs"])

    def work() -> dict[str, Any]:
        ours, points, list_ = (connection.execute(query).df() for query in (FEATURES, POINTS, LIST))
        theirs = pd.read_parquet(root / "features.parquet")
        last = sorted(root.glob(f"*/{LAST_LIST}"))[-1]
        equal = shares(ours, theirs) | shares(points, theirs)
        equal |= {f"list {name}": share for name, share in shares(list_, pd.read_parquet(last), how="outer").items()}
        return {"rows": len(ours), "equal": equal}

    return work


def shares(ours: pd.DataFrame, theirs: pd.DataFrame, *, how: Literal["inner", "outer"] = "inner") -> dict[str, float]:
    """For each column that both have, the share of enterprises for which both say the same, or both nothing."""
    both = ours.merge(theirs, on="enterprise_id", how=how, suffixes=("", "_theirs"))
    columns = [name for name in ours if f"{name}_theirs" in both and name != "enterprise_no"]
    return {name: same(both[name], both[f"{name}_theirs"]) for name in columns}


def same(left: pd.Series, right: pd.Series) -> float:
    """Share of places in which both are equal or both missing; numbers to nine digits."""
    neither = left.isna() & right.isna()
    if pd.api.types.is_numeric_dtype(left):
        near = np.isclose(left.astype("float64"), right.astype("float64"), rtol=1e-9, atol=1e-9)
        return float((near | neither).mean())
    return float(((left == right) | neither).mean())
