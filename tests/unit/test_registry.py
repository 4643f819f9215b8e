"""Models on disk: what was written comes back with the same scores; anything else is refused, in words for officers."""

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import polars as pl
import pytest
from sklearn.tree import DecisionTreeClassifier

from models import errors, model_file, registry
from models.calibrate import Platt
from models.estimators import Blend, Design, TreeSettings, fit_linear, fit_trees
from models.registry import Facts, load, write
from models.seasonal import Seasonal
from models.severity import fit_severity
from models.train import Model

NAMES = ("insured_change_3m_ratio", "arrears_months", "export_us_share_12m_ratio")
COLUMNS = (*NAMES, "insured_persons", "industry_division", "origin")
FACTS = Facts(
    label="loss20",
    horizon_months=3,
    minimum_insured=10,
    features=tuple((name, "用工") for name in NAMES),
    columns=COLUMNS,
    trained_on=("2025-01-01", "2025-02-01"),
    data_hash="d" * 64,
    code_hash="c" * 64,
    parameters_hash="p" * 64,
    words={"forecast_label": "未来3个月参保减少20%以上"},
)
REFERENCE = pl.DataFrame({"feature_name": ["arrears_months"], "bin": [1], "rows": [400]})


def panel(rows: int = 600, *, seed: int = 0) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    values = np.round(random.normal(size=(rows, len(NAMES))), 2)
    values[random.random(values.shape) < 0.2] = np.nan
    frame = pl.DataFrame(dict(zip(NAMES, values.T, strict=True))).fill_nan(None)
    return frame.with_columns(
        pl.Series("enterprise_no", range(rows)),
        pl.Series("insured_persons", random.integers(10, 900, rows)),
        pl.Series("industry_division", random.choice(["13", "39"], rows)),
        pl.lit("2025-01-01").str.to_date().alias("origin"),
    )


def trained() -> Model:
    frame = panel()
    design = Design(names=NAMES, themes=dict.fromkeys(NAMES, "用工"), monotone={NAMES[0]: -1})
    values = design.values(frame)
    event = np.nan_to_num(values[:, 0]) + np.nan_to_num(values[:, 1]) > 0.5
    settings = TreeSettings(iterations=12, leaf_rows=5)
    trees = fit_trees(values, event, design=design, settings=settings)
    blend = Blend((trees, fit_linear(values, event, penalty=0.01)), (0.7, 0.3))
    share = np.clip(np.abs(np.nan_to_num(values[:, 0])), 0.0, 1.0)
    return Model(design, None, Platt(blend, 0.9, -0.1), fit_severity(values, share))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    models = tmp_path_factory.mktemp("models")
    model_id, digest = write(models, trained(), FACTS, card="# 模型卡\n", reference=REFERENCE, probe=panel(seed=1))
    return models / model_id, digest


@pytest.fixture
def folder(written: tuple[Path, str], tmp_path: Path) -> Path:
    """A copy of the written folder that a test may spoil."""
    return Path(shutil.copytree(written[0], tmp_path / written[0].name))


