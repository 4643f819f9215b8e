"""Training panels and canonical panels with a planted pattern, for the tests of learning."""

from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest

from models.bag import BagSettings
from models.estimators import Design, TreeSettings
from models.forest import ForestSettings
from models.network import NetworkSettings
from models.train import Settings, Task
from pipelines import panel_scoring
from pipelines.parameters import Parameters
from pipelines.run import add_months

FIRST = date(2022, 1, 1)
TASK = Task(label="loss20", horizon=3, minimum_insured=10)
DESIGN = Design(
    names=("signal", "other", "empty"),
    themes={"signal": "用工", "other": "用工", "empty": "用工"},
    monotone={"signal": 1},
)
SETTINGS = Settings(
    training_minimum=5,
    folds=5,
    season_weight=30,
    without_season_folds=2,
    penalty=0.0003,
    blend_weight=0.25,
    windows=4,
    windows_fewest_origins=3,
    windows_most_rows=10_000,
    most_rows=10_000,
    silence_most_rows=5_000,
    noise=0.01,
    trees=TreeSettings(iterations=30, leaf_rows=20),
)


def training_panel(*, enterprises: int = 300, months: int = 12, seed: int = 1, season: bool = False) -> pl.DataFrame:
    """Rows whose event follows ``signal``, and with ``season`` the industry's month; ``empty`` is never known."""
    draw = np.random.default_rng(seed)
    size = enterprises * months
    number, place = np.tile(np.arange(enterprises), months), np.repeat(np.arange(months), enterprises)
    signal = draw.normal(size=size)
    log_odds = 1.5 * signal - 1.5
    if season:
        log_odds = log_odds + np.where((number % 4 == 0) & (place % 12 % 3 == 0), 3.0, 0.0)
    event = draw.random(size) < 1 / (1 + np.exp(-log_odds))
    insured = draw.integers(10, 300, size)
    return pl.DataFrame(
        {
            "enterprise_no": number,
            "origin": [add_months(FIRST, int(step)) for step in place],
            "insured_persons": insured,
            "industry_division": [str(n % 4) for n in number],
            "county_code": [str(n % 3) for n in number],
            "signal": pl.Series(signal).set(pl.Series(draw.random(size) < 0.1), None),
            "other": draw.normal(size=size),
            "empty": pl.Series([None] * size, dtype=pl.Float64),
            "loss20_3m_known": place < months - 3,
            "loss20_3m_event": event,
            "lost_3m_persons": np.where(event, insured // 2, 0),
        }
    )


def canonical(
    *, enterprises: int = 250, months: int = 12, first: date = date(2021, 1, 1), seed: int = 1, prefix: str = "e"
) -> pl.DataFrame:
    """A canonical panel of employers of three industries, some of them shrinking step by step, some vanishing."""
    draw = np.random.default_rng(seed)
    rows = []
    for number in range(enterprises):
        level, shrinking = int(draw.integers(6, 120)), bool(draw.random() < 0.2)
        start, end = int(draw.integers(0, 4)), months - int(draw.integers(0, 3) if draw.random() < 0.1 else 0)
        for step in range(start, end):
            level = max(level - (int(draw.integers(0, level // 6 + 2)) if shrinking else int(draw.integers(-1, 2))), 1)
            wage = None if level <= 3 else float(900 + draw.integers(0, 400))
            rows.append(
                {
                    "enterprise_id": f"{prefix}{number:04d}",
                    "month": add_months(first, step),
                    "insured": level,
                    "wage_mean": wage,
                    "contribution": None if wage is None else round(wage * level * 0.2, 2),
                    "industry": f"{10 + number % 3}1000",
                    "area": f"area {number % 2}",
                }
            )
    return pl.DataFrame(rows)


def quick_panel_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Panels are learned from by few and small learners, so that a test takes a second."""
    whole = panel_scoring.panel_settings

    def small(parameters: Parameters) -> Settings:
        trees = TreeSettings(iterations=20, leaf_rows=20, share=0.5)
        return replace(
            whole(parameters),
            windows=2,
            bag=BagSettings(members=2, trees=trees),
            forest=ForestSettings(members=10),
            network=NetworkSettings(layers=(8,), passes=5, members=1),
        )

    monkeypatch.setattr(panel_scoring, "panel_settings", small)
