"""Delimited text whose every line is one record → text columns, scanned in native code.

Lines with as many cells as most are read together; the few others one by one, so that a line short of a cell is told
from one whose last cell is empty. Quotation marks are allowed where they do nothing but enclose whole cells within a
line; any other use is for a reader that takes one character after another. Line numbers count every line of the file.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from pipelines.stages.ingest.encoding import REPLACEMENT

SIGNS = ("\ufeff".encode(), REPLACEMENT.encode())
"""A mark of byte order, which readers leave out at the head of a text, and a character that was cut off."""
BLANK = " \t\r\n\u3000\xa0"
PIECE_BYTES = 2**24
NEWLINE, QUOTE = 10, 34
Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Lines:
    """Where each line begins, and where the last one ends; how many delimiters outside of quotes each holds."""

    starts: Places
    delimiters: Places


def line_count(text: bytes) -> int:
    """Lines of ``text``; an end of line at its very end begins no further one."""
    return text.count(b"\n") + (not text.endswith(b"\n"))


def body(text: bytes, delimiter: str, skip: int, width: int, *, is_quoted: bool) -> pl.DataFrame | None:
    """Records after the first ``skip`` as text columns ``c0`` … with ``line_no``, ``misshapen`` and ``short``.

    None where quotation marks stand elsewhere than around whole cells; unless ``is_quoted`` they are as any other.
    """
    unended = 0 if text.endswith(b"\n") else line_count(text)
    text = text if text.endswith(b"\n") else text + b"\n"
    if not is_quoted and (found := _uniform(text, delimiter, skip, width)) is not None:
        return found
    lines = _lines(text, delimiter, skip, is_quoted=is_quoted)
    if lines is None:
        return None
    numbers = np.arange(skip + 1, skip + 1 + len(lines.delimiters))
    usual = _usual(text, lines, width)
    parts = []
    if usual.any():
        cells = int(lines.delimiters[usual][0]) + 1
        parts.append(
            _regular(_joined(text, lines, usual), delimiter, cells, width, numbers[usual], is_quoted=is_quoted)
        )
    if not usual.all() or not parts:
        odd = [text[lines.starts[n] : lines.starts[n + 1] - 1].decode() for n in np.flatnonzero(~usual)]
        records = list(csv.reader(odd, delimiter=delimiter)) if is_quoted else [_split(line, delimiter) for line in odd]
        parts.append(_irregular(records, width, numbers[~usual], unended=unended))
    return parts[0] if len(parts) == 1 else pl.concat(parts).sort("line_no")


def _split(line: str, delimiter: str) -> list[str]:
    return line.split(delimiter) if line else []


def _uniform(text: bytes, delimiter: str, skip: int, width: int) -> pl.DataFrame | None:
    """The records where all have as many cells as the first of them; None where any has not, or needs a closer look.

    No line may have more cells, which the reader tells, and all together have as many as they should: so each has.
    """
    above = 0
    for _ in range(skip):
        above = text.find(b"\n", above) + 1
    if not above and skip:
        return None
    below = text[above:] if above else text
    cells = below.count(delimiter.encode(), 0, below.find(b"\n")) + 1
    lines = below.count(b"\n")
    marks = sum(np.count_nonzero(piece == ord(delimiter)) for _, piece in _pieces(below))
    if cells < max(width, 2) or marks != lines * (cells - 1):
        return None
    if not below.isascii() and any(sign in below for sign in SIGNS):
        return None
    try:
        return _regular(below, delimiter, cells, width, np.arange(skip + 1, skip + 1 + lines), is_quoted=False)
    except pl.exceptions.ComputeError:
        return None


def _lines(text: bytes, delimiter: str, skip: int, *, is_quoted: bool) -> Lines | None:
    """The lines after the first ``skip``; None where quotation marks are not in order."""
    starts, delimiters = [np.zeros(1, dtype=np.int64)], []
    for base, piece in _pieces(text):
        ends = np.flatnonzero(piece == NEWLINE)
        marks = np.flatnonzero(piece == ord(delimiter))
        counts = np.diff(np.searchsorted(marks, ends), prepend=0)
        if is_quoted:
            inside = _enclosed(piece, delimiter, ends, marks)
            if inside is None:
                return None
            counts -= inside
        starts.append(base + ends + 1)
        delimiters.append(counts)
    return Lines(np.concatenate(starts)[skip:], np.concatenate(delimiters)[skip:])


def _pieces(text: bytes) -> Iterator[tuple[int, npt.NDArray[np.uint8]]]:
    """The bytes from each place on, as many as are looked at together, up to the end of a line."""
    whole, start = np.frombuffer(text, dtype=np.uint8), 0
    while start < len(text):
        end = text.find(b"\n", min(start + PIECE_BYTES, len(text) - 1)) + 1
        yield start, whole[start:end]
        start = end


def _enclosed(piece: npt.NDArray[np.uint8], delimiter: str, ends: Places, marks: Places) -> Places | None:
    """Delimiters between quotation marks in each line; None where a mark opens or closes elsewhere than at a cell's."""
    quotes = np.flatnonzero(piece == QUOTE)
    if len(quotes) % 2:
        return None
    opening, closing = quotes[::2], quotes[1::2]
    bounds = (NEWLINE, ord(delimiter))
    before = np.where(opening > 0, piece[opening - 1], NEWLINE)
    owners = np.searchsorted(ends, opening)
    if not (np.isin(before, bounds).all() and np.isin(piece[closing + 1], bounds).all()):
        return None
    if (owners != np.searchsorted(ends, closing)).any():
        return None
    inside = np.searchsorted(marks, closing) - np.searchsorted(marks, opening)
    return np.bincount(owners, weights=inside, minlength=len(ends)).astype(np.int64)


