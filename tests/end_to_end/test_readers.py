"""Analysts hold the published file open while a night runs: ten of them, one with DuckDB 1.5."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from nights import FIRST, SECOND, cutoff_of, night

from pipelines import nightly
from pipelines.nightly import Means

READER = """
import sys
if len(sys.argv) > 2:
    sys.path.insert(0, sys.argv[2])
import duckdb
con = duckdb.connect(sys.argv[1], read_only=True)
print(duckdb.__version__, con.execute("SELECT edition_id FROM out.edition").fetchone()[0], flush=True)
sys.stdin.readline()
print(con.execute("SELECT edition_id FROM out.edition").fetchone()[0],
      con.execute("SELECT count(*) FROM out.enterprise_month").fetchone()[0] > 0, flush=True)
"""


@pytest.fixture(scope="session")
def old_duckdb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """DuckDB 1.5 in a folder of its own; skipped, saying so, where it cannot be installed."""
    target = tmp_path_factory.mktemp("duckdb15")
    command = [sys.executable, "-m", "pip", "install", "-q", "--target", str(target), "duckdb==1.5.*"]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("duckdb 1.5 cannot be installed here (no package index)")
    return target


@pytest.mark.proof
def test_ten_readers_hold_the_file_while_a_night_runs(
    small_city: Path, make_home: Callable[..., Means], old_duckdb: Path
) -> None:
    means = make_home()
    night(means, small_city, FIRST)
    current = means.home.published / "current.duckdb"
    extra = [[] for _ in range(9)] + [[str(old_duckdb)]]
    readers = [
        subprocess.Popen(
            [sys.executable, "-c", READER, str(current), *more],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for more in extra
    ]
    seen = [reader.stdout.readline().split() for reader in readers if reader.stdout]
    nightly.play(means, schedule=small_city / "deliveries.csv", until=cutoff_of(SECOND))
    assert nightly.run(means, as_of=SECOND, cutoff=cutoff_of(SECOND)).status == "issued"
    after = [reader.communicate("\n", timeout=60)[0].split() for reader in readers]
    first = f"{FIRST.isoformat()}-r1"
    assert [edition for _, edition in seen] == [first] * 10
    assert after == [[first, "True"]] * 10
    assert seen[-1][0].startswith("1.5")
    assert current.resolve().name == f"wengang-{SECOND.isoformat()}-r1.duckdb"
    shutil.rmtree(old_duckdb, ignore_errors=True)
