"""Workbooks of the old binary kind (.xls): nothing in such a file tells how far it reaches before it is read."""

import json

from pipelines.stages.ingest.bounded import Bounds, answer
from pipelines.stages.ingest.readers.old_workbook import Sheets

BOUNDS = Bounds(memory=3 * 2**30, seconds=300)


def sheets(content: bytes, *, maximum_cells: int) -> Sheets:
    """Name and rows of every sheet; raises ``UnreadableError``."""
    with answer("old_workbook", content, str(maximum_cells), bounds=BOUNDS) as told:
        return [(name, rows) for name, rows in json.load(told)]
