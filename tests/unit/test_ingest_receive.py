"""Files as departments send them: what lands, what is quarantined, what is set aside, what is refused and why."""

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ingest_files import ARRIVED, INSURANCE, REGISTER, drop, insurance_row, register_row, text, uscc, workbook

from pipelines import contracts as contract_files
from pipelines.contracts import Contracts
from pipelines.errors import UsageError
from pipelines.ledger import Delivery, Ledger
from pipelines.settings import Home
from pipelines.stages.ingest import Incoming, receive, waiting


@dataclass
class House:
    """A home in a temporary folder, with what tests ask of it."""

    home: Home
    contracts: Contracts
    ledger: Ledger

    def take(self, path: Path, **said: Any) -> Delivery | None:
        """Receive one file."""
        said = {"received_at": ARRIVED} | said
        return receive(Incoming(path, **said), home=self.home, contracts=self.contracts, ledger=self.ledger)

    def accept(self, path: Path, **said: Any) -> Delivery:
        """Receive one file that must be accepted."""
        delivery = self.take(path, **said)
        assert delivery is not None
        assert delivery.status == "accepted", delivery.reason
        assert delivery.rows_in == delivery.rows_landed + delivery.rows_quarantined + delivery.rows_set_aside
        return delivery

    def refuse(self, path: Path, **said: Any) -> str:
        """Receive one file that must be refused; gives the reason."""
        delivery = self.take(path, **said)
        assert delivery is not None
        assert delivery.status == "refused"
        assert delivery.rows_in == delivery.rows_set_aside
        kept = list((self.home.landing / "_refused" / delivery.batch).glob("original*"))
        assert [k.read_bytes() for k in kept] == [path.read_bytes()]
        return delivery.reason

    def frame(self, delivery: Delivery, name: str = "rows") -> pl.DataFrame:
        """A Parquet file of a batch."""
        return pl.read_parquet(self.home.landing / delivery.feed / delivery.batch / f"{name}.parquet")

    def manifest(self, delivery: Delivery) -> dict[str, Any]:
        """The manifest of a batch."""
        return json.loads((self.home.landing / delivery.feed / delivery.batch / "manifest.json").read_text("utf-8"))

    def inbox(self, feed: str = "insurance_month") -> Path:
        """Where a department puts its files."""
        return self.home.inbox / feed


@pytest.fixture
def house(tmp_path: Path) -> House:
    """An empty house."""
    return House(Home(tmp_path), contract_files.load(), Ledger(tmp_path / "ledger.sqlite"))


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


@pytest.mark.parametrize(
    ("encoding", "found"),
    [("utf-8-sig", "utf-8-sig"), ("utf-8", "utf-8"), ("gb18030", "gb18030"), ("utf-16", "utf-16")],
)
def test_encodings_and_rare_characters(house: House, encoding: str, found: str) -> None:
    name = "连云港𠮷祥镕𬭎有限公司"
    path = drop(house.inbox("x"), "r.csv", text([REGISTER, register_row(1, 企业名称=name)]), encoding)
    delivery = house.accept(path)
    assert house.manifest(delivery)["encoding"] == found
    assert house.frame(delivery)["enterprise_name"].to_list() == [name]


def test_codes_of_digits_stay_text(house: House) -> None:
    path = drop(house.inbox(), "a.csv", text([INSURANCE, insurance_row(1, 单位编号="0032070001")]))
    assert house.frame(house.accept(path))["unit_no"].to_list() == ["0032070001"]


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


def test_line_ends_inside_quotation_marks(house: House) -> None:
    rows = [[*REGISTER, "住所"], [*register_row(1), "一号楼\n二层，东"], [*register_row(2), "甲,乙"]]
    delivery = house.accept(drop(house.inbox("x"), "a.csv", text(rows).replace("\n", "\r\n")))
    landed = house.frame(delivery)
    assert landed["line_no"].to_list() == [2, 4]
    assert [a.replace("\r", "") for a in landed["address"]] == ["一号楼\n二层,东", "甲,乙"]


def test_an_open_quotation_mark_over_many_lines_refuses_the_file(house: House) -> None:
    rows = [[*REGISTER, "住所"], [*register_row(1), "甲"], *([*register_row(n), "乙"] for n in range(2, 6))]
    assert "引号没有成对" in house.refuse(drop(house.inbox("x"), "a.csv", text(rows).replace("甲", '"甲')))


