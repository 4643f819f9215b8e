"""Models on disk: one folder each, named by its content, refused whole when one bit of it is not what was written.

``manifest.json`` holds the hash of every file and of what the model was made from; ``manifest.sha256`` holds its own
hash (``sha256sum -c`` reads it). Thirty-two probe rows with their scores show on loading whether this environment still
computes what was promoted. Refuses pickle, and to guess.
"""

import hashlib
import json
import os
import platform
import shutil
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from importlib import metadata
from io import BytesIO
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models import model_file
from models.errors import (
    DamagedArtefactError,
    DifferentScoresError,
    MissingArtefactError,
    MissingFeaturesError,
    NewerFormatError,
)

Floats = NDArray[np.float64]
FORMAT = 1
PROBE_ROWS = 32
TOLERANCE = 1e-9
MANIFEST = "manifest.json"
SEAL = "manifest.sha256"
MODEL, CARD, REFERENCE, PROBE = "model.skops", "card.md", "reference.parquet", "probe.parquet"
FILES = (MODEL, CARD, REFERENCE, PROBE)
PACKAGES = ("numpy", "polars", "scikit-learn", "skops", "wengang")
SCORES = ("log_odds", "expected_loss")


class Model(Protocol):
    """What is asked of a persisted model; ``models.train.Model`` is one."""

    def values(self, frame: pl.DataFrame) -> Floats:
        """The features of ``frame`` in order, (rows, features)."""
        ...

    def log_odds(self, values: Floats) -> Floats:
        """Log-odds of shape (rows,)."""
        ...

    def score(self, frame: pl.DataFrame) -> pl.DataFrame:
        """``probability`` and ``expected_loss`` of each row."""
        ...


@dataclass(frozen=True)
class Facts:
    """What a model is and was made from.

    ``features`` are in the order that the model reads, with the theme of each; ``columns`` are those that the night
    must have; the hashes are of the training panel, the code and the parameters; ``words`` are Chinese sentences for
    the edition by the name of the column that shows them.
    """

    label: str
    horizon_months: int
    minimum_insured: int
    features: tuple[tuple[str, str], ...]
    columns: tuple[str, ...]
    trained_on: tuple[str, ...]
    data_hash: str
    code_hash: str
    parameters_hash: str
    words: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Artefact:
    """A model that was loaded and checked. ``digest`` is the hash of its manifest, ``versions`` what trained it."""

    model_id: str
    digest: str
    facts: Facts
    versions: Mapping[str, str]
    model: Any
    reference: pl.DataFrame


