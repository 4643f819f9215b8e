"""How well a further layoff notice of an employer is foreseen, on the real US register, beside plain rankings.

Turns the register into the canonical one, learns to 2019 and scores 2020, learns to 2021 and scores 2022 and 2023, as
`wengang score-notices` does. Prints Markdown, draws the chart. Refuses to name an employer: only counts leave here.

    python -m benchmarks.notices [--chart docs/pictures/notices.svg] [--trial 2020]
    python -m benchmarks.notices --choices | --canonical FOLDER
"""

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from time import perf_counter

import numpy as np
import polars as pl

from benchmarks.notices_chart import chart
from models import notice_learning, splits, validate
from models.notice_cleaning import SCHEMA, Rules, clean, counted
from models.notice_history import History, history
from models.notice_judging import Judgement, judge
from models.notice_learning import BASELINES, Settings
from models.notice_panel import Question, origins_between, panel
from models.validate import Bools, Floats, Interval
from pipelines.notice_scoring import Request, Scored, score_notices

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT.parent / "shared" / "data" / "warn"
REGISTER, TWINS = "notices_to_2023.parquet", "notice_links_to_2023.parquet"
UNTIL = date(2024, 1, 1)
THIRDS = 3
PLACE_KINDS = r"(?i)\s+(city|cdp|town|village|borough|township|census area|county|parish|municipality)$"
NAMES = {"recency": "最近预告在前", "count_36m": "三年内次数", "count_ever": "历次次数", "area_rate": "州内再次预告率"}


@dataclass(frozen=True)
class Trial:
    """A span of origins whose outcomes no choice has seen, scored by what had matured before it."""

    name: str
    origins: tuple[date, ...]

    def request(self, **changes: object) -> Request:
        """The request of this trial; ``changes`` name other questions or rules."""
        asked = Request(origins=self.origins, taught_until=self.origins[0], until=UNTIL)
        return replace(asked, **changes)  # type: ignore[arg-type]


TRIALS = (
    Trial("2020", origins_between(date(2020, 1, 1), date(2020, 12, 1))),
    Trial("2022–2023", origins_between(date(2022, 1, 1), date(2023, 10, 1))),
)
REHEARSALS = tuple(
    Trial(str(year), origins_between(date(year, 1, 1), date(year, 12, 1))) for year in (2008, 2009, 2016, 2017, 2018)
)


def canonical_register(path: Path) -> pl.DataFrame:
    """The register's rows as canonical notices; industries are the first two digits of NAICS."""
    layoff = pl.col("layoff_type")
    return (
        pl.read_parquet(path)
        .select(
            notice_id="dedupe_key",
            employer="employer_name",
            area="state",
            county=pl.col("county_name").str.replace(PLACE_KINDS, ""),
            place=pl.col("place_name").str.replace(PLACE_KINDS, ""),
            noticed_on=pl.col("notice_date").str.to_date(strict=False),
            starts_on=pl.col("effective_date").str.to_date(strict=False),
            persons=pl.col("employees_affected").cast(pl.Float64, strict=False).cast(pl.Int64),
            industry=pl.col("naics").str.slice(0, 2),
            is_closure=pl.when(layoff != "unknown").then(layoff == "closure"),
            is_amendment=pl.col("is_amendment") == "1",
        )
        .select(pl.col(name).cast(kind) for name, kind in SCHEMA.items())
    )


def canonical_links(path: Path) -> pl.DataFrame:
    """Which notice amends (``amendment_of``) or may repeat (``possible_duplicate``) which."""
    is_amendment = pl.col("kind") == "amendment_of"
    return pl.read_parquet(path).select(
        notice_id="dedupe_key",
        earlier_id="related_dedupe_key",
        kind=pl.when(is_amendment).then(pl.lit("amendment")).otherwise(pl.lit("duplicate")),
    )


