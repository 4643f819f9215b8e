"""`validate-panel` on small panels: its checks find what they look for, its questions do not overlap their answers."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner
from learning_panel import canonical as made
from learning_panel import quick_panel_settings

from models import panel_figures
from pipelines import panel_scoring, panel_validation, poorer_panels
from pipelines.cli import main
from pipelines.errors import UsageError
from pipelines.panel_scoring import Request, origins_of
from pipelines.panel_validation import Question, validate_panel
from pipelines.run import add_months

REQUEST = Request(label="loss20", origins=origins_of(["2023-06..2023-07"]), minimum_insured=10)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small learners: what is tested is what happens around them."""
    quick_panel_settings(monkeypatch)
    monkeypatch.setattr(panel_figures, "RESAMPLES", 20)
    monkeypatch.setattr(panel_validation, "PERMUTATIONS", 4)


def silent(_: str) -> None:
    pass


@pytest.fixture(scope="module")
def panel() -> pl.DataFrame:
    return made(first=date(2023, 1, 1), seed=2, prefix="n")


def question(panel: pl.DataFrame, **changes: Any) -> Question:
    return replace(Question((made(),), panel, REQUEST, name="small", has_poorer=False), **changes)


def test_the_report_of_a_panel_has_its_figures_and_its_checks_pass(panel: pl.DataFrame) -> None:
    facts = validate_panel(question(panel), say=silent)
    assert facts["rankings"]["model"]["auc"] > facts["rankings"]["insured"]["auc"]
    assert {"model", "volatility", "last_fall", "rule_score", "insured", "season"} <= set(facts["rankings"])
    assert facts["checks"]["future"]["changed"] == 0
    assert facts["checks"]["future"]["scores"] >= facts["rows"]
    assert len(facts["checks"]["permuted"]) == panel_validation.PERMUTATIONS
    assert facts["seen"]["seen"]["rows"] == 0
    assert facts["seen"]["unseen"]["rows"] == facts["rows"]


def test_permuted_outcomes_teach_nothing(panel: pl.DataFrame) -> None:
    facts = validate_panel(question(panel), say=silent)
    assert abs(np.mean(facts["checks"]["permuted"]) - 0.5) < 0.2
    assert facts["rankings"]["model"]["auc"] > np.mean(facts["checks"]["permuted"]) + 0.1


def test_a_score_that_knows_the_future_is_caught(panel: pl.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = panel_scoring.features

    def leaking(scored: Any, origins: Any, *rest: Any) -> pl.DataFrame:
        frame = honest(scored, origins, *rest)
        later = scored.insured[frame["enterprise_no"].to_numpy(), -1]
        return frame.with_columns(needed_ratio=pl.Series(later.astype(np.float64)))

    monkeypatch.setattr(panel_scoring, "features", leaking)
    assert validate_panel(question(panel), say=silent)["checks"]["future"]["changed"] > 0


def test_without_a_training_panel_each_month_is_scored_by_what_had_matured(panel: pl.DataFrame) -> None:
    facts = validate_panel(question(panel, training=()), say=silent)
    assert facts["is_rolling"]
    assert facts["trained_on"][-1] == "2023-04", "the last month asked about is July, three months later"
    assert facts["poorer"] == []


def test_training_that_overlaps_what_is_asked_is_kept_out(panel: pl.DataFrame) -> None:
    facts = validate_panel(question(panel, training=(made(), panel)), say=silent)
    assert facts["embargoed_rows"] > 0
    assert max(month for month in facts["trained_on"] if month.startswith("2023")) == "2023-03"
    assert facts["seen"]["unseen"]["rows"] == 0
    assert facts["seen"]["without"]["rows"] == facts["rows"]


def test_an_outcome_not_yet_known_is_no_figure(panel: pl.DataFrame) -> None:
    with pytest.raises(UsageError, match="no outcome"):
        validate_panel(question(panel, request=replace(REQUEST, origins=origins_of(["2023-12"]))), say=silent)


def test_poorer_panels_are_scored_and_their_cost_told(panel: pl.DataFrame) -> None:
    facts = validate_panel(question(panel, has_poorer=True), say=silent)
    told = {one["name"]: one for one in facts["poorer"]}
    assert set(told) == {"whole", *poorer_panels.ALL}
    for one in told.values():
        assert one["scored"] == facts["rows"], one["name"]
        assert one["auc"] > 0.5, one["name"]


def test_half_of_the_enterprises_vanish_in_a_january_and_it_is_called_a_break() -> None:
    long = made(enterprises=300, months=18, first=date(2021, 7, 1))
    assert poorer_panels.break_month(long) == date(2022, 1, 1)
    assert poorer_panels.break_month(made()) == date(2021, 7, 1)
    (halved,), _ = poorer_panels.half_vanish((long,), long, ())
    counts = halved.group_by("month").len().sort("month")["len"].to_list()
    assert counts[6] < 0.6 * counts[5]
    parameters = panel_scoring.parameter_files.load(date(2023, 7, 1))
    assert panel_scoring.read(halved, parameters, say=silent).broken_months == (date(2022, 1, 1),)
    taught = panel_scoring.training_panel(
        [halved], panel_scoring.label_of("loss20", parameters), parameters, REQUEST, say=silent
    )
    known = taught.filter("loss20_3m_known")
    spanning = [add_months(date(2022, 1, 1), -step) for step in (1, 2, 3)]
    assert known.filter(pl.col("origin").is_in(spanning)).is_empty(), "what spans the break is unknown"


def test_a_shuffle_moves_only_what_comes_after_the_origin(panel: pl.DataFrame) -> None:
    june = date(2023, 6, 1)
    shuffled = poorer_panels.shuffled_after(panel, june)
    past = pl.col("month") <= june
    assert shuffled.filter(past).equals(panel.filter(past))
    assert shuffled.height == panel.height
    assert not shuffled.filter(~past)["insured"].equals(panel.filter(~past)["insured"])
    assert sorted(shuffled["insured"]) == sorted(panel["insured"])


def test_the_command_writes_the_page_and_its_charts(panel: pl.DataFrame, tmp_path: Path) -> None:
    made().write_parquet(tmp_path / "train.parquet")
    panel.write_csv(tmp_path / "panel.csv")
    out = tmp_path / "docs" / "report.md"
    out.parent.mkdir()
    asked = ["--train", str(tmp_path / "train.parquet"), "--panel", str(tmp_path / "panel.csv"), "--origin", "2023-06"]
    done = CliRunner().invoke(main, ["-q", "validate-panel", *asked, "--name", "small", "--out", str(out)])
    assert done.exit_code == 0, done.output
    page = out.read_text(encoding="utf-8")
    charts = sorted(path.name for path in (out.parent / "report").iterdir())
    assert len(charts) == 6
    assert all(f"](report/{name})" in page for name in charts)
    assert not any(name in page for name in panel["enterprise_id"].unique().to_list())
    refused = CliRunner().invoke(main, ["-q", "validate-panel", *asked[:-1], "2024-01", "--out", str(out)])
    assert refused.exit_code != 0
