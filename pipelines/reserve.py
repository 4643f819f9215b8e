"""What a reserve fund for unpaid wages and contributions must hold, on the last published night of a home.

The document gives the fund no sum and no rule, so every rule here is a parameter and every answer is to a question:
which confidence, which horizon, which opening balance. Chances are those of the model in charge or, while the rule
score leads, counted from the home's own past; shocks are those the night remembers or, without, estimated as it would.
"""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from models import reserve, unpaid
from models.joint_loss import Shock, known
from models.reserve import Paths, Terms
from models.unpaid import Assumed, Figure, Unpaid
from pipelines import reserve_past, stress_ground
from pipelines.errors import NotFoundError, UsageError
from pipelines.means import Means
from pipelines.parameters import Parameters
from pipelines.reserve_past import Past
from pipelines.stages.outlook import memory
from pipelines.stress_ground import Ground
from pipelines.warehouse import connect_published

DUES = """
SELECT
    e.enterprise_id, coalesce(left(e.industry_code, 1), '?') AS industry,
    CASE WHEN coalesce(m.due_pension_fen, m.due_unemployment_fen, m.due_injury_fen) IS NOT NULL THEN
        coalesce(m.due_pension_fen, 0) + coalesce(m.due_unemployment_fen, 0) + coalesce(m.due_injury_fen, 0)
    END AS dues
FROM out.enterprise AS e
LEFT JOIN out.enterprise_month AS m ON m.enterprise_no = e.enterprise_no AND m.month = $month
"""
WAGES, CONTRIBUTIONS = 0, 1
FUND_MONTHS = (3, 12)
OPENINGS = (0.5, 0.75, 1.0)
"""Shares of the sum needed that are told as opening balances where none is named."""
MOST_YEARS = 10


@dataclass(frozen=True)
class Asked:
    """How sure, over how many periods, and with which opening balance (fen; None: some shares of the sum needed)."""

    confidence: float = 0.95
    periods: int = 4
    balance_fen: int | None = None


@dataclass(frozen=True)
class Stress:
    """The sum needed under one shock that is worse than what the figures rest on."""

    name: str
    words: str
    need: Figure


@dataclass(frozen=True)
class Opening:
    """A fund that opens with ``balance``: how likely it runs dry, and what it must be paid each period so as not to.

    ``replenished`` is None where paying in later cannot do: the first period alone may take more.
    """

    balance: float
    ruin: Figure
    replenished: Figure | None


@dataclass(frozen=True)
class Lasting:
    """Months the unemployment fund can pay at the mean outlay of ``months``, and at their dearest and cheapest."""

    months: int
    left: Figure


@dataclass(frozen=True)
class Reserve:
    """All figures are fen over the horizon, but chances and months.

    ``counties`` are code, name and need, None where one has too few enterprises. ``without_base`` counts enterprises
    whose bases or dues of the month are not known, which add nothing.
    """

    asked: Asked
    ground: Ground
    past: Past | None
    unpaid: Unpaid
    shock: Shock
    enterprises: int
    without_base: int
    mean: Figure
    parts: tuple[Figure, Figure]
    quantiles: Mapping[float, Figure]
    need: Figure
    part_needs: tuple[Figure, Figure]
    recovered: Figure
    openings: Sequence[Opening]
    counties: Sequence[tuple[str, str, Figure | None]]
    stress: Sequence[Stress]
    fund: Sequence[Lasting]


def measure(means: Means, published: Path, asked: Asked) -> Reserve:
    """The reserve on the edition in ``published``.

    Raises ``UsageError`` for a question that has no answer, ``NotFoundError`` where nothing tells a chance.
    """
    _check(asked)
    ground = stress_ground.read(means, published)
    parameters, edition = ground.parameters, ground.edition
    past = reserve_past.read(means, parameters, as_of=edition["as_of"], month=edition["reference_month"])
    with closing(connect_published(published)) as connection:
        dues = connection.sql(DUES, params={"month": edition["reference_month"]}).pl()
    portfolio = _portfolio(ground, dues)
    found = learned(past, parameters, counted=ground.rates is not None)
    shock = _shock(means, ground, past)
    return judge(asked, ground, past, portfolio, found, shock)


