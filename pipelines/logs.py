"""What a command told, line by line, in ``logs/<as_of>.jsonl``: one JSON object a line, appended as it happens.

Made for machines that collect logs, so it holds less than a person at the screen sees: file names, codes, addresses and
the words of an error stay out. A log that cannot be written is told once and stops no night.
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime

from pipelines.means import Means
from pipelines.run import make_folder

BEGINS = re.compile(r"▶ (\w+)")
ABOUT_A_FILE = re.compile(r"(未接收|拒收) .*", re.DOTALL)
HIDDEN = re.compile(
    r"\S+@\S+|(?<![0-9A-Za-z])(?=[0-9A-Za-z]*\d)[0-9A-Z]{17,18}[0-9A-Za-z]?(?![0-9A-Za-z])|(?<!\d)1\d{10}(?!\d)"
    r"|\S+\.(?:csv|txt|xlsx?|et|ods|zip)\b"
)


@contextmanager
def recorded(means: Means, *, as_of: date, clock: Callable[[], datetime]) -> Iterator[Means]:
    """``means`` whose progress is appended to the log of ``as_of`` as well; ``clock`` is the edge's, naive Shanghai.

    An error that ends the command is the last line, by its family and exit code.
    """
    write = _writer(means, as_of=as_of, clock=clock)

    def told(text: str) -> None:
        write("info", text)
        means.progress(text)

    try:
        yield replace(means, progress=told)
    except Exception as error:
        code = getattr(error, "exit_code", 1)
        write("error", f"{type(error).__name__}, exit code {code}")
        raise


def plain(text: str) -> str:
    """``text`` without what could name a person or an enterprise: file names, long codes, numbers of phones, mails."""
    return HIDDEN.sub("*", ABOUT_A_FILE.sub(r"\1一个文件", text))


def _writer(means: Means, *, as_of: date, clock: Callable[[], datetime]) -> Callable[[str, str], None]:
    path, stage = means.home.logs / f"{as_of.isoformat()}.jsonl", None
    is_broken = not means.home.settings_file.is_file()

    def write(level: str, text: str) -> None:
        nonlocal stage, is_broken
        begins = BEGINS.fullmatch(text)
        stage = begins[1] if begins else stage
        if is_broken:
            return
        line = {"at": clock().isoformat(), "as_of": as_of.isoformat(), "stage": stage, "level": level}
        try:
            make_folder(path.parent)
            with path.open("a", encoding="utf-8") as log:
                log.write(json.dumps({**line, "text": plain(text)}, ensure_ascii=False) + "\n")
        except OSError as error:
            is_broken = True
            means.progress(f"日志 {path.name} 无法写入：{error.strerror}")

    return write
