"""One answer of an HTTP API: asked again where that can help, read whole or not at all, and understood as JSON.

Only a complete body counts: one that is shorter than it says, breaks off, or is no JSON, is asked for again. How long a
server wants to be left alone is what it says itself. Nothing of an answer is ever shown, for it may speak of persons.
"""

import email.utils
import json
import logging
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import httpx

from pipelines.errors import SourceDownError, SourceRefusedError
from pipelines.source_settings import Http, HttpFeed
from pipelines.sources.cells import ZONE
from pipelines.sources.logins import variable
from pipelines.sources.protocol import Channel, Meter

PASSING = frozenset({408, 425, 429})
MISSING: Any = object()
"""What lies at a place that an answer does not have."""

logging.getLogger("httpx").setLevel(logging.WARNING)
logging.getLogger("httpcore").setLevel(logging.WARNING)


class _AgainError(Exception):
    """A request that may succeed later: why it did not, and how many seconds the server asks for."""

    def __init__(self, why: str, pause: float | None = None) -> None:
        super().__init__(why)
        self.pause = pause


@dataclass(frozen=True)
class Answer:
    """A body as JSON, its numbers as they were written, and the address that the header Link calls next."""

    body: Any
    next_link: str


class Requests:
    """Asks one API for one feed, in the limits of its settings."""

    def __init__(self, channel: Channel[Http, HttpFeed]) -> None:
        self._channel = channel
        settings = channel.settings
        self.meter = Meter(settings.maximum_bytes, settings.total_seconds)
        self._client = httpx.Client(
            timeout=settings.timeout_seconds,
            verify=_trusted(channel),
            auth=httpx.BasicAuth(channel.login.user, channel.login.password) if settings.auth == "basic" else None,
            headers={"Accept": "application/json", **_token(channel)},
            follow_redirects=False,
            trust_env=False,
        )

    def close(self) -> None:
        """Let the connections go."""
        self._client.close()

    def ask(self, address: str, parameters: Mapping[str, str]) -> Answer:
        """The answer at ``address``; asks again with pauses that double, or as long as the server asks for.

        Raises ``SourceDownError`` where it does not come, ``SourceRefusedError`` where asking again changes nothing.
        """
        settings = self._channel.settings
        for attempt in range(1, settings.attempts + 1):
            try:
                return self._once(address, parameters)
            except _AgainError as error:
                pause = error.pause if error.pause is not None else settings.backoff_seconds * 2 ** (attempt - 1)
                if attempt == settings.attempts or pause > settings.patience_seconds:
                    asked = f"; it asks to be left alone for {pause:g} s" if error.pause is not None else ""
                    told = f"{self._channel.name}: {_shown(address)}: {error} (attempt {attempt}){asked}"
                    raise SourceDownError(told) from None
                time.sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    def _once(self, address: str, parameters: Mapping[str, str]) -> Answer:
        try:
            with self._client.stream("GET", address, params=parameters or None) as response:
                self._judge(response, address)
                body = self._body(response)
        except httpx.ConnectError as error:
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                told = f"{self._channel.name}: {_shown(address)} shows a certificate that nobody here vouches for"
                raise SourceRefusedError(f"{told}: name the authority that issued it as ca_file") from None
            raise _AgainError("ConnectError") from None
        except (httpx.TimeoutException, httpx.NetworkError, httpx.RemoteProtocolError) as error:
            raise _AgainError(type(error).__name__) from None
        except httpx.DecodingError:
            raise _AgainError("the body cannot be unpacked") from None
        except httpx.HTTPError as error:
            raise SourceRefusedError(f"{self._channel.name}: {_shown(address)}: {type(error).__name__}") from None
        answer = Answer(_parsed(body, response), response.links.get("next", {}).get("url", ""))
        for place, wanted in self._channel.wanted.expect.items():
            if told_at(answer.body, place) != wanted:
                raise _AgainError(f"the answer does not say {wanted!r} at {place}")
        return answer

    def _judge(self, response: httpx.Response, address: str) -> None:
        code, name = response.status_code, f"{self._channel.name}: {_shown(address)}"
        if response.is_success:
            return
        if code in PASSING or code >= 500:
            raise _AgainError(f"status {code}", pause_asked(response.headers, now=self._channel.now))
        if code in {401, 403}:
            source = self._channel.source
            named = " or ".join(variable(source, part) for part in ("password", "token"))
            raise SourceRefusedError(f"{name} refuses the login (status {code}): check auth, user and {named}")
        if response.is_redirect:
            raise SourceRefusedError(
                f"{name} sends us elsewhere (status {code}): ask its keeper for the address to use"
            )
        raise SourceRefusedError(f"{name} refuses (status {code}): check path and parameters")

    def _body(self, response: httpx.Response) -> bytes:
        """The body, as long as it says; httpx itself raises where a promised length is not reached."""
        blocks, began = [], time.monotonic()
        for block in response.iter_bytes():
            self.meter.add(len(block))
            blocks.append(block)
            if time.monotonic() - began > self._channel.settings.timeout_seconds * 10:
                raise _AgainError("the answer trickles")
        return b"".join(blocks)


