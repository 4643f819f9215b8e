"""Parts computed on this host: one after another in the caller's own process, or by several processes.

Those are started anew, so that nothing of the caller's state goes along.
"""

import multiprocessing
import pickle
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from pipelines.facts import BUCKET_SIZE
from pipelines.work import Part, Result


@dataclass(frozen=True)
class Here:
    """The caller's own process."""

    part_size: int = BUCKET_SIZE

    def each(self, task: Callable[[Part], Result], parts: Sequence[Part]) -> Iterator[Result]:
        """See ``pipelines.work.Engine``."""
        return map(task, parts)


@dataclass(frozen=True)
class Processes:
    """``count`` processes; a part is large enough that opening its files is a small share of its cost.

    They begin with the first task and end with this process: importing what a task needs costs more than a small part.
    """

    count: int
    part_size: int = BUCKET_SIZE

    def each(self, task: Callable[[Part], Result], parts: Sequence[Part]) -> Iterator[Result]:
        """See ``pipelines.work.Engine``; the task is unpacked once in each process."""
        with tempfile.NamedTemporaryFile(suffix=".task") as written:
            pickle.dump(task, written)
            written.flush()
            yield from self._pool.map(partial(_done, Path(written.name)), parts)

    @cached_property
    def _pool(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(self.count, mp_context=multiprocessing.get_context("spawn"))


_TASK: dict[Path, Callable[[Any], Any]] = {}


def _done(task: Path, part: Any) -> Any:
    """The result of a part; ``task`` is a file that this program wrote."""
    if task not in _TASK:
        _TASK.clear()
        _TASK[task] = pickle.loads(task.read_bytes())  # noqa: S301  of the process that started this one
    return _TASK[task](part)
