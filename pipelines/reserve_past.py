"""What past mass reductions left unpaid, from the working file: the evidence of the reserve fund, and the other fund.

Events are those the models foresee, counted in periods that do not overlap. To an event belong the wage claims, and the
contributions due but neither paid nor deferred, of its period and some months after. A claim may come as a complaint,
as arbitration and in a visit: of the three the largest counts, never their sum. A month whose dues or payment were not
told is neither paid nor unpaid. Wages and contributions are kept apart throughout: other departments answer for them.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from models import labels
from models.joint_loss import Shock
from pipelines.lunar import ordinal
from pipelines.means import Means
from pipelines.parameters import Parameters
from pipelines.run import add_months
from pipelines.stages import outlook
from pipelines.stages.features.levels import levels, vanished
from pipelines.stages.features.masked import Ints
from pipelines.stages.outlook import together
from pipelines.warehouse import Warehouse, lock, scratch

HAS_NIGHT = "SELECT count(*) FROM duckdb_tables() WHERE database_name = 'home' AND schema_name = 'night'"
WHO = """
SELECT
    enterprise_no, enterprise_id, coalesce(county_code, '000000') AS county_code,
    coalesce(is_labour_agency, false) AS is_agency
FROM core.enterprise ORDER BY enterprise_no
"""
CLAIMS = """
WITH every AS (
    SELECT enterprise_no, 'complaint' AS source, accepted_on AS day, involved_persons AS claimants, claimed_fen AS fen
    FROM core.wage_complaint
    WHERE complaint_kind = '拖欠工资' AND coalesce(complaint_status NOT IN ('不予受理', '已撤回'), true)
    UNION ALL
    SELECT enterprise_no, 'arbitration', filed_on, claimant_persons, claimed_fen
    FROM core.arbitration
    WHERE dispute_cause = '劳动报酬' AND coalesce(arbitration_outcome <> '撤回', true)
    UNION ALL
    SELECT enterprise_no, 'visit', visited_on, unpaid_wage_persons, unpaid_wage_fen
    FROM core.follow_up
    WHERE unpaid_wage_persons > 0
)
SELECT c.enterprise_no, c.source, c.day, c.claimants, c.fen
FROM every AS c INNER JOIN core.enterprise AS e USING (enterprise_no)
WHERE NOT coalesce(e.is_labour_agency, false)
ORDER BY ALL
"""
MONTHS = """
WITH told AS (
    SELECT
        m.enterprise_no, m.month, m.base_fen,
        CASE WHEN coalesce(due_pension_fen, due_unemployment_fen, due_injury_fen) IS NOT NULL THEN
            coalesce(due_pension_fen, 0) + coalesce(due_unemployment_fen, 0) + coalesce(due_injury_fen, 0)
        END AS due_fen,
        coalesce(due_pension_fen - coalesce(deferred_pension_fen, 0), 0) AS pension_fen,
        coalesce(due_unemployment_fen - coalesce(deferred_unemployment_fen, 0), 0) AS unemployment_fen,
        coalesce(due_injury_fen - coalesce(deferred_injury_fen, 0), 0) AS injury_fen,
        paid_pension_fen, paid_unemployment_fen, paid_injury_fen
    FROM core.enterprise_month AS m INNER JOIN core.enterprise AS e USING (enterprise_no)
    WHERE m.month BETWEEN $first AND $last AND NOT coalesce(e.is_labour_agency, false)
),
owing AS (
    SELECT
        *,
        CASE WHEN due_fen IS NULL OR (pension_fen > 0 AND paid_pension_fen IS NULL)
            OR (unemployment_fen > 0 AND paid_unemployment_fen IS NULL) OR (injury_fen > 0 AND paid_injury_fen IS NULL)
            THEN NULL
        ELSE greatest(pension_fen - coalesce(paid_pension_fen, 0), 0)
            + greatest(unemployment_fen - coalesce(paid_unemployment_fen, 0), 0)
            + greatest(injury_fen - coalesce(paid_injury_fen, 0), 0)
        END AS owed
    FROM told
)
SELECT
    enterprise_no, month, base_fen, due_fen,
    CASE WHEN owed > $tolerance THEN owed WHEN owed IS NOT NULL THEN 0 END AS owed_fen
FROM owing
WHERE owed > $tolerance OR owed IS NULL OR enterprise_no IN (SELECT unnest($numbers::BIGINT[]))
ORDER BY enterprise_no, month
"""
FUND = """
SELECT month, fund_outlay_fen AS outlay_fen, fund_balance_fen AS balance_fen FROM core.ui_fund_month
WHERE month < $month AND fund_outlay_fen IS NOT NULL AND fund_balance_fen IS NOT NULL ORDER BY month DESC LIMIT 12
"""
EVENT = ("enterprise_no", "origin")


@dataclass(frozen=True)
class Told:
    """Money of the claims or arrears of all enterprises in the months looked at (fen), and that of events' own."""

    all_fen: int
    events_fen: int


