"""What the counts of delivered batches mean: tolerated, a hint, or closing the gate; and until when.

A batch stops mattering once later deliveries speak of all its periods, or once it is withdrawn. Rows that broke a rule
lie in quarantine, so a small share of them is tolerated; a count that differs from quarantine's never is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from pipelines.checks import Check, Severity
from pipelines.contracts import Feed
from pipelines.run import Run
from pipelines.stages.gate.batches import Batch, Counts, Judged
from pipelines.stages.gate.finding import Finding
from pipelines.warehouse import Warehouse

NAMED_CHECKS = 3
MESSAGE_CHARACTERS = 120


@dataclass(frozen=True)
class Landed:
    """What landing counted of one batch: rows judged, rows in quarantine, and bad rows per check."""

    row_count: int
    quarantined_count: int
    bad: Mapping[str, int]


def landed_counts(warehouse: Warehouse) -> dict[tuple[str, str], Landed]:
    """Feed and batch → landing's own counts."""
    bad: dict[tuple[str, str], dict[str, int]] = {}
    for feed, batch, check_id, count in warehouse.rows(
        "SELECT DISTINCT feed, batch, check_id, bad_row_count FROM ingest.check_count"
    ):
        bad.setdefault((feed, batch), {})[check_id] = count
    sizes = warehouse.rows("SELECT DISTINCT feed, batch, landed_count, quarantined_count FROM ingest.delivery")
    return {(f, b): Landed(landed + held, held, bad.get((f, b), {})) for f, b, landed, held in sizes}


def superseded(batches: Sequence[Batch], feed: Feed, run: Run) -> set[str]:
    """Batches whose periods later deliveries all speak of; without periods, those that any later delivery follows."""
    has_period = run.contracts.feed_period(feed) is not None
    later: set[date] = set()
    gone: set[str] = set()
    for place, item in enumerate(reversed(batches)):
        if place and (item.months <= later if has_period and item.months else True):
            gone.add(item.batch)
        later |= item.months
    return gone


def findings(
    feed: Feed, batches: Sequence[Batch], judged: Judged, *, run: Run, landed: Mapping[tuple[str, str], Landed]
) -> list[Finding]:
    """Lines of ``gate.result`` about the batches of ``feed``: per check, per failing batch, and how all agree."""
    if not batches:
        return []
    gone = superseded(batches, feed, run)
    since = run.cutoff - timedelta(days=run.parameters["gate_recent_days"])
    recent = [item for item in batches if since <= item.received_at < run.cutoff]
    older = [item for item in batches if item not in recent]
    standing = [item for item in batches if item.batch not in gone]
    found = _raised(feed, judged)
    found += [_per_check(feed, check, recent, judged, gone=gone, run=run) for check in judged.suite if recent]
    if older:
        found.append(_older(feed, older, judged))
    for item in standing:
        found += _failing(item, judged, run)
    found += _agreement(feed, standing, judged, run=run, landed=landed)
    return found


def _weight(feed: Feed) -> Severity:
    return "fail" if feed.required else "warn"


def _raised(feed: Feed, judged: Judged) -> list[Finding]:
    """Tell the checks that raised: they judged nothing, which for a required feed is as good as broken."""
    sentences = {check.id: check.sentence for check in judged.suite}
    return [
        Finding(
            subject=feed.label,
            check_id=f"exception:{check_id}",
            check_sentence=f"检查“{sentences[check_id]}”应能执行",
            severity=_weight(feed),
            passed=False,
            row_count=0,
            bad_row_count=0,
            observed_text=f"检查本身出错：{message[:MESSAGE_CHARACTERS]}",
            reason=f"{feed.label}：检查“{sentences[check_id]}”本身出错，未能得出结论，请系统运维人员查看质量检查结果",
        )
        for check_id, message in sorted(judged.exceptions.items())
    ]


def _tolerance(severity: Severity, run: Run) -> float:
    return float(run.parameters["batch_bad_row_pct" if severity == "fail" else "batch_warn_row_pct"])


def _beyond(bad: int, rows: int, tolerance: float) -> bool:
    return bad * 100 > tolerance * rows


def _per_check(
    feed: Feed, check: Check, recent: Sequence[Batch], judged: Judged, *, gone: set[str], run: Run
) -> Finding:
    """One check summed over the batches received of late; failed where one still standing is beyond tolerance."""
    tolerance = _tolerance(check.severity, run)
    pairs = [(item, judged.counts[item.batch]) for item in recent]
    rows = sum(counts.row_count for _, counts in pairs)
    bad = sum(counts.bad.get(check.id, 0) for _, counts in pairs)
    beyond = [
        item
        for item, counts in pairs
        if item.batch not in gone and _beyond(counts.bad.get(check.id, 0), counts.row_count, tolerance)
    ]
    return Finding(
        subject=feed.label,
        check_id=check.id,
        check_sentence=check.sentence,
        severity=check.severity if feed.required else "warn",
        passed=not beyond,
        row_count=rows,
        bad_row_count=bad,
        observed_text=f"近期{len(recent)}个文件{rows}行中{bad}行不合格" if bad else f"近期{len(recent)}个文件均合格",
    )


