"""What is asked of learning: the event to be foreseen, and the contestable numbers of the way there."""

from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models import labels, splits
from models.bag import BagSettings
from models.estimators import Bools, TreeSettings
from models.forest import ForestSettings
from models.network import NetworkSettings


@dataclass(frozen=True)
class Task:
    """What is to be foreseen: a label at a horizon in months, asked of enterprises of ``minimum_insured`` and more."""

    label: str
    horizon: int
    minimum_insured: int

    def rows(self, panel: pl.DataFrame, *, minimum: int, most: int | None = None) -> pl.DataFrame:
        """The rows of ``panel`` with a known outcome and at least ``minimum`` insured, by origin and enterprise.

        Where they are more than ``most``: those of a sample of enterprises.
        """
        known = pl.col(labels.known_column(self.label, self.horizon)) & (pl.col("insured_persons") >= minimum)
        wanted = panel.select(known.fill_null(value=False)).to_series()
        found = int(wanted.sum())
        if most is not None and found > most:
            wanted &= pl.Series(splits.sample(panel["enterprise_no"].to_numpy(), share=most / found))
        return panel.filter(wanted).sort("origin", "enterprise_no")

    def event(self, rows: pl.DataFrame) -> Bools:
        """Whether each row had the event."""
        return rows[labels.event_column(self.label, self.horizon)].to_numpy().astype(np.bool_)

    def lost(self, rows: pl.DataFrame) -> NDArray[np.int64]:
        """Persons lost by the end point; 0 where the panel does not tell."""
        column = labels.lost_column(self.horizon)
        return rows[column].fill_null(0).to_numpy().astype(np.int64)


@dataclass(frozen=True)
class Settings:
    """The contestable numbers of learning.

    A window taught by fewer than ``windows_fewest_origins`` origins says little about a model taught by more, and two
    variants within ``noise`` of average precision do not differ. With ``has_rates`` the rates of all seasons together
    stand beside the carry-over, of which a hedged variant believes ``season_share``. Fewer than
    ``calibration_fewest_windows`` windows with a say cannot recalibrate. More than ``most_rows`` rows teach
    by a sample, and what a silent source does to the scores is found on ``silence_most_rows``.
    """

    training_minimum: int
    folds: int
    season_weight: float
    without_season_folds: int
    penalty: float
    trees: TreeSettings
    blend_weight: float
    windows: int
    windows_fewest_origins: int
    windows_most_rows: int
    most_rows: int
    silence_most_rows: int
    noise: float
    has_rates: bool = False
    season_share: float = 1.0
    calibration_fewest_windows: int = 2
    bag: BagSettings = field(default_factory=BagSettings)
    forest: ForestSettings = field(default_factory=ForestSettings)
    network: NetworkSettings = field(default_factory=NetworkSettings)
