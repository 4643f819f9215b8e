"""Whoever computes the parts of a night, and however large they are: the same rows, bit for bit."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import nights
import pytest
from conftest import NOW

from pipelines import nightly
from pipelines.engines.local import Processes
from pipelines.means import Means
from pipelines.nightly import Night
from pipelines.settings import Home
from pipelines.stages import features, risk
from pipelines.work import Engine

TABLES = ("features.enterprise", "risk.score", "risk.reason", "risk.drift", "risk.model")


@pytest.fixture
def night(led_home: Path, tmp_path: Path) -> Iterator[Night]:
    """The second night, under a model, up to its core; what it computed before is still there."""
    home = Home(shutil.copytree(led_home, tmp_path / "home", symlinks=True))
    means = Means(home=home, now=NOW)
    with nightly.opened(means, as_of=nights.SECOND, cutoff=nights.cutoff_of(nights.SECOND)) as found:
        yield found


def computed(night: Night, engine: Engine | None) -> dict[str, list[tuple[object, ...]]]:
    """All rows of what features and scores leave behind, in their order."""
    assert features.run(night.run, night.warehouse, engine=engine).adds_up
    assert risk.run(night.run, night.warehouse, model=night.model, engine=engine).adds_up
    keys = {table: ", ".join(night.run.contracts.tables[table].key) or "ALL" for table in TABLES}
    return {table: night.warehouse.rows(f"FROM {table} ORDER BY {keys[table]}") for table in TABLES}


def test_parts_of_any_size_in_other_processes_are_the_night_bit_for_bit(night: Night) -> None:
    here = computed(night, None)
    assert len(here["risk.score"]) > 200
    assert any(row[4] is not None for row in here["risk.score"]), "a model leads"
    for size in (97, 1000):
        apart = computed(night, Processes(2, part_size=size))
        for table in TABLES:
            assert apart[table] == here[table], (table, size)
    assert computed(night, None) == here, "and back again"


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
