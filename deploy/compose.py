"""``docker-compose.yml``, read as Compose reads it, as far as this project uses it, and moved onto one host.

What is not understood is refused, so that the native stack never starts something else than the file says.
"""

import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import yaml

from pipelines.errors import SettingsError

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "docker-compose.yml"
VARIABLE = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<name>\w+)(?P<sign>:[-+])(?P<word>[^${}]*)\}|(?P<other>.?))")
SECONDS = {"s": 1, "m": 60}
Condition = Literal["service_started", "service_healthy", "service_completed_successfully"]


@dataclass(frozen=True)
class Health:
    """The check of a service: what is run, and how long it may take, in seconds."""

    command: tuple[str, ...]
    timeout: int


@dataclass(frozen=True)
class Service:
    """What Compose would start: a command in an environment, once others are there."""

    name: str
    image: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    health: Health | None
    after: Mapping[str, Condition]
    ports: tuple[int, ...]
    volumes: Mapping[str, str]
    tmpfs: tuple[str, ...]
    stop_signal: str
    grace: int
    is_once: bool


@dataclass(frozen=True)
class Move:
    """From containers to one host: ``paths`` by path in the container, free ``ports``, names of ``hosts``."""

    paths: Mapping[str, Path]
    ports: Mapping[int, int]
    hosts: frozenset[str]

    def text(self, text: str) -> str:
        """``text`` with every path, host and port of a container replaced, in one pass."""
        paths = "|".join(map(re.escape, sorted(self.paths, key=len, reverse=True)))
        hosts = "|".join(map(re.escape, sorted(self.hosts, key=len, reverse=True)))
        ports = "|".join(map(str, self.ports))
        pattern = (
            rf"(?<![\w/.-])(?P<path>{paths})(?![\w-])|(?<=[@/])(?P<host>{hosts})(?=:\d)"
            rf"|(?P<all>0\.0\.0\.0)|(?<!\d)(?P<port>{ports})(?!\d)"
        )
        return re.sub(pattern, self._replacement, text)

    def _replacement(self, match: re.Match[str]) -> str:
        if match["path"]:
            return str(self.paths[match["path"]])
        if match["port"]:
            return str(self.ports[int(match["port"])])
        return "127.0.0.1"

    def service(self, service: Service) -> Service:
        """``service`` as it runs on this host."""
        health = service.health
        return replace(
            service,
            command=tuple(map(self.text, service.command)),
            environment={key: self.text(value) for key, value in service.environment.items()},
            health=health and replace(health, command=tuple(map(self.text, health.command))),
        )


def load(variables: Mapping[str, str], *, profiles: Iterable[str] = (), path: Path = FILE) -> dict[str, Service]:
    """The services of ``path`` under ``variables`` and ``profiles``, by name; raises ``SettingsError``."""
    body = interpolated(yaml.safe_load(path.read_text(encoding="utf-8")), variables)
    wanted = set(profiles)
    kept = {
        name: told
        for name, told in body["services"].items()
        if not told.get("profiles") or wanted & {*told["profiles"]}
    }
    return {name: _service(name, told, known=kept.keys()) for name, told in kept.items()}


def interpolated(value: Any, variables: Mapping[str, str]) -> Any:
    """``value`` with ``${NAME:-word}`` and ``${NAME:+word}`` filled in and ``$$`` as one; other forms are refused."""
    if isinstance(value, dict):
        return {key: interpolated(inner, variables) for key, inner in value.items()}
    if isinstance(value, list):
        return [interpolated(inner, variables) for inner in value]
    if not isinstance(value, str):
        return value

    def fill(match: re.Match[str]) -> str:
        if match["dollar"]:
            return "$"
        if match["name"] is None:
            raise SettingsError([f"{value!r}: only ${{NAME:-word}}, ${{NAME:+word}} and $$ are understood"])
        given = variables.get(match["name"], "")
        return (given or match["word"]) if match["sign"] == ":-" else (match["word"] if given else "")

    return VARIABLE.sub(fill, value)


def _service(name: str, told: Mapping[str, Any], *, known: Iterable[str]) -> Service:
    after: dict[str, Condition] = {}
    for other, how in (told.get("depends_on") or {}).items():
        if other in known:
            after[other] = how["condition"]
        elif how.get("required", True):
            raise SettingsError([f"{name} needs {other}, which no profile in use starts"])
    return Service(
        name=name,
        image=told["image"],
        command=(*_words(told.get("entrypoint")), *_words(told.get("command"))),
        environment={key: str(value) for key, value in (told.get("environment") or {}).items()},
        health=_health(name, told.get("healthcheck") or {}),
        after=after,
        ports=tuple(int(port) for port in told.get("expose") or ()),
        volumes={target: source for source, target in (volume.split(":") for volume in told.get("volumes") or ())},
        tmpfs=tuple(entry.split(":")[0] for entry in told.get("tmpfs") or ()),
        stop_signal=told.get("stop_signal", "SIGTERM"),
        grace=seconds(told.get("stop_grace_period", "10s")),
        is_once=told.get("restart") == "no",
    )


def _words(told: str | list[str] | None) -> tuple[str, ...]:
    return tuple(shlex.split(told)) if isinstance(told, str) else tuple(map(str, told or ()))


def _health(name: str, told: Mapping[str, Any]) -> Health | None:
    match told.get("test"):
        case ["CMD", *words]:
            command = tuple(map(str, words))
        case ["CMD-SHELL", str(line)]:
            command = ("/bin/sh", "-c", line)
        case None:
            return None
        case other:
            raise SettingsError([f"{name}: a health check of another form: {other!r}"])
    return Health(command=command, timeout=seconds(told.get("timeout", "30s")))


def seconds(text: str) -> int:
    """A duration of one unit, ``90s`` or ``2m``, in seconds."""
    match = re.fullmatch(r"(\d+)([sm])", text)
    if not match:
        raise SettingsError([f"{text!r} is not a duration like 90s or 2m"])
    return int(match[1]) * SECONDS[match[2]]
