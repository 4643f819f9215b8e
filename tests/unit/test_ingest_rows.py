"""Rows of a file: what lands, what is set aside, and what is quarantined for which reason."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ingest_files import INSURANCE, REGISTER, drop, insurance_row, register_row, text, uscc
from ingest_house import House, open_house

from pipelines.contracts import WHOLE_ROW


@pytest.fixture
def house(tmp_path: Path) -> House:
    return open_house(tmp_path)


def test_a_plain_file_lands_whole(house: House) -> None:
    path = drop(house.inbox(), "三月.csv", text([INSURANCE, insurance_row(1), insurance_row(2)]))
    delivery = house.accept(path)
    assert (delivery.feed, delivery.rows_in, delivery.rows_landed, delivery.delivery_no) == ("insurance_month", 2, 2, 1)
    rows = house.frame(delivery)
    assert rows.schema == house.contracts.feed_schema(house.contracts.feeds["insurance_month"])
    assert rows["base_fen"].to_list() == [12_000_050, 12_000_050]
    assert rows["paid_injury_fen"].to_list() == [48_010, 48_010]
    assert rows["month"].unique().to_list() == [date(2025, 3, 1)]
    assert rows["line_no"].to_list() == [2, 3]
    assert rows["high_base_leavers_persons"].null_count() == 2
    assert house.manifest(delivery)["months"] == ["2025-03-01"]


def test_titles_notes_totals_and_blank_lines_are_set_aside(house: House) -> None:
    rows = [
        ["连云港市参保单位月度明细"],
        [],
        INSURANCE,
        insurance_row(1),
        [""] * len(INSURANCE),
        INSURANCE,
        insurance_row(2),
        ["合计", "", "40", *[""] * 9],
        ["说明：本表由系统导出"],
    ]
    delivery = house.accept(drop(house.inbox(), "a.csv", text(rows)))
    assert (delivery.rows_landed, delivery.rows_quarantined, delivery.rows_set_aside) == (2, 0, 6)
    assert house.frame(delivery)["line_no"].to_list() == [4, 7]


def test_an_enterprise_named_like_a_total_is_a_record(house: House) -> None:
    columns = ["企业名称", *[c for c in REGISTER if c != "企业名称"]]
    row = dict(zip(REGISTER, register_row(1, 企业名称="总计工程有限公司"), strict=True))
    delivery = house.accept(drop(house.inbox("x"), "a.csv", text([columns, [row[c] for c in columns]])))
    assert delivery.rows_landed == 1


def test_rows_that_break_a_rule_go_to_quarantine_with_reasons(house: House) -> None:
    rows = [
        INSURANCE,
        insurance_row(1),
        insurance_row(2, 失业保险参保人数="二十"),
        insurance_row(1),
        insurance_row(3, "2025-3x"),
    ]
    delivery = house.accept(drop(house.inbox(), "a.csv", text(rows)))
    assert (delivery.rows_landed, delivery.rows_quarantined) == (1, 3)
    reasons = house.frame(delivery, "reasons")
    told = {(r["line_no"], r["check_id"], r["raw_value"]) for r in reasons.to_dicts()}
    assert (3, "readable:insured_persons", "二十") in told
    assert (4, "first_of_key:unit_no+month", "3207000001、202503") in told
    assert (5, "readable:month", "2025-3x") in told
    counts = house.manifest(delivery)["checks"]
    assert counts["first_of_key:unit_no+month"]["bad"] == 1
    assert counts["readable:insured_persons"]["bad"] == 1
    held = house.frame(delivery, "quarantined")
    assert held["_unreadable"].to_list() == [["insured_persons"], [], ["month"]]


def test_a_warning_passes_and_is_counted(house: House) -> None:
    delivery = house.accept(drop(house.inbox(), "a.csv", text([INSURANCE, insurance_row(1, 缴费基数总额="1")])))
    assert delivery.rows_landed == 1
    assert house.manifest(delivery)["checks"]["ratio_between:base_fen+insured_persons"]["bad"] == 1


def test_a_lower_case_code_is_not_mended(house: House) -> None:
    rows = [REGISTER, register_row(1), register_row(2, 统一社会信用代码=uscc(2).lower())]
    delivery = house.accept(drop(house.inbox("enterprise_register"), "a.csv", text(rows)))
    assert (delivery.rows_landed, delivery.rows_quarantined) == (1, 1)


def test_names_of_states_are_translated_by_the_contract(house: House) -> None:
    rows = [REGISTER, register_row(1, 登记状态="存续（在营、开业、在册）"), register_row(2, 登记状态="在业")]
    delivery = house.accept(drop(house.inbox("enterprise_register"), "a.csv", text(rows)))
    assert house.frame(delivery)["enterprise_status"].to_list() == ["存续", "存续"]


@pytest.mark.parametrize("quote", ["", '"'])
def test_a_last_line_cut_off_is_quarantined(house: House, quote: str) -> None:
    rows = text([INSURANCE, insurance_row(1), insurance_row(2, 停保人数=f"{quote}2{quote}")]).replace('"""', '"')
    delivery = house.accept(drop(house.inbox(), "a.csv", rows[: rows.rindex(",") - 3]))
    assert (delivery.rows_landed, delivery.rows_quarantined) == (1, 1)
    assert house.frame(delivery, "reasons")["check_id"].to_list() == ["readable:_row"]


