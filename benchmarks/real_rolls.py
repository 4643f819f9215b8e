"""How the lists compare with what then happened, on a real public roll: the nightly job run month by month.

The outcome is read from the same roll, three months later. Rankings that need no system stand beside the list at its
own size. Prints Markdown. Refuses to name an employer: only counts and shares leave here.

    python benchmarks/real_rolls.py [ROLL.parquet]
"""

import argparse
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from time import perf_counter

import duckdb
import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.labels import MISSING, labels_of, outcome
from models.validate import ListMeasure, average_precision, measure_list, top
from pipelines import demo, nightly, parameters
from pipelines.nightly import Means
from pipelines.run import add_months
from pipelines.settings import Home

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_ROLL = ROOT.parent / "shared" / "data" / "sodra" / "lt_2020.parquet"
FEEDS = ROOT / "examples" / "lithuania"
NIGHT_DAY = 27  # the feed declares a lag of 25 days after the end of the month
HORIZON = 3
COLOURS = ("红", "橙", "黄", "蓝")
TASKS = (("loss20", 10), ("statutory", 20), ("closure", 10))
BANDS = ((10, 29), (30, 99), (100, 10**9))
UNRANKED = -1e9

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Roll:
    """Insured persons by employer (row) and month (column); ``MISSING`` where a month between two others has no row."""

    codes: list[str]
    months: list[date]
    insured: NDArray[np.int64]

    def flags(self, chosen: pl.Series) -> Bools:
        """Which employers are among the ``chosen`` codes."""
        wanted = set(chosen.to_list())
        return np.array([code in wanted for code in self.codes], dtype=np.bool_)

    def values(self, frame: pl.DataFrame, column: str) -> Floats:
        """``column`` of ``frame`` (key ``enterprise_id``) by employer; nought where the frame has none."""
        known = dict(zip(frame["enterprise_id"].to_list(), frame[column].to_list(), strict=True))
        return np.array([known.get(code) or 0 for code in self.codes], dtype=np.float64)


@dataclass(frozen=True)
class Issued:
    """One edition as published: the column of its data month, its tables, and how long the night took."""

    origin: int
    as_of: date
    warning: pl.DataFrame
    filtered: pl.DataFrame
    risk: pl.DataFrame
    seconds: float


def read_roll(path: Path) -> Roll:
    """The roll as a matrix. No row after an employer's last one means nobody insured; a gap before it is unknown."""
    rows = (
        pl.read_parquet(path, columns=["code", "month", "numInsured"])
        .drop_nulls(["code", "month"])
        .unique(["code", "month"], keep="first", maintain_order=True)
    )
    wide = rows.pivot(on="month", index="code", values="numInsured", sort_columns=True).sort("code")
    names = [name for name in wide.columns if name != "code"]
    insured = wide.select(pl.col(names).fill_null(MISSING).cast(pl.Int64)).to_numpy().copy()
    present = insured != MISSING
    last = present.shape[1] - 1 - np.argmax(present[:, ::-1], axis=1)
    insured[np.arange(insured.shape[1])[None, :] > last[:, None]] = 0
    months = [date(int(name[:4]), int(name[4:6]), 1) for name in names]
    return Roll([str(code) for code in wide["code"].to_list()], months, insured)


def issue(roll_file: Path, root: Path, months: Sequence[date], roll: Roll) -> list[Issued]:
    """Play the nights of ``months`` (data months, in order) in a new home at ``root``."""
    home = Home(root)
    demo.make_home(home, city="Lietuva", simulated=False)
    received = datetime(roll.months[-1].year + 1, 12, 31)  # rows are dated by lag, so the arrival decides nothing
    means = Means(home=home, now=received, feeds=FEEDS)
    nightly.receive(means, [roll_file], feed="insured_month", at=received, dated=None)
    issued = []
    for month in months:
        as_of = add_months(month, 1).replace(day=NIGHT_DAY)
        started = perf_counter()
        done = nightly.run(means, as_of=as_of)
        seconds = perf_counter() - started
        issued.append(_published(home, done.edition_id, roll.months.index(month), as_of, seconds))
    return issued


def _published(home: Home, edition_id: str, origin: int, as_of: date, seconds: float) -> Issued:
    with duckdb.connect(str(home.published / f"wengang-{edition_id}.duckdb"), read_only=True) as file:
        warning = file.sql("SELECT enterprise_id, colour, change_kind, trigger_code FROM out.warning").pl()
        filtered = file.sql("SELECT enterprise_id, colour, filter_code FROM out.filtered").pl()
        risk = file.sql(
            "SELECT enterprise_id, points * coalesce(insured_persons, 0) AS weight "
            "FROM out.risk JOIN out.enterprise USING (enterprise_id)"
        ).pl()
    return Issued(origin, as_of, warning, filtered, risk, seconds)


