"""The list over two years: how often colours flap, whether every change has a cause, what capacity and patience cost.

    python -m benchmarks.list_life --work DIR [--enterprises 20000] [--months 36] [--weeks 104]

A generated city, its deliveries at their own instants, an edition each week by the nightly job, no visits. Read from
the editions as issued; jobs lost are those of the insured in the three months after, as the last night knows them. An
enterprise without a row in a month has nobody then: the generated city lacks no month.
"""

import argparse
import itertools
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb

from benchmarks import homes
from pipelines import demo, nightly
from pipelines.ledger import Ledger
from pipelines.run import add_months, months_between
from pipelines.settings import Home, load
from pipelines.stages.edition.triggers import SEVERITY

WITHIN_MONTHS = 3
HORIZON = 3
DATA = ("数据", "修订")
RISES, FALLS = ("新增", "升级"), ("降级", "解除")
Counts = dict[str, dict[date, int]]


@dataclass(frozen=True)
class Edition:
    """What one issued edition says, as far as it is counted here."""

    as_of: date
    month: date
    warnings: Mapping[str, Mapping[str, Any]]
    changes: Sequence[Mapping[str, Any]]
    filtered: Mapping[str, Mapping[str, Any]]


def main() -> None:
    """Play the nights that are not there yet, then print every figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--enterprises", type=int, default=20_000)
    parser.add_argument("--months", type=int, default=36)
    parser.add_argument("--weeks", type=int, default=104)
    given = parser.parse_args()
    where = homes.place(given.work, enterprises=given.enterprises, months=given.months)
    home = play(where, weeks=given.weeks)
    found = list(editions(home))
    counts, exporters = insured(home)
    print(f"{len(found)} editions, {found[0].as_of} to {found[-1].as_of}, {given.enterprises} enterprises")
    for line in (*flapping(found), *causes(found), *capacity(found, home), *recall(found, counts, exporters)):
        print(line)


def play(where: homes.Place, *, weeks: int) -> Home:
    """A home with ``weeks`` weekly editions, the last on the night after the last month."""
    homes.generate(where)
    root = where.root / "life"
    means = homes.new_home(root)
    last = demo.nights(where.spec)[-1]
    done = {record.as_of for record in Ledger(means.home.ledger).editions()}
    for week in range(weeks - 1, -1, -1):
        night = last - timedelta(weeks=week)
        if night in done:
            continue
        now = homes.at(means, night)
        nightly.play(now, schedule=where.schedule, until=homes.cutoff(night))
        outcome = nightly.run(now, as_of=night, cutoff=homes.cutoff(night))
        print(f"{night}: {outcome.status}", flush=True)
    return means.home


def editions(home: Home) -> Iterator[Edition]:
    """Issued editions, oldest first."""
    for path in sorted(home.editions.glob("*/r1/edition.json")):
        body = json.loads(path.read_text(encoding="utf-8"))
        yield Edition(
            as_of=date.fromisoformat(body["edition"]["as_of"]),
            month=date.fromisoformat(body["edition"]["reference_month"]),
            warnings={row["enterprise_id"]: row for row in body["warnings"]},
            changes=body["changes"],
            filtered={row["enterprise_id"]: row for row in body["filtered"]},
        )


def insured(home: Home) -> tuple[Counts, set[str]]:
    """Insured persons by enterprise and month, and the exporters to the US, as the last night knows them."""
    with closing(duckdb.connect(str(home.warehouse), read_only=True)) as connection:
        rows = connection.execute(
            "SELECT enterprise_id, month, insured_persons FROM core.enterprise_month JOIN core.enterprise "
            "USING (enterprise_no)"
        ).fetchall()
        exporters = connection.execute(
            "SELECT enterprise_id FROM features.enterprise JOIN core.enterprise USING (enterprise_no) "
            "WHERE is_us_exporter"
        ).fetchall()
    found: Counts = {}
    for key, month, persons in rows:
        found.setdefault(key, {})[month] = persons or 0
    return found, {key for (key,) in exporters}


def flapping(found: Sequence[Edition]) -> Iterator[str]:
    """Rises that a fall follows, or falls that a rise follows, within three insurance months."""
    moves: dict[str, list[tuple[date, bool, str]]] = {}
    for edition in found:
        for change in edition.changes:
            is_rise = change["change_kind"] in RISES
            if is_rise or change["change_kind"] in FALLS:
                moves.setdefault(change["enterprise_id"], []).append((edition.month, is_rise, change["change_cause"]))
    total = flaps = groundless = 0
    for own in moves.values():
        total += len(own)
        for (month, rise, cause), (later, again, why) in itertools.pairwise(own):
            if rise != again and months_between(month, later) <= WITHIN_MONTHS:
                flaps += 1
                groundless += cause not in DATA or why not in DATA
    yield f"changes {total}; turned back within {WITHIN_MONTHS} insurance months {flaps} ({flaps / total:.1%})"
    yield f"of these without a data cause {groundless} ({groundless / total:.2%} of all changes; bound 2 %)"


def causes(found: Sequence[Edition]) -> Iterator[str]:
    """Entries, exits, rises and falls by cause, and those that no change tells."""
    counted: Counter[tuple[str, str]] = Counter()
    untold = 0
    for before, now in itertools.pairwise(found):
        told = {change["enterprise_id"]: change for change in now.changes}
        for change in now.changes:
            counted[change["change_kind"], change["change_cause"]] += 1
        for key in before.warnings.keys() | now.warnings.keys():
            was, is_now = before.warnings.get(key), now.warnings.get(key)
            differs = was is None or is_now is None or was["colour"] != is_now["colour"]
            untold += differs and not (key in told and told[key]["change_cause"] and told[key]["change_text"])
    listed = "; ".join(f"{kind} {cause} {number}" for (kind, cause), number in sorted(counted.items()))
    yield f"changes without a cause: {untold} of {sum(counted.values())} ({listed})"


def capacity(found: Sequence[Edition], home: Home) -> Iterator[str]:
    """New yellow and blue cases of an insurance month beyond a county's capacity; observed red and orange left out."""
    settings = load(home)
    used: Counter[tuple[date, str]] = Counter()
    missed = 0
    for edition in found:
        for row in edition.warnings.values():
            if row["change_kind"] in ("新增", "首期") and row["is_capacity_limited"]:
                used[edition.month, row["county_code"]] += 1
        missed += sum(
            SEVERITY[row["colour"]] >= SEVERITY["橙"] and row["filter_code"] == "capacity"
            for row in edition.filtered.values()
        )
    beyond = sum(number > settings.capacity(county) for (_, county), number in used.items())
    yield (
        f"county months with new yellow and blue cases {len(used)}, beyond capacity {beyond}, "
        f"full {sum(number == settings.capacity(county) for (_, county), number in used.items())}; "
        f"red and orange left out for capacity {missed}"
    )


