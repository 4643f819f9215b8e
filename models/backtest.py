"""What a model would have said of later months: fitted again before each, judged beside rankings without learning.

Every prediction comes from rows whose outcome had matured by then. The report is by size, area and any other group
that the panel names; intervals are over resamples of whole enterprises.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

import numpy as np
import polars as pl

from models import baselines, silence, splits, validate
from models.errors import NothingToLearnError
from models.estimators import Bools, Design, Floats
from models.silence import Standing
from models.train import Settings, Task, fit_variant, say_nothing, with_silence, with_spread
from models.validate import Counts, Interval, Measures
from models.variants import VARIANTS, Judged, spread

BANDS = ((0, 30, "不足30人"), (30, 100, "30—99人"), (100, 300, "100—299人"), (300, 10**9, "300人及以上"))
MODEL = "model"


@dataclass(frozen=True)
class Backtest:
    """Predictions on later months (one row per enterprise and origin asked of), and what they are worth.

    ``predictions`` has the panel's columns, ``probability``, ``expected_loss`` and one column per baseline; ``silent``
    the log-odds of the same rows had a source never come, by source, in all windows that read it.
    """

    predictions: pl.DataFrame
    task: Task
    capacity: int
    silent: pl.DataFrame = field(default_factory=pl.DataFrame)

    @property
    def event(self) -> Bools:
        """Whether each row had the event."""
        return self.task.event(self.predictions)

    @property
    def lost(self) -> Counts:
        """Persons lost in each row."""
        return self.task.lost(self.predictions)

    @property
    def rankings(self) -> dict[str, Floats]:
        """The model's probability and every baseline, the higher the more at risk."""
        return {MODEL: self.predictions["probability"].to_numpy()} | baselines.scores(self.predictions)

    def measures(self) -> dict[str, Measures]:
        """Measures of the model and of each baseline, whose score is no probability: its Brier means nothing."""
        size = self.capacity * self.predictions["origin"].n_unique()
        return {
            name: validate.measures(self.event, self.lost, score, capacity=size)
            for name, score in self.rankings.items()
        }

    def best_baseline(self) -> tuple[str, float]:
        """The baseline with the highest average precision; ("", 0.0) where the panel fills none."""
        found = {name: one.average_precision for name, one in self.measures().items() if name != MODEL}
        return max(found.items(), key=lambda item: (item[1], item[0]), default=("", 0.0))

    def gain(self) -> Interval:
        """Average precision of the model over the best baseline's, with its interval."""
        event, rankings = self.event, self.rankings
        other = rankings.get(self.best_baseline()[0], np.zeros(len(event)))

        def difference(rows: Counts) -> float:
            return validate.average_precision(event[rows], rankings[MODEL][rows]) - validate.average_precision(
                event[rows], other[rows]
            )

        return validate.bootstrap(self.predictions["enterprise_no"].to_numpy(), difference)

    def last(self) -> "Backtest":
        """The last window alone, which never chose the variant."""
        chosen = self.predictions["origin"] == self.predictions["origin"].max()
        return replace(self, predictions=self.predictions.filter(chosen), silent=self.silent.filter(chosen))

    def standings(self) -> tuple[Standing, ...]:
        """How calibrated the model stays without each source, among the rows of the windows that read it."""
        found = []
        for source in self.silent.columns:
            log_odds = self.silent[source].to_numpy()
            read = ~np.isnan(log_odds)
            found.append(silence.standing(source, self.event[read], log_odds[read]))
        return tuple(found)

    def by_group(self, column: pl.Series) -> dict[str, Measures]:
        """The model's measures within each group of ``column``."""
        share = self.capacity * self.predictions["origin"].n_unique() / max(self.predictions.height, 1)
        return validate.by_group(self.event, self.lost, self.rankings[MODEL], column, capacity_share=share)

    def sizes(self) -> pl.Series:
        """Size band of each row by insured persons."""
        insured = pl.col("insured_persons")
        band = pl.lit(None, dtype=pl.String)
        for low, high, name in BANDS:
            band = pl.when((insured >= low) & (insured < high)).then(pl.lit(name)).otherwise(band)
        return self.predictions.select(band.alias("size")).to_series()


