"""The gate: Great Expectations over every batch in force and over the core; one verdict on the night.

It judges and writes ``gate.result``, ``gate.verdict`` and ``gate.closing``, and beside them what the quality page tells
of each feed and each department. It repairs nothing, and a closed gate raises nothing: whoever runs the night reads the
verdict.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import polars as pl

from pipelines.ledger import Ledger
from pipelines.run import Receipt, Run
from pipelines.stages.gate import batches, core_suite, delivered, drifting, edition_growth, judging, scoring
from pipelines.stages.gate.finding import Finding, Override, Verdict, verdict
from pipelines.warehouse import Warehouse

__all__ = ["judge_edition", "run"]

judge_edition = edition_growth.judge
INSURANCE = "insurance_month"


def run(run: Run, warehouse: Warehouse, ledger: Ledger) -> Receipt:
    """Judge the deliveries and the core that ``run`` sees; rows pass unchanged, the verdict says whether they may."""
    in_force = batches.in_force(run, warehouse)
    warehouse.store("gate.delivery_month", _delivery_months(in_force, run))
    found: list[Finding] = []
    rows = new = 0
    for name, items in in_force.items():
        feed = run.contracts.feeds[name]
        judged = judging.judge(feed, items, warehouse)
        found += delivered.findings(feed, items, judged, run=run)
        rows += sum(counts.row_count for counts in judged.counts.values())
        new += judged.new_batches
    _feeds(run, warehouse)
    drifting.store(run, warehouse)
    scoring.store(run, warehouse)
    found += core_suite.findings(run, warehouse)
    overrides = [
        Override(str(entry["reason"]), frozenset(entry.get("opens", ())))
        for entry in ledger.overrides(as_of=run.as_of, through=run.through)
    ]
    decided = verdict(found, overrides=overrides)
    with warehouse.transaction():
        warehouse.store("gate.result", _results(found, run))
        warehouse.store("gate.verdict", _verdict(decided))
        warehouse.store("gate.closing", _closing(decided, run))
    total = sum(len(items) for items in in_force.values())
    run.progress(f"质量检查：{decided.word}，{total}个文件（新检{new}个），{len(found)}项结果")
    notes = (f"verdict {decided.word}", f"batches: {total}, new: {new}")
    return Receipt("gate", rows_in=rows, rows_out=rows, notes=notes)


def _feeds(run: Run, warehouse: Warehouse) -> None:
    """What the checks and the points need to know of each feed: its agreement, its months, its checks of late."""
    rows = [
        {
            "feed": feed.feed,
            "feed_label": feed.label,
            "owner": feed.owner,
            "is_required": feed.required,
            "is_insurance": INSURANCE in feed.provides,
            "feed_cadence": feed.cadence,
            "lag_days": feed.lag_days,
        }
        for feed in run.contracts.feeds.values()
    ]
    warehouse.store("gate.feed", pl.DataFrame(rows, schema=run.contracts.polars_schema("gate.feed")))
    warehouse.build("gate.feed_month")
    recent = run.parameters["gate_recent_days"]
    warehouse.build("gate.feed_check", cutoff=run.cutoff, gate_recent_days=recent)


def _delivery_months(in_force: Mapping[str, Sequence[batches.Batch]], run: Run) -> pl.DataFrame:
    pairs = sorted((item.delivery_no, month) for items in in_force.values() for item in items for month in item.months)
    return pl.DataFrame(pairs, schema=run.contracts.polars_schema("gate.delivery_month"), orient="row")


def _results(found: Sequence[Finding], run: Run) -> pl.DataFrame:
    columns = run.contracts.tables["gate.result"].columns
    rows = [{name: value for name, value in asdict(finding).items() if name in columns} for finding in found]
    return pl.DataFrame(rows, schema=run.contracts.polars_schema("gate.result"))


def _verdict(decided: Verdict) -> pl.DataFrame:
    return pl.DataFrame({"gate_verdict": [decided.word], "reason_text": [decided.reason], "mail_text": [decided.mail]})


def _closing(decided: Verdict, run: Run) -> pl.DataFrame:
    return pl.DataFrame({"fault_key": list(decided.closing)}, schema=run.contracts.polars_schema("gate.closing"))
