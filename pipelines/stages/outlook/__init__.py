"""The larger picture: counties, industries and targets, on top of the list of enterprises.

What the next edition must remember, the levels, lies in ``outlook.json`` beside the edition's own document, so a lost
working file loses nothing.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from pipelines import lunar
from pipelines.contracts import read_sql
from pipelines.ledger import EditionRecord
from pipelines.run import Receipt, Run, atomic_file
from pipelines.stages.outlook import areas, targets
from pipelines.stages.outlook.levels import Standing
from pipelines.warehouse import Warehouse

FILE = "outlook.json"


def run(run: Run, warehouse: Warehouse, *, previous: EditionRecord | None) -> Receipt:
    """Write ``outlook.*`` and ``outlook.json``; enterprises in, areas out. ``previous`` is the edition before."""
    edition_id, month = warehouse.rows("SELECT edition_id, reference_month FROM edition.edition")[0]
    enterprises = warehouse.frame(
        read_sql("outlook/enterprises"),
        large_persons=int(run.parameters["orange_loss_persons"]),
        large_pct=int(run.parameters["orange_loss_pct"]),
        least_persons=int(run.parameters["orange_loss_pct_min_persons"]),
    )
    rows, standings = _areas(run, warehouse, enterprises, month=month, before=_recall(run, previous))
    aims = targets.rows(
        warehouse.frame("FROM core.target_progress"), run.parameters["document_targets"], as_of=run.as_of
    )
    with warehouse.transaction():
        _store(warehouse, "outlook.area", [{"edition_id": edition_id, "month": month, **row} for row in rows])
        _store(warehouse, "outlook.target", [{"edition_id": edition_id, **row} for row in aims])
    _remember(run.edition_folder, standings)
    raised = sum(row["area_level"] not in (None, areas.NO_LEVEL) for row in rows)
    run.progress(f"形势研判：县区和行业 {len(rows)} 个，达到等级 {raised} 个，目标 {len(aims)} 项")
    return Receipt(
        stage="outlook", rows_in=enterprises.height, rows_out=len(rows), notes=(f"{raised} areas at a level",)
    )


def _areas(
    run: Run, warehouse: Warehouse, enterprises: pl.DataFrame, *, month: date | None, before: Mapping[str, Standing]
) -> tuple[list[dict[str, Any]], dict[str, Standing]]:
    if month is None:
        return [], dict(before)
    history = warehouse.frame(read_sql("outlook/history"))
    calendar = _calendar(run, month)
    compared = {
        kind: areas.against_usual(
            history,
            kind,
            season=lambda day: calendar.season(lunar.ordinal(day)),
            least_years=int(run.parameters["area_history_years"]),
            least_months=int(run.parameters["area_worst_history_months"]),
        ).filter(pl.col("month") == month)
        for kind in areas.KINDS
    }
    rows = areas.joined(areas.counted(enterprises), compared, least=int(run.parameters["area_small_enterprises"]))
    return areas.levelled(rows, before, month=month, limits=areas.lines(run.parameters))


def _calendar(run: Run, month: date) -> lunar.LunarCalendar:
    if run.contracts.feed_set.calendar != "lunar":
        return lunar.GREGORIAN
    return lunar.calendar(
        run.parameters["spring_festival"],
        early_day=run.parameters["festival_early_day"],
        reference_year=month.year,
    )


def _recall(run: Run, previous: EditionRecord | None) -> dict[str, Standing]:
    """What each area stood at in the ``previous`` edition; nothing where that one had no outlook yet."""
    if previous is None:
        return {}
    path = run.home.editions / previous.as_of.isoformat() / f"r{previous.revision}" / FILE
    if not path.is_file():
        return {}
    body = json.loads(path.read_text(encoding="utf-8"))
    days = ("since", "month")
    return {
        key: Standing(**{**row, **{name: date.fromisoformat(row[name]) for name in days}})
        for key, row in body["standings"].items()
    }


def _remember(folder: Path, standings: Mapping[str, Standing]) -> None:
    body = {"standings": {key: asdict(standings[key]) for key in sorted(standings)}}
    text = json.dumps(body, ensure_ascii=False, sort_keys=True, indent=1, default=date.isoformat)
    with atomic_file(folder / FILE) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def _store(warehouse: Warehouse, table: str, rows: list[dict[str, Any]]) -> None:
    warehouse.store(table, pl.DataFrame(rows, schema=warehouse.contracts.polars_schema(table), orient="row"))
