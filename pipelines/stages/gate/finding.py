"""A finding: one line of ``gate.result``, and the sentence that it adds to the verdict where it did not pass."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.checks import Severity

SEPARATOR = "；"
CLOSED, OVERRIDDEN, HINTED, PASSED = "关闭", "人工放行", "通过（有提示）", "通过"


@dataclass(frozen=True)
class Finding:
    """One check of one subject. ``reason`` is empty where another finding already tells the officer.

    ``topic`` names what a pair of severities looks at: of a failed ``fail`` and a failed ``warn`` only the first is
    told.
    """

    subject: str
    check_id: str
    check_sentence: str
    severity: Severity
    passed: bool
    row_count: int
    bad_row_count: int
    observed_text: str
    reason: str = ""
    topic: str = ""


def verdict(findings: Sequence[Finding], *, override: str | None) -> tuple[str, str]:
    """Verdict and its reasons: what closes the gate where it is closed, else the override and every hint."""
    broken = [finding for finding in findings if not finding.passed]
    closing = [finding for finding in broken if finding.severity == "fail"]
    told = {(finding.subject, finding.topic) for finding in closing}
    hints = [f for f in broken if f.severity == "warn" and (not f.topic or (f.subject, f.topic) not in told)]
    if closing and override is None:
        return CLOSED, _joined(closing)
    if closing:
        return OVERRIDDEN, SEPARATOR.join([f"人工放行：{_clean(str(override))}", _joined([*closing, *hints])])
    if hints:
        return HINTED, _joined(hints)
    return PASSED, ""


def _joined(findings: Sequence[Finding]) -> str:
    """Reasons in order, each once; a failed finding without one speaks for itself only if none has any."""
    told = [_clean(finding.reason) for finding in findings if finding.reason]
    return SEPARATOR.join(dict.fromkeys(told or [_clean(f"{f.subject}：{f.check_sentence}") for f in findings]))


def _clean(text: str) -> str:
    """One line without our separator."""
    return " ".join(text.split()).replace(SEPARATOR, "，")
