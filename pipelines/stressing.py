"""A scenario on the last published night: whom it hits, what that costs, and how far it moves claims and the fund.

The city stands as it is and one thing changes. A real step of the duties is computed from the measures of the day
before and of the day, on what each enterprise sold to the United States in the last known months; that mix is held
fixed. Low, central and high assumptions go together; a band is the least and the most of the three.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from models import stress
from models.stress import Bools, Floats, Ints, Outlook, Reaction
from pipelines.contracts import SQL
from pipelines.errors import NotFoundError, UsageError
from pipelines.parameters import Parameters
from pipelines.run import add_months
from pipelines.scenarios import EVERY_PRODUCT, Deferral, Duty, Largest, Scenario, Tariff
from pipelines.stages.features.tariff import ALL_PRODUCTS, BASIS_POINTS, Measure, rates
from pipelines.stress_ground import Ground, Trade

LEVELS = ("low", "central", "high")
CHANNELS = ("tariff", "orders", "deferral", "credit")
TINTS: Mapping[str, str] = {"yellow": "黄", "orange": "橙", "red": "红"}
UNSIZED = "未定"
FIGURES = ("enterprises", "persons", "base", "central", "difference", "low", "high")
DEFERRED = ("deferred_pension_fen", "deferred_unemployment_fen", "deferred_injury_fen")


@dataclass(frozen=True)
class Band:
    """A figure under the central assumptions, and the least and the most that low, central and high ones give."""

    low: float
    central: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Band":
        """The band of what low, central and high assumptions give."""
        return cls(min(values), values[1], max(values))


@dataclass(frozen=True)
class Step:
    """A change of the duty on the present mix: points it adds on average, dollars it falls on, and where it is read.

    ``listed_share`` is the part of these dollars on products that the measures name; the others bear those on all.
    """

    change_points: float
    usd: float
    listed_share: float
    is_shipped: bool


@dataclass(frozen=True)
class Stress:
    """One scenario on one ground: ``rows`` have an enterprise each, and jobs lost in base, low, central and high.

    ``to_colours`` counts who would newly reach the line of a predicted colour, by tint; ``fund_months`` are None where
    the fund is not known. ``hit`` counts enterprises by channel; ``unknown`` are those whom a channel cannot judge.
    """

    scenario: Scenario
    rows: pl.DataFrame
    step: Step | None
    hit: Mapping[str, int]
    unknown: Mapping[str, int]
    to_colours: Mapping[str, Band]
    claims: Band
    fund_before: float | None
    fund_after: Band | None
    shows: tuple[date, date] | None
    claimed: tuple[date, date] | None


def measure(ground: Ground, scenario: Scenario) -> Stress:
    """What ``scenario`` does to ``ground``.

    Raises ``NotFoundError`` for employers that are not in the edition, ``UsageError`` where it needs data that the
    home does not have.
    """
    gone = _closed(ground, scenario)
    step = _step(ground, scenario.tariff) if scenario.tariff else None
    outlooks, shocked = [], []
    for level in range(len(LEVELS)):
        shocks = _shocks(ground, scenario, step, level)
        shocked.append(shocks)
        outlooks.append(stress.stressed(ground.base, shocks, gone, _reaction(ground.parameters, level)))
    jobs = {name: outlook.jobs for name, outlook in zip(LEVELS, outlooks, strict=True)}
    rows = ground.rows.with_columns(
        pl.Series("base", ground.base.jobs), *(pl.Series(name, values) for name, values in jobs.items())
    )
    extra = [float((values - ground.base.jobs).sum()) for values in jobs.values()]
    shares = [share / 100 for share in ground.parameters["stress_claim_share_pct"]]
    claims = Band.of([persons * share for persons, share in zip(extra, shares, strict=True)])
    before, after = _fund(ground, claims)
    shows, claimed = _months(ground, scenario)
    return Stress(
        scenario=scenario,
        rows=rows,
        step=step.facts if step else None,
        hit={name: int(np.any([s[name] != 0 for s in shocked], axis=0).sum()) for name in shocked[1]}
        | ({"closing": int(gone.sum())} if scenario.closing else {}),
        unknown=_unknown(ground, scenario),
        to_colours=_to_colours(ground, outlooks),
        claims=claims,
        fund_before=before,
        fund_after=after,
        shows=shows,
        claimed=claimed,
    )


def totals(rows: pl.DataFrame, keys: Sequence[str] = ()) -> pl.DataFrame:
    """Enterprises, staff, jobs lost in the base, and difference and band under the scenario, by ``keys``, in order.

    Summed in the order of the rows, so that the same night gives the same bits.
    """
    groups = rows.select(keys).unique().sort(keys).with_row_index("group") if keys else pl.DataFrame({"group": [0]})
    at = np.zeros(rows.height, dtype=np.int64)
    if keys:
        at = rows.join(groups, on=keys, how="left", maintain_order="left")["group"].to_numpy().astype(np.int64)
    summed = {
        name: np.bincount(at, weights=rows[name].to_numpy(), minlength=groups.height).astype(np.float64)
        for name in ("base", *LEVELS)
    }
    persons = np.bincount(at, weights=rows["insured_persons"].to_numpy(), minlength=groups.height)
    three = np.stack([summed[name] for name in LEVELS]) - summed["base"]
    return groups.with_columns(
        enterprises=pl.Series(np.bincount(at, minlength=groups.height).astype(np.int64)),
        persons=pl.Series(persons.astype(np.int64)),
        base=pl.Series(summed["base"]),
        central=pl.Series(summed["central"]),
        difference=pl.Series(three[1]),
        low=pl.Series(three.min(axis=0)),
        high=pl.Series(three.max(axis=0)),
    ).select(*keys, *FIGURES)


def told(found: pl.DataFrame, least: int) -> pl.DataFrame:
    """``found`` of ``totals`` over a key, without the figures of cells of fewer than ``least`` enterprises.

    Where that is one cell alone, the smallest other one is not told either: it would follow from the city's figures.
    """
    small = (found["enterprises"] < least).to_numpy()
    if small.sum() == 1 and found.height > 1:
        others = np.where(small, np.iinfo(np.int64).max, found["enterprises"].to_numpy())
        small[int(others.argmin())] = True
    return found.with_columns(pl.when(pl.Series(~small)).then(pl.col(name)).alias(name) for name in FIGURES)


def compared(one: Stress, other: Stress) -> Band:
    """Jobs lost under ``one`` above those under ``other``, assumption by assumption."""
    return Band.of([float((one.rows[name] - other.rows[name]).to_numpy().sum()) for name in LEVELS])


@dataclass(frozen=True)
class _Step:
    """The change of the duty on each row of the trade (1 is 100 points), and what is told of it."""

    change: Floats
    facts: Step


def _reaction(parameters: Parameters, level: int) -> Reaction:
    return Reaction(
        odds={channel: float(parameters[f"stress_{channel}_odds"][level]) for channel in CHANNELS},
        share=float(parameters["stress_share_odds"][level]),
    )


def _shocks(ground: Ground, scenario: Scenario, step: _Step | None, level: int) -> dict[str, Floats]:
    """Channel → share of its activity that each enterprise loses, under the assumptions of ``level``."""
    found: dict[str, Floats] = {}
    if step is not None and ground.trade is not None:
        found["tariff"] = _tariff(ground, ground.trade, step, level)
    if scenario.orders:
        found["orders"] = _looked_up(ground.rows["industry_division"], scenario.orders)
    if scenario.credit:
        found["credit"] = _looked_up(
            ground.rows["size_class"], {str(size): share for size, share in scenario.credit.items()}
        )
    if scenario.deferral:
        found["deferral"] = _deferral(ground, scenario)
    return found


def _looked_up(column: pl.Series, shares: Mapping[str, float]) -> Floats:
    return column.replace_strict(shares, default=0.0, return_dtype=pl.Float64).to_numpy()


def _tariff(ground: Ground, trade: Trade, step: _Step, level: int) -> Floats:
    parameters = ground.parameters
    passed = parameters["stress_passthrough_pct"][level] / 100
    response, relief = (parameters[f"stress_{name}_pct"][level] for name in ("trade_response", "relief"))
    lost = trade.usd * stress.trade_lost(step.change * passed, response, relief / 100)
    summed = np.bincount(trade.row, weights=lost, minlength=ground.rows.height).astype(np.float64)
    return np.clip(np.divide(summed, trade.income, out=np.zeros_like(summed), where=trade.income > 0), -1.0, 1.0)


def _step(ground: Ground, tariff: Tariff) -> _Step:
    trade = ground.trade
    if trade is None:
        raise UsageError("no export by product is known in this home: a step of the duties cannot be run")
    codes = sorted(set(trade.hs6))
    place = {code: number for number, code in enumerate(codes)}
    column = np.array([place[code] for code in trade.hs6], dtype=np.int64)
    if tariff.duties is not None:
        by_code, named, is_shipped = _made_up(codes, tariff.duties), set(codes), False
    else:
        assert tariff.day_before is not None and tariff.day is not None
        measures, is_shipped = _reaching_back(ground.measures, tariff.day_before)
        days = [rates(measures, codes, day=day) for day in (tariff.day_before, tariff.day)]
        by_code, named = (days[1] - days[0]) / BASIS_POINTS, {found.hs6 for found in measures} - {ALL_PRODUCTS}
    change, usd = by_code[column], float(trade.usd.sum())
    listed = np.array([code in named for code in codes], dtype=np.bool_)[column]
    facts = Step(
        change_points=100 * float((change * trade.usd).sum()) / usd if usd else 0.0,
        usd=usd,
        listed_share=float(trade.usd[listed].sum()) / usd if usd else 0.0,
        is_shipped=is_shipped,
    )
    return _Step(change, facts)


def _made_up(codes: Sequence[str], duties: Sequence[Duty]) -> Floats:
    """The change for each of ``codes``: that of the longest code of ``duties`` that it begins with, else 0."""
    ranked = sorted(duties, key=lambda duty: 0 if duty.hs == EVERY_PRODUCT else len(duty.hs), reverse=True)
    fitting = (next((d for d in ranked if d.hs == EVERY_PRODUCT or code.startswith(d.hs)), None) for code in codes)
    return np.array([found.change_pct / 100 if found else 0.0 for found in fitting])


def _reaching_back(measures: Sequence[Measure], day: date) -> tuple[Sequence[Measure], bool]:
    """The home's own ``measures`` where they reach back to ``day`` or to the first known, else those shipped."""
    shipped = _shipped()
    first = min(measure.valid_from for measure in shipped)
    if measures and min(measure.valid_from for measure in measures) <= max(day, first):
        return measures, False
    return shipped, True


