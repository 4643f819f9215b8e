"""What the quality page is made of, read from the gate's tables once, in fixed order; an edition need not exist for it.

So a night whose gate is closed has its page too. Nothing here judges: verdict, points and drift are read as they stand.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from pipelines import formats
from pipelines.contracts import Contracts, Feed
from pipelines.parameters import Parameters
from pipelines.run import Run
from pipelines.warehouse import Warehouse

Row = dict[str, Any]


NAMED = """
    WITH told AS (
        SELECT coalesce(l.link_method, '待认定') AS link_method, n.row_count
        FROM core.named AS n LEFT JOIN core.name_link AS l USING (name_key)
        WHERE l.name_key IS NOT NULL OR n.name_key IN (SELECT name_key FROM core.name_candidate)
    )
    SELECT link_method, count(*) AS name_count, sum(row_count)::BIGINT AS row_count FROM told
    GROUP BY link_method ORDER BY link_method = '待认定', link_method
"""


@dataclass(frozen=True)
class Quality:
    """All that a reader may see of the quality of one night's data, each table in its order of reading."""

    as_of: date
    revision: int
    cutoff: datetime
    city: str
    bureau: str
    is_simulated: bool
    verdict: Row
    results: tuple[Row, ...]
    sources: Mapping[str, Row]
    feeds: tuple[Feed, ...]
    months: Mapping[str, tuple[Row, ...]]
    checks: Mapping[str, tuple[Row, ...]]
    drift: Mapping[str, tuple[Row, ...]]
    reviewed: Mapping[str, tuple[Row, ...]]
    departments: Mapping[str, tuple[Row, ...]]
    waiting: Mapping[str, int]
    refusals: tuple[Row, ...]
    corrections: tuple[Row, ...]
    named: tuple[Row, ...]
    purposes: tuple[Row, ...]
    parameters: Parameters
    contracts: Contracts

    @property
    def title(self) -> str:
        """``2026-11-12 第1版``."""
        return formats.edition(self.as_of, self.revision)

    @property
    def is_closed(self) -> bool:
        """Whether the gate kept the list back."""
        return bool(self.verdict["gate_verdict"] == "关闭")

    @property
    def broken(self) -> tuple[Row, ...]:
        """Checks that did not pass, those that close the gate first."""
        return tuple(row for row in self.results if not row["passed"])


def read(run: Run, warehouse: Warehouse) -> Quality:
    """Every table that the page shows, as known at the cutoff of ``run``."""
    assert run.revision is not None, "the edition stage decides the revision"
    return Quality(
        as_of=run.as_of,
        revision=run.revision,
        cutoff=run.cutoff,
        city=run.settings.city.name,
        bureau=run.settings.city.bureau,
        is_simulated=run.settings.city.simulated,
        verdict=_rows(warehouse, "gate.verdict", "gate_verdict")[0],
        results=tuple(sorted(_rows(warehouse, "gate.result", "subject, check_id"), key=_urgency)),
        sources={row["feed"]: row for row in _rows(warehouse, "core.source_status", "feed")},
        feeds=tuple(sorted(run.contracts.feeds.values(), key=lambda f: (not f.required, f.owner, f.feed))),
        months=_by(_rows(warehouse, "gate.feed_month", "feed, month"), "feed"),
        checks=_by(_rows(warehouse, "gate.feed_check", "feed, bad_row_count DESC, check_id"), "feed"),
        drift=_by(_rows(warehouse, "gate.feed_drift", "feed, stability_index DESC NULLS LAST, column_name"), "feed"),
        reviewed=_by(_rows(warehouse, "gate.feed_quality", "feed, quality_month"), "feed"),
        departments=_by(_rows(warehouse, "gate.department_quality", "owner, quality_month"), "owner"),
        waiting=dict(
            warehouse.rows("SELECT feed, count(DISTINCT (batch, line_no))::BIGINT FROM ingest.quarantine GROUP BY feed")
        ),
        refusals=_rows(warehouse, "ingest.refusal", "feed, received_at, batch"),
        corrections=_rows(warehouse, "ingest.correction", "correction_id"),
        named=tuple(warehouse.frame(NAMED).to_dicts()),
        purposes=_rows(warehouse, "ingest.purpose", "purpose_state = '有效', purpose_state = '约定不全', owner, feed"),
        parameters=run.parameters,
        contracts=run.contracts,
    )


def _urgency(row: Row) -> tuple[Any, ...]:
    return row["passed"], row["severity"] != "fail", row["subject"], row["check_id"]


def _by(rows: Sequence[Row], name: str) -> dict[str, tuple[Row, ...]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row[name], []).append(row)
    return {key: tuple(own) for key, own in found.items()}


def _rows(warehouse: Warehouse, table: str, order: str) -> tuple[Row, ...]:
    columns = ", ".join(f'"{name}"' for name in warehouse.contracts.tables[table].columns)
    return tuple(warehouse.frame(f"SELECT {columns} FROM {table} ORDER BY {order}").to_dicts())
