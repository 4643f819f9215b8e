"""The native stack is the compose file on this host: same commands, settings and checks, and nothing left behind."""

import json
import os
import shutil
import signal
import smtplib
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import psutil
import pytest

from deploy import compose, credentials, health, processes, servers
from deploy.compose import ROOT, Move
from deploy.native import Stack, StackError
from deploy.servers import ServerMissingError

HOSTS = {"postgres", "redis", "api-server"}


def _back(text: str, stack: Stack, name: str) -> str:
    """``text`` of a native service as the file says it."""
    service = stack.services[name]
    paths = {str(ROOT): "/app", str(stack.work / "secrets"): "/run/secrets"}
    paths |= {str(stack.work / "volumes" / source): target for target, source in service.volumes.items()}
    paths |= {str(stack.work / "tmpfs" / name / path.strip("/").replace("/", "-")): path for path in service.tmpfs}
    for moved in sorted(paths, key=len, reverse=True):
        text = text.replace(moved, paths[moved])
    for port, moved_port in stack.ports.items():
        text = text.replace(str(moved_port), str(port))
    return text


def _same(moved: str, told: str) -> bool:
    """Whether two texts are the same but for the names of hosts."""
    for host in sorted(HOSTS):
        told = told.replace(f"@{host}:", "@127.0.0.1:").replace(f"//{host}:", "//127.0.0.1:")
    return moved == told.replace("0.0.0.0", "127.0.0.1")  # noqa: S104  what the file says


@pytest.mark.parametrize("executor", ["local", "celery"])
def test_the_native_stack_is_the_file(executor: str, tmp_path: Path) -> None:
    stack = Stack(tmp_path, executor=executor, variables={"WENGANG_STATSD_HOST": "metrics"})
    said = {
        "WENGANG_STATSD_HOST": "metrics",
        "WENGANG_EXECUTOR": {"local": "LocalExecutor"}.get(executor, "CeleryExecutor"),
    }
    file = compose.load(said, profiles=["celery"] if executor == "celery" else [])
    assert list(stack.services) == list(file)
    for name, told in file.items():
        moved = stack.services[name]
        checks = ((moved.health.command, told.health.command),) if moved.health and told.health else ()
        for here, there in ((moved.command, told.command), *checks):
            assert len(here) == len(there)
            assert all(_same(_back(a, stack, name), b) for a, b in zip(here, there, strict=True)), (here, there)
        assert list(moved.environment) == list(told.environment)
        for key, value in told.environment.items():
            assert _same(_back(moved.environment[key], stack, name), value), key
        assert (moved.health is None) == (told.health is None)
        assert (moved.after, moved.stop_signal, moved.grace) == (told.after, told.stop_signal, told.grace)


def test_paths_ports_and_hosts_are_moved_in_one_pass() -> None:
    move = Move(
        paths={"/srv": Path("/a/8080"), "/var/srv": Path("/b"), "/run/secrets": Path("/srv/s")},
        ports={8080: 1, 6379: 2},
        hosts=frozenset({"redis", "api-server"}),
    )
    assert move.text("cat /run/secrets/x /srv/y /var/srv /srvs a/srv") == "cat /srv/s/x /a/8080/y /b /srvs a/srv"
    assert move.text("redis://:p@redis:6379/0 http://api-server:8080/ 18080 redis") == (
        "redis://:p@127.0.0.1:2/0 http://127.0.0.1:1/ 18080 redis"
    )
    assert move.text("--bind 0.0.0.0 --port 6379") == "--bind 127.0.0.1 --port 2"


@pytest.fixture
def mail_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """A stack of which only the mail catcher is wanted, as it starts in a moment."""
    whole = compose.load
    monkeypatch.setattr(compose, "load", lambda *given, **said: {"mail": whole(*given, **said)["mail"]})
    stack = Stack(tmp_path / "work")
    stack.ports[8080] = 0
    yield stack
    stack.down()


