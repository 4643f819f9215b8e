"""Readers in a process of their own: what they answer, and that their end is a refusal and never ours."""

import io
import struct
import subprocess
import sys
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest
from ingest_files import INSURANCE, drop, insurance_row
from ingest_house import House, open_house

sys.path.insert(0, str(Path(__file__).parents[1] / "end_to_end"))

from specimens import as_old_workbook

from pipelines.errors import DeliveryError
from pipelines.stages.ingest import bounded, columnar, grid, old_workbook
from pipelines.stages.ingest.bounded import Bounds, OverrunError, UnreadableError
from pipelines.stages.ingest.readers.old_workbook import cell

ENOUGH = Bounds(memory=4 * 2**30, seconds=60)
TABLE = [["编码", "数", "说明"], ["0012", "12", "甲，乙"], ["0013", "1.5", ""], ["", "", "只有说明"]]


@pytest.fixture
def house(tmp_path: Path) -> House:
    return open_house(tmp_path)


def parquet(frame: pl.DataFrame, **how: object) -> bytes:
    out = io.BytesIO()
    frame.write_parquet(out, **how)  # type: ignore[arg-type]
    return out.getvalue()


def reader(folder: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    """Let ``answer`` find a reader called ``odd`` whose ``read`` does ``body``."""
    lines = "import os, sys, time\n\ndef read(content, told, *said):\n    " + body
    (folder / "odd.py").write_text(lines, encoding="utf-8")
    # The process looks for its reader beside the file that it runs first.
    launcher = folder / "bounded.py"
    launcher.write_bytes(Path(bounded.__file__).read_bytes())
    (folder / "readers").mkdir()
    (folder / "odd.py").rename(folder / "readers" / "odd.py")
    monkeypatch.setattr(bounded, "__file__", str(launcher))


def test_an_answer_comes_back_as_it_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader(tmp_path, monkeypatch, "told.write(content[::-1] + said[0].encode())")
    content = bytes(range(256)) * 5000
    with bounded.answer("odd", content, "甲", bounds=ENOUGH) as told:
        assert told.read() == content[::-1] + "甲".encode()


@pytest.mark.parametrize(
    ("body", "raised"),
    [
        ("raise ValueError('甲')", UnreadableError),
        ("raise BaseException", UnreadableError),
        ("raise MemoryError", OverrunError),
        ("bytearray(2**32)", OverrunError),
        ("os.abort()", OverrunError),
        ("os.kill(os.getpid(), 9)", OverrunError),
        ("[told.write(bytes(2**26)) for _ in range(17)]", OverrunError),
    ],
)
def test_however_a_reader_ends_this_process_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, raised: type[Exception]
) -> None:
    reader(tmp_path, monkeypatch, body)
    with pytest.raises(UnreadableError) as told:
        bounded.answer("odd", b"x" * 10**6, bounds=Bounds(memory=2**30, seconds=60))
    assert type(told.value) is raised


@pytest.mark.parametrize("body", ["exec('while True: pass')", "time.sleep(600)"])
def test_a_reader_that_does_not_come_back_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    reader(tmp_path, monkeypatch, body)
    with pytest.raises(OverrunError):
        bounded.answer("odd", b"x", bounds=Bounds(memory=2**30, seconds=1))


def test_a_reader_that_cannot_begin_is_no_fault_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    reader(tmp_path, monkeypatch, "pass\nimport a_library_that_is_not_there")
    with pytest.raises(subprocess.CalledProcessError):
        bounded.answer("odd", b"x", bounds=ENOUGH)
    assert "a_library_that_is_not_there" in capfd.readouterr().err


def test_what_a_reader_says_of_a_file_is_heard_by_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    reader(tmp_path, monkeypatch, "print('张三', file=sys.stderr, flush=True); os.write(2, b'x'); 1 / 0")
    with pytest.raises(UnreadableError):
        bounded.answer("odd", b"x", bounds=ENOUGH)
    assert capfd.readouterr().err == ""


def test_an_old_workbook_is_read_as_a_clerk_reads_it() -> None:
    [(name, rows)] = old_workbook.sheets(as_old_workbook(TABLE), maximum_cells=100)
    assert name == "Sheet1"
    assert rows == TABLE


def test_an_old_workbook_that_reaches_too_far_or_is_broken_is_unreadable() -> None:
    content = as_old_workbook(TABLE)
    with pytest.raises(OverrunError):
        old_workbook.sheets(content, maximum_cells=11)
    for broken in (content[:700], content[:512] + bytes(len(content) - 512), b"\xd0\xcf\x11\xe0"):
        with pytest.raises(UnreadableError):
            old_workbook.sheets(broken, maximum_cells=100)
        with pytest.raises(DeliveryError, match="工作簿打不开"):
            grid.read(broken)


