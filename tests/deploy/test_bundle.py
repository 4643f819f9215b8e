"""The bundle for closed networks: what is in it, and that it installs and runs where nothing is reachable."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from carried import ROOT, install, make_wheel

from deploy import bundle, sbom
from deploy.locked import LockError, entries, glibc_floor, glibc_tags, kept_lock, needed, read_wheel

ENVIRONMENT = {"python_full_version": "3.11.7", "python_version": "3.11", "sys_platform": "linux", "extra": ""}
HASHES = [character * 64 for character in "0123456789"]


def _lock(*lines: str) -> str:
    return "".join(f"{line} \\\n    --hash=sha256:{digest}\n" for line, digest in zip(lines, HASHES, strict=False))


def _wheels(folder: Path, **requires: list[str]) -> dict:
    made = [make_wheel(folder, name, "1.0", requires=asked) for name, asked in requires.items()]
    return {wheel.name: wheel for wheel in map(read_wheel, made)}


def _listed(bill: str) -> dict[str, str]:
    body = json.loads(bill)
    components = [body["metadata"]["component"], *body["components"]]
    return {component["name"]: component["hashes"][0]["content"] for component in components}


def test_the_project_s_lock_is_read_whole() -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    read = entries(text)
    assert "".join(entry.text for entry in read) == text
    assert {"apache-airflow", "celery", "duckdb"} <= {entry.name for entry in read}


def test_lines_of_a_lock_that_pin_nothing_are_named_at_once() -> None:
    with pytest.raises(LockError) as raised:
        entries(_lock("loose>=1", "fine==1.0") + "bare==1.0\nnot a requirement\n")
    said = str(raised.value).splitlines()
    assert len(said) == 3
    for line, wrong in zip(sorted(said), ("bare==1.0:", "loose>=1:", "not a requirement:"), strict=True):
        assert wrong in line


def test_the_cut_lock_holds_only_what_applies_its_lines_as_they_are_but_for_extras() -> None:
    old, new = "Two_x==2.0 ; python_full_version < '3.12'", "two-x==3.0 ; python_full_version >= '3.12'"
    text = _lock("one[fast,more]==1.0", old, new, "dev==1")
    kept = kept_lock(entries(text), {"one", "two-x"}, ENVIRONMENT)
    assert kept == _lock("one==1.0", old)


def test_the_walk_goes_through_extras_and_markers_and_leaves_development_out(tmp_path: Path) -> None:
    wheels = _wheels(
        tmp_path,
        base=["leaf[fast]>=1", "other; sys_platform == 'win32'"],
        leaf=["quick; extra == 'fast'", "slow; extra == 'careful'", "base"],
        quick=[],
        slow=[],
        flow=["base"],
        linter=[],
    )
    root = make_wheel(tmp_path, "root", "1.0", requires=["base", "flow; extra == 'flow'", "linter; extra == 'dev'"])
    asked = needed(wheels, root=read_wheel(root), extras=["flow"], environment=ENVIRONMENT)
    assert asked == {
        "base": frozenset({"leaf"}),
        "flow": frozenset({"base"}),
        "leaf": frozenset({"quick", "base"}),
        "quick": frozenset(),
        "root": frozenset({"base", "flow"}),
    }


def test_what_the_lock_cannot_fill_is_named_at_once(tmp_path: Path) -> None:
    wheels = _wheels(tmp_path, base=["absent>=1"])
    root = make_wheel(tmp_path, "root", "1.0", requires=["base>=2", "base"])
    with pytest.raises(LockError) as raised:
        needed(wheels, root=read_wheel(root), extras=[], environment=ENVIRONMENT)
    assert "root asks for base>=2: the lock holds 1.0" in str(raised.value)
    assert "base asks for absent>=1: the lock holds no such package" in str(raised.value)


def test_the_oldest_c_library_is_that_of_the_most_demanding_wheel() -> None:
    assert glibc_floor(["pure-1.0-py3-none-any.whl"]) == (2, 5)
    both = "two-1.0-cp311-cp311-manylinux2014_x86_64.manylinux_2_17_x86_64.whl"
    assert glibc_floor([both, "new-1.0-cp311-abi3-manylinux_2_28_x86_64.whl"]) == (2, 28)
    assert glibc_floor(f"x-1.0-cp311-cp311-{tag}.whl" for tag in glibc_tags((2, 28), machine="x86_64")) == (2, 28)
    with pytest.raises(LockError, match="one machine only"):
        glibc_floor(["local-1.0-cp311-cp311-linux_x86_64.whl"])


def test_the_bill_lists_wheels_with_hash_licence_and_edges_and_comes_out_the_same(tmp_path: Path) -> None:
    wheels = {}
    for name, metadata in {
        "spoken": ["License-Expression: MIT OR Apache-2.0"],
        "field": ["License: BSD-3-Clause"],
        "trove": ["License: UNKNOWN", "Classifier: License :: OSI Approved :: MIT License"],
    }.items():
        wheels[name] = read_wheel(make_wheel(tmp_path, name, "1.0", metadata=metadata))
    root = read_wheel(make_wheel(tmp_path, "wengang", "0.1", requires=["spoken"]))
    asked = {
        "wengang": frozenset({"spoken"}),
        "spoken": frozenset({"field", "trove"}),
        "field": frozenset(),
        "trove": frozenset(),
    }
    made = datetime(2026, 11, 29, tzinfo=UTC)

    def bill() -> str:
        return sbom.render(wheels, asked, root=root, platform="cp311-linux_x86_64", made=made)

    text = bill()
    assert text == bill()
    assert _listed(text) == {wheel.name: wheel.sha256 for wheel in (root, *wheels.values())}
    assert '"expression": "MIT OR Apache-2.0"' in text
    assert '"id": "BSD-3-Clause"' in text
    assert '"MIT License"' in text
    assert "cp311-linux_x86_64" in text
    edges = {edge["ref"]: edge.get("dependsOn", []) for edge in json.loads(text)["dependencies"]}
    assert edges["wengang==0.1"] == ["spoken==1.0"]
    assert edges["spoken==1.0"] == ["field==1.0", "trove==1.0"]


def test_an_invalid_bill_is_refused() -> None:
    with pytest.raises(LockError, match=r"not valid CycloneDX 1\.6"):
        sbom.refuse_invalid('{"bomFormat": "CycloneDX", "specVersion": "1.6", "unheard": 1}')


def test_sums_are_read_by_sha256sum(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "名单.txt").write_text("a", encoding="utf-8")
    (tmp_path / "b").write_text("b", encoding="utf-8")
    said = bundle.sums(tmp_path)
    checked = subprocess.run(["sha256sum", "--check", "--strict"], input=said, cwd=tmp_path, text=True, check=False)
    assert checked.returncode == 0
    assert [line[66:] for line in said.splitlines()] == ["b", "in/名单.txt"]


def test_packing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    archives = []
    for place, mask in (("one", 0o600), ("two", 0o664)):
        folder = tmp_path / place / "bundle"
        (folder / "in").mkdir(parents=True)
        for name in ("b", "in/a") if place == "one" else ("in/a", "b"):
            (folder / name).write_text(name, encoding="utf-8")
            (folder / name).chmod(mask)
        os.utime(folder / "b", (1, len(place) + mask))
        archives.append(tmp_path / f"{place}.tar.gz")
        bundle.pack(folder, archives[-1], mtime=1_700_000_000)
    assert archives[0].read_bytes() == archives[1].read_bytes()
    with tarfile.open(archives[0]) as tar:
        members = tar.getmembers()
    assert [member.name for member in members] == ["bundle", "bundle/b", "bundle/in", "bundle/in/a"]
    assert {(m.uid, m.gid, m.mtime, m.uname) for m in members} == {(0, 0, 1_700_000_000, "root")}


APART = ["unshare", "--map-root-user", "--net"]
NOTHING_REACHED = """
import errno, pathlib, socket
assert pathlib.Path("/proc/net/route").read_text().splitlines()[1:] == []
try:
    socket.create_connection(("192.0.2.1", 443), timeout=5)
