"""The contracts' checks in pandas: one Boolean column per check; bad rows leave with a reason per broken check.

Texts are categories, so a pattern or a check symbol is looked at once per distinct text.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

import pandas as pd

from pipelines.checks import (
    ORGANISATION_SYMBOLS,
    ORGANISATION_WEIGHTS,
    USCC_SYMBOLS,
    USCC_WEIGHTS,
    Check,
)
from pipelines.contracts import WHOLE_ROW, Contracts
from pipelines.shapes import Feed

Judged = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]


def judge(rows: pd.DataFrame, feed: Feed, contracts: Contracts, files: pd.DataFrame) -> Judged:
    """Good rows, quarantined rows with a reason each, and the rows that break each check."""
    checks = [check for check in contracts.checks(feed) if check is not WHOLE_ROW]
    received = rows["delivery"].map(files["received_at"].dt.normalize())
    passed = pd.DataFrame({check.id: passes(rows, check, received) for check in checks})
    failing = [check for check in checks if check.severity == "fail"]
    good = passed[[check.id for check in failing]].all(axis=1)
    broken = pd.DataFrame(
        {
            "feed": feed.feed,
            "owner": feed.owner,
            "check": [check.id for check in checks],
            "severity": [check.severity for check in checks],
            "sentence": [check.sentence for check in checks],
            "bad": [(~passed[check.id]).sum() for check in checks],
        }
    )
    parts = [
        reasons(rows[~passed[check.id]], check, feed, contracts) for check in failing if not passed[check.id].all()
    ]
    bad = pd.concat(parts) if parts else pd.DataFrame()
    if parts:
        bad["file"] = bad["delivery"].map(files["file"])
    return rows[good], bad, broken


def reasons(rows: pd.DataFrame, check: Check, feed: Feed, contracts: Contracts) -> pd.DataFrame:
    """One row per bad row: where it stands, what it says in the column, and why that will not do."""
    said = rows[check.columns[0]].astype(str).str.slice(0, 200)
    places = [name for name in ("unit_no", "month", "from_unit_no", "county_code") if name in rows]
    return rows[["delivery", "line_no", *places]].assign(
        feed=feed.feed,
        owner=feed.owner,
        column="、".join(contracts.feed_column(feed, name).label for name in check.columns),
        value="（含个人信息，不列出）" if feed.personal else said,
        check=check.id,
        reason=check.sentence,
    )


def passes(rows: pd.DataFrame, check: Check, received: pd.Series) -> pd.Series:
    """True for a good row; a missing value passes every check but ``not_null``."""
    first, options = rows[check.columns[0]], check.options
    match check.kind:
        case "not_null":
            return first.notna()
        case "readable":
            return ~rows["unreadable"].str.contains(rf"\b{check.columns[0]} ", na=False)
        case "first_of_key":
            key = list(check.columns)
            return ~rows.duplicated(["delivery", *key]) | rows[key].isna().any(axis=1)
        case "between" | "bounded":
            ok = first.between(options["min"], options["max"])
        case "period":
            ok = in_time(first, received + pd.DateOffset(months=options.get("ahead_months", 0)), options)
        case "codes":
            ok = first.isin(options["codes"])
        case "matches":
            ok = first.str.fullmatch(options["pattern"]).eq(True)
        case "uscc":
            ok = first.map(is_code, na_action="ignore").eq(True)
        case "organisation_code":
            ok = first.map(is_organisation, na_action="ignore").eq(True)
        case "ordered":
            second = rows[check.columns[1]]
            ok = (first <= second) | second.isna()
        case "ratio_between":
            persons = rows[check.columns[1]]
            share = first / persons.where(persons > 0)
            ok = share.between(options["min"], options["max"]) | share.isna()
        case _:
            raise ValueError(check.kind)
    return ok | first.isna()


def in_time(first: pd.Series, latest: pd.Series, options: Mapping[str, Any]) -> pd.Series:
    """Whether a year or a day lies between 2000 and ``latest``."""
    if options.get("is_year"):
        return first.between(2000, latest.dt.year)
    return (first >= pd.Timestamp(2000, 1, 1)) & (first <= latest)


@cache
def is_code(code: str) -> bool:
    """Whether the check symbol of a unified social credit code is right."""
    if len(code) != 18 or any(symbol not in USCC_SYMBOLS for symbol in code):
        return False
    total = sum(weight * USCC_SYMBOLS.index(symbol) for weight, symbol in zip(USCC_WEIGHTS, code[:17], strict=True))
    return code[17] == USCC_SYMBOLS[(31 - total % 31) % 31]


@cache
def is_organisation(code: str) -> bool:
    """Whether the organisation code within a unified social credit code is right."""
    own = code[8:17]
    if len(own) != 9 or any(symbol not in ORGANISATION_SYMBOLS for symbol in own):
        return False
    pairs = zip(ORGANISATION_WEIGHTS, own[:8], strict=True)
    rest = 11 - sum(weight * ORGANISATION_SYMBOLS.index(symbol) for weight, symbol in pairs) % 11
    return own[8] == {10: "X", 11: "0"}.get(rest, str(rest))
