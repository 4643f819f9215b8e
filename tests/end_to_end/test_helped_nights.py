"""The help of an edition: every listed enterprise answered for, counties see their own, only issued texts leave."""

import csv
import sys
from contextlib import closing
from pathlib import Path

import duckdb

sys.path.insert(0, str(Path(__file__).parent))

from nights import SECOND

from pipelines.policy.instruments import INSTRUMENTS
from pipelines.settings import Home


def test_the_list_says_what_each_enterprise_may_have(issued_home: Path) -> None:
    home = Home(issued_home)
    with closing(duckdb.connect(str(home.published / "current.duckdb"), read_only=True)) as connection:
        asked = sum(one.for_enterprises and one.standing(SECOND) is None for one in INSTRUMENTS.values())
        listed = connection.execute("SELECT enterprise_no, policy_text FROM out.warning").fetchall()
        [(states,)] = connection.execute("SELECT count(*) FROM out.policy_instrument").fetchall()
        counts = dict(
            connection.execute(
                "SELECT enterprise_no, count(*) FROM out.policy_answer GROUP BY enterprise_no"
            ).fetchall()
        )
        [(unexplained,)] = connection.execute(
            "SELECT count(*) FROM out.policy_answer WHERE (policy_answer = '不符合条件' AND failing_text IS NULL) "
            "OR (policy_answer = '缺少数据' AND missing_text IS NULL)"
        ).fetchall()
    assert listed
    assert states == len(INSTRUMENTS)
    assert {counts[number] for number, _ in listed} == set(counts.values()) == {asked}
    assert all(text for _, text in listed)
    assert unexplained == 0


def test_a_county_sees_the_answers_of_its_own_enterprises(issued_home: Path) -> None:
    home = Home(issued_home)
    seen: set[int] = set()
    for path in sorted((home.published / "county").glob(f"*-{SECOND}-r1.duckdb")):
        with closing(duckdb.connect(str(path), read_only=True)) as connection:
            rows = {
                number for (number,) in connection.execute("SELECT enterprise_no FROM out.policy_answer").fetchall()
            }
            own = {number for (number,) in connection.execute("SELECT enterprise_no FROM out.enterprise").fetchall()}
        assert rows <= own
        assert not rows & seen
        seen |= rows
    assert seen


def test_nothing_of_a_draft_is_pushed(issued_home: Path) -> None:
    path = Home(issued_home).editions / SECOND.isoformat() / "r1" / "政策推送.csv"
    with path.open(encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert all(row["依据类别"] == "已发布文件" for row in rows)
    page = path.with_name("briefing.html").read_text(encoding="utf-8")
    assert "可享政策" in page
    assert "失业保险稳岗返还：执行期至2025-12-31，后续政策未见发布" in page
