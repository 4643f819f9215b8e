"""A few hand-made enterprises as core tables, for the tests of features and risk."""

import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
from runs import run_of

from pipelines import contracts as contract_files
from pipelines.run import Run, add_months
from pipelines.settings import Home
from pipelines.stages.features.sources import EVENTS, FLOW_TABLE, MONTHLY
from pipelines.warehouse import Warehouse

MAY = date(2025, 5, 1)
AS_OF = date(2025, 6, 20)
HOMES = tempfile.TemporaryDirectory(prefix="wengang-features-")
TABLES = (
    "core.enterprise",
    "core.enterprise_month",
    "core.export_month",
    "core.us_exporter",
    "core.tariff_measure",
    "core.layoff_notice",
    "core.month_status",
    "core.unknown_month",
    *(source.table for source in (*MONTHLY, *EVENTS)),
    FLOW_TABLE,
)


def open_city(
    tables: Mapping[str, list[dict[str, Any]]], *, as_of: date = AS_OF, calendar: str = "lunar"
) -> tuple[Run, Warehouse]:
    """A run and a warehouse in memory whose core tables hold ``tables``; what is not named is an empty table."""
    contracts = contract_files.load()
    contracts = replace(contracts, feed_set=replace(contracts.feed_set, calendar=calendar))
    warehouse = Warehouse(None, contracts=contracts)
    for table in TABLES:
        schema = contracts.polars_schema(table)
        rows = [{name: row.get(name) for name in schema} for row in tables.get(table, [])]
        warehouse.store(table, pl.DataFrame(rows, schema=schema))
    home = Home(Path(tempfile.mkdtemp(dir=HOMES.name)))
    return run_of(as_of, contracts=contracts, home=home), warehouse


def enterprise(number: int, **values: Any) -> dict[str, Any]:
    """One row of core.enterprise."""
    base = {
        "enterprise_no": number,
        "enterprise_id": f"E{number:05d}",
        "enterprise_status": "存续",
        "industry_division": "17",
        "industry_name": "纺织业",
        "is_registered": True,
        "is_labour_agency": False,
    }
    return base | values


def insured(number: int, levels: Iterable[int | None], *, last: date = MAY, **values: Any) -> list[dict[str, Any]]:
    """Rows of core.enterprise_month, oldest first, ending with ``last``; None is a month without a row."""
    listed = list(levels)
    months = [add_months(last, place - len(listed) + 1) for place in range(len(listed))]
    return [
        {"enterprise_no": number, "month": month, "insured_persons": level, "unit_count": 1} | values
        for month, level in zip(months, listed, strict=True)
        if level is not None
    ]


def statuses(count: int, *, last: date = MAY, incomplete: Iterable[date] = ()) -> list[dict[str, Any]]:
    """Rows of core.month_status for ``count`` months ending with ``last``."""
    months = [add_months(last, place - count + 1) for place in range(count)]
    return [{"month": month, "row_count": 1, "is_complete_month": month not in set(incomplete)} for month in months]


def export(number: int, month: date, usd: int, **values: Any) -> dict[str, Any]:
    """One row of core.export_month: ``usd`` dollars of HS 630140 made by the enterprise for the United States."""
    base = {
        "enterprise_no": number,
        "month": month,
        "hs6": "630140",
        "destination": "USA",
        "declarant_role": "生产销售单位",
        "export_usd_cent": usd * 100,
    }
    return base | values


def measure(name: str, rate_bp: int, since: date, until: date | None = None, **values: Any) -> dict[str, Any]:
    """One row of core.tariff_measure on all products."""
    base = {
        "measure_id": name,
        "authority": "示例",
        "stack_group": "a",
        "hs6": "*",
        "rate_bp": rate_bp,
        "valid_from": since,
        "valid_to": until,
        "measure_status": "已生效",
        "reference": "示例",
    }
    return base | values
