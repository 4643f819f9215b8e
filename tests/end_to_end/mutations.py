"""What can go wrong with a delivery, one function per kind: each turns a specimen into the bytes of a broken file.

Every draw comes from the generator that is handed in, so a kind and a number name a file for ever. Where the kind works
on the table, the table as changed is told beside the bytes: that is what a careful reader finds in the file.
"""

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import mutation_bombs
import numpy as np
from specimens import ARCHIVES, TEXTS, Specimen, Table, delimited

ODD_CHARACTERS = "\x00\x01\x08\x0b\x0c\x1b\x1c\x85\u200b\u202e\u2028\u2029\ufeff\ufffd\ue000𬭎"
HUGE = ("9" * 400, "1e308", "1e-400", "-" + "9" * 19, str(2**63), "1E999", "0." + "0" * 300 + "1", "∞", "NaN", "1_000")
TYPES = (
    "二十",
    "2025年13月",
    "TRUE",
    "#REF!",
    "2025-02-30",
    "=1+1",
    "1,23,4",
    "１２３",
    "0x1F",
    "00012",
    "+5",
    "-0",
    "5.",
)
STRAY = ('"', "'", "“", '""', '"a', 'a"b', ",", "\t", ";", "|", "\r", "\n", "\r\n")
WIDEST = 3_000_000


@dataclass(frozen=True)
class Mutant:
    """A broken file; ``table`` is what is written in it, where that is known."""

    kind: str
    content: bytes
    table: Table | None = None


Draw = np.random.Generator
OnTable = Callable[[Draw, Table, int], Table]
OnBytes = Callable[[Draw, Specimen], bytes]


def mutant(kind: str, number: int, specimen: Specimen) -> Mutant:
    """The file ``number`` of ``kind``."""
    draw = np.random.default_rng([zlib.crc32(kind.encode()), number])
    if kind in ON_TABLES:
        table = ON_TABLES[kind](draw, [list(row) for row in specimen.table], specimen.header)
        return Mutant(kind, specimen.written(table), table)
    return Mutant(kind, {**ON_BYTES, **mutation_bombs.KINDS}[kind](draw, specimen))


def kinds_for(container: str) -> list[str]:
    """The kinds that make sense of a file in ``container``."""
    found = [*ON_ANY, *(ON_TABLES if container != "parquet" else set(ON_TABLES) - NEEDS_LINES)]
    found += ON_TEXT if container in TEXTS else ()
    return sorted([*found, *mutation_bombs.for_container(container)])


def _place(draw: Draw, size: int) -> int:
    return int(draw.integers(max(size, 1)))


def _row(draw: Draw, table: Table, header: int) -> list[str]:
    """One of the rows below the header."""
    return table[header + 1 + _place(draw, len(table) - header - 1)]


def _cells(draw: Draw, table: Table, header: int, words: tuple[str, ...], *, instead: bool) -> Table:
    """Some cells below the header replaced by words, or with a word put into them."""
    for _ in range(int(draw.integers(1, 6))):
        row = _row(draw, table, header)
        place, word = _place(draw, len(row)), words[_place(draw, len(words))]
        cut = _place(draw, len(row[place]) + 1)
        row[place] = word if instead else row[place][:cut] + word + row[place][cut:]
    return table


def odd_characters(draw: Draw, table: Table, header: int) -> Table:
    """Control characters, joiners and the like inside cells."""
    return _cells(draw, table, header, tuple(ODD_CHARACTERS), instead=False)


def huge_numbers(draw: Draw, table: Table, header: int) -> Table:
    """Numbers beyond what anything holds."""
    return _cells(draw, table, header, HUGE, instead=True)


def other_types(draw: Draw, table: Table, header: int) -> Table:
    """Words, days and formulas where something else is meant."""
    return _cells(draw, table, header, TYPES, instead=True)


def stray_marks(draw: Draw, table: Table, header: int) -> Table:
    """Quotation marks, delimiters and line ends inside cells, written as a program writes them."""
    return _cells(draw, table, header, STRAY, instead=False)


def overlong_cell(draw: Draw, table: Table, header: int) -> Table:
    """A cell of up to some million characters."""
    row = _row(draw, table, header)
    row[_place(draw, len(row))] = "长"[: _place(draw, 2)] * 50_000 or "x" * int(draw.integers(40_000, WIDEST))
    return table


def cells_emptied(draw: Draw, table: Table, header: int) -> Table:
    """A whole column, or every cell of some rows, left empty."""
    if draw.random() < 0.5:
        place = _place(draw, len(table[header]))
        for row in table[header + 1 :]:
            if place < len(row):
                row[place] = ""
        return table
    for _ in range(3):
        row = _row(draw, table, header)
        row[:] = [""] * len(row)
    return table


