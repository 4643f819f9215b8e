"""Two promises of the kernel: no month after the origin moves a feature, and neither does the company in a bucket."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipelines import contracts as contract_files
from pipelines import parameters as parameter_files
from pipelines.run import Run, add_months, end_of
from pipelines.settings import Home, Settings
from pipelines.stages.features import compute, kernel, peers
from pipelines.stages.features.lunar import calendar, ordinal
from pipelines.stages.features.masked import Masked
from pipelines.stages.features.panel import (
    EXPORT_MONTHS,
    INSURANCE_COLUMNS,
    MONITOR_COLUMNS,
    Definitions,
    Origin,
    Panel,
    export_panel,
    insurance_panel,
    monitor_panel,
)
from pipelines.stages.features.tariff import Measure
from pipelines.warehouse import Warehouse

LAST = date(2026, 2, 1)
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
)


def rows(seed: int) -> dict[str, pl.DataFrame]:
    """Random rows of three sources with gaps, keyed by place and month number."""
    draw = np.random.default_rng(seed)
    grid = pl.DataFrame(
        {"place": np.repeat(np.arange(ENTERPRISES), MONTHS), "ordinal": np.tile(np.arange(MONTHS) + FIRST, ENTERPRISES)}
    )
    size = grid.height
    insurance = grid.with_columns(pl.Series(name, draw.integers(0, 400, size)) for name in INSURANCE_COLUMNS)
    monitor = grid.with_columns(pl.Series(name, draw.integers(0, 400, size)) for name in MONITOR_COLUMNS)
    exports = grid.with_columns(
        product=pl.Series(draw.integers(0, 2, size)),
        destination=pl.Series(draw.integers(0, 3, size)),
        is_made=pl.Series(draw.random(size) < 0.5),
        export_usd_cent=pl.Series(draw.integers(0, 10**9, size)),
    )
    return {
        "insurance": insurance.filter(pl.Series(draw.random(size) < 0.9)),
        "monitor": monitor.filter(pl.Series(draw.random(size) < 0.5)),
        "exports": exports.with_columns(to_us=pl.col("destination") == 2).filter(pl.Series(draw.random(size) < 0.6)),
    }


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
        monitor=monitor_panel(tables["monitor"], months=MONTHS, first=FIRST),
        division=np.arange(ENTERPRISES) % 4,
    )


def features_at(panel: Panel, month: int) -> dict[str, Masked]:
    sums = peers.sums(panel.insurance, month - FIRST, division=panel.division, divisions=4)
    origin = Origin(insurance=month, export=month, monitor=month)
    return kernel.compute(panel, origin, sums=sums, measures=MEASURES, definitions=DEFINITIONS)


def shuffled(table: pl.DataFrame, seed: int) -> pl.DataFrame:
    """``table`` with the values of all months after the origin dealt out anew."""
    past, future = table.filter(pl.col("ordinal") <= ORIGIN), table.filter(pl.col("ordinal") > ORIGIN)
    values = future.select(pl.exclude("place", "ordinal")).sample(fraction=1, shuffle=True, seed=seed)
    return pl.concat(
        [past, pl.concat([future.select("place", "ordinal"), values], how="horizontal").select(table.columns)]
    )


def without_future(table: pl.DataFrame, _: int) -> pl.DataFrame:
    return table.filter(pl.col("ordinal") <= ORIGIN)


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


def test_a_feature_is_not_constant_and_the_origin_itself_matters() -> None:
    tables = rows(1)
    at_origin, next_month = features_at(panel_of(tables), ORIGIN), features_at(panel_of(tables), ORIGIN + 1)
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
        "core.monitor_month": tables["monitor"].with_columns(month, number),
        "core.enterprise": pl.DataFrame(
            {"enterprise_no": range(ENTERPRISES), "industry_division": [str(i % 4) for i in range(ENTERPRISES)]}
        ),
        "core.month_status": pl.DataFrame(
            {"month": [add_months(LAST, -lag) for lag in range(MONTHS)], "is_complete_month": [True] * MONTHS}
        ),
        "core.quarantined_month": pl.DataFrame({"enterprise_no": [3], "month": [LAST]}),
        "core.us_exporter": pl.DataFrame({"enterprise_no": [5], "year": [2026]}),
        "core.tariff_measure": pl.DataFrame([vars(measure) for measure in MEASURES]),
        "core.layoff_notice": pl.DataFrame(),
    }
    for table, frame in facts.items():
        schema = contracts.polars_schema(table)
        missing = [pl.lit(None, dtype=kind).alias(name) for name, kind in schema.items() if name not in frame.columns]
        warehouse.store(table, frame.with_columns(missing) if frame.height else pl.DataFrame(schema=schema))
    as_of = date(2026, 3, 20)
    run = Run(
        as_of=as_of,
        cutoff=end_of(as_of),
        through=0,
        home=Home(Path("unused")),
        settings=Settings(),
        contracts=contracts,
        parameters=parameter_files.load(as_of),
    )
    return run, warehouse


@pytest.mark.parametrize("size", [1, 7, 59])
def test_the_size_of_a_bucket_moves_no_bit(size: int) -> None:
    run, warehouse = stored(5)
    whole, count = compute(run, warehouse, bucket_size=ENTERPRISES)
    cut, _ = compute(run, warehouse, bucket_size=size)
    assert whole.height == count == ENTERPRISES
    for name in whole.columns:
        left, right = whole[name], cut[name]
        assert left.is_null().equals(right.is_null()), name
        if left.dtype == pl.Float64:
            assert left.drop_nulls().to_numpy().tobytes() == right.drop_nulls().to_numpy().tobytes(), name
        else:
            assert left.equals(right, check_dtypes=False), name


def test_one_night_and_a_training_panel_agree() -> None:
    """A panel that reaches further back, as for many origins, gives the month of tonight the same features."""
    run, warehouse = stored(6)
    tonight, _ = compute(run, warehouse, bucket_size=ENTERPRISES)
    tables = rows(6)
    arrears = (pl.col("arrears_fen") - 7).clip(lower_bound=0)
    tolerated = pl.when(arrears <= run.parameters["arrears_tolerance_fen"]).then(0).otherwise(arrears)
    tables["insurance"] = tables["insurance"].with_columns(
        arrears_fen=tolerated, deferred_fen=pl.lit(None, dtype=pl.Int64)
    )
    panel = panel_of(tables)
    panel.insurance.levels[-1][3] = np.where(
        panel.insurance.present[-1][3], panel.insurance.levels[-1][3], np.iinfo(np.int64).min
    )
    assert EXPORT_MONTHS < MONTHS
    values = features_at(panel, ordinal(LAST))
    for name in (
        "insured_volatility_12m_ratio",
        "net_loss_persons",
        "arrears_fen",
        "export_hhi_ratio",
        "tariff_exposure_ratio",
    ):
        column = tonight[name]
        assert np.array_equal(column.is_not_null().to_numpy(), values[name].valid), name
        assert np.array_equal(column.drop_nulls().to_numpy(), values[name].values[values[name].valid]), name
