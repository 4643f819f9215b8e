"""A hand-made city for the tests of edition and publish: core, features, risk and gate tables from short rows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

import polars as pl

from pipelines import contracts as contract_files
from pipelines import parameters as parameter_files
from pipelines.ledger import EditionRecord, Ledger
from pipelines.run import Receipt, Run, add_months, end_of
from pipelines.settings import County, Home, Settings
from pipelines.stages import edition
from pipelines.warehouse import Warehouse

Change = Callable[[Run], Run]
OCTOBER, NOVEMBER, DECEMBER = date(2026, 10, 1), date(2026, 11, 1), date(2026, 12, 1)
COUNTIES = {"320706": County(name="海州区", capacity=2), "320707": County(name="赣榆区", capacity=2)}


@dataclass
class Firm:
    """One enterprise as a test writes it: head counts of the reference month and the month before, and what differs."""

    code: str
    insured: int | None
    before: int | None = None
    county: str | None = "320706"
    points: int = 0
    dimensions: int = 0
    probability: float | None = None
    expected_loss: float | None = None
    core: Mapping[str, Any] = field(default_factory=dict)
    features: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class City:
    """A home with a ledger; ``night`` fills the tables and issues an edition of them."""

    home: Home
    settings: Settings
    ledger: Ledger
    warehouse: Warehouse
    counts: dict[tuple[str, date], int | None] = field(default_factory=dict)
    model_id: str = "gbm-1"

    def run(self, as_of: date) -> Run:
        return Run(
            as_of=as_of,
            cutoff=end_of(as_of),
            through=self.ledger.last_seq(),
            home=self.home,
            settings=self.settings,
            contracts=self.warehouse.contracts,
            parameters=parameter_files.load(as_of),
        )

    def fill(self, month: date, firms: list[Firm], *, batch: str = "b1") -> None:
        """Store every table that the edition reads; head counts of earlier fills stay known unless said otherwise."""
        numbers = {firm.code: no for no, firm in enumerate(sorted(firms, key=lambda f: f.code))}
        self.give("core.enterprise", [_enterprise(firm, numbers[firm.code]) for firm in firms])
        for firm in firms:
            self.counts[firm.code, month] = firm.insured
            self.counts[firm.code, add_months(month, -1)] = firm.before
        counts = {key: persons for key, persons in self.counts.items() if persons and key[0] in numbers}
        self.give(
            "core.enterprise_month",
            [{"enterprise_no": numbers[c], "month": m, "insured_persons": n} for (c, m), n in counts.items()],
        )
        months = sorted({m for _, m in counts} | {month})
        self.give("core.month_status", [{"month": m, "is_complete_month": True} for m in months])
        self.give("core.unknown_month", [])
        self.give("core.source_status", [{"feed": "insurance_month", "feed_label": "参保", "source_state": "正常"}])
        self.give("features.enterprise", [_features(firm, numbers[firm.code], month) for firm in firms])
        self.give(
            "risk.score",
            [
                {
                    "enterprise_no": numbers[f.code],
                    "model_id": "rule-1" if f.probability is None else self.model_id,
                    "points": f.points,
                    "dimension_count": f.dimensions,
                    "rank_city": 1,
                    "probability": f.probability,
                    "expected_loss_persons": f.expected_loss,
                    "log_odds": None if f.probability is None else 0.0,
                }
                for f in firms
            ],
        )
        label = "未来3个月减少20%及以上" if any(f.probability is not None for f in firms) else None
        self.give("risk.model", [{"model_id": "rule-1" if label is None else self.model_id, "forecast_label": label}])
        self.give("risk.drift", [])
        self.give("risk.reason", [row for f in firms for row in _reasons(f, numbers[f.code])])
        self.give("gate.result", [{"subject": "core", "check_id": "c", "severity": "fail", "passed": True}])
        self.give("gate.verdict", [{"gate_verdict": "通过", "reason_text": "无"}])
        for table in (
            "ingest.refusal",
            "ingest.correction",
            "ingest.purpose",
            "ingest.identity_decision",
            "ingest.own_case",
            "ingest.order_done",
        ):
            self.give(table, [])
        for table in (
            "core.tax_month",
            "core.hire_group_month",
            "core.vacancy_month",
            "core.claim_month",
            "core.monitor_month",
            "core.jobseeker_month",
            "core.unemployment_registration",
            "core.credit_event",
            "core.policy_benefit",
            "core.follow_up",
            "core.source_period",
            "core.name_link",
            "gate.feed_quality",
            "gate.department_quality",
            "gate.feed_drift",
            "outlook.area",
            "outlook.area_order",
            "outlook.target",
            "outlook.series_revision",
            "outlook.series_balance",
            "outlook.absorption",
            "outlook.policy_reserve",
            "outlook.caseload",
            "outlook.fair",
        ):
            self.give(table, [])
        self.give(
            "ingest.delivery",
            [
                {
                    "delivery_no": 1,
                    "feed": "insurance_month",
                    "batch": batch,
                    "dated_by": "arrival",
                    "received_at": datetime.fromisoformat("2026-11-06T09:00"),
                }
            ],
        )

    def give(self, table: str, rows: list[dict[str, Any]]) -> None:
        schema = self.warehouse.contracts.polars_schema(table)
        self.warehouse.store(table, pl.DataFrame(rows, schema=schema, orient="row"))

    def night(
        self,
        as_of: date,
        month: date,
        firms: list[Firm],
        *,
        batch: str = "b1",
        change: Change = lambda run: run,
        record: bool = True,
    ) -> tuple[edition.Decision, Receipt]:
        """Decide on, write and record one edition."""
        self.fill(month, firms, batch=batch)
        run = change(self.run(as_of))
        decision = edition.decide(run, self.warehouse, self.ledger)
        receipt = edition.run(decision.run, self.warehouse, self.ledger, decision=decision)
        if record:
            self.record(decision)
        return decision, receipt

    def record(self, decision: edition.Decision, *, status: Literal["issued", "held"] = "issued") -> None:
        """Put the night on record as the nightly job does."""
        run = decision.run
        assert run.revision is not None
        record = EditionRecord(
            as_of=run.as_of,
            revision=run.revision,
            cutoff=run.cutoff,
            through=run.through,
            digest=decision.digest,
            status=status,
            previous=decision.previous.edition_id if decision.previous else "",
            code=edition.code_digest(),
            parameters=run.parameters.digest,
            feeds="china",
        )
        self.ledger.record_edition(record, at=run.cutoff)

    def rows(self, table: str, key: str = "enterprise_id") -> dict[str, dict[str, Any]]:
        """Rows of ``table`` by ``key``."""
        return {row[key]: row for row in self.warehouse.frame(f"SELECT * FROM {table}").to_dicts()}


def make(folder: Path) -> City:
    """A city without enterprises in ``folder``."""
    home = Home(folder)
    for place in home.folders():
        place.mkdir(parents=True, exist_ok=True)
    warehouse = Warehouse(home.warehouse, contracts=contract_files.load())
    return City(home, Settings(counties=COUNTIES, default_capacity=1), Ledger(home.ledger), warehouse)


def with_parameter(name: str, value: Any) -> Callable[[Run], Run]:
    """A change to a run: parameter ``name`` has ``value``."""

    def change(run: Run) -> Run:
        parameter = run.parameters.known[name]
        dated = parameter.values[0].model_copy(update={"value": value})
        known = {**run.parameters.known, name: parameter.model_copy(update={"values": (dated,)})}
        return replace(run, parameters=replace(run.parameters, known=known))

    return change


def _enterprise(firm: Firm, number: int) -> dict[str, Any]:
    return {
        "enterprise_no": number,
        "enterprise_id": firm.code,
        "enterprise_name": f"模拟企业{firm.code}",
        "enterprise_status": "存续",
        "industry_division": "17",
        "industry_name": "纺织业",
        "county_code": firm.county,
        "street_name": "模拟街道",
        "size_class": "中型",
        "is_registered": True,
        "is_labour_agency": False,
        **firm.core,
    }


def _features(firm: Firm, number: int, month: date) -> dict[str, Any]:
    known = firm.insured is not None and firm.before is not None
    change = firm.insured - firm.before if known else None
    return {
        "enterprise_no": number,
        "reference_month": month,
        "insured_persons": firm.insured,
        "previous_insured_persons": firm.before,
        "last_insured_persons": firm.insured or firm.before,
        "insured_change_1m_persons": change,
        "insured_change_1m_ratio": change / firm.before if known and firm.before else None,
        "net_loss_persons": max(0, -change) if known else None,
        "absent_months": 0,
        "is_us_exporter": False,
        "completeness_text": "有：参保；缺：海关",
        **firm.features,
    }


def _reasons(firm: Firm, number: int) -> list[dict[str, Any]]:
    if not firm.dimensions:
        return []
    told = [("EXP01", "外贸", "对美出口占比45%"), ("EXP04", "外贸", "出口集中"), ("PAY01", "资金", "欠费2个月。")]
    rows = [
        {
            "enterprise_no": number,
            "reason_rank": rank,
            "reason_code": code,
            "reason_name": code,
            "dimension": dimension,
            "reason_points": 10,
            "is_mitigating": False,
            "reason_sentence": sentence,
        }
        for rank, (code, dimension, sentence) in enumerate(told, 1)
    ]
    mild = {"reason_rank": 4, "reason_code": "CON01", "is_mitigating": True, "reason_sentence": "已获稳岗支持"}
    return [*rows, rows[0] | mild]
