"""Parts computed by the executors of an Apache Spark cluster, which may be lost and started again on the way.

Spark stays in an environment of its own (``SPARK_HOME``): it is found there when it is asked for, and only here. The
Python of the executors is this one, at the same path on every host, with this package in it; or the one that the option
``spark.pyspark.python`` names, such as that of a packed environment which ``spark.archives`` hands out.
"""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from pipelines.errors import SettingsError
from pipelines.facts import ROWS_PER_GROUP
from pipelines.work import Part, Result

LIBRARIES = "python/lib/*.zip"
PYTHON = "spark.pyspark.python"
DEFAULTS = {
    "spark.python.worker.reuse": "true",
    "spark.log.level": "ERROR",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.eventLog.enabled": "false",
    "spark.task.maxFailures": "8",
    "spark.executorEnv.MALLOC_ARENA_MAX": "2",
    "spark.executorEnv.OMP_NUM_THREADS": "1",
    "spark.executorEnv.POLARS_MAX_THREADS": "1",
}
"""A task whose executor or Python process died is done again, up to eight times; one thread for each task."""


@dataclass(frozen=True)
class Spark:
    """The cluster at ``master``, reached with the Spark of ``home``; ``options`` are further ones of Spark by name."""

    master: str
    home: Path
    part_size: int = 2 * ROWS_PER_GROUP
    options: dict[str, str] = field(default_factory=dict)

    def each(self, task: Callable[[Part], Result], parts: Sequence[Part]) -> Iterator[Result]:
        """See ``pipelines.work.Engine``; the task travels once to each executor, the results come when all are done."""
        if not parts:
            return
        context = self._session().sparkContext
        travelling = context.broadcast(task)
        try:
            yield from context.parallelize(parts, len(parts)).map(partial(_done, travelling)).collect()
        finally:
            travelling.destroy()

    def close(self) -> None:
        """Give the executors back; the next task begins a session anew."""
        self._session().stop()

    def _session(self) -> Any:
        """The session of this process, begun when it is first needed."""
        for library in sorted(self.home.glob(LIBRARIES)):
            if str(library) not in sys.path:
                sys.path.append(str(library))
        os.environ |= {"SPARK_HOME": str(self.home), "PYSPARK_PYTHON": self.options.get(PYTHON, sys.executable)}
        try:
            from pyspark.sql import SparkSession  # noqa: PLC0415  of SPARK_HOME, where there is one
        except ImportError as error:
            raise SettingsError([f"engine.spark_home: no Spark 4 with its Python libraries in {self.home}"]) from error
        builder = SparkSession.builder.master(self.master).appName("wengang")
        for name, value in (DEFAULTS | self.options).items():
            builder = builder.config(name, value)
        return builder.getOrCreate()


def _done(travelling: Any, part: Any) -> Any:
    """The result of a part; the task is unpacked once in each Python process."""
    return travelling.value(part)
