"""What would become of a file if it were sent, told without a home: nothing is written, kept or recorded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from pipelines.contracts import Contracts, Feed, Kind
from pipelines.errors import DeliveryError
from pipelines.stages.ingest import grid, values
from pipelines.stages.ingest.batch import judged, recognised
from pipelines.stages.ingest.bundle import Part, parts


@dataclass(frozen=True)
class Examined:
    """One file as it would land, or why it would be refused.

    ``manifest`` and ``reasons`` are those of the batch that it would make; a refused file has none.
    """

    within: str
    feed: Feed | None
    refusal: str | None
    manifest: Mapping[str, Any]
    reasons: pl.DataFrame


def examine(content: bytes, feed: Feed | None, *, contracts: Contracts, received_on: date) -> list[Examined]:
    """Read and judge every file in ``content`` as ``receive`` would if it came on ``received_on``."""
    return [_examined(part, contracts, received_on) for part in parts(content, feed, contracts)]


def _examined(part: Part, contracts: Contracts, received_on: date) -> Examined:
    if part.fault:
        return Examined(part.within, part.feed, part.fault, {}, pl.DataFrame())
    feed = part.feed
    try:
        reading, found = recognised(part.content, feed, contracts=contracts)
        feed = found.feed
        made = judged(found, "", contracts, received_on=received_on)
    except DeliveryError as error:
        return Examined(part.within, feed, str(error), {}, pl.DataFrame())
    except grid.UNREADABLE as error:
        return Examined(part.within, feed, grid.BROKEN.format(type(error).__name__), {}, pl.DataFrame())
    return Examined(part.within, feed, None, {"encoding": reading.encoding, **made.manifest}, made.reasons)


def reads_as(cells: Sequence[str], kind: Kind) -> bool:
    """Whether every one of ``cells`` reads as ``kind``."""
    text = values.clean(pl.Series(list(cells), dtype=pl.String), optional=True)
    return not (values.read(text, values.How(kind, 2 if kind == "fen" else 0)).is_null() & text.is_not_null()).any()
