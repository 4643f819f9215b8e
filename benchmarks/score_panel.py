"""How well a model taught on one public roll foresees another that it has never seen, beside rankings without learning.

Turns the rolls into canonical panels (DESIGN 18), runs `wengang score-panel` on them, reads the outcome from the roll
scored. Prints Markdown. Refuses to name an employer: only counts and shares leave here.

    python benchmarks/score_panel.py [--train ROLL.parquet] [--roll ROLL.parquet] [--origin 2023-04..2023-09]
"""

import argparse
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
import polars as pl

from models import labels, validate
from models.validate import Bools, Counts, Floats
from pipelines import panel_scoring
from pipelines import parameters as parameter_files
from pipelines.stages.features import canonical

ROOT = Path(__file__).resolve().parent.parent
ROLLS = ROOT.parent / "shared" / "data" / "sodra"
COMMAND = ("-c", "from pipelines.cli import main; main()")
SHARES = (0.01, 0.05, 0.10)
COLUMNS = {
    "code": "enterprise_id",
    "numInsured": "insured",
    "avgWage": "wage_mean",
    "tax": "contribution",
    "ecoActCode": "industry",
    "municipality": "area",
}


@dataclass(frozen=True)
class Judged:
    """The rows scored whose outcome the roll knows, and what happened."""

    rows: pl.DataFrame
    event: Bools
    lost: Counts

    def score(self, name: str) -> Floats:
        """A column of the scores, the higher the more at risk."""
        return self.rows[name].to_numpy()


def canonical_roll(path: Path) -> pl.DataFrame:
    """A roll of the Lithuanian fund as a canonical panel: the first row of each employer and month that has both."""
    month = pl.col("month")
    return (
        pl.read_parquet(path, columns=["month", *COLUMNS])
        .drop_nulls(["code", "month"])
        .unique(["code", "month"], keep="first", maintain_order=True)
        .with_columns(pl.date(month // 100, month % 100, 1).alias("month"))
        .rename(COLUMNS)
        .select(pl.col(name).cast(kind) for name, kind in canonical.SCHEMA.items())
    )


def judge(scores: pl.DataFrame, roll: pl.DataFrame, *, label: str, horizon: int = panel_scoring.HORIZON) -> Judged:
    """The outcome of every row of ``scores`` as ``roll`` tells it."""
    definition = labels.labels_of(parameter_files.load(scores["origin"].max())["labels"])[label]  # type: ignore[arg-type]
    panel = canonical.read(roll, break_share=1.0, break_minimum=1)
    parts = []
    for origin in scores["origin"].unique().sort():
        found = labels.outcome(panel.insured, origin=panel.row(origin), horizon=horizon, label=definition)
        parts.append(
            pl.DataFrame(
                {"enterprise_id": panel.enterprise_ids, "known": found.known, "event": found.event, "lost": found.lost}
            ).with_columns(pl.lit(origin).alias("origin"))
        )
    rows = scores.join(pl.concat(parts), on=["enterprise_id", "origin"], how="left", maintain_order="left").filter(
        "known"
    )
    return Judged(rows, rows["event"].to_numpy(), rows["lost"].to_numpy())


def figures(judged: Judged, name: str) -> list[str]:
    """One row of the table: average precision and area under the curve of a ranking, its lists by length."""
    event, score = judged.event, judged.score(name)
    cells = [name, f"{validate.average_precision(event, score):.3f}", f"{validate.auc(event, score):.3f}"]
    for share in SHARES:
        listed = validate.top(score, int(len(event) * share))
        measure = validate.measure_list(listed, event, judged.lost)
        cells.append(f"{measure.precision:.3f} / {measure.jobs_recall:.3f}")
    return cells


def interval(judged: Judged) -> tuple[validate.Interval, validate.Interval]:
    """Average precision of the model, and its gain over the volatility ranking, by resampled enterprises."""
    event, model, base = judged.event, judged.score("probability"), judged.score("baseline_volatility")
    numbers = np.unique(judged.rows["enterprise_id"].to_numpy(), return_inverse=True)[1].astype(np.int64)

    def precision(rows: Counts) -> float:
        return validate.average_precision(event[rows], model[rows])

    def gain(rows: Counts) -> float:
        return precision(rows) - validate.average_precision(event[rows], base[rows])

    return validate.bootstrap(numbers, precision), validate.bootstrap(numbers, gain)


def report(judged: Judged, *, seconds: float) -> str:
    """The tables in Markdown."""
    heads = ["ranking", "average precision", "AUC", *(f"p / jobs at {share:.0%}" for share in SHARES)]
    names = ("probability", "expected_loss", "baseline_volatility", "insured")
    lines = [" | ".join(cells) for cells in (heads, ["---"] * len(heads), *(figures(judged, name) for name in names))]
    own, gain = interval(judged)
    event, chance = judged.event, judged.score("probability")
    skill = validate.measures(event, judged.lost, chance, capacity=len(event)).brier_skill
    bins = validate.reliability(event, chance).rows(named=True)
    ratio = own.value / validate.average_precision(event, judged.score("baseline_volatility"))
    return "\n".join(
        [
            f"{len(event)} rows, base rate {event.mean():.3f}, {seconds:.0f} s\n",
            *(f"| {line} |" for line in lines),
            f"\naverage precision {own.value:.3f} ({own.low:.3f}-{own.high:.3f}), {ratio:.2f} × volatility",
            f"gain {gain.value:.3f} ({gain.low:.3f}-{gain.high:.3f}), 95 % by resampled enterprises",
            f"Brier skill {skill:.3f}, jobs expected {judged.score('expected_loss').sum():.0f}, "
            f"lost in events {int(judged.lost[event].sum())}\n",
            "| probability | observed | rows |\n| --- | --- | --- |",
            *(f"| {one['probability']:.3f} | {one['observed']:.3f} | {one['rows']} |" for one in bins),
        ]
    )


def main() -> None:
    """Run the command and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", type=Path, action="append", help="rolls to learn from (default: that of 2020)")
    parser.add_argument("--roll", type=Path, default=ROLLS / "lt_2023.parquet", help="roll to score")
    parser.add_argument("--origin", default="2023-04..2023-09")
    parser.add_argument("--label", default="loss20")
    parser.add_argument("--min-insured", type=int, default=10)
    arguments = parser.parse_args()
    training = arguments.train or [ROLLS / "lt_2020.parquet"]
    absent = [str(path) for path in (*training, arguments.roll) if not path.is_file()]
    if absent:
        parser.error(f"no such roll: {', '.join(absent)}; name the Parquet files of two years of the public roll")
    with tempfile.TemporaryDirectory(prefix="wengang-panels-") as folder:
        root, options = Path(folder), list[str]()
        for place, path in enumerate(training):
            canonical_roll(path).write_parquet(root / f"train_{place}.parquet")
            options += ["--train", str(root / f"train_{place}.parquet")]
        roll = canonical_roll(arguments.roll)
        roll.write_parquet(root / "panel.parquet")
        options += ["--panel", str(root / "panel.parquet"), "--origin", arguments.origin, "--label", arguments.label]
        options += ["--min-insured", str(arguments.min_insured), "--out", str(root / "scores.parquet")]
        started = perf_counter()
        subprocess.run([sys.executable, *COMMAND, "score-panel", *options], check=True)
        seconds = perf_counter() - started
        scores = pl.read_parquet(root / "scores.parquet")
    print(report(judge(scores, roll, label=arguments.label), seconds=seconds))


if __name__ == "__main__":
    main()
