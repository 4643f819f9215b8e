"""What a model said of the enterprises of a panel against what became of them: every figure of the validation report.

Pure: one row per enterprise and origin in, plain values out. Rows of small groups are put together, so that no figure
speaks of one enterprise. A figure that the rows cannot tell is nan, never 0.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl

from models import validate
from models.validate import Bools, Counts, Floats, Interval

MODEL = "model"
SHARES = (0.01, 0.05, 0.10)
LIST_SHARE = 0.05
FEWEST_ROWS = 100
OTHER = "other"
BANDS = ((0, 20, "<20"), (20, 50, "20-49"), (50, 250, "50-249"), (250, 10**9, "≥250"))
NEAR = 0.5
DEEP = 0.20
CELLS = 4
RESAMPLES = 200


@dataclass(frozen=True)
class Judged:
    """Scores and outcomes, one row per enterprise and origin.

    ``rows`` has enterprise_no, origin, insured, event, lost (persons), needed (persons that make an event), event_month
    (ordinal of the first month that shows the event, −1 without), industry, area, is_seen (in training).

    ``rankings`` hold one score per row, the higher the more at risk; that of ``MODEL`` is its probability.
    """

    rows: pl.DataFrame
    rankings: Mapping[str, Floats]

    @property
    def event(self) -> Bools:
        """Whether each row had the event."""
        return self.rows["event"].to_numpy()

    @property
    def lost(self) -> Counts:
        """Persons lost in each row."""
        return self.rows["lost"].to_numpy()

    @property
    def probability(self) -> Floats:
        """The model's probability."""
        return self.rankings[MODEL]

    def where(self, chosen: Bools) -> "Judged":
        """The rows that are ``chosen``."""
        return Judged(self.rows.filter(pl.Series(chosen)), {n: score[chosen] for n, score in self.rankings.items()})


def all_figures(judged: Judged) -> dict[str, Any]:
    """Every figure that the rows themselves tell, as plain values."""
    best = best_baseline(judged)
    return {
        "rows": judged.rows.height,
        "enterprises": judged.rows["enterprise_no"].n_unique(),
        "events": int(judged.event.sum()),
        "rankings": {name: ranking(judged, score) for name, score in judged.rankings.items()},
        "best_baseline": best,
        "intervals": intervals(judged, best),
        **calibration(judged),
        "reliability": validate.reliability(judged.event, judged.probability).to_dicts(),
        "groups": groups(judged),
        "lead": lead(judged),
        "errors": errors(judged),
        "curves": curves(judged, [MODEL, *([best] if best else [])]),
    }


def ranking(judged: Judged, score: Floats) -> dict[str, Any]:
    """AUC, average precision and the lists of several lengths by ``score``."""
    rate = float(judged.event.mean()) if judged.rows.height else float("nan")
    lists = {}
    for share in SHARES:
        found = validate.measure_list(_listed(score, share), judged.event, judged.lost)
        lift = found.precision / rate if rate > 0 else float("nan")
        lists[f"{share:g}"] = {**asdict(found), "lift": lift}
    return {
        "auc": validate.auc(judged.event, score),
        "average_precision": validate.average_precision(judged.event, score),
        "lists": lists,
    }


def best_baseline(judged: Judged) -> str:
    """The ranking without learning that has the highest average precision; empty where there is none."""
    found = {
        name: validate.average_precision(judged.event, score)
        for name, score in judged.rankings.items()
        if name != MODEL
    }
    return max(found, key=lambda name: (found[name], name), default="")


