"""The model card: the same figures in both languages, baselines beside the model, uses and limits said."""

import math
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from models import baselines, validate
from models.card import figures_page, render
from models.card_words import CHINESE, ENGLISH
from models.registry import Facts

FACTS = Facts(
    label="loss20",
    horizon_months=3,
    minimum_insured=10,
    features=(
        ("insured_change_3m_ratio", "用工"),
        ("leavers_3m_persons", "用工"),
        ("export_us_3m_change_ratio", "出口"),
    ),
    columns=(),
    trained_on=("2023-01", "2024-06", "2025-03"),
    data_hash="d" * 64,
    code_hash="c" * 64,
    parameters_hash="p" * 64,
    words={"forecast_label": "未来3个月参保减少20%以上"},
)


def measures(
    average_precision: float = 0.31, *, rows: int = 900, base_rate: float = 0.1, **other: float
) -> dict[str, Any]:
    plain = {"auc": 0.8, "brier": 0.09, "brier_skill": 0.12, "lift": 2.5, "listed": 20, "precision": 0.4}
    return (
        {"rows": rows, "base_rate": base_rate, "average_precision": average_precision, "jobs_recall": 0.3}
        | plain
        | other
    )


def figures(**changes: Any) -> dict[str, Any]:
    probability = np.linspace(0.01, 0.5, 400)
    return {
        "windows": ["2025-07", "2025-08"],
        "measures": {"model": measures(0.34), "volatility": measures(0.25), "rule_score": measures(0.21)},
        "best_baseline": "volatility",
        "best_baseline_average_precision": 0.25,
        "gain": [0.09, 0.06, 0.12],
        "groups": {"size": {"不足30人": measures(), "300人及以上": measures(rows=40, base_rate=0.05)}},
        "reliability": validate.reliability(np.arange(400) % 5 == 0, probability).to_dicts(),
        "last_window": {"model": measures(0.35), "volatility": measures(0.27)},
        "silence": [
            standing("", "", predicted=0.102, average_precision=0.34),
            standing("power_month", "企业月度用电", predicted=0.109, average_precision=0.31),
        ],
    } | changes


def standing(source: str, name: str, **changes: float) -> dict[str, Any]:
    """One row about a silent source."""
    plain = {"rows": 900, "events": 90, "observed": 0.1, "error": 0.012, "slope": 0.97, "intercept": 0.01}
    return {"source": source, "name": name} | plain | changes


def card(facts: Facts = FACTS, *, is_simulated: bool = False, **changes: Any) -> str:
    return render(
        facts, figures(**changes), variant="trees+season", rows=90_000, events=9_000, is_simulated=is_simulated
    )


def pages(text: str) -> tuple[str, str]:
    chinese, english = text.split("\n---\n")
    return chinese, english


def test_the_last_month_and_silent_sources_are_told() -> None:
    for page, words in zip(pages(card()), (CHINESE, ENGLISH), strict=True):
        assert (
            words["last_window"].format(month="2025-08", own="0.350", best=words["volatility"], other="0.270") in page
        )
        assert f"| {words['none_silent']} | 900 | 10.2% | 10.0% | 1.2% | 0.97 | 0.340 |" in page
        assert "| 企业月度用电 | 900 | 10.9% | 10.0% | 1.2% | 0.97 | 0.310 |" in page


def test_a_card_without_a_baseline_names_none() -> None:
    told = CHINESE["last_window"].format(month="2025-08", own="0.350", best="—", other="—")
    assert told in card(best_baseline="", gain=[0.0, 0.0, 0.0])


def test_chinese_comes_first_and_english_says_the_same_figures() -> None:
    chinese, english = pages(card())
    assert chinese.startswith("# 模型卡：loss20，未来3个月\n")
    assert english.strip().startswith("# Model card: loss20, the next 3 months\n")
    figure = re.compile(r"(?<![\w.])\d+\.\d+%?", re.ASCII)
    assert figure.findall(chinese) == figure.findall(english)
    assert len(figure.findall(chinese)) > 40


