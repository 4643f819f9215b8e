"""The reserve fund: what must hold of any simulated need, what past events teach, and the command on a small city."""

import json
import re
import shutil
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from models import reserve, unpaid
from models.joint_loss import INDEPENDENT, known
from models.reserve import Paths, Terms
from models.unpaid import Assumed, Figure, Unpaid
from pipelines import parameters as parameter_files
from pipelines import reserve as reserving
from pipelines import reserve_past
from pipelines.cli_reserve import reserve_command
from pipelines.errors import NotFoundError, UsageError
from pipelines.means import Means
from pipelines.reserve import Asked
from pipelines.run import add_months
from pipelines.settings import Home

SHOCK = known(0.4, 0.3)
SURE = Terms(0.95)
WAGES = Assumed((0.1, 0.25, 0.5), (1, 2, 3), (0.2, 0.5, 1.0))
CONTRIBUTIONS = Assumed((0.1, 0.25, 0.5), (1, 3, 6))
AS_OF = date(2026, 11, 12)


def a_city(size: int = 400, *, rate: float = 0.03, seed: int = 1) -> pl.DataFrame:
    generator = np.random.default_rng(seed)
    persons = np.clip(np.exp(generator.normal(3.0, 1.2, size)), 1, 900).astype(np.int64)
    return pl.DataFrame(
        {
            "county": [f"县{one}" for one in generator.integers(0, 3, size)],
            "industry": [f"业{one}" for one in generator.integers(0, 4, size)],
            "probability": 1 / (1 + np.exp(-(np.log(rate) + generator.normal(0, 0.8, size)))),
            "persons": persons,
            "wages": persons * 600_000.0,
            "dues": persons * 150_000.0,
        }
    )


def events(count: int = 120, *, seed: int = 2) -> pl.DataFrame:
    """Past events, two an enterprise: a third left unpaid wages, a quarter unpaid contributions."""
    generator = np.random.default_rng(seed)
    has_wages, has_dues = generator.random(count) < 1 / 3, generator.random(count) < 1 / 4
    return pl.DataFrame(
        {
            "enterprise": [f"e{one // 2}" for one in range(count)],
            "persons": generator.integers(30, 500, count),
            "staff_share": has_wages * generator.uniform(0.1, 1.0, count),
            "wage_months": has_wages * generator.uniform(0.5, 3.0, count),
            "contribution_months": has_dues * generator.uniform(0.5, 5.0, count),
        }
    )


def learned(evidence: pl.DataFrame, *, counted: bool = False) -> Unpaid:
    return unpaid.learn(evidence, fewest=30, wages=WAGES, contributions=CONTRIBUTIONS, counted=counted)


def simulated(city: pl.DataFrame, found: Unpaid, **changes: Any) -> Paths:
    return reserve.simulate(city, **{"shock": SHOCK, "unpaid": found, "horizon": 4, "draws": 800, **changes})


@pytest.fixture(scope="module")
def from_past() -> Unpaid:
    return learned(events())


@pytest.fixture(scope="module")
def paths(from_past: Unpaid) -> Paths:
    return simulated(a_city(), from_past)


def test_no_chance_and_no_severity_need_nothing(from_past: Unpaid) -> None:
    nobody = a_city().with_columns(probability=0.0)
    harmless = learned(events().with_columns(staff_share=0.0, wage_months=0.0, contribution_months=0.0))
    for found in (simulated(nobody, from_past), simulated(a_city(), harmless), simulated(a_city(0), from_past)):
        assert reserve.total(found.city()) == reserve.need(found.city(), SURE) == Figure(0, 0, 0)
        assert reserve.replenishment(found.city(), SURE, 0.0) == Figure(0, 0, 0)
        assert reserve.ruin(found.city(), SURE, 0.0) == Figure(0, 0, 0)


def test_the_mean_is_chance_times_what_events_left() -> None:
    evidence = events()
    found = learned(evidence)
    even = Unpaid(**{**vars(found), "pools": (pooled(evidence),) * 3})
    city = a_city()
    paths = simulated(city, even, draws=4000)
    for part, name, left in (
        (0, "wages", float(evidence.select(pl.col("staff_share") * pl.col("wage_months")).to_numpy().mean())),
        (1, "dues", float(evidence["contribution_months"].to_numpy().mean())),
    ):
        expected = 4 * float((city["probability"] * city[name]).sum()) * left
        assert reserve.total(paths.city(part)).value == pytest.approx(expected, rel=0.04)


