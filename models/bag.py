"""Boosted trees several times over, each split seeing a part of the features, their log-odds averaged.

The mean of several fits is steadier than one; contributions stay exact, for it is a blend with equal weights.
"""

from dataclasses import dataclass, field

from models.absence import blanked
from models.estimators import SEED, Blend, Bools, Design, Estimator, Floats, TreeSettings, fit_trees
from models.hedge import Hedged


@dataclass(frozen=True)
class BagSettings:
    """``members`` fits of ``trees``, which differ by their seeds."""

    members: int = 4
    trees: TreeSettings = field(default_factory=TreeSettings)


def fit_bag(
    values: Floats, event: Bools, *, design: Design, settings: BagSettings, apart: tuple[int, ...] = ()
) -> Estimator:
    """Boosted trees as ``fit_trees`` gives them, ``settings.members`` times.

    Every second one neither learns from nor reads the features at ``apart``: what they say, it must find elsewhere.
    """
    members = []
    for member in range(settings.members):
        hidden = apart if member % 2 else ()
        taught = blanked(values, hidden) if hidden else values
        one = fit_trees(taught, event, design=design, settings=settings.trees, seed=SEED + member)
        members.append(Hedged(one, hidden, 0.0) if hidden else one)
    return Blend(tuple(members), tuple([1 / settings.members] * settings.members))