def _usual(text: bytes, lines: Lines, width: int) -> npt.NDArray[np.bool_]:
    """The lines that have as many cells as most lines have that have enough, and no sign that needs a closer look."""
    enough = lines.delimiters[lines.delimiters >= width - 1]
    if width < 2 or not len(enough):
        return np.zeros(len(lines.delimiters), dtype=np.bool_)
    usual: npt.NDArray[np.bool_] = lines.delimiters == np.bincount(np.minimum(enough, width + 64)).argmax()
    for sign in SIGNS:
        if sign in text:
            places = [found.start() for found in re.finditer(sign, text)]
            owners = np.searchsorted(lines.starts, places, side="right") - 1
            usual[owners[(owners >= 0) & (owners < len(usual))]] = False
    return usual


def _joined(text: bytes, lines: Lines, chosen: npt.NDArray[np.bool_]) -> bytes:
    """The chosen lines one after another."""
    if chosen.all():
        return text[lines.starts[0] :] if lines.starts[0] else text
    turns = np.flatnonzero(np.diff(chosen.astype(np.int8), prepend=0, append=0)).reshape(-1, 2)
    return b"".join(text[lines.starts[start] : lines.starts[end]] for start, end in turns)


def _regular(text: bytes, delimiter: str, cells: int, width: int, numbers: Places, *, is_quoted: bool) -> pl.DataFrame:
    """Lines of ``cells`` cells each."""
    names = [f"c{place}" for place in range(cells)]
    frame = pl.read_csv(
        text,
        has_header=False,
        separator=delimiter,
        quote_char='"' if is_quoted else None,
        schema=dict.fromkeys(names, pl.String),
        empty_string_is_null=False,
    )
    if frame.height != len(numbers):
        raise ValueError(f"{frame.height} of {len(numbers)} lines were read")
    says = [pl.col(name).str.strip_chars(BLANK) != "" for name in names[width:]]
    return frame.select(
        *names[:width],
        pl.Series("line_no", numbers, dtype=pl.Int64),
        (pl.any_horizontal(says) if says else pl.lit(value=False)).alias("misshapen"),
        pl.lit(value=False).alias("short"),
    )


def _irregular(records: Sequence[Sequence[str]], width: int, numbers: Places, *, unended: int) -> pl.DataFrame:
    """Lines of any number of cells; one with too few is misshapen, and so is one with more that say something.

    ``unended`` is the number of the line that the text breaks off in: it may be short for that.
    """
    cut = [any(REPLACEMENT in cell for cell in cells) for cells in records]
    short = [
        len(cells) < width and not is_cut and number != unended
        for cells, is_cut, number in zip(records, cut, numbers.tolist(), strict=True)
    ]
    misshapen = [
        len(cells) < width or any(cell.strip(BLANK) for cell in cells[width:]) or is_cut
        for cells, is_cut in zip(records, cut, strict=True)
    ]
    columns = {f"c{i}": [cells[i] if i < len(cells) else None for cells in records] for i in range(width)}
    frame = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))
    return frame.with_columns(
        pl.Series("line_no", numbers, dtype=pl.Int64), pl.Series("misshapen", misshapen, dtype=pl.Boolean)
    ).with_columns(pl.Series("short", short, dtype=pl.Boolean))
