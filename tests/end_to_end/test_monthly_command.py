"""The monthly report by its command, on a generated city: on record, the same each time, equal to the list."""

import shutil
import sys
from contextlib import closing
from pathlib import Path

import duckdb
from click.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))

from monthly_house import document_texts, page_texts

from pipelines import accounts, cli
from pipelines.ledger import Ledger


def test_the_monthly_report_is_written_on_record_and_tells_the_editions_figures(
    issued_home: Path, tmp_path: Path
) -> None:
    home = Path(shutil.copytree(issued_home, tmp_path / "home", symlinks=True))
    command = ["--home", str(home), "-q", "monthly", "--purpose", "月度分析"]
    for folder in ("one", "two"):
        done = CliRunner().invoke(cli.main, [*command, "--out", str(tmp_path / folder)])
        assert done.exit_code == 0, done.output
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    stem = "就业形势月度分析-2026-11-12-r1"
    assert names == [f"{stem}-数据出处.csv", f"{stem}.docx", f"{stem}.html"]
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()

    with closing(duckdb.connect(str(home / "published" / "current.duckdb"), read_only=True)) as connection:
        [(insured, change)] = connection.execute(
            "SELECT sum(insured_persons)::BIGINT, sum(net_change_persons)::BIGINT FROM out.county_industry_month "
            "WHERE month = (SELECT reference_month FROM out.edition)"
        ).fetchall()
        [(listed,)] = connection.execute("SELECT count(*) FROM out.warning").fetchall()
    said = "".join(document_texts((tmp_path / "one" / f"{stem}.docx").read_bytes()))
    read = "".join(page_texts((tmp_path / "one" / f"{stem}.html").read_text(encoding="utf-8")))
    for words in (f"参保{insured:,}人", f"净{'增' if change > 0 else '减'}{abs(change):,}人", f"预警企业{listed}家"):
        assert words in said
        assert words in read
    assert "模拟数据" in read

    earlier = ["--as-of", "2026-10-12", "--out", str(tmp_path / "old"), "--bulletin", "--to", "公众"]
    done = CliRunner().invoke(cli.main, [*command, *earlier])
    assert done.exit_code == 0, done.output
    bulletin = (tmp_path / "old" / "就业形势公报-2026-10-12-r1.html").read_text(encoding="utf-8")
    assert "模拟数据" in bulletin
    assert "内部资料" not in bulletin
    handed = [one for one in accounts.exports(Ledger(home / "ledger.sqlite")) if one.what.startswith("就业形势")]
    assert {(one.what, one.recipient, one.edition_id) for one in handed} >= {
        ("就业形势月度分析（docx）", "本局", "2026-11-12-r1"),
        ("就业形势公报（页面）", "公众", "2026-10-12-r1"),
    }

    refused = CliRunner().invoke(cli.main, [*command[:-1], " ", "--out", str(tmp_path / "none")])
    assert refused.exit_code == 2
    assert not list((tmp_path / "none").glob("*"))


def test_weekly_sheets_and_the_state_owned_table_leave_on_record(issued_home: Path, tmp_path: Path) -> None:
    home = Path(shutil.copytree(issued_home, tmp_path / "home", symlinks=True))
    command = ["--home", str(home), "-q", "weekly", "--purpose", "周例会"]
    for folder in ("one", "two"):
        done = CliRunner().invoke(cli.main, [*command, "--out", str(tmp_path / folder)])
        assert done.exit_code == 0, done.output
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    with closing(duckdb.connect(str(home / "published" / "current.duckdb"), read_only=True)) as connection:
        [(listed,)] = connection.execute("SELECT count(*) FROM out.warning").fetchall()
        [(own, code)] = connection.execute(
            "SELECT count(*), county_code FROM out.warning WHERE county_code <> '000000' "
            "GROUP BY county_code ORDER BY 1 DESC, 2 LIMIT 1"
        ).fetchall()
    assert "稳岗周报-2026-11-12-r1-全市.html" in names
    for name in names:
        page = (tmp_path / "one" / name).read_bytes()
        assert page == (tmp_path / "two" / name).read_bytes()
        assert b"<script" not in page
    city = "".join(page_texts((tmp_path / "one" / "稳岗周报-2026-11-12-r1-全市.html").read_text(encoding="utf-8")))
    assert f"在册预警企业{listed}家" in city
    assert "对比期次 2026-10-12-r1（31天前）" in city
    [path] = (tmp_path / "one").glob(f"*-{code}_*.html")
    assert f"在册预警企业{own}家" in "".join(page_texts(path.read_text(encoding="utf-8")))
    handed = [one for one in accounts.exports(Ledger(home / "ledger.sqlite")) if one.what == "稳岗周报（页面）"]
    assert len(handed) == 2 * len(names)
    assert len({one.recipient for one in handed}) == len(names), "each county's own is told to the county"

    table = ["--home", str(home), "-q", "state-owned", "--purpose", "社会责任报告", "--out", str(tmp_path / "table")]
    refused = CliRunner().invoke(cli.main, table)
    assert refused.exit_code == 3
    assert "no feed tells which enterprises are state-owned" in refused.output
    settings = home / "wengang.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace("[city]\n", '[city]\nstate_owned = ["91320703PDY00001X4"]\n', 1), encoding="utf-8")
    done = CliRunner().invoke(cli.main, table)
    assert done.exit_code == 0, done.output
    assert [path.name for path in (tmp_path / "table").iterdir()] == ["国有企业稳就业情况表-2026-11-12-r1.xlsx"]
