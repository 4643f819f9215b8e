"""Names led to enterprises: only with a second witness, by a margin, and never past an officer's word."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from core_city import EARLY, ONE, THREE, TWO, give, open_raw
from runs import run_of

from pipelines import identity
from pipelines.ledger import Ledger
from pipelines.names import Gazetteer
from pipelines.settings import Home
from pipelines.stages import core
from pipelines.stages.core import naming
from pipelines.stages.report import names
from pipelines.stages.report.workbook import Binding, write

GAZETTEER = Gazetteer.of(["连云港市"], [("海州区",), ("东海县",), ("灌云县",)])
HAIZHOU, DONGHAI = "320706", "320722"
STREET = "连云港市海州区新东街道模拟路3号"
KNOWN = (
    (ONE, "海州模拟禾瑭纺织有限公司", HAIZHOU, STREET),
    (TWO, "海州模拟澄岚机械有限公司", HAIZHOU, "海州区浦西街道模拟路9号"),
    (THREE, "东海模拟禾瑭纺织有限公司", DONGHAI, "东海县牛山街道模拟路1号"),
)
OTHERS = tuple(
    (f"91320700PDY{number:05d}XX", f"灌云模拟{a}{b}运输有限公司", "320723", None)
    for number, (a, b) in enumerate((a, b) for a in "骁桐霁珩琅昕湛笙晗蔚" for b in "棠昱芃钰屹渊铎旌栎翰")
)
LIMITS = {"least": -8.0, "enough": 0.0, "margin": 3.0}


def known(
    *rows: tuple[str, str, str | None, str | None],
    insured: Sequence[str] = (),
    founded: Mapping[str, date] | None = None,
) -> pl.DataFrame:
    columns = ("enterprise_id", "enterprise_name", "county_code", "address")
    frame = pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")
    return frame.with_columns(
        pl.col("enterprise_id")
        .replace_strict(founded or {}, default=None, return_dtype=pl.Date)
        .alias("established_on"),
        pl.col("enterprise_id").is_in(insured).alias("has_unit"),
    )


def resolved(
    name: str,
    county: str | None,
    address: str | None = None,
    *,
    among: pl.DataFrame | None = None,
    is_unit: bool = False,
    since: date | None = None,
) -> tuple[str | None, str]:
    """The enterprise and the method that ``name`` is led by; or none, and why a person is asked."""
    named = pl.DataFrame(
        [(f"{name}|{county or ''}|{address or ''}", name, county, address)],
        schema=dict.fromkeys(("name_key", "named_as", "county_code", "address"), pl.String),
        orient="row",
    ).with_columns(pl.lit(since, pl.Date).alias("valid_from"), is_unit=is_unit)
    links, queue = naming.resolve(named, known(*OTHERS, *KNOWN) if among is None else among, GAZETTEER, **LIMITS)
    assert links.height + queue["name_key"].n_unique() == 1
    if links.height:
        return links["enterprise_id"][0], links["link_method"][0]
    return None, queue["queue_reason"][0]


@pytest.mark.parametrize(
    ("name", "county", "address", "found"),
    [
        ("海州模拟禾瑭纺织有限公司", HAIZHOU, None, (ONE, "全称一致")),
        ("连云港市海州区模拟禾瑭纺织有限责任公司", HAIZHOU, None, (ONE, "全称一致")),
        ("海州模拟禾瑭纺织有限公司", None, "新东街道模拟路3号", (ONE, "全称一致")),
        ("模拟禾瑭纺织有限公司", DONGHAI, None, (THREE, "概率匹配")),
        ("海州模拟禾瑭公司", HAIZHOU, None, (ONE, "概率匹配")),
        ("海州模拟禾糖纺织有限公司", HAIZHOU, STREET, (ONE, "概率匹配")),
        ("海州模拟禾糖纺织有限公司", HAIZHOU, None, (None, "把握不足")),
        ("海州模拟禾瑭纺织有限公司", None, None, (None, "仅名称相符")),
        ("海州模拟禾瑭纺织有限公司", "320723", None, (None, "线索不符")),
        ("海州模拟禾瑭纺织有限公司灌云分公司", HAIZHOU, None, (None, "分支机构未登记")),
        ("灌云模拟晏清物流有限公司", "320723", None, (None, "把握不足")),
    ],
)
def test_a_name_needs_a_second_witness(
    name: str, county: str | None, address: str | None, found: tuple[str | None, str]
) -> None:
    assert resolved(name, county, address) == found


def test_two_enterprises_that_are_alike_are_asked_about() -> None:
    twins = known(
        *OTHERS, (ONE, "海州模拟禾瑭纺织有限公司", HAIZHOU, None), (TWO, "海州模拟禾瑭纺织科技有限公司", HAIZHOU, None)
    )
    assert resolved("海州模拟禾瑭公司", HAIZHOU, among=twins) == (None, "多家相近")
    assert resolved("海州模拟禾瑭纺织有限公司", HAIZHOU, among=twins) == (ONE, "全称一致")


def test_of_two_that_are_alike_a_unit_is_of_the_one_without_another() -> None:
    """Nearly all enterprises have an insurance unit, so one that gives a name only belongs to one that has none."""
    rows = ((ONE, "海州模拟禾瑭纺织有限公司", HAIZHOU, None), (TWO, "海州模拟禾瑭机械有限公司", HAIZHOU, None))
    insured = [row[0] for row in OTHERS]
    one_free = known(*OTHERS, *rows, insured=[*insured, TWO])
    assert resolved("海州模拟禾瑭公司", HAIZHOU, among=one_free, is_unit=True) == (ONE, "概率匹配")
    assert resolved("海州模拟禾瑭公司", HAIZHOU, among=one_free) == (None, "多家相近")
    both_free = known(*OTHERS, *rows, insured=insured)
    assert resolved("海州模拟禾瑭公司", HAIZHOU, among=both_free, is_unit=True) == (None, "多家相近")


def test_the_month_of_founding_bears_out_a_unit_one_letter_off() -> None:
    """An enterprise insures within 30 days of its founding; who insures before it is another."""
    founded = {row[0]: date(2001 + place // 12, place % 12 + 1, 5) for place, row in enumerate(OTHERS)}
    among = known(*OTHERS, *KNOWN, insured=[row[0] for row in OTHERS], founded=founded | {ONE: date(2019, 3, 20)})
    asked = "海州模拟禾糖纺织有限公司"
    unit = {"among": among, "is_unit": True}
    assert resolved(asked, HAIZHOU, **unit, since=date(2019, 3, 1)) == (ONE, "概率匹配")
    assert resolved(asked, HAIZHOU, **unit, since=date(2019, 4, 1)) == (ONE, "概率匹配")
    assert resolved(asked, HAIZHOU, **unit, since=date(2021, 3, 1)) == (None, "把握不足")
    assert resolved(asked, HAIZHOU, **unit, since=date(2018, 3, 1)) == (None, "把握不足")
    assert resolved(asked, "320723", **unit, since=date(2019, 3, 1)) == (None, "把握不足")


def test_one_name_of_two_enterprises_in_one_county_leads_nowhere() -> None:
    twins = known(
        *OTHERS, (ONE, "海州模拟禾瑭纺织有限公司", HAIZHOU, None), (TWO, "海州模拟禾瑭纺织有限公司", HAIZHOU, None)
    )
    assert resolved("海州模拟禾瑭纺织有限公司", HAIZHOU, among=twins) == (None, "多家相近")


def test_a_former_name_leads_to_the_enterprise_as_well() -> None:
    renamed = known(*OTHERS, (ONE, "海州模拟澄岚建设有限公司（原海州模拟禾瑭建筑有限公司）", HAIZHOU, None))
    assert resolved("海州模拟禾瑭建筑有限公司", HAIZHOU, among=renamed) == (ONE, "全称一致")
    assert resolved("海州模拟澄岚建设有限公司", HAIZHOU, among=renamed) == (ONE, "全称一致")


def test_places_nine_to_seventeen_alone_are_no_link() -> None:
    """The organisation code agrees, the name does not: no pair of any weight becomes a link."""
    pairs = pl.DataFrame(
        {
            "name_key": ["a"],
            "enterprise_id": [ONE],
            "known_no": [0],
            "match_weight": [20.0],
            "level_core": ["other"],
            "level_place": ["same"],
            "level_county": [None],
            "level_form": ["same"],
            "level_branch": ["same"],
            "level_address": [None],
            "level_unit": [None],
            "level_organisation": ["same"],
            "level_founded": ["after"],
        },
        schema_overrides={"level_unit": pl.String(), "level_county": pl.String(), "level_address": pl.String()},
    )
    assert naming._judged(pairs, enough=0.0, margin=3.0)["is_link"].to_list() == [False]
    named = pairs.with_columns(pl.lit("same").alias("level_core"))
    assert naming._judged(named, enough=0.0, margin=3.0)["is_link"].to_list() == [True]


def complaint(no: str, **said: Any) -> dict[str, Any]:
    return {"case_no": no, "complaint_kind": "拖欠工资", "accepted_on": date(2026, 2, 3), **said}


def unit(no: str, code: str | None, name: str, **said: Any) -> dict[str, Any]:
    key = None if code else f"{name}|{HAIZHOU}|"
    return {"unit_no": no, "enterprise_id": code, "unit_name": name, "name_key": key, "county_code": HAIZHOU} | said


def register(code: str, name: str, county: str = HAIZHOU) -> dict[str, Any]:
    return {"enterprise_id": code, "enterprise_name": name, "county_code": county, "enterprise_status": "存续"}


NAME = "海州模拟禾瑭纺织有限公司"
KEY = f"{NAME}|{HAIZHOU}|"


def test_rows_without_a_code_reach_their_enterprise_and_the_rest_is_told(tmp_path: Path) -> None:
    with open_raw() as warehouse:
        give(warehouse, "enterprise_register", [register(ONE, NAME), register(TWO, "海州模拟澄岚机械有限公司")])
        give(warehouse, "insured_unit", [unit("1", None, NAME), unit("2", TWO, "x"), unit("3", None, "海州某某公司")])
        give(
            warehouse,
            "wage_complaint",
            [
                complaint("a", named_as=NAME, county_code=HAIZHOU, name_key=KEY),
                complaint("b", enterprise_id=TWO),
                complaint("c"),
            ],
        )
        core.run(run_of(date(2026, 4, 1), home=Home(tmp_path)), warehouse)
        numbers = dict(warehouse.rows("SELECT enterprise_id, enterprise_no FROM core.enterprise"))
        complaints = dict(warehouse.rows("SELECT case_no, enterprise_no FROM core.wage_complaint"))
        assert complaints == {"a": numbers[ONE], "b": numbers[TWO]}
        units = warehouse.rows("SELECT unit_no, enterprise_no, link_method FROM core.insured_unit ORDER BY unit_no")
        assert units == [("1", numbers[ONE], "全称一致"), ("2", numbers[TWO], "对照")]
        told = dict(warehouse.rows("SELECT feed || identifier, row_count FROM core.unlinked"))
        assert told == {"insured_unit海州某某公司|320706|": 1, "wage_complaint（未填）": 1}
        links = warehouse.rows("SELECT name_key, row_count, link_method FROM core.name_link")
        assert links == [(KEY, 2, "全称一致")]
        waiting = warehouse.rows("SELECT name_key, feeds_text FROM core.name_candidate WHERE candidate_no = 1")
        assert waiting == [("海州某某公司|320706|", "参保单位1行")]


def test_a_code_in_any_row_of_a_unit_wins_over_its_name(tmp_path: Path) -> None:
    with open_raw() as warehouse:
        give(warehouse, "enterprise_register", [register(ONE, NAME), register(TWO, "海州模拟澄岚机械有限公司")])
        give(warehouse, "insured_unit", [unit("1", None, NAME), unit("1", TWO, NAME, delivery_no=2)])
        core.run(run_of(date(2026, 4, 1), home=Home(tmp_path)), warehouse)
        found = warehouse.rows(
            "SELECT e.enterprise_id FROM core.insured_unit JOIN core.enterprise e USING (enterprise_no)"
        )
        assert found == [(TWO,)]


@pytest.mark.parametrize("verdict", ["认定", "均不是"])
def test_an_officers_decision_wins_over_any_weight(verdict: str, tmp_path: Path) -> None:
    code = TWO if verdict == "认定" else None
    with open_raw() as warehouse:
        give(warehouse, "enterprise_register", [register(ONE, NAME), register(TWO, "海州模拟澄岚机械有限公司")])
        give(warehouse, "insured_unit", [unit("1", None, NAME)])
        schema = warehouse.contracts.polars_schema("ingest.identity_decision")
        row = [(KEY, verdict, code, "就业科", datetime(2026, 3, 1), "电话核实")]
        warehouse.store("ingest.identity_decision", pl.DataFrame(row, schema=schema, orient="row"))
        core.run(run_of(date(2026, 4, 1), home=Home(tmp_path)), warehouse)
        links = warehouse.rows("SELECT enterprise_id, link_method, decided_by FROM core.name_link")
        assert links == ([(TWO, "人工认定", "就业科")] if code else [])
        assert warehouse.rows("SELECT * FROM core.name_candidate") == []


def test_a_name_of_an_old_delivery_still_leads_to_the_renamed_enterprise(tmp_path: Path) -> None:
    with open_raw() as warehouse:
        now = register(ONE, "海州模拟澄岚纺织有限公司") | {"delivery_no": 2, "known_at": EARLY.replace(day=8)}
        give(warehouse, "enterprise_register", [register(ONE, NAME), now])
        give(warehouse, "insured_unit", [unit("1", None, NAME)])
        core.run(run_of(date(2026, 4, 1), home=Home(tmp_path)), warehouse)
        names = warehouse.rows("SELECT enterprise_name, name_basis FROM core.known_name ORDER BY name_basis")
        assert names == [(NAME, "曾用名"), ("海州模拟澄岚纺织有限公司", "登记名称")]
        assert warehouse.rows("SELECT enterprise_id FROM core.name_link") == [(ONE,)]


def test_what_waits_goes_out_as_a_workbook_and_comes_back_as_a_decision(tmp_path: Path) -> None:
    with open_raw() as warehouse:
        give(warehouse, "enterprise_register", [register(ONE, NAME), register(TWO, "海州模拟禾瑭纺织科技有限公司")])
        asked = f"海州模拟禾瑭公司|{HAIZHOU}|"
        give(
            warehouse,
            "wage_complaint",
            [complaint("a", named_as="海州模拟禾瑭公司", county_code=HAIZHOU, name_key=asked)],
        )
        run = run_of(date(2026, 4, 1), home=Home(tmp_path))
        core.run(run, warehouse)
        [sheet] = names.sheets(run, warehouse)
    assert sheet.title == "名称认定表（1个名称待认定）"
    [row] = sheet.blocks[0].rows
    cells = {column.header: column.value(row) for column in sheet.blocks[0].columns}
    assert [ONE in cells["候选1"], TWO in cells["候选2"], cells["候选3"]] == [True, True, "—"]
    assert cells["待认定原因"] == "多家相近"
    path = tmp_path / names.FILE
    chosen = [
        c if c.header != identity.VERDICT else replace(c, value=lambda _: "候选2") for c in sheet.blocks[0].columns
    ]
    binding = Binding("名称认定表", "内部资料", "人社局", EARLY, "人社局")
    write(path, [replace(sheet, blocks=[replace(sheet.blocks[0], columns=chosen)])], binding)
    ledger = Ledger(tmp_path / "ledger.sqlite")
    done = identity.decide(path, role="就业科", known={ONE, TWO}, ledger=ledger, now=EARLY)
    assert done == identity.Read(1, 0, 0, ())
    assert identity.on_record(ledger)[asked].enterprise_id == TWO


def test_no_workbook_where_no_name_waits(tmp_path: Path) -> None:
    with open_raw() as warehouse:
        run = run_of(date(2026, 4, 1), home=Home(tmp_path))
        core.run(run, warehouse)
        assert names.sheets(run, warehouse) == []
