"""Feeds that may hold persons: of a file with names and numbers of persons nothing but the declared columns stays."""

import json
from pathlib import Path

import polars as pl
import pytest
from ingest_files import drop, text, workbook
from ingest_house import House, open_house

from pipelines import contracts as contract_files
from pipelines.contracts import SQL
from pipelines.errors import ContractError

ONE = "91320703PDY00001X4"
NAME, RESIDENT, PHONE = "王小梅", "320705198801011234", "13812345678"
PERSONAL = (NAME, RESIDENT, PHONE, "李建国")
COMPLAINT = ["工单编号", "投诉人姓名", "身份证号", "联系电话", "统一社会信用代码", "诉求类型", "受理日期", "涉及人数"]
DISPUTE = ["案号", "申请人姓名", "申请人身份证号", "统一社会信用代码", "案由", "立案日期", "申请人人数"]


@pytest.fixture
def house(tmp_path: Path) -> House:
    (tmp_path / "home").mkdir()
    return open_house(tmp_path / "home")


def complaint(number: int, **said: str) -> list[str]:
    row = [f"LYG-TS-2026-{number:04d}", NAME, RESIDENT, PHONE, ONE, "欠薪", "2025-02-03", "3"]
    return [said.get(name, cell) for name, cell in zip(COMPLAINT, row, strict=True)]


def everything_under(folder: Path) -> str:
    """All that can be read under ``folder``: Parquet files as tables, all others as they are, and every path."""
    parts = []
    for path in sorted(folder.rglob("*")):
        parts.append(path.as_posix())
        if path.suffix == ".parquet":
            frame = pl.read_parquet(path)
            parts += [*frame.columns, json.dumps(frame.rows(), default=str, ensure_ascii=False)]
        elif path.is_file():
            parts += [path.read_bytes().decode(encoding, "replace") for encoding in ("utf-8", "gb18030")]
    return "\n".join(parts)


def assert_nobody_is_named(house: House) -> None:
    left = everything_under(house.home.root)
    assert [word for word in PERSONAL if word in left] == []


def test_of_a_complaint_only_what_is_declared_stays(house: House) -> None:
    rows = [
        COMPLAINT,
        complaint(1),
        complaint(2, 涉及人数="李建国等3人"),
        complaint(3, 统一社会信用代码=RESIDENT),
        complaint(4, 诉求类型="李建国讨薪"),
        [*complaint(5)[:4], "多出一格", *complaint(5)[4:]],
        complaint(6)[1:],
        [*complaint(7)[1:], ""],
    ]
    delivery = house.accept(drop(house.inbox("wage_complaint"), "a.csv", text(rows)), remove=True)
    assert (delivery.rows_landed, delivery.rows_quarantined) == (1, 6)
    assert house.frame(delivery)["case_no"].to_list() == ["LYG-TS-2026-0001"]
    assert house.frame(delivery, "quarantined").height == 6
    assert set(house.frame(delivery, "reasons")["raw_value"]) == {"（不留存原值）"}
    assert_nobody_is_named(house)


def test_of_the_original_only_the_hash_stays(house: House) -> None:
    path = drop(house.inbox("wage_complaint"), "a.xlsx", workbook({NAME: [COMPLAINT, complaint(1)]}))
    delivery = house.accept(path, remove=True)
    manifest = house.manifest(delivery)
    assert len(manifest["sha256"]) == 64
    assert manifest["sha256"].startswith(delivery.batch)
    assert manifest["ignored"] == ["3列"]
    assert not list(house.home.root.rglob("original*"))
    assert_nobody_is_named(house)


def test_a_hint_does_not_repeat_what_it_hints_at(house: House) -> None:
    row = ["连劳人仲案字〔2026〕第0012号", NAME, RESIDENT, ONE, "李建国诉某公司", "2025-02-03", "12"]
    delivery = house.accept(drop(house.inbox("arbitration"), "a.csv", text([DISPUTE, row])), remove=True)
    assert house.frame(delivery)["dispute_cause"].to_list() == ["***"]
    assert house.manifest(delivery)["checks"]["codes:dispute_cause"]["bad"] == 1
    assert_nobody_is_named(house)


@pytest.mark.parametrize("folder", ["wage_complaint", "tax_month", "dropped"])
@pytest.mark.parametrize(
    "rows",
    [
        [COMPLAINT, complaint(1, 受理日期=NAME), complaint(2, 涉及人数=NAME, 工单编号=RESIDENT)],
        [COMPLAINT[1:], complaint(1)[1:]],
        [["姓名", "身份证号"], [NAME, RESIDENT]],
        [["谁", "号码"], [NAME, RESIDENT]],
    ],
)
def test_a_refused_file_leaves_no_person_behind(house: House, folder: str, rows: list[list[str]]) -> None:
    path = drop(house.home.inbox if folder == "dropped" else house.inbox(folder), "a.csv", text(rows))
    delivery = house.take(path, remove=True)
    assert delivery is not None
    assert delivery.status == "refused"
    assert (house.home.landing / "_refused" / delivery.batch / "manifest.json").is_file()
    assert_nobody_is_named(house)


def test_a_refused_file_that_names_nobody_is_kept(house: House) -> None:
    path = drop(house.home.inbox, "a.csv", text([["年份", "单位"], ["2026", ONE]]))
    assert "没有找到任何数据源的表头" in house.refuse(path)


def test_a_personal_feed_must_bound_its_text(tmp_path: Path) -> None:
    for path in (SQL / "feeds").glob("*.yml"):
        said = path.read_text(encoding="utf-8")
        if path.stem == "wage_complaint":
            said = "\n".join(line for line in said.split("\n") if "matches, column: case_no" not in line)
        (tmp_path / path.name).write_text(said, encoding="utf-8")
    with pytest.raises(ContractError, match="wage_complaint: personal, and nothing bounds what text column case_no"):
        contract_files.load(tmp_path)
