"""What the commands are given by the edges: the home, the time, the feeds, threads and someone to tell."""

from collections.abc import Callable, Mapping
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
    ``connections`` gives the parts of a login that the scheduler keeps under an id, where there is a scheduler.
    """

    home: Home
    now: datetime
    feeds: Path | None = None
    threads: int = 2
    is_quiet: bool = False
    progress: Callable[[str], None] = lambda _: None
    connections: Callable[[str], Mapping[str, str]] | None = None

    def contracts(self) -> Contracts:
        """The contracts of this night."""
        return contract_files.load(self.feeds)
