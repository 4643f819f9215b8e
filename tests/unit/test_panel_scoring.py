"""Canonical panels: read, checked, learned from and scored, with nothing of the future in any score."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner
from learning_panel import canonical as made
from learning_panel import quick_panel_settings

from models.labels import labels_of
from models.validate import auc
from models.variants import PANEL_VARIANTS
from pipelines import panel_scoring, parameters
from pipelines.cli import main
from pipelines.errors import DeliveryError, UsageError
from pipelines.panel_scoring import OUTPUT, Request, origins_of, score_panel
from pipelines.stages.features import canonical
from pipelines.stages.features.masked import MISSING

JUNE, JULY = date(2023, 6, 1), date(2023, 7, 1)
REQUEST = Request(label="loss20", origins=(JUNE, JULY), minimum_insured=10)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    quick_panel_settings(monkeypatch)


def silent(_: str) -> None:
    pass


def scores(training: pl.DataFrame, panel: pl.DataFrame, request: Request = REQUEST) -> pl.DataFrame:
    return score_panel([training], panel, request, say=silent)[0]


@pytest.fixture(scope="module")
def training() -> pl.DataFrame:
    return made()


@pytest.fixture(scope="module")
def panel() -> pl.DataFrame:
    return made(first=date(2023, 1, 1), seed=2, prefix="n")


def test_every_employer_with_enough_insured_is_scored_at_each_origin(
    training: pl.DataFrame, panel: pl.DataFrame
) -> None:
    found = scores(training, panel)
    asked = panel.filter(pl.col("month").is_in([JUNE, JULY]) & (pl.col("insured") >= 10))
    assert tuple(found.columns) == OUTPUT
    assert found.select("enterprise_id", "origin", "insured").equals(
        asked.sort("month", "enterprise_id").select("enterprise_id", pl.col("month").alias("origin"), "insured")
    )
    assert found.null_count().sum_horizontal()[0] == 0
    assert found["probability"].is_between(0, 1).all()
    assert (found["expected_loss"] <= found["insured"] * found["probability"]).all()


def test_the_planted_shrinkers_are_found(training: pl.DataFrame, panel: pl.DataFrame) -> None:
    later = panel.filter(pl.col("month") == date(2023, 9, 1)).select("enterprise_id", pl.col("insured").alias("after"))
    found = scores(training, panel, Request("loss20", (JUNE,), 10)).join(later, on="enterprise_id", how="left")
    event = found.select(pl.col("after").fill_null(0) * 5 <= pl.col("insured") * 4).to_series().to_numpy()
    assert auc(event, found["probability"].to_numpy()) > 0.85


def test_scoring_twice_gives_the_same_bytes(training: pl.DataFrame, panel: pl.DataFrame, tmp_path: Path) -> None:
    for name in ("a.parquet", "b.parquet", "a.csv", "b.csv"):
        panel_scoring.write_scores(scores(training, panel), tmp_path / name)
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_no_month_after_the_origin_moves_a_score(training: pl.DataFrame, panel: pl.DataFrame) -> None:
    revised = panel.with_columns(
        insured=pl.when(pl.col("month") > JULY).then(pl.col("insured") * 3 + 1).otherwise("insured"),
        industry=pl.when(pl.col("month") > JULY).then(pl.lit("999999")).otherwise("industry"),
        wage_mean=pl.when(pl.col("month") > JULY).then(None).otherwise("wage_mean"),
    )
    cut = panel.filter(pl.col("month") <= JULY)
    expected = scores(training, panel)
    assert expected.equals(scores(training, revised))
    assert expected.equals(scores(training, cut))
    moved = panel.with_columns(
        insured=pl.when(pl.col("month") == JUNE).then(pl.col("insured") + 5).otherwise("insured")
    )
    assert not expected.equals(scores(training, moved))


def test_the_order_of_the_rows_moves_no_score(training: pl.DataFrame, panel: pl.DataFrame) -> None:
    shuffled = (frame.sample(fraction=1, shuffle=True, seed=3) for frame in (training, panel))
    assert scores(training, panel).equals(scores(*shuffled))


NARROW = {
    "without wages": [pl.lit(None, dtype=pl.Float64).alias(name) for name in ("wage_mean", "contribution")],
    "one industry": [pl.lit("561000").alias("industry")],
    "no industry or area": [pl.lit(None, dtype=pl.String).alias(name) for name in ("industry", "area")],
}


@pytest.mark.parametrize("name", sorted(NARROW))
def test_a_panel_that_lacks_something_is_scored_all_the_same(
    name: str, training: pl.DataFrame, panel: pl.DataFrame
) -> None:
    whole = scores(training, panel)
    for frames in ((training.with_columns(NARROW[name]), panel), (training, panel.with_columns(NARROW[name]))):
        found = scores(*frames)
        assert found.height == whole.height
        assert found["probability"].n_unique() > 10


@pytest.mark.parametrize("months", [4, 6, 8])
def test_a_short_history_is_enough(months: int, panel: pl.DataFrame) -> None:
    request = Request("loss20", (date(2023, months, 1),), 10)
    cut = panel.filter(pl.col("month") <= request.origins[0])
    found = scores(made(months=months), cut, request)
    assert found.height > 100
    assert not found["probability"].is_nan().any()


def test_several_panels_teach_together(training: pl.DataFrame, panel: pl.DataFrame) -> None:
    second = made(first=date(2022, 1, 1), seed=5)
    _, trained = score_panel([training, second], panel, REQUEST, say=silent)
    assert trained.trained_on[0] == date(2021, 1, 1)
    assert trained.trained_on[-1] == date(2022, 9, 1)
    judged = {(entry["variant"], entry["window"]) for entry in trained.evidence}
    assert {name for name, _ in judged} == {variant.name for variant in PANEL_VARIANTS}
    assert {window[:4] for _, window in judged} == {"2022"}, "the last windows are those of the later year"


def read(frame: pl.DataFrame, *, share: float = 0.2, minimum: int = 3) -> canonical.Canonical:
    return canonical.read(frame, break_share=share, break_minimum=minimum)


def test_an_employer_gone_has_nobody_insured_and_one_not_yet_there_is_unknown() -> None:
    frame = made(enterprises=30, months=6)
    frame = frame.filter(~((pl.col("enterprise_id") == "e0001") & (pl.col("month") >= date(2021, 5, 1))))
    frame = frame.filter(~((pl.col("enterprise_id") == "e0002") & (pl.col("month") <= date(2021, 4, 1))))
    levels = read(frame).insurance.levels.raw(MISSING)
    assert levels[4:, 1].tolist() == [0, 0]
    assert levels[:4, 2].tolist() == [MISSING] * 4


def test_employers_that_vanish_with_a_break_are_unknown_until_they_come_back() -> None:
    april, june = date(2021, 4, 1), date(2021, 6, 1)
    lost = pl.col("enterprise_id").is_in([f"e{n:04d}" for n in range(15)])
    frame = made(enterprises=30, months=7, seed=8)
    frame = frame.filter(~(lost & (pl.col("month") >= april) & (pl.col("month") < june)))
    found = read(frame)
    assert found.broken_months == (april,)
    before = found.insurance.present[2]
    assert not found.insurance.levels.valid[3:5, :15].any()
    assert found.insurance.levels.valid[5, :15][before[:15]].all()


def test_a_break_is_no_event_and_an_ordinary_month_is_no_break() -> None:
    frame = made(enterprises=200, months=9)
    april = date(2021, 4, 1)
    half = frame.filter(~((pl.col("month") >= april) & (pl.col("enterprise_id") < "e0100")))
    assert read(frame, minimum=50).broken_months == ()
    limits = parameters.load(JULY)
    label = labels_of(limits["labels"])["loss20"]
    taught = panel_scoring.training_panel([half], label, limits, REQUEST, say=silent)
    known = taught.filter("loss20_3m_known")
    assert set(known["origin"].unique()) == {april, date(2021, 5, 1), date(2021, 6, 1)}
    assert known["loss20_3m_event"].mean() < 0.4


FAULTS = {
    "no column area": lambda frame: frame.drop("area"),
    "no rows": lambda frame: frame.head(0),
    "two rows in one month": lambda frame: pl.concat([frame, frame.head(1)]),
    "insured is negative": lambda frame: frame.with_columns(insured=-pl.col("insured")),
    "not whole": lambda frame: frame.with_columns(insured=pl.col("insured") + 0.5),
    "not its first day": lambda frame: frame.with_columns(month=pl.col("month").dt.offset_by("3d")),
    "no enterprise_id or month": lambda frame: frame.with_columns(month=pl.lit(None, dtype=pl.Date)),
}


@pytest.mark.parametrize("words", sorted(FAULTS))
def test_what_is_no_canonical_panel_is_refused_in_words(words: str, panel: pl.DataFrame) -> None:
    with pytest.raises(DeliveryError, match=words):
        read(FAULTS[words](panel))


def test_an_origin_outside_the_panel_and_an_unknown_label_are_refused(
    training: pl.DataFrame, panel: pl.DataFrame
) -> None:
    with pytest.raises(DeliveryError, match="2023-01 to 2023-12"):
        scores(training, panel, Request("loss20", (date(2024, 1, 1),), 10))
    with pytest.raises(UsageError, match="loss20"):
        scores(training, panel, Request("loss99", (JUNE,), 10))
    with pytest.raises(UsageError, match="cannot teach"):
        scores(made(months=3), panel)


def test_nobody_large_enough_gives_an_empty_table(training: pl.DataFrame, panel: pl.DataFrame) -> None:
    found = scores(training, panel, Request("loss20", (JUNE,), 100_000))
    assert found.height == 0
    assert tuple(found.columns) == OUTPUT


def test_origins_are_months_and_ranges_of_months() -> None:
    assert origins_of(["2023-11..2024-01", "2023-12"]) == (date(2023, 11, 1), date(2023, 12, 1), date(2024, 1, 1))
    for text in ("2023-13", "2023", "2023-05..2023-04"):
        with pytest.raises(UsageError, match=text):
            origins_of([text])


def test_the_command_reads_and_writes_parquet_and_csv(
    training: pl.DataFrame, panel: pl.DataFrame, tmp_path: Path
) -> None:
    training.write_parquet(tmp_path / "train.parquet")
    panel.write_csv(tmp_path / "panel.csv")
    common = ["--train", "train.parquet", "--panel", "panel.csv", "--origin", "2023-06..2023-07"]
    arguments = [str(tmp_path / word) if word.endswith((".parquet", ".csv")) else word for word in common]
    for name in ("out.csv", "out.parquet"):
        done = CliRunner().invoke(main, ["-q", "score-panel", *arguments, "--out", str(tmp_path / name)])
        assert done.exit_code == 0, done.output
    expected = scores(training, panel)
    assert pl.read_parquet(tmp_path / "out.parquet").equals(expected)
    assert pl.read_csv(tmp_path / "out.csv", try_parse_dates=True).height == expected.height
    refused = CliRunner().invoke(main, ["score-panel", *arguments[:-1], "2023", "--out", str(tmp_path / "x.csv")])
    assert refused.exit_code == UsageError.exit_code
