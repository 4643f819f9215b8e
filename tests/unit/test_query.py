"""The read-only shell: whole answers, readable ones, and no decimals that nobody wrote."""

from pathlib import Path

import duckdb
import pytest

from pipelines import query
from pipelines.errors import NotFoundError, PublishError


@pytest.fixture
def published(tmp_path: Path) -> Path:
    path = tmp_path / "current.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE t AS SELECT i AS n, i * 1000 AS big, '企业' || i AS name FROM range(401) r(i)")
    return path


def answer(path: Path, text: str, capsys: pytest.CaptureFixture[str], *, as_csv: bool = False) -> list[str]:
    query.shell(path, text=text, as_csv=as_csv)
    return capsys.readouterr().out.splitlines()


def test_the_first_rows_are_shown_and_the_rest_are_counted(published: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = answer(published, "SELECT n FROM t ORDER BY n", capsys)
    assert [int(line.strip("│ ")) for line in lines if line.strip("│ ").isdigit()] == list(range(200))
    assert lines[-1] == "200 of 401 rows; --csv gives them all"
    assert not any("of" in line for line in answer(published, "SELECT n FROM t LIMIT 200", capsys))


def test_a_wide_row_is_told_field_by_field_and_whole(published: Path, capsys: pytest.CaptureFixture[str]) -> None:
    columns = ", ".join(f"n AS a_rather_long_name_{i}" for i in range(20))
    lines = answer(published, f"SELECT {columns} FROM t ORDER BY n LIMIT 2", capsys)
    assert len(lines) == 42
    assert lines[0] == "-- row 1"
    assert lines[22].split() == ["a_rather_long_name_0", "1"]
    assert "字" * 100 in answer(published, f"SELECT '{'字' * 100}' AS text", capsys)[1]


def test_sums_of_integers_have_no_decimals(published: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(published, "SELECT sum(big) AS total, avg(n) AS mean FROM t", capsys, as_csv=True) == [
        "total,mean",
        "80200000,200.0",
    ]
    assert "decimal" not in "".join(answer(published, "SELECT sum(big) FROM t", capsys))


def test_all_rows_as_csv(published: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = answer(published, "SELECT n, name FROM t ORDER BY n", capsys, as_csv=True)
    assert (len(lines), lines[-1]) == (402, "400,企业400")


def test_a_published_file_that_is_absent_or_broken_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="nothing is published"):
        query.shell(tmp_path / "none.duckdb", text="SELECT 1")
    (tmp_path / "broken.duckdb").write_bytes(b"no database" * 1000)
    with pytest.raises(PublishError, match="earlier file"):
        query.shell(tmp_path / "broken.duckdb", text="SELECT 1")