def pooled(evidence: pl.DataFrame) -> unpaid.Pool:
    values = evidence.select("staff_share", "wage_months", "contribution_months").to_numpy()
    return unpaid.Pool(values, np.full((unpaid.REPLICAS, len(values)), 1 / len(values)))


def test_a_share_of_the_mean_is_each_countys_and_each_parts(paths: Paths) -> None:
    city = reserve.total(paths.city()).value
    parts = [reserve.total(paths.city(part)).value for part in (0, 1)]
    counties = [reserve.total(paths.county(place)).value for place in range(len(paths.counties))]
    assert sum(parts) == pytest.approx(city) and sum(counties) == pytest.approx(city)
    assert paths.counties == ("县0", "县1", "县2")


def test_a_surer_fund_is_larger_and_every_figure_lies_in_its_interval(paths: Paths) -> None:
    needs = [reserve.need(paths.city(), Terms(level)) for level in (0.5, 0.8, 0.9, 0.95, 0.99)]
    assert [one.value for one in needs] == sorted(one.value for one in needs)
    assert all(one.low <= one.value <= one.high for one in needs)
    assert needs[0].value < needs[-1].value


def test_a_longer_horizon_needs_more(from_past: Unpaid) -> None:
    needs = [reserve.need(simulated(a_city(), from_past, horizon=one).city(), SURE).value for one in (1, 2, 4)]
    assert needs == sorted(needs)


def test_likelier_events_need_more(from_past: Unpaid) -> None:
    needs = [reserve.need(simulated(a_city(rate=rate), from_past).city(), SURE).value for rate in (0.01, 0.03, 0.1)]
    assert needs == sorted(needs)


def test_worse_events_need_more_on_every_path(paths: Paths) -> None:
    worse = simulated(a_city(), learned(events().with_columns(pl.col("wage_months") * 1.5)))
    assert (worse.outlays >= paths.outlays).all() and (worse.replicas >= paths.replicas).all()
    assert reserve.need(worse.city(), SURE).value > reserve.need(paths.city(), SURE).value
    closed = paths.with_outlay(1e9)
    assert reserve.need(closed.city(), SURE).value == pytest.approx(reserve.need(paths.city(), SURE).value + 1e9)


def test_shared_shocks_spread_the_outlays_and_keep_their_mean(from_past: Unpaid) -> None:
    city = a_city(1500)
    alone, shared = (simulated(city, from_past, shock=one, draws=2000) for one in (INDEPENDENT, known(0.9, 0.5)))
    assert reserve.total(shared.city()).value == pytest.approx(reserve.total(alone.city()).value, rel=0.06)
    assert reserve.need(shared.city(), Terms(0.99)).value > 1.1 * reserve.need(alone.city(), Terms(0.99)).value


def test_what_comes_back_sooner_or_more_lowers_the_need(paths: Paths) -> None:
    shares = [reserve.need(paths.city(), Terms(0.95, share, 1)).value for share in (0.0, 0.3, 0.6, 1.0)]
    assert shares == sorted(shares, reverse=True) and shares[-1] < shares[0]
    lags = [reserve.need(paths.city(), Terms(0.95, 0.5, lag)).value for lag in (1, 2, 3, 9)]
    assert lags == sorted(lags) and lags[-1] == shares[0]
    assert reserve.need(paths.city(), Terms(0.95, 1.0, 1)).value >= paths_peak(paths)


def paths_peak(paths: Paths) -> float:
    """With all of it back after one period, the dearest single period is still needed."""
    return unpaid.quantile(paths.city()[0].max(axis=1), 0.95)


def test_a_larger_opening_needs_less_paid_in_and_runs_dry_less(paths: Paths) -> None:
    need = reserve.need(paths.city(), SURE).value
    openings = [share * need for share in (0.6, 0.8, 1.0, 1.2)]
    paid = [reserve.replenishment(paths.city(), SURE, one) for one in openings]
    told = [one.value for one in paid if one]
    assert told == sorted(told, reverse=True) and len(told) >= 3
    assert told[-1] == 0 and told[-2] == 0
    dry = [reserve.ruin(paths.city(), SURE, one).value for one in openings]
    assert dry == sorted(dry, reverse=True) and dry[2] <= 0.05
    surer = [reserve.replenishment(paths.city(), Terms(level), 0.8 * need) for level in (0.9, 0.95, 0.97)]
    values = [one.value for one in surer if one]
    assert values == sorted(values)


