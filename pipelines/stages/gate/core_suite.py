"""The suite of the core: what ``sql/checks/core.yml`` bounds, measured by SQL and judged by Great Expectations.

All metrics of the month form one row, a column per check and subject, so one run of the suite judges them all. This
module holds no bound and no sentence of its own.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl
import yaml
from pydantic import BaseModel, ConfigDict

from pipelines.checks import Check, Severity
from pipelines.contracts import SQL, Feed, read_sql
from pipelines.run import Run
from pipelines.stages.gate.expectations import Outcome, validate
from pipelines.stages.gate.finding import Finding
from pipelines.warehouse import Warehouse


class CoreCheck(BaseModel):
    """One entry of ``core.yml``: bounds (a number or a parameter) on a metric, and what to say and do."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    metric: str
    severity: Severity
    sentence: str
    action: str
    min: float | str | None = None
    max: float | str | None = None


@dataclass(frozen=True)
class Measured:
    """A metric of one subject, with the check that bounds it."""

    check_id: str
    rule: CoreCheck
    check: Check
    row: Mapping[str, Any]


def findings(run: Run, warehouse: Warehouse) -> list[Finding]:
    """Measure and judge the core as ``run`` sees it; an expectation that raises is a failed ``fail``."""
    measured = _measure(run, warehouse)
    frame = pl.DataFrame({m.check.columns[0]: [m.row["metric"]] for m in measured}).cast(pl.Float64)
    outcomes = validate([m.check for m in measured], frame)
    return [_finding(run, warehouse, m, outcome) for m, outcome in zip(measured, outcomes, strict=True)]


def rules() -> dict[str, CoreCheck]:
    """Every check of the core by its identifier."""
    body = yaml.safe_load((SQL / "checks" / "core.yml").read_text(encoding="utf-8"))
    return {name: CoreCheck.model_validate(entry) for name, entry in body.items()}


def _measure(run: Run, warehouse: Warehouse) -> list[Measured]:
    metrics: dict[str, list[dict[str, Any]]] = {}
    measured = []
    for check_id, rule in rules().items():
        if rule.metric not in metrics:
            metrics[rule.metric] = _rows(rule.metric, run, warehouse)
        low, high = _bound(rule.min, run), _bound(rule.max, run)
        words = {
            "min": _number(low),
            "max": _number(high),
            **{n: run.parameters[n] for n in _named(rule.sentence, run)},
        }
        for number, row in enumerate(metrics[rule.metric]):
            check = Check(
                kind="between",
                columns=(f"{check_id}_{number}",),
                severity=rule.severity,
                sentence=rule.sentence.format(**words),
                options={"min": low, "max": high},
            )
            measured.append(Measured(check_id, rule, check, row))
    return measured


def _rows(metric: str, run: Run, warehouse: Warehouse) -> list[dict[str, Any]]:
    """Rows of a metric query, given those parameters that it names."""
    sql = read_sql(f"checks/{metric}")
    names = set(re.findall(r"\$([a-z_]+)", sql))
    values = {name: run.cutoff if name == "cutoff" else run.parameters[name] for name in names}
    return warehouse.frame(sql, **values).to_dicts()


def _named(sentence: str, run: Run) -> list[str]:
    return [name for name in re.findall(r"\{([a-z_]+)\}", sentence) if name in run.parameters.known]


def _bound(bound: float | str | None, run: Run) -> float | None:
    return run.parameters[bound] if isinstance(bound, str) else bound


def _number(bound: float | None) -> str:
    return "" if bound is None else f"{bound:g}"


def _finding(run: Run, warehouse: Warehouse, m: Measured, outcome: Outcome) -> Finding:
    subject, observed = m.row["subject"], m.row["observed_text"]
    severity: Severity = "fail" if outcome.exception else m.rule.severity
    if outcome.exception:
        observed = f"检查本身出错：{outcome.exception[:120]}"
        action = "请系统运维人员查看日志"
    else:
        action = m.rule.action.format(**_sender(run, warehouse, m.row["source"]))
    return Finding(
        subject=subject,
        check_id=m.check_id,
        check_sentence=m.check.sentence,
        severity=severity,
        passed=outcome.passed,
        row_count=int(m.row["row_count"]),
        bad_row_count=int(m.row["bad_row_count"]),
        observed_text=observed,
        reason=f"{subject}：{m.check.sentence}，{observed}，{action}",
        topic=m.rule.metric.removesuffix("_required"),
    )


def _sender(run: Run, warehouse: Warehouse, source: str) -> dict[str, str]:
    """Who sends ``source`` (a feed or a raw table) and the batch that they sent last."""
    feeds: list[Feed] = [run.contracts.feeds[source]] if source in run.contracts.feeds else []
    feeds = feeds or run.contracts.providers(source)
    latest = warehouse.scalar(
        "SELECT arg_max(batch, delivery_no) FROM ingest.delivery WHERE list_contains($feeds, feed)",
        feeds=[feed.feed for feed in feeds],
    )
    return {"owner": "、".join(dict.fromkeys(feed.owner for feed in feeds)) or "报送部门", "batch": latest or "批次"}