def volatility(insured: NDArray[np.int64], origin: int) -> Floats:
    """Standard deviation of the known monthly changes of up to twelve months over the mean level; 0 below two."""
    levels = insured[:, max(0, origin - 12) : origin + 1].astype(np.float64)
    levels[levels == MISSING] = np.nan
    changes, after = np.diff(levels, axis=1), levels[:, 1:]
    known = ~np.isnan(changes)
    count = known.sum(axis=1)
    total = np.where(known, changes, 0).sum(axis=1)
    squares = np.where(known, changes**2, 0).sum(axis=1)
    level = np.where(known, after, 0).sum(axis=1)
    spread = np.sqrt(np.maximum(count * squares - total**2, 0))
    return np.where((count >= 2) & (level > 0), spread / np.maximum(level, 1), 0.0)


def rankings(roll: Roll, edition: Issued) -> dict[str, Floats]:
    """Scores by name, the higher the more at risk; all use months up to the edition's data month only."""
    before, now = roll.insured[:, edition.origin - 1], roll.insured[:, edition.origin]
    known = (before > 0) & (now != MISSING)
    fall = (before - now).astype(np.float64)
    return {
        "fall, persons": np.where(known, fall, UNRANKED),
        "fall, %": np.where(known, fall / np.maximum(before, 1), UNRANKED),
        "points × insured": roll.values(edition.risk, "weight"),
        "volatility": volatility(roll.insured, edition.origin),
        "insured persons": now.astype(np.float64),
    }


def task_rows(roll: Roll, issued: Sequence[Issued], *, label: str, minimum: int) -> list[list[str]]:
    """One row per data month: the list, then each ranking at the list's size, as precision / share of jobs lost."""
    rows, definition = [], labels_of(parameters.load(issued[0].as_of)["labels"])[label]
    for edition in issued:
        found = outcome(roll.insured, origin=edition.origin, horizon=HORIZON, label=definition)
        asked = found.known & (roll.insured[:, edition.origin] >= minimum)
        event, lost = found.event[asked], found.lost[asked]
        listed = roll.flags(edition.warning["enterprise_id"])[asked]
        red = roll.flags(edition.warning.filter(pl.col("colour").is_in(COLOURS[:2]))["enterprise_id"])[asked]
        own = measure_list(listed, event, lost)
        cells = [f"{roll.months[edition.origin]:%Y-%m}", str(len(event)), f"{event.mean():.3f}", str(own.size)]
        cells += [_cell(own), _cell(measure_list(red, event, lost)) + f" ({int(red.sum())})"]
        for score in rankings(roll, edition).values():
            measure = measure_list(top(score[asked], own.size), event, lost)
            cells.append(f"{_cell(measure)} / {average_precision(event, score[asked]):.3f}")
        rows.append([*cells, f"{event.mean():.3f} / {own.size / max(len(event), 1):.3f}"])
    return rows


def _cell(measure: ListMeasure) -> str:
    return f"{measure.precision:.3f} / {measure.jobs_recall:.3f}"


def edition_rows(roll: Roll, issued: Sequence[Issued]) -> list[list[str]]:
    """One row per edition: colours, kept off by a filter, employers with any points, entries and exits, seconds."""
    rows, before = [], set[str]()
    for edition in issued:
        now = set(edition.warning["enterprise_id"].to_list())
        colours = [str(edition.warning.filter(pl.col("colour") == colour).height) for colour in COLOURS]
        rows.append(
            [
                f"{roll.months[edition.origin]:%Y-%m}",
                f"{edition.as_of}",
                str(len(now)),
                *colours,
                str(edition.filtered.height),
                str(edition.risk.filter(pl.col("weight") > 0).height),
                str(len(now - before)),
                str(len(before - now)),
                f"{edition.seconds:.0f}",
            ]
        )
        before = now
    return rows