@dataclass(frozen=True)
class Past:
    """``evidence`` as ``models.unpaid.learn`` takes it; ``first`` and ``last`` are the months in which it was left.

    ``unsized`` counts claims without persons or money, ``unknown`` events whose own base or dues, or payments after
    them, are not known, ``untold`` the months of one enterprise each of which dues or payment were not told; all are
    left out. ``years`` are the wages and contributions (fen) that the events of each whole 12 months left, the
    newest first; ``fund`` has the unemployment fund's last twelve months, also so.
    """

    evidence: pl.DataFrame
    first: date | None
    last: date | None
    unsized: int
    unknown: int
    untold: int
    wages: Told
    contributions: Told
    years: tuple[tuple[int, int], ...]
    shock: Shock
    fund: pl.DataFrame
    held: tuple[date, int]


def read(means: Means, parameters: Parameters, *, as_of: date, month: date) -> Past | None:
    """The past up to ``month`` as the working file knows it; None where that holds no night."""
    with _opened(means) as warehouse:
        if warehouse is None:
            return None
        held = warehouse.rows("SELECT as_of, revision FROM night.stage WHERE stage_name = 'core'")
        season = outlook.season_of(means.contracts(), parameters, month)
        shock = together.estimated(parameters, warehouse, month=month, season=season)
        fund = warehouse.frame(FUND, month=as_of.replace(day=1))
        first = warehouse.scalar("SELECT min(month) FROM core.month_status")
        if first is None or not held:
            return None
        events = _events(warehouse, parameters, first=first, last=month)
        rest = {"shock": shock, "fund": fund, "held": held[0]}
        return _past(warehouse, parameters, events, began=first, month=month, rest=rest)


@contextmanager
def _opened(means: Means) -> Iterator[Warehouse | None]:
    """The working file to read, its schemas under their own names; None where there is none or no night in it."""
    if not means.home.warehouse.is_file():
        yield None
        return
    with (
        lock(means.home.root / ".lock"),
        scratch(means.contracts()) as warehouse,
        warehouse.attached(means.home.warehouse, name="home"),
    ):
        if not warehouse.scalar(HAS_NIGHT):
            yield None
            return
        own = warehouse.scalar("SELECT current_database()")
        warehouse.execute("USE home")
        try:
            yield warehouse
        finally:
            warehouse.execute(f"USE {own}")


def _events(warehouse: Warehouse, parameters: Parameters, *, first: date, last: date) -> pl.DataFrame:
    """Events in periods that do not overlap and whose claims had time to come: enterprise, origin and persons."""
    horizon = int(parameters["model_horizon_months"])
    label = labels.labels_of(parameters["labels"])[parameters["model_label"]]
    insured = levels(warehouse, first=ordinal(first), last=ordinal(last))
    who, city = warehouse.frame(WHO), vanished(insured, parameters)
    newest = insured.shape[1] - 1 - horizon - int(parameters["reserve_claim_months"])
    numbers, origins, persons = ([np.zeros(0, np.int64)] for _ in range(3))
    for code in who["county_code"].unique().sort():
        own = np.flatnonzero(((who["county_code"] == code) & ~who["is_agency"]).to_numpy())
        gaps = city | vanished(insured[own], parameters)
        for origin in range(newest, -1, -horizon):
            found = labels.outcome(insured[own], origin=origin, horizon=horizon, label=label, broken=gaps)
            struck = own[found.event]
            numbers.append(struck)
            origins.append(np.full(len(struck), origin, np.int64))
            persons.append(insured[struck, origin])
    whole: Mapping[str, list[Ints]] = {"enterprise_no": numbers, "place": origins, "persons": persons}
    months = pl.Series("origin", [add_months(first, place) for place in range(insured.shape[1])], pl.Date)
    return (
        pl.DataFrame({name: np.concatenate(parts) for name, parts in whole.items()})
        .with_columns(months.gather(np.concatenate(origins)).alias("origin"))
        .join(who.select("enterprise_no", pl.col("enterprise_id").alias("enterprise")), on="enterprise_no")
        .sort("enterprise", "origin")
    )