def test_a_service_comes_up_is_seen_and_leaves_nothing(mail_only: Stack) -> None:
    stack = mail_only
    stack.up(60)
    assert stack.is_healthy("mail")
    (process,) = stack.processes("mail")
    assert process.cmdline()[1:] == list(stack.services["mail"].command[1:])
    assert {key: process.environ()[key] for key in stack.services["mail"].environment} == (
        stack.services["mail"].environment
    )
    with smtplib.SMTP("127.0.0.1", stack.smtp_port) as server:
        server.sendmail("a@localhost", ["b@localhost"], "Subject: hello\n\nbody")
    assert ["Subject: hello" in path.read_text(encoding="utf-8") for path in stack.mails.iterdir()] == [True]
    assert stack.memory()["mail"] > 5
    with pytest.raises(StackError, match="mail run already"):
        Stack(stack.work).up()
    stack.down()
    assert _running([process]) == []
    assert not stack.is_healthy("mail")


def test_a_killed_service_stays_down_until_it_is_mended(mail_only: Stack) -> None:
    stack = mail_only.up(60)
    stack.kill("mail")
    assert (stack.processes("mail"), stack.is_healthy("mail"), stack.fallen()) == ([], False, ["mail"])
    with pytest.raises(StackError, match="mail has ended"):
        stack.wait_healthy(5)
    assert stack.mend() == ["mail"]
    stack.wait_healthy(60)
    assert (stack.fallen(), stack.mend()) == ([], [])
    before = stack.leader("mail")
    stack.restart("mail")
    stack.wait_healthy(60)
    assert stack.leader("mail") != before
    stack.kill("mail", signal.SIGTERM)
    _wait(lambda: stack.fallen() == ["mail"])


def test_a_stack_is_found_again_in_its_folder(mail_only: Stack) -> None:
    mail_only.up(60)
    again = Stack.opened(mail_only.work)
    assert again.ports[2525] == mail_only.ports[2525]
    assert again.is_healthy("mail")
    again.down()
    assert not mail_only.is_healthy("mail")
    with pytest.raises(StackError, match="no stack was started"):
        Stack.opened(mail_only.work / "elsewhere")


def test_a_family_is_ended_with_what_left_its_group(tmp_path: Path) -> None:
    code = "import os, time; os.fork() or (os.setpgid(0, 0), os.fork()); time.sleep(600)"
    quiet = processes.start([sys.executable, "-c", code], environment={}, folder=tmp_path, log=tmp_path / "log")
    _wait(lambda: len(processes.family(quiet)) == 3)
    family = processes.family(quiet)
    assert processes.end(quiet, number=signal.SIGTERM, grace=5)
    assert _running(family) == []


def test_one_who_does_not_listen_is_killed_after_the_grace(tmp_path: Path) -> None:
    code = "import signal as s, time; s.signal(s.SIGTERM, s.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
    deaf = processes.start([sys.executable, "-c", code], environment={}, folder=tmp_path, log=tmp_path / "log")
    _wait(lambda: "deaf" in (tmp_path / "log").read_text(encoding="utf-8"))
    assert not processes.end(deaf, number=signal.SIGTERM, grace=0.5)
    assert not processes.is_alive(deaf)


def test_another_process_with_the_number_is_left_alone(tmp_path: Path) -> None:
    one = processes.start(["sleep", "600"], environment={}, folder=tmp_path, log=tmp_path / "log")
    other = processes.Leader(pid=one.pid, began=one.began + 100)
    assert not processes.is_alive(other)
    processes.end(other, number=signal.SIGKILL, grace=0)
    assert processes.is_alive(one)
    processes.end(one, number=signal.SIGKILL, grace=0)


def test_sqlite_needs_no_server_and_takes_no_workers(tmp_path: Path) -> None:
    stack = Stack(tmp_path, database="sqlite")
    assert "postgres" not in stack.services
    assert stack.services["init"].after == {}
    with pytest.raises(StackError, match="CeleryExecutor needs"):
        Stack(tmp_path, executor="celery", database="sqlite")


def test_a_missing_server_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(servers, "DEBIAN", tmp_path)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(ServerMissingError, match="apt-get install redis-server"):
        servers.redis_folder()


