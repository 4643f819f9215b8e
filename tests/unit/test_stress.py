"""Stress tests: what a shock may and may not do, scenario files, and the command on a small city."""

import json
import re
from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import stress
from models.labels import Label
from models.stress import Floats, Outlook, Reaction
from pipelines import parameters as parameter_files
from pipelines import scenarios, stress_words, stressing
from pipelines.errors import NotFoundError, UsageError
from pipelines.stages.features.tariff import Measure
from pipelines.stress_ground import Fund, Ground, Trade
from pipelines.stressing import CHANNELS, Band

AS_OF = date(2026, 11, 12)
NAMES = ("us_2018_07", "us_2019_05", "us_2025_04", "us_2025_05", "us_2025_11", "us_2026_02")
LISTED = Label("listed", "listed", share_pct=10, persons=20, share_base_minimum=30)
CENTRAL = Reaction(odds=dict.fromkeys(CHANNELS, 10.0), share=2.0)
shares = st.floats(0, 1)
EIGHT = 8


def row_of(values: st.SearchStrategy[float]) -> st.SearchStrategy[Floats]:
    return st.lists(values, min_size=EIGHT, max_size=EIGHT).map(lambda found: np.array(found, dtype=np.float64))


outlooks = st.builds(
    Outlook,
    row_of(shares),
    row_of(shares),
    st.lists(st.integers(1, 5000), min_size=EIGHT, max_size=EIGHT).map(lambda found: np.array(found, dtype=np.int64)),
)
NOBODY = np.zeros(EIGHT, dtype=np.bool_)


@given(base=outlooks, reaction=st.floats(0, 30))
def test_no_shock_changes_no_bit(base: Outlook, reaction: float) -> None:
    nothing = {channel: np.zeros(EIGHT) for channel in CHANNELS}
    found = stress.stressed(base, nothing, NOBODY, Reaction(dict.fromkeys(CHANNELS, reaction), reaction))
    for one, other in ((found.probability, base.probability), (found.share, base.share), (found.jobs, base.jobs)):
        assert one.tobytes() == other.tobytes()


@given(base=outlooks, small=row_of(shares), more=row_of(shares), channel=st.sampled_from(CHANNELS))
def test_a_larger_shock_never_costs_fewer_jobs(base: Outlook, small: Floats, more: Floats, channel: str) -> None:
    large = np.maximum(small, more)
    one, two = (stress.stressed(base, {channel: shock}, NOBODY, CENTRAL) for shock in (small, large))
    assert (one.jobs >= base.jobs).all()
    assert (two.jobs >= one.jobs * (1 - 1e-12)).all()
    assert (two.probability <= 1).all() and (two.share <= 1).all()
    gone = stress.stressed(base, {channel: large}, ~NOBODY, CENTRAL)
    assert (gone.jobs == base.persons).all() and (gone.jobs >= two.jobs).all()


@given(base=outlooks, shock=row_of(shares), weaker=st.floats(0, 20), more=st.floats(0, 20))
def test_a_stronger_reaction_never_costs_fewer_jobs(base: Outlook, shock: Floats, weaker: float, more: float) -> None:
    one, two = (
        stress.stressed(base, {"orders": shock}, NOBODY, Reaction({"orders": odds}, odds / 5)).jobs
        for odds in (weaker, weaker + more)
    )
    assert (two >= one * (1 - 1e-12)).all()


@given(base=outlooks, shock=row_of(st.floats(-1, 0)))
def test_a_relief_never_costs_jobs(base: Outlook, shock: Floats) -> None:
    found = stress.stressed(base, {"tariff": shock}, NOBODY, CENTRAL)
    assert (found.jobs <= base.jobs).all() and (found.jobs >= 0).all()


