"""Counties, industries and both together: what was lost, what is expected, and the level of each.

Counties and functional zones overlap, so nothing here is a sum over counties; the city is counted by itself. A month is
compared with the same month of other years, near the Spring Festival with the month as far from it.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl

from pipelines.parameters import Parameters
from pipelines.run import add_months
from pipelines.stages.outlook.levels import (
    CELL,
    COUNTY,
    INDUSTRY,
    NONE,
    Facts,
    Lines,
    Standing,
    change,
    given,
    reason,
    standing,
)
from pipelines.stages.outlook.signs import Sign
from pipelines.stages.outlook.together import Foreseen

CITY = "全市"
KINDS: Mapping[str, tuple[str, ...]] = {
    CITY: (),
    COUNTY: ("county_code",),
    INDUSTRY: ("industry_division",),
    CELL: ("county_code", "industry_division"),
}
LEVELLED = (COUNTY, INDUSTRY)
"""The kinds of area that are graded by what was lost; a county's industry is graded by its early signs."""
NO_LEVEL = NONE
UNPLACED = frozenset(("000000", "00"))
COLOURS: Mapping[str, str] = {"red_count": "红", "orange_count": "橙", "yellow_count": "黄", "blue_count": "蓝"}
NAMES: Mapping[str, str] = {"county_code": "county_name", "industry_division": "industry_name"}
LOSSES = (
    "area_loss_persons",
    "area_loss_ratio",
    "usual_loss_ratio",
    "excess_loss_ratio",
    "largest_loss_persons",
    "large_event_count",
    "expected_event_count",
    "expected_loss_persons",
)
LEVEL_COLUMNS = ("area_level", "previous_level", "level_since", "level_reached_on", "level_change", "level_text")
WORST_SHARE = 0.1
Row = dict[str, Any]


def lines(parameters: Parameters) -> Lines:
    """The lines in force."""
    return Lines(
        first_events=int(parameters["area_first_events"]),
        first_persons=int(parameters["area_first_persons"]),
        second_events=int(parameters["area_second_events"]),
        second_excess_ratio=parameters["area_second_excess_pct"] / 100,
        third_months=int(parameters["area_third_months"]),
        fourth_probability=parameters["area_fourth_probability_pct"] / 100,
        fourth_sign_index=float(parameters["area_fourth_sign_index"]),
        held_sign_index=float(parameters["area_held_sign_index"]),
        least_loss_persons=int(parameters["area_least_loss_persons"]),
        release_months=int(parameters["area_release_months"]),
    )