@dataclass(frozen=True)
class Outcome:
    """The scored rows whose outcome is known, as arrays of shape (rows,)."""

    rows: pl.DataFrame

    @property
    def event(self) -> Bools:
        """Whether a further notice followed."""
        return self.rows["filed_again"].to_numpy()

    @property
    def employer(self) -> np.ndarray:
        """A number of each row's employer."""
        return self.rows["employer"].rank("dense").cast(pl.Int64).to_numpy()

    def score(self, name: str) -> Floats:
        """A column of scores."""
        return self.rows[name].to_numpy()

    def judged(self, name: str = "probability", *, resamples: int = 200) -> Judgement:
        """The figures of a ranking."""
        return judge(self.event, self.score(name), self.employer, resamples=resamples)

    def within(self, months: int) -> "Outcome":
        """Only the rows of employers whose last notice is at most ``months`` old."""
        return Outcome(self.rows.filter(pl.col("months_since_last") <= months))


def outcome(scored: Scored) -> Outcome:
    """What is known of the outcomes of a scored register."""
    return Outcome(scored.scores.filter(pl.col("filed_again").is_not_null()))


def interval(one: Interval, digits: int = 3) -> str:
    """A figure with its bounds."""
    return f"{one.value:.{digits}f} ({one.low:.{digits}f}–{one.high:.{digits}f})"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (heads, ["---"] * len(heads), *rows)) + "\n"


def row_of(name: str, judged: Judgement) -> list[str]:
    """One row of the main table."""
    figures = judged.figures
    cells = [name, f"{judged.rows}", f"{judged.events}", f"{judged.events / judged.rows:.4f}"]
    cells += [interval(figures[key]) for key in ("auc", "average_precision", "precision")]
    return [*cells, interval(figures["lift"], 1), interval(figures["recall"])]


HEADS = (
    "ranking",
    "rows",
    "events",
    "base rate",
    "AUC",
    "average precision",
    "precision at 5 %",
    "lift at 5 %",
    "events in the list",
)


def main_table(found: Outcome) -> str:
    """The model beside the rankings without learning."""
    rows = [row_of("model", found.judged())]
    rows += [row_of(name, found.judged(f"baseline_{name}")) for name in BASELINES]
    return table(HEADS, rows)


def memory_table(found: Outcome) -> str:
    """The same scores among employers whose last notice is recent only."""
    heads = ("last notice at most", "ranking", *HEADS[1:])
    rows = []
    for months in (60, 36, 12):
        part = found.within(months)
        rows += [
            [f"{months} months", *row_of(name, part.judged(column))]
            for name, column in (
                ("model", "probability"),
                ("recency", "baseline_recency"),
                ("count_36m", "baseline_count_36m"),
            )
        ]
    return table(heads, rows)


def month_table(found: Outcome) -> str:
    """Each origin on its own, with its own list of one in twenty."""
    rows = []
    for origin in found.rows["origin"].unique().sort():
        part = Outcome(found.rows.filter(pl.col("origin") == origin))
        one, base = part.judged(resamples=0), part.judged("baseline_count_36m", resamples=0)
        cells = [f"{origin:%Y-%m}", f"{one.rows}", f"{one.events}", f"{part.score('probability').mean():.4f}"]
        cells += [f"{one.events / one.rows:.4f}", f"{one.figures['auc'].value:.3f}", f"{one.figures['lift'].value:.1f}"]
        rows.append([*cells, f"{base.figures['auc'].value:.3f}", f"{base.figures['lift'].value:.1f}"])
    heads = (
        "origin",
        "at risk",
        "events",
        "mean probability",
        "observed",
        "AUC",
        "lift at 5 %",
        "AUC by count",
        "lift by count",
    )
    return table(heads, rows)


def reliability_table(found: Outcome) -> str:
    """Mean probability against what happened, by tenths of the rows."""
    bins = validate.reliability(found.event, found.score("probability")).rows(named=True)
    rows = [[f"{one['probability']:.4f}", f"{one['observed']:.4f}", f"{one['rows']}"] for one in bins]
    return table(("mean probability", "observed", "rows"), rows)


def inflation_table(clean_scores: Outcome, feigned: Outcome) -> str:
    """With amendments left in: by its own events, and by the events that are further notices."""
    truth = clean_scores.rows.select("origin", "employer", truth="filed_again")
    both = feigned.rows.join(truth, on=["origin", "employer"])
    true = Outcome(both.with_columns(filed_again="truth"))
    rows = [
        row_of("amendments out", clean_scores.judged()),
        row_of("left in, by its own events", feigned.judged()),
        row_of("left in, by further notices", true.judged()),
    ]
    return table(HEADS, rows)


