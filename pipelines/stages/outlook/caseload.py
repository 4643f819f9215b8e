"""How many will claim, register, or be taken on in the next three months: arithmetic, checked against its own past.

Two ways are tried from every earlier month from which both can be checked, and the one with the smaller mean error is
used: the same three months of the year before (near the Spring Festival the months as far from it) times the last six
months over the same six a year earlier; or the last three months as they were. Below twelve checks it is the former,
without a range. To claims is added what the model expects to be lost above the losses of the window that stands as
base, times the share of such losses that claimed as laid off in the last year. The range spans the errors of the way
that is used, without that addition; with N checks a next one falls outside about twice in N + 1. The checks overlap and
chose the way, so that is a rough word.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import polars as pl

from models import labels
from pipelines import formats
from pipelines.contracts import read_sql
from pipelines.lunar import month_of_ordinal, ordinal
from pipelines.parameters import Parameters
from pipelines.stages.outlook.areas import CITY
from pipelines.stages.outlook.levels import COUNTY
from pipelines.warehouse import Warehouse

CLAIMS, LAID_OFF, REGISTERED, HIRED = "申领失业保险金", "因裁减关闭申领", "新增登记失业", "重点群体招用"
BY_COUNTY = frozenset((REGISTERED,))
"""What counties report; the rest is counted from enterprises, so that a county without a row has nobody."""
HORIZON = 3
NEVER = 1_000_000
WILD = 0.5
"""Mean error from which a projection is called rough."""
OVER = "数据过旧，所推算的三个月已过，不推算；请催报"
Series = Mapping[int, int]
Row = dict[str, Any]


@dataclass(frozen=True)
class Excess:
    """County, or nothing for the city → persons that add to claims, above each base; empty without a model."""

    over_year: Mapping[str, int]
    over_recent: Mapping[str, int]


@dataclass(frozen=True)
class Past:
    """What came against what would have been projected, as ratios, and the mean error as a share of what came."""

    ratios: tuple[float, ...]
    error: float | None


@dataclass(frozen=True)
class Guess:
    """Persons of the next three months, None where months are missing; how, and how that went before."""

    persons: int | None
    is_seasonal: bool
    past: Past


def projected(values: Series, origin: int, back: Callable[[int], int], *, scale_months: int) -> int | None:
    """Persons of the three months after ``origin`` (months as ordinals); None where a month of it is missing."""
    following = [month - back(month) for month in range(origin + 1, origin + 1 + HORIZON)]
    recent = range(origin + 1 - scale_months, origin + 1)
    earlier = [month - back(month) for month in recent]
    if any(month not in values for month in (*following, *recent, *earlier)):
        return None
    base, now, then = (sum(values[month] for month in months) for months in (following, recent, earlier))
    return (2 * base * now + then) // (2 * then) if then else None


def flat(values: Series, origin: int) -> int | None:
    """Persons of the three months up to ``origin``; None where one is missing."""
    recent = range(origin + 1 - HORIZON, origin + 1)
    return sum(values[month] for month in recent) if all(month in values for month in recent) else None


def guessed(values: Series, last: int, back: Callable[[int], int], *, scale_months: int, least_checks: int) -> Guess:
    """The projection after ``last`` by the way that was closer before."""

    def seasonal(origin: int) -> int | None:
        return projected(values, origin, back, scale_months=scale_months)

    origins = range(min(values, default=last), last - HORIZON + 1)
    both = [origin for origin in origins if seasonal(origin) and flat(values, origin)]
    by_year, by_recent = past(values, both, seasonal), past(values, both, lambda origin: flat(values, origin))
    is_flat = len(by_year.ratios) >= least_checks and (by_recent.error or 0) < (by_year.error or 0)
    if is_flat:
        return Guess(flat(values, last), is_seasonal=False, past=by_recent)
    return Guess(seasonal(last), is_seasonal=True, past=by_year)


def past(values: Series, origins: Sequence[int], guess: Callable[[int], int | None]) -> Past:
    """``guess`` from every one of ``origins``, against what came; only months of which all is known count."""
    ratios, errors = [], []
    for origin in origins:
        persons = guess(origin)
        came = [values.get(month) for month in range(origin + 1, origin + 1 + HORIZON)]
        known = [count for count in came if count is not None]
        if not persons or len(known) < HORIZON or not sum(known):
            continue
        ratios.append(sum(known) / persons)
        errors.append(abs(sum(known) - persons) / sum(known))
    return Past(tuple(ratios), sum(errors) / len(errors) if errors else None)


def rows(
    told: pl.DataFrame,
    counties: Mapping[str, str],
    back: Callable[[int], int],
    excess: Excess,
    *,
    month: date,
    scale_months: int,
    least_checks: int,
) -> list[Row]:
    """Rows of ``outlook.caseload`` without the edition's number, of the frame of ``sql/outlook/registered.sql``.

    Of a series so old that its next three months are over by the reference ``month`` nothing is projected.
    """
    found = []
    for (kind, group), own in sorted(told.partition_by("caseload_kind", "caseload_group", as_dict=True).items()):
        months = sorted({ordinal(month) for month in told.filter(pl.col("caseload_kind") == kind)["month"]})
        for code, name in (("", ""), *sorted(counties.items())):
            values = series(own, months, code, is_reported=kind in BY_COUNTY)
            if code and not values:
                continue
            guess = guessed(values, months[-1], back, scale_months=scale_months, least_checks=least_checks)
            is_over = months[-1] + HORIZON <= ordinal(month)
            guess = replace(guess, persons=None) if is_over else guess
            over = excess.over_year if guess.is_seasonal else excess.over_recent
            added = over.get(code) if kind in (CLAIMS, LAID_OFF) else None
            found.append(
                {
                    "caseload_kind": kind,
                    "caseload_group": group,
                    "area_kind": COUNTY if code else CITY,
                    "county_code": code or None,
                    "county_name": name or None,
                    "last_month": month_of_ordinal(months[-1]),
                    "forecast_from": month_of_ordinal(months[-1] + 1),
                    "forecast_to": month_of_ordinal(months[-1] + HORIZON),
                    "excess_persons": added,
                    **_ranged(guess, added or 0, least_checks),
                    "caseload_text": OVER
                    if is_over
                    else _text(guess, added, least_checks, scale_months)
                    + ("" if code or kind not in BY_COUNTY else _summed(own, counties, months[-1])),
                }
            )
    return found


def series(own: pl.DataFrame, months: Sequence[int], code: str, *, is_reported: bool) -> dict[int, int]:
    """Month → persons of a county, or of the city where ``code`` is empty, as far as they are known.

    Of what counties report, a month of the city is known where the same reported as in the newest; what a zone reports
    is not added where the county around it reports it too.
    """
    held = own.filter(pl.col("county_code") == code) if code else own.filter("in_city_sum")
    sums: dict[int, int] = {}
    reporting: dict[int, set[str]] = {}
    for row in held.iter_rows(named=True):
        month = ordinal(row["month"])
        sums[month] = sums.get(month, 0) + row["persons"]
        reporting.setdefault(month, set()).add(row["county_code"])
    if not is_reported:
        return {month: sums.get(month, 0) for month in months} if sums else {}
    newest = reporting.get(months[-1], set())
    return {month: persons for month, persons in sums.items() if reporting[month] == newest}


def _ranged(guess: Guess, added: int, least: int) -> Row:
    persons, ratios = guess.persons, guess.past.ratios
    enough = persons is not None and len(ratios) >= least
    return {
        "forecast_persons": None if persons is None else persons + added,
        "low_persons": int((persons or 0) * min(ratios)) + added if enough else None,
        "high_persons": int((persons or 0) * max(ratios) + 1) + added if enough else None,
        "past_error_ratio": guess.past.error,
        "past_count": len(ratios),
    }


def _text(guess: Guess, added: int | None, least: int, scale_months: int) -> str:
    if guess.persons is None:
        needed = f"需上年同期3个月和最近{scale_months}个月及其上年同期"
        return f"所需月份不全，或上年同期没有人数可比（{needed}），不推算"
    told = f"上年同期3个月合计×最近{scale_months}个月与上年同期之比"
    if not guess.is_seasonal:
        told = "最近3个月合计（过去误差小于按上年同期推算）"
    if added:
        told += f"，加超常减员带来{formats.count(added)}人"
    checks = len(guess.past.ratios)
    if checks < least:
        return f"{told}；只有{checks}次可检验，不足{least}次，不给区间"
    told += f"；区间为过去{checks}次同样推算误差的范围"
    error = guess.past.error
    return told + ("；过去误差大，只供参考" if error is not None and error >= WILD else "")


def _summed(own: pl.DataFrame, counties: Mapping[str, str], month: int) -> str:
    """What a sum of what counties report is, so that nobody takes it for a count of the city."""
    newest = own.filter(pl.col("month") == month_of_ordinal(month))
    added = newest.filter("in_city_sum")["county_code"].n_unique()
    inner = [counties.get(code, code) for code in newest.filter(~pl.col("in_city_sum"))["county_code"].unique().sort()]
    if not added:
        return ""
    told = f"；按最近月份报送的{formats.count(added)}个县区相加"
    return told + (f"，{'、'.join(inner)}已含于所在县区，不另加" if inner else "，县区与功能区的范围可能重叠")


def excess_of(warehouse: Warehouse, parameters: Parameters, told: pl.DataFrame, *, month: date) -> Excess:
    """What the model expects to be lost above the window of the base, times the share that claims as laid off.

    Nobody where no model leads, where the label is not of staff, or where losses or claims of the year are not known.
    """
    label = labels.labels_of(parameters["labels"])[parameters["model_label"]]
    expected = warehouse.frame(read_sql("outlook/expected"))
    if label.source != "insured" or not expected["tenths"].count():
        return Excess({}, {})
    horizon = int(parameters["model_horizon_months"])
    lost = warehouse.frame(
        read_sql("outlook/lost"),
        reference_month=month,
        horizon=horizon,
        event_persons=label.persons or NEVER,
        event_base=label.share_base_minimum,
        event_pct=label.share_pct,
    )
    claimed = told.filter((pl.col("caseload_kind") == LAID_OFF) & (pl.col("month") <= month))
    year = [ordinal(month) - place for place in range(12)]
    known = {ordinal(day) for day in claimed["month"]}
    windows = lost["month"].n_unique()
    total = int(lost["lost_persons"].sum() or 0)
    if windows * horizon < len(year) or not total or not known.issuperset(year):
        return Excess({}, {})
    claims = int(claimed.filter(pl.col("month") > month_of_ordinal(year[-1] - 1))["persons"].sum())
    share = min(claims / total, 1.0)
    now = {row["county_code"]: row["tenths"] or 0 for row in expected.iter_rows(named=True)}
    over = [
        _over(now, lost.filter(pl.col("month") == month_of_ordinal(year[0] - back)), share) for back in (12, horizon)
    ]
    return Excess(*over)


def _over(now: Mapping[str, int], lost: pl.DataFrame, share: float) -> dict[str, int]:
    """Expected tenths of persons above ``lost`` of one window, times ``share``, by county and for the city."""
    before: dict[str, int] = {row["county_code"]: row["lost_persons"] or 0 for row in lost.iter_rows(named=True)}
    pairs = {code: (tenths, before.get(code, 0)) for code, tenths in now.items()}
    pairs[""] = (sum(now.values()), sum(before.values()))
    return {code: int(max(tenths / 10 - gone, 0.0) * share + 0.5) for code, (tenths, gone) in pairs.items()}
