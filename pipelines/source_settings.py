"""What a site says of the sources that are fetched from: ``[sources.<name>]`` in ``wengang.toml``, one model a kind.

One source is one place with one login; under ``feeds`` it names what each feed takes from there. A password, a token or
a key has no field here and is refused inside an address: those come from the environment or an Airflow connection.
"""

import base64
import binascii
from typing import Annotated, Literal, Self
from urllib.parse import parse_qsl, urlsplit

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

SECRET_WORDS = ("password", "passwd", "pwd", "secret", "token", "passfile", "apikey", "api_key", "access_key")
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
FeedName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Text = Annotated[str, StringConstraints(min_length=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Source(_Strict):
    """What every kind has: the login's place, and how long and how much.

    ``timeout_seconds`` is how long the other side may be silent, ``total_seconds`` how long one file may take,
    ``attempts`` how often what can pass is tried, with pauses of ``backoff_seconds``, twice that, and so on.
    """

    user: str = ""
    connection: str = ""
    attempts: int = Field(default=4, ge=1, le=10)
    backoff_seconds: float = Field(default=2.0, gt=0, le=300)
    timeout_seconds: float = Field(default=30.0, gt=0, le=3600)
    total_seconds: float = Field(default=900.0, gt=0)
    maximum_bytes: int = Field(default=2**31, ge=1)


class SftpFeed(_Strict):
    """The files of one feed: those in the folder ``path`` whose name fits ``pattern`` (shell wildcards)."""

    path: Text = "."
    pattern: Text = "*"


class Sftp(_Source):
    """A folder on an SFTP server, whose ``host_key`` (the line of ``ssh-keyscan``, without the host) must be known.

    ``encoding`` is that of ``path``; names of files are read as UTF-8, else as GB18030. A file counts as finished that
    looks the same twice, ``settle_seconds`` apart.
    """

    kind: Literal["sftp"]
    host: Text
    port: int = Field(default=22, ge=1, le=65535)
    host_key: tuple[Text, ...] | Text
    encoding: Literal["utf-8", "gb18030"] = "utf-8"
    settle_seconds: float = Field(default=2.0, ge=0, le=300)
    feeds: dict[FeedName, SftpFeed] = Field(min_length=1)

    @property
    def host_keys(self) -> tuple[str, ...]:
        """The keys by which the server is known."""
        return (self.host_key,) if isinstance(self.host_key, str) else self.host_key

    @field_validator("host_key")
    @classmethod
    def _is_public_key(cls, value: tuple[str, ...] | str) -> tuple[str, ...] | str:
        for line in (value,) if isinstance(value, str) else value:
            words = line.split()
            try:
                is_key = len(words) >= 2 and len(base64.b64decode(words[1], validate=True)) > 16
            except binascii.Error:
                is_key = False
            if not is_key:
                raise ValueError("a host key is two words, as ssh-keyscan prints them: ssh-ed25519 AAAAC3…")
        return value


class DatabaseFeed(_Strict):
    """The rows of one feed: of a ``table`` or a ``query``; ``columns`` are headers of the contract → columns there.

    ``watermark`` is a column that only grows when a row comes or changes; without one, all rows are read every time.
    Rows are read again from ``overlap`` (seconds of an instant or a date, units of a number) below the highest value
    seen. ``key`` are columns that tell rows apart, by which they are ordered; else all are.
    """

    table: str = ""
    query: str = ""
    columns: dict[Text, Text] = Field(default_factory=dict)
    watermark: str = ""
    overlap: int = Field(default=3600, ge=0)
    key: tuple[Text, ...] = ()

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if bool(self.table) == bool(self.query):
            raise ValueError("say table or query, one of the two")
        return self


class Database(_Source):
    """A database by its SQLAlchemy address, without a password; PostgreSQL is read by COPY."""

    kind: Literal["database"]
    url: Text
    feeds: dict[FeedName, DatabaseFeed] = Field(min_length=1)

    @field_validator("url")
    @classmethod
    def _holds_no_secret(cls, value: str) -> str:
        _refuse_secrets(value)
        if "://" not in value:
            raise ValueError("an address begins with its kind, as postgresql://user@host:5432/name")
        return value


class HttpFeed(_Strict):
    """The rows of one feed: ``rows`` is where their list lies in an answer (words joined by dots; empty: the answer).

    ``columns`` are headers of the contract → places in a row. ``expect`` are places and the text that an answer must
    have there to be one. ``total`` is where the number of all rows is told. How pages follow one another: ``next`` (the
    next address at the place ``next``, else in the header Link), ``cursor`` (the next cursor at ``next``), ``page``
    (numbers) and ``offset`` (rows), both to an empty page or the total. ``watermark`` is a place in a row whose highest
    value is sent as ``since_parameter`` the next time, less ``overlap``; ``keeps_cursor`` begins the next time at the
    last cursor.
    """

    path: str = ""
    rows: str = ""
    columns: dict[Text, Text] = Field(min_length=1)
    parameters: dict[Text, str | int] = Field(default_factory=dict)
    expect: dict[Text, str] = Field(default_factory=dict)
    total: str = ""
    pages: Literal["none", "next", "cursor", "page", "offset"] = "none"
    next: str = ""
    keeps_cursor: bool = False
    cursor_parameter: Text = "cursor"
    page_parameter: Text = "page"
    first_page: int = 1
    offset_parameter: Text = "offset"
    size_parameter: str = ""
    size: int = Field(default=500, ge=1)
    since_parameter: str = ""
    watermark: str = ""
    overlap: int = Field(default=3600, ge=0)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if bool(self.since_parameter) != bool(self.watermark):
            raise ValueError("since_parameter and watermark belong together")
        if self.pages == "cursor" and not self.next:
            raise ValueError("pages by cursor need next: where an answer tells the next cursor")
        if self.keeps_cursor and self.pages != "cursor":
            raise ValueError("keeps_cursor is for pages by cursor")
        told = [word for word in self.parameters if any(secret in word.lower() for secret in SECRET_WORDS)]
        if told:
            raise ValueError(f"parameters may hold no secret, and {', '.join(told)} sounds like one; use auth")
        return self


class Http(_Source):
    """An HTTP API that answers JSON in pages below ``url``.

    ``auth`` says how the login is sent: basic (user and password), bearer (token), or the token in ``header``. An
    address without encryption must be allowed by ``plain_http``. Pages that were fetched before a fault are used for
    ``keep_hours``; a server may ask to be left alone for ``patience_seconds`` at most.
    """

    kind: Literal["http"]
    url: Text
    auth: Literal["none", "basic", "bearer", "header"] = "none"
    header: str = ""
    ca_file: str = ""
    plain_http: bool = False
    keep_hours: int = Field(default=24, ge=0)
    patience_seconds: float = Field(default=120.0, gt=0)
    maximum_pages: int = Field(default=100_000, ge=1)
    feeds: dict[FeedName, HttpFeed] = Field(min_length=1)

    @model_validator(mode="after")
    def _is_safe(self) -> Self:
        _refuse_secrets(self.url)
        scheme = urlsplit(self.url).scheme
        if scheme not in {"http", "https"}:
            raise ValueError("url must begin with https:// (or http://)")
        if scheme == "http" and not self.plain_http:
            raise ValueError("url is not encrypted; use https://, or allow it with plain_http = true")
        if (self.auth == "header") != bool(self.header):
            raise ValueError("auth = 'header' needs header, the name of the header that carries the token")
        return self


Source = Annotated[Sftp | Database | Http, Field(discriminator="kind")]
Sources = dict[Name, Source]


def _refuse_secrets(url: str) -> None:
    """Raise where an address holds a password; never shows it."""
    try:
        split = urlsplit(url)
        inside = [word for word, _ in parse_qsl(split.query) if any(secret in word.lower() for secret in SECRET_WORDS)]
        has_password = split.password is not None
    except ValueError:
        inside, has_password = [], "@" in url
    if has_password or inside:
        raise ValueError("an address holds no password: take it out, and give it as WENGANG_SOURCE_<NAME>_PASSWORD")
