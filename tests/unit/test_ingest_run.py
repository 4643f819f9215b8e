"""What a night sees: the deliveries on record, known before its cutoff, and nothing else."""

import json
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from ingest_files import INSURANCE, REGISTER, drop, insurance_row, register_row, text, uscc

from pipelines import contracts as contract_files
from pipelines import parameters
from pipelines.contracts import RECORD_COLUMNS, Contracts
from pipelines.ledger import Delivery, Ledger
from pipelines.run import Receipt, Run
from pipelines.settings import Home, Settings
from pipelines.stages.ingest import Incoming, receive
from pipelines.stages.ingest import run as ingest
from pipelines.warehouse import Warehouse

OPAQUE = """
feed: roll
label: 外地名册
owner: 外部
purpose: 试验
catalogue: 公开
cadence: monthly
lag_days: 10
dated: lag
required: true
identifiers: opaque
provides:
  insurance_month: {unit_no: code, month: month, insured_persons: insured}
  insured_unit: {unit_no: code, enterprise_id: code, county_code: "upper(area)", valid_from: "month::DATE"}
key: [code, month]
columns:
  code: {header: [code], type: text, label: 代码}
  month: {header: [month]}
  insured: {header: [numInsured], type: integer, label: 人数}
  area: {header: [area], type: text, label: 地区, optional: true}
checks:
  - {check: not_null, columns: [code, month], severity: fail}
  - {check: between, column: insured, min: 0, max: 1000, severity: fail}
"""


@dataclass
class House:
    """A home, its ledger, and nights on it."""

    home: Home
    contracts: Contracts
    ledger: Ledger

    def take(self, name: str, content: str, at: datetime, feed: str = "insurance_month", **said: Any) -> Delivery:
        """Deliver a file that is new to the ledger."""
        path = drop(self.home.inbox / feed, name, content)
        incoming = Incoming(path, at, **said)
        delivery = receive(incoming, home=self.home, contracts=self.contracts, ledger=self.ledger)
        assert delivery is not None
        return delivery

    def night(self, cutoff: datetime, through: int | None = None) -> tuple[Receipt, Warehouse]:
        """Run the stage in a warehouse of its own."""
        run = Run(
            as_of=cutoff.date(),
            cutoff=cutoff,
            through=self.ledger.last_seq() if through is None else through,
            home=self.home,
            settings=Settings(),
            contracts=self.contracts,
            parameters=parameters.load(cutoff.date()),
        )
        warehouse = Warehouse(None, contracts=self.contracts)
        receipt = ingest(run, warehouse, self.ledger)
        assert receipt.adds_up, receipt
        return receipt, warehouse


@pytest.fixture
def house(tmp_path: Path) -> House:
    """An empty house with the contracts that are shipped."""
    return House(Home(tmp_path), contract_files.load(), Ledger(tmp_path / "ledger.sqlite"))


def month_file(month: str, *numbers: int, **changed: str) -> str:
    """A file of insurance_month."""
    return text([INSURANCE, *(insurance_row(n, month, **changed) for n in numbers)])


def test_a_house_without_deliveries_has_every_table_empty(house: House) -> None:
    receipt, warehouse = house.night(datetime(2025, 4, 7, 2))
    assert receipt.rows_in == 0
    for table in house.contracts.tables:
        if table.startswith("raw."):
            assert warehouse.count(table) == 0
            names = [d[0] for d in warehouse.connection.execute(f"FROM {table} LIMIT 0").description]
            assert names == [*house.contracts.tables[table].columns, *RECORD_COLUMNS]
        if table.startswith("ingest.") and table != "ingest.purpose":
            assert warehouse.count(table) == 0


