"""Planted moves between sisters: what counts as recognised, and what as a layoff explained away."""

from datetime import date
from typing import Any

import polars as pl
import pytest

from pipelines import parameters as parameter_files
from pipelines import planted_transfers

MONTHS = [date(2026, m, 1) for m in range(1, 7)]
PARAMETERS = parameter_files.load(date(2026, 6, 20))


def seen(**taken: dict[int, tuple[int, int]]) -> pl.DataFrame:
    """Nights of all months; for an enterprise and month number what was a transfer in the month and in three."""
    rows = [
        {"enterprise_id": code, "origin": month, "transfer_persons": now, "transfer_3m_persons": quarter}
        for code, months in taken.items()
        for month in MONTHS
        for now, quarter in [months.get(month.month, (0, 0))]
    ]
    return pl.DataFrame(rows)


def moves(*rows: tuple[int, str, int]) -> pl.DataFrame:
    return pl.DataFrame(
        [{"month": date(2026, m, 1), "from_uscc": code, "persons": n} for m, code, n in rows],
        schema={"month": pl.Date, "from_uscc": pl.String, "persons": pl.Int64},
    )


def cuts(*rows: tuple[int, str, int, int]) -> pl.DataFrame:
    return pl.DataFrame(
        [{"month": date(2026, m, 1), "uscc": c, "persons": n, "months_of_cut": k} for m, c, n, k in rows],
        schema={"month": pl.Date, "uscc": pl.String, "persons": pl.Int64, "months_of_cut": pl.Int64},
    )


def judge(frame: pl.DataFrame, transfers: pl.DataFrame, events: pl.DataFrame) -> Any:
    return planted_transfers.recognition(frame, transfers, events, parameters=PARAMETERS)


def test_a_move_seen_a_month_later_is_recognised_but_not_at_once() -> None:
    nights = seen(A={1: (100, 100)}, B={1: (0, 0), 2: (0, 80)}, C={1: (0, 0), 4: (100, 100)})
    found = judge(nights, moves((1, "A", 100), (1, "B", 100), (1, "C", 100)), cuts())
    assert found.recognised == pytest.approx(2 / 3)
    assert found.recognised_at_once == pytest.approx(1 / 3)


def test_moves_too_small_and_moves_too_late_to_be_judged_are_no_matter() -> None:
    found = judge(seen(A={}), moves((1, "A", 4), (5, "A", 90), (6, "A", 90)), cuts())
    assert found.transfers.is_empty()
    assert "没有预设的整体转移" in "".join(planted_transfers.section(found))


def test_persons_of_a_layoff_taken_for_a_transfer_are_counted_as_explained_away() -> None:
    nights = seen(A={2: (30, 30)}, B={})
    found = judge(nights, moves(), cuts((1, "A", 100, 2), (1, "B", 100, 1)))
    assert found.explained_away == pytest.approx(0.15)


def test_what_the_same_enterprise_really_moved_is_not_a_layoff_explained_away() -> None:
    nights = seen(A={2: (30, 30)})
    found = judge(nights, moves((2, "A", 30)), cuts((1, "A", 100, 2)))
    assert found.explained_away == 0


def test_an_enterprise_that_no_night_saw_is_not_recognised() -> None:
    found = judge(seen(A={}), moves((1, "Z", 50)), cuts((1, "Z", 50, 1)))
    assert found.recognised == 0
    assert found.cuts["taken"].to_list() == [0]
