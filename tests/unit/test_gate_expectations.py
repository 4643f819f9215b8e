"""The interface to Great Expectations: it finds what the SQL predicates find, and takes no crash for bad data."""

from datetime import date

import polars as pl
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pipelines import contracts as contract_files
from pipelines.checks import KINDS, Check
from pipelines.stages.gate.expectations import validate
from pipelines.stages.gate.judging import flagged
from pipelines.warehouse import Warehouse

GOOD_CODE = "91320703PDY00001X4"
SCHEMA = {
    "persons": pl.Int64(),
    "base": pl.Int64(),
    "state": pl.String(),
    "code": pl.String(),
    "since": pl.Date(),
    "until": pl.Date(),
    "_unreadable": pl.List(pl.String()),
    "_first_of_key": pl.Boolean(),
    "_received_on": pl.Date(),
    "_restored": pl.List(pl.String()),
}
SUITE = tuple(
    Check(kind=kind, columns=columns, severity="fail", sentence=kind, options=options)
    for kind, columns, options in (
        ("not_null", ("persons",), {}),
        ("not_null", ("state",), {}),
        ("not_null", ("since",), {}),
        ("between", ("persons",), {"min": 0, "max": 100}),
        ("bounded", ("base",), {"min": -(2**50), "max": 2**50}),
        ("period", ("since",), {}),
        ("period", ("until",), {"ahead_months": 1}),
        ("codes", ("state",), {"codes": ("存续", "注销")}),
        ("matches", ("code",), {"pattern": "[*]|[0-9]{2,4}"}),
        ("uscc", ("code",), {}),
        ("organisation_code", ("code",), {}),
        ("ordered", ("since", "until"), {}),
        ("ordered", ("persons", "base"), {}),
        ("ratio_between", ("base", "persons"), {"min": 2, "max": 5}),
        ("readable", ("persons",), {}),
        ("restored", ("code",), {}),
        ("first_of_key", ("code", "since"), {}),
    )
)
INTEGERS = st.one_of(st.none(), st.integers(-3, 105), st.integers(-(2**53), 2**53))
DAYS = st.one_of(st.none(), st.dates(date(2020, 1, 1), date(2020, 1, 4)), st.dates(date(1900, 1, 1), date(2200, 1, 1)))
ROWS = st.lists(
    st.tuples(
        INTEGERS,
        INTEGERS,
        st.sampled_from([None, "", "存续", "注销", " 存续", "吊销"]),
        st.sampled_from([None, "", "*", "12", "12345", "１２", "12\n", GOOD_CODE, GOOD_CODE[:-1] + "5"]),
        DAYS,
        DAYS,
        st.sampled_from([[], ["persons"], ["since", "persons"], ["_row"]]),
        st.booleans(),
        st.sampled_from([date(2020, 1, 2), date(2150, 1, 1)]),
        st.sampled_from([[], ["code"], ["since", "code"]]),
    ),
    max_size=12,
)


def _warehouse() -> Warehouse:
    return Warehouse(None, contracts=contract_files.load(), threads=1)


def test_every_kind_of_check_is_compared() -> None:
    assert {check.kind for check in SUITE} == set(KINDS)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
@given(rows=ROWS)
def test_the_suite_finds_the_rows_that_the_sql_predicates_find(rows: list[tuple[object, ...]]) -> None:
    warehouse = _warehouse()
    frame = flagged(pl.DataFrame(rows, schema=SCHEMA, orient="row"), SUITE, warehouse)
    warehouse.connection.register("typed", frame.with_row_index("place").to_arrow())
    for outcome in validate(SUITE, frame):
        bad = warehouse.rows(f"SELECT place FROM typed WHERE NOT ({outcome.check.predicate()}) ORDER BY place")
        assert outcome.exception is None, outcome
        assert outcome.row_count == len(rows)
        assert outcome.bad_rows.tolist() == [place for (place,) in bad], outcome.check.id
    warehouse.close()


def test_an_expectation_that_raises_is_no_data_failure() -> None:
    poisoned = Check(
        kind="between", columns=("absent",), severity="fail", sentence="坏检查", options={"min": 0, "max": 1}
    )
    typed = Check(
        kind="between", columns=("state",), severity="fail", sentence="类型不符", options={"min": 0, "max": 1}
    )
    frame = pl.DataFrame(
        [(1, 2, "存续", "12", None, None, [], True, date(2020, 1, 2), [])], schema=SCHEMA, orient="row"
    )
    absent, mixed, good = validate([poisoned, typed, SUITE[3]], frame)
    assert absent.exception is not None
    assert "absent" in absent.exception
    assert not absent.passed
    assert mixed.exception is not None
    assert good.passed


def test_a_frame_without_rows_breaks_nothing() -> None:
    warehouse = _warehouse()
    frame = flagged(pl.DataFrame(schema=SCHEMA), SUITE, warehouse)
    warehouse.close()
    assert all(outcome.passed for outcome in validate(SUITE, frame))
    assert validate([], frame) == []
