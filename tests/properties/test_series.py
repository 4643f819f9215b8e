"""Level = previous + change, for every series that an edition publishes; where a level was said otherwise, it says so.

Three nights of a generated city, in which enterprises move between counties, months are rewritten, and cases come and
go.
"""

import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from county_city import drawn, nights

from pipelines import formats, weekly, weekly_words
from pipelines.contracts import read_sql
from pipelines.monthly import Figure
from pipelines.monthly_blocks import figures, plain, texts
from pipelines.stages.outlook import series
from pipelines.warehouse import connect_published

NUMBER = re.compile(r"\d")
STAFF = """
WITH cell AS (FROM {file}.out.county_industry_month)
SELECT '全市' AS kind, '全市' AS code, month, sum(insured_persons)::BIGINT AS level FROM cell GROUP BY ALL
UNION ALL SELECT '县区', county_code, month, sum(insured_persons)::BIGINT FROM cell GROUP BY ALL
UNION ALL SELECT '行业', industry_division, month, sum(insured_persons)::BIGINT FROM cell GROUP BY ALL
"""
FAULTS = {
    "staff: month before + change + not comparable = month": """
        SELECT n.month, n.county_code, n.industry_division FROM now.out.county_industry_month AS n
        LEFT JOIN now.out.county_industry_month AS b
            ON b.county_code = n.county_code AND b.industry_division = n.industry_division
            AND b.month = n.month - INTERVAL 1 MONTH
        WHERE n.month > (SELECT min(month) FROM now.out.county_industry_month)
            AND coalesce(b.insured_persons, 0) + n.net_change_persons + n.uncompared_persons <> n.insured_persons""",
    "staff: as published before + revision = as published now": f"""
        SELECT * FROM ({STAFF.format(file="earlier")}) AS b
        INNER JOIN ({STAFF.format(file="now")}) AS n USING (kind, code, month)
        LEFT JOIN now.out.series_revision AS r
            ON r.series_name = '参保人数' AND r.area_kind = kind AND r.area_code = code AND r.month = n.month
        WHERE b.level + coalesce(r.revised_by, 0) <> n.level OR r.was_level <> b.level OR r.now_level <> n.level""",
    "revision: every one has a reason": """
        FROM now.out.series_revision WHERE length(revision_text) < 5 OR revised_by = 0""",
    "stocks: previous + in − out = now": """
        FROM now.out.series_balance
        WHERE previous_count + added_count + moved_in_count - removed_count - moved_out_count <> now_count""",
    "stocks: the previous one is what was published": """
        SELECT * FROM now.out.series_balance AS n
        LEFT JOIN (
            SELECT county_code, count(*) AS listed FROM earlier.out.warning GROUP BY county_code
            UNION ALL SELECT '全市', warning_count FROM earlier.out.edition
        ) AS b ON b.county_code = n.area_code
        WHERE n.series_name = '在册预警企业' AND n.previous_count <> coalesce(b.listed, 0)""",
    "stocks: now is what is published": """
        SELECT * FROM now.out.series_balance AS n
        LEFT JOIN (
            SELECT county_code, count(*) AS listed FROM now.out.warning GROUP BY county_code
            UNION ALL SELECT '全市', warning_count FROM now.out.edition
        ) AS b ON b.county_code = n.area_code
        WHERE n.series_name = '在册预警企业' AND n.now_count <> coalesce(b.listed, 0)""",
    "orders: those not done are what is published": """
        SELECT * FROM now.out.series_balance AS n
        LEFT JOIN (
            SELECT county_code, count(*) FILTER (done_on IS NULL) AS open FROM now.out.work_order GROUP BY county_code
            UNION ALL SELECT '全市', count(*) FILTER (done_on IS NULL) FROM now.out.work_order
        ) AS b ON b.county_code = n.area_code
        WHERE n.series_name = '未完成工单' AND n.now_count <> coalesce(b.open, 0)""",
    "colours: before + entered − left = now": """
        WITH moved AS (
            SELECT colour AS shade, 1 AS step FROM now.out.warning_change WHERE colour IS NOT NULL
            UNION ALL SELECT previous_colour, -1 FROM now.out.warning_change WHERE previous_colour IS NOT NULL
            UNION ALL SELECT colour, 1 FROM earlier.out.warning
            UNION ALL SELECT colour, -1 FROM now.out.warning
        )
        SELECT shade FROM moved GROUP BY shade HAVING sum(step) <> 0""",
    "areas: the previous level is what was published, and the change follows": """
        SELECT * FROM now.out.area AS n
        LEFT JOIN earlier.out.area AS b
            ON b.area_kind = n.area_kind AND b.county_code IS NOT DISTINCT FROM n.county_code
            AND b.industry_division IS NOT DISTINCT FROM n.industry_division
        WHERE n.area_kind IN ('县区', '行业') AND (
            (b.area_level IS NOT NULL AND n.previous_level IS DISTINCT FROM b.area_level)
            OR (n.level_change = '持续' AND n.area_level <> n.previous_level)
            OR (n.level_change = '新增' AND coalesce(n.previous_level, '无') <> '无')
            OR (n.level_change = '解除' AND n.area_level <> '无')
            OR (n.level_change IN ('升级', '降级') AND n.area_level = n.previous_level)
        )""",
}  # fmt: skip