def _past(
    warehouse: Warehouse,
    parameters: Parameters,
    events: pl.DataFrame,
    *,
    began: date,
    month: date,
    rest: Mapping[str, Any],
) -> Past:
    horizon = int(parameters["model_horizon_months"])
    length = horizon + int(parameters["reserve_claim_months"])
    first = events["origin"].min() if events.height else None
    since = add_months(first, 1) if isinstance(first, date) else month
    months = warehouse.frame(
        MONTHS,
        first=add_months(since, -1),
        last=month,
        tolerance=int(parameters["arrears_tolerance_fen"]),
        numbers=events["enterprise_no"].unique().sort().to_list(),
    )
    every = warehouse.frame(CLAIMS).filter((pl.col("day") >= since) & (pl.col("day") < add_months(month, 1)))
    sized = every.filter((pl.col("claimants") > 0) & pl.col("fen").is_not_null())
    window = events.select(
        *EVENT,
        "persons",
        since=pl.col("origin").dt.offset_by("1mo"),
        until=pl.col("origin").dt.offset_by(f"{length + 1}mo"),
    )
    claims = window.join(sized, on="enterprise_no").filter(pl.col("day").is_between("since", "until", closed="left"))
    later = months.filter(pl.col("month") >= since)
    owed = window.join(later, on="enterprise_no").filter(pl.col("month").is_between("since", "until", closed="left"))
    at_origin = months.select("enterprise_no", "base_fen", "due_fen", origin=pl.col("month"))
    rows = _left(events.join(at_origin, on=EVENT, how="left"), claims, owed, parameters)
    has_wages = every.height > 0
    has_dues = bool(rows["contribution_months"].count())
    known = [pl.col("wage_months").is_not_null()] * has_wages + [pl.col("contribution_months").is_not_null()] * has_dues
    told = rows.filter(pl.all_horizontal(pl.lit(value=True), *known))
    complaints, own = sized.filter(pl.col("source") == "complaint"), claims.filter(pl.col("source") == "complaint")
    return Past(
        evidence=told if has_wages else told.with_columns(staff_share=None, wage_months=None),
        years=_years(rows, newest=add_months(month, -length), began=began, horizon=horizon),
        first=since if events.height else None,
        last=month if events.height else None,
        unsized=every.height - sized.height,
        unknown=rows.height - told.height,
        untold=later["owed_fen"].null_count(),
        wages=Told(int(complaints["fen"].sum()), _once(own, "day", "claimants", "fen")),
        contributions=Told(int(later["owed_fen"].sum()), _once(owed, "month", "owed_fen", "owed_fen")),
        **rest,
    )


def _left(events: pl.DataFrame, claims: pl.DataFrame, owed: pl.DataFrame, parameters: Parameters) -> pl.DataFrame:
    """What each event left: share of the staff and months of unpaid wages, months of unpaid contributions.

    The latter is unknown where any month after the event does not tell what was due and paid.
    """
    most = float(parameters["reserve_most_months"])
    by_source = claims.group_by(*EVENT, "source").agg(
        pl.when(pl.col("source").first() == "visit").then(pl.col(name).max()).otherwise(pl.col(name).sum()).alias(name)
        for name in ("claimants", "fen")
    )
    wages = by_source.group_by(*EVENT).agg(pl.col("claimants").max(), pl.col("fen").max())
    is_untold = pl.col("owed_fen").is_null().any()
    dues = owed.group_by(*EVENT).agg(pl.col("owed_fen").sum(), is_untold=is_untold)
    rows = events.join(wages, on=EVENT, how="left").join(dues, on=EVENT, how="left")
    claimants = pl.min_horizontal(pl.col("claimants").fill_null(0), "persons")
    per_person = pl.when(pl.col("base_fen") > 0).then(pl.col("base_fen") / pl.col("persons"))
    due = pl.when((pl.col("due_fen") > 0) & ~pl.col("is_untold").fill_null(value=False)).then(pl.col("due_fen"))
    return rows.select(
        "enterprise",
        "origin",
        "persons",
        pl.col("fen").fill_null(0),
        pl.col("owed_fen").fill_null(0),
        staff_share=claimants / pl.col("persons"),
        wage_months=pl.when(per_person.is_not_null()).then(
            (pl.col("fen").fill_null(0) / (pl.max_horizontal(claimants, 1) * per_person)).clip(0, most)
        ),
        contribution_months=(pl.col("owed_fen").fill_null(0) / due).clip(0, most),
    ).sort("enterprise", "origin")


def _years(rows: pl.DataFrame, *, newest: date, began: date, horizon: int) -> tuple[tuple[int, int], ...]:
    """Money that the events of each whole 12 months left, counted back from the origin ``newest``."""
    whole = (ordinal(newest) - ordinal(began)) // horizon * horizon + horizon
    month = pl.col("origin").dt.year().cast(pl.Int64) * 12 + pl.col("origin").dt.month() - 1
    back = rows.with_columns(year=(ordinal(newest) - month) // 12)
    return tuple(
        (int(own["fen"].sum()), int(own["owed_fen"].sum()))
        for own in (back.filter(pl.col("year") == year) for year in range(whole // 12))
    )


def _once(rows: pl.DataFrame, *names: str) -> int:
    """The money (the last of ``names``) of rows that belong to one event at least, each counted once."""
    return int(rows.select("enterprise_no", *dict.fromkeys(names)).unique()[names[-1]].sum())
