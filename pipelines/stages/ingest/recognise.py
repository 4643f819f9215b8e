"""Which feed a file belongs to and which of its grids holds the table; anything in doubt is refused in plain Chinese.

A folder named after a feed is a claim, and the header must bear it out. This module never reads a data row.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from pipelines.contracts import Contracts, Feed
from pipelines.errors import DeliveryError
from pipelines.stages.ingest.grid import Grid, Reading
from pipelines.stages.ingest.header import Header, find, nearest

SUGGESTIONS = 2


@dataclass(frozen=True)
class Recognised:
    """The feed, the grid that holds its table, its header, and the sheets that hold something else.

    ``more`` are further sheets of the same table, where the contract reads every one.
    """

    feed: Feed
    grid: Grid
    header: Header
    others: tuple[Grid, ...]
    more: tuple[tuple[Grid, Header], ...] = ()

    @property
    def sheets(self) -> tuple[tuple[Grid, Header], ...]:
        """Every sheet that is read, in the order of the workbook."""
        return ((self.grid, self.header), *self.more)


def recognise(reading: Reading, feed: Feed | None, *, contracts: Contracts) -> Recognised:
    """Find the table of ``feed``, or of the one feed that fits; raises ``DeliveryError`` in Chinese."""
    grids = [grid for grid in reading.grids if grid.head]
    if not grids:
        raise DeliveryError("工作簿里没有任何内容；请核对导出结果后重新报送")
    if feed is None:
        feed = _fitting(grids, contracts)
    found = [(grid, find(grid, feed, contracts)) for grid in grids]
    fitting = [(grid, header) for grid, header in found if header.fits]
    if not fitting:
        raise DeliveryError(_why_not(feed, found, grids, contracts))
    if reading.kind == "workbook" and feed.layout.sheets == "all":
        first, *more = fitting
        others = tuple(g for g in grids if all(g is not grid for grid, _ in fitting))
        _refuse_half_sheets(feed, [pair for pair in found if not pair[1].fits], contracts)
        return Recognised(feed, *first, others, tuple(more))
    if reading.kind == "workbook" and len(fitting) > 1:
        sheets = f"共{len(fitting)}张" if feed.personal else "、".join(f"「{grid.sheet}」" for grid, _ in fitting)
        raise DeliveryError(f"工作簿里有多张{feed.label}表：{sheets}；请合并为一张，或拆成多个文件报送")
    grid, header = max(fitting, key=lambda pair: len(pair[1].found))
    others = tuple(g for g in grids if g is not grid) if reading.kind == "workbook" else ()
    return Recognised(feed, grid, header, others)


def _refuse_half_sheets(feed: Feed, found: list[tuple[Grid, Header]], contracts: Contracts) -> None:
    """Refuse a workbook in which a sheet begins like those that are read and lacks something: a month would be lost."""
    for place, (grid, header) in enumerate(found, start=1):
        if len(header.found) > len(header.missing) and len(header.found) > 1:
            name = f"第{place}张不合格的工作表" if feed.personal else f"工作表「{grid.sheet}」"
            raise DeliveryError(f"{name}{_faults(feed, header, contracts)}；请补齐或改正该表表头后重新报送")


def _fitting(grids: list[Grid], contracts: Contracts) -> Feed:
    """The one feed whose required columns are all there."""
    candidates = nearest(grids, contracts)
    fitting = [feed for feed, header in candidates if header.fits]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        labels = "、".join(f"「{feed.label}」" for feed in fitting)
        raise DeliveryError(f"表头同时符合{labels}；请放到对应数据源的文件夹后重新报送")
    if not candidates:
        raise DeliveryError("前30行内没有找到任何数据源的表头；请核对文件，或放到对应数据源的文件夹")
    lacking = "；".join(f"「{feed.label}」{_faults(feed, h, contracts)}" for feed, h in candidates[:SUGGESTIONS])
    raise DeliveryError(f"表头不符合任何数据源：{lacking}；请补齐后重新报送")


def _why_not(feed: Feed, found: Iterable[tuple[Grid, Header]], grids: list[Grid], contracts: Contracts) -> str:
    best = max((header for _, header in found), key=lambda header: len(header.found))
    sentence = f"按「{feed.label}」读取，{_faults(feed, best, contracts)}"
    alike = [other.label for other, header in nearest(grids, contracts) if header.fits and other is not feed]
    if alike:
        return f"{sentence}；看起来是「{alike[0]}」的文件，请放到对应文件夹后重新报送"
    return f"{sentence}；请补齐或改正表头后重新报送"


def _faults(feed: Feed, header: Header, contracts: Contracts) -> str:
    said = []
    if header.missing:
        labels = "、".join(contracts.feed_column(feed, name).label for name in header.missing)
        said.append(f"缺少列：{labels}")
    if header.doubled:
        said.append(f"有两列同名：{'、'.join(header.doubled)}")
    if header.misfits:
        said.append(f"单位不符：{'、'.join(header.misfits)}")
    return "，".join(said)