def write(
    parent: Path, model: Model, facts: Facts, *, card: str, reference: pl.DataFrame, probe: pl.DataFrame
) -> tuple[str, str]:
    """Write the folder under ``parent`` in one step; gives the model's id and the hash of its manifest.

    ``reference`` is the table of ``drift.reference``; ``probe`` has rows of the training panel, of which the first 32
    are kept with the columns that the model reads and ``insured_persons``, no identifier. Writing again is no harm.
    """
    files = {
        MODEL: model_file.dumps(model),
        CARD: card.encode(),
        REFERENCE: _parquet(reference),
        PROBE: _parquet(_with_scores(model, probe.head(PROBE_ROWS).select(facts.columns))),
    }
    body = {
        "format": FORMAT,
        **asdict(facts),
        "versions": versions(),
        "files": {name: _sha256(content) for name, content in files.items()},
    }
    manifest = (json.dumps(body, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()
    digest = _sha256(manifest)
    model_id = _model_id(facts, digest)
    files |= {MANIFEST: manifest, SEAL: _seal(digest)}
    _put(parent, model_id, files)
    return model_id, digest


def load(folder: Path, *, columns: Collection[str], digest: str | None = None) -> Artefact:
    """Read the model of ``folder`` for a night with ``columns``; ``digest`` is the one promoted, where that is known.

    Raises a ``ModelError``: missing, damaged, foreign type, newer format, other scores, or columns that are not there.
    """
    manifest = _read(folder, MANIFEST)
    found = _sha256(manifest)
    if _read(folder, SEAL) != _seal(found) or digest not in (None, found):
        raise _damaged(folder, MANIFEST)
    body = json.loads(manifest)
    _refuse_newer(folder, body["format"])
    files = {name: _read(folder, name) for name in FILES}
    for name, content in files.items():
        if _sha256(content) != body["files"][name]:
            raise _damaged(folder, name)
    facts = _facts(body)
    _refuse_missing(facts, columns)
    model = model_file.loads(files[MODEL])
    _compare(folder, model, pl.read_parquet(BytesIO(files[PROBE])), body["versions"])
    return Artefact(
        model_id=_model_id(facts, found),
        digest=found,
        facts=facts,
        versions=body["versions"],
        model=model,
        reference=pl.read_parquet(BytesIO(files[REFERENCE])),
    )


def _facts(body: Mapping[str, Any]) -> Facts:
    names = Facts.__dataclass_fields__
    held: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in body.items() if name in names
    }
    held["features"] = tuple((name, theme) for name, theme in body["features"])
    return Facts(**held)


def _model_id(facts: Facts, digest: str) -> str:
    return f"{facts.label}-{facts.horizon_months}m-{digest[:12]}"


def _refuse_newer(folder: Path, version: int) -> None:
    if version > FORMAT:
        raise NewerFormatError(
            f"{folder.name} has format {version}, this Wengang reads {FORMAT}; update Wengang or train here",
            officers="模型由更高版本的系统生成，请先升级系统；本期改用规则评分。",
        )


def _refuse_missing(facts: Facts, columns: Collection[str]) -> None:
    missing = [name for name in facts.columns if name not in columns]
    if missing:
        raise MissingFeaturesError(
            f"the night lacks columns that the model reads: {', '.join(missing)}; train again with this code",
            officers=f"当期特征缺少模型所需的{len(missing)}项，改用规则评分。",
        )


def _compare(folder: Path, model: Model, probe: pl.DataFrame, written: Mapping[str, str]) -> None:
    """Score the probe rows here and compare with what was stored; anything that fails is another environment's."""
    here = ", ".join(f"{name} {version}" for name, version in versions().items() if written.get(name) != version)
    try:
        scores = _with_scores(model, probe.drop(SCORES))
        gap = float(np.max(np.abs((scores.select(SCORES) - probe.select(SCORES)).to_numpy())))
    except Exception as fault:  # scikit-learn may fail anywhere on a model of another version
        raise _different(folder, f"cannot be computed ({fault})", here) from fault
    if not gap <= TOLERANCE:
        raise _different(folder, f"are {gap:.3g} away from those stored", here)


def _different(folder: Path, what: str, here: str) -> DifferentScoresError:
    versions = f"this environment differs in {here}; " if here else ""
    return DifferentScoresError(
        f"the scores of the probe rows of {folder.name} {what}; {versions}train again here",
        officers="模型在本机的计算结果与存档不一致，改用规则评分。",
    )


def _with_scores(model: Model, frame: pl.DataFrame) -> pl.DataFrame:
    log_odds = pl.Series("log_odds", model.log_odds(model.values(frame)))
    return frame.with_columns(log_odds, model.score(frame)["expected_loss"])


def versions() -> dict[str, str]:
    """What computes here: Python and the packages that scores depend on."""
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in PACKAGES}}


def _parquet(frame: pl.DataFrame) -> bytes:
    buffer = BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _seal(digest: str) -> bytes:
    return f"{digest}  {MANIFEST}\n".encode()


def _damaged(folder: Path, name: str) -> DamagedArtefactError:
    return DamagedArtefactError(
        f"{folder.name}/{name} is not the file that was written: its hash differs; fetch it or train again",
        officers="模型文件校验不一致（可能损坏或被改动），改用规则评分。",
    )


def _read(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except OSError as fault:
        raise MissingArtefactError(
            f"{folder.name}/{name} cannot be read ({fault.strerror}); fetch the folder again or train again",
            officers="模型文件缺失，改用规则评分。",
        ) from fault


def _put(parent: Path, name: str, files: Mapping[str, bytes]) -> None:
    """Write ``files`` as the folder ``name``: beside it first, flushed to the disk, then renamed."""
    final, draft = parent / name, parent / f".writing-{name}"
    if all((final / file).is_file() and (final / file).read_bytes() == content for file, content in files.items()):
        return
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    for file, content in files.items():
        with (draft / file).open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
    _flush(draft)
    if final.exists():
        shutil.rmtree(final)
    draft.rename(final)
    _flush(parent)


def _flush(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
