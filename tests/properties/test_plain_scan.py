"""The fast native scan of delimited text against the general reader, character by character: alike, or it declines."""

import codecs

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.errors import DeliveryError
from pipelines.stages.ingest import grid, plain

SETTINGS = {"deadline": None, "derandomize": True, "suppress_health_check": list(HealthCheck)}
CHARACTERS = 'a0 1.-甲𠮷""\',;|\t\u3000\xa0\ufeff\ufffd\x0b\x0c\x1c\x85\u2028'
ENDS = ["\n", "\n", "\r\n", "\r", "\n\n", "\r\r\n", "\n\r"]
ENCODINGS = ["utf-8", "utf-8", "utf-8-sig", "gb18030", "utf-16"]


def quoted(cell: str) -> str:
    """A cell as a program quotes it."""
    return '"' + cell.replace('"', '""') + '"'


CELL = st.text(CHARACTERS, max_size=4)
PLAIN_CELL = st.text("ab01.甲 ", max_size=4)
WRITTEN = st.one_of(PLAIN_CELL, PLAIN_CELL, CELL, CELL.map(quoted), PLAIN_CELL.map(quoted))


@st.composite
def lines(draw: st.DrawFn) -> str:
    """A table with a usual width; some lines are ragged or blank, some cells quoted, some marks astray."""
    width, delimiter = draw(st.integers(1, 4)), draw(st.sampled_from(",,\t;|"))
    end = draw(st.sampled_from(ENDS[:4]))
    text = ""
    for _ in range(draw(st.integers(1, 7))):
        cells = draw(st.integers(0, 6)) if draw(st.integers(0, 3)) == 0 else width
        text += delimiter.join(draw(WRITTEN) for _ in range(cells))
        text += draw(st.sampled_from(ENDS)) if draw(st.integers(0, 5)) == 0 else end
    return text if draw(st.booleans()) else text.rstrip("\r\n")


TEXTS = st.one_of(lines(), lines(), st.text(CHARACTERS + "\r\n", min_size=1, max_size=40))


def bodies(content: bytes, skip: int, width: int, *, literal: bool, fast: bool) -> list[pl.DataFrame | str | None]:
    """What one of both readers gives for every delimiter, or why it refuses; None where the fast one declines."""
    declined: list[bool] = []

    def declining(*_: object, **__: object) -> None:
        declined.append(True)

    def scanning(*said: object, **named: object) -> pl.DataFrame | None:
        found = native(*said, **named)  # type: ignore[arg-type]
        declined.append(found is None)
        return found

    native = plain.body
    told: list[pl.DataFrame | str | None] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grid.plain, "body", scanning if fast else declining)
        for one in grid.read(content, literal=literal).grids:
            try:
                with grid.refusing():
                    found: pl.DataFrame | str = one.body(skip, width)
            except DeliveryError as error:
                found = str(error)
            told.append(None if fast and declined.pop() else found)
    return told


def agree(content: bytes, skip: int, width: int) -> int:
    """Hold one reader against the other; how many delimiters the fast one took."""
    try:
        general = bodies(content, skip, width, literal=False, fast=False)
    except DeliveryError:
        return 0
    taken = 0
    for one, other in zip(bodies(content, skip, width, literal=False, fast=True), general, strict=True):
        if one is None:
            continue
        taken += 1
        assert isinstance(one, pl.DataFrame), (one, other)
        assert isinstance(other, pl.DataFrame), (one, other)
        assert one.schema == other.schema
        assert one.rows() == other.rows()
    return taken


@pytest.mark.parametrize("encoding", [*ENCODINGS[1:], "utf-16-be"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    "rows",
    [
        ["甲,乙", "1,2", "3,4"],
        ["甲,乙", "", "1,2", "3", "4,5,6", "7,8,", " ", "9,"],
        ["甲,乙", '"1","2"', '3,"甲,乙"', '"",""'],
        ['"甲",乙', '"1,2"', "3,4,5", '"6"'],
    ],
)
def test_what_the_fast_scan_takes(rows: list[str], end: str, encoding: str) -> None:
    mark = codecs.BOM_UTF16_BE if encoding == "utf-16-be" else b""
    assert agree(mark + end.join([*rows, ""]).encode(encoding), 1, 2) == 1
    assert agree(mark + end.join(rows).encode(encoding), 0, 2) == 1


@pytest.mark.parametrize("row", ['"a"b,1', 'a"b",1', '"a,1', '"a\nb",1', '"a""b",1', ' "a",1'])
def test_what_the_fast_scan_leaves_to_the_general_reader(row: str) -> None:
    assert agree(f"甲,乙\n{row}\n1,2\n".encode(), 1, 2) == 0


FILES = {
    "text": TEXTS,
    "encoding": st.sampled_from(ENCODINGS),
    "skip": st.integers(0, 3),
    "width": st.integers(1, 5),
    "cut": st.booleans(),
}


def whole_or_cut(text: str, encoding: str, *, cut: bool) -> bytes:
    """The file, or the file without its last byte."""
    content = text.encode(encoding)
    return content[:-1] if cut and len(content) > 1 else content


@settings(max_examples=300, **SETTINGS)
@given(**FILES)
def test_the_fast_scan_reads_as_the_general_reader_or_declines(
    text: str, encoding: str, skip: int, width: int, cut: bool
) -> None:
    agree(whole_or_cut(text, encoding, cut=cut), skip, width)


@pytest.mark.proof
@settings(max_examples=5000, **SETTINGS)
@given(**FILES)
def test_thousands_of_texts_are_read_alike(text: str, encoding: str, skip: int, width: int, cut: bool) -> None:
    agree(whole_or_cut(text, encoding, cut=cut), skip, width)