def column_dropped(draw: Draw, table: Table, header: int) -> Table:
    """A column less."""
    place = _place(draw, len(table[header]))
    return [row[:place] + row[place + 1 :] if len(row) > 1 else row for row in table]


def columns_swapped(draw: Draw, table: Table, header: int) -> Table:
    """All columns in another order, headers with them."""
    order = draw.permutation(len(table[header]))
    for row in table[header:]:
        wide = row + [""] * (len(order) - len(row))
        row[:] = [wide[place] for place in order]
    return table


def values_swapped(draw: Draw, table: Table, header: int) -> Table:
    """Two columns exchanged below their headers."""
    one, other = _place(draw, len(table[header])), _place(draw, len(table[header]))
    for row in table[header + 1 :]:
        if max(one, other) < len(row):
            row[one], row[other] = row[other], row[one]
    return table


def column_renamed(draw: Draw, table: Table, header: int) -> Table:
    """A header that says something else."""
    place = _place(draw, len(table[header]))
    said = table[header][place]
    words = (
        said[:-1],
        said + "(万元)",
        said + "(美元)",
        " " + said + "\u3000",
        "*" + said,
        said + "*",
        "甲",
        "",
        "合计",
    )
    taken = {cell for at, cell in enumerate(table[header]) if at != place}
    table[header][place] = next(w for w in (words[_place(draw, len(words))], *words) if w not in taken)
    return table


def column_doubled(draw: Draw, table: Table, header: int) -> Table:
    """A column twice."""
    place = _place(draw, len(table[header]))
    return [[*row, row[place] if place < len(row) else ""] for row in table]


def cells_shifted(draw: Draw, table: Table, header: int) -> Table:
    """Rows with a cell too many or too few."""
    for _ in range(4):
        row = _row(draw, table, header)
        place = _place(draw, len(row))
        row[place : place + 1] = [] if draw.random() < 0.5 else [row[place], "多" if row[place:] else ""]
    return table


def rows_doubled(draw: Draw, table: Table, header: int) -> Table:
    """Some rows twice, somewhere."""
    for _ in range(3):
        table.insert(header + 1 + _place(draw, len(table) - header), list(_row(draw, table, header)))
    return table


def rows_shuffled(draw: Draw, table: Table, header: int) -> Table:
    """The rows in another order, a few of them gone."""
    below = table[header + 1 :]
    return table[: header + 1] + [below[place] for place in draw.permutation(len(below))[: max(1, len(below) - 3)]]


def header_again(draw: Draw, table: Table, header: int) -> Table:
    """Pages printed one after another: the header again, blank rows, totals and notes in between."""
    width = len(table[header])
    for words in (list(table[header]), [""] * width, ["合计", *["1"] * (width - 1)], ["说明：本页完"], [" \u3000"]):
        table.insert(header + 1 + _place(draw, len(table) - header), list(words))
    return table


def header_lost(draw: Draw, table: Table, header: int) -> Table:
    """No header, or something above it."""
    if draw.random() < 0.5:
        return table[:header] + table[header + 1 :]
    return [["单位：万元"], *[[] for _ in range(_place(draw, 40))], *table]


def bytes_flipped(draw: Draw, specimen: Specimen) -> bytes:
    """One to eight bytes changed."""
    content = bytearray(specimen.written())
    for _ in range(int(draw.integers(1, 9))):
        content[_place(draw, len(content))] ^= int(draw.integers(1, 256))
    return bytes(content)


def truncated(draw: Draw, specimen: Specimen) -> bytes:
    """The end or the beginning lost."""
    content = specimen.written()
    cut = _place(draw, len(content))
    return content[:cut] if draw.random() < 0.8 else content[cut:]


def block_doubled(draw: Draw, specimen: Specimen) -> bytes:
    """A block of the file twice."""
    content, (start, end) = specimen.written(), (0, 0)
    start, end = sorted((_place(draw, len(content)), _place(draw, len(content))))
    return content[:end] + content[start:]


