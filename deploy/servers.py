"""PostgreSQL and Redis of the host, in the place of their images: found, installed where that is allowed, first made.

What the entry point of the PostgreSQL image does before its command is done here, no more.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from pipelines.errors import WengangError

UNPRIVILEGED = "postgres"
DEBIAN = Path("/usr/lib/postgresql")


class ServerMissingError(WengangError):
    """A server that the stack needs is not on this host and cannot be installed from here."""


class ServerFailedError(WengangError):
    """A server of this host could not be made ready; the message holds what its program said."""


def postgres_folder() -> Path:
    """The folder of PostgreSQL's programs: Debian's newest, else that on the path; raises ``ServerMissingError``."""
    return _found("postgres", package="postgresql")


def redis_folder() -> Path:
    """The folder of ``redis-server``; raises ``ServerMissingError``."""
    return _found("redis-server", package="redis-server")


def _found(program: str, *, package: str) -> Path:
    place = _look(program)
    if place is None and os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        command = ["apt-get", "install", "--yes", "--no-install-recommends", package]
        subprocess.run(command, env=quiet, capture_output=True, check=False)  # noqa: S603
        place = _look(program)
    if place is None:
        raise ServerMissingError(f"{program} is not on this host: install it (Debian: apt-get install {package})")
    return place


def _look(program: str) -> Path | None:
    versions = [path for path in DEBIAN.glob(f"*/bin/{program}") if path.parts[-3].isdigit()]
    if versions:
        return max(versions, key=lambda path: int(path.parts[-3])).parent
    found = shutil.which(program)
    return Path(found).parent if found else None


def as_unprivileged(folder: Path) -> tuple[str, ...]:
    """What to put before PostgreSQL's programs, which refuse to run as root, so that they work in ``folder``.

    Where their user may not pass the folders above (a private temporary one), they are lent root's right to search and
    read. Nothing for a caller who is not root.
    """
    if os.geteuid() != 0:
        return ()
    plain = ("setpriv", f"--reuid={UNPRIVILEGED}", f"--regid={UNPRIVILEGED}", "--init-groups")
    lent = (*plain, "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
    for prefix in (plain, lent):
        looked = subprocess.run([*prefix, "stat", str(folder)], capture_output=True, check=False)  # noqa: S603
        if looked.returncode == 0:
            return prefix
    raise ServerFailedError(f"the user {UNPRIVILEGED} may not enter {folder}: choose a folder open to all (mode 755)")


def make_cluster(environment: Mapping[str, str], *, port: int) -> None:
    """Make the cluster that ``environment`` names as the image would: user, password from its file, database.

    Raises ``ServerFailedError`` where PostgreSQL's user may not enter the folder, and where its programs fail.
    """
    data = Path(environment["PGDATA"])
    if (data / "PG_VERSION").is_file():
        return
    data.parent.mkdir(parents=True, exist_ok=True)
    password = data.parent / "password"
    shutil.copy(environment["POSTGRES_PASSWORD_FILE"], password)
    password.chmod(0o600)
    if os.geteuid() == 0:
        for path in (data.parent, password):
            shutil.chown(path, UNPRIVILEGED, UNPRIVILEGED)
    prefix = as_unprivileged(data.parent)
    user = environment["POSTGRES_USER"]
    programs = postgres_folder()
    new = data.with_name(f"{data.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    first = [str(programs / "initdb"), f"--pgdata={new}", f"--username={user}", f"--pwfile={password}"]
    _done([*prefix, *first, "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8"])
    password.unlink()
    # Like the image: the database is made by a server of one user, before the real one listens.
    single = [str(programs / "postgres"), "--single", "-D", str(new), "-c", f"port={port}", "postgres"]
    _done([*prefix, *single], text=f'CREATE DATABASE "{environment["POSTGRES_DB"]}" OWNER "{user}";\n')
    new.rename(data)


def _done(command: list[str], *, text: str = "") -> None:
    done = subprocess.run(command, cwd="/", input=text, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode or "ERROR:" in done.stderr:
        raise ServerFailedError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
