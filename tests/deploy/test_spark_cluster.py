"""A real cluster, a Master and two Workers: the night's features and scores on it, also when parts of it are killed."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import nights
import psutil
import pytest
from computing import TABLES, computed
from conftest import NOW

from deploy import processes, spark_cluster
from deploy.servers import ServerMissingError
from deploy.spark_cluster import Cluster
from pipelines import nightly
from pipelines.engines.spark import Spark
from pipelines.means import Means
from pipelines.nightly import Night

pytestmark = pytest.mark.proof
SIZE = 3
"""Enterprises of a part: a hundred parts, so that there is always one to interrupt."""
DRIVER = """
import sys
from datetime import date, datetime
from pathlib import Path
from pipelines import nightly
from pipelines.engines.spark import Spark
from pipelines.means import Means
from pipelines.settings import Home
from pipelines.stages import features
root, url, spark, day, cutoff, now, size = sys.argv[1:]
means = Means(home=Home(Path(root)), now=datetime.fromisoformat(now))
with nightly.opened(means, as_of=date.fromisoformat(day), cutoff=datetime.fromisoformat(cutoff)) as night:
    features.run(night.run, night.warehouse, engine=Spark(url, Path(spark), part_size=int(size)))
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The cluster of this module; skipped where Spark or Java cannot be had."""
    work = tmp_path_factory.mktemp("spark")
    try:
        home = spark_cluster.spark_home(work)
    except ServerMissingError as error:
        pytest.skip(str(error))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARK_LOCAL_IP", spark_cluster.HOST)
        with spark_cluster.cluster(home, work / "cluster", workers=2) as one:
            yield one


def forget(night: Night) -> None:
    """Nothing of the parts is there any more."""
    for kind in ("features", "risk", "spread"):
        shutil.rmtree(night.run.home.core / kind, ignore_errors=True)


def spark(cluster: Cluster, size: int, **options: str) -> Spark:
    return Spark(cluster.url, cluster.home, part_size=size, options={"spark.executor.memory": "600m", **options})


@pytest.mark.parametrize(("executors", "size"), [(1, 40), (2, 40), (2, SIZE), (2, 1000)])
def test_any_number_of_executors_and_any_parts_are_the_night_bit_for_bit(
    cluster: Cluster, night: Night, executors: int, size: int
) -> None:
    here = computed(night, None)
    engine = spark(cluster, size, **{"spark.cores.max": str(executors)})
    try:
        there = computed(night, engine)
    finally:
        engine.close()
    for table in TABLES:
        assert there[table] == here[table], table


def test_the_executors_may_have_a_python_of_their_own(cluster: Cluster, night: Night, tmp_path: Path) -> None:
    here, own = computed(night, None), tmp_path / "their-python"
    own.write_text(f'#!/bin/sh\ntouch {tmp_path}/used\nexec {sys.executable} "$@"\n', encoding="utf-8")
    own.chmod(0o755)
    engine = spark(cluster, 1000, **{"spark.pyspark.python": str(own)})
    try:
        assert computed(night, engine) == here
    finally:
        engine.close()
    assert (tmp_path / "used").is_file()


@pytest.mark.parametrize("victim", ["CoarseGrainedExecutorBackend", "pyspark.daemon", "deploy.worker.Worker"])
def test_the_night_goes_on_when_a_part_of_the_cluster_is_killed(cluster: Cluster, night: Night, victim: str) -> None:
    here = computed(night, None)
    forget(night)
    killed: list[int] = []
    watcher = threading.Thread(target=_kill, args=(night, cluster, victim, killed))
    engine = spark(cluster, SIZE)
    watcher.start()
    try:
        there = computed(night, engine)
    finally:
        watcher.join()
        engine.close()
    assert killed, "something was killed while parts were open"
    for table in TABLES:
        assert there[table] == here[table], table


def test_a_killed_driver_is_run_again_and_finished_parts_stay(cluster: Cluster, night: Night) -> None:
    here = computed(night, None)
    forget(night)
    night.warehouse.close()
    cutoff = nights.cutoff_of(nights.SECOND)
    told = (night.run.home.root, cluster.url, cluster.home, nights.SECOND, cutoff, NOW, SIZE)
    driver = subprocess.Popen([sys.executable, "-c", DRIVER, *map(str, told)], start_new_session=True)
    written = _some(night, least=10)
    os.killpg(driver.pid, signal.SIGKILL)
    driver.wait()
    before = {path: path.stat().st_mtime_ns for path in written}
    means = Means(home=night.run.home, now=NOW)
    engine = spark(cluster, SIZE)
    with nightly.opened(means, as_of=nights.SECOND, cutoff=cutoff) as again:
        try:
            there = computed(again, engine)
        finally:
            engine.close()
    assert there == here
    assert {path: path.stat().st_mtime_ns for path in written} == before, "finished parts are not computed twice"


def _kill(night: Night, cluster: Cluster, victim: str, killed: list[int]) -> None:
    """Kill one process of the workers whose command names ``victim`` once ten parts are written."""
    _some(night, least=10)
    for worker in cluster.workers:
        for process in processes.family(worker):
            with contextlib.suppress(psutil.NoSuchProcess):
                if victim in " ".join(process.cmdline()):
                    process.kill()
                    killed.append(process.pid)
                    return


def _some(night: Night, *, least: int) -> list[Path]:
    """The parts of the features that are written, once there are ``least``."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        found = sorted((night.run.home.core / "features").glob("*/*-*.parquet"))
        if len(found) >= least:
            return found
        time.sleep(0.02)
    raise AssertionError("no part was written")
