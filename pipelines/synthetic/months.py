"""A month of the city as it was, and the diary of what happened in it: what every department writes from.

Nothing here decides anything; the history does.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from pipelines.synthetic.population import Flags, Ints
from pipelines.synthetic.shocks import Pressure

INSURANCES = ("pension", "unemployment", "injury")


@dataclass(frozen=True)
class Month:
    """One month by insured unit; ``alive`` by employer says who may still trade, ``seen`` which units report.

    ``cut`` are leavers of an episode, ``moved_out`` and ``moved_in`` persons who went to a sister: no layoff.
    """

    number: int
    month: date
    insured: Ints
    joiners: Ints
    leavers: Ints
    high_base_leavers: Ints
    cut: Ints
    moved_out: Ints
    moved_in: Ints
    base_fen: Ints
    due: Mapping[str, Ints]
    paid: Mapping[str, Ints]
    deferred: Mapping[str, Ints]
    seen: Flags
    alive: Flags
    weight: Pressure


@dataclass(frozen=True)
class Move:
    """Persons who leave one unit for another in month ``number``; ``later`` of them arrive a month after."""

    number: int
    source: int
    target: int
    persons: int
    later: int


@dataclass
class Diary:
    """What happened, as lists of rows for the planted truth."""

    events: list[dict[str, object]] = field(default_factory=list)
    transfers: list[dict[str, object]] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    ends: list[dict[str, object]] = field(default_factory=list)
