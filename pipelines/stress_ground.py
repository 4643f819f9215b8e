"""What a stress test stands on: the last published night, and of its working file exports by product, duties and fund.

Everyone with insured persons counts, but not labour agencies, whose losses are their clients'. Chances and shares are
those of the model in charge; whom it gives none is left out of every sum, with and without a shock, and counted apart.
While the rule score leads, they are counted from the home's own past months, by staff and by whether it fell lately:
points are no probability, and those of past months are not in the published file.
"""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl

from models import labels, stress
from models.stress import Floats, Ints, Outlook, Rates
from pipelines import parameters as parameter_files
from pipelines.errors import NotFoundError, PublishError
from pipelines.means import Means
from pipelines.parameters import Parameters
from pipelines.run import add_months
from pipelines.stages.features.levels import vanished
from pipelines.stages.features.tariff import Measure
from pipelines.warehouse import connect_published, lock, scratch

ENTERPRISES = """
SELECT
    e.enterprise_no, e.enterprise_id, e.county_code, e.county_name,
    coalesce(e.industry_division, '00') AS industry_division, coalesce(e.industry_name, '未知行业') AS industry_name,
    coalesce(e.size_class, '未定') AS size_class, e.insured_persons,
    coalesce(e.is_us_exporter, false) OR coalesce(e.export_us_12m_usd_cent, 0) > 0 AS is_us_exporter,
    s.probability, s.expected_loss_persons, m.base_fen
FROM out.enterprise AS e
INNER JOIN out.risk AS s USING (enterprise_no)
LEFT JOIN out.enterprise_month AS m ON m.enterprise_no = e.enterprise_no AND m.month = $month
WHERE e.insured_persons > 0 AND NOT coalesce(e.is_labour_agency, false)
ORDER BY e.enterprise_id
"""
STAFF = """
SELECT m.enterprise_no, m.month, m.insured_persons, e.county_code
FROM out.enterprise_month AS m INNER JOIN out.enterprise AS e USING (enterprise_no)
WHERE m.month BETWEEN $first AND $last AND NOT coalesce(e.is_labour_agency, false)
"""
DEFERRED = """
SELECT enterprise_no, month, deferred_pension_fen, deferred_unemployment_fen, deferred_injury_fen
FROM out.enterprise_month
WHERE coalesce(deferred_pension_fen, 0) + coalesce(deferred_unemployment_fen, 0) + coalesce(deferred_injury_fen, 0) > 0
"""
HAS_NIGHT = "SELECT count(*) FROM duckdb_tables() WHERE database_name = 'home' AND schema_name = 'night'"
EXPORT_MONTHS = "SELECT DISTINCT month FROM home.core.export_month WHERE month < $month ORDER BY month DESC LIMIT $most"
EXPORTS = """
WITH own AS (
    SELECT
        enterprise_no, hs6, destination = 'USA' AS is_us,
        coalesce(declarant_role = '生产销售单位', false) AS is_made,
        sum(export_usd_cent)::BIGINT AS cents
    FROM home.core.export_month
    WHERE month IN (SELECT unnest($months::DATE[]))
    GROUP BY ALL
)
SELECT e.enterprise_id, o.hs6, o.is_us, o.cents
FROM own AS o INNER JOIN home.core.enterprise AS e USING (enterprise_no)
QUALIFY o.is_made = bool_or(o.is_made) OVER (PARTITION BY o.enterprise_no)
"""
TURNOVER = """
SELECT e.enterprise_id, avg(t.invoiced_fen) / 100 AS yuan
FROM home.core.tax_month AS t INNER JOIN home.core.enterprise AS e USING (enterprise_no)
WHERE t.month IN (SELECT unnest($months::DATE[])) AND t.invoiced_fen IS NOT NULL
GROUP BY e.enterprise_id
"""
MEASURES = """
SELECT measure_id, stack_group, hs6, rate_bp, valid_from, valid_to, measure_status FROM home.core.tariff_measure
"""
FUND = """
SELECT month, fund_outlay_fen, fund_balance_fen FROM home.core.ui_fund_month
WHERE month < $month AND fund_outlay_fen IS NOT NULL AND fund_balance_fen IS NOT NULL ORDER BY month DESC LIMIT $most
"""


