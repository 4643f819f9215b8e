"""What the commands are given by the edges: the home, the time, the feeds, threads and someone to tell."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pipelines import contracts as contract_files
from pipelines.contracts import Contracts
from pipelines.settings import Home


@dataclass(frozen=True)
class Means:
    """What a night needs from its caller: the home, the time, the feeds, threads and someone to tell.

    ``is_quiet`` makes editions whose mails are not written: history is made up for, and nobody is to act on it.
    """

    home: Home
    now: datetime
    feeds: Path | None = None
    threads: int = 2
    is_quiet: bool = False
    progress: Callable[[str], None] = lambda _: None

    def contracts(self) -> Contracts:
        """The contracts of this night."""
        return contract_files.load(self.feeds)
