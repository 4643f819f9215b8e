"""The Airflow edge: the only module of ours that knows Airflow.

Tasks pass nothing but a stage's name; data meet in the working file. The business date is the partition key of the
cron timetable, which Airflow leaves empty in ``dag.test()`` and manual runs: there the run's ``as_of`` parameter tells.
"""

import logging
import os
from collections.abc import Callable
from datetime import date, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from airflow.sdk import get_current_context, task
from airflow.sdk.exceptions import AirflowFailException

from pipelines import STAGES

ZONE = ZoneInfo("Asia/Shanghai")
CUTOFF = time(2, 0)
POOL = "wengang_writer"
log = logging.getLogger("wengang")
__all__ = ["POOL", "STAGES", "business_date", "stage"]
PERSON_NEEDED = frozenset({2, 3, 4, 5, 6, 7, 11})


def business_date(context: Any) -> date:
    """The date the run speaks for: partition key, else the ``as_of`` parameter; raises where both are missing."""
    key = getattr(context["dag_run"], "partition_key", None) or (context.get("params") or {}).get("as_of")
    if not key:
        raise AirflowFailException(
            "no business date: trigger with a partition key, or with the parameter as_of=YYYY-MM-DD"
        )
    return date.fromisoformat(str(key))


def stage(name: str) -> Callable[[], Any]:
    """An Airflow task that runs one stage; errors that only a person can mend are not retried."""

    def run_stage() -> None:
        run_stage_of(name, business_date(get_current_context()))

    decorated: Callable[[], Any] = task(task_id=name)(run_stage)
    return decorated


def run_stage_of(name: str, as_of: date) -> None:
    """Run stage ``name`` of ``as_of`` with the scheduled cutoff, 02:00 of that day."""
    from pipelines import nightly  # noqa: PLC0415  heavy: not while DAG files are parsed
    from pipelines.errors import WengangError  # noqa: PLC0415
    from pipelines.settings import Home  # noqa: PLC0415

    now = datetime.now(tz=ZONE).replace(tzinfo=None, microsecond=0)
    home = Home(Path(os.environ.get("WENGANG_HOME", "var")).resolve())
    feeds = os.environ.get("WENGANG_FEEDS")
    means = nightly.Means(home=home, now=now, feeds=Path(feeds) if feeds else None, progress=log.info)
    try:
        nightly.step(means, name=name, as_of=as_of, cutoff=datetime.combine(as_of, CUTOFF))
    except WengangError as error:
        if error.exit_code in PERSON_NEEDED:
            raise AirflowFailException(str(error)) from error
        raise