def faults(now: Path, earlier: Path) -> set[str]:
    """The statements that do not hold between two editions' files."""
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{now}' AS now (READ_ONLY)")
        connection.execute(f"ATTACH '{earlier}' AS earlier (READ_ONLY)")
        return {name for name, query in FAULTS.items() if connection.execute(query).fetchall()}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Path]]:
    """The published files of three nights."""
    draw, found = drawn(tmp_path_factory.mktemp("series"), 2, count=16), list[Path]()
    nights(draw, after=lambda night: found.append(night.run.home.published / f"wengang-{night.run.as_of}-r1.duckdb"))
    draw.city.warehouse.close()
    yield found


def test_every_series_adds_up_and_every_revision_is_told(files: list[Path]) -> None:
    first, second, third = files
    assert faults(second, first) == set()
    assert faults(third, second) == set()
    with closing(connect_published(third)) as connection:
        counted = connection.execute("SELECT count(*), count(DISTINCT area_kind) FROM out.series_revision").fetchall()
        assert counted[0][0] > 0, "a month was rewritten between the nights, or the test says nothing"
        moved = connection.execute(
            "SELECT sum(moved_in_count), sum(added_count), sum(removed_count) FROM out.series_balance"
        )
        assert all(number > 0 for number in moved.fetchall()[0])
    with closing(connect_published(first)) as connection:
        assert connection.execute("SELECT count(*) FROM out.series_balance").fetchall() == [(0,)]


@pytest.mark.parametrize(
    ("statement", "broken"),
    [
        ("UPDATE out.county_industry_month SET net_change_persons = net_change_persons + 1", "staff: month before"),
        ("UPDATE out.county_industry_month SET insured_persons = insured_persons + 1", "staff: as published before"),
        ("DELETE FROM out.series_revision", "staff: as published before"),
        ("UPDATE out.series_balance SET added_count = added_count + 1", "stocks: previous + in"),
        ("UPDATE out.series_balance SET previous_count = previous_count + 1", "stocks: the previous one"),
        ("UPDATE out.series_balance SET now_count = now_count - 1", "orders: those not done"),
        ("DELETE FROM out.warning_change", "colours:"),
        ("UPDATE out.area SET previous_level = 'Ⅳ级'", "areas:"),
    ],
)
def test_a_change_that_was_tampered_with_is_found(
    files: list[Path], tmp_path: Path, statement: str, broken: str
) -> None:
    copy = Path(shutil.copy(files[2], tmp_path / "copy.duckdb"))
    with duckdb.connect(str(copy)) as connection:
        connection.execute(statement)
    assert any(name.startswith(broken) for name in faults(copy, files[1]))


def sheets(files: list[Path], *, earlier: bool = True) -> tuple[weekly.Sheet, ...]:
    return weekly.read(files[2], earlier=files[1] if earlier else None, city="某市")


def asked(connection: duckdb.DuckDBPyConnection, figure: Figure, county: str | None) -> Any:
    """The figure's value, asked anew."""
    query, row, column = figure.key.split(":")
    text = re.sub(r"--.*", "", read_sql(f"weekly/{query}"))
    text = text.replace("$county", "NULL" if county is None else f"'{county}'")
    found = connection.execute(text)
    names = [name for name, *_ in found.description or []]
    rows = {str(values[names.index("row_key")]): dict(zip(names, values, strict=True)) for values in found.fetchall()}
    return rows[row][column]


