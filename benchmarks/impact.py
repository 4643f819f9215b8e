"""The impact of visits on a generated city: what the cut-off says of an effect that was planted, and of none.

    python -m benchmarks.impact --work DIR [--enterprises 24000] [--months 36] [--editions 24] [--share 0.5 0.9]

A generated city with few visits a county, an edition each month by the nightly job, rule score. Nobody visits in a
generated city, so visits are drawn here, by the seed: nine in ten of those listed, one in twenty of those left out.
Whoever was visited then loses ``share`` less than it did. The lists, the ranks and the losses are those of the home.
"""

import argparse
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks import homes
from models import discontinuity
from models.discontinuity import Ints, Jump, Sample
from models.labels import Label
from pipelines import demo, impact, impact_words, nightly
from pipelines.contests import Contests, contests
from pipelines.impact import KEPT, KNOWN, SHARE, Asked, Impact
from pipelines.ledger import Ledger
from pipelines.nightly import Means
from pipelines.run import add_months

CAPACITIES = (10, 4, 4, 4, 5, 4, 3)
VISITED_LISTED, VISITED_LEFT_OUT = 0.9, 0.05


def main() -> None:
    """Play the nights that are not there yet, plant effects, then print every figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--enterprises", type=int, default=24_000)
    parser.add_argument("--months", type=int, default=36)
    parser.add_argument("--editions", type=int, default=24)
    parser.add_argument("--share", type=float, nargs="+", default=[0.5, 0.9])
    given = parser.parse_args()
    where = homes.place(given.work, enterprises=given.enterprises, months=given.months)
    means, last = play(where, editions=given.editions)
    asked, found, rows, label = read(means, last)
    for share in (0.0, *given.share):
        judged = impact.judge(asked, found, planted(rows, label, seed=homes.SEED, share=share), forms=1)
        print(impact_words.page(judged), *told(judged, rows, share=share), sep="\n", end="\n\n")


def play(where: homes.Place, *, editions: int) -> tuple[Means, date]:
    """A home with ``editions`` monthly editions, and the night of the last."""
    homes.generate(where)
    means = homes.new_home(where.root / "impact")
    capacities = iter(CAPACITIES)
    text = means.home.settings_file.read_text(encoding="utf-8")
    lowered = re.sub(r"(?m)^capacity = \d+", lambda _: f"capacity = {next(capacities)}", text)
    means.home.settings_file.write_text(lowered, encoding="utf-8")
    last = demo.nights(where.spec)[-1]
    done = {record.as_of for record in Ledger(means.home.ledger).editions()}
    for back in range(editions - 1, -1, -1):
        night = add_months(last.replace(day=1), -back).replace(day=last.day)
        if night in done:
            continue
        now = homes.at(means, night)
        nightly.play(now, schedule=where.schedule, until=homes.cutoff(night))
        outcome = nightly.run(now, as_of=night, cutoff=homes.cutoff(night))
        print(f"{night}: {outcome.status}", flush=True)
    return homes.at(means, last), last


def read(means: Means, last: date) -> tuple[Asked, Contests, pl.DataFrame, Label]:
    """The contests of the home and what became of the candidates, as the last night knows it."""
    found = contests(means.home, Ledger(means.home.ledger), as_of=last)
    with impact.known_now(means, as_of=last) as night:
        label = impact.label_of(night)
        horizon = int(night.run.parameters["model_horizon_months"])
        rows = impact.followed(night, found.rows, horizon=horizon, label=label)
    return Asked(as_of=last, horizon=horizon, meaning=label.meaning), found, rows, label


def planted(rows: pl.DataFrame, label: Label, *, seed: int, share: float) -> pl.DataFrame:
    """``rows`` with visits drawn by ``seed``, after which the visited lost ``share`` less, in whole persons."""
    draw = np.random.default_rng(seed).random(rows.height)
    visited = draw < np.where(rows["is_listed"], VISITED_LISTED, VISITED_LEFT_OUT)
    lost, staff = (rows[name].fill_null(0).to_numpy() for name in ("lost", "staff"))
    left = np.where(visited, spare(lost, share), lost)
    return rows.with_columns(
        is_visited=pl.Series(visited), lost=pl.Series(left), is_event=pl.Series(label.event(np.maximum(staff, 0), left))
    )


def spare(lost: Ints, share: float) -> Ints:
    """Persons still lost where a visit spares ``share`` of them."""
    left: Ints = np.rint(lost * (1 - share)).astype(np.int64)
    return left


def told(judged: Impact, rows: pl.DataFrame, *, share: float) -> Iterator[str]:
    """Each estimate beside what was planted: what a visit would spare near the cut, times visits that listing adds."""
    known = rows.filter((pl.col("standing") == KNOWN) & (pl.col("place").abs() <= impact.REACH))
    spared = known["lost"] - pl.Series(spare(known["lost"].to_numpy(), share))
    losses = {SHARE: 100 * known["lost"] / known["staff"], KEPT: -known["lost"]}
    place = known["place"].to_numpy()
    for name, worth in ((SHARE, -100 * spared / known["staff"]), (KEPT, spared)):
        effect = judged.effects[name]
        if effect.at_cut is None:
            yield f"losses less {share:.0%}, {name}: unknown"
            continue
        weights = np.maximum(1 - np.abs(place) / effect.at_cut.width, 0)
        truth = (VISITED_LISTED - VISITED_LEFT_OUT) * float(np.average(worth, weights=weights))
        untouched = Sample(place, losses[name].to_numpy().astype(np.float64), np.arange(known.height))
        before = discontinuity.sharp(untouched, width=effect.at_cut.width)
        moved = "unknown" if before is None else f"{effect.at_cut.estimate - before.estimate:.2f}"
        yield (
            f"losses less {share:.0%}, {name}: planted {truth:.2f}, found {words(effect.at_cut)}, "
            f"{moved} from what it finds without the effect at that width; "
            f"half width {words(effect.half)}, double {words(effect.double)}; per visit {words(effect.per_visit)}"
        )


def words(jump: Jump | None) -> str:
    """A jump with its interval."""
    return "unknown" if jump is None else f"{jump.estimate:.2f} [{jump.low:.2f}, {jump.high:.2f}]"


if __name__ == "__main__":
    main()
