"""Names without a code through whole nights: against the planted truth, by an officer's word, and in replay."""

import shutil
import sys
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from nights import FIRST, SECOND, cutoff_of

from pipelines import identity, nightly, replay
from pipelines.ledger import Ledger
from pipelines.nightly import Means
from pipelines.settings import Home


@pytest.fixture
def copied(issued_home: Path, tmp_path: Path) -> Means:
    """The means of a copy of the home with two editions."""
    from conftest import NOW

    shutil.copytree(issued_home, tmp_path / "copy", symlinks=True)
    return Means(home=Home(tmp_path / "copy"), now=NOW)


def links(home: Home) -> dict[str, tuple[str, str]]:
    """Name → enterprise and method in the working file."""
    with closing(duckdb.connect(str(home.warehouse), read_only=True)) as connection:
        rows = connection.execute("SELECT name_key, enterprise_id, link_method FROM core.name_link").fetchall()
        return {name: (code, method) for name, code, method in rows}


def test_planted_names_are_found(tmp_path: Path) -> None:
    from benchmarks.identity import judged, played

    found = list(judged(tmp_path, played(tmp_path, enterprises=2_000, months=3, seed=4)))
    linked, right, known = (sum(getattr(one, what) for one in found) for what in ("linked", "right", "known"))
    assert known > 70
    assert right / linked >= 0.995
    assert right / known >= 0.95


def test_a_decision_changes_the_next_edition_and_no_replay(copied: Means) -> None:
    before = links(copied.home)
    name, (code, _) = sorted(before.items())[0]
    body = {"enterprise_id": None, "role": "就业科", "reason": "电话核实"}
    Ledger(copied.home.ledger).append(identity.KIND, subject=name, at=cutoff_of(SECOND), body=body)
    assert replay.replay(copied, as_of=SECOND).equal
    later = SECOND.replace(day=SECOND.day + 1)
    nightly.run(copied, as_of=later, cutoff=cutoff_of(later))
    after = links(copied.home)
    assert name not in after
    assert {one: found for one, found in before.items() if one != name} == after
    assert code in {found for found, _ in before.values()}
    assert replay.replay(copied, as_of=FIRST).equal
