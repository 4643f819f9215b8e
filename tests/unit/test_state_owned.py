"""The table of state-owned enterprises: what feeds tell of the codes in the settings, and 无数据 for all the rest."""

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import pytest
from edition_city import OCTOBER, Firm
from monthly_house import full, issue
from python_calamine import CalamineWorkbook

from pipelines import state_owned


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path, city = full(tmp_path_factory.mktemp("state_owned"))
    city.warehouse.close()
    yield path


def test_what_feeds_tell_is_told_and_the_rest_has_no_data(published: Path, tmp_path: Path) -> None:
    given = state_owned.figures(published, ["A", "E", "Z", "A"])
    value = given.value
    assert given.rows("enterprise") == ("A", "E", "Z")
    assert value("enterprise", "A", "start_persons") == 1000 + 2 * 3
    assert value("enterprise", "A", "insured_persons") == 740
    assert value("enterprise", "A", "year_change_persons") == 740 - 1006
    assert value("enterprise", "A", "graduate_persons") == sum(10 + place for place in range(4, 14))
    assert value("enterprise", "A", "other_group_persons") is None
    assert value("enterprise", "E", "graduate_persons") is None
    assert value("enterprise", "Z", "insured_persons") is None

    content = state_owned.workbook(given, city="模拟市", bureau="市人社局")
    assert content == state_owned.workbook(given, city="模拟市", bureau="市人社局")
    path = tmp_path / "table.xlsx"
    path.write_bytes(content)
    cells = CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()
    head = next(place for place, row in enumerate(cells) if row[0] == "统一社会信用代码")
    rows = {row[0]: dict(zip(cells[head], row, strict=True)) for row in cells[head + 1 :] if row[0]}
    assert rows["A"]["现参保（人）"] == 740
    assert rows["A"]["增减（人）"] == -266
    assert rows["A"]["招用数据至"] == "2026年10月"
    for name in (*state_owned.BY_HAND, "在招岗位（月度最多，个）", "招用其他重点群体（人次）"):
        assert rows["A"][name] == "无数据"
    assert rows["Z"]["企业名称"] == "没有记录"
    assert rows["Z"]["年初参保（人）"] == "无数据"
    words = "".join(str(cell) for row in cells for cell in row)
    assert "预警" not in words, "the table may leave with the enterprise: it tells nothing of the list"
    assert isinstance(given.value("edition", "edition", "cutoff"), datetime)


@pytest.mark.parametrize(
    ("is_complete", "is_doubted", "told"), [(True, False, 0), (False, False, None), (True, True, None)]
)
def test_nobody_insured_in_a_complete_december_is_zero_and_not_unknown(
    tmp_path: Path, is_complete: bool, is_doubted: bool, told: int | None
) -> None:
    december = date(2025, 12, 1)
    months = [{"month": month, "is_complete_month": is_complete or month != december} for month in (december, OCTOBER)]
    doubted = [{"enterprise_no": 1, "month": december, "unknown_cause": "隔离", "is_partial": False}]
    path, city = issue(
        tmp_path,
        [Firm("A", 40, 41), Firm("B", 25, 24)],
        history=False,
        core__month_status=months,
        core__unknown_month=doubted if is_doubted else [],
    )
    city.warehouse.close()
    given = state_owned.figures(path, ["B"])
    assert given.value("enterprise", "B", "start_persons") == told
    assert given.value("enterprise", "B", "year_change_persons") == (25 if told == 0 else None)
    [row] = state_owned.rows(given)
    unknown = (state_owned.UNKNOWN, state_owned.UNKNOWN)
    said = (row["start_persons"], row["year_change_ratio"])
    assert said == (unknown if told is None else (0, state_owned.FROM_NOTHING))
