"""What is taken off a file that may hold persons before anything of it is kept.

A personal feed lands in its declared columns only. A cell that does not hold what its column may hold could hold
anything, a name too, so it becomes ``***`` and its text is told to no one; of the original only the hash stays. A file
that no contract claims is kept unless it looks as if it spoke of persons.
"""

import re
from collections.abc import Iterator

import polars as pl

from pipelines.contracts import Contracts, Feed
from pipelines.errors import DeliveryError
from pipelines.stages.ingest.grid import Grid, decode, read, refusing
from pipelines.stages.ingest.header import nearest
from pipelines.warehouse import scratch

MASK = "***"
HIDDEN = "（不留存原值）"
BOUNDING = frozenset({"codes", "matches", "uscc"})
_PERSON_WORDS = re.compile("姓名|身份证|公民身份号码|身份号码|手机号|联系电话")
_RESIDENT_NO = re.compile(
    r"(?<![0-9A-Za-z])[1-8][0-9]{5}(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{3}[0-9Xx](?![0-9A-Za-z])"
)
_MOBILE = re.compile(r"(?<![0-9A-Za-z.-])1[3-9][0-9]{9}(?![0-9A-Za-z.-])")


def masked(rows: pl.DataFrame, feed: Feed, contracts: Contracts) -> pl.DataFrame:
    """Typed ``rows`` of a personal feed without what their columns may not hold; a row that is not whole loses all."""
    bounds: dict[str, list[str]] = {name: [] for name in feed.columns}
    for check in contracts.checks(feed):
        if check.kind in BOUNDING and len(check.columns) == 1:
            bounds[check.columns[0]].append(check.predicate())
    whole = "NOT list_contains(_unreadable, '_row')"
    kept = ", ".join(
        f'CASE WHEN {whole} THEN CASE WHEN {" AND ".join(tests)} THEN "{name}" ELSE \'{MASK}\' END END AS "{name}"'
        if tests
        else f'CASE WHEN {whole} THEN "{name}" END AS "{name}"'
        for name, tests in bounds.items()
    )
    with scratch(contracts) as warehouse, warehouse.showing("_read", rows.with_row_index("_place")):
        clean = warehouse.frame(f"SELECT * REPLACE ({kept}) FROM _read ORDER BY _place")
    return clean.select(rows.columns).cast(rows.schema)


def original_may_stay(content: bytes, feed: Feed | None, contracts: Contracts) -> bool:
    """Whether a refused original may be kept: of no personal feed, and without a person in it, whatever it came as.

    A file sent as one feed but with more columns of a personal one counts as personal. What cannot be read is kept only
    where its sender's feed holds no persons.
    """
    if feed is not None and feed.personal:
        return False
    if not any(known.personal for known in contracts.feeds.values()):
        return True
    try:
        with refusing():
            grids = [grid for grid in read(content).grids if grid.head]
            alike = nearest(grids, contracts) if grids else []
            texts = list(_texts(content, grids))
    except DeliveryError:
        return feed is not None or _is_clean_text(content)
    if feed is not None:
        own = next((len(header.found) for known, header in alike if known.feed == feed.feed), 0)
        alike = [(known, header) for known, header in alike if len(header.found) > own]
    return not (alike and alike[0][0].personal) and not any(_speaks_of_persons(text) for text in texts)


def _is_clean_text(content: bytes) -> bool:
    """Whether content that cannot be read as a table is at least text, and names no person."""
    try:
        text, _ = decode(content)
    except DeliveryError:
        return False
    return "\x00" not in text and not _speaks_of_persons(text)


def _texts(content: bytes, grids: list[Grid]) -> Iterator[str]:
    """All that a readable file says, cell by cell or as one text."""
    for grid in grids:
        if grid.kind == "text":
            yield decode(content)[0]
            return
        yield "\n".join(cell for _, cells in grid.head for cell in cells)
        width = max(len(cells) for _, cells in grid.head)
        body = grid.body(0, width)
        yield from ("\n".join(body[f"c{place}"].drop_nulls()) for place in range(width) if f"c{place}" in body.columns)


def _speaks_of_persons(text: str) -> bool:
    return bool(_PERSON_WORDS.search(text) or _RESIDENT_NO.search(text) or _MOBILE.search(text))
