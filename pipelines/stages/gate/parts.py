"""Parts of a period that lie before one that came, and did not come themselves.

Told where the parts are numbered and no file is the whole. That a last part is missing no file says; the count of rows
of the period does, which is another check.
"""

from collections.abc import Sequence
from datetime import date, datetime

from pipelines.contracts import Feed
from pipelines.stages.gate.batches import Batch
from pipelines.stages.gate.finding import Finding

CHECK = "parts_whole"
MOST_PARTS = 99
SENTENCE = "分几部分报送的，各部分应收齐"


def missing_parts(feed: Feed, standing: Sequence[Batch], *, since: datetime, until: datetime) -> list[Finding]:
    """One hint per period of which a part came between ``since`` and ``until`` and an earlier part never did."""
    if not feed.layout.parts:
        return []
    came: dict[date, set[str]] = {}
    recent: set[date] = set()
    for item in standing:
        for month in item.months:
            came.setdefault(month, set()).add(feed.layout.part(item.file_name))
        if since <= item.received_at < until:
            recent |= item.months
    return [
        _finding(feed, month, missing, sorted(int(part) for part in parts))
        for month, parts in sorted(came.items())
        if month in recent and all(part.isdecimal() and int(part) <= MOST_PARTS for part in parts)
        for missing in [sorted({*range(1, max(int(part) for part in parts))} - {int(part) for part in parts})]
        if missing
    ]


def _finding(feed: Feed, month: date, missing: Sequence[int], came: Sequence[int]) -> Finding:
    observed = f"{month:%Y年%-m月}已收到第{_listed(came)}部分，缺第{_listed(missing)}部分"
    told = f"{feed.label}：{observed}，请{feed.owner}补报"
    return Finding(
        subject=feed.label,
        check_id=CHECK,
        check_sentence=SENTENCE,
        severity="warn",
        passed=False,
        row_count=0,
        bad_row_count=0,
        observed_text=observed,
        mail_text=f"{feed.label}：{observed}",
        key=f"{feed.feed}|{CHECK}|{month}|{_listed(missing)}",
        reason=told,
        mail_reason=told,
    )


def _listed(numbers: Sequence[int]) -> str:
    return "、".join(str(number) for number in numbers)
