"""Themes 信用 and 主体: listings, freezes, pledges, notices of winding up, and the grade of the labour inspection.

A new event counts by the day it began; a notice counts while it stands. Where the source came, who is not in it has
none.
"""

from pipelines.stages.features.masked import Masked
from pipelines.stages.features.sparse import Dated

KINDS = (
    "失信被执行人",
    "经营异常",
    "严重违法失信",
    "诚信等级",
    "清算公告",
    "简易注销公告",
    "迁出登记",
    "股权冻结",
    "动产抵押",
)
"""The codes of ``credit_kind``; the panel holds a kind's place in this list."""

COLUMNS = ("kind", "ended", "grades_down")
QUARTER, HALF_YEAR, YEAR, EVER = 90, 180, 365, 3653


def features(seen: Dated) -> dict[str, Masked]:
    """New events by kind, notices that stand, and grades lost."""
    return {
        "dishonest_180d_count": seen.number(days=HALF_YEAR, kind="kind", codes=_codes("失信被执行人")),
        "irregular_180d_count": seen.number(days=HALF_YEAR, kind="kind", codes=_codes("经营异常", "严重违法失信")),
        "frozen_90d_count": seen.number(days=QUARTER, kind="kind", codes=_codes("股权冻结", "动产抵押")),
        "winding_up_open_count": seen.standing(kind="kind", codes=_codes("清算公告", "简易注销公告"), ended="ended"),
        "moving_out_open_count": seen.standing(kind="kind", codes=_codes("迁出登记"), ended="ended"),
        "grades_down_365d_count": seen.persons("grades_down", days=YEAR),
    }


def _codes(*kinds: str) -> tuple[int, ...]:
    return tuple(KINDS.index(kind) for kind in kinds)
