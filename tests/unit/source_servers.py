"""Servers that the tests of sources fetch from: PostgreSQL, OpenSSH, and an HTTP API that can be told to misbehave."""

import http.server
import json
import os
import pwd
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import psycopg
import pytest

from deploy import servers

PASSWORD = "口令 p@ss/w0rd%"  # noqa: S105  of servers that live as long as a test
Behaviour = Callable[["Handler", dict[str, Any]], None]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        return int(held.getsockname()[1])


@dataclass(frozen=True)
class Postgres:
    """A running PostgreSQL with one user, who owns the database."""

    port: int
    password: str = PASSWORD
    user: str = "wengang"

    @property
    def url(self) -> str:
        """Its address without the password."""
        return f"postgresql://{self.user}@127.0.0.1:{self.port}/postgres"

    def connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user=self.user, password=self.password, dbname="postgres", autocommit=True
        )


@contextmanager
def postgres(folder: Path) -> Iterator[Postgres]:
    """A PostgreSQL of this host in ``folder``, its password asked for; skips where there is none."""
    try:
        programs = servers.postgres_folder()
    except servers.ServerMissingError as error:
        pytest.skip(str(error))
    told = folder / "password"
    told.write_text(PASSWORD, encoding="utf-8")
    if os.geteuid() == 0:
        for path in (folder, told):
            shutil.chown(path, servers.UNPRIVILEGED, servers.UNPRIVILEGED)
    data, port, prefix = folder / "data", free_port(), servers.as_unprivileged(folder)
    first = [f"--pgdata={data}", "--username=wengang", f"--pwfile={told}", "--auth=scram-sha-256", "--no-sync"]
    made = [*prefix, str(programs / "initdb"), *first, "--encoding=UTF8", "--locale=C.UTF-8"]
    subprocess.run(made, cwd="/", check=True, capture_output=True)
    options = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off", "port": str(port)}
    said = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*prefix, str(programs / "postgres"), "-D", str(data), *said], cwd="/", stdout=log, stderr=log
        )
    try:
        server = Postgres(port)
        until(lambda: server.connect().close(), process, folder / "log")
        yield server
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


@dataclass(frozen=True)
class Sshd:
    """A running sshd that serves one folder by SFTP to the user of these tests, by key."""

    port: int
    folder: Path
    host_key: str
    other_host_key: str
    private_key: str
    user: str


@contextmanager
def sshd(folder: Path) -> Iterator[Sshd]:
    """OpenSSH's server of this host on a high port, with internal-sftp only; skips where there is none."""
    program = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip("sshd is not on this host (Debian: apt-get install openssh-server)")
    for name in ("host", "other", "user"):
        made = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(folder / name)]
        subprocess.run(made, check=True)
    files, port = folder / "files", free_port()
    files.mkdir()
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    config = folder / "config"
    lines = [
        f"Port {port}",
        "ListenAddress 127.0.0.1",
        f"HostKey {folder / 'host'}",
        f"PidFile {folder / 'pid'}",
        f"AuthorizedKeysFile {folder / 'user.pub'}",
        "StrictModes no",
        "UsePAM no",
        "PermitRootLogin yes",
        "PasswordAuthentication yes",
        "Subsystem sftp internal-sftp",
        f"ForceCommand internal-sftp -d {files}",
    ]
    config.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, "-D", "-e", "-f", str(config)], stdout=log, stderr=log)
    try:
        until(lambda: socket.create_connection(("127.0.0.1", port), 1).close(), process, folder / "log")
        public = {name: (folder / f"{name}.pub").read_text().strip() for name in ("host", "other")}
        user = pwd.getpwuid(os.geteuid()).pw_name
        yield Sshd(port, files, public["host"], public["other"], (folder / "user").read_text(), user)
    finally:
        process.terminate()
        process.wait(30)