@pytest.mark.parametrize("delimiter", ["\t", ";", "|"])
def test_other_delimiters_whatever_the_suffix(house: House, delimiter: str) -> None:
    path = drop(house.inbox("x"), "导出.xls", text([INSURANCE, insurance_row(1)], delimiter), "gb18030")
    assert house.accept(path).rows_landed == 1


def test_units_in_the_header_and_in_a_title(house: House) -> None:
    header = [h.replace("缴费基数总额", "缴费基数总额（万元）") for h in INSURANCE]
    delivery = house.accept(drop(house.inbox(), "a.csv", text([header, insurance_row(1, 缴费基数总额="12.00005")])))
    assert house.frame(delivery)["base_fen"].to_list() == [12_000_050]
    assert house.frame(delivery)["due_pension_fen"].to_list() == [1_920_000]
    titled = [["参保明细（单位：万元、人）"], INSURANCE, insurance_row(2, 缴费基数总额="12", 养老应缴="1.92")]
    rows = house.frame(house.accept(drop(house.inbox(), "b.csv", text(titled))))
    assert rows.select("base_fen", "due_pension_fen").rows() == [(12_000_000, 1_920_000)]


def test_a_unit_of_another_kind_refuses_the_file(house: House) -> None:
    header = [h.replace("缴费基数总额", "缴费基数总额(美元)") for h in INSURANCE]
    assert "单位不符：缴费基数总额(美元)" in house.refuse(
        drop(house.inbox(), "a.csv", text([header, insurance_row(1)]))
    )


def test_a_remark_that_changes_a_number_is_not_its_header(house: House) -> None:
    header = [h.replace("缴费基数总额", "缴费基数总额(不含补缴)") for h in INSURANCE]
    assert "缺少列：缴费基数总额" in house.refuse(drop(house.inbox(), "a.csv", text([header, insurance_row(1)])))


def test_a_workbook_with_merged_titles_two_header_rows_and_totals(house: House) -> None:
    upper = [
        "单位编号",
        "费款所属期",
        "失业保险参保人数",
        "缴费基数总额",
        "养老保险(万元)",
        "",
        "失业保险(元)",
        "",
        "工伤",
        "",
    ]
    lower = ["", "", "", "", "应缴额", "实缴额", "应缴额", "实缴额", "应缴", "实缴"]
    data = [
        ["3207000001", datetime(2025, 3, 1), 20, 120000.5, 1.92, 1.92, 1200, 1200, 480.1, "４８０．１"],
        ["3207000002", 202503, "２０", "120,000.50", 1.92, "", 1200, 1200, 480.1, 480.1],
    ]
    rows = [[""], ["填报日期：2025-04-02"], upper, lower, *data, ["合计", "", 40]]
    merges = [(0, 0, 0, 9, "参保单位月度缴费明细表"), (2, 4, 2, 5, upper[4]), (2, 6, 2, 7, upper[6])]
    path = drop(house.inbox(), "a.xlsx", workbook({"明细": rows, "填表说明": [["一"], ["二"]]}, merges))
    delivery = house.accept(path)
    assert (delivery.rows_landed, delivery.rows_set_aside) == (2, 5)
    landed = house.frame(delivery)
    assert landed["due_pension_fen"].to_list() == [1_920_000, 1_920_000]
    assert landed["paid_pension_fen"].to_list() == [1_920_000, None]
    assert landed["due_unemployment_fen"].to_list() == [120_000, 120_000]
    assert landed["paid_injury_fen"].to_list() == [48_010, 48_010]
    assert landed["month"].to_list() == [date(2025, 3, 1)] * 2
    assert landed["line_no"].to_list() == [5, 6]
    assert house.manifest(delivery)["other_sheets"] == ["填表说明"]


def test_two_sheets_of_data_refuse_the_workbook(house: House) -> None:
    sheets = {"海州": [INSURANCE, insurance_row(1)], "赣榆": [INSURANCE, insurance_row(2)]}
    assert "「海州」、「赣榆」" in house.refuse(drop(house.inbox(), "a.xlsx", workbook(sheets)))


