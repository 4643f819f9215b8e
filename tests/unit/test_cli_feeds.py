"""What a clerk is told before sending, and the first draft of a contract: neither needs or touches a home."""

import io
import zipfile
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from ingest_files import INSURANCE, drop, insurance_row, text, workbook

from pipelines.cli import main

PEOPLE = [
    ["单位编号", "所属期", "参保人数", "缴费额（万元）", "姓名", "经办人电话", "备注号"],
    ["0320701", "202501", "12", "1.25", "张三", "0518-1", "13800000000"],
    ["0320702", "202502", "7", "", "李四", "0518-2", "13900000000"],
]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home that does not exist; what is run must leave it so."""
    return tmp_path / "no-home"


def run(home: Path, *words: str | Path, feeds: Path | None = None) -> Result:
    chosen = ["--feeds", str(feeds)] if feeds else []
    result = CliRunner().invoke(main, ["--home", str(home), *chosen, *map(str, words)])
    assert not home.exists()
    return result


def test_a_good_file_may_be_sent(home: Path, tmp_path: Path) -> None:
    path = drop(tmp_path / "insurance_month", "三月.csv", text([["三月"], INSURANCE, insurance_row(1)]), "gb18030")
    result = run(home, "feed", "check", path)
    assert result.exit_code == 0
    assert "按「单位月度参保缴费」读取：表头在第2行，GB18030编码，以逗号分列" in result.output
    assert "共2行：可入库1行，会被隔离0行，不作数据1行" in result.output
    assert "按约定理解：缴费基数总额元" in result.output
    assert result.output.endswith("✔ 可以报送\n")


def test_bad_rows_are_told_by_line_and_value_some_of_each(home: Path, tmp_path: Path) -> None:
    bad = [insurance_row(n, 失业保险参保人数="二十") for n in range(2, 6)]
    path = drop(tmp_path, "a.csv", text([[*INSURANCE, "旁注"], [*insurance_row(1), ""], *([*row, "x"] for row in bad)]))
    result = run(home, "feed", "check", path, "--feed", "insurance_month", "--examples", "2")
    assert result.exit_code == 20
    assert "失业保险参保人数无法识别：4行" in result.output
    assert "第3行 失业保险参保人数：“二十”" in result.output
    assert "第5行" not in result.output
    assert "还有2行" in result.output
    assert "不使用的列：旁注" in result.output


def test_a_refused_file_and_each_file_of_a_bundle(home: Path, tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("好.csv", text([INSURANCE, insurance_row(1)]))
        archive.writestr("坏.csv", "甲,乙\n1,2\n")
    result = run(home, "feed", "check", drop(tmp_path, "包.zip", out.getvalue()))
    assert result.exit_code == 5
    assert "包.zip/好.csv" in result.output
    assert "✘ 会被拒收：前30行内没有找到任何数据源的表头" in result.output
    assert run(home, "feed", "check", drop(tmp_path, "x.csv", "1"), "--feed", "none_such").exit_code == 2


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_draft_loads_reads_its_sample_and_leaves_persons_out(home: Path, tmp_path: Path, kind: str) -> None:
    content = workbook({"表": [["用工表"], *PEOPLE]}) if kind == "xlsx" else text(PEOPLE)
    sample = drop(tmp_path / "in", f"样本.{kind}", content)
    result = run(home, "feed", "new", sample, "--name", "staff_month", "--out", tmp_path / "feeds")
    assert result.exit_code == 0, result.output
    draft = (tmp_path / "feeds" / "staff_month.yml").read_text("utf-8")
    said = yaml.safe_load(draft)
    kinds = {spec["label"]: spec["type"] for spec in said["columns"].values()}
    assert kinds == {"单位编号": "text", "所属期": "month", "参保人数": "integer", "缴费额": "fen"}
    assert (said["key"], said["period"], said["columns"]["column_4"]["unit"]) == (["column_1"], "column_2", "万元")
    assert all(f"：{word}\n" in draft for word in ("姓名", "经办人电话", "备注号"))
    assert not any(person in draft for person in ("张三", "13800000000"))
    checked = run(home, "feed", "check", sample, feeds=tmp_path / "feeds")
    assert checked.exit_code == 0, checked.output
    assert "可入库2行" in checked.output
    assert run(home, "feed", "new", sample, "--name", "staff_month", "--out", tmp_path / "feeds").exit_code == 2


def test_a_sample_without_a_table_gives_no_draft(home: Path, tmp_path: Path) -> None:
    assert run(home, "feed", "new", drop(tmp_path, "a.txt", "只有一句话")).exit_code == 5
