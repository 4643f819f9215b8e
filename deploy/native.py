"""The services of ``docker-compose.yml`` without Docker, on this host.

Commands, environments and health checks are those of the file; paths, ports and names of hosts are moved onto this one.
A killed service stays down until it is started again, so that a proof can look at it in between.
"""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from deploy import compose, credentials, processes, servers
from deploy.compose import ROOT, Move, Service
from deploy.processes import Leader
from pipelines.errors import WengangError
from pipelines.run import atomic_file

EXECUTORS: Mapping[str, str] = {"local": "LocalExecutor", "celery": "CeleryExecutor"}
DERIVED = ("database_url", "result_backend", "broker_url")
PAUSE = 1.0
STATE = "stack.json"


class StackError(WengangError):
    """A service did not come up, or does not do what was asked; the message holds the end of its log."""


class Stack:
    """The services below the folder ``work``: ``volumes/``, ``secrets/``, ``logs/`` and ``stack.json`` with who runs.

    ``variables`` are those of the compose file (``WENGANG_HOME_DIR`` puts the home elsewhere), ``extra`` goes into the
    environment of every service, ``port`` is that of the web page (else a free one).
    """

    def __init__(
        self,
        work: Path,
        *,
        executor: str = "local",
        database: str = "postgres",
        variables: Mapping[str, str] | None = None,
        extra: Mapping[str, str] | None = None,
        port: int = 0,
    ) -> None:
        self.work = work.resolve()
        said = dict(variables or {}) | {"WENGANG_EXECUTOR": EXECUTORS[executor]}
        services = compose.load(said, profiles=("celery",) if executor == "celery" else ())
        if database == "sqlite":
            if executor == "celery":
                raise StackError("SQLite serves one host without workers: CeleryExecutor needs --database postgres")
            services = {name: _without(service, "postgres") for name, service in services.items() if name != "postgres"}
        self.database = database
        self.extra = dict(extra or {})
        self.asked = {
            "executor": executor,
            "database": database,
            "variables": dict(variables or {}),
            "extra": self.extra,
        }
        self.ports = self._ports(services, port)
        self.services = {name: self._move(service, services).service(service) for name, service in services.items()}
        self._tmpfs = {name: service.tmpfs for name, service in services.items()}

    @classmethod
    def opened(cls, work: Path) -> Self:
        """The stack that was started in ``work``; raises ``StackError`` where none was."""
        path = work / STATE
        if not path.is_file():
            raise StackError(f"{path} is missing: no stack was started in {work}")
        told = json.loads(path.read_text(encoding="utf-8"))
        return cls(work, **{key: told[key] for key in ("executor", "database", "variables", "extra")})

    @property
    def url(self) -> str:
        """Address of the web page and the REST interface."""
        return f"http://127.0.0.1:{self.ports[8080]}"

    @property
    def mails(self) -> Path:
        """Where the mail catcher keeps what it took, a file a mail."""
        return self.work / "volumes" / "mails" / "box" / "new"

    @property
    def smtp_port(self) -> int:
        """Port of the mail catcher."""
        return self.ports[2525]

    def up(self, timeout: float = 300) -> Self:
        """Start all services in the order of what they wait for, until all are well; raises ``StackError``."""
        running = [name for name, leader in self._leaders().items() if processes.family(leader)]
        if running:
            raise StackError(f"{', '.join(running)} run already: python -m deploy.stack down --work {self.work}")
        self._make_ready()
        until = time.monotonic() + timeout
        waiting = dict(self.services)
        well: set[str] = set()
        while waiting:
            for name in [name for name, service in waiting.items() if self._may_start(service, well)]:
                self.start(name)
                del waiting[name]
            self._check_time(until, [*waiting])
            time.sleep(PAUSE)
        self.wait_healthy(until - time.monotonic())
        return self

    def down(self) -> None:
        """End all services, the last started first, by the numbers of their processes."""
        for name, leader in reversed(self._leaders().items()):
            service = self.services[name]
            processes.end(leader, number=signal.Signals[service.stop_signal], grace=service.grace)
        self._write_state({})

    def start(self, name: str) -> None:
        """Start one service, whatever it waits for."""
        service = self.services[name]
        for path in self._tmpfs[name]:
            self._tmpfs_folder(name, path).mkdir(parents=True, exist_ok=True)
        command = [*service.command]
        if name == "postgres":
            if name in self._leaders():
                processes.wait_until_reaped(self.leader(name))
            servers.make_cluster(service.environment, port=self.ports[5432])
            tail = ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
            prefix = servers.as_unprivileged(Path(service.environment["PGDATA"]).parent)
            command = [*prefix, *command, "-D", service.environment["PGDATA"], *tail]
        leader = processes.start(
            command, environment=self.environment(name), folder=self._folder(name), log=self._log(name)
        )
        self._write_state({**self._leaders(), name: leader})

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal to a service: SIGKILL reaches all its processes, as in a container, others its first."""
        leader = self.leader(name)
        if number == signal.SIGKILL:
            processes.end(leader, number=number, grace=0)
        else:
            processes.send([psutil.Process(leader.pid)], number)

    def restart(self, name: str) -> None:
        """End a service as Docker does, and start it again."""
        service = self.services[name]
        processes.end(self.leader(name), number=signal.Signals[service.stop_signal], grace=service.grace)
        self.start(name)

    def processes(self, name: str) -> list[psutil.Process]:
        """All processes of a service."""
        return processes.family(self.leader(name))

    def is_healthy(self, name: str) -> bool:
        """Whether a service runs and its check, if it has one, passes."""
        leader, service = self._leaders().get(name), self.services[name]
        if leader is None or not processes.is_alive(leader):
            return False
        if service.health is None:
            return True
        try:
            done = subprocess.run(  # noqa: S603
                service.health.command,
                cwd=self._folder(name),
                env=self.environment(name),
                capture_output=True,
                timeout=service.health.timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return False
        return done.returncode == 0

    def fallen(self) -> list[str]:
        """The services that were started to stay and have ended."""
        return [
            name
            for name, leader in self._leaders().items()
            if not self.services[name].is_once and not processes.is_alive(leader)
        ]

    def mend(self) -> list[str]:
        """Do what the restart policy of the file would: start again what has ended by itself; which those were.

        Airflow counts on it: scheduler, DAG processor and triggerer end when the database goes away.
        """
        fallen = self.fallen()
        for name in fallen:
            processes.end(self.leader(name), number=signal.SIGKILL, grace=0)
            self.start(name)
        return fallen

    def wait_healthy(self, timeout: float = 120, *, names: Sequence[str] = (), is_mending: bool = False) -> None:
        """Wait until all services (or ``names``) are well, mending meanwhile if told so.

        Raises ``StackError`` with the last words of who ended or is not well in time.
        """
        lasting = [name for name, service in self.services.items() if not service.is_once]
        until = time.monotonic() + timeout
        waiting = list(names or lasting)
        while waiting := [name for name in waiting if not self.is_healthy(name)]:
            if is_mending:
                self.mend()
            elif ended := set(waiting) & {*self.fallen()}:
                raise StackError("\n".join(f"{name} has ended:\n{self.tail(name)}" for name in sorted(ended)))
            self._check_time(until, waiting)
            time.sleep(PAUSE)

    def environment(self, name: str) -> dict[str, str]:
        """The whole environment of a service: the file's, programs of this host, ``extra``."""
        folders = [str(Path(sys.executable).parent)]
        if name == "postgres":
            folders.append(str(servers.postgres_folder()))
        if name == "redis":
            folders.append(str(servers.redis_folder()))
        told = {"PATH": ":".join([*folders, os.defpath]), "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        if os.geteuid() == 0:
            told["C_FORCE_ROOT"] = "1"
        return told | self.services[name].environment | self.extra

    def airflow(self, *arguments: str) -> str:
        """Standard output of ``airflow …`` in the scheduler's environment; raises ``StackError`` with all it said."""
        done = subprocess.run(  # noqa: S603
            [str(Path(sys.executable).parent / "airflow"), *arguments],
            cwd=ROOT,
            env=self.environment("scheduler"),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise StackError(f"airflow {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def token(self, user: str = "admin") -> str:
        """A token of the REST interface for ``user`` of the web page."""
        password = credentials.passwords(self.work / "secrets")[user]
        return str(self._ask("POST", "/auth/token", {"username": user, "password": password}, {})["access_token"])

    def call(self, method: str, path: str, body: Any = None, *, user: str = "admin") -> Any:
        """The answer of the REST interface to ``method`` ``/api/v2<path>``; raises ``StackError`` with a refusal."""
        return self._ask(method, f"/api/v2{path}", body, {"Authorization": f"Bearer {self.token(user)}"})

    def memory(self) -> dict[str, int]:
        """Memory of each service that runs, in MB (PSS)."""
        return {name: processes.proportional_megabytes(leader) for name, leader in self._leaders().items()}

    def tail(self, name: str, lines: int = 30) -> str:
        """The last lines that a service said."""
        log = self._log(name)
        return (
            "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]) if log.exists() else ""
        )

    def __enter__(self) -> Self:
        try:
            return self.up()
        except BaseException:
            self.down()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.down()

    def _may_start(self, service: Service, well: set[str]) -> bool:
        leaders = self._leaders()
        for name, condition in service.after.items():
            if name in well:
                continue
            if name not in leaders:
                return False
            if condition == "service_healthy" and not self.is_healthy(name):
                if not processes.is_alive(leaders[name]):
                    raise StackError(f"{name} has ended:\n{self.tail(name)}")
                return False
            if condition == "service_completed_successfully":
                code = processes.exit_code(leaders[name])
                if code is None:
                    return False
                if code:
                    raise StackError(f"{name} ended with {code}:\n{self.tail(name)}")
            well.add(name)
        return True

    def _check_time(self, until: float, waiting: Sequence[str]) -> None:
        if waiting and time.monotonic() > until:
            raise StackError("\n".join(f"{name} is not well in time:\n{self.tail(name)}" for name in waiting))

    def _make_ready(self) -> None:
        for name in ("logs", "volumes"):
            (self.work / name).mkdir(parents=True, exist_ok=True)
        for service in self.services.values():
            for source in service.volumes.values():
                self._volume(source).mkdir(parents=True, exist_ok=True)
        for name in DERIVED:
            (self.work / "secrets" / name).unlink(missing_ok=True)
        addresses = credentials.Addresses(
            database=f"127.0.0.1:{self.ports.get(5432, 0)}",
            broker=f"127.0.0.1:{self.ports.get(6379, 0)}",
            database_url=f"sqlite:///{self.work / 'volumes' / 'airflow.db'}" if self.database == "sqlite" else "",
        )
        credentials.make(self.work / "secrets", addresses=addresses)

    def _move(self, service: Service, services: Mapping[str, Service]) -> Move:
        paths = {"/app": ROOT, "/run/secrets": self.work / "secrets"}
        paths |= {target: self._volume(source) for target, source in service.volumes.items()}
        paths |= {path: self._tmpfs_folder(service.name, path) for path in service.tmpfs}
        return Move(paths=paths, ports=self.ports, hosts=frozenset(services))

    def _volume(self, source: str) -> Path:
        return ROOT / source if source.startswith((".", "/")) else self.work / "volumes" / source

    def _tmpfs_folder(self, name: str, path: str) -> Path:
        return self.work / "tmpfs" / name / path.strip("/").replace("/", "-")

    def _folder(self, name: str) -> Path:
        return Path("/") if name in {"postgres", "redis"} else ROOT

    def _log(self, name: str) -> Path:
        return self.work / "logs" / f"{name}.log"

    def leader(self, name: str) -> Leader:
        """The first process of a service; raises ``StackError`` where it was not started."""
        leaders = self._leaders()
        if name not in leaders:
            raise StackError(f"{name} was not started; the stack has {', '.join(self.services)}")
        return leaders[name]

    def _leaders(self) -> dict[str, Leader]:
        return {name: Leader(**told) for name, told in self._remembered().get("leaders", {}).items()}

    def _remembered(self) -> dict[str, Any]:
        path = self.work / STATE
        return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}

    def _write_state(self, leaders: Mapping[str, Leader]) -> None:
        state = self.asked | {
            "ports": self.ports,
            "leaders": {name: asdict(leader) for name, leader in leaders.items()},
        }
        with atomic_file(self.work / STATE) as path:
            path.write_text(json.dumps(state, indent=1), encoding="utf-8")

    def _ports(self, services: Mapping[str, Service], page: int) -> dict[int, int]:
        """Where each port of the file is on this host: as it was before in this folder, else a free one."""
        before = {int(port): moved for port, moved in self._remembered().get("ports", {}).items()}
        wanted = {port: before.get(port, 0) for service in services.values() for port in service.ports}
        if page:
            wanted[8080] = page
        held = []
        for port in [port for port, moved in wanted.items() if not moved]:
            held.append(socket.create_server(("127.0.0.1", 0)))
            wanted[port] = held[-1].getsockname()[1]
        for one in held:
            one.close()
        return wanted

    def _ask(self, method: str, path: str, body: Any, headers: Mapping[str, str]) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[8080], timeout=60)
        try:
            sent = None if body is None else json.dumps(body)
            connection.request(method, path, sent, {"Content-Type": "application/json", **headers})
            answer = connection.getresponse()
            said = answer.read().decode()
        finally:
            connection.close()
        if answer.status >= 400:
            raise StackError(f"{method} {path} answers {answer.status}: {said[:2000]}")
        return json.loads(said) if said else None


def _without(service: Service, other: str) -> Service:
    """``service`` that does not wait for ``other``."""
    return replace(service, after={name: how for name, how in service.after.items() if name != other})
