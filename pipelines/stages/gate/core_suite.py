"""The suite of the core: what ``sql/checks/core.yml`` bounds, measured by SQL and judged by Great Expectations.

All metrics of the month form one row, a column per check and subject, so one run of the suite judges them all. This
module holds no bound of its own.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

import polars as pl
import yaml
from pydantic import BaseModel, ConfigDict, Field

from pipelines.checks import Check, Severity
from pipelines.contracts import SQL, Feed, read_sql
from pipelines.run import Run
from pipelines.stages.gate.batches import SHORT, file_in_mail
from pipelines.stages.gate.expectations import Outcome, validate
from pipelines.stages.gate.finding import Finding
from pipelines.warehouse import Warehouse

NOBODY = "未约定报送部门，如需使用请负责人商定"
NOWHERE = "000000"
UNKNOWN_FEED = "未识别"
SEE_WORKBOOK = "整份拒收，原因见反馈工作簿"


class CoreCheck(BaseModel):
    """One entry of ``core.yml``: bounds (a number or a parameter) on a metric, and what to say and do.

    ``given`` are values that the metric's query takes by name besides parameters.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    metric: str
    severity: Severity
    sentence: str
    action: str
    min: float | str | None = None
    max: float | str | None = None
    given: Mapping[str, bool] = Field(default_factory=dict)


@dataclass(frozen=True)
class Measured:
    """A metric of one subject, with the check that bounds it and the subject's place among those of the check."""

    check_id: str
    rule: CoreCheck
    check: Check
    row: Mapping[str, Any]
    place: int


def findings(run: Run, warehouse: Warehouse) -> list[Finding]:
    """Measure and judge the core as ``run`` sees it; an expectation that raises is a failed ``fail``."""
    measured = _measure(run, warehouse)
    outcomes = _judged(measured)
    told = [m for m in measured if not outcomes[m.check_id].exception or not m.place]
    return [_finding(run, warehouse, m, outcomes[m.check_id]) for m in told]


def _judged(measured: Sequence[Measured]) -> dict[str, Outcome]:
    """One expectation per check over the metrics of all its subjects: an expectation costs the same for one or many."""
    checks = {m.check_id: m.check for m in measured}
    metrics = {name: [m.row["metric"] for m in measured if m.check_id == name] for name in checks}
    longest = max(map(len, metrics.values()), default=0)
    padded = {name: [*values, *[None] * (longest - len(values))] for name, values in metrics.items()}
    frame = pl.DataFrame(padded, schema=dict.fromkeys(padded, pl.Float64), strict=False)
    return dict(zip(checks, validate(list(checks.values()), frame), strict=True))


@cache
def rules() -> Mapping[str, CoreCheck]:
    """Every check of the core by its identifier."""
    body = yaml.safe_load((SQL / "checks" / "core.yml").read_text(encoding="utf-8"))
    return {name: CoreCheck.model_validate(entry) for name, entry in body.items()}


def _measure(run: Run, warehouse: Warehouse) -> list[Measured]:
    metrics: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    measured = []
    for check_id, rule in rules().items():
        query = (rule.metric, *sorted(rule.given.items()))
        if query not in metrics:
            metrics[query] = _rows(rule, run, warehouse)
        low, high = _bound(rule.min, run), _bound(rule.max, run)
        words = {
            "min": _number(low),
            "max": _number(high),
            **{n: run.parameters[n] for n in _named(rule.sentence, run)},
        }
        for place, row in enumerate(metrics[query]):
            check = Check(
                kind="between",
                columns=(check_id,),
                severity=rule.severity,
                sentence=rule.sentence.format(**words),
                options={"min": low, "max": high},
            )
            measured.append(Measured(check_id, rule, check, row, place))
    return measured


def _rows(rule: CoreCheck, run: Run, warehouse: Warehouse) -> list[dict[str, Any]]:
    """Rows of a metric query, given what the rule gives and those parameters that it names."""
    sql = read_sql(f"checks/{rule.metric}")
    names = set(re.findall(r"\$([a-z_]+)", sql)) - set(rule.given)
    values = {name: run.cutoff if name == "cutoff" else run.parameters[name] for name in names}
    return warehouse.frame(sql, **values, **rule.given).to_dicts()