def test_shocks_out_of_range_and_reactions_that_spare_are_refused() -> None:
    base = Outlook(np.full(1, 0.1), np.full(1, 0.5), np.full(1, 100))
    closed = np.zeros(1, dtype=np.bool_)
    with pytest.raises(ValueError, match="between -1 and 1"):
        stress.stressed(base, {"orders": np.full(1, 1.01)}, closed, CENTRAL)
    with pytest.raises(ValueError, match="between -1 and 1"):
        stress.stressed(base, {"orders": np.full(1, np.nan)}, closed, CENTRAL)
    with pytest.raises(ValueError, match="0 or more"):
        stress.stressed(base, {"orders": np.full(1, 0.1)}, closed, Reaction({"orders": -1.0}, 0.0))


@given(change=row_of(st.floats(-3, 3)), more=row_of(st.floats(0, 3)), relief=shares)
def test_a_larger_duty_never_leaves_more_trade(change: Floats, more: Floats, relief: float) -> None:
    one, two = (stress.trade_lost(step, 1.2, relief) for step in (change, change + more))
    assert (two >= one - 1e-12).all() and (np.abs(two) <= 1).all()
    assert (stress.trade_lost(np.zeros(3), 1.2, relief) == 0).all()


def test_a_duty_of_ten_points_costs_about_as_much_as_was_measured() -> None:
    lost = stress.trade_lost(np.array([0.19, -0.19]), 1.2, 0.5)
    assert lost == pytest.approx([1 - np.exp(-0.228), -(1 - np.exp(-0.228)) / 2])
    assert 0.15 <= lost[0] <= 0.30


def test_base_rates_count_what_happened_by_staff_and_recent_fall() -> None:
    steady, fell, closed, small = [100] * 8, [100, 90, 85, 80, 80, 80, 80, 80], [100] * 4 + [0] * 4, [5] * 4 + [0] * 4
    insured = np.array([steady] * 90 + [fell] * 5 + [closed] * 5 + [small] * 50, dtype=np.int64)
    calm = np.zeros(8, dtype=np.bool_)
    asked = {"months": 1, "horizon": 3, "label": LISTED, "fall": 0.1, "weight": 1e-9}
    rates = stress.base_rates([(insured[:, :7], calm[:7])], **asked)
    assert rates is not None
    assert (rates.months, rates.rows, rates.events) == (1, 150, 5)
    assert rates.probability[3, stress.CALM] == pytest.approx(5 / 95)
    assert rates.probability[2, stress.FALLING] == pytest.approx(0, abs=1e-6)
    assert rates.share[3, stress.CALM] == pytest.approx(1)
    base = stress.from_rates(rates, np.array([150, 80, 5]), np.array([150, 100, 5]), label=LISTED, fall=0.1)
    assert base.probability == pytest.approx([5 / 95, 0, 0], abs=1e-6)
    calm[4] = True
    assert stress.base_rates([(insured, calm)], **(asked | {"months": 2, "weight": 1.0})) is None


def test_base_rates_lean_on_the_whole_where_few_were_seen() -> None:
    rows, events = np.array([[1000.0, 0.0], [0.0, 0.0]]), np.array([[10.0, 0.0], [0.0, 0.0]])
    assert stress._leaning(events, rows, 50.0) == pytest.approx(np.full((2, 2), 0.01))


def ground(**changes: Any) -> Ground:
    """Six employers: two sell to the United States, one of them all it makes; one has deferred premiums."""
    rows = pl.DataFrame(
        {
            "enterprise_no": range(6),
            "enterprise_id": [f"E{number}" for number in range(6)],
            "county_code": ["320703", "320703", "320703", "320706", "320706", "320706"],
            "county_name": ["连云区"] * 3 + ["海州区"] * 3,
            "industry_division": ["17", "17", "17", "18", "13", "13"],
            "industry_name": ["纺织业"] * 3 + ["纺织服装、服饰业", "农副食品加工业", "农副食品加工业"],
            "size_class": ["大型", "中型", "小型", "小型", "微型", "未定"],
            "insured_persons": [1000, 400, 100, 60, 25, 200],
            "is_us_exporter": [True, True, True, False, False, False],
            "base_fen": [100_000_00] * 6,
        }
    )
    unscored = rows.clear()
    base = Outlook(np.full(6, 0.02), np.full(6, 0.25), rows["insured_persons"].to_numpy())
    held = {"edition_id": "2026-11-12-r1", "as_of": AS_OF, "revision": 1, "reference_month": date(2026, 10, 1)}
    values: dict[str, Any] = {
        "edition": {**held, "is_simulated": True, "model_id": "m"},
        "horizon": 3,
        "parameters": parameter_files.load(AS_OF),
        "rows": rows,
        "unscored": unscored,
        "base": base,
        "rates": None,
        "deferred": deferred(5),
        "trade": trade([0, 1], ["610910", "950300"]),
        "measures": (),
        "fund": Fund(date(2026, 9, 1), 1_000_000_00, 50_000_00.0, 12),
        "held": (AS_OF, 1),
    }
    return Ground(**(values | changes))