def _older(feed: Feed, older: Sequence[Batch], judged: Judged) -> Finding:
    counts = [judged.counts[item.batch] for item in older]
    rows, held = sum(c.row_count for c in counts), sum(c.quarantined_count for c in counts)
    return Finding(
        subject=feed.label,
        check_id="older_batches",
        check_sentence="更早收到或成批补录的文件，超出容许的另列",
        severity="warn",
        passed=True,
        row_count=rows,
        bad_row_count=held,
        observed_text=f"{len(older)}个文件{rows}行中{held}行被隔离",
    )


def _failing(item: Batch, judged: Judged, run: Run) -> list[Finding]:
    """At most one finding per severity about a batch beyond tolerance, naming the checks most often broken."""
    counts = judged.counts[item.batch]
    worst = max([counts.bad.get(c.id, 0) for c in judged.suite if c.severity == "warn"], default=0)
    found = []
    if _beyond(counts.quarantined_count, counts.row_count, _tolerance("fail", run)):
        action = f"请{item.feed.owner}重新报送，或由负责人执行 wengang withdraw {item.batch} 撤回该批次"
        found.append(_about(item, judged, counts.quarantined_count, severity="fail", action=action, run=run))
    if _beyond(worst, counts.row_count, _tolerance("warn", run)):
        action = f"请{item.feed.owner}核对"
        found.append(_about(item, judged, worst, severity="warn", action=action, run=run))
    return found


def _about(item: Batch, judged: Judged, bad: int, *, severity: Severity, action: str, run: Run) -> Finding:
    counts = judged.counts[item.batch]
    broken = [(counts.bad.get(check.id, 0), check) for check in judged.suite if check.severity == severity]
    named = sorted((pair for pair in broken if pair[0]), key=lambda pair: (-pair[0], pair[1].id))[:NAMED_CHECKS]
    most = "、".join(f"“{check.sentence}”{count}行" for count, check in named)
    pct = f"{bad * 100 / counts.row_count:.1f}%"
    kind = "被隔离" if severity == "fail" else "不符合提示性规则"
    observed = f"{counts.row_count}行中{bad}行（{pct}）{kind}，其中{most}"
    return Finding(
        subject=item.name,
        check_id=f"batch_{severity}",
        check_sentence=f"文件中{kind}的行不应超过{_tolerance(severity, run):g}%",
        severity=severity if item.feed.required else "warn",
        passed=False,
        row_count=counts.row_count,
        bad_row_count=bad,
        observed_text=observed,
        reason=f"{item.name}{observed}，{action}",
    )


def _agreement(
    feed: Feed, standing: Sequence[Batch], judged: Judged, *, run: Run, landed: Mapping[tuple[str, str], Landed]
) -> list[Finding]:
    """Batches whose counts differ from landing's, else one line that all agree."""
    contract = run.contracts.feed_digest(feed)
    found = []
    for item in standing:
        said, counts = landed[feed.feed, item.batch], judged.counts[item.batch]
        differing = _differing(said, counts, judged)
        if differing:
            found.append(_disagreement(item, counts, differing, is_current=item.contract == contract))
    agreed = Finding(
        subject=feed.label,
        check_id="counts_agree",
        check_sentence="质量检查与落地隔离的计数应一致",
        severity="fail",
        passed=True,
        row_count=sum(judged.counts[item.batch].row_count for item in standing),
        bad_row_count=0,
        observed_text=f"{len(standing)}个文件逐项一致",
    )
    return found or [agreed]


def _differing(said: Landed, counts: Counts, judged: Judged) -> list[str]:
    """Say what differs, in words; a check that raised is told elsewhere."""
    pairs = [("总行数", counts.row_count, said.row_count)]
    if not judged.exceptions:
        pairs.append(("隔离行数", counts.quarantined_count, said.quarantined_count))
    pairs += [
        (f"“{check.sentence}”", counts.bad[check.id], said.bad.get(check.id, 0))
        for check in judged.suite
        if check.id in counts.bad
    ]
    return [f"{name}检查得{ours}行、落地记{theirs}行" for name, ours, theirs in pairs if ours != theirs]


def _disagreement(item: Batch, counts: Counts, differing: Sequence[str], *, is_current: bool) -> Finding:
    observed = "、".join(differing[:NAMED_CHECKS])
    cause = "质量检查与落地隔离的计数不一致" if is_current else "按旧版数据源合同落地，按现行合同检查计数不同"
    action = f"请系统运维人员核对，或由负责人执行 wengang withdraw {item.batch} 撤回该批次"
    return Finding(
        subject=item.name,
        check_id="counts_agree",
        check_sentence="质量检查与落地隔离的计数应一致",
        severity="fail" if is_current else "warn",
        passed=False,
        row_count=counts.row_count,
        bad_row_count=counts.quarantined_count,
        observed_text=f"{cause}：{observed}",
        reason=f"{item.name}{cause}，{observed}，{action}",
    )
