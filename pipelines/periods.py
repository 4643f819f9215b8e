"""Words for months and years in header cells, titles and names of sheets, by the patterns of a contract.

A pattern is plain text with named places; everything else in it stands for itself. A cell that holds a period only as
a part of something longer, such as a sum over months, is none: what is left beside it must be known words.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from unicodedata import normalize

PLACES = {
    "year": r"(?P<year>(?:19|20)[0-9]{2})",
    "yy": r"(?P<yy>[0-9]{2})",
    "month2": r"(?P<month>0[1-9]|1[0-2])",
    "month": r"(?P<month>1[0-2]|0?[1-9])",
    "quarter": r"(?P<quarter>[1-4])",
    "month_of_quarter": r"(?P<month_of_quarter>[1-3])",
}
CENTURY = 2000
_PLACE = re.compile(r"\{(\w+)\}")
_YEAR = re.compile(r"(?<![0-9])((?:19|20)[0-9]{2})(?=年)")


def faults(pattern: str) -> list[str]:
    """What is wrong with a pattern, in words."""
    named = _PLACE.findall(pattern)
    unknown = [f"unknown place {{{name}}}" for name in named if name not in PLACES]
    doubled = [f"{{{name}}} stands twice" for name in dict.fromkeys(named) if named.count(name) > 1]
    if {"year", "yy"} <= {*named} or {"month", "month2"} <= {*named}:
        doubled.append("the year or the month stands twice")
    lame = ("quarter" in named) != ("month_of_quarter" in named)
    return unknown + doubled + (["{quarter} and {month_of_quarter} go together"] if lame else [])


def has_year(pattern: str) -> bool:
    """Whether a pattern says the year itself."""
    return "{year}" in pattern or "{yy}" in pattern


def has_month(pattern: str) -> bool:
    """Whether a pattern says a month, not only a year."""
    return any(f"{{{name}}}" in pattern for name in ("month", "month2", "quarter"))


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    plain = "".join(normalize("NFKC", pattern).split()).casefold()
    parts = _PLACE.split(plain)
    texts = (PLACES[part] if place % 2 else re.escape(part) for place, part in enumerate(parts))
    return re.compile(rf"(?<![0-9]){''.join(texts)}(?![0-9])")


def found(word: str, pattern: str, year: str | None) -> tuple[str, str] | None:
    """The period in ``word`` and what is left of it; None where it has none.

    ``word`` is in NFKC, without spaces, in lower case. A month is told as 2025-03, a year as 2025. ``year`` is that of
    a pattern without one.
    """
    match = _compiled(pattern).search(word)
    if not match:
        return None
    told = match.groupdict()
    if told.get("yy"):
        year = str(CENTURY + int(told["yy"]))
    year = told.get("year") or year
    if year is None:
        return None
    rest = word[: match.start()] + word[match.end() :]
    if told.get("quarter"):
        return f"{year}-{3 * int(told['quarter']) - 3 + int(told['month_of_quarter']):02d}", rest
    return (f"{year}-{int(told['month']):02d}" if told.get("month") else year), rest


def only_year(texts: Iterable[str]) -> str | None:
    """The one year that ``texts`` speak of as ``2025年``; None where there is none, or more than one."""
    years = {year for text in texts for year in _YEAR.findall("".join(normalize("NFKC", text).split()))}
    return years.pop() if len(years) == 1 else None
