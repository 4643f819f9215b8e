"""What a clerk is told before sending, and the first draft of a contract: neither needs or touches a home."""

import io
import zipfile
from pathlib import Path
from typing import Any

import polars as pl
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


def drafted(home: Path, tmp_path: Path, name: str, content: str | bytes) -> tuple[dict[str, Any], str, Result]:
    """The draft from a sample, its text, and what a check of the sample by the draft tells."""
    sample, feeds = drop(tmp_path / "in", name, content), tmp_path / "feeds"
    result = run(home, "feed", "new", sample, "--name", "wide_month", "--out", feeds)
    assert result.exit_code == 0, result.output
    text_of_it = (feeds / "wide_month.yml").read_text("utf-8")
    return yaml.safe_load(text_of_it), text_of_it, run(home, "feed", "check", sample, feeds=feeds)


MONTHS = [f"{month}月" for month in range(1, 13)]
COUNTS = [str(count) for count in range(20, 32)]


@pytest.mark.parametrize("kind", ["csv", "xlsx", "parquet"])
@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("{year}年{month}月", [f"2025年{month}" for month in MONTHS]),
        ("{year}{month2}", [f"2025{month:02d}" for month in range(1, 13)]),
        ("{year}-{month2}-01", [f"2025-{month:02d}-01" for month in range(1, 13)]),
        ("{year}.{month}", [f"2025.{month}" for month in range(1, 13)]),
        ("{year}年", [f"{year}年" for year in range(2014, 2026)]),
    ],
)
def test_months_or_years_of_one_measure_side_by_side_become_a_layout(
    home: Path, tmp_path: Path, kind: str, pattern: str, said: list[str]
) -> None:
    table = [
        ["单位编号", "单位名称", *said, "合计"],
        ["0320701", "甲厂", *COUNTS, "306"],
        ["0320702", "乙厂", *COUNTS, "306"],
    ]
    titled = [["各单位参保人数"], *table]
    frame = io.BytesIO()
    pl.DataFrame(table[1:], schema=table[0], orient="row").write_parquet(frame)
    content = {"csv": text(titled), "xlsx": workbook({"表": titled}), "parquet": frame.getvalue()}[kind]
    contract, draft, checked = drafted(home, tmp_path, f"样本.{kind}", content)
    spread = "year" if pattern == "{year}年" else "month"
    assert contract["layout"] == {"periods": {"column": spread, "values": ["column_3"], "patterns": [pattern]}}
    assert contract["key"] == ["column_1", spread]
    assert contract.get("period") == ("month" if spread == "month" else None)
    assert contract["columns"]["column_3"] == {"type": "integer", "label": "各期数值（待定名）"}
    assert "# 未采用（各期的合计或比较）：合计" in draft
    assert checked.exit_code == 0, checked.output
    assert "可入库24行，会被隔离0行" in checked.output


def test_measures_side_by_side_under_months_become_a_layout(home: Path, tmp_path: Path) -> None:
    months = [cell for month in MONTHS for cell in (f"2025年{month}", "")]
    measures = ["参保人数", "缴费基数(万元)"] * 12
    row = [cell for count in COUNTS for cell in (count, "1.25")]
    table = [
        ["2025年用工情况表"],
        ["单位编号", "联系电话", *months],
        ["", "", *measures],
        ["0320701", "0518-1", *row],
        ["0320702", "0518-2", *row[:-1], ""],
    ]
    contract, draft, checked = drafted(home, tmp_path, "样本.xlsx", workbook({"表": table}))
    assert contract["layout"] == {
        "periods": {"column": "month", "values": ["column_3", "column_4"], "patterns": ["{year}年{month}月"]}
    }
    assert contract["columns"]["column_3"] == {"header": ["参保人数"], "type": "integer", "label": "参保人数"}
    assert contract["columns"]["column_4"] == {
        "header": ["缴费基数"], "type": "fen", "label": "缴费基数", "unit": "万元", "optional": True,
    }  # fmt: skip
    assert "联系电话" in draft
    assert "0518" not in draft
    assert checked.exit_code == 0, checked.output
    assert "每行并列12期" in checked.output
    assert "可入库24行" in checked.output


