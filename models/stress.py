"""Stress tests: what a shock does to each enterprise's chance of a large loss, and to the share of the staff it takes.

A shock is the share of an enterprise's activity that is lost, per channel, between 0 and 1; below 0 it is a relief. It
shifts the log-odds of the event and of the share lost, in proportion: no shock changes no bit, and a larger one never
lowers a figure. An employer that closes loses everyone for certain. Nothing here knows where the figures came from.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.labels import Label, outcome

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

SIZES = (20, 30, 100, 300)
"""Persons at which the classes of staff begin, after the first, by which the past is counted."""
CALM, FALLING = 0, 1


@dataclass(frozen=True)
class Outlook:
    """Per enterprise: chance of a large loss, share of the staff it takes, and persons; arrays (enterprises,)."""

    probability: Floats
    share: Floats
    persons: Ints

    @property
    def jobs(self) -> Floats:
        """Expected jobs lost."""
        return self.probability * self.share * self.persons


@dataclass(frozen=True)
class Reaction:
    """By how much log-odds rise where all activity is lost: of the event for each channel, and of the share lost."""

    odds: Mapping[str, float]
    share: float


@dataclass(frozen=True)
class Rates:
    """What the past months say: chance of the event and mean share lost, by class of staff and recent fall (5, 2)."""

    probability: Floats
    share: Floats
    months: int
    rows: int
    events: int


def stressed(base: Outlook, shocks: Mapping[str, Floats], closed: Bools, reaction: Reaction) -> Outlook:
    """``base`` under ``shocks`` (channel → (enterprises,)), with those ``closed`` gone.

    Raises ``ValueError`` for a shock outside [−1, 1] or a negative reaction.
    """
    if reaction.share < 0 or any(reaction.odds[channel] < 0 for channel in shocks):
        raise ValueError("a reaction is 0 or more: a shock never spares jobs")
    shift, blow = np.zeros(len(base.persons)), np.zeros(len(base.persons))
    for channel, shock in shocks.items():
        if not (np.abs(shock) <= 1).all():
            raise ValueError(f"shocks of {channel} lie between -1 and 1")
        shift += reaction.odds[channel] * shock
        blow += reaction.share * shock
    probability, share = _shifted(base.probability, shift), _shifted(base.share, blow)
    return Outlook(np.where(closed, 1.0, probability), np.where(closed, 1.0, share), base.persons)


def _shifted(chance: Floats, shift: Floats) -> Floats:
    """``chance`` with its log-odds moved by ``shift``; a rounding error moves nothing the wrong way."""
    odds = chance * np.exp(shift)
    moved = odds / (1 - chance + odds)
    bounded = np.where(shift > 0, np.maximum(moved, chance), np.minimum(moved, chance))
    return np.where(shift == 0, chance, bounded)


def trade_lost(change: Floats, response: float, relief: float) -> Floats:
    """Share of a trade lost where its duty rises by ``change`` (1 is 100 points); what returns after a cut is below 0.

    ``response`` is the relative fall of trade per unit of duty for a small rise; ``relief`` is how much of that a cut
    gives back.
    """
    lost = -np.expm1(-response * np.abs(change))
    return np.where(change > 0, lost, -relief * lost) + 0.0


def colours(outlook: Outlook, lines: Mapping[str, tuple[int, int]]) -> Ints:
    """How many of ``lines`` (name → probability in percent, persons; the lightest first) each enterprise reaches.

    Compared as the list does it: whole basis points and tenths of a person. The lines must rise.
    """
    points, tenths = np.round(outlook.probability * 10_000), np.round(outlook.jobs * 10)
    reached = np.zeros(len(points), dtype=np.int64)
    for grade, (percent, persons) in enumerate(lines.values(), start=1):
        reached[(points >= 100 * percent) & (tenths >= 10 * persons)] = grade
    return reached


def base_rates(
    parts: Sequence[tuple[Ints, Bools]], *, months: int, horizon: int, label: Label, fall: float, weight: float
) -> Rates | None:
    """How often ``label`` came true within ``horizon`` of the last ``months`` months that have matured.

    Each of ``parts`` holds insured persons (enterprises, months), negative where unknown, and the months in which
    their coverage breaks. Enterprises whose staff fell by the share ``fall`` in the three months before are counted
    apart. A class with few rows leans on the next larger whole as if it had ``weight`` more rows. None where there was
    no event at all.
    """
    shape = (len(SIZES) + 1, 2)
    rows, events, lost = (np.zeros(shape) for _ in range(3))
    origins = set()
    for insured, broken in parts:
        last = insured.shape[1] - 1 - horizon
        for origin in range(max(last - months + 1, 3), last + 1):
            found = outcome(insured, origin=origin, horizon=horizon, label=label, broken=broken)
            if found.known.any():
                origins.add(origin)
            persons = insured[:, origin]
            cells = (classes(persons), falling(persons, insured[:, origin - 3], fall))
            np.add.at(rows, cells, found.known)
            np.add.at(events, cells, found.event)
            np.add.at(lost, cells, np.where(found.event, found.lost / np.maximum(persons, 1), 0.0))
    if not events.sum():
        return None
    return Rates(
        probability=_leaning(events, rows, weight),
        share=_leaning(lost, events, weight),
        months=len(origins),
        rows=int(rows.sum()),
        events=int(events.sum()),
    )


def _leaning(part: Floats, whole: Floats, weight: float) -> Floats:
    """``part`` over ``whole`` per cell, drawn to that of its class of staff, which is drawn to that of all."""
    everyone = part.sum() / whole.sum()
    own = (part.sum(axis=1) + weight * everyone) / (whole.sum(axis=1) + weight)
    leaning: Floats = (part + weight * own[:, np.newaxis]) / (whole + weight)
    return leaning


def classes(persons: Ints) -> Ints:
    """The class of staff of each enterprise."""
    return np.digitize(persons, SIZES).astype(np.int64)


def falling(persons: Ints, before: Ints, fall: float) -> Ints:
    """``FALLING`` where the staff is ``fall`` of ``before`` or more below it, else ``CALM``, also where unknown."""
    return np.where((before > 0) & (persons >= 0) & (persons <= before * (1 - fall)), FALLING, CALM).astype(np.int64)


def from_rates(rates: Rates, persons: Ints, before: Ints, *, label: Label, fall: float) -> Outlook:
    """What ``rates`` say of enterprises of so many ``persons`` now and three months ``before``.

    Where even the loss of everyone is no event by ``label``, the chance is 0.
    """
    cells = (classes(persons), falling(persons, before, fall))
    can = label.event(persons, persons)
    return Outlook(np.where(can, rates.probability[cells], 0.0), np.minimum(rates.share[cells], 1.0), persons)
