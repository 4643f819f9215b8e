"""Which cells of a published table are left out, so that none of few enterprises can be worked out from the totals.

A table is a total and its parts. Small parts are hidden; then more, until what is hidden cannot be told apart: two
parts at least that are not empty, together neither of few enterprises nor of few persons nor mostly one enterprise,
and of more enterprises than parts, else each would have one. Empty parts hide nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ENTERPRISES, PERSONS, DOMINANCE = 3, 10, 0.85
"""Where an edition holds no parameters: enterprises and persons below which a cell is small, and the share of its
persons from which one enterprise dominates it. Assumptions."""


@dataclass(frozen=True)
class Cell:
    """Enterprises and persons of a part; ``largest`` are the persons of its largest enterprise, 0 where not asked."""

    enterprises: int
    persons: int
    largest: int = 0


@dataclass(frozen=True)
class Limits:
    """Below which numbers a cell is small, and from which share of its persons on one enterprise dominates it."""

    enterprises: int
    persons: int
    dominance: float = DOMINANCE

    def is_small(self, cell: Cell) -> bool:
        """Whether the cell is small or one enterprise's own; an empty one is not."""
        return cell.enterprises > 0 and (
            cell.enterprises < self.enterprises
            or cell.persons < self.persons
            or (cell.largest > 0 and cell.largest >= self.dominance * cell.persons)
        )


def hidden(cells: Mapping[str, Cell], limits: Limits) -> frozenset[str]:
    """The parts that are left out: the small ones, then the smallest others until their sum tells of none of them.

    Where all parts together are too few, all of them are left out, and so must be their total.
    """
    held = {name for name, cell in cells.items() if limits.is_small(cell)}
    spare = sorted(
        (name for name, cell in cells.items() if name not in held and cell.enterprises),
        key=lambda name: (cells[name].enterprises, cells[name].persons, name),
    )
    while held and spare and not is_safe({name: cells[name] for name in held}, limits):
        held.add(spare.pop(0))
    return frozenset(held)


def is_safe(held: Mapping[Any, Cell], limits: Limits) -> bool:
    """Whether the sum of what is left out, which totals give away, tells of none of it; nothing left out is safe."""
    if not held:
        return True
    total = Cell(
        sum(cell.enterprises for cell in held.values()),
        sum(cell.persons for cell in held.values()),
        max(cell.largest for cell in held.values()),
    )
    return 1 < len(held) < total.enterprises and not limits.is_small(total)
