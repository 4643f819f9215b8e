"""The secret files of the stack, made once: ``python -m deploy.credentials [--folder secrets]``.

Each is random, mode 600, without a line end, and never written again: what lies there stays, be it ours or the site's
own (an address of another database, the mail server's password). Nothing of them is ever printed.
"""

import argparse
import base64
import json
import os
import secrets
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.run import sync_folder

USERS = ("admin", "duty", "reader")
DRAWN = ("postgres_password", "redis_password", "jwt_secret", "api_secret_key")


@dataclass(frozen=True)
class Addresses:
    """Where the database and the broker are, as ``host:port``; ``database_url`` in full where it is not ours."""

    database: str = "postgres:5432"
    broker: str = "redis:6379"
    database_url: str = ""


def make(
    folder: Path, *, addresses: Addresses, users: Sequence[str] = USERS, owner: tuple[int, int] | None = None
) -> list[str]:
    """Make what is missing in ``folder``, for user and group ``owner`` (else the caller's); the names of files made."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    if owner:
        os.chown(folder, *owner)
    made = []
    for name, draw in _drawings(folder, addresses, users).items():
        if not (folder / name).exists():
            _write(folder / name, draw(), owner=owner)
            made.append(name)
    return made


def passwords(folder: Path) -> Mapping[str, str]:
    """Passwords of the web page by user."""
    read: Mapping[str, str] = json.loads((folder / "ui_passwords").read_text(encoding="utf-8"))
    return read


def _drawings(folder: Path, addresses: Addresses, users: Sequence[str]) -> Mapping[str, Callable[[], str]]:
    """How each file is made, in an order in which what is read is there already."""

    def read(name: str) -> str:
        return (folder / name).read_text(encoding="utf-8")

    def database() -> str:
        return f"airflow:{read('postgres_password')}@{addresses.database}/airflow"

    return {
        **{name: lambda: secrets.token_urlsafe(32) for name in DRAWN},
        "fernet_key": lambda: base64.urlsafe_b64encode(os.urandom(32)).decode(),
        "ui_passwords": lambda: json.dumps({user: secrets.token_urlsafe(12) for user in users}),
        "database_url": lambda: addresses.database_url or f"postgresql+psycopg2://{database()}",
        "result_backend": lambda: f"db+postgresql+psycopg2://{database()}",
        "broker_url": lambda: f"redis://:{read('redis_password')}@{addresses.broker}/0",
        "redis_conf": lambda: f"requirepass {read('redis_password')}\n",
        "smtp_password": str,
    }


def _write(path: Path, text: str, *, owner: tuple[int, int] | None) -> None:
    """Write durably under a temporary name of mode 600, then link: a file that came meanwhile is never replaced."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if owner:
            os.chown(name, *owner)
        os.link(name, path)
    finally:
        Path(name).unlink()
    sync_folder(path.parent)


def main(arguments: Sequence[str]) -> int:
    """Make what is missing and say which files."""
    parser = argparse.ArgumentParser(prog="python -m deploy.credentials", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--folder", type=Path, default=Path("secrets"))
    parser.add_argument(
        "--user", action="append", help="of the web page; may be repeated (default: admin, duty, reader)"
    )
    parser.add_argument("--uid", type=int, help="who may read them: the user of the containers (default: the caller)")
    parser.add_argument("--gid", type=int)
    asked = parser.parse_args(arguments)
    owner = None if asked.uid is None else (asked.uid, asked.uid if asked.gid is None else asked.gid)
    made = make(asked.folder, addresses=Addresses(), users=asked.user or USERS, owner=owner)
    state = f"made {', '.join(made)}" if made else "nothing was missing"
    told = asked.folder.stat()
    sys.stdout.write(
        f"{asked.folder}: {state}\n"
        f"readable by uid {told.st_uid} only; for .env: WENGANG_UID={told.st_uid} WENGANG_GID={told.st_gid}\n"
        f"passwords of the web page: {asked.folder / 'ui_passwords'}\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
