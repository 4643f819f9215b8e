"""The impact of visits from hand-made editions, forms and insurance months, through the command itself."""

import json
import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import impact_house
import pytest
from click.testing import CliRunner
from impact_house import CAPACITY, COUNTIES, MONTHS, STAFF, House

from pipelines import contests, demo, impact
from pipelines.cli_impact import impact_command
from pipelines.contests import COLOURS_APART, NOBODY_ADMITTED, ORDER_UNKNOWN
from pipelines.errors import NotFoundError, UsageError
from pipelines.means import Means
from pipelines.run import add_months
from pipelines.settings import Home

MakeHome = Callable[..., Means]
AS_OF = date(2026, 11, 12)
FULL = MONTHS * len(COUNTIES)
ALL = FULL * CAPACITY
SECOND = add_months(impact_house.FIRST, 1)
ONE = len(COUNTIES) * 2 * CAPACITY
"""Candidates of one month."""


@pytest.fixture(scope="module")
def visited(tmp_path_factory: pytest.TempPathFactory) -> House:
    """A house with all editions and forms, whose visited lost three tenths of their staff less."""
    home = Home(tmp_path_factory.mktemp("impact") / "home")
    demo.make_home(home, city="模拟市", simulated=True)
    house = impact_house.fill(Means(home=home, now=datetime(2026, 11, 23, 9)))
    impact_house.visits(house)
    impact_house.issue_all(house)
    return house


@pytest.fixture
def papers(make_home: MakeHome) -> House:
    """A house without a delivery and an edition; its candidates are those of one month."""
    return House(make_home(), impact_house.candidates(months=1))


def ask(house: House, *options: str, as_of: date = AS_OF) -> str:
    result = CliRunner().invoke(impact_command, ["--as-of", as_of.isoformat(), *options], obj=house.means)
    assert result.exit_code == 0, result.output
    return result.stdout


def facts(house: House) -> dict[str, Any]:
    return dict(json.loads(ask(house, "--json")))


def found(house: House, *, as_of: date = AS_OF) -> contests.Contests:
    return contests.contests(house.means.home, house.ledger, as_of=as_of)


def test_a_planted_effect_of_visits_is_found(visited: House) -> None:
    told = facts(visited)
    assert (told["listed"]["known"], told["left_out"]["known"]) == (ALL, ALL)
    assert told["county_months"] == {"full": FULL, "unusable": {}}
    share = told["effects"]["loss_share_points"]
    assert share["at_cut"]["low"] <= -30 * 0.8 <= share["at_cut"]["high"] < 0
    assert share["per_visit"]["low"] <= -30 <= share["per_visit"]["high"] < 0
    kept = told["effects"]["jobs_kept_persons"]
    assert kept["at_cut"]["estimate"] == pytest.approx(-share["at_cut"]["estimate"] * STAFF / 100)
    assert told["checks"]["visited"]["low"] <= 80 <= told["checks"]["visited"]["high"]
    assert told["checks"]["placebo"]["p_value"] > 0.05
    assert told["checks"]["balance"]["earlier_loss_ratio"]["p_value"] > 0.05 / 3


def test_the_page_says_it_in_chinese_alone(visited: House) -> None:
    lines = ask(visited).splitlines()
    assert lines[0] == "列入名单和走访的作用（截至2026年11月12日，观察其后3个参保月份）"
    assert lines[1] == f"期次{MONTHS}期；走访容量用满的县区月{FULL}个，可比{FULL}个"
    assert lines[2].startswith(f"临界附近列入{ALL}家，结果已知{ALL}家，其中走访过")
    assert any(line.startswith("每列入一家多保住的岗位：") and "95%区间" in line for line in lines)
    assert "结论：在容量临界处，列入名单的企业此后减员更少，这一差别不像偶然。" in lines
    assert lines[-1].startswith("结论：") and not re.search("[A-Za-z]", "".join(lines))
    assert "-" not in "".join(lines[1:]).replace("2026-", "")