def detection_rows(roll: Roll, edition: Issued, *, since: int) -> list[list[str]]:
    """Employers that lost a fifth between column ``since`` and the data month, by size: how the edition shows them."""
    base, now = roll.insured[:, since], roll.insured[:, edition.origin]
    hit = (base > 0) & (now != MISSING) & ((base - now) * 5 >= base)
    listed = {c: roll.flags(edition.warning.filter(pl.col("colour") == c)["enterprise_id"]) for c in COLOURS[:3]}
    shown = np.logical_or.reduce(list(listed.values()))
    kept = roll.flags(edition.filtered["enterprise_id"]) & ~shown
    rows = []
    for low, high in BANDS:
        chosen = hit & (base >= low) & (base <= high)
        persons = int((base - now)[chosen].sum())
        covered = int((base - now)[chosen & shown].sum())
        rows.append(
            [
                f"{roll.months[since]:%Y-%m}",
                f"{low}–{high}" if high < 10**9 else f"≥ {low}",
                str(int(chosen.sum())),
                *(str(int((chosen & flags).sum())) for flags in listed.values()),
                str(int((chosen & kept).sum())),
                str(int((chosen & ~shown & ~kept).sum())),
                _share(int((chosen & shown).sum()), int(chosen.sum())),
                f"{_share(covered, persons)} of {persons}",
            ]
        )
    return rows


def recovery_rows(roll: Roll, issued: Sequence[Issued]) -> list[list[str]]:
    """Employers new to each edition but the first: how they stood three months later against before the fall."""
    rows, before = [], set[str]()
    for edition in issued:
        codes = edition.warning.filter(~pl.col("enterprise_id").is_in(list(before)))["enterprise_id"]
        before = set(edition.warning["enterprise_id"].to_list())
        base, now, after = (roll.insured[:, edition.origin + step] for step in (-1, 0, HORIZON))
        new = roll.flags(codes) & (base > 0) & (now != MISSING) & (after != MISSING)
        counts = [int((new & condition).sum()) for condition in (after * 100 >= base * 95, after < now, after == 0)]
        size = int(new.sum())
        month = f"{roll.months[edition.origin]:%Y-%m}"
        rows.append([month, str(size), *(f"{n} ({_share(n, size)})" for n in counts)])
    return rows[1:]


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "–"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(cells) + " |" for cells in (heads, ["---"] * len(heads), *rows)]
    return "\n".join(lines) + "\n"


def report(roll: Roll, issued: Sequence[Issued], *, shock: date, say: Callable[[str], None]) -> None:
    """Say every table; the first edition has no earlier one and is left out of the comparisons."""
    heads = [
        "data month",
        "as of",
        "listed",
        *COLOURS,
        "kept off by a filter",
        "with points",
        "entries",
        "exits",
        "seconds",
    ]
    say("### Editions\n\n" + table(heads, edition_rows(roll, issued)))
    later = issued[1:]
    names = [f"{name} (p / r / AP)" for name in rankings(roll, later[0])]
    for label, minimum in TASKS:
        heads = ["data month", "employers", "base rate", "n", "list (p / r)", "红+橙 (p / r)", *names, "chance (p / r)"]
        rows = task_rows(roll, later, label=label, minimum=minimum)
        say(f"### `{label}` at +{HORIZON} months, insured ≥ {minimum}\n\n" + table(heads, rows))
    for edition in later:
        if roll.months[edition.origin] == shock:
            heads = [
                "since",
                "insured then",
                "lost ≥ 20 %",
                *COLOURS[:3],
                "kept off",
                "below the lines",
                "shown",
                "jobs",
            ]
            rows = [row for back in (1, 2) for row in detection_rows(roll, edition, since=edition.origin - back)]
            say(f"### Observed: who lost a fifth by {shock:%Y-%m}\n\n" + table(heads, rows))
    heads = ["data month", "new on the list", "back at ≥ 95 % at +3", "lower still at +3", "nobody insured at +3"]
    say("### Three months after the entry\n\n" + table(heads, recovery_rows(roll, issued)))


def main() -> None:
    """Run the nights and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("roll", type=Path, nargs="?", default=DEFAULT_ROLL, help="default: ../shared/data/sodra/…")
    parser.add_argument("--editions", type=int, default=5, help="nights, from the roll's second month on (default 5)")
    parser.add_argument("--shock", type=lambda text: date.fromisoformat(f"{text}-01"), default=date(2020, 4, 1))
    arguments = parser.parse_args()
    if not arguments.roll.is_file():
        parser.error(f"no such roll: {arguments.roll}; name the Parquet file of a year of the public roll")
    roll = read_roll(arguments.roll)
    last = len(roll.months) - HORIZON - 1
    if not 2 <= arguments.editions <= last:
        parser.error(f"--editions must lie between 2 and {last}, so that each has its outcome in the roll")
    with tempfile.TemporaryDirectory(prefix="wengang-rolls-") as root:
        issued = issue(arguments.roll, Path(root), roll.months[1 : 1 + arguments.editions], roll)
    report(roll, issued, shock=arguments.shock, say=print)


if __name__ == "__main__":
    main()