def test_an_old_workbook_with_a_cell_far_below_all_others_is_refused() -> None:
    gap = [[""] * 3] * (grid.MAXIMUM_GAP - 1)
    assert grid.read(as_old_workbook([*TABLE, *gap, ["", "", "x"]])).grids[0].records() == 4 + len(gap) + 1
    with pytest.raises(DeliveryError, match="第4行以下空了1000行又有内容"):
        grid.read(as_old_workbook([*TABLE, [""] * 3, *gap, ["", "", "x"]]))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("甲 ", "甲 "),
        (True, "1"),
        (False, "0"),
        (3.0, "3"),
        (-3.25, "-3.25"),
        (999_999_999_999_999.0, "999999999999999"),
        (1e15, "1.00000000000000e+15"),
        (91_320_700_123_456_789, "9.13207001234568e+16"),
        (datetime(2025, 3, 1), "2025-03-01"),
        (datetime(2025, 3, 1, 8, 30), "2025-03-01 08:30:00"),
        (date(2025, 3, 1), "2025-03-01"),
    ],
)
def test_a_cell_of_a_workbook_as_text(value: object, text: str) -> None:
    assert cell(value) == text


def test_an_old_workbook_lands_with_its_line_numbers(house: House) -> None:
    rows = [["某市参保明细表"], INSURANCE, insurance_row(1), insurance_row(2, 费款所属期="2025.1"), insurance_row(3)]
    delivery = house.accept(drop(house.inbox(), "a.xls", as_old_workbook(rows)))
    assert (delivery.rows_in, delivery.rows_landed, delivery.rows_quarantined) == (5 - 1, 2, 1)
    assert house.frame(delivery)["line_no"].to_list() == [3, 5]


def test_a_table_of_any_type_comes_back_from_parquet() -> None:
    frame = pl.DataFrame(
        {
            "甲": ["x", None, ""],
            "day": [date(2025, 3, 1), None, date(1900, 1, 1)],
            "at": [datetime(2025, 3, 1, 8, 30), None, datetime(1, 1, 1)],
            "share": [1.5, float("nan"), None],
            "list": [[1, 2], None, []],
            "pair": [{"a": 1, "b": "y"}, None, {"a": None, "b": None}],
            "bytes": [b"\x00\xff", None, b""],
            "nothing": [None, None, None],
        }
    ).with_columns(
        pl.col("甲").cast(pl.Categorical).alias("word"),
        pl.Series("money", ["1.25", None, "-3"]).cast(pl.Decimal(30, 4)),
    )
    back = columnar.read(parquet(frame))
    assert back.schema == frame.schema
    assert back.equals(frame)
    assert columnar.read(parquet(frame.clear())).schema == frame.schema


def test_a_parquet_file_whose_pages_lie_is_refused() -> None:
    content = parquet(pl.DataFrame({"甲": [str(n) for n in range(1000)]}), compression="snappy")
    at = content.index(b"\x15", 4, 60) + 3
    assert content[4] == 0x15, "a page begins with its type"
    for lie in (b"\xfe\xff\xff\xff\x0f", b"\xff\xff\xff\xff\x0f", b"\x80\x80\x80\x80\x08"):
        with pytest.raises(DeliveryError, match=r"^Parquet文件.*请"):
            columnar.read(content[:at] + lie + content[at + 1 :])


def test_a_parquet_file_that_needs_more_than_its_reader_may_have_is_refused(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = pl.DataFrame({"甲": pl.repeat("一二三四五六七八九十", 12_000_000, eager=True)})
    content = parquet(rows, compression="zstd")
    assert len(content) < 2**20
    monkeypatch.setattr(columnar, "BOUNDS", Bounds(memory=2**30, seconds=60))
    with pytest.raises(DeliveryError, match="超出内存或时间的限度"):
        columnar.read(content)
    assert house.refuse(drop(house.inbox(), "a.parquet", content)).startswith("Parquet文件展开时")


@pytest.mark.parametrize("end", [4, 12, -1])
def test_a_parquet_file_cut_off_is_refused(end: int) -> None:
    content = parquet(pl.DataFrame({"甲": ["x"]}))
    with pytest.raises(DeliveryError, match="损坏"):
        grid.read(content[:end])


def test_a_footer_that_boasts_is_refused_before_its_pages_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columnar, "MAXIMUM_CELLS", 5)
    monkeypatch.setattr(columnar, "answer", lambda *_, **__: pytest.fail("no page may be read"))
    with pytest.raises(DeliveryError, match="行列太多"):
        columnar.read(parquet(pl.DataFrame({"甲": ["x"] * 3, "乙": ["y"] * 3})))
    content = parquet(pl.DataFrame({"甲": ["x"]}))
    for size in (2**31, 2**16, 1, len(content) - 12):
        with pytest.raises(DeliveryError, match="损坏"):
            columnar.read(content[:-8] + struct.pack("<I", size) + content[-4:])
