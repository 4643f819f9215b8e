"""Working days by the State Council's notices, and past the end of the known ones."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.working_days import Due, OfficeCalendar, office_calendar

KNOWN = office_calendar({})
DAYS = st.dates(date(2024, 1, 1), date(2030, 12, 31))


@pytest.mark.parametrize(
    ("start", "count", "due"),
    [
        (date(2026, 11, 12), 5, date(2026, 11, 19)),
        (date(2026, 9, 30), 1, date(2026, 10, 8)),
        (date(2026, 9, 30), 3, date(2026, 10, 10)),
        (date(2026, 11, 13), 1, date(2026, 11, 16)),
        (date(2026, 11, 12), 0, date(2026, 11, 12)),
    ],
)
def test_festivals_and_worked_weekends_count_as_the_notice_says(start: date, count: int, due: date) -> None:
    assert KNOWN.after(start, count) == Due(due, is_estimated=False)


def test_ten_days_from_december_go_on_by_weekends_and_say_so() -> None:
    assert KNOWN.after(date(2026, 12, 22), 10) == Due(date(2027, 1, 5), is_estimated=True)
    assert KNOWN.after(date(2026, 12, 14), 10) == Due(date(2026, 12, 28), is_estimated=False)


def test_a_later_notice_is_a_parameter() -> None:
    told = office_calendar({2027: {"off": [date(2027, 1, 1)], "worked": [date(2027, 1, 2)]}})
    assert told.after(date(2026, 12, 31), 1) == Due(date(2027, 1, 2), is_estimated=False)
    assert told.after(date(2026, 12, 31), 2) == Due(date(2027, 1, 4), is_estimated=False)


@given(start=DAYS, count=st.integers(1, 30))
def test_as_many_days_are_worked_as_were_asked_for(start: date, count: int) -> None:
    due = KNOWN.after(start, count)
    between = [start + timedelta(days=n) for n in range(1, (due.on - start).days + 1)]
    assert sum(map(KNOWN.is_worked, between)) == count
    assert KNOWN.is_worked(due.on)
    assert due.is_estimated is not all(map(OfficeCalendar().is_known, between))
