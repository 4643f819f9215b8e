"""The small table of peers' sums: integers per industry division, summed over all buckets before any kernel runs.

Integer sums do not depend on their order, so buckets may come from anywhere in any order.
"""

from dataclasses import dataclass

import numpy as np

from pipelines.stages.features.masked import Ints, Masked, at, empty
from pipelines.stages.features.panel import Insurance

SPAN = 3


@dataclass(frozen=True)
class CityMonth:
    """Insured persons of the city a month before and in the month, over enterprises known in both."""

    before: int
    now: int

    def festival_loss(self, persons: Ints) -> Ints:
        """The part of ``persons`` that the city as a whole lost in the month, rounded down."""
        lost = max(self.before - self.now, 0)
        return persons * lost // max(self.before, 1)


@dataclass(frozen=True)
class Peers:
    """Per division: insured persons ``SPAN`` months before and in the month; and the city's month."""

    earlier: Ints
    later: Ints
    city: CityMonth


def sums(panel: Insurance, t: int, *, division: Ints, divisions: int) -> Peers:
    """The sums of one bucket for the origin at row ``t``; ``division`` is −1 where the industry is unknown."""
    before, then, now = at(panel.levels, t - 1), at(panel.levels, t - SPAN), at(panel.levels, t)
    both = now.valid & then.valid & (division >= 0)
    earlier, later = np.zeros(divisions, dtype=np.int64), np.zeros(divisions, dtype=np.int64)
    np.add.at(earlier, division[both], then.values[both])
    np.add.at(later, division[both], now.values[both])
    pair = before.valid & now.valid
    city = CityMonth(before=int(before.values[pair].sum()), now=int(now.values[pair].sum()))
    return Peers(earlier=earlier, later=later, city=city)


def add(left: Peers, right: Peers) -> Peers:
    """Two buckets together."""
    city = CityMonth(before=left.city.before + right.city.before, now=left.city.now + right.city.now)
    return Peers(earlier=left.earlier + right.earlier, later=left.later + right.later, city=city)


def features(peers: Peers, division: Ints, *, minimum_persons: int) -> dict[str, Masked]:
    """Net loss of the enterprise's division, and the share of comparable divisions that lose more."""
    comparable = peers.earlier >= max(minimum_persons, 1)
    if not len(comparable) or not comparable.any():
        nothing = empty(len(division))
        return {"peer_net_loss_ratio": nothing, "peer_rank_ratio": nothing}
    loss = np.where(comparable, (peers.earlier - peers.later) / np.maximum(peers.earlier, 1), 0.0)
    higher = (loss[np.newaxis, :] > loss[:, np.newaxis]) & comparable[np.newaxis, :]
    rank = np.count_nonzero(higher, axis=1) / np.count_nonzero(comparable)
    place = np.maximum(division, 0)
    valid = (division >= 0) & comparable[place]
    return {
        "peer_net_loss_ratio": Masked(np.where(valid, loss[place], 0.0), valid),
        "peer_rank_ratio": Masked(np.where(valid, rank[place], 0.0), valid),
    }