def test_without_forms_and_effect_nothing_is_found_and_it_says_so(make_home: MakeHome) -> None:
    house = impact_house.fill(make_home(), effect=0.0)
    impact_house.issue_all(house)
    told = facts(house)
    share = told["effects"]["loss_share_points"]
    assert share["at_cut"]["low"] <= 0 <= share["at_cut"]["high"]
    assert share["per_visit"] is None
    assert told["visit_forms"] == 0
    assert "没有看出列入名单的作用，也不能说没有作用" in told["conclusion"][0]
    assert told["conclusion"][1].startswith("没有收到任何走访表")


def test_what_has_not_matured_or_is_not_known_is_no_zero(make_home: MakeHome) -> None:
    house = impact_house.fill(make_home(), months=MONTHS + 1, silent=COUNTIES[2])
    impact_house.issue_all(house)
    told = facts(house)
    assert told["standings"] == {
        impact.IMMATURE: ONE,
        impact.KNOWN: MONTHS * ONE - 2 * CAPACITY,
        impact.UNKNOWN: 2 * CAPACITY,
    }
    assert f"结果未知、不参与比较：观察期未满{ONE}家，参保情况不明或所在县区数据中断{2 * CAPACITY}家" in ask(house)


def test_a_closure_is_a_loss_of_all_unless_the_staff_moved_together(make_home: MakeHome) -> None:
    house = impact_house.fill(make_home(), months=1)
    gone, moved = house.firms[0], house.firms[1]
    flows = [[f"3207{moved.number:06d}", "3207000030", f"{SECOND:%Y%m}", str(moved.lost)]]
    impact_house.land(house, "labour_flow", [impact_house.FLOWS, *flows])
    zeros = impact_house.zeroed(gone)
    impact_house.land(house, "insurance_month", [impact_house.INSURANCE, *zeros])
    impact_house.issue_all(house)
    with impact.known_now(house.means, as_of=AS_OF) as night:
        label = impact.label_of(night)
        rows = impact.followed(night, found(house).rows, horizon=3, label=label)
    by_id = {row["enterprise_id"]: row for row in rows.iter_rows(named=True)}
    assert by_id[impact_house.uscc(gone.number)]["lost"] == STAFF
    assert by_id[impact_house.uscc(moved.number)]["lost"] == 0
    third = house.firms[2]
    assert by_id[impact_house.uscc(third.number)]["lost"] == third.lost


def test_few_cases_are_told_as_few(make_home: MakeHome) -> None:
    house = impact_house.fill(make_home(), months=1)
    impact_house.issue(house, impact_house.edition(house.firms[: 3 * 2 * CAPACITY]))
    told = facts(house)
    assert all(value is None for effect in told["effects"].values() for value in effect.values())
    assert told["conclusion"] == [
        "临界附近结果已知的企业太少：每侧至少要30家次、10家不同企业、4种不同位置，不给数字。也没有收到任何走访表。"
    ]
    assert ask(house).splitlines()[-1] == f"结论：{told['conclusion'][0]}"


def test_without_editions_or_a_full_capacity_there_is_nobody_to_compare_with(make_home: MakeHome) -> None:
    house = impact_house.fill(make_home(), months=1)
    assert "结论：还没有发布过的期次，无从比较。" in ask(house)
    impact_house.issue(house, impact_house.edition([firm for firm in house.firms if firm.is_listed]))
    told = facts(house)
    assert (told["editions"], told["county_months"]["full"]) == (1, 0)
    assert told["conclusion"][0].startswith("各县区的走访容量从未用满")
    assert told["conclusion"][0].endswith("这不等于没有作用。也没有收到任何走访表。")


def test_a_day_that_has_not_come_is_refused(papers: House) -> None:
    with pytest.raises(UsageError, match="lies ahead of today"):
        impact.measure(papers.means, as_of=papers.means.now.date() + timedelta(days=1))


