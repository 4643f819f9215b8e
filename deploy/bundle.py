"""One archive from which a host without any network installs and runs: ``python -m deploy.bundle --out dist``.

It holds the wheels that wengang with Airflow and Celery needs on this platform and Python, the lock cut down to them,
the bill of materials, the manuals, DAGs and service files, and ``install.sh``, which verifies all of it. Packages come
by pip, from wherever pip is configured to look; only files whose hash ``requirements.lock`` names are let in. The
development packages stay out. The same tree, commit and lock give the same bytes.
"""

import argparse
import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from packaging.markers import default_environment

from deploy import sbom
from deploy.locked import Wheel, entries, glibc_floor, glibc_tags, kept_lock, needed, read_wheel
from pipelines.errors import WengangError
from pipelines.run import atomic_file, make_folder

ROOT = Path(__file__).resolve().parent.parent
EXTRAS = ("airflow", "analysts", "celery")
NEWEST_GLIBC = (2, 28)  # of RHEL 8 and Debian 10: no wheel that asks for a newer one is taken
LOCK = "requirements.lock"
SUMS = "SHA256SUMS"
CARRIED = (
    *("README.md", "README.zh-CN.md", "CHANGELOG.md", "ARCHITECTURE.md", "GLOSSARY.md", "SECURITY.md", "LICENSE"),
    *("dags", "deploy", "docs", "docker-compose.yml", "examples", "sql/README.md"),
)
MAKERS = {f"deploy/{name}" for name in ("bundle.py", "install.sh", "locked.py", "sbom.py")}


class BundleError(WengangError):
    """The bundle could not be made; the message holds what the tool said."""


@dataclass(frozen=True)
class Platform:
    """The Python, the machine and the oldest C library that a bundle is for."""

    python: str
    machine: str
    glibc: str

    @property
    def tag(self) -> str:
        """How file names say it."""
        return f"cp{self.python.replace('.', '')}-linux_{self.machine}"


def build(out: Path, *, root: Path = ROOT) -> Path:
    """Build the bundle of the tree ``root`` into the folder ``out`` and give its path; its checksum lies beside it.

    Raises ``BundleError`` where a package cannot be had as a wheel with a hash of the lock, or where git or the build
    fails, and ``LockError`` where lock and wheels disagree.
    """
    if not sys.platform.startswith("linux"):
        raise BundleError(f"bundles are made on Linux, this is {sys.platform}")
    make_folder(out)
    made = _instant(root)
    with tempfile.TemporaryDirectory(dir=out, prefix=".bundle-") as name:
        work = Path(name)
        own, wheels = _wheels(root, work)
        environment = {key: str(value) for key, value in default_environment().items()}
        asked = needed(wheels, root=own, extras=EXTRAS, environment=environment)
        kept = [own if package == own.name else wheels[package] for package in asked]
        platform = _platform(kept)
        stem = f"wengang-{own.version}-{platform.tag}"
        folder = work / stem
        for wheel in kept:
            _carry(wheel.path, folder / "wheels" / wheel.path.name)
        for path in _tree(root):
            _carry(root / path, folder / path)
        lock = kept_lock(entries((root / LOCK).read_text(encoding="utf-8")), asked, environment)
        bill = sbom.render(wheels, asked, root=own, platform=platform.tag, made=made)
        (folder / LOCK).write_text(lock, encoding="utf-8")
        (folder / "sbom.cdx.json").write_text(bill, encoding="utf-8")
        (folder / "BUNDLE").write_text(_facts(own, platform, made), encoding="utf-8")
        _carry(root / "deploy" / "install.sh", folder / "install.sh")
        (folder / SUMS).write_text(sums(folder), encoding="utf-8")
        archive = out / f"{stem}-bundle.tar.gz"
        pack(folder, archive, mtime=int(made.timestamp()))
    with atomic_file(archive.with_name(f"{archive.name}.sha256")) as beside:
        beside.write_text(f"{_sha256(archive)}  {archive.name}\n", encoding="utf-8")
    return archive


