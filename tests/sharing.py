"""What the workers of one test session share: homes and cities made once, and what the gate's suites said of a frame.

All lies in the session's own temporary folder, so that nothing is carried from one session to the next.
"""

import fcntl
import hashlib
import io
import os
import pickle
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest

from pipelines.checks import Check
from pipelines.stages.gate.expectations import Outcome


def common_folder(factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of the session see."""
    own = factory.getbasetemp()
    folder = (own.parent if os.environ.get("PYTEST_XDIST_WORKER") else own) / "shared"
    folder.mkdir(exist_ok=True)
    return folder


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold the lock at ``path``; another worker waits."""
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """The folder that ``make`` fills, made by the worker that asks first; each worker has a copy of its own.

    A ``make`` that raises leaves nothing, so the next that asks tries again.
    """
    folder = common_folder(factory)
    whole = folder / name
    with alone(folder / f"{name}.lock"):
        if not (folder / f"{name}.done").exists():
            shutil.rmtree(whole, ignore_errors=True)
            make(whole)
            (folder / f"{name}.done").touch()
        own = factory.mktemp(name) / name
        return Path(shutil.copytree(whole, own, symlinks=True))


class Remembering:
    """``validate`` of the gate, which depends on its arguments alone: an equal frame is judged once in a session.

    Great Expectations takes seconds for a night, and many tests run a night over the same files. An outcome with an
    exception is never kept.
    """

    def __init__(self, validate: Callable[[Sequence[Check], pl.DataFrame], list[Outcome]], folder: Path) -> None:
        self.validate = validate
        self.folder = folder

    def __call__(self, suite: Sequence[Check], frame: pl.DataFrame) -> list[Outcome]:
        """The outcomes of ``suite`` over ``frame``, computed or as they were computed before."""
        path = self.folder / f"{self._digest(suite, frame)}.pickle"
        if path.is_file():
            known = pickle.loads(path.read_bytes())  # noqa: S301  written by a worker of this session
            return [Outcome(check, frame.height, bad) for check, bad in zip(suite, known, strict=True)]
        outcomes = self.validate(suite, frame)
        if not any(outcome.exception for outcome in outcomes):
            part = path.with_suffix(f".{os.getpid()}")
            part.write_bytes(pickle.dumps([outcome.bad_rows for outcome in outcomes]))
            part.rename(path)
        return outcomes

    @staticmethod
    def _digest(suite: Sequence[Check], frame: pl.DataFrame) -> str:
        written = io.BytesIO()
        frame.write_ipc(written)
        return hashlib.sha256(repr(list(suite)).encode() + written.getbuffer()).hexdigest()
