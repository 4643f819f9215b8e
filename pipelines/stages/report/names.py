"""The workbook of names that wait for a person: what departments wrote, who it may be, and a place for the decision.

It goes out with an edition and comes back through ``wengang identity decide``; its headers are those that this reads.
"""

from collections.abc import Sequence
from typing import Any

from pipelines import identity
from pipelines.run import Run
from pipelines.stages.report.workbook import Block, Column, Sheet, text
from pipelines.warehouse import Warehouse

FILE = "名称认定表.xlsx"
WAITING = "SELECT * FROM core.name_candidate ORDER BY row_count DESC, name_key, candidate_no"
LINKED = "SELECT link_method, count(*) AS names, sum(row_count) AS rows FROM core.name_link GROUP BY ALL ORDER BY ALL"
NOTES = (
    "这些记录没有填统一社会信用代码，按名称不能自动认定到企业；认定之前，其数据不计入任何企业。",
    "请在“认定结果”栏选择：候选1至候选3、其他企业（并填代码）、均不是。可以只填一部分，其余留空。",
    "填好后交系统管理岗登记，下一次运行时生效；同一名称、县区和住所今后不再询问。认定后发现有误可以撤回。",
)


def sheets(run: Run, warehouse: Warehouse) -> list[Sheet]:
    """The sheet of the names that wait, most rows first; none where no name waits."""
    names = _by_name(warehouse)
    if not names:
        return []
    counted = [f"{method}{count}个名称（{rows}行）" for method, count, rows in warehouse.rows(LINKED)]
    done = f"已按名称认定：{'，'.join(counted)}。" if counted else "尚无按名称认定的企业。"
    columns = [
        Column("序号", 6, "count", lambda row: row["place"]),
        Column("来文所称单位名称", 30, "wrap", text("named_as", missing="未填")),
        Column("县区", 10, "centre", lambda row: run.settings.county_name(row["county_code"])),
        Column("住所或用电地址", 24, "wrap", text("address", missing="未提供")),
        Column("涉及数据源", 22, "wrap", text("feeds_text", missing="未知")),
        Column("待认定原因", 12, "centre", text("queue_reason", missing="未说明")),
        *(Column(name, 34, "wrap", _candidate(place)) for place, name in enumerate(identity.CANDIDATES, start=1)),
        Column(identity.VERDICT, 12, "centre", lambda _: "", choices=identity.CHOICES),
        Column(identity.CODE, 22, "centre", lambda _: ""),
        Column(identity.NOTE, 20, "wrap", lambda _: ""),
        Column(identity.KEY, 30, "wrap", text("name_key", missing="未填")),
    ]
    title = f"名称认定表（{len(names)}个名称待认定）"
    return [Sheet("待认定", title, (*NOTES, done), [Block(columns, names, "没有待认定的名称。")], frozen=2)]


def _by_name(warehouse: Warehouse) -> list[dict[str, Any]]:
    """One row per name, its candidates beside it under their numbers."""
    found: dict[str, dict[str, Any]] = {}
    for row in warehouse.frame(WAITING).iter_rows(named=True):
        own = found.setdefault(row["name_key"], {**row, "candidates": {}})
        if row["enterprise_id"]:
            own["candidates"][row["candidate_no"]] = row
    return [{**row, "place": place} for place, row in enumerate(found.values(), start=1)]


def _candidate(place: int) -> Any:
    """The cell of candidate ``place``: its name and code, and what agrees."""

    def cell(row: dict[str, Any]) -> str:
        one = row["candidates"].get(place)
        if one is None:
            return "—"
        return f"{one['enterprise_name']}（{one['enterprise_id']}）\n{one['agreement_text']}"

    return cell


def waiting_line(found: Sequence[Sheet]) -> str:
    """A line for the progress of the night; empty where nothing waits."""
    return f"，待认定名称 {len(found[0].blocks[0].rows)} 个" if found else ""