def sums(folder: Path) -> str:
    """Lines ``<sha256>  <path>`` over all files below ``folder``, by path, as ``sha256sum --check`` reads them."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return "".join(f"{_sha256(path)}  {path.relative_to(folder).as_posix()}\n" for path in files)


def pack(folder: Path, archive: Path, *, mtime: int) -> None:
    """Pack ``folder`` under its own name into ``archive`` (.tar.gz), reproducibly; all bear ``mtime`` (Unix time)."""

    def plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = 0
        member.uname = member.gname = "root"
        member.mtime = mtime
        member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
        return member

    with (
        atomic_file(archive) as path,
        path.open("wb") as raw,
        gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=mtime, compresslevel=1) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for member in (folder, *sorted(folder.rglob("*"))):
            name = member.relative_to(folder.parent).as_posix()
            tar.add(member, arcname=name, recursive=False, filter=plain)


def _wheels(root: Path, work: Path) -> tuple[Wheel, dict[str, Wheel]]:
    """The wheel of ``root``, built here, and by name every wheel of the lock for this platform, verified by pip."""
    quiet = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
    only = ["--no-deps", "--require-hashes", "--only-binary", ":all:", "--dest", str(work / "all")]
    tags = [argument for tag in glibc_tags(NEWEST_GLIBC, machine=_machine()) for argument in ("--platform", tag)]
    _done([*quiet, *only, *tags, "--requirement", str(root / LOCK)], cwd=work)
    _done(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(work / "own"), str(root)], cwd=work
    )
    (own,) = (work / "own").glob("wengang-*.whl")
    read = [read_wheel(path) for path in sorted((work / "all").iterdir())]
    return read_wheel(own), {wheel.name: wheel for wheel in read}


def _platform(wheels: Sequence[Wheel]) -> Platform:
    major, minor = glibc_floor(wheel.path.name for wheel in wheels)
    return Platform(python="{}.{}".format(*sys.version_info[:2]), machine=_machine(), glibc=f"{major}.{minor}")


def _machine() -> str:
    return sysconfig.get_platform().removeprefix("linux-")


def _facts(own: Wheel, platform: Platform, made: datetime) -> str:
    """What ``install.sh`` asks of a host, one ``key=value`` a line."""
    facts: Mapping[str, str] = {
        "version": own.version,
        "wheel": own.path.name,
        "python": platform.python,
        "machine": platform.machine,
        "glibc": platform.glibc,
        "made": made.isoformat(),
    }
    return "".join(f"{key}={value}\n" for key, value in facts.items())


def _tree(root: Path) -> list[str]:
    """The files to carry beside the wheels: what git tracks of ``CARRIED``, and new files that it does not ignore."""
    asked = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *CARRIED]
    listed = _done(asked, cwd=root).split("\0")
    return sorted(path for path in set(listed) - MAKERS if path and (root / path).is_file())


def _instant(root: Path) -> datetime:
    """The time that all files bear: SOURCE_DATE_EPOCH where it is set, else that of the last commit."""
    said = os.environ.get("SOURCE_DATE_EPOCH") or _done(["git", "log", "-1", "--format=%ct"], cwd=root)
    return datetime.fromtimestamp(int(said), tz=UTC)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _carry(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)


def _done(command: list[str], *, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise BundleError(
            f"{' '.join(command[:4])} … ended with {done.returncode}:\n{done.stdout}{done.stderr}".strip()
        )
    return done.stdout


def main(arguments: Sequence[str]) -> int:
    """Build the bundle and say where it is and what to carry with it."""
    parser = argparse.ArgumentParser(prog="python -m deploy.bundle", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--out", type=Path, default=Path("dist"), help="folder of the archive (default: dist)")
    try:
        archive = build(parser.parse_args(arguments).out.resolve())
    except WengangError as error:
        sys.stderr.write(f"bundle: {error}\n")
        return error.exit_code
    digest = archive.with_name(f"{archive.name}.sha256").read_text(encoding="utf-8").split()[0]
    sys.stdout.write(
        f"{archive} ({archive.stat().st_size / 1e6:.0f} MB)\n"
        f"sha256 {digest}: carry this number another way than the archive\n"
        f"there: tar -xzf {archive.name} && sh {archive.name.removesuffix('-bundle.tar.gz')}/install.sh --help\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