@pytest.mark.parametrize(
    ("above", "year_in", "header_rows"),
    [
        (
            [["2025年统计表（单位：万元）"], ["单位编号", *["应缴"] * 12, *["实缴"] * 12], ["", *MONTHS, *MONTHS]],
            ["title"],
            2,
        ),
        ([["单位编号", *[f"{month}{what}(万元)" for what in ("应缴", "实缴") for month in MONTHS]]], ["sheet"], 1),
        (
            [
                ["单位编号", "2025年", *[""] * 23],
                ["", *[cell for month in MONTHS for cell in (month, "")]],
                ["", *["应缴(万元)", "实缴(万元)"] * 12],
            ],
            None,
            3,
        ),
    ],
)
def test_measures_above_months_and_years_apart_from_them(
    home: Path, tmp_path: Path, above: list[list[str]], year_in: list[str] | None, header_rows: int
) -> None:
    table = [*above, ["U1", *["1.5"] * 24], ["U2", *["2"] * 24]]
    contract, _, checked = drafted(home, tmp_path, "样本.xlsx", workbook({"2025年": table}))
    layout = contract["layout"]
    assert layout.get("header_rows", 2) == max(header_rows, 2)
    assert layout["periods"].get("year_in") == year_in
    values = [contract["columns"][name] for name in layout["periods"]["values"]]
    assert [(said["label"], said["type"], said["unit"]) for said in values] == [
        ("应缴", "fen", "万元"), ("实缴", "fen", "万元"),
    ]  # fmt: skip
    assert checked.exit_code == 0, checked.output
    assert "可入库24行" in checked.output


def test_months_without_any_year_are_told(home: Path, tmp_path: Path) -> None:
    contract, draft, checked = drafted(home, tmp_path, "样本.csv", text([["单位编号", *MONTHS], ["U1", *COUNTS]]))
    assert contract["layout"]["periods"]["year_in"] == ["title", "sheet"]
    assert "没有写明唯一的年份" in draft
    assert checked.exit_code == 5


@pytest.mark.parametrize(
    "table",
    [
        [["单位编号", "参保起", "参保止", "人数"], ["U1", "202401", "202512", "7"], ["U2", "202402", "202511", "8"]],
        [["单位编号", "参保起", "参保止"], ["甲厂", "2024年1月", "2025年12月"]],
        [["编号", "2025年1月", "名称"], ["U1", "5", "甲"], ["U2", "6", "乙"]],
        [["单位编号", "1-3月", "1-6月", "人数"], ["U1", "5", "6", "7"]],
    ],
)
def test_what_only_looks_like_months_side_by_side_stays_a_plain_table(
    home: Path, tmp_path: Path, table: list[list[str]]
) -> None:
    contract, _, checked = drafted(home, tmp_path, "样本.csv", text(table))
    assert "layout" not in contract
    assert [said["header"][0] for said in contract["columns"].values()] == table[0]
    assert checked.exit_code == 0, checked.output


def test_a_row_that_its_own_file_takes_back_is_told(home: Path, tmp_path: Path) -> None:
    rows = [[*INSURANCE, "作废标志"], [*insurance_row(1), "正常"], [*insurance_row(1), "作废"], [*insurance_row(2), ""]]
    result = run(home, "feed", "check", drop(tmp_path, "a.csv", text(rows)), "--feed", "insurance_month")
    assert "可入库3行，会被隔离0行" in result.output
    assert "有1行与本文件的作废行内容相同，按作废处理" in result.output


def test_a_sample_without_a_table_gives_no_draft(home: Path, tmp_path: Path) -> None:
    assert run(home, "feed", "new", drop(tmp_path, "a.txt", "只有一句话")).exit_code == 5
