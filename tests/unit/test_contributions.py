"""What a listed enterprise's figures may be said to mean."""

from datetime import date

import pytest

from pipelines import contracts as contract_files
from pipelines.stages.edition.contributions import direction, sentence

CONTRACTS = contract_files.load()
OCTOBER = date(2026, 10, 1)


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
    assert sentence("power_3m_change_ratio", -0.352, CONTRACTS, OCTOBER) == (
        "近三个月用电同比−35.2%（2026年10月，来源：企业月度用电）"
    )
    assert sentence("arrears_months", 3.0, CONTRACTS, OCTOBER).startswith("欠费")
    assert (
        sentence("season_division_ratio", 0.034, CONTRACTS, OCTOBER) == "往年同期本行业大类发生率3.4%（来源：社保汇总）"
    )