def test_secrets_are_made_once_and_for_their_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    made = credentials.make(folder, addresses=credentials.Addresses())
    first = {name: (folder / name).read_text(encoding="utf-8") for name in made}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE((folder / name).stat().st_mode) for name in made} == {0o600}
    assert {path.name for path in folder.iterdir()} == set(made)
    assert not [name for name, text in first.items() if text.endswith("\n") and name != "redis_conf"]
    drawn = [first[name] for name in credentials.DRAWN]
    assert len({*drawn, first["fernet_key"], *credentials.passwords(folder).values()}) == len(drawn) + 4
    assert first["postgres_password"] in first["database_url"]
    assert first["redis_password"] in first["broker_url"]

    (folder / "smtp_password").write_text("the site's own", encoding="utf-8")
    (folder / "jwt_secret").unlink()
    assert credentials.make(folder, addresses=credentials.Addresses()) == ["jwt_secret"]
    second = {name: (folder / name).read_text(encoding="utf-8") for name in made}
    assert second["jwt_secret"] != first["jwt_secret"]
    assert second["smtp_password"] == "the site's own"  # noqa: S105
    unchanged = set(made) - {"jwt_secret", "smtp_password"}
    assert {name: second[name] for name in unchanged} == {name: first[name] for name in unchanged}


def test_the_script_of_secrets_prints_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "secrets"
    assert credentials.main(["--folder", str(folder), "--user", "admin", "--user", "li"]) == 0
    said = capsys.readouterr().out
    assert sorted(credentials.passwords(folder)) == ["admin", "li"]
    told = [path.read_text(encoding="utf-8") for path in folder.iterdir()]
    assert not [text for text in [*told, *credentials.passwords(folder).values()] if text and text in said]
    assert f"WENGANG_UID={os.getuid()}" in said