def trade(rows: list[int], hs6: list[str]) -> Trade:
    income = np.array([1e6, 4e6, 1e6, 1e6, 1e6, 1e6])
    return Trade(np.array(rows, dtype=np.int64), hs6, np.full(len(rows), 1e6), income, (date(2026, 9, 1),), 0)


def deferred(number: int) -> pl.DataFrame:
    months = [date(2026, 9, 1), date(2026, 10, 1)]
    return pl.DataFrame({"enterprise_no": [number] * 2, "month": months}).with_columns(
        deferred_pension_fen=pl.lit(60_000_00), deferred_unemployment_fen=None, deferred_injury_fen=pl.lit(0)
    )


def made(**body: Any) -> scenarios.Scenario:
    said = {"name": "own", "label": "甲", "description": "乙", "source": "丙", "standing": "assumption"}
    return scenarios.Scenario.model_validate(said | body)


def duty(change: float, hs: str = "*") -> dict[str, Any]:
    return {"duties": [{"hs": hs, "change_pct": change}]}


def extra(found: stressing.Stress) -> Floats:
    return (found.rows["central"] - found.rows["base"]).to_numpy()


@pytest.mark.parametrize("name", [found.name for found in scenarios.ready()])
def test_every_ready_scenario_runs_and_its_band_is_ordered(name: str) -> None:
    found = stressing.measure(ground(), scenarios.find(name))
    for keys in ((), ("county_code",), ("industry_division",), ("is_us_exporter",)):
        for row in stressing.totals(found.rows, keys).iter_rows(named=True):
            assert row["low"] <= row["difference"] <= row["high"]
    for band in (found.claims, found.fund_after, *found.to_colours.values()):
        assert band is not None and band.low <= band.central <= band.high
    assert stress_words.page(ground(), found).count("\n") > 10
    json.dumps(stress_words.plain(ground(), found), allow_nan=False)


def test_the_real_steps_have_the_size_of_the_measures() -> None:
    steps = {name: stressing.measure(ground(), scenarios.find(name)).step for name in NAMES}
    assert all(step is not None and step.is_shipped for step in steps.values())
    points = {name: step.change_points for name, step in steps.items() if step}
    assert points["us_2025_04"] == pytest.approx(125)
    assert points["us_2025_05"] == pytest.approx(-115)
    assert points["us_2025_11"] == pytest.approx(-10)
    assert points["us_2026_02"] == pytest.approx(-10)
    assert points["us_2018_07"] >= 0 and points["us_2019_05"] >= 0


def test_zero_is_the_base_to_the_bit() -> None:
    found = stressing.measure(ground(), scenarios.find("zero"))
    assert all((found.rows[level] == found.rows["base"]).all() for level in stressing.LEVELS)
    assert found.claims == Band(0, 0, 0) and found.shows is None
    assert found.fund_before == 20 and found.fund_after == Band(20, 20, 20)
    also = stressing.measure(ground(), made(tariff=duty(0), orders={"17": 0.0}, credit={"大型": 0.0}))
    assert (extra(also) == 0).all()


