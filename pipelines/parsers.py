"""Pure readers of formats that are nobody's standard: a cell's text → the same value as this system writes it.

One function per format, named in a contract as ``parser``. Each gives None for what it does not know: then the cell is
unreadable and its row goes to quarantine. None of them looks at another cell, guesses, or gives a value for "unknown".
"""

import re
from collections.abc import Callable, Mapping
from datetime import date

Parser = Callable[[str], str | None]

CENTURY_1900 = 1900
YEARS_BEFORE_2000 = 50
MONTHS = dict(zip("jan feb mar apr may jun jul aug sep oct nov dec".split(), range(1, 13), strict=True))  # noqa: SIM905

_YEARS_SINCE_1900 = re.compile(r"([0-9]{2,3})([0-9]{2})([0-9]{2})")
_DAY_FIRST = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})")
_MONTH_FIRST = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})")
_NAMED_MONTH = re.compile(r"([0-9]{2})([A-Za-z]{3})([0-9]{4})")
_WORDY_MONTH = re.compile(r"([A-Za-z]{3,9})\.? ([0-9]{1,2}), ([0-9]{4})")
_QUARTER_MONTH = re.compile(r"([0-9]{2}|[0-9]{4})([1-4])([1-3])")
_MIDNIGHT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}) 00:00:00")
_SHORT_YEAR = re.compile(r"^([0-9]{1,2}/[0-9]{1,2}/)([0-9]{2})$")
_ABOUT = re.compile(r"(?:approximately|about|approx\.?|up to|est\.?) ", re.IGNORECASE)
_HEADS = re.compile(
    r"([0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?: ?\((?:est\.?|approximately)\)"
    r"| (?:impacted )?(?:remote )?(?:michigan )?(?:remote )?(?:workers?|employees))?",
    re.IGNORECASE,
)
_SERIES = re.compile(
    r"(?:(?:updated|revised|originated)(?: -)? ?)?[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}"
    r"(?: ?(?:updated|revised|originated)(?: -)? ?[0-9]{1,2}/[0-9]{1,2}/[0-9]{4})*",
    re.IGNORECASE,
)
_SPAN = re.compile(r"([0-9]{1,2}/[0-9]{1,2}/[0-9]{4})(?: ?(?:-|to) ?[0-9]{1,2}/[0-9]{1,2}/[0-9]{4})?")
_BEGINNING = re.compile(r"beginning (?:on )?", re.IGNORECASE)
_SLASHED = re.compile(r"[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}")


def _day(year: int, month: int, day: int) -> str | None:
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None


def years_since_1900(text: str) -> str | None:
    """``1050824`` → 2005-08-24: the year less 1900 in two or three digits, month, day."""
    match = _YEARS_SINCE_1900.fullmatch(text)
    return _day(CENTURY_1900 + int(match[1]), int(match[2]), int(match[3])) if match else None


def day_first(text: str) -> str | None:
    """``31/01/2019`` → 2019-01-31."""
    match = _DAY_FIRST.fullmatch(text)
    return _day(int(match[3]), int(match[2]), int(match[1])) if match else None


def month_first(text: str) -> str | None:
    """``9/12/2023`` → 2023-09-12."""
    match = _MONTH_FIRST.fullmatch(text)
    return _day(int(match[3]), int(match[1]), int(match[2])) if match else None


def compact_named_month(text: str) -> str | None:
    """``26MAY2014`` → 2014-05-26."""
    match = _NAMED_MONTH.fullmatch(text)
    month = MONTHS.get(match[2].lower()) if match else None
    return _day(int(match[3]), month, int(match[1])) if match and month else None


def quarter_month(text: str) -> str | None:
    """``1031`` or ``201031`` → 2010-07: year, quarter, month of the quarter; of two digits from 50 on, the 1900s.

    Codes of a whole quarter or year (month 0, or 62) are no month and are not read.
    """
    match = _QUARTER_MONTH.fullmatch(text)
    if not match:
        return None
    year = int(match[1])
    if len(match[1]) == 2:
        year += CENTURY_1900 if year >= YEARS_BEFORE_2000 else CENTURY_1900 + 100
    return f"{year}-{3 * int(match[2]) - 3 + int(match[3]):02d}"


def michigan_day(text: str) -> str | None:
    """``December 5, 2025``, ``Beginning April 21, 2025`` or ``7/23/2025`` → the day."""
    text = _BEGINNING.sub("", text)
    match = _WORDY_MONTH.fullmatch(text)
    if not match:
        return month_first(text)
    month = MONTHS.get(match[1][:3].lower())
    return _day(int(match[3]), month, int(match[2])) if month else None


def new_jersey_day(text: str) -> str | None:
    """``2022-03-12 00:00:00``, ``02/28/2011`` or, in lists since 2004, ``3/4/07`` → the day."""
    match = _MIDNIGHT.fullmatch(text)
    return match[1] if match else month_first(_SHORT_YEAR.sub(r"\g<1>20\2", text))


def first_of_span(text: str) -> str | None:
    """``09/12/2023-11/12/2023`` or ``10/31/2023 to 11/13/2023`` → the first day; a single day is itself."""
    match = _SPAN.fullmatch(text)
    return month_first(match[1]) if match else None


def latest_of_updates(text: str) -> str | None:
    """``10/08/2020Updated12/21/2020`` or ``Updated 05/16/2019`` → the latest of the days."""
    if not _SERIES.fullmatch(text):
        return None
    days = [month_first(word) for word in _SLASHED.findall(text)]
    return None if None in days else max(day for day in days if day)


def head_count(text: str) -> str | None:
    """``1,140``, ``75 (est.)``, ``Approximately 25`` or ``2 remote workers`` → the number.

    A mark in front, two numbers, or words alone are not read: they may mean anything.
    """
    match = _HEADS.fullmatch(_ABOUT.sub("", text.strip(), count=1))
    return match[1].replace(",", "") if match else None


PARSERS: Mapping[str, Parser] = {
    parser.__name__: parser
    for parser in (
        years_since_1900,
        day_first,
        month_first,
        compact_named_month,
        quarter_month,
        michigan_day,
        new_jersey_day,
        first_of_span,
        latest_of_updates,
        head_count,
    )
}
