"""What past nights saw and what became of it: the panel that a model is taught by.

A past night is not reconstructed by rules of its own: the night's stages run again with the cutoff of that day, so a
training row is what that night would have read. Everything happens in a temporary home that shares landing and ledger
with the real one.
"""

import hashlib
from dataclasses import dataclass, replace
from datetime import date, datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models import labels, rule_score
from models.train import Task
from pipelines import inputs, nightly, purpose
from pipelines import settings as settings_file
from pipelines.contracts import Contracts
from pipelines.errors import ModelLifeError
from pipelines.ledger import Ledger
from pipelines.lunar import month_of_ordinal, ordinal
from pipelines.nightly import Means, Night
from pipelines.parameters import Parameters
from pipelines.run import add_months, end_of, month_of
from pipelines.stages.features.levels import broken, levels

SHARED = ("landing", "ledger.sqlite", "wengang.toml", "models")
STAGES = ("ingest", "core", "features")
MOST_NIGHTS = 36


@dataclass(frozen=True)
class Lesson:
    """A training panel: one row per enterprise and past night, with what became of it.

    ``seen`` is what those nights saw, one row per enterprise and insurance month, also without an insured person.
    """

    panel: pl.DataFrame
    seen: pl.DataFrame
    contracts: Contracts
    parameters: Parameters
    as_of: date

    @property
    def digest(self) -> str:
        """Hash of the panel's content."""
        rows = self.panel.hash_rows(seed=0).to_numpy()
        return hashlib.sha256(rows.tobytes()).hexdigest()[:16]

    @property
    def task(self) -> Task:
        """What is to be foreseen, by the parameters in force."""
        return Task(
            label=self.parameters["model_label"],
            horizon=int(self.parameters["model_horizon_months"]),
            minimum_insured=int(self.parameters["model_minimum_insured"]),
        )


def lesson(means: Means, *, as_of: date, cutoff: datetime | None = None, nights: int | None = None) -> Lesson:
    """What the last ``nights`` monthly nights up to ``as_of`` saw, and what became of each enterprise by ``cutoff``.

    Nights are a month apart. A withdrawal counts backwards: what was taken back teaches nothing. Raises
    ``ModelLifeError`` where no past night has an insurance month, ``PurposeError`` where a feed that came was not
    approved for training or its approval has ended.
    """
    ledger = Ledger(means.home.ledger)
    _require_approval(means, ledger)
    last = cutoff or min(max((d.received_at for d in ledger.deliveries()), default=end_of(as_of)), end_of(as_of))
    through = ledger.last_seq()
    with means.home.borrowed(SHARED) as home:
        taught = replace(means, home=home)
        frames: list[pl.DataFrame] = []
        count = nights or _nights_known(means, as_of)
        for back in range(count - 1, -1, -1):
            day, instant = _back(as_of, back), _back_instant(last, as_of, back)
            with nightly.opened(taught, as_of=day, cutoff=instant, through=through) as opened:
                night = replace(opened, run=replace(opened.run, output=home.root / "output", progress=_silence))
                seen = _seen(night)
                if seen is not None:
                    frames.append(seen)
                means.progress(f"历史夜 {count - back}/{count}：{day}，{0 if seen is None else seen.height} 家")
                if not back:
                    return _labelled(night, frames, as_of=as_of)
    raise ModelLifeError(f"no night before {as_of} to learn from")


def _require_approval(means: Means, ledger: Ledger) -> None:
    feeds = {delivery.feed for delivery in ledger.deliveries() if delivery.status == "accepted"}
    found = purpose.approvals(means.contracts(), settings_file.load(means.home))
    purpose.require(found, feeds, "training", on=means.now.date())


def _silence(_: str) -> None:
    """A past night tells nobody."""


def _seen(night: Night) -> pl.DataFrame | None:
    """What the night read of every enterprise, with the rule score's points; None without an insurance month."""
    for stage in STAGES:
        nightly.do_stage(night, stage)
    frame = inputs.read(night.warehouse).filter(pl.col("reference_month").is_not_null())
    if frame.is_empty():
        return None
    points = rule_score.score(frame, rule_score.rule_set(night.run.parameters.in_force())).score
    return frame.join(points.select("enterprise_no", "points"), on="enterprise_no", how="left").drop("enterprise_no")