def until(works: Callable[[], object], process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait till ``works`` raises nothing."""
    for _ in range(300):
        if process.poll() is not None:
            break
        try:
            works()
        except (OSError, psycopg.Error):
            time.sleep(0.1)
        else:
            return
    raise AssertionError(log.read_text(encoding="utf-8", errors="replace")[-2000:])


@dataclass
class Api:
    """A small API of rows; ``upsets`` are what it does instead, one request after the other, where not None."""

    rows: list[dict[str, Any]]
    size: int = 3
    tells_total: bool = True
    upsets: list[Behaviour | None] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}/v1"

    def answer(self, path: str, query: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
        """The body for one question, and headers, whatever the way of its pages."""
        since = query.get("since", "")
        rows = [row for row in self.rows if row.get("changed", "") >= since]
        begin = self._begin(query)
        part = rows[begin : begin + self.size]
        more = begin + self.size < len(rows)
        body: dict[str, Any] = {"code": 0, "data": {"items": part}}
        if self.tells_total:
            body["data"]["total"] = len(rows)
        if "cursor" in path:
            body["data"]["cursor"] = f"c{begin + self.size}" if more else ""
        if "next" in path:
            body["data"]["next"] = f"/v1/next?begin={begin + self.size}" if more else None
        link = {"Link": f'<{self.url}/linked?begin={begin + self.size}>; rel="next"'} if "link" in path and more else {}
        return body, link

    def _begin(self, query: Mapping[str, str]) -> int:
        if "page" in query:
            return (int(query["page"]) - 1) * self.size
        return int(query.get("offset") or query.get("cursor", "c0").removeprefix("c") or query.get("begin", 0)) or int(
            query.get("begin", 0)
        )


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers as its API says."""

    protocol_version = "HTTP/1.1"
    api: Api

    def do_GET(self) -> None:
        self.api.asked.append(self.path)
        self.api.headers.append(dict(self.headers.items()))
        split = urlsplit(self.path)
        body, headers = self.api.answer(split.path, dict(parse_qsl(split.query)))
        upset = self.api.upsets.pop(0) if self.api.upsets else None
        if upset:
            upset(self, body)
        else:
            self.reply(json.dumps(body, ensure_ascii=False).encode(), headers=headers)

    def reply(self, content: bytes, *, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


def status(code: int, **headers: str) -> Behaviour:
    """Answer with ``code``."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda handler, body: handler.reply(b"{}", status=code, headers=named)


def truncates(handler: Handler, body: dict[str, Any]) -> None:
    """Promise more bytes than come."""
    content = json.dumps(body).encode()
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content[: len(content) // 2])
    handler.close_connection = True


def breaks_json(handler: Handler, body: dict[str, Any]) -> None:
    """Half a body, complete by its headers."""
    content = json.dumps(body).encode()
    handler.reply(content[: len(content) // 2])


def hangs_up(handler: Handler, body: dict[str, Any]) -> None:
    """Close without a word."""
    handler.close_connection = True


def stalls(handler: Handler, body: dict[str, Any]) -> None:
    """Say nothing for longer than anybody waits."""
    time.sleep(2.5)
    handler.close_connection = True


def says(**changed: Any) -> Behaviour:
    """Answer with other words at the top of the body."""
    return lambda handler, body: handler.reply(json.dumps(body | changed).encode())


def repeats(rows: Sequence[Mapping[str, Any]]) -> Behaviour:
    """Answer with rows that were sent before."""

    def again(handler: Handler, body: dict[str, Any]) -> None:
        body["data"]["items"] = list(rows)
        handler.reply(json.dumps(body).encode())

    return again


@contextmanager
def api(rows: list[dict[str, Any]], *, certificate: Path | None = None) -> Iterator[Api]:
    """An API of ``rows`` on this host; encrypted with ``certificate``, a file that holds the key as well."""
    service = Api(rows)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Own", (Handler,), {"api": service}))
    server.daemon_threads = True
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    service.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
