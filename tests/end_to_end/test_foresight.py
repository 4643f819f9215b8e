"""`score-panel` on real public rolls: taught by 2020, asked about a year that it has never seen."""

import sys
from pathlib import Path

import polars as pl
import pytest

from models.validate import average_precision
from models.variants import PANEL_VARIANTS
from pipelines.panel_scoring import OUTPUT, Request, origins_of, score_panel

ROOT = Path(__file__).resolve().parents[2]
REQUEST = Request(label="loss20", origins=origins_of(["2023-04..2023-09"]), minimum_insured=10)

pytestmark = [pytest.mark.shared, pytest.mark.proof]


@pytest.fixture(scope="module")
def rolls(shared_data: Path) -> dict[int, pl.DataFrame]:
    """The canonical panels of both years."""
    paths = {year: shared_data / "sodra" / f"lt_{year}.parquet" for year in (2020, 2023)}
    for path in paths.values():
        if not path.is_file():
            pytest.skip(f"the public roll {path.name} is not among the real public data")
    sys.path.insert(0, str(ROOT))
    from benchmarks.score_panel import canonical_roll

    return {year: canonical_roll(path) for year, path in paths.items()}


def test_a_year_never_seen_is_foreseen_a_quarter_better_than_by_volatility(rolls: dict[int, pl.DataFrame]) -> None:
    from benchmarks.score_panel import judge

    scores, trained = score_panel([rolls[2020]], rolls[2023], REQUEST, say=lambda _: None)
    judged = judge(scores, rolls[2023], label=REQUEST.label)
    assert tuple(scores.columns) == OUTPUT
    assert (len(judged.event), round(float(judged.event.mean()), 3)) == (15_949, 0.142)
    own, base = (average_precision(judged.event, judged.score(n)) for n in ("probability", "baseline_volatility"))
    assert own >= 1.25 * base
    assert own > 0.54, "what this way of learning is known to reach"
    assert trained.variant in {variant.name for variant in PANEL_VARIANTS}
    assert abs(judged.score("probability").mean() - judged.event.mean()) < 0.03


def test_an_employer_not_in_the_training_year_is_scored_like_the_others(rolls: dict[int, pl.DataFrame]) -> None:
    from benchmarks.score_panel import judge

    old = set(rolls[2020]["enterprise_id"].unique().to_list())
    apart = rolls[2020].filter(~pl.col("enterprise_id").is_in(rolls[2023]["enterprise_id"].unique().to_list()))
    scores, _ = score_panel([apart], rolls[2023], REQUEST, say=lambda _: None)
    judged = judge(scores, rolls[2023], label=REQUEST.label)
    new = ~judged.rows["enterprise_id"].is_in(list(old)).to_numpy()
    own, base = (
        average_precision(judged.event[new], judged.score(n)[new]) for n in ("probability", "baseline_volatility")
    )
    assert own > 1.2 * base
