"""Wages and contributions per head: their course, and their rank among the enterprises of one month."""

import numpy as np
import polars as pl
import pytest

from models import pay

INSURED = np.array([[10, 10, 20], [10, 10, 10]], dtype=np.int64)
BASE = np.array([[1000, 1000, 1000], [-1, 500, 1000]], dtype=np.int64)
DUE = np.array([[200, 200, 200], [-1, -1, 200]], dtype=np.int64)


def test_a_wage_that_halves_is_seen_and_the_payroll_is_not_moved() -> None:
    found = pay.features(INSURED, BASE, DUE)
    assert found["wage_lag_1m_ratio"][0] == 2.0
    assert found["payroll_lag_1m_ratio"][0] == 1.0
    assert found["wage_over_highest_ratio"][0] == 0.5
    assert found["wage_unrest_ratio"][0] == pytest.approx((50 / 75 + 0) / 2)
    assert found["payroll_unrest_ratio"][0] == 0.0
    assert found["due_share_ratio"].tolist() == [0.2, 0.2]


def test_what_is_suppressed_stays_missing() -> None:
    found = pay.features(INSURED, BASE, DUE)
    assert set(found) == set(pay.NAMES)
    assert np.isnan(found["wage_lag_2m_ratio"][1])
    assert found["wage_lag_1m_ratio"][1] == 0.5
    assert np.isnan(found["due_unrest_ratio"][1])
    nothing = pay.features(INSURED, np.full_like(BASE, -1), np.full_like(DUE, -1))
    assert all(np.isnan(values).all() for values in nothing.values())


def test_ranks_are_among_those_whose_wage_is_known() -> None:
    frame = pl.DataFrame(
        {
            "base_per_person_fen": [100, 200, 400, None],
            "due_per_person_fen": [20, 40, None, None],
            "industry_code": ["a", "a", "b", "a"],
        }
    )
    found = pay.ranks(frame)
    assert tuple(found.columns) == pay.RANKS
    assert found["wage_rank_ratio"].to_list() == pytest.approx([1 / 3, 2 / 3, 1.0, None])
    assert found["wage_industry_rank_ratio"].to_list() == [0.5, 1.0, 1.0, None]
    assert found["wage_industry_ratio"].to_list() == pytest.approx([100 / 150, 200 / 150, 1.0, None])
    assert found["due_industry_ratio"][0] == pytest.approx(20 / 30)
