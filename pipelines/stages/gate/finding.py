"""A finding: one line of ``gate.result``, and the sentence that it adds to the verdict where it did not pass.

Every finding is told twice: in full for the pages inside the bureau, and for mails without any delivered value or file
name. What a person let through is known by the finding's ``key``.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipelines.checks import Severity

SEPARATOR = "；"
CLOSED, OVERRIDDEN, HINTED, PASSED = "关闭", "人工放行", "通过（有提示）", "通过"
LET_THROUGH = "已放行"


@dataclass(frozen=True)
class Finding:
    """One check of one subject. ``reason`` is empty where another finding already tells the officer.

    ``mail_text`` and ``mail_reason`` say the same as the line and the reason, without values and file names. ``key``
    tells this fault from every other one: the check, and the batches or the figures that broke it. ``topic`` names what
    a pair of severities looks at: of a failed ``fail`` and a failed ``warn`` only the first is told.
    """

    subject: str
    check_id: str
    check_sentence: str
    severity: Severity
    passed: bool
    row_count: int
    bad_row_count: int
    observed_text: str
    mail_text: str
    key: str = ""
    reason: str = ""
    mail_reason: str = ""
    topic: str = ""

    @property
    def closes(self) -> bool:
        """Whether this alone closes the gate."""
        return self.severity == "fail" and not self.passed


@dataclass(frozen=True)
class Override:
    """A person's decision to let faults through: why, and the keys of those that had closed the gate."""

    reason: str
    opens: frozenset[str]


@dataclass(frozen=True)
class Verdict:
    """What the gate says: the verdict, its reasons in full and for mails, and the keys of what closes it."""

    word: str
    reason: str
    mail: str
    closing: tuple[str, ...] = ()


def verdict(findings: Sequence[Finding], *, overrides: Sequence[Override] = ()) -> Verdict:
    """What still closes the gate where anything does, else what a person let through, and every hint."""
    broken = [finding for finding in findings if not finding.passed]
    faults = [finding for finding in broken if finding.closes]
    opened = {key for override in overrides for key in override.opens}
    closing = [fault for fault in faults if fault.key not in opened]
    if closing:
        return Verdict(CLOSED, *_told(closing), tuple(dict.fromkeys(fault.key for fault in closing)))
    told = {(finding.subject, finding.topic) for finding in faults}
    hints = [f for f in broken if f.severity == "warn" and (not f.topic or (f.subject, f.topic) not in told)]
    if faults:
        keys = {fault.key for fault in faults}
        why = [f"{OVERRIDDEN}：{_clean(o.reason)}" for o in overrides if o.opens & keys]
        full, mail = _told(faults, before=f"{LET_THROUGH}：")
        more, mail_more = _told(hints)
        return Verdict(OVERRIDDEN, _joined([*why, full, more]), _joined([f"{OVERRIDDEN}，理由见名单", mail, mail_more]))
    return Verdict(HINTED, *_told(hints)) if hints else Verdict(PASSED, "", "")


def _told(findings: Sequence[Finding], *, before: str = "") -> tuple[str, str]:
    """Reasons in order, each once, in full and for mails; lines speak for themselves only if none has a reason."""
    telling = [finding for finding in findings if finding.reason] or findings
    full = dict.fromkeys(before + _clean(f.reason or f"{f.subject}：{f.check_sentence}") for f in telling)
    mail = dict.fromkeys(before + _clean(f.mail_reason or f.mail_text) for f in telling)
    return _joined(full), _joined(mail)


def _joined(parts: Iterable[str]) -> str:
    return SEPARATOR.join(part for part in parts if part)


def _clean(text: str) -> str:
    """One line without our separator."""
    return " ".join(text.split()).replace(SEPARATOR, "，")
