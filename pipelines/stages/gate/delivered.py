"""What the counts of delivered batches mean: tolerated, a hint, or closing the gate; and until when.

A batch stops mattering once later deliveries speak of all its periods, or once it is withdrawn; a part of a period does
once the same part came again, or the whole. Rows that broke a rule
lie in quarantine, so a small share of them is tolerated, and so are a few rows of a short file unless they are all it
has; a count that differs from quarantine's never is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from pipelines.checks import Check, Severity
from pipelines.contracts import Feed
from pipelines.run import Run
from pipelines.stages.gate.batches import SHORT, Batch, Counts
from pipelines.stages.gate.finding import Finding
from pipelines.stages.gate.judging import Judged
from pipelines.stages.gate.parts import missing_parts

NAMED_CHECKS = 3
MESSAGE_CHARACTERS = 120


@dataclass(frozen=True)
class Tolerance:
    """How many bad rows a file may have: any share below ``least_rows`` unless all are bad, then ``share_pct`` %."""

    share_pct: float
    least_rows: int

    def is_exceeded(self, bad: int, rows: int) -> bool:
        """Whether ``bad`` of ``rows`` rows are more than tolerated."""
        return bad * 100 > self.share_pct * rows and (bad >= self.least_rows or bad == rows)


def superseded(batches: Sequence[Batch], feed: Feed, run: Run) -> set[str]:
    """Batches whose periods later deliveries all speak of; without periods, those that any later delivery follows."""
    has_period = run.contracts.feed_period(feed) is not None
    later: set[tuple[date, str]] = set()
    gone: set[str] = set()
    for place, item in enumerate(reversed(batches)):
        part = feed.layout.part(item.file_name)
        is_told = all((month, "") in later or (month, part) in later for month in item.months)
        if place and (is_told if has_period and item.months else True):
            gone.add(item.batch)
        later |= {(month, part) for month in item.months}
    return gone


def findings(feed: Feed, batches: Sequence[Batch], judged: Judged, *, run: Run) -> list[Finding]:
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
    found += missing_parts(feed, standing, since=since, until=run.cutoff)
    found += _agreement(feed, standing, judged, run=run)
    return found


def _weight(feed: Feed) -> Severity:
    return "fail" if feed.required else "warn"


def _raised(feed: Feed, judged: Judged) -> list[Finding]:
    """Tell the checks that raised: they judged nothing, which for a required feed is as good as broken."""
    sentences = {check.id: check.sentence for check in judged.suite}
    found = []
    for check_id, message in sorted(judged.exceptions.items()):
        told = f"{feed.label}：检查“{sentences[check_id]}”本身出错，未能得出结论"
        reason = f"{told}，请系统运维人员查看质量检查结果"
        found.append(
            Finding(
                subject=feed.label,
                check_id=f"exception:{check_id}",
                check_sentence=f"检查“{sentences[check_id]}”应能执行",
                severity=_weight(feed),
                passed=False,
                row_count=0,
                bad_row_count=0,
                observed_text=f"检查本身出错：{message[:MESSAGE_CHARACTERS]}",
                mail_text=told,
                key=_key(feed, f"exception:{check_id}", judged.unjudged),
                reason=reason,
                mail_reason=reason,
            )
        )
    return found


def _key(feed: Feed, check_id: str, batches: Iterable[str]) -> str:
    return "|".join((feed.feed, check_id, *sorted(batches)))


def _tolerance(severity: Severity, run: Run) -> Tolerance:
    share = run.parameters["batch_bad_row_pct" if severity == "fail" else "batch_warn_row_pct"]
    return Tolerance(float(share), run.parameters["batch_bad_row_least"])


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
        if item.batch not in gone and tolerance.is_exceeded(counts.bad.get(check.id, 0), counts.row_count)
    ]
    observed = f"近期{len(recent)}个文件{rows}行中{bad}行不合格" if bad else f"近期{len(recent)}个文件均合格"
    return Finding(
        subject=feed.label,
        check_id=check.id,
        check_sentence=check.sentence,
        severity=check.severity if feed.required else "warn",
        passed=not beyond,
        row_count=rows,
        bad_row_count=bad,
        observed_text=observed,
        mail_text=f"{feed.label}：{check.sentence}（{observed}）",
        key=_key(feed, check.id, (item.batch for item in beyond)),
    )


def _older(feed: Feed, older: Sequence[Batch], judged: Judged) -> Finding:
    counts = [judged.counts[item.batch] for item in older]
    rows, held = sum(c.row_count for c in counts), sum(c.quarantined_count for c in counts)
    observed = f"{len(older)}个文件{rows}行中{held}行被隔离"
    return Finding(
        subject=feed.label,
        check_id="older_batches",
        check_sentence="更早收到或成批补录的文件，超出容许的另列",
        severity="warn",
        passed=True,
        row_count=rows,
        bad_row_count=held,
        observed_text=observed,
        mail_text=f"{feed.label}：{observed}",
    )


def _failing(item: Batch, judged: Judged, run: Run) -> list[Finding]:
    """At most one finding per severity about a batch beyond tolerance, naming the checks most often broken."""
    counts = judged.counts[item.batch]
    worst = max([counts.bad.get(c.id, 0) for c in judged.suite if c.severity == "warn"], default=0)
    found = []
    if _tolerance("fail", run).is_exceeded(counts.quarantined_count, counts.row_count):
        action = f"请{item.feed.owner}重新报送，或由负责人决定撤回批次{item.batch}"
        found.append(_about(item, judged, counts.quarantined_count, severity="fail", action=action, run=run))
    if _tolerance("warn", run).is_exceeded(worst, counts.row_count):
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
    allowed = _tolerance(severity, run)
    observed = f"{counts.row_count}行中{bad}行（{pct}）{kind}，其中{most}"
    return Finding(
        subject=item.name,
        check_id=f"batch_{severity}",
        check_sentence=f"文件中{kind}的行达到{allowed.least_rows}行或为全部行时，占比不应超过{allowed.share_pct:g}%",
        severity=severity if item.feed.required else "warn",
        passed=False,
        row_count=counts.row_count,
        bad_row_count=bad,
        observed_text=observed,
        mail_text=f"{item.mail_name}{observed}",
        key=_key(item.feed, f"batch_{severity}", [item.batch]),
        reason=f"{item.name}{observed}，{action}",
        mail_reason=f"{item.mail_name}{observed}，{_short(action, item)}",
    )


def _agreement(feed: Feed, standing: Sequence[Batch], judged: Judged, *, run: Run) -> list[Finding]:
    """Files whose counts differ from landing's, else one line that all agree; what was known of a file is no matter."""
    contract = run.contracts.feed_digest(feed)
    found = []
    for item in standing:
        differing = _differing(item.landed, judged.whole[item.batch], judged)
        if differing:
            found.append(_disagreement(item, judged, differing, is_current=item.contract == contract))
    observed = f"{len(standing)}个文件逐项一致"
    agreed = Finding(
        subject=feed.label,
        check_id="counts_agree",
        check_sentence="质量检查与落地隔离的计数应一致",
        severity="fail",
        passed=True,
        row_count=sum(judged.counts[item.batch].row_count for item in standing),
        bad_row_count=0,
        observed_text=observed,
        mail_text=f"{feed.label}：{observed}",
    )
    return found or [agreed]


def _differing(said: Counts, counts: Counts, judged: Judged) -> list[str]:
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


def _disagreement(item: Batch, judged: Judged, differing: Sequence[str], *, is_current: bool) -> Finding:
    counts = judged.counts[item.batch]
    observed = "、".join(differing[:NAMED_CHECKS])
    cause = "质量检查与落地隔离的计数不一致" if is_current else "按旧版数据源合同落地，按现行合同检查计数不同"
    action = f"请系统运维人员核对，或由负责人决定撤回批次{item.batch}"
    return Finding(
        subject=item.name,
        check_id="counts_agree",
        check_sentence="质量检查与落地隔离的计数应一致",
        severity="fail" if is_current else "warn",
        passed=False,
        row_count=counts.row_count,
        bad_row_count=counts.quarantined_count,
        observed_text=f"{cause}：{observed}",
        mail_text=f"{item.mail_name}{cause}：{observed}",
        key=_key(item.feed, "counts_agree", [item.batch]),
        reason=f"{item.name}{cause}，{observed}，{action}",
        mail_reason=f"{item.mail_name}{cause}，{observed}，{_short(action, item)}",
    )


def _short(action: str, item: Batch) -> str:
    return action.replace(item.batch, item.batch[:SHORT])