def test_every_number_of_a_weekly_sheet_is_a_figure_and_its_querys(files: list[Path]) -> None:
    found = sheets(files)
    with closing(connect_published(files[2], earlier=files[1])) as connection:
        for sheet in found:
            county = None if sheet.code == weekly.CITY else sheet.code
            report = weekly_words.sheet(sheet, bureau="某局")
            for text in list(texts(report))[1:]:
                spelled = "".join(piece for piece in text if isinstance(piece, str))
                assert not NUMBER.search(spelled), plain(text)
            told = {figure.key: figure for figure in figures(report)}
            assert len(told) > 20
            for figure in told.values():
                assert asked(connection, figure, county) == figure.value, figure.key


def test_the_lists_of_a_weekly_sheet_add_up(files: list[Path]) -> None:
    found = sheets(files)
    city = {row: found[0].figures.tables["movement"][row] for row in found[0].figures.rows("movement")}
    for row in city.values():
        came = row["entered_count"] + row["moved_in_count"]
        went = row["left_count"] + row["moved_out_count"]
        assert row["previous_count"] + came - went == row["case_count"]
    for column in ("previous_count", "entered_count", "left_count", "case_count", "raised_count"):
        assert sum(row[column] for code, row in city.items() if code != weekly.CITY) == city[weekly.CITY][column]
    assert city[weekly.CITY]["entered_count"] > 0
    assert city[weekly.CITY]["left_count"] > 0
    for sheet in found[1:]:
        own = sheet.figures.tables["movement"].get(sheet.code)
        assert own is None or dict(own) == dict(city[sheet.code])
        standing = sheet.figures.tables["standing"].get(sheet.code, {})
        assert standing.get("case_count", 0) == (own or {}).get("case_count", 0)


def test_the_first_week_says_that_nothing_can_be_compared(files: list[Path]) -> None:
    for sheet in sheets(files, earlier=False):
        words = "".join(plain(text) for text in texts(weekly_words.sheet(sheet, bureau="某局")))
        assert "没有七天前" in words
        assert "新列入0" not in words


def test_an_empty_week_and_missing_feeds_are_told(files: list[Path], tmp_path: Path) -> None:
    copy = Path(shutil.copy(files[2], tmp_path / "copy.duckdb"))
    with duckdb.connect(str(copy)) as connection:
        for table in ("warning", "work_order", "closed_case", "visit_answer", "area_order"):
            connection.execute(f"DELETE FROM out.{table}")
        connection.execute("UPDATE out.area SET area_level = CASE WHEN area_kind = '行业' THEN '无' END")
        connection.execute("UPDATE out.area SET area_loss_persons = NULL, large_event_count = NULL")
        connection.execute("UPDATE out.county_industry_month SET insured_persons = NULL")
        connection.execute("UPDATE out.source_status SET source_state = '缺失', owner = '市人社局'")
    [city, *counties] = weekly.read(copy, earlier=copy, city="某市")
    for sheet in (city, *counties):
        words = "".join(plain(text) for text in texts(weekly_words.sheet(sheet, bureau="某局")))
        for said in ("没有在册预警企业", "没有逾期工单", "七日内没有到期", "没有判定等级", "没有参保数据", "缺失"):
            assert said in words, (sheet.code, said)


def test_a_visit_on_the_day_of_the_earlier_edition_counts_and_one_heard_then_does_not(
    files: list[Path], tmp_path: Path
) -> None:
    copy = Path(shutil.copy(files[2], tmp_path / "copy.duckdb"))
    told = []
    for number in ("visit_no", "visit_no || 'N'"):
        with duckdb.connect(str(copy)) as connection:
            day = f"DATE '{weekly.day_of(files[1])}'"
            new = f"visited_on = {day}, visit_no = {number}, answer_state = '已采纳', services_given = '就业政策'"
            connection.execute(f"UPDATE out.visit_answer SET {new}")
            every = connection.execute("SELECT count(*) FROM out.visit_answer").fetchall()[0][0]
        with closing(connect_published(copy, earlier=files[1])) as connection:
            heard = "SELECT count(*) FROM out.visit_answer SEMI JOIN earlier.out.visit_answer USING (visit_no)"
            known = connection.execute(heard).fetchall()[0][0]
        figures_of = weekly.read(copy, earlier=files[1], city="某市")[0].figures
        told.append((every - known, figures_of.value("visited", "visited", "visit_count")))
        assert figures_of.value("service", "就业政策", "visit_count") == (every - known or None)
    assert all(wanted == said for wanted, said in told)
    assert told[1][1] > 0


