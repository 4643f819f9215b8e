"""Zip archives and the workbooks that are such archives: what is in them, how far it reaches, which cells are percent.

All is read as a stream and measured before anything of it is unfolded, since a few kilobytes can ask for all the memory
of a host. A workbook's values are read elsewhere; this module refuses what nobody could have meant to send.
"""

import html
import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from posixpath import basename

from pipelines.errors import DeliveryError

MAXIMUM_BYTES = 2**31
MAXIMUM_FILE_BYTES = 2**29
MAXIMUM_PART_BYTES = 2**26
MAXIMUM_MEMBERS = 10_000
METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
"""Other methods unfold a piece without a bound, and no office program writes them."""
SMALL_BYTES = 2**26
MAXIMUM_RATIO = 250
SEVERAL = 2
MAXIMUM_MEMBERS = 200
MAXIMUM_CELLS = 20_000_000
CHUNK_BYTES = 2**20
PERCENT_FORMATS = frozenset({b"9", b"10"})

_ENTRY = b"PK\x01\x02"
_TAG = rb"<(?:\w+:)?%b(?=[\s/>])[^>]*>"
_ANY_CELL = re.compile(rb"<(?:\w+:)?c[\s/>]")
_USUAL_CELL = re.compile(rb'<c r="([A-Z]{1,3})([0-9]{1,9})"(?: s="([0-9]+)")?[^>]*?(/?)>')
_CELL_OR_ROW = re.compile(rb"<(?:\w+:)?(c|row)(?=[\s/>])([^>]*)>")
_NUMBER_FORMAT = re.compile(_TAG % b"numFmt")
_FORMATS = re.compile(rb"<(?:\w+:)?cellXfs[\s>].*?</(?:\w+:)?cellXfs>", re.DOTALL)
_FORMAT = re.compile(_TAG % b"xf")
_STRINGS = re.compile(_TAG % b"sst")
_COUNT = re.compile(rb"""ount\s*=\s*["']\s*\+?([0-9]+)""")
_SHEET = re.compile(_TAG % b"sheet")
_RELATION = re.compile(_TAG % b"Relationship")
_PLACE = re.compile(rb"""\sr=["']([A-Z]{0,3})([0-9]{1,9})["']""")
_ANY_PLACE = re.compile(rb"\sr\s*=")
_STYLE = re.compile(rb"""\ss=["']([0-9]+)["']""")
_SAID = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]')

Percents = Mapping[str, frozenset[tuple[int, int]]]


def unpacked(content: bytes) -> bytes | None:
    """The one file in a zip archive; None where the archive is itself a workbook."""
    with _opened(content) as archive:
        names = archive.namelist()
        if "mimetype" in names or "xl/workbook.bin" in names:
            raise DeliveryError("不接收ods和xlsb格式的工作簿；请另存为xlsx后重新报送")
        if "[Content_Types].xml" in names:
            return None
        files = [info for info in archive.infolist() if not info.is_dir() and not _is_litter(info.filename)]
        if len(files) != 1:
            raise DeliveryError(f"压缩包内有{len(files)}个文件；每个压缩包请只放一个文件")
        return _whole(archive, files[0], MAXIMUM_FILE_BYTES)


def members(content: bytes) -> Iterator[tuple[str, bytes]] | None:
    """Name and bytes of every file in a zip archive of several; None where it is no such bundle.

    Raises ``DeliveryError`` where it cannot be opened or holds more than anybody would send at once.
    """
    if content[:4] != b"PK\x03\x04":
        return None
    with _opened(content) as archive:
        if {"mimetype", "xl/workbook.bin", "[Content_Types].xml"} & set(archive.namelist()):
            return None
        files = [info for info in archive.infolist() if not info.is_dir() and not _is_litter(info.filename)]
        if len(files) < SEVERAL:
            return None
        if len(files) > MAXIMUM_MEMBERS:
            raise DeliveryError(f"压缩包内有{len(files)}个文件，超过{MAXIMUM_MEMBERS}个；请分成几个压缩包报送")
        damaged = archive.testzip()
        if damaged:
            name = _member_name(archive.getinfo(damaged))
            raise DeliveryError(f"压缩包里的「{name}」已损坏，整个压缩包未接收；请重新打包后报送")
    return _unpacked_one_by_one(content, files)


