"""Where the parts of a night are computed: in processes of this host, or on a cluster. Nothing else knows which."""

from functools import cache
from pathlib import Path

from pipelines.engines.local import Processes
from pipelines.engines.spark import Spark
from pipelines.settings import EngineSettings
from pipelines.work import Engine


def engine_of(settings: EngineSettings) -> Engine | None:
    """The engine that ``settings`` name; None where the night's own process computes all."""
    if settings.kind == "spark":
        return Spark(settings.master, Path(settings.spark_home), options=settings.options)
    return _processes(settings.processes) if settings.kind == "processes" else None


@cache
def _processes(count: int) -> Processes:
    """The same processes for all stages of a night."""
    return Processes(count)
