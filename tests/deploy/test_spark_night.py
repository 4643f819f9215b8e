"""A night through a real Airflow whose settings name a real Spark cluster: the files of the night by command."""

import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "dags"))

from airflow_runs import by_command, editions, ended, log_of, simulated_home, tasks, trigger, unpause
from conftest import NOW

from deploy import spark_cluster
from deploy.native import Stack
from deploy.servers import ServerMissingError
from deploy.spark_cluster import Cluster
from pipelines import STAGES
from pipelines.means import Means

pytestmark = pytest.mark.proof
NIGHT = date(2026, 10, 21)
INGEST, NIGHTLY = "wengang_ingest", "wengang_nightly"


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """Two Workers; skipped where Spark or Java cannot be had."""
    try:
        home = spark_cluster.spark_home(tmp_path)
    except ServerMissingError as error:
        pytest.skip(str(error))
    monkeypatch.setenv("SPARK_LOCAL_IP", spark_cluster.HOST)
    with spark_cluster.cluster(home, tmp_path / "cluster", workers=2) as one:
        yield one


def test_the_night_of_the_dag_on_spark_is_the_night_of_the_command(
    cluster: Cluster, small_city: Path, tmp_path: Path
) -> None:
    expected = simulated_home(tmp_path / "by_command", small_city)
    by_command(Means(home=expected, now=NOW), small_city, [NIGHT])
    home = simulated_home(tmp_path / "served", small_city)
    engine = f'[engine]\nkind = "spark"\nmaster = "{cluster.url}"\nspark_home = "{cluster.home}"\n'
    text = home.settings_file.read_text(encoding="utf-8")
    options = 'options = {"spark.executor.memory" = "600m"}\n'
    home.settings_file.write_text(f"{text}\n{engine}{options}", encoding="utf-8")
    try:
        with Stack(tmp_path / "stack", executor="local", variables={"WENGANG_HOME_DIR": str(home.root)}) as stack:
            unpause(stack, INGEST, NIGHTLY)
            ended(stack, INGEST, [trigger(stack, INGEST, NIGHT)])
            run = trigger(stack, NIGHTLY, NIGHT)
            assert ended(stack, NIGHTLY, [run]) == {run: "success"}, {
                name: log_of(stack, NIGHTLY, run, one) for name, one in tasks(stack, NIGHTLY, run).items()
            }
            assert [*tasks(stack, NIGHTLY, run)] == list(STAGES)
    except ServerMissingError as error:
        pytest.skip(str(error))
    assert editions(home, [NIGHT]) == editions(expected, [NIGHT])
    assert list((home.core / "features").glob("*/*-*.parquet")), "the features were computed by parts"
    assert "Registered app wengang" in (tmp_path / "cluster" / "master.log").read_text(encoding="utf-8")
