"""Logins of sources: from the environment or an Airflow connection, never from a file of settings, never shown.

``WENGANG_SOURCE_<NAME>_PASSWORD`` (``_USER``, ``_TOKEN``, ``_KEY``, ``_PASSPHRASE``), or the same with ``_FILE`` behind
it, which names a file that holds the value. Where the settings name a ``connection``, what the environment leaves open
comes from it: asked of Airflow by the edge that knows it, else read from ``AIRFLOW_CONN_<ID>``.
"""

import base64
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit

from pipelines.errors import SourceRefusedError

HIDDEN = "***"
Connections = Callable[[str], Mapping[str, str]]


@dataclass(frozen=True)
class Login:
    """Who we are at a source; its text shows no secret."""

    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    passphrase: str = field(default="", repr=False)

    def hidden(self, text: str) -> str:
        """``text`` without any secret of this login, as it is or as it is written in addresses and headers."""
        pair = base64.b64encode(f"{self.user}:{self.password}".encode()).decode() if self.password else ""
        secrets = {self.password, self.token, self.key.strip(), self.passphrase, pair} - {""}
        forms = {form for secret in secrets for form in (secret, quote(secret, safe=""), quote_plus(secret))}
        for form in sorted(forms, key=len, reverse=True):
            text = text.replace(form, HIDDEN)
        return text


def variable(source: str, part: str) -> str:
    """The variable of the environment that holds ``part`` of the login of ``source``."""
    return f"WENGANG_SOURCE_{source.upper()}_{part.upper()}"


def login_of(source: str, *, user: str, connection: str, connections: Connections | None = None) -> Login:
    """The login of ``source``, whose settings say ``user`` and ``connection``.

    ``connections`` gives what Airflow knows of a connection. Raises ``SourceRefusedError`` where nobody knows it.
    """
    said = (connections or _from_environment)(connection) if connection else {}
    own = {part.name: _own(source, part.name) for part in fields(Login)}
    parts = {name: value or said.get(name, "") for name, value in own.items()}
    return Login(**{**parts, "user": own["user"] or user or said.get("user", "")})


def parts_of(login: str | None, password: str | None, extra: Mapping[str, Any]) -> dict[str, str]:
    """The parts of a login in what Airflow keeps of a connection; ``extra`` may hold token and key."""
    named = {"token": ("token",), "key": ("private_key", "key"), "passphrase": ("private_key_passphrase", "passphrase")}
    found = {part: next((str(extra[n]) for n in names if extra.get(n)), "") for part, names in named.items()}
    return {"user": login or "", "password": password or "", **found}


def _own(source: str, part: str) -> str:
    name = variable(source, part)
    if value := os.environ.get(name, ""):
        return value
    place = os.environ.get(f"{name}_FILE", "")
    if not place:
        return ""
    try:
        return Path(place).read_text(encoding="utf-8").rstrip("\n")
    except (OSError, UnicodeDecodeError) as error:
        told = f"{type(error).__name__}; make it readable for the account that runs wengang"
        raise SourceRefusedError(f"the file that {name}_FILE names cannot be read: {told}") from None


def _from_environment(connection: str) -> dict[str, str]:
    """What ``AIRFLOW_CONN_<ID>`` says, an address or JSON, without asking Airflow."""
    name = f"AIRFLOW_CONN_{connection.upper()}"
    value = os.environ.get(name, "")
    if not value:
        raise SourceRefusedError(f"no connection {connection}: set {name}, or make it in Airflow and fetch from there")
    try:
        return _of_json(value) if value.lstrip().startswith("{") else _of_address(value)
    except (ValueError, TypeError, AttributeError):
        raise SourceRefusedError(f"{name} is neither an address nor JSON as Airflow writes them") from None


def _of_json(value: str) -> dict[str, str]:
    body = json.loads(value)
    extra = body.get("extra") or {}
    return parts_of(body.get("login"), body.get("password"), json.loads(extra) if isinstance(extra, str) else extra)


def _of_address(value: str) -> dict[str, str]:
    split = urlsplit(value)
    if not split.scheme:
        raise ValueError("no address")
    extra: dict[str, Any] = dict(parse_qsl(split.query))
    if packed := extra.pop("__extra__", ""):
        extra |= json.loads(packed)
    return parts_of(unquote(split.username or ""), unquote(split.password or ""), extra)