def _shipped() -> tuple[Measure, ...]:
    """The measures that come with the system: all that hold for every product, and lists for some products only."""
    table = pl.read_csv(SQL / "codes" / "us_measures.csv", infer_schema=False)
    return tuple(
        Measure(
            measure_id=row["measure_id"],
            stack_group=row["stack_group"],
            hs6=row["hs6"],
            rate_bp=round(float(row["rate_pct"]) * 100),
            valid_from=date.fromisoformat(row["valid_from"]),
            valid_to=date.fromisoformat(row["valid_to"]) if row["valid_to"] else None,
            measure_status=row["measure_status"],
        )
        for row in table.iter_rows(named=True)
    )


def _deferral(ground: Ground, scenario: Scenario) -> Floats:
    """What falls due over the contribution bases of the months in which it must be paid; 0 where these are unknown."""
    assert scenario.deferral is not None
    due, base = _due(ground, scenario.deferral), ground.rows["base_fen"]
    months = base.fill_null(0).to_numpy() * float(scenario.deferral.repay_months)
    full = np.where((due > 0) & base.is_not_null().to_numpy(), 1.0, 0.0)
    return np.minimum(np.divide(due, months, out=full, where=months > 0), 1.0)


def _due(ground: Ground, deferral: Deferral) -> Floats:
    """Deferred premiums that fall due (fen), a row an enterprise of the ground."""
    first = add_months(ground.edition["reference_month"], 1 - deferral.deferred_months)
    owed = ground.deferred.filter(pl.col("month") >= first).select(
        "enterprise_no", owed=pl.sum_horizontal(pl.col(DEFERRED).fill_null(0))
    )
    summed = owed.group_by("enterprise_no").agg(pl.col("owed").sum())
    joined = ground.rows.join(summed, on="enterprise_no", how="left", maintain_order="left")
    return deferral.share * joined["owed"].fill_null(0).to_numpy().astype(np.float64)


