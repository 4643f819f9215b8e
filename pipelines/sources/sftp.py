"""Files on an SFTP server whose host key is known: those not taken before by name, size and time of change.

A file that grows or changes while it is looked at or read is left for the next time. Nothing is removed or written
there. A server that shows another key than the settings name is refused before a password is sent.
"""

import errno
import fnmatch
import io
import logging
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes

import paramiko
from paramiko.hostkeys import HostKeyEntry
from paramiko.sftp import CMD_CLOSE, CMD_HANDLE, CMD_NAME, CMD_OPENDIR, CMD_READDIR

from pipelines.errors import SourceDownError, SourceRefusedError
from pipelines.source_settings import Sftp, SftpFeed
from pipelines.sources.logins import Login, variable
from pipelines.sources.protocol import Channel, Fetched, Found, Meter, Sink, Source

UNFINISHED = (".part", ".tmp", ".filepart", ".crdownload")
REQUEST_BYTES = 2**15
AT_ONCE = 1024
"""Requests under way at once: the library's own reading ahead either floods a server or sleeps between them."""
KEEP_ALIVE_SECONDS = 15
KEYS = (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey)
FINAL_ERRNO = {errno.ENOENT, errno.EACCES, errno.ENOTDIR, errno.EPERM}

logging.getLogger("paramiko").setLevel(logging.CRITICAL)


@dataclass(frozen=True)
class Look:
    """One file as a listing shows it; ``path`` is what the server calls it, ``name`` what people do."""

    path: bytes
    name: str
    size: int
    modified: int

    @property
    def identity(self) -> dict[str, Any]:
        """What tells this state of this file from any other, as it goes on record."""
        path, encoding = readable(self.path)
        named = path if encoding == "utf-8" else f"{encoding}:{path}"
        return {"path": named, "size": self.size, "modified": self.modified}


@contextmanager
def opened(channel: Channel[Sftp, SftpFeed]) -> Iterator[Source]:
    """The folder of one feed, connected and logged in."""
    client = paramiko.SSHClient()
    try:
        with told(channel):
            _connect(client, channel)
            files = client.open_sftp()
            files.get_channel().settimeout(channel.settings.timeout_seconds)
        yield _Folder(channel, files)
    finally:
        client.close()


class _Folder:
    """One feed's files on a server."""

    def __init__(self, channel: Channel[Sftp, SftpFeed], files: paramiko.SFTPClient) -> None:
        self._channel, self._files = channel, files
        self._folder = channel.wanted.path.encode(channel.settings.encoding)

    def probe(self) -> list[Found]:
        """Files that are new and look the same twice, the oldest first."""
        taken = {tuple(sorted(position.items())) for position in self._channel.positions}
        with told(self._channel):
            fresh = [look for look in self._listed() if tuple(sorted(look.identity.items())) not in taken]
            if fresh:
                time.sleep(self._channel.settings.settle_seconds)
            again = set(self._listed()) if fresh else set()
        for look in fresh:
            if look not in again:
                self._channel.say(f"未接收 {look.name}：数据源 {self._channel.name} 上仍在写入，留待下次接收")
        settled = [look for look in fresh if look in again]
        return [Found(look.name, look) for look in sorted(settled, key=lambda look: (look.modified, look.path))]

    def fetch(self, found: Found, part: Path) -> Fetched | None:
        """One file whole; None where it changed meanwhile or is gone."""
        look: Look = found.detail
        settings = self._channel.settings
        if look.size > settings.maximum_bytes:
            raise SourceRefusedError(f"{look.size} bytes in one file, allowed are {settings.maximum_bytes}")
        meter = Meter(settings.maximum_bytes, settings.total_seconds)
        with told(self._channel):
            try:
                with part.open("wb") as handle:
                    self._copy(look, Sink(handle, meter))
                after = self._files.stat(look.path)
            except FileNotFoundError:
                after = None
        if after is None or (after.st_size, after.st_mtime, meter.counted) != (look.size, look.modified, look.size):
            self._channel.say(f"未接收 {look.name}：取数时在数据源 {self._channel.name} 上有变动，留待下次接收")
            return None
        return Fetched(look.name, look.identity)

    def _copy(self, look: Look, sink: Sink) -> None:
        with self._files.open(look.path, "rb") as remote:
            for begin in range(0, look.size, AT_ONCE * REQUEST_BYTES):
                end = min(look.size, begin + AT_ONCE * REQUEST_BYTES)
                wanted = [(at, min(REQUEST_BYTES, end - at)) for at in range(begin, end, REQUEST_BYTES)]
                for block in remote.readv(wanted):
                    sink.write(block)

    def _listed(self) -> list[Look]:
        """Finished files whose name fits, as the server shows them now."""
        looks = []
        for raw, attributes in _entries(self._files, self._folder):
            (name, _), path = readable(raw), self._folder + b"/" + raw
            is_finished = not name.startswith(".") and not name.lower().endswith(UNFINISHED)
            if not (is_finished and fnmatch.fnmatchcase(name, self._channel.wanted.pattern)):
                continue
            found = self._behind(path) if stat.S_ISLNK(attributes.st_mode or 0) else attributes
            # A server that does not tell what something is has files.
            if found is not None and stat.S_ISREG(found.st_mode or stat.S_IFREG):
                looks.append(Look(path, name, found.st_size or 0, found.st_mtime or 0))
        return looks

    def _behind(self, path: bytes) -> paramiko.SFTPAttributes | None:
        """What a link leads to; None where that is nothing."""
        try:
            return self._files.stat(path)
        except FileNotFoundError:
            return None