def _check(asked: Asked) -> None:
    if not 0.5 <= asked.confidence <= 0.999:
        raise UsageError(f"a confidence lies between 0.5 and 0.999, not {asked.confidence}")
    if not 1 <= asked.periods <= 4 * MOST_YEARS:
        raise UsageError(f"a horizon is 1 to {4 * MOST_YEARS} periods of three months, not {asked.periods}")
    if asked.balance_fen is not None and asked.balance_fen < 0:
        raise UsageError("a balance is 0 or more")


def _portfolio(ground: Ground, dues: pl.DataFrame) -> pl.DataFrame:
    """Every enterprise with a known chance, a month's contribution bases and its dues (fen); 0 where unknown."""
    return (
        ground.rows.select("enterprise_id", "county_code", "county_name", "base_fen")
        .with_columns(pl.Series("probability", ground.base.probability), pl.Series("persons", ground.base.persons))
        .join(dues, on="enterprise_id", how="left", maintain_order="left")
        .with_columns(
            pl.col("county_code").fill_null("000000").alias("county"),
            pl.col("base_fen").fill_null(0).clip(0).cast(pl.Float64).alias("wages"),
            pl.col("dues").fill_null(0).clip(0).cast(pl.Float64),
        )
    )


def learned(past: Past | None, parameters: Parameters, *, counted: bool) -> Unpaid:
    """What an event leaves unpaid by the ``past``, or by the standing assumptions."""

    def shares(name: str) -> tuple[float, float, float]:
        low, central, high = (value / 100 for value in parameters[name])
        return low, central, high

    def months(name: str) -> tuple[float, float, float]:
        low, central, high = (float(value) for value in parameters[name])
        return low, central, high

    nothing = dict.fromkeys(("enterprise", "persons", "staff_share", "wage_months", "contribution_months"), pl.Float64)
    return unpaid.learn(
        past.evidence if past else pl.DataFrame(schema=nothing),
        fewest=int(parameters["reserve_fewest_events"]),
        wages=Assumed(
            shares("reserve_wage_chance_pct"), months("reserve_wage_months"), shares("reserve_wage_staff_pct")
        ),
        contributions=Assumed(shares("reserve_contribution_chance_pct"), months("reserve_contribution_months")),
        counted=counted,
    )


def _shock(means: Means, ground: Ground, past: Past | None) -> Shock:
    """As the edition remembers it; else of the past. Raises ``NotFoundError`` where neither is there."""
    edition = ground.edition
    if ground.rates is None:
        folder = means.home.editions / edition["as_of"].isoformat() / f"r{edition['revision']}"
        remembered = memory.recall(folder).shock
        if remembered is not None:
            return remembered.shock
    if past is None:
        raise NotFoundError("no working file: nothing tells how events come together; run the night again")
    return past.shock


def judge(
    asked: Asked, ground: Ground, past: Past | None, portfolio: pl.DataFrame, found: Unpaid, shock: Shock
) -> Reserve:
    """Simulate, and answer every question; ``portfolio`` as ``models.reserve.simulate`` takes it, with county names."""
    parameters = ground.parameters
    terms = Terms(asked.confidence)
    paths = _paths(asked, parameters, portfolio, found, shock)
    city = paths.city()
    parts = [paths.city(part) for part in (WAGES, CONTRIBUTIONS)]
    need = reserve.need(city, terms)
    named = asked.balance_fen
    balances = [share * need.value for share in OPENINGS] if named is None else [float(named)]
    return Reserve(
        asked=asked,
        ground=ground,
        past=past,
        unpaid=found,
        shock=shock,
        enterprises=portfolio.height,
        without_base=int(((portfolio["wages"] <= 0) | (portfolio["dues"] <= 0)).sum()),
        mean=reserve.total(city),
        parts=(reserve.total(parts[0]), reserve.total(parts[1])),
        quantiles={pct: reserve.total(city, pct / 100) for pct in parameters["reserve_quantiles_pct"]},
        need=need,
        part_needs=(reserve.need(parts[0], terms), reserve.need(parts[1], terms)),
        recovered=reserve.need(city, _with_recovery(terms, ground)),
        openings=[
            Opening(one, reserve.ruin(city, terms, one), reserve.replenishment(city, terms, one)) for one in balances
        ],
        counties=_counties(ground, paths, portfolio, terms),
        stress=_stress(asked, parameters, portfolio, found, shock, paths),
        fund=lasting(past.fund) if past else (),
    )