def permuted_auc(past: History, trial: Trial) -> tuple[float, float]:
    """Area under the curve of a model taught outcomes dealt anew: judged by outcomes dealt anew, and by true ones.

    The mean over the months: a month dealt anew keeps its rate, and rates that differ are something to learn.
    """
    settings = replace(Settings(), windows=0)
    taught = notice_learning.fit(
        past, Question(), until=trial.origins[0], settings=settings, say=lambda _: None, permuted=True
    )
    found = []
    for is_dealt in (True, False):
        months = (panel(past, [origin], Question(), is_dealt=is_dealt) for origin in trial.origins)
        found.append([validate.auc(rows["event"].to_numpy(), taught.model.probability(rows)) for rows in months])
    dealt, true = (float(np.mean(one)) for one in found)
    return dealt, true


def ceiling(past: History, trial: Trial, variant: str) -> Judgement:
    """What the same features give with hindsight: taught by the trial's own outcomes of other employers, in thirds."""
    settings = Settings(windows=0)
    rows = panel(past, trial.origins, Question())
    taught = panel(past, trial.origins, Question(), quiet_share=settings.quiet_share)
    own, other = (splits.folds(frame["employer_no"].to_numpy(), count=THIRDS) for frame in (rows, taught))
    score = np.zeros(rows.height)
    for fold in range(THIRDS):
        model = notice_learning.fit_variant(taught.filter(pl.Series(other != fold)), variant, settings)
        score[own == fold] = model.probability(rows.filter(pl.Series(own == fold)))
    return judge(rows["event"].to_numpy(), score, rows["employer_no"].to_numpy())


def future_changes(register: pl.DataFrame, links: pl.DataFrame, scored: Scored, trial: Trial) -> int:
    """Rows of the first origin whose score changes when the register ends there."""
    cut = register.filter(pl.col("noticed_on") < trial.origins[0])
    settings = replace(Settings(), windows=0, variants=(scored.taught.variant,))
    asked = replace(trial.request(settings=settings), origins=trial.origins[:1])
    early = score_notices(cut, links, asked, say=lambda _: None).scores.select("employer", early="probability")
    first = scored.scores.filter(pl.col("origin") == trial.origins[0]).select("employer", "probability")
    both = first.join(early, on="employer", how="full")
    return both.filter(pl.col("early").is_null() | (pl.col("early") != pl.col("probability"))).height


def evidence_table(scored: Scored) -> str:
    """Average precision and area under the curve of every variant in the windows that chose."""
    rows = [
        [str(one["window"]), str(one["variant"]), f"{one['average_precision']:.3f}", f"{one['auc']:.3f}"]
        for one in scored.taught.evidence
    ]
    return table(("window from", "variant", "average precision", "AUC"), rows)


def choices(register: pl.DataFrame, links: pl.DataFrame) -> None:
    """What other settings and rankings give in years before those judged."""
    usual = Settings(windows=0)
    trees = usual.trees
    ways = {
        "trees": (usual, "trees"),
        "blend": (usual, "blend"),
        "linear": (usual, "linear"),
        "trees, 7 years": (replace(usual, training_months=84), "trees"),
        "trees, 31 leaves": (replace(usual, trees=replace(trees, leaves=31)), "trees"),
        "trees, 7 leaves": (replace(usual, trees=replace(trees, leaves=7, iterations=150)), "trees"),
        "trees, slower": (replace(usual, trees=replace(trees, iterations=200, learning_rate=0.04)), "trees"),
    }
    past = history(clean(register, links, until=UNTIL, rules=Rules()))
    rows = []
    for trial in REHEARSALS:
        asked = panel(past, trial.origins[::3], Question())
        employer, event = asked["employer_no"].to_numpy(), asked["event"].to_numpy()
        scores = notice_learning.baselines(asked)
        for name, (settings, variant) in ways.items():
            taught, _ = notice_learning.lesson(past, Question(), until=trial.origins[0], settings=settings)
            scores[name] = notice_learning.fit_variant(taught, variant, settings).probability(asked)
        for name, score in scores.items():
            figures = judge(event, score, employer, resamples=0).figures
            cells = [f"{figures[key].value:.3f}" for key in ("auc", "average_precision", "lift")]
            rows.append([trial.name, name, *cells])
            print(rows[-1], flush=True)
    print(table(("year", "ranking", "AUC", "average precision", "lift at 5 %"), rows))