def test_what_is_paid_in_does_what_it_should(paths: Paths) -> None:
    outlays = paths.city()[0]
    opening = 0.8 * reserve.need(paths.city(), SURE).value
    paid = reserve.replenishment(paths.city(), SURE, opening)
    assert paid is not None
    balance = opening + paid.value * np.arange(4) - np.cumsum(outlays, axis=1)
    assert (balance >= -1e-6).all(axis=1).mean() >= 0.95


def test_nothing_paid_in_later_saves_the_first_period(paths: Paths) -> None:
    assert reserve.replenishment(paths.city(), SURE, 0.0) is None


def test_the_order_of_rows_changes_no_bit(from_past: Unpaid, paths: Paths) -> None:
    shuffled = simulated(a_city().sample(fraction=1.0, shuffle=True, seed=5), from_past)
    assert shuffled.outlays.tobytes() == paths.outlays.tobytes()
    assert shuffled.replicas.tobytes() == paths.replicas.tobytes()
    again = learned(events().sample(fraction=1.0, shuffle=True, seed=5))
    assert again.figures == from_past.figures
    assert simulated(a_city(), again).outlays.tobytes() == paths.outlays.tobytes()
    assert simulated(a_city(), from_past, seed=1).outlays.tobytes() != paths.outlays.tobytes()


def test_frequency_and_severity_are_found_again_and_the_interval_narrows() -> None:
    few, many = learned(events(60)), learned(events(3000))
    for found in (few, many):
        assert found.wages_learned and found.contributions_learned
        assert found.figures["wage_chance"].low <= 1 / 3 <= found.figures["wage_chance"].high
    assert many.figures["wage_months"].value == pytest.approx(1.75, abs=0.1)
    assert many.figures["contribution_months"].value == pytest.approx(2.75, abs=0.15)
    width = [one.figures["wage_chance"].high - one.figures["wage_chance"].low for one in (few, many)]
    assert width[1] < width[0] / 3
    assert (few.events, few.enterprises) == (60, 30)


def test_counted_chances_are_open_too() -> None:
    assert (learned(events()).frequency == 1).all()
    moved = learned(events(), counted=True).frequency
    assert moved.mean() == pytest.approx(1, abs=0.06) and 0.05 < moved.std() < 0.3


def test_too_few_events_and_missing_feeds_fall_back_on_what_is_assumed() -> None:
    few = learned(events(20))
    assert not few.wages_learned and not few.contributions_learned and (few.frequency == 1).all()
    assert few.figures["wage_chance"].low == pytest.approx(0.1) and few.figures["wage_chance"].high == pytest.approx(
        0.5
    )
    assert few.figures["contribution_months"].high == pytest.approx(6)
    no_claims = learned(events().with_columns(staff_share=None, wage_months=None))
    assert not no_claims.wages_learned and no_claims.contributions_learned
    learned_alone = learned(events()).figures["contribution_chance"].value
    assert no_claims.figures["contribution_chance"].value == pytest.approx(learned_alone)
    assert no_claims.figures["wage_months"].low == pytest.approx(1)
    needed = reserve.need(simulated(a_city(), few).city(), SURE)
    assert needed.low < needed.value < needed.high


@pytest.mark.parametrize("change", [{"probability": 1.2}, {"wages": None}, {"dues": -1.0}, {"persons": -1}])
def test_values_out_of_range_are_refused(change: dict[str, Any], from_past: Unpaid) -> None:
    faulty = a_city(5).with_columns(**{name: pl.lit(value) for name, value in change.items()})
    with pytest.raises(ValueError, match="out of range"):
        simulated(faulty, from_past)


def test_evidence_and_terms_out_of_range_are_refused(from_past: Unpaid) -> None:
    with pytest.raises(ValueError, match="more than all"):
        learned(events().with_columns(staff_share=1.5))
    with pytest.raises(ValueError, match="0 or more"):
        learned(events().with_columns(contribution_months=-1.0))
    for confidence, recovered, lag in ((1.0, 0.0, 1), (0.9, 1.1, 1), (0.9, 0.0, 0)):
        with pytest.raises(ValueError, match="confidence"):
            Terms(confidence, recovered, lag)
    with pytest.raises(ValueError, match="periods"):
        simulated(a_city(), from_past, horizon=0)


def test_months_of_the_unemployment_fund() -> None:
    assert reserving.lasting(pl.DataFrame(schema={"outlay_fen": pl.Int64, "balance_fen": pl.Int64})) == ()
    fund = pl.DataFrame({"outlay_fen": [100, 200, 300, 400], "balance_fen": [2400, 0, 0, 0]})
    (only,) = reserving.lasting(fund)
    assert (only.months, only.left) == (3, Figure(12, 8, 24))


