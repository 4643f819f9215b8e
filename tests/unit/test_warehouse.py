"""The working file: what is said where it cannot be opened, and folders that outlive a crash."""

import os
from pathlib import Path

import pytest

from pipelines import contracts as contract_files
from pipelines import run
from pipelines.errors import WengangError
from pipelines.run import make_folder
from pipelines.warehouse import Warehouse


@pytest.mark.parametrize("content", [b"no database at all" * 1000, None])
def test_a_broken_working_file_says_what_to_delete(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "warehouse.duckdb"
    Warehouse(path, contracts=contract_files.load()).close()
    path.write_bytes(content or path.read_bytes()[:5000])
    with pytest.raises(WengangError, match=f"delete {path}"):
        Warehouse(path, contracts=contract_files.load())
    path.unlink()
    Warehouse(path, contracts=contract_files.load()).close()


def test_each_new_folder_is_made_durable_in_the_one_above(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(run, "sync_folder", synced.append)
    make_folder(tmp_path / "a" / "b" / "c")
    assert (tmp_path / "a" / "b" / "c").is_dir()
    assert synced == [tmp_path, tmp_path / "a", tmp_path / "a" / "b"]
    make_folder(tmp_path / "a" / "b" / "c")
    assert len(synced) == 3


def test_folders_are_synced_for_real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    count = 0

    def counted(descriptor: int) -> None:
        nonlocal count
        os.fstat(descriptor)
        count += 1

    monkeypatch.setattr(os, "fsync", counted)
    make_folder(tmp_path / "x" / "y")
    assert count == 2
