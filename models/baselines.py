"""Rankings without learning, reported beside every result. A challenger that does not beat them is not promoted."""

from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LOWEST = -1e9

BASELINES: Mapping[str, tuple[str, float]] = {
    "volatility": ("insured_volatility_known_ratio", 1.0),
    "last_fall": ("insured_change_1m_ratio", -1.0),
    "arrears": ("arrears_fen", 1.0),
    "us_share": ("export_us_share_12m_ratio", 1.0),
    "rule_score": ("points", 1.0),
}
"""Name → column of the training panel, and the sign that puts the most at risk first."""


def scores(frame: pl.DataFrame) -> dict[str, Floats]:
    """Score of every row by baseline, the higher the more at risk; a row without the value comes last.

    Baselines whose column ``frame`` does not have, or knows nowhere, are left out.
    """
    return {
        name: (frame[column].cast(pl.Float64) * sign).fill_null(LOWEST).to_numpy()
        for name, (column, sign) in BASELINES.items()
        if column in frame.columns and frame[column].null_count() < frame.height
    }


def volatility(frame: pl.DataFrame) -> Floats:
    """Standard deviation of the known monthly changes over the mean level; 0 where fewer than two are known."""
    return frame[BASELINES["volatility"][0]].cast(pl.Float64).fill_null(0.0).to_numpy()