def block_removed(draw: Draw, specimen: Specimen) -> bytes:
    """A block of the file gone."""
    content = specimen.written()
    start = _place(draw, len(content))
    return content[:start] + content[start + 1 + _place(draw, len(content) // 4) :]


def block_zeroed(draw: Draw, specimen: Specimen) -> bytes:
    """A block that the disk never wrote."""
    content = specimen.written()
    start, size = _place(draw, len(content)), 1 + _place(draw, 600)
    return content[:start] + bytes(min(size, len(content) - start)) + content[start + size :]


def noise_put_in(draw: Draw, specimen: Specimen) -> bytes:
    """Random bytes in the middle, before or behind."""
    content = specimen.written()
    start = (0, _place(draw, len(content)), len(content))[_place(draw, 3)]
    return content[:start] + draw.bytes(1 + _place(draw, 400)) + content[start:]


def two_files_in_one(draw: Draw, specimen: Specimen) -> bytes:
    """The file twice, or its two halves the wrong way round."""
    content = specimen.written()
    middle = _place(draw, len(content))
    return content + content if draw.random() < 0.5 else content[middle:] + content[:middle]


def _said(specimen: Specimen, text: str) -> bytes:
    encoding = {"csv-gb18030": "gb18030", "csv-bom": "utf-8-sig", "csv-utf16": "utf-16"}.get(
        specimen.container, "utf-8"
    )
    return text.encode(encoding, "replace")


def _plain(specimen: Specimen) -> str:
    return delimited(specimen.table, "\t" if specimen.container == "tsv" else ",", "\n")


def delimiters_mixed(draw: Draw, specimen: Specimen) -> bytes:
    """Some lines with another delimiter."""
    lines = _plain(specimen).split("\n")
    for _ in range(int(draw.integers(1, 8))):
        place = _place(draw, len(lines))
        lines[place] = lines[place].replace("\t" if specimen.container == "tsv" else ",", ";\t|，"[_place(draw, 4)])
    return _said(specimen, "\n".join(lines))


def line_ends_broken(draw: Draw, specimen: Specimen) -> bytes:
    """Every line end drawn anew, also of those that are none."""
    ends = ("\n", "\r\n", "\r", "\n\r", "\r\r\n", "\n\n", "\u2028", "\x0b", "\x0c", "\x85", "")
    few = ends if draw.random() < 0.3 else ends[:5]
    return _said(specimen, "".join(line + few[_place(draw, len(few))] for line in _plain(specimen).split("\n")))


def quotes_unbalanced(draw: Draw, specimen: Specimen) -> bytes:
    """Quotation marks put anywhere."""
    text = _plain(specimen)
    for _ in range(int(draw.integers(1, 4))):
        place = _place(draw, len(text))
        text = text[:place] + '"' + text[place:]
    return _said(specimen, text)


def encodings_mixed(draw: Draw, specimen: Specimen) -> bytes:
    """Lines of two encodings, marks of a third in the middle."""
    lines = _plain(specimen).split("\n")
    encodings = ("utf-8", "gb18030", "utf-8-sig", "utf-16-le")
    other = encodings[_place(draw, len(encodings))]
    return b"\n".join(line.encode(other if draw.random() < 0.2 else "utf-8", "replace") for line in lines)


def one_long_line(draw: Draw, specimen: Specimen) -> bytes:
    """A line without an end: all lines in one, or a row of some million characters."""
    text = _plain(specimen)
    if draw.random() < 0.5:
        return _said(specimen, text.replace("\n", " " if draw.random() < 0.5 else ","))
    return _said(specimen, text + "1,2;" * int(draw.integers(200_000, WIDEST // 4)))


def endless_header(draw: Draw, specimen: Specimen) -> bytes:
    """A header of up to a hundred thousand names, before or behind the true one."""
    more = ",".join(f"列{n}" for n in range(int(draw.integers(1000, 100_000))))
    text = _plain(specimen)
    return _said(specimen, more + ("," if draw.random() < 0.5 else "\n") + text)


ON_TABLES: Mapping[str, OnTable] = {
    function.__name__: function
    for function in (
        odd_characters,
        huge_numbers,
        other_types,
        stray_marks,
        overlong_cell,
        cells_emptied,
        column_dropped,
        columns_swapped,
        values_swapped,
        column_renamed,
        column_doubled,
        cells_shifted,
        rows_doubled,
        rows_shuffled,
        header_again,
        header_lost,
    )
}
NEEDS_LINES = {"column_doubled", "cells_shifted", "header_lost"}
ON_ANY = (
    "bytes_flipped",
    "truncated",
    "block_doubled",
    "block_removed",
    "block_zeroed",
    "noise_put_in",
    "two_files_in_one",
)
ON_TEXT = (
    "delimiters_mixed",
    "line_ends_broken",
    "quotes_unbalanced",
    "encodings_mixed",
    "one_long_line",
    "endless_header",
)
ON_BYTES: Mapping[str, OnBytes] = {name: globals()[name] for name in (*ON_ANY, *ON_TEXT)}
assert set(ARCHIVES) <= {"xlsx", "zip"}
