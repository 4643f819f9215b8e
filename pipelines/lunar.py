"""Spring Festival moves; near it, months are compared by their distance from it, not by their calendar number.

Months are ordinals (year × 12 + month − 1). With a Gregorian set of feeds there are no festival months.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from pipelines.errors import ContractError

FIRST_OFFSET, LAST_OFFSET = -2, 3


def ordinal(month: date) -> int:
    """Number of the month of ``month``."""
    return month.year * 12 + month.month - 1


def month_of_ordinal(number: int) -> date:
    """First day of the month ``number``."""
    return date(number // 12, number % 12 + 1, 1)


@dataclass(frozen=True)
class LunarCalendar:
    """Festival month by year, and the months that the festival touches; both empty in a Gregorian calendar."""

    festival_month: dict[int, int]
    touched: frozenset[int]

    def is_festival(self, month: int) -> bool:
        """Whether the festival touches ``month``."""
        return month in self.touched

    def months_back(self, month: int) -> int:
        """Months between ``month`` and its counterpart a year before: 12, or 11 to 13 near the festival."""
        for year in (month // 12, month // 12 + 1):
            this, last = self.festival_month.get(year), self.festival_month.get(year - 1)
            if this is not None and last is not None and FIRST_OFFSET <= month - this <= LAST_OFFSET:
                return this - last
        return 12

    def season(self, month: int) -> str:
        """The month's place in the year: its distance from the festival near it, else its calendar number."""
        for festival in self.festival_month.values():
            if FIRST_OFFSET <= month - festival <= LAST_OFFSET:
                return f"L{month - festival:+d}"
        return f"{month % 12 + 1:02d}"


GREGORIAN = LunarCalendar(festival_month={}, touched=frozenset())


def calendar(festivals: Iterable[date], *, early_day: int, reference_year: int) -> LunarCalendar:
    """The calendar of ``festivals``; raises ``ContractError`` where they do not reach ``reference_year``."""
    days = list(festivals)
    festival_month = {day.year: ordinal(day) for day in days}
    if reference_year not in festival_month:
        raise ContractError([f"parameter spring_festival has no date for {reference_year}; add it to calendar.yml"])
    touched = {ordinal(day) for day in days} | {ordinal(day) - 1 for day in days if day.day <= early_day}
    return LunarCalendar(festival_month=festival_month, touched=frozenset(touched))