def test_a_claim_filed_three_ways_counts_once_and_a_deferral_is_no_arrears() -> None:
    origin = date(2026, 1, 1)
    event = pl.DataFrame({"enterprise_no": [7], "enterprise": ["e"], "origin": [origin], "persons": [100]})
    event = event.with_columns(base_fen=pl.lit(60_000_000), due_fen=pl.lit(15_000_000))
    claims = pl.DataFrame(
        {
            "enterprise_no": [7, 7, 7, 7, 7],
            "origin": [origin] * 5,
            "source": ["complaint", "complaint", "arbitration", "visit", "visit"],
            "claimants": [10, 10, 15, 12, 12],
            "fen": [6_000_000, 6_000_000, 9_000_000, 7_200_000, 7_200_000],
        }
    )
    owed = pl.DataFrame({"enterprise_no": [7, 7], "origin": [origin] * 2, "owed_fen": [15_000_000, 7_500_000]})
    (row,) = reserve_past._left(event, claims, owed, parameter_files.load(AS_OF)).to_dicts()
    assert row["staff_share"] == pytest.approx(0.2) and row["wage_months"] == pytest.approx(1.0)
    assert row["contribution_months"] == pytest.approx(1.5) and row["fen"] == 12_000_000
    for lost in ([None, None], [None, 7_500_000]):
        untold = owed.with_columns(owed_fen=pl.Series(lost, dtype=pl.Int64))
        (row,) = reserve_past._left(event, claims, untold, parameter_files.load(AS_OF)).to_dicts()
        assert row["contribution_months"] is None, "nobody told what was paid, which is not that all was"
    (row,) = reserve_past._left(event, claims, owed.clear(), parameter_files.load(AS_OF)).to_dicts()
    assert row["contribution_months"] == 0


