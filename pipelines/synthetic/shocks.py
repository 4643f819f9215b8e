"""What happens to employers: distress with its signs, sudden ends, recoveries, false beginnings, moves between sisters.

An episode is planned whole, before the months are played; a month asks what it weighs on each employer. Nothing here
is ever delivered: it is the planted truth.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from pipelines.synthetic.calibration import add_months, calibration, month_index, month_of, stream
from pipelines.synthetic.population import NEVER, ORDINARY, Flags, Floats, Ints, Population
from pipelines.synthetic.trade import Trade

SIGNALS = ("orders", "hiring", "high_base", "attrition", "base", "idle", "arrears")
KINDS = ("own", "tariff", "noise", "cluster")
PATTERNS = np.array([[1.0, 0.0, 0.0], [0.6, 0.4, 0.0], [0.5, 0.3, 0.2]])
BEFORE, AFTER = 3, 7
NORMAL_HIGH_BASE = 0.22


@dataclass(frozen=True)
class Episodes:
    """Episodes by position; ``event`` is a month number, at or beyond the last month for those still coming.

    ``ahead`` is by how many months all signs begin earlier than they would by themselves, as where a shock strikes many
    at once and some wait with the cut. ``approved`` is by employer: who may defer contributions without being in
    distress, as the policy of 2025 allowed.
    """

    enterprise: Ints
    event: Ints
    kind: Ints
    sudden: Flags
    recovers: Flags
    closes: Flags
    share: Floats
    pattern: Ints
    force: Floats
    floor: Ints
    signals: NDArray[np.bool_]
    defers: Flags
    notice: Flags
    ahead: Ints
    approved: Flags

    def __len__(self) -> int:
        """Count the episodes."""
        return len(self.enterprise)

    @property
    def real(self) -> Flags:
        """Whether the episode ends in a reduction."""
        return np.asarray(~self.recovers & (self.kind != KINDS.index("noise")))

    def part(self, chosen: Ints, staff: Ints) -> Floats:
        """Part of ``staff`` that the ``chosen`` episodes cut: no fewer than a mass layoff where 30 or more work."""
        base, slope = calibration()["least_cut"]
        least = (base + slope * (1 - self.force[chosen])) / np.maximum(staff, 1)
        share = np.where(staff >= 30, np.maximum(self.share[chosen], least), self.share[chosen])
        return np.asarray(np.minimum(share, 1.0))


@dataclass(frozen=True)
class Pressure:
    """What a month weighs on each employer: factors (1 = nothing) and shares (0 = nothing)."""

    orders: Floats
    hiring: Floats
    high_base: Floats
    attrition: Floats
    base: Floats
    idle: Floats
    arrears: Floats
    deferral: Flags


@dataclass(frozen=True)
class Transfer:
    """Persons moved from one sister to another; no one loses work."""

    month: int
    source: int
    target: int
    share: float
    late: bool


def plan_episodes(population: Population, trade: Trade, *, months: int, first: date, seed: int) -> Episodes:
    """Draw every episode of the city."""
    rng = stream(seed, "episodes")
    enterprise, event, kind, floor = _hazards(population, trade, months, first, rng)
    noise_enterprise, noise_event = _noise(population, months, rng)
    every = np.concatenate([enterprise, noise_enterprise])
    kinds = np.concatenate([kind, np.full(len(noise_enterprise), KINDS.index("noise"))])
    floors = np.concatenate([floor, np.full(len(noise_enterprise), -NEVER)])
    numbers, count = calibration(), len(every)
    is_noise = kinds == KINDS.index("noise")
    recovers = ~is_noise & (rng.random(count) < numbers["recover_share"])
    sudden = ~is_noise & ~recovers & (rng.random(count) < numbers["sudden_share"])
    closing = np.where(sudden, numbers["closure_share"]["sudden"], numbers["closure_share"]["warned"])
    closes = ~is_noise & ~recovers & (rng.random(count) < closing * (population.staff[every] < 400))
    low, high = numbers["cut_share"]
    exports = trade.customs_of[every] >= 0
    return Episodes(
        enterprise=every,
        event=np.concatenate([event, noise_event]),
        kind=kinds,
        sudden=sudden,
        recovers=recovers,
        closes=closes,
        share=np.where(closes, 1.0, low + (high - low) * rng.beta(1.1, 1.9, count)),
        pattern=rng.choice(3, size=count, p=[0.5, 0.3, 0.2]),
        force=np.where(is_noise, rng.uniform(0.3, 0.8, count), rng.uniform(0.45, 1.0, count)),
        floor=floors,
        signals=signals(count, is_noise, sudden, exports, rng),
        defers=~is_noise & (trade.us_share[every] > 0.05) & (rng.random(count) < numbers["deferral_share"]),
        notice=~is_noise & ~recovers & (rng.random(count) < numbers["notice_share"]),
        ahead=np.zeros(count, dtype=np.int64),
        approved=(trade.us_share > 0.1) & (rng.random(population.enterprises) < numbers["approved_share"]),
    )


def signals(count: int, is_noise: Flags, sudden: Flags, exports: Flags, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Draw which of ``SIGNALS`` each of ``count`` episodes shows: one or two where it is noise, none where sudden."""
    shares = np.array([calibration()["signals"][name]["share"] for name in SIGNALS])
    shown = rng.random((count, len(SIGNALS))) < shares
    single = rng.integers(1, len(SIGNALS), size=(count, 2))
    few = np.zeros_like(shown)
    few[np.arange(count), single[:, 0]] = True
    few[np.arange(count), single[:, 1]] |= rng.random(count) < 0.3
    shown = np.where(is_noise[:, None], few, shown)
    shown[:, SIGNALS.index("orders")] &= exports
    shown[sudden] = False
    return shown