def test_serial_days_of_a_workbook(house: House) -> None:
    delivery = house.accept(
        drop(
            house.inbox(), "a.xlsx", workbook({"a": [INSURANCE, [*insurance_row(1)[:1], 45717, *insurance_row(1)[2:]]]})
        )
    )
    assert house.frame(delivery)["month"].to_list() == [date(2025, 3, 1)]


def test_parquet_by_name_and_of_any_type(house: House) -> None:
    frame = pl.DataFrame(
        {
            "unit_no": ["3207000001", "3207000002"],
            "费款所属期": [202503, 202502],
            "insured_persons": [20.0, None],
            **{h: [1200.5, 3.0] for h in INSURANCE[5:]},
            "多余": ["x", "y"],
        }
    )
    out = io.BytesIO()
    frame.write_parquet(out)
    delivery = house.accept(drop(house.inbox(), "a.parquet", out.getvalue()))
    assert (delivery.rows_landed, delivery.rows_quarantined) == (1, 1)
    assert house.frame(delivery).select("month", "insured_persons", "base_fen").rows() == [
        (date(2025, 3, 1), 20, 120_050)
    ]
    assert house.manifest(delivery)["ignored"] == ["多余"]


def test_a_zip_of_one_file(house: House) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.csv", text([INSURANCE, insurance_row(1)]).encode("gb18030"))
    assert house.accept(drop(house.inbox(), "a.zip", out.getvalue())).rows_landed == 1
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr("b.csv", "x")
    assert "2个文件" in house.refuse(drop(house.inbox(), "b.zip", out.getvalue()))