@pytest.mark.parametrize(("secret", "seen"), [("p w$1\n", "p w$1"), ("", "none"), (None, "none")])
def test_the_mail_password_comes_from_its_secret(secret: str | None, seen: str, tmp_path: Path) -> None:
    file = tmp_path / "smtp_password"
    if secret is not None:
        file.write_text(secret, encoding="utf-8")
    done = subprocess.run(
        ["sh", "deploy/enter.sh", "sh", "-c", 'printf %s "${WENGANG_SMTP_PASSWORD-none}"'],
        env={"PATH": os.environ["PATH"], "WENGANG_SMTP_PASSWORD_FILE": str(file)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == seen


class Page(BaseHTTPRequestHandler):
    """Airflow's page of health, as the test says it is."""

    told: tuple[int, Any] = (200, {})

    def do_GET(self) -> None:
        self.send_response(self.told[0])
        self.end_headers()
        self.wfile.write(json.dumps(self.told[1]).encode())

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def page() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/api/v2/monitor/health"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("told", "fault"),
    [
        ((200, {"triggerer": {"status": "healthy"}}), ""),
        ((200, {"triggerer": {"status": "unhealthy"}}), "triggerer is unhealthy"),
        ((200, {"triggerer": {"status": None}}), "triggerer is None"),
        ((200, {"metadatabase": {"status": "healthy"}}), "triggerer is None"),
        ((503, {}), "answers 503"),
    ],
)
def test_health_is_what_the_page_says(
    told: tuple[int, Any], fault: str, page: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Page, "told", told)
    assert health.main(["http", page, "triggerer"]) == (1 if fault else 0)
    assert fault in capsys.readouterr().err


def test_nobody_at_home_is_not_well(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    assert health.main(["http", f"http://{address}/health", "scheduler"]) == 1
    assert health.main(["smtp", address]) == 1
    assert "refused" in capsys.readouterr().err
    assert health.main(["smtp"]) == 2


def _running(found: Sequence[psutil.Process]) -> list[psutil.Process]:
    """Those that run; a dead one that was not yet asked for does not."""
    return [one for one in found if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


def _wait(condition: Any, seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.1)


QUEUES = """
import psutil
from pathlib import Path
from airflow.sdk import DAG, task

with DAG("queues") as dag:
    for pool, queue in (("wengang_writer", "wengang_writer"), ("wengang_reader", "default")):
        @task(task_id=queue, pool=pool, queue=queue)
        def tell(name=queue):
            said = [" ".join(one.cmdline()) for one in psutil.Process().parents()]
            Path("{out}", name).write_text("\\n".join(said))
        tell()
"""


@pytest.mark.proof
@pytest.mark.parametrize(("executor", "database"), [("local", "postgres"), ("local", "sqlite"), ("celery", "postgres")])
def test_the_stack_comes_up_works_and_leaves_nothing(executor: str, database: str, tmp_path: Path) -> None:
    dags, out = tmp_path / "dags", tmp_path / "out"
    for folder in (dags, out):
        folder.mkdir()
    (dags / "queues.py").write_text(QUEUES.replace("{out}", str(out)), encoding="utf-8")
    try:
        stack = Stack(
            tmp_path / "work", executor=executor, database=database, extra={"AIRFLOW__CORE__DAGS_FOLDER": str(dags)}
        )
        servers.postgres_folder()
        if executor == "celery":
            servers.redis_folder()
    except ServerMissingError as error:
        pytest.skip(str(error))
    with stack:
        began = {name: stack.processes(name) for name in stack.services}
        pools = {pool["name"]: pool["slots"] for pool in stack.call("GET", "/pools")["pools"]}
        assert (pools["wengang_writer"], pools["wengang_reader"]) == (1, 2)
        assert (Path(stack.environment("scheduler")["WENGANG_HOME"]) / "wengang.toml").is_file()
        with pytest.raises(StackError, match="403"):
            stack.call("GET", "/connections", user="reader")
        _run("queues", stack)
        for queue, worker in (("wengang_writer", "writer@"), ("default", "reader@")):
            assert (worker in (out / queue).read_text(encoding="utf-8")) == (executor == "celery")
        if executor == "celery":
            stack.kill("worker-writer")
            assert not stack.is_healthy("worker-writer")
            stack.start("worker-writer")
            stack.wait_healthy(120)
            _run("queues", stack)
        if database == "postgres":
            stack.restart("postgres")
            stack.wait_healthy(180, is_mending=True)
            _run("queues", stack)
    assert _running([process for started in began.values() for process in started]) == []
    assert not [name for name in stack.services if stack.is_healthy(name)]
    said = "".join(path.read_text(encoding="utf-8", errors="replace") for path in (stack.work / "logs").iterdir())
    secrets = stack.work / "secrets"
    words = [(secrets / name).read_text(encoding="utf-8") for name in (*credentials.DRAWN, "fernet_key")]
    assert [word for word in (*words, *credentials.passwords(secrets).values()) if word in said] == []


def _run(dag: str, stack: Stack) -> None:
    """Trigger ``dag`` and wait until its run has succeeded."""
    _wait(lambda: _known(dag, stack), 60)
    stack.call("PATCH", f"/dags/{dag}", {"is_paused": False})
    run = stack.call("POST", f"/dags/{dag}/dagRuns", {"logical_date": None})["dag_run_id"]
    _wait(lambda: stack.call("GET", f"/dags/{dag}/dagRuns/{run}")["state"] in {"success", "failed"}, 120)
    assert stack.call("GET", f"/dags/{dag}/dagRuns/{run}")["state"] == "success"


def _known(dag: str, stack: Stack) -> bool:
    return dag in {told["dag_id"] for told in stack.call("GET", "/dags")["dags"]}


@pytest.mark.proof
def test_serve_ends_with_everything_it_started(tmp_path: Path) -> None:
    work = tmp_path / "work"
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("AIRFLOW", "WENGANG"))}
    served = subprocess.Popen(
        [sys.executable, "-m", "deploy.stack", "serve", "--work", str(work), "--database", "sqlite"],
        env=environment | {"WENGANG_HOME": str(tmp_path / "home")},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert served.stdout is not None
    said = [served.stdout.readline() for _ in range(6)]
    assert "web page" in said[1], said
    stack = Stack.opened(work)
    started = [process for name in stack.services for process in stack.processes(name)]
    assert (tmp_path / "home" / "wengang.toml").is_file()
    assert stack.call("GET", "/dags")["total_entries"] >= 0
    stack.kill("triggerer")
    assert "triggerer" in served.stdout.readline()
    served.send_signal(signal.SIGINT)
    rest, _ = served.communicate(timeout=120)
    assert "已停止" in rest
    assert served.returncode == 0
    assert _running(started) == []