def _unpacked_one_by_one(content: bytes, files: list[zipfile.ZipInfo]) -> Iterator[tuple[str, bytes]]:
    for info in files:
        with _opened(content) as archive:
            unfolded = archive.read(info)
        yield _member_name(info), unfolded


def _is_litter(name: str) -> bool:
    """What systems put into archives beside the files that a person meant."""
    return name.startswith("__MACOSX/") or basename(name) in {".DS_Store", "Thumbs.db", "desktop.ini"}


def _member_name(info: zipfile.ZipInfo) -> str:
    """A member's name as its sender saw it: UTF-8 if flagged, else UTF-8 or GB18030 whatever fits."""
    if info.flag_bits & 0x800:
        return info.filename
    try:
        raw = info.filename.encode("cp437")
    except UnicodeEncodeError:
        return info.filename
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return info.filename


def percents(content: bytes) -> Percents | None:
    """Sheet → cells (row, column from 0) shown as percent in an .xlsx; None where the file does not tell.

    Raises ``DeliveryError`` where the cells reach further than a sheet can be read.
    """
    with _opened(content) as archive:
        styles = _percent_styles(_member(archive, "xl/styles.xml"))
        parts = _sheet_parts(archive)
        found: dict[str, frozenset[tuple[int, int]]] = {}
        cells = 0
        for info in archive.infolist():
            reach = _Reach(styles)
            for text in _chunks(archive, info):
                _refuse_boasts(text, info)
                reach.add(text)
            cells += reach.rows * reach.columns
            if cells > MAXIMUM_CELLS:
                raise DeliveryError(
                    f"工作簿里的内容到了第{reach.rows}行、第{reach.columns}列，超出可读取的范围；"
                    "请删去表格以外的零散单元格后重新报送"
                )
            if info.filename in parts:
                found[parts[info.filename]] = frozenset(reach.percents)
        return found or None


class _Reach:
    """How far the cells of one sheet reach that hold anything, and which of them are shown as percent."""

    def __init__(self, styles: frozenset[bytes]) -> None:
        self.rows = self.columns = self._row = self._column = 0
        self.percents: set[tuple[int, int]] = set()
        self._styles = styles

    def add(self, text: bytes) -> None:
        """Take in the next piece of the sheet, which ends with a whole tag; cells in the usual form all at once."""
        usual = _USUAL_CELL.findall(text)
        if usual and len(usual) == len(_ANY_CELL.findall(text)):
            self._row, self._column = int(usual[-1][1]), _column(usual[-1][0])
            self._add_usual([cell for cell in usual if not cell[3]])
        else:
            self._add_any(text)

    def _add_usual(self, cells: list[tuple[bytes, bytes, bytes, bytes]]) -> None:
        """Column, row and style of cells that hold something."""
        self.rows = max(self.rows, max((int(row) for _, row, _, _ in cells), default=0))
        self.columns = max(self.columns, max((_column(name) for name in {cell[0] for cell in cells}), default=0))
        if self._styles:
            shown = ((name, row) for name, row, style, _ in cells if style in self._styles)
            self.percents |= {(int(row) - 1, _column(name) - 1) for name, row in shown}

    def _add_any(self, text: bytes) -> None:
        """Cells may leave out where they stand: one after another, then."""
        for kind, said in _CELL_OR_ROW.findall(text):
            place = _PLACE.search(said)
            if place is None and _ANY_PLACE.search(said):
                raise DeliveryError("工作簿里有单元格的位置无法识别，文件可能损坏；请另存为新的xlsx后重新报送")
            if kind == b"row":
                self._row, self._column = int(place[2]) if place else self._row + 1, 0
                continue
            self._column = _column(place[1]) if place else self._column + 1
            if place:
                self._row = int(place[2])
            if not said.endswith(b"/"):
                self._reach(said)

    def _reach(self, said: bytes) -> None:
        self.rows, self.columns = max(self.rows, self._row), max(self.columns, self._column)
        if self._styles and (style := _STYLE.search(said)) and style[1] in self._styles:
            self.percents.add((self._row - 1, self._column - 1))