def test_a_payment_that_was_not_told_is_neither_paid_nor_unpaid() -> None:
    """Dues, payment and deferral of pension and unemployment insurance in fen, and what is owed."""
    months = [
        ((900, 900, None, 100, 100, None), 0),
        ((900, 300, None, 100, 100, None), 600),
        ((900, 300, 600, 100, 100, None), 0),
        ((900, None, None, 100, 100, None), None),
        ((900, 0, None, 100, None, None), None),
        ((900, None, 900, 100, 60, None), 40),
        ((900, 900, None, 0, None, None), 0),
        ((None, 900, None, None, 100, None), None),
        ((900, 900, None, None, None, None), 0),
    ]
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA core")
        connection.execute("CREATE TABLE core.enterprise AS SELECT 7 AS enterprise_no, false AS is_labour_agency")
        fen = ", ".join(
            f"{what}_{kind}_fen BIGINT"
            for kind in ("pension", "unemployment", "injury")
            for what in ("due", "paid", "deferred")
        )
        connection.execute(
            f"CREATE TABLE core.enterprise_month (enterprise_no BIGINT, month DATE, base_fen BIGINT, {fen})"
        )
        for place, (values, _) in enumerate(months):
            row = [7, add_months(date(2026, 1, 1), place), 1000, *values, None, None, None]
            connection.execute("INSERT INTO core.enterprise_month VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        asked: dict[str, Any] = {"first": date(2026, 1, 1), "last": date(2026, 12, 1), "tolerance": 0}
        whole, alone = (
            connection.sql(reserve_past.MONTHS, params={**asked, "numbers": numbers}).pl() for numbers in ([7], [])
        )
    assert whole["owed_fen"].to_list() == [owed for _, owed in months]
    assert alone["owed_fen"].to_list() == [owed for _, owed in months if owed != 0], "also of those without an event"


@pytest.fixture(scope="module")
def asked(issued_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Means:
    home = Home(shutil.copytree(issued_home, tmp_path_factory.mktemp("reserve") / "home", symlinks=True))
    return Means(home=home, now=datetime(2026, 11, 30, 9))


def call(means: Means, *options: str) -> str:
    result = CliRunner().invoke(reserve_command, list(options), obj=means, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return str(result.stdout)


def test_the_command_on_a_generated_city(asked: Means) -> None:
    page = call(asked)
    assert page.startswith("【模拟数据】就业风险储备金测算")
    assert page.splitlines()[-1].startswith("未计入：") and not re.search("[A-Za-z]{2,}", page)
    assert all(word in page for word in ("没有金额和使用规则", "不要相加", "项目默认口径", "未计入", "失业保险基金"))
    body = json.loads(call(asked, "--json", "--confidence", "0.99", "--horizon", "2", "--balance", "100"))
    assert (body["confidence"], body["periods"], body["openings"][0]["balance_fen"]) == (0.99, 2, 10_000)
    assert 0 < body["need_fen"]["low"] <= body["need_fen"]["value"] <= body["need_fen"]["high"]
    assert body["need_with_recovery_fen"]["value"] <= body["need_fen"]["value"]
    assert body["evidence"]["chances_from"] == "own_past" and body["evidence"]["enterprises"] > 0
    worse = {one["name"]: one["need_fen"]["value"] for one in body["stress"]}
    assert worse["odds"] >= body["need_fen"]["value"] and worse["largest_3"] > worse["largest_1"]
    assert all(one["reference"] and one["standing"] for one in body["assumptions"])
    for faulty in (("--confidence", "1"), ("--horizon", "0"), ("--balance", "-1")):
        with pytest.raises(UsageError):
            call(asked, *faulty)


def test_what_is_missing_is_said_not_made_up(asked: Means, tmp_path: Path) -> None:
    home = Home(shutil.copytree(asked.home.root, tmp_path / "home", symlinks=True))
    with duckdb.connect(str(home.warehouse)) as connection:
        for table in ("ui_fund_month", "wage_complaint", "arbitration", "follow_up"):
            connection.execute(f"DELETE FROM core.{table}")
    page = call(Means(home=home, now=asked.now))
    assert "注意：欠薪" in page and "的历史不足" in page and "没有收支数据，未知" in page
    assert "（历史不足，项目默认口径）" in page and "登记的欠薪诉求没有记录" in page
    home.warehouse.unlink()
    with pytest.raises(NotFoundError, match="how events come together"):
        call(Means(home=home, now=asked.now))


def test_months_without_payment_are_counted_and_told(asked: Means, tmp_path: Path) -> None:
    home = Home(shutil.copytree(asked.home.root, tmp_path / "home", symlinks=True))
    untold = "due_pension_fen > coalesce(deferred_pension_fen, 0) AND month = DATE '2026-03-01'"
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute("ALTER VIEW core.enterprise_month RENAME TO delivered")
        paid = f"CASE WHEN NOT ({untold}) THEN paid_pension_fen END AS paid_pension_fen"
        connection.execute(f"CREATE TABLE core.enterprise_month AS SELECT * REPLACE ({paid}) FROM core.delivered")
        found = connection.execute(
            "SELECT count(*) FROM core.enterprise_month JOIN core.enterprise USING (enterprise_no) "
            f"WHERE {untold} AND NOT coalesce(is_labour_agency, false)"
        ).fetchone()
    assert found is not None and found[0] > 0
    before, after = (json.loads(call(one, "--json"))["evidence"] for one in (asked, Means(home=home, now=asked.now)))
    assert before["left_out"]["months_without_payment"] == 0
    assert after["left_out"]["months_without_payment"] == found[0]
    assert after["left_out"]["events_without_base"] > before["left_out"]["events_without_base"]
    assert after["arrears_fen"]["all_fen"] < before["arrears_fen"]["all_fen"]
    assert f"另有{found[0]}个企业月应缴或实缴未知" in call(Means(home=home, now=asked.now))


def test_a_learned_models_chances_and_shock_are_used(led_home: Path, tmp_path: Path) -> None:
    home = Home(shutil.copytree(led_home, tmp_path / "home", symlinks=True))
    body = json.loads(call(Means(home=home, now=datetime(2026, 11, 30, 9)), "--json", "--horizon", "1"))
    assert body["evidence"]["chances_from"] == "model" and body["need_fen"]["value"] >= 0
    assert body["evidence"]["unscored"] > 0
    page = call(Means(home=home, now=datetime(2026, 11, 30, 9)), "--horizon", "1")
    assert f"另有{body['evidence']['unscored']}家参保企业未知" in page and not re.search("[A-Za-z]{2,}", page)
    home.warehouse.unlink()
    page = call(Means(home=home, now=datetime(2026, 11, 30, 9)), "--horizon", "1")
    assert "工作库中没有当期数据" in page and "未知" in page


def test_asked_defaults() -> None:
    assert (Asked().confidence, Asked().periods, Asked().balance_fen) == (0.95, 4, None)
