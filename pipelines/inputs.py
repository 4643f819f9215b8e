"""What the rules and the models read of each enterprise: its features, with what its registration says."""

from collections.abc import Sequence

import polars as pl

from pipelines.contracts import read_sql
from pipelines.warehouse import Warehouse


def read(
    warehouse: Warehouse, *, numbers: Sequence[int] | None = None, within: tuple[int, int] | None = None
) -> pl.DataFrame:
    """Rows of ``sql/risk/inputs.sql`` in order of enterprise_no: all, those of ``numbers``, or a range of them.

    They come from files in that order, so they are sorted only where a join has changed it: sorting so many columns
    costs twice as much as reading them.
    """
    query = read_sql("risk/inputs").strip().rstrip(";")
    if within:
        query = f"SELECT * FROM (\n{query}\n) WHERE enterprise_no BETWEEN {int(within[0])} AND {int(within[1])}"
    rows = warehouse.frame(query, numbers=None if numbers is None else list(numbers))
    return rows if rows["enterprise_no"].is_sorted() else rows.sort("enterprise_no")