def test_forms_that_come_after_the_edition_of_their_day_are_counted_as_late(files: list[Path], tmp_path: Path) -> None:
    copy = Path(shutil.copy(files[2], tmp_path / "copy.duckdb"))
    with duckdb.connect(str(copy)) as connection:
        day = f"DATE '{weekly.day_of(files[1])}' - 1"
        new = f"visited_on = {day}, visit_no = visit_no || 'N', answer_state = '已采纳', services_given = '就业政策'"
        connection.execute(f"UPDATE out.visit_answer SET {new}")
        counted = "SELECT county_code, count(*) FROM out.visit_answer GROUP BY county_code"
        late = dict(connection.execute(counted).fetchall())
    assert late
    for sheet in weekly.read(copy, earlier=files[1], city="某市"):
        wanted = late.get(sheet.code, 0) if sheet.code != weekly.CITY else sum(late.values())
        words = "".join(plain(text) for text in texts(weekly_words.sheet(sheet, bureau="某局")))
        assert "自对比期次以来走访0次" in words
        assert (f"迟到的走访表{wanted}份；这些走访提供服务：就业政策{wanted}次" in words) == bool(wanted), sheet.code


def test_last_days_that_rest_on_weekends_alone_are_told_as_such(files: list[Path], tmp_path: Path) -> None:
    copy = Path(shutil.copy(files[2], tmp_path / "copy.duckdb"))
    today = weekly.day_of(files[2])

    def words(is_estimated: bool) -> str:
        with duckdb.connect(str(copy)) as connection:
            for state, days in (("办理中", 2), ("逾期", -400)):
                place = f"(SELECT {'min' if days > 0 else 'max'}(order_no) FROM out.work_order)"
                new = f"order_state = '{state}', due_on = DATE '{today}' + {days}, done_on = NULL"
                new += f", is_due_estimated = {is_estimated}"
                connection.execute(f"UPDATE out.work_order SET {new} WHERE order_no = {place}")
        [city, *_] = weekly.read(copy, earlier=files[1], city="某市")
        return "".join(plain(text) + "|" for text in texts(weekly_words.sheet(city, bureau="某局")))

    assert "暂按周末推算" not in words(is_estimated=False)
    told = words(is_estimated=True)
    for days in (2, -400):
        assert f"{formats.day(today + timedelta(days=days))}（暂按周末推算）|" in told


def test_a_revision_is_explained_by_what_is_known() -> None:
    month, other = "2026-09-01", "2026-08-01"
    before = series.Told(
        {
            (series.STAFF, "全市", "全市", month): 100,
            (series.STAFF, "县区", "东", month): 60,
            (series.STAFF, "县区", "西", month): 40,
            (series.STAFF, "全市", "全市", other): 90,
            ("登记求职", "全市", "全市", month): 7,
        },
        {},
        datetime(2026, 11, 1),
    )
    now = {**before.levels, (series.STAFF, "县区", "东", month): 50, (series.STAFF, "县区", "西", month): 50}
    told = series.revisions(before, now, arrived=[])
    assert [(row["area_code"], row["revised_by"]) for row in told] == [("东", -10), ("西", 10)]
    assert all("所属县区或行业有变动" in row["revision_text"] for row in told)
    now = {**before.levels, (series.STAFF, "全市", "全市", other): 95, ("登记求职", "全市", "全市", month): 9}
    told = series.revisions(before, now, arrived=[date(2026, 8, 1)])
    assert [(row["series_name"], row["revised_by"]) for row in told] == [("参保人数", 5), ("登记求职", 2)]
    assert "收到该月参保数据" in told[0]["revision_text"]
    assert series.revisions(series.Told(), now, arrived=[]) == []


def test_a_place_that_all_have_left_is_told_as_none_and_one_not_reported_is_not() -> None:
    month = "2026-09-01"
    whole, market = (series.STAFF, "全市", "全市", month), ("登记求职", "县区", "西", month)
    old, new = (series.STAFF, "行业", "14", month), (series.STAFF, "行业", "15", month)
    before = series.Told({whole: 100, old: 100, market: 7}, {}, datetime(2026, 11, 1))
    told = series.revisions(before, {whole: 100, new: 100}, arrived=[])
    assert [(row["area_code"], row["was_level"], row["now_level"]) for row in told] == [("14", 100, 0), ("15", 0, 100)]
    assert series.revisions(before, {new: 100}, arrived=[]) == []


def test_what_an_edition_said_is_read_back_as_it_was(tmp_path: Path) -> None:
    told = series.Told(
        {("参保人数", "县区", "东", "2026-09-01"): 60}, {"在册预警企业": {"YJ1": "东"}}, datetime(2026, 11, 1, 2)
    )
    series.write(tmp_path, told)
    assert series.recall(tmp_path) == told
    assert series.recall(tmp_path / "none") == series.Told()