def test_rows_dated_by_arrival_appear_when_their_file_had_come(house: House) -> None:
    first = house.take("a.csv", month_file("202502", 1, 2), datetime(2025, 3, 6, 9))
    house.take("b.csv", month_file("202503", 1, 2, 3), datetime(2025, 4, 6, 9))
    receipt, warehouse = house.night(datetime(2025, 4, 6, 9))
    assert receipt.rows_out == 2
    assert warehouse.rows("SELECT DISTINCT month, delivery_no, known_at FROM raw.insurance_month") == [
        (date(2025, 2, 1), first.delivery_no, datetime(2025, 3, 6, 9))
    ]
    receipt, warehouse = house.night(datetime(2025, 4, 6, 9, 0, 1))
    assert (receipt.rows_out, warehouse.count("raw.insurance_month"), warehouse.count("ingest.delivery")) == (5, 5, 2)


def test_rows_dated_by_lag_appear_month_by_month(house: House) -> None:
    rows = [INSURANCE, *(insurance_row(1, m) for m in ("202501", "202502", "202503")), insurance_row(2, "2025-03x")]
    house.take("a.csv", text(rows), datetime(2026, 1, 1), dated="lag")
    receipt, warehouse = house.night(datetime(2025, 3, 6, 0, 0, 1))
    assert warehouse.rows("SELECT month, known_at FROM raw.insurance_month ORDER BY month") == [
        (date(2025, 1, 1), datetime(2025, 2, 6)),
        (date(2025, 2, 1), datetime(2025, 3, 6)),
    ]
    assert dict(receipt.dropped)["known_after_cutoff"] == 2
    assert receipt.dropped["quarantined"] == 0, "a row without a month is known when its file came"
    assert house.night(datetime(2025, 3, 6))[1].count("raw.insurance_month") == 1
    receipt, warehouse = house.night(datetime(2025, 2, 6))
    assert (receipt.rows_in, warehouse.count("ingest.delivery")) == (0, 0)


def test_a_day_dates_a_row_of_a_feed_of_days(house: House) -> None:
    header = "措施编号,措施依据,叠加组,HS6编码,加征税率(%),生效日期,措施状态"
    rows = "m1,301,a,*,7.5,2025-02-04,已生效\nm2,301,a,*,25%,2025-03-04,已生效\n"
    house.take("a.csv", f"{header}\n{rows}", datetime(2026, 1, 1), feed="tariff_measure")
    _, warehouse = house.night(datetime(2025, 3, 4))
    assert warehouse.rows("SELECT measure_id, rate_bp FROM raw.tariff_measure") == [("m1", 750)]
    _, warehouse = house.night(datetime(2025, 3, 4, 2))
    assert warehouse.rows("SELECT rate_bp FROM raw.tariff_measure ORDER BY measure_id") == [(750,), (2500,)]


def test_what_was_recorded_or_withdrawn_later_does_not_exist_for_a_replay(house: House) -> None:
    first = house.take("a.csv", month_file("202502", 1), datetime(2025, 3, 6))
    through = house.ledger.last_seq()
    house.take("b.csv", month_file("202502", 1, 停保人数="7"), datetime(2025, 3, 6))
    house.ledger.withdraw(first.batch, at=datetime(2025, 3, 7), reason="错发")
    cutoff = datetime(2025, 3, 8)
    _, then = house.night(cutoff, through)
    assert then.rows("SELECT leavers_persons FROM raw.insurance_month") == [(2,)]
    _, now = house.night(cutoff)
    assert now.rows("SELECT leavers_persons FROM raw.insurance_month") == [(7,)]


def test_a_version_sent_again_is_the_latest_word_and_keeps_its_first(house: House) -> None:
    contents = [month_file("202502", 1), month_file("202502", 1, 停保人数="7"), month_file("202502", 1)]
    for day, content in enumerate(contents, start=6):
        house.take(f"{day}.csv", content, datetime(2025, 3, day))
    receipt, warehouse = house.night(datetime(2025, 3, 9))
    assert warehouse.rows("SELECT delivery_no, leavers_persons FROM raw.insurance_month ORDER BY 1") == [
        (1, 2),
        (2, 7),
        (3, 2),
    ]
    assert receipt.rows_out == 3


