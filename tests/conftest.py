"""What several kinds of tests share: a small generated city, a home, and the real data where they are at hand."""

import shutil
import sys
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path

import hypothesis
import pytest

sys.path.insert(0, str(Path(__file__).parent / "end_to_end"))

import nights
import teaching
from sharing import Remembering, common_folder, made_once

from pipelines import contracts as contract_files
from pipelines import demo, nightly
from pipelines.demo import CitySpec
from pipelines.nightly import Means, Night
from pipelines.settings import Home
from pipelines.stages.gate import core_suite, judging

SHARED = Path(__file__).resolve().parents[2] / "shared"
SMALL = CitySpec(enterprises=300, months=26, until=date(2026, 10, 1), seed=7)
NOW = datetime(2026, 11, 23, 9, 0)
SLOW_UNITS = {"test_edition_answers", "test_edition_list", "test_core_facts", "test_corrections", "test_gate_night"}

hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real public data; the test is skipped, saying so, where it is absent."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip("the real public data (../shared/data) are not on this machine")
    return folder


@pytest.fixture(scope="session", autouse=True)
def frames_judged_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A frame that the gate has judged in this session is not judged again by Great Expectations."""
    folder = common_folder(tmp_path_factory) / "judged"
    folder.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        for module in (judging, core_suite):
            patch.setattr(module, "validate", Remembering(module.validate, folder))
        yield


@pytest.fixture(scope="session")
def small_city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generated city of 300 employers and 26 months: ``deliveries.csv``, ``inbox/``, ``truth/``."""

    def make(out: Path) -> None:
        demo.generate_city(Means(home=Home(out), now=NOW), out, SMALL)

    return made_once(tmp_path_factory, "city", make)


@pytest.fixture(scope="session")
def between_home(small_city: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the edition of the first night and the deliveries of the second; copy it before writing."""

    def make(root: Path) -> None:
        home = Home(root)
        demo.make_home(home, city="模拟市", simulated=True)
        means = Means(home=home, now=NOW)
        nights.night(means, small_city, nights.FIRST)
        nightly.play(means, schedule=small_city / "deliveries.csv", until=nights.cutoff_of(nights.SECOND))

    return made_once(tmp_path_factory, "between", make)


@pytest.fixture(scope="session")
def issued_home(between_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with two issued editions; copy it before writing."""

    def make(root: Path) -> None:
        home = Home(shutil.copytree(between_home, root, symlinks=True))
        nightly.run(Means(home=home, now=NOW), as_of=nights.SECOND, cutoff=nights.cutoff_of(nights.SECOND))

    return made_once(tmp_path_factory, "issued", make)


@pytest.fixture(scope="session")
def taught_home(between_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``between_home`` with a model promoted for the second night; copy it before writing."""

    def make(root: Path) -> None:
        teaching.promote_a_model(Means(home=Home(shutil.copytree(between_home, root, symlinks=True)), now=NOW))

    return made_once(tmp_path_factory, "taught", make)


@pytest.fixture(scope="session")
def led_home(taught_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose second edition was made under the promoted model; copy it before writing."""

    def make(root: Path) -> None:
        home = Home(shutil.copytree(taught_home, root, symlinks=True))
        nightly.run(Means(home=home, now=NOW), as_of=nights.SECOND, cutoff=nights.cutoff_of(nights.SECOND))

    return made_once(tmp_path_factory, "led", make)


@pytest.fixture
def night(led_home: Path, tmp_path: Path) -> Iterator[Night]:
    """The second night under the promoted model, opened; what its stages computed before is still there."""
    home = Home(shutil.copytree(led_home, tmp_path / "home", symlinks=True))
    with nightly.opened(
        Means(home=home, now=NOW), as_of=nights.SECOND, cutoff=nights.cutoff_of(nights.SECOND)
    ) as found:
        yield found


@pytest.fixture
def make_home(tmp_path: Path) -> Callable[..., Means]:
    """A maker of homes: ``make_home(name, threads=2)`` gives the means of a new, empty one."""

    def make(name: str = "home", *, threads: int = 2, feeds: Path | None = None) -> Means:
        home = Home(tmp_path / name)
        demo.make_home(home, city="模拟市", simulated=True)
        contract_files.load(feeds)
        return Means(home=home, now=NOW, feeds=feeds, threads=threads)

    return make


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what is long, so that no worker sits alone with it at the end.

    Each of two workers is first given one half of the list and takes from the end of the other's when its own is done:
    so one half begins with the nights, the other with the remaining long ones, and both end with unit tests.
    """
    nights_, quick, long = [], [], []
    for item in items:
        folder = item.path.relative_to(Path(__file__).parent).parts[0]
        slow = "unit" in folder and item.path.stem in SLOW_UNITS
        (nights_ if folder == "end_to_end" else long if slow or folder not in {"unit", "policy"} else quick).append(
            item
        )
    middle = max(len(items) // 2 - len(nights_), 0)
    items[:] = nights_ + quick[:middle] + long + quick[middle:]