def test_broken_and_empty_files_are_refused(house: House) -> None:
    book = workbook({"a": [INSURANCE, insurance_row(1)]})
    assert "无法打开" in house.refuse(drop(house.inbox(), "a.xlsx", book[: len(book) // 2]))
    assert "文件是空的" in house.refuse(drop(house.inbox(), "b.csv", b"\r\n \r\n"))
    assert "编码" in house.refuse(drop(house.inbox(), "c.csv", "单位编号".encode() + b"\xff\xff\x00,\n" * 5))
    assert "没有任何内容" in house.refuse(drop(house.inbox(), "d.xlsx", workbook({"a": []})))
    assert "Parquet" in house.refuse(drop(house.inbox(), "e.parquet", b"PAR1" + b"x" * 40))


def test_a_header_alone_is_refused_unless_the_feed_is_of_events(house: House) -> None:
    assert "没有数据行" in house.refuse(drop(house.inbox(), "a.csv", text([INSURANCE])))
    header = "报告编号,统一社会信用代码,报告日期,职工总数,拟裁减人数,报告状态\n"
    assert house.accept(drop(house.inbox("layoff_notice"), "b.csv", header)).rows_in == 0


def test_a_file_without_one_good_row_is_refused(house: House) -> None:
    rows = [INSURANCE, *(insurance_row(n, 失业保险参保人数="?") for n in range(3))]
    reason = house.refuse(drop(house.inbox(), "a.csv", text(rows)))
    assert "3行数据没有一行合格" in reason
    assert "失业保险参保人数无法识别" in reason


def test_the_wrong_file_in_a_feeds_folder_is_refused(house: House) -> None:
    reason = house.refuse(drop(house.inbox("insured_unit"), "a.csv", text([INSURANCE, insurance_row(1)])))
    assert "缺少列：统一社会信用代码" in reason
    assert "看起来是「单位月度参保缴费」的文件" in reason


def test_a_file_in_the_inbox_itself_is_recognised_or_refused(house: House) -> None:
    assert (
        house.accept(drop(house.home.inbox, "a.csv", text([REGISTER, register_row(1)]))).feed == "enterprise_register"
    )
    partial = text([INSURANCE[:4], insurance_row(1)[:4]])
    reason = house.refuse(drop(house.home.inbox, "b.csv", partial))
    assert "「单位月度参保缴费」缺少列：缴费基数总额" in reason
    both = text([[*REGISTER, "年度"], [*register_row(1), "2025"]])
    assert "同时符合" in house.refuse(drop(house.home.inbox, "c.csv", both))


def test_two_columns_of_one_name_are_not_chosen_between(house: House) -> None:
    rows = [[*INSURANCE, "参保人数", "单位编号"], [*insurance_row(1), "21", "9"]]
    assert "有两列同名：单位编号" in house.refuse(drop(house.inbox(), "a.csv", text(rows)))


def test_the_same_content_is_one_delivery_until_another_came(house: House) -> None:
    first = drop(house.inbox(), "a.csv", text([INSURANCE, insurance_row(1)]))
    second = drop(house.inbox(), "b.csv", text([INSURANCE, insurance_row(1, 停保人数="9")]))
    one = house.accept(first)
    assert house.take(first) is None
    house.accept(second)
    again = house.accept(first, received_at=ARRIVED + timedelta(days=1))
    assert (again.batch, again.rows_landed) == (one.batch, 1)
    assert again.delivery_no > one.delivery_no


def test_a_withdrawn_file_may_come_again(house: House) -> None:
    path = drop(house.inbox(), "a.csv", text([INSURANCE, insurance_row(1)]))
    house.ledger.withdraw(house.accept(path).batch, at=ARRIVED, reason="试")
    assert house.take(path) is None, "the arrival that was withdrawn is not told again"
    assert house.accept(path, received_at=ARRIVED + timedelta(days=1)).status == "accepted"


def test_an_inbox_that_is_only_read_can_be_read_again(house: House) -> None:
    paths = [drop(house.inbox(), f"{m}.csv", text([INSURANCE, insurance_row(1, m)])) for m in ("202502", "202503")]
    assert [house.accept(path).delivery_no for path in paths] == [1, 2]
    assert [house.take(path) for path in paths] == [None, None]


def test_a_batch_that_landed_before_a_crash_is_recorded_as_it_lies(house: House) -> None:
    path = drop(house.inbox(), "a.csv", text([INSURANCE, insurance_row(1), insurance_row(2, "?")]))
    before = house.accept(path)
    house.ledger = Ledger(house.home.root / "other.sqlite")
    after = house.accept(path)
    assert (after.batch, after.rows_landed, after.rows_quarantined) == (before.batch, 1, 1)


def test_a_refused_file_is_recorded_once(house: House) -> None:
    path = drop(house.inbox(), "a.csv", "x,y\n1,2\n")
    house.refuse(path)
    assert house.take(path) is None
    assert len(house.ledger.deliveries()) == 1


def test_the_original_is_kept_and_the_file_removed_on_demand(house: House) -> None:
    content = text([INSURANCE, insurance_row(1)])
    path = drop(house.inbox(), "a.CSV", content)
    delivery = house.accept(path, remove=True)
    assert not path.exists()
    assert (house.home.landing / "insurance_month" / delivery.batch / "original.csv").read_text() == content
    assert not list((house.home.landing / "insurance_month").glob(".*"))


def test_a_batch_is_written_the_same_way_twice(tmp_path: Path) -> None:
    content = text([INSURANCE, *(insurance_row(n % 7, 停保人数=str(n)) for n in range(40))])
    written = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        there = House(Home(tmp_path / name), contract_files.load(), Ledger(tmp_path / name / "ledger.sqlite"))
        delivery = there.accept(drop(there.inbox(), "a.csv", content))
        folder = there.home.landing / delivery.feed / delivery.batch
        written.append({p.name: p.read_bytes() for p in folder.iterdir()})
    assert written[0] == written[1]


def test_an_unknown_feed_is_the_callers_mistake(house: House) -> None:
    with pytest.raises(UsageError, match="insurance_month"):
        house.take(drop(house.inbox(), "a.csv", "x"), feed="nonsense")


def test_what_waits_in_the_inbox(house: House) -> None:
    for folder, name in [
        ("", "z.csv"),
        ("insurance_month", "b.csv"),
        ("insurance_month", "a.csv"),
        ("insurance_month", ".x"),
        ("", "c.csv.part"),
        ("", "d.tmp"),
    ]:
        drop(house.home.inbox / folder, name, "x")
    found = [(path.name, feed) for path, feed in waiting(house.home.inbox, contracts=house.contracts)]
    assert found == [("a.csv", "insurance_month"), ("b.csv", "insurance_month"), ("z.csv", None)]


CELL = st.one_of(
    st.sampled_from(["", "合计", "说明：", "202503", "20", "1,200.5", '"', "\n", "３", "-", *INSURANCE]),
    st.text(max_size=6),
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], House]:
    """One house for many generated files."""
    root = tmp_path_factory.mktemp("home")
    made = House(Home(root), contract_files.load(), Ledger(root / "ledger.sqlite"))
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
