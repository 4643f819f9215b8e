"""A Spark cluster of this host: ``python -m deploy.spark_cluster --work DIR [--workers 2] [--cores 1] [--memory 2g]``.

A Master and Workers from pip's pyspark, in an environment of its own under the work folder, on the host's Java. It
stays in front, says its URL for ``[engine]`` in the settings, and Ctrl-C ends all that it started. For trials and
proofs: no login, this host only.
"""

import argparse
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy import processes
from deploy.processes import Leader
from deploy.servers import ServerFailedError, ServerMissingError
from pipelines.errors import WengangError

PYSPARK = "pyspark==4.3.0"
HOST = "127.0.0.1"
PATIENCE = 90.0
GRACE = 10.0
PAUSE = 0.2
REGISTERED = re.compile(r"Successfully registered with master")


@dataclass(frozen=True)
class Cluster:
    """A cluster that runs: where it is reached, with which Spark, and its processes."""

    url: str
    home: Path
    master: Leader
    workers: tuple[Leader, ...]


def main(arguments: Sequence[str]) -> int:
    """Start a cluster, say where it is, and end it with this process."""
    parser = argparse.ArgumentParser(
        prog="python -m deploy.spark_cluster", description=(__doc__ or "").split("\n\n")[0]
    )
    parser.add_argument("--work", type=Path, required=True, help="folder of Spark, its logs and what it spills")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--cores", type=int, default=1, help="of each worker")
    parser.add_argument("--memory", default="2g", help="of each worker, for its executors' JVM")
    asked = parser.parse_args(arguments)
    work = asked.work.resolve()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with cluster(
            spark_home(work), work / "cluster", workers=asked.workers, cores=asked.cores, memory=asked.memory
        ) as one:
            sys.stdout.write(f'[engine]\nkind = "spark"\nmaster = "{one.url}"\nspark_home = "{one.home}"\n')
            sys.stdout.flush()
            while processes.is_alive(one.master):
                time.sleep(1)
    except KeyboardInterrupt:
        return 0
    except WengangError as error:
        sys.stderr.write(f"spark: {error}\n")
        return error.exit_code
    return 1


def spark_home(work: Path) -> Path:
    """Spark in an environment of its own under ``work``, made if it is not there; raises ``ServerMissingError``."""
    environment = work / "spark"
    found = list(environment.glob("lib/python*/site-packages/pyspark/bin/spark-class"))
    if not found:
        shutil.rmtree(environment, ignore_errors=True)
        pip = environment / "bin" / "pip"
        for command in ([sys.executable, "-m", "venv", str(environment)], [str(pip), "install", "--quiet", PYSPARK]):
            done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
            if done.returncode != 0:
                shutil.rmtree(environment, ignore_errors=True)
                raise ServerMissingError(f"{PYSPARK} cannot be installed: {done.stderr.strip().splitlines()[-1:]}")
        found = list(environment.glob("lib/python*/site-packages/pyspark/bin/spark-class"))
    if shutil.which("java") is None:
        raise ServerMissingError("Spark needs Java 17: install it (Debian: apt-get install openjdk-17-jre-headless)")
    return found[0].parent.parent


@contextmanager
def cluster(home: Path, work: Path, *, workers: int, cores: int = 1, memory: str = "2g") -> Iterator[Cluster]:
    """A Master and ``workers`` Workers until the end of the block; raises ``ServerFailedError``."""
    work.mkdir(parents=True, exist_ok=True)
    port = _free_port()
    url = f"spark://{HOST}:{port}"
    ways = ("--host", HOST, "--webui-port", "0")
    started: list[Leader] = []
    try:
        started.append(_start(home, work, "master", "master.Master", *ways, "--port", str(port)))
        _wait(started[0], lambda: _listens(port), work / "master.log")
        for number in range(1, workers + 1):
            name = f"worker-{number}"
            given = ("--cores", str(cores), "--memory", memory, "--work-dir", str(work / name))
            started.append(_start(home, work, name, "worker.Worker", *ways, *given, url))
        for number, leader in enumerate(started[1:], start=1):
            log = work / f"worker-{number}.log"
            _wait(leader, lambda log=log: bool(REGISTERED.search(log.read_text(encoding="utf-8"))), log)
        yield Cluster(url, home, started[0], tuple(started[1:]))
    finally:
        for leader in reversed(started):
            processes.end(leader, number=signal.SIGTERM, grace=GRACE)


def _start(home: Path, work: Path, name: str, role: str, *given: str) -> Leader:
    environment = os.environ | {"SPARK_HOME": str(home), "SPARK_LOCAL_IP": HOST, "SPARK_NO_DAEMONIZE": "1"}
    log = work / f"{name}.log"
    log.unlink(missing_ok=True)
    command = [str(home / "bin" / "spark-class"), f"org.apache.spark.deploy.{role}", *given]
    return processes.start(command, environment=environment, folder=work, log=log)


def _wait(leader: Leader, is_ready: Callable[[], bool], log: Path) -> None:
    until = time.monotonic() + PATIENCE
    while not is_ready():
        if not processes.is_alive(leader) or time.monotonic() > until:
            said = log.read_text(encoding="utf-8").strip().splitlines()[-1:]
            raise ServerFailedError(f"Spark did not start: {' '.join(said)}")
        time.sleep(PAUSE)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
