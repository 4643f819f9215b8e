"""Parts computed by processes of this host, each started anew so that nothing of the caller's state goes along."""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

from pipelines.work import Part, Result


@dataclass(frozen=True)
class Processes:
    """``count`` processes; a part is large enough that opening its files is a small share of its cost."""

    count: int
    part_size: int = 16 * 16_384

    def each(self, task: Callable[[Part], Result], parts: Sequence[Part]) -> Iterator[Result]:
        """See ``pipelines.work.Engine``; the task travels once to each process."""
        workers = min(self.count, len(parts))
        if not workers:
            return
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(workers, mp_context=spawn, initializer=_take, initargs=(task,)) as pool:
            yield from pool.map(_done, parts)


_TASK: list[Callable[[Any], Any]] = []


def _take(task: Callable[[Any], Any]) -> None:
    _TASK[:] = [task]


def _done(part: Any) -> Any:
    return _TASK[0](part)
