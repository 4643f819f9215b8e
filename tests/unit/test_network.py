"""Networks, bags of trees and the hedge: what they learn, and that what they say can be repeated and explained."""

import numpy as np
import pytest
from numpy.typing import NDArray

from models.bag import BagSettings, fit_bag
from models.errors import UnsupportedModelError
from models.estimators import Blend, Constant, Design, TreeSettings
from models.forest import ForestSettings, fit_forest
from models.hedge import Hedged
from models.network import Network, NetworkSettings, fit_network
from models.validate import auc

DESIGN = Design(names=("signal", "noise", "season"), monotone={"signal": 1})
SMALL = NetworkSettings(layers=(16,), passes=20, members=2, batch=64, rate=0.005)
BAG = BagSettings(members=3, trees=TreeSettings(iterations=20, leaf_rows=20, share=0.34))
Floats = NDArray[np.float64]


def rows(*, seed: int, count: int = 1500) -> tuple[Floats, NDArray[np.bool_]]:
    """Values with tails and gaps, and an event that follows the first of them."""
    draw = np.random.default_rng(seed)
    signal = draw.normal(size=count)
    values = np.column_stack([np.exp(3 * signal), draw.normal(size=count), draw.random(count)])
    values[draw.random(count) < 0.1, 1] = np.nan
    return values, draw.random(count) < 1 / (1 + np.exp(2 - 2 * signal))


def test_a_network_follows_a_heavy_tailed_feature_and_repeats_itself() -> None:
    network = fit_network(*rows(seed=1), SMALL)
    values, event = rows(seed=2)
    assert auc(event, network.log_odds(values)) > 0.8
    assert network.log_odds(values).tobytes() == fit_network(*rows(seed=1), SMALL).log_odds(values).tobytes()


def test_a_network_scores_missing_and_unheard_of_values() -> None:
    network = fit_network(*rows(seed=1), SMALL)
    strange = np.array([[np.nan, np.nan, np.nan], [1e300, -1e300, 0.5]])
    assert np.isfinite(network.log_odds(strange)).all()


def test_the_scale_of_a_feature_does_not_matter_to_a_network() -> None:
    values, event = rows(seed=1)
    scaled = values * np.array([2.0, 1024.0, 0.5])
    same = fit_network(values, event, SMALL).log_odds(values) - fit_network(scaled, event, SMALL).log_odds(scaled)
    assert np.abs(same).max() < 1e-9


def test_a_network_refuses_to_be_explained() -> None:
    network = fit_network(*rows(seed=1), SMALL)
    assert isinstance(network, Network)
    with pytest.raises(UnsupportedModelError, match="no exact contributions"):
        network.contributions(rows(seed=2)[0])


def test_one_outcome_or_no_feature_gives_the_rate() -> None:
    values, event = rows(seed=1)
    assert isinstance(fit_network(values, np.zeros_like(event), SMALL), Constant)
    assert isinstance(fit_network(np.full((1500, 1), np.nan), event, SMALL), Constant)


def test_a_bag_is_a_blend_whose_contributions_add_up() -> None:
    values, event = rows(seed=1)
    bag = fit_bag(values, event, design=DESIGN, settings=BAG)
    assert isinstance(bag, Blend)
    assert len({member.log_odds(values).tobytes() for member in bag.members}) == BAG.members, "seeds differ"
    terms, base = bag.contributions(values)
    np.testing.assert_allclose(base + terms.sum(axis=1), bag.log_odds(values), atol=1e-9)


def test_a_bag_obeys_the_sign_that_the_world_dictates() -> None:
    bag = fit_bag(*rows(seed=1), design=DESIGN, settings=BAG)
    steps = np.column_stack([np.linspace(0.01, 30, 200), np.zeros(200), np.full(200, 0.5)])
    assert (np.diff(bag.log_odds(steps)) >= -1e-12).all()


def test_a_hedge_is_the_mean_with_and_without_and_its_contributions_add_up() -> None:
    values, event = rows(seed=1)
    bag = fit_bag(values, event, design=DESIGN, settings=BAG)
    hedged = Hedged(bag, (2,), 0.75)
    blank = values.copy()
    blank[:, 2] = np.nan
    np.testing.assert_allclose(
        hedged.log_odds(values), 0.75 * bag.log_odds(values) + 0.25 * bag.log_odds(blank), atol=1e-12
    )
    terms, base = hedged.contributions(values)
    np.testing.assert_allclose(base + terms.sum(axis=1), hedged.log_odds(values), atol=1e-9)


def test_every_second_member_of_a_bag_reads_nothing_of_what_is_kept_apart() -> None:
    values, event = rows(seed=1)
    first, second, _ = fit_bag(values, event, design=DESIGN, settings=BAG, apart=(0,)).members  # type: ignore[attr-defined]
    moved = values.copy()
    moved[:, 0] += 5
    np.testing.assert_array_equal(second.log_odds(values), second.log_odds(moved))
    assert (first.log_odds(values) != first.log_odds(moved)).any()


def test_a_forest_learns_repeats_itself_and_refuses_to_be_explained() -> None:
    forest = fit_forest(*rows(seed=1), ForestSettings(members=30))
    values, event = rows(seed=2)
    assert auc(event, forest.log_odds(values)) > 0.8
    assert (
        forest.log_odds(values).tobytes()
        == fit_forest(*rows(seed=1), ForestSettings(members=30)).log_odds(values).tobytes()
    )
    assert forest.log_odds(values[:0]).shape == (0,)
    assert isinstance(fit_forest(values, np.ones_like(event), ForestSettings(members=3)), Constant)
    with pytest.raises(UnsupportedModelError, match="no exact contributions"):
        forest.contributions(values)
