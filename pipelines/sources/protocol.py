"""What every kind of source is to the one who fetches: two deeds, and what they are given and give."""

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Generic, Protocol, TypeVar

from pipelines.errors import SourceDownError, SourceRefusedError
from pipelines.sources.logins import Login

S = TypeVar("S")
F = TypeVar("F")


@dataclass(frozen=True)
class Channel(Generic[S, F]):
    """One feed of one source, as it is to be fetched now.

    ``settings`` are those of the source, ``wanted`` those of the feed there; ``positions`` is what was recorded with
    every file of it that landed, in order; ``aside`` is a folder that outlives a crash; ``now`` is naive, of Shanghai.
    """

    source: str
    feed: str
    settings: S
    wanted: F
    login: Login
    positions: tuple[Mapping[str, Any], ...]
    aside: Path
    now: datetime
    say: Callable[[str], None] = lambda _: None

    @property
    def name(self) -> str:
        """``<source>/<feed>``."""
        return f"{self.source}/{self.feed}"


@dataclass(frozen=True)
class Found:
    """Something new at a source: its name for people, and how the source itself knows it."""

    label: str
    detail: Any = None


@dataclass(frozen=True)
class Fetched:
    """A finished file: the name it is to have in the inbox, and what to record once it has landed.

    ``is_state`` says that it tells what stands in a table, not that somebody sent it: the same again is no news.
    """

    name: str
    position: Mapping[str, Any]
    is_state: bool = False


class Source(Protocol):
    """One feed of one source, connected."""

    def probe(self) -> list[Found]:
        """What is new, oldest first. Raises ``SourceDownError`` or ``SourceRefusedError``."""

    def fetch(self, found: Found, part: Path) -> Fetched | None:
        """Write one new thing whole into ``part``; None where it is not finished and left for the next time.

        Raises ``SourceDownError`` where it broke off, ``SourceRefusedError`` where trying again changes nothing.
        """


Opener = Callable[[Channel[Any, Any]], AbstractContextManager[Source]]


@dataclass
class Meter:
    """Bytes and seconds that one file may take."""

    most_bytes: int
    most_seconds: float
    counted: int = 0
    _began: float = field(default_factory=time.monotonic)

    def add(self, count: int) -> None:
        """Count ``count`` bytes; raises where there are too many of them, or it takes too long."""
        self.counted += count
        if self.counted > self.most_bytes:
            raise SourceRefusedError(
                f"it holds more than {self.most_bytes} bytes: fetch less of it, or raise maximum_bytes"
            )
        if time.monotonic() - self._began > self.most_seconds:
            raise SourceDownError(f"not finished after {self.most_seconds:g} s: see total_seconds")


@dataclass
class Sink:
    """A file that is written to, within a meter."""

    handle: BinaryIO
    meter: Meter

    def write(self, block: bytes | memoryview | bytearray) -> int:
        """Write ``block``; raises as its meter does."""
        self.meter.add(len(block))
        return self.handle.write(block)
