"""Files made to hurt: archives that unfold without end or lead elsewhere, XML that grows, Parquet that lies.

Each is small on disk. Nothing here is a secret: these are the forms that every scanner's test set holds.
"""

import io
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
import polars as pl
from specimens import Specimen, as_parquet, packed

Draw = np.random.Generator
OnBytes = Callable[[Draw, Specimen], bytes]
SHEET = "xl/worksheets/sheet1.xml"
STRINGS = "xl/sharedStrings.xml"
UNFOLDED = 300 * 2**20
LAUGHS = '<!DOCTYPE x [<!ENTITY a "哈哈哈哈哈哈哈哈哈哈">{}]>'.format(
    "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))
)
OUTSIDE = '<!DOCTYPE x [<!ENTITY j SYSTEM "file:///etc/hostname">]>'
PLACES = ("A4294967296", "XFD1048576", "ZZZZZZ1", "A0", "1A", "A-1", "", "A1:B2", "A99999999999999999999", "aa3")
KINDS_OF_CELL = ("s", "e", "b", "d", "n", "str", "inlineStr", "x", "")
VALUES = ("1e400", "-1", "4294967295", "99999999999999999999", "NaN", "", "x", "1.5", "-1e308", "0x10", "1048577")


@cache
def zeros() -> bytes:
    """The deflated form of very many zero bytes."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return b"".join(packer.compress(bytes(2**20)) for _ in range(UNFOLDED // 2**20)) + packer.flush()


@cache
def flat_parquet(rows: int, columns: int) -> bytes:
    """Very many equal rows, which Parquet holds in almost nothing."""
    out = io.BytesIO()
    column = pl.repeat("1", rows, eager=True)
    pl.DataFrame({f"c{n}": column for n in range(columns)}).write_parquet(out, compression="zstd")
    return out.getvalue()


def _member(
    name: str, body: bytes, *, size: int, crc: int, method: int = 8, flags: int = 0, attributes: int = 0
) -> bytes:
    """An archive of one member whose headers say what they are told to say."""
    said = name.encode()
    local = struct.pack("<IHHHHHIIIHH", 0x04034B50, 20, flags, method, 0, 33, crc, len(body), size, len(said), 0) + said
    entry = struct.pack(
        "<IHHHHHHIIIHHHHHII",
        *(0x02014B50, 0x0314, 20, flags, method, 0, 33, crc, len(body), size, len(said), 0, 0, 0, 0, attributes, 0),
    )
    entry += said
    start = len(local) + len(body)
    return local + body + entry + struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 1, 1, len(entry), start, 0)


def bomb_by_ratio(draw: Draw, _: Specimen) -> bytes:
    """A member of zeros, true to its headers or claiming to be small."""
    size = UNFOLDED if draw.random() < 0.5 else int(draw.integers(1, 2**20))
    return _member("a.csv", zeros(), size=size, crc=zlib.crc32(bytes(2**20)))


def bomb_of_overlaps(draw: Draw, specimen: Specimen) -> bytes:
    """One member listed many times under many names."""
    whole = _member("a.csv", zeros(), size=UNFOLDED, crc=0)
    start = struct.unpack("<I", whole[-6:-2])[0]
    entry, many = whole[start:-22], int(draw.integers(2, 300))
    tail = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, many, many, len(entry) * many, start, 0)
    return whole[:start] + entry * many + tail


def bomb_of_bombs(draw: Draw, specimen: Specimen) -> bytes:
    """Archives within archives."""
    content = specimen.written() if draw.random() < 0.5 else _member("a.csv", zeros(), size=UNFOLDED, crc=0)
    for _ in range(int(draw.integers(1, 12))):
        content = packed({"a.zip": content})
    return content


def bomb_of_lzma(draw: Draw, _: Specimen) -> bytes:
    """A member packed by LZMA, whose header asks for a dictionary of up to four gigabytes."""
    filters = [{"id": lzma.FILTER_LZMA1, "dict_size": 2**16}]
    body = lzma.compress(bytes(2**22), lzma.FORMAT_RAW, filters=filters)
    asked = int(draw.choice([2**16, 2**28, 2**31, 2**32 - 1]))
    head = struct.pack("<BBHBI", 9, 4, 5, 93, asked)
    return _member("a.csv", head + body, size=2**22, crc=zlib.crc32(bytes(2**22)), method=14)


def many_members(draw: Draw, specimen: Specimen) -> bytes:
    """Thousands of members."""
    return packed({f"{n}.csv": b"" for n in range(int(draw.integers(2, 5000)))} | {"a.csv": specimen.written()})


def names_that_lead_away(draw: Draw, specimen: Specimen) -> bytes:
    """A member that would be written outside, or whose name is none."""
    names = (
        "../../../../a.csv",
        "/etc/a.csv",
        "..\\..\\a.csv",
        "C:\\a.csv",
        "a/" * 500 + "b",
        "\x01.csv",
        " ",
        ".",
        "~/a",
    )
    inner = specimen.written() if specimen.container != "zip" else _inner(specimen)
    return packed({names[int(draw.integers(len(names)))]: inner})


def symbolic_link(draw: Draw, _: Specimen) -> bytes:
    """A member that is a link."""
    target = (b"/etc/passwd", b"../../../ledger.sqlite", b"/dev/zero")[int(draw.integers(3))]
    return _member("a.csv", target, size=len(target), crc=zlib.crc32(target), method=0, attributes=0o120777 << 16)


def headers_that_lie(draw: Draw, specimen: Specimen) -> bytes:
    """A member with another method, flag, checksum or size than its headers say."""
    body = _inner(specimen)
    told = {"size": len(body), "crc": zlib.crc32(body), "method": 0, "flags": 0}
    name = list(told)[int(draw.integers(4))]
    told[name] = int(
        {"size": draw.integers(2**32), "crc": 1, "method": draw.integers(100), "flags": draw.integers(2**16)}[name]
    )
    return _member("a.csv", body, **told)


def _inner(specimen: Specimen) -> bytes:
    with zipfile.ZipFile(io.BytesIO(specimen.written())) as archive:
        return archive.read(archive.namelist()[0])


def _changed(specimen: Specimen, member: str, change: Callable[[str], str]) -> bytes:
    with zipfile.ZipFile(io.BytesIO(specimen.written())) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts[member] = change(parts[member].decode()).encode()
    return packed(parts)


def entity_bomb(draw: Draw, specimen: Specimen) -> bytes:
    """Entities of entities of entities, in a part of a workbook."""
    member = (SHEET, STRINGS, "xl/workbook.xml", "xl/styles.xml")[int(draw.integers(4))]

    def change(text: str) -> str:
        text = text.replace("?>", f"?>{LAUGHS}", 1)
        return re.sub(r">[^<>]+<", ">&j;<", text, count=3) if ">" in text else text

    return _changed(specimen, member, change)


def outside_entity(draw: Draw, specimen: Specimen) -> bytes:
    """An entity that stands for a file of the host."""
    member = (SHEET, STRINGS)[int(draw.integers(2))]
    return _changed(
        specimen, member, lambda text: re.sub(r">[^<>]+<", ">&j;<", text.replace("?>", f"?>{OUTSIDE}", 1), count=9)
    )


def absurd_places(draw: Draw, specimen: Specimen) -> bytes:
    """Cells, rows and dimensions where no sheet reaches."""
    place = PLACES[int(draw.integers(len(PLACES)))]

    def change(text: str) -> str:
        match int(draw.integers(4)):
            case 0:
                return re.sub(r'<dimension ref="[^"]*"', f'<dimension ref="A1:{place}"', text)
            case 1:
                return text.replace(
                    "</sheetData>", f'<row r="{place[1:]}"><c r="{place}"><v>1</v></c></row></sheetData>'
                )
            case 2:
                return re.sub(r'<c r="[A-Z]+3"', f'<c r="{place}"', text)
            case _:
                return re.sub(r'<row r="\d+"', f'<row r="{place[1:]}"', text)

    return _changed(specimen, SHEET, change)


def cells_that_lie(draw: Draw, specimen: Specimen) -> bytes:
    """Cells of another type than their value, and strings that are not in the list."""
    kind = KINDS_OF_CELL[int(draw.integers(len(KINDS_OF_CELL)))]
    value = VALUES[int(draw.integers(len(VALUES)))]

    def change(text: str) -> str:
        cells = [m.span() for m in re.finditer(r'<c r="[A-Z]+\d+"[^>]*><v>[^<]*</v></c>', text)]
        for start, end in sorted((cells[int(draw.integers(len(cells)))] for _ in range(3)), reverse=True):
            place = re.search(r'r="[A-Z]+\d+"', text[start:end])
            text = text[:start] + f'<c {place and place[0]} t="{kind}"><v>{value}</v></c>' + text[end:]
        return text

    return _changed(specimen, SHEET, change)


def parts_lost(draw: Draw, specimen: Specimen) -> bytes:
    """A workbook without one of its parts, with one cut off, or with a list of strings that boasts."""
    with zipfile.ZipFile(io.BytesIO(specimen.written())) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    name = sorted(parts)[int(draw.integers(len(parts)))]
    match int(draw.integers(3)):
        case 0:
            del parts[name]
        case 1:
            parts[name] = parts[name][: int(draw.integers(len(parts[name])))]
        case _:
            parts[STRINGS] = re.sub(rb'(count|uniqueCount)="\d+"', rb'\1="4294967295"', parts[STRINGS])
    return packed(parts)


def deep_xml(draw: Draw, specimen: Specimen) -> bytes:
    """Elements within elements, tens of thousands deep, or a tag without an end."""
    deep = int(draw.integers(1000, 60_000))
    more = "<is>" * deep if draw.random() < 0.5 else '<c r="A1" ' + 'x="1" ' * deep
    return _changed(specimen, SHEET, lambda text: text.replace("</sheetData>", f"{more}</sheetData>"))


def old_workbook_that_lies(draw: Draw, specimen: Specimen) -> bytes:
    """Four bytes of a compound file, or of the head of a record, that say something huge, or lead round in a ring."""
    content = bytearray(specimen.written())
    number = (0xFFFFFFFF, 0x7FFFFFFF, 0x0FFFFFFF, 0, 1, 2, 3, 0xFFFFFFFE)[int(draw.integers(8))]
    heads = [m.start() for m in re.finditer(rb"\xfc\x00..|\x85\x00..|\x09\x08..", bytes(content))]
    strings = content.find(b"\xfc\x00", 1024)
    match int(draw.integers(4)):
        case 0:
            place = strings + 4 + 4 * int(draw.integers(2))
        case 1:
            place = heads[int(draw.integers(len(heads)))] + 4
        case 2:
            place = 24 + 4 * int(draw.integers(24))
        case _:
            place = 512 + 4 * int(draw.integers(256))
    content[place : place + 4] = struct.pack("<I", number)
    return bytes(content)


def flat_rows(draw: Draw, _: Specimen) -> bytes:
    """A few kilobytes of Parquet that hold a hundred and twenty million cells."""
    return flat_parquet(600_000, 200) if draw.random() < 0.8 else flat_parquet(1, 20_000)


def footer_that_lies(draw: Draw, specimen: Specimen) -> bytes:
    """A footer of another length, or a number in it blown up to what an integer can hold."""
    content = specimen.written()
    if draw.random() < 0.3:
        size = int(draw.choice([0, 1, 2**16, 2**31 - 1, 2**32 - 1, len(content)]))
        return content[:-8] + struct.pack("<I", size) + content[-4:]
    size = struct.unpack("<I", content[-8:-4])[0]
    body, footer = content[: -8 - size], content[-8 - size : -8]
    footer = _blown(draw, footer, 0, len(footer))
    return body + footer + struct.pack("<I", len(footer)) + content[-4:]


def pages_that_lie(draw: Draw, specimen: Specimen) -> bytes:
    """A number in the header of a page blown up; what follows it keeps its place."""
    content = specimen.written()
    starts = [m.start() for m in re.finditer(rb"\x15[\x00\x04]\x15", content)]
    start = starts[int(draw.integers(len(starts)))] if starts else 4
    blown = _blown(draw, content, start, min(start + 16, len(content) - 9))
    return blown[: len(content) - 8] + content[-8:] if draw.random() < 0.5 else blown


def _blown(draw: Draw, content: bytes, start: int, end: int) -> bytes:
    place = int(draw.integers(start, end))
    number = (
        b"\xfe\xff\xff\xff\x0f",
        b"\xff\xff\xff\xff\x0f",
        b"\xfe" + b"\xff" * 8 + b"\x01",
        b"\x80\x80\x80\x80\x08",
    )
    return content[:place] + number[int(draw.integers(len(number)))] + content[place + 1 :]


def other_parquet_types(draw: Draw, specimen: Specimen) -> bytes:
    """Columns of types that a department's program may well write."""
    frame = pl.read_parquet(io.BytesIO(as_parquet(specimen.table, specimen.header)))
    kinds = (pl.Binary, pl.Categorical, pl.Float32, pl.Int16, pl.Decimal(30, 4), pl.Boolean, pl.Time, pl.Date, pl.Null)
    for name in frame.columns:
        if draw.random() < 0.3:
            kind = kinds[int(draw.integers(len(kinds)))]
            try:
                frame = frame.with_columns(pl.col(name).cast(kind, strict=False))
            except pl.exceptions.PolarsError:
                frame = frame.with_columns(pl.concat_list(name).alias(name))
    out = io.BytesIO()
    frame.write_parquet(out)
    return out.getvalue()


ON_ARCHIVES = (
    bomb_by_ratio,
    bomb_of_overlaps,
    bomb_of_bombs,
    bomb_of_lzma,
    many_members,
    names_that_lead_away,
    symbolic_link,
    headers_that_lie,
)
ON_WORKBOOKS = (entity_bomb, outside_entity, absurd_places, cells_that_lie, parts_lost, deep_xml)
ON_PARQUET = (flat_rows, footer_that_lies, pages_that_lie, other_parquet_types)
_BY_CONTAINER = {"zip": ON_ARCHIVES, "xlsx": ON_WORKBOOKS, "parquet": ON_PARQUET, "xls": (old_workbook_that_lies,)}
KINDS: Mapping[str, OnBytes] = {f.__name__: f for own in _BY_CONTAINER.values() for f in own}


def for_container(container: str) -> list[str]:
    """The kinds made for a container."""
    return [function.__name__ for function in _BY_CONTAINER.get(container, ())]
