"""The visit form goes out with an edition and comes back: what counts moves the case, what does not is told why."""

import shutil
import sys
import zipfile
from contextlib import closing
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
import python_calamine
import xlsxwriter

sys.path.insert(0, str(Path(__file__).parent))

from nights import SECOND, cutoff_of

from pipelines import nightly, order_records, own_cases, replay
from pipelines.errors import UsageError
from pipelines.ledger import Ledger
from pipelines.nightly import Means
from pipelines.order_records import DoneOrder
from pipelines.own_cases import OwnCase
from pipelines.settings import Home
from pipelines.stages.report.workbook import TAKES

THIRD = date(2026, 11, 16)
BACK = datetime(2026, 11, 14, 9)
HEADER = 3


@pytest.fixture
def copied(issued_home: Path, tmp_path: Path) -> Means:
    """The means of a copy of the home with two editions."""
    from conftest import NOW

    shutil.copytree(issued_home, tmp_path / "copy", symlinks=True)
    return Means(home=Home(tmp_path / "copy"), now=NOW)


class Form:
    """A form as a program holds it that has opened it: cells by the words of their header."""

    def __init__(self, path: Path) -> None:
        self.lines = python_calamine.CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()
        self.places = {header: place for place, header in enumerate(self.lines[HEADER]) if header}

    @property
    def rows(self) -> int:
        return len(self.lines) - HEADER - 1

    def said(self, header: str) -> str:
        return str(self.lines[HEADER + 1][self.places[header]])

    def fill(self, row: int, **said: Any) -> None:
        """Write into a row, the first case being 1."""
        for header, value in said.items():
            self.lines[HEADER + row][self.places[header]] = value

    def add(self, **said: Any) -> int:
        """A row that an officer made of the first by hand; gives its line."""
        self.lines.append(list(self.lines[HEADER + 1]))
        self.fill(self.rows, **said)
        return len(self.lines)

    def save(self, path: Path) -> None:
        """Save it as another program would, without locks and choices."""
        book = xlsxwriter.Workbook(str(path), {"default_date_format": "yyyy-mm-dd"})
        page = book.add_worksheet("走访跟进表")
        for place, line in enumerate(self.lines):
            page.write_row(place, 0, line)
        book.close()


def forms(home: Home) -> list[Path]:
    return sorted((home.editions / SECOND.isoformat() / "r1" / "走访表").glob("*.xlsx"))


def answers(home: Home) -> list[dict[str, Any]]:
    with closing(duckdb.connect(str(home.published / "current.duckdb"), read_only=True)) as connection:
        return connection.sql("SELECT * FROM out.visit_answer ORDER BY visit_no").pl().to_dicts()


def listed(home: Home) -> dict[str, tuple[str, str]]:
    """Warning number → enterprise and state."""
    with closing(duckdb.connect(str(home.published / "current.duckdb"), read_only=True)) as connection:
        rows = connection.execute("SELECT warning_no, enterprise_id, case_state FROM out.warning").fetchall()
        return {number: (code, state) for number, code, state in rows}


def send(means: Means, form: Form, path: Path) -> Any:
    path.parent.mkdir(exist_ok=True)
    form.save(path)
    ((_, delivery),) = nightly.receive(means, [path], feed="follow_up", at=BACK, dated=None)
    return delivery


def test_the_form_is_locked_but_for_the_answers(issued_home: Path) -> None:
    found = forms(Home(issued_home))
    assert sum(Form(path).rows for path in found) == len(listed(Home(issued_home)))
    for path in found:
        with zipfile.ZipFile(path) as parts:
            page = parts.read("xl/worksheets/sheet1.xml").decode()
            styles = parts.read("xl/styles.xml").decode()
        assert "<sheetProtection" in page
        assert styles.count('<protection locked="0"') == len(TAKES) + 2
        assert '<formula1>"是,否"</formula1>' in page
        assert '<formula1>"上门,电话,视频,约谈"</formula1>' in page


def test_what_comes_back_moves_the_case_and_blank_rows_are_no_answers(copied: Means, tmp_path: Path) -> None:
    before, moved = listed(copied.home), {}
    for number, path in enumerate(forms(copied.home)):
        form = Form(path)
        found = {"是否误报": "是", "误报原因": "季节性用工"}
        if number:
            found = {"是否误报": "否", "已提供服务": "就业政策、社保衔接"}
        form.fill(1, 走访日期=date(2026, 11, 13), 走访方式="上门", 未来三个月计划增减人数=-4, **found)
        form.fill(1, **{"订单变化幅度（%）": -30})
        moved[form.said("预警编号")] = number == 0
        delivery = send(copied, form, tmp_path / str(number) / "走访表.xlsx")
        assert (delivery.status, delivery.rows_landed, delivery.rows_quarantined) == ("accepted", 1, 0), delivery.reason
        assert delivery.rows_in == delivery.rows_landed + delivery.rows_set_aside >= form.rows
    nightly.run(copied, as_of=THIRD, cutoff=cutoff_of(THIRD))
    after = listed(copied.home)
    assert set(moved) - set(after) == {case for case, is_false in moved.items() if is_false}
    assert {after[case][1] for case, is_false in moved.items() if not is_false} <= {"帮扶中"}
    assert {row["warning_no"]: row["answer_state"] for row in answers(copied.home)} == dict.fromkeys(moved, "已采纳")
    assert set(moved) <= set(before)
    assert replay.replay(copied, as_of=SECOND).equal
    assert replay.replay(copied, as_of=THIRD).equal


