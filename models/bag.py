"""Boosted trees several times over, each split seeing a part of the features, their log-odds averaged.

The mean of several fits is steadier than one; contributions stay exact, for it is a blend with equal weights.
"""

from dataclasses import dataclass, field

from models.estimators import SEED, Blend, Bools, Design, Estimator, Floats, TreeSettings, fit_trees


@dataclass(frozen=True)
class BagSettings:
    """``members`` fits of ``trees``, which differ by their seeds."""

    members: int = 4
    trees: TreeSettings = field(default_factory=TreeSettings)


def fit_bag(values: Floats, event: Bools, *, design: Design, settings: BagSettings) -> Estimator:
    """Boosted trees as ``fit_trees`` gives them, ``settings.members`` times."""
    members = tuple(
        fit_trees(values, event, design=design, settings=settings.trees, seed=SEED + member)
        for member in range(settings.members)
    )
    return Blend(members, tuple([1 / settings.members] * settings.members))
