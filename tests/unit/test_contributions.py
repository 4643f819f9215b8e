"""What a listed enterprise's figures may be said to mean."""

from datetime import date

import pytest

from pipelines import contracts as contract_files
from pipelines.stages.edition.contributions import REFERENCE, direction, sentence

CONTRACTS = contract_files.load()
MONTHS = {"": date(2026, 10, 1), **dict.fromkeys(REFERENCE, date(2026, 9, 1))}


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("power_3m_change_ratio", -0.35, 1),
        ("power_3m_change_ratio", 0.1, -1),
        ("arrears_months", 3, 1),
        ("arrears_months", 0, -1),
        ("arrears_months", float("nan"), 0),
        ("insured_persons", 868, 0),
        ("export_orders_3m_change_ratio", -0.33, 1),
        ("season_division_ratio", 0.03, 1),
    ],
)
def test_a_figure_speaks_only_where_its_sign_is_beyond_doubt(name: str, value: float, expected: int) -> None:
    assert direction(name, value, CONTRACTS) == expected


def test_a_sentence_has_number_period_and_source() -> None:
    assert sentence("power_3m_change_ratio", -0.352, CONTRACTS, MONTHS) == (
        "近三个月用电同比−35.2%（2026年9月，来源：企业月度用电）"
    )
    assert "月，" not in sentence("wage_complaints_30d_count", 2.0, CONTRACTS, MONTHS)
    assert sentence("arrears_months", 3.0, CONTRACTS, MONTHS).startswith("欠费")
    assert (
        sentence("season_division_ratio", 0.034, CONTRACTS, MONTHS) == "往年同期本行业大类发生率3.4%（来源：社保汇总）"
    )