def _hazards(
    population: Population, trade: Trade, months: int, first: date, rng: np.random.Generator
) -> tuple[Ints, Ints, Ints, Ints]:
    """One real episode at most per employer: its month, kind and the earliest month of its signs."""
    numbers = calibration()
    staff = population.staff
    calm = np.where(staff >= 30, numbers["calm_hazard_pct"], np.where(staff >= 10, numbers["small_hazard_pct"], 0.0))
    calm = calm / 100 / (1 - numbers["recover_share"]) * (population.kind == ORDINARY) * (population.parent < 0)
    exposure = np.minimum(trade.us_share / numbers["exposure_full"], 1.0)
    soonest, latest = numbers["shock_months"]
    free = np.ones(population.enterprises, dtype=bool)
    found: list[tuple[Ints, Ints, Ints, Ints]] = []
    for month in range(-BEFORE, months + AFTER):
        force, floor = 0.0, -NEVER
        for start, size in numbers["shocks"].items():
            since = month - month_index(month_of(start), first)
            if soonest <= since <= latest:
                force, floor = max(force, size), month - since
        extra = calm * exposure * numbers["exposed_multiplier"] * force
        settled = (population.birth < 0) | (population.birth < month - 8)
        fit = free & settled & (population.death > month + 4)
        struck = np.flatnonzero(fit & (rng.random(population.enterprises) < calm + extra))
        by_tariff = (
            rng.random(len(struck)) < np.divide(extra, calm + extra, where=calm > 0, out=np.zeros_like(calm))[struck]
        )
        free[struck] = False
        found.append(
            (struck, np.full(len(struck), month), by_tariff.astype(np.int64), np.where(by_tariff, floor, -NEVER))
        )
    enterprise, event, kind, floors = (np.concatenate(column) for column in zip(*found, strict=True))
    return enterprise, event, kind, floors


def _noise(population: Population, months: int, rng: np.random.Generator) -> tuple[Ints, Ints]:
    found = []
    for month in range(0, months + 4):
        settled = (population.birth < 0) | (population.birth < month - 4)
        fit = (population.staff >= 8) & settled & (population.kind == ORDINARY)
        struck = np.flatnonzero(fit & (rng.random(population.enterprises) < calibration()["noise_pct"] / 100))
        found.append((struck, np.full(len(struck), month)))
    enterprise, event = (np.concatenate(column) for column in zip(*found, strict=True))
    return enterprise, event


def pressure(episodes: Episodes, month: int, *, enterprises: int, first: date) -> Pressure:
    """Sum up what ``month`` weighs on each of ``enterprises`` employers."""
    weight = {name: _weight(episodes, month, number) for number, name in enumerate(SIGNALS)}
    after = episodes.real & (month >= episodes.event) & (month < episodes.event + 6)
    recent = after & (month < episodes.event + 3)
    stop = np.maximum(weight["hiring"], np.where(recent, 0.9, np.where(after, 0.5, 0.0)))
    opened, closed = (month_of(m) for m in calibration()["deferral_months"])
    in_time = opened <= add_months(first, month) <= closed
    defers = episodes.defers & (weight["arrears"] > 0) & in_time

    def product(values: Floats) -> Floats:
        combined = np.ones(enterprises)
        np.multiply.at(combined, episodes.enterprise, values)
        return combined

    def largest(values: Floats) -> Floats:
        combined = np.zeros(enterprises)
        np.maximum.at(combined, episodes.enterprise, values)
        return combined

    return Pressure(
        orders=product(1 - 0.6 * np.maximum(weight["orders"], np.where(recent, 0.5, 0.0))),
        hiring=product(1 - stop),
        high_base=NORMAL_HIGH_BASE + largest(0.35 * weight["high_base"]),
        attrition=product(1 + 1.3 * weight["attrition"]),
        base=product(1 - 0.22 * weight["base"]),
        idle=largest(0.22 * weight["idle"]),
        arrears=largest(weight["arrears"] * ~defers),
        deferral=(largest(defers.astype(float)) > 0) | (episodes.approved & in_time),
    )


def _weight(episodes: Episodes, month: int, signal: int) -> Floats:
    """Force of one sign in ``month``: grows to the event, holds after a real one, fades when nothing comes."""
    name = SIGNALS[signal]
    lead = calibration()["signals"][name]["lead"]
    to_event = month - episodes.event
    start = np.maximum(episodes.event - lead - episodes.ahead, episodes.floor)
    length = np.maximum(episodes.event - start, 1)
    growing = np.clip((month - start + 1) / length, 0.0, 1.0) * 0.6 + 0.4
    held = np.where(episodes.real, to_event <= 2, to_event <= 0)
    active = (month >= start) & ((to_event < 0) | held) & episodes.signals[:, signal]
    return np.where(active, growing * episodes.force, 0.0)


def plan_transfers(population: Population, *, months: int, seed: int) -> list[Transfer]:
    """Draw moves between sisters of a group, month by month."""
    rng = stream(seed, "transfers")
    found = []
    order = np.argsort(population.group, kind="stable")
    order = order[population.group[order] >= 0]
    starts = np.unique(population.group[order], return_index=True)[1]
    for members in np.split(order, starts[1:]):
        for month in np.flatnonzero(rng.random(months) < calibration()["transfer_pct"] / 100):
            source, target = rng.choice(members, size=2, replace=False)
            whole = rng.random() < 0.3
            share = 1.0 if whole else float(rng.uniform(0.3, 0.8))
            found.append(Transfer(int(month), int(source), int(target), share, bool(rng.random() < 0.3)))
            if whole:
                break
    return sorted(found, key=lambda transfer: (transfer.month, transfer.source))
