"""Bytes in the encodings that departments use → UTF-8 bytes, piece by piece, so that memory follows the size of a file.

Nothing is replaced or guessed: what is neither encoding is refused. Lines are measured before anything is decoded.
"""

import codecs
from collections.abc import Iterator

from pipelines.errors import DeliveryError

REPLACEMENT = "\ufffd"
PIECE_BYTES = 2**20
MAXIMUM_LINE_BYTES = 2**20
"""A row of the widest feed has some hundred bytes, and an Excel cell 32,767 characters: this is no row."""
_BOMS_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def utf8(content: bytes) -> tuple[bytes, str]:
    """``content`` in UTF-8 without a mark at its head, and its encoding.

    A character cut off at the end becomes U+FFFD; any other fault, or a line beyond measure, raises ``DeliveryError``.
    """
    _refuse_long_lines(content)
    if content.startswith(codecs.BOM_UTF8):
        candidates, content, named = ["utf-8"], content[3:], "utf-8-sig"
    elif content.startswith(_BOMS_16):
        candidates, named = ["utf-16"], "utf-16"
    else:
        candidates, named = ["utf-8", "gb18030"], ""
    for encoding in candidates:
        try:
            return (_checked(content) if encoding == "utf-8" else _transcoded(content, encoding)), named or encoding
        except UnicodeDecodeError:
            continue
    raise DeliveryError("文字既不是UTF-8也不是GB18030编码，无法读出；请另存为UTF-8格式的CSV后重新报送")


def _refuse_long_lines(content: bytes) -> None:
    """Step from line end to line end, as far as one step may reach."""
    start = 0
    while len(content) - start > MAXIMUM_LINE_BYTES:
        reach = start + MAXIMUM_LINE_BYTES
        end = max(content.rfind(b"\n", start, reach), content.rfind(b"\r", start, reach))
        if end < start:
            line = 1 + max(content.count(b"\n", 0, start), content.count(b"\r", 0, start))
            raise DeliveryError(f"第{line}行超过1MB还没有结束，不是表格的一行；请检查换行符后重新导出报送")
        start = end + 1


def _checked(content: bytes) -> bytes:
    """``content`` itself, which is UTF-8; only a character cut off at its end is replaced."""
    if content.isascii():
        return content
    decoder = codecs.getincrementaldecoder("utf-8")()
    for piece in _pieces(content):
        if decoder.getstate()[0] or not piece.isascii():
            decoder.decode(piece)
    cut = len(decoder.getstate()[0])
    return content[: len(content) - cut] + REPLACEMENT.encode() if cut else content


def _transcoded(content: bytes, encoding: str) -> bytes:
    decoder = codecs.getincrementaldecoder(encoding)()
    pieces = [decoder.decode(piece).encode() for piece in _pieces(content)]
    if decoder.getstate()[0]:
        pieces.append(REPLACEMENT.encode())
    return b"".join(pieces)


def _pieces(content: bytes) -> Iterator[bytes]:
    return (content[start : start + PIECE_BYTES] for start in range(0, len(content), PIECE_BYTES))
