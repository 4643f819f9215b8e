"""Working days as the State Council's notices say them, and by weekends alone where no notice is known.

The notices up to the last year of `chinesecalendar` come with it; later ones are the dated parameter ``office_years``.
Pure: nothing here asks what day it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import chinese_calendar

from pipelines.errors import ContractError

SATURDAY = 5


@dataclass(frozen=True)
class Due:
    """A last day; ``is_estimated`` where a day on the way to it is of a year whose holidays are not known."""

    on: date
    is_estimated: bool


@dataclass(frozen=True)
class OfficeYear:
    """The notice of one year: days off beyond weekends, and weekend days that are worked."""

    off: frozenset[date] = frozenset()
    worked: frozenset[date] = frozenset()


@dataclass(frozen=True)
class OfficeCalendar:
    """Which days are worked; ``years`` are those that the library does not know, or knows wrongly."""

    years: Mapping[int, OfficeYear] = field(default_factory=dict)

    def is_known(self, day: date) -> bool:
        """Whether the holidays of the year of ``day`` are known."""
        if day.year in self.years:
            return True
        try:
            chinese_calendar.is_workday(day)
        except NotImplementedError:
            return False
        return True

    def is_worked(self, day: date) -> bool:
        """Whether offices work on ``day``."""
        if day.year in self.years:
            told = self.years[day.year]
            return day in told.worked or (day.weekday() < SATURDAY and day not in told.off)
        return bool(chinese_calendar.is_workday(day)) if self.is_known(day) else day.weekday() < SATURDAY

    def after(self, start: date, working_days: int) -> Due:
        """The ``working_days``-th working day after ``start``, which does not count itself."""
        day, left, is_estimated = start, working_days, False
        while left:
            day += timedelta(days=1)
            is_estimated |= not self.is_known(day)
            left -= self.is_worked(day)
        return Due(day, is_estimated)


def office_calendar(years: Mapping[Any, Mapping[str, Sequence[date]]]) -> OfficeCalendar:
    """The calendar with the notices of the parameter ``office_years``: year → ``off`` and ``worked`` days.

    Raises ``ContractError`` for anything but days of that year.
    """
    wrong = [
        f"office_years: {year} names {day!r}, which is no day of it"
        for year, told in years.items()
        for days in told.values()
        for day in days or ()
        if not isinstance(day, date) or day.year != int(year)
    ]
    if wrong:
        raise ContractError(wrong)
    return OfficeCalendar(
        {
            int(year): OfficeYear(frozenset(told.get("off") or ()), frozenset(told.get("worked") or ()))
            for year, told in years.items()
        }
    )