def test_a_row_taken_back_and_given_anew_may_stand_in_one_file(house: House) -> None:
    header, row = month_file("202502", 1).splitlines()
    anew = month_file("202502", 1, 停保人数="7").splitlines()[1]
    content = f"{header},作废标志\n{row},作废\n{anew},正常\n"
    delivery = house.take("a.csv", content, datetime(2025, 3, 6))
    assert (delivery.rows_landed, delivery.rows_quarantined) == (2, 0)
    _, warehouse = house.night(datetime(2025, 3, 9))
    told = warehouse.rows("SELECT leavers_persons, is_retracted FROM raw.insurance_month ORDER BY line_no")
    assert told == [(2, True), (7, False)]
    assert warehouse.count("ingest.unknown_unit_month") == 0


@pytest.mark.parametrize("order", ["rrx", "rxr", "xrr"])
def test_a_row_repeated_and_taken_back_in_one_file_does_not_stand(house: House, order: str) -> None:
    header, row, other = month_file("202502", 1, 2).splitlines()
    said = {"r": f"{row},正常", "x": f"{row},作废"}
    content = "\n".join([f"{header},作废标志", *(said[mark] for mark in order), f"{other},正常", ""])
    delivery = house.take("a.csv", content, datetime(2025, 3, 6))
    # The repeat is in quarantine as every repeat is; the row and the one that takes it back are on record.
    assert (delivery.rows_in, delivery.rows_landed, delivery.rows_quarantined, delivery.rows_set_aside) == (4, 3, 1, 0)
    _, warehouse = house.night(datetime(2025, 3, 9))
    told = "SELECT unit_no, count(*) FROM raw.insurance_month WHERE {}is_retracted GROUP BY 1"
    assert warehouse.rows(told.format("NOT ")) == [("3207000002", 1)]
    assert warehouse.rows(told.format("")) == [("3207000001", 2)]
    assert warehouse.rows("SELECT unit_no FROM ingest.unknown_unit_month") == [("3207000001",)]


@pytest.mark.parametrize("order", ["rxa", "arx", "xar", "rrxa"])
def test_a_row_its_retraction_and_what_is_given_anew_leave_the_last(house: House, order: str) -> None:
    header, row = month_file("202502", 1).splitlines()
    anew = month_file("202502", 1, 停保人数="7").splitlines()[1]
    said = {"r": f"{row},", "x": f"{row},是", "a": f"{anew},否"}
    delivery = house.take(
        "a.csv", "\n".join([f"{header},作废标志", *(said[mark] for mark in order), ""]), datetime(2025, 3, 6)
    )
    assert (delivery.rows_in, delivery.rows_landed, delivery.rows_quarantined) == (len(order), 3, len(order) - 3)
    _, warehouse = house.night(datetime(2025, 3, 9))
    assert warehouse.rows("SELECT leavers_persons FROM raw.insurance_month WHERE NOT is_retracted") == [(7,)]
    batch = house.home.landing / "insurance_month" / delivery.batch
    assert json.loads((batch / "manifest.json").read_text("utf-8"))["taken_back"] == 1


def test_a_month_taken_back_is_unknown_until_a_good_row_comes(house: House) -> None:
    header, row = month_file("202502", 1).splitlines()
    house.take("a.csv", f"{header}\n{row}\n", datetime(2025, 3, 6))
    house.take("b.csv", f"{header},作废标志\n{row},是\n", datetime(2025, 3, 7))
    unknown = "SELECT month, unknown_cause FROM ingest.unknown_unit_month"
    assert house.night(datetime(2025, 3, 7))[1].rows(unknown) == []
    assert house.night(datetime(2025, 3, 8))[1].rows(unknown) == [(date(2025, 2, 1), "作废")]
    house.take("c.csv", month_file("202502", 1, 停保人数="7"), datetime(2025, 3, 9))
    assert house.night(datetime(2025, 3, 10))[1].rows(unknown) == []


def test_a_mark_that_cannot_be_read_takes_nothing_back(house: House) -> None:
    header, row, other = month_file("202502", 1, 2).splitlines()
    delivery = house.take("a.csv", f"{header},作废标志\n{row},或许\n{other},否\n", datetime(2025, 3, 6))
    assert (delivery.rows_landed, delivery.rows_quarantined) == (1, 1)


