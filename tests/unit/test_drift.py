"""The population stability index: nothing moves without a reason, every kind of move is seen and said."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models import drift

NAMES = ("arrears_months", "insured_change_3m_ratio")
LABELS = {"arrears_months": "欠缴月数", "insured_change_3m_ratio": "参保三个月变化"}
Values = NDArray[np.float64]


def city(rows: int = 4000, *, seed: int = 0) -> Values:
    random = np.random.default_rng(seed)
    values = np.column_stack([random.integers(0, 4, rows).astype(float), random.normal(size=rows)])
    values[random.random(values.shape) < 0.1] = np.nan
    return values


def scores(values: Values) -> Values:
    return np.nan_to_num(values).sum(axis=1)


def index(before: Values, now: Values) -> dict[str, float]:
    kept = drift.reference(NAMES, before, scores(before))
    compared = drift.compare(kept, NAMES, now, scores(now))
    return dict(compared.select("feature_name", "stability_index").iter_rows())


def test_the_same_rows_have_not_moved() -> None:
    assert index(city(), city()) == {"arrears_months": 0.0, "insured_change_3m_ratio": 0.0, drift.SCORE: 0.0}


def test_the_index_is_the_sum_over_bins_by_hand() -> None:
    before, now = np.array([[0.0]] * 60 + [[1.0]] * 40), np.array([[0.0]] * 30 + [[1.0]] * 70)
    kept = drift.reference(["x"], before, before[:, 0])
    assert kept.filter(feature_name="x").rows() == [("x", 0, None, 0), ("x", 1, 0.0, 60), ("x", 2, None, 40)]
    p, q = np.array([0.5, 60.5, 40.5]) / 101.5, np.array([0.5, 30.5, 70.5]) / 101.5
    expected = round(float(((q - p) * np.log(q / p)).sum()), drift.DECIMALS)
    assert drift.compare(kept, ["x"], now, now[:, 0])["stability_index"].to_list() == [expected, expected]


def test_a_shift_is_seen_in_its_feature_and_in_the_score_alone() -> None:
    now = city(seed=1)
    now[:, 1] += 1.0
    found = index(city(), now)
    assert found["insured_change_3m_ratio"] > 0.5
    assert found[drift.SCORE] > 0.1
    assert found["arrears_months"] < 0.02


def test_a_source_that_falls_silent_is_seen() -> None:
    now = city(seed=1)
    now[:, 0] = np.nan
    before = city()
    compared = drift.compare(drift.reference(NAMES, before, scores(before)), NAMES, now, scores(now))
    row = compared.row(0, named=True)
    assert row["stability_index"] > 1
    assert (round(row["missing_before"], 1), row["missing_now"]) == (0.1, 1.0)


def test_values_beyond_the_training_fall_into_the_last_bins() -> None:
    now = city(seed=1)
    now[:, 1] = np.where(np.isnan(now[:, 1]), np.nan, np.inf)
    assert index(city(), now)["insured_change_3m_ratio"] > 1


def test_a_feature_never_known_in_training_is_one_bin() -> None:
    before = city()
    before[:, 0] = np.nan
    assert index(before, before)["arrears_months"] == 0.0
    assert index(before, city())["arrears_months"] > 1


def test_a_small_city_does_not_drift_by_chance() -> None:
    before, now = city(20_000), city(40, seed=3)
    compared = drift.compare(drift.reference(NAMES, before, scores(before)), NAMES, now, scores(now))
    assert compared["by_chance"].min() > 0.05
    assert compared.filter(drift.drifted(0.25)).is_empty()


@given(order=st.permutations(range(60)))
def test_the_order_of_rows_changes_nothing(order: list[int]) -> None:
    before, now = city(500), city(60, seed=2)
    kept = drift.reference(NAMES, before, scores(before))
    usual = drift.compare(kept, NAMES, now, scores(now))
    assert drift.compare(kept.reverse(), NAMES, now[order], scores(now[order])).equals(usual)


def test_a_feature_without_a_reference_is_an_error() -> None:
    before = city()
    kept = drift.reference(NAMES, before, scores(before)).filter(pl.col("feature_name") != "arrears_months")
    with pytest.raises(KeyError, match="arrears_months"):
        drift.compare(kept, NAMES, before, scores(before))


def compared(*rows: tuple[str, float, float, float]) -> pl.DataFrame:
    columns = ["feature_name", "stability_index", "missing_before", "missing_now"]
    return pl.DataFrame(list(rows), schema=columns, orient="row").with_columns(by_chance=pl.lit(0.01))


def test_a_stable_month_is_one_line() -> None:
    stable = compared(("arrears_months", 0.02, 0.1, 0.1), (drift.SCORE, 0.26, 0.0, 0.0))
    assert drift.summary(stable, LABELS, limit=0.25) == [
        "模型输入与训练期相比稳定：1项特征和风险分布的稳定性指标（PSI，扣除抽样波动）均未超过0.25。"
    ]


def test_what_moved_is_named_most_first() -> None:
    moved = compared(
        ("insured_change_3m_ratio", 0.31, 0.02, 0.15), ("arrears_months", 0.31, 0.1, 0.1), (drift.SCORE, 0.5, 0.0, 0.0)
    )
    assert drift.summary(moved, LABELS, limit=0.25) == [
        "模型输入有3项与训练期相比变化较大（PSI扣除抽样波动后超过0.25），使用预测结果时请留意：",
        "风险分布：PSI 0.50",
        "欠缴月数：PSI 0.31",
        "参保三个月变化：PSI 0.31，缺失比例由2.0%变为15.0%",
    ]


def test_many_moves_are_counted() -> None:
    many = compared(*((f"feature_{number}", 1.0, 0.0, 0.0) for number in range(7)))
    lines = drift.summary(many, LABELS, limit=0.25)
    assert len(lines) == 7
    assert lines[-1] == "另有2项，见漂移表。"