def counted(enterprises: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Kind of area → one row per area: enterprises, staff, losses of the month, colours, expected events and losses.

    ``enterprises`` is the frame of ``sql/outlook/enterprises.sql``. Expected figures are null without a model.
    """
    has_model = enterprises["probability"].count() > 0
    sums = [
        pl.len().alias("enterprise_count"),
        _sum("insured_persons"),
        _sum("is_large_event").cast(pl.Int64).alias("large_event_count"),
        pl.col("net_loss_persons").max().alias("largest_loss_persons"),
        *((pl.col("colour") == shade).sum().cast(pl.Int64).alias(name) for name, shade in COLOURS.items()),
        (pl.col("probability").sum() if has_model else pl.lit(None, pl.Float64)).alias("expected_event_count"),
        (pl.col("expected_loss_persons").sum() if has_model else pl.lit(None, pl.Float64)).alias(
            "expected_loss_persons"
        ),
    ]
    found = {}
    for kind, key in KINDS.items():
        names = [pl.col(NAMES[code]).min() for code in key]
        own = enterprises.with_columns(area_kind=pl.lit(kind)).group_by("area_kind", *key).agg(*sums, *names)
        found[kind] = own.sort("area_kind", *key)
    return found


def _sum(name: str) -> pl.Expr:
    """The sum of a column; null where none of its values is known."""
    return pl.when(pl.col(name).count() > 0).then(pl.col(name).sum())


def against_usual(
    history: pl.DataFrame, kind: str, *, season: Callable[[date], str], least_years: int, least_months: int
) -> pl.DataFrame:
    """By area of ``kind`` and month: net loss over staff, what is usual then, the excess, and the run of worst months.

    Usual is the median of the months of the same ``season`` in the three years before, ``least_years`` at least.
    A run counts months whose excess lies in the worst tenth of all that are known, at least ``least_months``, and each
    of which follows upon the last in the calendar: a month that is not known ends it, and has none of its own.
    """
    key = ["area_kind", *KINDS[kind]]
    ratio, excess = pl.col("area_loss_ratio"), pl.col("excess_loss_ratio")
    months = (
        history.with_columns(area_kind=pl.lit(kind))
        .group_by(*key, "month")
        .agg(pl.col("area_loss_persons").sum(), pl.col("staff_before").sum())
        .filter(pl.col("staff_before") > 0)
        .with_columns(
            area_loss_ratio=pl.col("area_loss_persons") / pl.col("staff_before"),
            season=pl.col("month").map_elements(season, return_dtype=pl.String),
        )
        .sort(*key, "month")
    )
    earlier = [ratio.shift(back).over(*key, "season", order_by="month") for back in (1, 2, 3)]
    years = pl.sum_horizontal(value.is_not_null().cast(pl.Int64) for value in earlier)
    usual = pl.when(years >= least_years).then(pl.concat_list(earlier).list.drop_nulls().list.median())
    seen = months.with_columns(usual_loss_ratio=usual).with_columns(
        excess_loss_ratio=ratio - pl.col("usual_loss_ratio")
    )
    held = excess.count().over(*key)
    rank = excess.rank("max", descending=True).over(*key)
    worst = (rank <= (held * WORST_SHARE).ceil()).fill_null(value=False)
    previous = pl.col("month").shift(1).over(*key, order_by="month")
    follows = (previous.dt.offset_by("1mo") == pl.col("month")).fill_null(value=False)
    runs = seen.with_columns(held=held, is_worst=worst, follows=follows).with_columns(
        begun=(~(pl.col("is_worst") & pl.col("follows"))).cast(pl.Int64).cum_sum().over(*key, order_by="month")
    )
    run = pl.col("is_worst").cast(pl.Int64).cum_sum().over(*key, "begun", order_by="month")
    is_known = (pl.col("held") >= least_months) & excess.is_not_null()
    return runs.with_columns(worst_months=pl.when(is_known).then(run)).select(
        *key, "month", "area_loss_persons", "area_loss_ratio", "usual_loss_ratio", "excess_loss_ratio", "worst_months"
    )


def joined(
    found: Mapping[str, pl.DataFrame],
    compared: Mapping[str, pl.DataFrame],
    foreseen: Foreseen,
    *,
    least: int,
) -> list[Row]:
    """One row per area of every kind, with what is usual there; a column that a kind does not have is None.

    What was lost in a cell of fewer than ``least`` enterprises is not told.
    """
    rows: list[Row] = []
    for kind, frame in found.items():
        key = ["area_kind", *KINDS[kind]]
        rows += frame.join(compared[kind].drop("month"), on=key, how="left", maintain_order="left").to_dicts()
    blank = dict.fromkeys(("county_code", "county_name", "industry_division", "industry_name"))
    told = []
    for row in rows:
        place = {COUNTY: row.get("county_code"), CITY: ""}.get(row["area_kind"])
        chance, bound = foreseen.by_county.get(place, (None, None)) if place is not None else (None, None)
        more: Row = {"cluster_probability": chance, "loss_p95_persons": bound}
        more |= {"foresight_text": foreseen.basis_text if bound is not None else None}
        told.append(blank | more | _suppressed(row, least))
    return told


def _suppressed(row: Row, least: int) -> Row:
    is_small = row["area_kind"] == CELL and row["enterprise_count"] < least
    return row | {"is_small_cell": is_small} | (dict.fromkeys(LOSSES) if is_small else {})


def levelled(
    rows: Sequence[Row],
    before: Mapping[str, Standing],
    signs: Mapping[str, Sign],
    *,
    month: date,
    as_of: date,
    limits: Lines,
) -> tuple[list[Row], dict[str, Standing]]:
    """``rows`` with their level, since when, why, and how it changed; and what each area stands at now.

    The city has none, nor what lies in no known county or industry, nor an industry of a county whose signs were not
    judged in any of the last months after which a level falls.
    """
    told: list[Row] = []
    now: dict[str, Standing] = {}
    for facts_of in rows:
        key, kind = area_key(facts_of), facts_of["area_kind"]
        sign = signs.get(f"{facts_of['county_code']}|{facts_of['industry_division']}") if kind == CELL else None
        row = facts_of | {"sign_index": sign.index if sign else None}
        old = before.get(key)
        is_judged = kind in LEVELLED or (kind == CELL and (sign is not None or _still_stands(old, month, limits)))
        if not is_judged or UNPLACED.intersection((row["county_code"], row["industry_division"])):
            told.append(row | dict.fromkeys(LEVEL_COLUMNS))
            continue
        has_stood = old is not None and old.given.get(month.isoformat(), (NO_LEVEL,))[0] != NO_LEVEL
        facts = _facts(row, sign, has_stood=has_stood)
        is_known = sign is not None if kind == CELL else _is_known(row)
        judged = given(facts, limits, month=month) if is_known else None
        now[key] = standing(judged, old, month=month, as_of=as_of, lines=limits)
        told.append(
            row
            | {
                "area_level": now[key].stood.level,
                "previous_level": old.stood.level if old else None,
                "level_since": now[key].stood.since,
                "level_reached_on": now[key].stood.reached_on,
                "level_change": change(now[key].stood.level, old),
                "level_text": reason(now[key], limits),
            }
        )
    return told, now


def _facts(row: Row, sign: Sign | None, *, has_stood: bool) -> Facts:
    return Facts(
        kind=row["area_kind"],
        loss_persons=row["area_loss_persons"],
        large_events=row["large_event_count"] or 0,
        largest_loss=row["largest_loss_persons"] or 0,
        excess_ratio=row["excess_loss_ratio"],
        worst_months=row["worst_months"],
        cluster_probability=row["cluster_probability"],
        sign=sign,
        has_stood=has_stood,
    )


def _still_stands(old: Standing | None, month: date, limits: Lines) -> bool:
    """Whether an area that is not judged now was judged lately enough, or in this month, for its level to stand."""
    oldest = add_months(month, -limits.release_months).isoformat()
    return old is not None and (old.month == month or any(when >= oldest for when in old.given))


def _is_known(row: Row) -> bool:
    return row["area_loss_persons"] is not None or bool(row["large_event_count"])


def area_key(row: Mapping[str, Any]) -> str:
    """What names an area from one edition to the next."""
    return "|".join((row["area_kind"], row["county_code"] or "", row["industry_division"] or ""))
