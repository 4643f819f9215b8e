"""The monthly report where little is known: an empty month, the first one, feeds that did not come, other counties."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from edition_city import OCTOBER, City, Firm
from monthly_house import CUTOFF, changed, full, issue, report_of, words_of

from pipelines import monthly_docx, monthly_page
from pipelines.monthly_blocks import Table
from pipelines.run import add_months


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path, city = full(tmp_path_factory.mktemp("monthly"))
    city.warehouse.close()
    yield path


@pytest.fixture
def closing_city() -> Iterator[list[City]]:
    made: list[City] = []
    yield made
    for city in made:
        city.warehouse.close()


def test_a_month_in_which_nothing_happened_is_told_as_such(tmp_path: Path, closing_city: list[City]) -> None:
    calm = [Firm(code, 40, 40, core={"industry_division": "17"}, features={"is_us_exporter": False}) for code in "ABC"]
    path, city = issue(tmp_path, calm)
    closing_city.append(city)
    _, report = report_of(path)
    words = words_of(report)
    for said in ("比上月持平", "本期没有企业列入预警名单", "没有减员的企业", "没有净减员的行业", "没有在册的预警企业"):
        assert said in words + "".join(
            block.empty for part in report.parts for block in part.blocks if isinstance(block, Table)
        )
    assert "本月没有参保的涉美出口企业" in words
    assert monthly_docx.document(report, cutoff=CUTOFF)
    assert monthly_page.page(report)


def test_the_first_month_has_nothing_to_compare_with(tmp_path: Path, closing_city: list[City]) -> None:
    path, city = issue(tmp_path, [Firm(code, 40, None) for code in "ABC"], history=False)
    closing_city.append(city)
    _, report = report_of(path)
    words = words_of(report)
    assert "没有上月数据，不计算增减；没有上年同月数据，不作同比" in words
    assert "没有往年" in words
    assert "没有可比的上期" in words or "没有在册的预警企业" in words
    assert monthly_docx.document(report, cutoff=CUTOFF)


def test_feeds_that_never_came_are_named_and_nothing_is_zero(published: Path, tmp_path: Path) -> None:
    path = changed(
        published,
        tmp_path,
        "DELETE FROM out.market_month",
        "UPDATE out.enterprise SET is_us_exporter = NULL",
        "UPDATE out.source_status SET source_state = '缺失', latest_month = NULL WHERE feed = 'customs_export'",
    )
    words = words_of(report_of(path)[1])
    for said in (
        "本期没有求职招聘供求和失业登记数据",
        "本期没有高校毕业生招用数据",
        "本期没有失业动态监测数据",
        "没有涉美出口企业名单和海关数据",
        "海关出口（连云港海关，缺失）",
    ):
        assert said in words


def test_exporters_without_customs_have_staff_and_no_exports(published: Path, tmp_path: Path) -> None:
    path = changed(
        published,
        tmp_path,
        "UPDATE out.enterprise SET export_us_12m_usd_cent = NULL, export_12m_usd_cent = NULL",
        "UPDATE out.source_status SET source_state = '缺失', latest_month = NULL WHERE feed = 'customs_export'",
    )
    words = words_of(report_of(path)[1])
    assert "涉美出口企业3家，参保900人" in words
    assert "海关出口数据没有报送，不计算对美出口" in words


def test_an_older_edition_without_the_market_table_still_gives_a_report(published: Path, tmp_path: Path) -> None:
    path = changed(published, tmp_path, "DROP TABLE out.market_month", "DROP TABLE out.area")
    words = words_of(report_of(path)[1])
    assert "本期没有求职招聘供求和失业登记数据" in words
    assert "本期没有判定县区和行业等级" in words


def test_levels_of_an_unknown_month_are_not_told_as_none_reached(published: Path, tmp_path: Path) -> None:
    unknown = "area_level = '无', area_loss_persons = NULL, large_event_count = NULL"
    words = words_of(report_of(changed(published, tmp_path, f"UPDATE out.area SET {unknown}"))[1])
    assert "本期没有判定县区和行业等级" in words
    assert "没有县区和行业达到等级" not in words


def test_a_level_that_was_carried_over_is_told_as_such(published: Path, tmp_path: Path) -> None:
    def told(*statements: str) -> str:
        return words_of(report_of(changed(published, tmp_path, *statements))[1])

    judged, carried = "UPDATE out.area SET large_event_count = 1", "（本月数据不足，沿用此前月份的等级）"
    others = (
        "INSERT INTO out.area BY NAME SELECT '县区' AS area_kind, code AS county_code, '无' AS area_level, "
        "loss AS area_loss_persons FROM (VALUES ('320707', 5), ('320722', NULL)) AS other (code, loss)"
    )
    signs = "UPDATE out.area SET area_kind = '县区行业', industry_name = '纺织业' WHERE area_level = 'Ⅰ级'"
    assert carried not in told(judged)
    assert f"县区有海州区{carried}；其余没有达到（有1个本月数据不足，没有判定）。" in told(others)
    assert f"海州区纺织业{carried}" in told(signs, others)
    assert carried not in told(signs, others, "UPDATE out.area SET sign_index = 3.2")


def test_a_last_day_that_rests_on_weekends_alone_is_told_as_such(published: Path, tmp_path: Path) -> None:
    assert "暂按周末推算" not in words_of(report_of(published)[1])
    path = changed(published, tmp_path, "UPDATE out.work_order SET is_due_estimated = true")
    assert "日（暂按周末推算）前" in words_of(report_of(path)[1])


def test_a_reference_month_whose_change_is_unknown_is_told(published: Path, tmp_path: Path) -> None:
    path = changed(
        published,
        tmp_path,
        "UPDATE out.county_industry_month SET net_change_persons = NULL, net_change_ratio = NULL "
        f"WHERE month = DATE '{OCTOBER}'",
    )
    found, report = report_of(path)
    assert found.value("city", "city", "net_change_persons") is None
    assert "没有上月数据，不计算增减" in words_of(report)
    assert "增减无数据" in words_of(report)
    assert monthly_page.page(report)


def test_an_edition_of_nothing_gives_a_report_that_says_so(tmp_path: Path, closing_city: list[City]) -> None:
    path, city = issue(tmp_path, [Firm("A", None, None)], history=False)
    closing_city.append(city)
    _, report = report_of(path)
    assert monthly_docx.document(report, cutoff=CUTOFF)
    assert "没有企业列入预警名单" in words_of(report)


def test_what_is_unknown_is_not_told_as_none(published: Path, tmp_path: Path) -> None:
    path = changed(
        published,
        tmp_path,
        "UPDATE out.enterprise SET arrears_months = NULL",
        "DELETE FROM out.market_month WHERE market_measure IN ('监测企业新招', '监测企业减员')",
        "UPDATE out.enterprise SET insured_change_1m_persons = NULL WHERE enterprise_id = 'D'",
        f"UPDATE out.county_industry_month SET uncompared_persons = 5 WHERE month = DATE '{OCTOBER}' "
        "AND county_code = '320706' AND industry_division = '44'",
    )
    found, report = report_of(path)
    words = words_of(report)
    assert found.value("monitored", "monitored", "net_change_persons") is None
    for said in ("欠费的无数据家", "新招无数据人", "增减无数据", "另有1家缺上月或本月数据，不作比较", "合计变动+5人"):
        assert said in words, said


def test_other_counties_of_the_same_number_are_not_compared_with(published: Path, tmp_path: Path) -> None:
    earlier = add_months(OCTOBER, -1)
    path = changed(
        published,
        tmp_path,
        "UPDATE out.market_month SET county_code = '320703', county_name = '连云区' "
        f"WHERE market_measure = '登记求职' AND county_code = '320707' AND month = '{earlier}'",
    )
    found, report = report_of(path)
    assert found.value("market", "登记求职", "before_persons") is None
    assert found.value("market", "登记求职", "county_places") == 2
    assert "2026年9月报送的县区不同，不作比较" in words_of(report)


def test_a_zone_in_the_reports_of_its_county_is_not_added_again(published: Path, tmp_path: Path) -> None:
    before, plain = report_of(published)
    path = changed(
        published,
        tmp_path,
        "UPDATE out.market_month SET in_city_sum = false "
        "WHERE market_measure IN ('岗位需求', '登记求职') AND county_code = '320707'",
    )
    found, report = report_of(path)
    measure = ("market", "登记求职")
    assert found.value(*measure, "county_places") == before.value(*measure, "county_places") - 1
    assert found.value(*measure, "persons") < before.value(*measure, "persons")
    assert len(found.rows("supply")) == len(before.rows("supply")), "the zone's own row stays"
    assert "县区与功能区的范围如有重叠会重复计" in words_of(plain)
    assert "赣榆区的报送数已含于所在县区，不另加" in words_of(report)