def at(body: Any, place: str) -> Any:
    """What lies in ``body`` at ``place``, words joined by dots; ``MISSING`` where nothing does."""
    for word in place.split(".") if place else ():
        if isinstance(body, dict) and word in body:
            body = body[word]
        elif isinstance(body, list) and word.isdecimal() and int(word) < len(body):
            body = body[int(word)]
        else:
            return MISSING
    return body


def text_of(value: Any) -> str:
    """A value of JSON as the text of a cell; numbers are texts already.

    Raises ``ValueError`` for a list or an object.
    """
    if isinstance(value, dict | list):
        raise ValueError("no single value")
    if value is None or value is MISSING:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def told_at(body: Any, place: str) -> str | None:
    """The text at ``place``; None where nothing lies there, or no single value."""
    found = at(body, place)
    return None if found is MISSING or isinstance(found, dict | list) else text_of(found)


def pause_asked(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """Seconds that Retry-After asks for; an instant counts from the server's own clock, where it tells that."""
    said = headers.get("Retry-After", "").strip()
    if said.isdecimal():
        return float(said)
    until, since = _instant(said), _instant(headers.get("Date", ""))
    if until is None:
        return None
    return max(0.0, until - (since if since is not None else now.replace(tzinfo=ZONE).timestamp()))


def _instant(text: str) -> float | None:
    try:
        return email.utils.parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError):
        return None


def _parsed(body: bytes, response: httpx.Response) -> Any:
    try:
        return json.loads(body.decode(response.charset_encoding or "utf-8"), parse_float=str, parse_int=str)
    except (ValueError, LookupError):
        raise _AgainError(f"a body of {len(body)} bytes is not whole JSON") from None


def _trusted(channel: Channel[Http, HttpFeed]) -> ssl.SSLContext:
    """Whose certificates are believed: those of ``ca_file``, else of this system."""
    try:
        return ssl.create_default_context(cafile=channel.settings.ca_file or None)
    except (OSError, ssl.SSLError) as error:
        told = f"ca_file cannot be read ({type(error).__name__})"
        raise SourceRefusedError(f"{channel.name}: {told}: it must hold certificates as PEM") from None


def _token(channel: Channel[Http, HttpFeed]) -> dict[str, str]:
    settings, login = channel.settings, channel.login
    needed = {"basic": "password", "bearer": "token", "header": "token"}.get(settings.auth)
    if needed and not getattr(login, needed):
        named = variable(channel.source, needed)
        raise SourceRefusedError(f"{channel.name} has no {needed}: set {named}, or name a connection")
    if needed == "token" and not (login.token.isascii() and login.token.isprintable()):
        raise SourceRefusedError(f"{channel.name}: {variable(channel.source, needed)} holds what no header can carry")
    if settings.auth == "bearer":
        return {"Authorization": f"Bearer {login.token}"}
    return {settings.header: login.token} if settings.auth == "header" else {}


def _shown(address: str) -> str:
    """An address without what is asked, which a server may have filled with anything."""
    split = urlsplit(address)
    return f"{split.scheme}://{split.hostname}{f':{split.port}' if split.port else ''}{split.path}"