def intervals(judged: Judged, best: str) -> dict[str, list[float]]:
    """The model's main figures, and its gain in average precision over ``best``: value, low, high by enterprise."""
    event, chance = judged.event, judged.probability
    numbers = judged.rows["enterprise_no"].to_numpy()

    def precision_at(rows: Counts) -> float:
        return float(event[rows][_listed(chance[rows], LIST_SHARE)].mean())

    def gain(rows: Counts) -> float:
        other = judged.rankings[best]
        return validate.average_precision(event[rows], chance[rows]) - validate.average_precision(
            event[rows], other[rows]
        )

    asked: dict[str, Callable[[Counts], float]] = {
        "auc": lambda rows: validate.auc(event[rows], chance[rows]),
        "average_precision": lambda rows: validate.average_precision(event[rows], chance[rows]),
        "precision": precision_at,
        "brier_skill": lambda rows: brier_skill(event[rows], chance[rows]),
        "difference": lambda rows: float(chance[rows].mean() - event[rows].mean()),
    }
    if best:
        asked["gain"] = gain
    return {name: _triple(validate.bootstrap(numbers, one, resamples=RESAMPLES)) for name, one in asked.items()}


def calibration(judged: Judged) -> dict[str, float]:
    """Mean probability and observed rate, Brier score and the part of the base rate's that it saves."""
    event, chance = judged.event, judged.probability
    return {
        "predicted": float(chance.mean()) if len(chance) else float("nan"),
        "observed": float(event.mean()) if len(event) else float("nan"),
        "brier": validate.brier(event, chance),
        "brier_skill": brier_skill(event, chance),
        "calibration_error": validate.calibration_error(event, chance),
    }


def brier_skill(event: Bools, chance: Floats) -> float:
    """Part of the Brier score of the base rate that ``chance`` saves; nan without both outcomes."""
    rate = float(event.mean()) if len(event) else float("nan")
    spread = rate * (1 - rate)
    return 1 - validate.brier(event, chance) / spread if spread > 0 else float("nan")


def groups(judged: Judged) -> dict[str, list[dict[str, Any]]]:
    """Figures by size band, industry, area and month of the origin, each with its share of the list."""
    columns = {
        "size": _bands(judged.rows["insured"]),
        "industry": judged.rows["industry"].fill_null(""),
        "area": judged.rows["area"].fill_null(""),
        "month": judged.rows["origin"].dt.strftime("%Y-%m"),
    }
    return {kind: _by_group(judged, column) for kind, column in columns.items()}


def lead(judged: Judged) -> dict[str, Any]:
    """Months between an enterprise's first listing (among the first 5 % of an origin) and the month of its event.

    An enterprise counts once, with its first event after an origin asked about.
    """
    rows = judged.rows.with_columns(
        month=pl.col("origin").dt.year().cast(pl.Int64) * 12 + pl.col("origin").dt.month() - 1,
        chance=pl.Series(judged.probability),
    )
    numbers = rows["enterprise_no"].unique().sort()
    place = np.searchsorted(numbers.to_numpy(), rows["enterprise_no"].to_numpy())
    happened = np.full(len(numbers), -1, dtype=np.int64)
    found = rows["event_month"].to_numpy()
    for at in np.flatnonzero(found >= 0):
        earlier = happened[place[at]]
        happened[place[at]] = found[at] if earlier < 0 else min(earlier, found[at])
    listed: dict[int, Bools] = {}
    for month in rows["month"].unique().sort().to_list():
        own = (rows["month"] == month).to_numpy()
        on_list = np.zeros(len(numbers), dtype=np.bool_)
        on_list[place[own]] = _listed(rows["chance"].to_numpy()[own], LIST_SHARE)
        listed[int(month)] = on_list
    months = validate.lead_months(listed, happened)
    with_event, in_time = happened >= 0, months >= 1
    return {
        "enterprises_with_event": int(with_event.sum()),
        "listed_before": int((with_event & in_time).sum()),
        "by_months": {str(m): int((months == m).sum()) for m in range(1, int(months.max(initial=0)) + 1)},
        "median": float(np.median(months[with_event & in_time])) if (with_event & in_time).any() else float("nan"),
    }


