"""What being listed, and being visited, did: enterprises just within a county's capacity against those just beyond it.

In a month in which a county had more new yellow and blue cases than its officers can visit, rank alone decided who was
listed. The nearer to that cut, the less the two sides differ in anything else (that is checked). Ranks are those
of the issued editions, outcomes what is known now; an outcome that has not matured or is not known is left out, never
taken for no loss.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import polars as pl

from models import discontinuity, labels
from models.discontinuity import Bools, Floats, Ints, Jump, Sample
from models.labels import Label
from pipelines import nightly
from pipelines.contests import Contests, contests
from pipelines.errors import UsageError
from pipelines.ledger import Ledger
from pipelines.lessons import SHARED
from pipelines.lunar import ordinal
from pipelines.nightly import Means, Night
from pipelines.stages import features
from pipelines.stages.features import reach
from pipelines.stages.features.levels import broken, levels

KNOWN, IMMATURE, NO_STAFF, UNKNOWN = "known", "immature", "no_staff", "unknown"
SHARE, KEPT, EVENT = "loss_share_points", "jobs_kept_persons", "event_points"
REACH = 1.0
"""Nobody is listed further from the cut than one capacity, so nobody further beyond it is compared."""
PLACEBO_AT = -0.5
NUDGE = 1e-9
"""Equal stakes are told apart by the number of the enterprise: they lie so far on their own side of the cut."""
STAGES = ("ingest", "core")
COVARIATES = ("log_staff", "points", "earlier_loss_ratio")


@dataclass(frozen=True)
class Side:
    """One side of the cut: candidates, those of known outcome, and how many of these were visited."""

    candidates: int
    known: int
    visited: int


@dataclass(frozen=True)
class Effect:
    """The jump of one outcome at the cut, at half and double its width, and per visited enterprise; None: unknown."""

    at_cut: Jump | None
    half: Jump | None
    double: Jump | None
    per_visit: Jump | None


@dataclass(frozen=True)
class Checks:
    """What should not jump at the cut, and what should: the share that was visited.

    ``by_cell`` is the effect on the loss share with errors by county month instead of by enterprise.
    """

    visited: Jump | None
    balance: Mapping[str, Jump | None]
    outcome_known: Jump | None
    density: Jump | None
    placebo: Jump | None
    by_cell: Jump | None


@dataclass(frozen=True)
class Asked:
    """What is asked: as of which day, over how many insurance months, and which event (its Chinese meaning)."""

    as_of: date
    horizon: int
    meaning: str


@dataclass(frozen=True)
class Impact:
    """All that can be said; ``standings`` count the candidates within reach of the cut by what is known of them."""

    asked: Asked
    contests: Contests
    standings: Mapping[str, int]
    listed: Side
    left_out: Side
    forms: int
    effects: Mapping[str, Effect]
    checks: Checks


def measure(means: Means, *, as_of: date) -> Impact:
    """The impact by all editions and outcomes known on ``as_of``; raises ``UsageError`` for a day that has not come."""
    if as_of > means.now.date():
        raise UsageError(f"{as_of} lies ahead of today, {means.now.date()}: nobody knows what became of anyone then")
    found = contests(means.home, Ledger(means.home.ledger), as_of=as_of)
    with known_now(means, as_of=as_of) as night:
        label = label_of(night)
        horizon = int(night.run.parameters["model_horizon_months"])
        rows = followed(night, found.rows, horizon=horizon, label=label)
        forms = night.warehouse.count("core.follow_up")
    asked = Asked(as_of=as_of, horizon=horizon, meaning=label.meaning)
    return judge(asked, found, rows, forms=forms)


@contextmanager
def known_now(means: Means, *, as_of: date) -> Iterator[Night]:
    """The core tables of all that was known on ``as_of``, in a temporary home that shares landing and ledger."""
    with means.home.borrowed(SHARED) as home:
        borrowed = replace(means, home=home)
        with nightly.opened(borrowed, as_of=as_of, cutoff=None) as opened:
            night = replace(opened, run=replace(opened.run, output=home.root / "output", progress=lambda _: None))
            for stage in STAGES:
                nightly.do_stage(night, stage)
            yield night


def label_of(night: Night) -> Label:
    """The definition of an event that the models foresee."""
    parameters = night.run.parameters
    return labels.labels_of(parameters["labels"])[parameters["model_label"]]


def followed(night: Night, candidates: pl.DataFrame, *, horizon: int, label: Label) -> pl.DataFrame:
    """``candidates`` with what became of each within ``horizon`` insurance months, and whether it was visited by then.

    ``standing`` says whether that is known; where it is, ``staff`` and ``lost`` are persons and ``is_event`` is by
    ``label``. A visit counts from the day of the edition to the end of the last month, whoever made it, and however.
    """
    outcomes = _outcomes(night, candidates["month"].unique().sort().to_list(), horizon=horizon, label=label)
    visits = night.warehouse.frame(
        "SELECT e.enterprise_id, f.visited_on FROM core.follow_up AS f JOIN core.enterprise AS e USING (enterprise_no)"
    )
    until = pl.col("month").dt.offset_by(f"{horizon + 1}mo")
    visited = (
        candidates.select("enterprise_id", "as_of", "month")
        .join(visits, on="enterprise_id")
        .filter((pl.col("visited_on") >= pl.col("as_of")) & (pl.col("visited_on") < until))
        .select("enterprise_id", "month", is_visited=pl.lit(value=True))
        .unique()
    )
    return (
        candidates.join(outcomes, on=["enterprise_id", "month"], how="left", maintain_order="left")
        .join(visited, on=["enterprise_id", "month"], how="left", maintain_order="left")
        .with_columns(pl.col("standing").fill_null(UNKNOWN), pl.col("is_visited").fill_null(value=False))
    )


def _outcomes(night: Night, origins: Sequence[date], *, horizon: int, label: Label) -> pl.DataFrame:
    """What became of every enterprise from each of ``origins`` on, as the labels of the models read it.

    Unknown where coverage broke on the way, in the city or in the enterprise's own county.
    """
    schema = {"enterprise_id": pl.String, "month": pl.Date, "standing": pl.String}
    schema |= {"staff": pl.Int64, "lost": pl.Int64, "is_event": pl.Boolean}
    reached = night.warehouse.scalar("SELECT max(month) FROM core.month_status")
    if not origins or reached is None:
        return pl.DataFrame(schema=schema)
    first = ordinal(origins[0])
    insured = levels(night.warehouse, first=first, last=max(ordinal(reached), ordinal(origins[-1])))
    moved, city = _moved(night, insured, first=first), broken(night.run, insured)
    who = night.warehouse.frame(
        "SELECT enterprise_id, coalesce(county_code, '000000') AS county_code FROM core.enterprise "
        "ORDER BY enterprise_no"
    )
    parts = []
    for code in who["county_code"].unique().sort():
        own = (who["county_code"] == code).to_numpy()
        gaps = city | broken(night.run, insured[own])
        for origin in origins:
            at = ordinal(origin) - first
            found = labels.outcome(insured[own], origin=at, horizon=horizon, label=label, moved=moved[own], broken=gaps)
            standing = _standings(insured[own, at], found.known, is_mature=at + horizon < insured.shape[1])
            columns = {"standing": standing, "staff": insured[own, at], "lost": found.lost, "is_event": found.event}
            parts.append(
                who.filter(pl.Series(own)).select(
                    "enterprise_id", pl.lit(origin).alias("month"), *(pl.Series(n, v) for n, v in columns.items())
                )
            )
    return pl.concat(parts)


def _standings(staff: Ints, known: Bools, *, is_mature: bool) -> list[str]:
    if not is_mature:
        return [IMMATURE] * len(staff)
    return [
        KNOWN if told else NO_STAFF if persons == 0 else UNKNOWN for persons, told in zip(staff, known, strict=True)
    ]


def _moved(night: Night, insured: Ints, *, first: int) -> Ints:
    """Persons who left in a month by a transfer, as known now; of the shape of ``insured``, 0 where no moves came."""
    found = np.zeros_like(insured)
    if not night.warehouse.count("core.labour_flow_month"):
        return found
    tonight, _ = reach.origin_of(night.run, night.warehouse)
    for place in range(1, insured.shape[1]):
        origin = replace(tonight, insurance=first + place, export=None)
        rows = features.training_panel(night.run, night.warehouse, [origin], minimum_insured=0)
        found[rows["enterprise_no"].to_numpy(), place] = rows["transfer_persons"].fill_null(0).to_numpy()
    return found


def judge(asked: Asked, found: Contests, rows: pl.DataFrame, *, forms: int) -> Impact:
    """Estimate every effect and check by ``rows``, which are those of ``found`` as ``followed`` gives them."""
    near = rows.filter(pl.col("place").abs() <= REACH)
    known = near.filter(pl.col("standing") == KNOWN)
    staff, lost = known["staff"].to_numpy(), known["lost"].to_numpy().astype(np.float64)
    outcomes = {
        SHARE: 100 * lost / staff,
        KEPT: -lost,
        EVENT: 100 * known["is_event"].to_numpy().astype(np.float64),
    }
    visited = known["is_visited"].to_numpy().astype(np.float64)
    sample = Sample(known["place"].to_numpy(), outcomes[SHARE], _numbered(known["enterprise_id"]))
    counted = dict(zip(*near["standing"].value_counts().sort("standing"), strict=True))
    return Impact(
        asked=asked,
        contests=found,
        standings=counted,
        listed=_side(near, is_listed=True),
        left_out=_side(near, is_listed=False),
        forms=forms,
        effects={name: _effect(sample.of(values), visited) for name, values in outcomes.items()},
        checks=_checks(sample, visited, known, rows),
    )


def _side(near: pl.DataFrame, *, is_listed: bool) -> Side:
    own = near.filter(pl.col("is_listed") == is_listed)
    known = own.filter(pl.col("standing") == KNOWN)
    return Side(candidates=own.height, known=known.height, visited=int(known["is_visited"].sum()))


def _effect(sample: Sample, visited: Floats) -> Effect:
    width = discontinuity.bandwidth(sample)
    if width is None:
        return Effect(None, None, None, None)
    return Effect(
        at_cut=discontinuity.sharp(sample, width=width),
        half=discontinuity.sharp(sample, width=width / 2),
        double=discontinuity.sharp(sample, width=width * 2),
        per_visit=discontinuity.fuzzy(sample, visited, width=width),
    )


def _checks(sample: Sample, visited: Floats, known: pl.DataFrame, rows: pl.DataFrame) -> Checks:
    width = discontinuity.bandwidth(sample)
    cells = replace(sample, clusters=_numbered(known["county_code"] + known["month"].cast(pl.String)))
    mature = rows.filter((pl.col("place").abs() <= REACH) & (pl.col("standing") != IMMATURE))
    told = (mature["standing"] == KNOWN).to_numpy().astype(np.float64)
    gap = rows["stake_gap"].to_numpy()
    apart = np.where(rows["is_listed"], np.maximum(gap, NUDGE), np.minimum(gap, -NUDGE))
    return Checks(
        visited=discontinuity.sharp(sample.of(100 * visited), width=width),
        balance=discontinuity.balance(sample, {name: known[name].to_numpy() for name in COVARIATES}),
        outcome_known=discontinuity.sharp(
            Sample(mature["place"].to_numpy(), 100 * told, _numbered(mature["enterprise_id"]))
        ),
        density=discontinuity.density(apart),
        placebo=discontinuity.placebo(sample, at=PLACEBO_AT),
        by_cell=discontinuity.sharp(cells, width=width),
    )


def _numbered(names: pl.Series) -> Ints:
    return names.rank("dense").to_numpy().astype(np.int64)
