"""Whoever computes the parts of a night, and however large they are: the same rows, bit for bit."""

import shutil
from pathlib import Path

import nights
import pytest
from computing import TABLES, computed
from conftest import NOW

from pipelines import nightly
from pipelines.engines.local import Here, Processes
from pipelines.means import Means
from pipelines.nightly import Night
from pipelines.settings import Home
from pipelines.stages import features


def test_parts_of_any_size_in_other_processes_are_the_night_bit_for_bit(night: Night) -> None:
    here = computed(night, None)
    assert len(here["risk.score"]) > 200
    assert any(row[4] is not None for row in here["risk.score"]), "a model leads"
    for engine in (Processes(2, part_size=97), Processes(2, part_size=1000), Here(part_size=97)):
        apart = computed(night, engine)
        for table in TABLES:
            assert apart[table] == here[table], (table, engine)
    assert computed(night, None) == here, "and back again"


def test_slabs_in_many_buckets_give_the_same_edition(
    between_home: Path, issued_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("pipelines.facts", "pipelines.stages.core.rests"):
        monkeypatch.setattr(f"{module}.BUCKET_SIZE", 64)
    home = Home(shutil.copytree(between_home, tmp_path / "home", symlinks=True))
    nightly.run(Means(home=home, now=NOW), as_of=nights.SECOND, cutoff=nights.cutoff_of(nights.SECOND))
    assert len(list((home.core / "enterprise_month" / "2026-09-01").glob("*/*-64.parquet"))) == 5
    assert nights.digests(home.editions) == nights.digests(Home(issued_home).editions)


@pytest.mark.proof
def test_parts_of_one_enterprise_are_the_night_bit_for_bit(night: Night) -> None:
    here = computed(night, None)
    apart = computed(night, Processes(2, part_size=1))
    assert len(list((night.run.home.core / "features").glob("*/*-1.parquet"))) > 200
    for table in TABLES:
        assert apart[table] == here[table], table


def test_parts_that_were_finished_are_not_computed_again(night: Night) -> None:
    whole = computed(night, Processes(2, part_size=60))
    written = sorted(path for kind in ("features", "risk") for path in (night.run.home.core / kind).rglob("*.parquet"))
    lost, *kept = written
    lost.unlink()
    before = {path: path.stat().st_mtime_ns for path in kept}
    assert computed(night, Processes(2, part_size=60)) == whole
    assert lost.is_file()
    assert {path: path.stat().st_mtime_ns for path in kept} == before


def test_what_a_part_raises_ends_the_night(night: Night) -> None:
    computed(night, Processes(1, part_size=60))
    (damaged,) = sorted((night.run.home.core / "features").glob("*/000000000000-60.parquet"))
    damaged.write_bytes(b"not parquet")
    with pytest.raises(Exception, match=r"(?i)parquet|magic"):
        features.run(night.run, night.warehouse, engine=Processes(1, part_size=60))