def _named(sentence: str, run: Run) -> list[str]:
    return [name for name in re.findall(r"\{([a-z_]+)\}", sentence) if name in run.parameters.known]


def _bound(bound: float | str | None, run: Run) -> float | None:
    return run.parameters[bound] if isinstance(bound, str) else bound


def _number(bound: float | None) -> str:
    return "" if bound is None else f"{bound:g}"


def _finding(run: Run, warehouse: Warehouse, m: Measured, outcome: Outcome) -> Finding:
    """The line about one subject; a metric of a county or of a file is named by what its row says of it."""
    subject, observed = m.row["subject"], m.row["observed_text"]
    severity: Severity = "fail" if outcome.exception else m.rule.severity
    mail_subject, mail_observed = m.row.get("mail_subject") or subject, observed
    if code := m.row.get("county_code"):
        subject = mail_subject = f"{run.settings.county_name('' if code == NOWHERE else code)}{subject}"
    if batch := m.row.get("batch"):
        label = run.contracts.feeds[m.row["source"]].label if m.row["source"] in run.contracts.feeds else UNKNOWN_FEED
        mail_subject, mail_observed = file_in_mail(label, batch, m.row["received_at"]), SEE_WORKBOOK
    action, mail_action = _actions(run, warehouse, m)
    if outcome.exception:
        observed, mail_observed = f"检查本身出错：{outcome.exception[:120]}", "检查本身出错"
        action = mail_action = "请系统运维人员查看日志"
    return Finding(
        subject=subject,
        check_id=m.check_id,
        check_sentence=m.check.sentence,
        severity=severity,
        passed=outcome.exception is None and m.place not in outcome.bad_rows,
        row_count=int(m.row["row_count"]),
        bad_row_count=int(m.row["bad_row_count"]),
        observed_text=observed,
        mail_text=f"{mail_subject}：{m.check.sentence}（{mail_observed}）",
        key="|".join((m.check_id, subject, str(m.row["metric"]), observed)),
        reason=f"{subject}：{m.check.sentence}，{observed}，{action}",
        mail_reason=f"{mail_subject}：{m.check.sentence}，{mail_observed}，{mail_action}",
        topic=m.check_id.removesuffix("_fail").removesuffix("_warn"),
    )


def _actions(run: Run, warehouse: Warehouse, m: Measured) -> tuple[str, str]:
    """What to do, naming the sender and the latest batch about the judged month, in full and as a mail says it."""
    source, words = m.row["source"], m.rule.action
    feeds: list[Feed] = [run.contracts.feeds[source]] if source in run.contracts.feeds else []
    feeds = feeds or run.contracts.providers(source)
    owners = "、".join(dict.fromkeys(feed.owner for feed in feeds if feed.owner))
    if source and not owners and "{owner}" in words:
        return NOBODY, NOBODY
    batch = _latest_batch(warehouse, feeds, m.row.get("month")) or "批次"
    owner = owners or "报送部门"
    return words.format(owner=owner, batch=batch), words.format(owner=owner, batch=batch[:SHORT])


def _latest_batch(warehouse: Warehouse, feeds: Sequence[Feed], month: date | None) -> str | None:
    """The batch of ``feeds`` that came last, of those with good rows of ``month`` where a metric judges one."""
    found: str | None = warehouse.scalar(
        "SELECT arg_max(d.batch, (d.received_at, d.delivery_no)) FROM ingest.delivery AS d "
        "WHERE list_contains($feeds, d.feed) AND ($month::DATE IS NULL OR d.delivery_no IN ("
        "SELECT delivery_no FROM ingest.delivery_period "
        "WHERE row_count > 0 AND date_trunc('month', period_on) = $month::DATE))",
        feeds=[feed.feed for feed in feeds],
        month=month,
    )
    return found