@settings(max_examples=30, deadline=None)
@given(small=st.floats(0, 1), more=st.floats(0, 1))
@pytest.mark.parametrize("channel", ["tariff", "orders", "deferral", "credit"])
def test_larger_scenarios_never_cost_fewer_jobs(channel: str, small: float, more: float) -> None:
    def scenario(size: float) -> scenarios.Scenario:
        bodies: dict[str, Any] = {
            "tariff": duty(200 * size),
            "orders": {"17": size, "13": size},
            "deferral": {"deferred_months": 2, "repay_months": 1, "share": size},
            "credit": {"中型": size, "未定": size},
        }
        return made(**{channel: bodies[channel]})

    one, two = (stressing.measure(HELD, scenario(size)) for size in (small, max(small, more)))
    for level in stressing.LEVELS:
        assert (one.rows[level] >= one.rows["base"]).all()
        assert (two.rows[level] >= one.rows[level] * (1 - 1e-12)).all()


HELD = ground()


def test_who_is_not_exposed_is_not_hit() -> None:
    found = extra(stressing.measure(ground(), made(tariff=duty(125))))
    assert list(found > 0) == [True, True, False, False, False, False]
    assert found[0] / 1000 > found[1] / 400, "a quarter of the income is at stake, not all"
    nobody = stressing.measure(ground(trade=trade([], [])), scenarios.find("us_2025_04"))
    assert (extra(nobody) == 0).all()
    other = stressing.measure(ground(), made(tariff=duty(125, hs="95")))
    assert list(extra(other) > 0) == [False, True, False, False, False, False]


def test_each_channel_hits_its_own() -> None:
    cases: list[tuple[dict[str, Any], list[int]]] = [
        ({"orders": {"17": 0.2}}, [0, 1, 2]),
        ({"credit": {"微型": 0.1, "未定": 0.1}}, [4, 5]),
        ({"deferral": {"deferred_months": 1, "repay_months": 3}}, [5]),
        ({"closing": {"largest": {"count": 1, "county": "320706"}}}, [5]),
        ({"closing": {"largest": {"count": 2, "industry": "17"}}}, [0, 1]),
        ({"closing": {"enterprises": ["E3"]}}, [3]),
    ]
    for body, hit in cases:
        found = stressing.measure(ground(), made(**body))
        assert list(np.flatnonzero(extra(found) > 0)) == hit, body
    assert found.rows["central"][3] == 60 and found.to_colours["red"].central == 0
    one, two = (
        extra(stressing.measure(ground(), made(deferral={"deferred_months": n, "repay_months": 3}))).sum()
        for n in (1, 2)
    )
    assert two > one


def test_whose_size_is_unknown_is_told_where_credit_tightens_by_size() -> None:
    found = stressing.measure(ground(), made(credit={"微型": 0.1}))
    assert found.unknown["credit"] == 1
    assert "信贷收紧1家（规模未知）" in stress_words.page(ground(), found)
    assert "credit" not in stressing.measure(ground(), made(credit={"微型": 0.1, "未定": 0.1})).unknown


@pytest.mark.parametrize("base_fen", [None, 0, 100_000_00])
def test_an_unknown_base_is_no_shock_and_counted_where_deferrals_end(base_fen: int | None) -> None:
    plain = ground()
    own = pl.when(pl.col("enterprise_no") == 5).then(base_fen).otherwise("base_fen")
    held = ground(rows=plain.rows.with_columns(base_fen=own))
    found = stressing.measure(held, scenarios.find("deferral_end"))
    is_unknown = base_fen is None
    assert (extra(found)[5] > 0) is not is_unknown
    assert (found.hit["deferral"], found.unknown["deferral"]) == (int(not is_unknown), int(is_unknown))
    assert ("缓缴到期1家（缴费基数未知）" in stress_words.page(held, found)) is is_unknown


def unscored(**changes: Any) -> pl.DataFrame:
    """Three employers to whom the model gives no chance."""
    columns: dict[str, Any] = {"enterprise_no": [7, 8, 9], "enterprise_id": ["E7", "E8", "E9"]}
    columns |= {"county_code": ["320703", "320703", "320724"], "county_name": ["连云区", "连云区", "灌南县"]}
    columns |= {"insured_persons": [9, 8, 7], "is_us_exporter": [True, False, False]}
    rest = {name: pl.lit(None, kind) for name, kind in HELD.rows.schema.items() if name not in columns}
    return pl.DataFrame(columns | changes).with_columns(**rest).select(HELD.rows.columns)