@cache
def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


@contextmanager
def _opened(content: bytes) -> Iterator[zipfile.ZipFile]:
    """The archive in ``content``, none of whose members would unfold beyond measure."""
    if content.count(_ENTRY) > MAXIMUM_MEMBERS:
        raise DeliveryError("压缩包里的文件太多；每个压缩包请只放一个文件")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if any(info.compress_type not in METHODS for info in archive.infolist()):
                raise DeliveryError("压缩包用了不常见的压缩方法，无法打开；请用普通的zip重新压缩后报送")
            whole = sum(info.file_size for info in archive.infolist())
            if whole > MAXIMUM_BYTES:
                raise DeliveryError("压缩包或工作簿解开后超过2GB；请拆分后报送")
            if whole > max(SMALL_BYTES, MAXIMUM_RATIO * len(content)):
                raise DeliveryError("压缩包或工作簿解开后异常膨胀，可能损坏；请重新导出后报送")
            yield archive
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, OSError, zlib.error) as error:
        raise DeliveryError("文件损坏或加了密码，无法打开；请重新导出并去掉密码后报送") from error


def _chunks(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    """A member in pieces that end with a whole tag; read to its end, so that its length and checksum are proved."""
    rest = b""
    with archive.open(info) as stream:
        while piece := stream.read(CHUNK_BYTES):
            text = rest + piece
            end = text.rfind(b">") + 1
            yield text[:end]
            rest = text[end:] if len(text) - end < CHUNK_BYTES else b""


def _refuse_boasts(text: bytes, info: zipfile.ZipInfo) -> None:
    """A reader makes room for as many strings as their list says that it has: no more than it has bytes."""
    for tag in _STRINGS.findall(text):
        if any(int(number) > info.file_size for number in _COUNT.findall(tag)):
            raise DeliveryError("工作簿的文字表与其自报的条数不符，文件可能损坏；请重新导出后报送")


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    return _whole(archive, archive.getinfo(name), MAXIMUM_PART_BYTES) if name in archive.namelist() else b""


def _whole(archive: zipfile.ZipFile, info: zipfile.ZipInfo, maximum: int) -> bytes:
    """A member read piece by piece, so that it never takes more memory than it says it has bytes."""
    if info.file_size > maximum:
        raise DeliveryError(f"压缩包里的文件解开后超过{maximum // 2**20}MB；请拆分后报送")
    with archive.open(info) as stream:
        return b"".join(iter(lambda: stream.read(CHUNK_BYTES), b""))


def _attribute(tag: bytes, name: str) -> str:
    found = re.search(rb"""\s(?:\w+:)?%b=(?:"([^"]*)"|'([^']*)')""" % name.encode(), tag)
    return html.unescape((found[1] or found[2] or b"").decode("utf-8", "replace")) if found else ""


def _percent_styles(styles: bytes) -> frozenset[bytes]:
    """Numbers of the cell formats that show a percent sign which is no mere text."""
    own = {
        _attribute(tag, "numFmtId").encode()
        for tag in _NUMBER_FORMAT.findall(styles)
        if "%" in _SAID.sub("", _attribute(tag, "formatCode"))
    }
    formats = _FORMATS.search(styles)
    listed = _FORMAT.findall(formats[0]) if formats else []
    shown = PERCENT_FORMATS | own
    return frozenset(
        str(place).encode() for place, tag in enumerate(listed) if _attribute(tag, "numFmtId").encode() in shown
    )


def _sheet_parts(archive: zipfile.ZipFile) -> dict[str, str]:
    """Member → name of its sheet."""
    relations = _RELATION.findall(_member(archive, "xl/_rels/workbook.xml.rels"))
    targets = {_attribute(tag, "Id"): basename(_attribute(tag, "Target")) for tag in relations}
    sheets = {
        targets.get(_attribute(tag, "id")): _attribute(tag, "name")
        for tag in _SHEET.findall(_member(archive, "xl/workbook.xml"))
    }
    members = (name for name in archive.namelist() if name.startswith("xl/worksheets/"))
    return {name: sheets[basename(name)] for name in members if basename(name) in sheets}