def test_a_month_told_anew_as_a_whole_replaces_all_that_was_said_of_it(house: House) -> None:
    feed = house.contracts.feeds["insurance_month"].model_copy(update={"covers": "period"})
    house.contracts = replace(house.contracts, feeds=house.contracts.feeds | {"insurance_month": feed})
    house.take("a.csv", month_file("202502", 2), datetime(2025, 3, 6))
    house.take("b.csv", month_file("202503", 2), datetime(2025, 4, 6))
    house.take("c.csv", month_file("202502", 1, 停保人数="7"), datetime(2025, 4, 7))
    _, warehouse = house.night(datetime(2025, 4, 9))
    assert warehouse.rows("SELECT * FROM ingest.superseded") == [(1, date(2025, 2, 1))]


def test_parts_of_a_month_stand_beside_one_another_until_told_anew(house: House) -> None:
    feed = house.contracts.feeds["insurance_month"]
    layout = feed.layout.model_copy(update={"parts": "第([0-9]+)部分"})
    feed = feed.model_copy(update={"covers": "period", "layout": layout})
    house.contracts = replace(house.contracts, feeds=house.contracts.feeds | {"insurance_month": feed})
    house.take("二月第1部分.csv", month_file("202502", 1), datetime(2025, 3, 6))
    house.take("二月第2部分.csv", month_file("202502", 2), datetime(2025, 3, 7))
    house.take("二月第1部分.csv", month_file("202502", 1, 停保人数="7"), datetime(2025, 3, 8))
    _, warehouse = house.night(datetime(2025, 3, 9))
    assert warehouse.rows("SELECT * FROM ingest.superseded") == [(1, date(2025, 2, 1))]
    house.take("二月.csv", month_file("202502", 1, 2, 停保人数="8"), datetime(2025, 3, 10))
    _, warehouse = house.night(datetime(2025, 3, 11))
    assert [number for number, _ in warehouse.rows("SELECT * FROM ingest.superseded ORDER BY ALL")] == [1, 2, 3]


def test_quarantine_counts_and_refusals_are_tables(house: House) -> None:
    rows = [INSURANCE, insurance_row(1), insurance_row(2, 失业保险参保人数="-1"), insurance_row(3, "?"), ["合计"]]
    house.take("a.csv", text(rows), datetime(2025, 4, 6))
    house.take("b.csv", "x,y\n1,2\n", datetime(2025, 4, 6))
    house.take("c.csv", "x,y\n1,3\n", datetime(2025, 4, 8))
    receipt, warehouse = house.night(datetime(2025, 4, 7))
    assert dict(receipt.dropped) == {"quarantined": 2, "set_aside": 1, "known_after_cutoff": 0, "refused_files": 2}
    assert warehouse.rows(
        "SELECT line_no, column_label, raw_value, check_id, owner FROM ingest.quarantine ORDER BY ALL"
    ) == [
        (3, "失业保险参保人数", "-1", "between:insured_persons", "市人社局、市税务局"),
        (4, "所属月份", "?", "not_null:month", "市人社局、市税务局"),
        (4, "所属月份", "?", "readable:month", "市人社局、市税务局"),
    ]
    assert warehouse.rows("SELECT unit_no, month FROM ingest.unknown_unit_month") == [("3207000002", date(2025, 3, 1))]
    counted = "SELECT row_count, bad_row_count FROM ingest.check_count WHERE check_id = 'between:insured_persons'"
    assert warehouse.rows(counted) == [(3, 1)]
    assert warehouse.rows("SELECT file_name, feed FROM ingest.refusal") == [("b.csv", "insurance_month")]
    assert warehouse.rows(
        "SELECT row_count, landed_count, quarantined_count, set_aside_count FROM ingest.delivery"
    ) == [(4, 1, 2, 1)]


