"""The installer of a bundle: it refuses what is damaged or does not fit, and switches between releases in one step."""

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from carried import install, make_bundle

from deploy.bundle import SUMS, sums


def _flip(folder: Path) -> None:
    path = folder / "dags" / "nightly.py"
    path.write_text("# 9.9\n", encoding="utf-8")


def _remove(folder: Path) -> None:
    (folder / "requirements.lock").unlink()


def _add(folder: Path) -> None:
    (folder / "wheels" / "needed-2.0-1-py3-none-any.whl").write_bytes(b"foreign")


def _shorten_list(folder: Path) -> None:
    lines = (folder / SUMS).read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / SUMS).write_text("".join(line for line in lines if "needed" not in line), encoding="utf-8")


def _garble_list(folder: Path) -> None:
    with (folder / SUMS).open("a", encoding="utf-8") as file:
        file.write("not a line of sums\n")


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (_flip, "dags/nightly.py"),
        (_remove, "requirements.lock"),
        (_add, "needed-2.0-1-py3-none-any.whl"),
        (_shorten_list, "wheels/needed-2.0-py3-none-any.whl"),
        (_garble_list, "improperly formatted"),
    ],
)
def test_a_damaged_bundle_is_refused_and_named(tmp_path: Path, damage: Callable[[Path], None], named: str) -> None:
    bundle = make_bundle(tmp_path / "bundle")
    damage(bundle)
    done = install(bundle, "--prefix", str(tmp_path / "prefix"), "--python", sys.executable)
    assert done.returncode == 5, done.stderr
    assert named in done.stderr
    assert "错误：" in done.stderr
    assert not (tmp_path / "prefix").exists()


@pytest.mark.parametrize(
    ("fact", "value", "named"),
    [
        ("python", "3.99", "needed: CPython 3.99"),
        ("machine", "sparc", "needed: sparc"),
        ("glibc", "9.9", "needed: glibc 9.9 or later"),
    ],
)
def test_a_host_that_does_not_fit_is_told_what_is_needed(tmp_path: Path, fact: str, value: str, named: str) -> None:
    bundle = make_bundle(tmp_path / "bundle", **{fact: value})
    done = install(bundle, "--prefix", str(tmp_path / "prefix"), "--python", sys.executable)
    assert done.returncode == 3, done.stderr
    assert named in done.stderr
    assert not (tmp_path / "prefix").exists()


@pytest.mark.parametrize("arguments", [["--prefix"], ["--nonsense"], ["--use", "2.0"]])
def test_a_wrong_call_is_refused(tmp_path: Path, arguments: list[str]) -> None:
    bundle = make_bundle(tmp_path / "bundle")
    done = install(bundle, "--prefix", str(tmp_path / "prefix"), *arguments)
    assert done.returncode == 2, done.stderr
    assert not (tmp_path / "prefix").exists()


def test_releases_lie_side_by_side_and_the_link_goes_forward_and_back(tmp_path: Path) -> None:
    prefix = tmp_path / "prefix"
    to = ("--prefix", str(prefix), "--python", sys.executable)
    first, second = make_bundle(tmp_path / "one", version="1.0"), make_bundle(tmp_path / "two", version="2.0")
    half_made = prefix / "versions" / _release(first, "1.0") / "left"
    half_made.mkdir(parents=True)

    done = install(first, *to)
    assert done.returncode == 0, done.stderr
    assert "wengang, version 1.0" in done.stdout
    assert not half_made.exists()
    old = (prefix / "current").readlink()
    assert old.name == _release(first, "1.0")

    done = install(second, *to, "--no-switch")
    assert done.returncode == 0, done.stderr
    assert (prefix / "current").readlink() == old

    done = install(second, *to)
    assert "已安装，不再重复" in done.stdout
    assert (prefix / "current").readlink().name == _release(second, "2.0")
    share = prefix / "current" / "share" / "wengang"
    assert (share / "dags" / "nightly.py").read_text(encoding="utf-8") == "# 2.0\n"
    assert f"--use {old.name}" in done.stdout

    done = install(share, "--prefix", str(prefix), "--use", old.name)
    assert done.returncode == 0, done.stderr
    assert (prefix / "current").readlink() == old


def test_an_installation_that_fails_midway_leaves_the_old_one_in_use(tmp_path: Path) -> None:
    prefix = tmp_path / "prefix"
    (prefix / "versions" / "0.9").mkdir(parents=True)
    (prefix / "current").symlink_to("versions/0.9")
    bundle = make_bundle(tmp_path / "bundle")
    (bundle / "requirements.lock").write_text(f"needed==2.0 --hash=sha256:{'0' * 64}\n", encoding="utf-8")
    (bundle / SUMS).unlink()
    (bundle / SUMS).write_text(sums(bundle), encoding="utf-8")
    done = install(bundle, "--prefix", str(prefix), "--python", sys.executable)
    assert done.returncode == 1
    assert "安装未完成" in done.stderr
    assert (prefix / "current").readlink() == Path("versions/0.9")
    assert not (prefix / "versions" / _release(bundle, "1.0") / ".installed").exists()


def _release(bundle: Path, version: str) -> str:
    return f"{version}-{hashlib.sha256((bundle / SUMS).read_bytes()).hexdigest()[:12]}"
