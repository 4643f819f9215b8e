"""The wheel is whole: what a home needs is in it, and it works where neither the tree nor the network is."""

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("pipelines", "models", "sql")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree, built without the network."""
    out = tmp_path_factory.mktemp("wheel")
    _done([sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)])
    (built,) = out.glob("*.whl")
    return built


def test_the_wheel_holds_every_file_of_its_packages(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    shipped = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith(".")
    }
    assert sorted(shipped - held) == []
    assert sorted(name for name in held - shipped if ".dist-info/" not in name) == []


@pytest.mark.parametrize(
    "suffix",
    ["sql/columns/record.yml", "sql/core/vacancy_month.sql", "sql/feeds/insurance_month.yml", "sql/checks/core.yml"],
)
def test_the_wheel_holds_contracts_and_queries(wheel: Path, suffix: str) -> None:
    assert suffix in zipfile.ZipFile(wheel).namelist()


@pytest.mark.parametrize(
    ("folder", "suffix"),
    [
        ("pipelines/parameters/", ".yml"),
        ("pipelines/templates/", ".j2"),
        ("pipelines/stages/report/templates/", ".j2"),
        ("pipelines/stages/alert/templates/", ".j2"),
        ("pipelines/synthetic/", ".csv"),
        ("pipelines/synthetic/", ".yml"),
        ("sql/codes/", ".csv"),
    ],
)
def test_the_wheel_holds_what_is_no_code(wheel: Path, folder: str, suffix: str) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert [name for name in names if name.startswith(folder) and name.endswith(suffix)]


def test_the_wheel_is_called_wengang_and_brings_its_command(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    info = next(name for name in archive.namelist() if name.endswith("entry_points.txt"))
    assert wheel.name.startswith("wengang-")
    assert "wengang = pipelines.cli:main" in archive.read(info).decode()
    assert any(name.endswith("licenses/LICENSE") for name in archive.namelist())


@pytest.mark.proof
def test_the_installed_wheel_plays_a_city_elsewhere(wheel: Path, tmp_path: Path) -> None:
    """A new environment sees the dependencies of this one through a path file, and of wengang the wheel only."""
    environment, elsewhere = tmp_path / "environment", tmp_path / "elsewhere"
    elsewhere.mkdir()
    _done([sys.executable, "-m", "venv", str(environment)])
    python = environment / "bin" / "python"
    _done([str(python), "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", str(wheel)])
    packages = next((environment / "lib").glob("python*")) / "site-packages"
    (packages / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n", encoding="utf-8")

    where = _done([str(python), "-c", "import pipelines; print(pipelines.__file__)"], cwd=elsewhere)
    assert Path(where.strip()).is_relative_to(packages)
    command = [str(environment / "bin" / "wengang"), "--home", "home", "demo", "--enterprises", "300", "--months", "26"]
    said = _done(command, cwd=elsewhere)

    home = elsewhere / "home"
    assert said.count("已发布") == 3
    assert (home / "published" / "current.duckdb").exists()
    assert len(list((home / "editions").glob("*/r1/*.xlsx"))) >= 3
    count = _done(
        [str(environment / "bin" / "wengang"), "--home", "home", "sql", "SELECT count(*) FROM out.edition"], elsewhere
    )
    assert "1" in count


def _done(command: list[str], cwd: Path | None = None) -> str:
    clean = {
        key: value for key, value in os.environ.items() if key not in {"PYTHONPATH", "WENGANG_HOME", "VIRTUAL_ENV"}
    }
    done = subprocess.run(command, cwd=cwd, env=clean, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout
