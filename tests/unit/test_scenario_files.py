"""Files of scenarios: which faults are told, and how a scenario is found."""

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from test_stress import duty, made

from pipelines import scenarios
from pipelines.errors import ContractError, NotFoundError


def test_a_faulty_file_is_told_with_all_its_faults(tmp_path: Path) -> None:
    path = tmp_path / "mine.yml"
    path.write_text(
        "label: 甲\ndescription: ''\nstanding: sure\norders: {'99x': 0.5, '17': 1.5}\nextra: 1\n"
        "tariff: {day: 2025-04-10}\nclosing: {}\ncredit: {巨型: 0.1}\ndeferral: {deferred_months: '3'}\n",
        encoding="utf-8",
    )
    with pytest.raises(ContractError) as caught:
        scenarios.read(path)
    faults = str(caught.value)
    for word in ("description", "source", "standing", "orders", "extra", "tariff", "closing", "credit", "deferral"):
        assert f"mine.yml: {word}" in faults, (word, faults)
    for text, told in (("a: [", "not YAML"), ("- 1", "names and values"), ("tariff: {duties: []}", "duties")):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ContractError, match=told):
            scenarios.read(path)
    path.write_bytes("label: 甲".encode("gb18030"))
    with pytest.raises(ContractError, match="not UTF-8"):
        scenarios.read(path)


def test_faults_that_lie_deeper_are_told() -> None:
    wrong: list[dict[str, Any]] = [
        {"orders": {"00": 0.1}},
        {"closing": {"largest": {"count": 1, "industry": "纺织"}}},
        {"tariff": {"day_before": date(2025, 4, 10), "day": date(2025, 4, 10)}},
        {"tariff": {"duties": [{"hs": "61", "change_pct": 1.0}] * 2}},
        {"tariff": {"duties": [{"hs": "6", "change_pct": 1.0}]}},
        {"tariff": {**duty(5), "day": date(2025, 4, 10)}},
    ]
    for body in wrong:
        with pytest.raises(ValueError, match="validation error"):
            made(**body)


def test_scenarios_are_found_by_name_or_file(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"us_2018_07.*zero"):
        scenarios.find("us_2099")
    with pytest.raises(NotFoundError, match="no scenario"):
        scenarios.find("../scenarios/zero")
    with pytest.raises(NotFoundError, match="no such file"):
        scenarios.find(str(tmp_path / "none.yml"))
    copied = shutil.copy(scenarios.FOLDER / "zero.yml", tmp_path / "mine.yml")
    assert scenarios.find(str(copied)).name == "mine"