@dataclass(frozen=True)
class Trade:
    """Dollars sold to the United States by enterprise (its row in the ground) and product, and each one's income.

    ``income`` (dollars, a row an enterprise) is the invoiced turnover of as many months, or all exports where these are
    more or turnover is unknown; ``without_turnover`` counts the latter among those who sell there.
    """

    row: Ints
    hs6: list[str]
    usd: Floats
    income: Floats
    months: tuple[date, ...]
    without_turnover: int


@dataclass(frozen=True)
class Fund:
    """The unemployment fund as last reported: its balance, and what it paid a month on average (fen)."""

    month: date
    balance_fen: int
    outlay_fen: float
    months: int


@dataclass(frozen=True)
class Ground:
    """One published night; ``rows`` in order of the enterprise's code, ``base`` in the same order.

    ``unscored``, with the columns of ``rows``, has those to whom the model in charge gives no chance: nobody while
    points lead. ``rates`` are None where a learned model leads; ``trade`` and ``fund`` where nothing came. ``held`` is
    the night that the working file holds, None where there is none. A ``base_fen`` that is not known is null.
    """

    edition: Mapping[str, Any]
    horizon: int
    parameters: Parameters
    rows: pl.DataFrame
    unscored: pl.DataFrame
    base: Outlook
    rates: Rates | None
    deferred: pl.DataFrame
    trade: Trade | None
    measures: tuple[Measure, ...]
    fund: Fund | None
    held: tuple[date, int] | None

    @property
    def is_one_night(self) -> bool:
        """Whether the working file holds the night that the published file tells."""
        return self.held in (None, (self.edition["as_of"], self.edition["revision"]))


def read(means: Means, published: Path) -> Ground:
    """The ground in ``published`` and in the working file, with the parameters of the edition's day.

    Raises ``NotFoundError`` where no month is insured, or where neither a model nor the past tells a chance.
    """
    with closing(connect_published(published)) as connection:
        edition = connection.sql("SELECT * FROM out.edition").pl().to_dicts()[0]
        month = edition["reference_month"]
        if month is None:
            raise NotFoundError(f"{edition['edition_id']} has no insurance month: nothing to stress")
        parameters = parameter_files.load(edition["as_of"])
        try:
            rows, unscored = _scored(connection.sql(ENTERPRISES, params={"month": month}).pl())
            base, rates = _base(connection, rows, month, parameters)
            deferred = connection.sql(DEFERRED).pl()
        except duckdb.Error as error:
            raise PublishError(f"{published} cannot be read: {str(error).splitlines()[0]}") from error
    ground = Ground(
        edition=edition,
        horizon=int(parameters["model_horizon_months"]),
        parameters=parameters,
        rows=rows,
        unscored=unscored,
        base=base,
        rates=rates,
        deferred=deferred,
        trade=None,
        measures=(),
        fund=None,
        held=None,
    )
    return _with_working_file(means, ground) if means.home.warehouse.is_file() else ground


