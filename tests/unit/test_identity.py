"""Decisions about names: each row of the workbook is taken or refused in words, once, and can be taken back."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
import xlsxwriter

from pipelines import identity
from pipelines.errors import DeliveryError, NotFoundError
from pipelines.ledger import Ledger

ONE, TWO = "91320703PDY00001X4", "91320706PDY000028F"
NOW = datetime(2026, 11, 23, 9)
KEY = "海州模拟禾瑭纺织有限公司|320706|"
HEADERS = ("来文所称单位名称", *identity.CANDIDATES, identity.VERDICT, identity.CODE, identity.NOTE, identity.KEY)
FIRST = f"海州模拟禾瑭（海州）有限公司（{ONE}）\n字号行业一致"


def workbook(folder: Path, *rows: tuple[str, ...]) -> Path:
    """A workbook as an edition sends it, two lines above its header, filled in."""
    path = folder / "名称认定表.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        page = book.add_worksheet("待认定")
        page.write_string(0, 0, "名称认定表（2个名称待认定）")
        for at, row in enumerate((HEADERS, *rows), start=2):
            for place, cell in enumerate(row):
                page.write_string(at, place, cell)
    return path


def filled(verdict: str, code: str = "", note: str = "", key: str = KEY) -> tuple[str, ...]:
    return ("海州模拟禾瑭纺织有限公司", FIRST, "—", "—", verdict, code, note, key)


def decided(path: Path, ledger: Ledger, *, now: datetime = NOW) -> identity.Read:
    return identity.decide(path, role="就业科", known={ONE, TWO}, ledger=ledger, now=now)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger.sqlite")


@pytest.mark.parametrize(
    ("row", "code", "reason"),
    [
        (filled("候选1"), ONE, "候选1"),
        (filled("候选1", ONE, "电话核实"), ONE, "电话核实"),
        (filled("其他企业", TWO.lower()), TWO, "其他企业"),
        (filled("均不是"), None, "均不是"),
    ],
)
def test_a_decision_goes_on_record(
    row: tuple[str, ...], code: str | None, reason: str, tmp_path: Path, ledger: Ledger
) -> None:
    assert decided(workbook(tmp_path, row), ledger) == identity.Read(1, 0, 0, ())
    assert identity.on_record(ledger) == {KEY: identity.Decision(KEY, code, "就业科", reason, NOW)}


@pytest.mark.parametrize(
    ("row", "word"),
    [
        (filled("是"), "不在选项之中"),
        (filled("候选2"), "候选2为空"),
        (filled("候选1", TWO), "又填了另一家的代码"),
        (filled("其他企业"), "请填其他企业的统一社会信用代码"),
        (filled("其他企业", "91320700PDY99999X0"), "不在已知企业之中"),
    ],
)
def test_a_row_that_is_no_decision_is_refused_in_words(
    row: tuple[str, ...], word: str, tmp_path: Path, ledger: Ledger
) -> None:
    done = decided(workbook(tmp_path, row, filled("均不是", key="乙|320706|")), ledger)
    assert (done.came, len(done.refused)) == (1, 1)
    assert done.refused[0].startswith("第4行")
    assert word in done.refused[0]
    assert set(identity.on_record(ledger)) == {"乙|320706|"}


def test_the_same_workbook_again_changes_nothing_and_empty_rows_wait(tmp_path: Path, ledger: Ledger) -> None:
    path = workbook(tmp_path, filled("候选1"), filled("", key="乙|320706|"))
    assert decided(path, ledger) == identity.Read(1, 0, 1, ())
    last = ledger.last_seq()
    assert decided(path, ledger, now=NOW + timedelta(days=1)) == identity.Read(0, 1, 1, ())
    assert ledger.last_seq() == last


def test_two_verdicts_about_one_name_in_one_workbook_take_the_first(tmp_path: Path, ledger: Ledger) -> None:
    done = decided(workbook(tmp_path, filled("候选1"), filled("均不是")), ledger)
    assert (done.came, len(done.refused)) == (1, 1)
    assert identity.on_record(ledger)[KEY].enterprise_id == ONE


def test_a_night_sees_what_was_decided_before_it(tmp_path: Path, ledger: Ledger) -> None:
    decided(workbook(tmp_path, filled("候选1")), ledger)
    first = ledger.last_seq()
    decided(workbook(tmp_path, filled("均不是")), ledger, now=NOW + timedelta(days=2))
    assert identity.on_record(ledger)[KEY].enterprise_id is None
    assert identity.on_record(ledger, through=first)[KEY].enterprise_id == ONE
    assert identity.on_record(ledger, cutoff=NOW + timedelta(days=1))[KEY].enterprise_id == ONE
    assert identity.on_record(ledger, cutoff=NOW) == {}


def test_a_decision_taken_back_is_no_longer_in_force(tmp_path: Path, ledger: Ledger) -> None:
    decided(workbook(tmp_path, filled("候选1")), ledger)
    identity.retract(KEY, ledger=ledger, now=NOW, reason="认错了")
    assert identity.on_record(ledger) == {}
    with pytest.raises(NotFoundError, match="no decision"):
        identity.retract(KEY, ledger=ledger, now=NOW, reason="再撤")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no zip", "名称线索,认定结果\n".encode()])
def test_another_file_is_refused(content: bytes, tmp_path: Path, ledger: Ledger) -> None:
    path = tmp_path / "x.xlsx"
    path.write_bytes(content)
    with pytest.raises(DeliveryError, match=r"x\.xlsx"):
        decided(path, ledger)


def test_a_workbook_without_the_columns_is_refused(tmp_path: Path, ledger: Ledger) -> None:
    path = tmp_path / "x.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        book.add_worksheet("预警名单").write_string(0, 0, "名称线索")
    with pytest.raises(DeliveryError, match="请使用随期次下发的名称认定表"):
        decided(path, ledger)