def readable(raw: bytes) -> tuple[str, str]:
    """A name as text, and the encoding that it was read by: UTF-8, else GB18030, else its bytes written out."""
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    return quote_from_bytes(raw), "bytes"


def _entries(files: paramiko.SFTPClient, folder: bytes) -> Iterator[tuple[bytes, paramiko.SFTPAttributes]]:
    """Names as bytes, and attributes, of what a folder holds.

    The library's own listing reads every name as UTF-8 and fails on any other, so the three requests are made here.
    """
    kind, answer = files._request(CMD_OPENDIR, folder)
    if kind != CMD_HANDLE:
        raise paramiko.SFTPError("no handle for the folder")
    handle = answer.get_binary()
    try:
        while True:
            try:
                kind, answer = files._request(CMD_READDIR, handle)
            except EOFError:
                return
            if kind != CMD_NAME:
                raise paramiko.SFTPError("no names for the folder")
            for _ in range(answer.get_int()):
                name, _long = answer.get_string(), answer.get_string()
                yield name, paramiko.SFTPAttributes._from_msg(answer)
    finally:
        files._request(CMD_CLOSE, handle)


@contextmanager
def told(channel: Channel[Sftp, SftpFeed]) -> Iterator[None]:
    """Turn what the library and the network raise into our two families."""
    settings = channel.settings
    place = f"{channel.name}: sftp://{settings.host}:{settings.port}"
    try:
        yield
    except paramiko.AuthenticationException:
        named = " or ".join(variable(channel.source, part) for part in ("password", "key"))
        raise SourceRefusedError(
            f"{place} refuses the login of {channel.login.user!r}: check user and {named}"
        ) from None
    except paramiko.BadHostKeyException as error:
        raise SourceRefusedError(_other_key(place, error.key.fingerprint)) from None
    except paramiko.ssh_exception.IncompatiblePeer as error:
        raise SourceRefusedError(f"{place} speaks no cipher or key that is still safe: {error}") from None
    except paramiko.SSHException as error:
        if "known_hosts" in str(error):
            raise SourceRefusedError(_other_key(place, "of another kind")) from None
        raise SourceDownError(f"{place} broke off: {error}") from None
    except (OSError, EOFError) as error:
        if isinstance(error, OSError) and error.errno in FINAL_ERRNO:
            why = f"{error.strerror or error}: check path and rights of {channel.wanted.path!r}"
            raise SourceRefusedError(f"{place} refuses: {why}") from None
        raise SourceDownError(f"{place} cannot be reached, or broke off: {type(error).__name__}: {error}") from None


def _other_key(place: str, shown: str) -> str:
    return (
        f"{place} shows a host key ({shown}) that is not the host_key of the settings: ask its keeper by telephone "
        "whether it changed, before you change the settings; no login was sent"
    )


def _connect(client: paramiko.SSHClient, channel: Channel[Sftp, SftpFeed]) -> None:
    settings, login = channel.settings, channel.login
    if not (login.password or login.key):
        named = " or ".join(variable(channel.source, part) for part in ("password", "key"))
        raise SourceRefusedError(f"{channel.name} has no login: set {named}, or name a connection")
    known = settings.host if settings.port == paramiko.config.SSH_PORT else f"[{settings.host}]:{settings.port}"
    for line in settings.host_keys:
        entry = HostKeyEntry.from_line(f"{known} {line}")
        if entry is None:
            raise SourceRefusedError(f"{channel.name}: host_key of kind {line.split()[0]} is not known here")
        client.get_host_keys().add(known, entry.key.get_name(), entry.key)
    client.set_missing_host_key_policy(paramiko.RejectPolicy())
    client.connect(
        settings.host,
        port=settings.port,
        username=login.user,
        password=login.password or None,
        pkey=_key(login, channel) if login.key else None,
        timeout=settings.timeout_seconds,
        banner_timeout=settings.timeout_seconds,
        auth_timeout=settings.timeout_seconds,
        channel_timeout=settings.timeout_seconds,
        allow_agent=False,
        look_for_keys=False,
    )
    transport = client.get_transport()
    if transport is not None:
        transport.set_keepalive(KEEP_ALIVE_SECONDS)


def _key(login: Login, channel: Channel[Sftp, SftpFeed]) -> paramiko.PKey:
    """The private key in a login; raises ``SourceRefusedError`` where it cannot be read."""
    for kind in KEYS:
        try:
            return kind.from_private_key(io.StringIO(f"{login.key.strip()}\n"), password=login.passphrase or None)
        except paramiko.PasswordRequiredException:
            named = variable(channel.source, "passphrase")
            raise SourceRefusedError(f"{channel.name}: the private key needs its passphrase: set {named}") from None
        except (paramiko.SSHException, ValueError):
            continue
    named = variable(channel.source, "key")
    raise SourceRefusedError(f"{channel.name}: {named} is no private key of OpenSSH, or its passphrase is wrong")
