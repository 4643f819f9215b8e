"""Readers that a broken file can make ask for any amount of memory, or never come back, each in a process of its own.

Such a reader ends its process without a word, so it must not be ours. This file is also what that process runs first:
it sets its bounds before the reader is loaded, and imports nothing of ours.
"""

import errno
import os
import resource
import runpy
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

READERS = Path(__file__).parent / "readers"
UNREADABLE, TOO_MUCH = 65, 66
FEW_THREADS = {"POLARS_MAX_THREADS": "2"}
"""Every further thread takes address space, so that a host of many cores would have less of it for the file."""


@dataclass(frozen=True)
class Bounds:
    """What a reader may use: bytes of address space and of its answer; seconds of the clock and of all its threads."""

    memory: int
    seconds: int


class UnreadableError(Exception):
    """The reader gave up."""


class OverrunError(UnreadableError):
    """The reader ran out of its memory or time, or its process died."""


def answer(reader: str, content: bytes, *arguments: str, bounds: Bounds) -> BinaryIO:
    """What ``reader`` (a module in ``readers``) writes about ``content``: a file in memory, which has no name anywhere.

    Raises ``UnreadableError``; and ``CalledProcessError`` where its process could not begin, which is no fault of the
    content.
    """
    command = [sys.executable, "-I", __file__, reader, str(bounds.memory), str(bounds.seconds), *arguments]
    told = os.fdopen(os.memfd_create(reader), "w+b")
    env = os.environ | FEW_THREADS
    try:
        subprocess.run(  # noqa: S603  ourselves
            command, input=content, stdout=told, env=env, timeout=bounds.seconds, check=True
        )
    except subprocess.TimeoutExpired as error:
        told.close()
        raise OverrunError(f"no answer within {bounds.seconds} s") from error
    except subprocess.CalledProcessError as error:
        told.close()
        if error.returncode == UNREADABLE:
            raise UnreadableError(reader) from error
        if error.returncode < 0 or error.returncode == TOO_MUCH:
            raise OverrunError(f"ended with {error.returncode}") from error
        raise
    told.seek(0)
    return told


def _bind(kind: int, most: int) -> None:
    hardest = resource.getrlimit(kind)[1]
    least = most if hardest == resource.RLIM_INFINITY else min(most, hardest)
    resource.setrlimit(kind, (least, least))


def main(arguments: Sequence[str]) -> None:
    """Bind this process, then let the reader write to standard output; a panic of native code is no ``Exception``."""
    reader, memory, seconds, *others = arguments
    _bind(resource.RLIMIT_AS, int(memory))
    _bind(resource.RLIMIT_FSIZE, int(memory))
    _bind(resource.RLIMIT_CPU, int(seconds))
    _bind(resource.RLIMIT_CORE, 0)
    read = runpy.run_path(str(READERS / f"{reader}.py"))["read"]
    # What native code has to say of a file may hold its values.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    ended = 0
    try:
        read(sys.stdin.buffer.read(), sys.stdout.buffer, *others)
        sys.stdout.buffer.flush()
    except MemoryError:
        ended = TOO_MUCH
    except OSError as error:
        ended = TOO_MUCH if error.errno == errno.EFBIG else UNREADABLE
    except BaseException:
        ended = UNREADABLE
    os._exit(ended)


if __name__ == "__main__":
    main(sys.argv[1:])
