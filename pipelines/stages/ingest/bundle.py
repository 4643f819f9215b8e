"""The files that came as one: a file itself, or every file of an archive, each with its feed and a name of its own.

Archives within archives are opened to a limited depth. A bundle that cannot be opened whole is one refused file.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipelines.contracts import Contracts, Feed
from pipelines.errors import DeliveryError
from pipelines.stages.ingest import archive
from pipelines.stages.ingest.grid import NESTED_ARCHIVES


@dataclass(frozen=True)
class Part:
    """One file to land: its path ``within`` an archive (empty: it came alone), its bytes, and the feed it claims.

    ``fault`` says why nothing of it can be taken out.
    """

    within: str
    content: bytes
    feed: Feed | None
    fault: str | None = None


def parts(
    content: bytes, feed: Feed | None, contracts: Contracts, *, within: str = "", depth: int = 0
) -> Iterator[Part]:
    """Every file in ``content``; ``feed`` claims all of them, else a folder of the archive called like a feed."""
    try:
        inside = archive.members(content) if depth < NESTED_ARCHIVES else None
    except DeliveryError as error:
        yield Part(within, content, feed, str(error))
        return
    if inside is None:
        yield Part(within, content, feed)
        return
    for name, unfolded in inside:
        own = feed or contracts.feeds.get(Path(name).parent.name)
        yield from parts(unfolded, own, contracts, within=f"{within}/{name}" if within else name, depth=depth + 1)
