"""The larger picture: counties, industries, targets, and where the laid-off can go, on top of the list of enterprises.

What the next edition must remember, levels, the shock and the shifts of signs, lies beside the edition's own document,
so a lost working file loses nothing.
"""

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from pipelines import lunar
from pipelines.contracts import Contracts, read_sql
from pipelines.ledger import EditionRecord
from pipelines.parameters import Parameters
from pipelines.run import Receipt, Run, add_months
from pipelines.stages.outlook import areas, memory, orders, receiving, series, signs, targets, together
from pipelines.stages.outlook.memory import Memory
from pipelines.stages.outlook.signs import Sign
from pipelines.warehouse import Warehouse


def run(run: Run, warehouse: Warehouse, *, previous: EditionRecord | None) -> Receipt:
    """Write ``outlook.*`` and ``outlook.json``; enterprises in, areas out. ``previous`` is the edition before."""
    edition_id, month = warehouse.rows("SELECT edition_id, reference_month FROM edition.edition")[0]
    folder = run.home.editions / previous.as_of.isoformat() / f"r{previous.revision}" if previous else None
    before, shifts = memory.recall(folder), signs.recall(folder)
    enterprises = warehouse.frame(
        read_sql("outlook/enterprises"),
        large_persons=int(run.parameters["orange_loss_persons"]),
        large_pct=int(run.parameters["orange_loss_pct"]),
        least_persons=int(run.parameters["orange_loss_pct_min_persons"]),
    )
    rows: list[dict[str, Any]] = []
    now = before
    if month:
        gathered, shifts = signs.read(warehouse, run.parameters, shifts, month=month)
        rows, now = _areas(run, warehouse, enterprises, month=month, before=before, gathered=gathered)
    aims = targets.rows(
        warehouse.frame("FROM core.target_progress"), run.parameters["document_targets"], as_of=run.as_of
    )
    done = dict(warehouse.rows("SELECT order_no, done_on FROM ingest.order_done"))
    given = orders.rows(rows, done, run.parameters)
    calendar = calendar_of(run.contracts, run.parameters, month or run.as_of)
    received = receiving.read(run, warehouse, enterprises, month=month, calendar=calendar, areas=rows, given=given)
    with warehouse.transaction():
        _store(warehouse, "outlook.area", [{"edition_id": edition_id, "month": month, **row} for row in rows])
        _store(warehouse, "outlook.area_order", [{"edition_id": edition_id, **row} for row in given])
        _store(warehouse, "outlook.target", [{"edition_id": edition_id, **row} for row in aims])
        for table, told in (
            ("outlook.absorption", received.absorption),
            ("outlook.policy_reserve", received.reserve),
            ("outlook.caseload", received.caseload),
            ("outlook.fair", received.fairs),
        ):
            _store(warehouse, table, [{"edition_id": edition_id, **row} for row in told])
    _series(run, warehouse, folder, edition_id=edition_id, month=month)
    memory.write(run.edition_folder, now)
    signs.write(run.edition_folder, shifts)
    raised = sum(row["area_level"] not in (None, areas.NO_LEVEL) for row in rows)
    run.progress(f"形势研判：县区和行业 {len(rows)} 个，达到等级 {raised} 个，目标 {len(aims)} 项")
    return Receipt(
        stage="outlook", rows_in=enterprises.height, rows_out=len(rows), notes=(f"{raised} areas at a level",)
    )


def _areas(
    run: Run,
    warehouse: Warehouse,
    enterprises: pl.DataFrame,
    *,
    month: date,
    before: Memory,
    gathered: Mapping[str, Sign],
) -> tuple[list[dict[str, Any]], Memory]:
    """Rows of ``outlook.area`` without the edition's number, and what to remember."""
    history, season = _history(run, warehouse, month), season_of(run.contracts, run.parameters, month)
    compared = {
        kind: areas.against_usual(
            history,
            kind,
            season=season,
            least_years=int(run.parameters["area_history_years"]),
            least_months=int(run.parameters["area_worst_history_months"]),
        ).filter(pl.col("month") == month)
        for kind in areas.KINDS
    }
    shock, foreseen = before.shock, together.Foreseen({}, "")
    if enterprises["probability"].count():
        shock = together.shock_of(run, warehouse, before.shock, month=month, season=season)
        foreseen = together.foresee(enterprises, shock, run)
    rows = areas.joined(
        areas.counted(enterprises),
        compared,
        foreseen,
        least=int(run.parameters["area_small_enterprises"]),
    )
    levelled, standings = areas.levelled(
        rows, before.standings, gathered, month=month, as_of=run.as_of, limits=areas.lines(run.parameters)
    )
    return levelled, Memory(standings, shock)


def _series(run: Run, warehouse: Warehouse, folder: Path | None, *, edition_id: str, month: date | None) -> None:
    """Write what this edition publishes of its series, and how that differs from what the previous one said."""
    before = series.recall(folder)
    since = add_months(month or run.as_of.replace(day=1), -int(run.parameters["county_table_months"]) + 1)
    cells = warehouse.frame("FROM edition.county_industry_month").to_dicts()
    market = warehouse.frame(read_sql("out/market_month"), county_code=None).to_dicts()
    stocks = {
        series.CASES: dict(warehouse.rows("SELECT warning_no, county_code FROM edition.warning")),
        series.ORDERS: dict(warehouse.rows(read_sql("outlook/open_order"))),
    }
    told = series.Told(series.levels(cells, market, since=since), stocks, run.cutoff)
    arrived = []
    if before.cutoff:
        arrived = [known for (known,) in warehouse.rows(read_sql("outlook/arrived"), since=before.cutoff)]
    revised = series.revisions(before, told.levels, arrived=arrived)
    with warehouse.transaction():
        _store(warehouse, "outlook.series_revision", [{"edition_id": edition_id, **row} for row in revised])
        balance = series.balance(before, stocks)
        _store(warehouse, "outlook.series_balance", [{"edition_id": edition_id, **row} for row in balance])
    series.write(run.edition_folder, told)


def _history(run: Run, warehouse: Warehouse, month: date) -> pl.DataFrame:
    months = int(run.parameters["area_history_months"])
    return warehouse.frame(read_sql("outlook/history"), reference_month=month, months=months)


def season_of(contracts: Contracts, parameters: Parameters, month: date) -> Callable[[date], str]:
    """The place of a month in its year, as ``LunarCalendar.season`` says it."""
    calendar = calendar_of(contracts, parameters, month)
    return lambda day: calendar.season(lunar.ordinal(day))


def calendar_of(contracts: Contracts, parameters: Parameters, month: date) -> lunar.LunarCalendar:
    """The calendar of the set of feeds, which must know the festival of the year of ``month``."""
    if contracts.feed_set.calendar != "lunar":
        return lunar.GREGORIAN
    return lunar.calendar(
        parameters["spring_festival"], early_day=parameters["festival_early_day"], reference_year=month.year
    )


def _store(warehouse: Warehouse, table: str, rows: list[dict[str, Any]]) -> None:
    warehouse.store(table, pl.DataFrame(rows, schema=warehouse.contracts.polars_schema(table), orient="row"))