def test_places_count_from_the_cut_in_capacities(papers: House) -> None:
    impact_house.issue_all(papers)
    rows = found(papers).rows.filter(county_code=COUNTIES[0]).sort("place", descending=True)
    assert rows["place"].to_list() == [(CAPACITY - 0.5 - place) / CAPACITY for place in range(2 * CAPACITY)]
    assert rows["is_listed"].to_list() == [True] * CAPACITY + [False] * CAPACITY
    assert rows["stake_gap"].is_sorted(descending=True)
    assert rows["stake_gap"][CAPACITY - 1] == pytest.approx(-rows["stake_gap"][CAPACITY])


def test_only_the_night_on_which_the_capacity_ran_out_is_a_contest(papers: House) -> None:
    impact_house.issue_all(papers)
    late = impact_house.candidates(months=1, seed=2)
    for firm in late:
        firm.number += 1000
    night = date.fromisoformat(impact_house.edition(late)["edition"]["as_of"]) + timedelta(days=7)
    impact_house.issue(papers, impact_house.edition(late, day=night))
    assert found(papers).rows.height == ONE
    assert found(papers, as_of=night - timedelta(days=8)).editions == 0


def test_an_edition_that_nobody_was_told_of_is_left_out_and_a_later_revision_counts(papers: House) -> None:
    body = impact_house.edition(papers.firms)
    impact_house.issue(papers, body, quiet=True)
    assert found(papers).editions == 0
    impact_house.issue(papers, impact_house.edition(papers.firms[: 2 * CAPACITY]), revision=2)
    assert (found(papers).editions, found(papers).rows.height) == (1, 2 * CAPACITY)


@pytest.mark.parametrize("how", [NOBODY_ADMITTED, COLOURS_APART, ORDER_UNKNOWN])
def test_a_county_month_that_compares_nobody_says_why(papers: House, how: str) -> None:
    body = impact_house.edition(papers.firms[: 2 * CAPACITY])
    if how == NOBODY_ADMITTED:
        body["state"]["listed"] = []
    for entry in body["state"]["listed"]:
        if how == COLOURS_APART:
            entry["colour"] = "黄"
        if how == ORDER_UNKNOWN:
            entry["inputs"]["points"] = 1
    impact_house.issue(papers, body)
    assert found(papers).unusable == {how: 1}
    assert found(papers).rows.is_empty()


def test_while_a_model_leads_the_order_is_known_by_the_stake_alone(papers: House) -> None:
    body = impact_house.edition(papers.firms[: 2 * CAPACITY])
    body["edition"]["model_id"] = "listed-3m-0123456789ab"
    path = impact_house.issue(papers, body)
    assert found(papers).unusable == {ORDER_UNKNOWN: 1}
    for entry in (*body["state"]["listed"], *body["state"]["kept_out"]):
        entry["inputs"]["stake"] = 10 * entry["inputs"].pop("points")
        entry["inputs"]["points"] = None
    path.write_text(json.dumps(body), encoding="utf-8")
    rows = found(papers).rows
    assert rows.height == 2 * CAPACITY
    assert rows["points"].is_nan().all()


def test_yellow_ones_above_the_cut_are_not_compared_with_blue_ones_beyond_it(papers: House) -> None:
    body = impact_house.edition(papers.firms[: 2 * CAPACITY])
    for entry in body["state"]["listed"][:2]:
        entry["colour"] = "黄"
    impact_house.issue(papers, body)
    rows = found(papers).rows
    assert rows["is_listed"].sum() == CAPACITY - 2
    assert rows["place"].max() == pytest.approx((CAPACITY - 2.5) / CAPACITY)


def test_an_edition_whose_document_is_gone_is_told(papers: House) -> None:
    impact_house.issue(papers, impact_house.edition(papers.firms)).unlink()
    with pytest.raises(NotFoundError, match="restore it from the backup"):
        found(papers)
