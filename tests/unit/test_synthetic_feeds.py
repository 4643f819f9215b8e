"""The feeds of all departments: what they deliver lands, adds up, and tells of an episode in the order of its signs."""

import csv
from collections import Counter
from datetime import date, datetime
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from test_synthetic import grid, make

from pipelines import contracts
from pipelines.ledger import Ledger
from pipelines.settings import Home
from pipelines.stages.ingest import Incoming, receive
from pipelines.synthetic.calibration import month_index

NEW = (
    "arbitration", "credit_event", "follow_up", "hire_group_month", "industry_orders", "jobseeker_month", "labour_flow",
    "policy_benefit", "power_month", "target_progress", "tax_month", "ui_fund_month", "unemployment_claim",
    "unemployment_registration", "vacancy", "wage_complaint",
)  # fmt: skip
PERSONAL = ("wage_complaint", "arbitration", "follow_up")
MONTHS = 36
FIRST = date(2023, 11, 1)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small city whose files are landed."""
    out = tmp_path_factory.mktemp("small")
    make(out, enterprises=600, months=20, seed=11)
    return out


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A city large enough to see signs on average."""
    out = tmp_path_factory.mktemp("town")
    make(out, enterprises=9_000, months=MONTHS, seed=5)
    return out


def truth(folder: Path, name: str) -> pl.DataFrame:
    return pl.read_parquet(folder / "truth" / f"{name}.parquet")


@cache
def delivered(folder: Path, feed: str) -> pl.DataFrame:
    """Every row of ``feed`` in order of arrival, columns by contract, as text; units in brackets are kept aside."""
    contract = contracts.load().feeds[feed]
    known = {alias: name for name, column in contract.columns.items() for alias in column.header}
    frames = []
    for file in pl.read_csv(folder / "deliveries.csv").filter(pl.col("feed") == feed)["file"]:
        cells = grid(folder / file)
        above = next(n for n, row in enumerate(cells) if sum(cell.partition("(")[0] in known for cell in row) > 1)
        names = {cell: known[cell.partition("(")[0]] for cell in cells[above] if cell.partition("(")[0] in known}
        rows = [row for row in cells[above + 1 :] if row[0] != "合计"]
        frame = pl.DataFrame(rows, schema=cells[above], orient="row", infer_schema_length=None)
        frame = frame.select(pl.col(cell).alias(name) for cell, name in names.items())
        tens = [name for cell, name in names.items() if cell.endswith(("(万元)", "(万千瓦时)"))]
        frames.append(
            frame.with_columns((pl.col(n).cast(pl.Float64, strict=False) * 1e4).cast(pl.String) for n in tens)
        )
    return pl.concat(frames, how="diagonal")


@cache
def latest(folder: Path, feed: str) -> pl.DataFrame:
    """The last word of every key of ``feed``, without rows that no reader accepts."""
    contract = contracts.load()
    rows = delivered(folder, feed)
    key = [name for name in contract.feed_key(contract.feeds[feed]) if name in rows.columns]
    rows = rows.unique(key, keep="last", maintain_order=True)
    return rows.with_columns(month_no=_month_no(contract.feed_period(contract.feeds[feed]) or "")).drop_nulls(
        "month_no"
    )


def _month_no(column: str) -> pl.Expr:
    year, month = (pl.col(column).str.slice(s, n).cast(pl.Int64, strict=False) for s, n in ((0, 4), (5, 2)))
    return (year - FIRST.year) * 12 + month - FIRST.month


def around(town: Path, rows: pl.DataFrame, value: str, *, kind: str) -> dict[int, float]:
    """Sum of ``value`` (a text column, or "" for a count) by months to the event of ``kind``, per episode."""
    episodes = (
        truth(town, "episodes").with_row_index("episode").join(truth(town, "enterprises"), on="uscc", suffix="_e")
    )
    noise = pl.col("kind") == "noise"
    chosen = {
        "warned": ~noise & ~pl.col("sudden") & ~pl.col("recovers"),
        "sudden": ~noise & pl.col("sudden"),
        "recovers": ~noise & pl.col("recovers"),
        "noise": noise,
    }[kind]
    episodes = episodes.filter(chosen, pl.col("wanted_staff") >= 20, pl.col("event_month_no").is_between(12, 30))
    amount = pl.col(value).cast(pl.Float64, strict=False) if value else pl.lit(1.0)
    summed = rows.group_by("uscc", "month_no").agg(amount.sum().alias("amount"))
    joined = episodes.select("uscc", "event_month_no").join(summed, on="uscc")
    by_month = joined.group_by(rel=pl.col("month_no") - pl.col("event_month_no")).agg(pl.col("amount").sum())
    return {rel: total / episodes.height for rel, total in by_month.iter_rows() if -12 <= rel <= 6}


def level(series: dict[int, float], *months: int) -> float:
    """Mean of ``months`` over the mean of a year to nine months before the event."""
    return float(np.mean([series.get(m, 0.0) for m in months]) / np.mean([series[m] for m in range(-12, -8)]))


def coded(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.rename({"enterprise_id": "uscc"})


def of_units(town: Path, rows: pl.DataFrame, column: str = "unit_no") -> pl.DataFrame:
    return rows.join(truth(town, "units").select("unit_no", "uscc"), left_on=column, right_on="unit_no")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    made = Home(tmp_path_factory.mktemp("home"))
    for folder in made.folders():
        folder.mkdir(parents=True, exist_ok=True)
    return made


def test_files_of_every_feed_land_with_only_the_planted_errors_in_quarantine(city: Path, home: Home) -> None:
    planted = truth(city, "file_errors")
    wrong = Counter(planted.filter(pl.col("expected") == "quarantine")["file"])
    spoilt = set(planted["file"])
    rows = list(csv.DictReader((city / "deliveries.csv").open(encoding="utf-8", newline="")))
    seen: Counter[tuple[str, bool]] = Counter()
    ledger, contract = Ledger(home.ledger), contracts.load()
    for row in rows:
        kind = (row["feed"], "补报" in row["file"])
        if row["feed"] not in NEW or (row["file"] not in spoilt and seen[kind] >= 1):
            continue
        seen[kind] += 1
        incoming = Incoming(city / row["file"], datetime.fromisoformat(row["received_at"]), feed=row["feed"])
        delivery = receive(incoming, home=home, contracts=contract, ledger=ledger)
        if delivery is None:
            assert planted.filter(pl.col("file") == row["file"])["kind"].to_list() == ["twice"]
            continue
        assert delivery.status == "accepted", (row["file"], delivery.reason)
        assert delivery.rows_quarantined == wrong[row["file"]], row["file"]
        assert delivery.rows_landed > 0
    assert {feed for feed, _ in seen} == set(NEW)


def test_persons_stand_in_the_originals_and_nowhere_in_what_landed(city: Path, home: Home) -> None:
    for feed in PERSONAL:
        path = sorted((city / "inbox" / feed).iterdir())[0]
        cells = [cell for row in grid(path) for cell in row]
        assert any(cell.endswith("姓名") for cell in cells)
        assert any(cell.startswith("虚构") for cell in cells)
        kept = [p for p in (home.landing / feed).rglob("*") if p.is_file()]
        assert kept
        assert not any("虚构".encode() in p.read_bytes() for p in kept), feed
        for parquet in (p for p in kept if p.suffix == ".parquet"):
            text = pl.read_parquet(parquet).select(pl.col(pl.String))
            assert not any(text[c].str.contains("虚构|^000|^99[0-9]{16}").any() for c in text.columns), parquet.name


def test_each_department_knows_its_part_of_the_employers(town: Path) -> None:
    links = truth(town, "links")
    for name, share in (("power", 0.80), ("tax", 0.95), ("job_market", 0.45 * 0.7)):
        assert abs(links[name].mean() - share) < 0.05, name
    for feed, name in (
        ("power_month", "power"),
        ("tax_month", "tax"),
        ("industry_orders", "key"),
        ("vacancy", "job_market"),
    ):
        known = set(links.filter(pl.col(name))["uscc"])
        found = set(coded(latest(town, feed))["uscc"]) & set(links["uscc"])
        assert found <= known
    complaints = delivered(town, "wage_complaint")["enterprise_id"]
    assert 0.01 < (complaints == "").mean() < 0.06


def test_signs_come_in_their_order_before_a_warned_event(town: Path) -> None:
    orders = around(town, coded(latest(town, "industry_orders")), "new_orders_fen", kind="warned")
    assert level(orders, -5, -4) < 0.92 and level(orders, -1) < 0.8
    posts = around(town, coded(latest(town, "vacancy")), "posts", kind="warned")
    assert level(posts, -4, -3, -2, -1) < 0.85
    power = around(town, coded(latest(town, "power_month")), "power_kwh", kind="warned")
    invoices = around(town, coded(latest(town, "tax_month")), "invoiced_fen", kind="warned")
    for series in (power, invoices):
        assert level(series, -6, -5, -4) > 0.88
        assert level(series, -2, -1) < 0.88
        assert level(series, 1, 2) < level(series, -2, -1)


def test_a_sudden_end_shows_nothing_before_and_a_recovery_fades(town: Path) -> None:
    power = coded(latest(town, "power_month"))
    sudden = around(town, power, "power_kwh", kind="sudden")
    assert level(sudden, -3, -2, -1) > 0.85
    assert level(sudden, 1, 2) < 0.75
    recovered = around(town, power, "power_kwh", kind="recovers")
    assert level(recovered, -1) < 0.88
    assert level(recovered, 4, 5) > level(recovered, -1) + 0.08
    signs, episodes = truth(town, "signs"), truth(town, "episodes")
    shown = signs.select(pl.sum_horizontal(pl.selectors.starts_with("shows_"))).to_series()
    before = episodes.select(pl.sum_horizontal(pl.selectors.starts_with("shows_"))).to_series()
    assert (shown.filter(episodes["sudden"]) == 0).all()
    assert (shown + before).filter(episodes["kind"] == "noise").is_between(1, 2).all()


def test_complaints_claims_and_disputes_come_at_and_after_the_event(town: Path) -> None:
    complaints = latest(town, "wage_complaint").filter(pl.col("complaint_kind") == "拖欠工资")
    around_complaints = around(town, coded(complaints), "", kind="warned")
    assert sum(around_complaints.get(m, 0) for m in (0, 1, 2)) > 5 * sum(
        around_complaints.get(m, 0) for m in (-3, -2, -1)
    )
    claims = around(town, of_units(town, latest(town, "unemployment_claim")), "claim_persons", kind="warned")
    assert claims[1] > 10 * claims.get(0, 0) and claims[2] > 10 * claims.get(0, 0)
    disputes = around(town, coded(latest(town, "arbitration")), "", kind="warned")
    assert sum(disputes.get(m, 0) for m in (1, 2, 3, 4)) > 5 * sum(disputes.get(m, 0) for m in (-3, -2, -1, 0))
    calm = around(town, coded(complaints), "", kind="noise")
    assert sum(calm.get(m, 0) for m in (0, 1, 2)) < 0.3 * sum(around_complaints.get(m, 0) for m in (0, 1, 2))


def test_the_festival_is_seen_in_power_and_invoices(town: Path) -> None:
    for feed, value in (("power_month", "power_kwh"), ("tax_month", "invoiced_fen")):
        rows = latest(town, feed).with_columns(pl.col(value).cast(pl.Float64, strict=False))
        by_month = dict(rows.group_by("month_no").agg(pl.col(value).sum()).iter_rows())
        festival = by_month[month_index(date(2026, 2, 1), FIRST)]
        assert festival < 0.8 * by_month[month_index(date(2025, 12, 1), FIRST)]
        assert festival < 0.8 * by_month[month_index(date(2026, 4, 1), FIRST)]


def test_a_move_to_a_sister_is_in_the_flows_and_nobody_claims_for_it(town: Path) -> None:
    moves = truth(town, "moves").filter(pl.col("month_no") < MONTHS - 3)
    flows = latest(town, "labour_flow").with_columns(pl.col("moved_persons").cast(pl.Int64, strict=False))
    keys = ["from_unit_no", "to_unit_no", "month_no"]
    found = moves.join(flows, on=keys, how="left")
    assert found.height == moves.height > 20
    assert (found["moved_persons"] >= found["persons"]).all()
    claims = latest(town, "unemployment_claim").with_columns(pl.col("claim_persons").cast(pl.Int64, strict=False))
    after = moves.join(claims, left_on="from_unit_no", right_on="unit_no", suffix="_claim")
    after = after.filter((pl.col("month_no_claim") - pl.col("month_no")).is_between(1, 2))
    ended = {e["uscc"] for e in truth(town, "events").iter_rows(named=True)}
    calm = of_units(town, after, "from_unit_no").filter(~pl.col("uscc").is_in(list(ended)))
    assert calm["claim_persons"].sum() < 0.05 * moves["persons"].sum()


def test_counties_and_the_fund_add_up_from_the_claims_of_units(town: Path) -> None:
    counties = truth(town, "county_months")
    assert (counties["newly_registered_persons"] == counties["claiming_persons"] + counties["others_persons"]).all()
    claims = latest(town, "unemployment_claim").with_columns(pl.col("claim_persons").cast(pl.Int64, strict=False))
    by_month = (
        claims.filter(pl.col("unit_no") != "", pl.col("claim_persons") > 0)
        .group_by("month")
        .agg(pl.col("claim_persons").sum())
    )
    told = counties.group_by("month").agg(pl.col("claiming_persons").sum())
    told = told.with_columns(pl.col("month").dt.strftime("%Y-%m")).join(by_month, on="month", how="left").sort("month")
    assert (told["claiming_persons"] == told["claim_persons"]).all()
    fund = latest(town, "ui_fund_month").sort("month").select(pl.selectors.ends_with("_fen").cast(pl.Float64))
    change = fund["fund_balance_fen"].diff().drop_nulls()
    flow = (fund["fund_income_fen"] - fund["fund_outlay_fen"])[1:]
    assert ((change - flow).abs() < 1).all()
    assert (fund["refund_outlay_fen"] <= fund["fund_outlay_fen"]).all()
    refunds = truth(town, "benefits").filter(pl.col("benefit_kind").str.contains("稳岗返还"))
    assert fund["refund_outlay_fen"].sum() == pytest.approx(refunds["benefit_fen"].sum() / 100)


def test_refunds_of_2025_reach_those_who_kept_their_staff(town: Path) -> None:
    paid = truth(town, "benefits")
    refunds = paid.filter(pl.col("benefit_kind").str.contains("稳岗返还"))
    assert refunds["paid_on"].dt.year().unique().to_list() == [2025]
    assert refunds["policy_year"].unique().to_list() == [2024]
    assert 0.3 < refunds["enterprise_id"].n_unique() / truth(town, "enterprises").height < 0.9
    cut = truth(town, "events").filter(
        pl.col("month").is_between(date(2024, 2, 1), date(2024, 12, 1)),
        pl.col("persons") > 0.3 * pl.col("staff_before"),
    )
    assert cut.height > 5
    assert cut.join(refunds, left_on="uscc", right_on="enterprise_id", how="semi").height <= 0.1 * cut.height
    assert paid["benefit_no"].is_unique().all()


def test_targets_are_the_four_totals_of_the_annex_for_2025_only(town: Path) -> None:
    rows = latest(town, "target_progress").with_columns(pl.col("target_planned", "target_done").cast(pl.Float64))
    assert set(rows["month"].str.slice(0, 4)) == {"2025"}
    planned = dict(rows.select("target_name", "target_planned").unique().iter_rows())
    assert planned == {"市场化岗位": 30000, "政策性岗位": 3000, "公益性岗位": 5600, "就业见习岗位": 5000}
    for _, group in rows.sort("month").group_by("target_name"):
        assert (group["target_done"].diff().drop_nulls() >= 0).all()


def test_officers_are_nearly_always_right_about_a_false_alarm(town: Path) -> None:
    visits = truth(town, "visits")
    assert visits.height >= 20
    assert visits["visited_on"].min() >= date(2025, 5, 1)
    real = visits.filter(pl.col("cause") == "real")["is_false_alarm"]
    noise = visits.filter(pl.col("cause") == "noise")["is_false_alarm"]
    assert real.mean() < 0.2 and noise.mean() > 0.75
    told = latest(town, "follow_up")
    assert set(visits["visit_no"]) == set(told["visit_no"])


def test_departments_revise_what_they_said_first(town: Path) -> None:
    for feed, value in (
        ("tax_month", "invoiced_fen"),
        ("power_month", "power_kwh"),
        ("wage_complaint", "complaint_status"),
    ):
        contract = contracts.load()
        key = contract.feed_key(contract.feeds[feed])
        versions = delivered(town, feed).group_by(key).agg(pl.col(value).n_unique())
        assert (versions[value] > 1).sum() > 50, feed