def _closed(ground: Ground, scenario: Scenario) -> Bools:
    rows = ground.rows
    gone = np.zeros(rows.height, dtype=np.bool_)
    if scenario.closing is None:
        return gone
    unscored = sorted(set(scenario.closing.enterprises) & set(ground.unscored["enterprise_id"]))
    if unscored:
        raise NotFoundError(f"the model in charge gives no chance, so there is no base, for: {', '.join(unscored)}")
    missing = sorted(set(scenario.closing.enterprises) - set(rows["enterprise_id"]))
    if missing:
        raise NotFoundError(f"no employer with insured persons has the code: {', '.join(missing)}")
    gone |= rows["enterprise_id"].is_in(scenario.closing.enterprises).to_numpy()
    if scenario.closing.largest:
        gone[_largest(rows, scenario.closing.largest)] = True
    return gone


def _largest(rows: pl.DataFrame, largest: Largest) -> Ints:
    places = rows.with_row_index("place")
    if largest.industry is not None:
        places = places.filter(pl.col("industry_division") == largest.industry)
    if largest.county is not None:
        places = places.filter(pl.col("county_code") == largest.county)
    if places.height < largest.count:
        raise NotFoundError(f"only {places.height} employers with a known chance there, {largest.count} were to close")
    ranked = places.sort(["insured_persons", "enterprise_id"], descending=[True, False])
    return ranked["place"].head(largest.count).to_numpy().astype(np.int64)