def run(
    panel: pl.DataFrame,
    *,
    task: Task,
    design: Design,
    settings: Settings,
    variant: str,
    is_calibrated: bool,
    capacity: int,
    say: Callable[[str], None] = say_nothing,
) -> Backtest:
    """Predict each of the last windows with ``variant`` fitted on what had matured before it.

    ``capacity`` is the number of enterprises that officers can visit per origin. Raises
    ``NothingToLearnError`` where no window has anything to learn from.
    """
    chosen = next(one for one in VARIANTS if one.name == variant)
    rows = task.rows(panel, minimum=settings.training_minimum)
    parts: list[pl.DataFrame] = []
    silent: list[pl.DataFrame] = []
    earlier: list[Judged] = []
    for split in splits.rolling(rows["origin"].unique().to_list(), horizon=task.horizon, windows=settings.windows):
        before = rows.filter(pl.col("origin").is_in(list(split.train)))
        asked = rows.filter((pl.col("origin") == split.test) & (pl.col("insured_persons") >= task.minimum_insured))
        if not task.event(before).any() or asked.is_empty():
            continue
        model = fit_variant(before, chosen, task=task, design=design, settings=settings)
        raw = model.log_odds(model.values(asked))
        if is_calibrated and earlier:
            model = with_spread(model, before, slope=spread(earlier), task=task, settings=settings)
        model = with_silence(model, before, task=task, design=design, settings=settings)
        silent.append(pl.DataFrame(dict(silence.without_each(model, model.values(asked), design.sources))))
        earlier.append(Judged(split.test, raw, task.event(asked)))
        parts.append(pl.concat([asked, model.score(asked)], how="horizontal"))
        say(f"{split.test:%Y-%m}: {asked.height} rows")
    if not parts:
        raise NothingToLearnError(f"no later month to judge {task.label} at {task.horizon} months by: a short panel")
    without = pl.concat(silent, how="diagonal").fill_null(float("nan"))
    return Backtest(predictions=pl.concat(parts), task=task, capacity=capacity, silent=without)


def as_facts(
    backtest: Backtest, groups: Mapping[str, pl.Series], *, sources: Mapping[str, str] | None = None
) -> dict[str, object]:
    """The figures as plain values, for a manifest or a page.

    ``groups`` are further columns to judge by, ``sources`` the words for the sources that may be silent.
    """
    words = sources or {}
    found = backtest.measures()
    best, best_precision = backtest.best_baseline()
    gain = backtest.gain()
    return {
        "windows": [f"{month:%Y-%m}" for month in sorted(backtest.predictions["origin"].unique().to_list())],
        "measures": {name: _facts(one) for name, one in found.items()},
        "best_baseline": best,
        "best_baseline_average_precision": best_precision,
        "gain": [gain.value, gain.low, gain.high],
        "groups": {
            name: {key: _facts(one) for key, one in backtest.by_group(column).items()}
            for name, column in {"size": backtest.sizes(), **groups}.items()
        },
        "reliability": validate.reliability(backtest.event, backtest.rankings[MODEL]).to_dicts(),
        "last_window": {name: _facts(one) for name, one in backtest.last().measures().items()},
        "silence": [asdict(one) | {"name": words.get(one.source, one.source)} for one in backtest.standings()],
    }


def _facts(one: Measures) -> dict[str, float | int]:
    return {
        "rows": one.rows,
        "base_rate": one.base_rate,
        "average_precision": one.average_precision,
        "auc": one.auc,
        "brier": one.brier,
        "brier_skill": one.brier_skill,
        "lift": one.lift,
        "listed": one.listed.size,
        "precision": one.listed.precision,
        "jobs_recall": one.listed.jobs_recall,
    }


def beats_baselines(facts: Mapping[str, object]) -> bool:
    """Whether a model may be promoted: its gain over the best baseline is above zero over the whole interval."""
    gain = facts["gain"]
    return isinstance(gain, Sequence) and float(gain[1]) > 0
