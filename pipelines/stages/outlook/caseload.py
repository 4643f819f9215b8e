"""How many will claim, register, or be taken on in the next three months: arithmetic, checked against its own past.

A projection is the sum of the same three months of the year before, near the Spring Festival of the months as far from
it, times the last six months over the same six a year earlier. To claims is added what the model expects to be lost
above the losses of the same window a year before, times the share of such losses that claimed as laid off in the last
year. The range spans the errors that the same arithmetic, without that addition, made from every earlier month from
which it can be checked, at least twelve; with N checks a next one falls outside about twice in N + 1. They overlap, so
that is a rough word.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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
Series = Mapping[int, int]
Row = dict[str, Any]


@dataclass(frozen=True)
class Excess:
    """By county, and by the empty name for the city: persons that add to claims; none known without a model."""

    persons: Mapping[str, int]
    share: float | None = None


@dataclass(frozen=True)
class Past:
    """What came against what would have been projected, as ratios, and the mean error as a share of what came."""

    ratios: tuple[float, ...]
    error: float | None


def projected(values: Series, origin: int, back: Callable[[int], int], *, scale_months: int) -> int | None:
    """Persons of the three months after ``origin`` (months as ordinals); None where a month of it is missing."""
    following = [month - back(month) for month in range(origin + 1, origin + 1 + HORIZON)]
    recent = range(origin + 1 - scale_months, origin + 1)
    earlier = [month - back(month) for month in recent]
    if any(month not in values for month in (*following, *recent, *earlier)):
        return None
    base, now, then = (sum(values[month] for month in months) for months in (following, recent, earlier))
    return (2 * base * now + then) // (2 * then) if then else None


def past(values: Series, last: int, back: Callable[[int], int], *, scale_months: int) -> Past:
    """The same arithmetic from every earlier month, against what came."""
    ratios, errors = [], []
    for origin in range(min(values, default=last), last - HORIZON + 1):
        guess = projected(values, origin, back, scale_months=scale_months)
        came = [values.get(month) for month in range(origin + 1, origin + 1 + HORIZON)]
        known = [persons for persons in came if persons is not None]
        if not guess or len(known) < HORIZON or not sum(known):
            continue
        ratios.append(sum(known) / guess)
        errors.append(abs(sum(known) - guess) / sum(known))
    return Past(tuple(ratios), sum(errors) / len(errors) if errors else None)


def rows(
    told: pl.DataFrame,
    counties: Mapping[str, str],
    back: Callable[[int], int],
    excess: Excess,
    *,
    scale_months: int,
    least_checks: int,
) -> list[Row]:
    """Rows of ``outlook.caseload`` without the edition's number, of the frame of ``sql/outlook/caseload.sql``."""
    found = []
    for (kind, group), own in sorted(told.partition_by("caseload_kind", "caseload_group", as_dict=True).items()):
        months = sorted({ordinal(month) for month in told.filter(pl.col("caseload_kind") == kind)["month"]})
        for code, name in (("", ""), *sorted(counties.items())):
            values = series(own, months, code, is_reported=kind in BY_COUNTY)
            if code and not values:
                continue
            added = excess.persons.get(code) if kind in (CLAIMS, LAID_OFF) else None
            guess = projected(values, months[-1], back, scale_months=scale_months)
            checks = past(values, months[-1], back, scale_months=scale_months)
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
                    **_ranged(guess, checks, added or 0, least_checks),
                    "caseload_text": _text(guess, checks, added, least_checks, scale_months),
                }
            )
    return found


def series(own: pl.DataFrame, months: Sequence[int], code: str, *, is_reported: bool) -> dict[int, int]:
    """Month → persons of a county, or of the city where ``code`` is empty, as far as they are known.

    Of what counties report, a month of the city is known where as many reported as in the newest.
    """
    held = own.filter(pl.col("county_code") == code) if code else own
    sums: dict[int, int] = {}
    reporting: dict[int, int] = {}
    for row in held.iter_rows(named=True):
        month = ordinal(row["month"])
        sums[month] = sums.get(month, 0) + row["persons"]
        reporting[month] = reporting.get(month, 0) + 1
    if not is_reported:
        return {month: sums.get(month, 0) for month in months} if sums else {}
    newest = reporting.get(months[-1], 0)
    return {month: persons for month, persons in sums.items() if reporting[month] == newest}


def _ranged(guess: int | None, checks: Past, added: int, least: int) -> Row:
    enough = guess is not None and len(checks.ratios) >= least
    return {
        "forecast_persons": None if guess is None else guess + added,
        "low_persons": int((guess or 0) * min(checks.ratios)) + added if enough else None,
        "high_persons": int((guess or 0) * max(checks.ratios) + 1) + added if enough else None,
        "past_error_ratio": checks.error,
        "past_count": len(checks.ratios),
    }


def _text(guess: int | None, checks: Past, added: int | None, least: int, scale_months: int) -> str:
    if guess is None:
        return f"所需月份不全（需上年同期3个月和最近{scale_months}个月及其上年同期），不推算"
    told = f"上年同期3个月合计×最近{scale_months}个月与上年同期之比"
    if added:
        told += f"，加超常减员带来{formats.count(added)}人"
    if len(checks.ratios) < least:
        return f"{told}；只有{len(checks.ratios)}次可检验，不足{least}次，不给区间"
    told += f"；区间为过去{len(checks.ratios)}次同样推算误差的范围"
    return told + ("；过去误差大，只供参考" if checks.error is not None and checks.error >= WILD else "")


def excess_of(warehouse: Warehouse, parameters: Parameters, told: pl.DataFrame, *, month: date) -> Excess:
    """What the model expects to be lost above the same window a year before, times the share that claims as laid off.

    Nobody where no model leads, where the label is not of staff, or where losses or claims of the year are not known.
    """
    label = labels.labels_of(parameters["labels"])[parameters["model_label"]]
    expected = warehouse.frame(read_sql("outlook/expected"))
    if label.source != "insured" or not expected["tenths"].count():
        return Excess({})
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
        return Excess({})
    claims = int(claimed.filter(pl.col("month") > month_of_ordinal(year[-1] - 1))["persons"].sum())
    share = min(claims / total, 1.0)
    first = lost.filter(pl.col("month") == month_of_ordinal(ordinal(month) - 12))
    before = {row["county_code"]: row["lost_persons"] or 0 for row in first.iter_rows(named=True)}
    now = {row["county_code"]: (row["tenths"] or 0) / 10 for row in expected.iter_rows(named=True)}
    added = {code: _added(now[code], before.get(code, 0), share) for code in now}
    city = _added(sum(round(one * 10) for one in now.values()) / 10, sum(before.values()), share)
    return Excess(added | {"": city}, share)


def _added(expected: float, before: int, share: float) -> int:
    return int(max(expected - before, 0.0) * share + 0.5)
