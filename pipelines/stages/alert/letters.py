"""Who gets which mail: the duty officer daily, a county when it has something, other domains a bare count.

A letter is words only; how it becomes bytes and leaves the house is told elsewhere. Nothing here sends anything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pipelines import formats
from pipelines.ledger import EditionRecord
from pipelines.run import Run
from pipelines.settings import Settings
from pipelines.stages.alert.digest import BROKEN_SHOWN, CASES_SHOWN, Digest

TEMPLATES = Path(__file__).resolve().parent / "templates"
WORKBOOK = "预警名单.xlsx"
MONDAY = 0


@dataclass(frozen=True)
class Letter:
    """One mail in words: to whom, by which template, and what it says."""

    recipient: str
    template: str
    subject: str
    text: str
    fingerprint: str = ""


def edition_letters(run: Run, digest: Digest, *, owed: frozenset[str] = frozenset()) -> tuple[list[Letter], int]:
    """Letters of an edition in order of recipients, and how many county recipients have nothing to hear.

    Who is ``owed`` a list, because the last one was taken back, gets it whatever it says.
    """
    settings, letters, quiet = run.settings, {}, 0
    for recipient in settings.mail.duty:
        letters[recipient] = _city_letter(run, digest, recipient)
    for recipient, codes in county_recipients(settings).items():
        if recipient in letters:
            continue
        own = digest.of(codes, "、".join(settings.county_name(code) for code in codes))
        if own.fresh or own.is_newly_late or run.as_of.weekday() == MONDAY or recipient in owed:
            why = "更正后的名单" if recipient in owed else "周一汇总"
            letters[recipient] = _county_letter(run, own, recipient, why=why)
        else:
            quiet += 1
    return list(letters.values()), quiet


def held_letters(run: Run, *, reasons: Sequence[str], previous: str | None) -> list[Letter]:
    """The short mail of a closed gate, to the duty officers only."""
    subject = _mark(f"【就业风险预警】{run.as_of.isoformat()} 今晚无名单：质量检查未通过", run.settings.city.simulated)
    letters = []
    for recipient in dict.fromkeys(run.settings.mail.duty):
        inner = is_inner(run.settings, recipient)
        text = _render(
            "held" if inner else "held_outer",
            as_of=run.as_of,
            cutoff=run.cutoff,
            reasons=list(reasons),
            previous=previous,
            is_simulated=run.settings.city.simulated,
        )
        letters.append(Letter(recipient, "held", subject, text))
    return letters


def withdrawn_letters(
    settings: Settings,
    withdrawn: EditionRecord,
    recipients: Sequence[str],
    *,
    at: datetime,
    role: str,
    reason: str,
    in_force: EditionRecord | None,
) -> list[Letter]:
    """The correction to each of ``recipients``; other domains hear neither the desk nor the reason.

    ``in_force`` is the list to work by, which may be a later one.
    """
    title = f"{withdrawn.as_of.isoformat()} 第{withdrawn.revision}版"
    subject = _mark(f"【就业风险预警】{title}名单撤回，请停止使用", settings.city.simulated)
    back = f"{in_force.as_of.isoformat()} 第{in_force.revision}版" if in_force else ""
    is_later = in_force is not None and in_force.as_of > withdrawn.as_of
    values = {"title": title, "at": at, "role": role, "reason": reason, "back": back, "is_later": is_later}
    return [
        Letter(
            recipient,
            "withdrawn",
            subject,
            _render(
                "withdrawn" if is_inner(settings, recipient) else "withdrawn_outer",
                is_simulated=settings.city.simulated,
                **values,
            ),
        )
        for recipient in recipients
    ]


def county_recipients(settings: Settings) -> dict[str, tuple[str, ...]]:
    """Recipient → the counties whose officer it is."""
    found: dict[str, list[str]] = {}
    for code, recipients in sorted(settings.mail.county.items()):
        for recipient in recipients:
            found.setdefault(recipient, []).append(code)
    return {recipient: tuple(codes) for recipient, codes in found.items()}


def is_inner(settings: Settings, recipient: str) -> bool:
    """Whether ``recipient`` lies in one of the bureau's own domains."""
    return settings.mail.is_inner(recipient)


def _city_letter(run: Run, digest: Digest, recipient: str) -> Letter:
    if not is_inner(run.settings, recipient):
        return _outer_letter(run, digest, recipient)
    if not digest.listed:
        name, tail = "all_clear", "无预警企业"
    elif digest.is_unchanged:
        name, tail = "unchanged", f"{digest.colour_line}（与上期相同）"
    else:
        act = "——请按时限反馈" if digest.fresh else ""
        name, tail = "edition", f"{digest.colour_line}（{digest.moved}）{act}"
    return _letter(run, digest, recipient, name=name, tail=tail)


def _county_letter(run: Run, own: Digest, recipient: str, *, why: str) -> Letter:
    if not is_inner(run.settings, recipient):
        return _outer_letter(run, own, recipient)
    act = "——请按时限反馈" if own.fresh else f"（{why}）"
    if not own.listed:
        return _letter(run, own, recipient, name="county", tail=f"{own.place} 无预警企业（{why}）")
    moved = f"（{own.moved}）" if own.fresh else ""
    return _letter(run, own, recipient, name="county", tail=f"{own.place} {own.colour_line}{moved}{act}")


def _outer_letter(run: Run, digest: Digest, recipient: str) -> Letter:
    """A bare total; a small one is not told, nor any split that would let it be worked out."""
    least = run.parameters["outer_small_cell_enterprises"]
    total = len(digest.listed)
    shown = f"{total}家" if total == 0 or total >= least else f"少于{least}家"
    return _letter(run, digest, recipient, name="outer", tail=f"{digest.place}共{shown}", shown=shown)


def _letter(run: Run, digest: Digest, recipient: str, *, name: str, tail: str, shown: str = "") -> Letter:
    subject = _mark(f"【就业风险预警】{digest.title}：{tail}", digest.is_simulated)
    text = _render(
        name,
        digest=digest,
        more_cases=max(0, len(digest.fresh) - CASES_SHOWN),
        broken=digest.broken[:BROKEN_SHOWN],
        more_broken=max(0, len(digest.broken) - BROKEN_SHOWN),
        workbook=WORKBOOK,
        link=run.settings.mail.link,
        is_simulated=digest.is_simulated,
        shown=shown,
    )
    return Letter(recipient, name, subject, text, digest.fingerprint)


def _mark(subject: str, is_simulated: bool) -> str:
    return f"【{formats.SIMULATED}】{subject}" if is_simulated else subject


def mail_texts() -> Environment:
    """The templates of mails, with the formats that all of them may use."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=False,  # noqa: S701  plain text; the HTML part escapes it
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        count=formats.count, month=formats.month, instant=formats.instant, date=lambda day: day.isoformat()
    )
    return environment


def _render(name: str, **values: Any) -> str:
    shared: Mapping[str, Any] = {"confidential": formats.CONFIDENTIAL, "purpose": formats.PURPOSE}
    return mail_texts().get_template(f"{name}.txt.j2").render({**shared, **values})