def test_whom_the_model_does_not_score_is_in_no_sum_and_counted() -> None:
    held = ground(unscored=unscored())
    for name in ("zero", "orders", "closing"):
        plain, found = (stressing.measure(one, scenarios.find(name)) for one in (HELD, held))
        assert stressing.totals(found.rows).equals(stressing.totals(plain.rows))
    page = stress_words.page(held, found)
    assert "另有3家参保企业未知（学习模型没有给出估计，其中涉美出口企业1家）" in page
    assert "  灌南县：企业少于3家" in page and "另有" not in stress_words.page(HELD, plain)
    body = stress_words.plain(held, found)
    assert body["unscored"] == 3
    assert [row["base"] for row in body["counties"] if row["county_name"] == "灌南县"] == [None]
    last = stress_words.table(held, found).row(-1, named=True)
    assert (last["范围"], last["企业家数"], last["参保人数"]) == ("学习模型未估计", 3, 24)
    assert last["基准预计减少岗位"] is None and last["增减"] is None
    with pytest.raises(NotFoundError, match="no base, for: E7"):
        stressing.measure(held, made(closing={"enterprises": ["E0", "E7"]}))


@pytest.mark.parametrize("name", [found.name for found in scenarios.ready()])
def test_a_page_has_no_english_word(name: str) -> None:
    held = ground(unscored=unscored())
    assert not re.search("[A-Za-z]{3,}", stress_words.page(held, stressing.measure(held, scenarios.find(name))))


def test_the_longest_code_of_made_up_duties_counts() -> None:
    duties = [{"hs": "*", "change_pct": 10}, {"hs": "61", "change_pct": 20}, {"hs": "610910", "change_pct": 0}]
    found = stressing.measure(ground(), made(tariff={"duties": duties}))
    assert found.step is not None and found.step.change_points == pytest.approx(5)


def test_the_homes_own_measures_are_read_where_they_reach_back() -> None:
    own = (Measure("m", "g", "*", 300, date(2025, 4, 1), None, "已生效"),)
    late = stressing.measure(ground(measures=own), scenarios.find("us_2025_04"))
    assert late.step is not None and not late.step.is_shipped and late.step.change_points == 0
    early = stressing.measure(ground(measures=own), scenarios.find("us_2018_07"))
    assert early.step is not None and early.step.is_shipped


def test_what_is_missing_is_said_not_made_up() -> None:
    with pytest.raises(UsageError, match="no export by product"):
        stressing.measure(ground(trade=None), scenarios.find("us_2025_04"))
    with pytest.raises(NotFoundError, match="E7, E9"):
        stressing.measure(ground(), made(closing={"enterprises": ["E9", "E0", "E7"]}))
    with pytest.raises(NotFoundError, match="only 1 employers"):
        stressing.measure(ground(), made(closing={"largest": {"count": 2, "industry": "18"}}))
    bare = ground(fund=None, held=(date(2026, 11, 20), 1))
    found = stressing.measure(bare, scenarios.find("orders"))
    page = stress_words.page(bare, found)
    assert "可支付月数未知" in page and "没有一个数据源列出交易对手" in page
    assert "工作库已是2026年11月20日的一夜" in page and found.fund_after is None


def test_small_cells_are_not_told_and_cannot_be_taken_off_the_city() -> None:
    figures = pl.DataFrame({"county": list("abcd"), "enterprises": [2, 9, 4, 7]}).with_columns(
        *(pl.lit(1.0).alias(name) for name in stressing.FIGURES[1:])
    )
    assert stressing.told(figures, 3)["base"].to_list() == [None, 1.0, None, 1.0]
    assert stressing.told(figures, 1)["base"].to_list() == [1.0] * 4
    held = stress_words.table(ground(), stressing.measure(ground(), scenarios.find("closing")))
    told = dict(zip(held["名称"], held["企业家数"], strict=True))
    assert told["连云区"] == 3 and told["纺织服装、服饰业"] is None and told["农副食品加工业"] is None