def reseal(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the manifest and make its hashes right again, as a later or a hostile writer would."""
    body = json.loads((folder / "manifest.json").read_bytes())
    body["files"] = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in body["files"]}
    change(body)
    manifest = json.dumps(body).encode()
    (folder / "manifest.json").write_bytes(manifest)
    (folder / "manifest.sha256").write_text(f"{hashlib.sha256(manifest).hexdigest()}  manifest.json\n")


def test_what_was_written_comes_back_with_the_same_bits(written: tuple[Path, str]) -> None:
    folder, digest = written
    artefact, frame = load(folder, columns=COLUMNS, digest=digest), panel(seed=2)
    model = trained()
    assert artefact.model.log_odds(artefact.model.values(frame)).tobytes() == (
        model.log_odds(model.values(frame)).tobytes()
    )
    assert artefact.model.score(frame).equals(model.score(frame))
    assert (artefact.facts, artefact.model_id, artefact.digest) == (FACTS, folder.name, digest)
    assert artefact.reference.equals(REFERENCE)
    assert artefact.versions.keys() == {"python", "numpy", "polars", "scikit-learn", "skops", "wengang"}


def test_the_same_training_gives_the_same_folder_name_and_bytes(written: tuple[Path, str], tmp_path: Path) -> None:
    again, digest = write(tmp_path, trained(), FACTS, card="# 模型卡\n", reference=REFERENCE, probe=panel(seed=1))
    assert (again, digest) == (written[0].name, written[1])
    for path in written[0].iterdir():
        assert (tmp_path / again / path.name).read_bytes() == path.read_bytes()


def test_a_model_that_has_scored_is_written_with_the_same_bytes() -> None:
    model = trained()
    before = model_file.dumps(model)
    model.score(panel())
    assert model_file.dumps(model) == before


def test_seasonal_rates_survive(tmp_path: Path) -> None:
    season = Seasonal(rates={"season_division_ratio": {"01": 0.1, "01\x1f13": 0.25}}, weight=20.0)
    design = trained().design.with_features(season.names, theme="外部", sign=1)
    values = np.column_stack([trained().design.values(panel()), season.encode(panel())])
    model = Model(design, season, fit_linear(values, values[:, 1] > 0, penalty=0.1), fit_severity(values, np.empty(0)))
    model_id, _ = write(tmp_path, model, FACTS, card="", reference=REFERENCE, probe=panel())
    found = load(tmp_path / model_id, columns=COLUMNS).model
    assert found.season == season
    assert found.score(panel(seed=3)).equals(model.score(panel(seed=3)))


def test_the_probe_holds_no_identifier(written: tuple[Path, str]) -> None:
    probe = pl.read_parquet(written[0] / "probe.parquet")
    assert probe.columns == [*COLUMNS, "log_odds", "expected_loss"]
    assert probe.height == registry.PROBE_ROWS


@pytest.mark.parametrize("name", [*registry.FILES, registry.MANIFEST, registry.SEAL])
def test_a_flipped_bit_in_any_file_is_refused(folder: Path, name: str) -> None:
    content = (folder / name).read_bytes()
    for place in (0, len(content) // 2, len(content) - 1):
        spoilt = bytearray(content)
        spoilt[place] ^= 1
        (folder / name).write_bytes(spoilt)
        with pytest.raises(errors.DamagedArtefactError, match="its hash differs") as refused:
            load(folder, columns=COLUMNS)
        assert refused.value.officers == "模型文件校验不一致（可能损坏或被改动），改用规则评分。"


@pytest.mark.parametrize("name", [*registry.FILES, registry.MANIFEST, registry.SEAL])
def test_a_truncated_file_is_refused(folder: Path, name: str) -> None:
    content = (folder / name).read_bytes()
    for length in (0, len(content) - 1):
        (folder / name).write_bytes(content[:length])
        with pytest.raises(errors.DamagedArtefactError):
            load(folder, columns=COLUMNS)


@pytest.mark.parametrize("name", [*registry.FILES, registry.MANIFEST, registry.SEAL])
def test_a_missing_file_is_refused(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(errors.MissingArtefactError, match=name) as refused:
        load(folder, columns=COLUMNS)
    assert refused.value.officers == "模型文件缺失，改用规则评分。"


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(errors.MissingArtefactError, match="loss20-3m-0"):
        load(tmp_path / "loss20-3m-0", columns=COLUMNS)


def test_a_sound_folder_that_was_not_promoted_is_refused(written: tuple[Path, str]) -> None:
    with pytest.raises(errors.DamagedArtefactError):
        load(written[0], columns=COLUMNS, digest="0" * 64)


def test_a_newer_format_is_refused_before_its_files_are_read(folder: Path) -> None:
    (folder / "model.skops").write_bytes(b"another container")
    reseal(folder, lambda body: body.update(format=registry.FORMAT + 1))
    with pytest.raises(errors.NewerFormatError, match="update Wengang") as refused:
        load(folder, columns=COLUMNS)
    assert "升级" in refused.value.officers


def foreign(schema: dict[str, Any]) -> None:
    schema |= {"__class__": "system", "__module__": "os", "__loader__": "FunctionNode"}


def by_reduction(schema: dict[str, Any]) -> None:
    schema["__loader__"] = "ReduceNode"


@pytest.mark.parametrize(("change", "named"), [(foreign, "os.system"), (by_reduction, "ReduceNode")])
def test_a_foreign_type_or_way_of_construction_is_refused(
    folder: Path, change: Callable[[dict[str, Any]], None], named: str
) -> None:
    path = folder / "model.skops"
    with ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(parts["schema.json"])
    change(schema["content"]["content"]["severity"])
    parts["schema.json"] = json.dumps(schema).encode()
    with ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    reseal(folder, lambda body: None)
    with pytest.raises(errors.ForeignTypeError, match=named) as refused:
        load(folder, columns=COLUMNS)
    assert refused.value.officers == "模型文件含有未经许可的内容，已拒绝载入，改用规则评分。"


def test_an_estimator_that_skops_itself_trusts_is_not_written() -> None:
    tree = DecisionTreeClassifier(max_depth=1).fit([[0.0], [1.0]], [0, 1])
    with pytest.raises(errors.ForeignTypeError, match="DecisionTreeClassifier"):
        model_file.dumps(replace(trained(), estimator=tree))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no zip at all"], ids=["empty", "a head", "words"])
def test_bytes_that_are_no_model_are_refused(content: bytes) -> None:
    with pytest.raises(errors.DamagedArtefactError, match="cannot be read"):
        model_file.loads(content)


def test_an_archive_without_its_arrays_is_refused() -> None:
    with ZipFile(BytesIO(model_file.dumps(trained()))) as archive:
        schema = archive.read("schema.json")
    alone = BytesIO()
    with ZipFile(alone, "w") as archive:
        archive.writestr("schema.json", schema)
    with pytest.raises(errors.DamagedArtefactError):
        model_file.loads(alone.getvalue())


def test_a_night_without_a_column_is_refused_by_name(written: tuple[Path, str]) -> None:
    with pytest.raises(errors.MissingFeaturesError, match="arrears_months") as refused:
        load(written[0], columns=[name for name in COLUMNS if name != "arrears_months"])
    assert refused.value.officers == "当期特征缺少模型所需的1项，改用规则评分。"


def test_another_environment_is_accepted_only_with_the_same_scores(folder: Path) -> None:
    def other_version(body: dict[str, Any]) -> None:
        body["versions"]["scikit-learn"] = "1.8.0"

    reseal(folder, other_version)
    assert load(folder, columns=COLUMNS).versions["scikit-learn"] == "1.8.0"
    probe = pl.read_parquet(folder / "probe.parquet")
    probe.with_columns(pl.col("log_odds") + 1e-6).write_parquet(folder / "probe.parquet")
    reseal(folder, other_version)
    with pytest.raises(errors.DifferentScoresError, match=r"differs in scikit-learn 1\.9") as refused:
        load(folder, columns=COLUMNS)
    assert refused.value.officers == "模型在本机的计算结果与存档不一致，改用规则评分。"


def test_scores_that_cannot_be_computed_are_refused(folder: Path) -> None:
    pl.read_parquet(folder / "probe.parquet").drop("insured_persons").write_parquet(folder / "probe.parquet")
    reseal(folder, lambda body: None)
    with pytest.raises(errors.DifferentScoresError, match="cannot be computed"):
        load(folder, columns=COLUMNS)


def test_a_killed_writing_leaves_nothing_that_could_be_loaded_and_is_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write_it() -> tuple[str, str]:
        return write(tmp_path, model, FACTS, card="", reference=REFERENCE, probe=panel())

    def killed(self: Path, target: Path) -> Path:
        raise KeyboardInterrupt

    model = trained()
    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", killed)
        with pytest.raises(KeyboardInterrupt):
            write_it()
    assert [path.name[:9] for path in tmp_path.iterdir()] == [".writing-"]
    model_id, _ = write_it()
    assert [path.name for path in tmp_path.iterdir()] == [model_id]


def test_writing_again_mends_a_damaged_folder(folder: Path) -> None:
    (folder / "card.md").write_text("changed")
    write(folder.parent, trained(), FACTS, card="# 模型卡\n", reference=REFERENCE, probe=panel(seed=1))
    assert load(folder, columns=COLUMNS).model_id == folder.name
