"""Parquet: a file is asked how much it holds before any of it is unfolded, for kilobytes can hold a billion cells.

What its footer says is checked here and not believed beyond that. Pages that contradict it can make their reader ask
for any amount of memory, so they are read in a process of their own.
"""

import io

import polars as pl

from pipelines.errors import DeliveryError
from pipelines.stages.ingest.bounded import Bounds, OverrunError, UnreadableError, answer

MAXIMUM_CELLS = 100_000_000
MAXIMUM_BYTES = 2**31
BOUNDS = Bounds(memory=8 * 2**30, seconds=120)
BROKEN = "Parquet文件损坏，可能传输中断；请重新导出后报送"
OVERRUN = "Parquet文件展开时超出内存或时间的限度，文件可能损坏或过大；请重新导出，或按月份、县区拆分后报送"


def read(content: bytes) -> pl.DataFrame:
    """The table in ``content``; raises ``DeliveryError`` where it is broken or holds more than can be read."""
    _refuse_boundless(content)
    try:
        with answer("parquet", content, bounds=BOUNDS) as told:
            return pl.read_ipc(told)
    except OverrunError as error:
        raise DeliveryError(OVERRUN) from error
    except UnreadableError as error:
        raise DeliveryError(BROKEN) from error


def _refuse_boundless(content: bytes) -> None:
    import pyarrow as pa  # noqa: PLC0415  only Parquet needs it
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        told = pq.ParquetFile(io.BytesIO(content)).metadata
        groups = [told.row_group(place) for place in range(told.num_row_groups)]
    except (pa.ArrowException, OSError) as error:
        raise DeliveryError(BROKEN) from error
    rows = max(told.num_rows, sum(group.num_rows for group in groups))
    if rows * told.num_columns > MAXIMUM_CELLS or sum(group.total_byte_size for group in groups) > MAXIMUM_BYTES:
        raise DeliveryError("Parquet文件的行列太多，超出可读取的范围；请按月份或县区拆分后报送")
