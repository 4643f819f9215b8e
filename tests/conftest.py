"""What several kinds of tests share: a small generated city, a home, and the real data where they are at hand."""

import shutil
import sys
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "end_to_end"))

import nights
import teaching

from pipelines import contracts as contract_files
from pipelines import demo, nightly
from pipelines.demo import CitySpec
from pipelines.nightly import Means
from pipelines.settings import Home

SHARED = Path(__file__).resolve().parents[2] / "shared"
SMALL = CitySpec(enterprises=300, months=26, until=date(2026, 10, 1), seed=7)
NOW = datetime(2026, 11, 23, 9, 0)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real public data; the test is skipped, saying so, where it is absent."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip("the real public data (../shared/data) are not on this machine")
    return folder


@pytest.fixture(scope="session")
def small_city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generated city of 300 employers and 26 months: ``deliveries.csv``, ``inbox/``, ``truth/``."""
    out = tmp_path_factory.mktemp("city")
    demo.generate_city(Means(home=Home(out), now=NOW), out, SMALL)
    return out


@pytest.fixture(scope="session")
def between_home(small_city: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the edition of the first night and the deliveries of the second; copy it before writing."""
    home = Home(tmp_path_factory.mktemp("between") / "home")
    demo.make_home(home, city="模拟市", simulated=True)
    means = Means(home=home, now=NOW)
    nights.night(means, small_city, nights.FIRST)
    nightly.play(means, schedule=small_city / "deliveries.csv", until=nights.cutoff_of(nights.SECOND))
    return home.root


@pytest.fixture(scope="session")
def issued_home(between_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with two issued editions; copy it before writing."""
    home = Home(shutil.copytree(between_home, tmp_path_factory.mktemp("issued") / "home", symlinks=True))
    means = Means(home=home, now=NOW)
    nightly.run(means, as_of=nights.SECOND, cutoff=nights.cutoff_of(nights.SECOND))
    return home.root


@pytest.fixture(scope="session")
def taught_home(between_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``between_home`` with a model promoted for the second night; copy it before writing."""
    home = Home(shutil.copytree(between_home, tmp_path_factory.mktemp("taught") / "home", symlinks=True))
    teaching.promote_a_model(Means(home=home, now=NOW))
    return home.root


@pytest.fixture(scope="session")
def led_home(taught_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose second edition was made under the promoted model; copy it before writing."""
    home = Home(shutil.copytree(taught_home, tmp_path_factory.mktemp("led") / "home", symlinks=True))
    nightly.run(Means(home=home, now=NOW), as_of=nights.SECOND, cutoff=nights.cutoff_of(nights.SECOND))
    return home.root


@pytest.fixture
def make_home(tmp_path: Path) -> Callable[..., Means]:
    """A maker of homes: ``make_home(name, threads=2)`` gives the means of a new, empty one."""

    def make(name: str = "home", *, threads: int = 2, feeds: Path | None = None) -> Means:
        home = Home(tmp_path / name)
        demo.make_home(home, city="模拟市", simulated=True)
        contract_files.load(feeds)
        return Means(home=home, now=NOW, feeds=feeds, threads=threads)

    return make