def _labelled(night: Night, frames: list[pl.DataFrame], *, as_of: date) -> Lesson:
    """All nights' rows with insured persons, and their outcomes as the last night knows them."""
    if not frames:
        raise ModelLifeError(f"no night before {as_of} has an insurance month to learn from")
    seen = pl.concat(frames, how="vertical_relaxed").with_columns(origin=pl.col("reference_month"))
    latest = seen.unique(["enterprise_id", "origin"], keep="last", maintain_order=True)
    panel = latest.filter(pl.col("insured_persons") > 0)
    joined = panel.join(_outcomes(night, latest), on=["enterprise_id", "origin"], how="inner", maintain_order="left")
    return Lesson(
        panel=joined.sort("origin", "enterprise_no"),
        seen=latest,
        contracts=night.run.contracts,
        parameters=night.run.parameters,
        as_of=as_of,
    )


def _outcomes(night: Night, seen: pl.DataFrame) -> pl.DataFrame:
    """The label columns of every enterprise at every origin of ``seen``, whose transfers are no losses."""
    origins = sorted(seen["origin"].unique().to_list())
    first, last = ordinal(origins[0]), ordinal(origins[-1])
    numbers = night.warehouse.frame("SELECT enterprise_no, enterprise_id FROM core.enterprise ORDER BY enterprise_no")
    found = levels(night.warehouse, first=first, last=last)
    moves = seen.select("enterprise_id", "origin", pl.col("transfer_persons").fill_null(0).alias("persons"))
    moved = _matrix(moves.join(numbers, on="enterprise_id").filter(pl.col("persons") > 0), found.shape, first=first)
    claimed = night.warehouse.frame(
        "SELECT enterprise_no, month AS origin, claim_persons AS persons FROM core.claim_month "
        "WHERE month BETWEEN $first AND $last",
        first=origins[0],
        last=origins[-1],
    )
    claims = _matrix(claimed, found.shape, first=first)
    covered = [month_of_ordinal(first + place) in set(claimed["origin"]) for place in range(found.shape[1])]
    claims[:, ~np.array(covered)] = -1
    parameters = night.run.parameters
    return pl.concat(
        labels.columns(
            found,
            origin=ordinal(origin) - first,
            horizons=[int(h) for h in parameters["label_horizons_months"]],
            labels=labels.labels_of(parameters["labels"]).values(),
            claims=claims,
            moved=moved,
            broken=broken(night.run, found),
        ).with_columns(numbers["enterprise_no"], numbers["enterprise_id"], pl.lit(origin).alias("origin"))
        for origin in origins
    )


def _matrix(frame: pl.DataFrame, shape: tuple[int, ...], *, first: int) -> NDArray[np.int64]:
    """``persons`` of ``frame`` by enterprise_no (row) and origin (column, from the month ``first`` on), 0 elsewhere."""
    dense = np.zeros(shape, dtype=np.int64)
    months = frame["origin"].dt.year().cast(pl.Int64) * 12 + frame["origin"].dt.month() - 1 - first
    dense[frame["enterprise_no"].to_numpy(), months.to_numpy()] = frame["persons"].to_numpy()
    return dense


def _nights_known(means: Means, as_of: date) -> int:
    """Monthly nights since the first delivery, at most ``MOST_NIGHTS``; all of these where a history came in bulk."""
    most = MOST_NIGHTS
    deliveries = Ledger(means.home.ledger).deliveries()
    if any(delivery.dated == "lag" for delivery in deliveries):
        return most
    first = min((delivery.received_at for delivery in deliveries), default=end_of(as_of))
    return max(1, min(most, (as_of.year - first.year) * 12 + as_of.month - first.month + 1))


def _back(day: date, months: int) -> date:
    """``day`` moved back by ``months``, to the month's last day where it has no such day."""
    first = add_months(month_of(day), -months)
    last = (add_months(first, 1) - first).days
    return first.replace(day=min(day.day, last))


def _back_instant(instant: datetime, as_of: date, months: int) -> datetime:
    """The cutoff of the night ``months`` earlier: the same day of its month and time of day."""
    moved = datetime.combine(_back(instant.date(), months), instant.time())
    return min(moved, end_of(_back(as_of, months)))