def recall(found: Sequence[Edition], counts: Counts, exporters: set[str]) -> Iterator[str]:
    """Jobs lost in the three months after, of all enterprises that reach the statutory line: which lists held them."""
    last = max(month for own in counts.values() for month in own)
    by_month = {edition.month: edition for edition in found if add_months(edition.month, HORIZON) <= last}
    for title, only in (("all employers", None), ("exporters to the US", exporters)):
        held: Counter[str] = Counter()
        for month, edition in by_month.items():
            for key, lost in losses(counts, month, only):
                listed = edition.warnings.get(key)
                kept = edition.filtered.get(key)
                fires = listed is not None and "触发：" not in listed["trigger_text"]
                waits = kept is not None and kept["filter_code"] == "capacity"
                held["lost"] += lost
                held["triggered"] += lost * (fires or waits)
                held["within capacity"] += lost * fires
                held["listed"] += lost * (listed is not None)
        total = max(held["lost"], 1)
        told = ", ".join(f"{name} {held[name] / total:.1%}" for name in ("triggered", "within capacity", "listed"))
        yield (
            f"{title}: {held['lost']} jobs lost in {len(by_month)} months, held by {told}; capacity costs "
            f"{(held['triggered'] - held['within capacity']) / total:.1%}, patience adds "
            f"{(held['listed'] - held['within capacity']) / total:.1%}"
        )


def losses(counts: Counts, month: date, only: set[str] | None) -> Iterable[tuple[str, int]]:
    """Enterprises that lose 20 persons, or a tenth of 30 and more, in the three months after ``month``."""
    later = add_months(month, HORIZON)
    for key, own in counts.items():
        before = own.get(month, 0)
        lost = before - own.get(later, 0)
        is_large = lost >= 20 or (before >= 30 and lost * 10 >= before)
        if lost > 0 and is_large and (only is None or key in only):
            yield key, lost


if __name__ == "__main__":
    main()