def errors(judged: Judged) -> dict[str, Any]:
    """False alarms of the list of 5 %, events outside the first fifth, and the cells that are farthest off."""
    event, needed, lost = judged.event, judged.rows["needed"].to_numpy(), judged.lost
    listed, first_fifth = _listed(judged.probability, LIST_SHARE), _listed(judged.probability, DEEP)
    false, missed = listed & ~event, event & ~first_fifth
    near = false & (lost >= NEAR * needed)
    small = judged.rows["insured"].to_numpy() < BANDS[0][1]
    return {
        "listed": int(listed.sum()),
        "false": int(false.sum()),
        "false_near": int(near.sum()),
        "false_none_lost": int((false & (lost == 0)).sum()),
        "missed": int(missed.sum()),
        "missed_small": int((missed & small).sum()),
        "events_small": int((event & small).sum()),
        "missed_barely": int((missed & (lost == needed)).sum()),
        "missed_jobs_share": _ratio(float(lost[missed].sum()), float(lost[event].sum())),
        "missed_share": _ratio(float(missed.sum()), float(event.sum())),
        "cells": _cells(judged),
    }


def curves(judged: Judged, names: Sequence[str]) -> dict[str, list[tuple[float, float]]]:
    """Precision of the list by its length as a share of all rows, for each of the rankings ``names``."""
    steps = [share / 200 for share in range(1, 61)]
    return {
        name: [(share, _precision(judged.event, judged.rankings[name], share)) for share in steps] for name in names
    }


def _by_group(judged: Judged, column: pl.Series) -> list[dict[str, Any]]:
    names = _merged(column).to_numpy()
    found = []
    for name in sorted(set(names.tolist()), key=lambda one: (one == OTHER, one)):
        own = judged.where(names == name)
        listed = validate.measure_list(_listed(own.probability, LIST_SHARE), own.event, own.lost)
        found.append(
            {
                "group": name,
                "rows": own.rows.height,
                "events": int(own.event.sum()),
                **calibration(own),
                "auc": validate.auc(own.event, own.probability),
                "average_precision": validate.average_precision(own.event, own.probability),
                "precision": listed.precision,
                "jobs_recall": listed.jobs_recall,
                "reliability": validate.reliability(own.event, own.probability, bins=3).to_dicts(),
            }
        )
    return found


def _merged(column: pl.Series) -> pl.Series:
    """``column`` with groups of fewer than ``FEWEST_ROWS`` rows, and the nameless one, under one name."""
    frame = column.cast(pl.String).alias("group").to_frame()
    is_small = (pl.len().over("group") < FEWEST_ROWS) | (pl.col("group") == "")
    return frame.select(pl.when(is_small).then(pl.lit(OTHER)).otherwise("group").alias("group")).to_series()


def _bands(insured: pl.Series) -> pl.Series:
    found = np.full(len(insured), OTHER, dtype=object)
    for low, high, name in BANDS:
        found[((insured >= low) & (insured < high)).to_numpy()] = name
    return pl.Series("group", found.tolist(), dtype=pl.String)


def _cells(judged: Judged) -> list[dict[str, Any]]:
    """The industries and months in which the mean probability is farthest from what happened, in standard errors."""
    frame = pl.DataFrame(
        {
            "industry": _merged(judged.rows["industry"].fill_null("")),
            "month": judged.rows["origin"].dt.strftime("%Y-%m"),
            "chance": judged.probability,
            "event": judged.event,
        }
    )
    spread = (pl.col("chance") * (1 - pl.col("chance"))).sum().sqrt()
    cells = (
        frame.group_by("industry", "month")
        .agg(
            pl.len().alias("rows"),
            pl.col("chance").mean().alias("predicted"),
            pl.col("event").mean().alias("observed"),
            ((pl.col("event").sum() - pl.col("chance").sum()) / spread).alias("errors"),
        )
        .filter(pl.col("rows") >= FEWEST_ROWS)
        .sort(pl.col("errors").abs(), "industry", "month", descending=[True, False, False])
    )
    return cells.head(CELLS).to_dicts()


def _listed(score: Floats, share: float) -> Bools:
    return validate.top(score, int(len(score) * share))


def _precision(event: Bools, score: Floats, share: float) -> float:
    listed = _listed(score, share)
    return float(event[listed].mean()) if listed.any() else float("nan")


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")


def _triple(found: Interval) -> list[float]:
    return [found.value, found.low, found.high]