def test_each_page_has_the_words_of_the_other() -> None:
    assert CHINESE.keys() == ENGLISH.keys()
    for name, text in CHINESE.items():
        assert sorted(re.findall(r"\{\w+\}", text)) == sorted(re.findall(r"\{\w+\}", ENGLISH[name])), name
    assert set(baselines.BASELINES) <= CHINESE.keys()


def test_the_uses_and_the_refused_uses_are_said() -> None:
    chinese, english = pages(card())
    assert "仅用于就业服务与风险化解，不作为处罚、授信依据" in chinese
    assert "行政处罚" in chinese
    assert "never a ground for penalties or credit decisions" in english


def test_the_baselines_stand_beside_the_model() -> None:
    for text in (card(), figures_page(figures())):
        chinese, _ = pages(text)
        assert "| 本模型 | 0.340 | 40.0% | 2.5 | 30.0% |" in chinese
        assert "| 基线：参保人数波动 | 0.250 | 40.0% |" in chinese
        assert "| 基线：规则评分 | 0.210 |" in chinese
        assert (
            "（基线：参保人数波动）相比，平均精度+0.090（95%区间+0.060至+0.120，按企业重抽样）。可以启用。" in chinese
        )


@pytest.mark.parametrize("gain", [[0.05, -0.01, 0.1], [0.0, 0.0, 0.0], [math.nan, math.nan, math.nan]])
def test_a_gain_that_may_be_none_is_called_so(gain: list[float]) -> None:
    chinese, english = pages(card(gain=gain))
    assert "不应启用" in chinese
    assert "do not promote" in english


def test_a_model_without_a_baseline_is_not_recommended() -> None:
    alone = card(measures={"model": measures()}, best_baseline="", gain=[0.31, 0.3, 0.32])
    assert "没有可比的基线，不应启用" in alone
    assert "可以启用。" not in alone


@pytest.mark.parametrize("unknown", [math.nan, None], ids=["nan", "none"])
def test_a_figure_that_is_not_known_is_a_dash(unknown: float | None) -> None:
    text = card(measures={"model": measures() | {"average_precision": unknown, "lift": unknown, "brier": unknown}})
    assert "| 本模型 | — | 40.0% | — | 30.0% |" in text
    assert "Brier分 —" in text
    assert not re.search(r"\b(nan|None)\b", text)


def test_small_groups_show_no_result() -> None:
    chinese, _ = pages(card())
    assert "### 分组结果：参保规模" in chinese
    assert "| 不足30人 | 900 | 10.0% | 0.310 | 40.0% | 30.0% | 0.090 | 12.0% |" in chinese
    assert "| 300人及以上 | 40 | — | — | — | — | — | — |" in chinese


def test_period_calibration_hashes_and_themes_are_listed() -> None:
    chinese, english = pages(card())
    assert chinese.count("\n| 10 | 40 |") == 1
    assert f"| 训练数据哈希 | {'d' * 64} |" in chinese
    assert "| scikit-learn | 1." in english
    assert "用工2项、出口1项" in chinese
    assert "2023-01—2025-03，90000行，其中发生9000行（10.0%）" in chinese
    assert "未来3个月参保减少20%以上 `loss20`" in chinese
    assert "检验月份：2025-07、2025-08" in chinese


def test_simulated_training_is_said_at_the_top() -> None:
    assert "模拟数据" not in card()
    chinese, english = pages(card(is_simulated=True))
    assert chinese.index("模拟数据") < chinese.index("## 它是什么")
    assert "simulated" in english


def test_a_bar_in_a_name_does_not_break_the_table() -> None:
    assert "| 甲\\|乙 | 900 |" in card(groups={"county": {"甲|乙": measures()}})


def test_a_model_without_months_is_still_a_card() -> None:
    assert "| 训练数据 | ———，90000行" in card(replace(FACTS, trained_on=()))
