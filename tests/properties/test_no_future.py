"""Two promises of the kernel: no month after the origin moves a feature, and neither does the company in a bucket."""

import pickle
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest
from runs import run_of

from pipelines import contracts as contract_files
from pipelines.lunar import calendar, month_of_ordinal, ordinal
from pipelines.run import Run, add_months
from pipelines.stages import features
from pipelines.stages.features import compute, kernel, peers, reach, reading, training_panel
from pipelines.stages.features.credit import KINDS
from pipelines.stages.features.masked import Masked
from pipelines.stages.features.panel import (
    EXPORT_MONTHS,
    INSURANCE_COLUMNS,
    Definitions,
    Origin,
    Panel,
    export_panel,
    flows_panel,
    insurance_panel,
)
from pipelines.stages.features.passes import Part, together
from pipelines.stages.features.reading import Bucket
from pipelines.stages.features.sources import EVENTS, FLOW_TABLE, FLOWS, MONTHLY
from pipelines.stages.features.sparse import events_panel, monthly_panel
from pipelines.stages.features.tariff import Measure
from pipelines.warehouse import Warehouse

LAST = date(2026, 2, 1)
AS_OF = date(2026, 3, 20)
MONTHS = 40
FIRST = ordinal(LAST) - MONTHS + 1
ENTERPRISES = 60
PRODUCTS = pl.Series(["630140", "950300"])
COUNTRIES = pl.Series(["DEU", "JPN", "USA"])
AFTER = 6
ORIGIN = ordinal(LAST) - AFTER
MEASURES = (
    Measure("a", "g", "*", 1000, date(2025, 2, 4), None, "被裁定无效"),
    Measure("b", "h", "630140", 2500, date(2025, 4, 9), date(2025, 5, 14), "已失效"),
)
DEFINITIONS = Definitions(
    lunar=calendar(
        [date(2023, 1, 22), date(2024, 2, 10), date(2025, 1, 29), date(2026, 2, 17)], early_day=10, reference_year=2026
    ),
    export_us_fall_pct=30,
    minimum_known_months=6,
    monitor_valid_months=3,
    peer_minimum_persons=10,
    source_valid_months=3,
    power_fall_pct=40,
    transfer_share_pct=70,
    transfer_minimum_persons=5,
    visit_valid_days=90,
)
ORIGIN_DAY = month_of_ordinal(ORIGIN + 1).toordinal() + 19
SPARSE = {source.name: source for source in MONTHLY}
DATED = {source.name: source for source in EVENTS}
CODES = {"kind": 9, "is_collective": 2, "is_stabilising": 2, "is_false_alarm": 2, "stop_level": 3, "grades_down": 3}
CODES |= {"is_power_reduced": 2, "is_zero_vat": 2}


def rows(seed: int) -> dict[str, pl.DataFrame]:
    """Random rows of every source with gaps, keyed by place and month number, or by place and day."""
    draw = np.random.default_rng(seed)
    grid = pl.DataFrame(
        {"place": np.repeat(np.arange(ENTERPRISES), MONTHS), "ordinal": np.tile(np.arange(MONTHS) + FIRST, ENTERPRISES)}
    )
    size = grid.height
    insurance = grid.with_columns(pl.Series(name, draw.integers(0, 400, size)) for name in INSURANCE_COLUMNS)
    monthly = {
        name: grid.with_columns(
            pl.Series(column, draw.integers(0, CODES.get(column, 400), size)) for column in source.columns
        ).filter(pl.Series(draw.random(size) < 0.8) & (pl.col("place") % 5 != number))
        for number, (name, source) in enumerate(SPARSE.items())
    }
    flows = grid.with_columns(
        to_enterprise_no=pl.Series(draw.integers(0, ENTERPRISES, size)),
        moved_persons=pl.Series(draw.integers(0, 400, size)),
    )
    exports = grid.with_columns(
        product=pl.Series(draw.integers(0, 2, size)),
        destination=pl.Series(draw.integers(0, 3, size)),
        is_made=pl.Series(draw.random(size) < 0.5),
        export_usd_cent=pl.Series(draw.integers(0, 10**9, size)),
    )
    return {
        "insurance": insurance.filter(pl.Series(draw.random(size) < 0.9)),
        FLOWS: flows,
        **monthly,
        **{name: _events(draw, source.columns) for name, source in DATED.items()},
        "exports": exports.with_columns(to_us=pl.col("destination") == 2).filter(pl.Series(draw.random(size) < 0.6)),
    }


