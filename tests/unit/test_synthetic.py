"""The generated city: same arguments same bytes, codes that check, flows that add up, errors written down, no leaks."""

import csv
import hashlib
from datetime import date, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from python_calamine import CalamineWorkbook

from pipelines import contracts, parameters
from pipelines.contracts import SQL
from pipelines.errors import UsageError
from pipelines.synthetic import CitySummary, codes, generate
from pipelines.synthetic.calibration import add_months, calibration, stream
from pipelines.synthetic.clusters import divisions, plan_clusters
from pipelines.synthetic.history import History
from pipelines.synthetic.population import populate
from pipelines.synthetic.shocks import KINDS, SIGNALS, plan_episodes, plan_transfers
from pipelines.synthetic.trade import exports, plan_trade

UNTIL = date(2026, 10, 1)
PERSONAL = {
    "wage_complaint": ("投诉人姓名", "投诉人身份证号", "投诉人联系电话", "被诉单位名称", "诉求内容"),
    "arbitration": ("申请人姓名", "申请人身份证号", "申请人联系电话", "被申请人名称"),
    "follow_up": ("受访人姓名", "受访人联系电话"),
}


def make(out: Path, *, seed: int = 7, enterprises: int = 500, months: int = 24) -> CitySummary:
    return generate(
        out,
        enterprises=enterprises,
        months=months,
        until=UNTIL,
        seed=seed,
        contracts=contracts.load(),
        parameters=parameters.load(UNTIL),
    )


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("city")
    make(out)
    return out


@pytest.fixture(scope="module")
def played() -> dict:
    """A city of 12,000 employers without its files: plans, diary and what was counted month by month."""
    first = add_months(UNTIL, -35)
    people = populate(12_000, months=36, first=first, seed=3)
    trade = plan_trade(people, seed=3)
    episodes = plan_episodes(people, trade, months=36, first=first, seed=3)
    moves = plan_transfers(people, months=36, seed=3)
    history = History(people, episodes, moves, first=first, months=36, seed=3, parameters=parameters.load(UNTIL))
    rng = stream(3, "test")
    months = []
    previous = None
    for month in history:
        if previous is not None:
            assert (month.insured == previous + month.joiners - month.leavers).all()
        assert (month.insured >= 0).all() and (month.high_base_leavers <= month.leavers).all()
        assert all((month.paid[k] + month.deferred[k] <= month.due[k]).all() for k in month.due)
        previous = month.insured
        rows = exports(trade, month.month, orders=month.weight.orders, alive=month.alive, rng=rng)
        us = rows.filter(pl.col("destination") == 0, pl.col("role") == 0)["cents"].sum()
        months.append(
            {
                "month": month.month,
                "insured": int(month.insured.sum()),
                "joiners": int(month.joiners.sum()),
                "leavers": int(month.leavers.sum()),
                "from_30": int((people.of_units(month.insured) >= 30).sum()),
                "us": us,
                "deferred": int((month.deferred["pension"] > 0).sum()),
            }
        )
    return {"people": people, "trade": trade, "episodes": episodes, "history": history, "months": pl.DataFrame(months)}


def digests(folder: Path) -> dict[str, str]:
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


def text(path: Path) -> str:
    body = path.read_bytes()
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return body.decode("gb18030")


def grid(path: Path) -> list[list[str]]:
    """A delivered file as rows of cells, whatever its format."""
    if path.suffix == ".csv":
        return list(csv.reader(text(path).splitlines()))
    sheet = CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()
    return [[str(cell) for cell in row] for row in sheet]


def test_the_same_arguments_give_the_same_bytes_of_every_file(city: Path, tmp_path: Path) -> None:
    make(tmp_path / "again")
    assert digests(tmp_path / "again") == digests(city)


def test_another_seed_gives_another_city(city: Path, tmp_path: Path) -> None:
    make(tmp_path / "other", seed=8)
    assert digests(tmp_path / "other")["deliveries.csv"] != digests(city)["deliveries.csv"]


def test_both_check_digits_hold_and_every_code_is_in_the_reserved_range(city: Path) -> None:
    uscc = pytest.importorskip("stdnum.cn.uscc")
    found = pl.read_parquet(city / "truth/enterprises.parquet")["uscc"].to_list()
    assert len(set(found)) == len(found) == 500
    for code in found:
        assert uscc.is_valid(code)
        assert code[8:11] == "PDY" and 1 <= int(code[11:16]) <= 99_999
        assert codes.organisation_check(code[8:16]) == code[16]


def test_known_codes_of_the_reserved_range_come_out_as_published() -> None:
    for code in ("91320703PDY00001X4", "91320706PDY000028F", "91320707PDY123458F", "91320722PDY00001XL"):
        assert codes.organisation_check(code[8:16]) == code[16]
        assert codes.uscc_check(code[:17]) == code[17]