def test_bad_rows_of_months_known_later_are_not_counted_yet(house: House) -> None:
    months = ("202501", "202502", "202503")
    rows = [
        insurance_row(n, month, 失业保险参保人数="-1" if n < place else "20")
        for place, month in enumerate(months)
        for n in range(3)
    ]
    house.take("a.csv", text([INSURANCE, *rows]), datetime(2026, 1, 1), dated="lag")
    counted = "SELECT row_count, bad_row_count FROM ingest.check_count WHERE check_id = 'between:insured_persons'"
    sizes = "SELECT landed_count, quarantined_count, row_count FROM ingest.delivery"
    told = "SELECT line_no FROM ingest.quarantine ORDER BY line_no"
    for day, check, size, lines in (
        (datetime(2025, 2, 7), (3, 0), (3, 0, 3), []),
        (datetime(2025, 3, 7), (6, 1), (5, 1, 6), [5]),
        (datetime(2025, 4, 7), (9, 3), (6, 3, 9), [5, 8, 9]),
    ):
        _, warehouse = house.night(day)
        assert (warehouse.rows(counted), warehouse.rows(sizes)) == ([check], [size])
        assert [line for (line,) in warehouse.rows(told)] == lines
    periods = "SELECT period_on, row_count FROM ingest.delivery_period ORDER BY 1"
    assert warehouse.rows(periods) == [(date(2025, 1, 1), 3), (date(2025, 2, 1), 2), (date(2025, 3, 1), 1)]


def test_a_department_is_asked_once_and_no_more_when_the_row_came_again(house: House) -> None:
    bad = text([INSURANCE, *(insurance_row(n, 失业保险参保人数="?" if n < 2 else "20") for n in range(9))])
    told = "SELECT delivery_no, line_no FROM ingest.quarantine WHERE check_id LIKE 'readable%' ORDER BY ALL"
    unknown = "SELECT unit_no FROM ingest.unknown_unit_month ORDER BY 1"
    first = house.take("a.csv", bad, datetime(2025, 4, 6))
    assert house.night(datetime(2025, 4, 7))[1].rows(told) == [(first.delivery_no, 2), (first.delivery_no, 3)]
    house.take("b.csv", month_file("202503", 0), datetime(2025, 4, 7))
    _, warehouse = house.night(datetime(2025, 4, 8))
    assert warehouse.rows(told) == [(first.delivery_no, 3)], "the row that came again is no longer asked for"
    assert warehouse.rows(unknown) == [("3207000001",)]
    again = house.take("a.csv", bad, datetime(2025, 4, 8))
    assert house.night(datetime(2025, 4, 9))[1].rows(told) == [(again.delivery_no, 2), (again.delivery_no, 3)]
    house.take("c.csv", month_file("202503", *range(9), 停保人数="3"), datetime(2025, 4, 9))
    _, warehouse = house.night(datetime(2025, 4, 10))
    assert (warehouse.rows(told), warehouse.rows(unknown)) == ([], [])


def test_a_row_whose_key_was_wrong_is_asked_for_until_as_many_rows_came(house: House) -> None:
    rows = [insurance_row(n, "2025-03x" if n == 0 else "202503") for n in range(3)]
    house.take("a.csv", text([INSURANCE, *rows]), datetime(2025, 4, 6))
    house.take("b.csv", month_file("202503", 0), datetime(2025, 4, 7))
    assert house.night(datetime(2025, 4, 8))[1].count("ingest.quarantine") == 2
    house.take("c.csv", month_file("202503", 0, 1, 2, 停保人数="3"), datetime(2025, 4, 8))
    assert house.night(datetime(2025, 4, 9))[1].count("ingest.quarantine") == 0