def _events(draw: np.random.Generator, columns: tuple[str, ...]) -> pl.DataFrame:
    """Random events about a year before the origin and half a year after it."""
    size = 20 * ENTERPRISES
    frame = pl.DataFrame(
        {
            "place": draw.integers(0, ENTERPRISES, size),
            "day": ORIGIN_DAY + draw.integers(-400, 200, size),
            **{name: draw.integers(0, CODES.get(name, 400), size) for name in columns},
        }
    ).sort("place", "day")
    if "ended" in columns:
        frame = frame.with_columns(ended=pl.col("day") + pl.col("ended"))
    return frame


def panel_of(tables: dict[str, pl.DataFrame], *, complete: np.ndarray | None = None) -> Panel:
    empty = pl.DataFrame(schema={"place": pl.Int64, "ordinal": pl.Int64, "insured_persons": pl.Int64})
    everywhere = np.ones(MONTHS, dtype=np.bool_)
    return Panel(
        count=ENTERPRISES,
        insurance=insurance_panel(
            tables["insurance"],
            before=empty,
            quarantined=empty,
            complete=everywhere if complete is None else complete,
            first=FIRST,
            count=ENTERPRISES,
        ),
        exports=export_panel(tables["exports"], products=PRODUCTS, present=everywhere, first=FIRST),
        division=np.arange(ENTERPRISES) % 4,
        monthly={
            name: monthly_panel(
                tables[name],
                columns=source.columns,
                first=FIRST,
                covered=everywhere,
                is_register=source.is_register,
            )
            for name, source in SPARSE.items()
        },
        events={name: events_panel(tables[name], columns=source.columns) for name, source in DATED.items()},
        flows=flows_panel(tables[FLOWS], covered=frozenset(tables[FLOWS]["ordinal"])),
    )


def features_at(panel: Panel, month: int, *, ahead: int = 0) -> dict[str, Masked]:
    """Features at ``month``; the monthly sources beside insurance and customs have come ``ahead`` months further."""
    sums = peers.sums(panel.insurance, month - FIRST, division=panel.division, divisions=4)
    day = ORIGIN_DAY + 30 * (month - ORIGIN)
    reached = dict.fromkeys((*SPARSE, FLOWS), month + ahead) | dict.fromkeys(DATED, day - 3)
    origin = Origin(insurance=month, export=month, reached=reached, day=day)
    return kernel.compute(panel, origin, sums=sums, measures=MEASURES, definitions=DEFINITIONS)