except OSError as error:
    assert error.errno == errno.ENETUNREACH, error
    print("nothing reached")
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this tree, in which nobody works."""
    left_out = shutil.ignore_patterns(".venv", "var", "dist", "build", "__pycache__", ".*_cache")
    return Path(shutil.copytree(ROOT, tmp_path_factory.mktemp("tree") / "wengang", ignore=left_out))


@pytest.fixture(scope="module")
def archive(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of this tree."""
    return bundle.build(tmp_path_factory.mktemp("dist"), root=tree)


@pytest.fixture(scope="module")
def unpacked(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle, carried elsewhere and unpacked."""
    elsewhere = tmp_path_factory.mktemp("carried")
    with tarfile.open(archive) as tar:
        tar.extractall(elsewhere, filter="data")
    (folder,) = elsewhere.iterdir()
    return folder


@pytest.fixture(scope="module")
def apart() -> list[str]:
    """The command that runs another in a network namespace without a route; skipped where that is not permitted."""
    tried = None
    if shutil.which("unshare"):
        tried = subprocess.run([*APART, "true"], capture_output=True, text=True, check=False)
    if tried is None or tried.returncode:
        pytest.skip(f"network namespaces are not permitted here: {tried.stderr if tried else 'no unshare'}")
    return APART


@pytest.fixture(scope="module")
def prefix(unpacked: Path, apart: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the bundle was installed without any network."""
    place = tmp_path_factory.mktemp("host") / "prefix"
    done = install(unpacked, "--prefix", str(place), "--python", sys.executable, before=apart)
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return place


@pytest.mark.proof
def test_the_bill_lists_exactly_the_wheels_and_the_lock_all_but_ours(unpacked: Path) -> None:
    wheels = {wheel.name: wheel.sha256 for wheel in map(read_wheel, (unpacked / "wheels").iterdir())}
    bill = (unpacked / "sbom.cdx.json").read_text(encoding="utf-8")
    sbom.refuse_invalid(bill)
    assert _listed(bill) == wheels
    lock = (unpacked / "requirements.lock").read_text(encoding="utf-8")
    held = {entry.name: entry.hashes for entry in entries(lock)}
    assert set(held) == set(wheels) - {"wengang"}
    assert [name for name, hashes in held.items() if wheels[name] not in hashes] == []
    whole = {entry.hashes for entry in entries((ROOT / "requirements.lock").read_text(encoding="utf-8"))}
    assert set(held.values()) <= whole
    assert {"apache-airflow", "celery", "redis", "psycopg2-binary", "duckdb"} <= set(wheels)
    assert not {"ruff", "mypy", "pytest", "cyclonedx-bom", "hatchling"} & set(wheels)


@pytest.mark.proof
def test_the_manuals_are_carried_and_their_links_lead_somewhere(unpacked: Path) -> None:
    for name in ("README.md", "README.zh-CN.md"):
        text = (unpacked / name).read_text(encoding="utf-8")
        links = {part.split(")")[0].split("#")[0] for part in text.split("](")[1:]}
        local = {link for link in links if link and "://" not in link}
        assert local
        assert [link for link in sorted(local) if not (unpacked / link).exists()] == []
    assert list((unpacked / "dags").glob("*.py"))


@pytest.mark.proof
def test_built_again_it_is_the_same(tree: Path, archive: Path, tmp_path: Path) -> None:
    again = bundle.build(tmp_path, root=tree)
    beside = archive.with_name(f"{archive.name}.sha256")
    assert again.with_name(beside.name).read_text(encoding="utf-8") == beside.read_text(encoding="utf-8")


@pytest.mark.proof
def test_where_it_is_installed_nothing_is_reachable(apart: list[str]) -> None:
    said = subprocess.run([*apart, sys.executable, "-c", NOTHING_REACHED], capture_output=True, text=True, check=True)
    assert said.stdout == "nothing reached\n"


@pytest.mark.proof
def test_installed_without_a_network_it_issues_an_edition(prefix: Path, apart: list[str], tmp_path: Path) -> None:
    wengang = prefix / "current" / "bin" / "wengang"
    size = ["--enterprises", "300", "--months", "24"]
    said = _done([*apart, str(wengang), "--home", "home", "demo", *size], cwd=tmp_path)
    assert said.count("已发布") == 3
    assert len(list((tmp_path / "home" / "editions").glob("*/r1/*.xlsx"))) >= 3
    count = _done([*apart, str(wengang), "--home", "home", "sql", "SELECT count(*) FROM out.edition"], cwd=tmp_path)
    assert "1" in count


@pytest.mark.proof
def test_installed_without_a_network_airflow_reads_the_dags(prefix: Path, apart: list[str], tmp_path: Path) -> None:
    binaries, dags = prefix / "current" / "bin", prefix / "current" / "share" / "wengang" / "dags"
    place = [*apart, "env", f"AIRFLOW_HOME={tmp_path / 'airflow'}", "AIRFLOW__CORE__LOAD_EXAMPLES=False"]
    assert _done([*place, str(binaries / "airflow"), "version"], cwd=tmp_path).strip()
    for dag in sorted(dags.glob("*.py")):
        _done([*place, str(binaries / "python"), str(dag)], cwd=tmp_path)
    _done([*place, str(binaries / "celery"), "--version"], cwd=tmp_path)


@pytest.mark.proof
def test_installed_again_nothing_is_done_twice(unpacked: Path, prefix: Path, apart: list[str]) -> None:
    before = (prefix / "current").readlink()
    done = install(unpacked, "--prefix", str(prefix), "--python", sys.executable, before=apart)
    assert done.returncode == 0, done.stderr
    assert "已安装，不再重复" in done.stdout
    assert (prefix / "current").readlink() == before
    assert len(list((prefix / "versions").iterdir())) == 1


@pytest.mark.proof
def test_a_wheel_with_one_wrong_bit_is_refused(unpacked: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(unpacked, tmp_path / "copy", copy_function=os.link))
    wheel = next((copy / "wheels").glob("duckdb-*.whl"))
    content = bytearray(wheel.read_bytes())
    content[len(content) // 2] ^= 1
    wheel.unlink()
    wheel.write_bytes(content)
    done = install(copy, "--prefix", str(tmp_path / "prefix"), "--python", sys.executable)
    assert done.returncode == 5
    assert wheel.name in done.stderr
    assert not (tmp_path / "prefix").exists()


def _done(command: list[str], *, cwd: Path) -> str:
    clean = {
        key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "WENGANG", "VIRTUAL_ENV"))
    }
    done = subprocess.run(command, cwd=cwd, env=clean, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout
