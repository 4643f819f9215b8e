"""What other departments could see of an episode: postings, invoices, meters, wages, order books, the credit register.

The signs are drawn apart from the plan of the episodes, so that they move nothing that was there before. A sudden end
shows none of them, a false beginning one or two in all, a recovery lets them fade. Nothing here is ever delivered.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.synthetic.calibration import calibration, stream
from pipelines.synthetic.population import Flags, Floats
from pipelines.synthetic.shocks import KINDS, Episodes

SIGNS = ("vacancies", "order_book", "invoices", "power", "payroll", "suspension", "lien")
HELD, LET_GO, FORGOTTEN = 2, 5, 3


@dataclass(frozen=True)
class Signs:
    """Which of ``SIGNS`` each episode shows: flags of shape (episodes, signs)."""

    episodes: Episodes
    enterprises: int
    shown: NDArray[np.bool_]

    def at(self, month: int) -> Mapping[str, Floats]:
        """Force of every sign on each employer in ``month``, 0 = nothing, 1 = whole."""
        return {name: self._largest(self._weight(month, number)) for number, name in enumerate(SIGNS)}

    def showing(self, name: str) -> Flags:
        """Whether each episode shows the sign ``name``."""
        return np.asarray(self.shown[:, SIGNS.index(name)])

    def _largest(self, values: Floats) -> Floats:
        combined = np.zeros(self.enterprises)
        np.maximum.at(combined, self.episodes.enterprise, values)
        return combined

    def _weight(self, month: int, number: int) -> Floats:
        """Grow to the event; after a real one hold, then let go slowly; after a recovery fade within three months."""
        episodes = self.episodes
        lead = calibration()["signs"][SIGNS[number]]["lead"]
        start = np.maximum(episodes.event - lead - episodes.ahead, episodes.floor)
        to_event = month - episodes.event
        growing = np.clip((month - start + 1) / np.maximum(episodes.event - start, 1), 0, 1) * 0.6 + 0.4
        holding = np.clip(1 - (to_event - HELD) / LET_GO, 0, 1)
        fading = np.where(episodes.recovers, np.clip(0.75 - to_event / FORGOTTEN, 0, 1), 0.0)
        after = np.where(episodes.real, holding, fading)
        active = self.shown[:, number] & (month >= start)
        return np.where(active, np.where(to_event < 0, growing, after) * episodes.force, 0.0)


def plan_signs(episodes: Episodes, *, enterprises: int, seed: int) -> Signs:
    """Draw which signs each episode shows."""
    rng = stream(seed, "signs")
    numbers, count = calibration()["signs"], len(episodes)
    shown = rng.random((count, len(SIGNS))) < np.array([numbers[name]["share"] for name in SIGNS])
    noise = episodes.kind == KINDS.index("noise")
    return Signs(
        episodes, enterprises, np.where(noise[:, None], _one_more(episodes, count, rng), shown) & _warned(episodes)
    )


def _one_more(episodes: Episodes, count: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """One sign for those false beginnings that show fewer than two already, and not for all of them."""
    single = rng.integers(0, len(SIGNS), size=count)
    few = (episodes.signals.sum(axis=1) < 2) & (rng.random(count) < calibration()["noise_sign_share"])
    chosen = np.zeros((count, len(SIGNS)), dtype=bool)
    chosen[np.arange(count), single] = few | ~episodes.signals.any(axis=1)
    return chosen


def _warned(episodes: Episodes) -> Flags:
    return np.asarray(~episodes.sudden[:, None])