def _parted(table: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows up to the origin, and those after it; an end of which the origin cannot know is with the latter."""
    is_past = pl.col("ordinal") <= ORIGIN if "ordinal" in table.columns else pl.col("day") <= ORIGIN_DAY - 3
    return table.filter(is_past), table.filter(~is_past)


def shuffled(table: pl.DataFrame, seed: int) -> pl.DataFrame:
    """``table`` with the values of everything after the origin dealt out anew."""
    past, future = _parted(table)
    keys = [name for name in ("place", "ordinal", "day") if name in table.columns]
    values = future.select(pl.exclude(keys)).sample(fraction=1, shuffle=True, seed=seed)
    changed = pl.concat([future.select(keys), values], how="horizontal").select(table.columns)
    return _with_later_ends(pl.concat([past, changed]), later=100)


def without_future(table: pl.DataFrame, _: int) -> pl.DataFrame:
    return _with_later_ends(_parted(table)[0], later=None)


def _with_later_ends(table: pl.DataFrame, *, later: int | None) -> pl.DataFrame:
    """Events that stand at the origin end ``later`` days later than they did, or never."""
    if "ended" not in table.columns:
        return table
    end = pl.lit(None, dtype=pl.Int64) if later is None else pl.col("ended") + later
    stands = pl.col("ended") > ORIGIN_DAY
    return table.with_columns(ended=pl.when(stands).then(end).otherwise("ended"))


def assert_same(left: dict[str, Masked], right: dict[str, Masked]) -> None:
    assert left.keys() == right.keys()
    for name, value in left.items():
        assert np.array_equal(value.valid, right[name].valid), name
        assert value.values[value.valid].tobytes() == right[name].values[value.valid].tobytes(), name


@pytest.mark.parametrize("change", [shuffled, without_future])
@pytest.mark.parametrize("seed", range(4))
def test_no_month_after_the_origin_moves_a_feature(
    change: Callable[[pl.DataFrame, int], pl.DataFrame], seed: int
) -> None:
    tables = rows(seed)
    other = {name: change(table, seed) for name, table in tables.items()}
    assert_same(features_at(panel_of(tables), ORIGIN), features_at(panel_of(other), ORIGIN))


@pytest.mark.parametrize("ahead", [1, 2])
def test_a_source_ahead_of_insurance_does_not_look_into_its_future(ahead: int) -> None:
    tables = rows(2)
    other = tables | {"insurance": shuffled(tables["insurance"], 2)}
    assert_same(features_at(panel_of(tables), ORIGIN, ahead=ahead), features_at(panel_of(other), ORIGIN, ahead=ahead))


def test_a_feature_is_not_constant_and_the_origin_itself_matters() -> None:
    tables = rows(1)
    at_origin, next_month = features_at(panel_of(tables), ORIGIN), features_at(panel_of(tables), ORIGIN + 1)
    assert [name for name, value in at_origin.items() if not value.valid.any()] == []
    moved = [n for n, v in at_origin.items() if v.values.tobytes() != next_month[n].values.tobytes()]
    assert len(moved) > len(at_origin) * 3 // 4


def stored(seed: int) -> tuple[Run, Warehouse]:
    """The random rows as core tables, seen at the last month."""
    contracts = contract_files.load()
    warehouse = Warehouse(None, contracts=contracts)
    tables = rows(seed)
    month = pl.date(pl.col("ordinal") // 12, pl.col("ordinal") % 12 + 1, 1).alias("month")
    number = pl.col("place").alias("enterprise_no")
    made = pl.when("is_made").then(pl.lit("生产销售单位")).otherwise(pl.lit("收发货人")).alias("declarant_role")
    facts = {
        "core.enterprise_month": tables["insurance"].with_columns(
            month, number, due_pension_fen=pl.col("arrears_fen"), paid_pension_fen=pl.lit(7)
        ),
        "core.export_month": tables["exports"].with_columns(
            month,
            number,
            made,
            hs6=PRODUCTS.gather(tables["exports"]["product"]),
            destination=COUNTRIES.gather(tables["exports"]["destination"]),
        ),
        "core.enterprise": pl.DataFrame(
            {"enterprise_no": range(ENTERPRISES), "industry_division": [str(i % 4) for i in range(ENTERPRISES)]}
        ),
        "core.month_status": pl.DataFrame(
            {"month": [add_months(LAST, -lag) for lag in range(MONTHS)], "is_complete_month": [True] * MONTHS}
        ),
        "core.unknown_month": pl.DataFrame({"enterprise_no": [3], "month": [LAST]}),
        "core.us_exporter": pl.DataFrame({"enterprise_no": [5], "year": [2026]}),
        "core.tariff_measure": pl.DataFrame([vars(measure) for measure in MEASURES]),
        "core.layoff_notice": pl.DataFrame(),
        "core.labour_flow_month": tables[FLOWS].with_columns(month, from_enterprise_no=pl.col("place")),
    }
    facts |= {source.table: _as_core(tables[name]).with_columns(month, number) for name, source in SPARSE.items()}
    for name, source in DATED.items():
        day = _date(pl.col("day")).alias(source.day_column)
        facts[source.table] = _as_core(tables[name]).with_columns(day, number, complaint_kind=pl.lit("拖欠工资"))
    for table, frame in facts.items():
        schema = contracts.polars_schema(table)
        missing = [pl.lit(None, dtype=kind).alias(name) for name, kind in schema.items() if name not in frame.columns]
        warehouse.store(table, frame.with_columns(missing) if frame.height else pl.DataFrame(schema=schema))
    return run_of(AS_OF, contracts=contracts), warehouse


def _date(day: pl.Expr) -> pl.Expr:
    return (day - date(1970, 1, 1).toordinal()).cast(pl.Int32).cast(pl.Date)


def _as_core(frame: pl.DataFrame) -> pl.DataFrame:
    """What the queries make into numbers, as the words and days of the core tables."""
    words = {
        "stop_level": ("operation_status", ["正常", "压产", "停工"]),
        "kind": ("credit_kind", list(KINDS)),
        "is_stabilising": ("benefit_kind", ["其他", "稳岗返还"]),
        "grades_down": ("level_to", ["A", "B", "C"]),
    }
    for number, (name, texts) in words.items():
        if number in frame.columns:
            frame = frame.with_columns(pl.Series(texts).gather(frame[number]).alias(name))
    frame = frame.with_columns(level_from=pl.lit("A"), row=pl.int_range(pl.len()).cast(pl.String).str.zfill(6))
    if "ended" in frame.columns:
        frame = frame.with_columns(ended_on=_date(pl.col("ended")))
    numbers = ("case_no", "arbitration_no", "event_no", "benefit_no", "visit_no")
    return frame.with_columns(pl.col("row").alias(name) for name in numbers)


@pytest.mark.parametrize("size", [1, 7, 59])
def test_the_size_of_a_bucket_moves_no_bit(size: int) -> None:
    run, warehouse = stored(5)
    whole, count = compute(run, warehouse, bucket_size=ENTERPRISES)
    cut, _ = compute(run, warehouse, bucket_size=size)
    assert whole.height == count == ENTERPRISES
    assert_same_bits(whole, cut)


@pytest.mark.parametrize("size", [1, 13])
def test_parts_computed_apart_in_any_order_are_the_whole(size: int) -> None:
    run, warehouse = stored(5)
    whole, _ = compute(run, warehouse, bucket_size=ENTERPRISES)
    night = pickle.loads(pickle.dumps(features.tonight(run, warehouse)))  # noqa: S301  our own
    ranges = list(reading.buckets(Bucket(0, ENTERPRISES), size=size))[::-1]
    sums = together(Part(night.asked, warehouse, within, bucket_size=5).sums() for within in ranges)
    frames = [
        frame for within in ranges for frame in night.rows(Part(night.asked, warehouse, within, bucket_size=5), sums)
    ]
    assert_same_bits(whole, pl.concat(frames, how="vertical_relaxed").sort("enterprise_no"))


def assert_same_bits(whole: pl.DataFrame, cut: pl.DataFrame) -> None:
    for name in whole.columns:
        left, right = whole[name], cut[name]
        assert left.is_null().equals(right.is_null()), name
        if left.dtype == pl.Float64:
            assert left.drop_nulls().to_numpy().tobytes() == right.drop_nulls().to_numpy().tobytes(), name
        else:
            assert left.equals(right, check_dtypes=False), name


def test_one_night_and_a_panel_that_reaches_further_back_agree() -> None:
    run, warehouse = stored(6)
    tonight, _ = compute(run, warehouse, bucket_size=ENTERPRISES)
    origin, _ = reach.origin_of(run, warehouse)
    assert EXPORT_MONTHS < MONTHS
    earlier = replace(origin, insurance=origin.insurance - 9, export=ORIGIN, day=origin.day - 270)
    earlier = replace(earlier, reached={name: value - 9 for name, value in origin.reached.items() if name in SPARSE})
    panel = training_panel(run, warehouse, (earlier, origin), minimum_insured=0)
    latest = panel.filter(pl.col("origin") == LAST).drop("origin")
    expected = tonight.filter(pl.col("insured_persons") >= 0)
    assert latest.height == expected.height > ENTERPRISES // 2
    for name in expected.columns:
        assert latest[name].equals(expected[name], check_dtypes=False), name


@pytest.mark.parametrize("seed", range(2))
def test_a_past_origin_of_a_training_panel_is_the_night_of_that_day(seed: int) -> None:
    run, warehouse = stored(seed)
    day = month_of_ordinal(ORIGIN + 1).replace(day=20)
    past = run_of(day, contracts=run.contracts)
    panel = training_panel(
        run, warehouse, (_cut(warehouse, past), reach.origin_of(run, warehouse)[0]), minimum_insured=0
    )
    cut = _forgotten(warehouse, day)
    night, _ = compute(past, cut, bucket_size=ENTERPRISES)
    night = night.filter(pl.col("insured_persons") >= 0)
    then = panel.filter(pl.col("origin") == month_of_ordinal(ORIGIN)).drop("origin")
    assert then.height == night.height > 0
    for name in night.columns:
        if name not in SPEAKS_OF_ALL_TIMES:
            assert then[name].equals(night[name], check_dtypes=False), name


SPEAKS_OF_ALL_TIMES = ("sources_present_count", "completeness_text")
"""Words for an officer of tonight, no inputs of models."""


def _cut(warehouse: Warehouse, past: Run) -> Origin:
    return reach.origin_of(past, _forgotten(warehouse, past.as_of))[0]


def _forgotten(warehouse: Warehouse, day: date) -> Warehouse:
    """A warehouse with the rows of months that had ended and events that had happened by ``day``."""
    cut = Warehouse(None, contracts=warehouse.contracts)
    days = {source.table: source.day_column for source in EVENTS}
    for name, table in warehouse.contracts.tables.items():
        if warehouse.exists(name):
            limit = day.replace(day=1) if table.month or "month" in table.columns else day
            column = "month" if "month" in table.columns else days.get(name)
            rows = f"SELECT * FROM {name}" + (
                f" WHERE {column} {'<' if limit != day else '<='} $limit" if column else ""
            )
            cut.store(name, warehouse.frame(rows, limit=limit) if column else warehouse.frame(rows))
    return cut


NET_OF_TRANSFERS = {"net_loss_persons", "net_loss_ratio", "absent_loss_persons"}


@pytest.mark.parametrize("source", [*SPARSE.values(), *DATED.values(), FLOW_TABLE], ids=lambda s: getattr(s, "name", s))
def test_without_a_source_its_features_are_missing_and_no_other_moves(source: Any) -> None:
    run, warehouse = stored(3)
    whole, _ = compute(run, warehouse, bucket_size=ENTERPRISES)
    name = source if isinstance(source, str) else source.table
    contracts = run.contracts
    contract = contracts.tables[name]
    raw = (contract.slab.raw if contract.slab else str(contract.latest_of)).removeprefix("raw.")
    warehouse.store(name, pl.DataFrame(schema=contracts.polars_schema(name)))
    without, _ = compute(run, warehouse, bucket_size=ENTERPRISES)
    told = set(SPEAKS_OF_ALL_TIMES) | (NET_OF_TRANSFERS if name == FLOW_TABLE else set())
    for column in set(whole.columns) - told:
        if raw in contracts.columns[column].needs:
            assert without[column].null_count() == without.height, column
        else:
            assert without[column].equals(whole[column]), column
