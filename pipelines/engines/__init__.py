"""Where the parts of a night are computed: in processes of this host, or on a cluster. Nothing else knows which."""

from functools import cache
from pathlib import Path

from pipelines.engines.local import Here, Processes
from pipelines.engines.spark import Spark
from pipelines.settings import EngineSettings
from pipelines.work import Engine


def engine_of(settings: EngineSettings, enterprises: int) -> Engine | None:
    """The engine that ``settings`` name; None where the night's own process computes all at once.

    It does so while the ``enterprises`` are those of a city; more it computes part by part, so that its memory is
    bounded.
    """
    if settings.kind == "spark":
        return Spark(settings.master, Path(settings.spark_home), options=settings.options)
    if settings.kind == "processes":
        return _processes(settings.processes)
    here = Here()
    return here if enterprises > here.part_size else None


@cache
def _processes(count: int) -> Processes:
    """The same processes for all stages of a night."""
    return Processes(count)
