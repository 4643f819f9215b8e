"""What of ``requirements.lock`` one host needs: its entries, and the walk from wengang's wheel through those of others.

The walk reads the wheels themselves, not the environment that builds the bundle, so it holds for what is carried.
Nothing here asks a registry.
"""

import hashlib
import re
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.metadata import RawMetadata, parse_email
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from pipelines.errors import WengangError

HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
EXTRAS_SAID = re.compile(r"\[[^\]]*\](?===)")
GLIBC_TAG = re.compile(r"manylinux_(\d+)_(\d+)_")
OLD_GLIBC_TAGS = {"manylinux1_": (2, 5), "manylinux2010_": (2, 12), "manylinux2014_": (2, 17)}


class LockError(WengangError):
    """The lock cannot be read, or does not hold what the wheels ask for; all faults are named at once."""

    def __init__(self, faults: Sequence[str]) -> None:
        """Join the faults into one message, one per line."""
        super().__init__("\n".join(faults))


@dataclass(frozen=True)
class Locked:
    """One entry of a lock: what it pins, the SHA-256 of the files that may stand for it, and its lines as they are."""

    requirement: Requirement
    hashes: frozenset[str]
    text: str

    @property
    def name(self) -> str:
        """Its name in the normalised form."""
        return canonicalize_name(self.requirement.name)

    def applies(self, environment: Mapping[str, str]) -> bool:
        """Whether its marker holds in ``environment``."""
        return self.requirement.marker is None or self.requirement.marker.evaluate(dict(environment))


@dataclass(frozen=True)
class Wheel:
    """A wheel on disk, its metadata and its SHA-256."""

    path: Path
    metadata: RawMetadata
    sha256: str

    @property
    def name(self) -> str:
        """Name of its distribution in the normalised form."""
        return canonicalize_name(self.metadata["name"])

    @property
    def version(self) -> str:
        """Version of its distribution."""
        return self.metadata["version"]

    @property
    def requires(self) -> tuple[Requirement, ...]:
        """What it asks for, markers not yet evaluated."""
        return tuple(Requirement(text) for text in self.metadata.get("requires_dist", []))


def entries(text: str) -> list[Locked]:
    """The entries of a lock in its order; raises ``LockError`` naming every line that pins nothing or bears no hash."""
    blocks: list[list[str]] = []
    for line in text.splitlines(keepends=True):
        if line.startswith((" ", "\t")) and blocks:
            blocks[-1].append(line)
        elif line.strip() and not line.startswith("#"):
            blocks.append([line])
    found, faults = [], []
    for block in blocks:
        said, whole = block[0].strip().removesuffix("\\").strip(), "".join(block)
        hashes = frozenset(HASH.findall(whole))
        try:
            requirement = Requirement(said.split(" --hash=")[0])
        except InvalidRequirement:
            faults.append(f"requirements.lock: not a requirement: {said}")
            continue
        pins = [clause.operator for clause in requirement.specifier]
        if pins != ["=="] or not hashes:
            faults.append(f"requirements.lock: {said}: no exact version with hashes; run 'make lock'")
        found.append(Locked(requirement, hashes, whole))
    if faults:
        raise LockError(faults)
    return found


def read_wheel(path: Path) -> Wheel:
    """The wheel at ``path``; raises ``LockError`` where it holds no metadata."""
    with zipfile.ZipFile(path) as archive:
        inside = [name for name in archive.namelist() if name.count("/") == 1 and name.endswith(".dist-info/METADATA")]
        if len(inside) != 1:
            raise LockError([f"{path.name}: {len(inside)} METADATA files where a wheel has one"])
        metadata, _ = parse_email(archive.read(inside[0]))
    with path.open("rb") as file:
        return Wheel(path, metadata, hashlib.file_digest(file, "sha256").hexdigest())


def needed(
    wheels: Mapping[str, Wheel], *, root: Wheel, extras: Iterable[str], environment: Mapping[str, str]
) -> dict[str, frozenset[str]]:
    """What ``root`` with ``extras`` needs in ``environment``: by name of each wheel reached, the names it asks for.

    ``root`` is among them. Raises ``LockError`` naming every requirement that no wheel of a fitting version fills.
    """
    by_name = {**wheels, root.name: root}
    asked: dict[str, set[str]] = {}
    faults = []
    waiting, seen = [(root.name, extra) for extra in ("", *extras)], set()
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        edges = asked.setdefault(name, set())
        for requirement in by_name[name].requires:
            if requirement.marker and not requirement.marker.evaluate({**environment, "extra": extra}):
                continue
            wanted = canonicalize_name(requirement.name)
            fault = _unfilled(requirement, by_name.get(wanted))
            if fault:
                faults.append(f"{name} asks for {requirement}: {fault}; run 'make lock'")
                continue
            edges.add(wanted)
            waiting += [(wanted, wished) for wished in ("", *requirement.extras)]
    if faults:
        raise LockError(sorted(set(faults)))
    return {name: frozenset(edges - {name}) for name, edges in sorted(asked.items())}


def _unfilled(requirement: Requirement, wheel: Wheel | None) -> str:
    if wheel is None:
        return "the lock holds no such package for this platform"
    if not requirement.specifier.contains(wheel.version, prereleases=True):
        return f"the lock holds {wheel.version}"
    return ""


def kept_lock(locked: Iterable[Locked], names: Iterable[str], environment: Mapping[str, str]) -> str:
    """The lines of the entries of ``names`` that apply in ``environment``, as they are in the project's lock.

    Only extras go from them: the project's lock names those that development packages ask for, too; who needs one asks
    for it in its own metadata.
    """
    wanted = set(names)
    kept = [entry for entry in locked if entry.name in wanted and entry.applies(environment)]
    return "".join(EXTRAS_SAID.sub("", entry.text, count=1) for entry in kept)


def glibc_floor(names: Iterable[str]) -> tuple[int, int]:
    """The oldest glibc on which all wheels of these file names load; (2, 5) where all are pure."""
    return max((_glibc(name) for name in names), default=(2, 5))


def glibc_tags(newest: tuple[int, int], *, machine: str) -> list[str]:
    """Platform tags of the wheels that load on ``machine`` with the glibc ``newest``, the most demanding first."""
    major, minor = newest
    spoken = [f"manylinux_{major}_{number}_{machine}" for number in range(minor, 4, -1)]
    return spoken + [f"{start}{machine}" for start, version in OLD_GLIBC_TAGS.items() if version <= newest]


def _glibc(name: str) -> tuple[int, int]:
    tags = {tag.platform for tag in parse_wheel_filename(name)[3]}
    if "any" in tags:
        return (2, 5)
    known = [(int(found[1]), int(found[2])) for found in map(GLIBC_TAG.match, tags) if found]
    known += [version for tag in tags for start, version in OLD_GLIBC_TAGS.items() if tag.startswith(start)]
    if not known:
        raise LockError([f"{name}: made for one machine only; a bundle needs a manylinux or a pure wheel"])
    return min(known)
