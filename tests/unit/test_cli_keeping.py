"""What the commands that keep a home answer."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from kept_home import furnish, put

from pipelines import cli_keeping
from pipelines.errors import BackupError, NotFoundError
from pipelines.means import Means
from pipelines.settings import Home


@pytest.fixture
def means(make_home: Callable[..., Means]) -> Means:
    made = make_home()
    furnish(made)
    return made


def test_backup_then_restore(means: Means, tmp_path: Path) -> None:
    disk = str(tmp_path / "disk")
    made = CliRunner().invoke(cli_keeping.backup, ["--to", disk], obj=means, catch_exceptions=False)
    assert f"{disk}/snapshots/20261123T090000: " in made.output
    assert "last edition 2026-11-12-r1" in made.output
    other = Means(home=Home(tmp_path / "other"), now=means.now)
    back = CliRunner().invoke(cli_keeping.restore, ["--from", disk], obj=other, catch_exceptions=False)
    assert back.output.startswith(f"{tmp_path}/other: ")
    assert "0 mails wait" in back.output
    assert other.home.settings_file.is_file()


def test_backup_without_a_folder_says_where_to_name_one(means: Means) -> None:
    with pytest.raises(BackupError, match=r"\[backup\]"):
        CliRunner().invoke(cli_keeping.backup, [], obj=means, catch_exceptions=False)


def test_a_drill_needs_an_edition(make_home: Callable[..., Means], tmp_path: Path) -> None:
    empty, disk = make_home("empty"), str(tmp_path / "disk")
    CliRunner().invoke(cli_keeping.backup, ["--to", disk], obj=empty, catch_exceptions=False)
    with pytest.raises(NotFoundError, match="no issued edition"):
        CliRunner().invoke(cli_keeping.drill, ["--from", disk], obj=empty, catch_exceptions=False)


def test_housekeep_tells_every_deed(means: Means) -> None:
    put(means.home.logs / "2026-11-22.jsonl", "1")
    told = CliRunner().invoke(cli_keeping.housekeep, [], obj=means, catch_exceptions=False).output.splitlines()
    assert [line.split("：")[0] for line in told] == [
        "过期日志",
        "过期邮件副本",
        "中断写入的残留",
        "留存期满待删除批次（已登记）",
        "留存期满已删除批次",
        "不再有来源的月度分片",
        "工作库整理",
        "账本日志归并",
    ]