def test_one_feed_may_fill_two_tables_by_expressions(tmp_path: Path) -> None:
    drop(tmp_path / "feeds", "roll.yml", OPAQUE)
    house = House(Home(tmp_path), contract_files.load(tmp_path / "feeds"), Ledger(tmp_path / "ledger.sqlite"))
    content = "code,month,numInsured,area\nx'1,2025-01-01,12,kaunas\ny2,2025-01-01,-1,vilnius\n"
    house.take("a.csv", content, datetime(2026, 1, 1), feed="roll")
    receipt, warehouse = house.night(datetime(2025, 3, 1))
    assert receipt.rows_out == 1
    assert warehouse.rows("SELECT unit_no, insured_persons, base_fen, known_at FROM raw.insurance_month") == [
        ("x'1", 12, None, datetime(2025, 2, 11))
    ]
    assert warehouse.rows("SELECT enterprise_id, county_code, valid_from FROM raw.insured_unit") == [
        ("x'1", "KAUNAS", date(2025, 1, 1))
    ]
    assert warehouse.rows("SELECT unit_no, month FROM ingest.unknown_unit_month") == [("y2", date(2025, 1, 1))]
    assert house.night(datetime(2025, 2, 11))[1].count("ingest.unknown_unit_month") == 0


def test_batches_landed_under_an_older_contract_still_read(house: House, tmp_path: Path) -> None:
    house.take("a.csv", text([REGISTER, register_row(1)]), datetime(2025, 3, 6), feed="enterprise_register")
    feed = house.contracts.feeds["enterprise_register"]
    columns = {n: c for n, c in feed.columns.items() if n != "size_class"}
    checks = tuple(c for c in feed.raw_checks if c.column != "size_class")
    narrower = feed.model_copy(update={"columns": columns, "raw_checks": checks})
    older = Contracts(
        house.contracts.columns,
        house.contracts.tables,
        {**house.contracts.feeds, "enterprise_register": narrower},
        house.contracts.feed_set,
    )
    path = drop(tmp_path / "x", "b.csv", text([REGISTER, register_row(2)]))
    incoming = Incoming(path, datetime(2025, 3, 6), feed="enterprise_register")
    receive(incoming, home=house.home, contracts=older, ledger=house.ledger)
    _, warehouse = house.night(datetime(2025, 3, 7))
    assert warehouse.rows("SELECT enterprise_id, size_class FROM raw.enterprise_register ORDER BY ALL") == sorted(
        [(uscc(1), "小型"), (uscc(2), None)]
    )


def test_a_file_read_again_under_a_corrected_contract_leaves_old_nights_as_they_were(house: House) -> None:
    content, right = month_file("202502", 1), house.contracts
    feed = right.feeds["insurance_month"]
    mistaken = feed.columns | {"base_fen": feed.columns["base_fen"].model_copy(update={"unit": "百元"})}
    feeds = {**right.feeds, "insurance_month": feed.model_copy(update={"columns": mistaken})}
    house.contracts = Contracts(right.columns, right.tables, feeds, right.feed_set)
    house.take("a.csv", content, datetime(2025, 3, 6))
    through = house.ledger.last_seq()
    house.contracts = right
    new = house.take("a.csv", content, datetime(2025, 3, 8))
    told = "SELECT base_fen FROM raw.insurance_month ORDER BY known_at DESC, delivery_no DESC"
    assert house.night(datetime(2025, 3, 7), through)[1].rows(told) == [(1_200_005_000,)]
    _, warehouse = house.night(datetime(2025, 3, 9))
    assert warehouse.rows(told) == [(12_000_050,), (1_200_005_000,)]
    assert warehouse.scalar("SELECT max(delivery_no) FROM raw.insurance_month") == new.delivery_no


def test_the_stage_runs_again_in_the_same_warehouse(house: House) -> None:
    house.take("a.csv", month_file("202502", 1), datetime(2025, 3, 6))
    cutoff = datetime(2025, 3, 7)
    warehouse = Warehouse(house.home.root / "warehouse.duckdb", contracts=house.contracts)
    run = Run(cutoff.date(), cutoff, 1, house.home, Settings(), house.contracts, parameters.load(cutoff.date()))
    for _ in range(2):
        with warehouse.transaction():
            ingest(run, warehouse, house.ledger)
        assert warehouse.count("raw.insurance_month") == 1
    warehouse.close()
    reopened = Warehouse(house.home.root / "warehouse.duckdb", contracts=house.contracts)
    assert reopened.count("raw.insurance_month") == 1
    reopened.close()
