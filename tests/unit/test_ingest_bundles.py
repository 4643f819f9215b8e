"""Archives of several files: each is a delivery of its own, under the name its sender gave it."""

import io
import zipfile
from pathlib import Path

import pytest
from ingest_files import ARRIVED, INSURANCE, REGISTER, drop, insurance_row, register_row, text
from ingest_house import House, open_house

from pipelines.ledger import Delivery
from pipelines.stages.ingest import Incoming, receive_all

GOOD = text([INSURANCE, insurance_row(1)]).encode()
REGISTERED = text([REGISTER, register_row(1)]).encode("gb18030")


@pytest.fixture
def house(tmp_path: Path) -> House:
    return open_house(tmp_path)


def packed(files: dict[str, bytes], *, names: str = "utf-8") -> bytes:
    """An archive whose names are written as an old Chinese system does (``gb18030``, unflagged) or flagged UTF-8."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name if names == "utf-8" else name.encode(names).decode("latin-1"), content)
    if names == "utf-8":
        return out.getvalue()
    # zipfile flags every name that is not ASCII as UTF-8: write the raw bytes of the old name in its place.
    whole = out.getvalue()
    for name in files:
        raw = name.encode(names)
        written = raw.decode("latin-1").encode("utf-8")
        whole = whole.replace(written, raw + b"_" * (len(written) - len(raw)))
    return whole.replace(b"\x00\x08\x08\x00", b"\x00\x00\x08\x00")


def take(house: House, path: Path) -> list[Delivery]:
    incoming = Incoming(path, ARRIVED)
    told = receive_all(incoming, home=house.home, contracts=house.contracts, ledger=house.ledger)
    return [delivery for delivery in told if delivery]


def test_each_file_of_a_bundle_has_its_own_fate(house: House) -> None:
    files = {"insurance_month/三月.csv": GOOD, "登记.csv": REGISTERED, "读我.txt": b"hello", "__MACOSX/x": b"y"}
    path = drop(house.home.inbox, "三月.zip", packed(files))
    deliveries = take(house, path)
    assert [(d.file_name, d.feed, d.status) for d in deliveries] == [
        ("三月.zip/insurance_month/三月.csv", "insurance_month", "accepted"),
        ("三月.zip/登记.csv", "enterprise_register", "accepted"),
        ("三月.zip/读我.txt", "", "refused"),
    ]
    assert all(d.rows_in == d.rows_landed + d.rows_quarantined + d.rows_set_aside for d in deliveries)
    assert take(house, path) == []


def test_a_bundle_in_a_feeds_folder_is_claimed_for_all_and_parts_add_up(house: House) -> None:
    parts = {f"第{n}部分.csv": text([INSURANCE, insurance_row(n)]).encode() for n in (1, 2)}
    deliveries = take(house, drop(house.inbox(), "a.zip", packed(parts)))
    assert [(d.feed, d.rows_landed) for d in deliveries] == [("insurance_month", 1)] * 2


def test_names_of_an_old_system_are_told_in_characters(house: House) -> None:
    deliveries = take(
        house, drop(house.home.inbox, "a.zip", packed({"三月.csv": GOOD, "登记": REGISTERED}, names="gb18030"))
    )
    assert [d.file_name.split("/")[1][:2] for d in deliveries] == ["三月", "登记"]


def test_bundles_in_bundles_have_an_end(house: House) -> None:
    inner = packed({"a.csv": GOOD, "b.csv": REGISTERED})
    middle = packed({"内.zip": inner, "c.txt": b"no table"})
    outer = packed({"中.zip": middle, "d.txt": b"nor this"})
    told = {d.file_name: d.status for d in take(house, drop(house.home.inbox, "外.zip", outer))}
    assert told == {"外.zip/中.zip/内.zip": "refused", "外.zip/中.zip/c.txt": "refused", "外.zip/d.txt": "refused"}
    assert {d.status for d in take(house, drop(house.home.inbox, "m.zip", middle))} == {"accepted"}


def test_a_damaged_bundle_is_refused_whole(house: House) -> None:
    whole = bytearray(packed({"a.csv": GOOD * 20, "b.csv": REGISTERED}))
    whole[60] ^= 0xFF
    [delivery] = take(house, drop(house.home.inbox, "a.zip", bytes(whole)))
    assert delivery.status == "refused"
    assert "重新" in delivery.reason
