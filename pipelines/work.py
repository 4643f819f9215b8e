"""How the work of a night is handed out: one task over many parts, wherever they are computed, results in their order.

A task is a pure function of its part and of what it carries; it may be called again for a part whose result was lost.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

Part = TypeVar("Part")
Result = TypeVar("Result")


class Engine(Protocol):
    """Where parts are computed. ``part_size`` is how many enterprises a part should hold there."""

    @property
    def part_size(self) -> int:
        """A multiple of the rows that the month slabs keep together, so that parts share no group of rows."""
        ...

    def each(self, task: Callable[[Part], Result], parts: Sequence[Part]) -> Iterator[Result]:
        """The result of ``task`` for each of ``parts``, in their order; both travel to other processes.

        What a task raises is raised here.
        """
        ...