def _paths(asked: Asked, parameters: Parameters, portfolio: pl.DataFrame, found: Unpaid, shock: Shock) -> Paths:
    return reserve.simulate(portfolio, shock, found, horizon=asked.periods, draws=int(parameters["reserve_draws"]))


def _with_recovery(terms: Terms, ground: Ground) -> Terms:
    periods = -(-int(ground.parameters["reserve_recovered_months"]) // ground.horizon)
    return Terms(terms.confidence, ground.parameters["reserve_recovered_pct"] / 100, max(periods, 1))


def _counties(
    ground: Ground, paths: Paths, portfolio: pl.DataFrame, terms: Terms
) -> list[tuple[str, str, Figure | None]]:
    """Each county's own need, in order of the code. Needs do not add up, so a small county's cannot be taken off.

    One of which nobody was scored has none either.
    """
    least = int(ground.parameters["area_small_enterprises"])
    unscored = ground.unscored.select(pl.col("county_code").fill_null("000000").alias("county"), "county_name")
    both = pl.concat([portfolio.select("county", "county_name"), unscored])
    names = dict(both.unique("county", keep="first", maintain_order=True).sort("county").iter_rows())
    sizes = dict(portfolio.group_by("county").len().iter_rows())
    places = {code: place for place, code in enumerate(paths.counties)}
    return [
        (
            code,
            name or "未知县区",
            reserve.need(paths.county(places[code]), terms) if sizes.get(code, 0) >= least else None,
        )
        for code, name in names.items()
    ]


def _stress(
    asked: Asked, parameters: Parameters, portfolio: pl.DataFrame, found: Unpaid, shock: Shock, paths: Paths
) -> list[Stress]:
    """The sum needed when shocks are larger, every chance is higher, or the largest employers close as well."""
    terms = Terms(asked.confidence)
    times, odds = float(parameters["reserve_stress_shock_times"]), float(parameters["reserve_stress_odds_times"])
    larger = known(times * shock.city, times * shock.group)
    chance = portfolio["probability"]
    higher = portfolio.with_columns(probability=odds * chance / (1 - chance + odds * chance))
    months = float(parameters["reserve_stress_months"])
    bills = np.sort((portfolio["wages"] + portfolio["dues"]).to_numpy())[::-1]
    worse = [
        ("shock", f"共同冲击放大到{times:g}倍（平均支出不变）", _paths(asked, parameters, portfolio, found, larger)),
        ("odds", f"每家企业规模性减员的发生比放大到{odds:g}倍", _paths(asked, parameters, higher, found, shock)),
    ]
    worse += [
        (
            f"largest_{count}",
            f"工资和社会保险费合计最大的{count}家企业首期停业，全部人员欠薪欠费各{months:g}个月",
            paths.with_outlay(months * float(bills[:count].sum())),
        )
        for count in parameters["reserve_stress_largest"]
    ]
    return [Stress(name, words, reserve.need(one.city(), terms)) for name, words, one in worse]


def lasting(fund: pl.DataFrame) -> tuple[Lasting, ...]:
    """Months the unemployment fund can pay from its last balance, by its last 3 and 12 months; income not counted."""
    if fund.is_empty() or fund["balance_fen"][0] < 0:
        return ()
    balance = float(fund["balance_fen"][0])
    found = []
    for months in FUND_MONTHS:
        outlays = fund["outlay_fen"].head(months).to_numpy().astype(np.float64)
        if len(outlays) == months and outlays.min() > 0:
            ends = (balance / float(one) for one in (outlays.mean(), outlays.max(), outlays.min()))
            found.append(Lasting(months, Figure(*ends)))
    return tuple(found)
