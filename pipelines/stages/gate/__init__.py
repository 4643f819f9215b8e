"""The gate: Great Expectations over every batch in force and over the core; one verdict on the night.

It judges and writes ``gate.result`` and ``gate.verdict``. It repairs nothing, and a closed gate raises nothing: whoever
runs the night reads the verdict.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import polars as pl

from pipelines.ledger import Ledger
from pipelines.run import Receipt, Run
from pipelines.stages.gate import batches, core_suite, delivered
from pipelines.stages.gate.finding import Finding, verdict
from pipelines.warehouse import Warehouse


def run(run: Run, warehouse: Warehouse, ledger: Ledger) -> Receipt:
    """Judge the deliveries and the core that ``run`` sees; rows pass unchanged, the verdict says whether they may."""
    in_force = batches.in_force(run, warehouse)
    warehouse.store("gate.delivery_month", _delivery_months(in_force, run))
    landed = delivered.landed_counts(warehouse)
    found: list[Finding] = []
    rows = new = 0
    for name, items in in_force.items():
        feed = run.contracts.feeds[name]
        judged = batches.judge(feed, items, warehouse)
        found += delivered.findings(feed, items, judged, run=run, landed=landed)
        rows += sum(counts.row_count for counts in judged.counts.values())
        new += judged.new_batches
    found += core_suite.findings(run, warehouse)
    overrides = ledger.overrides(as_of=run.as_of, through=run.through)
    decided, reason = verdict(found, override=str(overrides[-1]["reason"]) if overrides else None)
    with warehouse.transaction():
        warehouse.store("gate.result", _results(found, run))
        warehouse.store("gate.verdict", pl.DataFrame({"gate_verdict": [decided], "reason_text": [reason]}))
    total = sum(len(items) for items in in_force.values())
    run.progress(f"质量检查：{decided}，{total}个文件（新检{new}个），{len(found)}项结果")
    return Receipt("gate", rows_in=rows, rows_out=rows, notes=(f"verdict {decided}", f"batches: {total}, new: {new}"))


def _delivery_months(in_force: Mapping[str, Sequence[batches.Batch]], run: Run) -> pl.DataFrame:
    pairs = sorted((item.delivery_no, month) for items in in_force.values() for item in items for month in item.months)
    return pl.DataFrame(pairs, schema=run.contracts.polars_schema("gate.delivery_month"), orient="row")


def _results(found: Sequence[Finding], run: Run) -> pl.DataFrame:
    columns = run.contracts.tables["gate.result"].columns
    rows = [{name: value for name, value in asdict(finding).items() if name in columns} for finding in found]
    return pl.DataFrame(rows, schema=run.contracts.polars_schema("gate.result"))
