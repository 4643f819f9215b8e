"""Everything about receiving the laid-off, read from the warehouse: absorption, policy reserve, caseload, fairs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from pipelines.contracts import read_sql
from pipelines.lunar import LunarCalendar
from pipelines.run import Run
from pipelines.stages.outlook import absorbing, caseload, fairs, reserving
from pipelines.suppression import Limits
from pipelines.warehouse import Warehouse
from pipelines.working_days import office_calendar

Row = dict[str, Any]


@dataclass(frozen=True)
class Received:
    """Rows of ``outlook.absorption``, ``policy_reserve``, ``caseload`` and ``fair`` without the edition's number."""

    absorption: list[Row]
    reserve: list[Row]
    caseload: list[Row]
    fairs: list[Row]


def read(
    run: Run,
    warehouse: Warehouse,
    enterprises: pl.DataFrame,
    *,
    month: date | None,
    calendar: LunarCalendar,
    areas: Sequence[Mapping[str, Any]],
    given: Sequence[Mapping[str, Any]],
) -> Received:
    """All four; ``areas`` and ``given`` are the rows of ``outlook.area`` and ``area_order`` of the edition."""
    parameters = run.parameters
    posts = absorbing.posts_of(
        warehouse.frame(read_sql("outlook/vacancies")),
        month=month,
        fresh_months=int(parameters["vacancy_fresh_months"]),
    )
    neighbours: Mapping[str, Sequence[str]] = parameters["county_neighbours"]
    counties: dict[str, str] = dict(warehouse.rows("SELECT county_code, county_name FROM edition.county"))
    return Received(
        absorbing.rows(
            enterprises,
            posts,
            neighbours,
            limits=Limits(int(parameters["area_small_enterprises"]), int(parameters["outer_small_cell_persons"])),
        )
        if month
        else [],
        reserving.rows(run, warehouse, month=month),
        _caseload(run, warehouse, counties, month=month, calendar=calendar),
        fairs.rows(
            warehouse.frame(read_sql("outlook/fairs")),
            areas,
            given,
            posts,
            neighbours,
            sorted(counties),
            office_calendar(parameters["office_years"]),
            as_of=run.as_of,
        ),
    )


def _caseload(
    run: Run, warehouse: Warehouse, counties: Mapping[str, str], *, month: date | None, calendar: LunarCalendar
) -> list[Row]:
    if month is None:
        return []
    told = warehouse.frame(read_sql("outlook/registered"), reference_month=month)
    return caseload.rows(
        told,
        counties,
        calendar.months_back,
        caseload.excess_of(warehouse, run.parameters, told, month=month),
        month=month,
        scale_months=int(run.parameters["caseload_scale_months"]),
        least_checks=int(run.parameters["caseload_least_checks"]),
    )