def report(register: pl.DataFrame, links: pl.DataFrame, trial: Trial) -> Outcome:
    """Say every table of a trial; gives the rows judged."""
    started = perf_counter()
    scored = score_notices(register, links, trial.request(), say=lambda _: None)
    seconds = perf_counter() - started
    taught, found = scored.taught, outcome(scored)
    print(
        f"## {trial.name}\n\n{taught.variant}, taught by {taught.rows} rows, {taught.events} events, "
        f"{len(taught.origins)} origins"
    )
    print(f"{taught.origins[0]:%Y-%m} … {taught.origins[-1]:%Y-%m}; {seconds:.0f} s for all of it\n")
    print(evidence_table(scored))
    print(main_table(found))
    print("### Recent filers only\n\n" + memory_table(found))
    print("### Month by month\n\n" + month_table(found))
    print("### Probabilities\n\n" + reliability_table(found))
    chance = found.score("probability")
    skill = validate.measures(found.event, np.zeros(len(chance), dtype=np.int64), chance, capacity=1).brier_skill
    print(f"mean {chance.mean():.4f}, observed {found.event.mean():.4f}, Brier skill {skill:.3f}\n")
    same = replace(Settings(), windows=0, variants=(taught.variant,))

    def otherwise(known: pl.DataFrame | None = links, **changes: object) -> Outcome:
        return outcome(score_notices(register, known, trial.request(settings=same, **changes), say=lambda _: None))

    feigned = otherwise(rules=Rules(removed=()))
    print("### Amendments left in\n\n" + inflation_table(found, feigned))
    lagged = row_of("known after 30 days", otherwise(question=Question(lag_days=30)).judged())
    print("### Publication\n\n" + table(HEADS, [row_of("known the same day", found.judged()), lagged]))
    print("### Without the links\n\n" + table(HEADS, [row_of("by rule alone", otherwise(None).judged())]))
    past = history(scored.register)
    hindsight = row_of("taught by the same months", ceiling(past, trial, taught.variant))
    print("### With hindsight\n\n" + table(HEADS, [hindsight]))
    dealt, true = permuted_auc(past, trial)
    print(f"permuted outcomes: AUC {dealt:.3f} by dealt outcomes, {true:.3f} by true ones")
    print(f"without the future: {future_changes(register, links, scored, trial)} of the first origin's scores change\n")
    return found


def main() -> None:
    """Print the tables and draw the chart."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="default: ../shared/data/warn")
    parser.add_argument("--chart", type=Path, help="where to draw the chart (SVG)")
    parser.add_argument("--trial", choices=[trial.name for trial in TRIALS], help="only this one (no chart)")
    parser.add_argument("--canonical", type=Path, help="only write register.parquet and links.parquet into this folder")
    parser.add_argument("--choices", action="store_true", help="only other settings in years before those judged")
    arguments = parser.parse_args()
    if not (arguments.folder / REGISTER).is_file():
        parser.error(f"no such register: {arguments.folder / REGISTER}")
    register = canonical_register(arguments.folder / REGISTER)
    links = canonical_links(arguments.folder / TWINS)
    if arguments.canonical:
        arguments.canonical.mkdir(parents=True, exist_ok=True)
        register.write_parquet(arguments.canonical / "register.parquet")
        links.write_parquet(arguments.canonical / "links.parquet")
        return
    if arguments.choices:
        choices(register, links)
        return
    counts = counted(clean(register, links, until=UNTIL, rules=Rules()))
    alone = counted(clean(register, None, until=UNTIL, rules=Rules()))
    rows = [[reason, f"{count}", f"{alone[reason]}"] for reason, count in counts.items()]
    print("## The register\n\n" + table(("reason", "with links", "by rule alone"), rows))
    asked = [trial for trial in TRIALS if arguments.trial in {None, trial.name}]
    found = {trial.name: report(register, links, trial) for trial in asked}
    if arguments.chart and len(found) == len(TRIALS):
        arguments.chart.write_text(chart(found, NAMES), encoding="utf-8")


if __name__ == "__main__":
    main()