def _scored(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Those to whom the model gives a chance, and the others; all, and nobody, where no model leads."""
    if not rows["probability"].count():
        return rows, rows.clear()
    is_scored = pl.col("probability").is_not_null() & pl.col("expected_loss_persons").is_not_null()
    return rows.filter(is_scored), rows.filter(~is_scored)


def _base(
    connection: duckdb.DuckDBPyConnection, rows: pl.DataFrame, month: date, parameters: Parameters
) -> tuple[Outlook, Rates | None]:
    persons = rows["insured_persons"].to_numpy().astype(np.int64)
    if rows["probability"].count():
        chance = rows["probability"].to_numpy().astype(np.float64)
        jobs = rows["expected_loss_persons"].to_numpy().astype(np.float64)
        share = np.divide(jobs, chance * persons, out=np.zeros_like(jobs), where=chance > 0)
        return Outlook(chance, np.clip(share, 0.0, 1.0), persons), None
    horizon, months = int(parameters["model_horizon_months"]), int(parameters["stress_past_months"])
    first = add_months(month, 1 - months - horizon - 3)
    staff = connection.sql(STAFF, params={"first": first, "last": month}).pl()
    numbers = pl.concat([staff["enterprise_no"], rows["enterprise_no"]])
    insured = _panel(staff, first=first, last=month, count=1 + int(numbers.to_numpy().max(initial=0)))
    fall = parameters["stress_past_fall_pct"] / 100
    label = labels.labels_of(parameters["labels"])[parameters["model_label"]]
    rates = stress.base_rates(
        _by_county(staff, insured, parameters),
        months=months,
        horizon=horizon,
        label=label,
        fall=fall,
        weight=float(parameters["stress_past_weight_rows"]),
    )
    if rates is None:
        raise NotFoundError("no learned model leads, and no large loss is on record in the months before: no base")
    before = insured[rows["enterprise_no"].to_numpy(), -4]
    return stress.from_rates(rates, persons, before, label=label, fall=fall), rates


def _panel(staff: pl.DataFrame, *, first: date, last: date, count: int) -> Ints:
    """Insured persons by enterprise_no and month from ``first`` to ``last``: 0 without a row, −1 in an empty month."""
    place = staff["month"].dt.year().cast(pl.Int64) * 12 + staff["month"].dt.month() - first.year * 12 - first.month
    width = (last.year - first.year) * 12 + last.month - first.month + 1
    found = np.zeros((count, width), dtype=np.int64)
    found[staff["enterprise_no"].to_numpy(), place.to_numpy()] = staff["insured_persons"].to_numpy()
    found[:, np.bincount(place.to_numpy(), minlength=width) == 0] = -1
    return found


def _by_county(staff: pl.DataFrame, insured: Ints, parameters: Parameters) -> list[tuple[Ints, stress.Bools]]:
    """The panel of each county, with the months in which the coverage of it or of the city breaks."""
    city = vanished(insured, parameters)
    members = staff.group_by("county_code").agg(pl.col("enterprise_no").unique().sort()).sort("county_code")
    parts = []
    for numbers in members["enterprise_no"]:
        own = insured[numbers.to_numpy()]
        parts.append((own, city | vanished(own, parameters)))
    return parts


def _with_working_file(means: Means, ground: Ground) -> Ground:
    """``ground`` with what the working file of the home knows."""
    most = int(ground.parameters["stress_known_months"])
    month = ground.edition["as_of"].replace(day=1)
    with (
        lock(means.home.root / ".lock"),
        scratch(means.contracts()) as warehouse,
        warehouse.attached(means.home.warehouse, name="home"),
    ):
        if not warehouse.scalar(HAS_NIGHT):
            return ground
        held = warehouse.rows("SELECT as_of, revision FROM home.night.stage WHERE stage_name = 'core'")
        if not held:
            return ground
        months = [found for (found,) in warehouse.rows(EXPORT_MONTHS, month=month, most=most)]
        exports = warehouse.frame(EXPORTS, months=months)
        turnover = warehouse.frame(TURNOVER, months=months)
        measures = tuple(Measure(*row) for row in warehouse.rows(MEASURES))
        fund = warehouse.rows(FUND, month=month, most=most)
    return replace(
        ground,
        trade=_trade(ground, exports, turnover, months),
        measures=measures,
        fund=_fund(fund),
        held=held[0],
    )


def _trade(ground: Ground, exports: pl.DataFrame, turnover: pl.DataFrame, months: list[date]) -> Trade | None:
    if exports.is_empty():
        return None
    places = ground.rows.select("enterprise_id").with_row_index("row")
    own = exports.join(places, on="enterprise_id").sort("row", "hs6")
    every = places.join(own.group_by("row").agg(pl.col("cents").sum()), on="row", how="left", maintain_order="left")
    earned = places.join(turnover, on="enterprise_id", how="left", maintain_order="left")
    rate = ground.parameters["stress_yuan_per_dollar"] / len(months)
    told = (earned["yuan"] / rate).fill_null(0).to_numpy()
    sold = own.filter(pl.col("is_us") & (pl.col("cents") > 0))
    rows = sold["row"].to_numpy().astype(np.int64)
    return Trade(
        row=rows,
        hs6=sold["hs6"].to_list(),
        usd=sold["cents"].to_numpy() / 100,
        income=np.maximum(told, every["cents"].fill_null(0).to_numpy() / 100),
        months=tuple(sorted(months)),
        without_turnover=int((told[np.unique(rows)] <= 0).sum()),
    )


def _fund(rows: list[tuple[Any, ...]]) -> Fund | None:
    if not rows:
        return None
    month, _, balance = rows[0]
    return Fund(month, balance, sum(row[1] for row in rows) / len(rows), len(rows))