def _unknown(ground: Ground, scenario: Scenario) -> dict[str, int]:
    """Enterprises that a channel passes over because what it asks is not known of them."""
    found = {}
    if scenario.tariff and ground.trade:
        seen = np.zeros(ground.rows.height, dtype=np.bool_)
        seen[ground.trade.row] = True
        found["tariff"] = int((ground.rows["is_us_exporter"].to_numpy() & ~seen).sum())
    if scenario.orders:
        found["orders"] = int((ground.rows["industry_division"] == "00").sum())
    if scenario.deferral:
        due = _due(ground, scenario.deferral) > 0
        found["deferral"] = int((due & ground.rows["base_fen"].is_null().to_numpy()).sum())
    if scenario.credit and UNSIZED not in scenario.credit:
        found["credit"] = int((ground.rows["size_class"] == UNSIZED).sum())
    return found


def _to_colours(ground: Ground, outlooks: Sequence[Outlook]) -> dict[str, Band]:
    """Who newly reaches the line of each predicted colour, counted at the gravest that it reaches."""
    lines = {
        tint: tuple(int(ground.parameters[f"predicted_{tint}_{what}"]) for what in ("probability_pct", "loss_persons"))
        for tint in TINTS
    }
    before = stress.colours(ground.base, lines)  # type: ignore[arg-type]
    after = [stress.colours(outlook, lines) for outlook in outlooks]  # type: ignore[arg-type]
    return {
        tint: Band.of([float(((found == grade) & (before < grade)).sum()) for found in after])
        for grade, tint in enumerate(TINTS, start=1)
    }


def _fund(ground: Ground, claims: Band) -> tuple[float | None, Band | None]:
    """Months that the balance pays for what is paid a month: now, and with the benefit of so many more claimants."""
    if ground.fund is None or ground.fund.outlay_fen <= 0:
        return None, None
    benefit = 100 * float(ground.parameters["stress_benefit_yuan"])
    paid = [ground.fund.outlay_fen + benefit * more for more in (claims.low, claims.central, claims.high)]
    balance = max(ground.fund.balance_fen, 0)
    return balance / ground.fund.outlay_fen, Band.of([balance / max(amount, benefit) for amount in paid])


def _months(ground: Ground, scenario: Scenario) -> tuple[tuple[date, date] | None, tuple[date, date] | None]:
    """The months in which the shock shows if it comes on the edition's day, and those in which claims follow."""
    lags = {row["channel"]: row for row in ground.parameters["stress_lag_months"]}
    own = [lags[name] for name in (*CHANNELS, "closing") if getattr(scenario, name)]
    if not own:
        return None, None
    now = ground.edition["as_of"].replace(day=1)
    first, last = min(int(row["first"]) for row in own), max(int(row["last"]) for row in own)
    early, late = (int(lag) for lag in ground.parameters["stress_claim_lag_months"])
    shows = add_months(now, first), add_months(now, last)
    return shows, (add_months(shows[0], early), add_months(shows[1], late))
