"""Probabilities of nights that lack a feed against what became of the enterprises, one feed after the other.

    python -m benchmarks.missing_feeds --work DIR [--enterprises 10000] [--feeds power_month,customs_export]

A city is generated and landed whole; a model learns from nights to ``UNTIL`` that had every feed. Then the later nights
run again through ingest, core and features in a home where the deliveries of one feed never came, or stopped at
``UNTIL``, and the same model scores what they read. Outcomes come from the whole home. Feeds without which the gate
closes are left out.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import polars as pl

from benchmarks import homes
from models import labels, silence, splits, train
from models.silence import Standing
from models.train import Model
from pipelines import learning, lessons, nightly
from pipelines.ledger import Delivery, Ledger
from pipelines.lessons import Lesson
from pipelines.nightly import Means
from pipelines.panel_scoring import settings_of

UNTIL = date(2025, 12, 1)
LAST_ORIGIN = date(2026, 6, 1)
LAST_NIGHT = date(2026, 10, 12)
JUDGED_NIGHT = date(2026, 7, 12)
NIGHTS = 6
KEY = ["enterprise_id", "origin"]
Keep = Callable[[Delivery], bool]


def main() -> None:
    """Make the home, teach the model, print one row per feed and way of missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--enterprises", type=int, default=10_000)
    parser.add_argument("--months", type=int, default=36)
    parser.add_argument("--feeds", help="of these alone, by comma")
    given = parser.parse_args()
    means = whole(given.work, enterprises=given.enterprises, months=given.months)
    taught = lessons.lesson(means, as_of=LAST_NIGHT)
    model = learned(taught)
    asked = given.feeds.split(",") if given.feeds else None
    print("| feed | missing | rows | events | predicted | observed | error in tenths | slope | average precision |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for feed, way, keep in ways(means, asked):
        print(row(feed, way, judged(lacking(means, given.work / "lacking", keep), taught, model)), flush=True)


def whole(work: Path, *, enterprises: int, months: int) -> Means:
    """The home of a city in which every delivery came."""
    where = homes.place(work, enterprises=enterprises, months=months)
    homes.generate(where)
    means = homes.at(homes.new_home(where.root / "whole"), LAST_NIGHT)
    nightly.play(means, schedule=where.schedule, until=homes.cutoff(LAST_NIGHT))
    return means


def learned(taught: Lesson) -> Model:
    """The model of what had matured by ``UNTIL``."""
    origins = sorted(taught.panel["origin"].unique().to_list())
    early = splits.matured(origins, by=UNTIL, horizon=taught.task.horizon)
    rows = taught.panel.filter(pl.col("origin").is_in(list(early)))
    design, settings = learning.design_of(taught.contracts), settings_of(taught.parameters)
    return train.fit(rows, task=taught.task, design=design, settings=settings).model


def ways(means: Means, asked: Sequence[str] | None) -> Iterator[tuple[str, str, Keep]]:
    """Nothing missing, then each feed that a night may lack: never come, and stopped."""
    stop = datetime.combine(UNTIL, datetime.min.time())
    yield "(none)", "", lambda _: True
    for name, feed in means.contracts().feeds.items():
        if feed.required or (asked and name not in asked):
            continue
        yield name, "never came", lambda delivery, name=name: delivery.feed != name
        yield name, "stopped", lambda delivery, name=name: delivery.feed != name or delivery.received_at < stop


def lacking(means: Means, root: Path, keep: Keep) -> Means:
    """The home of ``means`` in which only the deliveries of ``keep`` are on record."""
    (root / "ledger.sqlite").unlink(missing_ok=True)
    made = replace(means, home=homes.new_home(root).home)
    ledger = Ledger(made.home.ledger)
    for delivery in Ledger(means.home.ledger).deliveries():
        if keep(delivery):
            ledger.record_delivery(delivery)
    if not made.home.landing.is_symlink():
        made.home.landing.rmdir()
        made.home.landing.symlink_to(means.home.landing)
    return made


def judged(means: Means, taught: Lesson, model: Model) -> Standing:
    """What ``model`` says of the later nights of ``means``, against the outcomes of ``taught``."""
    task = taught.task
    seen = lessons.lesson(means, as_of=JUDGED_NIGHT, nights=NIGHTS).panel
    outcomes = [column(task.label, task.horizon) for column in (labels.known_column, labels.event_column)]
    became = taught.panel.select(*KEY, *outcomes)
    later = seen.drop(outcomes).filter(pl.col("origin").is_between(UNTIL, LAST_ORIGIN, closed="right"))
    rows = task.rows(later.join(became, on=KEY, how="inner"), minimum=task.minimum_insured)
    return silence.standing(silence.NONE, task.event(rows), model.log_odds(model.values(rows)))


def row(feed: str, way: str, found: Standing) -> str:
    """One row of the table."""
    return (
        f"| {feed} | {way} | {found.rows} | {found.events} | {found.predicted:.2%} | {found.observed:.2%} | "
        f"{found.error:.4f} | {found.slope:.2f} | {found.average_precision:.3f} |"
    )


if __name__ == "__main__":
    main()