def test_a_file_cut_inside_a_character_keeps_its_whole_lines(house: House) -> None:
    content = text([REGISTER, register_row(1), register_row(2)]).encode("gb18030")
    delivery = house.accept(drop(house.inbox("enterprise_register"), "a.csv", content[:-2]))
    assert (delivery.rows_landed, delivery.rows_quarantined) == (1, 1)


def test_a_row_with_a_cell_too_many_is_quarantined(house: House) -> None:
    bad = ",".join(insurance_row(2, 缴费基数总额="120,000.50"))
    delivery = house.accept(drop(house.inbox(), "a.csv", text([INSURANCE, insurance_row(1)]) + bad + "\n"))
    assert (delivery.rows_landed, delivery.rows_quarantined) == (1, 1)


def test_codes_are_checked_only_where_they_are_ours(house: House) -> None:
    feed = house.contracts.feeds["enterprise_register"]
    ours, opaque = (house.contracts.checks(f) for f in (feed, feed.model_copy(update={"identifiers": "opaque"})))
    assert ours[0] is opaque[0] is WHOLE_ROW
    assert {check.kind for check in ours} - {check.kind for check in opaque} == {"uscc", "organisation_code"}
    assert [check for check in ours if check.kind not in {"uscc", "organisation_code"}] == list(opaque)


CELL = st.one_of(
    st.sampled_from(["", "合计", "说明：", "202503", "20", "1,200.5", '"', "\n", "３", "-", *INSURANCE]),
    st.text(max_size=6),
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], House]:
    """One house for many generated files."""
    root = tmp_path_factory.mktemp("home")
    made = open_house(root)
    return lambda: made


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    rows=st.lists(st.one_of(st.lists(CELL, max_size=14), st.integers(0, 9).map(insurance_row)), max_size=8),
    delimiter=st.sampled_from([",", "\t"]),
    encoding=st.sampled_from(["utf-8", "gb18030"]),
)
def test_every_line_of_any_grid_is_accounted_for(
    shared: Callable[[], House], rows: list[list[str]], delimiter: str, encoding: str
) -> None:
    house = shared()
    content = text([INSURANCE, insurance_row(99), *rows], delimiter)
    delivery = house.take(drop(house.inbox(), "a.csv", content.encode(encoding, errors="replace")))
    if delivery is None:
        return
    assert delivery.rows_in == delivery.rows_landed + delivery.rows_quarantined + delivery.rows_set_aside
    if delivery.status == "accepted":
        assert house.frame(delivery).height == delivery.rows_landed
        assert house.frame(delivery, "quarantined").height == delivery.rows_quarantined
        assert house.frame(delivery, "reasons")["line_no"].n_unique() == delivery.rows_quarantined
    else:
        assert delivery.reason