def test_codes_stay_different_beyond_the_reserved_numbers() -> None:
    made = codes.usccs(["320706"] * 150_000, np.random.default_rng(1))
    assert len(set(made)) == len(made)
    with pytest.raises(UsageError, match="reserved range"):
        codes.usccs(["320706"] * (codes.MOST + 1), np.random.default_rng(1))


def test_names_are_all_different_and_say_that_they_are_made_up(played: dict) -> None:
    names = played["people"].name
    assert len(set(names)) == len(names)
    assert all("模拟" in name for name in names)


def test_sizes_counties_and_sectors_lie_in_their_bands(played: dict) -> None:
    people = played["people"]
    staff = people.staff
    assert 17 < staff.mean() < 23
    assert 0.40 < (staff < 4.5).mean() < 0.50
    assert 0.09 < (staff >= 30).mean() < 0.14
    made = np.array(people.section) == "C"
    assert 0.33 < staff[made].sum() / staff.sum() < 0.44
    assert abs(people.units / people.enterprises - 1.03) < 0.005


def test_exporters_are_few_and_a_tenth_of_them_send_most(played: dict) -> None:
    trade, people = played["trade"], played["people"]
    own = np.where(trade.maker >= 0, trade.maker, trade.trader)
    value = np.sort(np.bincount(own, weights=trade.value)[np.unique(own)])[::-1]
    assert 0.05 < (trade.customs_of >= 0).mean() < 0.07
    assert 0.017 < (trade.us_share > 0).mean() < 0.027
    assert value[: len(value) // 10].sum() > 0.6 * value.sum()
    assert 0.08 < trade.value[trade.is_us].sum() / trade.value.sum() < 0.20
    assert len(people.uscc) == people.enterprises


def test_flows_and_the_rate_of_mass_reductions_lie_in_their_bands(played: dict) -> None:
    months = played["months"]
    events = pl.DataFrame(played["history"].diary.events)
    large = events.filter(pl.col("staff_before") >= 30)
    assert 0.003 < large.height / months["from_30"].sum() < 0.006
    assert 0.10 < (events["warning"] == "sudden").mean() < 0.20
    assert (large["persons"] >= 20).all()
    ordinary = months.filter(~pl.col("month").dt.month().is_in([1, 2, 3]))
    assert 0.01 < (ordinary["leavers"] / ordinary["insured"]).mean() < 0.03
    planned = played["episodes"]
    distressed = planned.kind < 2
    assert 0.25 < planned.recovers[distressed].mean() < 0.35
    assert not planned.signals[planned.sudden].any()


@pytest.mark.parametrize(
    ("before", "low", "after"), [("2024-12", "2025-01", "2025-02"), ("2026-01", "2026-02", "2026-03")]
)
def test_the_festival_dip_moves_with_the_moon(played: dict, before: str, low: str, after: str) -> None:
    insured = {m.strftime("%Y-%m"): n for m, n in played["months"].select("month", "insured").iter_rows()}
    assert insured[low] < 0.99 * insured[before]
    assert insured[after] > 1.007 * insured[low]


def test_exports_to_the_us_fall_in_spring_2025_and_come_back_in_part(played: dict) -> None:
    us = {m.strftime("%Y-%m"): v for m, v in played["months"].select("month", "us").iter_rows()}
    before = sum(us[f"2024-{m:02d}"] for m in (4, 5))
    shock = sum(us[f"2025-{m:02d}"] for m in (4, 5))
    later = sum(us[f"2025-{m:02d}"] for m in (6, 7)) / sum(us[f"2024-{m:02d}"] for m in (6, 7))
    assert 0.60 < shock / before < 0.85
    assert later > shock / before


def test_deferrals_are_approved_only_while_the_policy_was_in_force(played: dict) -> None:
    months = played["months"].with_columns(open=pl.col("month").is_between(date(2025, 7, 1), date(2025, 12, 1)))
    assert (months.filter("open")["deferred"] > 0).all()
    assert (months.filter(~pl.col("open"))["deferred"] == 0).all()


def test_every_sign_comes_before_the_event_and_an_event_beyond_the_end_is_only_planned(played: dict) -> None:
    episodes = played["episodes"]
    assert (episodes.event >= 36).any()
    assert set(calibration()["signals"]) == set(SIGNALS)
    for event in played["history"].diary.events:
        assert event["month"] <= UNTIL


def test_the_list_of_arrivals_names_every_file_once_in_order(city: Path) -> None:
    with (city / "deliveries.csv").open(encoding="utf-8", newline="") as source:
        rows = list(csv.DictReader(source))
    instants = [datetime.fromisoformat(row["received_at"]) for row in rows]
    files = {str(p.relative_to(city)) for p in (city / "inbox").rglob("*") if p.is_file()}
    assert instants == sorted(instants)
    assert {row["file"] for row in rows} == files
    assert len(rows) == len(files)
    assert {row["feed"] for row in rows} == set(contracts.load().feeds)
    assert all(row["file"].split("/")[1] == row["feed"] for row in rows)


def test_every_month_has_its_file_and_comes_when_its_department_sends(city: Path) -> None:
    arrivals = pl.read_csv(city / "deliveries.csv", try_parse_dates=True)
    for feed, earliest, latest in (
        ("insurance_month", 5, 15),
        ("customs_export", 18, 22),
        ("enterprise_register", 1, 3),
    ):
        rows = arrivals.filter(pl.col("feed") == feed, ~pl.col("file").str.contains("补报|\\("))
        assert rows.height == 24
        assert rows["received_at"].dt.day().is_between(earliest, latest).all()


def test_errors_put_into_files_are_written_down_and_are_where_they_say(city: Path) -> None:
    planted = pl.read_parquet(city / "truth/file_errors.parquet")
    assert {
        "check_symbol", "lower_case", "organisation_check", "negative", "not_a_number", "no_unit", "full_width",
        "thousands", "twice", "late", "unknown_code", "odd_word", "no_such_day", "empty",
    } == set(planted["kind"])  # fmt: skip
    feeds = contracts.load().feeds
    for row in planted.filter(pl.col("line") > 0).iter_rows(named=True):
        cells = grid(city / row["file"])
        header = feeds[row["file"].split("/")[1]].columns[row["column"]].header[0]
        headers = next(names for r in cells if header in (names := [cell.partition("(")[0] for cell in r]))
        place = headers.index(header)
        assert cells[row["line"] - 1][place] == row["value"]
    twice = planted.filter(pl.col("kind") == "twice").row(0, named=True)
    second = city / twice["file"]
    assert second.read_bytes() == (second.parent / twice["value"]).read_bytes()


def test_rows_lost_to_errors_and_late_rows_come_in_a_later_file(city: Path) -> None:
    folder = city / "inbox/insurance_month"
    later, first = 0, 0
    for path in sorted(folder.glob("*补报更正*")):
        original = {r[0]: r for r in grid(folder / path.name.replace("_补报更正", ""))[1:]}
        rows = grid(path)[1:]
        assert all(original.get(r[0]) != r for r in rows)
        later, first = later + len(rows), first + len(original)
    assert 0.01 <= later / first <= 0.03


def test_delivered_files_carry_the_columns_of_their_contracts_and_else_only_persons_of_cases(city: Path) -> None:
    for name, feed in contracts.load().feeds.items():
        known = {alias for column in feed.columns.values() for alias in column.header}
        known |= set(PERSONAL.get(name, ()))
        for path in (city / "inbox" / name).iterdir():
            header = max(grid(path)[:6], key=lambda row: sum(cell.partition("(")[0] in known for cell in row))
            assert {cell.partition("(")[0] for cell in header} <= known, path.name


def test_customs_tells_the_same_export_under_both_roles(city: Path) -> None:
    frames = []
    for path in sorted((city / "inbox/customs_export").glob("*.csv")):
        rows = grid(path)
        scale = 10_000 if "万美元" in rows[0][-1] else 1
        frames += [(r[0], r[1], r[2], float(r[6]) * scale) for r in rows[1:]]
    table = pl.DataFrame(frames, schema=["customs", "uscc", "role", "usd"], orient="row")
    by_role = dict(table.group_by("role").agg(pl.col("usd").sum()).iter_rows())
    assert set(by_role) == {"境内收发货人", "生产销售单位"}
    assert by_role["生产销售单位"] <= by_role["境内收发货人"]
    assert 0.02 < (table["uscc"] == "").mean() < 0.08
    known = table.filter(pl.col("uscc") != "").group_by("customs").agg(pl.col("uscc").n_unique())
    assert (known["uscc"] == 1).all()
    assert set(table["customs"]) == set(known["customs"])


def test_the_city_is_clean_at_its_end(city: Path) -> None:
    planted = pl.read_parquet(city / "truth/file_errors.parquet")
    last = [add_months(UNTIL, -n).strftime("%Y%m") for n in range(4)]
    assert not any(month in file for month in last for file in planted["file"])


def total_duty(steps: list[dict[str, str]], day: str, hs6: str) -> float:
    """Sum over groups of the step that holds: the latest begun, a product before all products."""
    total = 0.0
    for group in {s["stack_group"] for s in steps}:
        of_group = [s for s in steps if s["stack_group"] == group and s["measure_status"] != "拟议"]
        own = [s for s in of_group if s["hs6"] == hs6] or [s for s in of_group if s["hs6"] == "*"]
        begun = [s for s in own if s["valid_from"] <= day]
        if begun:
            latest = max(begun, key=lambda s: s["valid_from"])
            total += float(latest["rate_pct"]) if not latest["valid_to"] or day < latest["valid_to"] else 0.0
    return total


DUTIES = [
    ("2025-01-15", "630140", 0.0),
    ("2025-04-15", "630140", 145.0),
    ("2025-06-15", "630140", 30.0),
    ("2025-12-15", "630140", 20.0),
    ("2026-03-15", "630140", 10.0),
    ("2026-08-15", "630140", 12.5),
    ("2025-06-15", "160521", 55.0),
    ("2025-06-15", "611020", 37.5),
    ("2025-06-15", "731815", 95.0),
    ("2024-12-15", "854143", 50.0),
]


@pytest.mark.parametrize(("day", "hs6", "expected"), DUTIES)
def test_duties_add_up_over_groups(day: str, hs6: str, expected: float) -> None:
    with (SQL / "codes/us_measures.csv").open(encoding="utf-8", newline="") as source:
        assert total_duty(list(csv.DictReader(source)), day, hs6) == expected


@pytest.mark.parametrize(("day", "hs6", "expected"), DUTIES)
def test_the_city_learns_each_duty_on_its_day_and_no_sooner(city: Path, day: str, hs6: str, expected: float) -> None:
    names = dict(zip(["措施编号", "叠加组", "HS6编码", "加征税率", "生效日期", "失效日期", "措施状态"],
                     ["measure_id", "stack_group", "hs6", "rate_pct", "valid_from", "valid_to", "measure_status"],
                     strict=True))  # fmt: skip
    known: dict[tuple[str, str], dict[str, str]] = {}
    arrivals = pl.read_csv(city / "deliveries.csv").filter(pl.col("feed") == "tariff_measure")
    for file in arrivals.filter(pl.col("received_at") <= f"{day}T23:59:59")["file"]:
        for row in csv.DictReader(text(city / file).splitlines()):
            step = {names[h]: v for h, v in row.items() if h in names}
            assert step["measure_status"] != "被裁定无效" or day >= "2026-02-24"
            known[step["measure_id"], step["hs6"]] = step
    assert total_duty(list(known.values()), day, hs6) == expected


def test_measures_and_industries_are_whole() -> None:
    measures = pl.read_csv(SQL / "codes/us_measures.csv", infer_schema=False)
    assert measures.select("measure_id", "hs6").is_unique().all()
    assert set(measures["standing"]) <= {"verified", "reported", "memory"}
    assert set(measures["measure_status"]) <= set(contracts.load().column("measure_status").codes)
    industry = pl.read_csv(SQL / "codes/industry.csv", infer_schema=False)
    assert industry.columns == ["code", "name", "section"]
    assert industry.filter(pl.col("code").str.len_chars() == 1).height == 20
    divisions = industry.filter(pl.col("code").str.len_chars() == 2)
    assert divisions.height == 97 and divisions["code"].to_list() == [f"{n:02d}" for n in range(1, 98)]


def test_a_folder_in_use_or_a_city_without_sense_is_refused(city: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not empty"):
        make(city)
    with pytest.raises(UsageError, match="at least"):
        make(tmp_path / "tiny", enterprises=5)


def test_clusters_strike_most_of_a_county_and_industry_and_change_nothing_else() -> None:
    people = populate(20_000, months=36, first=add_months(UNTIL, -35), seed=3)
    trade = plan_trade(people, seed=3)
    plain = plan_episodes(people, trade, months=36, first=add_months(UNTIL, -35), seed=3)
    assert plan_clusters(people, trade, plain, count=0, months=36, seed=3) == (plain, ())
    episodes, clusters = plan_clusters(people, trade, plain, count=6, months=36, seed=3)
    assert len(clusters) == 6
    assert len(episodes) == len(plain) + sum(len(cluster.members) for cluster in clusters)
    assert (episodes.event[: len(plain)] == plain.event).all()
    own = divisions(people).to_list()
    real = {place for place, kind in zip(plain.enterprise, plain.kind, strict=True) if KINDS[kind] != "noise"}
    for cluster in clusters:
        assert len(cluster.members) >= 11
        assert not real.intersection(cluster.members)
        assert {people.county_codes[people.county[place]] for place in cluster.members} == {cluster.county_code}
        assert {own[place] for place in cluster.members} == {cluster.industry_division}
        struck = np.isin(episodes.enterprise[len(plain) :], cluster.members)
        assert set(episodes.event[len(plain) :][struck]) <= set(range(cluster.first, cluster.first + 3))
    with pytest.raises(UsageError, match="counties × industries for 900 clusters"):
        plan_clusters(people, trade, plain, count=900, months=36, seed=3)
