"""The native scan of delimited text: cells, line numbers, and which lines are short or misshapen."""

import numpy as np
import polars as pl
import pytest

from pipelines.stages.ingest import plain


def scanned(text: str, *, skip: int = 0, width: int = 2, delimiter: str = ",") -> pl.DataFrame | None:
    return plain.body(text.encode(), delimiter, skip, width, is_quoted='"' in text)


def told(text: str, *, skip: int = 0, width: int = 2, delimiter: str = ",") -> list[tuple[object, ...]]:
    """Cells, line number, and the letters m (misshapen) and s (short) of each record."""
    found = scanned(text, skip=skip, width=width, delimiter=delimiter)
    assert found is not None
    marks = [("m" if row[-2] else "") + ("s" if row[-1] else "") for row in found.rows()]
    return [(*row[:-2], mark) for row, mark in zip(found.rows(), marks, strict=True)]


@pytest.mark.parametrize(("text", "count"), [("a", 1), ("a\n", 1), ("a\n\n", 2), ("\n", 1), ("a\nb", 2)])
def test_lines_are_counted_as_an_editor_counts_them(text: str, count: int) -> None:
    assert plain.line_count(text.encode()) == count


def test_lines_of_one_shape_are_read_together() -> None:
    assert told("h,i\n1,2\n3,\n,\n", skip=1) == [("1", "2", 2, ""), ("3", "", 3, ""), ("", "", 4, "")]
    assert told("h,i\n1,2", skip=1) == [("1", "2", 2, "")]
    assert told("h\ti\n1,5\t2\n", skip=1, delimiter="\t") == [("1,5", "2", 2, "")]


def test_a_line_short_of_a_cell_is_told_from_one_whose_last_cell_is_empty() -> None:
    assert told("1,2\n3\n4,\n5,6\n") == [("1", "2", 1, ""), ("3", None, 2, "ms"), ("4", "", 3, ""), ("5", "6", 4, "")]


def test_the_last_line_of_a_text_that_breaks_off_is_not_called_short() -> None:
    assert told("1,2\n3,4\n5")[-1] == ("5", None, 3, "m")
    assert told("1,2\n3,4\n5\n")[-1] == ("5", None, 3, "ms")


def test_cells_beyond_the_header_count_only_where_they_say_something() -> None:
    text = "1,2,\n3,4,x\n5,6, \u3000\n7,8,\n9,0\n1,2,3,4\n1,2,,\n"
    marks = {row[2]: row[3] for row in told(text)}
    assert marks == {1: "", 2: "m", 3: "", 4: "", 5: "", 6: "m", 7: ""}


def test_a_character_that_was_cut_off_makes_its_line_misshapen() -> None:
    assert told("1,2\n3,甲\ufffd\n5,6\n") == [("1", "2", 1, ""), ("3", "甲\ufffd", 2, "m"), ("5", "6", 3, "")]


def test_a_mark_of_byte_order_inside_the_text_is_kept() -> None:
    assert told("1,2\n\ufeff3,4\n") == [("1", "2", 1, ""), ("\ufeff3", "4", 2, "")]
    assert told("\ufeff3,4\n1,2\n")[0] == ("\ufeff3", "4", 1, "")


def test_quotation_marks_around_whole_cells_come_off() -> None:
    assert told('"1","2"\n"a,b",3\n"",4\n5,6\n') == [
        ("1", "2", 1, ""),
        ("a,b", "3", 2, ""),
        ("", "4", 3, ""),
        ("5", "6", 4, ""),
    ]
    assert told('"1,2"\n3,4\n') == [("1,2", None, 1, "ms"), ("3", "4", 2, "")]


@pytest.mark.parametrize("text", ['a"b,1\n', '"a"b,1\n', 'a,"b\n', '"a\nb",1\n', '"a""b",1\n', 'x"",1\n', ' "a",1\n'])
def test_marks_that_stand_elsewhere_are_left_to_another_reader(text: str) -> None:
    assert scanned(f"1,2\n{text}3,4\n") is None


def test_marks_are_characters_like_any_other_where_they_do_not_quote() -> None:
    found = plain.body(b'"a"b,1\nc,"\n', ",", 0, 2, is_quoted=False)
    assert found is not None
    assert found.select("c0", "c1").rows() == [('"a"b', "1"), ("c", '"')]


def test_one_column_and_a_text_that_ends_above_the_records() -> None:
    assert told("h\n1\n\n2,3\n", skip=1, width=1) == [("1", 2, ""), (None, 3, "ms"), ("2", 4, "m")]
    assert told("h,i\n", skip=1) == []
    assert told("h,i\n", skip=5) == []


@pytest.mark.parametrize("is_quoted", [False, True])
def test_pieces_end_with_lines_and_lose_none(monkeypatch: pytest.MonkeyPatch, *, is_quoted: bool) -> None:
    draw = np.random.default_rng(3)
    lines = [",".join("x" * int(n) for n in draw.integers(0, 9, 3 if draw.random() < 0.9 else 2)) for _ in range(400)]
    lines = [f'"{line[:2]}",{line}' if is_quoted and "," not in line[:2] else f"y,{line}" for line in lines]
    content = "\n".join([*lines, ""]).encode()
    whole = plain.body(content, ",", 0, 4, is_quoted=is_quoted)
    assert whole is not None
    assert whole["line_no"].to_list() == list(range(1, 401))
    for size in (1, 7, 64, 1000):
        monkeypatch.setattr(plain, "PIECE_BYTES", size)
        again = plain.body(content, ",", 0, 4, is_quoted=is_quoted)
        assert again is not None
        assert again.equals(whole)