def test_faulty_rows_are_refused_with_words_and_nothing_is_lost(copied: Means, tmp_path: Path) -> None:
    form = Form(forms(copied.home)[0])
    number, day = form.said("走访编号"), date(2026, 11, 13)
    form.fill(1, 走访日期=day, 是否误报="否")
    held = [
        form.add(走访编号=f"{number}1", 走访日期="11月35日"),
        form.add(走访编号=f"{number}2", 是否误报="也许"),
        form.add(走访编号=f"{number}4", 统一社会信用代码="91320700000000000X", 是否误报="是"),
        form.add(走访编号=f"{number}6", 走访日期=date(2027, 3, 1), 是否误报="是"),
        form.add(),
    ]
    form.add(走访编号=f"{number}3", 预警编号="YJ202001320706001", 是否误报="是")
    form.add(走访编号=f"{number}5", 走访日期=date(2026, 10, 1), 是否误报="是")
    delivery = send(copied, form, tmp_path / "sent" / "走访表.xlsx")
    assert (delivery.rows_landed, delivery.rows_quarantined) == (3, len(held)), delivery.reason
    assert delivery.rows_in == delivery.rows_landed + delivery.rows_quarantined + delivery.rows_set_aside
    again = nightly.receive(copied, [tmp_path / "sent" / "走访表.xlsx"], feed="follow_up", at=BACK, dated=None)
    assert [told for _, told in again] == [None], "the same file is no news"
    nightly.run(copied, as_of=THIRD, cutoff=cutoff_of(THIRD))
    told = {row["visit_no"]: (row["answer_state"], row["answer_text"]) for row in answers(copied.home)}
    assert told[number] == ("已采纳", "处置状态：属实")
    assert told[f"{number}3"][1].startswith("预警编号YJ202001320706001不是该企业本次预警的编号（")
    assert told[f"{number}5"][1].startswith("走访日期早于列入日期（")
    assert {state for state, _ in told.values()} == {"已采纳", "未采纳"}
    sent_back = copied.home.editions / THIRD.isoformat() / "r1" / "feedback" / "县区人社局.xlsx"
    sheet = python_calamine.CalamineWorkbook.from_path(sent_back).get_sheet_by_name("隔离明细").to_python()
    assert set(held) <= {int(row[3]) for row in sheet if str(row[3]).isdigit()}


def test_a_case_added_by_hand_is_listed_and_replayed(copied: Means) -> None:
    with closing(duckdb.connect(str(copied.home.published / "current.duckdb"), read_only=True)) as connection:
        known = {code for (code,) in connection.execute("SELECT enterprise_id FROM out.enterprise").fetchall()}
    before = {code for code, _ in listed(copied.home).values()}
    code = min(known - before)
    ledger = Ledger(copied.home.ledger)
    own_cases.add(OwnCase(code, "橙", "就业科", "企业来人反映停产", BACK), known=known, ledger=ledger)
    assert nightly.run(copied, as_of=THIRD, cutoff=cutoff_of(THIRD)).status == "issued"
    assert code in {one for one, _ in listed(copied.home).values()}
    assert replay.replay(copied, as_of=SECOND).equal
    own_cases.retract(code, ledger=ledger, now=datetime(2026, 11, 16, 9), reason="已核实")
    assert replay.replay(copied, as_of=THIRD).equal


def given_orders(home: Home) -> dict[str, tuple[str, date, str, date | None]]:
    """Order → what it asks, since when, its state and the day on which it was done."""
    with closing(duckdb.connect(str(home.published / "current.duckdb"), read_only=True)) as connection:
        rows = connection.execute("SELECT order_no, task_name, issued_on, order_state, done_on FROM out.work_order")
        return {number: (what, since, state, done) for number, what, since, state, done in rows.fetchall()}


def test_an_order_recorded_by_hand_is_done_and_replayed(copied: Means) -> None:
    before = given_orders(copied.home)
    report = min(number for number, row in before.items() if row[2] == "办理中")
    since = before[report][1]
    ledger, issued = Ledger(copied.home.ledger), {number: row[1] for number, row in before.items()}
    for wrong in (DoneOrder(report, date(2026, 12, 24), "就业科", BACK), DoneOrder("YJ-0", since, "就业科", BACK)):
        with pytest.raises(UsageError):
            order_records.record(wrong, issued=issued, ledger=ledger)
    order_records.record(DoneOrder(report, since, "就业科", BACK), issued=issued, ledger=ledger)
    nightly.run(copied, as_of=THIRD, cutoff=cutoff_of(THIRD))
    after = given_orders(copied.home)
    assert after[report][2:] == ("按期完成", since)
    assert [row for number, row in after.items() if number != report and row[2] == "按期完成"] == []
    order_records.retract(report, ledger=ledger, now=datetime(2026, 11, 16, 9), reason="登记有误")
    assert replay.replay(copied, as_of=THIRD).equal
